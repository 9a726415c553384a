/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storage: does anybody hold QEMU's locks on the host's disks, as seen from
 * where they are mounted here?
 *
 * core/fs.h asks for them.  No lock is nothing: a server drops those of a
 * client that is cut off, QEMU may be configured without, and disks that only
 * the host has are not seen from here.
 */
#include "fence/fence_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"
#include "core/stop.h"

enum { DEEP = 3, FILES_MAX = 20000 };

struct walk {
	size_t files;
	bool cut;     /* not all was looked at */
	char *locked; /* the first one; owned */
	struct buf at;
};

static void look_file(struct walk *k, int fd)
{
	int held = ++k->files > FILES_MAX ? -1 : fs_qemu_locked(fd);

	if (held < 0)
		k->cut = true;
	else if (held)
		k->locked = mem_strdup(buf_str(&k->at));
}

static void look(struct walk *k, int dirfd, const char *name, unsigned deep);

static void look_dir(struct walk *k, int fd, unsigned deep)
{
	DIR *d = fdopendir(fd);
	const struct dirent *de;

	if (!d) {
		close(fd);
		k->cut = true;
		return;
	}
	while (!k->locked && k->files <= FILES_MAX && !stop_requested() &&
	       (de = readdir(d))) {
		size_t len = k->at.len;

		/* The bases of a shared directory are every host's. */
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, "..") ||
		    !strcmp(de->d_name, "_base"))
			continue;
		buf_printf(&k->at, "/%s", de->d_name);
		look(k, dirfd(d), de->d_name, deep);
		k->at.len = len;
		k->at.p[len] = '\0';
	}
	closedir(d);
}

/* Names come from the guests' host: links are not followed, and nothing but
 * regular files and directories is opened for long. */
static void look(struct walk *k, int dirfd, const char *name, unsigned deep)
{
	struct stat st;
	int fd;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) ||
	    (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		return;
	if (S_ISDIR(st.st_mode) && !deep)
		return;
	fd = openat(dirfd, name,
		    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		k->cut |= errno != ENOENT;
		return;
	}
	if (S_ISDIR(st.st_mode)) {
		look_dir(k, fd, deep - 1);
		return;
	}
	look_file(k, fd);
	close(fd);
}

/* PATH is the operator's: links in it are followed. */
static void look_path(struct walk *k, const char *path)
{
	AUTO(mem_freep) char *real = realpath(path, NULL);

	if (!real) {
		k->cut = true;
		return;
	}
	buf_reset(&k->at);
	buf_puts(&k->at, real);
	look(k, AT_FDCWD, real, DEEP);
}

static bool usable(const struct fence_way *w)
{
	return w->storage && w->storage->n;
}

static int take(const struct fence_way *w, struct fence_finding *f,
		struct err *e)
{
	struct walk k = {0};

	(void)e;
	for (size_t i = 0; i < w->storage->n && !k.locked; i++) {
		AUTO(mem_freep) char *path = fence_word(w, w->storage->v[i]);

		look_path(&k, path);
	}
	json_object_set_new(f->what, "files",
			    json_integer((json_int_t)k.files));
	if (k.locked)
		fence_say(f, FENCE_ALIVE, "somebody has %s open", k.locked);
	else
		fence_say(f, FENCE_UNKNOWN,
			  "of %zu files%s none is locked, which proves nothing",
			  k.files,
			  k.cut ? " (not all could be looked at)" : "");
	mem_free(k.locked);
	buf_clear(&k.at);
	return 0;
}

const struct fence_provider fence_storage = {
	.name = "storage",
	.usable = usable,
	.take = take,
};
