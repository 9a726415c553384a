/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/stripe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"

enum lane_state { LANE_NONE = 0, LANE_OPENING, LANE_UP, LANE_FAILED };

struct lane {
	struct stripe *s;
	unsigned i;
	int fd;
	pthread_t thread;
	bool started;
	/* under s->mu */
	enum lane_state state;
	bool used;	 /* it has had a message */
	struct buf fill; /* what comes */
	struct buf out;	 /* what the thread writes */
	size_t left;	 /* of out */
	pthread_cond_t more;
};

struct stripe {
	struct stripe_cfg cfg;
	struct stripe_io io;
	pthread_mutex_t mu;
	pthread_cond_t room; /* some lane's queue is shorter, or a lane is up */
	struct lane lane[STRIPE_LANES];
	unsigned nopen; /* how many were begun */
	bool stop;
	int wake; /* eventfd: readable once stop */
	bool broken;
	struct err why, unopened;
	uint64_t next, sent;
	int64_t waited; /* since the last lane was opened */
	struct enc head;
};

static void prepare(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	wire_long_pipe(fd);
}

/* ---- a lane's thread ------------------------------------------------- */

static ssize_t put(const struct lane *l, const void *p, size_t n)
{
	const struct stripe_io *io = &l->s->io;

	return io->write ? io->write(io->arg, l->i, p, n) : write(l->fd, p, n);
}

