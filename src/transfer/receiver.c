/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/receiver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"
#include "transfer/ahead.h"
#include "transfer/calm.h"
#include "transfer/extents.h"
#include "transfer/fingerprint.h"
#include "transfer/receiver_names.h"
#include "transfer/receiver_small.h"
#include "transfer/rsdelta.h"
#include "transfer/tagdir.h"
#include "transfer/target.h"
#include "transfer/transfer.h"
#include "transfer/zip.h"

struct receiver {
	const struct receiver_cfg *cfg;
	struct chan *c;
	bool open;   /* between OPEN and COMMITTED or ABORTED */
	bool failed; /* ERROR was sent: drop all until ABORT */
	enum calm calm;
	struct receiver_small *small; /* in place of one file */
	struct tagdir kept;
	struct target t;
	bool full;
	mode_t mode;
	int basis;     /* of librsync, or -1 */
	bool building; /* librsync's signature was asked for */
	struct rsdelta *patch;
	uint64_t pos; /* of the patch's output */
	size_t fill;  /* bytes of it in cell */
	uint64_t got, acked;
	char sum[DIGEST_TEXT_MAX];
	uint8_t *cell; /* FINGERPRINT_BLOCK bytes */
	uint8_t *buf;  /* the same */
	struct unzip unzip;
};

static void file_close(struct receiver *r)
{
	target_close(&r->t);
	receiver_small_free(r->small);
	r->small = NULL;
	mem_closefd(&r->basis);
	rsdelta_free(r->patch);
	r->patch = NULL;
	r->open = r->building = false;
	r->fill = 0;
	r->got = r->acked = 0;
	r->sum[0] = '\0';
}

static int alive_tick(void *arg, uint64_t bytes, struct err *e)
{
	struct receiver *r = arg;

	(void)bytes;
	return chan_alive(r->c, e);
}

static int opened(struct receiver *r, const char *offer, uint64_t basis,
		  struct err *e)
{
	struct tagdir_seal known = {.text = ""};
	uint64_t allocated = 0;
	bool done = false;
	struct enc *out;

	if (!r->full && target_known(&r->t, &known))
		done = !strcmp(offer, known.text) &&
		       target_stands(&r->t, r->mode, &allocated);
	else
		known.text[0] = '\0';
	out = chan_begin(r->c, XP_OPENED);
	enc_u64(out, r->t.part_size);
	enc_u64(out, r->t.old_size);
	enc_bool(out, r->t.in_place);
	enc_u64(out, basis);
	enc_str(out, known.text);
	enc_bool(out, done);
	enc_u64(out, allocated);
	if (done)
		file_close(r);
	return chan_end(r->c, NULL, 0, e);
}

static int on_open(struct receiver *r, struct chan_msg *m, struct err *e)
{
	const char *rel = dec_str(&m->d), *basis, *offer;
	uint64_t size, basis_size;
	const void *key;
	size_t keylen;

	r->mode = (mode_t)dec_u32(&m->d);
	size = dec_u64(&m->d);
	basis = dec_str0(&m->d);
	key = dec_bytes(&m->d, &keylen);
	r->full = dec_bool(&m->d);
	offer = dec_str(&m->d);
	if (dec_end(&m->d, "open", e))
		return -1;
	if (r->open || keylen != FINGERPRINT_KEY)
		return err_set(e, ERR_BUG, "%s: open out of place", rel);
	r->open = true;
	if (size > XP_SIZE_MAX)
		return err_set(e, ERR_REFUSED, "%s: larger than 64 TiB", rel);
	if (!receiver_beneath(r->cfg, rel))
		return err_set(e, ERR_REFUSED, "%s is not beneath %s", rel,
			       r->cfg->prefix ? r->cfg->prefix : "the root");
	tagdir_set_key(&r->kept, key);
	if (receiver_make_dir(r->cfg, r->c, rel, e) ||
	    target_open(&r->t, &r->kept, r->cfg->root, rel, size, e))
		return err_wrap(e, "%s", rel);
	target_calm(&r->t, r->calm != CALM_NONE ? size : 0);
	r->basis = receiver_basis(r->cfg, basis, &basis_size, e);
	if (r->basis < 0 && e->kind != ERR_NONE)
		return err_wrap(e, "basis %s", basis);
	return opened(r, offer, basis_size, e);
}

