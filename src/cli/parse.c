/* SPDX-License-Identifier: Apache-2.0 */
/* Words -> struct, by the tables; getopt_long() does the walking. */
#include "cli/cli.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_priv.h"

enum { OPTS_MAX = 48, LONG_BASE = 256 };

/* One parse: the tables, as getopt_long() wants them. */
struct words {
	const struct opt *opts[OPTS_MAX];
	void *bases[OPTS_MAX]; /* what each one's offset points into */
	bool given[OPTS_MAX];
	size_t n;
	struct option longs[2 * OPTS_MAX + 1];
	size_t n_longs;
	char shorts[2 * OPTS_MAX + 3];
};

static bool takes_value(const struct opt *o)
{
	return o->type != OPT_FLAG && o->type != OPT_COUNT &&
	       o->type != OPT_TRISTATE;
}

/* VAL of option I, and of its --no- form: LONG_BASE + 2 * i, and one more. */
static void add_long(struct words *w, const char *name, int has_arg, size_t val)
{
	w->longs[w->n_longs++] =
		(struct option){name, has_arg, NULL, (int)(LONG_BASE + val)};
}

static void add_table(struct words *w, const struct opt *o, void *base)
{
	for (; o->type != OPT_END && w->n < OPTS_MAX; o++) {
		size_t k = strlen(w->shorts);

		w->opts[w->n] = o;
		w->bases[w->n] = base;
		add_long(w, o->name,
			 takes_value(o) ? required_argument : no_argument,
			 2 * w->n);
		if (o->type == OPT_TRISTATE)
			add_long(w, cli_no_name(o), no_argument, 2 * w->n + 1);
		if (o->key) {
			w->shorts[k++] = o->key;
			if (takes_value(o))
				w->shorts[k] = ':';
		}
		w->n++;
	}
}

/* The word that getopt_long() stumbled over. */
static int bad_word(const struct cli *c, char **argv, int got, struct err *e)
{
	const char *word = argv[optind > 0 ? optind - 1 : 0];
	const char *name = c->cmd ? c->cmd->name : "novahaul";

	/* Only for short options: there may be several in the word. */
	if (optopt && optopt < LONG_BASE)
		err_set(e, ERR_USAGE, "%s: -%c: %s", name, optopt,
			got == ':' ? "needs a value" : "no such option");
	else
		err_set(e, ERR_USAGE, "%s: %s: %s", name, word,
			got == ':' ? "needs a value"
			: optopt   ? "takes no value"
				   : "no such option, or not the only one");
	return err_hint(e, c->cmd ? "novahaul help %s" : "novahaul help", name);
}

int cli_parse_size(const char *s, uint64_t *out)
{
	static const char units[] = "kmgtp";
	const char *u;
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(s, &end, 10);
	if (!isdigit((unsigned char)*s) || errno)
		return -1;
	u = *end ? strchr(units, tolower((unsigned char)*end)) : NULL;
	if (u) {
		int shift = 10 * (int)(u - units + 1);

		if (n > UINT64_MAX >> shift)
			return -1;
		n <<= shift;
		end++;
		if (*end == 'i')
			end++;
	}
	if (*end == 'B')
		end++;
	if (*end)
		return -1;
	*out = n;
	return 0;
}

int cli_parse_number(const char *s, unsigned max, unsigned *out)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(s, &end, 10);
	if (!isdigit((unsigned char)*s) || errno || *end || n < 1 || n > max)
		return -1;
	*out = (unsigned)n;
	return 0;
}

