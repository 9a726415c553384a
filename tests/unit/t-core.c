/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/fs.h"
#include "core/proc.h"
#include "core/uuid.h"

static int tmp_dir(char path[64])
{
	strcpy(path, "/tmp/nh-core-XXXXXX");
	assert_non_null(mkdtemp(path));
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void t_err_chain(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_sys(&e, ERR_LOST, EPIPE, "read %s", "x"), -1);
	err_wrap(&e, "host %s", "a");
	err_hint(&e, "novahaul resume %s", "j");
	assert_string_equal(err_msg(&e), "host a: read x: Broken pipe");
	assert_int_equal(e.kind, ERR_LOST);
	assert_int_equal(e.sys, EPIPE);
	assert_string_equal(e.hint, "novahaul resume j");
	for (int k = ERR_NONE; k <= ERR_BUG; k++)
		assert_int_equal(err_kind_by_name(err_kind_name(k)), k);
	err_clear(&e);
	assert_int_equal(e.kind, ERR_NONE);
}

static void t_err_copy(void **state)
{
	struct err from = ERR_INIT, to = ERR_INIT;

	(void)state;
	err_set(&to, ERR_USAGE, "replaced");
	err_sys(&from, ERR_LOST, EPIPE, "read");
	err_hint(&from, "look");
	err_copy(&to, &from);
	err_clear(&from);
	assert_int_equal(to.kind, ERR_LOST);
	assert_int_equal(to.sys, EPIPE);
	assert_string_equal(err_msg(&to), "read: Broken pipe");
	assert_string_equal(to.hint, "look");
	err_copy(&to, &from); /* none */
	assert_int_equal(to.kind, ERR_NONE);
	assert_null(to.hint);
	err_clear(&to);
}

static void t_rel(void **state)
{
	(void)state;
	assert_true(fs_rel_ok("a/b..c/.d"));
	assert_true(fs_rel_ok("."));
	assert_false(fs_rel_ok(""));
	assert_false(fs_rel_ok("/a"));
	assert_false(fs_rel_ok("a/../b"));
	assert_false(fs_rel_ok("a//b"));
	assert_false(fs_rel_ok("a/"));
	assert_false(fs_rel_ok("./a"));
}

typedef int open_fn(int, const char *, int, mode_t, struct err *);

static void beneath(open_fn *open_one)
{
	char path[64];
	int dir = tmp_dir(path), fd;
	struct err e = ERR_INIT;

	assert_int_equal(mkdirat(dir, "d", 0755), 0);
	assert_int_equal(symlinkat("/etc", dir, "d/out"), 0);
	assert_int_equal(symlinkat("d", dir, "in"), 0);
	fd = open_one(dir, "d/f", O_CREAT | O_WRONLY | O_EXCL, 0600, &e);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	assert_int_equal(open_one(dir, "d/out/passwd", O_RDONLY, 0, &e), -1);
	err_clear(&e);
	assert_int_equal(open_one(dir, "d/out", O_RDONLY, 0, &e), -1);
	assert_int_equal(e.sys, ELOOP);
	err_clear(&e);
	assert_int_equal(open_one(dir, "in/f", O_RDONLY, 0, &e), -1);
	err_clear(&e);
	assert_int_equal(open_one(dir, "../etc", O_RDONLY, 0, &e), -1);
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
	unlinkat(dir, "d/f", 0);
	unlinkat(dir, "d/out", 0);
	unlinkat(dir, "in", 0);
	unlinkat(dir, "d", AT_REMOVEDIR);
	close(dir);
	rmdir(path);
}

static void t_beneath(void **state)
{
	(void)state;
	beneath(fs_open_beneath);
	beneath(fs_open_walk);
}

