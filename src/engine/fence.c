/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/fence.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/str.h"
#include "engine/journal_priv.h"

/* A clock that was set back by this much is no news. */
#define SKEW_US (5 * 1000000LL)

static const char *const verdict_names[] = {
	[FENCE_UNKNOWN] = "unknown",
	[FENCE_ALIVE] = "alive",
	[FENCE_OFF] = "off",
};

const char *fence_verdict_name(enum fence_verdict v)
{
	return verdict_names[v];
}

enum fence_verdict fence_verdict_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verdict_names); i++)
		if (str_is(name, verdict_names[i]))
			return (enum fence_verdict)i;
	return FENCE_UNKNOWN;
}

/* --- the rule */

/* Has nobody of the same provider seen anything later? */
static bool is_newest(const struct fence_evidence *ev, size_t n, size_t i)
{
	for (size_t k = 0; k < n; k++)
		if (k != i && !strcmp(ev[k].provider, ev[i].provider) &&
		    (ev[k].taken_us > ev[i].taken_us ||
		     (ev[k].taken_us == ev[i].taken_us && ev[k].id > ev[i].id)))
			return false;
	return true;
}

/* Was it taken after everything that saw life? */
static bool is_last_word(const struct fence_evidence *ev, size_t n, size_t i)
{
	for (size_t k = 0; k < n; k++)
		if (ev[k].verdict == FENCE_ALIVE &&
		    ev[k].taken_us >= ev[i].taken_us)
			return false;
	return true;
}

enum fence_verdict fence_judge(const struct fence_evidence *ev, size_t n,
			       const struct fence_rule *rule, long *which)
{
	int64_t max = (rule->max_age_s ? rule->max_age_s : FENCE_MAX_AGE) *
		      INT64_C(1000000);
	long off = -1, alive = -1;

	for (size_t i = 0; i < n; i++) {
		int64_t age = rule->now_us - ev[i].taken_us;

		if (age > max || !is_newest(ev, n, i))
			continue;
		if (ev[i].verdict == FENCE_ALIVE &&
		    (alive < 0 || ev[i].taken_us > ev[alive].taken_us))
			alive = (long)i;
		if (ev[i].verdict == FENCE_OFF && age >= -SKEW_US &&
		    is_last_word(ev, n, i) &&
		    (off < 0 || ev[i].taken_us > ev[off].taken_us))
			off = (long)i;
	}
	if (which)
		*which = alive >= 0 ? alive : off;
	return alive >= 0 ? FENCE_ALIVE : off >= 0 ? FENCE_OFF : FENCE_UNKNOWN;
}

/* --- the journal */

static int add(struct journal *j, void *arg, struct err *e)
{
	const struct fence_evidence *ev = arg;
	struct store_stmt *st = journal_stmt(j, "add-fence");
	AUTO(mem_freep)
	char *what = ev->what ? json_dumps(ev->what, JSON_COMPACT) : NULL;

	journal_bind(st, ":host", ev->host);
	journal_bind(st, ":provider", ev->provider);
	journal_bind(st, ":verdict", fence_verdict_name(ev->verdict));
	journal_bind_int(st, ":taken", ev->taken_us);
	journal_bind_int(st, ":written", clock_now_us());
	journal_bind(st, ":evidence", what ? what : "{}");
	journal_bind(st, ":by", ev->by ? ev->by : "");
	return journal_exec(j, st, e);
}

int fence_add(struct journal *j, const struct fence_evidence *ev, struct err *e)
{
	struct fence_evidence copy = *ev;

	if (!ev->host || !*ev->host || !ev->provider || !*ev->provider ||
	    ev->taken_us <= 0)
		return err_set(e, ERR_BUG,
			       "evidence without a host, a "
			       "provider or a time");
	return journal_write(j,
			     &(struct journal_write){.what = "fence evidence",
						     .body = add,
						     .arg = &copy},
			     e);
}

int fence_each(struct journal *j, const char *host, fence_each_fn *fn,
	       void *arg, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "get-fence");
	bool more = true;
	int rc = 0;

	journal_bind(st, ":host", host);
	while (more && (rc = journal_step_row(j, st, e)) > 0) {
		json_t *what = json_loads(journal_text(st, 5), 0, NULL);

		more = fn(arg, &(struct fence_evidence){
				       .id = journal_int(st, 0),
				       .host = journal_text(st, 1),
				       .provider = journal_text(st, 2),
				       .verdict = fence_verdict_by_name(
					       journal_text(st, 3)),
				       .taken_us = journal_int(st, 4),
				       .what = what,
				       .by = journal_text(st, 6),
			       });
		json_decref(what);
	}
	journal_reset(st);
	return rc < 0 ? -1 : 0;
}

static int forget(struct journal *j, void *arg, struct err *e)
{
	struct store_stmt *st = journal_stmt(j, "forget-fence");

	journal_bind(st, ":host", arg);
	return journal_exec(j, st, e);
}

int fence_forget(struct journal *j, const char *host, struct err *e)
{
	AUTO(mem_freep) char *name = mem_strdup(host);

	return journal_write(j,
			     &(struct journal_write){.what = "fence forgotten",
						     .body = forget,
						     .arg = name},
			     e);
}

/* --- the question */

