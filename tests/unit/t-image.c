/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <string.h>

#include "image/image.h"
#include "unit/image-sample.h"

#define UUID "9f2b3c4d-0000-4000-8000-000000000000"
#define OLD "/var/lib/nova/instances/" UUID
#define NEW "/srv/nova/" UUID

static void t_names(void **state)
{
	static const struct {
		const char *name;
		enum image_act act;
		enum image_role role;
	} t[] = {
		{"disk", IMAGE_ACT_COPY, IMAGE_ROLE_DISK},
		{"disk.local", IMAGE_ACT_COPY, IMAGE_ROLE_LOCAL},
		{"disk.eph0", IMAGE_ACT_COPY, IMAGE_ROLE_EPHEMERAL},
		{"disk.eph12", IMAGE_ACT_COPY, IMAGE_ROLE_EPHEMERAL},
		{"disk.swap", IMAGE_ACT_COPY, IMAGE_ROLE_SWAP},
		{"disk.config", IMAGE_ACT_COPY, IMAGE_ROLE_CONFIG},
		{"disk.info", IMAGE_ACT_REWRITE, IMAGE_ROLE_INFO},
		{"kernel", IMAGE_ACT_COPY, IMAGE_ROLE_KERNEL},
		{"ramdisk", IMAGE_ACT_COPY, IMAGE_ROLE_RAMDISK},
		{"console.log", IMAGE_ACT_OPTIONAL, IMAGE_ROLE_CONSOLE},
		{"console.log.0", IMAGE_ACT_OPTIONAL, IMAGE_ROLE_CONSOLE},
		{"libvirt.xml", IMAGE_ACT_RECREATE, IMAGE_ROLE_XML},
		{"unrescue.xml", IMAGE_ACT_REFUSE, IMAGE_ROLE_RESCUE},
		{"disk.rescue", IMAGE_ACT_REFUSE, IMAGE_ROLE_RESCUE},
		{"disk.config.rescue", IMAGE_ACT_REFUSE, IMAGE_ROLE_RESCUE},
		{"kernel.rescue", IMAGE_ACT_REFUSE, IMAGE_ROLE_RESCUE},
		{"disk_rbase", IMAGE_ACT_NEVER, IMAGE_ROLE_DEBRIS},
		{"disk_qcow", IMAGE_ACT_NEVER, IMAGE_ROLE_DEBRIS},
		{"disk.eph0_raw", IMAGE_ACT_NEVER, IMAGE_ROLE_DEBRIS},
		{"x.part", IMAGE_ACT_NEVER, IMAGE_ROLE_DEBRIS},
		{"0123456789abcdef.tmp", IMAGE_ACT_NEVER, IMAGE_ROLE_DEBRIS},
		{"disk.eph", IMAGE_ACT_REFUSE, IMAGE_ROLE_UNKNOWN},
		{"disk.bak", IMAGE_ACT_REFUSE, IMAGE_ROLE_UNKNOWN},
		{"disk.eph0x", IMAGE_ACT_REFUSE, IMAGE_ROLE_UNKNOWN},
		{"", IMAGE_ACT_REFUSE, IMAGE_ROLE_UNKNOWN},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct image_name n = image_name_of(t[i].name, IMAGE_FTYPE_REG);

		if (n.act != t[i].act || n.role != t[i].role)
			fail_msg("%s: %s %s", t[i].name, image_act_name(n.act),
				 image_role_name(n.role));
		assert_true(n.act == IMAGE_ACT_COPY || n.why);
		/* a link or a device never passes under any name */
		n = image_name_of(t[i].name, IMAGE_FTYPE_OTHER);
		assert_int_equal(n.act, IMAGE_ACT_REFUSE);
		n = image_name_of(t[i].name, IMAGE_FTYPE_DIR);
		assert_int_equal(n.act, IMAGE_ACT_REFUSE);
	}
	assert_int_equal(image_name_of("swtpm", IMAGE_FTYPE_DIR).role,
			 IMAGE_ROLE_VTPM);
}

