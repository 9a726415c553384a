/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seam between what the operator types and what is done about it.
 *
 *	cmd_<verb>.c   words -> struct app_request; report -> table, exit code
 *	------------------------------- app.h -------------------------------
 *	app*.c         facts, checks, plan, engine
 *	------------------------------ app_ops ------------------------------
 *	main.c         adapters, steps
 *
 * Calling sequence of a move:
 *
 *	app_plan(a, &req, &plan, &e)	reads the world, changes nothing
 *	<the command shows it and asks>
 *	a->confirmed = true		only cli_confirm() sets it
 *	app_apply(a, plan, &out, &e)	refuses unless confirmed, and when the
 *					facts that the plan rests on changed
 *
 * Every function returns 0 or -1.  The kind of the error and, for those that
 * run a job, outcome.end decide the exit code.  Reports are
 * JSON objects with a "schema_version"; the caller owns them.  Their members
 * are a public interface: doc/man/novahaul.pod, OUTPUT, lists them; add, never
 * rename.  No report holds a secret.
 */
#ifndef NH_CLI_APP_H
#define NH_CLI_APP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/config.h"
#include "core/err.h"
#include "engine/txn.h"

struct app_ops;
struct app_fleet_read;
struct audit_facts;
struct facts;
struct fence_evidence;
struct fleet_facts;
struct progress;
struct step;
struct store;
struct store_sql;

/* A batch whose sources are dead: what its open members are asked for. */
enum app_alone { APP_ALONE_NOT = 0, APP_ALONE_RESUME, APP_ALONE_ROLLBACK };

struct app {
	const struct config *config; /* borrowed */
	const char *journal;	     /* --journal, else the configuration's */
	const struct app_ops *ops;   /* from main.c */
	struct progress *progress;   /* never NULL; for txn_env: .event =
					progress_event, .event_arg = this */
	int verbose;		     /* number of -v */
	/* Of resume --source-dead: who sees the source's disks, and where;
	 * NULL: nobody.  Borrowed. */
	const char *disks_host, *disks_path;
	/* Of resume and rollback --source-dead: how old the proof may be, in
	 * seconds; 0: as configured. */
	unsigned fence_max_age;
	/* Of app_batch_resume() and app_batch_rollback(): its open members, and
	 * no others, as `resume JOB` or `rollback JOB` --source-dead. */
	enum app_alone alone;
	bool confirmed; /* the operator said yes, or --yes: mutations may run */
	/* When app_plan() of the very plan that app_apply() gets has ended
	 * (clock_mono_us()); 0: it comes from elsewhere, and is held against
	 * the world as it is now before anything is done. */
	int64_t planned_us;
	/* What runs here is a step of a run under this one: beats for it. */
	struct journal *run;
};

enum app_route { /* names: app_route_name() */
		 APP_ROUTE_AUTO = 0,
		 APP_ROUTE_OFFLINE,
		 APP_ROUTE_COLD,
		 APP_ROUTE_LIVE,
		 APP_ROUTE_ADOPT,
};

enum app_control {
	APP_CONTROL_AUTO = 0,
	APP_CONTROL_API,
	APP_CONTROL_DIRECT,
	/* As AUTO, but what does not answer is waited for, and its database not
	 * written in its place: of what was planned with the services. */
	APP_CONTROL_SERVICES,
};

enum app_tristate { APP_UNSET = 0, APP_YES, APP_NO };

/* How the files' content travels; the plan shows what was chosen. */
enum app_delta {
	APP_DELTA_AUTO = 0,
	APP_DELTA_BLOCKS,
	APP_DELTA_LIBRSYNC,
	APP_DELTA_WHOLE,
};

enum app_transport {
	APP_TRANSPORT_AUTO = 0,
	APP_TRANSPORT_DIRECT, /* source host to target host */
	APP_TRANSPORT_RELAY,  /* through this machine */
	APP_TRANSPORT_TLS,    /* as direct, but over TLS, not ssh */
};

