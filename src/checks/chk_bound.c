/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What binds an instance to its host harder than a row does (ledger-db 5.4):
 * devices, volumes, ports, groups, zones.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "checks/checks.h"

static bool starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool is_true(const char *v)
{
	return v && (!strcasecmp(v, "true") || !strcasecmp(v, "yes") ||
		     !strcasecmp(v, "on") || !strcmp(v, "1"));
}

/* "resources:VGPU", and since Rocky numbered: "resources1:VGPU" */
static bool asks_for(const char *key, const char *class)
{
	const char *colon = strchr(key, ':');

	return starts(key, "resources") && colon && !strcmp(colon + 1, class);
}

static void hardware_run(const struct facts *f, const struct check_opts *o,
			 struct check_report *r)
{
	const struct db_server *s = &f->srv;
	const char *hint = f->dead ? NULL
				   : "Nova must claim it on the target: "
				     "openstack server migrate";

	(void)o;
	if (s->pci_devices > 0 || s->pci_requests)
		check_refuse(r, hint,
			     "it has PCI devices: their addresses differ "
			     "between hosts");
	if (s->cpu_pinned)
		check_refuse(r, hint, "its CPUs are pinned to the source's");
	if (s->hugepages)
		check_refuse(r, hint, "it uses huge pages of the source");
	if (s->resources)
		check_refuse(r, hint,
			     "it has host resources (persistent memory)");
	if (s->numa && !s->cpu_pinned && !s->hugepages)
		check_warn(r, NULL,
			   "it has a NUMA topology, which is kept as it is");
	for (size_t i = 0; i < s->extra_specs.n; i++) {
		const char *k = s->extra_specs.v[i].key;

		if (asks_for(k, "VGPU") || asks_for(k, "PGPU") ||
		    asks_for(k, "PCPU") || starts(k, "accel:") ||
		    starts(k, "hw:pmem") || starts(k, "hw:mem_encryption"))
			check_refuse(r, hint,
				     "its flavor asks for %s, which is bound "
				     "to a host",
				     k);
	}
	if (is_true(db_pairs_get(&s->sysmeta, "image_hw_mem_encryption")))
		check_refuse(r, hint,
			     "its image asks for encrypted memory, whose keys "
			     "are the source's");
}

const struct check chk_hardware = {
	"hardware", "no device or memory of the source is tied to it",
	hardware_run};

static void encryption_run(const struct facts *f, const struct check_opts *o,
			   struct check_report *r)
{
	bool nova = check_nova_start(f, o);

	if (f->srv.inst.ephemeral_key_uuid)
		check_refuse(r,
			     f->dead ? NULL
				     : "openstack server migrate, by its owner",
			     "its local disks are encrypted with a secret of "
			     "the source's libvirt");
	for (size_t i = 0; i < f->srv.n_bdms; i++)
		if (f->srv.bdms[i].encrypted)
			check_say(r, nova ? CHECK_WARN : CHECK_REFUSE,
				  "novahaul move --control api, with an "
				  "account that may read its key from the key "
				  "manager",
				  "disk %s is encrypted",
				  f->srv.bdms[i].device_name
					  ? f->srv.bdms[i].device_name
					  : "?");
}

const struct check chk_encryption = {
	"encryption", "no disk needs a secret of the source", encryption_run};

/* ---- vTPM */

/* By "major.minor": a patch does not change the state's form. */
static bool older(const char *a, const char *b)
{
	unsigned am, an, bm, bn;

	if (!a || !b || sscanf(a, "%u.%u", &am, &an) != 2 ||
	    sscanf(b, "%u.%u", &bm, &bn) != 2)
		return false;
	return am < bm || (am == bm && an < bn);
}

static void tpm_run(const struct facts *f, const struct check_opts *o,
		    struct check_report *r)
{
	const struct fact_host *d = &f->host[DST_HOST];

	(void)o;
	if (!f->dom || !f->dom->tpm.present)
		return;
	if (f->dom->tpm.secret && !d->tpm_secret)
		check_refuse(r,
			     "define the secret in the target's libvirt, or "
			     "start it through Nova as its owner",
			     "its vTPM state is encrypted with libvirt secret "
			     "%s, which %s does not have",
			     f->dom->tpm.secret, d->name);
	if (!d->swtpm)
		check_refuse(r, "install swtpm there", "%s has no swtpm",
			     d->name);
	if (older(d->swtpm_version, f->host[SRC_HOST].swtpm_version))
		check_refuse(r, "install the same or a newer swtpm there",
			     "swtpm on %s is %s, on %s %s: an older one may "
			     "not read its state",
			     d->name, d->swtpm_version, f->host[SRC_HOST].name,
			     f->host[SRC_HOST].swtpm_version);
	if (d->domcaps && !d->domcaps->tpm)
		check_refuse(
			r, "pick a target with swtpm and libvirt 7.0 or later",
			"libvirt on %s cannot emulate a TPM", d->name);
}

