/* SPDX-License-Identifier: Apache-2.0 */
/* The table of steps, and a move's way through JSON. */
#include "unit/unit.h"

#include <string.h>

#include "engine/step.h"
#include "engine/txn.h"
#include "steps/world.h"

static void t_table(void **state)
{
	struct buf out = BUF_INIT;
	size_t n = txn_check_table(steps_table, &out);

	(void)state;
	if (n)
		print_message("%s", buf_str(&out));
	assert_int_equal(n, 0);
	buf_clear(&out);
}

static struct move *sample(void)
{
	struct move *m = move_new();

	m->uuid = mem_strdup("0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0");
	m->name = mem_strdup("web \"1\"");
	m->domain = mem_strdup("instance-0000002a");
	for (int s = 0; s < 2; s++) {
		struct move_side *d = s ? &m->dst : &m->src;

		d->host = mem_strdup(s ? "b" : "a");
		d->node = mem_strdup(s ? "b.x" : "a.x");
		d->compute_id = -1;
		d->instances_path = mem_strdup("/var/lib/nova/instances");
		d->base_dir = mem_strdup("_base");
		d->nova_user = mem_strdup("nova");
		d->nova_group = mem_strdup("nova");
		d->connector = mem_strdup("{}");
	}
	m->vm_state = mem_strdup("active");
	m->power_state = 1;
	m->was_running = m->start = m->precopy = true;
	m->precopy_max = 7;
	m->streams = 3;
	m->precopy_time_s = 9;
	m->delta = mem_strdup("auto");
	m->transport = mem_strdup("auto");
	m->domain_xml = mem_strdup("<domain/>");
	m->nfiles = 1;
	m->files = MEM_NEW_N(struct move_file, 1);
	m->files[0] = (struct move_file){.rel = mem_strdup("x"),
					 .root = MOVE_TPM,
					 .user = mem_strdup("tss"),
					 .group = mem_strdup("tss"),
					 .mode = 0600,
					 .size = UINT32_MAX + 1ULL};
	m->nbases = 1;
	m->bases = MEM_NEW_N(struct move_base, 1);
	m->bases[0] = (struct move_base){.name = mem_strdup("da39"),
					 .user = mem_strdup("nova"),
					 .group = mem_strdup("nova"),
					 .on_target = true};
	m->sql = true;
	m->nports = 1;
	m->ports = MEM_NEW_N(struct move_port, 1);
	m->ports[0] = (struct move_port){.mac = mem_strdup("fa:16:3e:00:00:01"),
					 .id = mem_strdup("p"),
					 .image = mem_strdup("{}")};
	m->nvolumes = 1;
	m->volumes = MEM_NEW_N(struct move_volume, 1);
	m->volumes[0] = (struct move_volume){.id = mem_strdup("v"),
					     .bdm_id = 7,
					     .attachment = mem_strdup("a"),
					     .device = mem_strdup("/dev/vdb"),
					     .mode = mem_strdup("rw")};
	return m;
}

static void t_round_trip(void **state)
{
	struct move *m = sample(), *n;
	json_t *a = move_to_json(m), *b;
	struct err e = ERR_INIT;

	(void)state;
	n = move_from_json(a, &e);
	assert_non_null(n);
	b = move_to_json(n);
	assert_true(json_equal(a, b));
	assert_int_equal(n->files[0].root, MOVE_TPM);
	assert_int_equal(n->files[0].size, UINT32_MAX + 1ULL);
	move_free(m);
	move_free(n);
	json_decref(a);
	json_decref(b);
}

