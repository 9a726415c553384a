/* SPDX-License-Identifier: Apache-2.0 */
/* XML into facts; nothing is judged here. */
#include "domain/domain.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/uuid.h"
#include "domain/xml_priv.h"

static void disk_clear(struct domain_disk *d)
{
	mem_free(d->type);
	mem_free(d->device);
	mem_free(d->source);
	mem_free(d->format);
	mem_free(d->cache);
	mem_free(d->io);
	mem_free(d->dev);
	mem_free(d->bus);
	mem_free(d->serial);
}

static void iface_clear(struct domain_iface *i)
{
	mem_free(i->type);
	mem_free(i->mac);
	mem_free(i->bridge);
	mem_free(i->target);
	mem_free(i->vport);
	mem_free(i->port_id);
	mem_free(i->model);
	mem_free(i->filter);
}

static void tpm_clear(struct domain_tpm *t)
{
	mem_free(t->model);
	mem_free(t->backend);
	mem_free(t->version);
	mem_free(t->secret);
}

static void fw_clear(struct domain_firmware *f)
{
	mem_free(f->firmware);
	mem_free(f->loader);
	mem_free(f->loader_type);
	mem_free(f->nvram);
	mem_free(f->nvram_template);
}

void domain_free(struct domain *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->n_disks; i++)
		disk_clear(&d->disks[i]);
	for (size_t i = 0; i < d->n_ifaces; i++)
		iface_clear(&d->ifaces[i]);
	for (size_t i = 0; i < d->n_graphics; i++) {
		mem_free(d->graphics[i].type);
		mem_free(d->graphics[i].listen);
	}
	mem_free(d->disks);
	mem_free(d->ifaces);
	mem_free(d->graphics);
	fw_clear(&d->fw);
	tpm_clear(&d->tpm);
	strv_clear(&d->cpu_features);
	strv_clear(&d->logs);
	strv_clear(&d->secrets);
	mem_free(d->name);
	mem_free(d->uuid);
	mem_free(d->type);
	mem_free(d->arch);
	mem_free(d->machine);
	mem_free(d->emulator);
	mem_free(d->cpu_mode);
	mem_free(d->cpu_match);
	mem_free(d->cpu_model);
	mem_free(d->kernel);
	mem_free(d->initrd);
	mem_free(d->nova_name);
	mem_free(d->nova_owner);
	mem_free(d);
}

void domain_freep(struct domain **d)
{
	domain_free(*d);
	*d = NULL;
}

static size_t count(const xmlNode *parent, const char *name)
{
	size_t n = 0;

	for (xmlNode *c = xml_first(parent, name); c; c = xml_next(c, name))
		n++;
	return n;
}

/* libvirt's unit prefixes; Nova before Kilo wrote KiB without a unit. */
static uint64_t memory_kib(const xmlNode *mem)
{
	static const struct {
		const char *unit;
		uint64_t mul, div;
	} units[] = {
		{"b", 1, 1024},
		{"bytes", 1, 1024},
		{"KB", 1000, 1024},
		{"k", 1, 1},
		{"KiB", 1, 1},
		{"MB", 1000000, 1024},
		{"M", 1024, 1},
		{"MiB", 1024, 1},
		{"GB", 1000000000, 1024},
		{"G", 1024 * 1024, 1},
		{"GiB", 1024 * 1024, 1},
	};
	AUTO(mem_freep) char *unit = xml_attr(mem, "unit");
	AUTO(mem_freep) char *text = xml_text(mem);
	uint64_t v = 0;

	if (!xml_u64(text, &v) || v > UINT64_MAX / 1000000000)
		return 0;
	if (!unit)
		return v;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(unit, units[i].unit))
			return v * units[i].mul / units[i].div;
	return 0;
}

