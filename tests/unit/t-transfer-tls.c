/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: copies between real agents over TLS: identical, resumed after a cut,
 * two jobs at once; and where TLS cannot be had, another way, and why. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"
#include "core/proc.h"
#include "core/uuid.h"
#include "transfer/ctl.h"
#include "transfer/tls.h"
#include "transfer/transfer.h"
#include "unit/side.h"
#include "wire/verbs.h"
#include "wire/wire.h"

enum { MIB = 1 << 20, FIRST = 21900, LAST = 21999 };

#define SECOND 1000000LL

static char path[64], src_root[80], dst_root[80], dst2_root[80];
static int dir;
static struct err e = ERR_INIT;
static const char *agent_exe;
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

static void fill(uint64_t off, size_t n)
{
	side_fill(dir, "src/disk", off, n);
}

static void forget(void)
{
	unlinkat(dir, "dst/.novahaul/j-test/disk", 0);
	unlinkat(dir, "dst/.novahaul/j-test/disk.part", 0);
	unlinkat(dir, "dst2/.novahaul/j-test/disk", 0);
}

/* Nobody's sshd is at port 1. */
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
		.dst_addr = "127.0.0.1",
		.dst_port = 1,
		.dst_host_keys = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILTPZZHpB"
				 "I+EhfWsnslck7TcwGoRXj6uVvMcPFwNK0st",
		.tls_port_min = FIRST,
		.tls_port_max = LAST,
	};
}

static struct transfer *dial(const struct transfer_route *r)
{
	struct transfer *t = transfer_real.open(r, &e);

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

static void same(const char *there)
{
	side_same(dir, "src/disk", there);
}

static void copy(struct transfer *t, struct transfer_result *r)
{
	struct transfer_file f = disk();

	if (transfer_real.copy(t, &f, r, &e))
		fail_msg("%s", err_msg(&e));
	assert_string_equal(r->src_digest, r->dst_digest);
	same("dst/.novahaul/j-test/disk");
}

static void thrice(struct transfer *t)
{
	struct transfer_result r;

	forget();
	fill(0, 20 * MIB + 12345);
	copy(t, &r);
	assert_int_equal(r.bytes_sent, 20 * MIB + 12345);
	assert_int_equal(r.via, transfer_real.via(t));
	fill(3 * MIB, 8192);
	copy(t, &r);
	assert_int_equal(r.bytes_sent, 8192);
	copy(t, &r);
	assert_int_equal(r.bytes_sent, 0);
}

static void t_copy(void **state)
{
	static const enum transfer_via vias[] = {TRANSFER_VIA_TLS,
						 TRANSFER_VIA_AUTO};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vias); i++) {
		struct transfer_route ro = route(vias[i]);
		struct transfer *t = dial(&ro);

		assert_int_equal(transfer_real.via(t), TRANSFER_VIA_TLS);
		assert_null(transfer_real.why_relay(t));
		assert_null(transfer_real.why_not_tls(t));
		thrice(t);
		/* The sessions are good for the next one. */
		transfer_real.close(t);
		assert_false(src.c.dead);
		assert_false(dst.c.dead);
	}
}

/* Nobody is told of TLS who was not asked for it. */
static void t_not_asked(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_AUTO);
	struct transfer *t;

	(void)state;
	ro.tls_port_min = ro.tls_port_max = 0;
	t = dial(&ro);
	assert_int_equal(transfer_real.via(t), TRANSFER_VIA_RELAY);
	assert_null(transfer_real.why_not_tls(t));
	transfer_real.close(t);
	ro.via = TRANSFER_VIA_TLS;
	assert_null(transfer_real.open(&ro, &e));
	assert_int_equal(e.kind, ERR_USAGE);
	err_clear(&e);
}

