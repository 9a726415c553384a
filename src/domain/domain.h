/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a libvirt domain's XML says, and what it may say on another host.
 *
 *	XML ── domain_parse ───────────> struct domain		facts
 *	XML ── domain_check_movable ───> list of reasons	refusals
 *	XML ── domain_adapt ───────────> XML for the target	or ERR_REFUSED
 *
 * The XML comes from `virsh dumpxml --inactive`, without --security-info, so
 * that nothing secret is journalled.  It is still hostile: Nova's own stale
 * XML once opened other tenants' block devices (CVE-2020-17376).  Therefore:
 *   - no DTD, no entity, no network, no huge document, at most 1 MiB;
 *   - the last two functions walk the whole tree with one table of elements
 *     whose meaning for another host is understood (domain/rules.c); any other
 *     element refuses the move by its name;
 *   - afterwards any value that is an absolute path and was not vetted refuses
 *     it too, whichever element it is in.
 * Pure: no file is opened and nothing is remembered between calls.
 *
 * Facts of Nova that the rules mirror: nova/virt/libvirt/config.py and
 * driver.py, 2014.1.5 to 33.0.2.
 */
#ifndef NH_DOMAIN_DOMAIN_H
#define NH_DOMAIN_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

/* Longer XML is refused. */
#define DOMAIN_XML_MAX (1024 * 1024)

/* Strings below are NULL where the XML has no such thing; all owned. */
struct domain_disk {
	char *type;   /* file, block, network, volume, ... */
	char *device; /* disk, cdrom, floppy, lun */
	char *source; /* path, device, or "rbd:pool/image" */
	char *format; /* driver type: raw, qcow2 */
	char *cache, *io;
	char *dev, *bus; /* vda, virtio */
	char *serial;	 /* Nova puts a volume's id here */
	bool readonly, shareable;
	bool has_backing; /* a <backingStore> that names a source */
	bool encrypted;
};

enum domain_plug {
	DOMAIN_PLUG_NONE = 0, /* not one that we can plug */
	DOMAIN_PLUG_BRIDGE,   /* a tap on a Linux bridge */
	DOMAIN_PLUG_OVS,      /* libvirt adds the tap to an OVS bridge */
	DOMAIN_PLUG_HYBRID,   /* tap on qbr, veth qvb-qvo, port on OVS */
};

struct domain_iface {
	char *type; /* bridge, ethernet, network, hostdev, vhostuser, ... */
	char *mac;
	char *bridge;  /* source bridge */
	char *target;  /* tap name */
	char *vport;   /* virtualport type: openvswitch, ... */
	char *port_id; /* Neutron's: virtualport interfaceid, or metadata */
	char *model;
	char *filter; /* nwfilter */
	unsigned mtu; /* 0: none given */
	enum domain_plug plug;
};

struct domain_tpm {
	bool present;
	char *model;   /* tpm-tis, tpm-crb, tpm-spapr */
	char *backend; /* emulator, passthrough, external */
	char *version; /* 1.2, 2.0 */
	char *secret;  /* uuid of the libvirt secret that encrypts it */
	bool persistent;
};

struct domain_firmware {
	char *firmware; /* os firmware=: efi, bios */
	char *loader, *loader_type;
	bool secure;
	char *nvram, *nvram_template;
};

struct domain_graphics {
	char *type, *listen;
	int port; /* -1: automatic */
};