static char *disk_source(const xmlNode *disk)
{
	static const char *const attrs[] = {"file", "dev", "dir", "volume"};
	const xmlNode *src = xml_first(disk, "source");
	AUTO(mem_freep) char *proto = xml_attr(src, "protocol");
	AUTO(mem_freep) char *name = xml_attr(src, "name");

	if (proto)
		return mem_printf("%s:%s", proto, name ? name : "");
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		char *s = xml_attr(src, attrs[i]);

		if (s)
			return s;
	}
	return NULL;
}

static void parse_disk(const xmlNode *n, struct domain_disk *d)
{
	const xmlNode *back = xml_first(n, "backingStore");

	d->type = xml_attr(n, "type");
	d->device = xml_attr(n, "device");
	if (!d->device)
		d->device = mem_strdup("disk");
	d->source = disk_source(n);
	d->format = xml_attr_at(n, "driver", "type");
	d->cache = xml_attr_at(n, "driver", "cache");
	d->io = xml_attr_at(n, "driver", "io");
	d->dev = xml_attr_at(n, "target", "dev");
	d->bus = xml_attr_at(n, "target", "bus");
	d->serial = xml_text_at(n, "serial");
	d->readonly = xml_first(n, "readonly");
	d->shareable = xml_first(n, "shareable");
	d->has_backing = back && xml_first(back, "source");
	d->encrypted =
		xml_first(n, "encryption") || xml_at(n, "source/encryption");
}

static enum domain_plug plug_kind(const struct domain_iface *i)
{
	if (!i->type || strcmp(i->type, "bridge") || !i->bridge)
		return DOMAIN_PLUG_NONE;
	if (i->vport)
		return strcmp(i->vport, "openvswitch") ? DOMAIN_PLUG_NONE
						       : DOMAIN_PLUG_OVS;
	/* nova/network/model.py: NIC_NAME_LEN 14, "qbr" + port id */
	if (!strncmp(i->bridge, "qbr", 3))
		return DOMAIN_PLUG_HYBRID;
	return DOMAIN_PLUG_BRIDGE;
}

static void parse_iface(const xmlNode *n, struct domain_iface *i)
{
	AUTO(mem_freep) char *mtu = xml_attr_at(n, "mtu", "size");
	uint64_t v = 0;

	i->type = xml_attr(n, "type");
	i->mac = xml_attr_at(n, "mac", "address");
	i->bridge = xml_attr_at(n, "source", "bridge");
	i->target = xml_attr_at(n, "target", "dev");
	i->vport = xml_attr_at(n, "virtualport", "type");
	i->port_id = xml_attr_at(n, "virtualport/parameters", "interfaceid");
	i->model = xml_attr_at(n, "model", "type");
	i->filter = xml_attr_at(n, "filterref", "filter");
	if (xml_u64(mtu, &v) && v <= 65535)
		i->mtu = (unsigned)v;
	i->plug = plug_kind(i);
}

static void parse_graphics(const xmlNode *n, struct domain_graphics *g)
{
	AUTO(mem_freep) char *port = xml_attr(n, "port");
	uint64_t v = 0;

	g->type = xml_attr(n, "type");
	g->listen = xml_attr(n, "listen");
	if (!g->listen)
		g->listen = xml_attr_at(n, "listen", "address");
	g->port = -1;
	if (!xml_attr_is(n, "autoport", "yes") && xml_u64(port, &v) &&
	    v <= 65535)
		g->port = (int)v;
}

static void parse_secret(const xmlNode *disk, struct strv *secrets)
{
	static const char *const at[] = {"auth/secret", "source/auth/secret"};

	for (size_t i = 0; i < ARRAY_SIZE(at); i++) {
		AUTO(mem_freep) char *id = xml_attr_at(disk, at[i], "uuid");

		if (id && !strv_has(secrets, id))
			strv_add(secrets, id);
	}
}

