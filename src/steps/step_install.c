/* SPDX-License-Identifier: Apache-2.0 */
/*
 * install: the verified files take their place on the target.
 *
 * The database still names the source and no domain is defined here, so the
 * target cannot start the guest yet.  Owners are set by name while the files
 * are still in the work directory; an overlay whose header names another path,
 * or no format, is rebased there, on the copy.
 */
#include "steps/util.h"

#include <string.h>

#include "image/rules.h"

/* A guest wrote what qemu-img parses here: it runs as nova, on an open file,
 * for the directory above is root's alone.  give_owner() follows. */
static int rebase(struct step_ctx *c, const struct move_file *f, struct err *e)
{
	const struct move *m = step_m(c);
	struct host *h = step_w(c)->host[DST];
	AUTO(spot_clear) struct spot p = spot_parked(c, DST, f);
	AUTO(mem_freep)
	char *base = mem_printf("%s/%s/%s", m->dst.instances_path,
				m->dst.base_dir, f->backing);
	AUTO(strv_clear) struct strv argv = STRV_INIT;
	struct host_chown own = {.path = AT(p),
				 .user = m->dst.nova_user,
				 .group = m->dst.nova_group};
	struct host_run r = {.timeout_us = 60 * 1000000LL,
			     .mutates = true,
			     .user = m->dst.nova_user,
			     .hostile = AT(p)};
	int rc;

	if (image_rebase_argv(&argv, image_format_by_name(f->backing_format),
			      base, HOST_RUN_FILE, e) ||
	    host_chown(h, &own, e) ||
	    host_chmod(h, &(struct host_chmod){AT(p), 0600}, e))
		return -1;
	r.argv = (const char *const *)argv.v;
	rc = host_run(h, &r, e);
	if (!rc && r.exit_code)
		rc = err_set(e, ERR_FAILED,
			     "%s: qemu-img rebase of %s ended with %d: %s",
			     m->dst.host, f->rel, r.exit_code, buf_str(&r.err));
	host_run_clear(&r);
	return rc;
}

/* Digests of the files as they are installed: what "may have run" is judged by.
 * NVRAM and vTPM state too: a guest that got no further than its firmware has
 * written those alone.  Only a rebased file differs from what final-copy
 * recorded. */
static int record_installed(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	const json_t *copied = step_recall_of(c, "final-copy", "digests");
	json_t *out = json_object();

	for (size_t i = 0; i < m->nfiles; i++) {
		const struct move_file *f = &m->files[i];
		AUTO(mem_freep) char *key = file_key(f);
		AUTO(spot_clear) struct spot p = spot_parked(c, DST, f);
		struct host_digest d = {.how = HOST_DIGEST_JOB};

		if (f->info)
			continue;
		if (!f->rebase) {
			json_object_set(out, key, json_object_get(copied, key));
			continue;
		}
		if (host_digest(step_w(c)->host[DST], AT(p), &d, e)) {
			json_decref(out);
			return -1;
		}
		json_object_set_new(out, key, json_string(d.text));
	}
	return step_record(c, "installed", out, e);
}

static int prepare(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct host *h = step_w(c)->host[DST];
	AUTO(spot_clear) struct spot dir = spot_work(c, DST, "stage/instance");
	struct host_chown own = {.path = AT(dir),
				 .user = m->dst.nova_user,
				 .group = m->dst.nova_group};

	for (size_t i = 0; i < m->nfiles; i++) {
		const struct move_file *f = &m->files[i];
		AUTO(spot_clear) struct spot p = spot_parked(c, DST, f);

		if (f->rebase && rebase(c, f, e))
			return -1;
		if (give_owner(h, AT(p), f, e))
			return err_wrap(e, "%s", f->rel);
	}
	if (host_chown(h, &own, e) ||
	    host_chmod(h, &(struct host_chmod){AT(dir), 0755}, e))
		return -1;
	if (host_fsync(h, &(struct host_fsync){AT(dir), true}, e))
		return -1;
	return record_installed(c, e);
}

static int move_extras(struct step_ctx *c, bool back, struct err *e)
{
	const struct move *m = step_m(c);
	struct host *h = step_w(c)->host[DST];

	for (size_t i = 0; i < m->nfiles; i++) {
		const struct move_file *f = &m->files[i];
		AUTO(spot_clear) struct spot a = spot_armed(m, DST, f);
		AUTO(spot_clear) struct spot p = spot_parked(c, DST, f);
		const struct spot *from = back ? &a : &p;
		const struct spot *to = back ? &p : &a;
		enum host_type t;

		if (f->root == MOVE_INSTANCE)
			continue;
		if (exists(h, AT(*from), &t, e))
			return -1;
		if (back && t == HOST_NONE)
			continue;
		if (make_parent(h, AT(*to), 0711, e) ||
		    stow(h, AT(*from), AT(*to), e))
			return -1;
		if (!back && give_owner(h, AT(*to), f, e))
			return -1;
	}
	return 0;
}

/* NVRAM and vTPM state lie where others' do: what is there is not ours. */
static int extras_free(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	for (size_t i = 0; i < m->nfiles; i++) {
		AUTO(spot_clear)
		struct spot a = spot_armed(m, DST, &m->files[i]);
		enum host_type t;

		if (m->files[i].root == MOVE_INSTANCE)
			continue;
		if (exists(step_w(c)->host[DST], AT(a), &t, e))
			return -1;
		if (t != HOST_NONE)
			return err_set(e, ERR_CONFLICT,
				       "%s has a file %s/%s that is not ours",
				       m->dst.host, a.root, a.rel);
	}
	return 0;
}

/* libvirt makes the directory of all vTPMs with the first one that it starts.
 * Its rights are libvirt's, and it stays. */
