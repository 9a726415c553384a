/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit over the cloud, as the operator types it: what is reported, and what
 * --fix makes of it.  The facts are written by hand, the steps write down that
 * they were called.
 */
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "cli/app_priv.h"
#include "cli/progress.h"
#include "core/uuid.h"
#include "engine/step.h"

#define U1 "11111111-1111-4111-8111-111111111111"
#define U2 "22222222-2222-4222-8222-222222222222"

static struct {
	char dir[32];
	char *path;
	struct config config;
	struct config_host hosts[2];
	struct app_ops ops;
	struct app app;
	struct buf log;	     /* "fix-port a>b, " */
	const char *failing; /* a step, or NULL */
	enum err_kind how;
	json_t *report;
	struct err e;
} t;

/* ---- the cloud: of two servers on b, much is on a */

static void add_server(struct audit_facts *f, const char *uuid,
		       const char *name)
{
	struct audit_server *s = &f->servers[f->n_servers++];
	struct audit_port *p = &f->ports[f->n_ports++];

	*s = (struct audit_server){.uuid = mem_strdup(uuid),
				   .name = mem_strdup(name),
				   .host = mem_strdup("b"),
				   .vm_state = mem_strdup("active")};
	*p = (struct audit_port){.id = mem_printf("port-%s", name),
				 .server = mem_strdup(uuid),
				 .host = mem_strdup("a")};
}

static void add_host(struct audit_facts *f, const char *name)
{
	struct audit_host *h = &f->hosts[f->n_hosts++];

	h->name = mem_strdup(name);
	h->provider = mem_printf("provider-%s", name);
}

static void read_cloud(struct app *a, const struct app_audit_scope *scope,
		       struct audit_facts *f)
{
	(void)a;
	buf_printf(&t.log, "read %zu, ", scope->hosts->n);
	f->hosts = MEM_NEW_N(struct audit_host, 2);
	f->servers = MEM_NEW_N(struct audit_server, 2);
	f->ports = MEM_NEW_N(struct audit_port, 2);
	f->shares = MEM_NEW_N(struct audit_share, 2);
	f->migrations = MEM_NEW_N(struct audit_migration, 1);
	add_host(f, "a");
	add_host(f, "b");
	add_server(f, U1, "web-1");
	add_server(f, U2, "web-2");
	f->placement = f->network = true;
	f->n_shares = 2;
	f->shares[0] =
		(struct audit_share){mem_strdup(U1), mem_strdup("provider-a")};
	f->shares[1] =
		(struct audit_share){mem_strdup(U2), mem_strdup("provider-b")};
	f->n_migrations = 1;
	f->migrations[0] =
		(struct audit_migration){.id = 7,
					 .instance = mem_strdup(U1),
					 .status = mem_strdup("done"),
					 .source = mem_strdup("b"),
					 .armed = true};
}

static int manifests(struct app *a, const char *host, json_t **out,
		     struct err *e)
{
	(void)a;
	(void)host;
	(void)e;
	*out = json_array();
	return 0;
}

/* ---- the steps */

static int run(struct step_ctx *c, const char *name, struct err *e)
{
	const json_t *p = step_params(c);

	buf_printf(&t.log, "%s %s>%s, ", name,
		   json_string_value(json_object_get(p, "host")),
		   json_string_value(json_object_get(p, "home")));
	if (t.failing && !strcmp(t.failing, name))
		return err_set(e, t.how, "not today");
	return step_record(c, "before", json_deep_copy(p), e);
}

static int undo(struct step_ctx *c, struct err *e)
{
	(void)e;
	if (step_recall(c, "before"))
		buf_puts(&t.log, "undo, ");
	return 0;
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	(void)e;
	*state = step_recall(c, "before") ? STEP_DONE : STEP_NOT_DONE;
	return 0;
}

