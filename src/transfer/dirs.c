/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/dirs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "core/fs.h"
#include "transfer/chan.h"

enum { MANY = 128, DEPTH = 32 };

void dirs_clear(struct dirs *d)
{
	for (size_t i = 0; i < d->n; i++) {
		mem_closefd(&d->v[i]->fd);
		mem_free(d->v[i]->rel);
		mem_free(d->v[i]);
	}
	mem_free(d->v);
	d->v = NULL;
	d->n = 0;
}

bool dirs_many(const struct dirs *d)
{
	return d->n >= MANY;
}

/* The one called REL; takes ownership of FD. */
static struct dirs_entry *add(struct dirs *d, const char *rel, int fd)
{
	struct dirs_entry *x = MEM_NEW(struct dirs_entry);

	x->rel = mem_strdup(rel);
	x->fd = fd;
	d->v = mem_realloc(d->v, d->n + 1, sizeof(*d->v));
	d->v[d->n++] = x;
	return x;
}

static struct dirs_entry *cached(const struct dirs *d, const char *rel)
{
	/* The last one is asked for again most often. */
	for (size_t i = d->n; i-- > 0;)
		if (!strcmp(d->v[i]->rel, rel))
			return d->v[i];
	return NULL;
}

/* The name of the directory of REL. */
static char *parent(const char *rel, const char **base)
{
	const char *slash = strrchr(rel, '/');

	*base = slash ? slash + 1 : rel;
	return slash ? mem_strndup(rel, (size_t)(slash - rel))
		     : mem_strdup(".");
}

struct dirs_entry *dirs_find(struct dirs *d, const char *rel, const char **base)
{
	AUTO(mem_freep) char *dir = parent(rel, base);
	struct dirs_entry *x = cached(d, dir);
	struct err e = ERR_INIT;
	int fd;

	if (x)
		return x;
	fd = fs_open_beneath(d->root, dir, O_RDONLY | O_DIRECTORY, 0, &e);
	err_clear(&e);
	return fd < 0 ? NULL : add(d, dir, fd);
}

/* Opens REL in the directory X, where it is BASE; makes it if need be. */
static int open_or_make(struct dirs_entry *x, const char *base, struct err *e)
{
	int fd = fs_open_beneath(x->fd, base, O_RDONLY | O_DIRECTORY, 0, e);

	if (fd >= 0 || e->sys != ENOENT)
		return fd;
	err_clear(e);
	if (mkdirat(x->fd, base, 0700) && errno != EEXIST)
		return err_sys(e, ERR_FAILED, errno, "mkdir %s", base);
	return fs_open_beneath(x->fd, base, O_RDONLY | O_DIRECTORY, 0, e);
}

/* Those above it are dirty even if REL was there: who made it may have been cut
 * before it was synced. */
static struct dirs_entry *make(struct dirs *d, const char *rel, unsigned depth,
			       struct err *e)
{
	AUTO(mem_freep) char *above = NULL;
	const char *base;
	struct dirs_entry *x = cached(d, rel), *up;
	int fd;

	if (x && (x->whole || !strcmp(rel, ".")))
		return x;
	if (!strcmp(rel, ".")) {
		fd = fs_open_beneath(d->root, rel, O_RDONLY | O_DIRECTORY, 0,
				     e);
		return fd < 0 ? NULL : add(d, rel, fd);
	}
	if (depth > DEPTH) {
		err_set(e, ERR_REFUSED, "more than %d directories deep", DEPTH);
		return NULL;
	}
	above = parent(rel, &base);
	up = make(d, above, depth + 1, e);
	if (!up)
		return NULL;
	up->dirty = true;
	if (!x) {
		fd = open_or_make(up, base, e);
		if (fd < 0) {
			err_wrap(e, "%s", rel);
			return NULL;
		}
		x = add(d, rel, fd);
	}
	x->whole = true;
	return x;
}

struct dirs_entry *dirs_make(struct dirs *d, const char *rel, const char **base,
			     struct err *e)
{
	AUTO(mem_freep) char *dir = parent(rel, base);

	return make(d, dir, 0, e);
}

int dirs_sync(struct dirs *d, struct chan *c, struct err *e)
{
	for (size_t i = 0; i < d->n; i++) {
		if (!d->v[i]->dirty)
			continue;
		if (fs_fsync(d->v[i]->fd, e))
			return err_wrap(e, "%s", d->v[i]->rel);
		d->v[i]->dirty = false;
		if (c && chan_alive(c, e))
			return -1;
	}
	return 0;
}
