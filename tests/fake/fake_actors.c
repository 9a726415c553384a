/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everybody else: what Nova, its users, its operators and the machines do to
 * an instance while a job is in the middle of moving it.
 *
 * An actor that is not allowed to act, or finds nothing to do, does nothing.
 * .acted counts what changes the instance on purpose; with everything else
 * about it, the job must still come to the end that was asked for.
 * Nova's side is written after nova/compute/manager.py and api.py; the ledger
 * of the database, 5.1 and 5.3, names releases and functions.
 */
#include "fake/fake.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct fake_host *at(struct fake_world *fw)
{
	struct fake_row *r = &fw->row;

	return !strcmp(r->host, fw->h[SRC].name)   ? &fw->h[SRC]
	       : !strcmp(r->host, fw->h[DST].name) ? &fw->h[DST]
						   : NULL;
}

/* May an API call touch the row?  A transaction of a living controller that
 * is under way makes it wait: it comes too late then.  One of a dead
 * controller ends first. */
bool fake_api(struct fake_world *fw, bool admin)
{
	if (fw->pending.kind != TX_NONE && crash_alive(fw->pending.sender))
		return false;
	fake_db_resolve(fw);
	return !fw->row.deleted && !*fw->row.task_state &&
	       (admin || !fw->row.locked) && at(fw);
}

static bool is_state(const struct fake_world *fw, const char *vm)
{
	return !strcmp(fw->row.vm_state, vm);
}

static void set_state(struct fake_world *fw, const char *vm, int power)
{
	snprintf(fw->row.vm_state, sizeof(fw->row.vm_state), "%s", vm);
	fw->row.power_state = power;
}

/* --- start, stop, delete */

static void make_base(struct fake_world *fw, struct fake_host *h)
{
	char path[FAKE_PATH];

	fake_at(path, h, "_base/" FAKE_BASE);
	/* Nova fetches the image again. */
	if (fake_find(h, path) < 0)
		fake_file(fw, h, path, fw->base_content);
}

static void nova_define(struct fake_host *h)
{
	if (!h->dom.defined)
		snprintf(h->dom.xml, sizeof(h->dom.xml),
			 "<domain>Nova's</domain>");
	h->dom.defined = true;
}

/* nova-compute does a hard reboot: it needs the directory and its disks.
 * Without them it fails, and may leave a directory behind, empty or with
 * disk.info in it. */
static void carry_out(struct fake_world *fw)
{
	struct fake_host *h = &fw->h[fw->start.on];
	char path[FAKE_PATH];
	const char *why;

	fw->start.at_us = 0;
	if (fw->off && fw->start.on == SRC) {
		fw->acted++; /* nobody hears it any more */
		return;
	}
	fw->row.task_state[0] = '\0';
	if (fw->row.deleted)
		return;
	if (!fake_in_place(fw, h)) {
		fake_at(path, h, FAKE_UUID);
		if (fake_find(h, path) < 0 && crash_random(2)) {
			fake_dir(fw, h, path);
			fw->stray = true;
			fake_at(path, h, FAKE_UUID "/disk.info");
			if (crash_random(2))
				fake_file(fw, h, path, 4711);
		}
		return;
	}
	fw->acted += !fw->start.ours;
	make_base(fw, h);
	/* On the source the guest's own is there. */
	if (fw->start.ours && fw->start.on == DST)
		h->bridge = true;
	/* libvirt refuses for once. */
	if (fw->start.ours && !fw->start.sure && !crash_random(8))
		return;
	fw->renewed |= !h->dom.defined && fw->start.on == SRC;
	nova_define(h);
	if (h->dom.running || !fake_boot(fw, h, &why))
		set_state(fw, "active", 1);
}

/* Its host is dead: the API takes the request, and nobody carries it out. */
static bool unheard(struct fake_world *fw, const char *task)
{
	if (!fake_off(fw) || at(fw) != &fw->h[SRC])
		return false;
	fw->acted++;
	strcpy(fw->row.task_state, task);
	return true;
}

/* The API has answered when task_state is written; the rest comes at once, or
 * some time later. */
