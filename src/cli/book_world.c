/* SPDX-License-Identifier: Apache-2.0 */
/* Steps that look at the cloud, disable and enable, and write it down. */
#include <string.h>

#include "cli/book_priv.h"
#include "cli/cli_priv.h"
#include "core/clock.h"
#include "report/report.h"

#define MARK "novahaul "
enum { REASON_MAX = 255 }; /* services.disabled_reason */

/* ---- check */

const char *book_refusal(const json_t *report)
{
	const json_t *list = json_object_get(report, "checks"), *c;
	size_t i;

	json_array_foreach (list, i, c) {
		const char *r = json_string_value(json_object_get(c, "result"));

		if (r && !strcmp(r, "refuse"))
			return json_string_value(json_object_get(c, "message"));
	}
	return NULL;
}

static int check_server(struct book *b, const struct runbook_step *s,
			const char *server, struct err *e)
{
	struct app_request req = {.server = server,
				  .to = book_text(s, "to"),
				  .control = book_control(s)};
	const char *verdict, *why;
	json_t *report = NULL;
	int rc = app_check(b->a, &req, &report, e);

	verdict = json_string_value(json_object_get(report, "verdict"));
	why = book_refusal(report);
	if (!rc && (!verdict ||
		    (strcmp(verdict, "ok") && strcmp(verdict, "nothing")))) {
		rc = err_set(e, ERR_REFUSED, "server %s: %s", server,
			     why       ? why
			     : verdict ? verdict
				       : "no verdict");
		err_hint(e, "novahaul check %s --to %s", server, req.to);
	}
	json_decref(report);
	return rc;
}

static int check_host(struct book *b, const char *host, struct err *e)
{
	struct app_service now;
	int rc;

	if (b->a->ops->service_get(b->a, host, &now, e))
		return -1;
	mem_free(now.reason);
	rc = b->a->ops->answers(b->a, host, e);
	if (rc)
		return err_wrap(e, "host %s does not answer", host);
	if (now.forced_down || now.age_s < 0 ||
	    now.age_s >= APP_SERVICE_DOWN_S) {
		err_set(e, ERR_REFUSED, "nova-compute of %s is down%s", host,
			now.forced_down ? ": it is forced down" : "");
		return -1;
	}
	return 0;
}

int book_check(struct book *b, size_t i, struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	AUTO(strv_clear) struct strv servers = STRV_INIT;

	if (book_text(s, "host"))
		return check_host(b, book_text(s, "host"), e);
	book_texts(s, "servers", &servers);
	for (size_t k = 0; k < servers.n; k++)
		if (check_server(b, s, servers.v[k], e))
			return -1;
	return book_note(b, i, e, "%zu of %zu can be moved", servers.n,
			 servers.n);
}

/* ---- disable and enable */

/* MARK and the id, ": REASON"; whole characters, as long as Nova takes. */
static char *mark_of(const struct book *b, const struct runbook_step *s)
{
	const char *why = book_text(s, "reason");
	char *m = mem_printf(MARK "%s%s%s", b->b.id, why ? ": " : "",
			     why ? why : "");
	size_t n = strlen(m);

	if (n > REASON_MAX) {
		n = REASON_MAX;
		while (n && ((unsigned char)m[n] & 0xc0) == 0x80)
			n--;
		m[n] = '\0';
	}
	return m;
}

bool book_mark_is(const char *reason, const char *run)
{
	size_t n = strlen(run);

	if (!reason || strncmp(reason, MARK, strlen(MARK)) != 0)
		return false;
	reason += strlen(MARK);
	return !strncmp(reason, run, n) && (!reason[n] || reason[n] == ':');
}

