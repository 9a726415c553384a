/* SPDX-License-Identifier: Apache-2.0 */
#include "db/placedb.h"

#include <string.h>

#include "db/beside.h"

struct placedb {
	struct beside b;
	int64_t rp[2]; /* resource_providers.id */
	char *name;
	bool verified;
};

/* placement/db/sqlalchemy/alembic/versions: 1.0.0 (Stein) and later. */
static const char *const revisions[] = {"b4ed3a175331", "611cd6dffd7b",
					"b5c396305c25", "422ece571366",
					"a082b8bb98d0", NULL};
static const char verified[] = "422ece571366"; /* Xena to 2023.1; run on Zed */

void placedb_close(struct placedb *p)
{
	if (!p)
		return;
	beside_clear(&p->b);
	mem_free(p->name);
	mem_free(p);
}

const char *placedb_name(const struct placedb *p)
{
	return p->name;
}

bool placedb_verified(const struct placedb *p)
{
	return p->verified;
}

int placedb_rights(struct placedb *p, struct err *e)
{
	return rights_try(&p->b.c, "pw.", e);
}

void placedb_share_clear(struct placedb_share *s)
{
	mem_free(s->other);
	mem_free(s->lacks);
	*s = (struct placedb_share){.generation = -1};
}

/* ---- which one lives */

static int provider(struct my_conn *c, const char *uuid, int64_t *id,
		    struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("rp", uuid)};
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (my_select(c, "placement.provider", SQL_ARGS(args), &r, e))
		return -1;
	if (!r.n)
		return err_set(e, ERR_REFUSED, "it knows no compute node %s",
			       uuid);
	*id = my_num(&r, 0, "id", -1);
	return 0;
}

static const char *known(const struct strv *found)
{
	for (size_t i = 0; revisions[i]; i++)
		if (found->n == 1 && !strcmp(found->v[0], revisions[i]))
			return revisions[i];
	return NULL;
}

static int newest(struct my_conn *c, char **at, struct err *e)
{
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (my_select(c, "placement.newest", NULL, &r, e))
		return -1;
	*at = r.n && my_cell(&r, 0, "at") ? my_dup(&r, 0, "at")
					  : mem_strdup("");
	return 0;
}

static int candidate(struct placedb *p, const struct placedb_open *o,
		     const char *url, char **at, struct err *e)
{
	AUTO(mem_freep) char *where = NULL;
	const char *rev;

	if (beside_open(&p->b, url, o->cfg, FEATURE_PLACEMENT, e))
		return -1;
	where = beside_where(&p->b);
	rev = known(&p->b.revisions);
	if (!p->b.f.placement || !rev)
		return err_set(e, ERR_REFUSED,
			       "database %s is not Placement's own, of Stein "
			       "or later: not verified",
			       where);
	for (int i = 0; i < 2; i++)
		if (provider(&p->b.c, o->provider[i], &p->rp[i], e))
			return err_wrap(e, "database %s", where);
	p->verified = !strcmp(rev, verified);
	p->name = mem_printf("%s, revision %s", where, rev);
	return newest(&p->b.c, at, e);
}

int placedb_open(const struct placedb_open *o, struct placedb **out,
		 struct err *e)
{
	struct err why = ERR_INIT;
	AUTO(mem_freep) char *best = NULL;

	*out = NULL;
	for (size_t i = 0; o->urls[i]; i++) {
		struct placedb *p = MEM_NEW(struct placedb);
		AUTO(mem_freep) char *at = NULL;
		struct err one = ERR_INIT;

		if (!candidate(p, o, o->urls[i], &at, &one) &&
		    (!best || strcmp(at, best) > 0)) {
			placedb_close(*out);
			*out = p;
			mem_free(best);
			best = mem_strdup(at);
			continue;
		}
		placedb_close(p);
		if (one.kind != ERR_NONE && why.kind == ERR_NONE)
			err_move(&why, &one);
		else if (one.kind != ERR_NONE)
			err_also(&why, &one);
	}
	if (*out) {
		err_clear(&why);
		return 0;
	}
	if (why.kind == ERR_NONE)
		return err_set(e, ERR_REFUSED,
			       "no URL of Placement's database is known");
	err_move(e, &why);
	return -1;
}

/* ---- reading */

/* What the instance has, by whose. */
struct holdings {
	struct my_rows rows;
	size_t on[2], others;
	int64_t generation;
};

