/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cinder of the deterministic world.  It knows no lease; it refuses to remove
 * the attachment that Nova's row names, and a volume is 'in-use' as long as one
 * of its attachments is complete.
 */
#include "fake/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct fake_volume *volume_of(struct fake_world *fw, const char *id)
{
	return &fw->volumes[!strcmp(id, FAKE_VOLUME "2")];
}

void fake_att_name(char out[FAKE_ATT_NAME], unsigned n)
{
	snprintf(out, FAKE_ATT_NAME, "att-%u", n);
}

struct fake_att *fake_att(struct fake_volume *v, const char *id)
{
	unsigned n = 0;

	if (sscanf(id, "att-%u", &n) != 1)
		return NULL;
	for (size_t i = 0; n && i < FAKE_ATTS; i++)
		if (v->att[i].n == n)
			return &v->att[i];
	return NULL;
}

struct fake_att *fake_att_new(struct fake_world *fw, struct fake_volume *v,
			      enum side s)
{
	for (size_t i = 0; i < FAKE_ATTS; i++) {
		if (v->att[i].n)
			continue;
		v->att[i] = (struct fake_att){.n = ++fw->atts, .side = s};
		return &v->att[i];
	}
	abort();
}

bool fake_in_use(const struct fake_volume *v)
{
	for (size_t i = 0; i < FAKE_ATTS; i++)
		if (v->att[i].n && v->att[i].attached)
			return true;
	return false;
}

static struct volume_att say(const struct fake_att *a)
{
	char name[FAKE_ATT_NAME];

	fake_att_name(name, a->n);
	return (struct volume_att){
		.id = mem_strdup(name),
		.instance = mem_strdup(a->foreign ? "another" : FAKE_UUID),
		.status = mem_strdup(a->attached   ? "attached"
				     : a->reserved ? "reserved"
						   : "attaching"),
		.connection = mem_printf("{\"driver_volume_type\": \"nfs\", "
					 "\"attachment_id\": \"%s\", "
					 "\"export\": \"s:/e\"}",
					 name)};
}

static const char *status(const struct fake_volume *v)
{
	if (v->at_us)
		return v->putting ? "attaching" : "detaching";
	if (fake_in_use(v))
		return "in-use";
	for (size_t i = 0; i < FAKE_ATTS; i++)
		if (v->att[i].n)
			return "reserved";
	return "available";
}

static int look(void *self, const char *volume, struct volume_view *out,
		struct err *e)
{
	struct fake_world *fw = self;
	const struct fake_volume *v = volume_of(fw, volume);

	if (fake_ask("cinder look", e))
		return -1;
	out->status = mem_strdup(status(v));
	out->v = MEM_NEW_N(struct volume_att, FAKE_ATTS);
	for (size_t i = 0; i < FAKE_ATTS; i++)
		if (v->att[i].n)
			out->v[out->n++] = say(&v->att[i]);
	return 0;
}

static int make(void *self, const struct volume_want *w, struct volume_att *out,
		struct err *e)
{
	struct fake_world *fw = self;
	enum side s = w->connector && strstr(w->connector, fw->h[DST].name)
			      ? DST
			      : SRC;
	struct fake_att *a;
	bool sent;
	int rc = fake_send("cinder make", &sent, e);

	/* What it answers is what it was then: others may have removed it by
	 * the time that it is read. */
	if (sent) {
		a = fake_att_new(fw, volume_of(fw, w->volume), s);
		a->reserved = !w->connector;
		*out = say(a);
	}
	rc = fake_answer("cinder make", rc, e);
	if (rc)
		volume_att_clear(out);
	return rc;
}

static struct fake_att *any(struct fake_world *fw, const char *id)
{
	struct fake_att *a = fake_att(&fw->volumes[0], id);

	return a ? a : fake_att(&fw->volumes[1], id);
}

static int complete(void *self, const char *id, struct err *e)
{
	struct fake_world *fw = self;
	struct fake_att *a;
	bool sent;
	int rc = fake_send("cinder complete", &sent, e);

	a = any(fw, id);
	if (sent && a)
		a->attached = true;
	else if (sent && !rc)
		return err_set(e, ERR_FAILED, "cinder: 404");
	return fake_answer("cinder complete", rc, e);
}

