/* SPDX-License-Identifier: Apache-2.0 */
/* What the instances of a document come to together. */
#include "report/report_priv.h"

#include <stdlib.h>
#include <string.h>

struct span {
	double from, to;
};

static int by_start(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/* Seconds in which some step of INSTANCE ran. */
static double busy(const json_t *instance)
{
	const json_t *steps = json_object_get(instance, "steps"), *s, *v;
	AUTO(mem_freep) struct span *all = NULL;
	size_t n = 0, i, k;
	double sum = 0, end = 0;

	json_array_foreach (steps, i, s)
		n += json_array_size(json_object_get(s, "spans"));
	all = MEM_NEW_N(struct span, n);
	n = 0;
	json_array_foreach (steps, i, s)
		json_array_foreach (json_object_get(s, "spans"), k, v) {
			all[n].from = report_num(v, "at_s");
			all[n].to = all[n].from + report_num(v, "seconds");
			n++;
		}
	qsort(all, n, sizeof(*all), by_start);
	for (i = 0; i < n; i++) {
		double from = all[i].from > end ? all[i].from : end;

		if (all[i].to > from)
			sum += all[i].to - from;
		end = all[i].to > end ? all[i].to : end;
	}
	return sum;
}

static void add(json_t *sums, const char *what, double s)
{
	json_object_set_new(
		sums, what,
		json_real(json_number_value(json_object_get(sums, what)) + s));
}

static void add_times(json_t *sums, const json_t *instance)
{
	const json_t *steps = json_object_get(instance, "steps"), *s, *v;
	double idle = report_num(instance, "seconds") - busy(instance);
	size_t i, k;

	json_array_foreach (steps, i, s)
		json_array_foreach (json_object_get(s, "spans"), k, v) {
			bool undo = !strcmp(report_str(v, "what"), "undo");
			AUTO(mem_freep)
			char *what = mem_printf("%s%s", undo ? "undo " : "",
						report_str(s, "step"));

			add(sums, what, report_num(v, "seconds"));
		}
	if (idle > 0)
		add(sums, "-", idle);
}

struct time {
	const char *what;
	double s;
};

static int longest_first(const void *a, const void *b)
{
	const struct time *x = a, *y = b;

	if (x->s != y->s)
		return x->s < y->s ? 1 : -1;
	return strcmp(x->what, y->what);
}

static json_t *sorted(json_t *sums)
{
	json_t *out = json_array(), *v, *o;
	size_t n = 0;
	const char *what;
	AUTO(mem_freep)
	struct time *all = MEM_NEW_N(struct time, json_object_size(sums));

	json_object_foreach (sums, what, v)
		all[n++] = (struct time){what, json_number_value(v)};
	qsort(all, n, sizeof(*all), longest_first);
	for (size_t i = 0; i < n; i++) {
		o = json_pack("{s:f}", "seconds",
			      (double)(int64_t)(all[i].s * 1e3 + 0.5) / 1e3);
		/* "-": between the steps, or nobody was at it */
		if (strcmp(all[i].what, "-"))
			report_put(o, "step", all[i].what);
		json_array_append_new(out, o);
	}
	return out;
}

/* What a total is, and where each instance has it. */
static const struct {
	const char *name, *path;
	bool whole; /* a number of bytes */
} totals[] = {
	{"bytes_sent", "copied.bytes_sent", true},
	{"bytes_wire", "copied.bytes_wire", true},
	{"kept_bytes", "kept_bytes", true},
	{"downtime_s", "downtime.seconds", false},
};

static json_t *count_outcomes(const json_t *instances)
{
	static const char *const outcomes[] = {"done", "failed",  "rolled-back",
					       "open", "pending", "skipped"};
	json_t *o = json_object(), *one;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(outcomes); i++)
		json_object_set_new(o, outcomes[i], json_integer(0));
	json_array_foreach (instances, i, one) {
		const char *k = report_str(one, "outcome");

		json_object_set_new(
			o, k, json_integer((json_int_t)report_num(o, k) + 1));
	}
	return o;
}

void report_sum(json_t *doc)
{
	json_t *instances = json_object_get(doc, "instances"), *one;
	json_t *sums = json_object(), *out = json_object();
	double longest = 0, sum;
	size_t i;

	json_object_set_new(
		out, "instances",
		json_integer((json_int_t)json_array_size(instances)));
	json_object_set_new(out, "outcomes", count_outcomes(instances));
	for (size_t k = 0; k < ARRAY_SIZE(totals); k++) {
		sum = 0;
		json_array_foreach (instances, i, one)
			sum += report_num(one, totals[k].path);
		json_object_set_new(out, totals[k].name,
				    totals[k].whole
					    ? json_integer((json_int_t)sum)
					    : json_real(sum));
	}
	json_array_foreach (instances, i, one) {
		double s = report_num(one, "downtime.seconds");

		longest = s > longest ? s : longest;
		add_times(sums, one);
	}
	json_object_set_new(out, "downtime_max_s", json_real(longest));
	json_object_set_new(doc, "totals", out);
	json_object_set_new(doc, "time", sorted(sums));
	json_decref(sums);
}
