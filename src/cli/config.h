/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operator's configuration: novahaul.conf(5).
 *
 * INI by the rules of oslo.config (core/ini.h).  Everything is optional; with
 * no file at all a move between hosts that resolve and answer to root works.
 * A key or section that is not known is refused with its file and line: a
 * misspelt security option must not be skipped.
 *
 *	struct config c = CONFIG_INIT;
 *
 *	if (config_load(NULL, &c, &e))	NULL: $NOVAHAUL_CONFIG, or the default
 *		...			file if it exists
 *	h = config_host(&c, "compute-30");
 *	config_clear(&c);
 *
 * The passwords inside stand only in the connection URLs.  A file that
 * holds one and that others may read is reported through log_warn().
 */
#ifndef NH_CLI_CONFIG_H
#define NH_CLI_CONFIG_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"

#define CONFIG_DEFAULT_FILE "/etc/novahaul/novahaul.conf"
#define CONFIG_DEFAULT_JOURNAL "/var/lib/novahaul/journal.db"

/* One compute host.  A NULL or empty member means: learn it from the host. */
struct config_host {
	char *name;	      /* as Nova calls it (instances.host) */
	char *address;	      /* what to connect to; NULL: the name */
	unsigned port;	      /* 0: [ssh] port */
	char *user;	      /* NULL: [ssh] user */
	struct strv virsh;    /* argv that stands for "virsh"; empty: virsh */
	char *instances_path; /* as the host itself sees it */
	char *nova_user, *nova_group, *qemu_user, *qemu_group;
	struct strv path_map; /* "INSIDE=OUTSIDE": a prefix that libvirt or
				 Nova sees in its container, and where it is */
};

struct config_ssh {
	char *user;		  /* default root */
	unsigned port;		  /* default 22 */
	struct strv identity;	  /* private keys; empty: the ssh-agent's,
				     then ~/.ssh/id_ed25519, id_ecdsa */
	struct strv known_hosts;  /* empty: ~/.ssh/known_hosts and
				     /etc/ssh/ssh_known_hosts */
	unsigned connect_timeout; /* seconds, default 15 */
	unsigned command_timeout; /* seconds, default 60 */
	unsigned keepalive;	  /* seconds of silence after which a
				     host counts as lost, default 30 */
};

/* Connections of one copy, at most. */
#define CONFIG_STREAMS_MOST 8

struct config_copy {
	char *priority;	  /* "low", "idle" or "normal"; NULL: low */
	unsigned streams; /* connections at most; 0: as is best */
	char *compress;	  /* "auto", "never" or "always"; NULL: auto */
	/* "FIRST-LAST" or one: where targets listen for TLS; NULL: no TLS */
	char *tls_ports;
	unsigned tls_port_min, tls_port_max; /* of it; 0 */
};

struct config_db {
	char *connection;     /* the cell's database; NULL: from nova.conf
				 or cell_mappings */
	char *api_connection; /* nova_api; NULL: from nova.conf */
	/* Placement's, Neutron's and Cinder's, for when no API answers; NULL:
	 * from placement.conf, nova.conf, neutron.conf and cinder.conf. */
	char *placement_connection, *neutron_connection, *cinder_connection;
	char *ssl_ca, *ssl_cert, *ssl_key;
	bool ssl_verify;       /* default true once ssl_ca is set */
	struct strv nova_conf; /* where to look for the URLs, in order;
				  default /etc/nova/nova.conf */
	struct strv placement_conf, neutron_conf, cinder_conf; /* likewise */
};

/* How it is learnt that a host is off: novahaul-fence(1). */
struct config_fence {
	char *host;	      /* NULL: of [fence], which is for all hosts */
	struct strv provider; /* which ones prove it; empty: what is set */
	struct strv command, readback; /* argv, with %h for the host */
	char *off_word, *on_word;      /* what else the read-back may say */
	char *agent, *options;
	struct strv storage, rbd, rbd_command;
	unsigned timeout; /* seconds; 0: 60 */
};

/* Programs that are told what jobs do (cli/hooks.h). */
enum config_hook {
	CONFIG_HOOK_BEFORE_START = 0,
	CONFIG_HOOK_START,
	CONFIG_HOOK_STEP,
	CONFIG_HOOK_FAIL,
	CONFIG_HOOK_END,
};
#define CONFIG_HOOKS 5

struct config_hooks {
	struct strv argv[CONFIG_HOOKS]; /* empty: none */
	unsigned timeout;		/* seconds, default 10 */
};

struct config {
	char *file;    /* the file read, or NULL */
	char *journal; /* path, sqlite:///path or mysql://...; never NULL */
	char *journal_password_file; /* for a URL without one; or NULL */
	char *agent; /* novahaul-agent to send; NULL: the installed one */
	struct config_ssh ssh;
	struct config_db db;
	struct config_copy copy;
	struct config_hooks hooks;
	char *textfile; /* [metrics]: of node_exporter's collector; or NULL */
	struct config_host *hosts;
	size_t n_hosts;
	unsigned fence_max_age; /* seconds, default 900 */
	struct config_fence fence, *fences;
	size_t n_fences;
};

#define CONFIG_INIT                                                            \
	{                                                                      \
		0                                                              \
	}

/* Reads FILE; with NULL, the file of $NOVAHAUL_CONFIG (which must exist), else
 * CONFIG_DEFAULT_FILE when it exists, else only the defaults.  Bad content is
 * ERR_USAGE with "file:line: ". */
int config_load(const char *file, struct config *c, struct err *e);
/* The same from text that is already in memory; NAME stands in errors. */
int config_parse(const char *name, const char *text, struct config *c,
		 struct err *e);
void config_clear(struct config *c);

/* Set by a run for itself and the processes of its batches, to the profiles of
 * its runbook (JSON, as in runbook.h); config_load() puts them over C. */
#define CONFIG_PROFILES "NOVAHAUL_PROFILES"
int config_profiles(struct config *c, const char *json, struct err *e);

/* The section [host:NAME], or NULL when the file has none: the defaults apply.
 * Borrowed. */
const struct config_host *config_host(const struct config *c, const char *name);

/* What [fence:HOST] says, and [fence] where that does not.  Only members of C,
 * borrowed: not to be cleared. */
struct config_fence config_fence(const struct config *c, const char *host);

/* "before_start", "start", ...: its key, and what it is told as "event". */
const char *config_hook_name(enum config_hook which);

/* Splits S into words as a shell would, quotes and backslashes included, and
 * refuses everything that a shell would expand or run ($ ` ; | & < > ( ) * ?
 * outside single quotes). */
int config_split_words(const char *s, struct strv *out, struct err *e);

/* [A-Za-z0-9._-], 1-253 bytes, not starting with '-' or '.': may stand in an
 * argv and in a path. */
bool config_host_name_ok(const char *name);

#endif
