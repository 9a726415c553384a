/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our parser against the real qemu-img: images that it makes are read alike,
 * and images that were damaged at random are never read differently.
 */
#include "unit/unit.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "core/fs.h"
#include "core/proc.h"
#include "image/image.h"

#define SHA "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define ROUNDS 150

static char dir[64];

static int run(const struct strv *argv, struct buf *out)
{
	struct proc p = {.argv = argv->v, .timeout_us = 60000000};
	struct err e = ERR_INIT;
	int rc = -1;

	if (proc_run(&p, &e) == 0) {
		rc = p.exit_code;
		if (out)
			buf_puts(out, buf_str(&p.out));
	}
	err_clear(&e);
	proc_clear(&p);
	return rc;
}

/* WORDS, with "@" standing for the directory. */
static int qemu_img(const char *const *words, struct buf *out)
{
	AUTO(strv_clear) struct strv argv = STRV_INIT;

	strv_add(&argv, "qemu-img");
	for (; *words; words++) {
		const char *at = strchr(*words, '@');

		if (at)
			strv_addf(&argv, "%.*s%s%s", (int)(at - *words), *words,
				  dir, at + 1);
		else
			strv_add(&argv, *words);
	}
	return run(&argv, out);
}

#define QEMU_IMG(out, ...)                                                     \
	qemu_img((const char *const[]){__VA_ARGS__, NULL}, out)

struct head {
	uint8_t *p;
	size_t n;
	uint64_t size;
};

static struct head read_head(const char *name)
{
	AUTO(mem_freep) char *path = mem_printf("%s/%s", dir, name);
	struct err e = ERR_INIT;
	struct head h = {.n = 512};
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	h.size = (uint64_t)st.st_size;
	h.p = MEM_NEW_N(uint8_t, QCOW2_HEAD_MAX);
	h.n = (size_t)fs_pread_full(fd, h.p, h.n, 0, &e);
	if (qcow2_head_need(h.p, h.n) > h.n)
		h.n = (size_t)fs_pread_full(fd, h.p, qcow2_head_need(h.p, h.n),
					    0, &e);
	assert_int_equal(e.kind, ERR_NONE);
	close(fd);
	return h;
}

static json_t *qemu_info(const char *name)
{
	AUTO(mem_freep) char *path = mem_printf("@/%s", name);
	struct buf out = BUF_INIT;
	json_t *j = NULL;

	if (QEMU_IMG(&out, "info", "--output=json", "-f", "qcow2", path) == 0)
		j = json_loads(buf_str(&out), 0, NULL);
	buf_clear(&out);
	return j;
}

static void same_text(const char *what, const char *key, const char *ours,
		      const json_t *theirs)
{
	const char *t = json_string_value(theirs);

	/* in JSON, qemu-img replaces what is not UTF-8 */
	for (const char *c = ours; c && *c; c++)
		if (*c & 0x80)
			return;
	if (!!ours != !!t || (ours && strcmp(ours, t) != 0))
		fail_msg("%s: %s: ours \"%s\", qemu-img's \"%s\"", what, key,
			 ours ? ours : "(none)", t ? t : "(none)");
}

static void same_number(const char *what, const char *key, uint64_t ours,
			const json_t *theirs)
{
	if (theirs && ours != (uint64_t)json_integer_value(theirs))
		fail_msg("%s: %s: ours %" PRIu64
			 ", qemu-img's %" JSON_INTEGER_FORMAT,
			 what, key, ours, json_integer_value(theirs));
}

static void same_bool(const char *what, const char *key, bool ours,
		      const json_t *theirs)
{
	if (theirs && ours != json_is_true(theirs))
		fail_msg("%s: %s: ours %d", what, key, ours);
}

