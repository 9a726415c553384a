/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking and giving back a lease.
 *
 * The states a claim can find, and what it does:
 *	none, released		takes it
 *	held by another job	ERR_LOCKED
 *	held by this job, an agent has the attended file locked and set its
 *	mtime lately		ERR_LOCKED, unless forced
 *	held by this job, otherwise: its controller is frozen, or its agent
 *	died or lost its link	takes it over
 * A take-over closes the gate (waiting for, then killing, whoever is inside),
 * raises the epoch durably, and only then ends the old agent: between any two
 * of these steps the old epoch can do nothing, and a crash leaves a lease that
 * the same job can claim again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/lease_priv.h"
#include "agent/procfs.h"
#include "core/clock.h"
#include "core/fs.h"
#include "core/uuid.h"

#define TAKE_US (5 * 1000000LL)
#define KILL_US (5 * 1000000LL)
#define POLL_US 10000

static bool same_session(const struct lease_claim *c, const struct lease *l)
{
	return *c->session && !strcmp(c->session, l->session);
}

static bool is_ours(const struct lease_claim *c, const struct lease *l)
{
	return l->state == LEASE_HELD && !strcmp(l->job, c->job) &&
	       l->epoch == c->epoch && same_session(c, l);
}

/* May C take what L says? */
static int judge(const struct lease_claim *c, const struct lease *l,
		 struct err *e)
{
	if (c->again && (l->state != LEASE_HELD || strcmp(l->job, c->job) ||
			 !same_session(c, l)))
		return err_set(e, ERR_STALE,
			       "another run has taken over (job %s, %s)",
			       l->job ? l->job : "none",
			       l->owner ? l->owner : "nobody");
	if (l->state == LEASE_HELD && strcmp(l->job, c->job)) {
		err_set(e, ERR_LOCKED, "job %s has the instance (%s)", l->job,
			l->owner);
		return err_hint(e,
				"novahaul show %s; then resume it or roll "
				"it back",
				l->job);
	}
	if (l->state == LEASE_HELD && l->locked && l->fresh && !c->force &&
	    !same_session(c, l)) {
		err_set(e, ERR_LOCKED, "job %s is being run by %s", l->job,
			l->owner);
		return err_hint(e,
				"wait for it, or end that process; novahaul "
				"show %s",
				l->job);
	}
	if (c->epoch <= l->epoch)
		return err_set(e, ERR_CONFLICT,
			       "the lease's epoch is %" PRIu64
			       " already, %" PRIu64 " is not higher",
			       l->epoch, c->epoch);
	return 0;
}

struct holders {
	uint64_t dev, ino;
	int64_t end;
	pid_t stranger; /* locks the gate, is no agent */
	struct err *e;
	bool failed;
};

static void kill_holder(const struct procfs_fd *f, void *arg)
{
	struct holders *h = arg;

	if (f->dev != h->dev || f->ino != h->ino ||
	    !procfs_fd_locked(f->pid, f->fd))
		return;
	if (procfs_is_ending(f->pid))
		return;
	if (!procfs_is_agent(f->pid))
		h->stranger = f->pid;
	else if (!h->failed && procfs_kill_tree(f->pid, 0, h->end, h->e))
		h->failed = true;
}

static bool look_at(const struct procfs_stat *s, void *arg)
{
	if (s->pid != getpid())
		procfs_fds(s->pid, kill_holder, arg);
	return true;
}

/* Ends the agents that are inside the gate. */
static int evict(int gate, struct err *e)
{
	struct stat st;
	struct holders h = {.end = clock_mono_us() + KILL_US, .e = e};

	if (fstat(gate, &st))
		return err_sys(e, ERR_FAILED, errno, "lease gate");
	h.dev = st.st_dev;
	h.ino = st.st_ino;
	if (procfs_each(look_at, &h, e) || h.failed)
		return -1;
	if (h.stranger)
		return err_set(e, ERR_RETRY,
			       "process %d, which is no agent of ours, locks "
			       "the lease's gate",
			       (int)h.stranger);
	return 0;
}

