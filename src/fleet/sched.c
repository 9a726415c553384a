/* SPDX-License-Identifier: Apache-2.0 */
#include "fleet/sched.h"

#include <stdlib.h>
#include <string.h>

enum { BACKOFF_FIRST_US = 2 * 1000000, BACKOFF_MOST_US = 60 * 1000000 };

struct member {
	char *name;
	size_t source, target;
	int priority;
	int64_t expected_s;
	size_t *bases;
	size_t n_bases;
	enum sched_state state;
	bool has_job;	   /* OPEN or locked: to be resumed */
	bool resume;	   /* not yet tried in this run */
	bool homeless;	   /* PENDING, and its target is lost */
	bool stranded;	   /* its open job goes back; then it begins anew */
	int64_t retry_us;  /* not before */
	int64_t locked_us; /* since when; 0: it is not */
	int64_t backoff_us;
};

/* A base image on a host: there, or on its way with a member. */
struct base {
	size_t base, host;
	bool there;
	size_t by;	/* SIZE_MAX: nobody */
	size_t brought; /* by this member; SIZE_MAX: it was there */
};

struct sched {
	struct sched_limits limits;
	struct member *m;
	size_t n;
	size_t *order; /* made anew when SORTED is false */
	bool sorted;
	size_t first; /* before it in ORDER nothing waits to begin */
	struct base *bases;
	size_t n_bases;
	size_t *lost; /* hosts */
	size_t n_lost;
	unsigned *from, *to; /* running members, by host */
	size_t n_hosts;
	size_t running, failures;
	bool paused, stopped;
};

struct sched *sched_new(const struct sched_limits *l)
{
	struct sched *s = MEM_NEW(struct sched);

	s->limits = *l;
	return s;
}

void sched_free(struct sched *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		mem_free(s->m[i].name);
		mem_free(s->m[i].bases);
	}
	mem_free(s->m);
	mem_free(s->order);
	mem_free(s->bases);
	mem_free(s->lost);
	mem_free(s->from);
	mem_free(s->to);
	mem_free(s);
}

static void know_host(struct sched *s, size_t host)
{
	if (host == SCHED_NO_HOST || host < s->n_hosts)
		return;
	s->from = mem_realloc(s->from, host + 1, sizeof(*s->from));
	s->to = mem_realloc(s->to, host + 1, sizeof(*s->to));
	for (; s->n_hosts <= host; s->n_hosts++)
		s->from[s->n_hosts] = s->to[s->n_hosts] = 0;
}

size_t sched_add(struct sched *s, const struct sched_member *m)
{
	struct member *own;

	s->m = mem_realloc(s->m, s->n + 1, sizeof(*s->m));
	own = &s->m[s->n];
	*own = (struct member){
		.name = mem_strdup(m->name ? m->name : ""),
		.source = m->source,
		.target = m->target,
		.priority = m->priority,
		.expected_s = m->expected_s,
		.n_bases = m->n_bases,
	};
	if (m->n_bases)
		own->bases = mem_dup(m->bases, m->n_bases * sizeof(*m->bases));
	know_host(s, m->source);
	know_host(s, m->target);
	if (m->target == SCHED_NO_HOST)
		own->state = SCHED_LEFT;
	s->sorted = false;
	return s->n++;
}

void sched_found(struct sched *s, size_t i, enum sched_state state)
{
	struct member *m = &s->m[i];

	m->state = state == SCHED_OPEN ? SCHED_PENDING : state;
	m->has_job = m->resume = state == SCHED_OPEN;
	s->sorted = false;
}

void sched_found_stranded(struct sched *s, size_t i)
{
	s->m[i].stranded = s->m[i].has_job;
	s->m[i].state = SCHED_PENDING;
	s->sorted = false;
}

/* --- base images */

static struct base *base_at(struct sched *s, size_t base, size_t host)
{
	for (size_t i = 0; i < s->n_bases; i++)
		if (s->bases[i].base == base && s->bases[i].host == host)
			return &s->bases[i];
	s->bases = mem_realloc(s->bases, s->n_bases + 1, sizeof(*s->bases));
	s->bases[s->n_bases] = (struct base){.base = base,
					     .host = host,
					     .by = SIZE_MAX,
					     .brought = SIZE_MAX};
	return &s->bases[s->n_bases++];
}

void sched_base_there(struct sched *s, size_t base, size_t host)
{
	base_at(s, base, host)->there = true;
}

/* Is a base that it needs on its way there with another? */
static bool waits_for_base(struct sched *s, const struct member *m)
{
	for (size_t i = 0; i < m->n_bases; i++) {
		const struct base *b = base_at(s, m->bases[i], m->target);

		if (!b->there && b->by != SIZE_MAX)
			return true;
	}
	return false;
}