static void t_streams(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_TLS);
	struct transfer_result r = {0};
	struct transfer *t;

	(void)state;
	forget();
	ro.streams = 3;
	t = dial(&ro);
	for (int i = 0; i < 20 && r.streams < 3; i++) {
		fill(0, 16 * MIB);
		copy(t, &r);
	}
	assert_string_equal(r.streams_why, "");
	assert_int_equal(r.streams, 3);
	fill(0, 32 * MIB);
	copy(t, &r);
	fill(3 * MIB, 8192);
	copy(t, &r);
	assert_int_equal(r.bytes_sent, 8192);
	transfer_real.close(t);
	assert_int_equal(unlinkat(dir, "src/disk", 0), 0);
}

/* ---- cuts ------------------------------------------------------------ */

static struct side *victim;

static int kill_tick(void *arg, const struct transfer_progress *p,
		     struct err *err)
{
	(void)arg;
	(void)err;
	if (p->sent > 8 * MIB)
		kill(victim->p.pid, SIGKILL);
	return 0;
}

static void cut(struct side *who)
{
	struct transfer_route ro = route(TRANSFER_VIA_TLS);
	struct transfer_file f = disk();
	struct transfer_result r;
	struct transfer *t;

	forget();
	fill(0, 20 * MIB);
	ro.bwlimit = 4 * MIB;
	ro.streams = 2;
	t = dial(&ro);
	victim = who;
	f.tick = kill_tick;
	assert_int_equal(transfer_real.copy(t, &f, &r, &e), -1);
	if (e.kind != ERR_LOST)
		fail_msg("%s", err_msg(&e));
	err_clear(&e);
	assert_int_not_equal(
		faccessat(dir, "dst/.novahaul/j-test/disk", F_OK, 0), 0);
	transfer_real.close(t);
	teardown(NULL);
	setup(NULL);
	ro = route(TRANSFER_VIA_TLS);
	t = dial(&ro);
	copy(t, &r);
	assert_true(r.bytes_matched >= MIB);
	transfer_real.close(t);
}

static void t_cut(void **state)
{
	(void)state;
	cut(&src);
	cut(&dst);
}

/* Another controller takes the lease over. */
static int steal_tick(void *arg, const struct transfer_progress *p,
		      struct err *err)
{
	struct side *other = arg;

	(void)err;
	if (p->sent && !other->c.epoch)
		side_claim(other, dst_root, ++epoch, true);
	return 0;
}

static void t_stolen(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_TLS);
	struct transfer_file f = disk();
	struct transfer_result r;
	struct side other;
	struct transfer *t;

	(void)state;
	forget();
	fill(0, 12 * MIB);
	side_start(&other, agent_exe);
	ro.bwlimit = MIB;
	t = dial(&ro);
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
	/* A session of the old epoch gets nowhere. */
	dst.c.epoch = ro.epoch;
	ro.via = TRANSFER_VIA_AUTO;
	assert_null(transfer_real.open(&ro, &e));
	err_clear(&e);
	side_stop(&other);
}

/* ---- other ways ------------------------------------------------------ */

static void relayed(const struct transfer_route *ro, const char *why)
{
	struct transfer_route only = *ro;
	struct transfer *t;

	t = dial(ro);
	assert_int_equal(transfer_real.via(t), TRANSFER_VIA_RELAY);
	if (!strstr(transfer_real.why_not_tls(t), why))
		fail_msg("%s", transfer_real.why_not_tls(t));
	thrice(t);
	transfer_real.close(t);
	/* Nothing else for who wants nothing else. */
	only.via = TRANSFER_VIA_TLS;
	assert_null(transfer_real.open(&only, &e));
	if (!strstr(err_msg(&e), why))
		fail_msg("%s", err_msg(&e));
	err_clear(&e);
}

static void t_full(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_AUTO);
	unsigned port;
	int fd = tls_bind("127.0.0.1", FIRST, LAST, &port, &e);

	(void)state;
	assert_true(fd >= 0);
	ro.tls_port_min = ro.tls_port_max = port;
	relayed(&ro, "is free");
	close(fd);
}

