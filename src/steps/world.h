/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the steps of a job work on: the adapters, and the move itself.
 *
 * main.c opens it from the plan in the journal and hands it to the engine,
 * which hands it back as step_world().  The crash tests open the same struct
 * over a deterministic world; a step cannot tell.
 *
 * Leases.  world_enter() claims the instance on both hosts under an epoch above
 * every stored one, ends what older controllers left running, and replaces the
 * token in the database.  That epoch is drawn on the hosts, not in the journal:
 * two machines with two journals can never hold the same one.  Forward, both
 * hosts must answer.  Backward, only the source must: what the target holds
 * cannot start the guest while the database names the source, and no older
 * controller can change the database, whose token has been replaced.  Forward
 * and past the rewrite, only the target must: the source has been disarmed, and
 * nothing of ours arms it again while the database names the target.
 *
 * A move whose source has died (.off) has a lease on the target alone, too,
 * from when an operator has said so: that it is off is proven then, and again
 * before the rewrite.  What the source holds of the job stays there, its lease
 * included, and is settled when it is back.
 *
 * A rescue has a lease on the target alone: nothing of the source is changed.
 * Backward it needs neither host.  Where the target does not answer either, the
 * epoch is drawn from the token in the database, which then is all that can be
 * changed.
 */
#ifndef NH_STEPS_WORLD_H
#define NH_STEPS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"
#include "db/db.h"
#include "host/host.h"
#include "host/virt.h"
#include "steps/move.h"

struct step;
struct step_ctx;

enum side { SRC = 0, DST = 1 };

/* Carries one file from the source to the target, as transfer/ does it. */
struct carry_file {
	struct host_path from; /* on the source */
	struct host_path to;   /* on the target; replaced when complete */
	bool final;	       /* the guest is stopped: both digests must agree,
				  and the target's is read back */
	bool calm;	       /* guests run beside it, and come first */
	/* Another file below .to.root that may hold much of the same content,
	 * or NULL.  What .to itself holds already is looked at anyway. */
	const char *basis;
	const char *delta, *transport; /* as in struct move */
	const char *job;
	/* What the source's disk has lost becomes a hole, and is told; .to.bad
	 * beside .to says where.  Not with copy_many(). */
	bool bad_map;
	/* -1 stops it (with E filled); called every now and then. */
	int (*progress)(void *arg, uint64_t done, uint64_t total,
			struct err *e);
	void *arg;
};

enum { CARRY_SMALL = 4 << 20, CARRY_BAD = 32 };

struct carry_range {
	uint64_t off, len;
};

struct carry_result {
	uint64_t size;
	uint64_t read, sent, matched, allocated;
	uint64_t wire; /* what SENT took, both ways, with all overhead; 0: as
			  much */
	/* Digests, of the job's kind (transfer/tags.h) or of SHA-256; DST only
	 * when .final. */
	char src[HOST_DIGEST_MAX], dst[HOST_DIGEST_MAX];
	bool changed; /* the source was written to while it was read */
	/* Bytes that the source's disk could not read, in so many places, and
	 * the first of these; the digests are no file's then. */
	uint64_t lost, places;
	struct carry_range bad[CARRY_BAD];
	char method[16], transport[16];
	unsigned streams; /* connections at its end; 0: not told */
	char why[160];	  /* not by a better way, or over more; or "" */
};

struct carrier {
	/* 0: the content is on the target, durable, under .to, in a directory
	 * that was made if need be (0700). */
	int (*copy)(void *self, struct host *src, struct host *dst,
		    const struct carry_file *f, struct carry_result *r,
		    struct err *e);
	/* The same for N files, in any order, which costs small ones (of up to
	 * CARRY_SMALL) no round trip each.  All have the same .job, .transport
	 * and .progress.  When it fails, those that have arrived stay. */
	int (*copy_many)(void *self, struct host *src, struct host *dst,
			 const struct carry_file *f, size_t n,
			 struct carry_result *r, struct err *e);
	/* Undoes what copies leave on the hosts besides the files: one-job
	 * keys. Idempotent. */
	int (*cleanup)(void *self, struct host *src, struct host *dst,
		       const char *job, struct err *e);
	void *self;
};

