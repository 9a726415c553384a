/* SPDX-License-Identifier: Apache-2.0 */
/*
 * readmit, as the operator types it: what a returning host has left, what
 * stands in the way, and in which order it is settled.  The facts are written
 * by hand, the steps write down that they were called.
 */
#include "unit/unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit/audit.h"
#include "cli/app_priv.h"
#include "cli/progress.h"
#include "engine/fence.h"
#include "engine/step.h"
#include "engine/txn.h"

/* Facts own their strings; these are literals that nobody frees. */
#pragma GCC diagnostic ignored "-Wdiscarded-qualifiers"

#define U1 "11111111-1111-4111-8111-111111111111"
#define U2 "22222222-2222-4222-8222-222222222222"

/* web-1 was evacuated from dead to home: dead has its domain, its directory,
 * its record and its share.  web-2 is Nova's on dead. */
static struct {
	struct audit_facts f;
	struct audit_host hosts[2];
	struct audit_domain at_dead[2], at_home[1];
	struct audit_dir in_dead[2], in_home[1];
	struct audit_server servers[2];
	struct audit_migration migrations[2];
	struct audit_share shares[2];
	struct audit_unasked unasked[1];
	json_t *state;
	struct strv asked; /* hosts */
	/* the run */
	char dir[32];
	char *path;
	struct config config;
	struct app_ops ops;
	struct app app;
	struct buf log;
	const char *failing;
	enum err_kind how;
	json_t *manifests; /* of dead; NULL: none */
	json_t *report;
	bool open;
	struct err e;
} t;

enum { DEAD, HOME };

static void world(void)
{
	t.at_dead[0] = (struct audit_domain){U1, AUDIT_STOPPED};
	t.at_dead[1] = (struct audit_domain){U2, AUDIT_RUN_UNKNOWN};
	t.in_dead[0] = (struct audit_dir){.uuid = U1, .suffix = ""};
	t.in_dead[1] = (struct audit_dir){.uuid = U2, .suffix = ""};
	t.at_home[0] = (struct audit_domain){U1, AUDIT_RUN_UNKNOWN};
	t.in_home[0] = (struct audit_dir){.uuid = U1, .suffix = ""};
	t.hosts[DEAD] = (struct audit_host){.name = "dead",
					    .provider = "p-dead",
					    .looked = true,
					    .domains = t.at_dead,
					    .n_domains = 2,
					    .dirs = t.in_dead,
					    .n_dirs = 2};
	t.hosts[HOME] = (struct audit_host){.name = "home",
					    .provider = "p-home",
					    .looked = true,
					    .domains = t.at_home,
					    .n_domains = 1,
					    .dirs = t.in_home,
					    .n_dirs = 1};
	t.servers[0] = (struct audit_server){.uuid = U1,
					     .name = "web-1",
					     .host = "home",
					     .vm_state = "active"};
	t.servers[1] = (struct audit_server){.uuid = U2,
					     .name = "web-2",
					     .host = "dead",
					     .vm_state = "active"};
	t.migrations[0] = (struct audit_migration){.id = 7,
						   .instance = U1,
						   .status = "done",
						   .source = "dead",
						   .dest = "home",
						   .armed = true,
						   .in_flight = true};
	t.shares[0] = (struct audit_share){U1, "p-dead"};
	t.shares[1] = (struct audit_share){U1, "p-home"};
	t.f = (struct audit_facts){.hosts = t.hosts,
				   .n_hosts = 2,
				   .servers = t.servers,
				   .n_servers = 2,
				   .migrations = t.migrations,
				   .n_migrations = 1,
				   .shares = t.shares,
				   .n_shares = 2,
				   .unasked = t.unasked,
				   .placement = true};
}

/* ---- what is found */

/* "kind name fix\n" in the order of discovery. */
static void finds(const char *want)
{
	static const char *const fixes[] = {
		[AUDIT_FIX_NONE] = "stop",
		[AUDIT_FIX_EVACUATION] = "record",
		[AUDIT_FIX_ALLOCATION] = "share",
		[AUDIT_FIX_PORT] = "port",
		[AUDIT_FIX_DOMAIN] = "domain",
		[AUDIT_FIX_DIRECTORY] = "directory",
	};
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct audit_found found;

	audit_readmit(&t.f, "dead", &found);
	for (size_t i = 0; i < found.n; i++) {
		const struct audit_finding *x = &found.v[i];

		buf_printf(&b, "%s %s\n", x->name, fixes[x->fix]);
		assert_string_equal(x->host, "dead");
		assert_non_null(x->message);
		assert_true(x->fix || x->hint);
	}
	audit_found_clear(&found);
	if (strcmp(buf_str(&b), want) != 0)
		fail_msg("found:\n%swanted:\n%s", buf_str(&b), want);
}