static void holdings_clear(struct holdings *h)
{
	my_rows_clear(&h->rows);
}

static int holdings_read(struct placedb *p, const char *consumer,
			 struct holdings *h, struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("u", consumer)};
	AUTO(my_rows_clear) struct my_rows g = {0};

	*h = (struct holdings){.generation = -1};
	if (my_select(&p->b.c, "placement.consumer", SQL_ARGS(args), &g, e) ||
	    my_select(&p->b.c, "placement.allocations", SQL_ARGS(args),
		      &h->rows, e))
		return -1;
	if (g.n)
		h->generation = my_num(&g, 0, "generation", -1);
	for (size_t i = 0; i < h->rows.n; i++) {
		int64_t rp = my_num(&h->rows, i, "rp", -1);

		h->on[0] += rp == p->rp[0];
		h->on[1] += rp == p->rp[1];
		h->others += rp != p->rp[0] && rp != p->rp[1];
	}
	return 0;
}

/* What speaks against N of a class there; NULL: nothing. */
static char *too_much(const struct my_rows *inv, size_t k, int64_t n,
		      const char *class)
{
	int64_t left =
		my_num(inv, k, "capacity", 0) - my_num(inv, k, "used", 0);
	int64_t min = my_num(inv, k, "min_unit", 1);
	int64_t max = my_num(inv, k, "max_unit", INT64_MAX);
	int64_t step = my_num(inv, k, "step_size", 1);

	if (left < n)
		return mem_printf("%lld %s (%lld left)", (long long)n, class,
				  (long long)left);
	if (n < min || n > max || (step > 0 && n % step))
		return mem_printf("%lld %s (only %lld to %lld by %lld)",
				  (long long)n, class, (long long)min,
				  (long long)max, (long long)step);
	return NULL;
}

/* *LACKS: what the provider of side TO has not enough of for H. */
static int room(struct placedb *p, const struct holdings *h, int to,
		char **lacks, struct err *e)
{
	const struct sql_arg args[] = {ARG_INT("rp", p->rp[to])};
	AUTO(my_rows_clear) struct my_rows inv = {0};

	*lacks = NULL;
	if (my_select(&p->b.c, "placement.room", SQL_ARGS(args), &inv, e))
		return -1;
	for (size_t i = 0; i < h->rows.n && !*lacks; i++) {
		int64_t rc = my_num(&h->rows, i, "rc", -1);
		int64_t n = my_num(&h->rows, i, "used", 0);
		const char *class = my_cell(&h->rows, i, "class");
		size_t k = 0;

		while (k < inv.n && my_num(&inv, k, "rc", -1) != rc)
			k++;
		*lacks = k < inv.n ? too_much(&inv, k, n, class)
				   : mem_printf("%lld %s (it has none)",
						(long long)n, class);
	}
	return 0;
}

int placedb_read(struct placedb *p, const char *consumer,
		 struct placedb_share *out, struct err *e)
{
	AUTO(holdings_clear) struct holdings h = {0};

	*out = (struct placedb_share){.generation = -1};
	if (my_ready(&p->b.c, e) || holdings_read(p, consumer, &h, e))
		return -1;
	out->generation = h.generation;
	out->on[0] = h.on[0] > 0;
	out->on[1] = h.on[1] > 0;
	for (size_t i = 0; i < h.rows.n && !out->other; i++) {
		int64_t rp = my_num(&h.rows, i, "rp", -1);
		const char *name = my_cell(&h.rows, i, "provider");

		if (rp != p->rp[0] && rp != p->rp[1])
			out->other = mem_strdup(name ? name : "a third one");
	}
	return out->on[1] ? 0 : room(p, &h, 1, &out->lacks, e);
}

/* ---- transaction P */

struct moving {
	struct placedb *p;
	const struct placedb_move *m;
};

static int changed(const struct placedb_move *m, struct err *e)
{
	return err_set(e, ERR_CONFLICT,
		       "the allocations of %s have changed just now",
		       m->consumer);
}

/* Exactly one row, or the allocations are not as they were. */
static int one(struct my_conn *c, const char *name, const struct sql_args *args,
	       const struct placedb_move *m, struct err *e)
{
	bool matched = false;

	if (txn_one(c, name, args, &matched, e))
		return -1;
	return matched ? 0 : changed(m, e);
}

