/* SPDX-License-Identifier: Apache-2.0 */
/* One file or directory at a time. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent_priv.h"
#include "agent/files.h"
#include "core/fs.h"
#include "transfer/tagdir.h"

enum file_type files_type(mode_t mode)
{
	if (S_ISREG(mode))
		return FILE_REGULAR;
	if (S_ISDIR(mode))
		return FILE_DIR;
	return S_ISLNK(mode) ? FILE_LINK : FILE_SPECIAL;
}

void files_put_stat(struct agent *a, struct enc *out, const struct stat *st)
{
	enc_u8(out, (uint8_t)files_type(st->st_mode));
	enc_u64(out, (uint64_t)st->st_size);
	enc_u64(out, (uint64_t)st->st_blocks);
	enc_u32(out, st->st_mode & 07777);
	enc_u32(out, st->st_uid);
	enc_u32(out, st->st_gid);
	enc_str(out, agent_user(a, st->st_uid));
	enc_str(out, agent_group(a, st->st_gid));
	enc_u64(out, st->st_dev);
	enc_u64(out, st->st_ino);
	enc_u64(out, st->st_nlink);
	enc_i64(out,
		(int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec);
}

int files_look(const struct agent_path *p, struct stat *st, struct err *e)
{
	const char *base;
	AUTO(mem_closefd) int dir = fs_open_parent(p->root, p->rel, &base, e);

	if (dir < 0)
		return err_wrap(e, "%s", p->where);
	if (fstatat(dir, base, st, AT_SYMLINK_NOFOLLOW)) {
		err_sys(e, ERR_FAILED, errno, "%s/%s", p->where, p->rel);
		return -1;
	}
	return 0;
}

/* One path's answer. */
static int stat_one(struct verb_call *c, const struct agent_path *p,
		    struct err *e)
{
	struct stat st;

	if (files_look(p, &st, e)) {
		/* Absence is a result; a link or a file on the way is not. */
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		enc_bool(c->out, false);
		return 0;
	}
	enc_bool(c->out, true);
	files_put_stat(c->agent, c->out, &st);
	return 0;
}

static int do_stat(struct verb_call *c, struct err *e)
{
	struct agent_path p;

	return agent_path(c, &p, e) || agent_args_end(c, e) ||
			       stat_one(c, &p, e)
		       ? -1
		       : 0;
}

static int do_stats(struct verb_call *c, struct err *e)
{
	struct agent_path p;

	for (size_t n = dec_count(c->in, 8); n; n--)
		if (agent_path(c, &p, e) || stat_one(c, &p, e))
			return -1;
	return agent_args_end(c, e);
}

static int locked_one(struct verb_call *c, const struct agent_path *p,
		      struct err *e)
{
	AUTO(mem_closefd) int fd = agent_open(p, O_RDONLY | O_NONBLOCK, 0, e);

	if (fd < 0 && e->sys != ENOENT)
		return -1;
	if (fd < 0)
		err_clear(e);
	enc_i64(c->out, fd < 0 ? 0 : fs_qemu_locked(fd));
	return 0;
}

static int do_locked(struct verb_call *c, struct err *e)
{
	struct agent_path p;

	for (size_t n = dec_count(c->in, 8); n; n--)
		if (agent_path(c, &p, e) || locked_one(c, &p, e))
			return -1;
	return agent_args_end(c, e);
}

static int do_read(struct verb_call *c, struct err *e)
{
	struct agent_path p;
	uint64_t off;
	uint32_t max;
	AUTO(mem_closefd) int fd = -1;
	AUTO(mem_freep) char *b = NULL;
	ssize_t n;

	if (agent_path(c, &p, e))
		return -1;
	off = dec_u64(c->in);
	max = dec_u32(c->in);
	if (agent_args_end(c, e))
		return -1;
	if (max > WIRE_BULK_MAX || off > INT64_MAX)
		return err_set(e, ERR_USAGE, "%u bytes at once", max);
	fd = agent_open(&p, O_RDONLY, 0, e);
	if (fd < 0)
		return -1;
	b = mem_calloc(1, max + 1);
	n = fs_pread_full(fd, b, max, (off_t)off, e);
	if (n < 0)
		return err_wrap(e, "%s/%s", p.where, p.rel);
	enc_bytes(c->out, b, (size_t)n);
	return 0;
}

