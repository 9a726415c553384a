/* SPDX-License-Identifier: Apache-2.0 */
#include "api/yaml_priv.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include <yaml.h>

struct reader {
	const char *name;
	yaml_document_t *doc;
	unsigned nodes;
	struct err *e;
};

static json_t *convert(struct reader *r, int id, unsigned depth);

static json_t *bad(struct reader *r, const yaml_node_t *n, const char *what)
{
	err_set(r->e, ERR_USAGE, "%s:%zu: %s", r->name, n->start_mark.line + 1,
		what);
	return NULL;
}

static bool one_of(const char *s, const char *const *words)
{
	for (; *words; words++)
		if (strcasecmp(s, *words) == 0)
			return true;
	return false;
}

static json_t *scalar(struct reader *r, const yaml_node_t *n)
{
	static const char *const null[] = {"", "~", "null", NULL};
	static const char *const yes[] = {"true", "yes", "on", NULL};
	static const char *const no[] = {"false", "no", "off", NULL};
	const char *s = (const char *)n->data.scalar.value;
	json_t *j;

	if (strlen(s) != n->data.scalar.length)
		return bad(r, n, "a NUL byte in a value");
	if (n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		if (one_of(s, null))
			return json_null();
		if (one_of(s, yes))
			return json_true();
		if (one_of(s, no))
			return json_false();
	}
	j = json_string(s);
	return j ? j : bad(r, n, "a value is not UTF-8");
}

static json_t *sequence(struct reader *r, const yaml_node_t *n, unsigned depth)
{
	json_t *a = json_array(), *v;

	for (yaml_node_item_t *i = n->data.sequence.items.start;
	     i < n->data.sequence.items.top; i++) {
		v = convert(r, *i, depth + 1);
		if (!v) {
			json_decref(a);
			return NULL;
		}
		json_array_append_new(a, v);
	}
	return a;
}

/* "<<": what INTO has not yet; of several mappings the first counts. */
static int merge(struct reader *r, const yaml_node_t *n, json_t *into,
		 json_t *from)
{
	size_t i;
	json_t *v;

	if (json_is_object(from)) {
		json_object_update_missing(into, from);
		return 0;
	}
	if (!json_is_array(from))
		return bad(r, n, "'<<' takes mappings") ? 0 : -1;
	json_array_foreach (from, i, v) {
		if (!json_is_object(v))
			return bad(r, n, "'<<' takes mappings") ? 0 : -1;
		json_object_update_missing(into, v);
	}
	return 0;
}

static int pair(struct reader *r, yaml_node_pair_t p, unsigned depth, json_t *o,
		json_t **merged)
{
	const yaml_node_t *k = yaml_document_get_node(r->doc, p.key);
	const char *key = k ? (const char *)k->data.scalar.value : "";
	json_t *v;

	if (!k || k->type != YAML_SCALAR_NODE ||
	    strlen(key) != k->data.scalar.length) {
		bad(r, k ? k : yaml_document_get_root_node(r->doc),
		    "a key is not a plain word");
		return -1;
	}
	v = convert(r, p.value, depth + 1);
	if (!v)
		return -1;
	if (strcmp(key, "<<") == 0 &&
	    k->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		json_decref(*merged);
		*merged = v;
		return 0;
	}
	if (json_object_set_new(o, key, v)) {
		bad(r, k, "a key is not UTF-8");
		return -1;
	}
	return 0;
}

static json_t *mapping(struct reader *r, const yaml_node_t *n, unsigned depth)
{
	json_t *o = json_object(), *merged = NULL;
	int rc = 0;

	for (yaml_node_pair_t *p = n->data.mapping.pairs.start;
	     !rc && p < n->data.mapping.pairs.top; p++)
		rc = pair(r, *p, depth, o, &merged);
	if (!rc && merged)
		rc = merge(r, n, o, merged);
	json_decref(merged);
	if (!rc)
		return o;
	json_decref(o);
	return NULL;
}

static json_t *convert(struct reader *r, int id, unsigned depth)
{
	const yaml_node_t *n = yaml_document_get_node(r->doc, id);

	if (!n)
		return json_null();
	if (depth > YAML_DEPTH_MAX || ++r->nodes > YAML_NODES_MAX)
		return bad(r, n, "too deep or too large (an alias of itself?)");
	switch (n->type) {
	case YAML_SCALAR_NODE:
		return scalar(r, n);
	case YAML_SEQUENCE_NODE:
		return sequence(r, n, depth);
	case YAML_MAPPING_NODE:
		return mapping(r, n, depth);
	case YAML_NO_NODE:
		break;
	}
	return json_null();
}

static void wipe(yaml_document_t *doc)
{
	for (yaml_node_t *n = doc->nodes.start; n < doc->nodes.top; n++)
		if (n->type == YAML_SCALAR_NODE)
			explicit_bzero(n->data.scalar.value,
				       n->data.scalar.length);
}

json_t *yaml_read(const char *name, const char *text, size_t len, struct err *e)
{
	yaml_parser_t p;
	yaml_document_t doc;
	json_t *j;

	if (!yaml_parser_initialize(&p)) {
		err_set(e, ERR_FAILED, "%s: libyaml: no parser", name);
		return NULL;
	}
	yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
	if (!yaml_parser_load(&p, &doc)) {
		/* p.problem is libyaml's own words; it quotes nothing. */
		err_set(e, ERR_USAGE, "%s:%zu: %s", name,
			p.problem_mark.line + 1,
			p.problem ? p.problem : "not YAML");
		yaml_parser_delete(&p);
		return NULL;
	}
	if (!yaml_document_get_root_node(&doc)) {
		j = json_null();
	} else {
		struct reader r = {.name = name, .doc = &doc, .e = e};

		j = convert(&r, 1, 0);
	}
	wipe(&doc);
	yaml_document_delete(&doc);
	yaml_parser_delete(&p);
	return j;
}
