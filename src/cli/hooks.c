/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/hooks.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/output.h"
#include "core/clock.h"
#include "core/proc.h"

enum { WORDS_KEPT = 512, POLL_US = 5000 };

/* One that runs beside the job. */
struct running {
	struct proc_pipe p; /* .pid 0: none */
	enum config_hook which;
	int64_t end_us;
	struct buf said; /* the end of its stderr */
};

struct hooks {
	const struct config_hooks *config;
	hooks_failed *failed;
	void *arg;
	struct running running[HOOKS_AT_ONCE];
	unsigned missed;
};

struct hooks *hooks_new(const struct config_hooks *config, hooks_failed *failed,
			void *arg)
{
	struct hooks *h;
	bool any = false;

	for (size_t i = 0; i < CONFIG_HOOKS; i++)
		any = any || config->argv[i].n;
	if (!any)
		return NULL;
	h = MEM_NEW(struct hooks);
	h->config = config;
	h->failed = failed;
	h->arg = arg;
	return h;
}

bool hooks_want(const struct hooks *h, enum config_hook which)
{
	return h && h->config->argv[which].n;
}

static int64_t timeout_us(const struct hooks *h)
{
	return (int64_t)h->config->timeout * 1000000;
}

/* The last line of what a hook said, or NULL. */
static char *last_line(struct buf *said)
{
	char *line;

	for (size_t i = 0; i < said->len; i++)
		if ((unsigned char)said->p[i] < ' ' && said->p[i] != '\n')
			said->p[i] = ' ';
	while (said->len && strchr("\n ", said->p[said->len - 1]))
		said->p[--said->len] = '\0';
	if (!said->len)
		return NULL;
	line = strrchr(said->p, '\n');
	line = line ? line + 1 : said->p;
	if (strlen(line) > WORDS_KEPT)
		line += strlen(line) - WORDS_KEPT;
	return mem_strdup(line + strspn(line, " "));
}

static void tell(struct hooks *h, enum config_hook which, const char *what,
		 struct buf *said)
{
	AUTO(mem_freep) char *line = said ? last_line(said) : NULL;
	AUTO(mem_freep)
	char *text = mem_printf("hook %s: %s%s%s", config_hook_name(which),
				what, line ? ": " : "", line ? line : "");

	h->failed(h->arg, text);
}

static void put_line(struct buf *b, const json_t *doc)
{
	out_json(b, doc, JSON_COMPACT);
	buf_putc(b, '\n');
}

/* Runs it to its end. */
static int run(struct hooks *h, enum config_hook which, const json_t *doc,
	       struct proc *p, struct err *e)
{
	AUTO(buf_clear) struct buf in = BUF_INIT;

	put_line(&in, doc);
	p->argv = h->config->argv[which].v;
	p->in = in.p;
	p->in_len = in.len;
	p->timeout_us = timeout_us(h);
	return proc_run(p, e);
}

int hooks_ask(struct hooks *h, const json_t *doc, struct err *e)
{
	AUTO(mem_freep) char *line = NULL;
	struct proc p = {0};
	int rc;

	if (!hooks_want(h, CONFIG_HOOK_BEFORE_START))
		return 0;
	rc = run(h, CONFIG_HOOK_BEFORE_START, doc, &p, e);
	if (rc) {
		e->kind = ERR_REFUSED;
		err_wrap(e, "the hook before_start did not say yes");
	} else if (p.exit_code) {
		line = last_line(&p.err);
		rc = err_set(e, ERR_REFUSED,
			     "the hook before_start says no (exit code %d)%s%s",
			     p.exit_code, line ? ": " : "", line ? line : "");
	}
	if (rc)
		err_hint(e,
			 "do what %s wants, or take before_start out of "
			 "[hooks]",
			 h->config->argv[CONFIG_HOOK_BEFORE_START].v[0]);
	proc_clear(&p);
	return rc;
}

void hooks_wait(struct hooks *h, enum config_hook which, const json_t *doc)
{
	struct err e = ERR_INIT;
	struct proc p = {0};
	char what[40];

	if (!hooks_want(h, which))
		return;
	if (run(h, which, doc, &p, &e)) {
		tell(h, which, err_msg(&e), NULL);
	} else if (p.exit_code) {
		snprintf(what, sizeof(what), "exit code %d", p.exit_code);
		tell(h, which, what, &p.err);
	}
	err_clear(&e);
	proc_clear(&p);
}

