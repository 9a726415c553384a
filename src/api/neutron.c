/* SPDX-License-Identifier: Apache-2.0 */
#include "api/neutron.h"

#include <inttypes.h>
#include <string.h>

#include "api/json_priv.h"
#include "api/session_priv.h"

void neutron_port_clear(struct neutron_port *p)
{
	char *const all[] = {p->id,	    p->name,	     p->network_id,
			     p->project_id, p->mac,	     p->status,
			     p->device_id,  p->device_owner, p->host,
			     p->vif_type,   p->vnic_type,    p->profile,
			     p->vif_details};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		mem_free(all[i]);
	strv_clear(&p->ips);
	*p = (struct neutron_port){.revision = -1};
}

void neutron_ports_clear(struct neutron_ports *v)
{
	for (size_t i = 0; i < v->n; i++)
		neutron_port_clear(&v->v[i]);
	mem_free(v->v);
	*v = (struct neutron_ports){0};
}

static void take_binding(struct jr *r, const json_t *o, struct neutron_port *p)
{
	p->sees_binding = json_object_get(o, "binding:host_id") != NULL;
	p->host = jr_str(r, o, "binding:host_id");
	if (p->host && !*p->host) { /* "" is unbound */
		mem_free(p->host);
		p->host = NULL;
	}
	p->vif_type = jr_str(r, o, "binding:vif_type");
	p->vnic_type = jr_str(r, o, "binding:vnic_type");
	p->profile = jr_text(r, o, "binding:profile");
	p->vif_details = jr_text(r, o, "binding:vif_details");
}

static void take_port(struct jr *r, const json_t *o, struct neutron_port *p)
{
	json_t *ips, *ip;
	size_t i;

	p->id = jr_need(r, o, "id");
	p->name = jr_str(r, o, "name");
	p->network_id = jr_str(r, o, "network_id");
	p->project_id = jr_str(r, o, "tenant_id");
	if (!p->project_id)
		p->project_id = jr_str(r, o, "project_id");
	p->mac = jr_str(r, o, "mac_address");
	p->status = jr_str(r, o, "status");
	p->device_id = jr_str(r, o, "device_id");
	p->device_owner = jr_str(r, o, "device_owner");
	p->revision = jr_int(r, o, "revision_number", -1);
	p->admin_up = jr_bool(r, o, "admin_state_up");
	p->is_trunk = jr_has(o, "trunk_details");
	p->has_resources = jr_has(o, "resource_request");
	take_binding(r, o, p);
	ips = jr_arr(r, o, "fixed_ips");
	json_array_foreach (ips, i, ip) {
		AUTO(mem_freep) char *s = jr_str(r, ip, "ip_address");

		if (s)
			strv_add(&p->ips, s);
	}
}

int neutron_port_parse(const char *text, size_t len, struct neutron_port *out,
		       struct err *e)
{
	struct jr r;
	int rc;

	*out = (struct neutron_port){.revision = -1};
	if (jr_open(&r, text, len, "port", e))
		return -1;
	take_port(&r, r.root, out);
	rc = jr_close(&r);
	if (rc)
		neutron_port_clear(out);
	return rc;
}

int neutron_ports_parse(const char *text, size_t len, struct neutron_ports *out,
			struct err *e)
{
	struct jr r;
	size_t n;
	int rc;

	*out = (struct neutron_ports){0};
	if (jr_open(&r, text, len, "ports", e))
		return -1;
	n = jr_objs(&r, r.root, "ports");
	out->v = MEM_NEW_N(struct neutron_port, n);
	for (; out->n < n; out->n++)
		take_port(&r, json_array_get(r.root, out->n), &out->v[out->n]);
	rc = jr_close(&r);
	if (rc)
		neutron_ports_clear(out);
	return rc;
}

int neutron_extensions_parse(const char *text, size_t len, struct strv *out,
			     struct err *e)
{
	struct jr r;
	size_t n;

