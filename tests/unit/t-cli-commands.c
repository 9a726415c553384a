/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands, from words to exit code, against an app that only says what it
 * was asked and a real journal.
 */
#include "unit/unit.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/app_batch.h"
#include "cli/app_book.h"
#include "cli/app_fleet.h"
#include "cli/app_rescue.h"
#include "cli/app_return.h"
#include "cli/cli.h"
#include "cli/cli_priv.h"
#include "cli/request.h"
#include "core/stop.h"
#include "core/str.h"
#include "engine/journal.h"

/* What the fake app was asked last, and what it answers. */
static struct {
	char asked[64];
	struct app_request req;
	struct app_limits limits;
	char server[64], to[64], job[64];
	struct app_dead dead; /* of a rescue; its strings are gone */
	char dead_host[64];
	bool confirmed;
	const char *report;    /* JSON */
	const char *inventory; /* likewise */
	bool unfenced;
	enum err_kind fails;	 /* of what only reads */
	enum err_kind job_fails; /* of a job */
	enum txn_end end;
	unsigned overtaken; /* so many plans do not hold */
	bool just_planned;  /* what is applied was planned by this very run */
	unsigned plans;
	unsigned fence_max_age; /* of what goes on without its source */
	enum app_alone alone;
	char disks[64];
	size_t members; /* of the batch that was run */
	char of_batch[64];
} app;

static int answer(struct app *a, const char *what, json_t **report,
		  struct err *e)
{
	snprintf(app.asked, sizeof(app.asked), "%s", what);
	app.confirmed = a->confirmed;
	app.fence_max_age = a->fence_max_age;
	app.alone = a->alone;
	snprintf(app.disks, sizeof(app.disks), "%s:%s",
		 a->disks_host ? a->disks_host : "",
		 a->disks_path ? a->disks_path : "");
	if (report && app.report)
		*report = json_loads(app.report, 0, NULL);
	return app.fails ? err_set(e, app.fails, "the fake failed") : 0;
}

static void note_request(const struct app_request *r)
{
	app.req = *r;
	snprintf(app.server, sizeof(app.server), "%s", r->server);
	snprintf(app.to, sizeof(app.to), "%s", r->to);
	if (r->dead) {
		app.dead = *r->dead;
		snprintf(app.dead_host, sizeof(app.dead_host), "%s",
			 r->dead->host);
	}
}

int app_check(struct app *a, const struct app_request *r, json_t **report,
	      struct err *e)
{
	note_request(r);
	return answer(a, "check", report, e);
}

int app_plan(struct app *a, const struct app_request *r, json_t **plan,
	     struct err *e)
{
	int rc;

	note_request(r);
	app.plans++;
	rc = answer(a, "plan", plan, e);
	if (r->dead && *plan)
		json_object_set_new(*plan, "server",
				    json_pack("{s:s, s:s}", "uuid", r->server,
					      "name", r->server));
	if (!rc && str_is(r->server, "refused"))
		rc = err_set(e, ERR_REFUSED, "it is refused");
	return rc;
}

static int run_job(struct app *a, const char *what, struct app_outcome *out,
		   struct err *e)
{
	out->end = app.end;
	snprintf(out->job, sizeof(out->job), "j-fakejob");
	answer(a, what, NULL, e);
	return app.job_fails ? err_set(e, app.job_fails, "the fake failed") : 0;
}

int app_apply(struct app *a, const json_t *plan, struct app_outcome *out,
	      struct err *e)
{
	const char *batch = json_string_value(
		json_object_get(json_object_get(plan, "batch"), "id"));

	assert_true(json_is_array(json_object_get(plan, "steps")));
	app.just_planned = a->planned_us != 0;
	snprintf(app.of_batch, sizeof(app.of_batch), "%s", batch ? batch : "");
	if (app.overtaken) {
		app.overtaken--;
		return err_set(e, ERR_CONFLICT, "the facts have changed");
	}
	return run_job(a, "apply", out, e);
}

int app_resume(struct app *a, const char *job, struct app_outcome *out,
	       struct err *e)
{
	snprintf(app.job, sizeof(app.job), "%s", job);
	return run_job(a, "resume", out, e);
}

int app_rollback(struct app *a, const char *job, struct app_outcome *out,
		 struct err *e)
{
	snprintf(app.job, sizeof(app.job), "%s", job);
	return run_job(a, "rollback", out, e);
}

int app_resume_alone(struct app *a, const char *job, struct app_outcome *out,
		     struct err *e)
{
	(void)job;
	return run_job(a, "resume alone", out, e);
}

int app_rollback_alone(struct app *a, const char *job, struct app_outcome *out,
		       struct err *e)
{
	(void)job;
	return run_job(a, "rollback alone", out, e);
}

int app_retreat(struct app *a, const char *job, struct app_outcome *out,
		struct err *e)
{
	(void)job;
	return run_job(a, "retreat", out, e);
}

static int run_batch(struct app *a, const char *what,
		     struct app_batch_outcome *o, struct err *e)
{
	o->code = app.job_fails ? CLI_OPEN : CLI_DONE;
	o->report = json_pack("{s:s s:s s:[]}", "batch", "b-fakebatc", "kind",
			      "evacuate", "members");
	answer(a, what, NULL, e);
	return app.job_fails ? err_set(e, app.job_fails, "the fake failed") : 0;
}

int app_batch_run(struct app *a, const json_t *plan,
		  struct app_batch_outcome *o, struct err *e)
{
	struct app_dead d;

	assert_true(json_is_array(json_object_get(plan, "members")));
	app.members = json_array_size(json_object_get(plan, "members"));
	if (json_object_get(plan, "dead")) {
		struct app_request r;

		assert_int_equal(app_batch_limits(plan, &app.limits, e), 0);
		assert_int_equal(app_rescue_dead(plan, &d, e), 0);
		assert_int_equal(app_batch_options(plan, 0, &r, e), 0);
		r.dead = &d;
		note_request(&r);
	}
	return run_batch(a, "batch", o, e);
}

int app_batch_resume(struct app *a, const char *id, struct app_batch_outcome *o,
		     struct err *e)
{
	snprintf(app.job, sizeof(app.job), "%s", id);
	return run_batch(a, "batch-resume", o, e);
}

int app_batch_rollback(struct app *a, const char *id,
		       struct app_batch_outcome *o, struct err *e)
{
	snprintf(app.job, sizeof(app.job), "%s", id);
	return run_batch(a, "batch-rollback", o, e);
}

/* A run of a runbook, of which only what was asked is of interest. */
static int run_book(struct app *a, const char *what, struct app_outcome *o,
		    struct err *e)
{
	o->report = json_pack("{s:s, s:[{s:s, s:s}], s:[]}", "state", "done",
			      "steps", "step", "a", "state", "done", "stays");
	return run_job(a, what, o, e);
}

int app_book_dry(struct app *a, const struct runbook *rb, json_t **report,
		 struct err *e)
{
	*report = json_pack("{s:[{s:s}]}", "steps", "step", rb->steps[0].name);
	return answer(a, "book-dry", NULL, e);
}

int app_book_run(struct app *a, const struct runbook *rb, struct app_outcome *o,
		 struct err *e)
{
	snprintf(app.server, sizeof(app.server), "%s", rb->name);
	return run_book(a, "book", o, e);
}

int app_book_resume(struct app *a, const char *id, struct app_outcome *o,
		    struct err *e)
{
	snprintf(app.job, sizeof(app.job), "%s", id);
	return run_book(a, "book-resume", o, e);
}

int app_book_skip(struct app *a, const char *id, const struct app_book_skip *s,
		  struct app_outcome *o, struct err *e)
{
	(void)s;
	snprintf(app.job, sizeof(app.job), "%s", id);
	return run_book(a, "book-skip", o, e);
}

int app_book_skip_dry(struct app *a, const char *id,
		      const struct app_book_skip *s, json_t **report,
		      struct err *e)
{
	(void)id;
	(void)s;
	*report = json_object();
	return answer(a, "book-skip-dry", NULL, e);
}

int app_book_rollback(struct app *a, const char *id, struct app_outcome *o,
		      struct err *e)
{
	snprintf(app.job, sizeof(app.job), "%s", id);
	return run_book(a, "book-rollback", o, e);
}

int app_evacuate_plan(struct app *a, const struct app_evacuate *r,
		      json_t **plan, struct err *e)
{
	AUTO(mem_freep) char *targets = strv_join(&r->targets, " ");

	app.req = r->move;
	app.limits = r->limits;
	snprintf(app.server, sizeof(app.server), "%s %s", r->host, r->policy);
	snprintf(app.to, sizeof(app.to), "%s", targets);
	return answer(a, "evacuate", plan, e);
}