static void parse_logs(const xmlNode *dev, struct strv *logs)
{
	static const char *const kinds[] = {"serial", "console", "parallel",
					    "channel"};

	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		for (xmlNode *n = xml_first(dev, kinds[k]); n;
		     n = xml_next(n, kinds[k])) {
			AUTO(mem_freep)
			char *log = xml_attr_at(n, "log", "file");
			AUTO(mem_freep)
			char *path = xml_attr_at(n, "source", "path");

			if (log && !strv_has(logs, log))
				strv_add(logs, log);
			if (path && xml_attr_is(n, "type", "file") &&
			    !strv_has(logs, path))
				strv_add(logs, path);
		}
	}
}

static void parse_tpm(const xmlNode *dev, struct domain_tpm *t)
{
	const xmlNode *n = xml_first(dev, "tpm");
	const xmlNode *back = xml_first(n, "backend");

	t->present = n;
	t->model = xml_attr(n, "model");
	t->backend = xml_attr(back, "type");
	t->version = xml_attr(back, "version");
	t->persistent = xml_attr_is(back, "persistent_state", "yes");
	t->secret = xml_attr_at(back, "encryption", "secret");
}

static void parse_os(const xmlNode *os, struct domain *d)
{
	const xmlNode *loader = xml_first(os, "loader");
	const xmlNode *nvram = xml_first(os, "nvram");
	const xmlNode *file = xml_first(nvram, "source");

	d->arch = xml_attr_at(os, "type", "arch");
	d->machine = xml_attr_at(os, "type", "machine");
	d->kernel = xml_text_at(os, "kernel");
	d->initrd = xml_text_at(os, "initrd");
	d->fw.firmware = xml_attr(os, "firmware");
	d->fw.loader = xml_text(loader);
	d->fw.loader_type = xml_attr(loader, "type");
	d->fw.secure = xml_attr_is(loader, "secure", "yes");
	d->fw.nvram = file ? xml_attr(file, "file") : xml_text(nvram);
	d->fw.nvram_template = xml_attr(nvram, "template");
}

static void parse_cpu(const xmlNode *cpu, struct domain *d)
{
	d->cpu_mode = xml_attr(cpu, "mode");
	d->cpu_match = xml_attr(cpu, "match");
	d->cpu_model = xml_text_at(cpu, "model");
	for (xmlNode *f = xml_first(cpu, "feature"); f;
	     f = xml_next(f, "feature")) {
		AUTO(mem_freep) char *name = xml_attr(f, "name");
		bool off = xml_attr_is(f, "policy", "disable") ||
			   xml_attr_is(f, "policy", "forbid");

		if (name)
			strv_addf(&d->cpu_features, "%c%s", off ? '-' : '+',
				  name);
	}
}

/* From Wallaby on the metadata lists the ports; a tap is named after the first
 * eleven characters of its port. */
static void port_from_metadata(const xmlNode *nova, struct domain_iface *i)
{
	const xmlNode *ports = xml_first(nova, "ports");

	if (i->port_id || !i->target || strncmp(i->target, "tap", 3))
		return;
	for (xmlNode *p = xml_first(ports, "port"); p;
	     p = xml_next(p, "port")) {
		AUTO(mem_freep) char *id = xml_attr(p, "uuid");

		if (id && uuid_valid(id) && strlen(i->target) == 3 + 11 &&
		    !strncmp(id, i->target + 3, 11)) {
			i->port_id = mem_strdup(id);
			return;
		}
	}
}

