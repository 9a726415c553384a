/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/receiver_names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"
#include "transfer/dirs.h"

bool receiver_beneath(const struct receiver_cfg *cfg, const char *rel)
{
	size_t n = cfg->prefix ? strlen(cfg->prefix) : 0;

	return fs_rel_ok(rel) &&
	       (!n || (!strncmp(rel, cfg->prefix, n) && rel[n] == '/'));
}

int receiver_basis(const struct receiver_cfg *cfg, const char *rel,
		   uint64_t *size, struct err *e)
{
	struct stat st;
	int fd;

	*size = XP_ABSENT;
	fd = rel ? fs_open_beneath(cfg->root, rel, O_RDONLY | O_NONBLOCK, 0, e)
		 : -1;
	if (fd < 0) {
		if (e->sys == ENOENT)
			err_clear(e);
		return -1;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return err_set(e, ERR_CONFLICT, "%s is not a regular file",
			       rel);
	}
	*size = (uint64_t)st.st_size;
	return fd;
}

int receiver_make_dir(const struct receiver_cfg *cfg, struct chan *c,
		      const char *rel, struct err *e)
{
	struct dirs d = {.root = cfg->root};
	const char *base;
	int rc = dirs_make(&d, rel, &base, e) ? dirs_sync(&d, c, e) : -1;

	dirs_clear(&d);
	return rc;
}
