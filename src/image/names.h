/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names under instances_path: what they are and what becomes of them in a move.
 *
 * Nova: nova/virt/libvirt/utils.py get_instance_path(), imagebackend.py,
 * imagecache.py _scan_base_images(), driver.py rescue(), _cleanup_resize().
 */
#ifndef NH_IMAGE_NAMES_H
#define NH_IMAGE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/mem.h"
#include "core/uuid.h"

enum image_act {
	IMAGE_ACT_REFUSE = 0, /* do not move the instance; .why says why */
	IMAGE_ACT_COPY,
	IMAGE_ACT_REWRITE,  /* copy with its contents adapted: disk.info */
	IMAGE_ACT_OPTIONAL, /* only if asked for: console.log */
	IMAGE_ACT_RECREATE, /* the target's start makes it */
	IMAGE_ACT_NEVER,    /* leave it; debris is worth a warning */
};

enum image_role {
	IMAGE_ROLE_UNKNOWN = 0, /* not ours to judge; goes with REFUSE */
	IMAGE_ROLE_DISK,	/* disk: the root disk */
	IMAGE_ROLE_LOCAL,	/* disk.local */
	IMAGE_ROLE_EPHEMERAL,	/* disk.eph<N> */
	IMAGE_ROLE_SWAP,	/* disk.swap */
	IMAGE_ROLE_CONFIG,	/* disk.config: always raw, read-only */
	IMAGE_ROLE_INFO,	/* disk.info */
	IMAGE_ROLE_KERNEL,
	IMAGE_ROLE_RAMDISK,
	IMAGE_ROLE_CONSOLE, /* console.log and its rotated files */
	IMAGE_ROLE_XML,	    /* libvirt.xml, until Mitaka */
	IMAGE_ROLE_RESCUE,  /* unrescue.xml, *.rescue */
	IMAGE_ROLE_DEBRIS,  /* of an interrupted operation of Nova */
	IMAGE_ROLE_VTPM,    /* swtpm/: a half-done vTPM move */
	/* What image/owner.h also has to place. */
	IMAGE_ROLE_DIR,	 /* the instance directory itself */
	IMAGE_ROLE_BASE, /* a file in _base */
	IMAGE_ROLE_NVRAM,
	IMAGE_ROLE_TPM_DIR,
	IMAGE_ROLE_TPM_FILE,
};

enum image_ftype {
	IMAGE_FTYPE_OTHER = 0, /* link, device, socket: always refused */
	IMAGE_FTYPE_REG,
	IMAGE_FTYPE_DIR,
};

struct image_name {
	enum image_act act;
	enum image_role role;
	const char *why; /* static; NULL for COPY */
};

/* One entry of an instance directory. */
struct image_name image_name_of(const char *entry, enum image_ftype type);
/* A guest's disk, that is a file with a format in disk.info. */
bool image_role_is_disk(enum image_role r);
const char *image_role_name(enum image_role r);
const char *image_act_name(enum image_act a);

/* Entries of instances_path itself. */
enum image_dir {
	IMAGE_DIR_OTHER = 0,
	IMAGE_DIR_INSTANCE, /* <uuid> */
	IMAGE_DIR_RESIZE,   /* <uuid>_resize: a pending resize, or its rest */
	IMAGE_DIR_DEL,	    /* <uuid>_del: a half-finished delete */
	IMAGE_DIR_LEGACY,   /* instance-0000002a: wins until Mitaka */
	IMAGE_DIR_BASE,	    /* _base */
	IMAGE_DIR_LOCKS,
	IMAGE_DIR_SNAPSHOTS,
	IMAGE_DIR_NODES, /* compute_nodes, a file: never copy it */
	IMAGE_DIR_OURS,	 /* .novahaul */
	IMAGE_DIR_PROBE, /* <hex>.tmp: Nova's shared-storage test */
};

/* UUID, unless NULL, is filled for the three that have one, else emptied. */
enum image_dir image_dir_of(const char *entry, char uuid[UUID_LEN + 1]);

/* Files in _base. */
enum image_base_kind {
	IMAGE_BASE_OTHER = 0,
	IMAGE_BASE_IMAGE,     /* <sha1> */
	IMAGE_BASE_SIZED,     /* <sha1>_<GiB>, legacy */
	IMAGE_BASE_SMALL,     /* <sha1>_sm */
	IMAGE_BASE_SWAP,      /* swap_<MiB> */
	IMAGE_BASE_EPHEMERAL, /* ephemeral_<GiB>_<tag> */
	IMAGE_BASE_INFO,      /* *.info: checksums until Mitaka; never copy */
	IMAGE_BASE_TEMP,      /* *.part, *.tmp, *.converted: being written */
};

struct image_base_name {
	enum image_base_kind kind;
	uint64_t size; /* GiB or MiB where the name holds one */
	bool copy;     /* may be the base of a disk that we move */
	/* Seconds without a touch after which Nova's image cache manager may
	 * delete it while it looks unused; 0: it does not look at it. */
	unsigned int sweep_s;
	/* ephemeral_<GiB>_default, Icehouse and Juno: the sweeper of 23 and
	 * later takes it for one of its own and never for a used one. */
	bool mistaken;
};

struct image_base_name image_base_name_of(const char *name);

/* One path component of safe bytes ([A-Za-z0-9._-], up to 255), not "." or
 * "..", not beginning with "." or "-". */
bool image_name_plain(const char *name);
/* A hostile name made fit for a message: in double quotes, bytes other than
 * printable ASCII as \xNN, cut after 120.  The caller frees. */
char *image_name_quote(const char *name) NH_DEALLOC(mem_free) NH_NONNULL;

#endif
