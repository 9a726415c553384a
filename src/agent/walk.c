/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/files.h"
#include "core/fs.h"

struct walk {
	const struct files_walk *w;
	dev_t dev;
	unsigned seen;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_in(int dir, unsigned max, struct strv *v, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		err_sys(e, ERR_FAILED, errno, "opendir");
		mem_closefd(&fd);
		return -1;
	}
	for (errno = 0; (de = readdir(d)); errno = 0)
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, "..") &&
		    v->n <= max)
			strv_add(v, de->d_name);
	if (errno)
		err_sys(e, ERR_FAILED, errno, "readdir");
	closedir(d);
	if (e->kind != ERR_NONE)
		return -1;
	if (v->n)
		qsort(v->v, v->n, sizeof(*v->v), by_name);
	return 0;
}

static int walk_dir(struct walk *k, int dir, const char *rel, unsigned depth,
		    struct err *e);

static int walk_one(struct walk *k, int dir, const char *name, const char *rel,
		    unsigned depth, struct err *e)
{
	struct stat st;
	struct files_entry en = {dir, name, rel, &st};

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno == ENOENT)
			return 0; /* gone since the directory was read */
		return err_sys(e, ERR_FAILED, errno, "%s", rel);
	}
	if (++k->seen > k->w->max)
		return err_set(e, ERR_REFUSED, "more than %u entries",
			       k->w->max);
	if (!k->w->after && k->w->fn(&en, k->w->arg, e))
		return -1;
	if (S_ISDIR(st.st_mode) && st.st_dev == k->dev &&
	    (!k->w->depth || depth < k->w->depth)) {
		AUTO(mem_closefd)
		int sub = fs_open_beneath(dir, name, O_RDONLY | O_DIRECTORY, 0,
					  e);

		if (sub < 0 || walk_dir(k, sub, rel, depth + 1, e))
			return -1;
	}
	return k->w->after ? k->w->fn(&en, k->w->arg, e) : 0;
}

static int walk_dir(struct walk *k, int dir, const char *rel, unsigned depth,
		    struct err *e)
{
	AUTO(strv_clear) struct strv v = STRV_INIT;

	/* A guest cannot make directories here; a limit costs nothing. */
	if (depth > 64)
		return err_set(e, ERR_REFUSED, "%s: too deep", rel);
	if (names_in(dir, k->w->max, &v, e))
		return err_wrap(e, "%s", rel);
	for (size_t i = 0; i < v.n; i++) {
		AUTO(mem_freep)
		char *sub = *rel ? mem_printf("%s/%s", rel, v.v[i])
				 : mem_strdup(v.v[i]);

		if (walk_one(k, dir, v.v[i], sub, depth, e))
			return -1;
	}
	return 0;
}

int files_walk(const struct files_walk *w, int dir, struct err *e)
{
	struct walk k = {.w = w};
	struct stat st;

	if (fstat(dir, &st))
		return err_sys(e, ERR_FAILED, errno, "stat");
	k.dev = st.st_dev;
	return walk_dir(&k, dir, "", 1, e);
}
