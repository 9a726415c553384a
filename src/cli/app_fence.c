/* SPDX-License-Identifier: Apache-2.0 */
/* fence: evidence is taken, journalled, judged and shown. */
#include <string.h>

#include "cli/app_priv.h"
#include "core/clock.h"
#include "core/str.h"
#include "engine/fence.h"

#define SCHEMA_VERSION 1

static unsigned max_age(const struct app *a, unsigned asked)
{
	return asked ? asked : a->config->fence_max_age;
}

static void journal_closep(struct journal **j)
{
	journal_close(*j);
}

/* --- taking */

static int keep(void *arg, const struct fence_evidence *ev, struct err *e)
{
	return fence_add(arg, ev, e);
}

int app_fence(struct app *a, const struct app_fence *r, json_t **report,
	      struct err *e)
{
	AUTO(journal_closep) struct journal *j = NULL;
	int rc;

	if (r->act && !a->confirmed)
		return err_set(e, ERR_BUG, "host %s: not confirmed", r->host);
	/* It must be possible to write down what is found. */
	j = app_journal(a, e);
	if (!j)
		return -1;
	rc = a->ops->fence_look(a, r, keep, j, e);
	journal_close(j);
	j = NULL;
	return rc ? -1 : app_fence_show(a, r, report, e);
}

/* --- showing */

struct view {
	json_t *rows;
	int64_t now;
	int64_t counts; /* id of the piece that decides, or 0 */
};

static void set_time(json_t *o, const char *key, int64_t us)
{
	char iso[CLOCK_ISO_MAX];

	clock_iso(us, iso);
	json_object_set_new(o, key, json_string(iso));
}

static int64_t age_s(int64_t now, int64_t taken)
{
	return now > taken ? (now - taken) / 1000000 : 0;
}

static bool add_row(void *arg, const struct fence_evidence *ev)
{
	struct view *v = arg;
	const json_t *note = json_object_get(ev->what, "note");
	json_t *row = json_pack(
		"{s:s, s:s, s:I, s:s, s:b, s:O?, s:O?}", "provider",
		ev->provider, "verdict", fence_verdict_name(ev->verdict),
		"age_s", (json_int_t)age_s(v->now, ev->taken_us), "by", ev->by,
		"counts", ev->id == v->counts, "note", note, "what", ev->what);

	set_time(row, "taken", ev->taken_us);
	json_array_append_new(v->rows, row);
	return true;
}

/* The rest of the report: what decides.  WHY is what fence_require() said. */
static void decide(json_t *report, const struct fence_proof *p,
		   const struct err *why)
{
	bool proven = why->kind == ERR_NONE;

	json_object_set_new(report, "proven", json_boolean(proven));
	json_object_set_new(report, "reason",
			    proven ? json_null() : json_string(err_msg(why)));
	json_object_set_new(report, "provider",
			    proven ? json_string(p->provider) : json_null());
	json_object_set_new(report, "by",
			    proven ? json_string(p->by) : json_null());
	json_object_set_new(report, "age_s",
			    proven ? json_integer(p->age_s) : json_null());
	if (proven)
		set_time(report, "taken", p->taken_us);
	else
		json_object_set_new(report, "taken", json_null());
}

static int report_of(struct journal *j, const char *host, unsigned age,
		     json_t **report, struct err *e)
{
	struct view v = {.rows = json_array(), .now = clock_now_us()};
	struct fence_proof p = {0};
	struct err why = ERR_INIT;

	*report = json_pack("{s:i, s:s, s:i, s:o}", "schema_version",
			    SCHEMA_VERSION, "host", host, "max_age_s", (int)age,
			    "evidence", v.rows);
	if (fence_require(j, host, age, &p, &why) && why.kind != ERR_FENCE) {
		err_move(e, &why);
		return -1;
	}
	v.counts = p.id;
	decide(*report, &p, &why);
	if (fence_each(j, host, add_row, &v, e)) {
		err_clear(&why);
		return -1;
	}
	if (why.kind == ERR_NONE)
		return 0;
	err_move(e, &why);
	return -1;
}

int app_fence_show(struct app *a, const struct app_fence *r, json_t **report,
		   struct err *e)
{
	AUTO(journal_closep) struct journal *j = app_journal(a, e);

	if (!j)
		return -1;
	return report_of(j, r->host, max_age(a, r->max_age), report, e);
}

static bool add_host(void *arg, const struct fence_evidence *ev)
{
	struct strv *hosts = arg;

	if (!strv_has(hosts, ev->host))
		strv_add(hosts, ev->host);
	return true;
}

int app_fence_list(struct app *a, unsigned age, json_t **list, struct err *e)
{
	AUTO(journal_closep) struct journal *j = app_journal(a, e);
	AUTO(strv_clear) struct strv hosts = STRV_INIT;

	if (!j || fence_each(j, NULL, add_host, &hosts, e))
		return -1;
	*list = json_array();
	for (size_t i = 0; i < hosts.n; i++) {
		json_t *report = NULL;
		struct err why = ERR_INIT;
		int rc = report_of(j, hosts.v[i], max_age(a, age), &report,
				   &why);

		json_array_append_new(*list, report);
		if (rc && why.kind != ERR_FENCE) {
			err_move(e, &why);
			return -1;
		}
		err_clear(&why);
	}
	return 0;
}

int app_fence_forget(struct app *a, const char *host, struct err *e)
{
	AUTO(journal_closep) struct journal *j = app_journal(a, e);

	if (!j)
		return -1;
	return fence_forget(j, host, e);
}
