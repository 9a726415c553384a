/* SPDX-License-Identifier: Apache-2.0 */
#include "domain/xml_priv.h"

#include <string.h>
#include <strings.h>

#include <libxml/parser.h>

#include "domain/domain.h"

#define X(s) ((const xmlChar *)(s))

/* A document type is where entities come from, and libvirt writes none. */
static bool has_dtd(const char *xml, size_t len)
{
	static const char *const bad[] = {"!DOCTYPE", "!ENTITY", "!ELEMENT",
					  "!ATTLIST", "!NOTATION"};

	for (const char *p = xml; (p = memchr(p, '<', xml + len - p)); p++) {
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			size_t n = strlen(bad[i]);

			if ((size_t)(xml + len - p) > n &&
			    !strncasecmp(p + 1, bad[i], n))
				return true;
		}
	}
	return false;
}

static int parse_failed(const xmlParserCtxt *ctxt, struct err *e)
{
	const xmlError *x = xmlCtxtGetLastError((void *)ctxt);
	const char *msg = x && x->message ? x->message : "not well-formed";

	return err_set(e, ERR_REFUSED, "XML: line %d: %.*s", x ? x->line : 0,
		       (int)strcspn(msg, "\n"), msg);
}

xmlDoc *xml_load(const char *xml, size_t len, const char *root, struct err *e)
{
	const int opts = XML_PARSE_NONET | XML_PARSE_NOERROR |
			 XML_PARSE_NOWARNING | XML_PARSE_NOCDATA;
	xmlParserCtxt *ctxt;
	xmlDoc *doc;
	const xmlNode *top;

	if (!len || len > DOMAIN_XML_MAX) {
		err_set(e, ERR_REFUSED, "XML: %zu bytes (1 to %d are read)",
			len, DOMAIN_XML_MAX);
		return NULL;
	}
	if (memchr(xml, '\0', len) || has_dtd(xml, len)) {
		err_set(e, ERR_REFUSED,
			"XML: has a document type or NUL bytes: "
			"libvirt did not write this");
		return NULL;
	}
	ctxt = xmlNewParserCtxt();
	if (!ctxt) {
		err_set(e, ERR_FAILED, "XML: no parser");
		return NULL;
	}
	doc = xmlCtxtReadMemory(ctxt, xml, (int)len, NULL, "UTF-8", opts);
	top = doc ? xmlDocGetRootElement(doc) : NULL;
	if (!top || !ctxt->wellFormed) {
		parse_failed(ctxt, e);
	} else if (doc->intSubset || doc->extSubset) {
		err_set(e, ERR_REFUSED, "XML: has a document type");
	} else if (!xml_is(top, root)) {
		err_set(e, ERR_REFUSED, "XML: <%s> where <%s> was expected",
			(const char *)top->name, root);
	} else {
		xmlFreeParserCtxt(ctxt);
		return doc;
	}
	xmlFreeDoc(doc);
	xmlFreeParserCtxt(ctxt);
	return NULL;
}

void xml_freep(xmlDoc **doc)
{
	xmlFreeDoc(*doc);
	*doc = NULL;
}

bool xml_is(const xmlNode *node, const char *name)
{
	return node && node->type == XML_ELEMENT_NODE &&
	       (!name || !strcmp((const char *)node->name, name));
}

static xmlNode *seek(xmlNode *n, const char *name)
{
	while (n && !xml_is(n, name))
		n = n->next;
	return n;
}

xmlNode *xml_first(const xmlNode *parent, const char *name)
{
	return parent ? seek(parent->children, name) : NULL;
}

xmlNode *xml_next(const xmlNode *node, const char *name)
{
	return seek(node->next, name);
}

xmlNode *xml_at(const xmlNode *parent, const char *path)
{
	const xmlNode *n = parent;

	while (n && *path) {
		size_t len = strcspn(path, "/");
		char *name = mem_strndup(path, len);

		n = xml_first(n, name);
		mem_free(name);
		path += len + (path[len] == '/');
	}
	return (xmlNode *)n;
}

static char *take(xmlChar *s)
{
	char *out = s ? mem_strdup((const char *)s) : NULL;

	xmlFree(s);
	return out;
}

char *xml_attr(const xmlNode *node, const char *name)
{
	return node ? take(xmlGetNoNsProp((xmlNode *)node, X(name))) : NULL;
}

char *xml_text(const xmlNode *node)
{
	return node ? take(xmlNodeGetContent((xmlNode *)node)) : NULL;
}

char *xml_attr_at(const xmlNode *parent, const char *path, const char *name)
{
	return xml_attr(xml_at(parent, path), name);
}

char *xml_text_at(const xmlNode *parent, const char *path)
{
	return xml_text(xml_at(parent, path));
}

bool xml_attr_is(const xmlNode *node, const char *name, const char *value)
{
	char *s = xml_attr(node, name);
	bool same = s && !strcmp(s, value);

	mem_free(s);
	return same;
}

bool xml_attr_has(const xmlNode *node, const char *name)
{
	return node && xmlHasProp((xmlNode *)node, X(name));
}

void xml_attr_set(xmlNode *node, const char *name, const char *value)
{
	xmlSetProp(node, X(name), X(value));
}

void xml_attr_drop(xmlNode *node, const char *name)
{
	xmlUnsetProp(node, X(name));
}

void xml_text_set(xmlNode *node, const char *text)
{
	xmlNodeSetContent(node, NULL);
	xmlNodeAddContent(node, X(text));
}

void xml_drop(xmlNode *node)
{
	xmlUnlinkNode(node);
	xmlFreeNode(node);
}

bool xml_u64(const char *s, uint64_t *out)
{
	uint64_t v = 0;

	if (!s || !*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > (UINT64_MAX - 9) / 10)
			return false;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	*out = v;
	return true;
}