/* --- beside the job */

/* Nobody waits for what it prints, but it must not wait for us either. */
static void drain(int fd, struct buf *keep)
{
	char some[4096];
	ssize_t n;

	while ((n = read(fd, some, sizeof(some))) > 0) {
		if (!keep)
			continue;
		buf_put(keep, some, (size_t)n);
		if (keep->len > sizeof(some)) {
			size_t off = keep->len - WORDS_KEPT;

			memmove(keep->p, keep->p + off, WORDS_KEPT);
			keep->len = WORDS_KEPT;
			keep->p[keep->len] = '\0';
		}
	}
}

static void forget(struct running *r)
{
	buf_clear(&r->said);
	*r = (struct running){0};
}

static void look(struct hooks *h, struct running *r)
{
	char what[60];
	int code = 0;
	bool over = proc_ended(&r->p, &code);

	drain(r->p.out, NULL);
	drain(r->p.err, &r->said);
	if (over) {
		proc_close(&r->p, 0);
		if (code) {
			snprintf(what, sizeof(what), "exit code %d", code);
			tell(h, r->which, what, &r->said);
		}
		forget(r);
	} else if (clock_mono_us() >= r->end_us) {
		proc_close(&r->p, 0);
		snprintf(what, sizeof(what), "no end within %u s",
			 h->config->timeout);
		tell(h, r->which, what, &r->said);
		forget(r);
	}
}

static struct running *free_place(struct hooks *h)
{
	for (size_t i = 0; i < HOOKS_AT_ONCE; i++)
		if (!h->running[i].p.pid)
			return &h->running[i];
	return NULL;
}

static void tell_missed(struct hooks *h, enum config_hook which)
{
	char what[80];

	if (!h->missed)
		return;
	snprintf(what, sizeof(what), "%u events were not told: %d still ran",
		 h->missed, HOOKS_AT_ONCE);
	h->missed = 0;
	tell(h, which, what, NULL);
}

void hooks_poll(struct hooks *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < HOOKS_AT_ONCE; i++)
		if (h->running[i].p.pid)
			look(h, &h->running[i]);
}

/* A pipe takes 64 KiB at once; more is not what a hook is told. */
static int hand_over(struct running *r, const json_t *doc)
{
	AUTO(buf_clear) struct buf in = BUF_INIT;
	ssize_t n;

	put_line(&in, doc);
	fcntl(r->p.in, F_SETFL, O_NONBLOCK);
	fcntl(r->p.out, F_SETFL, O_NONBLOCK);
	n = write(r->p.in, in.p, in.len);
	mem_closefd(&r->p.in);
	r->p.in = -1;
	/* EPIPE: it has ended, or does not want to know. */
	return n == (ssize_t)in.len || (n < 0 && errno == EPIPE) ? 0 : -1;
}

void hooks_send(struct hooks *h, enum config_hook which, const json_t *doc)
{
	struct err e = ERR_INIT;
	struct running *r;

	if (!hooks_want(h, which))
		return;
	hooks_poll(h);
	r = free_place(h);
	if (!r) {
		h->missed++;
		return;
	}
	tell_missed(h, which);
	if (proc_open(&r->p, h->config->argv[which].v, NULL, NULL, true, &e)) {
		tell(h, which, err_msg(&e), NULL);
		err_clear(&e);
		forget(r);
		return;
	}
	r->which = which;
	r->end_us = clock_mono_us() + timeout_us(h);
	if (hand_over(r, doc)) {
		proc_close(&r->p, 0);
		tell(h, which, "it could not be told all", NULL);
		forget(r);
	}
}

void hooks_settle(struct hooks *h)
{
	bool any = h != NULL;

	while (any) {
		any = false;
		hooks_poll(h);
		for (size_t i = 0; i < HOOKS_AT_ONCE; i++)
			any = any || h->running[i].p.pid;
		if (any)
			clock_sleep_us(POLL_US);
	}
	if (h)
		tell_missed(h, CONFIG_HOOK_STEP);
}

void hooks_free(struct hooks *h)
{
	hooks_settle(h);
	mem_free(h);
}
