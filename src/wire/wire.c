/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "wire/build-id.h"
#include "wire/wire_priv.h"

const char *wire_build(void)
{
	return WIRE_BUILD_ID;
}

/* ---- descriptors ----------------------------------------------------- */

/* 1 when FD is ready, 0 when the deadline passed. */
static int wait_fd(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd f = {fd, events, 0};
		int64_t left = deadline - clock_mono_us();
		int ms = left <= 0 ? 0 : INT_MAX;
		int n;

		if (left > 0 && left / 1000 < INT_MAX - 1)
			ms = (int)(left / 1000) + 1;
		n = poll(&f, 1, ms);
		if (n > 0)
			return 1;
		if (n == 0 && left <= 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return 1; /* the next read or write says why */
	}
}

ssize_t wire_read_fd(int fd, void *p, size_t n, int64_t deadline, struct err *e)
{
	for (;;) {
		ssize_t r = read(fd, p, n);

		if (r >= 0)
			return r;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_sys(e, ERR_FAILED, errno, "read");
		if (!wait_fd(fd, POLLIN, deadline))
			return err_sys(e, ERR_RETRY, ETIMEDOUT, "read");
	}
}

static ssize_t fd_read(void *self, void *p, size_t n, int64_t deadline,
		       struct err *e)
{
	const struct wire *w = self;

	return wire_read_fd(w->in, p, n, deadline, e);
}

static int fd_write(void *self, const void *p, size_t n, int64_t deadline,
		    struct err *e)
{
	struct wire *w = self;
	const char *b = p;

	while (n) {
		ssize_t r = write(w->out, b, n);

		if (r >= 0) {
			b += r;
			n -= (size_t)r;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return err_sys(e, ERR_FAILED, errno, "write");
		if (!wait_fd(w->out, POLLOUT, deadline))
			return err_sys(e, ERR_RETRY, ETIMEDOUT, "write");
	}
	return 0;
}

static const struct wire_ops fd_ops = {fd_read, fd_write};

/* ---- frames ---------------------------------------------------------- */

void wire_init(struct wire *w, const struct wire_ops *ops, void *self)
{
	memset(w, 0, sizeof(*w));
	w->ops = ops;
	w->self = self;
	w->in = w->out = -1;
	w->heard = clock_mono_us();
}

void wire_init_fds(struct wire *w, int in, int out)
{
	wire_init(w, &fd_ops, w);
	w->in = in;
	w->out = out;
	fcntl(in, F_SETFL, fcntl(in, F_GETFL) | O_NONBLOCK);
	fcntl(out, F_SETFL, fcntl(out, F_GETFL) | O_NONBLOCK);
}

void wire_clear(struct wire *w)
{
	buf_clear(&w->rx);
}

void wire_long_pipe(int fd)
{
	fcntl(fd, F_SETPIPE_SZ, WIRE_BULK_MAX);
}

int wire_header(const struct frame *f, size_t n, unsigned char h[WIRE_HEADER],
		struct err *e)
{
	size_t len = f->len + n;

	if (f->len > WIRE_PAYLOAD_MAX || n > WIRE_PAYLOAD_MAX ||
	    len > WIRE_PAYLOAD_MAX)
		return err_set(e, ERR_BUG, "a frame of %zu bytes", len);
	be_put(h, WIRE_MAGIC, 4);
	be_put(h + 4, len, 4);
	be_put(h + 8, f->type, 2);
	be_put(h + 10, f->flags, 2);
	be_put(h + 12, f->id, 4);
	be_put(h + 16, f->epoch, 8);
	return 0;
}

int wire_send(struct wire *w, const struct frame *f, const void *data, size_t n,
	      int64_t deadline, struct err *e)
{
	unsigned char h[WIRE_HEADER + 4096];
	size_t small = WIRE_HEADER;

	if (wire_header(f, n, h, e))
		return -1;
	/* One write for what is small: most frames are. */
	if (f->len && f->len <= sizeof(h) - WIRE_HEADER) {
		memcpy(h + WIRE_HEADER, f->p, f->len);
		small += f->len;
	}
	if (w->ops->write(w->self, h, small, deadline, e))
		return -1;
	if (f->len && small == WIRE_HEADER &&
	    w->ops->write(w->self, f->p, f->len, deadline, e))
		return -1;
	return n ? w->ops->write(w->self, data, n, deadline, e) : 0;
}

static int not_a_frame(const unsigned char *h, struct err *e)
{
	char text[WIRE_HEADER + 1];

	for (int i = 0; i < WIRE_HEADER; i++)
		text[i] = (char)(h[i] >= ' ' && h[i] < 127 ? h[i] : '.');
	text[WIRE_HEADER] = '\0';
	err_set(e, ERR_FAILED, "not a frame of novahaul: \"%s\"", text);
	e->sys = EPROTO;
	return -1;
}

int wire_parse(const void *header, struct frame *f, struct err *e)
{
	const unsigned char *h = header;
	uint64_t len = be_get(h + 4, 4);

	if (be_get(h, 4) != WIRE_MAGIC || len > WIRE_PAYLOAD_MAX)
		return not_a_frame(h, e);
	f->type = (uint16_t)be_get(h + 8, 2);
	f->flags = (uint16_t)be_get(h + 10, 2);
	f->id = (uint32_t)be_get(h + 12, 4);
	f->epoch = be_get(h + 16, 8);
	f->p = NULL;
	f->len = (size_t)len;
	return 0;
}

/* Until rx holds N bytes. */
static int fill(struct wire *w, size_t n, int64_t deadline, struct err *e)
{
	while (w->rx.len < n) {
		size_t want = n - w->rx.len;
		ssize_t r = w->ops->read(w->self, buf_reserve(&w->rx, want),
					 want, deadline, e);

		if (r < 0)
			return -1;
		if (r == 0) {
			bool within = w->rx.len > 0;

			err_set(e, ERR_FAILED, "the stream ended%s",
				within ? " inside a frame" : "");
			e->sys = within ? ECONNRESET : EPIPE;
			return -1;
		}
		w->rx.len += (size_t)r;
		w->heard = clock_mono_us();
	}
	return 0;
}

int wire_recv(struct wire *w, struct frame *f, int64_t deadline, struct err *e)
{
	if (w->rx_whole) {
		buf_reset(&w->rx);
		w->rx_whole = false;
	}
	if (fill(w, WIRE_HEADER, deadline, e) || wire_parse(w->rx.p, f, e) ||
	    fill(w, WIRE_HEADER + f->len, deadline, e))
		return -1;
	f->p = w->rx.p + WIRE_HEADER;
	w->rx_whole = true;
	return 0;
}
