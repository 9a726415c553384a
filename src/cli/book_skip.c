/* SPDX-License-Identifier: Apache-2.0 */
/* A person gives up the step at which a run stands. */
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "cli/book_priv.h"

/* Where a resume would go on; RB.N when it is at its end. */
static size_t stands_at(const struct book *b)
{
	size_t i = 0;

	while (i < b->rb.n && book_over(b, i))
		i++;
	return i;
}

/* What a step leaves open would be nobody's any more. */
static int holds_open(struct book *b, size_t i, struct err *e)
{
	AUTO(mem_freep) char *batch = NULL;
	struct journal_job job = {0};
	const char *open = NULL;
	int rc;

	rc = book_job(b, i, &job, e) || book_open_batch(b, i, &batch, e);
	if (!rc && *job.id && job.state == JOURNAL_OPEN)
		open = job.id;
	else if (!rc)
		open = batch;
	if (open) {
		err_set(e, ERR_REFUSED, "run %s: step %s has %s open: %s",
			b->b.id, b->rb.steps[i].name,
			open == batch ? "a batch" : "a job", open);
		err_hint(e, "novahaul resume %s, or novahaul rollback %s", open,
			 open);
	}
	journal_job_clear(&job);
	return rc || open ? -1 : 0;
}

static int find(const struct book *b, const char *name, size_t *i,
		struct err *e)
{
	for (*i = 0; *i < b->rb.n; ++*i)
		if (!strcmp(b->rb.steps[*i].name, name))
			return 0;
	err_set(e, ERR_USAGE, "run %s has no step %s", b->b.id, name);
	return err_hint(e, "novahaul report %s", b->b.id);
}

int book_may_skip(struct book *b, const struct app_book_skip *s, size_t *i,
		  struct err *e)
{
	size_t at = stands_at(b);

	if (!s->reason || !*s->reason)
		return err_set(e, ERR_USAGE, "giving up step %s wants a reason",
			       s->step);
	if (find(b, s->step, i, e))
		return -1;
	if (b->b.state != BATCH_OPEN) {
		err_set(e, ERR_NOTHING, "run %s is over: %s", b->b.id,
			batch_state_name(b->b.state));
		return err_hint(e, "novahaul report %s", b->b.id);
	}
	if (b->b.dir == JOURNAL_BACKWARD) {
		err_set(e, ERR_REFUSED, "run %s is on its way back", b->b.id);
		return err_hint(e, "novahaul resume %s", b->b.id);
	}
	if (*i == at && b->b.members[at].attempts)
		return holds_open(b, at, e);
	if (at < b->rb.n && b->b.members[at].attempts)
		err_set(e, ERR_REFUSED, "run %s stands at step %s, not at %s",
			b->b.id, b->rb.steps[at].name, s->step);
	else
		err_set(e, ERR_REFUSED, "run %s: step %s was not tried",
			b->b.id, s->step);
	return err_hint(e, "novahaul report %s", b->b.id);
}

static char *who(void)
{
	const struct passwd *pw = getpwuid(getuid());
	char owner[128];

	journal_owner(owner, sizeof(owner));
	return mem_printf("%s, %s", pw ? pw->pw_name : "?", owner);
}

int book_skip(struct book *b, size_t i, const char *reason, struct err *e)
{
	const struct batch_member *m = &b->b.members[i];
	bool failed = m->why.kind != ERR_NONE;
	AUTO(mem_freep) char *by = who();
	struct err why = ERR_INIT;
	int rc;

	err_set(&why, failed ? m->why.kind : ERR_FAILED,
		"given up by %s: %s%s%s", by, reason,
		failed ? "; it had failed: " : "",
		failed ? err_msg(&m->why) : "");
	rc = book_record(b, i, "skip",
			 json_pack("{s:s, s:s, s:s}", "by", by, "reason",
				   reason, "was",
				   batch_member_state_name(m->state)),
			 e) ||
	     book_note(b, i, e, "given up: %s", reason) ||
	     book_set(b, i, MEMBER_SKIPPED, &why, e);
	err_clear(&why);
	return rc ? -1 : 0;
}
