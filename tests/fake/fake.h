/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A deterministic world behind the ports: two compute hosts with files, a
 * libvirt and a guest each, Nova's row of one instance, and everybody else who
 * may touch it.  It lies in shared memory, has no pointers, and outlives every
 * controller of a crash test.
 *
 *	struct fake_world *fw	shared; fake_reset()
 *	struct world w		one a controller; fake_open(), fake_close()
 *
 * A file's content is a number: what the guest wrote last, or what it was made
 * with.  Names point to inodes, as hard links do.
 */
#ifndef NH_TESTS_FAKE_H
#define NH_TESTS_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "crash/crash.h"
#include "db/db.h"
#include "steps/world.h"

#define FAKE_UUID "9f2c1f1e-0b1d-4c57-8b9c-2f6f3c1d4a5b"
#define FAKE_BASE "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define FAKE_PORT "5b3e8a52-6d7c-4c3f-9d0e-0f3f1c1d7a11"
#define FAKE_VOLUME "2f9d4c3b-1a5e-4f60-8c7b-9e8d7c6b5a0"
#define FAKE_VOLUMES 2
#define FAKE_ATTS 8
#define FAKE_ATT_NAME 24
#define FAKE_NAMES 160
#define FAKE_INODES 160
#define FAKE_PATH 160
#define FAKE_TEXT 512
#define FAKE_HOUR (3600 * 1000000LL)

struct fake_inode {
	bool used, dir;
	bool partial; /* half written */
	uint32_t mode;
	char user[16], group[16];
	uint64_t content; /* of a disk: the guest's; else a hash */
	uint64_t header;  /* what a rebase changes */
	uint64_t size;
	int64_t mtime_us;
	size_t len;
	char text[FAKE_TEXT]; /* of small files */
};

struct fake_name {
	uint32_t hash; /* of path; 0: unused */
	uint16_t ino;
	char path[FAKE_PATH];
};

struct fake_domain {
	bool defined, running, autostart;
	int disk; /* inode that the running guest writes to */
	int base; /* and the one it reads from; -1: none */
	char xml[4096];
};

struct fake_lease {
	enum host_lease_state state;
	uint64_t epoch;
	char job[16], session[40], owner[40];
	unsigned holder; /* crash_self() of its controller */
};

struct fake_host {
	char name[32], node[48], ip[128]; /* ip: instances_path */
	struct fake_name names[FAKE_NAMES];
	struct fake_inode inodes[FAKE_INODES];
	struct fake_domain dom;
	struct fake_lease lease;
	bool bridge;	    /* plugged by us */
	bool key;	    /* a one-job key is authorised */
	bool swept;	    /* its image cache has removed the base by age */
	int64_t down_us;    /* not reached before this */
	const char *locked; /* a path that somebody's QEMU has open */
	size_t manifest_len;
	char manifest[65536];
};

/* A row of block_device_mapping: FAKE_VOLUME "1" has id 1. */
struct fake_bdm {
	char attachment[FAKE_ATT_NAME];
	char info[320];
};

/* Cinder's. */
struct fake_att {
	unsigned n; /* "att-N"; 0: none */
	enum side side;
	bool attached, foreign;
	bool reserved; /* without a connector */
};
struct fake_volume {
	struct fake_att att[FAKE_ATTS];
	int64_t at_us; /* Nova goes on with it then; 0: it is not at it */
	bool putting;  /* on, and not off */
	bool late;     /* one was taken off by whom nobody expected any more */
};

struct fake_row {
	bool deleted;
	bool gone, archived; /* no row any more; it is among the shadows */
	char host[32], node[48];
	int64_t compute_id;
	char vm_state[16], task_state[16]; /* "": NULL */
	int power_state;
	bool locked;
	char locked_by[16], reason[DB_TOKEN_MAX], az[16];
	/* migrations: ours, and Nova's own evacuation */
	char migration[40], status[16]; /* "": no row */
	char evac_from[32], evac_status[16];
	int64_t evac_us; /* an evacuation goes on then; 0: none */
	int64_t evac_id; /* of its record; 0: there never was one */
	bool evac_ours;	 /* asked for by a job */
	struct fake_bdm bdm[FAKE_VOLUMES];
};

/* A transaction: plain data, so that it can be under way while its sender is
 * dead. */
