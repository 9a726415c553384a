/* SPDX-License-Identifier: Apache-2.0 */
#include "core/ini.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

enum { DEPTH_MAX = 10, REFERENCES_MAX = 1000 };

struct ini {
	struct ini_item *items;
	size_t n;
	struct strv names; /* of files */
};

/* The state of one ini_parse(). */
struct parser {
	struct ini *ini;
	const char *name;
	unsigned line, key_line;
	char *group, *key; /* NULL: no section, no open assignment */
	struct buf value;
};

struct ini *ini_new(void)
{
	return MEM_NEW(struct ini);
}

void ini_free(struct ini *ini)
{
	if (!ini)
		return;
	for (size_t i = 0; i < ini->n; i++) {
		mem_free(ini->items[i].group);
		mem_free(ini->items[i].key);
		mem_free(ini->items[i].value);
	}
	mem_free(ini->items);
	strv_clear(&ini->names);
	mem_free(ini);
}

void ini_freep(struct ini **ini)
{
	ini_free(*ini);
}

static void add_item(struct ini *ini, struct ini_item it)
{
	/* Doubles at powers of two. */
	if ((ini->n & (ini->n - 1)) == 0)
		ini->items = mem_realloc(ini->items, ini->n ? ini->n * 2 : 1,
					 sizeof(*ini->items));
	ini->items[ini->n++] = it;
}

static int bad(const struct parser *p, struct err *e, const char *what)
{
	return err_set(e, ERR_USAGE, "%s:%u: %s", p->name, p->line, what);
}

static int flush(struct parser *p, struct err *e)
{
	if (!p->key)
		return 0;
	if (p->ini->n >= INI_ITEMS_MAX)
		return bad(p, e, "too many settings");
	add_item(p->ini, (struct ini_item){
				 .group = mem_strdup(p->group),
				 .key = p->key,
				 .value = buf_steal(&p->value),
				 .file = p->name,
				 .line = p->key_line,
			 });
	p->key = NULL;
	return 0;
}

static int section(struct parser *p, const char *s, size_t n, struct err *e)
{
	if (s[n - 1] != ']')
		return bad(p, e, "a section begins with [ but does not end");
	if (n <= 2)
		return bad(p, e, "a section without a name");
	mem_free(p->group);
	p->group = mem_strndup(s + 1, n - 2);
	return 0;
}

static void trim(const char **s, size_t *n)
{
	while (*n && isspace((unsigned char)**s)) {
		(*s)++;
		(*n)--;
	}
	while (*n && isspace((unsigned char)(*s)[*n - 1]))
		(*n)--;
}

static int assignment(struct parser *p, const char *s, size_t n, struct err *e)
{
	size_t at = strcspn(s, "=:");
	size_t nv;
	const char *v;

	if (at >= n)
		return bad(p, e, "neither a [section] nor a key = value");
	if (!p->group)
		return bad(p, e, "a setting before the first [section]");
	v = s + at + 1;
	nv = n - at - 1;
	trim(&v, &nv);
	trim(&s, &at);
	if (!at)
		return bad(p, e, "a value without a key");
	if (nv && v[0] == v[nv - 1] && (v[0] == '"' || v[0] == '\'')) {
		v++;
		nv = nv >= 2 ? nv - 2 : 0;
	}
	p->key = mem_strndup(s, at);
	p->key_line = p->line;
	buf_reset(&p->value);
	buf_put(&p->value, v, nv);
	return 0;
}

static int continuation(struct parser *p, const char *s, size_t n,
			struct err *e)
{
	if (!p->key)
		return bad(p, e, "a continued line, but nothing to continue");
	trim(&s, &n);
	if (p->value.len + n >= INI_TEXT_MAX)
		return bad(p, e, "a value of more than 1 MiB");
	buf_putc(&p->value, '\n');
	buf_put(&p->value, s, n);
	return 0;
}

