/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "wire/wire.h"

struct pair {
	int fd[2];
	struct client c; /* on fd[0] */
	struct wire w;	 /* on fd[1] */
};

static void pair_open(struct pair *p)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p->fd), 0);
	client_init_fds(&p->c, p->fd[0], p->fd[0]);
	wire_init_fds(&p->w, p->fd[1], p->fd[1]);
}

static void pair_close(struct pair *p)
{
	client_clear(&p->c);
	wire_clear(&p->w);
	close(p->fd[0]);
	if (p->fd[1] >= 0)
		close(p->fd[1]);
}

static void t_fields(void **state)
{
	static const char *const words[] = {"a", "", "c d", NULL};
	AUTO(enc_clear) struct enc c = ENC_INIT;
	AUTO(strv_clear) struct strv v = STRV_INIT;
	struct err e = ERR_INIT;
	struct dec d;
	size_t n;

	(void)state;
	enc_bool(&c, true);
	enc_u8(&c, 200);
	enc_u32(&c, 0xfffffffe);
	enc_u64(&c, UINT64_MAX);
	enc_i64(&c, INT64_MIN);
	enc_str(&c, "text");
	enc_str(&c, NULL);
	enc_str(&c, "");
	enc_bytes(&c, "\0\1", 2);
	enc_strv(&c, words);
	dec_init(&d, c.b.p, c.b.len);
	assert_true(dec_bool(&d));
	assert_int_equal(dec_u8(&d), 200);
	assert_int_equal(dec_u32(&d), 0xfffffffe);
	assert_true(dec_u64(&d) == UINT64_MAX);
	assert_true(dec_i64(&d) == INT64_MIN);
	assert_string_equal(dec_str(&d), "text");
	assert_null(dec_str0(&d));
	assert_string_equal(dec_str(&d), "");
	assert_memory_equal(dec_bytes(&d, &n), "\0\1", 2);
	assert_int_equal(n, 2);
	dec_strv(&d, &v);
	assert_int_equal(v.n, 3);
	assert_string_equal(v.v[2], "c d");
	assert_int_equal(dec_end(&d, "test", &e), 0);
}

/* Too short, too long, NUL inside, NULL where a string must be, a count that
 * the payload cannot hold: all are noticed, and nothing is read beyond. */
static void t_fields_bad(void **state)
{
	AUTO(enc_clear) struct enc c = ENC_INIT;
	struct err e = ERR_INIT;
	struct dec d;

	(void)state;
	enc_str(&c, "text");
	for (size_t n = 0; n < c.b.len; n++) {
		dec_init(&d, c.b.p, n);
		assert_string_equal(dec_str(&d), "");
		assert_true(d.bad);
		assert_int_equal(dec_end(&d, "test", &e), -1);
	}
	dec_init(&d, c.b.p, c.b.len);
	dec_u32(&d);
	assert_int_equal(dec_end(&d, "test", &e), -1);
	c.b.p[6] = '\0';
	dec_init(&d, c.b.p, c.b.len);
	dec_str(&d);
	assert_true(d.bad);
	enc_reset(&c);
	enc_str(&c, NULL);
	dec_init(&d, c.b.p, c.b.len);
	dec_str(&d);
	assert_true(d.bad);
	enc_reset(&c);
	enc_count(&c, 1000000000);
	dec_init(&d, c.b.p, c.b.len);
	assert_int_equal(dec_count(&d, 1), 0);
	assert_true(d.bad);
	enc_reset(&c);
	enc_u8(&c, 2);
	dec_init(&d, c.b.p, c.b.len);
	dec_bool(&d);
	assert_true(d.bad);
	err_clear(&e);
}

static void t_err(void **state)
{
	AUTO(enc_clear) struct enc c = ENC_INIT;
	struct err e = ERR_INIT, got = ERR_INIT;
	struct dec d;

	(void)state;
	err_sys(&e, ERR_STALE, EIO, "rename %s", "x");
	err_hint(&e, "do that");
	enc_err(&c, &e);
	dec_init(&d, c.b.p, c.b.len);
	assert_int_equal(dec_err(&d, &got), -1);
	assert_int_equal(got.kind, ERR_STALE);
	assert_int_equal(got.sys, EIO);
	assert_string_equal(got.msg, e.msg);
	assert_string_equal(got.hint, "do that");
	err_clear(&e);
	err_clear(&got);
}

