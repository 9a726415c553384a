/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests that agents answer.  Numbers below 100 are wire/wire.h's.
 * Arguments and results are one row of fields each, named here in order;
 * "path" is two strings, root and rel; "*" marks a counted list.
 */
#ifndef NH_WIRE_VERBS_H
#define NH_WIRE_VERBS_H

enum verb_type {
	VERB_NONE = 0,

	VERB_INFO = 100,
	VERB_LEASE_READ,
	VERB_LEASE_CLAIM,
	VERB_LEASE_BIND,
	VERB_LEASE_RELEASE,

	VERB_STAT,
	VERB_LIST,
	VERB_READ,
	VERB_WRITE,
	VERB_MKDIR,
	VERB_RENAME,
	VERB_HOLD,
	VERB_UNLINK,
	VERB_RMTREE,
	VERB_CHOWN,
	VERB_CHMOD,
	VERB_TOUCH,
	VERB_FSYNC,
	VERB_STATFS,
	VERB_DIGEST,

	VERB_RUN_READ, /* changes nothing */
	VERB_RUN,
	VERB_PROC_SCAN,
	VERB_GETENT,
	VERB_CONF,
	VERB_HOSTKEY,
	VERB_TRIAL,  /* path, string device, users* */
	VERB_STATS,  /* path* */
	VERB_REACH,  /* string address, u32 port */
	VERB_LOCKED, /* path* */

	/* Bulk data, 200-299: transfer/ctl.h says what goes over the first two
	 * while they are under way. */
	VERB_TRANSFER_SEND = 200, /* struct ctl_send */
	VERB_TRANSFER_RECV,   /* root, u64 silence that is a loss, 0: as ever,
				 bool striped */
	VERB_TRANSFER_ALLOW,  /* user, bool sudo, root, key line */
	VERB_TRANSFER_REVOKE, /* user, job */
	/* Of --receive alone: standard input is a further stream of the
	 * VERB_TRANSFER_RECV that gave out this name and token.  One WIRE_DATA
	 * says that it is; then its bytes are that receiver's. */
	VERB_TRANSFER_JOIN, /* root, name, bytes token */
	/* As VERB_TRANSFER_RECV, but the sender comes by TLS, to a port that
	 * is open for it. */
	VERB_TRANSFER_LISTEN, /* struct ctl_listen */
};

#endif
