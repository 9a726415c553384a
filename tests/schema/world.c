/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/world.h"

#include <stdlib.h>
#include <unistd.h>

#include <mysql.h>

#include "core/fs.h"

struct world world;
static MYSQL *root;
static struct db_features world_features;
static struct strv columns; /* "database.table.column", of what is loaded */

const struct db_lease lease = {.uuid = U1, .job = "j-test", .epoch = 1};

void world_connect(void)
{
	const char *socket = getenv("NH_SCHEMA_SOCKET");

	root = mysql_init(NULL);
	if (!socket || !mysql_real_connect(root, NULL, "root", NULL, NULL, 0,
					   socket, CLIENT_MULTI_STATEMENTS)) {
		fprintf(stderr, "no test server: %s\n", mysql_error(root));
		exit(1);
	}
}

void world_close(void)
{
	strv_clear(&columns);
	mysql_close(root);
	mysql_library_end();
}

static void drain(void)
{
	int r = 0;

	do {
		MYSQL_RES *res = mysql_store_result(root);

		if (res)
			mysql_free_result(res);
		r = mysql_next_result(root);
	} while (r == 0);
	if (r > 0) {
		fprintf(stderr, "%s: %s\n", world.release, mysql_error(root));
		abort();
	}
}

static void run_text(const char *text)
{
	if (mysql_query(root, text)) {
		fprintf(stderr, "%s: %s\n  in: %.200s\n",
			world.release ? world.release : "?", mysql_error(root),
			text);
		abort();
	}
	drain();
}

/* While a world is made its statements are sent in one piece. */
static struct buf batch;
static bool batching;

void sql(const char *fmt, ...)
{
	AUTO(mem_freep) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	if (batching)
		buf_printf(&batch, "%s;\n", text);
	else
		run_text(text);
}

char *sql_value(const char *fmt, ...)
{
	AUTO(mem_freep) char *text = NULL;
	MYSQL_RES *res;
	MYSQL_ROW r;
	char *out;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	if (mysql_query(root, text)) {
		fprintf(stderr, "%s\n", mysql_error(root));
		abort();
	}
	res = mysql_store_result(root);
	r = mysql_fetch_row(res);
	out = mem_strdup(r && r[0] ? r[0] : "");
	mysql_free_result(res);
	return out;
}

/* Releases with the same revision share a file, named after the first. */
static char *schema_path(const char *kind)
{
	for (int i = world.index; i >= 0; i--) {
		char *path = mem_printf("%s/%s.%s.sql", world.dir,
					releases[i].name, kind);
		const char *rev = releases[i].cell_rev;

		if (!access(path, R_OK))
			return path;
		mem_free(path);
		if (!i || !rev || !releases[i - 1].cell_rev ||
		    strcmp(rev, releases[i - 1].cell_rev) != 0)
			return NULL;
	}
	return NULL;
}

static bool load(const char *kind)
{
	AUTO(mem_freep) char *path = schema_path(kind);
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct err e = ERR_INIT;

	sql("DROP DATABASE IF EXISTS %s", kind);
	if (!path)
		return false;
	if (fs_read_path(path, 1 << 20, &text, &e))
		fail_msg("%s", err_msg(&e));
	sql("CREATE DATABASE %s CHARACTER SET utf8mb3; USE %s; "
	    "SET FOREIGN_KEY_CHECKS = 0",
	    kind, kind);
	run_text(buf_str(&text));
	return true;
}

/* Runs FN for each row of QUERY. */
typedef void each_row(MYSQL_ROW r, MYSQL_FIELD *f, unsigned n, void *arg);

static void each(const char *query, each_row *fn, void *arg)
{
	MYSQL_RES *res;
	MYSQL_ROW r;

	if (mysql_query(root, query)) {
		fprintf(stderr, "%s\n", mysql_error(root));
		abort();
	}
	res = mysql_store_result(root);
	while ((r = mysql_fetch_row(res)))
		fn(r, mysql_fetch_fields(res), mysql_num_fields(res), arg);
	mysql_free_result(res);
}

