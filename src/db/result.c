/* SPDX-License-Identifier: Apache-2.0 */
/* Freeing what the reading operations hand out. */
#include "db/db_priv.h"

void db_claim_before_clear(struct db_claim_before *b)
{
	mem_free(b->locked_by);
	mem_free(b->reason);
	*b = (struct db_claim_before){0};
}

void db_rewrite_before_clear(struct db_rewrite_before *b)
{
	mem_free(b->availability_zone);
	mem_free(b->vm_state);
	mem_free(b->user_id);
	mem_free(b->project_id);
	*b = (struct db_rewrite_before){0};
}

void db_instance_clear(struct db_instance *i)
{
	char *owned[] = {i->uuid,	 i->name,
			 i->hostname,	 i->host,
			 i->node,	 i->availability_zone,
			 i->vm_state,	 i->task_state,
			 i->locked_by,	 i->reason,
			 i->cell_name,	 i->user_id,
			 i->project_id,	 i->image_ref,
			 i->kernel_id,	 i->ramdisk_id,
			 i->os_type,	 i->config_drive,
			 i->launched_on, i->root_device_name,
			 i->created_at,	 i->ephemeral_key_uuid,
			 i->updated_at};

	for (size_t k = 0; k < ARRAY_SIZE(owned); k++)
		mem_free(owned[k]);
	*i = (struct db_instance){0};
}

void pairs_clear(struct db_pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		mem_free(p->v[i].key);
		mem_free(p->v[i].value);
	}
	mem_free(p->v);
	*p = (struct db_pairs){0};
}

static void bdm_clear(struct db_bdm *b)
{
	char *owned[] = {b->uuid,	  b->device_name,
			 b->source_type,  b->destination_type,
			 b->device_type,  b->disk_bus,
			 b->guest_format, b->volume_id,
			 b->image_id,	  b->attachment_id,
			 b->tag,	  b->driver,
			 b->info_digest};

	for (size_t k = 0; k < ARRAY_SIZE(owned); k++)
		mem_free(owned[k]);
}

static void vif_clear(struct db_vif *v)
{
	char *owned[] = {v->id,		v->address, v->type,
			 v->vnic_type,	v->devname, v->ovs_interfaceid,
			 v->network_id, v->bridge};

	for (size_t k = 0; k < ARRAY_SIZE(owned); k++)
		mem_free(owned[k]);
	strv_clear(&v->profile_keys);
}

void migration_clear(struct db_migration *m)
{
	char *owned[] = {m->uuid,	    m->type,	     m->status,
			 m->source_compute, m->dest_compute, m->source_node,
			 m->dest_node,	    m->created_at,   m->updated_at};

	for (size_t k = 0; k < ARRAY_SIZE(owned); k++)
		mem_free(owned[k]);
}

void db_evacuation_clear(struct db_evacuation *v)
{
	mem_free(v->status);
	mem_free(v->to);
	*v = (struct db_evacuation){0};
}

void group_clear(struct db_group *g)
{
	for (size_t i = 0; i < g->n_members; i++) {
		mem_free(g->members[i].uuid);
		mem_free(g->members[i].host);
	}
	mem_free(g->members);
	mem_free(g->uuid);
	mem_free(g->name);
	mem_free(g->policy);
	mem_free(g->rules);
}

void db_server_clear(struct db_server *s)
{
	db_instance_clear(&s->inst);
	pairs_clear(&s->extra_specs);
	pairs_clear(&s->sysmeta);
	for (size_t i = 0; i < s->n_bdms; i++)
		bdm_clear(&s->bdms[i]);
	for (size_t i = 0; i < s->n_vifs; i++)
		vif_clear(&s->vifs[i]);
	for (size_t i = 0; i < s->n_migrations; i++)
		migration_clear(&s->migrations[i]);
	for (size_t i = 0; i < s->n_groups; i++)
		group_clear(&s->groups[i]);
	mem_free(s->bdms);
	mem_free(s->vifs);
	mem_free(s->migrations);
	mem_free(s->groups);
	mem_free(s->flavor_name);
	mem_free(s->asked_az);
	*s = (struct db_server){0};
}

void db_host_clear(struct db_host *h)
{
	char *owned[] = {h->host,
			 h->node,
			 h->compute_uuid,
			 h->host_ip,
			 h->hypervisor_type,
			 h->cpu_arch,
			 h->cpu_model,
			 h->cpu_vendor,
			 h->disabled_reason,
			 h->az};

	for (size_t k = 0; k < ARRAY_SIZE(owned); k++)
		mem_free(owned[k]);
	strv_clear(&h->cpu_features);
	*h = (struct db_host){0};
}

void db_schema_clear(struct db_schema *s)
{
	mem_free(s->cell_revision);
	mem_free(s->api_revision);
	mem_free(s->cell_name);
	mem_free(s->url);
	mem_free(s->api_url);
	*s = (struct db_schema){0};
}
