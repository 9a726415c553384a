/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/buf.h"
#include "transfer/digest.h"
#include "transfer/extents.h"

enum { SEG = DIGEST_SEGMENT };

static int tmp_file(void)
{
	char path[] = "/tmp/nh-digest-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

static void sha(const void *p, size_t n, uint8_t out[DIGEST_LEN])
{
	assert_int_equal(EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL), 1);
}

/* The definition in digest.h, without any of its shortcuts. */
static void by_definition(const uint8_t *p, size_t size, char *text)
{
	struct buf all = BUF_INIT;
	uint8_t sum[DIGEST_LEN];

	for (size_t off = 0; off < size; off += SEG) {
		sha(p + off, size - off < SEG ? size - off : SEG, sum);
		buf_put(&all, sum, sizeof(sum));
	}
	for (int i = 0; i < 8; i++)
		buf_putc(&all, (char)((uint64_t)size >> (8 * i)));
	sha(all.p, all.len, sum);
	strcpy(text, "sha256t4m:");
	hex_encode(sum, DIGEST_LEN, text + 10);
	buf_clear(&all);
}

static void t_definition(void **state)
{
	static const size_t size[] = {0,   1,	    65536,   SEG - 1,
				      SEG, SEG + 1, 2 * SEG, 3 * SEG + 12345};
	char want[DIGEST_TEXT_MAX], got[DIGEST_TEXT_MAX];
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(size); i++) {
		uint8_t *p = mem_calloc(1, size[i] + 1);
		int fd = tmp_file();

		for (size_t k = 0; k < size[i]; k += 777)
			p[k] = (uint8_t)(k * 31 + 7);
		/* A zero segment, and zeros inside a segment, written out. */
		if (size[i] > 2 * SEG)
			memset(p + SEG - 70000, 0, SEG + 140000);
		assert_int_equal(write(fd, p, size[i]), (ssize_t)size[i]);
		by_definition(p, size[i], want);
		assert_int_equal(digest_fd(fd, NULL, NULL, got, &e), 0);
		assert_string_equal(got, want);
		assert_true(digest_text_ok(got));
		close(fd);
		mem_free(p);
	}
	assert_false(digest_text_ok("sha256t4m:"));
	assert_false(digest_text_ok(NULL));
}

/* A hole has the digest of zeros, and nothing is read for it. */
static void t_holes(void **state)
{
	size_t size = 5 * SEG + 4096;
	uint8_t *p = mem_calloc(1, size);
	char want[DIGEST_TEXT_MAX], got[DIGEST_TEXT_MAX];
	struct err e = ERR_INIT;
	int fd = tmp_file();

	(void)state;
	memset(p + SEG + 100000, 'x', 5000);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(pwrite(fd, p + SEG + 100000, 5000, SEG + 100000),
			 5000);
	by_definition(p, size, want);
	assert_int_equal(digest_fd(fd, NULL, NULL, got, &e), 0);
	assert_string_equal(got, want);
	close(fd);
	mem_free(p);
}

static void t_run(void **state)
{
	struct digest_run *r = digest_run_new();
	uint8_t *p = mem_calloc(1, SEG), want[DIGEST_LEN], got[DIGEST_LEN];

	(void)state;
	/* The built-in sum of a zero segment. */
	sha(p, SEG, want);
	digest_run_zeros(r, SEG - 1);
	digest_run_zeros(r, 1);
	assert_int_equal(digest_run_len(r), SEG);
	digest_run_end(r, got);
	assert_memory_equal(got, want, DIGEST_LEN);
	/* Zeros before, between and after. */
	memset(p + 10, 1, 20);
	memset(p + 200000, 2, 20);
	sha(p, 300000, want);
	digest_run_zeros(r, 10);
	digest_run_data(r, p + 10, 20);
	digest_run_zeros(r, 199970);
	digest_run_data(r, p + 200000, 20);
	digest_run_zeros(r, 99980);
	digest_run_end(r, got);
	assert_memory_equal(got, want, DIGEST_LEN);
	/* Nothing at all. */
	sha(p, 0, want);
	digest_run_end(r, got);
	assert_memory_equal(got, want, DIGEST_LEN);
	digest_run_free(r);
	mem_free(p);
}

static void t_extents(void **state)
{
	struct err e = ERR_INIT;
	struct extents x;
	struct extent ext;
	uint64_t pos = 0, data = 0, alloc;
	bool changed = false;
	char buf[10];
	int fd = tmp_file();

	(void)state;
	assert_int_equal(ftruncate(fd, 10 << 20), 0);
	for (int i = 1; i < 10; i += 4)
		assert_int_equal(pwrite(fd, "data", 4, i << 20), 4);
	extents_init(&x, fd, 0, 10 << 20);
	for (;;) {
		assert_int_equal(extents_next(&x, &ext, &e), 0);
		if (!ext.len)
			break;
		assert_int_equal(ext.off, pos);
		pos += ext.len;
		data += ext.data ? ext.len : 0;
	}
	assert_int_equal(pos, 10 << 20);
	assert_true(data >= 12 && data <= 10 << 20);
	assert_int_equal(extents_punch(fd, 2 << 20, 1 << 20, &changed, &e), 0);
	assert_int_equal(extents_punch(fd, 1 << 20, 3, &changed, &e), 0);
	assert_true(changed);
	assert_int_equal(pread(fd, buf, 4, 1 << 20), 4);
	assert_memory_equal(buf, "\0\0\0a", 4);
	assert_int_equal(extents_punch(fd, 0, 20 << 20, NULL, &e), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), 10 << 20);
	assert_int_equal(extents_allocated(fd, &alloc, &e), 0);
	assert_true(alloc <= 65536);
	assert_true(extents_zero("\0\0\0", 3));
	assert_false(extents_zero("\0\0\1", 3));
	close(fd);
}

static void t_zero(void **state)
{
	char b[1024];

	(void)state;
	for (size_t n = 0; n <= sizeof(b); n++) {
		memset(b, 0, sizeof(b));
		assert_true(extents_zero(b, n));
		if (n < sizeof(b))
			b[n] = 1;
		assert_true(extents_zero(b, n));
		for (size_t i = 0; i<n; i += n> 200 ? 13 : 1) {
			b[i] = 1;
			assert_false(extents_zero(b, n));
			b[i] = 0;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_definition), cmocka_unit_test(t_holes),
		cmocka_unit_test(t_run),	cmocka_unit_test(t_extents),
		cmocka_unit_test(t_zero),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
