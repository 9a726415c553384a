/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/small.h"

int small_digest(const void *p, size_t n, char text[DIGEST_TEXT_MAX],
		 struct err *e)
{
	AUTO(digest_freep) struct digest *d = digest_new(n);
	struct digest_run *run;
	uint8_t sum[DIGEST_LEN];

	if (n) {
		run = digest_run_new();
		digest_run_data(run, p, n);
		digest_run_end(run, sum);
		digest_run_free(run);
		digest_set(d, 0, sum);
	}
	return digest_text(d, text, e);
}
