/* SPDX-License-Identifier: Apache-2.0 */
#include "image/qcow2.h"

#include <inttypes.h>
#include <string.h>

/* Offsets of the header's fields; docs/interop/qcow2 of QEMU. */
enum {
	O_VERSION = 4,
	O_BACKING_OFFSET = 8,
	O_BACKING_SIZE = 16,
	O_CLUSTER_BITS = 20,
	O_SIZE = 24,
	O_CRYPT = 32,
	O_L1_SIZE = 36,
	O_L1_OFFSET = 40,
	O_REFTABLE_OFFSET = 48,
	O_REFTABLE_CLUSTERS = 56,
	O_NB_SNAPSHOTS = 60,
	O_SNAPSHOTS_OFFSET = 64,
	V2_LENGTH = 72,
	O_INCOMPAT = 72,
	O_COMPAT = 80,
	O_AUTOCLEAR = 88,
	O_REFCOUNT_ORDER = 96,
	O_HEADER_LENGTH = 100,
	V3_LENGTH = 104,
	O_COMPRESSION = 104,
};

#define EXT_END 0u
#define EXT_BACKING_FORMAT 0xe2792acau
#define EXT_FEATURE_NAMES 0x6803f857u
#define EXT_CRYPTO 0x0537be77u
#define EXT_BITMAPS 0x23852875u
#define EXT_DATA_FILE 0x44415441u

/* QEMU's limits, block/qcow2.h. */
#define L1_BYTES_MAX 0x2000000u
#define REFTABLE_BYTES_MAX 0x800000u
#define SNAPSHOTS_MAX 65536u
#define BITMAPS_MAX 65535u
#define BACKING_FORMAT_MAX 15u
#define REFCOUNT_ORDER_MAX 6u

/* The first cluster, and the file around it. */
struct head {
	const uint8_t *p;
	size_t cluster;
	uint64_t file_size;
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

#define refuse(e, ...) err_set(e, ERR_REFUSED, "qcow2 header: " __VA_ARGS__)

bool qcow2_is(const void *head, size_t n)
{
	const uint8_t *p = head;

	return n >= 8 && memcmp(p, "QFI\xfb", 4) == 0 &&
	       be32(p + O_VERSION) >= 2;
}

size_t qcow2_head_need(const void *head, size_t n)
{
	const uint8_t *p = head;
	uint32_t bits;

	if (!qcow2_is(head, n) || n < O_CLUSTER_BITS + 4)
		return 0;
	bits = be32(p + O_CLUSTER_BITS);
	if (bits < QCOW2_CLUSTER_BITS_MIN || bits > QCOW2_CLUSTER_BITS_MAX)
		return 0;
	return (size_t)1 << bits;
}

void qcow2_clear(struct qcow2_header *h)
{
	mem_free(h->backing);
	mem_free(h->backing_format);
	mem_free(h->data_file);
	strv_clear(&h->unknown_ext);
	*h = (struct qcow2_header){0};
}

/* Magic, version, cluster size: what must be known to bound the rest. */
static int check_frame(const uint8_t *p, size_t n, uint64_t file_size,
		       struct head *hd, struct err *e)
{
	uint32_t version, bits;

