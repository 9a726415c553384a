/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runbooks, run: a real journal, and a world that only has to remember.  The
 * controller is a process of its own that is killed at every event, that is
 * before and after each durable write and each change of the world; then the
 * run is resumed, and separately rolled back, and all must be as it should.
 */
#include "unit/unit.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/app_batch.h"
#include "cli/app_return.h"
#include "cli/book_priv.h"
#include "cli/cli_priv.h"
#include "cli/progress.h"
#include "core/fs.h"
#include "core/stop.h"
#include "core/str.h"

enum { SERVERS = 3, DIED = 42 };

/* Shared with the controller's process. */
static struct world {
	long events, die_at;
	bool disabled, forced_down;
	char reason[300];
	int64_t age;
	char host[SERVERS][32];
	bool refuse_check; /* what is to fail */
	bool audit_dirty, lose_answer, move_fails;
} * w;

static char dir[64], journal_file[96];
static struct app app;
static const struct config config = CONFIG_INIT;

static void tick(void)
{
	if (++w->events == w->die_at)
		_exit(DIED);
}

static int on_write(void *arg, enum journal_when when, const char *what)
{
	(void)arg;
	(void)when;
	(void)what;
	tick();
	return 0;
}

struct journal *app_journal(const struct app *a, struct err *e)
{
	struct journal *j = journal_open(journal_file, e);

	(void)a;
	if (j)
		journal_set_hook(j, on_write, NULL);
	return j;
}

/* ---- servers are s0, s1, s2 */

static size_t server(const char *name)
{
	assert_true(name[0] == 's' && name[1] < '0' + SERVERS);
	return (size_t)(name[1] - '0');
}

static void go_to(const char *name, const char *host)
{
	tick();
	snprintf(w->host[server(name)], sizeof(w->host[0]), "%s", host);
	tick();
}

int app_check(struct app *a, const struct app_request *r, json_t **report,
	      struct err *e)
{
	(void)a;
	(void)e;
	*report = json_pack("{s:s, s:[{s:s, s:s}]}", "verdict",
			    w->refuse_check ? "refused" : "ok", "checks",
			    "result", w->refuse_check ? "refuse" : "pass",
			    "message", "it has no room");
	assert_non_null(r->to);
	return 0;
}

int app_plan(struct app *a, const struct app_request *r, json_t **plan,
	     struct err *e)
{
	(void)a;
	if (!strcmp(w->host[server(r->server)], r->to))
		return err_set(e, ERR_NOTHING, "it is there");
	*plan = json_pack("{s:s, s:{s:s, s:s}, s:s, s:s, s:[{s:s}], s:i}",
			  "kind", "move", "instance", "uuid", r->server, "name",
			  r->server, "source", w->host[server(r->server)],
			  "target", r->to, "steps", "step", "all",
			  "bytes_to_copy", 5);
	return 0;
}

/* The one step of a fake job, forward or back, and the job's end. */
static void job_ends(struct journal *j, const char *id, bool back)
{
	struct journal_job job = {0};
	struct err e = ERR_INIT;
	struct journal_turn t = {
		.state = back ? JOURNAL_ROLLED_BACK : JOURNAL_DONE,
		.dir = back ? JOURNAL_BACKWARD : JOURNAL_FORWARD};
	struct journal_key k;

	assert_int_equal(journal_load(j, id, &job, &e), 0);
	k = journal_key(&job);
	go_to(job.instance, back ? job.source : job.target);
	assert_int_equal(journal_turn(j, &k, &t, &e), 0);
	journal_job_clear(&job);
}

int app_apply(struct app *a, const json_t *plan, struct app_outcome *out,
	      struct err *e)
{
	struct journal *j = app_journal(a, e);
	struct journal_job job = {0};

	assert_non_null(j);
	assert_true(a->confirmed);
	if (journal_create(j, plan, "me", &job, e)) {
		journal_close(j);
		return -1;
	}
	memcpy(out->job, job.id, sizeof(out->job));
	if (w->move_fails)
		err_set(e, ERR_FAILED, "no space");
	job_ends(j, job.id, w->move_fails);
	out->end = w->move_fails ? TXN_ROLLED_BACK : TXN_DONE;
	journal_job_clear(&job);
	journal_close(j);
	return e->kind == ERR_NONE ? 0 : -1;
}

static int job_goes(struct app *a, const char *id, bool back,
		    struct app_outcome *out, struct err *e)
{
	struct journal *j = app_journal(a, e);

	assert_non_null(j);
	job_ends(j, id, back);
	journal_close(j);
	snprintf(out->job, sizeof(out->job), "%s", id);
	out->end = back ? TXN_ROLLED_BACK : TXN_DONE;
	return 0;
}

int app_resume(struct app *a, const char *id, struct app_outcome *out,
	       struct err *e)
{
	return job_goes(a, id, false, out, e);
}

int app_rollback(struct app *a, const char *id, struct app_outcome *out,
		 struct err *e)
{
	return job_goes(a, id, true, out, e);
}

int app_audit(struct app *a, const struct app_audit *r, json_t **report,
	      struct err *e)
{
	(void)a;
	(void)r;
	(void)e;
	*report = w->audit_dirty ? json_pack("{s:[{s:s,s:s,s:s},{s:s,s:s}]}",
					     "findings", "kind", "left-over",
					     "severity", "warning", "message",
					     "a directory", "kind", "odd",
					     "severity", "info")
				 : json_pack("{s:[]}", "findings");
	return 0;
}

/* ---- batches */

