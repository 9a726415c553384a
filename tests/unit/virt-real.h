/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests of virt.h with real programs: a runner, and a main that runs the
 * test once more inside namespaces of its own.
 */
#ifndef NH_TESTS_VIRT_REAL_H
#define NH_TESTS_VIRT_REAL_H

#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/proc.h"
#include "host/virt.h"

static int run(void *self, struct virt_cmd *cmd, struct err *e)
{
	struct proc p = {.argv = cmd->argv,
			 .in = cmd->in,
			 .in_len = cmd->in_len,
			 .timeout_us = cmd->timeout_us};
	int rc = proc_run(&p, e);

	(void)self;
	cmd->exit_code = p.exit_code;
	cmd->out = p.out;
	cmd->err = p.err;
	return rc;
}

static void ok(int rc, struct err *e)
{
	if (rc)
		fail_msg("%s", err_msg(e));
}

static int command(const char *words)
{
	AUTO(strv_clear) struct strv argv = STRV_INIT;
	struct proc p = {.timeout_us = 60000000};
	struct err e = ERR_INIT;

	strv_split(&argv, words, " ");
	p.argv = argv.v;
	ok(proc_run(&p, &e), &e);
	proc_clear(&p);
	return p.exit_code;
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

static bool in_path(const char *name)
{
	static const char *const dirs[] = {"/usr/sbin", "/usr/bin", "/sbin",
					   "/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		AUTO(mem_freep) char *p = mem_printf("%s/%s", dirs[i], name);

		if (!access(p, X_OK))
			return true;
	}
	return false;
}

/* The exit code of this program, run inside with srcdir as its argument; 77
 * where root or one of TOOLS (NULL-terminated) is missing. */
static int real_outer(const char *const *tools)
{
	static const char *const ours[] = {"unshare", "bash", "mkdir", NULL};
	const char *src = getenv("srcdir");
	char self[512] = "";
	/* bash as process 1, because somebody has to reap what QEMU leaves */
	const char *const argv[] = {
		"unshare", "--mount",	   "--net",
		"--ipc",   "--uts",	   "--pid",
		"--fork",  "--kill-child", "--mount-proc",
		"bash",	   "-c",	   "\"$@\"; exit $?",
		"init",	   self,	   src ? src : ".",
		NULL};
	struct proc p = {.argv = (char *const *)argv,
			 .timeout_us = 240 * 1000000LL};
	struct err e = ERR_INIT;
	int rc;

	for (const char *const *t = tools; *t; t++) {
		if (geteuid() || !in_path(*t)) {
			fprintf(stderr, "skipped: needs root and %s\n", *t);
			return 77;
		}
	}
	for (const char *const *t = ours; *t; t++)
		if (!in_path(*t))
			return 77;
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0 ||
	    proc_run(&p, &e)) {
		fprintf(stderr, "%s\n", err_msg(&e));
		return 1;
	}
	printf("%s%s", buf_str(&p.out), buf_str(&p.err));
	rc = p.exit_code;
	if (strstr(buf_str(&p.err), "unshare failed"))
		rc = 77;
	proc_clear(&p);
	return rc;
}

#endif
