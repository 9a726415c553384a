/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of audit --fix under the real engine: done, undone, refused where
 * the world is not as audit saw it, and where others were faster.
 */
#include "unit/steps-lab.h"

#include "steps/fix.h"

#define P30 "30303030-3030-4030-8030-303030303030"
#define P34 "34343434-3434-4434-8434-343434343434"

/* The server is on SRC; whatever is wrong is on DST. */
static struct {
	struct fix_world w;
	struct txn_env env;
	char id[JOURNAL_ID_MAX];
	char status[16]; /* of the record; "": none */
	bool lost;	 /* the next COMMIT has no answer, and landed */
	json_t *shares;	 /* Placement's */
	int64_t generation;
	int rivals;    /* so many writes come too late */
	char host[32]; /* the port's */
	bool waits;    /* ... which Neutron has not bound there */
	int64_t revision;
	struct db_service service; /* DST's; its reason is a literal */
} x;

/* ---- the world */

static int status(struct db *db, const struct db_settle *s, char **out,
		  struct err *e)
{
	(void)db;
	(void)e;
	assert_int_equal(s->id, 7);
	*out = *x.status ? mem_strdup(x.status) : NULL;
	return 0;
}

static int settle_record(struct db *db, const struct db_settle *s,
			 struct err *e)
{
	(void)db;
	if (strcmp(x.status, s->to) != 0 && strcmp(x.status, s->from) != 0)
		return err_set(e, ERR_CONFLICT, "it is %s now", x.status);
	snprintf(x.status, sizeof(x.status), "%s", s->to);
	if (!x.lost)
		return 0;
	x.lost = false;
	return err_set(e, ERR_LOST, "no answer");
}

static int service(struct db *db, const char *host, struct db_service *out,
		   struct err *e)
{
	(void)db;
	(void)e;
	assert_string_equal(host, t.fw->h[DST].name);
	*out = x.service;
	out->reason = mem_strdup0(x.service.reason);
	return 0;
}

static int serve(struct db *db, const struct db_service_change *c,
		 struct err *e)
{
	(void)db;
	if (!db_service_same(&x.service, &c->from) &&
	    !db_service_same(&x.service, &c->to))
		return err_set(e, ERR_CONFLICT, "somebody else");
	x.service = c->to;
	x.service.reason = c->to.reason && !strncmp(c->to.reason, "novahaul", 8)
				   ? (char *)"novahaul rescue"
			   : c->to.reason ? (char *)"broken fan"
					  : NULL;
	if (!x.lost)
		return 0;
	x.lost = false;
	return err_set(e, ERR_LOST, "no answer");
}

static int shares(void *self, const char *server, json_t **out, struct err *e)
{
	(void)self;
	(void)e;
	assert_string_equal(server, FAKE_UUID);
	*out = json_pack("{s:I, s:s, s:s, s:O}", "generation",
			 (json_int_t)x.generation, "project", "p", "user", "u",
			 "shares", x.shares);
	return 0;
}

static int put_shares(void *self, const char *server, const json_t *doc,
		      struct err *e)
{
	(void)self;
	(void)server;
	if (x.rivals) {
		x.rivals--;
		x.generation++;
	}
	if (json_integer_value(json_object_get(doc, "generation")) !=
	    x.generation)
		return err_set(e, ERR_CONFLICT, "the generation is another");
	json_decref(x.shares);
	x.shares = json_deep_copy(json_object_get(doc, "shares"));
	x.generation++;
	return 0;
}

static int bound(void *self, const char *port, struct cloud_bind *out,
		 struct err *e)
{
	(void)self;
	(void)e;
	assert_string_equal(port, "port-1");
	out->host = mem_strdup(x.host);
	out->waits = x.waits;
	out->version = x.revision;
	return 0;
}

static int bind_port(void *self, const char *port, const char *host,
		     const struct cloud_bind *seen, struct err *e)
{
	bool same = !strcmp(x.host, host);

	(void)self;
	(void)port;
	/* As Neutron does, see step_fix_port.c. */
	if (same && x.waits && seen->version >= 0)
		x.revision++;
	if (seen->version != x.revision && seen->version >= 0)
		return err_set(e, ERR_CONFLICT, "another revision");
	if (seen->version < 0 && !same)
		fail_msg("another host, whatever the revision");
	snprintf(x.host, sizeof(x.host), "%s", host);
	x.waits = false;
	x.revision++;
	return 0;
}

