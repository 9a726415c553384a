/* SPDX-License-Identifier: Apache-2.0 */
/* One job's key in the authorized_keys that this host's sshd reads. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent_priv.h"
#include "agent/lease.h"
#include "agent/transfer_verbs.h"
#include "core/fs.h"
#include "core/proc.h"
#include "transfer/authkeys.h"

/* What sshd -T prints, or nothing: then its default holds. */
static void sshd_config(const char *user, struct buf *out)
{
	AUTO(mem_freep)
	char *who = mem_printf("user=%s,host=localhost,addr=127.0.0.1", user);
	char *argv[] = {(char *)"sshd", (char *)"-T", (char *)"-C", who, NULL};
	struct proc p = {.argv = argv, .timeout_us = 10 * 1000000};
	struct err e = ERR_INIT;

	if (!proc_run(&p, &e) && p.exit_code == 0)
		buf_put(out, buf_str(&p.out), p.out.len);
	err_clear(&e);
	proc_clear(&p);
}

/* A user's entry and the file that sshd reads for it. */
struct who {
	char *name, *home, *path;
	uid_t uid;
	gid_t gid;
};

static void who_clear(struct who *w)
{
	mem_free(w->name);
	mem_free(w->home);
	mem_free(w->path);
}

static int who_find(struct names *n, struct who *w, const char *user,
		    struct err *e)
{
	AUTO(buf_clear) struct buf line = BUF_INIT, conf = BUF_INIT;
	AUTO(mem_freep) char *uid = NULL;
	AUTO(mem_freep) char *gid = NULL;
	bool found;

	if (names_line(n, "passwd", user, &found, &line, e))
		return -1;
	if (!found)
		return err_set(e, ERR_FAILED, "there is no user %s", user);
	w->name = names_field(line.p, 0);
	uid = names_field(line.p, 2);
	gid = names_field(line.p, 3);
	w->home = names_field(line.p, 5);
	w->uid = (uid_t)strtoul(uid, NULL, 10);
	w->gid = (gid_t)strtoul(gid, NULL, 10);
	if (*w->home != '/')
		return err_set(e, ERR_FAILED, "%s has no home", user);
	sshd_config(w->name, &conf);
	w->path = authkeys_path(conf.len ? conf.p : NULL,
				&(struct authkeys_user){.name = w->name,
							.home = w->home,
							.uid = w->uid});
	if (!w->path)
		return err_set(e, ERR_REFUSED, "sshd reads no keys of %s",
			       user);
	return 0;
}

/* The directory of the file.  Below the user's home no link is followed: it is
 * the user's to place, and we are root. */
static int who_dir(const struct who *w, const char **name, struct err *e)
{
	AUTO(mem_closefd) int base = -1;
	const char *rel = w->path;
	size_t n = strlen(w->home);
	bool home = !strncmp(rel, w->home, n) && rel[n] == '/';
	int fd;

	base = open(home ? w->home : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (base < 0)
		return err_sys(e, ERR_FAILED, errno, "%s",
			       home ? w->home : "/");
	rel += home ? n : 0;
	rel += strspn(rel, "/");
	fd = fs_open_parent(base, rel, name, e);
	return fd < 0 ? err_wrap(e, "%s", w->path) : fd;
}

static int my_path(char *exe, size_t size, struct err *e)
{
	ssize_t n = readlink("/proc/self/exe", exe, size - 1);

	if (n < 0)
		return err_sys(e, ERR_FAILED, errno, "/proc/self/exe");
	exe[n] = '\0';
	return 0;
}

int verb_transfer_allow(struct verb_call *c, struct err *e)
{
	AUTO(who_clear) struct who w = {0};
	AUTO(mem_freep) char *command = NULL;
	AUTO(mem_closefd) int dir = -1;
	AUTO(mem_closefd) int receive = -1;
	const struct bound *b = &c->agent->lease;
	const char *user = dec_str(c->in), *name;
	bool sudo = dec_bool(c->in);
	const char *root = dec_str(c->in), *key = dec_str(c->in);
	char exe[4096];

	if (agent_args_end(c, e) || who_find(c->agent->names, &w, user, e) ||
	    my_path(exe, sizeof(exe), e))
		return -1;
	/* Who received by an earlier key of the job is ended first. */
	receive = lease_receive(b->root, b->uuid, true, e);
	if (receive < 0)
		return -1;
	dir = who_dir(&w, &name, e);
	if (dir < 0)
		return -1;
	command = mem_printf("%s%s --receive %s %s %s", sudo ? "sudo -n " : "",
			     exe, root, b->uuid, b->job);
	return authkeys_add(&(struct authkeys){dir, name, w.uid, w.gid},
			    &(struct authkeys_line){b->job, command, key}, e);
}

int verb_transfer_revoke(struct verb_call *c, struct err *e)
{
	AUTO(who_clear) struct who w = {0};
	AUTO(mem_closefd) int dir = -1;
	const char *user = dec_str(c->in), *job = dec_str(c->in), *name;

	if (agent_args_end(c, e))
		return -1;
	if (strcmp(job, agent_job(c->agent)))
		return err_set(e, ERR_REFUSED,
			       "the session is job %s's, not %s's",
			       agent_job(c->agent), job);
	if (who_find(c->agent->names, &w, user, e)) {
		/* Nobody's keys are read: ours are not there either. */
		if (e->kind != ERR_REFUSED)
			return -1;
		err_clear(e);
		return 0;
	}
	dir = who_dir(&w, &name, e);
	if (dir < 0) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		return 0;
	}
	return authkeys_remove(&(struct authkeys){dir, name, w.uid, w.gid}, job,
			       e);
}
