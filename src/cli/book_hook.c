/* SPDX-License-Identifier: Apache-2.0 */
/* hook and approve: what others do, and what they say. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/book_priv.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "core/clock.h"
#include "core/proc.h"
#include "core/stop.h"

#define S 1000000LL

/* ---- hook */

static char *facts_for(struct book *b, size_t i)
{
	json_t *report = book_report_json(b);
	json_t *o = json_pack(
		"{s:i, s:{s:s, s:s}, s:{s:s, s:i}, s:O, s:O}", "schema_version",
		1, "run", "id", b->b.id, "name", b->rb.name, "step", "name",
		b->rb.steps[i].name, "attempt", (int)b->b.members[i].attempts,
		"vars", b->rb.vars, "steps", json_object_get(report, "steps"));
	AUTO(buf_clear) struct buf text = BUF_INIT;

	out_json(&text, o, JSON_COMPACT);
	buf_putc(&text, '\n');
	json_decref(o);
	json_decref(report);
	return buf_steal(&text);
}

/* Of an earlier try nobody knows the end: it is told once. */
static int interrupted(struct book *b, size_t i, struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	json_t *was = NULL;
	bool unknown;

	if (book_recorded(b, i, "hook", &was, e))
		return -1;
	unknown = was && json_is_null(json_object_get(was, "code")) &&
		  !json_is_true(json_object_get(was, "told"));
	json_decref(was);
	if (!unknown || !strcmp(book_text(s, "interrupted"), "again"))
		return 0;
	if (book_record(b, i, "hook",
			json_pack("{s:n, s:b}", "code", "told", 1), e))
		return -1;
	err_set(e, ERR_FAILED,
		"it was begun before and nobody saw its end: it may have run, "
		"in part or whole");
	return err_hint(e,
			"see what it has done; novahaul resume %s runs it "
			"again, novahaul rollback %s goes back",
			b->b.id, b->b.id);
}

static void last_line(const struct buf *err, struct buf *out)
{
	AUTO(strv_clear) struct strv lines = STRV_INIT;
	const char *last;

	strv_split(&lines, buf_str(err), "\n");
	last = lines.n ? lines.v[lines.n - 1] : "";
	if (*last)
		buf_printf(out, ": %.200s", last);
}

static bool is_success(const struct runbook_step *s, int code)
{
	const json_t *codes = json_object_get(s->args, "exit-codes"), *v;
	size_t i;

	json_array_foreach (codes, i, v)
		if (json_integer_value(v) == code)
			return true;
	return false;
}

/* It may take hours. */
static void beat(void *j)
{
	journal_beat(j);
}

static int run_hook(struct book *b, size_t i, struct proc *p, struct err *e)
{
	AUTO(buf_clear) struct buf said = BUF_INIT;
	struct err lost = ERR_INIT;
	int rc;

	if (book_record(b, i, "hook", json_pack("{s:n}", "code"), e))
		return -1;
	p->tick = beat;
	p->tick_arg = b->j;
	rc = proc_run(p, e);
	/* Killed for being late, or never begun, is an end, too. */
	if (book_record(b, i, "hook",
			json_pack("{s:i}", "code", rc ? -1 : p->exit_code),
			&lost)) {
		if (rc)
			err_also(e, &lost);
		else
			err_move(e, &lost);
		return -1;
	}
	if (rc) {
		/* proc_run()'s word for a child that was killed */
		if (e->kind == ERR_LOST)
			e->kind = ERR_FAILED;
		return -1;
	}
	if (is_success(&b->rb.steps[i], p->exit_code))
		return book_note(b, i, e, "%s ended with %d", p->argv[0],
				 p->exit_code);
	last_line(&p->err, &said);
	return err_set(e, ERR_FAILED, "%s ended with %d%s", p->argv[0],
		       p->exit_code, buf_str(&said));
}

int book_hook(struct book *b, size_t i, struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	AUTO(strv_clear) struct strv argv = STRV_INIT;
	AUTO(mem_freep) char *facts = NULL;
	AUTO(proc_clear)
	struct proc p = {.timeout_us = book_number(s, "timeout") * S};

	if (interrupted(b, i, e))
		return -1;
	facts = facts_for(b, i);
	book_texts(s, "command", &argv);
	p.argv = argv.v;
	p.in = facts;
	p.in_len = strlen(facts);
	return run_hook(b, i, &p, e);
}