static int on_begin(struct receiver *r, struct chan_msg *m, struct err *e)
{
	enum transfer_delta how = (enum transfer_delta)dec_u8(&m->d);
	struct enc *out;

	if (dec_end(&m->d, "begin", e))
		return -1;
	if (r->t.begun)
		return err_set(e, ERR_BUG, "begun twice");
	if (target_begin(&r->t, how == TRANSFER_BLOCKS, e))
		return -1;
	out = chan_begin(r->c, XP_BEGUN);
	enc_u64(out, r->t.part_size);
	return chan_end(r->c, NULL, 0, e);
}

static int on_cmp(struct receiver *r, struct chan_msg *m, struct err *e)
{
	uint64_t at = dec_u64(&m->d);
	bool fine = dec_bool(&m->d);
	size_t count = dec_count(&m->d, 16);
	struct enc *out = chan_begin(r->c, XP_DIFF);

	if (target_basis(&r->t) < 0 || count > XP_UNITS_MAX)
		return err_set(e, ERR_BUG, "nothing to compare with");
	enc_u64(out, at);
	enc_count(out, count);
	for (size_t i = 0; i < count; i++) {
		uint64_t off = dec_u64(&m->d);
		uint32_t n = dec_u32(&m->d);
		size_t len;
		const void *tag = dec_bytes(&m->d, &len);

		if (len != FINGERPRINT_LEN || n > FINGERPRINT_BLOCK ||
		    off > INT64_MAX)
			return err_set(e, ERR_BUG, "a malformed comparison");
		if (target_compare(&r->t,
				   &(struct target_asked){off, n, tag, fine},
				   r->buf, out, e))
			return -1;
	}
	if (dec_end(&m->d, "compare", e))
		return -1;
	return chan_end(r->c, NULL, 0, e);
}

static int ack(struct receiver *r, size_t n, struct err *e)
{
	struct enc *out;

	r->got += xp_cost(n);
	if (!chan_ack_due(r->c, r->got - r->acked))
		return 0;
	r->acked = r->got;
	out = chan_begin(r->c, XP_ACK);
	enc_u64(out, r->got);
	return chan_end(r->c, NULL, 0, e);
}

static int on_data(struct receiver *r, struct chan_msg *m, struct err *e)
{
	uint64_t off = dec_u64(&m->d);
	size_t n;
	const void *p = zip_content(&r->unzip, &m->d, &n, e);

	if (!p || target_write(&r->t, off, p, n, e))
		return -1;
	return ack(r, n, e);
}

static int on_zero(struct receiver *r, struct chan_msg *m, struct err *e)
{
	uint64_t off = dec_u64(&m->d), len = dec_u64(&m->d);

	if (dec_end(&m->d, "zero", e) || target_zero(&r->t, off, len, e))
		return -1;
	return ack(r, 0, e);
}

static int on_mark(struct receiver *r, struct chan_msg *m, struct err *e)
{
	r->t.final = dec_u64(&m->d);
	return dec_end(&m->d, "mark", e);
}

/* ---- librsync -------------------------------------------------------- */

/* What the patch gives is written block by block; zero pages stay holes, so
 * that no more is allocated than on the source. */
static int cell_flush(struct receiver *r, struct err *e)
{
	uint64_t off = r->pos - r->fill;
	size_t n = r->fill, at = 0, k;

	r->fill = 0;
	for (; (k = extents_run(r->cell, n, FINGERPRINT_FINE, &at)); at += k)
		if (target_write(&r->t, off + at, r->cell + at, k, e))
			return -1;
	return 0;
}

static int patch_end(struct receiver *r, struct err *e)
{
	int rc;

	if (!r->patch)
		return 0;
	rc = rsdelta_finish(r->patch, e) || cell_flush(r, e) ? -1 : 0;
	rsdelta_free(r->patch);
	r->patch = NULL;
	return rc;
}

static int patch_out(void *arg, const void *p, size_t n, struct err *e)
{
	struct receiver *r = arg;
	const uint8_t *b = p;

	while (n) {
		size_t room = FINGERPRINT_BLOCK - r->pos % FINGERPRINT_BLOCK;
		size_t k = n < room ? n : room;

		memcpy(r->cell + r->fill, b, k);
		r->fill += k;
		r->pos += k;
		b += k;
		n -= k;
		if (k == room && cell_flush(r, e))
			return -1;
		r->t.final = r->pos - r->fill;
	}
	return chan_alive(r->c, e);
}

static int sig_out(void *arg, const void *p, size_t n, struct err *e)
{
	struct receiver *r = arg;

	chan_begin(r->c, XP_SIG_DATA);
	return chan_end(r->c, p, n, e);
}

static int send_sig(struct receiver *r, int fd, struct rsdelta *sig,
		    struct err *e)
{
	off_t off = 0;