static int tpm_home(struct step_ctx *c, struct err *e)
{
	AUTO(spot_clear) struct spot d = spot_tpm(step_m(c), DST);
	const char *slash = d.root ? strrchr(d.root, '/') : NULL;
	AUTO(mem_freep) char *parent = NULL;
	struct host_mkdir dir = {.mode = 0711, .parents = true};

	if (!slash || slash == d.root)
		return 0;
	parent = mem_strndup(d.root, (size_t)(slash - d.root));
	dir.path = HOST_PATH(parent, slash + 1);
	return host_mkdir(step_w(c)->host[DST], &dir, e);
}

/* Whether the vTPM's directory was there says whether undo removes it. */
static int record_intent(struct step_ctx *c, struct err *e)
{
	AUTO(spot_clear) struct spot d = spot_tpm(step_m(c), DST);
	enum host_type t = HOST_NONE;

	if (step_recall(c, "intent"))
		return 0;
	if (tpm_home(c, e) || extras_free(c, e))
		return -1;
	if (d.root && exists(step_w(c)->host[DST], AT(d), &t, e))
		return -1;
	if (step_record_once(c, "tpm_dir", json_boolean(t != HOST_NONE), e))
		return -1;
	return step_record_once(c, "intent", json_string("place"), e);
}

static int place(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct host *h = step_w(c)->host[DST];
	AUTO(spot_clear) struct spot from = spot_work(c, DST, "stage/instance");
	AUTO(spot_clear) struct spot to = spot_instance(m, DST);

	if (move_extras(c, false, e))
		return -1;
	if (host_rename(h,
			&(struct host_rename){.from = AT(from), .to = AT(to)},
			e))
		return err_wrap(e, "installing %s on %s", m->uuid, m->dst.host);
	return 0;
}

static int where(struct step_ctx *c, enum host_type *staged,
		 enum host_type *placed, struct err *e)
{
	struct host *h = need_host(step_w(c), DST, e);
	AUTO(spot_clear) struct spot s = spot_work(c, DST, "stage/instance");
	AUTO(spot_clear) struct spot p = spot_instance(step_m(c), DST);

	return !h || exists(h, AT(s), staged, e) || exists(h, AT(p), placed, e)
		       ? -1
		       : 0;
}

static int run(struct step_ctx *c, struct err *e)
{
	enum host_type staged, placed;

	if (claim_holds(c, e) || where(c, &staged, &placed, e))
		return -1;
	if (placed != HOST_NONE && staged == HOST_NONE &&
	    step_recall(c, "intent"))
		return 0; /* an earlier run got that far */
	/* Taken back once and asked for again: Nova may have put an empty one
	 * there in between. */
	if (placed == HOST_DIR && step_recall(c, "intent")) {
		if (clear_stray(c, DST, e))
			return -1;
		placed = HOST_NONE;
	}
	if (placed != HOST_NONE)
		return err_set(e, ERR_CONFLICT,
			       "%s has a directory %s that is not ours",
			       step_m(c)->dst.host, step_m(c)->uuid);
	if (prepare(c, e) || record_intent(c, e))
		return -1;
	if (place(c, e))
		return -1;
	return bases_refresh(c, DST, e);
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	enum host_type staged, placed;

	*state = STEP_PARTIAL;
	if (dst_given_up(c))
		return 0;
	if (where(c, &staged, &placed, e))
		return -1;
	*state = staged == HOST_NONE && placed == HOST_DIR ? STEP_DONE
							   : STEP_PARTIAL;
	return 0;
}

/* Also what takes the target's power before the inverse of the rewrite: see
 * step_rewrite.c.  Proves that nothing runs there, before and after. */
int install_take_back(struct step_ctx *c, struct err *e)
{
	struct host *h = need_host(step_w(c), DST, e);
	AUTO(spot_clear) struct spot from = spot_instance(step_m(c), DST);
	AUTO(spot_clear) struct spot to = spot_work(c, DST, "stage/instance");
	enum host_type staged, placed;

	if (!h || where(c, &staged, &placed, e))
		return -1;
	if (!step_recall_of(c, "install", "intent"))
		return 0;
	if (prove_side(c, DST, e))
		return -1;
	if (placed == HOST_DIR && staged == HOST_NONE &&
	    host_rename(h,
			&(struct host_rename){.from = AT(from), .to = AT(to)},
			e))
		return -1;
	if (placed == HOST_DIR && staged != HOST_NONE && clear_stray(c, DST, e))
		return -1;
	if (install_extras_back(c, e))
		return -1;
	return prove_side(c, DST, e);
}

int install_extras_back(struct step_ctx *c, struct err *e)
{
	if (move_extras(c, true, e))
		return -1;
	if (!json_is_false(step_recall_of(c, "install", "tpm_dir")))
		return 0;
	return drop_tpm_dirs(c, DST, e);
}

int install_put_back(struct step_ctx *c, struct err *e)
{
	return clear_stray(c, DST, e) ? -1 : place(c, e);
}

/*
 * States: nothing placed; NVRAM or vTPM placed; all placed; all taken back
 * already by the undo of the rewrite.
 */
static int undo(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);

	if (dst_given_up(c)) {
		step_say(c,
			 "%s does not answer and may keep a directory %s%s, "
			 "which its Nova does not own; novahaul audit --fix %s "
			 "sweeps it when the host is back",
			 m->dst.host, m->uuid,
			 has_extras(m) ? " and NVRAM or vTPM files" : "",
			 m->dst.host);
		return 0;
	}
	if (define_left(c))
		return 0;
	return install_take_back(c, e);
}

const struct step step_install = {
	.name = "install",
	.summary = "put the verified files in place on the target",
	.mutates = true,
	.probe = probe,
	.run = run,
	.undo = undo,
};
