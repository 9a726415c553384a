/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps' carrier over transfer/: sessions of their own on both hosts,
 * opened at the first copy and kept from the pre-copy to the final pass.
 */
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "join/join.h"
#include "transfer/transfer.h"
#include "wire/wire.h"

struct carry_join {
	const struct config *config;
	struct world *w;
	struct host *src, *dst;
	struct host_session *ss, *ds;
	struct transfer *t;
	char *user;	  /* of the target, for the key */
	uint64_t bwlimit; /* what T was told */
	enum calm calm;	  /* likewise */
	unsigned streams; /* of the last copy */
};

struct carry_join *carry_join_new(const struct config *c, struct world *w)
{
	struct carry_join *j = MEM_NEW(struct carry_join);
	const struct config_host *h = config_host(c, w->move->dst.host);

	j->config = c;
	j->w = w;
	j->user = mem_strdup0(h && h->user ? h->user : c->ssh.user);
	return j;
}

static void hang_up(struct carry_join *j)
{
	transfer_real.close(j->t);
	j->t = NULL;
	if (j->ss)
		host_session_close(j->src, j->ss);
	if (j->ds)
		host_session_close(j->dst, j->ds);
	j->ss = j->ds = NULL;
}

void carry_join_free(struct carry_join *j)
{
	if (!j)
		return;
	hang_up(j);
	mem_free(j->user);
	mem_free(j);
}

/* transfer/transfer.h: struct transfer_late */
static struct client *late_open(void *arg, bool src, struct err *e)
{
	struct carry_join *j = arg;
	struct host *h = src ? j->src : j->dst;
	struct host_session **s = src ? &j->ss : &j->ds;

	if (!*s)
		*s = host_session_open(h, e);
	return *s ? host_session_client(h, *s) : NULL;
}

static struct client *late_ask(void *arg, struct err *e)
{
	struct carry_join *j = arg;

	return host_control(j->dst, e);
}

static int new_limit(struct carry_join *j, struct err *e)
{
	if (j->bwlimit == j->w->bwlimit)
		return 0;
	j->bwlimit = j->w->bwlimit;
	return transfer_real.limit(j->t, j->bwlimit, e);
}

/* While the guest is down nothing comes before its copy. */
static int new_calm(struct carry_join *j, const struct carry_file *f,
		    struct err *e)
{
	const char *name = j->config->copy.priority;
	enum calm c = CALM_LOW;

	if (!f->calm)
		c = CALM_NONE;
	else if (name && !calm_parse(name, &c))
		return err_set(e, ERR_BUG, "priority %s", name);
	if (j->calm == c)
		return 0;
	j->calm = c;
	return transfer_real.calm(j->t, c, e);
}

static int connect(struct carry_join *j, struct host *src, struct host *dst,
		   const struct carry_file *f, struct err *e)
{
	AUTO(host_key_clear) struct host_key key = {0};
	struct transfer_route r = {
		.job = f->job,
		.instance = j->w->move->uuid,
		.dst_user = j->user,
		.dst_sudo = j->user && strcmp(j->user, "root") != 0,
		.dst_root = j->w->move->dst.instances_path,
		.bwlimit = j->w->bwlimit,
		.streams = j->w->move->streams ? j->w->move->streams
					       : j->config->copy.streams,
		.tls_port_min = j->config->copy.tls_port_min,
		.tls_port_max = j->config->copy.tls_port_max,
	};

	if (j->t)
		return new_limit(j, e) || new_calm(j, f, e) ? -1 : 0;
	j->src = src;
	j->dst = dst;
	if (host_hostkey(dst, &key, e))
		return -1;
	/* Without .epoch, the world's: a connection made anew has raised it. */
	r.src.host = src->name;
	r.dst.host = dst->name;
	r.late = (struct transfer_late){late_open, late_ask, j};
	if (j->config->copy.compress &&
	    !zip_mode_parse(j->config->copy.compress, &r.compress))
		return err_set(e, ERR_BUG, "compress %s",
			       j->config->copy.compress);
	if (!transfer_via_parse(f->transport, &r.via))
		return err_set(e, ERR_BUG, "transport %s", f->transport);
	/* A target without a host key of its own (localhost) is relayed to. */
	if (key.line) {
		r.dst_addr = key.address;
		r.dst_port = (unsigned)key.port;
		r.dst_host_keys = key.line;
	}
	j->bwlimit = r.bwlimit;
	j->calm = CALM_NONE;
	j->t = transfer_real.open(&r, e);
	if (!j->t)
		return -1;
	if (transfer_real.why_not_tls(j->t))
		log_info("not over TLS: %s", transfer_real.why_not_tls(j->t));
	if (transfer_real.why_relay(j->t))
		log_info("files go through this machine: %s",
			 transfer_real.why_relay(j->t));
	return new_calm(j, f, e);
}

_Static_assert((int)CARRY_BAD <= (int)TRANSFER_BAD_LIST,
	       "what is told is what is known");

struct tick {
	const struct carry_file *f;
	struct carry_join *j;
};

static int on_tick(void *arg, const struct transfer_progress *p, struct err *e)
{
	struct tick *t = arg;

	world_tick(t->j->w);
	if (t->f->progress && t->f->progress(t->f->arg, p->pos, p->size, e))
		return -1;
	return new_limit(t->j, e);
}

