/* SPDX-License-Identifier: Apache-2.0 */
/* rescue: what a dead host ran, on another host, from its disks. */
#include <stdio.h>
#include <string.h>

#include "cli/app_rescue.h"
#include "cli/cli_priv.h"
#include "cli/progress.h"
#include "cli/request.h"
#include "core/clock.h"

struct args {
	struct app_request req;
	const char *disks, *xml;
	const char *batch; /* ID:MEMBER:EPOCH */
	unsigned parallel, per_target, max_failures;
	bool accept_bad, list, no_inspect, dry_run;
	int record;
	int route; /* of request_rescue_routes */
	unsigned fence_max_age;
};

#define ARG(member) offsetof(struct args, member)

enum { ROUTE_DIRECT = 0, ROUTE_ADOPT };

static const struct opt opts[] = {
	{.type = OPT_STRING,
	 .name = "disks",
	 .arg = "[HOST:]PATH",
	 .offset = ARG(disks),
	 .required = true,
	 .help = "where its instances_path is seen, and by whom"},
	{.type = OPT_HOST,
	 .name = "to",
	 .arg = "HOST",
	 .offset = REQ(to),
	 .help = "the compute host to bring them up on"},
	{.type = OPT_FLAG,
	 .name = "list",
	 .offset = ARG(list),
	 .dry = true,
	 .help = "show what is there; change nothing"},
	{.type = OPT_FLAG,
	 .name = "no-inspect",
	 .offset = ARG(no_inspect),
	 .help = "list without looking into the disks"},
	{.type = OPT_STRING,
	 .name = "xml",
	 .arg = "[HOST:]DIR",
	 .offset = ARG(xml),
	 .help = "where its /etc/libvirt/qemu is seen, if not beside"},
	{.type = OPT_FLAG,
	 .name = "accept-bad-blocks",
	 .offset = ARG(accept_bad),
	 .help = "go on with holes for what cannot be read"},
	{.type = OPT_CHOICE,
	 .name = "route",
	 .arg = "ROUTE",
	 .offset = ARG(route),
	 .choices = request_rescue_routes,
	 .help = "adopt: Nova's own evacuate takes the disks over"},
	{.type = OPT_CHOICE,
	 .name = "record",
	 .arg = "KIND",
	 .offset = ARG(record),
	 .choices = request_records,
	 .help = "evacuation: its Nova removes its copy when back"},
	{.type = OPT_SECONDS,
	 .name = "fence-max-age",
	 .arg = "TIME",
	 .offset = ARG(fence_max_age),
	 .min = 1,
	 .help = "how old a proof that it is off may be; 15m"},
	{.type = OPT_NUMBER,
	 .name = "parallel",
	 .arg = "N",
	 .offset = ARG(parallel),
	 .help = "instances at a time; 4 by default"},
	{.type = OPT_NUMBER,
	 .name = "per-target",
	 .arg = "N",
	 .offset = ARG(per_target),
	 .help = "of them to one host"},
	{.type = OPT_NUMBER,
	 .name = "max-failures",
	 .arg = "N",
	 .offset = ARG(max_failures),
	 .max = APP_LIMIT_MOST,
	 .help = "after so many, no further one begins"},
	{.type = OPT_CHOICE,
	 .name = "control",
	 .arg = "CONTROL",
	 .offset = REQ(control),
	 .choices = request_controls,
	 .help = "through Nova's API, or libvirt and SQL"},
	{.type = OPT_SIZE,
	 .name = "bwlimit",
	 .arg = "SIZE",
	 .offset = REQ(bwlimit),
	 .help = "bytes a second, all of them together"},
	{.type = OPT_CHOICE,
	 .name = "transport",
	 .arg = "WAY",
	 .offset = REQ(transport),
	 .choices = request_transports,
	 .help = "how the bytes travel"},
	{.type = OPT_FLAG,
	 .name = "no-start",
	 .offset = REQ(no_start),
	 .help = "leave them stopped on the target"},
	{.type = OPT_FLAG,
	 .name = "verify-deep",
	 .offset = REQ(verify_deep),
	 .help = "open the copied disks and compare what is inside"},
	{.type = OPT_FLAG,
	 .name = "verify-full",
	 .offset = REQ(verify_full),
	 .help = "read every byte again before the rewrite"},
	{.type = OPT_FLAG,
	 .name = "dry-run",
	 .key = 'n',
	 .offset = ARG(dry_run),
	 .dry = true,
	 .help = "end after the plans; change nothing"},
	{.type = OPT_STRING,
	 .name = "batch",
	 .arg = "ID:MEMBER:EPOCH",
	 .offset = ARG(batch),
	 .hidden = true,
	 .help = "the batch that begins it"},
	OPT_LAST,
};