static int one_line(struct parser *p, const char *s, size_t n, struct err *e)
{
	if (n > INI_LINE_MAX)
		return bad(p, e, "a line of more than 64 KiB");
	if (memchr(s, '\0', n))
		return bad(p, e, "a NUL byte");
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	if (!n)
		return flush(p, e);
	if (*s == ' ' || *s == '\t')
		return continuation(p, s, n, e);
	if (flush(p, e))
		return -1;
	if (*s == '#' || *s == ';')
		return 0;
	return *s == '[' ? section(p, s, n, e) : assignment(p, s, n, e);
}

/* TEXT is ours to write in, and has a NUL behind its last byte. */
static int parse_lines(struct parser *p, char *text, size_t len, struct err *e)
{
	char *end = text + len;

	/* A byte-order mark is what editors leave, not a key. */
	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		text += 3;
	while (text < end) {
		char *nl = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((nl ? nl : end) - text);

		p->line++;
		text[n] = '\0';
		if (one_line(p, text, n, e))
			return -1;
		text += n + 1;
	}
	return flush(p, e);
}

int ini_parse(struct ini *ini, const char *name, const char *text, size_t len,
	      struct err *e)
{
	struct parser p = {.ini = ini};
	AUTO(mem_freep) char *copy = NULL;
	int rc;

	strv_add(&ini->names, name);
	p.name = ini->names.v[ini->names.n - 1];
	if (len > INI_TEXT_MAX)
		return err_set(e, ERR_USAGE, "%s: more than 1 MiB", name);
	copy = mem_calloc(len + 1, 1);
	if (len)
		memcpy(copy, text, len);
	rc = parse_lines(&p, copy, len, e);
	mem_free(p.group);
	mem_free(p.key);
	buf_clear(&p.value);
	return rc;
}

