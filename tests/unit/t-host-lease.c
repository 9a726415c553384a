/* SPDX-License-Identifier: Apache-2.0 */
/* One writer: whoever does not hold the lease's highest epoch changes nothing,
 * however he came by his old one. */
#include "unit/host-lab.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "agent/procfs.h"
#include "wire/verbs.h"
#include "wire/wire.h"

struct lab {
	char *dir;
};

static int setup(void **state)
{
	struct lab *l = MEM_NEW(struct lab);

	l->dir = lab_dir();
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct lab *l = *state;

	lab_rm(l->dir);
	mem_free(l);
	return 0;
}

#define P(rel_) HOST_PATH(l->dir, rel_)

static int put(struct host *h, const char *dir, const char *rel, struct err *e)
{
	struct host_write w = {.path = HOST_PATH(dir, rel), .p = "x", .n = 1};

	return host_write(h, &w, e);
}

static struct host_lease read_lease(struct host *h, const char *dir)
{
	struct host_lease_ref r = {dir, UUID1};
	struct host_lease ls = {0};
	struct err e = ERR_INIT;

	assert_ok(host_lease_read(h, &r, &ls, &e));
	return ls;
}

static pid_t lease_pid(const char *dir)
{
	AUTO(mem_freep)
	char *path = mem_printf("%s/.novahaul/leases/" UUID1, dir);
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	assert_ok(fs_read_path(path, 65536, &b, &e));
	return (pid_t)atol(strstr(b.p, "\npid=") + 5);
}

/* As if the controller had been frozen for long. */
static void make_stale(const char *dir)
{
	AUTO(mem_freep)
	char *path = mem_printf("%s/.novahaul/leases/" UUID1 ".attended", dir);
	struct timespec old[2] = {{1000, 0}, {1000, 0}};

	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
}

static bool alive(pid_t pid)
{
	struct procfs_stat s;

	return procfs_stat(pid, &s) && procfs_runs(&s);
}

static bool gone_within(pid_t pid, int64_t us)
{
	int64_t end = clock_mono_us() + us;

	while (alive(pid) && clock_mono_us() < end)
		clock_sleep_us(10000);
	return !alive(pid);
}

/* A child of PARENT other than NOT. */
static pid_t child_of(pid_t parent, pid_t not )
{
	for (int tries = 0; tries < 200; tries++) {
		AUTO(mem_freep)
		char *path = mem_printf("/proc/%d/task/%d/children",
					(int)parent, (int)parent);
		AUTO(buf_clear) struct buf b = BUF_INIT;
		AUTO(strv_clear) struct strv v = STRV_INIT;
		struct err e = ERR_INIT;

		if (!fs_read_path(path, 4096, &b, &e))
			strv_split(&v, buf_str(&b), " \n");
		err_clear(&e);
		for (size_t i = 0; i < v.n; i++)
			if (atol(v.v[i]) != not )
				return (pid_t)atol(v.v[i]);
		clock_sleep_us(10000);
	}
	fail_msg("%d has no child", (int)parent);
	return -1;
}

