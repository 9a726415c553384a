/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The swap of a volume's attachments (Cinder's new flow, Queens and newer), so
 * that the volume follows its instance and is at no moment anybody else's.
 *
 *	step		Cinder				Nova's row names
 *	volumes		makes NEW, with the target's	OLD
 *			connector, beside OLD
 *	rewrite						NEW, its connection
 *	volumes-in	completes NEW, removes OLD	NEW
 *
 * Back, in the opposite order: where OLD may have been removed, a replacement
 * BACK is made and completed with the source's connector, the inverse rewrite
 * makes the row name it, and whatever else this instance has of the volume is
 * removed.  So the volume has a complete attachment of this instance all the
 * time, and Cinder calls it 'in-use', or 'attaching' while one that was made is
 * not complete; never 'available'.
 *
 * NEW is made with its connector at once, as Nova does for a live migration
 * (nova/compute/manager.py: pre_live_migration, 17.0.0 to 33.0.2): Cinder
 * refuses to give a reserved one a connector while another one has its own
 * (cinder/volume/api.py: attachment_update, Zed).  The row's connection_info is
 * what Nova makes of Cinder's answer (nova/volume/cinder.py:
 * _translate_attachment_ref; "serial" of nova/virt/block_device.py).
 *
 * The source's mount of the share goes last of all (release), where no other
 * volume of that host needs it: the way back starts the guest there with it.
 *Its nova-compute is not told, and remembers the volume: it unmounts a share
 *that it mounts again for somebody else only after its next start
 * (nova/virt/libvirt/volume/mount.py).
 *
 * Cinder knows no leases.  What keeps a controller that was frozen from doing
 * harm late:
 *  - Removing.  Cinder asks Nova which attachment its row names, and refuses
 *    to remove that one (attachment_deletion_allowed, 2023.1, and every release
 *    with the fix of CVE-2023-2088), unless a service asks: so no service token
 *    is sent.  No attachment is ever used again that a run of this job has
 *    meant to remove: that is journalled first.
 *  - Making.  One whose maker has been overtaken is removed by its maker; one
 *    whose answer was lost is not in the journal, and is removed by the next
 *    run (volumes_sweep).
 *  - Completing changes nothing that matters.
 */
#ifndef NH_STEPS_VOLUMES_H
#define NH_STEPS_VOLUMES_H

#include "steps/util.h"

/* What the journal knows of a volume's attachments; NULL: none.  Borrowed until
 * the next record. */
struct volume_known {
	const char *old, *new, *back;
};
struct volume_known volume_known(const struct step_ctx *c,
				 const struct move_volume *v);
/* The record WHAT of STEP for V, or NULL. */
const json_t *volume_recall(const struct step_ctx *c, const char *step,
			    const char *what, const struct move_volume *v);
int volume_note(struct step_ctx *c, const char *what,
		const struct move_volume *v, json_t *value, struct err *e);

int volume_look(struct step_ctx *c, const struct move_volume *v,
		struct volume_view *view, struct err *e);
/* The one of VIEW with this id, or NULL. */
const struct volume_att *volume_find(const struct volume_view *view,
				     const char *id);

/* Makes one with the connector of S, and journals it under WHAT: id and
 * info. */
int volume_make(struct step_ctx *c, const struct move_volume *v, enum side s,
		const char *what, struct err *e);
/* One that was made for a run that has been overtaken meanwhile, as E, of
 * claim_holds(), says. */
bool volume_is_late(const struct step_ctx *c, const struct err *e);
void volume_drop_late(struct step_ctx *c, const char *id);
int volume_complete(struct step_ctx *c, const char *id, struct err *e);
/* Removes all that this instance has of the volume, but for KEEP (two, may be
 * NULL) and what Nova's row names. */
int volumes_sweep(struct step_ctx *c, const struct move_volume *v,
		  const char *const keep[2], struct err *e);

/* ---- volume_info.c: pure */

/* What Nova keeps of Cinder's answer; NULL with an error.  The path of the
 * volume on the host is Nova's own addition (nova/virt/libvirt/volume/fs.py:
 * connect_volume, at each start): it stays as LIKE, another such record, has
 * it.
 */
char *volume_info(const struct volume_att *a, const char *volume,
		  const char *like, struct err *e) NH_DEALLOC(mem_free);
/* Where Nova has mounted the share of INFO, and the share's name: false where
 * it is no mounted share of Nova's own (nova/virt/libvirt/volume/fs.py). */
bool volume_mount(const char *info, char **mountpoint, char **share);

#endif
