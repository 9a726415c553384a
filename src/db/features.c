/* SPDX-License-Identifier: Apache-2.0 */
/* The table of features, from features.def. */
#include "db/db_priv.h"

#define CELL FEATURE_CELL
#define API FEATURE_API
#define PLACEMENT FEATURE_PLACEMENT
#define NEUTRON FEATURE_NEUTRON
#define CINDER FEATURE_CINDER
const struct feature features[] = {
#define DB_FEATURE(n, d, t, c, s)                                              \
	{#n, offsetof(struct db_features, n), d, t, c, s},
#include "db/features.def"
#undef DB_FEATURE
};
const size_t n_features = ARRAY_SIZE(features);

bool feature_get(const struct db_features *f, const struct feature *one)
{
	return *(const bool *)((const char *)f + one->offset);
}

void feature_set(struct db_features *f, const struct feature *one, bool on)
{
	*(bool *)((char *)f + one->offset) = on;
}
