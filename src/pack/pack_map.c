/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to numbers, and counters: open addressing, hashed by content.  What
 * is read from them never depends on their order.
 */
#include <string.h>

#include "pack/pack_priv.h"

static uint64_t hash_text(const char *s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return h ^ h >> 32;
}

static const char *key_of(const struct pack_map *m, const struct pack_slot *s)
{
	return m->text.p + s->at - 1;
}

static struct pack_slot *slot_of(const struct pack_map *m, const char *key)
{
	size_t i = hash_text(key) & (m->cap - 1);

	while (m->v[i].at && strcmp(key_of(m, &m->v[i]), key) != 0)
		i = (i + 1) & (m->cap - 1);
	return &m->v[i];
}

void pack_map_clear(struct pack_map *m)
{
	buf_clear(&m->text);
	mem_free(m->v);
	*m = (struct pack_map){0};
}

uint32_t pack_map_get(const struct pack_map *m, const char *key)
{
	const struct pack_slot *s;

	if (!key || !m->n)
		return PACK_NONE;
	s = slot_of(m, key);
	return s->at ? s->value : PACK_NONE;
}

static void map_grow(struct pack_map *m)
{
	struct pack_slot *was = m->v;
	size_t n = m->cap;

	m->cap = n ? n * 2 : 64;
	m->v = MEM_NEW_N(struct pack_slot, m->cap);
	for (size_t i = 0; i < n; i++)
		if (was[i].at)
			*slot_of(m, key_of(m, &was[i])) = was[i];
	mem_free(was);
}

bool pack_map_add(struct pack_map *m, const char *key, uint32_t value)
{
	struct pack_slot *s;

	if (m->n * 2 >= m->cap)
		map_grow(m);
	s = slot_of(m, key);
	if (s->at)
		return false;
	s->at = m->text.len + 1;
	s->value = value;
	buf_put(&m->text, key, strlen(key) + 1);
	m->n++;
	return true;
}

static size_t count_slot(const struct pack_count *c, uint64_t key)
{
	size_t i = (key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (c->cap - 1);

	while (c->key[i] && c->key[i] != key)
		i = (i + 1) & (c->cap - 1);
	return i;
}

void pack_count_clear(struct pack_count *c)
{
	mem_free(c->key);
	mem_free(c->value);
	*c = (struct pack_count){0};
}

static void count_grow(struct pack_count *c)
{
	struct pack_count g = {.cap = c->cap ? c->cap * 2 : 64, .n = c->n};

	g.key = MEM_NEW_N(uint64_t, g.cap);
	g.value = MEM_NEW_N(uint32_t, g.cap);
	for (size_t i = 0; i < c->cap; i++) {
		size_t to;

		if (!c->key[i])
			continue;
		to = count_slot(&g, c->key[i]);
		g.key[to] = c->key[i];
		g.value[to] = c->value[i];
	}
	pack_count_clear(c);
	*c = g;
}

uint32_t *pack_count_at(struct pack_count *c, uint32_t base, uint32_t rank)
{
	uint64_t key = ((uint64_t)base << 32 | rank) + 1;
	size_t i;

	if (c->n * 2 >= c->cap)
		count_grow(c);
	i = count_slot(c, key);
	if (!c->key[i]) {
		c->key[i] = key;
		c->n++;
	}
	return &c->value[i];
}
