/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nh-copy: copies files from one host to another as a move does, and says what
 * it took.  For tests/bench only, not installed.
 *
 *	nh-copy --src ADDR --dst ADDR --root DIR [OPTION...] FILE...
 *
 * FILE is a name beneath DIR on the source; it arrives beneath
 * DIR/.novahaul/j-bench/stage/ under its last component, or, with --tree, under
 * all of its name.  Hosts are reached over SSH with strict host keys, leases
 *are claimed on both, and one transfer carries all.
 *
 *	--wait		a first pass, then the line "ready"; when a line
 *			comes on stdin, the pass that counts, on the same
 *			sessions: the final pass of a move
 *	--streams N	connections at most; else as is best
 *	--compress M	auto, never, always
 *	--bwlimit N	bytes a second
 *	--stop-at N	ends, as if cut, when N % of the file have passed
 *
 * Prints one JSON object.  Its "seconds" run from the opening of the sessions
 * that carry data, or with --wait from the line, until every file is verified
 * and has its name; the sessions in which a move has looked at its hosts before
 * are not in it, but in "process".
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/fs.h"
#include "core/uuid.h"
#include "host/host.h"
#include "transfer/transfer.h"
#include "wire/wire.h"

static const char job[] = "j-bench";
static const char instance[] = "6f0b3c4d-0000-4000-8000-00000000be4c";

struct opts {
	const char *src, *dst, *root, *known_hosts, *identity, *agent, *cache;
	const char *basis;
	enum transfer_via via;
	enum transfer_delta delta;
	bool tree, wait;
	double stop_at;
	unsigned streams;
	enum zip_mode compress;
	uint64_t bwlimit;
	struct strv files;
};

struct run {
	const struct opts *o;
	struct host *src, *dst;
	struct host_session *ss, *ds;
	struct transfer *t;
	struct transfer_result sum; /* of all files of a pass */
	size_t differ;		    /* files whose digests did not agree */
};

static double since(int64_t us)
{
	return (double)(clock_mono_us() - us) / 1e6;
}

static struct host *dial(const struct opts *o, const char *name,
			 const char *address, struct err *e)
{
	const char *known[] = {o->known_hosts, NULL};
	const char *ids[] = {o->identity, NULL};
	struct host_config c = {
		.name = name,
		.address = address,
		.transport = HOST_SSH,
		.known_hosts = o->known_hosts ? known : NULL,
		.identities = o->identity ? ids : NULL,
		.no_ssh_agent = true,
		.agent_path = o->agent,
		.cache_dir = o->cache,
	};

	return host_open(&c, e);
}

/* As the step claim does: what the agents know of a file from one pass to the
 * next, and what of it does not fit into memory, lies there. */
static int work_dirs(struct run *r, struct err *e)
{
	struct host_mkdir d = {.path = {r->o->root, ".novahaul/j-bench"},
			       .mode = 0700,
			       .parents = true};

	return host_mkdir(r->src, &d, e) || host_mkdir(r->dst, &d, e) ? -1 : 0;
}

static int hosts_open(struct run *r, struct err *e)
{
	char session[UUID_LEN + 1];
	struct host_claim c = {
		.root = r->o->root,
		.uuid = instance,
		.job = job,
		.owner = "tests/bench",
		.session = session,
		.force = true,
	};

	uuid_random(session);
	r->src = dial(r->o, "src", r->o->src, e);
	if (!r->src)
		return -1;
	r->dst = dial(r->o, "dst", r->o->dst, e);
	if (!r->dst)
		return -1;
	if (host_claim_all((struct host *[]){r->src, r->dst}, 2, &c, e))
		return -1;
	return work_dirs(r, e);
}

static struct client *late_open(void *arg, bool src, struct err *e)
{
	struct run *r = arg;
	struct host *h = src ? r->src : r->dst;
	struct host_session **s = src ? &r->ss : &r->ds;

	if (!*s)
		*s = host_session_open(h, e);
	return *s ? host_session_client(h, *s) : NULL;
}

static struct client *late_ask(void *arg, struct err *e)
{
	struct run *r = arg;

	return host_control(r->dst, e);
}

/* What join_carry.c does at a job's first copy. */
static int route_open(struct run *r, struct err *e)
{
	AUTO(host_key_clear) struct host_key key = {0};
	struct transfer_route ro = {
		.job = job,
		.instance = instance,
		.via = r->o->via,
		.dst_root = r->o->root,
		.streams = r->o->streams,
		.compress = r->o->compress,
		.bwlimit = r->o->bwlimit,
	};

	if (ro.via == TRANSFER_VIA_TLS) {
		ro.tls_port_min = 49200;
		ro.tls_port_max = 49215;
	}

	if (host_hostkey(r->dst, &key, e))
		return -1;
	ro.src.host = "src";
	ro.dst.host = "dst";
	ro.late = (struct transfer_late){late_open, late_ask, r};
	ro.dst_addr = key.address;
	ro.dst_port = (unsigned)key.port;
	ro.dst_host_keys = key.line;
	r->t = transfer_real.open(&ro, e);
	return r->t ? 0 : -1;
}