int app_return_plan(struct app *a, const struct app_return *r, json_t **plan,
		    struct err *e)
{
	app.limits = r->limits;
	snprintf(app.server, sizeof(app.server), "%s %s",
		 r->batch ? r->batch : "-", r->host ? r->host : "-");
	return answer(a, "return", plan, e);
}

int app_batch_holds(struct app *a, const json_t *plan, struct err *e)
{
	(void)plan;
	return app.fails ? answer(a, "holds", NULL, e) : 0;
}

int app_purge_list(struct app *a, const char *job, json_t **report,
		   struct err *e)
{
	snprintf(app.job, sizeof(app.job), "%s", job);
	return answer(a, "purge-list", report, e);
}

int app_purge(struct app *a, const char *job, json_t **report, struct err *e)
{
	snprintf(app.job, sizeof(app.job), "%s", job);
	return answer(a, "purge", report, e);
}

int app_audit(struct app *a, const struct app_audit *r, json_t **report,
	      struct err *e)
{
	snprintf(app.server, sizeof(app.server), "%s",
		 r->hosts[0] ? r->hosts[0] : "all");
	return answer(a, r->fix ? "audit-fix" : "audit", report, e);
}

int app_fenced(struct app *a, const struct app_dead *d,
	       struct fence_proof *proof, struct err *e)
{
	(void)proof;
	assert_string_equal(d->from, "h1");
	return app.unfenced ? err_set(e, ERR_FENCE, "h1 is not proven off")
			    : answer(a, "fenced", NULL, e);
}

int app_inventory(struct app *a, const struct app_dead *d, json_t **report,
		  struct err *e)
{
	snprintf(app.server, sizeof(app.server), "%s", d->host);
	app.dead = *d;
	snprintf(app.job, sizeof(app.job), "%s", d->path);
	answer(a, "inventory", NULL, e);
	*report = json_loads(app.inventory, 0, NULL);
	return 0;
}

static void note_fence(const struct app_fence *r)
{
	snprintf(app.server, sizeof(app.server), "%s", r->host);
	snprintf(app.to, sizeof(app.to), "%s/%s/%s/%s",
		 r->provider ? r->provider : "any",
		 r->statement ? r->statement : "-", r->by ? r->by : "-",
		 r->reason ? r->reason : "-");
	app.req.bwlimit = r->max_age;
}

int app_fence(struct app *a, const struct app_fence *r, json_t **report,
	      struct err *e)
{
	note_fence(r);
	return answer(a, r->act ? "fence" : "fence-look", report, e);
}

int app_fence_show(struct app *a, const struct app_fence *r, json_t **report,
		   struct err *e)
{
	note_fence(r);
	return answer(a, "fence-show", report, e);
}

int app_fence_list(struct app *a, unsigned max_age, json_t **list,
		   struct err *e)
{
	(void)max_age;
	answer(a, "fence-list", NULL, e);
	*list = json_array();
	return 0;
}

int app_fence_forget(struct app *a, const char *host, struct err *e)
{
	snprintf(app.server, sizeof(app.server), "%s", host);
	return answer(a, "fence-forget", NULL, e);
}

int app_readmit(struct app *a, const struct app_readmit *r, json_t **report,
		bool *open, struct err *e)
{
	snprintf(app.server, sizeof(app.server), "%s", r->host);
	*open = app.end == TXN_OPEN && !r->look;
	if (*open)
		app.fails = ERR_LOST;
	return answer(a, r->look ? "readmit-look" : "readmit", report, e);
}

static char dir[32], journal[64], config[64];
static char out[65536], errors[65536];
static const char *typed; /* on a terminal; NULL: there is none */

static void slurp(int fd, char *to, size_t n)
{
	ssize_t got = pread(fd, to, n - 1, 0);

	assert_true(got >= 0);
	to[got] = '\0';
	close(fd);
}

/* A terminal on which TYPED has been typed; *MASTER is its other end. */
static int terminal(int *master)
{
	int fd;

	*master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(*master >= 0 && !grantpt(*master) && !unlockpt(*master));
	fd = open(ptsname(*master), O_RDWR | O_NOCTTY);
	assert_true(fd >= 0);
	assert_int_equal(write(*master, typed, strlen(typed)), strlen(typed));
	return fd;
}

/* Runs "novahaul WORDS..." with stdout and stderr caught; returns the exit
 * code. */
static int run(const char *words)
{
	struct strv v = STRV_INIT;
	int saved[3], fd[3], code, master = -1;

	strv_add(&v, "novahaul");
	strv_addf(&v, "--config=%s", config);
	strv_addf(&v, "--journal=%s", journal);
	strv_split(&v, words, " ");
	fd[0] = typed ? terminal(&master) : open("/dev/null", O_RDONLY);
	fd[1] = open(dir, O_TMPFILE | O_RDWR, 0600);
	fd[2] = typed ? dup(fd[0]) : open(dir, O_TMPFILE | O_RDWR, 0600);
	fflush(NULL);
	clearerr(stdin);
	for (int i = 0; i < 3; i++) {
		saved[i] = dup(i);
		assert_true(fd[i] >= 0 && saved[i] >= 0 && dup2(fd[i], i) >= 0);
	}
	code = cli_main((int)v.n, v.v, NULL);
	fflush(NULL);
	for (int i = 0; i < 3; i++) {
		dup2(saved[i], i);
		close(saved[i]);
	}
	close(fd[0]);
	slurp(fd[1], out, sizeof(out));
	if (typed) {
		size_t n = 0;
		ssize_t got;

		/* Once its last descriptor is closed, the other end gives what
		 * is left, and then an error. */
		close(fd[2]);
		while ((got = read(master, errors + n,
				   sizeof(errors) - 1 - n)) > 0)
			n += (size_t)got;
		errors[n] = '\0';
		close(master);
	} else {
		slurp(fd[2], errors, sizeof(errors));
	}
	strv_clear(&v);
	return code;
}

static void says(const char *where, const char *what)
{
	if (!strstr(where, what))
		fail_msg("\"%s\" is not in:\n%s", what, where);
}

static void usage(const char *words, const char *why)
{
	int code = run(words);

	if (code != CLI_USAGE)
		fail_msg("%s: exit code %d", words, code);
	says(errors, "error: ");
	says(errors, why);
	says(errors, "\nhint: novahaul ");
	assert_string_equal(out, "");
}

static void t_usage(void **state)
{
	(void)state;
	usage("", "no command");
	usage("mvoe x", "mvoe: no such command");
	says(errors, "hint: novahaul move");
	usage("image", "image: info is missing");
	usage("move --to b", "move: SERVER is missing");
	usage("move x", "move: --to HOST is missing");
	usage("move x y --to b", "y is one word too many");
	usage("move x --to", "--to: needs a value");
	usage("move x --to -oProxyCommand=id", "not a host name");
	usage("move x --to a/b", "not a host name");
	usage("move x --to b --route sideways", "one of auto, offline");
	usage("move x --to b --bwlimit 5x", "not a size");
	usage("move x --to b --bwlimit 99999999999999T", "not a size");
	usage("move x --to b --stop-timeout -1", "not a time");
	usage("move x --to b --precopy-max 0", "from 1 to 100");
	usage("move x --to b --precopy-max 101", "from 1 to 100");
	usage("move x --to b --precopy-max -1", "from 1 to 100");
	usage("move x --to b --precopy-max 2x", "from 1 to 100");
	usage("move x --to b --precopy-time 0", "not a time");
	usage("move x --to b --precopy-time 5x", "not a time");
	usage("move x --to b --streams 0", "from 1 to 8");
	usage("move x --to b --streams 9", "from 1 to 8");
	usage("move x --to b --streams 4294967298", "from 1 to 8");
	usage("plan x --to b --streams two", "from 1 to 8");
	usage("check x --to b --streams", "needs a value");
	usage("move x --to b --nonsense", "--nonsense: no such option");
	usage("move x --to b -Z", "-Z: no such option");
	usage("move x --to b --yes=1", "--yes=1: takes no value");
	usage("-f xml jobs", "one of table, json");
	usage("purge --dry-run", "either one JOB");
	usage("purge --yes", "either one JOB");
	usage("rescue h1 --to b", "--disks [HOST:]PATH is missing");
	usage("rescue h1 --disks /d --yes", "--to HOST is missing");
	usage("rescue h1 --disks d --to b --yes", "[HOST:]/PATH");
	usage("rescue h1 --disks h2: --to b --yes", "[HOST:]/PATH");
	usage("rescue h1 --disks -o:/d --to b --yes", "[HOST:]/PATH");
	usage("rescue h1 --disks /d --xml x --to b --yes", "--xml x");
	usage("rescue h1 --disks /d --to h1 --yes", "the dead host itself");
	usage("rescue h1 --disks /d --to b --route cold", "--route cold");
	usage("rescue h1 --disks /d --to b --yes --route adopt "
	      "--no-start",
	      "contradict each other");
	usage("rescue h1 --disks /d --to b --yes --route adopt "
	      "--accept-bad-blocks",
	      "contradict each other");
	usage("rescue h1 --disks /d --to b --yes --route adopt "
	      "--control direct",
	      "contradict each other");
	usage("rescue h1 --disks /d --to b --yes --route adopt "
	      "--record evacuation",
	      "contradict each other");
	usage("rescue -- -h --disks", "--disks [HOST:]PATH is missing");
	usage("rescue h1 --disks /d --to b --yes --accept-bad-blocks "
	      "--verify-deep",
	      "contradict");
	usage("completion fish", "fish");
	usage("help nothing", "nothing: no such command");
	usage("show nothing", "no such job");
	usage("report nothing", "no such job");
	usage("report", "JOB is missing");
	usage("report last --prometheus", "of all jobs");
	usage("report --prometheus --html x", "of all jobs");
	usage("limit last", "JOB|BATCH RATE|off is missing");
	usage("limit last 5x", "neither a rate");
	usage("limit last 0", "neither a rate");
	usage("limit last 1023", "neither a rate");
	usage("limit last -5k", "no such option");
	usage("limit last on", "neither a rate");
	usage("limit last 20M", "no such job");
	usage("audit -- -x", "not a host name");
	usage("--journal mysql://u:hunter2@h/j jobs", "files only");
	assert_null(strstr(errors, "hunter2"));
}

