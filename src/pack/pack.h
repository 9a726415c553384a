/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who fits where: a set of servers that must leave their hosts, and the hosts
 * that may take them.  A pure function of its input: no clock, no I/O, no
 * floating point in a decision, nothing that depends on addresses.  The order
 * in which hosts, servers, groups and bases are given does not matter either:
 * ties are broken by names, which are unique.
 *
 *	struct pack_in in = {.hosts = h, .n_hosts = 2, .servers = s, ...};
 *	struct pack_out *out = pack_run(&in, &e);
 *
 *	for (size_t i = 0; i < in.n_servers; i++)
 *		out->host[i];	    index into in.hosts, or PACK_NOWHERE
 *	for (size_t i = 0; i < out->n_no; i++)
 *		pack_say(&in, &out->no[i], &text);	 why, for people
 *	pack_free(out);
 *
 * pack_check() says whether an assignment that somebody has edited holds, with
 * the same reasons.
 *
 * What holds for every server that gets a host:
 *   - the host is up, enabled, not refused, not the server's source, among its
 *     forced targets and not among those it avoids;
 *   - zone, aggregates' metadata, tenants, architecture, CPU model and flags,
 *     machine type, traits, config drive format, image backend and hypervisor
 *     version suit it;
 *   - for vCPU, RAM and disk, used + all that is planned for the host is at
 *     most (total - reserved) * ratio, as Placement counts it, and no server
 *     has more than max_unit; a class of which a server needs none is not
 *     looked at;
 *   - free_bytes - keep_bytes holds the bytes of all servers planned for the
 *     host and each base image that it lacks, each image once;
 *   - max_instances and max_new are kept;
 *   - a server group's anti-affinity is kept at every moment: a member counts
 *     on its source (it may have to go back) as well as on its target;
 *   - an affinity set goes whole, to one host, and there where members that
 *     are not in the set are, if there are any; or it does not go at all.
 * Nothing that leaves a host makes room on it: moves end in any order, and may
 * be rolled back.
 *
 * How: servers of higher priority first (an affinity set has its highest),
 * then larger ones; each to the host that soft group rules, then the policy
 * like best.  What found no host is tried again by moving servers that were
 * already placed, then the whole with other orders, then, where few enough are
 * involved, by exhaustive search; all within fixed numbers of trials, so that
 * the result is the same on every machine.  No server loses its host to one
 * of a lower priority, and a set that can go whole on the first try is placed
 * by the policy alone.
 *
 * Strings and arrays of the input are borrowed; nothing in the output points
 * into them.  1,000 hosts and 50,000 servers: doc/PACKING.md has the figures.
 *
 * Facts about Nova: (total - reserved) * allocation_ratio and max_unit from
 * placement/objects/allocation.py (_check_capacity_exceeded, 1.0.0 to 14.0.0);
 * the operators of aggregates' requirements from nova/scheduler/filters/
 * extra_specs_ops.py (2014.1 to 33.0.2) and aggregate_instance_extra_specs.py;
 * group rules from affinity_filter.py, max_server_per_host from 19.0.0 on;
 * tenants from aggregate_multitenancy_isolation.py.
 */
#ifndef NH_PACK_PACK_H
#define NH_PACK_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

/* ---- what goes in */

/* What Placement counts. */
enum pack_res {
	PACK_VCPU,
	PACK_RAM_MB,
	PACK_DISK_MB, /* Placement's DISK_GB * 1024 */
	N_PACK_RES,
};

#define PACK_RATIO_ONE 1000000

/* One inventory of a host. */
struct pack_inv {
	uint64_t total, reserved;
	uint64_t used;	   /* by all that is there, in the set or not */
	uint64_t ratio;	   /* allocation_ratio in millionths; 0 is 1.0 */
	uint64_t max_unit; /* the most that one server may have; 0: any */
};

/* A ratio from the database or the API, to the nearest millionth; what is not
 * a positive number becomes 1.0. */
uint64_t pack_ratio(double ratio);
/* (total - reserved) * ratio, rounded down. */
uint64_t pack_capacity(const struct pack_inv *inv);

/* A pair of an aggregate's metadata, or of what a server asks of it. */
struct pack_meta {
	const char *key, *value;
};

#define PACK_BYTES_UNKNOWN UINT64_MAX

