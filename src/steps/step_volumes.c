/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volumes and volumes-in: its volumes are attached to the target, and to the
 * source no more.  See steps/volumes.h for the order, and for what keeps a
 * controller that wakes up late from doing harm.
 */
#include "steps/volumes.h"

#include <string.h>

/* ---- volumes: before the rewrite */

/* What the row names now goes back into it if need be, so it is journalled as
 * it stands. */
static int read_old(struct step_ctx *c, const struct move_volume *v,
		    struct err *e)
{
	struct db *db = step_w(c)->db;
	struct volume_known k = volume_known(c, v);
	AUTO(db_connection_clear) struct db_connection is = {0};

	if (db->ops->connection(db, step_m(c)->uuid, v->bdm_id, &is, e))
		return -1;
	if (!is.attachment_id || !is.info ||
	    (strcmp(is.attachment_id, v->attachment) != 0 &&
	     (!k.back || strcmp(is.attachment_id, k.back) != 0)))
		return err_set(e, ERR_CONFLICT,
			       "volume %s has been attached anew meanwhile "
			       "(attachment %s, not %s)",
			       v->id, is.attachment_id ? is.attachment_id : "-",
			       v->attachment);
	if (db_info_secret(is.info))
		return err_set(e, ERR_REFUSED,
			       "volume %s: the record of its connection holds "
			       "a password or a key, which no journal may have",
			       v->id);
	return volume_note(c, "old", v,
			   json_pack("{s:s, s:s}", "id", is.attachment_id,
				     "info", is.info),
			   e);
}

/* Is the one that the journal knows there? */
static int made(struct step_ctx *c, const struct move_volume *v, bool *yes,
		struct err *e)
{
	struct volume_known k = volume_known(c, v);
	AUTO(volume_view_clear) struct volume_view view = {0};

	*yes = false;
	if (!k.new)
		return 0;
	if (volume_look(c, v, &view, e))
		return -1;
	*yes = volume_find(&view, k.new) != NULL;
	return 0;
}

static int out_one(struct step_ctx *c, const struct move_volume *v,
		   struct err *e)
{
	bool done;

	if (made(c, v, &done, e))
		return -1;
	if (done)
		return 0;
	/* Asked before anything is journalled: a Cinder that does not answer
	 * must not keep the job from going back. */
	if (volumes_sweep(c, v, (const char *const[2]){NULL, NULL}, e) ||
	    read_old(c, v, e))
		return -1;
	return volume_make(c, v, DST, "new", e);
}

static int out_run(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	for (size_t i = 0; i < m->nvolumes; i++)
		if (step_checkpoint(c, e) || out_one(c, &m->volumes[i], e))
			return -1;
	return 0;
}

static int out_probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	const struct move *m = step_m(c);
	size_t done = 0, asked = 0;

	for (size_t i = 0; i < m->nvolumes; i++) {
		bool yes;

		/* Nothing was asked for yet, see step_allocations.c. */
		if (!volume_known(c, &m->volumes[i]).old)
			continue;
		asked++;
		if (made(c, &m->volumes[i], &yes, e))
			return -1;
		done += yes;
	}
	*state = !asked		       ? STEP_NOT_DONE
		 : done == m->nvolumes ? STEP_DONE
				       : STEP_PARTIAL;
	return 0;
}

/* Nova could not let go of the others when it deleted the server. */
static int out_gone(struct step_ctx *c, const struct move_volume *v,
		    struct err *e)
{
	if (volumes_sweep(c, v, (const char *const[2]){NULL, NULL}, e))
		return -1;
	step_say(c,
		 "volume %s is let go of; if it was to be deleted with the "
		 "server, that is left to do",
		 v->id);
	return 0;
}

/*
 * States, volume by volume: never asked for; one was made, or several whose
 * answers were lost; removed again.  The row names the old one, or its
 * replacement (volumes-in), or is deleted with the server.
 */
static int out_undo(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	for (size_t i = 0; i < m->nvolumes; i++) {
		const struct move_volume *v = &m->volumes[i];
		struct volume_known k = volume_known(c, v);

		if (!k.old)
			continue;
		/* No later run may take it for its own. */
		if (volume_note(c, "new", v, json_null(), e))
			return -1;
		k = volume_known(c, v);
		if (step_w(c)->gone
			    ? out_gone(c, v, e)
			    : volumes_sweep(
				      c, v,
				      (const char *const[2]){
					      k.back ? k.back : k.old, NULL},
				      e))
			return -1;
	}
	return 0;
}

const struct step step_volumes = {
	.name = "volumes",
	.summary = "attach its volumes to the target in Cinder, too",
	.mutates = true,
	.probe = out_probe,
	.run = out_run,
	.undo = out_undo,
};

/* ---- volumes-in: after it */

