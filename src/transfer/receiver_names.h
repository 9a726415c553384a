/* SPDX-License-Identifier: Apache-2.0 */
/* The names that a receiver takes from its sender. */
#ifndef NH_TRANSFER_RECEIVER_NAMES_H
#define NH_TRANSFER_RECEIVER_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "transfer/receiver.h"

/* May REL be written to? */
bool receiver_beneath(const struct receiver_cfg *cfg, const char *rel);
/* Opens the file that librsync builds from; -1 with E empty: there is none. */
int receiver_basis(const struct receiver_cfg *cfg, const char *rel,
		   uint64_t *size, struct err *e);
/* Makes the directory that REL lies in, and those above, where they are
 * missing: 0700, durable. */
int receiver_make_dir(const struct receiver_cfg *cfg, struct chan *c,
		      const char *rel, struct err *e);

#endif
