/* SPDX-License-Identifier: Apache-2.0 */
/* Between lease.c and claim.c. */
#ifndef NH_AGENT_LEASE_PRIV_H
#define NH_AGENT_LEASE_PRIV_H

#include "agent/lease.h"

int lease_dir(int root, bool create, struct err *e);
int lease_load(int dir, const char *uuid, struct lease *l, struct err *e);
int lease_write(int dir, const char *uuid, const struct lease *l,
		struct err *e);
int lease_gate_open(int dir, const char *uuid, bool create, struct err *e);
/* 1 locked, 0 not before END (clock_mono_us), -1 the gate was removed. */
int lease_gate_lock(int dir, const char *uuid, int fd, int how, int64_t end);

#endif