/* What the database keeps of a rescue; names: app_record_name(). */
enum app_record {
	APP_RECORD_MIGRATION = 0, /* history alone */
	APP_RECORD_EVACUATION,	  /* the dead host's Nova removes its copy when
				     it is back */
};

/* Of a rescue.  Strings are borrowed. */
struct app_dead {
	const char *from;		/* the dead host, as Nova calls it */
	const char *host, *path;	/* where its instances_path is seen;
					   "localhost": on this machine */
	const char *xml_host, *xml_dir; /* its libvirt's definitions; NULL:
					   beside the disks */
	bool inspect; /* the list looks into the disks as well */
	bool accept_bad;
	bool adopt; /* Nova's own evacuate takes the placed disks over */
	enum app_record record;
	unsigned fence_max_age; /* seconds; 0: the default */
};

/* What check, plan and move were asked.  Strings are borrowed. */
struct app_request {
	const char *server; /* uuid or name, not looked at yet */
	const char *to;	    /* a valid host name */
	enum app_route route;
	enum app_control control;
	enum app_delta delta;
	enum app_transport transport;
	enum app_tristate precopy;
	unsigned precopy_max;  /* rounds; 0: the default */
	unsigned precopy_time; /* seconds; 0: by rule */
	uint64_t bwlimit;      /* bytes a second over all streams, 0: none */
	unsigned streams;      /* connections at most; 0: as configured */
	unsigned stop_timeout; /* seconds; 0: the instance's own, else 60 */
	bool no_start;	       /* leave it stopped on the target */
	bool verify_deep;      /* open the copied chain before the rewrite */
	bool verify_full;      /* digest every byte again before the rewrite */
	bool detach_volumes;   /* Nova takes them off meanwhile */
	bool copy_console_log; /* may hold the guest's secrets */
	/* Its server group goes as a whole: members still on the source count
	 * as if they had moved. */
	bool whole_group;
	/* Of many, and nothing is done with what is found: each is looked at
	 * again as it begins.  What hosts said seconds ago will do. */
	bool survey;
	const struct app_dead *dead; /* a rescue; NULL: the source lives */
};

/* How a job stands when a function that ran it returns; txn_exit_code() makes
 * the exit code of it.  A function sets TXN_ERROR before there is a job, and
 * from then on only what the engine returned. */
struct app_outcome {
	enum txn_end end;
	char job[JOURNAL_ID_MAX]; /* or "" */
	json_t *report;		  /* for -f; may be NULL.  Owned */
};

#define APP_OUTCOME_INIT                                                       \
	{                                                                      \
		.end = TXN_ERROR                                               \
	}

/* Report: {schema_version, server: {uuid, name}, from, to, route, control,
 * verdict: "ok" | "refused" | "nothing" | "locked",
 * checks: [{name, result: "pass" | "refuse" | "warn" | "skip", message,
 * hint}]}.
 * Returns 0 for every verdict that could be reached; -1 when the world could
 * not be read. */
int app_check(struct app *a, const struct app_request *r, json_t **report,
	      struct err *e);

/* The plan document, which is also the file of `plan -o`: what app_check()
 * reports, and {plan_version, created, request, facts, facts_digest,
 * bytes_to_copy, precopy: {rounds, rounds_max, seconds, seconds_max},
 * downtime_s, transfer: {transport, asked, streams, by, rtt_ms, why}, steps:
 * [{name, summary, params, commit_point}], sql: [{step, database, name, text,
 * values}]}.  ERR_REFUSED (with *PLAN set to the check report) when a check
 * refuses, ERR_NOTHING when target = source. */
int app_plan(struct app *a, const struct app_request *r, json_t **plan,
	     struct err *e);

/* Runs a plan that app_plan() made, here or elsewhere.  ERR_CONFLICT without a
 * job, nothing changed, when it is not the plan that would be made now;
 * ERR_REFUSED when none would be. */
