/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit with hosts that do not answer, and with jobs that another journal has
 * ended.  The hosts are a table; what would be done to them is written down.
 */
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/app_priv.h"
#include "cli/progress.h"

#define UUID1 "9f2c1f1e-0b1d-4c57-8b9c-2f6f3c1d4a5b"

struct lying {
	const char *host;
	char *text; /* a manifest; owned */
	char job[JOURNAL_ID_MAX];
	bool closed;
};

static struct {
	char dir[32];
	char *path, *elsewhere;
	struct config config;
	struct config_host hosts[3];
	struct app_ops ops;
	struct app app;
	struct journal *j;
	struct lying lie[8];
	size_t n;
	const char *down;
	struct buf log; /* "open j-x, sweep a j-x, " */
	struct app_traces left;
	json_t *report;
	struct err e;
} t;

/* ---- the hosts */

static int manifests(struct app *a, const char *host, json_t **out,
		     struct err *e)
{
	(void)a;
	buf_printf(&t.log, "look %s, ", host);
	if (t.down && !strcmp(host, t.down))
		return err_set(e, ERR_RETRY, "no route to host");
	*out = json_array();
	for (size_t i = 0; i < t.n; i++)
		if (!strcmp(t.lie[i].host, host))
			json_array_append_new(
				*out,
				json_pack("{s:s, s:s, s:b, s:s, s:s?}", "host",
					  host, "job", t.lie[i].job, "closed",
					  t.lie[i].closed, "text",
					  t.lie[i].text, "server",
					  *t.lie[i].text ? NULL : UUID1));
	return 0;
}

static int sweep(struct app *a, const char *host, const char *job,
		 const char *uuid, struct err *e)
{
	(void)a;
	(void)e;
	assert_string_equal(uuid, UUID1);
	buf_printf(&t.log, "sweep %s %s, ", host, job);
	return 0;
}

/* Who opens the world of a job wants to change it, or to look for traces. */
static void *world_open(struct app *a, const json_t *plan, enum app_reach reach,
			struct err *e)
{
	static int world;

	(void)a;
	(void)reach;
	buf_printf(&t.log, "open %s>%s, ",
		   json_string_value(json_object_get(plan, "source")),
		   json_string_value(json_object_get(plan, "target")));
	if (t.ops.traces)
		return &world;
	err_set(e, ERR_RETRY, "not today");
	return NULL;
}

static void world_close(void *world)
{
	(void)world;
}

static int traces(void *world, const char *job, struct app_traces *out,
		  struct err *e)
{
	(void)world;
	(void)job;
	(void)e;
	*out = t.left;
	return 0;
}

/* ---- jobs */

static json_t *plan(const char *from, const char *to)
{
	return json_pack("{s:s, s:{s:s, s:s}, s:s, s:s, s:[{s:s}, {s:s}]}",
			 "kind", "move", "instance", "uuid", UUID1, "name",
			 "web-1", "source", from, "target", to, "steps", "step",
			 "claim", "step", "rewrite");
}

/* A job with its claim done, in journal J; the caller frees its text. */
static char *make(struct journal *j, const char *from, const char *to,
		  char id[JOURNAL_ID_MAX])
{
	json_t *p = plan(from, to);
	struct journal_job job = {0};
	struct journal_step s = {.idx = 0, .mark = MARK_DONE, .attempt = 1};
	struct journal_key key;

	assert_int_equal(journal_create(j, p, "me pid 1", &job, &t.e), 0);
	key = journal_key(&job);
	assert_int_equal(journal_mark(j, &key, &s, &t.e), 0);
	memcpy(id, job.id, JOURNAL_ID_MAX);
	journal_job_clear(&job);
	json_decref(p);
	return journal_export(j, id, &t.e);
}

/* Its manifest lies on HOST; the journal does not know it. */
static const char *lost(const char *host, const char *from, const char *to)
{
	struct journal *j = journal_open(t.elsewhere, &t.e);
	struct lying *l = &t.lie[t.n++];

	assert_non_null(j);
	l->host = host;
	l->text = make(j, from, to, l->job);
	journal_close(j);
	return l->job;
}

static void also(const char *host, const char *job)
{
	for (size_t i = 0; i < t.n; i++)
		if (!strcmp(t.lie[i].job, job)) {
			t.lie[t.n] = t.lie[i];
			t.lie[t.n].host = host;
			t.lie[t.n++].text = mem_strdup(t.lie[i].text);
			return;
		}
	fail();
}