static void t_rules(void **state)
{
	struct lab *l = *state;
	struct host *a = lab_local(), *b = lab_local();
	struct host_release r = {.root = l->dir, .uuid = UUID1};
	struct host_lease ls;
	struct err e = ERR_INIT;

	ls = read_lease(a, l->dir);
	assert_int_equal(ls.state, LEASE_FREE);
	assert_false(lab_has(l->dir, ".novahaul")); /* reading writes nothing */
	assert_kind(put(a, l->dir, "f", &e), ERR_REFUSED);
	assert_ok(lab_claim(a, l->dir, "job-1", "s1", 4, &e));
	assert_ok(put(a, l->dir, "f", &e));
	assert_ok(lab_claim(a, l->dir, "job-1", "s1", 4, &e)); /* again */
	ls = read_lease(b, l->dir);
	assert_int_equal(ls.state, LEASE_HELD);
	assert_true(ls.attended);
	assert_int_equal(ls.epoch, 4);
	assert_string_equal(ls.job, "job-1");
	host_lease_clear(&ls);
	/* Another job, and another run of this one. */
	assert_int_equal(lab_claim(b, l->dir, "job-2", "s2", 5, &e), -1);
	assert_int_equal(e.kind, ERR_LOCKED);
	assert_non_null(strstr(err_msg(&e), "job-1"));
	assert_non_null(strstr(e.hint, "job-1"));
	err_clear(&e);
	assert_kind(lab_claim(b, l->dir, "job-1", "s2", 5, &e), ERR_LOCKED);
	assert_kind(put(b, l->dir, "g", &e), ERR_REFUSED);
	assert_kind(host_lease_release(b, &r, &e), ERR_STALE);
	assert_ok(put(a, l->dir, "f2", &e)); /* a was not disturbed */
	assert_ok(host_lease_release(a, &r, &e));
	assert_kind(put(a, l->dir, "f3", &e), ERR_STALE);
	ls = read_lease(b, l->dir);
	assert_int_equal(ls.state, LEASE_RELEASED);
	host_lease_clear(&ls);
	/* Epochs only rise. */
	assert_kind(lab_claim(b, l->dir, "job-2", "s2", 4, &e), ERR_CONFLICT);
	assert_ok(lab_claim(b, l->dir, "job-2", "s2", 5, &e));
	assert_ok(put(b, l->dir, "g", &e));
	r.forget = true;
	assert_ok(host_lease_release(b, &r, &e));
	assert_false(lab_has(l->dir, ".novahaul"));
	assert_kind(put(b, l->dir, "h", &e), ERR_STALE);
	assert_false(lab_has(l->dir, "f3") || lab_has(l->dir, "h"));
	/* Words that would become file names. */
	assert_kind(lab_claim(b, l->dir, "../x", "s", 9, &e), ERR_USAGE);
	assert_kind(lab_claim(b, l->dir, "leases", "s", 9, &e), ERR_USAGE);
	host_close(a);
	host_close(b);
}

static void t_force(void **state)
{
	struct lab *l = *state;
	struct host *a = lab_local(), *b = lab_local();
	struct host_claim c = {.root = l->dir,
			       .uuid = UUID1,
			       .job = "job-1",
			       .owner = "b",
			       .session = "s2",
			       .epoch = 2,
			       .force = true};
	struct err e = ERR_INIT;
	pid_t old;

	assert_ok(lab_claim(a, l->dir, "job-1", "s1", 1, &e));
	old = lease_pid(l->dir);
	assert_ok(host_lease_claim(b, &c, &e));
	assert_false(alive(old));
	assert_kind(put(a, l->dir, "f", &e), ERR_STALE);
	assert_ok(put(b, l->dir, "g", &e));
	/* Never another job's, forced or not. */
	c.job = "job-2";
	c.session = "s3";
	c.epoch = 3;
	assert_kind(host_lease_claim(b, &c, &e), ERR_LOCKED);
	host_close(a);
	host_close(b);
}

static void t_race(void **state)
{
	struct lab *l = *state;
	enum { N = 6 };
	pid_t pid[N];
	int won = 0, locked = 0, go[2];
	char c;

	assert_int_equal(pipe(go), 0);
	for (int i = 0; i < N; i++) {
		pid[i] = fork();
		if (pid[i] == 0) {
			struct host *h = lab_local();
			struct err e = ERR_INIT;
			char *job = mem_printf("job-%d", i);
			int rc;

			close(go[1]);
			rc = (int)read(go[0], &c, 1);
			rc = lab_claim(h, l->dir, job, job, 1, &e);
			/* Held until all have tried. */
			if (!rc)
				clock_sleep_us(300000);
			if (rc)
				rc = e.kind == ERR_LOCKED ? 1 : 2;
			err_clear(&e);
			mem_free(job);
			host_close(h);
			_exit(rc);
		}
	}
	clock_sleep_us(200000);
	close(go[1]);
	for (int i = 0; i < N; i++) {
		int st;

		waitpid(pid[i], &st, 0);
		won += WIFEXITED(st) && WEXITSTATUS(st) == 0;
		locked += WIFEXITED(st) && WEXITSTATUS(st) == 1;
	}
	close(go[0]);
	assert_int_equal(won, 1);
	assert_int_equal(locked, N - 1);
}

