/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rewrite: the database says that the instance is on the target.
 *
 * Transaction N (ledger-db 3.2).  The commit point: before it every failure
 * goes back, after it the way is forward.
 */
#include "steps/util.h"

#include <string.h>

#include "core/clock.h"
#include "core/uuid.h"

/* The arguments, from the move and from what was recorded before the first
 * call; the strings are borrowed from both. */
struct args {
	struct db_rewrite r;
	struct db_rewrite_before before;
	struct db_volume_change *volumes;
};

static void args_clear(struct args *a)
{
	db_rewrite_before_clear(&a->before);
	mem_free(a->volumes);
}

static void before_from(const json_t *j, struct db_rewrite_before *b)
{
#define INT(member) b->member = json_integer_value(json_object_get(j, #member))
#define STR(member)                                                            \
	b->member = mem_strdup0(json_string_value(json_object_get(j, #member)))
	INT(compute_id);
	STR(availability_zone);
	STR(vm_state);
	b->power_state =
		(int)json_integer_value(json_object_get(j, "power_state"));
	INT(type_id);
	STR(user_id);
	STR(project_id);
	b->floating_ips =
		(int)json_integer_value(json_object_get(j, "floating_ips"));
	b->console_tokens =
		(int)json_integer_value(json_object_get(j, "console_tokens"));
#undef INT
#undef STR
}

static json_t *before_json(const struct db_rewrite_before *b)
{
	return json_pack("{s:I, s:s?, s:s?, s:i, s:I, s:s?, s:s?, s:i, s:i}",
			 "compute_id", (json_int_t)b->compute_id,
			 "availability_zone", b->availability_zone, "vm_state",
			 b->vm_state, "power_state", b->power_state, "type_id",
			 (json_int_t)b->type_id, "user_id", b->user_id,
			 "project_id", b->project_id, "floating_ips",
			 b->floating_ips, "console_tokens", b->console_tokens);
}

static void args_fill(struct step_ctx *c, struct args *a)
{
	const struct move *m = step_m(c);
	const json_t *row = step_recall_of(c, "rewrite", "row");
	const json_t *before = step_recall_of(c, "rewrite", "before");

	a->r = (struct db_rewrite){
		.by = world_lease(step_w(c), step_job(c)),
		.from = {m->src.host, m->src.node, m->src.compute_id},
		.to = {m->dst.host, m->dst.node, m->dst.compute_id},
		.az = m->availability_zone,
		.dest_ip = m->dst.ip,
		.migration_uuid = json_string_value(
			json_object_get(row, "migration_uuid")),
		.stamp = json_string_value(json_object_get(row, "stamp")),
		.history = m->history && !strcmp(m->history, "evacuation")
				   ? DB_HISTORY_EVACUATION
				   : DB_HISTORY_MIGRATION,
	};
	if (before) {
		before_from(before, &a->before);
		a->r.before = &a->before;
	}
}

/* With the volumes, for the write itself. */
static int args_all(struct step_ctx *c, struct args *a, bool back,
		    struct err *e)
{
	args_fill(c, a);
	if (volumes_changes(c, back, &a->volumes, e))
		return -1;
	a->r.volumes = a->volumes;
	a->r.n_volumes = step_m(c)->nvolumes;
	return 0;
}

/* What the world says; DB_MOVED_NO when nothing was ever tried. */
int rewrite_where(struct step_ctx *c, enum db_moved *moved, struct err *e)
{
	struct db *db = step_w(c)->db;
	AUTO(args_clear) struct args a = {0};

	*moved = DB_MOVED_NO;
	if (!step_recall_of(c, "rewrite", "row"))
		return 0;
	args_fill(c, &a);
	return db->ops->moved(db, &a.r, moved, e);
}

/* ANEW: the record of the first was reverted, and stays. */
static int record_identity(struct step_ctx *c, bool anew, struct err *e)
{
	char uuid[UUID_LEN + 1], stamp[CLOCK_ISO_MAX];
	json_t *row;

	uuid_random(uuid);
	clock_sql(clock_now_us(), stamp);
	row = json_pack("{s:s, s:s}", "migration_uuid", uuid, "stamp", stamp);
	return anew ? step_record(c, "row", row, e)
		    : step_record_once(c, "row", row, e);
}

static int record_before(struct step_ctx *c, struct err *e)
{
	struct db *db = step_w(c)->db;
	AUTO(args_clear) struct args a = {0};
	AUTO(db_rewrite_before_clear) struct db_rewrite_before b = {0};

	args_fill(c, &a);
	if (db->ops->rewrite_read(db, &a.r, &b, e))
		return -1;
	/* After a rollback and a new attempt the image is taken anew. */
	return step_record(c, "before", before_json(&b), e);
}

/* Nothing runs on the target, the files are there, and no domain is: up to Kilo
 * nova-compute destroys what is defined on a host that the row does not name,
 * disks included. */
int rewrite_ready(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	AUTO(spot_clear) struct spot p = spot_instance(m, DST);
	struct virt_status st = {0};
	enum host_type t;

	if (prove_side_state(c, DST, &st, e) ||
	    exists(step_w(c)->host[DST], AT(p), &t, e))
		return -1;
	if (st.state != VIRT_ABSENT)
		return err_set(e, ERR_CONFLICT,
			       "%s has a domain of this uuid (%s) already",
			       m->dst.host, virt_state_name(st.state));
	return t == HOST_DIR ? 0
			     : err_set(e, ERR_CONFLICT, "%s/%s is gone from %s",
				       p.root, p.rel, m->dst.host);
}

static int run(struct step_ctx *c, struct err *e)
{
	struct db *db = step_w(c)->db;
	AUTO(args_clear) struct args a = {0};
	enum db_moved moved;
	int rc;

	if (record_identity(c, false, e) || rewrite_where(c, &moved, e))
		return -1;
	if (moved == DB_MOVED_UNDONE && record_identity(c, true, e))
		return -1;
	if (moved == DB_MOVED_YES || moved == DB_MOVED_SETTLED)
		return 0;
	if (step_checkpoint(c, e))
		return -1;
	/* Last look: neither host may be able to start it now. */
	if (prove_side(c, SRC, e) || rewrite_ready(c, e) ||
	    bases_refresh(c, DST, e) || record_before(c, e))
		return -1;
	if (args_all(c, &a, false, e))
		return -1;
	rc = db->ops->rewrite(db, &a.r, e);
	return settle_write(c, rc, &(struct db_question){.rewrite = &a.r}, e);
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	enum db_moved moved;

	if (rewrite_where(c, &moved, e))
		return -1;
	switch (moved) {
	case DB_MOVED_YES:
	case DB_MOVED_SETTLED:
		*state = STEP_DONE;
		return 0;
	case DB_MOVED_NO:
	case DB_MOVED_UNDONE:
		*state = STEP_NOT_DONE;
		return 0;
	case DB_MOVED_UNKNOWN:
		break;
	}
	*state = STEP_UNKNOWN;
	return 0;
}

/* Has the guest written since?  Asked after the directory was taken away, so
 * that the answer stays true. */
static int not_run_since(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	bool same;

	if (disks_unchanged(c, false, &same, e))
		return -1;
	if (same)
		return 0;
	if (install_put_back(c, e))
		return -1;
	err_set(e, ERR_REFUSED,
		"the guest has run on %s: going back would lose its writes",
		m->dst.host);
	if (m->dead)
		return err_hint(e, "novahaul resume %s", step_job(c));
	return err_hint(e, "novahaul resume %s, then novahaul move %s --to %s",
			step_job(c), m->uuid, m->src.host);
}

/*
 * States: the row never left the source; it names the target; it was put back
 * by an earlier undo; the server is deleted, and no row of it is written any
 * more.  The target is disarmed first, so that at no moment the
 * row names the source while the target could start the guest.
 */
static int undo(struct step_ctx *c, struct err *e)
{
	struct db *db = step_w(c)->db;
	AUTO(args_clear) struct args a = {0};
	enum db_moved moved;
	struct err why = ERR_INIT;
	int rc;

	if (step_w(c)->gone)
		return 0;
	if (rewrite_where(c, &moved, e))
		return -1;
	if (moved == DB_MOVED_NO || moved == DB_MOVED_UNDONE)
		return 0;
	if (moved == DB_MOVED_SETTLED)
		return err_set(e, ERR_REFUSED,
			       "the source's nova-compute has settled the "
			       "record: its copy may be gone");
	if (install_take_back(c, e) || not_run_since(c, e))
		return -1;
	if (args_all(c, &a, true, e))
		return -1;
	rc = db->ops->rewrite_undo(db, &a.r, e);
	if (!settle_write(c, rc, &(struct db_question){.undo = &a.r}, e))
		return 0;
	/* Refused means that all is as it was: forward again. */
	if (e->kind == ERR_REFUSED && install_put_back(c, &why)) {
		e->kind = ERR_FAILED;
		err_also(e, &why);
	}
	return -1;
}

const struct step step_rewrite = {
	.name = "rewrite",
	.summary = "write the new host into Nova's database",
	.mutates = true,
	.commit_point = "the database names the target from here on, so a "
			"failure is retried forward; going back is a "
			"decision (novahaul rollback)",
	.probe = probe,
	.run = run,
	.undo = undo,
};