static bool known(const char *job, enum journal_state *state, bool *purged)
{
	struct journal_job got = {0};
	struct err e = ERR_INIT;
	bool yes = !journal_load(t.j, job, &got, &e);

	if (state)
		*state = got.state;
	if (purged)
		*purged = got.purged_us;
	err_clear(&e);
	journal_job_clear(&got);
	return yes;
}

/* ---- */

static int set_up(void **state)
{
	static const char *const names[] = {"a", "b", "c"};

	(void)state;
	memset(&t, 0, sizeof(t));
	strcpy(t.dir, "/tmp/nh-audit.XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	t.path = mem_printf("%s/j.db", t.dir);
	t.elsewhere = mem_printf("%s/k.db", t.dir);
	for (size_t i = 0; i < 3; i++)
		t.hosts[i].name = (char *)names[i];
	t.config.hosts = t.hosts;
	t.config.n_hosts = 3;
	t.ops = (struct app_ops){.manifests = manifests,
				 .sweep = sweep,
				 .world_open = world_open,
				 .world_close = world_close};
	t.app = (struct app){.config = &t.config,
			     .journal = t.path,
			     .ops = &t.ops,
			     .confirmed = true,
			     .progress = progress_new(PROGRESS_NONE)};
	t.j = journal_open(t.path, &t.e);
	assert_non_null(t.j);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const ends[] = {"", ".reserve"};

	(void)state;
	journal_close(t.j);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		AUTO(mem_freep) char *p = mem_printf("%s%s", t.path, ends[i]);
		AUTO(mem_freep)
		char *q = mem_printf("%s%s", t.elsewhere, ends[i]);

		unlink(p);
		unlink(q);
	}
	assert_int_equal(rmdir(t.dir), 0);
	for (size_t i = 0; i < t.n; i++)
		mem_free(t.lie[i].text);
	progress_free(t.app.progress);
	mem_free(t.path);
	mem_free(t.elsewhere);
	buf_clear(&t.log);
	json_decref(t.report);
	err_clear(&t.e);
	return 0;
}

static void audit(bool fix, const char *const *hosts)
{
	struct app_audit r = {.hosts = hosts, .fix = fix};

	json_decref(t.report);
	t.report = NULL;
	buf_reset(&t.log);
	if (app_audit(&t.app, &r, &t.report, &t.e))
		fail_msg("%s", err_msg(&t.e));
}

/* The finding of that kind, about JOB if not NULL. */
static const json_t *found(const char *kind, const char *job)
{
	const json_t *f;
	size_t i;

	json_array_foreach (json_object_get(t.report, "findings"), i, f) {
		const char *k = json_string_value(json_object_get(f, "kind"));
		const char *j = json_string_value(json_object_get(f, "job"));

		if (!strcmp(k, kind) && (!job || (j && !strcmp(j, job))))
			return f;
	}
	return NULL;
}

static const char *text(const json_t *finding, const char *key)
{
	const char *s = json_string_value(json_object_get(finding, key));

	return s ? s : "";
}

static bool did(const char *what)
{
	return strstr(buf_str(&t.log), what) != NULL;
}

/* One host is dead: the others are looked at, and only what does not hang on it
 * is repaired. */
static void t_dead_host(void **state)
{
	const char *ab = lost("a", "a", "b");
	const char *ac = lost("a", "a", "c");
	const char *ca = lost("a", "c", "a");

	(void)state;
	also("b", ab);
	t.down = "c";
	for (int fix = 0; fix < 2; fix++) {
		audit(fix, NULL);
		assert_true(did("look a, look b, look c, "));
		assert_string_equal(text(found("unreachable", NULL), "host"),
				    "c");
		assert_non_null(
			strstr(text(found("unreachable", NULL), "message"),
			       "could not be looked at: no route"));
		assert_true(json_is_false(
			json_object_get(found("unreachable", NULL), "fixed")));
		assert_int_equal(did("open a>b"), fix);
		assert_false(did("open a>c") || did("open c>a"));
		assert_non_null(found("open-job", ab));
		assert_true(json_is_false(
			json_object_get(found("unknown", ac), "fixed")));
		assert_non_null(found("unknown", ca));
		/* A manifest on the source is the newest: it may come in. */
		assert_int_equal(known(ac, NULL, NULL), fix);
		assert_false(known(ca, NULL, NULL));
	}
	assert_non_null(strstr(text(found("unknown", ac), "hint"),
			       "novahaul rollback"));
}

