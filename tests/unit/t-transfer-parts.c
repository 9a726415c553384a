/* SPDX-License-Identifier: Apache-2.0 */
/* Fingerprints, librsync, the bandwidth limit, keys and their files. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/fs.h"
#include "core/proc.h"
#include "core/uuid.h"
#include "transfer/authkeys.h"
#include "transfer/ctl.h"
#include "transfer/dial.h"
#include "transfer/fingerprint.h"
#include "transfer/grain.h"
#include "transfer/nudge.h"
#include "transfer/rsdelta.h"
#include "transfer/sshkey.h"
#include "transfer/throttle.h"

static struct err e = ERR_INIT;

/* ---- acknowledgements ------------------------------------------------ */

static void t_ack(void **state)
{
	struct chan c = {.last_out = clock_mono_us() + 3600 * 1000000LL};

	(void)state;
	assert_false(chan_ack_due(&c, XP_ACK_EVERY - 1));
	assert_true(chan_ack_due(&c, XP_ACK_EVERY));
	c.last_out = clock_mono_us() - XP_ALIVE_US;
	assert_true(chan_ack_due(&c, 1));
}

/* ---- in what pieces a file is written -------------------------------- */

/* So many of N writes in small pieces; a MiB costs LARGE or SMALL ns. */
static unsigned small_of(struct grain *g, unsigned n, int64_t large,
			 int64_t small)
{
	unsigned count = 0;

	for (unsigned i = 0; i < n; i++) {
		enum grain_kind k = grain_pick(g);

		count += k == GRAIN_SMALL;
		grain_note(g, k, GRAIN_MIN,
			   (k == GRAIN_SMALL ? small : large) / 16);
	}
	return count;
}

static void t_grain(void **state)
{
	struct grain g = {.n = 0};
	unsigned rare = 100 * GRAIN_TRY;

	(void)state;
	/* The cheaper one, the other once in a while. */
	assert_in_range(small_of(&g, rare, 200000, 300000), 100, 102);
	/* It has changed. */
	assert_true(small_of(&g, rare, 2000000, 300000) > rare / 2);
	assert_in_range(small_of(&g, rare, 2000000, 300000), rare - 100, rare);
	assert_true(small_of(&g, rare, 200000, 300000) < rare / 2);
	/* Little says nothing. */
	g = (struct grain){.n = 0};
	grain_note(&g, GRAIN_LARGE, GRAIN_MIN - 1, 1000);
	assert_int_equal(g.cost[GRAIN_LARGE], 0);
}

/* ---- fingerprints ---------------------------------------------------- */

static void t_fingerprint(void **state)
{
	uint8_t key[FINGERPRINT_KEY] = {1}, other[FINGERPRINT_KEY] = {2};
	uint8_t a[16], b[16], fine[16][FINGERPRINT_LEN];
	struct fingerprint *f = fingerprint_new(key);
	struct fingerprint *g = fingerprint_new(key);
	struct fingerprint *h = fingerprint_new(other);
	char *p = mem_calloc(1, FINGERPRINT_BLOCK);

	(void)state;
	memset(p, 'x', FINGERPRINT_BLOCK);
	/* The same for both ends; another for each place, length and key. */
	fingerprint_tag(f, 65536, p, FINGERPRINT_BLOCK, a);
	fingerprint_tag(g, 65536, p, FINGERPRINT_BLOCK, b);
	assert_memory_equal(a, b, 16);
	fingerprint_tag(f, 131072, p, FINGERPRINT_BLOCK, b);
	assert_memory_not_equal(a, b, 16);
	fingerprint_tag(f, 65536, p, FINGERPRINT_BLOCK - 1, b);
	assert_memory_not_equal(a, b, 16);
	fingerprint_tag(h, 65536, p, FINGERPRINT_BLOCK, b);
	assert_memory_not_equal(a, b, 16);
	/* Every byte counts. */
	for (size_t i = 0; i < FINGERPRINT_BLOCK; i += 997) {
		p[i] ^= 1;
		fingerprint_tag(f, 65536, p, FINGERPRINT_BLOCK, b);
		assert_memory_not_equal(a, b, 16);
		p[i] ^= 1;
	}
	assert_int_equal(fingerprint_fine(f, 0, p, 8193, fine), 3);
	fingerprint_tag(f, 4096, p, 4096, b);
	assert_memory_equal(fine[1], b, 16);
	fingerprint_tag(f, 8192, p, 1, b);
	assert_memory_equal(fine[2], b, 16);
	fingerprint_free(f);
	fingerprint_free(g);
	fingerprint_free(h);
	mem_free(p);
}

/* ---- librsync -------------------------------------------------------- */