static void t_finds(void **state)
{
	(void)state;
	world();
	finds("web-1 domain\nweb-1 directory\nweb-1 record\nweb-1 share\n");
	/* Never evacuated by Nova: rewritten by hand, or by rescue. */
	t.f.n_migrations = 0;
	t.f.n_shares = 0;
	finds("web-1 domain\nweb-1 directory\n");
	/* Only the record is left. */
	world();
	t.hosts[DEAD].n_domains = t.hosts[DEAD].n_dirs = 0;
	t.f.n_shares = 0;
	finds("web-1 record\n");
	/* Completed, or of another host: not ours. */
	t.migrations[0].armed = false;
	finds("");
	t.migrations[0].armed = true;
	t.migrations[0].source = "home";
	finds("");
	/* On a share the directory is the server's own. */
	world();
	t.hosts[DEAD].shared = t.hosts[HOME].shared = "nfs4 filer:/x";
	finds("web-1 domain\nweb-1 record\nweb-1 share\n");
}

/* It has come back, and its record would destroy it: the worst case. */
static void t_came_back(void **state)
{
	(void)state;
	world();
	t.migrations[1] = t.migrations[0];
	t.migrations[1].id = 8;
	t.migrations[1].instance = U2;
	t.f.n_migrations = 2;
	t.servers[0].host = "dead";
	t.f.n_shares = 0;
	finds("web-1 record\nweb-2 record\n");
}

static void t_stops(void **state)
{
	(void)state;
	world();
	t.at_dead[0].run = AUDIT_RUNNING;
	finds("web-1 stop\nweb-1 record\nweb-1 share\n");
	/* Not known to be stopped is not stopped. */
	t.at_dead[0].run = AUDIT_RUN_UNKNOWN;
	finds("web-1 stop\nweb-1 record\nweb-1 share\n");
	/* What its home has is not known, or nothing, or cannot start. */
	world();
	t.hosts[HOME].looked = false;
	finds("web-1 stop\nweb-1 record\nweb-1 share\n");
	world();
	t.hosts[HOME].n_dirs = 0;
	finds("web-1 stop\nweb-1 record\nweb-1 share\n");
	world();
	t.in_home[0].empty = true;
	finds("web-1 stop\nweb-1 record\nweb-1 share\n");
	world();
	t.in_home[0].base = "/base";
	finds("web-1 stop\nweb-1 record\nweb-1 share\n");
	/* Nova is at work on it. */
	world();
	t.servers[0].task_state = "rebuilding";
	finds("web-1 stop\nweb-1 record\n");
	world();
	t.servers[0].vm_state = "error";
	finds("web-1 stop\nweb-1 record\n");
}

/* ---- the run */