/* Asked for one host, the job's other one is looked at all the same. */
static void t_other_side(void **state)
{
	static const char *const only_b[] = {"b", NULL};
	const char *ab = lost("b", "a", "b");

	(void)state;
	lost("a", "a", "c"); /* not asked for */
	audit(true, only_b);
	assert_true(did("look b, look a, open a>b"));
	assert_null(strstr(buf_str(&t.log), "c"));
	t.down = "a";
	audit(true, only_b);
	assert_false(did("open"));
	assert_non_null(found("unreachable", NULL));
	assert_non_null(found("unknown", ab));
}

/* An earlier job's kept copy waits for the open one. */
static void t_open_first(void **state)
{
	(void)state;
	lost("a", "a", "b");
	t.lie[0].closed = true;
	lost("b", "b", "a");
	audit(true, NULL);
	assert_true(did("open b>a, open a>b"));
	assert_non_null(found("kept-copy", t.lie[0].job));
}

static void roll_back(const char *job)
{
	struct journal_job got = {0};
	struct journal_turn end = {.state = JOURNAL_ROLLED_BACK,
				   .dir = JOURNAL_BACKWARD};
	struct journal_key key;

	assert_int_equal(journal_load(t.j, job, &got, &t.e), 0);
	key = journal_key(&got);
	assert_int_equal(journal_turn(t.j, &key, &end, &t.e), 0);
	journal_job_clear(&got);
}

/* What a rolled-back job left on its target may be all there is, as long as
 * nobody has seen the source. */
static void t_leftovers(void **state)
{
	struct lying *l = &t.lie[t.n++];

	(void)state;
	l->host = "b";
	l->text = make(t.j, "a", "b", l->job);
	roll_back(l->job);
	t.down = "a";
	audit(true, NULL);
	assert_false(did("sweep"));
	assert_non_null(found("unknown", l->job));
	t.down = NULL;
	audit(true, NULL);
	assert_true(did("sweep b"));
	assert_non_null(found("leftover", l->job));
	/* A lease alone does not say whose other host is which. */
	mem_free(l->text);
	l->text = mem_strdup("");
	strcpy(l->job, "j-unknown2");
	t.down = "c";
	audit(true, NULL);
	assert_false(did("sweep"));
	t.down = NULL;
	audit(true, NULL);
	assert_true(did("sweep b j-unknown2"));
}

/* An open job of ours of which nothing is left anywhere. */
static void t_ended(void **state)
{
	enum journal_state s;
	char id[JOURNAL_ID_MAX];
	bool purged;

	(void)state;
	t.ops.traces = traces;
	mem_free(make(t.j, "a", "b", id));
	t.left.kept = true;
	audit(true, NULL);
	assert_true(did("open a>b"));
	assert_int_equal(json_array_size(json_object_get(t.report, "findings")),
			 0);
	t.left.kept = false;
	t.down = "b";
	audit(true, NULL);
	assert_false(did("open"));
	assert_true(known(id, &s, NULL) && s == JOURNAL_OPEN);
	t.down = NULL;
	audit(false, NULL);
	assert_non_null(found("ended-elsewhere", id));
	assert_true(known(id, &s, NULL) && s == JOURNAL_OPEN);
	audit(true, NULL);
	assert_true(json_is_true(
		json_object_get(found("ended-elsewhere", id), "fixed")));
	assert_true(known(id, &s, &purged) && s == JOURNAL_ROLLED_BACK);
	assert_false(purged);
	mem_free(make(t.j, "a", "b", id));
	t.left.moved = true;
	audit(true, NULL);
	assert_true(known(id, &s, &purged) && s == JOURNAL_DONE && purged);
}

/* Open here, closed by another journal: its copy is kept. */
static void t_closed(void **state)
{
	struct lying *l = &t.lie[t.n++];
	enum journal_state s;
	bool purged;

	(void)state;
	t.ops.traces = traces;
	l->host = "a";
	l->text = make(t.j, "a", "b", l->job);
	l->closed = true;
	t.left.kept = true;
	audit(false, NULL);
	assert_non_null(found("ended-elsewhere", l->job));
	assert_true(known(l->job, &s, NULL) && s == JOURNAL_OPEN);
	audit(true, NULL);
	assert_true(known(l->job, &s, &purged) && s == JOURNAL_DONE && !purged);
	audit(true, NULL);
	assert_int_equal(json_array_size(json_object_get(t.report, "findings")),
			 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_dead_host, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_other_side, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(t_open_first, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(t_leftovers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_ended, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_closed, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
