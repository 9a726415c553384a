/* SPDX-License-Identifier: Apache-2.0 */
/* How the members of a batch are moved, and its limits: to JSON and back. */
#include <string.h>

#include "cli/app_fleet.h"
#include "cli/request.h"

static bool word_at(const char *word, const char *const *words, int *at)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], word)) {
			*at = i;
			return true;
		}
	return false;
}

/* One row a member of struct app_request: what is said of it is said once. */
static const struct flag {
	const char *name;
	size_t offset;
} flags[] = {
	{"no_start", offsetof(struct app_request, no_start)},
	{"verify_deep", offsetof(struct app_request, verify_deep)},
	{"verify_full", offsetof(struct app_request, verify_full)},
	{"detach_volumes", offsetof(struct app_request, detach_volumes)},
	{"console_log", offsetof(struct app_request, copy_console_log)},
	{"whole_group", offsetof(struct app_request, whole_group)},
};

static const struct number {
	const char *name;
	size_t offset;
	unsigned max;
} numbers[] = {
	{"precopy_max", offsetof(struct app_request, precopy_max), 1000},
	{"precopy_time", offsetof(struct app_request, precopy_time),
	 365 * 86400},
	{"streams", offsetof(struct app_request, streams), CONFIG_STREAMS_MOST},
	{"stop_timeout", offsetof(struct app_request, stop_timeout), 86400},
};

#define AT(type, r, off) ((type *)((char *)(r) + (off)))
#define AT_CONST(type, r, off) ((const type *)((const char *)(r) + (off)))

json_t *app_options_json(const struct app_request *r)
{
	json_t *o = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (*AT_CONST(bool, r, flags[i].offset))
			json_object_set_new(o, flags[i].name, json_true());
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (*AT_CONST(unsigned, r, numbers[i].offset))
			json_object_set_new(
				o, numbers[i].name,
				json_integer(*AT_CONST(unsigned, r,
						       numbers[i].offset)));
	if (r->precopy != APP_UNSET)
		json_object_set_new(o, "precopy",
				    json_boolean(r->precopy == APP_YES));
	if (r->control != APP_CONTROL_AUTO)
		json_object_set_new(o, "control",
				    json_string(app_control_name(r->control)));
	if (r->delta != APP_DELTA_AUTO)
		json_object_set_new(o, "delta",
				    json_string(app_delta_name(r->delta)));
	if (r->transport != APP_TRANSPORT_AUTO)
		json_object_set_new(
			o, "transport",
			json_string(app_transport_name(r->transport)));
	return o;
}

/* 1 taken, 0 not one of these, -1 bad. */
static int take_simple(struct app_request *r, const char *key, const json_t *v,
		       struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		if (strcmp(key, flags[i].name) != 0)
			continue;
		if (!json_is_boolean(v))
			return err_set(e, ERR_USAGE, "must be true or false");
		*AT(bool, r, flags[i].offset) = json_is_true(v);
		return 1;
	}
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (strcmp(key, numbers[i].name) != 0)
			continue;
		if (!json_is_integer(v) || json_integer_value(v) < 0 ||
		    json_integer_value(v) > numbers[i].max)
			return err_set(e, ERR_USAGE, "must be from 0 to %u",
				       numbers[i].max);
		*AT(unsigned, r, numbers[i].offset) =
			(unsigned)json_integer_value(v);
		return 1;
	}
	return 0;
}

static int take_word(struct app_request *r, const char *key, const json_t *v,
		     struct err *e)
{
	const char *s = json_is_string(v) ? json_string_value(v) : "";
	int at = -1;

	if (!strcmp(key, "control") && word_at(s, request_controls, &at))
		r->control = (enum app_control)at;
	else if (!strcmp(key, "delta") && word_at(s, request_deltas, &at))
		r->delta = (enum app_delta)at;
	else if (!strcmp(key, "transport") &&
		 word_at(s, request_transports, &at))
		r->transport = (enum app_transport)at;
	else if (!strcmp(key, "precopy") && json_is_boolean(v))
		r->precopy = json_is_true(v) ? APP_YES : APP_NO;
	else if (!strcmp(key, "control") || !strcmp(key, "delta") ||
		 !strcmp(key, "transport") || !strcmp(key, "precopy"))
		return err_set(e, ERR_USAGE, "is no value for it");
	else
		return err_set(e, ERR_USAGE, "is not known");
	return 0;
}

/* WHERE: "options" or "members[3].options" */
static int take_options(struct app_request *r, const json_t *options,
			const char *where, struct err *e)
{
	const char *key;
	json_t *v;

	json_object_foreach ((json_t *)options, key, v) {
		int rc = take_simple(r, key, v, e);

		if (rc < 0 || (!rc && take_word(r, key, v, e)))
			return err_wrap(e, "%s.%s", where, key);
	}
	return 0;
}

static const struct limit {
	const char *name;
	size_t offset;
} limits[] = {
	{"parallel", offsetof(struct app_limits, parallel)},
	{"per_source", offsetof(struct app_limits, per_source)},
	{"per_target", offsetof(struct app_limits, per_target)},
	{"most_per_target", offsetof(struct app_limits, most_per_target)},
	{"max_failures", offsetof(struct app_limits, max_failures)},
};

json_t *app_limits_json(const struct app_limits *l)
{
	json_t *o = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		json_object_set_new(
			o, limits[i].name,
			json_integer(*AT_CONST(unsigned, l, limits[i].offset)));
	json_object_set_new(o, "bwlimit", json_integer((json_int_t)l->bwlimit));
	return o;
}

static int take_limit(struct app_limits *l, const char *key, const json_t *v,
		      struct err *e)
{
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return err_set(e, ERR_USAGE,
			       "limits.%s must be a whole number, not negative",
			       key);
	if (!strcmp(key, "bwlimit")) {
		l->bwlimit = (uint64_t)json_integer_value(v);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		if (strcmp(key, limits[i].name) != 0)
			continue;
		if (json_integer_value(v) > APP_LIMIT_MOST)
			return err_set(e, ERR_USAGE,
				       "limits.%s must be at most %d", key,
				       APP_LIMIT_MOST);
		*AT(unsigned, l, limits[i].offset) =
			(unsigned)json_integer_value(v);
		return 0;
	}
	return err_set(e, ERR_USAGE, "limits.%s is not known", key);
}

int app_batch_limits(const json_t *plan, struct app_limits *out, struct err *e)
{
	const char *key;
	json_t *v;

	*out = (struct app_limits){0};
	json_object_foreach (json_object_get(plan, "limits"), key, v)
		if (take_limit(out, key, v, e))
			return -1;
	return 0;
}

int app_batch_options(const json_t *plan, size_t idx, struct app_request *out,
		      struct err *e)
{
	const json_t *m = json_array_get(json_object_get(plan, "members"), idx);
	AUTO(mem_freep) char *where = mem_printf("members[%zu].options", idx);

	*out = (struct app_request){0};
	if (take_options(out, json_object_get(plan, "options"), "options", e) ||
	    take_options(out, json_object_get(m, "options"), where, e))
		return -1;
	out->server = json_string_value(
		json_object_get(json_object_get(m, "instance"), "uuid"));
	out->to = json_string_value(json_object_get(m, "target"));
	return 0;
}