int app_evacuate_plan(struct app *a, const struct app_evacuate *r,
		      json_t **plan, struct err *e)
{
	json_t *members = json_array();
	const char *to = r->targets.n ? r->targets.v[0] : "c34";

	(void)a;
	for (int i = 0; i < SERVERS; i++) {
		char name[3] = {'s', (char)('0' + i), '\0'};

		if (strcmp(w->host[i], r->host) != 0 ||
		    (r->servers.n && !strv_has(&r->servers, name)))
			continue;
		json_array_append_new(
			members, json_pack("{s:{s:s,s:s},s:s,s:s}", "instance",
					   "uuid", name, "name", name, "source",
					   r->host, "target", to));
	}
	if (!json_array_size(members)) {
		json_decref(members);
		return err_set(e, ERR_NOTHING, "nothing is on %s", r->host);
	}
	*plan = json_pack("{s:s,s:s,s:o}", "kind", "evacuate", "host", r->host,
			  "members", members);
	return 0;
}

int app_return_plan(struct app *a, const struct app_return *r, json_t **plan,
		    struct err *e)
{
	struct journal *j = journal_open(journal_file, e);
	json_t *members = json_array();
	struct batch b = {0};

	(void)a;
	assert_int_equal(batch_load(j, r->batch, &b, e), 0);
	for (size_t i = 0; i < b.nmembers; i++)
		if (b.members[i].state == MEMBER_DONE &&
		    !strcmp(w->host[server(b.members[i].instance)],
			    b.members[i].target))
			json_array_append_new(
				members,
				json_pack("{s:{s:s,s:s},s:s,s:s}", "instance",
					  "uuid", b.members[i].instance, "name",
					  b.members[i].name, "source",
					  b.members[i].target, "target",
					  b.members[i].source));
	batch_clear(&b);
	journal_close(j);
	*plan = NULL;
	if (!json_array_size(members)) {
		json_decref(members);
		return err_set(e, ERR_NOTHING, "nobody is away");
	}
	*plan = json_pack("{s:s,s:s,s:o}", "kind", "return", "host", "c30",
			  "members", members);
	return 0;
}

static int batch_goes(struct journal *j, struct batch *b, bool back,
		      struct app_batch_outcome *out)
{
	struct journal_key k = batch_key(b);
	struct batch_turn t = {.state = back ? BATCH_ROLLED_BACK : BATCH_DONE,
			       .dir = back ? JOURNAL_BACKWARD
					   : JOURNAL_FORWARD};
	struct err e = ERR_INIT;

	for (size_t i = 0; i < b->nmembers; i++) {
		struct batch_member *m = &b->members[i];

		go_to(m->instance, back ? m->source : m->target);
		m->state = back ? MEMBER_ROLLED_BACK : MEMBER_DONE;
		assert_int_equal(batch_member_set(j, &k, m, &e), 0);
	}
	assert_int_equal(batch_turn(j, &k, &t, &e), 0);
	memcpy(out->id, b->id, sizeof(out->id));
	out->code = 0;
	batch_clear(b);
	journal_close(j);
	return 0;
}

int app_batch_run(struct app *a, const json_t *plan,
		  struct app_batch_outcome *out, struct err *e)
{
	struct journal *j = app_journal(a, e);
	struct batch b = {0};

	assert_int_equal(batch_create(j, plan, "me", &b, e), 0);
	return batch_goes(j, &b, false, out);
}

static int batch_again(struct app *a, const char *id, bool back,
		       struct app_batch_outcome *out, struct err *e)
{
	struct journal *j = app_journal(a, e);
	struct journal_takeover t = {.dir = back ? JOURNAL_BACKWARD
						 : JOURNAL_FORWARD,
				     .owner = "me"};
	struct batch b = {0};

	assert_int_equal(batch_load(j, id, &b, e), 0);
	assert_int_equal(b.state, BATCH_OPEN);
	assert_int_equal(batch_take(j, &b, &t, e), 0);
	return batch_goes(j, &b, back, out);
}

int app_batch_resume(struct app *a, const char *id,
		     struct app_batch_outcome *out, struct err *e)
{
	return batch_again(a, id, false, out, e);
}

int app_batch_rollback(struct app *a, const char *id,
		       struct app_batch_outcome *out, struct err *e)
{
	return batch_again(a, id, true, out, e);
}

/* ---- hosts */

static int service_get(struct app *a, const char *host, struct app_service *out,
		       struct err *e)
{
	(void)a;
	(void)host;
	(void)e;
	*out = (struct app_service){.disabled = w->disabled,
				    .forced_down = w->forced_down,
				    .reason = *w->reason ? mem_strdup(w->reason)
							 : NULL,
				    .age_s = w->age};
	return 0;
}

static int service_set(struct app *a, const struct app_service_set *s,
		       const char **by, struct err *e)
{
	(void)a;
	if (s->disable == w->disabled ||
	    (!s->disable && strcmp(w->reason, s->mark) != 0))
		return err_set(e, ERR_CONFLICT, "not as it was");
	tick();
	w->disabled = s->disable;
	snprintf(w->reason, sizeof(w->reason), "%s", s->disable ? s->mark : "");
	tick();
	*by = "here";
	return w->lose_answer ? err_set(e, ERR_LOST, "no answer") : 0;
}

static int host_answers(struct app *a, const char *host, struct err *e)
{
	(void)a;
	(void)host;
	(void)e;
	return 0;
}

static int host_servers(struct app *a, const char *host, int64_t *n,
			struct err *e)
{
	(void)a;
	(void)e;
	*n = 0;
	for (int i = 0; i < SERVERS; i++)
		*n += !strcmp(w->host[i], host);
	return 0;
}

