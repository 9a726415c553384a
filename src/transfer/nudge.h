/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hurries OpenSSH's client while it logs in.
 *
 * Until its session is there it leaves TCP as it is, on both ends: what one of
 * them sends in two pieces waits between them for an acknowledgement (Nagle),
 * and the other puts that off for 40 ms, since it has nothing to say itself.
 * That happens once in each direction.  A login between near hosts takes 0.2 s
 * with it, 0.1 s without; where a round trip is long, two of them are saved.
 *
 * The client cannot be told, so its sockets are borrowed for a moment every
 * millisecond or two (pidfd_getfd(2), Linux 5.6, which root may): TCP_NODELAY
 * for what it sends, TCP_QUICKACK for what it gets.  Where that cannot be had,
 * a login takes as long as ever.
 *
 *	nudge_start(&n, ssh.pid);
 *	... until the other end has answered ...
 *	nudge_stop(&n);			before ssh is waited for
 */
#ifndef NH_TRANSFER_NUDGE_H
#define NH_TRANSFER_NUDGE_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

struct nudge {
	pthread_t thread;
	bool on;
	int pid; /* pidfd */
	int stop;
};

/* Does not fail: at worst it does nothing. */
void nudge_start(struct nudge *n, pid_t ssh);
void nudge_stop(struct nudge *n);
/* One look at process PID (a pidfd): how many of its sockets were hurried, or
 * -1 where that cannot be. */
int nudge_once(int pid);

#endif
