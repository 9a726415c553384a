/* SPDX-License-Identifier: Apache-2.0 */
/* host_ops over the files and the lease of a fake host. */
#include "fake/fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"

/* --- before and after */

/* A new link: what its old agent was doing has ended, and the lease is claimed
 * again if it is still this run's. */
static int reconnect(struct fake_handle *fh, struct err *e)
{
	struct fake_lease *l = &fh->h->lease;

	fh->broken = false;
	if (!fh->held)
		return 0;
	if (l->state != LEASE_HELD || strcmp(l->job, fh->job) != 0 ||
	    strcmp(l->session, fh->session) != 0)
		return err_set(e, ERR_STALE, "%s: another run has taken over",
			       fh->h->name);
	fh->epoch = ++l->epoch;
	l->holder = crash_self();
	return 0;
}

static int check_lease(const struct fake_handle *fh, struct err *e)
{
	const struct fake_lease *l = &fh->h->lease;

	if (fh->held && l->state == LEASE_HELD && !strcmp(l->job, fh->job) &&
	    l->epoch == fh->epoch)
		return 0;
	return err_set(e, ERR_STALE, "%s: the lease is job %s's, epoch %d",
		       fh->h->name, l->job, (int)l->epoch);
}

int fake_enter(struct fake_handle *fh, bool mutates, struct err *e,
	       const char *fmt, ...)
{
	char what[160];
	int n = snprintf(what, sizeof(what), "%s ", fh->h->name);
	enum crash_fault f;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what + n, sizeof(what) - (size_t)n, fmt, ap);
	va_end(ap);
	if (mutates &&
	    (fh->disks || (fh->fw->o.dead && fh->h == &fh->fw->h[SRC])))
		fh->fw->touched = true;
	f = crash_event(CRASH_BEFORE, what, true);
	if (!fh->disks && fh->fw->now_us < fh->h->down_us) {
		fh->broken = true;
		return err_set(e, ERR_RETRY, "%s: not reached", what);
	}
	if (f == CRASH_LOST)
		fh->broken = true;
	/* A question that got no answer can be asked again. */
	if (f == CRASH_LOST && !mutates)
		f = CRASH_RETRY;
	if (f != CRASH_NONE)
		return crash_fail(f, what, e);
	if (fh->broken && reconnect(fh, e))
		return -1;
	return mutates ? check_lease(fh, e) : 0;
}

int fake_leave(struct fake_handle *fh, struct err *e, const char *fmt, ...)
{
	char what[160];
	int n = snprintf(what, sizeof(what), "%s ", fh->h->name);
	enum crash_fault f;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what + n, sizeof(what) - (size_t)n, fmt, ap);
	va_end(ap);
	f = crash_event(CRASH_AFTER, what, true);
	/* It is done: only its answer can be missing. */
	if (f == CRASH_NONE)
		return 0;
	fh->broken = true;
	return crash_fail(CRASH_LOST, what, e);
}

static struct fake_handle *FH(void *self)
{
	return self;
}

static void full(char out[FAKE_PATH], struct host_path p)
{
	/* "." is the root itself, as core/fs.h has it. */
	if (!strcmp(p.rel, "."))
		snprintf(out, FAKE_PATH, "%s", p.root);
	else
		snprintf(out, FAKE_PATH, "%s/%s", p.root, p.rel);
}

static int no_file(struct err *e, const char *path)
{
	return err_sys(e, ERR_FAILED, ENOENT, "%s", path);
}

static bool has_parent(const struct fake_host *h, const char *path)
{
	char up[FAKE_PATH];
	char *slash;
	int i;

	strcpy(up, path);
	slash = strrchr(up, '/');
	*slash = '\0';
	i = fake_find(h, up);
	return i >= 0 && h->inodes[h->names[i].ino].dir;
}

/* --- lease */

static int lease_read(void *self, const struct host_lease_ref *r,
		      struct host_lease *out, struct err *e)
{
	const struct fake_lease *l = &FH(self)->h->lease;

	(void)r;
	if (fake_enter(self, false, e, "lease-read"))
		return -1;
	out->state = l->state;
	out->epoch = l->epoch;
	out->job = mem_strdup(l->job);
	out->owner = mem_strdup(l->owner);
	out->attended = l->state == LEASE_HELD && crash_alive(l->holder);
	return 0;
}

