/* SPDX-License-Identifier: Apache-2.0 */
#include "transfer/memo.h"

#include <string.h>

#include "core/mem.h"

enum { SEGMENTS_MAX = (16 << 20) / sizeof(struct memo_segment) };

/* Stands for every segment of zeros. */
static const struct memo_segment all_zero = {
	.state = {[0 ... MEMO_BLOCKS - 1] = MEMO_ZERO}};

static void drop(struct memos *all, const struct memo_segment **s)
{
	if (*s && *s != &all_zero) {
		mem_free((void *)*s);
		all->segments--;
	}
	*s = NULL;
}

void memo_reset(struct memos *all, struct memo *m)
{
	for (uint64_t i = 0; i < m->n; i++)
		drop(all, &m->seg[i]);
	mem_free(m->seg);
	m->seg = NULL;
	m->n = 0;
	m->text[0] = '\0';
	digest_free(m->sum);
	m->sum = NULL;
}

void memos_clear(struct memos *all)
{
	struct memo *m;

	while ((m = all->first)) {
		all->first = m->next;
		memo_reset(all, m);
		mem_free(m->rel);
		mem_free(m);
	}
}

struct memo *memos_find(struct memos *all, const char *rel)
{
	struct memo *m = all->first;

	while (m && strcmp(m->rel, rel) != 0)
		m = m->next;
	if (m)
		return m;
	m = MEM_NEW(struct memo);
	m->rel = mem_strdup(rel);
	m->next = all->first;
	all->first = m;
	return m;
}

const struct memo_segment *memo_get(const struct memo *m, uint64_t i)
{
	return i < m->n ? m->seg[i] : NULL;
}

void memo_set(struct memos *all, struct memo *m, uint64_t i,
	      const struct memo_segment *s)
{
	if (i >= m->n) {
		uint64_t n = i + 1 + i / 4;

		m->seg = mem_realloc(m->seg, n, sizeof(*m->seg));
		for (uint64_t k = m->n; k < n; k++)
			m->seg[k] = NULL;
		m->n = n;
	}
	drop(all, &m->seg[i]);
	if (!memcmp(s->state, all_zero.state, sizeof(s->state))) {
		m->seg[i] = &all_zero;
	} else if (all->segments < SEGMENTS_MAX) {
		m->seg[i] = mem_dup(s, sizeof(*s));
		all->segments++;
	}
}

void memo_done(struct memos *all, struct memo *m, const char *text,
	       struct digest *sum)
{
	/* A longer file that was here before is forgotten. */
	for (uint64_t i = digest_segments(sum); i < m->n; i++)
		drop(all, &m->seg[i]);
	digest_free(m->sum);
	m->sum = sum;
	memcpy(m->text, text, sizeof(m->text));
}
