/* SPDX-License-Identifier: Apache-2.0 */
/*
 * novahaul-inspect: what only an image parser can tell, in a process that has
 * nothing to lose.  Disks are hostile bytes.
 *
 *	supervisor (main.c)	makes a private work directory, runs itself
 *	  |			as the worker with a deadline, relays its
 *	  |			output, removes the directory
 *	worker (jail.c)		no network, own mounts, no groups, an
 *	  |			unprivileged user, no new privileges, rlimits
 *	libguestfs		qemu-img, or an appliance in qemu
 *
 * Exit codes: 0 the JSON on stdout is whole; 1 failed, the reason on stderr;
 * 2 usage; 77 nothing was looked at, stdout holds {"skipped": why}.
 */
#ifndef NH_INSPECT_INSPECT_H
#define NH_INSPECT_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include <guestfs.h>
#include <jansson.h>

#include "core/err.h"
#include "image/format.h"

#define INSPECT_DISKS_MAX 26

enum { INSPECT_OK = 0, INSPECT_FAILED, INSPECT_USAGE, INSPECT_SKIPPED = 77 };

struct inspect_disk {
	char *name; /* absolute, for messages; owned */
	char *path; /* where to open it: in the jail, a bind; owned */
	enum image_format format;
	/* With .base_dir, of a disk that has a backing image; owned: */
	char *base; /* where to open that */
	enum image_format base_format;
};

struct inspect_opts {
	enum { INSPECT_NONE, INSPECT_INFO, INSPECT_DEEP } command;
	struct inspect_disk disks[INSPECT_DISKS_MAX];
	size_t ndisks;
	bool config_drive; /* the last disk is one */
	/* Where backing images are, whatever directory headers name: absolute,
	 * in the jail a bind; owned.  NULL: where they say. */
	char *base_dir;
	bool kvm; /* else TCG: the worker has no right to /dev/kvm */
	bool no_namespaces;
	const char *user;     /* NULL: nobody, where we are root */
	const char *work_dir; /* parent of the private one */
	uint64_t max_files;   /* in one listing */
	unsigned int timeout_s;
	const char *worker; /* the private directory, in the worker */
};

/* --- jail.c: gives up all rights that the work does not need.  For good.  The
 * disks' paths become those of read-only binds in the private directory. */
int jail_enter(struct inspect_opts *o, struct err *e);
/* The worker's user; its ids are ours where we are not root. */
int jail_user(const struct inspect_opts *o, unsigned int *uid,
	      unsigned int *gid, struct err *e);

/* --- info.c, deep.c: the JSON object, or NULL.  ERR_NOTHING: skipped. */
json_t *inspect_info(struct inspect_opts *o, struct err *e);
json_t *inspect_deep(struct inspect_opts *o, struct err *e);

/* --- guard.c: our own rules for a declared qcow2 and its base, before any
 * other parser sees them.  BASE_DIR may be NULL; else D->base is filled. */
int guard_disk(struct inspect_disk *d, const char *base_dir, struct err *e);

/* --- walk.c, over the file system that is mounted read-only at "/". */
/* {"entries", "sha256", "truncated"}: paths, types, sizes, times and modes. */
json_t *walk_listing(guestfs_h *g, uint64_t max, struct err *e);
/* {"files": {path: sha256 of the contents}, "truncated"} */
json_t *walk_contents(guestfs_h *g, uint64_t max, struct err *e);
/* A hostile string as JSON: escaped where it is not printable ASCII. */
json_t *walk_text(const char *s);

/* libguestfs's last error as ours. */
int inspect_guestfs_err(guestfs_h *g, struct err *e, const char *doing);

#endif