/* As agent/claim.c judges. */
static int may_claim(const struct fake_lease *l, const struct host_claim *c,
		     struct err *e)
{
	bool same = !strcmp(l->session, c->session);

	if (l->state == LEASE_HELD && strcmp(l->job, c->job) != 0)
		return err_set(e, ERR_LOCKED, "job %s has the instance",
			       l->job);
	if (l->state == LEASE_HELD && crash_alive(l->holder) && !c->force &&
	    !same)
		return err_set(e, ERR_LOCKED, "job %s is being run", l->job);
	if (c->epoch <= l->epoch)
		return err_set(e, ERR_CONFLICT, "epoch %d is not above %d",
			       (int)c->epoch, (int)l->epoch);
	return 0;
}

static int lease_claim(void *self, const struct host_claim *c, struct err *e)
{
	struct fake_handle *fh = self;
	struct fake_lease *l = &fh->h->lease;

	fh->held = false;
	if (fh->fw->o.dead && fh->h == &fh->fw->h[SRC])
		fh->fw->touched = true;
	if (fake_enter(fh, false, e, "lease-claim %d", (int)c->epoch))
		return -1;
	if (l->state == LEASE_HELD && !strcmp(l->job, c->job) &&
	    l->epoch == c->epoch && !strcmp(l->session, c->session)) {
		fh->held = true;
		return 0;
	}
	if (may_claim(l, c, e))
		return -1;
	l->state = LEASE_HELD;
	l->epoch = c->epoch;
	l->holder = crash_self();
	snprintf(l->job, sizeof(l->job), "%s", c->job);
	snprintf(l->session, sizeof(l->session), "%s", c->session);
	snprintf(l->owner, sizeof(l->owner), "%s", c->owner ? c->owner : "");
	snprintf(fh->job, sizeof(fh->job), "%s", c->job);
	snprintf(fh->session, sizeof(fh->session), "%s", c->session);
	fh->epoch = c->epoch;
	if (fake_leave(fh, e, "lease-claim"))
		return -1;
	fh->held = true;
	return 0;
}

static int lease_release(void *self, const struct host_release *r,
			 struct err *e)
{
	struct fake_handle *fh = self;
	struct fake_lease *l = &fh->h->lease;
	uint64_t epoch = l->epoch;

	if (!fh->held)
		return err_set(e, ERR_STALE, "the lease is not held");
	if (fake_enter(fh, true, e, "lease-release"))
		return -1;
	*l = (struct fake_lease){0};
	if (!r->forget) {
		l->state = LEASE_RELEASED;
		l->epoch = epoch;
	}
	if (fake_leave(fh, e, "lease-release"))
		return -1;
	fh->held = false;
	return 0;
}

/* --- looking */

static void fill_stat(const struct fake_host *h, int ino, struct host_stat *out)
{
	const struct fake_inode *i = &h->inodes[ino];

	*out = (struct host_stat){
		.type = i->dir ? HOST_DIR : HOST_FILE,
		.size = i->size,
		.blocks = i->dir ? 8 : i->size / 512,
		.mode = i->mode,
		.user = mem_strdup(i->user),
		.group = mem_strdup(i->group),
		.dev = 1,
		.ino = (uint64_t)ino,
		.nlink = i->dir ? 2 : (uint64_t)fake_links(h, ino),
		.mtime_ns = i->mtime_us * 1000,
	};
}

static int op_stat(void *self, struct host_path p, struct host_stat *out,
		   struct err *e)
{
	struct fake_handle *fh = self;
	char path[FAKE_PATH];
	int i;

	full(path, p);
	if (fake_enter(fh, false, e, "stat %s", p.rel))
		return -1;
	i = fake_find(fh->h, path);
	if (i >= 0)
		fill_stat(fh->h, fh->h->names[i].ino, out);
	else
		out->type = HOST_NONE;
	return 0;
}

static int op_locked(void *self, const struct host_path *p, size_t n,
		     enum host_open *out, struct err *e)
{
	struct fake_handle *fh = self;
	char path[FAKE_PATH];

