/* SPDX-License-Identifier: Apache-2.0 */
/* What the journal says of how long a guest was down. */
#include "unit/unit.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/downtime.h"

static char dir[] = "/tmp/nh-downtime.XXXXXX";
static struct journal *j;
static struct journal_job job;

static const char *const all[] = {"claim",	"precopy", "stop",    "disarm",
				  "final-copy", "install", "rewrite", "define",
				  "start",	"verify"};

static void create(bool running)
{
	json_t *steps = json_array(), *plan;
	struct err e = ERR_INIT;
	static char uuid[] = "a";

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		json_array_append_new(steps,
				      json_pack("{s:s}", "step", all[i]));
	plan = json_pack("{s:s, s:{s:s}, s:i, s:{s:b}, s:o}", "kind", "move",
			 "instance", "uuid", uuid, "downtime_s", 9, "move",
			 "was_running", running, "steps", steps);
	assert_int_equal(journal_create(j, plan, "o", &job, &e), 0);
	/* Where several write, an instance has one open job at most. */
	uuid[0]++;
	json_decref(plan);
}

/* Step I ran from AT for LEN milliseconds, in the middle of the epoch. */
static void ran(size_t i, enum journal_mark mark, int at, int len)
{
	struct journal_key k = journal_key(&job);
	struct err e = ERR_INIT;
	int64_t start = 1000000000LL + at * 1000LL;

	assert_int_equal(
		journal_mark(
			j, &k,
			&(struct journal_step){
				.idx = i,
				.mark = mark,
				.attempt = 1,
				.started_us = start,
				.ended_us = len ? start + len * 1000LL : 0},
			&e),
		0);
}

static json_t *look(void)
{
	AUTO(mem_freep) char *id = mem_strdup(job.id);
	struct err e = ERR_INIT;
	json_t *doc = json_object();

	journal_job_clear(&job);
	assert_int_equal(journal_load(j, id, &job, &e), 0);
	downtime_put(j, &job, doc);
	downtime_text(doc, doc);
	return doc;
}

static double figure(const json_t *doc, const char *key)
{
	const json_t *d = json_object_get(doc, "downtime");

	return json_is_number(json_object_get(d, key))
		       ? json_number_value(json_object_get(d, key))
		       : -1;
}

static const char *text(const json_t *doc, const char *key)
{
	const char *s = json_string_value(json_object_get(doc, key));

	return s ? s : "";
}

static void moved(void)
{
	ran(0, MARK_DONE, 0, 10);
	ran(1, MARK_DONE, 10, 5000);
	ran(2, MARK_DONE, 6000, 1000);
	ran(3, MARK_DONE, 7100, 300);
	ran(4, MARK_DONE, 7500, 2000);
	ran(5, MARK_DONE, 9600, 100);
	ran(6, MARK_DONE, 9800, 50);
	ran(7, MARK_DONE, 10000, 400);
	ran(8, MARK_DONE, 10500, 500);
}

static void t_parts(void **state)
{
	json_t *doc;

	(void)state;
	create(true);
	moved();
	doc = look();
	assert_true(figure(doc, "seconds") == 5.0);
	assert_true(figure(doc, "stop_s") == 1.5);
	assert_true(figure(doc, "copy_s") == 2.1);
	assert_true(figure(doc, "install_s") == 0.2);
	assert_true(figure(doc, "rewrite_s") == 0.2);
	assert_true(figure(doc, "start_s") == 1.0);
	/* no round was journalled: the plan's word */
	assert_true(figure(doc, "predicted_s") == 9);
	assert_null(json_object_get(doc, "precopy"));
	assert_string_equal(text(doc, "downtime_text"),
			    "5.0 s: stop 1.5, copy 2.1, install 0.2, rewrite "
			    "0.2, start 1.0; predicted 9.0 s, without the "
			    "power-off");
	json_decref(doc);
	journal_job_clear(&job);
}

static void saved(size_t step, json_int_t mib)
{
	struct journal_key k = journal_key(&job);
	struct err e = ERR_INIT;
	json_t *v = json_pack("{s:I}", "bytes", mib << 20);

	assert_int_equal(journal_record(j, &k,
					&(struct journal_record){.idx = step,
								 .key = "saved",
								 .value = v},
					&e),
			 0);
	json_decref(v);
}

static void sent(size_t step, uint64_t mib)
{
	struct journal_key k = journal_key(&job);
	struct err e = ERR_INIT;

	assert_int_equal(journal_mark(j, &k,
				      &(struct journal_step){.idx = step,
							     .mark = MARK_DONE,
							     .attempt = 1,
							     .started_us = 1,
							     .ended_us = 2,
							     .sent = mib << 20},
				      &e),
			 0);
}

