/* SPDX-License-Identifier: Apache-2.0 */
#include "inspect/inspect.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/mem.h"

#define MIB ((rlim_t)1 << 20)
#define GIB ((rlim_t)1 << 30)

int jail_user(const struct inspect_opts *o, unsigned int *uid,
	      unsigned int *gid, struct err *e)
{
	const struct passwd *pw;

	if (geteuid() != 0) {
		*uid = geteuid();
		*gid = getegid();
		return o->user ? err_set(e, ERR_USAGE,
					 "--user needs root to change to %s",
					 o->user)
			       : 0;
	}
	pw = getpwnam(o->user ? o->user : "nobody");
	if (!pw)
		return err_set(e, ERR_USAGE, "there is no user \"%s\"",
			       o->user ? o->user : "nobody");
	if (pw->pw_uid == 0)
		return err_set(e, ERR_USAGE, "--user %s is root", o->user);
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return 0;
}

/* Nova runs qemu-img under 30 s and 1 GiB (nova/privsep/qemu.py).  supermin
 * makes a sparse 4 GiB root for the appliance. */
static int limit(const struct inspect_opts *o, struct err *e)
{
	const bool deep = o->command == INSPECT_DEEP;
	const struct {
		const char *name;
		__rlimit_resource_t what;
		rlim_t max;
	} limits[] = {
		{"core", RLIMIT_CORE, 0},
		{"nofile", RLIMIT_NOFILE, 512},
		{"fsize", RLIMIT_FSIZE, deep ? 8 * GIB : 16 * MIB},
		{"cpu", RLIMIT_CPU, deep ? o->timeout_s : 30},
#ifndef __SANITIZE_ADDRESS__ /* its shadow memory is huge */
		{"as", RLIMIT_AS, deep ? 6 * GIB : 1 * GIB},
#endif
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct rlimit r = {limits[i].max, limits[i].max};

		if (setrlimit(limits[i].what, &r))
			return err_sys(e, ERR_FAILED, errno,
				       "setting the limit \"%s\"",
				       limits[i].name);
	}
	return 0;
}

/* Shows disk I, read-only, in the private directory: the directory that holds
 * it may be closed to everyone but root, as a job's work directory is. */
static int show(char **path, const char *at, struct err *e)
{
	const unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY |
				    MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (mount(*path, at, NULL, MS_BIND, NULL) ||
	    mount(NULL, at, NULL, flags, NULL))
		return err_sys(e, ERR_FAILED, errno, "showing %s at %s", *path,
			       at);
	mem_free(*path);
	*path = mem_strdup(at);
	return 0;
}

static int show_disk(struct inspect_opts *o, size_t i, struct err *e)
{
	AUTO(mem_freep) char *at = mem_printf("%s/disk%zu", o->worker, i);
	int fd = open(at, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	if (fd < 0 || close(fd))
		return err_sys(e, ERR_FAILED, errno, "making %s", at);
	return show(&o->disks[i].path, at, e);
}

static int show_bases(struct inspect_opts *o, struct err *e)
{
	AUTO(mem_freep) char *at = mem_printf("%s/bases", o->worker);

	if (!o->base_dir)
		return 0;
	if (mkdir(at, 0700))
		return err_sys(e, ERR_FAILED, errno, "making %s", at);
	return show(&o->base_dir, at, e);
}

/* The mounts end with the last process of the worker. */
static int namespaces(struct inspect_opts *o, struct err *e)
{
	if (o->no_namespaces)
		return 0;
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		err_sys(e, ERR_FAILED, errno, "leaving the host's namespaces");
		return err_hint(e, "--no-namespaces does without that");
	}
	for (size_t i = 0; i < o->ndisks; i++)
		if (show_disk(o, i, e))
			return -1;
	return show_bases(o, e);
}

static int drop(uid_t uid, gid_t gid, struct err *e)
{
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) ||
	    setresuid(uid, uid, uid))
		return err_sys(e, ERR_FAILED, errno, "becoming user %u", uid);
	if (setuid(0) == 0 || setgid(0) == 0)
		return err_set(e, ERR_BUG, "root's rights came back");
	return 0;
}

int jail_enter(struct inspect_opts *o, struct err *e)
{
	unsigned int uid, gid;

	if (jail_user(o, &uid, &gid, e))
		return -1;
	umask(077);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return err_sys(e, ERR_FAILED, errno, "no_new_privs");
	if (geteuid() == 0 && (namespaces(o, e) || drop(uid, gid, e)))
		return -1;
	if (limit(o, e))
		return -1;
	/* a change of user clears it, so it comes last */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return err_sys(e, ERR_FAILED, errno, "pdeathsig");
	return 0;
}
