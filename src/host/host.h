/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One host, as a controller sees it.
 *
 *	struct host *h = host_open(&(struct host_config){.name = "compute-30"},
 *				   &e);
 *	struct host_lease l = {0};
 *
 *	host_claim_all((struct host *[]){h, target}, 2, &claim, &e);
 *	host_rename(h, &(struct host_rename){.from = HOST_PATH(ip, uuid),
 *					     .to = HOST_PATH(ip, backup)}, &e);
 *	host_close(h);
 *
 * This is a port: a struct host is a table of operations and its object.  The
 * real one (host_open) talks to a novahaul-agent over SSH or, on this very
 * machine, over pipes; tests put a deterministic host in its place (host_new).
 *
 * Paths are pairs.  `root` is an absolute directory and may contain links; it
 * is resolved once per session.  `rel` lies beneath it, and no link in it is
 * ever followed.  Only regular files and directories are opened.
 *
 * One writer.  Each instance has a lease on each host: the file
 * <root>/.novahaul/leases/<uuid> names the job that may change the instance's
 * state there, and an epoch that only rises.  Every operation marked (m) below
 * mutates: the agent performs it under a shared lock of the lease's gate, and
 * only if the epoch is still this handle's.  Claiming takes the gate
 * exclusively, so that after a successful claim nothing of an earlier epoch can
 * happen on this host any more: a request still queued in an old agent is
 * refused (ERR_STALE), one that is being performed is waited for and, after
 * take_us, killed with its agent.
 *
 * Errors.  ERR_LOST from an (m) operation: the link broke or a deadline passed
 * after the request was sent; probe.  ERR_RETRY: nothing was done.  ERR_STALE:
 * another controller has taken over; change nothing more anywhere.  After a
 * broken link the next operation connects anew and, if this handle held the
 * lease, claims it again with a higher epoch: so what the lost agent was doing
 * has ended, one way or the other, before the probe looks.  A host that cannot
 * be reached then fails all operations of the next 2 s at once: a step back
 * that needs it five times waits for it once.
 *
 * Result structs are cleared by the caller with their _clear function, also
 * after an error; operations fill them from scratch, so give them zeroed.
 */
#ifndef NH_HOST_HOST_H
#define NH_HOST_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

struct client; /* wire/wire.h */

struct host_path {
	const char *root, *rel;
};

#define HOST_PATH(root_, rel_)                                                 \
	((struct host_path){.root = (root_), .rel = (rel_)})

/* ---- opening --------------------------------------------------------- */

enum host_transport {
	HOST_AUTO = 0, /* ssh, unless the address is localhost or this host */
	HOST_SSH,
	HOST_LOCAL,
};

/* Where libvirt or Nova run in containers, a path of theirs and where it is
 * seen from the host itself. */
struct host_map {
	const char *theirs, *ours;
};

/* Everything but the name is optional.  Borrowed during host_open() only. */
struct host_config {
	const char *name;    /* as Nova knows it */
	const char *address; /* NULL: the name */
	enum host_transport transport;
	int port;			/* 0: 22 */
	const char *user;		/* NULL: root; others: with sudo -n */
	const char *const *known_hosts; /* NULL: ~/.ssh/known_hosts and
					   /etc/ssh/ssh_known_hosts */
	const char *const *identities;	/* NULL: ~/.ssh/id_ed25519, id_ecdsa */
	bool no_ssh_agent;
	int64_t connect_us;	  /* 0: 15 s */
	int64_t command_us;	  /* 0: 60 s; for requests without their own */
	int64_t dead_us;	  /* 0: 30 s without a sign of life */
	const char *agent_path;	  /* our copy of novahaul-agent; NULL: search */
	const char *cache_dir;	  /* where it goes on the host; NULL: search */
	const char *const *virsh; /* argv prefix; NULL: "virsh" */
	const struct host_map
		*maps; /* ends with .theirs == NULL; may be NULL */
};

struct host_profile {
	struct strv virsh; /* argv prefix, never empty */
	struct {
		char *theirs, *ours;
	} * maps;
	size_t nmaps;
};

