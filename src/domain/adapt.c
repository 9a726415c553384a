/* SPDX-License-Identifier: Apache-2.0 */
/* Paths between hosts, and the two entry points over rules.c. */
#include "domain/rules_priv.h"

#include <string.h>

#include "core/uuid.h"

void domain_reasons_clear(struct domain_reasons *r)
{
	for (size_t i = 0; i < r->n; i++) {
		mem_free(r->v[i].id);
		mem_free(r->v[i].text);
	}
	mem_free(r->v);
	*r = (struct domain_reasons){0};
}

bool domain_reasons_has(const struct domain_reasons *r, const char *id)
{
	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].id, id))
			return true;
	return false;
}

bool rules_plain(const char *s)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "0123456789._-";

	return *s && *s != '.' && *s != '-' && strspn(s, ok) == strlen(s);
}

bool rules_clean_path(const char *path)
{
	if (*path != '/')
		return false;
	while (*path) {
		size_t n = strcspn(++path, "/");

		if (!n || (n == 1 && *path == '.') ||
		    (n == 2 && !strncmp(path, "..", 2)))
			return false;
		path += n;
	}
	return true;
}

static const char *base_name(const struct rule_ctx *c)
{
	return c->src->base ? c->src->base : "_base";
}

/* REST is "folder/file" below instances_path; where that goes, or NULL. */
static char *map_rest(struct rule_ctx *c, const char *rest, bool base)
{
	const char *to = c->dst ? c->dst->instances : c->src->instances[0];
	const char *slash = strchr(rest, '/');
	AUTO(mem_freep) char *dir = NULL;

	if (!slash || !rules_plain(slash + 1))
		return NULL;
	dir = mem_strndup(rest, (size_t)(slash - rest));
	if (base && !strcmp(dir, base_name(c)))
		return mem_printf("%s/%s", to, rest);
	if (strcmp(dir, c->uuid) && strcmp(dir, c->name))
		return NULL;
	/* A domain must not be named like the cache. */
	if (!strcmp(dir, base_name(c)))
		return NULL;
	return mem_printf("%s/%s%s", to, c->uuid, slash);
}

char *rules_map(struct rule_ctx *c, const char *path, bool base)
{
	if (!rules_clean_path(path))
		return NULL;
	for (const char *const *p = c->src->instances; *p; p++) {
		size_t n = strlen(*p);
		char *to;

		if (strncmp(path, *p, n) || path[n] != '/')
			continue;
		to = map_rest(c, path + n + 1, base);
		if (to) {
			strv_add(&c->vetted, to);
			return to;
		}
	}
	return NULL;
}

bool rules_is_volume(const struct rule_ctx *c, const char *source)
{
	const char *const *v = c->src->volumes;

	for (; v && *v; v++)
		if (!strcmp(*v, source))
			return true;
	return false;
}

enum rule_act rules_map_at(struct rule_ctx *c, xmlNode *node, const char *attr,
			   const char *id)
{
	AUTO(mem_freep)
	char *path = attr ? xml_attr(node, attr) : xml_text(node);
	AUTO(mem_freep) char *to = NULL;
	const char *parent = (const char *)node->parent->name;

	if (!path || !*path)
		return RULE_KEEP;
	to = rules_map(c, path, xml_first(node->parent, "readonly"));
	if (!to)
		return rules_refuse(c, id,
				    "<%s> in <%s> names %s, which is not in "
				    "the instance's directory",
				    (const char *)node->name, parent, path);
	if (attr)
		xml_attr_set(node, attr, to);
	else
		xml_text_set(node, to);
	return RULE_KEEP;
}

static int check_places(const struct domain_place *src,
			const struct domain_target *dst, struct err *e)
{
	bool ok = src->instances && src->instances[0];

	for (const char *const *p = src->instances; ok && *p; p++)
		ok = rules_clean_path(*p);
	if (!ok || (src->nvram_dir && !rules_clean_path(src->nvram_dir)))
		return err_set(e, ERR_BUG, "domain: source paths not absolute");
	if (dst && (!dst->instances || !rules_clean_path(dst->instances) ||
		    (dst->nvram_dir && !rules_clean_path(dst->nvram_dir)) ||
		    (dst->emulator && !rules_clean_path(dst->emulator))))
		return err_set(e, ERR_BUG, "domain: target paths not absolute");
	return 0;
}

/* Judges and edits DOC; the reasons are C->out. */
static int run(struct rule_ctx *c, const xmlDoc *doc, struct err *e)
{
	xmlNode *root = xmlDocGetRootElement((xmlDoc *)doc);

	c->name = xml_text_at(root, "name");
	c->uuid = xml_text_at(root, "uuid");
	if (!c->name || !*c->name || !c->uuid || !uuid_valid(c->uuid))
		return err_set(e, ERR_REFUSED,
			       "domain XML: no name, or no valid uuid");
	rules_walk(c, root);
	rules_scan(c, root);
	return 0;
}

static void ctx_clear(struct rule_ctx *c)
{
	mem_free(c->name);
	mem_free(c->uuid);
	strv_clear(&c->vetted);
}

int domain_check_movable(const char *xml, size_t len,
			 const struct domain_place *src,
			 struct domain_reasons *out, struct err *e)
{
	AUTO(xml_freep) xmlDoc *doc = NULL;
	AUTO(ctx_clear) struct rule_ctx c = {.src = src, .out = out};

	if (check_places(src, NULL, e))
		return -1;
	doc = xml_load(xml, len, "domain", e);
	if (!doc)
		return -1;
	return run(&c, doc, e);
}

static void dump(const xmlDoc *doc, struct buf *out)
{
	xmlBuffer *b = xmlBufferCreate();

	xmlNodeDump(b, (xmlDoc *)doc, xmlDocGetRootElement((xmlDoc *)doc), 0,
		    0);
	buf_put(out, xmlBufferContent(b), (size_t)xmlBufferLength(b));
	buf_putc(out, '\n');
	xmlBufferFree(b);
}

int domain_adapt(const char *xml, size_t len, const struct domain_place *src,
		 const struct domain_target *dst, struct buf *out,
		 struct err *e)
{
	AUTO(xml_freep) xmlDoc *doc = NULL;
	AUTO(domain_reasons_clear) struct domain_reasons why = {0};
	AUTO(ctx_clear)
	struct rule_ctx c = {.src = src, .dst = dst, .out = &why};

	if (check_places(src, dst, e))
		return -1;
	doc = xml_load(xml, len, "domain", e);
	if (!doc || run(&c, doc, e))
		return -1;
	if (why.n) {
		err_set(e, ERR_REFUSED, "domain %s: %s", c.name, why.v[0].text);
		return err_hint(e, "move it with Nova's own migration: "
				   "openstack server migrate");
	}
	dump(doc, out);
	return 0;
}