/* A frozen controller, agent and all, is overtaken, wakes, and can do
 * nothing. */
static void t_frozen(void **state)
{
	struct lab *l = *state;
	struct host *a = lab_local(), *b = lab_local();
	struct err e = ERR_INIT;
	pid_t old;

	assert_ok(lab_claim(a, l->dir, "job-1", "s1", 1, &e));
	old = lease_pid(l->dir);
	kill(old, SIGSTOP);
	assert_kind(lab_claim(b, l->dir, "job-1", "s2", 2, &e), ERR_LOCKED);
	make_stale(l->dir);
	assert_ok(lab_claim(b, l->dir, "job-1", "s2", 2, &e));
	assert_false(alive(old));
	assert_ok(put(b, l->dir, "g", &e));
	/* It connects anew and finds that it is not the one any more. */
	assert_kind(put(a, l->dir, "f", &e), ERR_STALE);
	assert_kind(put(a, l->dir, "f", &e), ERR_STALE);
	assert_false(lab_has(l->dir, "f"));
	assert_ok(put(b, l->dir, "g2", &e));
	host_close(a);
	host_close(b);
}

/* A mutation that waits in the queue of an agent that nobody could kill. */
static void t_queued(void **state)
{
	struct lab *l = *state;
	struct host *a = lab_local(), *b = lab_local();
	AUTO(enc_clear) struct enc args = ENC_INIT;
	struct client_req r = {
		.type = VERB_WRITE, .args = &args, .mutates = true};
	struct host_session *s;
	struct client *c;
	struct err e = ERR_INIT;
	struct frame f;
	uint32_t id;
	pid_t bulk = -1;

	assert_ok(lab_claim(a, l->dir, "job-1", "s1", 1, &e));
	s = host_session_open(a, &e);
	assert_non_null(s);
	c = host_session_client(a, s);
	/* The youngest child of ours. */
	{
		AUTO(mem_freep)
		char *path = mem_printf("/proc/%d/task/%d/children",
					(int)getpid(), (int)getpid());
		AUTO(buf_clear) struct buf b2 = BUF_INIT;
		AUTO(strv_clear) struct strv v = STRV_INIT;

		assert_ok(fs_read_path(path, 4096, &b2, &e));
		strv_split(&v, b2.p, " \n");
		bulk = (pid_t)atol(v.v[v.n - 1]);
	}
	assert_int_not_equal(bulk, lease_pid(l->dir));
	kill(bulk, SIGSTOP);
	enc_str(&args, l->dir);
	enc_str(&args, "queued");
	enc_u32(&args, 0600);
	enc_bytes(&args, "x", 1);
	assert_ok(client_begin(c, &r, &id, &e));
	make_stale(l->dir);
	assert_ok(lab_claim(b, l->dir, "job-1", "s2", 2, &e));
	assert_true(alive(bulk));
	kill(bulk, SIGCONT);
	assert_kind(client_next(c, id, &f, clock_mono_us() + 30000000, &e),
		    ERR_STALE);
	assert_false(lab_has(l->dir, "queued"));
	host_session_close(a, s);
	/* Nor can a session be bound to the old epoch. */
	assert_null(host_session_open(a, &e));
	assert_int_equal(e.kind, ERR_STALE);
	err_clear(&e);
	host_close(a);
	host_close(b);
}

