/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The qcow2 header, read from the first cluster alone.
 *
 *	struct qcow2_header h = {0};
 *	size_t need = qcow2_head_need(head, n);
 *
 *	... read `need` bytes of the file if n was less ...
 *	if (qcow2_parse(head, n, file_size, &h, e))
 *		return err_wrap(e, "...");
 *	qcow2_clear(&h);
 *
 * Only for files that a record declares to be qcow2; a guest can write this
 * header into any raw disk.  The parser bounds everything by the first cluster
 * and refuses (ERR_REFUSED) whatever is malformed, ambiguous or beyond QEMU's
 * own limits: two readers must not be able to disagree about an image.  It
 * accepts features that we do not move; image/rules.h is the policy.
 *
 * Layout: qemu docs/interop/qcow2.  Extension area and limits:
 * qemu block/qcow2.c qcow2_do_open(), qcow2_read_extensions().
 */
#ifndef NH_IMAGE_QCOW2_H
#define NH_IMAGE_QCOW2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

#define QCOW2_CLUSTER_BITS_MIN 9
#define QCOW2_CLUSTER_BITS_MAX 21
/* The most that qcow2_head_need() can ask for: the largest cluster. */
#define QCOW2_HEAD_MAX ((size_t)1 << QCOW2_CLUSTER_BITS_MAX)
#define QCOW2_BACKING_MAX 1023

enum {
	QCOW2_INCOMPAT_DIRTY = 1 << 0,
	QCOW2_INCOMPAT_CORRUPT = 1 << 1,
	QCOW2_INCOMPAT_DATA_FILE = 1 << 2,
	QCOW2_INCOMPAT_COMPRESSION = 1 << 3,
	QCOW2_INCOMPAT_EXTL2 = 1 << 4,
	QCOW2_INCOMPAT_KNOWN = (1 << 5) - 1,
	QCOW2_COMPAT_LAZY_REFCOUNTS = 1 << 0,
	QCOW2_AUTOCLEAR_BITMAPS = 1 << 0,
	QCOW2_AUTOCLEAR_DATA_FILE_RAW = 1 << 1,
	QCOW2_CRYPT_NONE = 0,
	QCOW2_CRYPT_AES = 1,
	QCOW2_CRYPT_LUKS = 2,
};

struct qcow2_header {
	uint32_t version; /* 2 or 3 */
	uint32_t cluster_bits;
	uint64_t virtual_size;
	char *backing;	      /* name as stored; NULL if none; owned */
	char *backing_format; /* extension; NULL if missing; owned */
	uint64_t backing_offset;
	uint32_t crypt_method;
	uint32_t l1_size;
	uint64_t l1_offset;
	uint64_t refcount_table_offset;
	uint32_t refcount_table_clusters;
	uint32_t nb_snapshots;
	uint64_t snapshots_offset;
	uint64_t incompatible; /* 0 in version 2, like the next two */
	uint64_t compatible;
	uint64_t autoclear;
	uint32_t refcount_order;
	uint32_t header_length; /* 72 in version 2 */
	uint8_t compression_type;
	bool has_data_file; /* the extension is there */
	char *data_file;    /* its name; owned */
	bool has_crypto;    /* full-disk-encryption pointer */
	bool has_bitmaps;
	uint32_t nb_bitmaps;
	struct strv unknown_ext; /* "0x12345678", each */
};

/* Does it begin with QFI\xfb and a version of 2 or more? */
bool qcow2_is(const void *head, size_t n);
/* How many bytes of the file qcow2_parse() wants: the cluster size that the
 * head names, or 0 when that cannot be told (the parser then says why). */
size_t qcow2_head_need(const void *head, size_t n);
/* HEAD holds the first N bytes of a file of FILE_SIZE bytes; N must reach the
 * end of the first cluster or of the file.  Fills H, which the caller clears;
 * on error H is empty. */
int qcow2_parse(const void *head, size_t n, uint64_t file_size,
		struct qcow2_header *h, struct err *e);
void qcow2_clear(struct qcow2_header *h);

#endif
