/* SPDX-License-Identifier: Apache-2.0 */
/* A process is there as long as one of its threads is. */
#include "unit/unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/procfs.h"
#include "core/clock.h"

static void *wait_here(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return NULL;
}

/* A process whose first thread has ended, and its second has not. */
static pid_t headless(void)
{
	struct procfs_stat s = {0};
	pthread_t t;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pthread_create(&t, NULL, wait_here, NULL);
		pthread_exit(NULL);
	}
	for (int i = 0; i < 500 && s.state != 'Z'; i++) {
		assert_true(procfs_stat(pid, &s));
		clock_sleep_us(10000);
	}
	assert_int_equal(s.state, 'Z');
	return pid;
}

static void t_runs(void **state)
{
	struct procfs_stat s;
	pid_t pid = headless();

	(void)state;
	assert_true(procfs_stat(pid, &s));
	assert_int_equal(s.threads, 2);
	assert_true(procfs_runs(&s));
	kill(pid, SIGKILL);
	for (int i = 0; i < 500 && procfs_runs(&s); i++) {
		clock_sleep_us(10000);
		assert_true(procfs_stat(pid, &s));
	}
	/* Not yet waited for: a zombie, as a whole. */
	assert_int_equal(s.state, 'Z');
	assert_false(procfs_runs(&s));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(procfs_stat(pid, &s));
}

static void t_kill(void **state)
{
	struct err e = ERR_INIT;
	struct procfs_stat s;
	pid_t pid = headless();
	int status = 0;

	(void)state;
	assert_int_equal(
		procfs_kill_tree(pid, 0, clock_mono_us() + 5000000, &e), 0);
	assert_true(procfs_stat(pid, &s));
	assert_false(procfs_runs(&s));
	assert_int_equal(waitpid(pid, &status, WNOHANG), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	/* What is gone already is no error. */
	assert_int_equal(procfs_kill_tree(pid, 0, 0, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_runs),
		cmocka_unit_test(t_kill),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
