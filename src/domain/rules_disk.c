/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for disks. */
#include "domain/rules_priv.h"

#include <string.h>

/* Every attribute but those listed (NULL-terminated) is a reason. */
static bool only_attrs(struct rule_ctx *c, const xmlNode *n,
		       const char *const *known)
{
	bool ok = true;

	for (const xmlAttr *a = n->properties; a; a = a->next) {
		const char *const *k = known;

		while (*k && strcmp(*k, (const char *)a->name))
			k++;
		if (*k)
			continue;
		rules_refuse(c, "disk-option", "<%s %s=> of a disk",
			     (const char *)n->name, (const char *)a->name);
		ok = false;
	}
	return ok;
}

enum rule_act rules_disk(struct rule_ctx *c, xmlNode *n)
{
	static const char *const known[] = {"type", "device", "model",
					    "snapshot", NULL};
	AUTO(mem_freep) char *type = xml_attr(n, "type");
	AUTO(mem_freep) char *dev = xml_attr_at(n, "target", "dev");

	if (!only_attrs(c, n, known))
		return RULE_REFUSE;
	if (xml_attr_is(n, "device", "lun"))
		return rules_refuse(c, "disk-block",
				    "disk %s is a SCSI device of the host",
				    dev ? dev : "?");
	if (type && !strcmp(type, "network"))
		return RULE_KEEP;
	if (!type || strcmp(type, "file"))
		return rules_refuse(c, "disk-block",
				    "disk %s is of type %s, bound to the host",
				    dev ? dev : "?", type ? type : "unknown");
	return RULE_KEEP;
}

/* An image that Nova's rbd backend made for this instance:
 * nova/virt/libvirt/imagebackend.py:Rbd, Icehouse to master. */
static bool is_own_rbd(const struct rule_ctx *c, const char *source)
{
	const char *slash = strrchr(source, '/');

	return !strncmp(source, "rbd:", 4) && slash &&
	       !strncmp(slash + 1, c->uuid, strlen(c->uuid)) &&
	       slash[1 + strlen(c->uuid)] == '_' && rules_plain(slash + 1);
}

static enum rule_act network_source(struct rule_ctx *c, xmlNode *n)
{
	static const char *const known[] = {"protocol", "name", "index", NULL};
	AUTO(mem_freep) char *proto = xml_attr(n, "protocol");
	AUTO(mem_freep) char *name = xml_attr(n, "name");
	AUTO(mem_freep)
	char *source =
		mem_printf("%s:%s", proto ? proto : "", name ? name : "");

	if (!only_attrs(c, n, known))
		return RULE_REFUSE;
	if (!proto || strcmp(proto, "rbd"))
		return rules_refuse(c, "disk-network",
				    "disk over %s: its export belongs to the "
				    "source host",
				    proto ? proto : "an unknown protocol");
	if (!is_own_rbd(c, source) && !rules_is_volume(c, source))
		return rules_refuse(c, "disk-network",
				    "%s is not known as this instance's",
				    source);
	xml_attr_drop(n, "index");
	return RULE_KEEP;
}

enum rule_act rules_disk_source(struct rule_ctx *c, xmlNode *n)
{
	static const char *const known[] = {"file", "startupPolicy", "index",
					    NULL};
	AUTO(mem_freep) char *path = xml_attr(n, "file");

	if (xml_attr_is(n->parent, "type", "network"))
		return network_source(c, n);
	if (!only_attrs(c, n, known))
		return RULE_REFUSE;
	xml_attr_drop(n, "index");
	if (!path)
		return RULE_KEEP; /* an empty drive */
	if (rules_is_volume(c, path) && rules_clean_path(path)) {
		strv_add(&c->vetted, path);
		return RULE_KEEP;
	}
	return rules_map_at(c, n, "file", "disk-path");
}

/* A Ceph monitor: an address, never a socket of the host. */
enum rule_act rules_disk_host(struct rule_ctx *c, xmlNode *n)
{
	static const char *const known[] = {"name", "port", NULL};

	return only_attrs(c, n, known) ? RULE_KEEP : RULE_REFUSE;
}
