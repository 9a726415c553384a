/* SPDX-License-Identifier: Apache-2.0 */
/* What libvirt says on both hosts. */
#include <string.h>

#include "checks/checks.h"
#include "core/str.h"

static bool known(const struct fact_host *h)
{
	return h->down.kind == ERR_NONE && h->name &&
	       h->virt_err.kind == ERR_NONE;
}

static void libvirt_run(const struct facts *f, const struct check_opts *o,
			struct check_report *r)
{
	const struct fact_host *s = &f->host[SRC_HOST];
	const struct fact_host *d = &f->host[DST_HOST];

	(void)o;
	for (int k = SRC_HOST; k <= DST_HOST; k++) {
		const struct fact_host *h = &f->host[k];

		if (h->down.kind == ERR_NONE && h->virt_err.kind != ERR_NONE)
			check_refuse(r, "is libvirtd running there?",
				     "libvirt on %s: %s", h->name,
				     err_msg(&h->virt_err));
	}
	if (!known(s) || !known(d))
		return;
	if (d->virt.hypervisor && d->virt.hypervisor < s->virt.hypervisor)
		check_warn(r, NULL, "QEMU on %s is older than on %s", d->name,
			   s->name);
	if (d->state.state != VIRT_ABSENT)
		check_refuse(r, "two hosts must never have it: find out why",
			     "%s has a domain of this uuid (%s)", d->name,
			     virt_state_name(d->state.state));
	if (*d->name_owner && strcmp(d->name_owner, f->srv.inst.uuid) != 0)
		check_refuse(r,
			     "two instances may not share a name: find out "
			     "whose it is",
			     "%s has another domain named %s (%s)", d->name,
			     f->domain_name, d->name_owner);
}

const struct check chk_libvirt = {
	"libvirt", "both answer, and the target does not know it", libvirt_run};

static void state_agrees(const struct facts *f, struct check_report *r)
{
	const struct fact_host *s = &f->host[SRC_HOST];
	const char *vm = f->srv.inst.vm_state ? f->srv.inst.vm_state : "";

	switch (s->state.state) {
	case VIRT_ABSENT:
		check_refuse(r,
			     "start it once through Nova, which defines it "
			     "again",
			     "%s has no domain for it: direct control has "
			     "nothing to define on the target",
			     s->name);
		break;
	case VIRT_RUNNING:
		if (!strcmp(vm, "stopped"))
			check_refuse(r,
				     "stop it first, or let Nova's power "
				     "sync do it",
				     "it runs on %s though the database says "
				     "'stopped'",
				     s->name);
		break;
	case VIRT_SHUTOFF:
		if (!strcmp(vm, "active"))
			check_warn(r, NULL,
				   "it is shut off though the database says "
				   "'active'; it will not be started");
		break;
	case VIRT_PAUSED:
	case VIRT_OTHER:
	case VIRT_STATE_UNKNOWN:
		check_refuse(r, "resume it, or stop it", "it is %s (%s) on %s",
			     virt_state_name(s->state.state), s->state.reason,
			     s->name);
		break;
	}
}

static const char *const whole_root =
	"mount the dead host's whole root file system, so that --disks ends "
	"like "
	"its instances_path: what is beside it is then seen";

/* What the database says that it has beside its disks: nova/virt/hardware.py,
 * get_vtpm_constraint(), Victoria to 33.0.2; uefi since Kilo.  NULL: nothing.
 */
static const char *beside_disks(const struct db_server *s)
{
	const char *firmware =
		db_pairs_get(&s->sysmeta, "image_hw_firmware_type");

	if (db_pairs_get(&s->extra_specs, "hw:tpm_version") ||
	    db_pairs_get(&s->sysmeta, "image_hw_tpm_version"))
		return "a vTPM";
	return firmware && !strcmp(firmware, "uefi") ? "NVRAM" : NULL;
}

/* A dead host's libvirt is not asked, but its files.  1: there is none. */
static int dead_domain(const struct facts *f, bool starts, bool nova,
		       struct check_report *r)
{
	const char *beside = beside_disks(&f->srv);

	if (f->xml)
		return 0;
	if (nova && beside)
		check_refuse(r, whole_root,
			     "by Nova's database it has %s, and where that is "
			     "its definition says, which is not seen: %s",
			     beside, err_msg(&f->dom_err));
	else if (nova)
		check_warn(r, NULL,
			   "%s: Nova defines it anew on %s; whether it had "
			   "NVRAM or a vTPM its image and flavor alone tell",
			   err_msg(&f->dom_err), f->to);
	else
		check_refuse(
			r,
			starts ? "name the directory of its libvirt's "
				 "definitions, /etc/libvirt/qemu: --xml "
				 "[HOST:]DIR; or, with Nova's API, "
				 "--control api"
			       : "name the directory of its libvirt's "
				 "definitions, /etc/libvirt/qemu: --xml "
				 "[HOST:]DIR",
			"%s: without its definition libvirt cannot %s it on %s",
			err_msg(&f->dom_err), starts ? "start" : "define",
			f->to);
	return 1;
}

