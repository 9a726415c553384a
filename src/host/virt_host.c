/* SPDX-License-Identifier: Apache-2.0 */
/* virsh through a host's agent. */
#include "host/virt.h"

#include "host/host.h"

/* capabilities of a large host are a few hundred KiB */
#define OUT_MAX (2 * 1024 * 1024)

static int run(void *self, struct virt_cmd *cmd, struct err *e)
{
	struct host_run r = {.argv = (const char *const *)cmd->argv,
			     .in = cmd->in,
			     .in_len = cmd->in_len,
			     .timeout_us = cmd->timeout_us,
			     .out_max = OUT_MAX,
			     .mutates = cmd->mutates};
	int rc = host_run(self, &r, e);

	cmd->exit_code = r.exit_code;
	cmd->out = r.out;
	cmd->err = r.err;
	r.out = r.err = (struct buf)BUF_INIT;
	host_run_clear(&r);
	return rc;
}

struct virt *virt_host_new(struct host *h)
{
	const struct virt_runner runner = {.run = run, .self = h};

	return virt_virsh_new(h->name, (const char *const *)h->profile.virsh.v,
			      &runner);
}
