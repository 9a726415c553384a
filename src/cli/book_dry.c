/* SPDX-License-Identifier: Apache-2.0 */
/* What each step would do now; nothing is changed. */
#include <string.h>

#include "cli/book_priv.h"

struct dry {
	struct app *a;
	struct buf does, now;
	bool ok;
};

/* The failure is what the step would meet now. */
static void met(struct dry *d, struct err *e)
{
	d->ok = false;
	buf_reset(&d->now);
	buf_puts(&d->now, err_msg(e));
	err_clear(e);
}

static void words(struct buf *out, const struct runbook_step *s,
		  const char *key)
{
	AUTO(strv_clear) struct strv v = STRV_INIT;
	AUTO(mem_freep) char *list = NULL;

	book_texts(s, key, &v);
	list = strv_join(&v, v.n && !strcmp(key, "command") ? " " : ", ");
	buf_puts(out, list);
}

static void dry_service(struct dry *d, const struct runbook_step *s,
			bool disable)
{
	const char *host = book_text(s, "host");
	struct app_service now;
	struct err e = ERR_INIT;

	buf_printf(&d->does, "%s nova-compute of %s",
		   disable ? "disables" : "enables", host);
	if (!disable)
		buf_puts(&d->does, ", if this run has disabled it");
	if (d->a->ops->service_get(d->a, host, &now, &e)) {
		met(d, &e);
		return;
	}
	buf_printf(&d->now, now.disabled ? "disabled: %s" : "enabled%s",
		   !now.disabled ? ""
		   : now.reason	 ? now.reason
				 : "no reason");
	mem_free(now.reason);
}

static void dry_check_servers(struct dry *d, const struct runbook_step *s)
{
	AUTO(strv_clear) struct strv servers = STRV_INIT;

	book_texts(s, "servers", &servers);
	for (size_t i = 0; i < servers.n; i++) {
		struct app_request req = {.server = servers.v[i],
					  .to = book_text(s, "to"),
					  .control = book_control(s)};
		struct err e = ERR_INIT;
		json_t *report = NULL;
		const char *why, *verdict;

		if (app_check(d->a, &req, &report, &e)) {
			met(d, &e);
			json_decref(report);
			return;
		}
		verdict = json_string_value(json_object_get(report, "verdict"));
		why = book_refusal(report);
		d->ok &= !why;
		buf_printf(&d->now, "%s%s: %s", d->now.len ? "; " : "",
			   servers.v[i],
			   why	     ? why
			   : verdict ? verdict
				     : "?");
		json_decref(report);
	}
}

static void dry_check(struct dry *d, const struct runbook_step *s)
{
	const char *host = book_text(s, "host");
	struct err e = ERR_INIT;

	buf_puts(&d->does, "looks at ");
	if (host) {
		buf_puts(&d->does, host);
		if (d->a->ops->answers(d->a, host, &e))
			met(d, &e);
		else
			buf_printf(&d->now, "%s answers", host);
		return;
	}
	words(&d->does, s, "servers");
	buf_printf(&d->does, ", to %s", book_text(s, "to"));
	dry_check_servers(d, s);
}

static void dry_move(struct dry *d, const struct runbook_step *s)
{
	struct app_request req = book_move_request(s);
	struct err e = ERR_INIT;
	json_t *plan = NULL;

	buf_printf(&d->does, "moves %s to %s", req.server, req.to);
	if (!app_plan(d->a, &req, &plan, &e)) {
		buf_printf(
			&d->now, "%lld bytes to copy, about %.0f s down",
			(long long)json_integer_value(
				json_object_get(plan, "bytes_to_copy")),
			json_number_value(json_object_get(plan, "downtime_s")));
	} else if (e.kind == ERR_NOTHING) {
		buf_puts(&d->now, "it is there already");
		err_clear(&e);
	} else {
		met(d, &e);
	}
	json_decref(plan);
}

static void dry_wait(struct dry *d, const struct runbook_step *s)
{
	struct err e = ERR_INIT;
	bool yes;

	buf_printf(&d->does, "waits for %s, %lld s at most",
		   book_text(s, "for"), (long long)book_number(s, "timeout"));
	/* Somebody's command may change something. */
	if (!strcmp(book_text(s, "for"), "command")) {
		buf_puts(&d->does, ": ");
		words(&d->does, s, "command");
		buf_puts(&d->now, "not run");
		return;
	}
	/* It need not be so yet. */
	if (book_look(d->a, s, &yes, &d->now, &e)) {
		buf_puts(&d->now, err_msg(&e));
		err_clear(&e);
	}
}

static void dry_step(struct dry *d, const struct runbook *rb,
		     const struct runbook_step *s)
{
	(void)rb;
	switch (s->type) {
	case RUNBOOK_CHECK:
		dry_check(d, s);
		break;
	case RUNBOOK_DISABLE:
		dry_service(d, s, true);
		break;
	case RUNBOOK_ENABLE:
		dry_service(d, s, false);
		break;
	case RUNBOOK_EVACUATE:
		d->ok = !book_dry_evacuate(d->a, s, &d->does, &d->now);
		break;
	case RUNBOOK_MOVE:
		dry_move(d, s);
		break;
	case RUNBOOK_WAIT:
		dry_wait(d, s);
		break;
	case RUNBOOK_HOOK:
		buf_puts(&d->does, "runs ");
		words(&d->does, s, "command");
		break;
	case RUNBOOK_APPROVE:
		buf_printf(&d->does, "asks: %s", book_text(s, "ask"));
		break;
	case RUNBOOK_RETURN:
		buf_printf(&d->does, "brings home what %s has moved",
			   book_text(s, "of"));
		break;
	case RUNBOOK_AUDIT:
		buf_puts(&d->does, "audits ");
		words(&d->does, s, "hosts");
		if (!json_object_get(s->args, "hosts"))
			buf_puts(&d->does, "all hosts");
		break;
	case RUNBOOK_REPORT:
		buf_printf(&d->does, "writes %s", book_text(s, "file"));
		break;
	}
}

static json_t *dry_json(struct app *a, const struct runbook *rb,
			const struct runbook_step *s)
{
	struct dry d = {.a = a, .ok = true};
	json_t *o;

	if (s->skip)
		buf_puts(&d.does, "is left out");
	else
		dry_step(&d, rb, s);
	o = json_pack("{s:s, s:s, s:s, s:s, s:b}", "step", s->name, "type",
		      runbook_type_name(s->type), "does", buf_str(&d.does),
		      "now", buf_str(&d.now), "ok", d.ok);
	buf_clear(&d.does);
	buf_clear(&d.now);
	return o;
}

int app_book_dry(struct app *a, const struct runbook *rb, json_t **report,
		 struct err *e)
{
	struct config config = CONFIG_INIT;
	struct app mine = *a;
	json_t *steps = json_array();

	if (book_profile(rb, &mine, &config, e)) {
		json_decref(steps);
		return -1;
	}
	for (size_t i = 0; i < rb->n; i++)
		json_array_append_new(steps,
				      dry_json(&mine, rb, &rb->steps[i]));
	*report = json_pack("{s:i, s:s, s:o}", "schema_version", 1, "name",
			    rb->name, "steps", steps);
	book_unprofile(&config);
	return 0;
}
