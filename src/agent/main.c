/* SPDX-License-Identifier: Apache-2.0 */
/*
 * novahaul-agent: the hands of novahaul on one host.  Started by it, over SSH
 * or pipes; people have no use for it.
 */
#include "config.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent_priv.h"
#include "agent/host_verbs.h"
#include "agent/lease.h"
#include "agent/tidy.h"
#include "core/uuid.h"

static int self_digest(void)
{
	struct err e = ERR_INIT;
	char hex[65];

	if (verb_exe_sha256(hex, &e)) {
		fprintf(stderr, "novahaul-agent: %s\n", err_msg(&e));
		err_clear(&e);
		return 1;
	}
	printf("%s\n", hex);
	return 0;
}

static int tidy(void)
{
	struct err e = ERR_INIT;
	size_t n;

	if (tidy_own_directory(&n, &e)) {
		fprintf(stderr, "novahaul-agent: %s\n", err_msg(&e));
		err_clear(&e);
		return 1;
	}
	printf("%zu\n", n);
	return 0;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: novahaul-agent [--receive ROOT UUID JOB | "
		"--self-digest | --tidy | --version]\n"
		"It speaks frames on standard input and output; novahaul "
		"starts it.\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct agent_opts o = {.in = STDIN_FILENO, .out = STDOUT_FILENO};

	/* A link that breaks is seen as end of file, not as a signal: a run
	 * that changes something must not die of it. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	umask(022);
	if (argc == 2 && !strcmp(argv[1], "--self-digest"))
		return self_digest();
	if (argc == 2 && !strcmp(argv[1], "--tidy"))
		return tidy();
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("novahaul-agent %s %s\n", PACKAGE_VERSION, wire_build());
		return 0;
	}
	if (argc == 5 && !strcmp(argv[1], "--receive")) {
		o.root = argv[2];
		o.uuid = argv[3];
		o.job = argv[4];
		if (*o.root != '/' || !uuid_valid(o.uuid) ||
		    !lease_job_ok(o.job))
			return usage();
	} else if (argc != 1) {
		return usage();
	}
	return agent_serve(&o);
}
