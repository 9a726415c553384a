/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk.info: one JSON object, absolute path of a disk -> its format, one line
 * (nova/virt/libvirt/imagebackend.py resolve_driver_format(), since 2014.1).
 *
 * Nova's Flat backend trusts it; where the path is not a key it runs qemu-img
 * on the guest's disk and believes the answer (CVE-2026-24708's remaining
 * hole).  So it travels, and its keys follow the directory:
 *
 *	if (diskinfo_parse(text, len, &d, e) ||
 *	    diskinfo_rewrite(&d, source_dirs, target_dir, e))
 *		...
 *	char *line = diskinfo_write(&d);
 */
#ifndef NH_IMAGE_DISKINFO_H
#define NH_IMAGE_DISKINFO_H

#include <stddef.h>

#include "core/err.h"
#include "core/mem.h"
#include "image/format.h"

/* No real one is near that. */
#define DISKINFO_MAX 65536

struct diskinfo_entry {
	char *path; /* owned */
	enum image_format format;
};

struct diskinfo {
	struct diskinfo_entry *v; /* in the file's order */
	size_t n;
};

/* Empty text is an empty record, as for Nova.  ERR_REFUSED: too long, not an
 * object, a key twice, a format other than raw and qcow2. */
int diskinfo_parse(const char *text, size_t n, struct diskinfo *d,
		   struct err *e);
void diskinfo_clear(struct diskinfo *d);
/* "raw" or "qcow2", or NULL when PATH has no record. */
const char *diskinfo_format(const struct diskinfo *d, const char *path);
/* The record for DIR/NAME, DIR being any of the NULL-terminated DIRS. */
const char *diskinfo_format_in(const struct diskinfo *d,
			       const char *const *dirs, const char *name);
/* Moves every key from one of FROM (the instance directory as configured, as
 * resolved; NULL-terminated) to TO.  A key elsewhere, or not a plain name in
 * that directory, is refused and D is left as it was. */
int diskinfo_rewrite(struct diskinfo *d, const char *const *from,
		     const char *to, struct err *e);
/* As Nova writes it: one line, no newline.  The caller frees. */
char *diskinfo_write(const struct diskinfo *d) NH_DEALLOC(mem_free) NH_NONNULL;

#endif
