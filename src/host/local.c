/* SPDX-License-Identifier: Apache-2.0 */
/* The agent of this very machine, over pipes. */
#include <errno.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/proc.h"
#include "host/conf.h"
#include "host/link.h"

struct local {
	struct link l;
	struct proc_pipe p;
	struct buf said;
};

static void local_said(struct link *l, struct buf *out)
{
	struct local *k = (struct local *)l;
	char b[4096];
	ssize_t n;

	/* What it said as it ended may be a moment behind its end. */
	for (int i = 0; i < 20; i++) {
		n = read(k->p.err, b, sizeof(b));
		if (n > 0)
			buf_put(out, b, (size_t)n);
		else if (n == 0 || errno != EAGAIN)
			break;
		else
			clock_sleep_us(5000);
	}
}

static void local_close(struct link *l)
{
	struct local *k = (struct local *)l;

	/* It ends at the end of its input, unless it must finish a run: then
	 * it is left alone. */
	client_clear(&l->client);
	mem_closefd(&k->p.in);
	mem_closefd(&k->p.out);
	mem_closefd(&k->p.err);
	proc_leave(&k->p, 2000000);
	mem_free(k);
}

static const char *local_hostkey(struct link *l)
{
	(void)l;
	return NULL;
}

static const struct link_ops ops = {local_close, local_said, local_hostkey};

struct link *local_open(const struct conf *cfg, struct err *e)
{
	char *as_root[] = {cfg->agent, NULL};
	char *sudo[] = {(char *)"sudo", (char *)"-n", cfg->agent, NULL};
	struct local *k = MEM_NEW(struct local);

	k->l.ops = &ops;
	if (proc_open(&k->p, geteuid() ? sudo : as_root, NULL, NULL, true, e)) {
		mem_free(k);
		err_wrap(e, "starting the agent");
		return NULL;
	}
	client_init_fds(&k->l.client, k->p.out, k->p.in);
	return &k->l;
}