	for (;;) {
		ssize_t n =
			fs_pread_full(fd, r->buf, FINGERPRINT_BLOCK, off, e);

		if (n < 0)
			return err_wrap(e, "basis at offset %lld",
					(long long)off);
		if (rsdelta_push(sig, r->buf, (size_t)n, e) ||
		    chan_alive(r->c, e))
			return -1;
		if (n < FINGERPRINT_BLOCK)
			break;
		off += n;
	}
	if (rsdelta_finish(sig, e))
		return -1;
	return chan_put(r->c, XP_SIG_END, e);
}

static int on_sig(struct receiver *r, struct chan_msg *m, struct err *e)
{
	uint64_t from = dec_u64(&m->d);
	int fd = r->basis >= 0 ? r->basis : r->t.old, rc;
	struct rsdelta *sig;
	struct stat st;
	size_t block;

	if (dec_end(&m->d, "sig", e))
		return -1;
	if (fd < 0 || !r->t.begun || r->building || from > r->t.size)
		return err_set(e, ERR_BUG, "no basis");
	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "basis");
	block = rsdelta_block((uint64_t)st.st_size);
	if (!block)
		return err_set(e, ERR_BUG, "too large a basis for librsync");
	if (target_truncate(&r->t, from, e))
		return -1;
	r->building = true;
	r->pos = from;
	sig = rsdelta_sig(block, sig_out, r);
	rc = send_sig(r, fd, sig, e);
	rsdelta_free(sig);
	return rc;
}

static int on_run(struct receiver *r, struct chan_msg *m, struct err *e)
{
	uint64_t off = dec_u64(&m->d);

	if (dec_end(&m->d, "run", e) || patch_end(r, e))
		return -1;
	if (!r->building || off < r->pos || off % FINGERPRINT_BLOCK)
		return err_set(e, ERR_BUG, "a run out of place");
	r->pos = off;
	r->patch = rsdelta_patch(r->basis >= 0 ? r->basis : r->t.old, patch_out,
				 r);
	return 0;
}

static int on_delta(struct receiver *r, struct chan_msg *m, struct err *e)
{
	size_t n;
	const void *p = zip_content(&r->unzip, &m->d, &n, e);

	if (!p)
		return -1;
	if (!r->patch)
		return err_set(e, ERR_BUG, "a delta out of place");
	if (rsdelta_push(r->patch, p, n, e))
		return -1;
	return ack(r, n, e);
}

/* ---- the end of a file ----------------------------------------------- */

static int on_end(struct receiver *r, struct chan_msg *m, struct err *e)
{
	char text[DIGEST_TEXT_MAX];
	uint64_t size = dec_u64(&m->d), lost, allocated;
	const char *want = dec_str(&m->d);
	struct enc *out;

	if (!tags_text_ok(want))
		return err_set(e, ERR_BUG, "a malformed digest");
	memcpy(r->sum, want, sizeof(r->sum));
	lost = dec_u64(&m->d);
	if (dec_end(&m->d, "end", e))
		return -1;
	if (!r->t.begun || size != r->t.size)
		return err_set(e, ERR_BUG, "an end out of place");
	/* A file with holes for what was lost never gets its name without a
	 * map of all of it. */
	if (lost != r->t.bad.bytes)
		return err_set(e, ERR_BUG,
			       "%llu bytes were left out, and %llu told of",
			       (unsigned long long)lost,
			       (unsigned long long)r->t.bad.bytes);
	if (patch_end(r, e))
		return -1;
	if (target_seal(&r->t, &(struct target_seal){r->full, alive_tick, r},
			text, e) ||
	    extents_allocated(r->t.fd, &allocated, e))
		return -1;
	/* Only what is right can be committed. */
	if (strcmp(text, r->sum))
		r->t.sealed = false;
	out = chan_begin(r->c, XP_SUM);
	enc_str(out, text);
	enc_u64(out, allocated);
	return chan_end(r->c, NULL, 0, e);
}

static int on_commit(struct receiver *r, struct err *e)
{
	if (target_commit(&r->t, r->mode, e))
		return -1;
	file_close(r);
	return chan_put(r->c, XP_COMMITTED, e);
}

static int on_abort(struct receiver *r, struct err *e)
{
	r->failed = false;
	file_close(r);
	return chan_put(r->c, XP_ABORTED, e);
}

static int on_calm(struct receiver *r, struct chan_msg *m, struct err *e)
{
	if (calm_get(&m->d, &r->calm, e))
		return -1;
	calm_set(r->calm);
	return 0;
}

static int on_small(struct receiver *r, struct chan_msg *m, struct err *e)
{
	struct receiver_small_cfg cfg = {r->cfg, r->c, &r->kept, &r->unzip};
	int rc = receiver_small(&r->small, &cfg, m, e);

	r->open = r->small != NULL;
	return rc;
}

