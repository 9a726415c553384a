/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table, and the walk over it.
 *
 * Read from Nova's nova/virt/libvirt/config.py (2014.1.5, 26.2.2, 33.0.2), what
 * libvirt adds by itself when it defines such a domain, and libvirt's
 * docs/formatdomain (9.0).
 */
#include "domain/rules_priv.h"

#include <string.h>

struct rule {
	const char *parent, *name;
	enum rule_act act;
	const char *id;	 /* RULE_REFUSE: the reason's */
	const char *why; /* RULE_REFUSE: what it is, for people */
	rule_fn *fn;	 /* decides instead of ACT */
};

#define KEEP(p, n)                                                             \
	{                                                                      \
		p, n, RULE_KEEP, NULL, NULL, NULL                              \
	}
#define TREE(p, n)                                                             \
	{                                                                      \
		p, n, RULE_TREE, NULL, NULL, NULL                              \
	}
#define DROP(p, n)                                                             \
	{                                                                      \
		p, n, RULE_DROP, NULL, NULL, NULL                              \
	}
#define NO(p, n, id, why)                                                      \
	{                                                                      \
		p, n, RULE_REFUSE, id, why, NULL                               \
	}
#define ASK(p, n, fn)                                                          \
	{                                                                      \
		p, n, RULE_REFUSE, NULL, NULL, fn                              \
	}

