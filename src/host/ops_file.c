/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "host/session.h"

void put_path(struct enc *a, struct host_path p)
{
	enc_str(a, p.root);
	enc_str(a, p.rel);
}

static void get_stat(struct dec *d, struct host_stat *s)
{
	s->type = (enum host_type)dec_u8(d);
	s->size = dec_u64(d);
	s->blocks = dec_u64(d);
	s->mode = dec_u32(d);
	s->uid = dec_u32(d);
	s->gid = dec_u32(d);
	s->user = mem_strdup0(dec_str0(d));
	s->group = mem_strdup0(dec_str0(d));
	s->dev = dec_u64(d);
	s->ino = dec_u64(d);
	s->nlink = dec_u64(d);
	s->mtime_ns = dec_i64(d);
}

int ops_stat(void *self, struct host_path p, struct host_stat *out,
	     struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {.verb = VERB_STAT, .args = &a};
	struct dec d;

	put_path(&a, p);
	if (session_ask(self, &q, &d, e))
		return -1;
	if (dec_bool(&d))
		get_stat(&d, out);
	return dec_end(&d, "stat", e);
}

static int ask_paths(void *self, enum verb_type verb, const struct host_path *p,
		     size_t n, struct dec *d, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {.verb = verb, .args = &a};

	enc_count(&a, n);
	for (size_t i = 0; i < n; i++)
		put_path(&a, p[i]);
	return session_ask(self, &q, d, e);
}

int ops_stats(void *self, const struct host_path *p, size_t n,
	      struct host_stat *out, struct err *e)
{
	struct dec d;

	if (ask_paths(self, VERB_STATS, p, n, &d, e))
		return -1;
	for (size_t i = 0; i < n; i++)
		if (dec_bool(&d))
			get_stat(&d, &out[i]);
	return dec_end(&d, "stats", e);
}

int ops_locked(void *self, const struct host_path *p, size_t n,
	       enum host_open *out, struct err *e)
{
	struct dec d;

	if (ask_paths(self, VERB_LOCKED, p, n, &d, e))
		return -1;
	for (size_t i = 0; i < n; i++) {
		int64_t held = dec_i64(&d);

		out[i] = held < 0 ? HOST_OPEN_UNKNOWN
			 : held	  ? HOST_OPEN_QEMU
				  : HOST_OPEN_NOT;
	}
	return dec_end(&d, "locked", e);
}

int ops_list(void *self, const struct host_list_opts *o, struct host_list *out,
	     struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {.verb = VERB_LIST, .args = &a, .slow = true};
	struct dec d;
	size_t n;

	put_path(&a, o->path);
	enc_u32(&a, o->depth);
	enc_u32(&a, o->max);
	if (session_ask(self, &q, &d, e))
		return -1;
	n = dec_count(&d, 60);
	out->v = MEM_NEW_N(struct host_entry, n + 1);
	for (out->n = 0; out->n < n; out->n++) {
		out->v[out->n].rel = mem_strdup(dec_str(&d));
		get_stat(&d, &out->v[out->n].st);
	}
	return dec_end(&d, "list", e);
}

int ops_read(void *self, const struct host_read *r, struct buf *out,
	     struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {.verb = VERB_READ, .args = &a};
	struct dec d;
	const void *p;
	size_t n;

	put_path(&a, r->path);
	enc_u64(&a, r->off);
	enc_u32(&a, r->max ? (uint32_t)r->max : WIRE_BULK_MAX);
	if (session_ask(self, &q, &d, e))
		return -1;
	p = dec_bytes(&d, &n);
	if (dec_end(&d, "read", e))
		return -1;
	buf_put(out, p, n);
	return 0;
}

/* A mutation without an answer. */
static int change(void *self, enum verb_type v, const struct enc *a, bool slow,
		  struct err *e)
{
	struct ask q = {.verb = v, .args = a, .mutates = true, .slow = slow};

	return session_do(self, &q, e);
}

int ops_write_begin(void *self, const struct host_write *w, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {.verb = VERB_WRITE, .args = &a, .mutates = true};

	if (w->n > WIRE_BULK_MAX)
		return err_set(e, ERR_BUG, "%zu bytes in one write", w->n);
	put_path(&a, w->path);
	enc_u32(&a, w->mode ? w->mode : 0600);
	enc_bytes(&a, w->p, w->n);
	return session_begin(self, &q, e);
}

int ops_write_end(void *self, struct err *e)
{
	return session_end(self, e);
}

int ops_write(void *self, const struct host_write *w, struct err *e)
{
	return ops_write_begin(self, w, e) ? -1 : ops_write_end(self, e);
}

int ops_mkdir(void *self, const struct host_mkdir *m, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;

	put_path(&a, m->path);
	enc_u32(&a, m->mode ? m->mode : 0700);
	enc_bool(&a, m->parents);
	return change(self, VERB_MKDIR, &a, true, e);
}