static int server_state(struct app *a, const char *name, struct app_server *out,
			struct err *e)
{
	(void)a;
	(void)e;
	server(name);
	*out = (struct app_server){.vm_state = mem_strdup("active")};
	return 0;
}

static const struct app_ops ops = {
	.service_get = service_get,
	.service_set = service_set,
	.answers = host_answers,
	.host_servers = host_servers,
	.server_state = server_state,
};

/* ---- a run */

static void world_new(void)
{
	*w = (struct world){.age = 1};
	for (int i = 0; i < SERVERS; i++)
		snprintf(w->host[i], sizeof(w->host[0]), "%s",
			 i == 2 ? "c31" : "c30");
	unlink(journal_file);
}

static void parse(const char *steps, struct runbook *rb)
{
	AUTO(mem_freep)
	char *text = mem_printf("version: 1\nname: t\nsteps:\n%s", steps);
	struct runbook_input in = {.book = {"b", text, strlen(text)}};
	struct err e = ERR_INIT;

	if (runbook_parse(&in, rb, &e))
		fail_msg("%s", err_msg(&e));
}

/* Runs STEPS to how far they go. */
static enum txn_end run(const char *steps, char id[JOURNAL_ID_MAX],
			json_t **report, struct err *e)
{
	struct app_outcome out = APP_OUTCOME_INIT;
	struct runbook rb;

	parse(steps, &rb);
	app_book_run(&app, &rb, &out, e);
	runbook_clear(&rb);
	snprintf(id, JOURNAL_ID_MAX, "%s", out.job);
	if (report)
		*report = out.report;
	else
		json_decref(out.report);
	return out.end;
}

static enum txn_end again(const char *id, bool back, json_t **report,
			  struct err *e)
{
	struct app_outcome out = APP_OUTCOME_INIT;

	(back ? app_book_rollback : app_book_resume)(&app, id, &out, e);
	if (report)
		*report = out.report;
	else
		json_decref(out.report);
	return out.end;
}

static const char *state_of(const json_t *report, size_t i)
{
	return json_string_value(json_object_get(
		json_array_get(json_object_get(report, "steps"), i), "state"));
}

static const char *note_of(const json_t *report, size_t i)
{
	const char *s = json_string_value(json_object_get(
		json_array_get(json_object_get(report, "steps"), i), "note"));

	return s ? s : "";
}

/* One of each type; all of it goes through. */
static char *all_steps(void)
{
	return mem_printf(
		"  - {name: look, type: check, host: c30}\n"
		"  - {name: look2, type: check, servers: [s0, s1], to: c34}\n"
		"  - {name: off, type: disable-service, host: c30, reason: "
		"work}\n"
		"  - {name: drain, type: evacuate, host: c30, to: c34}\n"
		"  - {name: one, type: move, server: s2, to: c35}\n"
		"  - {name: empty, type: wait, for: host-empty, host: c30}\n"
		"  - {name: work, type: hook, command: ['%s/hook', x], "
		"interrupted: again}\n"
		"  - {name: ok, type: approve, ask: ok, file: '%s/hook'}\n"
		"  - {name: on, type: enable-service, host: c30}\n"
		"  - {name: home, type: return, of: drain}\n"
		"  - {name: clean, type: audit}\n"
		"  - {name: told, type: report, file: '%s/r.json'}\n",
		dir, dir, dir);
}

static void count_lines(const char *name, unsigned *n)
{
	AUTO(mem_freep) char *path = mem_printf("%s/%s", dir, name);
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	*n = 0;
	if (fs_read_path(path, 1 << 20, &b, &e)) {
		err_clear(&e);
		return;
	}
	for (size_t i = 0; i < b.len; i++)
		*n += b.p[i] == '\n';
}

static void no_file(const char *name)
{
	AUTO(mem_freep) char *path = mem_printf("%s/%s", dir, name);

	unlink(path);
}

static void all_done(void)
{
	assert_false(w->disabled);
	assert_string_equal(w->reason, "");
	assert_string_equal(w->host[0], "c30");
	assert_string_equal(w->host[1], "c30");
	assert_string_equal(w->host[2], "c35");
}

struct seen {
	unsigned runs, others, open;
	char run[JOURNAL_ID_MAX];
};

static bool see_batch(void *arg, const struct batch *b)
{
	struct seen *s = arg;
	bool is_run = !strcmp(b->kind, "run");

	*(is_run ? &s->runs : &s->others) += 1;
	s->open += b->state == BATCH_OPEN;
	if (is_run)
		memcpy(s->run, b->id, sizeof(s->run));
	return true;
}

static bool see_job(void *arg, const struct journal_job *job)
{
	struct seen *s = arg;

	s->open += job->state == JOURNAL_OPEN;
	return true;
}

static struct seen look(void)
{
	struct seen s = {0};
	struct err e = ERR_INIT;
	struct journal *j = journal_open(journal_file, &e);

	assert_non_null(j);
	assert_int_equal(batch_each(j, see_batch, &s, &e), 0);
	assert_int_equal(journal_jobs(j, see_job, &s, &e), 0);
	journal_close(j);
	return s;
}

