/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this disk be moved, and what must be done to the copy?
 *
 *	struct image_disk_in in = {.name = "disk", ...};
 *	struct image_disk d = {0};
 *
 *	if (image_disk_check(&in, &d, e))	refused, with the reason
 *	if (d.base_name) {
 *		... read the base's head ...
 *		if (image_base_check(&bin, &b, e))
 *	}
 *	if (d.needs_rebase)
 *		image_rebase_argv(&argv, b.format, path, copy, e)
 *	image_disk_clear(&d);
 *
 * Format: disk.info, checked against the domain's <driver type>; they must
 * agree.  No record: raw, unless the XML says otherwise; never by sniffing.
 * Only a file that is declared qcow2 is parsed at all.  A base is owned by the
 * image service, not by the guest, so there a head may serve as evidence when
 * the overlay does not name the format (overlays that Nova made before 19.2.0,
 * 20.2.0 and 21.0.0: LP 1864020).
 *
 * Refused: version not 2 or 3, unknown incompatible bits, the corrupt bit,
 * external data files, encryption, internal snapshots, names that are not
 * exactly <base dir>/<plain name>, chains deeper than overlay and base, a
 * virtual size out of bounds, and raw disks going to a host whose backend would
 * take them for qcow2 (nova/virt/libvirt/driver.py finish_migration calls that
 * a severe security flaw).
 */
#ifndef NH_IMAGE_RULES_H
#define NH_IMAGE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "image/format.h"
#include "image/names.h"
#include "image/qcow2.h"

/* Where .max_virtual is 0. */
#define IMAGE_MAX_VIRTUAL ((uint64_t)64 << 40)

/* What the target's nova.conf makes of a local disk: images_type, and
 * use_cow_images where that is "default". */
enum image_backend {
	IMAGE_BACKEND_UNKNOWN = 0,
	IMAGE_BACKEND_FLAT, /* raw, flat, or default without COW */
	IMAGE_BACKEND_QCOW2,
	IMAGE_BACKEND_RBD,
	IMAGE_BACKEND_LVM,
};

/* The rule for DEFAULT, raw, flat, qcow2, rbd, lvm; other words UNKNOWN. */
enum image_backend image_backend_by_name(const char *images_type,
					 bool use_cow_images);

struct image_disk_in {
	const char *name;	 /* entry in the instance directory */
	const char *info_format; /* disk.info's word for it, or NULL */
	const char *xml_format;	 /* <driver type>, or NULL */
	const void *head;	 /* qcow2_head_need() bytes, or the whole file;
				    for raw IMAGE_MAGIC_LEN are enough */
	size_t head_len;
	uint64_t file_size;
	/* Each accepted form of <instances_path>/_base on the source (as
	 * configured, as resolved), absolute, no slash at the end;
	 * NULL-terminated. */
	const char *const *base_dirs;
	const char *target_base_dir; /* its one form on the target, or NULL */
	enum image_backend target_backend;
	uint64_t max_virtual; /* 0: IMAGE_MAX_VIRTUAL */
	bool stopped;	      /* the guest is shut off: a dirty bit warns */
};

struct image_disk {
	enum image_format format;
	enum image_magic magic;	       /* what the head looks like */
	uint64_t virtual_size;	       /* of raw: the file's size */
	struct qcow2_header qcow2;     /* only of a qcow2 */
	char *base_name;	       /* plain name in _base, or NULL; owned */
	enum image_format base_format; /* as the overlay says, else UNKNOWN */
	bool needs_rebase;	       /* on the copy, before the first start */
	const char *rebase_why;
	struct strv warnings;
};

int image_disk_check(const struct image_disk_in *in, struct image_disk *d,
		     struct err *e);
void image_disk_clear(struct image_disk *d);

/* What the disk is by its records alone: raw or qcow2, or UNKNOWN with E set
 * when they disagree or name something else.  Decides how much of the head has
 * to be read before image_disk_check(). */
enum image_format image_declared_format(const char *info_format,
					const char *xml_format, struct err *e);

struct image_base_in {
	const char *name;	       /* plain name in _base */
	enum image_format from_header; /* image_disk.base_format */
	uint64_t overlay_virtual;      /* image_disk.virtual_size */
	const void *head;
	size_t head_len;
	uint64_t file_size;
	uint64_t max_virtual;
};

struct image_base {
	enum image_format format; /* never UNKNOWN after success */
	uint64_t virtual_size;
	struct strv warnings;
};

int image_base_check(const struct image_base_in *in, struct image_base *b,
		     struct err *e);
void image_base_clear(struct image_base *b);

/* Adds `qemu-img rebase -u -f qcow2 -F FORMAT -b BASE_PATH COPY` to ARGV.  Both
 * paths are absolute and plain.  To be run as nova, with limits, on the copy;
 * it changes nothing but the header. */
int image_rebase_argv(struct strv *argv, enum image_format format,
		      const char *base_path, const char *copy, struct err *e);

#endif
