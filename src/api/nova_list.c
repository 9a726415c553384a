/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts and history. */
#include "api/nova.h"

#include <errno.h>
#include <string.h>

#include "api/nova_priv.h"
#include "api/session_priv.h"

enum { PAGES_MAX = 1000 };

/* NAME=VALUE, with what must stand before it. */
static void query(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_putc(b, strchr(buf_str(b), '?') ? '&' : '?');
	buf_printf(b, "%s=", name);
	url_put(b, value);
}

int nova_services_list(struct api_session *s, const char *host,
		       const char *binary, struct nova_services *out,
		       struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	struct api_call c = {.service = CLOUD_COMPUTE,
			     .what = "listing Nova's services"};

	*out = (struct nova_services){0};
	buf_puts(&path, "/os-services");
	query(&path, "host", host);
	query(&path, "binary", binary);
	c.path = buf_str(&path);
	if (api_call(s, &c, &r, e))
		return -1;
	if (nova_services_parse(buf_str(&r.body), r.body.len, out, e))
		return api_garbled(&c, &r, e);
	return 0;
}

/* The id of HOST's nova-compute. */
static char *compute_id(struct api_session *s, const char *host, struct err *e)
{
	struct nova_services list;
	char *id = NULL;

	if (nova_services_list(s, host, "nova-compute", &list, e))
		return NULL;
	for (size_t i = 0; i < list.n && !id; i++)
		if (strcmp(list.v[i].host, host) == 0)
			id = mem_strdup0(list.v[i].id);
	nova_services_clear(&list);
	if (!id) {
		err_set(e, ERR_REFUSED, "Nova knows no nova-compute on it");
		e->sys = ENOENT;
	}
	return id;
}

static int force_down(struct api_session *s, const char *host, bool down,
		      const char *what, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT, body = BUF_INIT;
	AUTO(mem_freep) char *id = NULL;
	struct api_call c = {
		.service = CLOUD_COMPUTE,
		.method = API_PUT,
		.what = what,
		.idempotent = true,
	};
	struct api_version v;

	if (api_version(s, CLOUD_COMPUTE, &v, e))
		return err_wrap(e, "%s", what);
	if (!api_at_least(v, 2, 11))
		return err_set(e, ERR_REFUSED,
			       "%s: it needs microversion 2.11; this Nova has "
			       "%d.%d",
			       what, v.major, v.minor);
	buf_putc(&body, '{');
	if (api_at_least(v, 2, 53)) {
		id = compute_id(s, host, e);
		if (!id)
			return err_wrap(e, "%s", what);
		buf_puts(&path, "/os-services/");
		url_put(&path, id);
	} else {
		buf_puts(&path, "/os-services/force-down");
		json_member(&body, "host", host);
		json_member(&body, "binary", "nova-compute");
	}
	json_key(&body, "forced_down");
	buf_puts(&body, down ? "true}" : "false}");
	c.path = buf_str(&path);
	c.body = buf_str(&body);
	return api_do(s, &c, e);
}

int nova_service_force_down(struct api_session *s, const char *host, bool down,
			    struct err *e)
{
	AUTO(mem_freep)
	char *what = mem_printf("forcing nova-compute of %s %s", host,
				down ? "down" : "up");

	return force_down(s, host, down, what, e);
}

/* From 2.53 on a service is changed by its id, before by host and binary. */
static int set_status(struct api_session *s, const char *host,
		      const char *reason, const char *what, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT, body = BUF_INIT;
	AUTO(mem_freep) char *id = NULL;
	struct api_call c = {
		.service = CLOUD_COMPUTE,
		.method = API_PUT,
		.what = what,
		.idempotent = true,
	};
	struct api_version v;

	if (api_version(s, CLOUD_COMPUTE, &v, e))
		return err_wrap(e, "%s", what);
	buf_putc(&body, '{');
	buf_puts(&path, "/os-services/");
	if (api_at_least(v, 2, 53)) {
		id = compute_id(s, host, e);
		if (!id)
			return err_wrap(e, "%s", what);
		url_put(&path, id);
		json_member(&body, "status", reason ? "disabled" : "enabled");
	} else {
		buf_puts(&path, reason ? "disable-log-reason" : "enable");
		json_member(&body, "host", host);
		json_member(&body, "binary", "nova-compute");
	}
	if (reason)
		json_member(&body, "disabled_reason", reason);
	buf_putc(&body, '}');
	c.path = buf_str(&path);
	c.body = buf_str(&body);
	return api_do(s, &c, e);
}

int nova_service_disable(struct api_session *s, const char *host,
			 const char *reason, struct err *e)
{
	AUTO(mem_freep)
	char *what = mem_printf("disabling nova-compute of %s", host);

	return set_status(s, host, reason, what, e);
}

int nova_service_enable(struct api_session *s, const char *host, struct err *e)
{
	AUTO(mem_freep)
	char *what = mem_printf("enabling nova-compute of %s", host);

	return set_status(s, host, NULL, what, e);
}

/* --- lists of several pages */

