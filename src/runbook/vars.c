/* SPDX-License-Identifier: Apache-2.0 */
/* The variables: declared in the file, set by --vars and --var. */
#include <string.h>
#include <strings.h>

#include "runbook/runbook_priv.h"

/* What a runbook and its variables say is kept in the journal, where no secret
 * may be. */
static bool secret_name(const char *name)
{
	static const char *const words[] = {
		"password",   "passwd",	    "secret",	   "token",
		"credential", "passphrase", "private-key", "private_key",
		"api-key",    "api_key"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasestr(name, words[i]))
			return true;
	return false;
}

static int declare_type(struct reader *r, const struct node *spec,
			struct var *v)
{
	const struct runbook_key *k =
		schema_key(schema_section("variable")->keys, "type");
	const struct node *n = map_find(spec, "type");
	json_t *type;

	v->type = RUNBOOK_TEXT;
	if (!n)
		return 0;
	if (value_read(r, k, n, &type))
		return -1;
	v->type = (enum runbook_value)schema_value(json_string_value(type));
	json_decref(type);
	return 0;
}

static int check_text(const struct var *v, const char *text, const char **why)
{
	struct runbook_key k = {.name = v->name, .value = v->type};
	json_t *j = value_of(&k, text, why);

	json_decref(j);
	return j ? 0 : -1;
}

/* What N, a text or a list of texts, gives V; PLACE names it in an error. */
static int give(struct reader *r, struct var *v, const struct node *n)
{
	const struct node *one = n;
	size_t count = 1;
	const char *why;

	if (n->kind == NODE_MAP ||
	    (n->kind == NODE_LIST && !schema_is_list(v->type)))
		return reader_bad(r, n, "%s: %s is expected, not %s", v->name,
				  runbook_value_name(v->type),
				  node_kind_name(n));
	if (n->kind == NODE_LIST) {
		one = n->v;
		count = n->n;
	}
	strv_clear(&v->texts);
	for (size_t i = 0; i < count; i++) {
		if (one[i].kind != NODE_TEXT)
			return reader_bad(r, &one[i],
					  "%s: a text is expected, not %s",
					  v->name, node_kind_name(&one[i]));
		if (strstr(one[i].text, "${"))
			return reader_bad(r, &one[i],
					  "%s: a variable's value has no "
					  "variables",
					  v->name);
		if (check_text(v, one[i].text, &why))
			return reader_bad(r, &one[i], "%s: '%s' is not %s",
					  v->name, one[i].text, why);
		strv_add(&v->texts, one[i].text);
	}
	v->given = true;
	return 0;
}

static int declare(struct reader *r, const struct node *name,
		   const struct node *spec)
{
	const struct runbook_section *s = schema_section("variable");
	struct runbook_key as_name = {.name = "name", .value = RUNBOOK_NAME};
	struct var *v = &r->vars[r->n_vars];
	const struct node *n;
	const char *why;
	json_t *j = value_of(&as_name, name->text, &why);

	if (!j)
		return reader_bad(r, name, "variable '%s': it is not %s",
				  name->text, why);
	json_decref(j);
	if (secret_name(name->text)) {
		reader_bad(r, name,
			   "variable '%s': a runbook and its variables are "
			   "kept in the journal and hold no secrets",
			   name->text);
		return err_hint(r->e, "let the hook read it where it is kept");
	}
	if (spec->kind != NODE_MAP)
		return reader_bad(r, spec,
				  "variable '%s': a map is expected, not %s",
				  name->text, node_kind_name(spec));
	if (map_known(r, spec, s, NULL) || declare_type(r, spec, v))
		return -1;
	v->name = mem_strdup(name->text);
	v->at = name;
	r->n_vars++;
	n = map_find(spec, "required");
	if (n) {
		if (value_read(r, schema_key(s->keys, "required"), n, &j))
			return -1;
		v->required = json_is_true(j);
		json_decref(j);
	}
	n = map_find(spec, "description");
	if (n && n->kind != NODE_TEXT)
		return reader_bad(r, n,
				  "description: a text is expected, "
				  "not %s",
				  node_kind_name(n));
	n = map_find(spec, "default");
	return n ? give(r, v, n) : 0;
}

int vars_declare(struct reader *r, const struct node *n)
{
	if (!n)
		return 0;
	if (n->kind != NODE_MAP)
		return reader_bad(r, n, "variables: a map is expected, not %s",
				  node_kind_name(n));
	r->vars = MEM_NEW_N(struct var, n->n / 2 + 1);
	for (size_t i = 0; i < n->n; i += 2)
		if (declare(r, &n->v[i], &n->v[i + 1]))
			return -1;
	return 0;
}

