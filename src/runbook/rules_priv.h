/* SPDX-License-Identifier: Apache-2.0 */
/* What no table says about one type of step. */
#ifndef NH_RUNBOOK_RULES_PRIV_H
#define NH_RUNBOOK_RULES_PRIV_H

#include "runbook/runbook_priv.h"

/* Refuses keys that do not go together, and fills in what was left out.  S is
 * the last step of R->out, and stands at N. */
int rules_check(struct reader *r, const struct node *n, struct runbook_step *s);

#endif
