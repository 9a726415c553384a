/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The controller of a batch, with a real journal and real processes: each
 * member's is this program, which knows by NH_KID what it is to find and say.
 */
#include "unit/unit.h"

#include <unistd.h>

#include "cli/app_batch.h"
#include "cli/app_rescue.h"
#include "cli/cli.h"
#include "cli/progress.h"
#include "core/clock.h"
#include "core/str.h"
#include "engine/fence.h"
#include "facts/facts.h"

#define UUID "9f2c1f1e-0b1d-4c57-8b9c-111111111111"
#define OTHER "9f2c1f1e-0b1d-4c57-8b9c-222222222222"

static char dir[64], path[96], words[96];
static const struct config config = CONFIG_INIT;
static struct app app;

/* A world in which Placement is slow. */
static struct facts *slow(struct app *a, const struct app_request *r,
			  struct err *e)
{
	struct facts *f = MEM_NEW(struct facts);

	(void)a;
	(void)e;
	facts_init(f, r->to);
	f->srv.inst.uuid = mem_strdup(r->server);
	f->srv.inst.name = mem_strdup("web");
	f->cloud.asked = true;
	err_set(&f->cloud.placement_err, ERR_RETRY, "no answer in 60 s");
	return f;
}

static const struct app_ops ops = {.facts_read = slow};

#define OK(call)                                                               \
	do {                                                                   \
		if (call)                                                      \
			fail_msg("%s: %s", #call, err_msg(&e));                \
	} while (0)

/* ---- the process of a member */

/* What the other operator has, and where it ended. */
static bool first_open(void *arg, const struct journal_job *job)
{
	if (job->state != JOURNAL_OPEN)
		return true;
	memcpy(arg, job->id, JOURNAL_ID_MAX);
	return false;
}

static void other_ends(const char *journal)
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(journal, &e);
	struct journal_job job = {0};
	struct journal_turn t = {.state = JOURNAL_DONE};
	char id[JOURNAL_ID_MAX] = "";
	struct journal_key k;

	if (!j || journal_jobs(j, first_open, id, &e) ||
	    journal_load(j, id, &job, &e))
		_exit(99);
	k = journal_key(&job);
	if (journal_turn(j, &k, &t, &e))
		_exit(99);
	journal_job_clear(&job);
	journal_close(j);
}

/* The how many-th one is this? */
static int note_words(int argc, char **argv)
{
	const char *file = getenv("NH_WORDS");
	FILE *f = fopen(file, "a+");
	int n = 0, c;

	if (!f)
		_exit(99);
	while ((c = fgetc(f)) != EOF)
		n += c == '\n';
	for (int i = 1; i < argc; i++)
		fprintf(f, "%s%c", argv[i], i < argc - 1 ? ' ' : '\n');
	fclose(f);
	return n;
}

/* Job ID, of this process, was undone on demand. */
static void was_undone(const char *journal, const char *id)
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(journal, &e);
	struct journal_job job = {0};
	struct journal_turn t = {.state = JOURNAL_ROLLED_BACK,
				 .dir = JOURNAL_BACKWARD,
				 .demanded = true};
	struct journal_key k;

	if (!j || journal_load(j, id, &job, &e))
		_exit(99);
	k = journal_key(&job);
	if (journal_turn(j, &k, &t, &e))
		_exit(99);
	journal_job_clear(&job);
	journal_close(j);
}

/* Of a batch whose source is dead: NH_REFUSED is the job that cannot. */
static int alone(int argc, char **argv)
{
	const char *id = argv[argc - 1];
	bool back = false;

	for (int i = 1; i < argc; i++)
		back |= str_is(argv[i], "rollback");
	if (str_is(id, getenv("NH_REFUSED"))) {
		fprintf(stderr,
			"error: only its source can undo it\n"
			"hint: novahaul resume %s when it is back\n",
			id);
		return CLI_REFUSED;
	}
	if (back) {
		was_undone(argv[1] + strlen("--journal="), id);
		return CLI_DONE;
	}
	fprintf(stderr, "error: it runs; its source does not answer\n"
			"hint: novahaul resume it\n");
	return CLI_OPEN;
}

