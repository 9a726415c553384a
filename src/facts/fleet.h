/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One read-only snapshot of a whole host, of all that is on it, and of the
 * hosts that may take it.
 *
 *	fleet_init(&f, "compute-30");
 *	fleet_database(&f, db, &e)		who is there, who may take them
 *	fleet_source(&f, &in)			the host itself
 *	fleet_server(&f, i, host, virt)		its i-th instance
 *	fleet_target(&f, "compute-34", &in)	each candidate, once
 *	fleet_placement(&f, session, &e)	what Placement counts
 *	fleet_clear(&f);
 *
 * Literal, as struct facts is: plans of whole hosts are pure functions of it,
 * and their tests fill it by hand.  A host that does not answer, an instance
 * whose files cannot be read: facts, not errors.  Nothing here changes
 * anything.
 */
#ifndef NH_FACTS_FLEET_H
#define NH_FACTS_FLEET_H

#include "db/fleet.h"
#include "facts/facts.h"

enum fleet_class { /* of Placement's resources */
		   FLEET_VCPU = 0,
		   FLEET_RAM_MB,
		   FLEET_DISK_GB,
		   FLEET_CLASSES,
};

/* One inventory of a provider. */
struct fleet_inventory {
	bool there;
	int64_t total, reserved, used, max_unit;
	double ratio;
};

/* An instance of the source. */
struct fleet_server {
	/* .srv, .xml and what is made of it, .files, .bases; of .host[SRC_HOST]
	 * only what is of the instance: .state, .flags, .virt_err, .dir...,
	 * .lease.  The rest is in fleet_facts.src. */
	struct facts f;
	int64_t priority;  /* 0 where none is asked for */
	struct err err;	   /* kind ERR_NONE: its files were read */
	uint64_t bytes;	   /* allocated, of the files that travel */
	struct strv bases; /* names of fleet_facts.bases that it stands on */
};

/* A host that may take some. */
struct fleet_host {
	char *name;
	struct fact_host h;  /* without .name and .db: see fleet_facts.db */
	struct strv dirs;    /* entries of its instances_path */
	struct strv bases;   /* of its _base */
	struct strv secrets; /* libvirt's, of those that the TPMs need */
	bool placement;	     /* .inv is what Placement says */
	struct fleet_inventory inv[FLEET_CLASSES];
	bool traits_known; /* .traits are its provider's */
	struct strv traits;
};

struct fleet_base {
	char *name;
	uint64_t bytes; /* allocated on the source */
};

/* An open job of the journal, or what an open batch has not begun yet: its
 * instance will take room at .target. */
struct fleet_job {
	char *id, *instance, *target;
	bool planned; /* of a batch; not begun */
};

struct fleet_facts {
	int64_t taken_us;
	char *source;
	struct db_schema schema;
	struct db_fleet db; /* .servers are taken to be .servers below */
	struct fact_host src;
	struct strv src_dirs;
	struct fleet_server *servers;
	size_t n_servers;
	struct fleet_host *hosts; /* the candidates, by name */
	size_t n_hosts;
	struct fleet_base *bases;
	size_t n_bases;
	struct fleet_job *jobs;
	size_t n_jobs;
	struct err placement_err; /* why Placement was not asked, or did not
				     answer; ERR_NONE: it did, or there is
				     none */
};

void fleet_init(struct fleet_facts *f, const char *host);
void fleet_clear(struct fleet_facts *f);

/* All instances of the host, and all hosts of its cell.  ERR_REFUSED: no such
 * host. */
int fleet_database(struct fleet_facts *f, struct db *db, struct err *e);
/* As facts_host(). */
void fleet_source(struct fleet_facts *f, const struct facts_host_in *in);
/* Instance I, on the source, which answered. */
void fleet_server(struct fleet_facts *f, size_t i, struct host *host,
		  struct virt *virt);
/* A candidate more; after the instances, for it is asked what they need. */
void fleet_target(struct fleet_facts *f, const char *name,
		  const struct facts_host_in *in);
/* Is Placement there to be asked?  By the source's nova.conf. */
bool fleet_in_placement(const struct fleet_facts *f);
/* Inventories and usages of every candidate that answered; fills
 * .placement_err instead of failing. */
struct api_session;
void fleet_placement(struct fleet_facts *f, struct api_session *s);
/* An open job of the journal, or, by the id of its batch, a member that has not
 * begun; one that has a job was added before, and counts once. */
void fleet_add_job(struct fleet_facts *f, const char *id, const char *instance,
		   const char *target);
void fleet_add_planned(struct fleet_facts *f, const char *batch,
		       const char *instance, const char *target);
/* SHA-256 hex over what a plan rests on, without what changes by itself. */
void fleet_digest(const struct fleet_facts *f, char out[65]);
/* The turn that the owner asked for: a whole number in TEXT, else 0. */
int64_t fleet_priority(const char *text);

#endif
