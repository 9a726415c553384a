/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ports: Neutron binds the instance's ports to the target.
 *
 * After the rewrite, as Nova does for its own migrations
 * (nova/compute/manager.py: _finish_resize, 33.0.0), and before the guest is
 * plugged: from then on the target's agent looks for them.
 */
#include <string.h>

#include "steps/util.h"

enum { TRIES = 5 };

static void bind_clear(struct cloud_bind *b)
{
	mem_freep(&b->host);
}

static int where(struct step_ctx *c, const char *port, struct cloud_bind *at,
		 struct err *e)
{
	const struct cloud_ops *o = &step_w(c)->cloud;

	return o->bound(o->self, port, at, e);
}

/* Nothing is left to do for it: it is on the target, or gone. */
static bool settled(const struct move *m, const struct cloud_bind *at)
{
	return !at->host || (!strcmp(at->host, m->dst.host) && !at->failed);
}

/* It is where this job has found it or put it. */
static bool ours(const struct move *m, const struct cloud_bind *at)
{
	return !strcmp(at->host, m->src.host) || !strcmp(at->host, m->dst.host);
}

/* The version is read before the claim is: see struct cloud_ops. */
static int bind_to(struct step_ctx *c, const char *port, const char *host,
		   struct err *e)
{
	const struct move *m = step_m(c);
	const struct cloud_ops *o = &step_w(c)->cloud;

	for (int i = 0; i < TRIES; i++) {
		AUTO(bind_clear) struct cloud_bind at = {0};

		err_clear(e);
		if (where(c, port, &at, e) || claim_holds(c, e))
			return -1;
		if (!at.host) {
			step_say(c, "port %s is gone", port);
			return 0;
		}
		if (!ours(m, &at))
			return err_set(e, ERR_CONFLICT,
				       "port %s was bound to '%s' meanwhile",
				       port, at.host);
		if (!o->bind(o->self, port, host, &at, e))
			return 0;
		if (e->kind != ERR_CONFLICT)
			return -1;
	}
	return -1;
}

static int bind_one(struct step_ctx *c, const char *port, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(bind_clear) struct cloud_bind at = {0};

	if (where(c, port, &at, e))
		return -1;
	if (at.host && settled(m, &at) && !step_recall(c, port))
		return 0;
	if (step_record_once(c, port, json_string(m->src.host), e))
		return -1;
	return bind_to(c, port, m->dst.host, e);
}

static int run(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	for (size_t i = 0; i < m->nports; i++)
		if (step_checkpoint(c, e) || bind_one(c, m->ports[i].id, e))
			return -1;
	return 0;
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	const struct move *m = step_m(c);
	size_t done = 0, asked = 0;

	for (size_t i = 0; i < m->nports; i++) {
		AUTO(bind_clear) struct cloud_bind at = {0};

		/* Nothing was asked for yet, see step_allocations.c. */
		if (!step_recall(c, m->ports[i].id))
			continue;
		asked++;
		if (where(c, m->ports[i].id, &at, e))
			return -1;
		done += settled(m, &at);
	}
	*state = !asked		     ? STEP_NOT_DONE
		 : done == m->nports ? STEP_DONE
				     : STEP_PARTIAL;
	return 0;
}

/* Neutron takes a host that it cannot plug the port on, and says so here. */
static int verify(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	for (size_t i = 0; i < m->nports; i++) {
		AUTO(bind_clear) struct cloud_bind at = {0};

		if (where(c, m->ports[i].id, &at, e))
			return -1;
		if (settled(m, &at))
			continue;
		err_set(e, ERR_FAILED, "port %s is %s %s", m->ports[i].id,
			at.failed ? "not plugged: Neutron found no way on"
				  : "bound to",
			at.host);
		return err_hint(e, "openstack network agent list --host %s",
				m->dst.host);
	}
	return 0;
}

/* 1: it is not where this job has put it, and not ours to change. */
static int taken(struct step_ctx *c, const char *port, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(bind_clear) struct cloud_bind at = {0};

	if (where(c, port, &at, e))
		return -1;
	if (at.host && ours(m, &at))
		return 0;
	step_say(c, "port %s is %s%s: left as it is", port,
		 at.host ? "bound to " : "gone", at.host ? at.host : "");
	return 1;
}

int ports_back(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	for (size_t i = 0; m->neutron && i < m->nports; i++) {
		const char *id = m->ports[i].id;
		int left = taken(c, id, e);

		if (left < 0 || (!left && bind_to(c, id, m->src.host, e)))
			return -1;
	}
	return 0;
}

/*
 * States, port by port: never asked for; bound to the source still or again; to
 * the target; gone; taken to a third host, which is not ours to change.
 */
static int undo(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	if (step_w(c)->gone)
		return 0;
	for (size_t i = 0; i < m->nports; i++) {
		const char *id = m->ports[i].id;
		const char *host = json_string_value(step_recall(c, id));
		int left = host ? taken(c, id, e) : 1;

		if (left < 0 || (!left && bind_to(c, id, host, e)))
			return -1;
	}
	return 0;
}

const struct step step_ports = {
	.name = "ports",
	.summary = "bind its ports to the target in Neutron",
	.mutates = true,
	.probe = probe,
	.run = run,
	.undo = undo,
	.verify = verify,
};
