/* SPDX-License-Identifier: Apache-2.0 */
#include "image/owner.h"

#include <stdbool.h>
#include <string.h>

static bool listed(const char *const *names, const char *name)
{
	if (!names)
		return true;
	for (; *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static bool usable(const struct image_owner_rules *r,
		   const struct image_owner *o)
{
	return o && o->user && o->group && listed(r->users, o->user) &&
	       listed(r->groups, o->group);
}

static const struct image_owner *neighbour(const struct image_owner_rules *r,
					   enum image_role role)
{
	for (size_t i = 0; i < r->n_seen; i++)
		if (r->seen[i].role == role && usable(r, &r->seen[i].owner))
			return &r->seen[i].owner;
	return NULL;
}

/* Writable by group or others only where a neighbour is too; set-id never. */
static uint32_t mode_of(enum image_role role)
{
	switch (role) {
	case IMAGE_ROLE_DIR:
		return 0755;
	case IMAGE_ROLE_NVRAM:
	case IMAGE_ROLE_TPM_FILE:
		return 0600;
	case IMAGE_ROLE_TPM_DIR:
		return 0711; /* nova/privsep/path.py; swtpm's parent */
	case IMAGE_ROLE_UNKNOWN:
	case IMAGE_ROLE_DISK:
	case IMAGE_ROLE_LOCAL:
	case IMAGE_ROLE_EPHEMERAL:
	case IMAGE_ROLE_SWAP:
	case IMAGE_ROLE_CONFIG:
	case IMAGE_ROLE_INFO:
	case IMAGE_ROLE_KERNEL:
	case IMAGE_ROLE_RAMDISK:
	case IMAGE_ROLE_CONSOLE:
	case IMAGE_ROLE_XML:
	case IMAGE_ROLE_RESCUE:
	case IMAGE_ROLE_DEBRIS:
	case IMAGE_ROLE_VTPM:
	case IMAGE_ROLE_BASE:
		break;
	}
	return 0644;
}

static int exists(const struct image_owner_rules *r, enum image_role role,
		  const struct image_owner *o, struct err *e)
{
	const char *what = image_role_name(role);

	if (!listed(r->users, o->user))
		err_set(e, ERR_REFUSED, "owner of %s: no user \"%s\" here",
			what, o->user);
	else if (!listed(r->groups, o->group))
		err_set(e, ERR_REFUSED, "owner of %s: no group \"%s\" here",
			what, o->group);
	else
		return 0;
	return err_hint(e, "name the users of this host in novahaul.conf");
}

/* NVRAM and vTPM state: not Nova's files. */
static int owner_outside(const struct image_owner_rules *r,
			 enum image_role role, struct image_owner *out,
			 struct err *e)
{
	const struct image_owner *n = neighbour(r, role);

	if (n) {
		*out = *n;
		out->mode &= 0777;
		return 0;
	}
	out->mode = mode_of(role);
	if (role == IMAGE_ROLE_NVRAM) {
		out->user = r->qemu_user;
		out->group = r->qemu_group;
		if (!out->user || !out->group) {
			/* AppArmor lets only the file's owner read it */
			err_set(e, ERR_REFUSED,
				"owner of nvram: qemu.conf's user and group "
				"are not known");
			return err_hint(e, "set qemu_user and qemu_group in "
					   "novahaul.conf");
		}
	} else {
		out->user = r->tpm_user ? r->tpm_user : "tss";
		out->group = r->tpm_group ? r->tpm_group : out->user;
	}
	return exists(r, role, out, e);
}

/* Kept as on the source where that name exists here: read-only images are not
 * given back by libvirt, so their owner says how this cloud is run. */
static bool as_source(enum image_role role)
{
	return role == IMAGE_ROLE_CONFIG || role == IMAGE_ROLE_CONSOLE;
}

static int owner_static(const struct image_owner_rules *r, enum image_role role,
			struct image_owner *out, struct err *e)
{
	const struct image_owner *n = neighbour(r, role);

	/* any disk tells as much as the same kind of disk */
	if (!n)
		n = neighbour(r, IMAGE_ROLE_DISK);
	if (!n) {
		err_set(e, ERR_REFUSED,
			"owner of %s: dynamic_ownership is off and there is "
			"no neighbour to copy it from",
			image_role_name(role));
		return err_hint(e, "start a guest there once through Nova: its "
				   "files show the owners");
	}
	*out = *n;
	out->mode &= 0777;
	return 0;
}

static int owner_nova(const struct image_owner_rules *r, enum image_role role,
		      const struct image_owner *source, struct image_owner *out,
		      struct err *e)
{
	const struct image_owner *n = neighbour(r, role);

	out->mode = mode_of(role);
	if (as_source(role) && usable(r, source) &&
	    strcmp(source->user, "root") != 0) {
		out->user = source->user;
		out->group = source->group;
		if (source->mode & 0777)
			out->mode = source->mode & 0777;
		return 0;
	}
	out->user = r->nova_user ? r->nova_user : "nova";
	out->group = r->nova_group ? r->nova_group : out->user;
	/* A neighbour's numbers where nova has no such name (containers), its
	 * mode in any case: both hold only for what Nova itself owns, for
	 * root:root is what an old libvirt leaves behind after a stop. */
	if (n && strcmp(n->user, "root") != 0) {
		if (!listed(r->users, out->user)) {
			out->user = n->user;
			out->group = n->group;
		}
		if (strcmp(n->user, out->user) == 0) {
			out->group = n->group;
			out->mode = n->mode & 0777;
		}
	}
	return exists(r, role, out, e);
}

int image_owner_of(const struct image_owner_rules *r, enum image_role role,
		   const struct image_owner *source, struct image_owner *out,
		   struct err *e)
{
	*out = (struct image_owner){0};
	if (role == IMAGE_ROLE_NVRAM || role == IMAGE_ROLE_TPM_DIR ||
	    role == IMAGE_ROLE_TPM_FILE)
		return owner_outside(r, role, out, e);
	if (r->user) {
		out->user = r->user;
		out->group = r->group ? r->group : r->user;
		out->mode = mode_of(role);
		return exists(r, role, out, e);
	}
	/* Nova's own, and open to all: QEMU reads them without libvirt. */
	if (r->dynamic == IMAGE_DYNAMIC_OFF && role != IMAGE_ROLE_DIR &&
	    role != IMAGE_ROLE_BASE)
		return owner_static(r, role, out, e);
	return owner_nova(r, role, source, out, e);
}
