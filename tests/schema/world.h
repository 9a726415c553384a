/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Nova database of one release, seeded, on the server that tests/schema/run
 * has started.
 *
 *	world_load("zed", dir);			schema of a release
 *	world_reset();				its rows, as new
 *	snap_take(&before); ...act...; snap_take(&after);
 *	snap_diff(&before, &after, &changes);	"~instances#1.host", ...
 */
#ifndef NH_TESTS_SCHEMA_WORLD_H
#define NH_TESTS_SCHEMA_WORLD_H

#include "unit/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "db/db_priv.h"

#define U1 "11111111-1111-4111-8111-111111111111"  /* moves */
#define U2 "22222222-2222-4222-8222-222222222222"  /* its neighbour */
#define U3 "33333333-3333-4333-8333-333333333333"  /* same name as U2 */
#define U90 "90909090-9090-4090-8090-909090909090" /* archived */
#define U91 "91919191-9191-4191-8191-919191919191" /* a shadow, not deleted */
#define U4 "44444444-4444-4444-8444-444444444444"  /* deleted, name of U1 */
#define U5 "55555555-5555-4555-8555-555555555555"  /* group member, on c-34 */
#define MIG "99999999-9999-4999-8999-999999999999"
#define H30 "compute-30"
#define H34 "compute-34"
#define N30 "compute-30.example.org"
#define N34 "compute-34.example.org"
#define PASSWORD "s3cr3t/pass@word"

struct world {
	const char *release; /* as in releases[] */
	const char *dir;     /* where its schema came from */
	bool api;
	bool beside; /* Placement, Neutron and Cinder are there, too */
	int index;
	const struct db_features *f; /* as the release table has it */
};
extern struct world world;

/* Once: connects as root to $NH_SCHEMA_SOCKET. */
void world_connect(void);
void world_close(void);
/* False: DIR has no schema for it. */
bool world_load(const char *release, const char *dir);
/* Adds Placement's, Neutron's and Cinder's databases; false: there is no schema
 * for them. */
bool world_load_beside(void);
void world_reset(void);
/* seed.c */
void world_seed(void);
/* group_beside.c, group_volume.c */
void world_seed_beside(void);
void world_seed_volume(void);

/* SQL as root in the cell database; aborts when it fails. */
void sql(const char *fmt, ...) NH_PRINTF(1, 2);
/* One value, or "" for NULL; the caller frees. */
char *sql_value(const char *fmt, ...) NH_PRINTF(1, 2) NH_DEALLOC(mem_free);
/* INSERT with those of the (column, value) pairs that the table has; a value
 * of NULL is NULL.  DATABASE is "nova" or "nova_api". */
void row(const char *database, const char *table, ...);
bool has_column(const char *database, const char *table, const char *column);

/* A handle as user nova; PORT 0 is the socket. */
void open_db(struct db *db, unsigned port, int lock_wait_s);
/* PORT 0 is the socket; the caller frees. */
char *world_url(const char *user, const char *password, const char *name,
		unsigned port) NH_DEALLOC(mem_free);
int try_open(struct db *db, const char *user, const char *password,
	     unsigned port, int lock_wait_s, struct err *e);

void snap_take(struct strv *out);
void snap_diff(const struct strv *before, const struct strv *after,
	       struct strv *out);
/* Asserts that exactly MUST has changed; '*' at the end of an entry matches
 * any rest, '?' at its start allows it to be the same.  Clears BEFORE. */
void snap_changed(struct strv *before, const char *const *must);

/* The arguments of the operations on U1, in their usual form. */
extern const struct db_lease lease;
struct act {
	struct db_claim_before claimed;
	struct db_rewrite_before before;
	struct db_claim claim;
	struct db_power power;
	struct db_rewrite rewrite;
	struct db_release release;
	struct db_takeover takeover;
};
void act_init(struct act *a);
void act_clear(struct act *a);
/* Runs claim_read and claim, and rewrite_read; aborts when they fail. */
void act_claim(struct db *db, struct act *a);
void act_prepare(struct db *db, struct act *a);

#define ok(expression)                                                         \
	do {                                                                   \
		struct err e = ERR_INIT;                                       \
		if ((expression) != 0)                                         \
			fail_msg("%s: %s", #expression, err_msg(&e));          \
	} while (0)
/* EXPRESSION must fail so; the message must have PART. */
#define fails(expression, want, part)                                          \
	do {                                                                   \
		struct err e = ERR_INIT;                                       \
		if ((expression) == 0)                                         \
			fail_msg("%s: no error", #expression);                 \
		if (e.kind != (want) || !strstr(err_msg(&e), (part)))          \
			fail_msg("%s: %s: %s (wanted %s, %s)", #expression,    \
				 err_kind_name(e.kind), err_msg(&e),           \
				 err_kind_name(want), (part));                 \
		if (strstr(err_msg(&e), PASSWORD) ||                           \
		    (e.hint && strstr(e.hint, PASSWORD)))                      \
			fail_msg("password in: %s", err_msg(&e));              \
		err_clear(&e);                                                 \
	} while (0)

/* The groups; each returns its failures and adds its tests to *RUN. */
int group_facts(size_t *run); /* on every release */
int group_audit(size_t *run);
int group_fleet(size_t *run);
int group_write(size_t *run);
int group_beside(size_t *run); /* on some */
int group_volume(size_t *run);
int group_lost(size_t *run);
int group_rivals(size_t *run);
int group_rights(size_t *run);
size_t group_facts_statements(void);

#endif