static void t_dirs(void **state)
{
	static const struct {
		const char *name;
		enum image_dir d;
	} t[] = {
		{UUID, IMAGE_DIR_INSTANCE},
		{UUID "_resize", IMAGE_DIR_RESIZE},
		{UUID "_del", IMAGE_DIR_DEL},
		{UUID "_other", IMAGE_DIR_OTHER},
		{"9F2B3C4D-0000-4000-8000-000000000000", IMAGE_DIR_OTHER},
		{"instance-0000002a", IMAGE_DIR_LEGACY},
		{"instance-", IMAGE_DIR_OTHER},
		{"inst", IMAGE_DIR_OTHER},
		{"_base", IMAGE_DIR_BASE},
		{"locks", IMAGE_DIR_LOCKS},
		{"snapshots", IMAGE_DIR_SNAPSHOTS},
		{"compute_nodes", IMAGE_DIR_NODES},
		{".novahaul", IMAGE_DIR_OURS},
		{"0123456789abcdef.tmp", IMAGE_DIR_PROBE},
	};
	char uuid[UUID_LEN + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		enum image_dir d = image_dir_of(t[i].name, uuid);

		if (d != t[i].d)
			fail_msg("%s: %d", t[i].name, d);
		assert_string_equal(uuid, i < 3 ? UUID : "");
		assert_int_equal(image_dir_of(t[i].name, NULL), d);
	}
}

