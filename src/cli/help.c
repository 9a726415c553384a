/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/cli_priv.h"

enum { HELP_COLUMN = 30 };

char *cli_no_name(const struct opt *o)
{
	return mem_printf("no-%s", o->name);
}

/* "  -o, --output FILE" */
static void print_option(const struct opt *o)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	if (o->hidden)
		return;
	if (o->key)
		buf_printf(&b, "  -%c, ", o->key);
	else
		buf_puts(&b, "      ");
	buf_printf(&b, "--%s%s", o->type == OPT_TRISTATE ? "[no-]" : "",
		   o->name);
	if (o->arg)
		buf_printf(&b, " %s", o->arg);
	if (b.len >= HELP_COLUMN)
		buf_printf(&b, "\n%*s", HELP_COLUMN, "");
	printf("%-*s %s", HELP_COLUMN, buf_str(&b), o->help);
	for (size_t i = 0; o->choices && o->choices[i]; i++)
		printf("%s%s", i ? ", " : ": ", o->choices[i]);
	putchar('\n');
}

static void print_options(const char *title, const struct opt *o)
{
	if (o->type == OPT_END)
		return;
	printf("\n%s:\n", title);
	for (; o->type != OPT_END; o++)
		print_option(o);
}

static void print_name(const struct cmd *cmd)
{
	printf("novahaul %s", cmd->name);
	if (cmd->verb)
		printf(" %s", cmd->verb);
}

void cli_print_help(const struct cmd *cmd)
{
	printf("Usage: ");
	print_name(cmd);
	printf(" [OPTION]...%s%s\n%s.\n", *cmd->operands ? " " : "",
	       cmd->operands, cmd->summary);
	print_options("Options", cmd->opts);
	print_options("Options of every command", cli_global_opts);
	printf("\nThe whole story: man novahaul-%s\n", cmd->name);
}

void cli_print_overview(void)
{
	printf("Usage: novahaul [OPTION]... COMMAND [ARGUMENT]...\n"
	       "Moves Nova instances between compute hosts, offline, as one "
	       "transaction.\n\nCommands:\n");
	for (const struct cmd *const *c = cli_commands; *c; c++) {
		AUTO(mem_freep)
		char *name =
			mem_printf("%s%s%s", (*c)->name, (*c)->verb ? " " : "",
				   (*c)->verb ? (*c)->verb : "");

		printf("  %-12s %s\n", name, (*c)->summary);
	}
	print_options("Options of every command", cli_global_opts);
	printf("\nnovahaul help COMMAND tells more; man novahaul tells all.\n");
}

/* Edits between A and B; names are short. */
static size_t distance(const char *a, const char *b)
{
	size_t row[32], na = strlen(a), nb = strlen(b);

	if (nb >= ARRAY_SIZE(row))
		return na + nb;
	for (size_t j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[nb];
}

const struct cmd *cli_nearest(const char *word)
{
	const struct cmd *best = NULL;
	size_t least = 3;

	for (const struct cmd *const *c = cli_commands; *c; c++)
		if (distance(word, (*c)->name) < least) {
			least = distance(word, (*c)->name);
			best = *c;
		}
	return best;
}

static void print_long_names(const struct opt *o)
{
	for (; o->type != OPT_END; o++) {
		if (o->hidden)
			continue;
		printf(" --%s", o->name);
		if (o->type == OPT_TRISTATE)
			printf(" --no-%s", o->name);
	}
}

/* "  move:--to) " cases for the options that take a known set of words. */
static void print_choices(const char *command, const struct opt *o)
{
	for (; o->type != OPT_END; o++) {
		if (o->type == OPT_CHOICE) {
			printf("\t%s:--%s) COMPREPLY=($(compgen -W \"", command,
			       o->name);
			for (size_t i = 0; o->choices[i]; i++)
				printf("%s%s", i ? " " : "", o->choices[i]);
			printf("\" -- \"$cur\")); return ;;\n");
		} else if (o->type == OPT_FILE) {
			printf("\t%s:--%s) COMPREPLY=($(compgen -f -- "
			       "\"$cur\")); return ;;\n",
			       command, o->name);
		}
	}
}

void cli_print_bash_completion(void)
{
	printf("# bash completion for novahaul: novahaul completion bash\n"
	       "_novahaul()\n{\n"
	       "\tlocal cur=${COMP_WORDS[COMP_CWORD]} cmd= i\n"
	       "\tlocal prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	       "\tCOMPREPLY=()\n"
	       "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	       "\t\tcase ${COMP_WORDS[i]} in");
	for (const struct cmd *const *c = cli_commands; *c; c++)
		printf("%s%s", c == cli_commands ? " " : "|", (*c)->name);
	printf(") cmd=${COMP_WORDS[i]}; break ;; esac\n\tdone\n"
	       "\tcase $cmd:$prev in\n");
	print_choices("*", cli_global_opts);
	for (const struct cmd *const *c = cli_commands; *c; c++)
		print_choices((*c)->name, (*c)->opts);
	printf("\tesac\n\tcase $cur:$cmd in\n");
	for (const struct cmd *const *c = cli_commands; *c; c++) {
		printf("\t-*:%s) COMPREPLY=($(compgen -W \"", (*c)->name);
		print_long_names((*c)->opts);
		print_long_names(cli_global_opts);
		printf("\" -- \"$cur\")) ;;\n");
		if ((*c)->verb)
			printf("\t*:%s) COMPREPLY=($(compgen -f -W %s -- "
			       "\"$cur\")) ;;\n",
			       (*c)->name, (*c)->verb);
		else if (!strncmp((*c)->operands, "JOB", 3) ||
			 !strncmp((*c)->operands, "[JOB", 4))
			printf("\t*:%s) COMPREPLY=($(compgen -W \"$(novahaul "
			       "jobs -f value 2>/dev/null | cut -d' ' -f1)\" "
			       "-- \"$cur\")) ;;\n",
			       (*c)->name);
		else if (!strcmp((*c)->operands, "FILE"))
			printf("\t*:%s) COMPREPLY=($(compgen -f -- \"$cur\")) "
			       ";;\n",
			       (*c)->name);
	}
	printf("\t*:|*:help) COMPREPLY=($(compgen -W \"");
	for (const struct cmd *const *c = cli_commands; *c; c++)
		printf(" %s", (*c)->name);
	printf("\" -- \"$cur\")) ;;\n\tesac\n}\n"
	       "complete -F _novahaul novahaul\n");
}