	if (n < 4 || memcmp(p, "QFI\xfb", 4) != 0)
		return refuse(e, "no magic, this is not a qcow2 image");
	if (n < V2_LENGTH)
		return refuse(e, "truncated after %zu bytes", n);
	version = be32(p + O_VERSION);
	if (version != 2 && version != 3)
		return refuse(e, "version %" PRIu32 " is not 2 or 3", version);
	bits = be32(p + O_CLUSTER_BITS);
	if (bits < QCOW2_CLUSTER_BITS_MIN || bits > QCOW2_CLUSTER_BITS_MAX)
		return refuse(e, "cluster_bits %" PRIu32 " is not %d to %d",
			      bits, QCOW2_CLUSTER_BITS_MIN,
			      QCOW2_CLUSTER_BITS_MAX);
	hd->p = p;
	hd->cluster = (size_t)1 << bits;
	hd->file_size = file_size;
	if (file_size < hd->cluster)
		return refuse(e, "truncated, the file ends within its first "
				 "cluster");
	if (n < hd->cluster)
		return refuse(e, "%zu bytes were read, %zu are needed", n,
			      hd->cluster);
	return 0;
}

static void read_v2(const uint8_t *p, struct qcow2_header *h)
{
	h->version = be32(p + O_VERSION);
	h->cluster_bits = be32(p + O_CLUSTER_BITS);
	h->virtual_size = be64(p + O_SIZE);
	h->backing_offset = be64(p + O_BACKING_OFFSET);
	h->crypt_method = be32(p + O_CRYPT);
	h->l1_size = be32(p + O_L1_SIZE);
	h->l1_offset = be64(p + O_L1_OFFSET);
	h->refcount_table_offset = be64(p + O_REFTABLE_OFFSET);
	h->refcount_table_clusters = be32(p + O_REFTABLE_CLUSTERS);
	h->nb_snapshots = be32(p + O_NB_SNAPSHOTS);
	h->snapshots_offset = be64(p + O_SNAPSHOTS_OFFSET);
	h->refcount_order = 4;
	h->header_length = V2_LENGTH;
}

static int read_v3(const struct head *hd, struct qcow2_header *h, struct err *e)
{
	const uint8_t *p = hd->p;

	h->incompatible = be64(p + O_INCOMPAT);
	h->compatible = be64(p + O_COMPAT);
	h->autoclear = be64(p + O_AUTOCLEAR);
	h->refcount_order = be32(p + O_REFCOUNT_ORDER);
	h->header_length = be32(p + O_HEADER_LENGTH);
	if (h->header_length < V3_LENGTH)
		return refuse(e, "header_length %" PRIu32 " is less than %d",
			      h->header_length, V3_LENGTH);
	if (h->header_length > hd->cluster)
		return refuse(e, "header_length %" PRIu32 " exceeds a cluster",
			      h->header_length);
	if (h->header_length % 8)
		return refuse(
			e, "header_length %" PRIu32 " is not a multiple of 8",
			h->header_length);
	if (h->header_length > O_COMPRESSION)
		h->compression_type = p[O_COMPRESSION];
	return 0;
}

/* Combinations that QEMU does not open. */
static int check_features(const struct qcow2_header *h, struct err *e)
{
	bool bit = h->incompatible & QCOW2_INCOMPAT_COMPRESSION;

	if (h->refcount_order > REFCOUNT_ORDER_MAX)
		return refuse(e, "refcount_order %" PRIu32 " exceeds %u",
			      h->refcount_order, REFCOUNT_ORDER_MAX);
	if (h->compression_type > 1)
		return refuse(e, "unknown compression type %u",
			      h->compression_type);
	if (bit != (h->compression_type != 0))
		return refuse(e,
			      "compression type %u contradicts its "
			      "incompatible bit",
			      h->compression_type);
	if ((h->incompatible & QCOW2_INCOMPAT_EXTL2) && h->cluster_bits < 14)
		return refuse(
			e, "extended L2 with clusters of 2^%" PRIu32 " bytes",
			h->cluster_bits);
	if ((h->autoclear & QCOW2_AUTOCLEAR_DATA_FILE_RAW) &&
	    !(h->incompatible & QCOW2_INCOMPAT_DATA_FILE))
		return refuse(e,
			      "raw external data file bit without an external "
			      "data file");
	if (h->crypt_method > QCOW2_CRYPT_LUKS)
		return refuse(e, "unknown crypt_method %" PRIu32,
			      h->crypt_method);
	return 0;
}

/* A table of LEN bytes at OFF: aligned, not over the header, inside the file
 * (whose last cluster may be short). */
static int check_table(const struct head *hd, const char *what, uint64_t off,
		       uint64_t len, struct err *e)
{
	uint64_t mask = hd->cluster - 1, end;

	if (off & mask)
		return refuse(e, "%s is not cluster aligned", what);
	if (off < hd->cluster)
		return refuse(e, "%s overlaps the header", what);
	if (hd->file_size > INT64_MAX - mask)
		return refuse(e, "file size out of bounds");
	end = (hd->file_size + mask) & ~mask;
	if (off > end || len > end - off)
		return refuse(e, "%s lies beyond the end of the file", what);
	return 0;
}

static int check_l1(const struct head *hd, const struct qcow2_header *h,
		    struct err *e)
{
	uint32_t entry = h->incompatible & QCOW2_INCOMPAT_EXTL2 ? 4 : 3;
	uint32_t shift = 2 * h->cluster_bits - entry;
	uint64_t want = h->virtual_size >> shift;

