/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fix-port: a port is bound to the server's host.  Parameters besides the
 * common: port.
 */
#include <string.h>

#include "engine/step.h"
#include "steps/fix.h"

static void bind_clear(struct cloud_bind *b)
{
	mem_free(b->host);
}

static int look(struct step_ctx *c, struct cloud_bind *b, struct err *e)
{
	const struct fix_cloud *cl = &fix_w(c)->cloud;

	*b = (struct cloud_bind){.host = NULL};
	return cl->bound(cl->self, fix_param(c, "port"), b, e);
}

/* *B names the host where it must be found, and is bound to TO. */
static int bind_to(struct step_ctx *c, const char *to,
		   const struct cloud_bind *b, struct err *e)
{
	const struct fix_cloud *cl = &fix_w(c)->cloud;

	return cl->bind(cl->self, fix_param(c, "port"), to, b, e);
}

static int once(struct step_ctx *c, struct err *e)
{
	const char *home = fix_param(c, "home");
	AUTO(bind_clear) struct cloud_bind b = {.host = NULL};

	if (look(c, &b, e) || fix_idle(c, e))
		return -1;
	if (!b.host)
		return err_set(e, ERR_FAILED, "its port %s is gone",
			       fix_param(c, "port"));
	if (!strcmp(b.host, home) && !b.waits)
		return 0;
	/* The same host once more: an update makes Neutron bind it.  With a
	 * revision asked for it never does: it raises that by one, finds it
	 * raised and says 412 (ML2, Zed, seen there); and this changes nothing
	 * that another could have written meanwhile. */
	if (!strcmp(b.host, home))
		b.version = -1;
	if (step_record_once(c, "before", json_string(b.host), e))
		return -1;
	return bind_to(c, home, &b, e);
}

static int run(struct step_ctx *c, struct err *e)
{
	return fix_retry(c, once, e);
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	AUTO(bind_clear) struct cloud_bind b = {.host = NULL};

	*state = STEP_NOT_DONE;
	if (!step_recall(c, "before"))
		return 0;
	if (look(c, &b, e))
		return -1;
	if (b.host && !strcmp(b.host, fix_param(c, "home")) && !b.waits)
		*state = STEP_DONE;
	return 0;
}

static int verify(struct step_ctx *c, struct err *e)
{
	AUTO(bind_clear) struct cloud_bind b = {.host = NULL};

	if (look(c, &b, e))
		return -1;
	if (b.host && !b.failed && !b.waits)
		return 0;
	err_set(e, ERR_FAILED, "Neutron found no way to bind port %s to %s",
		fix_param(c, "port"), fix_param(c, "home"));
	return err_hint(e, "see that its agent on %s is up",
			fix_param(c, "home"));
}

/* States: never asked for; as before; on its host; on a third one, or gone with
 * the server. */
static int undo(struct step_ctx *c, struct err *e)
{
	const char *before = json_string_value(step_recall(c, "before"));
	AUTO(bind_clear) struct cloud_bind b = {.host = NULL};

	if (!before)
		return 0;
	if (look(c, &b, e))
		return -1;
	if (!b.host || !strcmp(b.host, before))
		return 0;
	if (strcmp(b.host, fix_param(c, "home")) != 0) {
		step_say(c, "port %s was bound to %s since: left as it is",
			 fix_param(c, "port"), b.host);
		return 0;
	}
	return bind_to(c, before, &b, e);
}

const struct step step_fix_port = {
	.name = "fix-port",
	.summary = "bind its port to its host in Neutron",
	.mutates = true,
	.probe = probe,
	.run = run,
	.undo = undo,
	.verify = verify,
};