struct heap {
	struct fence_evidence *ev;
	size_t n;
};

/* All of it: what is void is decided by what is old as well. */
static bool collect(void *arg, const struct fence_evidence *ev)
{
	struct heap *h = arg;

	h->ev = mem_realloc(h->ev, h->n + 1, sizeof(*h->ev));
	h->ev[h->n] = *ev;
	h->ev[h->n].what = json_incref((json_t *)ev->what);
	h->ev[h->n].host = NULL;
	h->ev[h->n].provider = mem_strdup(ev->provider);
	h->ev[h->n++].by = mem_strdup(ev->by);
	return true;
}

static void heap_clear(struct heap *h)
{
	for (size_t i = 0; i < h->n; i++) {
		mem_free((char *)h->ev[i].provider);
		mem_free((char *)h->ev[i].by);
		json_decref((json_t *)h->ev[i].what);
	}
	mem_free(h->ev);
}

static unsigned age_of(const struct fence_evidence *ev, int64_t now)
{
	int64_t age = (now - ev->taken_us) / 1000000;

	return age > 0 ? (unsigned)age : 0;
}

/* Does somebody say, or has somebody said, that it is off all the same? */
static bool is_stated(const struct heap *h)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->ev[i].verdict == FENCE_OFF &&
		    !strcmp(h->ev[i].provider, "statement"))
			return true;
	return false;
}

static int refuse_alive(const char *host, const struct fence_evidence *alive,
			const struct heap *h, const struct fence_rule *rule,
			struct err *e)
{
	const char *note =
		json_string_value(json_object_get(alive->what, "note"));

	err_set(e, ERR_FENCE,
		"host %s is not proven to be off%s: it was seen alive %u s ago "
		"(%s%s%s)",
		host, is_stated(h) ? ", whatever was stated" : "",
		age_of(alive, rule->now_us), alive->provider, note ? ": " : "",
		note ? note : "");
	return err_hint(e,
			"switch it off, then novahaul fence %s; novahaul fence "
			"%s --show tells what was seen",
			host, host);
}

static int refuse(const char *host, const struct fence_evidence *alive,
		  const struct heap *h, const struct fence_rule *rule,
		  struct err *e)
{
	unsigned max = rule->max_age_s ? rule->max_age_s : FENCE_MAX_AGE;

	if (alive)
		return refuse_alive(host, alive, h, rule, e);
	err_set(e, ERR_FENCE, "host %s is not proven to be off: %s", host,
		h->n ? "what evidence there is, is unknown, void or too old"
		     : "there is no evidence");
	return err_hint(e,
			"novahaul fence %s (evidence counts for %u s; "
			"--show tells what there is)",
			host, max);
}

int fence_require(struct journal *j, const char *host, unsigned max_age_s,
		  struct fence_proof *out, struct err *e)
{
	struct fence_rule rule = {clock_now_us(), max_age_s};
	AUTO(heap_clear) struct heap h = {0};
	enum fence_verdict v;
	long which;

	if (fence_each(j, host, collect, &h, e))
		return err_wrap(e, "looking for proof that %s is off", host);
	v = fence_judge(h.ev, h.n, &rule, &which);
	if (v != FENCE_OFF)
		return refuse(host, v == FENCE_ALIVE ? &h.ev[which] : NULL, &h,
			      &rule, e);
	if (!out)
		return 0;
	*out = (struct fence_proof){
		.id = h.ev[which].id,
		.taken_us = h.ev[which].taken_us,
		.age_s = age_of(&h.ev[which], rule.now_us),
	};
	snprintf(out->provider, sizeof(out->provider), "%s",
		 h.ev[which].provider);
	snprintf(out->by, sizeof(out->by), "%s", h.ev[which].by);
	return 0;
}

/* Both are whole seconds, of two clocks. */
enum { SEEN_SLACK_S = 2 };

int fence_seen(const struct fence_proof *p, const char *host, int64_t seen_s,
	       struct err *e)
{
	if (seen_s < 0 || seen_s + SEEN_SLACK_S >= (int64_t)p->age_s)
		return 0;
	err_set(e, ERR_FENCE,
		"nova-compute on %s was seen %lld s ago, which is after the "
		"proof that it is off (%s, %u s ago)",
		host, (long long)seen_s, p->provider, p->age_s);
	return err_hint(e,
			"is it back?  novahaul fence %s --forget; once it is "
			"off again: novahaul fence %s",
			host, host);
}

/* A proof is dated by when its look began, and a BMC takes its time; two clocks
 * besides. */
enum { WRITTEN_SLACK_S = 60 };

int fence_written(const struct fence_proof *p, const char *host,
		  const char *file, int64_t mtime_us, struct err *e)
{
	if (mtime_us <= p->taken_us + WRITTEN_SLACK_S * 1000000LL ||
	    mtime_us > clock_now_us())
		return 0;
	err_set(e, ERR_FENCE,
		"%s, of %s, was written %lld s after the proof that "
		"it is off (%s, %u s ago)",
		file, host, (long long)(mtime_us - p->taken_us) / 1000000,
		p->provider, p->age_s);
	return err_hint(e,
			"is %s off for certain, and that file a copy, "
			"or its clock ahead?  Then prove it anew: novahaul "
			"fence %s",
			host, host);
}
