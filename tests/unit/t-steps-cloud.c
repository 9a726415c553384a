/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placement and Neutron in a move: what others change meanwhile, and what a
 * controller that wakes up late must not.
 */
#include "unit/steps-lab.h"

static const struct fake_options guest = {
	.running = true, .start = true, .cloud = true};

static int sends; /* requests that got as far as the service */

static void assert_at(enum side s)
{
	assert_true(t.fw->allocated[s]);
	assert_false(t.fw->allocated[s == SRC ? DST : SRC]);
	assert_string_equal(t.fw->bound, t.fw->h[s].name);
}

static const char *by; /* whose job: NULL, another's */

/* Another controller has taken over: the row has its token. */
static void overtaken(void)
{
	snprintf(t.fw->row.reason, sizeof(t.fw->row.reason), "novahaul %s 99",
		 by ? by : "j-another");
}

static void t_there(void **state)
{
	(void)state;
	begin(guest);
	forward(TXN_DONE);
	assert_at(DST);
	end();
}

/* ---- a controller is frozen between its claim and its request */

static int late_allocate(void *self, const struct move *m, enum side to,
			 const struct cloud_share *seen, struct err *e)
{
	if (!sends++) {
		overtaken();
		/* and has gone back, writing what was right already */
		t.fw->consumer++;
	}
	return fake_cloud_ops.allocate(self, m, to, seen, e);
}

static void t_late_allocations(void **state)
{
	(void)state;
	begin(guest);
	sends = 0;
	t.w.cloud.allocate = late_allocate;
	forward(TXN_LOCKED);
	assert_at(SRC);
	assert_int_equal(sends, 1);
	end();
}

/* Overtaken at any of its questions, it sends nothing: an answer that is newer
 * than the claim would be the new owner's. */
static int late_question(void *self, const struct move *m,
			 struct cloud_share *out, struct err *e)
{
	if (!--sends) {
		overtaken();
		t.fw->consumer++;
	}
	return fake_cloud_ops.allocated(self, m, out, e);
}

static void t_late_questions(void **state)
{
	(void)state;
	for (int k = 2; k <= 5; k++) {
		begin(guest);
		sends = k / 2;
		/* a later run of this very job, too */
		by = k & 1 ? t.id : NULL;
		t.w.cloud.allocated = late_question;
		forward(TXN_LOCKED);
		assert_true(sends <= 0);
		assert_at(SRC);
		end();
	}
	by = NULL;
}

static int late_bind(void *self, const char *port, const char *host,
		     const struct cloud_bind *seen, struct err *e)
{
	if (!sends++) {
		overtaken();
		t.fw->revision++;
	}
	return fake_cloud_ops.bind(self, port, host, seen, e);
}

static void t_late_ports(void **state)
{
	(void)state;
	begin(guest);
	sends = 0;
	t.w.cloud.bind = late_bind;
	forward(TXN_LOCKED);
	assert_string_equal(t.fw->bound, "compute-30");
	assert_int_equal(sends, 1);
	end();
}

/* ---- who goes back makes every older request an old one */

static int stopped_before(void *self, const struct move *m, enum side to,
			  const struct cloud_share *seen, struct err *e)
{
	(void)self;
	(void)m;
	(void)to;
	(void)seen;
	return err_set(e, ERR_INTERRUPTED, "interrupted");
}

static void t_back_writes(void **state)
{
	int64_t was;

	(void)state;
	begin(guest);
	t.w.cloud.allocate = stopped_before;
	forward(TXN_OPEN);
	was = t.fw->consumer;
	t.w.cloud.allocate = fake_cloud_ops.allocate;
	back(TXN_ROLLED_BACK);
	assert_at(SRC);
	assert_true(t.fw->consumer > was);
	end();
}

static int stopped_binding(void *self, const char *port, const char *host,
			   const struct cloud_bind *seen, struct err *e)
{
	(void)self;
	(void)port;
	(void)host;
	(void)seen;
	return err_set(e, ERR_INTERRUPTED, "interrupted");
}

static void t_back_binds(void **state)
{
	int64_t was;

	(void)state;
	begin(guest);
	t.w.cloud.bind = stopped_binding;
	forward(TXN_OPEN);
	was = t.fw->revision;
	t.w.cloud.bind = fake_cloud_ops.bind;
	back(TXN_ROLLED_BACK);
	assert_at(SRC);
	assert_true(t.fw->revision > was);
	end();
}

