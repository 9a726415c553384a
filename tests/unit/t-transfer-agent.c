/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the whole way, with real agents: relayed through us, and direct through
 * a real sshd (as root, in a mount namespace of our own, so that no file of
 * this machine is touched). */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"
#include "core/proc.h"
#include "core/uuid.h"
#include "transfer/dial.h"
#include "transfer/sshkey.h"
#include "transfer/tagdir.h"
#include "transfer/transfer.h"
#include "unit/ownsshd.h"
#include "unit/side.h"
#include "wire/verbs.h"
#include "wire/wire.h"

enum { MIB = 1 << 20 };

static char path[64], src_root[80], dst_root[80];
static int dir;
static struct err e = ERR_INIT;
static const char *agent_exe;
static struct ownsshd sshd;

static struct side src, dst;

static uint64_t epoch = 1;

static int setup(void **state)
{
	(void)state;
	side_start(&src, agent_exe);
	side_start(&dst, agent_exe);
	side_claim(&dst, dst_root, ++epoch, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	err_clear(&e);
	side_stop(&src);
	side_stop(&dst);
	return 0;
}

static void fill(const char *rel, uint64_t off, size_t n)
{
	side_fill(dir, rel, off, n);
}

static struct transfer_route route(enum transfer_via via)
{
	return (struct transfer_route){
		.src = {"compute-1", &src.c},
		.dst = {"compute-2", &dst.c},
		.job = SIDE_JOB,
		.instance = SIDE_UUID,
		.epoch = epoch,
		.via = via,
		.dst_root = dst_root,
		.dst_addr = sshd.on ? "127.0.0.1" : NULL,
		.dst_port = sshd.port,
		.dst_host_keys = sshd.host_key,
	};
}

static struct transfer *dial(enum transfer_via via)
{
	struct transfer_route r = route(via);
	struct transfer *t = transfer_real.open(&r, &e);

	if (!t)
		fail_msg("%s", err_msg(&e));
	return t;
}

static struct transfer_file disk(void)
{
	return (struct transfer_file){.src_root = src_root,
				      .src_rel = "disk",
				      .dst_rel = ".novahaul/j-test/disk"};
}

static void copy(struct transfer *t, struct transfer_file f,
		 struct transfer_result *r)
{
	if (transfer_real.copy(t, &f, r, &e))
		fail_msg("%s", err_msg(&e));
	side_same(dir, "src/disk", "dst/.novahaul/j-test/disk");
	assert_true(tags_text_ok(r->src_digest));
	assert_string_equal(r->src_digest, r->dst_digest);
}

static void forget(void)
{
	unlinkat(dir, "dst/.novahaul/j-test/disk", 0);
	unlinkat(dir, "dst/.novahaul/j-test/disk.part", 0);
}

static void thrice(struct transfer *t)
{
	struct transfer_result r;

	forget();
	fill("src/disk", 0, 20 * MIB + 12345);
	copy(t, disk(), &r);
	assert_int_equal(r.bytes_sent, 20 * MIB + 12345);
	assert_int_equal(r.via, transfer_real.via(t));
	fill("src/disk", 3 * MIB, 8192);
	copy(t, disk(), &r);
	assert_int_equal(r.bytes_sent, 8192);
	copy(t, disk(), &r);
	assert_int_equal(r.bytes_sent, 0);
}

/* ---- relay ----------------------------------------------------------- */

static void t_relay(void **state)
{
	struct transfer *t = dial(TRANSFER_VIA_RELAY);

	(void)state;
	assert_int_equal(transfer_real.via(t), TRANSFER_VIA_RELAY);
	assert_non_null(transfer_real.why_relay(t));
	thrice(t);
	transfer_real.close(t);
	/* The sessions are good for the next one. */
	t = dial(TRANSFER_VIA_RELAY);
	thrice(t);
	transfer_real.close(t);
}

/* Asks the target's agent VERB about the file REL, with A behind its name. */
static void ask(uint16_t verb, const char *rel, const struct enc *more,
		struct dec *d)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct client_req q = {
		.type = verb, .args = &a, .mutates = verb != VERB_DIGEST};

	enc_str(&a, dst_root);
	enc_str(&a, rel);
	buf_put(&a.b, more->b.p, more->b.len);
	if (client_call(&dst.c, &q, d, &e))
		fail_msg("%s", err_msg(&e));
}

