/* SPDX-License-Identifier: Apache-2.0 */
/* Words of an argv, without a shell. */
#include <ctype.h>
#include <string.h>

#include "cli/config.h"

/* Does a backslash before C, in quotes of this kind, stand for C? */
static bool escapes(char quote, char c)
{
	return !quote || (quote == '"' && strchr("$`\"\\", c));
}

/* One word of S into B; returns what is behind it, or NULL. */
static const char *one_word(const char *s, struct buf *b, struct err *e)
{
	char quote = '\0';

	for (; *s && (quote || !isspace((unsigned char)*s)); s++) {
		if (quote != '\'' && strchr("$`", *s))
			break;
		if (!quote && strchr(";|&<>()*?[]~#{}!", *s))
			break;
		if (*s == quote)
			quote = '\0';
		else if (!quote && (*s == '\'' || *s == '"'))
			quote = *s;
		else if (*s == '\\' && s[1] && escapes(quote, s[1]))
			buf_putc(b, *++s);
		else
			buf_putc(b, *s);
	}
	if (quote && !*s) {
		err_set(e, ERR_USAGE, "a %c that does not end", quote);
		return NULL;
	}
	if (*s && !isspace((unsigned char)*s)) {
		err_set(e, ERR_USAGE,
			"'%c' would need a shell, and there is none: quote it "
			"with '...'",
			*s);
		return NULL;
	}
	return s;
}

int config_split_words(const char *s, struct strv *out, struct err *e)
{
	while (*(s += strspn(s, " \t\n"))) {
		AUTO(buf_clear) struct buf b = BUF_INIT;

		s = one_word(s, &b, e);
		if (!s)
			return -1;
		strv_add(out, buf_str(&b));
	}
	return 0;
}
