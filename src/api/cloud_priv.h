/* SPDX-License-Identifier: Apache-2.0 */
/* Between the three parts of cloud.h: search, merging, and taking fields. */
#ifndef NH_API_CLOUD_PRIV_H
#define NH_API_CLOUD_PRIV_H

#include <jansson.h>

#include "api/cloud.h"

/* The value of NAME in .env, or NULL; "" is NULL. */
const char *cloud_env(const struct cloud_options *o, const char *name);

/* The cloud that O chooses among those of the two files and .env, with its
 * region's values laid over it and keys normalised.  NULL on error.  *NAME is
 * owned by the caller. */
json_t *cloud_choose(const struct cloud_text *clouds,
		     const struct cloud_text *secure,
		     const struct cloud_options *o, char **name, struct err *e);

/* Fills C from it. */
int cloud_take(json_t *config, const struct cloud_options *o, struct cloud *c,
	       struct err *e);

#endif
