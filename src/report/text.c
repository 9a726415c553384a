/* SPDX-License-Identifier: Apache-2.0 */
/* Text of strangers, for JSON and for HTML; numbers for people. */
#include "report/report_priv.h"

#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

json_t *report_string(const char *text)
{
	AUTO(mem_freep) char *clean = utf8_escape(text);

	return clean ? json_string(clean) : NULL;
}

void report_put(json_t *o, const char *key, const char *text)
{
	if (text)
		json_object_set_new(o, key, report_string(text));
}

/* Characters that no eye sees, or that change the order of what it reads:
 * controls, bidirectional marks, joiners, tags, private use. */
static bool is_hidden(long c)
{
	static const struct {
		long first, last;
	} hidden[] = {
		{0, 0x1f},	    {0x7f, 0x9f},	 {0xad, 0xad},
		{0x34f, 0x34f},	    {0x61c, 0x61c},	 {0x115f, 0x1160},
		{0x17b4, 0x17b5},   {0x180b, 0x180f},	 {0x200b, 0x200f},
		{0x2028, 0x202e},   {0x2060, 0x206f},	 {0x2800, 0x2800},
		{0x3164, 0x3164},   {0xe000, 0xf8ff},	 {0xfe00, 0xfe0f},
		{0xfeff, 0xfeff},   {0xffa0, 0xffa0},	 {0xfff0, 0xffff},
		{0x1d173, 0x1d17a}, {0xe0000, 0x10ffff},
	};

	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return true;
	return false;
}

static void put_char(struct buf *b, const char *s, size_t n, long c)
{
	if (c < 0)
		buf_printf(b, "\\x%02x", (unsigned char)*s);
	else if (c == '&')
		buf_puts(b, "&amp;");
	else if (c == '<')
		buf_puts(b, "&lt;");
	else if (c == '>')
		buf_puts(b, "&gt;");
	else if (c == '"')
		buf_puts(b, "&quot;");
	else if (c == '\'')
		buf_puts(b, "&#39;");
	else if (c < 0x100 && is_hidden(c))
		buf_printf(b, "\\x%02lx", c);
	else if (is_hidden(c))
		buf_printf(b, "\\u{%lx}", c);
	else
		buf_put(b, s, n);
}

void report_escape(struct buf *b, const char *text, size_t max)
{
	size_t all = strlen(text), n;

	for (size_t at = 0; at < all; at += n) {
		long c = utf8_decode(text + at, &n);

		if (max && at + n > max) {
			buf_printf(b, "... (%zu bytes in all)", all);
			return;
		}
		put_char(b, text + at, n, c);
	}
}

void report_seconds(double s, char out[REPORT_WORD_MAX])
{
	long n = (long)(s + 0.5);

	if (s < 0)
		s = 0;
	if (s < 10)
		snprintf(out, REPORT_WORD_MAX, "%.2f s", s);
	else if (s < 59.95)
		snprintf(out, REPORT_WORD_MAX, "%.1f s", s);
	else if (n < 3600)
		snprintf(out, REPORT_WORD_MAX, "%ld min %02ld s", n / 60,
			 n % 60);
	else if (n < 86400)
		snprintf(out, REPORT_WORD_MAX, "%ld h %02ld min", n / 3600,
			 n / 60 % 60);
	else
		snprintf(out, REPORT_WORD_MAX, "%ld d %02ld h", n / 86400,
			 n / 3600 % 24);
}

void report_bytes(double n, char out[REPORT_WORD_MAX])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
	size_t i = 0;

	if (n < 1024) {
		snprintf(out, REPORT_WORD_MAX, "%.0f B", n < 0 ? 0 : n);
		return;
	}
	for (n /= 1024; n >= 1024 && i + 1 < ARRAY_SIZE(units); i++)
		n /= 1024;
	snprintf(out, REPORT_WORD_MAX, "%.1f %s", n, units[i]);
}

/* --- members */

const json_t *report_get(const json_t *o, const char *path)
{
	char part[64];

	while (o && *path) {
		size_t n = strcspn(path, ".");

		snprintf(part, sizeof(part), "%.*s", (int)n, path);
		o = json_object_get(o, part);
		path += n + (path[n] == '.');
	}
	return o;
}

const char *report_str(const json_t *o, const char *path)
{
	const char *s = json_string_value(report_get(o, path));

	return s ? s : "";
}

double report_num(const json_t *o, const char *path)
{
	return json_number_value(report_get(o, path));
}