enum fake_tx_kind {
	TX_NONE = 0,
	TX_CLAIM,
	TX_TAKEOVER,
	TX_POWER,
	TX_REWRITE,
	TX_UNDO,
	TX_RELEASE,
};
struct fake_tx {
	enum fake_tx_kind kind;
	char job[16];
	unsigned epoch;
	char host[32], node[48]; /* guard */
	char to_host[32], to_node[48];
	int64_t to_id;
	char vm_from[16], vm_to[16];
	int power;
	char migration[40], az[16];
	bool set_az;
	int locked; /* before image */
	char locked_by[16], reason[DB_TOKEN_MAX];
	struct fake_bdm old[FAKE_VOLUMES], new[FAKE_VOLUMES];
	unsigned volumes; /* that it changes */
	uint64_t id;
	unsigned sender;
};

/* What differs between the runs of the crash tier. */
struct fake_options {
	const char *name;
	bool rounds; /* a pre-copy makes more than one */
	bool running, precopy, start, base_on_target, nvram, rebase, autostart;
	bool ignores_acpi;
	bool old_compute;   /* up to Kilo: destroys by host */
	bool resume_guests; /* resume_guests_state_on_host_boot */
	bool cloud;	    /* Placement and Neutron have a say */
	bool nova_start;    /* Nova starts it on the target */
	unsigned volumes;   /* at most FAKE_VOLUMES */
	bool detach;	    /* Nova takes them off meanwhile */
	bool sure;	    /* ... and never fails to */
	bool dead;  /* the source is off and fenced; its disks are only read */
	bool adopt; /* ... and Nova's evacuate takes them over */
	bool verify_deep;
};

/* An os-start that Nova has accepted: nova-compute of the host that the row
 * named then carries it out. */
struct fake_start {
	int64_t at_us; /* 0: none */
	enum side on;
	bool ours; /* asked for by a job, not by somebody else */
	bool sure; /* libvirt refuses none of it */
};

struct fake_world {
	struct fake_options o;
	struct fake_host h[2]; /* by enum side */
	struct fake_row row;
	struct fake_tx pending; /* a COMMIT that is under way */
	struct fake_start start;
	uint64_t tx_ids;
	uint64_t landed, discarded; /* id of the last */
	int64_t now_us;
	uint64_t newest; /* what the guest wrote last */
	uint64_t config, base_content;
	uint64_t contents; /* the last one handed out */
	unsigned long ticks;
	bool waived;	/* its user has deleted the server */
	bool rot;	/* the next copy arrives damaged */
	bool synced;	/* Nova's power sync has written a row */
	bool early;	/* the row was moved under files in place */
	bool yanked;	/* Nova's power sync has pulled the plug of the guest */
	bool shared;	/* instances_path lies on a share */
	bool cut[2];	/* a host was not reached for a while */
	bool stray;	/* a start that found nothing left an empty directory */
	bool renewed;	/* Nova has defined it on the source, for a job */
	bool down;	/* the source's service is forced down */
	bool unproven;	/* the proof that the source is off has aged */
	bool touched;	/* something was changed on a dead source */
	bool off;	/* the source of a move has lost its power */
	bool went_off;	/* ... at some time */
	unsigned alone; /* controllers that went on without it */
	unsigned acted; /* others have changed it on purpose */
	/* Placement and Neutron */
	bool allocated[2];
	char bound[32];
	int64_t consumer, revision;
	struct fake_volume volumes[FAKE_VOLUMES];
	unsigned atts;	   /* the last one made */
	char journal[128]; /* of the second operator */
};

/* --- the world */

void fake_reset(void *world, const void *options);
/* Time passes, and a running guest writes. */
void fake_tick(void *world);
/* Is a complete copy of its newest disks left anywhere? */
bool fake_copies(const struct fake_world *fw);
bool fake_promise(const void *world, struct buf *out);
/* A COMMIT of a dead controller lands after all, or never. */
void fake_late(void *world);
bool fake_end(const void *world, const void *before, enum crash_job job,
	      int code, struct buf *out);
bool fake_act(void *world, size_t actor);
extern const char *const fake_actors[];
/* Is there nobody on the source?  It never was up, or has lost its power. */
static inline bool fake_off(const struct fake_world *fw)
{
	return fw->o.dead || fw->off;
}
void fake_power_on(struct fake_world *fw);
/* Nova goes on with what an API call has begun. */
void fake_nova(struct fake_world *fw);
/* May an API call touch the row? */
bool fake_api(struct fake_world *fw, bool admin);
/* Nova's evacuate of a dead source's, for a job; false: 400 or 409. */
bool fake_nova_evacuate(struct fake_world *fw);
/* os-start; false: 409. */
bool fake_nova_start(struct fake_world *fw, bool admin, bool ours);