static void bring_bases(struct sched *s, size_t i)
{
	const struct member *m = &s->m[i];

	for (size_t k = 0; k < m->n_bases; k++) {
		struct base *b = base_at(s, m->bases[k], m->target);

		if (!b->there && b->by == SIZE_MAX)
			b->by = i;
	}
}

static void bases_arrived(struct sched *s, size_t i, bool there)
{
	for (size_t k = 0; k < s->n_bases; k++)
		if (s->bases[k].by == i) {
			s->bases[k].by = SIZE_MAX;
			s->bases[k].brought = i;
			s->bases[k].there = there;
		}
}

/* Somebody else rests on it there, so that a rollback leaves it. */
static bool in_use(const struct sched *s, size_t base, size_t host)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct member *m = &s->m[i];

		if (m->target != host ||
		    (m->state != SCHED_RUNNING && m->state != SCHED_DONE))
			continue;
		for (size_t k = 0; k < m->n_bases; k++)
			if (m->bases[k] == base)
				return true;
	}
	return false;
}

void sched_staged(struct sched *s, size_t i)
{
	bases_arrived(s, i, true);
}

/* --- the order */

static int compare(const void *a, const void *b, void *arg)
{
	const struct sched *s = arg;
	size_t i = *(const size_t *)a, k = *(const size_t *)b;
	const struct member *x = &s->m[i], *y = &s->m[k];
	int c;

	if (x->has_job != y->has_job)
		return x->has_job ? -1 : 1;
	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	if (x->expected_s != y->expected_s)
		return x->expected_s > y->expected_s ? -1 : 1;
	c = strcmp(x->name, y->name);
	return c ? c : i < k ? -1 : i > k;
}

static void sort(struct sched *s)
{
	if (s->sorted)
		return;
	s->order = mem_realloc(s->order, s->n + 1, sizeof(*s->order));
	for (size_t i = 0; i < s->n; i++)
		s->order[i] = i;
	qsort_r(s->order, s->n, sizeof(*s->order), compare, s);
	s->first = 0;
	s->sorted = true;
}

static bool full(unsigned n, unsigned limit)
{
	return limit && n >= limit;
}

/* A job that is open is not held back by a limit of failures: what was begun
 * is brought to an end. */
static bool may_begin(struct sched *s, const struct member *m, int64_t now)
{
	if (m->retry_us > now)
		return false;
	if (sched_too_many(s) && !m->has_job)
		return false;
	if (full((unsigned)s->running, s->limits.parallel))
		return false;
	if (m->source != SCHED_NO_HOST &&
	    full(s->from[m->source], s->limits.per_source))
		return false;
	if (full(s->to[m->target], s->limits.per_target))
		return false;
	return m->stranded || !waits_for_base(s, m);
}

static void begin(struct sched *s, size_t i)
{
	struct member *m = &s->m[i];

	m->state = SCHED_RUNNING;
	m->resume = false;
	s->running++;
	if (m->source != SCHED_NO_HOST)
		s->from[m->source]++;
	s->to[m->target]++;
	if (!m->stranded)
		bring_bases(s, i);
}

/* Will anything that is pending ever begin, with what is known now? */
static bool something_left(const struct sched *s, size_t pending)
{
	if (!pending || s->stopped)
		return false;
	if (!sched_too_many(s))
		return true;
	for (size_t i = 0; i < s->n; i++)
		if (s->m[i].state == SCHED_PENDING && s->m[i].has_job)
			return true;
	return false;
}

struct sched_order sched_next(struct sched *s, int64_t now)
{
	struct sched_order o = {.what = SCHED_WAIT};
	size_t pending = 0;
	bool idle = true;

	sort(s);
	for (size_t k = s->first; k < s->n; k++) {
		size_t i = s->order[k];
		struct member *m = &s->m[i];

		if (m->state != SCHED_PENDING) {
			/* What has begun may come back (locked, another
			 * target), which starts over. */
			if (idle)
				s->first = k + 1;
			continue;
		}
		idle = false;
		pending++;
		if (s->stopped || s->paused)
			break;
		if (m->homeless) {
			if (sched_too_many(s))
				continue;
			o.what = SCHED_REPLAN;
			o.member = i;
			return o;
		}
		if (may_begin(s, m, now)) {
			o.what = m->stranded  ? SCHED_RETREAT
				 : m->has_job ? SCHED_RESUME
					      : SCHED_START;
			o.member = i;
			begin(s, i);
			return o;
		}
		if (m->retry_us > now && (!o.until || m->retry_us < o.until))
			o.until = m->retry_us;
		if (full((unsigned)s->running, s->limits.parallel))
			break;
	}
	if (!s->running && !something_left(s, pending))
		o = (struct sched_order){.what = SCHED_OVER};
	return o;
}

/* --- events */

