/* SPDX-License-Identifier: Apache-2.0 */
/* Compressed content, as a hostile sender makes it: exactly what was declared,
 * or nothing; and what our own sender makes comes back as it was. */
#include "fuzz/fuzz.h"

#include <string.h>

#include "transfer/chan.h"
#include "transfer/zip.h"

/* Three bytes are the size that is declared. */
enum { HEAD = 3, PLAIN = 20000 };

static void back(const uint8_t *data, size_t size)
{
	struct zip z;
	struct unzip u = {NULL, NULL};
	struct err e = ERR_INIT;
	const void *out, *plain;
	size_t n;

	zip_init(&z, ZIP_ALWAYS);
	n = zip_pack(&z, data, size, 0, &out);
	if (n) {
		FUZZ_ASSERT(n <= size - size / 16);
		plain = zip_unpack(&u, out, n, size, &e);
		FUZZ_ASSERT(plain && !memcmp(plain, data, size));
	}
	zip_clear(&z);
	unzip_clear(&u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct unzip u;
	static volatile uint8_t seen;
	struct err e = ERR_INIT;
	const uint8_t *p;
	size_t n;

	if (size < HEAD)
		return 0;
	n = (size_t)data[0] << 16 | (size_t)data[1] << 8 | data[2];
	p = zip_unpack(&u, data + HEAD, size - HEAD, n, &e);
	FUZZ_ASSERT(p ? n && n <= XP_DATA_MAX && size - HEAD < n
		      : e.kind != ERR_NONE);
	/* All of it was made: valgrind and the sanitizers see. */
	for (size_t i = 0; p && i < n; i++)
		seen ^= p[i];
	err_clear(&e);
	if (data[0] == 0xff)
		back(data + HEAD, size - HEAD);
	return 0;
}

size_t fuzz_seed(unsigned int k, uint8_t *buf, size_t cap)
{
	static const char words[] = "a sentence that comes again, or not";
	static uint8_t plain[PLAIN];
	const void *out;
	struct zip z;
	size_t n;

	if (k >= 6 || cap < HEAD + PLAIN)
		return 0;
	for (size_t i = 0; i < PLAIN; i++)
		plain[i] = (uint8_t)(words[i % (10 + k)] + i / 100 % (1 + k));
	buf[0] = 0xff;
	memcpy(buf + HEAD, plain, PLAIN);
	if (k >= 3)
		return HEAD + PLAIN;
	zip_init(&z, ZIP_ALWAYS);
	z.level.level = (int)k + 1;
	n = zip_pack(&z, plain, PLAIN, 0, &out);
	FUZZ_ASSERT(n && n < cap - HEAD);
	buf[0] = PLAIN >> 16;
	buf[1] = (uint8_t)(PLAIN >> 8);
	buf[2] = (uint8_t)PLAIN;
	memcpy(buf + HEAD, out, n);
	zip_clear(&z);
	return HEAD + n;
}
