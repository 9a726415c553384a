/* SPDX-License-Identifier: Apache-2.0 */
/* What may stand where: one table, which the reader, the manual's test and the
 * hints of every refusal are made of. */
#include <string.h>

#include "runbook/runbook_priv.h"

#define REQUIRED true

static const char *const types[RUNBOOK_TYPES + 1] = {
	[RUNBOOK_CHECK] = "check",
	[RUNBOOK_DISABLE] = "disable-service",
	[RUNBOOK_ENABLE] = "enable-service",
	[RUNBOOK_EVACUATE] = "evacuate",
	[RUNBOOK_MOVE] = "move",
	[RUNBOOK_WAIT] = "wait",
	[RUNBOOK_HOOK] = "hook",
	[RUNBOOK_APPROVE] = "approve",
	[RUNBOOK_RETURN] = "return",
	[RUNBOOK_AUDIT] = "audit",
	[RUNBOOK_REPORT] = "report",
};
static const char *const failures[] = {
	[RUNBOOK_STOP] = "stop",
	[RUNBOOK_CONTINUE] = "continue",
	[RUNBOOK_ROLLBACK] = "rollback",
	NULL,
};
static const char *const value_types[] = {
	[RUNBOOK_TEXT] = "text",	 [RUNBOOK_NAME] = "name",
	[RUNBOOK_PATH] = "path",	 [RUNBOOK_HOST] = "host",
	[RUNBOOK_SERVER] = "server",	 [RUNBOOK_CHOICE] = "choice",
	[RUNBOOK_BOOLEAN] = "boolean",	 [RUNBOOK_NUMBER] = "number",
	[RUNBOOK_DURATION] = "duration", [RUNBOOK_SIZE] = "size",
	[RUNBOOK_HOSTS] = "hosts",	 [RUNBOOK_SERVERS] = "servers",
	[RUNBOOK_NUMBERS] = "numbers",	 [RUNBOOK_TEXTS] = "texts",
	[RUNBOOK_ARGV] = "command",
};
/* Those that a variable may have. */
static const char *const var_types[] = {
	"text",	    "name", "path",  "host",	"server", "boolean", "number",
	"duration", "size", "hosts", "servers", "texts",  NULL};
static const char *const controls[] = {"auto", "api", "direct", NULL};
static const char *const packs[] = {"spread", "fill", "fewest-bytes", NULL};
static const char *const formats[] = {"text", "json", "html", NULL};
static const char *const interrupted[] = {"stop", "again", NULL};
static const char *const conditions[] = {
	"host-empty",	   "host-answers", "service-up", "service-down",
	"instance-status", "command",	   NULL};

#define KEYS(name) static const struct runbook_key name[]
#define END                                                                    \
	{                                                                      \
		.name = NULL                                                   \
	}

