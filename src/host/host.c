/* SPDX-License-Identifier: Apache-2.0 */
/* The handle: each operation, and whose failure it was. */
#include "host/host.h"

#include <inttypes.h>
#include <string.h>

#include "core/log.h"
#include "host/said.h"

struct host *host_new(const struct host_ops *ops, void *self, const char *name)
{
	struct host *h = MEM_NEW(struct host);

	h->ops = ops;
	h->self = self;
	h->name = mem_strdup(name);
	strv_add(&h->profile.virsh, "virsh");
	return h;
}

void host_close(struct host *h)
{
	if (!h)
		return;
	h->ops->close(h->self);
	for (size_t i = 0; i < h->profile.nmaps; i++) {
		mem_free(h->profile.maps[i].theirs);
		mem_free(h->profile.maps[i].ours);
	}
	mem_free(h->profile.maps);
	strv_clear(&h->profile.virsh);
	mem_free(h->name);
	mem_free(h);
}

char *host_map_path(const struct host *h, const char *theirs)
{
	size_t best = 0, at = 0;

	/* The longest prefix that ends at a slash wins. */
	for (size_t i = 0; i < h->profile.nmaps; i++) {
		const char *p = h->profile.maps[i].theirs;
		size_t n = strlen(p);

		if (n > best && !strncmp(theirs, p, n) &&
		    (!theirs[n] || theirs[n] == '/')) {
			best = n;
			at = i;
		}
	}
	if (!best)
		return mem_strdup(theirs);
	return mem_printf("%s%s", h->profile.maps[at].ours, theirs + best);
}

/* Adds whose host it was. */
static int named(const struct host *h, int rc, struct err *e)
{
	return rc ? err_wrap(e, "host %s", h->name) : 0;
}

int host_tick(struct host *h, struct err *e)
{
	return named(h, h->ops->tick(h->self, e), e);
}

void host_on_wait(struct host *h, void (*fn)(void *arg), void *arg)
{
	if (h->ops->on_wait)
		h->ops->on_wait(h->self, fn, arg);
}

int host_info(struct host *h, struct host_info *out, struct err *e)
{
	return named(h, h->ops->info(h->self, out, e), e);
}

int host_hostkey(struct host *h, struct host_key *out, struct err *e)
{
	return named(h, h->ops->hostkey(h->self, out, e), e);
}

int host_lease_read(struct host *h, const struct host_lease_ref *r,
		    struct host_lease *out, struct err *e)
{
	return named(h, h->ops->lease_read(h->self, r, out, e), e);
}

int host_lease_claim(struct host *h, const struct host_claim *c, struct err *e)
{
	log_debug("%s: claim the lease of %s", h->name, c->uuid);
	return named(h, h->ops->lease_claim(h->self, c, e), e);
}

int host_lease_release(struct host *h, const struct host_release *r,
		       struct err *e)
{
	log_debug("%s: release the lease of %s", h->name, r->uuid);
	return named(h, h->ops->lease_release(h->self, r, e), e);
}

int host_stat(struct host *h, struct host_path p, struct host_stat *out,
	      struct err *e)
{
	return named(h, h->ops->stat(h->self, p, out, e), e);
}

int host_stats(struct host *h, const struct host_path *p, size_t n,
	       struct host_stat *out, struct err *e)
{
	int rc = 0;

	if (h->ops->stats)
		return named(h, h->ops->stats(h->self, p, n, out, e), e);
	for (size_t i = 0; !rc && i < n; i++)
		rc = host_stat(h, p[i], &out[i], e);
	return rc;
}

int host_locked(struct host *h, const struct host_path *p, size_t n,
		enum host_open *out, struct err *e)
{
	return named(h, h->ops->locked(h->self, p, n, out, e), e);
}

int host_list(struct host *h, const struct host_list_opts *o,
	      struct host_list *out, struct err *e)
{
	return named(h, h->ops->list(h->self, o, out, e), e);
}

