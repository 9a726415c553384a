/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML as PyYAML's safe_load() understands configuration files, as a JSON tree.
 *
 * Plain scalars that YAML 1.1 calls null, true or false become that; all others
 * stay strings as written (PyYAML would make 0123 the number 83, which is no
 * help for a password).  Aliases are copied, "<<" is merged, of repeated keys
 * the last counts.  Depth and the number of nodes are bounded.
 */
#ifndef NH_API_YAML_PRIV_H
#define NH_API_YAML_PRIV_H

#include <jansson.h>

#include "core/err.h"

enum { YAML_DEPTH_MAX = 32, YAML_NODES_MAX = 20000 };

/* The first document; an empty one is JSON null.  The caller drops the
 * reference, after json_wipe() where it holds secrets.  ERR_USAGE with
 * "NAME:LINE: ". */
json_t *yaml_read(const char *name, const char *text, size_t len,
		  struct err *e);

#endif