/* Nobody has proven that the host is off; once it was, it is there. */
static int unproven(int n)
{
	if (n)
		fprintf(stderr, "error: it is there already\n");
	else
		fprintf(stderr, "error: host c30 is not proven to be off\n"
				"hint: novahaul fence c30\n");
	return n ? CLI_NOTHING : CLI_UNFENCED;
}

/* The proof has aged between the plan and the job's first steps. */
static int aged(const char *journal, int argc, char **argv)
{
	struct err e = ERR_INIT, why = ERR_INIT;
	struct journal *j = journal_open(journal, &e);
	struct journal_turn t = {.state = JOURNAL_ROLLED_BACK,
				 .dir = JOURNAL_BACKWARD,
				 .why = &why};
	struct journal_job job = {0};
	struct journal_key k;
	json_t *plan = NULL;

	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "--batch=", 8))
			plan = json_pack(
				"{s:s, s:{s:s, s:s}, s:s, s:s, s:[{s:s}], "
				"s:{s:s%, s:i, s:i}}",
				"kind", "move", "instance", "uuid", UUID,
				"name", "web", "source", "c30", "target", "c34",
				"steps", "step", "all", "batch", "id",
				argv[i] + 8, (size_t)10, "member", 0, "epoch",
				1);
	err_set(&why, ERR_FENCE, "the proof has aged");
	if (!j || journal_create(j, plan, "there pid 3", &job, &e))
		_exit(99);
	k = journal_key(&job);
	if (journal_turn(j, &k, &t, &e))
		_exit(99);
	json_decref(plan);
	journal_job_clear(&job);
	journal_close(j);
	err_clear(&why);
	return CLI_UNFENCED;
}

/* Of two, one is refused; one lacks the proof. */
static int mixed(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (str_is(argv[i], OTHER)) {
			fprintf(stderr, "error: it does not fit\n");
			return CLI_REFUSED;
		}
	return unproven(0);
}

static int kid(const char *what, int argc, char **argv)
{
	const char *journal = argv[1] + strlen("--journal=");
	int n = note_words(argc, argv);

	if (str_is(what, "alone"))
		return alone(argc, argv);

	if (str_is(what, "unproven"))
		return unproven(n);
	if (str_is(what, "aged"))
		return aged(journal, argc, argv);
	if (str_is(what, "mixed"))
		return mixed(argc, argv);
	if (str_is(what, "refused")) {
		fprintf(stderr, "error: c34: connection refused\n");
		return CLI_REFUSED;
	}
	if (str_is(what, "fails") || !n) {
		if (str_is(what, "passes"))
			other_ends(journal);
		fprintf(stderr, "error: it is half way\nhint: look\n");
		return CLI_FAILED;
	}
	if (str_is(what, "waits"))
		other_ends(journal);
	fprintf(stderr, "error: it is not there any more\n");
	return CLI_NOTHING;
}

/* ---- the batch */

static json_t *plan_of(const char *kind)
{
	return json_pack("{s:s, s:s, s:[{s:{s:s, s:s}, s:s, s:s, s:{s:s}}]}",
			 "kind", kind, "host", "c30", "members", "instance",
			 "uuid", UUID, "name", "web", "source", "c30", "target",
			 "c34", "options", "control", "services");
}

