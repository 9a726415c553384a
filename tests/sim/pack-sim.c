/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packing at the size of a large cloud: usage: pack-sim [HOSTS SERVERS [SEED]].
 * Prints what each case took, checks each answer with pack_check(), and fails
 * over 10 seconds of CPU for a packing, or 1 GiB of memory in all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "sim/cloud.h"

#define MOST_SECONDS 10.0
#define MOST_KIB (1L << 20)

static double cpu_now(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static long peak_kib(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

struct sim {
	struct sim_opts opts;
	double slowest;
	unsigned passed, failed;
};

static struct pack_out *must(struct pack_out *out, struct err *e)
{
	if (!out) {
		fprintf(stderr, "pack-sim: %s\n", err_msg(e));
		exit(1);
	}
	return out;
}

/* Packs, prints a line, has the answer checked.  A case has passed when the
 * answer holds and the time is kept. */
static struct pack_out *one(struct sim *sim, const char *name,
			    const struct pack_in *in)
{
	struct err e = ERR_INIT;
	double start = cpu_now(), packed, checked;
	struct pack_out *out = must(pack_run(in, &e), &e), *again;
	size_t alone = 0;
	bool good;

	packed = cpu_now();
	again = must(pack_check(in, out->host, &e), &e);
	checked = cpu_now();
	good = !again->n_no && again->placed == out->placed &&
	       packed - start <= MOST_SECONDS;
	if (good)
		sim->passed++;
	else
		sim->failed++;
	pack_free(again);
	if (packed - start > sim->slowest)
		sim->slowest = packed - start;
	for (size_t i = 0; i < out->n_no; i++)
		alone += out->no[i].alone;
	printf("%s%-27s %5zu of %5zu placed, %4zu fit nowhere, %4zu beside the "
	       "others; %6.1f TiB, %5zu bases; %5.2f s, check %.2f s, "
	       "%ld MiB\n",
	       good ? "" : "not ok: ", name, out->placed, in->n_servers, alone,
	       out->n_no - alone, (double)out->bytes / (1ull << 40),
	       out->n_copies, packed - start, checked - packed,
	       peak_kib() / 1024);
	fflush(stdout);
	return out;
}

/* Everything at once, under each policy. */
static void whole(struct sim *sim, unsigned fill)
{
	struct sim_cloud c;

	sim->opts.fill = fill;
	sim_cloud_make(&c, &sim->opts);
	for (int p = 0; p < N_PACK_POLICIES; p++) {
		char name[64];

		c.in.policy = (enum pack_policy)p;
		snprintf(name, sizeof(name), "all, %u %% full, %s", fill,
			 pack_policy_name(c.in.policy));
		pack_free(one(sim, name, &c.in));
	}
	sim_cloud_clear(&c);
}

static void drain(struct sim *sim, struct sim_cloud *c,
		  const struct pack_out *all, size_t hosts, const char *name)
{
	struct sim_cloud part;

	sim_drain(c, all, hosts, &part);
	pack_free(one(sim, name, &part.in));
	sim_cloud_clear(&part);
}

static void parts(struct sim *sim)
{
	struct err e = ERR_INIT;
	struct sim_cloud c;
	struct pack_out *all;

	sim->opts.fill = 80;
	sim_cloud_make(&c, &sim->opts);
	all = must(pack_run(&c.in, &e), &e);
	drain(sim, &c, all, 1, "one host");
	drain(sim, &c, all, sim->opts.hosts / 25, "one host in 25");
	drain(sim, &c, all, sim->opts.hosts / 8, "one host in eight");
	pack_free(all);
	sim_cloud_clear(&c);
}

/* For make figures. */
static void figures(const struct sim *sim)
{
	FILE *f = fopen("figures.tsv", "a");

	if (!f)
		return;
	fprintf(f,
		"sim\tpacking %zu servers on %zu hosts, slowest\t%.2f\ts\n"
		"sim\tpacking, peak memory\t%ld\tMiB\n",
		sim->opts.servers, sim->opts.hosts, sim->slowest,
		peak_kib() / 1024);
	fclose(f);
}

int main(int argc, char **argv)
{
	struct sim sim = {.opts = {.hosts = 1000, .servers = 50000, .seed = 1}};

	if (argc > 2) {
		sim.opts.hosts = strtoul(argv[1], NULL, 0);
		sim.opts.servers = strtoul(argv[2], NULL, 0);
	}
	if (argc > 3)
		sim.opts.seed = strtoull(argv[3], NULL, 0);
	printf("%zu hosts, %zu servers, seed %llu\n", sim.opts.hosts,
	       sim.opts.servers, (unsigned long long)sim.opts.seed);
	whole(&sim, 80);
	whole(&sim, 98);
	whole(&sim, 110);
	parts(&sim);
	printf("slowest %.2f s (%.0f allowed), peak %ld MiB (%ld allowed)\n",
	       sim.slowest, MOST_SECONDS, peak_kib() / 1024, MOST_KIB / 1024);
	if (peak_kib() > MOST_KIB)
		sim.failed++;
	else
		sim.passed++;
	figures(&sim);
	printf("sim: %u passed, %u failed, 0 skipped\n", sim.passed,
	       sim.failed);
	return sim.failed != 0;
}
