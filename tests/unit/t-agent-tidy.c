/* SPDX-License-Identifier: Apache-2.0 */
/* Which builds of the agent go, and that nothing else does. */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/tidy.h"
#include "core/buf.h"
#include "core/fs.h"

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd"
#define ID "9f2c1f1e-0b1d-4c57-8b9c-2f6f3c1d4a5b"
#define DAYS(n) ((n) * (int64_t)24 * 3600)

static struct err e;
static char dir[32];
static int fd;

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/nh-tidy.XXXXXX");
	assert_non_null(mkdtemp(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = {
		"agent-" SHA "01", "agent-" SHA "02",	"agent-" SHA "03",
		"agent-" SHA "04", "agent-" SHA "05",	"agent-" SHA "06",
		"agent-" SHA,	   "agent-" SHA "0g",	"agent-" SHA "070",
		"agent",	   ".agent-" ID ".tmp", ".agent-" ID ".old",
		".agent-x.tmp",	   "elsewhere"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (unlinkat(fd, names[i], 0) && errno == EISDIR)
			unlinkat(fd, names[i], AT_REMOVEDIR);
	close(fd);
	assert_int_equal(rmdir(dir), 0);
	err_clear(&e);
	return 0;
}

static void aged(const char *name, int64_t seconds)
{
	struct timespec t[2] = {{.tv_sec = time(NULL) - seconds},
				{.tv_sec = time(NULL) - seconds}};

	assert_int_equal(utimensat(fd, name, t, AT_SYMLINK_NOFOLLOW), 0);
}

static void file(const char *name, int64_t age)
{
	int f = openat(fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	assert_true(f >= 0);
	close(f);
	aged(name, age);
}

static bool is_there(const char *name)
{
	return !faccessat(fd, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

static size_t tidy(void)
{
	struct tidy t = {.self = "agent-" SHA "01",
			 .build_us = 30 * TIDY_DAY_US,
			 .tmp_us = TIDY_DAY_US};
	size_t n = 99;

	assert_int_equal(tidy_builds(fd, &t, &n, &e), 0);
	return n;
}

static void t_names(void **state)
{
	static const char *const stay[] = {
		"agent-" SHA, "agent-" SHA "0g",   "agent-" SHA "070",
		"agent",      ".agent-" ID ".old", ".agent-x.tmp"};

	(void)state;
	file("agent-" SHA "01", DAYS(400)); /* this build */
	file("agent-" SHA "02", DAYS(31));
	file("agent-" SHA "03", DAYS(29));
	file(".agent-" ID ".tmp", DAYS(2));
	for (size_t i = 0; i < ARRAY_SIZE(stay); i++)
		file(stay[i], DAYS(400));
	assert_int_equal(tidy(), 2);
	assert_false(is_there("agent-" SHA "02"));
	assert_false(is_there(".agent-" ID ".tmp"));
	assert_true(is_there("agent-" SHA "01"));
	assert_true(is_there("agent-" SHA "03"));
	for (size_t i = 0; i < ARRAY_SIZE(stay); i++)
		assert_true(is_there(stay[i]));
	/* One that is being sent now. */
	file(".agent-" ID ".tmp", 60);
	assert_int_equal(tidy(), 0);
}

/* Of our naming, and no build. */
static void t_others(void **state)
{
	(void)state;
	file("elsewhere", DAYS(400));
	assert_int_equal(symlinkat("elsewhere", fd, "agent-" SHA "02"), 0);
	aged("agent-" SHA "02", DAYS(400));
	assert_int_equal(mkdirat(fd, "agent-" SHA "03", 0700), 0);
	aged("agent-" SHA "03", DAYS(400));
	assert_int_equal(mkfifoat(fd, "agent-" SHA "04", 0700), 0);
	aged("agent-" SHA "04", DAYS(400));
	assert_int_equal(tidy(), 0);
	assert_true(is_there("agent-" SHA "02") && is_there("agent-" SHA "03"));
	assert_true(is_there("agent-" SHA "04") && is_there("elsewhere"));
}

static void copy(const char *from, const char *to)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	int f = openat(fd, to, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	assert_int_equal(fs_read_path(from, 256 << 20, &b, &e), 0);
	assert_int_equal(fs_write_all(f, b.p, b.len, &e), 0);
	close(f);
}

static pid_t start(const char *name, const char *word)
{
	AUTO(mem_freep) char *path = mem_printf("%s/%s", dir, name);
	pid_t pid = fork();

	if (!pid) {
		execl(path, name, word, (char *)NULL);
		_exit(127);
	}
	return pid;
}

static void t_in_use(void **state)
{
	AUTO(mem_freep) char *exe = NULL;
	struct stat a, b;
	pid_t pid;

	(void)state;
	copy("/bin/sleep", "agent-" SHA "02");
	aged("agent-" SHA "02", DAYS(400));
	assert_int_equal(fstatat(fd, "agent-" SHA "02", &a, 0), 0);
	pid = start("agent-" SHA "02", "100");
	exe = mem_printf("/proc/%d/exe", (int)pid);
	while (!stat(exe, &b) && b.st_ino != a.st_ino)
		usleep(1000);
	assert_int_equal(tidy(), 0);
	assert_true(is_there("agent-" SHA "02"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(tidy(), 1);
	assert_false(is_there("agent-" SHA "02"));
}

/* The program itself, where it lies; from a build folder it does nothing. */
static void t_program(void **state)
{
	const char *agent = getenv("NOVAHAUL_AGENT_BUILT");
	int status;

	(void)state;
	if (!agent)
		agent = "./novahaul-agent";
	if (access(agent, X_OK)) {
		fprintf(stderr, "no %s here\n", agent);
		skip();
	}
	copy(agent, "agent-" SHA "01");
	copy(agent, "agent");
	aged("agent-" SHA "01", DAYS(400));
	file("agent-" SHA "02", DAYS(400));
	file("agent-" SHA "03", DAYS(1));
	waitpid(start("agent", "--tidy"), &status, 0);
	assert_int_equal(status, 0);
	assert_true(is_there("agent-" SHA "02"));
	/* Where others may write, anything could lie. */
	assert_int_equal(fchmod(fd, 0777), 0);
	waitpid(start("agent-" SHA "01", "--tidy"), &status, 0);
	assert_int_not_equal(status, 0);
	assert_true(is_there("agent-" SHA "02"));
	assert_int_equal(fchmod(fd, 0700), 0);
	waitpid(start("agent-" SHA "01", "--tidy"), &status, 0);
	assert_int_equal(status, 0);
	assert_false(is_there("agent-" SHA "02"));
	assert_true(is_there("agent-" SHA "01") && is_there("agent-" SHA "03"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_others, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_in_use, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_program, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
