/* SPDX-License-Identifier: Apache-2.0 */
/* What changes a whole job: taking it over, its turns, its end. */
#include "engine/journal_priv.h"

#include <inttypes.h>
#include <stdlib.h>

#include "core/clock.h"

struct take {
	struct journal_job *job;
	const struct journal_takeover *t;
};

static int take(struct journal *j, void *arg, struct err *e)
{
	struct take *a = arg;
	struct store_stmt *st = journal_stmt(j, "take");
	AUTO(mem_freep) char *text = NULL;

	if (journal_only_one(j, a->job, e))
		return -1;
	journal_bind_int(st, ":now", clock_now_us());
	journal_bind(st, ":dir", journal_dir_name(a->t->dir));
	journal_bind_int(st, ":demanded", a->t->demanded);
	journal_bind(st, ":owner", a->t->owner);
	journal_bind(st, ":id", a->job->id);
	journal_bind_int(st, ":epoch", (int64_t)a->job->epoch);
	/* Whoever had it may have finished it, or turned it round, since it
	 * was loaded. */
	journal_bind(st, ":was", journal_state_name(a->job->state));
	journal_bind(st, ":was_dir", journal_dir_name(a->job->dir));
	if (journal_exec(j, st, e))
		return -1;
	if (journal_changed(j) != 1)
		return err_set(e, ERR_STALE,
			       "another process took the job over first, or "
			       "went on with it");
	if (journal_not_attended(j, a->job->id, e) ||
	    journal_hold(j, a->job->id, e))
		return -1;
	text = mem_printf("epoch %" PRIu64 ", %s, by %s", a->job->epoch + 1,
			  journal_dir_name(a->t->dir),
			  a->t->owner ? a->t->owner : "nobody");
	return journal_add_event(j, a->job->id, -1, "job", text, e);
}

int journal_take(struct journal *j, struct journal_job *job,
		 const struct journal_takeover *t, struct err *e)
{
	struct take a = {job, t};
	struct journal_write w = {"taking the job over", NULL, take, &a};
	AUTO(mem_freep) char *owner = mem_strdup0(t->owner);

	if (journal_write(j, &w, e))
		return -1;
	job->epoch++;
	job->seq++;
	job->state = JOURNAL_OPEN;
	job->dir = t->dir;
	job->demanded = t->demanded;
	mem_free(job->owner);
	job->owner = owner;
	owner = NULL;
	return 0;
}

struct turn {
	const char *id;
	const struct journal_turn *t;
};

static int turn(struct journal *j, void *arg, struct err *e)
{
	struct turn *a = arg;
	struct store_stmt *st = journal_stmt(j, "turn");
	bool ended = a->t->state != JOURNAL_OPEN;
	AUTO(mem_freep) char *text = NULL;

	journal_bind(st, ":state", journal_state_name(a->t->state));
	journal_bind(st, ":dir", journal_dir_name(a->t->dir));
	journal_bind_int(st, ":demanded", a->t->demanded);
	journal_bind_error(st, ":error", a->t->why);
	journal_bind_time(st, ":ended", ended ? clock_now_us() : 0);
	journal_bind(st, ":id", a->id);
	if (journal_exec(j, st, e))
		return -1;
	text = mem_printf("%s, %s%s%s", journal_state_name(a->t->state),
			  journal_dir_name(a->t->dir), a->t->why ? ": " : "",
			  a->t->why ? err_msg(a->t->why) : "");
	return journal_add_event(j, a->id, -1, "job", text, e);
}

int journal_turn(struct journal *j, const struct journal_key *k,
		 const struct journal_turn *t, struct err *e)
{
	struct turn a = {k->id, t};
	struct journal_write w = {"the state of the job", k, turn, &a};

	return journal_write(j, &w, e);
}

static int delete_job(struct journal *j, void *arg, struct err *e)
{
	const char *id = arg;
	struct journal_job job;
	struct store_stmt *st;

	if (journal_load_in(j, id, &job, e))
		return -1;
	if (job.state == JOURNAL_OPEN) {
		err_set(e, ERR_REFUSED, "job %s is open", id);
		err_hint(e, "novahaul resume %s, or rollback", id);
		journal_job_clear(&job);
		return -1;
	}
	journal_job_clear(&job);
	st = journal_stmt(j, "delete-job");
	journal_bind(st, ":id", id);
	return journal_exec(j, st, e);
}

int journal_delete(struct journal *j, const char *id, struct err *e)
{
	AUTO(mem_freep) char *own = mem_strdup(id);
	struct journal_write w = {"forgetting a job", NULL, delete_job, own};

	return journal_write(j, &w, e);
}

static int purged(struct journal *j, void *arg, struct err *e)
{
	const char *id = arg;
	struct store_stmt *st = journal_stmt(j, "purged");

	journal_bind_int(st, ":now", clock_now_us());
	journal_bind(st, ":id", id);
	if (journal_exec(j, st, e))
		return -1;
	if (journal_changed(j) != 1)
		return err_set(e, ERR_REFUSED,
			       "job %s is open, or is not in the journal", id);
	return journal_add_event(j, id, -1, "job", "purged", e);
}

int journal_purged(struct journal *j, const char *id, struct err *e)
{
	AUTO(mem_freep) char *own = mem_strdup(id);
	struct journal_write w = {"a purge", NULL, purged, own};

	return journal_write(j, &w, e);
}
