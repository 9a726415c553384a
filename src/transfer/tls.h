/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS 1.3 between two agents, by a key that was made for the one transfer.
 *
 *	controller	tls_key_make(), told to both agents over SSH
 *	target's agent	tls_bind(), tls_accept()	transfer/tls_listen.c
 *	source's agent	tls_dial()			transfer/tls_dial.c
 *	both		tls_read(), tls_write(), tls_close()
 *
 * Who does not have the key cannot shake hands, and there is no other way in:
 * no certificates, only TLS 1.3, only with a fresh Diffie-Hellman exchange
 * (psk_dhe_ke: what was recorded stays secret when the key is found later), no
 * tickets to come back with, no data before the handshake is over.  The name of
 * the key is random, too, and goes in clear; nothing else does.
 *
 * AES-128-GCM where the processor has instructions for it, else ChaCha20.  Each
 * side changes its key every 64 GiB, well below what AES-GCM allows.  So the
 * kernel's own TLS is not used: a key that has been given to it stays.
 *
 * One thread may read while another writes.
 */
#ifndef NH_TRANSFER_TLS_H
#define NH_TRANSFER_TLS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/err.h"

enum { TLS_SECRET = 32, TLS_NAME = 32 };

struct tls_key {
	char name[TLS_NAME + 1]; /* hex digits */
	unsigned char secret[TLS_SECRET];
};

/* ---- tls_key.c: all that a controller needs */
int tls_key_make(struct tls_key *k, struct err *e);
/* Overwrites it. */
void tls_key_clear(struct tls_key *k);

/* ---- tls.c */
/* One side of the connections that a key is good for. */
struct tls_side;

enum tls_role { TLS_DIALS = 0, TLS_LISTENS };

/* Copies the key. */
struct tls_side *tls_side_new(enum tls_role role, const struct tls_key *k,
			      struct err *e);
/* Overwrites its copy; connections stay.  NULL is fine. */
void tls_side_free(struct tls_side *s);

struct tls;

/* Over the socket FD, which it makes non-blocking and closes at its end; on
 * failure FD is closed. */
struct tls *tls_new(struct tls_side *s, int fd, struct err *e);
/* As far into the handshake as goes without waiting: *EVENTS is what to poll
 * tls_fd() for, 0 when it is over.  -1: refused, by either side, or broken. */
int tls_step(struct tls *t, short *events, struct err *e);
int tls_fd(const struct tls *t);
/* As wire_ops.read: -1 with ETIMEDOUT after DEADLINE; 0: the other side has
 * closed it; ECONNRESET: it was cut off. */
ssize_t tls_read(struct tls *t, void *p, size_t n, int64_t deadline,
		 struct err *e);
/* As write(2) of a socket that does not block: at least one byte, or -1 with
 * errno; after EAGAIN the same bytes must come again. */
ssize_t tls_write(struct tls *t, const void *p, size_t n);
/* All of it, waiting until DEADLINE: as wire_ops.write. */
int tls_write_all(struct tls *t, const void *p, size_t n, int64_t deadline,
		  struct err *e);
/* Another amount than 64 GiB, for tests. */
void tls_rekey_every(struct tls *t, uint64_t bytes);
/* Says goodbye if that can be done at once.  NULL is fine. */
void tls_close(struct tls *t);

/* ---- tls_listen.c */
/* A socket that listens at ADDR, digits, and the first free one of the ports
 * from MIN to MAX: *PORT.  EADDRINUSE: there is none. */
int tls_bind(const char *addr, unsigned min, unsigned max, unsigned *port,
	     struct err *e);

struct tls_accept {
	struct tls_side *side;
	int fd;		  /* from tls_bind() */
	int stop;	  /* becomes readable when it is to end */
	int64_t until;	  /* clock_mono_us(): nobody is let in after that */
	int64_t shake_us; /* that a handshake may take */
	unsigned max;	  /* connections */
	/* One has shaken hands; T becomes the callee's. */
	void (*up)(void *arg, struct tls *t);
	void *arg;
};

/* Lets them in until one of these.  Whoever connects and says nothing, or
 * nothing that makes sense, keeps nobody else waiting but for a flood of them,
 * and is told nothing. */
void tls_accept(const struct tls_accept *a);

/* ---- tls_dial.c */
struct tls_target {
	const char *addr; /* digits */
	unsigned port;
	int64_t timeout_us; /* until the handshake is over */
	int64_t dead_us;    /* of an unanswered packet; 0: 25 s */
	int stop;	    /* becomes readable to end it; -1: none */
};

/* *RTT_US (may be NULL): a round trip's time. */
struct tls *tls_dial(struct tls_side *s, const struct tls_target *to,
		     int64_t *rtt_us, struct err *e);
/* The kernel notices a peer that has vanished: within DEAD_US if there is
 * something to send, else within about twice that; 0: 25 s. */
void tls_watch(int fd, int64_t dead_us);

#endif