static int attached(const struct volume_att *a)
{
	return a->status && !strcmp(a->status, "attached");
}

static int in_one(struct step_ctx *c, const struct move_volume *v,
		  struct err *e)
{
	struct volume_known k = volume_known(c, v);
	AUTO(volume_view_clear) struct volume_view view = {0};
	const struct volume_att *a;

	if (volume_look(c, v, &view, e))
		return -1;
	a = volume_find(&view, k.new);
	if (!a)
		return err_set(e, ERR_CONFLICT,
			       "attachment %s of volume %s, which Nova's row "
			       "names, is gone from Cinder",
			       k.new ? k.new : "-", v->id);
	if (!attached(a) && volume_complete(c, a->id, e))
		return -1;
	/* No way back may count on either from here on. */
	if (volume_note(c, "drop", v, json_string(v->attachment), e) ||
	    volume_note(c, "back", v, json_null(), e))
		return -1;
	return volumes_sweep(
		c, v, (const char *const[2]){volume_known(c, v).new, NULL}, e);
}

static int in_run(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	for (size_t i = 0; i < m->nvolumes; i++)
		if (step_checkpoint(c, e) || in_one(c, &m->volumes[i], e))
			return -1;
	return 0;
}

/* In use by this instance alone, by one attachment, and which. */
static const char *wrong(const struct step_ctx *c, const struct move_volume *v,
			 const struct volume_view *view)
{
	struct volume_known k = volume_known(c, v);

	if (!view->status || strcmp(view->status, "in-use") != 0)
		return "it is not in-use";
	if (view->n != 1)
		return "it has other attachments than the one of the target";
	if (!k.new || strcmp(view->v[0].id, k.new) != 0 ||
	    !attached(&view->v[0]))
		return "its attachment is not the one that was made";
	return NULL;
}

static int in_probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	const struct move *m = step_m(c);
	size_t done = 0, asked = 0;

	for (size_t i = 0; i < m->nvolumes; i++) {
		const struct move_volume *v = &m->volumes[i];
		AUTO(volume_view_clear) struct volume_view view = {0};

		if (!volume_recall(c, "volumes-in", "drop", v))
			continue;
		asked++;
		if (volume_look(c, v, &view, e))
			return -1;
		done += !wrong(c, v, &view);
	}
	*state = !asked		       ? STEP_NOT_DONE
		 : done == m->nvolumes ? STEP_DONE
				       : STEP_PARTIAL;
	return 0;
}

static int in_verify(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct db *db = step_w(c)->db;

	for (size_t i = 0; i < m->nvolumes; i++) {
		const struct move_volume *v = &m->volumes[i];
		AUTO(volume_view_clear) struct volume_view view = {0};
		AUTO(db_connection_clear) struct db_connection is = {0};
		const char *what;

		if (volume_look(c, v, &view, e) ||
		    db->ops->connection(db, m->uuid, v->bdm_id, &is, e))
			return -1;
		what = wrong(c, v, &view);
		if (!what && (!is.attachment_id ||
			      strcmp(is.attachment_id, view.v[0].id) != 0))
			what = "Nova's row names another attachment";
		if (!what)
			continue;
		err_set(e, ERR_FAILED, "volume %s: %s", v->id, what);
		return err_hint(e, "cinder attachment-list --volume-id %s",
				v->id);
	}
	return 0;
}

/* An attachment for the source, complete, that no run has meant to remove. */
static int back_one(struct step_ctx *c, const struct move_volume *v,
		    struct err *e)
{
	struct volume_known k = volume_known(c, v);
	AUTO(volume_view_clear) struct volume_view view = {0};
	const struct volume_att *a;

	if (volume_look(c, v, &view, e))
		return -1;
	a = volume_find(&view, k.back);
	if (a)
		return attached(a) ? 0 : volume_complete(c, a->id, e);
	if (volumes_sweep(c, v, (const char *const[2]){k.new, k.old}, e) ||
	    volume_make(c, v, SRC, "back", e))
		return -1;
	return volume_complete(c, volume_known(c, v).back, e);
}

/*
 * States, volume by volume: nothing was to be removed, and the old one is there
 * still; it may be removed, by this run or by one that wakes up late, so that a
 * replacement is needed; the replacement is there, complete or not.
 */
static int in_undo(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	if (step_w(c)->gone)
		return 0;
	for (size_t i = 0; i < m->nvolumes; i++)
		if (volume_recall(c, "volumes-in", "drop", &m->volumes[i]) &&
		    back_one(c, &m->volumes[i], e))
			return -1;
	return 0;
}

const struct step step_volumes_in = {
	.name = "volumes-in",
	.summary = "let go of its volumes on the source in Cinder",
	.mutates = true,
	.probe = in_probe,
	.run = in_run,
	.undo = in_undo,
	.verify = in_verify,
};
