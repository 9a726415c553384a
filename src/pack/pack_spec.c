/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What extra specs ask of aggregates' metadata: Nova's operators, as
 * nova/scheduler/filters/extra_specs_ops.py has them from 2014.1 to 22.x, and
 * oslo_utils.specs_matcher after that.  "=" is ">=" there, too.
 */
#include <stdlib.h>
#include <string.h>

#include "core/str.h"
#include "pack/pack_priv.h"

static bool number(const char *s, double *v)
{
	char *end;

	*v = strtod(s, &end);
	while (*end == ' ')
		end++;
	return end != s && !*end;
}

/* -1, 0, 1, or 2 where one of them is no number. */
static int compare_numbers(const char *a, const char *b)
{
	double x, y;

	if (!number(a, &x) || !number(b, &y))
		return 2;
	return x < y ? -1 : x > y;
}

static int compare_texts(const char *a, const char *b)
{
	int c = strcmp(a, b);

	return c < 0 ? -1 : c > 0;
}

/* Bit C + 1 of ALLOWED says whether the comparison may yield C. */
static const struct op {
	const char *name;
	unsigned allowed;
	bool text;
} ops[] = {
	{"=", 6, false},  {"==", 2, false}, {"!=", 5, false}, {">=", 6, false},
	{"<=", 3, false}, {"s==", 2, true}, {"s!=", 5, true}, {"s<", 1, true},
	{"s<=", 3, true}, {"s>", 4, true},  {"s>=", 6, true},
};

static const struct op *op_named(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (str_is(ops[i].name, word))
			return &ops[i];
	return NULL;
}

/* <or> v1 <or> v2 */
static bool one_of(const char *value, const struct strv *words)
{
	for (size_t i = 1; i < words->n; i += 2)
		if (str_is(words->v[i], value))
			return true;
	return false;
}

/* VALUE is a list such as ['a', 'b']: every word must stand in it, quoted. */
static bool all_in(const char *value, const struct strv *words)
{
	for (size_t i = 1; i < words->n; i++) {
		AUTO(mem_freep) char *single = mem_printf("'%s'", words->v[i]);
		AUTO(mem_freep) char *twice = mem_printf("\"%s\"", words->v[i]);

		if (!strstr(value, single) && !strstr(value, twice))
			return false;
	}
	return words->n > 1;
}

bool pack_spec_match(const char *value, const char *want)
{
	AUTO(strv_clear) struct strv words = STRV_INIT;
	const struct op *op;
	int c;

	strv_split(&words, want, " \t\n");
	if (!words.n)
		return str_is(value, want);
	if (str_is(words.v[0], "<or>"))
		return one_of(value, &words);
	if (str_is(words.v[0], "<all-in>"))
		return all_in(value, &words);
	if (str_is(words.v[0], "<in>"))
		return words.n > 1 && strstr(value, words.v[1]);
	op = op_named(words.v[0]);
	if (!op)
		return str_is(value, want);
	if (words.n < 2)
		return false;
	c = op->text ? compare_texts(value, words.v[1])
		     : compare_numbers(value, words.v[1]);
	return c != 2 && op->allowed >> (c + 1) & 1;
}
