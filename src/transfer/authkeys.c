/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/authkeys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/fs.h"

enum { FILE_MAX = 4 << 20 };

static const char made[] = "# made by novahaul, which will remove it\n";
static const char words[] = "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789_-./:+,@=%";

bool authkeys_word_ok(const char *s)
{
	return s && *s && s[strspn(s, words)] == '\0';
}

/* The bytes and the owner of what is there; absent: an empty OLD. */
struct keys {
	const struct authkeys *a;
	struct buf old, new;
	bool there;
	struct stat st;
};

static int keys_read(struct keys *k, struct err *e)
{
	int fd = fs_open_beneath(k->a->dir, k->a->name, O_RDONLY | O_NONBLOCK,
				 0, e);

	if (fd < 0) {
		if (e->sys != ENOENT)
			return -1;
		err_clear(e);
		k->st = (struct stat){.st_uid = k->a->uid,
				      .st_gid = k->a->gid,
				      .st_mode = 0600};
		return 0;
	}
	k->there = true;
	if (fstat(fd, &k->st)) {
		close(fd);
		return err_sys(e, ERR_FAILED, errno, "%s", k->a->name);
	}
	close(fd);
	return fs_read(k->a->dir, k->a->name, FILE_MAX, &k->old, e);
}

static bool ours(const char *line, size_t n, const char *job)
{
	AUTO(mem_freep) char *mark = mem_printf(" novahaul:%s", job);
	size_t m = strlen(mark);

	return n > m && !memcmp(line + n - m, mark, m);
}

/* OLD without the line of JOB, into NEW. */
static void keys_filter(struct keys *k, const char *job)
{
	const char *p = buf_str(&k->old), *end = p + k->old.len;

	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl ? nl : end) - p);

		if (!ours(p, n, job)) {
			buf_put(&k->new, p, n);
			if (nl)
				buf_putc(&k->new, '\n');
		}
		p += n + (nl != NULL);
	}
}

static int write_tmp(struct keys *k, const char *tmp, struct err *e)
{
	AUTO(mem_closefd)
	int fd = fs_open_beneath(k->a->dir, tmp, O_WRONLY | O_CREAT | O_EXCL,
				 0600, e);

	if (fd < 0)
		return -1;
	if (fs_write_all(fd, k->new.p, k->new.len, e))
		return -1;
	if (fchown(fd, k->st.st_uid, k->st.st_gid) ||
	    fchmod(fd, k->st.st_mode & 07777))
		return err_sys(e, ERR_FAILED, errno, "%s: owner", tmp);
	return fs_fsync(fd, e);
}

static int keys_write(struct keys *k, struct err *e)
{
	const struct authkeys *a = k->a;
	AUTO(mem_freep) char *tmp = mem_printf(".%s.novahaul", a->name);

	if (k->there && k->new.len == k->old.len &&
	    !memcmp(buf_str(&k->new), buf_str(&k->old), k->new.len))
		return 0;
	/* What a crash left; the directory is locked. */
	if (unlinkat(a->dir, tmp, 0) && errno != ENOENT)
		return err_sys(e, ERR_FAILED, errno, "%s", tmp);
	if (write_tmp(k, tmp, e) ||
	    fs_rename(a->dir, tmp, a->dir, a->name, !k->there, e)) {
		unlinkat(a->dir, tmp, 0);
		return -1;
	}
	return 0;
}

static int keys_unlink(struct keys *k, struct err *e)
{
	if (unlinkat(k->a->dir, k->a->name, 0))
		return err_sys(e, ERR_FAILED, errno, "%s", k->a->name);
	return fs_fsync(k->a->dir, e);
}

static int locked(struct keys *k, const char *job,
		  const struct authkeys_line *l, struct err *e)
{
	if (keys_read(k, e))
		return -1;
	if (!k->there && !l)
		return 0;
	keys_filter(k, job);
	if (!l && k->new.len == strlen(made) &&
	    !memcmp(k->new.p, made, strlen(made)))
		return keys_unlink(k, e);
	if (l) {
		if (!k->there)
			buf_puts(&k->new, made);
		if (k->new.len && k->new.p[k->new.len - 1] != '\n')
			buf_putc(&k->new, '\n');
		buf_printf(&k->new, "restrict,command=\"%s\" %s novahaul:%s\n",
			   l->command, l->key, l->job);
	}
	return keys_write(k, e);
}

/* With the line L for JOB, or without any if L is NULL. */
static int edit(const struct authkeys *a, const char *job,
		const struct authkeys_line *l, struct err *e)
{
	struct keys k = {.a = a};
	AUTO(mem_closefd) int lock = -1;
	int rc;

	/* Locks belong to an opening, so one of our own. */
	lock = fs_open_beneath(a->dir, ".", O_RDONLY | O_DIRECTORY, 0, e);
	if (lock < 0)
		return -1;
	while (flock(lock, LOCK_EX))
		if (errno != EINTR)
			return err_sys(e, ERR_FAILED, errno, "lock");
	rc = locked(&k, job, l, e);
	buf_clear(&k.old);
	buf_clear(&k.new);
	return rc ? err_wrap(e, "%s", a->name) : 0;
}

int authkeys_add(const struct authkeys *a, const struct authkeys_line *l,
		 struct err *e)
{
	AUTO(strv_clear) struct strv w = STRV_INIT;

	strv_split(&w, l->command, " ");
	for (size_t i = 0; i < w.n; i++)
		if (!authkeys_word_ok(w.v[i]))
			return err_set(e, ERR_REFUSED,
				       "\"%s\" cannot stand in a forced "
				       "command",
				       w.v[i]);
	if (!authkeys_word_ok(l->job) || strpbrk(l->key, "\"\n\r\\"))
		return err_set(e, ERR_REFUSED, "a malformed key line");
	return edit(a, l->job, l, e);
}

int authkeys_remove(const struct authkeys *a, const char *job, struct err *e)
{
	if (!authkeys_word_ok(job))
		return err_set(e, ERR_REFUSED, "job \"%s\"", job);
	return edit(a, job, NULL, e);
}

/* ---- where ----------------------------------------------------------- */

/* The first word after "authorizedkeysfile "; the caller frees. */
static char *first_file(const char *sshd_t)
{
	static const char word[] = "authorizedkeysfile ";
	const char *p = sshd_t;

	while (p && strncasecmp(p, word, strlen(word))) {
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	if (!p)
		return mem_strdup(".ssh/authorized_keys");
	p += strlen(word);
	return mem_strndup(p, strcspn(p, " \t\r\n"));
}

char *authkeys_path(const char *sshd_t, const struct authkeys_user *u)
{
	AUTO(mem_freep) char *f = first_file(sshd_t);
	AUTO(buf_clear) struct buf b = BUF_INIT;

	if (!strcmp(f, "none"))
		return NULL;
	if (*f != '/' && strncmp(f, "%h", 2))
		buf_printf(&b, "%s/", u->home);
	for (const char *p = f; *p; p++) {
		if (*p != '%' || !p[1])
			buf_putc(&b, *p);
		else if (*++p == 'h')
			buf_puts(&b, u->home);
		else if (*p == 'u')
			buf_puts(&b, u->name);
		else if (*p == 'U')
			buf_printf(&b, "%u", (unsigned)u->uid);
		else
			buf_putc(&b, *p);
	}
	return buf_steal(&b);
}
