/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of src/host and src/agent share: a scratch directory and the
 * agent that was just built. */
#ifndef NH_TESTS_HOST_LAB_H
#define NH_TESTS_HOST_LAB_H

#include "unit/unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"
#include "core/proc.h"
#include "host/host.h"

#define UUID1 "11111111-2222-4333-8444-555555555555"

/* .../tests/unit/t-x -> .../novahaul-agent */
static inline char *lab_agent(void)
{
	char exe[4096];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	assert_true(n > 0);
	exe[n] = '\0';
	for (int i = 0; i < 3; i++)
		*strrchr(exe, '/') = '\0';
	return mem_printf("%s/novahaul-agent", exe);
}

static inline char *lab_dir(void)
{
	char path[] = "/tmp/nh-host-XXXXXX";

	assert_non_null(mkdtemp(path));
	assert_int_equal(chmod(path, 0755), 0);
	return mem_strdup(path);
}

static inline void lab_rm(char *dir)
{
	char *argv[] = {(char *)"rm", (char *)"-rf", dir, NULL};
	struct proc p = {.argv = argv, .timeout_us = 10000000};
	struct err e = ERR_INIT;

	assert_int_equal(proc_run(&p, &e), 0);
	proc_clear(&p);
	mem_free(dir);
}

static inline void lab_put(const char *dir, const char *rel, const char *text)
{
	AUTO(mem_freep) char *path = mem_printf("%s/%s", dir, rel);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline bool lab_has(const char *dir, const char *rel)
{
	AUTO(mem_freep) char *path = mem_printf("%s/%s", dir, rel);
	struct stat st;

	return lstat(path, &st) == 0;
}

/* This machine, without SSH. */
static inline struct host *lab_local(void)
{
	AUTO(mem_freep) char *agent = lab_agent();
	struct host_config cfg = {
		.name = "here", .transport = HOST_LOCAL, .agent_path = agent};
	struct err e = ERR_INIT;
	struct host *h;

	/* As in the program itself: an agent that ended is an error. */
	signal(SIGPIPE, SIG_IGN);
	h = host_open(&cfg, &e);
	if (!h)
		fail_msg("%s", err_msg(&e));
	return h;
}

static inline int lab_claim(struct host *h, const char *root, const char *job,
			    const char *session, uint64_t epoch, struct err *e)
{
	struct host_claim c = {.root = root,
			       .uuid = UUID1,
			       .job = job,
			       .owner = session,
			       .session = session,
			       .epoch = epoch,
			       .take_us = 500000};

	return host_lease_claim(h, &c, e);
}

/* For AUTO() in tests: an err that must be empty or was looked at. */
#define assert_ok(expr)                                                        \
	do {                                                                   \
		if (expr)                                                      \
			fail_msg("%s: %s", #expr, err_msg(&e));                \
	} while (0)

#define assert_kind(expr, want)                                                \
	do {                                                                   \
		assert_int_equal(expr, -1);                                    \
		if (e.kind != (want))                                          \
			fail_msg("%s: %s: %s", #expr, err_kind_name(e.kind),   \
				 err_msg(&e));                                 \
		err_clear(&e);                                                 \
	} while (0)

#endif
