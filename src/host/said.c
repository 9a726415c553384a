/* SPDX-License-Identifier: Apache-2.0 */
#include "host/said.h"

#include <string.h>

#include "core/clock.h"
#include "core/mem.h"
#include "host/host.h"

/* A libvirtd or a QEMU that was replaced in between is seen by the next look.
 */
#define KEPT_US (10 * 1000000LL)

enum { KEPT_MOST = 256 }; /* answers: some of each host and of each guest */

static struct answer {
	char *key; /* the host and the words, or NULL */
	struct buf out;
	int64_t at_us;
} kept[KEPT_MOST];

static char *key_of(const char *host, const char *const *words)
{
	struct buf b = BUF_INIT;

	buf_puts(&b, host);
	for (; *words; words++)
		/* no word has a newline */
		buf_printf(&b, "\n%s", *words);
	return buf_steal(&b);
}

static void drop(struct answer *s)
{
	mem_free(s->key);
	buf_clear(&s->out);
	*s = (struct answer){.out = BUF_INIT};
}

void host_said_drop(void)
{
	for (size_t i = 0; i < KEPT_MOST; i++)
		drop(&kept[i]);
}

bool said(const char *host, const char *const *words, struct buf *out)
{
	AUTO(mem_freep) char *key = key_of(host, words);
	int64_t now = clock_mono_us();

	for (size_t i = 0; i < KEPT_MOST; i++) {
		if (!kept[i].key || strcmp(kept[i].key, key) != 0)
			continue;
		if (now - kept[i].at_us > KEPT_US) {
			drop(&kept[i]);
			return false;
		}
		buf_put(out, kept[i].out.p, kept[i].out.len);
		return true;
	}
	return false;
}

void said_keep(const char *host, const char *const *words, const void *p,
	       size_t n)
{
	struct answer *to = &kept[0];

	/* The oldest gives way. */
	for (size_t i = 0; i < KEPT_MOST; i++)
		if (!kept[i].key || (to->key && kept[i].at_us < to->at_us))
			to = &kept[i];
	drop(to);
	to->key = key_of(host, words);
	buf_put(&to->out, p, n);
	to->at_us = clock_mono_us();
}