/*
 * Placement, Neutron and Nova, as far as a move needs them; join/ has it over
 * the APIs, and over the databases of the first two (.sql in struct move).
 * Errors as in api/session.h: ERR_LOST is an unknown outcome, and the question
 * tells what became of it.
 *
 * Neither knows of leases.  What keeps a controller that was frozen from
 * changing anything late is their own optimistic locking: each change names the
 * version that was seen BEFORE the claim was looked at, and each step that goes
 * back writes once more even what is right already, which makes that version an
 * old one.  (Placement: the consumer's generation, 1.28 and newer, Rocky.
 * Neutron: revision_number with If-Match, Pike; Zed raises it for a binding
 * that changes nothing as well, as seen there.)
 */
struct cloud_share {
	bool on[2];	 /* the provider of this side holds resources for it */
	bool others;	 /* so does a third one */
	int64_t version; /* -1: the service has none */
};

struct cloud_bind {
	char *host;  /* NULL: the port is gone */
	bool failed; /* Neutron found no way to plug it there */
	bool waits;  /* it has not tried: SQL has named the host */
	int64_t version;
};

struct cloud_ops {
	/* Whose resources does the instance have, as Placement says? */
	int (*allocated)(void *self, const struct move *m,
			 struct cloud_share *out, struct err *e);
	/* All of its share to the provider of TO; ERR_CONFLICT when it is not
	 * as SEEN any more.  Writes even when it is there. */
	int (*allocate)(void *self, const struct move *m, enum side to,
			const struct cloud_share *seen, struct err *e);
	/* Where Neutron says that the port is bound. */
	int (*bound)(void *self, const char *port, struct cloud_bind *out,
		     struct err *e);
	/* Likewise. */
	int (*bind)(void *self, const char *port, const char *host,
		    const struct cloud_bind *seen, struct err *e);
	/* Nova's os-start.  0: accepted, not done; the row tells what becomes
	 * of it.  ERR_CONFLICT: its state does not allow it, which is so when
	 * it is under way already.  A request that comes late, from a
	 * controller that was frozen, is what an administrator's start is:
	 * Nova starts it where the database says that it is, or finds nothing
	 * to start.  NULL: no API of Nova is at hand. */
	int (*start)(void *self, const char *uuid, struct err *e);
	/* Has somebody told Nova that nova-compute of HOST is down? */
	int (*is_down)(void *self, const char *host, bool *yes, struct err *e);
	/* Idempotent. */
	int (*force_down)(void *self, const char *host, struct err *e);
	/* Nova's evacuate to the target, on the files that are there: without
	 * them it fails (api/nova.h).  0: accepted, not done. */
	int (*evacuate)(void *self, const struct move *m, struct err *e);
	void *self;
};

/*
 * Cinder's attachments, as far as a swap needs them; join/ has it over the API,
 * and over Cinder's database.  Errors as in api/session.h.  How a controller
 * that wakes up late is kept out: steps/volumes.h.
 */
struct volume_att {
	char *id;
	char *instance;	  /* NULL: none */
	char *status;	  /* "attached" once it is complete */
	char *connection; /* of a new one: Cinder's JSON; may hold secrets */
};
struct volume_view {
	char *status; /* of the volume: "in-use" */
	struct volume_att *v;
	size_t n; /* all of the volume, by whomever */
};
void volume_att_clear(struct volume_att *a);
void volume_view_clear(struct volume_view *v);

struct volume_want {
	const char *volume, *instance;
	const char *connector; /* JSON text; NULL: only reserve it */
	const char *mode;      /* "rw" or "ro" */
};

struct volume_put {
	const char *server, *volume;
	const char *device; /* a wish: libvirt's driver chooses */
	const char *tag;    /* or NULL */
	bool delete_on_termination;
};
struct volume_ops {
	/* A volume that is gone, with its server perhaps, has no status and no
	 * attachments. */
	int (*look)(void *self, const char *volume, struct volume_view *out,
		    struct err *e);
	/* Not idempotent: after ERR_LOST there may be one more. */
	int (*make)(void *self, const struct volume_want *w,
		    struct volume_att *out, struct err *e);
	int (*complete)(void *self, const char *id, struct err *e);
	/* 0 also when it is gone.  ERR_CONFLICT: Nova's row names it. */
	int (*drop)(void *self, const char *id, struct err *e);
	/* Nova's: has it the volume among those of SERVER? */
	int (*listed)(void *self, const char *server, const char *volume,
		      bool *yes, struct err *e);
	/* Accepted, not done; the old state is ERR_CONFLICT or ERR_FAILED. */
	int (*detach)(void *self, const char *server, const char *volume,
		      struct err *e);
	int (*attach)(void *self, const struct volume_put *p, struct err *e);
	void *self;
};

