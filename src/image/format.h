/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disk formats.
 *
 * Two questions that must never be mixed up:
 *
 *  - enum image_format: what the image IS.  Decided by a record (disk.info, the
 *    domain's <driver type>), never by its contents.  Nova's libvirt driver
 *    writes only raw and qcow2 files (nova/virt/libvirt/imagebackend.py); any
 *    other word is refused.
 *
 *  - enum image_magic: what the first bytes LOOK LIKE.  The guest writes those,
 *    so on a guest's disk the answer may only warn or refuse (CVE-2013-1922,
 *    CVE-2015-1850, CVE-2024-40767).
 */
#ifndef NH_IMAGE_FORMAT_H
#define NH_IMAGE_FORMAT_H

#include <stddef.h>

enum image_format {
	IMAGE_FORMAT_UNKNOWN = 0,
	IMAGE_FORMAT_RAW,
	IMAGE_FORMAT_QCOW2,
};

/* "raw", "qcow2", "unknown". */
const char *image_format_name(enum image_format f);
/* UNKNOWN for NULL and for every other word. */
enum image_format image_format_by_name(const char *name);

enum image_magic {
	IMAGE_MAGIC_NONE = 0, /* nothing that a format prober would take */
	IMAGE_MAGIC_QCOW2,    /* QFI\xfb, any version, so qcow1 as well */
	IMAGE_MAGIC_QED,
	IMAGE_MAGIC_VMDK, /* also the text descriptor */
	IMAGE_MAGIC_VHD,
	IMAGE_MAGIC_VHDX,
	IMAGE_MAGIC_VDI,
	IMAGE_MAGIC_PARALLELS,
	IMAGE_MAGIC_BOCHS,
	IMAGE_MAGIC_CLOOP,
	IMAGE_MAGIC_LUKS, /* an encrypted raw disk: harmless in a raw image */
};

/* Bytes of a file's head that image_magic_of() can make use of. */
#define IMAGE_MAGIC_LEN 512

/* Looks at no more than N bytes of HEAD; fewer bytes, fewer answers. */
enum image_magic image_magic_of(const void *head, size_t n);
/* "qcow2", "vmdk", ..., "none". */
const char *image_magic_name(enum image_magic m);

#endif
