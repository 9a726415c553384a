/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of runbook/ share: YAML with its places, and values. */
#ifndef NH_RUNBOOK_RUNBOOK_PRIV_H
#define NH_RUNBOOK_RUNBOOK_PRIV_H

#include "core/buf.h"
#include "runbook/runbook.h"

/* ---- node.c */

enum node_kind { NODE_TEXT = 0, NODE_LIST, NODE_MAP };

/* Children stand in .v: of a map, key and value in turn, the keys being
 * NODE_TEXT and different from each other. */
struct node {
	enum node_kind kind;
	unsigned line, column; /* from 1 */
	char *text;	       /* of NODE_TEXT */
	bool quoted;
	struct node *v;
	size_t n, cap;
};

int node_read(const struct runbook_text *t, struct node *out, struct err *e);
void node_clear(struct node *n);
/* "text", "a list", "a map" */
const char *node_kind_name(const struct node *n);

/* ---- schema.c */

const struct runbook_section *schema_section(const char *name);
const struct runbook_key *schema_key(const struct runbook_key *keys,
				     const char *name);
/* The name of WORDS that WORD may have been meant to be, or NULL. */
const char *schema_near(const char *word, const struct strv *words);
bool schema_is_list(enum runbook_value v);
/* What one element of a list must be. */
enum runbook_value schema_element(enum runbook_value v);
/* -1, without an error, when NAME is none. */
int schema_type(const char *name);
/* The type of a variable by its name; likewise. */
int schema_value(const char *name);

/* ---- values.c */

struct var {
	char *name;
	enum runbook_value type;
	bool required, given;
	struct strv texts; /* one, unless it is a list */
	const struct node *at;
};

struct reader {
	const char *file;
	struct var *vars;
	size_t n_vars;
	/* Inside of a for-each: its variable, else NULL. */
	const char *loop_name, *loop_value;
	struct runbook *out;
	struct err *e;
};

/* "FILE:LINE:COLUMN: ..."; -1. */
int reader_bad(struct reader *r, const struct node *n, const char *fmt, ...)
	NH_PRINTF(3, 4);
/* The hint "allowed here: ..." */
int reader_allowed(struct reader *r, const struct strv *words);
struct var *reader_var(struct reader *r, const char *name);

/* One text of type K as JSON; NULL with *WHY saying what it must be (a static
 * string), without a place. */
json_t *value_of(const struct runbook_key *k, const char *text,
		 const char **why);
/* N's text with the variables in it.  *UNSET: it is one variable that nobody
 * has set; OUT is then empty. */
int value_text(struct reader *r, const struct node *n, struct buf *out,
	       bool *unset);
/* What stands in N, for key K; NULL in *OUT when it counts as not given. */
int value_read(struct reader *r, const struct runbook_key *k,
	       const struct node *n, json_t **out);
/* The texts of a list, its variables put in. */
int value_texts(struct reader *r, const struct node *n, struct strv *out);

/* ---- vars.c */

/* `variables:`, or NULL for none. */
int vars_declare(struct reader *r, const struct node *n);
/* --vars and --var */
int vars_set(struct reader *r, const struct runbook_input *in);
json_t *vars_json(const struct reader *r);
void vars_clear(struct reader *r);

/* ---- steps.c */

/* Every pair of map N into a new object, by section S and by OWN (may be NULL):
 * unknown keys and missing ones are refused. */
int map_read(struct reader *r, const struct node *n,
	     const struct runbook_section *s, const struct runbook_section *own,
	     json_t **out);
const struct node *map_find(const struct node *n, const char *key);
/* Is there a section that knows this key?  Else refused. */
int map_known(struct reader *r, const struct node *n,
	      const struct runbook_section *s,
	      const struct runbook_section *own);
int steps_read(struct reader *r, const struct node *n);

#endif
