/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cinder volumes.  Those whose connection is the same from every host are taken
 * along by a swap of their attachments (steps/step_volumes.c); the others need
 * the source's own disconnect and the target's own connect, which only Nova
 * does.
 */
#include <string.h>

#include "checks/checks.h"

static const char *const detach_first =
	"detach it first and attach it again afterwards, or use Nova's own "
	"migration";

static const struct fact_volume *told(const struct facts *f, const char *id)
{
	for (size_t i = 0; i < f->cloud.n_volumes; i++)
		if (!strcmp(f->cloud.volumes[i].id, id))
			return &f->cloud.volumes[i];
	return NULL;
}

static const char *other_way(const struct facts *f, const struct check_opts *o,
			     const struct db_bdm *b)
{
	struct check_opts with = *o;

	with.detach = true;
	return check_detaches(f, &with, b)
		       ? "novahaul move --detach-volumes, when the guest can "
			 "boot without it"
		       : detach_first;
}

/* Two root disks: one of the two records is wrong, and nobody knows which. */
static bool two_roots(const struct facts *f, const struct db_bdm *b)
{
	const struct fact_file *q = facts_file(f, "disk");

	return b->boot_index == 0 && q && q->role == IMAGE_ROLE_DISK;
}

static void one_volume(const struct facts *f, const struct check_opts *o,
		       const struct db_bdm *b, struct check_report *r)
{
	if (two_roots(f, b))
		check_refuse(r, "find out which it is: openstack server show",
			     "the database says that it boots from volume %s, "
			     "and its directory has a root disk",
			     b->volume_id);
	if (b->multiattach)
		check_refuse(r, detach_first,
			     "volume %s may have other writers", b->volume_id);
	if (!facts_driver_anywhere(b->driver))
		check_refuse(
			r, other_way(f, o, b),
			"volume %s is connected by '%s': the target needs "
			"a connection of its own, which only Nova can make",
			b->volume_id, b->driver ? b->driver : "unknown");
}

/* The old flow records nothing of the host in Cinder's database; Nova may have
 * stashed the host's connector in its own (Mitaka and newer). */
static void old_flow(const struct db_bdm *b, struct check_report *r)
{
	if (b->connector)
		check_refuse(r, detach_first,
			     "volume %s was attached by Cinder's old API, with "
			     "the source's connector",
			     b->volume_id);
}

/* Is Cinder's own view what a swap starts from? */
static void cinder_view(const struct facts *f, const struct fact_volume *v,
			struct check_report *r)
{
	static const char *const look =
		"openstack volume show, and cinder attachment-list, tell";
	const char *src = f->host[SRC_HOST].name;

	if (v->err.kind != ERR_NONE) {
		check_refuse(r, v->err.hint, "%s", err_msg(&v->err));
		return;
	}
	if (v->multiattach)
		check_refuse(r, detach_first,
			     "volume %s may have other writers", v->id);
	if (!v->status || strcmp(v->status, "in-use") != 0)
		check_refuse(r, look, "volume %s is '%s', not 'in-use'", v->id,
			     v->status ? v->status : "unknown");
	if (v->n_attachments != 1 || !v->state) {
		check_refuse(r, look,
			     "volume %s has %zu attachments, and %s that Nova "
			     "knows of",
			     v->id, v->n_attachments,
			     v->state ? "one" : "not the one");
		return;
	}
	if (strcmp(v->state, "attached") != 0 || !v->instance ||
	    strcmp(v->instance, f->srv.inst.uuid) != 0)
		check_refuse(r, look,
			     "attachment %s of volume %s is '%s' for server %s",
			     v->attachment, v->id, v->state,
			     v->instance ? v->instance : "(none)");
	if (v->host && strcmp(v->host, src) != 0)
		check_refuse(r, look,
			     "Cinder says that volume %s is attached on %s, "
			     "not on %s",
			     v->id, v->host, src);
}

/* Of all volumes alike. */
static void cinder_self(const struct facts *f, struct check_report *r)
{
	const struct fact_cloud *c = &f->cloud;
	bool any = false;

	for (size_t i = 0; i < f->srv.n_bdms; i++)
		any |= f->srv.bdms[i].volume_id && f->srv.bdms[i].attachment_id;
	if (!any)
		return;
	if (c->volume_err.kind != ERR_NONE)
		check_refuse(r, c->volume_err.hint, "%s",
			     err_msg(&c->volume_err));
	else if (!c->volume)
		check_refuse(r, "openstack catalog list tells",
			     "its volumes have attachments in Cinder, and the "
			     "catalog has no Cinder");
	else if (!c->complete)
		check_refuse(r, detach_first,
			     "Cinder is too old to complete an attachment "
			     "(3.44, Queens)");
	else if (c->delegated)
		check_refuse(r, "log in with a password",
			     "Cinder removes no attachment for an application "
			     "credential: it must ask Nova in the same name");
}

