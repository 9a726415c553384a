/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The JSON that Nova keeps in columns.
 *
 * Its shape changed with the releases (plain dictionaries in Juno, versioned
 * objects later), so questions such as "is anything pinned" are asked of the
 * whole tree by key.  What cannot be parsed is refused, never taken for empty.
 */
#include "db/db_priv.h"

#include <jansson.h>
#include <string.h>

#include <openssl/evp.h>

static void json_freep(json_t **j)
{
	json_decref(*j);
}

/* *OUT is NULL for SQL NULL, "" and JSON null. */
static int load(const char *text, const char *column, json_t **out,
		struct err *e)
{
	json_error_t why;

	*out = NULL;
	if (!text || !*text)
		return 0;
	*out = json_loads(text, JSON_DECODE_ANY, &why);
	if (!*out)
		return err_set(e, ERR_REFUSED, "%s is not JSON: %s at %d",
			       column, why.text, why.position);
	if (json_is_null(*out)) {
		json_decref(*out);
		*out = NULL;
	}
	return 0;
}

static bool empty(const json_t *j)
{
	return !j || json_is_null(j) || json_is_false(j) ||
	       (json_is_array(j) && !json_array_size(j)) ||
	       (json_is_object(j) && !json_object_size(j)) ||
	       (json_is_string(j) && !*json_string_value(j));
}

/* Does KEY stand anywhere in J with something in it?
 * NOLINTNEXTLINE(misc-no-recursion): jansson bounds the depth */
static bool anywhere(json_t *j, const char *key)
{
	const char *k;
	json_t *v;
	size_t i;

	json_array_foreach (j, i, v)
		if (anywhere(v, key))
			return true;
	json_object_foreach (j, k, v)
		if ((!strcmp(k, key) && !empty(v)) || anywhere(v, key))
			return true;
	return false;
}

/* Is there an entry in any list of J?  Objects have lists of changed names
 * beside their data; those are not entries. */
static bool any_entry(json_t *j)
{
	const char *k;
	json_t *v;

	if (json_is_array(j))
		return json_array_size(j) > 0;
	json_object_foreach (j, k, v)
		if (strcmp(k, "nova_object.changes") != 0 && any_entry(v))
			return true;
	return false;
}

void pairs_add(struct db_pairs *p, const char *key, const char *value)
{
	p->v = mem_realloc(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n].key = mem_strdup(key ? key : "");
	p->v[p->n].value = mem_strdup0(value);
	p->n++;
}

static char *text_of(const json_t *j)
{
	if (json_is_string(j))
		return mem_strdup(json_string_value(j));
	if (json_is_integer(j))
		return mem_printf("%lld", (long long)json_integer_value(j));
	if (json_is_boolean(j))
		return mem_strdup(json_is_true(j) ? "true" : "false");
	return NULL;
}

static char *member(const json_t *j, const char *key)
{
	return text_of(json_object_get(j, key));
}

static int parse_flavor(struct db_server *s, const char *text, struct err *e)
{
	AUTO(json_freep) json_t *j = NULL;
	json_t *data, *v;
	const char *k;

	if (load(text, "instance_extra.flavor", &j, e))
		return -1;
	if (!j)
		return 0;
	data = json_object_get(json_object_get(j, "cur"), "nova_object.data");
	if (!json_is_object(data))
		return err_set(e, ERR_REFUSED,
			       "instance_extra.flavor has no current flavor");
	s->flavor_name = member(data, "name");
	v = json_object_get(data, "swap");
	s->flavor_swap_mb = json_is_integer(v) ? json_integer_value(v) : -1;
	json_object_foreach (json_object_get(data, "extra_specs"), k, v) {
		AUTO(mem_freep) char *t = text_of(v);

		pairs_add(&s->extra_specs, k, t);
	}
	return 0;
}

static int parse_numa(struct db_server *s, const char *text, struct err *e)
{
	AUTO(json_freep) json_t *j = NULL;

	if (load(text, "instance_extra.numa_topology", &j, e))
		return -1;
	s->numa = !empty(j);
	s->cpu_pinned = anywhere(j, "cpu_pinning_raw") ||
			anywhere(j, "cpu_pinning") || anywhere(j, "pcpuset");
	s->hugepages = anywhere(j, "pagesize");
	return 0;
}

int parse_extra(struct db_server *s, const struct my_rows *r, size_t i,
		struct err *e)
{
	AUTO(json_freep) json_t *pci = NULL;
	AUTO(json_freep) json_t *context = NULL;
	AUTO(json_freep) json_t *vpmems = NULL;
	AUTO(json_freep) json_t *resources = NULL;

