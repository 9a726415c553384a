/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a dead host's disks hold, of real images on this machine: by an agent,
 * and by the novahaul-inspect that was just built, where root can put it into
 * the agent's PATH.  An appliance is started once.
 */
#include "unit/host-lab.h"

#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/mount.h>

#include "facts/inventory.h"

#define BASE "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define UUID2 "22222222-2222-4333-8444-555555555555"
#define UUID3 "33333333-2222-4333-8444-555555555555"

static char *dir;
static struct host *h;

static void sh(const char *fmt, ...) NH_PRINTF(1, 2);
static void sh(const char *fmt, ...)
{
	struct err e = ERR_INIT;
	struct proc p = {.timeout_us = 60000000};
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	p.argv = (char *[]){(char *)"sh", (char *)"-ec", text, NULL};
	assert_ok(proc_run(&p, &e));
	if (p.exit_code)
		fail_msg("%s: %s", text, buf_str(&p.err));
	proc_clear(&p);
	mem_free(text);
}

/* As on a dead host that is mounted elsewhere: headers and disk.info name a
 * directory that is not here. */
static void instance(const char *uuid)
{
	sh("cd '%s'; mkdir %s; cd %s; qemu-img create -q -f qcow2 -u "
	   "-F raw -b /var/lib/nova-not-here/instances/_base/" BASE
	   " disk 64M; "
	   "echo '{\"/var/lib/nova-not-here/instances/%s/disk\": \"qcow2\"}' "
	   "> disk.info; chmod 644 disk",
	   dir, uuid, uuid, uuid);
}

static int setup(void **state)
{
	(void)state;
	dir = lab_dir();
	sh("cd '%s'; mkdir -p _base tree/etc; echo rescued > "
	   "tree/etc/hostname; "
	   "PATH=$PATH:/sbin:/usr/sbin mke2fs -q -t ext4 -L rescued -d tree "
	   "_base/" BASE " 32M",
	   dir);
	instance(UUID1);
	h = lab_local();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_close(h);
	lab_rm(dir);
	return 0;
}

static void look(struct inventory *v, bool inside)
{
	struct inventory_in in = {.host = h, .path = dir, .xml_host = h};
	struct err e = ERR_INIT;

	assert_ok(inventory_read(&in, v, &e));
	if (inside)
		assert_ok(inventory_inside(&in, v, &e));
}

static const struct inventory_item *of(const struct inventory *v,
				       const char *uuid)
{
	for (size_t i = 0; i < v->n; i++)
		if (!strcmp(v->v[i].uuid, uuid))
			return &v->v[i];
	fail_msg("%s is not in the list", uuid);
	return NULL;
}

static void t_heads(void **state)
{
	struct inventory v = {0};
	const struct inventory_item *i;

	(void)state;
	look(&v, false);
	i = of(&v, UUID1);
	assert_int_equal(i->state, INVENTORY_COMPLETE);
	assert_int_equal(i->open.n, 1);
	assert_string_equal(i->open.v[0], "disk:qcow2");
	assert_null(i->filesystems);
	assert_null(i->unread);
	inventory_clear(&v);
}

/* What is no file is told, and not followed. */
static void t_links(void **state)
{
	struct inventory v = {0};

	(void)state;
	instance(UUID2);
	sh("cd '%s'/" UUID2 "; ln -sf /etc/shadow disk.local", dir);
	instance(UUID3);
	sh("cd '%s'/" UUID3 "; rm disk; mkfifo disk", dir);
	look(&v, false);
	assert_int_equal(of(&v, UUID2)->state, INVENTORY_UNREADABLE);
	assert_non_null(strstr(err_msg(&of(&v, UUID2)->err), "disk.local: "));
	assert_int_equal(of(&v, UUID3)->state, INVENTORY_UNREADABLE);
	assert_non_null(strstr(err_msg(&of(&v, UUID3)->err), "disk: "));
	inventory_clear(&v);
	sh("cd '%s'; rm -r " UUID2 " " UUID3, dir);
}

/* Without a database a name is still what libvirt has. */
static void t_definitions(void **state)
{
	AUTO(mem_freep) char *xml = mem_printf("%s/qemu", dir);
	struct inventory_in in = {
		.host = h, .path = dir, .xml_host = h, .xml_dir = xml};
	struct inventory v = {0};
	struct err e = ERR_INIT;
	const struct inventory_item *i;

	(void)state;
	sh("mkdir '%s'; cat > '%s/instance-0000002a.xml' <<X\n"
	   "<domain type='kvm'><name>instance-0000002a</name>"
	   "<uuid>" UUID1 "</uuid><metadata><nova:instance "
	   "xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'>"
	   "<nova:name>web-1</nova:name></nova:instance></metadata>"
	   "<os><type arch='x86_64'>hvm</type></os></domain>\nX",
	   xml, xml);
	assert_ok(inventory_read(&in, &v, &e));
	i = of(&v, UUID1);
	assert_non_null(i->xml);
	assert_string_equal(i->name, "web-1");
	inventory_clear(&v);
}

