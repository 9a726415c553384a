/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames on byte streams: how novahaul talks to its agents, and agents to each
 * other.
 *
 *	magic u32 | length u32 | type u16 | flags u16 | id u32 | epoch u64 | ...
 *
 * All big-endian; `length` counts the payload alone and is at most
 * WIRE_PAYLOAD_MAX.  A payload is a row of typed fields written by enc_*() and
 * read by dec_*(); both ends are of one build (the handshake sees to it), so
 * there are no optional fields and nothing may be left over.
 *
 * The side that calls:
 *
 *	struct client c;
 *	AUTO(enc_clear) struct enc a = ENC_INIT;
 *	struct dec r;
 *
 *	client_init_fds(&c, from_peer, to_peer);
 *	if (client_hello(&c, deadline, &e)) ...
 *	enc_str(&a, root);
 *	if (client_call(&c, &(struct client_req){.type = VERB_STAT, .args = &a},
 *			&r, &e)) ...
 *	size = dec_u64(&r);
 *	if (dec_end(&r, "stat", &e)) ...
 *
 * What a caller is told when the stream breaks: a request that was not sent
 * whole is ERR_RETRY; one that was sent and mutates is ERR_LOST; one that was
 * sent and only reads is ERR_RETRY.  The client is dead afterwards.
 */
#ifndef NH_WIRE_WIRE_H
#define NH_WIRE_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/buf.h"
#include "core/err.h"

enum {
	WIRE_MAGIC = 0x4e484631, /* "NHF1" */
	WIRE_PROTOCOL = 1,
	WIRE_HEADER = 24,
	WIRE_BULK_MAX = 1 << 20, /* bytes of data one frame may carry */
	WIRE_PAYLOAD_MAX = WIRE_BULK_MAX + 65536,
};

/* Frames that every session knows.  Verbs are in wire/verbs.h, from 100. */
enum wire_type {
	WIRE_NONE = 0,
	WIRE_HELLO,	/* the first frame of each side */
	WIRE_OK,	/* the reply to a request */
	WIRE_ERROR,	/* the other reply: enc_err() */
	WIRE_KEEPALIVE, /* the caller lives; answered with WIRE_ALIVE */
	WIRE_ALIVE,
	WIRE_DATA, /* belongs to the request with the same id */
	WIRE_END,  /* no more WIRE_DATA in this direction */
};

/* More frames of this reply follow; payloads are joined. */
#define WIRE_F_MORE 0x0001

/* ---- fields ---------------------------------------------------------- */

struct enc {
	struct buf b;
};

#define ENC_INIT                                                               \
	{                                                                      \
		BUF_INIT                                                       \
	}

void enc_clear(struct enc *c);
void enc_reset(struct enc *c);
void enc_bool(struct enc *c, bool v);
void enc_u8(struct enc *c, uint8_t v);
void enc_u32(struct enc *c, uint32_t v);
void enc_u64(struct enc *c, uint64_t v);
void enc_i64(struct enc *c, int64_t v);
/* S may be NULL: the other side reads it with dec_str0(). */
void enc_str(struct enc *c, const char *s);
void enc_bytes(struct enc *c, const void *p, size_t n);
/* How many items follow. */
void enc_count(struct enc *c, size_t n);
/* A NULL-terminated vector, or NULL for an empty one. */
void enc_strv(struct enc *c, const char *const *v);
void enc_err(struct enc *c, const struct err *e);

/* Reads fields.  The first field that does not fit makes the decoder bad; from
 * then on every read gives zero or "".  Ask once, with dec_end(). */
struct dec {
	const unsigned char *p, *end;
	bool bad;
};

void dec_init(struct dec *d, const void *p, size_t n);
bool dec_bool(struct dec *d);
uint8_t dec_u8(struct dec *d);
uint32_t dec_u32(struct dec *d);
uint64_t dec_u64(struct dec *d);
int64_t dec_i64(struct dec *d);
/* NUL-terminated, without a NUL inside; points into the payload. */
const char *dec_str(struct dec *d);
/* As dec_str, but NULL where NULL was written. */
const char *dec_str0(struct dec *d);
/* Points into the payload; NULL with *N = 0 when bad. */
const void *dec_bytes(struct dec *d, size_t *n);
/* How many items follow, each of at least MIN > 0 bytes. */
size_t dec_count(struct dec *d, size_t min);
void dec_strv(struct dec *d, struct strv *out);
/* ERR_BUG unless every field fitted and all of the payload was read. */
int dec_end(struct dec *d, const char *what, struct err *e);
/* The error that enc_err() wrote; returns -1 always. */
int dec_err(struct dec *d, struct err *e);

/* ---- frames ---------------------------------------------------------- */

struct frame {
	uint16_t type, flags;
	uint32_t id;
	uint64_t epoch;
	const char *p; /* borrowed: until the next wire_recv() */
	size_t len;
};

/* A byte stream.  DEADLINE is of clock_mono_us(). */
struct wire_ops {
	/* 1..N bytes, 0 at end of stream, -1 (e->sys ETIMEDOUT: nothing came
	 * before the deadline). */
	ssize_t (*read)(void *self, void *p, size_t n, int64_t deadline,
			struct err *e);
	/* All of N bytes or -1. */
	int (*write)(void *self, const void *p, size_t n, int64_t deadline,
		     struct err *e);
};

