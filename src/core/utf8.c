/* SPDX-License-Identifier: Apache-2.0 */
#include "core/utf8.h"

#include <string.h>

#include "core/buf.h"

long utf8_decode(const char *text, size_t *n)
{
	static const long least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *s = (const unsigned char *)text;
	long c = s[0];

	*n = c < 0x80 ? 1 : c < 0xc0 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (*n == 0 || c >= 0xf8) {
		*n = 1;
		return -1;
	}
	if (*n > 1)
		c &= 0xff >> (*n + 1);
	for (size_t i = 1; i < *n; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			*n = 1;
			return -1;
		}
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[*n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
		*n = 1;
		return -1;
	}
	return c;
}

char *utf8_escape(const char *text)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	size_t n;

	if (!text)
		return NULL;
	for (; *text; text += n)
		if (utf8_decode(text, &n) < 0)
			buf_printf(&b, "\\x%02x", (unsigned char)*text);
		else
			buf_put(&b, text, n);
	return mem_strdup(buf_str(&b));
}
