/* SPDX-License-Identifier: Apache-2.0 */
#include "core/err.h"

#include <string.h>

static const char *const kind_names[] = {
	[ERR_NONE] = "none",	   [ERR_FAILED] = "failed",
	[ERR_USAGE] = "usage",	   [ERR_REFUSED] = "refused",
	[ERR_NOTHING] = "nothing", [ERR_LOCKED] = "locked",
	[ERR_FENCE] = "unfenced",  [ERR_CONFLICT] = "conflict",
	[ERR_STALE] = "stale",	   [ERR_RETRY] = "retry",
	[ERR_LOST] = "lost",	   [ERR_INTERRUPTED] = "interrupted",
	[ERR_BUG] = "bug",
};

void err_clear(struct err *e)
{
	mem_free(e->msg);
	mem_free(e->hint);
	*e = (struct err)ERR_INIT;
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;
	char *msg;

	/* Format first: an argument may point into the old message. */
	va_start(ap, fmt);
	msg = mem_vprintf(fmt, ap);
	va_end(ap);
	err_clear(e);
	e->kind = kind;
	e->msg = msg;
	return -1;
}

int err_sys(struct err *e, enum err_kind kind, int sys, const char *fmt, ...)
{
	va_list ap;
	char *head;

	va_start(ap, fmt);
	head = mem_vprintf(fmt, ap);
	va_end(ap);
	err_set(e, kind, "%s: %s", head, strerror(sys));
	e->sys = sys;
	mem_free(head);
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	va_list ap;
	char *head, *msg;

	va_start(ap, fmt);
	head = mem_vprintf(fmt, ap);
	va_end(ap);
	msg = mem_printf("%s: %s", head, err_msg(e));
	mem_free(head);
	mem_free(e->msg);
	e->msg = msg;
	if (e->kind == ERR_NONE)
		e->kind = ERR_BUG;
	return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;
	char *hint;

	va_start(ap, fmt);
	hint = mem_vprintf(fmt, ap);
	va_end(ap);
	mem_free(e->hint);
	e->hint = hint;
	return -1;
}

void err_move(struct err *dst, struct err *src)
{
	err_clear(dst);
	*dst = *src;
	*src = (struct err)ERR_INIT;
}

void err_copy(struct err *dst, const struct err *src)
{
	err_clear(dst);
	*dst = (struct err){.kind = src->kind,
			    .sys = src->sys,
			    .msg = mem_strdup0(src->msg),
			    .hint = mem_strdup0(src->hint)};
}

void err_also(struct err *dst, struct err *src)
{
	char *msg = mem_printf("%s; then: %s", err_msg(dst), err_msg(src));

	mem_free(dst->msg);
	dst->msg = msg;
	if (!dst->hint) {
		dst->hint = src->hint;
		src->hint = NULL;
	}
	err_clear(src);
}

const char *err_kind_name(enum err_kind kind)
{
	if ((size_t)kind < ARRAY_SIZE(kind_names) && kind_names[kind])
		return kind_names[kind];
	return "bug";
}

enum err_kind err_kind_by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kind_names); i++)
		if (kind_names[i] && !strcmp(kind_names[i], name))
			return (enum err_kind)i;
	return ERR_BUG;
}

const char *err_msg(const struct err *e)
{
	return e->msg ? e->msg : "no error was recorded";
}
