/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NH_API_NOVA_PRIV_H
#define NH_API_NOVA_PRIV_H

#include "api/json_priv.h"
#include "api/nova.h"

enum nova_tri nova_tri_of(struct jr *r, const json_t *o, const char *key);

/* The ids of the servers in a list that are called exactly NAME; appended. */
int nova_names_parse(const char *text, size_t len, const char *name,
		     struct strv *ids, struct err *e);

/* "next" of LINKS ("servers_links"), below the endpoint ("/servers?..."), or
 * NULL; the caller frees. */
char *nova_next_parse(const char *text, size_t len, const char *links)
	NH_DEALLOC(mem_free);

#endif
