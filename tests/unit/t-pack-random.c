/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing against a judge that shares no code with it (pack-lab.h), over
 * worlds made from seeds: what is placed holds, what is refused could not be
 * placed, an edited assignment is judged alike, and the order of the input
 * does not matter.  SEED=N begins elsewhere.
 */
#include "unit/pack-lab.h"

#define MOST 8

struct world {
	struct pack_host hosts[MOST];
	struct pack_server servers[32];
	struct pack_group groups[3];
	struct pack_there there[3];
	struct pack_base bases[3];
	struct pack_in in;
};

static const char *host_names[] = {"h0", "h1", "h2", "h3",
				   "h4", "h5", "h6", "h7"};
static const char *group_names[] = {"g0", "g1", "g2"};
static const char *base_names[] = {"b0", "b1", "b2"};
static const char *some_names[] = {"x", "y"};
static const struct pack_meta metas[] = {{"ssd", "true"}, {"ssd", "no"}};

static uint64_t seed_from(void)
{
	const char *s = getenv("SEED");

	return s ? strtoull(s, NULL, 0) : 1;
}

static bool once_in(struct lab_dice *d, uint64_t n)
{
	return !lab_roll(d, n);
}

/* A run of A[0..N), as a list. */
static struct strv some_of(struct lab_dice *d, const char **a, size_t n)
{
	size_t from = lab_roll(d, n);

	return (struct strv){(char **)a + from, 1 + lab_roll(d, n - from)};
}

static const char *word(struct lab_dice *d)
{
	return some_names[lab_roll(d, 2)];
}

static void make_host(struct lab_dice *d, struct pack_host *h, size_t i)
{
	*h = lab_host(host_names[i]);
	h->up = !once_in(d, 20);
	h->enabled = !once_in(d, 20);
	h->why_not = once_in(d, 20) ? "because" : NULL;
	h->zone = word(d);
	h->meta = &metas[lab_roll(d, 2)];
	h->n_meta = 1;
	h->cpus = h->machines = h->flags = some_of(d, some_names, 2);
	h->traits = some_of(d, some_names, 2);
	if (once_in(d, 10))
		h->tenants = some_of(d, some_names, 2);
	h->inv[PACK_VCPU] =
		(struct pack_inv){.total = 2 + lab_roll(d, 6),
				  .ratio = 500000 * (1 + lab_roll(d, 6)),
				  .used = lab_roll(d, 3),
				  .max_unit = once_in(d, 3) ? 3 : 0};
	h->inv[PACK_RAM_MB] = (struct pack_inv){.total = 8 + lab_roll(d, 8),
						.reserved = lab_roll(d, 3),
						.used = lab_roll(d, 5)};
	if (once_in(d, 2))
		h->max_instances = 2 + lab_roll(d, 6);
	h->instances = lab_roll(d, 3);
	if (once_in(d, 3))
		h->max_new = 1 + lab_roll(d, 3);
	if (once_in(d, 2))
		h->free_bytes = 10 + lab_roll(d, 50);
	h->keep_bytes = lab_roll(d, 4);
	if (once_in(d, 2))
		h->bases = some_of(d, base_names, 3);
	h->config_drive = word(d);
	h->images_type = word(d);
	h->arch = once_in(d, 10) ? "y" : "x";
	h->hypervisor = once_in(d, 6) ? 1 : 3;
}