static void t_whole(void **state)
{
	AUTO(mem_freep) char *steps = all_steps();
	AUTO(mem_freep) char *path = mem_printf("%s/r.json", dir);
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	json_t *report, *file;
	struct seen s;
	unsigned n;

	(void)state;
	world_new();
	no_file("ran");
	if (run(steps, id, &report, &e) != TXN_DONE)
		fail_msg("%s", err_msg(&e));
	all_done();
	for (size_t i = 0; i < 12; i++)
		assert_string_equal(state_of(report, i), "done");
	assert_string_equal(note_of(report, 2),
			    "nova-compute of c30 is disabled, here");
	count_lines("ran", &n);
	assert_int_equal(n, 1);
	s = look();
	assert_int_equal(s.others, 2);
	assert_int_equal(s.open, 0);
	file = json_load_file(path, 0, NULL);
	assert_non_null(file);
	assert_string_equal(json_string_value(json_object_get(file, "run")),
			    id);
	json_decref(file);
	json_decref(report);
	/* It is over. */
	assert_int_equal(again(id, false, NULL, &e), TXN_NOTHING);
	assert_int_equal(e.kind, ERR_NOTHING);
	err_clear(&e);
}

/* A controller in a process of its own; did it die? */
static bool killed_at(const char *steps, long at)
{
	int status;
	pid_t pid;

	world_new();
	w->die_at = at;
	pid = fork(); /* allowed: a controller that is killed */
	assert_true(pid >= 0);
	if (!pid) {
		struct err e = ERR_INIT;
		char id[JOURNAL_ID_MAX];

		_exit(run(steps, id, NULL, &e) == TXN_DONE ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == DIED || !WEXITSTATUS(status));
	w->die_at = 0;
	return WEXITSTATUS(status) == DIED;
}

static void t_killed_resumed(void **state)
{
	AUTO(mem_freep) char *steps = all_steps();
	long step = unit_slow() ? 7 : 1, at;

	(void)state;
	for (at = 1; killed_at(steps, at); at += step) {
		struct err e = ERR_INIT;
		struct seen s = look();

		/* Before it was journalled there is no run, and nothing. */
		if (!s.runs)
			continue;
		if (again(s.run, false, NULL, &e) != TXN_DONE &&
		    e.kind != ERR_NOTHING)
			fail_msg("killed at %ld: %s", at, err_msg(&e));
		err_clear(&e);
		all_done();
		s = look();
		assert_int_equal(s.runs, 1);
		assert_int_equal(s.open, 0);
		/* None was begun a second time. */
		assert_int_equal(s.others, 2);
	}
	assert_true(at > 60);
}

static void t_killed_rolled_back(void **state)
{
	AUTO(mem_freep) char *steps = all_steps();
	long step = unit_slow() ? 11 : 1, at;

	(void)state;
	for (at = 1; killed_at(steps, at); at += step) {
		struct err e = ERR_INIT;
		struct seen s = look();

		if (!s.runs)
			continue;
		if (again(s.run, true, NULL, &e) != TXN_ROLLED_BACK)
			fail_msg("killed at %ld: %s", at, err_msg(&e));
		assert_false(w->disabled);
		s = look();
		assert_int_equal(s.open, 0);
	}
}

/* ---- failures */

static void t_stop_and_resume(void **state)
{
	static const char steps[] =
		"  - {name: off, type: disable-service, host: c30}\n"
		"  - {name: look, type: check, servers: [s0], to: c34}\n"
		"  - {name: on, type: enable-service, host: c30}\n";
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	json_t *report;

	(void)state;
	world_new();
	w->refuse_check = true;
	assert_int_equal(run(steps, id, &report, &e), TXN_OPEN);
	assert_non_null(strstr(err_msg(&e), "step look: server s0: it has no "
					    "room"));
	assert_non_null(strstr(e.hint, "novahaul check s0 --to c34"));
	assert_string_equal(state_of(report, 0), "done");
	assert_string_equal(state_of(report, 1), "open");
	assert_string_equal(state_of(report, 2), "pending");
	assert_true(w->disabled);
	assert_true(book_mark_is(w->reason, id));
	json_decref(report);
	err_clear(&e);
	w->refuse_check = false;
	assert_int_equal(again(id, false, NULL, &e), TXN_DONE);
	assert_false(w->disabled);
}

static enum txn_end give_up(const char *id, const char *step,
			    const char *reason, json_t **report, struct err *e)
{
	struct app_book_skip s = {step, reason};
	struct app_outcome out = APP_OUTCOME_INIT;

	app_book_skip(&app, id, &s, &out, e);
	if (report)
		*report = out.report;
	else
		json_decref(out.report);
	return out.end;
}

static void not_skipped(const char *id, const char *step, const char *reason,
			enum err_kind kind, const char *why)
{
	struct app_book_skip s = {step, reason};
	json_t *report = NULL;
	struct err e = ERR_INIT;

	give_up(id, step, reason, NULL, &e);
	assert_int_equal(e.kind, kind);
	if (!strstr(err_msg(&e), why))
		fail_msg("%s", err_msg(&e));
	err_clear(&e);
	/* and the dry run says the same */
	assert_int_equal(app_book_skip_dry(&app, id, &s, &report, &e), -1);
	assert_int_equal(e.kind, kind);
	assert_null(report);
	err_clear(&e);
}

static uint64_t epoch_of(const char *id)
{
	struct journal *j = journal_open(journal_file, &(struct err){0});
	struct batch b = {0};
	struct err e = ERR_INIT;
	uint64_t epoch;

	assert_int_equal(batch_load(j, id, &b, &e), 0);
	epoch = b.epoch;
	batch_clear(&b);
	journal_close(j);
	return epoch;
}

/* The step at which it stands, and no other; with a reason. */
static void t_skip(void **state)
{
	static const char steps[] =
		"  - {name: off, type: disable-service, host: c30}\n"
		"  - {name: a, type: audit}\n"
		"  - {name: on, type: enable-service, host: c30}\n";
	struct app_book_skip s = {"a", "left-over is known"};
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	json_t *report;

	(void)state;
	world_new();
	w->audit_dirty = true;
	assert_int_equal(run(steps, id, NULL, &e), TXN_OPEN);
	err_clear(&e);
	not_skipped(id, "a", "", ERR_USAGE, "wants a reason");
	not_skipped(id, "b", "x", ERR_USAGE, "has no step b");
	not_skipped(id, "off", "x", ERR_REFUSED, "stands at step a, not at");
	not_skipped(id, "on", "x", ERR_REFUSED, "stands at step a, not at");
	/* nobody took it over for that */
	assert_int_equal(epoch_of(id), 1);
	assert_int_equal(app_book_skip_dry(&app, id, &s, &report, &e), 0);
	assert_string_equal(json_string_value(json_object_get(report, "next")),
			    "on");
	assert_string_equal(json_string_value(json_object_get(report, "state")),
			    "open");
	json_decref(report);
	assert_int_equal(epoch_of(id), 1);
	assert_true(w->disabled);
	assert_int_equal(give_up(id, "a", s.reason, &report, &e), TXN_DONE);
	assert_false(w->disabled);
	assert_string_equal(state_of(report, 1), "skipped");
	assert_string_equal(note_of(report, 1), "given up: left-over is known");
	assert_non_null(strstr(
		json_string_value(json_object_get(
			json_array_get(json_object_get(report, "steps"), 1),
			"why")),
		"left-over is known; it had failed: step a: 1 findings"));
	json_decref(report);
	not_skipped(id, "on", "x", ERR_NOTHING, "is over");
}

/* What is open is somebody's; what was done is undone all the same. */
static void t_skip_open(void **state)
{
	static const char steps[] =
		"  - {name: off, type: disable-service, host: c30}\n"
		"  - {name: drain, type: evacuate, host: c30, to: c34}\n"
		"  - {name: m, type: move, server: s2, to: c35}\n";
	struct err e = ERR_INIT;
	unsigned batches = 0, jobs = 0, skipped = 0;

	(void)state;
	for (long at = 1; killed_at(steps, at); at++) {
		struct seen s = look();
		struct app_book_skip of = {"drain", "not today"};
		json_t *report = NULL;

		if (!s.runs || !s.open)
			continue;
		if (!app_book_skip_dry(&app, s.run, &of, &report, &e)) {
			json_decref(report);
			w->audit_dirty = false;
			assert_int_equal(
				give_up(s.run, "drain", "not today", NULL, &e),
				TXN_DONE);
			assert_string_equal(w->host[2], "c35");
			skipped++;
			continue;
		}
		batches += strstr(err_msg(&e), "has a batch open") != NULL;
		err_clear(&e);
		of.step = "m";
		if (app_book_skip_dry(&app, s.run, &of, &report, &e))
			jobs += strstr(err_msg(&e), "has a job open") != NULL;
		json_decref(report);
		err_clear(&e);
	}
	assert_true(batches && jobs && skipped);
}

static void t_skip_then_back(void **state)
{
	static const char steps[] =
		"  - {name: off, type: disable-service, host: c30}\n"
		"  - {name: a, type: audit}\n";
	struct err e = ERR_INIT;
	unsigned n = 0;

	(void)state;
	for (long at = 1; killed_at(steps, at); at++) {
		struct seen s = look();

		if (!s.runs || !w->disabled)
			continue;
		/* given up in the middle of it, and stopped behind it */
		w->audit_dirty = true;
		give_up(s.run, "off", "try", NULL, &e);
		err_clear(&e);
		if (!look().open)
			continue;
		assert_int_equal(again(s.run, true, NULL, &e), TXN_ROLLED_BACK);
		assert_false(w->disabled);
		n++;
	}
	assert_true(n);
}

static void t_continue(void **state)
{
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	json_t *report;

	(void)state;
	world_new();
	w->audit_dirty = true;
	assert_int_equal(
		run("  - {name: a, type: audit, on-failure: continue}\n"
		    "  - {name: b, type: audit, allow: [left-over]}\n"
		    "  - {name: c, type: audit, when: no}\n",
		    id, &report, &e),
		TXN_ERROR);
	assert_int_equal(e.kind, ERR_FAILED);
	assert_non_null(strstr(err_msg(&e), "step a: 1 findings, first: "
					    "left-over: a directory"));
	assert_string_equal(state_of(report, 0), "failed");
	assert_string_equal(state_of(report, 1), "done");
	assert_string_equal(state_of(report, 2), "skipped");
	assert_string_equal(json_string_value(json_object_get(report, "state")),
			    "failed");
	json_decref(report);
	err_clear(&e);
}

static void t_roll_back(void **state)
{
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	json_t *report;

	(void)state;
	world_new();
	w->audit_dirty = true;
	assert_int_equal(
		run("  - {name: off, type: disable-service, host: c30}\n"
		    "  - {name: drain, type: evacuate, host: c30, to: c34}\n"
		    "  - {name: a, type: audit, on-failure: rollback}\n",
		    id, &report, &e),
		TXN_ROLLED_BACK);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_false(w->disabled);
	/* What is done stays, and is told. */
	assert_string_equal(w->host[0], "c34");
	assert_int_equal(json_array_size(json_object_get(report, "stays")), 1);
	assert_string_equal(state_of(report, 0), "rolled-back");
	json_decref(report);
	err_clear(&e);
}

static void t_move_fails(void **state)
{
	static const char steps[] =
		"  - {name: m, type: move, server: s0, to: c34}\n";
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];

	(void)state;
	world_new();
	w->move_fails = true;
	assert_int_equal(run(steps, id, NULL, &e), TXN_OPEN);
	assert_non_null(strstr(err_msg(&e), "step m: no space"));
	err_clear(&e);
	w->move_fails = false;
	assert_int_equal(again(id, false, NULL, &e), TXN_DONE);
	assert_string_equal(w->host[0], "c34");
}

