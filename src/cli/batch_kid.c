/* SPDX-License-Identifier: Apache-2.0 */
/* The process of one member: its words, and what it says. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/app_batch_priv.h"
#include "cli/app_rescue.h"
#include "cli/request.h"
#include "core/log.h"
#include "core/str.h"

enum { HEARD_MOST = 1 << 20 };

extern char **environ;

/* This program, whatever its name was replaced by meanwhile. */
static void add_self(struct strv *v)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (n > 0)
		path[n] = '\0';
	strv_add(v, n > 0 && !access(path, X_OK) ? path : "/proc/self/exe");
}

static void add_globals(const struct run *r, struct strv *v)
{
	const struct app *a = r->a;

	add_self(v);
	if (a->config->file)
		strv_addf(v, "--config=%s", a->config->file);
	/* What the configuration says need not stand in an argv. */
	if (a->journal && !str_is(a->journal, a->config->journal))
		strv_addf(v, "--journal=%s", a->journal);
	strv_addv(v, (const char *const[]){"--yes", "--format=json",
					   "--progress=json", NULL});
}

static int add_move(struct run *r, size_t i, struct strv *v, struct err *e)
{
	const struct batch_member *m = &r->b->members[i];
	struct app_request req = {0};

	if (app_batch_options(r->b->plan, i, &req, e))
		return -1;
	req.bwlimit = share_first(r);
	req.whole_group = true; /* as the plan has them */
	strv_add(v, "move");
	strv_add(v, m->instance);
	strv_addf(v, "--to=%s", m->target);
	/* Who goes home is moved from wherever it is. */
	if (m->source && str_is(r->b->kind, "evacuate"))
		strv_addf(v, "--from=%s", m->source);
	strv_addf(v, "--batch=%s:%zu:%" PRIu64, r->b->id, i, r->k.epoch);
	request_words(&req, v);
	return 0;
}

/* Each asks for the proof again, right before it goes on. */
static void add_alone(const struct app *a, struct strv *v)
{
	strv_add(v, "--source-dead");
	if (a->disks_path)
		strv_addf(v, "--disks=%s:%s", a->disks_host, a->disks_path);
	if (a->fence_max_age)
		strv_addf(v, "--fence-max-age=%u", a->fence_max_age);
}

static int add_rescue(struct run *r, size_t i, struct strv *v, struct err *e)
{
	const struct batch_member *m = &r->b->members[i];
	struct app_request req = {0};
	struct app_dead dead;

	if (app_batch_options(r->b->plan, i, &req, e) ||
	    app_rescue_dead(r->b->plan, &dead, e))
		return -1;
	req.bwlimit = share_first(r);
	strv_add(v, "rescue");
	strv_add(v, dead.from);
	strv_add(v, m->instance);
	strv_addf(v, "--to=%s", m->target);
	strv_addf(v, "--batch=%s:%zu:%" PRIu64, r->b->id, i, r->k.epoch);
	request_dead_words(&req, &dead, v);
	return 0;
}

static int add_begin(struct run *r, size_t i, struct strv *v, struct err *e)
{
	return app_is_rescue(r->b) ? add_rescue(r, i, v, e)
				   : add_move(r, i, v, e);
}

static void add_resume(const struct run *r, struct kid *k)
{
	const char *job = r->b->members[k->member].job;
	bool back = r->a->alone ? r->a->alone == APP_ALONE_ROLLBACK
				: r->b->dir == JOURNAL_BACKWARD || k->retreats;

	strv_add(&k->argv, back ? "rollback" : "resume");
	if (k->retreats)
		strv_add(&k->argv, "--uncommitted");
	if (r->a->alone)
		add_alone(r->a, &k->argv);
	strv_add(&k->argv, job);
	memcpy(k->job, job, sizeof(k->job));
}

