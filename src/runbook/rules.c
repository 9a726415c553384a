/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runbook/rules_priv.h"

static bool has(const struct runbook_step *s, const char *key)
{
	return json_object_get(s->args, key);
}

static const char *word(const struct runbook_step *s, const char *key)
{
	return json_string_value(json_object_get(s->args, key));
}

static void otherwise(struct runbook_step *s, const char *key, json_t *v)
{
	if (!has(s, key))
		json_object_set(s->args, key, v);
	json_decref(v);
}

static int check(struct reader *r, const struct node *n, struct runbook_step *s)
{
	if (has(s, "host") == has(s, "servers"))
		return reader_bad(r, n,
				  "check: either 'host' or 'servers' is what "
				  "it looks at");
	if (has(s, "servers") && !has(s, "to"))
		return reader_bad(r, n, "check: 'servers' needs 'to'");
	if (has(s, "host") && has(s, "to"))
		return reader_bad(r, map_find(n, "to"),
				  "check: 'to' goes with 'servers'");
	if (has(s, "host") && has(s, "control"))
		return reader_bad(r, map_find(n, "control"),
				  "check: 'control' goes with 'servers'");
	otherwise(s, "control", json_string("auto"));
	return 0;
}

static const struct condition {
	const char *name;
	const char *needs[2];
} conditions[] = {
	{"host-empty", {"host", NULL}},
	{"host-answers", {"host", NULL}},
	{"service-up", {"host", NULL}},
	{"service-down", {"host", NULL}},
	{"instance-status", {"server", "status"}},
	{"command", {"command", NULL}},
};

static bool needs(const struct condition *c, const char *key)
{
	for (size_t i = 0; i < ARRAY_SIZE(c->needs) && c->needs[i]; i++)
		if (!strcmp(c->needs[i], key))
			return true;
	return false;
}

static int wait(struct reader *r, const struct node *n, struct runbook_step *s)
{
	static const char *const keys[] = {"host", "server", "status",
					   "command"};
	const struct condition *c = conditions;

	while (strcmp(c->name, word(s, "for")) != 0)
		c++;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (needs(c, keys[i]) && !has(s, keys[i]))
			return reader_bad(r, n, "wait: '%s' needs '%s'",
					  c->name, keys[i]);
		if (!needs(c, keys[i]) && has(s, keys[i]))
			return reader_bad(r, map_find(n, keys[i]),
					  "wait: '%s' does not go with '%s'",
					  keys[i], c->name);
	}
	otherwise(s, "interval", json_integer(5));
	otherwise(s, "timeout", json_integer(600));
	if (!json_integer_value(json_object_get(s->args, "interval")))
		return reader_bad(r, map_find(n, "interval"),
				  "wait: 'interval' is a second or more");
	return 0;
}

static int hook(struct reader *r, const struct node *n, struct runbook_step *s)
{
	const json_t *codes, *v;
	size_t i;

	otherwise(s, "timeout", json_integer(300));
	otherwise(s, "exit-codes", json_pack("[i]", 0));
	otherwise(s, "interrupted", json_string("stop"));
	codes = json_object_get(s->args, "exit-codes");
	json_array_foreach (codes, i, v)
		if (json_integer_value(v) > 255)
			return reader_bad(r, map_find(n, "exit-codes"),
					  "hook: an exit code is at most 255");
	if (!json_integer_value(json_object_get(s->args, "timeout")))
		return reader_bad(r, map_find(n, "timeout"),
				  "hook: 'timeout' is a second or more");
	return 0;
}

static int approve(struct reader *r, const struct node *n,
		   struct runbook_step *s)
{
	if (!has(s, "word") && !has(s, "file"))
		return reader_bad(r, n,
				  "approve: 'word' (to type), 'file' (to "
				  "appear), or both");
	otherwise(s, "timeout", json_integer(0));
	return 0;
}

static int report(struct reader *r, const struct node *n,
		  struct runbook_step *s)
{
	static const char *const suffixes[][2] = {
		{".txt", "text"}, {".json", "json"}, {".html", "html"}};
	const char *file = word(s, "file");
	size_t len = strlen(file);

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t m = strlen(suffixes[i][0]);

		if (len > m && !strcmp(file + len - m, suffixes[i][0]))
			otherwise(s, "format", json_string(suffixes[i][1]));
	}
	return has(s, "format")
		       ? 0
		       : reader_bad(r, map_find(n, "file"),
				    "report: the name ends in none of .txt, "
				    ".json and .html, so 'format' is needed");
}

/* The evacuate step meant by OF: the one of the same element of a loop first.
 * NULL: the last one. */
static const struct runbook_step *find_evacuate(struct reader *r,
						const char *of)
{
	AUTO(mem_freep)
	char *near = of && r->loop_name ? mem_printf("%s@%s", of, r->loop_value)
					: NULL;
	const struct runbook_step *s = near ? runbook_step(r->out, near) : NULL;

	if (of) {
		if (!s)
			s = runbook_step(r->out, of);
		return s && s->type == RUNBOOK_EVACUATE ? s : NULL;
	}
	for (size_t i = r->out->n; i-- > 0;)
		if (r->out->steps[i].type == RUNBOOK_EVACUATE)
			return &r->out->steps[i];
	return NULL;
}

static int bring_home(struct reader *r, const struct node *n,
		      struct runbook_step *s)
{
	const char *of = word(s, "of");
	const struct runbook_step *from = find_evacuate(r, of);

	if (from) {
		json_object_set_new(s->args, "of", json_string(from->name));
		return 0;
	}
	if (of)
		return reader_bad(r, map_find(n, "of"),
				  "return: there is no evacuate step '%s' "
				  "before this one",
				  of);
	return reader_bad(r, n,
			  "return: there is no evacuate step before this one");
}

int rules_check(struct reader *r, const struct node *n, struct runbook_step *s)
{
	switch (s->type) {
	case RUNBOOK_CHECK:
		return check(r, n, s);
	case RUNBOOK_WAIT:
		return wait(r, n, s);
	case RUNBOOK_HOOK:
		return hook(r, n, s);
	case RUNBOOK_APPROVE:
		return approve(r, n, s);
	case RUNBOOK_RETURN:
		return bring_home(r, n, s);
	case RUNBOOK_REPORT:
		return report(r, n, s);
	case RUNBOOK_DISABLE:
	case RUNBOOK_ENABLE:
	case RUNBOOK_EVACUATE:
	case RUNBOOK_MOVE:
	case RUNBOOK_AUDIT:
		break;
	}
	return 0;
}
