/* SPDX-License-Identifier: Apache-2.0 */
/* Domains of several Nova releases, and what somebody could write into one. */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fs.h"
#include "domain/domain.h"

#define ZED "b2a7c1d0-0f6e-4b4e-8a55-0c9f2a6d7e10"
#define ZED_DIR "/var/lib/nova/instances/" ZED

static const char *const inst[] = {"/var/lib/nova/instances", "/srv/nova",
				   NULL};
static const char *const volumes[] = {
	"rbd:volumes/volume-5d5d5d5d-0000-4000-8000-000000000001",
	"/var/lib/nova/mnt/0123456789abcdef/"
	"volume-5d5d5d5d-0000-4000-8000-000000000002",
	NULL};
static const struct domain_place place = {.instances = inst,
					  .volumes = volumes};
static const struct domain_target target = {.instances = "/data/instances",
					    .listen = "10.77.0.34",
					    .emulator = "/usr/libexec/qemu-kvm",
					    .has_kvm = true};

/* The sample NAME; when FROM is not NULL its first FROM becomes TO. */
static void sample(const char *name, const char *from, const char *to,
		   struct buf *out)
{
	const char *dir = getenv("srcdir");
	char path[512], *at;
	struct buf all = BUF_INIT;
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "%s/tests/unit/domain/%s.xml",
		 dir ? dir : ".", name);
	assert_int_equal(fs_read_path(path, 1 << 20, &all, &e), 0);
	buf_reset(out);
	if (!from) {
		buf_puts(out, buf_str(&all));
	} else {
		at = strstr(buf_str(&all), from);
		assert_non_null(at);
		buf_put(out, all.p, (size_t)(at - all.p));
		buf_puts(out, to);
		buf_puts(out, at + strlen(from));
	}
	buf_clear(&all);
}

static struct domain *facts(const char *name)
{
	struct buf x = BUF_INIT;
	struct err e = ERR_INIT;
	struct domain *d;

	sample(name, NULL, NULL, &x);
	d = domain_parse(buf_str(&x), x.len, &e);
	assert_non_null(d);
	buf_clear(&x);
	return d;
}

static void t_icehouse(void **state)
{
	AUTO(domain_freep) struct domain *d = facts("icehouse");

	(void)state;
	assert_string_equal(d->name, "instance-0000002a");
	assert_string_equal(d->uuid, "3f1c6a0e-52c5-4c1d-9d0a-6f3f2f0c8b11");
	assert_string_equal(d->type, "kvm");
	assert_string_equal(d->machine, "pc-i440fx-trusty");
	assert_int_equal(d->memory_kib, 524288);
	assert_int_equal(d->vcpus, 1);
	assert_null(d->nova_name);
	assert_int_equal(d->n_disks, 2);
	assert_string_equal(d->disks[0].format, "qcow2");
	assert_string_equal(d->disks[1].device, "cdrom");
	assert_true(d->disks[1].readonly);
	assert_int_equal(d->n_ifaces, 1);
	assert_int_equal(d->ifaces[0].plug, DOMAIN_PLUG_HYBRID);
	assert_null(d->ifaces[0].port_id);
	assert_true(domain_set_port_id(d, "FA:16:3E:0A:1B:2C",
				       "5e6f7a8b-9c0d-4e1f-8a2b-3c4d5e6f7a8b"));
	assert_false(domain_set_port_id(d, "fa:16:3e:0a:1b:2c", "other"));
	assert_false(domain_set_port_id(d, "fa:16:3e:0a:1b:2d", "other"));
	assert_int_equal(d->logs.n, 1);
	assert_int_equal(d->graphics[0].port, -1);
	assert_string_equal(d->graphics[0].listen, "10.0.0.30");
}