/* The last word of each step counts. */
static void t_copied(void **state)
{
	json_t *doc, *copied;

	(void)state;
	create(true);
	doc = look();
	assert_null(json_object_get(doc, "copied"));
	assert_string_equal(text(doc, "copied_text"), "");
	json_decref(doc);
	sent(1, 130);
	sent(4, 2);
	doc = look();
	assert_string_equal(text(doc, "copied_text"), "132.0 MiB");
	json_decref(doc);
	saved(1, 60);
	saved(1, 90);
	saved(4, 1);
	doc = look();
	copied = json_object_get(doc, "copied");
	assert_int_equal(
		json_integer_value(json_object_get(copied, "bytes_sent")),
		132 << 20);
	assert_int_equal(
		json_integer_value(json_object_get(copied, "bytes_wire")),
		41 << 20);
	assert_string_equal(text(doc, "copied_text"), "132.0 MiB, as 41.0 MiB");
	json_decref(doc);
	journal_job_clear(&job);
}

static void t_predicted(void **state)
{
	struct journal_key k;
	struct err e = ERR_INIT;
	json_t *v, *doc;

	(void)state;
	create(true);
	moved();
	k = journal_key(&job);
	v = json_pack("{s:[{s:f, s:I}, {s:f, s:I}], s:f}", "rounds", "seconds",
		      4.0, "bytes_sent", (json_int_t)8 << 20, "seconds", 0.5,
		      "bytes_sent", (json_int_t)1 << 20, "downtime_s", 4.5);
	assert_int_equal(
		journal_record(j, &k,
			       &(struct journal_record){
				       .idx = 1, .key = "rounds", .value = v},
			       &e),
		0);
	json_decref(v);
	doc = look();
	assert_true(figure(doc, "predicted_s") == 4.5);
	assert_string_equal(text(doc, "precopy_text"),
			    "2 rounds: 8.0 MiB in 4.0 s, 1.0 MiB in 0.5 s");
	json_decref(doc);
	journal_job_clear(&job);
}

static void went(size_t i, json_t *way)
{
	struct journal_key k = journal_key(&job);
	struct journal_record r = {.idx = i, .key = "way", .value = way};
	struct err e = ERR_INIT;

	assert_int_equal(journal_record(j, &k, &r, &e), 0);
	json_decref(way);
}

static void t_way(void **state)
{
	json_t *doc;

	(void)state;
	create(true);
	moved();
	went(1, json_pack("{s:s, s:i, s:s}", "transport", "direct", "streams",
			  1, "why", ""));
	doc = look();
	assert_string_equal(text(doc, "transfer_text"),
			    "direct, over 1 connection");
	json_decref(doc);
	/* the final pass has the last word */
	went(4, json_pack("{s:s, s:i, s:s}", "transport", "relay", "streams", 0,
			  "why", "ssh: no"));
	doc = look();
	assert_string_equal(text(json_object_get(doc, "transfer"), "transport"),
			    "relay");
	assert_string_equal(text(doc, "transfer_text"),
			    "relay; not otherwise: ssh: no");
	json_decref(doc);
	journal_job_clear(&job);
}

/* It went back: until the guest ran again where it was. */
static void t_back(void **state)
{
	json_t *doc;

	(void)state;
	create(true);
	ran(2, MARK_UNDONE, 6000, 7000);
	doc = look();
	assert_true(figure(doc, "seconds") == 7.0);
	assert_true(figure(doc, "copy_s") == -1);
	json_decref(doc);
	journal_job_clear(&job);
}

/* Nobody was down, is down still, or was off before. */
static void t_none(void **state)
{
	json_t *doc;

	(void)state;
	create(true);
	doc = look();
	assert_int_equal(json_object_size(doc), 0);
	json_decref(doc);
	ran(2, MARK_DONE, 6000, 1000);
	ran(8, MARK_RUNNING, 9000, 0);
	doc = look();
	assert_int_equal(json_object_size(doc), 0);
	json_decref(doc);
	journal_job_clear(&job);
	create(false);
	moved();
	doc = look();
	assert_int_equal(json_object_size(doc), 0);
	json_decref(doc);
	journal_job_clear(&job);
}

static int open_it(void **state)
{
	AUTO(mem_freep) char *path = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = mem_printf("%s/journal.db", dir);
	j = journal_open(path, &e);
	return j ? 0 : -1;
}

static int close_it(void **state)
{
	AUTO(mem_freep) char *db = mem_printf("%s/journal.db", dir);
	AUTO(mem_freep) char *reserve = mem_printf("%s.reserve", db);

	(void)state;
	journal_close(j);
	unlink(db);
	unlink(reserve);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_parts),  cmocka_unit_test(t_predicted),
		cmocka_unit_test(t_copied), cmocka_unit_test(t_way),
		cmocka_unit_test(t_back),   cmocka_unit_test(t_none),
	};

	return cmocka_run_group_tests(tests, open_it, close_it);
}
