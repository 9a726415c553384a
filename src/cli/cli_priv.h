/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of cli/ share among themselves. */
#ifndef NH_CLI_CLI_PRIV_H
#define NH_CLI_CLI_PRIV_H

#include <stdint.h>

#include "cli/app_batch.h"
#include "cli/cli.h"
#include "engine/journal.h"

/* --- parse.c */

/* The globals before the command's name; returns its index in ARGV. */
int cli_parse_globals(struct cli *c, int argc, char **argv, struct err *e);
/* "512k", "20M", "1GiB" in bytes; -1 when it is none. */
int cli_parse_size(const char *s, uint64_t *out);
/* "1" to "100" */
int cli_parse_number(const char *s, unsigned max, unsigned *out);
/* "90", "90s", "5m", "2h", "7d" */
int cli_parse_seconds(const char *s, unsigned *out);

/* --- help.c */

/* "no-precopy" for the tristate "precopy"; the caller frees. */
char *cli_no_name(const struct opt *o) NH_DEALLOC(mem_free);
/* The list of commands. */
void cli_print_overview(void);
/* The script that a shell evaluates. */
void cli_print_bash_completion(void);
/* The command whose name is nearest to WORD, or NULL. */
const struct cmd *cli_nearest(const char *word);

/* --- jobs.c: what the commands read from the journal */

/* Opens the journal; for those that only READ, NULL without an error (e->kind
 * stays ERR_NONE) when there is no journal yet. */
struct journal *cli_journal_open(const struct cli *c, bool read, struct err *e);
void cli_journal_closep(struct journal **j);
/* The full id of the only job whose id is or begins with WORD ("j-" may be left
 * out); "last" is the newest.  ERR_USAGE when there is none or several. */
int cli_job_id(struct journal *j, const char *word, char id[JOURNAL_ID_MAX],
	       struct err *e);
/* cli_job_id() for commands that need nothing else of the journal. */
int cli_job_word(const struct cli *c, const char *word, char id[JOURNAL_ID_MAX],
		 struct err *e);
/* A job as its report; its steps as well when it has been loaded whole. */
json_t *cli_job_json(struct journal *j, const struct journal_job *job);
/* Is the controller that last had the job still there?  With a journal in a
 * file only known for this machine. */
enum cli_alive { CLI_ALIVE_UNKNOWN = 0, CLI_ALIVE_YES, CLI_ALIVE_NO };
enum cli_alive cli_job_alive(const struct journal_job *job);

/* --- batches.c */

/* Does WORD name a batch, and no job? */
bool cli_is_batch(const char *word);
/* The operand is a batch, and --OPT is for a job: the error that says so. */
int cli_not_of_batch(const struct cli *c, const char *opt, struct err *e);
/* It is a run, and --OPT is for a job or a batch of moves. */
int cli_not_of_run(const struct cli *c, const char *opt, struct err *e);
/* As cli_job_id() and cli_job_word(). */
int cli_batch_id(struct journal *j, const char *word, char id[JOURNAL_ID_MAX],
		 struct err *e);
int cli_batch_word(const struct cli *c, const char *word,
		   char id[JOURNAL_ID_MAX], struct err *e);
/* PLAN, of a job, is that of the member that WORD, "ID:MEMBER:EPOCH" or NULL,
 * names: the journal refuses the job when that is over.  ROOM: its claim waits
 * for room on the target, beside all that is on its way there. */
int cli_put_batch(json_t *plan, const char *word, bool room, struct err *e);
/* ONCE makes a plan and does what it says; its exit code.  Where something has
 * changed between its two looks, and nobody has reviewed the plan, it is called
 * again, three times at most.  For a member (BATCH, its word, or NULL) what
 * does not answer counts as locked: the batch tries it again. */
typedef int cli_once(struct cli *c, const void *arg, struct app_outcome *out,
		     struct err *e);
int cli_plan_and_do(struct cli *c, cli_once *once, const void *arg,
		    const char *batch, struct err *e);
/* app_batch_json()'s document. */
void cli_print_batch(enum out_format f, json_t *doc);
/* A plan of a batch: its members, and what stays where it is. */
void cli_print_batch_plan(enum out_format f, const json_t *plan);
/* Shows it, asks, and runs it; the exit code. */
int cli_run_batch(struct cli *c, const json_t *plan, struct err *e);
/* How a batch ended; the exit code. */
int cli_finish_batch(struct cli *c, struct app_batch_outcome *out,
		     struct err *e);

/* --- show_plan.c */

/* The checks of a report (app_check()), the refused ones with their hints. */
void cli_print_checks(enum out_format f, const json_t *report);
/* A plan: what, steps, sizes; VERBOSE: the statements too. */
void cli_print_plan(enum out_format f, const json_t *plan, bool verbose);
/* How a job ended; the exit code. */
int cli_finish(struct cli *c, struct app_outcome *out, struct err *e);

/* --- cmd_run.c */

/* Is batch ID the run of a runbook? */
int cli_batch_is_run(const struct cli *c, const char *id, bool *yes,
		     struct err *e);
/* How a run ended (app_book.h); the exit code. */
int cli_finish_book(struct cli *c, struct app_outcome *out, struct err *e);

/* --- files that the operator names */

int cli_write_file(const char *path, const char *text, struct err *e);

#endif