static void tick_never(void *arg)
{
	fail_msg("ticked %p while it is lent", arg);
}

/* Writes REL through the session that H lends. */
static void write_lent(struct host *h, const char *dir, const char *rel)
{
	AUTO(enc_clear) struct enc args = ENC_INIT;
	struct client_req r = {
		.type = VERB_WRITE, .args = &args, .mutates = true};
	struct err e = ERR_INIT;
	struct client *c = host_control(h, &e);
	struct dec d;

	assert_non_null(c);
	enc_str(&args, dir);
	enc_str(&args, rel);
	enc_u32(&args, 0600);
	enc_bytes(&args, "x", 1);
	assert_ok(client_call(c, &r, &d, &e));
	assert_true(lab_has(dir, rel));
}

/* Another adapter's request over a host's own session: under its lease, also
 * after the connection was lost. */
static void t_lent(void **state)
{
	struct lab *l = *state;
	struct host *a = lab_local();
	struct err e = ERR_INIT;
	struct client *c;

	assert_ok(lab_claim(a, l->dir, "job-1", "s1", 1, &e));
	/* What is called while H's own requests wait would tick it. */
	host_on_wait(a, tick_never, a);
	c = host_control(a, &e);
	assert_non_null(c);
	assert_null(c->on_wait);
	write_lent(a, l->dir, "lent");
	host_on_wait(a, NULL, NULL);
	kill(lease_pid(l->dir), SIGKILL);
	while (!host_tick(a, &e))
		clock_sleep_us(5000);
	err_clear(&e);
	write_lent(a, l->dir, "again");
	assert_ok(host_tick(a, &e));
	host_close(a);
}

struct runner {
	struct host *h;
	struct host_run r;
	int rc;
	struct err e;
};

static void *run_it(void *arg)
{
	struct runner *k = arg;

	k->rc = host_run(k->h, &k->r, &k->e);
	return NULL;
}

/* Someone who is inside the gate and does not come out. */
static void t_stuck(void **state)
{
	struct lab *l = *state;
	struct host *b = lab_local();
	struct runner k = {.h = lab_local(), .e = ERR_INIT};
	struct err e = ERR_INIT;
	pid_t old, sleeper;
	pthread_t t;
	int64_t t0;

	assert_ok(lab_claim(k.h, l->dir, "job-1", "s1", 1, &e));
	old = lease_pid(l->dir);
	k.r = (struct host_run){
		.argv = (const char *const[]){"sleep", "600", NULL},
		.timeout_us = 600000000,
		.mutates = true};
	pthread_create(&t, NULL, run_it, &k);
	sleeper = child_of(old, -1);
	make_stale(l->dir);
	t0 = clock_mono_us();
	assert_ok(lab_claim(b, l->dir, "job-1", "s2", 2, &e));
	/* It was given its time, then ended with what it ran: ten minutes. */
	assert_in_range(clock_mono_us() - t0, 400000, 60000000);
	assert_false(alive(old));
	assert_true(gone_within(sleeper, 10000000));
	pthread_join(t, NULL);
	assert_int_equal(k.rc, -1);
	assert_int_equal(k.e.kind, ERR_LOST);
	err_clear(&k.e);
	host_run_clear(&k.r);
	assert_kind(put(k.h, l->dir, "f", &e), ERR_STALE);
	host_close(k.h);
	host_close(b);
}

static void rm_work(const char *dir)
{
	lab_rm(mem_printf("%s/.novahaul", dir));
}

static void assert_no_work(const char *dir)
{
	AUTO(mem_freep) char *work = mem_printf("%s/.novahaul", dir);

	assert_int_equal(access(work, F_OK), -1);
}

/* The link breaks and nobody else came: the same run goes on, after what the
 * lost agent did has ended. */
