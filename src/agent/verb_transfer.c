/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs for bulk data. */
#include "agent/verb.h"

const struct verb verbs_transfer[] = {
	{0},
};