static void make_server(struct lab_dice *d, struct pack_server *s, size_t i,
			size_t n_hosts)
{
	static const char *const uuids[] = {"s3", "s1", "s7", "s5",
					    "s0", "s2", "s6", "s4"};

	*s = (struct pack_server){
		.uuid = uuids[i],
		.source = host_names[lab_roll(d, n_hosts + 2)],
		.priority = (int64_t)lab_roll(d, 3) - 1,
		.need = {lab_roll(d, 4), lab_roll(d, 5), lab_roll(d, 2)},
		.bytes = lab_roll(d, 12),
	};
	if (once_in(d, 2))
		s->group = group_names[lab_roll(d, 3)];
	if (once_in(d, 2))
		s->bases = some_of(d, base_names, 3);
	if (once_in(d, 8))
		s->only = some_of(d, host_names, n_hosts);
	if (once_in(d, 8))
		s->avoid = some_of(d, host_names, n_hosts);
	s->zone = once_in(d, 10) ? word(d) : NULL;
	s->project = word(d);
	s->wants = metas;
	s->n_wants = once_in(d, 16);
	s->arch = once_in(d, 4) ? "x" : NULL;
	s->cpu = once_in(d, 16) ? word(d) : NULL;
	s->machine = once_in(d, 16) ? word(d) : NULL;
	s->config_drive = once_in(d, 12) ? word(d) : NULL;
	s->images_type = once_in(d, 16) ? word(d) : NULL;
	if (once_in(d, 16))
		s->flags = some_of(d, some_names, 2);
	if (once_in(d, 16))
		s->traits = some_of(d, some_names, 2);
	if (once_in(d, 12))
		s->traits_not = (struct strv){(char **)some_names, 1};
	s->hypervisor = lab_roll(d, 3);
}

static void make(struct world *w, uint64_t seed, size_t most_hosts,
		 size_t most_servers)
{
	struct lab_dice d = {seed};
	size_t n_hosts = 1 + lab_roll(&d, most_hosts);
	size_t n_servers = 1 + lab_roll(&d, most_servers);

	memset(w, 0, sizeof(*w));
	for (size_t i = 0; i < n_hosts; i++)
		make_host(&d, &w->hosts[i], i);
	for (size_t i = 0; i < n_servers; i++)
		make_server(&d, &w->servers[i], i, n_hosts);
	for (size_t i = 0; i < 3; i++) {
		w->there[i] = (struct pack_there){
			host_names[lab_roll(&d, n_hosts + 1)], lab_roll(&d, 3)};
		w->groups[i] = (struct pack_group){
			.id = group_names[i],
			.rule = (enum pack_rule)(1 + lab_roll(&d, 4)),
			.max_per_host = lab_roll(&d, 3),
			.there = &w->there[i],
			.n_there = once_in(&d, 3)};
		w->bases[i] =
			(struct pack_base){base_names[i], lab_roll(&d, 12)};
	}
	w->in = (struct pack_in){
		.hosts = w->hosts,
		.servers = w->servers,
		.groups = w->groups,
		.bases = w->bases,
		.n_hosts = n_hosts,
		.n_servers = n_servers,
		.n_groups = 3,
		.n_bases = 3,
		.policy = (enum pack_policy)lab_roll(&d, N_PACK_POLICIES)};
}

/* ---- what must be true of every answer */

static void refusals_right(const struct pack_in *in, const struct pack_out *out)
{
	for (size_t k = 0; k < out->n_no; k++) {
		const struct pack_refusal *no = &out->no[k];
		AUTO(buf_clear) struct buf b = BUF_INIT;
		size_t hosts = 0;

		assert_int_equal(out->host[no->server], PACK_NOWHERE);
		assert_true(!k || no->server > no[-1].server);
		for (size_t i = 0; i < no->n; i++) {
			assert_int_not_equal(no->v[i].why, 0);
			for (size_t m = 0; m < i; m++)
				assert_int_not_equal(no->v[i].why,
						     no->v[m].why);
			hosts += no->v[i].hosts;
		}
		assert_int_equal(hosts, in->n_hosts);
		pack_say(in, no, &b);
		assert_true(b.len > 0);
	}
	assert_int_equal(out->placed + out->n_no, in->n_servers);
}

/* Alone: in an empty plan no host takes it (or all of its set). */
static void alone_right(const struct pack_in *in, const struct pack_refusal *no)
{
	const struct pack_group *g =
		lab_group(in, in->servers[no->server].group);
	bool set = g && g->rule == PACK_AFFINITY, fits = false;
	int32_t host[MOST];

	for (size_t h = 0; h < in->n_hosts; h++) {
		for (size_t i = 0; i < in->n_servers; i++)
			host[i] =
				i == no->server ||
						(set &&
						 lab_group(in,
							   in->servers[i]
								   .group) == g)
					? (int32_t)h
					: PACK_NOWHERE;
		fits |= lab_holds(in, host, in->n_servers);
	}
	assert_int_equal(no->alone, !fits);
}

