/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A receiver whose sender comes by TLS.
 *
 * The controller has told both the key.  This agent listens for it for some
 * seconds, at the address at which ssh would be dialled and a port of the range
 * that was configured; a thread lets those in who have the key.  The first is
 * told that we serve, and gets the answers; each has a thread that reads its
 * messages.  All else is as over ssh.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/agent_priv.h"
#include "agent/transfer_verbs.h"
#include "core/clock.h"
#include "core/proc.h"
#include "transfer/ctl.h"
#include "transfer/receiver.h"
#include "transfer/tls.h"

enum {
	/* Until the first has come, and all that belong to it. */
	WAIT_US = 10 * 1000000,
	SHAKE_US = 3 * 1000000,
	HELLO_US = 2 * 1000000,
};

struct caller {
	struct listener *l;
	struct tls *tls;
};

struct listener {
	struct agent *a;
	uint32_t id;
	uint64_t dead_us;
	int64_t wait_us, until;
	char *where; /* digits */
	unsigned port;
	struct tls_side *side;
	int fd, stop;
	pthread_t thread;
	pthread_mutex_t mu; /* of what is written to the first, and: */
	struct caller caller[READER_LANES];
	unsigned n;
};

/* ---- the first one's way back ---------------------------------------- */

static int first_write(void *self, const void *p, size_t n, int64_t deadline,
		       struct err *e)
{
	const struct listener *l = self;

	return tls_write_all(l->caller[0].tls, p, n, deadline, e);
}

static const struct wire_ops first_ops = {.write = first_write};

/* Under l->mu. */
static int put(struct listener *l, const struct frame *f, const void *data,
	       size_t n, int64_t wait_us, struct err *e)
{
	struct frame g = *f;
	struct wire w;
	int rc;

	wire_init(&w, &first_ops, l);
	g.id = l->id;
	rc = wire_send(&w, &g, data, n, clock_mono_us() + wait_us, e);
	wire_clear(&w);
	return rc;
}

static int listener_send(void *self, const struct enc *head, const void *data,
			 size_t n, struct err *e)
{
	const struct verb_chan *v = self;
	struct listener *l = v->arg;
	struct frame f = {.type = WIRE_DATA,
			  .flags = CTL_TUNNEL,
			  .p = head->b.p,
			  .len = head->b.len};
	int rc = 0;

	pthread_mutex_lock(&l->mu);
	/* While nobody has come there is nobody to tell that we live. */
	if (l->n)
		rc = put(l, &f, data, n, XP_DEAD_US, e);
	pthread_mutex_unlock(&l->mu);
	return rc;
}

static int listener_recv(void *self, const char **p, size_t *n,
			 int64_t timeout_us, struct err *e)
{
	return verb_chan_recv(self, p, n, timeout_us, e);
}

static const struct chan_ops listener_ops = {listener_send, listener_recv};

/* ---- callers --------------------------------------------------------- */

static ssize_t caller_read(void *self, void *p, size_t n, int64_t deadline,
			   struct err *e)
{
	const struct caller *c = self;

	return tls_read(c->tls, p, n, deadline, e);
}

static void caller_alive(void *self)
{
	struct caller *c = self;
	struct frame f = {.type = WIRE_ALIVE};
	struct err e = ERR_INIT;

	/* While the main thread sends, that is sign enough: never wait. */
	if (pthread_mutex_trylock(&c->l->mu))
		return;
	if (put(c->l, &f, NULL, 0, HELLO_US, &e))
		err_clear(&e);
	pthread_mutex_unlock(&c->l->mu);
}

static int say_ready(struct listener *l, struct err *e)
{
	AUTO(enc_clear) struct enc m = ENC_INIT;
	struct frame f = {.type = WIRE_DATA};

	enc_u8(&m, CTL_READY);
	f.p = m.b.p;
	f.len = m.b.len;
	return put(l, &f, NULL, 0, HELLO_US, e);
}

/* One who has the key.  Kept to the end, for the main thread may be writing to
 * him. */
static void on_up(void *arg, struct tls *t)
{
	struct listener *l = arg;
	struct caller *c = &l->caller[l->n];
	struct err e = ERR_INIT;
	int rc = 0;

	tls_watch(tls_fd(t), (int64_t)l->dead_us);
	pthread_mutex_lock(&l->mu);
	*c = (struct caller){l, t};
	if (!l->n++)
		rc = say_ready(l, &e);
	pthread_mutex_unlock(&l->mu);
	if (!rc)
		rc = reader_lane_io(l->a->reader,
				    &(struct reader_io){.read = caller_read,
							.alive = caller_alive,
							.self = c,
							.first = l->n == 1},
				    &e);
	if (rc)
		reader_fail(l->a->reader, &e);
}

static void *listener_main(void *arg)
{
	struct listener *l = arg;
	struct err e = ERR_INIT;

	tls_accept(&(struct tls_accept){.side = l->side,
					.fd = l->fd,
					.stop = l->stop,
					.until = l->until,
					.shake_us = SHAKE_US,
					.max = READER_LANES,
					.up = on_up,
					.arg = l});
	/* Nobody else is let in: the port is free, the key is forgotten. */
	mem_closefd(&l->fd);
	tls_side_free(l->side);
	l->side = NULL;
	if (!l->n && clock_mono_us() >= l->until) {
		err_set(&e, ERR_LOST, "nobody with the key has come");
		reader_fail(l->a->reader, &e);
	}
	return NULL;
}

/* ---- the address ----------------------------------------------------- */

static bool is_digits(const char *s)
{
	unsigned char b[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, s, b) == 1 || inet_pton(AF_INET6, s, b) == 1;
}