	if (jr_open(&r, text, len, "extensions", e))
		return -1;
	n = jr_objs(&r, r.root, "extensions");
	for (size_t i = 0; i < n; i++) {
		AUTO(mem_freep)
		char *alias = jr_str(&r, json_array_get(r.root, i), "alias");

		if (alias)
			strv_add(out, alias);
	}
	return jr_close(&r);
}

/* --- calls */

int neutron_ports_list(struct api_session *s, const char *device_id,
		       struct neutron_ports *out, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	AUTO(mem_freep)
	char *what = device_id ? mem_printf("ports of server %s", device_id)
			       : mem_strdup("listing all ports");
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	struct api_call c = {.service = CLOUD_NETWORK, .what = what};

	*out = (struct neutron_ports){0};
	if (device_id) {
		buf_puts(&path, "/ports?device_id=");
		url_put(&path, device_id);
	} else {
		buf_puts(&path, "/ports?fields=id&fields=device_id"
				"&fields=device_owner&fields=binding:host_id"
				"&fields=binding:vif_type");
	}
	c.path = buf_str(&path);
	if (api_call(s, &c, &r, e))
		return -1;
	if (neutron_ports_parse(buf_str(&r.body), r.body.len, out, e))
		return api_garbled(&c, &r, e);
	return 0;
}

int neutron_port_get(struct api_session *s, const char *id,
		     struct neutron_port *out, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	AUTO(mem_freep) char *what = mem_printf("port %s", id);
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	struct api_call c = {.service = CLOUD_NETWORK, .what = what};

	*out = (struct neutron_port){.revision = -1};
	buf_puts(&path, "/ports/");
	url_put(&path, id);
	c.path = buf_str(&path);
	if (api_call(s, &c, &r, e))
		return -1;
	if (neutron_port_parse(buf_str(&r.body), r.body.len, out, e))
		return api_garbled(&c, &r, e);
	return 0;
}

static void bind_body(const struct neutron_bind *b, struct buf *out)
{
	buf_puts(out, "{\"port\":{");
	json_member(out, "binding:host_id", b->host);
	json_member(out, "device_owner", b->device_owner);
	if (b->profile) {
		json_key(out, "binding:profile");
		buf_puts(out, b->profile);
	}
	buf_puts(out, "}}");
}

int neutron_port_bind(struct api_session *s, const struct neutron_bind *b,
		      struct neutron_port *out, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT, body = BUF_INIT;
	AUTO(mem_freep) char *what = NULL;
	AUTO(mem_freep) char *match = NULL;
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	struct api_call c = {
		.service = CLOUD_NETWORK,
		.method = API_PUT,
		.idempotent = b->revision < 0,
	};

	*out = (struct neutron_port){.revision = -1};
	what = mem_printf("binding port %s%s%s", b->port, b->host ? " to " : "",
			  b->host ? b->host : "");
	if (b->profile && !json_is_text(b->profile))
		return err_set(e, ERR_BUG, "%s: the profile is no JSON object",
			       what);
	bind_body(b, &body);
	buf_puts(&path, "/ports/");
	url_put(&path, b->port);
	if (b->revision >= 0)
		match = mem_printf("If-Match: revision_number=%" PRId64,
				   b->revision);
	c.what = what;
	c.header = match;
	c.path = buf_str(&path);
	c.body = buf_str(&body);
	if (api_call(s, &c, &r, e))
		return -1;
	if (neutron_port_parse(buf_str(&r.body), r.body.len, out, e))
		return api_garbled(&c, &r, e);
	return 0;
}

int neutron_extensions_list(struct api_session *s, struct strv *out,
			    struct err *e)
{
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	struct api_call c = {
		.service = CLOUD_NETWORK,
		.path = "/extensions",
		.what = "listing Neutron's extensions",
	};

	if (api_call(s, &c, &r, e))
		return -1;
	if (neutron_extensions_parse(buf_str(&r.body), r.body.len, out, e))
		return api_garbled(&c, &r, e);
	return 0;
}