bool fake_nova_start(struct fake_world *fw, bool admin, bool ours)
{
	if (!fake_api(fw, admin) || !is_state(fw, "stopped"))
		return false;
	if (unheard(fw, "powering-on"))
		return true;
	strcpy(fw->row.task_state, "powering-on");
	fw->start = (struct fake_start){
		.at_us = fw->now_us + (int64_t)crash_random(60) * 1000,
		.on = at(fw) == &fw->h[SRC] ? SRC : DST,
		.ours = ours,
	};
	if (crash_random(2))
		carry_out(fw);
	return true;
}

static bool nova_stop(struct fake_world *fw, bool admin)
{
	if (!fake_api(fw, admin) || !is_state(fw, "active"))
		return false;
	if (unheard(fw, "powering-off"))
		return true;
	fw->acted++;
	at(fw)->dom.running = false;
	set_state(fw, "stopped", 4);
	return true;
}

static bool nova_delete(struct fake_world *fw, bool admin)
{
	struct fake_host *h;
	char path[FAKE_PATH];
	bool took;

	if (!fake_api(fw, admin))
		return false;
	h = at(fw);
	fw->acted++;
	fake_detach(fw);
	fw->row.deleted = true;
	took = h == &fw->h[SRC] && fake_in_place(fw, h);
	/* Up to Kilo the token stays with the row. */
	if (!fw->o.old_compute)
		fw->row.reason[0] = '\0';
	/* A dead host removes nothing. */
	if (fake_off(fw) && h == &fw->h[SRC])
		return true;
	h->dom.running = h->dom.defined = h->dom.autostart = false;
	fake_at(path, h, FAKE_UUID);
	fake_tree_drop(h, path);
	/* What it took is its user's wish; what a job holds is not its own. But
	 * where the guest's own disks were in place and the row's host was
	 * theirs, what a job has brought to the target is no more than that
	 * job's: of a target that did not answer when it was rolled back. */
	fw->waived = took || !fake_copies(fw);
	return true;
}

/* An administrator lifts the lock: up to Rocky Nova knows no reason of it. */
static bool admin_unlock(struct fake_world *fw)
{
	if (!fake_api(fw, true) || !fw->row.locked)
		return false;
	fw->row.locked = false;
	fw->row.locked_by[0] = '\0';
	if (!fw->o.old_compute)
		fw->row.reason[0] = '\0';
	return true;
}

/* The guest powers itself off; Nova learns of it at its next sync. */
static bool guest_off(struct fake_world *fw)
{
	for (int s = SRC; s <= DST; s++)
		if (fw->h[s].dom.running) {
			fw->acted++;
			fw->h[s].dom.running = false;
			return true;
		}
	return false;
}

/* --- nova-compute */

static void destroy_here(struct fake_host *h)
{
	char path[FAKE_PATH];

	h->dom.running = h->dom.defined = h->dom.autostart = false;
	fake_at(path, h, FAKE_UUID);
	fake_tree_drop(h, path);
}

/* _destroy_evacuated_instances and _init_instance. */
static bool compute_restart(struct fake_world *fw, enum side s)
{
	struct fake_host *h = &fw->h[s];
	struct fake_row *r = &fw->row;
	bool found = h->dom.defined || h->dom.running, mine;
	const char *why;

	if (!fake_api(fw, true))
		return false;
	mine = !strcmp(r->host, h->name);
	/* Up to Kilo: whatever domain is not this host's by the database. */
	if (fw->o.old_compute && found && !mine)
		destroy_here(h);
	if (!fw->o.old_compute && !strcmp(r->evac_from, h->name) &&
	    strcmp(r->evac_status, "done") == 0) {
		if (found)
			destroy_here(h);
		strcpy(r->evac_status, "completed");
	}
	if (mine && fw->o.resume_guests && is_state(fw, "active") &&
	    !h->dom.running && fake_in_place(fw, h)) {
		fw->acted++;
		nova_define(h);
		fake_boot(fw, h, &why);
	}
	return true;
}

/* _sync_instance_power_state */
static bool power_sync(struct fake_world *fw, enum side s)
{
	struct fake_host *h = &fw->h[s];

	if (!fake_api(fw, true) || at(fw) != h)
		return false;
	if (is_state(fw, "stopped") && h->dom.running) {
		h->dom.running = false;
		fw->yanked = true;
	} else if (is_state(fw, "active") && h->dom.defined &&
		   !h->dom.running) {
		set_state(fw, "stopped", 4);
		fw->synced = true;
	} else {
		return false;
	}
	return true;
}

