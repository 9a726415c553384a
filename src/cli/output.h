/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Results on stdout, in the form that -f asks for.
 *
 *	static const struct out_column cols[] = {
 *		{"job", "JOB"}, {"kept", "KEPT", OUT_BYTES}, {NULL}};
 *
 *	out_list(C->g.format, "jobs", rows, cols);
 *
 * json and yaml carry every member of the rows and a "schema_version"; table
 * and value carry the columns, in their order.  value is one row a line, the
 * fields separated by single spaces, without a header, as the OpenStack client
 * prints it.  Nothing is cut.  Control characters in what hosts and databases
 * say are shown as \xNN in tables: they must not reach a terminal.
 */
#ifndef NH_CLI_OUTPUT_H
#define NH_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>

#include "core/buf.h"

/* Changes when a member is renamed or removed, never when one is added. */
#define OUT_SCHEMA_VERSION 1

enum out_format { OUT_TABLE = 0, OUT_JSON, OUT_YAML, OUT_VALUE };

/* How a column looks in a table; the other formats have the plain value. */
enum out_kind {
	OUT_TEXT = 0,
	OUT_NUMBER, /* to the right; one decimal if any */
	OUT_BYTES,  /* to the right, "1.5 KiB" */
	OUT_TIME,   /* ISO 8601, without the fraction of the second */
};

struct out_column {
	const char *field; /* member of the row; "a.b" reaches inside */
	const char *title;
	enum out_kind kind;
};

/* A list under the member NAME.  ROWS is an array of objects; borrowed. */
void out_list(enum out_format f, const char *name, const json_t *rows,
	      const struct out_column *cols);
/* One object; for table, its columns as "title: value" lines. */
void out_record(enum out_format f, const json_t *record,
		const struct out_column *cols);

/* Lines for people, before or after a table; nothing in the other formats. */
void out_note(enum out_format f, const char *fmt, ...) NH_PRINTF(2, 3);
/* TEXT as it may reach a terminal: control characters as \xNN. */
void out_text(struct buf *b, const char *text);

/* The pieces of the above, for tests. */
void out_yaml(struct buf *b, const json_t *v);
/* json_dumps() with these FLAGS. */
void out_json(struct buf *b, const json_t *v, size_t flags);
void out_table(struct buf *b, const json_t *rows,
	       const struct out_column *cols);
void out_value(struct buf *b, const json_t *rows,
	       const struct out_column *cols);

/* 1536 -> "1.5 KiB"; OUT has room for OUT_SIZE_MAX. */
#define OUT_SIZE_MAX 24
void out_size(uint64_t bytes, char out[OUT_SIZE_MAX]);

#endif
