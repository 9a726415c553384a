/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nova of the deterministic world, as it attaches and detaches volumes.  A
 * request is answered when its beginning is on record: Cinder says 'detaching',
 * or Nova lists a volume that is only reserved.  The rest comes at once, or
 * some time later, or comes to nothing.
 */
#include "fake/fake.h"

#include <stdio.h>
#include <string.h>

static unsigned index_of(const char *volume)
{
	return !strcmp(volume, FAKE_VOLUME "2");
}

static bool is_listed(const struct fake_world *fw, unsigned i)
{
	return !fw->row.deleted && *fw->row.bdm[i].attachment;
}

static int listed(void *self, const char *server, const char *volume, bool *yes,
		  struct err *e)
{
	struct fake_world *fw = self;

	(void)server;
	if (fake_ask("nova volumes", e))
		return -1;
	*yes = is_listed(fw, index_of(volume));
	return 0;
}

static void off(struct fake_world *fw, unsigned i)
{
	struct fake_att *a =
		fake_att(&fw->volumes[i], fw->row.bdm[i].attachment);

	if (a)
		*a = (struct fake_att){0};
	fw->row.bdm[i] = (struct fake_bdm){0};
}

static void carry_out(struct fake_world *fw, unsigned i)
{
	struct fake_volume *v = &fw->volumes[i];
	bool fails = !fw->o.sure && !crash_random(8);
	struct fake_att *a = fake_att(v, fw->row.bdm[i].attachment);

	/* It waits for its host. */
	if (fw->off && !fw->row.deleted &&
	    !strcmp(fw->row.host, fw->h[SRC].name))
		return;
	v->at_us = 0;
	if (fw->row.deleted || !a)
		return;
	if (v->putting && !fails) {
		a->attached = true;
		a->reserved = false;
	}
	/* A volume that could not be attached is let go of again. */
	if (v->putting == fails)
		off(fw, i);
}

void fake_attach_due(struct fake_world *fw)
{
	for (unsigned i = 0; i < fw->o.volumes; i++)
		if (fw->volumes[i].at_us && fw->now_us >= fw->volumes[i].at_us)
			carry_out(fw, i);
}

static void begin(struct fake_world *fw, unsigned i, bool putting)
{
	struct fake_volume *v = &fw->volumes[i];

	v->putting = putting;
	v->at_us = fw->now_us + 1 + (int64_t)crash_random(60) * 1000;
	if (crash_random(2))
		carry_out(fw, i);
}

/* Neither service knows a lease: one that was frozen before its request, and is
 * woken when others have the job, does harm that no lease can prevent. */
static bool overtaken(const struct fake_world *fw)
{
	const struct fake_lease *l = &fw->h[SRC].lease;

	return l->state == LEASE_FREE || l->holder != crash_self();
}

static bool take_off(struct fake_world *fw, unsigned i)
{
	if (!fake_api(fw, true) || !is_listed(fw, i) || fw->volumes[i].at_us)
		return false;
	fw->volumes[i].late |= overtaken(fw);
	begin(fw, i, false);
	return true;
}

static bool put_on(struct fake_world *fw, unsigned i)
{
	struct fake_bdm *b = &fw->row.bdm[i];
	struct fake_att *a;

	if (!fake_api(fw, true) || is_listed(fw, i))
		return false;
	a = fake_att_new(fw, &fw->volumes[i],
			 strcmp(fw->row.host, fw->h[DST].name) ? SRC : DST);
	a->reserved = true;
	fake_att_name(b->attachment, a->n);
	snprintf(b->info, sizeof(b->info),
		 "{\"data\": {\"export\": \"s:/e\"}, \"n\": %u}", i);
	begin(fw, i, true);
	return true;
}

static int detach(void *self, const char *server, const char *volume,
		  struct err *e)
{
	struct fake_world *fw = self;
	bool sent;
	int rc = fake_send("nova detach", &sent, e);

	(void)server;
	if (sent && !take_off(fw, index_of(volume)) && !rc)
		return err_set(e, ERR_CONFLICT, "nova: 409");
	return fake_answer("nova detach", rc, e);
}

static int attach(void *self, const struct volume_put *p, struct err *e)
{
	struct fake_world *fw = self;
	bool sent;
	int rc = fake_send("nova attach", &sent, e);

	if (sent && !put_on(fw, index_of(p->volume)) && !rc)
		return err_set(e, ERR_CONFLICT, "nova: 409");
	return fake_answer("nova attach", rc, e);
}

void fake_attach_ops(struct volume_ops *o)
{
	o->listed = listed;
	o->detach = detach;
	o->attach = attach;
}