int app_apply(struct app *a, const json_t *plan, struct app_outcome *out,
	      struct err *e);

/* JOB is a full id; the commands have expanded it. */
int app_resume(struct app *a, const char *job, struct app_outcome *out,
	       struct err *e);
int app_rollback(struct app *a, const char *job, struct app_outcome *out,
		 struct err *e);
/* The same for a job whose source is dead, forward or back: txn_alone() says
 * which of the two it can.  ERR_FENCE, nothing changed, without a proof. */
int app_resume_alone(struct app *a, const char *job, struct app_outcome *out,
		     struct err *e);
int app_rollback_alone(struct app *a, const char *job, struct app_outcome *out,
		       struct err *e);
/* Back from before the commit point, or TXN_REFUSED: see txn_retreat(). */
int app_retreat(struct app *a, const char *job, struct app_outcome *out,
		struct err *e);

/* What `purge` would remove of JOB: {schema_version, job, allowed, reason,
 * bytes, paths: [{host, path, bytes}]}.  Changes nothing. */
int app_purge_list(struct app *a, const char *job, json_t **report,
		   struct err *e);
int app_purge(struct app *a, const char *job, json_t **report, struct err *e);

struct app_audit {
	const char *const *hosts; /* NULL-terminated; empty: all configured */
	const char *job;	  /* only this job, or NULL */
	const char *server;	  /* only this server (uuid or name) and no job,
				     or NULL */
	bool fix; /* rebuild jobs from the hosts' manifests; settle what the
		     services and hosts contradict */
};

/* {schema_version, findings: [{kind, severity, host, job, server, name, object,
 * message, hint, fixed}]}; what is not known of a finding is null or left out.
 * Kinds and severities: doc/man/novahaul-audit.pod. */
int app_audit(struct app *a, const struct app_audit *r, json_t **report,
	      struct err *e);

struct app_fence {
	const char *host;
	const char *provider; /* the only one that may prove it ("none": none
				 may), or NULL */
	bool act;	      /* switch it off; else only look */
	/* What a person states; then no other provider proves anything. */
	const char *statement, *by, *reason;
	unsigned max_age; /* seconds; 0: as configured */
};

/* Takes evidence about one host, journals each piece as it is taken, and
 * reports what all of it comes to: that of app_fence_show(). */
int app_fence(struct app *a, const struct app_fence *r, json_t **report,
	      struct err *e);
/* {schema_version, host, proven, verdict, provider, by, taken, age_s,
 * max_age_s, evidence: [{provider, verdict, taken, age_s, by, counts, note,
 * what}]}.  -1 with ERR_FENCE, and the report, when it is not proven that the
 * host is off. */
int app_fence_show(struct app *a, const struct app_fence *r, json_t **report,
		   struct err *e);
/* The same of every host that there is evidence about: an array; 0. */
int app_fence_list(struct app *a, unsigned max_age, json_t **list,
		   struct err *e);
int app_fence_forget(struct app *a, const char *host, struct err *e);

struct app_readmit {
	const char *host;
	bool look;   /* change nothing: the report of what would be done */
	bool enable; /* its service, whoever disabled it */
};

/* {schema_version, host, service: {nova_compute, forced_down, disabled, reason,
 * ours}, service_waits, service_job, findings: [{kind, severity, server, name,
 * home, job, message, hint, blocks, done}]}.  ERR_REFUSED when something stands
 * in the way, ERR_LOCKED when a job has to end first, and nothing was changed;
 * ERR_NOTHING when there is nothing to do; whatever else, jobs may have run.
 * *OPEN is set when a job was left open. */
int app_readmit(struct app *a, const struct app_readmit *r, json_t **report,
		bool *open, struct err *e);