struct host_ops;

struct host {
	const struct host_ops *ops;
	void *self;
	char *name; /* as Nova knows it: for messages */
	struct host_profile profile;
};

/* Connects, sends the agent if the host has none of this build, and shakes
 * hands.  Writes nothing else on the host. */
struct host *host_open(const struct host_config *cfg, struct err *e);
/* A handle over other operations: for tests.  SELF goes to ops->close(). */
struct host *host_new(const struct host_ops *ops, void *self, const char *name);
/* Ends the session; the lease stays held.  NULL is fine. */
void host_close(struct host *h);
/* A path of Nova's or libvirt's as the host itself sees it; caller frees. */
char *host_map_path(const struct host *h, const char *theirs)
	NH_DEALLOC(mem_free);

/* ---- facts ----------------------------------------------------------- */

struct host_info {
	char *hostname, *kernel, *machine, *boot_id;
	char *exe;	     /* the agent's path there */
	char exe_sha256[65]; /* what it says of itself */
	char build[65];
	uint32_t uid;
	int64_t clock_us; /* its wall clock when it answered */
};
void host_info_clear(struct host_info *i);

/* For known_hosts of a third party: the host's own key. */
struct host_key {
	char *address; /* as connected to, or "localhost" */
	int port;
	char *line; /* "ssh-ed25519 AAAA..." */
};
void host_key_clear(struct host_key *k);

/* ---- the lease ------------------------------------------------------- */

enum host_lease_state { LEASE_FREE = 0, LEASE_HELD, LEASE_RELEASED };

struct host_lease {
	enum host_lease_state state; /* FREE: there never was one */
	char *job, *owner;
	uint64_t epoch;	 /* stored: the next must be higher */
	bool attended;	 /* an agent holds it and its controller is alive */
	int64_t beat_us; /* last sign of life of that controller, or 0 */
};
void host_lease_clear(struct host_lease *l);

struct host_lease_ref {
	const char *root; /* instances_path */
	const char *uuid;
};

struct host_claim {
	const char *root, *uuid, *job;
	const char *owner;   /* "alice@ctl1 pid 4711 journal /var/..." */
	const char *session; /* random, the same for all hosts of one run */
	uint64_t epoch;	     /* higher than any stored one */
	bool force;	     /* take it from a living run of the same job */
	int64_t take_us;     /* how long the gate is waited for; 0: 5 s */
};

struct host_release {
	const char *root, *uuid;
	bool forget; /* remove the lease's files: nothing of any job is left */
};

/* ---- files ----------------------------------------------------------- */

enum host_type {
	HOST_NONE = 0, /* it does not exist */
	HOST_FILE,
	HOST_DIR,
	HOST_LINK,
	HOST_SPECIAL, /* device, socket, FIFO */
};

struct host_stat {
	enum host_type type;
	uint64_t size, blocks; /* blocks of 512 bytes */
	uint32_t mode;	       /* 07777 */
	uint32_t uid, gid;
	char *user, *group; /* NULL when the host has no such name */
	uint64_t dev, ino, nlink;
	int64_t mtime_ns;
};
void host_stat_clear(struct host_stat *s);

struct host_entry {
	char *rel; /* below the directory listed */
	struct host_stat st;
};
struct host_list {
	struct host_entry *v; /* parents before children, else by name */
	size_t n;
};
void host_list_clear(struct host_list *l);

struct host_list_opts {
	struct host_path path;
	unsigned depth; /* 0 means 1: the directory's own entries */
	unsigned max;	/* more entries are an error; 0: 10000 */
};

struct host_read {
	struct host_path path;
	uint64_t off;
	size_t max; /* at most 1 MiB; 0: 1 MiB */
};

struct host_write {
	struct host_path path;
	const void *p;
	size_t n;      /* at most 1 MiB */
	uint32_t mode; /* 0: 0600 */
};

struct host_mkdir {
	struct host_path path;
	uint32_t mode; /* 0: 0700 */
	bool parents; /* make missing parents too, and accept an existing one */
};