int host_read(struct host *h, const struct host_read *r, struct buf *out,
	      struct err *e)
{
	return named(h, h->ops->read(h->self, r, out, e), e);
}

int host_write(struct host *h, const struct host_write *w, struct err *e)
{
	return named(h, h->ops->write(h->self, w, e), e);
}

int host_write_begin(struct host *h, const struct host_write *w, struct err *e)
{
	return named(h,
		     h->ops->write_begin ? h->ops->write_begin(h->self, w, e)
					 : h->ops->write(h->self, w, e),
		     e);
}

int host_write_end(struct host *h, struct err *e)
{
	return named(h, h->ops->write_end ? h->ops->write_end(h->self, e) : 0,
		     e);
}

int host_mkdir(struct host *h, const struct host_mkdir *m, struct err *e)
{
	return named(h, h->ops->mkdir(h->self, m, e), e);
}

int host_rename(struct host *h, const struct host_rename *r, struct err *e)
{
	log_debug("%s: rename %s to %s", h->name, r->from.rel, r->to.rel);
	/* allowed: the operation of that name, not the call */
	return named(h, h->ops->rename(h->self, r, e), e);
}

int host_hold(struct host *h, const struct host_hold *o, enum host_held *how,
	      struct err *e)
{
	enum host_held any;

	return named(h, h->ops->hold(h->self, o, how ? how : &any, e), e);
}

int host_unlink(struct host *h, const struct host_unlink *u, struct err *e)
{
	log_debug("%s: remove %s", h->name, u->path.rel);
	return named(h, h->ops->unlink(h->self, u, e), e);
}

int host_rmtree(struct host *h, struct host_path p, struct err *e)
{
	log_debug("%s: remove %s and all in it", h->name, p.rel);
	return named(h, h->ops->rmtree(h->self, p, e), e);
}

int host_chown(struct host *h, const struct host_chown *c, struct err *e)
{
	return named(h, h->ops->chown(h->self, c, e), e);
}

int host_chmod(struct host *h, const struct host_chmod *c, struct err *e)
{
	return named(h, h->ops->chmod(h->self, c, e), e);
}

int host_touch(struct host *h, struct host_path p, struct err *e)
{
	return named(h, h->ops->touch(h->self, p, e), e);
}

int host_fsync(struct host *h, const struct host_fsync *f, struct err *e)
{
	/* allowed: the operation of that name, not the call */
	return named(h, h->ops->fsync(h->self, f, e), e);
}

bool host_statfs_own(const struct host_statfs *s)
{
	static const char *const own[] = {"ext2",    "ext3", "ext4",  "xfs",
					  "btrfs",   "zfs",  "tmpfs", "jfs",
					  "overlay", "f2fs"};

	for (size_t i = 0; s->fstype && i < ARRAY_SIZE(own); i++)
		if (!strcmp(s->fstype, own[i]))
			return true;
	return false;
}

int host_statfs(struct host *h, struct host_path p, struct host_statfs *out,
		struct err *e)
{
	return named(h, h->ops->statfs(h->self, p, out, e), e);
}

int host_digest(struct host *h, struct host_path p, struct host_digest *out,
		struct err *e)
{
	return named(h, h->ops->digest(h->self, p, out, e), e);
}

/* The words only: what goes to its standard input may be secret. */
static void tell_run(const struct host *h, const struct host_run *r)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	for (const char *const *w = r->argv; *w; w++)
		buf_printf(&b, " %s", *w);
	log_debug("%s:%s", h->name, buf_str(&b));
}

int host_trial(struct host *h, const struct host_trial_opts *o,
	       struct host_trial *out, struct err *e)
{
	return named(h, h->ops->trial(h->self, o, out, e), e);
}

