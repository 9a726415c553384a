/* SPDX-License-Identifier: Apache-2.0 */
/* A document that somebody has written or edited: is it one? */
#include <string.h>

#include "core/str.h"
#include "core/uuid.h"
#include "plan/plan_fleet_priv.h"

#define PRIORITY_MOST 1000000

struct key {
	const char *name;
	json_type type;
	bool optional;
};

static const struct key top[] = {
	{"schema_version", JSON_INTEGER, true},
	{"plan_version", JSON_INTEGER, false},
	{"kind", JSON_STRING, false},
	{"created", JSON_STRING, true},
	{"host", JSON_STRING, false},
	{"release", JSON_STRING, true},
	{"targets", JSON_ARRAY, true},
	{"policy", JSON_STRING, true},
	{"limits", JSON_OBJECT, true},
	{"options", JSON_OBJECT, true},
	{"members", JSON_ARRAY, false},
	{"nowhere", JSON_ARRAY, true},
	{"silent", JSON_ARRAY, true},
	{"warnings", JSON_ARRAY, true},
	{"bytes", JSON_INTEGER, true},
	{"facts_digest", JSON_STRING, true},
	{0},
};

static const struct key member[] = {
	{"instance", JSON_OBJECT, false},   {"source", JSON_STRING, false},
	{"target", JSON_STRING, false},	    {"priority", JSON_INTEGER, true},
	{"expected_s", JSON_INTEGER, true}, {"bytes", JSON_INTEGER, true},
	{"bases", JSON_ARRAY, true},	    {"was", JSON_STRING, false},
	{"options", JSON_OBJECT, true},	    {0},
};

static const struct key instance[] = {
	{"uuid", JSON_STRING, false},
	{"name", JSON_STRING, true},
	{0},
};

static const char *type_name(json_type t)
{
	switch (t) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a text";
	case JSON_INTEGER:
		return "a whole number";
	case JSON_REAL:
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		break;
	}
	return "something else";
}

static const struct key *key_of(const struct key *keys, const char *name)
{
	for (; keys->name; keys++)
		if (!strcmp(keys->name, name))
			return keys;
	return NULL;
}

/* WHERE: "" or "members[3]." */
static int object(const json_t *o, const struct key *keys, const char *where,
		  struct err *e)
{
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)o, name, v) {
		const struct key *k = key_of(keys, name);

		if (!k)
			return err_set(e, ERR_USAGE, "%s%s is not known", where,
				       name);
		if (json_typeof(v) != k->type)
			return err_set(e, ERR_USAGE, "%s%s must be %s", where,
				       name, type_name(k->type));
	}
	for (; keys->name; keys++)
		if (!keys->optional && !json_object_get(o, keys->name))
			return err_set(e, ERR_USAGE, "%s%s is missing", where,
				       keys->name);
	return 0;
}

static const char *word(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static int in_range(const json_t *m, const char *where, struct err *e)
{
	json_int_t p = json_integer_value(json_object_get(m, "priority"));

	if (p < -PRIORITY_MOST || p > PRIORITY_MOST)
		return err_set(e, ERR_USAGE, "%spriority must be from %d to %d",
			       where, -PRIORITY_MOST, PRIORITY_MOST);
	if (json_integer_value(json_object_get(m, "expected_s")) < 0 ||
	    json_integer_value(json_object_get(m, "bytes")) < 0)
		return err_set(e, ERR_USAGE,
			       "%sexpected_s and bytes cannot be negative",
			       where);
	return 0;
}

static bool again(const json_t *members, size_t i, const char *uuid)
{
	for (size_t k = 0; k < i; k++)
		if (str_is(word(json_object_get(json_array_get(members, k),
						"instance"),
				"uuid"),
			   uuid))
			return true;
	return false;
}

static int one_member(const json_t *doc, size_t i, struct err *e)
{
	const json_t *members = json_object_get(doc, "members");
	const json_t *m = json_array_get(members, i);
	const json_t *inst = json_object_get(m, "instance");
	AUTO(mem_freep) char *where = mem_printf("members[%zu].", i);
	AUTO(mem_freep) char *inner = mem_printf("%sinstance.", where);
	const char *uuid = word(inst, "uuid");

	if (!json_is_object(m))
		return err_set(e, ERR_USAGE, "members[%zu] must be an object",
			       i);
	if (object(m, member, where, e) || object(inst, instance, inner, e) ||
	    in_range(m, where, e))
		return -1;
	if (!uuid_valid(uuid))
		return err_set(e, ERR_USAGE, "%suuid is no uuid", inner);
	if (again(members, i, uuid))
		return err_set(e, ERR_USAGE, "%suuid is there already", inner);
	if (strcmp(word(m, "source"), word(doc, "host")) != 0)
		return err_set(e, ERR_USAGE, "%ssource must be %s, the host",
			       where, word(doc, "host"));
	if (!*word(m, "target") ||
	    !strcmp(word(m, "target"), word(doc, "host")))
		return err_set(e, ERR_USAGE, "%starget must be another host",
			       where);
	return 0;
}

int plan_fleet_shape(const json_t *doc, struct err *e)
{
	json_int_t v = json_integer_value(json_object_get(doc, "plan_version"));

	if (!json_is_object(doc))
		return err_set(e, ERR_USAGE, "the plan is not an object");
	if (object(doc, top, "", e))
		return -1;
	if (strcmp(word(doc, "kind"), "evacuate") != 0)
		return err_set(e, ERR_USAGE, "kind must be evacuate");
	if (v != PLAN_FLEET_VERSION)
		return err_set(e, ERR_USAGE,
			       "plan_version %lld is not known, only %d",
			       (long long)v, PLAN_FLEET_VERSION);
	if (!*word(doc, "host"))
		return err_set(e, ERR_USAGE, "host is empty");
	for (size_t i = 0; i < json_array_size(json_object_get(doc, "members"));
	     i++)
		if (one_member(doc, i, e))
			return -1;
	return 0;
}
