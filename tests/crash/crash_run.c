/* SPDX-License-Identifier: Apache-2.0 */
/* Draws points, runs the controllers of each, judges, adds up. */
#include "crash/crash_priv.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/fs.h"
#include "core/log.h"

#define SETTLE_MAX 8 /* resumes until a job must be closed */

static const char *const fault_names[CRASH_FAULTS] = {
	[CRASH_NONE] = "none",	       [CRASH_KILL] = "kill",
	[CRASH_STOP] = "stop",	       [CRASH_FREEZE] = "freeze",
	[CRASH_FAILED] = "failed",     [CRASH_RETRY] = "retry",
	[CRASH_CONFLICT] = "conflict", [CRASH_LOST] = "lost",
};

struct strike {
	unsigned long at; /* 0: never */
	enum crash_fault fault;
};

struct point {
	enum crash_role recover;
	struct strike first, second;
	struct crash_act acts[CRASH_ACTS];
	unsigned long wake;
	uint64_t seed;
};

struct runner {
	const struct crash_case *c;
	const struct crash_opts *o;
	struct crash_totals *t;
	char dir[64], journal[96];
	void *before; /* the world after reset */
	unsigned long first_events, recover_events[2];
	unsigned char kinds[CRASH_EVENTS];
	struct {
		void *world;
		struct buf journal;
		int code;
	} cut; /* right after the first controller */
};

/* --- words */

static void point_words(const struct point *p, struct buf *b)
{
	buf_printf(b, "%s:%lu:%s:%lu:%s",
		   p->recover == CRASH_RESUME ? "resume" : "rollback",
		   p->first.at, fault_names[p->first.fault], p->second.at,
		   fault_names[p->second.fault]);
	for (size_t i = 0; i < CRASH_ACTS; i++)
		buf_printf(b, ":%lu:%zu", p->acts[i].event, p->acts[i].actor);
	buf_printf(b, ":%lu:%llu", p->wake, (unsigned long long)p->seed);
}

static enum crash_fault fault_by_name(const char *s)
{
	for (int i = 0; i < CRASH_FAULTS; i++)
		if (!strcmp(fault_names[i], s))
			return (enum crash_fault)i;
	return CRASH_NONE;
}

static bool point_parse(const char *words, struct point *p)
{
	AUTO(strv_clear) struct strv v = STRV_INIT;
	size_t k = 5;

	strv_split(&v, words, ":");
	if (v.n != 5 + 2 * CRASH_ACTS + 2)
		return false;
	*p = (struct point){
		.recover = strcmp(v.v[0], "rollback") ? CRASH_RESUME
						      : CRASH_ROLLBACK,
		.first = {strtoul(v.v[1], NULL, 10), fault_by_name(v.v[2])},
		.second = {strtoul(v.v[3], NULL, 10), fault_by_name(v.v[4])},
	};
	for (size_t i = 0; i < CRASH_ACTS; i++, k += 2)
		p->acts[i] = (struct crash_act){strtoul(v.v[k], NULL, 10),
						strtoul(v.v[k + 1], NULL, 10)};
	p->wake = strtoul(v.v[k], NULL, 10);
	p->seed = strtoull(v.v[k + 1], NULL, 10);
	return true;
}

/* --- files */

static void remove_journal(struct runner *r)
{
	AUTO(mem_freep) char *hot = mem_printf("%s-journal", r->journal);

	/* The reserve stays: a megabyte a point is not what is tested here. */
	unlink(r->journal);
	unlink(hot);
}

static void save_journal(struct runner *r)
{
	struct err e = ERR_INIT;

	buf_reset(&r->cut.journal);
	if (fs_read_path(r->journal, 1 << 24, &r->cut.journal, &e))
		err_clear(&e);
}

static void restore_journal(struct runner *r)
{
	struct err e = ERR_INIT;
	int fd;

	remove_journal(r);
	if (!r->cut.journal.len)
		return;
	fd = open(r->journal, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 ||
	    fs_write_all(fd, r->cut.journal.p, r->cut.journal.len, &e)) {
		fprintf(stderr, "%s cannot be written\n", r->journal);
		exit(99);
	}
	close(fd);
}

static bool see_job(void *arg, const struct journal_job *job)
{
	static const enum crash_job as[] = {
		[JOURNAL_OPEN] = CRASH_OPEN,
		[JOURNAL_DONE] = CRASH_DONE,
		[JOURNAL_ROLLED_BACK] = CRASH_BACK,
	};

	*(enum crash_job *)arg = as[job->state];
	return false;
}