/* _remove_old_enough_file: by age, and only what no instance here uses. */
static bool image_cache(struct fake_world *fw, enum side s)
{
	struct fake_host *h = &fw->h[s];
	char path[FAKE_PATH];
	struct fake_inode *i;

	fw->now_us += 30 * FAKE_HOUR;
	fake_at(path, h, "_base/" FAKE_BASE);
	i = fake_look(h, path);
	if (!i || fw->now_us - i->mtime_us < 24 * FAKE_HOUR)
		return false;
	if (!fw->row.deleted && at(fw) == h) {
		i->mtime_us = fw->now_us; /* in use: Nova touches it */
		return true;
	}
	fake_name_drop(h, fake_find(h, path));
	h->swept = true;
	return true;
}

static void rebuild(struct fake_world *fw);

static void begin_evacuation(struct fake_world *fw, int64_t us, bool ours)
{
	struct fake_row *r = &fw->row;

	strcpy(r->task_state, "rebuilding");
	strcpy(r->evac_from, fw->h[SRC].name);
	strcpy(r->evac_status, "accepted");
	r->evac_id++;
	r->evac_ours = ours;
	r->evac_us = fw->now_us + us;
}

/* An administrator evacuates to the target.  Nova demands that the source's
 * service is down, the rules that the host is; evacuating one that can start
 * the guest breaks the promise without any help of ours.  The API call sets
 * task_state; the target has the instance seconds later. */
static bool evacuate(struct fake_world *fw)
{
	struct fake_host *s = &fw->h[SRC], *d = &fw->h[DST];

	if (!fake_api(fw, true) || at(fw) != s || d->dom.defined ||
	    (!fw->o.dead && (s->dom.defined || fake_in_place(fw, s))))
		return false;
	if (!is_state(fw, "stopped") && !is_state(fw, "active"))
		return false;
	fw->acted++;
	begin_evacuation(fw, 60 * 1000, false);
	if (!fw->off)
		s->down_us = fw->row.evac_us + 60 * 1000;
	return true;
}

bool fake_nova_evacuate(struct fake_world *fw)
{
	if (!fake_api(fw, true) || at(fw) != &fw->h[SRC] || !fw->down)
		return false;
	begin_evacuation(fw, (int64_t)crash_random(60) * 1000, true);
	if (crash_random(2))
		rebuild(fw);
	return true;
}

/* It was said that the disks are there: without them, or with a domain of this
 * name, it fails; and once in a while because libvirt does. */
static void take_over(struct fake_world *fw)
{
	struct fake_row *r = &fw->row;
	struct fake_host *d = &fw->h[DST];
	const char *why;

	strcpy(r->evac_status, "failed");
	if (!fake_in_place(fw, d) || d->dom.defined ||
	    (!fw->o.sure && !crash_random(8))) {
		set_state(fw, "error", r->power_state);
		return;
	}
	make_base(fw, d);
	d->bridge = true;
	nova_define(d);
	fake_reattach(fw, DST);
	strcpy(fw->bound, d->name);
	fw->revision++;
	fw->allocated[DST] = true;
	fw->consumer++;
	if (fake_boot(fw, d, &why)) {
		set_state(fw, "error", r->power_state);
		return;
	}
	strcpy(r->host, d->name);
	strcpy(r->node, d->node);
	set_state(fw, "active", 1);
	strcpy(r->evac_status, "done");
}

static void rebuild(struct fake_world *fw)
{
	struct fake_row *r = &fw->row;
	struct fake_host *d = &fw->h[DST];
	char path[FAKE_PATH];

	r->evac_us = 0;
	r->task_state[0] = '\0';
	if (r->deleted || at(fw) != &fw->h[SRC])
		return;
	if (r->evac_ours) {
		take_over(fw);
		return;
	}
	fake_at(path, d, FAKE_UUID);
	if (fake_find(d, path) < 0) {
		/* Nothing there: it rebuilds from the image. */
		fake_dir(fw, d, path);
		fake_at(path, d, FAKE_UUID "/disk");
		fake_file(fw, d, path, ++fw->contents);
		fake_at(path, d, FAKE_UUID "/disk.config");
		fake_file(fw, d, path, ++fw->contents);
	}
	make_base(fw, d);
	nova_define(d);
	fake_reattach(fw, DST);
	strcpy(r->host, d->name);
	strcpy(r->node, d->node);
	strcpy(r->evac_from, fw->h[SRC].name);
	strcpy(r->evac_status, "done");
}

