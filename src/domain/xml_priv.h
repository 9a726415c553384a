/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libxml2, fenced in: the only place that loads a document.  No DTD, no
 * entities but the five predefined, no network, no huge nodes, bounded size,
 * UTF-8 whatever the document declares.
 */
#ifndef NH_DOMAIN_XML_PRIV_H
#define NH_DOMAIN_XML_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include <libxml/tree.h>

#include "core/err.h"

/* ROOT is the name that the document element must have. */
xmlDoc *xml_load(const char *xml, size_t len, const char *root, struct err *e);
void xml_freep(xmlDoc **doc); /* for AUTO() */

/* Is NODE an element of this name (NULL: any)? */
bool xml_is(const xmlNode *node, const char *name);
/* First and next child element; NAME may be NULL. */
xmlNode *xml_first(const xmlNode *parent, const char *name);
xmlNode *xml_next(const xmlNode *node, const char *name);
/* The element at "a/b/c" below PARENT, each the first of its name. */
xmlNode *xml_at(const xmlNode *parent, const char *path);

/* Copies for the caller to mem_free; NULL when there is none. */
char *xml_attr(const xmlNode *node, const char *name);
char *xml_text(const xmlNode *node);
/* The same of the element at PATH below PARENT. */
char *xml_attr_at(const xmlNode *parent, const char *path, const char *name);
char *xml_text_at(const xmlNode *parent, const char *path);

bool xml_attr_is(const xmlNode *node, const char *name, const char *value);
bool xml_attr_has(const xmlNode *node, const char *name);
void xml_attr_set(xmlNode *node, const char *name, const char *value);
void xml_attr_drop(xmlNode *node, const char *name);
void xml_text_set(xmlNode *node, const char *text);
void xml_drop(xmlNode *node);

/* Decimal digits only; false and untouched otherwise. */
bool xml_u64(const char *s, uint64_t *out);

#endif
