/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Cinder is to know of a host that shall have a volume: the connector.
 *
 * Nova asks os-brick for it, which adds what each kind of storage network has
 * on that host (os_brick/initiator/connector.py: get_connector_properties;
 * `nova-manage volume_attachment get_connector` from Xena on, which takes ten
 * seconds).  Volumes whose connection depends on that are refused
 * (facts_driver_anywhere), so what every connector has is enough, and their
 * drivers look at none of it.
 */
#include <string.h>

#include <jansson.h>

#include "facts/facts_priv.h"

bool volumes_attached(const struct facts *f)
{
	for (size_t i = 0; i < f->srv.n_bdms; i++)
		if (f->srv.bdms[i].volume_id && f->srv.bdms[i].attachment_id)
			return true;
	return false;
}

void volumes_list(struct facts *f)
{
	struct fact_cloud *c = &f->cloud;

	c->volumes = MEM_NEW_N(struct fact_volume, f->srv.n_bdms);
	for (size_t i = 0; i < f->srv.n_bdms; i++) {
		const struct db_bdm *b = &f->srv.bdms[i];

		if (!b->volume_id || !b->attachment_id)
			continue;
		c->volumes[c->n_volumes++] = (struct fact_volume){
			.id = mem_strdup(b->volume_id),
			.bdm_id = b->id,
			.boot = b->boot_index == 0,
			.attachment = mem_strdup(b->attachment_id),
			.device = mem_strdup(b->device_name ? b->device_name
							    : ""),
		};
	}
}

/* "InitiatorName=iqn.1993-08.org.debian:01:..." */
static char *initiator_of(struct host *host)
{
	static const char key[] = "\nInitiatorName=";
	AUTO(mem_freep) char *root = host_map_path(host, "/etc/iscsi");
	AUTO(buf_clear) struct buf text = BUF_INIT;
	AUTO(buf_clear) struct buf b = BUF_INIT;
	struct host_read r = {.path = HOST_PATH(root, "initiatorname.iscsi"),
			      .max = 4096};
	struct err none = ERR_INIT;
	const char *p = NULL;

	if (!host_read(host, &r, &text, &none)) {
		buf_printf(&b, "\n%s", buf_str(&text));
		p = strstr(buf_str(&b), key);
	}
	err_clear(&none);
	if (!p)
		return NULL;
	p += strlen(key);
	return mem_strndup(p, strcspn(p, " \t\r\n"));
}

void volumes_connector(struct fact_host *h, struct host *host)
{
	AUTO(mem_freep) char *iqn = host ? initiator_of(host) : NULL;
	const char *ip =
		h->conf_known && h->conf.my_ip ? h->conf.my_ip : h->db.host_ip;
	json_t *j =
		json_pack("{s:s, s:s, s:s?, s:s, s:b, s:b}", "platform",
			  host && h->info.machine ? h->info.machine : "x86_64",
			  "os_type", "linux", "ip", ip, "host", h->name,
			  "multipath", 0, "do_local_attach", 0);

	if (iqn)
		json_object_set_new(j, "initiator", json_string(iqn));
	h->connector = json_dumps(j, 0);
	json_decref(j);
}
