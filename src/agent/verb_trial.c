/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file system can do, by trying: direct I/O, punching holes, finding
 * them, and the quotas that hold there.
 *
 * The trial is made on a file that has no name (O_TMPFILE): nothing can see it,
 * nothing is left of it, and the directory is not written to.  Where the file
 * system has no such files, the answer is "unknown".
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/quota.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/files.h"
#include "core/fs.h"

/* Values as in host/host.h's enum host_can. */
enum can { CAN_UNKNOWN = 0, CAN_NOT, CAN };

enum { BLOCK = 4096, PIECE = 64 << 10 };

#ifndef PRJQUOTA
#define PRJQUOTA 2
#endif

/* QEMU's cache=none opens with O_DIRECT; Nova tries the same
 * (nova/privsep/utils.py:supports_direct_io). */
static enum can try_direct(int fd)
{
	static const _Alignas(BLOCK) char block[BLOCK] = "x";
	enum can can = CAN_UNKNOWN;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return CAN_UNKNOWN;
	if (fcntl(fd, F_SETFL, flags | O_DIRECT))
		return errno == EINVAL ? CAN_NOT : CAN_UNKNOWN;
	if (pwrite(fd, block, BLOCK, 0) == BLOCK)
		can = CAN;
	else if (errno == EINVAL)
		can = CAN_NOT;
	fcntl(fd, F_SETFL, flags);
	return can;
}

static enum can try_punch(int fd)
{
	char piece[BLOCK] = "x";

	if (pwrite(fd, piece, sizeof(piece), 0) != sizeof(piece) ||
	    pwrite(fd, piece, sizeof(piece), PIECE) != sizeof(piece))
		return CAN_UNKNOWN;
	if (!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
		       PIECE))
		return CAN;
	return errno == EOPNOTSUPP || errno == ENOSYS ? CAN_NOT : CAN_UNKNOWN;
}

/* After try_punch(): data at PIECE, and nothing before. */
static enum can try_holes(int fd)
{
	off_t at = lseek(fd, 0, SEEK_DATA);

	if (at < 0)
		return errno == EINVAL ? CAN_NOT : CAN_UNKNOWN;
	return at > 0 ? CAN : CAN_NOT;
}

/* ---- quotas ---------------------------------------------------------- */

struct quota {
	bool limited, unknown;
	uint64_t left;
};

static int ask_quota(int dir, const char *dev, int type, uint32_t id,
		     struct dqblk *q)
{
	/* QCMD() shifts into the sign. */
	int cmd = (int)((unsigned)Q_GETQUOTA << SUBCMDSHIFT | (unsigned)type);

#ifdef SYS_quotactl_fd
	if (!syscall(SYS_quotactl_fd, dir, cmd, id, q))
		return 0;
	if (errno != ENOSYS)
		return -1;
#else
	(void)dir;
#endif
	return quotactl(cmd, dev, (int)id, (caddr_t)q);
}

static void one_quota(int dir, const char *dev, int type, uint32_t id,
		      struct quota *out)
{
	struct dqblk q = {0};
	uint64_t max, left;

	if (ask_quota(dir, dev, type, id, &q)) {
		/* No quotas here, of this type, or for this id. */
		if (errno != ENOSYS && errno != ESRCH && errno != ENOENT &&
		    errno != EINVAL && errno != EOPNOTSUPP &&
		    errno != ENOTBLK && errno != ENODEV)
			out->unknown = true;
		return;
	}
	max = q.dqb_bhardlimit ? q.dqb_bhardlimit : q.dqb_bsoftlimit;
	if (!max)
		return;
	max *= 1024;
	left = q.dqb_curspace < max ? max - q.dqb_curspace : 0;
	if (!out->limited || left < out->left)
		out->left = left;
	out->limited = true;
}

static int quotas(struct verb_call *c, int dir, const char *dev,
		  const struct strv *users, struct quota *q, struct err *e)
{
	struct fsxattr x = {0};

	for (size_t i = 0; i < users->n; i++) {
		uid_t uid;

		if (agent_uid(c->agent, users->v[i], false, &uid, e))
			return -1;
		one_quota(dir, dev, USRQUOTA, uid, q);
	}
	if (!ioctl(dir, FS_IOC_FSGETXATTR, &x) && x.fsx_projid)
		one_quota(dir, dev, PRJQUOTA, x.fsx_projid, q);
	return 0;
}

int verb_trial(struct verb_call *c, struct err *e)
{
	AUTO(strv_clear) struct strv users = STRV_INIT;
	AUTO(mem_closefd) int dir = -1;
	AUTO(mem_closefd) int fd = -1;
	enum can direct = CAN_UNKNOWN, punch = direct, holes = direct;
	struct quota q = {0};
	struct agent_path p;
	const char *dev;

	if (agent_path(c, &p, e))
		return -1;
	dev = dec_str(c->in);
	dec_strv(c->in, &users);
	if (agent_args_end(c, e))
		return -1;
	dir = agent_open(&p, O_RDONLY | O_DIRECTORY, 0, e);
	if (dir < 0 || quotas(c, dir, dev, &users, &q, e))
		return -1;
	/* allowed: "." of a directory that was opened beneath */
	fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0) {
		direct = try_direct(fd);
		punch = try_punch(fd);
		holes = punch == CAN ? try_holes(fd) : CAN_UNKNOWN;
	}
	enc_u8(c->out, (uint8_t)direct);
	enc_u8(c->out, (uint8_t)punch);
	enc_u8(c->out, (uint8_t)holes);
	enc_bool(c->out, q.limited);
	enc_bool(c->out, q.unknown);
	enc_u64(c->out, q.left);
	return 0;
}
