/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NH_IMAGE_RULES_PRIV_H
#define NH_IMAGE_RULES_PRIV_H

#include "core/buf.h"
#include "image/qcow2.h"

/* Every feature of H that we do not move, one sentence each, and what is only
 * worth knowing.  Names and sizes are judged elsewhere. */
void image_features(const struct qcow2_header *h, struct strv *problems,
		    struct strv *notes);

#endif