struct pack_host {
	const char *name;    /* unique */
	bool up, enabled;    /* nova-compute answers; not disabled */
	const char *why_not; /* no server may go there because of this; NULL */
	const char *zone;    /* "nova" where no aggregate says another */
	const struct pack_meta *meta; /* of all its aggregates */
	size_t n_meta;
	struct strv tenants; /* projects it is kept for; empty: for all */
	struct pack_inv inv[N_PACK_RES];
	uint64_t instances;	/* that it has now */
	uint64_t max_instances; /* Nova's limit; 0: none */
	uint64_t max_new;	/* the operator's, for this set; 0: none */
	/* Of the file system of instances_path; PACK_BYTES_UNKNOWN is taken
	 * as enough. */
	uint64_t free_bytes;
	uint64_t keep_bytes; /* of them, not to be used */
	struct strv bases;   /* names of struct pack_base that it has */
	const char *arch;
	struct strv cpus;  /* CPU models that its guests can have */
	struct strv flags; /* CPU features, likewise */
	struct strv machines;
	struct strv traits;
	const char *config_drive; /* config_drive_format */
	const char *images_type;  /* raw, qcow2, ...: the backend in use */
	uint64_t hypervisor;	  /* version, as Nova's number */
};

struct pack_server {
	const char *uuid; /* unique */
	const char *name; /* for people; NULL: the uuid */
	/* Where it is; NULL: nowhere.  Need not be among the hosts. */
	const char *source;
	int64_t priority; /* higher ones go first */
	uint64_t need[N_PACK_RES];
	uint64_t bytes;	       /* its own files, on the target */
	struct strv bases;     /* and the base images that they stand on */
	const char *group;     /* struct pack_group's id, or NULL */
	struct strv only;      /* forced targets; empty: any */
	struct strv avoid;     /* never these */
	struct strv avoid_why; /* why, of each, for people; may be empty */
	const char *zone;      /* asked for; this and all below: NULL, any */
	const char *project;
	const struct pack_meta *wants; /* of aggregates, with operators */
	size_t n_wants;
	const char *arch;
	const char *cpu;   /* model that the guest names */
	struct strv flags; /* features, all of them */
	const char *machine;
	struct strv traits;	  /* required */
	struct strv traits_not;	  /* forbidden */
	const char *config_drive; /* its drive's format; NULL: has none */
	const char *images_type;
	uint64_t hypervisor; /* at least this; 0: any */
};

enum pack_rule {
	PACK_RULE_UNKNOWN, /* refused by pack_run() */
	PACK_AFFINITY,
	PACK_ANTI_AFFINITY,
	PACK_SOFT_AFFINITY,
	PACK_SOFT_ANTI_AFFINITY,
};

/* "anti-affinity", ...; NULL and "legacy" are unknown. */
enum pack_rule pack_rule_by_name(const char *policy);
const char *pack_rule_name(enum pack_rule rule);

/* Members of a group that are not in the set. */
struct pack_there {
	const char *host; /* need not be among the hosts */
	uint64_t count;
};

struct pack_group {
	const char *id;	  /* unique */
	const char *name; /* for people; NULL: the id */
	enum pack_rule rule;
	uint64_t max_per_host; /* max_server_per_host; 0 is 1 */
	const struct pack_there *there;
	size_t n_there;
};

struct pack_base {
	const char *name; /* unique: the file's name in _base */
	uint64_t bytes;
};

enum pack_policy {
	PACK_SPREAD,	   /* the host that stays emptiest */
	PACK_FILL,	   /* the host that gets fullest: others stay free */
	PACK_FEWEST_BYTES, /* where base images are already, then spread */
	N_PACK_POLICIES,
};

/* "spread", "fill", "fewest-bytes". */
const char *pack_policy_name(enum pack_policy policy);
int pack_policy_by_name(const char *name, enum pack_policy *policy,
			struct err *e);

struct pack_in {
	const struct pack_host *hosts;
	const struct pack_server *servers;
	const struct pack_group *groups;
	const struct pack_base *bases;
	size_t n_hosts, n_servers, n_groups, n_bases;
	enum pack_policy policy;
};

/* ---- what comes out */

#define PACK_NOWHERE (-1)

