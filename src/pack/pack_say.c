/* SPDX-License-Identifier: Apache-2.0 */
/* Refusals in words: what stands in the way, and what would have to give. */
#include <inttypes.h>
#include <string.h>

#include "core/str.h"
#include "pack/pack_priv.h"

#define WAYS 3 /* that are named */

/* What the phrases are about. */
struct talk {
	const struct pack_in *in;
	const struct pack_server *srv;
	const struct pack_group *group; /* or NULL */
	const struct pack_obstacle *o;
	const struct pack_host *host; /* the nearest one of O */
};

static const char *host_name(const struct talk *t)
{
	return t->host->name;
}

static const char *group_name(const struct talk *t)
{
	if (!t->group)
		return "?";
	return t->group->name ? t->group->name : t->group->id;
}

static const char *or_none(const char *s)
{
	return s ? s : "none";
}

/* ---- amounts */

/* V of 1/1024 steps of UNITS: "1.5 GiB". */
static void say_size(struct buf *b, uint64_t v, size_t unit)
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB",
					    "TiB",   "PiB", "EiB"};
	uint64_t rest = 0;

	while (v >= 1024 && unit + 1 < ARRAY_SIZE(units)) {
		rest = v % 1024;
		v /= 1024;
		unit++;
	}
	/* Rounded up: what is lacking is at least this. */
	rest = (rest * 10 + 1023) / 1024;
	if (rest == 10) {
		rest = 0;
		v++;
	}
	if (rest)
		buf_printf(b, "%" PRIu64 ".%" PRIu64 " %s", v, rest,
			   units[unit]);
	else
		buf_printf(b, "%" PRIu64 " %s", v, units[unit]);
}

static void say_res(struct buf *b, enum pack_res res, uint64_t v)
{
	switch (res) {
	case PACK_VCPU:
		buf_printf(b, "%" PRIu64 " vCPU%s", v, v == 1 ? "" : "s");
		break;
	case PACK_RAM_MB:
		say_size(b, v, 2);
		buf_puts(b, " of RAM");
		break;
	case PACK_DISK_MB:
		say_size(b, v, 2);
		buf_puts(b, " of disk");
		break;
	case N_PACK_RES:
		break;
	}
}

/* ---- what a host has against it */

/* false: there is nothing to say. */
static bool say_missing(struct buf *b, const char *what,
			const struct strv *want, const struct strv *have)
{
	bool said = false;

	for (size_t i = 0; i < want->n; i++) {
		if (strv_has(have, want->v[i]))
			continue;
		buf_printf(b, "%s%s", said ? ", " : what, want->v[i]);
		said = true;
	}
	return said;
}

static bool say_traits(struct buf *b, const struct talk *t)
{
	const struct strv *not = &t->srv->traits_not;

	for (size_t i = 0; i < not ->n; i++)
		if (strv_has(&t->host->traits, not ->v[i])) {
			buf_printf(b, "it has trait %s", not ->v[i]);
			return true;
		}
	return say_missing(b, "it lacks trait ", &t->srv->traits,
			   &t->host->traits);
}

static bool has_meta(const struct pack_host *h, const struct pack_meta *want)
{
	for (size_t i = 0; i < h->n_meta; i++)
		if (str_is(h->meta[i].key, want->key) && h->meta[i].value &&
		    pack_spec_match(h->meta[i].value,
				    want->value ? want->value : ""))
			return true;
	return false;
}

static bool say_wants(struct buf *b, const struct talk *t)
{
	for (size_t i = 0; i < t->srv->n_wants; i++)
		if (!has_meta(t->host, &t->srv->wants[i])) {
			buf_printf(b, "no aggregate there has %s: %s",
				   t->srv->wants[i].key,
				   or_none(t->srv->wants[i].value));
			return true;
		}
	return false;
}

static void say_max_unit(struct buf *b, const struct talk *t)
{
	buf_puts(b, "one server may have at most ");
	for (size_t d = 0; d < N_PACK_RES; d++) {
		uint64_t most = t->host->inv[d].max_unit;

		if (!most || t->srv->need[d] <= most)
			continue;
		say_res(b, (enum pack_res)d, most);
		buf_puts(b, " there");
		return;
	}
	buf_puts(b, "less there than one of its set has");
}