	if (load(my_cell(r, i, "pci_requests"), "instance_extra.pci_requests",
		 &pci, e) ||
	    load(my_cell(r, i, "context"), "instance_extra.migration_context",
		 &context, e) ||
	    load(my_cell(r, i, "vpmems"), "instance_extra.vpmems", &vpmems,
		 e) ||
	    load(my_cell(r, i, "resources"), "instance_extra.resources",
		 &resources, e))
		return -1;
	s->pci_requests = any_entry(pci);
	s->migration_context = context != NULL;
	s->resources = any_entry(vpmems) || any_entry(resources);
	if (parse_numa(s, my_cell(r, i, "numa_topology"), e))
		return -1;
	return parse_flavor(s, my_cell(r, i, "flavor"), e);
}

static void one_vif(struct db_vif *v, const json_t *j)
{
	json_t *net = json_object_get(j, "network");
	json_t *details = json_object_get(j, "details");
	json_t *meta = json_object_get(net, "meta");
	json_t *mtu = json_object_get(meta, "mtu"), *value;
	const char *key;

	v->id = member(j, "id");
	v->address = member(j, "address");
	v->type = member(j, "type");
	v->vnic_type = member(j, "vnic_type");
	v->devname = member(j, "devname");
	v->ovs_interfaceid = member(j, "ovs_interfaceid");
	v->network_id = member(net, "id");
	v->bridge = member(details, "bridge_name");
	if (!v->bridge)
		v->bridge = member(net, "bridge");
	v->mtu = json_is_integer(mtu) ? json_integer_value(mtu) : -1;
	v->hybrid_plug =
		json_is_true(json_object_get(details, "ovs_hybrid_plug"));
	v->port_filter = json_is_true(json_object_get(details, "port_filter"));
	v->active = json_is_true(json_object_get(j, "active"));
	json_object_foreach (json_object_get(j, "profile"), key, value)
		if (!json_is_null(value))
			strv_add(&v->profile_keys, key);
}

int parse_network(struct db_server *s, const char *text, struct err *e)
{
	AUTO(json_freep) json_t *j = NULL;
	json_t *v;
	size_t i;

	if (load(text, "network_info", &j, e))
		return -1;
	if (!j)
		return 0;
	if (!json_is_array(j))
		return err_set(e, ERR_REFUSED, "network_info is not a list");
	s->vifs = MEM_NEW_N(struct db_vif, json_array_size(j));
	s->n_vifs = json_array_size(j);
	json_array_foreach (j, i, v)
		one_vif(&s->vifs[i], v);
	return 0;
}

static char *digest(const char *text)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	char *hex;

	EVP_Digest(text, strlen(text), md, &n, EVP_sha256(), NULL);
	hex = mem_calloc(2 * (size_t)n + 1, 1);
	hex_encode(md, n, hex);
	return hex;
}

int parse_connection(struct db_bdm *b, const char *text, struct err *e)
{
	AUTO(json_freep) json_t *j = NULL;
	json_t *data;

	if (load(text, "block_device_mapping.connection_info", &j, e))
		return -1;
	if (!j)
		return 0;
	data = json_object_get(j, "data");
	b->driver = member(j, "driver_volume_type");
	b->encrypted |= json_is_true(json_object_get(data, "encrypted"));
	b->multiattach = json_is_true(json_object_get(j, "multiattach")) ||
			 json_is_true(json_object_get(data, "multiattach"));
	b->connector = json_is_object(json_object_get(j, "connector"));
	b->secret = db_info_secret(text);
	b->info_digest = digest(text);
	return 0;
}

int parse_spec(struct db_server *s, const char *text, struct err *e)
{
	AUTO(json_freep) json_t *j = NULL;
	json_t *data;

	if (load(text, "request_specs.spec", &j, e))
		return -1;
	data = json_object_get(j, "nova_object.data");
	s->asked_az = member(data, "availability_zone");
	return 0;
}

/* Icehouse wrote the features as a list too; other drivers write "?" or "". */
void parse_cpu(struct db_host *h, const char *text)
{
	struct err ignored = ERR_INIT;
	AUTO(json_freep) json_t *j = NULL;
	json_t *v;
	size_t i;

	if (load(text, "compute_nodes.cpu_info", &j, &ignored)) {
		err_clear(&ignored);
		return;
	}
	h->cpu_arch = member(j, "arch");
	h->cpu_model = member(j, "model");
	h->cpu_vendor = member(j, "vendor");
	json_array_foreach (json_object_get(j, "features"), i, v) {
		AUTO(mem_freep) char *name = text_of(v);

		if (!name)
			name = member(v, "name");
		if (name)
			strv_add(&h->cpu_features, name);
	}
}
