/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler in simulated time: evacuations that cross each other, with
 * failing steps, locked instances, targets that die and controllers that are
 * killed, or frozen and woken, at any moment.
 *
 *	t-sched-sim [EVACUATIONS [SEED]]
 *
 * Asserted throughout: no limit is exceeded; at most one process works on an
 * instance and at most one host can start it; a complete copy is where the
 * database says; a base image goes to a target once at a time.  At the end:
 * every instance is in exactly one place, every member is accounted for, and
 * nobody waits for ever.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mem.h"
#include "fleet/sched.h"

enum { HOSTS = 6, INSTS = 40, BATCHES = 3, MEMBERS = 14, BASES = 4 };
enum { JOBS_MAX = 20000, SECOND = 1000000 };
#define NONE (-1)

enum step { CLAIM, STAGE, COPY, DISARM, INSTALL, REWRITE, START, RELEASE, ALL };

struct inst {
	int db;		/* the host that the database names */
	unsigned armed; /* hosts that can start it, a bit each */
	unsigned copies;
	int lease; /* the job that holds it, or NONE */
	int base;
};

enum job_state { OPEN, DONE, ROLLED_BACK };
struct job {
	int batch, member, inst, src, dst;
	enum job_state state;
	bool backward, locked, brings; /* a base */
	int step; /* the next one; backward: undone to it */
	int proc; /* at work on it, or NONE */
};

struct member {
	int inst, src, dst, priority, expected;
	enum sched_state state;
	int job;  /* the newest, or NONE */
	int past; /* the newest when its last attempt began */
	int due;  /* the job that was to go back, as the journal has it */
};

struct batch {
	struct member m[MEMBERS];
	int n;
	uint64_t epoch;
	struct sched_limits limits;
	bool open;
	int generation;
	bool lost[HOSTS]; /* as the journal has it */
};

/* A child process: a move, or the resumption of one. */
struct proc {
	bool alive, told;
	bool begun, backs; /* with its job; told to bring it back */
	bool opened;	   /* the target answered when it began */
	int batch, member, job;
	uint64_t epoch;
	int ctl;
};

struct ctl {
	bool alive, frozen;
	int batch;
	uint64_t epoch;
	struct sched *s;
	int proc[MEMBERS]; /* or NONE */
};

enum what { EV_PROC, EV_CTL, EV_KILL, EV_FREEZE, EV_NEW, EV_DIE, EV_REVIVE };
struct event {
	int64_t t;
	uint64_t seq;
	enum what what;
	int id;
};

static struct {
	uint64_t rng, seq, seed;
	int64_t now;
	struct event *heap;
	size_t n, cap;
	bool up[HOSTS], base[BASES][HOSTS];
	int staging[BATCHES][BASES][HOSTS];
	struct inst i[INSTS];
	int n_insts;
	struct job *j;
	int n_jobs;
	struct proc *p;
	int n_procs;
	struct ctl *c;
	int n_ctls;
	struct batch b[BATCHES];
	int n_batches;
	int calm; /* after so many generations nothing fails any more */
} w;

static struct {
	long moves, failed, locked, kills, frozen, stale, deaths, replans, open;
	long retreats;
} did;

