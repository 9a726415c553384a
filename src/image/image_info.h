/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an image's header really says, for `novahaul image info`.
 *
 * Our own parser, first cluster only, so it is safe on a hostile file.  Nothing
 * is refused: what would stop a move is listed as a problem.
 */
#ifndef NH_IMAGE_IMAGE_INFO_H
#define NH_IMAGE_IMAGE_INFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "image/format.h"
#include "image/qcow2.h"

struct image_info {
	enum image_format format; /* as declared; UNKNOWN if nobody said */
	enum image_magic magic;
	uint64_t file_size;
	bool parsed; /* .qcow2 holds something */
	struct qcow2_header qcow2;
	struct strv problems; /* each would stop a move */
	struct strv notes;    /* worth knowing */
};

/* DECLARED UNKNOWN: parsed as what it looks like, and a note says so. */
void image_info_read(enum image_format declared, const void *head, size_t n,
		     uint64_t file_size, struct image_info *i);
void image_info_clear(struct image_info *i);

/* Fields in a fixed order with stable names: NAMES->v[k] is VALUES->v[k]. */
void image_info_fields(const struct image_info *i, struct strv *names,
		       struct strv *values);
/* "name: value" lines, problems and notes last, for a person. */
void image_info_lines(const struct image_info *i, struct strv *lines);

#endif
