/* SPDX-License-Identifier: Apache-2.0 */
/* What the steps that swap attachments share. */
#include "steps/volumes.h"

#include <string.h>

#include "core/log.h"
#include "core/str.h"

/* ---- what the journal knows */

const json_t *volume_recall(const struct step_ctx *c, const char *step,
			    const char *what, const struct move_volume *v)
{
	AUTO(mem_freep) char *key = mem_printf("%s %s", what, v->id);
	const json_t *j = step_recall_of(c, step, key);

	return json_is_null(j) ? NULL : j;
}

int volume_note(struct step_ctx *c, const char *what,
		const struct move_volume *v, json_t *value, struct err *e)
{
	AUTO(mem_freep) char *key = mem_printf("%s %s", what, v->id);

	return step_record(c, key, value, e);
}

static const char *id_of(const json_t *j)
{
	return json_string_value(json_object_get(j, "id"));
}

struct volume_known volume_known(const struct step_ctx *c,
				 const struct move_volume *v)
{
	return (struct volume_known){
		.old = id_of(volume_recall(c, "volumes", "old", v)),
		.new = id_of(volume_recall(c, "volumes", "new", v)),
		.back = id_of(volume_recall(c, "volumes-in", "back", v)),
	};
}

int volumes_changes(struct step_ctx *c, bool back,
		    struct db_volume_change **out, struct err *e)
{
	const struct move *m = step_m(c);

	*out = MEM_NEW_N(struct db_volume_change, m->nvolumes);
	for (size_t i = 0; i < m->nvolumes; i++) {
		const struct move_volume *v = &m->volumes[i];
		const json_t *old = volume_recall(c, "volumes", "old", v);
		const json_t *new = volume_recall(c, "volumes", "new", v);
		const json_t *again = volume_recall(c, "volumes-in", "back", v);

		if (!old || !new)
			return err_set(e, ERR_BUG,
				       "volume %s: its attachments are not in "
				       "the journal",
				       v->id);
		if (back && again)
			old = again;
		(*out)[i] = (struct db_volume_change){
			.bdm_id = v->bdm_id,
			.old_info =
				json_string_value(json_object_get(old, "info")),
			.new_info =
				json_string_value(json_object_get(new, "info")),
			.old_attachment = id_of(old),
			.new_attachment = id_of(new),
		};
	}
	return 0;
}

/* ---- Cinder */

void volume_att_clear(struct volume_att *a)
{
	mem_free(a->id);
	mem_free(a->instance);
	mem_free(a->status);
	if (a->connection)
		explicit_bzero(a->connection, strlen(a->connection));
	mem_free(a->connection);
	*a = (struct volume_att){0};
}

void volume_view_clear(struct volume_view *v)
{
	for (size_t i = 0; i < v->n; i++)
		volume_att_clear(&v->v[i]);
	mem_free(v->v);
	mem_free(v->status);
	*v = (struct volume_view){0};
}

int volume_look(struct step_ctx *c, const struct move_volume *v,
		struct volume_view *view, struct err *e)
{
	const struct volume_ops *o = &step_w(c)->volumes;

	return o->look(o->self, v->id, view, e);
}

const struct volume_att *volume_find(const struct volume_view *view,
				     const char *id)
{
	for (size_t i = 0; i < view->n; i++)
		if (str_is(view->v[i].id, id))
			return &view->v[i];
	return NULL;
}

int volume_complete(struct step_ctx *c, const char *id, struct err *e)
{
	const struct volume_ops *o = &step_w(c)->volumes;
	AUTO(mem_freep) char *own = mem_strdup(id);

	return claim_holds(c, e) || o->complete(o->self, own, e) ? -1 : 0;
}

/* The connector with what Nova adds for the volume. */
static char *connector_for(const struct move_side *s,
			   const struct move_volume *v)
{
	json_t *j = json_loads(s->connector, 0, NULL);
	char *text;

	json_object_set_new(j, "mountpoint", json_string(v->device));
	text = json_dumps(j, 0);
	json_decref(j);
	return text ? text : mem_strdup("{}");
}

/* It may be, by a record() that failed: others go on with it then. */
static bool is_noted(const struct step_ctx *c, const char *what,
		     const struct move_volume *v, const char *id)
{
	AUTO(mem_freep) char *key = mem_printf("%s %s", what, v->id);

	return str_is(id_of(step_recall(c, key)), id);
}

/* Of a server that is gone there may be no next run: who was frozen with his
 * request in hand learns of that first. */
bool volume_is_late(const struct step_ctx *c, const struct err *e)
{
	return e->kind == ERR_STALE || step_w(c)->gone;
}

/* Overtaken while Cinder made it: nobody else knows of it. */
void volume_drop_late(struct step_ctx *c, const char *id)
{
	const struct volume_ops *o = &step_w(c)->volumes;
	struct err why = ERR_INIT;

	if (o->drop(o->self, id, &why))
		log_warn("attachment %s is left in Cinder: %s", id,
			 err_msg(&why));
	err_clear(&why);
}

static int keep_made(struct step_ctx *c, const struct move_volume *v,
		     const struct volume_att *a, const char *what,
		     struct err *e)
{
	const char *old = json_string_value(
		json_object_get(volume_recall(c, "volumes", "old", v), "info"));
	AUTO(mem_freep) char *info = volume_info(a, v->id, old, e);

