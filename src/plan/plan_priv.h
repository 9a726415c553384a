/* SPDX-License-Identifier: Apache-2.0 */
/* The plan's parts: plan_move.c (facts to a move), plan_way.c (how its files
 * travel), plan_doc.c (the document). */
#ifndef NH_PLAN_PLAN_PRIV_H
#define NH_PLAN_PLAN_PRIV_H

#include "plan/plan.h"

/* {transport, asked, streams, by, rtt_ms, why}: what is not known is left out,
 * .streams then is what was asked for, 0: as is best.  A new reference. */
json_t *plan_way(const struct facts *f, const struct move *m);

#endif
