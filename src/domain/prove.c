/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/prove.h"

#include <stdio.h>

/* QEMU since 2.10 locks byte 100 + n for a permission that it holds and
 * 200 + n for one that it denies others (block/file-posix.c). */
#define QEMU_LOCK_FIRST 100
#define QEMU_LOCK_LAST 299

const char *prove_verdict_name(enum prove_verdict v)
{
	switch (v) {
	case PROVE_UNKNOWN:
		return "unknown";
	case PROVE_STOPPED:
		return "stopped";
	case PROVE_RUNNING:
		return "running";
	}
	return "unknown";
}

static enum prove_verdict judge_procs(const struct prove_facts *f,
				      char reason[PROVE_REASON_MAX])
{
	enum prove_verdict v = PROVE_STOPPED;

	for (size_t i = 0; i < f->n_procs; i++) {
		const struct prove_proc *p = &f->procs[i];

		/* A name alone may be another cell's guest, or a prefix. */
		if (v == PROVE_STOPPED || p->uuid) {
			v = p->uuid ? PROVE_RUNNING : PROVE_UNKNOWN;
			snprintf(reason, PROVE_REASON_MAX,
				 "process %d (%s) has the guest's %s in its "
				 "command line",
				 (int)p->pid, p->comm ? p->comm : "?",
				 p->uuid ? "uuid" : "name");
		}
		if (v == PROVE_RUNNING)
			break;
	}
	return v;
}

static enum prove_verdict judge_fds(const struct prove_facts *f,
				    char reason[PROVE_REASON_MAX])
{
	enum prove_verdict v = PROVE_STOPPED;

	for (size_t i = 0; i < f->n_fds && v != PROVE_RUNNING; i++) {
		const struct prove_fd *d = &f->fds[i];

		if (v == PROVE_UNKNOWN && !d->writable)
			continue;
		v = d->writable ? PROVE_RUNNING : PROVE_UNKNOWN;
		snprintf(reason, PROVE_REASON_MAX,
			 "process %d (%s) has %s open for %s", (int)d->pid,
			 d->comm ? d->comm : "?", d->file,
			 d->writable ? "writing" : "reading");
	}
	return v;
}

static bool is_qemu_lock(const struct prove_lock *l)
{
	return l->start <= QEMU_LOCK_LAST &&
	       (l->end < 0 || l->end >= QEMU_LOCK_FIRST);
}

static enum prove_verdict judge_locks(const struct prove_facts *f,
				      char reason[PROVE_REASON_MAX])
{
	enum prove_verdict v = PROVE_STOPPED;

	for (size_t i = 0; i < f->n_locks && v != PROVE_RUNNING; i++) {
		const struct prove_lock *l = &f->locks[i];

		if (v == PROVE_UNKNOWN && !is_qemu_lock(l))
			continue;
		v = is_qemu_lock(l) ? PROVE_RUNNING : PROVE_UNKNOWN;
		snprintf(reason, PROVE_REASON_MAX,
			 "%s is locked, bytes %lld to %lld (%s)", l->file,
			 (long long)l->start, (long long)l->end,
			 is_qemu_lock(l) ? "as QEMU does" : "not by QEMU");
	}
	return v;
}

static enum prove_verdict judge_domain(const struct prove_facts *f,
				       char reason[PROVE_REASON_MAX])
{
	switch (f->domain) {
	case PROVE_DOMAIN_UNKNOWN:
		snprintf(reason, PROVE_REASON_MAX, "libvirt did not answer");
		return PROVE_UNKNOWN;
	case PROVE_DOMAIN_ABSENT:
	case PROVE_DOMAIN_SHUTOFF:
		return PROVE_STOPPED;
	case PROVE_DOMAIN_ACTIVE:
		snprintf(reason, PROVE_REASON_MAX, "libvirt says: %s",
			 f->domain_text ? f->domain_text : "active");
		return PROVE_RUNNING;
	}
	snprintf(reason, PROVE_REASON_MAX, "no answer of libvirt");
	return PROVE_UNKNOWN;
}

static enum prove_verdict judge_done(const struct prove_facts *f,
				     char reason[PROVE_REASON_MAX])
{
	const char *what = !f->procs_done   ? "processes"
			   : !f->fds_done   ? "open files"
			   : !f->locks_done ? "file locks"
					    : NULL;

	if (!what)
		return PROVE_STOPPED;
	snprintf(reason, PROVE_REASON_MAX, "not all %s could be seen", what);
	return PROVE_UNKNOWN;
}

enum prove_verdict prove_stopped(const struct prove_facts *f,
				 char reason[PROVE_REASON_MAX])
{
	enum prove_verdict (*const judges[])(const struct prove_facts *,
					     char *) = {
		judge_domain, judge_procs, judge_fds, judge_locks, judge_done,
	};
	enum prove_verdict worst = PROVE_STOPPED;

	/* Evidence of running beats ignorance, which beats silence. */
	reason[0] = '\0';
	for (size_t i = 0; i < sizeof(judges) / sizeof(judges[0]); i++) {
		char why[PROVE_REASON_MAX] = "";
		enum prove_verdict v = judges[i](f, why);

		if (v == PROVE_STOPPED || worst == PROVE_RUNNING ||
		    (worst == PROVE_UNKNOWN && v == PROVE_UNKNOWN))
			continue;
		worst = v;
		snprintf(reason, PROVE_REASON_MAX, "%s", why);
	}
	return worst;
}