#define STEP(id, text)                                                         \
	static int run_##id(struct step_ctx *c, struct err *e)                 \
	{                                                                      \
		return run(c, text, e);                                        \
	}                                                                      \
	static const struct step step_##id = {.name = text,                    \
					      .summary = text,                 \
					      .mutates = true,                 \
					      .probe = probe,                  \
					      .run = run_##id,                 \
					      .undo = undo}
STEP(evacuation, "fix-evacuation");
STEP(allocation, "fix-allocation");
STEP(port, "fix-port");

static const struct step *const table[] = {&step_evacuation, &step_allocation,
					   &step_port, NULL};

static const struct step *const *steps(void)
{
	return table;
}

static void *fix_open(struct app *a, const json_t *plan, struct err *e)
{
	static int world;

	(void)a;
	(void)e;
	assert_string_equal(json_string_value(json_object_get(plan, "kind")),
			    "fix");
	return &world;
}

static void fix_close(void *world)
{
	(void)world;
}

/* ---- */

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	strcpy(t.dir, "/tmp/nh-fix.XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	t.path = mem_printf("%s/j.db", t.dir);
	t.hosts[0].name = (char *)"a";
	t.hosts[1].name = (char *)"b";
	t.config.hosts = t.hosts;
	t.config.n_hosts = 2;
	t.ops = (struct app_ops){.manifests = manifests,
				 .audit_read = read_cloud,
				 .fix_open = fix_open,
				 .fix_close = fix_close,
				 .fix_steps = steps};
	t.app = (struct app){.config = &t.config,
			     .journal = t.path,
			     .ops = &t.ops,
			     .confirmed = true,
			     .progress = progress_new(PROGRESS_NONE)};
	return 0;
}

static int tear_down(void **state)
{
	AUTO(mem_freep) char *reserve = mem_printf("%s.reserve", t.path);

	(void)state;
	unlink(t.path);
	unlink(reserve);
	assert_int_equal(rmdir(t.dir), 0);
	progress_free(t.app.progress);
	mem_free(t.path);
	buf_clear(&t.log);
	json_decref(t.report);
	err_clear(&t.e);
	return 0;
}

static void audit(struct app_audit r)
{
	json_decref(t.report);
	t.report = NULL;
	buf_reset(&t.log);
	if (app_audit(&t.app, &r, &t.report, &t.e))
		fail_msg("%s", err_msg(&t.e));
}

/* "kind server fixed\n", in the order of the report; the caller frees. */
static char *said(void)
{
	struct buf b = BUF_INIT;
	const json_t *f;
	size_t i;

	json_array_foreach (json_object_get(t.report, "findings"), i, f) {
		const char *name =
			json_string_value(json_object_get(f, "name"));

		buf_printf(&b, "%s %s %s\n",
			   json_string_value(json_object_get(f, "kind")),
			   name ? name : "-",
			   json_is_true(json_object_get(f, "fixed")) ? "fixed"
								     : "left");
	}
	return buf_steal(&b);
}

static void must_say(const char *want)
{
	AUTO(mem_freep) char *is = said();

	assert_string_equal(is, want);
}

static const json_t *first(void)
{
	return json_array_get(json_object_get(t.report, "findings"), 0);
}

static const char *job_of(size_t i)
{
	const json_t *f =
		json_array_get(json_object_get(t.report, "findings"), i);

	return json_string_value(json_object_get(f, "job"));
}

static void t_look(void **state)
{
	(void)state;
	audit((struct app_audit){.fix = false});
	must_say("evacuation-armed web-1 left\n"
		 "allocation-wrong-host web-1 left\n"
		 "port-wrong-host web-1 left\n"
		 "port-wrong-host web-2 left\n");
	assert_string_equal(buf_str(&t.log), "read 2, ");
	assert_string_equal(
		json_string_value(json_object_get(first(), "severity")),
		"critical");
	assert_int_equal(
		json_integer_value(json_object_get(t.report, "schema_version")),
		1);
}