/* ---- whose service is it? */

static void t_others_disabled_it(void **state)
{
	static const char steps[] =
		"  - {name: off, type: disable-service, host: c30}\n"
		"  - {name: on, type: enable-service, host: c30}\n";
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	json_t *report;

	(void)state;
	world_new();
	w->disabled = true;
	snprintf(w->reason, sizeof(w->reason), "novahaul b-other: mine");
	assert_int_equal(run(steps, id, &report, &e), TXN_DONE);
	assert_true(w->disabled);
	assert_string_equal(w->reason, "novahaul b-other: mine");
	assert_string_equal(note_of(report, 1),
			    "nova-compute of c30 stays disabled, as it was "
			    "found: novahaul b-other: mine");
	json_decref(report);
	/* and not without having found it so */
	assert_int_equal(run("  - {name: on, type: enable-service, host: "
			     "c30}\n",
			     id, NULL, &e),
			 TXN_OPEN);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_true(w->disabled);
	err_clear(&e);
	/* a rollback leaves it, too */
	world_new();
	w->audit_dirty = true;
	assert_int_equal(
		run("  - {name: off, type: disable-service, host: c30}\n"
		    "  - {name: a, type: audit}\n",
		    id, NULL, &e),
		TXN_OPEN);
	err_clear(&e);
	snprintf(w->reason, sizeof(w->reason), "somebody's");
	assert_int_equal(again(id, true, &report, &e), TXN_ROLLED_BACK);
	assert_true(w->disabled);
	assert_int_equal(json_array_size(json_object_get(report, "stays")), 1);
	json_decref(report);
}

