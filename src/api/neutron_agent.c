/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "api/json_priv.h"
#include "api/neutron.h"
#include "api/session_priv.h"

static void agent_clear(struct neutron_agent *a)
{
	mem_free(a->type);
	mem_free(a->host);
	strv_clear(&a->networks);
	*a = (struct neutron_agent){0};
}

void neutron_agents_clear(struct neutron_agents *v)
{
	for (size_t i = 0; i < v->n; i++)
		agent_clear(&v->v[i]);
	mem_free(v->v);
	*v = (struct neutron_agents){0};
}

bool neutron_agent_plugs(const struct neutron_agent *a)
{
	static const char *const types[] = {
		"Open vSwitch agent",	"Linux bridge agent",
		"OVN Controller agent", "OVN Controller Gateway agent",
		"Macvtap agent",
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(a->type, types[i]))
			return true;
	return false;
}

/* {"bridge_mappings": {"physnet1": "br-ex"}}, or interface_mappings */
static void take_networks(struct jr *r, const json_t *conf, const char *key,
			  struct strv *out)
{
	json_t *map = jr_obj(r, conf, key);

	for (void *i = json_object_iter(map); i;
	     i = json_object_iter_next(map, i))
		strv_add(out, json_object_iter_key(i));
}

static void take_agent(struct jr *r, const json_t *o, struct neutron_agent *a)
{
	json_t *conf;

	a->type = jr_need(r, o, "agent_type");
	a->host = jr_str(r, o, "host");
	a->alive = jr_bool(r, o, "alive");
	a->admin_up = jr_bool(r, o, "admin_state_up");
	conf = jr_obj(r, o, "configurations");
	if (!conf)
		return;
	take_networks(r, conf, "bridge_mappings", &a->networks);
	take_networks(r, conf, "interface_mappings", &a->networks);
}

int neutron_agents_parse(const char *text, size_t len,
			 struct neutron_agents *out, struct err *e)
{
	struct jr r;
	size_t n;
	int rc;

	*out = (struct neutron_agents){0};
	if (jr_open(&r, text, len, "agents", e))
		return -1;
	n = jr_objs(&r, r.root, "agents");
	out->v = MEM_NEW_N(struct neutron_agent, n);
	for (; out->n < n; out->n++)
		take_agent(&r, json_array_get(r.root, out->n), &out->v[out->n]);
	rc = jr_close(&r);
	if (rc)
		neutron_agents_clear(out);
	return rc;
}

int neutron_agents_list(struct api_session *s, const char *host,
			struct neutron_agents *out, struct err *e)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;
	AUTO(mem_freep)
	char *what = mem_printf("network agents of host %s", host);
	AUTO(api_reply_clear) struct api_reply r = API_REPLY_INIT;
	struct api_call c = {.service = CLOUD_NETWORK, .what = what};

	*out = (struct neutron_agents){0};
	buf_puts(&path, "/agents?host=");
	url_put(&path, host);
	c.path = buf_str(&path);
	if (api_call(s, &c, &r, e))
		return -1;
	if (neutron_agents_parse(buf_str(&r.body), r.body.len, out, e))
		return api_garbled(&c, &r, e);
	return 0;
}
