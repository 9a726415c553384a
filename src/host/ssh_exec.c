/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs on the far side.  sshd hands a command to the user's login shell, so
 * a command here is a few words of characters that no shell looks at; all data
 * goes through the channel.
 */
#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "host/ssh_priv.h"

enum { WINDOW = 4 << 20, PACKET = 32768, OUT_MAX = 32 << 20, SAID = 8192 };

static bool safe(const char *cmd)
{
	return cmd[strspn(cmd, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			       "abcdefghijklmnopqrstuvwxyz0123456789/_.- ")] ==
	       '\0';
}

const char *ssh_prefix(const struct ssh *h)
{
	return strcmp(h->cfg->user, "root") ? "sudo -n " : "";
}

LIBSSH2_CHANNEL *ssh_start(struct ssh *h, const char *cmd, struct err *e)
{
	LIBSSH2_CHANNEL *ch;
	int rc;

	if (!safe(cmd)) {
		err_set(e, ERR_BUG, "unsafe command \"%s\"", cmd);
		return NULL;
	}
	while (!(ch = libssh2_channel_open_ex(h->s, "session", 7, WINDOW,
					      PACKET, NULL, 0)) &&
	       libssh2_session_last_errno(h->s) == LIBSSH2_ERROR_EAGAIN)
		if (ssh_wait(h, e))
			return NULL;
	if (!ch) {
		ssh_err(h, ERR_RETRY, "ssh: opening a channel", e);
		return NULL;
	}
	while ((rc = libssh2_channel_process_startup(ch, "exec", 4, cmd,
						     (unsigned)strlen(cmd))) ==
	       LIBSSH2_ERROR_EAGAIN)
		if (ssh_wait(h, e))
			return NULL; /* freed with the session */
	if (rc) {
		ssh_err(h, ERR_FAILED, "ssh: starting a program", e);
		return NULL;
	}
	return ch;
}

/* ---- a program that ends --------------------------------------------- */

/* > 0 when something moved. */
static int drain(LIBSSH2_CHANNEL *ch, int stream, struct buf *out)
{
	ssize_t n = libssh2_channel_read_ex(ch, stream, buf_reserve(out, 32768),
					    32768);

	if (n <= 0)
		return n == LIBSSH2_ERROR_EAGAIN ? 0 : (int)n;
	out->len += (size_t)n;
	out->p[out->len] = '\0';
	return out->len > OUT_MAX ? LIBSSH2_ERROR_OUT_OF_BOUNDARY : 1;
}

static int feed(LIBSSH2_CHANNEL *ch, const struct ssh_cmd *c, size_t *sent,
		bool *eof)
{
	ssize_t n;

	if (*sent < c->n) {
		n = libssh2_channel_write_ex(ch, 0, (const char *)c->in + *sent,
					     c->n - *sent);
		if (n > 0)
			*sent += (size_t)n;
		return n == LIBSSH2_ERROR_EAGAIN ? 0 : (int)(n > 0 ? 1 : n);
	}
	if (!*eof) {
		n = libssh2_channel_send_eof(ch);
		*eof = n == 0;
		return n == LIBSSH2_ERROR_EAGAIN ? 0 : (int)(n ? n : 1);
	}
	return 0;
}

/* A packet of ours is sent in part: libssh2 fails whatever would send another
 * one before, and reading may, to open the channel's window. */
static bool half_sent(const struct ssh *h)
{
	return libssh2_session_block_directions(h->s) &
	       LIBSSH2_SESSION_BLOCK_OUTBOUND;
}

static int drain_both(struct ssh *h, LIBSSH2_CHANNEL *ch, struct ssh_cmd *c,
		      struct err *e)
{
	int a = drain(ch, 0, &c->out);
	int b = drain(ch, SSH_EXTENDED_DATA_STDERR, &c->err);

	if (a < 0 || b < 0)
		return ssh_err(h, ERR_LOST, "ssh: reading", e);
	return a || b;
}

