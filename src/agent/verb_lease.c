/* SPDX-License-Identifier: Apache-2.0 */
/* The lease of the instance that the session is about. */
#include <string.h>
#include <unistd.h>

#include "agent/agent_priv.h"
#include "agent/lease.h"

static int do_read(struct verb_call *c, struct err *e)
{
	const char *root = dec_str(c->in), *uuid = dec_str(c->in);
	struct lease l;
	int fd;

	if (agent_args_end(c, e))
		return -1;
	fd = agent_root(c->agent, root, e);
	if (fd < 0 || lease_read(fd, uuid, &l, e))
		return -1;
	enc_u8(c->out, (uint8_t)l.state);
	enc_str(c->out, l.job);
	enc_str(c->out, l.owner);
	enc_u64(c->out, l.epoch);
	enc_bool(c->out, l.locked && l.fresh);
	enc_i64(c->out, l.beat_us);
	lease_clear(&l);
	return 0;
}

static void bind_lease(struct agent *a, const struct lease_claim *c)
{
	struct bound *b = &a->lease;

	mem_closefd(&b->gate);
	b->gate = -1;
	mem_free(b->uuid);
	mem_free(b->job);
	b->uuid = mem_strdup(c->uuid);
	b->job = mem_strdup(c->job);
	b->root = c->root;
	b->epoch = c->epoch;
	b->on = true;
}

static void attend(struct agent *a, int fd)
{
	int old = a->attended;

	reader_beat(a->reader, fd);
	a->attended = fd;
	mem_closefd(&old);
}

static int do_claim(struct verb_call *c, struct err *e)
{
	const char *root = dec_str(c->in);
	struct lease_claim k = {.uuid = dec_str(c->in)};
	int attended;

	k.job = dec_str(c->in);
	k.owner = dec_str(c->in);
	k.session = dec_str(c->in);
	k.epoch = dec_u64(c->in);
	k.force = dec_bool(c->in);
	k.again = dec_bool(c->in);
	k.take_us = dec_i64(c->in);
	if (agent_args_end(c, e))
		return -1;
	k.root = agent_root(c->agent, root, e);
	if (k.root < 0 || lease_claim(&k, &attended, e))
		return -1;
	/* Claimed again by the same session: the file may be ours already. */
	if (attended >= 0)
		attend(c->agent, attended);
	bind_lease(c->agent, &k);
	return 0;
}

static int do_bind(struct verb_call *c, struct err *e)
{
	const char *root = dec_str(c->in);
	struct lease_claim k = {.uuid = dec_str(c->in)};
	int gate = -1;
	int rc;

	k.job = dec_str(c->in);
	k.epoch = dec_u64(c->in);
	if (agent_args_end(c, e))
		return -1;
	k.root = agent_root(c->agent, root, e);
	if (k.root < 0)
		return -1;
	rc = lease_enter(k.root, k.uuid, k.job, k.epoch, &gate, e);
	mem_closefd(&gate);
	if (!rc)
		bind_lease(c->agent, &k);
	return rc;
}

static int do_release(struct verb_call *c, struct err *e)
{
	bool forget = dec_bool(c->in);
	struct bound *b = &c->agent->lease;

	if (agent_args_end(c, e))
		return -1;
	if (!b->on)
		return err_set(e, ERR_REFUSED, "this session has no lease");
	if (lease_release(b->root, b->uuid, b->job, c->req->epoch, forget, e))
		return -1;
	attend(c->agent, -1);
	mem_closefd(&b->gate);
	b->gate = -1;
	return 0;
}

const struct verb verbs_lease[] = {
	{VERB_LEASE_READ, "lease-read", .fn = do_read},
	{VERB_LEASE_CLAIM, "lease-claim", .fn = do_claim},
	{VERB_LEASE_BIND, "lease-bind", .receive = true, .fn = do_bind},
	{VERB_LEASE_RELEASE, "lease-release", .fn = do_release},
	{0},
};
