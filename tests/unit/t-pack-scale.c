/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing a cloud of 1,000 hosts and 50,000 servers (a tenth of it under a
 * sanitizer or valgrind): the answers hold, and memory stays far under the
 * limit.  No time is asserted: make sim prints it.
 */
#include "unit/unit.h"

#include <sys/resource.h>

#include "sim/cloud.h"

#define MOST_KIB (256L * 1024)

static struct pack_out *packed(const struct pack_in *in)
{
	struct err e = ERR_INIT;
	struct pack_out *out = pack_run(in, &e), *again;

	assert_non_null(out);
	again = pack_check(in, out->host, &e);
	assert_non_null(again);
	assert_int_equal(again->n_no, 0);
	assert_int_equal(again->placed, out->placed);
	assert_int_equal(again->bytes, out->bytes);
	assert_int_equal(out->placed + out->n_no, in->n_servers);
	pack_free(again);
	return out;
}

static void test_scale(void **state)
{
	size_t part = unit_slow() ? 10 : 1;
	struct sim_opts o = {1000 / part, 50000 / part, .seed = 7, .fill = 80};
	struct sim_cloud c, one;
	struct pack_out *all, *drained;
	struct rusage u;

	(void)state;
	sim_cloud_make(&c, &o);
	all = packed(&c.in);
	assert_true(all->placed >= o.servers * 98 / 100);
	sim_drain(&c, all, 2, &one);
	assert_int_equal(one.in.n_servers,
			 all->load[0].servers + all->load[1].servers);
	drained = packed(&one.in);
	assert_int_equal(drained->load[0].servers, 0);
	assert_true(drained->placed > 0);
	pack_free(drained);
	pack_free(all);
	sim_cloud_clear(&one);
	sim_cloud_clear(&c);
	getrusage(RUSAGE_SELF, &u);
	print_message("%zu servers on %zu hosts: %ld MiB\n", o.servers, o.hosts,
		      u.ru_maxrss / 1024);
	if (!unit_slow())
		assert_true(u.ru_maxrss < MOST_KIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scale),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
