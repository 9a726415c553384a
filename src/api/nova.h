/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nova: what a move asks of it.  Errors as in api/session.h.
 *
 * Each struct is filled by a *_parse() function that reads one body of JSON and
 * nothing else (for tests and fuzzers), and freed by its *_clear().  Strings
 * that Nova leaves out or gives as null are NULL: a field may need a newer
 * microversion or more rights, and a server in a cell that is down has little
 * but its id (2.69).  Unknown members are ignored.
 *
 * Seen against Zed (2.93, libvirt): every call below, at least once, by
 * tests/cloud/t-api-real.  Not seen anywhere but in the scripted server of
 * tests/unit: the shapes below 2.93, and v2.
 *
 * Shapes: nova/api/openstack/compute/views and schemas at 33.0.0, api-ref, and
 * for v2 nova/api/openstack/compute/contrib at 2014.1.
 */
#ifndef NH_API_NOVA_H
#define NH_API_NOVA_H

#include <stdint.h>

#include "api/session.h"

/* --- servers */

enum nova_tri { NOVA_UNKNOWN = 0, NOVA_NO, NOVA_YES };

struct nova_server_volume {
	char *id;
	enum nova_tri delete_on_termination; /* 2.3 */
};

struct nova_server {
	char *id, *name, *status, *project_id, *user_id;
	char *vm_state, *task_state;
	int power_state; /* 0 none, 1 running, 3 paused, 4 shut off; -1: not
			    told */
	/* admin only */
	char *host, *node, *instance_name;
	char *host_status; /* 2.16: UP, DOWN, MAINTENANCE, UNKNOWN */
	char *zone;
	char *image_id; /* NULL: boots from a volume */
	char *flavor;	/* name (2.47) or id */
	bool config_drive;
	enum nova_tri locked; /* 2.9 */
	char *locked_reason;  /* 2.73 */
	char *created, *updated, *launched_at;
	char *fault; /* Nova's message when status is ERROR */
	struct nova_server_volume *volumes;
	size_t n_volumes;
};

void nova_server_clear(struct nova_server *s);
int nova_server_parse(const char *text, size_t len, struct nova_server *s,
		      struct err *e);

/* By uuid.  ENOENT when Nova has none. */
int nova_server_get(struct api_session *s, const char *uuid,
		    struct nova_server *out, struct err *e);
/* By uuid, or by exact name in all projects (in our own when all may not be
 * listed).  None: ERR_REFUSED; several: ERR_REFUSED naming each uuid. */
int nova_server_find(struct api_session *s, const char *word,
		     struct nova_server *out, struct err *e);

/* Accepted (202), not done: see nova_server_wait().  ERR_CONFLICT when the
 * state does not allow it: also when it is stopped (started) already, or
 * locked.  Not idempotent: ERR_LOST is possible. */
int nova_server_stop(struct api_session *s, const char *uuid, struct err *e);
int nova_server_start(struct api_session *s, const char *uuid, struct err *e);
/* Nova's evacuate to HOST, on the files that are there already: asked for in
 * the words of 2.13, in which it is said that they are, and where they are not
 * Nova fails instead of building empty ones from the image.  From 2.14 on it
 * builds them (nova/compute/manager.py _do_rebuild_instance, Mitaka to 33.0.0);
 * and from 2.95 it leaves the guest stopped.  HOST is taken as it is, without
 * the scheduler's filters.  Accepted, not done: the record in migrations tells.
 * ERR_CONFLICT and ERR_FAILED (400: its service is up) as of its state.  Not
 * idempotent. */
int nova_server_evacuate(struct api_session *s, const char *uuid,
			 const char *host, struct err *e);
/* Idempotent.  REASON may be NULL; it is left out below 2.73. */
int nova_server_lock(struct api_session *s, const char *uuid,
		     const char *reason, struct err *e);
int nova_server_unlock(struct api_session *s, const char *uuid, struct err *e);

/* Polls until vm_state is WANTED and task_state is NULL; OUT is the last that
 * was seen.  vm_state 'error': ERR_FAILED with Nova's fault.  Time is up:
 * ERR_LOST. */
int nova_server_wait(struct api_session *s, const char *uuid,
		     const char *wanted, int64_t timeout_us,
		     struct nova_server *out, struct err *e);

/* The last LINES lines (0: all) of the console, appended to OUT. */
int nova_console_get(struct api_session *s, const char *uuid, unsigned lines,
		     struct buf *out, struct err *e);
int nova_console_parse(const char *text, size_t len, struct buf *out,
		       struct err *e);

/* --- volumes of a server */

