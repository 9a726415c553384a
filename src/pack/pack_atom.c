/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What servers ask of hosts, room apart.  Each distinct requirement ("machine
 * type pc-q35-7.2") is looked at once for each host, and is a row of bits from
 * then on.
 */
#include <inttypes.h>
#include <string.h>

#include "core/str.h"
#include "pack/pack_priv.h"

/* What one atom asks, as long as it is being made. */
struct ask {
	enum pack_why why;
	const char *a, *b;	 /* the word; the value asked for */
	const struct strv *list; /* names of hosts */
	uint64_t version;
	bool not ; /* must not have it */
};

static bool lists(const struct strv *list, const struct ask *k)
{
	return strv_has(list, k->a) != k->not ;
}

static bool meta_has(const struct pack_host *h, const struct ask *k)
{
	for (size_t i = 0; i < h->n_meta; i++)
		if (str_is(h->meta[i].key, k->a) && h->meta[i].value &&
		    pack_spec_match(h->meta[i].value, k->b))
			return true;
	return false;
}

static bool takes_tenant(const struct pack_host *h, const struct ask *k)
{
	return !h->tenants.n || strv_has(&h->tenants, k->a);
}

static bool meets(const struct pack_host *h, const struct ask *k)
{
	switch (k->why) {
	case PACK_NOT_ASKED:
		return strv_has(k->list, h->name);
	case PACK_AVOIDED:
		return !str_is(h->name, k->a);
	case PACK_ARCH:
		return str_is(h->arch, k->a);
	case PACK_CPU:
		return lists(&h->cpus, k);
	case PACK_FLAGS:
		return lists(&h->flags, k);
	case PACK_MACHINE:
		return lists(&h->machines, k);
	case PACK_HYPERVISOR:
		return h->hypervisor >= k->version;
	case PACK_IMAGES_TYPE:
		return str_is(h->images_type, k->a);
	case PACK_CONFIG_DRIVE:
		return str_is(h->config_drive, k->a);
	case PACK_TRAITS:
		return lists(&h->traits, k);
	case PACK_TENANTS:
		return takes_tenant(h, k);
	case PACK_ZONE:
		return str_is(h->zone, k->a);
	case PACK_AGGREGATE:
		return meta_has(h, k);
	/* Not of this kind: of the host, of the rest, of room. */
	case PACK_NO_HOST:
	case PACK_SOURCE:
	case PACK_DOWN:
	case PACK_DISABLED:
	case PACK_REFUSED:
	case PACK_GROUP_TOGETHER:
	case PACK_GROUP_APART:
	case PACK_MAX_UNIT:
	case PACK_NO_VCPU:
	case PACK_NO_RAM:
	case PACK_NO_DISK:
	case PACK_NO_BYTES:
	case PACK_MAX_INSTANCES:
	case PACK_MAX_NEW:
	case N_PACK_WHY:
		break;
	}
	return false;
}

/* Lengths go in front, so that no two requirements look the same. */
static void key_put(struct buf *key, const char *s)
{
	buf_printf(key, "%zu:%s", s ? strlen(s) : 0, s ? s : "");
}

static void key_of(const struct ask *k, struct buf *key)
{
	buf_reset(key);
	buf_printf(key, "%d %d %" PRIu64 " ", (int)k->why, k->not, k->version);
	key_put(key, k->a);
	key_put(key, k->b);
	for (size_t i = 0; k->list && i < k->list->n; i++)
		key_put(key, k->list->v[i]);
}

static uint32_t atom_make(struct pack_world *w, const struct ask *k,
			  const char *key)
{
	size_t i = w->n_atoms++;
	uint64_t *row;

	if (i == w->cap_atoms) {
		w->cap_atoms = i ? i * 2 : 64;
		w->atoms =
			mem_realloc(w->atoms, w->cap_atoms, sizeof(*w->atoms));
		w->atom_rows = mem_realloc(w->atom_rows, w->cap_atoms,
					   w->words * sizeof(*w->atom_rows));
	}
	w->atoms[i] = k->why;
	row = pack_row(w, w->atom_rows, i);
	memset(row, 0, w->words * sizeof(*row));
	for (uint32_t r = 0; r < w->nh; r++)
		if (meets(&w->in->hosts[w->host[r]], k))
			bits_set(row, r);
	pack_map_add(&w->atom_names, key, (uint32_t)i);
	return (uint32_t)i;
}

static void add(struct pack_world *w, struct buf *key, const struct ask *k)
{
	uint32_t atom;

	key_of(k, key);
	atom = pack_map_get(&w->atom_names, buf_str(key));
	if (atom == PACK_NONE)
		atom = atom_make(w, k, buf_str(key));
	if (w->n_own == w->cap_own) {
		w->cap_own = w->cap_own ? w->cap_own * 2 : 1024;
		w->own = mem_realloc(w->own, w->cap_own, sizeof(*w->own));
	}
	w->own[w->n_own++] = atom;
}

static void add_word(struct pack_world *w, struct buf *key, enum pack_why why,
		     const char *word)
{
	if (word)
		add(w, key, &(struct ask){.why = why, .a = word});
}

static void add_each(struct pack_world *w, struct buf *key,
		     const struct ask *like, const struct strv *list)
{
	struct ask k = *like;

	for (size_t i = 0; i < list->n; i++) {
		k.a = list->v[i];
		add(w, key, &k);
	}
}

void pack_atoms_read(struct pack_world *w, uint32_t i)
{
	const struct pack_server *s = &w->in->servers[i];
	AUTO(buf_clear) struct buf key = BUF_INIT;

	if (s->only.n)
		add(w, &key,
		    &(struct ask){.why = PACK_NOT_ASKED, .list = &s->only});
	add_each(w, &key, &(struct ask){.why = PACK_AVOIDED}, &s->avoid);
	add_word(w, &key, PACK_ARCH, s->arch);
	add_word(w, &key, PACK_CPU, s->cpu);
	add_each(w, &key, &(struct ask){.why = PACK_FLAGS}, &s->flags);
	add_word(w, &key, PACK_MACHINE, s->machine);
	if (s->hypervisor)
		add(w, &key,
		    &(struct ask){.why = PACK_HYPERVISOR,
				  .version = s->hypervisor});
	add_word(w, &key, PACK_IMAGES_TYPE, s->images_type);
	add_word(w, &key, PACK_CONFIG_DRIVE, s->config_drive);
	add_each(w, &key, &(struct ask){.why = PACK_TRAITS}, &s->traits);
	add_each(w, &key, &(struct ask){.why = PACK_TRAITS, .not = true},
		 &s->traits_not);
	add_word(w, &key, PACK_TENANTS, s->project);
	add_word(w, &key, PACK_ZONE, s->zone);
	for (size_t m = 0; m < s->n_wants; m++)
		add(w, &key,
		    &(struct ask){.why = PACK_AGGREGATE,
				  .a = s->wants[m].key,
				  .b = s->wants[m].value ? s->wants[m].value
							 : ""});
	w->own_at[i + 1] = (uint32_t)w->n_own;
}

void pack_atoms_clear(struct pack_world *w)
{
	mem_free(w->atoms);
	mem_free(w->atom_rows);
	mem_free(w->own);
	mem_free(w->own_at);
	pack_map_clear(&w->atom_names);
}