/* Of a dead host's, with all that can be asked. */
static json_t *rescue_of(const char *second)
{
	const struct app_dead d = {.from = "c30",
				   .host = "c34",
				   .path = "/run/d",
				   .xml_host = "c36",
				   .xml_dir = "/run/x",
				   .accept_bad = true,
				   .record = APP_RECORD_EVACUATION,
				   .fence_max_age = 1800};
	const struct app_request r = {.to = "c34",
				      .dead = &d,
				      .transport = APP_TRANSPORT_RELAY,
				      .no_start = true,
				      .verify_full = true};
	const struct app_limits l = {.parallel = 2, .bwlimit = 8 << 20};
	json_t *batch = app_rescue_plan(&r, &l);
	const char *const uuids[] = {UUID, second};

	for (size_t i = 0; i < 2 && uuids[i]; i++) {
		json_t *plan = json_pack(
			"{s:{s:s, s:s}, s:s, s:s, s:i, s:i, s:{s:s, "
			"s:[{s:s, s:b, s:i}, {s:s, s:b, s:i}]}}",
			"server", "uuid", uuids[i], "name", "web", "control",
			"api+direct", "route", "direct", "bytes_to_copy", 100,
			"downtime_s", 9, "move", "vm_state", "active", "bases",
			"name", "there", "on_target", 1, "allocated", 5, "name",
			"lacks", "on_target", 0, "allocated", 7);

		assert_true(app_rescue_add(batch, plan));
		assert_false(app_rescue_add(batch, plan));
		json_decref(plan);
	}
	return batch;
}

static void other_begins(const char *uuid, const char *owner)
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(path, &e);
	struct journal_job job;
	json_t *plan = json_pack("{s:s, s:{s:s, s:s}, s:s, s:s, s:[{s:s}]}",
				 "kind", "move", "instance", "uuid", uuid,
				 "name", "web", "source", "c30", "target",
				 "c36", "steps", "step", "all");

	assert_non_null(j);
	OK(journal_create(j, plan, owner, &job, &e));
	journal_job_clear(&job);
	json_decref(plan);
	journal_close(j);
}

/* Runs PLAN, or goes on with batch ID, each member's process doing WHAT; its
 * exit code.  Takes the reference. */
static int run_plan(json_t *plan, const char *id, const char *what,
		    struct batch *b)
{
	struct app_batch_outcome out = {0};
	struct err e = ERR_INIT;
	struct journal *j;

	setenv("NH_KID", what, 1);
	setenv("NH_WORDS", words, 1);
	if (plan)
		app_batch_run(&app, plan, &out, &e);
	else
		app_batch_resume(&app, id, &out, &e);
	unsetenv("NH_KID");
	err_clear(&e);
	json_decref(plan);
	json_decref(out.report);
	j = journal_open(path, &e);
	assert_non_null(j);
	OK(batch_load(j, out.id, b, &e));
	journal_close(j);
	return out.code;
}

/* Runs a batch of KIND whose member's process does WHAT. */
static int run(const char *kind, const char *what, struct batch *b)
{
	return run_plan(plan_of(kind), NULL, what, b);
}

static void is_member(const struct batch *b, enum batch_member_state state,
		      unsigned attempts)
{
	const struct batch_member *m = &b->members[0];

	if (m->state != state || m->attempts != attempts)
		fail_msg("%s after %u: %s", batch_member_state_name(m->state),
			 m->attempts, err_msg(&m->why));
}

static void clear(void)
{
	AUTO(mem_freep) char *reserve = mem_printf("%s.reserve", path);

	unlink(path);
	unlink(reserve);
	unlink(words);
}

static int set_up(void **state)
{
	(void)state;
	clear();
	return 0;
}

/* Two operators empty one host: what the second one finds half way is locked,
 * not failed, and he is through once the first one is. */
static void t_waits(void **state)
{
	struct batch b;

	(void)state;
	other_begins(UUID, "there pid 3");
	assert_int_equal(run("evacuate", "waits", &b), CLI_DONE);
	is_member(&b, MEMBER_SKIPPED, 2);
	assert_int_equal(b.state, BATCH_DONE);
	batch_clear(&b);
}

/* The same when that job ends before the controller looks into the journal. */
static void t_passes(void **state)
{
	struct batch b;

	(void)state;
	other_begins(UUID, "there pid 3");
	assert_int_equal(run("evacuate", "passes", &b), CLI_DONE);
	is_member(&b, MEMBER_SKIPPED, 2);
	batch_clear(&b);
}

