/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent: any program of the fence-agents project, or one that speaks as they
 * do (their FenceAgentAPI): options on standard input as key=value lines, among
 * them action=; the status action ends with 0 (on), 2 (off) or another code
 * (not known).  What `off` ends with is not believed alone.
 */
#include "fence/fence_priv.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"

enum { OPTIONS_MAX = 16 * 1024, STATUS_ON = 0, STATUS_OFF = 2 };

static void wipe(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_clear(b);
}

/* --- the options */

/* It holds the BMC's password, and decides which machine is switched off. */
static int check_file(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(e, ERR_FAILED, errno, "options %s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > OPTIONS_MAX)
		return err_set(e, ERR_USAGE,
			       "options %s: not a regular file of at most %d "
			       "bytes",
			       path, OPTIONS_MAX);
	if ((st.st_mode & 077) || (st.st_uid && st.st_uid != geteuid())) {
		err_set(e, ERR_USAGE,
			"options %s: it may hold a password, and is not its "
			"owner's alone",
			path);
		return err_hint(e, "chown root %s; chmod 600 %s", path, path);
	}
	return 0;
}

static bool key_ok(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '_' && s[i] != '-')
			return false;
	return n > 0;
}

/* One line of it into OUT; the line itself may be secret. */
static int add_line(const char *s, size_t n, unsigned line, struct buf *out,
		    struct err *e)
{
	const char *eq = memchr(s, '=', n);
	size_t key = eq ? (size_t)(eq - s) : 0;

	if (!n || *s == '#')
		return 0;
	if (memchr(s, '\0', n) || !key_ok(s, key))
		return err_set(e, ERR_USAGE, "line %u: not key=value", line);
	if ((key == 6 && !strncmp(s, "action", 6)) ||
	    (key == 6 && !strncmp(s, "option", 6)))
		return err_set(e, ERR_USAGE,
			       "line %u: the action is not for the file to say",
			       line);
	buf_put(out, s, n);
	buf_putc(out, '\n');
	return 0;
}

static int add_lines(const char *text, size_t len, struct buf *out,
		     struct err *e)
{
	unsigned line = 1;

	for (size_t at = 0; at < len; line++) {
		const char *nl = memchr(text + at, '\n', len - at);
		size_t n = nl ? (size_t)(nl - text) - at : len - at;
		size_t cut = n && text[at + n - 1] == '\r' ? n - 1 : n;

		if (add_line(text + at, cut, line, out, e))
			return -1;
		at += n + 1;
	}
	return 0;
}

static int read_options(const struct fence_way *w, struct buf *out,
			struct err *e)
{
	AUTO(mem_freep) char *path = fence_word(w, w->options);
	AUTO(mem_closefd)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char text[OPTIONS_MAX];
	ssize_t n;
	int rc;

	if (fd < 0)
		return err_sys(e, ERR_USAGE, errno, "options %s", path);
	if (check_file(fd, path, e))
		return -1;
	n = fs_pread_full(fd, text, sizeof(text), 0, e);
	if (n < 0)
		return -1;
	rc = add_lines(text, (size_t)n, out, e);
	explicit_bzero(text, sizeof(text));
	return rc ? err_wrap(e, "options %s", path) : 0;
}

/* --- the agent */

static bool agent_ok(const char *agent)
{
	const char *slash = strrchr(agent, '/');
	const char *base = slash ? slash + 1 : agent;

	return (!slash || *agent == '/') && !strncmp(base, "fence_", 6) &&
	       base[6];
}

/* OPTIONS with the action at the end, so that no default of it counts. */
static void call_agent(const struct fence_way *w, const struct buf *options,
		       const char *action, struct fence_call *c)
{
	const char *argv[] = {w->agent, NULL};
	struct buf in = BUF_INIT;

	/* At once in its full size: growing would leave copies behind. */
	buf_reserve(&in, options->len + 64);
	buf_put(&in, options->p, options->len);
	buf_printf(&in, "action=%s\n", action);
	c->argv = argv;
	c->in = in.p;
	c->in_len = in.len;
	fence_call(w, c);
	/* It may repeat what it was told. */
	wipe(&c->out);
	wipe(&c->err);
	c->argv = NULL;
	c->in = NULL;
	wipe(&in);
}

static enum fence_verdict status(const struct fence_way *w,
				 struct fence_finding *f, void *arg)
{
	struct fence_call c = {0};
	enum fence_verdict v = FENCE_UNKNOWN;

	call_agent(w, arg, "status", &c);
	if (c.ran)
		json_object_set_new(f->what, "status",
				    json_integer(c.exit_code));
	if (!c.ran)
		fence_say(f, v, "status: %s", c.why);
	else if (c.exit_code == STATUS_OFF)
		fence_say(f, v = FENCE_OFF, "status: off");
	else if (c.exit_code == STATUS_ON)
		fence_say(f, v = FENCE_ALIVE, "status: on");
	else
		fence_say(f, v,
			  "status: not known, exit code %d (run it by hand "
			  "with the same options to see why)",
			  c.exit_code);
	fence_call_clear(&c);
	return v;
}

static bool usable(const struct fence_way *w)
{
	return w->agent && *w->agent;
}

static int take(const struct fence_way *w, struct fence_finding *f,
		struct err *e)
{
	AUTO(wipe) struct buf options = BUF_INIT;
	struct fence_call c = {0};

	if (!agent_ok(w->agent))
		return err_set(e, ERR_USAGE,
			       "%s: neither the name of a fence agent "
			       "(fence_...) nor an absolute path to one",
			       w->agent);
	buf_reserve(&options, OPTIONS_MAX + 2);
	if (w->options && read_options(w, &options, e))
		return -1;
	json_object_set_new(f->what, "agent", json_string(w->agent));
	if (w->act) {
		call_agent(w, &options, "off", &c);
		json_object_set_new(f->what, "off", json_integer(c.exit_code));
		fence_call_clear(&c);
	}
	/* Whatever became of it: the read-back is what counts. */
	fence_poll(w, f, status, &options);
	return 0;
}

const struct fence_provider fence_agent = {
	.name = "agent",
	.proves = true,
	.acts = true,
	.usable = usable,
	.take = take,
};
