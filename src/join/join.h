/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the adapters meet: the only folder beside main.c that may include all.
 * It opens hosts, libvirt and databases as the configuration says and hands
 * them to facts and steps.
 */
#ifndef NH_JOIN_JOIN_H
#define NH_JOIN_JOIN_H

#include "cli/app.h"
#include "db/db.h"
#include "host/host.h"
#include "host/virt.h"
#include "steps/world.h"

/* join_ops: for cli_main(). */
extern const struct app_ops join_ops;

/* ---- join_host.c */

/* Connects to NAME as novahaul.conf says. */
struct host *join_host_open(const struct config *c, const char *name,
			    struct err *e);
/* join_pool.c: likewise, or the connection that a look a moment ago has left;
 * for handles that hold no lease.  join_host_leave() takes H over, which may be
 * NULL; join_hosts_drop(), when all is over, closes what is left. */
struct host *join_host_take(const struct config *c, const char *name,
			    struct err *e);
void join_host_leave(const struct config *c, struct host *h);
void join_hosts_drop(void);
/* libvirt of H, through H's agent.  H must outlive it. */
struct virt *join_virt_open(struct host *h);
/* The same for a plan of many, each of which is looked at again as it begins:
 * what libvirt said up to ten seconds ago will do. */
struct virt *join_virt_survey(struct host *h);

/* H's nova.conf; OUT is NOVACONF_INIT, and cleared by the caller. */
struct novaconf;
int join_novaconf(struct host *h, struct novaconf *out, struct err *e);
/* instances_path of H: configured, else from its nova.conf. */
char *join_instances_path(const struct config *c, struct host *h, struct err *e)
	NH_DEALLOC(mem_free);

/* ---- join_db.c */

/* DB is closed with db_close().  SERVER finds the cell; may be NULL. */
int join_db_open(const struct config *c, const char *server, struct db *db,
		 struct err *e);

/* ---- join_journal.c */

struct store *join_journal_store(const struct app *a, const char *url,
				 const struct store_sql *const *sql,
				 struct err *e);

/* ---- join_twin.c: Placement, Neutron and Cinder where no API answers */

/* PROVIDER: compute_nodes.uuid of source and target. */
struct placedb;
struct netdb;
struct voldb;
int join_placedb_open(const struct config *c, const char *const provider[2],
		      struct placedb **out, struct err *e);
int join_netdb_open(const struct config *c, struct netdb **out, struct err *e);
int join_voldb_open(const struct config *c, struct voldb **out, struct err *e);
/* The three behind the steps' ports.  Their databases are opened when they are
 * first asked for: one that is down keeps no job from going back that never
 * wrote to it.  All are borrowed.  NULL: M is not of this form. */
struct twin_join;
struct twin_join *twin_join_new(const struct config *c, struct db *db,
				const struct move *m, struct err *e);
void twin_join_free(struct twin_join *t);
/* Both, over T. */
void twin_join_ops(struct twin_join *t, struct cloud_ops *cloud,
		   struct volume_ops *volumes);

/* ---- join_carry.c */

/* A carrier over transfer/.  Its sessions are opened at the first copy. */
struct carry_join;
struct carry_join *carry_join_new(const struct config *c, struct world *w);
void carry_join_free(struct carry_join *j);

/* ---- join_cloud.c */

/* The cloud of OS_* and clouds.yaml.  Contacts nobody yet. */
struct api_session *join_cloud_open(struct err *e);
/* Its services, for the steps; free with cloud_join_free(). */
/* join_room.c: struct room_ops of a member of a batch.  All borrowed. */
struct room_join {
	const struct world *world;
	struct db *db;
};
int room_join_holds(void *self, struct err *e);

struct cloud_join;
struct cloud_join *cloud_join_new(struct err *e);
void cloud_join_free(struct cloud_join *j);
struct api_session *cloud_join_session(struct cloud_join *j);
/* cloud_ops.bound and .bind, over any session. */
int join_bound(struct api_session *s, const char *port, struct cloud_bind *out,
	       struct err *e);
int join_bind(struct api_session *s, const char *port, const char *host,
	      const struct cloud_bind *seen, struct err *e);

/* ---- join_world.c, join_facts.c, join_fleet.c, join_audit.c, join_misc.c:
 * members of join_ops */

void *join_world_open(struct app *a, const json_t *plan, enum app_reach reach,
		      struct err *e);
void join_world_close(void *world);
struct facts *join_facts_read(struct app *a, const struct app_request *r,
			      struct err *e);
struct fleet_facts *join_fleet_read(struct app *a,
				    const struct app_fleet_read *r,
				    struct err *e);
int join_traces(void *world, const char *job, struct app_traces *out,
		struct err *e);
int join_purge_look(void *world, const char *job, json_t **out, struct err *e);
int join_purge_remove(void *world, const char *job, struct err *e);
int join_manifests(struct app *a, const char *host, json_t **out,
		   struct err *e);
void join_audit_read(struct app *a, const struct app_audit_scope *scope,
		     struct audit_facts *f);
void *join_fix_open(struct app *a, const json_t *plan, struct err *e);
void join_fix_close(void *world);
int join_sweep(struct app *a, const char *host, const char *job,
	       const char *uuid, struct err *e);
int join_service_get(struct app *a, const char *host, struct app_service *out,
		     struct err *e);
int join_service_set(struct app *a, const struct app_service_set *s,
		     const char **by, struct err *e);
int join_host_servers(struct app *a, const char *host, int64_t *n,
		      struct err *e);
int join_server_state(struct app *a, const char *server, struct app_server *out,
		      struct err *e);
int join_image_info(const char *path, const char *format, json_t **info,
		    struct err *e);
int join_readmit_look(struct app *a, const char *host, json_t **out,
		      struct err *e);
struct fence_evidence;
int join_fence_look(struct app *a, const struct app_fence *r,
		    int (*fn)(void *arg, const struct fence_evidence *ev,
			      struct err *e),
		    void *arg, struct err *e);
int join_inventory(struct app *a, const struct app_dead *d, json_t **out,
		   struct err *e);
int join_sql_list(struct app *a, const char *release, json_t **list,
		  struct err *e);

#endif
