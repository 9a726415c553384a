/* SPDX-License-Identifier: Apache-2.0 */
/* Transaction C: a volume's attachments, in Cinder's own rows. */
#include "db/voldb.h"

#include <jansson.h>
#include <string.h>

#include "core/str.h"
#include "db/beside.h"

struct voldb {
	struct beside b;
	char *name;
	bool verified;
};

static const char verified[] = "c92a3e68beed"; /* Zed */

static void json_freep(json_t **j)
{
	json_decref(*j);
}

void voldb_close(struct voldb *v)
{
	if (!v)
		return;
	beside_clear(&v->b);
	mem_free(v->name);
	mem_free(v);
}

const char *voldb_name(const struct voldb *v)
{
	return v->name;
}

bool voldb_verified(const struct voldb *v)
{
	return v->verified;
}

int voldb_rights(struct voldb *v, struct err *e)
{
	return rights_try(&v->b.c, "vw.", e);
}

static int identify(struct voldb *v, struct err *e)
{
	AUTO(mem_freep) char *where = beside_where(&v->b);

	if (!v->b.f.cinder || v->b.revisions.n != 1)
		return err_set(e, ERR_REFUSED,
			       "database %s is not Cinder's, of Xena or later: "
			       "not verified",
			       where);
	v->verified = str_is(v->b.revisions.v[0], verified);
	v->name = mem_printf("%s, revision %s", where, v->b.revisions.v[0]);
	return 0;
}

int voldb_open(const char *url, const struct db_config *cfg, struct voldb **out,
	       struct err *e)
{
	struct voldb *v = MEM_NEW(struct voldb);

	*out = NULL;
	if (beside_open(&v->b, url, cfg, FEATURE_CINDER, e) || identify(v, e)) {
		voldb_close(v);
		return -1;
	}
	*out = v;
	return 0;
}

/* ---- reading */

void voldb_attachment_clear(struct voldb_attachment *a)
{
	if (a->info)
		explicit_bzero(a->info, strlen(a->info));
	mem_free(a->info);
	mem_free(a->id);
	mem_free(a->instance);
	mem_free(a->host);
	mem_free(a->mode);
	mem_free(a->status);
	*a = (struct voldb_attachment){0};
}

void voldb_volume_clear(struct voldb_volume *v)
{
	for (size_t i = 0; i < v->n; i++)
		voldb_attachment_clear(&v->v[i]);
	mem_free(v->v);
	mem_free(v->status);
	*v = (struct voldb_volume){0};
}

static int read_in(struct my_conn *c, const char *volume,
		   struct voldb_volume *out, struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("v", volume)};
	AUTO(my_rows_clear) struct my_rows r = {0};
	AUTO(my_rows_clear) struct my_rows a = {0};

	*out = (struct voldb_volume){0};
	if (my_select(c, "cinder.volume", SQL_ARGS(args), &r, e) ||
	    my_select(c, "cinder.attachments", SQL_ARGS(args), &a, e))
		return -1;
	if (!r.n)
		return 0;
	out->status = my_dup(&r, 0, "status");
	out->multiattach = my_true(&r, 0, "multiattach");
	out->v = MEM_NEW_N(struct voldb_attachment, a.n + 1);
	for (; out->n < a.n; out->n++)
		out->v[out->n] = (struct voldb_attachment){
			.id = my_dup(&a, out->n, "id"),
			.instance = my_dup(&a, out->n, "instance"),
			.host = my_dup(&a, out->n, "host"),
			.mode = my_dup(&a, out->n, "mode"),
			.status = my_dup(&a, out->n, "status"),
			.info = my_dup(&a, out->n, "info"),
		};
	return 0;
}

int voldb_read(struct voldb *v, const char *volume, struct voldb_volume *out,
	       struct err *e)
{
	*out = (struct voldb_volume){0};
	return my_ready(&v->b.c, e) ? -1 : read_in(&v->b.c, volume, out, e);
}

/* ---- transaction C */

/* What a transaction is about; .made is filled by making. */
struct change {
	const char *volume, *id, *instance;
	const struct voldb_want *want;
	const char *host;
	struct voldb_attachment *made;
};

