/* SPDX-License-Identifier: Apache-2.0 */
/* What happens inside of a controller under test; crash_run.c drives them. */
#include "crash/crash_priv.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/stop.h"

struct crash_shm *crash_shm;
struct crash_self_state crash_me;

static void violation(const char *what, const char *text)
{
	struct crash_shm *s = crash_shm;

	if (s->violations++)
		return; /* the first one explains the others */
	snprintf(s->text, sizeof(s->text), "event %lu (%s): %s", s->total, what,
		 text);
}

static void look(const char *what)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	if (!crash_me.c->promise(crash_shm->world, &b))
		violation(what, buf_str(&b));
}

static void others_act(void)
{
	struct crash_shm *s = crash_shm;

	for (size_t i = 0; i < CRASH_ACTS; i++) {
		const struct crash_act *a = &s->acts[i];

		if (!a->event || a->event != s->total)
			continue;
		if (crash_me.c->act(s->world, a->actor)) {
			s->acted++;
			look(crash_me.c->actors[a->actor]);
		}
	}
}

/* The frozen first controller goes on in the middle of the second's work. */
static void wake_zombie(void)
{
	struct crash_shm *s = crash_shm;

	if (!s->zombie || !s->wake || s->n != s->wake || s->zombie_done)
		return;
	s->alive[s->zombie_token] = true;
	kill(s->zombie, SIGCONT);
	for (int i = 0; !s->zombie_done && i < 100000; i++)
		usleep(100);
	if (!s->zombie_done)
		violation("zombie", "it did not end");
	s->alive[s->zombie_token] = false;
}

static enum crash_fault strike(enum crash_fault f, bool can_fail)
{
	struct crash_shm *s = crash_shm;

	s->struck = true;
	switch (f) {
	case CRASH_STOP:
		stop_set(true);
		return CRASH_NONE;
	case CRASH_FREEZE:
		s->alive[crash_me.token] = false;
		s->frozen = true;
		crash_me.zombie = true;
		raise(SIGSTOP);
		return CRASH_NONE;
	case CRASH_FAILED:
	case CRASH_RETRY:
	case CRASH_CONFLICT:
	case CRASH_LOST:
		if (can_fail)
			return f;
		break;
	case CRASH_NONE:
		return CRASH_NONE;
	case CRASH_KILL:
	case CRASH_FAULTS:
		break;
	}
	/* What cannot fail can always be the last thing that happened. */
	s->alive[crash_me.token] = false;
	raise(SIGKILL);
	return CRASH_NONE;
}

enum crash_fault crash_event(enum crash_when when, const char *what,
			     bool can_fail)
{
	struct crash_shm *s = crash_shm;

	if (crash_me.c->tick)
		crash_me.c->tick(s->world);
	look(what);
	if (s->trace && (crash_me.quiet || crash_me.zombie))
		fprintf(stderr, "        (%s) %c %s\n",
			crash_me.quiet ? "another" : "zombie", "<=>"[when],
			what);
	if (crash_me.quiet || crash_me.zombie)
		return CRASH_NONE;
	s->n++;
	s->total++;
	if (s->record && s->n < CRASH_EVENTS)
		s->kinds[s->n] = (unsigned char)(1 + when + (can_fail ? 4 : 0));
	if (s->trace)
		fprintf(stderr, "%6lu %6lu %c %s\n", s->total, s->n,
			"<=>"[when], what);
	others_act();
	wake_zombie();
	if (s->fault == CRASH_NONE || s->n != s->at)
		return CRASH_NONE;
	return strike(s->fault, can_fail);
}

int crash_fail(enum crash_fault f, const char *what, struct err *e)
{
	static const enum err_kind kinds[CRASH_FAULTS] = {
		[CRASH_FAILED] = ERR_FAILED,
		[CRASH_RETRY] = ERR_RETRY,
		[CRASH_CONFLICT] = ERR_CONFLICT,
		[CRASH_LOST] = ERR_LOST,
	};

	return err_set(e, kinds[f] ? kinds[f] : ERR_BUG, "%s: injected", what);
}

int crash_journal_hook(void *arg, enum journal_when when, const char *what)
{
	char name[64];

	(void)arg;
	snprintf(name, sizeof(name), "journal: %s", what);
	switch (when) {
	case JOURNAL_BEFORE:
		return crash_event(CRASH_BEFORE, name, true) != CRASH_NONE;
	case JOURNAL_AFTER:
		crash_event(CRASH_AFTER, name, false);
		break;
	}
	return 0;
}

uint32_t crash_random(uint32_t below)
{
	uint64_t *x = &crash_shm->rnd;

	/* splitmix64 */
	uint64_t z = (*x += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (uint32_t)((z ^ (z >> 31)) >> 11) % below;
}

bool crash_alive(unsigned token)
{
	return token < CRASH_TOKENS && crash_shm->alive[token];
}

unsigned crash_self(void)
{
	return crash_me.token;
}

void crash_become(void)
{
	crash_me.token = ++crash_shm->tokens % CRASH_TOKENS;
	crash_shm->alive[crash_me.token] = true;
}

int crash_other(int (*fn)(void *world), void *world)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		crash_become();
		crash_me.quiet = true;
		status = fn(world);
		crash_shm->alive[crash_me.token] = false;
		_exit(status);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
		violation("another controller", "it was killed");
		return -1;
	}
	return WEXITSTATUS(status);
}

/* --- a controller */

/* Waiting takes no time, and the clock shows that it did. */
static int64_t read_clock(void)
{
	return crash_shm->clock_us += 10;
}

static void pass(int64_t us)
{
	crash_shm->clock_us += us;
}

static bool keep_id(void *arg, const struct journal_job *job)
{
	memcpy(arg, job->id, JOURNAL_ID_MAX);
	return false;
}

static int begin(struct txn_env *env, enum crash_role role,
		 json_t *(*plan)(void *world), char id[JOURNAL_ID_MAX],
		 struct err *e)
{
	json_t *p;
	int rc;

	if (role != CRASH_START) {
		id[0] = '\0';
		return journal_jobs(env->journal, keep_id, id, e);
	}
	p = plan(env->world);
	rc = txn_start(env, p, id, e);
	json_decref(p);
	return rc;
}

static enum txn_end go(struct txn_env *env, enum crash_role role,
		       const char *id, struct err *e)
{
	switch (role) {
	case CRASH_START:
		return txn_run(env, id, e);
	case CRASH_RESUME:
		return txn_resume(env, id, e);
	case CRASH_FORWARD:
		return txn_forward(env, id, e);
	case CRASH_BACK_ALONE:
		return txn_back_alone(env, id, e);
	case CRASH_NOTHING:
	case CRASH_ROLLBACK:
		break;
	}
	return txn_rollback(env, id, e);
}

int crash_control(struct txn_env *env, const char *path, enum crash_role role,
		  json_t *(*plan)(void *world))
{
	static const struct clock_ops clock = {read_clock, read_clock, pass};
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX];
	enum txn_end end = TXN_ERROR;
	int code;

	clock_set_ops(&clock);
	env->journal = journal_open(path, &e);
	if (env->journal) {
		journal_set_hook(env->journal, crash_journal_hook, NULL);
		if (!begin(env, role, plan, id, &e))
			end = *id ? go(env, role, id, &e) : TXN_NOTHING;
	}
	code = txn_exit_code(end, &e);
	if (crash_shm->trace && e.kind != ERR_NONE)
		fprintf(stderr, "  -> %s (%d): %s: %s\n", txn_end_name(end),
			code, err_kind_name(e.kind), err_msg(&e));
	journal_close(env->journal);
	err_clear(&e);
	return code;
}
