/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "host/session.h"

#define TAKE_US (5 * 1000000LL)

int ops_lease_read(void *self, const struct host_lease_ref *r,
		   struct host_lease *out, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {.verb = VERB_LEASE_READ, .args = &a};
	struct dec d;

	enc_str(&a, r->root);
	enc_str(&a, r->uuid);
	if (session_ask(self, &q, &d, e))
		return -1;
	out->state = (enum host_lease_state)dec_u8(&d);
	out->job = mem_strdup0(dec_str0(&d));
	out->owner = mem_strdup0(dec_str0(&d));
	out->epoch = dec_u64(&d);
	out->attended = dec_bool(&d);
	out->beat_us = dec_i64(&d);
	return dec_end(&d, "lease", e);
}

static void put_claim(struct enc *a, const struct host_claim *c, bool again)
{
	enc_str(a, c->root);
	enc_str(a, c->uuid);
	enc_str(a, c->job);
	enc_str(a, c->owner);
	enc_str(a, c->session);
	enc_u64(a, c->epoch);
	enc_bool(a, c->force);
	enc_bool(a, again);
	enc_i64(a, c->take_us ? c->take_us : TAKE_US);
}

static void keep(char **to, const char *from)
{
	char *copy = mem_strdup(from);

	mem_free(*to);
	*to = copy;
}

int ops_lease_claim(void *self, const struct host_claim *c, struct err *e)
{
	struct session *s = self;
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {.verb = VERB_LEASE_CLAIM,
			.args = &a,
			.mutates = true,
			.slow = true};

	put_claim(&a, c, false);
	/* Until it is taken, a new link has nothing to claim again. */
	s->held = false;
	if (session_do(s, &q, e))
		return -1;
	keep(&s->root, c->root);
	keep(&s->uuid, c->uuid);
	keep(&s->job, c->job);
	keep(&s->owner, c->owner);
	keep(&s->session, c->session);
	s->epoch = c->epoch;
	s->held = true;
	return 0;
}

int ops_lease_release(void *self, const struct host_release *r, struct err *e)
{
	struct session *s = self;
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct ask q = {.verb = VERB_LEASE_RELEASE,
			.args = &a,
			.mutates = true,
			.slow = true};

	if (!s->held || strcmp(s->root, r->root) || strcmp(s->uuid, r->uuid))
		return err_set(e, ERR_STALE,
			       "the lease of %s is not held by this session",
			       r->uuid);
	enc_bool(&a, r->forget);
	if (session_do(s, &q, e))
		return -1;
	s->held = false;
	return 0;
}

/* Over the new link alone: session_ask() would come back here. */
static int call(struct session *s, const struct client_req *r, struct dec *d,
		struct err *e)
{
	if (!client_call(&s->link->client, r, d, e))
		return 0;
	/* A claim that was cut off is settled by the next one. */
	if (e->kind == ERR_LOST)
		e->kind = ERR_RETRY;
	return -1;
}

static int stored_epoch(struct session *s, uint64_t *epoch, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct client_req r = {.type = VERB_LEASE_READ,
			       .args = &a,
			       .timeout_us = s->cfg.command_us};
	struct dec d;

	enc_str(&a, s->root);
	enc_str(&a, s->uuid);
	if (call(s, &r, &d, e))
		return -1;
	dec_u8(&d);
	dec_str0(&d);
	dec_str0(&d);
	*epoch = dec_u64(&d);
	return 0;
}

int ops_lease_again(struct session *s, struct err *e)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct host_claim c = {.root = s->root,
			       .uuid = s->uuid,
			       .job = s->job,
			       .owner = s->owner,
			       .session = s->session,
			       .force = true};
	struct client_req r = {.type = VERB_LEASE_CLAIM, .args = &a};
	struct dec d;

	if (stored_epoch(s, &c.epoch, e))
		return -1;
	c.epoch++;
	put_claim(&a, &c, true);
	if (call(s, &r, &d, e))
		return -1;
	s->epoch = c.epoch;
	for (struct host_session *b = s->bulk; b; b = b->next)
		b->link->client.epoch = s->epoch;
	return 0;
}
