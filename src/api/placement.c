/* SPDX-License-Identifier: Apache-2.0 */
#include "api/placement.h"

#include <errno.h>
#include <string.h>

#include "api/json_priv.h"
#include "api/session_priv.h"
#include "core/clock.h"

enum { MOVE_TRIES = 5, MOVE_PAUSE_US = 200000 };

int placement_provider_find(struct api_session *s, const char *name,
			    struct placement_provider *out, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	AUTO(mem_freep) char *what = mem_printf("resource provider %s", name);
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	struct api_call c = {.service = CLOUD_PLACEMENT, .what = what};

	*out = (struct placement_provider){0};
	buf_puts(&path, "/resource_providers?name=");
	url_put(&path, name);
	c.path = buf_str(&path);
	if (api_call(s, &c, &r, e))
		return -1;
	if (placement_provider_parse(buf_str(&r.body), r.body.len, name, out,
				     e)) {
		if (e->sys == ENOENT)
			return err_wrap(e, "placement");
		return api_garbled(&c, &r, e);
	}
	return 0;
}

static void allocations_path(struct buf *path, const char *consumer)
{
	buf_puts(path, "/allocations/");
	url_put(path, consumer);
}

int placement_allocations_get(struct api_session *s, const char *consumer,
			      struct placement_allocations *out, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	AUTO(mem_freep) char *what = mem_printf("allocations of %s", consumer);
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	struct api_call c = {.service = CLOUD_PLACEMENT, .what = what};

	*out = (struct placement_allocations)PLACEMENT_ALLOCATIONS_INIT;
	allocations_path(&path, consumer);
	c.path = buf_str(&path);
	if (api_call(s, &c, &r, e))
		return -1;
	if (placement_allocations_parse(buf_str(&r.body), r.body.len, out, e))
		return api_garbled(&c, &r, e);
	return 0;
}

int placement_allocations_put(struct api_session *s, const char *consumer,
			      const struct placement_allocations *a,
			      struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	AUTO(mem_freep) char *what = NULL;
	AUTO(mem_freep) char *body = NULL;
	struct api_call c = {.service = CLOUD_PLACEMENT, .method = API_PUT};
	struct api_version v;

	c.what = what = mem_printf("writing the allocations of %s", consumer);
	if (api_version(s, CLOUD_PLACEMENT, &v, e))
		return err_wrap(e, "%s", what);
	if (api_at_least(v, 1, 8) && (!a->project_id || !a->user_id))
		return err_set(e, ERR_REFUSED,
			       "%s: their project and user are not known",
			       what);
	allocations_path(&path, consumer);
	c.path = buf_str(&path);
	if (!a->n && !api_at_least(v, 1, 28)) {
		c.method = API_DELETE; /* a PUT of nothing is refused */
	} else {
		c.body = body = placement_allocations_body(a, v);
	}
	return api_do(s, &c, e);
}

typedef int names_parse(const char *text, size_t len, struct strv *out,
			struct err *e);

/* WHAT a provider has: "allocations", "traits". */
static int names_get(struct api_session *s, const char *provider,
		     const char *what, names_parse *parse, struct strv *out,
		     struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	AUTO(mem_freep)
	char *words = mem_printf("%s of provider %s", what, provider);
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	struct api_call c = {.service = CLOUD_PLACEMENT, .what = words};

	buf_puts(&path, "/resource_providers/");
	url_put(&path, provider);
	buf_printf(&path, "/%s", what);
	c.path = buf_str(&path);
	if (api_call(s, &c, &r, e))
		return -1;
	if (parse(buf_str(&r.body), r.body.len, out, e))
		return api_garbled(&c, &r, e);
	return 0;
}

int placement_consumers_list(struct api_session *s, const char *provider,
			     struct strv *out, struct err *e)
{
	return names_get(s, provider, "allocations", placement_consumers_parse,
			 out, e);
}

int placement_traits_get(struct api_session *s, const char *provider,
			 struct strv *out, struct err *e)
{
	return names_get(s, provider, "traits", placement_traits_parse, out, e);
}

static void fill(char **slot, const char *value)
{
	if (!*slot)
		*slot = mem_strdup0(value);
}

/* Reads, and writes if there is anything to. */
static int move_once(struct api_session *s, const struct placement_move *m,
		     struct err *e)
{
	AUTO(placement_allocations_clear)
	struct placement_allocations a = PLACEMENT_ALLOCATIONS_INIT;
	bool changed;

	if (placement_allocations_get(s, m->consumer, &a, e) ||
	    placement_move_plan(&a, m, &changed, e))
		return -1;
	if (!changed)
		return 0;
	fill(&a.project_id, m->project_id);
	fill(&a.user_id, m->user_id);
	return placement_allocations_put(s, m->consumer, &a, e);
}

int placement_move(struct api_session *s, const struct placement_move *m,
		   struct err *e)
{
	struct err mine = ERR_INIT;
	bool lost = false;

	for (int n = 0; n < MOVE_TRIES; n++) {
		err_clear(&mine);
		if (n)
			clock_sleep_us(MOVE_PAUSE_US << n);
		if (move_once(s, m, &mine) == 0)
			return 0;
		lost = lost || mine.kind == ERR_LOST;
		if (mine.kind != ERR_CONFLICT && mine.kind != ERR_LOST)
			break;
	}
	/* Not read back since a write whose outcome is unknown. */
	if (lost && mine.kind == ERR_RETRY)
		mine.kind = ERR_LOST;
	err_move(e, &mine);
	return err_wrap(e, "moving allocations from %s to %s", m->from, m->to);
}

int placement_inventories_get(struct api_session *s, const char *provider,
			      struct placement_inventories *out, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT, uses = BUF_INIT;
	AUTO(mem_freep)
	char *what = mem_printf("inventory of provider %s", provider);
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	struct api_call c = {.service = CLOUD_PLACEMENT, .what = what};

	*out = (struct placement_inventories){0};
	buf_puts(&path, "/resource_providers/");
	url_put(&path, provider);
	buf_printf(&uses, "%s/usages", buf_str(&path));
	buf_puts(&path, "/inventories");
	c.path = buf_str(&path);
	if (api_call(s, &c, &r, e))
		return -1;
	if (placement_inventories_parse(buf_str(&r.body), r.body.len, out, e))
		return api_garbled(&c, &r, e);
	c.path = buf_str(&uses);
	if (api_call(s, &c, &r, e) == 0) {
		if (placement_usages_parse(buf_str(&r.body), r.body.len, out,
					   e) == 0)
			return 0;
		api_garbled(&c, &r, e);
	}
	placement_inventories_clear(out);
	return -1;
}
