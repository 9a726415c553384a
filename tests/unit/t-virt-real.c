/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goal: virt.h does with a real libvirt and a real QEMU (TCG) what it says.
 *
 * The test runs itself once more inside namespaces of its own, where libvirtd
 * finds empty directories; when it ends, everything in there ends with it.
 * Needs root, libvirtd and qemu-system-x86_64; else 77.
 */
#include "unit/virt-real.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"
#include "core/proc.h"
#include "domain/caps.h"
#include "domain/domain.h"
#include "host/virt.h"

#define ZED "b2a7c1d0-0f6e-4b4e-8a55-0c9f2a6d7e10"
#define VAULT "c0ffee00-1111-4222-8333-444455556666"
#define BRQ "/sys/class/net/brq0a1b2c3d-4e"
#define NVRAM "/var/lib/libvirt/qemu/nvram/instance-000000ff_VARS.fd"
#define SWTPM "/var/lib/libvirt/swtpm/" VAULT

static const char *top; /* source folder */
static struct virt *virt;

static void put(const char *path, const void *p, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct err e = ERR_INIT;

	assert_true(fd >= 0);
	ok(fs_write_all(fd, p, n, &e), &e);
	close(fd);
}

/* --- the little host */

static const char qemu_conf[] = "user = \"root\"\n"
				"group = \"root\"\n"
				"security_driver = \"none\"\n"
				"cgroup_controllers = [ ]\n"
				"namespaces = [ ]\n"
				"remember_owner = 0\n"
				"stdio_handler = \"file\"\n";

static const char libvirtd_conf[] =
	"log_outputs = \"3:file:/run/libvirtd.log\"\n";

static bool host_up(void)
{
	static const char *const fresh[] = {"/run",
					    "/var/lib/libvirt",
					    "/var/lib/nova",
					    "/var/log/libvirt",
					    "/var/cache/libvirt",
					    "/etc/libvirt"};

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(fresh); i++) {
		if (mkdir(fresh[i], 0755) && errno != EEXIST)
			return false;
		if (mount("tmpfs", fresh[i], "tmpfs", 0, "mode=0755"))
			return false;
	}
	put("/etc/libvirt/qemu.conf", qemu_conf, strlen(qemu_conf));
	put("/etc/libvirt/libvirtd.conf", libvirtd_conf, strlen(libvirtd_conf));
	return !command("ip link set dev lo up") &&
	       !command("mkdir -p /run/lock /var/log/libvirt/qemu "
			"/run/data/instances/" ZED " " SWTPM
			" /var/lib/libvirt/qemu/nvram");
}

static bool libvirtd_up(void)
{
	static const char *const argv[] = {"libvirtd", NULL};
	static struct proc_pipe daemon;
	struct virt_version ver;
	struct err e = ERR_INIT;

	if (proc_open(&daemon, (char *const *)argv, NULL, NULL, false, &e))
		return false;
	for (int i = 0; i < 100; i++) {
		if (!virt_version(virt, &ver, &e)) {
			err_clear(&e);
			return true;
		}
		clock_sleep_us(300000);
	}
	fprintf(stderr, "%s\n", err_msg(&e));
	return false;
}

/* --- what is defined there */

/* SAMPLE as it would be on this host; FROM becomes TO first. */
static void adapted(const char *sample, const char *from, const char *to,
		    struct buf *out)
{
	static const char *const inst[] = {"/var/lib/nova/instances",
					   "/srv/nova", NULL};
	static const char *const vols[] = {
		"rbd:volumes/volume-5d5d5d5d-0000-4000-8000-000000000001",
		"/var/lib/nova/mnt/0123456789abcdef/"
		"volume-5d5d5d5d-0000-4000-8000-000000000002",
		NULL};
	const struct domain_place src = {.instances = inst, .volumes = vols};
	const struct domain_target dst = {.instances = "/run/data/instances",
					  .has_kvm = true};
	AUTO(mem_freep)
	char *path = mem_printf("%s/tests/unit/domain/%s.xml", top, sample);
	AUTO(buf_clear) struct buf xml = BUF_INIT;
	AUTO(buf_clear) struct buf all = BUF_INIT;
	struct err e = ERR_INIT;
	const char *at;

	ok(fs_read_path(path, 1 << 20, &all, &e), &e);
	at = strstr(buf_str(&all), from);
	assert_non_null(at);
	buf_put(&xml, all.p, (size_t)(at - all.p));
	buf_puts(&xml, to);
	buf_puts(&xml, at + strlen(from));
	ok(domain_adapt(buf_str(&xml), xml.len, &src, &dst, out, &e), &e);
}

