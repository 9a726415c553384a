/* SPDX-License-Identifier: Apache-2.0 */
/* Statements by name, their clauses and their parameters. */
#include "db/db_priv.h"

#include <ctype.h>
#include <string.h>

void sql_ready_clear(struct sql_ready *q)
{
	buf_clear(&q->text);
	strv_clear(&q->params);
}

const struct sql_text *sql_find(const char *name)
{
	for (const struct sql_text *t = sql_texts; t->name; t++)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

struct expand {
	const char *name; /* of the statement */
	const char *p;
	const struct db_features *f;
	bool mark;
	struct sql_ready *out;
};

static size_t word_len(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

static void put(struct expand *x, const char *s, size_t n, bool on)
{
	if (on)
		buf_put(&x->out->text, s, n);
}

/* A literal or a quoted name: nothing in it is ours. */
static int copy_quoted(struct expand *x, bool on, struct err *e)
{
	const char *end = strchr(x->p + 1, *x->p);

	if (!end)
		return err_set(e, ERR_BUG, "%s: open quote", x->name);
	put(x, x->p, (size_t)(end + 1 - x->p), on);
	x->p = end + 1;
	return 0;
}

static void copy_param(struct expand *x, bool on)
{
	size_t n = word_len(x->p + 1);
	AUTO(mem_freep) char *name = mem_strndup(x->p + 1, n);

	if (on) {
		strv_add(&x->out->params, name);
		if (x->mark)
			buf_putc(&x->out->text, '?');
		else
			buf_put(&x->out->text, x->p, n + 1);
	}
	x->p += n + 1;
}

/* "[F_name:" or "[!F_name:"; whether it is on goes to *ON. */
static int clause_open(struct expand *x, bool *on, struct err *e)
{
	bool not = x->p[1] == '!';
	const char *w = x->p + 1 + not ;
	size_t n = word_len(w);

	if (strncmp(w, "F_", 2) || w[n] != ':')
		return err_set(e, ERR_BUG, "%s: bad clause %.20s", x->name,
			       x->p);
	x->p = w + n + 1;
	for (size_t i = 0; i < n_features; i++)
		if (strlen(features[i].name) == n - 2 &&
		    !strncmp(features[i].name, w + 2, n - 2)) {
			*on = feature_get(x->f, &features[i]) != not ;
			return 0;
		}
	return err_set(e, ERR_BUG, "%s: unknown feature %.*s", x->name, (int)n,
		       w);
}

/* NOLINTNEXTLINE(misc-no-recursion): clauses nest two deep */
static int expand(struct expand *x, bool on, int depth, struct err *e)
{
	bool inner = false;

	while (*x->p) {
		if (*x->p == ']' && depth > 0)
			return 0;
		if (*x->p == '[') {
			if (clause_open(x, &inner, e) ||
			    expand(x, on && inner, depth + 1, e))
				return -1;
			if (*x->p++ != ']')
				return err_set(e, ERR_BUG, "%s: open clause",
					       x->name);
		} else if (*x->p == '\'' || *x->p == '`') {
			if (copy_quoted(x, on, e))
				return -1;
		} else if (*x->p == ':' && word_len(x->p + 1)) {
			copy_param(x, on);
		} else {
			put(x, x->p++, 1, on);
		}
	}
	return 0;
}

/* No blank lines where a clause was left out, none at the end. */
static void tidy(struct buf *b)
{
	size_t n = 0;

	for (size_t i = 0; i < b->len; i++) {
		if (b->p[i] == '\n' && (n == 0 || b->p[n - 1] == '\n'))
			continue;
		b->p[n++] = b->p[i];
	}
	while (n && isspace((unsigned char)b->p[n - 1]))
		n--;
	b->len = n;
	if (b->p)
		b->p[n] = '\0';
}

int sql_expand(const struct sql_text *text, const struct db_features *f,
	       bool mark, struct sql_ready *out, struct err *e)
{
	struct expand x = {.name = text->name,
			   .p = text->text,
			   .f = f,
			   .mark = mark,
			   .out = out};

	if (expand(&x, true, 0, e))
		return -1;
	tidy(&out->text);
	return 0;
}

int db_sql_show(const char *release, const struct db_features *f,
		db_sql_sink *sink, void *arg, struct err *e)
{
	struct db_features own = {0};
	int index;

	if (release) {
		index = release_index(release);
		if (index < 0)
			return err_set(e, ERR_USAGE,
				       "%s: not a Nova release that I know",
				       release);
		release_features(index, releases[index].api_max >= 0, &own);
		release_features_beside(index, &own);
		f = &own;
	}
	for (const struct sql_text *t = sql_texts; t->name; t++) {
		struct sql_ready q = {0};
		int r = sql_expand(t, f, false, &q, e);

		if (!r && q.text.len)
			sink(t->name, buf_str(&q.text), arg);
		sql_ready_clear(&q);
		if (r)
			return -1;
	}
	return 0;
}