/* ---- approve */

static const char *user_name(uid_t uid, char *out, size_t n)
{
	const struct passwd *pw = getpwuid(uid);

	if (pw)
		snprintf(out, n, "%s", pw->pw_name);
	else
		snprintf(out, n, "uid %u", (unsigned)uid);
	return out;
}

static int approved(struct book *b, size_t i, const char *by, const char *how,
		    struct err *e)
{
	if (book_record(b, i, "approve",
			json_pack("{s:s, s:s}", "by", by, "how", how), e))
		return -1;
	return book_note(b, i, e, "%s, by %s", how, by);
}

/* The owner of the file, if it is there. */
static bool file_there(const char *path, char *by, size_t n)
{
	struct stat st;

	if (!path || stat(path, &st))
		return false;
	user_name(st.st_uid, by, n);
	return true;
}

/* sudo tells who it was; it is for the record, and proves nothing. */
static void who_types(char *by, size_t n)
{
	const char *sudo = getenv("SUDO_USER");

	if (sudo && *sudo && !geteuid())
		snprintf(by, n, "%.60s", sudo);
	else
		user_name(getuid(), by, n);
}

static void ask(struct book *b, const struct runbook_step *s)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	progress_break(b->a->progress);
	out_text(&text, book_text(s, "ask"));
	fprintf(stderr, "%s\nType %s to go on: ", buf_str(&text),
		book_text(s, "word"));
	fflush(stderr);
}

enum typed { TYPED_NOTHING = 0, TYPED_OTHER, TYPED_IT, TYPED_END };

/* What is typed within a fifth of a second. */
static enum typed hear(const char *word)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	char line[128];
	ssize_t n;

	if (poll(&p, 1, 200) <= 0)
		return TYPED_NOTHING;
	n = read(STDIN_FILENO, line, sizeof(line) - 1);
	if (n <= 0)
		return n < 0 && errno == EINTR ? TYPED_NOTHING : TYPED_END;
	line[n] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return strcmp(line, word) ? TYPED_OTHER : TYPED_IT;
}

static int nobody(const struct book *b, const struct runbook_step *s,
		  struct err *e)
{
	err_set(e, ERR_REFUSED,
		"somebody has to type %s, and there is no terminal",
		book_text(s, "word"));
	return err_hint(e, "novahaul resume %s, on a terminal", b->b.id);
}

/* One look: 1 when it is approved, 0 when not yet, -1. */
static int once(struct book *b, size_t i, bool *tty, bool *yes, struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	const char *file = book_text(s, "file");
	char by[64];

	if (file_there(file, by, sizeof(by))) {
		*yes = true;
		return approved(b, i, by, "by its file", e);
	}
	if (!*tty) {
		clock_sleep_us(S / 5);
		return 0;
	}
	switch (hear(book_text(s, "word"))) {
	case TYPED_NOTHING:
		break;
	case TYPED_OTHER:
		ask(b, s);
		break;
	case TYPED_IT:
		who_types(by, sizeof(by));
		*yes = true;
		return approved(b, i, by, "typed", e);
	case TYPED_END:
		*tty = false;
		return file ? 0 : nobody(b, s, e);
	}
	return 0;
}

int book_approve(struct book *b, size_t i, struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	const char *file = book_text(s, "file");
	bool tty = book_text(s, "word") && isatty(STDIN_FILENO) &&
		   isatty(STDERR_FILENO);
	int64_t limit = book_number(s, "timeout"),
		end = clock_mono_us() + limit * S;
	bool yes = false;

	if (!tty && !file)
		return nobody(b, s, e);
	if (tty)
		ask(b, s);
	if (file)
		progress_note(b->a->progress, "%s: or: the file %s", s->name,
			      file);
	while (!yes) {
		journal_beat(b->j);
		if (once(b, i, &tty, &yes, e))
			return -1;
		if (!yes && stop_requested())
			return err_set(e, ERR_INTERRUPTED,
				       "interrupted, waiting for an answer");
		if (!yes && limit && clock_mono_us() >= end)
			return err_set(e, ERR_FAILED,
				       "nobody has answered within %lld s",
				       (long long)limit);
	}
	return 0;
}
