/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a job does, for the system's journal: systemd-journald's native protocol
 * (systemd.io/JOURNAL_NATIVE_PROTOCOL), spoken by ourselves, so that no library
 * has to be there.
 *
 *	fd = sdjournal_open(SDJOURNAL_SOCKET)	-1: no journald listens
 *	sdjournal_send(fd, &(struct sdjournal){.what = SDJOURNAL_STEP, ...})
 *
 * The fields are a public interface, novahaul(1) lists them.  Nothing is waited
 * for, and what cannot be sent is not told: the job's own journal is the one
 * that counts.
 */
#ifndef NH_CLI_SDJOURNAL_H
#define NH_CLI_SDJOURNAL_H

#include "core/buf.h"

#define SDJOURNAL_SOCKET "/run/systemd/journal/socket"

enum sdjournal_what {
	SDJOURNAL_START = 0,
	SDJOURNAL_STEP, /* one is done or undone */
	SDJOURNAL_FAIL,
	SDJOURNAL_SAY,
	SDJOURNAL_END,
};

struct sdjournal {
	enum sdjournal_what what;
	const char *job, *instance; /* uuid; may be NULL */
	const char *step;	    /* may be NULL */
	const char *text;	    /* may be NULL */
};

/* A socket to who listens at PATH, or -1. */
int sdjournal_open(const char *path);
/* FD may be -1. */
void sdjournal_send(int fd, const struct sdjournal *s);
/* The datagram of the above. */
void sdjournal_encode(struct buf *b, const struct sdjournal *s);

#endif