/* Nothing there to look with: the list goes on, and says so of each. */
static void t_no_inspect(void **state)
{
	struct inventory v = {0};
	const struct inventory_item *i;

	(void)state;
	if (system("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:"
		   "/sbin:/bin command -v novahaul-inspect > /dev/null") == 0)
		skip();
	look(&v, true);
	i = of(&v, UUID1);
	assert_int_equal(i->state, INVENTORY_COMPLETE);
	assert_non_null(i->unread);
	assert_non_null(strstr(i->unread, "here has no novahaul-inspect"));
	inventory_clear(&v);
}

static void locks_are(enum host_open disk)
{
	const struct host_path p[] = {HOST_PATH(dir, UUID1 "/disk"),
				      HOST_PATH(dir, UUID1 "/disk.info"),
				      HOST_PATH(dir, UUID1 "/none")};
	enum host_open held[ARRAY_SIZE(p)] = {HOST_OPEN_UNKNOWN};
	struct err e = ERR_INIT;

	assert_ok(host_locked(h, p, ARRAY_SIZE(p), held, &e));
	assert_int_equal(held[0], disk);
	assert_int_equal(held[1], HOST_OPEN_NOT);
	assert_int_equal(held[2], HOST_OPEN_NOT);
}

/* As a QEMU has it open: qemu-io is one. */
static void t_locked(void **state)
{
	AUTO(mem_freep)
	char *cmd = mem_printf(
		"exec qemu-io -f raw '%s/" UUID1 "/disk' > /dev/null", dir);
	FILE *q;

	(void)state;
	locks_are(HOST_OPEN_NOT);
	q = popen(cmd, "w");
	assert_non_null(q);
	/* once it reads, it has opened the file */
	for (int i = 0; i < 200; i++) {
		const struct host_path p = HOST_PATH(dir, UUID1 "/disk");
		enum host_open held = HOST_OPEN_UNKNOWN;
		struct err e = ERR_INIT;

		assert_ok(host_locked(h, &p, 1, &held, &e));
		if (held == HOST_OPEN_QEMU)
			break;
		usleep(50000);
	}
	locks_are(HOST_OPEN_QEMU);
	pclose(q);
	locks_are(HOST_OPEN_NOT);
}

/* The one that was just built, where the agent looks; only this process and its
 * children see that. */
static bool install_inspect(void)
{
	AUTO(mem_freep) char *agent = lab_agent();
	AUTO(mem_freep) char *ours = NULL;

	*strrchr(agent, '/') = '\0';
	ours = mem_printf("%s/novahaul-inspect", agent);
	return access(ours, X_OK) == 0 && geteuid() == 0 &&
	       unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", "/usr/local/sbin", "tmpfs", 0, "mode=755") == 0 &&
	       symlink(ours, "/usr/local/sbin/novahaul-inspect") == 0;
}

static void t_inside(void **state)
{
	struct inventory v = {0};
	const struct inventory_item *i;
	const json_t *fs;

	(void)state;
	if (!install_inspect()) {
		print_message("skipped: no root, or no novahaul-inspect\n");
		skip();
	}
	host_close(h); /* its agent is outside */
	h = lab_local();
	/* one that nobody but root may read, and one whose base is lost */
	instance(UUID2);
	sh("chmod 600 '%s'/" UUID2 "/disk", dir);
	instance(UUID3);
	sh("cd '%s'/" UUID3 "; qemu-img rebase -u -f qcow2 -F raw -b "
	   "/var/lib/nova-not-here/instances/_base/lost disk",
	   dir);
	look(&v, true);
	i = of(&v, UUID1);
	if (i->unread && strstr(i->unread, "no appliance")) {
		inventory_clear(&v);
		skip();
	}
	if (i->unread)
		fail_msg("%s", i->unread);
	assert_int_equal(json_array_size(i->filesystems), 1);
	fs = json_array_get(i->filesystems, 0);
	assert_string_equal(json_string_value(json_object_get(fs, "type")),
			    "ext4");
	assert_string_equal(json_string_value(json_object_get(fs, "label")),
			    "rescued");
	assert_null(json_object_get(fs, "listing"));
	i = of(&v, UUID2);
	assert_int_equal(i->state, INVENTORY_COMPLETE);
	assert_null(i->filesystems);
	assert_non_null(strstr(i->unread, "opening it as user"));
	i = of(&v, UUID3);
	assert_int_equal(i->state, INVENTORY_BASE_MISSING);
	assert_null(i->filesystems);
	inventory_clear(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_heads),	 cmocka_unit_test(t_links),
		cmocka_unit_test(t_definitions), cmocka_unit_test(t_no_inspect),
		cmocka_unit_test(t_locked),	 cmocka_unit_test(t_inside),
	};

	if (system("PATH=$PATH:/sbin:/usr/sbin; command -v qemu-img && "
		   "command -v mke2fs") != 0) {
		print_message("skipped: no qemu-img or no mke2fs\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