static void add_column(MYSQL_ROW r, MYSQL_FIELD *f, unsigned n, void *arg)
{
	(void)f;
	(void)n;
	strv_addf(arg, "%s.%s.%s", r[0], r[1], r[2]);
}

static void learn_columns(const char *database)
{
	AUTO(mem_freep)
	char *q = mem_printf("SELECT table_schema, table_name, column_name "
			     "FROM information_schema.columns "
			     "WHERE table_schema = '%s'",
			     database);

	each(q, add_column, &columns);
}

bool world_load(const char *release, const char *dir)
{
	world.beside = false;
	world.release = release;
	world.dir = dir;
	world.index = release_index(release);
	strv_clear(&columns);
	world.api = load("nova_api");
	if (!load("nova"))
		return false;
	learn_columns("nova");
	if (world.api)
		learn_columns("nova_api");
	release_features(world.index, world.api, &world_features);
	world.f = &world_features;
	sql("SET FOREIGN_KEY_CHECKS = 1; USE nova");
	return true;
}

bool world_load_beside(void)
{
	world.beside = load("placement");
	world.beside = load("neutron") && world.beside;
	world.beside = load("cinder") && world.beside;
	sql("SET FOREIGN_KEY_CHECKS = 1; USE nova");
	if (world.beside) {
		learn_columns("placement");
		learn_columns("neutron");
		learn_columns("cinder");
	}
	return world.beside;
}

bool has_column(const char *database, const char *table, const char *column)
{
	size_t d = strlen(database), t = strlen(table);

	for (size_t i = 0; i < columns.n; i++) {
		const char *c = columns.v[i];

		if (!strncmp(c, database, d) && c[d] == '.' &&
		    !strncmp(c + d + 1, table, t) && c[d + 1 + t] == '.' &&
		    !strcmp(c + d + t + 2, column))
			return true;
	}
	return false;
}

void row(const char *database, const char *table, ...)
{
	AUTO(buf_clear) struct buf cols = BUF_INIT;
	AUTO(buf_clear) struct buf vals = BUF_INIT;
	const char *col, *val;
	va_list ap;

	va_start(ap, table);
	while ((col = va_arg(ap, const char *))) {
		val = va_arg(ap, const char *);
		if (!has_column(database, table, col))
			continue;
		buf_printf(&cols, "%s`%s`", cols.len ? ", " : "", col);
		if (val) {
			AUTO(mem_freep)
			char *q = mem_calloc(2 * strlen(val) + 1, 1);

			mysql_real_escape_string(root, q, val, strlen(val));
			buf_printf(&vals, "%s'%s'", vals.len ? ", " : "", q);
		} else {
			buf_printf(&vals, "%sNULL", vals.len ? ", " : "");
		}
	}
	va_end(ap);
	sql("INSERT INTO %s.`%s` (%s) VALUES (%s)", database, table,
	    buf_str(&cols), buf_str(&vals));
}

static const char *const tables[] = {
	"aggregate_hosts",
	"aggregate_metadata",
	"aggregates",
	"allocations",
	"block_device_mapping",
	"build_requests",
	"cell_mappings",
	"compute_nodes",
	"console_auth_tokens",
	"fixed_ips",
	"floating_ips",
	"host_mappings",
	"instance_actions",
	"instance_actions_events",
	"instance_extra",
	"instance_faults",
	"instance_group_member",
	"instance_group_policy",
	"instance_groups",
	"instance_info_caches",
	"instance_mappings",
	"instance_system_metadata",
	"instance_type_extra_specs",
	"instance_types",
	"instances",
	"migrations",
	"networks",
	"pci_devices",
	"request_specs",
	"resource_providers",
	"services",
	"shadow_instances",
	"share_mapping",
};