static void t_base_names(void **state)
{
	static const struct {
		const char *name;
		enum image_base_kind kind;
		unsigned int size, sweep;
	} t[] = {
		{SAMPLE_SHA, IMAGE_BASE_IMAGE, 0, 86400},
		{SAMPLE_SHA "_20", IMAGE_BASE_SIZED, 20, 3600},
		{SAMPLE_SHA "_sm", IMAGE_BASE_SMALL, 0, 3600},
		{SAMPLE_SHA "_", IMAGE_BASE_OTHER, 0, 0},
		{SAMPLE_SHA "0", IMAGE_BASE_OTHER, 0, 0},
		{"swap_512", IMAGE_BASE_SWAP, 512, 86400},
		{"swap_", IMAGE_BASE_OTHER, 0, 0},
		{"ephemeral_20_default", IMAGE_BASE_EPHEMERAL, 20, 86400},
		{"ephemeral_20_40d1d2c", IMAGE_BASE_EPHEMERAL, 20, 86400},
		{"ephemeral_20", IMAGE_BASE_OTHER, 0, 0},
		{"ephemeral_20_", IMAGE_BASE_OTHER, 0, 0},
		{SAMPLE_SHA ".info", IMAGE_BASE_INFO, 0, 0},
		{SAMPLE_SHA ".part", IMAGE_BASE_TEMP, 0, 0},
		{SAMPLE_SHA ".j1.tmp", IMAGE_BASE_TEMP, 0, 0},
		{"..", IMAGE_BASE_OTHER, 0, 0},
		{"a/b", IMAGE_BASE_OTHER, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		struct image_base_name b = image_base_name_of(t[i].name);

		if (b.kind != t[i].kind || b.size != t[i].size ||
		    b.sweep_s != t[i].sweep)
			fail_msg("%s: kind %d, size %d, sweep %u", t[i].name,
				 b.kind, (int)b.size, b.sweep_s);
		assert_int_equal(b.copy, b.sweep_s != 0);
	}
	assert_true(image_base_name_of("ephemeral_20_default").mistaken);
	assert_false(image_base_name_of("ephemeral_20_40d1d2c").mistaken);
	assert_false(image_base_name_of("ephemeral_20_linux").mistaken);
}

static void t_diskinfo(void **state)
{
	static const char text[] = "{\"" OLD "/disk\": \"qcow2\", \"" OLD
				   "/disk.config\": \"raw\"}\n";
	const char *const from[] = {"/var/lib/nova2/" UUID, OLD, NULL};
	struct diskinfo d;
	struct err e = ERR_INIT;
	char *line;

	(void)state;
	assert_int_equal(diskinfo_parse(text, strlen(text), &d, &e), 0);
	assert_int_equal(d.n, 2);
	assert_string_equal(diskinfo_format(&d, OLD "/disk"), "qcow2");
	assert_string_equal(diskinfo_format_in(&d, from, "disk.config"), "raw");
	assert_null(diskinfo_format_in(&d, from, "disk.local"));
	assert_int_equal(diskinfo_rewrite(&d, from, NEW, &e), 0);
	line = diskinfo_write(&d);
	assert_string_equal(line, "{\"" NEW "/disk\": \"qcow2\", \"" NEW
				  "/disk.config\": \"raw\"}");
	mem_free(line);
	/* the source directory is no longer the one of its keys */
	assert_int_equal(diskinfo_rewrite(&d, from, NEW, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_non_null(e.hint);
	assert_int_equal(d.n, 2);
	diskinfo_clear(&d);

	assert_int_equal(diskinfo_parse("  \n", 3, &d, &e), 0);
	assert_int_equal(d.n, 0);
	line = diskinfo_write(&d);
	assert_string_equal(line, "{}");
	mem_free(line);
	diskinfo_clear(&d);
	err_clear(&e);
}

static void t_diskinfo_bad(void **state)
{
	static const struct {
		const char *text, *word;
	} t[] = {
		{"{", "disk.info"},
		{"[]", "not one JSON object"},
		{"\"x\"", "disk.info"},
		{"{} x", "disk.info"},
		{"{\"/a\": \"raw\", \"/a\": \"qcow2\"}", "duplicate"},
		{"{\"/a\": \"vmdk\"}", "\"vmdk\""},
		{"{\"/a\": \"ploop\"}", "\"ploop\""},
		{"{\"/a\": \"\"}", "format"},
		{"{\"/a\": 1}", "format"},
		{"{\"/a\": null}", "format"},
		{"{\"a\": \"raw\"}", "absolute"},
		{"{\"\": \"raw\"}", "absolute"},
		{"{\"/a\\u0000b\": \"raw\"}", "disk.info"},
		{"{\"/\\u001b[2J\": \"x\"}", "\\x1b"},
	};
	static const char *const keys[] = {
		"/etc/passwd", OLD "/../x",  OLD "/a/b", OLD "/",	  OLD,
		OLD "2/disk",  OLD "//disk", OLD "/.",	 "/x" OLD "/disk"};
	const char *const from[] = {OLD, NULL};
	struct diskinfo d;
	struct err e = ERR_INIT;
	char *big = MEM_NEW_N(char, DISKINFO_MAX + 2);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
		assert_int_equal(
			diskinfo_parse(t[i].text, strlen(t[i].text), &d, &e),
			-1);
		if (e.kind != ERR_REFUSED || !strstr(err_msg(&e), t[i].word))
			fail_msg("%s: %s", t[i].text, err_msg(&e));
		assert_int_equal(d.n, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		char *text = mem_printf("{\"%s\": \"raw\"}", keys[i]);

		assert_int_equal(diskinfo_parse(text, strlen(text), &d, &e), 0);
		if (diskinfo_rewrite(&d, from, NEW, &e) == 0)
			fail_msg("%s: accepted", keys[i]);
		assert_int_equal(e.kind, ERR_REFUSED);
		diskinfo_clear(&d);
		mem_free(text);
	}
	memset(big, ' ', DISKINFO_MAX + 1);
	assert_int_equal(diskinfo_parse(big, DISKINFO_MAX + 1, &d, &e), -1);
	assert_non_null(strstr(err_msg(&e), "too many"));
	mem_free(big);
	err_clear(&e);
}

/* Two names of one directory: equal records merge, others are refused. */
static void t_diskinfo_alias(void **state)
{
	const char *const from[] = {"/a", "/b", NULL};
	static const char same[] =
		"{\"/a/disk\": \"raw\", \"/b/disk\": \"raw\"}";
	static const char differ[] =
		"{\"/a/disk\": \"raw\", \"/b/disk\": \"qcow2\"}";
	struct diskinfo d;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(diskinfo_parse(same, strlen(same), &d, &e), 0);
	assert_int_equal(diskinfo_rewrite(&d, from, "/c", &e), 0);
	assert_int_equal(d.n, 1);
	assert_string_equal(d.v[0].path, "/c/disk");
	diskinfo_clear(&d);
	assert_int_equal(diskinfo_parse(differ, strlen(differ), &d, &e), 0);
	assert_int_equal(diskinfo_rewrite(&d, from, "/c", &e), -1);
	assert_non_null(strstr(err_msg(&e), "two formats"));
	diskinfo_clear(&d);
	err_clear(&e);
}

static void is(const struct image_owner_rules *r, enum image_role role,
	       const struct image_owner *source, const char *want)
{
	struct image_owner o;
	struct err e = ERR_INIT;
	char *got;

	if (image_owner_of(r, role, source, &o, &e))
		got = mem_printf("%s", err_msg(&e));
	else
		got = mem_printf("%s:%s %04o", o.user, o.group, o.mode);
	if (strcmp(got, want) != 0)
		fail_msg("%s: %s, wanted %s", image_role_name(role), got, want);
	mem_free(got);
	err_clear(&e);
}

static void t_owner(void **state)
{
	static const char *const users[] = {"nova", "libvirt-qemu", "tss",
					    "42436", NULL};
	static const char *const groups[] = {"nova", "kvm", "tss", "42436",
					     NULL};
	static const char *const few[] = {"42436", "root", NULL};
	const struct image_owner qemu = {"libvirt-qemu", "kvm", 0640};
	const struct image_owner rhel = {"qemu", "qemu", 0644};
	const struct image_owner root = {"root", "root", 0600};
	const struct image_neighbour seen[] = {
		{IMAGE_ROLE_DISK, {"42436", "42436", 04666}},
		{IMAGE_ROLE_DIR, {"42436", "42436", 0750}},
	};
	struct image_owner_rules r = {.users = users, .groups = groups};

	(void)state;
	/* the usual host: everything is nova's while the guest is stopped */
	is(&r, IMAGE_ROLE_DIR, &root, "nova:nova 0755");
	is(&r, IMAGE_ROLE_DISK, &qemu, "nova:nova 0644");
	is(&r, IMAGE_ROLE_BASE, &qemu, "nova:nova 0644");
	is(&r, IMAGE_ROLE_INFO, NULL, "nova:nova 0644");
	is(&r, IMAGE_ROLE_CONFIG, &qemu, "libvirt-qemu:kvm 0640");
	is(&r, IMAGE_ROLE_CONFIG, &rhel, "nova:nova 0644");
	is(&r, IMAGE_ROLE_CONFIG, &root, "nova:nova 0644");
	is(&r, IMAGE_ROLE_TPM_DIR, &root, "tss:tss 0711");
	is(&r, IMAGE_ROLE_TPM_FILE, &root, "tss:tss 0600");
	is(&r, IMAGE_ROLE_NVRAM, &qemu,
	   "owner of nvram: qemu.conf's user and group are not known");
	r.qemu_user = "libvirt-qemu";
	r.qemu_group = "kvm";
	is(&r, IMAGE_ROLE_NVRAM, &root, "libvirt-qemu:kvm 0600");

	/* an operator's word */
	r.user = "42436";
	is(&r, IMAGE_ROLE_DISK, &qemu, "42436:42436 0644");
	r.user = "nobody";
	is(&r, IMAGE_ROLE_DISK, &qemu,
	   "owner of disk: no user \"nobody\" here");
	r.user = NULL;

	/* containers: the host has no nova, a neighbour has numbers */
	r.users = few;
	r.groups = few;
	is(&r, IMAGE_ROLE_DISK, &qemu, "owner of disk: no user \"nova\" here");
	r.seen = seen;
	r.n_seen = ARRAY_SIZE(seen);
	is(&r, IMAGE_ROLE_DISK, &qemu, "42436:42436 0666");
	is(&r, IMAGE_ROLE_DIR, &qemu, "42436:42436 0750");

	/* dynamic_ownership = 0: only a neighbour knows */
	r.dynamic = IMAGE_DYNAMIC_OFF;
	is(&r, IMAGE_ROLE_EPHEMERAL, &qemu, "42436:42436 0666");
	is(&r, IMAGE_ROLE_DIR, &qemu, "42436:42436 0750");
	r.n_seen = 0;
	is(&r, IMAGE_ROLE_DISK, &qemu,
	   "owner of disk: dynamic_ownership is off and there is no neighbour "
	   "to copy it from");
	/* what is Nova's own stays so: QEMU may read it */
	r.users = r.groups = NULL;
	is(&r, IMAGE_ROLE_BASE, &qemu, "nova:nova 0644");
	is(&r, IMAGE_ROLE_DIR, &qemu, "nova:nova 0755");
}

static void t_info(void **state)
{
	uint8_t *p = MEM_NEW_N(uint8_t, SAMPLE_CLUSTER);
	struct image_info i;
	struct strv lines = STRV_INIT;

	(void)state;
	sample_overlay(p);
	image_info_read(IMAGE_FORMAT_QCOW2, p, SAMPLE_CLUSTER, SAMPLE_FILE, &i);
	image_info_lines(&i, &lines);
	assert_true(i.parsed);
	assert_true(strv_has(&lines, "virtual_size: 1073741824"));
	assert_true(strv_has(&lines, "backing_file: \"" SAMPLE_BACKING "\""));
	assert_true(strv_has(&lines, "backing_format: \"raw\""));
	assert_true(strv_has(&lines, "data_file: none"));
	assert_int_equal(i.problems.n, 0);
	image_info_clear(&i);
	strv_clear(&lines);

	sample_put(p, 72, 8, 0x8000000000000007);
	image_info_read(IMAGE_FORMAT_UNKNOWN, p, SAMPLE_CLUSTER, SAMPLE_FILE,
			&i);
	image_info_lines(&i, &lines);
	assert_int_equal(i.problems.n, 3);
	assert_int_equal(i.notes.n, 2); /* not declared; dirty */
	assert_true(strv_has(&lines, "incompatible_features: dirty, corrupt, "
				     "external data file, bit 63"));
	image_info_clear(&i);
	strv_clear(&lines);

	/* declared raw is never parsed, whatever it holds */
	image_info_read(IMAGE_FORMAT_RAW, p, SAMPLE_CLUSTER, SAMPLE_FILE, &i);
	assert_false(i.parsed);
	assert_int_equal(i.notes.n, 1);
	image_info_clear(&i);
	mem_free(p);
}

static void t_formats(void **state)
{
	(void)state;
	assert_int_equal(image_format_by_name(NULL), IMAGE_FORMAT_UNKNOWN);
	assert_int_equal(image_format_by_name("RAW"), IMAGE_FORMAT_UNKNOWN);
	for (int f = 0; f <= IMAGE_FORMAT_QCOW2; f++)
		assert_int_equal(image_format_by_name(image_format_name(f)), f);
	assert_int_equal(image_backend_by_name(NULL, true),
			 IMAGE_BACKEND_QCOW2);
	assert_int_equal(image_backend_by_name("default", false),
			 IMAGE_BACKEND_FLAT);
	assert_int_equal(image_backend_by_name("flat", true),
			 IMAGE_BACKEND_FLAT);
	assert_int_equal(image_backend_by_name("rbd", true), IMAGE_BACKEND_RBD);
	assert_int_equal(image_backend_by_name("ploop", true),
			 IMAGE_BACKEND_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_names),
		cmocka_unit_test(t_dirs),
		cmocka_unit_test(t_base_names),
		cmocka_unit_test(t_diskinfo),
		cmocka_unit_test(t_diskinfo_bad),
		cmocka_unit_test(t_diskinfo_alias),
		cmocka_unit_test(t_owner),
		cmocka_unit_test(t_info),
		cmocka_unit_test(t_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