int host_reach(struct host *h, const struct host_reach_opts *o,
	       struct host_reach *out, struct err *e)
{
	AUTO(mem_freep) char *port = mem_printf("%u", o->port);
	const char *words[] = {"reach", o->address, port, NULL};
	AUTO(buf_clear) struct buf b = BUF_INIT;

	if (o->lasting && said(h->name, words, &b)) {
		memcpy(out, b.p, sizeof(*out));
		out->why = mem_strdup("");
		return 0;
	}
	if (h->ops->reach(h->self, o, out, e))
		return named(h, -1, e);
	if (o->lasting && out->reached) {
		struct host_reach all = *out;

		all.why = NULL; /* the caller's */
		said_keep(h->name, words, &all, sizeof(all));
	}
	return 0;
}

static int run_or_recall(struct host *h, struct host_run *r, struct err *e)
{
	bool keep = r->lasting && !r->mutates && !r->in_len && !r->user;

	if (keep && said(h->name, r->argv, &r->out))
		return 0;
	tell_run(h, r);
	if (h->ops->run(h->self, r, e))
		return -1;
	if (keep && !r->exit_code && !r->err.len)
		said_keep(h->name, r->argv, r->out.p, r->out.len);
	return 0;
}

int host_run(struct host *h, struct host_run *r, struct err *e)
{
	int rc = run_or_recall(h, r, e);

	if (rc)
		err_wrap(e, "%s", r->argv[0]);
	return named(h, rc, e);
}

int host_scan(struct host *h, const struct host_scan_opts *o,
	      struct host_scan *out, struct err *e)
{
	return named(h, h->ops->scan(h->self, o, out, e), e);
}

int host_getent(struct host *h, enum host_db db, const char *name,
		struct host_ent *out, struct err *e)
{
	return named(h, h->ops->getent(h->self, db, name, out, e), e);
}

int host_conf(struct host *h, struct host_conf *out, struct err *e)
{
	return named(h, h->ops->conf(h->self, out, e), e);
}

struct client *host_control(struct host *h, struct err *e)
{
	struct client *c = h->ops->control(h->self, e);

	if (!c)
		named(h, -1, e);
	return c;
}

struct host_session *host_session_open(struct host *h, struct err *e)
{
	struct host_session *s = h->ops->session_open(h->self, e);

	if (!s)
		named(h, -1, e);
	return s;
}

void host_session_close(struct host *h, struct host_session *s)
{
	if (s)
		h->ops->session_close(h->self, s);
}

struct client *host_session_client(struct host *h, struct host_session *s)
{
	return h->ops->session_client(s);
}

/* ---- one claim on several hosts -------------------------------------- */

static int highest(struct host *const *h, size_t n, const struct host_claim *c,
		   uint64_t *epoch, bool *was_free, struct err *e)
{
	struct host_lease_ref r = {c->root, c->uuid};

	*epoch = 0;
	for (size_t i = 0; i < n; i++) {
		struct host_lease l = {0};
		int rc = host_lease_read(h[i], &r, &l, e);

		if (l.epoch > *epoch)
			*epoch = l.epoch;
		was_free[i] = l.state != LEASE_HELD;
		host_lease_clear(&l);
		if (rc)
			return -1;
	}
	return 0;
}

int host_claim_all(struct host *const *h, size_t n, const struct host_claim *c,
		   struct err *e)
{
	struct host_claim k = *c;
	AUTO(mem_freep) bool *was_free = MEM_NEW_N(bool, n + 1);
	size_t done = 0;

	if (highest(h, n, c, &k.epoch, was_free, e))
		return -1;
	k.epoch++;
	while (done < n && !host_lease_claim(h[done], &k, e))
		done++;
	if (done == n)
		return 0;
	while (done-- > 0) {
		struct host_release r = {.root = c->root, .uuid = c->uuid};
		struct err also = ERR_INIT;

		if (was_free[done] && host_lease_release(h[done], &r, &also))
			err_also(e, &also);
	}
	return -1;
}
