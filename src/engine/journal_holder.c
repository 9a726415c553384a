/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is there: which process has a job or a batch, and whether it was heard of
 * lately.  Only among several operators; a file does not know.
 */
#include "config.h"

#include "engine/journal_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"

#define BEAT (5 * 1000000)

/* --- where a process is */

static ssize_t read_small(const char *path, char *out, size_t n)
{
	AUTO(mem_closefd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, n - 1);

	out[got > 0 ? got : 0] = '\0';
	return got;
}

/* This boot of this machine, and its numbering of processes: hosts may share a
 * name, and so may containers of one host.  "" when that cannot be told. */
static void place_of(char *out, size_t n)
{
	char boot[64], ns[64];
	ssize_t k = readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1);

	*out = '\0';
	if (k <= 0 || read_small("/proc/sys/kernel/random/boot_id", boot,
				 sizeof(boot)) <= 0)
		return;
	ns[k] = '\0';
	boot[strcspn(boot, "\n")] = '\0';
	snprintf(out, n, "%s %s", boot, ns);
}

void journal_owner(char *out, size_t n)
{
	char host[65] = "";

	gethostname(host, sizeof(host) - 1);
	snprintf(out, n, "%s pid %ld", host[0] ? host : "localhost",
		 (long)getpid());
}

/* A process that has ended and was not yet waited for does nothing more. */
static bool is_zombie(long pid)
{
	char path[32], text[512];
	const char *p;

	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	if (read_small(path, text, sizeof(text)) <= 0)
		return false;
	p = strrchr(text, ')');
	return p && (p[2] == 'Z' || p[2] == 'X');
}

enum journal_pulse journal_owner_pulse(const char *owner)
{
	const char *pid = owner ? strstr(owner, " pid ") : NULL;
	char host[65] = "";
	long n;

	if (!pid || gethostname(host, sizeof(host) - 1) ||
	    strlen(host) != (size_t)(pid - owner) ||
	    strncmp(host, owner, strlen(host)) != 0)
		return PULSE_UNKNOWN;
	n = strtol(pid + 5, NULL, 10);
	if (n <= 0)
		return PULSE_UNKNOWN;
	/* Signal 0 only asks. */
	if (kill((pid_t)n, 0) && errno == ESRCH)
		return PULSE_NONE;
	return is_zombie(n) ? PULSE_NONE : PULSE_BEATS;
}

/* --- this process */

void journal_writer_init(struct journal *j)
{
	uuid_random(j->writer);
	place_of(j->place, sizeof(j->place));
}

/* A statement about our row; nothing depends on it. */
static void about_writer(struct journal *j, const char *name)
{
	struct err e = ERR_INIT;
	struct store_stmt *st = journal_stmt(j, name);

	journal_bind(st, ":writer", j->writer);
	if (journal_exec(j, st, &e))
		log_debug("journal: %s: %s", name, err_msg(&e));
	err_clear(&e);
}

void journal_writer_end(struct journal *j)
{
	if (!*j->writer || !j->writes)
		return;
	about_writer(j, "shared-end");
	about_writer(j, "shared-sweep");
}

void journal_beat(struct journal *j)
{
	int64_t now = clock_mono_us();

	if (j->outer)
		journal_beat(j->outer);
	if (!j->writes || !*j->writer || now - j->beat_us < BEAT)
		return;
	about_writer(j, "shared-beat");
	/* A server that does not answer is not asked all the time. */
	j->beat_us = clock_mono_us();
}

void journal_beat_too(struct journal *j, struct journal *outer)
{
	j->outer = outer;
}

/* --- who has it */

int journal_hold(struct journal *j, const char *id, struct err *e)
{
	struct store_stmt *st;

	if (!j->s->shared)
		return 0;
	st = journal_stmt(j, journal_id_ok('b', id) ? "shared-hold-batch"
						    : "shared-hold");
	journal_bind(st, ":writer", j->writer);
	journal_bind(st, ":id", id);
	return journal_exec(j, st, e);
}

int journal_in_batch(struct journal *j, const char *id, struct err *e)
{
	struct store_stmt *st;

	if (!j->s->shared)
		return 0;
	st = journal_stmt(j, "shared-batch");
	journal_bind(st, ":id", id);
	return journal_exec(j, st, e);
}

/* Of the row of "shared-holder": the process of it is of this machine, and is
 * no more. */
static bool is_gone(const struct journal *j, struct store_stmt *st)
{
	return *j->place && !strcmp(journal_text(st, 3), j->place) &&
	       journal_owner_pulse(journal_text(st, 1)) == PULSE_NONE;
}

int journal_holder(struct journal *j, const char *id, enum journal_pulse *out,
		   char **owner, struct err *e)
{
	struct store_stmt *st;
	int64_t silent;
	int rc;

	*out = PULSE_UNKNOWN;
	*owner = NULL;
	if (!j->s->shared)
		return 0;
	st = journal_stmt(j, journal_id_ok('b', id) ? "shared-holder-batch"
						    : "shared-holder");
	journal_bind(st, ":id", id);
	rc = journal_step_row(j, st, e);
	*out = PULSE_NONE;
	if (rc > 0 && journal_text0(st, 0)) {
		silent = journal_int(st, 2);
		*owner = mem_strdup(journal_text(st, 1));
		/* A clock of the cluster may be behind another's. */
		if (silent < JOURNAL_LEASE_US && silent > -JOURNAL_LEASE_US &&
		    strcmp(journal_text(st, 0), j->writer) != 0 &&
		    !is_gone(j, st))
			*out = PULSE_BEATS;
	}
	journal_reset(st);
	return rc < 0 ? -1 : 0;
}

int journal_not_attended(struct journal *j, const char *id, struct err *e)
{
	AUTO(mem_freep) char *owner = NULL;
	enum journal_pulse pulse;

	if (journal_holder(j, id, &pulse, &owner, e))
		return -1;
	if (pulse != PULSE_BEATS)
		return 0;
	err_set(e, ERR_LOCKED, "%s %s is being run by %s",
		journal_id_ok('b', id) ? "batch" : "job", id, owner);
	return err_hint(e, "novahaul watch %s", id);
}

/* ID is the open job of the instance that somebody else wants. */
static int other_open(struct journal *j, const char *instance, const char *id,
		      struct err *e)
{
	AUTO(mem_freep) char *owner = NULL;
	enum journal_pulse pulse;

	if (journal_holder(j, id, &pulse, &owner, e))
		return -1;
	if (pulse == PULSE_BEATS) {
		err_set(e, ERR_LOCKED,
			"instance %s: job %s is open, and is being run by %s",
			instance, id, owner);
		return err_hint(e, "novahaul watch %s", id);
	}
	err_set(e, ERR_LOCKED,
		"instance %s: job %s is open, and nobody is at "
		"it",
		instance, id);
	return err_hint(e, "novahaul resume %s, or novahaul rollback %s", id,
			id);
}

int journal_only_one(struct journal *j, const struct journal_job *job,
		     struct err *e)
{
	struct store_stmt *st;
	char other[JOURNAL_ID_MAX] = "";
	int rc;

	if (!j->s->shared || !job->instance)
		return 0;
	st = journal_stmt(j, "open-jobs");
	journal_bind(st, ":instance", job->instance);
	while ((rc = journal_step_row(j, st, e)) > 0)
		if (!*other && strcmp(journal_text(st, 0), job->id) != 0)
			memcpy(other, journal_text(st, 0),
			       strnlen(journal_text(st, 0), sizeof(other) - 1));
	if (rc < 0)
		return -1;
	return *other ? other_open(j, job->instance, other, e) : 0;
}