struct host_rename {
	struct host_path from, to;
	bool replace; /* default: EEXIST when the new name is taken */
};

struct host_hold {
	struct host_path from, to; /* `to` exists as the same file, or with the
				     same content: success */
};
enum host_held { HELD_NONE = 0, HELD_LINK, HELD_CLONE, HELD_COPY };

struct host_unlink {
	struct host_path path;
	bool dir;     /* an empty directory instead of a regular file */
	bool missing; /* success when there is none */
	uint64_t ino; /* not 0: only if it is this file, else ERR_CONFLICT */
};

struct host_chown {
	struct host_path path;
	const char *user, *group; /* NULL: unchanged */
	bool numeric;		  /* digits are numbers, not names */
	bool tree;		  /* a directory and all beneath */
};

struct host_chmod {
	struct host_path path;
	uint32_t mode;
};

struct host_fsync {
	struct host_path path;
	bool tree; /* a directory and all beneath; else file and its parent */
};

struct host_statfs {
	uint64_t size, free, avail; /* bytes; avail: without root's reserve */
	uint64_t inodes, inodes_free;
	char *fstype, *source, *options;
	bool readonly;
	uint64_t dev; /* equal for two paths: a rename between them works */
};
void host_statfs_clear(struct host_statfs *s);
/* Of a type that one host has for itself.  All others may be shared, and two
 * hosts may name one share by different addresses. */
bool host_statfs_own(const struct host_statfs *s);

/* What a file system can do, tried on a file without a name. */
enum host_can { HOST_CAN_UNKNOWN = 0, HOST_CAN_NOT, HOST_CAN };

struct host_trial_opts {
	struct host_path path;	  /* a directory */
	const char *device;	  /* of its file system: host_statfs.source */
	const char *const *users; /* whose quotas count; they exist */
};

struct host_trial {
	enum host_can direct; /* O_DIRECT: what QEMU's cache=none needs */
	enum host_can punch;  /* holes can be made */
	enum host_can holes;  /* SEEK_DATA finds them */
	bool quota;	      /* one of the users, or the project, has one */
	bool quota_unknown;   /* there may be quotas: they cannot be read */
	uint64_t quota_left;  /* bytes, of the tightest */
};

enum host_digest_how {
	HOST_DIGEST_SHA256 = 0, /* "sha256t4m:...", transfer/digest.h */
	/* That of the lease's job, "p1305t64k:...", transfer/tags.h: from the
	 * job's work directory where the file is still as it was made, else by
	 * reading it; "" when the job has no key (any more). */
	HOST_DIGEST_JOB,
	HOST_DIGEST_JOB_FRESH, /* by reading it, from its disk */
};
enum { HOST_DIGEST_MAX = 80 };
struct host_digest {
	enum host_digest_how how; /* in */
	uint64_t size;
	char text[HOST_DIGEST_MAX];
};

/* Another host, seen from this one. */
struct host_reach_opts {
	const char *address;
	unsigned port; /* of its sshd */
	bool lasting;  /* that it was reached up to ten seconds ago will do */
};

struct host_reach {
	bool client; /* this one has an OpenSSH client */
	bool gcm;    /* ... that knows AES-GCM */
	bool reached;
	char *why;	/* if not */
	int64_t rtt_us; /* a connection's */
	unsigned cores; /* of this one */
	/* Connections that one copy would spread over at most. */
	unsigned streams;
};
void host_reach_clear(struct host_reach *r);

/* ---- processes ------------------------------------------------------- */

