/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nova's databases: one cell database, and nova_api where there is one.
 *
 * A port.  `struct db` carries a table of operations, so that the crash tests
 * can put a deterministic world behind it:
 *
 *	struct db db;
 *
 *	if (db_open(&cfg, &db, &e)) ...
 *	if (db.ops->find(&db, "web-1", uuid, &e)) ...
 *	if (db.ops->server(&db, uuid, &srv, &e)) ...	facts
 *	if (db.ops->claim_read(&db, uuid, &before, &e)) ...
 *	  journal `before`, durably
 *	if (db.ops->claim(&db, &claim, &e)) ...		step
 *	db_server_clear(&srv);
 *	db_close(&db);
 *
 * Writing operations, in the order of a move
 *
 *	claim_read  claim		lock the instance, leave our token
 *	set_power			direct control only: "stopped", 4
 *	rewrite_read  rewrite		the commit point
 *	rewrite_undo			only until the source has cleaned up
 *	set_power			"active", 1 before the start
 *	release				unlock: the very last statement
 *	claim_takeover			resume, from any machine
 *
 * Each is one transaction, and each is idempotent: called again by the same
 * job in the same epoch after it was applied, it changes nothing and returns
 * 0.  Only claim_takeover is not: an epoch is taken once, so that of two who
 * resume one is told ERR_STALE.  The `_read` operations give the before image
 * that the write later needs; the engine journals it in between.
 *
 * The token.  claim() leaves the row ('locked_reason', 'novahaul JOB EPOCH') in
 * instance_system_metadata, which Nova shows as the reason of the lock from
 * Stein on and ignores before.  Every later transaction starts by updating
 * exactly that row, which locks it: a controller that was frozen and overtaken
 * (claim_takeover writes a higher epoch) finds its token gone and can change
 * nothing, whether it slept before BEGIN, inside, or before COMMIT.  A session
 * of ours that stays silent inside a transaction is ended by the server
 * (wait_timeout), so a frozen one cannot hold the row for ever.
 *
 * Errors of writing operations
 *	ERR_CONFLICT	a guard did not match; the message names the column and
 *			what it holds now.  Nothing was changed.
 *	ERR_LOCKED	claim: another job's token is there.
 *	ERR_STALE	our token was replaced by one of a later epoch: stop.
 *	ERR_RETRY	nothing was changed: deadlock or lock wait after five
 *			replays of the whole transaction, node not ready,
 *			connection lost before COMMIT was sent, or no
 *connection. ERR_LOST	the connection broke at COMMIT: ask outcome().
 *	ERR_REFUSED	rewrite_undo: the source's nova-compute has settled the
 *			record, so the source copy may be gone.  Or a right is
 *			missing; it is named.
 *
 * Every message says to which database (never its password) and on which
 * instance.  Nothing here writes a secret anywhere; connection_info, the one
 * secret column that is read, is reduced to the fields of struct db_bdm.  Only
 * connection() hands it out, for a rewrite that must put it back.
 *
 * All pointers in argument structs are borrowed.  Strings in results are owned
 * by the result; its _clear function frees them and accepts a zeroed struct.
 * NULL stands for SQL's NULL, and -1 for NULL in numbers that are never
 * negative.
 */
#ifndef NH_DB_DB_H
#define NH_DB_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/uuid.h"

struct db;

/* ------------------------------------------------------------- arguments */

/* Whose transaction this is: the instance, and the token that must be there. */
struct db_lease {
	const char *uuid;
	const char *job; /* [A-Za-z0-9._-], at most 64 */
	unsigned epoch;	 /* > 0 */
};

/* Room for the value of the token row. */
#define DB_TOKEN_MAX 96
/* "novahaul JOB EPOCH" */
void db_token(const struct db_lease *by, char out[DB_TOKEN_MAX]);
/* The parts of such a value; false if VALUE is not ours (NULL is fine).  JOB
 * has room for DB_TOKEN_MAX. */
bool db_token_parse(const char *value, char *job, unsigned *epoch);

/* Where an instance lives: a service host and a node on it.  Never the same
 * string by rule: host is CONF.host, node is libvirt's host name. */
struct db_home {
	const char *host;
	const char *node;
	int64_t compute_id; /* compute_nodes.id */
};

