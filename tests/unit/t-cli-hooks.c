/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hooks: what they are told, and that nothing they do changes a job.  The
 * programs are small scripts that this test writes.
 */
#include "unit/unit.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/hooks.h"
#include "cli/progress.h"
#include "cli/sdjournal.h"
#include "cli/trace.h"
#include "core/clock.h"
#include "core/fs.h"
#include "core/stop.h"

static char dir[] = "/tmp/nh-hooks.XXXXXX";
static struct config conf;
static struct buf told; /* by FAILED, a line each */

static void failed(void *arg, const char *text)
{
	(void)arg;
	buf_printf(&told, "%s\n", text);
}

/* A script NAME in the test's folder that does BODY, as the hook WHICH. */
static void script(enum config_hook which, const char *name, const char *body)
{
	AUTO(mem_freep) char *path = mem_printf("%s/%s", dir, name);
	AUTO(mem_freep)
	char *text = mem_printf("#!/bin/sh\nd=%s\n%s\n", dir, body);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0700);
	struct err e = ERR_INIT;

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text), &e), 0);
	close(fd);
	strv_clear(&conf.hooks.argv[which]);
	strv_add(&conf.hooks.argv[which], path);
	strv_add(&conf.hooks.argv[which], "first word");
}

/* What a script left in the folder, or "". */
static char *left(const char *name)
{
	AUTO(mem_freep) char *path = mem_printf("%s/%s", dir, name);
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (fs_read_path(path, 1 << 20, &b, &e))
		err_clear(&e);
	return buf_steal(&b);
}

static json_t *doc_of(const char *event)
{
	return json_pack("{s:s, s:s}", "event", event, "name",
			 "<script>'\"\n\xc3\xa4");
}

static void tell(struct hooks *h, enum config_hook which, bool wait)
{
	json_t *doc = doc_of(config_hook_name(which));

	if (wait)
		hooks_wait(h, which, doc);
	else
		hooks_send(h, which, doc);
	json_decref(doc);
}

static bool was_told(const char *what)
{
	return strstr(buf_str(&told), what) != NULL;
}

/* One line of JSON, its argument as one word, and nothing of our environment.
 */
static void t_start(void **state)
{
	struct hooks *h;
	json_t *doc, *want = doc_of("start");

	(void)state;
	setenv("OS_PASSWORD", "hunter2", 1);
	script(CONFIG_HOOK_START, "a",
	       "cat > $d/in; echo \"$1\" > $d/arg; env > $d/env");
	h = hooks_new(&conf.hooks, failed, NULL);
	assert_true(hooks_want(h, CONFIG_HOOK_START));
	assert_false(hooks_want(h, CONFIG_HOOK_STEP));
	tell(h, CONFIG_HOOK_START, true);
	tell(h, CONFIG_HOOK_STEP, true); /* there is none */
	hooks_free(h);
	AUTO(mem_freep) char *in = left("in");
	AUTO(mem_freep) char *arg = left("arg");
	AUTO(mem_freep) char *env = left("env");

	assert_string_equal(arg, "first word\n");
	assert_non_null(strstr(env, "PATH="));
	assert_null(strstr(env, "hunter2"));
	assert_ptr_equal(strchr(in, '\n'), in + strlen(in) - 1);
	doc = json_loads(in, 0, NULL);
	assert_true(json_equal(doc, want));
	json_decref(doc);
	json_decref(want);
	assert_string_equal(buf_str(&told), "");
}

static void t_failures(void **state)
{
	struct hooks *h;

	(void)state;
	script(CONFIG_HOOK_START, "a",
	       "echo one >&2; echo 'two  ' >&2; echo >&2; exit 3");
	script(CONFIG_HOOK_END, "b", "sleep 60 & echo $! > $d/pid; sleep 60");
	conf.hooks.timeout = 1;
	strv_add(&conf.hooks.argv[CONFIG_HOOK_FAIL], "/nonexistent/hook");
	h = hooks_new(&conf.hooks, failed, NULL);
	tell(h, CONFIG_HOOK_START, true);
	assert_true(was_told("hook start: exit code 3: two\n"));
	tell(h, CONFIG_HOOK_END, true);
	assert_true(was_told("hook end: "));
	assert_true(was_told("no end within 1 s"));
	tell(h, CONFIG_HOOK_FAIL, true);
	tell(h, CONFIG_HOOK_FAIL, false);
	assert_true(was_told("hook fail: /nonexistent/hook: No such file"));
	hooks_free(h);
}

