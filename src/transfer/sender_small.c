/* SPDX-License-Identifier: Apache-2.0 */
/* Many small files: transfer/small.h, the source's side. */
#include "transfer/small.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "transfer/extents.h"
#include "transfer/sender_priv.h"

enum {
	THERE = SMALL_LISTS * SMALL_LIST_MAX,
	WAIT_US = 200000,
};

/* What the receiver has under the name of one file. */
struct there {
	char digest[DIGEST_TEXT_MAX]; /* "": nothing that could stay */
	uint64_t allocated;
};

/* Sent, and not answered. */
struct pending {
	uint32_t id;
	struct transfer_result r;
};

struct sender_small {
	struct sender *s;
	const struct sender_list *l;
	struct sender_file cur;	   /* what s->f is meanwhile */
	size_t asked, told;	   /* names below were listed, were answered */
	struct there there[THERE]; /* of told - THERE ... told - 1 */
	struct pending pend[SMALL_FILES];
	size_t npend;
	bool ended;
	/* The first file that failed. */
	size_t bad;
	struct err why;
	size_t *large, nlarge;
	struct transfer_progress before; /* of the large ones */
	uint8_t *buf;			 /* SMALL_MAX */
};

static struct enc *begin(struct sender_small *m, enum small_type type)
{
	struct enc *out = chan_begin(m->s->c, XP_SMALL);

	enc_u8(out, (uint8_t)type);
	return out;
}

/* The file that has failed first is what the list fails with. */
static void file_failed(struct sender_small *m, size_t i, struct err *why)
{
	if (m->why.kind == ERR_NONE) {
		m->bad = i;
		err_move(&m->why, why);
	}
	err_clear(why);
}

/* ---- what the receiver says ------------------------------------------ */

static int on_listed(struct sender_small *m, struct dec *d, struct err *e)
{
	uint32_t first = dec_u32(d);
	size_t n = dec_count(d, 13);

	if (first != m->told || n > m->asked - m->told || n > SMALL_LIST_MAX)
		return err_set(e, ERR_BUG, "an answer about file %u", first);
	for (size_t i = 0; i < n; i++) {
		struct there *t = &m->there[m->told++ % THERE];

		snprintf(t->digest, sizeof(t->digest), "%s", dec_str(d));
		t->allocated = dec_u64(d);
	}
	return dec_end(d, "listed", e);
}

static struct pending *pending_of(struct sender_small *m, uint32_t id)
{
	for (size_t i = 0; i < m->npend; i++)
		if (m->pend[i].id == id)
			return &m->pend[i];
	return NULL;
}

static int one_stored(struct sender_small *m, struct dec *d, struct err *e)
{
	uint32_t id = dec_u32(d);
	const char *digest = dec_str(d);
	uint64_t allocated = dec_u64(d);
	struct pending *p = pending_of(m, id);

	if (d->bad || !p || strcmp(digest, p->r.src_digest))
		return err_set(e, ERR_BUG, "an answer about file %u", id);
	memcpy(p->r.dst_digest, p->r.src_digest, sizeof(p->r.dst_digest));
	p->r.dst_allocated = allocated;
	p->r.seconds += (double)clock_mono_us() / 1e6;
	if (m->l->done(m->l->arg, id, &p->r, e))
		return -1;
	*p = m->pend[--m->npend];
	return 0;
}

static int on_failed(struct sender_small *m, struct dec *d, struct err *e)
{
	uint32_t id = dec_u32(d);
	struct pending *p = pending_of(m, id);
	struct err why = ERR_INIT;

	if (!p)
		return err_set(e, ERR_BUG, "an answer about file %u", id);
	*p = m->pend[--m->npend];
	dec_err(d, &why);
	err_wrap(&why, "on the target");
	file_failed(m, id, &why);
	return 0;
}

