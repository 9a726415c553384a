/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <string.h>

#include "db/db.h"

static void t_token(void **state)
{
	static const char *const bad[] = {
		"",
		"novahaul",
		"novahaul j-1",
		"novahaul j-1 0",
		"novahaul j-1 -1",
		"novahaul j-1 1x",
		"novahaul  1",
		"Novahaul j-1 1",
		"novahaul j-1 01",
		"novahaul j-1 1 ",
		"maintenance",
		"novahaul j 99999999999999999999",
	};
	struct db_lease by = {.uuid = "u", .job = "j-1", .epoch = 7};
	char v[DB_TOKEN_MAX], job[DB_TOKEN_MAX];
	unsigned epoch = 0;

	(void)state;
	db_token(&by, v);
	assert_string_equal(v, "novahaul j-1 7");
	assert_true(db_token_parse(v, job, &epoch));
	assert_string_equal(job, "j-1");
	assert_int_equal(epoch, 7);
	assert_false(db_token_parse(NULL, job, &epoch));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(db_token_parse(bad[i], job, &epoch));
}

static void t_secret(void **state)
{
	static const char *const no[] = {
		"{\"driver_volume_type\": \"nfs\", \"data\": {\"export\": "
		"\"s:/e\", \"options\": null}}",
		"{\"data\": {\"secret_uuid\": \"u\", \"secret_type\": "
		"\"ceph\", \"keyring\": null, \"auth_username\": \"c\"}}",
		"{\"data\": {\"auth_password\": \"\", \"keyring\": null}}",
	};
	static const char *const yes[] = {
		"{\"data\": {\"auth_password\": \"x\"}}",
		"{\"data\": {\"DISCOVERY_AUTH_PASSWORD\": \"x\"}}",
		"{\"data\": {\"keyring\": \"[client.c]\"}}",
		"{\"data\": {\"a\": [{\"token\": \"x\"}]}}",
		"{\"data\": {\"client_secret\": {\"a\": 1}}}",
		"(dp1",
		"",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(db_info_secret(no[i]));
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(db_info_secret(yes[i]));
}

static void t_migration(void **state)
{
	struct db_migration m = {.status = (char *)"accepted",
				 .type = (char *)"evacuation",
				 .source_compute = (char *)"c1"};

	(void)state;
	assert_true(db_migration_in_flight(&m));
	assert_true(db_migration_arms(&m, "c1"));
	assert_false(db_migration_arms(&m, "c2"));
	m.deleted = true; /* no longer ours, still read by Pike+ */
	assert_false(db_migration_in_flight(&m));
	assert_true(db_migration_arms(&m, "c1"));
	m.deleted = false;
	m.status = (char *)"done";
	assert_false(db_migration_in_flight(&m));
	assert_true(db_migration_arms(&m, "c1"));
	m.status = (char *)"completed";
	assert_false(db_migration_arms(&m, "c1"));
	m.type = NULL; /* before Liberty */
	m.status = (char *)"finished";
	assert_true(db_migration_in_flight(&m));
	assert_false(db_migration_arms(&m, "c1"));
}

static void t_clear_zeroed(void **state)
{
	struct db_server s = {0};
	struct db_host h = {0};
	struct db_schema sc = {0};
	struct db_claim_before c = {0};
	struct db_rewrite_before r = {0};
	struct db db = {0};

	(void)state;
	db_server_clear(&s);
	db_host_clear(&h);
	db_schema_clear(&sc);
	db_claim_before_clear(&c);
	db_rewrite_before_clear(&r);
	db_close(&db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(t_token),
		cmocka_unit_test(t_secret),
		cmocka_unit_test(t_migration),
		cmocka_unit_test(t_clear_zeroed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