static void t_frames(void **state)
{
	AUTO(mem_freep) char *big = mem_calloc(1, 200000);
	struct frame f = {.type = 300, .flags = 1, .id = 7, .epoch = 9};
	struct frame g;
	struct err e = ERR_INIT;
	struct pair p;

	(void)state;
	memset(big, 'x', 100000);
	pair_open(&p);
	f.p = "head";
	f.len = 4;
	assert_int_equal(
		wire_send(&p.w, &f, big, 100000, clock_mono_us() + 1000000, &e),
		0);
	assert_int_equal(wire_recv(&p.c.w, &g, clock_mono_us() + 1000000, &e),
			 0);
	assert_int_equal(g.type, 300);
	assert_int_equal(g.flags, 1);
	assert_int_equal(g.id, 7);
	assert_true(g.epoch == 9);
	assert_int_equal(g.len, 100004);
	assert_memory_equal(g.p, "headxxxx", 8);
	/* Nothing more for now; then a frame in two halves. */
	assert_int_equal(wire_recv(&p.c.w, &g, 0, &e), -1);
	assert_int_equal(e.sys, ETIMEDOUT);
	assert_int_equal(write(p.fd[1], "NHF1\0\0\0\4\0\3", 10), 10);
	assert_int_equal(wire_recv(&p.c.w, &g, 0, &e), -1);
	assert_int_equal(e.sys, ETIMEDOUT);
	assert_int_equal(write(p.fd[1], "\0\0\0\0\0\2\0\0\0\0\0\0\0\0abcd", 18),
			 18);
	assert_int_equal(wire_recv(&p.c.w, &g, 0, &e), 0);
	assert_int_equal(g.id, 2);
	assert_memory_equal(g.p, "abcd", 4);
	/* More than a frame may hold is refused on both sides. */
	f.len = WIRE_PAYLOAD_MAX + 1;
	assert_int_equal(wire_send(&p.w, &f, NULL, 0, 0, &e), -1);
	assert_int_equal(e.kind, ERR_BUG);
	assert_int_equal(write(p.fd[1], "NHF1\1\0\0\0\0\3", 10), 10);
	assert_int_equal(write(p.fd[1], big, 14), 14);
	assert_int_equal(wire_recv(&p.c.w, &g, 0, &e), -1);
	assert_int_equal(e.sys, EPROTO);
	err_clear(&e);
	pair_close(&p);
}

static void t_garbage(void **state)
{
	struct err e = ERR_INIT;
	struct frame g;
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_int_equal(write(p.fd[1], "Welcome to compute-30!!\n", 24), 24);
	assert_int_equal(wire_recv(&p.c.w, &g, 0, &e), -1);
	assert_non_null(strstr(err_msg(&e), "Welcome to compute-30"));
	pair_close(&p);
	/* The stream ends: between frames, and inside one. */
	pair_open(&p);
	close(p.fd[1]);
	p.fd[1] = -1;
	assert_int_equal(wire_recv(&p.c.w, &g, 0, &e), -1);
	assert_int_equal(e.sys, EPIPE);
	pair_close(&p);
	pair_open(&p);
	assert_int_equal(write(p.fd[1], "NHF1", 4), 4);
	close(p.fd[1]);
	p.fd[1] = -1;
	assert_int_equal(wire_recv(&p.c.w, &g, 0, &e), -1);
	assert_int_equal(e.sys, ECONNRESET);
	err_clear(&e);
	pair_close(&p);
}

/* ---- calls ----------------------------------------------------------- */

enum answer { ANSWER_OK, ANSWER_PARTS, ANSWER_ERROR, ANSWER_NONE, ANSWER_EOF };

struct server {
	struct pair *p;
	enum answer how;
	unsigned keepalives;
	int64_t for_us;
};

static void answer(struct server *s, const struct frame *f)
{
	struct frame r = {.type = WIRE_OK, .id = f->id, .p = "abcd", .len = 4};
	AUTO(enc_clear) struct enc c = ENC_INIT;
	struct err e = ERR_INIT;
	int64_t d = clock_mono_us() + 1000000;

	if (s->how == ANSWER_PARTS) {
		r.flags = WIRE_F_MORE;
		wire_send(&s->p->w, &r, NULL, 0, d, &e);
		r.flags = 0;
	} else if (s->how == ANSWER_ERROR) {
		err_set(&e, ERR_CONFLICT, "no");
		enc_err(&c, &e);
		err_clear(&e);
		r = (struct frame){.type = WIRE_ERROR, .id = f->id};
		r.p = c.b.p;
		r.len = c.b.len;
	}
	wire_send(&s->p->w, &r, NULL, 0, d, &e);
	err_clear(&e);
}

