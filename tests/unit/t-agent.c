/* SPDX-License-Identifier: Apache-2.0 */
/* Every verb of the agent, over pipes, and what it must refuse. */
#include "unit/host-lab.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "core/uuid.h"

struct lab {
	char *dir;
	struct host *h;
	struct proc_pipe p; /* ended with the test, however it ends */
	char uuid[UUID_LEN + 1];
};

static int setup(void **state)
{
	struct lab *l = MEM_NEW(struct lab);
	struct err e = ERR_INIT;

	l->dir = lab_dir();
	uuid_random(l->uuid);
	l->h = lab_local();
	assert_ok(lab_claim(l->h, l->dir, "job-1", "s1", 1, &e));
	*state = l;
	return 0;
}

static int teardown(void **state)
{
	struct lab *l = *state;

	if (l->p.pid > 0)
		proc_close(&l->p, 0);
	host_close(l->h);
	lab_rm(l->dir);
	mem_free(l);
	return 0;
}

#define P(rel_) HOST_PATH(l->dir, rel_)

static void t_info(void **state)
{
	struct lab *l = *state;
	struct host_info i = {0};
	struct err e = ERR_INIT;

	assert_ok(host_info(l->h, &i, &e));
	assert_int_equal(i.uid, geteuid());
	assert_int_equal(strlen(i.exe_sha256), 64);
	assert_non_null(strstr(i.exe, "novahaul-agent"));
	assert_true(llabs(i.clock_us - clock_now_us()) < 5000000);
	host_info_clear(&i);
	assert_ok(host_tick(l->h, &e));
}

static void t_stat_list(void **state)
{
	struct lab *l = *state;
	struct host_list_opts o = {.path = P("d"), .depth = 9};
	struct host_list list = {0};
	struct host_stat st = {0};
	struct err e = ERR_INIT;
	struct host_mkdir m = {.path = P("d/b"), .mode = 0751, .parents = true};

	assert_ok(host_mkdir(l->h, &m, &e));
	assert_ok(host_mkdir(l->h, &m, &e)); /* again: no matter */
	m.parents = false;
	assert_kind(host_mkdir(l->h, &m, &e), ERR_FAILED);
	lab_put(l->dir, "d/a", "12345");
	lab_put(l->dir, "d/b/c", "");
	assert_int_equal(symlinkat("/etc/passwd", AT_FDCWD, "x"), 0);
	unlink("x");
	assert_ok(host_stat(l->h, P("d/a"), &st, &e));
	assert_int_equal(st.type, HOST_FILE);
	assert_int_equal(st.size, 5);
	assert_int_equal(st.mode, 0644);
	assert_string_equal(st.user, "root");
	assert_int_equal(st.nlink, 1);
	host_stat_clear(&st);
	assert_ok(host_stat(l->h, P("d/b"), &st, &e));
	assert_int_equal(st.mode, 0751);
	host_stat_clear(&st);
	assert_ok(host_stat(l->h, P("no/such"), &st, &e));
	assert_int_equal(st.type, HOST_NONE);
	/* The root itself has a name too. */
	assert_ok(host_stat(l->h, P("."), &st, &e));
	assert_int_equal(st.type, HOST_DIR);
	host_stat_clear(&st);

	assert_ok(host_list(l->h, &o, &list, &e));
	assert_int_equal(list.n, 3);
	assert_string_equal(list.v[0].rel, "a");
	assert_string_equal(list.v[1].rel, "b");
	assert_string_equal(list.v[2].rel, "b/c");
	host_list_clear(&list);
	o.depth = 0;
	assert_ok(host_list(l->h, &o, &list, &e));
	assert_int_equal(list.n, 2);
	host_list_clear(&list);
	o.max = 1;
	assert_kind(host_list(l->h, &o, &list, &e), ERR_REFUSED);
	host_list_clear(&list);
}

/* More than one frame of answer. */
static void t_list_long(void **state)
{
	struct lab *l = *state;
	char shm[] = "/dev/shm/nh-list-XXXXXX";
	struct host_list_opts o = {.path = HOST_PATH(shm, ".")};
	struct host_list list = {0};
	struct err e = ERR_INIT;
	char name[256];

	if (!mkdtemp(shm))
		return;
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "%0240d", i);
		lab_put(shm, name, "");
	}
	assert_ok(host_list(l->h, &o, &list, &e));
	assert_int_equal(list.n, 5000);
	snprintf(name, sizeof(name), "%0240d", 4999);
	assert_string_equal(list.v[4999].rel, name);
	host_list_clear(&list);
	lab_rm(mem_strdup(shm));
}

