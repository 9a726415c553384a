/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nova-compute's configuration, as the running process reads it.
 *
 * Its command line names files and directories (--config-file, --config-dir,
 * both repeatable); where it names none, oslo.config looks for nova.conf and
 * nova-compute.conf in ~/.nova, ~, /etc/nova and /etc, taking the first of
 * each, and for nova.conf.d and nova-compute.conf.d likewise
 * (oslo.config cfg.py: find_config_files, find_config_dirs).  OS_GROUP__OPTION
 * in the environment overrides files (oslo.config sources/_environment.py).
 * Paths are the process's own: it may live in a container, so they are opened
 * through /proc/<pid>/root.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/agent_priv.h"
#include "agent/host_verbs.h"
#include "agent/procfs.h"
#include "core/fs.h"

enum { FILE_MAX = 1 << 20, FILES_MAX = 200 };

struct conf {
	pid_t pid; /* 0: not running */
	int root;  /* its / */
	struct strv argv, env;
	struct enc files;
	size_t n;
};

/* ---- the process ----------------------------------------------------- */

/* "nova-compute" as a program, or as the script that python3 runs. */
static bool is_nova_compute(const struct strv *v)
{
	for (size_t i = 0; i < v->n && i < 3; i++) {
		const char *base = strrchr(v->v[i], '/');

		if (!strcmp(base ? base + 1 : v->v[i], "nova-compute"))
			return true;
	}
	return false;
}

static bool find_one(const struct procfs_stat *st, void *arg)
{
	struct conf *k = arg;
	AUTO(strv_clear) struct strv v = STRV_INIT;

	if (!procfs_strings(st->pid, "cmdline", &v) || !is_nova_compute(&v))
		return true;
	k->pid = st->pid;
	k->argv = v;
	v = (struct strv)STRV_INIT;
	return false;
}

/* OS_<GROUP>__<OPTION>, and nothing else of its environment. */
static bool is_override(const char *s)
{
	const char *eq = strchr(s, '=');
	const char *two = strstr(s, "__");

	return !strncmp(s, "OS_", 3) && eq && two && two < eq && two > s + 3;
}

static void read_env(struct conf *k)
{
	AUTO(strv_clear) struct strv v = STRV_INIT;

	if (!k->pid || !procfs_strings(k->pid, "environ", &v))
		return;
	for (size_t i = 0; i < v.n; i++)
		if (is_override(v.v[i]))
			strv_add(&k->env, v.v[i]);
}

/* ---- its files ------------------------------------------------------- */

/* Links are followed, but never out of the process's own root. */
static int open_in(const struct conf *k, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned)(flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, k->root, path, &how, sizeof(how));
	AUTO(mem_freep) char *plain = NULL;

	if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
		return fd;
	plain = k->pid ? mem_printf("/proc/%d/root%s", (int)k->pid, path)
		       : mem_strdup(path);
	return open(plain, flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

static bool add_file(struct conf *k, const char *path)
{
	AUTO(mem_closefd) int fd = open_in(k, path, 0);
	AUTO(mem_freep) char *b = NULL;
	struct err e = ERR_INIT;
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) ||
	    k->n == FILES_MAX)
		return false;
	b = mem_calloc(1, FILE_MAX + 1);
	n = fs_pread_full(fd, b, FILE_MAX, 0, &e);
	err_clear(&e);
	if (n < 0 || memchr(b, '\0', (size_t)n))
		return false;
	enc_str(&k->files, path);
	enc_str(&k->files, b);
	k->n++;
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* *.conf in it, sorted, as oslo.config does. */
static bool add_dir(struct conf *k, const char *path)
{
	AUTO(strv_clear) struct strv v = STRV_INIT;
	int fd = open_in(k, path, O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!d) {
		mem_closefd(&fd);
		return false;
	}
	while ((de = readdir(d))) {
		size_t n = strlen(de->d_name);

		if (n > 5 && !strcmp(de->d_name + n - 5, ".conf"))
			strv_addf(&v, "%s/%s", path, de->d_name);
	}
	closedir(d);
	if (v.n)
		qsort(v.v, v.n, sizeof(*v.v), by_name);
	for (size_t i = 0; i < v.n; i++)
		add_file(k, v.v[i]);
	return true;
}