/* One job a server, with its steps in their order. */
static void t_fix(void **state)
{
	(void)state;
	audit((struct app_audit){.fix = true});
	must_say("evacuation-armed web-1 fixed\n"
		 "allocation-wrong-host web-1 fixed\n"
		 "port-wrong-host web-1 fixed\n"
		 "port-wrong-host web-2 fixed\n");
	assert_string_equal(buf_str(&t.log),
			    "read 2, fix-evacuation b>b, fix-allocation a>b, "
			    "fix-port a>b, fix-port a>b, ");
	assert_string_equal(job_of(0), job_of(2));
	assert_string_not_equal(job_of(0), job_of(3));
}

static void t_only(void **state)
{
	static const char *const a[] = {"a", NULL};

	(void)state;
	audit((struct app_audit){.server = "web-2", .fix = true});
	must_say("port-wrong-host web-2 fixed\n");
	assert_string_equal(buf_str(&t.log), "read 2, fix-port a>b, ");
	audit((struct app_audit){.server = U1});
	must_say("evacuation-armed web-1 left\n"
		 "allocation-wrong-host web-1 left\n"
		 "port-wrong-host web-1 left\n");
	audit((struct app_audit){.hosts = a});
	must_say("allocation-wrong-host web-1 left\n"
		 "port-wrong-host web-1 left\n"
		 "port-wrong-host web-2 left\n");
	audit((struct app_audit){.job = "j-aaaaaaaa"});
	must_say("");
}

static void t_unknown(void **state)
{
	struct app_audit r = {.server = "web-3"};

	(void)state;
	assert_int_equal(app_audit(&t.app, &r, &t.report, &t.e), -1);
	assert_int_equal(t.e.kind, ERR_REFUSED);
	assert_non_null(strstr(err_msg(&t.e), "no server web-3"));
}

/* All of a server's, or nothing; another's all the same. */
static void t_failing(void **state)
{
	const char *message;

	(void)state;
	t.failing = "fix-allocation";
	t.how = ERR_REFUSED;
	audit((struct app_audit){.fix = true});
	must_say("evacuation-armed web-1 left\n"
		 "allocation-wrong-host web-1 left\n"
		 "port-wrong-host web-1 left\n"
		 "port-wrong-host web-2 fixed\n");
	assert_string_equal(buf_str(&t.log),
			    "read 2, fix-evacuation b>b, fix-allocation a>b, "
			    "undo, fix-port a>b, ");
	message = json_string_value(json_object_get(first(), "message"));
	assert_non_null(strstr(message, "not fixed"));
	assert_non_null(strstr(message, "not today"));
}

/* A fix that was cut is a job of its own, and in the way of another. */
static void t_cut(void **state)
{
	struct app_outcome out = APP_OUTCOME_INIT;
	char job[JOURNAL_ID_MAX];

	(void)state;
	t.failing = "fix-port";
	t.how = ERR_INTERRUPTED;
	audit((struct app_audit){.server = "web-2", .fix = true});
	must_say("port-wrong-host web-2 left\n");
	snprintf(job, sizeof(job), "%s", job_of(0));
	t.failing = NULL;
	audit((struct app_audit){.fix = false});
	assert_string_equal(json_string_value(json_object_get(first(), "kind")),
			    "open-job");
	assert_string_equal(job_of(0), job);
	audit((struct app_audit){.server = "web-2", .fix = true});
	must_say("port-wrong-host web-2 left\n");
	assert_int_equal(app_resume(&t.app, job, &out, &t.e), 0);
	assert_int_equal(out.end, TXN_DONE);
	json_decref(out.report);
	out = (struct app_outcome)APP_OUTCOME_INIT;
	assert_int_equal(app_rollback(&t.app, job, &out, &t.e), 0);
	assert_int_equal(out.end, TXN_ROLLED_BACK);
	json_decref(out.report);
	assert_non_null(strstr(buf_str(&t.log), "undo, "));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(t_look),    T(t_fix),	    T(t_only),
		T(t_unknown), T(t_failing), T(t_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
