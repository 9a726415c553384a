/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does anything on this host run the guest, or have its files open or locked?
 *
 * Three views, because each has its blind spot: command lines catch a QEMU that
 * libvirt has lost, descriptors one that was renamed, locks one in a container
 * whose processes cannot be seen.  QEMU >= 2.10 locks bytes 100+n for a
 * permission it holds and 200+n for one it does not share (its
 * block/file-posix.c).  Open file description locks show no pid.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/host_verbs.h"
#include "agent/mounts.h"
#include "agent/procfs.h"
#include "core/fs.h"

struct file {
	uint64_t dev, ino;
};

struct scan {
	const char *uuid, *domain;
	struct file *files;
	uint32_t *pids;
	size_t nfiles, npids;
	struct enc procs, locks;
	size_t nprocs, nlocks;
};

struct hit {
	struct scan *s;
	bool by_uuid, by_name, by_file, by_pid;
	struct file file;
};

/* "guest=NAME", "guest=NAME,debug-threads=on", or, before libvirt 1.3, NAME. */
static bool names_guest(const char *arg, const char *name, bool bare)
{
	size_t n = strlen(name);
	const char *p = arg;

	if (!strncmp(p, "guest=", 6))
		p += 6;
	else if (!bare)
		return false;
	return !strncmp(p, name, n) && (!p[n] || p[n] == ',');
}

static void look_cmdline(struct hit *h, pid_t pid)
{
	AUTO(strv_clear) struct strv v = STRV_INIT;

	if (!procfs_strings(pid, "cmdline", &v))
		return;
	for (size_t i = 0; i < v.n; i++) {
		const char *before = i ? v.v[i - 1] : "";

		if (h->s->uuid && !strcmp(before, "-uuid") &&
		    !strcasecmp(v.v[i], h->s->uuid))
			h->by_uuid = true;
		if (h->s->domain &&
		    names_guest(v.v[i], h->s->domain, !strcmp(before, "-name")))
			h->by_name = true;
	}
}

static void look_fd(const struct procfs_fd *f, void *arg)
{
	struct hit *h = arg;

	for (size_t i = 0; i < h->s->nfiles && !h->by_file; i++) {
		if (h->s->files[i].dev != f->dev ||
		    h->s->files[i].ino != f->ino)
			continue;
		h->by_file = true;
		h->file = h->s->files[i];
	}
}

static bool look(const struct procfs_stat *st, void *arg)
{
	struct scan *s = arg;
	struct hit h = {.s = s};
	AUTO(mem_freep) char *exe = NULL;

	if (st->pid == getpid())
		return true;
	look_cmdline(&h, st->pid);
	if (s->nfiles)
		procfs_fds(st->pid, look_fd, &h);
	for (size_t i = 0; i < s->npids; i++)
		h.by_pid |= s->pids[i] == (uint32_t)st->pid;
	if (!h.by_uuid && !h.by_name && !h.by_file && !h.by_pid)
		return true;
	exe = procfs_exe(st->pid);
	enc_u32(&s->procs, (uint32_t)st->pid);
	enc_str(&s->procs, st->comm);
	enc_str(&s->procs, exe ? exe : "");
	enc_u64(&s->procs, st->rss_kib);
	enc_u64(&s->procs, st->start);
	enc_bool(&s->procs, h.by_uuid);
	enc_bool(&s->procs, h.by_name);
	enc_bool(&s->procs, h.by_file);
	enc_bool(&s->procs, h.by_pid);
	enc_bool(&s->procs, procfs_is_agent(st->pid));
	enc_u64(&s->procs, h.file.dev);
	enc_u64(&s->procs, h.file.ino);
	s->nprocs++;
	return true;
}

struct found_lock {
	char kind[8], access[8], end[32];
	int64_t pid;
	unsigned maj, min;
	uint64_t ino, from, to;
};

/* "1: POSIX  ADVISORY  WRITE 1234 08:01:99 100 107", "->" when it waits. */
static bool parse_lock(const char *line, struct found_lock *l)
{
	memset(l, 0, sizeof(*l));
	if (sscanf(line,
		   "%*d: %7s %*s %7s %" SCNd64 " %x:%x:%" SCNu64 " %" SCNu64
		   " %31s",
		   l->kind, l->access, &l->pid, &l->maj, &l->min, &l->ino,
		   &l->from, l->end) != 8)
		return false;
	l->to = UINT64_MAX;
	if (strcmp(l->end, "EOF"))
		sscanf(l->end, "%" SCNu64, &l->to);
	return true;
}