static enum crash_job job_state(struct runner *r)
{
	struct err e = ERR_INIT;
	enum crash_job job = CRASH_NO_JOB;
	struct journal *j = journal_open(r->journal, &e);

	if (!j || journal_jobs(j, see_job, &job, &e)) {
		fprintf(stderr, "the journal cannot be read: %s\n",
			err_msg(&e));
		err_clear(&e);
		job = CRASH_OPEN;
	}
	journal_close(j);
	return job;
}

/* --- one controller */

static void child(struct runner *r, enum crash_role role)
{
	struct crash_shm *s = crash_shm;
	int code;

	crash_become();
	if (!s->trace)
		log_set(LOG_QUIET, NULL, NULL);
	code = r->c->control(s->world, r->journal, role);
	s->alive[crash_me.token] = false;
	if (crash_me.zombie)
		s->zombie_done = true;
#ifdef __SANITIZE_ADDRESS__
	exit(code); /* leaks are looked for */
#else
	_exit(code);
#endif
}

/* -> the exit code, 256 for a kill, 257 frozen.  An end by anything else is a
 * failure of its own. */
static int control(struct runner *r, enum crash_role role,
		   const struct strike *k)
{
	struct crash_shm *s = crash_shm;
	int status;
	pid_t pid;

	s->n = 0;
	s->at = k->at;
	s->fault = k->at ? k->fault : CRASH_NONE;
	s->struck = false;
	fflush(NULL);
	pid = fork();
	if (!pid)
		child(r, role);
	if (waitpid(pid, &status, WUNTRACED) != pid)
		return -1;
	if (WIFSTOPPED(status)) {
		s->zombie = pid;
		s->zombie_token = s->tokens % CRASH_TOKENS;
		return 257;
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && s->struck)
		return 256;
	if (WIFEXITED(status) && WEXITSTATUS(status) < 8)
		return WEXITSTATUS(status);
	if (!s->violations++)
		snprintf(s->text, sizeof(s->text),
			 "a controller ended with status %#x", status);
	return -1;
}

/* The frozen one wakes when all is over, unless it was woken before. */
static void end_zombie(struct runner *r)
{
	struct crash_shm *s = crash_shm;
	int status;

	(void)r;
	if (!s->zombie)
		return;
	s->alive[s->zombie_token] = true;
	kill(s->zombie, SIGCONT);
	waitpid(s->zombie, &status, 0);
	s->alive[s->zombie_token] = false;
	if ((!WIFEXITED(status) || WEXITSTATUS(status) > 7) && !s->violations++)
		snprintf(s->text, sizeof(s->text),
			 "the zombie ended with status %#x", status);
	s->zombie = 0;
}

/* --- one point */

static void judge(struct runner *r, enum crash_job job, int code)
{
	struct crash_shm *s = crash_shm;
	AUTO(buf_clear) struct buf b = BUF_INIT;

	if (r->c->end(s->world, r->before, job, code, &b))
		return;
	if (!s->violations++)
		snprintf(s->text, sizeof(s->text), "at the end: %s",
			 buf_str(&b));
}

/* A person reads the error, and types. */
static enum crash_job go_on(struct runner *r, int *code)
{
	static const struct strike none = {0, CRASH_NONE};
	enum crash_job job = job_state(r);

	for (int i = 0; job == CRASH_OPEN && i < SETTLE_MAX; i++) {
		for (int t = 0; r->c->tick && t < 100; t++)
			r->c->tick(crash_shm->world);
		*code = control(r, CRASH_RESUME, &none);
		job = job_state(r);
	}
	return job;
}

static void settle(struct runner *r, int code)
{
	enum crash_job job = go_on(r, &code), after;

	if (!crash_shm->zombie) {
		if (r->c->late)
			r->c->late(crash_shm->world);
		judge(r, job, code);
		return;
	}
	judge(r, job, code);
	end_zombie(r);
	/* Frozen before its job was in the journal, it just begins late, and
	 * may leave it open as any other: Nova's start has failed. */
	after = job == CRASH_NO_JOB ? go_on(r, &code) : job_state(r);
	if (r->c->late)
		r->c->late(crash_shm->world);
	if (after != job && job != CRASH_NO_JOB && !crash_shm->violations++)
		snprintf(crash_shm->text, sizeof(crash_shm->text),
			 "the zombie changed the job's state");
	judge(r, after, code);
}

