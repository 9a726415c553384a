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

/* REL's own entry, opened if need be. */
static struct dirs_entry *get(struct dirs *d, const char *rel, struct err *e)
{
	int fd;

	/* The last one is asked for again most often. */
	for (size_t i = d->n; i-- > 0;)
		if (!strcmp(d->v[i]->rel, rel))
			return d->v[i];
	fd = fs_open_beneath(d->root, rel, O_RDONLY | O_DIRECTORY, 0, e);
	return fd < 0 ? NULL : add(d, rel, fd);
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
	struct err e = ERR_INIT;
	struct dirs_entry *x = get(d, dir, &e);

	err_clear(&e);
	return x;
}

static struct dirs_entry *make(struct dirs *d, const char *rel, unsigned depth,
			       struct err *e)
{
	AUTO(mem_freep) char *above = NULL;
	const char *base;
	struct dirs_entry *x = get(d, rel, e);
	int fd;

	if (x || e->sys != ENOENT || !strcmp(rel, "."))
		return x;
	err_clear(e);
	if (depth > DEPTH) {
		err_set(e, ERR_REFUSED, "more than %d directories deep", DEPTH);
		return NULL;
	}
	above = parent(rel, &base);
	x = make(d, above, depth + 1, e);
	if (!x)
		return NULL;
	if (mkdirat(x->fd, base, 0700) && errno != EEXIST) {
		err_sys(e, ERR_FAILED, errno, "mkdir %s", rel);
		return NULL;
	}
	x->dirty = true;
	fd = fs_open_beneath(x->fd, base, O_RDONLY | O_DIRECTORY, 0, e);
	return fd < 0 ? NULL : add(d, rel, fd);
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
		if (chan_alive(c, e))
			return -1;
	}
	return 0;
}
