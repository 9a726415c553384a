/* SPDX-License-Identifier: Apache-2.0 */
/* The ways to a receiver in parts: dial.c (OpenSSH's client, and what both of
 * them share), dial_tls.c. */
#ifndef NH_TRANSFER_DIAL_PRIV_H
#define NH_TRANSFER_DIAL_PRIV_H

#include "transfer/dial.h"

void dial_init(struct dial *d, const struct ctl_send *s);
/* The client over the first lane, which is there, and has its stripe. */
void dial_first(struct dial *d, const struct ctl_send *s);
/* Further lanes, as CFG says how; how many, and when one is worth its while, is
 * found out.  LANE_WINDOW: what may be under way over each. */
void dial_allow(struct dial *d, unsigned streams, const struct stripe_cfg *cfg,
		size_t lane_window);

#endif
