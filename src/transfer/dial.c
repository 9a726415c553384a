/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/dial.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"
#include "wire/verbs.h"

#define HOST_ALIAS "novahaul-target"

/* ---- the channel ----------------------------------------------------- */

static int dial_send(void *self, const struct enc *head, const void *data,
		     size_t n, struct err *e)
{
	struct dial *d = self;
	struct frame f = {.type = WIRE_DATA,
			  .flags = CTL_TUNNEL,
			  .p = head->b.p,
			  .len = head->b.len};

	return client_send(&d->client, d->id, &f, data, n, e);
}

static int dial_recv(void *self, const char **p, size_t *n, int64_t timeout_us,
		     struct err *e)
{
	struct dial *d = self;
	int64_t now = clock_mono_us();
	struct frame f;
	int rc;

	/* While the disk was slow nobody listened: not the peer's silence. */
	if (now - d->listened > 5 * 1000000)
		d->client.w.heard = now;
	rc = client_next(&d->client, d->id, &f, now + timeout_us, e);
	d->listened = clock_mono_us();
	if (rc)
		return -1;
	if (f.type != WIRE_DATA) {
		err_set(e, ERR_LOST, "the receiver has ended");
		e->sys = EPIPE;
		return -1;
	}
	*p = f.p;
	*n = f.len;
	return 0;
}

static const struct chan_ops dial_ops = {dial_send, dial_recv};

/* ---- ssh ------------------------------------------------------------- */

/* A file in memory that only we can open. */
static int memory_file(const char *name, const char *text, size_t n,
		       struct err *e)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0)
		return err_sys(e, ERR_FAILED, errno, "memfd_create");
	if (fchmod(fd, 0600)) {
		err_sys(e, ERR_FAILED, errno, "%s", name);
	} else if (!fs_write_all(fd, text, n, e)) {
		return fd;
	}
	close(fd);
	return -1;
}

/* known_hosts lines of the "TYPE BASE64" lines in KEYS. */
static int known_file(const char *keys, struct err *e)
{
	AUTO(strv_clear) struct strv lines = STRV_INIT;
	AUTO(buf_clear) struct buf b = BUF_INIT;

	strv_split(&lines, keys, "\r\n");
	for (size_t i = 0; i < lines.n; i++)
		buf_printf(&b, "%s %s\n", HOST_ALIAS, lines.v[i]);
	return memory_file("known_hosts", buf_str(&b), b.len, e);
}

/* ssh asks every so many seconds, and gives up when that many answers and one
 * more are missing. */
static void add_alive(const struct ctl_send *s, struct strv *argv)
{
	unsigned dead = s->dead_us ? (unsigned)(s->dead_us / 1000000) : 25;
	unsigned every = dead < 5 ? 1 : dead / 5;

	strv_addf(argv, "-oServerAliveInterval=%u", every);
	strv_addf(argv, "-oServerAliveCountMax=%u",
		  dead < 2 * every ? 1 : dead / every - 1);
}

void dial_argv(const struct dial *d, const struct ctl_send *s,
	       struct strv *argv)
{
	static const char *const fixed[] = {
		"ssh",
		"-F",
		"none",
		"-T",
		"-oBatchMode=yes",
		"-oStrictHostKeyChecking=yes",
		"-oGlobalKnownHostsFile=/dev/null",
		"-oUpdateHostKeys=no",
		"-oVerifyHostKeyDNS=no",
		"-oCheckHostIP=no",
		"-oHostKeyAlias=" HOST_ALIAS,
		"-oIdentitiesOnly=yes",
		"-oIdentityAgent=none",
		"-oPreferredAuthentications=publickey",
		"-oCiphers=aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
		"chacha20-poly1305@openssh.com,aes128-ctr",
		"-oCompression=no",
		"-oClearAllForwardings=yes",
		"-oForwardAgent=no",
		"-oForwardX11=no",
		"-oControlMaster=no",
		"-oControlPath=none",
		"-oPermitLocalCommand=no",
		"-oConnectTimeout=10",
		"-oConnectionAttempts=1",
		"-oTCPKeepAlive=yes",
		"-oLogLevel=ERROR",
		NULL};
	long me = (long)getpid();