/* All of l->out; called without the lock. */
static int drain(struct lane *l, struct err *e)
{
	struct stripe *s = l->s;
	size_t at = 0, n = l->out.len;

	while (at < n) {
		ssize_t r = put(l, l->out.p + at, n - at);
		struct pollfd p[2] = {{l->fd, POLLOUT, 0},
				      {s->wake, POLLIN, 0}};

		if (r >= 0) {
			at += (size_t)r;
			pthread_mutex_lock(&s->mu);
			l->left = n - at;
			pthread_mutex_unlock(&s->mu);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_sys(e, ERR_LOST, errno, "stream %u", l->i);
		poll(p, 2, -1);
		if (p[1].revents)
			return err_set(e, ERR_LOST, "closed");
	}
	return 0;
}

/* Under the lock: the first one to break says why. */
static void broke(struct stripe *s, struct err *e)
{
	if (!s->broken)
		err_move(&s->why, e);
	err_clear(e);
	s->broken = true;
	pthread_cond_broadcast(&s->room);
}

/* Under the lock. */
static void serve(struct lane *l)
{
	struct stripe *s = l->s;
	struct err e = ERR_INIT;
	int rc = 0;

	while (!rc) {
		struct buf b = l->out;

		while (!l->fill.len && !s->stop)
			pthread_cond_wait(&l->more, &s->mu);
		if (s->stop)
			return;
		l->out = l->fill;
		l->fill = b;
		l->left = l->out.len;
		pthread_cond_broadcast(&s->room);
		pthread_mutex_unlock(&s->mu);
		rc = drain(l, &e);
		pthread_mutex_lock(&s->mu);
		l->left = 0;
		buf_reset(&l->out);
		pthread_cond_broadcast(&s->room);
	}
	broke(s, &e);
}

static void *lane_main(void *arg)
{
	struct lane *l = arg;
	struct stripe *s = l->s;
	struct err e = ERR_INIT;
	int rc = l->i ? s->cfg.open(s->cfg.arg, l->i, &l->fd, &e) : 0;

	if (!rc && l->i)
		prepare(l->fd);
	pthread_mutex_lock(&s->mu);
	if (rc) {
		l->state = LANE_FAILED;
		if (s->unopened.kind == ERR_NONE)
			err_move(&s->unopened, &e);
	} else {
		l->state = LANE_UP;
		pthread_cond_broadcast(&s->room);
		serve(l);
	}
	pthread_mutex_unlock(&s->mu);
	err_clear(&e);
	return NULL;
}

/* ---- lanes ----------------------------------------------------------- */

static size_t queued(const struct lane *l)
{
	return l->fill.len + l->left;
}

/* Under the lock: where nothing is queued the pipe takes what it can at once,
 * uncopied; the rest is for the thread, and all where the bytes do not go out
 * as they are. */
static void lane_put(struct lane *l, const struct iovec *v, int n)
{
	bool plain = !l->s->io.write;
	ssize_t r = queued(l) || !plain ? 0 : writev(l->fd, v, n);
	size_t done = r > 0 ? (size_t)r : 0;

	for (int i = 0; i < n; i++) {
		size_t k = done < v[i].iov_len ? done : v[i].iov_len;

		done -= k;
		if (v[i].iov_len > k)
			buf_put(&l->fill, (const char *)v[i].iov_base + k,
				v[i].iov_len - k);
	}
	/* What is wrong with the pipe the thread will find. */
	if (l->fill.len)
		pthread_cond_signal(&l->more);
}

/* Under the lock, or before there are threads. */
static int lane_start(struct stripe *s, struct err *e)
{
	struct lane *l = &s->lane[s->nopen];
	int rc;

	l->state = s->nopen ? LANE_OPENING : LANE_UP;
	rc = pthread_create(&l->thread, NULL, lane_main, l);
	if (rc) {
		l->state = LANE_FAILED;
		return err_sys(e, ERR_FAILED, rc, "pthread_create");
	}
	l->started = true;
	s->nopen++;
	return 0;
}

/* Under the lock. */
static bool open_next(struct stripe *s)
{
	struct err e = ERR_INIT;

	if (!lane_start(s, &e))
		return true;
	s->cfg.lanes = s->nopen;
	err_move(&s->unopened, &e);
	return false;
}

/* Under the lock: waiting was long enough for one more. */
static void widen(struct stripe *s)
{
	if (s->nopen >= s->cfg.lanes || s->sent < s->cfg.after ||
	    s->waited < s->cfg.patience_us)
		return;
	s->waited = 0;
	open_next(s);
}

/* Under the lock: the lane with the shortest queue, if it has room. */
static struct lane *pick(struct stripe *s)
{
	struct lane *best = NULL;

	for (unsigned i = 0; i < s->nopen; i++) {
		struct lane *l = &s->lane[i];

		if (l->state == LANE_UP && l->fill.len < STRIPE_QUEUE &&
		    (!best || queued(l) < queued(best)))
			best = l;
	}
	return best;
}

static struct timespec at(int64_t us)
{
	return (struct timespec){us / 1000000, us % 1000000 * 1000};
}

/* Under the lock: waits for room in some lane, or in L. */
static int wait_room(struct stripe *s, struct lane *l, struct lane **out,
		     int64_t deadline, struct err *e)
{
	for (;;) {
		int64_t now = clock_mono_us(), until = deadline;
		struct timespec t;

		if (s->broken)
			return err_set(e, ERR_LOST, "%s", err_msg(&s->why));
		*out = l ? l->fill.len < STRIPE_QUEUE ? l : NULL : pick(s);
		if (*out)
			return 0;
		if (now >= deadline)
			return err_sys(e, ERR_RETRY, ETIMEDOUT, "write");
		/* Not so long that a further lane would come late. */
		if (s->nopen < s->cfg.lanes && until > now + s->cfg.patience_us)
			until = now + s->cfg.patience_us;
		if (until > now + 1000000)
			until = now + 1000000;
		t = at(until);
		pthread_cond_timedwait(&s->room, &s->mu, &t);
		s->waited += clock_mono_us() - now;
		widen(s);
	}
}

/* ---- the sending end ------------------------------------------------- */

static void cond_init(pthread_cond_t *c)
{
	pthread_condattr_t a;

	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(c, &a);
	pthread_condattr_destroy(&a);
}

struct stripe *stripe_new(int fd, const struct stripe_io *io, struct err *e)
{
	struct stripe *s = MEM_NEW(struct stripe);
	int rc;

	if (io)
		s->io = *io;
	s->cfg.lanes = 1;
	pthread_mutex_init(&s->mu, NULL);
	cond_init(&s->room);
	for (unsigned i = 0; i < STRIPE_LANES; i++) {
		s->lane[i].s = s;
		s->lane[i].i = i;
		s->lane[i].fd = -1;
		cond_init(&s->lane[i].more);
	}
	s->lane[0].fd = fd;
	prepare(fd);
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = s->wake < 0 ? err_sys(e, ERR_FAILED, errno, "eventfd")
			 : lane_start(s, e);
	if (!rc)
		return s;
	stripe_free(s);
	return NULL;
}

void stripe_free(struct stripe *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->mu);
	s->stop = true;
	if (s->wake >= 0)
		eventfd_write(s->wake, 1);
	for (unsigned i = 0; i < s->nopen; i++)
		pthread_cond_signal(&s->lane[i].more);
	pthread_mutex_unlock(&s->mu);
	for (unsigned i = 0; i < STRIPE_LANES; i++) {
		struct lane *l = &s->lane[i];

		if (l->started)
			pthread_join(l->thread, NULL);
		buf_clear(&l->fill);
		buf_clear(&l->out);
		pthread_cond_destroy(&l->more);
	}
	mem_closefd(&s->wake);
	pthread_cond_destroy(&s->room);
	pthread_mutex_destroy(&s->mu);
	err_clear(&s->why);
	err_clear(&s->unopened);
	enc_clear(&s->head);
	mem_free(s);
}

