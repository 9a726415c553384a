/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for interfaces, consoles and the other devices. */
#include "domain/rules_priv.h"

#include <string.h>

#include "core/uuid.h"

#define IFNAME_MAX 15

/* A network device's name that can be nothing else in an argv or a path. */
static bool is_ifname(const char *s)
{
	return s && rules_plain(s) && strlen(s) <= IFNAME_MAX;
}

static const char *or_none(const char *s)
{
	return s ? s : "none";
}

enum rule_act rules_emulator(struct rule_ctx *c, xmlNode *n)
{
	if (!c->dst || !c->dst->emulator)
		return RULE_DROP;
	xml_text_set(n, c->dst->emulator);
	strv_add(&c->vetted, c->dst->emulator);
	return RULE_KEEP;
}

enum rule_act rules_iface(struct rule_ctx *c, xmlNode *n)
{
	AUTO(mem_freep) char *type = xml_attr(n, "type");
	AUTO(mem_freep) char *mac = xml_attr_at(n, "mac", "address");

	if (!type || strcmp(type, "bridge"))
		return rules_refuse(c, "iface-type",
				    "interface %s is of type %s; only Linux "
				    "and Open vSwitch bridges can be plugged",
				    mac ? mac : "?", or_none(type));
	return RULE_KEEP;
}

enum rule_act rules_iface_source(struct rule_ctx *c, xmlNode *n)
{
	AUTO(mem_freep) char *bridge = xml_attr(n, "bridge");

	if (!is_ifname(bridge))
		return rules_refuse(c, "iface-name", "bridge name \"%s\"",
				    or_none(bridge));
	return RULE_KEEP;
}

enum rule_act rules_iface_target(struct rule_ctx *c, xmlNode *n)
{
	AUTO(mem_freep) char *dev = xml_attr(n, "dev");

	/* libvirt's own names: it picks a free one on the target. */
	if (!dev || !strncmp(dev, "vnet", 4))
		return RULE_DROP;
	if (!is_ifname(dev))
		return rules_refuse(c, "iface-name", "interface name \"%s\"",
				    dev);
	return RULE_KEEP;
}

enum rule_act rules_iface_vport(struct rule_ctx *c, xmlNode *n)
{
	AUTO(mem_freep) char *type = xml_attr(n, "type");
	AUTO(mem_freep) char *id = xml_attr_at(n, "parameters", "interfaceid");

	if (!type || strcmp(type, "openvswitch"))
		return rules_refuse(c, "iface-type", "virtual port of type %s",
				    or_none(type));
	if (!id || !uuid_valid(id))
		return rules_refuse(c, "iface-name",
				    "virtual port without a port's id");
	return RULE_TREE;
}

/* Old releases write an empty path, "run no script". */
enum rule_act rules_iface_script(struct rule_ctx *c, xmlNode *n)
{
	AUTO(mem_freep) char *path = xml_attr(n, "path");

	if (path && *path)
		return rules_refuse(c, "host-path",
				    "interface script %s of the host", path);
	return RULE_DROP;
}

enum rule_act rules_iface_backend(struct rule_ctx *c, xmlNode *n)
{
	if (n->properties || xml_first(n, NULL))
		return rules_refuse(c, "iface-type",
				    "<backend> of an interface");
	return RULE_DROP;
}

/* Where Nova puts a guest agent's socket
 * (driver.py:_set_qemu_guest_agent, 2014.1.5 to 33.0.2).  libvirt makes it. */
static bool is_agent_socket(const struct rule_ctx *c, const xmlNode *dev,
			    const char *path)
{
	AUTO(mem_freep) char *target = xml_attr_at(dev, "target", "name");
	AUTO(mem_freep) char *want = NULL;

	if (!target || !rules_plain(target))
		return false;
	want = mem_printf("/var/lib/libvirt/qemu/%s.%s.sock", target, c->name);
	return !strcmp(want, path);
}

static enum rule_act unix_channel(struct rule_ctx *c, xmlNode *n)
{
	xmlNode *src = xml_first(n, "source");
	AUTO(mem_freep) char *path = xml_attr(src, "path");

	if (xml_attr_is(src, "mode", "connect"))
		return rules_refuse(c, "chardev",
				    "<%s> connects to a socket of the host",
				    (const char *)n->name);
	if (!path)
		return RULE_KEEP;
	if (is_agent_socket(c, n, path)) {
		strv_add(&c->vetted, path);
		return RULE_KEEP;
	}
	/* libvirt's own choice, made anew on the target */
	if (rules_clean_path(path) &&
	    !strncmp(path, "/var/lib/libvirt/qemu/channel/", 30)) {
		xml_drop(src);
		return RULE_KEEP;
	}
	return rules_refuse(c, "chardev", "<%s> uses %s", (const char *)n->name,
			    path);
}

static enum rule_act pty_chardev(xmlNode *n)
{
	xmlNode *src = xml_first(n, "source");

	xml_attr_drop(n, "tty");
	if (src)
		xml_drop(src);
	return RULE_KEEP;
}

enum rule_act rules_chardev(struct rule_ctx *c, xmlNode *n)
{
	static const char *const plain[] = {"spicevmc", "null", "vc",
					    "qemu-vdagent"};
	const char *what = (const char *)n->name;
	AUTO(mem_freep) char *type = xml_attr(n, "type");
	xmlNode *src = xml_first(n, "source");

