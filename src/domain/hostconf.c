/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/hostconf.h"

#include <string.h>

#include "core/buf.h"
#include "core/mem.h"

static const char *blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* The value after "KEY =", or NULL when LINE sets something else. */
static const char *value_of(const char *line, const char *key)
{
	size_t n = strlen(key);
	const char *p = blanks(line);

	if (strncmp(p, key, n) != 0)
		return NULL;
	p = blanks(p + n);
	return *p == '=' ? blanks(p + 1) : NULL;
}

/* "word", 'word' or word; of a list its first. */
static char *word_of(const char *p)
{
	p += strspn(p, "[ \t");
	if (*p == '"' || *p == '\'')
		return mem_strndup(p + 1,
				   strcspn(p + 1, *p == '"' ? "\"" : "'"));
	return mem_strndup(p, strcspn(p, " \t#,]\r"));
}

static void take_word(const char *line, const char *key, char **out)
{
	const char *p = value_of(line, key);

	if (!p)
		return;
	mem_free(*out);
	*out = word_of(p);
	if (!**out)
		mem_freep(out);
}

static void take_switch(const char *line, const char *key,
			enum hostconf_switch *out)
{
	const char *p = value_of(line, key);

	if (p && (*p == '0' || *p == '1'))
		*out = *p == '1' ? HOSTCONF_ON : HOSTCONF_OFF;
}

void hostconf_qemu(const char *text, struct hostconf_qemu *c)
{
	AUTO(strv_clear) struct strv lines = STRV_INIT;

	c->known = true;
	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		const char *l = lines.v[i];

		take_word(l, "user", &c->user);
		take_word(l, "group", &c->group);
		take_word(l, "security_driver", &c->security_driver);
		take_word(l, "lock_manager", &c->lock_manager);
		take_switch(l, "dynamic_ownership", &c->dynamic_ownership);
		take_switch(l, "remember_owner", &c->remember_owner);
	}
}

void hostconf_qemu_clear(struct hostconf_qemu *c)
{
	mem_free(c->user);
	mem_free(c->group);
	mem_free(c->security_driver);
	mem_free(c->lock_manager);
	*c = (struct hostconf_qemu){0};
}

void hostconf_on_boot(const char *text, enum hostconf_boot *boot)
{
	AUTO(strv_clear) struct strv lines = STRV_INIT;

	strv_split(&lines, text, "\n");
	for (size_t i = 0; i < lines.n; i++) {
		const char *p = value_of(lines.v[i], "ON_BOOT");
		AUTO(mem_freep) char *word = p ? word_of(p) : NULL;

		if (word && !strcmp(word, "start"))
			*boot = HOSTCONF_BOOT_START;
		else if (word && !strcmp(word, "ignore"))
			*boot = HOSTCONF_BOOT_IGNORE;
	}
}