static void new_flow(const struct facts *f, const struct db_bdm *b,
		     struct check_report *r)
{
	const struct fact_volume *v = told(f, b->volume_id);

	if (b->secret)
		check_refuse(r, detach_first,
			     "the record of volume %s's connection holds a "
			     "password or a key, which no journal may have",
			     b->volume_id);
	if (v)
		cinder_view(f, v, r);
}

/* ---- those that Nova takes off meanwhile */

bool check_detaches(const struct facts *f, const struct check_opts *o,
		    const struct db_bdm *b)
{
	return o->detach && b->volume_id && b->boot_index != 0 &&
	       b->attachment_id && check_nova_start(f, o);
}

static void tagged(const struct facts *f, const struct db_bdm *b,
		   struct check_report *r)
{
	int minor = f->cloud.nova_minor;

	if (b->tag && minor < 49)
		check_refuse(r, detach_first,
			     "volume %s has a tag, which Nova's API cannot "
			     "give it again (2.49)",
			     b->volume_id);
	if (b->delete_on_termination && minor < 79)
		check_refuse(r, detach_first,
			     "volume %s is to be deleted with its server, "
			     "which Nova's API cannot ask for (2.79)",
			     b->volume_id);
}

static void taken_off(const struct facts *f, const struct db_bdm *b,
		      struct check_report *r)
{
	const struct fact_volume *v = told(f, b->volume_id);

	if (f->cloud.source_off)
		check_refuse(r, "start it first: it ends the connection",
			     "nova-compute on %s is %s: it cannot detach "
			     "volume %s",
			     f->host[SRC_HOST].name, f->cloud.source_off,
			     b->volume_id);
	if (b->encrypted)
		check_refuse(r, detach_first,
			     "the key of volume %s is its owner's",
			     b->volume_id);
	if (!f->cloud.volume || !f->cloud.complete || !v) {
		check_refuse(r, detach_first,
			     "Cinder cannot keep volume %s reserved (3.44, "
			     "Queens)",
			     b->volume_id);
		return;
	}
	if (v->mode && !strcmp(v->mode, "ro"))
		check_refuse(r, detach_first,
			     "volume %s is attached read-only, which Nova's "
			     "API cannot ask for",
			     b->volume_id);
	tagged(f, b, r);
	cinder_view(f, v, r);
	check_warn(r, NULL,
		   "volume %s is detached for the move, and attached when the "
		   "guest runs on %s: it boots there without it",
		   b->volume_id, f->to);
}

static void volumes_run(const struct facts *f, const struct check_opts *o,
			struct check_report *r)
{
	/* By the API or, where none answers, by Cinder's own database. */
	bool cloud = f->cloud.asked && f->cloud.err.kind == ERR_NONE;

	if (cloud)
		cinder_self(f, r);
	for (size_t i = 0; i < f->srv.n_bdms; i++) {
		const struct db_bdm *b = &f->srv.bdms[i];

		if (!b->volume_id)
			continue;
		if (check_detaches(f, o, b)) {
			taken_off(f, b, r);
			continue;
		}
		one_volume(f, o, b, r);
		if (b->attachment_id && f->cloud.asked &&
		    f->cloud.err.kind != ERR_NONE)
			check_refuse(r, f->cloud.err.hint,
				     "volume %s has an attachment in Cinder, "
				     "which must follow (%s)",
				     b->volume_id, err_msg(&f->cloud.err));
		else if (cloud && b->attachment_id)
			new_flow(f, b, r);
		else if (cloud)
			old_flow(b, r);
	}
	/* Nova mounts the share itself, now or when it starts it later. */
	if (check_nova_start(f, o) || (cloud && !check_starts(f, o)))
		return;
	for (size_t i = 0; i < f->volumes_missing.n; i++)
		check_refuse(r, "mount its share there first",
			     "%s does not see volume file %s", f->to,
			     f->volumes_missing.v[i]);
}

const struct check chk_volumes = {
	"volumes", "its volumes can be attached to the target", volumes_run};
