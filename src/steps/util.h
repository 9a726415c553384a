/* SPDX-License-Identifier: Apache-2.0 */
/* What several steps share: places, owners, proofs.  Not for other folders. */
#ifndef NH_STEPS_UTIL_H
#define NH_STEPS_UTIL_H

#include "engine/step.h"
#include "steps/world.h"

static inline struct world *step_w(const struct step_ctx *c)
{
	return step_world(c);
}

static inline const struct move *step_m(const struct step_ctx *c)
{
	return step_w(c)->move;
}

/* Is it a rescue?  Then nothing is ever changed on the source. */
static inline bool src_dead(const struct step_ctx *c)
{
	return step_m(c)->dead;
}

/* Is there nobody to ask on the source?  A rescue, or a move that goes on
 * without it. */
static inline bool src_off(const struct step_ctx *c)
{
	return src_dead(c) || step_w(c)->off;
}

const struct move_side *side_of(const struct move *m, enum side s);
/* The host, or ERR_RETRY with the reason why it could not be reached. */
struct host *need_host(const struct world *w, enum side s, struct err *e);
struct virt *need_virt(const struct world *w, enum side s, struct err *e);

/* Going back without the target: it did not answer, and before the rewrite
 * nothing that lies on it can start the guest.  What is left there is said
 * aloud, and swept by audit. */
bool dst_given_up(const struct step_ctx *c);

/* A path with its own memory: AT(p) is the struct host_path. */
struct spot {
	const char *root; /* borrowed from the move */
	char *rel;
};
#define AT(spot_) HOST_PATH((spot_).root, (spot_).rel)
void spot_clear(struct spot *s);

/* IP/.novahaul/<job>[/SUB] on a side; SUB may be NULL. */
struct spot spot_work(const struct step_ctx *c, enum side s, const char *sub);
/* IP/<uuid> */
struct spot spot_instance(const struct move *m, enum side s);
/* IP/<base_dir>/<name> */
struct spot spot_base(const struct move *m, enum side s, const char *name);
/* The job's own name for a base: IP/.novahaul/<job>/hold/<name> */
struct spot spot_hold(const struct step_ctx *c, enum side s, const char *name);
/* The vTPM's directory of this instance; .root NULL when it has none. */
struct spot spot_tpm(const struct move *m, enum side s);
/* Where a file is while the host can start the instance. */
struct spot spot_armed(const struct move *m, enum side s,
		       const struct move_file *f);
/* Where it is otherwise: "source" or "stage" in the work directory.  A dead
 * source's files stay where they are. */
struct spot spot_parked(const struct step_ctx *c, enum side s,
			const struct move_file *f);

/* "instance", "nvram", "tpm" */
const char *root_name(enum move_root r);
/* "nvram/instance-0000002a_VARS.fd": the key of a file in records. */
char *file_key(const struct move_file *f) NH_DEALLOC(mem_free);

int exists(struct host *h, struct host_path p, enum host_type *type,
	   struct err *e);
/* Renames, and where the two are on different file systems copies, compares
 * and removes.  Nothing at FROM but a file at TO is success: it was done. */
int stow(struct host *h, struct host_path from, struct host_path to,
	 struct err *e);
/* Nova re-creates the instance directory on some failed requests (a start while
 * the files are parked): it holds nothing, or disk.info alone, and is put out
 * of the way, as long as the job's own is parked there.  With anything else in
 * it: ERR_CONFLICT. */
int clear_stray(struct step_ctx *c, enum side s, struct err *e);
/* Removes the directories that the vTPM's files have left, as far as they are
 * empty. */
int drop_tpm_dirs(struct step_ctx *c, enum side s, struct err *e);
/* Does the instance have files outside its directory? */
bool has_extras(const struct move *m);
/* mkdir -p of the directory that P lies in. */
int make_parent(struct host *h, struct host_path p, uint32_t mode,
		struct err *e);
/* Owner and permission bits of a file of the move, on the target. */
int give_owner(struct host *h, struct host_path p, const struct move_file *f,
	       struct err *e);

/* PROVE_STOPPED or an error: ERR_FAILED when it runs, ERR_RETRY when it cannot
 * be told.  Looks at the disks where they are now.  A dead source's guest is
 * stopped while its host is proven to be off; else ERR_FENCE. */
int prove_side(struct step_ctx *c, enum side s, struct err *e);
/* The same; ST is the state that libvirt told. */
int prove_side_state(struct step_ctx *c, enum side s, struct virt_status *st,
		     struct err *e);

/* Is every base of the move in place?  Puts it back from the job's own hold
 * where it is missing, and makes its mtime now: Nova's image cache deletes what
 * it does not know by mtime (24 h; 1 h for <sha1>_<n>). */
int bases_refresh(struct step_ctx *c, enum side s, struct err *e);

/* The database row, read on the writer. */
int read_row(struct step_ctx *c, struct db_instance *row, struct err *e);
/* After ERR_LOST of a write: what became of it.  0 when applied or not (OUT),
 * -1 with ERR_LOST when nobody can tell. */
