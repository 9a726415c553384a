/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: messages over several streams come out in their order, whole, whatever
 * each stream does; a stream that breaks is noticed; numbers from a stranger
 * are refused. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "transfer/stripe.h"

static struct err e = ERR_INIT;

/* ---- the receiving end ----------------------------------------------- */

static void message(struct buf *b, size_t skip, uint64_t seq, size_t n)
{
	unsigned char h[8];

	buf_reset(b);
	for (size_t i = 0; i < skip; i++)
		buf_putc(b, 'x');
	for (int i = 0; i < 8; i++)
		h[i] = (unsigned char)(seq >> (8 * (7 - i)));
	buf_put(b, h, sizeof(h));
	memset(buf_reserve(b, n), (int)(seq & 255), n);
	b->len += n;
}

static int put(struct stripe_in *in, uint64_t seq, size_t n)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	message(&b, 24, seq, n);
	return stripe_in_put(in, &b, 24, &e);
}

static void due(struct stripe_in *in, uint64_t seq, size_t n)
{
	const char *p;
	size_t len;

	assert_true(stripe_in_next(in, &p, &len));
	assert_int_equal(len, n);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)p[i] != (seq & 255))
			fail_msg("message %d, byte %zu", (int)seq, i);
}

static void none_due(struct stripe_in *in)
{
	const char *p;
	size_t n;

	assert_false(stripe_in_next(in, &p, &n));
}

static void t_order(void **state)
{
	struct stripe_in in;

	(void)state;
	stripe_in_init(&in);
	none_due(&in);
	/* Large and small ones, backwards in rounds of 100. */
	for (uint64_t round = 0; round < 20; round++) {
		for (uint64_t i = 100; i-- > 0;) {
			none_due(&in);
			assert_int_equal(put(&in, round * 100 + i,
					     i % 7 ? i : 100000 + i),
					 0);
		}
		for (uint64_t i = 0; i < 100; i++)
			due(&in, round * 100 + i, i % 7 ? i : 100000 + i);
		none_due(&in);
		assert_int_equal(in.bytes, 0);
		assert_int_equal(in.count, 0);
	}
	stripe_in_clear(&in);
}

static void refused(struct stripe_in *in, uint64_t seq, const char *why)
{
	assert_int_equal(put(in, seq, 10), -1);
	assert_int_equal(e.kind, ERR_BUG);
	assert_non_null(strstr(err_msg(&e), why));
	err_clear(&e);
}

static void t_hostile(void **state)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct stripe_in in;
	uint64_t i = 1;

	(void)state;
	stripe_in_init(&in);
	buf_put(&b, "1234567", 7);
	assert_int_equal(stripe_in_put(&in, &b, 0, &e), -1);
	err_clear(&e);
	assert_int_equal(stripe_in_put(&in, &b, 8, &e), -1);
	err_clear(&e);
	refused(&in, STRIPE_SPAN, "was due");
	refused(&in, UINT64_MAX, "was due");
	assert_int_equal(put(&in, STRIPE_SPAN - 1, 1), 0);
	refused(&in, STRIPE_SPAN - 1, "twice");
	assert_int_equal(put(&in, 0, 1), 0);
	due(&in, 0, 1);
	refused(&in, 0, "was due");
	/* What waits is bounded. */
	for (i = 2; !put(&in, i, 1 << 20); i++)
		assert_true(i < 1000);
	assert_non_null(strstr(err_msg(&e), "wait for message 1"));
	assert_true(in.bytes <= STRIPE_BYTES);
	err_clear(&e);
	stripe_in_clear(&in);
}

/* ---- both ends ------------------------------------------------------- */

enum { LANES = 5 };

static struct {
	int fd[LANES][2]; /* reading, writing end */
	struct wire w[LANES];
	unsigned fails; /* this one cannot be opened */
	unsigned opened;
} lab;