static void t_no_address(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_AUTO);

	(void)state;
	/* Of every host's own, and so of none. */
	ro.dst_addr = "localhost";
	relayed(&ro, "no address at which others reach");
	/* Documentation's. */
	ro.dst_addr = "192.0.2.1";
	relayed(&ro, "192.0.2.1");
}

/* A source that does not get there: in a network of its own. */
static void t_unreachable(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_AUTO);
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	(void)state;
	if (home < 0 || unshare(CLONE_NEWNET)) {
		fprintf(stderr, "unreachable: needs root and namespaces\n");
		mem_closefd(&home);
		return;
	}
	side_stop(&src);
	side_start(&src, agent_exe);
	ro.src.client = &src.c;
	assert_int_equal(setns(home, CLONE_NEWNET), 0);
	close(home);
	relayed(&ro, "connect");
}

/* ---- at once --------------------------------------------------------- */

/* Two receivers that listen in one range at the same time. */
static void t_two(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_TLS);
	struct transfer_file f = disk();
	struct transfer_result r;
	struct side src2, dst2;
	struct transfer *t, *t2;

	(void)state;
	forget();
	fill(0, 5 * MIB);
	side_start(&src2, agent_exe);
	side_start(&dst2, agent_exe);
	side_claim(&dst2, dst2_root, epoch, true);
	t = dial(&ro);
	ro.src.client = &src2.c;
	ro.dst.client = &dst2.c;
	ro.dst_root = dst2_root;
	t2 = dial(&ro);
	copy(t, &r);
	assert_int_equal(transfer_real.copy(t2, &f, &r, &e), 0);
	same("dst2/.novahaul/j-test/disk");
	fill(MIB, 4096);
	copy(t, &r);
	transfer_real.close(t);
	assert_int_equal(transfer_real.copy(t2, &f, &r, &e), 0);
	same("dst2/.novahaul/j-test/disk");
	transfer_real.close(t2);
	side_stop(&src2);
	side_stop(&dst2);
}

/* ---- the listener by itself ------------------------------------------ */

static struct tls_key key;

static uint32_t listen_for(uint32_t wait_us, unsigned *port)
{
	AUTO(enc_clear) struct enc a = ENC_INIT;
	struct client_req q = {
		.type = VERB_TRANSFER_LISTEN, .args = &a, .mutates = true};
	struct frame f;
	struct dec d;
	uint32_t id;

	assert_int_equal(tls_key_make(&key, &e), 0);
	ctl_put_listen(&a, &(struct ctl_listen){.root = dst_root,
						.addr = "127.0.0.1",
						.port_min = FIRST,
						.port_max = LAST,
						.wait_us = wait_us,
						.name = key.name,
						.secret = key.secret,
						.len = sizeof(key.secret)});
	assert_int_equal(client_begin(&dst.c, &q, &id, &e), 0);
	if (client_next(&dst.c, id, &f, clock_mono_us() + 60 * SECOND, &e))
		fail_msg("%s", err_msg(&e));
	assert_int_equal(f.type, WIRE_DATA);
	dec_init(&d, f.p, f.len);
	assert_int_equal(dec_u8(&d), CTL_LISTENING);
	assert_string_equal(dec_str(&d), "127.0.0.1");
	*port = dec_u32(&d);
	assert_in_range(*port, FIRST, LAST);
	return id;
}

static struct tls *knock(const struct tls_key *k, unsigned port)
{
	struct tls_side *s = tls_side_new(TLS_DIALS, k, &e);
	struct tls *t = tls_dial(s,
				 &(struct tls_target){.addr = "127.0.0.1",
						      .port = port,
						      .timeout_us = 60 * SECOND,
						      .stop = -1},
				 NULL, &e);

	tls_side_free(s);
	return t;
}

