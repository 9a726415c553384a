/* SPDX-License-Identifier: Apache-2.0 */
/* One SSH connection: ssh.c, ssh_auth.c, ssh_exec.c, bootstrap.c. */
#ifndef NH_HOST_SSH_PRIV_H
#define NH_HOST_SSH_PRIV_H

#include <libssh2.h>

#include "core/buf.h"
#include "core/err.h"
#include "host/conf.h"
#include "host/link.h"

struct ssh {
	const struct conf *cfg; /* borrowed while connecting */
	LIBSSH2_SESSION *s;
	int sock;
	char *hostkey;	  /* "ssh-ed25519 AAAA..." */
	int64_t deadline; /* of what is going on */
	bool opening;	  /* until the agent has answered */
};

int ssh_connect(struct ssh *h, const struct conf *cfg, struct err *e);
void ssh_disconnect(struct ssh *h);
/* Waits for what libssh2 wants, until h->deadline; ETIMEDOUT. */
int ssh_wait(struct ssh *h, struct err *e);
/* Adds libssh2's own words for its last error. */
int ssh_err(struct ssh *h, enum err_kind kind, const char *what, struct err *e);

int ssh_auth(struct ssh *h, struct err *e);

/* A channel with CMD started in it: words of safe characters only. */
LIBSSH2_CHANNEL *ssh_start(struct ssh *h, const char *cmd, struct err *e);
/* Runs CMD with N bytes for its input; *CODE is its exit code. */
struct ssh_cmd {
	const char *cmd;
	const void *in;
	size_t n;
	struct buf out, err; /* out: clear with ssh_cmd_clear() */
	int code;
};
int ssh_exec(struct ssh *h, struct ssh_cmd *c, struct err *e);
void ssh_cmd_clear(struct ssh_cmd *c);

/* Puts our agent into directory DIR of the host, and proves that it runs there.
 * *UNFIT: it cannot run from DIR (noexec), another may do. */
int bootstrap(struct ssh *h, const char *dir, bool *unfit, struct err *e);
/* "" or "sudo -n ". */
const char *ssh_prefix(const struct ssh *h);

#endif