static bool say_two(struct buf *b, const char *what, const char *has,
		    const char *wants)
{
	if (!wants || str_is(has, wants))
		return false;
	buf_printf(b, "its %s is %s, not %s", what, or_none(has), wants);
	return true;
}

static bool say_one(struct buf *b, const char *what, const struct strv *has,
		    const char *wants)
{
	if (!wants || strv_has(has, wants))
		return false;
	buf_printf(b, "%s %s", what, wants);
	return true;
}

static bool say_version(struct buf *b, const struct talk *t)
{
	if (t->host->hypervisor >= t->srv->hypervisor)
		return false;
	buf_printf(b, "its hypervisor is %" PRIu64 ", older than %" PRIu64,
		   t->host->hypervisor, t->srv->hypervisor);
	return true;
}

static uint64_t seats_there(const struct talk *t)
{
	uint64_t n = 0;

	for (size_t i = 0; i < t->group->n_there; i++)
		if (str_is(t->group->there[i].host, host_name(t)))
			n += t->group->there[i].count;
	return n;
}

static void say_group(struct buf *b, const struct talk *t)
{
	uint64_t n;

	if (!t->group)
		return;
	buf_printf(b, "server group %s (%s) ", group_name(t),
		   pack_rule_name(t->group->rule));
	if (t->group->rule == PACK_AFFINITY) {
		buf_puts(b, "has its members elsewhere");
		return;
	}
	n = seats_there(t);
	if (n)
		buf_printf(b, "has %" PRIu64 " of its members there", n);
	else
		buf_puts(b, "has another member of this set there");
}

/* What is asked and what is there.  false: it is not this server that asks,
 * but another of its set. */
static bool say_asked(struct buf *b, const struct talk *t, enum pack_why why)
{
	const struct pack_server *s = t->srv;
	const struct pack_host *h = t->host;

	switch ((int)why) {
	case PACK_ARCH:
		return say_two(b, "architecture", h->arch, s->arch);
	case PACK_CPU:
		return say_one(b, "its CPU cannot be a", &h->cpus, s->cpu);
	case PACK_FLAGS:
		return say_missing(b, "its CPU lacks ", &s->flags, &h->flags);
	case PACK_MACHINE:
		return say_one(b, "it has no machine type", &h->machines,
			       s->machine);
	case PACK_HYPERVISOR:
		return say_version(b, t);
	case PACK_IMAGES_TYPE:
		return say_two(b, "images_type", h->images_type,
			       s->images_type);
	case PACK_CONFIG_DRIVE:
		return say_two(b, "config_drive_format", h->config_drive,
			       s->config_drive);
	case PACK_TRAITS:
		return say_traits(b, t);
	case PACK_ZONE:
		return say_two(b, "zone", h->zone, s->zone);
	case PACK_AGGREGATE:
		return say_wants(b, t);
	}
	return false;
}

/* "2 GiB of RAM": what is lacking.  false: WHY is not about an amount. */
static bool say_lack(struct buf *b, const struct pack_obstacle *o,
		     enum pack_why why)
{
	switch ((int)why) {
	case PACK_NO_VCPU:
		say_res(b, PACK_VCPU, o->lack[PACK_VCPU]);
		return true;
	case PACK_NO_RAM:
		say_res(b, PACK_RAM_MB, o->lack[PACK_RAM_MB]);
		return true;
	case PACK_NO_DISK:
		say_res(b, PACK_DISK_MB, o->lack[PACK_DISK_MB]);
		return true;
	case PACK_NO_BYTES:
		say_size(b, o->lack_bytes, 0);
		buf_puts(b, " in instances_path");
		return true;
	}
	return false;
}

/* What needs no figures. */
static const char *const plain[N_PACK_WHY] = {
	[PACK_NO_HOST] = "it is left out, while others of its affinity set go",
	[PACK_SOURCE] = "it is there now",
	[PACK_NOT_ASKED] = "not one of its targets",
	[PACK_AVOIDED] = "to be avoided for it",
	[PACK_DOWN] = "nova-compute is down",
	[PACK_DISABLED] = "nova-compute is disabled",
	[PACK_TENANTS] = "kept for other projects",
};