int cli_parse_seconds(const char *s, unsigned *out)
{
	static const struct {
		char unit;
		unsigned seconds;
	} units[] = {{'\0', 1}, {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(s, &end, 10);
	if (!isdigit((unsigned char)*s) || errno || (*end && end[1]))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (*end == units[i].unit &&
		    n <= INT32_MAX / units[i].seconds) {
			*out = (unsigned)n * units[i].seconds;
			return 0;
		}
	return -1;
}

static int bad_value(const struct opt *o, const char *value, const char *want,
		     struct err *e)
{
	return err_set(e, ERR_USAGE, "--%s %s: %s", o->name, value, want);
}

static int set_choice(const struct opt *o, int *at, const char *value,
		      struct err *e)
{
	AUTO(buf_clear) struct buf all = BUF_INIT;

	for (int i = 0; o->choices[i]; i++) {
		if (!strcmp(o->choices[i], value)) {
			*at = i;
			return 0;
		}
		buf_printf(&all, "%s%s", i ? ", " : "one of ", o->choices[i]);
	}
	return bad_value(o, value, buf_str(&all), e);
}

static int set_number(const struct opt *o, unsigned *at, const char *value,
		      struct err *e)
{
	unsigned max = o->max ? o->max : 100;

	if (!cli_parse_number(value, max, at))
		return 0;
	return err_set(e, ERR_USAGE, "--%s %s: not a whole number from 1 to %u",
		       o->name, value, max);
}

static int add_word(const struct opt *o, struct opt_words *w, const char *value,
		    struct err *e)
{
	if (!*value)
		return bad_value(o, value, "empty", e);
	if (w->n == OPT_WORDS_MAX)
		return bad_value(o, value, "one too many", e);
	w->v[w->n++] = value;
	return 0;
}

static int set_value(const struct opt *o, void *at, const char *value, bool no,
		     struct err *e)
{
	switch (o->type) {
	case OPT_END:
		break;
	case OPT_FLAG:
		*(bool *)at = true;
		return 0;
	case OPT_COUNT:
		++*(int *)at;
		return 0;
	case OPT_TRISTATE:
		*(int *)at = no ? APP_NO : APP_YES;
		return 0;
	case OPT_HOST:
		if (!config_host_name_ok(value))
			return bad_value(o, value, "not a host name", e);
		*(const char **)at = value;
		return 0;
	case OPT_STRING:
	case OPT_FILE:
		if (!*value)
			return bad_value(o, value, "empty", e);
		*(const char **)at = value;
		return 0;
	case OPT_CHOICE:
		return set_choice(o, at, value, e);
	case OPT_SIZE:
		if (cli_parse_size(value, at))
			return bad_value(o, value,
					 "not a size such as 512k or 20M", e);
		return 0;
	case OPT_NUMBER:
		return set_number(o, at, value, e);
	case OPT_SECONDS:
		if (cli_parse_seconds(value, at) || *(unsigned *)at < o->min)
			return bad_value(o, value,
					 "not a time such as 90, 5m or 7d", e);
		return 0;
	case OPT_WORDS:
		return add_word(o, at, value, e);
	}
	return err_set(e, ERR_BUG, "--%s: option type %d", o->name, o->type);
}

/* The option that getopt_long() returned, and whether in its --no- form. */
static size_t which(const struct words *w, int got, bool *no)
{
	*no = false;
	if (got >= LONG_BASE) {
		*no = (got - LONG_BASE) & 1;
		return (size_t)(got - LONG_BASE) / 2;
	}
	for (size_t i = 0; i < w->n; i++)
		if (w->opts[i]->key == got)
			return i;
	return 0;
}

static int walk(struct cli *c, struct words *w, int argc, char **argv,
		struct err *e)
{
	int got;

	optind = 0; /* start anew: glibc */
	opterr = 0;
	for (;;) {
		bool no;
		size_t i;

		optopt = 0;
		got = getopt_long(argc, argv, w->shorts, w->longs, NULL);
		if (got == -1)
			return 0;
		if (got == '?' || got == ':')
			return bad_word(c, argv, got, e);
		i = which(w, got, &no);
		if (set_value(w->opts[i],
			      (char *)w->bases[i] + w->opts[i]->offset, optarg,
			      no, e))
			return c->cmd ? err_hint(e, "novahaul help %s",
						 c->cmd->name)
				      : err_hint(e, "novahaul help");
		w->given[i] = true;
	}
}

static void words_clear(struct words *w)
{
	for (size_t i = 0; i < w->n_longs; i++)
		if ((w->longs[i].val - LONG_BASE) & 1)
			mem_free((void *)(uintptr_t)w->longs[i].name);
}

int cli_parse_globals(struct cli *c, int argc, char **argv, struct err *e)
{
	AUTO(words_clear) struct words w = {.shorts = "+:"};

	add_table(&w, cli_global_opts, &c->g);
	return walk(c, &w, argc, argv, e) ? -1 : optind;
}

static int check_operands(struct cli *c, struct err *e)
{
	const struct cmd *cmd = c->cmd;
	const char *what = NULL;

	if (c->n_operands < cmd->min_operands)
		what = *cmd->operands ? cmd->operands : "an operand";
	if (what)
		err_set(e, ERR_USAGE, "%s: %s is missing", cmd->name, what);
	else if (cmd->max_operands >= 0 && c->n_operands > cmd->max_operands)
		err_set(e, ERR_USAGE, "%s: %s is one word too many", cmd->name,
			c->operands[cmd->max_operands]);
	else
		return 0;
	return err_hint(e, "novahaul help %s", cmd->name);
}

int cli_parse(struct cli *c, int argc, char **argv, void *args, struct err *e)
{
	AUTO(words_clear) struct words w = {.shorts = ":"};

	add_table(&w, c->cmd->opts, args);
	add_table(&w, cli_global_opts, &c->g);
	if (walk(c, &w, argc, argv, e))
		return -1;
	c->operands = argv + optind;
	c->n_operands = argc - optind;
	c->mutates = c->cmd->mutates;
	if (c->g.help)
		return 0;
	for (size_t i = 0; i < w.n; i++) {
		const struct opt *o = w.opts[i];

		if (o->required && !w.given[i]) {
			err_set(e, ERR_USAGE, "%s: --%s %s is missing",
				c->cmd->name, o->name, o->arg);
			return err_hint(e, "novahaul help %s", c->cmd->name);
		}
		if (w.given[i] && o->mutates)
			c->mutates = true;
	}
	for (size_t i = 0; i < w.n; i++)
		if (w.given[i] && w.opts[i]->dry)
			c->mutates = false;
	return check_operands(c, e);
}