static char *link_of(pid_t pid, const char *what)
{
	AUTO(mem_freep) char *path = mem_printf("/proc/%d/%s", (int)pid, what);
	char to[4096];
	ssize_t n = readlink(path, to, sizeof(to) - 1);

	return n < 0 ? mem_strdup("/") : mem_strndup(to, (size_t)n);
}

static char *absolute(const struct conf *k, const char *path)
{
	AUTO(mem_freep) char *cwd = NULL;

	if (*path == '/' || !k->pid)
		return mem_strdup(path);
	cwd = link_of(k->pid, "cwd");
	return mem_printf("%s/%s", cwd, path);
}

/* The value of "--OPT value" or "--OPT=value" at argv[*I]. */
static const char *option(const struct strv *v, size_t *i, const char *opt)
{
	size_t n = strlen(opt);

	if (strncmp(v->v[*i], opt, n))
		return NULL;
	if (v->v[*i][n] == '=')
		return v->v[*i] + n + 1;
	if (v->v[*i][n] || *i + 1 >= v->n)
		return NULL;
	return v->v[++*i];
}

static bool add_named(struct conf *k)
{
	bool any = false;

	for (size_t i = 0; i < k->argv.n; i++) {
		const char *file = option(&k->argv, &i, "--config-file");
		const char *dir =
			file ? NULL : option(&k->argv, &i, "--config-dir");
		AUTO(mem_freep) char *path = NULL;

		if (!file && !dir)
			continue;
		path = absolute(k, file ? file : dir);
		any = true;
		if (file)
			add_file(k, path);
		else
			add_dir(k, path);
	}
	return any;
}

static void add_defaults(struct conf *k)
{
	static const char *const at[] = {"/var/lib/nova/.nova", "/var/lib/nova",
					 "/etc/nova", "/etc"};
	static const char *const name[] = {"nova", "nova-compute"};

	for (size_t n = 0; n < ARRAY_SIZE(name); n++) {
		bool found = false;

		for (size_t i = 0; i < ARRAY_SIZE(at) && !found; i++) {
			AUTO(mem_freep)
			char *f = mem_printf("%s/%s.conf", at[i], name[n]);

			found = add_file(k, f);
		}
	}
	for (size_t n = 0; n < ARRAY_SIZE(name); n++) {
		bool found = false;

		for (size_t i = 0; i < ARRAY_SIZE(at) && !found; i++) {
			AUTO(mem_freep)
			char *d = mem_printf("%s/%s.conf.d", at[i], name[n]);

			found = add_dir(k, d);
		}
	}
}

static int open_root(struct conf *k, struct err *e)
{
	AUTO(mem_freep)
	char *path = k->pid ? mem_printf("/proc/%d/root", (int)k->pid)
			    : mem_strdup("/");

	k->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (k->root < 0)
		return err_sys(e, ERR_FAILED, errno, "%s", path);
	return 0;
}

static const char *runs_as(struct agent *a, pid_t pid)
{
	AUTO(mem_freep) char *path = mem_printf("/proc/%d", (int)pid);
	struct stat st;

	return stat(path, &st) ? NULL : agent_user(a, st.st_uid);
}

int verb_conf(struct verb_call *c, struct err *e)
{
	struct conf k = {.root = -1, .files = ENC_INIT};
	int rc = agent_args_end(c, e);

	if (!rc)
		rc = procfs_each(find_one, &k, e) || open_root(&k, e) ? -1 : 0;
	if (!rc) {
		read_env(&k);
		if (!add_named(&k))
			add_defaults(&k);
		enc_bool(c->out, k.pid != 0);
		enc_u32(c->out, (uint32_t)k.pid);
		enc_str(c->out, k.pid ? runs_as(c->agent, k.pid) : NULL);
		enc_strv(c->out, (const char *const *)k.argv.v);
		enc_count(c->out, k.n);
		buf_put(&c->out->b, buf_str(&k.files.b), k.files.b.len);
		enc_strv(c->out, (const char *const *)k.env.v);
	}
	mem_closefd(&k.root);
	strv_clear(&k.argv);
	strv_clear(&k.env);
	enc_clear(&k.files);
	return rc;
}