	if (fake_enter(fh, false, e, "locked %s", n ? p[0].rel : "nothing"))
		return -1;
	for (size_t i = 0; i < n; i++) {
		full(path, p[i]);
		out[i] = fh->h->locked && !strcmp(path, fh->h->locked)
				 ? HOST_OPEN_QEMU
				 : HOST_OPEN_NOT;
	}
	return 0;
}

static int op_list(void *self, const struct host_list_opts *o,
		   struct host_list *out, struct err *e)
{
	struct fake_handle *fh = self;
	struct fake_host *h = fh->h;
	char path[FAKE_PATH];
	size_t n;

	full(path, o->path);
	n = strlen(path);
	if (n > 2 && !strcmp(path + n - 2, "/.")) /* the root itself */
		path[n -= 2] = '\0';
	if (fake_enter(fh, false, e, "list %s", o->path.rel))
		return -1;
	if (strcmp(o->path.rel, ".") != 0 && fake_find(h, path) < 0)
		return no_file(e, path);
	for (int i = 0; i < FAKE_NAMES; i++) {
		const struct fake_name *m = &h->names[i];

		if (!m->hash || strncmp(m->path, path, n) != 0 ||
		    m->path[n] != '/')
			continue;
		if (o->depth <= 1 && strchr(m->path + n + 1, '/'))
			continue;
		out->v = mem_realloc(out->v, out->n + 1, sizeof(*out->v));
		out->v[out->n].rel = mem_strdup(m->path + n + 1);
		fill_stat(h, m->ino, &out->v[out->n++].st);
	}
	return 0;
}

static int op_read(void *self, const struct host_read *r, struct buf *out,
		   struct err *e)
{
	struct fake_handle *fh = self;
	const struct fake_inode *i;
	char path[FAKE_PATH];

	full(path, r->path);
	if (fake_enter(fh, false, e, "read %s", r->path.rel))
		return -1;
	i = fake_look(fh->h, path);
	if (!i || i->dir)
		return no_file(e, path);
	if (i->len > FAKE_TEXT)
		return err_set(e, ERR_BUG, "%s: the fake did not keep it",
			       path);
	buf_put(out, i->text, i->len);
	return 0;
}

static int op_digest(void *self, struct host_path p, struct host_digest *out,
		     struct err *e)
{
	struct fake_handle *fh = self;
	const struct fake_inode *i;
	char path[FAKE_PATH];

	full(path, p);
	if (fake_enter(fh, false, e, "digest %s", p.rel))
		return -1;
	i = fake_look(fh->h, path);
	if (!i || i->dir)
		return no_file(e, path);
	out->size = i->size;
	fake_digest_text(i, out->how != HOST_DIGEST_SHA256, out->text);
	return 0;
}

static bool wanted(const struct host_scan_opts *o, int ino)
{
	for (size_t i = 0; i < o->nfiles; i++)
		if (o->files[i].dev == 1 && o->files[i].ino == (uint64_t)ino)
			return true;
	return false;
}

static void add_lock(struct host_scan *out, int ino, bool write)
{
	out->locks =
		mem_realloc(out->locks, out->nlocks + 1, sizeof(*out->locks));
	out->locks[out->nlocks++] = (struct host_lock){
		.dev = 1,
		.ino = (uint64_t)ino,
		.kind = "OFD",
		.write = write,
		.pid = -1,
		.start = write ? 100 : 101,
		.end = write ? 100 : 101,
		.qemu = true,
	};
}

static int op_scan(void *self, const struct host_scan_opts *o,
		   struct host_scan *out, struct err *e)
{
	struct fake_handle *fh = self;
	const struct fake_domain *d = &fh->h->dom;
	bool disk, base;

	if (fake_enter(fh, false, e, "scan"))
		return -1;
	if (!d->running)
		return 0;
	disk = wanted(o, d->disk);
	base = wanted(o, d->base);
	if (!disk && !base && !o->uuid)
		return 0;
	out->procs = mem_calloc(1, sizeof(*out->procs));
	out->nprocs = 1;
	out->procs[0] = (struct host_proc){
		.pid = 4711,
		.comm = mem_strdup("qemu-system-x86"),
		.exe = mem_strdup("/usr/bin/qemu-system-x86_64"),
		.by_uuid = o->uuid != NULL,
		.by_name = o->domain != NULL,
		.by_file = disk || base,
		.dev = 1,
		.ino = (uint64_t)(disk ? d->disk : d->base),
	};
	if (disk)
		add_lock(out, d->disk, true);
	if (base)
		add_lock(out, d->base, false);
	return 0;
}