static void compare(const char *what, const struct qcow2_header *h, json_t *j)
{
	json_t *data =
		json_object_get(json_object_get(j, "format-specific"), "data");
	const char *zip =
		json_string_value(json_object_get(data, "compression-type"));

	same_number(what, "virtual-size", h->virtual_size,
		    json_object_get(j, "virtual-size"));
	same_number(what, "cluster-size", (uint64_t)1 << h->cluster_bits,
		    json_object_get(j, "cluster-size"));
	same_text(what, "backing-filename", h->backing,
		  json_object_get(j, "backing-filename"));
	if (h->backing)
		same_text(what, "backing-filename-format", h->backing_format,
			  json_object_get(j, "backing-filename-format"));
	same_text(what, "compat", h->version == 2 ? "0.10" : "1.1",
		  json_object_get(data, "compat"));
	same_number(what, "refcount-bits", (uint64_t)1 << h->refcount_order,
		    json_object_get(data, "refcount-bits"));
	same_bool(what, "dirty", h->incompatible & QCOW2_INCOMPAT_DIRTY,
		  json_object_get(j, "dirty-flag"));
	same_bool(what, "corrupt", h->incompatible & QCOW2_INCOMPAT_CORRUPT,
		  json_object_get(data, "corrupt"));
	same_bool(what, "extended-l2", h->incompatible & QCOW2_INCOMPAT_EXTL2,
		  json_object_get(data, "extended-l2"));
	same_bool(what, "lazy", h->compatible & QCOW2_COMPAT_LAZY_REFCOUNTS,
		  json_object_get(data, "lazy-refcounts"));
	same_bool(what, "encrypted", h->crypt_method,
		  json_object_get(j, "encrypted"));
	same_text(what, "data-file", h->data_file,
		  json_object_get(data, "data-file"));
	if (json_object_get(j, "snapshots"))
		assert_int_equal(
			h->nb_snapshots,
			json_array_size(json_object_get(j, "snapshots")));
	if (zip && strcmp(zip, h->compression_type ? "zstd" : "zlib") != 0)
		fail_msg("%s: compression-type %s", what, zip);
}

/* Created with these words after "create -f qcow2"; .then is a second command;
 * .word, if any, is why the rules refuse it. */
static const struct made {
	const char *file;
	const char *create[8];
	const char *then[8];
	const char *word;
} made[] = {
	{"v2", .create = {"-o", "compat=0.10", "@/v2", "1G"}},
	{"v3", .create = {"-o", "compat=1.1", "@/v3", "10G"}},
	{"tiny", .create = {"-o", "cluster_size=512", "@/tiny", "1M"}},
	{"huge", .create = {"-o", "cluster_size=2M", "@/huge", "2T"}},
	{"zero", .create = {"@/zero", "0"}},
	{"extl2", .create = {"-o", "extended_l2=on", "@/extl2", "1G"}},
	{"lazy", .create = {"-o", "lazy_refcounts=on", "@/lazy", "1G"}},
	{"ref1", .create = {"-o", "refcount_bits=1", "@/ref1", "1G"}},
	{"ref64", .create = {"-o", "refcount_bits=64", "@/ref64", "1G"}},
	{"zstd", .create = {"-o", "compression_type=zstd", "@/zstd", "1G"}},
	{"prealloc",
	 .create = {"-o", "preallocation=metadata", "@/prealloc", "64M"}},
	{"grown", .create = {"@/grown", "1G"},
	 .then = {"resize", "-f", "qcow2", "@/grown", "600G"}},
	{"over", .create = {"-b", "@/_base/" SHA, "-F", "raw", "@/over", "1G"}},
	{"over2", .create = {"-o", "compat=0.10", "-b", "@/_base/" SHA, "-F",
			     "raw", "@/over2"}},
	{"overq", .create = {"-b", "@/_base/swap_1", "-F", "qcow2", "@/overq"}},
	{"bitmap", .create = {"@/bitmap", "1G"},
	 .then = {"bitmap", "--add", "@/bitmap", "b0"}},
	{"outside", .create = {"-b", "@/v3", "-F", "qcow2", "@/outside"},
	 .word = "not a plain file"},
	{"data", .create = {"-o", "data_file=@/data.raw", "@/data", "1G"},
	 .word = "external data file"},
	{"snap", .create = {"@/snap", "1G"},
	 .then = {"snapshot", "-c", "s1", "@/snap"},
	 .word = "internal snapshots"},
	{"luks",
	 .create = {"--object", "secret,id=s,data=x", "-o",
		    "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-"
		    "time=10",
		    "@/luks", "16M"},
	 .word = "encrypted"},
};

