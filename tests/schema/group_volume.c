/* SPDX-License-Identifier: Apache-2.0 */
/* Transaction C on Cinder's own schema: there, back, guards, lost COMMITs. */
#include "schema/world.h"

#include <stdlib.h>

#include "core/clock.h"
#include "db/voldb.h"
#include "schema/proxy.h"

#define V1 "b1111111-1111-4111-8111-111111111111"
#define A1 "a1a11111-1111-4111-8111-111111111111"
#define T0 "2026-11-21 06:00:00"
#define SECRET "the-key-of-it"

enum { LATE_MS = 400 };

static struct voldb *vol;
static unsigned proxied;
static const struct db_config config = {.io_timeout_s = 30, .lock_wait_s = 3};
static const struct voldb_want want = {
	.volume = V1,
	.instance = U1,
	.connector = "{\"host\": \"" H34 "\", \"ip\": \"10.0.0.34\"}",
	.mode = "rw"};

void world_seed_volume(void)
{
	row("cinder", "volumes", "id", V1, "status", "in-use", "attach_status",
	    "attached", "deleted", "0", "multiattach", "0", "host", "c@nfs#nfs",
	    "volume_type_id", "t", "updated_at", T0, NULL);
	row("cinder", "volume_attachment", "id", A1, "volume_id", V1,
	    "attached_host", H30, "instance_uuid", U1, "mountpoint", "/dev/vdb",
	    "attach_mode", "rw", "attach_status", "attached", "deleted", "0",
	    "created_at", T0, "updated_at", T0, "connection_info",
	    "{\"driver_volume_type\": \"nfs\", \"export\": \"s:/e\", "
	    "\"secret\": \"" SECRET "\", \"attachment_id\": \"" A1 "\"}",
	    "connector", "{\"host\": \"" H30 "\"}", NULL);
}

static int open_vol(const char *name, unsigned port, struct voldb **out,
		    struct err *e)
{
	AUTO(mem_freep) char *url = world_url("nova", PASSWORD, name, port);

	return voldb_open(url, &config, out, e);
}

static int up(void **state)
{
	(void)state;
	world_reset();
	ok(open_vol("cinder", 0, &vol, &e));
	return 0;
}

static int down(void **state)
{
	(void)state;
	voldb_close(vol);
	vol = NULL;
	return 0;
}

static int up_proxy(void **state)
{
	(void)state;
	world_reset();
	proxied = proxy_start(getenv("NH_SCHEMA_SOCKET"));
	ok(open_vol("cinder", proxied, &vol, &e));
	return 0;
}

static int down_proxy(void **state)
{
	down(state);
	proxy_stop();
	return 0;
}

static void t_which(void **state)
{
	struct voldb *v;

	(void)state;
	assert_true(voldb_verified(vol));
	assert_non_null(strstr(voldb_name(vol), "revision c92a3e68beed"));
	ok(voldb_rights(vol, &e));
	fails(open_vol("nova", 0, &v, &e), ERR_REFUSED, "not verified");
	sql("UPDATE cinder.alembic_version SET version_num = 'x'");
	ok(open_vol("cinder", 0, &v, &e));
	assert_false(voldb_verified(v));
	voldb_close(v);
	sql("UPDATE cinder.alembic_version SET version_num = 'c92a3e68beed'");
}

static void volume_is(size_t n, const char *host, const char *status)
{
	struct voldb_volume v;

	ok(voldb_read(vol, V1, &v, &e));
	assert_string_equal(v.status, "in-use");
	assert_int_equal(v.n, n);
	assert_string_equal(v.v[n - 1].host, host);
	assert_string_equal(v.v[n - 1].status, status);
	voldb_volume_clear(&v);
}

