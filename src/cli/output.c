/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void out_text(struct buf *b, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		/* C1 control characters arrive as 0xc2 0x80-0x9f in UTF-8. */
		bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f;

		if (*p < 0x20 || *p == 0x7f)
			buf_printf(b, "\\x%02x", *p);
		else if (c1)
			buf_printf(b, "\\x%02x", *++p);
		else
			buf_putc(b, (char)*p);
	}
}

void out_size(uint64_t bytes, char out[OUT_SIZE_MAX])
{
	static const char *const units[] = {"B",   "KiB", "MiB",
					    "GiB", "TiB", "PiB"};
	double v = (double)bytes;
	size_t u = 0;

	while (v >= 1024 && u + 1 < ARRAY_SIZE(units)) {
		v /= 1024;
		u++;
	}
	snprintf(out, OUT_SIZE_MAX, u ? "%.1f %s" : "%.0f %s", v, units[u]);
}

void out_json(struct buf *b, const json_t *v, size_t flags)
{
	/* Microseconds of a day, without the digits that doubles invent. */
	char *s = json_dumps(v, flags | JSON_REAL_PRECISION(12));

	buf_puts(b, s ? s : "null");
	free(s); /* allowed: jansson's allocator, not ours */
}

/* The member that FIELD names, "a.b" reaching inside; borrowed, or NULL. */
static const json_t *member(const json_t *row, const char *field)
{
	while (row && field) {
		const char *dot = strchr(field, '.');
		AUTO(mem_freep)
		char *name = dot ? mem_strndup(field, (size_t)(dot - field))
				 : mem_strdup(field);

		row = json_object_get(row, name);
		field = dot ? dot + 1 : NULL;
	}
	return row;
}

static void scalar(struct buf *b, const json_t *v)
{
	if (!v || json_is_null(v)) {
		buf_puts(b, "-");
	} else if (json_is_string(v)) {
		out_text(b, json_string_value(v));
	} else {
		AUTO(buf_clear) struct buf s = BUF_INIT;

		out_json(&s, v, JSON_ENCODE_ANY | JSON_COMPACT);
		out_text(b, buf_str(&s));
	}
}

/* The same as a table shows it. */
static void shown(struct buf *b, const json_t *v, enum out_kind kind)
{
	char size[OUT_SIZE_MAX];
	const char *s = json_string_value(v);

	if (kind == OUT_BYTES && json_is_integer(v) && !json_integer_value(v)) {
		buf_putc(b, '-');
	} else if (kind == OUT_BYTES && json_is_integer(v)) {
		out_size((uint64_t)json_integer_value(v), size);
		buf_puts(b, size);
	} else if (kind == OUT_TIME && s && strlen(s) > 19 && s[19] == '.') {
		buf_printf(b, "%.10s %.8sZ", s, s + 11);
	} else if (kind == OUT_NUMBER && json_is_real(v)) {
		buf_printf(b, "%.1f", json_real_value(v));
	} else {
		scalar(b, v);
	}
}