static int lab_open(void *arg, unsigned i, int *fd, struct err *err)
{
	(void)arg;
	if (i == lab.fails)
		return err_set(err, ERR_REFUSED, "lane %u is refused", i);
	*fd = lab.fd[i][1];
	__atomic_add_fetch(&lab.opened, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static struct stripe *lab_up(unsigned lanes)
{
	struct stripe *s;

	memset(&lab, 0, sizeof(lab));
	for (int i = 0; i < LANES; i++) {
		assert_int_equal(pipe2(lab.fd[i], O_CLOEXEC), 0);
		wire_init_fds(&lab.w[i], lab.fd[i][0], lab.fd[i][0]);
	}
	s = stripe_new(lab.fd[0][1], NULL, &e);
	assert_non_null(s);
	stripe_allow(s, &(struct stripe_cfg){.lanes = lanes,
					     .patience_us = 1000,
					     .open = lab_open});
	return s;
}

static void lab_down(struct stripe *s)
{
	stripe_free(s);
	for (int i = 0; i < LANES; i++) {
		wire_clear(&lab.w[i]);
		for (int k = 0; k < 2; k++)
			if (lab.fd[i][k] >= 0)
				close(lab.fd[i][k]);
	}
	err_clear(&e);
}

static size_t size_of(uint64_t seq)
{
	return seq % 3 == 0 ? 200000 + seq : seq % 11;
}

static int send_one(struct stripe *s, uint64_t seq, int64_t us)
{
	static char data[300000];
	AUTO(enc_clear) struct enc head = ENC_INIT;
	struct frame f = {.type = WIRE_DATA, .id = 7};
	size_t n = size_of(seq), k = n < 3 ? n : 3;

	memset(data, (int)(seq & 255), n);
	buf_put(&head.b, data, k);
	f.p = head.b.p;
	f.len = head.b.len;
	return stripe_send(s, &f, data, n - k, clock_mono_us() + us, &e);
}

/* Takes frames from lanes, a short read at a time, in an order of no meaning,
 * until message UNTIL is out.  Raw bytes on lane 0 are frames of id 9. */
struct taker {
	struct stripe_in in;
	uint64_t next, until;
	unsigned raw, raws, from[LANES];
};

static void take_some(struct taker *t)
{
	for (int i = 0; i < LANES; i++) {
		struct frame f;

		if (lab.fd[i][0] < 0 || wire_recv(&lab.w[i], &f, 0, &e)) {
			err_clear(&e);
			continue;
		}
		t->from[i]++;
		if (f.id == 9) {
			assert_int_equal(i, 0);
			t->raw++;
			continue;
		}
		assert_int_equal(f.type, WIRE_DATA);
		lab.w[i].rx_whole = false;
		if (stripe_in_put(&t->in, &lab.w[i].rx, WIRE_HEADER, &e))
			fail_msg("%s", err_msg(&e));
		buf_reset(&lab.w[i].rx);
		for (;;) {
			const char *p;
			size_t n;

			if (!stripe_in_next(&t->in, &p, &n))
				break;
			assert_int_equal(n, size_of(t->next));
			for (size_t k = 0; k < n; k += 1 + k / 8)
				assert_int_equal((unsigned char)p[k],
						 t->next & 255);
			t->next++;
		}
	}
}

static void *take_main(void *arg)
{
	struct taker *t = arg;
	int64_t end = clock_mono_us() + 30000000;

	while ((t->next < t->until || t->raw < t->raws) &&
	       clock_mono_us() < end) {
		take_some(t);
		clock_sleep_us(200);
	}
	return NULL;
}

static void through(struct stripe *s, struct taker *t, uint64_t n)
{
	static unsigned char raw[WIRE_HEADER] = {'N', 'H', 'F', '1'};
	uint64_t first = t->next;
	pthread_t thread;

	raw[9] = WIRE_KEEPALIVE;
	raw[15] = 9;
	t->until = t->next + n;
	t->raws = t->raw + ((unsigned)n + 4) / 5;
	n = t->until;
	assert_int_equal(pthread_create(&thread, NULL, take_main, t), 0);
	for (uint64_t i = first; i < n; i++) {
		if (send_one(s, i, 20000000) ||
		    (i % 5 == 0 &&
		     stripe_write(s, raw, sizeof(raw),
				  clock_mono_us() + 20000000, &e)))
			fail_msg("%s", err_msg(&e));
	}
	pthread_join(thread, NULL);
	assert_int_equal(t->next, n);
}

static void t_lanes(void **state)
{
	struct stripe *s = lab_up(LANES);
	struct taker t = {.next = 0};
	char why[100];

	(void)state;
	through(s, &t, 300);
	assert_int_equal(stripe_lanes(s), LANES);
	assert_int_equal(stripe_check(s, &e), 0);
	for (int i = 0; i < LANES; i++)
		assert_true(t.from[i] > 0);
	assert_int_equal(t.raw, 60);
	stripe_why(s, why, sizeof(why));
	assert_string_equal(why, "");
	stripe_in_clear(&t.in);
	lab_down(s);
}

/* Nobody waits: nothing is opened. */
static void t_short(void **state)
{
	struct stripe *s = lab_up(LANES);
	struct taker t = {.next = 0};

	(void)state;
	through(s, &t, 2);
	assert_int_equal(lab.opened, 0);
	assert_int_equal(stripe_lanes(s), 1);
	stripe_in_clear(&t.in);
	lab_down(s);
}

static void t_fewer(void **state)
{
	struct stripe *s = lab_up(3);
	struct taker t = {.next = 0};
	char why[100];

	(void)state;
	lab.fails = 1;
	through(s, &t, 200);
	assert_int_equal(stripe_lanes(s), 2);
	stripe_why(s, why, sizeof(why));
	assert_string_equal(why, "lane 1 is refused");
	stripe_in_clear(&t.in);
	lab_down(s);
}

/* A lane that ends: also when it is not being written to. */
static void t_broken(void **state)
{
	struct stripe *s = lab_up(LANES);
	struct taker t = {.next = 0};

	(void)state;
	through(s, &t, 300);
	assert_int_equal(stripe_check(s, &e), 0);
	close(lab.fd[3][0]);
	lab.fd[3][0] = -1;
	assert_int_equal(stripe_check(s, &e), -1);
	assert_int_equal(e.kind, ERR_LOST);
	err_clear(&e);
	assert_int_equal(send_one(s, 300, 100000), -1);
	assert_int_equal(e.kind, ERR_LOST);
	err_clear(&e);
	stripe_in_clear(&t.in);
	lab_down(s);
}

/* Nobody reads: memory is bounded, and the deadline holds. */
static void t_stalled(void **state)
{
	struct stripe *s = lab_up(2);
	uint64_t i = 0;

	(void)state;
	while (!send_one(s, 3 * i, 100000))
		assert_true(++i < 100);
	assert_int_equal(e.sys, ETIMEDOUT);
	/* Two queues and two messages in each of two lanes, and their pipes. */
	assert_true((i - 4) * 200000 < 2 * (2 * STRIPE_QUEUE + WIRE_BULK_MAX));
	lab_down(s);
}

/* Where the bytes do not go out as they are, none is written around that. */
static ssize_t other_write(void *arg, unsigned lane, const void *p, size_t n)
{
	const unsigned char *b = p;
	unsigned char c[256];

	(void)arg;
	n = n < sizeof(c) ? n : sizeof(c);
	for (size_t i = 0; i < n; i++)
		c[i] = b[i] ^ 0xff;
	return write(lab.fd[lane][1], c, n);
}

static void t_other(void **state)
{
	static const struct stripe_io io = {.write = other_write};
	static const char magic[4] = {'N', 'H', 'F', '1'};
	unsigned char got[sizeof(magic)];
	struct stripe *s = lab_up(1);

	(void)state;
	stripe_free(s);
	s = stripe_new(lab.fd[0][1], &io, &e);
	assert_non_null(s);
	assert_int_equal(send_one(s, 1, 20000000), 0);
	fcntl(lab.fd[0][0], F_SETFL, 0);
	assert_int_equal(read(lab.fd[0][0], got, sizeof(got)), sizeof(got));
	for (size_t i = 0; i < sizeof(got); i++)
		assert_int_equal(got[i] ^ 0xff, magic[i]);
	lab_down(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_order),   cmocka_unit_test(t_hostile),
		cmocka_unit_test(t_lanes),   cmocka_unit_test(t_short),
		cmocka_unit_test(t_fewer),   cmocka_unit_test(t_broken),
		cmocka_unit_test(t_stalled), cmocka_unit_test(t_other),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
