/* SPDX-License-Identifier: Apache-2.0 */
#include "steps/fix.h"

#include <string.h>

#include "engine/step.h"

extern const struct step step_fix_evacuation, step_fix_allocation,
	step_fix_port, step_fix_domain, step_fix_directory, step_fix_service;

const struct step *const fix_table[] = {
	&step_fix_evacuation,
	&step_fix_allocation,
	&step_fix_port,
	&step_fix_domain,
	&step_fix_directory,
	&step_fix_service,
	NULL,
};

int fix_retry(struct step_ctx *c,
	      int (*once)(struct step_ctx *c, struct err *e), struct err *e)
{
	enum { TRIES = 5 };

	for (int i = 0; i < TRIES; i++) {
		err_clear(e);
		if (!once(c, e))
			return 0;
		if (e->kind != ERR_CONFLICT)
			return -1;
	}
	return -1;
}

const char *fix_param(const struct step_ctx *c, const char *name)
{
	const char *s =
		json_string_value(json_object_get(step_params(c), name));

	return s ? s : "";
}

static int at_rest(const struct db_instance *i, struct err *e)
{
	char job[DB_TOKEN_MAX];
	unsigned epoch;

	if (db_token_parse(i->reason, job, &epoch)) {
		err_set(e, ERR_LOCKED, "job %s holds it", job);
		return err_hint(e, "novahaul show %s", job);
	}
	if (i->task_state || i->hidden)
		return err_set(e, ERR_CONFLICT, "Nova is at work on it: %s",
			       i->task_state ? i->task_state : "hidden");
	return 0;
}

int fix_where(struct step_ctx *c, char **host, struct err *e)
{
	struct db *db = fix_w(c)->db;
	AUTO(db_instance_clear) struct db_instance i = {0};

	*host = NULL;
	if (db->ops->instance(db, fix_param(c, "server"), &i, e)) {
		if (e->kind != ERR_CONFLICT)
			return -1;
		err_clear(e); /* archived */
		return 0;
	}
	if (i.deleted)
		return 0;
	if (at_rest(&i, e))
		return -1;
	*host = mem_strdup(i.host ? i.host : "");
	return 0;
}

int fix_idle(struct step_ctx *c, struct err *e)
{
	const char *home = fix_param(c, "home");
	struct db *db = fix_w(c)->db;
	AUTO(db_instance_clear) struct db_instance i = {0};

	if (db->ops->instance(db, fix_param(c, "server"), &i, e) ||
	    at_rest(&i, e))
		return -1;
	if (i.deleted || !i.host || strcmp(i.host, home) != 0 || !i.vm_state ||
	    (strcmp(i.vm_state, "active") != 0 &&
	     strcmp(i.vm_state, "stopped") != 0))
		return err_set(e, ERR_CONFLICT,
			       "it is no longer active or stopped on %s", home);
	return 0;
}