static int create(const struct made *m)
{
	const char *argv[12] = {"create", "-q", "-f", "qcow2"};

	for (size_t i = 0; i < 8 && m->create[i]; i++)
		argv[4 + i] = m->create[i];
	return qemu_img(argv, NULL) || (m->then[0] && qemu_img(m->then, NULL));
}

static int check(const char *name, const struct head *h, struct image_disk *d,
		 struct err *e)
{
	AUTO(mem_freep) char *base = mem_printf("%s/_base", dir);
	const char *const dirs[] = {base, NULL};
	struct image_disk_in in = {.name = name,
				   .info_format = "qcow2",
				   .head = h->p,
				   .head_len = h->n,
				   .file_size = h->size,
				   .base_dirs = dirs,
				   .target_base_dir = base,
				   .stopped = true};

	return image_disk_check(&in, d, e);
}

static void t_made(void **state)
{
	size_t n = 0;

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(made); k++) {
		const struct made *m = &made[k];
		struct qcow2_header q;
		struct image_disk d = {0};
		struct err e = ERR_INIT;
		struct head h;
		json_t *j;
		int rc;

		if (create(m)) {
			print_message("this qemu-img cannot make %s\n",
				      m->file);
			continue;
		}
		h = read_head(m->file);
		if (qcow2_parse(h.p, h.n, h.size, &q, &e))
			fail_msg("%s: %s", m->file, err_msg(&e));
		j = qemu_info(m->file);
		assert_non_null(j);
		compare(m->file, &q, j);
		rc = check("disk", &h, &d, &e);
		if (m->word && (rc == 0 || !strstr(err_msg(&e), m->word)))
			fail_msg("%s: wanted \"%s\", got %s", m->file, m->word,
				 err_msg(&e));
		if (!m->word && rc)
			fail_msg("%s: %s", m->file, err_msg(&e));
		assert_false(d.needs_rebase);
		n++;
		json_decref(j);
		image_disk_clear(&d);
		qcow2_clear(&q);
		mem_free(h.p);
		err_clear(&e);
	}
	/* old versions lack some options; most must have been compared */
	assert_true(n >= 12);
}