/* The move that is tested, and its plan. */
struct move *fake_move(const struct fake_world *fw);
json_t *fake_plan(const struct fake_world *fw);
/* A controller's view; BACKWARD as main.c would set it. */
void fake_open(struct world *w, struct fake_world *fw, bool backward);
void fake_close(struct world *w);
int fake_control(void *world, const char *journal, enum crash_role role);

/* --- files */

int fake_find(const struct fake_host *h, const char *path); /* name, or -1 */
struct fake_inode *fake_look(struct fake_host *h, const char *path);
/* A new name for a new or a given inode; aborts when the tables are full. */
int fake_inode_new(struct fake_host *h, bool dir);
void fake_name_add(struct fake_host *h, const char *path, int ino);
void fake_name_drop(struct fake_host *h, int name);
int fake_links(const struct fake_host *h, int ino);
struct fake_inode *fake_file(struct fake_world *fw, struct fake_host *h,
			     const char *path, uint64_t content);
void fake_dir(struct fake_world *fw, struct fake_host *h, const char *path);
void fake_tree_drop(struct fake_host *h, const char *path);
/* "IP/rel" */
void fake_at(char out[FAKE_PATH], const struct fake_host *h, const char *fmt,
	     ...) NH_PRINTF(3, 4);
uint64_t fake_hash(const void *p, size_t n);

/* --- the ports */

/* One host seen by one controller. */
struct fake_handle {
	struct fake_world *fw;
	struct fake_host *h;
	bool held, broken;
	bool disks; /* only of its disks, which another one sees */
	char job[16], session[40];
	uint64_t epoch;
};
extern const struct host_ops fake_host_ops;
extern const struct virt_ops fake_virt_ops;
extern const struct db_ops fake_db_ops;
struct fake_virt {
	struct virt v;
	struct fake_handle *fh;
};
/* The event before an operation, connecting anew and the lease; -1 and E when
 * it does not take place. */
int fake_enter(struct fake_handle *fh, bool mutates, struct err *e,
	       const char *fmt, ...) NH_PRINTF(4, 5);
/* The event after it. */
int fake_leave(struct fake_handle *fh, struct err *e, const char *fmt, ...)
	NH_PRINTF(3, 4);
int fake_carry(void *self, struct host *src, struct host *dst,
	       const struct carry_file *f, struct carry_result *r,
	       struct err *e);
int fake_carry_many(void *self, struct host *src, struct host *dst,
		    const struct carry_file *f, size_t n,
		    struct carry_result *r, struct err *e);
int fake_carry_cleanup(void *self, struct host *src, struct host *dst,
		       const char *job, struct err *e);
/* A service's API.  A question that got no answer can be asked again. */
int fake_ask(const char *what, struct err *e);
/* The request is sent, or is not: *SENT.  A fault may hide which. */
int fake_send(const char *what, bool *sent, struct err *e);
/* The answer to a request whose result is RC. */
int fake_answer(const char *what, int rc, struct err *e);
extern const struct cloud_ops fake_cloud_ops;
extern const struct volume_ops fake_volume_ops;
void fake_digest(const struct fake_inode *i, unsigned char out[32]);
/* As a host says it; JOB: the digest of a job, not SHA-256. */
void fake_digest_text(const struct fake_inode *i, bool job,
		      char text[HOST_DIGEST_MAX]);

/* --- Cinder */

void fake_att_name(char out[FAKE_ATT_NAME], unsigned n);
struct fake_att *fake_att(struct fake_volume *v, const char *id);
struct fake_att *fake_att_new(struct fake_world *fw, struct fake_volume *v,
			      enum side s);
bool fake_in_use(const struct fake_volume *v);
void fake_attach_ops(struct volume_ops *o);
/* Nova goes on with what was begun. */
void fake_attach_due(struct fake_world *fw);
void fake_detach(struct fake_world *fw);
void fake_reattach(struct fake_world *fw, enum side s);
void fake_volumes_promise(const struct fake_world *fw, struct buf *out);
bool fake_volumes_at(const struct fake_world *fw, enum side s, struct buf *out);

/* Has anybody a transaction under way?  It ends, one way or the other. */
void fake_db_resolve(struct fake_world *fw);
void fake_db_land(struct fake_world *fw);

/* libvirt starts the domain: 0, or -1 with the reason. */
int fake_boot(struct fake_world *fw, struct fake_host *h, const char **why);
bool fake_in_place(const struct fake_world *fw, const struct fake_host *h);

#endif
