/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

extern const struct cmd cmd_apply, cmd_audit, cmd_check, cmd_completion,
	cmd_continue, cmd_evacuate, cmd_pause, cmd_fence, cmd_help, cmd_image,
	cmd_jobs, cmd_limit, cmd_move, cmd_plan, cmd_purge, cmd_readmit,
	cmd_report, cmd_rescue, cmd_resume, cmd_return, cmd_rollback, cmd_run,
	cmd_show, cmd_sql, cmd_watch;

const struct cmd *const cli_commands[] = {
	&cmd_check,    &cmd_plan,  &cmd_move,	&cmd_apply,	 &cmd_evacuate,
	&cmd_return,   &cmd_run,   &cmd_pause,	&cmd_continue,	 &cmd_jobs,
	&cmd_show,     &cmd_watch, &cmd_report, &cmd_limit,	 &cmd_resume,
	&cmd_rollback, &cmd_purge, &cmd_fence,	&cmd_rescue,	 &cmd_readmit,
	&cmd_audit,    &cmd_image, &cmd_sql,	&cmd_completion, &cmd_help,
	NULL,
};
