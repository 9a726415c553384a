/* SPDX-License-Identifier: Apache-2.0 */
/* rescue: the proof, what speaks against it, and what is there. */
#include "cli/app_priv.h"
#include "engine/fence.h"
#include "facts/facts.h"

int app_proven(const struct app *a, const char *host, unsigned max_age_s,
	       struct fence_proof *proof, struct err *e)
{
	struct journal *j = app_journal(a, e);
	int rc = j ? fence_require(j, host, max_age_s, proof, e) : -1;

	journal_close(j);
	return rc;
}

int app_fenced(struct app *a, const struct app_dead *d,
	       struct fence_proof *proof, struct err *e)
{
	return app_proven(a, d->from, d->fence_max_age, proof, e);
}

static int seen_since(const struct facts *f, const struct fence_proof *proof,
		      struct err *e)
{
	const struct fact_host *h = &f->host[SRC_HOST];

	return h->db_err.kind == ERR_NONE
		       ? fence_seen(proof, h->name, h->db.seen_age_s, e)
		       : 0;
}

static int not_written(const struct facts *f, const struct fence_proof *proof,
		       struct err *e)
{
	for (size_t i = 0; i < f->n_files; i++) {
		const struct fact_file *q = &f->files[i];
		AUTO(mem_freep)
		char *path = mem_printf("%s/%s", q->root, q->rel);

		if (fence_written(proof, f->host[SRC_HOST].name, path,
				  q->st.mtime_ns / 1000, e))
			return err_wrap(e, "instance %s", f->srv.inst.uuid);
	}
	return 0;
}

/* Its disks say that somebody runs it: no proof stands against that. */
static int at_rest(const struct facts *f, const struct fence_proof *proof,
		   struct err *e)
{
	const char *host = f->host[SRC_HOST].name;

	if (!f->open_file)
		return not_written(f, proof, e);
	err_set(e, ERR_FENCE,
		"instance %s of %s: a QEMU has %s open, seen on %s: somebody "
		"runs it",
		f->srv.inst.uuid, host, f->open_file, f->disks);
	return err_hint(e,
			"find who does, and switch %s off for certain; then "
			"novahaul fence %s",
			host, host);
}

int app_still_off(const struct facts *f, const struct fence_proof *proof,
		  struct err *e)
{
	return seen_since(f, proof, e) || at_rest(f, proof, e) ? -1 : 0;
}

int app_inventory(struct app *a, const struct app_dead *d, json_t **report,
		  struct err *e)
{
	if (!a->ops->inventory(a, d, report, e))
		return 0;
	err_wrap(e, "the disks of %s", d->from);
	return e->hint ? -1
		       : err_hint(
				 e,
				 "novahaul rescue %s --disks HOST:/PATH --list,"
				 " where HOST sees its _base and its "
				 "instances' directories in /PATH",
				 d->from);
}