#define HOST_RUN_FILE "/proc/self/fd/3"
struct host_run {
	const char *const *argv; /* no shell; [0] is looked up in PATH */
	const void *in;
	size_t in_len;
	int64_t timeout_us; /* 0: 30 s.  ERR_LOST when it passes and .mutates */
	size_t out_max;	    /* 0: 256 KiB; more output is an error */
	const char *user;   /* become it (its primary group); NULL: root */
	bool mutates;	    /* (m), and allowed to finish if the link breaks */
	bool kill_on_close; /* ... unless this is set */
	/* Prints the same until something is replaced on the host, and is run
	 * as the agent's own user: what it printed there up to ten seconds ago,
	 * with exit code 0 and no word on stderr, will do.  In memory of this
	 * process only; host_said_drop() before it ends. */
	bool lasting;
	/* A file that a guest may have written, for a program that parses it;
	 * .root NULL: none.  The host opens it for reading and writing, and in
	 * argv it is called HOST_RUN_FILE: .user, which must not be root, needs
	 * no way to the directory, but be the file's owner.  The program can
	 * gain no rights, has no network, and gets 30 s of CPU time and 1 GiB
	 * of memory. */
	struct host_path hostile;
	/* out: clear with host_run_clear() */
	int exit_code; /* 0-255, or 128 + signal */
	struct buf out, err;
};
void host_run_clear(struct host_run *r);
void host_said_drop(void);

struct host_devino {
	uint64_t dev, ino;
};

struct host_scan_opts {
	const char *uuid, *domain; /* may be NULL */
	const struct host_devino *files;
	size_t nfiles;
	const uint32_t *pids; /* report these if they exist */
	size_t npids;
};

struct host_proc {
	uint32_t pid;
	char *comm, *exe;
	uint64_t rss_kib;
	uint64_t start; /* clock ticks after boot: with pid, an identity */
	bool by_uuid, by_name, by_file, by_pid;
	bool ours;	   /* an agent of novahaul */
	uint64_t dev, ino; /* the file, when by_file */
};

/* A lock on one of .files, whoever holds it: OFD locks have no pid. */
struct host_lock {
	uint64_t dev, ino;
	char kind[8]; /* POSIX, OFD, FLOCK, LEASE */
	bool write;
	int64_t pid;	     /* -1: unknown */
	uint64_t start, end; /* end ~0: to the end of the file */
	bool qemu; /* bytes 100-107 or 200-207: a QEMU has the image open */
};

struct host_scan {
	struct host_proc *procs;
	size_t nprocs;
	struct host_lock *locks;
	size_t nlocks;
};
void host_scan_clear(struct host_scan *s);

/* Has a QEMU a file open, wherever it runs?  By its locks, of which the file
 * system is asked, and so the server of a shared one. */
enum host_open { HOST_OPEN_UNKNOWN = 0, HOST_OPEN_NOT, HOST_OPEN_QEMU };

/* getent(1): one line of a name service database. */
struct host_ent {
	bool found;
	char *name;
	uint32_t id, gid; /* gid: of users */
	char *home, *shell;
};
void host_ent_clear(struct host_ent *n);
enum host_db { HOST_PASSWD = 0, HOST_GROUP };

/* nova-compute's configuration as it is really read, in order: files as named
 * by its command line (or the defaults of oslo.config), then OS_GROUP__OPTION
 * variables.  Texts may hold secrets: never log or journal them. */
struct host_conf_file {
	char *path, *text;
};
struct host_conf {
	bool running; /* a nova-compute was found */
	uint32_t pid;
	char *user; /* whom it runs as */
	struct strv argv;
	struct host_conf_file *files;
	size_t nfiles;
	struct strv env; /* NAME=value */
};
void host_conf_clear(struct host_conf *c);

/* ---- operations ------------------------------------------------------ */

struct host_session;

/* One op per operation below, same meaning.  SELF is host->self. */
struct host_ops {
	void (*close)(void *self);
	int (*tick)(void *self, struct err *e);
	/* may be NULL, where no operation takes time */
	void (*on_wait)(void *self, void (*fn)(void *arg), void *arg);
	int (*info)(void *self, struct host_info *out, struct err *e);
	int (*hostkey)(void *self, struct host_key *out, struct err *e);

	int (*lease_read)(void *self, const struct host_lease_ref *r,
			  struct host_lease *out, struct err *e);
	int (*lease_claim)(void *self, const struct host_claim *c,
			   struct err *e);
	int (*lease_release)(void *self, const struct host_release *r,
			     struct err *e);

