/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/dial_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"
#include "transfer/nudge.h"
#include "transfer/tls.h"
#include "wire/verbs.h"

#define HOST_ALIAS "novahaul-target"

enum {
	OPEN_US = 20 * 1000000,
	MEASURE_US = 500000, /* for an answer; then it is as far as that */
	MEASURE = 2,	     /* of them, or the first that is near */
	FAR_US = 5000,	 /* round trips: above it one connection's window is */
	LONG_US = 15000, /* less than a gigabit, above that a fifth */
	PATIENCE_US = 50000,
	NEAR_AFTER = 64 << 20,
	/* What is in sshd's window of each, and in our queue before it. */
	LANE_WINDOW = 3 << 20,
};

/* ---- the channel ----------------------------------------------------- */

/* A slow link is not a dead one: dead ones are found by reading. */
#define SEND_US (120 * 1000000LL)

static int dial_send(void *self, const struct enc *head, const void *data,
		     size_t n, struct err *e)
{
	struct dial *d = self;
	struct frame f = {.type = WIRE_DATA,
			  .flags = CTL_TUNNEL,
			  .id = d->id,
			  .p = head->b.p,
			  .len = head->b.len};

	return stripe_send(d->stripe, &f, data, n, clock_mono_us() + SEND_US,
			   e);
}

static int measure(struct dial *d, struct err *e);

static int dial_recv(void *self, const char **p, size_t *n, int64_t timeout_us,
		     struct err *e)
{
	struct dial *d = self;
	struct client *c = &d->lane[0].client;
	int64_t now = clock_mono_us();
	struct frame f;
	int rc;

	if (stripe_check(d->stripe, e) || measure(d, e))
		return -1;
	/* While the disk was slow nobody listened: not the peer's silence. */
	if (now - d->listened > 5 * 1000000)
		c->w.heard = now;
	rc = client_next(c, d->id, &f, now + timeout_us, e);
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

/* The first connection's own frames and the messages take turns. */
static ssize_t first_read(void *self, void *p, size_t n, int64_t deadline,
			  struct err *e)
{
	const struct dial *d = self;
	const struct dial_lane *l = &d->lane[0];

	return l->tls ? tls_read(l->tls, p, n, deadline, e)
		      : wire_read_fd(l->ssh.out, p, n, deadline, e);
}

static int first_write(void *self, const void *p, size_t n, int64_t deadline,
		       struct err *e)
{
	const struct dial *d = self;