static void t_again(void **state)
{
	struct lab *l = *state;
	struct host *a = lab_local();
	struct host_lease ls;
	struct host_stat st = {0};
	struct err e = ERR_INIT;
	pid_t old, young;

	assert_ok(lab_claim(a, l->dir, "job-1", "s1", 7, &e));
	old = lease_pid(l->dir);
	kill(old, SIGKILL);
	assert_true(gone_within(old, 10000000));
	assert_ok(put(a, l->dir, "f", &e));
	young = lease_pid(l->dir);
	assert_int_not_equal(old, young);
	ls = read_lease(a, l->dir);
	assert_int_equal(ls.epoch, 8);
	assert_true(ls.attended);
	host_lease_clear(&ls);
	/* A reading one is repeated without a word. */
	kill(young, SIGKILL);
	assert_ok(host_stat(a, P("f"), &st, &e));
	host_stat_clear(&st);
	/* The job has ended elsewhere meanwhile, and its lease is forgotten:
	 * nothing is made anew. */
	young = lease_pid(l->dir);
	kill(young, SIGKILL);
	assert_true(gone_within(young, 10000000));
	rm_work(l->dir);
	assert_kind(put(a, l->dir, "g", &e), ERR_STALE);
	assert_no_work(l->dir);
	host_close(a);
}

static void t_lost(void **state)
{
	struct lab *l = *state;
	struct runner k = {.h = lab_local(), .e = ERR_INIT};
	struct err e = ERR_INIT;
	pthread_t t;

	assert_ok(lab_claim(k.h, l->dir, "job-1", "s1", 1, &e));
	k.r = (struct host_run){
		.argv = (const char *const[]){"sleep", "600", NULL},
		.timeout_us = 600000000,
		.mutates = true};
	pthread_create(&t, NULL, run_it, &k);
	child_of(lease_pid(l->dir), -1);
	kill(lease_pid(l->dir), SIGKILL);
	pthread_join(t, NULL);
	assert_int_equal(k.rc, -1);
	assert_int_equal(k.e.kind, ERR_LOST);
	err_clear(&k.e);
	host_close(k.h);
}

/* ---- the end of the stream ------------------------------------------- */

static struct host_session *start_run(struct host *h, enum verb_type verb,
				      const char *script, bool kill_on_close)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	const char *const argv[] = {"sh", "-c", script, NULL};
	struct client_req r = {.type = (uint16_t)verb, .args = &a};
	struct err e = ERR_INIT;
	struct host_session *s = host_session_open(h, &e);
	uint32_t id;

	assert_non_null(s);
	enc_strv(&a, argv);
	enc_bytes(&a, NULL, 0);
	enc_i64(&a, 60000000);
	enc_u32(&a, 0);
	enc_str(&a, NULL);
	enc_bool(&a, kill_on_close);
	enc_bool(&a, false); /* no hostile file */
	assert_ok(client_begin(host_session_client(h, s), &r, &id, &e));
	return s;
}

static void wait_for(const char *dir, const char *rel)
{
	int64_t end = clock_mono_us() + 10000000;

	while (!lab_has(dir, rel) && clock_mono_us() < end)
		clock_sleep_us(5000);
	assert_true(lab_has(dir, rel));
}

/* Who writes its number there: of a process that has begun. */
static pid_t began(const char *dir)
{
	AUTO(mem_freep) char *path = mem_printf("%s/began", dir);
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	wait_for(dir, "began");
	assert_ok(fs_read_path(path, 100, &b, &e));
	assert_int_equal(unlink(path), 0);
	return (pid_t)atol(buf_str(&b));
}

