/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes in a move: attached to the target in Cinder before the database says
 * so, and to the source no more afterwards; whatever is lost, refused or late.
 */
#include "unit/steps-lab.h"

#include "steps/volumes.h"

static const struct fake_options guest = {
	.running = true, .start = true, .cloud = true, .volumes = 2};

static int calls;

static void assert_on(enum side s)
{
	AUTO(buf_clear) struct buf why = BUF_INIT;

	if (!fake_volumes_at(t.fw, s, &why))
		fail_msg("%s", buf_str(&why));
}

/* As assert_on(), at any moment: nobody else may have them. */
static void assert_held(void)
{
	AUTO(buf_clear) struct buf why = BUF_INIT;

	fake_volumes_promise(t.fw, &why);
	if (why.len)
		fail_msg("%s", buf_str(&why));
}

/* The very attachments, and the very text, of before. */
static void assert_untouched(void)
{
	assert_on(SRC);
	assert_string_equal(t.fw->row.bdm[0].attachment, "att-1");
	assert_string_equal(t.fw->row.bdm[1].attachment, "att-2");
	assert_string_equal(t.fw->row.bdm[1].info,
			    "{\"data\": {\"export\": \"s:/e\"}, \"n\": 1}");
}

static void t_there(void **state)
{
	(void)state;
	begin(guest);
	forward(TXN_DONE);
	assert_on(DST);
	assert_true(t.fw->h[DST].dom.running);
	end();
}

/* ---- what Nova keeps of Cinder's answer */

static void t_info(void **state)
{
	struct volume_att a = {.id = (char *)"att-9",
			       .instance = (char *)"i",
			       .status = (char *)"attaching"};
	struct err e = ERR_INIT;
	AUTO(mem_freep) char *got = NULL;

	(void)state;
	assert_null(volume_info(&a, "v", NULL, &e));
	err_clear(&e);
	a.connection = (char *)"{\"export\": \"s:/e\", \"options\": null, "
			       "\"driver_volume_type\": \"nfs\", "
			       "\"attachment_id\": \"att-9\"}";
	got = volume_info(&a, "v", NULL, &e);
	assert_string_equal(got,
			    "{\"driver_volume_type\": \"nfs\", \"data\": "
			    "{\"export\": \"s:/e\", \"options\": null}, "
			    "\"status\": \"attaching\", \"instance\": \"i\", "
			    "\"attached_at\": \"\", \"detached_at\": \"\", "
			    "\"volume_id\": \"v\", \"serial\": \"v\"}");
	mem_freep(&got);
	got = volume_info(&a, "v", "{\"data\": {\"device_path\": \"/m/v\"}}",
			  &e);
	assert_non_null(strstr(got, "\"options\": null, \"device_path\": "
				    "\"/m/v\"}, \"status\""));
}

/* md5 of "10.79.0.1:/var/tmp/nhc-a/volumes", as a Nova named it. */
static void t_mount(void **state)
{
#define MNT "/var/lib/nova/mnt/652155cc4644a9f34e802d67d9f3717e"
	static const char ok[] =
		"{\"data\": {\"export\": \"10.79.0.1:/var/tmp/nhc-a/volumes\", "
		"\"device_path\": \"" MNT "/volume-1\"}}";
	static const char *const not [] = {
		"{\"data\": {\"export\": \"10.79.0.1:/other\", "
		"\"device_path\": \"" MNT "/volume-1\"}}",
		"{\"data\": {\"export\": \"s:/e\", \"device_path\": "
		"\"/volume-1\"}}",
		"{\"data\": {\"export\": \"s:/e\"}}",
		"{\"data\": {\"device_path\": \"" MNT "/volume-1\"}}",
		"?",
	};
	AUTO(mem_freep) char *dir = NULL;
	AUTO(mem_freep) char *share = NULL;

	(void)state;
	assert_true(volume_mount(ok, &dir, &share));
	assert_string_equal(dir, MNT);
	assert_string_equal(share, "10.79.0.1:/var/tmp/nhc-a/volumes");
	for (size_t i = 0; i < ARRAY_SIZE(not ); i++)
		assert_false(volume_mount(not [i], &dir, &share));
}