static int lock(struct my_conn *c, const struct change *x, struct err *e)
{
	char now[CLOCK_ISO_MAX];
	const struct sql_arg args[] = {ARG_TEXT("v", x->volume),
				       ARG_TEXT("now", now)};
	bool matched = false;

	txn_now(now);
	if (txn_one(c, "vw.volume", SQL_ARGS(args), &matched, e))
		return -1;
	return matched ? 0
		       : err_set(e, ERR_CONFLICT,
				 "volume %s is not attached any more",
				 x->volume);
}

static const struct voldb_attachment *find(const struct voldb_volume *v,
					   const char *id)
{
	for (size_t i = 0; i < v->n; i++)
		if (str_is(v->v[i].id, id))
			return &v->v[i];
	return NULL;
}

/* A complete one of the instance but EXCEPT; NULL: there is none. */
static const struct voldb_attachment *other(const struct voldb_volume *v,
					    const char *instance,
					    const char *except)
{
	for (size_t i = 0; i < v->n; i++)
		if (str_is(v->v[i].instance, instance) &&
		    !str_is(v->v[i].id, except) &&
		    str_is(v->v[i].status, "attached"))
			return &v->v[i];
	return NULL;
}

/* The old one's connection under the new one's id. */
static char *connection_of(const char *old, const char *id, struct err *e)
{
	AUTO(json_freep) json_t *j = old ? json_loads(old, 0, NULL) : NULL;

	if (!json_is_object(j)) {
		err_set(e, ERR_REFUSED,
			"what Cinder keeps of its connection is not JSON");
		return NULL;
	}
	json_object_set_new(j, "attachment_id", json_string(id));
	return json_dumps(j, 0);
}

static int insert(struct my_conn *c, const struct change *x,
		  const struct voldb_attachment *old, struct err *e)
{
	char now[CLOCK_ISO_MAX];
	const struct sql_arg args[] = {ARG_TEXT("id", x->id),
				       ARG_TEXT("old", old->id),
				       ARG_TEXT("v", x->volume),
				       ARG_TEXT("u", x->instance),
				       ARG_TEXT("h", x->host),
				       ARG_TEXT("mode", x->want->mode),
				       ARG_TEXT("ci", x->made->info),
				       ARG_TEXT("cj", x->want->connector),
				       ARG_TEXT("now", now)};
	bool matched = false;

	txn_now(now);
	if (txn_one(c, "vw.make", SQL_ARGS(args), &matched, e))
		return -1;
	return matched ? 0
		       : err_set(e, ERR_CONFLICT,
				 "attachment %s of volume %s has changed just "
				 "now",
				 old->id, x->volume);
}

static int make_body(struct my_conn *c, const void *arg, bool *commit,
		     struct err *e)
{
	const struct change *x = arg;
	AUTO(voldb_volume_clear) struct voldb_volume v = {0};
	const struct voldb_attachment *old;

	(void)commit;
	if (lock(c, x, e) || read_in(c, x->volume, &v, e))
		return -1;
	old = other(&v, x->instance, NULL);
	if (!old || v.multiattach)
		return err_set(e, ERR_CONFLICT,
			       "volume %s is not attached to %s alone",
			       x->volume, x->instance);
	mem_free(x->made->info);
	x->made->info = connection_of(old->info, x->id, e);
	return x->made->info ? insert(c, x, old, e) : -1;
}

/* Not there is not made: the lock is held. */
static int make_ask(struct my_conn *c, const void *arg, bool *applied,
		    struct err *e)
{
	const struct change *x = arg;
	AUTO(voldb_volume_clear) struct voldb_volume v = {0};

	if (lock(c, x, e) || read_in(c, x->volume, &v, e))
		return -1;
	*applied = find(&v, x->id) != NULL;
	return 0;
}

int voldb_make(struct voldb *v, const struct voldb_want *w,
	       struct voldb_attachment *out, struct err *e)
{
	AUTO(json_freep) json_t *cj = json_loads(w->connector, 0, NULL);
	char id[UUID_LEN + 1];
	struct change x = {.volume = w->volume,
			   .id = id,
			   .instance = w->instance,
			   .want = w,
			   .made = out};
	const struct beside_txn t = {make_body, &x, make_ask};