static void t_eof(void **state)
{
	struct lab *l = *state;
	struct host *a = lab_local();
	AUTO(mem_freep)
	char *here = mem_printf("cd %s; echo $$ > x; mv x began", l->dir);
	AUTO(mem_freep)
	char *slow = mem_printf("%s; sleep 0.5; echo > done", here);
	AUTO(mem_freep)
	char *cut = mem_printf("%s; sleep 50; echo > cut", here);
	struct err e = ERR_INIT;
	struct host_session *s;
	pid_t pid;

	assert_ok(lab_claim(a, l->dir, "job-1", "s1", 1, &e));
	/* What only reads ends at once, child and all; so does what is told
	 * to. */
	for (int i = 0; i < 2; i++) {
		s = start_run(a, i ? VERB_RUN : VERB_RUN_READ, cut, true);
		pid = began(l->dir);
		assert_true(alive(pid));
		host_session_close(a, s);
		assert_true(gone_within(pid, 20000000));
		assert_false(lab_has(l->dir, "cut"));
	}
	/* What changes something is not cut off half-way. */
	s = start_run(a, VERB_RUN, slow, false);
	began(l->dir);
	host_session_close(a, s);
	wait_for(l->dir, "done");
	host_close(a);
}

/* It is seen to be, or not to be, before long. */
static void wait_attended(struct host *h, const char *dir, bool want)
{
	int64_t end = clock_mono_us() + 10000000;
	struct host_lease ls = read_lease(h, dir);

	while (ls.attended != want && clock_mono_us() < end) {
		host_lease_clear(&ls);
		clock_sleep_us(20000);
		ls = read_lease(h, dir);
	}
	assert_int_equal(ls.attended, want);
	assert_int_equal(ls.state, LEASE_HELD);
	host_lease_clear(&ls);
}

static void t_beat(void **state)
{
	struct lab *l = *state;
	struct host *a = lab_local();
	struct host_lease ls;
	struct err e = ERR_INIT;
	struct host *b = lab_local();

	assert_ok(lab_claim(a, l->dir, "job-1", "s1", 1, &e));
	make_stale(l->dir);
	ls = read_lease(b, l->dir);
	assert_false(ls.attended);
	host_lease_clear(&ls);
	/* The agent alone does not renew it ... */
	clock_sleep_us(1200000);
	ls = read_lease(b, l->dir);
	assert_false(ls.attended);
	host_lease_clear(&ls);
	/* ... only a sign of life of its controller. */
	clock_sleep_us(1000000);
	assert_ok(host_tick(a, &e));
	wait_attended(b, l->dir, true);
	host_close(a);
	/* Its agent ends with it: held, and not attended. */
	wait_attended(b, l->dir, false);
	host_close(b);
}

struct waiting {
	struct host *a, *b;
	unsigned calls, failed;
};

static void on_wait(void *arg)
{
	struct waiting *w = arg;
	struct err e = ERR_INIT;

	w->calls++;
	w->failed += host_tick(w->a, &e) != 0;
	w->failed += host_tick(w->b, &e) != 0;
	err_clear(&e);
}

/* While one host works, the other's lease is kept alive. */
static void t_wait(void **state)
{
	struct lab *l = *state;
	struct waiting w = {.a = lab_local(), .b = lab_local()};
	struct host_run r = {
		.argv = (const char *const[]){"sleep", "2.5", NULL}};
	struct err e = ERR_INIT;
	int64_t us;

	assert_ok(lab_claim(w.b, l->dir, "job-1", "s1", 1, &e));
	make_stale(l->dir);
	host_on_wait(w.a, on_wait, &w);
	us = clock_mono_us();
	assert_ok(host_run(w.a, &r, &e));
	us = clock_mono_us() - us;
	assert_int_equal(r.exit_code, 0);
	host_run_clear(&r);
	/* Once a second. */
	assert_in_range(w.calls, 1, us / 1000000);
	assert_int_equal(w.failed, 0);
	wait_attended(w.b, l->dir, true);
	host_close(w.a);
	host_close(w.b);
}