static void bytes_right(const struct pack_in *in, const struct pack_out *out)
{
	uint64_t sum = 0;

	for (size_t h = 0; h < in->n_hosts; h++)
		sum += lab_base_bytes(in, out->host, h);
	for (size_t i = 0; i < in->n_servers; i++)
		if (out->host[i] >= 0)
			sum += in->servers[i].bytes;
	assert_int_equal(out->bytes, sum);
}

/* Against every arrangement there is. */
static void test_brute(void **state)
{
	uint64_t from = seed_from(), n = unit_slow() ? 150 : 3000;
	size_t refused = 0, together = 0;

	(void)state;
	for (uint64_t seed = from; seed < from + n; seed++) {
		struct world w;
		struct lab_brute best;
		struct pack_out *out, *again;

		make(&w, seed, 3, 5);
		out = lab_run(&w.in);
		if (!lab_holds(&w.in, out->host, w.in.n_servers))
			fail_msg("SEED=%llu: does not hold",
				 (unsigned long long)seed);
		lab_brute(&w.in, &best);
		if (lab_compare(&w.in, out->host, best.best, w.in.n_servers))
			fail_msg("SEED=%llu: not the best",
				 (unsigned long long)seed);
		refusals_right(&w.in, out);
		bytes_right(&w.in, out);
		assert_int_equal(out->proved, out->n_no > 0);
		for (size_t i = 0; i < out->n_no; i++) {
			alone_right(&w.in, &out->no[i]);
			together += !out->no[i].alone;
		}
		again = lab_check(&w.in, out->host);
		assert_int_equal(again->n_no, 0);
		assert_int_equal(again->placed, out->placed);
		assert_int_equal(again->bytes, out->bytes);
		refused += out->n_no;
		pack_free(again);
		pack_free(out);
	}
	print_message("%llu worlds: %zu servers refused, %zu of them only for "
		      "the others\n",
		      (unsigned long long)n, refused, together);
	assert_true(together > 0 && refused > together);
}

/* An assignment from dice: the judge and pack_check() agree. */
static void test_edited(void **state)
{
	uint64_t from = seed_from(), n = unit_slow() ? 300 : 20000;
	size_t good = 0;

	(void)state;
	for (uint64_t seed = from; seed < from + n; seed++) {
		struct world w;
		struct lab_dice d = {~seed};
		struct pack_out *out;
		int32_t host[MOST];
		bool holds;

		make(&w, seed, 4, 4);
		out = lab_run(&w.in);
		for (size_t i = 0; i < w.in.n_servers; i++)
			host[i] = once_in(&d, 3)
					  ? (int32_t)lab_roll(&d, w.in.n_hosts +
									  1) -
						    1
					  : out->host[i];
		pack_free(out);
		holds = lab_holds(&w.in, host, w.in.n_servers);
		out = lab_check(&w.in, host);
		if (holds != !out->n_no)
			fail_msg("SEED=%llu: the judge says %s",
				 (unsigned long long)seed,
				 holds ? "yes" : "no");
		for (size_t i = 0; i < out->n_no; i++)
			assert_int_not_equal(out->no[i].v[0].why, 0);
		/* Without what it refuses, it holds, sets apart. */
		good += holds;
		pack_free(out);
	}
	print_message("%zu of %llu assignments hold\n", good,
		      (unsigned long long)n);
	assert_true(good > n / 20 && good < n);
}

/* ---- the order of the input */

static void shuffle(struct lab_dice *d, void *a, size_t n, size_t size)
{
	unsigned char *p = a, t[sizeof(struct pack_host)];

	assert_true(size <= sizeof(t));
	for (size_t i = n; i > 1; i--) {
		size_t k = lab_roll(d, i);

		memcpy(t, p + (i - 1) * size, size);
		memmove(p + (i - 1) * size, p + k * size, size);
		memcpy(p + k * size, t, size);
	}
}

static const char *goes_to(const struct pack_in *in, const struct pack_out *out,
			   const char *uuid)
{
	for (size_t i = 0; i < in->n_servers; i++)
		if (str_is(in->servers[i].uuid, uuid))
			return out->host[i] < 0 ? "nowhere"
						: in->hosts[out->host[i]].name;
	return NULL;
}

