/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a controller and the two agents say to each other about a transfer.
 *
 * VERB_TRANSFER_SEND on the source's agent and, for a relay,
 * VERB_TRANSFER_RECV on the target's stay under way for as long as the transfer
 * is open.  Meanwhile frames of type WIRE_DATA belong to them:
 *
 *	flag CTL_TUNNEL: a message between sender and receiver
 *(transfer/chan.h), which a relaying controller passes on as it is
 *
 *	without it, between controller and sender:
 *	controller: CTL_FILE, then CTL_CANCEL if need be; CTL_LIMIT at any
 *	time, also between files; CTL_CALM between files
 *	sender: CTL_READY once; for each file CTL_PROGRESS, at least every
 *	second, and CTL_DONE at its end
 *
 *	for many files at once: CTL_FILES instead of CTL_FILE, CTL_RESULTS as
 *	they are done, in any order, and CTL_FILES_DONE instead of CTL_DONE
 *
 * WIRE_END from the controller ends them.
 *
 * VERB_TRANSFER_LISTEN receives over TLS (transfer/tls.h).  It says
 * CTL_LISTENING to the controller, and CTL_READY to the first who comes with
 * the key: the sender, whose frames bear that one's id from then on.  Their
 * payload is numbered, too:
 *
 * A VERB_TRANSFER_RECV that is asked for `striped` says CTL_STREAMS first; from
 * then on the payload of each of its sender's messages begins with a number
 * (transfer/stripe.h), and it may come on any of the streams that have joined.
 */
#ifndef NH_TRANSFER_CTL_H
#define NH_TRANSFER_CTL_H

#include "transfer/transfer.h"
#include "wire/wire.h"

/* Bytes of the token. */
enum { CTL_TOKEN = 32 };

/* Of struct frame; the lower bits are wire/wire.h's. */
enum { CTL_TUNNEL = 0x0100 };

enum ctl_type {
	CTL_NONE = 0,
	CTL_READY,	/* - */
	CTL_FILE,	/* struct ctl_file */
	CTL_CANCEL,	/* - */
	CTL_PROGRESS,	/* struct transfer_progress */
	CTL_DONE,	/* bool ok, struct transfer_result, err if not ok */
	CTL_LIMIT,	/* u64 bytes a second, 0: none */
	CTL_CALM,	/* u8 enum calm */
	CTL_FILES,	/* count, struct ctl_file... */
	CTL_RESULTS,	/* count, (u32 index, struct transfer_result)... */
	CTL_FILES_DONE, /* bool ok, if not: u32 index of the one that failed,
			   or count, err */
	CTL_STREAMS,	/* str name, bytes token: of VERB_TRANSFER_JOIN */
	CTL_LISTENING,	/* str address in digits, u32 port */
};

/* In one CTL_FILES; the bytes are counted before the last one. */
enum { CTL_FILES_MAX = 4096, CTL_FILES_BYTES = 512 << 10 };

/* Strings point into what was decoded. */
struct ctl_file {
	const char *src_root, *src_rel;
	const char *dst_rel, *basis_rel, *expect;
	enum transfer_delta delta;
	bool full, final;
	mode_t mode;
	enum transfer_bad bad;
};

/* The arguments of VERB_TRANSFER_SEND. */
struct ctl_send {
	bool direct;
	uint64_t bwlimit;
	enum zip_mode compress;
	/* the rest for direct only */
	const char *addr;
	uint32_t port;
	const char *user;
	const char *host_keys;
	const char *key; /* secret */
	const char *root;
	uint64_t epoch;
	uint64_t dead_us; /* as struct transfer_route */
	uint32_t streams; /* 0: as is best */
	/* TLS instead of ssh, to ADDR, in digits, and PORT; "" and nothing
	 * where it is not */
	bool tls;
	const char *tls_name;
	const void *tls_secret; /* secret */
	size_t tls_len;
};

/* The arguments of VERB_TRANSFER_LISTEN. */
struct ctl_listen {
	const char *root;
	uint64_t silence_us; /* that is a loss, 0: as ever */
	const char *addr;    /* name or digits */
	uint32_t port_min, port_max;
	uint32_t wait_us; /* for the sender, 0: as ever */
	const char *name;
	const void *secret; /* secret */
	size_t len;
};

void ctl_put_file(struct enc *c, const struct ctl_file *f);
void ctl_get_file(struct dec *d, struct ctl_file *f);
void ctl_put_send(struct enc *c, const struct ctl_send *s);
void ctl_get_send(struct dec *d, struct ctl_send *s);
void ctl_put_listen(struct enc *c, const struct ctl_listen *l);
void ctl_get_listen(struct dec *d, struct ctl_listen *l);
void ctl_put_progress(struct enc *c, const struct transfer_progress *p);
void ctl_get_progress(struct dec *d, struct transfer_progress *p);
void ctl_put_result(struct enc *c, const struct transfer_result *r);
void ctl_get_result(struct dec *d, struct transfer_result *r);

#endif
