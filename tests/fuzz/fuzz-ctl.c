/* SPDX-License-Identifier: Apache-2.0 */
/* What controller and agents say to each other about a transfer: messages, and
 * a whole conversation as the controller sees it. */
#include "fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>

#include "transfer/ctl.h"
#include "wire/wire.h"

/* ---- messages -------------------------------------------------------- */

/* What was understood is said again: it must be the same. */
static void messages(const uint8_t *p, size_t n)
{
	AUTO(enc_clear) struct enc c = ENC_INIT;
	struct transfer_progress progress;
	struct transfer_result result;
	struct err e = ERR_INIT;
	struct ctl_file file;
	struct ctl_send send;
	struct dec d;

	dec_init(&d, p + 1, n - 1);
	switch (p[0] % 4) {
	case 0:
		ctl_get_file(&d, &file);
		if (!dec_end(&d, "file", &e))
			ctl_put_file(&c, &file);
		break;
	case 1:
		ctl_get_send(&d, &send);
		if (!dec_end(&d, "send", &e))
			ctl_put_send(&c, &send);
		break;
	case 2:
		ctl_get_progress(&d, &progress);
		if (!dec_end(&d, "progress", &e))
			ctl_put_progress(&c, &progress);
		break;
	default:
		memset(&result, 'x', sizeof(result));
		ctl_get_result(&d, &result);
		FUZZ_ASSERT(memchr(result.src_digest, 0, DIGEST_TEXT_MAX) &&
			    memchr(result.dst_digest, 0, DIGEST_TEXT_MAX));
	}
	if (c.b.len && p[0] % 4 < 3)
		FUZZ_ASSERT(c.b.len == n - 1 && !memcmp(c.b.p, p + 1, n - 1));
	err_clear(&e);
}

/* ---- a conversation -------------------------------------------------- */

/* What one agent says, from its first answer on. */
struct says {
	const uint8_t *p;
	size_t n;
};

static ssize_t says_read(void *self, void *p, size_t n, int64_t deadline,
			 struct err *e)
{
	struct says *s = self;

	(void)deadline;
	(void)e;
	if (n > s->n)
		n = s->n;
	if (n)
		memcpy(p, s->p, n);
	s->p += n;
	s->n -= n;
	return (ssize_t)n;
}

static int says_write(void *self, const void *p, size_t n, int64_t deadline,
		      struct err *e)
{
	(void)self;
	(void)p;
	(void)n;
	(void)deadline;
	(void)e;
	return 0;
}

static const struct wire_ops says_ops = {says_read, says_write};

/* The source's words, then the target's; a length in two bytes before. */
static void conversation(enum transfer_via via, const uint8_t *p, size_t n)
{
	struct transfer_route r = {
		.job = "j-1",
		.instance = "9f2b3c4d-0000-4000-8000-000000000001",
		.via = via,
		.dst_addr = "192.0.2.1",
		.dst_host_keys = "ssh-ed25519 AAAA",
		.dst_root = "/var/lib/nova/instances"};
	struct transfer_file f = {
		.src_root = "/s", .src_rel = "disk", .dst_rel = "disk"};
	struct says src = {p + 2, 0}, dst;
	struct transfer_result res;
	struct client a, b;
	struct err e = ERR_INIT;
	struct transfer *t;

	if (n < 2)
		return;
	src.n = (size_t)p[0] << 8 | p[1];
	if (src.n > n - 2)
		src.n = n - 2;
	dst = (struct says){src.p + src.n, n - 2 - src.n};
	client_init(&a, &says_ops, &src);
	client_init(&b, &says_ops, &dst);
	r.src = (struct transfer_end){"compute-1", &a};
	r.dst = (struct transfer_end){"compute-2", &b};
	t = transfer_real.open(&r, &e);
	FUZZ_ASSERT(t ? e.kind == ERR_NONE : e.kind != ERR_NONE);
	for (int i = 0; t && i < 2; i++) {
		int rc = transfer_real.copy(t, &f, &res, &e);

		FUZZ_ASSERT(rc ? e.kind != ERR_NONE : e.kind == ERR_NONE);
		FUZZ_ASSERT(memchr(res.src_digest, 0, DIGEST_TEXT_MAX) &&
			    memchr(res.dst_digest, 0, DIGEST_TEXT_MAX));
		err_clear(&e);
	}
	transfer_real.close(t);
	err_clear(&e);
	client_clear(&a);
	client_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] < 128)
		messages(data, size);
	else
		conversation(data[0] & 1 ? TRANSFER_VIA_RELAY
					 : TRANSFER_VIA_AUTO,
			     data + 1, size - 1);
	return 0;
}

