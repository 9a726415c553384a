/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/session.h"

#define RUN_US (30 * 1000000LL)
#define RUN_SLACK_US (15 * 1000000LL)
#define RUN_OUT (256 * 1024)

int ops_info(void *self, struct host_info *out, struct err *e)
{
	struct ask q = {.verb = VERB_INFO};
	struct dec d;

	if (session_ask(self, &q, &d, e))
		return -1;
	out->hostname = mem_strdup(dec_str(&d));
	out->kernel = mem_strdup(dec_str(&d));
	out->machine = mem_strdup(dec_str(&d));
	out->boot_id = mem_strdup(dec_str(&d));
	out->exe = mem_strdup(dec_str(&d));
	snprintf(out->exe_sha256, sizeof(out->exe_sha256), "%s", dec_str(&d));
	snprintf(out->build, sizeof(out->build), "%s", dec_str(&d));
	out->uid = dec_u32(&d);
	out->clock_us = dec_i64(&d);
	return dec_end(&d, "info", e);
}

int ops_hostkey(void *self, struct host_key *out, struct err *e)
{
	struct session *s = self;
	struct ask q = {.verb = VERB_HOSTKEY};
	AUTO(strv_clear) struct strv f = STRV_INIT;
	const char *line;
	struct dec d;

	/* The key that was checked, where there is one. */
	line = s->link ? s->link->ops->hostkey(s->link) : NULL;
	out->address = mem_strdup(s->cfg.local ? "localhost" : s->cfg.address);
	out->port = s->cfg.port;
	if (line) {
		out->line = mem_strdup(line);
		return 0;
	}
	if (session_ask(s, &q, &d, e))
		return -1;
	line = dec_str(&d);
	strv_split(&f, line, " ");
	if (f.n < 2)
		return err_set(e, ERR_FAILED, "host key \"%s\"", line);
	out->line = mem_printf("%s %s", f.v[0], f.v[1]); /* no comment */
	return dec_end(&d, "hostkey", e);
}

int ops_run(void *self, struct host_run *r, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	int64_t timeout = r->timeout_us ? r->timeout_us : RUN_US;
	struct ask q = {.verb = r->mutates ? VERB_RUN : VERB_RUN_READ,
			.args = &a,
			.mutates = r->mutates,
			.timeout_us = timeout + RUN_SLACK_US};
	const void *p;
	struct dec d;
	size_t n;

	if (r->in_len > WIRE_BULK_MAX)
		return err_set(e, ERR_BUG, "%zu bytes of input", r->in_len);
	enc_strv(&a, r->argv);
	enc_bytes(&a, r->in, r->in_len);
	enc_i64(&a, timeout);
	enc_u32(&a, r->out_max ? (uint32_t)r->out_max : RUN_OUT);
	enc_str(&a, r->user);
	enc_bool(&a, r->kill_on_close);
	enc_bool(&a, r->hostile.root != NULL);
	if (r->hostile.root) {
		enc_str(&a, r->hostile.root);
		enc_str(&a, r->hostile.rel);
	}
	if (session_ask(self, &q, &d, e))
		return -1;
	r->exit_code = (int)dec_u32(&d);
	p = dec_bytes(&d, &n);
	buf_put(&r->out, p, n);
	p = dec_bytes(&d, &n);
	buf_put(&r->err, p, n);
	return dec_end(&d, "run", e);
}

static void get_proc(struct dec *d, struct host_proc *p)
{
	p->pid = dec_u32(d);
	p->comm = mem_strdup(dec_str(d));
	p->exe = mem_strdup(dec_str(d));
	p->rss_kib = dec_u64(d);
	p->start = dec_u64(d);
	p->by_uuid = dec_bool(d);
	p->by_name = dec_bool(d);
	p->by_file = dec_bool(d);
	p->by_pid = dec_bool(d);
	p->ours = dec_bool(d);
	p->dev = dec_u64(d);
	p->ino = dec_u64(d);
}

static void get_lock(struct dec *d, struct host_lock *l)
{
	l->dev = dec_u64(d);
	l->ino = dec_u64(d);
	snprintf(l->kind, sizeof(l->kind), "%s", dec_str(d));
	l->write = dec_bool(d);
	l->pid = dec_i64(d);
	l->start = dec_u64(d);
	l->end = dec_u64(d);
	l->qemu = dec_bool(d);
}

static void put_scan(struct enc *a, const struct host_scan_opts *o)
{
	enc_str(a, o->uuid);
	enc_str(a, o->domain);
	enc_count(a, o->nfiles);
	for (size_t i = 0; i < o->nfiles; i++) {
		enc_u64(a, o->files[i].dev);
		enc_u64(a, o->files[i].ino);
	}
	enc_count(a, o->npids);
	for (size_t i = 0; i < o->npids; i++)
		enc_u32(a, o->pids[i]);
}

int ops_scan(void *self, const struct host_scan_opts *o, struct host_scan *out,
	     struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {.verb = VERB_PROC_SCAN, .args = &a};
	struct dec d;
	size_t n;

	put_scan(&a, o);
	if (session_ask(self, &q, &d, e))
		return -1;
	n = dec_count(&d, 50);
	out->procs = MEM_NEW_N(struct host_proc, n + 1);
	for (out->nprocs = 0; out->nprocs < n; out->nprocs++)
		get_proc(&d, &out->procs[out->nprocs]);
	n = dec_count(&d, 46);
	out->locks = MEM_NEW_N(struct host_lock, n + 1);
	for (out->nlocks = 0; out->nlocks < n; out->nlocks++)
		get_lock(&d, &out->locks[out->nlocks]);
	return dec_end(&d, "scan", e);
}

int ops_getent(void *self, enum host_db db, const char *name,
	       struct host_ent *out, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {.verb = VERB_GETENT, .args = &a};
	const char *f[7] = {0};
	struct dec d;

	enc_u8(&a, (uint8_t)db);
	enc_str(&a, name);
	if (session_ask(self, &q, &d, e))
		return -1;
	out->found = dec_bool(&d);
	for (size_t i = 0; i < ARRAY_SIZE(f); i++)
		f[i] = dec_str(&d);
	if (dec_end(&d, "getent", e) || !out->found)
		return e->kind == ERR_NONE ? 0 : -1;
	out->name = mem_strdup(f[0]);
	out->id = (uint32_t)strtoul(f[2], NULL, 10);
	if (db == HOST_PASSWD) {
		out->gid = (uint32_t)strtoul(f[3], NULL, 10);
		out->home = mem_strdup(f[5]);
		out->shell = mem_strdup(f[6]);
	}
	return 0;
}

int ops_conf(void *self, struct host_conf *out, struct err *e)
{
	struct ask q = {.verb = VERB_CONF};
	struct dec d;
	size_t n;

	if (session_ask(self, &q, &d, e))
		return -1;
	out->running = dec_bool(&d);
	out->pid = dec_u32(&d);
	out->user = mem_strdup0(dec_str0(&d));
	dec_strv(&d, &out->argv);
	n = dec_count(&d, 10);
	out->files = MEM_NEW_N(struct host_conf_file, n + 1);
	for (out->nfiles = 0; out->nfiles < n; out->nfiles++) {
		out->files[out->nfiles].path = mem_strdup(dec_str(&d));
		out->files[out->nfiles].text = mem_strdup(dec_str(&d));
	}
	dec_strv(&d, &out->env);
	return dec_end(&d, "conf", e);
}