/* They run beside the job; what they print neither stops them nor us. */
static void t_beside(void **state)
{
	struct hooks *h;

	(void)state;
	script(CONFIG_HOOK_STEP, "a",
	       "cat > $d/in; head -c 300000 /dev/zero; "
	       "head -c 300000 /dev/zero >&2; echo it is over >&2; exit 9");
	script(CONFIG_HOOK_FAIL, "b", "exec <&-; exit 0");
	conf.hooks.timeout = 60;
	h = hooks_new(&conf.hooks, failed, NULL);
	tell(h, CONFIG_HOOK_STEP, false);
	tell(h, CONFIG_HOOK_FAIL, false);
	hooks_settle(h);
	assert_string_equal(buf_str(&told),
			    "hook step: exit code 9: it is over\n");
	hooks_free(h);
	AUTO(mem_freep) char *in = left("in");

	assert_non_null(strstr(in, "\"event\":\"step\""));
}

static void t_many(void **state)
{
	struct hooks *h;

	(void)state;
	script(CONFIG_HOOK_STEP, "a",
	       "echo >> $d/n; while [ ! -e $d/go ]; do sleep 0.05; done");
	conf.hooks.timeout = 60;
	h = hooks_new(&conf.hooks, failed, NULL);
	for (int i = 0; i < HOOKS_AT_ONCE + 3; i++)
		tell(h, CONFIG_HOOK_STEP, false);
	assert_string_equal(buf_str(&told), "");
	AUTO(mem_freep) char *go = mem_printf("%s/go", dir);

	close(open(go, O_WRONLY | O_CREAT, 0600));
	hooks_free(h);
	assert_string_equal(buf_str(&told),
			    "hook step: 3 events were not told: 4 still ran\n");
	AUTO(mem_freep) char *n = left("n");

	assert_int_equal(strlen(n), HOOKS_AT_ONCE);
}

/* One that does not end is killed with all that it has started. */
static void t_stuck(void **state)
{
	struct hooks *h;

	(void)state;
	script(CONFIG_HOOK_STEP, "a", "echo at work >&2; sleep 60");
	conf.hooks.timeout = 1;
	h = hooks_new(&conf.hooks, failed, NULL);
	tell(h, CONFIG_HOOK_STEP, false);
	hooks_free(h);
	assert_string_equal(buf_str(&told),
			    "hook step: no end within 1 s: at work\n");
}