/* Every member that is missing, or of another kind, is refused by its name. */
static void t_bad_json(void **state)
{
	struct move *m = sample();
	json_t *good = move_to_json(m), *v;
	const char *key;

	(void)state;
	json_object_foreach (good, key, v) {
		/* what older journals do not have may be missing */
		bool later =
			!strcmp(key, "nova_start") || !strcmp(key, "sql") ||
			!strcmp(key, "precopy_max") ||
			!strcmp(key, "precopy_time_s") ||
			!strcmp(key, "streams") || !strcmp(key, "dead") ||
			!strcmp(key, "disks") || !strcmp(key, "accept_bad") ||
			!strcmp(key, "history") || !strcmp(key, "adopt") ||
			!strcmp(key, "fence_max_age_s");

		for (int kind = later; kind < 2; kind++) {
			json_t *bad = json_deep_copy(good);
			struct err e = ERR_INIT;

			if (kind)
				json_object_set_new(bad, key, json_real(1.5));
			else if (strcmp(key, "volumes") != 0 &&
				 strcmp(key, "detached") != 0)
				json_object_del(bad, key);
			else
				json_object_set_new(bad, key,
						    json_pack("[{}]"));
			assert_null(move_from_json(bad, &e));
			assert_int_equal(e.kind, ERR_REFUSED);
			err_clear(&e);
			json_decref(bad);
		}
	}
	json_decref(good);
	move_free(m);
}

/* A journal of before there were volumes. */
static void t_older_json(void **state)
{
	struct move *m = sample(), *n;
	json_t *j = move_to_json(m);
	struct err e = ERR_INIT;

	(void)state;
	json_object_del(json_object_get(j, "src"), "connector");
	assert_null(move_from_json(j, &e));
	assert_non_null(strstr(e.msg, "connector"));
	err_clear(&e);
	json_object_del(json_object_get(j, "dst"), "connector");
	json_object_del(j, "volumes");
	json_object_del(j, "sql");
	json_object_del(j, "precopy_max");
	json_object_del(j, "streams");
	json_object_del(j, "precopy_time_s");
	json_object_del(json_array_get(json_object_get(j, "ports"), 0),
			"image");
	n = move_from_json(j, &e);
	assert_non_null(n);
	assert_false(n->sql);
	assert_int_equal(n->precopy_max, 0);
	assert_int_equal(n->streams, 0);
	assert_int_equal(n->precopy_time_s, 0);
	assert_null(n->ports[0].image);
	assert_int_equal(n->nvolumes, 0);
	assert_null(n->src.connector);
	json_decref(j);
	move_free(m);
	move_free(n);
}

static void refuse(const char *member, const char *value)
{
	struct move *m = sample();
	json_t *j = move_to_json(m), *o = j;
	struct err e = ERR_INIT;

	if (!strcmp(member, "rel"))
		o = json_array_get(json_object_get(j, "files"), 0);
	else if (strcmp(member, "uuid") != 0)
		o = json_object_get(j, "src");
	json_object_set_new(o, member, json_string(value));
	assert_null(move_from_json(j, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
	json_decref(j);
	move_free(m);
}

static void t_bad_paths(void **state)
{
	(void)state;
	refuse("uuid", "../../etc");
	refuse("rel", "../disk");
	refuse("rel", "/etc/shadow");
	refuse("instances_path", "relative");
	refuse("base_dir", "../_base");
}

static bool has(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

static size_t at(const char *const *names, const char *name)
{
	size_t i = 0;

	while (names[i] && strcmp(names[i], name) != 0)
		i++;
	return i;
}

static void t_order(void **state)
{
	struct move *m = sample();
	const char *n[STEPS_MOVE_MAX];

	(void)state;
	steps_of_move(m, n);
	assert_true(at(n, "claim") < at(n, "stage-base"));
	assert_true(at(n, "precopy") < at(n, "stop"));
	assert_true(at(n, "prove-stopped") < at(n, "disarm"));
	assert_true(at(n, "disarm") < at(n, "final-copy"));
	assert_true(at(n, "install") < at(n, "rewrite"));
	/* A domain defined on the target before the row names it is destroyed
	 * by its nova-compute, up to Kilo. */
	assert_true(at(n, "rewrite") < at(n, "define"));
	assert_true(at(n, "define") < at(n, "start"));
	assert_false(has(n, "verify-deep"));
	m->start = m->was_running = false;
	m->verify_deep = true;
	steps_of_move(m, n);
	assert_false(has(n, "start"));
	assert_false(has(n, "precopy"));
	assert_true(at(n, "verify-deep") < at(n, "rewrite"));
	move_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_table),     cmocka_unit_test(t_round_trip),
		cmocka_unit_test(t_bad_json),  cmocka_unit_test(t_older_json),
		cmocka_unit_test(t_bad_paths), cmocka_unit_test(t_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
