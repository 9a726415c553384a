/* SPDX-License-Identifier: Apache-2.0 */
#include "host/session.h"

#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "wire/wire.h"

/* A host that was reached and is gone: so long for TCP to find it again, where
 * load cannot matter, and for so long a failure is not tried again. */
#define REDIAL_US (5 * 1000000LL)
#define GONE_US (2 * 1000000LL)

/* ---- links ----------------------------------------------------------- */

struct link *link_open(const struct conf *cfg, struct err *e)
{
	struct link *l = cfg->local ? local_open(cfg, e) : ssh_open(cfg, e);

	if (!l)
		return NULL;
	l->client.dead_us = cfg->dead_us;
	/* Over SSH it was part of finding the agent. */
	if (cfg->local &&
	    client_hello(&l->client, clock_mono_us() + cfg->connect_us, e)) {
		link_close(l);
		return NULL;
	}
	return l;
}

void link_close(struct link *l)
{
	if (l)
		l->ops->close(l);
}

/* What the far side said as it ended, if anything. */
static void add_said(struct link *l, struct err *e)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	l->ops->said(l, &b);
	if (!b.len)
		return;
	while (b.len && (b.p[b.len - 1] == '\n' || b.p[b.len - 1] == '\r'))
		b.p[--b.len] = '\0';
	err_wrap(e, "its stderr: \"%.300s\"", buf_str(&b));
}

/* It was there once: from now on it need not be waited for as long. */
static void lose_link(struct session *s)
{
	link_close(s->link);
	s->link = NULL;
	if (s->cfg.tcp_us > REDIAL_US)
		s->cfg.tcp_us = REDIAL_US;
}

static void drop_link(struct session *s, struct err *e)
{
	add_said(s->link, e);
	lose_link(s);
}

/* A failed dial answers for those who ask right after it, too: an undo and the
 * manifest before it, both sides of a copy. */
static struct link *dial(struct session *s, struct err *e)
{
	struct link *l;

	if (clock_mono_us() < s->gone_until) {
		err_copy(e, &s->gone);
		return NULL;
	}
	l = link_open(&s->cfg, e);
	if (l)
		return l;
	err_copy(&s->gone, e);
	s->gone_until = clock_mono_us() + GONE_US;
	return NULL;
}

static int need_link(struct session *s, struct err *e)
{
	struct err none = ERR_INIT;

	/* Better found dead now than when a mutation has been sent. */
	if (s->link && client_tick(&s->link->client, &none)) {
		err_clear(&none);
		lose_link(s);
	}
	if (s->link)
		return 0;
	s->link = dial(s, e);
	if (!s->link)
		return -1;
	if (s->held && ops_lease_again(s, e)) {
		link_close(s->link);
		s->link = NULL;
		return err_wrap(e, "after a new connection");
	}
	return 0;
}

/* ---- requests -------------------------------------------------------- */

static int ask_once(struct session *s, const struct ask *a, struct dec *out,
		    struct err *e)
{
	struct client_req r = {
		.type = (uint16_t)a->verb,
		.args = a->args,
		.mutates = a->mutates,
		.timeout_us = a->timeout_us,
	};
	int rc;

	if (!r.timeout_us && !a->slow)
		r.timeout_us = s->cfg.command_us;
	if (s->link == NULL)
		return err_set(e, ERR_BUG, "no link");
	s->link->client.epoch = s->epoch;
	s->link->client.on_wait = s->on_wait;
	s->link->client.wait_arg = s->wait_arg;
	s->asking = true;
	rc = client_call(&s->link->client, &r, out, e);
	s->asking = false;
	return rc;
}

int session_ask(struct session *s, const struct ask *a, struct dec *out,
		struct err *e)
{
	for (int tries = 0;; tries++) {
		bool late;

		if (need_link(s, e))
			return -1;
		if (!ask_once(s, a, out, e))
			return 0;
		if (!s->link->client.dead)
			return -1;
		late = e->sys == ETIMEDOUT;
		drop_link(s, e);
		/* Once more, where that cannot matter. */
		if (a->mutates || late || tries || e->kind != ERR_RETRY)
			return -1;
		err_clear(e);
	}
}

int session_do(struct session *s, const struct ask *a, struct err *e)
{
	struct dec d;

	if (session_ask(s, a, &d, e))
		return -1;
	return dec_end(&d, "answer", e);
}

int session_begin(struct session *s, const struct ask *a, struct err *e)
{
	struct client_req r = {.type = (uint16_t)a->verb,
			       .args = a->args,
			       .mutates = a->mutates};

	if (s->begun)
		return err_set(e, ERR_BUG, "an answer is waited for");
	if (need_link(s, e))
		return -1;
	s->link->client.epoch = s->epoch;
	s->link->client.on_wait = s->on_wait;
	s->link->client.wait_arg = s->wait_arg;
	if (!client_begin(&s->link->client, &r, &s->begun_id, e)) {
		s->begun = true;
		return 0;
	}
	if (s->link->client.dead)
		drop_link(s, e);
	return -1;
}

int session_end(struct session *s, struct err *e)
{
	struct client_req r = {.mutates = true};
	struct dec d;
	int rc;

	if (!s->begun)
		return err_set(e, ERR_BUG, "no answer is waited for");
	s->asking = true;
	rc = client_end(&s->link->client, &r, s->begun_id, &d, e);
	s->asking = s->begun = false;
	if (!rc)
		return dec_end(&d, "answer", e);
	if (s->link->client.dead)
		drop_link(s, e);
	return -1;
}

