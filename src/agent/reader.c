/* SPDX-License-Identifier: Apache-2.0 */
/* Takes frames off stdin while the main thread works. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent_priv.h"
#include "agent/procfs.h"
#include "core/clock.h"
#include "core/log.h"

enum { QUEUE_MAX = 8, BEAT_US = 1000000, LANE_LOOK_US = 200000 };

struct item {
	struct frame f; /* f.p points into b */
	struct buf b;
};

/* A further stream whose frames are queued with stdin's. */
struct lane {
	struct reader *r;
	struct wire w;
	pthread_t thread;
	int fd, guard;
	struct reader_io io;
};

struct reader {
	struct agent *a;
	pthread_t thread;
	pthread_mutex_t mu;
	pthread_cond_t more, room;
	struct item q[QUEUE_MAX]; /* a ring; buffers are recycled */
	unsigned head, n;
	struct item cur; /* what the main thread holds */
	bool eof, stop;
	bool given; /* stdin is somebody else's now */
	struct lane *lane[READER_LANES];
	unsigned nlane;
	bool lanes_stop;
	struct err lane_why; /* one broke, or the first has ended */
	struct err why;
	enum reader_end busy;
	int beat_fd;
	int64_t beaten;
};

/* Under r->mu.  The mtime of the attended file says: the controller lives. */
static void beat(struct reader *r)
{
	int64_t now = clock_mono_us();

	if (r->beat_fd < 0 || now - r->beaten < BEAT_US)
		return;
	r->beaten = now;
	futimens(r->beat_fd, NULL);
}

static void alive(struct agent *a)
{
	struct frame f = {.type = WIRE_ALIVE};
	struct err e = ERR_INIT;

	/* While the main thread sends, that is sign enough: never wait. */
	if (pthread_mutex_trylock(&a->tx))
		return;
	if (wire_send(&a->w, &f, NULL, 0, clock_mono_us() + 1000000, &e))
		err_clear(&e);
	pthread_mutex_unlock(&a->tx);
}

/* Under r->mu: queues the frame that W's buffer holds. */
static void push(struct reader *r, struct wire *w, const bool *stop,
		 const struct frame *f)
{
	struct item *it;
	struct buf spare;

	while (r->n == QUEUE_MAX && !*stop)
		pthread_cond_wait(&r->room, &r->mu);
	if (*stop)
		return;
	it = &r->q[(r->head + r->n) % QUEUE_MAX];
	/* Its bytes are not copied: the buffers change places. */
	spare = it->b;
	it->b = w->rx;
	w->rx = spare;
	w->rx_whole = true;
	it->f = *f;
	it->f.p = it->b.p + WIRE_HEADER;
	r->n++;
	pthread_cond_signal(&r->more);
}

static void ended(struct reader *r, struct err *e)
{
	pthread_mutex_lock(&r->mu);
	r->eof = true;
	err_move(&r->why, e);
	pthread_cond_broadcast(&r->more);
	if (r->busy == READER_DIE) {
		procfs_kill_children(getpid());
		_exit(0);
	}
	pthread_mutex_unlock(&r->mu);
}

static void *reader_main(void *arg)
{
	struct reader *r = arg;
	struct err e = ERR_INIT;
	struct frame f;

	while (!wire_recv(&r->a->w, &f, INT64_MAX, &e)) {
		bool keepalive = f.type == WIRE_KEEPALIVE;
		bool give = r->a->opts.root && f.type == VERB_TRANSFER_JOIN;

		pthread_mutex_lock(&r->mu);
		beat(r);
		r->given = give;
		if (!keepalive)
			push(r, &r->a->w, &r->stop, &f);
		pthread_mutex_unlock(&r->mu);
		/* Not one byte more of it is ours. */
		if (give)
			return NULL;
		if (keepalive)
			alive(r->a);
	}
	ended(r, &e);
	return NULL;
}

struct reader *reader_start(struct agent *a, struct err *e)
{
	struct reader *r = MEM_NEW(struct reader);
	pthread_condattr_t ca;
	int rc;

