/* SPDX-License-Identifier: Apache-2.0 */
/* What a host's libvirt says of itself, kept for some seconds. */
#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "join/join.h"

/* A libvirtd that was replaced in between is seen by the next look. */
#define KEPT_US (10 * 1000000LL)

enum { KEPT_MOST = 64 }; /* answers: some hosts, three or four of each */

static struct said {
	char *key; /* the host and the words, or NULL */
	struct buf out;
	int64_t at_us;
} said[KEPT_MOST];

static char *key_of(const char *host, char *const *argv)
{
	struct buf b = BUF_INIT;

	buf_puts(&b, host);
	for (; *argv; argv++)
		/* no word has a newline */
		buf_printf(&b, "\n%s", *argv);
	return buf_steal(&b);
}

static void drop(struct said *s)
{
	mem_free(s->key);
	buf_clear(&s->out);
	*s = (struct said){.out = BUF_INIT};
}

void join_said_drop(void)
{
	for (size_t i = 0; i < KEPT_MOST; i++)
		drop(&said[i]);
}

bool join_said(const char *host, char *const *argv, struct buf *out)
{
	AUTO(mem_freep) char *key = key_of(host, argv);
	int64_t now = clock_mono_us();

	for (size_t i = 0; i < KEPT_MOST; i++) {
		if (!said[i].key || strcmp(said[i].key, key) != 0)
			continue;
		if (now - said[i].at_us > KEPT_US) {
			drop(&said[i]);
			return false;
		}
		buf_put(out, said[i].out.p, said[i].out.len);
		return true;
	}
	return false;
}

void join_say(const char *host, char *const *argv, const struct buf *out)
{
	struct said *to = &said[0];

	/* The oldest gives way. */
	for (size_t i = 0; i < KEPT_MOST; i++)
		if (!said[i].key || (to->key && said[i].at_us < to->at_us))
			to = &said[i];
	drop(to);
	to->key = key_of(host, argv);
	buf_put(&to->out, out->p, out->len);
	to->at_us = clock_mono_us();
}