static void test_order(void **state)
{
	uint64_t from = seed_from(), n = unit_slow() ? 100 : 3000;

	(void)state;
	for (uint64_t seed = from; seed < from + n; seed++) {
		struct world w, v;
		struct lab_dice d = {seed};
		struct pack_out *a, *b;

		make(&w, seed, 6, 8);
		v = w;
		v.in.hosts = v.hosts;
		v.in.servers = v.servers;
		v.in.groups = v.groups;
		v.in.bases = v.bases;
		shuffle(&d, v.hosts, v.in.n_hosts, sizeof(v.hosts[0]));
		shuffle(&d, v.servers, v.in.n_servers, sizeof(v.servers[0]));
		shuffle(&d, v.groups, 3, sizeof(v.groups[0]));
		shuffle(&d, v.bases, 3, sizeof(v.bases[0]));
		a = lab_run(&w.in);
		b = lab_run(&v.in);
		for (size_t i = 0; i < w.in.n_servers; i++)
			assert_string_equal(
				goes_to(&w.in, a, w.servers[i].uuid),
				goes_to(&v.in, b, w.servers[i].uuid));
		assert_int_equal(a->bytes, b->bytes);
		assert_int_equal(a->proved, b->proved);
		for (size_t i = 0; i < a->n_no; i++) {
			AUTO(buf_clear) struct buf x = BUF_INIT, y = BUF_INIT;
			size_t k = 0;

			while (!str_is(v.servers[b->no[k].server].uuid,
				       w.servers[a->no[i].server].uuid))
				k++;
			pack_say(&w.in, &a->no[i], &x);
			pack_say(&v.in, &b->no[k], &y);
			assert_string_equal(buf_str(&x), buf_str(&y));
		}
		pack_free(a);
		pack_free(b);
	}
}

/* ---- worlds that are known to have a way */

/* Servers cut from what hosts have, so that all of it is used in all three
 * dimensions but for SLACK percent: a puzzle with a solution. */
static void make_puzzle(struct world *w, uint64_t seed, uint64_t slack)
{
	static char uuids[32][4];
	struct lab_dice d = {seed};
	size_t n = 0;

	memset(w, 0, sizeof(*w));
	for (size_t h = 0; h < 6; h++) {
		uint64_t left[N_PACK_RES];

		w->hosts[h] = lab_host(host_names[h]);
		for (size_t r = 0; r < N_PACK_RES; r++) {
			left[r] = 1000 + lab_roll(&d, 1000);
			w->hosts[h].inv[r] = (struct pack_inv){
				.total = left[r] * (100 + slack) / 100};
		}
		for (size_t k = 4; k; k--) {
			struct pack_server *s = &w->servers[n];

			snprintf(uuids[n], sizeof(uuids[n]), "%zu", 10 + n);
			*s = (struct pack_server){.uuid = uuids[n]};
			n++;
			for (size_t r = 0; r < N_PACK_RES; r++) {
				s->need[r] =
					k == 1 ? left[r]
					       : left[r] / k / 2 +
							 lab_roll(&d,
								  left[r] / k);
				left[r] -= s->need[r];
			}
		}
	}
	w->in = lab_in(w->hosts, 6, w->servers, n);
}

static void test_puzzles(void **state)
{
	static const uint64_t slacks[] = {0, 2, 5, 10, 20};
	uint64_t n = unit_slow() ? 3 : 12;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(slacks); k++) {
		size_t placed = 0, of = 0, whole = 0;

		for (uint64_t seed = 1; seed <= n; seed++) {
			struct world w;
			struct pack_out *out;

			make_puzzle(&w, seed, slacks[k]);
			out = lab_run(&w.in);
			assert_true(
				lab_holds(&w.in, out->host, w.in.n_servers));
			/* There is a way, so nothing can be proved. */
			assert_false(out->proved);
			placed += out->placed;
			of += w.in.n_servers;
			whole += !out->n_no;
			pack_free(out);
		}
		print_message("%2llu %% slack: %zu of %zu servers placed, "
			      "%zu of %llu puzzles solved\n",
			      (unsigned long long)slacks[k], placed, of, whole,
			      (unsigned long long)n);
		assert_true(placed * 10 >= of * 9);
		assert_true(slacks[k] < 20 || placed == of);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_brute),
		cmocka_unit_test(test_edited),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_puzzles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