static bool says(uint8_t how, const char *rel, const char *text)
{
	AUTO(enc_clear) struct enc more = ENC_INIT;
	struct dec d;

	enc_u8(&more, how);
	ask(VERB_DIGEST, rel, &more, &d);
	dec_u64(&d);
	return !strcmp(dec_str(&d), text);
}

/* As install does: mode, owner, name. */
static void put_in_place(const char *from, const char *to)
{
	AUTO(enc_clear) struct enc mode = ENC_INIT;
	AUTO(enc_clear) struct enc own = ENC_INIT;
	AUTO(enc_clear) struct enc name = ENC_INIT;
	struct dec d;

	enc_u32(&mode, 0640);
	ask(VERB_CHMOD, from, &mode, &d);
	enc_str(&own, "0");
	enc_str(&own, "0");
	enc_bool(&own, true);
	enc_bool(&own, false);
	ask(VERB_CHOWN, from, &own, &d);
	enc_str(&name, dst_root);
	enc_str(&name, to);
	enc_bool(&name, false);
	ask(VERB_RENAME, from, &name, &d);
}

/* What an agent knows of a file that it made it says without reading it, as
 * long as it is that file; of any other it reads it. */
static void t_known(void **state)
{
	static const char from[] = ".novahaul/" SIDE_JOB "/disk",
			  to[] = "moved";
	AUTO(tagdir_close) struct tagdir kept = TAGDIR_INIT;
	struct transfer *t = dial(TRANSFER_VIA_RELAY);
	struct transfer_result r;
	struct tagdir_seal seal;
	char name[TAGDIR_NAME];
	struct stat st;
	int fd;

	(void)state;
	fill("src/disk", 0, 3 * MIB);
	copy(t, disk(), &r);
	transfer_real.close(t);
	assert_true(says(1, from, r.dst_digest));
	clock_sleep_us(20000);
	put_in_place(from, to);
	assert_int_equal(fstatat(dir, "dst/moved", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(tagdir_open(&kept, dir, "dst/.novahaul/" SIDE_JOB, &e),
			 0);
	tagdir_name_of(&st, name);
	assert_true(tagdir_known(&kept, name, &st, &seal));
	assert_string_equal(seal.text, r.dst_digest);
	assert_true(says(1, to, r.dst_digest));
	assert_true(says(2, to, r.dst_digest));
	assert_false(says(0, to, r.dst_digest));
	clock_sleep_us(20000);
	fd = openat(dir, "dst/moved", O_WRONLY);
	assert_int_equal(pwrite(fd, "x", 1, MIB), 1);
	close(fd);
	assert_false(says(1, to, r.dst_digest));
	/* Without the key nobody can tell. */
	assert_int_equal(unlinkat(dir, "dst/.novahaul/" SIDE_JOB "/key", 0), 0);
	assert_true(says(1, to, ""));
	assert_int_equal(unlinkat(dir, "dst/moved", 0), 0);
	forget();
}

static void t_refused(void **state)
{
	struct transfer *t = dial(TRANSFER_VIA_RELAY);
	struct transfer_file f = disk();
	struct transfer_result r;
	static const char *const bad[] = {"disk", ".novahaul/disk",
					  ".novahaul/j-test2/disk",
					  ".novahaul/j-test/../../x", "/x"};

	(void)state;
	fill("src/disk", 0, 10000);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		f.dst_rel = bad[i];
		assert_int_equal(transfer_real.copy(t, &f, &r, &e), -1);
		assert_int_equal(e.kind, ERR_REFUSED);
		err_clear(&e);
	}
	f = disk();
	f.src_rel = "nothing";
	assert_int_equal(transfer_real.copy(t, &f, &r, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_non_null(strstr(err_msg(&e), "copying nothing from compute-1"));
	err_clear(&e);
	copy(t, disk(), &r);
	transfer_real.close(t);
}

static int ticks, stop_after;

static int on_tick(void *arg, const struct transfer_progress *p,
		   struct err *err)
{
	(void)arg;
	(void)p;
	if (++ticks <= stop_after)
		return 0;
	return err_set(err, ERR_INTERRUPTED, "stopped");
}

static void t_cancel(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_RELAY);
	struct transfer_file f = disk();
	struct transfer_result r;
	struct transfer *t;

	(void)state;
	forget();
	fill("src/disk", 0, 12 * MIB);
	ro.bwlimit = 6 * MIB;
	t = transfer_real.open(&ro, &e);
	assert_non_null(t);
	f.tick = on_tick;
	ticks = 0;
	stop_after = 2;
	assert_int_equal(transfer_real.copy(t, &f, &r, &e), -1);
	assert_int_equal(e.kind, ERR_INTERRUPTED);
	err_clear(&e);
	assert_int_equal(
		faccessat(dir, "dst/.novahaul/j-test/disk.part", F_OK, 0), 0);
	copy(t, disk(), &r);
	assert_true(r.bytes_matched > 0);
	transfer_real.close(t);
}

/* The source's agent dies under it. */
static int kill_tick(void *arg, const struct transfer_progress *p,
		     struct err *err)
{
	(void)arg;
	(void)err;
	if (p->sent > 2 * MIB)
		kill(src.p.pid, SIGKILL);
	return 0;
}

static void t_lost(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_RELAY);
	struct transfer_file f = disk();
	struct transfer_result r;
	struct transfer *t;

	(void)state;
	forget();
	fill("src/disk", 0, 12 * MIB);
	ro.bwlimit = 8 * MIB;
	t = transfer_real.open(&ro, &e);
	assert_non_null(t);
	f.tick = kill_tick;
	assert_int_equal(transfer_real.copy(t, &f, &r, &e), -1);
	assert_int_equal(e.kind, ERR_LOST);
	err_clear(&e);
	assert_int_equal(transfer_real.copy(t, &f, &r, &e), -1);
	assert_int_equal(e.kind, ERR_LOST);
	err_clear(&e);
	transfer_real.close(t);
	side_stop(&src);
	side_start(&src, agent_exe);
	t = dial(TRANSFER_VIA_RELAY);
	copy(t, disk(), &r);
	assert_true(r.bytes_matched >= 2 * MIB);
	transfer_real.close(t);
}

/* ---- many files ------------------------------------------------------ */

enum { LIST = 300, LARGE = 7 };

struct list {
	struct transfer_file f[LIST];
	struct transfer_result r[LIST];
	char src[LIST][32], dst[LIST][64];
};

/* Small ones, and one that is not; no directory of theirs is on the target. */
static struct list *list_new(void)
{
	struct list *l = MEM_NEW(struct list);

	for (int i = 0; i < LIST; i++) {
		snprintf(l->src[i], sizeof(l->src[i]), "src/m-%d", i);
		snprintf(l->dst[i], sizeof(l->dst[i]),
			 ".novahaul/j-test/many/%d/m-%d", i / 6, i);
		fill(l->src[i], 0, i == LARGE ? 6 * MIB : 1 + (size_t)i);
		l->f[i] = (struct transfer_file){.src_root = src_root,
						 .src_rel = l->src[i] + 4,
						 .dst_rel = l->dst[i]};
	}
	return l;
}

static bool arrived(const struct list *l, int i)
{
	char sum[2][DIGEST_TEXT_MAX], dst_name[80];
	int fd[2];

	snprintf(dst_name, sizeof(dst_name), "dst/%s", l->dst[i]);
	fd[0] = openat(dir, l->src[i], O_RDONLY);
	fd[1] = openat(dir, dst_name, O_RDONLY);
	if (fd[1] < 0) {
		close(fd[0]);
		return false;
	}
	for (int k = 0; k < 2; k++) {
		assert_int_equal(digest_fd(fd[k], NULL, NULL, sum[k], &e), 0);
		close(fd[k]);
	}
	return !strcmp(sum[0], sum[1]);
}

static void list_ok(struct transfer *t, struct list *l)
{
	if (transfer_real.copy_many(t, l->f, LIST, l->r, &e))
		fail_msg("%s", err_msg(&e));
	for (int i = 0; i < LIST; i++) {
		assert_true(arrived(l, i));
		assert_string_equal(l->r[i].src_digest, l->r[i].dst_digest);
		assert_true(l->r[i].dst_digest[0]);
		assert_int_equal(l->r[i].via, transfer_real.via(t));
	}
}

static uint64_t list_sent(const struct list *l)
{
	uint64_t n = 0;

	for (int i = 0; i < LIST; i++)
		n += l->r[i].bytes_sent;
	return n;
}

static void list_gone(void)
{
	char *argv[] = {(char *)"rm", (char *)"-rf", NULL, NULL};
	struct proc p = {.argv = argv, .timeout_us = 10000000};

	argv[2] = mem_printf("%s/.novahaul/j-test/many", dst_root);
	assert_int_equal(proc_run(&p, &e), 0);
	proc_clear(&p);
	mem_free(argv[2]);
}

static void many(enum transfer_via via)
{
	struct transfer *t = dial(via);
	struct list *l = list_new();
	size_t bad = 200;

	list_gone();
	list_ok(t, l);
	assert_true(list_sent(l) >= 6 * MIB);
	list_ok(t, l);
	assert_int_equal(list_sent(l), 0);
	/* One that is not there; those before it are. */
	list_gone();
	assert_int_equal(unlinkat(dir, l->src[bad], 0), 0);
	assert_int_equal(transfer_real.copy_many(t, l->f, LIST, l->r, &e), -1);
	assert_int_equal(e.kind, ERR_FAILED);
	assert_int_equal(e.sys, ENOENT);
	assert_non_null(strstr(err_msg(&e), "copying m-200: "));
	assert_non_null(strstr(err_msg(&e), "from compute-1 to compute-2"));
	err_clear(&e);
	for (size_t i = 0; i < LIST; i++)
		assert_int_equal(l->r[i].dst_digest[0] != 0,
				 i < bad && i != LARGE);
	fill(l->src[bad], 0, 100);
	/* And one that the target has no place for. */
	l->f[3].dst_rel = "elsewhere/m";
	assert_int_equal(transfer_real.copy_many(t, l->f, LIST, l->r, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	assert_non_null(strstr(err_msg(&e), "copying m-3: on the target"));
	err_clear(&e);
	l->f[3].dst_rel = l->dst[3];
	list_ok(t, l);
	assert_int_equal(transfer_real.copy_many(t, l->f, 0, l->r, &e), 0);
	transfer_real.close(t);
	mem_free(l);
}

static void t_many(void **state)
{
	(void)state;
	many(TRANSFER_VIA_RELAY);
	if (sshd.on)
		many(TRANSFER_VIA_DIRECT);
}

/* All of L is to be sent anew, slowly enough for TICK to be called. */
static struct transfer *list_slow(struct list *l, transfer_tick *tick)
{
	struct transfer_route ro = route(TRANSFER_VIA_RELAY);
	struct transfer *t;

	list_gone();
	for (int i = 0; i < LIST; i++) {
		fill(l->src[i], 0, 30000);
		l->f[i].tick = tick;
	}
	ro.bwlimit = 8 * MIB;
	t = transfer_real.open(&ro, &e);
	assert_non_null(t);
	return t;
}

static void t_many_cancel(void **state)
{
	struct list *l = list_new();
	struct transfer *t;

	(void)state;
	t = list_slow(l, on_tick);
	ticks = 0;
	stop_after = 2;
	assert_int_equal(transfer_real.copy_many(t, l->f, LIST, l->r, &e), -1);
	assert_int_equal(e.kind, ERR_INTERRUPTED);
	err_clear(&e);
	stop_after = INT32_MAX;
	list_ok(t, l);
	assert_true(list_sent(l) < (uint64_t)6 * MIB + LIST * 30000);
	transfer_real.close(t);
	mem_free(l);
}

/* The source's agent dies within the list. */
static void t_many_lost(void **state)
{
	struct list *l = list_new();
	struct transfer *t;
	bool *had = MEM_NEW_N(bool, LIST);

	(void)state;
	t = list_slow(l, kill_tick);
	assert_int_equal(transfer_real.copy_many(t, l->f, LIST, l->r, &e), -1);
	assert_int_equal(e.kind, ERR_LOST);
	err_clear(&e);
	for (int i = 0; i < LIST; i++) {
		had[i] = l->r[i].dst_digest[0];
		l->f[i].tick = NULL;
	}
	assert_int_equal(transfer_real.copy_many(t, l->f, LIST, l->r, &e), -1);
	assert_int_equal(e.kind, ERR_LOST);
	err_clear(&e);
	transfer_real.close(t);
	side_stop(&src);
	side_start(&src, agent_exe);
	t = dial(TRANSFER_VIA_RELAY);
	list_ok(t, l);
	for (int i = 0; i < LIST; i++)
		if (had[i])
			assert_int_equal(l->r[i].bytes_sent, 0);
	transfer_real.close(t);
	mem_free(had);
	mem_free(l);
}

/* ---- the limit ------------------------------------------------------- */

static struct transfer *limited; /* whose limit the tick lifts */
static int64_t lift_us;

static int lift(void *arg, const struct transfer_progress *p, struct err *err)
{
	(void)arg;
	(void)p;
	if (!limited || clock_mono_us() < lift_us)
		return 0;
	if (transfer_real.limit(limited, 0, err))
		return -1;
	limited = NULL;
	return 0;
}

static void paced(enum transfer_via via)
{
	struct transfer_route ro = route(via);
	struct transfer_file f = disk();
	struct transfer_result r;
	struct transfer *t;
	int64_t us;

	forget();
	fill("src/disk", 0, 12 * MIB);
	ro.bwlimit = 64 << 10;
	t = transfer_real.open(&ro, &e);
	assert_non_null(t);
	/* Between files; two or three seconds of it. */
	assert_int_equal(transfer_real.limit(t, 8 * MIB, &e), 0);
	us = clock_mono_us();
	copy(t, f, &r);
	us = clock_mono_us() - us;
	print_message("%.1f MiB on the wire in %.2f s\n",
		      (double)r.bytes_wire / MIB, (double)us / 1e6);
	/* Not faster; slower is what a busy machine is, but not as slow as the
	 * limit before: three minutes. */
	assert_in_range(us, r.bytes_wire * 950 / (8 * MIB) * 1000, 60000000);
	/* In the middle of one that would take three minutes. */
	forget();
	assert_int_equal(transfer_real.limit(t, 64 << 10, &e), 0);
	f.tick = lift;
	limited = t;
	us = clock_mono_us();
	lift_us = us + 500000;
	copy(t, f, &r);
	assert_null(limited);
	assert_in_range(clock_mono_us() - us, 500000, 60000000);
	transfer_real.close(t);
}

static void t_limit(void **state)
{
	(void)state;
	paced(TRANSFER_VIA_RELAY);
	if (sshd.on)
		paced(TRANSFER_VIA_DIRECT);
}

/* Another controller takes the lease over: what is under way ends, and what
 * comes later is refused. */
static int steal_tick(void *arg, const struct transfer_progress *p,
		      struct err *err)
{
	struct side *other = arg;

	(void)err;
	if (p->sent > 2 * MIB && !other->c.epoch)
		side_claim(other, dst_root, ++epoch, true);
	return 0;
}

static void t_stolen(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_RELAY);
	struct transfer_file f = disk();
	struct transfer_result r;
	struct side other;
	struct transfer *t;

	(void)state;
	forget();
	fill("src/disk", 0, 12 * MIB);
	side_start(&other, agent_exe);
	ro.bwlimit = 8 * MIB;
	t = transfer_real.open(&ro, &e);
	assert_non_null(t);
	f.tick = steal_tick;
	f.arg = &other;
	assert_int_equal(transfer_real.copy(t, &f, &r, &e), -1);
	if (e.kind != ERR_LOST && e.kind != ERR_STALE)
		fail_msg("%s", err_msg(&e));
	err_clear(&e);
	assert_int_not_equal(
		faccessat(dir, "dst/.novahaul/j-test/disk", F_OK, 0), 0);
	transfer_real.close(t);
	side_stop(&dst);
	side_start(&dst, agent_exe);
	/* A session of the old epoch. */
	dst.c.epoch = ro.epoch;
	assert_null(transfer_real.open(&ro, &e));
	err_clear(&e);
	side_stop(&other);
}

/* ---- direct ---------------------------------------------------------- */

static bool no_sshd(void)
{
	if (!sshd.on)
		fprintf(stderr, "direct: needs root, sshd and namespaces\n");
	return !sshd.on;
}

/* Is our line in root's authorized_keys? */
static bool key_there(void)
{
	struct buf b = BUF_INIT;
	bool there = !fs_read_path(sshd.keys, 100000, &b, &e) &&
		     strstr(buf_str(&b), "novahaul:j-test");

	err_clear(&e);
	buf_clear(&b);
	return there;
}

static void t_direct(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_DIRECT);
	struct transfer *t;

	(void)state;
	if (no_sshd())
		return;
	t = dial(TRANSFER_VIA_DIRECT);
	assert_int_equal(transfer_real.via(t), TRANSFER_VIA_DIRECT);
	assert_null(transfer_real.why_relay(t));
	assert_true(key_there());
	thrice(t);
	transfer_real.close(t);
	assert_false(key_there());
	assert_int_equal(transfer_real.revoke(&ro.dst, SIDE_JOB, NULL, &e), 0);
	t = dial(TRANSFER_VIA_AUTO);
	assert_int_equal(transfer_real.via(t), TRANSFER_VIA_DIRECT);
	thrice(t);
	transfer_real.close(t);
	assert_int_equal(transfer_real.revoke(&ro.dst, SIDE_JOB, NULL, &e), 0);
	assert_false(key_there());
}

/* Far more than the first connection takes at once: further ones join. */
static void t_streams(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_DIRECT);
	struct transfer_result r = {0};
	struct transfer *t;

	(void)state;
	if (no_sshd())
		return;
	forget();
	ro.streams = 3;
	t = transfer_real.open(&ro, &e);
	assert_non_null(t);
	for (int i = 0; i < 4 && r.streams < 3; i++) {
		fill("src/disk", 0, 64 * MIB);
		copy(t, disk(), &r);
	}
	if (r.streams < 2)
		fail_msg("%u streams: %s", r.streams, r.streams_why);
	assert_string_equal(r.streams_why, "");
	fill("src/disk", 3 * MIB, 8192);
	copy(t, disk(), &r);
	assert_int_equal(r.bytes_sent, 8192);
	transfer_real.close(t);
	assert_int_equal(unlinkat(dir, "src/disk", 0), 0);
	assert_false(key_there());
}

