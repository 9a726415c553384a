/* SPDX-License-Identifier: Apache-2.0 */
/* One value of the file: its variables, its type. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "runbook/runbook_priv.h"

int reader_bad(struct reader *r, const struct node *n, const char *fmt, ...)
{
	AUTO(mem_freep) char *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	what = mem_vprintf(fmt, ap);
	va_end(ap);
	return err_set(r->e, ERR_USAGE, "%s:%u:%u: %s", r->file, n->line,
		       n->column, what);
}

int reader_allowed(struct reader *r, const struct strv *words)
{
	AUTO(mem_freep) char *list = strv_join(words, ", ");

	return err_hint(r->e, "allowed here: %s", list);
}

/* ---- one text */

static bool name_ok(const char *s, size_t max)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	return n && n <= max && !s[n] && *s != '-' && *s != '.';
}

/* Digits and one letter of UNITS, each worth FACTORS. */
static bool scaled(const char *s, const char *units, const json_int_t *factors,
		   json_int_t *out)
{
	const char *unit;
	char *end;
	long long v;

	if (!isdigit((unsigned char)*s) || strlen(s) > 15)
		return false;
	v = strtoll(s, &end, 10);
	*out = v;
	if (!*end)
		return true;
	unit = strchr(units, *end);
	if (!unit || end[1] || v > (1LL << 60) / factors[unit - units])
		return false;
	*out = v * factors[unit - units];
	return true;
}

static json_t *number(const char *s)
{
	json_int_t v;

	return scaled(s, "", NULL, &v) && v <= 100000 ? json_integer(v) : NULL;
}

static json_t *duration(const char *s)
{
	static const json_int_t factors[] = {1, 60, 3600, 86400};
	json_int_t v;

	return scaled(s, "smhd", factors, &v) && v <= 366 * 86400
		       ? json_integer(v)
		       : NULL;
}

static json_t *size(const char *s)
{
	static const json_int_t factors[] = {1 << 10, 1 << 10, 1 << 20, 1 << 30,
					     1LL << 40};
	json_int_t v;

	return scaled(s, "kKMGT", factors, &v) ? json_integer(v) : NULL;
}

static json_t *boolean(const char *s)
{
	if (!strcasecmp(s, "yes") || !strcasecmp(s, "true"))
		return json_true();
	if (!strcasecmp(s, "no") || !strcasecmp(s, "false"))
		return json_false();
	return NULL;
}

static json_t *choice(const struct runbook_key *k, const char *s)
{
	for (const char *const *c = k->choices; c && *c; c++)
		if (!strcmp(*c, s))
			return json_string(s);
	return NULL;
}

json_t *value_of(const struct runbook_key *k, const char *s, const char **why)
{
	enum runbook_value v = schema_element(k->value);

	*why = runbook_value_name(v);
	switch (v) {
	case RUNBOOK_TEXT:
		*why = "a text that is not empty";
		return *s ? json_string(s) : NULL;
	case RUNBOOK_NAME:
		return name_ok(s, 64) ? json_string(s) : NULL;
	case RUNBOOK_PATH:
		return *s == '/' && !strchr(s, '\n') ? json_string(s) : NULL;
	case RUNBOOK_HOST:
		return name_ok(s, 253) ? json_string(s) : NULL;
	case RUNBOOK_SERVER:
		return *s && *s != '-' && !strchr(s, '\n') ? json_string(s)
							   : NULL;
	case RUNBOOK_CHOICE:
		return choice(k, s);
	case RUNBOOK_BOOLEAN:
		return boolean(s);
	case RUNBOOK_NUMBER:
		return number(s);
	case RUNBOOK_DURATION:
		return duration(s);
	case RUNBOOK_SIZE:
		return size(s);
	case RUNBOOK_HOSTS:
	case RUNBOOK_SERVERS:
	case RUNBOOK_NUMBERS:
	case RUNBOOK_TEXTS:
	case RUNBOOK_ARGV:
	case RUNBOOK_NESTED:
		break;
	}
	return NULL;
}