static int disable(struct book *b, size_t i, const char *mark, struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	struct app_service_set set = {.host = book_text(s, "host"),
				      .mark = mark,
				      .disable = true,
				      .control = book_control(s)};
	struct app_service now;
	const char *by = "?";
	struct err ignored = ERR_INIT;
	bool ours;

	if (book_record(b, i, "service",
			json_pack("{s:s, s:s, s:b, s:{s:b}}", "host", set.host,
				  "mark", mark, "changed", 1, "was", "disabled",
				  0),
			e))
		return -1;
	if (!b->a->ops->service_set(b->a, &set, &by, e))
		return book_note(b, i, e, "nova-compute of %s is disabled, %s",
				 set.host, by);
	/* The answer may be lost, or it was done by an earlier try. */
	if (b->a->ops->service_get(b->a, set.host, &now, &ignored)) {
		err_also(e, &ignored);
		return -1;
	}
	ours = now.disabled && book_mark_is(now.reason, b->b.id);
	mem_free(now.reason);
	if (!ours)
		return -1;
	err_clear(e);
	return 0;
}

int book_disable(struct book *b, size_t i, struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	const char *host = book_text(s, "host");
	AUTO(mem_freep) char *mark = mark_of(b, s);
	struct app_service now;
	int rc = 0;

	if (b->a->ops->service_get(b->a, host, &now, e))
		return -1;
	if (!now.disabled)
		rc = disable(b, i, mark, e);
	else if (!book_mark_is(now.reason, b->b.id))
		rc = book_record(b, i, "service",
				 json_pack("{s:s, s:b, s:{s:b, s:s?}}", "host",
					   host, "changed", 0, "was",
					   "disabled", 1, "reason", now.reason),
				 e) ||
				     book_note(b, i, e,
					       "nova-compute of %s was "
					       "disabled already: %s",
					       host,
					       now.reason ? now.reason
							  : "no reason")
			     ? -1
			     : 0;
	mem_free(now.reason);
	return rc;
}

/* Did a step of this run find HOST disabled by somebody else? */
static bool found_disabled(struct book *b, const char *host)
{
	bool yes = false;

	for (size_t i = 0; i < b->rb.n && !yes; i++) {
		struct err ignored = ERR_INIT;
		const char *of;
		json_t *v;

		if (b->rb.steps[i].type != RUNBOOK_DISABLE ||
		    book_recorded(b, i, "service", &v, &ignored)) {
			err_clear(&ignored);
			continue;
		}
		of = json_string_value(json_object_get(v, "host"));
		yes = of && !strcmp(of, host) &&
		      json_is_false(json_object_get(v, "changed"));
		json_decref(v);
	}
	return yes;
}

static int enable(struct book *b, size_t i, const char *mark, struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	struct app_service_set set = {.host = book_text(s, "host"),
				      .mark = mark,
				      .control = book_control(s)};
	struct app_service now;
	struct err ignored = ERR_INIT;
	const char *by = "?";
	bool done;

	if (!b->a->ops->service_set(b->a, &set, &by, e))
		return book_note(b, i, e, "nova-compute of %s is enabled, %s",
				 set.host, by);
	if (b->a->ops->service_get(b->a, set.host, &now, &ignored)) {
		err_also(e, &ignored);
		return -1;
	}
	done = !now.disabled;
	mem_free(now.reason);
	if (!done)
		return -1;
	err_clear(e);
	return 0;
}

int book_enable(struct book *b, size_t i, struct err *e)
{
	const char *host = book_text(&b->rb.steps[i], "host");
	struct app_service now;
	int rc;

	if (b->a->ops->service_get(b->a, host, &now, e))
		return -1;
	if (!now.disabled) {
		rc = book_note(b, i, e, "nova-compute of %s is enabled", host);
	} else if (book_mark_is(now.reason, b->b.id)) {
		rc = enable(b, i, now.reason, e);
	} else if (found_disabled(b, host)) {
		rc = book_note(b, i, e,
			       "nova-compute of %s stays disabled, as it was "
			       "found: %s",
			       host, now.reason ? now.reason : "no reason");
	} else {
		rc = err_set(e, ERR_REFUSED,
			     "nova-compute of %s was disabled by somebody "
			     "else: %s",
			     host, now.reason ? now.reason : "no reason");
	}
	mem_free(now.reason);
	return rc;
}