/* Before image of claim().  Three scalars, for the journal. */
struct db_claim_before {
	int locked;	 /* -1 NULL, 0, 1 */
	char *locked_by; /* NULL, "owner", "admin" */
	char *reason;	 /* a locked_reason that was there, or NULL */
};
void db_claim_before_clear(struct db_claim_before *b);

struct db_claim {
	struct db_lease by;
	struct db_home at;
	const char *vm_state; /* as found: "active" or "stopped" */
	const struct db_claim_before *before;
};

struct db_takeover {
	struct db_lease by; /* .epoch: the new one */
	unsigned old_epoch; /* 0: any lower epoch of the same job */
};

/* The guard is vm_state; power_state belongs to periodic tasks too. */
struct db_power {
	struct db_lease by;
	struct db_home at;
	const char *vm_from, *vm_to; /* different */
	int power_to;		     /* 1 running, 4 shut down */
};

enum db_history {
	DB_HISTORY_MIGRATION = 0, /* 'migration','confirmed': pure history */
	/* 'evacuation','done': the source's nova-compute deletes its copy when
	 * it starts.  Only for a fenced source. */
	DB_HISTORY_EVACUATION,
};

/* A volume whose connection differs on the target.  May hold secrets: to be
 * journalled only where db_info_secret() says no. */
struct db_volume_change {
	int64_t bdm_id;
	const char *old_info, *new_info; /* connection_info, exact */
	const char *old_attachment, *new_attachment; /* or NULL */
};

/* Before image of rewrite(); scalars, for the journal. */
struct db_rewrite_before {
	int64_t compute_id; /* -1 NULL, or no such column */
	char *availability_zone;
	char *vm_state;
	int power_state; /* -1 NULL */
	int64_t type_id; /* instance_type_id, for the record */
	char *user_id, *project_id;
	int floating_ips;   /* rows that follow the host (nova-network) */
	int console_tokens; /* rows that rewrite deletes and undo leaves so */
};
void db_rewrite_before_clear(struct db_rewrite_before *b);

struct db_rewrite {
	struct db_lease by;
	struct db_home from, to;
	const char *az;	     /* of the target; NULL leaves the column alone */
	const char *dest_ip; /* my_ip of the target, or NULL */
	/* Identify our migrations row: journalled before the first call. */
	const char *migration_uuid;
	const char *stamp; /* clock_sql(), becomes its created_at */
	enum db_history history;
	const struct db_volume_change *volumes;
	size_t n_volumes;
	const struct db_rewrite_before *before; /* not for rewrite_read */
};

struct db_release {
	struct db_lease by;
	const struct db_claim_before *before;
};

/* What happened to a transaction whose COMMIT got no answer? */
enum db_outcome { DB_OUTCOME_UNKNOWN = 0, DB_NOT_APPLIED, DB_APPLIED };

/* Exactly one pointer is set: the very struct that the lost call was given. */
struct db_question {
	const struct db_claim *claim;
	const struct db_takeover *takeover;
	const struct db_power *power;
	const struct db_rewrite *rewrite;
	const struct db_rewrite *undo;
	const struct db_release *release;
};

/* What the world says about a rewrite; a plain read, so only to be trusted
 * when none of ours can be in flight (after claim_takeover, or outcome). */
enum db_moved {
	DB_MOVED_UNKNOWN = 0, /* neither: someone else has written */
	DB_MOVED_NO,	      /* at the source, no row of ours */
	DB_MOVED_YES,	      /* at the target, our row in place */
	DB_MOVED_UNDONE,      /* at the source, our row reverted */
	DB_MOVED_SETTLED,     /* our row was completed by the source's
				 nova-compute: its copy may be gone */
};

/* --------------------------------------------------------------- results */

/* instances, and the locked_reason beside it. */
struct db_instance {
	int64_t id; /* names the domain: instance-%08x */
	char *uuid, *name, *hostname;
	char *host, *node;
	int64_t compute_id; /* -1 */
	char *availability_zone;
	char *vm_state, *task_state;
	int power_state; /* -1 */
	bool locked;
	char *locked_by, *reason;
	bool deleted, hidden;
	char *cell_name; /* cells v1 */
	char *user_id, *project_id;
	char *image_ref; /* "" for boot from volume */
	char *kernel_id, *ramdisk_id;
	char *os_type, *config_drive, *root_device_name;
	char *launched_on;
	char *ephemeral_key_uuid;
	int64_t type_id;
	int64_t memory_mb, vcpus, root_gb, ephemeral_gb;
	char *created_at, *updated_at;
};
void db_instance_clear(struct db_instance *i);