/* ---- variables in it */

struct var *reader_var(struct reader *r, const char *name)
{
	for (size_t i = 0; i < r->n_vars; i++)
		if (!strcmp(r->vars[i].name, name))
			return &r->vars[i];
	return NULL;
}

static int unknown_var(struct reader *r, const struct node *n, const char *name)
{
	AUTO(strv_clear) struct strv words = STRV_INIT;
	const char *near;

	if (r->loop_name)
		strv_add(&words, r->loop_name);
	for (size_t i = 0; i < r->n_vars; i++)
		strv_add(&words, r->vars[i].name);
	near = schema_near(name, &words);
	reader_bad(r, n, "there is no variable '%s'%s%s%s", name,
		   near ? "; did you mean '" : "", near ? near : "",
		   near ? "'?" : "");
	if (words.n)
		return reader_allowed(r, &words);
	return err_hint(r->e, "declare it under 'variables'");
}

/* ${NAME} at P; its length, or 0 with an error. */
static size_t reference(struct reader *r, const struct node *n, const char *p,
			char **name)
{
	const char *end = strchr(p, '}');

	*name = end ? mem_strndup(p + 2, (size_t)(end - p) - 2) : NULL;
	if (*name && name_ok(*name, 64))
		return (size_t)(end - p) + 1;
	reader_bad(r, n,
		   "'${' begins a variable: ${name}; for the two "
		   "characters write $${");
	return 0;
}

/* The texts of variable NAME.  *WHO NULL: the for-each's. */
static int look_up(struct reader *r, const struct node *n, const char *name,
		   const struct var **who)
{
	*who = NULL;
	if (r->loop_name && !strcmp(r->loop_name, name))
		return 0;
	*who = reader_var(r, name);
	return *who ? 0 : unknown_var(r, n, name);
}

static int put_var(struct reader *r, const struct node *n, const char *name,
		   struct buf *out)
{
	const struct var *v;

	if (look_up(r, n, name, &v))
		return -1;
	if (!v) {
		buf_puts(out, r->loop_value);
		return 0;
	}
	if (schema_is_list(v->type))
		return reader_bad(r, n,
				  "'%s' is a list: it cannot stand within a "
				  "text",
				  name);
	if (!v->given) {
		reader_bad(r, n, "variable '%s' is not set", name);
		return err_hint(r->e, "--var %s=...", name);
	}
	buf_puts(out, v->texts.v[0]);
	return 0;
}

/* N's whole text is one variable: its name, else NULL. */
static char *only_var(const struct node *n)
{
	const char *s = n->kind == NODE_TEXT ? n->text : "";
	size_t len = strlen(s);

	if (len < 4 || strncmp(s, "${", 2) || strchr(s, '}') != s + len - 1)
		return NULL;
	return mem_strndup(s + 2, len - 3);
}

static bool is_unset(struct reader *r, const struct node *n)
{
	AUTO(mem_freep) char *name = only_var(n);
	const struct var *v = name ? reader_var(r, name) : NULL;

	if (!v || (r->loop_name && !strcmp(r->loop_name, name)))
		return false;
	return !v->given || (schema_is_list(v->type) && !v->texts.n);
}

int value_text(struct reader *r, const struct node *n, struct buf *out,
	       bool *unset)
{
	*unset = is_unset(r, n);
	if (*unset)
		return 0;
	for (const char *p = n->text; *p;) {
		AUTO(mem_freep) char *name = NULL;
		size_t len;

		if (!strncmp(p, "$${", 3)) {
			buf_puts(out, "${");
			p += 3;
		} else if (strncmp(p, "${", 2) != 0) {
			buf_putc(out, *p++);
		} else {
			len = reference(r, n, p, &name);
			if (!len || put_var(r, n, name, out))
				return -1;
			p += len;
		}
		if (out->len > RUNBOOK_VALUE_MAX)
			return reader_bad(r, n,
					  "a text of more than %d bytes, its "
					  "variables put in",
					  RUNBOOK_VALUE_MAX);
	}
	return 0;
}

