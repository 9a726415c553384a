/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line.
 *
 * One command is one file, cmd_<verb>.c, with one const struct cmd; table.c
 * lists them all.  The struct's options drive parsing, --help, completion, and
 * a test that compares them with the man page, so none can lie about another.
 *
 * A newcomer adds a command: copy cmd_jobs.c, a row in table.c, a page
 * doc/man/novahaul-<verb>.pod.
 *
 * Only this folder prints, and only cli_main() prints errors, once.
 */
#ifndef NH_CLI_CLI_H
#define NH_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/app.h"
#include "cli/output.h"
#include "core/err.h"

/* The same for every command. */
enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,	 /* and completely rolled back */
	CLI_USAGE = 2,	 /* nothing was tried */
	CLI_OPEN = 3,	 /* a job is open: resume or rollback */
	CLI_NOTHING = 4, /* already there */
	CLI_REFUSED = 5, /* by a check; nothing changed */
	CLI_UNFENCED = 6,
	CLI_LOCKED = 7, /* by another job */
};

enum opt_type {
	OPT_END = 0,
	OPT_FLAG,     /* bool */
	OPT_COUNT,    /* int: how many times it was given */
	OPT_STRING,   /* const char * */
	OPT_HOST,     /* const char *, a valid host name */
	OPT_FILE,     /* const char *; completion offers files */
	OPT_CHOICE,   /* an enum (int): the index in .choices */
	OPT_TRISTATE, /* enum app_tristate: --x and --no-x */
	OPT_SIZE,     /* uint64_t: bytes, with k, M, G, T (powers of 1024) */
	OPT_NUMBER,   /* unsigned: from 1 to .max */
	OPT_SECONDS,  /* unsigned: with s, m, h, d */
	OPT_WORDS,    /* struct opt_words: may be given several times */
};

enum { OPT_WORDS_MAX = 64 };
struct opt_words {
	const char *v[OPT_WORDS_MAX + 1]; /* NULL-terminated */
	size_t n;
};

struct opt {
	enum opt_type type;
	const char *name; /* long, without dashes */
	char key;	  /* short, or 0 */
	const char *arg;  /* what stands for its value in the help */
	size_t offset;	  /* of the member in the command's arguments */
	const char *const *choices; /* NULL-terminated */
	const char *help;	    /* under 60 characters */
	unsigned max;		    /* of OPT_NUMBER; 0: 100 */
	unsigned min;		    /* of OPT_SECONDS */
	bool required;
	bool mutates; /* the command does, once this is given */
	bool dry;     /* and does not, once this is given */
	bool hidden;  /* for novahaul itself: in no help, page or completion */
};

#define OPT_LAST                                                               \
	{                                                                      \
		.type = OPT_END                                                \
	}

/* What is true of every command. */
struct cli_global {
	const char *config, *journal;
	int verbose;
	enum out_format format;
	int progress; /* index in the choices: auto, none, line, json */
	bool yes, help, version;
};

/* A command while it runs. */
struct cli {
	struct cli_global g;
	const struct cmd *cmd;
	char **operands; /* NULL-terminated */
	int n_operands;
	bool mutates; /* this call does */
	struct config config;
	struct app app;
};

struct cmd {
	const char *name;
	const char *verb; /* a second fixed word ("info"), or NULL */
	const char *summary;
	const char *operands;		/* "SERVER", "[HOST...]"; "" for none */
	int min_operands, max_operands; /* max -1: any number */
	const struct opt *opts;		/* ends with OPT_LAST */
	size_t args_size;		/* of what the offsets point into */
	/* Needs a yes: from a terminal, or --yes.  Checked before .run, which
	 * asks with cli_confirm() once it knows what to show. */
	bool mutates;
	bool no_config; /* works without reading the configuration */
	/* The exit code, with E filled when there is something to complain
	 * about; or -1: the exit code is what the kind of E stands for. */
	int (*run)(struct cli *c, const void *args, struct err *e);
};

/* All commands, NULL-terminated, in the order of the help. */
extern const struct cmd *const cli_commands[];
extern const struct opt cli_global_opts[];

/* Everything: parses ARGV, runs the command, prints, returns the exit code. */
int cli_main(int argc, char **argv, const struct app_ops *ops);

/* The code that an error outside a job stands for; inside one, that is
 * txn_exit_code(). */
enum cli_exit cli_exit_code(const struct err *e);

/* Asks QUESTION on the terminal and sets app.confirmed; --yes answers it.
 * ERR_USAGE without a terminal, ERR_REFUSED when the answer is no. */
int cli_confirm(struct cli *c, const char *question, struct err *e);

/* The command of this name (and verb), or NULL. */
const struct cmd *cli_find(const char *name, const char *verb);
/* "novahaul move [OPTION]... SERVER" and all options, to stdout. */
void cli_print_help(const struct cmd *cmd);

/* Fills the command's ARGS and C's globals and operands from the words after
 * the command's name.  ERR_USAGE with a hint. */
int cli_parse(struct cli *c, int argc, char **argv, void *args, struct err *e);

#endif