struct nova_volume {
	char *volume_id, *device;
	char *tag;			     /* 2.70 */
	enum nova_tri delete_on_termination; /* 2.79 */
	char *attachment_id, *bdm_uuid;	     /* 2.89 */
};

struct nova_volumes {
	struct nova_volume *v;
	size_t n;
};

void nova_volumes_clear(struct nova_volumes *v);
int nova_volumes_parse(const char *text, size_t len, struct nova_volumes *out,
		       struct err *e);
int nova_volumes_list(struct api_session *s, const char *uuid,
		      struct nova_volumes *out, struct err *e);

struct nova_attach {
	const char *server, *volume;
	const char *device; /* or NULL: Nova chooses (libvirt always does) */
	const char *tag;    /* or NULL; ERR_REFUSED below 2.49 */
	/* NO is Nova's default; YES is ERR_REFUSED below 2.79 */
	enum nova_tri delete_on_termination;
};
/* Reserved, not attached yet: poll nova_volumes_list() or Cinder. */
int nova_volume_attach(struct api_session *s, const struct nova_attach *a,
		       struct err *e);
/* Accepted, not done.  Not attached: ERR_FAILED (ENOENT, or 400 where Nova asks
 * Cinder first, as Zed does): nova_volumes_list() tells. */
int nova_volume_detach(struct api_session *s, const char *server,
		       const char *volume, struct err *e);

/* --- hosts */

struct nova_service {
	char *id; /* a number below 2.53, then a uuid; NULL on v2 */
	char *binary, *host, *zone;
	char *status; /* enabled, disabled; UNKNOWN: its cell is down */
	char *state;  /* up, down */
	char *disabled_reason, *updated_at;
	enum nova_tri forced_down; /* 2.11 */
};

struct nova_services {
	struct nova_service *v;
	size_t n;
};

void nova_services_clear(struct nova_services *v);
int nova_services_parse(const char *text, size_t len, struct nova_services *out,
			struct err *e);
/* HOST and BINARY narrow the list; NULL for all. */
int nova_services_list(struct api_session *s, const char *host,
		       const char *binary, struct nova_services *out,
		       struct err *e);
/* nova-compute of HOST.  Idempotent.  Below 2.11: ERR_REFUSED.  Up again is
 * refused by Nova (400) while evacuations of the host are 'done'. */
int nova_service_force_down(struct api_session *s, const char *host, bool down,
			    struct err *e);

/* nova-compute of HOST.  Idempotent: Nova takes the last REASON. */
int nova_service_disable(struct api_session *s, const char *host,
			 const char *reason, struct err *e);
int nova_service_enable(struct api_session *s, const char *host, struct err *e);

struct nova_hypervisor {
	char *id; /* a number below 2.53, then the uuid of the compute node,
		     which is that of its resource provider */
	char *node, *host, *host_ip, *type, *state, *status;
	/* gone from 2.88: -1; Placement knows */
	int64_t vcpus, vcpus_used, memory_mb, memory_mb_used, local_gb,
		local_gb_used;
};

struct nova_hypervisors {
	struct nova_hypervisor *v;
	size_t n;
};

void nova_hypervisors_clear(struct nova_hypervisors *v);
int nova_hypervisors_parse(const char *text, size_t len,
			   struct nova_hypervisors *out, struct err *e);
int nova_hypervisors_list(struct api_session *s, struct nova_hypervisors *out,
			  struct err *e);

/* --- history */

struct nova_migration {
	int64_t id;
	char *uuid; /* 2.59 */
	char *instance_uuid, *status;
	char *type; /* 2.23 */
	char *source_compute, *source_node, *dest_compute, *dest_node,
		*dest_host;
	char *created_at, *updated_at;
};

struct nova_migrations {
	struct nova_migration *v;
	size_t n;
};

struct nova_migration_filter {
	const char *instance, *host, *status, *type; /* NULL: any */
};

void nova_migrations_clear(struct nova_migrations *v);
int nova_migrations_parse(const char *text, size_t len,
			  struct nova_migrations *out, struct err *e);
/* All pages.  .instance and .type are applied here where Nova cannot. */
int nova_migrations_list(struct api_session *s,
			 const struct nova_migration_filter *f,
			 struct nova_migrations *out, struct err *e);

struct nova_action {
	char *action, *request_id, *user_id, *project_id, *start_time, *message;
};

struct nova_actions {
	struct nova_action *v;
	size_t n;
};

void nova_actions_clear(struct nova_actions *v);
int nova_actions_parse(const char *text, size_t len, struct nova_actions *out,
		       struct err *e);
/* Newest first. */
int nova_actions_list(struct api_session *s, const char *uuid,
		      struct nova_actions *out, struct err *e);

#endif