static void t_direct_fails(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_DIRECT);
	struct transfer *t;

	(void)state;
	if (no_sshd())
		return;
	/* Another host's key. */
	ro.dst_host_keys =
		"ssh-ed25519 "
		"AAAAC3NzaC1lZDI1NTE5AAAAILTPZZHpBI+EhfWsnslck7TcwGoRXj6uVvMcPF"
		"wNK0st";
	assert_null(transfer_real.open(&ro, &e));
	assert_non_null(strstr(err_msg(&e), "Host key verification failed"));
	err_clear(&e);
	assert_false(key_there());
	ro.via = TRANSFER_VIA_AUTO;
	t = transfer_real.open(&ro, &e);
	assert_non_null(t);
	assert_int_equal(transfer_real.via(t), TRANSFER_VIA_RELAY);
	assert_non_null(strstr(transfer_real.why_relay(t), "Host key"));
	assert_false(key_there());
	thrice(t);
	transfer_real.close(t);
	/* Nobody there. */
	ro = route(TRANSFER_VIA_AUTO);
	ro.dst_port = 1;
	t = transfer_real.open(&ro, &e);
	assert_non_null(t);
	assert_non_null(strstr(transfer_real.why_relay(t), "refused"));
	thrice(t);
	transfer_real.close(t);
}

