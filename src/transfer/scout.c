/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/scout.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/fs.h"
#include "core/mem.h"
#include "transfer/extents.h"

enum {
	PIECE = 4 * FINGERPRINT_BLOCK, /* stays in the processor's cache */
	WORTH = 4 * SCOUT_SEGMENT,
};

struct slot {
	uint64_t seg; /* from 1; 0: none yet */
	bool busy;
	struct scout_block block[SCOUT_BLOCKS];
};

struct scout {
	struct scout_cfg cfg;
	uint8_t key[FINGERPRINT_KEY];
	pthread_t thread[SCOUT_THREADS];
	unsigned n;

	pthread_mutex_t mu; /* of all that follows but blocks of busy slots */
	pthread_cond_t done, room;
	bool stop;
	uint64_t next; /* to be read, the last is END - 1 */
	uint64_t end;
	uint64_t base; /* is being asked for */
	struct slot slot[SCOUT_AHEAD];
};

/* One thread's. */
struct reader {
	struct scout *s;
	struct fingerprint *fp;
	uint8_t *buf;
};

static uint64_t seg_of(uint64_t off)
{
	return off / SCOUT_SEGMENT + 1;
}

static uint64_t seg_off(uint64_t seg)
{
	return (seg - 1) * SCOUT_SEGMENT;
}

/* ---- reading --------------------------------------------------------- */

static void note(struct reader *r, struct scout_block *b, uint64_t off,
		 const uint8_t *p, size_t n)
{
	b->zero = extents_zero(p, n);
	b->solid = !b->zero;
	for (size_t at = 0; b->solid && at < n; at += FINGERPRINT_FINE)
		b->solid = !extents_zero(p + at, n - at < FINGERPRINT_FINE
							 ? n - at
							 : FINGERPRINT_FINE);
	memset(b->tag, 0, sizeof(b->tag));
	if (!b->zero)
		fingerprint_tag(r->fp, off, p, n, b->tag);
	b->known = true;
}

/* The blocks of [OFF, OFF + N), N at most PIECE; false: not to be read. */
static bool read_piece(struct reader *r, struct slot *t, uint64_t off, size_t n)
{
	struct scout_block *b =
		&t->block[off % SCOUT_SEGMENT / FINGERPRINT_BLOCK];
	struct err e = ERR_INIT;
	ssize_t got = fs_pread_full(r->s->cfg.fd, r->buf, n, (off_t)off, &e);

	err_clear(&e);
	if (got < 0 || (size_t)got < n)
		return false;
	for (size_t at = 0; at < n; at += FINGERPRINT_BLOCK, b++)
		note(r, b, off + at, r->buf + at,
		     n - at < FINGERPRINT_BLOCK ? n - at : FINGERPRINT_BLOCK);
	return true;
}

/* Where the data begins at or after OFF, its block. */
static bool data_from(struct reader *r, uint64_t off, uint64_t *at)
{
	struct err e = ERR_INIT;
	int rc = extents_data(r->s->cfg.fd, off, at, &e);

	err_clear(&e);
	if (*at > r->s->cfg.to)
		*at = r->s->cfg.to;
	else
		*at -= *at % FINGERPRINT_BLOCK;
	return rc == 0;
}

/* Blocks of a hole. */
static void note_hole(struct slot *t, uint64_t off, uint64_t to)
{
	for (; off < to; off += FINGERPRINT_BLOCK)
		t->block[off % SCOUT_SEGMENT / FINGERPRINT_BLOCK] =
			(struct scout_block){.known = true, .zero = true};
}

/* *DATA: before it there is nothing but holes. */
static void read_slot(struct reader *r, struct slot *t, uint64_t seg,
		      uint64_t *data)
{
	uint64_t off = seg_off(seg), end = off + SCOUT_SEGMENT, to;
	bool asked = false;

	*data = off;
	memset(t->block, 0, sizeof(t->block));
	if (end > r->s->cfg.to)
		end = r->s->cfg.to;
	while (off < end) {
		if (*data <= off && !data_from(r, off, data))
			return;
		to = *data < end ? *data : end;
		note_hole(t, off, to);
		off = to;
		if (off == end)
			return;
		/* Threads that read one file in turns look to the kernel like
		 * nobody who reads from front to back. */
		if (!asked)
			posix_fadvise(r->s->cfg.fd, (off_t)off,
				      (off_t)(end - off), POSIX_FADV_WILLNEED);
		asked = true;
		to = end - off < PIECE ? end : off + PIECE;
		if (!read_piece(r, t, off, (size_t)(to - off)))
			return;
		off = to;
	}
}

