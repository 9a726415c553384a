/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disk images and instance directories: what they are, and what may be moved.
 *
 * Everything here is pure: it is given bytes and words that somebody else has
 * read, opens nothing, runs nothing, and never trusts a guest-writable byte.
 * What cannot be moved safely comes back as ERR_REFUSED with the reason.
 *
 *	image/format.h	    raw or qcow2, and what a head merely looks like
 *	image/qcow2.h	    the qcow2 header, bounded by the first cluster
 *	image/rules.h	    may this disk, and this base, be moved; rebase argv
 *	image/names.h	    entries of instances_path, of an instance, of _base
 *	image/owner.h	    who must own an installed file, by name
 *	image/diskinfo.h    Nova's disk.info (the one part that needs jansson)
 *	image/image_info.h  a header told to a person
 */
#ifndef NH_IMAGE_IMAGE_H
#define NH_IMAGE_IMAGE_H

#include "image/diskinfo.h"
#include "image/format.h"
#include "image/image_info.h"
#include "image/names.h"
#include "image/owner.h"
#include "image/qcow2.h"
#include "image/rules.h"

#endif