/* --- changing */

static int op_write(void *self, const struct host_write *w, struct err *e)
{
	struct fake_handle *fh = self;
	struct fake_inode *i;
	char path[FAKE_PATH];

	full(path, w->path);
	if (fake_enter(fh, true, e, "write %s", w->path.rel))
		return -1;
	if (!has_parent(fh->h, path))
		return no_file(e, path);
	i = fake_look(fh->h, path);
	if (!i)
		i = fake_file(fh->fw, fh->h, path, 0);
	i->content = fake_hash(w->p, w->n);
	i->len = w->n;
	i->size = 4096;
	i->mode = w->mode ? w->mode : 0600;
	i->mtime_us = fh->fw->now_us;
	if (w->n <= FAKE_TEXT)
		memcpy(i->text, w->p, w->n);
	if (strstr(path, "/manifest.json")) {
		if (w->n >= sizeof(fh->h->manifest))
			return err_set(e, ERR_BUG, "a manifest of %zu bytes",
				       w->n);
		memcpy(fh->h->manifest, w->p, w->n);
		fh->h->manifest_len = w->n;
	}
	return fake_leave(fh, e, "write %s", w->path.rel);
}

static int op_statfs(void *self, struct host_path p, struct host_statfs *out,
		     struct err *e)
{
	struct fake_handle *fh = self;

	if (fake_enter(fh, false, e, "statfs %s", p.rel))
		return -1;
	out->fstype = mem_strdup(fh->fw->shared ? "nfs4" : "ext4");
	return fake_leave(fh, e, "statfs %s", p.rel);
}

static int op_mkdir(void *self, const struct host_mkdir *m, struct err *e)
{
	struct fake_handle *fh = self;
	char path[FAKE_PATH];
	size_t n = strlen(m->path.root);

	full(path, m->path);
	if (fake_enter(fh, true, e, "mkdir %s", m->path.rel))
		return -1;
	if (!m->parents && fake_find(fh->h, path) >= 0)
		return err_sys(e, ERR_FAILED, EEXIST, "%s", path);
	for (char *s = strchr(path + n + 1, '/');; s = strchr(s + 1, '/')) {
		if (s)
			*s = '\0';
		if (fake_find(fh->h, path) < 0) {
			fake_dir(fh->fw, fh->h, path);
			if (m->mode)
				fake_look(fh->h, path)->mode = m->mode;
		}
		if (!s)
			break;
		*s = '/';
	}
	return fake_leave(fh, e, "mkdir %s", m->path.rel);
}

static void rename_tree(struct fake_host *h, const char *from, const char *to)
{
	size_t n = strlen(from);

	for (int i = 0; i < FAKE_NAMES; i++) {
		struct fake_name *m = &h->names[i];
		char path[FAKE_PATH];
		int ino = m->ino;

		if (!m->hash || strncmp(m->path, from, n) != 0 ||
		    (m->path[n] && m->path[n] != '/'))
			continue;
		snprintf(path, sizeof(path), "%s%.*s", to,
			 (int)(FAKE_PATH - strlen(to) - 1), m->path + n);
		m->hash = 0;
		fake_name_add(h, path, ino);
	}
}

static int op_rename(void *self, const struct host_rename *r, struct err *e)
{
	struct fake_handle *fh = self;
	char from[FAKE_PATH], to[FAKE_PATH];
	int old;

	full(from, r->from);
	full(to, r->to);
	if (fake_enter(fh, true, e, "rename %s", r->to.rel))
		return -1;
	if (fake_find(fh->h, from) < 0 || !has_parent(fh->h, to))
		return no_file(e, from);
	old = fake_find(fh->h, to);
	if (old >= 0 && !r->replace)
		return err_sys(e, ERR_FAILED, EEXIST, "%s", to);
	if (old >= 0)
		fake_name_drop(fh->h, old);
	rename_tree(fh->h, from, to);
	return fake_leave(fh, e, "rename %s", r->to.rel);
}