static void reset(struct runner *r, const struct point *p)
{
	struct crash_shm *s = crash_shm;
	bool trace = s->trace;

	memset(s, 0, sizeof(*s));
	s->trace = trace;
	s->rnd = p->seed;
	s->clock_us = 1700000000 * 1000000LL;
	s->wake = p->wake;
	memcpy(s->acts, p->acts, sizeof(s->acts));
	memset(s->world, 0, r->c->size);
	r->c->reset(s->world, r->c->arg);
	memcpy(r->before, s->world, r->c->size);
	remove_journal(r);
}

static void tell(struct runner *r, const struct point *p)
{
	struct crash_shm *s = crash_shm;
	AUTO(buf_clear) struct buf b = BUF_INIT;

	r->t->events += s->total;
	if (p->first.at && p->second.at)
		r->t->doubles++;
	else if (p->first.at)
		r->t->singles++;
	r->t->actor_points += s->acted > 0;
	r->t->zombies += s->frozen;
	if (!s->violations)
		return;
	r->t->failed++;
	point_words(p, &b);
	printf("not ok - %s --only %s\n\t%s\n", r->c->name, buf_str(&b),
	       s->text);
	fflush(stdout);
}

static void run_point(struct runner *r, const struct point *p)
{
	int code;

	reset(r, p);
	code = control(r, CRASH_START, &p->first);
	if (job_state(r) != CRASH_NO_JOB)
		code = control(r, p->recover, &p->second);
	settle(r, code);
	tell(r, p);
}

/* --- every point */

/* The second controller is struck at each of its events in turn; the first
 * one's work is done once. */
static void run_doubles(struct runner *r, struct point *p)
{
	struct crash_shm *s = crash_shm;
	size_t whole = sizeof(*s) + r->c->size;

	reset(r, p);
	r->cut.code = control(r, CRASH_START, &p->first);
	save_journal(r);
	memcpy(r->cut.world, s, whole);
	for (unsigned long m = 0;; m++) {
		int code = r->cut.code;
		bool over;

		memcpy(s, r->cut.world, whole);
		restore_journal(r);
		p->second = (struct strike){m, m ? CRASH_KILL : CRASH_NONE};
		if (job_state(r) != CRASH_NO_JOB)
			code = control(r, p->recover, &p->second);
		over = m && !s->struck;
		if (!over) {
			settle(r, code);
			tell(r, p);
		}
		if (over || job_state(r) == CRASH_NO_JOB)
			break;
	}
}

static bool makes_sense(unsigned char kind, enum crash_fault f)
{
	enum crash_when when = (enum crash_when)((kind - 1) & 3);
	bool can_fail = kind > 3 && (kind - 1) & 4;

	switch (f) {
	case CRASH_KILL:
	case CRASH_STOP:
	case CRASH_FREEZE:
		return true;
	case CRASH_FAILED:
	case CRASH_RETRY:
	case CRASH_CONFLICT:
		return can_fail && when == CRASH_BEFORE;
	case CRASH_LOST:
		return can_fail;
	case CRASH_NONE:
	case CRASH_FAULTS:
		break;
	}
	return false;
}

static void run_full(struct runner *r)
{
	for (unsigned long n = 1; n <= r->first_events; n++)
		for (int f = CRASH_KILL; f < CRASH_FAULTS; f++)
			for (int k = CRASH_RESUME; k <= CRASH_ROLLBACK; k++) {
				struct point p = {
					.recover = (enum crash_role)k,
					.first = {n, (enum crash_fault)f},
					.seed = r->o->seed,
				};

				if (!makes_sense(r->kinds[n], p.first.fault))
					continue;
				if (f == CRASH_FREEZE)
					run_point(r, &p);
				else
					run_doubles(r, &p);
			}
}

static size_t count_actors(const struct crash_case *c)
{
	size_t n = 0;

	while (c->actors && c->actors[n])
		n++;
	return n;
}

/* Each actor at each event of a run that nothing else disturbs, and, with KILL,
 * between a crash there and its recovery. */
static void run_actors(struct runner *r, bool kill)
{
	for (size_t a = 0; a < count_actors(r->c); a++)
		for (unsigned long n = 1; n <= r->first_events; n++)
			for (int k = CRASH_RESUME; k <= CRASH_ROLLBACK; k++) {
				struct point p = {
					.recover = (enum crash_role)k,
					.acts = {{n + kill, a}},
					.seed = r->o->seed,
				};

				if (kill)
					p.first =
						(struct strike){n, CRASH_KILL};
				run_point(r, &p);
			}
}

/* --- drawn points */

static uint64_t drawn;

static unsigned long draw(unsigned long below)
{
	uint64_t keep = crash_shm->rnd, z;

	crash_shm->rnd = drawn;
	z = crash_random(1u << 30);
	drawn = crash_shm->rnd;
	crash_shm->rnd = keep;
	return below ? (unsigned long)(z % below) : 0;
}

