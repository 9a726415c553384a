/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/sender.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "core/uuid.h"
#include "transfer/extents.h"
#include "transfer/rsdelta.h"
#include "transfer/sender_priv.h"

/* Fewer same blocks than that: content has moved, or is another. */
enum { SAME_PERCENT = 50 };

/* What the receiver has. */
struct there {
	uint64_t part, name, basis; /* sizes; XP_ABSENT */
	bool in_place;
	bool known; /* it is what our tags are of */
	bool done;  /* and nothing has to be done */
};

struct sender *sender_new(struct chan *c, const struct sender_cfg *cfg)
{
	struct sender *s = MEM_NEW(struct sender);

	s->c = c;
	s->cfg = *cfg;
	throttle_init(&s->throttle, cfg->bwlimit);
	zip_init(&s->zip, cfg->compress);
	s->none = (struct tagdir)TAGDIR_INIT;
	s->kept = cfg->kept ? cfg->kept : &s->none;
	s->fp = fingerprint_new(tagdir_key(s->kept));
	return s;
}

void sender_free(struct sender *s)
{
	if (!s)
		return;
	for (int i = 0; i < XP_STRIDES; i++) {
		buf_clear(&s->stride[i].reply);
		mem_free(s->stride[i].data);
	}
	fingerprint_free(s->fp);
	tagdir_close(&s->none);
	buf_clear(&s->have_body);
	badmap_clear(&s->bad);
	zip_clear(&s->zip);
	mem_free(s);
}

int sender_calm(struct sender *s, enum calm c, struct err *e)
{
	calm_set(c);
	enc_u8(chan_begin(s->c, XP_CALM), (uint8_t)c);
	return chan_end(s->c, NULL, 0, e);
}

void sender_limit(struct sender *s, uint64_t bwlimit)
{
	throttle_set(&s->throttle, bwlimit);
	ziplevel_anew(&s->zip.level);
	/* What went out without a limit is not owed. */
	s->charged = s->c->out;
}

static void file_begin(struct sender *s, const struct sender_file *f,
		       uint64_t size)
{
	s->f = f;
	s->map = f->bad == TRANSFER_BAD_MAP;
	s->p = (struct transfer_progress){.size = size};
	s->marked = s->sent = s->acked = s->packed = 0;
	ziplevel_begin(&s->zip.level);
	s->zero_len = s->cmp_limit = 0;
	s->head = s->count = 0;
	for (s->nidle = 0; s->nidle < XP_STRIDES; s->nidle++)
		s->idle[s->nidle] = &s->stride[s->nidle];
	tagdir_name_for(f->rel, s->name);
	s->trust = false;
	s->want = XP_NONE;
	s->have = false;
}

static void file_end(struct sender *s)
{
	tags_free(s->tags);
	s->tags = NULL;
	s->f = NULL;
	s->map = false;
	badmap_clear(&s->bad);
}

/* Until now that is: the digest that the file must still have, or "". */
static void offer(struct sender *s, const struct stat *st,
		  char text[DIGEST_TEXT_MAX])
{
	struct tagdir_seal seal;

	text[0] = '\0';
	if (s->f->full || !tagdir_known(s->kept, s->name, NULL, &seal) ||
	    !tagdir_idle(&seal, st, s->f->final) ||
	    (s->f->expect && strcmp(s->f->expect, seal.text)))
		return;
	memcpy(text, seal.text, sizeof(seal.text));
}

static int open_there(struct sender *s, const char *offered, struct there *t,
		      struct transfer_result *out, struct err *e)
{
	char digest[DIGEST_TEXT_MAX];
	struct tagdir_seal seal;
	struct enc *m = chan_begin(s->c, XP_OPEN);
	struct dec d;

	enc_str(m, s->f->rel);
	enc_u32(m, s->f->mode ? s->f->mode : 0600);
	enc_u64(m, s->p.size);
	enc_str(m, s->f->basis_rel);
	enc_bytes(m, tagdir_key(s->kept), FINGERPRINT_KEY);
	enc_bool(m, s->f->full);
	enc_str(m, offered);
	if (chan_end(s->c, NULL, 0, e) || sender_expect(s, XP_OPENED, &d, e))
		return -1;
	t->part = dec_u64(&d);
	t->name = dec_u64(&d);
	t->in_place = dec_bool(&d);
	t->basis = dec_u64(&d);
	snprintf(digest, sizeof(digest), "%s", dec_str(&d));
	t->done = dec_bool(&d);
	out->dst_allocated = dec_u64(&d);
	if (dec_end(&d, "opened", e))
		return -1;
	if (t->done)
		return !*offered || strcmp(digest, offered)
			       ? err_set(e, ERR_BUG, "not what was offered")
			       : 0;
	t->known = *digest && tagdir_known(s->kept, s->name, NULL, &seal) &&
		   !strcmp(digest, seal.text);
	s->tags = tagdir_take(s->kept, s->name, s->p.size,
			      t->known ? digest : NULL);
	return 0;
}