/* Without a terminal, whatever changes something wants --yes. */
static void t_yes(void **state)
{
	static const char *const mutating[] = {"move x --to b",
					       "apply /dev/null",
					       "resume last",
					       "rollback last",
					       "purge last",
					       "audit --fix",
					       "fence h",
					       "readmit h",
					       "rescue h1 --disks /d --to b"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mutating); i++) {
		app.asked[0] = '\0';
		usage(mutating[i], "no terminal to ask on");
		assert_string_equal(app.asked, "");
	}
	app.report = "{\"findings\": []}";
	assert_int_equal(run("audit"), CLI_DONE);
	assert_string_equal(app.asked, "audit");
	assert_false(app.confirmed);
	assert_int_equal(run("audit --fix --yes a"), CLI_DONE);
	assert_string_equal(app.asked, "audit-fix");
	assert_string_equal(app.server, "a");
	assert_true(app.confirmed);
}

static void t_request(void **state)
{
	(void)state;
	app.report = "{\"verdict\": \"ok\", \"checks\": []}";
	assert_int_equal(run("check --to h2 --route cold --control direct "
			     "--no-precopy --bwlimit 20M --stop-timeout 5m "
			     "--streams 8 "
			     "--delta whole --transport relay --no-start "
			     "--verify-deep --verify-full --console-log s1"),
			 CLI_DONE);
	assert_string_equal(app.server, "s1");
	assert_string_equal(app.to, "h2");
	assert_int_equal(app.req.route, APP_ROUTE_COLD);
	assert_int_equal(app.req.control, APP_CONTROL_DIRECT);
	assert_int_equal(app.req.delta, APP_DELTA_WHOLE);
	assert_int_equal(app.req.transport, APP_TRANSPORT_RELAY);
	assert_int_equal(app.req.precopy, APP_NO);
	assert_int_equal(app.req.bwlimit, 20 << 20);
	assert_int_equal(app.req.stop_timeout, 300);
	assert_int_equal(app.req.streams, 8);
	assert_true(app.req.no_start && app.req.verify_deep);
	assert_true(app.req.verify_full && app.req.copy_console_log);
	assert_int_equal(run("check s1 --to h2 --precopy --precopy-time 2h"),
			 CLI_DONE);
	assert_int_equal(app.req.precopy_time, 7200);
	assert_int_equal(app.req.precopy, APP_YES);
	assert_int_equal(run("check s1 --to h2"), CLI_DONE);
	assert_int_equal(app.req.precopy, APP_UNSET);
	assert_int_equal(app.req.bwlimit, 0);
	assert_int_equal(app.req.streams, 0);
	for (int i = 0; i <= APP_ROUTE_ADOPT; i++)
		assert_non_null(app_route_name((enum app_route)i));
	assert_string_equal(app_route_name(APP_ROUTE_ADOPT), "adopt");
	assert_string_equal(app_control_name(APP_CONTROL_DIRECT), "direct");
	assert_string_equal(app_delta_name(APP_DELTA_WHOLE), "whole");
	assert_string_equal(app_transport_name(APP_TRANSPORT_RELAY), "relay");
	assert_string_equal(app_transport_name(APP_TRANSPORT_TLS), "tls");
}

static void t_check(void **state)
{
	(void)state;
	app.report = "{\"verdict\": \"refused\", \"checks\": [{\"name\": "
		     "\"space\", \"result\": \"refuse\", \"message\": \"too "
		     "small\", \"hint\": \"make \\u001b[2Jroom\"}]}";
	assert_int_equal(run("check s --to h"), CLI_REFUSED);
	says(out, "refuse  space  too small\n");
	says(out, "hint: space: make \\x1b[2Jroom\n");
	assert_int_equal(run("check s --to h -f json"), CLI_REFUSED);
	says(out, "\"schema_version\": 1");
	app.report = "{\"verdict\": \"nothing\", \"checks\": []}";
	assert_int_equal(run("check s --to h"), CLI_NOTHING);
	app.report = "{\"verdict\": \"locked\", \"checks\": []}";
	assert_int_equal(run("check s --to h"), CLI_LOCKED);
	app.report = "{\"checks\": []}";
	assert_int_equal(run("check s --to h"), CLI_FAILED);
	app.fails = ERR_LOST;
	assert_int_equal(run("check s --to h"), CLI_FAILED);
	says(errors, "error: the fake failed\n");
}

static const char plan[] =
	"{\"server\": {\"uuid\": \"u\", \"name\": \"web\"}, \"from\": \"a\","
	" \"to\": \"b\", \"bytes_to_copy\": 1536, \"transfer\": {\"transport\":"
	" \"direct\", \"by\": \"ssh\", \"why\": \"it is there\", "
	"\"streams\": 4}, \"steps\": [{\"step\": "
	"\"claim\", \"summary\": \"lock it\"}, {\"step\": \"rewrite\", "
	"\"summary\": \"write\", \"commit_point\": \"it names b\"}], \"sql\": "
	"[{\"step\": \"claim\", \"database\": \"cell\", \"name\": \"w.x\", "
	"\"text\": \"do :u :us\", \"values\": {\"u\": \"1\", \"s\": 2}}]}";

static void t_move(void **state)
{
	static const struct {
		enum txn_end end;
		enum err_kind kind;
		int code;
	} ends[] = {
		{TXN_DONE, ERR_NONE, CLI_DONE},
		{TXN_ROLLED_BACK, ERR_FAILED, CLI_FAILED},
		{TXN_OPEN, ERR_INTERRUPTED, CLI_OPEN},
		{TXN_REFUSED, ERR_REFUSED, CLI_REFUSED},
		{TXN_LOCKED, ERR_STALE, CLI_LOCKED},
		{TXN_NOTHING, ERR_NOTHING, CLI_NOTHING},
		{TXN_ERROR, ERR_CONFLICT, CLI_REFUSED},
	};

	(void)state;
	app.report = plan;
	assert_int_equal(run("move web --to b --dry-run"), CLI_DONE);
	assert_string_equal(app.asked, "plan");
	says(out, "1.5 KiB");
	says(out, "direct (ssh), over at most 4 connections: it is there\n");
	says(out, "2  rewrite");
	says(out,
	     "\n\nFrom step 2 (rewrite) on the way is forward: it names b\n");
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		app.end = ends[i].end;
		app.job_fails = ends[i].kind;
		assert_int_equal(run("move web --to b --yes"), ends[i].code);
		assert_string_equal(app.asked, "apply");
		assert_true(app.confirmed);
		if (ends[i].end == TXN_OPEN)
			says(errors, "hint: novahaul show j-fakejob");
		if (ends[i].kind != ERR_NONE)
			says(errors, "error: the fake failed");
	}
	app.end = TXN_OPEN;
	app.job_fails = ERR_LOST;
	assert_int_equal(run("move web --to b --yes -f json"), CLI_OPEN);
	says(out, "\"end\": \"open\"");
	says(out, "\"exit_code\": 3");
	says(out, "\"kind\": \"lost\"");
}

