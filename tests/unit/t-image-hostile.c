/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hostile images: each is a good overlay with one thing wrong, and must be
 * refused with a word that tells what.
 */
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "unit/image-sample.h"

#define U64MAX UINT64_MAX
#define EXT(s) s, sizeof(s) - 1
#define NAME(s) s, sizeof(s) - 1

struct patch {
	size_t width, off;
	uint64_t v;
};

struct sample {
	const char *what;
	const char *word; /* in the reason */
	struct patch p[4];
	const char *ext; /* replaces the extensions */
	size_t ext_len;
	const char *name; /* replaces the backing name */
	size_t name_len;
	uint64_t file_size; /* 0: SAMPLE_FILE */
	size_t head_len;    /* 0: a cluster */
};

#define A16 "aaaaaaaaaaaaaaaa"
#define A64 A16 A16 A16 A16
#define A256 A64 A64 A64 A64
#define FMT_RAW "\xe2\x79\x2a\xca\0\0\0\3raw\0\0\0\0\0"

static const struct sample samples[] = {
	/* frame */
	{"no magic", "not a qcow2", .p = {{4, 0, 0x52464931}}},
	{"qcow1", "version 1", .p = {{4, 4, 1}}},
	{"version 0", "version 0", .p = {{4, 4, 0}}},
	{"version 4", "version 4", .p = {{4, 4, 4}}},
	{"version 2^32-1", "version 4294967295", .p = {{4, 4, U64MAX}}},
	{"cut in the header", "truncated", .file_size = 60, .head_len = 60},
	{"cut in the cluster", "truncated", .file_size = 4096,
	 .head_len = 4096},
	{"half of the cluster read", "are needed", .head_len = 4096},
	{"cluster_bits 8", "cluster_bits 8", .p = {{4, 20, 8}}},
	{"cluster_bits 22", "cluster_bits 22", .p = {{4, 20, 22}}},
	{"cluster_bits 63", "cluster_bits 63", .p = {{4, 20, 63}}},
	{"cluster_bits 2^32-1", "cluster_bits", .p = {{4, 20, U64MAX}}},
	{"header_length 72 in version 3", "header_length", .p = {{4, 100, 72}}},
	{"header_length over the cluster", "header_length",
	 .p = {{4, 100, SAMPLE_CLUSTER + 8}}},
	{"header_length 2^32-8", "header_length", .p = {{4, 100, 0xfffffff8}}},
	{"header_length odd", "multiple of 8", .p = {{4, 100, 109}}},
	/* features */
	{"incompatible bit 5", "unknown incompatible", .p = {{8, 72, 1 << 5}}},
	{"incompatible bit 63", "unknown incompatible", .p = {{1, 72, 0x80}}},
	{"corrupt", "corrupt", .p = {{8, 72, 2}}},
	{"external data file bit", "external data file", .p = {{8, 72, 4}}},
	{"data file bit and raw bit", "external data file",
	 .p = {{8, 72, 4}, {8, 88, 2}}},
	{"raw data file bit alone", "raw external data file",
	 .p = {{8, 88, 2}}},
	{"compression type 9", "compression type",
	 .p = {{1, 104, 9}, {8, 72, 8}}},
	{"zstd without its bit", "compression type", .p = {{1, 104, 1}}},
	{"its bit without zstd", "compression type", .p = {{8, 72, 8}}},
	{"refcount_order 7", "refcount_order", .p = {{4, 96, 7}}},
	{"AES", "encrypted", .p = {{4, 32, 1}}},
	{"LUKS", "encrypted", .p = {{4, 32, 2}}},
	{"crypt_method 3", "crypt_method", .p = {{4, 32, 3}}},
	{"an internal snapshot", "snapshot",
	 .p = {{4, 60, 1}, {8, 64, 4 * SAMPLE_CLUSTER}}},
	{"2^32-1 snapshots", "snapshots", .p = {{4, 60, U64MAX}}},
	{"snapshot table off the end", "snapshot table",
	 .p = {{4, 60, 1}, {8, 64, (uint64_t)1 << 40}}},
	/* tables and sizes */
	{"virtual size 2^64-512", "virtual size", .p = {{8, 24, U64MAX - 511}}},
	{"virtual size 2^63-512", "L1 table",
	 .p = {{8, 24, (U64MAX >> 1) - 511}}},
	{"virtual size odd", "multiple of", .p = {{8, 24, 1000}}},
	{"L1 too small for the size", "too small", .p = {{8, 24, 1ull << 40}}},
	{"virtual size of 256 TiB", "virtual size",
	 .p = {{8, 24, 1ull << 48}, {4, 36, 1 << 19}}, .file_size = 1ull << 30},
	{"L1 of 2^32-1 entries", "L1 table", .p = {{4, 36, U64MAX}}},
	{"L1 not aligned", "L1 table", .p = {{8, 40, 3 * SAMPLE_CLUSTER + 8}}},
	{"L1 over the header", "L1 table overlaps", .p = {{8, 40, 0}}},
	{"L1 off the end", "L1 table", .p = {{8, 40, 64ull * SAMPLE_CLUSTER}}},
	{"L1 at 2^64-cluster", "L1 table", .p = {{8, 40, U64MAX << 16}}},
	{"no refcount table", "refcount table", .p = {{4, 56, 0}}},
	{"refcount table of 2^32-1", "refcount table", .p = {{4, 56, U64MAX}}},
	{"refcount table off the end", "refcount table",
	 .p = {{8, 48, 1ull << 40}}},
	{"refcount table over L1", "overlap",
	 .p = {{8, 48, 3 * SAMPLE_CLUSTER}}},
	{"refcount table over the header", "refcount table", .p = {{8, 48, 0}}},
	{"extended L2 in small clusters", "extended L2",
	 .p = {{8, 72, 16}, {4, 20, 9}}},
	/* backing name: where it is */
	{"name over the header", "overlaps the header", .p = {{8, 8, 16}}},
	{"name off the cluster", "first cluster",
	 .p = {{8, 8, SAMPLE_CLUSTER}}},
	{"name at 2^63", "first cluster", .p = {{1, 8, 0x80}}},
	{"name crosses the cluster's end", "leaves the first cluster",
	 .p = {{8, 8, SAMPLE_CLUSTER - 8}}},
	{"name length without offset", "no offset", .p = {{8, 8, 0}}},
	{"name of 1024 bytes", "1024 bytes", .p = {{4, 16, 1024}}},
	{"name of 2^32-1 bytes", "4294967295 bytes", .p = {{4, 16, U64MAX}}},
	{"empty name", "empty", .p = {{4, 16, 0}}},
	/* backing name: what it says */
	{"NUL in the name", "NUL", .name = NAME(SAMPLE_BASE_DIR "/a\0b")},
	{"json:", "json:",
	 .name = NAME("json:{\"driver\":\"raw\",\"file\":{\"filename\":"
		      "\"/etc/shadow\"}}")},
	{"nbd:", "protocol", .name = NAME("nbd:10.0.0.1:10809")},
	{"http://", "protocol", .name = NAME("http://10.0.0.1/x")},
	{"file:", "protocol", .name = NAME("file:" SAMPLE_BACKING)},
	{"fat:", "protocol", .name = NAME("fat:/etc")},
	{"relative", "not absolute", .name = NAME("_base/" SAMPLE_SHA)},
	{"/etc/shadow", "not a plain file", .name = NAME("/etc/shadow")},
	{"a block device", "not a plain file", .name = NAME("/dev/sda")},
	{"up and out", "..",
	 .name = NAME(SAMPLE_BASE_DIR "/../../../../../etc/shadow")},
	{"up and back in", "..",
	 .name = NAME(SAMPLE_BASE_DIR "/../_base/" SAMPLE_SHA)},
	{"a subdirectory", "not a plain file",
	 .name = NAME(SAMPLE_BASE_DIR "/d/" SAMPLE_SHA)},
	{"two slashes", "not a plain file",
	 .name = NAME(SAMPLE_BASE_DIR "//" SAMPLE_SHA)},
	{"the directory itself", "not a plain file",
	 .name = NAME(SAMPLE_BASE_DIR "/")},
	{"a sibling of _base", "not a plain file",
	 .name = NAME(SAMPLE_BASE_DIR "2/" SAMPLE_SHA)},
	{"another guest's disk", "not a plain file",
	 .name = NAME("/var/lib/nova/instances/"
		      "9f2b3c4d-0000-4000-8000-000000000000/disk")},
	{"a hidden file", "not a plain file",
	 .name = NAME(SAMPLE_BASE_DIR "/.hidden")},
	{"an option", "not a plain file",
	 .name = NAME(SAMPLE_BASE_DIR "/-oProxyCommand=x")},
	{"a terminal escape", "\\x1b[2J",
	 .name = NAME(SAMPLE_BASE_DIR "/\033[2J")},
	{"a newline", "\\x0a", .name = NAME(SAMPLE_BASE_DIR "/a\nb")},
	{"a space", "not a plain file", .name = NAME(SAMPLE_BASE_DIR "/a b")},
	{"not UTF-8", "\\xff", .name = NAME(SAMPLE_BASE_DIR "/\xff\xfe")},
	{"a plain name of 256", "not a plain file",
	 .name = NAME(SAMPLE_BASE_DIR "/" A256)},
	/* extensions */
	{"extension too large", "too large",
	 .ext = EXT("\xe2\x79\x2a\xca\0\1\0\0raw")},
	{"extension of 2^32-1", "too large",
	 .ext = EXT("\x12\x34\x56\x78\xff\xff\xff\xff")},
	{"end mark that is too large", "too large",
	 .ext = EXT("\0\0\0\0\0\1\0\0")},
	{"extension area cut", "cut short",
	 .p = {{8, 8, SAMPLE_EXT + 20},
	       {4, 16, 8},
	       {8, SAMPLE_EXT + 20, 0x6161616161616161}}},
	{"format of 16 bytes", "backing format",
	 .ext = EXT("\xe2\x79\x2a\xca\0\0\0\x10" A16)},
	{"format with NUL", "NUL", .ext = EXT("\xe2\x79\x2a\xca\0\0\0\4ra\0w")},
	{"empty format", "empty", .ext = EXT("\xe2\x79\x2a\xca\0\0\0\0")},
	{"two formats", "twice",
	 .ext = EXT(FMT_RAW "\xe2\x79\x2a\xca\0\0\0\5qcow2\0\0\0")},
	{"format vmdk", "\"vmdk\"",
	 .ext = EXT("\xe2\x79\x2a\xca\0\0\0\4vmdk\0\0\0\0")},
	{"format nbd", "\"nbd\"",
	 .ext = EXT("\xe2\x79\x2a\xca\0\0\0\3nbd\0\0\0\0\0")},
	{"data file name without the bit", "external data file",
	 .ext = EXT("\x44\x41\x54\x41\0\0\0\x0b/etc/shadow\0\0\0\0\0")},
	{"data file name and bit", "external data file", .p = {{8, 72, 4}},
	 .ext = EXT("\x44\x41\x54\x41\0\0\0\x0b/etc/shadow\0\0\0\0\0")},
	{"encryption pointer without LUKS", "encryption extension",
	 .ext = EXT("\x05\x37\xbe\x77\0\0\0\x10" A16)},
	{"bitmaps extension of 8 bytes", "bitmaps",
	 .ext = EXT("\x23\x85\x28\x75\0\0\0\x08" A16)},
	{"0 bitmaps", "0 bitmaps", .p = {{8, 88, 1}},
	 .ext = EXT("\x23\x85\x28\x75\0\0\0\x18\0\0\0\0\0\0\0\0" A16)},
	{"2^32-1 bitmaps", "bitmaps", .p = {{8, 88, 1}},
	 .ext = EXT("\x23\x85\x28\x75\0\0\0\x18\xff\xff\xff\xff\0\0\0\0" A16)},
};