/* Proof that a dead source is off; join/ has it over engine/fence.h.  Only for
 * a rescue. */
struct fence_ops {
	/* 0: HOST is proven to be off, and the proof is fresh.  ERR_FENCE: it
	 * is not. */
	int (*require)(void *self, const char *host, uint32_t max_age_s,
		       struct err *e);
	void *self;
};

/* Is there room on the target, with all that is on its way there?  Asked when
 * the lease there is held, so that of two that ask at once at least one sees
 * the other; ERR_LOCKED when not now.  NULL: nobody asks (one that an operator
 * has sent there alone, and where Placement counts). */
struct room_ops {
	int (*holds)(void *self, struct err *e);
	void *self;
};

struct world {
	struct move *move; /* of the job; owned */
	/* By enum side; NULL: not reached, see .down.  In a rescue that of the
	 * source is the one that its disks are seen on, which is only read, and
	 * there is no .virt of it. */
	struct host *host[2];
	struct virt *virt[2];
	struct err down[2]; /* why .host is NULL */
	struct db *db;
	struct carrier carrier;
	struct cloud_ops cloud;	   /* used where .move asks for it */
	struct volume_ops volumes; /* likewise */
	struct fence_ops fence;
	struct room_ops room;
	const char *owner; /* for the leases; borrowed */
	char session[33];  /* random, hex: this run */
	/* Bytes a second, 0 for none; the carrier looks at it with every
	 * progress.  Set by bwlimit_look(). */
	uint64_t bwlimit;
	bool backward; /* only undoing: the target may be unreachable */
	bool onward;   /* past the rewrite: the source may be unreachable,
			  for it was disarmed and proved stopped */
	/* The source of a move is proven to be off, and not looked at
	 * (txn_alone() in engine/txn.h).  With .backward or .onward. */
	bool off;
	/* Forward: who sees its disks, and its instances_path there; or NULL.
	 * They are only read.  Owned by whoever opened the world. */
	struct host *disks;
	const char *disks_path;
	bool force; /* take over from a living run of the same job */
	bool gone;  /* the server is deleted: nothing may be started, no
		       row written, and no copy thrown away */
	/* Set by world_claim(): */
	bool leased[2];
	uint64_t epoch;
	bool manifest[2]; /* the work directory is there to be written to */
	int64_t touched_us;
	/* This run has waited long enough for Nova then; 0: it has not begun
	 * to. */
	int64_t nova_until_us;
};

/* Engine hooks (engine/txn.h). */
int world_look(void *world, const char *job, struct err *e);
int world_enter(void *world, const char *job, uint64_t epoch, bool started,
		struct err *e);
/* Of regain.c: takes Nova's lock again where an administrator has lifted it and
 * the job is still this one's to go on with; ERR_CONFLICT when the server has
 * been deleted. */
int regain_job(struct step_ctx *c, struct err *e);
void world_leave(void *world);
int world_mirror(void *world, const char *json, struct err *e);
void world_tick(void *world);

/* What is left of a job.  Both hosts must answer. */
struct traces {
	bool held;  /* a lease on either host, or its token in the row */
	bool kept;  /* a work directory on either host */
	bool moved; /* the row, if there is one, names the target */
};
int world_traces(void *world, const char *job, struct traces *out,
		 struct err *e);

/* The database row, read on the writer.  One that was archived with its server
 * (nova-manage db archive_deleted_rows) is a deleted row, and nothing else of
 * it is known. */
int world_row(const struct world *w, struct db_instance *row, struct err *e);

/* Claims the leases for JOB and fills .leased and .epoch. */
int world_claim(struct world *w, const char *job, struct err *e);
/* This job's token for database writes. */
struct db_lease world_lease(const struct world *w, const char *job);

/* Every step there is, NULL-terminated: what the engine is given. */
extern const struct step *const steps_table[];
/* The names of a move's steps in their order, as the plan lists them; those
 * that M does not need are left out.  NULL-terminated, static strings. */
#define STEPS_MOVE_MAX 24
size_t steps_of_move(const struct move *m, const char *names[STEPS_MOVE_MAX]);
const struct step *steps_find(const char *name);

#endif
