/* SPDX-License-Identifier: Apache-2.0 */
#include "runbook/runbook.h"

#include <string.h>

#include "runbook/runbook_priv.h"

void runbook_clear(struct runbook *rb)
{
	for (size_t i = 0; i < rb->n; i++) {
		mem_free(rb->steps[i].name);
		mem_free(rb->steps[i].description);
		json_decref(rb->steps[i].args);
	}
	mem_free(rb->steps);
	mem_free(rb->name);
	mem_free(rb->description);
	json_decref(rb->vars);
	json_decref(rb->profiles);
	*rb = (struct runbook)RUNBOOK_INIT;
}

const struct runbook_step *runbook_step(const struct runbook *rb,
					const char *name)
{
	for (size_t i = 0; i < rb->n; i++)
		if (!strcmp(rb->steps[i].name, name))
			return &rb->steps[i];
	return NULL;
}

/* ---- from YAML */

static int read_profile(struct reader *r, const struct node *n)
{
	const json_t *map, *v;
	json_t *p;
	size_t i;

	if (map_read(r, n, schema_section("profile"), NULL, &p))
		return -1;
	json_array_append_new(r->out->profiles, p);
	map = json_object_get(p, "path-map");
	json_array_foreach (map, i, v) {
		const char *s = json_string_value(v);

		if (*s != '/' || !strstr(s, "=/"))
			return reader_bad(r, map_find(n, "path-map"),
					  "path-map: '%s' is not "
					  "/INSIDE=/OUTSIDE",
					  s);
	}
	return 0;
}

static int read_profiles(struct reader *r, const struct node *n)
{
	if (!n)
		return 0;
	if (n->kind != NODE_LIST)
		return reader_bad(r, n, "profiles: a list is expected, not %s",
				  node_kind_name(n));
	for (size_t i = 0; i < n->n; i++)
		if (read_profile(r, &n->v[i]))
			return -1;
	return 0;
}

static int check_version(struct reader *r, const struct node *n)
{
	const struct node *at = map_find(n, "version");

	if (!at)
		return reader_bad(r, n,
				  "runbook: 'version' is missing: it is "
				  "1");
	if (at->kind == NODE_TEXT && !strcmp(at->text, "1"))
		return 0;
	return reader_bad(r, at, "version: this novahaul reads version %d",
			  RUNBOOK_VERSION);
}

static int read_book(struct reader *r, const struct node *n,
		     const struct runbook_input *in)
{
	struct runbook *rb = r->out;
	const char *text;
	json_t *head;

	if (n->kind != NODE_MAP)
		return reader_bad(r, n, "a runbook is a map, not %s",
				  node_kind_name(n));
	if (check_version(r, n) || vars_declare(r, map_find(n, "variables")) ||
	    vars_set(r, in) ||
	    map_read(r, n, schema_section("runbook"), NULL, &head))
		return -1;
	rb->name = mem_strdup(json_string_value(json_object_get(head, "name")));
	text = json_string_value(json_object_get(head, "description"));
	rb->description = mem_strdup0(text);
	json_decref(head);
	rb->vars = vars_json(r);
	rb->profiles = json_array();
	return read_profiles(r, map_find(n, "profiles")) ||
			       steps_read(r, map_find(n, "steps"))
		       ? -1
		       : 0;
}

int runbook_parse(const struct runbook_input *in, struct runbook *out,
		  struct err *e)
{
	struct reader r = {.file = in->book.name, .out = out, .e = e};
	struct node n;
	int rc;

	*out = (struct runbook)RUNBOOK_INIT;
	if (node_read(&in->book, &n, e))
		return -1;
	rc = read_book(&r, &n, in);
	vars_clear(&r);
	node_clear(&n);
	if (rc)
		runbook_clear(out);
	return rc;
}

/* ---- to JSON, and back */

json_t *runbook_json(const struct runbook *rb)
{
	json_t *steps = json_array();

	for (size_t i = 0; i < rb->n; i++) {
		const struct runbook_step *s = &rb->steps[i];

		json_array_append_new(
			steps,
			json_pack("{s:s, s:s, s:s, s:b, s:i, s:s?, s:O}",
				  "name", s->name, "type",
				  runbook_type_name(s->type), "on_failure",
				  runbook_failure_name(s->on_failure), "skip",
				  s->skip, "line", (int)s->line, "description",
				  s->description, "args", s->args));
	}
	return json_pack("{s:i, s:s, s:s?, s:O, s:O, s:o}", "version",
			 RUNBOOK_VERSION, "name", rb->name, "description",
			 rb->description, "vars", rb->vars, "profiles",
			 rb->profiles, "steps", steps);
}

static int failure_by_name(const char *name)
{
	for (int i = RUNBOOK_STOP; i <= RUNBOOK_ROLLBACK; i++)
		if (!strcmp(runbook_failure_name((enum runbook_failure)i),
			    name))
			return i;
	return -1;
}

static char *text_in(const json_t *j, const char *key)
{
	return mem_strdup0(json_string_value(json_object_get(j, key)));
}

static int step_from_json(const json_t *j, struct runbook_step *s)
{
	const char *name, *type, *fail;
	int skip, line, t, f;
	json_t *args;

	if (json_unpack((json_t *)j, "{s:s, s:s, s:s, s:b, s:i, s:o}", "name",
			&name, "type", &type, "on_failure", &fail, "skip",
			&skip, "line", &line, "args", &args) ||
	    !json_is_object(args))
		return -1;
	t = schema_type(type);
	f = failure_by_name(fail);
	if (t < 0 || f < 0 || line < 0)
		return -1;
	*s = (struct runbook_step){
		.name = mem_strdup(name),
		.type = (enum runbook_type)t,
		.on_failure = (enum runbook_failure)f,
		.skip = skip,
		.line = (unsigned)line,
		.description = text_in(j, "description"),
		.args = json_incref(args),
	};
	return 0;
}

static int from_json(const json_t *j, struct runbook *out)
{
	const char *name;
	json_t *vars, *profiles, *steps, *v;
	int version;
	size_t i;

	if (json_unpack((json_t *)j, "{s:i, s:s, s:o, s:o, s:o}", "version",
			&version, "name", &name, "vars", &vars, "profiles",
			&profiles, "steps", &steps) ||
	    version != RUNBOOK_VERSION || !json_is_object(vars) ||
	    !json_is_array(profiles) || !json_is_array(steps))
		return -1;
	out->name = mem_strdup(name);
	out->description = text_in(j, "description");
	out->vars = json_incref(vars);
	out->profiles = json_incref(profiles);
	out->steps = MEM_NEW_N(struct runbook_step, json_array_size(steps) + 1);
	json_array_foreach (steps, i, v) {
		if (step_from_json(v, &out->steps[i]))
			return -1;
		out->n++;
	}
	return 0;
}

int runbook_from_json(const json_t *j, struct runbook *out, struct err *e)
{
	*out = (struct runbook)RUNBOOK_INIT;
	if (!from_json(j, out))
		return 0;
	runbook_clear(out);
	return err_set(e, ERR_REFUSED,
		       "what the journal has is not a runbook of this build");
}
