/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors.
 *
 * Every function that can fail takes a `struct err *` as its last argument and
 * returns 0 or -1 (or a pointer or NULL).  The object is the caller's storage,
 * is left untouched on success, and is filled once by the function that saw the
 * failure; each caller on the way up adds what it was doing to whom:
 *
 *	struct err e = ERR_INIT;
 *
 *	if (copy_disk(h, path, &e))
 *		return err_wrap(&e, "instance %s: copying %s to %s", ...);
 *
 * Only cli/ prints, once:
 *
 *	error: instance 9f2...: copying disk to compute-34: ssh: host key
 *changed hint: verify it, then ssh-keygen -R compute-34; novahaul resume j-...
 *
 * The kind steers the engine, so there are few.  ERR_LOST is the one that most
 * programs lack: the outcome of a mutation is not known (a timeout, a dropped
 * link).  It is never treated as a failure: probe first, then decide.
 */
#ifndef NH_CORE_ERR_H
#define NH_CORE_ERR_H

#include <stdarg.h>

#include "core/mem.h"

enum err_kind {
	ERR_NONE = 0,
	ERR_FAILED,   /* it did not happen; the world is as it was */
	ERR_USAGE,    /* bad words on the command line or in a file: exit 2 */
	ERR_REFUSED,  /* a check said no; nothing was changed: exit 5 */
	ERR_NOTHING,  /* there is nothing to do: exit 4 */
	ERR_LOCKED,   /* another job holds the instance: exit 7 */
	ERR_FENCE,    /* a host is not proven to be off: exit 6 */
	ERR_CONFLICT, /* the world is no longer what the plan rests on */
	ERR_STALE,    /* a later epoch has taken over: change nothing more */
	ERR_RETRY,    /* did not happen, and may work if tried again */
	ERR_LOST,     /* outcome unknown: probe before undo or retry */
	ERR_INTERRUPTED, /* SIGINT or SIGTERM: stop between records, exit 3 */
	ERR_BUG,	 /* cannot happen */
};

struct err {
	enum err_kind kind;
	int sys;    /* errno at the failure, or 0 */
	char *msg;  /* "outer: inner: cause"; owned */
	char *hint; /* the next thing to do, or NULL; owned */
};

#define ERR_INIT                                                               \
	{                                                                      \
		.kind = ERR_NONE                                               \
	}

/* Frees what E holds and makes it ERR_INIT again. */
void err_clear(struct err *e);

/* Fills E; a second call replaces what was there.  Return -1 always, so that
 * `return err_set(...)` reads well. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
	NH_PRINTF(3, 4);
/* As err_set, with ": strerror(SYS)" at the end. */
int err_sys(struct err *e, enum err_kind kind, int sys, const char *fmt, ...)
	NH_PRINTF(4, 5);
/* Puts "FMT: " before the message; keeps kind, errno and hint. */
int err_wrap(struct err *e, const char *fmt, ...) NH_PRINTF(2, 3);
/* Sets the hint, replacing an earlier one. */
int err_hint(struct err *e, const char *fmt, ...) NH_PRINTF(2, 3);

/* Moves SRC into DST (cleared first); SRC becomes empty. */
void err_move(struct err *dst, struct err *src);
/* Makes DST (cleared first) what SRC is, which stays. */
void err_copy(struct err *dst, const struct err *src);
/* Appends "; then: <SRC's message>" to DST and clears SRC: for a failure met
 * while handling a failure. */
void err_also(struct err *dst, struct err *src);

/* "failed", "lost", ...: stable names for journals and JSON. */
const char *err_kind_name(enum err_kind kind);
enum err_kind err_kind_by_name(const char *name);
const char *err_msg(const struct err *e);

#endif