/* ---- others */

static int elsewhere(void *self, const struct move *m, struct cloud_share *out,
		     struct err *e)
{
	out->others = true;
	return fake_cloud_ops.allocated(self, m, out, e);
}

static int raced(void *self, const char *port, const char *host,
		 const struct cloud_bind *seen, struct err *e)
{
	/* its agent reports, three times: the version moves under us */
	if (sends++ < 3)
		t.fw->revision++;
	return fake_cloud_ops.bind(self, port, host, seen, e);
}

static void t_others(void **state)
{
	(void)state;
	begin(guest);
	t.w.cloud.allocated = elsewhere;
	forward(TXN_ROLLED_BACK);
	assert_at(SRC);
	assert_true(t.fw->h[SRC].dom.running);
	end();
	begin(guest);
	sends = 0;
	t.w.cloud.bind = raced;
	forward(TXN_DONE);
	assert_int_equal(sends, 4);
	assert_at(DST);
	end();
}

/* Somebody binds the port to a third host: not ours to change, either way. */
static int third(void *self, const char *port, const char *host,
		 const struct cloud_bind *seen, struct err *e)
{
	strcpy(t.fw->bound, "compute-99");
	t.fw->revision++;
	return fake_cloud_ops.bind(self, port, host, seen, e);
}

static void t_third(void **state)
{
	(void)state;
	begin(guest);
	t.w.cloud.bind = third;
	forward(TXN_OPEN);
	back(TXN_ROLLED_BACK);
	assert_string_equal(t.fw->bound, "compute-99");
	assert_true(t.fw->h[SRC].dom.running);
	assert_true(t.fw->allocated[SRC]);
	end();
}

/* ---- a service that does not answer */

static int no_placement(void *self, const struct move *m,
			struct cloud_share *out, struct err *e)
{
	(void)self;
	(void)m;
	(void)out;
	return err_set(e, ERR_RETRY, "connection refused");
}

static int no_neutron(void *self, const char *port, struct cloud_bind *out,
		      struct err *e)
{
	(void)self;
	(void)port;
	(void)out;
	return err_set(e, ERR_RETRY, "connection refused");
}

/* Before the commit the guest runs again where it was; past it the job waits
 * for the service, and either way is open. */
static void t_down(void **state)
{
	(void)state;
	begin(guest);
	t.w.cloud.allocated = no_placement;
	forward(TXN_ROLLED_BACK);
	assert_true(t.fw->h[SRC].dom.running);
	assert_at(SRC);
	end();
	begin(guest);
	t.w.cloud.bound = no_neutron;
	forward(TXN_OPEN);
	back(TXN_ROLLED_BACK);
	assert_true(t.fw->h[SRC].dom.running);
	assert_at(SRC);
	end();
	begin(guest);
	t.w.cloud.bound = no_neutron;
	forward(TXN_OPEN);
	t.w.cloud.bound = fake_cloud_ops.bound;
	assert_int_equal(txn_resume(&t.env, t.id, &t.e), TXN_DONE);
	assert_at(DST);
	end();
}

/* Neutron accepts a host that it cannot plug the port on. */
static int no_way(void *self, const char *port, struct cloud_bind *out,
		  struct err *e)
{
	int rc = fake_cloud_ops.bound(self, port, out, e);

	out->failed = out->host && !strcmp(out->host, "compute-34");
	return rc;
}

static void t_no_way(void **state)
{
	(void)state;
	begin(guest);
	t.w.cloud.bound = no_way;
	forward(TXN_OPEN);
	assert_false(t.fw->h[DST].dom.running);
	back(TXN_ROLLED_BACK);
	assert_at(SRC);
	assert_true(t.fw->h[SRC].dom.running);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_there),
		cmocka_unit_test(t_late_allocations),
		cmocka_unit_test(t_late_questions),
		cmocka_unit_test(t_late_ports),
		cmocka_unit_test(t_back_writes),
		cmocka_unit_test(t_back_binds),
		cmocka_unit_test(t_others),
		cmocka_unit_test(t_third),
		cmocka_unit_test(t_down),
		cmocka_unit_test(t_no_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