static int collect(void *arg, const void *p, size_t n, struct err *err)
{
	(void)err;
	buf_put(arg, p, n);
	return 0;
}

static void run(struct rsdelta *r, const struct buf *in, struct buf *unused)
{
	(void)unused;
	assert_int_equal(rsdelta_push(r, in->p, in->len, &e), 0);
	assert_int_equal(rsdelta_finish(r, &e), 0);
}

static int basis_file(const struct buf *b)
{
	char path[] = "/tmp/nh-parts-XXXXXX";
	int fd = mkstemp(path);

	unlink(path);
	assert_int_equal(fs_write_all(fd, b->p, b->len, &e), 0);
	return fd;
}

static void t_rsdelta(void **state)
{
	struct buf old = BUF_INIT, new = BUF_INIT, sig = BUF_INIT;
	struct buf delta = BUF_INIT, got = BUF_INIT;
	struct rsdelta *r, *load;
	int fd;

	(void)state;
	for (unsigned i = 0; i < 300000; i++)
		buf_printf(&old, "%u,", i * 7919);
	buf_puts(&new, "something in front");
	buf_put(&new, old.p + 1000000, 500000);
	buf_put(&new, old.p, 700000);
	fd = basis_file(&old);
	run(r = rsdelta_sig(2048, collect, &sig), &old, NULL);
	rsdelta_free(r);
	run(load = rsdelta_load(), &sig, NULL);
	run(r = rsdelta_delta(load, collect, &delta), &new, NULL);
	rsdelta_free(r);
	assert_true(delta.len < 10000);
	run(r = rsdelta_patch(fd, collect, &got), &delta, NULL);
	rsdelta_free(r);
	assert_int_equal(got.len, new.len);
	assert_memory_equal(got.p, new.p, new.len);
	/* Nothing in, nothing out. */
	buf_reset(&delta);
	buf_reset(&got);
	buf_reset(&new);
	run(r = rsdelta_delta(load, collect, &delta), &new, NULL);
	rsdelta_free(r);
	run(r = rsdelta_patch(fd, collect, &got), &delta, NULL);
	rsdelta_free(r);
	assert_int_equal(got.len, 0);
	rsdelta_free(load);
	close(fd);
	buf_clear(&old);
	buf_clear(&new);
	buf_clear(&sig);
	buf_clear(&delta);
	buf_clear(&got);
}

/* Cut and garbled streams are errors, not crashes or endless loops. */
static void t_rsdelta_bad(void **state)
{
	static const char basis[] = "the basis";
	struct buf b = {0}, in = BUF_INIT, out = BUF_INIT;
	unsigned seed = (unsigned)time(NULL);
	int fd;

	(void)state;
	fprintf(stderr, "SEED=%u\n", seed);
	buf_puts(&b, basis);
	fd = basis_file(&b);
	for (int i = 0; i < 300; i++) {
		struct rsdelta *r = i % 2 ? rsdelta_load()
					  : rsdelta_patch(fd, collect, &out);

		buf_reset(&in);
		buf_put(&in, i % 2 ? "rs\1G" : "rs\2\66", 4);
		for (int k = (int)(rand_r(&seed) % 60); k; k--)
			buf_putc(&in, (char)rand_r(&seed));
		if (!rsdelta_push(r, in.p, in.len, &e))
			rsdelta_finish(r, &e);
		err_clear(&e);
		rsdelta_free(r);
		buf_reset(&out);
	}
	close(fd);
	buf_clear(&b);
	buf_clear(&in);
	buf_clear(&out);
	assert_int_equal(rsdelta_block(1 << 20), 2048);
	assert_int_equal(rsdelta_block(2000 << 20), 4096);
	assert_int_equal(rsdelta_block(1ULL << 40), 0);
}

/* ---- the limit ------------------------------------------------------- */

static int64_t now_us = 1;

static int64_t fake_mono(void)
{
	return now_us;
}

static const struct clock_ops fake_clock = {.mono_us = fake_mono};

/* Bytes that go out in SECONDS, in pieces as the sender makes them; a sleep
 * takes a little longer than it was asked for. */
static uint64_t in_time(struct throttle *t, int seconds)
{
	int64_t end = now_us + seconds * 1000000LL;
	uint64_t sent = 0;

	for (;;) {
		size_t n = throttle_piece(t, 256 << 10);
		int64_t us;

		while ((us = throttle_wait(t)) > 0)
			now_us += us + 60;
		if (now_us >= end)
			return sent;
		throttle_charge(t, n);
		sent += n;
		now_us += 20 + (int64_t)n / 1000; /* to send it */
	}
}