static void t_lost_answer(void **state)
{
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];

	(void)state;
	world_new();
	w->lose_answer = true;
	assert_int_equal(
		run("  - {name: off, type: disable-service, host: c30}\n"
		    "  - {name: on, type: enable-service, host: c30}\n",
		    id, NULL, &e),
		TXN_DONE);
	assert_false(w->disabled);
}

static void t_mark(void **state)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];

	(void)state;
	assert_true(book_mark_is("novahaul b-abcdefgh", "b-abcdefgh"));
	assert_true(book_mark_is("novahaul b-abcdefgh: why", "b-abcdefgh"));
	assert_false(book_mark_is("novahaul b-abcdefghi", "b-abcdefgh"));
	assert_false(book_mark_is("b-abcdefgh", "b-abcdefgh"));
	assert_false(book_mark_is(NULL, "b-abcdefgh"));
	/* as long as the column, and whole characters */
	world_new();
	buf_puts(&b, "  - {name: off, type: disable-service, host: c30, "
		     "reason: 'xx");
	for (int i = 0; i < 200; i++)
		buf_puts(&b, "\xc3\xa9");
	buf_puts(&b, "'}\n");
	assert_int_equal(run(buf_str(&b), id, NULL, &e), TXN_DONE);
	assert_in_range(strlen(w->reason), 254, 255);
	assert_true(((unsigned char)w->reason[strlen(w->reason) - 1] & 0xc0) ==
		    0x80);
}

/* What tenants and hooks say is text, whatever the form. */
static void t_report(void **state)
{
	AUTO(mem_freep)
	char *steps = mem_printf(
		"  - {name: a, type: disable-service, host: c30}\n"
		"  - {name: h, type: report, file: '%s/r', format: html}\n"
		"  - {name: t, type: report, file: '%s/r.txt'}\n",
		dir, dir);
	AUTO(buf_clear) struct buf html = BUF_INIT, text = BUF_INIT;
	AUTO(mem_freep) char *path = mem_printf("%s/r", dir);
	AUTO(mem_freep) char *txt = mem_printf("%s/r.txt", dir);
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];

	(void)state;
	world_new();
	w->disabled = true;
	snprintf(w->reason, sizeof(w->reason), "<b>it's \033[2J</b>");
	assert_int_equal(run(steps, id, NULL, &e), TXN_DONE);
	assert_int_equal(fs_read_path(path, 1 << 16, &html, &e), 0);
	assert_int_equal(fs_read_path(txt, 1 << 16, &text, &e), 0);
	assert_non_null(strstr(buf_str(&html), id));
	assert_non_null(strstr(buf_str(&html), "&lt;b&gt;it"));
	assert_null(strstr(buf_str(&html), "<b>it"));
	assert_null(strchr(buf_str(&html), '\033'));
	assert_non_null(strstr(buf_str(&text), "was disabled already: <b>it"));
	assert_null(strchr(buf_str(&text), '\033'));
	unlink(path);
	unlink(txt);
}

/* ---- hooks, waits, approvals */