static enum crash_fault draw_fault(unsigned char kind)
{
	for (;;) {
		enum crash_fault f = (enum crash_fault)(
			CRASH_KILL + draw(CRASH_FAULTS - CRASH_KILL));

		if (makes_sense(kind, f))
			return f;
	}
}

/* Every fourth in the middle of a call: there are few, and most can go wrong
 * there. */
static unsigned long draw_event(const struct runner *r)
{
	unsigned long n = 1 + draw(r->first_events);

	if (draw(4))
		return n;
	for (unsigned long i = 0; i < r->first_events; i++) {
		unsigned long k = 1 + (n + i) % r->first_events;

		if (((r->kinds[k] - 1) & 3) == CRASH_MID)
			return k;
	}
	return n;
}

/* Often between the crash and the recovery, or about then. */
static unsigned long draw_moment(const struct point *p, unsigned long more)
{
	unsigned long n = draw(p->first.at + more);

	if (!draw(3))
		return p->first.at + 1;
	if (draw(2)) {
		n = p->first.at + draw(60);
		n = n > 20 ? n - 20 : 0;
	}
	return 1 + n;
}

static void draw_point(struct runner *r, bool actors, struct point *p)
{
	unsigned long more;

	*p = (struct point){.seed = draw(1u << 30)};
	p->recover = draw(2) ? CRASH_RESUME : CRASH_ROLLBACK;
	more = r->recover_events[p->recover == CRASH_ROLLBACK];
	p->first.at = draw_event(r);
	p->first.fault = draw_fault(r->kinds[p->first.at]);
	if (draw(3)) {
		p->second.at = 1 + draw(more);
		/* What that event is nobody knows yet: a fault that it cannot
		 * act out kills. */
		p->second.fault =
			draw(2) ? CRASH_KILL : CRASH_FAILED + (int)draw(4);
	}
	if (p->first.fault == CRASH_FREEZE && draw(2)) {
		p->wake = 1 + draw(more);
		p->second = (struct strike){0, CRASH_NONE};
	}
	for (size_t i = 0; actors && i < 1 + draw(CRASH_ACTS); i++)
		p->acts[i] = (struct crash_act){draw_moment(p, more),
						draw(count_actors(r->c))};
}

static bool draw_actor(struct runner *r, struct point *p)
{
	for (size_t i = 0; i < count_actors(r->c); i++)
		if (!strcmp(r->c->actors[i], r->o->actor)) {
			p->acts[0] = (struct crash_act){
				draw_moment(p, r->first_events / 4), i};
			return true;
		}
	return false;
}

static void run_drawn(struct runner *r)
{
	drawn = r->o->seed;
	for (unsigned long i = 0; i < r->o->points; i++) {
		bool actors = r->o->actors && r->c->act && draw(2);
		struct point p;

		draw_point(r, actors, &p);
		if (r->o->actor && !draw_actor(r, &p)) {
			fprintf(stderr, "%s: no such actor\n", r->o->actor);
			exit(99);
		}
		run_point(r, &p);
	}
}

/* --- a case */

static int undisturbed(struct runner *r, const struct point *p)
{
	static const struct strike none = {0, CRASH_NONE};
	int code;

	reset(r, p);
	crash_shm->record = true;
	code = control(r, CRASH_START, &none);
	crash_shm->record = false;
	return code;
}

/* Without any fault: it works, and how many events there are.  The world may
 * refuse something by itself as often as it is tried, which leaves the job
 * open; with one seed in 500, not with three in a row. */
static void baseline(struct runner *r)
{
	enum { OPEN = 3, SEEDS = 3 };
	static const struct strike none = {0, CRASH_NONE};
	struct point p = {.seed = r->o->seed};
	int code = undisturbed(r, &p);

	for (int i = 1; code == OPEN && i < SEEDS; i++) {
		p.seed++;
		code = undisturbed(r, &p);
	}
	r->first_events = crash_shm->n;
	memcpy(r->kinds, crash_shm->kinds, sizeof(r->kinds));
	if (code != 0 && !crash_shm->violations++)
		snprintf(crash_shm->text, sizeof(crash_shm->text),
			 "a run without faults ended with %d", code);
	settle(r, code);
	tell(r, &p);
	for (int k = 0; k < 2; k++) {
		reset(r, &p);
		control(r, CRASH_START,
			&(struct strike){r->first_events * 3 / 4, CRASH_KILL});
		control(r, k ? CRASH_ROLLBACK : CRASH_RESUME, &none);
		r->recover_events[k] = crash_shm->n;
	}
}