/* Parses one page and appends it to OUT. */
typedef int add_page(const char *text, size_t len, void *out, struct err *e);

struct paged {
	const char *what, *path, *links; /* "/os-migrations", ... */
	add_page *add;
	void *out;
};

static int all_pages(struct api_session *s, const struct paged *p,
		     const char *first, struct err *e)
{
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	AUTO(mem_freep) char *next = mem_strdup(first);
	AUTO(buf_clear) struct buf path = BUF_INIT;
	struct api_call c = {.service = CLOUD_COMPUTE, .what = p->what};

	for (int page = 0; next && page < PAGES_MAX; page++) {
		buf_reset(&path);
		buf_printf(&path, "%s%s", p->path, next);
		c.path = buf_str(&path);
		if (api_call(s, &c, &r, e))
			return -1;
		if (p->add(buf_str(&r.body), r.body.len, p->out, e))
			return api_garbled(&c, &r, e);
		mem_free(next);
		next = nova_next_parse(buf_str(&r.body), r.body.len, p->links);
	}
	return 0;
}

/* V with the MORE elements of PAGE behind its *N; frees PAGE itself. */
static void *joined(void *v, size_t *n, void *page, size_t more, size_t size)
{
	char *all = mem_realloc(v, *n + more + 1, size);

	if (more)
		memcpy(all + *n * size, page, more * size);
	*n += more;
	mem_free(page);
	return all;
}

static int add_hypervisors(const char *text, size_t len, void *arg,
			   struct err *e)
{
	struct nova_hypervisors page, *out = arg;

	if (nova_hypervisors_parse(text, len, &page, e))
		return -1;
	out->v = joined(out->v, &out->n, page.v, page.n, sizeof(*page.v));
	return 0;
}

int nova_hypervisors_list(struct api_session *s, struct nova_hypervisors *out,
			  struct err *e)
{
	struct paged p = {
		.what = "listing hypervisors",
		.path = "/os-hypervisors/detail",
		.links = "hypervisors_links",
		.add = add_hypervisors,
		.out = out,
	};

	*out = (struct nova_hypervisors){0};
	if (all_pages(s, &p, "", e) == 0)
		return 0;
	nova_hypervisors_clear(out);
	return -1;
}

static int add_migrations(const char *text, size_t len, void *arg,
			  struct err *e)
{
	struct nova_migrations page, *out = arg;

	if (nova_migrations_parse(text, len, &page, e))
		return -1;
	out->v = joined(out->v, &out->n, page.v, page.n, sizeof(*page.v));
	return 0;
}

static bool same(const char *want, const char *is)
{
	return !want || (is && strcmp(want, is) == 0);
}

/* Nova before Ocata ignores some of the filters. */
static bool passes(const struct nova_migration_filter *f,
		   const struct nova_migration *m)
{
	return same(f->instance, m->instance_uuid) &&
	       same(f->status, m->status) &&
	       (!m->type || same(f->type, m->type)) &&
	       (same(f->host, m->source_compute) ||
		same(f->host, m->dest_compute));
}

static void keep_passing(const struct nova_migration_filter *f,
			 struct nova_migrations *out)
{
	struct nova_migrations kept = {
		MEM_NEW_N(struct nova_migration, out->n + 1), 0};
	struct nova_migrations dropped = {
		MEM_NEW_N(struct nova_migration, out->n + 1), 0};

	for (size_t i = 0; i < out->n; i++) {
		struct nova_migrations *to =
			passes(f, &out->v[i]) ? &kept : &dropped;

		to->v[to->n++] = out->v[i];
	}
	nova_migrations_clear(&dropped);
	mem_free(out->v);
	*out = kept;
}

int nova_migrations_list(struct api_session *s,
			 const struct nova_migration_filter *f,
			 struct nova_migrations *out, struct err *e)
{
	AUTO(buf_clear) struct buf q = BUF_INIT;
	struct paged p = {
		.what = "listing migrations",
		.path = "/os-migrations",
		.links = "migrations_links",
		.add = add_migrations,
		.out = out,
	};

	*out = (struct nova_migrations){0};
	query(&q, "instance_uuid", f->instance);
	query(&q, "host", f->host);
	query(&q, "status", f->status);
	query(&q, "migration_type", f->type);
	if (all_pages(s, &p, buf_str(&q), e)) {
		nova_migrations_clear(out);
		return -1;
	}
	keep_passing(f, out);
	return 0;
}

int nova_actions_list(struct api_session *s, const char *uuid,
		      struct nova_actions *out, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	AUTO(mem_freep) char *what = mem_printf("actions of server %s", uuid);
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	struct api_call c = {.service = CLOUD_COMPUTE, .what = what};

	*out = (struct nova_actions){0};
	buf_puts(&path, "/servers/");
	url_put(&path, uuid);
	buf_puts(&path, "/os-instance-actions");
	c.path = buf_str(&path);
	if (api_call(s, &c, &r, e))
		return -1;
	if (nova_actions_parse(buf_str(&r.body), r.body.len, out, e))
		return api_garbled(&c, &r, e);
	return 0;
}