static void patch(const char *name, off_t off, const void *p, size_t n)
{
	AUTO(mem_freep) char *path = mem_printf("%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, p, n, off), n);
	close(fd);
}

/* An overlay as old Nova made them, without a backing format, is found and
 * repaired by the argv that we make. */
static void t_rebase(void **state)
{
	AUTO(mem_freep) char *base = mem_printf("%s/_base/" SHA, dir);
	AUTO(mem_freep) char *copy = mem_printf("%s/old", dir);
	struct strv argv = STRV_INIT;
	struct image_disk d;
	struct err e = ERR_INIT;
	struct head h;
	size_t at;

	(void)state;
	assert_int_equal(QEMU_IMG(NULL, "create", "-q", "-f", "qcow2", "-b",
				  "@/_base/" SHA, "-F", "raw", "@/old"),
			 0);
	h = read_head("old");
	for (at = 72; memcmp(h.p + at, "\xe2\x79\x2a\xca", 4) != 0; at++)
		assert_true(at < 512);
	mem_free(h.p);
	patch("old", (off_t)at, "\x11\x22\x33\x44", 4);
	h = read_head("old");
	assert_int_equal(check("disk", &h, &d, &e), 0);
	assert_true(d.needs_rebase);
	assert_non_null(strstr(d.rebase_why, "backing format"));
	image_disk_clear(&d);
	mem_free(h.p);
	assert_int_equal(
		image_rebase_argv(&argv, IMAGE_FORMAT_RAW, base, copy, &e), 0);
	assert_int_equal(run(&argv, NULL), 0);
	strv_clear(&argv);
	h = read_head("old");
	assert_int_equal(check("disk", &h, &d, &e), 0);
	assert_false(d.needs_rebase);
	assert_int_equal(d.base_format, IMAGE_FORMAT_RAW);
	assert_string_equal(d.base_name, SHA);
	image_disk_clear(&d);
	mem_free(h.p);
}

static uint64_t rnd_state;

static uint32_t rnd(uint32_t below)
{
	rnd_state = rnd_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(rnd_state >> 33) % below;
}

/* Damages the header, the extensions or the name of a good overlay. */
static void damage(uint8_t *p)
{
	static const uint8_t words[] = {0,  1,	2,   3,	  4,   5,   8,
					16, 64, 104, 112, 127, 128, 255};

	for (uint32_t i = rnd(3) + 1; i > 0; i--) {
		uint32_t off = rnd(4) ? rnd(128) : rnd(600);

		if (rnd(2))
			p[off] = words[rnd(sizeof(words))];
		else
			p[off] ^= (uint8_t)(1u << rnd(8));
	}
}

static void t_differential(void **state)
{
	const char *env = getenv("NOVAHAUL_SEED");
	uint64_t seed = env ? strtoull(env, NULL, 0) : 20260131;
	struct head good = read_head("over");
	size_t both = 0, ours = 0, theirs = 0;

	(void)state;
	print_message("NOVAHAUL_SEED=%" PRIu64 "\n", seed);
	rnd_state = seed;
	for (int k = 0; k < ROUNDS; k++) {
		uint8_t *p = mem_dup(good.p, good.n);
		struct qcow2_header h;
		struct err e = ERR_INIT;
		json_t *j;
		int rc;

		damage(p);
		rc = qcow2_parse(p, good.n, good.size, &h, &e);
		patch("over", 0, p, 4096);
		j = qemu_info("over");
		/* QEMU may refuse more: it reads the tables themselves.  It
		 * shows unknown and data-file features as an error. */
		if (rc == 0 && j) {
			AUTO(mem_freep) char *what = mem_printf("round %d", k);

			compare(what, &h, j);
			both++;
		} else if (rc == 0) {
			ours++;
		} else if (j) {
			theirs++;
		}
		json_decref(j);
		qcow2_clear(&h);
		err_clear(&e);
		mem_free(p);
	}
	print_message("%d damaged: both read %zu, only we %zu, only qemu-img "
		      "%zu\n",
		      ROUNDS, both, ours, theirs);
	assert_true(both >= ROUNDS / 10);
	mem_free(good.p);
}

static int set_up(void **state)
{
	char *base;
	int rc;

	(void)state;
	strcpy(dir, "/tmp/nh-image-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	base = mem_printf("%s/_base", dir);
	rc = mkdir(base, 0755);
	mem_free(base);
	return rc ||
	       QEMU_IMG(NULL, "create", "-q", "-f", "raw", "@/_base/" SHA,
			"64M") ||
	       QEMU_IMG(NULL, "create", "-q", "-f", "qcow2", "@/_base/swap_1",
			"64M");
}

static int rm(const char *path, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(path);
}

static int tear_down(void **state)
{
	(void)state;
	return nftw(dir, rm, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_made),
		cmocka_unit_test(t_rebase),
		cmocka_unit_test(t_differential),
	};

	if (QEMU_IMG(NULL, "--version") != 0) {
		fprintf(stderr, "skipped: there is no qemu-img\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