/*
 * A guest of one sector.  It waits for four seconds by the BIOS clock (18.2
 * ticks a second) and then powers itself off through the PIIX4's PM1a control
 * register, where SeaBIOS puts it: a guest that obeys, as seen from outside.
 */
static void make_guest(bool obeys)
{
	static const uint8_t wait_then_off[] = {
		0x31, 0xc0,		/* xor ax, ax */
		0x8e, 0xd8,		/* mov ds, ax */
		0x8b, 0x1e, 0x6c, 0x04, /* mov bx, [0x46c] */
		0xa1, 0x6c, 0x04,	/* again: mov ax, [0x46c] */
		0x29, 0xd8,		/* sub ax, bx */
		0x83, 0xf8, 0x48,	/* cmp ax, 72 */
		0x72, 0xf6,		/* jb again */
		0xba, 0x04, 0x06,	/* mov dx, 0x604 */
		0xb8, 0x00, 0x20,	/* mov ax, 0x2000 */
		0xef,			/* out dx, ax */
		0xeb, 0xfe,		/* jmp $ */
	};
	uint8_t sector[512] = {0xeb, 0xfe}; /* jmp $ */

	if (obeys)
		memcpy(sector, wait_then_off, sizeof(wait_then_off));
	sector[510] = 0x55;
	sector[511] = 0xaa;
	put("/run/data/instances/" ZED "/disk", sector, sizeof(sector));
	assert_int_equal(truncate("/run/data/instances/" ZED "/disk", 1 << 20),
			 0);
	put("/run/data/instances/" ZED "/disk.config", sector, sizeof(sector));
}

static void state_is(const char *uuid, enum virt_state want)
{
	struct virt_status st;
	struct err e = ERR_INIT;

	ok(virt_state(virt, uuid, &st, &e), &e);
	if (st.state != want)
		fail_msg("%s (%s), not %s", virt_state_name(st.state),
			 st.reason, virt_state_name(want));
}

/* The XML is Zed's, but for the format: our disk is a raw one. */
static void define_zed(struct buf *xml)
{
	struct err e = ERR_INIT;

	adapted("zed", "type='qcow2'", "type='raw'", xml);
	ok(virt_define(virt, ZED, buf_str(xml), &e), &e);
	state_is(ZED, VIRT_SHUTOFF);
}

static void t_caps(void **state)
{
	static const struct virt_domcaps q35 = {
		.virttype = "qemu", .arch = "x86_64", .machine = "q35"};
	AUTO(buf_clear) struct buf xml = BUF_INIT;
	struct caps_host *h;
	struct caps_domain *d;
	struct virt_version ver;
	bool has = true;
	struct err e = ERR_INIT;

	(void)state;
	ok(virt_version(virt, &ver, &e), &e);
	assert_true(ver.libvirt >= 1000000 && ver.hypervisor >= 1000000);
	ok(virt_capabilities(virt, &xml, &e), &e);
	h = caps_host_parse(buf_str(&xml), xml.len, &e);
	assert_non_null(h);
	assert_non_null(caps_host_guest(h, "x86_64"));
	assert_true(caps_host_guest(h, "x86_64")->qemu);
	caps_host_free(h);
	buf_reset(&xml);
	ok(virt_domcapabilities(virt, &q35, &xml, &e), &e);
	d = caps_domain_parse(buf_str(&xml), xml.len, &e);
	assert_non_null(d);
	assert_string_equal(d->arch, "x86_64");
	caps_domain_free(d);
	ok(virt_secret_has(virt, ZED, &has, &e), &e);
	assert_false(has);
}

