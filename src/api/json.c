/* SPDX-License-Identifier: Apache-2.0 */
#include "api/json_priv.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

void jr_fail(struct jr *r, const char *fmt, ...)
{
	va_list ap;
	char *msg;

	if (r->bad)
		return;
	va_start(ap, fmt);
	msg = mem_vprintf(fmt, ap);
	va_end(ap);
	err_set(r->e, ERR_FAILED, "unexpected answer: %s", msg);
	mem_free(msg);
	r->bad = true;
}

int jr_open(struct jr *r, const char *text, size_t len, const char *key,
	    struct err *e)
{
	json_error_t je;

	*r = (struct jr){.e = e};
	r->doc = json_loadb(text ? text : "", len, 0, &je);
	if (!r->doc) {
		/* je.text may quote the answer: only where, not what. */
		jr_fail(r, "not JSON (byte %d of %zu)", je.position, len);
		return -1;
	}
	r->root = key ? json_object_get(r->doc, key) : r->doc;
	if (!json_is_object(r->doc))
		jr_fail(r, "not a JSON object");
	else if (!r->root)
		jr_fail(r, "it has no \"%s\"", key);
	return r->bad ? jr_close(r) : 0;
}

int jr_close(struct jr *r)
{
	json_decref(r->doc);
	r->doc = r->root = NULL;
	return r->bad ? -1 : 0;
}

int jr_close_secret(struct jr *r)
{
	json_wipe(r->doc);
	return jr_close(r);
}

static json_t *member(struct jr *r, const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if (o && !json_is_object(o))
		jr_fail(r, "what should hold \"%s\" is not an object", key);
	return json_is_null(v) ? NULL : v;
}

bool jr_has(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return v && !json_is_null(v);
}

char *jr_str(struct jr *r, const json_t *o, const char *key)
{
	const json_t *v = member(r, o, key);

	if (v && !json_is_string(v)) {
		jr_fail(r, "\"%s\" is not a string", key);
		return NULL;
	}
	return mem_strdup0(json_string_value(v));
}

char *jr_need(struct jr *r, const json_t *o, const char *key)
{
	char *s = jr_str(r, o, key);

	if (!s || !*s)
		jr_fail(r, "it has no \"%s\"", key);
	return s;
}

char *jr_id(struct jr *r, const json_t *o, const char *key)
{
	const json_t *v = member(r, o, key);

	if (json_is_integer(v))
		return mem_printf("%" JSON_INTEGER_FORMAT,
				  json_integer_value(v));
	return jr_str(r, o, key);
}

char *jr_text(struct jr *r, const json_t *o, const char *key)
{
	const json_t *v = member(r, o, key);
	AUTO(buf_clear) struct buf b = BUF_INIT;
	size_t n;

	if (!v)
		return NULL;
	/* Neutron on some releases gives "" for an empty one. */
	if (json_is_string(v) && !json_string_length(v))
		return mem_strdup("{}");
	if (!json_is_object(v)) {
		jr_fail(r, "\"%s\" is not an object", key);
		return NULL;
	}
	n = json_dumpb(v, NULL, 0, JSON_COMPACT | JSON_SORT_KEYS);
	b.len = json_dumpb(v, buf_reserve(&b, n), n,
			   JSON_COMPACT | JSON_SORT_KEYS);
	buf_putc(&b, '\0');
	return buf_steal(&b);
}

int64_t jr_int(struct jr *r, const json_t *o, const char *key, int64_t none)
{
	const json_t *v = member(r, o, key);

	if (!v)
		return none;
	if (!json_is_integer(v)) {
		jr_fail(r, "\"%s\" is not an integer", key);
		return none;
	}
	return json_integer_value(v);
}

bool jr_bool(struct jr *r, const json_t *o, const char *key)
{
	const json_t *v = member(r, o, key);
	const char *s = json_string_value(v);

	if (!v || json_is_boolean(v))
		return json_is_true(v);
	if (s && (!*s || !strcasecmp(s, "false")))
		return false;
	if (s && !strcasecmp(s, "true"))
		return true;
	jr_fail(r, "\"%s\" is not a boolean", key);
	return false;
}

json_t *jr_obj(struct jr *r, const json_t *o, const char *key)
{
	json_t *v = member(r, o, key);

	if (v && !json_is_object(v)) {
		jr_fail(r, "\"%s\" is not an object", key);
		return NULL;
	}
	return v;
}

json_t *jr_arr(struct jr *r, const json_t *o, const char *key)
{
	json_t *v = member(r, o, key);

	if (v && !json_is_array(v)) {
		jr_fail(r, "\"%s\" is not an array", key);
		return NULL;
	}
	return v;
}

size_t jr_objs(struct jr *r, const json_t *array, const char *what)
{
	size_t n = json_array_size(array);

	if (!json_is_array(array)) {
		jr_fail(r, "\"%s\" is not an array", what);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		if (!json_is_object(json_array_get(array, i))) {
			jr_fail(r, "%s %zu is not an object", what, i);
			return 0;
		}
	return n;
}

void json_put(struct buf *b, const char *s)
{
	buf_putc(b, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			buf_putc(b, '\\');
		if (c < 0x20)
			buf_printf(b, "\\u%04x", c);
		else
			buf_putc(b, (char)c);
	}
	buf_putc(b, '"');
}

void json_key(struct buf *b, const char *key)
{
	if (b->len && b->p[b->len - 1] != '{')
		buf_putc(b, ',');
	json_put(b, key);
	buf_putc(b, ':');
}

void json_member(struct buf *b, const char *key, const char *value)
{
	if (!value)
		return;
	json_key(b, key);
	json_put(b, value);
}

bool json_is_text(const char *text)
{
	json_t *j = text ? json_loads(text, 0, NULL) : NULL;
	bool ok = json_is_object(j);

	json_decref(j);
	return ok;
}

void json_wipe(json_t *j)
{
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_string(j)) {
		/* jansson owns these bytes and gives no other way. */
		explicit_bzero((char *)(uintptr_t)json_string_value(j),
			       json_string_length(j));
	} else if (json_is_array(j)) {
		json_array_foreach (j, i, v)
			json_wipe(v);
	} else if (json_is_object(j)) {
		json_object_foreach (j, key, v)
			json_wipe(v);
	}
}

void secret_free(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	mem_free(s);
}

void secret_freep(char **s)
{
	secret_free(*s);
}

void secret_clear(struct buf *b)
{
	if (b->p)
		explicit_bzero(b->p, b->cap);
	buf_clear(b);
}

void url_put(struct buf *b, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (isalnum(c) || strchr("-._~", c))
			buf_putc(b, (char)c);
		else
			buf_printf(b, "%%%02X", c);
	}
}
