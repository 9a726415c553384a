/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "image/image.h"
#include "unit/image-sample.h"

static void printable(const char *s)
{
	for (; *s; s++)
		FUZZ_ASSERT(*s >= ' ' && *s <= '~');
}

/* What an accepted header promises. */
static void invariants(const struct qcow2_header *h, uint64_t file_size)
{
	uint64_t cluster = (uint64_t)1 << h->cluster_bits;

	FUZZ_ASSERT(h->version == 2 || h->version == 3);
	FUZZ_ASSERT(h->virtual_size % 512 == 0);
	FUZZ_ASSERT(!h->backing || (strlen(h->backing) > 0 &&
				    strlen(h->backing) <= QCOW2_BACKING_MAX));
	FUZZ_ASSERT(!h->backing_format || strlen(h->backing_format) < 16);
	FUZZ_ASSERT(h->refcount_table_offset >= cluster);
	FUZZ_ASSERT(h->refcount_table_offset < file_size);
	FUZZ_ASSERT(!h->l1_size || h->l1_offset < file_size);
}

static void parse(const uint8_t *p, size_t n, uint64_t file_size)
{
	struct qcow2_header h;
	struct err e = ERR_INIT;

	if (qcow2_parse(p, n, file_size, &h, &e) == 0) {
		invariants(&h, file_size);
	} else {
		FUZZ_ASSERT(e.kind == ERR_REFUSED);
		FUZZ_ASSERT(!h.backing && !h.backing_format);
		printable(err_msg(&e));
	}
	qcow2_clear(&h);
	err_clear(&e);
}

/* Nothing that the rules refuse is ever in what they accept. */
static void check(const uint8_t *p, size_t n, const char *format)
{
	static const char *const dirs[] = {SAMPLE_BASE_DIR, NULL};
	struct image_disk_in in = {.name = "disk",
				   .info_format = format,
				   .head = p,
				   .head_len = n,
				   .file_size = SAMPLE_FILE,
				   .base_dirs = dirs,
				   .target_base_dir = SAMPLE_BASE_DIR,
				   .stopped = true};
	const uint64_t fine = QCOW2_INCOMPAT_DIRTY |
			      QCOW2_INCOMPAT_COMPRESSION | QCOW2_INCOMPAT_EXTL2;
	struct image_disk d;
	struct err e = ERR_INIT;

	if (image_disk_check(&in, &d, &e) == 0) {
		FUZZ_ASSERT(!d.base_name || image_name_plain(d.base_name));
		FUZZ_ASSERT(d.virtual_size <= IMAGE_MAX_VIRTUAL);
		FUZZ_ASSERT(!d.qcow2.crypt_method && !d.qcow2.nb_snapshots &&
			    !d.qcow2.has_data_file);
		FUZZ_ASSERT(!(d.qcow2.incompatible & ~fine));
	} else {
		FUZZ_ASSERT(e.kind == ERR_REFUSED && !d.base_name);
		printable(err_msg(&e));
	}
	image_disk_clear(&d);
	err_clear(&e);
}

static void base(const uint8_t *p, size_t n)
{
	struct image_base_in in = {.name = SAMPLE_SHA,
				   .head = p,
				   .head_len = n,
				   .file_size = SAMPLE_FILE};
	struct image_base b;
	struct err e = ERR_INIT;

	if (image_base_check(&in, &b, &e) == 0)
		FUZZ_ASSERT(b.format != IMAGE_FORMAT_UNKNOWN);
	image_base_clear(&b);
	err_clear(&e);
}

static void info(const uint8_t *p, size_t n)
{
	struct image_info i;
	struct strv lines = STRV_INIT;

	image_info_read(IMAGE_FORMAT_UNKNOWN, p, n, SAMPLE_FILE, &i);
	image_info_lines(&i, &lines);
	for (size_t k = 0; k < lines.n; k++)
		printable(lines.v[k]);
	strv_clear(&lines);
	image_info_clear(&i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t need = qcow2_head_need(data, size);
	uint8_t *p = NULL;

	FUZZ_ASSERT(need <= QCOW2_HEAD_MAX);
	parse(data, size, size);
	/* short inputs stand for a cluster of zeros behind them */
	if (need > size && need <= SAMPLE_CLUSTER) {
		p = MEM_NEW_N(uint8_t, need);
		memcpy(p, data, size);
		data = p;
		size = need;
	}
	parse(data, size, SAMPLE_FILE);
	check(data, size, "qcow2");
	check(data, size, NULL);
	base(data, size);
	info(data, size);
	mem_free(p);
	return 0;
}

/* A good overlay; the same in 512-byte clusters; version 2; one of each other
 * extension; a short one, so that cuts are tried near the header. */
size_t fuzz_seed(unsigned int k, uint8_t *buf, size_t cap)
{
	static const char exts[] = "\x68\x03\xf8\x57\0\0\0\x30"
				   "012345678901234567890123"
				   "012345678901234567890123"
				   "\x23\x85\x28\x75\0\0\0\x18\0\0\0\1\0\0\0\0"
				   "0123456701234567"
				   "\x44\x41\x54\x41\0\0\0\5/data\0\0\0"
				   "\x05\x37\xbe\x77\0\0\0\x10"
				   "0123456701234567";

	if (cap < SAMPLE_CLUSTER || k > 4)
		return 0;
	sample_overlay(buf);
	switch (k) {
	case 1:
		sample_put(buf, 20, 4, 9);
		sample_put(buf, 8, 8, 256);
		sample_put(buf, 24, 8, 65536);
		memcpy(buf + 256, SAMPLE_BACKING, strlen(SAMPLE_BACKING));
		sample_put(buf, 40, 8, 1536);
		sample_put(buf, 48, 8, 512);
		return 4096;
	case 2:
		sample_put(buf, 4, 4, 2);
		memmove(buf + 72, buf + SAMPLE_EXT, 16);
		memset(buf + 88, 0, 40);
		return 1024;
	case 3:
		memcpy(buf + SAMPLE_EXT, exts, sizeof(exts) - 1);
		return 1024;
	case 4:
		return 768;
	}
	return SAMPLE_CLUSTER;
}