static void fill(const struct carry_join *j, const struct transfer_result *t,
		 struct carry_result *r)
{
	const char *relay = transfer_real.why_relay(j->t);
	const char *tls = transfer_real.why_not_tls(j->t);
	const char *why = relay ? relay : t->streams_why;
	AUTO(buf_clear) struct buf all = BUF_INIT;

	*r = (struct carry_result){.size = t->size,
				   .read = t->bytes_read,
				   .sent = t->bytes_sent,
				   .wire = t->bytes_wire,
				   .matched = t->bytes_matched,
				   .allocated = t->dst_allocated,
				   .changed = t->changed,
				   .lost = t->bad_bytes,
				   .places = t->bad_ranges,
				   .streams = t->streams};
	for (size_t i = 0; i < CARRY_BAD && i < t->bad_ranges; i++)
		r->bad[i] = (struct carry_range){t->bad[i].off, t->bad[i].len};
	if (tls)
		buf_printf(&all, "%s%s", tls, *why ? "; " : "");
	buf_puts(&all, why);
	snprintf(r->why, sizeof(r->why), "%s", buf_str(&all));
	strncpy(r->method, transfer_delta_name(t->method),
		sizeof(r->method) - 1);
	strncpy(r->transport, transfer_via_name(t->via),
		sizeof(r->transport) - 1);
	memcpy(r->src, t->src_digest, sizeof(t->src_digest));
	memcpy(r->dst, t->dst_digest, sizeof(t->dst_digest));
}

static int file_of(struct tick *t, const struct carry_file *f,
		   struct transfer_file *tf, struct err *e)
{
	/* Not .verify_full: the step of that name reads both copies again, when
	 * all is in place.  Not .expect: no step knows a digest before the copy
	 * that both sides agree on. */
	*tf = (struct transfer_file){
		.src_root = f->from.root,
		.src_rel = f->from.rel,
		.dst_rel = f->to.rel,
		.basis_rel = f->basis,
		.final = f->final,
		.bad = f->bad_map ? TRANSFER_BAD_MAP : TRANSFER_BAD_REFUSE,
		.tick = on_tick,
		.arg = t,
	};
	if (strcmp(f->to.root, t->j->w->move->dst.instances_path) != 0)
		return err_set(e, ERR_BUG, "%s is not the target's root",
			       f->to.root);
	if (!transfer_delta_parse(f->delta, &tf->delta))
		return err_set(e, ERR_BUG, "delta method %s", f->delta);
	return 0;
}

static int copy_failed(struct carry_join *j, struct err *e)
{
	/* A broken stream is not used again; the .part is kept. */
	hang_up(j);
	/* Nothing that counts was changed: a copy may be repeated. */
	if (e->kind == ERR_LOST)
		e->kind = ERR_RETRY;
	return -1;
}

/* Over how many connections, once it is known. */
static void say_streams(struct carry_join *j, const struct transfer_result *r)
{
	if (r->streams == j->streams)
		return;
	j->streams = r->streams;
	log_info("copied to %s over %u %s connection%s%s%s",
		 j->w->move->dst.host, r->streams,
		 r->via == TRANSFER_VIA_TLS ? "TLS" : "SSH",
		 r->streams == 1 ? "" : "s",
		 *r->streams_why ? ", not more: " : "", r->streams_why);
}

static void say_packed(const struct carry_file *f,
		       const struct transfer_result *r)
{
	if (r->bytes_packed)
		log_info("%s: %.1f MiB of content, %.1f MiB of it compressed, "
			 "went as %.1f MiB",
			 f->from.rel, (double)r->bytes_sent / (1 << 20),
			 (double)r->bytes_packed / (1 << 20),
			 (double)r->bytes_wire / (1 << 20));
}

static int copy(void *self, struct host *src, struct host *dst,
		const struct carry_file *f, struct carry_result *r,
		struct err *e)
{
	struct carry_join *j = self;
	struct transfer_result res = {0};
	struct tick t = {f, j};
	struct transfer_file tf;

	if (file_of(&t, f, &tf, e))
		return -1;
	if (connect(j, src, dst, f, e) ||
	    transfer_real.copy(j->t, &tf, &res, e))
		return copy_failed(j, e);
	say_streams(j, &res);
	say_packed(f, &res);
	fill(j, &res, r);
	return 0;
}

static int copy_many(void *self, struct host *src, struct host *dst,
		     const struct carry_file *f, size_t n,
		     struct carry_result *r, struct err *e)
{
	struct carry_join *j = self;
	AUTO(mem_freep)
	struct transfer_file *tf = MEM_NEW_N(struct transfer_file, n + 1);
	AUTO(mem_freep)
	struct transfer_result *res = MEM_NEW_N(struct transfer_result, n + 1);
	struct tick t = {f, j};

	if (!n)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (file_of(&t, &f[i], &tf[i], e))
			return -1;
	if (connect(j, src, dst, f, e) ||
	    transfer_real.copy_many(j->t, tf, n, res, e))
		return copy_failed(j, e);
	for (size_t i = 0; i < n; i++)
		fill(j, &res[i], &r[i]);
	return 0;
}

static int cleanup(void *self, struct host *src, struct host *dst,
		   const char *job, struct err *e)
{
	struct carry_join *j = self;
	struct transfer_end end;

	(void)src;
	hang_up(j);
	if (!dst)
		return 0;
	end = (struct transfer_end){dst->name, host_control(dst, e)};
	return end.client ? transfer_real.revoke(&end, job, j->user, e) : -1;
}

const struct carrier carry_join_ops = {
	.copy = copy, .copy_many = copy_many, .cleanup = cleanup};
