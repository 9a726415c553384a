/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Moving file content from one host to another, seen from the controller.
 *
 *	controller ---- agent session ---- agent on the source (reads, compares)
 *	     |                                  |
 *	     |                                  | tls: a port of the target's,
 *	     |                                  |   with a one-job key
 *	     |                                  | direct: ssh with a one-job key
 *	     |                                  | relay: through the controller
 *	     '--------- agent session ---- agent on the target (writes,
 *verifies)
 *
 * Calling sequence, in a step (the port is a struct of functions, so that a
 * deterministic fake can stand in; transfer_real is the real one):
 *
 *	t = ops->open(&route, &e);		one a job; keep it open from the
 *						pre-copy to the final pass
 *	for each file, as often as wanted:
 *		ops->copy(t, &file, &res, &e);	or copy_many()
 *		compare res.src_digest with res.dst_digest	the caller's
 *	ops->close(t);
 *	ops->revoke(dst, &route, &e);		in undo, and at the end of the
 *job
 *
 * What copy() promises when it returns 0: the target's file holds exactly the
 * bytes that were read from the source, under its final name, synced with its
 * directory, and was read back for dst_digest.  src_digest is of the bytes as
 * they were read, each once.  If the source changed meanwhile (.changed), it
 *may never have looked like that at any one moment: good for a pre-copy; a
 *final pass runs on a source that nothing can write, and passes the digest that
 *it expects, if it knows one, in .expect.
 *
 * What survives a crash or a cut: NAME.part beside NAME on the target.  The
 * next copy() of the same file compares it with the source, block by block, and
 * sends what is missing: at most the 4 MiB that were under way are sent twice.
 * NAME itself is replaced only by a complete and verified file, with one
 *rename; while an existing NAME is being updated in place it bears the name
 *NAME.part.
 *
 * Errors: ERR_LOST when a session ended or was silent for too long: try again,
 * the .part is kept.  ERR_STALE: a later epoch holds the instance.
 * ERR_INTERRUPTED after a cancel.  ERR_CONFLICT: a digest differs from the
 * expected one, or the source was cut shorter under the copy.  ERR_FAILED:
 * the disk said so; a read error names its offset, and no zeros are sent in
 * place of what could not be read, but for TRANSFER_BAD_MAP.
 *
 * Names are beneath root (core/fs.h): root may have links in it, rel may not.
 */
#ifndef NH_TRANSFER_TRANSFER_H
#define NH_TRANSFER_TRANSFER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/err.h"
#include "transfer/calm.h"
#include "transfer/digest.h"
#include "transfer/ziplevel.h"

struct client; /* wire/wire.h */

enum transfer_delta {
	TRANSFER_AUTO = 0, /* from a sample of the file */
	TRANSFER_WHOLE,	   /* send all (a .part is still resumed) */
	TRANSFER_BLOCKS,   /* compare at the same offsets */
	TRANSFER_LIBRSYNC, /* content that has moved, or another basis */
};

enum transfer_via {
	TRANSFER_VIA_AUTO = 0, /* TLS if there are ports, else direct, else
				  relay */
	TRANSFER_VIA_DIRECT,
	TRANSFER_VIA_RELAY,
	TRANSFER_VIA_TLS,
};

/* What of the source cannot be read, after some tries and down to a page. */
enum transfer_bad {
	TRANSFER_BAD_REFUSE = 0, /* the copy fails, and names the first */
	/* It becomes a hole; NAME.bad beside the target's file says where,
	 * before that gets its name (transfer/badmap.h), and so does the
	 * result.  For who consents to losing it: a dead host's rescue. */
	TRANSFER_BAD_MAP,
};

struct transfer_range {
	uint64_t off, len;
};

/* "auto", "whole", "blocks", "librsync"; false if S is none of them. */
bool transfer_delta_parse(const char *s, enum transfer_delta *out);
const char *transfer_delta_name(enum transfer_delta d);
bool transfer_via_parse(const char *s, enum transfer_via *out);
const char *transfer_via_name(enum transfer_via v);

/* One end: a session of its own (host_session_open()) and what to call the host
 * in messages.  The session serves nothing else while the transfer is open. */
struct transfer_end {
	const char *host;
	struct client *client; /* NULL: struct transfer_late has it */
};

/* Sessions that are opened when they are needed, each at most once, and what a
 * direct transfer asks of its target, which needs no session of its own.  So
 * the connection that carries data waits for one login, not for two in a row.
 * Borrowed, with ARG and what it returns, until the transfer is closed. */
struct transfer_late {
	/* The source's session, or the target's. */
	struct client *(*open)(void *arg, bool src, struct err *e);
	/* The target's, for one request; it may serve others in between, but
	 * not while open() runs for the source. */
	struct client *(*ask)(void *arg, struct err *e);
	void *arg;
};

/* Who moves data where, for one job.  All borrowed until open() returns, but
 * for the sessions. */
struct transfer_route {
	struct transfer_end src, dst;
	struct transfer_late late; /* for an end without a client */
	const char *job;	   /* "j-..." */
	const char *instance;	   /* uuid: whose lease the target rechecks */
	/* Ours on the target, where a higher one is ERR_STALE; 0: that of the
	 * session which allows the key. */
	uint64_t epoch;
	enum transfer_via via;
	/* For direct; without addr it is relay. */
	const char *dst_addr; /* as the source reaches the target */
	unsigned dst_port;    /* 0: 22 */
	const char *dst_user; /* NULL: root */
	/* TLS: the target may listen at dst_addr and one of these ports for as
	 * long as it takes the source to come; 0: no TLS.  Not for long: a
	 * source that does not get there goes by ssh. */
	unsigned tls_port_min, tls_port_max;
	/* The target's host key lines, "TYPE BASE64" each, as the controller
	 * learned them under strict checking. */
	const char *dst_host_keys;
	bool dst_sudo; /* the receiver runs under sudo -n */
	/* All names on the target are beneath it: instances_path. */
	const char *dst_root;
	/* Bytes a second over all files and streams, as they go over the
	 * network, compressed or not; 0: no limit. */
	uint64_t bwlimit;
	/* After so much silence of a direct link the source gives it up, and
	 * the target after four times that; 0: after 25 s, and XP_DEAD_US.  For
	 * tests. */
	uint64_t dead_us;
	unsigned streams; /* direct: connections at most, to 8; 0: as is best */
	enum zip_mode compress;
};

