/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the plan of net.c on the host. */
#include "host/virsh_priv.h"

#include "core/log.h"
#include "host/net.h"

#define T_PROBE 130 /* above ovs-vsctl's own 120 */

static int probe(struct virsh *s, const struct net_step *n, bool *there,
		 struct err *e)
{
	AUTO(virsh_call_clear)
	struct virsh_call c = {.timeout_s = T_PROBE};

	strv_addv(&c.argv, (const char *const *)n->probe.v);
	if (virsh_run(s, &c, e))
		return -1;
	switch (n->how) {
	case NET_PROBE_EXIT:
		*there = !c.exit_code;
		if (!c.exit_code || c.exit_code == n->absent)
			return 0;
		break;
	case NET_PROBE_OUTPUT:
		*there = c.out.len;
		if (!c.exit_code)
			return 0;
		break;
	}
	virsh_failed(&c, e);
	return err_wrap(e, "%s", n->item);
}

static int run_all(struct virsh *s, const struct net_step *n,
		   const struct strv *argvs, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		AUTO(virsh_call_clear)
		struct virsh_call c = {.timeout_s = T_PROBE, .mutates = true};

		strv_addv(&c.argv, (const char *const *)argvs[i].v);
		if (virsh_ok(s, &c, e))
			return err_wrap(e, "%s", n->item);
	}
	return 0;
}

static int lacks(const struct net_step *n, struct err *e)
{
	err_set(e, ERR_REFUSED, "there is no %s, and it is not ours to make",
		n->item);
	return err_hint(e, "is the network agent of this host set up?");
}

int virsh_net_missing(struct virt *v, const struct domain *d,
		      struct strv *items, struct err *e)
{
	struct virsh *s = (struct virsh *)v;
	AUTO(net_plan_clear) struct net_plan p = {0};

	if (net_plan(d, NULL, &p, e))
		return -1;
	for (size_t i = 0; i < p.n; i++) {
		bool there = false;

		if (probe(s, &p.v[i], &there, e))
			return -1;
		if (there)
			continue;
		if (p.v[i].need)
			return lacks(&p.v[i], e);
		strv_add(items, p.v[i].item);
	}
	return 0;
}

int virsh_net_plug(struct virt *v, const struct domain *d, struct err *e)
{
	struct virsh *s = (struct virsh *)v;
	AUTO(net_plan_clear) struct net_plan p = {0};

	if (net_plan(d, NULL, &p, e))
		return -1;
	for (size_t i = 0; i < p.n; i++) {
		const struct net_step *n = &p.v[i];
		bool there = false;

		if (probe(s, n, &there, e))
			return -1;
		if (!there && n->need)
			return lacks(n, e);
		if (!there && run_all(s, n, n->create, n->n_create, e))
			return -1;
		if (run_all(s, n, n->settle, n->n_settle, e))
			return -1;
	}
	return 0;
}

/* Somebody else's ports are on the bridge by now: then it stays. */
static int in_use(struct virsh *s, const struct net_step *n, bool *used,
		  struct err *e)
{
	AUTO(virsh_call_clear)
	struct virsh_call c = {.timeout_s = T_PROBE};

	if (!n->guard.n)
		return 0;
	strv_addv(&c.argv, (const char *const *)n->guard.v);
	if (virsh_ok(s, &c, e))
		return err_wrap(e, "%s", n->item);
	*used = c.out.len;
	return 0;
}

static int undo(struct virsh *s, const struct net_step *n, struct err *e)
{
	bool there = false, used = false;

	if (probe(s, n, &there, e))
		return -1;
	if (!there)
		return 0;
	if (in_use(s, n, &used, e))
		return -1;
	if (used) {
		log_info("host %s: %s is in use by others and stays", s->host,
			 n->item);
		return 0;
	}
	return run_all(s, n, &n->undo, 1, e);
}

int virsh_net_unplug(struct virt *v, const struct domain *d,
		     const struct strv *items, struct err *e)
{
	struct virsh *s = (struct virsh *)v;
	AUTO(net_plan_clear) struct net_plan p = {0};

	if (net_plan(d, NULL, &p, e))
		return -1;
	for (size_t i = p.n; i-- > 0;)
		if (p.v[i].undo.n && strv_has(items, p.v[i].item) &&
		    undo(s, &p.v[i], e))
			return -1;
	return 0;
}
