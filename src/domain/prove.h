/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this guest stopped on this host?  A pure judgement over what was seen.
 *
 * Two writers on one disk destroy it, so doubt is not "stopped": the verdict
 * is PROVE_STOPPED only when every probe was carried out whole and none found
 * anything.  What the probes see and miss: state-ledger "Running or stopped":
 * libvirt can lose a QEMU that still runs; QEMU before 2.10 takes no locks;
 * a lock of an NFS client elsewhere does not show.
 */
#ifndef NH_DOMAIN_PROVE_H
#define NH_DOMAIN_PROVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum prove_verdict {
	PROVE_UNKNOWN = 0,
	PROVE_STOPPED,
	PROVE_RUNNING,
};

/* What libvirt says. */
enum prove_domain {
	PROVE_DOMAIN_UNKNOWN = 0, /* could not be asked */
	PROVE_DOMAIN_ABSENT,
	PROVE_DOMAIN_SHUTOFF,
	PROVE_DOMAIN_ACTIVE, /* running, paused, crashed but kept, ... */
};

/* A process whose command line names the guest. */
struct prove_proc {
	pid_t pid;
	const char *comm;
	bool uuid; /* "-uuid UUID" */
	bool name; /* "guest=NAME" or "-name NAME" */
};

/* An open descriptor on one of the guest's own files (not of _base). */
struct prove_fd {
	pid_t pid;
	const char *comm;
	const char *file;
	bool writable;
};

/* A line of /proc/locks for one of the guest's own files. */
struct prove_lock {
	pid_t pid; /* -1 for OFD locks */
	const char *file;
	bool write;
	int64_t start, end; /* bytes; end is -1 for EOF */
};

struct prove_facts {
	enum prove_domain domain;
	const char *domain_text; /* "paused (user)", or NULL */
	/* was the whole of /proc read, as root, in the first PID namespace? */
	bool procs_done, fds_done, locks_done;
	const struct prove_proc *procs;
	size_t n_procs;
	const struct prove_fd *fds;
	size_t n_fds;
	const struct prove_lock *locks;
	size_t n_locks;
};

#define PROVE_REASON_MAX 256

/* REASON is "" for PROVE_STOPPED, else what was found or not looked at. */
enum prove_verdict prove_stopped(const struct prove_facts *f,
				 char reason[PROVE_REASON_MAX]);
const char *prove_verdict_name(enum prove_verdict v);

#endif