/* A plan that does not hold any more when it is to run is made anew where
 * nobody has reviewed it, and not for ever. */
static void t_overtaken(void **state)
{
	(void)state;
	app.report = plan;
	app.end = TXN_DONE;
	app.overtaken = 2;
	assert_int_equal(run("move web --to b --yes"), CLI_DONE);
	assert_int_equal(app.plans, 3);
	assert_string_equal(app.asked, "apply");
	assert_true(app.just_planned);
	app.plans = 0;
	app.overtaken = 100;
	assert_int_equal(run("move web --to b --yes"), CLI_REFUSED);
	assert_int_equal(app.plans, 3);
	says(errors, "error: the facts have changed");
	/* A person has seen this one. */
	app.plans = 0;
	typed = "yes\n";
	assert_int_equal(run("move web --to b"), CLI_REFUSED);
	assert_int_equal(app.plans, 1);
	typed = NULL;
	/* A job that was begun is not begun a second time. */
	app.plans = app.overtaken = 0;
	app.job_fails = ERR_CONFLICT;
	app.end = TXN_ROLLED_BACK;
	run("move web --to b --yes");
	assert_int_equal(app.plans, 1);
}

/* Of two who empty one host the second finds some that have left. */
static void t_from(void **state)
{
	(void)state;
	app.report = plan;
	app.end = TXN_DONE;
	assert_int_equal(run("move web --to b --from a --yes"), CLI_DONE);
	assert_string_equal(app.asked, "apply");
	assert_int_equal(run("move web --to b --from c --yes"), CLI_NOTHING);
	assert_string_equal(app.asked, "plan");
	says(errors, "is not on c any more, but on a");
	app.fails = ERR_REFUSED;
	assert_int_equal(run("move web --to b --from c --yes"), CLI_NOTHING);
	/* It may yet come back. */
	app.fails = ERR_LOCKED;
	assert_int_equal(run("move web --to b --from c --yes"), CLI_LOCKED);
}

/* A service that does not answer: a batch tries again, a person is told. */
static void t_silent(void **state)
{
	(void)state;
	app.report = plan;
	app.fails = ERR_RETRY;
	assert_int_equal(run("move web --to b --yes"), CLI_FAILED);
	assert_int_equal(run("move web --to b --yes --control services "
			     "--batch b-aaaaaaaa:0:1"),
			 CLI_LOCKED);
	assert_int_equal(app.req.control, APP_CONTROL_SERVICES);
	says(errors, "error: the fake failed");
}

/* On a terminal it asks, after it has shown the plan. */
static void t_asks(void **state)
{
	(void)state;
	app.report = plan;
	app.end = TXN_DONE;
	typed = "n\n";
	assert_int_equal(run("move web --to b"), CLI_REFUSED);
	says(out, "2  rewrite");
	says(errors, "Move web (u) from a to b? [y/N] ");
	says(errors, "nothing was changed");
	assert_string_equal(app.asked, "plan");
	typed = "\n";
	assert_int_equal(run("move web --to b"), CLI_REFUSED);
	typed = "yes\n";
	assert_int_equal(run("move web --to b"), CLI_DONE);
	assert_string_equal(app.asked, "apply");
	assert_true(app.confirmed);
	typed = NULL;
}

static void t_plan_and_apply(void **state)
{
	AUTO(mem_freep) char *file = mem_printf("%s/p", dir);
	AUTO(mem_freep) char *words = mem_printf("plan web --to b -o %s", file);
	AUTO(mem_freep) char *apply = mem_printf("apply --yes %s", file);
	AUTO(mem_freep) char *missing = mem_printf("%s.not", apply);
	int fd;

	(void)state;
	app.report = plan;
	assert_int_equal(run(words), CLI_DONE);
	says(out, "novahaul apply");
	says(out, "-- w.x, in cell\ndo :u :us;\n-- :u = \"1\"\n");
	assert_null(strstr(out, ":s ="));
	assert_string_equal(app.asked, "plan");
	app.end = TXN_DONE;
	app.just_planned = true;
	assert_int_equal(run(apply), CLI_DONE);
	assert_string_equal(app.asked, "apply");
	assert_false(app.just_planned); /* it is held against the world */
	fd = open(file, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "{\"a\": 1}", 8), 8);
	close(fd);
	assert_int_equal(run(apply), CLI_USAGE);
	says(errors, "not a plan");
	assert_int_equal(run(missing), CLI_USAGE);
	unlink(file);
	/* A plan that is refused shows the checks, and is not written. */
	app.report = "{\"verdict\": \"refused\", \"checks\": [{\"name\": "
		     "\"space\", \"result\": \"refuse\"}]}";
	app.fails = ERR_REFUSED;
	assert_int_equal(run(words), CLI_REFUSED);
	says(out, "space");
	assert_int_equal(access(file, F_OK), -1);
}

/* A job in the journal, as a move would leave it after its first step. */
static struct journal_job add_job(struct journal *j)
{
	json_t *p = json_loads(
		"{\"kind\": \"move\", \"source\": \"a\", \"target\": \"b\", "
		"\"instance\": {\"uuid\": \"u-1\", \"name\": \"web\"}, "
		"\"steps\": [{\"step\": \"claim\"}, {\"step\": \"stop\"}]}",
		0, NULL);
	struct journal_job job = {0};
	struct err e = ERR_INIT;
	char owner[128];
	struct journal_key k;

	journal_owner(owner, sizeof(owner));
	if (journal_create(j, p, owner, &job, &e))
		fail_msg("%s", err_msg(&e));
	json_decref(p);
	k = journal_key(&job);
	journal_mark(j, &k,
		     &(struct journal_step){.idx = 0,
					    .mark = MARK_DONE,
					    .attempt = 1,
					    .started_us = 1000000,
					    .ended_us = 3500000,
					    .sent = 42},
		     &e);
	journal_say(j, &k, 0, "locked \033[2Jit", &e);
	journal_mark(j, &k,
		     &(struct journal_step){.idx = 1,
					    .mark = MARK_RUNNING,
					    .attempt = 1,
					    .started_us = 4000000},
		     &e);
	assert_int_equal(e.kind, ERR_NONE);
	return job;
}

static void end_job(struct journal *j, const struct journal_job *job,
		    enum journal_state how)
{
	struct journal_key k = journal_key(job);
	struct err e = ERR_INIT;
	struct err why = ERR_INIT;

	err_set(&why, ERR_FAILED, "disk full");
	assert_int_equal(
		journal_turn(j, &k,
			     &(struct journal_turn){
				     .state = how,
				     .why = how == JOURNAL_ROLLED_BACK ? &why
								       : NULL},
			     &e),
		0);
	err_clear(&why);
}

static void t_no_journal(void **state)
{
	(void)state;
	assert_int_equal(run("jobs"), CLI_DONE);
	assert_int_equal(run("jobs -f json"), CLI_DONE);
	says(out, "\"jobs\": []");
	assert_int_equal(run("show last"), CLI_USAGE);
	assert_int_equal(run("report --prometheus"), CLI_DONE);
	says(out, "\nnovahaul_open_jobs 0\n");
	assert_int_equal(run("purge --older-than 1d --yes"), CLI_NOTHING);
	/* Asking makes no file. */
	assert_int_equal(access(journal, F_OK), -1);
}