/* Is there something that librsync can build from, within memory? */
static bool rsync_fits(const struct there *t)
{
	uint64_t n = t->basis != XP_ABSENT ? t->basis : t->name;

	return n != XP_ABSENT && n > 0 && rsdelta_block(n) != 0;
}

/* The method, from what is asked and what is there. */
static int choose(struct sender *s, const struct there *t,
		  enum transfer_delta *how, struct err *e)
{
	bool in_place = t->part != XP_ABSENT || t->in_place;
	unsigned percent;

	*how = s->f->delta;
	if (*how == TRANSFER_LIBRSYNC && !rsync_fits(t))
		*how = in_place ? TRANSFER_BLOCKS : TRANSFER_WHOLE;
	/* Another name of the same file is not written to. */
	if (*how == TRANSFER_BLOCKS && !in_place)
		*how = rsync_fits(t) ? TRANSFER_LIBRSYNC : TRANSFER_WHOLE;
	if (*how != TRANSFER_AUTO)
		return 0;
	if (t->part != XP_ABSENT) {
		/* Cut: what is there is compared anyway, the rest is what the
		 * first run would have done. */
		*how = rsync_fits(t) ? TRANSFER_LIBRSYNC : TRANSFER_BLOCKS;
		return 0;
	}
	if (t->name == XP_ABSENT || !t->in_place) {
		*how = rsync_fits(t) ? TRANSFER_LIBRSYNC : TRANSFER_WHOLE;
		return 0;
	}
	*how = TRANSFER_BLOCKS;
	if (sender_sample(s, t->name < s->p.size ? t->name : s->p.size,
			  t->known, &percent, e))
		return -1;
	if (percent < SAME_PERCENT && rsync_fits(t))
		*how = TRANSFER_LIBRSYNC;
	return 0;
}

static int begin_there(struct sender *s, enum transfer_delta how, struct err *e)
{
	struct dec d;

	enc_u8(chan_begin(s->c, XP_BEGIN), (uint8_t)how);
	if (chan_end(s->c, NULL, 0, e) || sender_expect(s, XP_BEGUN, &d, e))
		return -1;
	s->cmp_limit = dec_u64(&d);
	return dec_end(&d, "begun", e);
}

static int move_content(struct sender *s, enum transfer_delta how,
			struct err *e)
{
	uint64_t from = s->p.size;

	if (how == TRANSFER_LIBRSYNC && s->cmp_limit < s->p.size)
		from = s->cmp_limit - s->cmp_limit % XP_STRIDE;
	if (sender_pass(s, 0, from, e))
		return -1;
	return from < s->p.size ? sender_delta(s, from, s->p.size, e) : 0;
}

int sender_check(struct sender *s, const struct stat *before,
		 struct transfer_result *out, struct err *e)
{
	struct stat now;

	if (fstat(s->f->fd, &now))
		return err_sys(e, ERR_FAILED, errno, "%s", s->f->name);
	out->changed = !tagdir_same(&now, before);
	/* A hole past the new end would have passed for zeros. */
	if (now.st_size < before->st_size)
		return err_set(e, ERR_CONFLICT,
			       "%s was cut shorter while it was read",
			       s->f->name);
	out->src_allocated = (uint64_t)now.st_blocks * 512;
	return 0;
}

int sender_expected(struct sender *s, const struct transfer_result *out,
		    struct err *e)
{
	if (s->f->expect && strcmp(s->f->expect, out->src_digest))
		return err_set(e, ERR_CONFLICT,
			       "%s is not what it was: digest %s, expected %s",
			       s->f->name, out->src_digest, s->f->expect);
	return 0;
}

/* END, SUM, COMMIT: both have read the same, so it gets its name. */
static int finish(struct sender *s, struct transfer_result *out, struct err *e)
{
	struct enc *m;
	struct dec d;

	if (tags_text(s->tags, out->src_digest, e))
		return err_wrap(e, "%s", s->f->name);
	if (sender_expected(s, out, e))
		return -1;
	if (s->bad.n) {
		badmap_put(chan_begin(s->c, XP_BAD), &s->bad);
		if (chan_end(s->c, NULL, 0, e))
			return -1;
	}
	m = chan_begin(s->c, XP_END);
	enc_u64(m, s->p.size);
	enc_str(m, out->src_digest);
	enc_u64(m, s->bad.bytes);
	if (chan_end(s->c, NULL, 0, e) || sender_expect(s, XP_SUM, &d, e))
		return -1;
	snprintf(out->dst_digest, sizeof(out->dst_digest), "%s", dec_str(&d));
	out->dst_allocated = dec_u64(&d);
	if (dec_end(&d, "sum", e))
		return -1;
	if (strcmp(out->src_digest, out->dst_digest))
		return err_set(e, ERR_CONFLICT,
			       "%s was read as %s and reads back as %s on the "
			       "target",
			       s->f->name, out->src_digest, out->dst_digest);
	if (chan_put(s->c, XP_COMMIT, e))
		return -1;
	return sender_expect(s, XP_COMMITTED, &d, e);
}

