/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts that were looked at and are worked with right afterwards: a move plans,
 * and then does it; a host's evacuation looks at it and at its targets, and
 * then at each instance.  A connection costs more than what is asked over it.
 */
#include <string.h>

#include "core/clock.h"
#include "core/str.h"
#include "join/join.h"

/* Longer than between a look and the job that follows it; nobody keeps a host's
 * sign of life meanwhile. */
#define KEPT_US (10 * 1000000LL)

static struct kept {
	struct host *host;
	const struct config *config;
	int64_t since_us;
} kept[4]; /* a source, and a target or some */

static void drop(struct kept *k)
{
	host_close(k->host);
	*k = (struct kept){NULL};
}

void join_hosts_drop(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		drop(&kept[i]);
}

struct host *join_host_take(const struct config *c, const char *name,
			    struct err *e)
{
	int64_t now = clock_mono_us();
	struct host *h = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		if (kept[i].host && now - kept[i].since_us > KEPT_US)
			drop(&kept[i]);
		if (h || !kept[i].host || kept[i].config != c ||
		    !str_is(kept[i].host->name, name))
			continue;
		h = kept[i].host;
		kept[i].host = NULL;
	}
	return h ? h : join_host_open(c, name, e);
}

void join_host_leave(const struct config *c, struct host *h)
{
	struct kept *at = &kept[0];

	if (!h)
		return;
	/* The oldest gives way. */
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (!kept[i].host ||
		    (at->host && kept[i].since_us < at->since_us))
			at = &kept[i];
	drop(at);
	*at = (struct kept){h, c, clock_mono_us()};
}
