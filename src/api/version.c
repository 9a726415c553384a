/* SPDX-License-Identifier: Apache-2.0 */
/* Version documents and error bodies. */
#include "api/token_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/json_priv.h"

enum { FAULT_MAX = 400 };

struct api_version version_read(const char *s)
{
	struct api_version v = {0};
	char *end;
	long major, minor = 0;

	if (s && *s == 'v')
		s++;
	if (!s || !isdigit((unsigned char)*s))
		return v;
	major = strtol(s, &end, 10);
	if (*end == '.' && isdigit((unsigned char)end[1]))
		minor = strtol(end + 1, &end, 10);
	if (*end || major > 1000 || minor > 100000)
		return v;
	v.major = (int)major;
	v.minor = (int)minor;
	return v;
}

void version_offers_clear(struct version_offers *o)
{
	mem_free(o->v);
	*o = (struct version_offers){0};
}

static void take_offer(struct jr *r, const json_t *o,
		       struct version_offers *out)
{
	AUTO(mem_freep) char *id = jr_str(r, o, "id");
	AUTO(mem_freep) char *min = jr_str(r, o, "min_version");
	AUTO(mem_freep) char *max = jr_str(r, o, "max_version");

	if (!max)
		max = jr_str(r, o, "version");
	out->v = mem_realloc(out->v, out->n + 1, sizeof(*out->v));
	out->v[out->n++] = (struct version_offer){
		version_read(id), version_read(min), version_read(max)};
}

int version_offers_parse(const char *text, size_t len,
			 struct version_offers *out, struct err *e)
{
	json_t *one, *list, *v;
	struct jr r;
	size_t i;
	int rc;

	*out = (struct version_offers){0};
	if (jr_open(&r, text, len, NULL, e))
		return -1;
	one = jr_obj(&r, r.root, "version");
	list = json_object_get(r.root, "versions");
	if (!list) /* 300 for a path that is not known, to Liberty */
		list = json_object_get(r.root, "choices");
	if (json_is_object(list))
		list = json_object_get(list, "values");
	if (one)
		take_offer(&r, one, out);
	else if (!json_is_array(list))
		jr_fail(&r, "it has no \"versions\"");
	json_array_foreach (list, i, v)
		if (!one)
			take_offer(&r, v, out);
	rc = jr_close(&r);
	if (rc)
		version_offers_clear(out);
	return rc;
}

/* The message of an error object, or NULL; borrowed. */
static const char *message(const json_t *j)
{
	static const char *const keys[] = {"message", "detail", "faultstring",
					   "title"};
	const json_t *v, *first;
	const char *s;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		s = json_string_value(json_object_get(j, keys[i]));
		if (s && *s)
			return s;
	}
	v = json_object_get(j, "errors");
	first = json_array_get(v, 0);
	return first ? message(first) : NULL;
}

static const char *any_message(json_t *j)
{
	const char *key, *s = message(j);
	json_t *v;

	if (s)
		return s;
	json_object_foreach (j, key, v) {
		s = json_string_value(v);
		if (!s)
			s = message(v);
		if (s && *s)
			return s;
	}
	return NULL;
}

/* One line; tags of an HTML page are dropped. */
static char *plain(const char *s, size_t n, bool html)
{
	struct buf b = BUF_INIT;
	bool tag = false;

	for (size_t i = 0; i < n && b.len < FAULT_MAX; i++) {
		unsigned char c = (unsigned char)s[i];

		if (html && (c == '<' || c == '>')) {
			tag = c == '<';
			c = ' ';
		}
		if (tag)
			continue;
		if (c < 0x20 || c == 0x7f)
			c = ' ';
		if (c == ' ' && (!b.len || b.p[b.len - 1] == ' '))
			continue;
		buf_putc(&b, (char)c);
	}
	while (b.len && b.p[b.len - 1] == ' ')
		b.p[--b.len] = '\0';
	/* Not in the middle of a character. */
	while (b.len >= FAULT_MAX && ((unsigned char)b.p[b.len - 1] & 0x80))
		b.p[--b.len] = '\0';
	return buf_steal(&b);
}

char *fault_text(const char *text, size_t len)
{
	json_t *j = json_loadb(text ? text : "", len, 0, NULL);
	const char *s = any_message(j);
	char *out;

	if (s)
		out = plain(s, strlen(s), false);
	else
		out = plain(text, j ? 0 : len, true);
	json_decref(j);
	return out;
}