static bool same_content(const struct fake_host *h, int a, int b)
{
	unsigned char da[32], db[32];

	fake_digest(&h->inodes[h->names[a].ino], da);
	fake_digest(&h->inodes[h->names[b].ino], db);
	return memcmp(da, db, sizeof(da)) == 0;
}

static int op_hold(void *self, const struct host_hold *o, enum host_held *how,
		   struct err *e)
{
	struct fake_handle *fh = self;
	char from[FAKE_PATH], to[FAKE_PATH];
	int a, b;

	full(from, o->from);
	full(to, o->to);
	if (fake_enter(fh, true, e, "hold %s", o->to.rel))
		return -1;
	*how = HELD_LINK;
	a = fake_find(fh->h, from);
	b = fake_find(fh->h, to);
	if (a < 0 || !has_parent(fh->h, to))
		return no_file(e, from);
	if (b >= 0 && fh->h->names[b].ino != fh->h->names[a].ino &&
	    !same_content(fh->h, a, b))
		return err_sys(e, ERR_CONFLICT, EEXIST, "%s", to);
	if (b < 0)
		fake_name_add(fh->h, to, fh->h->names[a].ino);
	return fake_leave(fh, e, "hold %s", o->to.rel);
}

static bool has_children(const struct fake_host *h, const char *path)
{
	size_t n = strlen(path);

	for (int i = 0; i < FAKE_NAMES; i++)
		if (h->names[i].hash && !strncmp(h->names[i].path, path, n) &&
		    h->names[i].path[n] == '/')
			return true;
	return false;
}

static int op_unlink(void *self, const struct host_unlink *u, struct err *e)
{
	struct fake_handle *fh = self;
	char path[FAKE_PATH];
	int i;

	full(path, u->path);
	if (fake_enter(fh, true, e, "unlink %s", u->path.rel))
		return -1;
	i = fake_find(fh->h, path);
	if (i < 0 && !u->missing)
		return no_file(e, path);
	if (i >= 0 && u->ino && u->ino != fh->h->names[i].ino)
		return err_set(e, ERR_CONFLICT, "%s is another file", path);
	if (i >= 0 && u->dir && has_children(fh->h, path))
		return err_sys(e, ERR_FAILED, ENOTEMPTY, "%s", path);
	if (i >= 0)
		fake_name_drop(fh->h, i);
	return fake_leave(fh, e, "unlink %s", u->path.rel);
}

/* Half of it is gone when it is cut in the middle. */
static int op_rmtree(void *self, struct host_path p, struct err *e)
{
	struct fake_handle *fh = self;
	AUTO(mem_freep) char *work = mem_printf(".novahaul/%s", fh->job);
	char path[FAKE_PATH], what[160];
	size_t n;

	full(path, p);
	n = strlen(path);
	if (fake_enter(fh, true, e, "rmtree %s", p.rel))
		return -1;
	if (strncmp(p.rel, work, strlen(work)) != 0)
		return err_set(e, ERR_REFUSED, "%s is not the job's work",
			       path);
	for (int i = 0; i < FAKE_NAMES; i += 2) {
		const struct fake_name *m = &fh->h->names[i];

		if (m->hash && !strncmp(m->path, path, n) &&
		    m->path[n] == '/' && !has_children(fh->h, m->path))
			fake_name_drop(fh->h, i);
	}
	snprintf(what, sizeof(what), "%s rmtree %.100s", fh->h->name, p.rel);
	if (crash_event(CRASH_MID, what, true) != CRASH_NONE) {
		fh->broken = true;
		return crash_fail(CRASH_LOST, what, e);
	}
	/* Frozen there and overtaken, its agent is no more. */
	if (check_lease(fh, e))
		return -1;
	fake_tree_drop(fh->h, path);
	return fake_leave(fh, e, "rmtree %s", p.rel);
}