static void t_define(void **state)
{
	AUTO(buf_clear) struct buf xml = BUF_INIT;
	AUTO(buf_clear) struct buf back = BUF_INIT;
	AUTO(buf_clear) struct buf again = BUF_INIT;
	static const char *const there[] = {"/run/data/instances", NULL};
	const struct domain_place here = {.instances = there};
	const struct domain_target same = {.instances = "/run/data/instances"};
	AUTO(domain_freep) struct domain *d = NULL;
	char id[UUID_LEN + 1];
	struct virt_flags f;
	struct err e = ERR_INIT;

	(void)state;
	state_is(ZED, VIRT_ABSENT);
	define_zed(&xml);
	/* What libvirt made of it moves on to the next host. */
	ok(virt_dumpxml(virt, ZED, true, &back, &e), &e);
	d = domain_parse(buf_str(&back), back.len, &e);
	assert_non_null(d);
	assert_string_equal(d->machine, "pc-i440fx-7.2");
	assert_string_equal(d->nova_name, "web & more");
	assert_string_equal(d->ifaces[0].bridge, "brq0a1b2c3d-4e");
	ok(domain_adapt(buf_str(&back), back.len, &here, &same, &again, &e),
	   &e);
	ok(virt_name_uuid(virt, "instance-00000007", id, &e), &e);
	assert_string_equal(id, ZED);
	ok(virt_autostart(virt, ZED, true, &e), &e);
	ok(virt_flags(virt, ZED, &f, &e), &e);
	assert_true(f.persistent && f.autostart);
	ok(virt_autostart(virt, ZED, false, &e), &e);
	ok(virt_flags(virt, ZED, &f, &e), &e);
	assert_false(f.autostart || f.managed_save || f.snapshots ||
		     f.checkpoints);
}