/* ---- lists */

/* N as one element, or as all those of the list variable that it is. */
static int put_element(struct reader *r, const struct node *n, struct strv *out)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	AUTO(mem_freep) char *name = only_var(n);
	const struct var *v = NULL;
	bool unset;

	if (n->kind != NODE_TEXT)
		return reader_bad(r, n, "a text is expected, not %s",
				  node_kind_name(n));
	if (name && look_up(r, n, name, &v))
		return -1;
	if (v && schema_is_list(v->type)) {
		strv_addv(out, v->texts.n ? (const char *const *)v->texts.v
					  : (const char *const[]){NULL});
		return 0;
	}
	if (value_text(r, n, &text, &unset))
		return -1;
	if (!unset)
		strv_add(out, buf_str(&text));
	return 0;
}

int value_texts(struct reader *r, const struct node *n, struct strv *out)
{
	if (n->kind != NODE_LIST)
		return put_element(r, n, out);
	for (size_t i = 0; i < n->n; i++) {
		if (put_element(r, &n->v[i], out))
			return -1;
		if (out->n > RUNBOOK_STEPS_MAX)
			return reader_bad(r, n, "more than %d elements",
					  RUNBOOK_STEPS_MAX);
	}
	return 0;
}

/* ---- a value of a key */

static int wrong(struct reader *r, const struct runbook_key *k,
		 const struct node *n, const char *text, const char *why)
{
	AUTO(strv_clear) struct strv words = STRV_INIT;
	const char *near;

	if (k->value != RUNBOOK_CHOICE)
		return reader_bad(r, n, "%s: '%s' is not %s", k->name, text,
				  why);
	strv_addv(&words, k->choices);
	near = schema_near(text, &words);
	reader_bad(r, n, "%s: '%s' is unknown%s%s%s", k->name, text,
		   near ? "; did you mean '" : "", near ? near : "",
		   near ? "'?" : "");
	return reader_allowed(r, &words);
}

static int read_list(struct reader *r, const struct runbook_key *k,
		     const struct node *n, json_t **out)
{
	AUTO(strv_clear) struct strv texts = STRV_INIT;
	const char *why;
	json_t *v;

	/* A command is written as a list, or is a variable that is one. */
	if (n->kind == NODE_MAP ||
	    (k->value == RUNBOOK_ARGV && n->kind != NODE_LIST))
		return reader_bad(r, n, "%s: it must be %s", k->name,
				  runbook_value_name(k->value));
	if (value_texts(r, n, &texts))
		return -1;
	*out = json_array();
	for (size_t i = 0; i < texts.n; i++) {
		const struct node *at =
			n->kind == NODE_LIST && n->n == texts.n ? &n->v[i] : n;

		v = value_of(k, texts.v[i], &why);
		if (!v)
			return wrong(r, k, at, texts.v[i], why);
		json_array_append_new(*out, v);
	}
	if (texts.n)
		return 0;
	json_decref(*out);
	*out = NULL;
	return 0;
}

int value_read(struct reader *r, const struct runbook_key *k,
	       const struct node *n, json_t **out)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	const char *why;
	bool unset;

	*out = NULL;
	if (schema_is_list(k->value)) {
		if (!read_list(r, k, n, out))
			return 0;
		json_decref(*out);
		*out = NULL;
		return -1;
	}
	if (n->kind != NODE_TEXT)
		return reader_bad(r, n, "%s: %s is expected, not %s", k->name,
				  runbook_value_name(k->value),
				  node_kind_name(n));
	if (value_text(r, n, &text, &unset))
		return -1;
	if (unset)
		return 0;
	*out = value_of(k, buf_str(&text), &why);
	return *out ? 0 : wrong(r, k, n, buf_str(&text), why);
}
