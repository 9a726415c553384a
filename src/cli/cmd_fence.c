/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_priv.h"
#include "core/str.h"

/* Those that can prove something; the others watch in any case. */
enum { BY_ANY = 0, BY_COMMAND, BY_AGENT, BY_NONE };
static const char *const providers[] = {"any", "command", "agent", "none",
					NULL};

struct args {
	bool status, show, list, forget;
	int provider;
	const char *statement, *by, *reason;
	unsigned max_age;
};

static const struct opt opts[] = {
	{.type = OPT_FLAG,
	 .name = "status",
	 .offset = offsetof(struct args, status),
	 .dry = true,
	 .help = "only look and write it down; switch nothing off"},
	{.type = OPT_FLAG,
	 .name = "show",
	 .offset = offsetof(struct args, show),
	 .dry = true,
	 .help = "the evidence that there is, and what it comes to"},
	{.type = OPT_FLAG,
	 .name = "list",
	 .offset = offsetof(struct args, list),
	 .dry = true,
	 .help = "all hosts that there is evidence about"},
	{.type = OPT_FLAG,
	 .name = "forget",
	 .offset = offsetof(struct args, forget),
	 .help = "forget the evidence: the host is not fenced"},
	{.type = OPT_CHOICE,
	 .name = "provider",
	 .arg = "NAME",
	 .offset = offsetof(struct args, provider),
	 .choices = providers,
	 .help = "the configured one that is to prove it"},
	{.type = OPT_STRING,
	 .name = "statement",
	 .arg = "TEXT",
	 .offset = offsetof(struct args, statement),
	 .help = "\"HOST is off\": you know it, and say so"},
	{.type = OPT_STRING,
	 .name = "by",
	 .arg = "NAME",
	 .offset = offsetof(struct args, by),
	 .help = "who states it"},
	{.type = OPT_STRING,
	 .name = "reason",
	 .arg = "TEXT",
	 .offset = offsetof(struct args, reason),
	 .help = "how you know it"},
	{.type = OPT_SECONDS,
	 .name = "fence-max-age",
	 .arg = "TIME",
	 .min = 1,
	 .offset = offsetof(struct args, max_age),
	 .help = "how long evidence counts, instead of as configured"},
	OPT_LAST,
};