static void t_ask(void **state)
{
	struct err e = ERR_INIT;
	struct hooks *h;
	json_t *doc = doc_of("before_start");

	(void)state;
	assert_int_equal(hooks_ask(NULL, doc, &e), 0);
	script(CONFIG_HOOK_BEFORE_START, "a", "grep -q before_start");
	h = hooks_new(&conf.hooks, failed, NULL);
	assert_int_equal(hooks_ask(h, doc, &e), 0);
	script(CONFIG_HOOK_BEFORE_START, "a",
	       "echo 'no change ticket' >&2; exit 1");
	assert_int_equal(hooks_ask(h, doc, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_non_null(strstr(err_msg(&e), "(exit code 1): no change ticket"));
	err_clear(&e);
	script(CONFIG_HOOK_BEFORE_START, "a", "sleep 60");
	conf.hooks.timeout = 1;
	assert_int_equal(hooks_ask(h, doc, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
	strv_clear(&conf.hooks.argv[CONFIG_HOOK_BEFORE_START]);
	strv_add(&conf.hooks.argv[CONFIG_HOOK_BEFORE_START], "/nonexistent/x");
	assert_int_equal(hooks_ask(h, doc, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
	hooks_free(h);
	json_decref(doc);
	assert_string_equal(buf_str(&told), "");
}

static void t_none(void **state)
{
	(void)state;
	assert_null(hooks_new(&conf.hooks, failed, NULL));
	hooks_poll(NULL);
	hooks_settle(NULL);
	hooks_free(NULL);
	assert_false(hooks_want(NULL, CONFIG_HOOK_END));
}

/* --- the system's journal */

/* As journald reads it: a field of one line, or one with its length. */
static void field(const char *all, size_t n, const char *key, const char *want)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	buf_puts(&b, key);
	if (strchr(want, '\n')) {
		uint64_t len = strlen(want);

		assert_true(len < 256);
		buf_putc(&b, '\n');
		buf_putc(&b, (char)len);
		buf_put(&b, "\0\0\0\0\0\0\0", 7);
	} else {
		buf_putc(&b, '=');
	}
	buf_printf(&b, "%s\n", want);
	if (!memmem(all, n, b.p, b.len))
		fail_msg("%s is not \"%s\" in:\n%.*s", key, want, (int)n, all);
}

static void t_system(void **state)
{
	AUTO(mem_freep) char *path = mem_printf("%s/in", dir);
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	AUTO(mem_closefd) int in = socket(AF_UNIX, SOCK_DGRAM, 0);
	AUTO(mem_freep) char *huge = mem_calloc(1 << 20, 1);
	struct sdjournal s = {.what = SDJOURNAL_FAIL,
			      .job = "j-36uuu7bg",
			      .instance = "u-1",
			      .step = "stop",
			      .text = "it burns\nNOVAHAUL_JOB=j-forged"};
	char got[16384];
	ssize_t n;
	int fd;

	(void)state;
	assert_int_equal(sdjournal_open(path), -1);
	sdjournal_send(-1, &s);
	unlink(path);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	assert_int_equal(bind(in, (struct sockaddr *)&at, sizeof(at)), 0);
	fd = sdjournal_open(path);
	assert_true(fd >= 0);
	sdjournal_send(fd, &s);
	n = recv(in, got, sizeof(got), 0);
	assert_true(n > 0);
	field(got, (size_t)n, "MESSAGE",
	      "job j-36uuu7bg: fail stop: it burns\nNOVAHAUL_JOB=j-forged");
	field(got, (size_t)n, "NOVAHAUL_JOB", "j-36uuu7bg");
	field(got, (size_t)n, "NOVAHAUL_INSTANCE", "u-1");
	field(got, (size_t)n, "NOVAHAUL_STEP", "stop");
	field(got, (size_t)n, "NOVAHAUL_EVENT", "fail");
	field(got, (size_t)n, "PRIORITY", "4");
	field(got, (size_t)n, "MESSAGE_ID", "e28b29bbc9024bc0908a6d21394581a5");
	/* a text without end is cut, and arrives */
	memset(huge, 'x', (1 << 20) - 1);
	s.text = huge;
	sdjournal_send(fd, &s);
	n = recv(in, got, sizeof(got), 0);
	assert_true(n > 8192 && n < 9000);
	/* nobody reads: it does not wait */
	for (int i = 0; i < 2000; i++)
		sdjournal_send(fd, &s);
	close(fd);
	unlink(path);
}

/* --- a whole job */

static struct journal_job *create(struct journal *j, struct journal_job *job)
{
	struct err e = ERR_INIT;
	json_t *plan = json_loads(
		"{\"kind\": \"move\", \"source\": \"a\", \"target\": \"b\", "
		"\"instance\": {\"uuid\": \"u-1\", \"name\": \"web\"}, "
		"\"sql\": \"SECRET\", \"batch\": {\"id\": \"b-22222222\", "
		"\"member\": 3, \"epoch\": 1}, \"steps\": [{\"step\": "
		"\"claim\"}, {\"step\": \"stop\"}]}",
		0, NULL);

	json_object_del(plan, "batch");
	assert_int_equal(journal_create(j, plan, "me pid 1", job, &e), 0);
	json_decref(plan);
	return job;
}

static bool find_line(void *arg, const struct journal_event *ev)
{
	bool *found = arg;

	*found = *found || (!strcmp(ev->kind, "say") &&
			    !strcmp(ev->text, "hook step: exit code 1"));
	return true;
}

static json_t *line(const char *all, const char *event)
{
	AUTO(mem_freep) char *word = mem_printf("\"event\":\"%s\"", event);
	const char *at = strstr(all, word);

	if (!at)
		return NULL;
	while (at > all && at[-1] != '\n')
		at--;
	return json_loads(at, JSON_DISABLE_EOF_CHECK, NULL);
}

static const char *str(const json_t *o, const char *a, const char *b)
{
	o = json_object_get(o, a);
	o = b ? json_object_get(o, b) : o;
	return json_string_value(o) ? json_string_value(o) : "(none)";
}

static void t_job(void **state)
{
	AUTO(mem_freep) char *file = mem_printf("%s/journal.db", dir);
	AUTO(mem_freep) char *metrics = mem_printf("%s/m.prom", dir);
	struct err e = ERR_INIT, why = ERR_INIT;
	struct journal *j = journal_open(file, &e);
	struct app app = {.config = &conf,
			  .progress = progress_new(PROGRESS_NONE)};
	struct trace t = {.app = &app, .journal = j};
	struct journal_job job;
	struct txn_event ev = {.nsteps = 2, .step = "claim"};
	struct app_outcome out = {.end = TXN_ROLLED_BACK};
	bool said = false;
	json_t *v;

	(void)state;
	conf.hooks.timeout = 60;
	conf.textfile = metrics;
	script(CONFIG_HOOK_START, "a", "cat >> $d/all; cp $d/m.prom $d/m1");
	script(CONFIG_HOOK_END, "b", "cat >> $d/all");
	script(CONFIG_HOOK_STEP, "c", "cat >> $d/step; exit 1");
	script(CONFIG_HOOK_FAIL, "d", "cat >> $d/fail");
	ev.job = create(j, &job)->id;
	script(CONFIG_HOOK_BEFORE_START, "ask", "cat > /dev/null; exit 3");
	assert_int_equal(trace_ask(&t, job.plan, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	if (strstr(err_msg(&e), "instance u-1 (web), from a to b: the hook "
				"before_start says no") != err_msg(&e))
		fail_msg("%s", err_msg(&e));
	err_clear(&e);
	script(CONFIG_HOOK_BEFORE_START, "ask", "cat > /dev/null");
	assert_int_equal(trace_ask(&t, job.plan, &e), 0);
	trace_event(&t, &ev);
	ev.kind = TXN_EV_END;
	trace_event(&t, &ev);
	ev.kind = TXN_EV_FAIL;
	ev.idx = 1;
	ev.step = "stop";
	ev.text = "it burns";
	trace_event(&t, &ev);
	err_set(&why, ERR_FAILED, "all of it burns");
	out.report = json_loads("{\"downtime\": {\"seconds\": 2.5}}", 0, NULL);
	trace_end(&t, &out, &why);
	AUTO(mem_freep) char *all = left("all");
	AUTO(mem_freep) char *step = left("step");
	AUTO(mem_freep) char *fail = left("fail");

	AUTO(mem_freep) char *before = left("m1");
	AUTO(mem_freep) char *after = left("m.prom");
	struct stat st;

	/* written when it began, and again; others may read it */
	assert_non_null(strstr(before, "\nnovahaul_open_jobs 1\n"));
	assert_non_null(strstr(after, "\nnovahaul_open_jobs 1\n"));
	assert_int_equal(stat(metrics, &st), 0);
	assert_int_equal(st.st_mode & 0444, 0444);
	assert_null(strstr(all, "SECRET"));
	v = line(all, "start");
	assert_string_equal(str(v, "job", NULL), job.id);
	assert_string_equal(str(v, "kind", NULL), "move");
	assert_string_equal(str(v, "server", "name"), "web");
	assert_string_equal(str(v, "from", NULL), "a");
	assert_string_equal(str(v, "to", NULL), "b");
	assert_string_equal(str(v, "state", NULL), "open");
	assert_string_equal(str(v, "owner", NULL), "me pid 1");
	json_decref(v);
	v = line(step, "step");
	assert_string_equal(str(v, "step", "name"), "claim");
	assert_string_equal(str(v, "step", "result"), "done");
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(v, "step"), "nr")),
			 1);
	json_decref(v);
	v = line(fail, "fail");
	assert_string_equal(str(v, "step", "name"), "stop");
	assert_string_equal(str(v, "step", "result"), "failed");
	assert_string_equal(str(v, "error", "message"), "it burns");
	json_decref(v);
	v = line(all, "end");
	assert_string_equal(str(v, "end", NULL), "rolled-back");
	assert_int_equal(json_integer_value(json_object_get(v, "exit_code")),
			 1);
	assert_string_equal(str(v, "error", "message"), "all of it burns");
	assert_true(json_number_value(json_object_get(
			    json_object_get(v, "downtime"), "seconds")) == 2.5);
	json_decref(v);
	/* what failed stands in the job's history */
	assert_int_equal(journal_events(j, job.id, 0, find_line, &said, &e), 0);
	assert_true(said);
	/* nobody is told of a job that another process has */
	trace_end(&t, &out, &why);
	AUTO(mem_freep) char *again = left("all");

	assert_string_equal(again, all);
	json_decref(out.report);
	err_clear(&why);
	journal_job_clear(&job);
	journal_close(j);
	progress_free(app.progress);
}

/* --- */

static int reset(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONFIG_HOOKS; i++)
		strv_clear(&conf.hooks.argv[i]);
	conf.hooks.timeout = 30;
	conf.textfile = NULL;
	buf_clear(&told);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	stop_install(); /* as the program: a broken pipe is no end */
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	static const char *const names[] = {
		"a",	"b",	      "c",
		"d",	"in",	      "arg",
		"env",	"pid",	      "n",
		"go",	"all",	      "step",
		"fail", "m.prom",     "m1",
		"ask",	"journal.db", "journal.db.reserve"};

	reset(state);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO(mem_freep) char *path = mem_printf("%s/%s", dir, names[i]);

		unlink(path);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(t_start, reset),
		cmocka_unit_test_setup(t_failures, reset),
		cmocka_unit_test_setup(t_beside, reset),
		cmocka_unit_test_setup(t_many, reset),
		cmocka_unit_test_setup(t_stuck, reset),
		cmocka_unit_test_setup(t_ask, reset),
		cmocka_unit_test_setup(t_none, reset),
		cmocka_unit_test_setup(t_system, reset),
		cmocka_unit_test_setup(t_job, reset),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