/* ---- lost answers */

static int lost_make(void *self, const struct volume_want *w,
		     struct volume_att *out, struct err *e)
{
	if (fake_volume_ops.make(self, w, out, e))
		return -1;
	if (calls++ != 1)
		return 0;
	volume_att_clear(out);
	return err_set(e, ERR_LOST, "cut");
}

static int lost_complete(void *self, const char *id, struct err *e)
{
	if (fake_volume_ops.complete(self, id, e))
		return -1;
	return calls++ == 1 ? err_set(e, ERR_LOST, "cut") : 0;
}

static int lost_drop(void *self, const char *id, struct err *e)
{
	if (fake_volume_ops.drop(self, id, e))
		return -1;
	return calls++ == 1 ? err_set(e, ERR_LOST, "cut") : 0;
}

static void t_lost(void **state)
{
	(void)state;
	for (int k = 0; k < 3; k++) {
		begin(guest);
		calls = 0;
		if (k == 0)
			t.w.volumes.make = lost_make;
		else if (k == 1)
			t.w.volumes.complete = lost_complete;
		else
			t.w.volumes.drop = lost_drop;
		forward(TXN_DONE);
		assert_true(calls > 1);
		assert_on(DST);
		end();
	}
}

/* ---- cut in between, then forward or back */

static int stop_at = -1;

static int cut_make(void *self, const struct volume_want *w,
		    struct volume_att *out, struct err *e)
{
	assert_held();
	if (calls++ == stop_at)
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	return fake_volume_ops.make(self, w, out, e);
}

static int cut_complete(void *self, const char *id, struct err *e)
{
	assert_held();
	if (calls++ == stop_at)
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	return fake_volume_ops.complete(self, id, e);
}

static int cut_drop(void *self, const char *id, struct err *e)
{
	assert_held();
	if (calls++ == stop_at)
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	return fake_volume_ops.drop(self, id, e);
}

static void cut_begin(int at)
{
	begin(guest);
	calls = 0;
	stop_at = at;
	t.w.volumes.make = cut_make;
	t.w.volumes.complete = cut_complete;
	t.w.volumes.drop = cut_drop;
	forward(TXN_OPEN);
	stop_at = -1;
}

/* make make, complete drop, complete drop */
enum { CALLS = 6 };

static void t_cut_forward(void **state)
{
	(void)state;
	for (int at = 0; at < CALLS; at++) {
		cut_begin(at);
		assert_int_equal(txn_resume(&t.env, t.id, &t.e), TXN_DONE);
		assert_on(DST);
		end();
	}
}

static void t_cut_back(void **state)
{
	(void)state;
	for (int at = 0; at < CALLS; at++) {
		cut_begin(at);
		back(TXN_ROLLED_BACK);
		assert_on(SRC);
		assert_true(t.fw->h[SRC].dom.running);
		/* before anything was to be removed, nothing is new */
		if (at <= 2)
			assert_untouched();
		end();
	}
}

/* The way back is cut as well, at each of its calls. */
static void t_cut_twice(void **state)
{
	(void)state;
	for (int at = 0; at < 2 * CALLS; at++) {
		cut_begin(CALLS - 1);
		stop_at = calls + at;
		t.w.backward = true;
		if (txn_rollback(&t.env, t.id, &t.e) == TXN_OPEN) {
			err_clear(&t.e);
			stop_at = -1;
			back(TXN_ROLLED_BACK);
		}
		assert_on(SRC);
		end();
	}
}

/* ---- a controller that wakes up late */

static void overtaken(void)
{
	snprintf(t.fw->row.reason, sizeof(t.fw->row.reason),
		 "novahaul j-another 99");
}

/* Its question was asked before, its request comes afterwards: what it has made
 * it removes. */
static int late_make(void *self, const struct volume_want *w,
		     struct volume_att *out, struct err *e)
{
	overtaken();
	calls++;
	return fake_volume_ops.make(self, w, out, e);
}

