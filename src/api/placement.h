/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placement: allocations, with generations.  Errors as in api/session.h.
 *
 * Spoken up to 1.37.  From 1.38 a GET of Nova's own allocations answers
 * consumer_type "unknown", and a PUT of that very value is refused (400; seen
 * on Zed).  1.28 and newer guard the consumer by a generation; below that the
 * last writer wins.  1.12 and newer take the dictionary form, 1.8 and newer
 * want project and user, 1.0 takes a list without them.
 *
 * Seen against Zed (1.37), by tests/cloud/t-api-real: every call below, and the
 * 409 of a stale generation.  Not seen: the forms below 1.37.
 */
#ifndef NH_API_PLACEMENT_H
#define NH_API_PLACEMENT_H

#include <stdint.h>

#include "api/session.h"

struct placement_provider {
	char *uuid, *name;
	int64_t generation;
	char *parent; /* 1.14; NULL for a compute node */
};

void placement_provider_clear(struct placement_provider *p);
int placement_provider_parse(const char *text, size_t len, const char *name,
			     struct placement_provider *out, struct err *e);
/* By exact name, which for a compute node is its hypervisor_hostname.  None:
 * ENOENT. */
int placement_provider_find(struct api_session *s, const char *name,
			    struct placement_provider *out, struct err *e);

struct placement_amount {
	char *resource; /* VCPU, MEMORY_MB, DISK_GB, ... */
	int64_t amount;
};

struct placement_share {
	char *provider;
	int64_t generation; /* of the provider, when read */
	struct placement_amount *v;
	size_t n;
};

struct placement_allocations {
	struct placement_share *v; /* one a provider; none: no consumer */
	size_t n;
	char *project_id, *user_id; /* 1.12 */
	int64_t generation; /* of the consumer (1.28), or -1: none yet */
};

#define PLACEMENT_ALLOCATIONS_INIT                                             \
	{                                                                      \
		.generation = -1                                               \
	}

void placement_allocations_clear(struct placement_allocations *a);
int placement_allocations_parse(const char *text, size_t len,
				struct placement_allocations *out,
				struct err *e);
int placement_allocations_get(struct api_session *s, const char *consumer,
			      struct placement_allocations *out, struct err *e);
/* Writes A as CONSUMER's allocations, all of them.  A's generation must be the
 * one that was read: otherwise ERR_CONFLICT, read again. */
int placement_allocations_put(struct api_session *s, const char *consumer,
			      const struct placement_allocations *a,
			      struct err *e);
/* The body of that PUT for version V; the caller frees. */
char *placement_allocations_body(const struct placement_allocations *a,
				 struct api_version v) NH_DEALLOC(mem_free);

struct placement_move {
	const char *consumer;
	const char *from, *to; /* uuids of the providers */
	/* Used below 1.12, where they cannot be read.  May be NULL. */
	const char *project_id, *user_id;
};
/* Moves CONSUMER's share of FROM to TO: read, write, and on 409 or an unknown
 * outcome read again.  Nothing at FROM and all at TO is success.  Shares at
 * FROM and TO (an evacuation's doubled allocation) become TO's alone when they
 * are equal.  ERR_REFUSED when others hold a share, when there is none, or
 * when they differ. */
int placement_move(struct api_session *s, const struct placement_move *m,
		   struct err *e);
/* The pure part: changes A; *CHANGED says whether there is anything to
 * write. */
int placement_move_plan(struct placement_allocations *a,
			const struct placement_move *m, bool *changed,
			struct err *e);

/* The consumers that have resources of PROVIDER (an uuid), appended to OUT. */
int placement_consumers_list(struct api_session *s, const char *provider,
			     struct strv *out, struct err *e);
int placement_consumers_parse(const char *text, size_t len, struct strv *out,
			      struct err *e);

struct placement_inventory {
	char *resource;
	int64_t total, reserved, used, min_unit, max_unit, step_size;
	double ratio;
};

struct placement_inventories {
	struct placement_inventory *v;
	size_t n;
	int64_t generation;
};

void placement_inventories_clear(struct placement_inventories *v);
int placement_inventories_parse(const char *text, size_t len,
				struct placement_inventories *out,
				struct err *e);
/* Adds .used to what placement_inventories_parse() read. */
int placement_usages_parse(const char *text, size_t len,
			   struct placement_inventories *out, struct err *e);
/* The traits of PROVIDER itself (1.6), appended to OUT. */
int placement_traits_get(struct api_session *s, const char *provider,
			 struct strv *out, struct err *e);
int placement_traits_parse(const char *text, size_t len, struct strv *out,
			   struct err *e);
/* What PROVIDER has and what of it is used. */
int placement_inventories_get(struct api_session *s, const char *provider,
			      struct placement_inventories *out, struct err *e);

#endif