/* Why a host cannot take a server. */
enum pack_why {
	PACK_NO_HOST,	/* an edited assignment leaves it out, its set goes */
	PACK_SOURCE,	/* it is there now */
	PACK_NOT_ASKED, /* not among its forced targets */
	PACK_AVOIDED,
	PACK_DOWN,
	PACK_DISABLED,
	PACK_REFUSED, /* why_not */
	PACK_ARCH,
	PACK_CPU,
	PACK_FLAGS,
	PACK_MACHINE,
	PACK_HYPERVISOR,
	PACK_IMAGES_TYPE,
	PACK_CONFIG_DRIVE,
	PACK_TRAITS,
	PACK_TENANTS,
	PACK_ZONE,
	PACK_AGGREGATE,
	PACK_GROUP_TOGETHER, /* affinity */
	PACK_GROUP_APART,    /* anti-affinity */
	PACK_MAX_UNIT,	     /* one server may not have so much there */
	PACK_NO_VCPU,
	PACK_NO_RAM,
	PACK_NO_DISK,
	PACK_NO_BYTES,	    /* the file system of instances_path */
	PACK_MAX_INSTANCES, /* Nova's limit */
	PACK_MAX_NEW,	    /* the operator's */
	N_PACK_WHY,
};

#define PACK_BIT(why) (UINT32_C(1) << (why))

/* "no-ram", ...: stable, for JSON. */
const char *pack_why_name(enum pack_why why);

/* Hosts that cannot take a server for exactly the same reasons. */
struct pack_obstacle {
	uint32_t why; /* PACK_BIT()s */
	size_t hosts; /* how many */
	/* Of them the one that lacks least, and what it lacks, with all else
	 * as planned.  For an affinity set: what it lacks for all of it. */
	int32_t host;
	uint64_t lack[N_PACK_RES];
	uint64_t lack_bytes;
	uint64_t lack_slots; /* of max_instances or max_new */
};

/* A server that gets no host, or not the one that was written. */
struct pack_refusal {
	size_t server;
	/* Not because of the others: it alone would fit nowhere. */
	bool alone;
	/* The nearest way out first.  Empty only if there are no hosts. */
	struct pack_obstacle *v;
	size_t n;
};

/* A base image that must be copied to a host. */
struct pack_copy {
	size_t base;
	int32_t host;
	size_t servers; /* that need it there */
};

/* A host after all moves. */
struct pack_load {
	size_t servers;		   /* that it gets */
	uint64_t used[N_PACK_RES]; /* of pack_capacity() */
	uint64_t bytes;		   /* that it gets, bases included */
};

struct pack_out {
	int32_t *host; /* for each server */
	size_t placed;
	struct pack_load *load;	  /* for each host */
	struct pack_copy *copies; /* by host, then base */
	size_t n_copies;
	uint64_t bytes; /* of all servers placed and all bases copied */
	struct pack_refusal *no; /* by server */
	size_t n_no;
	/* Every arrangement was looked at: none places more.  Never set where
	 * nothing was refused. */
	bool proved;
};

/* Errors are of the input (ERR_USAGE): a name given twice or missing, a base
 * or group that is not listed, a rule that is not known.  That servers fit
 * nowhere is a result, not an error. */
struct pack_out *pack_run(const struct pack_in *in, struct err *e);

/*
 * Does the assignment HOST (in->n_servers indices or PACK_NOWHERE, which
 * leaves a server where it is) hold?  It does when the result's n_no is 0.
 * Servers are counted by priority, then size, then uuid: of those that a host
 * cannot hold together, the last ones are refused.  The obstacle of a refusal
 * is of the host that was written.  An index beyond the hosts is an error.
 */
struct pack_out *pack_check(const struct pack_in *in, const int32_t *host,
			    struct err *e);
void pack_free(struct pack_out *out);

/* ---- for people */

/*
 * web-7 (4 vCPUs, 8 GiB of RAM) fits on none of 12 hosts beside the others:
 *   compute-34 and 7 more: 2 GiB of RAM short
 *   compute-31: server group web (anti-affinity) has 1 of its members there
 *   ...
 * Each line names the nearest host of its kind; no newline at the end.
 */
void pack_say(const struct pack_in *in, const struct pack_refusal *no,
	      struct buf *b);
/* What would have to give, the least first, at most three ways: "2 GiB of RAM
 * on compute-34, or the anti-affinity of server group web on compute-31".
 * Empty where nothing that can be given would do. */
void pack_say_way(const struct pack_in *in, const struct pack_refusal *no,
		  struct buf *b);

#endif