/* Two hosts that share a file system share the lease. */
static void t_claim_all(void **state)
{
	struct lab *l = *state;
	struct host *h[2] = {lab_local(), lab_local()};
	struct host *other = lab_local();
	struct host_claim c = {.root = l->dir,
			       .uuid = UUID1,
			       .job = "job-1",
			       .owner = "me",
			       .session = "s1"};
	struct host_lease ls;
	struct err e = ERR_INIT;

	assert_ok(lab_claim(other, l->dir, "job-0", "s0", 41, &e));
	assert_kind(host_claim_all(h, 2, &c, &e), ERR_LOCKED);
	assert_ok(host_lease_release(
		other, &(struct host_release){.root = l->dir, .uuid = UUID1},
		&e));
	assert_ok(host_claim_all(h, 2, &c, &e));
	ls = read_lease(other, l->dir);
	assert_int_equal(ls.epoch, 42);
	host_lease_clear(&ls);
	assert_ok(put(h[0], l->dir, "a", &e));
	assert_ok(put(h[1], l->dir, "b", &e));
	host_close(h[0]);
	host_close(h[1]);
	host_close(other);
}

static void t_damaged(void **state)
{
	struct lab *l = *state;
	struct host *a = lab_local();
	struct err e = ERR_INIT;
	AUTO(mem_freep) char *work = mem_printf("%s/.novahaul", l->dir);

	assert_ok(lab_claim(a, l->dir, "job-1", "s1", 1, &e));
	lab_put(l->dir, ".novahaul/leases/" UUID1, "rubbish\n");
	assert_kind(put(a, l->dir, "f", &e), ERR_FAILED);
	assert_kind(lab_claim(a, l->dir, "job-1", "s1", 2, &e), ERR_FAILED);
	/* A directory that somebody else made is not trusted. */
	assert_int_equal(chown(work, 65534, (gid_t)-1), 0);
	assert_kind(lab_claim(a, l->dir, "job-1", "s1", 2, &e), ERR_REFUSED);
	assert_int_equal(chown(work, 0, (gid_t)-1), 0);
	assert_int_equal(chmod(work, 0777), 0);
	assert_kind(lab_claim(a, l->dir, "job-1", "s1", 2, &e), ERR_REFUSED);
	host_close(a);
}

static void t_receive(void **state)
{
	struct lab *l = *state;
	struct host *a = lab_local();
	AUTO(mem_freep) char *agent = lab_agent();
	char *argv[] = {agent,	       (char *)"--receive", l->dir,
			(char *)UUID1, (char *)"job-1",	    NULL};
	AUTO(enc_clear) struct enc args = ENC_INIT;
	struct client_req r = {.type = VERB_STAT, .args = &args};
	struct client c;
	struct proc_pipe p;
	struct err e = ERR_INIT;
	struct dec d;

	assert_ok(lab_claim(a, l->dir, "job-1", "s1", 1, &e));
	assert_ok(proc_open(&p, argv, NULL, NULL, false, &e));
	client_init_fds(&c, p.out, p.in);
	assert_ok(client_hello(&c, clock_mono_us() + 20000000, &e));
	r.type = VERB_INFO;
	r.args = NULL;
	assert_ok(client_call(&c, &r, &d, &e));
	enc_str(&args, l->dir);
	enc_str(&args, "x");
	r.args = &args;
	r.type = VERB_STAT;
	assert_kind(client_call(&c, &r, &d, &e), ERR_REFUSED);
	r.type = VERB_RUN;
	assert_kind(client_call(&c, &r, &d, &e), ERR_REFUSED);
	client_clear(&c);
	assert_int_equal(proc_close(&p, 20000000), 0);
	host_close(a);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(t_rules),   T(t_force),   T(t_race),	T(t_frozen),
		T(t_queued),  T(t_lent),    T(t_stuck), T(t_again),
		T(t_lost),    T(t_eof),	    T(t_beat),	T(t_claim_all),
		T(t_damaged), T(t_receive), T(t_wait),
	};

	if (geteuid()) {
		fprintf(stderr, "skip: needs root\n");
		return 77;
	}
	cmocka_set_test_filter(getenv("NOVAHAUL_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