static int raise_consumer(struct my_conn *c, const struct placedb_move *m,
			  bool *matched, struct err *e)
{
	char now[CLOCK_ISO_MAX];
	const struct sql_arg args[] = {ARG_TEXT("u", m->consumer),
				       ARG_INT("cg", m->generation),
				       ARG_TEXT("now", now)};

	txn_now(now);
	return txn_one(c, "pw.consumer", SQL_ARGS(args), matched, e);
}

/* Both providers, in one order for everybody. */
static int raise_providers(const struct moving *x, struct err *e)
{
	struct placedb *p = x->p;
	int first = p->rp[0] < p->rp[1] ? 0 : 1;

	for (int k = 0; k < 2; k++) {
		int64_t id = p->rp[k ? !first : first];
		const struct sql_arg read[] = {ARG_INT("id", id)};
		AUTO(my_rows_clear) struct my_rows r = {0};
		char now[CLOCK_ISO_MAX];

		if (my_select(&p->b.c, "placement.generation", SQL_ARGS(read),
			      &r, e))
			return -1;
		const struct sql_arg args[] = {
			ARG_INT("rp", id),
			ARG_INT("g",
				r.n ? my_num(&r, 0, "generation", -1) : -1),
			ARG_TEXT("now", now)};

		txn_now(now);
		if (one(&p->b.c, "pw.provider", SQL_ARGS(args), x->m, e))
			return -1;
	}
	return 0;
}

static int fits(const struct moving *x, const struct holdings *h, struct err *e)
{
	AUTO(mem_freep) char *lacks = NULL;

	if (x->m->back)
		return 0;
	if (room(x->p, h, x->m->to, &lacks, e))
		return -1;
	if (!lacks)
		return 0;
	err_set(e, ERR_FAILED, "the target has no room in Placement for %s",
		lacks);
	return err_hint(e, "pick another target");
}

static int rows(const struct moving *x, const struct holdings *h, struct err *e)
{
	const struct placedb_move *m = x->m;
	char now[CLOCK_ISO_MAX];
	const struct sql_arg args[] = {
		ARG_TEXT("u", m->consumer), ARG_INT("s", x->p->rp[m->from]),
		ARG_INT("d", x->p->rp[m->to]), ARG_TEXT("now", now)};
	uint64_t n = 0;

	txn_now(now);
	if (my_exec(&x->p->b.c, "pw.allocations", SQL_ARGS(args), &n, e))
		return -1;
	return n == h->on[m->from] ? 0 : changed(m, e);
}

static int move_body(struct my_conn *c, const void *arg, bool *commit,
		     struct err *e)
{
	const struct moving *x = arg;
	AUTO(holdings_clear) struct holdings h = {0};
	bool matched = false;

	(void)commit;
	if (raise_consumer(c, x->m, &matched, e) ||
	    holdings_read(x->p, x->m->consumer, &h, e))
		return -1;
	if (!matched || h.others || (h.on[0] && h.on[1]) || !h.rows.n)
		return changed(x->m, e);
	if (h.on[x->m->to])
		return 0;
	return fits(x, &h, e) || raise_providers(x, e) || rows(x, &h, e) ? -1
									 : 0;
}

/* One more than it was, and all where it should be: that was ours. */
static int move_ask(struct my_conn *c, const void *arg, bool *applied,
		    struct err *e)
{
	const struct moving *x = arg;
	AUTO(holdings_clear) struct holdings h = {0};
	bool matched = false;

	if (raise_consumer(c, x->m, &matched, e))
		return -1;
	if (matched)
		return 0;
	if (holdings_read(x->p, x->m->consumer, &h, e))
		return -1;
	*applied = h.generation == x->m->generation + 1 && !h.others &&
		   h.on[x->m->to] && !h.on[x->m->from];
	return *applied ? 0 : changed(x->m, e);
}

int placedb_move(struct placedb *p, const struct placedb_move *m, struct err *e)
{
	const struct moving x = {p, m};
	const struct beside_txn t = {move_body, &x, move_ask};

	if (!uuid_valid(m->consumer) || m->from == m->to)
		return err_set(e, ERR_BUG, "placement: bad move");
	if (beside_run(&p->b, &t, e))
		return err_wrap(e, "moving its allocations in %s", p->name);
	return 0;
}