int kid_start(struct run *r, size_t i, enum sched_what what, struct err *e)
{
	struct kid *k = &r->kids[i];
	bool resume = what != SCHED_START;

	kid_clear(k);
	k->member = i;
	k->resumes = resume;
	k->retreats = what == SCHED_RETREAT;
	k->c.out = k->c.err = -1;
	k->c.pid = -1;
	add_globals(r, &k->argv);
	if (resume)
		add_resume(r, k);
	else if (add_begin(r, i, &k->argv, e))
		return -1;
	k->c.argv = k->argv.v;
	/* Its own: the keys, the clouds and the configuration it works with are
	 * named there. */
	k->c.env = environ;
	if (proc_start(&k->c, e))
		return -1;
	k->share = resume ? 0 : share_first(r);
	k->alive = true;
	return 0;
}

void kid_clear(struct kid *k)
{
	if (k->alive)
		proc_end(&k->c, 0);
	strv_clear(&k->argv);
	buf_clear(&k->out);
	buf_clear(&k->err);
	mem_free(k->error);
	mem_free(k->hint);
	*k = (struct kid){0};
}

void kid_tell_all(struct run *r)
{
	for (size_t i = 0; i < r->b->nmembers; i++) {
		struct kid *k = &r->kids[i];

		if (k->alive && !k->told)
			proc_signal(&k->c, SIGTERM);
		k->told = k->alive;
	}
}

/* --- what it says */

static const char *word(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static uint64_t number(const json_t *o, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(o, key));

	return n > 0 ? (uint64_t)n : 0;
}

static bool copies(const char *step)
{
	return !strcmp(step, "precopy") || !strcmp(step, "final-copy") ||
	       !strcmp(step, "stage-base");
}

static void step_begins(struct kid *k, const json_t *o)
{
	const char *step = word(o, "step");

	snprintf(k->step, sizeof(k->step), "%s", step);
	k->idx = (unsigned)number(o, "index");
	k->nsteps = (unsigned)number(o, "steps");
	k->back = !strcmp(word(o, "direction"), "backward");
	k->copies = copies(step) && !k->back;
	k->done = k->total = 0;
}

static void heard_event(struct run *r, struct kid *k, const json_t *o)
{
	const char *event = word(o, "event");

	if (*word(o, "job"))
		snprintf(k->job, sizeof(k->job), "%s", word(o, "job"));
	if (!strcmp(event, "step_start")) {
		step_begins(k, o);
	} else if (!strcmp(event, "step_end")) {
		/* What it brings of bases is there. */
		if (!strcmp(word(o, "step"), "stage-base") && !k->back)
			sched_staged(r->s, k->member);
		k->copies = false;
	} else if (!strcmp(event, "progress")) {
		k->done = number(o, "done");
		k->total = number(o, "total");
	}
}

static void heard_line(struct run *r, struct kid *k, const char *line)
{
	json_t *o = *line == '{' ? json_loads(line, 0, NULL) : NULL;

	if (o) {
		heard_event(r, k, o);
		json_decref(o);
	} else if (!strncmp(line, "error: ", 7)) {
		mem_free(k->error);
		k->error = mem_strdup(line + 7);
	} else if (!strncmp(line, "hint: ", 6)) {
		mem_free(k->hint);
		k->hint = mem_strdup(line + 6);
	} else if (*line) {
		log_info("%s: %s", r->b->members[k->member].name, line);
	}
}

static void heard_lines(struct run *r, struct kid *k)
{
	struct buf *b = &k->err;
	size_t from = 0;
	char *nl;

	while (from < b->len &&
	       (nl = memchr(b->p + from, '\n', b->len - from))) {
		*nl = '\0';
		heard_line(r, k, b->p + from);
		from = (size_t)(nl - b->p) + 1;
	}
	if (!from && b->len < HEARD_MOST)
		return;
	memmove(b->p, b->p + from, b->len - from);
	b->len = from ? b->len - from : 0;
	b->p[b->len] = '\0';
}

bool kid_hear(struct run *r, struct kid *k)
{
	bool ended = proc_over(&k->c);

	proc_read(&k->c.out, &k->out);
	buf_reset(&k->out); /* the journal has it all */
	/* After its end: all that is still in the pipe. */
	for (int n = ended ? 64 : 1; n && k->c.err >= 0; n--) {
		proc_read(&k->c.err, &k->err);
		heard_lines(r, k);
	}
	if (!ended)
		return false;
	proc_end(&k->c, 0);
	k->alive = k->copies = false;
	return true;
}