static int ops_tick(void *self, struct err *e)
{
	struct session *s = self;

	/* From within a wait of its own: the wait does all that is needed. */
	if (s->asking)
		return 0;
	/* Its answer is not ours to take. */
	if (s->begun)
		return client_alive(&s->link->client, e);
	if (!s->link)
		return err_set(e, ERR_RETRY, "the connection is gone");
	if (!client_tick(&s->link->client, e))
		return 0;
	drop_link(s, e);
	return -1;
}

static void ops_on_wait(void *self, void (*fn)(void *arg), void *arg)
{
	struct session *s = self;

	s->on_wait = fn;
	s->wait_arg = arg;
}

static struct client *ops_control(void *self, struct err *e)
{
	struct session *s = self;

	if (s->asking || s->begun) {
		err_set(e, ERR_BUG, "an answer is waited for");
		return NULL;
	}
	if (need_link(s, e))
		return NULL;
	s->link->client.epoch = s->epoch;
	/* It would tick this very client. */
	s->link->client.on_wait = NULL;
	return &s->link->client;
}

/* ---- bulk sessions --------------------------------------------------- */

static int bind_bulk(struct session *s, struct link *l, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct client_req r = {.type = VERB_LEASE_BIND,
			       .args = &a,
			       .timeout_us = s->cfg.command_us};
	struct dec d;

	if (!s->held)
		return 0;
	enc_str(&a, s->root);
	enc_str(&a, s->uuid);
	enc_str(&a, s->job);
	enc_u64(&a, s->epoch);
	l->client.epoch = s->epoch;
	return client_call(&l->client, &r, &d, e);
}

static struct host_session *ops_session_open(void *self, struct err *e)
{
	struct session *s = self;
	struct host_session *b;
	struct link *l;

	/* The lease is the control session's: it must stand. */
	if (need_link(s, e))
		return NULL;
	l = dial(s, e);
	if (!l)
		return NULL;
	if (bind_bulk(s, l, e)) {
		link_close(l);
		return NULL;
	}
	b = MEM_NEW(struct host_session);
	b->link = l;
	b->next = s->bulk;
	s->bulk = b;
	return b;
}

static void ops_session_close(void *self, struct host_session *b)
{
	struct session *s = self;
	struct host_session **p = &s->bulk;

	while (*p && *p != b)
		p = &(*p)->next;
	if (*p)
		*p = b->next;
	link_close(b->link);
	mem_free(b);
}

static struct client *ops_session_client(struct host_session *b)
{
	return &b->link->client;
}

/* ---- opening --------------------------------------------------------- */

static void ops_close(void *self)
{
	struct session *s = self;

	while (s->bulk)
		ops_session_close(s, s->bulk);
	link_close(s->link);
	mem_free(s->root);
	mem_free(s->uuid);
	mem_free(s->job);
	mem_free(s->owner);
	mem_free(s->session);
	err_clear(&s->gone);
	conf_clear(&s->cfg);
	mem_free(s);
}

const struct host_ops session_ops = {
	.close = ops_close,
	.tick = ops_tick,
	.on_wait = ops_on_wait,
	.info = ops_info,
	.hostkey = ops_hostkey,
	.lease_read = ops_lease_read,
	.lease_claim = ops_lease_claim,
	.lease_release = ops_lease_release,
	.stat = ops_stat,
	.stats = ops_stats,
	.locked = ops_locked,
	.list = ops_list,
	.read = ops_read,
	.write = ops_write,
	.write_begin = ops_write_begin,
	.write_end = ops_write_end,
	.mkdir = ops_mkdir,
	.rename = ops_rename,
	.hold = ops_hold,
	.unlink = ops_unlink,
	.rmtree = ops_rmtree,
	.chown = ops_chown,
	.chmod = ops_chmod,
	.touch = ops_touch,
	.fsync = ops_fsync,
	.statfs = ops_statfs,
	.digest = ops_digest,
	.trial = ops_trial,
	.reach = ops_reach,
	.run = ops_run,
	.scan = ops_scan,
	.getent = ops_getent,
	.conf = ops_conf,
	.control = ops_control,
	.session_open = ops_session_open,
	.session_close = ops_session_close,
	.session_client = ops_session_client,
};

static void set_profile(struct host_profile *p, const struct host_config *cfg)
{
	if (cfg->virsh)
		strv_addv(&p->virsh, cfg->virsh);
	else
		strv_add(&p->virsh, "virsh");
	for (const struct host_map *m = cfg->maps; m && m->theirs; m++) {
		p->maps = mem_realloc(p->maps, p->nmaps + 1, sizeof(*p->maps));
		p->maps[p->nmaps].theirs = mem_strdup(m->theirs);
		p->maps[p->nmaps++].ours = mem_strdup(m->ours);
	}
}

struct host *host_open(const struct host_config *cfg, struct err *e)
{
	struct session *s = MEM_NEW(struct session);
	struct host *h;

	if (conf_init(&s->cfg, cfg, e)) {
		mem_free(s);
		err_wrap(e, "host %s", cfg->name);
		return NULL;
	}
	s->link = link_open(&s->cfg, e);
	if (!s->link) {
		ops_close(s);
		err_wrap(e, "host %s", cfg->name);
		return NULL;
	}
	h = host_new(&session_ops, s, cfg->name);
	strv_clear(&h->profile.virsh);
	set_profile(&h->profile, cfg);
	log_info("%s: connected", cfg->name);
	return h;
}