int sender_small_answer(struct sender *s, struct dec *d, struct err *e)
{
	struct sender_small *m = s->small;
	size_t n;

	switch ((enum small_type)dec_u8(d)) {
	case SMALL_LISTED:
		return on_listed(m, d, e);
	case SMALL_STORED:
		n = dec_count(d, 17);
		for (size_t i = 0; i < n; i++)
			if (one_stored(m, d, e))
				return -1;
		return dec_end(d, "stored", e);
	case SMALL_FAILED:
		return on_failed(m, d, e);
	case SMALL_ENDED:
		m->ended = true;
		return dec_end(d, "ended", e);
	case SMALL_NONE:
	case SMALL_BEGIN:
	case SMALL_LIST:
	case SMALL_PUT:
	case SMALL_DATA:
	case SMALL_END:
		break;
	}
	return err_set(e, ERR_BUG, "a malformed answer");
}

/* ---- asking ---------------------------------------------------------- */

static int send_list(struct sender_small *m, struct err *e)
{
	size_t n = m->l->n - m->asked;
	struct enc *out = begin(m, SMALL_LIST);

	if (n > SMALL_LIST_MAX)
		n = SMALL_LIST_MAX;
	enc_u32(out, (uint32_t)m->asked);
	enc_count(out, n);
	for (size_t i = 0; i < n; i++) {
		struct sender_file f = {0};

		m->l->file(m->l->arg, m->asked + i, &f);
		enc_str(out, f.rel);
		enc_u32(out, f.mode ? f.mode : 0600);
		enc_bool(out, f.full);
	}
	m->asked += n;
	return chan_end(m->s->c, NULL, 0, e);
}

/* What is there for file I; the list after its own is under way by then. */
static const struct there *ask(struct sender_small *m, size_t i, struct err *e)
{
	size_t limit = (i / SMALL_LIST_MAX + SMALL_LISTS) * SMALL_LIST_MAX;

	while (m->asked < m->l->n && m->asked < limit)
		if (send_list(m, e))
			return NULL;
	while (m->told <= i)
		if (sender_take(m->s, WAIT_US, e))
			return NULL;
	return &m->there[i % THERE];
}

/* ---- sending --------------------------------------------------------- */

/* The next bytes that are not zero 64 KiB blocks, from *OFF; 0: none. */
static size_t next_run(const uint8_t *p, size_t n, size_t max, size_t *off)
{
	size_t at = *off, k;

	for (;; at += k) {
		if (at == n)
			return 0;
		k = n - at < EXTENT_ZERO_BLOCK ? n - at : EXTENT_ZERO_BLOCK;
		if (!extents_zero(p + at, k))
			break;
	}
	*off = at;
	do {
		at += k;
		k = n - at < EXTENT_ZERO_BLOCK ? n - at : EXTENT_ZERO_BLOCK;
	} while (at < n && at - *off + k <= max && !extents_zero(p + at, k));
	k = at - *off;
	return k < max ? k : max;
}

static void put_header(struct enc *out, const struct pending *p,
		       const struct sender_file *f)
{
	enc_u32(out, p->id);
	enc_str(out, f->rel);
	enc_u32(out, f->mode ? f->mode : 0600);
	enc_u64(out, p->r.size);
	enc_str(out, p->r.src_digest);
	enc_bool(out, f->full);
}

/* The N bytes of the buffer as file P->id. */
static int put(struct sender_small *m, struct pending *p, size_t n,
	       struct err *e)
{
	struct sender *s = m->s;
	size_t max = throttle_piece(&s->throttle, XP_DATA_MAX);
	size_t off = 0, k = next_run(m->buf, n, max, &off);
	bool first = true, last;

	do {
		size_t at = off, len = k;
		struct enc *out;

		off += k;
		k = next_run(m->buf, n, max, &off);
		last = !k;
		if (sender_room(s, len, e))
			return -1;
		p->r.bytes_sent += len;
		out = begin(m, first ? SMALL_PUT : SMALL_DATA);
		if (first)
			put_header(out, p, s->f);
		enc_bool(out, last);
		enc_u64(out, at);
		if (sender_content(s, out, m->buf + at, len, e))
			return -1;
		first = false;
	} while (!last);
	p->r.bytes_holes = n - p->r.bytes_sent;
	s->p.holes += p->r.bytes_holes;
	return 0;
}