static const struct out_column cols[] = {
	{"host", "HOST", OUT_TEXT},
	{"proven", "PROVEN OFF", OUT_TEXT},
	{"provider", "PROVIDER", OUT_TEXT},
	{"taken", "TAKEN", OUT_TIME},
	{"age_s", "AGE (S)", OUT_NUMBER},
	{"by", "BY", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const struct out_column evidence_cols[] = {
	{"provider", "PROVIDER", OUT_TEXT},
	{"verdict", "VERDICT", OUT_TEXT},
	{"taken", "TAKEN", OUT_TIME},
	{"age_s", "AGE (S)", OUT_NUMBER},
	{"by", "BY", OUT_TEXT},
	{"note", "SEEN", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
};

static const char *wrong_words(const struct cli *c, const struct args *a)
{
	int modes = a->status + a->show + a->list + a->forget;

	if (!c->n_operands != a->list)
		return "one HOST, or --list without one";
	if (modes + !!a->statement > 1)
		return "only one of --status, --show, --list, --forget and "
		       "--statement";
	if (a->statement && a->provider != BY_ANY)
		return "--provider does not go with a statement";
	if ((a->by || a->reason) && modes)
		return "--by and --reason go with a statement";
	if (!a->list && !config_host_name_ok(c->operands[0]))
		return "that is no host name";
	return NULL;
}

static int check(const struct cli *c, const struct args *a, struct err *e)
{
	const char *why = wrong_words(c, a);

	if (!why)
		return 0;
	err_set(e, ERR_USAGE, "fence: %s", why);
	return err_hint(e, "novahaul help fence");
}

/* --- a statement, typed */

static bool at_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static char *ask(const char *question)
{
	char line[512];

	fprintf(stderr, "%s", question);
	fflush(stderr);
	if (!fgets(line, sizeof(line), stdin))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return mem_strdup(line);
}

struct typed {
	char *statement, *by, *reason;
};

static void typed_clear(struct typed *t)
{
	mem_free(t->statement);
	mem_free(t->by);
	mem_free(t->reason);
}

static void type_it(const struct args *a, struct app_fence *r, struct typed *t)
{
	AUTO(mem_freep)
	char *q = mem_printf("Nothing is configured that could prove that %s "
			     "is off.\nIf you know it, type \"%s is off\": ",
			     r->host, r->host);

	t->statement = ask(q);
	r->statement = t->statement;
	if (!a->by)
		r->by = t->by = ask("Your name: ");
	if (!a->reason)
		r->reason = t->reason = ask("How do you know: ");
}

static bool is_configured(const struct cli *c, const char *host)
{
	struct config_fence f = config_fence(&c->config, host);

	return f.command.n || f.readback.n || f.agent;
}

/* --- what it came to */

static void print(enum out_format f, const json_t *report)
{
	const json_t *rows = json_object_get(report, "evidence");
	const char *host = json_string_value(json_object_get(report, "host"));

	if (!report)
		return;
	if (f == OUT_TABLE && json_array_size(rows))
		out_list(f, "evidence", rows, evidence_cols);
	else if (f != OUT_TABLE)
		out_record(f, report, cols);
	if (json_is_true(json_object_get(report, "proven")))
		out_note(f, "Host %s is proven to be off, for %lld s yet.",
			 host,
			 (long long)(json_integer_value(json_object_get(
					     report, "max_age_s")) -
				     json_integer_value(json_object_get(
					     report, "age_s"))));
}

static int list(struct cli *c, const struct args *a, struct err *e)
{
	json_t *rows = NULL;
	int rc = app_fence_list(&c->app, a->max_age, &rows, e);

	if (!rc)
		out_list(c->g.format, "hosts", rows, cols);
	json_decref(rows);
	return rc;
}

static int forget(struct cli *c, const char *host, struct err *e)
{
	AUTO(mem_freep)
	char *q = mem_printf("Forget what is known of %s being off?", host);

	if (cli_confirm(c, q, e) || app_fence_forget(&c->app, host, e))
		return -1;
	out_note(c->g.format, "Host %s counts as not fenced.", host);
	return 0;
}

/* Asks for a yes, or for the statement, which is one. */
static int confirm(struct cli *c, const struct args *a, struct app_fence *r,
		   struct typed *t, struct err *e)
{
	AUTO(mem_freep) char *q = NULL;

	if (!r->statement && a->provider != BY_NONE &&
	    !is_configured(c, r->host)) {
		if (c->g.yes || !at_terminal()) {
			err_set(e, ERR_USAGE,
				"host %s: nothing is configured that could "
				"prove that it is off",
				r->host);
			return err_hint(e,
					"novahaul fence %s --statement \"%s is "
					"off\" --by NAME --reason TEXT --yes, "
					"if you know it; or [fence:%s] in "
					"novahaul.conf",
					r->host, r->host, r->host);
		}
		type_it(a, r, t);
		c->app.confirmed = true;
		return 0;
	}
	q = r->statement ? mem_printf("State that %s is off?", r->host)
			 : mem_printf("Switch host %s off, with all that runs "
				      "on it?",
				      r->host);
	return cli_confirm(c, q, e);
}

static int run(struct cli *c, const void *args, struct err *e)
{
	const struct args *a = args;
	AUTO(typed_clear) struct typed t = {0};
	struct app_fence r = {
		.host = c->operands[0],
		.act = !a->status && !a->statement && a->provider != BY_NONE,
		.statement = a->statement,
		.by = a->by,
		.reason = a->reason,
		.provider =
			a->provider == BY_ANY ? NULL : providers[a->provider],
		.max_age = a->max_age};
	json_t *report = NULL;
	int rc;

	if (check(c, a, e))
		return -1;
	if (a->list)
		return list(c, a, e);
	if (a->forget)
		return forget(c, r.host, e);
	if (!a->show && !a->status && confirm(c, a, &r, &t, e))
		return -1;
	r.act = r.act && !r.statement;
	rc = a->show ? app_fence_show(&c->app, &r, &report, e)
		     : app_fence(&c->app, &r, &report, e);
	print(c->g.format, report);
	json_decref(report);
	return rc;
}

const struct cmd cmd_fence = {
	.name = "fence",
	.summary = "Prove that a host is off, and write it down",
	.operands = "[HOST]",
	.max_operands = 1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.mutates = true,
	.run = run,
};