static void say_limit(struct buf *b, const struct talk *t, enum pack_why why)
{
	if (why == PACK_MAX_INSTANCES)
		buf_printf(b, "max_instances_per_host is %" PRIu64,
			   t->host->max_instances);
	else
		buf_printf(b, "no more than %" PRIu64 " are to go there",
			   t->host->max_new);
}

/* Why its caller wants HOST to be avoided, or NULL. */
static const char *avoided_for(const struct talk *t)
{
	const struct pack_server *s = t->srv;

	for (size_t i = 0; i < s->avoid.n && i < s->avoid_why.n; i++)
		if (str_is(s->avoid.v[i], t->host->name))
			return s->avoid_why.v[i];
	return NULL;
}

static void say_why(struct buf *b, const struct talk *t, enum pack_why why)
{
	if (why == PACK_AVOIDED && avoided_for(t))
		buf_puts(b, avoided_for(t));
	else if (plain[why])
		buf_puts(b, plain[why]);
	else if (why == PACK_REFUSED)
		buf_puts(b, t->host->why_not);
	else if (why == PACK_GROUP_TOGETHER || why == PACK_GROUP_APART)
		say_group(b, t);
	else if (why == PACK_MAX_UNIT)
		say_max_unit(b, t);
	else if (why == PACK_MAX_INSTANCES || why == PACK_MAX_NEW)
		say_limit(b, t, why);
	else if (say_lack(b, t->o, why))
		buf_puts(b, " short");
	else if (!say_asked(b, t, why))
		buf_printf(b, "not for another of its set (%s)",
			   pack_why_name(why));
}

static const struct pack_host nobody = {.name = "nowhere"};

static struct talk talk_of(const struct pack_in *in,
			   const struct pack_refusal *no,
			   const struct pack_obstacle *o)
{
	struct talk t = {.in = in, .srv = &in->servers[no->server], .o = o};

	t.host = o && o->host != PACK_NOWHERE ? &in->hosts[o->host] : &nobody;
	for (size_t g = 0; t.srv->group && !t.group && g < in->n_groups; g++)
		if (str_is(in->groups[g].id, t.srv->group))
			t.group = &in->groups[g];
	return t;
}

static const char *server_name(const struct pack_server *s)
{
	return s->name ? s->name : s->uuid;
}

/* The sums over its affinity set, or its own; says of how many. */
static size_t needs(const struct talk *t, uint64_t need[N_PACK_RES])
{
	bool set = t->group && t->group->rule == PACK_AFFINITY;
	const struct pack_server *all = set ? t->in->servers : t->srv;
	size_t n = 0;

	for (size_t i = 0; i < (set ? t->in->n_servers : 1); i++) {
		if (set && !str_is(all[i].group, t->group->id))
			continue;
		n++;
		for (size_t d = 0; d < N_PACK_RES; d++)
			if (__builtin_add_overflow(need[d], all[i].need[d],
						   &need[d]))
				need[d] = UINT64_MAX;
	}
	return n;
}

/* "web-7 (4 vCPUs, 8 GiB of RAM)" */
static void say_server(struct buf *b, const struct talk *t)
{
	uint64_t need[N_PACK_RES] = {0};
	size_t n = needs(t, need);
	const char *sep = " (";

	buf_puts(b, server_name(t->srv));
	if (n > 1)
		buf_printf(b,
			   ", one of %zu of server group %s that go together",
			   n, group_name(t));
	for (size_t d = 0; d < N_PACK_RES; d++) {
		if (!need[d])
			continue;
		buf_puts(b, sep);
		say_res(b, (enum pack_res)d, need[d]);
		sep = ", ";
	}
	if (sep[0] == ',')
		buf_putc(b, ')');
}

static void say_obstacle(struct buf *b, const struct talk *t)
{
	const char *sep = "";

	buf_puts(b, "\n  ");
	if (t->host != &nobody) {
		buf_puts(b, host_name(t));
		if (t->o->hosts > 1)
			buf_printf(b, " and %zu more", t->o->hosts - 1);
		buf_puts(b, ": ");
	}
	for (uint32_t m = t->o->why; m; m &= m - 1) {
		buf_puts(b, sep);
		say_why(b, t, (enum pack_why)__builtin_ctz(m));
		sep = "; ";
	}
}

