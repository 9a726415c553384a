/* SPDX-License-Identifier: Apache-2.0 */
/* wait: look again and again until something is so. */
#include <errno.h>
#include <string.h>

#include "cli/book_priv.h"
#include "core/clock.h"
#include "core/proc.h"
#include "core/stop.h"
#include "core/str.h"

#define S 1000000LL
enum { COMMAND_S = 60 }; /* of one try */

static int host_empty(struct app *a, const char *host, bool *yes,
		      struct buf *now, struct err *e)
{
	int64_t n;

	if (a->ops->host_servers(a, host, &n, e))
		return -1;
	*yes = !n;
	buf_printf(now, "%s has %lld instances", host, (long long)n);
	return 0;
}

static int host_answers(struct app *a, const char *host, bool *yes,
			struct buf *now, struct err *e)
{
	if (a->ops->answers(a, host, e))
		return -1;
	*yes = true;
	buf_printf(now, "%s answers", host);
	return 0;
}

static int service(struct app *a, const char *host, bool up, bool *yes,
		   struct buf *now, struct err *e)
{
	struct app_service s;
	bool is_up;

	if (a->ops->service_get(a, host, &s, e))
		return -1;
	is_up = !s.forced_down && s.age_s >= 0 && s.age_s < APP_SERVICE_DOWN_S;
	*yes = is_up == up;
	if (s.forced_down)
		buf_printf(now, "nova-compute of %s is forced down", host);
	else if (s.age_s < 0)
		buf_printf(now, "nova-compute of %s was never heard of", host);
	else
		buf_printf(now, "nova-compute of %s was heard of %lld s ago",
			   host, (long long)s.age_s);
	mem_free(s.reason);
	return 0;
}

static int status(struct app *a, const struct runbook_step *s, bool *yes,
		  struct buf *now, struct err *e)
{
	const char *server = book_text(s, "server");
	AUTO(app_server_clear) struct app_server is = {0};

	if (a->ops->server_state(a, server, &is, e))
		return -1;
	*yes = !is.task && str_is(is.vm_state, book_text(s, "status"));
	buf_printf(now, "server %s is %s%s%s", server,
		   is.vm_state ? is.vm_state : "in no state",
		   is.task ? ", task " : "", is.task ? is.task : "");
	return 0;
}

static int command(const struct runbook_step *s, bool *yes, struct buf *now,
		   struct err *e)
{
	AUTO(strv_clear) struct strv argv = STRV_INIT;
	AUTO(proc_clear) struct proc p = {.timeout_us = COMMAND_S * S};

	book_texts(s, "command", &argv);
	p.argv = argv.v;
	if (proc_run(&p, e))
		return -1;
	*yes = !p.exit_code;
	buf_printf(now, "%s ended with %d", argv.v[0], p.exit_code);
	return 0;
}

int book_look(struct app *a, const struct runbook_step *s, bool *yes,
	      struct buf *now, struct err *e)
{
	const char *what = book_text(s, "for"), *host = book_text(s, "host");

	*yes = false;
	buf_reset(now);
	if (!strcmp(what, "host-empty"))
		return host_empty(a, host, yes, now, e);
	if (!strcmp(what, "host-answers"))
		return host_answers(a, host, yes, now, e);
	if (!strcmp(what, "service-up") || !strcmp(what, "service-down"))
		return service(a, host, !strcmp(what, "service-up"), yes, now,
			       e);
	if (!strcmp(what, "instance-status"))
		return status(a, s, yes, now, e);
	return command(s, yes, now, e);
}

/* What no waiting will change. */
static bool hopeless(const struct runbook_step *s, const struct err *e)
{
	if (e->kind == ERR_INTERRUPTED || e->kind == ERR_BUG)
		return true;
	/* A host that reboots refuses logins as well as not answering. */
	if (!strcmp(book_text(s, "for"), "host-answers"))
		return e->kind == ERR_USAGE;
	if (!strcmp(book_text(s, "for"), "command"))
		return e->kind != ERR_LOST;
	return e->kind == ERR_USAGE || e->kind == ERR_REFUSED;
}

static int nap(struct book *b, int64_t us, struct err *e)
{
	int64_t end = clock_mono_us() + us;

	while (!stop_requested() && clock_mono_us() < end) {
		int64_t left = end - clock_mono_us();

		journal_beat(b->j);
		clock_sleep_us(left < S / 5 ? left : S / 5);
	}
	return stop_requested()
		       ? err_set(e, ERR_INTERRUPTED, "interrupted, waiting")
		       : 0;
}

int book_wait(struct book *b, size_t i, struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	int64_t limit = book_number(s, "timeout"),
		end = clock_mono_us() + limit * S;
	AUTO(buf_clear) struct buf now = BUF_INIT;

	for (;;) {
		struct err why = ERR_INIT;
		bool yes;

		if (book_look(b->a, s, &yes, &now, &why)) {
			if (hopeless(s, &why)) {
				err_move(e, &why);
				return -1;
			}
			buf_reset(&now);
			buf_puts(&now, err_msg(&why));
			err_clear(&why);
		}
		if (yes)
			return book_note(b, i, e, "%s", buf_str(&now));
		if (clock_mono_us() >= end)
			return err_set(e, ERR_FAILED,
				       "not %s within %lld s: %s",
				       book_text(s, "for"), (long long)limit,
				       buf_str(&now));
		if (nap(b, book_number(s, "interval") * S, e))
			return -1;
	}
}
