/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INI files by the rules of oslo.config (oslo_config/iniparser.py, cfg.py),
 * which are not those of most INI libraries:
 *
 *  - the first of '=' and ':' ends the key; no comment begins inside a line,
 *    so a '#' or ';' in a password or an URL is part of the value;
 *  - a line that begins with a space or tab continues the value above, joined
 *    by a newline; an empty line or a comment ends it;
 *  - one pair of equal quotes around the whole value is dropped;
 *  - a key may be repeated: a single-valued option takes the last one of the
 *    last file, a multi-valued one takes all, in order;
 *  - section names are case-insensitive, except DEFAULT; keys are not;
 *  - $opt, ${opt} and ${group.opt} stand for other options; $$ and \$ for '$'.
 *
 *	struct ini *ini = ini_new();
 *
 *	if (ini_parse(ini, "/etc/nova/nova.conf", text, len, &e)) ...
 *	ini_env(ini, environ);
 *	v = ini_value(ini, "DEFAULT", "instances_path", defaults);
 *	ini_free(ini);
 *
 * Pure: it opens nothing.  The text may be hostile: lines, values, the number
 * of items and the depth of substitution are bounded.
 */
#ifndef NH_CORE_INI_H
#define NH_CORE_INI_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/err.h"

enum {
	INI_TEXT_MAX = 1 << 20, /* bytes of one file, and of one value */
	INI_LINE_MAX = 1 << 16,
	INI_ITEMS_MAX = 20000,
};

struct ini;

struct ini_item {
	char *group, *key, *value; /* as written, not substituted */
	const char *file;	   /* owned by the ini; for messages */
	unsigned line;		   /* 0: from the environment */
};

/* What an option is when nobody sets it; the table ends with .key NULL. */
struct ini_default {
	const char *group, *key, *value;
};

void ini_free(struct ini *ini);
struct ini *ini_new(void) NH_DEALLOC(ini_free);
void ini_freep(struct ini **ini);

/* Adds one file's items after those that are there.  ERR_USAGE with
 * "NAME:LINE: " when oslo.config would refuse it as well; earlier items of
 * the file then stay. */
int ini_parse(struct ini *ini, const char *name, const char *text, size_t len,
	      struct err *e);
/* Adds what OS_<GROUP>__<OPTION>=value sets (oslo.config 7.0, Train): it wins
 * over every file.  ENV is NULL-terminated "NAME=value" strings. */
void ini_env(struct ini *ini, const char *const *env);

/* All items in order; NULL past the end. */
const struct ini_item *ini_at(const struct ini *ini, size_t i);
bool ini_has_group(const struct ini *ini, const char *group);
/* The item that decides, or NULL. */
const struct ini_item *ini_find(const struct ini *ini, const char *group,
				const char *key);
/* The raw values of a multi-valued option, appended to OUT. */
void ini_multi(const struct ini *ini, const char *group, const char *key,
	       struct strv *out);

/* The value with its references replaced, from the files, the environment or
 * DEFAULTS; NULL when nobody says.  A reference to what nobody sets stays as
 * it is written.  The caller frees. */
char *ini_value(const struct ini *ini, const char *group, const char *key,
		const struct ini_default *defaults) NH_DEALLOC(mem_free);
/* TEXT, which stands in GROUP, with its references replaced. */
char *ini_substitute(const struct ini *ini, const char *group, const char *text,
		     const struct ini_default *defaults) NH_DEALLOC(mem_free);

/* oslo.config's words for booleans: 1/0, true/false, on/off, yes/no. */
bool ini_bool(const char *s, bool *out);

#endif