static void read_world(struct app *a, const struct app_audit_scope *scope,
		       struct audit_facts *f)
{
	(void)a;
	for (size_t i = 0; i < scope->hosts->n; i++)
		strv_add(&t.asked, scope->hosts->v[i]);
	*f = t.f;
	/* audit_facts_clear() of the app must find its own. */
	f->hosts = NULL;
	f->n_hosts = 0;
	f->servers = NULL;
	f->n_servers = 0;
	f->migrations = NULL;
	f->n_migrations = 0;
	f->shares = NULL;
	f->n_shares = 0;
	f->unasked = NULL;
	f->n_unasked = 0;
	for (size_t i = 0; i < t.f.n_unasked; i++) {
		struct err why = ERR_INIT;

		err_set(&why, ERR_FAILED, "%s", t.unasked[i].why);
		audit_unasked(f, t.unasked[i].what, t.unasked[i].host, &why);
	}
	f->hosts = MEM_NEW_N(struct audit_host, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct audit_host *h = &t.hosts[i];
		struct audit_host *to = &f->hosts[f->n_hosts++];

		to->name = mem_strdup(h->name);
		to->provider = mem_strdup0(h->provider);
		/* Only those that were asked for. */
		to->looked = h->looked && strv_has(scope->hosts, h->name);
		if (!to->looked)
			continue;
		to->domains = MEM_NEW_N(struct audit_domain, 2);
		for (; to->n_domains < h->n_domains; to->n_domains++)
			to->domains[to->n_domains] = (struct audit_domain){
				mem_strdup(h->domains[to->n_domains].uuid),
				h->domains[to->n_domains].run};
		to->dirs = MEM_NEW_N(struct audit_dir, 2);
		for (; to->n_dirs < h->n_dirs; to->n_dirs++)
			to->dirs[to->n_dirs] = (struct audit_dir){
				.uuid = mem_strdup(h->dirs[to->n_dirs].uuid),
				.suffix = mem_strdup("")};
	}
	f->servers = MEM_NEW_N(struct audit_server, 2);
	for (size_t i = 0; i < 2; i++)
		f->servers[f->n_servers++] = (struct audit_server){
			.uuid = mem_strdup(t.servers[i].uuid),
			.name = mem_strdup(t.servers[i].name),
			.host = mem_strdup(t.servers[i].host),
			.job = mem_strdup0(t.servers[i].job),
			.vm_state = mem_strdup(t.servers[i].vm_state)};
	f->migrations = MEM_NEW_N(struct audit_migration, 1);
	for (size_t i = 0; i < t.f.n_migrations; i++)
		f->migrations[f->n_migrations++] = (struct audit_migration){
			.id = t.migrations[i].id,
			.instance = mem_strdup(t.migrations[i].instance),
			.status = mem_strdup(t.migrations[i].status),
			.source = mem_strdup(t.migrations[i].source),
			.armed = t.migrations[i].armed};
	f->shares = MEM_NEW_N(struct audit_share, 2);
	for (size_t i = 0; i < t.f.n_shares; i++)
		f->shares[f->n_shares++] =
			(struct audit_share){mem_strdup(t.shares[i].consumer),
					     mem_strdup(t.shares[i].provider)};
}

static int look(struct app *a, const char *host, json_t **out, struct err *e)
{
	(void)a;
	(void)e;
	assert_string_equal(host, "dead");
	*out = json_incref(t.state);
	return 0;
}

static int manifests(struct app *a, const char *host, json_t **out,
		     struct err *e)
{
	(void)a;
	(void)e;
	assert_string_equal(host, "dead");
	*out = t.manifests ? json_incref(t.manifests) : json_array();
	return 0;
}

static int run_step(struct step_ctx *c, const char *name, struct err *e)
{
	buf_printf(&t.log, "%s, ", name);
	if (t.failing && !strcmp(t.failing, name))
		return err_set(e, t.how, "not today");
	return step_record(c, "before", json_true(), e);
}

static int undo_step(struct step_ctx *c, struct err *e)
{
	(void)e;
	if (step_recall(c, "before"))
		buf_puts(&t.log, "undo, ");
	return 0;
}

static int probe_step(struct step_ctx *c, enum step_state *state, struct err *e)
{
	(void)c;
	(void)e;
	*state = t.how == ERR_LOST ? STEP_UNKNOWN : STEP_NOT_DONE;
	return 0;
}

#define STEP(id, text)                                                         \
	static int run_##id(struct step_ctx *c, struct err *e)                 \
	{                                                                      \
		return run_step(c, text, e);                                   \
	}                                                                      \
	static const struct step step_##id = {.name = "fix-" text,             \
					      .summary = text,                 \
					      .mutates = true,                 \
					      .probe = probe_step,             \
					      .run = run_##id,                 \
					      .undo = undo_step}
STEP(evacuation, "evacuation");
STEP(allocation, "allocation");
STEP(domain, "domain");
STEP(directory, "directory");
STEP(service, "service");

static const struct step *const table[] = {&step_evacuation, &step_allocation,
					   &step_domain,     &step_directory,
					   &step_service,    NULL};

static const struct step *const *steps(void)
{
	return table;
}

static void *fix_open(struct app *a, const json_t *plan, struct err *e)
{
	static int it;

	(void)a;
	(void)e;
	assert_string_equal(json_string_value(json_object_get(plan, "kind")),
			    "readmit");
	return &it;
}

