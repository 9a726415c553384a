/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a source whose disk may be failing: never zeros in place of what
 * could not be read, unless they are asked for, and then they are told of. */
#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "core/fs.h"
#include "transfer/sender_priv.h"

enum {
	STEP = FINGERPRINT_BLOCK, /* after the first failure */
	PIECE = FINGERPRINT_FINE, /* after another: a page */
	TRIES = 3,
	PATIENT = 16, /* bad pieces of a file that get that many */
	PAUSE_US = 10000,
	/* How long a read that will be refused looks for more. */
	REFUSE_US = 2 * 1000000,
};

struct salvage {
	struct sender *s;
	uint8_t *p;
	uint64_t off;
	size_t got;  /* ends before what was asked for: at the file's end */
	int64_t end; /* of looking further */
};

static ssize_t once(struct sender *s, void *p, size_t n, uint64_t off,
		    struct err *e)
{
	return s->cfg.pread ? s->cfg.pread(s->f->fd, p, n, (off_t)off, e)
			    : fs_pread_full(s->f->fd, p, n, (off_t)off, e);
}

/* What a disk says that cannot read a place, and can read others. */
static bool is_medium(const struct err *e)
{
	return e->sys == EIO || e->sys == ENODATA || e->sys == EREMOTEIO ||
	       e->sys == EILSEQ;
}

/* One piece, for the last time; what cannot be read is noted. */
static ssize_t last_try(struct salvage *v, size_t n, struct err *e)
{
	struct sender *s = v->s;
	int tries = s->bad.bytes < PATIENT * PIECE ? TRIES : 1;
	ssize_t r = -1;

	for (int i = 0; r < 0 && i < tries; i++) {
		if (i)
			clock_sleep_us(PAUSE_US << i);
		err_clear(e);
		r = once(s, v->p + v->got, n, v->off + v->got, e);
		if (r < 0 && !is_medium(e))
			return -1;
	}
	if (r >= 0)
		return r;
	err_clear(e);
	memset(v->p + v->got, 0, n);
	if (badmap_add(&s->bad, v->off + v->got, n, e))
		return -1;
	return (ssize_t)n;
}

/* N bytes from where V stands, in pieces of STEP that end at multiples of it.
 * 1: the file ends before. */
static int pieces(struct salvage *v, size_t n, size_t step, struct err *e)
{
	size_t to = v->got + n;

	while (v->got < to) {
		size_t k = step - (size_t)((v->off + v->got) % step);
		ssize_t r;
		int rc;

		if (k > to - v->got)
			k = to - v->got;
		r = step == PIECE
			    ? last_try(v, k, e)
			    : once(v->s, v->p + v->got, k, v->off + v->got, e);
		if (r < 0 && step == PIECE)
			return -1;
		if (r < 0 && !is_medium(e))
			return -1;
		if (r < 0) {
			err_clear(e);
			rc = pieces(v, k, PIECE, e);
			if (rc)
				return rc;
		} else {
			v->got += (size_t)r;
			if ((size_t)r < k)
				return 1;
		}
		if (sender_tick(v->s, e))
			return -1;
		if (v->s->bad.n && !v->s->map && clock_mono_us() > v->end)
			return 1;
	}
	return 0;
}

static int refuse(struct sender *s, struct err *e)
{
	err_sys(e, ERR_FAILED, EIO,
		"%s: %llu bytes at least cannot be read, the first at offset "
		"%llu",
		s->f->name, (unsigned long long)s->bad.bytes,
		(unsigned long long)s->bad.r[0].off);
	badmap_clear(&s->bad);
	return err_hint(e,
			"the source's disk is failing, and nothing was put in "
			"place of what it lost: have that file restored or "
			"rescued there, then novahaul resume");
}

ssize_t sender_read(struct sender *s, void *p, size_t n, uint64_t off,
		    struct err *e)
{
	struct salvage v = {.s = s, .p = p, .off = off};
	ssize_t r;

	pagecache_at(&s->cache, off);
	r = once(s, p, n, off, e);

	if (r < 0 && is_medium(e)) {
		v.end = clock_mono_us() + REFUSE_US;
		err_clear(e);
		r = pieces(&v, n, STEP, e) < 0 ? -1 : (ssize_t)v.got;
		if (r >= 0 && s->bad.n && !s->map)
			return refuse(s, e);
	}
	if (r < 0)
		return err_wrap(e, "%s at offset %llu", s->f->name,
				(unsigned long long)off);
	s->p.read += (uint64_t)r;
	return r;
}
