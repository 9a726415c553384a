/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify-full: every byte of the kept and of the installed files is read again.
 *
 * final-copy digested what it read and read back what it wrote; this finds what
 * went wrong since, or in between: a disk or a controller that lies.
 */
#include <string.h>

#include "steps/util.h"

static int expect(struct step_ctx *c, enum side s, const struct move_file *f,
		  const char *want, struct err *e)
{
	AUTO(spot_clear)
	struct spot p =
		s == SRC ? spot_parked(c, s, f) : spot_armed(step_m(c), s, f);
	struct host *h = need_host(step_w(c), s, e);
	bool same;

	if (!h || has_digest(h, AT(p), want, true, &same, e))
		return -1;
	if (same)
		return 0;
	return err_set(e, ERR_FAILED, "%s: %s is not what was copied", h->name,
		       f->rel);
}

/* A dying disk's file was copied with holes: it is no file of the source's. */
static bool is_damaged(const struct step_ctx *c, const char *key)
{
	AUTO(mem_freep) char *note = mem_printf("bad %s", key);

	return step_recall_of(c, "final-copy", note) != NULL;
}

static int run(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	const json_t *copied = step_recall_of(c, "final-copy", "digests");
	const json_t *placed = step_recall_of(c, "install", "installed");

	for (size_t i = 0; i < m->nfiles; i++) {
		const struct move_file *f = &m->files[i];
		AUTO(mem_freep) char *key = file_key(f);
		const char *src =
			json_string_value(json_object_get(copied, key));
		const char *dst =
			json_string_value(json_object_get(placed, key));

		if (f->info) /* its keys differ */
			continue;
		if (step_checkpoint(c, e) ||
		    (!is_damaged(c, key) && !step_w(c)->off &&
		     expect(c, SRC, f, src, e)) ||
		    expect(c, DST, f, dst ? dst : src, e))
			return -1;
		step_progress(c, i + 1, m->nfiles, "files read again");
	}
	return 0;
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	(void)c;
	(void)e;
	*state = STEP_NOT_DONE;
	return 0;
}

const struct step step_verify_full = {
	.name = "verify-full",
	.summary = "read every byte of both copies again",
	.mutates = false,
	.probe = probe,
	.run = run,
};