static const char *const base_dirs[] = {"/srv/nova/_base", SAMPLE_BASE_DIR,
					NULL};

static size_t refused; /* for the figure */

static void build(const struct sample *s, uint8_t *p)
{
	sample_overlay(p);
	if (s->ext) {
		memset(p + SAMPLE_EXT, 0, SAMPLE_NAME - SAMPLE_EXT);
		memcpy(p + SAMPLE_EXT, s->ext, s->ext_len);
	}
	if (s->name) {
		memcpy(p + SAMPLE_NAME, s->name, s->name_len);
		sample_put(p, 16, 4, s->name_len);
	}
	for (size_t i = 0; i < 4 && s->p[i].width; i++)
		sample_put(p, s->p[i].off, s->p[i].width, s->p[i].v);
}

/* The error names the reason, and nothing that a terminal would obey. */
static void assert_reason(const char *what, const char *word, struct err *e)
{
	if (e->kind != ERR_REFUSED || !strstr(err_msg(e), word))
		fail_msg("%s: wanted \"%s\", got %s: %s", what, word,
			 err_kind_name(e->kind), err_msg(e));
	for (const char *c = err_msg(e); *c; c++)
		if (*c < ' ' || *c > '~')
			fail_msg("%s: the message holds byte %d", what, *c);
	err_clear(e);
}