static void t_fails(void **state)
{
	struct batch b;
	char owner[96];

	(void)state;
	other_begins(OTHER, "there pid 3");
	/* What this machine has ended before is of no account. */
	journal_owner(owner, sizeof(owner));
	other_begins(UUID, owner);
	other_ends(path);
	assert_int_equal(run("evacuate", "fails", &b), CLI_FAILED);
	is_member(&b, MEMBER_FAILED, 1);
	assert_string_equal(err_msg(&b.members[0].why), "it is half way");
	assert_string_equal(b.members[0].why.hint, "look");
	batch_clear(&b);
}

/* The member's job ended, and nobody was there to see it. */
static void ends_unseen(char id[JOURNAL_ID_MAX])
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(path, &e);
	json_t *plan = plan_of("evacuate"), *move;
	struct journal_job job = {0};
	struct journal_key k;
	struct batch b;

	assert_non_null(j);
	OK(batch_create(j, plan, "there pid 3", &b, &e));
	memcpy(id, b.id, sizeof(b.id));
	b.members[0].state = MEMBER_RUNNING;
	b.members[0].attempts = 1;
	k = batch_key(&b);
	OK(batch_member_set(j, &k, &b.members[0], &e));
	move = json_pack("{s:s, s:{s:s, s:s}, s:s, s:s, s:[{s:s}], "
			 "s:{s:s, s:i, s:i}}",
			 "kind", "move", "instance", "uuid", UUID, "name",
			 "web", "source", "c30", "target", "c34", "steps",
			 "step", "all", "batch", "id", b.id, "member", 0,
			 "epoch", 1);
	OK(journal_create(j, move, "there pid 3", &job, &e));
	json_decref(move);
	json_decref(plan);
	journal_job_clear(&job);
	batch_clear(&b);
	journal_close(j);
	other_ends(path);
}

/* Who takes the batch over writes down what has become of it meanwhile: lists
 * count the rows. */
static void t_unseen(void **state)
{
	struct app_batch_outcome out = {0};
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	struct journal *j;
	struct batch b;

	(void)state;
	ends_unseen(id);
	OK(app_batch_resume(&app, id, &out, &e));
	assert_int_equal(out.code, CLI_DONE);
	json_decref(out.report);
	assert_int_equal(access(words, F_OK), -1); /* no process for it */
	j = journal_open(path, &e);
	OK(batch_load(j, id, &b, &e));
	is_member(&b, MEMBER_DONE, 1);
	assert_true(b.members[0].ended_us != 0);
	batch_clear(&b);
	journal_close(j);
}

