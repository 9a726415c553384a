/* SPDX-License-Identifier: Apache-2.0 */
/* Directories and all that is beneath. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent_priv.h"
#include "agent/files.h"
#include "core/fs.h"
#include "transfer/tagdir.h"

enum { TREE_MAX = 100000 };

/* ---- list ------------------------------------------------------------ */

struct listing {
	struct verb_call *c;
	struct enc items;
	size_t n;
};

static int list_one(const struct files_entry *en, void *arg, struct err *e)
{
	struct listing *l = arg;

	(void)e;
	enc_str(&l->items, en->rel);
	files_put_stat(l->c->agent, &l->items, en->st);
	l->n++;
	return 0;
}

static int do_list(struct verb_call *c, struct err *e)
{
	struct listing l = {.c = c, .items = ENC_INIT};
	struct files_walk w = {.fn = list_one, .arg = &l};
	struct agent_path p;
	AUTO(mem_closefd) int dir = -1;
	int rc;

	if (agent_path(c, &p, e))
		return -1;
	w.depth = dec_u32(c->in);
	w.max = dec_u32(c->in);
	if (agent_args_end(c, e))
		return -1;
	if (!w.depth)
		w.depth = 1;
	if (!w.max || w.max > TREE_MAX)
		w.max = w.max ? TREE_MAX : 10000;
	dir = agent_open(&p, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0)
		return -1;
	rc = files_walk(&w, dir, e);
	if (rc) {
		err_wrap(e, "%s/%s", p.where, p.rel);
	} else {
		enc_count(c->out, l.n);
		buf_put(&c->out->b, buf_str(&l.items.b), l.items.b.len);
	}
	enc_clear(&l.items);
	return rc;
}

/* ---- rmtree ---------------------------------------------------------- */

/* Is REL .novahaul/JOB or beneath, at whatever depth that component is? */
static bool is_work(const char *rel, const char *job)
{
	AUTO(mem_freep) char *want = mem_printf(".novahaul/%s", job);
	size_t n = strlen(want);

	for (const char *p = rel; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (!strncmp(p, want, n) && (!p[n] || p[n] == '/'))
			return true;
	}
	return false;
}

static int remove_one(const struct files_entry *en, void *arg, struct err *e)
{
	(void)arg;
	if (!unlinkat(en->dir, en->name,
		      S_ISDIR(en->st->st_mode) ? AT_REMOVEDIR : 0) ||
	    errno == ENOENT)
		return 0;
	return err_sys(e, ERR_FAILED, errno, "%s", en->rel);
}

static int remove_tree(const struct agent_path *p, struct err *e)
{
	struct files_walk w = {.max = ~0U, .after = true, .fn = remove_one};
	const char *base;
	AUTO(mem_closefd) int up = fs_open_parent(p->root, p->rel, &base, e);
	AUTO(mem_closefd) int dir = -1;

	if (up < 0)
		return -1;
	dir = fs_open_beneath(up, base, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0 || files_walk(&w, dir, e))
		return -1;
	if (unlinkat(up, base, AT_REMOVEDIR))
		return err_sys(e, ERR_FAILED, errno, "rmdir");
	return fs_fsync(up, e);
}

static int do_rmtree(struct verb_call *c, struct err *e)
{
	struct agent_path p;

	if (agent_path(c, &p, e) || agent_args_end(c, e))
		return -1;
	/* Nothing is ever deleted that this job did not create. */
	if (!is_work(p.rel, agent_job(c->agent)))
		return err_set(e, ERR_REFUSED,
			       "%s/%s is not the work of job %s", p.where,
			       p.rel, agent_job(c->agent));
	if (!remove_tree(&p, e))
		return 0;
	if (e->sys == ENOENT) {
		err_clear(e);
		return 0;
	}
	return err_wrap(e, "%s/%s", p.where, p.rel);
}

/* ---- chown ----------------------------------------------------------- */

struct owner {
	uid_t uid;
	gid_t gid;
	struct tagdir kept;
};