static void fix_close(void *it)
{
	(void)it;
}

static int set_up(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	world();
	t.state = json_pack("{s:b, s:b, s:b, s:n, s:b}", "nova_compute", false,
			    "forced_down", true, "disabled", false, "reason",
			    "ours", false);
	strcpy(t.dir, "/tmp/nh-readmit.XXXXXX");
	assert_non_null(mkdtemp(t.dir));
	t.path = mem_printf("%s/j.db", t.dir);
	t.config.fence_max_age = 900;
	t.ops = (struct app_ops){.audit_read = read_world,
				 .readmit_look = look,
				 .manifests = manifests,
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
	/* job() leaves a file as well where that was a database */
	unlinkat(AT_FDCWD, t.path, 0);
	assert_int_equal(rmdir(t.dir), 0);
	progress_free(t.app.progress);
	mem_free(t.path);
	buf_clear(&t.log);
	strv_clear(&t.asked);
	json_decref(t.report);
	json_decref(t.state);
	json_decref(t.manifests);
	err_clear(&t.e);
	return 0;
}

static void go(bool only_look, enum err_kind want)
{
	struct app_readmit r = {.host = "dead", .look = only_look};
	int rc;

	json_decref(t.report);
	t.report = NULL;
	t.open = false;
	buf_reset(&t.log);
	strv_clear(&t.asked);
	err_clear(&t.e);
	rc = app_readmit(&t.app, &r, &t.report, &t.open, &t.e);
	if (t.e.kind != want || (rc == 0) != (want == ERR_NONE))
		fail_msg("%d, %s: %s", rc, err_kind_name(t.e.kind),
			 err_msg(&t.e));
	if (want != ERR_NONE && !strstr(err_msg(&t.e), "host dead"))
		fail_msg("%s", err_msg(&t.e));
}

static size_t jobs(void)
{
	const json_t *x;
	size_t i, n = 0;

	json_array_foreach (json_object_get(t.report, "findings"), i, x)
		n += json_is_true(json_object_get(x, "done"));
	return n;
}

/* The order: nothing is armed when Nova may use the host. */
static void t_run(void **state)
{
	struct journal *j;

	(void)state;
	go(true, ERR_NONE);
	assert_string_equal(buf_str(&t.log), "");
	assert_int_equal(access(t.path, F_OK), -1);
	/* The host first, and then those where its servers are. */
	assert_int_equal(t.asked.n, 3);
	assert_string_equal(t.asked.v[0], "dead");
	assert_string_equal(t.asked.v[2], "home");
	go(false, ERR_NONE);
	assert_string_equal(buf_str(&t.log), "domain, directory, evacuation, "
					     "allocation, service, ");
	assert_int_equal(jobs(), 4);
	assert_non_null(
		json_string_value(json_object_get(t.report, "service_job")));
	/* Whoever had it for dead. */
	j = journal_open(t.path, &t.e);
	assert_int_equal(fence_require(j, "dead", 0, NULL, &t.e), -1);
	assert_non_null(strstr(err_msg(&t.e), "alive"));
	journal_close(j);
}

static void t_failing(void **state)
{
	(void)state;
	t.failing = "evacuation";
	t.how = ERR_CONFLICT;
	go(false, ERR_FAILED);
	assert_string_equal(buf_str(&t.log),
			    "domain, directory, evacuation, undo, undo, ");
	assert_false(t.open);
	assert_int_equal(jobs(), 0);
	/* The host stays out. */
	assert_null(
		json_string_value(json_object_get(t.report, "service_job")));
	assert_non_null(strstr(err_msg(&t.e), "stays out"));
	/* Its outcome is not known: the job is open, and another run refuses
	 * to begin anew. */
	t.failing = "domain";
	t.how = ERR_STALE;
	go(false, ERR_STALE);
	t.failing = NULL;
	assert_null(strstr(buf_str(&t.log), "service"));
}

static void t_refused(void **state)
{
	(void)state;
	json_object_set_new(t.state, "nova_compute", json_true());
	go(false, ERR_REFUSED);
	assert_non_null(strstr(err_msg(&t.e), "nova-compute runs there"));
	assert_string_equal(buf_str(&t.log), "");
	json_object_set_new(t.state, "nova_compute", json_false());
	t.at_dead[0].run = AUDIT_RUNNING;
	go(true, ERR_REFUSED);
	assert_non_null(strstr(err_msg(&t.e), "runs on dead"));
	t.at_home[0].run = AUDIT_RUNNING;
	go(false, ERR_REFUSED);
	assert_non_null(strstr(err_msg(&t.e), "two guests"));
	assert_non_null(strstr(t.e.hint, "virsh destroy"));
	assert_string_equal(buf_str(&t.log), "");
	assert_int_equal(access(t.path, F_OK), -1);
}

/* What is not seen is not "nothing there". */
static void t_unseen(void **state)
{
	(void)state;
	t.hosts[DEAD].looked = false;
	go(false, ERR_REFUSED);
	t.unasked[0] = (struct audit_unasked){
		.what = "dead", .why = "no route to host", .host = true};
	t.f.n_unasked = 1;
	go(false, ERR_FAILED);
	assert_non_null(strstr(err_msg(&t.e), "no route"));
	world();
	t.unasked[0] =
		(struct audit_unasked){.what = "Placement", .why = "no answer"};
	t.f.n_unasked = 1;
	go(false, ERR_FAILED);
	assert_string_equal(buf_str(&t.log), "");
	/* Another host that does not answer is only in the way of what depends
	 * on it. */
	t.unasked[0] = (struct audit_unasked){
		.what = "other", .why = "no answer", .host = true};
	go(false, ERR_NONE);
}

static void t_service(void **state)
{
	(void)state;
	/* Nothing is left, and it is only forced down. */
	t.hosts[DEAD].n_domains = t.hosts[DEAD].n_dirs = 0;
	t.f.n_migrations = t.f.n_shares = 0;
	go(false, ERR_NONE);
	assert_string_equal(buf_str(&t.log), "service, ");
	json_object_set_new(t.state, "forced_down", json_false());
	go(false, ERR_NOTHING);
	/* Disabled by a person: that stays. */
	json_object_set_new(t.state, "disabled", json_true());
	go(false, ERR_NOTHING);
	json_object_set_new(t.state, "ours", json_true());
	go(false, ERR_NONE);
	assert_string_equal(buf_str(&t.log), "service, ");
}

/* ---- jobs that have to end first */

/* In the journal, about web-1. */
static void job(const char *kind, enum journal_state state, enum journal_dir d,
		char id[JOURNAL_ID_MAX])
{
	struct txn_env env = {.steps = table};
	struct journal_job job = {0};
	struct journal_turn turn = {.state = state, .dir = d};
	struct journal_key key;
	json_t *plan = json_pack(
		"{s:s, s:{s:s, s:s}, s:s, s:s, s:[{s:s, s:{}}]}", "kind", kind,
		"instance", "uuid", U1, "name", "web-1", "source", "dead",
		"target", "home", "steps", "step", "fix-domain", "params");

	env.journal = journal_open(t.path, &t.e);
	assert_non_null(env.journal);
	assert_int_equal(txn_start(&env, plan, id, &t.e), 0);
	assert_int_equal(journal_load(env.journal, id, &job, &t.e), 0);
	key = journal_key(&job);
	assert_int_equal(journal_turn(env.journal, &key, &turn, &t.e), 0);
	journal_job_clear(&job);
	journal_close(env.journal);
	/* Where the journals are MariaDB's (store-lab.h), the look asks whether
	 * there is one, of a file. */
	close(open(t.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	json_decref(plan);
}

/* Refused before anything, by whom, and in which order to type what. */
static void held(const char *why, const char *fmt, const char *id)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	/* FMT has "J" for the job. */
	for (; *fmt; fmt++)
		if (*fmt == 'J')
			buf_puts(&b, id);
		else
			buf_putc(&b, *fmt);
	for (int only_look = 1; only_look >= 0; only_look--) {
		go(only_look, ERR_LOCKED);
		if (!strstr(err_msg(&t.e), id) || !strstr(err_msg(&t.e), why) ||
		    !strstr(err_msg(&t.e), "server " U1 " (web-1)"))
			fail_msg("%s", err_msg(&t.e));
		assert_string_equal(t.e.hint, buf_str(&b));
		assert_string_equal(buf_str(&t.log), "");
		assert_false(t.open);
	}
}

static void t_open_job(void **state)
{
	char id[JOURNAL_ID_MAX];

	(void)state;
	job("move", JOURNAL_OPEN, JOURNAL_FORWARD, id);
	held("from dead to home is open",
	     "novahaul resume J, or novahaul rollback J; then novahaul readmit "
	     "dead",
	     id);
	/* Its row names it, too. */
	t.servers[0].job = id;
	held("from dead to home is open",
	     "novahaul resume J, or novahaul rollback J; then novahaul readmit "
	     "dead",
	     id);
}

static void t_open_back(void **state)
{
	char id[JOURNAL_ID_MAX];

	(void)state;
	job("move", JOURNAL_OPEN, JOURNAL_BACKWARD, id);
	held("from dead to home is open",
	     "novahaul resume J goes on with its rollback; then novahaul "
	     "readmit dead",
	     id);
}

static void t_open_fix(void **state)
{
	char id[JOURNAL_ID_MAX];

	(void)state;
	job("fix", JOURNAL_OPEN, JOURNAL_FORWARD, id);
	held("of audit --fix is open",
	     "novahaul resume J, or novahaul rollback J; then novahaul readmit "
	     "dead",
	     id);
}

static void lies(const char *id, bool closed, bool lease)
{
	json_decref(t.manifests);
	t.manifests =
		lease ? json_pack("[{s:s, s:s, s:b, s:s, s:s}]", "host", "dead",
				  "job", id, "closed", closed, "text", "",
				  "server", U1)
		      : json_pack("[{s:s, s:s, s:b, s:s}]", "host", "dead",
				  "job", id, "closed", closed, "text",
				  "{\"plan\": {\"instance\": {\"uuid\": "
				  "\"" U1 "\"}}}");
}

/* Undone while its source was dead: the host has not heard of it. */
static void t_undone(void **state)
{
	char id[JOURNAL_ID_MAX];

	(void)state;
	job("move", JOURNAL_ROLLED_BACK, JOURNAL_BACKWARD, id);
	lies(id, false, false);
	held("was undone without the host",
	     "novahaul audit dead --fix --job J; then novahaul readmit dead",
	     id);
	lies(id, false, true);
	held("was undone without the host",
	     "novahaul audit dead --fix --job J; then novahaul readmit dead",
	     id);
	/* A copy that is kept holds nothing; nor is another server's lease in
	 * its way. */
	lies(id, true, false);
	go(true, ERR_NONE);
	lies(id, false, true);
	json_object_set_new(json_array_get(t.manifests, 0), "server",
			    json_string(U2));
	go(false, ERR_NONE);
	assert_int_equal(jobs(), 4);
}

static void t_done(void **state)
{
	char id[JOURNAL_ID_MAX];

	(void)state;
	job("move", JOURNAL_DONE, JOURNAL_FORWARD, id);
	lies(id, false, false);
	go(false, ERR_NONE);
	assert_int_equal(jobs(), 4);
}

/* Of another journal.  What the job keeps from being settled is its matter; a
 * guest that runs comes first all the same. */
static void t_foreign(void **state)
{
	(void)state;
	lies("j-aaaaaaaa", false, true);
	held("this journal does not know",
	     "novahaul audit dead --fix --job J; then novahaul readmit dead",
	     "j-aaaaaaaa");
	json_decref(t.manifests);
	t.manifests = NULL;
	t.servers[0].job = "j-aaaaaaaa";
	held("holds its row",
	     "novahaul audit --fix --job J; then novahaul readmit dead",
	     "j-aaaaaaaa");
	assert_int_equal(access(t.path, F_OK), -1);
	t.at_dead[0].run = AUDIT_RUNNING;
	go(false, ERR_REFUSED);
	assert_non_null(strstr(err_msg(&t.e), "runs on dead"));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_finds),
		cmocka_unit_test(t_came_back),
		cmocka_unit_test(t_stops),
		T(t_run),
		T(t_failing),
		T(t_refused),
		T(t_unseen),
		T(t_service),
		T(t_open_job),
		T(t_open_back),
		T(t_open_fix),
		T(t_undone),
		T(t_done),
		T(t_foreign),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