static void env_item(struct ini *ini, const char *s)
{
	const char *eq = strchr(s, '=');
	const char *sep = strstr(s, "__");
	char *group, *key;

	if (!eq || !sep || sep > eq || sep == s + 3)
		return;
	group = mem_strndup(s + 3, (size_t)(sep - s - 3));
	key = mem_strndup(sep + 2, (size_t)(eq - sep - 2));
	for (char *p = key; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	add_item(ini, (struct ini_item){.group = group,
					.key = key,
					.value = mem_strdup(eq + 1),
					.file = "environment"});
}

void ini_env(struct ini *ini, const char *const *env)
{
	for (; env && *env && ini->n < INI_ITEMS_MAX; env++)
		if (!strncmp(*env, "OS_", 3))
			env_item(ini, *env);
}

const struct ini_item *ini_at(const struct ini *ini, size_t i)
{
	return i < ini->n ? &ini->items[i] : NULL;
}

static bool same_group(const char *a, const char *b)
{
	if (!strcmp(a, "DEFAULT") || !strcmp(b, "DEFAULT"))
		return !strcmp(a, b);
	return !strcasecmp(a, b);
}

bool ini_has_group(const struct ini *ini, const char *group)
{
	for (size_t i = 0; i < ini->n; i++)
		if (same_group(ini->items[i].group, group))
			return true;
	return false;
}

static bool is(const struct ini_item *it, const char *group, const char *key)
{
	return !strcmp(it->key, key) && same_group(it->group, group);
}

const struct ini_item *ini_find(const struct ini *ini, const char *group,
				const char *key)
{
	const struct ini_item *found = NULL;

	for (size_t i = 0; i < ini->n; i++) {
		const struct ini_item *it = &ini->items[i];

		/* The environment wins, even over a file that came later. */
		if (is(it, group, key) && (!found || found->line || !it->line))
			found = it;
	}
	return found;
}

void ini_multi(const struct ini *ini, const char *group, const char *key,
	       struct strv *out)
{
	const struct ini_item *it = ini_find(ini, group, key);

	if (it && !it->line) {
		strv_add(out, it->value);
		return;
	}
	for (size_t i = 0; i < ini->n; i++)
		if (is(&ini->items[i], group, key))
			strv_add(out, ini->items[i].value);
}

/* What a reference is resolved against. */
struct scope {
	const struct ini *ini;
	const struct ini_default *defaults;
	/* What may still be written and looked up, over all depths. */
	size_t budget;
	unsigned lookups;
};

static const char *raw(const struct scope *sc, const char *group,
		       const char *key)
{
	const struct ini_item *it = ini_find(sc->ini, group, key);

	if (it)
		return it->value;
	for (const struct ini_default *d = sc->defaults; d && d->key; d++)
		if (!strcmp(d->key, key) && same_group(d->group, group))
			return d->value;
	return NULL;
}

static size_t name_len(const char *s)
{
	size_t n = 0;

	if (*s != '_' && !isalpha((unsigned char)*s))
		return 0;
	while (s[n] == '_' || s[n] == '.' || isalnum((unsigned char)s[n]))
		n++;
	return n;
}

/* The text that NAME stands for, and the group that it stands in. */
static const char *resolve(const struct scope *sc, const char *group,
			   const char *name, char **in)
{
	const char *dot = strchr(name, '.');
	const char *v;

	if (dot) {
		*in = mem_strndup(name, (size_t)(dot - name));
		return raw(sc, *in, dot + 1);
	}
	v = raw(sc, group, name);
	*in = mem_strdup(v ? group : "DEFAULT");
	return v ? v : raw(sc, "DEFAULT", name);
}

static void put(struct scope *sc, struct buf *out, const char *s, size_t n)
{
	if (n > sc->budget)
		n = sc->budget;
	sc->budget -= n;
	buf_put(out, s, n);
}

static void expand(struct scope *sc, const char *group, const char *s,
		   int depth, struct buf *out);

/* S is behind a '$'; returns how much of it was used. */
static size_t reference(struct scope *sc, const char *group, const char *s,
			int depth, struct buf *out)
{
	bool braced = *s == '{';
	size_t n = name_len(s + braced);
	AUTO(mem_freep) char *name = mem_strndup(s + braced, n);
	AUTO(mem_freep) char *in = NULL;
	const char *v = NULL;

	if (!n || (braced && s[1 + n] != '}')) {
		put(sc, out, "$", 1);
		return 0;
	}
	if (depth < DEPTH_MAX && sc->lookups) {
		sc->lookups--;
		v = resolve(sc, group, name, &in);
	}
	if (v)
		expand(sc, in, v, depth + 1, out);
	else
		put(sc, out, s - 1, n + 1 + (braced ? 2 : 0));
	return n + (braced ? 2 : 0);
}

static void expand(struct scope *sc, const char *group, const char *s,
		   int depth, struct buf *out)
{
	while (*s && sc->budget) {
		size_t n = strcspn(s, "$\\");

		put(sc, out, s, n);
		s += n;
		if ((*s == '$' || *s == '\\') && s[1] == '$') {
			put(sc, out, "$", 1);
			s += 2;
		} else if (*s == '$') {
			s++;
			s += reference(sc, group, s, depth, out);
		} else if (*s) {
			put(sc, out, s++, 1);
		}
	}
}

char *ini_substitute(const struct ini *ini, const char *group, const char *text,
		     const struct ini_default *defaults)
{
	struct scope sc = {ini, defaults, INI_TEXT_MAX, REFERENCES_MAX};
	struct buf out = BUF_INIT;

	expand(&sc, group, text, 0, &out);
	return buf_steal(&out);
}

char *ini_value(const struct ini *ini, const char *group, const char *key,
		const struct ini_default *defaults)
{
	struct scope sc = {ini, defaults, 0, 0};
	const char *v = raw(&sc, group, key);

	return v ? ini_substitute(ini, group, v, defaults) : NULL;
}

bool ini_bool(const char *s, bool *out)
{
	static const char *const words[] = {"0",  "1",	 "false", "true",
					    "no", "yes", "off",	  "on"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcasecmp(s, words[i])) {
			*out = i & 1;
			return true;
		}
	return false;
}