static int op_chown(void *self, const struct host_chown *c, struct err *e)
{
	struct fake_handle *fh = self;
	struct fake_inode *i;
	char path[FAKE_PATH];

	full(path, c->path);
	if (fake_enter(fh, true, e, "chown %s", c->path.rel))
		return -1;
	i = fake_look(fh->h, path);
	if (!i)
		return no_file(e, path);
	if (c->user)
		snprintf(i->user, sizeof(i->user), "%s", c->user);
	if (c->group)
		snprintf(i->group, sizeof(i->group), "%s", c->group);
	return fake_leave(fh, e, "chown %s", c->path.rel);
}

static int op_chmod(void *self, const struct host_chmod *c, struct err *e)
{
	struct fake_handle *fh = self;
	struct fake_inode *i;
	char path[FAKE_PATH];

	full(path, c->path);
	if (fake_enter(fh, true, e, "chmod %s", c->path.rel))
		return -1;
	i = fake_look(fh->h, path);
	if (!i)
		return no_file(e, path);
	i->mode = c->mode;
	return fake_leave(fh, e, "chmod %s", c->path.rel);
}

static int op_touch(void *self, struct host_path p, struct err *e)
{
	struct fake_handle *fh = self;
	struct fake_inode *i;
	char path[FAKE_PATH];

	full(path, p);
	if (fake_enter(fh, true, e, "touch %s", p.rel))
		return -1;
	i = fake_look(fh->h, path);
	if (!i)
		return no_file(e, path);
	i->mtime_us = fh->fw->now_us;
	return fake_leave(fh, e, "touch %s", p.rel);
}

static int op_fsync(void *self, const struct host_fsync *f, struct err *e)
{
	struct fake_handle *fh = self;
	char path[FAKE_PATH];

	full(path, f->path);
	if (fake_enter(fh, true, e, "fsync %s", f->path.rel))
		return -1;
	return fake_find(fh->h, path) < 0 ? no_file(e, path) : 0;
}

/* qemu-img rebase -u ... FILE: writes the header in place. */
static int op_run(void *self, struct host_run *r, struct err *e)
{
	struct fake_handle *fh = self;
	struct fake_inode *i;
	const char *verb = r->argv[1];
	char file[FAKE_PATH];

	if (fake_enter(fh, r->mutates, e, "run %s %s", r->argv[0],
		       verb ? verb : ""))
		return -1;
	if (!verb || strcmp(verb, "rebase") != 0)
		return err_set(e, ERR_BUG, "the fake cannot run %s",
			       r->argv[0]);
	if (!r->hostile.root || !r->user || !strcmp(r->user, "root"))
		return err_set(e, ERR_BUG, "root reads what a guest wrote");
	full(file, r->hostile);
	i = fake_look(fh->h, file);
	if (i && strcmp(i->user, r->user) != 0)
		return err_set(e, ERR_BUG, "%s is not %s's", file, r->user);
	r->exit_code = i ? 0 : 1;
	if (i) {
		i->partial = true;
		if (crash_event(CRASH_MID, "qemu-img rebase", true) !=
		    CRASH_NONE) {
			fh->broken = true;
			return crash_fail(CRASH_LOST, "qemu-img rebase", e);
		}
		if (check_lease(fh, e))
			return -1;
		i->partial = false;
		i->header = 2;
	}
	return fake_leave(fh, e, "run %s", r->argv[0]);
}

static int op_tick(void *self, struct err *e)
{
	(void)self;
	(void)e;
	return 0;
}

static void op_close(void *self)
{
	mem_free(self);
}

/* What no step asks for is left out: a call would crash the test. */
const struct host_ops fake_host_ops = {
	.close = op_close,
	.tick = op_tick,
	.lease_read = lease_read,
	.lease_claim = lease_claim,
	.lease_release = lease_release,
	.stat = op_stat,
	.locked = op_locked,
	.statfs = op_statfs,
	.list = op_list,
	.read = op_read,
	.write = op_write,
	.mkdir = op_mkdir,
	.rename = op_rename,
	.hold = op_hold,
	.unlink = op_unlink,
	.rmtree = op_rmtree,
	.chown = op_chown,
	.chmod = op_chmod,
	.touch = op_touch,
	.fsync = op_fsync,
	.digest = op_digest,
	.run = op_run,
	.scan = op_scan,
};

/* --- content, from one host to the other */

