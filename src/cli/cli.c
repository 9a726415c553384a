/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli_priv.h"
#include "cli/progress.h"
#include <config.h>
#include "core/log.h"
#include "core/stop.h"

static const char *const formats[] = {"table", "json", "yaml", "value", NULL};
static const char *const progress_modes[] = {"auto", "none", "line", "json",
					     NULL};

#define G(member) offsetof(struct cli_global, member)

const struct opt cli_global_opts[] = {
	{.type = OPT_STRING,
	 .name = "config",
	 .arg = "FILE",
	 .offset = G(config),
	 .help = "instead of " CONFIG_DEFAULT_FILE},
	{.type = OPT_STRING,
	 .name = "journal",
	 .arg = "FILE|URL",
	 .offset = G(journal),
	 .help = "instead of the configured one"},
	{.type = OPT_CHOICE,
	 .name = "format",
	 .key = 'f',
	 .arg = "FORMAT",
	 .offset = G(format),
	 .choices = formats,
	 .help = "of the result"},
	{.type = OPT_CHOICE,
	 .name = "progress",
	 .arg = "MODE",
	 .offset = G(progress),
	 .choices = progress_modes,
	 .help = "on stderr"},
	{.type = OPT_FLAG,
	 .name = "yes",
	 .key = 'y',
	 .offset = G(yes),
	 .help = "do not ask before changing something"},
	{.type = OPT_COUNT,
	 .name = "verbose",
	 .key = 'v',
	 .offset = G(verbose),
	 .help = "tell more on stderr; twice: even more"},
	{.type = OPT_FLAG,
	 .name = "help",
	 .key = 'h',
	 .offset = G(help),
	 .help = "this text"},
	{.type = OPT_FLAG,
	 .name = "version",
	 .offset = G(version),
	 .help = "name and version"},
	OPT_LAST,
};

const struct cmd *cli_find(const char *name, const char *verb)
{
	for (const struct cmd *const *c = cli_commands; *c; c++)
		if (!strcmp((*c)->name, name) &&
		    (!(*c)->verb || (verb && !strcmp((*c)->verb, verb))))
			return *c;
	return NULL;
}

enum cli_exit cli_exit_code(const struct err *e)
{
	switch (e->kind) {
	case ERR_USAGE:
		return CLI_USAGE;
	case ERR_NOTHING:
		return CLI_NOTHING;
	case ERR_REFUSED:
	case ERR_CONFLICT: /* before the job began: nothing was changed */
		return CLI_REFUSED;
	case ERR_FENCE:
		return CLI_UNFENCED;
	case ERR_LOCKED:
	case ERR_STALE:
		return CLI_LOCKED;
	case ERR_NONE:
	case ERR_FAILED:
	case ERR_RETRY:
	case ERR_LOST:
	case ERR_INTERRUPTED:
	case ERR_BUG:
		return CLI_FAILED;
	}
	return CLI_FAILED;
}

static void print_error(const struct err *e)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	out_text(&b, err_msg(e));
	fprintf(stderr, "error: %s\n", buf_str(&b));
	buf_reset(&b);
	if (!e->hint)
		return;
	out_text(&b, e->hint);
	fprintf(stderr, "hint: %s\n", buf_str(&b));
}

static bool has_terminal(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

static int need_yes(const struct cli *c, struct err *e)
{
	err_set(e, ERR_USAGE,
		"%s changes something, and there is no terminal to ask on",
		c->cmd->name);
	return err_hint(e, "novahaul %s --yes ...", c->cmd->name);
}

int cli_confirm(struct cli *c, const char *question, struct err *e)
{
	char line[64];

	if (!c->g.yes) {
		if (!has_terminal())
			return need_yes(c, e);
		progress_break(c->app.progress);
		fprintf(stderr, "%s [y/N] ", question);
		fflush(stderr);
		if (!fgets(line, sizeof(line), stdin))
			line[0] = '\0';
		line[strcspn(line, "\n")] = '\0';
		if (strcasecmp(line, "y") && strcasecmp(line, "yes"))
			return err_set(e, ERR_REFUSED,
				       "not confirmed; nothing was changed");
	}
	c->app.confirmed = true;
	return 0;
}

/* Everything between the words and the command's own function. */
static int run_command(struct cli *c, const void *args,
		       const struct app_ops *ops, struct err *e)
{
	int code;

	if (c->mutates && !c->g.yes && !has_terminal())
		return need_yes(c, e);
	if (!c->cmd->no_config && config_load(c->g.config, &c->config, e))
		return -1;
	c->app = (struct app){
		.config = &c->config,
		.journal = c->g.journal ? c->g.journal : c->config.journal,
		.ops = ops,
		.progress = progress_new((enum progress_mode)c->g.progress),
		.verbose = c->g.verbose,
	};
	code = c->cmd->run(c, args, e);
	progress_free(c->app.progress);
	config_clear(&c->config);
	return code;
}

/* A result that could not be written must not end as success. */
static int flush_stdout(struct err *e)
{
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	return err_sys(e, ERR_FAILED, errno, "writing the result");
}

static int unknown_command(const char *word, struct err *e)
{
	const struct cmd *near = cli_nearest(word);

	for (const struct cmd *const *c = cli_commands; *c; c++)
		if (!strcmp((*c)->name, word)) {
			err_set(e, ERR_USAGE, "%s: %s is missing", word,
				(*c)->verb);
			return err_hint(e, "novahaul %s %s", word, (*c)->verb);
		}
	err_set(e, ERR_USAGE, "%s: no such command", word);
	if (near)
		return err_hint(e, "novahaul %s", near->name);
	return err_hint(e, "novahaul help");
}

/* ARGV[AT] is the command's name. */
static int find_and_run(struct cli *c, int argc, char **argv, int at,
			const struct app_ops *ops, struct err *e)
{
	AUTO(mem_freep) void *args = NULL;

	c->cmd = cli_find(argv[at], at + 1 < argc ? argv[at + 1] : NULL);
	if (!c->cmd)
		return unknown_command(argv[at], e);
	if (c->cmd->verb)
		at++;
	args = mem_calloc(1, c->cmd->args_size ? c->cmd->args_size : 1);
	if (cli_parse(c, argc - at, argv + at, args, e))
		return -1;
	if (c->g.help) {
		cli_print_help(c->cmd);
		return CLI_DONE;
	}
	log_set(c->g.verbose > 1   ? LOG_DEBUG
		: c->g.verbose > 0 ? LOG_INFO
				   : LOG_WARN,
		NULL, NULL);
	return run_command(c, args, ops, e);
}

int cli_main(int argc, char **argv, const struct app_ops *ops)
{
	struct cli c = {0};
	struct err e = ERR_INIT;
	int at, code;

	stop_install();
	at = cli_parse_globals(&c, argc, argv, &e);
	if (at < 0) {
		code = -1;
	} else if (c.g.version) {
		printf("novahaul %s\n", PACKAGE_VERSION);
		code = CLI_DONE;
	} else if (c.g.help) {
		cli_print_overview();
		code = CLI_DONE;
	} else if (at >= argc) {
		err_set(&e, ERR_USAGE, "no command was given");
		err_hint(&e, "novahaul help");
		code = -1;
	} else {
		code = find_and_run(&c, argc, argv, at, ops, &e);
	}
	if (flush_stdout(&e) && !code)
		code = -1;
	if (code < 0)
		code = cli_exit_code(&e);
	if (e.kind != ERR_NONE)
		print_error(&e);
	err_clear(&e);
	return code;
}
