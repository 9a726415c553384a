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

static void every_release(const char *dir, struct totals *t)
{
	for (size_t i = 0; db_release_name(i); i++) {
		const char *name = db_release_name(i);

		if (!world_load(name, dir)) {
			/* 2024.2 and the like share the schema of another */
			fprintf(stderr, "schema: no %s in %s\n", name, dir);
			t->skipped++;
			continue;
		}
		t->schemas++;
		t->failed += group_facts(&t->run);
		t->failed += group_write(&t->run);
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
	}
}

int main(int argc, char **argv)
{
	const char *figures = getenv("NH_FIGURES");
	struct totals t = {0};
	FILE *f;

	world_connect();
	for (int i = 1; i < argc && !getenv("NH_SCHEMA_SPECIAL"); i++)
		every_release(argv[i], &t);
	if (argc > 1)
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
	printf("schema: %zu statements on %zu schemas\n",
	       group_facts_statements(), t.schemas);
	printf("schema: %zu passed, %d failed, %d skipped\n",
	       t.run - (size_t)t.failed, t.failed, t.skipped);
	return t.failed || !t.run;
}
