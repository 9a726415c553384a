/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "image/diskinfo.h"

#define DIR "/var/lib/nova/instances/9f2b3c4d-0000-4000-8000-000000000000"

/* What was accepted survives being written and read again. */
static void round_trip(const struct diskinfo *d)
{
	struct diskinfo again;
	struct err e = ERR_INIT;
	char *line = diskinfo_write(d);

	FUZZ_ASSERT(!strchr(line, '\n'));
	/* escapes may lengthen it beyond what is read */
	if (strlen(line) <= DISKINFO_MAX) {
		FUZZ_ASSERT(diskinfo_parse(line, strlen(line), &again, &e) ==
			    0);
		FUZZ_ASSERT(again.n == d->n);
		for (size_t i = 0; i < d->n; i++)
			FUZZ_ASSERT(diskinfo_format(&again, d->v[i].path));
		diskinfo_clear(&again);
	}
	err_clear(&e);
	mem_free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const from[] = {DIR, "/srv/alias", NULL};
	struct diskinfo d;
	struct err e = ERR_INIT;

	if (diskinfo_parse((const char *)data, size, &d, &e)) {
		FUZZ_ASSERT(e.kind == ERR_REFUSED && d.n == 0);
		err_clear(&e);
		return 0;
	}
	round_trip(&d);
	if (diskinfo_rewrite(&d, from, "/new", &e) == 0) {
		for (size_t i = 0; i < d.n; i++) {
			FUZZ_ASSERT(strncmp(d.v[i].path, "/new/", 5) == 0);
			FUZZ_ASSERT(!strchr(d.v[i].path + 5, '/'));
		}
		round_trip(&d);
	}
	diskinfo_clear(&d);
	err_clear(&e);
	return 0;
}

size_t fuzz_seed(unsigned int k, uint8_t *buf, size_t cap)
{
	static const char *const seeds[] = {
		"{\"" DIR "/disk\": \"qcow2\", \"" DIR
		"/disk.config\": \"raw\"}",
		"{\"" DIR "/disk.eph0\": \"raw\", \"/srv/alias/disk.eph0\": "
		"\"raw\"}\n",
		"{}",
		" ",
	};

	if (k >= sizeof(seeds) / sizeof(seeds[0]) || strlen(seeds[k]) > cap)
		return 0;
	memcpy(buf, seeds[k], strlen(seeds[k]));
	return strlen(seeds[k]);
}