	r->a = a;
	r->beat_fd = -1;
	pthread_mutex_init(&r->mu, NULL);
	pthread_condattr_init(&ca);
	pthread_condattr_setclock(&ca, CLOCK_MONOTONIC);
	pthread_cond_init(&r->more, &ca);
	pthread_cond_init(&r->room, &ca);
	pthread_condattr_destroy(&ca);
	rc = pthread_create(&r->thread, NULL, reader_main, r);
	if (rc) {
		mem_free(r);
		err_sys(e, ERR_FAILED, rc, "pthread_create");
		return NULL;
	}
	return r;
}

/* The stream has ended, or the process is about to: never joins a thread that
 * still reads. */
void reader_stop(struct reader *r)
{
	bool eof;

	if (!r)
		return;
	reader_lanes_end(r);
	pthread_mutex_lock(&r->mu);
	r->stop = true;
	eof = r->eof || r->given;
	pthread_cond_broadcast(&r->room);
	pthread_mutex_unlock(&r->mu);
	if (!eof)
		_exit(1);
	pthread_join(r->thread, NULL);
	for (int i = 0; i < QUEUE_MAX; i++)
		buf_clear(&r->q[i].b);
	buf_clear(&r->cur.b);
	err_clear(&r->why);
	mem_free(r);
}

static int wait_more(struct reader *r, const struct timespec *until)
{
	while (!r->n && !r->eof && !r->given && r->lane_why.kind == ERR_NONE) {
		int rc = until ? pthread_cond_timedwait(&r->more, &r->mu, until)
			       : pthread_cond_wait(&r->more, &r->mu);

		if (rc == ETIMEDOUT)
			return -1;
	}
	return 0;
}

int reader_next(struct reader *r, struct frame *f, int64_t timeout_us,
		struct err *e)
{
	struct timespec until;
	struct buf old;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_us / 1000000;
	until.tv_nsec += timeout_us % 1000000 * 1000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&r->mu);
	if (wait_more(r, timeout_us < 0 ? NULL : &until)) {
		rc = err_sys(e, ERR_RETRY, ETIMEDOUT, "no frame");
	} else if (r->eof) {
		/* What is still queued is of a caller who has gone. */
		rc = err_set(e, ERR_FAILED, "%s", err_msg(&r->why));
		e->sys = EPIPE;
	} else if (!r->n) {
		rc = err_set(e, ERR_LOST, "%s",
			     r->given ? "the stream was given away"
				      : err_msg(&r->lane_why));
		e->sys = r->given || r->lane_why.sys == EPIPE ? EPIPE
							      : ECONNRESET;
	} else {
		old = r->cur.b;
		r->cur = r->q[r->head];
		r->q[r->head].b = old;
		r->head = (r->head + 1) % QUEUE_MAX;
		r->n--;
		*f = r->cur.f;
		pthread_cond_signal(&r->room);
	}
	pthread_mutex_unlock(&r->mu);
	return rc;
}

void reader_take(struct reader *r, struct buf *b)
{
	struct buf old = r->cur.b;

	r->cur.b = *b;
	*b = old;
}

/* ---- lanes ----------------------------------------------------------- */

static void lane_ended(struct lane *l, struct err *e)
{
	struct reader *r = l->r;

	pthread_mutex_lock(&r->mu);
	/* An end between two frames may be a lane that was never used: if
	 * something is missing, the other side knows. */
	if (e->kind != ERR_NONE && (e->sys != EPIPE || l->io.first) &&
	    !r->lanes_stop && r->lane_why.kind == ERR_NONE)
		err_move(&r->lane_why, e);
	pthread_cond_broadcast(&r->more);
	pthread_mutex_unlock(&r->mu);
	mem_closefd(&l->guard);
	mem_closefd(&l->fd);
}