static int reach(void *arg, const char *name, struct purge_host *out,
		 struct err *e)
{
	(void)arg;
	for (int s = SRC; s <= DST; s++) {
		if (strcmp(t.fw->h[s].name, name) != 0)
			continue;
		if (t.fw->h[s].down_us)
			return err_set(e, ERR_RETRY, "no route to host");
		*out = (struct purge_host){t.w.host[s], t.w.virt[s],
					   t.fw->h[s].ip};
		return 0;
	}
	return err_set(e, ERR_FAILED, "no host %s", name);
}

static void unreach(struct purge_host *h)
{
	*h = (struct purge_host){NULL, NULL, NULL};
}

static json_t *some(const char *provider)
{
	return json_pack("{s:{s:i, s:i}}", provider, "VCPU", 1, "MEMORY_MB",
			 512);
}

static const char *at(enum side s)
{
	return t.fw->h[s].name;
}

/* A domain, shut off, and a directory with a disk are on DST. */
static void leave(void)
{
	struct fake_host *h = &t.fw->h[DST];
	char path[FAKE_PATH];

	fake_at(path, h, "%s", FAKE_UUID);
	fake_dir(t.fw, h, path);
	fake_at(path, h, "%s/disk", FAKE_UUID);
	fake_file(t.fw, h, path, 1);
	h->dom.defined = true;
	memcpy(h->dom.xml, t.fw->h[SRC].dom.xml, sizeof(h->dom.xml));
}

static void set(void)
{
	begin((struct fake_options){.running = true});
	memset(&x, 0, sizeof(x));
	x.w = (struct fix_world){
		.db = t.w.db,
		.status = status,
		.settle = settle_record,
		.service = service,
		.serve = serve,
		.cloud = {shares, put_shares, bound, bind_port, NULL},
		.reach = {reach, unreach, NULL},
		.owner = "a test",
		.session = "0123"};
	x.env = (struct txn_env){
		.journal = t.env.journal, .steps = fix_table, .world = &x.w};
	strcpy(x.status, "done");
	x.shares = some(P34);
	x.generation = 5;
	snprintf(x.host, sizeof(x.host), "%s", at(DST));
}

static void clear(void)
{
	json_decref(x.shares);
	end();
}

/* A job of these steps, NULL-terminated. */
static void job(enum side host, const char *const *steps)
{
	json_t *list = json_array(), *plan;

	for (; *steps; steps++)
		json_array_append_new(
			list,
			json_pack("{s:s, s:{s:s, s:s, s:s, s:i, s:s, s:s, s:s, "
				  "s:s}}",
				  "step", *steps, "params", "server", FAKE_UUID,
				  "host", at(host), "home", at(SRC), "id", 7,
				  "from",
				  strcmp(*steps, "fix-allocation") ? "done"
								   : P34,
				  "to", P30, "port", "port-1", "why", ""));
	plan = json_pack("{s:s, s:{s:s, s:s}, s:s, s:s, s:o}", "kind", "fix",
			 "instance", "uuid", FAKE_UUID, "name", "web-1",
			 "source", at(host), "target", at(SRC), "steps", list);
	assert_int_equal(txn_start(&x.env, plan, x.id, &t.e), 0);
	json_decref(plan);
}

static void run(enum txn_end want)
{
	enum txn_end got = txn_run(&x.env, x.id, &t.e);

	if (got != want)
		print_message("%s: %s\n", txn_end_name(got), err_msg(&t.e));
	assert_int_equal(got, want);
	err_clear(&t.e);
}

static void undo(enum txn_end want)
{
	enum txn_end got = txn_rollback(&x.env, x.id, &t.e);

	if (got != want)
		print_message("%s: %s\n", txn_end_name(got), err_msg(&t.e));
	assert_int_equal(got, want);
	err_clear(&t.e);
}

static void one(enum side host, const char *step, enum txn_end want)
{
	const char *const steps[] = {step, NULL};

	job(host, steps);
	run(want);
}