static int on_tick(void *arg, const struct transfer_progress *p, struct err *e)
{
	const struct run *r = arg;

	if (r->o->stop_at > 0 &&
	    (double)p->pos >= (double)p->size * r->o->stop_at / 100)
		return err_set(e, ERR_INTERRUPTED, "at %.0f %%", r->o->stop_at);
	return 0;
}

static char *arrival(const struct opts *o, const char *rel)
{
	const char *base = strrchr(rel, '/');

	return mem_printf(".novahaul/%s/stage/%s", job,
			  o->tree || !base ? rel : base + 1);
}

static void add(struct run *r, const struct transfer_result *f)
{
	struct transfer_result *s = &r->sum;

	s->size += f->size;
	s->bytes_read += f->bytes_read;
	s->bytes_sent += f->bytes_sent;
	s->bytes_packed += f->bytes_packed;
	s->bytes_wire += f->bytes_wire;
	s->bytes_matched += f->bytes_matched;
	s->bytes_holes += f->bytes_holes;
	s->src_allocated += f->src_allocated;
	s->dst_allocated += f->dst_allocated;
	s->changed |= f->changed;
	s->method = f->method;
	s->via = f->via;
	s->streams = f->streams;
	memcpy(s->streams_why, f->streams_why, sizeof(s->streams_why));
	if (strcmp(f->src_digest, f->dst_digest) != 0)
		r->differ++;
}

/* As a step does: one file by itself, several as a list. */
static int copy_all(struct run *r, const struct transfer_file *f, size_t n,
		    struct transfer_result *res, struct err *e)
{
	return n == 1 ? transfer_real.copy(r->t, f, res, e)
		      : transfer_real.copy_many(r->t, f, n, res, e);
}

static int pass(struct run *r, struct err *e)
{
	size_t n = r->o->files.n;
	struct transfer_file *f = MEM_NEW_N(struct transfer_file, n + 1);
	struct transfer_result *res = MEM_NEW_N(struct transfer_result, n + 1);
	int rc;

	r->sum = (struct transfer_result){0};
	r->differ = 0;
	for (size_t i = 0; i < n; i++)
		f[i] = (struct transfer_file){
			.src_root = r->o->root,
			.src_rel = r->o->files.v[i],
			.dst_rel = arrival(r->o, r->o->files.v[i]),
			.basis_rel = r->o->basis,
			.delta = r->o->delta,
			.tick = on_tick,
			.arg = r,
		};
	rc = copy_all(r, f, n, res, e);
	for (size_t i = 0; i < n; i++) {
		if (!rc)
			add(r, &res[i]);
		mem_free((char *)f[i].dst_rel);
	}
	mem_free(res);
	mem_free(f);
	return rc;
}

static void hang_up(struct run *r)
{
	struct err e = ERR_INIT;

	transfer_real.close(r->t);
	if (r->ss)
		host_session_close(r->src, r->ss);
	if (r->ds)
		host_session_close(r->dst, r->ds);
	for (int i = 0; i < 2; i++) {
		struct host *h = i ? r->dst : r->src;
		struct host_release rel = {
			.root = r->o->root, .uuid = instance, .forget = true};

		if (h && host_lease_release(h, &rel, &e))
			err_clear(&e);
		host_close(h);
	}
}

