/* SPDX-License-Identifier: Apache-2.0 */
/* Placement, Neutron and Nova's API of the deterministic world: they know no
 * lease, only versions and states. */
#include "fake/fake.h"

#include <stdio.h>
#include <string.h>

int fake_ask(const char *what, struct err *e)
{
	enum crash_fault f = crash_event(CRASH_BEFORE, what, true);

	if (f == CRASH_LOST)
		f = CRASH_RETRY;
	return f == CRASH_NONE ? 0 : crash_fail(f, what, e);
}

int fake_send(const char *what, bool *sent, struct err *e)
{
	enum crash_fault f = crash_event(CRASH_BEFORE, what, true);

	*sent = f == CRASH_NONE || (f == CRASH_LOST && crash_random(2));
	return f == CRASH_NONE ? 0 : crash_fail(f, what, e);
}

int fake_answer(const char *what, int rc, struct err *e)
{
	if (rc)
		return rc;
	return crash_event(CRASH_AFTER, what, true) == CRASH_NONE
		       ? 0
		       : crash_fail(CRASH_LOST, what, e);
}

/* 0: carried out.  What is not the newest version any more is refused. */
static int change(int64_t *version, int64_t seen)
{
	if (*version != seen)
		return -1;
	++*version;
	return 0;
}

static int allocated(void *self, const struct move *m, struct cloud_share *out,
		     struct err *e)
{
	const struct fake_world *fw = self;

	(void)m;
	if (fake_ask("placement get", e))
		return -1;
	out->on[SRC] = fw->allocated[SRC];
	out->on[DST] = fw->allocated[DST];
	out->version = fw->consumer;
	return 0;
}

static int allocate(void *self, const struct move *m, enum side to,
		    const struct cloud_share *seen, struct err *e)
{
	struct fake_world *fw = self;
	bool sent;
	int rc = fake_send("placement put", &sent, e);

	(void)m;
	if (sent && !change(&fw->consumer, seen->version)) {
		fw->allocated[to] = true;
		fw->allocated[to == SRC ? DST : SRC] = false;
	} else if (sent && !rc) {
		return err_set(e, ERR_CONFLICT, "placement: 409");
	}
	return fake_answer("placement put", rc, e);
}

static int bound(void *self, const char *port, struct cloud_bind *out,
		 struct err *e)
{
	const struct fake_world *fw = self;

	(void)port;
	if (fake_ask("neutron get", e))
		return -1;
	out->host = mem_strdup(fw->bound);
	out->version = fw->revision;
	return 0;
}

static int bind_port(void *self, const char *port, const char *host,
		     const struct cloud_bind *seen, struct err *e)
{
	struct fake_world *fw = self;
	bool sent;
	int rc = fake_send("neutron bind", &sent, e);

	(void)port;
	if (sent && !change(&fw->revision, seen->version))
		snprintf(fw->bound, sizeof(fw->bound), "%s", host);
	else if (sent && !rc)
		return err_set(e, ERR_CONFLICT, "neutron: 412");
	return fake_answer("neutron bind", rc, e);
}

static int start(void *self, const char *uuid, struct err *e)
{
	struct fake_world *fw = self;
	bool sent;
	int rc = fake_send("nova start", &sent, e);

	(void)uuid;
	if (sent && !fake_nova_start(fw, true, true) && !rc)
		return err_set(e, ERR_CONFLICT, "nova: 409");
	return fake_answer("nova start", rc, e);
}

static int is_down(void *self, const char *host, bool *yes, struct err *e)
{
	const struct fake_world *fw = self;

	(void)host;
	if (fake_ask("nova service get", e))
		return -1;
	*yes = fw->down;
	return 0;
}

static int force_down(void *self, const char *host, struct err *e)
{
	struct fake_world *fw = self;
	bool sent;
	int rc = fake_send("nova force-down", &sent, e);

	(void)host;
	if (sent)
		fw->down = true;
	return fake_answer("nova force-down", rc, e);
}

static int evacuate(void *self, const struct move *m, struct err *e)
{
	struct fake_world *fw = self;
	bool sent;
	int rc = fake_send("nova evacuate", &sent, e);

	(void)m;
	if (sent && !fake_nova_evacuate(fw) && !rc)
		return err_set(e, ERR_CONFLICT, "nova: 409");
	return fake_answer("nova evacuate", rc, e);
}

const struct cloud_ops fake_cloud_ops = {
	.allocated = allocated,
	.allocate = allocate,
	.bound = bound,
	.bind = bind_port,
	.start = start,
	.is_down = is_down,
	.force_down = force_down,
	.evacuate = evacuate,
};