/* As above, and it was an image that was refused. */
static void assert_refused(const char *what, const char *word, struct err *e)
{
	assert_reason(what, word, e);
	refused++;
}

static void t_hostile(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(samples); k++) {
		const struct sample *s = &samples[k];
		size_t len = s->head_len ? s->head_len : SAMPLE_CLUSTER;
		uint8_t *whole = MEM_NEW_N(uint8_t, SAMPLE_CLUSTER), *head;
		struct image_disk d = {0};
		struct err e = ERR_INIT;

		build(s, whole);
		head = mem_dup(whole,
			       len); /* exact: sanitizers see overreads */
		struct image_disk_in in = {
			.name = "disk",
			.info_format = "qcow2",
			.xml_format = "qcow2",
			.head = head,
			.head_len = len,
			.file_size = s->file_size ? s->file_size : SAMPLE_FILE,
			.base_dirs = base_dirs,
			.target_base_dir = SAMPLE_BASE_DIR,
			.target_backend = IMAGE_BACKEND_QCOW2,
			.stopped = true};
		if (image_disk_check(&in, &d, &e) == 0)
			fail_msg("%s: accepted", s->what);
		assert_refused(s->what, s->word, &e);
		assert_null(d.base_name);
		mem_free(head);
		mem_free(whole);
	}
	assert_true(ARRAY_SIZE(samples) >= 40);
}

