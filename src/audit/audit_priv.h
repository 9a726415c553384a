/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of audit: the world by name, and what is said about it. */
#ifndef NH_AUDIT_AUDIT_PRIV_H
#define NH_AUDIT_AUDIT_PRIV_H

#include "audit/audit.h"

/* One more zeroed element of an array member: GROW(f->ports, f->n_ports). */
#define GROW(v, n)                                                             \
	((v) = mem_realloc((v), (n) + 1, sizeof(*(v))),                        \
	 memset(&(v)[n], 0, sizeof(*(v))), &(v)[(n)++])

struct audit_host *audit_host(const struct audit_facts *f, const char *name);
struct audit_server *audit_server(const struct audit_facts *f,
				  const char *uuid);
const struct audit_domain *audit_domain(const struct audit_host *h,
					const char *uuid);
/* SUFFIX "": the instance's own. */
const struct audit_dir *audit_dir(const struct audit_host *h, const char *uuid,
				  const char *suffix);

/* Is something at work on it, or was it while we read? */
bool audit_busy(const struct audit_facts *f, const struct audit_server *s);
/* Does the rest of the cloud have to know it on its host?  Not while it is
 * busy, and not in the states in which Nova keeps it in no place or in two. */
bool audit_settled(const struct audit_facts *f, const struct audit_server *s);
/* May it be changed now? */
bool audit_idle(const struct audit_facts *f, const struct audit_server *s);
/* May both see the same files?  One share can have two names. */
bool audit_same_files(const struct audit_host *a, const struct audit_host *b);

/* What a returning nova-compute of HOST will clear away itself: NULL, or the
 * record that tells it to. */
const struct audit_migration *audit_pending(const struct audit_facts *f,
					    const char *uuid, const char *host);

/* A finding about S (or NULL) at HOST (or NULL); the caller adds what else
 * there is to say to what is returned, before it adds another. */
struct audit_finding *audit_add(struct audit_found *out, const char *kind,
				enum audit_severity severity,
				const struct audit_server *s, const char *host);

/* find_cloud.c, find_host.c */
void audit_find_allocations(const struct audit_facts *f,
			    struct audit_found *out);
void audit_find_ports(const struct audit_facts *f, struct audit_found *out);
void audit_find_volumes(const struct audit_facts *f, struct audit_found *out);
void audit_find_domains(const struct audit_facts *f, struct audit_found *out);
void audit_find_files(const struct audit_facts *f, struct audit_found *out);

#endif
