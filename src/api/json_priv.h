/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading answers: a cursor that remembers the first thing that was wrong, so
 * that a parser is a list of fields.
 *
 *	struct jr r;
 *
 *	if (jr_open(&r, text, len, "server", e))
 *		return -1;
 *	out->id = jr_need(&r, r.root, "id");
 *	out->host = jr_str(&r, r.root, "OS-EXT-SRV-ATTR:host");
 *	return jr_close(&r);		-1 when anything was wrong
 *
 * Members that are missing or null are NULL, false or the given number; of
 * another type they are an error that names them.  Answers are bounded by the
 * session; depth is bounded by jansson (2048).
 */
#ifndef NH_API_JSON_PRIV_H
#define NH_API_JSON_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "core/buf.h"
#include "core/err.h"

struct jr {
	json_t *doc;  /* owned */
	json_t *root; /* the member KEY of it, or the document */
	struct err *e;
	bool bad;
};

/* KEY: the one member of the document that holds the answer, or NULL.  Its
 * absence is an error.  Nothing is to be closed then. */
int jr_open(struct jr *r, const char *text, size_t len, const char *key,
	    struct err *e);
int jr_close(struct jr *r);
/* As jr_close(), overwriting every string first. */
int jr_close_secret(struct jr *r);
/* Says what is wrong, once. */
void jr_fail(struct jr *r, const char *fmt, ...) NH_PRINTF(2, 3);

/* Owned strings.  Numbers and booleans are an error. */
char *jr_str(struct jr *r, const json_t *o, const char *key);
char *jr_need(struct jr *r, const json_t *o, const char *key); /* not NULL */
/* A string or an integer, as text: ids changed their type. */
char *jr_id(struct jr *r, const json_t *o, const char *key);
/* The JSON text of an object; NULL when missing or null. */
char *jr_text(struct jr *r, const json_t *o, const char *key);
int64_t jr_int(struct jr *r, const json_t *o, const char *key, int64_t none);
/* true, false; also "True", "true", "False", "" as Nova writes some. */
bool jr_bool(struct jr *r, const json_t *o, const char *key);
bool jr_has(const json_t *o, const char *key); /* there and not null */
/* Borrowed; NULL when missing or null. */
json_t *jr_obj(struct jr *r, const json_t *o, const char *key);
json_t *jr_arr(struct jr *r, const json_t *o, const char *key);
/* The elements of an array that must be objects; the size for MEM_NEW_N. */
size_t jr_objs(struct jr *r, const json_t *array, const char *what);

/* S as a JSON string, with its quotes. */
void json_put(struct buf *b, const char *s);
/* ,"KEY":"VALUE" -- nothing when VALUE is NULL; no comma after '{'. */
void json_member(struct buf *b, const char *key, const char *value);
/* ,"KEY": -- the caller adds the value. */
void json_key(struct buf *b, const char *key);
/* Is TEXT one JSON object? */
bool json_is_text(const char *text);

/* Overwrites all strings in J. */
void json_wipe(json_t *j);
/* Overwrites and frees; NULL is fine. */
void secret_free(char *s);
void secret_freep(char **s);
void secret_clear(struct buf *b);

/* Bytes for a path or query: all but unreserved ones as %XX. */
void url_put(struct buf *b, const char *s);

#endif