/* ---- audit */

static bool counts(const json_t *finding, const struct strv *allow)
{
	const char *kind = json_string_value(json_object_get(finding, "kind"));
	const char *severity =
		json_string_value(json_object_get(finding, "severity"));

	return !(severity && !strcmp(severity, "info")) &&
	       !(kind && strv_has(allow, kind)) &&
	       !json_is_true(json_object_get(finding, "fixed"));
}

static int judge(struct book *b, size_t i, const json_t *findings,
		 struct err *e)
{
	AUTO(strv_clear) struct strv allow = STRV_INIT;
	const json_t *f, *first = NULL;
	const char *text;
	size_t k, n = 0;

	book_texts(&b->rb.steps[i], "allow", &allow);
	json_array_foreach (findings, k, f)
		if (counts(f, &allow) && !n++)
			first = f;
	if (!n)
		return book_note(b, i, e, "clean; %zu findings do not count",
				 json_array_size(findings));
	text = json_string_value(json_object_get(first, "message"));
	err_set(e, ERR_REFUSED, "%zu findings, first: %s: %s", n,
		json_string_value(json_object_get(first, "kind")),
		text ? text : "?");
	return err_hint(e,
			"novahaul audit shows them; novahaul resume %s "
			"looks again",
			b->b.id);
}

int book_audit(struct book *b, size_t i, struct err *e)
{
	AUTO(strv_clear) struct strv hosts = STRV_INIT;
	static const char *const none[] = {NULL};
	struct app_audit req = {.hosts = none};
	json_t *report = NULL;
	int rc;

	book_texts(&b->rb.steps[i], "hosts", &hosts);
	if (hosts.n)
		req.hosts = (const char *const *)hosts.v;
	rc = app_audit(b->a, &req, &report, e);
	if (!rc)
		rc = judge(b, i, json_object_get(report, "findings"), e);
	json_decref(report);
	return rc;
}

/* ---- report */

static const char *word(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void as_text(struct buf *out, const json_t *report)
{
	const json_t *s;
	size_t i;

	buf_printf(out, "run %s: %s\n\n", word(report, "run"),
		   word(report, "name"));
	json_array_foreach (json_object_get(report, "steps"), i, s) {
		AUTO(buf_clear) struct buf said = BUF_INIT;

		buf_printf(&said, "%-12s %-20.19s %-20.19s %s",
			   word(s, "state"), word(s, "started"),
			   word(s, "ended"), word(s, "name"));
		if (*word(s, "job"))
			buf_printf(&said, " (%s)", word(s, "job"));
		if (*word(s, "why") || *word(s, "note"))
			buf_printf(&said, ": %s",
				   *word(s, "why") ? word(s, "why")
						   : word(s, "note"));
		out_text(out, buf_str(&said));
		buf_putc(out, '\n');
	}
}

int book_report(struct book *b, size_t i, struct err *e)
{
	const struct runbook_step *s = &b->rb.steps[i];
	bool html = !strcmp(book_text(s, "format"), "html");
	AUTO(buf_clear) struct buf out = BUF_INIT;
	json_t *report = html ? report_batch(b->j, b->b.id, clock_now_us(), e)
			      : book_report_json(b);
	int rc;

	if (!report)
		return -1;
	if (html) {
		report_html(report, &out);
	} else if (!strcmp(book_text(s, "format"), "json")) {
		out_json(&out, report, JSON_INDENT(2));
		buf_putc(&out, '\n');
	} else {
		as_text(&out, report);
	}
	json_decref(report);
	rc = cli_write_file(book_text(s, "file"), buf_str(&out), e);
	return rc ? -1 : book_note(b, i, e, "%s", book_text(s, "file"));
}
