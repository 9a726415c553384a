/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/caps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/uuid.h"
#include "domain/xml_priv.h"

static void add_text(struct strv *v, const xmlNode *n)
{
	char *s = xml_text(n);

	if (s && *s && !strv_has(v, s))
		strv_add(v, s);
	mem_free(s);
}

/* --- capabilities */

static void parse_guest(const xmlNode *guest, struct caps_guest *g)
{
	const xmlNode *arch = xml_first(guest, "arch");

	g->arch = xml_attr(arch, "name");
	g->emulator = xml_text_at(arch, "emulator");
	for (xmlNode *m = xml_first(arch, "machine"); m;
	     m = xml_next(m, "machine")) {
		char *canonical = xml_attr(m, "canonical");

		add_text(&g->machines, m);
		if (canonical && !strv_has(&g->machines, canonical))
			strv_add(&g->machines, canonical);
		mem_free(canonical);
	}
	for (xmlNode *d = xml_first(arch, "domain"); d;
	     d = xml_next(d, "domain")) {
		g->kvm |= xml_attr_is(d, "type", "kvm");
		g->qemu |= xml_attr_is(d, "type", "qemu");
		/* Newer libvirt lists a type's own machines below it. */
		for (xmlNode *m = xml_first(d, "machine"); m;
		     m = xml_next(m, "machine"))
			add_text(&g->machines, m);
	}
}

/* "dac" is about owners, "none" is none. */
static void parse_secmodels(const xmlNode *host, struct strv *out)
{
	for (xmlNode *s = xml_first(host, "secmodel"); s;
	     s = xml_next(s, "secmodel")) {
		AUTO(mem_freep) char *m = xml_text_at(s, "model");

		if (m && *m && strcmp(m, "dac") != 0 && strcmp(m, "none") != 0)
			strv_add(out, m);
	}
}

struct caps_host *caps_host_parse(const char *xml, size_t len, struct err *e)
{
	AUTO(xml_freep) xmlDoc *doc = xml_load(xml, len, "capabilities", e);
	const xmlNode *root;
	struct caps_host *c;

	if (!doc) {
		err_wrap(e, "host capabilities");
		return NULL;
	}
	root = xmlDocGetRootElement(doc);
	c = MEM_NEW(struct caps_host);
	c->uuid = xml_text_at(root, "host/uuid");
	c->arch = xml_text_at(root, "host/cpu/arch");
	c->cpu_model = xml_text_at(root, "host/cpu/model");
	c->cpu_vendor = xml_text_at(root, "host/cpu/vendor");
	parse_secmodels(xml_first(root, "host"), &c->secmodels);
	for (xmlNode *g = xml_first(root, "guest"); g;
	     g = xml_next(g, "guest")) {
		c->guests = mem_realloc(c->guests, c->n_guests + 1,
					sizeof(*c->guests));
		c->guests[c->n_guests] = (struct caps_guest){0};
		parse_guest(g, &c->guests[c->n_guests++]);
	}
	return c;
}

void caps_host_free(struct caps_host *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n_guests; i++) {
		mem_free(c->guests[i].arch);
		mem_free(c->guests[i].emulator);
		strv_clear(&c->guests[i].machines);
	}
	mem_free(c->guests);
	strv_clear(&c->secmodels);
	mem_free(c->uuid);
	mem_free(c->arch);
	mem_free(c->cpu_model);
	mem_free(c->cpu_vendor);
	mem_free(c);
}

const struct caps_guest *caps_host_guest(const struct caps_host *c,
					 const char *arch)
{
	for (size_t i = 0; i < c->n_guests; i++)
		if (c->guests[i].arch && !strcmp(c->guests[i].arch, arch))
			return &c->guests[i];
	return NULL;
}

/* --- domcapabilities */

/* The values of <enum name=NAME> below PARENT. */
static void parse_enum(const xmlNode *parent, const char *name,
		       struct strv *out)
{
	for (xmlNode *n = xml_first(parent, "enum"); n;
	     n = xml_next(n, "enum")) {
		if (!xml_attr_is(n, "name", name))
			continue;
		for (xmlNode *v = xml_first(n, "value"); v;
		     v = xml_next(v, "value"))
			add_text(out, v);
	}
}

