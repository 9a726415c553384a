/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operators on different nodes of one Galera cluster (tests/galera/run), who
 * get in each other's way.  The world is a toy: which of three hosts may start
 * an instance.  Two at once, two controllers inside of one instance, two
 * winners or none, a write that is there twice or not at all: any of it ends
 * the run.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mysql.h>

#include "core/clock.h"
#include "core/uuid.h"
#include "db/store.h"
#include "engine/batch.h"
#include "engine/journal.h"
#include "engine/step.h"
#include "engine/txn.h"

enum { NODES = 3, OPERATORS = 2, HOSTS = 3, SEC = 1000000 };

static struct {
	unsigned port;
	unsigned schedules, kills, freezes;
	unsigned seed, state;
	int passed, failed;
	atomic_int cuts;
} run = {.schedules = 60, .kills = 2, .freezes = 0, .seed = 1};

static void die(const char *what, const struct err *e)
{
	fprintf(stderr, "t-galera: seed %u: %s%s%s\n", run.seed, what,
		e ? ": " : "", e ? err_msg(e) : "");
	exit(1);
}

static void result(bool ok, const char *fmt, long a, long b)
{
	char text[160];

	snprintf(text, sizeof(text), fmt, a, b);
	printf("%s - %s\n", ok ? "ok" : "not ok", text);
	fflush(stdout);
	ok ? run.passed++ : run.failed++;
}

/* xorshift: the same schedules for the same seed */
static unsigned draw(unsigned below)
{
	run.state ^= run.state << 13;
	run.state ^= run.state >> 17;
	run.state ^= run.state << 5;
	return run.state % below;
}

/* --- the cluster */