static void t_hook(void **state)
{
	AUTO(mem_freep)
	char *steps = mem_printf(
		"  - {name: h, type: hook, command: ['%s/hook', fail], "
		"exit-codes: [0, 3]}\n",
		dir);
	AUTO(mem_freep)
	char *good = mem_printf(
		"  - {name: h, type: hook, command: ['%s/hook', fail], "
		"exit-codes: [7]}\n",
		dir);
	AUTO(mem_freep) char *path = mem_printf("%s/stdin", dir);
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	json_t *facts;

	(void)state;
	world_new();
	assert_int_equal(run(steps, id, NULL, &e), TXN_OPEN);
	assert_non_null(strstr(err_msg(&e), "ended with 7: the last words"));
	err_clear(&e);
	facts = json_load_file(path, 0, NULL);
	assert_non_null(facts);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(facts, "run"), "id")),
			    id);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(facts, "step"), "attempt")),
			 1);
	json_decref(facts);
	assert_int_equal(run(good, id, NULL, &e), TXN_DONE);
	assert_int_equal(
		run("  - {name: h, type: hook, command: [no-such-program]}\n",
		    id, NULL, &e),
		TXN_OPEN);
	err_clear(&e);
	assert_int_equal(
		run("  - {name: h, type: hook, command: [sleep, '60'], "
		    "timeout: 1}\n",
		    id, NULL, &e),
		TXN_OPEN);
	assert_int_equal(e.kind, ERR_FAILED);
	err_clear(&e);
}

/* Begun, and nobody saw its end: told once, run by the resume after that. */
static void t_hook_interrupted(void **state)
{
	AUTO(mem_freep)
	char *steps = mem_printf(
		"  - {name: h, type: hook, command: ['%s/hook', x]}\n", dir);
	struct err e = ERR_INIT;
	unsigned ran = 0, told = 0;

	(void)state;
	for (long at = 1; killed_at(steps, at); at++) {
		struct seen s = look();
		enum txn_end end;

		if (!s.runs)
			continue;
		end = again(s.run, false, NULL, &e);
		if (e.kind == ERR_FAILED) {
			assert_int_equal(end, TXN_OPEN);
			assert_non_null(strstr(err_msg(&e), "may have run"));
			told++;
			err_clear(&e);
			end = again(s.run, false, NULL, &e);
		}
		ran += end == TXN_DONE;
		err_clear(&e);
	}
	assert_true(told && ran > told);
}

static void t_wait(void **state)
{
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];

	(void)state;
	world_new();
	assert_int_equal(
		run("  - {name: a, type: wait, for: host-empty, host: c30, "
		    "timeout: 0, on-failure: continue}\n"
		    "  - {name: b, type: wait, for: service-up, host: c30}\n"
		    "  - {name: c, type: wait, for: instance-status, server: "
		    "s0, status: active}\n"
		    "  - {name: d, type: wait, for: host-answers, host: c30}\n"
		    "  - {name: e, type: wait, for: command, command: [test, "
		    "-e, /]}\n",
		    id, NULL, &e),
		TXN_ERROR);
	assert_non_null(strstr(err_msg(&e), "step a: not host-empty within 0 "
					    "s: c30 has 2 instances"));
	err_clear(&e);
	w->age = 100;
	assert_int_equal(
		run("  - {name: a, type: wait, for: service-down, host: c30}\n"
		    "  - {name: b, type: wait, for: service-up, host: c30, "
		    "timeout: 1, interval: 1}\n",
		    id, NULL, &e),
		TXN_OPEN);
	assert_non_null(strstr(err_msg(&e), "heard of 100 s ago"));
	err_clear(&e);
	assert_int_equal(run("  - {name: a, type: wait, for: command, command: "
			     "[no-such-program]}\n",
			     id, NULL, &e),
			 TXN_OPEN);
	err_clear(&e);
}

static void t_interrupted(void **state)
{
	static const char steps[] = "  - {name: a, type: audit}\n"
				    "  - {name: b, type: audit}\n";
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	json_t *report;

	(void)state;
	world_new();
	stop_set(true);
	assert_int_equal(run(steps, id, &report, &e), TXN_OPEN);
	assert_int_equal(e.kind, ERR_INTERRUPTED);
	assert_string_equal(state_of(report, 0), "pending");
	json_decref(report);
	err_clear(&e);
	stop_set(false);
	assert_int_equal(again(id, false, NULL, &e), TXN_DONE);
}

static void t_approve(void **state)
{
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];

	(void)state;
	world_new();
	/* no terminal, no file */
	assert_int_equal(
		run("  - {name: a, type: approve, ask: ok, word: go}\n", id,
		    NULL, &e),
		TXN_OPEN);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_non_null(strstr(e.hint, "on a terminal"));
	err_clear(&e);
	assert_int_equal(run("  - {name: a, type: approve, ask: ok, file: "
			     "/no/such/file, timeout: 1}\n",
			     id, NULL, &e),
			 TXN_OPEN);
	assert_non_null(strstr(err_msg(&e), "nobody has answered within 1 s"));
	err_clear(&e);
}

/* Typed on a terminal: another word first, then the one. */
static void t_approve_typed(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave, in, err;
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	json_t *report;
	enum txn_end end;

	(void)state;
	world_new();
	assert_true(master >= 0 && !grantpt(master) && !unlockpt(master));
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	assert_int_equal(write(master, "no\ngo\n", 6), 6);
	in = dup(STDIN_FILENO);
	err = dup(STDERR_FILENO);
	dup2(slave, STDIN_FILENO);
	dup2(slave, STDERR_FILENO);
	end = run("  - {name: a, type: approve, ask: ok, word: go}\n", id,
		  &report, &e);
	dup2(in, STDIN_FILENO);
	dup2(err, STDERR_FILENO);
	close(in);
	close(err);
	close(slave);
	close(master);
	assert_int_equal(end, TXN_DONE);
	assert_non_null(strstr(note_of(report, 0), "typed, by "));
	json_decref(report);
}

