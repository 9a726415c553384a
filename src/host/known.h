/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known_hosts files, as sshd(8) describes them: hashed names, [name]:port,
 * patterns, @revoked.  Certificate authorities are not supported: their lines
 * match nothing.
 */
#ifndef NH_HOST_KNOWN_H
#define NH_HOST_KNOWN_H

#include "core/buf.h"

enum known_verdict {
	KNOWN_NOT = 0, /* no line for this host and type of key */
	KNOWN_OK,
	KNOWN_OTHER, /* a line says another key: it changed, or it is not
			the host */
	KNOWN_REVOKED,
};

struct known {
	enum known_verdict verdict;
	char *file; /* where the line is */
	unsigned line;
	struct strv types; /* of the keys known for this host */
};
void known_clear(struct known *k);

/* TYPE "ssh-ed25519" and BASE64 of the key offered; TYPE NULL only gathers
 * .types. */
void known_check(struct known *k, const struct strv *files, const char *host,
		 int port, const char *type, const char *base64);

#endif
