/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk that decides what an element of a domain means for another host.
 *
 * rules.c holds the table: (parent, element) -> keep, keep whole, drop, refuse,
 * or a handler that looks closer (rules_dev.c, rules_os.c).  What is not in
 * the table is refused.  The walk edits the tree in place and collects reasons
 * instead of stopping, so that people see all of them at once.
 */
#ifndef NH_DOMAIN_RULES_PRIV_H
#define NH_DOMAIN_RULES_PRIV_H

#include "core/buf.h"
#include "domain/domain.h"
#include "domain/xml_priv.h"

enum rule_act {
	RULE_REFUSE = 0, /* a handler that says this has given its reason */
	RULE_KEEP,	 /* the element stays; its children are looked at */
	RULE_TREE,	 /* it stays as a whole */
	RULE_DROP,	 /* the target's libvirt fills it in itself */
};

struct rule_ctx {
	const struct domain_place *src;
	const struct domain_target *dst; /* NULL: only the source is judged */
	char *name, *uuid;
	struct domain_reasons *out;
	struct strv vetted; /* absolute paths that may stay in the result */
};

typedef enum rule_act rule_fn(struct rule_ctx *c, xmlNode *node);

void rules_walk(struct rule_ctx *c, xmlNode *root);
/* Whatever absolute path is left and nobody vetted becomes a reason. */
void rules_scan(struct rule_ctx *c, const xmlNode *root);
/* Adds a reason, once; returns RULE_REFUSE. */
enum rule_act rules_refuse(struct rule_ctx *c, const char *id, const char *fmt,
			   ...) NH_PRINTF(3, 4);

/* The path on the target of a file that belongs to the instance, vetted; NULL
 * when PATH is not below its directory (or _base, if BASE). */
char *rules_map(struct rule_ctx *c, const char *path, bool base);
/* Is SOURCE one of the volumes that the database says are the instance's? */
bool rules_is_volume(const struct rule_ctx *c, const char *source);
/* One path component that cannot leave its folder: [A-Za-z0-9._-]. */
bool rules_plain(const char *s);
/* Absolute, no empty, "." or ".." component, no trailing slash. */
bool rules_clean_path(const char *path);
/* Maps the path in ATTR of NODE (NULL: its text) in place; a path that is not
 * the instance's is a reason ID. */
enum rule_act rules_map_at(struct rule_ctx *c, xmlNode *node, const char *attr,
			   const char *id);

rule_fn rules_root, rules_vcpu, rules_sysinfo, rules_mem_source;
rule_fn rules_os, rules_loader, rules_nvram, rules_boot_file;
rule_fn rules_emulator, rules_disk, rules_disk_source, rules_disk_host;
rule_fn rules_iface, rules_iface_source, rules_iface_target, rules_iface_vport,
	rules_iface_script, rules_iface_backend;
rule_fn rules_chardev, rules_chardev_log, rules_chardev_target;
rule_fn rules_graphics, rules_graphics_gl, rules_tpm_backend, rules_rng,
	rules_audio, rules_redirdev, rules_input, rules_hostdev;

#endif