	return stripe_write(d->stripe, p, n, deadline, e);
}

static const struct wire_ops first_ops = {first_read, first_write};

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
		"ssh", "-F", "none", "-T", "-oBatchMode=yes",
		"-oStrictHostKeyChecking=yes",
		"-oGlobalKnownHostsFile=/dev/null", "-oUpdateHostKeys=no",
		"-oVerifyHostKeyDNS=no", "-oCheckHostIP=no",
		"-oHostKeyAlias=" HOST_ALIAS, "-oIdentitiesOnly=yes",
		"-oIdentityAgent=none", "-oPreferredAuthentications=publickey",
		"-oCiphers=aes128-gcm@openssh.com,aes256-gcm@openssh.com,"
		"chacha20-poly1305@openssh.com,aes128-ctr",
		/* Those of the session from which this one is made, without the
		 * hybrid one of today's OpenSSH, which takes longer than all
		 * else together. */
		"-oKexAlgorithms=curve25519-sha256@libssh.org,"
		"ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,"
		"diffie-hellman-group-exchange-sha256",
		"-oCompression=no", "-oClearAllForwardings=yes",
		"-oForwardAgent=no", "-oForwardX11=no", "-oControlMaster=no",
		"-oControlPath=none", "-oPermitLocalCommand=no",
		"-oConnectTimeout=10", "-oConnectionAttempts=1",
		"-oTCPKeepAlive=yes", "-oLogLevel=ERROR", NULL};
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
static void add_stderr(const struct dial_lane *l, struct err *e)
{
	char text[2048];
	ssize_t n;

	/* It may be about to say it. */
	clock_sleep_us(100000);
	n = l->ssh.err >= 0 ? read(l->ssh.err, text, sizeof(text) - 1) : -1;
	if (n <= 0)
		return;
	text[n] = '\0';
	for (char *p = text; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = p[1] ? ' ' : '\0';
	err_wrap(e, "ssh: %s", text);
}

/* ---- the first connection -------------------------------------------- */

/* Its first frame says that it has entered the lease, and where others join. */
static int learn_streams(struct dial *d, const struct frame *f, struct err *e)
{
	const void *token;
	struct dec p;
	size_t n;

	if (f->type != WIRE_DATA)
		return err_set(e, ERR_BUG, "the receiver ended at once");
	dec_init(&p, f->p, f->len);
	if (dec_u8(&p) != CTL_STREAMS)
		return err_set(e, ERR_BUG, "another message came first");
	d->name = mem_strdup(dec_str(&p));
	token = dec_bytes(&p, &n);
	if (n == sizeof(d->token))
		memcpy(d->token, token, n);
	else
		p.bad = true;
	return dec_end(&p, "streams", e);
}

/* The hello and request R lie ready when its agent starts: both take one round
 * trip. */
static int first_request(struct dial_lane *l, const struct client_req *r,
			 uint32_t *id, int64_t deadline, struct err *e)
{
	struct nudge n;
	int rc;

	nudge_start(&n, l->ssh.pid);
	rc = client_hello_send(&l->client, e) ||
			     client_begin(&l->client, r, id, e) ||
			     client_hello_wait(&l->client, deadline, e)
		     ? -1
		     : 0;
	nudge_stop(&n);
	return rc;
}

static int start_receiver(struct dial *d, const struct ctl_send *s,
			  int64_t deadline, struct err *e)
{
	AUTO(enc_clear) struct enc args = ENC_INIT;
	struct client_req r = {
		.type = VERB_TRANSFER_RECV, .args = &args, .mutates = true};
	struct client *c = &d->lane[0].client;
	struct frame f;

	c->epoch = s->epoch;
	enc_str(&args, s->root);
	enc_u64(&args, 4 * s->dead_us);
	enc_bool(&args, true);
	if (first_request(&d->lane[0], &r, &d->id, deadline, e) ||
	    client_next(c, d->id, &f, deadline, e))
		return -1;
	return learn_streams(d, &f, e);
}

/* ---- further ones ---------------------------------------------------- */

static int join_receiver(struct dial *d, struct dial_lane *l, int64_t deadline,
			 struct err *e)
{
	struct client *c = &l->client;
	AUTO(enc_clear) struct enc args = ENC_INIT;
	struct client_req r = {
		.type = VERB_TRANSFER_JOIN, .args = &args, .mutates = true};
	struct frame f;
	uint32_t id;

	c->epoch = d->epoch;
	enc_str(&args, d->root);
	enc_str(&args, d->name);
	enc_bytes(&args, d->token, sizeof(d->token));
	if (first_request(l, &r, &id, deadline, e) ||
	    client_next(c, id, &f, deadline, e))
		return -1;
	return f.type == WIRE_DATA
		       ? 0
		       : err_set(e, ERR_BUG, "the stream ended at once");
}

/* On a thread of its own. */
static int open_lane(void *arg, unsigned i, int *fd, struct err *e)
{
	struct dial *d = arg;
	struct dial_lane *l = &d->lane[i];
	int rc;

	pthread_mutex_lock(&d->mu);
	rc = d->closing ? err_set(e, ERR_LOST, "closed")
			: proc_open(&l->ssh, d->argv.v, NULL, NULL, true, e);
	pthread_mutex_unlock(&d->mu);
	if (rc)
		return -1;
	client_init_fds(&l->client, l->ssh.out, l->ssh.in);
	if (join_receiver(d, l, clock_mono_us() + OPEN_US, e)) {
		add_stderr(l, e);
		return err_wrap(e, "stream %u", i + 1);
	}
	*fd = l->ssh.in;
	return 0;
}

unsigned dial_lanes(unsigned streams, int64_t rtt_us, unsigned cores)
{
	if (streams)
		return streams < STRIPE_LANES ? streams : STRIPE_LANES;
	/* Each costs a handshake, and both ends' scheduling. */
	if (rtt_us > LONG_US && cores >= STRIPE_LANES / 2)
		return STRIPE_LANES;
	if (rtt_us > FAR_US)
		return STRIPE_LANES / 2;
	/* Each takes a core of cipher here, and more than one there. */
	return cores >= 4 ? 2 : 1;
}

void dial_allow(struct dial *d, unsigned streams, const struct stripe_cfg *cfg,
		size_t lane_window)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	struct stripe_cfg c = *cfg;
	size_t window;

	d->streams =
		dial_lanes(streams, d->rtt_us, cores > 0 ? (unsigned)cores : 1);
	window = d->streams * lane_window;
	if (window > XP_WINDOW)
		d->chan.window =
			window < XP_WINDOW_MAX ? window : XP_WINDOW_MAX;
	c.lanes = d->streams;
	c.patience_us = PATIENCE_US;
	c.arg = d;
	stripe_allow(d->stripe, &c);
	d->listened = clock_mono_us();
}

static void allow(struct dial *d, unsigned streams)
{
	bool far = d->rtt_us > FAR_US;

	dial_allow(
		d, streams,
		&(struct stripe_cfg){.after = far || streams ? 0 : NEAR_AFTER,
				     .open = open_lane},
		LANE_WINDOW);
}

/* Asks how far the receiver is beside what it is asked anyway: that takes no
 * round trip of its own.  Its agent answers a sign of life at once or, while it
 * is just sending, not at all.  What is asked first waits behind no data yet,
 * so the answer is the link's. */