static void exact(struct throttle *t, uint64_t rate)
{
	uint64_t sent = in_time(t, 10);

	assert_in_range(sent, rate * 10 * 95 / 100, rate * 10 * 105 / 100);
}

/* Within 5 % over ten seconds, also right after it was changed. */
static void t_throttle_exact(void **state)
{
	static const uint64_t rates[] = {1000000,   10000000, 100000000,
					 500000000, 65536,    3000000};
	struct throttle t;

	(void)state;
	clock_set_ops(&fake_clock);
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		throttle_init(&t, rates[i]);
		exact(&t, rates[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		throttle_set(&t, rates[i]);
		exact(&t, rates[i]);
	}
	/* What was sent ahead at a high rate is no debt for hours. */
	throttle_set(&t, 1000000000);
	throttle_charge(&t, 500000000);
	throttle_set(&t, 1024);
	assert_in_range(throttle_wait(&t), 900000, 1000000);
	/* None, and then one again: nothing is owed for in between. */
	throttle_set(&t, 0);
	throttle_charge(&t, 1ULL << 40);
	throttle_set(&t, 1000000);
	assert_int_equal(throttle_wait(&t), 0);
	exact(&t, 1000000);
	clock_set_ops(NULL);
}

static void t_throttle(void **state)
{
	struct throttle t;

	(void)state;
	clock_set_ops(&fake_clock);
	throttle_init(&t, 10000000);
	/* Idle time is not saved up. */
	now_us += 100000000;
	throttle_charge(&t, 1000000);
	assert_int_equal(throttle_wait(&t), 0);
	throttle_charge(&t, 1000000);
	assert_in_range(throttle_wait(&t), 90000, 100000);
	throttle_init(&t, 0);
	throttle_charge(&t, UINT64_MAX);
	assert_int_equal(throttle_wait(&t), 0);
	assert_int_equal(throttle_piece(&t, 77), 77);
	throttle_init(&t, 1000);
	assert_int_equal(throttle_piece(&t, 1 << 20), 4096);
	clock_set_ops(NULL);
}

/* ---- keys ------------------------------------------------------------ */

static void t_sshkey(void **state)
{
	char path[] = "/tmp/nh-key-XXXXXX";
	char *argv[] = {(char *)"ssh-keygen", (char *)"-y", (char *)"-f", path,
			NULL};
	struct proc p = {.argv = argv, .timeout_us = 20000000};
	struct sshkey k, l;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(sshkey_make(&k, "novahaul:j-1", &e), 0);
	assert_int_equal(sshkey_make(&l, "novahaul:j-1", &e), 0);
	assert_string_not_equal(k.line, l.line);
	assert_int_equal(fs_write_all(fd, k.secret.p, k.secret.len, &e), 0);
	close(fd);
	if (!proc_run(&p, &e)) {
		assert_int_equal(p.exit_code, 0);
		/* It reads the secret half and finds the public one. */
		assert_memory_equal(buf_str(&p.out), k.line, strlen(k.line));
	} else {
		fprintf(stderr, "no ssh-keygen here: %s\n", err_msg(&e));
		err_clear(&e);
	}
	proc_clear(&p);
	unlink(path);
	sshkey_clear(&k);
	sshkey_clear(&l);
}

static char *slurp(int dir, const char *name)
{
	struct buf b = BUF_INIT;

	if (fs_read(dir, name, 100000, &b, &e)) {
		err_clear(&e);
		buf_clear(&b);
		return NULL;
	}
	return buf_steal(&b);
}

static void holds(int dir, const char *want)
{
	char *got = slurp(dir, "keys");

	if (!want) {
		assert_null(got);
		return;
	}
	assert_non_null(got);
	assert_string_equal(got, want);
	mem_free(got);
}

#define LINE1                                                                  \
	"restrict,command=\"/x/agent --receive /r u j-1\" K1 novahaul:j-1\n"
#define LINE2                                                                  \
	"restrict,command=\"/x/agent --receive /r u j-2\" K2 novahaul:j-2\n"
#define MADE "# made by novahaul, which will remove it\n"

static void t_authkeys(void **state)
{
	char path[] = "/tmp/nh-keys-XXXXXX";
	struct authkeys_line l1 = {"j-1", "/x/agent --receive /r u j-1", "K1"};
	struct authkeys_line l2 = {"j-2", "/x/agent --receive /r u j-2", "K2"};
	struct authkeys a = {.name = "keys", .uid = getuid(), .gid = getgid()};
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(path));
	a.dir = open(path, O_RDONLY | O_DIRECTORY);
	/* A file of ours comes and goes. */
	assert_int_equal(authkeys_remove(&a, "j-1", &e), 0);
	holds(a.dir, NULL);
	assert_int_equal(authkeys_add(&a, &l1, &e), 0);
	holds(a.dir, MADE LINE1);
	assert_int_equal(fstatat(a.dir, "keys", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(authkeys_add(&a, &l1, &e), 0);
	holds(a.dir, MADE LINE1);
	assert_int_equal(authkeys_add(&a, &l2, &e), 0);
	assert_int_equal(authkeys_remove(&a, "j-1", &e), 0);
	holds(a.dir, MADE LINE2);
	assert_int_equal(authkeys_remove(&a, "j-2", &e), 0);
	holds(a.dir, NULL);
	/* Somebody's file: every byte of it stays, and its mode. */
	fd = openat(a.dir, "keys", O_WRONLY | O_CREAT, 0600);
	assert_int_equal(fs_write_all(fd, "# me\nssh-rsa A me", 17, &e), 0);
	assert_int_equal(fchmod(fd, 0644), 0);
	close(fd);
	assert_int_equal(authkeys_add(&a, &l1, &e), 0);
	holds(a.dir, "# me\nssh-rsa A me\n" LINE1);
	assert_int_equal(fstatat(a.dir, "keys", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	l1.key = "K9";
	assert_int_equal(authkeys_add(&a, &l1, &e), 0);
	assert_int_equal(authkeys_remove(&a, "j-1", &e), 0);
	holds(a.dir, "# me\nssh-rsa A me\n");
	/* j-11 is not j-1. */
	assert_int_equal(authkeys_add(&a, &l2, &e), 0);
	assert_int_equal(authkeys_remove(&a, "2", &e), 0);
	assert_int_equal(authkeys_remove(&a, "j-", &e), 0);
	holds(a.dir, "# me\nssh-rsa A me\n" LINE2);
	/* What a shell would read otherwise does not get in. */
	l1.command = "/x/agent --receive /r;reboot u j-1";
	assert_int_equal(authkeys_add(&a, &l1, &e), -1);
	err_clear(&e);
	l1.command = "/x/agent --receive /r$(x) u j-1";
	assert_int_equal(authkeys_add(&a, &l1, &e), -1);
	err_clear(&e);
	l1.command = "/x/agent";
	l1.key = "K\nK";
	assert_int_equal(authkeys_add(&a, &l1, &e), -1);
	err_clear(&e);
	/* A link in its place is not followed. */
	unlinkat(a.dir, "keys", 0);
	assert_int_equal(symlinkat("/etc/passwd", a.dir, "keys"), 0);
	l1.key = "K1";
	assert_int_equal(authkeys_add(&a, &l1, &e), -1);
	err_clear(&e);
	unlinkat(a.dir, "keys", 0);
	close(a.dir);
	assert_int_equal(rmdir(path), 0);
}

static void path_is(const char *conf, const char *want)
{
	struct authkeys_user u = {"nova", "/var/lib/nova", 107};
	char *got = authkeys_path(conf, &u);

	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
	mem_free(got);
}

static void t_authkeys_path(void **state)
{
	(void)state;
	path_is(NULL, "/var/lib/nova/.ssh/authorized_keys");
	path_is("port 22\nauthorizedkeysfile .ssh/k .ssh/k2\n",
		"/var/lib/nova/.ssh/k");
	path_is("AuthorizedKeysFile /etc/ssh/keys/%u\n", "/etc/ssh/keys/nova");
	path_is("authorizedkeysfile %h/.k%%%U\n", "/var/lib/nova/.k%107");
	path_is("authorizedkeysfile none\n", NULL);
}

/* What goes to ssh: no secret, no configuration, nothing that asks. */
static void t_dial(void **state)
{
	struct ctl_send s = {.addr = "192.0.2.7",
			     .user = "nova",
			     .port = 2222,
			     .host_keys = "ssh-ed25519 AAAA",
			     .key = "SECRET"};
	struct dial d = {.key = 40, .known = 41};
	struct strv v = STRV_INIT;
	int kex = 0;

	(void)state;
	dial_argv(&d, &s, &v);
	assert_true(strv_has(&v, "-F"));
	assert_true(strv_has(&v, "none"));
	assert_true(strv_has(&v, "-oBatchMode=yes"));
	assert_true(strv_has(&v, "-oStrictHostKeyChecking=yes"));
	assert_true(strv_has(&v, "-oPort=2222"));
	/* The cheap ones, and no names that an old ssh does not know. */
	for (size_t i = 0; i < v.n; i++)
		kex += !strncmp(v.v[i], "-oKexAlgorithms=curve25519", 26);
	assert_int_equal(kex, 1);
	assert_true(strv_has(&v, "-oUser=nova"));
	for (size_t i = 0; i < v.n; i++)
		assert_null(strstr(v.v[i], "SECRET"));
	assert_string_equal(v.v[v.n - 3], "--");
	assert_string_equal(v.v[v.n - 2], "192.0.2.7");
	strv_clear(&v);
	/* An address that would be an option. */
	s.addr = "-oProxyCommand=x";
	assert_int_equal(dial_open(&d, &s, 1000000, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
	err_clear(&e);
	dial_close(&d);
}

/* What ssh opens as its first: told to wait for nothing. */
static void t_nudge(void **state)
{
	int pid = -1, on = 0, none = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(on);
	struct nudge nu;

	(void)state;
#ifdef SYS_pidfd_open
	pid = (int)syscall(SYS_pidfd_open, getpid(), 0);
#endif
	assert_true(sock >= 0);
	if (sock > 6 || pid < 0 || nudge_once(pid) < 0) {
		fprintf(stderr, "sockets cannot be borrowed here\n");
	} else {
		assert_int_equal(
			getsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, &n), 0);
		assert_int_equal(on, 1);
	}
	close(sock);
	close(none);
	if (pid >= 0)
		close(pid);
	/* Nobody of that number, and one who opens nothing. */
	nudge_start(&nu, 0x7ffffff0);
	nudge_stop(&nu);
	nudge_start(&nu, getpid());
	nudge_stop(&nu);
}

static void t_ctl(void **state)
{
	struct enc c = ENC_INIT;
	struct dec d;
	struct transfer_result r = {.size = 1,
				    .bytes_read = 2,
				    .bytes_sent = 3,
				    .bytes_packed = 2,
				    .bytes_wire = 4,
				    .bytes_matched = 5,
				    .bytes_holes = 6,
				    .src_allocated = 7,
				    .dst_allocated = 8,
				    .changed = true,
				    .method = TRANSFER_BLOCKS,
				    .seconds = 1.5};
	struct transfer_result s = {0};
	struct ctl_file f = {.src_root = "/a",
			     .src_rel = "b",
			     .dst_rel = "c",
			     .expect = "x",
			     .delta = TRANSFER_WHOLE,
			     .mode = 0640},
			g = {0};

	(void)state;
	strcpy(r.src_digest, "s");
	strcpy(r.dst_digest, "d");
	ctl_put_result(&c, &r);
	dec_init(&d, c.b.p, c.b.len);
	ctl_get_result(&d, &s);
	assert_int_equal(dec_end(&d, "result", &e), 0);
	assert_int_equal(s.dst_allocated, 8);
	assert_int_equal(s.bytes_holes, 6);
	assert_int_equal(s.bytes_packed, 2);
	assert_true(s.changed && s.method == TRANSFER_BLOCKS);
	assert_string_equal(s.src_digest, "s");
	enc_reset(&c);
	ctl_put_file(&c, &f);
	dec_init(&d, c.b.p, c.b.len);
	ctl_get_file(&d, &g);
	assert_int_equal(dec_end(&d, "file", &e), 0);
	assert_string_equal(g.dst_rel, "c");
	assert_null(g.basis_rel);
	assert_int_equal(g.mode, 0640);
	enc_clear(&c);
}

static void t_names(void **state)
{
	enum transfer_delta d;
	enum transfer_via v;

	(void)state;
	for (int i = TRANSFER_AUTO; i <= TRANSFER_LIBRSYNC; i++) {
		assert_true(transfer_delta_parse(
			transfer_delta_name((enum transfer_delta)i), &d));
		assert_int_equal(d, i);
	}
	for (int i = TRANSFER_VIA_AUTO; i <= TRANSFER_VIA_RELAY; i++) {
		assert_true(transfer_via_parse(
			transfer_via_name((enum transfer_via)i), &v));
		assert_int_equal(v, i);
	}
	assert_false(transfer_delta_parse("rsync", &d));
	assert_false(transfer_via_parse("", &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_ack),
		cmocka_unit_test(t_grain),
		cmocka_unit_test(t_fingerprint),
		cmocka_unit_test(t_rsdelta),
		cmocka_unit_test(t_rsdelta_bad),
		cmocka_unit_test(t_throttle),
		cmocka_unit_test(t_throttle_exact),
		cmocka_unit_test(t_sshkey),
		cmocka_unit_test(t_authkeys),
		cmocka_unit_test(t_authkeys_path),
		cmocka_unit_test(t_dial),
		cmocka_unit_test(t_nudge),
		cmocka_unit_test(t_ctl),
		cmocka_unit_test(t_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