void pack_say(const struct pack_in *in, const struct pack_refusal *no,
	      struct buf *b)
{
	struct talk t = talk_of(in, no, NULL);
	size_t hosts = 0;

	for (size_t i = 0; i < no->n; i++)
		hosts += no->v[i].hosts;
	say_server(b, &t);
	if (no->n == 1 && no->v[0].host == PACK_NOWHERE)
		buf_puts(b, " cannot stay");
	else if (hosts == 1)
		buf_puts(b, " does not fit");
	else if (hosts)
		buf_printf(b, " fits on none of %zu hosts", hosts);
	else
		buf_puts(b, " fits nowhere: there is no host");
	if (hosts)
		buf_puts(b, no->alone ? ", the others aside:"
				      : " beside the others:");
	for (size_t i = 0; i < no->n; i++) {
		t = talk_of(in, no, &no->v[i]);
		say_obstacle(b, &t);
	}
}

/* ---- what would have to give */

#define GIVABLE                                                                \
	(PACK_BIT(PACK_NOT_ASKED) | PACK_BIT(PACK_AVOIDED) |                   \
	 PACK_BIT(PACK_DOWN) | PACK_BIT(PACK_DISABLED) |                       \
	 PACK_BIT(PACK_TENANTS) | PACK_BIT(PACK_ZONE) |                        \
	 PACK_BIT(PACK_AGGREGATE) | PACK_BIT(PACK_GROUP_TOGETHER) |            \
	 PACK_BIT(PACK_GROUP_APART) | PACK_BIT(PACK_NO_VCPU) |                 \
	 PACK_BIT(PACK_NO_RAM) | PACK_BIT(PACK_NO_DISK) |                      \
	 PACK_BIT(PACK_NO_BYTES) | PACK_BIT(PACK_MAX_INSTANCES) |              \
	 PACK_BIT(PACK_MAX_NEW))

static void give(struct buf *b, const struct talk *t, enum pack_why why)
{
	switch ((int)why) {
	case PACK_NOT_ASKED:
		buf_puts(b, "the list of its targets");
		break;
	case PACK_AVOIDED:
		buf_puts(b, "the list of hosts to avoid");
		break;
	case PACK_DOWN:
		buf_puts(b, "nova-compute, down now,");
		break;
	case PACK_DISABLED:
		buf_puts(b, "nova-compute, disabled now,");
		break;
	case PACK_TENANTS:
		buf_puts(b, "the projects that the aggregate is kept for");
		break;
	case PACK_ZONE:
		buf_puts(b, "the zone asked for");
		break;
	case PACK_AGGREGATE:
		buf_puts(b, "what its flavor asks of aggregates");
		break;
	case PACK_GROUP_TOGETHER:
	case PACK_GROUP_APART:
		buf_printf(b, "the %s of server group %s",
			   why == PACK_GROUP_APART ? "anti-affinity"
						   : "affinity",
			   group_name(t));
		break;
	case PACK_MAX_INSTANCES:
		buf_printf(b, "%" PRIu64 " of max_instances_per_host",
			   t->o->lack_slots);
		break;
	case PACK_MAX_NEW:
		buf_printf(b, "%" PRIu64 " of the limit per target",
			   t->o->lack_slots);
		break;
	}
	say_lack(b, t->o, why);
}

void pack_say_way(const struct pack_in *in, const struct pack_refusal *no,
		  struct buf *b)
{
	unsigned said = 0;

	for (size_t i = 0; i < no->n && said < WAYS; i++) {
		struct talk t = talk_of(in, no, &no->v[i]);
		const char *sep = said ? ", or " : "";

		if (t.host == &nobody || (t.o->why & ~GIVABLE))
			continue;
		for (uint32_t m = t.o->why; m; m &= m - 1) {
			buf_puts(b, sep);
			give(b, &t, (enum pack_why)__builtin_ctz(m));
			sep = " and ";
		}
		buf_printf(b, " on %s", host_name(&t));
		said++;
	}
}