/* The good one that all of the above are made from. */
static void t_good(void **state)
{
	uint8_t *p = MEM_NEW_N(uint8_t, SAMPLE_CLUSTER);
	struct image_disk_in in = {.name = "disk",
				   .info_format = "qcow2",
				   .head = p,
				   .head_len = SAMPLE_CLUSTER,
				   .file_size = SAMPLE_FILE,
				   .base_dirs = base_dirs,
				   .target_base_dir = SAMPLE_BASE_DIR,
				   .target_backend = IMAGE_BACKEND_QCOW2,
				   .stopped = true};
	struct image_disk d;
	struct err e = ERR_INIT;

	(void)state;
	sample_overlay(p);
	if (image_disk_check(&in, &d, &e))
		fail_msg("%s", err_msg(&e));
	assert_int_equal(d.format, IMAGE_FORMAT_QCOW2);
	assert_int_equal(d.virtual_size, 1 << 30);
	assert_string_equal(d.base_name, SAMPLE_SHA);
	assert_int_equal(d.base_format, IMAGE_FORMAT_RAW);
	assert_false(d.needs_rebase);
	assert_int_equal(d.warnings.n, 0);
	image_disk_clear(&d);

	/* an unclean stop warns, but only once the guest is stopped */
	sample_put(p, 72, 8, 1);
	assert_int_equal(image_disk_check(&in, &d, &e), 0);
	assert_int_equal(d.warnings.n, 1);
	assert_non_null(strstr(d.warnings.v[0], "dirty"));
	image_disk_clear(&d);
	in.stopped = false;
	assert_int_equal(image_disk_check(&in, &d, &e), 0);
	assert_int_equal(d.warnings.n, 0);
	image_disk_clear(&d);

	/* a bound by flavor */
	in.max_virtual = 1 << 29;
	assert_int_equal(image_disk_check(&in, &d, &e), -1);
	assert_reason("flavor", "exceeds 536870912", &e);
	mem_free(p);
}