static void t_read_write(void **state)
{
	struct lab *l = *state;
	AUTO(buf_clear) struct buf b = BUF_INIT;
	AUTO(mem_freep) char *big = mem_calloc(1, 1 << 20);
	struct host_write w = {.path = P("f"), .p = "abcdef", .n = 6};
	struct host_read r = {.path = P("f"), .off = 2, .max = 3};
	struct host_stat st = {0};
	struct err e = ERR_INIT;

	assert_ok(host_write(l->h, &w, &e));
	assert_ok(host_read(l->h, &r, &b, &e));
	assert_string_equal(buf_str(&b), "cde");
	r.off = 6;
	assert_ok(host_read(l->h, &r, &b, &e));
	assert_int_equal(b.len, 3);
	w.p = big;
	w.n = 1 << 20;
	w.mode = 0640;
	assert_ok(host_write(l->h, &w, &e));
	r = (struct host_read){.path = P("f")};
	buf_reset(&b);
	assert_ok(host_read(l->h, &r, &b, &e));
	assert_int_equal(b.len, 1 << 20);
	assert_ok(host_stat(l->h, P("f"), &st, &e));
	assert_int_equal(st.mode, 0640);
	host_stat_clear(&st);
	w.n++;
	assert_kind(host_write(l->h, &w, &e), ERR_BUG);
	r.path = P("none");
	assert_int_equal(host_read(l->h, &r, &b, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_non_null(strstr(err_msg(&e), "host here"));
	err_clear(&e);
}

static void t_rename_unlink(void **state)
{
	struct lab *l = *state;
	struct host_rename r = {.from = P("a"), .to = P("b")};
	struct host_unlink u = {.path = P("b")};
	struct host_stat st = {0};
	struct err e = ERR_INIT;

	lab_put(l->dir, "a", "A");
	lab_put(l->dir, "b", "B");
	assert_int_equal(host_rename(l->h, &r, &e), -1);
	assert_int_equal(e.sys, EEXIST);
	err_clear(&e);
	r.replace = true;
	assert_ok(host_rename(l->h, &r, &e));
	assert_false(lab_has(l->dir, "a"));
	assert_ok(host_stat(l->h, P("b"), &st, &e));
	u.ino = st.ino + 1;
	assert_kind(host_unlink(l->h, &u, &e), ERR_CONFLICT);
	u.ino = st.ino;
	u.dir = true;
	assert_kind(host_unlink(l->h, &u, &e), ERR_REFUSED);
	u.dir = false;
	assert_ok(host_unlink(l->h, &u, &e));
	host_stat_clear(&st);
	assert_int_equal(host_unlink(l->h, &u, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	err_clear(&e);
	u.missing = true;
	assert_ok(host_unlink(l->h, &u, &e));
	/* Directories only when empty. */
	assert_ok(host_mkdir(
		l->h, &(struct host_mkdir){.path = P("e/f"), .parents = true},
		&e));
	u = (struct host_unlink){.path = P("e"), .dir = true};
	assert_int_equal(host_unlink(l->h, &u, &e), -1);
	assert_int_equal(e.sys, ENOTEMPTY);
	err_clear(&e);
	u.path = P("e/f");
	assert_ok(host_unlink(l->h, &u, &e));
}

/* The answer to a copy was lost, or the agent died in the middle of it. */
static void hold_again(struct lab *l, struct host_hold *o, const char *dir)
{
	enum host_held how = HELD_NONE;
	struct host_list ls = {0};
	struct host_list_opts lo = {.path = HOST_PATH(dir, ".")};
	struct err e = ERR_INIT;

	assert_ok(host_hold(l->h, o, &how, &e));
	assert_int_equal(how, HELD_COPY);
	lab_put(dir, "half.job-1.tmp", "con");
	o->to = HOST_PATH(dir, "half");
	assert_ok(host_hold(l->h, o, &how, &e));
	lab_put(dir, "half", "c0ntent");
	assert_kind(host_hold(l->h, o, &how, &e), ERR_CONFLICT);
	assert_ok(host_list(l->h, &lo, &ls, &e));
	assert_int_equal(ls.n, 2); /* c, half */
	host_list_clear(&ls);
}

static void t_hold(void **state)
{
	struct lab *l = *state;
	struct host_hold o = {.from = P("base"), .to = P("held")};
	enum host_held how = HELD_NONE;
	struct host_stat st = {0};
	char shm[] = "/dev/shm/nh-hold-XXXXXX";
	struct err e = ERR_INIT;

	lab_put(l->dir, "base", "content");
	assert_ok(host_hold(l->h, &o, &how, &e));
	assert_int_equal(how, HELD_LINK);
	assert_ok(host_hold(l->h, &o, &how, &e)); /* there already */
	assert_ok(host_stat(l->h, P("held"), &st, &e));
	assert_int_equal(st.nlink, 2);
	host_stat_clear(&st);
	lab_put(l->dir, "other", "x");
	o.to = P("other");
	assert_kind(host_hold(l->h, &o, &how, &e), ERR_CONFLICT);
	/* Another file system: a copy. */
	if (mkdtemp(shm)) {
		AUTO(buf_clear) struct buf b = BUF_INIT;
		struct host_read r = {.path = HOST_PATH(shm, "c")};

		o.to = HOST_PATH(shm, "c");
		assert_ok(host_hold(l->h, &o, &how, &e));
		assert_int_equal(how, HELD_COPY);
		assert_ok(host_read(l->h, &r, &b, &e));
		assert_string_equal(buf_str(&b), "content");
		hold_again(l, &o, shm);
		lab_rm(mem_strdup(shm));
	}
}

static void t_rmtree(void **state)
{
	struct lab *l = *state;
	static const char *const no[] = {
		"keep",	  ".novahaul",	     ".novahaul/leases",
		"keep/x", ".novahaul/job-2", ".novahaul/job-1x",
	};
	struct err e = ERR_INIT;
	struct host_mkdir m = {.parents = true};
	static const char *const dirs[] = {"keep/x", ".novahaul/job-1/s/t",
					   ".novahaul/job-2/s",
					   "n/.novahaul/job-1/u"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		m.path = P(dirs[i]);
		assert_ok(host_mkdir(l->h, &m, &e));
	}
	lab_put(l->dir, ".novahaul/job-1/s/f", "x");
	lab_put(l->dir, "keep/f", "x");
	/* A link in the tree is removed, not followed. */
	{
		AUTO(mem_freep) char *to = mem_printf("%s/keep", l->dir);
		AUTO(mem_freep)
		char *at = mem_printf("%s/.novahaul/job-1/s/l", l->dir);

		assert_int_equal(symlink(to, at), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_kind(host_rmtree(l->h, P(no[i]), &e), ERR_REFUSED);
	assert_ok(host_rmtree(l->h, P(".novahaul/job-1/s"), &e));
	assert_ok(host_rmtree(l->h, P("n/.novahaul/job-1"), &e));
	assert_ok(host_rmtree(l->h, P(".novahaul/job-1"), &e));
	assert_ok(host_rmtree(l->h, P(".novahaul/job-1"), &e));
	assert_true(lab_has(l->dir, "keep/f"));
	assert_true(lab_has(l->dir, ".novahaul/job-2/s"));
	assert_false(lab_has(l->dir, ".novahaul/job-1"));
	assert_false(lab_has(l->dir, "n/.novahaul/job-1"));
}

static void t_own(void **state)
{
	struct lab *l = *state;
	struct host_chown c = {
		.path = P("o"), .user = "nobody", .group = "nogroup"};
	struct host_chmod m = {.path = P("o/f"), .mode = 0600};
	struct host_fsync f = {.path = P("o"), .tree = true};
	struct host_ent n = {0};
	struct host_stat st = {0};
	struct err e = ERR_INIT;

	if (geteuid())
		skip();
	assert_ok(host_mkdir(l->h, &(struct host_mkdir){.path = P("o")}, &e));
	lab_put(l->dir, "o/f", "x");
	assert_ok(host_getent(l->h, HOST_PASSWD, "nobody", &n, &e));
	assert_true(n.found);
	assert_ok(host_chown(l->h, &c, &e));
	assert_ok(host_stat(l->h, P("o"), &st, &e));
	assert_int_equal(st.uid, n.id);
	assert_string_equal(st.user, "nobody");
	assert_string_equal(st.group, "nogroup");
	host_stat_clear(&st);
	assert_ok(host_stat(l->h, P("o/f"), &st, &e));
	assert_int_equal(st.uid, 0);
	host_stat_clear(&st);
	c.tree = true;
	c.group = NULL;
	assert_ok(host_chown(l->h, &c, &e));
	assert_ok(host_stat(l->h, P("o/f"), &st, &e));
	assert_int_equal(st.uid, n.id);
	assert_int_equal(st.gid, 0);
	host_stat_clear(&st);
	/* Numbers only where they are asked for; no such user; not a name. */
	c.user = "12345";
	assert_kind(host_chown(l->h, &c, &e), ERR_USAGE);
	c.numeric = true;
	assert_ok(host_chown(l->h, &c, &e));
	c.user = "no-such-user";
	assert_kind(host_chown(l->h, &c, &e), ERR_FAILED);
	c.user = "-s";
	assert_kind(host_chown(l->h, &c, &e), ERR_USAGE);
	assert_ok(host_chmod(l->h, &m, &e));
	assert_ok(host_stat(l->h, P("o/f"), &st, &e));
	assert_int_equal(st.mode, 0600);
	assert_int_equal(st.uid, 12345);
	assert_null(st.user);
	host_stat_clear(&st);
	assert_ok(host_fsync(l->h, &f, &e));
	host_ent_clear(&n);
	assert_ok(host_getent(l->h, HOST_GROUP, "no-such-group", &n, &e));
	assert_false(n.found);
}

static void t_touch_digest_statfs(void **state)
{
	struct lab *l = *state;
	struct timespec old[2] = {{1000, 0}, {1000, 0}};
	struct host_digest d = {0}, d2 = {0};
	struct host_statfs s = {0};
	struct host_stat st = {0};
	struct err e = ERR_INIT;
	AUTO(mem_freep) char *path = mem_printf("%s/t", l->dir);

	lab_put(l->dir, "t", "x");
	assert_int_equal(utimensat(AT_FDCWD, path, old, 0), 0);
	assert_ok(host_touch(l->h, P("t"), &e));
	assert_ok(host_stat(l->h, P("t"), &st, &e));
	assert_true(llabs(st.mtime_ns / 1000 - clock_now_us()) < 10000000);
	host_stat_clear(&st);
	assert_ok(host_digest(l->h, P("t"), &d, &e));
	assert_int_equal(d.size, 1);
	lab_put(l->dir, "t", "y");
	assert_ok(host_digest(l->h, P("t"), &d2, &e));
	assert_string_not_equal(d.text, d2.text);
	assert_int_equal(truncate(path, (off_t)100 << 30), 0);
	assert_ok(host_digest(l->h, P("t"), &d, &e)); /* holes are fast */
	assert_true(d.size == (uint64_t)100 << 30);
	assert_ok(host_statfs(l->h, P("."), &s, &e));
	assert_true(s.size > s.free && s.free > 0);
	assert_true(*s.fstype);
	host_statfs_clear(&s);
}

static void t_trial(void **state)
{
	struct lab *l = *state;
	const char *users[] = {"root", NULL};
	struct host_trial_opts o = {.path = P("."), .users = users};
	struct host_trial t = {0};
	struct host_list ls = {0};
	struct host_list_opts lo = {.path = P(".")};
	struct err e = ERR_INIT;
	size_t n;

	assert_ok(host_list(l->h, &lo, &ls, &e));
	n = ls.n;
	host_list_clear(&ls);
	assert_ok(host_trial(l->h, &o, &t, &e));
	if (t.direct == HOST_CAN_UNKNOWN)
		print_message("this file system has no nameless files\n");
	else
		assert_true(t.punch == HOST_CAN && t.holes == HOST_CAN);
	assert_false(t.quota);
	/* Nothing is left of it. */
	assert_ok(host_list(l->h, &lo, &ls, &e));
	assert_int_equal(ls.n, n);
	host_list_clear(&ls);
	o.path = HOST_PATH("/dev", "shm");
	assert_ok(host_trial(l->h, &o, &t, &e));
	o.path = HOST_PATH("/proc", "self"); /* a link */
	assert_int_equal(host_trial(l->h, &o, &t, &e), -1);
	err_clear(&e);
	o.path = HOST_PATH("/proc", "sys");
	assert_ok(host_trial(l->h, &o, &t, &e));
	assert_int_equal(t.direct, HOST_CAN_UNKNOWN);
}

/* Two hosts write at once: neither waits for the other's answer. */
static void t_write_both(void **state)
{
	struct lab *l = *state;
	char *dir = lab_dir();
	struct host *other = lab_local();
	struct host_write a = {.path = P("m"), .p = "one", .n = 3};
	struct host_write b = {.path = HOST_PATH(dir, "m"), .p = "two", .n = 3};
	AUTO(buf_clear) struct buf got = BUF_INIT;
	struct host_read r = {.path = a.path};
	struct err e = ERR_INIT;

	assert_ok(lab_claim(other, dir, "job-1", "s1", 1, &e));
	assert_ok(host_write_begin(l->h, &a, &e));
	assert_ok(host_write_begin(other, &b, &e));
	/* A sign of life does not take the answer. */
	assert_ok(host_tick(l->h, &e));
	assert_kind(host_write_begin(l->h, &a, &e), ERR_BUG);
	assert_ok(host_write_end(other, &e));
	assert_ok(host_write_end(l->h, &e));
	assert_ok(host_read(l->h, &r, &got, &e));
	assert_string_equal(buf_str(&got), "one");
	buf_reset(&got);
	r.path = b.path;
	assert_ok(host_read(other, &r, &got, &e));
	assert_string_equal(buf_str(&got), "two");
	/* An error is the end's, and the session goes on. */
	b.path = HOST_PATH(dir, "none/m");
	assert_ok(host_write_begin(other, &b, &e));
	assert_kind(host_write_end(other, &e), ERR_FAILED);
	assert_kind(host_write_end(other, &e), ERR_BUG);
	assert_ok(host_tick(other, &e));
	host_close(other);
	lab_rm(dir);
}

static void t_stats(void **state)
{
	struct lab *l = *state;
	struct host_path p[] = {P("f"), P("none"), P("."), P("f")};
	struct host_stat st[4] = {{0}};
	struct err e = ERR_INIT;

	lab_put(l->dir, "f", "12345");
	assert_ok(host_stats(l->h, p, 4, st, &e));
	assert_int_equal(st[0].type, HOST_FILE);
	assert_int_equal(st[0].size, 5);
	assert_int_equal(st[1].type, HOST_NONE);
	assert_int_equal(st[2].type, HOST_DIR);
	assert_int_equal(st[3].ino, st[0].ino);
	for (size_t i = 0; i < 4; i++)
		host_stat_clear(&st[i]);
	assert_ok(host_stats(l->h, p, 0, st, &e));
	p[1] = P("../etc");
	assert_kind(host_stats(l->h, p, 4, st, &e), ERR_REFUSED);
}

static unsigned listening(int *fd)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(a);

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(*fd >= 0);
	assert_int_equal(bind(*fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(*fd, 4), 0);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&a, &n), 0);
	return ntohs(a.sin_port);
}

static void t_reach(void **state)
{
	struct lab *l = *state;
	int fd;
	struct host_reach_opts o = {"127.0.0.1", listening(&fd), false};
	struct host_reach r = {0};
	struct err e = ERR_INIT;

	assert_ok(host_reach(l->h, &o, &r, &e));
	assert_true(r.reached);
	assert_string_equal(r.why, "");
	assert_in_range(r.rtt_us, 0, 3000000);
	assert_in_range(r.cores, 1, 100000);
	assert_in_range(r.streams, 1, 8);
	assert_true(r.client || !r.gcm);
	host_reach_clear(&r);
	o.address = "localhost";
	assert_ok(host_reach(l->h, &o, &r, &e));
	assert_true(r.reached || strstr(r.why, "refused")); /* ::1 */
	host_reach_clear(&r);
	close(fd);
	o.address = "127.0.0.1";
	assert_ok(host_reach(l->h, &o, &r, &e));
	assert_false(r.reached);
	assert_non_null(strstr(r.why, "refused"));
	host_reach_clear(&r);
	o.address = "-oProxyCommand=id";
	assert_ok(host_reach(l->h, &o, &r, &e));
	assert_false(r.reached);
	assert_non_null(strstr(r.why, "not a name"));
	host_reach_clear(&r);
	o = (struct host_reach_opts){"127.0.0.1", 65536, false};
	assert_kind(host_reach(l->h, &o, &r, &e), ERR_USAGE);
}

/* ---- hostile paths --------------------------------------------------- */

static void t_hostile(void **state)
{
	struct lab *l = *state;
	static const char *const bad[] = {"../x", "/etc/passwd", "a/../../x",
					  "",	  "a//b",	 "./a"};
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct host_stat st = {0};
	struct host_read r = {0};
	struct host_write w = {.p = "x", .n = 1};
	struct err e = ERR_INIT;
	AUTO(mem_freep) char *link = mem_printf("%s/link", l->dir);
	AUTO(mem_freep) char *dirlink = mem_printf("%s/dirlink", l->dir);
	AUTO(mem_freep) char *fifo = mem_printf("%s/fifo", l->dir);
	AUTO(mem_freep) char *dev = mem_printf("%s/dev", l->dir);

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_kind(host_stat(l->h, P(bad[i]), &st, &e), ERR_REFUSED);
		r.path = P(bad[i]);
		assert_kind(host_read(l->h, &r, &b, &e), ERR_REFUSED);
	}
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(symlink("/etc", dirlink), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	r.path = P("link");
	assert_int_equal(host_read(l->h, &r, &b, &e), -1);
	err_clear(&e);
	r.path = P("dirlink/passwd");
	assert_int_equal(host_read(l->h, &r, &b, &e), -1);
	err_clear(&e);
	assert_int_equal(b.len, 0);
	w.path = P("dirlink/nh-test");
	assert_int_equal(host_write(l->h, &w, &e), -1);
	err_clear(&e);
	assert_false(lab_has("/etc", "nh-test"));
	/* The link is seen as what it is. */
	assert_ok(host_stat(l->h, P("link"), &st, &e));
	assert_int_equal(st.type, HOST_LINK);
	host_stat_clear(&st);
	/* A link on the way is an error, not absence. */
	assert_int_equal(host_stat(l->h, P("dirlink/x"), &st, &e), -1);
	err_clear(&e);
	/* A FIFO or device does not hang or act. */
	r.path = P("fifo");
	assert_kind(host_read(l->h, &r, &b, &e), ERR_REFUSED);
	if (!mknod(dev, S_IFCHR | 0600, (1 << 8) | 3)) {
		r.path = P("dev");
		assert_kind(host_read(l->h, &r, &b, &e), ERR_REFUSED);
		assert_kind(host_chmod(l->h,
				       &(struct host_chmod){.path = P("dev"),
							    .mode = 0666},
				       &e),
			    ERR_REFUSED);
	}
	assert_kind(host_chown(l->h,
			       &(struct host_chown){.path = P("link"),
						    .user = "nobody"},
			       &e),
		    ERR_REFUSED);
	assert_kind(
		host_unlink(l->h, &(struct host_unlink){.path = P("fifo")}, &e),
		ERR_REFUSED);
	assert_kind(host_stat(l->h, HOST_PATH("relative", "x"), &st, &e),
		    ERR_USAGE);
}

/* Someone swaps a directory for a link all the while. */
static void t_swap(void **state)
{
	struct lab *l = *state;
	AUTO(mem_freep) char *a = mem_printf("%s/swap", l->dir);
	AUTO(mem_freep) char *a2 = mem_printf("%s/swap2", l->dir);
	AUTO(mem_freep) char *target = lab_dir();
	struct host_write w = {.path = P("swap/f"), .p = "x", .n = 1};
	struct err e = ERR_INIT;
	int written = 0, refused = 0;
	pid_t pid;

	assert_int_equal(mkdir(a, 0755), 0);
	pid = fork();
	if (pid == 0) {
		for (;;) {
			rename(a, a2);
			if (symlink(target, a))
				_exit(1);
			/* Both states last, or a busy machine sees one only. */
			usleep(50);
			unlink(a);
			rename(a2, a);
			usleep(50);
		}
	}
	for (int i = 0; i < 3000 || ((!written || !refused) && i < 60000);
	     i++) {
		if (host_write(l->h, &w, &e))
			refused++;
		else
			written++;
		err_clear(&e);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_true(written > 0 && refused > 0);
	assert_false(lab_has(target, "f"));
	assert_int_equal(rmdir(target), 0);
}

/* ---- programs and processes ------------------------------------------ */

static int run(struct host *h, struct host_run *r, const char *const *argv,
	       struct err *e)
{
	r->argv = argv;
	return host_run(h, r, e);
}

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Another one after the agent has ended: it is started again. */
static int agent_pid(struct lab *l)
{
	struct host_run r = {0};
	struct err e = ERR_INIT;
	int pid;

	assert_ok(run(l->h, &r, ARGV("sh", "-c", "echo $PPID"), &e));
	pid = atoi(buf_str(&r.out));
	host_run_clear(&r);
	return pid;
}

/* A file in a directory that is root's alone, for a user without rights. */
static void run_hostile(struct lab *l)
{
	struct host_mkdir m = {.path = P("closed")};
	struct host_chown own = {.path = P("closed/disk"), .user = "nobody"};
	struct host_run r = {.user = "nobody", .hostile = P("closed/disk")};
	struct err e = ERR_INIT;
	int pid;

	if (geteuid())
		return;
	assert_ok(host_mkdir(l->h, &m, &e));
	lab_put(l->dir, "closed/disk", "of a guest");
	assert_ok(host_chown(l->h, &own, &e));
	assert_ok(run(l->h, &r,
		      ARGV("sh", "-c", "cat \"$0\"; id -un; ulimit -v",
			   HOST_RUN_FILE),
		      &e));
	assert_string_equal(buf_str(&r.out), "of a guestnobody\n1048576\n");
	host_run_clear(&r);
	r = (struct host_run){.user = "root", .hostile = P("closed/disk")};
	pid = agent_pid(l);
	assert_kind(run(l->h, &r, ARGV("true"), &e), ERR_USAGE);
	r.user = NULL;
	assert_kind(run(l->h, &r, ARGV("true"), &e), ERR_USAGE);
	/* It closed no file of its own: it still listens. */
	assert_int_equal(agent_pid(l), pid);
	assert_int_equal(agent_pid(l), pid);
	r = (struct host_run){.user = "nobody", .hostile = P("closed")};
	assert_int_equal(run(l->h, &r, ARGV("true"), &e), -1);
	err_clear(&e);
}

static void t_run(void **state)
{
	struct lab *l = *state;
	struct host_run r = {.in = "in put", .in_len = 6};
	struct err e = ERR_INIT;
	int64_t t0;

	assert_ok(run(l->h, &r, ARGV("cat"), &e));
	assert_string_equal(buf_str(&r.out), "in put");
	host_run_clear(&r);
	assert_ok(
		run(l->h, &r, ARGV("sh", "-c", "echo $HOME >&2; exit 3"), &e));
	assert_int_equal(r.exit_code, 3);
	assert_string_equal(buf_str(&r.err), "/\n");
	host_run_clear(&r);
	r = (struct host_run){.user = "nobody"};
	if (!geteuid()) {
		assert_ok(run(l->h, &r, ARGV("id", "-un"), &e));
		assert_string_equal(buf_str(&r.out), "nobody\n");
		host_run_clear(&r);
	}
	r = (struct host_run){0};
	assert_int_equal(run(l->h, &r, ARGV("no-such-program"), &e), -1);
	assert_int_equal(e.sys, ENOENT);
	err_clear(&e);
	r.out_max = 100;
	assert_kind(run(l->h, &r, ARGV("seq", "1000"), &e), ERR_FAILED);
	/* What did not end in time may have changed things, or not. */
	r = (struct host_run){.timeout_us = 100000, .mutates = true};
	t0 = clock_mono_us();
	assert_kind(run(l->h, &r, ARGV("sleep", "60"), &e), ERR_LOST);
	r.mutates = false;
	assert_kind(run(l->h, &r, ARGV("sleep", "60"), &e), ERR_RETRY);
	assert_true(clock_mono_us() - t0 < 30000000);
	run_hostile(l);
	r = (struct host_run){.user = "no-such-user"};
	assert_kind(run(l->h, &r, ARGV("true"), &e), ERR_FAILED);
}

/* The same inode number on another file system is another file. */
static void no_lock_elsewhere(struct lab *l, uint64_t ino)
{
	struct host_devino f = {.ino = ino};
	struct host_scan s = {0};
	struct stat st;
	struct err e = ERR_INIT;

	assert_int_equal(stat("/dev/shm", &st), 0);
	f.dev = st.st_dev;
	assert_ok(host_scan(l->h,
			    &(struct host_scan_opts){.files = &f, .nfiles = 1},
			    &s, &e));
	assert_int_equal(s.nprocs + s.nlocks, 0);
	host_scan_clear(&s);
	/* A device that is not listed: any file with that number may be it. */
	f.dev = 0xfffffffe;
	assert_ok(host_scan(l->h,
			    &(struct host_scan_opts){.files = &f, .nfiles = 1},
			    &s, &e));
	assert_int_equal(s.nlocks, 1);
	host_scan_clear(&s);
}

static void t_scan(void **state)
{
	struct lab *l = *state;
	AUTO(mem_freep) char *path = mem_printf("%s/disk", l->dir);
	struct host_scan s = {0};
	struct host_devino f;
	struct host_scan_opts o = {.files = &f, .nfiles = 1};
	struct flock lk = {.l_type = F_WRLCK, .l_start = 201, .l_len = 1};
	struct err e = ERR_INIT;
	uint32_t pids[2] = {(uint32_t)getpid(), 0x7ffffff0};
	char *argv[] = {(char *)"sh",
			(char *)"-c",
			(char *)"read x",
			(char *)"-uuid",
			l->uuid,
			(char *)"-name",
			(char *)"guest=instance-0000fff1,debug-threads=on",
			NULL};
	struct stat st;
	int fd;

	lab_put(l->dir, "disk", "x");
	fd = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	f = (struct host_devino){st.st_dev, st.st_ino};
	assert_int_equal(fcntl(fd, F_OFD_SETLK, &lk), 0);
	o.pids = pids;
	o.npids = 2;
	assert_ok(host_scan(l->h, &o, &s, &e));
	assert_int_equal(s.nprocs, 1);
	assert_int_equal(s.procs[0].pid, getpid());
	assert_true(s.procs[0].by_file && s.procs[0].by_pid);
	assert_false(s.procs[0].by_uuid || s.procs[0].by_name ||
		     s.procs[0].ours);
	assert_true(s.procs[0].rss_kib > 0 && s.procs[0].start > 0);
	assert_int_equal(s.nlocks, 1);
	assert_string_equal(s.locks[0].kind, "OFD");
	assert_true(s.locks[0].qemu && s.locks[0].write);
	assert_int_equal(s.locks[0].start, 201);
	host_scan_clear(&s);
	no_lock_elsewhere(l, st.st_ino);
	close(fd);
	assert_ok(host_scan(l->h,
			    &(struct host_scan_opts){.files = &f, .nfiles = 1},
			    &s, &e));
	assert_int_equal(s.nprocs + s.nlocks, 0);
	host_scan_clear(&s);

	assert_int_equal(proc_open(&l->p, argv, NULL, NULL, false, &e), 0);
	o = (struct host_scan_opts){.uuid = l->uuid};
	assert_ok(host_scan(l->h, &o, &s, &e));
	assert_int_equal(s.nprocs, 1);
	assert_true(s.procs[0].by_uuid);
	assert_int_equal(s.procs[0].pid, l->p.pid);
	host_scan_clear(&s);
	o = (struct host_scan_opts){.domain = "instance-0000fff1"};
	assert_ok(host_scan(l->h, &o, &s, &e));
	assert_int_equal(s.nprocs, 1);
	host_scan_clear(&s);
	o.domain = "instance-0000fff";
	assert_ok(host_scan(l->h, &o, &s, &e));
	assert_int_equal(s.nprocs, 0);
	host_scan_clear(&s);
	proc_close(&l->p, 0);
}

/* A nova-compute with files named on its command line and an override. */
static void t_conf(void **state)
{
	struct lab *l = *state;
	AUTO(mem_freep) char *prog = mem_printf("%s/nova-compute", l->dir);
	AUTO(mem_freep)
	char *file = mem_printf("--config-file=%s/n.conf", l->dir);
	AUTO(mem_freep) char *dir = mem_printf("%s/conf.d", l->dir);
	char *env[] = {(char *)"PATH=/bin:/usr/bin",
		       (char *)"OS_LIBVIRT__VIRT_TYPE=qemu",
		       (char *)"OS_PASSWORD=secret", (char *)"X__Y=1", NULL};
	char *argv[] = {(char *)"sh",		prog, file,
			(char *)"--config-dir", dir,  NULL};
	struct host_conf c = {0};
	struct err e = ERR_INIT;

	assert_ok(host_conf(l->h, &c, &e));
	if (c.running) {
		fprintf(stderr, "a nova-compute runs here: its is read\n");
		host_conf_clear(&c);
		mem_freep(&prog);
		mem_freep(&file);
		mem_freep(&dir);
		skip();
	}
	host_conf_clear(&c);
	lab_put(l->dir, "nova-compute", "read x\n");
	lab_put(l->dir, "n.conf", "[DEFAULT]\na=1\n");
	assert_int_equal(mkdir(dir, 0755), 0);
	lab_put(l->dir, "conf.d/2.conf", "two");
	lab_put(l->dir, "conf.d/1.conf", "one");
	lab_put(l->dir, "conf.d/3.bak", "three");
	assert_int_equal(proc_open(&l->p, argv, env, NULL, false, &e), 0);
	assert_ok(host_conf(l->h, &c, &e));
	assert_true(c.running);
	assert_int_equal(c.pid, l->p.pid);
	assert_string_equal(c.user, "root");
	assert_int_equal(c.nfiles, 3);
	assert_string_equal(c.files[0].text, "[DEFAULT]\na=1\n");
	assert_string_equal(c.files[1].text, "one");
	assert_string_equal(c.files[2].text, "two");
	assert_int_equal(c.env.n, 1);
	assert_string_equal(c.env.v[0], "OS_LIBVIRT__VIRT_TYPE=qemu");
	host_conf_clear(&c);
}

static void t_map(void **state)
{
	AUTO(mem_freep) char *agent = lab_agent();
	struct host_config cfg = {
		.name = "here",
		.transport = HOST_LOCAL,
		.agent_path = agent,
		.virsh = ARGV("docker", "exec", "nova_libvirt", "virsh"),
		.maps = (struct host_map[]){{"/var/lib/nova", "/srv/nova"},
					    {"/var/lib/nova/x", "/x"},
					    {0}}};
	struct err e = ERR_INIT;
	struct host *h = host_open(&cfg, &e);
	static const char *const want[][2] = {
		{"/var/lib/nova/instances", "/srv/nova/instances"},
		{"/var/lib/nova/x/y", "/x/y"},
		{"/var/lib/nova", "/srv/nova"},
		{"/var/lib/novax", "/var/lib/novax"},
	};

	(void)state;
	assert_non_null(h);
	assert_int_equal(h->profile.virsh.n, 4);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		AUTO(mem_freep) char *p = host_map_path(h, want[i][0]);

		assert_string_equal(p, want[i][1]);
	}
	host_close(h);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(t_info),
		T(t_stat_list),
		T(t_list_long),
		T(t_read_write),
		T(t_rename_unlink),
		T(t_hold),
		T(t_rmtree),
		T(t_own),
		T(t_touch_digest_statfs),
		T(t_trial),
		T(t_reach),
		T(t_stats),
		T(t_write_both),
		T(t_hostile),
		T(t_swap),
		T(t_run),
		T(t_scan),
		T(t_conf),
		cmocka_unit_test(t_map),
	};

	if (geteuid()) {
		fprintf(stderr, "skip: needs root\n");
		return 77;
	}
	cmocka_set_test_filter(getenv("NOVAHAUL_TEST"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