static bool is_qemu(const struct found_lock *l)
{
	return l->to != UINT64_MAX && ((l->from >= 100 && l->to <= 107) ||
				       (l->from >= 200 && l->to <= 207));
}

/*
 * On some file systems (btrfs, overlays) the device that the kernel prints
 * there is not stat(2)'s: then the inode alone decides, and one lock too many
 * is the safe mistake.  On these it is, and the same inode number on another of
 * them is somebody else's file.  Linux, fs/locks.c, lock_get_status(): s_dev;
 * fs/stat.c, generic_fillattr(): s_dev, and none of these says otherwise in its
 * getattr.
 */
static bool is_plain(uint64_t dev)
{
	static const char *const types[] = {"ext2",  "ext3", "ext4", "xfs",
					    "tmpfs", "nfs",  "nfs4"};
	AUTO(mount_clear) struct mount m = MOUNT_INIT;

	if (!mount_of(dev, &m))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(m.type, types[i]))
			return true;
	return false;
}

static bool is_on(const struct found_lock *l, const struct file *f)
{
	uint64_t dev = makedev(l->maj, l->min);

	return f->ino == l->ino &&
	       (f->dev == dev || !is_plain(f->dev) || !is_plain(dev));
}

static void look_lock(struct scan *s, const struct found_lock *l)
{
	for (size_t i = 0; i < s->nfiles; i++) {
		if (!is_on(l, &s->files[i]))
			continue;
		enc_u64(&s->locks, s->files[i].dev);
		enc_u64(&s->locks, l->ino);
		enc_str(&s->locks,
			!strcmp(l->kind, "OFDLCK") ? "OFD" : l->kind);
		enc_bool(&s->locks, !strcmp(l->access, "WRITE"));
		enc_i64(&s->locks, l->pid);
		enc_u64(&s->locks, l->from);
		enc_u64(&s->locks, l->to);
		enc_bool(&s->locks, is_qemu(l));
		s->nlocks++;
		return;
	}
}

static int scan_locks(struct scan *s, struct err *e)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	AUTO(strv_clear) struct strv lines = STRV_INIT;

	if (!s->nfiles)
		return 0;
	if (fs_read_path("/proc/locks", 16 << 20, &b, e))
		return -1;
	strv_split(&lines, buf_str(&b), "\n");
	for (size_t i = 0; i < lines.n; i++) {
		struct found_lock l;

		if (parse_lock(lines.v[i], &l))
			look_lock(s, &l);
	}
	return 0;
}

static void read_args(struct verb_call *c, struct scan *s)
{
	s->uuid = dec_str0(c->in);
	s->domain = dec_str0(c->in);
	s->nfiles = dec_count(c->in, 16);
	s->files = MEM_NEW_N(struct file, s->nfiles + 1);
	for (size_t i = 0; i < s->nfiles; i++) {
		s->files[i].dev = dec_u64(c->in);
		s->files[i].ino = dec_u64(c->in);
	}
	s->npids = dec_count(c->in, 4);
	s->pids = MEM_NEW_N(uint32_t, s->npids + 1);
	for (size_t i = 0; i < s->npids; i++)
		s->pids[i] = dec_u32(c->in);
}

int verb_scan(struct verb_call *c, struct err *e)
{
	struct scan s = {.procs = ENC_INIT, .locks = ENC_INIT};
	int rc;

	read_args(c, &s);
	rc = agent_args_end(c, e);
	if (!rc)
		rc = procfs_each(look, &s, e) || scan_locks(&s, e) ? -1 : 0;
	if (!rc) {
		enc_count(c->out, s.nprocs);
		buf_put(&c->out->b, buf_str(&s.procs.b), s.procs.b.len);
		enc_count(c->out, s.nlocks);
		buf_put(&c->out->b, buf_str(&s.locks.b), s.locks.b.len);
	}
	mem_free(s.files);
	mem_free(s.pids);
	enc_clear(&s.procs);
	enc_clear(&s.locks);
	return rc;
}