static void t_run(void **state)
{
	const struct virt_stop how = {.timeout_s = 3, .retry_s = 1};
	AUTO(buf_clear) struct buf xml = BUF_INIT;
	AUTO(strv_clear) struct strv items = STRV_INIT;
	AUTO(domain_freep) struct domain *d = NULL;
	enum virt_stopped what;
	struct err e = ERR_INIT;

	(void)state;
	make_guest(false);
	define_zed(&xml);
	d = domain_parse(buf_str(&xml), xml.len, &e);
	ok(virt_net_missing(virt, d, &items, &e), &e);
	assert_int_equal(items.n, 1);
	assert_false(exists(BRQ));
	ok(virt_net_plug(virt, d, &e), &e);
	ok(virt_net_plug(virt, d, &e), &e);
	assert_true(exists(BRQ));
	ok(virt_start(virt, ZED, &e), &e);
	state_is(ZED, VIRT_RUNNING);
	assert_true(exists(BRQ "/brif/tap0a1b2c3d-4e"));
	/* libvirt itself would say yes */
	assert_int_equal(virt_undefine(virt, ZED, false, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	ok(virt_net_unplug(virt, d, &items, &e), &e);
	assert_true(exists(BRQ));
	assert_int_equal(virt_start(virt, ZED, &e), -1);
	assert_int_equal(e.kind, ERR_FAILED);
	err_clear(&e);
	ok(virt_stop(virt, ZED, &how, &what, &e), &e);
	assert_int_equal(what, VIRT_STOP_FORCED);
	state_is(ZED, VIRT_SHUTOFF);
	assert_false(exists("/sys/class/net/tap0a1b2c3d-4e"));
	ok(virt_net_unplug(virt, d, &items, &e), &e);
	assert_false(exists(BRQ));
}

static void t_graceful(void **state)
{
	const struct virt_stop how = {.timeout_s = 60, .retry_s = 2};
	AUTO(buf_clear) struct buf xml = BUF_INIT;
	AUTO(domain_freep) struct domain *d = NULL;
	enum virt_stopped what;
	struct virt_status st;
	struct err e = ERR_INIT;

	(void)state;
	make_guest(true);
	define_zed(&xml);
	d = domain_parse(buf_str(&xml), xml.len, &e);
	ok(virt_net_plug(virt, d, &e), &e);
	ok(virt_start(virt, ZED, &e), &e);
	ok(virt_stop(virt, ZED, &how, &what, &e), &e);
	assert_int_equal(what, VIRT_STOP_GRACEFUL);
	ok(virt_state(virt, ZED, &st, &e), &e);
	assert_string_equal(st.reason, "shutdown");
	ok(virt_stop(virt, ZED, &how, &what, &e), &e);
	assert_int_equal(what, VIRT_STOP_ALREADY);
}

static void t_paused_saved(void **state)
{
	const struct virt_stop how = {.timeout_s = 3};
	AUTO(buf_clear) struct buf xml = BUF_INIT;
	enum virt_stopped what;
	struct virt_flags f;
	struct err e = ERR_INIT;

	(void)state;
	make_guest(false);
	define_zed(&xml);
	ok(virt_start(virt, ZED, &e), &e);
	assert_int_equal(command("virsh -q suspend " ZED), 0);
	state_is(ZED, VIRT_PAUSED);
	assert_int_equal(virt_stop(virt, ZED, &how, &what, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	state_is(ZED, VIRT_PAUSED);
	assert_int_equal(command("virsh -q managedsave " ZED), 0);
	state_is(ZED, VIRT_SHUTOFF);
	ok(virt_flags(virt, ZED, &f, &e), &e);
	assert_true(f.managed_save);
	assert_int_equal(virt_undefine(virt, ZED, false, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_int_equal(virt_start(virt, ZED, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
	state_is(ZED, VIRT_SHUTOFF);
	assert_int_equal(command("virsh -q managedsave-remove " ZED), 0);
}

static void t_undefine(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	ok(virt_undefine(virt, ZED, false, &e), &e);
	state_is(ZED, VIRT_ABSENT);
	ok(virt_undefine(virt, ZED, false, &e), &e);
	assert_int_equal(virt_start(virt, ZED, &e), -1);
	assert_int_equal(e.kind, ERR_CONFLICT);
	assert_int_equal(virt_destroy(virt, ZED, &e), -1);
	assert_int_equal(e.kind, ERR_CONFLICT);
	err_clear(&e);
}

/* NVRAM and vTPM state survive; the check itself is checked with the flags
 * that we never pass. */
static void t_keep(void **state)
{
	AUTO(buf_clear) struct buf xml = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	adapted("secure", "<domain type='kvm'>", "<domain type='qemu'>", &xml);
	put(NVRAM, "vars", 4);
	put(SWTPM "/tpm2-00.permall", "state", 5);
	ok(virt_define(virt, VAULT, buf_str(&xml), &e), &e);
	ok(virt_undefine(virt, VAULT, false, &e), &e);
	state_is(VAULT, VIRT_ABSENT);
	assert_true(exists(NVRAM));
	assert_true(exists(SWTPM "/tpm2-00.permall"));
	ok(virt_define(virt, VAULT, buf_str(&xml), &e), &e);
	assert_int_equal(command("virsh -q undefine --nvram --tpm " VAULT), 0);
	assert_false(exists(NVRAM));
	assert_false(exists(SWTPM "/tpm2-00.permall"));
}

/* Every accepted sample is one that libvirt takes. */
static void t_samples(void **state)
{
	static const struct {
		const char *uuid, *name, *from, *to;
	} rows[] = {
		/* Ubuntu's machine type is not known elsewhere */
		{"3f1c6a0e-52c5-4c1d-9d0a-6f3f2f0c8b11", "icehouse",
		 "machine='pc-i440fx-trusty'", "machine='pc'"},
		{ZED, "live", "id='3'", ""},
	};
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(buf_clear) struct buf xml = BUF_INIT;

		adapted(rows[i].name, rows[i].from, rows[i].to, &xml);
		ok(virt_define(virt, rows[i].uuid, buf_str(&xml), &e), &e);
		ok(virt_undefine(virt, rows[i].uuid, false, &e), &e);
	}
}

static void t_no_libvirtd(void **state)
{
	struct virt_status st;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(
		rename("/run/libvirt/libvirt-sock", "/run/libvirt/gone"), 0);
	assert_int_equal(virt_state(virt, ZED, &st, &e), -1);
	assert_int_equal(e.kind, ERR_RETRY);
	assert_int_equal(virt_start(virt, ZED, &e), -1);
	assert_int_equal(e.kind, ERR_RETRY);
	assert_non_null(e.hint);
	err_clear(&e);
	rename("/run/libvirt/gone", "/run/libvirt/libvirt-sock");
}

static int inner(void)
{
	static const char *const prefix[] = {"virsh", "-c", "qemu:///system",
					     NULL};
	static const struct virt_runner runner = {.run = run};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_caps),	  cmocka_unit_test(t_define),
		cmocka_unit_test(t_run),	  cmocka_unit_test(t_graceful),
		cmocka_unit_test(t_paused_saved), cmocka_unit_test(t_undefine),
		cmocka_unit_test(t_keep),	  cmocka_unit_test(t_samples),
		cmocka_unit_test(t_no_libvirtd),
	};
	int rc;

	if (!host_up()) {
		perror("skipped: no namespaces of its own");
		return 77;
	}
	virt = virt_virsh_new("here", prefix, &runner);
	if (!libvirtd_up()) {
		fprintf(stderr, "skipped: libvirtd does not answer\n");
		return 77;
	}
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	virt_free(virt);
	return rc;
}

int main(int argc, char **argv)
{
	static const char *const tools[] = {"libvirtd", "virsh",
					    "qemu-system-x86_64", "ip", NULL};

	if (argc != 2)
		return real_outer(tools);
	top = argv[1];
	return inner();
}
