/* SPDX-License-Identifier: Apache-2.0 */
#include "fence/fence_priv.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "core/clock.h"
#include "core/proc.h"
#include "core/stop.h"
#include "core/str.h"

enum { TIMEOUT_S = 60, OUT_MAX = 64 * 1024, LINE_MAX_KEPT = 80 };
#define POLL_US 1000000LL

/* A newcomer adds a row; nothing else knows the providers. */
const struct fence_provider *const fence_providers[] = {
	&fence_command, &fence_agent,	&fence_statement,
	&fence_probe,	&fence_storage, &fence_rbd,
	NULL,
};

const struct fence_provider *fence_provider(const char *name)
{
	for (const struct fence_provider *const *p = fence_providers; *p; p++)
		if (str_is(name, (*p)->name))
			return *p;
	return NULL;
}

void fence_finding_clear(struct fence_finding *f)
{
	mem_free(f->note);
	json_decref(f->what);
	*f = (struct fence_finding)FENCE_FINDING_INIT;
}

int fence_take(const struct fence_provider *p, const struct fence_way *w,
	       struct fence_finding *f, struct err *e)
{
	fence_finding_clear(f);
	f->taken_us = clock_now_us();
	f->what = json_object();
	if (p->take(w, f, e)) {
		fence_finding_clear(f);
		return err_wrap(e, "host %s: %s", w->host, p->name);
	}
	/* Whoever only watches has nothing to prove with. */
	if (!p->proves && f->verdict == FENCE_OFF)
		f->verdict = FENCE_UNKNOWN;
	if (f->note)
		json_object_set_new(f->what, "note", json_string(f->note));
	return 0;
}

void fence_say(struct fence_finding *f, enum fence_verdict v, const char *fmt,
	       ...)
{
	va_list ap;

	mem_free(f->note);
	va_start(ap, fmt);
	f->note = mem_vprintf(fmt, ap);
	va_end(ap);
	f->verdict = v;
	if (v == FENCE_ALIVE)
		f->taken_us = clock_now_us();
}

int64_t fence_timeout_us(const struct fence_way *w)
{
	return (w->timeout_s ? w->timeout_s : TIMEOUT_S) * INT64_C(1000000);
}

char *fence_word(const struct fence_way *w, const char *word)
{
	struct buf b = BUF_INIT;

	for (; *word; word++)
		if (word[0] == '%' && word[1] == 'h') {
			buf_puts(&b, w->host);
			word++;
		} else {
			buf_putc(&b, *word);
		}
	return buf_steal(&b);
}

char *fence_line(const struct buf *b)
{
	AUTO(buf_clear) struct buf line = BUF_INIT;
	const char *s = buf_str(b);
	size_t n = 0;

	while (n < b->len && isspace((unsigned char)s[n]))
		n++;
	for (; n < b->len && s[n] != '\n' && line.len < LINE_MAX_KEPT; n++)
		buf_putc(&line, s[n] >= ' ' && s[n] <= '~' ? s[n] : '?');
	while (line.len && line.p[line.len - 1] == ' ')
		line.p[--line.len] = '\0';
	return buf_steal(&line);
}

/* --- programs */

void fence_call_clear(struct fence_call *c)
{
	buf_clear(&c->out);
	buf_clear(&c->err);
	mem_free(c->why);
	c->why = NULL;
}

void fence_call(const struct fence_way *w, struct fence_call *c)
{
	AUTO(strv_clear) struct strv argv = STRV_INIT;
	struct err e = ERR_INIT;
	struct proc p = {.in = c->in,
			 .in_len = c->in_len,
			 .timeout_us = fence_timeout_us(w),
			 .out_max = OUT_MAX};

	for (size_t i = 0; c->argv[i]; i++) {
		AUTO(mem_freep) char *word = fence_word(w, c->argv[i]);

		strv_add(&argv, word);
	}
	p.argv = argv.v;
	fence_call_clear(c);
	c->ran = !proc_run(&p, &e);
	c->exit_code = c->ran ? p.exit_code : -1;
	if (!c->ran)
		c->why =
			mem_strdup(e.kind == ERR_LOST ? "it did not end in time"
						      : err_msg(&e));
	buf_put(&c->out, p.out.p, p.out.len);
	buf_put(&c->err, p.err.p, p.err.len);
	if (p.out.p)
		explicit_bzero(p.out.p, p.out.len);
	if (p.err.p)
		explicit_bzero(p.err.p, p.err.len);
	proc_clear(&p);
	err_clear(&e);
}

void fence_poll(const struct fence_way *w, struct fence_finding *f,
		fence_try *fn, void *arg)
{
	int64_t until = clock_mono_us() + fence_timeout_us(w);

	for (;;) {
		/* It was off at some moment after this one. */
		f->taken_us = clock_now_us();
		if (fn(w, f, arg) == FENCE_OFF || !w->act || stop_requested() ||
		    clock_mono_us() + POLL_US >= until)
			return;
		clock_sleep_us(POLL_US);
	}
}