static int pump(struct ssh *h, LIBSSH2_CHANNEL *ch, struct ssh_cmd *c,
		struct err *e)
{
	enum { NOBODY, READER, WRITER } half = NOBODY; /* whose packet it is */
	size_t sent = 0;
	bool eof = false;

	for (;;) {
		int r = 0, f = 0;

		if (half != WRITER) {
			r = drain_both(h, ch, c, e);
			if (r < 0)
				return -1;
			if (!r && libssh2_channel_eof(ch))
				return 0;
			half = half_sent(h) ? READER : NOBODY;
		}
		if (half != READER) {
			f = feed(ch, c, &sent, &eof);
			half = f >= 0 && half_sent(h) ? WRITER : NOBODY;
		}
		/* It may end without reading all of its input. */
		if (f < 0 && !libssh2_channel_eof(ch))
			return ssh_err(h, ERR_LOST, "ssh: writing", e);
		if (!r && f <= 0 && ssh_wait(h, e)) {
			e->kind = ERR_LOST;
			return -1;
		}
	}
}

static void close_channel(struct ssh *h, LIBSSH2_CHANNEL *ch)
{
	struct err none = ERR_INIT;

	while (libssh2_channel_close(ch) == LIBSSH2_ERROR_EAGAIN)
		if (ssh_wait(h, &none))
			break;
	while (libssh2_channel_wait_closed(ch) == LIBSSH2_ERROR_EAGAIN)
		if (ssh_wait(h, &none))
			break;
	err_clear(&none);
}

static int exit_code(LIBSSH2_CHANNEL *ch)
{
	char *sig = NULL;

	libssh2_channel_get_exit_signal(ch, &sig, NULL, NULL, NULL, NULL, NULL);
	return sig ? 255 : libssh2_channel_get_exit_status(ch);
}

int ssh_exec(struct ssh *h, struct ssh_cmd *c, struct err *e)
{
	LIBSSH2_CHANNEL *ch = ssh_start(h, c->cmd, e);
	int rc;

	if (!ch)
		return err_wrap(e, "%s", c->cmd);
	rc = pump(h, ch, c, e);
	if (!rc) {
		close_channel(h, ch);
		c->code = exit_code(ch);
	}
	while (libssh2_channel_free(ch) == LIBSSH2_ERROR_EAGAIN)
		if (rc || ssh_wait(h, e))
			break;
	return rc ? err_wrap(e, "%s", c->cmd) : 0;
}

void ssh_cmd_clear(struct ssh_cmd *c)
{
	buf_clear(&c->out);
	buf_clear(&c->err);
}

/* ---- the agent ------------------------------------------------------- */

struct ssh_link {
	struct link l;
	struct ssh h;
	LIBSSH2_CHANNEL *ch;
	struct buf said; /* the end of its stderr */
};

static void keep_said(struct ssh_link *k)
{
	while (drain(k->ch, SSH_EXTENDED_DATA_STDERR, &k->said) > 0)
		;
	if (k->said.len > SAID) {
		memmove(k->said.p, k->said.p + (k->said.len - SAID), SAID + 1);
		k->said.len = SAID;
	}
}

static ssize_t ch_read(void *self, void *p, size_t n, int64_t deadline,
		       struct err *e)
{
	struct ssh_link *k = self;

	k->h.deadline = deadline;
	for (;;) {
		ssize_t r = libssh2_channel_read_ex(k->ch, 0, p, n);

		if (r > 0)
			return r;
		if (r < 0 && r != LIBSSH2_ERROR_EAGAIN)
			return ssh_err(&k->h, ERR_FAILED, "ssh: reading", e);
		keep_said(k);
		if (libssh2_channel_eof(k->ch))
			return 0;
		if (ssh_wait(&k->h, e))
			return -1;
	}
}

/* What a read has left half sent goes first. */
static int finish_reading(struct ssh_link *k, struct err *e)
{
	while (half_sent(&k->h) &&
	       libssh2_channel_receive_window_adjust2(k->ch, 0, 0, NULL) ==
		       LIBSSH2_ERROR_EAGAIN)
		if (ssh_wait(&k->h, e))
			return -1;
	return 0;
}