void stripe_allow(struct stripe *s, const struct stripe_cfg *cfg)
{
	pthread_mutex_lock(&s->mu);
	s->cfg = *cfg;
	if (s->cfg.lanes > STRIPE_LANES)
		s->cfg.lanes = STRIPE_LANES;
	while (s->nopen < s->cfg.eager && s->nopen < s->cfg.lanes &&
	       open_next(s))
		;
	pthread_mutex_unlock(&s->mu);
}

/* To lane L; without one it is a message, for whichever is best. */
static int send_to(struct stripe *s, struct lane *l, const struct iovec *v,
		   int n, int64_t deadline, struct err *e)
{
	bool message = !l;
	int rc;

	pthread_mutex_lock(&s->mu);
	rc = wait_room(s, l, &l, deadline, e);
	if (!rc) {
		lane_put(l, v, n);
		l->used |= message;
		s->next += message;
		for (int i = 0; message && i < n; i++)
			s->sent += v[i].iov_len;
	}
	pthread_mutex_unlock(&s->mu);
	return rc;
}

int stripe_write(struct stripe *s, const void *p, size_t n, int64_t deadline,
		 struct err *e)
{
	struct iovec v = {(void *)p, n};

	return send_to(s, &s->lane[0], &v, 1, deadline, e);
}

int stripe_send(struct stripe *s, const struct frame *f, const void *data,
		size_t n, int64_t deadline, struct err *e)
{
	unsigned char h[WIRE_HEADER];
	struct frame g = *f;
	struct iovec v[3];

	enc_reset(&s->head);
	enc_u64(&s->head, s->next);
	buf_put(&s->head.b, f->p, f->len);
	g.p = s->head.b.p;
	g.len = s->head.b.len;
	if (wire_header(&g, n, h, e))
		return -1;
	v[0] = (struct iovec){h, sizeof(h)};
	v[1] = (struct iovec){s->head.b.p, s->head.b.len};
	v[2] = (struct iovec){(void *)data, n};
	return send_to(s, NULL, v, 3, deadline, e);
}

int stripe_check(struct stripe *s, struct err *e)
{
	struct pollfd p[STRIPE_LANES];
	unsigned lane[STRIPE_LANES];
	nfds_t n = 0;
	int rc = 0;

	pthread_mutex_lock(&s->mu);
	for (unsigned i = 0; i < s->nopen; i++) {
		struct lane *l = &s->lane[i];

		if (l->state != LANE_UP)
			continue;
		lane[n] = i;
		p[n++] = (struct pollfd){l->fd, 0, 0};
	}
	if (poll(p, n, 0) > 0) {
		for (nfds_t i = 0; i < n; i++) {
			struct lane *l = &s->lane[lane[i]];
			struct err gone = ERR_INIT;

			if (!(p[i].revents & (POLLERR | POLLNVAL)))
				continue;
			err_set(&gone, ERR_LOST, "stream %u has ended", l->i);
			if (l->used)
				broke(s, &gone);
			else if (s->unopened.kind == ERR_NONE)
				err_move(&s->unopened, &gone);
			l->state = LANE_FAILED;
			err_clear(&gone);
		}
	}
	if (s->broken)
		rc = err_set(e, ERR_LOST, "%s", err_msg(&s->why));
	pthread_mutex_unlock(&s->mu);
	return rc;
}