/* ---- records of evacuations */

static void t_evacuation(void **state)
{
	(void)state;
	set();
	one(DST, "fix-evacuation", TXN_DONE);
	assert_string_equal(x.status, "completed");
	undo(TXN_ROLLED_BACK);
	assert_string_equal(x.status, "done");
	clear();
	/* it is back on the host that the record names, and runs there */
	set();
	x.lost = true;
	one(SRC, "fix-evacuation", TXN_DONE);
	assert_string_equal(x.status, "completed");
	clear();
}

/* What the record is there to clear away. */
static void t_evacuation_needed(void **state)
{
	(void)state;
	set();
	t.fw->h[DST].dom.defined = true;
	one(DST, "fix-evacuation", TXN_ROLLED_BACK);
	assert_string_equal(x.status, "done");
	clear();
	set();
	leave();
	t.fw->h[DST].dom.defined = false;
	one(DST, "fix-evacuation", TXN_ROLLED_BACK);
	assert_string_equal(x.status, "done");
	clear();
	/* a host that is down has we do not know what */
	set();
	t.fw->h[DST].down_us = INT64_MAX;
	one(DST, "fix-evacuation", TXN_ROLLED_BACK);
	assert_string_equal(x.status, "done");
	clear();
	/* somebody is at work on it */
	set();
	strcpy(t.fw->row.task_state, "rebuilding");
	one(SRC, "fix-evacuation", TXN_ROLLED_BACK);
	assert_string_equal(x.status, "done");
	clear();
	set();
	strcpy(t.fw->row.reason, "novahaul j-another 3");
	one(SRC, "fix-evacuation", TXN_ROLLED_BACK);
	assert_string_equal(x.status, "done");
	clear();
}

static void t_evacuation_gone(void **state)
{
	(void)state;
	set();
	t.fw->row.deleted = true;
	one(DST, "fix-evacuation", TXN_DONE);
	assert_string_equal(x.status, "completed");
	/* nova-manage db archive_deleted_rows */
	*x.status = '\0';
	undo(TXN_ROLLED_BACK);
	assert_string_equal(x.status, "");
	clear();
}

/* ---- Placement */

static void t_allocation(void **state)
{
	(void)state;
	set();
	x.rivals = 2;
	one(DST, "fix-allocation", TXN_DONE);
	assert_non_null(json_object_get(x.shares, P30));
	assert_null(json_object_get(x.shares, P34));
	undo(TXN_ROLLED_BACK);
	assert_non_null(json_object_get(x.shares, P34));
	assert_null(json_object_get(x.shares, P30));
	clear();
}

/* What is counted twice comes back twice. */
static void t_allocation_doubled(void **state)
{
	json_t *home = some(P30);

	(void)state;
	set();
	json_object_update(x.shares, home);
	json_decref(home);
	one(DST, "fix-allocation", TXN_DONE);
	assert_int_equal(json_object_size(x.shares), 1);
	assert_non_null(json_object_get(x.shares, P30));
	undo(TXN_ROLLED_BACK);
	assert_int_equal(json_object_size(x.shares), 2);
	clear();
}

static void t_allocation_others(void **state)
{
	json_t *gpu = some("a-gpu");

	(void)state;
	set();
	json_object_update(x.shares, gpu);
	json_decref(gpu);
	one(DST, "fix-allocation", TXN_ROLLED_BACK);
	assert_int_equal(x.generation, 5);
	clear();
	/* changed since: not ours to put back */
	set();
	one(DST, "fix-allocation", TXN_DONE);
	json_decref(x.shares);
	x.shares = some("third");
	undo(TXN_ROLLED_BACK);
	assert_non_null(json_object_get(x.shares, "third"));
	clear();
}

/* ---- Neutron */

