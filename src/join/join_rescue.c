/* SPDX-License-Identifier: Apache-2.0 */
/* What lies on a dead host's disks, for `rescue --list` and for all of it. */
#include <string.h>

#include "facts/inventory.h"
#include "join/join.h"

#define NOVA_INSTANCES "/var/lib/nova/instances"

static json_t *strings(const struct strv *v)
{
	json_t *a = json_array();

	for (size_t i = 0; i < v->n; i++)
		json_array_append_new(a, json_string(v->v[i]));
	return a;
}

static json_t *item_json(const struct inventory_item *i, bool rows)
{
	return json_pack(
		"{s:s, s:s?, s:s?, s:s, s:o, s:b, s:i, s:I, s:o, s:o, s:s?, "
		"s:s?, s:O?, s:O?, s:s?}",
		"server", i->uuid, "name", i->name, "vm_state", i->vm_state,
		"state", inventory_state_name(i->state), "row",
		rows ? json_boolean(i->row) : json_null(), "directory", i->dir,
		"files", (int)i->files, "bytes", (json_int_t)i->bytes, "disks",
		strings(&i->disks), "missing", strings(&i->missing), "domain",
		i->xml, "why",
		i->err.kind != ERR_NONE ? err_msg(&i->err) : NULL, "os", i->os,
		"filesystems", i->filesystems, "unread", i->unread);
}

/* Beside the disks, where their path ends as Nova's default does. */
static char *xml_beside(const char *path)
{
	size_t n = strlen(path), k = strlen(NOVA_INSTANCES);

	if (n <= k || strcmp(path + n - k, NOVA_INSTANCES) != 0)
		return NULL;
	return mem_printf("%.*s/etc/libvirt/qemu", (int)(n - k), path);
}

/* Without a database there is still what is on the disks. */
static void rows_of(struct app *a, const struct app_dead *d,
		    struct inventory *v, json_t *doc)
{
	struct db db = {0};
	struct err e = ERR_INIT;

	if (join_db_open(a->config, NULL, &db, &e) ||
	    inventory_rows(v, &db, d->from, &e))
		json_object_set_new(doc, "database", json_string(err_msg(&e)));
	db_close(&db);
	err_clear(&e);
}

static int look(struct app *a, const struct app_dead *d, struct inventory *v,
		struct err *e)
{
	AUTO(mem_freep) char *beside = xml_beside(d->path);
	bool same = !d->xml_host || !strcmp(d->xml_host, d->host);
	struct host *h = join_host_open(a->config, d->host, e);
	struct host *x =
		h && !same ? join_host_open(a->config, d->xml_host, e) : h;
	struct inventory_in in = {
		.host = h,
		.path = d->path,
		.xml_host = x,
		.xml_dir = d->xml_dir ? d->xml_dir : beside,
	};
	int rc = h && x ? inventory_read(&in, v, e) : -1;

	if (!rc && d->inspect)
		rc = inventory_inside(&in, v, e);
	if (x != h)
		host_close(x);
	host_close(h);
	return rc;
}

int join_inventory(struct app *a, const struct app_dead *d, json_t **out,
		   struct err *e)
{
	struct inventory v = {0};
	json_t *list = json_array();
	json_t *doc =
		json_pack("{s:i, s:s, s:s, s:s, s:o, s:n}", "schema_version", 1,
			  "host", d->from, "seen_on", d->host, "path", d->path,
			  "servers", list, "database");
	int rc = look(a, d, &v, e);

	if (!rc)
		rows_of(a, d, &v, doc);
	for (size_t i = 0; i < v.n; i++)
		json_array_append_new(list, item_json(&v.v[i], v.rows));
	inventory_clear(&v);
	if (rc)
		json_decref(doc);
	else
		*out = doc;
	return rc;
}
