/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line of ours in an authorized_keys file.
 *
 *	restrict,command="AGENT --receive ROOT UUID JOB" KEY novahaul:JOB
 *
 * The mark at its end is what add and remove know it by: adding replaces this
 * job's line, removing what is not there is success, nobody else's line is
 * touched.  The file is replaced as a whole, durable, with its owner and mode:
 * a crash leaves the old or the new one.  Editors of ours are kept apart by a
 * lock on the directory; an administrator's editor is not, as ever.
 *
 * A file that add had to make opens with a comment that says so, and remove
 * takes it away with its last line.
 */
#ifndef NH_TRANSFER_AUTHKEYS_H
#define NH_TRANSFER_AUTHKEYS_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/err.h"

struct authkeys {
	int dir;	  /* borrowed */
	const char *name; /* in it, a plain file name */
	uid_t uid;	  /* of a file that is made */
	gid_t gid;
};

struct authkeys_line {
	const char *job;
	const char
		*command; /* argv joined by spaces, authkeys_word_ok() each */
	const char *key;  /* "ssh-ed25519 AAAA..." */
};

/* Letters, digits and "_-./:+,@=%" only: nothing that the login shell, which
 * sshd gives the command to, would take for anything else. */
bool authkeys_word_ok(const char *s);
int authkeys_add(const struct authkeys *a, const struct authkeys_line *l,
		 struct err *e);
int authkeys_remove(const struct authkeys *a, const char *job, struct err *e);

/* The file that sshd reads for a user, from the output of `sshd -T` (or NULL):
 * the first of authorizedkeysfile, %h, %u, %U and %% filled in; a relative one
 * is beneath HOME.  NULL: it reads none.  The caller frees. */
struct authkeys_user {
	const char *name, *home;
	uid_t uid;
};
char *authkeys_path(const char *sshd_t, const struct authkeys_user *u)
	NH_DEALLOC(mem_free);

#endif
