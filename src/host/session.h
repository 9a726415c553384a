/* SPDX-License-Identifier: Apache-2.0 */
/* The real host: an agent and the link to it. */
#ifndef NH_HOST_SESSION_H
#define NH_HOST_SESSION_H

#include "host/conf.h"
#include "host/host.h"
#include "host/link.h"
#include "wire/verbs.h"

struct host_session {
	struct link *link;
	struct host_session *next;
};

struct session {
	struct conf cfg;
	struct link *link; /* NULL: to be opened */
	/* The last dial's failure, the answer to all who ask until then. */
	struct err gone;
	int64_t gone_until;
	struct host_session *bulk;
	bool asking; /* a request is under way */
	bool begun;  /* by session_begin(), of this id */
	uint32_t begun_id;
	void (*on_wait)(void *arg);
	void *wait_arg;
	bool held;
	char *root, *uuid, *job, *owner, *session;
	uint64_t epoch;
};

struct ask {
	enum verb_type verb;
	const struct enc *args;
	bool mutates;
	bool slow;	    /* no deadline but the peer's silence */
	int64_t timeout_us; /* 0: the configuration's, unless slow */
};

/* One request, over a new link if the old one broke. */
int session_ask(struct session *s, const struct ask *a, struct dec *out,
		struct err *e);
/* The same for answers without fields. */
int session_do(struct session *s, const struct ask *a, struct err *e);

/* session_do() in two, of a mutation without a deadline. */
int session_begin(struct session *s, const struct ask *a, struct err *e);
int session_end(struct session *s, struct err *e);

extern const struct host_ops session_ops;

/* ops_*.c */
void put_path(struct enc *a, struct host_path p);
int ops_lease_read(void *self, const struct host_lease_ref *r,
		   struct host_lease *out, struct err *e);
int ops_lease_claim(void *self, const struct host_claim *c, struct err *e);
int ops_lease_release(void *self, const struct host_release *r, struct err *e);
/* After a new link: the lease that we held, with a higher epoch. */
int ops_lease_again(struct session *s, struct err *e);

int ops_stat(void *self, struct host_path p, struct host_stat *out,
	     struct err *e);
int ops_stats(void *self, const struct host_path *p, size_t n,
	      struct host_stat *out, struct err *e);
int ops_locked(void *self, const struct host_path *p, size_t n,
	       enum host_open *out, struct err *e);
int ops_list(void *self, const struct host_list_opts *o, struct host_list *out,
	     struct err *e);
int ops_read(void *self, const struct host_read *r, struct buf *out,
	     struct err *e);
int ops_write(void *self, const struct host_write *w, struct err *e);
int ops_write_begin(void *self, const struct host_write *w, struct err *e);
int ops_write_end(void *self, struct err *e);
int ops_mkdir(void *self, const struct host_mkdir *m, struct err *e);
int ops_rename(void *self, const struct host_rename *r, struct err *e);
int ops_hold(void *self, const struct host_hold *o, enum host_held *how,
	     struct err *e);
int ops_unlink(void *self, const struct host_unlink *u, struct err *e);
int ops_rmtree(void *self, struct host_path p, struct err *e);
int ops_chown(void *self, const struct host_chown *c, struct err *e);
int ops_chmod(void *self, const struct host_chmod *c, struct err *e);
int ops_touch(void *self, struct host_path p, struct err *e);
int ops_fsync(void *self, const struct host_fsync *f, struct err *e);
int ops_statfs(void *self, struct host_path p, struct host_statfs *out,
	       struct err *e);
int ops_digest(void *self, struct host_path p, struct host_digest *out,
	       struct err *e);

int ops_trial(void *self, const struct host_trial_opts *o,
	      struct host_trial *out, struct err *e);
int ops_reach(void *self, const struct host_reach_opts *o,
	      struct host_reach *out, struct err *e);
int ops_info(void *self, struct host_info *out, struct err *e);
int ops_hostkey(void *self, struct host_key *out, struct err *e);
int ops_run(void *self, struct host_run *r, struct err *e);
int ops_scan(void *self, const struct host_scan_opts *o, struct host_scan *out,
	     struct err *e);
int ops_getent(void *self, enum host_db db, const char *name,
	       struct host_ent *out, struct err *e);
int ops_conf(void *self, struct host_conf *out, struct err *e);

#endif