static void *lane_main(void *arg)
{
	struct lane *l = arg;
	struct reader *r = l->r;
	struct err e = ERR_INIT;
	bool stop = false;
	struct frame f;

	while (!stop) {
		int rc = wire_recv(&l->w, &f, clock_mono_us() + LANE_LOOK_US,
				   &e);

		if (rc && e.sys != ETIMEDOUT)
			break;
		err_clear(&e);
		if (!rc && f.type == WIRE_KEEPALIVE && l->io.alive) {
			l->io.alive(l->io.self);
			continue;
		}
		if (!rc && f.type != WIRE_DATA) {
			err_set(&e, ERR_BUG, "a frame of type %u on a stream",
				(unsigned)f.type);
			break;
		}
		pthread_mutex_lock(&r->mu);
		if (!rc)
			push(r, &l->w, &r->lanes_stop, &f);
		stop = r->lanes_stop;
		pthread_mutex_unlock(&r->mu);
	}
	lane_ended(l, &e);
	err_clear(&e);
	return NULL;
}

static int lane_start(struct reader *r, struct lane *l, struct err *e)
{
	int rc;

	pthread_mutex_lock(&r->mu);
	rc = r->nlane == READER_LANES
		     ? err_set(e, ERR_REFUSED, "more than %d streams",
			       READER_LANES)
		     : 0;
	if (!rc && (rc = pthread_create(&l->thread, NULL, lane_main, l)) != 0)
		rc = err_sys(e, ERR_FAILED, rc, "pthread_create");
	if (!rc)
		r->lane[r->nlane++] = l;
	pthread_mutex_unlock(&r->mu);
	if (rc)
		mem_free(l);
	return rc;
}

int reader_lane(struct reader *r, int fd, int guard, struct err *e)
{
	struct lane *l = MEM_NEW(struct lane);

	*l = (struct lane){.r = r, .fd = fd, .guard = guard};
	wire_init_fds(&l->w, fd, fd);
	wire_long_pipe(fd);
	return lane_start(r, l, e);
}

static ssize_t io_read(void *self, void *p, size_t n, int64_t deadline,
		       struct err *e)
{
	const struct lane *l = self;

	return l->io.read(l->io.self, p, n, deadline, e);
}

static const struct wire_ops io_ops = {.read = io_read};

int reader_lane_io(struct reader *r, const struct reader_io *io, struct err *e)
{
	struct lane *l = MEM_NEW(struct lane);

	*l = (struct lane){.r = r, .fd = -1, .guard = -1, .io = *io};
	wire_init(&l->w, &io_ops, l);
	return lane_start(r, l, e);
}

void reader_fail(struct reader *r, struct err *why)
{
	pthread_mutex_lock(&r->mu);
	if (r->lane_why.kind == ERR_NONE)
		err_move(&r->lane_why, why);
	pthread_cond_broadcast(&r->more);
	pthread_mutex_unlock(&r->mu);
	err_clear(why);
}

void reader_lanes_end(struct reader *r)
{
	pthread_mutex_lock(&r->mu);
	r->lanes_stop = true;
	pthread_cond_broadcast(&r->room);
	pthread_mutex_unlock(&r->mu);
	for (unsigned i = 0; i < r->nlane; i++) {
		pthread_join(r->lane[i]->thread, NULL);
		wire_clear(&r->lane[i]->w);
		mem_free(r->lane[i]);
	}
	r->nlane = 0;
	r->lanes_stop = false;
	err_clear(&r->lane_why);
}

bool reader_busy(struct reader *r, enum reader_end what)
{
	bool ok;

	pthread_mutex_lock(&r->mu);
	ok = !r->eof || what == READER_IDLE;
	if (ok)
		r->busy = what;
	pthread_mutex_unlock(&r->mu);
	return ok;
}

void reader_beat(struct reader *r, int fd)
{
	pthread_mutex_lock(&r->mu);
	r->beat_fd = fd;
	r->beaten = 0;
	if (fd >= 0)
		beat(r);
	pthread_mutex_unlock(&r->mu);
}
