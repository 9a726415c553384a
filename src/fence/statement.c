/* SPDX-License-Identifier: Apache-2.0 */
/*
 * statement: a person who knows says so, in words that cannot be said by
 * mistake, with a name and a reason.
 */
#include "fence/fence_priv.h"

#include <ctype.h>
#include <string.h>

enum { NAME_MAX_BYTES = 100, REASON_MAX_BYTES = 500 };

struct words {
	const char *host, *text, *what;
	size_t max;
};

/* A line of text with something in it. */
static int check_words(const struct words *w, struct err *e)
{
	const char *s = w->text;
	json_t *text = s ? json_string(s) : NULL;
	bool utf8 = !s || text, some = false;

	json_decref(text);
	if (!utf8)
		return err_set(e, ERR_USAGE, "%s: not UTF-8", w->what);
	for (const char *p = s; p && *p; p++) {
		if (iscntrl((unsigned char)*p))
			return err_set(e, ERR_USAGE, "%s: not one line of text",
				       w->what);
		some |= !!isalnum((unsigned char)*p) || (*p & 0x80);
	}
	if (!some) {
		err_set(e, ERR_USAGE, "a statement needs %s", w->what);
		return err_hint(e,
				"novahaul fence %s --statement \"%s is off\" "
				"--by NAME --reason TEXT",
				w->host, w->host);
	}
	if (strlen(s) > w->max)
		return err_set(e, ERR_USAGE, "%s: longer than %zu bytes",
			       w->what, w->max);
	return 0;
}

static bool usable(const struct fence_way *w)
{
	return w->statement;
}

static int take(const struct fence_way *w, struct fence_finding *f,
		struct err *e)
{
	AUTO(mem_freep) char *want = mem_printf("%s is off", w->host);
	const struct words by = {w->host, w->by, "a name", NAME_MAX_BYTES};
	const struct words why = {w->host, w->reason, "a reason",
				  REASON_MAX_BYTES};

	if (strcmp(w->statement, want)) {
		err_set(e, ERR_USAGE,
			"what was stated is not \"%s\", to the letter", want);
		return err_hint(e,
				"novahaul fence %s --statement \"%s\" --by "
				"NAME --reason TEXT",
				w->host, want);
	}
	if (check_words(&by, e) || check_words(&why, e))
		return -1;
	json_object_set_new(f->what, "statement", json_string(w->statement));
	json_object_set_new(f->what, "by", json_string(w->by));
	json_object_set_new(f->what, "reason", json_string(w->reason));
	fence_say(f, FENCE_OFF, "%s: %s", w->by, w->reason);
	return 0;
}

const struct fence_provider fence_statement = {
	.name = "statement",
	.proves = true,
	.usable = usable,
	.take = take,
};