static const struct out_column cols[] = {
	{"server", "SERVER", OUT_TEXT},
	{"name", "NAME", OUT_TEXT},
	{"state", "STATE", OUT_TEXT},
	{"vm_state", "VM", OUT_TEXT},
	{"bytes", "BYTES", OUT_BYTES},
	{"os_text", "OS", OUT_TEXT},
	{"filesystems_text", "FILE SYSTEMS", OUT_TEXT},
	{"domain", "DEFINITION", OUT_TEXT},
	{"why", "WHY", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

/* ---- what was asked */

struct asked {
	struct app_dead d;
	struct request_place disks, xml;
};

/* What Nova's evacuate does not do. */
static bool adopt_fits(const struct args *a, struct err *e)
{
	const char *against =
		a->accept_bad ? "--accept-bad-blocks contradict each other: "
				"Nova is given whole disks alone"
		: a->req.no_start
			? "--no-start contradict each other: Nova's evacuate "
			  "starts what it takes over"
		: a->record == APP_RECORD_EVACUATION
			? "--record contradict each other: Nova makes the "
			  "record itself"
		: a->req.control == APP_CONTROL_DIRECT
			? "--control direct contradict each other: it is "
			  "Nova's API that is asked"
			: NULL;

	if (against)
		err_set(e, ERR_USAGE, "--route adopt and %s", against);
	return !against;
}

static int read_asked(const struct cli *c, const struct args *a,
		      struct asked *q, struct err *e)
{
	*q = (struct asked){
		.d = {.from = c->operands[0],
		      .inspect = a->list && !a->no_inspect,
		      .accept_bad = a->accept_bad,
		      .adopt = a->route == ROUTE_ADOPT,
		      .record = (enum app_record)a->record,
		      .fence_max_age = a->fence_max_age
					       ? a->fence_max_age
					       : c->config.fence_max_age}};
	if (!config_host_name_ok(q->d.from)) {
		err_set(e, ERR_USAGE, "rescue: %s is not a host name",
			q->d.from);
		return err_hint(e, "novahaul help rescue");
	}
	if (request_place(a->disks, "rescue HOST", "disks", &q->disks, e) ||
	    (a->xml && request_place(a->xml, "rescue HOST", "xml", &q->xml, e)))
		return -1;
	q->d.host = q->disks.host;
	q->d.path = q->disks.path;
	q->d.xml_host = a->xml ? q->xml.host : NULL;
	q->d.xml_dir = a->xml ? q->xml.path : NULL;
	if (a->list)
		return 0;
	if (!a->req.to) {
		err_set(e, ERR_USAGE, "rescue: --to HOST is missing");
		return err_hint(e,
				"novahaul rescue %s --disks %s --list shows "
				"what is there",
				q->d.from, a->disks);
	}
	if (a->accept_bad && a->req.verify_deep)
		err_set(e, ERR_USAGE,
			"--accept-bad-blocks and --verify-deep contradict each "
			"other: a damaged disk is not what it was");
	else if (!strcmp(a->req.to, q->d.from))
		err_set(e, ERR_USAGE, "--to %s is the dead host itself",
			a->req.to);
	else if (a->route != ROUTE_ADOPT || adopt_fits(a, e))
		return 0;
	return err_hint(e, "novahaul help rescue");
}

/* ---- the list */

static const char *word(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s && *s && strcmp(s, "unknown") != 0 ? s : NULL;
}

/* "Debian GNU/Linux 12 (bookworm), web-1"; what cannot be known is left out. */
static json_t *os_text(const json_t *row)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	const json_t *os;
	size_t i;

	json_array_foreach (json_object_get(row, "os"), i, os) {
		const char *what = word(os, "product");
		const char *name = word(os, "hostname");

		what = what ? what : word(os, "distro");
		what = what ? what : word(os, "type");
		buf_printf(&b, "%s%s%s%s", b.len ? "; " : "",
			   what ? what : "unknown", name ? ", " : "",
			   name ? name : "");
	}
	return b.len ? json_string(buf_str(&b)) : json_null();
}

/* "ext4 root 31 MiB, swap 1 GiB" */
static json_t *filesystems_text(const json_t *row)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	const json_t *fs;
	size_t i;

	json_array_foreach (json_object_get(row, "filesystems"), i, fs) {
		json_int_t n = json_integer_value(json_object_get(fs, "size"));
		const char *type = word(fs, "type"), *label = word(fs, "label");
		char size[OUT_SIZE_MAX];

		out_size(n > 0 ? (uint64_t)n : 0, size);
		buf_printf(&b, "%s%s%s%s %s", b.len ? ", " : "",
			   type ? type : "unknown", label ? " " : "",
			   label ? label : "", size);
	}
	return b.len ? json_string(buf_str(&b)) : json_null();
}

