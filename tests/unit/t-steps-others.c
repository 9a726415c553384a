/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a job makes of what others do to its instance meanwhile: a COMMIT that
 * lands late, a lock that an administrator lifts, a server that is deleted, a
 * source that is gone.
 */
#include "unit/steps-lab.h"

/* ---- a claim whose COMMIT lands after the rollback */

static int sent_and_killed(struct db *db, const struct db_claim *c,
			   struct err *e)
{
	(void)db;
	t.fw->pending = (struct fake_tx){.kind = TX_CLAIM,
					 .epoch = c->by.epoch,
					 .id = ++t.fw->tx_ids,
					 .sender = CRASH_TOKENS};
	strcpy(t.fw->pending.job, c->by.job);
	strcpy(t.fw->pending.host, c->at.host);
	strcpy(t.fw->pending.vm_from, c->vm_state);
	return err_set(e, ERR_INTERRUPTED, "killed at COMMIT");
}

static void t_late_claim(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 8; seed++) {
		begin((struct fake_options){.running = true, .start = true});
		crash_shm->rnd = seed;
		t.db.claim = sent_and_killed;
		forward(TXN_OPEN);
		assert_int_equal(other(true), TXN_ROLLED_BACK);
		fake_db_land(t.fw);
		assert_false(t.fw->row.locked);
		assert_string_equal(t.fw->row.reason, "");
		end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_late_claim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