static void t_rebase(void **state)
{
	uint8_t *p = MEM_NEW_N(uint8_t, SAMPLE_CLUSTER);
	struct image_disk_in in = {.name = "disk.local",
				   .info_format = "qcow2",
				   .head = p,
				   .head_len = SAMPLE_CLUSTER,
				   .file_size = SAMPLE_FILE,
				   .base_dirs = base_dirs,
				   .target_base_dir = "/data/nova/_base"};
	struct strv argv = STRV_INIT;
	char *line;
	struct image_disk d;
	struct err e = ERR_INIT;

	(void)state;
	sample_overlay(p);
	assert_int_equal(image_disk_check(&in, &d, &e), 0);
	assert_true(d.needs_rebase);
	assert_non_null(strstr(d.rebase_why, "another path"));
	image_disk_clear(&d);

	in.target_base_dir = SAMPLE_BASE_DIR;
	memset(p + SAMPLE_EXT, 0, 16); /* no backing format */
	assert_int_equal(image_disk_check(&in, &d, &e), 0);
	assert_true(d.needs_rebase);
	assert_int_equal(d.base_format, IMAGE_FORMAT_UNKNOWN);
	image_disk_clear(&d);
	mem_free(p);

	assert_int_equal(image_rebase_argv(&argv, IMAGE_FORMAT_RAW,
					   "/d/_base/x", "/d/.novahaul/j/disk",
					   &e),
			 0);
	line = strv_join(&argv, " ");
	assert_string_equal(line, "qemu-img rebase -u -f qcow2 -F raw "
				  "-b /d/_base/x /d/.novahaul/j/disk");
	mem_free(line);
	strv_clear(&argv);
	assert_int_equal(
		image_rebase_argv(&argv, IMAGE_FORMAT_UNKNOWN, "/b", "/c", &e),
		-1);
	assert_reason("rebase", "not known", &e);
	assert_int_equal(
		image_rebase_argv(&argv, IMAGE_FORMAT_RAW, "json:{}", "/c", &e),
		-1);
	assert_reason("rebase", "not absolute", &e);
	assert_int_equal(
		image_rebase_argv(&argv, IMAGE_FORMAT_RAW, "/b", "nbd:x", &e),
		-1);
	assert_reason("rebase", "not absolute", &e);
	assert_int_equal(
		image_rebase_argv(&argv, IMAGE_FORMAT_RAW, "/b/../c", "/c", &e),
		-1);
	assert_reason("rebase", "..", &e);
	assert_int_equal(argv.n, 0);
}

/* Records decide; heads only warn. */
static const struct {
	const char *what, *disk, *info, *xml, *head;
	enum image_backend backend;
	const char *word; /* NULL: accepted as raw, with .warn */
	size_t warn;
} records[] = {
	{"no record", "disk", NULL, NULL, "", 0, NULL, 0},
	{"raw by disk.info", "disk", "raw", NULL, "", 0, NULL, 0},
	{"raw by the domain", "disk", NULL, "raw", "", 0, NULL, 0},
	{"raw, qcow2 head", "disk", "raw", "raw", "QFI\xfb", 0, NULL, 1},
	{"no record, qcow2 head", "disk", NULL, NULL, "QFI\xfb", 0, NULL, 1},
	{"raw, vmdk head", "disk", "raw", NULL, "KDMV", 0, NULL, 1},
	{"raw, vmdk text", "disk", "raw", NULL,
	 "\n# Disk DescriptorFile\nversion=1\n", 0, NULL, 1},
	{"raw, vhdx head", "disk", "raw", NULL, "vhdxfile", 0, NULL, 1},
	{"raw, LUKS guest", "disk", "raw", NULL, "LUKS\xba\xbe", 0, NULL, 0},
	{"raw to flat", "disk", "raw", NULL, "", IMAGE_BACKEND_FLAT, NULL, 0},
	{"config drive to qcow2", "disk.config", "raw", NULL, "",
	 IMAGE_BACKEND_QCOW2, NULL, 0},
	{"kernel to qcow2", "kernel", NULL, NULL, "", IMAGE_BACKEND_QCOW2, NULL,
	 0},
	{"disagree", "disk", "raw", "qcow2", "", 0,
	 "disk.info says raw, the domain says qcow2", 0},
	{"disagree the other way", "disk", "qcow2", "raw", "", 0,
	 "disk.info says qcow2, the domain says raw", 0},
	{"vmdk by disk.info", "disk", "vmdk", NULL, "KDMV", 0, "\"vmdk\"", 0},
	{"ploop by the domain", "disk", NULL, "ploop", "", 0, "\"ploop\"", 0},
	{"empty word", "disk", "", NULL, "", 0, "format \"\"", 0},
	{"raw to qcow2", "disk", "raw", NULL, "", IMAGE_BACKEND_QCOW2,
	 "take it for qcow2", 0},
	{"raw with qcow2 head to qcow2", "disk", "raw", NULL, "QFI\xfb",
	 IMAGE_BACKEND_QCOW2, "take it for qcow2", 0},
	{"raw ephemeral to qcow2", "disk.eph0", "raw", NULL, "",
	 IMAGE_BACKEND_QCOW2, "take it for qcow2", 0},
	{"raw to rbd", "disk", "raw", NULL, "", IMAGE_BACKEND_RBD, "rbd", 0},
	{"raw to lvm", "disk", "raw", NULL, "", IMAGE_BACKEND_LVM, "lvm", 0},
	{"declared qcow2, raw head", "disk", "qcow2", NULL, "\xeb\x63\x90", 0,
	 "not a qcow2", 0},
	{"declared qcow2, vmdk head", "disk", NULL, "qcow2", "KDMV", 0,
	 "not a qcow2", 0},
	{"qcow2 config drive", "disk.config", "qcow2", NULL, "QFI\xfb", 0,
	 "config drive", 0},
};