static void t_zed(void **state)
{
	AUTO(domain_freep) struct domain *d = facts("zed");

	(void)state;
	assert_string_equal(d->nova_name, "web & more");
	assert_string_equal(d->nova_owner, "1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e1e");
	assert_int_equal(d->ifaces[0].plug, DOMAIN_PLUG_BRIDGE);
	assert_string_equal(d->ifaces[0].port_id,
			    "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d");
	assert_int_equal(d->ifaces[0].mtu, 1450);
	assert_true(strv_has(&d->cpu_features, "+aes"));
	assert_true(strv_has(&d->cpu_features, "-hle"));
	assert_string_equal(d->cpu_model, "Nehalem");
	assert_false(d->live);
	assert_false(d->pinned);
	assert_string_equal(d->logs.v[0], ZED_DIR "/console.log");
}

static void t_secure(void **state)
{
	AUTO(domain_freep) struct domain *d = facts("secure");

	(void)state;
	assert_int_equal(d->memory_kib, 4194304);
	assert_true(d->fw.secure);
	assert_string_equal(d->fw.nvram, "/var/lib/libvirt/qemu/nvram/"
					 "instance-000000ff_VARS.fd");
	assert_true(d->tpm.present);
	assert_string_equal(d->tpm.secret,
			    "6dd3e4a5-1d76-44ce-961f-f119f5aad935");
	assert_true(
		strv_has(&d->secrets, "457eb676-33da-42ec-9a8c-9293d545c337"));
	assert_string_equal(d->disks[1].source, volumes[0]);
	assert_int_equal(d->ifaces[0].plug, DOMAIN_PLUG_OVS);
}

static void adapt(const char *xml, size_t len, struct buf *out)
{
	struct err e = ERR_INIT;

	buf_reset(out);
	if (domain_adapt(xml, len, &place, &target, out, &e))
		fail_msg("%s", err_msg(&e));
}

/* What is adapted says the same when adapted again, on the target. */
static void idempotent(const struct buf *once)
{
	static const char *const there[] = {"/data/instances", NULL};
	const struct domain_place p = {.instances = there, .volumes = volumes};
	struct buf twice = BUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(
		domain_adapt(buf_str(once), once->len, &p, &target, &twice, &e),
		0);
	assert_string_equal(buf_str(once), buf_str(&twice));
	buf_clear(&twice);
}

static void t_adapt(void **state)
{
	static const char *const names[] = {"icehouse", "zed", "secure",
					    "live"};
	struct buf x = BUF_INIT, out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		sample(names[i], NULL, NULL, &x);
		adapt(buf_str(&x), x.len, &out);
		assert_null(strstr(buf_str(&out), "/var/lib/nova/instances"));
		assert_null(strstr(buf_str(&out), "/srv/nova"));
		assert_null(strstr(buf_str(&out), "10.77.0.30"));
		assert_null(strstr(buf_str(&out), "10.0.0.30"));
		assert_null(strstr(buf_str(&out), "<alias"));
		idempotent(&out);
	}
	buf_clear(&x);
	buf_clear(&out);
}

static void has(const struct buf *b, const char *s)
{
	if (!strstr(buf_str(b), s))
		fail_msg("%s is not in\n%s", s, buf_str(b));
}

static void lacks(const struct buf *b, const char *s)
{
	if (strstr(buf_str(b), s))
		fail_msg("%s is in\n%s", s, buf_str(b));
}

static void t_adapt_zed(void **state)
{
	struct buf x = BUF_INIT, out = BUF_INIT;

	(void)state;
	sample("zed", NULL, NULL, &x);
	adapt(buf_str(&x), x.len, &out);
	has(&out, "<source file=\"/data/instances/" ZED "/disk\"/>");
	has(&out, "<log file=\"/data/instances/" ZED "/console.log\"");
	has(&out, "<emulator>/usr/libexec/qemu-kvm</emulator>");
	has(&out, "listen=\"10.77.0.34\"");
	has(&out, "<listen type=\"address\" address=\"10.77.0.34\"/>");
	has(&out, "machine=\"pc-i440fx-7.2\"");
	has(&out, "<uuid>" ZED "</uuid>");
	has(&out, "<nova:name>web &amp; more</nova:name>");
	has(&out, "dev=\"tap0a1b2c3d-4e\"");
	has(&out, "<feature policy=\"require\" name=\"aes\"/>");
	buf_clear(&x);
	buf_clear(&out);
}

