/* SPDX-License-Identifier: Apache-2.0 */
/* YAML as a tree that remembers where everything stood.  Built from libyaml's
 * events, so that anchors, aliases and tags are seen and refused: no text can
 * stand for more than is written. */
#include <string.h>

#include <yaml.h>

#include "runbook/runbook_priv.h"

struct source {
	const struct runbook_text *t;
	yaml_parser_t p;
	unsigned nodes;
	struct err *e;
};

static int bad(struct source *s, yaml_mark_t m, const char *what)
{
	return err_set(s->e, ERR_USAGE, "%s:%zu:%zu: %s", s->t->name,
		       m.line + 1, m.column + 1, what);
}

void node_clear(struct node *n)
{
	for (size_t i = 0; i < n->n; i++)
		node_clear(&n->v[i]);
	mem_free(n->v);
	mem_free(n->text);
	*n = (struct node){0};
}

const char *node_kind_name(const struct node *n)
{
	switch (n->kind) {
	case NODE_TEXT:
		return "text";
	case NODE_LIST:
		return "a list";
	case NODE_MAP:
		return "a map";
	}
	return "?";
}

/* Where the reader, which counts bytes only, met what is not UTF-8. */
static yaml_mark_t mark_of_offset(const struct runbook_text *t, size_t off)
{
	yaml_mark_t m = {0};

	for (size_t i = 0; i < off && i < t->len; i++) {
		m.column++;
		if (t->text[i] == '\n') {
			m.line++;
			m.column = 0;
		}
	}
	return m;
}

static int next(struct source *s, yaml_event_t *ev)
{
	AUTO(mem_freep) char *what = NULL;

	if (yaml_parser_parse(&s->p, ev))
		return 0;
	what = mem_printf(
		"not YAML: %s%s%s", s->p.problem ? s->p.problem : "unreadable",
		s->p.context ? ", " : "", s->p.context ? s->p.context : "");
	return bad(s,
		   s->p.error == YAML_READER_ERROR
			   ? mark_of_offset(s->t, s->p.problem_offset)
			   : s->p.problem_mark,
		   what);
}