/* clang-format off */
KEYS(book_keys) = {
	{"version", RUNBOOK_NUMBER, REQUIRED, NULL},
	{"name", RUNBOOK_NAME, REQUIRED, NULL},
	{"description", RUNBOOK_TEXT, false, NULL},
	{"variables", RUNBOOK_NESTED, false, NULL},
	{"profiles", RUNBOOK_NESTED, false, NULL},
	{"steps", RUNBOOK_NESTED, REQUIRED, NULL},
	END,
};
KEYS(variable_keys) = {
	{"type", RUNBOOK_CHOICE, false, var_types},
	{"description", RUNBOOK_TEXT, false, NULL},
	{"default", RUNBOOK_TEXT, false, NULL},
	{"required", RUNBOOK_BOOLEAN, false, NULL},
	END,
};
KEYS(profile_keys) = {
	{"hosts", RUNBOOK_HOSTS, REQUIRED, NULL},
	{"virsh", RUNBOOK_ARGV, false, NULL},
	{"path-map", RUNBOOK_TEXTS, false, NULL},
	{"instances-path", RUNBOOK_PATH, false, NULL},
	{"nova-user", RUNBOOK_TEXT, false, NULL},
	{"nova-group", RUNBOOK_TEXT, false, NULL},
	{"qemu-user", RUNBOOK_TEXT, false, NULL},
	{"qemu-group", RUNBOOK_TEXT, false, NULL},
	END,
};
KEYS(loop_keys) = {
	{"for-each", RUNBOOK_TEXTS, REQUIRED, NULL},
	{"as", RUNBOOK_NAME, REQUIRED, NULL},
	{"steps", RUNBOOK_NESTED, REQUIRED, NULL},
	END,
};
KEYS(step_keys) = {
	{"name", RUNBOOK_NAME, REQUIRED, NULL},
	{"type", RUNBOOK_CHOICE, REQUIRED, types},
	{"description", RUNBOOK_TEXT, false, NULL},
	{"when", RUNBOOK_BOOLEAN, false, NULL},
	{"unless", RUNBOOK_BOOLEAN, false, NULL},
	{"on-failure", RUNBOOK_CHOICE, false, failures},
	END,
};
KEYS(check_keys) = {
	{"host", RUNBOOK_HOST, false, NULL},
	{"servers", RUNBOOK_SERVERS, false, NULL},
	{"to", RUNBOOK_HOST, false, NULL},
	{"control", RUNBOOK_CHOICE, false, controls},
	END,
};
KEYS(disable_keys) = {
	{"host", RUNBOOK_HOST, REQUIRED, NULL},
	{"reason", RUNBOOK_TEXT, false, NULL},
	{"control", RUNBOOK_CHOICE, false, controls},
	END,
};
KEYS(enable_keys) = {
	{"host", RUNBOOK_HOST, REQUIRED, NULL},
	{"control", RUNBOOK_CHOICE, false, controls},
	END,
};
KEYS(evacuate_keys) = {
	{"host", RUNBOOK_HOST, REQUIRED, NULL},
	{"to", RUNBOOK_HOSTS, false, NULL},
	{"servers", RUNBOOK_SERVERS, false, NULL},
	{"pack", RUNBOOK_CHOICE, false, packs},
	{"control", RUNBOOK_CHOICE, false, controls},
	{"precopy", RUNBOOK_BOOLEAN, false, NULL},
	{"stop-timeout", RUNBOOK_DURATION, false, NULL},
	{"detach-volumes", RUNBOOK_BOOLEAN, false, NULL},
	{"verify-deep", RUNBOOK_BOOLEAN, false, NULL},
	{"verify-full", RUNBOOK_BOOLEAN, false, NULL},
	{"parallel", RUNBOOK_NUMBER, false, NULL},
	{"per-source", RUNBOOK_NUMBER, false, NULL},
	{"per-target", RUNBOOK_NUMBER, false, NULL},
	{"most-per-target", RUNBOOK_NUMBER, false, NULL},
	{"max-failures", RUNBOOK_NUMBER, false, NULL},
	{"bwlimit", RUNBOOK_SIZE, false, NULL},
	END,
};
KEYS(move_keys) = {
	{"server", RUNBOOK_SERVER, REQUIRED, NULL},
	{"to", RUNBOOK_HOST, REQUIRED, NULL},
	{"control", RUNBOOK_CHOICE, false, controls},
	{"precopy", RUNBOOK_BOOLEAN, false, NULL},
	{"bwlimit", RUNBOOK_SIZE, false, NULL},
	{"stop-timeout", RUNBOOK_DURATION, false, NULL},
	{"start", RUNBOOK_BOOLEAN, false, NULL},
	{"detach-volumes", RUNBOOK_BOOLEAN, false, NULL},
	{"verify-deep", RUNBOOK_BOOLEAN, false, NULL},
	{"verify-full", RUNBOOK_BOOLEAN, false, NULL},
	END,
};
KEYS(wait_keys) = {
	{"for", RUNBOOK_CHOICE, REQUIRED, conditions},
	{"host", RUNBOOK_HOST, false, NULL},
	{"server", RUNBOOK_SERVER, false, NULL},
	{"status", RUNBOOK_NAME, false, NULL},
	{"command", RUNBOOK_ARGV, false, NULL},
	{"interval", RUNBOOK_DURATION, false, NULL},
	{"timeout", RUNBOOK_DURATION, false, NULL},
	END,
};
KEYS(hook_keys) = {
	{"command", RUNBOOK_ARGV, REQUIRED, NULL},
	{"exit-codes", RUNBOOK_NUMBERS, false, NULL},
	{"timeout", RUNBOOK_DURATION, false, NULL},
	{"interrupted", RUNBOOK_CHOICE, false, interrupted},
	END,
};
KEYS(approve_keys) = {
	{"ask", RUNBOOK_TEXT, REQUIRED, NULL},
	{"word", RUNBOOK_NAME, false, NULL},
	{"file", RUNBOOK_PATH, false, NULL},
	{"timeout", RUNBOOK_DURATION, false, NULL},
	END,
};
KEYS(return_keys) = {
	{"of", RUNBOOK_NAME, false, NULL},
	{"control", RUNBOOK_CHOICE, false, controls},
	{"parallel", RUNBOOK_NUMBER, false, NULL},
	{"per-source", RUNBOOK_NUMBER, false, NULL},
	{"per-target", RUNBOOK_NUMBER, false, NULL},
	{"max-failures", RUNBOOK_NUMBER, false, NULL},
	{"bwlimit", RUNBOOK_SIZE, false, NULL},
	END,
};
KEYS(audit_keys) = {
	{"hosts", RUNBOOK_HOSTS, false, NULL},
	{"allow", RUNBOOK_TEXTS, false, NULL},
	END,
};
KEYS(report_keys) = {
	{"file", RUNBOOK_PATH, REQUIRED, NULL},
	{"format", RUNBOOK_CHOICE, false, formats},
	END,
};
/* clang-format on */

static const struct runbook_section sections[] = {
	{"runbook", book_keys},
	{"variable", variable_keys},
	{"profile", profile_keys},
	{"for-each", loop_keys},
	{"step", step_keys},
	{"check", check_keys},
	{"disable-service", disable_keys},
	{"enable-service", enable_keys},
	{"evacuate", evacuate_keys},
	{"move", move_keys},
	{"wait", wait_keys},
	{"hook", hook_keys},
	{"approve", approve_keys},
	{"return", return_keys},
	{"audit", audit_keys},
	{"report", report_keys},
	{NULL, NULL},
};