static bool is_lost(const struct sched *s, size_t host)
{
	for (size_t i = 0; i < s->n_lost; i++)
		if (s->lost[i] == host)
			return true;
	return false;
}

static void stop_running(struct sched *s, size_t i)
{
	struct member *m = &s->m[i];

	s->running--;
	if (m->source != SCHED_NO_HOST)
		s->from[m->source]--;
	s->to[m->target]--;
}

static void pending_again(struct sched *s, struct member *m)
{
	m->state = SCHED_PENDING;
	s->first = 0;
}

static void locked(struct sched *s, struct member *m, int64_t now)
{
	if (!m->locked_us) {
		m->locked_us = now;
		m->backoff_us = BACKOFF_FIRST_US;
	}
	if (s->limits.lock_timeout_us &&
	    now - m->locked_us >= s->limits.lock_timeout_us) {
		m->state = m->has_job ? SCHED_OPEN : SCHED_FAILED;
		s->failures++;
		return;
	}
	m->homeless = !m->has_job && is_lost(s, m->target);
	m->retry_us = now + m->backoff_us;
	m->backoff_us *= 2;
	if (m->backoff_us > BACKOFF_MOST_US)
		m->backoff_us = BACKOFF_MOST_US;
	pending_again(s, m);
}

static void strand(struct sched *s, struct member *m)
{
	m->has_job = m->stranded = true;
	m->retry_us = m->locked_us = 0;
	pending_again(s, m);
}

/* What FAILED has undone of the bases that it brought. */
static void bases_undone(struct sched *s, size_t i)
{
	for (size_t k = 0; k < s->n_bases; k++) {
		struct base *b = &s->bases[k];

		if (b->brought == i && b->there && !in_use(s, b->base, b->host))
			b->there = false;
	}
}

void sched_ended(struct sched *s, size_t i, enum sched_end end, int64_t now)
{
	struct member *m = &s->m[i];

	stop_running(s, i);
	bases_arrived(s, i, end == SCHED_END_DONE);
	switch (end) {
	case SCHED_END_DONE:
		m->state = SCHED_DONE;
		return;
	case SCHED_END_LOCKED:
	case SCHED_END_BUSY:
		m->has_job = end == SCHED_END_BUSY;
		m->stranded &= m->has_job;
		locked(s, m, now);
		return;
	case SCHED_END_FAILED:
		m->state = SCHED_FAILED;
		m->has_job = false;
		bases_undone(s, i);
		if (m->stranded || is_lost(s, m->target)) {
			/* Found again meanwhile, it is as good as any. */
			m->homeless = is_lost(s, m->target);
			m->stranded = false;
			pending_again(s, m);
			return;
		}
		break;
	case SCHED_END_STRANDED:
		strand(s, m);
		return;
	case SCHED_END_WAITS:
		bases_undone(s, i);
		m->state = SCHED_LEFT;
		m->has_job = false;
		return;
	case SCHED_END_OPEN:
		m->state = SCHED_OPEN;
		m->has_job = true;
		m->stranded = false;
		break;
	}
	s->failures++;
}

void sched_lost(struct sched *s, size_t host)
{
	if (is_lost(s, host))
		return;
	s->lost = mem_realloc(s->lost, s->n_lost + 1, sizeof(*s->lost));
	s->lost[s->n_lost++] = host;
	for (size_t i = 0; i < s->n; i++)
		/* An open job is bound to its target. */
		if (s->m[i].state == SCHED_PENDING && !s->m[i].has_job &&
		    s->m[i].target == host)
			s->m[i].homeless = true;
	s->first = 0;
}

void sched_place(struct sched *s, size_t i, size_t target)
{
	know_host(s, target);
	for (size_t k = 0; k < s->n_lost; k++)
		if (s->lost[k] == target)
			s->lost[k--] = s->lost[--s->n_lost];
	s->m[i].target = target;
	s->m[i].homeless = false;
	s->m[i].retry_us = s->m[i].locked_us = 0;
}

void sched_leave(struct sched *s, size_t i)
{
	s->m[i].state = SCHED_FAILED;
	s->m[i].homeless = false;
	s->failures++;
}

void sched_pause(struct sched *s, bool on)
{
	s->paused = on;
}

void sched_stop(struct sched *s)
{
	s->stopped = true;
}

/* --- looking */

enum sched_state sched_state(const struct sched *s, size_t i)
{
	return s->m[i].state;
}

size_t sched_target(const struct sched *s, size_t i)
{
	return s->m[i].target;
}

struct sched_count sched_count(const struct sched *s)
{
	struct sched_count c = {{0}};

	for (size_t i = 0; i < s->n; i++)
		c.n[s->m[i].state]++;
	return c;
}

bool sched_too_many(const struct sched *s)
{
	return s->limits.max_failures && s->failures >= s->limits.max_failures;
}