static void parse_devices(const xmlNode *dev, struct domain *d)
{
	size_t k = 0;

	d->emulator = xml_text_at(dev, "emulator");
	d->n_disks = count(dev, "disk");
	d->disks = MEM_NEW_N(struct domain_disk, d->n_disks + 1);
	for (xmlNode *n = xml_first(dev, "disk"); n; n = xml_next(n, "disk")) {
		parse_disk(n, &d->disks[k++]);
		parse_secret(n, &d->secrets);
	}
	k = 0;
	d->n_ifaces = count(dev, "interface");
	d->ifaces = MEM_NEW_N(struct domain_iface, d->n_ifaces + 1);
	for (xmlNode *n = xml_first(dev, "interface"); n;
	     n = xml_next(n, "interface"))
		parse_iface(n, &d->ifaces[k++]);
	k = 0;
	d->n_graphics = count(dev, "graphics");
	d->graphics = MEM_NEW_N(struct domain_graphics, d->n_graphics + 1);
	for (xmlNode *n = xml_first(dev, "graphics"); n;
	     n = xml_next(n, "graphics"))
		parse_graphics(n, &d->graphics[k++]);
	for (xmlNode *n = xml_first(dev, "hostdev"); n;
	     n = xml_next(n, "hostdev"))
		*(xml_attr_is(n, "type", "mdev") ? &d->n_mdevs
						 : &d->n_hostdevs) += 1;
	d->n_filesystems = count(dev, "filesystem");
	parse_logs(dev, &d->logs);
	parse_tpm(dev, &d->tpm);
}

static bool is_pinned(const xmlNode *root)
{
	const xmlNode *tune = xml_first(root, "cputune");

	return xml_attr_has(xml_first(root, "vcpu"), "cpuset") ||
	       xml_first(tune, "vcpupin") || xml_first(tune, "emulatorpin") ||
	       xml_first(tune, "iothreadpin");
}

static void parse_root(const xmlNode *root, struct domain *d)
{
	const xmlNode *nova = xml_at(root, "metadata/instance");
	AUTO(mem_freep) char *vcpus = xml_text_at(root, "vcpu");
	uint64_t v = 0;

	d->type = xml_attr(root, "type");
	d->live = xml_attr_has(root, "id");
	d->memory_kib = memory_kib(xml_first(root, "memory"));
	if (xml_u64(vcpus, &v) && v <= 65535)
		d->vcpus = (unsigned)v;
	d->n_seclabels = count(root, "seclabel");
	d->hugepages = xml_at(root, "memoryBacking/hugepages");
	d->managed_memory_file = xml_attr_is(
		xml_at(root, "memoryBacking/source"), "type", "file");
	d->pinned = is_pinned(root);
	d->numatune = xml_first(root, "numatune");
	d->launch_security = xml_first(root, "launchSecurity");
	d->nova_name = xml_text_at(nova, "name");
	d->nova_owner = xml_attr_at(nova, "owner/project", "uuid");
	parse_os(xml_first(root, "os"), d);
	parse_cpu(xml_first(root, "cpu"), d);
	parse_devices(xml_first(root, "devices"), d);
	for (size_t i = 0; i < d->n_ifaces; i++)
		port_from_metadata(nova, &d->ifaces[i]);
}

struct domain *domain_parse(const char *xml, size_t len, struct err *e)
{
	AUTO(xml_freep) xmlDoc *doc = xml_load(xml, len, "domain", e);
	const xmlNode *root;
	struct domain *d;

	if (!doc)
		return NULL;
	root = xmlDocGetRootElement(doc);
	d = MEM_NEW(struct domain);
	d->name = xml_text_at(root, "name");
	d->uuid = xml_text_at(root, "uuid");
	if (!d->name || !*d->name || !d->uuid || !uuid_valid(d->uuid)) {
		err_set(e, ERR_REFUSED,
			"domain XML: no name, or no valid uuid");
		domain_free(d);
		return NULL;
	}
	parse_root(root, d);
	return d;
}

bool domain_set_port_id(struct domain *d, const char *mac, const char *id)
{
	for (size_t i = 0; i < d->n_ifaces; i++) {
		struct domain_iface *n = &d->ifaces[i];

		if (!n->mac || strcasecmp(n->mac, mac))
			continue;
		if (n->port_id)
			return !strcmp(n->port_id, id);
		n->port_id = mem_strdup(id);
		return true;
	}
	return false;
}
