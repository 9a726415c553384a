/* SPDX-License-Identifier: Apache-2.0 */
/* One instance, by uuid or name. */
#include "db/db_priv.h"

#include <string.h>
#include <strings.h>

static int by_uuid(struct my_conn *c, const char *uuid, struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("u", uuid)};
	AUTO(my_rows_clear) struct my_rows r = {0};

	if (my_select(c, "cell.by_uuid", SQL_ARGS(args), &r, e))
		return -1;
	if (!r.n)
		return err_set(e, ERR_NOTHING, "no server with uuid %s", uuid);
	if (my_true(&r, 0, "deleted"))
		return err_set(e, ERR_REFUSED, "server %s is deleted", uuid);
	return 0;
}

static int ambiguous(const struct my_rows *r, const char *name, struct err *e)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	for (size_t i = 0; i < r->n; i++) {
		const char *host = my_cell(r, i, "host");

		buf_printf(&b, "%s%s (%s on %s)", i ? ", " : "",
			   my_cell(r, i, "uuid"), my_cell(r, i, "name"),
			   host ? host : "no host");
	}
	err_set(e, ERR_REFUSED, "%zu servers are named %s", r->n, name);
	return err_hint(e, "give the uuid of one of them: %s", buf_str(&b));
}

/* The database compares without regard to case; an exact match wins. */
static int by_name(struct my_conn *c, const char *name, char uuid[UUID_LEN + 1],
		   struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("name", name)};
	AUTO(my_rows_clear) struct my_rows r = {0};
	size_t exact = 0, at = 0;

	if (my_select(c, "cell.by_name", SQL_ARGS(args), &r, e))
		return -1;
	for (size_t i = 0; i < r.n; i++)
		if (!strcmp(my_cell(&r, i, "name"), name)) {
			exact++;
			at = i;
		}
	if (!r.n)
		return err_set(e, ERR_NOTHING, "no server is named %s", name);
	if (exact != 1)
		return ambiguous(&r, name, e);
	memcpy(uuid, my_cell(&r, at, "uuid"), UUID_LEN + 1);
	return 0;
}

/* As db_ops.find, but a server that is not here is ERR_NOTHING. */
int find_in(struct my_conn *c, const char *server, char uuid[UUID_LEN + 1],
	    struct err *e)
{
	char lower[UUID_LEN + 1] = "";

	if (strlen(server) == UUID_LEN)
		for (size_t i = 0; i < UUID_LEN; i++)
			lower[i] = (char)(server[i] |
					  (server[i] >= 'A' && server[i] <= 'F'
						   ? 0x20
						   : 0));
	if (!uuid_valid(lower))
		return by_name(c, server, uuid, e);
	memcpy(uuid, lower, sizeof(lower));
	return by_uuid(c, lower, e);
}

int db_op_find(struct db *db, const char *server, char uuid[UUID_LEN + 1],
	       struct err *e)
{
	struct my_conn *c = &MY(db)->cell;

	if (my_ready(c, e))
		return -1;
	if (!find_in(c, server, uuid, e))
		return 0;
	if (e->kind == ERR_NOTHING)
		e->kind = ERR_REFUSED;
	return -1;
}

int archived_in(struct my_conn *c, const char *uuid, bool *yes, struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("u", uuid)};
	AUTO(my_rows_clear) struct my_rows r = {0};

	*yes = false;
	if (my_select(c, "cell.archived", SQL_ARGS(args), &r, e))
		return -1;
	for (size_t i = 0; i < r.n; i++)
		*yes = *yes || my_true(&r, i, "deleted");
	return 0;
}

int db_op_archived(struct db *db, const char *uuid, bool *yes, struct err *e)
{
	struct my_conn *c = &MY(db)->cell;

	*yes = false;
	return my_ready(c, e) ? -1 : archived_in(c, uuid, yes, e);
}

/* Of a traceback the last line says what it was. */
static char *last_line(const char *text)
{
	AUTO(strv_clear) struct strv lines = STRV_INIT;

	strv_split(&lines, text ? text : "", "\n");
	for (size_t i = lines.n; i-- > 0;)
		if (lines.v[i][strspn(lines.v[i], " \t\r")])
			return mem_strdup(lines.v[i]);
	return NULL;
}

int db_op_fault(struct db *db, const char *uuid, const char *host, char **out,
		struct err *e)
{
	struct my_conn *c = &MY(db)->cell;
	const struct sql_arg args[] = {ARG_TEXT("u", uuid),
				       ARG_TEXT("host", host)};
	AUTO(my_rows_clear) struct my_rows r = {0};

