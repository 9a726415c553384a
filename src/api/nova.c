/* SPDX-License-Identifier: Apache-2.0 */
/* Servers: looking, and what changes them. */
#include "api/nova.h"

#include <errno.h>
#include <string.h>

#include "api/nova_priv.h"
#include "api/session_priv.h"
#include "core/clock.h"
#include "core/stop.h"
#include "core/uuid.h"

enum { POLL_US = 1000000, PAGES_MAX = 1000 };

int nova_server_get(struct api_session *s, const char *uuid,
		    struct nova_server *out, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	AUTO(mem_freep) char *what = mem_printf("server %s", uuid);
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	struct api_call c = {.service = CLOUD_COMPUTE, .what = what};

	*out = (struct nova_server){.power_state = -1};
	buf_puts(&path, "/servers/");
	url_put(&path, uuid);
	c.path = buf_str(&path);
	if (api_call(s, &c, &r, e))
		return -1;
	if (nova_server_parse(buf_str(&r.body), r.body.len, out, e))
		return api_garbled(&c, &r, e);
	return 0;
}

/* NAME as a regular expression of the database: Nova's filter is one. */
static void put_pattern(struct buf *b, const char *name)
{
	AUTO(buf_clear) struct buf re = BUF_INIT;

	buf_putc(&re, '^');
	for (; *name; name++) {
		if (strchr("\\^$.|?*+()[]{}", *name))
			buf_putc(&re, '\\');
		buf_putc(&re, *name);
	}
	buf_putc(&re, '$');
	url_put(b, buf_str(&re));
}

static int list_names(struct api_session *s, const char *name, bool all,
		      struct strv *ids, struct err *e)
{
	AUTO(mem_freep) char *what = mem_printf("looking for server %s", name);
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	AUTO(mem_freep) char *next = NULL;
	AUTO(buf_clear) struct buf path = BUF_INIT;
	struct api_call c = {.service = CLOUD_COMPUTE, .what = what};

	buf_printf(&path, "?%sname=", all ? "all_tenants=1&" : "");
	put_pattern(&path, name);
	next = mem_strdup(buf_str(&path));
	for (int page = 0; next && page < PAGES_MAX; page++) {
		buf_reset(&path);
		buf_printf(&path, "/servers%s", next);
		c.path = buf_str(&path);
		if (api_call(s, &c, &r, e))
			return -1;
		if (nova_names_parse(buf_str(&r.body), r.body.len, name, ids,
				     e))
			return api_garbled(&c, &r, e);
		mem_free(next);
		next = nova_next_parse(buf_str(&r.body), r.body.len,
				       "servers_links");
	}
	return 0;
}

int nova_server_find(struct api_session *s, const char *word,
		     struct nova_server *out, struct err *e)
{
	AUTO(strv_clear) struct strv ids = STRV_INIT;
	AUTO(mem_freep) char *list = NULL;
	struct err mine = ERR_INIT;

	*out = (struct nova_server){.power_state = -1};
	if (uuid_valid(word)) {
		if (nova_server_get(s, word, out, e) == 0)
			return 0;
		if (e->sys == ENOENT)
			e->kind = ERR_REFUSED;
		return -1;
	}
	if (list_names(s, word, true, &ids, &mine)) {
		/* Only administrators see other projects. */
		if (mine.sys != EACCES) {
			err_move(e, &mine);
			return -1;
		}
		err_clear(&mine);
		if (list_names(s, word, false, &ids, e))
			return -1;
	}
	if (!ids.n)
		return err_set(e, ERR_REFUSED, "there is no server named %s",
			       word);
	if (ids.n == 1)
		return nova_server_get(s, ids.v[0], out, e);
	list = strv_join(&ids, ", ");
	err_set(e, ERR_REFUSED, "%zu servers are named %s: %s", ids.n, word,
		list);
	return err_hint(e, "name the one by its uuid");
}

static int action(struct api_session *s, const char *uuid, const char *doing,
		  struct api_call c, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	AUTO(mem_freep) char *what = mem_printf("%s server %s", doing, uuid);

	buf_puts(&path, "/servers/");
	url_put(&path, uuid);
	buf_puts(&path, "/action");
	c.service = CLOUD_COMPUTE;
	c.method = API_POST;
	c.what = what;
	c.path = buf_str(&path);
	return api_do(s, &c, e);
}

static int act(struct api_session *s, const char *uuid, const char *doing,
	       const char *body, bool idempotent, struct err *e)
{
	return action(s, uuid, doing,
		      (struct api_call){.body = body, .idempotent = idempotent},
		      e);
}

int nova_server_stop(struct api_session *s, const char *uuid, struct err *e)
{
	return act(s, uuid, "stopping", "{\"os-stop\":null}", false, e);
}