struct db_pair {
	char *key, *value;
};
struct db_pairs {
	struct db_pair *v;
	size_t n;
};
/* The value, or NULL. */
const char *db_pairs_get(const struct db_pairs *p, const char *key);

/* block_device_mapping, deleted = 0 */
struct db_bdm {
	int64_t id;
	char *uuid;	   /* Queens+ */
	char *device_name; /* "/dev/vda" */
	char *source_type, *destination_type, *device_type, *disk_bus;
	char *guest_format; /* "swap" for a swap disk */
	char *volume_id, *image_id, *attachment_id, *tag;
	int boot_index; /* -1 */
	int64_t size_gb;
	bool delete_on_termination;
	bool encrypted; /* data.encrypted, or the column from Zed on */
	bool multiattach;
	bool connector;	   /* old flow: the host's connector is stashed in it */
	bool secret;	   /* db_info_secret() of connection_info */
	char *driver;	   /* driver_volume_type: "nfs", "rbd", "iscsi", ... */
	char *info_digest; /* SHA-256 of connection_info, hex; or NULL */
};

/* Has the text of a connection_info a password, key or token in it?  What is
 * not JSON may. */
bool db_info_secret(const char *text);

/* One row of block_device_mapping, as it is written. */
struct db_connection {
	char *attachment_id; /* NULL: the old flow, or before Pike */
	char *info;	     /* connection_info; may hold secrets */
};
void db_connection_clear(struct db_connection *k); /* zeroes .info */

/* One entry of instance_info_caches.network_info */
struct db_vif {
	char *id, *address, *type, *vnic_type, *devname, *ovs_interfaceid;
	char *bridge; /* details.bridge_name, else network.bridge */
	char *network_id;
	int64_t mtu;	  /* -1 */
	bool hybrid_plug; /* details.ovs_hybrid_plug */
	bool port_filter; /* details.port_filter */
	bool active;
	struct strv profile_keys; /* of binding:profile, values not null */
};

/* migrations, deleted rows too: Pike+ acts on those */
struct db_migration {
	int64_t id;
	char *uuid, *type, *status; /* type NULL before Liberty */
	char *source_compute, *dest_compute, *source_node, *dest_node;
	char *created_at, *updated_at;
	bool deleted;
};
/* Does a conductor or compute still own the instance because of it? */
bool db_migration_in_flight(const struct db_migration *m);
/* Will a start of HOST's nova-compute destroy the instance there? */
bool db_migration_arms(const struct db_migration *m, const char *host);

/* Nova's own record of an evacuation. */
struct db_evacuation {
	int64_t id; /* 0: there is none */
	char *status;
	char *to; /* dest_compute, or NULL */
};
void db_evacuation_clear(struct db_evacuation *v);

struct db_member {
	char *uuid, *host; /* of another live member; host may be NULL */
};
struct db_group {
	char *uuid, *name;
	char *policy;		   /* "affinity", "soft-anti-affinity", ... */
	char *rules;		   /* JSON, Rocky+, or NULL */
	struct db_member *members; /* without the instance itself */
	size_t n_members;
};

/* All that the databases know of one instance, in one snapshot each. */
struct db_server {
	struct db_instance inst;
	/* instance_extra, parsed */
	bool migration_context;
	bool pci_requests;
	bool numa; /* any topology */
	bool cpu_pinned;
	bool hugepages; /* a page size is set */
	bool resources; /* vpmem and other host resources */
	char *flavor_name;
	int64_t flavor_swap_mb;
	struct db_pairs extra_specs;
	struct db_pairs sysmeta; /* instance_system_metadata, deleted = 0 */
	struct db_bdm *bdms;
	size_t n_bdms;
	struct db_vif *vifs;
	size_t n_vifs;
	struct db_migration *migrations;
	size_t n_migrations;
	struct db_group *groups;
	size_t n_groups;
	int pci_devices;  /* rows claimed by the instance */
	int shares;	  /* share_mapping rows */
	int nova_net_ips; /* fixed_ips rows: nova-network serves it */
	/* nova_api; -1, NULL, false without one */
	int64_t cell_id; /* instance_mappings.cell_id */
	bool build_request;
	char *asked_az; /* request_specs: what the user asked for */
	bool has_request_spec;
	int allocations; /* rows in nova_api on a provider that is a
			    compute node of this cell: Placement lives
			    there (up to Stein) */
};
void db_server_clear(struct db_server *s);