static int shut_gate(int dir, const struct lease_claim *c, int gate,
		     bool takeover, struct err *e)
{
	int64_t take = c->take_us > 0 ? c->take_us : TAKE_US;
	int rc = lease_gate_lock(dir, c->uuid, gate, LOCK_EX,
				 clock_mono_us() + take);

	if (rc == 0 && takeover) {
		if (evict(gate, e))
			return -1;
		rc = lease_gate_lock(dir, c->uuid, gate, LOCK_EX,
				     clock_mono_us() + KILL_US);
	}
	if (rc > 0)
		return 0;
	return err_set(e, ERR_RETRY, "%s",
		       rc ? "the lease was removed just now"
			  : "the lease's gate stays locked");
}

static char *boot_id(void)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (fs_read_path("/proc/sys/kernel/random/boot_id", 4096, &b, &e)) {
		err_clear(&e);
		return mem_strdup("");
	}
	return mem_strndup(b.p, strcspn(b.p, "\n"));
}

static int store(int dir, const struct lease_claim *c, const char *boot,
		 struct err *e)
{
	struct procfs_stat self = {0};
	struct lease l = {
		.state = LEASE_HELD,
		.job = (char *)c->job,
		.owner = (char *)c->owner,
		.session = (char *)c->session,
		.boot_id = (char *)boot,
		.epoch = c->epoch,
		.pid = getpid(),
	};

	if (procfs_stat(getpid(), &self))
		l.start = self.start;
	return lease_write(dir, c->uuid, &l, e);
}

static int attend(int dir, const struct lease_claim *c, int *attended,
		  struct err *e)
{
	AUTO(mem_freep) char *name = mem_printf("%s.attended", c->uuid);
	int64_t end = clock_mono_us() + KILL_US;
	int fd = fs_open_beneath(dir, name, O_RDWR | O_CREAT, 0600, e);

	if (fd < 0)
		return -1;
	/* Readers lock it shared for an instant, to see whether it is. */
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (clock_mono_us() >= end) {
			close(fd);
			return err_set(e, ERR_RETRY,
				       "the agent of an earlier run does not "
				       "end");
		}
		clock_sleep_us(POLL_US);
	}
	futimens(fd, NULL);
	*attended = fd;
	return 0;
}

/* With the gate closed. */
static int take(int dir, const struct lease_claim *c, const struct lease *l,
		int *attended, struct err *e)
{
	AUTO(mem_freep) char *boot = boot_id();

	if (store(dir, c, boot, e))
		return -1;
	if (l->state == LEASE_HELD && !strcmp(l->boot_id, boot) &&
	    procfs_kill_tree((pid_t)l->pid, l->start, clock_mono_us() + KILL_US,
			     e))
		return -1;
	return attend(dir, c, attended, e);
}

static int claim_locked(int dir, const struct lease_claim *c, int *attended,
			struct err *e)
{
	struct lease l;
	int rc = lease_load(dir, c->uuid, &l, e);

	if (!rc && !is_ours(c, &l))
		rc = judge(c, &l, e) ? -1 : take(dir, c, &l, attended, e);
	lease_clear(&l);
	return rc;
}

static int check_words(const struct lease_claim *c, struct err *e)
{
	if (!uuid_valid(c->uuid))
		return err_set(e, ERR_USAGE, "\"%.64s\": not a uuid", c->uuid);
	if (!lease_job_ok(c->job))
		return err_set(e, ERR_USAGE, "\"%.80s\": not a job", c->job);
	if (!c->epoch)
		return err_set(e, ERR_USAGE, "epoch 0");
	return 0;
}