/* What Nova makes anew from its database when it starts it. */
static bool nova_makes(const char *id)
{
	static const char *const made[] = {"iface-type",    "iface-filter",
					   "iface-name",    "serial",
					   "graphics-port", "disk-encryption"};

	for (size_t i = 0; i < ARRAY_SIZE(made); i++)
		if (!strcmp(made[i], id))
			return true;
	return false;
}

/* Is each disk that is bound to the host a volume that is taken off before? */
static bool only_volumes(const struct facts *f, const struct check_opts *o)
{
	size_t n = 0;

	for (size_t i = 0; f->dom && i < f->dom->n_disks; i++) {
		const struct domain_disk *d = &f->dom->disks[i];
		bool off = false;

		for (size_t k = 0; d->serial && k < f->srv.n_bdms; k++)
			off |= str_is(f->srv.bdms[k].volume_id, d->serial) &&
			       check_detaches(f, o, &f->srv.bdms[k]);
		if (!off &&
		    (!str_is(d->type, "file") || str_is(d->device, "lun")))
			return false;
		n += off;
	}
	return n > 0;
}

static bool taken_off(const struct facts *f, const struct check_opts *o,
		      const char *id)
{
	return (!strcmp(id, "disk-block") || !strcmp(id, "disk-network")) &&
	       only_volumes(f, o);
}

/* A dead host that boots would be a second one that runs it. */
static void autostarts(const struct facts *f, struct check_report *r)
{
	if (!f->dead) {
		check_warn(r, "virsh autostart --disable, unless it is meant",
			   "libvirt starts it at boot, behind Nova's back; "
			   "the target's will too");
		return;
	}
	check_warn(r,
		   "before that host boots again, remove the link to "
		   "the definition from the directory autostart beside it, or "
		   "keep its libvirtd from starting",
		   "%s: the libvirt of %s starts it when that host boots, a "
		   "second time",
		   f->xml_from, f->host[SRC_HOST].name);
}

static void domain_run(const struct facts *f, const struct check_opts *o,
		       struct check_report *r)
{
	const struct fact_host *s = &f->host[SRC_HOST];
	bool nova = check_nova_start(f, o);

	if (!known(s))
		return;
	if (f->dead && dead_domain(f, check_starts(f, o), nova, r))
		return;
	if (!f->dead)
		state_agrees(f, r);
	if (f->dom_err.kind != ERR_NONE)
		check_refuse(r,
			     "openstack server reboot --hard makes Nova write "
			     "it anew",
			     "its domain XML: %s", err_msg(&f->dom_err));
	if (s->flags.managed_save)
		check_refuse(r,
			     "start it, then stop it: its memory is saved "
			     "on the source",
			     "it has a managed save image");
	if (s->flags.autostart)
		autostarts(f, r);
	if (s->flags.snapshots || s->flags.checkpoints)
		check_refuse(r, "delete them (virsh snapshot-list)",
			     "libvirt has snapshots or checkpoints of it");
	for (size_t i = 0; i < f->reasons.n; i++)
		if (!(nova && nova_makes(f->reasons.v[i].id)) &&
		    !taken_off(f, o, f->reasons.v[i].id))
			check_refuse(r, NULL, "its domain: %s",
				     f->reasons.v[i].text);
	if (f->dom && f->dom->uuid &&
	    strcmp(f->dom->uuid, f->srv.inst.uuid) != 0)
		check_refuse(r,
			     "openstack server reboot --hard makes Nova write "
			     "it anew",
			     "its domain has uuid %s", f->dom->uuid);
}

/* NVRAM and vTPM state lie outside the instance directory: without them the
 * guest has lost its boot entries, or its keys. */
static void state_run(const struct facts *f, const struct check_opts *o,
		      struct check_report *r)
{
	bool nvram = false, tpm = false;

	(void)o;
	if (f->dead && f->open_unknown)
		check_warn(r, NULL,
			   "whether a QEMU somewhere has its disks open cannot "
			   "be asked on %s: the file system there knows no "
			   "locks",
			   f->disks);
	if (!f->dead || !f->dom)
		return;
	for (size_t i = 0; i < f->n_files; i++) {
		nvram |= f->files[i].role == IMAGE_ROLE_NVRAM;
		tpm |= f->files[i].role == IMAGE_ROLE_TPM_FILE;
	}
	if (f->dom->fw.nvram && !nvram)
		check_refuse(r, whole_root, "its NVRAM, %s of %s, is not seen",
			     f->dom->fw.nvram, f->host[SRC_HOST].name);
	if (f->dom->tpm.present && !tpm)
		check_refuse(r, whole_root,
			     "its vTPM's state, %s/%s of %s, is not seen",
			     f->tpm_dir ? f->tpm_dir : "", f->srv.inst.uuid,
			     f->host[SRC_HOST].name);
}