/* What the newest process was started with. */
static bool told(const char *word)
{
	char line[2048] = "";
	FILE *f = fopen(words, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		;
	fclose(f);
	return strstr(line, word) != NULL;
}

/* Who has been moved off the host by somebody else is not moved once more. */
static void t_from(void **state)
{
	struct batch b;

	(void)state;
	run("evacuate", "fails", &b);
	batch_clear(&b);
	assert_true(told(" --to=c34 --from=c30 "));
	run("return", "fails", &b);
	batch_clear(&b);
	assert_true(told(" --to=c34 "));
	assert_false(told("--from"));
}

/* The way that the plan was made is the way that its members look, and what is
 * silent then does not send them another one. */
static void t_services(void **state)
{
	struct app_request r = {
		.server = UUID, .to = "c34", .control = APP_CONTROL_SERVICES};
	struct err e = ERR_INIT;
	json_t *report = NULL;
	struct batch b;

	(void)state;
	run("evacuate", "fails", &b);
	batch_clear(&b);
	assert_true(told(" --control=services "));
	assert_int_equal(app_check(&app, &r, &report, &e), -1);
	assert_int_equal(e.kind, ERR_RETRY);
	assert_non_null(strstr(err_msg(&e), "no answer in 60 s"));
	assert_non_null(strstr(e.hint, "novahaul move " UUID " --to c34"));
	err_clear(&e);
	r.control = APP_CONTROL_AUTO;
	OK(app_check(&app, &r, &report, &e));
	json_decref(report);
}

/* ---- without their source */

enum { OPEN1, OPEN2, DONE, PENDING, MEMBERS };
static char jobs[MEMBERS][JOURNAL_ID_MAX];

/* c30 died: two members are open, one is done, one has not begun. */
static void dies_in(const char *kind, char id[JOURNAL_ID_MAX])
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(path, &e);
	json_t *list = json_array(), *plan;
	struct batch b;

	assert_non_null(j);
	for (int i = 0; i < MEMBERS; i++) {
		AUTO(mem_freep) char *uuid = mem_printf("u-%d", i);

		json_array_append_new(
			list, json_pack("{s:{s:s, s:s}, s:s, s:s}", "instance",
					"uuid", uuid, "name", uuid, "source",
					"c30", "target", "c34"));
	}
	plan = json_pack("{s:s, s:s, s:o}", "kind", kind, "host", "c30",
			 "members", list);
	OK(batch_create(j, plan, "there pid 3", &b, &e));
	memcpy(id, b.id, sizeof(b.id));
	for (int i = 0; i < PENDING; i++) {
		struct journal_turn t = {.state = JOURNAL_DONE};
		struct journal_job job = {0};
		struct journal_key k = batch_key(&b);
		json_t *move = json_pack(
			"{s:s, s:{s:s, s:s}, s:s, s:s, s:[{s:s}], "
			"s:{s:s, s:i, s:i}}",
			"kind", "move", "instance", "uuid",
			b.members[i].instance, "name", "web", "source", "c30",
			"target", "c34", "steps", "step", "all", "batch", "id",
			b.id, "member", i, "epoch", 1);

		b.members[i].state = MEMBER_RUNNING;
		b.members[i].attempts = 1;
		OK(batch_member_set(j, &k, &b.members[i], &e));
		OK(journal_create(j, move, "there pid 3", &job, &e));
		memcpy(jobs[i], job.id, sizeof(jobs[i]));
		k = journal_key(&job);
		if (i == DONE)
			OK(journal_turn(j, &k, &t, &e));
		journal_job_clear(&job);
		json_decref(move);
	}
	json_decref(plan);
	batch_clear(&b);
	journal_close(j);
}

static void dies(char id[JOURNAL_ID_MAX])
{
	dies_in("evacuate", id);
}

static void fence(unsigned age_s)
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(path, &e);
	struct fence_evidence ev = {.host = "c30",
				    .provider = "statement",
				    .verdict = FENCE_OFF,
				    .taken_us =
					    clock_now_us() - age_s * 1000000LL,
				    .by = "me"};

	assert_non_null(j);
	OK(fence_add(j, &ev, &e));
	journal_close(j);
}

static bool c30_answers;

static int answers(struct app *a, const char *host, struct err *e)
{
	(void)a;
	if (str_is(host, "c30") && !c30_answers)
		return err_set(e, ERR_RETRY, "no route to host");
	return 0;
}

/* The command: its exit code, and the batch after it. */
static int go_alone(const char *id, enum app_alone how, struct batch *b,
		    struct err *e)
{
	static const struct app_ops alone_ops = {.answers = answers};
	struct app_batch_outcome out = {0};
	struct app a = app;
	struct err err = ERR_INIT;
	struct journal *j;

	a.ops = &alone_ops;
	a.alone = how;
	a.fence_max_age = 1800;
	if (how == APP_ALONE_RESUME) {
		a.disks_host = "c35";
		a.disks_path = "/mnt/c30";
	}
	setenv("NH_KID", "alone", 1);
	setenv("NH_WORDS", words, 1);
	setenv("NH_REFUSED", jobs[OPEN1], 1);
	if (how == APP_ALONE_ROLLBACK)
		app_batch_rollback(&a, id, &out, e);
	else
		app_batch_resume(&a, id, &out, e);
	unsetenv("NH_KID");
	json_decref(out.report);
	j = journal_open(path, &err);
	assert_non_null(j);
	assert_int_equal(batch_load(j, id, b, &err), 0);
	journal_close(j);
	return out.code < 0 ? (int)cli_exit_code(e) : out.code;
}