/* A compute host, resolved by service host name. */
struct db_host {
	char *host, *node;
	int64_t compute_id;
	char *compute_uuid; /* Mitaka+ */
	char *host_ip;
	char *hypervisor_type;
	int64_t hypervisor_version;
	char *cpu_arch, *cpu_model, *cpu_vendor;
	struct strv cpu_features;
	int64_t vcpus, memory_mb, local_gb;
	int64_t vcpus_used, memory_mb_used, local_gb_used;
	bool disabled, forced_down;
	char *disabled_reason;
	int64_t seen_age_s;  /* by the database's clock; -1 never seen */
	int service_version; /* -1 before Liberty */
	char *az;	     /* from its aggregate; NULL: the default zone */
	int64_t cell_id; /* host_mappings.cell_id; -1 none, or no nova_api */
};
void db_host_clear(struct db_host *h);

/* A nova-compute to disable, which is enabled, with MARK as its reason; or to
 * enable, which is disabled with exactly that reason. */
struct db_mark {
	const char *host, *mark; /* mark: at most 255 bytes */
	bool disable;
};

/* What the schema has, by column; statements are built from these alone. */
struct db_features {
#define DB_FEATURE(name, database, table, column, since) bool name;
#include "db/features.def"
#undef DB_FEATURE
};

struct db_schema {
	const char *release; /* "zed"; static */
	const char *nova;    /* "26" */
	bool exact;	     /* false: "release" is the oldest of several
				that share the schema */
	char *cell_revision, *api_revision; /* api NULL without one */
	const char *api_release;
	int service_version; /* lowest live nova-compute; -1 unknown */
	struct db_features f;
	/* behaviour that no column shows (state of Nova's code) */
	bool destroys_by_host; /* up to Kilo: nova-compute destroys domains
				  whose instances.host is not its own */
	bool placement_only;   /* Pike+: Placement is not optional */
	bool writes_az;
	char *cell_name;     /* cell_mappings.name, or NULL */
	int64_t cell_id;     /* cell_mappings.id, or -1 */
	char *url, *api_url; /* masked */
};
void db_schema_clear(struct db_schema *s);

/* A share that volumes lie on, as connection_info names it. */
struct db_share {
	const char *uuid; /* of the instance that does not count */
	const char *host, *export;
};

/* ------------------------------------------------------------------ port */

struct db_ops {
	/* Reading.  find: SERVER is a uuid or a name; unknown, deleted or
	 * ambiguous is ERR_REFUSED, with the candidates in the hint. */
	int (*find)(struct db *db, const char *server, char uuid[UUID_LEN + 1],
		    struct err *e);
	/* Refuses a schema that is half migrated or unknown. */
	int (*schema)(struct db *db, struct db_schema *out, struct err *e);
	/* One row, read on the writer: for probes and verification. */
	int (*instance)(struct db *db, const char *uuid,
			struct db_instance *out, struct err *e);
	/* Was the row, which instance() does not find, deleted and archived
	 * (nova-manage db archive_deleted_rows)?  Where nothing of it is left
	 * in shadow_instances either, the answer is no. */
	int (*archived)(struct db *db, const char *uuid, bool *yes,
			struct err *e);
	/* Why Nova's last failure with it on HOST was one, in a line; *OUT NULL
	 * when nothing has failed there. */
	int (*fault)(struct db *db, const char *uuid, const char *host,
		     char **out, struct err *e);
	/* The newest record of an evacuation of it from HOST, read on the
	 * writer. */
	int (*evacuation)(struct db *db, const char *uuid, const char *host,
			  struct db_evacuation *out, struct err *e);
	int (*server)(struct db *db, const char *uuid, struct db_server *out,
		      struct err *e);
	/* No or several compute nodes for HOST: ERR_REFUSED. */
	int (*host)(struct db *db, const char *host, struct db_host *out,
		    struct err *e);
	/* Instances of HOST that are not deleted, in whatever state. */
	int (*host_servers)(struct db *db, const char *host, int64_t *n,
			    struct err *e);
	/* Tries every statement of a move on nothing, and rolls back: a missing
	 * right or a read-only server is ERR_REFUSED and named. */
	int (*rights)(struct db *db, struct err *e);
	int (*moved)(struct db *db, const struct db_rewrite *r,
		     enum db_moved *out, struct err *e);

