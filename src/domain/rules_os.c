/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for the guest itself and for what it boots from. */
#include "domain/rules_priv.h"

#include <string.h>

/* Where distributions put firmware; QEMU maps whatever is named here. */
#define FIRMWARE_DIR "/usr/share/"

enum rule_act rules_root(struct rule_ctx *c, xmlNode *root)
{
	AUTO(mem_freep) char *type = xml_attr(root, "type");

	xml_attr_drop(root, "id");
	if (!rules_plain(c->name) || c->name[0] == '_')
		rules_refuse(c, "identity",
			     "the domain's name \"%s\" is not a plain word",
			     c->name);
	if (!type || (strcmp(type, "kvm") && strcmp(type, "qemu")))
		return rules_refuse(c, "identity",
				    "domain type \"%s\" is not kvm or qemu",
				    type ? type : "");
	/* Under TCG the guest would see another processor, and crawl. */
	if (c->dst && !strcmp(type, "kvm") && !c->dst->has_kvm)
		rules_refuse(c, "kvm", "the target has no KVM");
	return RULE_KEEP;
}

enum rule_act rules_vcpu(struct rule_ctx *c, xmlNode *n)
{
	if (xml_attr_has(n, "cpuset"))
		return rules_refuse(c, "pinned",
				    "<vcpu> is bound to CPUs of the host");
	return RULE_KEEP;
}

enum rule_act rules_sysinfo(struct rule_ctx *c, xmlNode *n)
{
	if (!xml_attr_is(n, "type", "smbios"))
		return rules_refuse(c, "element",
				    "<sysinfo> other than SMBIOS");
	return RULE_TREE;
}

enum rule_act rules_mem_source(struct rule_ctx *c, xmlNode *n)
{
	if (!xml_attr_is(n, "type", "anonymous") &&
	    !xml_attr_is(n, "type", "memfd"))
		return rules_refuse(c, "memory-file",
				    "memory is a file of the host");
	return RULE_KEEP;
}

/* libvirt 9.2 and later adds firmware='efi' and the features beside the paths
 * it has chosen, or was given; before that (qemu_firmware.c, 5.2 to 9.1) the
 * same attribute means "choose anew at each start, whatever the path", which is
 * another firmware for the NVRAM that goes along.  Paths alone mean the same to
 * all of them. */
enum rule_act rules_os(struct rule_ctx *c, xmlNode *n)
{
	AUTO(mem_freep) char *path = xml_text_at(n, "loader");
	xmlNode *features = xml_first(n, "firmware");

	if (!xml_attr_is(n, "firmware", "efi"))
		return RULE_KEEP;
	if (!path || !path[strspn(path, " \t\r\n")])
		return rules_refuse(c, "firmware",
				    "<os firmware='efi'> without a <loader>: "
				    "the firmware is chosen at each start, and "
				    "may be another one there");
	xml_attr_drop(n, "firmware");
	if (features)
		xml_drop(features);
	return RULE_KEEP;
}

/* Elsewhere than on Debian and its like, firmware may be kept in qcow2; older
 * libvirt takes that for the bytes themselves. */
static bool is_raw(const xmlNode *n, const char *attr)
{
	return !xml_attr_has(n, attr) || xml_attr_is(n, attr, "raw");
}

static bool in_list(const char *const *list, const char *s)
{
	for (; *list; list++)
		if (!strcmp(*list, s))
			return true;
	return false;
}

static bool is_firmware_path(const char *path)
{
	return rules_clean_path(path) &&
	       !strncmp(path, FIRMWARE_DIR, strlen(FIRMWARE_DIR));
}

enum rule_act rules_loader(struct rule_ctx *c, xmlNode *n)
{
	AUTO(mem_freep) char *path = xml_text(n);

	if (!is_raw(n, "format"))
		return rules_refuse(c, "firmware",
				    "<loader> is not a raw image");
	/* Without a path there are attributes only. */
	if (!path || !path[strspn(path, " \t\r\n")])
		return RULE_KEEP;
	if (!is_firmware_path(path) || xml_attr_is(n, "readonly", "no"))
		return rules_refuse(c, "firmware",
				    "<loader> %s is not firmware below %s",
				    path, FIRMWARE_DIR);
	if (c->dst && c->dst->loaders && !in_list(c->dst->loaders, path))
		return rules_refuse(c, "firmware",
				    "the target has no firmware %s", path);
	strv_add(&c->vetted, path);
	return RULE_KEEP;
}

/* "/dir/NAME_VARS.fd" of this very domain; points past "/dir/", else NULL. */
static const char *own_nvram(const struct rule_ctx *c, const char *path)
{
	const char *dir = c->src->nvram_dir ? c->src->nvram_dir
					    : "/var/lib/libvirt/qemu/nvram";
	size_t d = strlen(dir), n = strlen(c->name);
	const char *base;

	if (!rules_clean_path(path) || strncmp(path, dir, d) || path[d] != '/')
		return NULL;
	base = path + d + 1;
	if (!rules_plain(base) || strncmp(base, c->name, n) ||
	    strncmp(base + n, "_VARS.", strlen("_VARS.")))
		return NULL;
	return base;
}

enum rule_act rules_nvram(struct rule_ctx *c, xmlNode *n)
{
	xmlNode *source = xml_first(n, "source");
	AUTO(mem_freep) char *tmpl = xml_attr(n, "template");
	AUTO(mem_freep)
	char *path = source ? xml_attr(source, "file") : xml_text(n);
	AUTO(mem_freep) char *to = NULL;
	const char *dir, *base;

	if (!is_raw(n, "format") || !is_raw(n, "templateFormat"))
		return rules_refuse(c, "nvram", "NVRAM is not a raw image");
	if (tmpl && !is_firmware_path(tmpl))
		return rules_refuse(c, "nvram",
				    "NVRAM template %s is not below %s", tmpl,
				    FIRMWARE_DIR);
	if (tmpl)
		strv_add(&c->vetted, tmpl);
	if (source && !xml_attr_is(n, "type", "file"))
		return rules_refuse(c, "nvram", "NVRAM that is not a file");
	if (!path || !*path)
		return RULE_TREE;
	base = own_nvram(c, path);
	if (!base)
		return rules_refuse(c, "nvram", "NVRAM %s is not the domain's",
				    path);
	dir = c->dst && c->dst->nvram_dir ? c->dst->nvram_dir
	      : c->dst			  ? "/var/lib/libvirt/qemu/nvram"
	      : c->src->nvram_dir	  ? c->src->nvram_dir
					  : "/var/lib/libvirt/qemu/nvram";
	to = mem_printf("%s/%s", dir, base);
	strv_add(&c->vetted, to);
	if (source)
		xml_attr_set(source, "file", to);
	else
		xml_text_set(n, to);
	return RULE_TREE;
}

enum rule_act rules_boot_file(struct rule_ctx *c, xmlNode *n)
{
	return rules_map_at(c, n, NULL, "disk-path");
}