/* "auto", "offline", ...; stable names for plans and JSON. */
const char *app_route_name(enum app_route v);
const char *app_control_name(enum app_control v);
const char *app_delta_name(enum app_delta v);
const char *app_transport_name(enum app_transport v);
const char *app_record_name(enum app_record v);
/* ERR_FENCE unless the dead host is proven to be off now; PROOF may be NULL. */
struct fence_proof;
int app_proven(const struct app *a, const char *host, unsigned max_age_s,
	       struct fence_proof *proof, struct err *e);
/* How old that proof may be where a job goes on without its source, seconds. */
unsigned app_alone_age(const struct app *a);
int app_fenced(struct app *a, const struct app_dead *d,
	       struct fence_proof *proof, struct err *e);
/* What a dead host's disks hold: {schema_version, host, seen_on, path,
 * servers: [{server, name, vm_state, state, row, directory, files, bytes,
 * disks, missing, domain, why, os, filesystems, unread}], database}; the last
 * says why the database could not be asked, or is null.  With .inspect, os and
 * filesystems are novahaul-inspect's, or unread says why not; else all three
 * are null.  Changes nothing. */
int app_inventory(struct app *a, const struct app_dead *d, json_t **report,
		  struct err *e);

struct app_traces {
	bool held;  /* a lease on either host, or its token in the row */
	bool kept;  /* a work directory on either host */
	bool moved; /* the row, if there is one, names the target */
};

/* Which hosts the audit of the whole looks at. */
struct app_audit_scope {
	const struct strv *hosts;  /* that answered */
	bool all;		   /* nobody named any: all of the cell's are
				      expected among them, or */
	const struct strv *silent; /* those that did not answer */
};

/* A host's nova-compute, as the database has it. */
struct app_service {
	bool disabled, forced_down;
	char *reason;  /* why it is disabled, or NULL; owned */
	int64_t age_s; /* since it was heard of; -1: never */
};
/* After so long without a sign of life Nova takes it for down
 * (service_down_time, default). */
#define APP_SERVICE_DOWN_S 60

/* A server, as the database has it; strings are owned. */
struct app_server {
	char *vm_state, *task; /* NULL: none */
};
void app_server_clear(struct app_server *s);

/* To disable an enabled one with the reason MARK, or to enable one that is
 * disabled with exactly that reason. */
struct app_service_set {
	const char *host, *mark;
	bool disable;
	enum app_control control;
};

/* What lies below the layers that cli/ may include: src/join/ fills it with
 * functions that join the adapters.  Any member may be NULL in tests. */
/* Which hosts of a job must answer. */
enum app_reach {
	APP_REACH_BOTH = 0,
	APP_REACH_SOURCE, /* on the way back */
	APP_REACH_TARGET, /* forward, past the commit point: the source has been
			     disarmed */
	/* The same with a source that is proven to be off, and not opened. */
	APP_REACH_BACK_ALONE,
	APP_REACH_TARGET_ALONE,
};