#define CHECK(cond)                                                            \
	do {                                                                   \
		if (!(cond)) {                                                 \
			fprintf(stderr,                                        \
				"%s:%d: seed %llu, at %lld us: not so: %s\n",  \
				__FILE__, __LINE__,                            \
				(unsigned long long)w.seed, (long long)w.now,  \
				#cond);                                        \
			abort();                                               \
		}                                                              \
	} while (0)

/* --- chance and time */

static uint64_t dice(uint64_t n)
{
	w.rng ^= w.rng << 13;
	w.rng ^= w.rng >> 7;
	w.rng ^= w.rng << 17;
	return w.rng % n;
}

static bool one_in(uint64_t n)
{
	return dice(n) == 0;
}

static bool before(const struct event *a, const struct event *b)
{
	return a->t != b->t ? a->t < b->t : a->seq < b->seq;
}

static void swap(size_t a, size_t b)
{
	struct event e = w.heap[a];

	w.heap[a] = w.heap[b];
	w.heap[b] = e;
}

static void at(int64_t t, enum what what, int id)
{
	size_t k = w.n;

	if (w.n == w.cap) {
		w.cap = w.cap ? 2 * w.cap : 256;
		w.heap = mem_realloc(w.heap, w.cap, sizeof(*w.heap));
	}
	w.heap[w.n++] = (struct event){t, w.seq++, what, id};
	for (; k && before(&w.heap[k], &w.heap[(k - 1) / 2]); k = (k - 1) / 2)
		swap(k, (k - 1) / 2);
}

static void in(uint64_t most_s, enum what what, int id)
{
	at(w.now + 1 + (int64_t)dice(most_s * SECOND), what, id);
}

static bool next_event(struct event *e)
{
	size_t k = 0, c;

	if (!w.n)
		return false;
	*e = w.heap[0];
	w.heap[0] = w.heap[--w.n];
	while ((c = 2 * k + 1) < w.n) {
		if (c + 1 < w.n && before(&w.heap[c + 1], &w.heap[c]))
			c++;
		if (!before(&w.heap[c], &w.heap[k]))
			break;
		swap(k, c);
		k = c;
	}
	return true;
}

/* --- the promise */

static void promise(const struct inst *i)
{
	CHECK((i->armed & (i->armed - 1)) == 0);
	CHECK(i->copies & (1u << i->db));
}

/* One process with a lease works on an instance; limits hold, counting what a
 * dead controller has left. */
static void check_batch(int b)
{
	const struct sched_limits *l = &w.b[b].limits;
	unsigned from[HOSTS] = {0}, to[HOSTS] = {0}, all = 0;

	for (int k = 0; k < w.b[b].n; k++) {
		int j = w.b[b].m[k].job;

		if (j == NONE || w.j[j].proc == NONE)
			continue;
		all++;
		from[w.j[j].src]++;
		to[w.j[j].dst]++;
	}
	CHECK(!l->parallel || all <= l->parallel);
	for (int h = 0; h < HOSTS; h++) {
		CHECK(!l->per_source || from[h] <= l->per_source);
		CHECK(!l->per_target || to[h] <= l->per_target);
	}
}

/* --- a child */

static void poll_ctl(int c);

static void staging(struct job *j, int by)
{
	int *n = &w.staging[j->batch][w.i[j->inst].base][j->dst];

	*n += by;
	CHECK(*n >= 0 && *n <= 1);
}

/* It needs the source alone, and the target's own copy is never started. */
static bool may_retreat(const struct job *j)
{
	return j->state == OPEN && (j->backward || j->step <= REWRITE);
}

/* The journal knows before anything is done about it. */
static enum sched_end stranded(const struct proc *x, enum sched_end end)
{
	struct batch *b = &w.b[x->batch];
	struct member *m = &b->m[x->member];
	const struct job *j = x->job == NONE ? NULL : &w.j[x->job];

	if ((end != SCHED_END_FAILED && end != SCHED_END_OPEN) || x->told ||
	    w.up[m->dst] || !w.up[m->src] || b->epoch != x->epoch)
		return end;
	b->lost[m->dst] = true;
	sched_lost(w.c[x->ctl].s, (size_t)m->dst);
	if (end == SCHED_END_FAILED || !j || x->backs || !may_retreat(j))
		return end;
	m->due = x->job;
	return SCHED_END_STRANDED;
}

static void proc_exit(int p, enum sched_end end)
{
	struct proc *x = &w.p[p];
	struct ctl *c = &w.c[x->ctl];

	x->alive = false;
	if (x->job != NONE) {
		struct job *j = &w.j[x->job];

		if (j->brings) {
			staging(j, -1);
			j->brings = false;
		}
		j->proc = NONE;
	}
	if (!c->alive)
		return;
	c->proc[x->member] = NONE;
	if (end == SCHED_END_LOCKED)
		did.locked++;
	end = stranded(x, end);
	/* Told to stop before it had a job: as if it had not begun. */
	if (x->told && x->job == NONE)
		end = SCHED_END_LOCKED;
	sched_ended(c->s, (size_t)x->member, end, w.now);
	w.b[x->batch].m[x->member].state = sched_state(c->s, (size_t)x->member);
	if (!c->frozen)
		at(w.now, EV_CTL, x->ctl);
}

/* What journal_create() does. */
static bool create(int p)
{
	struct proc *x = &w.p[p];
	struct batch *b = &w.b[x->batch];
	struct member *m = &b->m[x->member];
	int inst = m->inst;

	if (x->told || b->epoch != x->epoch || !b->open) {
		proc_exit(p, SCHED_END_LOCKED);
		return false;
	}
	if (m->job != NONE && w.j[m->job].state == OPEN) {
		proc_exit(p, SCHED_END_LOCKED);
		return false;
	}
	if (w.i[inst].lease != NONE) {
		proc_exit(p, SCHED_END_LOCKED);
		return false;
	}
	if (w.i[inst].db != m->src) { /* somebody else has moved it */
		proc_exit(p, w.i[inst].db == m->dst ? SCHED_END_DONE
						    : SCHED_END_FAILED);
		return false;
	}
	CHECK(w.n_jobs < JOBS_MAX);
	m->job = x->job = w.n_jobs++;
	w.j[x->job] = (struct job){.batch = x->batch,
				   .member = x->member,
				   .inst = inst,
				   .src = m->src,
				   .dst = m->dst,
				   .proc = p};
	check_batch(x->batch);
	return true;
}

static bool reach(const struct job *j, int step, bool backward)
{
	if (backward) /* a lost target is cleared later; the source must be */
		return w.up[j->src] && (!w.p[j->proc].opened || w.up[j->dst]);
	return (step > REWRITE || w.up[j->src]) && w.up[j->dst];
}

static void forward(struct job *j, int id)
{
	struct inst *i = &w.i[j->inst];
	unsigned src = 1u << j->src, dst = 1u << j->dst;

	switch ((enum step)j->step) {
	case CLAIM:
		CHECK(i->lease == NONE || i->lease == id);
		i->lease = id;
		break;
	case STAGE:
		w.base[i->base][j->dst] = true;
		break;
	case COPY:
		i->copies |= dst;
		break;
	case DISARM:
		i->armed &= ~src;
		break;
	case INSTALL:
		break;
	case REWRITE:
		CHECK(!i->armed && (i->copies & dst));
		i->db = j->dst;
		break;
	case START:
		i->armed |= dst;
		break;
	case RELEASE:
		i->copies = dst; /* purged, as it were */
		i->lease = NONE;
		break;
	case ALL:
		break;
	}
	promise(i);
}

static void undo(struct job *j)
{
	struct inst *i = &w.i[j->inst];

	CHECK(j->step < REWRITE);
	switch ((enum step)j->step) {
	case CLAIM:
		i->lease = NONE;
		break;
	case COPY:
		i->copies &= ~(1u << j->dst);
		break;
	case DISARM:
		i->armed |= 1u << j->src;
		break;
	case STAGE:
	case INSTALL:
	case REWRITE:
	case START:
	case RELEASE:
	case ALL:
		break;
	}
	promise(i);
}

static void go_back(int p)
{
	struct job *j = &w.j[w.p[p].job];

	if (!reach(j, j->step, true) || (!w.calm && one_in(60))) {
		proc_exit(p, SCHED_END_OPEN);
		return;
	}
	if (j->step > 0) {
		j->step--;
		undo(j);
		in(5, EV_PROC, p);
		return;
	}
	j->state = ROLLED_BACK;
	proc_exit(p, j->locked ? SCHED_END_LOCKED : SCHED_END_FAILED);
}

/* Does the base have to be brought?  One at a time, in a batch. */
static bool stage_begins(struct job *j)
{
	if (j->step != STAGE || j->brings || w.base[w.i[j->inst].base][j->dst])
		return false;
	j->brings = true;
	staging(j, 1);
	return true;
}

static void go_forward(int p)
{
	int id = w.p[p].job;
	struct job *j = &w.j[id];
	struct inst *i = &w.i[j->inst];

	if (j->step == CLAIM && i->lease != NONE && i->lease != id) {
		j->locked = j->backward = true;
		go_back(p);
		return;
	}
	/* It lay open, and another has moved the instance meanwhile. */
	if (j->step == CLAIM && i->db != j->src) {
		j->backward = true;
		go_back(p);
		return;
	}
	if (stage_begins(j)) {
		in(40, EV_PROC, p);
		return;
	}
	if (!reach(j, j->step, false) || (!w.calm && one_in(40))) {
		if (j->step > REWRITE) {
			proc_exit(p, SCHED_END_OPEN);
		} else {
			j->backward = true;
			in(3, EV_PROC, p);
		}
		return;
	}
	forward(j, id);
	if (j->brings) {
		staging(j, -1);
		j->brings = false;
	}
	if (j->step++ == STAGE && w.c[w.p[p].ctl].alive)
		sched_staged(w.c[w.p[p].ctl].s, (size_t)j->member);
	if (j->step < ALL) {
		in(j->step == COPY ? 120 : 8, EV_PROC, p);
		return;
	}
	j->state = DONE;
	did.moves++;
	proc_exit(p, SCHED_END_DONE);
}

/* Forward both hosts must answer, past the rewrite the target; back, the source
 * alone. */
static bool begin_job(struct proc *x)
{
	struct job *j = &w.j[x->job];

	x->begun = true;
	x->opened = w.up[j->dst];
	if (x->backs && !j->backward) {
		CHECK(j->step <= REWRITE);
		j->backward = true;
	}
	return reach(j, j->step, j->backward);
}

static void proc_step(int p)
{
	struct proc *x = &w.p[p];

	if (!x->alive)
		return;
	if (x->job == NONE) {
		if (create(p))
			in(2, EV_PROC, p);
		return;
	}
	CHECK(w.j[x->job].proc == p);
	if (!x->begun && !begin_job(x)) {
		proc_exit(p, SCHED_END_OPEN);
		return;
	}
	if (x->told) /* a checkpoint */
		proc_exit(p, SCHED_END_OPEN);
	else if (w.j[x->job].backward)
		go_back(p);
	else
		go_forward(p);
}

/* --- a controller */

static void spawn(int c, int m, enum sched_what what)
{
	bool resume = what != SCHED_START;
	struct ctl *ctl = &w.c[c];
	struct member *x = &w.b[ctl->batch].m[m];
	int p = w.n_procs++;

	x->state = SCHED_RUNNING;
	if (!resume)
		x->past = x->job;
	w.p[p] = (struct proc){.alive = true,
			       .batch = ctl->batch,
			       .member = m,
			       .job = NONE,
			       .epoch = ctl->epoch,
			       .backs = what == SCHED_RETREAT,
			       .ctl = c};
	did.retreats += what == SCHED_RETREAT;
	CHECK(what == SCHED_START ? !w.b[ctl->batch].lost[x->dst] : true);
	ctl->proc[m] = p;
	/* Only what is open is resumed: a locked one may have no job. */
	if (resume) {
		CHECK(x->job != NONE && w.j[x->job].state == OPEN);
		CHECK(w.j[x->job].proc == NONE);
		w.p[p].job = x->job;
		w.j[x->job].proc = p;
		check_batch(ctl->batch);
	}
	in(4, EV_PROC, p);
}

static void tell_all(const struct ctl *c)
{
	for (int k = 0; k < w.b[c->batch].n; k++)
		if (c->proc[k] != NONE)
			w.p[c->proc[k]].told = true;
}

static void ctl_gone(int c)
{
	tell_all(&w.c[c]);
	w.c[c].alive = false;
	sched_free(w.c[c].s);
	w.c[c].s = NULL;
}

/* Of the newest job of each member, as batch_settle(). */
static void settle(struct batch *b)
{
	for (int k = 0; k < b->n; k++) {
		struct member *m = &b->m[k];
		enum sched_state was = m->state;

		if (m->state == SCHED_RUNNING || m->state == SCHED_OPEN)
			m->state = SCHED_PENDING;
		if (m->job == NONE)
			continue;
		switch (w.j[m->job].state) {
		case OPEN:
			m->state = SCHED_OPEN;
			break;
		case DONE:
			m->state = SCHED_DONE;
			break;
		case ROLLED_BACK:
			if (was == SCHED_RUNNING && m->job != m->past &&
			    !w.j[m->job].locked)
				m->state = SCHED_FAILED;
			break;
		}
	}
}

static bool strays(int b)
{
	for (int k = 0; k < w.b[b].n; k++)
		if (w.b[b].m[k].job != NONE &&
		    w.j[w.b[b].m[k].job].proc != NONE)
			return true;
	return false;
}

static bool is_led(int b)
{
	for (int k = 0; k < w.n_ctls; k++)
		if (w.c[k].alive && !w.c[k].frozen && w.c[k].batch == b &&
		    w.c[k].epoch == w.b[b].epoch)
			return true;
	return false;
}

/* Takes the batch over, in one write; a frozen one it takes for dead. */
static void ctl_new(int b)
{
	struct batch *x = &w.b[b];
	int c = w.n_ctls;

	if (!x->open || is_led(b))
		return;
	x->epoch++;
	x->generation++;
	CHECK(x->generation < 400);
	if (x->generation > 12)
		w.calm = 1;
	w.n_ctls++;
	w.c[c] = (struct ctl){.alive = true, .batch = b, .epoch = x->epoch};
	for (int k = 0; k < MEMBERS; k++)
		w.c[c].proc[k] = NONE;
	if (!w.calm && one_in(2))
		in(400, one_in(4) ? EV_FREEZE : EV_KILL, c);
	at(w.now, EV_CTL, c);
}

/* What its predecessor's children have left is all there is. */
static void ctl_load(struct ctl *c)
{
	struct batch *x = &w.b[c->batch];

	settle(x);
	c->s = sched_new(&x->limits);
	for (int k = 0; k < BASES; k++)
		for (int h = 0; h < HOSTS; h++)
			if (w.base[k][h])
				sched_base_there(c->s, (size_t)k, (size_t)h);
	for (int h = 0; h < HOSTS; h++) /* those are asked again */
		x->lost[h] = x->lost[h] && !w.up[h];
	for (int k = 0; k < x->n; k++) {
		struct member *m = &x->m[k];
		size_t base = (size_t)w.i[m->inst].base;

		sched_add(c->s,
			  &(struct sched_member){.name = "m",
						 .source = (size_t)m->src,
						 .target = (size_t)m->dst,
						 .priority = m->priority,
						 .expected_s = m->expected,
						 .bases = &base,
						 .n_bases = 1});
		sched_found(c->s, (size_t)k, m->state);
		if (m->due != NONE && m->due == m->job &&
		    (m->state == SCHED_FAILED ||
		     (m->state == SCHED_OPEN && may_retreat(&w.j[m->job]))))
			sched_found_stranded(c->s, (size_t)k);
	}
	for (int h = 0; h < HOSTS; h++)
		if (x->lost[h])
			sched_lost(c->s, (size_t)h);
}

static void replan(struct ctl *c, size_t m)
{
	struct member *x = &w.b[c->batch].m[m];

	did.replans++;
	for (int h = 0; h < HOSTS; h++)
		if (w.up[h] && h != x->src) {
			x->dst = h;
			x->due = NONE;
			w.b[c->batch].lost[h] = false;
			sched_place(c->s, m, (size_t)h);
			return;
		}
	x->due = NONE;
	x->state = SCHED_FAILED;
	sched_leave(c->s, m);
}

static void ctl_over(int c)
{
	struct batch *b = &w.b[w.c[c].batch];
	struct sched_count n = sched_count(w.c[c].s);

	for (int k = 0; k < b->n; k++) {
		b->m[k].state = sched_state(w.c[c].s, (size_t)k);
		CHECK(b->m[k].state != SCHED_RUNNING);
	}
	CHECK(!n.n[SCHED_RUNNING]);
	b->open = n.n[SCHED_OPEN] || n.n[SCHED_PENDING];
	did.open += (long)n.n[SCHED_OPEN];
	ctl_gone(c);
	if (b->open) /* a person types resume */
		in(60, EV_NEW, w.c[c].batch);
}

/* As the controller does: what it writes tells it whether it still is one. */
static void poll_ctl(int c)
{
	struct ctl *x = &w.c[c];

	for (;;) {
		struct sched_order o;

		if (!x->alive || x->frozen)
			return;
		if (w.b[x->batch].epoch != x->epoch) {
			did.stale++;
			ctl_gone(c);
			return;
		}
		if (!x->s) {
			if (strays(x->batch)) { /* they are waited for */
				in(3, EV_CTL, c);
				return;
			}
			ctl_load(x);
		}
		o = sched_next(x->s, w.now);
		switch (o.what) {
		case SCHED_START:
		case SCHED_RESUME:
		case SCHED_RETREAT:
			spawn(c, (int)o.member, o.what);
			break;
		case SCHED_REPLAN:
			replan(x, o.member);
			break;
		case SCHED_WAIT:
			CHECK(o.until == 0 || o.until > w.now);
			if (o.until)
				at(o.until, EV_CTL, c);
			return;
		case SCHED_OVER:
			ctl_over(c);
			return;
		}
	}
}

static void ctl_kill(int c)
{
	if (!w.c[c].alive)
		return;
	did.kills++;
	ctl_gone(c);
	in(one_in(3) ? 1 : 90, EV_NEW, w.c[c].batch);
}

/* It wakes up when another may have taken over: its children are told nothing
 * meanwhile. */
static void ctl_freeze(int c)
{
	if (!w.c[c].alive)
		return;
	w.c[c].frozen = !w.c[c].frozen;
	did.frozen += w.c[c].frozen;
	if (w.c[c].frozen) {
		in(200, EV_FREEZE, c);
		in(200, EV_NEW, w.c[c].batch);
	} else {
		at(w.now, EV_CTL, c);
	}
}

/* --- one world */

static void host_dies(int h)
{
	if (w.calm || !w.up[h])
		return;
	did.deaths++;
	w.up[h] = false;
	in(300, EV_REVIVE, h);
}

static void make_batch(int b)
{
	struct batch *x = &w.b[b];
	int src = b == 0 ? 0 : (int)dice(2); /* 0 -> 1 and 1 -> 0 cross */

	*x = (struct batch){.open = true};
	x->limits = (struct sched_limits){
		.parallel = (unsigned)dice(7),
		.per_source = (unsigned)dice(4),
		.per_target = (unsigned)dice(4),
		.max_failures = one_in(3) ? 1 + (unsigned)dice(3) : 0,
		.lock_timeout_us = 900LL * SECOND};
	for (int i = 0; i < w.n_insts && x->n < MEMBERS; i++) {
		if (w.i[i].db != src)
			continue;
		x->m[x->n++] = (struct member){
			.inst = i,
			.src = src,
			.dst = one_in(2) ? 1 - src : 2 + (int)dice(HOSTS - 2),
			.priority = (int)dice(3),
			.expected = (int)dice(100),
			.job = NONE,
			.past = NONE,
			.due = NONE};
	}
	in(30, EV_NEW, b);
}

static void make_world(void)
{
	w.n = 0;
	w.now = 0;
	w.n_jobs = w.n_procs = w.n_ctls = w.calm = 0;
	memset(w.base, 0, sizeof(w.base));
	memset(w.staging, 0, sizeof(w.staging));
	w.n_insts = 4 + (int)dice(INSTS - 4);
	for (int h = 0; h < HOSTS; h++)
		w.up[h] = true;
	for (int i = 0; i < w.n_insts; i++) {
		int h = one_in(4) ? (int)dice(HOSTS) : (int)dice(2);

		w.i[i] = (struct inst){.db = h,
				       .armed = 1u << h,
				       .copies = 1u << h,
				       .lease = NONE,
				       .base = (int)dice(BASES)};
		w.base[w.i[i].base][h] = true;
	}
	w.n_batches = 1 + (int)dice(BATCHES);
	for (int b = 0; b < w.n_batches; b++)
		make_batch(b);
	for (uint64_t k = dice(3); k; k--)
		in(600, EV_DIE, (int)dice(HOSTS));
}

static void handle(const struct event *e)
{
	w.now = e->t;
	switch (e->what) {
	case EV_PROC:
		proc_step(e->id);
		break;
	case EV_CTL:
		poll_ctl(e->id);
		break;
	case EV_KILL:
		ctl_kill(e->id);
		break;
	case EV_FREEZE:
		ctl_freeze(e->id);
		break;
	case EV_NEW:
		ctl_new(e->id);
		break;
	case EV_DIE:
		host_dies(e->id);
		break;
	case EV_REVIVE:
		w.up[e->id] = true;
		break;
	}
}

/* Nothing happens any more: is everything where it belongs? */
static void check_end(void)
{
	for (int b = 0; b < w.n_batches; b++) {
		CHECK(!w.b[b].open); /* else somebody waits for ever */
		for (int k = 0; k < w.b[b].n; k++) {
			const struct member *m = &w.b[b].m[k];

			CHECK(m->state == SCHED_DONE ||
			      m->state == SCHED_FAILED);
			if (m->state == SCHED_FAILED)
				did.failed++;
		}
	}
	for (int p = 0; p < w.n_procs; p++)
		CHECK(!w.p[p].alive);
	for (int j = 0; j < w.n_jobs; j++)
		CHECK(w.j[j].state != OPEN);
	for (int i = 0; i < w.n_insts; i++) {
		CHECK(w.i[i].lease == NONE);
		CHECK(w.i[i].armed == 1u << w.i[i].db);
		CHECK(w.i[i].copies == 1u << w.i[i].db);
	}
}

int main(int argc, char **argv)
{
	long want = argc > 1 ? strtol(argv[1], NULL, 10) : 2000, done = 0;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	struct event e;

	w.j = MEM_NEW_N(struct job, JOBS_MAX);
	w.p = MEM_NEW_N(struct proc, 8 * JOBS_MAX);
	w.c = MEM_NEW_N(struct ctl, JOBS_MAX);
	for (; done < want; done += w.n_batches, seed++) {
		/* Each world can be run alone: t-sched-sim 1 SEED */
		w.rng = (seed + 1) * 0x9e3779b97f4a7c15u;
		w.seed = seed;
		make_world();
		while (next_event(&e)) {
			handle(&e);
			CHECK(w.n_procs < 8 * JOBS_MAX - 1);
			CHECK(w.n_ctls < JOBS_MAX - 1);
		}
		check_end();
	}
	printf("%ld evacuations: %ld moves, %ld failed, %ld times locked, "
	       "%ld left open and resumed; %ld controllers killed, %ld frozen, "
	       "%ld stale; %ld hosts died, %ld jobs given up there, "
	       "%ld new targets\n",
	       done, did.moves, did.failed, did.locked, did.open, did.kills,
	       did.frozen, did.stale, did.deaths, did.retreats, did.replans);
	CHECK(want < 100 || (did.moves && did.failed && did.locked &&
			     did.open && did.kills && did.frozen && did.stale &&
			     did.deaths && did.retreats && did.replans));
	mem_free(w.heap);
	mem_free(w.j);
	mem_free(w.p);
	mem_free(w.c);
	return 0;
}
