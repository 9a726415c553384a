/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who must own an installed file.  Names, never numbers: ids differ between
 * hosts (Debian fixed libvirt-qemu's 64055 late; RHEL has 107).  The caller
 * turns names into numbers on the target, with getent there.
 *
 * With libvirt's dynamic ownership (the default) a start gives each disk to the
 * QEMU user itself, and what matters is that nova can read, copy and delete the
 * files while the guest is stopped.  Without it nothing ever fixes an owner:
 * what a healthy neighbour on the target has is the only truth.
 */
#ifndef NH_IMAGE_OWNER_H
#define NH_IMAGE_OWNER_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "image/names.h"

enum image_dynamic {
	IMAGE_DYNAMIC_UNKNOWN = 0, /* taken for on, qemu.conf's default */
	IMAGE_DYNAMIC_ON,
	IMAGE_DYNAMIC_OFF,
};

/* Strings are borrowed everywhere here. */
struct image_owner {
	const char *user, *group;
	uint32_t mode;
};

/* A file of a neighbour on the target, as stat and getent show it. */
struct image_neighbour {
	enum image_role role;
	struct image_owner owner;
};

struct image_owner_rules {
	/* Operator's words, for every file of the instance directory and
	 * _base; NULL: decide. */
	const char *user, *group;
	/* The host profile's names; NULL: "nova", and group = user's name. */
	const char *nova_user, *nova_group;
	/* qemu.conf's user and group; NULL: not known. */
	const char *qemu_user, *qemu_group;
	/* swtpm_user, swtpm_group; NULL: tss, tss. */
	const char *tpm_user, *tpm_group;
	enum image_dynamic dynamic;
	/* Of neighbours that are stopped (with dynamic ownership) or in any
	 * state (without). */
	const struct image_neighbour *seen;
	size_t n_seen;
	/* Names that exist on the target, NULL-terminated; NULL: all do. */
	const char *const *users;
	const char *const *groups;
};

/* What a file of ROLE must become on the target.  SOURCE is what it is on the
 * source.  ERR_REFUSED when nothing tells, with the setting that would. */
int image_owner_of(const struct image_owner_rules *r, enum image_role role,
		   const struct image_owner *source, struct image_owner *out,
		   struct err *e);

#endif