int settle(struct step_ctx *c, const struct db_question *q,
	   enum db_outcome *out, struct err *e);
/* Runs the write again after a lost COMMIT that did not land: RC is what the
 * write returned. */
int settle_write(struct step_ctx *c, int rc, const struct db_question *q,
		 struct err *e);

/* Sets the world's bwlimit: as asked last, else the plan's.  Cheap. */
void bwlimit_look(struct step_ctx *c);

/* A recorded digest that begins so is the job's: only hosts that have its key
 * can make it again. */
#define JOB_DIGEST "p1305t64k:"
/* Has the file P the digest WANT, as a copy recorded it?  What the host knows
 * of a file that is still as it was made counts, unless FRESH.  Not so when
 * WANT is NULL, or of a job's kind whose key is lost. */
int has_digest(struct host *h, struct host_path p, const char *want, bool fresh,
	       bool *yes, struct err *e);

/* Of step_fence.c: ERR_FENCE unless the dead source is proven to be off now,
 * and its disks say nothing else. */
int fence_holds(struct step_ctx *c, struct err *e);
/* The second half alone. */
int fence_at_rest(struct step_ctx *c, struct err *e);

/* ERR_FAILED when what was carried has holes for what the source's disk has
 * lost: no step asks for that, and both digests would agree on it. */
int carried_whole(struct step_ctx *c, const char *name,
		  const struct carry_result *r, struct err *e);

/* Of step_claim.c: does Nova's row still name this job, and this controller's
 * epoch?  ERR_STALE if not: another controller has taken over, or this
 * journal may be an old one, and another has ended the job by the hosts'
 * manifests.  The database checks it in each write; asked before the changes
 * that no database write precedes.  ERR_CONFLICT, by claim_gone(), when the
 * server was deleted. */
int claim_holds(struct step_ctx *c, struct err *e);
/* Of step_claim.c: -1 with ERR_CONFLICT, for a job whose server was deleted:
 * there is nothing to go forward to, and its undos know it from here on. */
int claim_gone(struct step_ctx *c, struct err *e);
/* Of step_claim.c: unlocks the row as it was found; idempotent. */
int claim_release(struct step_ctx *c, struct err *e);
/* Of step_disarm.c: was the server deleted while its disks were in this job's
 * hands?  Then they stay there when the job is undone. */
bool disarm_keeps(const struct step_ctx *c);
/* Of step_release.c: the source's work directory stays, until purge. */
int release_keep(struct step_ctx *c, struct err *e);
/* Of step_define.c: did the guest of a deleted server perhaps run on the
 * target?  Then what is there is left to Nova. */
bool define_left(const struct step_ctx *c);
/* Records what plugging its interfaces will create on the target: Nova plugs
 * them, and what a failed start leaves is taken back by define_take_back(). */
int define_foresee(struct step_ctx *c, struct err *e);
/* Takes the domain and the interfaces of a guest that never ran away from the
 * target; refuses when it runs, or its disks say that it did. */
int define_take_back(struct step_ctx *c, struct err *e);
/* libvirt started it at boot on the source, and shall on the target. */
bool define_autostart(const struct step_ctx *c);
int define_refuse_ran(struct step_ctx *c, const char *how, struct err *e);
/* Of step_start.c: the row, read on the writer, and our record in it say that
 * it may be started on the target, and that nobody else is at it. */
int start_is_ours(struct step_ctx *c, char **vm_state, struct err *e);
/* Of start_nova.c: the start, once all guards have passed. */
int start_by_nova(struct step_ctx *c, struct err *e);
/* Of step_install.c: proves that nothing runs on the target, takes the files
 * out of their places, proves it again. */
int install_take_back(struct step_ctx *c, struct err *e);
/* The opposite: what was taken out is in its places again. */
int install_put_back(struct step_ctx *c, struct err *e);
/* NVRAM and vTPM alone, for a libvirt that cannot keep them. */
int install_extras_back(struct step_ctx *c, struct err *e);
/* Of step_rewrite.c: what the database says of our record. */
int rewrite_where(struct step_ctx *c, enum db_moved *moved, struct err *e);
/* Nothing runs on the target, the files are there, and no domain is. */
int rewrite_ready(struct step_ctx *c, struct err *e);
/* Of step_ports.c: each of its ports to the source, where it is on the target.
 */
int ports_back(struct step_ctx *c, struct err *e);
/* Of volumes.c: what the rewrite changes of each volume of the move, BACK: what
 * its inverse is to put there.  The strings are borrowed from the journal, the
 * array is freed by the caller, also after an error. */
int volumes_changes(struct step_ctx *c, bool back,
		    struct db_volume_change **out, struct err *e);
/* Of volumes.c: unmounts on the source what Nova mounted for them alone. */
int volumes_leave_source(struct step_ctx *c, struct err *e);
/* Of step_define.c: are the files on the target, PLACED or parked, what install
 * recorded? */
int disks_unchanged(struct step_ctx *c, bool placed, bool *same, struct err *e);

#endif