/* All of the file that s->f is, into the buffer. */
static int read_file(struct sender_small *m, const struct stat *st,
		     struct transfer_result *r, struct err *e)
{
	size_t size = (size_t)st->st_size;
	ssize_t n = sender_read(m->s, m->buf, size, 0, e);

	if (n < 0 || sender_check(m->s, st, r, e))
		return -1;
	/* Shorter for a moment, and then grown again. */
	if ((size_t)n < size)
		return err_set(e, ERR_CONFLICT,
			       "%s was cut shorter while it was read",
			       m->s->f->name);
	r->size = r->bytes_read = size;
	small_digest(m->s->fp, m->buf, size, r->src_digest);
	return sender_expected(m->s, r, e);
}

static int same(struct sender_small *m, size_t i, const struct there *t,
		struct transfer_result *r, struct err *e)
{
	memcpy(r->dst_digest, t->digest, sizeof(r->dst_digest));
	r->dst_allocated = t->allocated;
	r->bytes_matched = r->size;
	r->method = TRANSFER_BLOCKS;
	r->seconds += (double)clock_mono_us() / 1e6;
	m->s->p.matched += r->size;
	return m->l->done(m->l->arg, i, r, e);
}

static int send_one(struct sender_small *m, size_t i,
		    const struct transfer_result *r, struct err *e)
{
	uint64_t out = m->s->c->out, packed = m->s->packed;
	struct pending *p;

	while (m->npend == SMALL_FILES)
		if (sender_take(m->s, WAIT_US, e))
			return -1;
	p = &m->pend[m->npend++];
	*p = (struct pending){.id = (uint32_t)i, .r = *r};
	p->r.method = TRANSFER_WHOLE;
	if (put(m, p, (size_t)r->size, e))
		return -1;
	p->r.bytes_wire = m->s->c->out - out;
	p->r.bytes_packed = m->s->packed - packed;
	return 0;
}

/* Reads file I, which is open, and sends it if need be. */
static int one_open(struct sender_small *m, size_t i, const struct there *t,
		    struct err *e)
{
	struct transfer_result r = {.seconds = -(double)clock_mono_us() / 1e6};
	struct err why = ERR_INIT;
	struct stat st;
	int rc;

	if (fstat(m->cur.fd, &st))
		rc = err_sys(&why, ERR_FAILED, errno, "%s", m->cur.name);
	else
		rc = st.st_size > SMALL_MAX ? 0 : read_file(m, &st, &r, &why);
	if (rc && (m->s->c->broken || why.kind == ERR_INTERRUPTED)) {
		err_move(e, &why);
		return -1;
	}
	if (rc) {
		file_failed(m, i, &why);
		return 0;
	}
	if (st.st_size > SMALL_MAX) {
		m->large[m->nlarge++] = i;
		return 0;
	}
	m->s->p.size += r.size;
	m->s->p.pos += r.size;
	return !strcmp(r.src_digest, t->digest) ? same(m, i, t, &r, e)
						: send_one(m, i, &r, e);
}

/* -1: the list is over; a file's own failure is noted. */
static int one(struct sender_small *m, size_t i, struct err *e)
{
	const struct there *t = ask(m, i, e);
	struct err why = ERR_INIT;
	int rc;

	if (!t)
		return -1;
	m->l->file(m->l->arg, i, &m->cur);
	m->cur.tick = m->l->tick;
	m->cur.arg = m->l->arg;
	m->cur.fd = m->l->open(m->l->arg, i, &why);
	if (m->cur.fd < 0) {
		file_failed(m, i, &why);
		return 0;
	}
	rc = one_open(m, i, t, e);
	mem_closefd(&m->cur.fd);
	return rc ? rc : sender_tick(m->s, e);
}