static bool named(const struct fake_row *r, const char *id)
{
	return !r->deleted && (!strcmp(r->bdm[0].attachment, id) ||
			       !strcmp(r->bdm[1].attachment, id));
}

static int drop(void *self, const char *id, struct err *e)
{
	struct fake_world *fw = self;
	struct fake_att *a;
	bool sent;
	int rc = fake_send("cinder drop", &sent, e);

	a = any(fw, id);
	if (sent && named(&fw->row, id)) {
		if (!rc)
			return err_set(e, ERR_CONFLICT, "cinder: 409");
	} else if (sent && a) {
		*a = (struct fake_att){0};
	}
	return fake_answer("cinder drop", rc, e);
}

const struct volume_ops fake_volume_ops = {
	.look = look,
	.make = make,
	.complete = complete,
	.drop = drop,
};

/* --- Nova's own doing */

void fake_detach(struct fake_world *fw)
{
	for (unsigned i = 0; i < fw->o.volumes; i++) {
		struct fake_att *a =
			fake_att(&fw->volumes[i], fw->row.bdm[i].attachment);

		if (a)
			*a = (struct fake_att){0};
	}
}

/* An evacuation: a new one, for the other host, and the old one removed. */
void fake_reattach(struct fake_world *fw, enum side s)
{
	for (unsigned i = 0; i < fw->o.volumes; i++) {
		struct fake_bdm *b = &fw->row.bdm[i];
		struct fake_att *old = fake_att(&fw->volumes[i], b->attachment);
		struct fake_att *a;

		if (!old)
			continue;
		a = fake_att_new(fw, &fw->volumes[i], s);
		a->attached = true;
		fake_att_name(b->attachment, a->n);
		snprintf(
			b->info, sizeof(b->info),
			"{\"data\": {\"export\": \"s:/e\"}, \"of\": \"Nova\"}");
		*old = (struct fake_att){0};
	}
}

/* --- what must hold */

/* Where Nova takes them off they are at least reserved. */
static bool kept(const struct fake_world *fw, const struct fake_volume *v)
{
	bool any = v->late;

	for (size_t i = 0; i < FAKE_ATTS; i++)
		any |= v->att[i].n && !v->att[i].foreign;
	return fw->o.detach ? any : fake_in_use(v);
}

/* At every moment: in use, and by what the row names. */
void fake_volumes_promise(const struct fake_world *fw, struct buf *out)
{
	for (unsigned i = 0; i < fw->o.volumes; i++) {
		struct fake_volume v = fw->volumes[i];

		if (fw->row.deleted)
			continue;
		if (!kept(fw, &v))
			buf_printf(out, "volume %u is anybody's", i + 1);
		else if (fw->o.detach && !*fw->row.bdm[i].attachment)
			continue;
		else if (!fake_att(&v, fw->row.bdm[i].attachment))
			buf_printf(out,
				   "the row names %s, which volume %u has not",
				   fw->row.bdm[i].attachment, i + 1);
	}
}

/* At the end: attached to that side, once; or not at all. */
bool fake_volumes_at(const struct fake_world *fw, enum side s, struct buf *out)
{
	for (unsigned i = 0; i < fw->o.volumes; i++) {
		struct fake_volume v = fw->volumes[i];
		const struct fake_bdm *b = &fw->row.bdm[i];
		const struct fake_att *a = fake_att(&v, b->attachment);
		unsigned n = 0;

		if (v.late)
			continue;
		for (size_t k = 0; k < FAKE_ATTS; k++)
			n += v.att[k].n != 0;
		if (fw->row.deleted
			    ? n == 0
			    : n == 1 && a && a->attached && a->side == s &&
				      strstr(b->info, "s:/e"))
			continue;
		buf_printf(out, "volume %u has %u attachments; the row's is %s",
			   i + 1, n,
			   !a		  ? "not there"
			   : a->side != s ? "on another host"
			   : a->attached  ? "complete"
					  : "not complete");
		return false;
	}
	return true;
}