int ops_rename(void *self, const struct host_rename *r, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;

	put_path(&a, r->from);
	put_path(&a, r->to);
	enc_bool(&a, r->replace);
	return change(self, VERB_RENAME, &a, true, e);
}

int ops_hold(void *self, const struct host_hold *o, enum host_held *how,
	     struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {
		.verb = VERB_HOLD, .args = &a, .mutates = true, .slow = true};
	struct dec d;

	put_path(&a, o->from);
	put_path(&a, o->to);
	if (session_ask(self, &q, &d, e))
		return -1;
	*how = (enum host_held)dec_u8(&d);
	return dec_end(&d, "hold", e);
}

int ops_unlink(void *self, const struct host_unlink *u, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;

	put_path(&a, u->path);
	enc_bool(&a, u->dir);
	enc_bool(&a, u->missing);
	enc_u64(&a, u->ino);
	return change(self, VERB_UNLINK, &a, true, e);
}

int ops_rmtree(void *self, struct host_path p, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;

	put_path(&a, p);
	return change(self, VERB_RMTREE, &a, true, e);
}

int ops_chown(void *self, const struct host_chown *c, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;

	put_path(&a, c->path);
	enc_str(&a, c->user);
	enc_str(&a, c->group);
	enc_bool(&a, c->numeric);
	enc_bool(&a, c->tree);
	return change(self, VERB_CHOWN, &a, true, e);
}

int ops_chmod(void *self, const struct host_chmod *c, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;

	put_path(&a, c->path);
	enc_u32(&a, c->mode);
	return change(self, VERB_CHMOD, &a, false, e);
}

int ops_touch(void *self, struct host_path p, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;

	put_path(&a, p);
	return change(self, VERB_TOUCH, &a, false, e);
}

int ops_fsync(void *self, const struct host_fsync *f, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;

	put_path(&a, f->path);
	enc_bool(&a, f->tree);
	return change(self, VERB_FSYNC, &a, true, e);
}

int ops_statfs(void *self, struct host_path p, struct host_statfs *out,
	       struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {.verb = VERB_STATFS, .args = &a};
	struct dec d;

	put_path(&a, p);
	if (session_ask(self, &q, &d, e))
		return -1;
	out->size = dec_u64(&d);
	out->free = dec_u64(&d);
	out->avail = dec_u64(&d);
	out->inodes = dec_u64(&d);
	out->inodes_free = dec_u64(&d);
	out->fstype = mem_strdup(dec_str(&d));
	out->source = mem_strdup(dec_str(&d));
	out->options = mem_strdup(dec_str(&d));
	out->readonly = dec_bool(&d);
	out->dev = dec_u64(&d);
	return dec_end(&d, "statfs", e);
}

int ops_trial(void *self, const struct host_trial_opts *o,
	      struct host_trial *out, struct err *e)
{
	static const char *const nobody[] = {NULL};
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {.verb = VERB_TRIAL, .args = &a};
	struct dec d;

	put_path(&a, o->path);
	enc_str(&a, o->device ? o->device : "");
	enc_strv(&a, o->users ? o->users : nobody);
	if (session_ask(self, &q, &d, e))
		return -1;
	out->direct = (enum host_can)dec_u8(&d);
	out->punch = (enum host_can)dec_u8(&d);
	out->holes = (enum host_can)dec_u8(&d);
	out->quota = dec_bool(&d);
	out->quota_unknown = dec_bool(&d);
	out->quota_left = dec_u64(&d);
	return dec_end(&d, "trial", e);
}

int ops_reach(void *self, const struct host_reach_opts *o,
	      struct host_reach *out, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {.verb = VERB_REACH, .args = &a};
	struct dec d;

	enc_str(&a, o->address);
	enc_u32(&a, o->port);
	if (session_ask(self, &q, &d, e))
		return -1;
	out->client = dec_bool(&d);
	out->gcm = dec_bool(&d);
	out->reached = dec_bool(&d);
	out->why = mem_strdup(dec_str(&d));
	out->rtt_us = dec_i64(&d);
	out->cores = dec_u32(&d);
	out->streams = dec_u32(&d);
	return dec_end(&d, "reach", e);
}

int ops_digest(void *self, struct host_path p, struct host_digest *out,
	       struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {.verb = VERB_DIGEST, .args = &a, .slow = true};
	struct dec d;

	put_path(&a, p);
	enc_u8(&a, (uint8_t)out->how);
	if (session_ask(self, &q, &d, e))
		return -1;
	out->size = dec_u64(&d);
	snprintf(out->text, sizeof(out->text), "%s", dec_str(&d));
	return dec_end(&d, "digest", e);
}