static int all_small(struct sender_small *m, struct err *e)
{
	enc_bytes(begin(m, SMALL_BEGIN), tagdir_key(m->s->kept),
		  FINGERPRINT_KEY);
	if (chan_end(m->s->c, NULL, 0, e))
		return -1;
	for (size_t i = 0; i < m->l->n && m->why.kind == ERR_NONE; i++)
		if (one(m, i, e))
			return -1;
	begin(m, SMALL_END);
	if (chan_end(m->s->c, NULL, 0, e) || sender_wait(m->s, &m->ended, e))
		return -1;
	if (m->npend && m->why.kind == ERR_NONE)
		return err_set(e, ERR_BUG, "%zu files without an answer",
			       m->npend);
	return 0;
}

/* ---- the others ------------------------------------------------------ */

/* Progress over all: what was done before, and this file's. */
static int large_tick(void *arg, const struct transfer_progress *p,
		      struct err *e)
{
	const struct sender_small *m = arg;
	struct transfer_progress sum = m->before;

	sum.size += p->size;
	sum.pos += p->pos;
	sum.read += p->read;
	sum.sent += p->sent;
	sum.matched += p->matched;
	sum.holes += p->holes;
	return m->l->tick ? m->l->tick(m->l->arg, &sum, e) : 0;
}

static int one_large(struct sender_small *m, size_t i, struct err *e)
{
	struct transfer_result r;
	struct sender_file f = {0};
	int rc;

	m->bad = i;
	m->l->file(m->l->arg, i, &f);
	f.tick = large_tick;
	f.arg = m;
	f.fd = m->l->open(m->l->arg, i, e);
	if (f.fd < 0)
		return -1;
	rc = sender_copy(m->s, &f, &r, e);
	mem_closefd(&f.fd);
	if (rc)
		return -1;
	m->before.size += r.size;
	m->before.pos += r.size;
	m->before.read += r.bytes_read;
	m->before.sent += r.bytes_sent;
	m->before.matched += r.bytes_matched;
	m->before.holes += r.bytes_holes;
	return m->l->done(m->l->arg, i, &r, e);
}

static int all_large(struct sender_small *m, struct err *e)
{
	m->before = m->s->p;
	for (size_t i = 0; i < m->nlarge; i++)
		if (one_large(m, m->large[i], e))
			return -1;
	return 0;
}

/* ---- the list -------------------------------------------------------- */

static void list_begin(struct sender *s, struct sender_small *m)
{
	m->s = s;
	m->buf = mem_calloc(1, SMALL_MAX);
	m->large = MEM_NEW_N(size_t, m->l->n + 1);
	m->cur = (struct sender_file){
		.fd = -1, .tick = m->l->tick, .arg = m->l->arg};
	m->bad = m->l->n;
	s->f = &m->cur;
	s->small = m;
	s->p = (struct transfer_progress){0};
	s->sent = s->acked = 0;
	ziplevel_begin(&s->zip.level);
	s->head = s->count = 0;
	s->want = XP_NONE;
	s->have = false;
}

int sender_copy_many(struct sender *s, const struct sender_list *l, size_t *bad,
		     struct err *e)
{
	struct sender_small *m = MEM_NEW(struct sender_small);
	int rc;

	m->l = l;
	list_begin(s, m);
	rc = all_small(m, e);
	if (rc && !s->c->broken)
		sender_abandon(s);
	s->small = NULL;
	s->f = NULL;
	if (!rc && m->why.kind != ERR_NONE) {
		err_move(e, &m->why);
		rc = -1;
	}
	if (!rc)
		rc = all_large(m, e);
	*bad = m->bad;
	err_clear(&m->why);
	mem_free(m->buf);
	mem_free(m->large);
	mem_free(m);
	return rc;
}
