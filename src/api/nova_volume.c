/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes of a server. */
#include "api/nova.h"

#include "api/nova_priv.h"
#include "api/session_priv.h"

/* Nova asks the compute host for a device name before it answers, for as long
 * as its rpc_response_timeout (60 s) and its retries. */
enum { ATTACH_US = 180 * 1000000 };

static void put_path(struct buf *b, const char *server, const char *volume)
{
	buf_puts(b, "/servers/");
	url_put(b, server);
	buf_puts(b, "/os-volume_attachments");
	if (volume) {
		buf_putc(b, '/');
		url_put(b, volume);
	}
}

int nova_volumes_list(struct api_session *s, const char *uuid,
		      struct nova_volumes *out, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	AUTO(mem_freep) char *what = mem_printf("volumes of server %s", uuid);
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	struct api_call c = {.service = CLOUD_COMPUTE, .what = what};

	*out = (struct nova_volumes){0};
	put_path(&path, uuid, NULL);
	c.path = buf_str(&path);
	if (api_call(s, &c, &r, e))
		return -1;
	if (nova_volumes_parse(buf_str(&r.body), r.body.len, out, e))
		return api_garbled(&c, &r, e);
	return 0;
}

static int attach_body(struct api_session *s, const struct nova_attach *a,
		       struct buf *b, struct err *e)
{
	struct api_version v;

	if (api_version(s, CLOUD_COMPUTE, &v, e))
		return -1;
	if (a->tag && !api_at_least(v, 2, 49))
		return err_set(e, ERR_REFUSED,
			       "a device tag needs microversion 2.49; this "
			       "Nova has %d.%d",
			       v.major, v.minor);
	if (a->delete_on_termination == NOVA_YES && !api_at_least(v, 2, 79))
		return err_set(e, ERR_REFUSED,
			       "delete_on_termination needs microversion 2.79; "
			       "this Nova has %d.%d",
			       v.major, v.minor);
	buf_puts(b, "{\"volumeAttachment\":{");
	json_member(b, "volumeId", a->volume);
	json_member(b, "device", a->device);
	json_member(b, "tag", a->tag);
	if (a->delete_on_termination == NOVA_YES)
		buf_puts(b, ",\"delete_on_termination\":true");
	buf_puts(b, "}}");
	return 0;
}

int nova_volume_attach(struct api_session *s, const struct nova_attach *a,
		       struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT, body = BUF_INIT;
	AUTO(mem_freep)
	char *what = mem_printf("attaching volume %s to server %s", a->volume,
				a->server);
	struct api_call c = {
		.service = CLOUD_COMPUTE,
		.method = API_POST,
		.what = what,
		.call_us = ATTACH_US,
	};

	if (attach_body(s, a, &body, e))
		return err_wrap(e, "%s", what);
	put_path(&path, a->server, NULL);
	c.path = buf_str(&path);
	c.body = buf_str(&body);
	return api_do(s, &c, e);
}

int nova_volume_detach(struct api_session *s, const char *server,
		       const char *volume, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	AUTO(mem_freep)
	char *what = mem_printf("detaching volume %s from server %s", volume,
				server);
	struct api_call c = {
		.service = CLOUD_COMPUTE,
		.method = API_DELETE,
		.what = what,
	};

	put_path(&path, server, volume);
	c.path = buf_str(&path);
	return api_do(s, &c, e);
}