/* Of the databases beside Nova's. */
static const struct {
	const char *database, *table;
} others[] = {
	{"cinder", "volume_attachment"},
	{"cinder", "volumes"},
	{"neutron", "agents"},
	{"neutron", "ipallocations"},
	{"neutron", "ml2_distributed_port_bindings"},
	{"neutron", "ml2_port_binding_levels"},
	{"neutron", "ml2_port_bindings"},
	{"neutron", "networks"},
	{"neutron", "networksegments"},
	{"neutron", "ports"},
	{"neutron", "qos_minimum_bandwidth_rules"},
	{"neutron", "qos_network_policy_bindings"},
	{"neutron", "qos_port_policy_bindings"},
	{"neutron", "standardattributes"},
	{"neutron", "subnets"},
	{"neutron", "subports"},
	{"neutron", "trunks"},
	{"placement", "allocations"},
	{"placement", "consumers"},
	{"placement", "inventories"},
	{"placement", "resource_classes"},
	{"placement", "resource_providers"},
};

void world_reset(void)
{
	batching = true;
	sql("SET FOREIGN_KEY_CHECKS = 0; USE nova; START TRANSACTION");
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		if (has_column("nova", tables[i], "id"))
			sql("DELETE FROM nova.`%s`", tables[i]);
		if (world.api && has_column("nova_api", tables[i], "id"))
			sql("DELETE FROM nova_api.`%s`", tables[i]);
	}
	world_seed();
	for (size_t i = 0; world.beside && i < ARRAY_SIZE(others); i++)
		sql("DELETE FROM %s.`%s`", others[i].database, others[i].table);
	if (world.beside) {
		world_seed_beside();
		world_seed_volume();
	}
	sql("COMMIT; SET FOREIGN_KEY_CHECKS = 1");
	batching = false;
	run_text(buf_str(&batch));
	buf_clear(&batch);
}

struct snap {
	struct strv *out;
	const char *table;
};

static void add_row(MYSQL_ROW r, MYSQL_FIELD *f, unsigned n, void *arg)
{
	const struct snap *s = arg;
	const char *key = r[0];

	for (unsigned i = 0; i < n; i++)
		if (!strcmp(f[i].name, "id"))
			key = r[i];
	for (unsigned i = 0; i < n; i++)
		strv_addf(s->out, "%s#%s.%s\t%s", s->table, key, f[i].name,
			  r[i] ? r[i] : "(NULL)");
}

static void snap_table(const char *database, const char *table,
		       const char *prefix, struct strv *out)
{
	AUTO(mem_freep) char *label = mem_printf("%s%s", prefix, table);
	AUTO(mem_freep)
	char *q = mem_printf("SELECT * FROM %s.`%s` ORDER BY id", database,
			     table);
	struct snap s = {out, label};

	if (has_column(database, table, "id"))
		each(q, add_row, &s);
}

static void snap_beside(struct strv *out)
{
	for (size_t i = 0; world.beside && i < ARRAY_SIZE(others); i++) {
		AUTO(mem_freep)
		char *q = mem_printf("SELECT * FROM %s.`%s` ORDER BY 1, 2",
				     others[i].database, others[i].table);
		struct snap s = {out, others[i].table};

		each(q, add_row, &s);
	}
}

void snap_take(struct strv *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		snap_table("nova", tables[i], "", out);
		snap_table("nova_api", tables[i], "api.", out);
	}
	snap_beside(out);
}

/* The value of LINE's key (up to its tab) in S, or NULL.  *HINT is where the
 * last one was: both sides are in the same order. */
static const char *lookup(const struct strv *s, const char *line, size_t *hint)
{
	size_t n = strcspn(line, "\t") + 1;

	for (size_t i = 0; i < s->n; i++) {
		size_t k = (*hint + i) % s->n;

		if (!strncmp(s->v[k], line, n)) {
			*hint = k + 1;
			return s->v[k] + n;
		}
	}
	return NULL;
}

void snap_diff(const struct strv *before, const struct strv *after,
	       struct strv *out)
{
	size_t hint = 0;

	for (size_t i = 0; i < after->n; i++) {
		const char *line = after->v[i];
		const char *old = lookup(before, line, &hint);
		int n = (int)strcspn(line, "\t");

		if (!old)
			strv_addf(out, "+%.*s", n, line);
		else if (strcmp(old, line + n + 1) != 0)
			strv_addf(out, "~%.*s", n, line);
	}
	for (size_t i = 0; i < before->n; i++)
		if (!lookup(after, before->v[i], &hint))
			strv_addf(out, "-%.*s",
				  (int)strcspn(before->v[i], "\t"),
				  before->v[i]);
}

