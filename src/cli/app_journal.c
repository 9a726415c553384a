/* SPDX-License-Identifier: Apache-2.0 */
/* Which journal the operator means: a file, or a database for several. */
#include <string.h>

#include "cli/app_priv.h"

static const char *name_of(const struct app *a)
{
	return a->journal ? a->journal : a->config->journal;
}

static struct journal *open_shared(const struct app *a, const char *url,
				   struct err *e)
{
	struct store *s;

	if (!a->ops || !a->ops->journal_store) {
		err_set(e, ERR_USAGE,
			"this build knows journals in files only");
		err_hint(e,
			 "novahaul --journal " CONFIG_DEFAULT_JOURNAL " jobs");
		return NULL;
	}
	s = a->ops->journal_store(a, url, journal_shared_sql(), e);
	return s ? journal_open_shared(s, e) : NULL;
}

bool app_journal_shared(const struct app *a)
{
	const char *s = name_of(a);

	return (!strncmp(s, "mysql", 5) || !strncmp(s, "mariadb", 7)) &&
	       strstr(s, "://");
}

const char *app_journal_file(const struct app *a, struct err *e)
{
	const char *s = name_of(a);

	if (!strncmp(s, "sqlite://", 9))
		return s + 9;
	if (!strstr(s, "://"))
		return s;
	/* Not the URL itself: it may hold a password. */
	err_set(e, ERR_USAGE,
		"the journal is neither a file nor a mysql:// URL");
	err_hint(e, "novahaul --journal " CONFIG_DEFAULT_JOURNAL " jobs");
	return NULL;
}

struct journal *app_journal(const struct app *a, struct err *e)
{
	bool shared = app_journal_shared(a);
	const char *path = shared ? name_of(a) : app_journal_file(a, e);
	struct journal *j;

	if (!path)
		return NULL;
	j = shared ? open_shared(a, path, e) : journal_open(path, e);
	/* held by a process that is stopped in a write */
	if (!j && e->kind == ERR_RETRY && !shared)
		e->kind = ERR_LOCKED;
	if (j && a->run)
		journal_beat_too(j, a->run);
	return j;
}
