/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slow-link: a cable with a delay between two network namespaces, for kernels
 * without netem.  For tests/bench only.
 *
 *	slow-link DELAY_US PID DEV PID DEV
 *
 * Makes a TUN device DEV in the network namespace of each PID, says "ready",
 * and carries what is sent into one to the other, DELAY_US later, until it is
 * killed.  Only the delay is made: bandwidth is what the processors give, and
 * TCP sees a path with a round trip time of twice the delay.  Segments stay as
 * large as the kernel makes them, so that the relay costs little.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/mem.h"

enum {
	FRAME_MAX = 65536 + (int)sizeof(struct virtio_net_hdr),
	/* Above what any sender has under way: nothing is dropped. */
	QUEUE_MAX = 1 << 15,
};

struct frame {
	int64_t due;
	size_t n;
	char *p;
};

struct way {
	int from, to;
	struct frame q[QUEUE_MAX];
	size_t head, count;
};

static struct way way[2];

static int die(const char *what)
{
	fprintf(stderr, "slow-link: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int tun_in(int pid, const char *dev)
{
	struct ifreq r = {0};
	char path[64];
	int ns, fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		die(path);
	close(ns);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		die("/dev/net/tun");
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", dev);
	r.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
	if (ioctl(fd, TUNSETIFF, &r) ||
	    ioctl(fd, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4))
		die(dev);
	return fd;
}

static void take(struct way *w, int64_t delay)
{
	static char b[FRAME_MAX];
	ssize_t n;

	while (w->count < QUEUE_MAX && (n = read(w->from, b, sizeof(b))) > 0) {
		struct frame *f = &w->q[(w->head + w->count++) % QUEUE_MAX];

		*f = (struct frame){clock_mono_us() + delay, (size_t)n,
				    mem_dup(b, (size_t)n)};
	}
}

/* Microseconds until the next is due, or -1. */
static int64_t give(struct way *w)
{
	while (w->count) {
		struct frame *f = &w->q[w->head];
		int64_t left = f->due - clock_mono_us();

		if (left > 0)
			return left;
		/* A frame that is not taken is a lost one, as on any link. */
		if (write(w->to, f->p, f->n) < 0 && errno == EAGAIN)
			return 100;
		mem_free(f->p);
		w->head = (w->head + 1) % QUEUE_MAX;
		w->count--;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct pollfd p[2];
	int64_t delay;

	if (argc != 6) {
		fputs("usage: slow-link DELAY_US PID DEV PID DEV\n", stderr);
		return 2;
	}
	delay = strtol(argv[1], NULL, 10);
	way[0].from = way[1].to =
		tun_in((int)strtol(argv[2], NULL, 10), argv[3]);
	way[1].from = way[0].to =
		tun_in((int)strtol(argv[4], NULL, 10), argv[5]);
	/* Sleeps as short as asked for. */
	prctl(PR_SET_TIMERSLACK, 1000UL);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int64_t us = -1;

		for (int i = 0; i < 2; i++) {
			int64_t left;

			take(&way[i], delay);
			left = give(&way[i]);
			if (left >= 0 && (us < 0 || left < us))
				us = left;
			p[i] = (struct pollfd){.fd = way[i].from,
					       .events = POLLIN};
		}
		ppoll(p, 2,
		      us < 0 ? NULL
			     : &(struct timespec){us / 1000000,
						  us % 1000000 * 1000},
		      NULL);
	}
}