static int half_way(struct fake_handle *d, const struct fake_handle *s,
		    const char *what, struct err *e)
{
	if (crash_event(CRASH_MID, what, true) != CRASH_NONE) {
		d->broken = true;
		return crash_fail(CRASH_LOST, what, e);
	}
	if (d->fw->now_us < d->h->down_us ||
	    (!s->disks && d->fw->now_us < s->h->down_us)) {
		d->broken = true;
		return err_set(e, ERR_LOST, "%s: cut off", what);
	}
	return check_lease(d, e);
}

/* The directories above PATH, below ROOT. */
static void make_parents(struct fake_world *fw, struct fake_host *h,
			 const char *root, char *path)
{
	for (char *s = strchr(path + strlen(root) + 1, '/'); s;
	     s = strchr(s + 1, '/')) {
		*s = '\0';
		if (fake_find(h, path) < 0) {
			fake_dir(fw, h, path);
			fake_look(h, path)->mode = 0700;
		}
		*s = '/';
	}
}

/* NAME is NAME.part while it is being written (transfer/transfer.h). */
int fake_carry(void *self, struct host *src, struct host *dst,
	       const struct carry_file *f, struct carry_result *r,
	       struct err *e)
{
	struct fake_handle *s = src->self, *d = dst->self;
	char from[FAKE_PATH], to[FAKE_PATH], part[FAKE_PATH + 8], what[160];
	struct fake_inode *a, *b;
	uint64_t content, header;

	(void)self;
	full(from, f->from);
	full(to, f->to);
	snprintf(part, sizeof(part), "%s.part", to);
	snprintf(what, sizeof(what), "%s copy %.100s", dst->name, f->to.rel);
	if (fake_enter(d, true, e, "copy %s", f->to.rel))
		return -1;
	if (!s->disks && s->fw->now_us < s->h->down_us)
		return err_set(e, ERR_LOST, "%s: not reached", s->h->name);
	d->h->key = true;
	if (!fake_look(s->h, from))
		return no_file(e, from);
	make_parents(d->fw, d->h, f->to.root, to);
	if (fake_find(d->h, to) >= 0 && fake_find(d->h, part) < 0)
		rename_tree(d->h, to, part);
	if (fake_find(d->h, part) < 0)
		fake_file(d->fw, d->h, part, 0);
	fake_look(d->h, part)->partial = true;
	/* Long enough that a pre-copy makes another round. */
	if (!f->final && d->fw->o.rounds)
		clock_sleep_us(3000000);
	if (half_way(d, s, what, e))
		return -1;
	a = fake_look(s->h, from);
	if (!a)
		return no_file(e, from);
	content = a->content;
	header = a->header;
	b = fake_look(d->h, part);
	if (fake_find(d->h, to) >= 0)
		fake_name_drop(d->h, fake_find(d->h, to));
	b->content = d->fw->rot ? ++d->fw->contents : content;
	d->fw->rot = false;
	b->header = header;
	b->size = a->size;
	b->len = a->len;
	memcpy(b->text, a->text, sizeof(b->text));
	b->partial = false;
	rename_tree(d->h, part, to);
	fake_digest_text(a, true, r->src);
	fake_digest_text(fake_look(d->h, to), true, r->dst);
	r->size = a->size;
	r->read = r->sent = a->size;
	snprintf(r->transport, sizeof(r->transport), "direct");
	r->streams = f->final ? 2 : 1; /* which is worth a record */
	if (f->progress && f->progress(f->arg, a->size, a->size, e))
		return -1;
	return fake_leave(d, e, "copy %s", f->to.rel);
}

/* The small ones of a list are one after the other here: each may be the last
 * that arrives. */
int fake_carry_many(void *self, struct host *src, struct host *dst,
		    const struct carry_file *f, size_t n,
		    struct carry_result *r, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (fake_carry(self, src, dst, &f[i], &r[i], e))
			return -1;
	return 0;
}

int fake_carry_cleanup(void *self, struct host *src, struct host *dst,
		       const char *job, struct err *e)
{
	struct fake_handle *d = dst->self;

	(void)self;
	(void)src;
	(void)job;
	if (fake_enter(d, true, e, "revoke key"))
		return -1;
	d->h->key = false;
	return fake_leave(d, e, "revoke key");
}