static int do_write(struct verb_call *c, struct err *e)
{
	struct agent_path p;
	const void *data;
	uint32_t mode;
	size_t n;

	if (agent_path(c, &p, e))
		return -1;
	mode = dec_u32(c->in);
	data = dec_bytes(c->in, &n);
	if (agent_args_end(c, e))
		return -1;
	if (fs_write_atomic(p.root, p.rel, data, n, mode, e))
		return err_wrap(e, "%s", p.where);
	return 0;
}

/* One directory; an existing one is an error unless EXIST_OK. */
static int make_dir(int root, const char *rel, mode_t mode, bool exist_ok,
		    struct err *e)
{
	const char *base;
	AUTO(mem_closefd) int dir = fs_open_parent(root, rel, &base, e);
	AUTO(mem_closefd) int fd = -1;

	if (dir < 0)
		return -1;
	if (mkdirat(dir, base, mode & 0777)) {
		int saved = errno;

		fd = exist_ok && saved == EEXIST
			     ? fs_open_beneath(dir, base,
					       O_RDONLY | O_DIRECTORY, 0, e)
			     : err_sys(e, ERR_FAILED, saved, "mkdir %s", rel);
		return fd < 0 ? -1 : 0;
	}
	fd = fs_open_beneath(dir, base, O_RDONLY | O_DIRECTORY, 0, e);
	if (fd < 0)
		return -1;
	/* Not as the umask would have it. */
	if (fchmod(fd, mode & 07777))
		return err_sys(e, ERR_FAILED, errno, "chmod %s", rel);
	return fs_fsync(fd, e) || fs_fsync(dir, e) ? -1 : 0;
}

static int do_mkdir(struct verb_call *c, struct err *e)
{
	struct agent_path p;
	uint32_t mode;
	bool parents;

	if (agent_path(c, &p, e))
		return -1;
	mode = dec_u32(c->in);
	parents = dec_bool(c->in);
	if (agent_args_end(c, e))
		return -1;
	for (const char *s = strchr(p.rel, '/'); parents && s;
	     s = strchr(s + 1, '/')) {
		AUTO(mem_freep)
		char *part = mem_strndup(p.rel, (size_t)(s - p.rel));

		if (make_dir(p.root, part, mode, true, e))
			return err_wrap(e, "%s", p.where);
	}
	if (make_dir(p.root, p.rel, mode, parents, e))
		return err_wrap(e, "%s", p.where);
	return 0;
}

static int do_rename(struct verb_call *c, struct err *e)
{
	AUTO(tagdir_close) struct tagdir kept = TAGDIR_INIT;
	AUTO(mem_closefd) int fd = -1;
	struct agent_path from, to;
	struct tagdir_change change;
	bool replace;

	if (agent_path(c, &from, e) || agent_path(c, &to, e))
		return -1;
	replace = dec_bool(c->in);
	if (agent_args_end(c, e))
		return -1;
	fd = fs_open_beneath(from.root, from.rel, O_PATH, 0, e);
	if (fd < 0 || agent_kept(c->agent, &kept, e))
		return err_wrap(e, "%s", from.where);
	tagdir_before(&kept, fd, &change);
	if (fs_rename(from.root, from.rel, to.root, to.rel, !replace, e))
		return err_wrap(e, "%s", from.where);
	tagdir_after(&kept, fd, &change);
	return 0;
}