static void node(const char *what, int n)
{
	char number[8];
	int status;
	pid_t pid;

	snprintf(number, sizeof(number), "%d", n + 1);
	pid = fork();
	if (!pid) {
		execl(getenv("NH_GALERA_RUN"), "run", "--node", what, number,
		      (char *)NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die(what, NULL);
}

static MYSQL *root(int n)
{
	char *sock = mem_printf("%s/n%d.sock", getenv("NH_GALERA_DIR"), n + 1);
	MYSQL *m = mysql_init(NULL);

	if (!mysql_real_connect(m, NULL, "root", "", "journal", 0, sock, 0)) {
		fprintf(stderr, "%s\n", mysql_error(m));
		die(sock, NULL);
	}
	mem_free(sock);
	return m;
}

static long number(int n, const char *text, unsigned col)
{
	MYSQL *m = root(n);
	MYSQL_RES *r;
	MYSQL_ROW row;
	long v = -1;

	if (mysql_query(m, "SET wsrep_sync_wait = 7") || mysql_query(m, text))
		die(mysql_error(m), NULL);
	r = mysql_store_result(m);
	row = r ? mysql_fetch_row(r) : NULL;
	if (row && row[col])
		v = strtol(row[col], NULL, 10);
	mysql_free_result(r);
	mysql_close(m);
	return v;
}

/* Transactions that a node gave up for another's. */
static long conflicts(void)
{
	long n = 0;

	for (int i = 0; i < NODES; i++)
		n += number(i, "SHOW STATUS LIKE 'wsrep_local_cert_failures'",
			    1) +
		     number(i, "SHOW STATUS LIKE 'wsrep_local_bf_aborts'", 1);
	return n;
}

/* A journal by way of node FIRST, and then the others. */
static struct journal *join(int first, struct err *e)
{
	unsigned p[NODES];
	struct store *s;
	char *url;

	for (int i = 0; i < NODES; i++)
		p[i] = run.port + 10 * ((unsigned)(first + i) % NODES + 1);
	url = mem_printf("mysql://op@127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u/"
			 "journal",
			 p[0], p[1], p[2]);
	s = db_store_open(
		&(struct db_store_config){.url = url,
					  .password = "s3cr3t",
					  .sql = journal_shared_sql()},
		e);
	mem_free(url);
	return s ? journal_open_shared(s, e) : NULL;
}

/* --- the world: who may start it */

struct instance {
	char uuid[UUID_LEN + 1];
	atomic_bool armed[HOSTS];
	atomic_int inside; /* controllers at work on it */
	const char *broken;
	/* Of members of batches: room that is counted for it, and what the
	 * agents on the hosts hold against a controller that was overtaken. */
	bool claims[HOSTS];
	pthread_mutex_t lease;
	uint64_t epoch;
};

struct world {
	struct instance *i;
	int src, dst;
	unsigned nap_us; /* of each step */
	bool leased;
};

static void check(struct instance *i)
{
	int n = 0;

	for (int h = 0; h < HOSTS; h++)
		n += i->armed[h];
	if (n > 1)
		i->broken = "two hosts may start it";
}

/* Whoever comes late is told so, and does nothing. */
static int hold(struct step_ctx *c, struct err *e)
{
	struct world *w = step_world(c);

	if (!w->leased)
		return 0;
	pthread_mutex_lock(&w->i->lease);
	if (step_epoch(c) >= w->i->epoch) {
		w->i->epoch = step_epoch(c);
		return 0;
	}
	pthread_mutex_unlock(&w->i->lease);
	return err_set(e, ERR_STALE, "another controller has its lease");
}

static int change(struct step_ctx *c, int host, bool on, struct err *e)
{
	struct world *w = step_world(c);

	if (hold(c, e))
		return -1;
	if (atomic_fetch_add(&w->i->inside, 1))
		w->i->broken = "two controllers are at it";
	usleep(w->nap_us);
	w->i->armed[host] = on;
	check(w->i);
	atomic_fetch_sub(&w->i->inside, 1);
	if (w->leased)
		pthread_mutex_unlock(&w->i->lease);
	return 0;
}

/* As the claim of the row does: somebody may have moved it before. */
static int disarm(struct step_ctx *c, struct err *e)
{
	struct world *w = step_world(c);

	if (step_record_once(c, "was", json_boolean(w->i->armed[w->src]), e))
		return -1;
	if (!json_is_true(step_recall(c, "was")))
		return err_set(e, ERR_CONFLICT, "it is not there");
	return change(c, w->src, false, e);
}

static int rearm(struct step_ctx *c, struct err *e)
{
	struct world *w = step_world(c);

	return change(c, w->src, json_is_true(step_recall(c, "was")), e);
}

static int disarmed(struct step_ctx *c, enum step_state *state, struct err *e)
{
	struct world *w = step_world(c);

	(void)e;
	*state = w->i->armed[w->src] ? STEP_NOT_DONE : STEP_DONE;
	return 0;
}

static int arm(struct step_ctx *c, struct err *e)
{
	struct world *w = step_world(c);

	return change(c, w->dst, true, e);
}

static int unarm(struct step_ctx *c, struct err *e)
{
	struct world *w = step_world(c);

	return change(c, w->dst, false, e);
}

static int armed(struct step_ctx *c, enum step_state *state, struct err *e)
{
	struct world *w = step_world(c);

	(void)e;
	*state = w->i->armed[w->dst] ? STEP_DONE : STEP_NOT_DONE;
	return 0;
}

static const struct step steps[] = {
	{"disarm", "the source lets go", true, NULL, NULL, disarmed, disarm,
	 rearm, NULL, 0},
	{"arm", "the target may start it", true, NULL, NULL, armed, arm, unarm,
	 NULL, 0},
};
static const struct step *const table[] = {&steps[0], &steps[1], NULL};

static const char *host_name(int host)
{
	static const char *const names[HOSTS] = {"compute-0", "compute-1",
						 "compute-2"};

	return names[host];
}

static json_t *plan_new(const struct world *w)
{
	return json_pack("{s:s, s:{s:s, s:s}, s:s, s:s, s:[{s:s}, {s:s}]}",
			 "kind", "toy", "instance", "uuid", w->i->uuid, "name",
			 "g", "source", host_name(w->src), "target",
			 host_name(w->dst), "steps", "step", "disarm", "step",
			 "arm");
}

/* --- operators */

enum verb { MOVE = 0, RESUME, ROLLBACK };

struct op {
	struct journal *j;
	struct world w;
	enum verb verb;
	char id[JOURNAL_ID_MAX]; /* of what it resumes; of what it created */
	unsigned delay_us;
	enum txn_end end;
	struct err e;
	bool created;
};

static void *operate(void *arg)
{
	struct op *o = arg;
	struct txn_env env = {.journal = o->j, .steps = table, .world = &o->w};
	json_t *plan;

	mysql_thread_init();
	usleep(o->delay_us);
	o->created = false;
	o->end = TXN_ERROR;
	err_clear(&o->e);
	switch (o->verb) {
	case MOVE:
		plan = plan_new(&o->w);
		o->created = !txn_start(&env, plan, o->id, &o->e);
		json_decref(plan);
		if (o->created)
			o->end = txn_run(&env, o->id, &o->e);
		break;
	case RESUME:
		o->end = txn_resume(&env, o->id, &o->e);
		break;
	case ROLLBACK:
		o->end = txn_rollback(&env, o->id, &o->e);
		break;
	}
	mysql_thread_end();
	return NULL;
}

/* Every controller is taken for dead until it writes or beats again. */
static void silence_all(void)
{
	MYSQL *m = root(0);

	/* In the way of a write of theirs it may have to give way. */
	for (int i = 0; i < 5; i++)
		if (!mysql_query(m, "UPDATE writers SET owner = 'x pid 1', "
				    "beat_us = beat_us - 100000000"))
			break;
	mysql_close(m);
}

static const char *keep_words(struct err *e)
{
	static char words[300];

	snprintf(words, sizeof(words), "%s: %s", err_kind_name(e->kind),
		 err_msg(e));
	return words;
}

/* While they are at it, a connection of one of them is ended. */
static void cut(int n)
{
	MYSQL *m = root(n);
	MYSQL_RES *r;
	MYSQL_ROW row;

	mysql_query(m, "SELECT id FROM information_schema.processlist "
		       "WHERE user = 'op' ORDER BY rand() LIMIT 1");
	r = mysql_store_result(m);
	row = r ? mysql_fetch_row(r) : NULL;
	if (row) {
		char *text = mem_printf("KILL CONNECTION %s", row[0]);

		run.cuts += !mysql_query(m, text);
		mem_free(text);
	}
	mysql_free_result(r);
	mysql_close(m);
}

static void go(struct op o[OPERATORS], int victim)
{
	pthread_t t[OPERATORS];

	for (int i = 0; i < OPERATORS; i++)
		if (pthread_create(&t[i], NULL, operate, &o[i]))
			die("pthread_create", NULL);
	if (victim >= 0) {
		usleep(draw(30000));
		cut(victim);
	}
	for (int i = 0; i < OPERATORS; i++)
		pthread_join(t[i], NULL);
}

static bool lost_the_race(const struct op *o)
{
	return o->e.kind == ERR_LOCKED || o->e.kind == ERR_STALE ||
	       o->e.kind == ERR_NOTHING || o->e.kind == ERR_REFUSED ||
	       o->e.kind == ERR_CONFLICT;
}

static void instance_new(struct instance *i, int host)
{
	uuid_random(i->uuid);
	for (int h = 0; h < HOSTS; h++)
		i->armed[h] = h == host;
	i->inside = 0;
	i->broken = NULL;
	pthread_mutex_init(&i->lease, NULL);
	i->epoch = 0;
}

static long jobs_in(const char *state, int n, const struct instance *i)
{
	char *text = mem_printf("SELECT count(*) FROM jobs WHERE instance = "
				"'%s' AND state = '%s'",
				i->uuid, state);
	long v = number(n, text, 0);

	mem_free(text);
	return v;
}

static const char *settled(const struct instance *i, int host)
{
	if (i->broken)
		return i->broken;
	for (int h = 0; h < HOSTS; h++)
		if (i->armed[h] != (h == host))
			return "it is not where it should be";
	return jobs_in("open", (int)draw(NODES), i) ? "a job is left open"
						    : NULL;
}

/* Both move one instance, to different hosts: one of them does. */
static const char *race_move(struct op o[OPERATORS], int victim)
{
	struct instance inst;
	int winner = -1;

	instance_new(&inst, 0);
	for (int i = 0; i < OPERATORS; i++) {
		o[i].verb = MOVE;
		o[i].w.i = &inst;
		o[i].w.src = 0;
		o[i].w.dst = i + 1;
	}
	go(o, victim);
	for (int i = 0; i < OPERATORS; i++) {
		if (o[i].end == TXN_DONE && winner < 0)
			winner = i;
		else if (o[i].end == TXN_DONE)
			return "two have moved it";
		else if (!lost_the_race(&o[i]) ||
			 (o[i].created && o[i].end != TXN_ROLLED_BACK))
			return err_msg(&o[i].e);
	}
	return winner < 0 ? "nobody has moved it"
			  : settled(&inst, o[winner].w.dst);
}

/* Two instances that change places: neither operator is in the other's way. */
static const char *race_crossed(struct op o[OPERATORS], int victim)
{
	struct instance inst[OPERATORS];
	const char *why = NULL;

	for (int i = 0; i < OPERATORS; i++) {
		instance_new(&inst[i], i);
		o[i].verb = MOVE;
		o[i].w.i = &inst[i];
		o[i].w.src = i;
		o[i].w.dst = 1 - i;
	}
	go(o, victim);
	for (int i = 0; i < OPERATORS && !why; i++)
		why = o[i].end != TXN_DONE ? err_msg(&o[i].e)
					   : settled(&inst[i], o[i].w.dst);
	return why;
}

/* A controller died after it had created a job, or in the middle of its first
 * step.  Both take it over, to the same end or to opposite ones. */
static const char *race_resume(struct op o[OPERATORS], int victim)
{
	struct err e = ERR_INIT;
	struct journal *dead = join((int)draw(NODES), &e);
	struct instance inst;
	struct world w = {&inst, 0, 1, 0, false};
	struct journal_job job = {0};
	bool back = draw(2);
	json_t *plan;
	int won = 0, to = -1;

	instance_new(&inst, 0);
	plan = plan_new(&w);
	if (!dead || journal_create(dead, plan, "dead pid 1", &job, &e))
		return err_msg(&e);
	json_decref(plan);
	if (draw(2)) {
		struct journal_key k = journal_key(&job);
		struct journal_step s = {.mark = MARK_RUNNING, .attempt = 1};

		json_t *was = json_true();
		struct journal_record r = {.key = "was", .value = was};

		if (journal_mark(dead, &k, &s, &e) ||
		    journal_record(dead, &k, &r, &e))
			return err_msg(&e);
		inst.armed[0] = draw(2);
	}
	journal_close(dead);
	for (int i = 0; i < OPERATORS; i++) {
		o[i].verb = back && i ? ROLLBACK : RESUME;
		o[i].w = (struct world){&inst, 0, 1, o[i].w.nap_us, false};
		memcpy(o[i].id, job.id, sizeof(job.id));
	}
	journal_job_clear(&job);
	go(o, victim);
	for (int i = 0; i < OPERATORS; i++) {
		bool over = o[i].end == TXN_DONE || o[i].end == TXN_ROLLED_BACK;

		/* A rollback may come when the other has just ended. */
		if (over && (to < 0 || o[i].end == TXN_ROLLED_BACK))
			to = o[i].end == TXN_DONE ? 1 : 0;
		won += over;
		if (!over && !lost_the_race(&o[i]))
			return err_msg(&o[i].e);
	}
	if (!won || (won > 1 && !back))
		return won ? "two have resumed it" : "nobody has resumed it";
	return settled(&inst, to);
}

/* --- batches that cross each other, and one that several resume */

enum { MEMBERS = 2, ROOM = 3, SOON = 10 * SEC };

/* Instances of two hosts, each of which has room for one more. */
struct room {
	pthread_mutex_t lock;
	struct instance *i;
	int n;
	const char *broken;
};

struct guest {
	struct world w; /* first: the other steps look at it */
	struct room *room;
};

static int taken(const struct room *r, int host)
{
	int n = 0;

	for (int i = 0; i < r->n; i++)
		n += r->i[i].claims[host];
	return n;
}

/* As Placement does: it is there whole, once, or not at all. */
static int claim(struct step_ctx *c, struct err *e)
{
	struct guest *g = step_world(c);
	bool full;

	pthread_mutex_lock(&g->room->lock);
	full = !g->w.i->claims[g->w.dst] && taken(g->room, g->w.dst) >= ROOM;
	if (!full)
		g->w.i->claims[g->w.dst] = true;
	if (taken(g->room, g->w.dst) > ROOM)
		g->room->broken = "a host holds more than it has room for";
	pthread_mutex_unlock(&g->room->lock);
	usleep(g->w.nap_us);
	return full ? err_set(e, ERR_CONFLICT, "it is full") : 0;
}

static int unclaim(struct step_ctx *c, struct err *e)
{
	struct guest *g = step_world(c);

	(void)e;
	g->w.i->claims[g->w.dst] = false;
	return 0;
}

static int claimed(struct step_ctx *c, enum step_state *state, struct err *e)
{
	struct guest *g = step_world(c);

	(void)e;
	*state = g->w.i->claims[g->w.dst] ? STEP_DONE : STEP_NOT_DONE;
	return 0;
}

static int release(struct step_ctx *c, struct err *e)
{
	struct guest *g = step_world(c);

	(void)e;
	g->w.i->claims[g->w.src] = false;
	return 0;
}

static int reclaim(struct step_ctx *c, struct err *e)
{
	struct guest *g = step_world(c);

	(void)e;
	g->w.i->claims[g->w.src] = true;
	return 0;
}

static int released(struct step_ctx *c, enum step_state *state, struct err *e)
{
	struct guest *g = step_world(c);

	(void)e;
	*state = g->w.i->claims[g->w.src] ? STEP_NOT_DONE : STEP_DONE;
	return 0;
}

static const struct step batch_steps[] = {
	{"claim", "room on the target", true, NULL, NULL, claimed, claim,
	 unclaim, NULL, 0},
	{"release", "the source's room", true, NULL, NULL, released, release,
	 reclaim, NULL, 0},
};
static const struct step *const batch_table[] = {
	&batch_steps[0], &steps[0], &steps[1], &batch_steps[1], NULL};

static json_t *batch_plan_new(const struct room *r, int src, int dst, int from)
{
	json_t *members = json_array();

	for (int i = from; i < from + MEMBERS; i++)
		json_array_append_new(
			members,
			json_pack("{s:{s:s, s:s}, s:s, s:s}", "instance",
				  "uuid", r->i[i].uuid, "name", "g", "source",
				  host_name(src), "target", host_name(dst)));
	return json_pack("{s:s, s:s, s:o}", "kind", "evacuate", "host",
			 host_name(src), "members", members);
}

/* A controller of a batch, as cli/app_batch.c is one. */
struct ctl {
	struct journal *j;
	struct room *room;
	json_t *plan; /* of a new batch, or NULL: it takes ID over */
	char id[JOURNAL_ID_MAX];
	int src, dst, from;
	unsigned nap_us, delay_us;
	bool die_early;	 /* is killed after a member, or after it has begun */
	bool leave_open; /* the next */
	bool impatient;	 /* whoever has it is silent: declares it dead */
	bool took, done;
	struct err e;
};

static bool busy(void *arg, const struct journal_job *job)
{
	*(bool *)arg |= job->state == JOURNAL_OPEN && job->pulse == PULSE_BEATS;
	return true;
}

/* What its last controller is in the middle of. */
static int wait_strays(struct ctl *c)
{
	int64_t end = clock_mono_us() + SOON;
	bool some = true;

	while (some) {
		some = false;
		if (batch_jobs(c->j, c->id, -1, busy, &some, &c->e))
			return -1;
		if (some && clock_mono_us() > end)
			return err_set(&c->e, ERR_BUG, "strays do not end");
		if (some)
			usleep(5000);
	}
	return 0;
}

static json_t *member_plan(const struct ctl *c, const struct batch *b, size_t m)
{
	return json_pack(
		"{s:s, s:{s:s, s:s}, s:s, s:s, s:[{s:s}, {s:s}, "
		"{s:s}, {s:s}], s:{s:s, s:I, s:I}}",
		"kind", "toy", "instance", "uuid", b->members[m].instance,
		"name", "g", "source", host_name(c->src), "target",
		host_name(c->dst), "steps", "step", "claim", "step", "disarm",
		"step", "arm", "step", "release", "batch", "id", b->id,
		"member", (json_int_t)m, "epoch", (json_int_t)b->epoch);
}

static enum txn_end one_try(struct ctl *c, struct batch *b, size_t m,
			    struct err *e)
{
	struct guest g = {{.i = &c->room->i[c->from + (int)m],
			   .src = c->src,
			   .dst = c->dst,
			   .nap_us = c->nap_us,
			   .leased = true},
			  c->room};
	struct txn_env env = {
		.journal = c->j, .steps = batch_table, .world = &g};
	char id[JOURNAL_ID_MAX];
	enum txn_end end = TXN_ERROR;
	json_t *plan;

	if (b->members[m].state == MEMBER_OPEN)
		return txn_resume(&env, b->members[m].job, e);
	plan = member_plan(c, b, m);
	if (!txn_start(&env, plan, id, e))
		end = txn_run(&env, id, e);
	json_decref(plan);
	return end;
}

static void start_only(struct ctl *c, const struct batch *b, size_t m)
{
	struct txn_env env = {.journal = c->j, .steps = batch_table};
	char id[JOURNAL_ID_MAX];
	json_t *plan = member_plan(c, b, m);

	txn_start(&env, plan, id, &c->e);
	json_decref(plan);
}

/* Full hosts are waited for: the other batch frees them. */
static int member(struct ctl *c, struct batch *b, size_t m)
{
	struct journal_key k = batch_key(b);
	int64_t end = clock_mono_us() + SOON;

	while (b->members[m].state != MEMBER_DONE) {
		bool open = b->members[m].state == MEMBER_OPEN;
		enum txn_end t;

		b->members[m].state = MEMBER_RUNNING;
		b->members[m].started_us = clock_now_us();
		if (batch_member_set(c->j, &k, &b->members[m], &c->e))
			return -1;
		b->members[m].state = open ? MEMBER_OPEN : MEMBER_RUNNING;
		t = one_try(c, b, m, &c->e);
		if (t == TXN_DONE)
			b->members[m].state = MEMBER_DONE;
		else if (t == TXN_ROLLED_BACK && c->e.kind == ERR_CONFLICT)
			b->members[m].state = MEMBER_PENDING;
		else
			return -1;
		if (clock_mono_us() > end)
			return err_set(&c->e, ERR_BUG, "they wait for ever");
		err_clear(&c->e);
		if (batch_member_set(c->j, &k, &b->members[m], &c->e))
			return -1;
		if (t != TXN_DONE)
			usleep(1000 + c->nap_us);
	}
	return 0;
}

static int take_it(struct ctl *c, struct batch *b)
{
	struct journal_takeover how = {.owner = "operator pid 1"};

	if (c->plan)
		return batch_create(c->j, c->plan, "operator pid 1", b, &c->e);
	if (c->impatient)
		silence_all();
	if (batch_load(c->j, c->id, b, &c->e))
		return -1;
	if (b->state == BATCH_DONE)
		return err_set(&c->e, ERR_NOTHING, "over");
	if (batch_take(c->j, b, &how, &c->e))
		return -1;
	c->took = true;
	return wait_strays(c) || batch_settle(c->j, b, &c->e) ? -1 : 0;
}

static void *conduct(void *arg)
{
	struct ctl *c = arg;
	struct batch b = {0};
	struct journal_key k;

	mysql_thread_init();
	usleep(c->delay_us);
	if (!take_it(c, &b)) {
		size_t n = c->die_early ? 1 : b.nmembers;

		memcpy(c->id, b.id, sizeof(c->id));
		k = batch_key(&b);
		for (size_t m = 0; m < n && c->e.kind == ERR_NONE; m++)
			member(c, &b, m);
		if (c->leave_open && c->e.kind == ERR_NONE)
			start_only(c, &b, n);
		if (c->e.kind == ERR_NONE && !c->die_early)
			c->done = !batch_turn(
				c->j, &k,
				&(struct batch_turn){.state = BATCH_DONE},
				&c->e);
	}
	batch_clear(&b);
	/* As the end of its process: nobody waits for it any more. */
	journal_close(c->j);
	c->j = NULL;
	mysql_thread_end();
	return NULL;
}

static void conduct_both(struct ctl c[OPERATORS], int victim)
{
	pthread_t t[OPERATORS];

	for (int i = 0; i < OPERATORS; i++)
		if (pthread_create(&t[i], NULL, conduct, &c[i]))
			die("pthread_create", NULL);
	if (victim >= 0) {
		usleep(draw(60000));
		cut(victim);
	}
	for (int i = 0; i < OPERATORS; i++)
		pthread_join(t[i], NULL);
}

static void room_new(struct room *r, struct instance *i, int n)
{
	*r = (struct room){PTHREAD_MUTEX_INITIALIZER, i, n, NULL};
	for (int k = 0; k < n; k++) {
		instance_new(&i[k], k / MEMBERS);
		for (int h = 0; h < HOSTS; h++)
			i[k].claims[h] = h == k / MEMBERS;
	}
}

/* N instances from FROM on are on HOST, each once in every book. */
static const char *all_on(const struct room *r, int from, int host)
{
	for (int i = from; i < from + MEMBERS; i++) {
		const char *why = settled(&r->i[i], host);

		if (why)
			return why;
		for (int h = 0; h < HOSTS; h++)
			if (r->i[i].claims[h] != (h == host))
				return "its room is not counted once";
		if (jobs_in("done", (int)draw(NODES), &r->i[i]) != 1)
			return "it was not moved exactly once";
	}
	return r->broken;
}

/* 0 -> 1 by one operator, 1 -> 0 by the other: they wait for each other's room,
 * and both end. */
static const char *race_batches(struct op o[OPERATORS], int victim)
{
	struct instance inst[OPERATORS * MEMBERS];
	struct ctl c[OPERATORS];
	struct room room;
	const char *why = NULL;

	room_new(&room, inst, OPERATORS * MEMBERS);
	for (int i = 0; i < OPERATORS; i++) {
		c[i] = (struct ctl){
			.j = o[i].j,
			.room = &room,
			.plan = batch_plan_new(&room, i, 1 - i, i * MEMBERS),
			.src = i,
			.dst = 1 - i,
			.from = i * MEMBERS,
			.nap_us = o[i].w.nap_us,
			.delay_us = o[i].delay_us};
		o[i].j = NULL;
	}
	conduct_both(c, victim);
	for (int i = 0; i < OPERATORS; i++) {
		if (!why)
			why = !c[i].done ? keep_words(&c[i].e)
					 : all_on(&room, i * MEMBERS, 1 - i);
		json_decref(c[i].plan);
		err_clear(&c[i].e);
	}
	return why;
}

/* One batch whose controller was killed after a member, or is declared dead
 * while it works: both resume it, one attends it, and nothing is done twice. */
static const char *race_batch(struct op o[OPERATORS], int victim)
{
	struct err e = ERR_INIT;
	struct instance inst[MEMBERS];
	struct room room;
	struct ctl first = {.j = join((int)draw(NODES), &e),
			    .room = &room,
			    .dst = 1,
			    .die_early = true,
			    .leave_open = draw(2)},
		   c[OPERATORS];
	bool impatient = draw(2);
	const char *why = NULL;
	int won = 0;

	room_new(&room, inst, MEMBERS);
	first.plan = batch_plan_new(&room, 0, 1, 0);
	if (!first.j)
		return keep_words(&e);
	conduct(&first);
	json_decref(first.plan);
	if (first.e.kind != ERR_NONE)
		return keep_words(&first.e);
	for (int i = 0; i < OPERATORS; i++) {
		c[i] = first;
		c[i].plan = NULL;
		c[i].die_early = c[i].leave_open = c[i].done = false;
		c[i].j = o[i].j;
		c[i].nap_us = o[i].w.nap_us;
		c[i].delay_us = o[i].delay_us;
		c[i].impatient = impatient && i;
		o[i].j = NULL;
	}
	conduct_both(c, victim);
	for (int i = 0; i < OPERATORS; i++) {
		won += c[i].done;
		if (c[i].took && !c[i].done && !impatient)
			why = "one was pushed out though it was heard of";
		if (!why && !c[i].done && c[i].e.kind != ERR_LOCKED &&
		    c[i].e.kind != ERR_STALE && c[i].e.kind != ERR_NOTHING)
			why = keep_words(&c[i].e);
		err_clear(&c[i].e);
	}
	if (!why && won != 1)
		why = won ? "two have ended the batch" : "nobody has";
	return why ? why : all_on(&room, 0, 1);
}

static void schedules(void)
{
	static const struct {
		const char *name;
		const char *(*fn)(struct op o[OPERATORS], int victim);
	} kinds[] = {{"one instance", race_move},
		     {"crossed hosts", race_crossed},
		     {"one job", race_resume},
		     {"crossed batches", race_batches},
		     {"one batch", race_batch}};
	struct op o[OPERATORS] = {{0}};
	struct err e = ERR_INIT;
	long before = conflicts(), bad = 0;
	int64_t start = clock_mono_us();

	for (unsigned n = 0; n < run.schedules && !bad; n++) {
		unsigned kind = draw(ARRAY_SIZE(kinds));
		int first = (int)draw(NODES);
		/* Every tenth meets a broken connection as well. */
		int victim = draw(10) ? -1 : (int)draw(NODES);
		const char *why;

		for (int i = 0; i < OPERATORS; i++) {
			journal_close(o[i].j);
			o[i].j = join(first + i, &e);
			if (!o[i].j)
				die("joining", &e);
			o[i].delay_us = draw(4) ? draw(6000) : 0;
			o[i].w.nap_us = draw(2000);
		}
		why = kinds[kind].fn(o, victim);
		if (why) {
			fprintf(stderr, "schedule %u (%s): %s\n", n,
				kinds[kind].name, why);
			bad = n + 1;
		}
	}
	for (int i = 0; i < OPERATORS; i++) {
		journal_close(o[i].j);
		err_clear(&o[i].e);
	}
	result(!bad, "%ld schedules in %ld s: one winner each",
	       (long)run.schedules, (long)((clock_mono_us() - start) / SEC));
	before = conflicts() - before;
	/* With fewer there may be none. */
	result(before > 0 || run.schedules < 50,
	       "they met: %ld transactions gave way, %ld connections cut",
	       before, (long)run.cuts);
}

/* --- nodes that die, or freeze, in the middle of it */

struct writer {
	struct journal *j;
	struct journal_key k;
	atomic_bool stop;
	atomic_long n;
	int64_t longest_us;
	struct err e;
	bool failed;
};

static void *write_on(void *arg)
{
	struct writer *w = arg;

	mysql_thread_init();
	while (!w->stop && !w->failed) {
		json_t *v = json_integer(w->n);
		struct journal_record r = {.key = "n", .value = v};
		int64_t t = clock_mono_us();

		w->failed = journal_record(w->j, &w->k, &r, &w->e) != 0;
		t = clock_mono_us() - t;
		w->longest_us = t > w->longest_us ? t : w->longest_us;
		w->n += !w->failed;
		json_decref(v);
	}
	mysql_thread_end();
	return NULL;
}

static bool all_there(void *arg, const struct journal_record *r)
{
	long *next = arg;

	if (json_integer_value(r->value) == *next)
		++*next;
	else
		*next = -1000000;
	return true;
}

static void wait_for(struct writer *w, long more)
{
	long from = w->n;

	for (int i = 0; i < 2000 && w->n < from + more && !w->failed; i++)
		usleep(50000);
}

/* Every write is there, once, in its order, on every node. */
static void outage(const char *what, const char *again, int victim)
{
	struct writer w = {0};
	struct instance inst;
	struct world toy = {&inst, 0, 1, 0, false};
	struct journal_job job = {0};
	json_t *plan;
	pthread_t t;
	bool ok;

	instance_new(&inst, 0);
	plan = plan_new(&toy);
	w.j = join(victim, &w.e);
	if (!w.j || journal_create(w.j, plan, "me", &job, &w.e))
		die("creating", &w.e);
	w.k = journal_key(&job);
	if (pthread_create(&t, NULL, write_on, &w))
		die("pthread_create", NULL);
	wait_for(&w, 20);
	usleep(draw(20000));
	node(what, victim);
	wait_for(&w, 20);
	node(again, victim);
	wait_for(&w, 5);
	w.stop = true;
	pthread_join(t, NULL);
	if (w.failed)
		fprintf(stderr, "%s: %s\n", what, err_msg(&w.e));
	ok = !w.failed;
	for (int i = 0; i < NODES && ok; i++) {
		struct journal *j = join(i, &w.e);
		long next = 0;

		ok = j &&
		     !journal_records(j, job.id, false, all_there, &next,
				      &w.e) &&
		     next == w.n;
		if (!ok)
			fprintf(stderr, "node %d: %ld of %ld: %s\n", i + 1,
				next, (long)w.n, err_msg(&w.e));
		journal_close(j);
	}
	result(ok,
	       strcmp(what, "kill") ? "a node frozen: %ld writes, each "
				      "there once; the longest took %ld ms"
				    : "a node killed: %ld writes, each "
				      "there once; the longest took %ld ms",
	       w.n, (long)(w.longest_us / 1000));
	journal_close(w.j);
	journal_job_clear(&job);
	json_decref(plan);
	err_clear(&w.e);
}

static void words(int argc, char **argv)
{
	const struct {
		const char *word;
		unsigned *at;
	} known[] = {{"--schedules", &run.schedules},
		     {"--kills", &run.kills},
		     {"--freezes", &run.freezes},
		     {"--seed", &run.seed}};

	for (int i = 1; i + 1 < argc; i += 2)
		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			if (!strcmp(argv[i], known[k].word))
				*known[k].at = (unsigned)strtoul(argv[i + 1],
								 NULL, 10);
}

int main(int argc, char **argv)
{
	const char *port = getenv("NH_GALERA_PORT");
	struct journal *j[NODES];
	struct err e = ERR_INIT;

	words(argc, argv);
	if (!port)
		die("is run by tests/galera/run", NULL);
	run.port = (unsigned)strtoul(port, NULL, 10);
	run.state = run.seed * 2654435761u | 1;
	mysql_library_init(0, NULL, NULL);
	for (int i = 0; i < NODES; i++) {
		j[i] = join(i, &e);
		if (!j[i])
			die("opening", &e);
	}
	for (int i = 0; i < NODES; i++)
		journal_close(j[i]);
	schedules();
	for (unsigned i = 0; i < run.kills && !run.failed; i++)
		outage("kill", "start", (int)(i % NODES));
	for (unsigned i = 0; i < run.freezes && !run.failed; i++)
		outage("freeze", "thaw", (int)(i % NODES));
	printf("%d passed, %d failed, 0 skipped\n", run.passed, run.failed);
	return run.failed != 0;
}