	strv_addv(argv, fixed);
	strv_addf(argv, "-oIdentityFile=/proc/%ld/fd/%d", me, d->key);
	strv_addf(argv, "-oUserKnownHostsFile=/proc/%ld/fd/%d", me, d->known);
	add_alive(s, argv);
	strv_addf(argv, "-oPort=%u", s->port ? (unsigned)s->port : 22U);
	strv_addf(argv, "-oUser=%s", s->user ? s->user : "root");
	strv_add(argv, "--");
	strv_add(argv, s->addr);
	/* For the log; the forced command decides. */
	strv_add(argv, "novahaul-receive");
}

/* What ssh had to say goes before what we saw of it. */
static void add_stderr(struct dial *d, struct err *e)
{
	char text[2048];
	ssize_t n;

	/* It may be about to say it. */
	clock_sleep_us(100000);
	n = d->ssh.err >= 0 ? read(d->ssh.err, text, sizeof(text) - 1) : -1;
	if (n <= 0)
		return;
	text[n] = '\0';
	for (char *p = text; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = p[1] ? ' ' : '\0';
	err_wrap(e, "ssh: %s", text);
}

static int start_receiver(struct dial *d, const struct ctl_send *s,
			  int64_t deadline, struct err *e)
{
	AUTO(enc_clear) struct enc args = ENC_INIT;
	struct client_req r = {
		.type = VERB_TRANSFER_RECV, .args = &args, .mutates = true};
	struct frame f;

	if (client_hello(&d->client, deadline, e))
		return -1;
	d->client.epoch = s->epoch;
	enc_str(&args, s->root);
	enc_u64(&args, 4 * s->dead_us);
	if (client_begin(&d->client, &r, &d->id, e))
		return -1;
	/* Its first frame says that it has entered the lease. */
	if (client_next(&d->client, d->id, &f, deadline, e))
		return -1;
	return f.type == WIRE_DATA
		       ? 0
		       : err_set(e, ERR_BUG, "the receiver ended at once");
}

int dial_open(struct dial *d, const struct ctl_send *s, int64_t timeout_us,
	      struct err *e)
{
	AUTO(strv_clear) struct strv argv = STRV_INIT;
	int64_t deadline = clock_mono_us() + timeout_us;

	*d = (struct dial){.key = -1, .known = -1};
	d->ssh = (struct proc_pipe){.pid = -1, .in = -1, .out = -1, .err = -1};
	client_init_fds(&d->client, -1, -1);
	chan_init(&d->chan, &dial_ops, d);
	if (!s->addr || *s->addr == '-' || !s->key || !s->host_keys ||
	    (s->user && (*s->user == '-' || !*s->user)))
		return err_set(e, ERR_USAGE, "no address, key or host key");
	d->key = memory_file("key", s->key, strlen(s->key), e);
	d->known = d->key < 0 ? -1 : known_file(s->host_keys, e);
	if (d->known < 0)
		return -1;
	dial_argv(d, s, &argv);
	if (proc_open(&d->ssh, argv.v, NULL, NULL, true, e))
		return -1;
	client_init_fds(&d->client, d->ssh.out, d->ssh.in);
	if (s->dead_us) {
		d->client.dead_us = (int64_t)s->dead_us;
		d->client.keepalive_us = (int64_t)s->dead_us / 4;
	}
	if (start_receiver(d, s, deadline, e)) {
		add_stderr(d, e);
		return -1;
	}
	d->listened = clock_mono_us();
	return 0;
}

void dial_close(struct dial *d)
{
	/* A link that is gone has nothing to say goodbye to. */
	proc_close(&d->ssh, d->chan.broken ? 100000 : 5 * 1000000);
	client_clear(&d->client);
	chan_clear(&d->chan);
	mem_closefd(&d->key);
	mem_closefd(&d->known);
}
