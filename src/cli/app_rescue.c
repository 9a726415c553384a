/* SPDX-License-Identifier: Apache-2.0 */
/* rescue: the proof, and what is there. */
#include "cli/app_priv.h"
#include "engine/fence.h"

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
