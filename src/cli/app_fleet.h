/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole hosts: which instance of a host goes where, as one plan.
 *
 *	struct app_evacuate r = {.host = "compute-30", .policy = "spread"};
 *	json_t *plan;
 *
 *	if (app_evacuate_plan(a, &r, &plan, &e))	reads, changes nothing
 *		...
 *	  a person may edit it: give a member another target, drop one, change
 *	  a priority, a limit, an option
 *	if (app_batch_holds(a, plan, &e))	against the world as it is now
 *		...
 *	app_batch_options(plan, i, &req, &e)	how member i is to be moved
 *
 * The document is what engine/batch.h's batch_create() keeps, and what
 * `evacuate --dry-run -o FILE` writes:
 *
 *	schema_version	1
 *	plan_version	1
 *	kind		"evacuate"
 *	created		when, ISO 8601
 *	host		the source
 *	release		of the schema, "zed"
 *	targets		names: the hosts that were asked for, or [] for all
 *	policy		"spread", "fill", "fewest-bytes"
 *	limits		{parallel, per_source, per_target, most_per_target,
 *			max_failures, bwlimit}: integers, as in struct
 *			app_limits
 *	options		{control, delta, transport, precopy, precopy_max,
 *			precopy_time, streams, stop_timeout, no_start,
 *			detach_volumes, verify_deep, verify_full, console_log,
 *			whole_group}:
 *			how each is moved, as in struct app_request; what is
 *			left out is as if it was not asked for
 *	members		[{instance: {uuid, name}, source, target, priority,
 *			expected_s, bytes, bases: [{name, bytes}], was,
 *			options}]: in the order in which they begin.  bases:
 *			those it needs that its target lacks, each with the
 *			bytes to send; several members of one target may name
 *			the same.  was: Nova's vm_state.  options: as above,
 *			where it differs; "control" as the plan found it:
 *			"services" or "direct", so that the move looks with the
 *			same eyes
 *	nowhere		[{instance: {uuid, name}, why, gives: [text]}]: what
 *			stays, why, and what would have to give
 *	silent		[{host, why}]: targets that do not count: they did not
 *			answer, or are off
 *	warnings	texts
 *	bytes		to send, bases included
 *	facts_digest	over what it rests on
 *
 * What may be edited: targets and priorities of members, members dropped,
 * limits, options.  Whoever runs it goes by priority, expected_s and name, not
 * by the order of the list.  A key that is not known and a value that cannot be
 * are refused with their place.  Nothing of the file is believed beyond that:
 * it is held against fresh facts.
 */
#ifndef NH_CLI_APP_FLEET_H
#define NH_CLI_APP_FLEET_H

#include "cli/app.h"

/* The most that a limit on the command line or in a plan may say. */
#define APP_LIMIT_MOST 100000

struct app_limits {
	unsigned parallel;	  /* at once, overall; 0: as the plan's reader
				     likes */
	unsigned per_source;	  /* 0: no limit */
	unsigned per_target;	  /* 0: no limit */
	unsigned most_per_target; /* instances that one host may take; 0: no
				     limit */
	unsigned max_failures;	  /* after so many nothing more is begun; 0: no
				     limit */
	uint64_t bwlimit;	  /* bytes a second, over all; 0: none */
};

/* Strings are borrowed. */
struct app_evacuate {
	const char *host;
	struct strv targets; /* empty: every enabled host of the cell */
	struct strv servers; /* uuids or names; empty: all of the host */
	const char *policy;  /* NULL: "spread" */
	/* For every member; .server, .to and .bwlimit are not looked at. */
	struct app_request move;
	struct app_limits limits;
	/* The checks of each member's move, which ask its ports and volumes as
	 * well, are left to that move: a plan in seconds, of which a member may
	 * be refused later. */
	bool no_checks;
};

/* What app_ops.fleet_read() is asked. */
struct app_fleet_read {
	const char *host;
	const struct strv *targets; /* empty: all that Nova would use */
	const struct strv *servers; /* uuids or names; empty: all.  Of the
				       others only the rows are read */
	enum app_control control;
};

/* ERR_REFUSED: the host is not known or does not answer, a name in .servers is
 * not on it, or nothing fits anywhere (*PLAN is set then too).  ERR_NOTHING:
 * there is no instance on it.  Instances that fit nowhere are no error as long
 * as another one fits: the plan's "nowhere" has them. */
int app_evacuate_plan(struct app *a, const struct app_evacuate *r,
		      json_t **plan, struct err *e);

/* May PLAN, of whatever origin, be run now?  ERR_USAGE: a key or a value that
 * is no such plan's, with its place.  ERR_REFUSED, nothing changed: an
 * instance has left the host or changed, a target lacks the room or does not
 * fit; the message names the first, the hint how to plan anew. */
int app_batch_holds(struct app *a, const json_t *plan, struct err *e);

/* Member IDX's request: .server, .to and the options; strings are borrowed from
 * PLAN.  .bwlimit stays 0: it is the whole batch's. */
int app_batch_options(const json_t *plan, size_t idx, struct app_request *out,
		      struct err *e);
/* The other way round: an object each; the caller owns it. */
json_t *app_options_json(const struct app_request *r);
json_t *app_limits_json(const struct app_limits *l);
/* PLAN's limits. */
int app_batch_limits(const json_t *plan, struct app_limits *out, struct err *e);

#endif