static void report(const struct run *r, double seconds, double dial_s,
		   double process)
{
	const struct transfer_result *s = &r->sum;
	const char *why = r->t ? transfer_real.why_relay(r->t) : NULL;
	json_t *j = json_pack(
		"{s:f s:f s:f s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:b s:b "
		"s:s "
		"s:s s:s* s:I s:s}",
		"seconds", seconds, "dial", dial_s, "process", process, "files",
		(json_int_t)r->o->files.n, "size", (json_int_t)s->size, "read",
		(json_int_t)s->bytes_read, "sent", (json_int_t)s->bytes_sent,
		"packed", (json_int_t)s->bytes_packed, "wire",
		(json_int_t)s->bytes_wire, "matched",
		(json_int_t)s->bytes_matched, "holes",
		(json_int_t)s->bytes_holes, "src_allocated",
		(json_int_t)s->src_allocated, "dst_allocated",
		(json_int_t)s->dst_allocated, "changed", s->changed,
		"digests_agree", r->differ == 0, "method",
		transfer_delta_name(s->method), "via",
		transfer_via_name(s->via), "why_relay", why, "streams",
		(json_int_t)s->streams, "streams_why", s->streams_why);

	json_dumpf(j, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(j);
}

static int run(struct run *r, struct err *e)
{
	int64_t start = clock_mono_us(), from;
	double dial_s;
	char line[16];

	if (hosts_open(r, e))
		return -1;
	from = clock_mono_us();
	if (route_open(r, e))
		return -1;
	dial_s = since(from);
	if (r->o->wait) {
		if (pass(r, e))
			return err_wrap(e, "first pass");
		puts("ready");
		fflush(stdout);
		if (!fgets(line, sizeof(line), stdin))
			return err_set(e, ERR_INTERRUPTED, "not told to go on");
		start = from = clock_mono_us();
		dial_s = 0;
	}
	if (pass(r, e)) {
		if (e->kind != ERR_INTERRUPTED || r->o->stop_at <= 0)
			return -1;
		err_clear(e);
	}
	report(r, since(from), dial_s, since(start));
	return r->differ
		       ? err_set(e, ERR_FAILED, "%zu digests differ", r->differ)
		       : 0;
}

static int usage(void)
{
	fputs("usage: nh-copy --src ADDR --dst ADDR --root DIR "
	      "[--known-hosts FILE] [--identity FILE]\n\t"
	      "[--agent FILE] [--cache DIR] [--via auto|direct|relay|tls] "
	      "[--delta METHOD]\n\t[--basis NAME] [--tree] [--wait] "
	      "[--stop-at PERCENT] {FILE... | --list FILE}\n",
	      stderr);
	return 2;
}

static bool read_list(struct opts *o, const char *path)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (fs_read_path(path, 64 << 20, &b, &e)) {
		fprintf(stderr, "nh-copy: %s\n", err_msg(&e));
		err_clear(&e);
		return false;
	}
	strv_split(&o->files, buf_str(&b), "\n");
	return true;
}

static bool parse(struct opts *o, int argc, char **argv)
{
	static const struct option longs[] = {
		{"src", 1, NULL, 's'},	    {"dst", 1, NULL, 'd'},
		{"root", 1, NULL, 'r'},	    {"known-hosts", 1, NULL, 'k'},
		{"identity", 1, NULL, 'i'}, {"agent", 1, NULL, 'a'},
		{"cache", 1, NULL, 'c'},    {"via", 1, NULL, 'v'},
		{"delta", 1, NULL, 'm'},    {"basis", 1, NULL, 'b'},
		{"tree", 0, NULL, 't'},	    {"wait", 0, NULL, 'w'},
		{"stop-at", 1, NULL, 'p'},  {"list", 1, NULL, 'l'},
		{"streams", 1, NULL, 'n'},  {"compress", 1, NULL, 'z'},
		{"bwlimit", 1, NULL, 'B'},  {NULL, 0, NULL, 0},
	};
	bool ok = true;
	int c;

	while (ok && (c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			o->src = optarg;
			break;
		case 'd':
			o->dst = optarg;
			break;
		case 'r':
			o->root = optarg;
			break;
		case 'k':
			o->known_hosts = optarg;
			break;
		case 'i':
			o->identity = optarg;
			break;
		case 'a':
			o->agent = optarg;
			break;
		case 'c':
			o->cache = optarg;
			break;
		case 'v':
			ok = transfer_via_parse(optarg, &o->via);
			if (!ok)
				fprintf(stderr, "nh-copy: no transport %s\n",
					optarg);
			break;
		case 'm':
			ok = transfer_delta_parse(optarg, &o->delta);
			break;
		case 'b':
			o->basis = optarg;
			break;
		case 't':
			o->tree = true;
			break;
		case 'w':
			o->wait = true;
			break;
		case 'p':
			o->stop_at = strtod(optarg, NULL);
			break;
		case 'n':
			o->streams = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'z':
			ok = zip_mode_parse(optarg, &o->compress);
			break;
		case 'B':
			o->bwlimit = strtoull(optarg, NULL, 10);
			break;
		case 'l':
			ok = read_list(o, optarg);
			break;
		default:
			ok = false;
		}
	}
	for (; optind < argc; optind++)
		strv_add(&o->files, argv[optind]);
	return ok && o->src && o->dst && o->root && o->files.n;
}

int main(int argc, char **argv)
{
	struct opts o = {0};
	struct run r = {.o = &o};
	struct err e = ERR_INIT;
	int rc = 0;

	signal(SIGPIPE, SIG_IGN);
	if (!parse(&o, argc, argv)) {
		strv_clear(&o.files);
		return usage();
	}
	if (run(&r, &e)) {
		fprintf(stderr, "nh-copy: %s\n", err_msg(&e));
		rc = 1;
	}
	err_clear(&e);
	hang_up(&r);
	strv_clear(&o.files);
	return rc;
}