	if (h->virtual_size > INT64_MAX)
		return refuse(e, "virtual size %" PRIu64 " is out of bounds",
			      h->virtual_size);
	if (h->virtual_size % 512)
		return refuse(e,
			      "virtual size %" PRIu64 " is not a multiple of "
			      "512",
			      h->virtual_size);
	if (h->virtual_size & (((uint64_t)1 << shift) - 1))
		want++;
	if (h->l1_size > L1_BYTES_MAX / 8)
		return refuse(e, "L1 table of %" PRIu32 " entries is too large",
			      h->l1_size);
	if (h->l1_size < want)
		return refuse(e,
			      "L1 table is too small for a virtual size of "
			      "%" PRIu64,
			      h->virtual_size);
	if (!h->l1_size)
		return 0;
	return check_table(hd, "L1 table", h->l1_offset,
			   (uint64_t)h->l1_size * 8, e);
}

static bool overlap(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
	return alen && blen && a < b + blen && b < a + alen;
}

static int check_tables(const struct head *hd, const struct qcow2_header *h,
			struct err *e)
{
	uint64_t rlen = (uint64_t)h->refcount_table_clusters * hd->cluster;
	uint64_t llen = (uint64_t)h->l1_size * 8;

	if (check_l1(hd, h, e))
		return -1;
	if (!rlen)
		return refuse(e, "no refcount table");
	if (rlen > REFTABLE_BYTES_MAX)
		return refuse(e, "refcount table is too large");
	if (check_table(hd, "refcount table", h->refcount_table_offset, rlen,
			e))
		return -1;
	if (overlap(h->l1_offset, llen, h->refcount_table_offset, rlen))
		return refuse(e, "L1 and refcount tables overlap");
	if (h->nb_snapshots > SNAPSHOTS_MAX)
		return refuse(e, "%" PRIu32 " snapshots are too many",
			      h->nb_snapshots);
	/* 40: a snapshot's fixed part */
	if (h->nb_snapshots &&
	    check_table(hd, "snapshot table", h->snapshots_offset,
			(uint64_t)h->nb_snapshots * 40, e))
		return -1;
	return 0;
}

/* A string of the first cluster: no NUL inside, not empty. */
static int read_name(const uint8_t *p, size_t len, const char *what, char **out,
		     struct err *e)
{
	if (*out)
		return refuse(e, "%s is there twice", what);
	if (!len)
		return refuse(e, "%s is empty", what);
	if (memchr(p, 0, len))
		return refuse(e, "%s contains NUL", what);
	*out = mem_strndup((const char *)p, len);
	return 0;
}

static int read_bitmaps(const uint8_t *p, size_t len, struct qcow2_header *h,
			struct err *e)
{
	if (h->has_bitmaps)
		return refuse(e, "bitmaps extension is there twice");
	h->has_bitmaps = true;
	if (len != 24)
		return refuse(e, "bitmaps extension of %zu bytes", len);
	h->nb_bitmaps = be32(p);
	/* QEMU drops the extension unread when the bit is clear */
	if (!(h->autoclear & QCOW2_AUTOCLEAR_BITMAPS))
		return 0;
	if (h->nb_bitmaps == 0 || h->nb_bitmaps > BITMAPS_MAX)
		return refuse(e, "%" PRIu32 " bitmaps", h->nb_bitmaps);
	if (be32(p + 4) != 0)
		return refuse(e, "bitmaps extension: reserved field is set");
	return 0;
}

static int read_crypto(const uint8_t *p, size_t len, struct qcow2_header *h,
		       struct err *e)
{
	(void)p;
	if (h->has_crypto)
		return refuse(e, "encryption extension is there twice");
	if (h->crypt_method != QCOW2_CRYPT_LUKS)
		return refuse(e, "encryption extension without LUKS");
	if (len != 16)
		return refuse(e, "encryption extension of %zu bytes", len);
	h->has_crypto = true;
	return 0;
}

static int read_one_ext(uint32_t type, const uint8_t *p, size_t len,
			struct qcow2_header *h, struct err *e)
{
	switch (type) {
	case EXT_BACKING_FORMAT:
		if (len > BACKING_FORMAT_MAX)
			return refuse(e, "backing format of %zu bytes", len);
		return read_name(p, len, "backing format", &h->backing_format,
				 e);
	case EXT_DATA_FILE:
		h->has_data_file = true;
		return read_name(p, len, "external data file name",
				 &h->data_file, e);
	case EXT_BITMAPS:
		return read_bitmaps(p, len, h, e);
	case EXT_CRYPTO:
		return read_crypto(p, len, h, e);
	case EXT_FEATURE_NAMES:
		return 0;
	}
	strv_addf(&h->unknown_ext, "0x%08" PRIx32, type);
	return 0;
}

/* QEMU's area: from the header's end to the backing name, or, without one, to
 * the end of the first cluster.  The area need not have an end mark. */
static int read_exts(const struct head *hd, struct qcow2_header *h,
		     struct err *e)
{
	size_t off = h->header_length;
	size_t end = h->backing_offset ? h->backing_offset : hd->cluster;