static void t_adapt_live(void **state)
{
	struct buf x = BUF_INIT, out = BUF_INIT;

	(void)state;
	sample("live", NULL, NULL, &x);
	adapt(buf_str(&x), x.len, &out);
	has(&out, "<domain type=\"qemu\">");
	lacks(&out, "seclabel");
	lacks(&out, "backingStore");
	lacks(&out, "index=");
	lacks(&out, "/dev/pts");
	lacks(&out, "vnet0");
	lacks(&out, "domain-3-");
	lacks(&out, "connected");
	lacks(&out, "5900");
	lacks(&out, "5700");
	lacks(&out, "/machine");
	buf_clear(&x);
	buf_clear(&out);
}

/* Up to Mitaka a directory may be named after the domain. */
static void t_adapt_old_dir(void **state)
{
	struct buf x = BUF_INIT, out = BUF_INIT;

	(void)state;
	sample("zed", ZED_DIR "/disk'",
	       "/var/lib/nova/instances/instance-00000007/disk'", &x);
	adapt(buf_str(&x), x.len, &out);
	has(&out, "<source file=\"/data/instances/" ZED "/disk\"/>");
	buf_clear(&x);
	buf_clear(&out);
}

/* Firmware as libvirt 9.2 and later tell it, chosen by them or not: for older
 * ones the paths must stand alone. */
static void t_adapt_efi(void **state)
{
	struct buf x = BUF_INIT, out = BUF_INIT;

	(void)state;
	sample("secure", "<os>",
	       "<os firmware='efi'><firmware>"
	       "<feature enabled='yes' name='secure-boot'/></firmware>",
	       &x);
	adapt(buf_str(&x), x.len, &out);
	has(&out, "<os>");
	lacks(&out, "secure-boot");
	has(&out, ">/usr/share/OVMF/OVMF_CODE_4M.ms.fd</loader>");
	has(&out, "/nvram/instance-000000ff_VARS.fd");
	buf_clear(&x);
	buf_clear(&out);
}

