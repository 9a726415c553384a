/* SPDX-License-Identifier: Apache-2.0 */
/* A real agent as a child, on pipes, and the lease of a test's instance. */
#ifndef NH_TESTS_SIDE_H
#define NH_TESTS_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/proc.h"
#include "wire/wire.h"

#define SIDE_UUID "9f2b3c4d-0000-4000-8000-000000000001"
#define SIDE_JOB "j-test"

struct side {
	struct proc_pipe p;
	struct client c;
};

/* A copy of novahaul-agent, $AGENT or that of the build folder, in DIR: the
 * build may lie in root's home, which ownsshd hides.  NULL, said on stderr:
 * there is none. */
char *side_program(const char *dir);
void side_start(struct side *s, const char *exe);
void side_stop(struct side *s);
/* FORCE: as a second session. */
void side_claim(struct side *s, const char *root, uint64_t epoch, bool force);
/* N random bytes at OFF of the file REL in DIR, which is made if need be. */
void side_fill(int dir, const char *rel, uint64_t off, size_t n);
/* Fails the test unless both files in DIR hold the same. */
void side_same(int dir, const char *a, const char *b);

#endif