	int (*stat)(void *self, struct host_path p, struct host_stat *out,
		    struct err *e);
	/* may be NULL: one after the other */
	int (*stats)(void *self, const struct host_path *p, size_t n,
		     struct host_stat *out, struct err *e);
	int (*locked)(void *self, const struct host_path *p, size_t n,
		      enum host_open *out, struct err *e);
	int (*list)(void *self, const struct host_list_opts *o,
		    struct host_list *out, struct err *e);
	int (*read)(void *self, const struct host_read *r, struct buf *out,
		    struct err *e);
	int (*write)(void *self, const struct host_write *w, struct err *e);
	/* both may be NULL, where nothing takes time */
	int (*write_begin)(void *self, const struct host_write *w,
			   struct err *e);
	int (*write_end)(void *self, struct err *e);
	int (*mkdir)(void *self, const struct host_mkdir *m, struct err *e);
	int (*rename)(void *self, const struct host_rename *r, struct err *e);
	int (*hold)(void *self, const struct host_hold *o, enum host_held *how,
		    struct err *e);
	int (*unlink)(void *self, const struct host_unlink *u, struct err *e);
	int (*rmtree)(void *self, struct host_path p, struct err *e);
	int (*chown)(void *self, const struct host_chown *c, struct err *e);
	int (*chmod)(void *self, const struct host_chmod *c, struct err *e);
	int (*touch)(void *self, struct host_path p, struct err *e);
	int (*fsync)(void *self, const struct host_fsync *f, struct err *e);
	int (*statfs)(void *self, struct host_path p, struct host_statfs *out,
		      struct err *e);
	int (*digest)(void *self, struct host_path p, struct host_digest *out,
		      struct err *e);
	int (*trial)(void *self, const struct host_trial_opts *o,
		     struct host_trial *out, struct err *e);

	int (*reach)(void *self, const struct host_reach_opts *o,
		     struct host_reach *out, struct err *e);

	int (*run)(void *self, struct host_run *r, struct err *e);
	int (*scan)(void *self, const struct host_scan_opts *o,
		    struct host_scan *out, struct err *e);
	int (*getent)(void *self, enum host_db db, const char *name,
		      struct host_ent *out, struct err *e);
	int (*conf)(void *self, struct host_conf *out, struct err *e);

	struct client *(*control)(void *self, struct err *e);
	struct host_session *(*session_open)(void *self, struct err *e);
	void (*session_close)(void *self, struct host_session *s);
	struct client *(*session_client)(struct host_session *s);
};

/* Sends a sign of life if one is due; to be called every few seconds while
 * nothing else is asked of H, or its lease goes stale after 10 s. */
int host_tick(struct host *h, struct err *e);
/* FN is called every few seconds while an operation of H waits for its answer:
 * to tick the other hosts of the job, whose leases would go stale meanwhile.
 * Ticking H itself from within FN does nothing. */
void host_on_wait(struct host *h, void (*fn)(void *arg), void *arg);
int host_info(struct host *h, struct host_info *out, struct err *e);
int host_hostkey(struct host *h, struct host_key *out, struct err *e);

/* The lease, as anybody may read it. */
int host_lease_read(struct host *h, const struct host_lease_ref *r,
		    struct host_lease *out, struct err *e);
/* Takes it; later (m) operations of H carry its epoch.
 *   free, released	taken
 *   another job's	ERR_LOCKED, naming job and owner
 *   this job's		ERR_LOCKED while another controller is alive with it
 *			and not .force; else taken over as described above
 *   epoch not higher	ERR_CONFLICT: read again
 * Claiming again with the same session and epoch is success. */
int host_lease_claim(struct host *h, const struct host_claim *c, struct err *e);
/* Ends it: state released, epoch kept.  Later (m) operations are ERR_STALE. */
int host_lease_release(struct host *h, const struct host_release *r,
		       struct err *e);
/* Claims on all N hosts, with one epoch above all stored; C->epoch is not
 * looked at.  On failure, what it took from free or released is released. */
int host_claim_all(struct host *const *h, size_t n, const struct host_claim *c,
		   struct err *e);

/* Absence is a result: 0 and type HOST_NONE. */
int host_stat(struct host *h, struct host_path p, struct host_stat *out,
	      struct err *e);