struct domain {
	char *name, *uuid;
	char *type; /* kvm, qemu */
	char *arch, *machine, *emulator;
	uint64_t memory_kib;
	unsigned vcpus;
	bool live; /* XML of a running domain (has an id) */
	char *cpu_mode, *cpu_match, *cpu_model;
	struct strv cpu_features; /* "+name" required, "-name" disabled */
	char *kernel, *initrd;
	struct domain_firmware fw;
	struct domain_tpm tpm;
	struct domain_disk *disks;
	size_t n_disks;
	struct domain_iface *ifaces;
	size_t n_ifaces;
	struct domain_graphics *graphics;
	size_t n_graphics;
	struct strv secrets; /* of libvirt, that disks need: uuids */
	struct strv logs;    /* files that consoles write to */
	size_t n_hostdevs;   /* PCI and USB */
	size_t n_mdevs;
	size_t n_filesystems;
	size_t n_seclabels;
	bool hugepages, pinned, numatune, launch_security, managed_memory_file;
	char *nova_name;  /* metadata: the server's display name */
	char *nova_owner; /* metadata: project uuid */
};

/* NULL on error: ERR_REFUSED for hostile or foreign XML. */
struct domain *domain_parse(const char *xml, size_t len, struct err *e);
void domain_free(struct domain *d);
void domain_freep(struct domain **d); /* for AUTO() */

/*
 * Neutron's port id of the interface with MAC, from the instance's network
 * info cache: releases before Wallaby do not have it in the XML of a hybrid
 * plug.  False when no interface has that MAC, or the XML says another id.
 */
bool domain_set_port_id(struct domain *d, const char *mac, const char *id);

/* Where the XML may point to on its own host.  Paths have no trailing '/'. */
struct domain_place {
	/* instances_path as the host spells it, e.g. with and without its
	 * symbolic links resolved; NULL-terminated */
	const char *const *instances;
	const char *base;      /* cache folder's name; NULL: "_base" */
	const char *nvram_dir; /* NULL: /var/lib/libvirt/qemu/nvram */
	/* Exactly those disks outside the instance directory that the database
	 * says are this instance's and that both hosts reach under the same
	 * name: paths, or "rbd:pool/image"; NULL-terminated, or NULL */
	const char *const *volumes;
};

/* Where it goes. */
struct domain_target {
	const char *instances; /* instances_path, absolute */
	const char *nvram_dir; /* NULL: /var/lib/libvirt/qemu/nvram */
	const char *listen;    /* consoles listen here; NULL: 127.0.0.1 */
	const char *emulator;  /* NULL: libvirt's default */
	bool has_kvm;
	/* firmware that domcapabilities lists; NULL-terminated; NULL: any */
	const char *const *loaders;
};

struct domain_reason {
	char *id;   /* stable: "hostdev", "disk-path", ... */
	char *text; /* for people, names the element */
};

struct domain_reasons {
	struct domain_reason *v;
	size_t n;
};

void domain_reasons_clear(struct domain_reasons *r);
bool domain_reasons_has(const struct domain_reasons *r, const char *id);

/*
 * All reasons for which direct control must not move this domain; none means
 * that domain_adapt() will accept it, as far as the target is not concerned.
 *
 *	hostdev mdev vpmem filesystem shmem vsock lease smartcard redirdev
 *	iface-type iface-filter iface-name
 *	disk-block disk-network disk-path disk-encryption disk-job disk-option
 *	pinned numa hugepages memory-file memory-encryption
 *	tpm-passthrough firmware nvram serial chardev rng audio
 *	graphics graphics-secret graphics-port
 *	qemu-commandline element host-path identity
 */
int domain_check_movable(const char *xml, size_t len,
			 const struct domain_place *src,
			 struct domain_reasons *out, struct err *e);

/*
 * The same domain for the target host.  Changed: paths below instances_path
 * (also of a directory that is named after the domain, as up to Mitaka, which
 * becomes the uuid's), NVRAM's folder, emulator, listen addresses.  Dropped:
 * id, aliases, security labels, backing stores, what libvirt filled in at run
 * time.  Kept verbatim: name, uuid, machine type, CPU, guest addresses.
 * ERR_REFUSED with the first of the reasons above, or one of the target:
 * no KVM there, firmware unknown there.
 */
int domain_adapt(const char *xml, size_t len, const struct domain_place *src,
		 const struct domain_target *dst, struct buf *out,
		 struct err *e);

#endif