static bool due(const struct fake_world *fw, int64_t at_us)
{
	return at_us && fw->now_us >= at_us;
}

void fake_nova(struct fake_world *fw)
{
	fake_attach_due(fw);
	if (!due(fw, fw->row.evac_us) && !due(fw, fw->start.at_us))
		return;
	if (fw->pending.kind != TX_NONE && crash_alive(fw->pending.sender))
		return;
	fake_db_resolve(fw);
	if (due(fw, fw->row.evac_us))
		rebuild(fw);
	if (due(fw, fw->start.at_us))
		carry_out(fw);
}

/* --- machines and people */

static bool reboot(struct fake_world *fw, enum side s)
{
	struct fake_host *h = &fw->h[s];
	const char *why;

	fw->acted++;
	h->dom.running = false;
	if (h->dom.defined && h->dom.autostart)
		fake_boot(fw, h, &why);
	return true;
}

/* What it was at ends; what is on its disks stays. */
static bool power_off(struct fake_world *fw)
{
	if (fake_off(fw))
		return false;
	fw->off = fw->went_off = true;
	fw->h[SRC].dom.running = false;
	fw->h[SRC].down_us = INT64_MAX;
	return true;
}

void fake_power_on(struct fake_world *fw)
{
	struct fake_host *h = &fw->h[SRC];
	const char *why;

	fw->off = false;
	h->down_us = 0;
	/* Its nova-compute hears of it now (_complete_partial_deletion). */
	if (fw->row.deleted) {
		bool took = fake_in_place(fw, h);

		destroy_here(h);
		fw->waived |= took || !fake_copies(fw);
	}
	if (h->dom.defined && h->dom.autostart) {
		fw->acted++; /* as when it reboots */
		fake_boot(fw, h, &why);
	}
}

/* Not reached for a while: some hundred events. */
static bool cut_off(struct fake_world *fw, enum side s)
{
	if (fw->off && s == SRC)
		return false;
	fw->h[s].down_us = fw->now_us + 150 * 1000;
	fw->cut[s] = true;
	return true;
}

static int second_job(void *world)
{
	struct fake_world *fw = world;
	char path[sizeof(fw->journal)];
	AUTO(mem_freep) char *hot = mem_printf("%s-journal", fw->journal);
	AUTO(mem_freep) char *reserve = mem_printf("%s.reserve", fw->journal);
	int code;

	strcpy(path, fw->journal);
	unlink(path);
	unlink(hot);
	code = fake_control(fw, path, CRASH_START);
	strcpy(fw->journal, path);
	unlink(path);
	unlink(reserve);
	return code;
}

/* Somebody moves it as well, from another machine with another journal. */
static bool second_operator(struct fake_world *fw)
{
	struct fake_row was = fw->row;

	if (!*fw->journal || crash_other(second_job, fw) == 7)
		return false;
	/* It came first, or after us: then it is his move that counts. */
	fw->acted += memcmp(&was, &fw->row, sizeof(was)) != 0;
	return true;
}

static bool lands(struct fake_world *fw)
{
	if (fw->pending.kind == TX_NONE || crash_alive(fw->pending.sender))
		return false;
	fake_db_land(fw);
	return true;
}

enum actor {
	ACT_LANDS = 0,
	ACT_TENANT_START,
	ACT_ADMIN_START,
	ACT_TENANT_STOP,
	ACT_ADMIN_STOP,
	ACT_TENANT_DELETE,
	ACT_ADMIN_DELETE,
	ACT_GUEST_OFF,
	ACT_RESTART_SRC,
	ACT_RESTART_DST,
	ACT_SYNC_SRC,
	ACT_SYNC_DST,
	ACT_CACHE_SRC,
	ACT_CACHE_DST,
	ACT_EVACUATE,
	ACT_REBOOT_SRC,
	ACT_REBOOT_DST,
	ACT_CUT_SRC,
	ACT_CUT_DST,
	ACT_SECOND,
	ACT_UNLOCK,
	ACT_ROT,
	ACT_PROOF,
	ACT_POWER,
};