/* ---- threads --------------------------------------------------------- */

/* The next slot to be read, of segment *SEG; NULL: there is none. */
static struct slot *claim(struct scout *s, uint64_t *seg)
{
	struct slot *t = NULL;

	pthread_mutex_lock(&s->mu);
	while (!s->stop && s->next < s->end &&
	       (s->next >= s->base + SCOUT_AHEAD ||
		s->slot[s->next % SCOUT_AHEAD].busy))
		pthread_cond_wait(&s->room, &s->mu);
	if (!s->stop && s->next < s->end) {
		*seg = s->next++;
		t = &s->slot[*seg % SCOUT_AHEAD];
		t->seg = *seg;
		t->busy = true;
	}
	pthread_mutex_unlock(&s->mu);
	return t;
}

static void *scout_main(void *arg)
{
	struct scout *s = arg;
	struct reader r = {.s = s,
			   .fp = fingerprint_new(s->key),
			   .buf = mem_calloc(1, PIECE)};
	uint64_t seg, data;
	struct slot *t;

	while ((t = claim(s, &seg))) {
		read_slot(&r, t, seg, &data);
		pthread_mutex_lock(&s->mu);
		t->busy = false;
		/* Nobody asks for what is one hole. */
		if (seg_of(data) > s->next && s->next == seg + 1)
			s->next = seg_of(data) < s->end ? seg_of(data) : s->end;
		pthread_cond_broadcast(&s->done);
		pthread_cond_broadcast(&s->room);
		pthread_mutex_unlock(&s->mu);
	}
	fingerprint_free(r.fp);
	mem_free(r.buf);
	return NULL;
}

/* ---- who asks -------------------------------------------------------- */

static unsigned threads_for(const struct scout_cfg *cfg)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (cfg->to < cfg->from + WORTH)
		return 0;
	if (cfg->threads)
		n = cfg->threads;
	else if (n < 2)
		return 0;
	return n < SCOUT_THREADS ? (unsigned)n : SCOUT_THREADS;
}

struct scout *scout_start(const struct scout_cfg *cfg)
{
	unsigned n = threads_for(cfg);
	pthread_condattr_t clock;
	struct scout *s;

	if (!n)
		return NULL;
	s = MEM_NEW(struct scout);
	s->cfg = *cfg;
	memcpy(s->key, cfg->key, sizeof(s->key));
	s->base = s->next = seg_of(cfg->from);
	s->end = seg_of(cfg->to - 1) + 1;
	pthread_mutex_init(&s->mu, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&s->done, &clock);
	pthread_cond_init(&s->room, NULL);
	pthread_condattr_destroy(&clock);
	while (s->n < n &&
	       !pthread_create(&s->thread[s->n], NULL, scout_main, s))
		s->n++;
	if (s->n)
		return s;
	scout_stop(s);
	return NULL;
}

void scout_stop(struct scout *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->mu);
	s->stop = true;
	pthread_cond_broadcast(&s->room);
	pthread_mutex_unlock(&s->mu);
	for (unsigned i = 0; i < s->n; i++)
		pthread_join(s->thread[i], NULL);
	pthread_cond_destroy(&s->done);
	pthread_cond_destroy(&s->room);
	pthread_mutex_destroy(&s->mu);
	explicit_bzero(s->key, sizeof(s->key));
	mem_free(s);
}

static struct timespec after(int64_t us)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += us / 1000000;
	t.tv_nsec += us % 1000000 * 1000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

bool scout_take(struct scout *s, uint64_t off, int64_t timeout_us,
		const struct scout_block **r)
{
	uint64_t seg = seg_of(off);
	struct slot *t = &s->slot[seg % SCOUT_AHEAD];
	struct timespec end = after(timeout_us);
	bool there;

	*r = NULL;
	pthread_mutex_lock(&s->mu);
	/* What was left out on the way need not be read. */
	s->base = seg;
	if (s->next < seg)
		s->next = seg;
	pthread_cond_broadcast(&s->room);
	/* Below NEXT it is in its slot, or is left out as a hole. */
	while (!(there = s->next > seg && !(t->seg == seg && t->busy)) &&
	       seg < s->end)
		if (pthread_cond_timedwait(&s->done, &s->mu, &end))
			break;
	if (there && t->seg == seg)
		*r = t->block;
	pthread_mutex_unlock(&s->mu);
	return there || seg >= s->end;
}