struct transfer_progress {
	uint64_t size;	  /* of the source file */
	uint64_t pos;	  /* how far the pass has come */
	uint64_t read;	  /* read from the source */
	uint64_t sent;	  /* bytes of content that went over */
	uint64_t matched; /* bytes that the target had */
	uint64_t holes;	  /* bytes that are holes or zeros */
};

/* -1 with E filled (ERR_INTERRUPTED) cancels the copy. */
typedef int transfer_tick(void *arg, const struct transfer_progress *p,
			  struct err *e);

struct transfer_file {
	const char *src_root, *src_rel;
	/* Beneath the route's dst_root, and there beneath .novahaul/<job>/; its
	 * directory is made if need be. */
	const char *dst_rel;
	enum transfer_delta delta;
	/* Another file beneath dst_root to build from, or NULL.  Read only. */
	const char *basis_rel;
	/* Read everything again on both hosts, the target's from its disk,
	 * though an earlier pass of this transfer knows it. */
	bool verify_full;
	/* Nothing can write to the source any more, and this pass counts: that
	 * an earlier one found the same is not taken from times alone. */
	bool final;
	mode_t mode;	       /* of the target's file; 0 means 0600 */
	enum transfer_bad bad; /* copy() only */
	const char *expect;    /* digest that the source must have, or NULL */
	transfer_tick *tick;   /* several times a second, or NULL */
	void *arg;
};

enum { TRANSFER_BAD_LIST = 32 };

struct transfer_result {
	uint64_t size;
	uint64_t bytes_read;	/* from the source */
	uint64_t bytes_sent;	/* of content */
	uint64_t bytes_packed;	/* of these, that went compressed */
	uint64_t bytes_wire;	/* both ways, with all overhead */
	uint64_t bytes_matched; /* found on the target */
	uint64_t bytes_holes;	/* holes and zeros */
	uint64_t src_allocated, dst_allocated;
	char src_digest[DIGEST_TEXT_MAX], dst_digest[DIGEST_TEXT_MAX];
	/* The source's size, mtime or ctime moved while it was read. */
	bool changed;
	/* What could not be read, with TRANSFER_BAD_MAP: all of it, and the
	 * first places.  Then the digests begin with "damaged:", and pass for
	 * no file's. */
	uint64_t bad_bytes, bad_ranges;
	struct transfer_range bad[TRANSFER_BAD_LIST];
	enum transfer_delta method; /* what was done */
	enum transfer_via via;
	double seconds;
	/* Direct: connections at its end, and why there were not more, "" when
	 * nothing went wrong. */
	unsigned streams;
	char streams_why[160];
};

/* An open route; opaque, the fake has its own. */
struct transfer;

struct transfer_ops {
	/* Authorises the one-job key on the target and starts the receiver.
	 * Journal that before: the undo is revoke().  (With TLS there is
	 * nothing to undo: the key is in two processes, and in no file.)
	 * VIA_AUTO falls back to ssh and then to relay, and says why through
	 * why_not_tls() and why_relay(). */
	struct transfer *(*open)(const struct transfer_route *r, struct err *e);
	int (*copy)(struct transfer *t, const struct transfer_file *f,
		    struct transfer_result *out, struct err *e);
	/* The same for each of N files of any size, in any order, without a
	 * round trip for each: for those of up to 4 MiB, which are sent whole
	 * or, where the target has their content, not at all.  Directories
	 * that are missing on the target are made, 0700.  RESULTS[i] is that of
	 * FILES[i]; where its dst_digest is "", that one was not copied.  The
	 * first failure ends it, is as copy() would fail, and names the file;
	 * what is done by then stays, and is not sent again by the next call.
	 * The tick is the same for all, and told of progress over all. */
	int (*copy_many)(struct transfer *t, const struct transfer_file *files,
			 size_t n, struct transfer_result *results,
			 struct err *e);
	/* Another limit than the route's from now on: bytes a second, 0 for
	 * none.  Also from a file's tick.  ERR_LOST: as with copy(). */
	int (*limit)(struct transfer *t, uint64_t bwlimit, struct err *e);
	/* How much both agents stand back behind what else their hosts do, from
	 * the next file on; CALM_NONE until it is said.  ERR_LOST: as with
	 * copy(). */
	int (*calm)(struct transfer *t, enum calm c, struct err *e);
	/* What goes over the route now, and why it is not direct; NULL when it
	 * is.  Valid until close. */
	enum transfer_via (*via)(const struct transfer *t);
	const char *(*why_relay)(const struct transfer *t);
	/* Why it is not TLS, which it might have been; else NULL. */
	const char *(*why_not_tls)(const struct transfer *t);
	/* Ends the receiver; NULL is fine.  Does not fail: revoke() does. */
	void (*close)(struct transfer *t);
	/* Removes this job's key line from the target's authorized_keys,
	 * durable; removing what is not there is success.  Not while a
	 * transfer is open over the same session. */
	int (*revoke)(const struct transfer_end *dst, const char *job,
		      const char *dst_user, struct err *e);
};

extern const struct transfer_ops transfer_real;

#endif