const struct runbook_section *runbook_schema(void)
{
	return sections;
}

const struct runbook_section *schema_section(const char *name)
{
	const struct runbook_section *s = sections;

	while (s->name && strcmp(s->name, name) != 0)
		s++;
	return s->name ? s : NULL;
}

const struct runbook_key *schema_key(const struct runbook_key *keys,
				     const char *name)
{
	for (; keys->name; keys++)
		if (!strcmp(keys->name, name))
			return keys;
	return NULL;
}

const char *runbook_type_name(enum runbook_type t)
{
	return types[t];
}

const char *runbook_failure_name(enum runbook_failure f)
{
	return failures[f];
}

bool runbook_type_mutates(enum runbook_type t)
{
	switch (t) {
	case RUNBOOK_CHECK:
	case RUNBOOK_WAIT:
	case RUNBOOK_APPROVE:
	case RUNBOOK_AUDIT:
	case RUNBOOK_REPORT:
		return false;
	case RUNBOOK_DISABLE:
	case RUNBOOK_ENABLE:
	case RUNBOOK_EVACUATE:
	case RUNBOOK_MOVE:
	case RUNBOOK_HOOK:
	case RUNBOOK_RETURN:
		return true;
	}
	return true;
}

int schema_type(const char *name)
{
	for (int i = 0; name && i < RUNBOOK_TYPES; i++)
		if (!strcmp(types[i], name))
			return i;
	return -1;
}

const char *runbook_value_name(enum runbook_value v)
{
	switch (v) {
	case RUNBOOK_TEXT:
		return "a text";
	case RUNBOOK_NAME:
		return "a name: letters, digits and . _ - (at most 64)";
	case RUNBOOK_PATH:
		return "an absolute path";
	case RUNBOOK_HOST:
		return "the name of a host";
	case RUNBOOK_SERVER:
		return "the name or uuid of a server";
	case RUNBOOK_CHOICE:
		return "one of a few words";
	case RUNBOOK_BOOLEAN:
		return "yes or no";
	case RUNBOOK_NUMBER:
		return "a number from 0 to 100000";
	case RUNBOOK_DURATION:
		return "a time such as 90s, 10m, 2h or 1d";
	case RUNBOOK_SIZE:
		return "a size such as 512k, 20M or 1G";
	case RUNBOOK_HOSTS:
		return "a list of hosts";
	case RUNBOOK_SERVERS:
		return "a list of servers";
	case RUNBOOK_NUMBERS:
		return "a list of numbers";
	case RUNBOOK_TEXTS:
		return "a list of texts";
	case RUNBOOK_ARGV:
		return "a command as a list of words: there is no shell to "
		       "split it";
	case RUNBOOK_NESTED:
		return "a list or map of its own";
	}
	return "?";
}

bool schema_is_list(enum runbook_value v)
{
	return schema_element(v) != v;
}

enum runbook_value schema_element(enum runbook_value v)
{
	switch (v) {
	case RUNBOOK_HOSTS:
		return RUNBOOK_HOST;
	case RUNBOOK_SERVERS:
		return RUNBOOK_SERVER;
	case RUNBOOK_NUMBERS:
		return RUNBOOK_NUMBER;
	case RUNBOOK_TEXTS:
	case RUNBOOK_ARGV:
		return RUNBOOK_TEXT;
	case RUNBOOK_TEXT:
	case RUNBOOK_NAME:
	case RUNBOOK_PATH:
	case RUNBOOK_HOST:
	case RUNBOOK_SERVER:
	case RUNBOOK_CHOICE:
	case RUNBOOK_BOOLEAN:
	case RUNBOOK_NUMBER:
	case RUNBOOK_DURATION:
	case RUNBOOK_SIZE:
	case RUNBOOK_NESTED:
		break;
	}
	return v;
}

/* The type of a variable by its name. */
int schema_value(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(value_types); i++)
		if (!strcmp(value_types[i], name))
			return (int)i;
	return -1;
}

/* ---- "did you mean" */

enum { NEAR_MAX = 32 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Levenshtein's distance; words that long are far from all. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NEAR_MAX + 1], n = strlen(a), m = strlen(b);

	if (n > NEAR_MAX || m > NEAR_MAX)
		return NEAR_MAX;
	for (size_t k = 0; k <= m; k++)
		row[k] = k;
	for (size_t i = 1; i <= n; i++) {
		size_t corner = row[0];

		row[0] = i;
		for (size_t k = 1; k <= m; k++) {
			size_t up = row[k];

			row[k] = least(least(up, row[k - 1]) + 1,
				       corner + (a[i - 1] != b[k - 1]));
			corner = up;
		}
	}
	return row[m];
}

const char *schema_near(const char *word, const struct strv *words)
{
	size_t best = strlen(word) / 3 + 2;
	const char *near = NULL;

	for (size_t i = 0; i < words->n; i++) {
		size_t d = distance(word, words->v[i]);

		if (d < best) {
			best = d;
			near = words->v[i];
		}
	}
	return near;
}