static int own_fd(int fd, struct owner *o, struct err *e)
{
	struct tagdir_change change;
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "stat");
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return err_set(e, ERR_REFUSED,
			       "neither a regular file nor a directory");
	tagdir_before(&o->kept, fd, &change);
	if (fchownat(fd, "", o->uid, o->gid, AT_EMPTY_PATH))
		return err_sys(e, ERR_FAILED, errno, "chown");
	tagdir_after(&o->kept, fd, &change);
	return 0;
}

static int own_one(const struct files_entry *en, void *arg, struct err *e)
{
	AUTO(mem_closefd)
	int fd = fs_open_beneath(en->dir, en->name, O_PATH, 0, e);

	if (fd < 0 || own_fd(fd, arg, e))
		return err_wrap(e, "%s", en->rel);
	return 0;
}

static int do_chown(struct verb_call *c, struct err *e)
{
	struct owner o = {(uid_t)-1, (gid_t)-1, TAGDIR_INIT};
	struct files_walk w = {.max = TREE_MAX, .fn = own_one, .arg = &o};
	struct agent_path p;
	const char *user, *group;
	bool numeric, tree, rc;
	AUTO(mem_closefd) int fd = -1;

	if (agent_path(c, &p, e))
		return -1;
	user = dec_str0(c->in);
	group = dec_str0(c->in);
	numeric = dec_bool(c->in);
	tree = dec_bool(c->in);
	if (agent_args_end(c, e))
		return -1;
	if (user && agent_uid(c->agent, user, numeric, &o.uid, e))
		return -1;
	if (group && agent_gid(c->agent, group, numeric, &o.gid, e))
		return -1;
	fd = tree ? agent_open(&p, O_RDONLY | O_DIRECTORY, 0, e)
		  : fs_open_beneath(p.root, p.rel, O_PATH, 0, e);
	rc = fd < 0 || agent_kept(c->agent, &o.kept, e) ||
	     (tree && files_walk(&w, fd, e)) || own_fd(fd, &o, e);
	tagdir_close(&o.kept);
	return rc ? err_wrap(e, "%s/%s", p.where, p.rel) : 0;
}

/* ---- fsync ----------------------------------------------------------- */

static int sync_one(const struct files_entry *en, void *arg, struct err *e)
{
	int dir = S_ISDIR(en->st->st_mode) ? O_DIRECTORY : 0;

	(void)arg;
	if (!dir && !S_ISREG(en->st->st_mode))
		return 0;
	{
		AUTO(mem_closefd)
		int fd = fs_open_beneath(en->dir, en->name,
					 O_RDONLY | O_NONBLOCK | dir, 0, e);

		if (fd < 0 || fs_fsync(fd, e))
			return err_wrap(e, "%s", en->rel);
	}
	return 0;
}

static int do_fsync(struct verb_call *c, struct err *e)
{
	struct files_walk w = {.max = TREE_MAX, .fn = sync_one};
	struct agent_path p;
	AUTO(mem_closefd) int fd = -1;
	bool tree;

	if (agent_path(c, &p, e))
		return -1;
	tree = dec_bool(c->in);
	if (agent_args_end(c, e))
		return -1;
	fd = files_open_any(&p, e);
	if (fd < 0)
		return -1;
	if ((tree && files_walk(&w, fd, e)) || fs_fsync(fd, e) ||
	    fs_fsync_parent(p.root, p.rel, e))
		return err_wrap(e, "%s/%s", p.where, p.rel);
	return 0;
}

const struct verb verbs_tree[] = {
	{VERB_LIST, "list", .fn = do_list},
	{VERB_RMTREE, "rmtree", .mutates = true, .fn = do_rmtree},
	{VERB_CHOWN, "chown", .mutates = true, .fn = do_chown},
	{VERB_FSYNC, "fsync", .mutates = true, .fn = do_fsync},
	{VERB_HOLD, "hold", .mutates = true, .fn = verb_hold},
	{VERB_TRIAL, "trial", .fn = verb_trial},
	{0},
};
