/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The schema tier: every statement of ours on Nova's schema of every release,
 * and what a lost connection, a deadlock or a rival can do to them.
 * tests/schema/run starts the server and calls this with the directories that
 * hold schemas.
 */
#include "schema/world.h"

#include <stdlib.h>

struct totals {
	size_t run, schemas;
	int failed, skipped;
};

static const struct {
	const char *name;
	int (*run)(size_t *run);
} groups[] = {{"facts", group_facts},
	      {"audit", group_audit},
	      {"fleet", group_fleet},
	      {"write", group_write}};

/* NH_SCHEMA_GROUP names one, to try it alone. */
static bool chosen(const char *name)
{
	const char *only = getenv("NH_SCHEMA_GROUP");

	return !only || !strcmp(only, name);
}

/* OWN: each release must have a schema there; other folders may have some. */
static void every_release(const char *dir, bool own, struct totals *t)
{
	size_t before = t->schemas;

	for (size_t i = 0; db_release_name(i); i++) {
		const char *name = db_release_name(i);

		if (!world_load(name, dir)) {
			if (own) {
				printf("not ok - %s: no schema\n", name);
				t->failed++;
				t->run++;
			}
			continue;
		}
		t->schemas++;
		for (size_t k = 0; k < ARRAY_SIZE(groups); k++)
			if (chosen(groups[k].name))
				t->failed += groups[k].run(&t->run);
	}
	if (t->schemas == before) {
		printf("skip - %s: no schema there\n", dir);
		t->skipped++;
	}
}

static void special(const char *dir, struct totals *t)
{
	static const char *const some[] = {"juno", "zed"};

	for (size_t i = 0; i < ARRAY_SIZE(some); i++) {
		if (!world_load(some[i], dir)) {
			t->failed++;
			continue;
		}
		t->failed += group_lost(&t->run);
		t->failed += group_rivals(&t->run);
		t->failed += group_rights(&t->run);
		if (!world_load_beside())
			continue;
		t->failed += group_beside(&t->run);
		t->failed += group_volume(&t->run);
	}
}

int main(int argc, char **argv)
{
	const char *figures = getenv("NH_FIGURES");
	struct totals t = {0};
	FILE *f;

	world_connect();
	for (int i = 1; i < argc && !getenv("NH_SCHEMA_SPECIAL"); i++)
		every_release(argv[i], i == 1, &t);
	if (argc > 1 && !getenv("NH_SCHEMA_GROUP"))
		special(argv[1], &t);
	world_close();
	f = figures ? fopen(figures, "a") : NULL;
	if (f) {
		fprintf(f,
			"figure\tstatements x schemas run\t%zu\tstatements\n"
			"figure\tschemas\t%zu\tschemas\n",
			group_facts_statements(), t.schemas);
		fclose(f);
	}
	printf("# %zu statements on %zu schemas\n", group_facts_statements(),
	       t.schemas);
	printf("%zu passed, %d failed, %d skipped\n", t.run - (size_t)t.failed,
	       t.failed, t.skipped);
	return t.failed || !t.run;
}
