/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/inspect.h"

#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "core/buf.h"

#define SHA256_LEN 32
#define DEPTH_MAX 256
#define PATH_LEN_MAX 4096

/* What is done with each entry; PATH begins with "/". */
struct walk {
	guestfs_h *g;
	uint64_t max, seen;
	bool truncated;
	int (*entry)(struct walk *w, const char *path,
		     const struct guestfs_statns *st, struct err *e);
	EVP_MD_CTX *md; /* listing */
	json_t *files;	/* contents */
};

json_t *walk_text(const char *s)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	for (; s && *s && b.len < PATH_LEN_MAX; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < ' ' || c > '~' || c == '\\')
			buf_printf(&b, "\\x%02x", c);
		else
			buf_putc(&b, *s);
	}
	return json_string(buf_str(&b));
}

static void free_names(char ***names)
{
	for (char **p = *names; p && *p; p++)
		mem_free(*p);
	mem_free(*names);
}

static void free_stats(struct guestfs_statns_list **l)
{
	if (*l)
		guestfs_free_statns_list(*l);
}

/* Depth first, names in bytewise order (guestfs_ls sorts them), links not
 * followed: equal file systems give equal sequences. */
static int walk_dir(struct walk *w, const char *dir, int depth, struct err *e)
{
	AUTO(free_names) char **names = guestfs_ls(w->g, dir);
	AUTO(free_stats) struct guestfs_statns_list *st = NULL;
	size_t n = 0;

	if (!names)
		return inspect_guestfs_err(w->g, e, "reading a directory");
	while (names[n])
		n++;
	if (!n)
		return 0;
	st = guestfs_lstatnslist(w->g, dir, names);
	if (!st || st->len != n)
		return inspect_guestfs_err(w->g, e, "reading inodes");
	for (size_t i = 0; i < n && !w->truncated; i++) {
		const struct guestfs_statns *s = &st->val[i];
		AUTO(mem_freep)
		char *path = mem_printf("%s/%s", dir[1] ? dir : "", names[i]);

		/* st_ino -1: it could not be read */
		if (s->st_ino == -1 || strlen(path) > PATH_LEN_MAX ||
		    depth > DEPTH_MAX)
			return err_set(e, ERR_FAILED,
				       "the file system is damaged");
		if (w->seen >= w->max) {
			w->truncated = true;
			break;
		}
		w->seen++;
		if (w->entry(w, path, s, e))
			return -1;
		if (S_ISDIR(s->st_mode) && walk_dir(w, path, depth + 1, e))
			return -1;
	}
	return 0;
}

/* Path NUL size, time, mode NUL: no name can forge another entry. */
static int list_entry(struct walk *w, const char *path,
		      const struct guestfs_statns *st, struct err *e)
{
	AUTO(mem_freep)
	char *line =
		mem_printf("%" PRId64 " %" PRId64 ".%09" PRId64 " %" PRIo64
			   " %" PRId64 " %" PRId64,
			   st->st_size, st->st_mtime_sec, st->st_mtime_nsec,
			   (uint64_t)st->st_mode, st->st_uid, st->st_gid);

	if (!EVP_DigestUpdate(w->md, path, strlen(path) + 1) ||
	    !EVP_DigestUpdate(w->md, line, strlen(line) + 1))
		return err_set(e, ERR_FAILED, "sha256");
	return 0;
}

static void free_md(EVP_MD_CTX **md)
{
	EVP_MD_CTX_free(*md);
}

json_t *walk_listing(guestfs_h *g, uint64_t max, struct err *e)
{
	AUTO(free_md) EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct walk w = {.g = g, .max = max, .entry = list_entry, .md = md};
	unsigned char sum[EVP_MAX_MD_SIZE];
	char hex[2 * SHA256_LEN + 1];

	if (!md || !EVP_DigestInit_ex(md, EVP_sha256(), NULL)) {
		err_set(e, ERR_FAILED, "sha256");
		return NULL;
	}
	if (walk_dir(&w, "/", 0, e))
		return NULL;
	if (!EVP_DigestFinal_ex(md, sum, NULL)) {
		err_set(e, ERR_FAILED, "sha256");
		return NULL;
	}
	hex_encode(sum, SHA256_LEN, hex);
	return json_pack("{s:I, s:s, s:b}", "entries", (json_int_t)w.seen,
			 "sha256", hex, "truncated", w.truncated);
}

static int hash_entry(struct walk *w, const char *path,
		      const struct guestfs_statns *st, struct err *e)
{
	AUTO(mem_freep) char *sum = NULL;
	json_t *key;

	if (!S_ISREG(st->st_mode))
		return 0;
	sum = guestfs_checksum(w->g, "sha256", path);
	if (!sum)
		return inspect_guestfs_err(w->g, e, "reading a file");
	key = walk_text(path);
	json_object_set_new(w->files, json_string_value(key), json_string(sum));
	json_decref(key);
	return 0;
}

json_t *walk_contents(guestfs_h *g, uint64_t max, struct err *e)
{
	struct walk w = {.g = g,
			 .max = max,
			 .entry = hash_entry,
			 .files = json_object()};

	if (walk_dir(&w, "/", 0, e)) {
		json_decref(w.files);
		return NULL;
	}
	return json_pack("{s:o, s:b}", "files", w.files, "truncated",
			 w.truncated);
}