static void t_swap(void **state)
{
	static const char *const made[] = {"~volumes#" V1 ".updated_at",
					   "+volume_attachment#*", NULL};
	static const char *const gone[] = {
		"?~volumes#" V1 ".updated_at",
		"~volume_attachment#" A1 ".deleted",
		"~volume_attachment#" A1 ".deleted_at",
		"~volume_attachment#" A1 ".detach_time",
		"~volume_attachment#" A1 ".updated_at",
		"~volume_attachment#" A1 ".attach_status",
		NULL};
	AUTO(strv_clear) struct strv before = STRV_INIT;
	struct voldb_attachment a;

	(void)state;
	snap_take(&before);
	ok(voldb_make(vol, &want, &a, &e));
	snap_changed(&before, made);
	volume_is(2, H34, "attaching");
	assert_non_null(strstr(a.info, a.id));
	assert_null(strstr(a.info, A1));
	assert_non_null(strstr(a.info, "\"export\": \"s:/e\""));
	/* not before it is complete: it would be the only one */
	fails(voldb_drop(vol, A1, U1, &e), ERR_CONFLICT, "the only one");
	ok(voldb_complete(vol, a.id, U1, &e));
	ok(voldb_complete(vol, a.id, U1, &e));
	volume_is(2, H34, "attached");
	fails(voldb_drop(vol, A1, U2, &e), ERR_CONFLICT, "the only one");
	snap_take(&before);
	ok(voldb_drop(vol, A1, U1, &e));
	snap_changed(&before, gone);
	volume_is(1, H34, "attached");
	ok(voldb_drop(vol, A1, U1, &e));
	fails(voldb_drop(vol, a.id, U1, &e), ERR_CONFLICT, "the only one");
	fails(voldb_complete(vol, A1, U1, &e), ERR_CONFLICT, "is gone");
	voldb_attachment_clear(&a);
}

static void refused(const char *rows, const char *part)
{
	static const char *const nothing[] = {NULL};
	AUTO(strv_clear) struct strv before = STRV_INIT;
	struct voldb_attachment a;
	struct err e = ERR_INIT;

	world_reset();
	sql("%s", rows);
	snap_take(&before);
	assert_int_equal(voldb_make(vol, &want, &a, &e), -1);
	if (!strstr(err_msg(&e), part) || strstr(err_msg(&e), SECRET))
		fail_msg("%s (wanted %s)", err_msg(&e), part);
	err_clear(&e);
	snap_changed(&before, nothing);
}

static void t_guards(void **state)
{
	(void)state;
	refused("UPDATE cinder.volumes SET status = 'detaching'",
		"not attached any more");
	refused("UPDATE cinder.volumes SET deleted = 1",
		"not attached any more");
	refused("UPDATE cinder.volumes SET multiattach = 1", "alone");
	refused("UPDATE cinder.volume_attachment SET instance_uuid = '" U2 "'",
		"alone");
	refused("UPDATE cinder.volume_attachment SET attach_status = "
		"'detaching'",
		"alone");
	refused("UPDATE cinder.volume_attachment SET connection_info = '" SECRET
		"'",
		"not JSON");
}

/* Each way of losing a COMMIT, for what is made and for what is removed. */
static void lose(enum spoil how, bool applied)
{
	struct voldb_attachment a;

	world_reset();
	proxy_spoil(how, LATE_MS);
	if (applied) {
		ok(voldb_make(vol, &want, &a, &e));
		voldb_attachment_clear(&a);
	} else {
		fails(voldb_make(vol, &want, &a, &e), ERR_CONFLICT,
		      "nothing was changed");
	}
	for (int n = 0; n < 200 && !proxy_spoilt(); n++)
		clock_sleep_us(10000);
	assert_true(proxy_spoilt());
	down(NULL);
	ok(open_vol("cinder", proxied, &vol, &e));
	volume_is(applied ? 2 : 1, applied ? H34 : H30,
		  applied ? "attaching" : "attached");
	sql("UPDATE cinder.volume_attachment SET attach_status = 'attached'");
	if (!applied)
		return;
	proxy_spoil(how, LATE_MS);
	ok(voldb_drop(vol, A1, U1, &e));
	for (int n = 0; n < 200 && !proxy_spoilt(); n++)
		clock_sleep_us(10000);
	down(NULL);
	ok(open_vol("cinder", proxied, &vol, &e));
	volume_is(1, H34, "attached");
}

static void t_lost(void **state)
{
	(void)state;
	lose(SPOIL_BEFORE, false);
	lose(SPOIL_DURING, true);
	lose(SPOIL_AFTER, true);
	lose(SPOIL_LATE, true);
	lose(SPOIL_NEVER, false);
}

int group_volume(size_t *run)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_which, up, down),
		cmocka_unit_test_setup_teardown(t_swap, up, down),
		cmocka_unit_test_setup_teardown(t_guards, up, down),
		cmocka_unit_test_setup_teardown(t_lost, up_proxy, down_proxy),
	};

	*run += ARRAY_SIZE(tests);
	return cmocka_run_group_tests_name(world.release, tests, NULL, NULL);
}