	*out = (struct voldb_attachment){0};
	x.host = json_string_value(json_object_get(cj, "host"));
	if (!x.host)
		return err_set(e, ERR_BUG, "a connector without a host");
	uuid_random(id);
	if (beside_run(&v->b, &t, e)) {
		voldb_attachment_clear(out);
		return err_wrap(e, "attaching volume %s to %s in %s", w->volume,
				x.host, v->name);
	}
	out->id = mem_strdup(id);
	out->instance = mem_strdup(w->instance);
	out->host = mem_strdup(x.host);
	out->mode = mem_strdup(w->mode);
	out->status = mem_strdup("attaching");
	return 0;
}

static int write_one(struct my_conn *c, const char *name,
		     const struct change *x, struct err *e)
{
	char now[CLOCK_ISO_MAX];
	const struct sql_arg args[] = {
		ARG_TEXT("id", x->id), ARG_TEXT("v", x->volume),
		ARG_TEXT("u", x->instance), ARG_TEXT("now", now)};
	bool matched = false;

	txn_now(now);
	if (txn_one(c, name, SQL_ARGS(args), &matched, e))
		return -1;
	return matched ? 0
		       : err_set(e, ERR_CONFLICT,
				 "attachment %s of volume %s has changed just "
				 "now",
				 x->id, x->volume);
}

static int complete_body(struct my_conn *c, const void *arg, bool *commit,
			 struct err *e)
{
	(void)commit;
	return lock(c, arg, e) || write_one(c, "vw.complete", arg, e) ? -1 : 0;
}

static int complete_ask(struct my_conn *c, const void *arg, bool *applied,
			struct err *e)
{
	const struct change *x = arg;
	AUTO(voldb_volume_clear) struct voldb_volume v = {0};
	const struct voldb_attachment *a;

	if (lock(c, x, e) || read_in(c, x->volume, &v, e))
		return -1;
	a = find(&v, x->id);
	*applied = a && str_is(a->status, "attached");
	return 0;
}

static int drop_body(struct my_conn *c, const void *arg, bool *commit,
		     struct err *e)
{
	const struct change *x = arg;
	AUTO(voldb_volume_clear) struct voldb_volume v = {0};

	if (lock(c, x, e) || read_in(c, x->volume, &v, e))
		return -1;
	if (!find(&v, x->id)) {
		*commit = false;
		return 0;
	}
	if (!other(&v, x->instance, x->id))
		return err_set(e, ERR_CONFLICT,
			       "attachment %s is the only one of volume %s: it "
			       "stays",
			       x->id, x->volume);
	return write_one(c, "vw.drop", x, e);
}

static int drop_ask(struct my_conn *c, const void *arg, bool *applied,
		    struct err *e)
{
	const struct change *x = arg;
	AUTO(voldb_volume_clear) struct voldb_volume v = {0};

	if (lock(c, x, e) || read_in(c, x->volume, &v, e))
		return -1;
	*applied = !find(&v, x->id);
	return 0;
}

/* *VOLUME is NULL when the attachment is gone. */
static int volume_of(struct voldb *v, const char *id, char **volume,
		     struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("id", id)};
	AUTO(my_rows_clear) struct my_rows r = {0};

	*volume = NULL;
	if (my_ready(&v->b.c, e) ||
	    my_select(&v->b.c, "cinder.volume_of", SQL_ARGS(args), &r, e))
		return -1;
	*volume = r.n ? my_dup(&r, 0, "volume") : NULL;
	return 0;
}

int voldb_complete(struct voldb *v, const char *id, const char *instance,
		   struct err *e)
{
	AUTO(mem_freep) char *volume = NULL;
	struct change x = {.id = id, .instance = instance};
	const struct beside_txn t = {complete_body, &x, complete_ask};

	if (volume_of(v, id, &volume, e))
		return -1;
	if (!volume)
		return err_set(e, ERR_CONFLICT, "attachment %s is gone", id);
	x.volume = volume;
	if (beside_run(&v->b, &t, e))
		return err_wrap(e, "completing attachment %s in %s", id,
				v->name);
	return 0;
}

int voldb_drop(struct voldb *v, const char *id, const char *instance,
	       struct err *e)
{
	AUTO(mem_freep) char *volume = NULL;
	struct change x = {.id = id, .instance = instance};
	const struct beside_txn t = {drop_body, &x, drop_ask};

	if (volume_of(v, id, &volume, e))
		return -1;
	if (!volume)
		return 0;
	x.volume = volume;
	if (beside_run(&v->b, &t, e))
		return err_wrap(e, "removing attachment %s in %s", id, v->name);
	return 0;
}
