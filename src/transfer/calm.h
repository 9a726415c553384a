/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much a copy stands back behind what else the host does: its guests.
 *
 *	calm_set(CALM_LOW);	this process, its threads and its children
 *	calm_set(CALM_NONE);	as it was: for the pass while the guest is down
 *
 * Low: nice 10, and of the disks' time what best-effort 7 gets.  Idle: nice 10,
 * and only what nobody else wants of it.  Without the right to take it back
 * (root's) nothing is done.  What cannot be set is left as it is.
 */
#ifndef NH_TRANSFER_CALM_H
#define NH_TRANSFER_CALM_H

#include <stdbool.h>

#include "core/err.h"

struct dec; /* wire/wire.h */

enum calm { CALM_NONE = 0, CALM_LOW, CALM_IDLE };

/* "normal", "low", "idle"; false if S is none of them. */
bool calm_parse(const char *s, enum calm *out);
const char *calm_name(enum calm c);

/* From a message: a byte, and nothing after it. */
int calm_get(struct dec *d, enum calm *out, struct err *e);

/* Nothing where it is so already. */
void calm_set(enum calm c);

#endif