void vars_clear(struct reader *r)
{
	for (size_t i = 0; i < r->n_vars; i++) {
		mem_free(r->vars[i].name);
		strv_clear(&r->vars[i].texts);
	}
	mem_free(r->vars);
	r->vars = NULL;
	r->n_vars = 0;
}

/* ---- --vars and --var */

static void name_them(const struct reader *r, struct strv *words)
{
	for (size_t i = 0; i < r->n_vars; i++)
		strv_add(words, r->vars[i].name);
}

static int no_such(struct reader *r, const char *where, const char *name)
{
	AUTO(strv_clear) struct strv words = STRV_INIT;
	const char *near;

	name_them(r, &words);
	near = schema_near(name, &words);
	err_set(r->e, ERR_USAGE, "%s: the runbook has no variable '%s'%s%s%s",
		where, name, near ? "; did you mean '" : "", near ? near : "",
		near ? "'?" : "");
	return words.n ? reader_allowed(r, &words) : -1;
}

static int from_map(struct reader *r, const struct node *n)
{
	if (n->kind != NODE_MAP)
		return reader_bad(r, n,
				  "a map of variables is expected, "
				  "not %s",
				  node_kind_name(n));
	for (size_t i = 0; i < n->n; i += 2) {
		const struct node *key = &n->v[i];
		AUTO(mem_freep)
		char *where =
			mem_printf("%s:%u:%u", r->file, key->line, key->column);
		struct var *v = reader_var(r, key->text);

		if (!v)
			return no_such(r, where, key->text);
		if (give(r, v, &n->v[i + 1]))
			return -1;
	}
	return 0;
}

static int from_file(struct reader *r, const struct runbook_text *t)
{
	const char *file = r->file;
	struct node n;
	int rc;

	if (node_read(t, &n, r->e))
		return -1;
	r->file = t->name;
	rc = from_map(r, &n);
	r->file = file;
	node_clear(&n);
	return rc;
}

static int from_word(struct reader *r, const char *word)
{
	const char *eq = strchr(word, '='), *why;
	AUTO(mem_freep)
	char *name = eq ? mem_strndup(word, (size_t)(eq - word)) : NULL;
	AUTO(strv_clear) struct strv texts = STRV_INIT;
	struct var *v;

	if (!name)
		return err_set(r->e, ERR_USAGE,
			       "--var %s: name=value is expected", word);
	v = reader_var(r, name);
	if (!v)
		return no_such(r, "--var", name);
	if (schema_is_list(v->type))
		strv_split(&texts, eq + 1, ",");
	else
		strv_add(&texts, eq + 1);
	for (size_t i = 0; i < texts.n; i++)
		if (strlen(texts.v[i]) > RUNBOOK_VALUE_MAX ||
		    strpbrk(texts.v[i], "\r\033") ||
		    check_text(v, texts.v[i], &why))
			return err_set(
				r->e, ERR_USAGE, "--var %s: '%s' is not %s",
				name, texts.v[i],
				runbook_value_name(schema_element(v->type)));
	strv_clear(&v->texts);
	v->texts = texts;
	texts = (struct strv)STRV_INIT;
	v->given = true;
	return 0;
}

int vars_set(struct reader *r, const struct runbook_input *in)
{
	if (in->vars.text && from_file(r, &in->vars))
		return -1;
	for (size_t i = 0; in->set && in->set[i]; i++)
		if (from_word(r, in->set[i]))
			return -1;
	for (size_t i = 0; i < r->n_vars; i++) {
		const struct var *v = &r->vars[i];

		if (!v->required ||
		    (v->given && (!schema_is_list(v->type) || v->texts.n)))
			continue;
		reader_bad(r, v->at, "variable '%s' is required and not set",
			   v->name);
		return err_hint(r->e, "--var %s=..., with %s", v->name,
				runbook_value_name(v->type));
	}
	return 0;
}

json_t *vars_json(const struct reader *r)
{
	json_t *o = json_object();

	for (size_t i = 0; i < r->n_vars; i++) {
		const struct var *v = &r->vars[i];
		json_t *list = json_array();

		for (size_t k = 0; k < v->texts.n; k++)
			json_array_append_new(list, json_string(v->texts.v[k]));
		json_object_set_new(o, v->name,
				    schema_is_list(v->type) ? json_incref(list)
				    : v->given ? json_string(v->texts.v[0])
					       : json_null());
		json_decref(list);
	}
	return o;
}