static void t_jobs(void **state)
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(journal, &e);
	struct journal_job job = add_job(j);
	AUTO(mem_freep) char *show = mem_printf("show %.6s", job.id);
	AUTO(mem_freep) char *bare = mem_printf("resume --yes %s", job.id + 2);
	AUTO(mem_freep) char *page = mem_printf("%s/page.html", dir);
	AUTO(mem_freep) char *html = mem_printf("report last --html %s", page);
	json_t *v;

	(void)state;
	assert_int_equal(run("jobs"), CLI_DONE);
	says(out, job.id);
	says(out, "running  stop  web     a     b ");
	assert_int_equal(run("jobs --open -f value"), CLI_DONE);
	says(out, " running stop web a b ");
	assert_int_equal(run(show), CLI_DONE);
	says(out, "u-1");
	says(out, "1  claim  done         2.5  42 B     -");
	assert_int_equal(run("show last --events --records --plan"), CLI_DONE);
	says(out, "locked \\x1b[2Jit");
	assert_int_equal(run("show last -f yaml"), CLI_DONE);
	says(out, "\n  name: web\n");
	says(out, "steps_done: 1\n");
	assert_int_equal(run("report last"), CLI_DONE);
	says(out, "Outcome      open");
	says(out, "1  claim  done ");
	assert_int_equal(run("report --prometheus"), CLI_DONE);
	says(out, "novahaul_jobs{kind=\"move\",state=\"open\"} 1\n");
	assert_int_equal(run("report last -f json"), CLI_DONE);
	says(out, "\"report\": \"job\"");
	assert_int_equal(run(html), CLI_DONE);
	says(out, "The report is in ");
	assert_int_equal(access(page, F_OK), 0);
	unlink(page);
	app.end = TXN_DONE;
	assert_int_equal(run(bare), CLI_DONE);
	assert_string_equal(app.asked, "resume");
	assert_string_equal(app.job, job.id);
	assert_int_equal(run("rollback --yes last"), CLI_DONE);
	assert_string_equal(app.asked, "rollback");
	assert_int_equal(run("rollback --yes --uncommitted last"), CLI_DONE);
	assert_string_equal(app.asked, "retreat");
	assert_int_equal(run("rollback --yes --source-dead last"), CLI_DONE);
	assert_string_equal(app.asked, "rollback alone");
	assert_int_equal(run("resume --yes --source-dead last"), CLI_DONE);
	assert_string_equal(app.asked, "resume alone");
	assert_int_equal(run("rollback --yes --source-dead --uncommitted last"),
			 CLI_USAGE);
	assert_int_equal(run("resume --yes --source-dead --disks c:/mnt/ last"),
			 CLI_DONE);
	assert_int_equal(run("resume --yes --disks c:/mnt last"), CLI_USAGE);
	assert_int_equal(run("resume --yes --source-dead --disks mnt last"),
			 CLI_USAGE);
	assert_int_equal(app.fence_max_age, 0);
	assert_int_equal(run("resume --yes --source-dead --fence-max-age 30m "
			     "last"),
			 CLI_DONE);
	assert_string_equal(app.asked, "resume alone");
	assert_int_equal(app.fence_max_age, 1800);
	assert_int_equal(run("rollback --yes --source-dead --fence-max-age 90 "
			     "last"),
			 CLI_DONE);
	assert_string_equal(app.asked, "rollback alone");
	assert_int_equal(app.fence_max_age, 90);
	usage("resume --yes --fence-max-age 30m last", "--source-dead");
	usage("rollback --yes --fence-max-age 30m last", "--source-dead");
	usage("resume --yes --source-dead --fence-max-age 0 last",
	      "not a time");
	assert_int_equal(run("resume --yes --source-dead b-aaaaaaaa"),
			 CLI_USAGE);
	assert_int_equal(run("rollback --yes --uncommitted b-aaaaaaaa"),
			 CLI_USAGE);
	assert_int_equal(run("limit last 20M"), CLI_DONE);
	says(out, "limited to 20.0 MiB/s");
	assert_int_equal(journal_asked(j, job.id, "bwlimit", &v, &e), 0);
	assert_int_equal(json_integer_value(v), 20 << 20);
	json_decref(v);
	assert_int_equal(run("limit last off"), CLI_DONE);
	assert_int_equal(journal_asked(j, job.id, "bwlimit", &v, &e), 0);
	assert_int_equal(json_integer_value(v), 0);
	json_decref(v);
	assert_int_equal(run("show last --events"), CLI_DONE);
	says(out, "not limited from now on");
	end_job(j, &job, JOURNAL_DONE);
	assert_int_equal(run("limit last 20M"), CLI_REFUSED);
	says(errors, "is finished");
	assert_int_equal(run("jobs --open -f value"), CLI_DONE);
	assert_string_equal(out, "");
	journal_job_clear(&job);
	job = add_job(j);
	assert_int_equal(run("show j-"), CLI_USAGE);
	says(errors, "2 jobs begin so");
	journal_job_clear(&job);
	journal_close(j);
	unlink(journal);
}

static void t_watch(void **state)
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(journal, &e);
	struct journal_job job = add_job(j);
	struct journal_takeover gone = {.owner = NULL};
	char owner[128], host[64];

	(void)state;
	stop_set(true); /* as if interrupted after the first look */
	assert_int_equal(run("watch last"), CLI_OPEN);
	stop_set(false);
	says(errors, "[ 1/2] claim");
	says(errors, "locked \\x1b[2Jit");
	says(errors, "[ 2/2] stop");
	end_job(j, &job, JOURNAL_ROLLED_BACK);
	assert_int_equal(run("watch last --progress json"), CLI_FAILED);
	says(errors, "\"event\":\"step_start\"");
	/* A process that is no more: no pid is so large. */
	gethostname(host, sizeof(host));
	snprintf(owner, sizeof(owner), "%s pid 99999999", host);
	gone.owner = owner;
	job.state = JOURNAL_ROLLED_BACK;
	assert_int_equal(journal_take(j, &job, &gone, &e), 0);
	assert_int_equal(run("watch last"), CLI_OPEN);
	says(errors, "is gone");
	says(errors, "hint: novahaul resume j-");
	assert_int_equal(run("jobs"), CLI_DONE);
	says(out, "interrupted");
	end_job(j, &job, JOURNAL_DONE);
	assert_int_equal(run("watch last"), CLI_DONE);
	journal_job_clear(&job);
	journal_close(j);
	unlink(journal);
}

static void t_purge(void **state)
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(journal, &e);
	struct journal_job job = add_job(j);

	(void)state;
	end_job(j, &job, JOURNAL_DONE);
	app.report = "{\"job\": \"j-x\", \"allowed\": true, \"bytes\": 7, "
		     "\"paths\": [{\"host\": \"a\", \"path\": \"/p\", "
		     "\"bytes\": 7}]}";
	assert_int_equal(run("purge --dry-run last"), CLI_DONE);
	assert_string_equal(app.asked, "purge-list");
	assert_string_equal(app.job, job.id);
	says(out, "\nJob j-x keeps:\nHOST  BYTES  PATH\na       7 B  /p\n");
	assert_int_equal(run("purge --yes last"), CLI_DONE);
	assert_string_equal(app.asked, "purge");
	assert_true(app.confirmed);
	assert_int_equal(run("purge --older-than 1h --yes"), CLI_NOTHING);
	assert_int_equal(run("purge --older-than 0 --yes"), CLI_USAGE);
	app.report = "{\"job\": \"j-x\", \"allowed\": false, \"reason\": "
		     "\"it moved on\", \"paths\": [{\"host\": \"a\"}]}";
	assert_int_equal(run("purge --yes last"), CLI_REFUSED);
	assert_string_equal(app.asked, "purge-list");
	says(out, "it moved on");
	says(errors, "job j-x may not be purged: it moved on");
	app.report = "{\"job\": \"j-x\", \"allowed\": false, \"reason\": "
		     "\"nothing is kept\", \"paths\": []}";
	assert_int_equal(run("purge --yes last"), CLI_NOTHING);
	assert_string_equal(app.asked, "purge-list");
	journal_job_clear(&job);
	journal_close(j);
	unlink(journal);
}