/* Debian's installer gives a host's own name 127.0.1.1. */
static bool reachable(const char *s)
{
	return is_digits(s) && strncmp(s, "127.", 4) && strcmp(s, "::1") &&
	       strncmp(s, "::ffff:127.", 11);
}

/* What NAME means on this host, and, if that is nothing that others reach,
 * where ssh reached it. */
static void addresses(const char *name, struct strv *out)
{
	char *argv[] = {(char *)"getent", (char *)"ahosts", (char *)name, NULL};
	struct proc p = {.argv = argv, .timeout_us = 5 * 1000000};
	AUTO(strv_clear) struct strv words = STRV_INIT, ssh = STRV_INIT;
	const char *env = getenv("SSH_CONNECTION");
	struct err e = ERR_INIT;

	if (names_ok(name) && !proc_run(&p, &e) && !p.exit_code)
		strv_split(&words, buf_str(&p.out), " \t\n");
	proc_clear(&p);
	err_clear(&e);
	if (env)
		strv_split(&ssh, env, " ");
	if (ssh.n == 4)
		strv_add(&words, ssh.v[2]);
	for (size_t i = 0; i < words.n; i++)
		if (reachable(words.v[i]) && !strv_has(out, words.v[i]))
			strv_add(out, words.v[i]);
}

/* The first of the addresses that can be listened at: *WHERE, owned. */
static int bind_any(const struct ctl_listen *a, char **where, unsigned *port,
		    struct err *e)
{
	AUTO(strv_clear) struct strv v = STRV_INIT;
	int fd = -1;

	if (is_digits(a->addr))
		strv_add(&v, a->addr);
	else
		addresses(a->addr, &v);
	if (!v.n)
		return err_set(e, ERR_FAILED,
			       "\"%s\" is no address at which others reach "
			       "this host",
			       a->addr);
	for (size_t i = 0; fd < 0 && i < v.n; i++) {
		err_clear(e);
		fd = tls_bind(v.v[i], a->port_min, a->port_max, port, e);
		if (fd >= 0)
			*where = mem_strdup(v.v[i]);
		else if (e->sys != EADDRNOTAVAIL)
			break;
	}
	return fd;
}

/* ---- the verb -------------------------------------------------------- */

static int tell_where(struct verb_call *c, const struct listener *l,
		      struct err *e)
{
	AUTO(enc_clear) struct enc m = ENC_INIT;
	struct frame f = {.type = WIRE_DATA};

	enc_u8(&m, CTL_LISTENING);
	enc_str(&m, l->where);
	enc_u32(&m, l->port);
	f.p = m.b.p;
	f.len = m.b.len;
	return agent_send(c, &f, NULL, 0, e);
}

static int serve(struct verb_chan *v, const struct receiver_cfg *cfg, void *arg,
		 struct err *e)
{
	struct listener *l = arg;
	struct stripe_in in;
	int rc;

	if (tell_where(v->call, l, e))
		return -1;
	l->until = clock_mono_us() + l->wait_us;
	rc = pthread_create(&l->thread, NULL, listener_main, l);
	if (rc)
		return err_sys(e, ERR_FAILED, rc, "pthread_create");
	stripe_in_init(&in);
	v->in = &in;
	v->arg = l;
	v->chan.ops = &listener_ops;
	rc = receiver_serve(cfg, &v->chan, e);
	v->in = NULL;
	eventfd_write(l->stop, 1);
	pthread_join(l->thread, NULL);
	reader_lanes_end(l->a->reader);
	stripe_in_clear(&in);
	buf_clear(&v->taken);
	return rc;
}

static int take_key(struct listener *l, const struct ctl_listen *a,
		    struct err *e)
{
	struct tls_key k = {.name = ""};

	if (strlen(a->name) != TLS_NAME || a->len != TLS_SECRET)
		return err_set(e, ERR_BUG, "a key of %zu bytes", a->len);
	memcpy(k.name, a->name, TLS_NAME + 1);
	memcpy(k.secret, a->secret, TLS_SECRET);
	l->side = tls_side_new(TLS_LISTENS, &k, e);
	tls_key_clear(&k);
	return l->side ? 0 : -1;
}

static int receive(struct verb_call *c, struct listener *l,
		   const struct ctl_listen *a, struct err *e)
{
	AUTO(mem_freep) char *root = mem_strdup(a->root);
	struct verb_receive how = {.root = root,
				   .dead_us = a->silence_us,
				   .watch = true,
				   .serve = serve,
				   .arg = l};
	int rc = take_key(l, a, e);

	l->dead_us = a->silence_us;
	l->wait_us = a->wait_us ? a->wait_us : WAIT_US;
	if (!rc) {
		l->fd = bind_any(a, &l->where, &l->port, e);
		rc = l->fd < 0 ? -1 : 0;
	}
	agent_forget(c);
	return rc ? -1 : verb_receive(c, &how, e);
}

int verb_transfer_listen(struct verb_call *c, struct err *e)
{
	struct listener l = {
		.a = c->agent, .id = c->req->id, .fd = -1, .stop = -1};
	struct ctl_listen a;
	int rc;

	ctl_get_listen(c->in, &a);
	if (agent_args_end(c, e))
		return -1;
	l.stop = eventfd(0, EFD_CLOEXEC);
	if (l.stop < 0)
		return err_sys(e, ERR_FAILED, errno, "eventfd");
	pthread_mutex_init(&l.mu, NULL);
	rc = receive(c, &l, &a, e);
	for (unsigned i = 0; i < l.n; i++)
		tls_close(l.caller[i].tls);
	tls_side_free(l.side);
	mem_free(l.where);
	mem_closefd(&l.fd);
	mem_closefd(&l.stop);
	pthread_mutex_destroy(&l.mu);
	return rc;
}