/* A text that may reach a terminal, a command and a database. */
static bool clean(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static int read_value(struct source *s, const yaml_event_t *ev, unsigned depth,
		      struct node *out);

static int read_text(struct source *s, const yaml_event_t *ev, struct node *out)
{
	const char *p = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;

	if (!clean(p, len))
		return bad(s, ev->start_mark, "a control character in a text");
	if (len > RUNBOOK_VALUE_MAX)
		return bad(s, ev->start_mark, "a text of more than 8192 bytes");
	out->text = mem_strndup(p, len);
	out->quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	return 0;
}

static struct node *add(struct node *to)
{
	if (to->n == to->cap) {
		to->cap = to->cap ? 2 * to->cap : 4;
		to->v = mem_realloc(to->v, to->cap, sizeof(*to->v));
	}
	to->v[to->n] = (struct node){0};
	return &to->v[to->n++];
}

/* The key that was read last: a text, and not one that is there already. */
static int check_key(struct source *s, const yaml_event_t *ev,
		     const struct node *map)
{
	const struct node *key = &map->v[map->n - 1];
	AUTO(mem_freep) char *what = NULL;

	if (key->kind != NODE_TEXT)
		return bad(s, ev->start_mark, "a key must be a word");
	for (size_t i = 0; i + 1 < map->n; i += 2) {
		if (strcmp(map->v[i].text, key->text) != 0)
			continue;
		what = mem_printf("key '%s' for the second time: it stands "
				  "in line %u already",
				  key->text, map->v[i].line);
		return bad(s, ev->start_mark, what);
	}
	return 0;
}

/* The children up to END. */
static int read_children(struct source *s, yaml_event_type_t end,
			 unsigned depth, struct node *out)
{
	yaml_event_t ev;
	bool last = false;
	int rc = 0;

	while (!rc && !last) {
		if (next(s, &ev))
			return -1;
		last = ev.type == end;
		if (!last) {
			rc = read_value(s, &ev, depth + 1, add(out));
			if (!rc && out->kind == NODE_MAP && out->n % 2)
				rc = check_key(s, &ev, out);
		}
		yaml_event_delete(&ev);
	}
	return rc;
}

static int plain(struct source *s, const yaml_event_t *ev,
		 const yaml_char_t *anchor, const yaml_char_t *tag)
{
	if (anchor)
		return bad(s, ev->start_mark,
			   "an anchor (&): write it out, or use a variable");
	/* "!" alone is what quotes mean. */
	if (tag && strcmp((const char *)tag, "!") != 0)
		return bad(s, ev->start_mark, "a tag (!): types are known");
	return 0;
}

static int read_value(struct source *s, const yaml_event_t *ev, unsigned depth,
		      struct node *out)
{
	out->line = (unsigned)ev->start_mark.line + 1;
	out->column = (unsigned)ev->start_mark.column + 1;
	if (depth > RUNBOOK_DEPTH_MAX)
		return bad(s, ev->start_mark, "nested too deep");
	if (++s->nodes > RUNBOOK_NODES_MAX)
		return bad(s, ev->start_mark, "more than 20000 values");
	if (ev->type == YAML_ALIAS_EVENT)
		return bad(s, ev->start_mark,
			   "an alias (*): write it out, or use a variable");
	if (ev->type == YAML_SCALAR_EVENT)
		return plain(s, ev, ev->data.scalar.anchor,
			     ev->data.scalar.tag) ||
				       read_text(s, ev, out)
			       ? -1
			       : 0;
	if (ev->type == YAML_SEQUENCE_START_EVENT) {
		out->kind = NODE_LIST;
		return plain(s, ev, ev->data.sequence_start.anchor,
			     ev->data.sequence_start.tag) ||
				       read_children(s, YAML_SEQUENCE_END_EVENT,
						     depth, out)
			       ? -1
			       : 0;
	}
	if (ev->type == YAML_MAPPING_START_EVENT) {
		out->kind = NODE_MAP;
		return plain(s, ev, ev->data.mapping_start.anchor,
			     ev->data.mapping_start.tag) ||
				       read_children(s, YAML_MAPPING_END_EVENT,
						     depth, out)
			       ? -1
			       : 0;
	}
	return bad(s, ev->start_mark, "not a value");
}

/* One event of a kind that has to come now. */
static int expect(struct source *s, yaml_event_type_t type, const char *what)
{
	yaml_event_t ev;
	int rc;

	if (next(s, &ev))
		return -1;
	rc = ev.type == type ? 0 : bad(s, ev.start_mark, what);
	yaml_event_delete(&ev);
	return rc;
}

static int read_document(struct source *s, struct node *out)
{
	yaml_event_t ev;
	int rc;

	if (expect(s, YAML_STREAM_START_EVENT, "not YAML") ||
	    expect(s, YAML_DOCUMENT_START_EVENT, "the file is empty") ||
	    next(s, &ev))
		return -1;
	rc = read_value(s, &ev, 1, out);
	yaml_event_delete(&ev);
	if (rc || expect(s, YAML_DOCUMENT_END_EVENT, "not YAML"))
		return -1;
	return expect(s, YAML_STREAM_END_EVENT,
		      "a second document: one file is one runbook");
}

int node_read(const struct runbook_text *t, struct node *out, struct err *e)
{
	struct source s = {.t = t, .e = e};
	yaml_mark_t top = {0};
	int rc;

	*out = (struct node){0};
	if (t->len > RUNBOOK_TEXT_MAX)
		return bad(&s, top, "larger than 256 KiB");
	if (!yaml_parser_initialize(&s.p))
		return err_set(e, ERR_FAILED, "%s: libyaml: no parser",
			       t->name);
	yaml_parser_set_encoding(&s.p, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&s.p, (const unsigned char *)t->text,
				     t->len);
	rc = read_document(&s, out);
	yaml_parser_delete(&s.p);
	if (rc)
		node_clear(out);
	return rc;
}