/* ---- profiles, dry runs */

static void t_profile(void **state)
{
	static const char book[] =
		"version: 1\nname: t\nprofiles:\n  - hosts: [c30, c31]\n"
		"    virsh: [docker, exec, x, virsh]\n"
		"    path-map: /a=/b\n    nova-user: 42436\n"
		"steps:\n  - {name: a, type: audit}\n";
	struct runbook_input in = {.book = {"b", book, sizeof(book) - 1}};
	AUTO(mem_freep) char *path = mem_printf("%s/conf", dir);
	struct config c = CONFIG_INIT, with = CONFIG_INIT, kid = CONFIG_INIT;
	struct app mine = app;
	struct err e = ERR_INIT;
	struct runbook rb;

	(void)state;
	assert_int_equal(cli_write_file(path,
					"[host:c30]\naddress = 10.0.0.1\n"
					"virsh = old\npath_map = /o=/p\n",
					&e),
			 0);
	assert_int_equal(config_load(path, &c, &e), 0);
	assert_int_equal(runbook_parse(&in, &rb, &e), 0);
	mine.config = &c;
	assert_int_equal(book_profile(&rb, &mine, &with, &e), 0);
	assert_ptr_equal(mine.config, &with);
	/* What a process of a batch reads. */
	assert_int_equal(config_load(path, &kid, &e), 0);
	assert_int_equal(kid.n_hosts, 2);
	assert_string_equal(config_host(&kid, "c30")->address, "10.0.0.1");
	assert_string_equal(config_host(&kid, "c30")->virsh.v[2], "x");
	assert_int_equal(config_host(&kid, "c30")->path_map.n, 1);
	assert_string_equal(config_host(&with, "c31")->path_map.v[0], "/a=/b");
	assert_string_equal(config_host(&with, "c31")->nova_user, "42436");
	assert_string_equal(config_host(&c, "c30")->virsh.v[0], "old");
	book_unprofile(&with);
	assert_null(getenv(CONFIG_PROFILES));
	config_clear(&c);
	config_clear(&kid);
	runbook_clear(&rb);
	unlink(path);
}

static void t_dry(void **state)
{
	AUTO(mem_freep) char *steps = all_steps();
	struct err e = ERR_INIT;
	struct runbook rb;
	json_t *report;
	const json_t *s;

	(void)state;
	world_new();
	no_file("ran");
	parse(steps, &rb);
	app.confirmed = false;
	assert_int_equal(app_book_dry(&app, &rb, &report, &e), 0);
	app.confirmed = true;
	assert_int_equal(w->events, 0);
	assert_int_equal(access(journal_file, F_OK), -1);
	s = json_array_get(json_object_get(report, "steps"), 3);
	assert_string_equal(json_string_value(json_object_get(s, "now")),
			    "s0 to c34, s1 to c34");
	s = json_array_get(json_object_get(report, "steps"), 5);
	assert_string_equal(json_string_value(json_object_get(s, "now")),
			    "c30 has 2 instances");
	json_decref(report);
	runbook_clear(&rb);
}

static int set_up(void **state)
{
	AUTO(mem_freep) char *hook = NULL;
	FILE *f;

	(void)state;
	stop_install();
	w = mmap(NULL, sizeof(*w), PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* fsync costs nothing there, and there are many */
	snprintf(dir, sizeof(dir), "%s/t-book-XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (w == MAP_FAILED || !mkdtemp(dir))
		return -1;
	snprintf(journal_file, sizeof(journal_file), "%s/j.db", dir);
	hook = mem_printf("%s/hook", dir);
	f = fopen(hook, "w");
	if (!f)
		return -1;
	fprintf(f,
		"#!/bin/bash\ncat > %s/stdin\necho ran >> %s/ran\n"
		"[ $1 != fail ] || { echo first >&2; echo the last words >&2; "
		"exit 7; }\n",
		dir, dir);
	fclose(f);
	app = (struct app){.config = &config,
			   .journal = journal_file,
			   .ops = &ops,
			   .progress = progress_new(PROGRESS_NONE),
			   .confirmed = true};
	return chmod(hook, 0755);
}

static int tear_down(void **state)
{
	static const char *const names[] = {
		"hook",		"stdin",  "ran",	 "j.db",
		"j.db.reserve", "r.json", "j.db-journal"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		no_file(names[i]);
	progress_free(app.progress);
	munmap(w, sizeof(*w));
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_whole),
		cmocka_unit_test(t_killed_resumed),
		cmocka_unit_test(t_killed_rolled_back),
		cmocka_unit_test(t_stop_and_resume),
		cmocka_unit_test(t_skip),
		cmocka_unit_test(t_skip_open),
		cmocka_unit_test(t_skip_then_back),
		cmocka_unit_test(t_continue),
		cmocka_unit_test(t_roll_back),
		cmocka_unit_test(t_move_fails),
		cmocka_unit_test(t_others_disabled_it),
		cmocka_unit_test(t_lost_answer),
		cmocka_unit_test(t_mark),
		cmocka_unit_test(t_report),
		cmocka_unit_test(t_hook),
		cmocka_unit_test(t_hook_interrupted),
		cmocka_unit_test(t_wait),
		cmocka_unit_test(t_interrupted),
		cmocka_unit_test(t_approve),
		cmocka_unit_test(t_approve_typed),
		cmocka_unit_test(t_profile),
		cmocka_unit_test(t_dry),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