const char *const fake_actors[] = {
	[ACT_LANDS] = "a lost COMMIT lands",
	[ACT_TENANT_START] = "the tenant starts it",
	[ACT_ADMIN_START] = "an administrator starts it",
	[ACT_TENANT_STOP] = "the tenant stops it",
	[ACT_ADMIN_STOP] = "an administrator stops it",
	[ACT_TENANT_DELETE] = "the tenant deletes it",
	[ACT_ADMIN_DELETE] = "an administrator deletes it",
	[ACT_GUEST_OFF] = "the guest powers itself off",
	[ACT_RESTART_SRC] = "nova-compute restarts on the source",
	[ACT_RESTART_DST] = "nova-compute restarts on the target",
	[ACT_SYNC_SRC] = "power sync on the source",
	[ACT_SYNC_DST] = "power sync on the target",
	[ACT_CACHE_SRC] = "image cache pass on the source",
	[ACT_CACHE_DST] = "image cache pass on the target",
	[ACT_EVACUATE] = "an administrator evacuates it",
	[ACT_REBOOT_SRC] = "the source reboots",
	[ACT_REBOOT_DST] = "the target reboots",
	[ACT_CUT_SRC] = "the source is cut off",
	[ACT_CUT_DST] = "the target is cut off",
	[ACT_SECOND] = "a second operator moves it",
	[ACT_UNLOCK] = "an administrator lifts the lock",
	[ACT_ROT] = "a copy arrives damaged",
	[ACT_PROOF] = "the proof that the source is off ages",
	[ACT_POWER] = "the source loses its power",
	NULL,
};

static bool act(struct fake_world *fw, enum actor a)
{
	switch (a) {
	case ACT_LANDS:
		return lands(fw);
	case ACT_TENANT_START:
	case ACT_ADMIN_START:
		return fake_nova_start(fw, a == ACT_ADMIN_START, false);
	case ACT_TENANT_STOP:
	case ACT_ADMIN_STOP:
		return nova_stop(fw, a == ACT_ADMIN_STOP);
	case ACT_TENANT_DELETE:
	case ACT_ADMIN_DELETE:
		return nova_delete(fw, a == ACT_ADMIN_DELETE);
	case ACT_GUEST_OFF:
		return guest_off(fw);
	case ACT_RESTART_SRC:
	case ACT_RESTART_DST:
		return compute_restart(fw, a == ACT_RESTART_DST ? DST : SRC);
	case ACT_SYNC_SRC:
	case ACT_SYNC_DST:
		return power_sync(fw, a == ACT_SYNC_DST ? DST : SRC);
	case ACT_CACHE_SRC:
	case ACT_CACHE_DST:
		return image_cache(fw, a == ACT_CACHE_DST ? DST : SRC);
	case ACT_EVACUATE:
		return evacuate(fw);
	case ACT_REBOOT_SRC:
	case ACT_REBOOT_DST:
		return reboot(fw, a == ACT_REBOOT_DST ? DST : SRC);
	case ACT_CUT_SRC:
	case ACT_CUT_DST:
		return cut_off(fw, a == ACT_CUT_DST ? DST : SRC);
	case ACT_SECOND:
		return second_operator(fw);
	case ACT_UNLOCK:
		return admin_unlock(fw);
	case ACT_ROT:
		fw->rot = true;
		return true;
	case ACT_PROOF:
		fw->unproven = true;
		return fake_off(fw);
	case ACT_POWER:
		return power_off(fw);
	}
	return false;
}

/* What a host does that is off. */
static bool by_source(enum actor a)
{
	return a == ACT_RESTART_SRC || a == ACT_SYNC_SRC ||
	       a == ACT_CACHE_SRC || a == ACT_REBOOT_SRC;
}

bool fake_act(void *world, size_t actor)
{
	struct fake_world *fw = world;

	if (fake_off(fw) && by_source((enum actor)actor))
		return false;
	return act(fw, (enum actor)actor);
}