/* The same for N paths, in one round trip; each of OUT is the caller's to
 * clear. */
int host_stats(struct host *h, const struct host_path *p, size_t n,
	       struct host_stat *out, struct err *e);
/* Likewise; a file that is not there is not open.  HOST_OPEN_NOT proves nothing
 * about a host that is only cut off: a server drops its locks. */
int host_locked(struct host *h, const struct host_path *p, size_t n,
		enum host_open *out, struct err *e);
int host_list(struct host *h, const struct host_list_opts *o,
	      struct host_list *out, struct err *e);
/* Appends to OUT; fewer bytes than asked for only at the end of the file. */
int host_read(struct host *h, const struct host_read *r, struct buf *out,
	      struct err *e);
/* (m) The whole file, atomic and durable. */
int host_write(struct host *h, const struct host_write *w, struct err *e);
/* (m) The same in two, so that several hosts write at once.  In between nothing
 * but a tick may be asked of H; after a begin that failed there is no end. */
int host_write_begin(struct host *h, const struct host_write *w, struct err *e);
int host_write_end(struct host *h, struct err *e);
/* (m) Durable. */
int host_mkdir(struct host *h, const struct host_mkdir *m, struct err *e);
/* (m) Durable. */
int host_rename(struct host *h, const struct host_rename *r, struct err *e);
/* (m) A second name for FROM's content that survives its removal: hard link,
 * else reflink, else copy.  Durable.  HOW may be NULL. */
int host_hold(struct host *h, const struct host_hold *o, enum host_held *how,
	      struct err *e);
/* (m) Durable. */
int host_unlink(struct host *h, const struct host_unlink *u, struct err *e);
/* (m) Removes a tree; refused unless rel is, or lies beneath,
 * .novahaul/<job of the lease>.  A missing tree is success. */
int host_rmtree(struct host *h, struct host_path p, struct err *e);
/* (m) */
int host_chown(struct host *h, const struct host_chown *c, struct err *e);
/* (m) */
int host_chmod(struct host *h, const struct host_chmod *c, struct err *e);
/* (m) mtime and atime become now. */
int host_touch(struct host *h, struct host_path p, struct err *e);
/* (m) */
int host_fsync(struct host *h, const struct host_fsync *f, struct err *e);
int host_statfs(struct host *h, struct host_path p, struct host_statfs *out,
		struct err *e);
/* Reads the whole file, unless OUT->how says otherwise; no deadline but
 * dead_us. */
int host_digest(struct host *h, struct host_path p, struct host_digest *out,
		struct err *e);

/* Leaves nothing behind. */
int host_trial(struct host *h, const struct host_trial_opts *o,
	       struct host_trial *out, struct err *e);

/* 0 also when it is not reached.  Connects once, and sends nothing. */
int host_reach(struct host *h, const struct host_reach_opts *o,
	       struct host_reach *out, struct err *e);

/* 0 once it ended by itself, whatever its exit code.  E->sys ENOENT when
 * there is no such program. */
int host_run(struct host *h, struct host_run *r, struct err *e);
int host_scan(struct host *h, const struct host_scan_opts *o,
	      struct host_scan *out, struct err *e);
/* NAME may be digits: a lookup by number. */
int host_getent(struct host *h, enum host_db db, const char *name,
		struct host_ent *out, struct err *e);
int host_conf(struct host *h, struct host_conf *out, struct err *e);

/* The session that H itself uses, for one request of another adapter's: from
 * wire/wire.h's client_begin() to client_end(), between which H is left
 * alone.  A lost connection is made anew first; valid until H is used. */
struct client *host_control(struct host *h, struct err *e);
/* A further session to the same host, for bulk data: bound to H's lease and
 * its epoch if H holds one.  Requests through its client, of wire/wire.h, are
 * the transfer adapter's.  Close before H. */
struct host_session *host_session_open(struct host *h, struct err *e);
void host_session_close(struct host *h, struct host_session *s);
struct client *host_session_client(struct host *h, struct host_session *s);

#endif