static void is(const struct batch *b, int i, enum batch_member_state state)
{
	if (b->members[i].state != state)
		fail_msg("member %d is %s: %s", i,
			 batch_member_state_name(b->members[i].state),
			 err_msg(&b->members[i].why));
}

/* Without a proof nothing is even taken over. */
static void t_alone_proof(void **state)
{
	static const enum app_alone both[] = {APP_ALONE_RESUME,
					      APP_ALONE_ROLLBACK};
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	struct batch b;

	(void)state;
	dies(id);
	for (int turn = 0; turn < 3; turn++) {
		if (turn == 1)
			fence(2000); /* too old */
		if (turn == 2)
			fence(0);
		c30_answers = turn == 2;
		for (int i = 0; i < 2; i++) {
			assert_int_equal(go_alone(id, both[i], &b, &e),
					 CLI_UNFENCED);
			assert_non_null(strstr(err_msg(&e), "c30"));
			assert_int_equal(b.epoch, 1);
			assert_int_equal(b.dir, JOURNAL_FORWARD);
			batch_clear(&b);
			err_clear(&e);
		}
	}
	c30_answers = false;
	assert_int_equal(access(words, F_OK), -1);
}

/* The words of the process of JOB, which was one; NULL: there was none. */
static void was_told(const char *job, const char *want)
{
	char line[2048];
	FILE *f = fopen(words, "r");
	int n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, job)) {
			n++;
			if (!want || !strstr(line, want))
				fail_msg("%s", line);
		}
	fclose(f);
	assert_int_equal(n, want ? 1 : 0);
}

static void t_alone_back(void **state)
{
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	struct batch b;

	(void)state;
	dies(id);
	fence(1000);
	assert_int_equal(go_alone(id, APP_ALONE_ROLLBACK, &b, &e), CLI_OPEN);
	was_told(jobs[OPEN1],
		 " rollback --source-dead --fence-max-age=1800 j-");
	was_told(jobs[OPEN2],
		 " rollback --source-dead --fence-max-age=1800 j-");
	/* One is refused: its own reason, and what to type; the other goes. */
	is(&b, OPEN1, MEMBER_OPEN);
	assert_int_equal(b.members[OPEN1].why.kind, ERR_REFUSED);
	assert_string_equal(err_msg(&b.members[OPEN1].why),
			    "only its source can undo it");
	assert_non_null(strstr(b.members[OPEN1].why.hint, jobs[OPEN1]));
	is(&b, OPEN2, MEMBER_ROLLED_BACK);
	/* What is done stays; what had not begun never does. */
	was_told(jobs[DONE], NULL);
	is(&b, DONE, MEMBER_DONE);
	was_told("u-3", NULL);
	assert_int_equal(b.dir, JOURNAL_BACKWARD);
	assert_int_equal(b.state, BATCH_OPEN);
	assert_non_null(strstr(e.hint, "novahaul show b-"));
	batch_clear(&b);
	err_clear(&e);
}