int lease_claim(const struct lease_claim *c, int *attended, struct err *e)
{
	AUTO(mem_closefd) int dir = -1;
	AUTO(mem_closefd) int gate = -1;
	struct lease l;
	bool takeover;
	int rc;

	*attended = -1;
	if (check_words(c, e))
		return -1;
	/* To claim again is for who has the lease: where there is none any
	 * more, a job that woke up late leaves nothing behind. */
	dir = lease_dir(c->root, !c->again, e);
	if (dir < 0 && c->again && e->sys == ENOENT) {
		err_clear(e);
		return err_set(e, ERR_STALE,
			       "another run has taken over and ended");
	}
	if (dir < 0 || lease_load(dir, c->uuid, &l, e))
		return -1;
	/* Told before any waiting. */
	takeover = l.state == LEASE_HELD;
	rc = is_ours(c, &l) ? 1 : judge(c, &l, e);
	lease_clear(&l);
	if (rc)
		return rc > 0 ? 0 : -1;
	gate = lease_gate_open(dir, c->uuid, true, e);
	if (gate < 0 || shut_gate(dir, c, gate, takeover, e))
		return -1;
	return claim_locked(dir, c, attended, e);
}

/* ---- receiving -------------------------------------------------------- */

int lease_receive(int root, const char *uuid, bool only, struct err *e)
{
	AUTO(mem_freep) char *name = mem_printf("%s.receive", uuid);
	AUTO(mem_closefd) int dir = lease_dir(root, false, e);
	int how = only ? LOCK_EX : LOCK_SH;
	int64_t end = clock_mono_us() + KILL_US;
	int fd =
		dir < 0 ? -1
			: fs_open_beneath(dir, name, O_RDWR | O_CREAT, 0600, e);

	if (fd < 0)
		return -1;
	while (flock(fd, how | LOCK_NB)) {
		if (only && evict(fd, e)) {
			close(fd);
			return -1;
		}
		if (clock_mono_us() >= end) {
			close(fd);
			return err_set(e, ERR_RETRY,
				       "an earlier receiver does not end");
		}
		clock_sleep_us(POLL_US);
	}
	flock(fd, LOCK_SH);
	return fd;
}

/* ---- giving it back -------------------------------------------------- */

static void forget_files(int root, int dir, const char *uuid)
{
	AUTO(mem_freep) char *att = mem_printf("%s.attended", uuid);
	AUTO(mem_freep) char *gate = mem_printf("%s.gate", uuid);
	AUTO(mem_freep) char *receive = mem_printf("%s.receive", uuid);

	unlinkat(dir, uuid, 0);
	unlinkat(dir, att, 0);
	unlinkat(dir, gate, 0);
	unlinkat(dir, receive, 0);
	/* Only if nothing else is there. */
	if (!unlinkat(root, ".novahaul/leases", AT_REMOVEDIR))
		unlinkat(root, ".novahaul", AT_REMOVEDIR);
}

static int release_locked(int dir, const char *uuid, const char *job,
			  uint64_t epoch, struct err *e)
{
	struct lease l;
	int rc = lease_load(dir, uuid, &l, e);

	if (!rc && l.state != LEASE_NONE &&
	    (strcmp(l.job, job) || l.epoch != epoch)) {
		rc = err_set(e, ERR_STALE,
			     "job %s has the lease, at epoch %" PRIu64, l.job,
			     l.epoch);
	} else if (!rc && l.state == LEASE_HELD) {
		l.state = LEASE_RELEASED;
		rc = lease_write(dir, uuid, &l, e);
	}
	lease_clear(&l);
	return rc;
}

int lease_release(int root, const char *uuid, const char *job, uint64_t epoch,
		  bool forget, struct err *e)
{
	AUTO(mem_closefd) int dir = lease_dir(root, false, e);
	AUTO(mem_closefd) int gate = -1;
	int rc;

	if (dir >= 0)
		gate = lease_gate_open(dir, uuid, false, e);
	if (gate < 0) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e); /* forgotten already */
		return 0;
	}
	rc = lease_gate_lock(dir, uuid, gate, LOCK_EX,
			     clock_mono_us() + 6 * TAKE_US);
	if (rc == 0)
		return err_set(e, ERR_RETRY, "the lease's gate stays locked");
	if (rc < 0 || release_locked(dir, uuid, job, epoch, e))
		return rc < 0 ? 0 : -1;
	if (forget)
		forget_files(root, dir, uuid);
	return 0;
}
