/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start through Nova: os-start, and what becomes of it.
 *
 * The API writes task_state 'powering-on' before it answers, and casts the rest
 * to the host that the row names (nova/compute/api.py start).  nova-compute
 * does a hard reboot: domain and interfaces anew from the database, on the
 * directory and the disks that are there; then it writes 'active' and clears
 * task_state, or only clears it when that fails (manager.py start_instance,
 * reverts_task_state; Icehouse to 33.0.0).  With nova-compute down the cast
 * waits in the queue, and a restarted one takes it up (_init_instance).
 *
 * So the row tells all there is to know, and whether the answer of the API was
 * lost does not matter: 'powering-on' is waited for, 'active' is done, and
 * 'stopped' without a task is asked for (again: Nova refuses the second of
 * two).
 */
#include "core/clock.h"
#include "core/str.h"
#include "steps/util.h"

#define START_S 120 /* patience of one run; resume has as much again */
#define GRACE_S 5   /* until a request whose answer was lost has its effect */

/* With Nova's own reason, where it tells one. */
static int nova_failed(struct step_ctx *c, const char *what, struct err *e)
{
	struct db *db = step_w(c)->db;
	const struct move *m = step_m(c);
	AUTO(mem_freep) char *why = NULL;
	struct err no = ERR_INIT;

	if (db->ops->fault(db, m->uuid, m->dst.host, &why, &no))
		err_clear(&no);
	return err_set(e, ERR_FAILED, "Nova %s %s: %s", what, m->dst.host,
		       why ? why : "it does not tell why");
}

static int in_error(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	nova_failed(c, "has put it into ERROR on", e);
	return err_hint(e,
			"find out why; openstack server reboot --hard %s; "
			"then novahaul resume %s",
			m->uuid, step_job(c));
}

static int gave_up(struct step_ctx *c, struct err *e)
{
	nova_failed(c, "did not start it on", e);
	return err_hint(e,
			"openstack server event list %s; then novahaul resume "
			"%s, or novahaul rollback %s",
			step_m(c)->uuid, step_job(c), step_job(c));
}

/* 1: it is active; 0: Nova is at it; 2: it is off, and Nova is not at it. */
static int look(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(db_instance_clear) struct db_instance row = {0};

	if (read_row(c, &row, e))
		return -1;
	if (row.deleted || !str_is(row.host, m->dst.host))
		return err_set(e, ERR_CONFLICT,
			       "the database says that it is %s meanwhile, not "
			       "on %s",
			       row.deleted ? "deleted"
			       : row.host  ? row.host
					   : "nowhere",
			       m->dst.host);
	if (row.task_state)
		return 0;
	if (str_is(row.vm_state, "active"))
		return 1;
	if (str_is(row.vm_state, "stopped"))
		return 2;
	if (str_is(row.vm_state, "error"))
		return in_error(c, e);
	return err_set(e, ERR_CONFLICT, "the database says vm_state %s",
		       row.vm_state ? row.vm_state : "NULL");
}

/* LOOK() until it says something else than STAY, or it is UNTIL_US. */
static int wait_while(struct step_ctx *c, int stay, int64_t until_us,
		      struct err *e)
{
	int now;

	while ((now = look(c, e)) == stay && clock_mono_us() < until_us) {
		int64_t left = (until_us - clock_mono_us()) / 1000000;

		/* It keeps the leases alive, too. */
		step_progress(c,
			      (uint64_t)(left < START_S ? START_S - left : 0),
			      START_S, "waiting for Nova");
		if (step_checkpoint(c, e))
			return -1;
		clock_sleep_us(500000);
	}
	return now;
}

static int wait_for_it(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct world *w = step_w(c);
	int now;

	/* Once a run: the engine tries a step more than once. */
	if (!w->nova_until_us)
		w->nova_until_us = clock_mono_us() + START_S * 1000000LL;
	now = wait_while(c, 0, w->nova_until_us, e);
	if (now < 0)
		return -1;
	if (now == 2)
		return gave_up(c, e);
	if (now == 1)
		return 0;
	err_set(e, ERR_RETRY,
		"Nova has accepted the start and has not done it in %d s",
		START_S);
	return err_hint(e,
			"is nova-compute up (openstack compute service list "
			"--host %s)?  Then novahaul resume %s",
			m->dst.host, step_job(c));
}

/* 0: asked, or somebody else has. */
static int ask(struct step_ctx *c, struct err *e)
{
	const struct cloud_ops *o = &step_w(c)->cloud;
	const struct move *m = step_m(c);
	struct err why = ERR_INIT;
	int now;

	if (!o->start)
		err_set(e, ERR_RETRY, "there is no session with Nova's API");
	else if (!o->start(o->self, m->uuid, e))
		return 0;
	now = e->kind == ERR_LOST
		      ? wait_while(c, 2, clock_mono_us() + GRACE_S * 1000000LL,
				   &why)
	      : e->kind == ERR_CONFLICT ? look(c, &why)
					: 2;
	if (now == 0 || now == 1) {
		err_clear(e);
		return 0;
	}
	if (now < 0)
		err_also(e, &why);
	err_wrap(e, "asking Nova to start it on %s", m->dst.host);
	return e->hint ? -1
		       : err_hint(e,
				  "novahaul resume %s when Nova's API answers, "
				  "or novahaul rollback %s",
				  step_job(c), step_job(c));
}

/* It is off by the row: may Nova be asked?  1: somebody has started it behind
 * its back, and a hard reboot would cut it off. */
static int prepare(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(mem_freep) char *vm_state = NULL;
	struct virt_status st = {0};

	if (start_is_ours(c, &vm_state, e) ||
	    virt_state(step_w(c)->virt[DST], m->uuid, &st, e))
		return -1;
	if (st.state != VIRT_ABSENT && st.state != VIRT_SHUTOFF)
		return err_set(e, ERR_CONFLICT,
			       "the guest is %s on %s, and its row says '%s'",
			       virt_state_name(st.state), m->dst.host,
			       vm_state);
	if (define_foresee(c, e) ||
	    step_record_once(c, "intent", json_string("start"), e))
		return -1;
	return bases_refresh(c, DST, e);
}

/*
 * States: stopped, and never asked, or asked in vain; asked, by us or by
 * somebody else, and Nova is at it; active.
 */
int start_by_nova(struct step_ctx *c, struct err *e)
{
	struct virt *v = step_w(c)->virt[DST];
	int now = look(c, e);

	if (now < 0 || (now == 2 && (prepare(c, e) || ask(c, e))))
		return -1;
	if (now != 1 && wait_for_it(c, e))
		return -1;
	return define_autostart(c) ? virt_autostart(v, step_m(c)->uuid, true, e)
				   : 0;
}