/* One file, or a list of small ones, or neither. */
static bool in_place(const struct receiver *r, enum xp_type type)
{
	if (type == XP_ABORT || type == XP_ALIVE)
		return true;
	if (type == XP_CALM)
		return !r->open;
	if (r->small || type == XP_SMALL)
		return type == XP_SMALL && (r->small || !r->open);
	return r->open || type == XP_OPEN;
}

static int handle(struct receiver *r, struct chan_msg *m, struct err *e)
{
	if (!in_place(r, m->type))
		return err_set(e, ERR_BUG, "message %d here", (int)m->type);
	switch (m->type) {
	case XP_OPEN:
		return on_open(r, m, e);
	case XP_BEGIN:
		return on_begin(r, m, e);
	case XP_CMP:
		return on_cmp(r, m, e);
	case XP_TAGS:
		return ahead_answer(&(struct ahead_from){r->c, &r->t, r->buf},
				    m, e);
	case XP_DATA:
		return on_data(r, m, e);
	case XP_ZERO:
		return on_zero(r, m, e);
	case XP_MARK:
		return on_mark(r, m, e);
	case XP_SIG:
		return on_sig(r, m, e);
	case XP_RUN:
		return on_run(r, m, e);
	case XP_DELTA:
		return on_delta(r, m, e);
	case XP_BAD:
		return target_leave_out(&r->t, &m->d, e);
	case XP_END:
		return on_end(r, m, e);
	case XP_COMMIT:
		return on_commit(r, e);
	case XP_ABORT:
		return on_abort(r, e);
	case XP_CALM:
		return on_calm(r, m, e);
	case XP_ALIVE:
		return 0;
	case XP_SMALL:
		return on_small(r, m, e);
	case XP_NONE:
	case XP_OPENED:
	case XP_BEGUN:
	case XP_DIFF:
	case XP_TAGS_ARE:
	case XP_ACK:
	case XP_SIG_DATA:
	case XP_SIG_END:
	case XP_SUM:
	case XP_COMMITTED:
	case XP_ABORTED:
	case XP_ERROR:
	case XP_SMALL_ANSWER:
		break;
	}
	return err_set(e, ERR_BUG, "a message of type %d", (int)m->type);
}

/* The next message; while none is there, finished segments are digested. */
static int next(struct receiver *r, struct chan_msg *m, struct err *e)
{
	int64_t dead = r->cfg->dead_us ? r->cfg->dead_us : XP_DEAD_US;
	bool did = r->open && !r->failed;

	if (!r->open)
		dead = r->cfg->idle_us;
	for (;;) {
		if (did && target_idle(&r->t, &did, e))
			return -1;
		if (!chan_recv(r->c, m, did ? 0 : XP_ALIVE_US, e))
			return 0;
		if (e->sys != ETIMEDOUT)
			return -1;
		err_clear(e);
		if (dead && clock_mono_us() - r->c->last_in > dead) {
			r->c->broken = true;
			return err_set(e, ERR_LOST,
				       "no sign of the sender for %lld s",
				       (long long)(dead / 1000000));
		}
	}
}

static int serve(struct receiver *r, struct err *e)
{
	struct chan_msg m;

	for (;;) {
		int rc = next(r, &m, e);

		if (!rc && (!r->failed || m.type == XP_ABORT))
			rc = handle(r, &m, e);
		if (!rc)
			continue;
		if (!r->c->broken) {
			/* Told to the sender, whose ABORT is waited for. */
			r->failed = true;
			if (chan_error(r->c, e))
				return -1;
			continue;
		}
		if (e->sys == EPIPE && !r->open) {
			err_clear(e);
			return 0;
		}
		e->kind = ERR_LOST;
		return err_wrap(e, "the sender is lost");
	}
}

int receiver_serve(const struct receiver_cfg *cfg, struct chan *c,
		   struct err *e)
{
	struct receiver r = {.cfg = cfg, .c = c, .basis = -1};
	int rc;

	if (tagdir_open(&r.kept, cfg->root, cfg->work, e))
		return -1;
	r.t = (struct target){.dir = -1, .fd = -1, .old = -1};
	r.cell = mem_calloc(1, FINGERPRINT_BLOCK);
	r.buf = mem_calloc(1, FINGERPRINT_BLOCK);
	rc = serve(&r, e);
	file_close(&r);
	tagdir_close(&r.kept);
	mem_free(r.cell);
	mem_free(r.buf);
	unzip_clear(&r.unzip);
	return rc;
}