void sender_abandon(struct sender *s)
{
	int64_t end = clock_mono_us() +
		      (s->cfg.dead_us ? s->cfg.dead_us : XP_DEAD_US);
	struct err e = ERR_INIT;
	struct chan_msg m = {XP_NONE, {0}};

	if (!chan_put(s->c, XP_ABORT, &e)) {
		while (m.type != XP_ABORTED && clock_mono_us() < end) {
			m.type = XP_NONE;
			if (chan_recv(s->c, &m, XP_ALIVE_US, &e) &&
			    e.sys != ETIMEDOUT)
				break;
			err_clear(&e);
		}
	}
	if (m.type != XP_ABORTED)
		s->c->broken = true;
	err_clear(&e);
}

/* Both have what they had. */
static int unchanged(struct sender *s, const struct stat *st, const char *text,
		     struct transfer_result *out, struct err *e)
{
	uint64_t data = (uint64_t)st->st_blocks * 512;

	memcpy(out->src_digest, text, sizeof(out->src_digest));
	memcpy(out->dst_digest, text, sizeof(out->dst_digest));
	out->method = TRANSFER_BLOCKS;
	s->p.pos = s->p.size;
	s->p.matched = data < s->p.size ? data : s->p.size;
	s->p.holes = s->p.size - s->p.matched;
	return sender_check(s, st, out, e);
}

/* For the next pass.  That the file had been left alone for a while before it
 * was read, and was until now, makes that one quick. */
static void keep_tags(struct sender *s, const struct stat *st, bool settled,
		      const struct transfer_result *out)
{
	struct tagdir_seal seal = {.st = *st};

	if (settled && !out->changed)
		seal.flags = TAGDIR_IDLE | (s->f->final ? TAGDIR_FINAL : 0);
	memcpy(seal.text, out->src_digest, sizeof(seal.text));
	tagdir_put(s->kept, s->tags, &seal);
}

static int copy(struct sender *s, const struct stat *st,
		struct transfer_result *out, struct err *e)
{
	bool settled = tagdir_settled(st);
	char offered[DIGEST_TEXT_MAX];
	struct there t = {0};
	int rc;

	offer(s, st, offered);
	if (open_there(s, offered, &t, out, e))
		return -1;
	if (t.done)
		return unchanged(s, st, offered, out, e);
	if (choose(s, &t, &out->method, e))
		return -1;
	s->trust = t.known && t.in_place && out->method == TRANSFER_BLOCKS;
	if (!s->trust)
		tags_reset(s->tags);
	if (begin_there(s, out->method, e))
		return -1;
	pagecache_begin(&s->cache, s->f->fd, pagecache_room());
	rc = move_content(s, out->method, e);
	pagecache_end(&s->cache);
	/* Who ran from it is off, and goes on elsewhere; but what comes in one
	 * pass may be a base image. */
	if (s->trust && s->f->final)
		pagecache_drop(s->f->fd);
	if (rc || sender_check(s, st, out, e))
		return -1;
	if (finish(s, out, e))
		return -1;
	/* Zeros that are none must not be taken for known. */
	if (s->bad.n)
		tags_reset(s->tags);
	else
		keep_tags(s, st, settled, out);
	return 0;
}

int sender_copy(struct sender *s, const struct sender_file *f,
		struct transfer_result *out, struct err *e)
{
	int64_t start = clock_mono_us();
	uint64_t wire = s->c->in + s->c->out;
	struct stat st;
	int rc;

	*out = (struct transfer_result){0};
	if (fstat(f->fd, &st))
		return err_sys(e, ERR_FAILED, errno, "%s", f->name);
	if ((uint64_t)st.st_size > XP_SIZE_MAX)
		return err_set(e, ERR_REFUSED, "%s: larger than 64 TiB",
			       f->name);
	file_begin(s, f, (uint64_t)st.st_size);
	rc = copy(s, &st, out, e);
	if (rc && !s->c->broken)
		sender_abandon(s);
	/* The last word on progress; what is done cannot be cancelled. */
	if (!rc && f->tick && f->tick(f->arg, &s->p, e))
		err_clear(e);
	if (!rc)
		badmap_result(&s->bad, out);
	out->size = s->p.size;
	out->bytes_read = s->p.read;
	out->bytes_sent = s->p.sent;
	out->bytes_packed = s->packed;
	out->bytes_matched = s->p.matched;
	out->bytes_holes = s->p.holes;
	out->bytes_wire = s->c->in + s->c->out - wire;
	out->seconds = (double)(clock_mono_us() - start) / 1e6;
	file_end(s);
	return rc;
}