/* For people; the other formats have the members themselves. */
static void in_words(json_t *servers)
{
	json_t *row;
	size_t i;

	json_array_foreach (servers, i, row) {
		const char *unread = word(row, "unread");

		json_object_set_new(row, "os_text", os_text(row));
		json_object_set_new(row, "filesystems_text",
				    filesystems_text(row));
		if (unread && !word(row, "why"))
			json_object_set_new(
				row, "why",
				json_sprintf("not looked into: %s", unread));
	}
}

static int list(struct cli *c, const struct asked *q, struct err *e)
{
	json_t *doc = NULL;
	const char *db;

	if (app_inventory(&c->app, &q->d, &doc, e))
		return -1;
	db = json_string_value(json_object_get(doc, "database"));
	if (c->g.format == OUT_TABLE || c->g.format == OUT_VALUE)
		in_words(json_object_get(doc, "servers"));
	out_list(c->g.format, "servers", json_object_get(doc, "servers"), cols);
	if (db)
		out_note(c->g.format, "Not matched to the database: %s", db);
	json_decref(doc);
	return CLI_DONE;
}

/* Those that can be brought up; what cannot is said. */
static int choose(struct cli *c, const struct asked *q, struct strv *out,
		  struct err *e)
{
	json_t *doc = NULL;
	const json_t *s;
	const char *db;
	size_t i;

	for (int k = 1; k < c->n_operands; k++)
		strv_add(out, c->operands[k]);
	if (out->n)
		return 0;
	if (app_inventory(&c->app, &q->d, &doc, e))
		return -1;
	db = json_string_value(json_object_get(doc, "database"));
	if (db)
		err_set(e, ERR_FAILED, "%s", db);
	json_array_foreach (json_object_get(doc, "servers"), i, s) {
		const char *state =
			json_string_value(json_object_get(s, "state"));
		const char *uuid =
			json_string_value(json_object_get(s, "server"));

		if (!strcmp(state, "complete"))
			strv_add(out, uuid);
		else
			out_note(c->g.format, "%s is left: %s", uuid, state);
	}
	json_decref(doc);
	if (e->kind != ERR_NONE)
		return -1;
	return out->n ? 0
		      : err_set(e, ERR_NOTHING,
				"nothing on the disks of %s can be brought up",
				q->d.from);
}

/* ---- plans */

/* One that is refused stops no other; the first of these errors is the
 * command's. */
struct run {
	json_t *plans; /* of those that can go */
	json_t *batch; /* the same as one (cli/app_rescue.h) */
	bool brief;    /* shown as one, not plan by plan */
	struct err first;
	int code; /* of all that failed; where they differ 3, else 1 */
};

static void run_clear(struct run *r)
{
	json_decref(r->plans);
	json_decref(r->batch);
	err_clear(&r->first);
}

static void failed(struct cli *c, struct run *r, int code, struct err *e)
{
	if (code == CLI_DONE) {
		err_clear(e);
		return;
	}
	if (c->g.format == OUT_TABLE && r->first.kind != ERR_NONE)
		out_note(c->g.format, "%s%s%s", err_msg(e),
			 e->hint ? "; hint: " : "", e->hint ? e->hint : "");
	if (r->code == CLI_DONE)
		r->code = code;
	else if (r->code != code)
		r->code = r->code == CLI_OPEN || code == CLI_OPEN ? CLI_OPEN
								  : CLI_FAILED;
	if (r->first.kind == ERR_NONE)
		err_move(&r->first, e);
	err_clear(e);
}

static void plan_one(struct cli *c, const struct app_request *req,
		     struct run *r)
{
	struct err e = ERR_INIT;
	json_t *plan = NULL;

	if (app_plan(&c->app, req, &plan, &e)) {
		if (plan)
			cli_print_checks(c->g.format, plan);
		app_rescue_refused(r->batch, plan, req->server, &e);
		json_decref(plan);
		failed(c, r, (int)cli_exit_code(&e), &e);
		return;
	}
	/* Named twice, it is brought up once. */
	if (app_rescue_add(r->batch, plan)) {
		json_array_append(r->plans, plan);
		if (!r->brief && (c->g.format == OUT_TABLE || !c->mutates))
			cli_print_plan(c->g.format, plan, c->g.verbose > 1);
	}
	json_decref(plan);
}

/* ---- what is done */

static int ask(struct cli *c, const struct asked *q, const struct run *r,
	       const char *to, struct err *e)
{
	AUTO(mem_freep)
	char *text =
		mem_printf("Bring up %zu server%s of %s on %s%s?",
			   json_array_size(r->plans),
			   json_array_size(r->plans) == 1 ? "" : "s", q->d.from,
			   to, q->d.adopt ? " by Nova's own evacuate" : "");

	return cli_confirm(c, text, e);
}