static void parse_loader(const xmlNode *os, struct caps_domain *c)
{
	const xmlNode *loader = xml_first(os, "loader");
	AUTO(strv_clear) struct strv secure = STRV_INIT;

	parse_enum(os, "firmware", &c->firmwares);
	for (xmlNode *v = xml_first(loader, "value"); v;
	     v = xml_next(v, "value"))
		add_text(&c->loaders, v);
	parse_enum(loader, "secure", &secure);
	c->secure_boot = strv_has(&secure, "yes");
}

static void parse_cpu_modes(const xmlNode *cpu, struct caps_domain *c)
{
	for (xmlNode *m = xml_first(cpu, "mode"); m; m = xml_next(m, "mode")) {
		bool ok = xml_attr_is(m, "supported", "yes");

		if (xml_attr_is(m, "name", "host-passthrough"))
			c->cpu_host_passthrough = ok;
		if (xml_attr_is(m, "name", "host-model"))
			c->cpu_host_model = ok;
		if (!xml_attr_is(m, "name", "custom"))
			continue;
		c->cpu_custom = ok;
		for (xmlNode *k = xml_first(m, "model"); k;
		     k = xml_next(k, "model")) {
			add_text(&c->cpu_known, k);
			if (xml_attr_is(k, "usable", "yes"))
				add_text(&c->cpu_usable, k);
		}
	}
}

struct caps_domain *caps_domain_parse(const char *xml, size_t len,
				      struct err *e)
{
	AUTO(xml_freep)
	xmlDoc *doc = xml_load(xml, len, "domainCapabilities", e);
	const xmlNode *root, *tpm;
	struct caps_domain *c;

	if (!doc) {
		err_wrap(e, "domain capabilities");
		return NULL;
	}
	root = xmlDocGetRootElement(doc);
	tpm = xml_at(root, "devices/tpm");
	c = MEM_NEW(struct caps_domain);
	c->path = xml_text_at(root, "path");
	c->type = xml_text_at(root, "domain");
	c->machine = xml_text_at(root, "machine");
	c->arch = xml_text_at(root, "arch");
	parse_loader(xml_first(root, "os"), c);
	parse_cpu_modes(xml_first(root, "cpu"), c);
	c->tpm = xml_attr_is(tpm, "supported", "yes");
	parse_enum(tpm, "model", &c->tpm_models);
	parse_enum(tpm, "backendModel", &c->tpm_backends);
	parse_enum(tpm, "backendVersion", &c->tpm_versions);
	return c;
}

void caps_domain_free(struct caps_domain *c)
{
	if (!c)
		return;
	mem_free(c->path);
	mem_free(c->type);
	mem_free(c->machine);
	mem_free(c->arch);
	strv_clear(&c->loaders);
	strv_clear(&c->firmwares);
	strv_clear(&c->tpm_models);
	strv_clear(&c->tpm_backends);
	strv_clear(&c->tpm_versions);
	strv_clear(&c->cpu_usable);
	strv_clear(&c->cpu_known);
	mem_free(c);
}

/* --- secrets */

struct caps_secret *caps_secret_parse(const char *xml, size_t len,
				      struct err *e)
{
	AUTO(xml_freep) xmlDoc *doc = xml_load(xml, len, "secret", e);
	const xmlNode *root, *usage;
	struct caps_secret *s;

	if (!doc) {
		err_wrap(e, "libvirt secret");
		return NULL;
	}
	root = xmlDocGetRootElement(doc);
	usage = xml_first(root, "usage");
	s = MEM_NEW(struct caps_secret);
	s->uuid = xml_text_at(root, "uuid");
	s->ephemeral = xml_attr_is(root, "ephemeral", "yes");
	s->private_ = xml_attr_is(root, "private", "yes");
	s->usage_type = xml_attr(usage, "type");
	/* Named differently for each type: volume, ceph and iscsi, vtpm. */
	s->usage_name = xml_text_at(usage, "name");
	if (!s->usage_name)
		s->usage_name = xml_text_at(usage, "volume");
	if (!s->uuid || !uuid_valid(s->uuid)) {
		err_set(e, ERR_REFUSED, "libvirt secret: no valid uuid");
		caps_secret_free(s);
		return NULL;
	}
	return s;
}

void caps_secret_free(struct caps_secret *s)
{
	if (!s)
		return;
	mem_free(s->uuid);
	mem_free(s->usage_type);
	mem_free(s->usage_name);
	mem_free(s);
}