/* ---- the way there --------------------------------------------------- */

/* How often each session was wanted. */
struct wanted {
	unsigned src, dst, asked;
	bool answered; /* before the source's session was there */
};

static struct client *late_open(void *arg, bool is_src, struct err *err)
{
	struct wanted *w = arg;
	struct pollfd p = {dst.p.out, POLLIN, 0};

	(void)err;
	if (!is_src) {
		w->dst++;
		return &dst.c;
	}
	w->src++;
	if (w->asked)
		w->answered = poll(&p, 1, 20000) == 1;
	return &src.c;
}

static struct client *late_ask(void *arg, struct err *err)
{
	struct wanted *w = arg;

	(void)err;
	w->asked++;
	return &dst.c;
}

/* A direct transfer opens one session, the source's, while the target's agent
 * already works on the key; it takes a second one only for a relay. */
static void t_late(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_DIRECT);
	struct wanted w = {0};
	struct transfer *t;

	(void)state;
	ro.src.client = ro.dst.client = NULL;
	ro.epoch = 0;
	ro.late = (struct transfer_late){late_open, late_ask, &w};
	if (!no_sshd()) {
		t = transfer_real.open(&ro, &e);
		if (!t)
			fail_msg("%s", err_msg(&e));
		assert_true(key_there());
		assert_true(w.answered);
		thrice(t);
		transfer_real.close(t);
		assert_false(key_there());
		assert_int_equal(w.src, 1);
		assert_int_equal(w.dst, 0);
		assert_int_equal(w.asked, 2);
		/* Nobody there: then the other way. */
		ro.via = TRANSFER_VIA_AUTO;
		ro.dst_port = 1;
		t = transfer_real.open(&ro, &e);
		assert_non_null(t);
		assert_int_equal(transfer_real.via(t), TRANSFER_VIA_RELAY);
		assert_false(key_there());
		thrice(t);
		transfer_real.close(t);
		assert_int_equal(w.src, 2);
		assert_int_equal(w.dst, 1);
		assert_int_equal(w.asked, 4);
	}
	w = (struct wanted){0};
	ro.via = TRANSFER_VIA_RELAY;
	t = transfer_real.open(&ro, &e);
	assert_non_null(t);
	thrice(t);
	transfer_real.close(t);
	assert_int_equal(w.src, 1);
	assert_int_equal(w.dst, 1);
	assert_int_equal(w.asked, 0);
}

