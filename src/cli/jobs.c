/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands read from the journal. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/app_priv.h"
#include "cli/cli_priv.h"
#include "report/downtime.h"
#include "core/clock.h"

struct journal *cli_journal_open(const struct cli *c, bool read, struct err *e)
{
	bool shared = app_journal_shared(&c->app);
	const char *path = shared ? NULL : app_journal_file(&c->app, e);
	struct journal *j;

	if (!path && !shared)
		return NULL;
	if (path && read && access(path, F_OK) && errno == ENOENT)
		return NULL;
	j = app_journal(&c->app, e);
	if (!j)
		err_wrap(e, "journal");
	return j;
}

void cli_journal_closep(struct journal **j)
{
	journal_close(*j);
}

/* A search for the job that WORD means. */
struct search {
	const char *word;
	char id[JOURNAL_ID_MAX];
	size_t n;
	bool exact, newest;
};

static bool match(void *arg, const struct journal_job *job)
{
	struct search *s = arg;
	const char *bare = job->id + (strncmp(job->id, "j-", 2) ? 0 : 2);
	size_t len = strlen(s->word);

	if (s->newest || !strncmp(job->id, s->word, len) ||
	    !strncmp(bare, s->word, len)) {
		memcpy(s->id, job->id, sizeof(s->id));
		s->n++;
		s->exact = !strcmp(job->id, s->word);
	}
	return !s->exact && !s->newest;
}

int cli_job_id(struct journal *j, const char *word, char id[JOURNAL_ID_MAX],
	       struct err *e)
{
	struct search s = {.word = word, .newest = !strcmp(word, "last")};

	if (!*word) {
		err_set(e, ERR_USAGE, "an empty word is no job");
		return err_hint(e, "novahaul jobs");
	}
	if (j && journal_jobs(j, match, &s, e))
		return err_wrap(e, "looking for job %s", word);
	if (s.n == 1 || s.exact || (s.n && s.newest)) {
		memcpy(id, s.id, sizeof(s.id));
		return 0;
	}
	if (s.n)
		err_set(e, ERR_USAGE, "job %s: %zu jobs begin so", word, s.n);
	else
		err_set(e, ERR_USAGE, "job %s: no such job in %s", word,
			j ? journal_path(j)
			  : "the journal, which is not there "
			    "yet");
	return err_hint(e, "novahaul jobs");
}

int cli_job_word(const struct cli *c, const char *word, char id[JOURNAL_ID_MAX],
		 struct err *e)
{
	AUTO(cli_journal_closep)
	struct journal *j = cli_journal_open(c, true, e);

	if (!j && e->kind != ERR_NONE)
		return -1;
	return cli_job_id(j, word, id, e);
}

enum cli_alive cli_job_alive(const struct journal_job *job)
{
	switch (job->pulse) {
	case PULSE_BEATS:
		return CLI_ALIVE_YES;
	case PULSE_NONE:
		return CLI_ALIVE_NO;
	case PULSE_UNKNOWN:
		break;
	}
	switch (app_owner_alive(job->owner)) {
	case APP_ALIVE_YES:
		return CLI_ALIVE_YES;
	case APP_ALIVE_NO:
		return CLI_ALIVE_NO;
	case APP_ALIVE_UNKNOWN:
		break;
	}
	return CLI_ALIVE_UNKNOWN;
}

static void put_time(json_t *o, const char *key, int64_t us)
{
	char iso[CLOCK_ISO_MAX];

	if (!us)
		return;
	clock_iso(us, iso);
	json_object_set_new(o, key, json_string(iso));
}

static json_t *step_json(const struct journal_step *s)
{
	json_t *o = json_pack(
		"{s:I s:s* s:s s:i s:I s:I}", "nr", (json_int_t)s->idx + 1,
		"step", s->name, "state", journal_mark_name(s->mark),
		"attempts", (int)s->attempt, "bytes_sent", (json_int_t)s->sent,
		"bytes_read", (json_int_t)s->read);

	put_time(o, "started", s->started_us);
	put_time(o, "ended", s->ended_us);
	if (s->started_us && s->ended_us >= s->started_us)
		json_object_set_new(
			o, "seconds",
			json_real((double)((s->ended_us - s->started_us + 500) /
					   1000) /
				  1e3));
	return o;
}

/* "running" and "interrupted" are what a person calls an open job. */
static const char *state_of(const struct journal_job *job)
{
	if (job->state != JOURNAL_OPEN)
		return journal_state_name(job->state);
	switch (cli_job_alive(job)) {
	case CLI_ALIVE_YES:
		return "running";
	case CLI_ALIVE_NO:
		return "interrupted";
	case CLI_ALIVE_UNKNOWN:
		break;
	}
	return journal_state_name(job->state);
}

static void put_steps(json_t *o, const struct journal_job *job)
{
	json_t *steps = json_array();
	const char *current = NULL;
	size_t done = 0;

	for (size_t i = 0; i < job->nsteps; i++) {
		const struct journal_step *s = &job->steps[i];

		json_array_append_new(steps, step_json(s));
		done += s->mark == MARK_DONE || s->mark == MARK_SKIPPED;
		if (s->mark == MARK_RUNNING || s->mark == MARK_UNDOING)
			current = s->name;
	}
	json_object_set_new(o, "steps", steps);
	json_object_set_new(o, "steps_done", json_integer((json_int_t)done));
	json_object_set_new(o, "steps_total",
			    json_integer((json_int_t)job->nsteps));
	if (current)
		json_object_set_new(o, "step", json_string(current));
}

json_t *cli_job_json(struct journal *j, const struct journal_job *job)
{
	struct err e = ERR_INIT;
	uint64_t kept = 0;
	json_t *o = json_pack(
		"{s:s s:s s:s s:s* s:{s:s* s:s*} s:s* s:s* s:I s:s* s:s*}",
		"job", job->id, "state", state_of(job), "direction",
		journal_dir_name(job->dir), "kind", job->kind, "server", "uuid",
		job->instance, "name", job->name, "from", job->source, "to",
		job->target, "epoch", (json_int_t)job->epoch, "owner",
		job->owner, "build", job->build);

	put_time(o, "created", job->created_us);
	put_time(o, "updated", job->updated_us);
	put_time(o, "ended", job->ended_us);
	put_time(o, "purged", job->purged_us);
	if (!journal_kept(j, job->id, &kept, &e))
		json_object_set_new(o, "kept_bytes",
				    json_integer((json_int_t)kept));
	err_clear(&e);
	if (*job->batch)
		json_object_set_new(o, "batch", json_string(job->batch));
	if (job->error.kind != ERR_NONE)
		json_object_set_new(o, "error",
				    json_pack("{s:s s:s s:s*}", "kind",
					      err_kind_name(job->error.kind),
					      "message", err_msg(&job->error),
					      "hint", job->error.hint));
	if (job->steps) {
		put_steps(o, job);
		downtime_put(j, job, o);
	}
	return o;
}
