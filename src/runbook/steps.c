/* SPDX-License-Identifier: Apache-2.0 */
/* Maps by their section, and the list of steps with its loops written out. */
#include <string.h>

#include "runbook/rules_priv.h"
#include "runbook/runbook_priv.h"

/* ---- maps */

const struct node *map_find(const struct node *n, const char *key)
{
	for (size_t i = 0; i + 1 < n->n; i += 2)
		if (!strcmp(n->v[i].text, key))
			return &n->v[i + 1];
	return NULL;
}

static void name_keys(const struct runbook_section *s, struct strv *words)
{
	for (const struct runbook_key *k = s ? s->keys : NULL; k && k->name;
	     k++)
		strv_add(words, k->name);
}

static int unknown_key(struct reader *r, const struct node *key,
		       const struct runbook_section *s,
		       const struct runbook_section *own)
{
	AUTO(strv_clear) struct strv words = STRV_INIT;
	const char *near;

	name_keys(s, &words);
	name_keys(own, &words);
	near = schema_near(key->text, &words);
	reader_bad(r, key, "%s: unknown key '%s'%s%s%s",
		   own ? own->name : s->name, key->text,
		   near ? "; did you mean '" : "", near ? near : "",
		   near ? "'?" : "");
	return reader_allowed(r, &words);
}

int map_known(struct reader *r, const struct node *n,
	      const struct runbook_section *s,
	      const struct runbook_section *own)
{
	for (size_t i = 0; i < n->n; i += 2)
		if (!schema_key(s->keys, n->v[i].text) &&
		    !(own && schema_key(own->keys, n->v[i].text)))
			return unknown_key(r, &n->v[i], s, own);
	return 0;
}

static int read_section(struct reader *r, const struct node *n,
			const struct runbook_section *s, json_t *into)
{
	for (const struct runbook_key *k = s->keys; k->name; k++) {
		const struct node *at = map_find(n, k->name);
		json_t *v = NULL;

		if (at && k->value == RUNBOOK_NESTED)
			continue;
		if (at && value_read(r, k, at, &v))
			return -1;
		if (v)
			json_object_set_new(into, k->name, v);
		else if (k->required)
			return reader_bad(r, at ? at : n, "%s: '%s' %s",
					  s->name, k->name,
					  at ? "has no value" : "is missing");
	}
	return 0;
}

int map_read(struct reader *r, const struct node *n,
	     const struct runbook_section *s, const struct runbook_section *own,
	     json_t **out)
{
	*out = NULL;
	if (n->kind != NODE_MAP)
		return reader_bad(r, n, "%s: a map is expected, not %s",
				  s->name, node_kind_name(n));
	if (map_known(r, n, s, own))
		return -1;
	*out = json_object();
	if (!read_section(r, n, s, *out) &&
	    (!own || !read_section(r, n, own, *out)))
		return 0;
	json_decref(*out);
	*out = NULL;
	return -1;
}

/* ---- one step */

static int type_of(struct reader *r, const struct node *n,
		   enum runbook_type *out)
{
	const struct runbook_key *k =
		schema_key(schema_section("step")->keys, "type");
	const struct node *at = map_find(n, "type");
	AUTO(strv_clear) struct strv words = STRV_INIT;
	json_t *v = NULL;

	if (at && value_read(r, k, at, &v))
		return -1;
	if (v) {
		*out = (enum runbook_type)schema_type(json_string_value(v));
		json_decref(v);
		return 0;
	}
	reader_bad(r, at ? at : n, "step: 'type' %s",
		   at ? "has no value" : "is missing");
	strv_addv(&words, k->choices);
	return reader_allowed(r, &words);
}

static enum runbook_failure failure_of(const json_t *args)
{
	const char *s = json_string_value(json_object_get(args, "on-failure"));

	if (s && !strcmp(s, "continue"))
		return RUNBOOK_CONTINUE;
	if (s && !strcmp(s, "rollback"))
		return RUNBOOK_ROLLBACK;
	return RUNBOOK_STOP;
}