/* One request; keepalives are answered for for_us before it is. */
static void *serve(void *arg)
{
	struct server *s = arg;
	struct frame f, req = {0}, alive = {.type = WIRE_ALIVE};
	struct err e = ERR_INIT;
	int64_t end = clock_mono_us() + s->for_us;

	while (!req.type || clock_mono_us() < end) {
		if (wire_recv(&s->p->w, &f,
			      req.type ? end : clock_mono_us() + 3000000, &e))
			break;
		if (f.type == WIRE_KEEPALIVE) {
			s->keepalives++;
			wire_send(&s->p->w, &alive, NULL, 0, end + 1000000, &e);
		} else {
			req = f;
		}
	}
	err_clear(&e);
	if (s->how == ANSWER_EOF)
		shutdown(s->p->fd[1], SHUT_RDWR);
	else if (s->how != ANSWER_NONE)
		answer(s, &req);
	return NULL;
}

static int call(struct server *s, const struct client_req *r, char *text,
		struct err *e)
{
	pthread_t t;
	struct dec d;
	int rc;

	assert_int_equal(pthread_create(&t, NULL, serve, s), 0);
	rc = client_call(&s->p->c, r, &d, e);
	pthread_join(t, NULL);
	if (!rc) {
		memcpy(text, d.p, (size_t)(d.end - d.p));
		text[d.end - d.p] = '\0';
	}
	return rc;
}

static void t_call(void **state)
{
	struct client_req r = {.type = 100};
	struct server s = {.how = ANSWER_OK};
	struct err e = ERR_INIT;
	struct pair p;
	char text[32];

	(void)state;
	pair_open(&p);
	s.p = &p;
	assert_int_equal(call(&s, &r, text, &e), 0);
	assert_string_equal(text, "abcd");
	s.how = ANSWER_PARTS;
	assert_int_equal(call(&s, &r, text, &e), 0);
	assert_string_equal(text, "abcdabcd");
	s.how = ANSWER_ERROR;
	assert_int_equal(call(&s, &r, text, &e), -1);
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_false(p.c.dead);
	err_clear(&e);
	/* A slow answer is waited for, with signs of life. */
	s.how = ANSWER_OK;
	s.for_us = 2500000;
	p.c.keepalive_us = 250000;
	p.c.dead_us = 1500000;
	assert_int_equal(call(&s, &r, text, &e), 0);
	assert_in_range(s.keepalives, 3, 10);
	pair_close(&p);
}

/* What a broken call means depends on whether it could have changed things. */
static void t_call_broken(void **state)
{
	static const struct {
		enum answer how;
		bool mutates;
		int64_t timeout_us;
		enum err_kind kind;
	} row[] = {
		{ANSWER_EOF, true, 0, ERR_LOST},
		{ANSWER_EOF, false, 0, ERR_RETRY},
		{ANSWER_NONE, true, 0, ERR_LOST}, /* by dead_us */
		{ANSWER_NONE, true, 60000, ERR_LOST},
		{ANSWER_NONE, false, 60000, ERR_RETRY},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		struct server s = {.how = row[i].how};
		struct client_req r = {.type = 100,
				       .mutates = row[i].mutates,
				       .timeout_us = row[i].timeout_us};
		struct err e = ERR_INIT;
		struct pair p;
		char text[32];

		pair_open(&p);
		p.c.dead_us = 150000;
		s.p = &p;
		assert_int_equal(call(&s, &r, text, &e), -1);
		assert_int_equal(e.kind, row[i].kind);
		assert_true(p.c.dead);
		/* Not sent at all: nothing can be lost. */
		assert_int_equal(call(&s, &r, text, &e), -1);
		assert_int_equal(e.kind, ERR_RETRY);
		err_clear(&e);
		pair_close(&p);
	}
}