static void t_records(void **state)
{
	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(records); k++) {
		char head[512] = "";
		struct image_disk_in in = {.name = records[k].disk,
					   .info_format = records[k].info,
					   .xml_format = records[k].xml,
					   .head = head,
					   .head_len = sizeof(head),
					   .file_size = 1 << 20,
					   .base_dirs = base_dirs,
					   .target_backend =
						   records[k].backend};
		struct image_disk d;
		struct err e = ERR_INIT;
		int rc;

		memcpy(head, records[k].head, strlen(records[k].head));
		rc = image_disk_check(&in, &d, &e);
		if (records[k].word) {
			assert_int_equal(rc, -1);
			assert_refused(records[k].what, records[k].word, &e);
			continue;
		}
		if (rc)
			fail_msg("%s: %s", records[k].what, err_msg(&e));
		assert_int_equal(d.format, IMAGE_FORMAT_RAW);
		assert_int_equal(d.virtual_size, 1 << 20);
		assert_int_equal(d.warnings.n, records[k].warn);
		image_disk_clear(&d);
	}
}

static int base(const char *name, enum image_format header, const void *head,
		size_t n, uint64_t size, struct image_base *b, struct err *e)
{
	struct image_base_in in = {.name = name,
				   .from_header = header,
				   .overlay_virtual = 1 << 30,
				   .head = head,
				   .head_len = n,
				   .file_size = size};

	return image_base_check(&in, b, e);
}