/* Takes the common keys out of ARGS, which is left with the type's own. */
static void settle(struct reader *r, struct runbook_step *s)
{
	static const char *const common[] = {"name", "type",   "description",
					     "when", "unless", "on-failure"};
	const char *name = json_string_value(json_object_get(s->args, "name"));
	const char *text =
		json_string_value(json_object_get(s->args, "description"));

	s->name = r->loop_name ? mem_printf("%s@%s", name, r->loop_value)
			       : mem_strdup(name);
	s->description = mem_strdup0(text);
	s->on_failure = failure_of(s->args);
	s->skip = json_is_false(json_object_get(s->args, "when")) ||
		  json_is_true(json_object_get(s->args, "unless"));
	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		json_object_del(s->args, common[i]);
}

static int unique(struct reader *r, const struct node *n,
		  const struct runbook_step *s)
{
	const struct runbook_step *was = runbook_step(r->out, s->name);

	return was ? reader_bad(r, n,
				"step '%s' for the second time: one of that "
				"name stands in line %u",
				s->name, was->line)
		   : 0;
}

static struct runbook_step *add_step(struct runbook *rb)
{
	rb->steps = mem_realloc(rb->steps, rb->n + 1, sizeof(*rb->steps));
	rb->steps[rb->n] = (struct runbook_step){0};
	return &rb->steps[rb->n];
}

static int read_step(struct reader *r, const struct node *n)
{
	struct runbook_step *s;
	enum runbook_type type = RUNBOOK_CHECK;
	json_t *args;

	if (n->kind != NODE_MAP)
		return reader_bad(r, n, "step: a map is expected, not %s",
				  node_kind_name(n));
	if (r->out->n >= RUNBOOK_STEPS_MAX)
		return reader_bad(r, n, "more than %d steps",
				  RUNBOOK_STEPS_MAX);
	if (type_of(r, n, &type) ||
	    map_read(r, n, schema_section("step"),
		     schema_section(runbook_type_name(type)), &args))
		return -1;
	s = add_step(r->out);
	s->type = type;
	s->line = n->line;
	s->args = args;
	settle(r, s);
	/* It counts from here on, so that an error frees it. */
	if (unique(r, map_find(n, "name"), s)) {
		r->out->n++;
		return -1;
	}
	r->out->n++;
	return rules_check(r, n, s);
}

/* ---- loops */

static int read_list(struct reader *r, const struct node *n);

static int loop_name(struct reader *r, const struct node *n, const char *name)
{
	const struct node *at = map_find(n, "as");

	if (reader_var(r, name))
		return reader_bad(r, at,
				  "as: '%s' is a variable of the runbook "
				  "already",
				  name);
	return 0;
}

static int run_loop(struct reader *r, const struct node *n, const json_t *head)
{
	const json_t *list = json_object_get(head, "for-each"), *v;
	struct reader inner = *r;
	size_t i;

	inner.loop_name = json_string_value(json_object_get(head, "as"));
	if (loop_name(r, n, inner.loop_name))
		return -1;
	json_array_foreach (list, i, v) {
		inner.loop_value = json_string_value(v);
		if (read_list(&inner, map_find(n, "steps")))
			return -1;
	}
	return 0;
}

static int read_loop(struct reader *r, const struct node *n)
{
	json_t *head;
	int rc;

	if (r->loop_name)
		return reader_bad(r, n, "a for-each within a for-each");
	if (!map_find(n, "steps") && map_find(n, "type"))
		return reader_bad(r, map_find(n, "for-each"),
				  "for-each: 'steps' is missing: it holds the "
				  "steps that are repeated");
	if (map_read(r, n, schema_section("for-each"), NULL, &head))
		return -1;
	rc = run_loop(r, n, head);
	json_decref(head);
	return rc;
}

static int read_list(struct reader *r, const struct node *n)
{
	if (n->kind != NODE_LIST)
		return reader_bad(r, n, "steps: a list is expected, not %s",
				  node_kind_name(n));
	if (!n->n)
		return reader_bad(r, n, "steps: the list is empty");
	for (size_t i = 0; i < n->n; i++) {
		const struct node *s = &n->v[i];
		bool loop = s->kind == NODE_MAP && map_find(s, "for-each");

		if (loop ? read_loop(r, s) : read_step(r, s))
			return -1;
	}
	return 0;
}

int steps_read(struct reader *r, const struct node *n)
{
	return read_list(r, n);
}
