/* SPDX-License-Identifier: Apache-2.0 */
/* What the providers share. */
#ifndef NH_FENCE_FENCE_PRIV_H
#define NH_FENCE_FENCE_PRIV_H

#include "fence/fence.h"

extern const struct fence_provider fence_command, fence_agent, fence_statement,
	fence_probe, fence_storage, fence_rbd;

/* A program, run once. */
struct fence_call {
	const char *const *argv; /* "%h" is still in it */
	const char *in;		 /* for its standard input, or NULL */
	size_t in_len;
	bool ran; /* it came to its own end: .exit_code, .out hold */
	int exit_code;
	char *why; /* not .ran: why; owned */
	struct buf out, err;
};
void fence_call(const struct fence_way *w, struct fence_call *c);
void fence_call_clear(struct fence_call *c);

int64_t fence_timeout_us(const struct fence_way *w);
/* WORD with "%h" replaced. */
char *fence_word(const struct fence_way *w, const char *word)
	NH_DEALLOC(mem_free) NH_NONNULL;
/* The first line of B as it may be kept: printable, short, trimmed. */
char *fence_line(const struct buf *b) NH_DEALLOC(mem_free) NH_NONNULL;

/* Sets verdict and note; an ALIVE was seen now. */
void fence_say(struct fence_finding *f, enum fence_verdict v, const char *fmt,
	       ...) NH_PRINTF(3, 4);

/* One try to read back how it stands; looks again, while there is time and W
 * acts, until it is OFF. */
typedef enum fence_verdict fence_try(const struct fence_way *w,
				     struct fence_finding *f, void *arg);
void fence_poll(const struct fence_way *w, struct fence_finding *f,
		fence_try *fn, void *arg);

#endif