static int remove_one(int dir, const char *base, const struct stat *st,
		      bool want_dir, struct err *e)
{
	if (want_dir && !S_ISDIR(st->st_mode))
		return err_set(e, ERR_REFUSED, "not a directory");
	if (!want_dir && !S_ISREG(st->st_mode))
		return err_set(e, ERR_REFUSED, "not a regular file");
	if (unlinkat(dir, base, want_dir ? AT_REMOVEDIR : 0))
		return err_sys(e, ERR_FAILED, errno, "unlink");
	return fs_fsync(dir, e);
}

static int do_unlink(struct verb_call *c, struct err *e)
{
	struct agent_path p;
	const char *base;
	AUTO(mem_closefd) int dir = -1;
	bool want_dir, missing;
	uint64_t ino;
	struct stat st;

	if (agent_path(c, &p, e))
		return -1;
	want_dir = dec_bool(c->in);
	missing = dec_bool(c->in);
	ino = dec_u64(c->in);
	if (agent_args_end(c, e))
		return -1;
	dir = fs_open_parent(p.root, p.rel, &base, e);
	if (dir >= 0 && fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW)) {
		err_sys(e, ERR_FAILED, errno, "%s", p.rel);
	} else if (dir >= 0) {
		if (ino && st.st_ino != ino)
			err_set(e, ERR_CONFLICT, "it is another file by now");
		else if (!remove_one(dir, base, &st, want_dir, e))
			return 0;
		return err_wrap(e, "%s/%s", p.where, p.rel);
	}
	if (missing && e->sys == ENOENT) {
		err_clear(e);
		return 0;
	}
	return err_wrap(e, "%s", p.where);
}

static int do_chmod(struct verb_call *c, struct err *e)
{
	AUTO(tagdir_close) struct tagdir kept = TAGDIR_INIT;
	struct tagdir_change change;
	struct agent_path p;
	AUTO(mem_closefd) int fd = -1;
	uint32_t mode;

	if (agent_path(c, &p, e))
		return -1;
	mode = dec_u32(c->in);
	if (agent_args_end(c, e))
		return -1;
	fd = files_open_any(&p, e);
	if (fd < 0 || agent_kept(c->agent, &kept, e))
		return -1;
	tagdir_before(&kept, fd, &change);
	if (fchmod(fd, mode & 07777))
		return err_sys(e, ERR_FAILED, errno, "%s/%s", p.where, p.rel);
	tagdir_after(&kept, fd, &change);
	return 0;
}

static int do_touch(struct verb_call *c, struct err *e)
{
	struct agent_path p;
	AUTO(mem_closefd) int fd = -1;

	if (agent_path(c, &p, e) || agent_args_end(c, e))
		return -1;
	fd = files_open_any(&p, e);
	if (fd < 0)
		return -1;
	if (futimens(fd, NULL))
		return err_sys(e, ERR_FAILED, errno, "%s/%s", p.where, p.rel);
	return 0;
}

int files_open_any(const struct agent_path *p, struct err *e)
{
	struct stat st;

	if (files_look(p, &st, e))
		return -1;
	/* Whatever it became meanwhile: agent_open() looks again. */
	return agent_open(p, O_RDONLY | (S_ISDIR(st.st_mode) ? O_DIRECTORY : 0),
			  0, e);
}

const struct verb verbs_file[] = {
	{VERB_STAT, "stat", .fn = do_stat},
	{VERB_STATS, "stats", .fn = do_stats},
	{VERB_LOCKED, "locked", .fn = do_locked},
	{VERB_READ, "read", .fn = do_read},
	{VERB_WRITE, "write", .mutates = true, .fn = do_write},
	{VERB_MKDIR, "mkdir", .mutates = true, .fn = do_mkdir},
	{VERB_RENAME, "rename", .mutates = true, .fn = do_rename},
	{VERB_UNLINK, "unlink", .mutates = true, .fn = do_unlink},
	{VERB_CHMOD, "chmod", .mutates = true, .fn = do_chmod},
	{VERB_TOUCH, "touch", .mutates = true, .fn = do_touch},
	{0},
};