static void t_alone_forward(void **state)
{
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	struct batch b;

	(void)state;
	dies(id);
	fence(0);
	assert_int_equal(go_alone(id, APP_ALONE_RESUME, &b, &e), CLI_OPEN);
	was_told(jobs[OPEN1], " resume --source-dead --disks=c35:/mnt/c30 "
			      "--fence-max-age=1800 j-");
	was_told(jobs[OPEN2], " resume --source-dead --disks=c35:/mnt/c30 "
			      "--fence-max-age=1800 j-");
	is(&b, OPEN1, MEMBER_OPEN);
	assert_int_equal(b.members[OPEN1].why.kind, ERR_REFUSED);
	/* Finished, up to the release of its source. */
	is(&b, OPEN2, MEMBER_OPEN);
	assert_string_equal(err_msg(&b.members[OPEN2].why),
			    "it runs; its source does not answer");
	/* No move from a dead host begins. */
	was_told("u-3", NULL);
	is(&b, DONE, MEMBER_DONE);
	is(&b, PENDING, MEMBER_PENDING);
	assert_int_equal(b.state, BATCH_OPEN);
	batch_clear(&b);
	err_clear(&e);
}

/* A rescue has no source that could be missing. */
static void t_alone_rescue(void **state)
{
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	struct batch b;

	(void)state;
	dies_in("rescue", id);
	fence(0);
	assert_int_equal(go_alone(id, APP_ALONE_RESUME, &b, &e), CLI_REFUSED);
	assert_non_null(strstr(e.hint, "novahaul resume b-"));
	assert_int_equal(b.epoch, 1);
	assert_int_equal(access(words, F_OK), -1);
	batch_clear(&b);
	err_clear(&e);
}

/* Nothing open: nothing to do, and nothing is taken over. */
static void t_alone_nothing(void **state)
{
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	struct batch b;

	(void)state;
	dies(id);
	other_ends(path);
	other_ends(path);
	fence(0);
	assert_int_equal(go_alone(id, APP_ALONE_ROLLBACK, &b, &e), CLI_NOTHING);
	assert_int_equal(b.epoch, 1);
	assert_int_equal(access(words, F_OK), -1);
	batch_clear(&b);
	err_clear(&e);
}

/* All that was asked of a rescue is in the journal: a member can be begun from
 * there alone. */
static void t_rescue_words(void **state)
{
	struct batch b;
	const json_t *m, *bases;

	(void)state;
	assert_int_equal(run_plan(rescue_of(NULL), NULL, "fails", &b),
			 CLI_FAILED);
	assert_string_equal(b.kind, "rescue");
	assert_string_equal(b.host, "c30");
	assert_true(told(" rescue c30 " UUID " --to=c34 --batch=b-"));
	assert_true(told(":0:1 --disks=c34:/run/d --xml=c36:/run/x "
			 "--route=direct --record=evacuation "
			 "--fence-max-age=1800 --accept-bad-blocks "
			 "--control=services --transport=relay "
			 "--bwlimit=8388608 --no-start --verify-full\n"));
	m = json_array_get(json_object_get(b.plan, "members"), 0);
	bases = json_object_get(m, "bases");
	assert_int_equal(json_array_size(bases), 1);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(bases, 0), "name")),
			    "lacks");
	batch_clear(&b);
}

/* Without the proof it has not begun, the batch stays open, and a resume once
 * there is one begins it. */
static void t_unproven(void **state)
{
	struct batch b;
	char id[JOURNAL_ID_MAX];

	(void)state;
	assert_int_equal(run_plan(rescue_of(NULL), NULL, "unproven", &b),
			 CLI_UNFENCED);
	is_member(&b, MEMBER_PENDING, 1);
	assert_int_equal(b.state, BATCH_OPEN);
	assert_int_equal(b.error.kind, ERR_FENCE);
	assert_non_null(strstr(b.error.hint, "novahaul fence c30, then "
					     "novahaul resume b-"));
	assert_int_equal(b.members[0].why.kind, ERR_FENCE);
	assert_non_null(strstr(b.members[0].why.hint,
			       "novahaul fence c30; then novahaul resume b-"));
	memcpy(id, b.id, sizeof(id));
	batch_clear(&b);
	assert_int_equal(run_plan(NULL, id, "unproven", &b), CLI_DONE);
	is_member(&b, MEMBER_SKIPPED, 2);
	batch_clear(&b);
}

/* The same when it had a job, which went back: nor is that one's last word
 * where nobody saw its end. */