static void t_nobody(void **state)
{
	struct transfer_route ro = route(TRANSFER_VIA_TLS);
	struct transfer *t;
	struct frame f;
	unsigned port;
	uint32_t id = listen_for(100000, &port);

	(void)state;
	assert_int_equal(
		client_next(&dst.c, id, &f, clock_mono_us() + 60 * SECOND, &e),
		-1);
	assert_int_equal(e.kind, ERR_LOST);
	assert_non_null(strstr(err_msg(&e), "nobody with the key"));
	err_clear(&e);
	assert_null(knock(&key, port));
	err_clear(&e);
	/* The session is as good as ever. */
	t = dial(&ro);
	thrice(t);
	transfer_real.close(t);
}

/* Told to end while it waits. */
static void t_called_off(void **state)
{
	struct frame end = {.type = WIRE_END}, f;
	unsigned port;
	uint32_t id = listen_for(600 * SECOND, &port);

	(void)state;
	assert_int_equal(client_send(&dst.c, id, &end, NULL, 0, &e), 0);
	if (client_next(&dst.c, id, &f, clock_mono_us() + 60 * SECOND, &e))
		fail_msg("%s", err_msg(&e));
	assert_int_equal(f.type, WIRE_OK);
	assert_null(knock(&key, port));
	err_clear(&e);
}

/* Frames of the right kind with the wrong content, from one with the key. */
static void t_nonsense(void **state)
{
	static const char bad[] = "\377\0\0\0\0\0\0\0\1";
	struct frame f;
	unsigned port;
	uint32_t id = listen_for(600 * SECOND, &port);
	struct tls_key other = key;
	struct tls *t;

	(void)state;
	other.secret[0] ^= 1;
	assert_null(knock(&other, port));
	err_clear(&e);
	other = key;
	other.name[5] = other.name[5] == '0' ? '1' : '0';
	assert_null(knock(&other, port));
	err_clear(&e);
	t = knock(&key, port);
	if (!t)
		fail_msg("%s", err_msg(&e));
	assert_int_equal(tls_write_all(t, bad, 9, clock_mono_us() + SECOND, &e),
			 0);
	assert_int_equal(tls_write_all(t, bad, 9, clock_mono_us() + SECOND, &e),
			 0);
	assert_int_equal(tls_write_all(t, bad, 9, clock_mono_us() + SECOND, &e),
			 0);
	assert_int_equal(
		client_next(&dst.c, id, &f, clock_mono_us() + 60 * SECOND, &e),
		-1);
	assert_int_equal(e.kind, ERR_LOST);
	assert_non_null(strstr(err_msg(&e), "not a frame of novahaul"));
	err_clear(&e);
	tls_close(t);
	assert_false(dst.c.dead);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_copy, setup, teardown),
		cmocka_unit_test_setup_teardown(t_not_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(t_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(t_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(t_stolen, setup, teardown),
		cmocka_unit_test_setup_teardown(t_full, setup, teardown),
		cmocka_unit_test_setup_teardown(t_no_address, setup, teardown),
		cmocka_unit_test_setup_teardown(t_unreachable, setup, teardown),
		cmocka_unit_test_setup_teardown(t_two, setup, teardown),
		cmocka_unit_test_setup_teardown(t_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(t_called_off, setup, teardown),
		cmocka_unit_test_setup_teardown(t_nonsense, setup, teardown),
	};
	char cmd[100], *exe;
	int rc;

	signal(SIGPIPE, SIG_IGN);
	snprintf(path, sizeof(path), "/tmp/nh-tls-XXXXXX");
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
	snprintf(dst2_root, sizeof(dst2_root), "%s/dst2", path);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(dir, "src", 0700) || mkdirat(dir, "dst", 0700) ||
	    mkdirat(dir, "dst/.novahaul", 0700) ||
	    mkdirat(dir, "dst/.novahaul/j-test", 0700) ||
	    mkdirat(dir, "dst2", 0700) ||
	    mkdirat(dir, "dst2/.novahaul", 0700) ||
	    mkdirat(dir, "dst2/.novahaul/j-test", 0700))
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	close(dir);
	snprintf(cmd, sizeof(cmd), "rm -rf -- '%s'", path);
	mem_free(exe);
	return system(cmd) ? 1 : rc;
}