static void t_adapt_target(void **state)
{
	static const char *const loaders[] = {"/usr/share/OVMF/OVMF_CODE_4M.fd",
					      NULL};
	struct domain_target t = target;
	struct buf x = BUF_INIT, out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	sample("secure", NULL, NULL, &x);
	t.has_kvm = false;
	assert_int_equal(domain_adapt(buf_str(&x), x.len, &place, &t, &out, &e),
			 -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_non_null(strstr(err_msg(&e), "KVM"));
	t.has_kvm = true;
	t.loaders = loaders;
	assert_int_equal(domain_adapt(buf_str(&x), x.len, &place, &t, &out, &e),
			 -1);
	assert_non_null(strstr(err_msg(&e), "OVMF_CODE_4M.ms.fd"));
	t.loaders = NULL;
	t.nvram_dir = "/srv/nvram";
	t.emulator = NULL;
	assert_int_equal(domain_adapt(buf_str(&x), x.len, &place, &t, &out, &e),
			 0);
	has(&out, ">/srv/nvram/instance-000000ff_VARS.fd</nvram>");
	lacks(&out, "<emulator>");
	err_clear(&e);
	buf_clear(&x);
	buf_clear(&out);
}

/* --- refusals: replace FROM by TO in SAMPLE, and reason ID appears */

struct bad {
	const char *sample, *from, *to, *id;
};

#define DEV(x) "zed", "<audio id='1' type='none'/>", x
#define DISK "zed", ZED_DIR "/disk'/>"
#define TOP(x) "zed", "<on_crash>destroy</on_crash>", x

static const struct bad bads[] = {
	/* other people's files and devices: CVE-2020-17376 and kin */
	{DISK, "/dev/sdb'/>", "disk-path"},
	{DISK, "/var/lib/nova/instances/_base/0123'/>", "disk-path"},
	{DISK,
	 "/var/lib/nova/instances/11111111-2222-4333-8444-555555555555/"
	 "disk'/>",
	 "disk-path"},
	{DISK, ZED_DIR "/../x/disk'/>", "disk-path"},
	{DISK, ZED_DIR "//disk'/>", "disk-path"},
	{DISK, ZED_DIR "/a/disk'/>", "disk-path"},
	{DISK, ZED_DIR "/.hidden'/>", "disk-path"},
	{DISK, "/var/lib/nova/instancesX/" ZED "/disk'/>", "disk-path"},
	{DISK, "disk'/>", "disk-path"},
	{DISK, "json:{\"file\":\"x\"}'/>", "disk-path"},
	{DISK, "json:{}'/>", "disk-path"},
	{DISK, "/etc/shadow'/>", "disk-path"},
	{DISK, ZED_DIR "/disk' dev='/dev/sda'/>", "disk-option"},
	{DISK, ZED_DIR "/disk' fdgroup='x'/>", "disk-option"},
	{DISK, ZED_DIR "/disk'/><source file='/etc/passwd'/>", "disk-path"},
	{"zed", "<disk type='file' device='disk'>",
	 "<disk type='block' device='disk'>", "disk-block"},
	{"zed", "<disk type='file' device='disk'>",
	 "<disk type='volume' device='disk'>", "disk-block"},
	{"zed", "<disk type='file' device='disk'>",
	 "<disk type='file' device='lun'>", "disk-block"},
	{"zed", "<disk type='file' device='disk'>",
	 "<disk type='file' device='disk' rawio='yes'>", "disk-option"},
	{"secure", "name='volumes/volume-5d5d", "name='volumes/volume-6d5d",
	 "disk-network"},
	{"secure", "protocol='rbd'", "protocol='nbd'", "disk-network"},
	{"secure", "<host name='10.1.1.1' port='6789'/>",
	 "<host transport='unix' socket='/run/x'/>", "disk-option"},
	{"secure", "<serial>5d5d5d5d-0000-4000-8000-000000000001</serial>",
	 "<encryption format='luks'/>", "disk-encryption"},
	{DISK, ZED_DIR "/disk'/><mirror type='file' job='copy'/>", "disk-job"},
	{"zed", "<log file='" ZED_DIR "/console.log'",
	 "<log file='/etc/cron.d/x'", "chardev"},
	{"icehouse", "/kernel</kernel>", "/../../kernel</kernel>", "disk-path"},

	/* what belongs to the host */
	{DEV("<hostdev mode='subsystem' type='pci'><source/></hostdev>"),
	 "hostdev"},
	{DEV("<hostdev mode='subsystem' type='mdev'/>"), "mdev"},
	{DEV("<filesystem type='mount'><source dir='/'/></filesystem>"),
	 "filesystem"},
	{DEV("<memory model='nvdimm'/>"), "vpmem"},
	{DEV("<shmem name='x'/>"), "shmem"},
	{DEV("<vsock model='virtio'/>"), "vsock"},
	{DEV("<lease/>"), "lease"},
	{DEV("<smartcard mode='host'/>"), "smartcard"},
	{DEV("<redirdev bus='usb' type='tcp'/>"), "redirdev"},
	{DEV("<input type='evdev'><source dev='/dev/input/x'/></input>"),
	 "hostdev"},
	{DEV("<audio id='1' type='pulseaudio'/>"), "audio"},
	{DEV("<teapot/>"), "element"},
	{DEV("<sound model='ich6'><codec type='/dev/snd'/></sound>"),
	 "host-path"},
	{DEV("<video><driver name='x'/> /dev/dri/card0</video>"), "host-path"},
	{DEV("<serial type='dev'><source path='/dev/ttyS0'/></serial>"),
	 "chardev"},
	{DEV("<serial type='tcp'><source mode='bind' host='127.0.0.1' "
	     "service='10000'/></serial>"),
	 "serial"},
	{"zed", "org.qemu.guest_agent.0.instance-00000007.sock",
	 "org.qemu.guest_agent.0.instance-00000008.sock", "chardev"},
	{"zed", "/dev/urandom", "/dev/hwrng", "rng"},
	{"zed", "model='random'", "model='egd'", "rng"},
	{TOP("<numatune><memory mode='strict' nodeset='0'/></numatune>"),
	 "numa"},
	{TOP("<launchSecurity type='sev'/>"), "memory-encryption"},
	{TOP("<memoryBacking><hugepages/></memoryBacking>"), "hugepages"},
	{TOP("<memoryBacking><source type='file'/></memoryBacking>"),
	 "memory-file"},
	{TOP("<cputune><vcpupin vcpu='0' cpuset='1'/></cputune>"), "pinned"},
	{"zed", "<vcpu placement='static'>", "<vcpu cpuset='1-3'>", "pinned"},
	{TOP("<idmap/>"), "element"},
	{TOP("<q:commandline xmlns:q='http://libvirt.org/schemas/domain/qemu/"
	     "1.0'><q:arg value='-x'/></q:commandline>"),
	 "qemu-commandline"},
	{"zed", "<sysinfo type='smbios'>", "<sysinfo type='fwcfg'>", "element"},
	{"zed", "<domain type='qemu'>", "<domain type='xen'>", "identity"},
	{"zed", "<name>instance-00000007", "<name>../x", "identity"},
	{"zed", "<name>instance-00000007", "<name>_base", "identity"},

	/* interfaces */
	{"zed", "<interface type='bridge'>", "<interface type='network'>",
	 "iface-type"},
	{"zed", "<interface type='bridge'>", "<interface type='vhostuser'>",
	 "iface-type"},
	{"zed", "<interface type='bridge'>", "<interface type='ethernet'>",
	 "iface-type"},
	{"zed", "<mtu size='1450'/>",
	 "<filterref filter='nova-instance-instance-00000007-fa163e'/>",
	 "iface-filter"},
	{"zed", "<mtu size='1450'/>", "<script path='/tmp/x'/>", "host-path"},
	{"zed", "<mtu size='1450'/>", "<backend tap='/dev/sda'/>",
	 "iface-type"},
	{"zed", "<mtu size='1450'/>", "<virtualport type='midonet'/>",
	 "iface-type"},
	{"zed", "<mtu size='1450'/>", "<rom file='/tmp/rom'/>", "host-path"},
	{"zed", "brq0a1b2c3d-4e'", "-x'", "iface-name"},
	{"zed", "brq0a1b2c3d-4e'", "a b'", "iface-name"},
	{"zed", "tap0a1b2c3d-4e'", "../../x'", "iface-name"},
	{"secure", "interfaceid='7a7a", "interfaceid='7A7A", "iface-name"},

	/* firmware, TPM, console */
	{"secure", "/usr/share/OVMF/OVMF_CODE_4M.ms.fd", "/etc/shadow",
	 "firmware"},
	{"secure", "/usr/share/OVMF/OVMF_CODE_4M.ms.fd",
	 "/usr/share/../../etc/shadow", "firmware"},
	{"secure", "<os>", "<os firmware='efi'><loader secure='yes'/>",
	 "firmware"},
	{"secure", "<loader readonly='yes'",
	 "<loader format='qcow2' readonly='yes'", "firmware"},
	{"secure", "<nvram ", "<nvram format='qcow2' ", "nvram"},
	{"secure", "<nvram ", "<nvram templateFormat='qcow2' ", "nvram"},
	{"secure", "<loader readonly='yes'", "<loader readonly='no'",
	 "firmware"},
	{"secure", "/nvram/instance-000000ff_VARS", "/nvram/instance-00_VARS",
	 "nvram"},
	{"secure", "/var/lib/libvirt/qemu/nvram/instance", "/etc/instance",
	 "nvram"},
	{"secure", "template='/usr/share/OVMF/", "template='/etc/", "nvram"},
	{"secure", "<backend type='emulator'", "<backend type='passthrough'",
	 "tpm-passthrough"},
	{"secure",
	 "<encryption secret=", "<source type='dir' path=", "element"},
	{"zed", "<graphics type='vnc'", "<graphics type='sdl'", "graphics"},
	{"zed", "<graphics type='vnc'", "<graphics type='vnc' passwd='x'",
	 "graphics-secret"},
	{"zed", "<graphics type='vnc'", "<graphics type='vnc' socket='/x'",
	 "graphics"},
	{"zed", "port='-1' autoport='yes'", "port='5901' autoport='no'",
	 "graphics-port"},
	{"zed", "<listen type='address' address='10.77.0.30'/>",
	 "<listen type='socket'/>", "graphics"},
};

static void figure(const char *name, size_t n)
{
	const char *path = getenv("NOVAHAUL_FIGURES");
	FILE *f = fopen(path ? path : "figures.tsv", "a");

	assert_non_null(f);
	fprintf(f, "figure\t%s\t%zu\tdomains\n", name, n);
	fclose(f);
}

static void t_refuse(void **state)
{
	struct buf x = BUF_INIT, out = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++) {
		const struct bad *b = &bads[i];
		struct domain_reasons r = {0};
		struct err e = ERR_INIT;
		int rc;

		sample(b->sample, b->from, b->to, &x);
		rc = domain_check_movable(buf_str(&x), x.len, &place, &r, &e);
		if (rc || !domain_reasons_has(&r, b->id))
			fail_msg("%s -> %s: not %s but %s (%s)", b->from, b->to,
				 b->id, r.n ? r.v[0].id : "none", err_msg(&e));
		err_clear(&e);
		assert_int_equal(domain_adapt(buf_str(&x), x.len, &place,
					      &target, &out, &e),
				 -1);
		assert_int_equal(e.kind, ERR_REFUSED);
		assert_int_equal(out.len, 0);
		err_clear(&e);
		domain_reasons_clear(&r);
	}
	buf_clear(&x);
	buf_clear(&out);
	figure("hostile domains refused", ARRAY_SIZE(bads));
}

