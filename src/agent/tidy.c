/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/tidy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "core/clock.h"
#include "core/uuid.h"

#define BUILD_US (30 * TIDY_DAY_US)

static bool is_build(const char *name)
{
	unsigned char sha256[32];

	return !strncmp(name, "agent-", 6) &&
	       hex_decode(name + 6, sha256, sizeof(sha256));
}

static bool is_half_sent(const char *name)
{
	char id[UUID_LEN + 1];
	size_t n = strlen(name);

	if (n != 7 + UUID_LEN + 4 || strncmp(name, ".agent-", 7) != 0 ||
	    strcmp(name + n - 4, ".tmp") != 0)
		return false;
	memcpy(id, name + 7, UUID_LEN);
	id[UUID_LEN] = '\0';
	return uuid_valid(id);
}

/* ---- who runs it */

#define COMM_MAX 15 /* what Linux keeps of a program's name */

struct running {
	const char *name;
	const struct stat *st;
	bool yes;
};

/* The link is followed by inode: it holds for a file that was renamed, too. */
static bool look_at(const struct procfs_stat *s, void *arg)
{
	struct running *r = arg;
	AUTO(mem_freep) char *exe = mem_printf("/proc/%d/exe", (int)s->pid);
	struct stat st;

	if (stat(exe, &st)) {
		/* Gone, a thread of the kernel, or hidden from us: then its
		 * name has to do. */
		r->yes = errno != ENOENT && errno != ESRCH &&
			 !strncmp(s->comm, r->name, COMM_MAX);
		return !r->yes;
	}
	r->yes = st.st_dev == r->st->st_dev && st.st_ino == r->st->st_ino;
	return !r->yes;
}

static bool is_running(const char *name, const struct stat *st)
{
	struct running r = {name, st, false};
	struct err e = ERR_INIT;

	if (procfs_each(look_at, &r, &e)) {
		err_clear(&e);
		return true;
	}
	return r.yes;
}

/* ---- the directory */

static bool may_go(int dir, const char *name, const struct tidy *t)
{
	bool build = is_build(name);
	int64_t age, least = build ? t->build_us : t->tmp_us;
	struct stat st;

	if ((!build && !is_half_sent(name)) || !strcmp(name, t->self) ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) ||
	    !S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return false;
	age = clock_now_us() - (int64_t)st.st_mtim.tv_sec * 1000000;
	return age >= least && !is_running(name, &st);
}

int tidy_builds(int dir, const struct tidy *t, size_t *n, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *de;

	*n = 0;
	if (!d) {
		err_sys(e, ERR_FAILED, errno, "the agent's directory");
		mem_closefd(&fd);
		return -1;
	}
	while ((de = readdir(d)))
		if (may_go(dir, de->d_name, t) && !unlinkat(dir, de->d_name, 0))
			++*n;
	closedir(d);
	return 0;
}

int tidy_own_directory(size_t *n, struct err *e)
{
	struct tidy t = {.build_us = BUILD_US, .tmp_us = TIDY_DAY_US};
	AUTO(mem_freep) char *exe = procfs_exe(getpid());
	AUTO(mem_closefd) int dir = -1;
	char *slash = exe ? strrchr(exe, '/') : NULL;
	struct stat st;

	*n = 0;
	if (!slash || slash == exe || !is_build(slash + 1))
		return 0;
	*slash = '\0';
	t.self = slash + 1;
	dir = open(exe, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st))
		return err_sys(e, ERR_FAILED, errno, "%s", exe);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(e, ERR_REFUSED, "%s is not ours alone", exe);
	return tidy_builds(dir, &t, n, e);
}
