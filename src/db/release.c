/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of Nova releases, from the revisions that a database carries.
 *
 * Only for people, and for behaviour that no column shows: statements look at
 * columns alone.  A new release is a row here and a schema in tests/schema.
 *
 * Numbers are ranges, because each release reserved some for backports (a
 * stable Icehouse may say 233 to 243).  Service versions are SERVICE_VERSION in
 * nova/objects/service.py at the first tag.
 */
#include "db/db_priv.h"

#include <string.h>

#define D6 "d67eeaabee36"
#define B3 "b30f573d3377"
#define CD "cdeec0c85668"
#define AL 0, 0 /* alembic: no numbers */

const struct release releases[] = {
	{"icehouse", "2014.1", 233, 243, NULL, -1, NULL, -1},
	{"juno", "2014.2", 244, 264, NULL, -1, NULL, -1},
	{"kilo", "2015.1", 265, 290, NULL, 2, NULL, -1},
	{"liberty", "12", 291, 312, NULL, 3, NULL, 2},
	{"mitaka", "13", 313, 329, NULL, 12, NULL, 9},
	{"newton", "14", 330, 344, NULL, 25, NULL, 15},
	{"ocata", "15", 345, 357, NULL, 40, NULL, 16},
	{"pike", "16", 358, 372, NULL, 48, NULL, 22},
	{"queens", "17", 373, 388, NULL, 57, NULL, 30},
	{"rocky", "18", 389, 390, NULL, 61, NULL, 35},
	{"stein", "19", 391, 396, NULL, 62, NULL, 37},
	{"train", "20", 397, 402, NULL, 67, NULL, 40},
	{"ussuri", "21", 403, 407, NULL, 72, NULL, 51},
	{"victoria", "22", 408, 412, NULL, 77, NULL, 53},
	{"wallaby", "23", 413, 417, NULL, 82, NULL, 56},
	{"xena", "24", AL, "8f2f1571d55b", 0, D6, 60},
	{"yoga", "25", AL, "16f1fbcab42b", 0, B3, 61},
	{"zed", "26", AL, "ccb0fa1a2252", 0, B3, 64},
	{"2023.1", "27", AL, "960aac0e09ea", 0, B3, 66},
	{"2023.2", "28", AL, "1acf2c98e646", 0, CD, 66},
	{"2024.1", "29", AL, "13863f4e1612", 0, CD, 67},
	{"2024.2", "30", AL, "13863f4e1612", 0, CD, 67},
	{"2025.1", "31", AL, "2903cd72dc14", 0, CD, 68},
	{"2025.2", "32", AL, "2903cd72dc14", 0, CD, 70},
	{"2026.1", "33", AL, "2903cd72dc14", 0, CD, 72},
	{"master", "34", AL, "ab450ba04102", 0, CD, 73},
	{0},
};

int release_index(const char *name)
{
	for (int i = 0; releases[i].name; i++)
		if (!strcmp(releases[i].name, name))
			return i;
	return -1;
}

const char *db_release_name(size_t i)
{
	return i < ARRAY_SIZE(releases) ? releases[i].name : NULL;
}

/* Of the releases that share a revision, the newest that SERVICE allows. */
static int by_revision(const char *rev, int service, bool *exact)
{
	int first = -1, best = -1, same = 0;

	for (int i = 0; releases[i].name; i++) {
		const struct release *r = &releases[i];

		if (!r->cell_rev || strcmp(r->cell_rev, rev))
			continue;
		if (first < 0)
			first = best = i;
		if (r->service > releases[best].service &&
		    r->service <= service)
			best = i;
	}
	for (int i = first; i >= 0 && releases[i].name; i++)
		if (releases[i].cell_rev &&
		    !strcmp(releases[i].cell_rev, rev) &&
		    (service < 0 ||
		     releases[i].service == releases[best].service))
			same++;
	*exact = same == 1;
	return best;
}

int release_by_cell(int number, const char *rev, int service, bool *exact)
{
	*exact = true;
	if (rev)
		return by_revision(rev, service, exact);
	for (int i = 0; releases[i].name; i++)
		if (number >= releases[i].cell_lo &&
		    number <= releases[i].cell_hi)
			return i;
	return -1;
}

int release_by_api(int number, const char *rev)
{
	for (int i = 0; releases[i].name; i++) {
		const struct release *r = &releases[i];

		if (rev ? r->api_rev && !strcmp(r->api_rev, rev)
			: number > 0 && r->api_max >= number)
			return i;
	}
	return -1;
}

void release_features(int index, bool with_api, struct db_features *f)
{
	for (size_t i = 0; i < n_features; i++) {
		bool on = release_index(features[i].since) <= index;

		if (features[i].database > FEATURE_API ||
		    (features[i].database == FEATURE_API && !with_api))
			on = false;
		feature_set(f, &features[i], on);
	}
}

void release_features_beside(int index, struct db_features *f)
{
	for (size_t i = 0; i < n_features; i++)
		if (features[i].database > FEATURE_API)
			feature_set(f, &features[i],
				    release_index(features[i].since) <= index);
}
