/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cinder.h"

#include <errno.h>
#include <string.h>

#include "api/json_priv.h"
#include "api/session_priv.h"

/* Exports and their ends are waited for: cinder-api asks cinder-volume. */
enum { EXPORT_US = 180 * 1000000 };

/* What all calls below share: PATH (taken over), answer and words. */
struct job {
	struct api_call c;
	struct api_reply r;
	struct buf path;
	char *what;
};

static void job_clear(struct job *j)
{
	api_reply_clear(&j->r);
	buf_clear(&j->path);
	mem_free(j->what);
}

static void job_init(struct job *j, enum api_method method, char *what,
		     const char *collection, const char *id)
{
	*j = (struct job){.what = what};
	buf_printf(&j->path, "/%s", collection);
	if (id) {
		buf_putc(&j->path, '/');
		url_put(&j->path, id);
	}
	j->c = (struct api_call){
		.service = CLOUD_VOLUME, .method = method, .what = what};
}

static int job_run(struct job *j, struct api_session *s, struct err *e)
{
	j->c.path = buf_str(&j->path);
	return api_call(s, &j->c, &j->r, e);
}

int cinder_volume_get(struct api_session *s, const char *id,
		      struct cinder_volume *out, struct err *e)
{
	AUTO(job_clear) struct job j;

	*out = (struct cinder_volume){0};
	job_init(&j, API_GET, mem_printf("volume %s", id), "volumes", id);
	if (job_run(&j, s, e))
		return -1;
	if (cinder_volume_parse(buf_str(&j.r.body), j.r.body.len, out, e))
		return api_garbled(&j.c, &j.r, e);
	return 0;
}

static int need(struct api_session *s, int minor, const char *what,
		struct api_version *v, struct err *e)
{
	if (api_version(s, CLOUD_VOLUME, v, e))
		return err_wrap(e, "%s", what);
	if (api_at_least(*v, 3, minor))
		return 0;
	return err_set(e, ERR_REFUSED,
		       "%s: it needs microversion 3.%d; this Cinder has %d.%d",
		       what, minor, v->major, v->minor);
}

int cinder_attachments_list(struct api_session *s, const char *instance,
			    const char *volume, struct cinder_attachments *out,
			    struct err *e)
{
	AUTO(job_clear) struct job j;
	struct api_version v;

	*out = (struct cinder_attachments){0};
	job_init(&j, API_GET,
		 mem_printf("attachments of %s %s",
			    instance ? "server" : "volume",
			    instance ? instance
			    : volume ? volume
				     : "(any)"),
		 "attachments", NULL);
	if (need(s, 27, j.what, &v, e))
		return -1;
	buf_puts(&j.path, "?all_tenants=1");
	if (instance) {
		buf_puts(&j.path, "&instance_id=");
		url_put(&j.path, instance);
	}
	if (volume) {
		buf_puts(&j.path, "&volume_id=");
		url_put(&j.path, volume);
	}
	if (job_run(&j, s, e))
		return -1;
	if (cinder_attachments_parse(buf_str(&j.r.body), j.r.body.len, out, e))
		return api_garbled(&j.c, &j.r, e);
	return 0;
}

int cinder_attachment_get(struct api_session *s, const char *id,
			  struct cinder_attachment *out, struct err *e)
{
	AUTO(job_clear) struct job j;
	struct api_version v;

	*out = (struct cinder_attachment){0};
	job_init(&j, API_GET, mem_printf("attachment %s", id), "attachments",
		 id);
	if (need(s, 27, j.what, &v, e) || job_run(&j, s, e))
		return -1;
	if (cinder_attachment_parse(buf_str(&j.r.body), j.r.body.len, out, e))
		return api_garbled(&j.c, &j.r, e);
	return 0;
}

static int bad_connector(const char *connector, const char *what, struct err *e)
{
	if (json_is_text(connector))
		return 0;
	return err_set(e, ERR_BUG, "%s: the connector is no JSON object", what);
}

int cinder_attachment_create(struct api_session *s,
			     const struct cinder_attach *a,
			     struct cinder_attachment *out, struct err *e)
{
	AUTO(job_clear) struct job j;
	AUTO(buf_clear) struct buf body = BUF_INIT;
	struct api_version v;

	*out = (struct cinder_attachment){0};
	job_init(&j, API_POST,
		 mem_printf("new attachment of volume %s for server %s",
			    a->volume, a->instance),
		 "attachments", NULL);
	if (need(s, 27, j.what, &v, e) ||
	    (a->connector && bad_connector(a->connector, j.what, e)))
		return -1;
	buf_puts(&body, "{\"attachment\":{");
	json_member(&body, "volume_uuid", a->volume);
	json_member(&body, "instance_uuid", a->instance);
	json_key(&body, "connector");
	buf_puts(&body, a->connector ? a->connector : "null");
	if (api_at_least(v, 3, 54))
		json_member(&body, "mode", a->mode ? a->mode : "rw");
	buf_puts(&body, "}}");
	j.c.body = buf_str(&body);
	j.c.call_us = EXPORT_US;
	if (job_run(&j, s, e))
		return -1;
	if (cinder_attachment_parse(buf_str(&j.r.body), j.r.body.len, out, e))
		return api_garbled(&j.c, &j.r, e);
	return 0;
}