static const struct rule rules[] = {
	/* --- the guest as such */
	KEEP("domain", "name"),
	KEEP("domain", "uuid"),
	KEEP("domain", "genid"),
	TREE("domain", "title"),
	TREE("domain", "description"),
	TREE("domain", "metadata"),
	KEEP("domain", "memory"),
	KEEP("domain", "currentMemory"),
	KEEP("domain", "maxMemory"),
	ASK("domain", "vcpu", rules_vcpu),
	TREE("domain", "vcpus"),
	KEEP("domain", "iothreads"),
	TREE("domain", "iothreadids"),
	KEEP("domain", "defaultiothread"),
	TREE("domain", "memtune"),
	TREE("domain", "features"),
	TREE("domain", "cpu"),
	TREE("domain", "clock"),
	KEEP("domain", "on_poweroff"),
	KEEP("domain", "on_reboot"),
	KEEP("domain", "on_crash"),
	KEEP("domain", "on_lockfailure"),
	TREE("domain", "pm"),
	TREE("domain", "perf"),
	ASK("domain", "sysinfo", rules_sysinfo),
	DROP("domain", "resource"),
	DROP("domain", "seclabel"),
	ASK("domain", "os", rules_os),
	KEEP("domain", "devices"),
	NO("domain", "numatune", "numa", "memory bound to host NUMA nodes"),
	NO("domain", "launchSecurity", "memory-encryption",
	   "memory encrypted for one host's processor"),
	NO("domain", "commandline", "qemu-commandline",
	   "arguments passed to QEMU unseen"),

	KEEP("domain", "cputune"),
	KEEP("cputune", "shares"),
	KEEP("cputune", "period"),
	KEEP("cputune", "quota"),
	KEEP("cputune", "global_period"),
	KEEP("cputune", "global_quota"),
	KEEP("cputune", "emulator_period"),
	KEEP("cputune", "emulator_quota"),
	NO("cputune", "vcpupin", "pinned", "CPUs pinned to the host's"),
	NO("cputune", "emulatorpin", "pinned", "emulator pinned to CPUs"),
	NO("cputune", "iothreadpin", "pinned", "I/O threads pinned to CPUs"),
	NO("cputune", "vcpusched", "pinned", "real-time CPUs"),
	NO("cputune", "cachetune", "pinned", "host CPU cache reserved"),

	KEEP("domain", "blkiotune"),
	KEEP("blkiotune", "weight"),
	NO("blkiotune", "device", "disk-option", "limits of a host device"),

	KEEP("domain", "memoryBacking"),
	KEEP("memoryBacking", "nosharepages"),
	KEEP("memoryBacking", "locked"),
	KEEP("memoryBacking", "access"),
	KEEP("memoryBacking", "allocation"),
	KEEP("memoryBacking", "discard"),
	ASK("memoryBacking", "source", rules_mem_source),
	NO("memoryBacking", "hugepages", "hugepages", "huge pages"),

	/* --- boot */
	KEEP("os", "type"),
	ASK("os", "loader", rules_loader),
	ASK("os", "nvram", rules_nvram),
	ASK("os", "kernel", rules_boot_file),
	ASK("os", "initrd", rules_boot_file),
	TREE("os", "cmdline"),
	KEEP("os", "boot"),
	KEEP("os", "bootmenu"),
	KEEP("os", "bios"),
	KEEP("os", "smbios"),
	TREE("os", "firmware"),

	/* --- devices */
	ASK("devices", "emulator", rules_emulator),
	KEEP("devices", "controller"),
	KEEP("controller", "driver"),
	KEEP("controller", "model"),
	KEEP("controller", "target"),
	KEEP("controller", "address"),
	KEEP("controller", "master"),

	ASK("devices", "disk", rules_disk),
	KEEP("disk", "driver"),
	ASK("disk", "source", rules_disk_source),
	DROP("disk", "backingStore"),
	NO("disk", "mirror", "disk-job", "a block job that still runs"),
	KEEP("disk", "target"),
	TREE("disk", "iotune"),
	KEEP("disk", "serial"),
	KEEP("disk", "wwn"),
	KEEP("disk", "vendor"),
	KEEP("disk", "product"),
	KEEP("disk", "readonly"),
	KEEP("disk", "shareable"),
	KEEP("disk", "boot"),
	KEEP("disk", "geometry"),
	KEEP("disk", "blockio"),
	KEEP("disk", "address"),
	TREE("disk", "auth"),
	NO("disk", "encryption", "disk-encryption",
	   "a key that only the source host has"),
	TREE("source", "auth"),
	ASK("source", "host", rules_disk_host),
	NO("source", "encryption", "disk-encryption",
	   "a key that only the source host has"),
	NO("source", "reservations", "disk-option",
	   "SCSI persistent reservations"),

	ASK("devices", "interface", rules_iface),
	KEEP("interface", "mac"),
	ASK("interface", "source", rules_iface_source),
	ASK("interface", "target", rules_iface_target),
	ASK("interface", "virtualport", rules_iface_vport),
	ASK("interface", "script", rules_iface_script),
	ASK("interface", "backend", rules_iface_backend),
	KEEP("interface", "model"),
	TREE("interface", "driver"),
	TREE("interface", "bandwidth"),
	TREE("interface", "vlan"),
	KEEP("interface", "mtu"),
	KEEP("interface", "link"),
	KEEP("interface", "boot"),
	KEEP("interface", "address"),
	TREE("interface", "coalesce"),
	KEEP("interface", "port"),
	KEEP("interface", "rom"),
	KEEP("interface", "acpi"),
	NO("interface", "filterref", "iface-filter",
	   "a packet filter that Nova keeps on the source host"),

	ASK("devices", "serial", rules_chardev),
	ASK("devices", "console", rules_chardev),
	ASK("devices", "parallel", rules_chardev),
	ASK("devices", "channel", rules_chardev),
	ASK("chardev", "target", rules_chardev_target),
	ASK("chardev", "log", rules_chardev_log),
	KEEP("chardev", "source"), /* judged with its device */
	KEEP("chardev", "protocol"),
	KEEP("chardev", "address"),

	ASK("devices", "graphics", rules_graphics),
	KEEP("graphics", "listen"), /* judged with its device */
	ASK("graphics", "gl", rules_graphics_gl),
	KEEP("graphics", "channel"),
	KEEP("graphics", "image"),
	KEEP("graphics", "jpeg"),
	KEEP("graphics", "zlib"),
	KEEP("graphics", "playback"),
	KEEP("graphics", "streaming"),
	KEEP("graphics", "clipboard"),
	KEEP("graphics", "mouse"),
	KEEP("graphics", "filetransfer"),

	KEEP("devices", "tpm"),
	ASK("tpm", "backend", rules_tpm_backend),
	KEEP("tpm", "address"),
	KEEP("backend", "encryption"),
	TREE("backend", "active_pcr_banks"),
	TREE("backend", "profile"),

	KEEP("devices", "rng"),
	ASK("rng", "backend", rules_rng),
	KEEP("rng", "rate"),
	TREE("rng", "driver"),
	KEEP("rng", "address"),

	TREE("devices", "video"),
	TREE("devices", "sound"),
	TREE("devices", "memballoon"),
	TREE("devices", "watchdog"),
	TREE("devices", "panic"),
	TREE("devices", "hub"),
	TREE("devices", "iommu"),
	TREE("devices", "redirfilter"),
	ASK("devices", "input", rules_input),
	KEEP("input", "address"),
	KEEP("input", "driver"),
	ASK("devices", "audio", rules_audio),
	ASK("devices", "redirdev", rules_redirdev),
	KEEP("redirdev", "address"),
	KEEP("redirdev", "boot"),
	ASK("devices", "hostdev", rules_hostdev),
	NO("devices", "memory", "vpmem", "a memory device"),
	NO("devices", "filesystem", "filesystem",
	   "a file system of the host, shared with the guest"),
	NO("devices", "shmem", "shmem", "memory shared with the host"),
	NO("devices", "vsock", "vsock", "an address on the host"),
	NO("devices", "lease", "lease", "a lock held by the host"),
	NO("devices", "smartcard", "smartcard", "a device of the host"),
};