int nova_server_start(struct api_session *s, const char *uuid, struct err *e)
{
	return act(s, uuid, "starting", "{\"os-start\":null}", false, e);
}

int nova_server_evacuate(struct api_session *s, const char *uuid,
			 const char *host, struct err *e)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;

	buf_puts(&b, "{\"evacuate\":{");
	json_member(&b, "host", host);
	json_key(&b, "onSharedStorage");
	buf_puts(&b, "true}}");
	return action(s, uuid, "evacuating",
		      (struct api_call){.body = buf_str(&b), .minor_most = 13},
		      e);
}

int nova_server_lock(struct api_session *s, const char *uuid,
		     const char *reason, struct err *e)
{
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct api_version v;

	if (api_version(s, CLOUD_COMPUTE, &v, e))
		return err_wrap(e, "locking server %s", uuid);
	if (reason && api_at_least(v, 2, 73)) {
		buf_puts(&b, "{\"lock\":{");
		json_member(&b, "locked_reason", reason);
		buf_puts(&b, "}}");
	} else {
		buf_puts(&b, "{\"lock\":null}");
	}
	return act(s, uuid, "locking", buf_str(&b), true, e);
}

int nova_server_unlock(struct api_session *s, const char *uuid, struct err *e)
{
	return act(s, uuid, "unlocking", "{\"unlock\":null}", true, e);
}

/* Waiting, as seen so far. */
struct watch {
	const char *wanted;
	bool seen_task; /* Nova was at it */
};

/* 1 as wanted, 0 not yet, -1 it will not come */
static int judge(struct watch *w, const struct nova_server *s, struct err *e)
{
	const char *vm = s->vm_state ? s->vm_state : "not told";

	if (!s->task_state && strcmp(vm, w->wanted) == 0)
		return 1;
	if (strcmp(vm, "error") == 0 && !s->task_state)
		return err_set(e, ERR_FAILED, "Nova put it into ERROR: %s",
			       s->fault ? s->fault : "no fault is told");
	if (w->seen_task && !s->task_state)
		return err_set(e, ERR_FAILED, "Nova gave up: it is %s, not %s",
			       vm, w->wanted);
	w->seen_task = w->seen_task || s->task_state;
	return 0;
}

static int look(struct api_session *s, const char *uuid, struct watch *w,
		struct nova_server *out, struct err *e)
{
	struct nova_server now;
	struct err mine = ERR_INIT;

	if (nova_server_get(s, uuid, &now, &mine)) {
		/* An API that is away for a moment. */
		if (mine.kind == ERR_RETRY) {
			err_clear(&mine);
			return 0;
		}
		err_move(e, &mine);
		return -1;
	}
	nova_server_clear(out);
	*out = now;
	return judge(w, out, e);
}

int nova_server_wait(struct api_session *s, const char *uuid,
		     const char *wanted, int64_t timeout_us,
		     struct nova_server *out, struct err *e)
{
	int64_t end = clock_mono_us() + timeout_us;
	struct watch w = {.wanted = wanted};
	int rc;

	*out = (struct nova_server){.power_state = -1};
	while ((rc = look(s, uuid, &w, out, e)) == 0) {
		if (clock_mono_us() >= end) {
			rc = err_set(e, ERR_LOST,
				     "after %lld s it is still %s, task %s",
				     (long long)(timeout_us / 1000000),
				     out->vm_state ? out->vm_state : "unknown",
				     out->task_state ? out->task_state
						     : "none");
			break;
		}
		if (stop_requested()) {
			rc = err_set(e, ERR_INTERRUPTED, "interrupted");
			break;
		}
		clock_sleep_us(POLL_US);
	}
	if (rc > 0)
		return 0;
	return err_wrap(e, "waiting for server %s to be %s", uuid, wanted);
}

int nova_console_get(struct api_session *s, const char *uuid, unsigned lines,
		     struct buf *out, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT, body = BUF_INIT;
	AUTO(mem_freep) char *what = mem_printf("console of server %s", uuid);
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	struct api_call c = {
		.service = CLOUD_COMPUTE,
		.method = API_POST,
		.what = what,
		.idempotent = true,
	};
	int rc;

	buf_puts(&path, "/servers/");
	url_put(&path, uuid);
	buf_puts(&path, "/action");
	if (lines)
		buf_printf(&body, "{\"os-getConsoleOutput\":{\"length\":%u}}",
			   lines);
	else
		buf_puts(&body, "{\"os-getConsoleOutput\":{}}");
	c.path = buf_str(&path);
	c.body = buf_str(&body);
	rc = api_call(s, &c, &r, e);
	if (!rc && nova_console_parse(buf_str(&r.body), r.body.len, out, e))
		rc = api_garbled(&c, &r, e);
	/* A POST by name only: it reads. */
	if (rc && e->kind == ERR_LOST)
		e->kind = ERR_RETRY;
	return rc;
}