	if (!type)
		return rules_refuse(c, "chardev", "<%s> of no type", what);
	if (!strcmp(type, "pty"))
		return pty_chardev(n);
	if (!strcmp(type, "file"))
		return src ? rules_map_at(c, src, "path", "chardev")
			   : RULE_KEEP;
	if (!strcmp(type, "unix"))
		return unix_channel(c, n);
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		if (!strcmp(type, plain[i]))
			return RULE_KEEP;
	/* The port was picked on the source:
	 * nova/console/serial.py:acquire_port, Juno to master. */
	if (!strcmp(type, "tcp"))
		return rules_refuse(c, "serial",
				    "<%s> listens on a TCP port that Nova "
				    "reserved on the source host",
				    what);
	return rules_refuse(c, "chardev", "<%s> of type %s", what, type);
}

enum rule_act rules_chardev_log(struct rule_ctx *c, xmlNode *n)
{
	return rules_map_at(c, n, "file", "chardev");
}

enum rule_act rules_chardev_target(struct rule_ctx *c, xmlNode *n)
{
	(void)c;
	xml_attr_drop(n, "state");
	return RULE_TREE;
}

static void set_listen(struct rule_ctx *c, xmlNode *n)
{
	const char *addr =
		c->dst && c->dst->listen ? c->dst->listen : "127.0.0.1";
	xmlNode *l, *next;
	bool one = false;

	for (l = xml_first(n, "listen"); l; l = next) {
		next = xml_next(l, "listen");
		if (!xml_attr_is(l, "type", "address"))
			continue;
		if (one) {
			xml_drop(l);
			continue;
		}
		xml_attr_set(l, "address", addr);
		one = true;
	}
	if (one || xml_attr_has(n, "listen"))
		xml_attr_set(n, "listen", addr);
}

enum rule_act rules_graphics(struct rule_ctx *c, xmlNode *n)
{
	static const char *const auto_attrs[] = {"port", "tlsPort",
						 "websocket"};
	AUTO(mem_freep) char *type = xml_attr(n, "type");

	if (!type || (strcmp(type, "vnc") && strcmp(type, "spice")))
		return rules_refuse(c, "graphics", "graphics of type %s",
				    or_none(type));
	if (xml_attr_has(n, "passwd"))
		return rules_refuse(c, "graphics-secret",
				    "the console has a password of its own");
	if (xml_attr_has(n, "socket"))
		return rules_refuse(c, "graphics",
				    "the console is a socket of the host");
	for (xmlNode *l = xml_first(n, "listen"); l; l = xml_next(l, "listen"))
		if (!xml_attr_is(l, "type", "address") &&
		    !xml_attr_is(l, "type", "none"))
			return rules_refuse(c, "graphics",
					    "the console listens on neither "
					    "an address nor nothing");
	for (size_t i = 0; i < ARRAY_SIZE(auto_attrs); i++) {
		AUTO(mem_freep) char *port = xml_attr(n, auto_attrs[i]);

		if (!port || !strcmp(port, "-1"))
			continue;
		if (!xml_attr_is(n, "autoport", "yes"))
			return rules_refuse(c, "graphics-port",
					    "the console has a fixed port %s",
					    port);
		xml_attr_set(n, auto_attrs[i], "-1");
	}
	set_listen(c, n);
	return RULE_KEEP;
}

enum rule_act rules_graphics_gl(struct rule_ctx *c, xmlNode *n)
{
	if (xml_attr_is(n, "enable", "no") && !xml_attr_has(n, "rendernode"))
		return RULE_KEEP;
	return rules_refuse(c, "graphics", "the console uses a host's GPU");
}

enum rule_act rules_tpm_backend(struct rule_ctx *c, xmlNode *n)
{
	if (!xml_attr_is(n, "type", "emulator"))
		return rules_refuse(c, "tpm-passthrough",
				    "the TPM is not an emulated one");
	return RULE_KEEP;
}

enum rule_act rules_rng(struct rule_ctx *c, xmlNode *n)
{
	AUTO(mem_freep) char *dev = xml_text(n);

	if (xml_attr_is(n, "model", "builtin"))
		return RULE_KEEP;
	if (xml_attr_is(n, "model", "random") && dev &&
	    (!*dev || !strcmp(dev, "/dev/random") ||
	     !strcmp(dev, "/dev/urandom"))) {
		strv_add(&c->vetted, dev);
		return RULE_KEEP;
	}
	return rules_refuse(c, "rng", "random numbers from %s",
			    dev && *dev == '/' ? dev : "a daemon");
}

enum rule_act rules_audio(struct rule_ctx *c, xmlNode *n)
{
	if (xml_attr_is(n, "type", "none") || xml_attr_is(n, "type", "spice"))
		return RULE_KEEP;
	return rules_refuse(c, "audio", "sound of the host");
}

enum rule_act rules_redirdev(struct rule_ctx *c, xmlNode *n)
{
	if (xml_attr_is(n, "type", "spicevmc"))
		return RULE_KEEP;
	return rules_refuse(c, "redirdev", "a redirected device");
}

enum rule_act rules_input(struct rule_ctx *c, xmlNode *n)
{
	if (xml_attr_is(n, "type", "passthrough") ||
	    xml_attr_is(n, "type", "evdev"))
		return rules_refuse(c, "hostdev",
				    "an input device of the host");
	return RULE_KEEP;
}

enum rule_act rules_hostdev(struct rule_ctx *c, xmlNode *n)
{
	if (xml_attr_is(n, "type", "mdev"))
		return rules_refuse(c, "mdev",
				    "a mediated device (vGPU) of the host");
	return rules_refuse(c, "hostdev", "a PCI or USB device of the host");
}