static void t_aged(void **state)
{
	struct err e = ERR_INIT;
	struct journal *j;
	struct batch b;

	(void)state;
	assert_int_equal(run_plan(rescue_of(NULL), NULL, "aged", &b),
			 CLI_UNFENCED);
	is_member(&b, MEMBER_PENDING, 1);
	assert_string_equal(err_msg(&b.members[0].why), "the proof has aged");
	j = journal_open(path, &e);
	assert_non_null(j);
	b.members[0].state = MEMBER_RUNNING;
	OK(batch_settle(j, &b, &e));
	journal_close(j);
	is_member(&b, MEMBER_PENDING, 1);
	batch_clear(&b);
}

/* One stops no other, and where they end differently the batch is open. */
static void t_mixed(void **state)
{
	struct batch b;

	(void)state;
	assert_int_equal(run_plan(rescue_of(OTHER), NULL, "mixed", &b),
			 CLI_OPEN);
	is_member(&b, MEMBER_PENDING, 1);
	assert_int_equal(b.members[1].state, MEMBER_FAILED);
	assert_int_equal(b.members[1].why.kind, ERR_REFUSED);
	assert_int_equal(b.state, BATCH_OPEN);
	batch_clear(&b);
}

static bool c34_answers;

static int c34_is(struct app *a, const char *host, struct err *e)
{
	(void)a;
	assert_string_equal(host, "c34");
	return c34_answers ? 0 : err_set(e, ERR_RETRY, "no route to host");
}

static bool note_lost(void *arg, const struct journal_record *rec)
{
	*(bool *)arg |= str_is(rec->key, "lost/c34");
	return true;
}

/* The target dies while a member's checks look at it: they refuse, before there
 * is a job.  It is to be packed anew as those are that had begun. */
static void t_refused_lost(void **state)
{
	static const struct app_ops lost_ops = {.answers = c34_is};
	struct batch b;

	(void)state;
	for (int i = 0; i < 2; i++) {
		json_t *plan = plan_of("evacuate");
		struct err e = ERR_INIT;
		struct journal *j;
		bool lost = false;

		clear();
		c34_answers = i == 1;
		app.ops = &lost_ops;
		json_object_set_new(plan, "targets", json_pack("[s]", "c34"));
		assert_int_equal(run_plan(plan, NULL, "refused", &b),
				 CLI_FAILED);
		app.ops = &ops;
		is_member(&b, MEMBER_FAILED, 1);
		if (c34_answers)
			assert_string_equal(err_msg(&b.members[0].why),
					    "c34: connection refused");
		else
			assert_non_null(strstr(err_msg(&b.members[0].why),
					       "none of the targets of the "
					       "plan answers; it stays on "
					       "c30"));
		j = journal_open(path, &e);
		assert_non_null(j);
		OK(batch_records(j, b.id, true, note_lost, &lost, &e));
		journal_close(j);
		assert_int_equal(lost, !c34_answers);
		batch_clear(&b);
	}
}

#define T(t) cmocka_unit_test_setup(t, set_up)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(t_waits),	    T(t_passes),       T(t_fails),
		T(t_unseen),	    T(t_from),	       T(t_services),
		T(t_alone_proof),   T(t_alone_back),   T(t_alone_forward),
		T(t_alone_nothing), T(t_alone_rescue), T(t_rescue_words),
		T(t_unproven),	    T(t_aged),	       T(t_mixed),
		T(t_refused_lost),
	};
	const char *what = getenv("NH_KID");
	int rc;

	if (what && argc > 1)
		return kid(what, argc, argv);
	strcpy(dir, "/tmp/nh-batch-run-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/journal.db", dir);
	snprintf(words, sizeof(words), "%s/words", dir);
	app = (struct app){.config = &config,
			   .journal = path,
			   .ops = &ops,
			   .progress = progress_new(PROGRESS_NONE),
			   .confirmed = true};
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	progress_free(app.progress);
	clear();
	rmdir(dir);
	return rc;
}
