/* SPDX-License-Identifier: Apache-2.0 */
/* An Ed25519 key pair for one job, in OpenSSH's own forms.  OpenSSH reads no
 * other for Ed25519 (before 9.6 not even PKCS#8). */
#ifndef NH_TRANSFER_SSHKEY_H
#define NH_TRANSFER_SSHKEY_H

#include "core/buf.h"
#include "core/err.h"

struct sshkey {
	struct buf secret; /* "-----BEGIN OPENSSH PRIVATE KEY-----..." */
	char *line;	   /* "ssh-ed25519 AAAA..." */
};

int sshkey_make(struct sshkey *k, const char *comment, struct err *e);
/* Overwrites the secret before it is freed. */
void sshkey_clear(struct sshkey *k);

#endif