static void t_late_make(void **state)
{
	(void)state;
	begin(guest);
	calls = 0;
	t.w.volumes.make = late_make;
	forward(TXN_LOCKED);
	assert_int_equal(calls, 1);
	assert_untouched();
	end();
}

/* What it has made is journalled, and only then it learns that it was
 * overtaken: the other one goes on with it. */
static int late_mirror(void *world, const char *json, struct err *e)
{
	if (calls || !strstr(json, "new " FAKE_VOLUME "1"))
		return world_mirror(world, json, e);
	calls++;
	return err_set(e, ERR_STALE, "a later epoch has it");
}

static void t_late_note(void **state)
{
	(void)state;
	begin(guest);
	calls = 0;
	t.env.mirror = late_mirror;
	forward(TXN_LOCKED);
	assert_int_equal(calls, 1);
	assert_non_null(fake_att(&t.fw->volumes[0], "att-3"));
	t.env.mirror = world_mirror;
	assert_int_equal(txn_resume(&t.env, t.id, &t.e), TXN_DONE);
	assert_on(DST);
	assert_string_equal(t.fw->row.bdm[0].attachment, "att-3");
	end();
}

/* It is about to remove the old one, and meanwhile all has gone back: Cinder
 * refuses, for the row names it again. */
static int late_drop(void *self, const char *id, struct err *e)
{
	int rc;

	if (calls++)
		return fake_volume_ops.drop(self, id, e);
	for (unsigned i = 0; i < 2; i++)
		fake_att_name(t.fw->row.bdm[i].attachment, i + 1);
	rc = fake_volume_ops.drop(self, id, e);
	assert_int_equal(rc, -1);
	assert_int_equal(e->kind, ERR_CONFLICT);
	e->kind = ERR_STALE;
	return -1;
}

static void t_late_drop(void **state)
{
	(void)state;
	begin(guest);
	calls = 0;
	t.w.volumes.drop = late_drop;
	forward(TXN_LOCKED);
	assert_int_equal(calls, 1);
	assert_held();
	end();
}

/* It was about to when it was cut, wakes when the way back has begun, and
 * removes it then: the way back must not count on it. */
static int waking(void *self, const struct volume_want *w,
		  struct volume_att *out, struct err *e)
{
	if (!calls++)
		assert_int_equal(fake_volume_ops.drop(self, "att-1", e), 0);
	return fake_volume_ops.make(self, w, out, e);
}

static void t_late_drop_back(void **state)
{
	(void)state;
	cut_begin(3);
	calls = 0;
	t.w.volumes.make = waking;
	back(TXN_ROLLED_BACK);
	assert_true(calls > 0);
	assert_on(SRC);
	end();
}

/* ---- others */

/* Nova's row names another attachment by now: nothing is to be swapped. */
static int attached_anew(struct db *db, const char *uuid, int64_t id,
			 struct db_connection *out, struct err *e)
{
	int rc = fake_db_ops.connection(db, uuid, id, out, e);

	mem_free(out->attachment_id);
	out->attachment_id = mem_strdup("att-77");
	return rc;
}

static int telling(struct db *db, const char *uuid, int64_t id,
		   struct db_connection *out, struct err *e)
{
	int rc = fake_db_ops.connection(db, uuid, id, out, e);

	mem_free(out->info);
	out->info = mem_strdup("{\"data\": {\"keyring\": \"hush\"}}");
	return rc;
}

static void t_not_ours(void **state)
{
	(void)state;
	begin(guest);
	t.db.connection = attached_anew;
	forward(TXN_ROLLED_BACK);
	assert_untouched();
	assert_true(t.fw->h[SRC].dom.running);
	end();
	begin(guest);
	t.db.connection = telling;
	forward(TXN_ROLLED_BACK);
	assert_untouched();
	end();
}

/* An attachment of another server's is nobody's to remove: the job waits. */
static void t_foreign(void **state)
{
	struct fake_att *a;

	(void)state;
	begin(guest);
	a = fake_att_new(t.fw, &t.fw->volumes[0], SRC);
	a->foreign = true;
	forward(TXN_OPEN);
	assert_true(a->n != 0);
	back(TXN_ROLLED_BACK);
	assert_true(a->n != 0);
	*a = (struct fake_att){0};
	assert_on(SRC);
	end();
}