/* ---- seeds ----------------------------------------------------------- */

static const struct transfer_result some_result = {
	.size = 1 << 20,
	.bytes_sent = 4096,
	.src_digest = "sha256t4m:00",
	.dst_digest = "sha256t4m:00",
	.seconds = 1,
};

static void put(struct enc *to, const struct frame *f, const struct enc *c)
{
	uint8_t h[WIRE_HEADER] = {'N', 'H', 'F', '1'};

	h[6] = (uint8_t)(c->b.len >> 8);
	h[7] = (uint8_t)c->b.len;
	h[9] = (uint8_t)f->type;
	h[10] = (uint8_t)(f->flags >> 8);
	h[15] = (uint8_t)f->id;
	buf_put(&to->b, h, sizeof(h));
	buf_put(&to->b, c->b.p, c->b.len);
}

/* A sender that is ready, makes progress, and is done. */
static void sender_words(struct enc *to, bool ok, uint32_t id)
{
	AUTO(enc_clear) struct enc c = ENC_INIT;
	struct frame f = {.type = WIRE_DATA, .id = id}, tunnel = f;
	struct transfer_progress p = {.size = 100, .pos = 10};
	struct err e = ERR_INIT;

	tunnel.flags = CTL_TUNNEL;
	enc_u8(&c, CTL_READY);
	put(to, &f, &c);
	put(to, &tunnel, &c);
	enc_reset(&c);
	enc_u8(&c, CTL_PROGRESS);
	ctl_put_progress(&c, &p);
	put(to, &f, &c);
	enc_reset(&c);
	enc_u8(&c, CTL_DONE);
	enc_bool(&c, ok);
	ctl_put_result(&c, &some_result);
	err_set(&e, ERR_FAILED, "no");
	if (!ok)
		enc_err(&c, &e);
	err_clear(&e);
	put(to, &f, &c);
	put(to, &f, &c);
	enc_reset(&c);
	f.type = WIRE_OK;
	put(to, &f, &c);
}

static void seed_message(struct enc *c, unsigned int k)
{
	struct ctl_file file = {.src_root = "/a",
				.src_rel = "disk",
				.dst_rel = ".novahaul/j-1/disk",
				.mode = 0600};
	struct ctl_send send = {.direct = true,
				.addr = "192.0.2.1",
				.user = "root",
				.host_keys = "ssh-ed25519 AAAA",
				.key = "k",
				.root = "/a"};
	struct transfer_progress progress = {.size = 7};

	if (k == 0)
		ctl_put_file(c, &file);
	else if (k == 1)
		ctl_put_send(c, &send);
	else if (k == 2)
		ctl_put_progress(c, &progress);
	else
		ctl_put_result(c, &some_result);
}

static void seed_conversation(struct enc *c, bool relay, bool ok)
{
	AUTO(enc_clear) struct enc src = ENC_INIT, dst = ENC_INIT;
	AUTO(enc_clear) struct enc none = ENC_INIT;
	struct frame f = {.type = WIRE_OK, .id = 1};

	sender_words(&src, ok, 1);
	if (relay) {
		f.type = WIRE_DATA;
		f.flags = CTL_TUNNEL;
		put(&dst, &f, &none);
		put(&dst, &f, &none);
		f = (struct frame){.type = WIRE_OK, .id = 1};
	}
	put(&dst, &f, &none);
	f.id = 2;
	put(&dst, &f, &none);
	enc_u8(c, (uint8_t)(src.b.len >> 8));
	enc_u8(c, (uint8_t)src.b.len);
	buf_put(&c->b, src.b.p, src.b.len);
	buf_put(&c->b, dst.b.p, dst.b.len);
}

size_t fuzz_seed(unsigned int k, uint8_t *buf, size_t cap)
{
	AUTO(enc_clear) struct enc c = ENC_INIT;

	if (k >= 8)
		return 0;
	enc_u8(&c, (uint8_t)(k < 4 ? k : 128 + k));
	if (k < 4)
		seed_message(&c, k);
	else
		seed_conversation(&c, (128 + k) & 1, k < 6);
	FUZZ_ASSERT(c.b.len <= cap);
	memcpy(buf, c.b.p, c.b.len);
	return c.b.len;
}