struct app_ops {
	/* The database of URL, for journal_open_shared(); SQL says what it is
	 * asked.  Not with a password, when the URL is a->journal's own. */
	struct store *(*journal_store)(const struct app *a, const char *url,
				       const struct store_sql *const *sql,
				       struct err *e);
	/* Opens what the steps of PLAN's move work on (steps/world.h); the
	 * engine hands it to them as step_world(). */
	void *(*world_open)(struct app *a, const json_t *plan,
			    enum app_reach reach, struct err *e);
	void (*world_close)(void *world);
	/* The engine's step table, and its hooks (struct txn_env). */
	const struct step *const *(*steps)(void);
	int (*look)(void *world, const char *job, struct err *e);
	int (*enter)(void *world, const char *job, uint64_t epoch, bool started,
		     struct err *e);
	int (*regain)(struct step_ctx *c, struct err *e);
	void (*leave)(void *world);
	int (*mirror)(void *world, const char *json, struct err *e);
	void (*tick)(void *world);
	/* One read-only snapshot of the server and both hosts; facts_clear()
	 * and mem_free() it. */
	struct facts *(*facts_read)(struct app *a, const struct app_request *r,
				    struct err *e);
	/* The same of a whole host (cli/app_fleet.h); fleet_clear() and
	 * mem_free() it. */
	struct fleet_facts *(*fleet_read)(struct app *a,
					  const struct app_fleet_read *r,
					  struct err *e);
	/* app_inventory() */
	int (*inventory)(struct app *a, const struct app_dead *d, json_t **out,
			 struct err *e);
	/* {allowed, reason, bytes, path} of the kept copy of JOB; path is NULL
	 * when nothing is kept. */
	int (*purge_look)(void *world, const char *job, json_t **out,
			  struct err *e);
	int (*purge_remove)(void *world, const char *job, struct err *e);
	/* Every job's manifest that lies on HOST: an array of {host, job,
	 * closed, text}; and every lease that a job without a manifest there
	 * holds: the same with an empty text, and the instance as server. */
	int (*manifests)(struct app *a, const char *host, json_t **out,
			 struct err *e);
	/* What everything that knows where an instance is says; NULL: not
	 * asked.  F is zeroed; what cannot be read stands in it. */
	void (*audit_read)(struct app *a, const struct app_audit_scope *scope,
			   struct audit_facts *f);
	/* Likewise for jobs of kind "fix" (steps/fix.h), which have no hooks:
	 * what the steps work on, and their table. */
	void *(*fix_open)(struct app *a, const json_t *plan, struct err *e);
	void (*fix_close)(void *world);
	const struct step *const *(*fix_steps)(void);
	/* What is left of JOB.  Both hosts must answer. */
	int (*traces)(void *world, const char *job, struct app_traces *out,
		      struct err *e);
	/* Removes what a rolled-back JOB of instance UUID left on HOST, a
	 * target that did not answer then: its work directory and its lease,
	 * and the directory it installed if nothing can start it there.
	 * ERR_REFUSED when there is more than that. */
	int (*sweep)(struct app *a, const char *host, const char *job,
		     const char *uuid, struct err *e);
	/* 0 when HOST can be worked on: its agent answers. */
	int (*answers)(struct app *a, const char *host, struct err *e);
	/* Hosts and servers as runbooks ask for them.  service_set: *BY says,
	 * for people, how; ERR_CONFLICT when it is not as expected, ERR_LOST
	 * when that is not known: service_get() tells. */
	int (*service_get)(struct app *a, const char *host,
			   struct app_service *out, struct err *e);
	int (*service_set)(struct app *a, const struct app_service_set *s,
			   const char **by, struct err *e);
	/* Instances that Nova has on HOST. */
	int (*host_servers)(struct app *a, const char *host, int64_t *n,
			    struct err *e);
	/* A server that is not there (any more) is ERR_REFUSED or
	 * ERR_NOTHING. */
	int (*server_state)(struct app *a, const char *server,
			    struct app_server *out, struct err *e);
	/* What the header of the image at PATH says, as one object. */
	int (*image_info)(const char *path, const char *format, json_t **info,
			  struct err *e);
	/* {nova_compute: it runs there, forced_down, disabled, reason, ours: it
	 * was novahaul that disabled it} */
	int (*readmit_look)(struct app *a, const char *host, json_t **out,
			    struct err *e);
	/* Looks at R->host through one provider after the other; each finding
	 * goes to FN.  -1 with the first error, after all have looked. */
	int (*fence_look)(struct app *a, const struct app_fence *r,
			  int (*fn)(void *arg, const struct fence_evidence *ev,
				    struct err *e),
			  void *arg, struct err *e);
	/* The statements for RELEASE ("" or NULL: the newest), as an array of
	 * {name, transaction, text}; CONFIG's database tells the release when
	 * RELEASE is "live". */
	int (*sql_list)(struct app *a, const char *release, json_t **list,
			struct err *e);
};

#endif