static void t_base(void **state)
{
	uint8_t *p = MEM_NEW_N(uint8_t, SAMPLE_CLUSTER);
	const enum image_format raw = IMAGE_FORMAT_RAW;
	const enum image_format qcow2 = IMAGE_FORMAT_QCOW2;
	const enum image_format none = IMAGE_FORMAT_UNKNOWN;
	struct image_base b;
	struct err e = ERR_INIT;

	(void)state;
	p[0] = 0xeb;
	assert_int_equal(base(SAMPLE_SHA, raw, p, 512, 4096, &b, &e), 0);
	assert_int_equal(b.format, raw);
	assert_int_equal(b.virtual_size, 4096);
	assert_int_equal(b.warnings.n, 0);
	assert_int_equal(base(SAMPLE_SHA, none, p, 512, 4096, &b, &e), 0);
	assert_int_equal(b.format, raw);
	assert_int_equal(base("other", raw, p, 512, 2ull << 30, &b, &e), 0);
	assert_int_equal(b.warnings.n, 2); /* name; larger than the disk */
	image_base_clear(&b);
	assert_int_equal(
		base("ephemeral_20_default", raw, p, 512, 4096, &b, &e), 0);
	assert_int_equal(b.warnings.n, 1);
	image_base_clear(&b);

	assert_int_equal(base(SAMPLE_SHA, qcow2, p, 512, 4096, &b, &e), -1);
	assert_refused("base", "not a qcow2", &e);
	assert_int_equal(base(SAMPLE_SHA, raw, p, 512, 0, &b, &e), -1);
	assert_refused("base", "empty", &e);
	assert_int_equal(base(SAMPLE_SHA, raw, p, 512, 1ull << 50, &b, &e), -1);
	assert_refused("base", "virtual size", &e);
	assert_int_equal(base(SAMPLE_SHA ".part", raw, p, 512, 9, &b, &e), -1);
	assert_refused("base", "temporary", &e);
	assert_int_equal(base(SAMPLE_SHA ".info", raw, p, 512, 9, &b, &e), -1);
	assert_refused("base", "checksum", &e);
	memcpy(p, "KDMV", 4);
	assert_int_equal(base(SAMPLE_SHA, none, p, 512, 4096, &b, &e), -1);
	assert_refused("base", "begins like vmdk", &e);
	assert_int_equal(base(SAMPLE_SHA, raw, p, 512, 4096, &b, &e), -1);
	assert_refused("base", "begins like vmdk", &e);

	/* a qcow2 base, as with force_raw_images = False */
	sample_overlay(p);
	assert_int_equal(
		base(SAMPLE_SHA, raw, p, SAMPLE_CLUSTER, SAMPLE_FILE, &b, &e),
		-1);
	assert_refused("base", "begins like qcow2", &e);
	assert_int_equal(
		base(SAMPLE_SHA, qcow2, p, SAMPLE_CLUSTER, SAMPLE_FILE, &b, &e),
		-1);
	assert_refused("base", "deeper", &e);
	sample_put(p, 8, 8, 0);
	sample_put(p, 16, 4, 0);
	memset(p + SAMPLE_EXT, 0, SAMPLE_CLUSTER - SAMPLE_EXT);
	assert_int_equal(
		base(SAMPLE_SHA, none, p, SAMPLE_CLUSTER, SAMPLE_FILE, &b, &e),
		0);
	assert_int_equal(b.format, qcow2);
	assert_int_equal(b.virtual_size, 1 << 30);
	image_base_clear(&b);
	sample_put(p, 72, 8, 4);
	assert_int_equal(
		base(SAMPLE_SHA, qcow2, p, SAMPLE_CLUSTER, SAMPLE_FILE, &b, &e),
		-1);
	assert_refused("base", "external data file", &e);
	mem_free(p);
}

/* Every prefix of a good head is refused, and nothing is read beyond it. */
static void t_prefixes(void **state)
{
	uint8_t *whole = MEM_NEW_N(uint8_t, SAMPLE_CLUSTER);
	struct qcow2_header h;
	struct err e = ERR_INIT;

	(void)state;
	sample_overlay(whole);
	for (size_t n = 0; n < SAMPLE_CLUSTER; n += n < 1024 ? 1 : 997) {
		uint8_t *p = mem_dup(whole, n);

		assert_int_equal(qcow2_head_need(p, n),
				 n < 24 ? 0 : SAMPLE_CLUSTER);
		image_magic_of(p, n);
		assert_int_equal(qcow2_parse(p, n, SAMPLE_FILE, &h, &e), -1);
		assert_int_equal(e.kind, ERR_REFUSED);
		assert_int_equal(qcow2_parse(p, n, n, &h, &e), -1);
		err_clear(&e);
		mem_free(p);
	}
	mem_free(whole);
}

static void figure(void)
{
	const char *path = getenv("NOVAHAUL_FIGURES");
	FILE *f = fopen(path ? path : "figures.tsv", "a");

	if (!f) {
		perror("figures");
		return;
	}
	fprintf(f, "figure\thostile images refused\t%zu\timages\n", refused);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_hostile), cmocka_unit_test(t_good),
		cmocka_unit_test(t_rebase),  cmocka_unit_test(t_records),
		cmocka_unit_test(t_base),    cmocka_unit_test(t_prefixes),
	};
	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	if (rc == 0)
		figure();
	return rc;
}