static void open_runner(struct runner *r)
{
	size_t whole = sizeof(struct crash_shm) + r->c->size;

	strcpy(r->dir, access("/dev/shm", W_OK) ? "/tmp/nh-crash-XXXXXX"
						: "/dev/shm/nh-crash-XXXXXX");
	if (!mkdtemp(r->dir)) {
		perror(r->dir);
		exit(99);
	}
	snprintf(r->journal, sizeof(r->journal), "%s/journal.db", r->dir);
	crash_shm = mmap(NULL, whole, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crash_shm == MAP_FAILED) {
		perror("mmap");
		exit(99);
	}
	r->before = mem_calloc(1, r->c->size);
	r->cut.world = mem_calloc(1, whole);
	crash_me.c = r->c;
}

static void close_runner(struct runner *r)
{
	AUTO(mem_freep) char *reserve = mem_printf("%s.reserve", r->journal);

	remove_journal(r);
	unlink(reserve);
	rmdir(r->dir);
	munmap(crash_shm, sizeof(struct crash_shm) + r->c->size);
	crash_shm = NULL;
	mem_free(r->before);
	mem_free(r->cut.world);
	buf_clear(&r->cut.journal);
}

void crash_run(const struct crash_case *c, const struct crash_opts *o,
	       struct crash_totals *t)
{
	struct runner r = {.c = c, .o = o, .t = t};
	unsigned long failed = t->failed;
	struct point p;

	open_runner(&r);
	if (o->only) {
		if (!point_parse(o->only, &p)) {
			fprintf(stderr, "%s: no such point\n", o->only);
			exit(99);
		}
		crash_shm->trace = true;
		run_point(&r, &p);
	} else {
		baseline(&r);
		if (t->failed == failed)
			run_drawn(&r);
		if (o->full && t->failed == failed) {
			run_actors(&r, false);
			run_actors(&r, true);
			run_full(&r);
		} else if (o->others && t->failed == failed) {
			run_actors(&r, false);
			run_actors(&r, true);
		}
	}
	close_runner(&r);
}

/* --- options and figures */

int crash_options(int argc, char **argv, struct crash_opts *o)
{
	static const struct option longs[] = {
		{"seed", required_argument, NULL, 's'},
		{"points", required_argument, NULL, 'p'},
		{"only", required_argument, NULL, 'o'},
		{"actor", required_argument, NULL, 'x'},
		{"full", no_argument, NULL, 'f'},
		{"others", no_argument, NULL, 'a'},
		{0},
	};
	int c;

	if (!o->seed)
		o->seed = (uint64_t)time(NULL);
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 's':
			o->seed = strtoull(optarg, NULL, 10);
			break;
		case 'p':
			o->points = strtoul(optarg, NULL, 10);
			break;
		case 'o':
			o->only = optarg;
			break;
		case 'x':
			o->actor = optarg;
			break;
		case 'f':
			o->full = true;
			break;
		case 'a':
			o->others = true;
			break;
		default:
			return -1;
		}
	return 0;
}

static void figure(FILE *f, const char *tier, const char *what, unsigned long n,
		   const char *unit)
{
	if (f)
		fprintf(f, "figure\t%s: %s\t%lu\t%s\n", tier, what, n, unit);
}

int crash_report(const char *tier, const struct crash_opts *o,
		 const struct crash_totals *t)
{
	const char *path = getenv("NOVAHAUL_FIGURES");
	FILE *f = o->only ? NULL : fopen(path ? path : "figures.tsv", "a");
	unsigned long all = t->singles + t->doubles;

	figure(f, tier, "crash points", t->singles, "points");
	figure(f, tier, "double crash points", t->doubles, "points");
	figure(f, tier, "points with other actors", t->actor_points, "points");
	figure(f, tier, "frozen controllers woken", t->zombies, "points");
	figure(f, tier, "events looked at", t->events, "events");
	figure(f, tier, "violations", t->failed, "violations");
	if (f)
		fclose(f);
	printf("%s: seed %llu: %lu points, %lu double points, %lu with other "
	       "actors, %lu zombies, %lu events, %lu violations\n",
	       tier, (unsigned long long)o->seed, t->singles, t->doubles,
	       t->actor_points, t->zombies, t->events, t->failed);
	printf("%lu passed, %lu failed, 0 skipped\n",
	       all > t->failed ? all - t->failed : 0, t->failed);
	return t->failed ? 1 : 0;
}
