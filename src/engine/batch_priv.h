/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the batches share. */
#ifndef NH_ENGINE_BATCH_PRIV_H
#define NH_ENGINE_BATCH_PRIV_H

#include "engine/batch.h"
#include "engine/journal_priv.h"

/* An event row of the running write; IDX of a member, or -1. */
int batch_add_event(struct journal *j, const char *id, long idx,
		    const char *kind, const char *text, struct err *e);

#endif
