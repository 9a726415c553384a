/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/lease.h"
#include "core/clock.h"
#include "core/fs.h"
#include "core/log.h"

#define HELLO_US (60 * 1000000LL)
/* A peer whose machine vanished leaves no end of stream; its agents must not
 * stay for ever.  Its lease went stale long before. */
#define IDLE_US (6 * 3600 * 1000000LL)

static const struct verb *const tables[] = {
	verbs_lease, verbs_file, verbs_tree, verbs_host, verbs_transfer,
};

static const struct verb *find_verb(uint16_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct verb *v = tables[i]; v->fn; v++)
			if (v->type == type)
				return v;
	return NULL;
}

/* ---- paths ----------------------------------------------------------- */

int agent_root(struct agent *a, const char *root, struct err *e)
{
	size_t n = a->root_names.n;
	int fd;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(a->root_names.v[i], root))
			return a->root_fds[i];
	if (*root != '/')
		return err_set(e, ERR_USAGE, "\"%s\": not an absolute path",
			       root);
	fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, ERR_FAILED, errno, "%s", root);
	a->root_fds = mem_realloc(a->root_fds, n + 1, sizeof(int));
	a->root_fds[n] = fd;
	strv_add(&a->root_names, root);
	return fd;
}

/* --receive serves a key that a host holds: it reaches its job's work. */
static int check_receive(const struct agent *a, const char *root,
			 const char *rel, struct err *e)
{
	AUTO(mem_freep) char *work = NULL;

	if (!a->opts.root)
		return 0;
	work = mem_printf(".novahaul/%s/", a->opts.job);
	if (strcmp(root, a->opts.root) || strncmp(rel, work, strlen(work)))
		return err_set(e, ERR_REFUSED,
			       "%s/%s is outside of %s/%s, all that this "
			       "session may reach",
			       root, rel, a->opts.root, work);
	return 0;
}

int agent_path(struct verb_call *c, struct agent_path *p, struct err *e)
{
	const char *root = dec_str(c->in);

	p->rel = dec_str(c->in);
	if (c->in->bad)
		return agent_args_end(c, e);
	if (!fs_rel_ok(p->rel))
		return err_set(e, ERR_REFUSED,
			       "\"%s\": not a plain relative "
			       "path",
			       p->rel);
	if (check_receive(c->agent, root, p->rel, e))
		return -1;
	p->root = agent_root(c->agent, root, e);
	if (p->root < 0)
		return -1;
	for (size_t i = 0; i < c->agent->root_names.n; i++)
		if (c->agent->root_fds[i] == p->root)
			p->where = c->agent->root_names.v[i];
	return 0;
}

int agent_args_end(struct verb_call *c, struct err *e)
{
	return dec_end(c->in, "request", e);
}

/* Through the descriptor, so that it is the very file that was looked at. */
static int reopen(int fd, int flags, struct err *e)
{
	AUTO(mem_freep) char *link = mem_printf("/proc/self/fd/%d", fd);
	int got = open(link, (flags & ~O_NOFOLLOW) | O_CLOEXEC);

	if (got < 0)
		return err_sys(e, ERR_FAILED, errno, "open");
	return got;
}

int agent_open(const struct agent_path *p, int flags, mode_t mode,
	       struct err *e)
{
	AUTO(mem_closefd) int look = -1;
	struct stat st;
	int fd = -1;

	if (flags & (O_CREAT | O_DIRECTORY)) {
		if (flags & O_CREAT)
			flags |= O_EXCL;
		fd = fs_open_beneath(p->root, p->rel, flags, mode, e);
		return fd < 0 ? err_wrap(e, "%s", p->where) : fd;
	}
	/* O_PATH: a device or FIFO is seen without being opened. */
	look = fs_open_beneath(p->root, p->rel, O_PATH, 0, e);
	if (look >= 0 && fstat(look, &st))
		err_sys(e, ERR_FAILED, errno, "%s", p->rel);
	else if (look >= 0 && !S_ISREG(st.st_mode))
		err_set(e, ERR_REFUSED, "%s: not a regular file", p->rel);
	else if (look >= 0)
		fd = reopen(look, flags, e);
	return fd < 0 ? err_wrap(e, "%s", p->where) : fd;
}

/* ---- frames ---------------------------------------------------------- */

static int send_frame(struct agent *a, const struct frame *f, const void *data,
		      size_t n, struct err *e)
{
	int rc;

	pthread_mutex_lock(&a->tx);
	rc = wire_send(&a->w, f, data, n, INT64_MAX, e);
	pthread_mutex_unlock(&a->tx);
	return rc;
}

int agent_send(struct verb_call *c, const struct frame *f, const void *data,
	       size_t n, struct err *e)
{
	struct frame g = *f;

	g.id = c->req->id;
	return send_frame(c->agent, &g, data, n, e);
}

int agent_recv(struct verb_call *c, struct frame *f, int64_t timeout_us,
	       struct err *e)
{
	uint32_t id = c->req->id;

	if (reader_next(c->agent->reader, f, timeout_us, e))
		return -1;
	if (f->id != id)
		return err_set(e, ERR_BUG,
			       "a frame of type %u, request %u, within request "
			       "%u",
			       (unsigned)f->type, (unsigned)f->id,
			       (unsigned)id);
	return 0;
}

void agent_take(struct verb_call *c, struct buf *b)
{
	reader_take(c->agent->reader, b);
}

void agent_forget(struct verb_call *c)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	explicit_bzero((void *)(uintptr_t)c->req->p, c->req->len);
	reader_take(c->agent->reader, &b);
	if (b.p)
		explicit_bzero(b.p, b.cap);
}