static struct client *late_never(void *arg, bool is_src, struct err *err)
{
	(void)arg;
	(void)is_src;
	err_set(err, ERR_RETRY, "no way to the source");
	return NULL;
}

/* A source that cannot be reached: the key goes again. */
static void t_late_fails(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_AUTO);
	struct wanted w = {0};

	(void)state;
	if (no_sshd())
		return;
	ro.src.client = ro.dst.client = NULL;
	ro.late = (struct transfer_late){late_never, late_ask, &w};
	assert_null(transfer_real.open(&ro, &e));
	assert_int_equal(e.kind, ERR_RETRY);
	assert_non_null(strstr(err_msg(&e), "no way to the source"));
	assert_null(strstr(err_msg(&e), "key"));
	assert_false(key_there());
	assert_false(dst.c.dead);
}

static size_t framed(const struct enc *a)
{
	return WIRE_HEADER + a->b.len;
}

/* The bytes of a hello and of the request for a receiver. */
static size_t first_bytes(void)
{
	AUTO(enc_clear) struct enc h = ENC_INIT, r = ENC_INIT;

	enc_u32(&h, WIRE_PROTOCOL);
	enc_str(&h, wire_build());
	enc_str(&r, dst_root);
	enc_u64(&r, 0);
	enc_bool(&r, true);
	return framed(&h) + framed(&r);
}

