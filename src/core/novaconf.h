/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one host's nova-compute is really configured to do.
 *
 *	struct novaconf c = NOVACONF_INIT;
 *
 *	if (novaconf_parse(files, n, env, &c, &e)) ...
 *	novaconf_clear(&c);
 *
 * FILES are the texts of nova-compute's --config-file arguments and of the
 * *.conf files of its --config-dir, in the order in which oslo.config reads
 * them (/proc/<pid>/cmdline tells; Debian adds /etc/nova/nova-compute.conf).
 * ENV is its environment, whose OS_<GROUP>__<OPTION> win over every file.
 *
 * Options are looked up under their present name and then under those they
 * had in older releases, back to Icehouse (nova/conf/, `deprecated_name`;
 * nova/virt/libvirt/driver.py@2014.1.5).  Pure: opens nothing.
 *
 * The connection URLs hold passwords: never log or print them.
 */
#ifndef NH_CORE_NOVACONF_H
#define NH_CORE_NOVACONF_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

struct novaconf_file {
	const char *name; /* for messages */
	const char *text;
	size_t len;
};

/* Strings are owned, and never NULL unless said so. */
struct novaconf {
	char *state_path;     /* /var/lib/nova */
	char *instances_path; /* $state_path/instances */
	char *base_dir_name;  /* _base: the image cache's directory */
	char *images_type;    /* default, qcow2, raw, flat, lvm, rbd, ploop */
	bool use_cow_images;
	bool force_raw_images;
	char *preallocate_images; /* none, space */
	char *config_drive_format;
	/* Icehouse also knew "always": true. */
	bool force_config_drive;
	char *default_ephemeral_format; /* or NULL */
	char *virt_type;		/* kvm, qemu, ... */
	char *host;			/* or NULL: the host's own name */
	char *my_ip;			/* or NULL: Nova finds it by routing */
	char *vnc_listen;
	char *instance_name_template;
	char *cpu_mode;	  /* or NULL: Nova's own choice by virt_type */
	char *cpu_models; /* comma-separated; or NULL */
	bool swtpm_enabled;
	char *swtpm_user, *swtpm_group;
	bool resume_guests;   /* resume_guests_state_on_host_boot */
	char *connection;     /* [database] connection, or NULL */
	char *api_connection; /* [api_database] connection, or NULL */
	bool has_placement;
	bool has_neutron;
};

#define NOVACONF_INIT                                                          \
	{                                                                      \
		0                                                              \
	}

/* ERR_REFUSED, with the file and line, for what oslo.config refuses too, and
 * for a boolean that Nova could not start with. */
int novaconf_parse(const struct novaconf_file *files, size_t n,
		   const char *const *env, struct novaconf *c, struct err *e);
void novaconf_clear(struct novaconf *c);

/* The domain name of the instance whose row in `instances` is ID: what
 * nova/objects/instance.py:name makes of instance_name_template, for templates
 * of one %d or %x, or of %(uuid)s and %(id)d.  NULL for any other template.
 * The caller frees. */
char *novaconf_instance_name(const struct novaconf *c, long long id,
			     const char *uuid) NH_DEALLOC(mem_free);

#endif