unsigned stripe_lanes(struct stripe *s)
{
	unsigned n = 0;

	pthread_mutex_lock(&s->mu);
	for (unsigned i = 0; i < s->nopen; i++)
		n += s->lane[i].state == LANE_UP;
	pthread_mutex_unlock(&s->mu);
	return n;
}

void stripe_why(struct stripe *s, char *out, size_t size)
{
	pthread_mutex_lock(&s->mu);
	snprintf(out, size, "%s",
		 s->unopened.kind == ERR_NONE ? "" : err_msg(&s->unopened));
	pthread_mutex_unlock(&s->mu);
}

/* ---- the receiving end ----------------------------------------------- */

/* Below it a message is copied: the buffer that it came in may be much larger
 * than it. */
enum { STEAL_MIN = 64 << 10 };

void stripe_in_init(struct stripe_in *in)
{
	*in = (struct stripe_in){0};
}

void stripe_in_clear(struct stripe_in *in)
{
	for (size_t i = 0; i < in->nslot; i++)
		buf_clear(&in->slot[i].b);
	mem_free(in->slot);
	buf_clear(&in->cur.b);
	buf_clear(&in->spare);
	stripe_in_init(in);
}

/* The slots, for N of them from in->next on. */
static void grow(struct stripe_in *in, uint64_t n)
{
	struct stripe_slot *old = in->slot;
	size_t nold = in->nslot;

	if (n <= nold)
		return;
	in->nslot = nold ? nold : 64;
	while (in->nslot < n)
		in->nslot *= 2;
	in->slot = MEM_NEW_N(struct stripe_slot, in->nslot);
	for (uint64_t i = in->next; i < in->next + nold; i++)
		in->slot[i & (in->nslot - 1)] = old[i & (nold - 1)];
	mem_free(old);
}

static uint64_t number(const struct buf *b, size_t skip)
{
	uint64_t v = 0;

	for (size_t i = 0; i < STRIPE_NUMBER; i++)
		v = v << 8 | (unsigned char)b->p[skip + i];
	return v;
}

static void take(struct stripe_in *in, struct stripe_slot *to, struct buf *b,
		 size_t skip)
{
	in->bytes += b->len - skip;
	in->count++;
	to->full = true;
	to->skip = STRIPE_NUMBER;
	if (b->len - skip < STEAL_MIN) {
		buf_put(&to->b, b->p + skip, b->len - skip);
		return;
	}
	to->skip += skip;
	to->b = *b;
	*b = in->spare;
	in->spare = (struct buf)BUF_INIT;
	buf_reset(b);
}

int stripe_in_put(struct stripe_in *in, struct buf *b, size_t skip,
		  struct err *e)
{
	struct stripe_slot *to;
	uint64_t seq;

	if (b->len < skip + STRIPE_NUMBER)
		return err_set(e, ERR_BUG, "a message without a number");
	seq = number(b, skip);
	if (seq < in->next || seq - in->next >= STRIPE_SPAN)
		return err_set(e, ERR_BUG, "message %llu where %llu was due",
			       (unsigned long long)seq,
			       (unsigned long long)in->next);
	if (in->bytes + b->len > STRIPE_BYTES)
		return err_set(e, ERR_BUG, "%zu bytes wait for message %llu",
			       in->bytes, (unsigned long long)in->next);
	grow(in, seq - in->next + 1);
	to = &in->slot[seq & (in->nslot - 1)];
	if (to->full)
		return err_set(e, ERR_BUG, "message %llu twice",
			       (unsigned long long)seq);
	take(in, to, b, skip);
	return 0;
}

bool stripe_in_next(struct stripe_in *in, const char **p, size_t *n)
{
	struct stripe_slot *s;

	if (!in->nslot)
		return false;
	s = &in->slot[in->next & (in->nslot - 1)];
	if (!s->full)
		return false;
	/* One large buffer is kept for the next that is taken. */
	if (in->cur.b.cap > in->spare.cap) {
		buf_clear(&in->spare);
		in->spare = in->cur.b;
	} else {
		buf_clear(&in->cur.b);
	}
	in->cur = *s;
	*s = (struct stripe_slot){0};
	in->next++;
	in->count--;
	in->bytes -= in->cur.b.len - in->cur.skip + STRIPE_NUMBER;
	*p = in->cur.b.p + in->cur.skip;
	*n = in->cur.b.len - in->cur.skip;
	return true;
}