	/* A row that is not there (any more) is ERR_CONFLICT. */
	int (*connection)(struct db *db, const char *uuid, int64_t bdm_id,
			  struct db_connection *out, struct err *e);
	/* How many volumes of other instances on HOST may need EXPORT there? */
	int (*share_users)(struct db *db, const struct db_share *s, int *n,
			   struct err *e);

	/* Writing. */
	int (*claim_read)(struct db *db, const char *uuid,
			  struct db_claim_before *out, struct err *e);
	int (*claim)(struct db *db, const struct db_claim *c, struct err *e);
	int (*claim_takeover)(struct db *db, const struct db_takeover *t,
			      struct err *e);
	int (*set_power)(struct db *db, const struct db_power *p,
			 struct err *e);
	int (*rewrite_read)(struct db *db, const struct db_rewrite *r,
			    struct db_rewrite_before *out, struct err *e);
	int (*rewrite)(struct db *db, const struct db_rewrite *r,
		       struct err *e);
	int (*rewrite_undo)(struct db *db, const struct db_rewrite *r,
			    struct err *e);
	int (*release)(struct db *db, const struct db_release *r,
		       struct err *e);
	/* Its nova-compute, where no API answers.  ERR_CONFLICT, nothing
	 * changed, when it is not as S says; ERR_LOST: host() tells. */
	int (*service_mark)(struct db *db, const struct db_mark *s,
			    struct err *e);
	/* After ERR_LOST: waits for the lost transaction, or makes it fail, on
	 * a new connection, then looks.  ERR_LOST again when that could not be
	 * brought to an end; *out is then DB_OUTCOME_UNKNOWN. */
	int (*outcome)(struct db *db, const struct db_question *q,
		       enum db_outcome *out, struct err *e);

	void (*close)(struct db *db);
};

struct db {
	const struct db_ops *ops;
	void *self;
};

/* NULL ops is fine. */
void db_close(struct db *db);

/* ------------------------------------------------------- the real thing */

/*
 * SQLAlchemy URLs, as in nova.conf [database] and [api_database] connection:
 *	mysql+pymysql://user:password@host:port/name?charset=utf8
 *		&ssl_ca=PATH&ssl_cert=PATH&ssl_key=PATH&ssl_verify_cert=true
 *		&unix_socket=PATH&read_timeout=S ...
 * Any of the two may be NULL: without api_url only releases before Ocata are
 * accepted; without cell_url the cell is looked up in cell_mappings, by .cell
 * (name or uuid), else by where .server is, else the only one.
 */
struct db_config {
	const char *cell_url, *api_url;
	const char
		*main_url; /* [database] connection: what {username} and the
			      like in cell_mappings stand for; NULL: api_url */
	const char *cell, *server;
	/* For URLs that say nothing of TLS.  Naming a CA asks for verification
	 * of chain and name, unless ssl_no_verify. */
	const char *ssl_ca, *ssl_cert, *ssl_key;
	bool ssl_no_verify;
	int connect_timeout_s; /* 0: 10 */
	int io_timeout_s;      /* 0: 60; of one answer */
	int lock_wait_s;       /* 0: 15; innodb_lock_wait_timeout */
};

int db_open(const struct db_config *cfg, struct db *out, struct err *e);
/* URL with its password replaced by ***; for messages. */
char *db_url_mask(const char *url) NH_DEALLOC(mem_free);

/* The statements as they run on a release ("zed"), or for FEATURES when
 * RELEASE is NULL; one call of SINK for each. */
typedef void db_sql_sink(const char *name, const char *text, void *arg);
int db_sql_show(const char *release, const struct db_features *features,
		db_sql_sink *sink, void *arg, struct err *e);
/* The i-th known release, oldest first; NULL after the last. */
const char *db_release_name(size_t i);

#endif