/* One: a job of its own. */
static void apply_one(struct cli *c, struct run *r)
{
	struct app_outcome out = APP_OUTCOME_INIT;
	struct err e = ERR_INIT;

	app_apply(&c->app, json_array_get(r->plans, 0), &out, &e);
	failed(c, r, cli_finish(c, &out, &e), &e);
}

/* Several: one batch, of which each plans anew when it begins. */
static void apply_all(struct cli *c, struct run *r)
{
	struct app_batch_outcome out = {.code = -1};
	struct err e = ERR_INIT;

	app_batch_run(&c->app, r->batch, &out, &e);
	failed(c, r, cli_finish_batch(c, &out, &e), &e);
}

static int apply(struct cli *c, const struct asked *q, struct run *r,
		 const char *to, struct err *e)
{
	size_t n = json_array_size(r->plans);

	if (r->brief && c->g.format == OUT_TABLE) {
		if (n > 1)
			cli_print_batch_plan(OUT_TABLE, r->batch);
		else
			cli_print_plan(OUT_TABLE, json_array_get(r->plans, 0),
				       false);
	}
	if (ask(c, q, r, to, e))
		return -1;
	if (n > 1)
		apply_all(c, r);
	else
		apply_one(c, r);
	/* What waits for it is done when it is back, and what it has may run.
	 */
	out_note(c->g.format,
		 "Before nova-compute runs on %s again: rabbitmqctl "
		 "delete_queue compute.%s; novahaul readmit %s",
		 q->d.from, q->d.from, q->d.from);
	return 0;
}

static int all(struct cli *c, const struct args *a, const struct asked *q,
	       struct err *e)
{
	AUTO(strv_clear) struct strv servers = STRV_INIT;
	AUTO(run_clear) struct run r = {.plans = json_array()};
	struct app_request req = a->req;
	const struct app_limits limits = {.parallel = a->parallel,
					  .per_target = a->per_target,
					  .max_failures = a->max_failures,
					  .bwlimit = a->req.bwlimit};

	req.dead = &q->d;
	if (app_fenced(&c->app, &q->d, NULL, e) || choose(c, q, &servers, e))
		return -1;
	r.batch = app_rescue_plan(&req, &limits);
	r.brief = servers.n > 1 && !a->dry_run && !c->g.verbose;
	for (size_t i = 0; i < servers.n; i++) {
		req.server = servers.v[i];
		plan_one(c, &req, &r);
	}
	if (json_array_size(r.plans) && !a->dry_run &&
	    apply(c, q, &r, req.to, e))
		return -1;
	if (r.first.kind != ERR_NONE)
		err_move(e, &r.first);
	return r.code;
}

/* ---- a member of a batch */

struct member {
	struct app_request req;
	const char *batch;
};

static int member_once(struct cli *c, const void *request,
		       struct app_outcome *out, struct err *e)
{
	const struct member *m = request;
	json_t *plan = NULL;
	int code = -1, rc = app_plan(&c->app, &m->req, &plan, e);

	c->app.planned_us = clock_mono_us();
	if (rc) {
		if (plan)
			cli_print_checks(c->g.format, plan);
	} else if (!cli_put_batch(plan, m->batch, false, e) &&
		   !cli_confirm(c, "Bring it up?", e)) {
		app_apply(&c->app, plan, out, e);
		code = cli_finish(c, out, e);
	}
	c->app.planned_us = 0;
	json_decref(plan);
	return code;
}

/* Room is counted by its plan, as for one that is typed alone. */
static int member(struct cli *c, const struct args *a, const struct asked *q,
		  struct err *e)
{
	struct member m = {a->req, a->batch};

	if (c->n_operands != 2) {
		err_set(e, ERR_USAGE, "--batch is of one server");
		return err_hint(e, "novahaul help rescue");
	}
	m.req.dead = &q->d;
	m.req.server = c->operands[1];
	return cli_plan_and_do(c, member_once, &m, m.batch, e);
}

static int run(struct cli *c, const void *args, struct err *e)
{
	const struct args *a = args;
	struct asked q;

	if (read_asked(c, a, &q, e))
		return -1;
	return a->list			 ? list(c, &q, e)
	       : a->batch && !a->dry_run ? member(c, a, &q, e)
					 : all(c, a, &q, e);
}

const struct cmd cmd_rescue = {
	.name = "rescue",
	.summary = "Bring up a dead host's instances from its disks",
	.operands = "HOST [SERVER...]",
	.min_operands = 1,
	.max_operands = -1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.mutates = true,
	.run = run,
};
