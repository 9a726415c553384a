/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does everything that knows where an instance is say the same?
 *
 *	struct audit_facts f = {0};
 *
 *	audit_read_db(&f, &db, &e)		the cell: who is where
 *	audit_read_host(&f, &in[i])		each host: domains, files
 *	audit_read_states(&f, in, n)
 *	audit_read_cloud(&f, session, &down)	Placement, Neutron, Cinder
 *	audit_read_again(&f, &db)		whom did that take by surprise?
 *	audit_find(&f, &found)
 *	audit_found_clear(&found);
 *	audit_facts_clear(&f);
 *
 * Reading changes nothing and takes time, in which Nova goes on: an instance
 * whose row is another one at the end, or on which something is at work (a
 *task, a migration, a resize that waits for its confirmation, a job of ours),
 *is not judged.  audit_find() is pure: its tests are literal structs.
 *
 * What could not be asked is a fact (.unasked) and becomes a finding: it is
 * never taken for "nothing there".
 */
#ifndef NH_AUDIT_AUDIT_H
#define NH_AUDIT_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/uuid.h"

/* ---- facts */

/* An entry of instances_path that is named after an instance. */
struct audit_dir {
	char *uuid;
	char *suffix; /* "", "_resize", "_del" */
	bool empty;
	/* Looked at where the cell says that the instance lives; else NULL: */
	char *info; /* what is wrong with its disk.info */
	char *base; /* the backing file that is not there */
};

enum audit_run { AUDIT_RUN_UNKNOWN = 0, AUDIT_STOPPED, AUDIT_RUNNING };

struct audit_domain {
	char *uuid;
	enum audit_run run; /* asked only where it matters */
};

struct audit_host {
	char *name, *node;
	char *provider; /* in Placement: the uuid of its compute node, or NULL
			 */
	bool looked;	/* its domains and files were read */
	/* What instances_path lies on, if other hosts can have it too:
	 * "nfs4 filer:/export"; else NULL. */
	char *shared;
	struct audit_domain *domains;
	size_t n_domains;
	struct audit_dir *dirs;
	size_t n_dirs;
	struct strv copies; /* jobs whose kept copy lies there */
};

struct audit_server {
	char *uuid, *name, *host, *node, *vm_state, *task_state;
	char *stamp; /* updated_at */
	char *job;   /* a job of ours holds it, or NULL */
	bool hidden;
	bool changed; /* while we were reading */
};

struct audit_migration {
	int64_t id;
	char *uuid, *instance, *status, *source, *dest;
	bool armed; /* an evacuation that the source's nova-compute acts on */
	bool in_flight;
};

/* The consumer has resources of a host. */
struct audit_share {
	char *consumer, *provider;
};

struct audit_port {
	char *id, *server;
	char *host;  /* NULL: unbound */
	bool failed; /* Neutron found no way to plug it there */
	bool waits;  /* it has not tried yet: Nova cannot plug it */
};

/* As Nova has it. */
struct audit_volume {
	char *id, *server, *attachment;
};

/* As Cinder has it. */
struct audit_attachment {
	char *id, *volume, *server;
	char *host; /* NULL: not told, or not connected */
};

struct audit_unasked {
	char *what; /* "Placement", or a host's name with .host */
	char *why, *hint;
	bool host;
};

struct audit_facts {
	struct audit_host *hosts;
	size_t n_hosts;
	struct audit_server *servers;
	size_t n_servers;
	struct strv deleted; /* uuids on hosts whose server is deleted */
	struct audit_migration *migrations;
	size_t n_migrations;
	bool placement, network, volume; /* were read, whole */
	struct audit_share *shares;
	size_t n_shares;
	struct audit_port *ports;
	size_t n_ports;
	struct audit_volume *volumes;
	size_t n_volumes;
	struct audit_attachment *attachments;
	size_t n_attachments;
	struct audit_unasked *unasked;
	size_t n_unasked;
};
void audit_facts_clear(struct audit_facts *f);

struct db;
struct host;
struct virt;
struct api_session;

/* Hosts (with .looked false), servers, migrations, volumes. */
int audit_read_db(struct audit_facts *f, struct db *db, struct err *e);
struct audit_host_in {
	const char *name;
	struct host *host; /* NULL: DOWN says why (moved) */
	struct virt *virt;
	const char *instances_path;
	struct err *down;
};
/* A host that cannot be read becomes .unasked. */
void audit_read_host(struct audit_facts *f, struct audit_host_in *in);
/* After all hosts, which are still open: does it run where it should not be? */
void audit_read_states(struct audit_facts *f, const struct audit_host_in *in,
		       size_t n);
/* S NULL: DOWN says why (moved). */
void audit_read_cloud(struct audit_facts *f, struct api_session *s,
		      struct err *down);
/* Last: marks what has changed, fills .deleted. */
int audit_read_again(struct audit_facts *f, struct db *db, struct err *e);
/* WHAT was not asked, because of WHY (moved). */
void audit_unasked(struct audit_facts *f, const char *what, bool host,
		   struct err *why);

/* ---- findings */

enum audit_severity {
	AUDIT_INFO = 0, /* no contradiction */
	AUDIT_WARNING,	/* something leaks, or was not asked */
	AUDIT_ERROR,	/* the next operation on it fails, or goes wrong */
	AUDIT_CRITICAL, /* a guest or its disks are in danger */
};
/* "info", "warning", "error", "critical" */
const char *audit_severity_name(enum audit_severity s);

/* What would settle it. */
enum audit_fix {
	AUDIT_FIX_NONE = 0,
	AUDIT_FIX_EVACUATION, /* .id, .from: the record is completed */
	AUDIT_FIX_ALLOCATION, /* to the node of .home */
	AUDIT_FIX_PORT,	      /* .object is bound to .home */
	AUDIT_FIX_DOMAIN,     /* undefined on .host */
	AUDIT_FIX_DIRECTORY,  /* of .host, put away */
};

struct audit_finding {
	const char *kind; /* stable, "port-wrong-host"; static */
	enum audit_severity severity;
	enum audit_fix fix;
	char *server, *name; /* uuid and display name, or NULL */
	char *host;	     /* where it is seen, or NULL */
	char *home;	     /* where the cell says the server is, or NULL */
	char *object;	     /* id of the port, volume, record, job; or NULL */
	char *message, *hint;
	int64_t id; /* AUDIT_FIX_EVACUATION */
	char *from; /* likewise: its status */
};

struct audit_found {
	struct audit_finding *v; /* the worst first */
	size_t n;
};
void audit_found_clear(struct audit_found *f);

void audit_find(const struct audit_facts *f, struct audit_found *out);

/* What HOST, which comes back after it was given up, still has of servers that
 * are elsewhere now, and the records that have its nova-compute destroy it; in
 * no order.  One without a fix stands in the way: then the host must not come
 * back yet.  The hosts where those servers are must have been read, too. */
void audit_readmit(const struct audit_facts *f, const char *host,
		   struct audit_found *out);

#endif