/* Columns on the terminal: UTF-8 continuation bytes take none. */
static size_t width(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void pad(struct buf *b, size_t n)
{
	while (n--)
		buf_putc(b, ' ');
}

static void cell(struct buf *b, const char *s, const struct out_column *c,
		 size_t wide)
{
	size_t fill = wide - width(s);
	bool last = !c[1].field;
	bool right = c->kind == OUT_NUMBER || c->kind == OUT_BYTES;

	if (right)
		pad(b, fill);
	buf_puts(b, s);
	if (!right && !last)
		pad(b, fill);
	buf_puts(b, last ? "\n" : "  ");
}

void out_table(struct buf *b, const json_t *rows, const struct out_column *cols)
{
	size_t n = 0, i;
	const json_t *row;
	size_t wide[32] = {0};

	while (n < ARRAY_SIZE(wide) && cols[n].field) {
		wide[n] = width(cols[n].title);
		n++;
	}
	for (int pass = 0; pass < 2; pass++) {
		for (size_t k = 0; pass && k < n; k++)
			cell(b, cols[k].title, &cols[k], wide[k]);
		json_array_foreach ((json_t *)rows, i, row) {
			for (size_t k = 0; k < n; k++) {
				AUTO(buf_clear) struct buf s = BUF_INIT;

				shown(&s, member(row, cols[k].field),
				      cols[k].kind);
				if (pass)
					cell(b, buf_str(&s), &cols[k], wide[k]);
				else if (width(buf_str(&s)) > wide[k])
					wide[k] = width(buf_str(&s));
			}
		}
	}
}

void out_value(struct buf *b, const json_t *rows, const struct out_column *cols)
{
	const json_t *row;
	size_t i;

	json_array_foreach ((json_t *)rows, i, row) {
		for (size_t k = 0; cols[k].field; k++) {
			if (k)
				buf_putc(b, ' ');
			scalar(b, member(row, cols[k].field));
		}
		buf_putc(b, '\n');
	}
}

/* May S stand in YAML without quotes, and be read back as the same string?
 * Words that start with a letter, hold only letters, digits and ._/-, and are
 * none of the words that some reader takes for a boolean, null or number. */
static bool yaml_plain(const char *s)
{
	static const char *const words[] = {"true", "false", "yes", "no", "on",
					    "off",  "null",  "y",   "n"};

	if (!isalpha((unsigned char)*s))
		return false;
	for (const char *p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._/-", *p))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(s, words[i]))
			return false;
	return true;
}

static void yaml_scalar(struct buf *b, const json_t *v)
{
	if (json_is_string(v) && yaml_plain(json_string_value(v))) {
		buf_puts(b, json_string_value(v));
		return;
	}
	/* A JSON string is a double-quoted YAML one. */
	out_json(b, v, JSON_ENCODE_ANY | JSON_COMPACT);
}

static bool nested(const json_t *v)
{
	return (json_is_object(v) && json_object_size(v)) ||
	       (json_is_array(v) && json_array_size(v));
}

static void yaml_at(struct buf *b, const json_t *v, size_t depth);

static void yaml_child(struct buf *b, const json_t *v, size_t depth, bool list)
{
	if (nested(v) && list) {
		/* "- " and the first member share a line. */
		struct buf inner = BUF_INIT;

		yaml_at(&inner, v, depth + 1);
		buf_puts(b, buf_str(&inner) + 2 * (depth + 1));
		buf_clear(&inner);
	} else if (nested(v)) {
		buf_putc(b, '\n');
		yaml_at(b, v, depth + 1);
	} else {
		if (!list)
			buf_putc(b, ' ');
		yaml_scalar(b, v);
		buf_putc(b, '\n');
	}
}

static void yaml_at(struct buf *b, const json_t *v, size_t depth)
{
	const char *key;
	const json_t *child;
	size_t i;

	if (json_is_object(v)) {
		json_object_foreach ((json_t *)v, key, child) {
			json_t *k = json_string(key);

			pad(b, 2 * depth);
			yaml_scalar(b, k);
			json_decref(k);
			buf_putc(b, ':');
			yaml_child(b, child, depth, false);
		}
		return;
	}
	json_array_foreach ((json_t *)v, i, child) {
		pad(b, 2 * depth);
		buf_puts(b, "- ");
		yaml_child(b, child, depth, true);
	}
}

void out_yaml(struct buf *b, const json_t *v)
{
	if (nested(v)) {
		yaml_at(b, v, 0);
		return;
	}
	yaml_scalar(b, v);
	buf_putc(b, '\n');
}

static void structured(struct buf *b, enum out_format f, const json_t *v)
{
	if (f == OUT_YAML) {
		out_yaml(b, v);
		return;
	}
	out_json(b, v, JSON_INDENT(2));
	buf_putc(b, '\n');
}

void out_list(enum out_format f, const char *name, const json_t *rows,
	      const struct out_column *cols)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	json_t *doc;

	switch (f) {
	case OUT_TABLE:
		out_table(&b, rows, cols);
		break;
	case OUT_VALUE:
		out_value(&b, rows, cols);
		break;
	case OUT_JSON:
	case OUT_YAML:
		doc = json_pack("{s:i s:O}", "schema_version",
				OUT_SCHEMA_VERSION, name, rows);
		structured(&b, f, doc);
		json_decref(doc);
		break;
	}
	fputs(buf_str(&b), stdout);
}

/* "title  value" lines of what the record has. */
static void lines(struct buf *b, const json_t *record,
		  const struct out_column *cols)
{
	size_t wide = 0;

	for (const struct out_column *c = cols; c->field; c++)
		if (width(c->title) > wide)
			wide = width(c->title);
	for (const struct out_column *c = cols; c->field; c++) {
		const json_t *v = member(record, c->field);

		if (!v || json_is_null(v))
			continue;
		buf_puts(b, c->title);
		pad(b, wide - width(c->title) + 2);
		shown(b, v, c->kind);
		buf_putc(b, '\n');
	}
}

void out_record(enum out_format f, const json_t *record,
		const struct out_column *cols)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	json_t *doc, *one;

	switch (f) {
	case OUT_TABLE:
		lines(&b, record, cols);
		break;
	case OUT_VALUE:
		one = json_pack("[O]", record);
		out_value(&b, one, cols);
		json_decref(one);
		break;
	case OUT_JSON:
	case OUT_YAML:
		doc = json_pack("{s:i}", "schema_version", OUT_SCHEMA_VERSION);
		json_object_update(doc, (json_t *)record);
		structured(&b, f, doc);
		json_decref(doc);
		break;
	}
	fputs(buf_str(&b), stdout);
}

void out_note(enum out_format f, const char *fmt, ...)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	AUTO(mem_freep) char *s = NULL;
	va_list ap;

	if (f != OUT_TABLE)
		return;
	va_start(ap, fmt);
	s = mem_vprintf(fmt, ap);
	va_end(ap);
	out_text(&b, s);
	printf("%s\n", buf_str(&b));
}
