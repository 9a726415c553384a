/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real sshd for a test, in a mount namespace of the test's own: an empty home
 * for root, an empty /run, a configuration and a host key of its own.  No file
 * of this machine is touched.  Needs root.
 */
#ifndef NH_TESTS_OWNSSHD_H
#define NH_TESTS_OWNSSHD_H

#include <stdbool.h>

#include "core/proc.h"

struct ownsshd {
	bool on;
	struct proc_pipe p;
	int hold;
	unsigned port;	/* of 127.0.0.1 */
	char *host_key; /* "TYPE BASE64" */
	char *keys;	/* root's authorized_keys */
};

/* Its files go beneath DIR.  false: it cannot be had here. */
bool ownsshd_start(struct ownsshd *s, const char *dir);
void ownsshd_stop(struct ownsshd *s);

#endif
