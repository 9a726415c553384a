/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One bandwidth limit over all members that copy, by what `novahaul limit` asks
 * of a job.  Those that get less are told first, so that the sum is kept; one
 * that begins to copy has had a cautious share of its own until then.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli/app_batch_priv.h"
#include "core/log.h"

enum { LEAST = 1024 };

uint64_t share_first(const struct run *r)
{
	size_t n = r->b->nmembers;
	uint64_t share;

	if (!r->bwlimit)
		return 0;
	if (r->limits.parallel && r->limits.parallel < n)
		n = r->limits.parallel;
	share = r->bwlimit / (n ? n : 1);
	return share < LEAST ? LEAST : share;
}

static void tell(struct run *r, struct kid *k, uint64_t share)
{
	struct err e = ERR_INIT;
	json_t *v = json_integer((json_int_t)share);
	AUTO(mem_freep)
	char *say = share ? mem_printf("its share of the batch's limit: "
				       "%" PRIu64 " bytes/s",
				       share)
			  : mem_strdup("not limited from now on");

	/* One that is over by now needs no share. */
	if (journal_ask(r->j, k->job,
			&(struct journal_asked){
				.key = "bwlimit", .value = v, .text = say},
			&e))
		log_info("job %s: %s", k->job, err_msg(&e));
	else
		k->share = share;
	json_decref(v);
	err_clear(&e);
}

void share_out(struct run *r)
{
	uint64_t n = 0, share;

	for (size_t i = 0; i < r->b->nmembers; i++)
		n += r->kids[i].alive && r->kids[i].copies;
	if (!n)
		return;
	share = r->bwlimit / n;
	if (r->bwlimit && share < LEAST)
		share = LEAST;
	for (int lower = 1; lower >= 0; lower--)
		for (size_t i = 0; i < r->b->nmembers; i++) {
			struct kid *k = &r->kids[i];

			if (!k->alive || !k->copies || !*k->job ||
			    k->share == share)
				continue;
			/* 0 is no limit: the most there is. */
			if ((share && (!k->share || share < k->share)) ==
			    (bool)lower)
				tell(r, k, share);
		}
}