static int measure(struct dial *d, struct err *e)
{
	struct client *c = &d->lane[0].client;

	if (d->streams)
		return 0;
	if (c->pongs != d->pongs) {
		d->pongs = c->pongs;
		if (c->rtt_us < d->rtt_us)
			d->rtt_us = c->rtt_us;
	}
	if (c->pinged && clock_mono_us() - c->pinged > MEASURE_US) {
		c->pinged = 0;
		d->lost++;
	}
	if (d->pongs + d->lost >= MEASURE || d->rtt_us <= FAR_US) {
		allow(d, 0);
		return 0;
	}
	return c->pinged ? 0 : client_ping(c, e);
}

/* ---- opening and closing --------------------------------------------- */

static int make_files(struct dial *d, const struct ctl_send *s, struct err *e)
{
	if (!s->addr || *s->addr == '-' || !s->key || !s->host_keys ||
	    (s->user && (*s->user == '-' || !*s->user)))
		return err_set(e, ERR_USAGE, "no address, key or host key");
	d->key = memory_file("key", s->key, strlen(s->key), e);
	d->known = d->key < 0 ? -1 : known_file(s->host_keys, e);
	return d->known < 0 ? -1 : 0;
}

void dial_init(struct dial *d, const struct ctl_send *s)
{
	*d = (struct dial){.key = -1,
			   .known = -1,
			   .stop = -1,
			   .epoch = s->epoch,
			   .rtt_us = MEASURE_US};
	for (unsigned i = 0; i < STRIPE_LANES; i++) {
		struct dial_lane *l = &d->lane[i];

		l->ssh = (struct proc_pipe){
			.pid = -1, .in = -1, .out = -1, .err = -1};
		client_init_fds(&l->client, -1, -1);
	}
	pthread_mutex_init(&d->mu, NULL);
	d->root = mem_strdup0(s->root);
	chan_init(&d->chan, &dial_ops, d);
}

void dial_first(struct dial *d, const struct ctl_send *s)
{
	struct client *c = &d->lane[0].client;

	client_init(c, &first_ops, d);
	if (s->dead_us) {
		c->dead_us = (int64_t)s->dead_us;
		c->keepalive_us = (int64_t)s->dead_us / 4;
	}
}

int dial_open(struct dial *d, const struct ctl_send *s, int64_t timeout_us,
	      struct err *e)
{
	struct dial_lane *l = &d->lane[0];
	int64_t deadline = clock_mono_us() + timeout_us;

	dial_init(d, s);
	if (make_files(d, s, e))
		return -1;
	dial_argv(d, s, &d->argv);
	if (proc_open(&l->ssh, d->argv.v, NULL, NULL, true, e))
		return -1;
	fcntl(l->ssh.out, F_SETFL, fcntl(l->ssh.out, F_GETFL) | O_NONBLOCK);
	d->stripe = stripe_new(l->ssh.in, NULL, e);
	if (!d->stripe)
		return -1;
	dial_first(d, s);
	if (start_receiver(d, s, deadline, e)) {
		add_stderr(l, e);
		return -1;
	}
	if (s->streams)
		allow(d, s->streams);
	d->listened = clock_mono_us();
	return 0;
}

unsigned dial_streams(struct dial *d)
{
	return d->stripe ? stripe_lanes(d->stripe) : 0;
}

void dial_why(struct dial *d, char *out, size_t size)
{
	*out = '\0';
	if (d->stripe)
		stripe_why(d->stripe, out, size);
}

void dial_close(struct dial *d)
{
	/* The others have nothing to lose, and may just be opening. */
	pthread_mutex_lock(&d->mu);
	d->closing = true;
	if (d->stop >= 0)
		eventfd_write(d->stop, 1);
	for (unsigned i = 1; i < STRIPE_LANES; i++)
		if (d->lane[i].ssh.pid > 0)
			kill(d->lane[i].ssh.pid, SIGTERM);
	pthread_mutex_unlock(&d->mu);
	stripe_free(d->stripe);
	for (unsigned i = 0; i < STRIPE_LANES; i++) {
		/* A link that is gone has nothing to say goodbye to. */
		proc_close(&d->lane[i].ssh,
			   d->chan.broken ? 100000 : 5 * 1000000);
		tls_close(d->lane[i].tls);
		client_clear(&d->lane[i].client);
	}
	tls_side_free(d->side);
	mem_closefd(&d->stop);
	mem_free(d->addr);
	chan_clear(&d->chan);
	mem_closefd(&d->key);
	mem_closefd(&d->known);
	strv_clear(&d->argv);
	mem_free(d->root);
	mem_free(d->name);
	explicit_bzero(d->token, sizeof(d->token));
	pthread_mutex_destroy(&d->mu);
}