static void t_port(void **state)
{
	(void)state;
	set();
	one(DST, "fix-port", TXN_DONE);
	assert_string_equal(x.host, at(SRC));
	undo(TXN_ROLLED_BACK);
	assert_string_equal(x.host, at(DST));
	clear();
	set();
	one(DST, "fix-port", TXN_DONE);
	strcpy(x.host, "compute-99");
	undo(TXN_ROLLED_BACK);
	assert_string_equal(x.host, "compute-99");
	clear();
	/* named by SQL, and not bound */
	set();
	strcpy(x.host, at(SRC));
	x.waits = true;
	one(DST, "fix-port", TXN_DONE);
	assert_string_equal(x.host, at(SRC));
	assert_false(x.waits);
	undo(TXN_ROLLED_BACK);
	assert_string_equal(x.host, at(SRC));
	clear();
}

/* The server has gone elsewhere since audit looked. */
static void t_moved_since(void **state)
{
	static const char *const steps[] = {"fix-allocation", "fix-port",
					    "fix-domain", "fix-directory"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		set();
		leave();
		strcpy(t.fw->row.host, at(DST));
		one(DST, steps[i], TXN_ROLLED_BACK);
		assert_int_equal(x.generation, 5);
		assert_int_equal(x.revision, 0);
		assert_true(t.fw->h[DST].dom.defined);
		assert_true(on_target(FAKE_UUID "/disk"));
		clear();
	}
}

/* ---- hosts */

static void t_host(void **state)
{
	static const char *const steps[] = {"fix-domain", "fix-directory",
					    NULL};
	AUTO(mem_freep) char *kept = NULL;

	(void)state;
	set();
	leave();
	t.fw->h[DST].dom.autostart = true;
	job(DST, steps);
	run(TXN_DONE);
	assert_false(t.fw->h[DST].dom.defined);
	assert_false(on_target(FAKE_UUID));
	kept = mem_printf(".novahaul/%s/left/disk", x.id);
	assert_true(on_target(kept));
	assert_int_not_equal(t.fw->h[DST].lease.state, LEASE_HELD);
	undo(TXN_ROLLED_BACK);
	assert_true(t.fw->h[DST].dom.defined && t.fw->h[DST].dom.autostart);
	assert_true(on_target(FAKE_UUID "/disk"));
	assert_false(on_target(kept));
	assert_int_not_equal(t.fw->h[DST].lease.state, LEASE_HELD);
	clear();
}

static void untouched(const char *step)
{
	one(DST, step, TXN_ROLLED_BACK);
	assert_true(t.fw->h[DST].dom.defined);
	assert_true(on_target(FAKE_UUID "/disk"));
	clear();
}

static void t_host_refused(void **state)
{
	char path[FAKE_PATH];

	(void)state;
	/* it runs there, or might any moment */
	set();
	leave();
	t.fw->h[DST].dom.running = true;
	untouched("fix-domain");
	set();
	leave();
	untouched("fix-directory");
	/* its own host has no files of it: these may be the only ones */
	set();
	leave();
	fake_at(path, &t.fw->h[SRC], "%s", FAKE_UUID);
	fake_tree_drop(&t.fw->h[SRC], path);
	untouched("fix-domain");
	/* it may be the one that its own host uses */
	set();
	leave();
	t.fw->h[DST].dom.defined = false;
	t.fw->shared = true;
	one(DST, "fix-directory", TXN_ROLLED_BACK);
	assert_true(on_target(FAKE_UUID "/disk"));
	clear();
	/* a job holds it */
	set();
	leave();
	t.fw->h[DST].lease = (struct fake_lease){
		.state = LEASE_HELD, .epoch = 3, .job = "j-another"};
	untouched("fix-domain");
}

/* Another directory has taken the name since: nothing is laid over it. */
static void t_host_undo_refused(void **state)
{
	char path[FAKE_PATH];

	(void)state;
	set();
	leave();
	t.fw->h[DST].dom.defined = false;
	one(DST, "fix-directory", TXN_DONE);
	fake_at(path, &t.fw->h[DST], "%s", FAKE_UUID);
	fake_dir(t.fw, &t.fw->h[DST], path);
	undo(TXN_REFUSED);
	clear();
}

/* ---- the service */