/* The tables hold together: nothing else would notice. */
static void write_config(const char *text)
{
	int fd = open(config, O_WRONLY | O_TRUNC);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void t_fence(void **state)
{
	(void)state;
	usage("fence --yes", "one HOST, or --list");
	usage("fence h --list", "one HOST, or --list");
	usage("fence --yes -- -x", "no host name");
	usage("fence h --status --show", "only one of");
	usage("fence h --statement x --show --yes", "only one of");
	usage("fence h --statement x --provider agent --yes", "does not go");
	usage("fence h --provider probe", "one of any, command, agent, none");
	usage("fence h --fence-max-age 0", "not a time");
	usage("fence h", "no terminal to ask on");
	usage("fence h --forget", "no terminal to ask on");
	/* Nothing is configured: a yes is no statement. */
	usage("fence h --yes", "nothing is configured");
	assert_string_equal(app.asked, "");
	app.report = "{\"host\": \"h\", \"proven\": true, \"evidence\": "
		     "[]}";
	assert_int_equal(run("fence h --status --fence-max-age 5m"), CLI_DONE);
	assert_string_equal(app.asked, "fence-look");
	assert_string_equal(app.server, "h");
	assert_int_equal(app.req.bwlimit, 300);
	assert_int_equal(run("fence h --show"), CLI_DONE);
	assert_string_equal(app.asked, "fence-show");
	assert_int_equal(run("fence --list -f json"), CLI_DONE);
	assert_string_equal(app.asked, "fence-list");
	assert_int_equal(run("fence h --forget --yes"), CLI_DONE);
	assert_string_equal(app.asked, "fence-forget");
	assert_int_equal(run("fence h --yes --by me --statement s --reason r"),
			 CLI_DONE);
	assert_string_equal(app.asked, "fence-look");
	assert_string_equal(app.to, "any/s/me/r");
	assert_int_equal(run("fence h --provider none --yes"), CLI_DONE);
	assert_string_equal(app.asked, "fence-look");
	app.fails = ERR_FENCE;
	assert_int_equal(run("fence h --show"), CLI_UNFENCED);
	assert_int_equal(CLI_UNFENCED, 6);
}

/* On a terminal: the statement is typed, and is the yes. */
static void t_fence_typed(void **state)
{
	(void)state;
	typed = "h is off\nJane Roe\npulled the cord\n";
	assert_int_equal(run("fence h"), CLI_DONE);
	says(errors, "type \"h is off\": ");
	assert_string_equal(app.asked, "fence-look");
	assert_string_equal(app.to, "any/h is off/Jane Roe/pulled the cord");
	assert_true(app.confirmed);
	/* What is configured is asked about. */
	write_config("[fence]\nagent = fence_toy\n");
	app.asked[0] = '\0';
	typed = "h is off\n";
	assert_int_equal(run("fence h"), CLI_REFUSED);
	says(errors, "Switch host h off, with all that runs on it? [y/N]");
	assert_string_equal(app.asked, "");
	typed = "y\n";
	assert_int_equal(run("fence h"), CLI_DONE);
	assert_string_equal(app.asked, "fence");
	write_config("");
	typed = NULL;
}

static void t_readmit(void **state)
{
	(void)state;
	usage("readmit", "HOST is missing");
	usage("readmit h", "no terminal to ask on");
	usage("readmit --yes -- -x", "no host name");
	app.end = TXN_DONE;
	app.report = "{\"host\": \"h\", \"service_waits\": true, "
		     "\"findings\": [{\"name\": \"web-1\", \"kind\": "
		     "\"domain-left\", \"message\": \"it is there\"}]}";
	assert_int_equal(run("readmit h --dry-run"), CLI_DONE);
	assert_string_equal(app.asked, "readmit-look");
	says(out, "it is there");
	assert_int_equal(run("readmit h --yes"), CLI_DONE);
	assert_string_equal(app.asked, "readmit");
	says(out, "its nova-compute may start");
	app.fails = ERR_REFUSED;
	assert_int_equal(run("readmit h --yes"), CLI_REFUSED);
	assert_string_equal(app.asked, "readmit-look");
	app.fails = ERR_NOTHING;
	assert_int_equal(run("readmit h --yes"), CLI_NOTHING);
	/* An open job is told by the exit code, whatever its error. */
	app.fails = ERR_NONE;
	app.end = TXN_OPEN;
	assert_int_equal(run("readmit h --yes"), CLI_OPEN);
}

static void t_table(void **state)
{
	(void)state;
	for (const struct cmd *const *c = cli_commands; *c; c++) {
		char *help = mem_printf("help %s", (*c)->name);

		assert_ptr_equal(cli_find((*c)->name, (*c)->verb), *c);
		assert_int_equal(run(help), CLI_DONE);
		says(out, (*c)->summary);
		mem_free(help);
		for (const struct opt *o = (*c)->opts; o->type; o++) {
			assert_true(o->offset < (*c)->args_size);
			assert_true(strlen(o->help) < 60);
			assert_true((o->type == OPT_CHOICE) == !!o->choices);
			for (const struct opt *g = cli_global_opts; g->type;
			     g++) {
				assert_string_not_equal(o->name, g->name);
				assert_true(!o->key || o->key != g->key);
			}
		}
	}
}

/* bash takes the script, and completes what the tables say. */
static void t_completion(void **state)
{
	(void)state;
	assert_int_equal(run("completion"), CLI_DONE);
	says(out, "complete -F _novahaul novahaul\n");
	says(out, "move:--route) COMPREPLY=($(compgen -W \"auto offline");
	says(out, " --no-precopy ");
}

static void t_evacuate(void **state)
{
	(void)state;
	app.report = "{\"kind\": \"evacuate\", \"host\": \"h1\", "
		     "\"members\": [{\"instance\": {\"name\": \"web1\"}, "
		     "\"source\": \"h1\", \"target\": \"h2\"}]}";
	usage("evacuate --yes", "HOST is missing");
	usage("evacuate a/b --yes", "no host name");
	usage("evacuate h1 --to h2,-x --yes", "no host name");
	usage("evacuate h1 --pack tight --yes", "one of spread, fill");
	usage("evacuate h1", "no terminal to ask on");
	assert_int_equal(run("evacuate h1 --to h2,h3 --pack fill --parallel 6 "
			     "--per-source 5 --per-target 3 --max-failures 2 "
			     "--most-per-target 700 --bwlimit 20M --no-start "
			     "--dry-run"),
			 CLI_DONE);
	assert_string_equal(app.asked, "evacuate");
	assert_string_equal(app.server, "h1 fill");
	assert_string_equal(app.to, "h2 h3");
	assert_int_equal(app.limits.parallel, 6);
	assert_int_equal(app.limits.per_source, 5);
	assert_int_equal(app.limits.per_target, 3);
	assert_int_equal(app.limits.most_per_target, 700);
	assert_int_equal(app.limits.max_failures, 2);
	assert_int_equal(app.limits.bwlimit, 20 << 20);
	/* The limit is the whole's, not each one's. */
	assert_int_equal(app.req.bwlimit, 0);
	assert_true(app.req.no_start);
	says(out, "web1");
	assert_int_equal(run("evacuate h1 --yes -f json"), CLI_DONE);
	assert_string_equal(app.asked, "batch");
	assert_true(app.confirmed);
	says(out, "\"exit_code\": 0");
	app.job_fails = ERR_FAILED;
	assert_int_equal(run("evacuate h1 --yes"), CLI_OPEN);
	app.job_fails = ERR_NONE;
	/* Done, and yet somebody stays. */
	app.report = "{\"host\": \"h1\", \"members\": [], \"nowhere\": [{"
		     "\"instance\": {\"name\": \"big\"}, \"why\": \"RAM\"}]}";
	assert_int_equal(run("evacuate h1 --yes"), CLI_FAILED);
	says(out, "RAM");
	says(errors, "1 instances stay");
}

/* What a child is told is what its parent was. */
static void t_words(void **state)
{
	struct app_request r = {.route = APP_ROUTE_COLD,
				.control = APP_CONTROL_DIRECT,
				.delta = APP_DELTA_WHOLE,
				.transport = APP_TRANSPORT_RELAY,
				.precopy = APP_YES,
				.precopy_max = 3,
				.precopy_time = 7,
				.bwlimit = 12345678,
				.streams = 2,
				.stop_timeout = 9,
				.no_start = true,
				.verify_deep = true,
				.verify_full = true,
				.detach_volumes = true,
				.copy_console_log = true,
				.whole_group = true};
	struct strv v = STRV_INIT;
	AUTO(mem_freep) char *words = NULL;
	AUTO(mem_freep) char *line = NULL;

	(void)state;
	app.report = "{\"verdict\": \"ok\", \"checks\": []}";
	request_words(&r, &v);
	words = strv_join(&v, " ");
	strv_clear(&v);
	line = mem_printf("check s --to h %s", words);
	assert_int_equal(run(line), CLI_DONE);
	app.req.server = app.req.to = NULL;
	assert_memory_equal(&app.req, &r, sizeof(r));
	r = (struct app_request){.precopy = APP_NO};
	request_words(&r, &v);
	mem_free(line);
	mem_free(words);
	words = strv_join(&v, " ");
	strv_clear(&v);
	line = mem_printf("check s --to h %s", words);
	assert_int_equal(run(line), CLI_DONE);
	app.req.server = app.req.to = NULL;
	assert_memory_equal(&app.req, &r, sizeof(r));
}

static void make_batch_of(const char *kind, char id[JOURNAL_ID_MAX])
{
	struct err e = ERR_INIT;
	struct journal *j = journal_open(journal, &e);
	json_t *p = json_pack("{s:s s:s s:[{s:{s:s s:s} s:s s:s}]}", "kind",
			      kind, "host", "h1", "members", "instance", "uuid",
			      "11111111-1111-4111-8111-111111111111", "name",
			      "web1", "source", "h1", "target", "h2");
	struct batch b = {0};

	assert_non_null(j);
	assert_int_equal(batch_create(j, p, "elsewhere pid 1", &b, &e), 0);
	memcpy(id, b.id, JOURNAL_ID_MAX);
	json_decref(p);
	batch_clear(&b);
	journal_close(j);
}

static void t_batches(void **state)
{
	static const char *const each[] = {
		"show", "resume --yes", "rollback --yes", "pause", "continue"};
	char id[JOURNAL_ID_MAX], line[64];

	(void)state;
	make_batch_of("evacuate", id);
	for (size_t i = 0; i < ARRAY_SIZE(each); i++) {
		snprintf(line, sizeof(line), "%s b-", each[i]);
		assert_int_equal(run(line), CLI_DONE);
	}
	app.report = "{\"kind\": \"return\", \"host\": \"h1\", \"members\": "
		     "[], \"left\": [{\"instance\": {\"name\": \"web2\"}, "
		     "\"why\": \"gone\"}]}";
	assert_int_equal(run("return b- --parallel 3 --yes"), CLI_DONE);
	assert_int_equal(app.limits.parallel, 3);
	assert_memory_equal(app.server, id, strlen(id));
	says(out, "web2");
	app.report = "{\"kind\": \"evacuate\", \"host\": \"h1\", "
		     "\"members\": [], \"warnings\": [\"h2 is nearly full\"]}";
	assert_int_equal(run("evacuate h1 --dry-run"), CLI_DONE);
	says(out, "warning: h2 is nearly full");
	assert_int_equal(run("return h1 --dry-run"), CLI_DONE);
	assert_string_equal(app.server, "- h1");
	usage("return b-zzz --yes", "no such batch");
	usage("return h1", "no terminal to ask on");
	assert_int_equal(run("rollback b- --yes"), CLI_DONE);
	usage("show b-zzz", "no such batch");
	assert_string_equal(app.asked, "batch-rollback");
	assert_string_equal(app.job, id);
	assert_true(app.confirmed);
	assert_int_equal(app.alone, APP_ALONE_NOT);
	assert_int_equal(run("rollback b- --yes --source-dead"), CLI_DONE);
	assert_string_equal(app.asked, "batch-rollback");
	assert_int_equal(app.alone, APP_ALONE_ROLLBACK);
	assert_int_equal(run("resume b- --yes --source-dead --disks c:/mnt "
			     "--fence-max-age 1h"),
			 CLI_DONE);
	assert_string_equal(app.asked, "batch-resume");
	assert_int_equal(app.alone, APP_ALONE_RESUME);
	assert_string_equal(app.disks, "c:/mnt");
	assert_int_equal(app.fence_max_age, 3600);
	assert_int_equal(run("resume b- --yes"), CLI_DONE);
	assert_int_equal(app.alone, APP_ALONE_NOT);
	usage("resume b- --yes --disks c:/mnt", "--source-dead");
	usage("rollback b- --yes --uncommitted", "is for a job");
	assert_int_equal(run("limit b- 20M"), CLI_DONE);
	says(out, "batch b-");
	assert_int_equal(run("show b- --events"), CLI_DONE);
	says(out, "web1");
	says(out, "paused: no further member begins");
	says(out, "limited to 20.0 MiB/s");
	assert_int_equal(run("jobs"), CLI_DONE);
	says(out, id);
	says(out, "evacuate, 0 of 1");
}

static int reset(void **state)
{
	(void)state;
	typed = NULL;
	memset(&app, 0, sizeof(app));
	return 0;
}

static int setup(void **state)
{
	int fd;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/nh-cli-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(journal, sizeof(journal), "%s/journal.db", dir);
	snprintf(config, sizeof(config), "%s/novahaul.conf", dir);
	fd = open(config, O_WRONLY | O_CREAT, 0600);
	close(fd);
	return fd < 0;
}

static int teardown(void **state)
{
	AUTO(mem_freep) char *reserve = mem_printf("%s.reserve", journal);

	(void)state;
	unlink(config);
	unlink(journal);
	unlink(reserve);
	return rmdir(dir);
}

static void t_rescue(void **state)
{
	(void)state;
	app.inventory = "{\"database\": null, \"servers\": ["
			"{\"server\": \"s1\", \"state\": \"complete\"},"
			"{\"server\": \"s2\", \"state\": \"no disks\"},"
			"{\"server\": \"s3\", \"state\": \"complete\"}]}";
	app.report = "{\"verdict\": \"ok\", \"checks\": [], \"steps\": []}";
	app.end = TXN_DONE;
	/* the list needs neither a proof nor a yes */
	app.unfenced = true;
	assert_int_equal(run("rescue h1 --disks h2:/d --list"), CLI_DONE);
	assert_string_equal(app.asked, "inventory");
	assert_string_equal(app.server, "h2");
	assert_string_equal(app.job, "/d");
	says(out, "no disks");
	assert_true(app.dead.inspect);
	/* what is beside it is found by how it ends */
	assert_int_equal(run("rescue h1 --disks h2:/d/e// --list"), CLI_DONE);
	assert_string_equal(app.job, "/d/e");
	assert_int_equal(run("rescue h1 --disks h2:/d --list --no-inspect"),
			 CLI_DONE);
	assert_false(app.dead.inspect);
	/* all else needs it, before anything is looked at */
	app.asked[0] = '\0';
	assert_int_equal(run("rescue h1 --disks /d --to b --yes"),
			 CLI_UNFENCED);
	assert_string_equal(app.asked, "");
	app.unfenced = false;
	app.report = "{\"verdict\": \"ok\", \"steps\": [], \"checks\": ["
		     "{\"name\": \"domain\", \"result\": \"warn\", "
		     "\"message\": \"it is started a second time\", "
		     "\"hint\": \"remove the link\"}, {\"name\": \"cpu\", "
		     "\"result\": \"pass\", \"message\": \"fits\"}]}";
	assert_int_equal(run("rescue h1 --disks /d --to b -n s1"), CLI_DONE);
	/* not only for programs */
	says(out, "warning: domain: it is started a second time");
	says(out, "hint: domain: remove the link");
	assert_null(strstr(out, "fits"));
	/* of all, those that are complete, at once */
	assert_int_equal(run("rescue h1 --disks /d --to b --yes"), CLI_DONE);
	assert_string_equal(app.asked, "batch");
	assert_true(app.confirmed);
	assert_string_equal(app.to, "b");
	says(out, "s2 is left: no disks");
	/* what was warned of, of each */
	says(out, "warning: s3: it is started a second time (remove the link)");
	assert_int_equal(app.members, 2);
	assert_string_equal(app.server, "s1");
	assert_string_equal(app.dead_host, "localhost");
	assert_int_equal(app.dead.fence_max_age, 900);
	assert_int_equal(app.dead.record, APP_RECORD_MIGRATION);
	assert_false(app.dead.adopt);
	assert_int_equal(run("rescue h1 --disks /d --to b -n --route adopt s9"),
			 CLI_DONE);
	assert_true(app.dead.adopt);
	assert_int_equal(run("rescue h1 --disks /d --to b -n --route direct "
			     "s9"),
			 CLI_DONE);
	assert_false(app.dead.adopt);
	assert_int_equal(run("rescue h1 --disks /d --to b -n --record "
			     "evacuation --fence-max-age 30m s9"),
			 CLI_DONE);
	assert_string_equal(app.asked, "plan");
	assert_string_equal(app.server, "s9");
	assert_int_equal(app.dead.fence_max_age, 1800);
	assert_int_equal(app.dead.record, APP_RECORD_EVACUATION);
}

/* What is inside, in words for people, and as it is for programs. */
static void t_rescue_inside(void **state)
{
	(void)state;
	app.unfenced = true;
	app.inventory =
		"{\"database\": null, \"servers\": ["
		"{\"server\": \"s1\", \"state\": \"complete\", \"os\": "
		"[{\"product\": \"Debian 12\", \"hostname\": \"web-1\"}, "
		"{\"product\": \"unknown\", \"distro\": \"fedora\"}], "
		"\"filesystems\": [{\"type\": \"ext4\", \"label\": "
		"\"root\", \"size\": 33554432}, {\"type\": \"swap\", "
		"\"label\": null, \"size\": 1024}]},"
		"{\"server\": \"s2\", \"state\": \"complete\", \"os\": null, "
		"\"filesystems\": null, \"unread\": \"torn header\"}]}";
	assert_int_equal(run("rescue h1 --disks h2:/d --list"), CLI_DONE);
	says(out, "Debian 12, web-1; fedora");
	says(out, "ext4 root 32.0 MiB, swap 1.0 KiB");
	says(out, "not looked into: torn header");
	assert_int_equal(run("rescue h1 --disks h2:/d --list -f json"),
			 CLI_DONE);
	says(out, "\"hostname\": \"web-1\"");
	says(out, "\"unread\": \"torn header\"");
	assert_null(strstr(out, "os_text"));
}

/* Of several, one that fails stops no other. */
static void t_rescue_some(void **state)
{
	(void)state;
	app.report = "{\"verdict\": \"ok\", \"checks\": [], \"steps\": []}";
	app.end = TXN_ROLLED_BACK;
	app.job_fails = ERR_FAILED;
	assert_int_equal(run("rescue h1 --disks /d --to b --yes s1"),
			 CLI_FAILED);
	assert_string_equal(app.asked, "apply");
	app.end = TXN_OPEN;
	assert_int_equal(run("rescue h1 --disks /d --to b --yes s1"), CLI_OPEN);
	assert_int_equal(run("rescue h1 --disks /d --to b --yes s1 s2"),
			 CLI_OPEN);
	assert_string_equal(app.asked, "batch");
	app.job_fails = ERR_NONE;
	app.end = TXN_DONE;
	assert_int_equal(run("rescue h1 --disks /d --to b --yes s1 refused s2 "
			     "s1 --parallel 7 --per-target 6 --max-failures 2 "
			     "--bwlimit 1M --fence-max-age 30m --no-start"),
			 CLI_REFUSED);
	says(errors, "it is refused");
	says(out, "STAYS");
	assert_int_equal(app.members, 2); /* s1 is one */
	assert_int_equal(app.limits.parallel, 7);
	assert_int_equal(app.limits.per_target, 6);
	assert_int_equal(app.limits.max_failures, 2);
	assert_int_equal(app.limits.bwlimit, 1 << 20);
	assert_int_equal(app.req.bwlimit, 0);
	assert_true(app.req.no_start);
	assert_int_equal(app.dead.fence_max_age, 1800);
	/* where one is left, it is a plain job */
	assert_int_equal(run("rescue h1 --disks /d --to b --yes s1 refused"),
			 CLI_REFUSED);
	assert_string_equal(app.asked, "apply");
	assert_string_equal(app.of_batch, "");
	/* a proof that aged meanwhile */
	app.end = TXN_ROLLED_BACK;
	app.job_fails = ERR_FENCE;
	assert_int_equal(run("rescue h1 --disks /d --to b --yes s1"),
			 CLI_UNFENCED);
	/* without a database nobody says which there are */
	app.inventory = "{\"database\": \"down\", \"servers\": []}";
	assert_int_equal(run("rescue h1 --disks /d --to b --yes"), CLI_FAILED);
	says(errors, "down");
	app.inventory = "{\"database\": null, \"servers\": []}";
	assert_int_equal(run("rescue h1 --disks /d --to b --yes"), CLI_NOTHING);
}

/* What a batch begins: one server, planned anew where others that are at work
 * have changed the facts. */
static void t_rescue_member(void **state)
{
	static const char words[] = "rescue h1 s1 --disks /d --to b --yes "
				    "--batch b-aaaaaaaa:3:2";

	(void)state;
	app.report = "{\"verdict\": \"ok\", \"checks\": [], \"steps\": []}";
	app.end = TXN_DONE;
	app.overtaken = 2;
	app.plans = 0;
	assert_int_equal(run(words), CLI_DONE);
	assert_int_equal(app.plans, 3);
	assert_string_equal(app.of_batch, "b-aaaaaaaa");
	assert_true(app.just_planned);
	app.overtaken = 3;
	assert_int_equal(run(words), CLI_REFUSED);
	app.overtaken = 0;
	/* what does not answer is tried again, as one that is locked */
	app.fails = ERR_RETRY;
	assert_int_equal(run(words), CLI_LOCKED);
	app.fails = ERR_FENCE;
	assert_int_equal(run(words), CLI_UNFENCED);
	app.fails = ERR_NONE;
	usage("rescue h1 --disks /d --to b --yes --batch b-aaaaaaaa:3:2",
	      "of one server");
	usage("rescue h1 s1 --disks /d --to b --yes --batch b-aaaaaaaa:3",
	      "not ID:MEMBER:EPOCH");
}

/* A file of its own for the words of `run`. */
static void t_run(void **state)
{
	static const char book[] =
		"version: 1\nname: n\nvariables:\n  h: {type: host, "
		"required: "
		"yes}\n  l: {type: hosts}\nsteps:\n"
		"  - {name: '${h}', type: audit, hosts: '${l}'}\n";
	AUTO(mem_freep) char *path = mem_printf("%s/book.yaml", dir);
	AUTO(mem_freep) char *vars = mem_printf("%s/vars.yaml", dir);
	AUTO(mem_freep) char *line = NULL;
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];

	(void)state;
	app.end = TXN_DONE;
	assert_int_equal(cli_write_file(path, book, &e), 0);
	assert_int_equal(cli_write_file(vars, "h: c7\n", &e), 0);
	line = mem_printf("run %s --var h=c1 --var l=c2,c3 --yes", path);
	assert_int_equal(run(line), CLI_DONE);
	assert_string_equal(app.asked, "book");
	assert_string_equal(app.server, "n");
	assert_true(app.confirmed);
	says(out, "done");
	mem_free(line);
	line = mem_printf("run %s --vars %s -n", path, vars);
	assert_int_equal(run(line), CLI_DONE);
	assert_string_equal(app.asked, "book-dry");
	assert_false(app.confirmed);
	says(out, "c7");
	mem_free(line);
	line = mem_printf("run %s --yes", path);
	assert_int_equal(run(line), CLI_USAGE);
	says(errors, "book.yaml:4:3: variable 'h' is required and not set");
	says(errors, "--var h=..., with the name of a host");
	mem_free(line);
	line = mem_printf("run %s --var h=c1", path);
	usage(line, "no terminal to ask on");
	assert_int_equal(run("run /no/such/file --yes"), CLI_USAGE);
	says(errors, "/no/such/file");
	/* its batch goes where runs go */
	make_batch_of("run", id);
	mem_free(line);
	line = mem_printf("resume %s --yes", id);
	assert_int_equal(run(line), CLI_DONE);
	assert_string_equal(app.asked, "book-resume");
	assert_string_equal(app.job, id);
	mem_free(line);
	line = mem_printf("rollback %s --yes", id);
	assert_int_equal(run(line), CLI_DONE);
	assert_string_equal(app.asked, "book-rollback");
	mem_free(line);
	line = mem_printf("rollback %s --source-dead --yes", id);
	usage(line, "is a run");
	mem_free(line);
	line = mem_printf("resume %s --source-dead --yes", id);
	usage(line, "is a run");
	unlink(path);
	unlink(vars);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(t_usage, reset),
		cmocka_unit_test_setup(t_yes, reset),
		cmocka_unit_test_setup(t_request, reset),
		cmocka_unit_test_setup(t_check, reset),
		cmocka_unit_test_setup(t_move, reset),
		cmocka_unit_test_setup(t_overtaken, reset),
		cmocka_unit_test_setup(t_from, reset),
		cmocka_unit_test_setup(t_silent, reset),
		cmocka_unit_test_setup(t_asks, reset),
		cmocka_unit_test_setup(t_plan_and_apply, reset),
		cmocka_unit_test_setup(t_no_journal, reset),
		cmocka_unit_test_setup(t_jobs, reset),
		cmocka_unit_test_setup(t_watch, reset),
		cmocka_unit_test_setup(t_purge, reset),
		cmocka_unit_test_setup(t_fence, reset),
		cmocka_unit_test_setup(t_fence_typed, reset),
		cmocka_unit_test_setup(t_readmit, reset),
		cmocka_unit_test_setup(t_evacuate, reset),
		cmocka_unit_test_setup(t_words, reset),
		cmocka_unit_test_setup(t_batches, reset),
		cmocka_unit_test_setup(t_rescue, reset),
		cmocka_unit_test_setup(t_rescue_inside, reset),
		cmocka_unit_test_setup(t_rescue_some, reset),
		cmocka_unit_test_setup(t_rescue_member, reset),
		cmocka_unit_test_setup(t_run, reset),
		cmocka_unit_test_setup(t_table, reset),
		cmocka_unit_test_setup(t_completion, reset),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
