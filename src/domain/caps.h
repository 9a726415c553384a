/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a host's libvirt says of itself: parsers for the output of
 * `virsh capabilities`, `domcapabilities`, `secret-dumpxml`, `domstats --raw`
 * and `domstate --reason`.  XML where there is XML; the same limits as
 * domain.h.
 */
#ifndef NH_DOMAIN_CAPS_H
#define NH_DOMAIN_CAPS_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"

/* `virsh capabilities` */
struct caps_guest {
	char *arch;
	char *emulator;
	struct strv machines; /* canonical names and aliases */
	bool kvm, qemu;
};

struct caps_host {
	char *uuid, *arch, *cpu_model, *cpu_vendor;
	struct strv secmodels; /* selinux, apparmor: what confines guests */
	struct caps_guest *guests;
	size_t n_guests;
};

struct caps_host *caps_host_parse(const char *xml, size_t len, struct err *e);
void caps_host_free(struct caps_host *c);
/* NULL when the host cannot run ARCH. */
const struct caps_guest *caps_host_guest(const struct caps_host *c,
					 const char *arch);

/* `virsh domcapabilities` */
struct caps_domain {
	char *path, *type, *machine, *arch;
	struct strv loaders;   /* firmware files that are there */
	struct strv firmwares; /* efi, bios */
	bool secure_boot;
	bool tpm;
	struct strv tpm_models, tpm_backends, tpm_versions;
	bool cpu_host_passthrough, cpu_host_model, cpu_custom;
	struct strv cpu_usable; /* custom models that this host can run */
	struct strv cpu_known;	/* all custom models */
};

struct caps_domain *caps_domain_parse(const char *xml, size_t len,
				      struct err *e);
void caps_domain_free(struct caps_domain *c);

/* `virsh secret-dumpxml`; its value is never asked for. */
struct caps_secret {
	char *uuid, *usage_type, *usage_name;
	bool ephemeral, private_;
};

struct caps_secret *caps_secret_parse(const char *xml, size_t len,
				      struct err *e);
void caps_secret_free(struct caps_secret *s);

/* virDomainState and its reasons as numbers, libvirt's public ABI. */
enum caps_state {
	CAPS_STATE_NONE = 0,
	CAPS_STATE_RUNNING = 1,
	CAPS_STATE_BLOCKED = 2,
	CAPS_STATE_PAUSED = 3,
	CAPS_STATE_SHUTDOWN = 4, /* on its way down */
	CAPS_STATE_SHUTOFF = 5,
	CAPS_STATE_CRASHED = 6,
	CAPS_STATE_PMSUSPENDED = 7,
};

/* `domstats --state --raw UUID`; REASON gets the name or the number. */
int caps_domstats_parse(const char *out, enum caps_state *state,
			char reason[48], struct err *e);
/* `domstate --reason`, for libvirt before 1.2.8, in the C locale. */
int caps_domstate_parse(const char *out, enum caps_state *state,
			char reason[48], struct err *e);

#endif