static void t_tick(void **state)
{
	struct frame f;
	struct err e = ERR_INIT;
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_int_equal(client_tick(&p.c, &e), 0);
	assert_int_equal(wire_recv(&p.w, &f, 0, &e), -1);
	err_clear(&e);
	p.c.last_sent = 0;
	assert_int_equal(client_tick(&p.c, &e), 0);
	assert_int_equal(wire_recv(&p.w, &f, 0, &e), 0);
	assert_int_equal(f.type, WIRE_KEEPALIVE);
	close(p.fd[1]);
	p.fd[1] = -1;
	assert_int_equal(client_tick(&p.c, &e), -1);
	assert_int_equal(client_tick(&p.c, &e), -1);
	err_clear(&e);
	pair_close(&p);
}

/* A sign of life that is sent is answered, and says how far the peer is. */
static void t_ping(void **state)
{
	struct frame f, alive = {.type = WIRE_ALIVE};
	struct err e = ERR_INIT;
	struct pair p;

	(void)state;
	pair_open(&p);
	/* Nobody asked. */
	assert_int_equal(wire_send(&p.w, &alive, NULL, 0, INT64_MAX, &e), 0);
	assert_int_equal(client_tick(&p.c, &e), 0);
	assert_int_equal(p.c.pongs, 0);
	assert_int_equal(client_ping(&p.c, &e), 0);
	assert_true(p.c.pinged > 0);
	assert_int_equal(wire_recv(&p.w, &f, INT64_MAX, &e), 0);
	assert_int_equal(f.type, WIRE_KEEPALIVE);
	clock_sleep_us(20000);
	assert_int_equal(wire_send(&p.w, &alive, NULL, 0, INT64_MAX, &e), 0);
	assert_int_equal(client_tick(&p.c, &e), 0);
	assert_int_equal(p.c.pongs, 1);
	assert_true(p.c.rtt_us >= 20000);
	assert_true(p.c.pinged == 0);
	pair_close(&p);
}

struct greeter {
	struct pair *p;
	const char *build;
	uint16_t second; /* what came next */
};

static void *greet(void *arg)
{
	struct greeter *g = arg;
	AUTO(enc_clear) struct enc c = ENC_INIT;
	struct frame f, h = {.type = WIRE_HELLO};
	int64_t end = clock_mono_us() + 20000000;
	struct err e = ERR_INIT;

	wire_recv(&g->p->w, &f, end, &e);
	if (g->second && !wire_recv(&g->p->w, &f, end, &e))
		g->second = f.type;
	enc_u32(&c, WIRE_PROTOCOL);
	enc_str(&c, g->build);
	h.p = c.b.p;
	h.len = c.b.len;
	wire_send(&g->p->w, &h, NULL, 0, end, &e);
	err_clear(&e);
	return NULL;
}

static void t_hello(void **state)
{
	struct greeter g = {.build = "another build"};
	struct err e = ERR_INIT;
	struct pair p;
	pthread_t t;

	(void)state;
	assert_int_equal(strlen(wire_build()), 64);
	pair_open(&p);
	g.p = &p;
	pthread_create(&t, NULL, greet, &g);
	assert_int_equal(client_hello(&p.c, clock_mono_us() + 20000000, &e),
			 -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_non_null(e.hint);
	assert_true(p.c.dead);
	pthread_join(t, NULL);
	err_clear(&e);
	pair_close(&p);
}

/* The first request need not wait for the peer's hello. */
static void t_hello_first(void **state)
{
	struct greeter g = {.build = wire_build(), .second = 1};
	struct client_req r = {.type = 100};
	struct err e = ERR_INIT;
	struct pair p;
	pthread_t t;
	uint32_t id;

	(void)state;
	pair_open(&p);
	g.p = &p;
	pthread_create(&t, NULL, greet, &g);
	assert_int_equal(client_hello_send(&p.c, &e), 0);
	assert_int_equal(client_begin(&p.c, &r, &id, &e), 0);
	assert_int_equal(
		client_hello_wait(&p.c, clock_mono_us() + 20000000, &e), 0);
	pthread_join(t, NULL);
	assert_int_equal(g.second, 100);
	pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_fields),	 cmocka_unit_test(t_fields_bad),
		cmocka_unit_test(t_err),	 cmocka_unit_test(t_frames),
		cmocka_unit_test(t_garbage),	 cmocka_unit_test(t_call),
		cmocka_unit_test(t_call_broken), cmocka_unit_test(t_tick),
		cmocka_unit_test(t_ping),	 cmocka_unit_test(t_hello),
		cmocka_unit_test(t_hello_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