/* Sending and receiving use separate halves: two threads may do one each. */
struct wire {
	const struct wire_ops *ops;
	void *self;
	int in, out;   /* of wire_init_fds() */
	struct buf rx; /* one frame, as far as it has come */
	bool rx_whole; /* it was handed out: the next call starts anew */
	int64_t heard; /* clock_mono_us() of the last byte */
};

/* A wire_ops.read of one non-blocking descriptor. */
ssize_t wire_read_fd(int fd, void *p, size_t n, int64_t deadline,
		     struct err *e);

void wire_init(struct wire *w, const struct wire_ops *ops, void *self);
/* Over two descriptors (borrowed, made non-blocking; may be equal). */
void wire_init_fds(struct wire *w, int in, int out);
void wire_clear(struct wire *w);
/* FD is to carry much: where it is a pipe, and may be, it holds a MiB from now
 * on.  Whoever reads it takes more at once, and both are woken less often. */
void wire_long_pipe(int fd);

/* F->p and F->len are the payload's start; DATA (N bytes, may be NULL) is
 * appended to it without a copy by the caller. */
int wire_send(struct wire *w, const struct frame *f, const void *data, size_t n,
	      int64_t deadline, struct err *e);
/* The header alone, for who writes the rest by itself; N bytes follow F's
 * payload. */
int wire_header(const struct frame *f, size_t n, unsigned char h[WIRE_HEADER],
		struct err *e);
/* The next frame.  -1 with e->sys ETIMEDOUT: none yet, and what came of it is
 * kept; EPIPE: the stream ended between frames; anything else is final. */
int wire_recv(struct wire *w, struct frame *f, int64_t deadline, struct err *e);
/* Parses the header of a frame; -1 when it is none (fuzzed). */
int wire_parse(const void *header, struct frame *f, struct err *e);

/* The build that this program is of: 64 hex digits over every source that
 * agents are made of.  Peers must agree. */
const char *wire_build(void);

/* ---- the calling side ------------------------------------------------ */

struct client {
	struct wire w;
	uint32_t last_id;
	uint64_t epoch; /* goes with every request */
	int64_t last_sent;
	int64_t keepalive_us; /* 0: 2 s */
	int64_t dead_us;      /* no byte for so long: gone.  0: 30 s */
	bool dead;
	/* How far the peer is: when a sign of life went that is not answered,
	 * or 0; what the last answered one took; how many were. */
	int64_t pinged, rtt_us;
	unsigned pongs;
	struct buf reply;
	/* Called about every keepalive_us while an answer is waited for; may be
	 * NULL.  It must not use this client. */
	void (*on_wait)(void *arg);
	void *wait_arg;
};

struct client_req {
	uint16_t type;
	const struct enc *args; /* may be NULL */
	bool mutates;
	int64_t timeout_us; /* 0: as long as the peer says it lives */
	const void *data;   /* appended to the arguments */
	size_t len;
};

void client_init(struct client *c, const struct wire_ops *ops, void *self);
void client_init_fds(struct client *c, int in, int out);
void client_clear(struct client *c);

/* Exchanges HELLO; REFUSED when the peer is of another build. */
int client_hello(struct client *c, int64_t deadline, struct err *e);
/* The same in halves: a request begun between them saves a round trip.  A peer
 * of another build does nothing about it. */
int client_hello_send(struct client *c, struct err *e);
int client_hello_wait(struct client *c, int64_t deadline, struct err *e);
/* One request and its reply; keepalives meanwhile.  REPLY points into the
 * client, until its next call.  A WIRE_ERROR reply becomes E. */
int client_call(struct client *c, const struct client_req *r, struct dec *reply,
		struct err *e);
/* The same after client_begin(), for two requests to two peers at once: nothing
 * else may be asked in between.  R has its deadline, from now. */
int client_end(struct client *c, const struct client_req *r, uint32_t id,
	       struct dec *reply, struct err *e);
/* A keepalive if one is due; between those two, in place of client_tick(). */
int client_alive(struct client *c, struct err *e);
/* The same in pieces, for requests with WIRE_DATA both ways: begin gives the
 * id, then any order of send and next, until next gives WIRE_OK (0 and
 * f->type), or fails.  next swallows WIRE_ALIVE and sends keepalives; with a
 * deadline it can fail with ETIMEDOUT and be called again. */
int client_begin(struct client *c, const struct client_req *r, uint32_t *id,
		 struct err *e);
int client_send(struct client *c, uint32_t id, const struct frame *f,
		const void *data, size_t n, struct err *e);
int client_next(struct client *c, uint32_t id, struct frame *f,
		int64_t deadline, struct err *e);
/* Sends a sign of life now; whatever reads answers next sees to c->rtt_us. */
int client_ping(struct client *c, struct err *e);
/* Sends a keepalive if none went for keepalive_us, and swallows answers;
 * never blocks.  To be called at least every few seconds between requests. */
int client_tick(struct client *c, struct err *e);

#endif