	*out = NULL;
	if (my_ready(c, e) || my_select(c, "cell.fault", SQL_ARGS(args), &r, e))
		return -1;
	if (!r.n)
		return 0;
	*out = last_line(my_cell(&r, 0, "details"));
	if (!*out)
		*out = mem_strdup0(my_cell(&r, 0, "message"));
	return 0;
}

int db_op_evacuation(struct db *db, const char *uuid, const char *host,
		     struct db_evacuation *out, struct err *e)
{
	struct my_conn *c = &MY(db)->cell;
	const struct sql_arg args[] = {ARG_TEXT("u", uuid)};
	AUTO(my_rows_clear) struct my_rows r = {0};

	*out = (struct db_evacuation){0};
	if (my_ready(c, e) ||
	    my_select(c, "cell.migrations", SQL_ARGS(args), &r, e))
		return -1;
	for (size_t i = r.n; !out->id && i-- > 0;) {
		const char *type = my_cell(&r, i, "type");
		const char *from = my_cell(&r, i, "source_compute");

		if (!type || !from || strcmp(type, "evacuation") != 0 ||
		    strcmp(from, host) != 0)
			continue;
		out->id = my_num(&r, i, "id", 0);
		out->status = my_dup(&r, i, "status");
		out->to = my_dup(&r, i, "dest_compute");
	}
	return 0;
}

static void fill_text(const struct my_rows *r, size_t row,
		      struct db_instance *i)
{
	const struct {
		char **slot;
		const char *col;
	} texts[] = {
		{&i->uuid, "uuid"},
		{&i->name, "name"},
		{&i->hostname, "hostname"},
		{&i->host, "host"},
		{&i->node, "node"},
		{&i->availability_zone, "availability_zone"},
		{&i->vm_state, "vm_state"},
		{&i->task_state, "task_state"},
		{&i->locked_by, "locked_by"},
		{&i->cell_name, "cell_name"},
		{&i->user_id, "user_id"},
		{&i->project_id, "project_id"},
		{&i->image_ref, "image_ref"},
		{&i->kernel_id, "kernel_id"},
		{&i->ramdisk_id, "ramdisk_id"},
		{&i->os_type, "os_type"},
		{&i->config_drive, "config_drive"},
		{&i->root_device_name, "root_device_name"},
		{&i->launched_on, "launched_on"},
		{&i->ephemeral_key_uuid, "ephemeral_key_uuid"},
		{&i->created_at, "created_at"},
		{&i->updated_at, "updated_at"},
	};

	for (size_t k = 0; k < ARRAY_SIZE(texts); k++)
		*texts[k].slot = my_dup(r, row, texts[k].col);
}

void instance_row(const struct my_rows *r, size_t i, struct db_instance *out)
{
	fill_text(r, i, out);
	out->id = my_num(r, i, "id", -1);
	out->compute_id = my_num(r, i, "compute_id", -1);
	out->power_state = (int)my_num(r, i, "power_state", -1);
	out->locked = my_true(r, i, "locked");
	out->deleted = my_true(r, i, "deleted");
	out->hidden = my_true(r, i, "hidden");
	out->type_id = my_num(r, i, "type_id", -1);
	out->memory_mb = my_num(r, i, "memory_mb", -1);
	out->vcpus = my_num(r, i, "vcpus", -1);
	out->root_gb = my_num(r, i, "root_gb", -1);
	out->ephemeral_gb = my_num(r, i, "ephemeral_gb", -1);
}

int instance_read(struct my_conn *c, const char *uuid, struct db_instance *out,
		  struct err *e)
{
	const struct sql_arg args[] = {ARG_TEXT("u", uuid)};
	AUTO(my_rows_clear) struct my_rows r = {0};

	*out = (struct db_instance){0};
	if (my_select(c, "cell.instance", SQL_ARGS(args), &r, e))
		return -1;
	if (!r.n)
		return err_set(e, ERR_CONFLICT, "instance %s is gone", uuid);
	if (txn_reason(c, uuid, &out->reason, e))
		return -1;
	instance_row(&r, 0, out);
	return 0;
}

int db_op_instance(struct db *db, const char *uuid, struct db_instance *out,
		   struct err *e)
{
	struct my_conn *c = &MY(db)->cell;

	*out = (struct db_instance){0};
	if (my_ready(c, e))
		return -1;
	return instance_read(c, uuid, out, e);
}