static void t_atomic(void **state)
{
	char path[64];
	int dir = tmp_dir(path);
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(fs_write_atomic(dir, "f", "one", 3, 0640, &e), 0);
	assert_int_equal(fs_write_atomic(dir, "f", "two", 3, 0644, &e), 0);
	assert_int_equal(fs_read(dir, "f", 3, &b, &e), 0);
	assert_string_equal(buf_str(&b), "two");
	assert_int_equal(fstatat(dir, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	buf_reset(&b);
	assert_int_equal(fs_read(dir, "f", 2, &b, &e), -1);
	err_clear(&e);
	assert_int_equal(fs_write_atomic(dir, "g", "x", 1, 0600, &e), 0);
	assert_int_equal(fs_rename(dir, "g", dir, "f", true, &e), -1);
	assert_int_equal(e.sys, EEXIST);
	err_clear(&e);
	assert_int_equal(fs_rename(dir, "g", dir, "f", false, &e), 0);
	buf_clear(&b);
	unlinkat(dir, "f", 0);
	close(dir);
	rmdir(path);
}

static void t_proc(void **state)
{
	char *const cat[] = {(char *)"cat", NULL};
	char *const slp[] = {(char *)"sleep", (char *)"30", NULL};
	char *const env[] = {(char *)"env", NULL};
	char *const none[] = {(char *)"/nonexistent", NULL};
	struct proc p = {.argv = cat,
			 .in = "hello",
			 .in_len = 5,
			 .timeout_us = 20000000};
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(proc_run(&p, &e), 0);
	assert_int_equal(p.exit_code, 0);
	assert_string_equal(buf_str(&p.out), "hello");
	proc_clear(&p);
	p = (struct proc){.argv = slp, .timeout_us = 100000};
	assert_int_equal(proc_run(&p, &e), -1);
	assert_int_equal(e.kind, ERR_LOST);
	proc_clear(&p);
	setenv("NH_SECRET", "hunter2", 1);
	p = (struct proc){.argv = env, .timeout_us = 20000000};
	assert_int_equal(proc_run(&p, &e), 0);
	assert_null(strstr(buf_str(&p.out), "hunter2"));
	proc_clear(&p);
	p = (struct proc){.argv = none, .timeout_us = 20000000};
	assert_int_equal(proc_run(&p, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	err_clear(&e);
}

/* What reads hostile bytes gets the file, and nothing else of ours. */
static void t_proc_child(void **state)
{
	AUTO(strv_clear) struct strv argv = STRV_INIT;
	static const char script[] = "$SIG{TERM} = sub { exit 7 }; $| = 1; "
				     "print STDERR \"up\\n\"; print \"out\"; "
				     "sleep 60";
	AUTO(buf_clear) struct buf out = BUF_INIT;
	AUTO(buf_clear) struct buf err = BUF_INIT;
	struct proc_child c = {0};
	struct err e = ERR_INIT;

	(void)state;
	strv_addv(&argv, (const char *const[]){"perl", "-e", script, NULL});
	c.argv = argv.v;
	assert_int_equal(proc_start(&c, &e), 0);
	/* Both: what was written first need not be read first. */
	while (out.len < 3 || err.len < 3) {
		proc_read(&c.err, &err);
		proc_read(&c.out, &out);
		clock_sleep_us(1000);
	}
	assert_string_equal(buf_str(&out), "out");
	assert_string_equal(buf_str(&err), "up\n");
	assert_false(proc_over(&c));
	proc_signal(&c, SIGTERM);
	while (!proc_over(&c))
		clock_sleep_us(1000);
	assert_int_equal(c.exit_code, 7);
	while (c.out >= 0)
		proc_read(&c.out, &out);
	proc_end(&c, 0);
	/* One that does not end is killed. */
	assert_int_equal(proc_start(&c, &e), 0);
	proc_end(&c, 0);
	assert_int_equal(c.exit_code, 128 + SIGKILL);
	strv_clear(&argv);
	strv_add(&argv, "/no/such/program");
	c.argv = argv.v;
	assert_int_equal(proc_start(&c, &e), -1);
	assert_int_equal(e.sys, ENOENT);
	assert_true(proc_over(&c));
	err_clear(&e);
}

/* A child is told when its parent is killed. */
static void t_proc_orphan(void **state)
{
	AUTO(strv_clear) struct strv argv = STRV_INIT;
	static const char script[] = "$SIG{TERM} = sub { print STDERR "
				     "\"told\"; exit 0 }; $| = 1; print "
				     "STDERR \"up\"; sleep 60";
	struct proc_child c = {0};
	struct err e = ERR_INIT;
	char text[16] = "";
	int fd[2];
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	(void)state;
	strv_addv(&argv, (const char *const[]){"perl", "-e", script, NULL});
	c.argv = argv.v;
	assert_int_equal(pipe(fd), 0);
	pid = fork(); /* allowed: the parent that is killed */
	if (!pid) {
		if (proc_start(&c, &e))
			_exit(1);
		/* What it says goes on to the test by this process. */
		for (;;) {
			AUTO(buf_clear) struct buf b = BUF_INIT;

			proc_read(&c.err, &b);
			if (b.len && write(fd[1], &c.pid, sizeof(c.pid)) < 0)
				_exit(1);
			clock_sleep_us(1000);
		}
	}
	assert_int_equal(read(fd[0], &c.pid, sizeof(c.pid)), sizeof(c.pid));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 20000 && !kill(c.pid, 0); i++) {
		char path[64];
		FILE *f;

		/* Nobody may wait for it here: a zombie has ended. */
		snprintf(path, sizeof(path), "/proc/%d/stat", (int)c.pid);
		f = fopen(path, "r");
		got = f ? (ssize_t)fread(text, 1, sizeof(text) - 1, f) : 0;
		if (f)
			fclose(f);
		text[got] = '\0';
		if (strstr(text, ") Z"))
			break;
		n++;
		clock_sleep_us(1000);
	}
	assert_true(n < 20000);
	close(fd[0]);
	close(fd[1]);
}

static void t_proc_confined(void **state)
{
	char dir[] = "/tmp/nh-core-XXXXXX";
	AUTO(mem_freep) char *path = NULL;
	static const char look[] =
		"cat " PROC_FILE " && echo new >> " PROC_FILE "; id -u; "
		"ulimit -v; ulimit -t; ulimit -c; "
		"grep NoNewPrivs: /proc/self/status; ls /proc/self/fd; "
		"cat \"$0\" 2> /dev/null || echo closed";
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)look, NULL, NULL};
	char *big[] = {(char *)"sh", (char *)"-c",
		       (char *)"head -c 9000000 /dev/zero >> " PROC_FILE, NULL};
	struct proc p = {.argv = argv,
			 .timeout_us = 20000000,
			 .cpu_s = 30,
			 .as_bytes = 1UL << 30,
			 .fsize_bytes = 1UL << 20,
			 .drop = true,
			 .uid = 65534,
			 .gid = 65534,
			 .confined = true};
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir)); /* 0700, root's */
	argv[3] = path = mem_printf("%s/disk", dir);
	p.file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(p.file > 0);
	assert_int_equal(write(p.file, "old\n", 4), 4);
	assert_int_equal(fchown(p.file, 65534, 65534), 0);
	assert_int_equal(proc_run(&p, &e), 0);
	assert_string_equal(buf_str(&p.out),
			    "old\n65534\n1048576\n30\n0\nNoNewPrivs:\t1\n"
			    "0\n1\n2\n3\n4\nclosed\n");
	assert_int_equal(fstat(p.file, &st), 0);
	assert_int_equal(st.st_size, 8);
	proc_clear(&p);
	p.argv = big;
	assert_int_equal(proc_run(&p, &e), 0);
	assert_int_not_equal(p.exit_code, 0);
	assert_int_equal(fstat(p.file, &st), 0);
	assert_int_equal(st.st_size, 1 << 20);
	proc_clear(&p);
	close(p.file);
	unlink(path);
	rmdir(dir);
}

