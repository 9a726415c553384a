/* SPDX-License-Identifier: Apache-2.0 */
/* The ways to learn that a host is off, as novahaul.conf(5) has them. */
#include <string.h>

#include "core/str.h"
#include "engine/journal.h"
#include "fence/fence.h"
#include "join/join.h"

struct looking {
	const struct app_fence *r;
	struct config_fence conf;
	struct fence_way way;
	int (*fn)(void *arg, const struct fence_evidence *ev, struct err *e);
	void *arg;
};

static struct fence_way way_of(const struct config *c, const struct looking *l)
{
	const struct config_host *h = config_host(c, l->r->host);
	const struct config_fence *f = &l->conf;

	return (struct fence_way){
		.host = l->r->host,
		.address = h ? h->address : NULL,
		.port = h && h->port ? h->port : c->ssh.port,
		.timeout_s = f->timeout,
		.act = l->r->act,
		.command = &f->command,
		.readback = &f->readback,
		.off_word = f->off_word,
		.on_word = f->on_word,
		.agent = f->agent,
		.options = f->options,
		.storage = &f->storage,
		.rbd = &f->rbd,
		.rbd_command = &f->rbd_command,
		.statement = l->r->statement,
		.by = l->r->by,
		.reason = l->r->reason,
	};
}

/* Those that only watch are asked whatever was asked for: life that they see
 * is a veto. */
static bool wanted(const struct looking *l, const struct fence_provider *p)
{
	const char *only = l->r->provider;

	if (!p->usable(&l->way))
		return false;
	if (!p->proves)
		return true;
	if (l->r->statement)
		return !p->acts;
	if (only)
		return !strcmp(p->name, only);
	return !l->conf.provider.n || strv_has(&l->conf.provider, p->name);
}

static int check_names(const struct looking *l, struct err *e)
{
	const struct strv *v = &l->conf.provider;
	const char *only = l->r->provider;
	const struct fence_provider *p = only ? fence_provider(only) : NULL;

	for (size_t i = 0; i < v->n; i++)
		if (!fence_provider(v->v[i]))
			return err_set(e, ERR_USAGE,
				       "[fence] provider = %s: there is none "
				       "of this name",
				       v->v[i]);
	if (p && !p->usable(&l->way)) {
		err_set(e, ERR_USAGE, "host %s: %s is not configured",
			l->r->host, only);
		return err_hint(e, "man novahaul.conf, [fence:%s]", l->r->host);
	}
	return 0;
}

static int one(struct looking *l, const struct fence_provider *p, struct err *e)
{
	struct fence_finding f = FENCE_FINDING_INIT;
	char owner[128];
	int rc;

	if (fence_take(p, &l->way, &f, e))
		return -1;
	journal_owner(owner, sizeof(owner));
	rc = l->fn(
		l->arg,
		&(struct fence_evidence){
			.host = l->r->host,
			.provider = p->name,
			.verdict = f.verdict,
			.taken_us = f.taken_us,
			.what = f.what,
			.by = l->r->statement && p->proves ? l->r->by : owner,
		},
		e);
	fence_finding_clear(&f);
	return rc;
}

int join_fence_look(struct app *a, const struct app_fence *r,
		    int (*fn)(void *arg, const struct fence_evidence *ev,
			      struct err *e),
		    void *arg, struct err *e)
{
	struct looking l = {.r = r,
			    .conf = config_fence(a->config, r->host),
			    .fn = fn,
			    .arg = arg};

	l.way = way_of(a->config, &l);
	if (check_names(&l, e))
		return -1;
	/* One that could not look keeps no other from seeing life. */
	for (const struct fence_provider *const *p = fence_providers; *p; p++) {
		struct err why = ERR_INIT;

		if (!wanted(&l, *p) || !one(&l, *p, &why))
			continue;
		if (e->kind == ERR_NONE)
			err_move(e, &why);
		err_clear(&why);
	}
	return e->kind == ERR_NONE ? 0 : -1;
}
