/* SPDX-License-Identifier: Apache-2.0 */
/* The controller's side in parts: route.c (frames, one file), route_open.c
 * (opening and closing), route_tls.c (opening by TLS), route_many.c (lists of
 * files). */
#ifndef NH_TRANSFER_ROUTE_PRIV_H
#define NH_TRANSFER_ROUTE_PRIV_H

#include "transfer/ctl.h"

enum { ROUTE_TICK_US = 250000 };

struct transfer {
	struct transfer_end src, dst;
	struct transfer_late late;
	char *src_name, *dst_name, *job, *user;
	enum transfer_via via;
	char *why;	   /* not direct */
	char *why_not_tls; /* though it was allowed */
	uint32_t src_id, dst_id;
	bool src_on, dst_on; /* requests under way */
	bool dead;
	bool unasked; /* the target's session broke under a question */
	/* of the file under way */
	struct transfer_progress progress;
	bool done, ok;
	struct transfer_result *result;
	/* of the list under way */
	struct transfer_result *results;
	size_t nresults, bad;
	struct err error;
};

/* ---- route.c */
/* A frame of one end's request, if one comes in time: *GOT. */
int route_next(struct transfer *t, bool src, int64_t timeout_us,
	       struct frame *f, bool *got, struct err *e);
/* One round over the sessions, of ROUTE_TICK_US at most. */
int route_pump(struct transfer *t, struct err *e);
/* ERR_LOST once it has broken off. */
int route_alive(const struct transfer *t, struct err *e);
void route_put_file(struct enc *m, const struct transfer_file *f);
/* To the source's agent, M and N bytes more: the start of what route_wait()
 * waits for. */
int route_start(struct transfer *t, const struct enc *m, const void *rest,
		size_t n, struct err *e);
/* Until the sender is done.  When F's tick says no, it is told to stop, and
 * waited for: so the session can be used again. */
int route_wait(struct transfer *t, const struct transfer_file *f,
	       struct err *e);

/* ---- route_open.c: struct transfer_ops */
struct transfer *route_open(const struct transfer_route *r, struct err *e);
void route_close(struct transfer *t);
int route_revoke(const struct transfer_end *dst, const char *job,
		 const char *user, struct err *e);
/* Begins a request of one end whose ARGS hold a key, and wipes them.  They are
 * in one piece: reserved before anything was put into them. */
int route_begin_secret(struct transfer *t, bool src, struct client_req *r,
		       struct enc *args, struct err *e);
/* Starts the sender, and waits until it is there. */
int route_begin_send(struct transfer *t, const struct ctl_send *a,
		     struct err *e);
/* The session of one end, if it is not open yet. */
int route_need(struct transfer *t, bool src, struct err *e);

/* ---- route_tls.c */
int route_open_tls(struct transfer *t, const struct transfer_route *r,
		   struct err *e);
/* May it be TLS at all? */
bool route_tls_asked(const struct transfer_route *r);

/* ---- route_many.c */
/* CTL_RESULTS and CTL_FILES_DONE. */
int route_results(struct transfer *t, struct dec *d, struct err *e);
int route_files_done(struct transfer *t, struct dec *d, struct err *e);
int route_copy_many(struct transfer *t, const struct transfer_file *files,
		    size_t n, struct transfer_result *results, struct err *e);

#endif
