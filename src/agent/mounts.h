/* SPDX-License-Identifier: Apache-2.0 */
/* What is mounted, as this process sees it: proc(5), /proc/PID/mountinfo. */
#ifndef NH_AGENT_MOUNTS_H
#define NH_AGENT_MOUNTS_H

#include <stdbool.h>
#include <stdint.h>

struct mount {
	char *type, *source, *options;
};

#define MOUNT_INIT                                                             \
	{                                                                      \
		0                                                              \
	}

/* The file system of device DEV, a st_dev, as it was mounted last; false, and
 * nothing in M, when none is listed under that number. */
bool mount_of(uint64_t dev, struct mount *m);
void mount_clear(struct mount *m);

#endif