int cinder_attachment_update(struct api_session *s, const char *id,
			     const char *connector,
			     struct cinder_attachment *out, struct err *e)
{
	AUTO(job_clear) struct job j;
	AUTO(mem_freep) char *body = NULL;
	struct api_version v;

	*out = (struct cinder_attachment){0};
	job_init(&j, API_PUT, mem_printf("connector of attachment %s", id),
		 "attachments", id);
	if (need(s, 27, j.what, &v, e) || bad_connector(connector, j.what, e))
		return -1;
	body = mem_printf("{\"attachment\":{\"connector\":%s}}", connector);
	j.c.body = body;
	j.c.call_us = EXPORT_US;
	if (job_run(&j, s, e))
		return -1;
	if (cinder_attachment_parse(buf_str(&j.r.body), j.r.body.len, out, e))
		return api_garbled(&j.c, &j.r, e);
	return 0;
}

int cinder_attachment_complete(struct api_session *s, const char *id,
			       struct err *e)
{
	AUTO(job_clear) struct job j;
	struct api_version v;

	job_init(&j, API_POST, mem_printf("completing attachment %s", id),
		 "attachments", id);
	buf_puts(&j.path, "/action");
	j.c.body = "{\"os-complete\":null}";
	j.c.idempotent = true;
	if (need(s, 44, j.what, &v, e))
		return -1;
	return job_run(&j, s, e);
}

static int delete_as(struct api_session *s, const char *id, bool service,
		     struct err *e)
{
	AUTO(job_clear) struct job j;
	struct err mine = ERR_INIT;
	struct api_version v;

	job_init(&j, API_DELETE, mem_printf("deleting attachment %s", id),
		 "attachments", id);
	j.c.idempotent = true;
	j.c.service_token = service;
	j.c.call_us = EXPORT_US;
	if (need(s, 27, j.what, &v, e))
		return -1;
	if (job_run(&j, s, &mine) == 0)
		return 0;
	if (mine.sys == ENOENT && j.r.repeated) {
		err_clear(&mine);
		return 0;
	}
	if (mine.sys == ENOENT)
		mine.kind = ERR_NOTHING;
	err_move(e, &mine);
	return -1;
}

int cinder_attachment_delete(struct api_session *s, const char *id,
			     struct err *e)
{
	return delete_as(s, id, true, e);
}

int cinder_attachment_drop(struct api_session *s, const char *id, struct err *e)
{
	return delete_as(s, id, false, e);
}

/* --- the old flow */

static const char *doing(enum cinder_act act)
{
	static const char *const words[] = {
		[CINDER_RESERVE] = "reserving",
		[CINDER_UNRESERVE] = "unreserving",
		[CINDER_ATTACH] = "attaching",
		[CINDER_BEGIN_DETACHING] = "beginning to detach",
		[CINDER_ROLL_DETACHING] = "no longer detaching",
		[CINDER_DETACH] = "detaching",
		[CINDER_INITIALIZE_CONNECTION] = "exporting",
		[CINDER_TERMINATE_CONNECTION] = "ending the export of",
	};

	return words[act];
}

/* {"connection_info": {...}} */
static int take_connection(const struct job *j, struct buf *answer,
			   struct err *e)
{
	struct jr r;
	char *text;

	if (jr_open(&r, buf_str(&j->r.body), j->r.body.len, NULL, e))
		return -1;
	text = jr_text(&r, r.root, "connection_info");
	if (!text)
		jr_fail(&r, "it has no \"connection_info\"");
	else
		buf_puts(answer, text);
	secret_free(text);
	return jr_close_secret(&r);
}

int cinder_volume_act(struct api_session *s, const struct cinder_action *a,
		      struct buf *answer, struct err *e)
{
	AUTO(job_clear) struct job j;
	AUTO(mem_freep) char *body = NULL;
	bool exports = a->act == CINDER_INITIALIZE_CONNECTION ||
		       a->act == CINDER_TERMINATE_CONNECTION;

	job_init(&j, API_POST,
		 mem_printf("%s volume %s", doing(a->act), a->volume),
		 "volumes", a->volume);
	buf_puts(&j.path, "/action");
	if (exports && bad_connector(a->connector, j.what, e))
		return -1;
	j.c.body = body = cinder_action_body(a);
	j.c.call_us = exports ? EXPORT_US : 0;
	if (job_run(&j, s, e))
		return -1;
	if (answer && a->act == CINDER_INITIALIZE_CONNECTION &&
	    take_connection(&j, answer, e))
		return api_garbled(&j.c, &j.r, e);
	return 0;
}