static int refusing(void *self, const struct volume_want *w,
		    struct volume_att *out, struct err *e)
{
	if (calls++)
		return err_set(e, ERR_FAILED, "cinder: 400");
	return fake_volume_ops.make(self, w, out, e);
}

static int down(void *self, const char *volume, struct volume_view *out,
		struct err *e)
{
	(void)self;
	(void)volume;
	(void)out;
	return err_set(e, ERR_RETRY, "connection refused");
}

static int half(void *self, const char *id, struct err *e)
{
	(void)self;
	(void)id;
	return err_set(e, ERR_FAILED, "cinder: 500");
}

static void t_refused(void **state)
{
	(void)state;
	begin(guest);
	calls = 0;
	t.w.volumes.make = refusing;
	forward(TXN_ROLLED_BACK);
	assert_untouched();
	assert_true(t.fw->h[SRC].dom.running);
	end();
	/* Nothing was asked for: it does not keep the job from going back. */
	begin(guest);
	t.w.volumes.look = down;
	forward(TXN_ROLLED_BACK);
	assert_untouched();
	end();
	/* Past the commit the job waits for Cinder, either way. */
	begin(guest);
	t.w.volumes.complete = half;
	forward(TXN_OPEN);
	assert_held();
	assert_false(t.fw->h[DST].dom.running);
	t.w.volumes.complete = fake_volume_ops.complete;
	back(TXN_ROLLED_BACK);
	assert_untouched();
	end();
}

static void delete_server(void)
{
	for (size_t a = 0; fake_actors[a]; a++)
		if (strstr(fake_actors[a], "delete"))
			fake_act(t.fw, a);
	assert_true(t.fw->row.deleted);
}

/* The server is deleted in the middle: Nova lets go of what its row names, and
 * the job of the rest. */
static int deleting(void *self, const char *id, struct err *e)
{
	if (calls++ == 1)
		delete_server();
	return fake_volume_ops.complete(self, id, e);
}

static void t_deleted(void **state)
{
	(void)state;
	begin(guest);
	calls = 0;
	t.w.volumes.complete = deleting;
	forward(TXN_OPEN);
	err_clear(&t.e);
	assert_int_equal(other(false), TXN_ROLLED_BACK);
	assert_on(SRC);
	end();
}

/* Frozen with its request in hand: meanwhile the server is deleted, and another
 * controller has gone back and ended the job.  What is made then is nobody's.
 */
static int late_gone(void *self, const struct volume_want *w,
		     struct volume_att *out, struct err *e)
{
	struct world other_w = {0};
	struct txn_env env = t.env;
	struct err why = ERR_INIT;

	if (!calls++) {
		delete_server();
		env.world = &other_w;
		fake_open(&other_w, t.fw, true);
		assert_int_equal(txn_rollback(&env, t.id, &why),
				 TXN_ROLLED_BACK);
		fake_close(&other_w);
		err_clear(&why);
	}
	return fake_volume_ops.make(self, w, out, e);
}

static void t_late_gone(void **state)
{
	(void)state;
	begin(guest);
	calls = 0;
	t.w.volumes.make = late_gone;
	forward(TXN_LOCKED);
	assert_int_equal(calls, 1);
	for (size_t i = 0; i < FAKE_ATTS; i++)
		assert_int_equal(t.fw->volumes[0].att[i].n, 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_there),
		cmocka_unit_test(t_info),
		cmocka_unit_test(t_mount),
		cmocka_unit_test(t_lost),
		cmocka_unit_test(t_cut_forward),
		cmocka_unit_test(t_cut_back),
		cmocka_unit_test(t_cut_twice),
		cmocka_unit_test(t_late_make),
		cmocka_unit_test(t_late_gone),
		cmocka_unit_test(t_late_note),
		cmocka_unit_test(t_late_drop),
		cmocka_unit_test(t_late_drop_back),
		cmocka_unit_test(t_not_ours),
		cmocka_unit_test(t_foreign),
		cmocka_unit_test(t_refused),
		cmocka_unit_test(t_deleted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