const struct check chk_state = {"state", "its NVRAM and vTPM state are there",
				state_run};

const struct check chk_domain = {
	"domain", "its domain can be defined elsewhere", domain_run};

/* ---- can the target run it? */

static bool has_cpu(const struct caps_domain *c, const struct domain *d)
{
	const char *mode = d->cpu_mode ? d->cpu_mode : "";

	if (!strcmp(mode, "host-passthrough"))
		return c->cpu_host_passthrough;
	if (!strcmp(mode, "host-model"))
		return c->cpu_host_model;
	if (!strcmp(mode, "custom") && d->cpu_model)
		return strv_has(&c->cpu_usable, d->cpu_model) ||
		       strcmp(d->type, "kvm") != 0;
	return true;
}

#define AUTO_FIRMWARE 9002000

static void machine_run(const struct facts *f, const struct check_opts *o,
			struct check_report *r)
{
	const struct fact_host *d = &f->host[DST_HOST];
	const struct caps_guest *g;

	(void)o;
	if (!known(d) || !f->dom || !d->caps)
		return;
	g = caps_host_guest(d->caps, f->dom->arch ? f->dom->arch : "x86_64");
	if (!g) {
		check_refuse(r, "pick a target of the same architecture",
			     "%s cannot run %s guests", d->name, f->dom->arch);
		return;
	}
	if (f->dom->type && !strcmp(f->dom->type, "kvm") && !g->kvm)
		check_refuse(r, "load its kvm module, or pick another target",
			     "%s has no KVM", d->name);
	if (f->dom->machine && !strv_has(&g->machines, f->dom->machine))
		check_refuse(r, "pick a target with the same or a newer QEMU",
			     "%s does not know machine type %s", d->name,
			     f->dom->machine);
	if (d->domcaps && !has_cpu(d->domcaps, f->dom))
		check_refuse(r, "pick a target with such a CPU",
			     "%s cannot give it CPU %s %s", d->name,
			     f->dom->cpu_mode,
			     f->dom->cpu_model ? f->dom->cpu_model : "");
	/* Before 9.2.0 libvirt refuses firmware that is both asked for by its
	 * features and named, as later ones write it. */
	if (f->dom->fw.firmware && f->dom->fw.loader &&
	    d->virt.libvirt < AUTO_FIRMWARE && d->virt.libvirt)
		check_refuse(r,
			     f->dead ? "pick a target with libvirt 9.2 or later"
				     : "pick a target with libvirt 9.2 or "
				       "later, or openstack server migrate: "
				       "Nova then writes its domain anew",
			     "libvirt on %s chose its firmware, and libvirt "
			     "%u.%u on %s cannot read how it says so",
			     f->host[SRC_HOST].name, d->virt.libvirt / 1000000,
			     d->virt.libvirt / 1000 % 1000, d->name);
	if (f->dom->fw.loader && d->domcaps &&
	    !strv_has(&d->domcaps->loaders, f->dom->fw.loader))
		check_refuse(r, "install the same firmware package there",
			     "%s has no firmware %s", d->name,
			     f->dom->fw.loader);
}

const struct check chk_machine = {
	"machine", "the target's QEMU can run it as it is", machine_run};

static void one_mtu(const struct facts *f, const struct domain_iface *i,
		    struct check_report *r)
{
	const struct fact_host *d = &f->host[DST_HOST];
	unsigned there = facts_mtu(d, i->bridge);
	unsigned here = facts_mtu(&f->host[SRC_HOST], i->bridge);
	unsigned want = i->mtu ? i->mtu : here;

	if (there && want && there < want)
		check_warn(r, "ip link set mtu, on the bridge and below it",
			   "its interface wants an MTU of %u, and %s on %s has "
			   "%u: large packets would be lost",
			   want, i->bridge, d->name, there);
}

static void network_run(const struct facts *f, const struct check_opts *o,
			struct check_report *r)
{
	const struct fact_host *d = &f->host[DST_HOST];

	(void)o;
	if (!known(d) || !f->dom)
		return;
	if (d->net_err.kind != ERR_NONE)
		check_refuse(r, d->net_err.hint, "its interfaces on %s: %s",
			     d->name, err_msg(&d->net_err));
	for (size_t i = 0; i < d->net_missing.n; i++)
		check_warn(r, NULL, "%s will be created on %s",
			   d->net_missing.v[i], d->name);
	for (size_t i = 0; i < f->dom->n_ifaces; i++)
		one_mtu(f, &f->dom->ifaces[i], r);
}

const struct check chk_network = {
	"network", "its interfaces can be plugged on the target", network_run};