static void t_service(void **state)
{
	(void)state;
	set();
	x.service = (struct db_service){true, true, (char *)"novahaul rescue"};
	x.lost = true;
	one(DST, "fix-service", TXN_DONE);
	assert_false(x.service.disabled || x.service.forced_down);
	assert_null(x.service.reason);
	undo(TXN_ROLLED_BACK);
	assert_true(x.service.disabled && x.service.forced_down);
	assert_string_equal(x.service.reason, "novahaul rescue");
	clear();
	/* Whoever else disabled it wanted that. */
	set();
	x.service = (struct db_service){true, true, (char *)"broken fan"};
	one(DST, "fix-service", TXN_DONE);
	assert_true(x.service.disabled);
	assert_false(x.service.forced_down);
	/* Changed since: not ours to change back. */
	x.service = (struct db_service){0};
	undo(TXN_ROLLED_BACK);
	assert_false(x.service.forced_down);
	clear();
	/* Nothing to do. */
	set();
	one(DST, "fix-service", TXN_DONE);
	undo(TXN_ROLLED_BACK);
	assert_false(x.service.disabled || x.service.forced_down);
	clear();
}

/* ---- a host that returns */

static const char *const readmit[] = {"fix-domain", "fix-directory",
				      "fix-evacuation", "fix-allocation", NULL};

static void left_armed(void)
{
	assert_true(t.fw->h[DST].dom.defined);
	assert_true(on_target(FAKE_UUID "/disk"));
	assert_string_equal(x.status, "done");
	assert_non_null(json_object_get(x.shares, P34));
}

static void settled(void)
{
	assert_false(t.fw->h[DST].dom.defined);
	assert_false(on_target(FAKE_UUID));
	assert_string_equal(x.status, "completed");
	assert_null(json_object_get(x.shares, P34));
	assert_non_null(json_object_get(x.shares, P30));
}

static void t_readmit(void **state)
{
	(void)state;
	set();
	leave();
	job(DST, readmit);
	run(TXN_DONE);
	settled();
	undo(TXN_ROLLED_BACK);
	left_armed();
	clear();
	/* The last one fails: all are undone. */
	set();
	leave();
	x.rivals = 100;
	job(DST, readmit);
	run(TXN_ROLLED_BACK);
	left_armed();
	clear();
}

/* Dead from write N on: nothing reaches the journal any more. */
static int die(void *arg, enum journal_when when, const char *what)
{
	int *n = arg;

	(void)what;
	return when == JOURNAL_BEFORE && --*n < 0;
}

/* Cut before any of its writes, and resumed or rolled back by another.  As long
 * as something is left there, the record is. */
static bool cut_at(int n, bool back)
{
	bool cut;

	set();
	leave();
	job(DST, readmit);
	journal_set_hook(x.env.journal, die, &n);
	txn_run(&x.env, x.id, &t.e);
	err_clear(&t.e);
	journal_set_hook(x.env.journal, NULL, NULL);
	cut = n < 0;
	assert_true(!t.fw->h[DST].dom.defined || !strcmp(x.status, "done"));
	assert_true(!on_target(FAKE_UUID) || !strcmp(x.status, "done"));
	if (back) {
		undo(TXN_ROLLED_BACK);
		left_armed();
	} else if (cut) {
		assert_int_equal(txn_resume(&x.env, x.id, &t.e), TXN_DONE);
		settled();
	} else {
		settled();
	}
	clear();
	return cut;
}

static void t_readmit_cut(void **state)
{
	int n = 0;

	(void)state;
	while (cut_at(n, false)) {
		cut_at(n, true);
		n++;
	}
	/* Four steps, begun and ended, and what they wrote down. */
	assert_true(n >= 12);
}

static void t_table(void **state)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;

	(void)state;
	if (txn_check_table(fix_table, &out))
		fail_msg("%s", buf_str(&out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_table),
		cmocka_unit_test(t_evacuation),
		cmocka_unit_test(t_evacuation_needed),
		cmocka_unit_test(t_evacuation_gone),
		cmocka_unit_test(t_allocation),
		cmocka_unit_test(t_allocation_doubled),
		cmocka_unit_test(t_allocation_others),
		cmocka_unit_test(t_port),
		cmocka_unit_test(t_moved_since),
		cmocka_unit_test(t_host),
		cmocka_unit_test(t_host_refused),
		cmocka_unit_test(t_host_undo_refused),
		cmocka_unit_test(t_service),
		cmocka_unit_test(t_readmit),
		cmocka_unit_test(t_readmit_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