const struct check chk_tpm = {"tpm", "its TPM state can be used there",
			      tpm_run};

static void shares_run(const struct facts *f, const struct check_opts *o,
		       struct check_report *r)
{
	(void)o;
	if (f->srv.shares > 0)
		check_refuse(r, "openstack server remove share first",
			     "it mounts %d Manila shares, which are granted "
			     "per host",
			     f->srv.shares);
}

const struct check chk_shares = {"shares", "it mounts no shares", shares_run};

/* ---- ports */

static void one_port(const struct db_vif *v, bool nova, struct check_report *r)
{
	if (v->vnic_type && strcmp(v->vnic_type, "normal") != 0)
		check_refuse(r, NULL, "port %s is of vnic_type '%s'", v->id,
			     v->vnic_type);
	if (!nova && v->type && strcmp(v->type, "bridge") != 0 &&
	    strcmp(v->type, "ovs") != 0)
		check_refuse(r, NULL,
			     "port %s is of type '%s': only 'bridge' and 'ovs' "
			     "can be plugged without Nova",
			     v->id, v->type);
	for (size_t i = 0; i < v->profile_keys.n; i++)
		if (!strcmp(v->profile_keys.v[i], "pci_slot") ||
		    !strcmp(v->profile_keys.v[i], "allocation"))
			check_refuse(r, NULL,
				     "port %s has a '%s' on the source", v->id,
				     v->profile_keys.v[i]);
}

static void ports_run(const struct facts *f, const struct check_opts *o,
		      struct check_report *r)
{
	bool nova = check_nova_start(f, o);

	for (size_t i = 0; i < f->srv.n_vifs; i++)
		one_port(&f->srv.vifs[i], nova, r);
}

const struct check chk_ports = {"ports", "its ports can be plugged anywhere",
				ports_run};

/* ---- server groups: nova/compute/manager.py
 * _validate_instance_group_policy */

static size_t members_on(const struct db_group *g, const char *host)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_members; i++)
		n += g->members[i].host && !strcmp(g->members[i].host, host);
	return n;
}

static size_t placed_members(const struct db_group *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->n_members; i++)
		n += g->members[i].host != NULL;
	return n;
}

/* rules: {"max_server_per_host": N} */
static size_t max_per_host(const struct db_group *g)
{
	const char *p =
		g->rules ? strstr(g->rules, "max_server_per_host") : NULL;
	size_t n = 0;

	while (p && *p && (*p < '0' || *p > '9'))
		p++;
	while (p && *p >= '0' && *p <= '9')
		n = n * 10 + (size_t)(*p++ - '0');
	return n ? n : 1;
}

static void group_run(const struct facts *f, const struct check_opts *o,
		      struct check_report *r)
{
	for (size_t i = 0; i < f->srv.n_groups; i++) {
		const struct db_group *g = &f->srv.groups[i];
		const char *p = g->policy ? g->policy : "";
		size_t there = members_on(g, f->to);
		bool soft = starts(p, "soft-");
		bool bad = false;

		if (strstr(p, "anti-affinity"))
			bad = there >= max_per_host(g);
		else if (strstr(p, "affinity"))
			bad = placed_members(g) >
			      there + (o->whole_group && f->srv.inst.host
					       ? members_on(g, f->srv.inst.host)
					       : 0);
		if (!bad)
			continue;
		if (soft)
			check_warn(r, NULL,
				   "server group %s (%s) would rather not have "
				   "it on %s",
				   g->name, p, f->to);
		else
			check_refuse(r, "pick a host that the group allows",
				     "server group %s (%s) forbids %s: %zu "
				     "other members are there",
				     g->name, p, f->to, there);
	}
}

const struct check chk_group = {"group", "its server groups allow the target",
				group_run};

static void zone_run(const struct facts *f, const struct check_opts *o,
		     struct check_report *r)
{
	const char *asked = f->srv.asked_az;
	const char *az = f->host[DST_HOST].db.az;

	(void)o;
	if (asked && strcmp(asked, az ? az : "nova") != 0)
		check_warn(r, NULL,
			   "its owner asked for zone '%s', %s is in '%s': "
			   "Nova's next own migration will pull it back",
			   asked, f->to, az ? az : "nova");
}

const struct check chk_zone = {"zone", "the target is in the zone asked for",
			       zone_run};