static void reply(struct agent *a, uint32_t id, uint16_t type,
		  const struct enc *out)
{
	struct err e = ERR_INIT;
	size_t off = 0;
	int rc;

	/* A broken stream is the reader's to notice. */
	do {
		struct frame f = {.type = type, .id = id};

		f.p = out->b.p + off;
		f.len = out->b.len - off;
		if (f.len > WIRE_BULK_MAX) {
			f.len = WIRE_BULK_MAX;
			f.flags = WIRE_F_MORE;
		}
		off += f.len;
		rc = send_frame(a, &f, NULL, 0, &e);
	} while (!rc && off < out->b.len);
	err_clear(&e);
}

/* ---- requests -------------------------------------------------------- */

const char *agent_job(const struct agent *a)
{
	return a->lease.on ? a->lease.job : "";
}

uint64_t agent_epoch(const struct agent *a)
{
	return a->lease.on ? a->lease.epoch : 0;
}

/* The one place that lets anything be changed. */
static int enter(struct agent *a, const struct frame *f, struct err *e)
{
	struct bound *b = &a->lease;

	if (!b->on)
		return err_set(e, ERR_REFUSED,
			       "nothing may be changed without a lease");
	return lease_enter(b->root, b->uuid, b->job, f->epoch, &b->gate, e);
}

static int perform(struct agent *a, const struct verb *v, struct verb_call *c,
		   struct err *e)
{
	int rc;

	if (v->mutates && enter(a, c->req, e))
		return -1;
	rc = v->fn(c, e);
	a->over = rc && a->opts.root && e->kind == ERR_LOST;
	if (v->mutates)
		lease_leave(a->lease.gate);
	return rc;
}

static void handle(struct agent *a, const struct frame *req)
{
	AUTO(enc_clear) struct enc out = ENC_INIT;
	AUTO(buf_clear) struct buf args = BUF_INIT;
	struct frame keep = *req;
	struct err e = ERR_INIT;
	struct dec in;
	struct verb_call c = {a, &keep, &in, &out};
	const struct verb *v = find_verb(req->type);
	int rc;

	/* fn may call agent_recv(), which reuses the frame's bytes. */
	buf_put(&args, req->p, req->len);
	keep.p = args.p;
	dec_init(&in, args.p, args.len);
	if (!v || (a->opts.root && !v->receive))
		rc = err_set(&e, ERR_REFUSED, "request %u is not served here",
			     (unsigned)req->type);
	else
		rc = perform(a, v, &c, &e);
	if (rc && v)
		err_wrap(&e, "%s", v->name);
	if (rc) {
		enc_reset(&out);
		enc_err(&out, &e);
	}
	reply(a, keep.id, rc ? WIRE_ERROR : WIRE_OK, &out);
	err_clear(&e);
}

static int hello(struct agent *a, const struct frame *f, struct err *e)
{
	AUTO(enc_clear) struct enc out = ENC_INIT;
	struct dec d;
	const char *build;

	dec_init(&d, f->p, f->len);
	dec_u32(&d);
	build = dec_str(&d);
	if (f->type != WIRE_HELLO || d.bad)
		return err_set(e, ERR_BUG, "the first frame is no hello");
	enc_u32(&out, WIRE_PROTOCOL);
	enc_str(&out, wire_build());
	reply(a, f->id, WIRE_HELLO, &out);
	if (strcmp(build, wire_build()))
		return err_set(e, ERR_REFUSED, "a peer of another build");
	return 0;
}

static int serve(struct agent *a, struct err *e)
{
	struct frame f;

	if (reader_next(a->reader, &f, HELLO_US, e) || hello(a, &f, e))
		return -1;
	while (!reader_next(a->reader, &f, IDLE_US, e)) {
		/* What is left of a request that failed half-way. */
		if (f.type == WIRE_DATA || f.type == WIRE_END)
			continue;
		if (!reader_busy(a->reader, READER_DIE))
			break;
		handle(a, &f);
		reader_busy(a->reader, READER_IDLE);
		/* Of a half-open link no end of the stream would come. */
		if (a->over)
			break;
	}
	if (e->sys == EPIPE || e->sys == ETIMEDOUT)
		err_clear(e);
	return e->kind == ERR_NONE ? 0 : -1;
}

static void clear(struct agent *a)
{
	reader_stop(a->reader);
	for (size_t i = 0; i < a->root_names.n; i++)
		close(a->root_fds[i]);
	mem_free(a->root_fds);
	strv_clear(&a->root_names);
	mem_free(a->lease.uuid);
	mem_free(a->lease.job);
	mem_closefd(&a->lease.gate);
	mem_closefd(&a->attended);
	names_free(a->names);
	wire_clear(&a->w);
	pthread_mutex_destroy(&a->tx);
}

/* --receive: the lease is bound by the command line, not by the caller. */
static int bind_receive(struct agent *a, struct err *e)
{
	a->lease.root = agent_root(a, a->opts.root, e);
	if (a->lease.root < 0)
		return -1;
	a->lease.uuid = mem_strdup(a->opts.uuid);
	a->lease.job = mem_strdup(a->opts.job);
	a->lease.on = true;
	return 0;
}

int agent_serve(const struct agent_opts *o)
{
	struct agent a = {.opts = *o, .attended = -1};
	struct err e = ERR_INIT;
	int rc;

	a.lease.gate = -1;
	a.names = names_new();
	pthread_mutex_init(&a.tx, NULL);
	wire_init_fds(&a.w, o->in, o->out);
	if (o->root && bind_receive(&a, &e)) {
		rc = -1;
	} else {
		a.reader = reader_start(&a, &e);
		rc = a.reader ? serve(&a, &e) : -1;
	}
	if (rc)
		log_warn("novahaul-agent: %s", err_msg(&e));
	err_clear(&e);
	clear(&a);
	return rc ? 1 : 0;
}