	if (!info)
		return -1;
	if (db_info_secret(info)) {
		err_set(e, ERR_REFUSED,
			"volume %s: its connection holds a password or a key, "
			"which no journal may have",
			v->id);
		return err_hint(e, "detach it, move the server, attach it");
	}
	if (claim_holds(c, e))
		return -1;
	return volume_note(c, what, v,
			   json_pack("{s:s, s:s}", "id", a->id, "info", info),
			   e);
}

int volume_make(struct step_ctx *c, const struct move_volume *v, enum side s,
		const char *what, struct err *e)
{
	const struct move *m = step_m(c);
	const struct volume_ops *o = &step_w(c)->volumes;
	AUTO(mem_freep) char *connector = connector_for(side_of(m, s), v);
	AUTO(volume_att_clear) struct volume_att a = {0};
	struct volume_want w = {.volume = v->id,
				.instance = m->uuid,
				.connector = connector,
				.mode = v->mode};

	if (claim_holds(c, e) || o->make(o->self, &w, &a, e))
		return -1;
	if (!keep_made(c, v, &a, what, e))
		return 0;
	/* Otherwise the next run finds it, and sweeps it. */
	if (volume_is_late(c, e) && !is_noted(c, what, v, a.id))
		volume_drop_late(c, a.id);
	return -1;
}

/* ---- sweeping */

/* *NAMED is NULL where the row is gone: the volume is detached. */
static int row_names(struct step_ctx *c, const struct move_volume *v,
		     char **named, struct err *e)
{
	struct db *db = step_w(c)->db;
	AUTO(db_connection_clear) struct db_connection k = {0};

	*named = NULL;
	if (db->ops->connection(db, step_m(c)->uuid, v->bdm_id, &k, e)) {
		if (e->kind != ERR_CONFLICT)
			return -1;
		err_clear(e);
		return 0;
	}
	*named = mem_strdup0(k.attachment_id);
	return 0;
}

/* The token of a deleted server is gone with it; so is the guest that might
 * want the volume. */
static int drop(struct step_ctx *c, const char *id, struct err *e)
{
	const struct volume_ops *o = &step_w(c)->volumes;

	if (!step_w(c)->gone && claim_holds(c, e))
		return -1;
	return o->drop(o->self, id, e);
}

int volumes_sweep(struct step_ctx *c, const struct move_volume *v,
		  const char *const keep[2], struct err *e)
{
	AUTO(mem_freep) char *a = mem_strdup0(keep[0]);
	AUTO(mem_freep) char *b = mem_strdup0(keep[1]);
	AUTO(mem_freep) char *named = NULL;
	AUTO(volume_view_clear) struct volume_view view = {0};

	if (volume_look(c, v, &view, e) || row_names(c, v, &named, e))
		return -1;
	for (size_t i = 0; i < view.n; i++) {
		const struct volume_att *t = &view.v[i];

		if (!str_is(t->instance, step_m(c)->uuid) || str_is(t->id, a) ||
		    str_is(t->id, b) || str_is(t->id, named))
			continue;
		if (drop(c, t->id, e))
			return err_wrap(e,
					"removing attachment %s of volume %s",
					t->id, v->id);
	}
	return 0;
}

/* ---- the source's mount of the share */

static int unmount(struct step_ctx *c, const char *dir, struct err *e)
{
	struct host *h = step_w(c)->host[SRC];
	const char *slash = strrchr(dir, '/');
	AUTO(mem_freep) char *base = mem_strndup(dir, (size_t)(slash - dir));
	AUTO(mem_freep) char *root = host_map_path(h, base);
	AUTO(mem_freep) char *path = mem_printf("%s%s", root, slash);
	const char *argv[] = {"umount", path, NULL};
	AUTO(host_run_clear)
	struct host_run r = {.argv = argv, .mutates = true};
	enum host_type t;

	if (exists(h, HOST_PATH(root, slash + 1), &t, e))
		return -1;
	if (t != HOST_DIR)
		return 0;
	if (host_run(h, &r, e))
		return -1;
	if (r.exit_code)
		return err_set(e, ERR_FAILED, "umount: %s", buf_str(&r.err));
	return host_unlink(
		h,
		&(struct host_unlink){.path = HOST_PATH(root, slash + 1),
				      .dir = true,
				      .missing = true},
		e);
}

static int leave_share(struct step_ctx *c, const struct move_volume *v,
		       struct err *e)
{
	const struct move *m = step_m(c);
	struct db *db = step_w(c)->db;
	const char *info = json_string_value(
		json_object_get(volume_recall(c, "volumes", "old", v), "info"));
	AUTO(mem_freep) char *dir = NULL;
	AUTO(mem_freep) char *share = NULL;
	struct db_share s = {.uuid = m->uuid, .host = m->src.host};
	int users = 0;

	if (!info || !volume_mount(info, &dir, &share))
		return 0;
	s.export = share;
	if (db->ops->share_users(db, &s, &users, e))
		return -1;
	return users ? 0 : unmount(c, dir, e);
}

/* What stays mounted harms nobody, so it does not keep the job from ending. */
int volumes_leave_source(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	for (size_t i = 0; i < m->nvolumes; i++) {
		struct err why = ERR_INIT;

		if (!leave_share(c, &m->volumes[i], &why))
			continue;
		if (why.kind == ERR_STALE) {
			err_move(e, &why);
			return -1;
		}
		step_say(c, "the share of volume %s stays mounted on %s: %s",
			 m->volumes[i].id, m->src.host, err_msg(&why));
		err_clear(&why);
	}
	return 0;
}