static void t_proc_pipe(void **state)
{
	char *const cat[] = {(char *)"cat", NULL};
	struct proc_pipe p;
	struct err e = ERR_INIT;
	char c;

	(void)state;
	assert_int_equal(proc_open(&p, cat, NULL, NULL, false, &e), 0);
	assert_int_equal(write(p.in, "x", 1), 1);
	assert_int_equal(read(p.out, &c, 1), 1);
	assert_int_equal(c, 'x');
	assert_int_equal(proc_close(&p, 2000000), 0);
}

static void t_uuid(void **state)
{
	char a[UUID_LEN + 1];

	(void)state;
	uuid_random(a);
	assert_true(uuid_valid(a));
	assert_int_equal(a[14], '4');
	assert_false(uuid_valid("9F2B3C4D-0000-4000-8000-000000000000"));
	assert_false(uuid_valid("9f2b3c4d-0000-4000-8000-00000000000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_err_chain),
		cmocka_unit_test(t_err_copy),
		cmocka_unit_test(t_rel),
		cmocka_unit_test(t_beneath),
		cmocka_unit_test(t_atomic),
		cmocka_unit_test(t_proc),
		cmocka_unit_test(t_proc_pipe),
		cmocka_unit_test(t_proc_confined),
		cmocka_unit_test(t_proc_child),
		cmocka_unit_test(t_proc_orphan),
		cmocka_unit_test(t_uuid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