static const struct rule *find(const char *parent, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (!strcmp(rules[i].parent, parent) &&
		    !strcmp(rules[i].name, name))
			return &rules[i];
	return NULL;
}

enum rule_act rules_refuse(struct rule_ctx *c, const char *id, const char *fmt,
			   ...)
{
	struct domain_reasons *r = c->out;
	char *text;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < r->n; i++) {
		if (!strcmp(r->v[i].id, id) && !strcmp(r->v[i].text, text)) {
			mem_free(text);
			return RULE_REFUSE;
		}
	}
	r->v = mem_realloc(r->v, r->n + 1, sizeof(*r->v));
	r->v[r->n++] =
		(struct domain_reason){.id = mem_strdup(id), .text = text};
	return RULE_REFUSE;
}

/* The four kinds of character devices have the same children. */
static const char *class_of(const xmlNode *node)
{
	static const char *const chardevs[] = {"serial", "console", "parallel",
					       "channel"};

	for (size_t i = 0; i < ARRAY_SIZE(chardevs); i++)
		if (xml_is(node, chardevs[i]) &&
		    xml_is(node->parent, "devices"))
			return "chardev";
	return (const char *)node->name;
}

static enum rule_act judge(struct rule_ctx *c, xmlNode *n)
{
	const char *name = (const char *)n->name;
	const char *parent = (const char *)n->parent->name;
	const struct rule *r = find(class_of(n->parent), name);

	/* What libvirt fills in by itself, wherever it stands. */
	if (!n->ns && (!strcmp(name, "alias") || !strcmp(name, "seclabel") ||
		       !strcmp(name, "privateData")))
		return RULE_DROP;
	if (n->ns)
		return rules_refuse(c, "qemu-commandline",
				    "<%s:%s> in <%s>: hypervisor settings "
				    "that libvirt does not check",
				    n->ns->prefix ? (const char *)n->ns->prefix
						  : "",
				    name, parent);
	if (!r)
		return rules_refuse(c, "element",
				    "<%s> in <%s>: not known to be the same "
				    "on another host",
				    name, parent);
	if (r->fn)
		return r->fn(c, n);
	if (r->act == RULE_REFUSE)
		return rules_refuse(c, r->id, "<%s> in <%s>: %s", name, parent,
				    r->why);
	return r->act;
}

static void walk(struct rule_ctx *c, xmlNode *parent)
{
	xmlNode *next;

	for (xmlNode *n = xml_first(parent, NULL); n; n = next) {
		next = xml_next(n, NULL);
		switch (judge(c, n)) {
		case RULE_REFUSE:
		case RULE_TREE:
			break;
		case RULE_KEEP:
			walk(c, n);
			break;
		case RULE_DROP:
			xml_drop(n);
			break;
		}
	}
}

void rules_walk(struct rule_ctx *c, xmlNode *root)
{
	if (rules_root(c, root) == RULE_KEEP)
		walk(c, root);
}

/* Text that only the guest or people read. */
static bool is_free_text(const xmlNode *n)
{
	static const struct {
		const char *parent, *name;
	} free_text[] = {
		{"domain", "metadata"},	   {"domain", "title"},
		{"domain", "description"}, {"os", "cmdline"},
		{"domain", "sysinfo"}, /* smbios only: rules_sysinfo */
	};

	for (size_t i = 0; i < ARRAY_SIZE(free_text); i++)
		if (xml_is(n, free_text[i].name) &&
		    xml_is(n->parent, free_text[i].parent))
			return true;
	return false;
}

static void scan_value(struct rule_ctx *c, const xmlNode *n, const char *s)
{
	s += strspn(s, " \t\r\n");
	if (*s == '/' && !strv_has(&c->vetted, s))
		rules_refuse(c, "host-path", "<%s> in <%s> names %s",
			     (const char *)n->name,
			     (const char *)n->parent->name, s);
}

static void scan_node(struct rule_ctx *c, const xmlNode *n)
{
	for (const xmlAttr *a = n->properties; a; a = a->next) {
		AUTO(mem_freep) char *s = xml_attr(n, (const char *)a->name);

		if (a->ns || !s)
			rules_refuse(c, "element", "<%s %s=> in <%s>",
				     (const char *)n->name,
				     (const char *)a->name,
				     (const char *)n->parent->name);
		else
			scan_value(c, n, s);
	}
	for (const xmlNode *t = n->children; t; t = t->next)
		if (t->type == XML_TEXT_NODE && t->content)
			scan_value(c, n, (const char *)t->content);
}

void rules_scan(struct rule_ctx *c, const xmlNode *root)
{
	for (const xmlNode *n = xml_first(root, NULL); n;
	     n = xml_next(n, NULL)) {
		if (is_free_text(n))
			continue;
		scan_node(c, n);
		rules_scan(c, n);
	}
}