static int ch_write(void *self, const void *p, size_t n, int64_t deadline,
		    struct err *e)
{
	struct ssh_link *k = self;
	const char *b = p;

	k->h.deadline = deadline;
	if (finish_reading(k, e))
		return -1;
	while (n) {
		ssize_t r = libssh2_channel_write_ex(k->ch, 0, b, n);

		if (r > 0) {
			b += r;
			n -= (size_t)r;
		} else if (r != LIBSSH2_ERROR_EAGAIN && r < 0) {
			return ssh_err(&k->h, ERR_FAILED, "ssh: writing", e);
		} else if (ssh_wait(&k->h, e)) {
			return -1;
		}
	}
	return 0;
}

static const struct wire_ops ch_ops = {ch_read, ch_write};

static void link_said(struct link *l, struct buf *out)
{
	struct ssh_link *k = (struct ssh_link *)l;

	keep_said(k);
	buf_put(out, buf_str(&k->said), k->said.len);
}

static const char *link_hostkey(struct link *l)
{
	return ((struct ssh_link *)l)->h.hostkey;
}

static void ssh_close(struct link *l)
{
	struct ssh_link *k = (struct ssh_link *)l;

	client_clear(&l->client);
	ssh_disconnect(&k->h);
	buf_clear(&k->said);
	mem_free(k);
}

static const struct link_ops link_ops = {ssh_close, link_said, link_hostkey};

/* Starts the agent in DIR; 0 it answers, 1 it did not start, -1. */
static int start_agent(struct ssh_link *k, const char *dir, struct err *e)
{
	AUTO(mem_freep)
	char *cmd = mem_printf("%s%s/agent-%s", ssh_prefix(&k->h), dir,
			       k->h.cfg->agent_sha256);

	k->h.deadline = clock_mono_us() + k->h.cfg->connect_us;
	k->ch = ssh_start(&k->h, cmd, e);
	if (!k->ch)
		return -1;
	buf_reset(&k->said);
	client_clear(&k->l.client);
	client_init(&k->l.client, &ch_ops, k);
	if (!client_hello(&k->l.client, clock_mono_us() + k->h.cfg->connect_us,
			  e))
		return 0;
	/* It ended without a word: there is no such program. */
	if (e->sys == EPIPE && k->h.sock >= 0) {
		err_clear(e);
		return 1;
	}
	if (e->sys == EPROTO)
		err_hint(e,
			 "the login shell of %s there prints something "
			 "before it runs commands: silence it for shells "
			 "that are not interactive",
			 k->h.cfg->user);
	return -1;
}

static int find_place(struct ssh_link *k, struct err *e)
{
	const struct strv *dirs = &k->h.cfg->cache_dirs;

	for (size_t i = 0; i < dirs->n; i++) {
		bool unfit = false;
		int rc = start_agent(k, dirs->v[i], e);

		if (rc <= 0)
			return rc;
		if (!bootstrap(&k->h, dirs->v[i], &unfit, e)) {
			rc = start_agent(k, dirs->v[i], e);
			if (rc <= 0)
				return rc;
			return err_set(e, ERR_FAILED,
				       "the agent in %s ends at once: %s",
				       dirs->v[i], buf_str(&k->said));
		}
		if (!unfit || i + 1 == dirs->n)
			return -1;
		err_clear(e);
	}
	return err_set(e, ERR_BUG, "no directory for the agent");
}

struct link *ssh_open(const struct conf *cfg, struct err *e)
{
	struct ssh_link *k = MEM_NEW(struct ssh_link);

	k->l.ops = &link_ops;
	client_init(&k->l.client, &ch_ops, k);
	if (ssh_connect(&k->h, cfg, e) || find_place(k, e)) {
		ssh_close(&k->l);
		return NULL;
	}
	k->h.opening = false;
	return &k->l;
}