static void t_movable(void **state)
{
	static const char *const names[] = {"icehouse", "zed", "secure",
					    "live"};
	struct buf x = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct domain_reasons r = {0};

		sample(names[i], NULL, NULL, &x);
		assert_int_equal(domain_check_movable(buf_str(&x), x.len,
						      &place, &r, &e),
				 0);
		if (r.n)
			fail_msg("%s: %s: %s", names[i], r.v[0].id,
				 r.v[0].text);
		domain_reasons_clear(&r);
	}
	buf_clear(&x);
}

/* All reasons at once, each of them once. */
static void t_reasons(void **state)
{
	struct buf x = BUF_INIT;
	struct domain_reasons r = {0};
	struct err e = ERR_INIT;

	(void)state;
	sample("zed", "<audio id='1' type='none'/>",
	       "<hostdev type='pci'/><hostdev type='pci'/>"
	       "<hostdev type='mdev'/><shmem name='a'/>",
	       &x);
	assert_int_equal(
		domain_check_movable(buf_str(&x), x.len, &place, &r, &e), 0);
	assert_int_equal(r.n, 3);
	domain_reasons_clear(&r);
	buf_clear(&x);
}

/* --- documents that are hostile as XML */

static void refused_xml(const char *xml, size_t len)
{
	struct err e = ERR_INIT;

	assert_null(domain_parse(xml, len, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
}

static void t_hostile_xml(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"<domain>",
		"<html/>",
		"<domain><name>x</name></domain>",
		"<domain><name/><uuid>" ZED "</uuid></domain>",
		"<domain><name>x</name><uuid>../../etc</uuid></domain>",
		"<!DOCTYPE domain SYSTEM 'file:///etc/passwd'><domain/>",
		"<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
		"<domain><name>&x;</name><uuid>" ZED "</uuid></domain>",
		"<!doctype d [<!ENTITY a '0123456789'>"
		"<!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
		"<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'>]>"
		"<domain><name>&c;</name></domain>",
		"<domain><name>&nope;</name><uuid>" ZED "</uuid></domain>",
		"<?xml version='1.0' encoding='UTF-16'?><domain><name>\xff"
		"</name></domain>",
	};
	struct buf b = BUF_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		refused_xml(bad[i], strlen(bad[i]));
	refused_xml("<domain>\0</domain>", 18);
	buf_puts(&b, "<domain>");
	for (int i = 0; i < 100000; i++)
		buf_puts(&b, "<a>");
	refused_xml(b.p, b.len); /* depth */
	buf_reset(&b);
	buf_puts(&b, "<domain><name>");
	for (int i = 0; i < DOMAIN_XML_MAX; i++)
		buf_putc(&b, 'a');
	buf_puts(&b, "</name><uuid>" ZED "</uuid></domain>");
	refused_xml(b.p, b.len);
	buf_clear(&b);
}

/* Every prefix and every single damaged byte: an answer, never a crash, and
 * never a host path that was not vetted. */
static void t_damage(void **state)
{
	struct buf x = BUF_INIT, out = BUF_INIT;
	struct err e = ERR_INIT;
	size_t accepted = 0;

	(void)state;
	sample("zed", NULL, NULL, &x);
	for (size_t i = 0; i < x.len; i += 7) {
		char saved = x.p[i];

		refused_xml(x.p, i);
		x.p[i] = "<>&'/\"x \n-"[i % 10];
		buf_reset(&out);
		if (!domain_adapt(x.p, x.len, &place, &target, &out, &e)) {
			accepted++;
			lacks(&out, "/var/lib/nova/instances/");
		}
		err_clear(&e);
		x.p[i] = saved;
	}
	assert_true(accepted > 0);
	buf_clear(&x);
	buf_clear(&out);
}

static void t_bad_places(void **state)
{
	static const char *const rel[] = {"instances", NULL};
	const struct domain_place p = {.instances = rel};
	struct domain_target t = target;
	struct buf x = BUF_INIT, out = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	sample("zed", NULL, NULL, &x);
	assert_int_equal(domain_adapt(buf_str(&x), x.len, &p, &t, &out, &e),
			 -1);
	assert_int_equal(e.kind, ERR_BUG);
	t.instances = "/data/../etc";
	assert_int_equal(domain_adapt(buf_str(&x), x.len, &place, &t, &out, &e),
			 -1);
	assert_int_equal(e.kind, ERR_BUG);
	err_clear(&e);
	buf_clear(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_icehouse),
		cmocka_unit_test(t_zed),
		cmocka_unit_test(t_secure),
		cmocka_unit_test(t_adapt),
		cmocka_unit_test(t_adapt_zed),
		cmocka_unit_test(t_adapt_live),
		cmocka_unit_test(t_adapt_old_dir),
		cmocka_unit_test(t_adapt_efi),
		cmocka_unit_test(t_adapt_target),
		cmocka_unit_test(t_refuse),
		cmocka_unit_test(t_movable),
		cmocka_unit_test(t_reasons),
		cmocka_unit_test(t_hostile_xml),
		cmocka_unit_test(t_damage),
		cmocka_unit_test(t_bad_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
