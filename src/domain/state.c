/* SPDX-License-Identifier: Apache-2.0 */
/* The state of a domain, as numbers and as the words of `domstate`. */
#include "domain/caps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_MAX 48

/* libvirt include/libvirt/libvirt-domain.h: virDomain*Reason.  Only those are
 * named that change what we do or say. */
static const struct {
	enum caps_state state;
	int reason;
	const char *name;
} reasons[] = {
	{CAPS_STATE_RUNNING, 1, "booted"},
	{CAPS_STATE_RUNNING, 2, "migrated"},
	{CAPS_STATE_RUNNING, 3, "restored"},
	{CAPS_STATE_RUNNING, 5, "unpaused"},
	{CAPS_STATE_PAUSED, 1, "user"},
	{CAPS_STATE_PAUSED, 2, "migrating"},
	{CAPS_STATE_PAUSED, 3, "saving"},
	{CAPS_STATE_PAUSED, 4, "dumping"},
	{CAPS_STATE_PAUSED, 5, "I/O error"},
	{CAPS_STATE_PAUSED, 6, "watchdog"},
	{CAPS_STATE_PAUSED, 8, "shutting down"},
	{CAPS_STATE_PAUSED, 9, "creating snapshot"},
	{CAPS_STATE_PAUSED, 10, "crashed"},
	{CAPS_STATE_PAUSED, 11, "starting up"},
	{CAPS_STATE_PAUSED, 12, "post-copy"},
	{CAPS_STATE_SHUTDOWN, 1, "user"},
	{CAPS_STATE_SHUTOFF, 1, "shutdown"},
	{CAPS_STATE_SHUTOFF, 2, "destroyed"},
	{CAPS_STATE_SHUTOFF, 3, "crashed"},
	{CAPS_STATE_SHUTOFF, 4, "migrated"},
	{CAPS_STATE_SHUTOFF, 5, "saved"},
	{CAPS_STATE_SHUTOFF, 6, "failed"},
	{CAPS_STATE_SHUTOFF, 7, "from snapshot"},
	{CAPS_STATE_SHUTOFF, 8, "daemon"},
	{CAPS_STATE_CRASHED, 1, "panicked"},
};

/* virsh's words in the C locale (tools/virsh-domain-monitor.c, 1.0 to 9.0). */
static const char *const words[] = {
	[CAPS_STATE_NONE] = "no state",
	[CAPS_STATE_RUNNING] = "running",
	[CAPS_STATE_BLOCKED] = "idle",
	[CAPS_STATE_PAUSED] = "paused",
	[CAPS_STATE_SHUTDOWN] = "in shutdown",
	[CAPS_STATE_SHUTOFF] = "shut off",
	[CAPS_STATE_CRASHED] = "crashed",
	[CAPS_STATE_PMSUSPENDED] = "pmsuspended",
};

/* The number after KEY=, at the start of a line; -1 when there is none. */
static long field(const char *out, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = out; p; p = strchr(p, '\n')) {
		char *end;
		long v;

		p += strspn(p, "\n \t");
		if (strncmp(p, key, n) || p[n] != '=')
			continue;
		v = strtol(p + n + 1, &end, 10);
		if (end != p + n + 1 && (!*end || *end == '\n') && v >= 0)
			return v;
	}
	return -1;
}

int caps_domstats_parse(const char *out, enum caps_state *state,
			char reason[REASON_MAX], struct err *e)
{
	long s = field(out, "state.state"), r = field(out, "state.reason");

	if (s < 0 || s >= (long)ARRAY_SIZE(words))
		return err_set(e, ERR_FAILED,
			       "libvirt's domstats has no state that is known");
	*state = (enum caps_state)s;
	reason[0] = '\0';
	if (r > 0)
		snprintf(reason, REASON_MAX, "reason %ld", r);
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		if (reasons[i].state == *state && reasons[i].reason == r)
			snprintf(reason, REASON_MAX, "%s", reasons[i].name);
	return 0;
}

int caps_domstate_parse(const char *out, enum caps_state *state,
			char reason[REASON_MAX], struct err *e)
{
	size_t len = strcspn(out, "(\n");
	const char *open = out[len] == '(' ? out + len + 1 : NULL;

	while (len && out[len - 1] == ' ')
		len--;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i]) != len || strncmp(words[i], out, len))
			continue;
		*state = (enum caps_state)i;
		reason[0] = '\0';
		if (open)
			snprintf(reason, REASON_MAX, "%.*s",
				 (int)strcspn(open, ")\n"), open);
		return 0;
	}
	return err_set(e, ERR_FAILED, "libvirt's state \"%.*s\" is not known",
		       (int)strcspn(out, "\n"), out);
}