/* Replaces root's keys. */
static void put_keys(const char *text)
{
	int fd = open(sshd.keys, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fs_write_all(fd, text, strlen(text), &e), 0);
	close(fd);
}

/* An agent that starts only once it has been asked for all that it is asked
 * first: nobody waits a round trip between.  How far it is, is not asked for
 * its own sake. */
static void t_dial(void **state)
{
	struct ctl_send s = {.direct = true,
			     .addr = "127.0.0.1",
			     .port = sshd.port,
			     .host_keys = sshd.host_key,
			     .root = dst_root,
			     .epoch = epoch};
	struct chan_msg m;
	struct sshkey key;
	struct dial d;
	char *line;

	(void)state;
	if (no_sshd())
		return;
	assert_int_equal(sshkey_make(&key, SIDE_JOB, &e), 0);
	line = mem_printf("restrict,command=\"head -c %zu >%s/first; "
			  "(cat %s/first; exec cat) | %s --receive %s %s %s\" "
			  "%s\n",
			  first_bytes(), path, path, agent_exe, dst_root,
			  SIDE_UUID, SIDE_JOB, key.line);
	put_keys(line);
	s.key = buf_str(&key.secret);
	if (dial_open(&d, &s, 20000000, &e))
		fail_msg("%s", err_msg(&e));
	assert_int_equal(d.streams, 0);
	for (int i = 0; i < 200 && !d.streams; i++) {
		if (chan_recv(&d.chan, &m, 100000, &e))
			assert_int_equal(e.sys, ETIMEDOUT);
		err_clear(&e);
	}
	assert_true(d.streams > 0);
	assert_true(d.pongs > 0);
	dial_close(&d);
	put_keys("# somebody's\n");
	sshkey_clear(&key);
	mem_free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_relay, setup, teardown),
		cmocka_unit_test_setup_teardown(t_known, setup, teardown),
		cmocka_unit_test_setup_teardown(t_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(t_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(t_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(t_many, setup, teardown),
		cmocka_unit_test_setup_teardown(t_many_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(t_many_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(t_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(t_stolen, setup, teardown),
		cmocka_unit_test_setup_teardown(t_direct, setup, teardown),
		cmocka_unit_test_setup_teardown(t_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(t_direct_fails, setup,
						teardown),
		cmocka_unit_test_setup_teardown(t_late, setup, teardown),
		cmocka_unit_test_setup_teardown(t_late_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(t_dial, setup, teardown),
	};
	char cmd[100], *exe;
	int rc;

	signal(SIGPIPE, SIG_IGN);
	snprintf(path, sizeof(path), "/tmp/nh-agents-XXXXXX");
	if (!mkdtemp(path))
		return 1;
	exe = side_program(path);
	if (!exe) {
		rmdir(path);
		return 77;
	}
	agent_exe = exe;
	snprintf(src_root, sizeof(src_root), "%s/src", path);
	snprintf(dst_root, sizeof(dst_root), "%s/dst", path);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(dir, "src", 0700) || mkdirat(dir, "dst", 0700) ||
	    mkdirat(dir, "dst/.novahaul", 0700) ||
	    mkdirat(dir, "dst/.novahaul/j-test", 0700))
		return 1;
	ownsshd_start(&sshd, path);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	ownsshd_stop(&sshd);
	close(dir);
	snprintf(cmd, sizeof(cmd), "rm -rf -- '%s'", path);
	mem_free(exe);
	return system(cmd) ? 1 : rc;
}