static bool fits(const char *is, const char *must)
{
	size_t n;

	must += *must == '?';
	n = strlen(must);
	if (n && must[n - 1] == '*')
		return !strncmp(is, must, n - 1);
	return !strcmp(is, must);
}

void snap_changed(struct strv *before, const char *const *must)
{
	AUTO(strv_clear) struct strv after = STRV_INIT;
	AUTO(strv_clear) struct strv diff = STRV_INIT;
	size_t n = 0;

	snap_take(&after);
	snap_diff(before, &after, &diff);
	for (size_t i = 0; i < diff.n; i++) {
		size_t k = 0;

		while (must[k] && !fits(diff.v[i], must[k]))
			k++;
		if (!must[k])
			fail_msg("%s has changed", diff.v[i]);
	}
	for (; must[n]; n++) {
		size_t k = *must[n] == '?' ? diff.n + 1 : 0;

		while (k < diff.n && !fits(diff.v[k], must[n]))
			k++;
		if (k == diff.n)
			fail_msg("%s has not changed", must[n]);
	}
	strv_clear(before);
}

char *world_url(const char *user, const char *password, const char *name,
		unsigned port)
{
	AUTO(buf_clear) struct buf pw = BUF_INIT;

	for (const char *p = password; *p; p++)
		buf_printf(&pw, "%%%02x", (unsigned char)*p);
	if (port)
		return mem_printf("mysql+pymysql://%s:%s@127.0.0.1:%u/%s", user,
				  buf_str(&pw), port, name);
	return mem_printf("mysql+pymysql://%s:%s@localhost/%s?charset=utf8&"
			  "unix_socket=%s",
			  user, buf_str(&pw), name, getenv("NH_SCHEMA_SOCKET"));
}

int try_open(struct db *db, const char *user, const char *password,
	     unsigned port, int lock_wait_s, struct err *e)
{
	AUTO(mem_freep) char *cell = world_url(user, password, "nova", port);
	AUTO(mem_freep) char *api = world_url(user, password, "nova_api", 0);
	const struct db_config cfg = {.cell_url = cell,
				      .api_url = world.api ? api : NULL,
				      .io_timeout_s = 30,
				      .lock_wait_s = lock_wait_s};

	return db_open(&cfg, db, e);
}

void open_db(struct db *db, unsigned port, int lock_wait_s)
{
	ok(try_open(db, "nova", PASSWORD, port, lock_wait_s, &e));
}

void act_init(struct act *a)
{
	*a = (struct act){0};
	a->claim = (struct db_claim){.by = lease,
				     .at = {H30, N30, 11},
				     .vm_state = "stopped",
				     .before = &a->claimed};
	a->power = (struct db_power){.by = lease,
				     .at = {H30, N30, 11},
				     .vm_from = "stopped",
				     .vm_to = "active",
				     .power_to = 1};
	a->rewrite = (struct db_rewrite){.by = lease,
					 .from = {H30, N30, 11},
					 .to = {H34, N34, 12},
					 .az = "az-34",
					 .dest_ip = "10.0.0.34",
					 .migration_uuid = MIG,
					 .stamp = "2026-11-21 07:00:00",
					 .before = &a->before};
	a->release = (struct db_release){.by = lease, .before = &a->claimed};
	a->takeover = (struct db_takeover){.by = lease, .old_epoch = 1};
	a->takeover.by.epoch = 2;
}

void act_clear(struct act *a)
{
	db_claim_before_clear(&a->claimed);
	db_rewrite_before_clear(&a->before);
}

void act_claim(struct db *db, struct act *a)
{
	db_claim_before_clear(&a->claimed);
	ok(db->ops->claim_read(db, U1, &a->claimed, &e));
	ok(db->ops->claim(db, &a->claim, &e));
}

void act_prepare(struct db *db, struct act *a)
{
	act_claim(db, a);
	db_rewrite_before_clear(&a->before);
	ok(db->ops->rewrite_read(db, &a->rewrite, &a->before, &e));
}
