/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traits: "trait:NAME" in a flavor's extra specs, "required" or "forbidden";
 * "trait:NAME" = "required" among an image's properties (Nova keeps those with
 * "image_" before them).  Only of the group without a number, and held against
 * the compute node's own provider: children and sharing ones are not looked at.
 * As nova/scheduler/utils.py, ResourceRequest, 18.0.0 to 33.0.0.
 */
#include <string.h>

#include "core/str.h"
#include "plan/plan_fleet_priv.h"

#define FLAVOR "trait:"
#define IMAGE "image_trait:"

static void add(const struct db_pairs *of, const char *prefix, const char *word,
		struct strv *out)
{
	size_t n = strlen(prefix);

	for (size_t i = 0; i < of->n; i++)
		if (!strncmp(of->v[i].key, prefix, n) &&
		    str_is(of->v[i].value, word) &&
		    !strv_has(out, of->v[i].key + n))
			strv_add(out, of->v[i].key + n);
}

static void of_server(const struct db_server *s, struct strv *required,
		      struct strv *forbidden)
{
	add(&s->extra_specs, FLAVOR, "required", required);
	add(&s->sysmeta, IMAGE, "required", required);
	add(&s->extra_specs, FLAVOR, "forbidden", forbidden);
}

/* Of those that may take something: nobody told of the others. */
static bool is_unknown(const struct fleet_host *t)
{
	return t->h.down.kind == ERR_NONE && !t->traits_known;
}

static bool some_unknown(const struct fleet_facts *f)
{
	for (size_t i = 0; i < f->n_hosts; i++)
		if (is_unknown(&f->hosts[i]))
			return true;
	return false;
}

void plan_fleet_traits(const struct plan_fleet *p, struct plan_one *o)
{
	if (!some_unknown(p->f))
		of_server(&o->s->f.srv, &o->traits, &o->traits_not);
}

void plan_fleet_host_traits(const struct fleet_facts *f,
			    const struct fleet_host *t, struct strv *out)
{
	AUTO(strv_clear) struct strv not = STRV_INIT;

	for (size_t i = 0; i < t->traits.n; i++)
		strv_add(out, t->traits.v[i]);
	/* It does not answer, which is said of it: nothing else is held
	 * against it. */
	for (size_t i = 0; !t->traits_known && i < f->n_servers; i++)
		of_server(&f->servers[i].f.srv, out, &not );
}

void plan_fleet_warn_traits(struct plan_fleet *p)
{
	AUTO(strv_clear) struct strv traits = STRV_INIT;
	AUTO(strv_clear) struct strv hosts = STRV_INIT;
	AUTO(mem_freep) char *names = NULL;
	AUTO(mem_freep) char *where = NULL;

	for (size_t i = 0; i < p->n_ones; i++)
		of_server(&p->ones[i].s->f.srv, &traits, &traits);
	for (size_t i = 0; i < p->f->n_hosts; i++)
		if (is_unknown(&p->f->hosts[i]))
			strv_add(&hosts, p->f->hosts[i].name);
	if (!traits.n || !hosts.n)
		return;
	names = strv_join(&traits, ", ");
	where = strv_join(&hosts, ", ");
	strv_addf(&p->warnings,
		  "traits that flavors and images ask for were not checked "
		  "(%s): Placement did not tell those of %s",
		  names, where);
}
