/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stopping a guest, politely first.
 *
 * Nova's own way (nova/virt/libvirt/driver.py:_clean_shutdown and power_off,
 * 2014.2 to 33.0.2; nova/compute/manager.py: SHUTDOWN_RETRY_INTERVAL = 10 s,
 * [DEFAULT]shutdown_timeout = 60 s): shut down, look every second, ask again
 * every ten, and destroy after the timeout.  But the guest is down while nobody
 * looks: at first it is looked at more often.
 */
#include "host/virt.h"

#include <string.h>

#include "core/clock.h"
#include "core/stop.h"

#define NOVA_RETRY_S 10
#define POLL_MIN_US 100000
#define POLL_MAX_US 1000000 /* Nova's */

enum where { WHERE_UP = 0, WHERE_DOWN, WHERE_STUCK };

/* PAUSED for the moment in which QEMU goes down is on the way, not stuck. */
static enum where where_is(const struct virt_status *st)
{
	switch (st->state) {
	case VIRT_ABSENT:
	case VIRT_SHUTOFF:
		return WHERE_DOWN;
	case VIRT_RUNNING:
		return WHERE_UP;
	case VIRT_PAUSED:
		return strcmp(st->reason, "shutting down") ? WHERE_STUCK
							   : WHERE_UP;
	case VIRT_STATE_UNKNOWN:
	case VIRT_OTHER:
		return WHERE_STUCK;
	}
	return WHERE_STUCK;
}

/* STUCK: the kind of error that a paused or crashed guest is. */
static int look_as(struct virt *v, const char *uuid, enum err_kind stuck,
		   enum where *where, struct err *e)
{
	struct virt_status st;

	if (virt_state(v, uuid, &st, e))
		return -1;
	*where = where_is(&st);
	if (*where != WHERE_STUCK)
		return 0;
	err_set(e, stuck, "instance %s: on host %s it is %s%s%s%s", uuid,
		v->host, virt_state_name(st.state), st.reason[0] ? " (" : "",
		st.reason, st.reason[0] ? ")" : "");
	return err_hint(e, "resume or reset it, then try again");
}

static int look(struct virt *v, const char *uuid, enum where *where,
		struct err *e)
{
	return look_as(v, uuid, ERR_CONFLICT, where, e);
}

/* The guest may have gone between a look and the request. */
static int ask(struct virt *v, const char *uuid, enum where *where,
	       struct err *e)
{
	struct err f = ERR_INIT;

	if (!virt_shutdown(v, uuid, e))
		return 0;
	if (e->kind == ERR_STALE)
		return -1;
	if (look(v, uuid, where, &f)) {
		err_move(e, &f);
		return -1;
	}
	/* Still up: the next request, or destroy, will do. */
	err_clear(e);
	return 0;
}

static int force(struct virt *v, const char *uuid, enum virt_stopped *out,
		 struct err *e)
{
	enum where where;
	struct err f = ERR_INIT;

	if (stop_requested())
		return err_set(e, ERR_INTERRUPTED,
			       "instance %s: interrupted before it was "
			       "stopped hard",
			       uuid);
	*out = VIRT_STOP_FORCED;
	if (!virt_destroy(v, uuid, e)) {
		if (look(v, uuid, &where, e))
			return -1;
		if (where == WHERE_DOWN)
			return 0;
		return err_set(e, ERR_FAILED,
			       "instance %s: still runs on host %s after it "
			       "was stopped hard",
			       uuid, v->host);
	}
	/* It may have gone by itself, or the answer was lost on the way. */
	if (e->kind != ERR_STALE && !look(v, uuid, &where, &f) &&
	    where == WHERE_DOWN) {
		err_clear(e);
		return 0;
	}
	err_clear(&f);
	return -1;
}

/* An eighth of what was waited already, so that little is added to it. */
static int64_t pause_us(const struct virt_stop *how, int64_t waited_us)
{
	int64_t us = waited_us / 8;

	if (how->poll_s)
		return (int64_t)how->poll_s * 1000000;
	return us < POLL_MIN_US	  ? POLL_MIN_US
	       : us > POLL_MAX_US ? POLL_MAX_US
				  : us;
}

int virt_stop(struct virt *v, const char *uuid, const struct virt_stop *how,
	      enum virt_stopped *out, struct err *e)
{
	const int64_t retry = how->retry_s ? how->retry_s : NOVA_RETRY_S;
	const int64_t t0 = clock_mono_us();
	int64_t asked_at = -retry, waited = 0, told = -1;
	enum where where;

	*out = VIRT_STOP_NONE;
	if (look_as(v, uuid, ERR_REFUSED, &where, e))
		return -1;
	if (where == WHERE_DOWN) {
		*out = VIRT_STOP_ALREADY;
		return 0;
	}
	while (waited < how->timeout_s) {
		if (stop_requested())
			return err_set(e, ERR_INTERRUPTED,
				       "instance %s: interrupted while "
				       "waiting for it to shut down",
				       uuid);
		if (waited - asked_at >= retry) {
			if (ask(v, uuid, &where, e))
				return -1;
			asked_at = waited;
		}
		if (where != WHERE_DOWN) {
			if (how->progress && waited != told)
				how->progress(how->arg, (int)waited);
			told = waited;
			clock_sleep_us(pause_us(how, clock_mono_us() - t0));
			if (look(v, uuid, &where, e))
				return -1;
		}
		if (where == WHERE_DOWN) {
			*out = VIRT_STOP_GRACEFUL;
			return 0;
		}
		waited = (clock_mono_us() - t0) / 1000000;
	}
	return force(v, uuid, out, e);
}