	while (off < end) {
		uint32_t type, len;

		if (end - off < 8)
			return refuse(e, "extension area is cut short");
		type = be32(hd->p + off);
		len = be32(hd->p + off + 4);
		off += 8;
		if (len > end - off)
			return refuse(e,
				      "extension 0x%08" PRIx32 " of %" PRIu32
				      " bytes is too large",
				      type, len);
		if (type == EXT_END)
			return 0;
		if (read_one_ext(type, hd->p + off, len, h, e))
			return -1;
		off += ((size_t)len + 7) & ~(size_t)7;
	}
	return 0;
}

static int read_backing(const struct head *hd, struct qcow2_header *h,
			struct err *e)
{
	uint32_t len = be32(hd->p + O_BACKING_SIZE);

	if (!h->backing_offset) {
		if (len)
			return refuse(e, "backing name has a length but no "
					 "offset");
		return 0;
	}
	if (h->backing_offset < h->header_length)
		return refuse(e, "backing name overlaps the header");
	if (h->backing_offset >= hd->cluster)
		return refuse(e, "backing name is not in the first cluster");
	if (len > QCOW2_BACKING_MAX)
		return refuse(e, "backing name of %" PRIu32 " bytes", len);
	if (len > hd->cluster - h->backing_offset)
		return refuse(e, "backing name leaves the first cluster");
	return read_name(hd->p + h->backing_offset, len, "backing name",
			 &h->backing, e);
}

static int parse(const struct head *hd, struct qcow2_header *h, struct err *e)
{
	read_v2(hd->p, h);
	if (h->version == 3 && read_v3(hd, h, e))
		return -1;
	if (check_features(h, e) || check_tables(hd, h, e) ||
	    read_backing(hd, h, e) || read_exts(hd, h, e))
		return -1;
	return 0;
}

int qcow2_parse(const void *head, size_t n, uint64_t file_size,
		struct qcow2_header *h, struct err *e)
{
	struct head hd;

	*h = (struct qcow2_header){0};
	if (check_frame(head, n, file_size, &hd, e))
		return -1;
	if (parse(&hd, h, e)) {
		qcow2_clear(h);
		return -1;
	}
	return 0;
}
