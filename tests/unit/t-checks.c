/* SPDX-License-Identifier: Apache-2.0 */
/* Every check, from facts written by hand: one good world, and one change. */
#include "unit/unit.h"

#include <string.h>

#include "checks/checks.h"
#include "facts/inventory.h"
#include "plan/plan.h"

#define UUID "0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f0"
#define IP "/var/lib/nova/instances"
#define SHA "da39a3ee5e6b4b0d3255bfef95601890afd80709"

static const char xml[] =
	"<domain type='qemu'><name>instance-0000002a</name><uuid>" UUID
	"</uuid><memory unit='KiB'>131072</memory><vcpu>1</vcpu>"
	"<os><type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type></os>"
	"<devices><disk type='file' device='disk'>"
	"<driver name='qemu' type='qcow2'/><source file='" IP "/" UUID
	"/disk'/><target dev='vda' bus='virtio'/></disk></devices></domain>";

/* A version 3 overlay on IP/_base/SHA, raw. */
static void overlay(struct buf *b, uint64_t size)
{
	static const char base[] = IP "/_base/" SHA;
	static const unsigned char ext[] = {0xe2, 0x79, 0x2a, 0xca, 0, 0, 0, 3,
					    'r',  'a',	'w',  0,    0, 0, 0, 0};
	unsigned char h[65536] = {'Q', 'F', 'I', 0xfb, 0, 0, 0, 3};
	size_t at = 104 + sizeof(ext) + 8;

	memcpy(h + 104, ext, sizeof(ext));
	h[8 + 6] = (unsigned char)(at >> 8);
	h[8 + 7] = (unsigned char)at;
	h[19] = (unsigned char)(sizeof(base) - 1);
	memcpy(h + at, base, sizeof(base) - 1);
	h[23] = 16; /* cluster_bits */
	for (int i = 0; i < 8; i++)
		h[24 + i] = (unsigned char)(size >> (56 - 8 * i));
	h[39] = 1;     /* l1_size */
	h[40 + 5] = 3; /* l1 at 0x30000 */
	h[48 + 5] = 1; /* refcount table at 0x10000 */
	h[59] = 1;     /* of one cluster */
	h[99] = 4;     /* refcount_order */
	h[103] = 104;  /* header_length */
	buf_put(b, h, sizeof(h));
}

static void host(struct fact_host *h, const char *name, int64_t id)
{
	h->name = mem_strdup(name);
	h->db.host = mem_strdup(name);
	h->db.node = mem_printf("%s.example", name);
	h->db.compute_id = id;
	h->db.cell_id = 2;
	h->db.seen_age_s = 5;
	h->db.memory_mb = 4096;
	h->conf_known = true;
	h->conf.base_dir_name = mem_strdup("_base");
	h->conf.images_type = mem_strdup("default");
	h->conf.use_cow_images = true;
	h->conf.config_drive_format = mem_strdup("iso9660");
	h->conf.my_ip = mem_strdup("10.0.0.1");
	h->conf.vnc_listen = mem_strdup("127.0.0.1");
	h->conf.swtpm_user = mem_strdup("tss");
	h->conf.swtpm_group = mem_strdup("tss");
	h->instances_path = mem_strdup(IP);
	h->fs.fstype = mem_strdup("ext4");
	h->fs.avail = (uint64_t)100 << 30;
	h->nova_user = mem_strdup("nova");
	h->nova_group = mem_strdup("nova");
	h->qemu_user = mem_strdup("libvirt-qemu");
	h->qemu_group = mem_strdup("kvm");
	h->virt = (struct virt_version){9000000, 7002000};
	h->qemu_img = h->swtpm = true;
}

static struct fact_file *file(struct facts *f, const char *rel)
{
	struct fact_file *q = &f->files[f->n_files++];

	*q = (struct fact_file){.rel = mem_strdup(rel),
				.root = mem_strdup(IP "/" UUID)};
	q->name = image_name_of(rel, IMAGE_FTYPE_REG);
	q->role = q->name.role;
	q->st = (struct host_stat){.type = HOST_FILE,
				   .size = 1 << 20,
				   .blocks = 512,
				   .mode = 0644,
				   .user = mem_strdup("nova"),
				   .group = mem_strdup("nova")};
	return q;
}

static void caps(struct facts *f)
{
	static const char c[] =
		"<capabilities><host><uuid>x</uuid><cpu><arch>x86_64</arch>"
		"</cpu></host><guest><os_type>hvm</os_type>"
		"<arch name='x86_64'><emulator>/usr/bin/qemu</emulator>"
		"<machine>pc-i440fx-7.2</machine><domain type='qemu'/></arch>"
		"</guest></capabilities>";
	struct err e = ERR_INIT;

	f->host[DST_HOST].caps = caps_host_parse(c, strlen(c), &e);
	assert_non_null(f->host[DST_HOST].caps);
	err_clear(&e);
}

static int good(void **state)
{
	struct facts *f = MEM_NEW(struct facts);
	struct db_instance *i = &f->srv.inst;
	struct err e = ERR_INIT;
	struct fact_file *q;

	f->to = mem_strdup("dst");
	f->schema.release = "zed";
	f->schema.writes_az = true;
	i->id = 42;
	i->uuid = mem_strdup(UUID);
	i->name = mem_strdup("web");
	i->host = mem_strdup("src");
	i->node = mem_strdup("src.example");
	i->vm_state = mem_strdup("active");
	i->power_state = 1;
	i->memory_mb = 128;
	f->srv.cell_id = 2;
	host(&f->host[SRC_HOST], "src", 1);
	host(&f->host[DST_HOST], "dst", 2);
	f->host[SRC_HOST].dir = HOST_DIR;
	f->host[SRC_HOST].state.state = VIRT_RUNNING;
	f->host[DST_HOST].state.state = VIRT_ABSENT;
	f->domain_name = mem_strdup("instance-0000002a");
	f->xml = mem_strdup(xml);
	f->dom = domain_parse(xml, strlen(xml), &e);
	assert_non_null(f->dom);
	caps(f);
	f->files = MEM_NEW_N(struct fact_file, 8);
	q = file(f, "disk");
	q->info_format = mem_strdup("qcow2");
	q->xml_format = mem_strdup("qcow2");
	overlay(&q->head, 64 << 20);
	file(f, "disk.info");
	f->has_info = true;
	f->bases = MEM_NEW_N(struct fact_base, 1);
	f->n_bases = 1;
	f->bases[0].name = mem_strdup(SHA);
	f->bases[0].src = (struct host_stat){.type = HOST_FILE,
					     .size = 64 << 20,
					     .blocks = 2048,
					     .mode = 0644,
					     .user = mem_strdup("nova"),
					     .group = mem_strdup("nova")};
	buf_put(&f->bases[0].head, "not a qcow2 header, but raw data here", 37);
	err_clear(&e);
	*state = f;
	return 0;
}

static int drop(void **state)
{
	facts_clear(*state);
	mem_free(*state);
	return 0;
}

static enum check_result result_of(const struct check_report *r,
				   const char *check)
{
	enum check_result w = CHECK_PASS;

	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].check, check) && r->v[i].result < w)
			w = r->v[i].result;
	return w;
}

static void expect_with(const struct facts *f, const struct check_opts *o,
			const char *check, enum check_result want)
{
	struct check_report r = {0};

	checks_run(f, o, &r);
	if (result_of(&r, check) != want)
		for (size_t i = 0; i < r.n; i++)
			print_message("%s %s: %s\n",
				      check_result_name(r.v[i].result),
				      r.v[i].check, r.v[i].message);
	assert_int_equal(result_of(&r, check), want);
	for (size_t i = 0; i < r.n; i++)
		assert_true(r.v[i].result != CHECK_REFUSE || r.v[i].hint);
	/* A refusal decides, and nothing but a refusal does. */
	if (want < CHECK_WARN)
		assert_true(r.verdict < CHECK_WARN);
	check_report_clear(&r);
}

static void expect(const struct facts *f, const char *check,
		   enum check_result want)
{
	expect_with(f, &(struct check_opts){.start = true}, check, want);
}

static void set(char **s, const char *v)
{
	mem_free(*s);
	*s = mem_strdup0(v);
}

static void t_good(void **state)
{
	struct check_opts o = {.start = true};
	struct check_report r = {0};

	checks_run(*state, &o, &r);
	for (size_t i = 0; i < r.n; i++)
		if (r.v[i].result != CHECK_PASS)
			print_message("%s %s: %s\n",
				      check_result_name(r.v[i].result),
				      r.v[i].check, r.v[i].message);
	assert_int_equal(r.verdict, CHECK_PASS);
	check_report_clear(&r);
}

static void spec(struct db_pairs *p, const char *key, const char *value)
{
	p->v = mem_realloc(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n++] = (struct db_pair){mem_strdup(key), mem_strdup(value)};
}

#define PORT (f->cloud.ports[0])
#define AGENT(k) (f->cloud.agent[k])

static void no_cloud(struct facts *f)
{
	f->cloud.asked = true;
	err_set(&f->cloud.err, ERR_USAGE, "no cloud is named");
}

/* Placement and Neutron agree with Nova. */
static void cloud(struct facts *f)
{
	static const char port[] = "5b3e8a52-6d7c-4c3f-9d0e-0f3f1c1d7a11";

	f->cloud.asked = f->cloud.placement = f->cloud.network = true;
	f->cloud.on[SRC_HOST] = true;
	f->cloud.ports = MEM_NEW_N(struct fact_port, 1);
	f->cloud.n_ports = 1;
	PORT = (struct fact_port){.id = mem_strdup(port),
				  .host = mem_strdup("src"),
				  .vnic_type = mem_strdup("normal")};
	f->srv.vifs = MEM_NEW_N(struct db_vif, 1);
	f->srv.n_vifs = 1;
	f->srv.vifs[0].id = mem_strdup(port);
	for (int k = SRC_HOST; k <= DST_HOST; k++) {
		AGENT(k).type = mem_strdup("Linux bridge agent");
		AGENT(k).lives = true;
		strv_add(&AGENT(k).networks, "physnet1");
	}
}

/* Likewise, but no API answers: read by SQL. */
static void dark(struct facts *f)
{
	cloud(f);
	f->cloud.sql = true;
	f->cloud.why_sql = mem_strdup("keystone does not answer");
	strv_add(&f->cloud.databases, "placement on db1:3306");
	PORT.image = mem_strdup("{}");
	for (int k = SRC_HOST; k <= DST_HOST; k++)
		mem_freep(&AGENT(k).type);
}

/* How many lines of CHECK refuse. */
static size_t refusals(struct facts *f, const char *check)
{
	struct check_opts o = {.start = true};
	struct check_report r = {0};
	size_t n = 0;

	checks_run(f, &o, &r);
	for (size_t i = 0; i < r.n; i++)
		n += r.v[i].result == CHECK_REFUSE &&
		     !strcmp(r.v[i].check, check);
	check_report_clear(&r);
	return n;
}

/* A user without rights learns of each service at once. */
static void t_no_right_at_all(void **state)
{
	struct facts *f = *state;

	cloud(f);
	err_set(&f->cloud.placement_err, ERR_REFUSED, "403");
	assert_int_equal(refusals(f, "route"), 1);
	PORT.hidden = true;
	assert_int_equal(refusals(f, "route"), 2);
	err_set(&f->cloud.network_err, ERR_REFUSED, "403");
	assert_int_equal(refusals(f, "route"), 3);
}

#define CASE(name, check, want, change)                                        \
	static void t_##name(void **state)                                     \
	{                                                                      \
		struct facts *f = *state;                                      \
                                                                               \
		change;                                                        \
		expect(f, check, want);                                        \
	}

/* It is there already: whose it is still counts, and nothing else does. */
static void t_there(void **state)
{
	struct facts *f = *state;
	struct check_opts o = {.start = true};
	struct check_report r = {0};

	set(&f->srv.inst.host, "dst");
	set(&f->srv.inst.task_state, "rebooting");
	checks_run(f, &o, &r);
	assert_int_equal(r.verdict, CHECK_NOTHING);
	assert_int_equal(r.n, 3);
	check_report_clear(&r);
	f->host[SRC_HOST].lease.state = LEASE_HELD;
	set(&f->host[SRC_HOST].lease.job, "j-aaaaaaaa");
	checks_run(f, &o, &r);
	assert_int_equal(r.verdict, CHECK_LOCKED);
	check_report_clear(&r);
}

#define SRC (f->host[SRC_HOST])
#define DST (f->host[DST_HOST])
#define INST (f->srv.inst)

static struct caps_host *secmodel(const char *model)
{
	AUTO(mem_freep)
	char *c = mem_printf(
		"<capabilities><host><secmodel><model>%s</model></secmodel>"
		"<secmodel><model>dac</model></secmodel></host><guest><arch "
		"name='x86_64'><machine>pc-i440fx-7.2</machine><domain "
		"type='qemu'/></arch></guest></capabilities>",
		model);
	struct err e = ERR_INIT;
	struct caps_host *h = caps_host_parse(c, strlen(c), &e);

	assert_non_null(h);
	assert_int_equal(h->secmodels.n, 1);
	return h;
}

static void iface(struct domain *d, const char *bridge, unsigned want)
{
	mem_free(d->ifaces);
	d->ifaces = MEM_NEW_N(struct domain_iface, 1);
	d->n_ifaces = 1;
	d->ifaces[0].bridge = mem_strdup(bridge);
	d->ifaces[0].mtu = want;
}

static void mtu(struct fact_host *h, const char *bridge, unsigned n)
{
	h->mtus = MEM_NEW_N(struct fact_mtu, 1);
	h->n_mtus = 1;
	h->mtus[0] = (struct fact_mtu){mem_strdup(bridge), n};
}

/* clang-format off */
CASE(same_host, "target", CHECK_NOTHING, set(&INST.host, "dst"))
CASE(unknown_target, "target", CHECK_REFUSE,
	err_set(&DST.db_err, ERR_REFUSED, "no such host"))
CASE(disabled, "target", CHECK_REFUSE, DST.db.disabled = true)
CASE(forced_down, "target", CHECK_REFUSE, DST.db.forced_down = true)
CASE(stale, "target", CHECK_WARN, DST.db.seen_age_s = 3600)
CASE(deleted, "server", CHECK_REFUSE, INST.deleted = true)
CASE(no_host, "server", CHECK_REFUSE, set(&INST.node, NULL))
CASE(building, "server", CHECK_REFUSE, set(&INST.vm_state, "building"))
CASE(paused, "server", CHECK_REFUSE, set(&INST.vm_state, "paused"))
CASE(suspended, "server", CHECK_REFUSE, set(&INST.vm_state, "suspended"))
CASE(rescued, "server", CHECK_REFUSE, set(&INST.vm_state, "rescued"))
CASE(resized, "server", CHECK_REFUSE, set(&INST.vm_state, "resized"))
CASE(soft_delete, "server", CHECK_REFUSE, set(&INST.vm_state, "soft-delete"))
CASE(in_error, "server", CHECK_REFUSE, set(&INST.vm_state, "error"))
CASE(shelved, "server", CHECK_REFUSE, set(&INST.vm_state, "shelved"))
CASE(offloaded, "server", CHECK_REFUSE,
	set(&INST.vm_state, "shelved_offloaded"))
CASE(task, "server", CHECK_REFUSE, set(&INST.task_state, "rebooting"))
CASE(hidden, "server", CHECK_REFUSE, INST.hidden = true)
CASE(cells_v1, "server", CHECK_REFUSE, set(&INST.cell_name, "top!child"))
CASE(context, "server", CHECK_REFUSE, f->srv.migration_context = true)
CASE(build_request, "server", CHECK_REFUSE, f->srv.build_request = true)
CASE(locked, "locked", CHECK_REFUSE, INST.locked = true)
CASE(locked_by_us, "locked", CHECK_LOCKED,
	(INST.locked = true, set(&INST.reason, "novahaul j-aaaaaaaa 3")))
CASE(leased, "lease", CHECK_LOCKED,
	(DST.lease.state = LEASE_HELD, set(&DST.lease.job, "j-aaaaaaaa")))
CASE(lost_disk, "files", CHECK_REFUSE,
	set(&f->dom->disks[0].source, IP "/" UUID "/disk.eph0"))
CASE(unnamed_disk, "files", CHECK_WARN,
	set(&f->files[0].info_format, NULL))
CASE(other_cell, "cells", CHECK_REFUSE, DST.db.cell_id = 3)
CASE(no_cell, "cells", CHECK_REFUSE, DST.db.cell_id = -1)
CASE(rights, "rights", CHECK_REFUSE,
	err_set(&f->rights, ERR_REFUSED, "UPDATE on instances is missing"))
CASE(placement, "route", CHECK_REFUSE,
	(DST.conf.has_placement = true, no_cloud(f)))
CASE(neutron, "route", CHECK_REFUSE, (SRC.conf.has_neutron = true, no_cloud(f)))
CASE(allocations, "route", CHECK_REFUSE, (f->srv.allocations = 3, no_cloud(f)))
CASE(in_cloud, "route", CHECK_PASS, cloud(f))
CASE(in_the_dark, "route", CHECK_WARN, dark(f))
CASE(dark_unfit, "route", CHECK_REFUSE,
	(dark(f), set(&PORT.unfit, "it belongs to a trunk")))
CASE(dark_doubled, "route", CHECK_REFUSE,
	(dark(f), f->cloud.on[DST_HOST] = true))
CASE(dark_elsewhere, "route", CHECK_REFUSE,
	(dark(f), set(&PORT.host, "other")))
CASE(dark_no_url, "route", CHECK_REFUSE,
	(dark(f), err_set(&f->cloud.network_err, ERR_REFUSED, "no URL")))
CASE(dark_unverified, "route", CHECK_WARN,
	(dark(f), strv_add(&f->cloud.unverified, "neutron on db1:3306")))
CASE(unallocated, "route", CHECK_REFUSE,
	(cloud(f), f->cloud.on[SRC_HOST] = false))
CASE(doubled, "route", CHECK_REFUSE,
	(cloud(f), f->cloud.on[DST_HOST] = true))
CASE(third, "route", CHECK_REFUSE, (cloud(f), set(&f->cloud.other, UUID)))
CASE(no_room, "route", CHECK_REFUSE,
	(cloud(f), set(&f->cloud.lacks, "4 VCPU (1 left)")))
CASE(bound_elsewhere, "route", CHECK_REFUSE,
	(cloud(f), set(&PORT.host, "other")))
CASE(unbound, "route", CHECK_REFUSE, (cloud(f), set(&PORT.host, NULL)))
CASE(binding_hidden, "route", CHECK_REFUSE, (cloud(f), PORT.hidden = true))
CASE(no_placement_right, "route", CHECK_REFUSE,
	(cloud(f), err_set(&f->cloud.placement_err, ERR_REFUSED, "403")))
CASE(no_network_right, "route", CHECK_REFUSE,
	(cloud(f), err_set(&f->cloud.network_err, ERR_REFUSED, "403")))
CASE(port_direct, "route", CHECK_REFUSE,
	(cloud(f), set(&PORT.vnic_type, "direct")))
CASE(trunk, "route", CHECK_REFUSE, (cloud(f), PORT.trunk = true))
CASE(bandwidth, "route", CHECK_REFUSE, (cloud(f), PORT.has_resources = true))
CASE(stranger, "route", CHECK_REFUSE, (cloud(f), set(&PORT.id, UUID)))
CASE(agents, "agents", CHECK_PASS, cloud(f))
CASE(agent_down, "agents", CHECK_REFUSE,
	(cloud(f), AGENT(DST_HOST).lives = false))
CASE(no_agent, "agents", CHECK_REFUSE,
	(cloud(f), AGENT(DST_HOST).lives = false,
	 set(&AGENT(DST_HOST).type, NULL)))
CASE(no_agents, "agents", CHECK_PASS,
	(cloud(f), AGENT(DST_HOST).lives = false,
	 set(&AGENT(SRC_HOST).type, NULL)))
CASE(no_physnet, "agents", CHECK_WARN,
	(cloud(f), strv_add(&AGENT(SRC_HOST).networks, "physnet2")))
CASE(pci, "hardware", CHECK_REFUSE, f->srv.pci_requests = true)
CASE(pinned, "hardware", CHECK_REFUSE, f->srv.cpu_pinned = true)
CASE(hugepages, "hardware", CHECK_REFUSE, f->srv.hugepages = true)
CASE(vpmem, "hardware", CHECK_REFUSE, f->srv.resources = true)
CASE(numa, "hardware", CHECK_WARN, f->srv.numa = true)
CASE(ephemeral_key, "encryption", CHECK_REFUSE,
	set(&INST.ephemeral_key_uuid, UUID))
CASE(shares, "shares", CHECK_REFUSE, f->srv.shares = 1)
CASE(zone, "zone", CHECK_WARN, set(&f->srv.asked_az, "west"))
CASE(source_down, "hosts", CHECK_REFUSE,
	err_set(&SRC.down, ERR_RETRY, "connection refused"))
CASE(host_key, "hosts", CHECK_REFUSE,
	err_set(&DST.down, ERR_REFUSED, "host key changed"))
CASE(not_root, "hosts", CHECK_REFUSE, DST.info.uid = 1000)
CASE(skew, "hosts", CHECK_WARN, DST.skew_us = -5000000)
CASE(drive_format, "config", CHECK_REFUSE,
	set(&DST.conf.config_drive_format, "vfat"))
CASE(images_type, "config", CHECK_REFUSE, set(&DST.conf.images_type, "rbd"))
CASE(cow, "config", CHECK_REFUSE, DST.conf.use_cow_images = false)
CASE(no_nova, "users", CHECK_REFUSE, set(&DST.nova_user, NULL))
CASE(shared, "storage", CHECK_REFUSE, set(&DST.fs.fstype, "nfs4"))
CASE(readonly, "storage", CHECK_REFUSE, DST.fs.readonly = true)
CASE(no_path, "storage", CHECK_REFUSE,
	err_set(&DST.path_err, ERR_FAILED, "No such file or directory"))
CASE(dir_there, "leftovers", CHECK_REFUSE, DST.dir = HOST_DIR)
CASE(resize_dir, "leftovers", CHECK_REFUSE, DST.dir_resize = HOST_DIR)
CASE(del_dir, "leftovers", CHECK_REFUSE, SRC.dir_del = HOST_DIR)
CASE(no_dir, "leftovers", CHECK_REFUSE, SRC.dir = HOST_NONE)
CASE(no_space, "space", CHECK_REFUSE, DST.fs.avail = 1 << 20)
CASE(no_inodes, "space", CHECK_REFUSE,
	(DST.fs.inodes = 1000, DST.fs.inodes_free = 3))
CASE(no_holes, "filesystem", CHECK_WARN, DST.trial.punch = HOST_CAN_NOT)
CASE(no_holes_no_space, "space", CHECK_REFUSE,
	(DST.trial.holes = HOST_CAN_NOT, f->files[0].st.size = 101ULL << 30))
CASE(holes, "space", CHECK_WARN,
	(DST.trial.holes = HOST_CAN, f->files[0].st.size = 101ULL << 30))
CASE(no_direct, "filesystem", CHECK_REFUSE,
	(set(&f->dom->disks[0].cache, "none"),
	 DST.trial.direct = HOST_CAN_NOT))
CASE(direct_not_needed, "filesystem", CHECK_PASS,
	(set(&f->dom->disks[0].cache, "writeback"),
	 DST.trial.direct = HOST_CAN_NOT))
CASE(direct_unknown, "filesystem", CHECK_PASS,
	set(&f->dom->disks[0].cache, "none"))
CASE(source_no_direct, "filesystem", CHECK_PASS,
	(set(&f->dom->disks[0].cache, "none"),
	 SRC.trial.direct = HOST_CAN_NOT))
CASE(quota, "space", CHECK_REFUSE,
	(DST.trial.quota = true, DST.trial.quota_left = 1 << 20))
CASE(quota_enough, "space", CHECK_PASS,
	(DST.trial.quota = true, DST.trial.quota_left = 1ULL << 40))
CASE(quota_unknown, "filesystem", CHECK_WARN, DST.trial.quota_unknown = true)
CASE(static_owners, "security", CHECK_REFUSE,
	DST.qemu.dynamic_ownership = HOSTCONF_OFF)
CASE(static_owners_of_source, "security", CHECK_PASS,
	SRC.qemu.dynamic_ownership = HOSTCONF_OFF)
CASE(not_remembered, "security", CHECK_WARN,
	DST.qemu.remember_owner = HOSTCONF_OFF)
CASE(not_confined, "security", CHECK_WARN,
	SRC.caps = secmodel("apparmor"))
CASE(apparmor_path, "security", CHECK_WARN,
	(caps_host_free(DST.caps), DST.caps = secmodel("apparmor"),
	 set(&DST.instances_path, "/data/instances")))
CASE(apparmor_usual, "security", CHECK_PASS,
	(caps_host_free(DST.caps), DST.caps = secmodel("apparmor")))
CASE(lock_manager, "security", CHECK_WARN,
	(SRC.qemu.known = DST.qemu.known = true,
	 set(&SRC.qemu.lock_manager, "lockd")))
CASE(on_boot, "boot", CHECK_WARN, SRC.guests_boot = HOSTCONF_BOOT_START)
CASE(on_boot_ignored, "boot", CHECK_PASS,
	DST.guests_boot = HOSTCONF_BOOT_IGNORE)
CASE(ephemeral_format, "ephemeral", CHECK_REFUSE,
	(set(&f->bases[0].name, "ephemeral_2_0706025"),
	 set(&DST.conf.default_ephemeral_format, "xfs")))
CASE(ephemeral_old_nova, "ephemeral", CHECK_PASS,
	(set(&f->bases[0].name, "ephemeral_2_0706025"),
	 f->schema.release = "victoria",
	 set(&DST.conf.default_ephemeral_format, "xfs")))
CASE(ephemeral_alike, "ephemeral", CHECK_PASS,
	set(&f->bases[0].name, "ephemeral_2_0706025"))
CASE(no_ephemeral, "ephemeral", CHECK_PASS,
	set(&DST.conf.default_ephemeral_format, "xfs"))
CASE(auto_firmware, "machine", CHECK_REFUSE,
	(set(&f->dom->fw.firmware, "efi"), set(&f->dom->fw.loader, "/usr/x"),
	 DST.virt.libvirt = 9001000))
CASE(auto_firmware_new, "machine", CHECK_PASS,
	(set(&f->dom->fw.firmware, "efi"), set(&f->dom->fw.loader, "/usr/x"),
	 DST.virt.libvirt = 9002000))
CASE(auto_firmware_plain, "machine", CHECK_PASS,
	(set(&f->dom->fw.loader, "/usr/x"), DST.virt.libvirt = 6000000))
CASE(small_mtu, "network", CHECK_WARN,
	(iface(f->dom, "br-int", 0), mtu(&SRC, "br-int", 9000),
	 mtu(&DST, "br-int", 1500)))
CASE(guest_mtu, "network", CHECK_PASS,
	(iface(f->dom, "br-int", 1500), mtu(&SRC, "br-int", 9000),
	 mtu(&DST, "br-int", 1500)))
CASE(no_bridge_yet, "network", CHECK_PASS,
	(iface(f->dom, "brq0", 1500), mtu(&SRC, "brq0", 1500)))
CASE(old_swtpm, "tpm", CHECK_REFUSE,
	(f->dom->tpm.present = true, set(&SRC.swtpm_version, "0.7.1"),
	 set(&DST.swtpm_version, "0.6.3")))
CASE(same_swtpm, "tpm", CHECK_PASS,
	(f->dom->tpm.present = true, set(&SRC.swtpm_version, "0.7.3"),
	 set(&DST.swtpm_version, "0.7.1")))
CASE(newer_swtpm, "tpm", CHECK_PASS,
	(f->dom->tpm.present = true, set(&SRC.swtpm_version, "0.9.0"),
	 set(&DST.swtpm_version, "0.10.0")))
CASE(memory, "space", CHECK_WARN, DST.db.memory_mb_used = 4090)
CASE(no_libvirt, "libvirt", CHECK_REFUSE,
	err_set(&DST.virt_err, ERR_RETRY, "no socket"))
CASE(domain_there, "libvirt", CHECK_REFUSE, DST.state.state = VIRT_SHUTOFF)
CASE(name_taken, "libvirt", CHECK_REFUSE,
	strcpy(DST.name_owner, "11111111-1111-4111-8111-111111111111"))
CASE(no_domain, "domain", CHECK_REFUSE, SRC.state.state = VIRT_ABSENT)
CASE(domain_paused, "domain", CHECK_REFUSE, SRC.state.state = VIRT_PAUSED)
CASE(runs_though_stopped, "domain", CHECK_REFUSE,
	set(&INST.vm_state, "stopped"))
CASE(off_though_active, "domain", CHECK_WARN,
	SRC.state.state = VIRT_SHUTOFF)
CASE(managed_save, "domain", CHECK_REFUSE, SRC.flags.managed_save = true)
CASE(snapshots, "domain", CHECK_REFUSE, SRC.flags.snapshots = true)
CASE(machine, "machine", CHECK_REFUSE,
	set(&f->dom->machine, "pc-i440fx-9.9"))
CASE(kvm, "machine", CHECK_REFUSE, set(&f->dom->type, "kvm"))
CASE(network, "network", CHECK_REFUSE,
	err_set(&DST.net_err, ERR_REFUSED, "no bridge"))
CASE(formats_disagree, "images", CHECK_REFUSE,
	set(&f->files[0].xml_format, "raw"))
CASE(corrupt, "images", CHECK_REFUSE, f->files[0].head.p[79] = 2)
CASE(unknown_file, "files", CHECK_REFUSE,
	f->files[1].name.act = IMAGE_ACT_REFUSE)
CASE(no_disk, "files", CHECK_REFUSE, f->files[0].role = IMAGE_ROLE_INFO)
CASE(bad_info, "files", CHECK_REFUSE,
	err_set(&f->info_err, ERR_REFUSED, "not JSON"))
CASE(base_gone, "bases", CHECK_REFUSE, f->bases[0].src.type = HOST_NONE)
CASE(base_differs, "bases", CHECK_REFUSE,
	(f->bases[0].dst.type = HOST_FILE, f->bases[0].compared = true))
CASE(other_machine, "hosts", CHECK_REFUSE, set(&DST.conf.host, "other"))
CASE(other_name, "hosts", CHECK_WARN, set(&DST.info.hostname, "other"))
CASE(hypervisor, "hosts", CHECK_REFUSE,
	(set(&SRC.db.hypervisor_type, "QEMU"),
	 set(&DST.db.hypervisor_type, "Xen")))
CASE(architecture, "hosts", CHECK_REFUSE,
	(set(&SRC.db.cpu_arch, "x86_64"), set(&DST.db.cpu_arch, "aarch64")))
CASE(name_template, "config", CHECK_REFUSE,
	set(&DST.conf.instance_name_template, "vm-%d"))
CASE(same_directory, "storage", CHECK_REFUSE,
	(set(&SRC.info.boot_id, "b"), set(&DST.info.boot_id, "b"),
	 SRC.path_ino = DST.path_ino = 7))
CASE(stray_nvram, "leftovers", CHECK_REFUSE, strv_add(&f->strays, "/n/x.fd"))
CASE(autostart, "domain", CHECK_WARN, SRC.flags.autostart = true)
CASE(numbered_vgpu, "hardware", CHECK_REFUSE,
	spec(&f->srv.extra_specs, "resources1:VGPU", "1"))
CASE(sev_image, "hardware", CHECK_REFUSE,
	spec(&f->srv.sysmeta, "image_hw_mem_encryption", "True"))
/* clang-format on */

static void t_base_same(void **state)
{
	struct facts *f = *state;

	f->bases[0].dst.type = HOST_FILE;
	f->bases[0].compared = f->bases[0].same = true;
	expect(f, "bases", CHECK_PASS);
}

static void migration(struct facts *f, const char *type, const char *status,
		      const char *from)
{
	f->srv.migrations = MEM_NEW(struct db_migration);
	f->srv.n_migrations = 1;
	f->srv.migrations[0] =
		(struct db_migration){.id = 7,
				      .type = mem_strdup(type),
				      .status = mem_strdup(status),
				      .source_compute = mem_strdup(from),
				      .dest_compute = mem_strdup("src")};
}

static void t_in_flight(void **state)
{
	migration(*state, "migration", "migrating", "src");
	expect(*state, "migrations", CHECK_REFUSE);
}

static void t_armed(void **state)
{
	migration(*state, "evacuation", "done", "dst");
	expect(*state, "migrations", CHECK_REFUSE);
}

static void t_settled(void **state)
{
	migration(*state, "evacuation", "completed", "dst");
	expect(*state, "migrations", CHECK_PASS);
}

static void volume(struct facts *f, const char *driver)
{
	f->srv.bdms = MEM_NEW(struct db_bdm);
	f->srv.n_bdms = 1;
	f->srv.bdms[0] = (struct db_bdm){.volume_id = mem_strdup("vol"),
					 .boot_index = -1,
					 .driver = mem_strdup(driver)};
}

static void t_volume(void **state)
{
	struct facts *f = *state;

	volume(f, "iscsi");
	expect(f, "volumes", CHECK_REFUSE);
	set(&f->srv.bdms[0].driver, "nfs");
	expect(f, "volumes", CHECK_PASS);
	f->srv.bdms[0].multiattach = true;
	expect(f, "volumes", CHECK_REFUSE);
	f->srv.bdms[0].multiattach = false;
	f->srv.bdms[0].boot_index = 0;
	expect(f, "volumes", CHECK_REFUSE); /* and there is a file 'disk' */
	f->files[0].role = IMAGE_ROLE_CONFIG;
	expect(f, "volumes", CHECK_PASS);
	strv_add(&f->volumes_missing, "/mnt/x");
	expect(f, "volumes", CHECK_REFUSE);
}

/* Its root disk is not in its directory, and nothing there has a format that
 * anybody must know. */
static void t_from_volume(void **state)
{
	struct facts *f = *state;

	volume(f, "nfs");
	f->files[0].role = IMAGE_ROLE_CONFIG;
	f->has_info = false;
	expect(f, "files", CHECK_REFUSE);
	f->srv.bdms[0].boot_index = 0;
	expect(f, "files", CHECK_PASS);
	f->files[0].role = IMAGE_ROLE_EPHEMERAL;
	expect(f, "files", CHECK_WARN);
}

/* In a cloud with Cinder, and a volume of the new flow. */
static struct fact_volume *cinder(struct facts *f)
{
	struct fact_volume *v = MEM_NEW(struct fact_volume);

	volume(f, "nfs");
	f->srv.bdms[0].attachment_id = mem_strdup("att");
	f->cloud.asked = f->cloud.volume = f->cloud.complete = true;
	f->cloud.volumes = v;
	f->cloud.n_volumes = 1;
	*v = (struct fact_volume){.id = mem_strdup("vol"),
				  .attachment = mem_strdup("att"),
				  .device = mem_strdup("/dev/vdb"),
				  .status = mem_strdup("in-use"),
				  .n_attachments = 1,
				  .instance = mem_strdup(UUID),
				  .state = mem_strdup("attached"),
				  .mode = mem_strdup("rw"),
				  .host = mem_strdup("src")};
	return v;
}

static void object(struct facts *f, const char *id)
{
	domain_reasons_clear(&f->reasons);
	f->reasons.v = MEM_NEW_N(struct domain_reason, 1);
	f->reasons.n = 1;
	f->reasons.v[0] =
		(struct domain_reason){mem_strdup(id), mem_strdup(id)};
}

/* Taken off by Nova meanwhile, where the operator has said so. */
static void t_detached(void **state)
{
	struct facts *f = *state;
	struct fact_volume *v = cinder(f);
	struct db_bdm *b = f->srv.bdms;
	struct check_opts o = {.start = true, .detach = true};

	set(&b->driver, "iscsi");
	b->secret = true; /* nobody writes it down */
	f->cloud.nova_minor = 93;
	expect(f, "volumes", CHECK_REFUSE);
	expect_with(f, &o, "volumes", CHECK_WARN);
	set(&f->dom->disks[0].type, "block");
	set(&f->dom->disks[0].serial, "vol");
	object(f, "disk-block");
	expect(f, "domain", CHECK_REFUSE);
	expect_with(f, &o, "domain", CHECK_PASS);
	set(&f->dom->disks[0].serial, "another");
	expect_with(f, &o, "domain", CHECK_REFUSE);
	set(&f->cloud.source_off, "down");
	expect_with(f, &o, "volumes", CHECK_REFUSE);
	set(&f->cloud.source_off, NULL);
	set(&b->tag, "data");
	expect_with(f, &o, "volumes", CHECK_WARN);
	f->cloud.nova_minor = 48;
	expect_with(f, &o, "volumes", CHECK_REFUSE);
	set(&b->tag, NULL);
	expect_with(f, &o, "volumes", CHECK_WARN);
	b->delete_on_termination = true;
	expect_with(f, &o, "volumes", CHECK_REFUSE);
	f->cloud.nova_minor = 93;
	b->encrypted = true;
	expect_with(f, &o, "volumes", CHECK_REFUSE);
	b->encrypted = false;
	set(&v->mode, "ro");
	expect_with(f, &o, "volumes", CHECK_REFUSE);
	set(&v->mode, "rw");
	v->n_attachments = 2;
	expect_with(f, &o, "volumes", CHECK_REFUSE);
	v->n_attachments = 1;
	expect_with(f, &o, "volumes", CHECK_WARN);
	b->boot_index = 0;
	expect_with(f, &o, "volumes", CHECK_REFUSE);
	b->boot_index = -1;
	o.control = CHECK_CONTROL_DIRECT;
	expect_with(f, &o, "volumes", CHECK_REFUSE);
}

/* Read by SQL, the same is asked of it. */
static void t_swap_in_the_dark(void **state)
{
	struct facts *f = *state;
	struct fact_volume *v = cinder(f);

	f->cloud.sql = true;
	f->cloud.why_sql = mem_strdup("keystone does not answer");
	strv_add(&f->cloud.databases, "cinder on db1:3306");
	expect(f, "volumes", CHECK_PASS);
	expect(f, "route", CHECK_WARN);
	err_set(&v->err, ERR_REFUSED, "no URL of Cinder's database is known");
	err_hint(&v->err, "novahaul.conf names it");
	expect(f, "volumes", CHECK_REFUSE);
}

static void t_swap(void **state)
{
	struct facts *f = *state;
	struct fact_volume *v = cinder(f);

	expect(f, "volumes", CHECK_PASS);
	expect(f, "route", CHECK_PASS);
	v->n_attachments = 2;
	expect(f, "volumes", CHECK_REFUSE);
	v->n_attachments = 1;
	set(&v->status, "detaching");
	expect(f, "volumes", CHECK_REFUSE);
	set(&v->status, "in-use");
	set(&v->state, "attaching");
	expect(f, "volumes", CHECK_REFUSE);
	set(&v->state, "attached");
	set(&v->instance, "other");
	expect(f, "volumes", CHECK_REFUSE);
	set(&v->instance, UUID);
	set(&v->host, "third");
	expect(f, "volumes", CHECK_REFUSE);
	set(&v->host, "src");
	v->multiattach = true;
	expect(f, "volumes", CHECK_REFUSE);
	v->multiattach = false;
	err_set(&v->err, ERR_RETRY, "no answer");
	expect(f, "volumes", CHECK_REFUSE);
	err_clear(&v->err);
	expect(f, "volumes", CHECK_PASS);
	err_set(&f->cloud.err, ERR_USAGE, "no cloud is configured");
	expect(f, "volumes", CHECK_REFUSE);
	err_clear(&f->cloud.err);
	f->srv.bdms[0].secret = true;
	expect(f, "volumes", CHECK_REFUSE);
	f->srv.bdms[0].secret = false;
	f->cloud.delegated = true;
	expect(f, "volumes", CHECK_REFUSE);
	f->cloud.delegated = false;
	err_set(&f->cloud.volume_err, ERR_REFUSED, "403");
	expect(f, "volumes", CHECK_REFUSE);
	err_clear(&f->cloud.volume_err);
	expect(f, "volumes", CHECK_PASS);
	f->cloud.complete = false;
	expect(f, "volumes", CHECK_REFUSE);
	f->cloud.volume = false;
	expect(f, "volumes", CHECK_REFUSE);
}

/* Nova's row names no attachment: Cinder's old API. */
static void t_old_flow(void **state)
{
	struct facts *f = *state;

	volume(f, "nfs");
	f->cloud.asked = true;
	expect(f, "volumes", CHECK_PASS);
	f->srv.bdms[0].connector = true;
	expect(f, "volumes", CHECK_REFUSE);
}

static void t_ports(void **state)
{
	struct facts *f = *state;

	f->srv.vifs = MEM_NEW(struct db_vif);
	f->srv.n_vifs = 1;
	f->srv.vifs[0].id = mem_strdup("port");
	f->srv.vifs[0].type = mem_strdup("bridge");
	expect(f, "ports", CHECK_PASS);
	set(&f->srv.vifs[0].type, "vhostuser");
	expect(f, "ports", CHECK_REFUSE);
	set(&f->srv.vifs[0].type, "ovs");
	set(&f->srv.vifs[0].vnic_type, "direct");
	expect(f, "ports", CHECK_REFUSE);
}

static void t_group(void **state)
{
	struct facts *f = *state;
	struct db_group *g;

	f->srv.groups = g = MEM_NEW(struct db_group);
	f->srv.n_groups = 1;
	g->name = mem_strdup("g");
	g->policy = mem_strdup("anti-affinity");
	g->members = MEM_NEW(struct db_member);
	g->n_members = 1;
	g->members[0].uuid = mem_strdup("other");
	g->members[0].host = mem_strdup("dst");
	expect(f, "group", CHECK_REFUSE);
	g->rules = mem_strdup("{\"max_server_per_host\": 2}");
	expect(f, "group", CHECK_PASS);
	set(&g->rules, NULL);
	set(&g->policy, "soft-anti-affinity");
	expect(f, "group", CHECK_WARN);
	set(&g->policy, "affinity");
	expect(f, "group", CHECK_PASS);
	set(&g->members[0].host, "src");
	expect(f, "group", CHECK_REFUSE);
}

static void t_tpm(void **state)
{
	struct facts *f = *state;

	f->dom->tpm.present = true;
	expect(f, "tpm", CHECK_PASS);
	f->dom->tpm.secret = mem_strdup(UUID);
	expect(f, "tpm", CHECK_REFUSE);
	f->host[DST_HOST].tpm_secret = true;
	expect(f, "tpm", CHECK_PASS);
	f->host[DST_HOST].swtpm = false;
	expect(f, "tpm", CHECK_REFUSE);
}

/* ---- whose hand starts it */

static enum check_result control(const struct facts *f, const char *check,
				 enum check_control c, bool nova)
{
	struct check_opts o = {.start = true, .control = c};
	struct check_report r = {0};
	enum check_result got;

	assert_int_equal(check_nova_start(f, &o), nova);
	checks_run(f, &o, &r);
	got = result_of(&r, check);
	check_report_clear(&r);
	o.start = false;
	assert_false(check_nova_start(f, &o));
	return got;
}

#define CONTROL(check, how, nova, want)                                        \
	assert_int_equal(control(f, check, CHECK_CONTROL_##how, nova),         \
			 CHECK_##want)

/* Nova, where it can; else libvirt, or a refusal where Nova was asked for. */
static void t_control(void **state)
{
	struct facts *f = *state;
	struct fact_cloud *c = &f->cloud;

	CONTROL("control", AUTO, false, PASS);
	CONTROL("control", API, false, REFUSE);
	CONTROL("control", DIRECT, false, PASS);
	cloud(f);
	CONTROL("control", AUTO, true, PASS);
	CONTROL("control", API, true, PASS);
	CONTROL("control", DIRECT, false, PASS);
	set(&c->compute_off, "disabled");
	CONTROL("control", AUTO, false, WARN);
	CONTROL("control", API, false, REFUSE);
	set(&c->compute_off, NULL);
	err_set(&c->nova_err, ERR_REFUSED, "HTTP 403");
	CONTROL("control", AUTO, false, WARN);
	CONTROL("control", API, false, REFUSE);
	err_clear(&c->nova_err);
	c->sql = true; /* Neutron is down, and Nova answers */
	set(&c->why_sql, "neutron: connection refused");
	CONTROL("control", AUTO, false, WARN);
	CONTROL("control", API, false, REFUSE);
	c->sql = false;
	set(&f->nvram_dir, "/var/lib/libvirt/qemu/nvram");
	CONTROL("control", AUTO, false, WARN);
	CONTROL("control", API, false, REFUSE);
	set(&f->nvram_dir, NULL);
	f->dom->tpm.present = true;
	CONTROL("control", AUTO, false, WARN);
	CONTROL("control", API, false, REFUSE);
	f->dom->tpm.present = false;
	f->host[SRC_HOST].state.state = VIRT_SHUTOFF;
	set(&f->srv.inst.vm_state, "stopped");
	CONTROL("control", AUTO, false, PASS);
	CONTROL("control", API, false, PASS);
}

static char *adopt_not(const struct facts *f, bool start, enum check_control c,
		       enum check_result want)
{
	struct check_opts o = {.start = start, .control = c, .adopt = true};
	struct check_report r = {0};

	checks_run(f, &o, &r);
	assert_int_equal(result_of(&r, "adopt"), want);
	check_report_clear(&r);
	o.adopt = false;
	checks_run(f, &o, &r);
	assert_int_equal(result_of(&r, "adopt"), CHECK_PASS);
	check_report_clear(&r);
	return check_adopt_not(f, &o);
}

static void adopt_says(const struct facts *f, bool start, enum check_control c,
		       const char *word)
{
	AUTO(mem_freep)
	char *why = adopt_not(f, start, c, word ? CHECK_REFUSE : CHECK_PASS);

	if (word)
		assert_non_null(strstr(why, word));
	else
		assert_null(why);
}

/* Nova's evacuate needs Nova, starts what it takes over, and is asked for. */
static void t_adopt(void **state)
{
	struct facts *f = *state;

	f->schema.f.migration_type = true;
	adopt_says(f, true, CHECK_CONTROL_AUTO, "no cloud");
	cloud(f);
	adopt_says(f, true, CHECK_CONTROL_AUTO, NULL);
	adopt_says(f, false, CHECK_CONTROL_AUTO, "left stopped");
	adopt_says(f, true, CHECK_CONTROL_DIRECT, "not to be asked");
	set(&f->cloud.compute_off, "disabled");
	adopt_says(f, true, CHECK_CONTROL_AUTO, "disabled");
	set(&f->cloud.compute_off, NULL);
	set(&f->nvram_dir, "/var/lib/libvirt/qemu/nvram");
	adopt_says(f, true, CHECK_CONTROL_AUTO, "NVRAM");
	set(&f->nvram_dir, NULL);
	f->schema.f.migration_type = false;
	adopt_says(f, true, CHECK_CONTROL_AUTO, "tells of no evacuation");
}

/* The plan says which way it goes, and why. */
static void t_adopt_plan(void **state)
{
	struct facts *f = *state;
	struct check_opts c = {.start = true};
	char *why;

	assert_string_equal(plan_route(false, false), "offline");
	assert_string_equal(plan_route(true, false), "direct");
	assert_string_equal(plan_route(true, true), "adopt");
	f->schema.f.migration_type = true;
	why = plan_route_why(f, &c);
	assert_non_null(strstr(why, "could not take them over"));
	mem_free(why);
	cloud(f);
	why = plan_route_why(f, &c);
	assert_non_null(strstr(why, "--route adopt"));
	mem_free(why);
	c.adopt = true;
	why = plan_route_why(f, &c);
	assert_non_null(strstr(why, "novahaul readmit"));
	mem_free(why);
}

/* What Nova makes anew does not speak against its start; what is the host's
 * does. */
static void t_control_domain(void **state)
{
	static const char *const made[] = {"iface-type", "iface-filter",
					   "serial", "graphics-port"};
	static const char *const bound[] = {
		"hostdev",    "mdev",	"vpmem",     "filesystem",
		"disk-block", "pinned", "hugepages", "tpm-passthrough",
		"host-path",  "nvram",	"element",   "qemu-commandline",
		"memory-file"};
	struct facts *f = *state;

	cloud(f);
	for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
		object(f, made[i]);
		CONTROL("domain", AUTO, true, PASS);
		CONTROL("domain", DIRECT, false, REFUSE);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bound); i++) {
		object(f, bound[i]);
		CONTROL("domain", AUTO, true, REFUSE);
		CONTROL("domain", API, true, REFUSE);
	}
	domain_reasons_clear(&f->reasons);
	set(&f->srv.vifs[0].type, "vhostuser");
	CONTROL("ports", AUTO, true, PASS);
	CONTROL("ports", DIRECT, false, REFUSE);
	set(&f->srv.vifs[0].vnic_type, "direct");
	CONTROL("ports", AUTO, true, REFUSE);
}

/* An administrator's start often cannot read its owner's key. */
static void t_control_key(void **state)
{
	struct facts *f = *state;

	cloud(f);
	f->srv.bdms = MEM_NEW_N(struct db_bdm, 1);
	f->srv.n_bdms = 1;
	f->srv.bdms[0].encrypted = true;
	CONTROL("encryption", AUTO, false, REFUSE);
	CONTROL("encryption", API, true, WARN);
	CONTROL("encryption", DIRECT, false, REFUSE);
}

/* The plan says by what, step by step, and defines nothing that Nova will. */
static void t_control_plan(void **state)
{
	struct facts *f = *state;
	struct plan_opts o = {.stop_timeout_s = 60, .nova_start = true};
	struct err e = ERR_INIT;
	struct move *m;
	json_t *doc, *step;
	bool seen = false;
	size_t i;

	cloud(f);
	object(f, "iface-type");
	m = plan_move(f, &o, &e);
	assert_non_null(m);
	assert_true(m->nova_start);
	assert_null(m->domain_xml);
	doc = plan_document(f, m);
	assert_string_equal(json_string_value(json_object_get(doc, "control")),
			    "api+direct");
	json_array_foreach (json_object_get(doc, "steps"), i, step) {
		const char *s =
			json_string_value(json_object_get(step, "step"));
		const char *by =
			json_string_value(json_object_get(step, "control"));

		assert_string_not_equal(s, "define");
		seen |= !strcmp(s, "start") && !strcmp(by, "api");
		if (!strcmp(s, "disarm"))
			assert_string_equal(by, "direct");
	}
	assert_true(seen);
	json_decref(doc);
	move_free(m);
	o.no_start = true;
	domain_reasons_clear(&f->reasons);
	m = plan_move(f, &o, &e);
	assert_non_null(m);
	assert_false(m->nova_start);
	assert_non_null(m->domain_xml);
	move_free(m);
}

/* ---- the plan of the good world */

static void t_plan(void **state)
{
	struct facts *f = *state;
	struct plan_opts o = {.precopy = true, .stop_timeout_s = 60};
	struct err e = ERR_INIT;
	struct move *m = plan_move(f, &o, &e), *n;
	json_t *doc, *steps;

	if (!m)
		print_message("%s\n", err_msg(&e));
	assert_non_null(m);
	assert_true(m->was_running && m->start && m->precopy);
	assert_int_equal(m->nfiles, 2);
	assert_string_equal(m->files[0].backing, SHA);
	assert_string_equal(m->files[0].backing_format, "raw");
	assert_false(m->files[0].rebase);
	assert_true(m->files[0].disk);
	assert_true(m->files[1].info);
	assert_string_equal(m->dst.node, "dst.example");
	assert_string_equal(m->availability_zone, "nova");
	assert_int_equal(m->nbases, 1);
	assert_false(m->bases[0].on_target);
	assert_int_equal(move_bytes(m), 2 * 512 * 512 + 2048 * 512);
	doc = plan_document(f, m);
	assert_non_null(doc);
	n = plan_read(doc, &e);
	assert_non_null(n);
	assert_string_equal(n->domain_xml, m->domain_xml);
	move_free(m);
	move_free(n);
	/* The order of the steps is not the file's to choose. */
	steps = json_deep_copy(json_object_get(doc, "steps"));
	json_array_remove(json_object_get(doc, "steps"), 3);
	assert_null(plan_read(doc, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
	json_object_set_new(doc, "steps", steps);
	json_object_set_new(doc, "target", json_string("elsewhere"));
	assert_null(plan_read(doc, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
	json_object_set_new(doc, "target", json_string("dst"));
	json_object_set_new(json_object_get(doc, "move"), "uuid",
			    json_string("../etc"));
	assert_null(plan_read(doc, &e));
	assert_int_equal(e.kind, ERR_REFUSED);
	err_clear(&e);
	json_object_del(doc, "plan_version");
	assert_null(plan_read(doc, &e));
	json_decref(doc);
	err_clear(&e);
}

static json_t *way_of(const struct facts *f, const char *asked,
		      unsigned streams)
{
	struct plan_opts o = {.transport = asked, .streams = streams};
	struct err e = ERR_INIT;
	struct move *m = plan_move(f, &o, &e);
	json_t *doc, *t;

	assert_non_null(m);
	doc = plan_document(f, m);
	t = json_incref(json_object_get(doc, "transfer"));
	json_decref(doc);
	move_free(m);
	return t;
}

static void says_way(json_t *t, const char *transport, int streams,
		     const char *why)
{
	const char *got = json_string_value(json_object_get(t, "why"));

	assert_string_equal(json_string_value(json_object_get(t, "transport")),
			    transport);
	assert_int_equal(json_integer_value(json_object_get(t, "streams")),
			 streams);
	if (why)
		assert_string_equal(got, why);
	else
		assert_null(got);
	json_decref(t);
}

static void t_way(void **state)
{
	struct facts *f = *state;
	struct host_reach *r = &f->way.seen;

	says_way(way_of(f, "auto", 0), "auto", 0, NULL);
	says_way(way_of(f, "relay", 0), "relay", 1, NULL);
	f->way.asked = true;
	*r = (struct host_reach){.client = true,
				 .gcm = true,
				 .reached = true,
				 .rtt_us = 40230,
				 .cores = 4,
				 .streams = 8};
	says_way(way_of(f, "auto", 0), "direct", 8,
		 "a round trip from src to dst takes 40.2 ms, 4 cores");
	says_way(way_of(f, "direct", 3), "direct", 3, "3 asked for");
	says_way(way_of(f, "relay", 0), "relay", 1, NULL);
	f->way.tls = true;
	says_way(way_of(f, "auto", 0), "tls", 8,
		 "a round trip from src to dst takes 40.2 ms, 4 cores");
	says_way(way_of(f, "tls", 3), "tls", 3, "3 asked for");
	says_way(way_of(f, "direct", 3), "direct", 3, "3 asked for");
	f->way.tls = false;
	r->client = false;
	says_way(way_of(f, "auto", 0), "relay", 1, "src has no OpenSSH client");
	says_way(way_of(f, "direct", 0), "direct", 0,
		 "src has no OpenSSH client");
	r->client = true;
	r->reached = false;
	r->why = mem_strdup("connect: No route to host");
	says_way(way_of(f, "auto", 2), "relay", 1,
		 "src does not reach dst: connect: No route to host");
	f->way.tls = true;
	says_way(way_of(f, "auto", 2), "relay", 1,
		 "src does not reach dst: connect: No route to host");
	f->way.tls = false;
	err_set(&f->way.err, ERR_REFUSED, "no key");
	says_way(way_of(f, "auto", 0), "relay", 1, "no key");
}

static void t_digest(void **state)
{
	struct facts *f = *state;
	char a[65], b[65];

	facts_digest(f, a);
	f->host[DST_HOST].db.seen_age_s++;
	facts_digest(f, b);
	assert_string_equal(a, b);
	set(&f->srv.inst.vm_state, "stopped");
	facts_digest(f, b);
	assert_string_not_equal(a, b);
	set(&f->xml, "<domain/>");
	facts_digest(f, a);
	assert_string_not_equal(a, b);
}

#define T(name) cmocka_unit_test_setup_teardown(t_##name, good, drop)

/* ---- a dead source */

#define SEEN "/mnt/c30"

/* As facts_dead() leaves it: its disks on a read-only share of another host. */
static void bury(struct facts *f)
{
	struct fact_host *s = &f->host[SRC_HOST];

	f->dead = true;
	f->disks = mem_strdup("localhost");
	s->conf_known = false;
	s->state.state = VIRT_SHUTOFF;
	s->db.seen_age_s = 600;
	set(&s->instances_path, SEEN IP);
	s->home = mem_strdup(IP);
	s->prefix = mem_strdup(SEEN);
	set(&s->fs.fstype, "nfs4");
	s->fs.readonly = true;
}

static void t_dead(void **state)
{
	struct facts *f = *state;
	struct plan_opts o = {.precopy = true, .precopy_max = 5};
	struct check_opts c = {.start = true};
	struct check_report r = {0};
	struct err e = ERR_INIT;
	struct move *m;

	bury(f);
	checks_run(f, &c, &r);
	assert_true(r.verdict >= CHECK_WARN);
	check_report_clear(&r);
	m = plan_move(f, &o, &e);
	assert_non_null(m);
	assert_true(m->dead);
	assert_true(m->start); /* the row says that it ran */
	assert_false(m->precopy);
	assert_string_equal(m->disks, "localhost");
	assert_string_equal(m->history, "migration");
	assert_string_equal(m->src.instances_path, SEEN IP);
	assert_string_equal(m->src.home, IP);
	/* its header names IP, which is the target's as well */
	assert_false(m->files[0].rebase);
	assert_null(strstr(m->domain_xml, SEEN));
	move_free(m);
	/* one that was stopped stays so */
	set(&f->srv.inst.vm_state, "stopped");
	m = plan_move(f, &o, &e);
	assert_non_null(m);
	assert_false(m->start);
	move_free(m);
}

/* A lease on a dead host's disks is held while Nova's row says so. */
static void t_dead_leased(void **state)
{
	struct facts *f = *state;
	struct check_opts c = {.start = true};
	struct check_report r = {0};

	bury(f);
	f->host[SRC_HOST].lease.state = LEASE_HELD;
	set(&f->host[SRC_HOST].lease.job, "j-aaaaaaaa");
	checks_run(f, &c, &r);
	assert_true(r.verdict >= CHECK_WARN);
	check_report_clear(&r);
	f->srv.inst.locked = true;
	set(&f->srv.inst.reason, "novahaul j-aaaaaaaa 3");
	checks_run(f, &c, &r);
	assert_int_equal(r.verdict, CHECK_LOCKED);
	for (size_t i = 0; i < r.n; i++)
		if (r.v[i].result == CHECK_LOCKED &&
		    !strcmp(r.v[i].check, "locked"))
			assert_non_null(strstr(r.v[i].hint, "--source-dead"));
	check_report_clear(&r);
}

static void t_dead_unseen(void **state)
{
	struct facts *f = *state;

	bury(f);
	err_set(&f->host[SRC_HOST].down, ERR_RETRY, "no route to host");
	err_hint(&f->host[SRC_HOST].down, "novahaul help rescue");
	expect(f, "hosts", CHECK_REFUSE);
}

/* Does a hint of what is in the way say WORDS? */
static bool hinted(const struct facts *f, const char *words)
{
	struct check_opts c = {.start = true};
	struct check_report r = {0};
	bool told = false;

	checks_run(f, &c, &r);
	for (size_t i = 0; i < r.n; i++)
		told |= r.v[i].result == CHECK_REFUSE && r.v[i].hint &&
			strstr(r.v[i].hint, words);
	check_report_clear(&r);
	return told;
}

/* Nobody moves anything off a dead host, Nova neither. */
static void t_dead_hints(void **state)
{
	struct facts *f = *state;
	struct fact_host *s = &f->host[SRC_HOST], *d = &f->host[DST_HOST];

	f->srv.pci_devices = 1;
	f->srv.shares = 1;
	set(&f->srv.inst.ephemeral_key_uuid, UUID);
	set(&d->fs.fstype, "nfs4");
	set(&d->conf.images_type, "rbd");
	set(&s->conf.images_type, "rbd");
	assert_true(hinted(f, "openstack server migrate"));
	bury(f);
	s->conf_known = true;
	assert_false(hinted(f, "server migrate"));
	assert_true(hinted(f, "novahaul rescue HOST --disks"));
	assert_true(hinted(f, "openstack server evacuate: its disks are not"));
}

static void t_silent_source(void **state)
{
	struct facts *f = *state;

	err_set(&f->host[SRC_HOST].down, ERR_RETRY, "no route to host");
	err_hint(&f->host[SRC_HOST].down, "see whether it is up");
	assert_true(hinted(f, "see whether it is up; if it is off: novahaul "
			      "fence "));
	assert_true(hinted(f, ", then novahaul rescue "));
	err_set(&f->host[DST_HOST].down, ERR_RETRY, "no route to host");
	assert_true(hinted(f, "pick another target"));
	assert_false(hinted(f, "server migrate"));
}

/* Without its definition only Nova can start it. */
static void t_dead_undefined(void **state)
{
	struct facts *f = *state;

	bury(f);
	mem_freep(&f->xml);
	domain_free(f->dom);
	f->dom = NULL;
	err_set(&f->dom_err, ERR_NOTHING, "no definition of it");
	expect(f, "domain", CHECK_REFUSE);
}

/* Nova would start it: with a new vTPM, whose secrets are not the guest's. */
static void t_dead_undefined_vtpm(void **state)
{
	struct facts *f = *state;

	bury(f);
	mem_freep(&f->xml);
	domain_free(f->dom);
	f->dom = NULL;
	mem_freep(&f->nvram_dir);
	mem_freep(&f->tpm_dir);
	err_set(&f->dom_err, ERR_NOTHING, "no definition of it");
	f->cloud.asked = true;
	expect(f, "domain", CHECK_WARN);
	spec(&f->srv.sysmeta, "image_hw_firmware_type", "bios");
	expect(f, "domain", CHECK_WARN);
	spec(&f->srv.extra_specs, "hw:tpm_version", "2.0");
	expect(f, "domain", CHECK_REFUSE);
}

/* Its libvirt would start it a second time when that host is back. */
static void t_dead_autostart(void **state)
{
	struct facts *f = *state;
	struct check_opts c = {.start = true};
	struct check_report r = {0};
	bool told = false;

	bury(f);
	f->xml_from = mem_strdup("/mnt/c30/etc/libvirt/qemu/x.xml");
	expect(f, "domain", CHECK_PASS);
	f->host[SRC_HOST].flags.autostart = true;
	expect(f, "domain", CHECK_WARN);
	checks_run(f, &c, &r);
	for (size_t i = 0; i < r.n; i++)
		told |= strstr(r.v[i].message, "a second time") != NULL;
	assert_true(told);
	check_report_clear(&r);
}

/* What was asked of it waits for it in its queue. */
static void t_dead_busy(void **state)
{
	struct facts *f = *state;
	struct check_opts c = {.start = true};
	struct check_report r = {0};
	bool told = false;

	bury(f);
	f->srv.inst.task_state = mem_strdup("reboot_started_hard");
	expect(f, "server", CHECK_REFUSE);
	checks_run(f, &c, &r);
	for (size_t i = 0; i < r.n; i++)
		told |= r.v[i].hint && strstr(r.v[i].hint, "delete_queue");
	assert_true(told);
	check_report_clear(&r);
}

/* NVRAM that its domain names, and that is not seen. */
static void t_dead_firmware(void **state)
{
	struct facts *f = *state;

	bury(f);
	expect(f, "state", CHECK_PASS);
	f->dom->fw.nvram = mem_strdup("/var/lib/libvirt/qemu/nvram/x_VARS.fd");
	expect(f, "state", CHECK_REFUSE);
	f->dead = false;
	expect(f, "state", CHECK_PASS);
}

/* Nobody can say whether its disks are open. */
static void t_dead_no_locks(void **state)
{
	struct facts *f = *state;

	bury(f);
	f->open_unknown = true;
	expect(f, "state", CHECK_WARN);
}

static void t_inventory(void **state)
{
	struct inventory_item i = {.dir = true, .row = true};

	(void)state;
	assert_int_equal(inventory_judge(&i, true), INVENTORY_COMPLETE);
	strv_add(&i.missing, SHA);
	assert_int_equal(inventory_judge(&i, true), INVENTORY_BASE_MISSING);
	i.row = false;
	assert_int_equal(inventory_judge(&i, true), INVENTORY_NO_ROW);
	/* nobody was asked */
	assert_int_equal(inventory_judge(&i, false), INVENTORY_BASE_MISSING);
	i.row = true;
	i.dir = false;
	assert_int_equal(inventory_judge(&i, true), INVENTORY_NO_DISKS);
	err_set(&i.err, ERR_FAILED, "input/output error");
	assert_int_equal(inventory_judge(&i, true), INVENTORY_UNREADABLE);
	err_clear(&i.err);
	strv_clear(&i.missing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(good),
		T(dead),
		T(dead_leased),
		T(dead_unseen),
		T(dead_hints),
		T(silent_source),
		T(dead_undefined),
		T(dead_undefined_vtpm),
		T(dead_autostart),
		T(dead_busy),
		T(dead_firmware),
		T(dead_no_locks),
		T(inventory),
		T(there),
		T(same_host),
		T(lost_disk),
		T(unnamed_disk),
		T(unknown_target),
		T(disabled),
		T(forced_down),
		T(stale),
		T(deleted),
		T(no_host),
		T(building),
		T(paused),
		T(suspended),
		T(rescued),
		T(resized),
		T(soft_delete),
		T(in_error),
		T(shelved),
		T(offloaded),
		T(task),
		T(hidden),
		T(cells_v1),
		T(context),
		T(build_request),
		T(locked),
		T(locked_by_us),
		T(leased),
		T(other_cell),
		T(no_cell),
		T(rights),
		T(placement),
		T(neutron),
		T(agents),
		T(agent_down),
		T(no_agent),
		T(no_agents),
		T(no_physnet),
		T(allocations),
		T(control),
		T(adopt),
		T(adopt_plan),
		T(control_domain),
		T(control_key),
		T(control_plan),
		T(in_cloud),
		T(in_the_dark),
		T(dark_unfit),
		T(dark_doubled),
		T(dark_elsewhere),
		T(dark_no_url),
		T(dark_unverified),
		T(unallocated),
		T(doubled),
		T(third),
		T(no_room),
		T(bound_elsewhere),
		T(unbound),
		T(binding_hidden),
		T(no_placement_right),
		T(no_network_right),
		T(no_right_at_all),
		T(port_direct),
		T(trunk),
		T(bandwidth),
		T(stranger),
		T(pci),
		T(pinned),
		T(hugepages),
		T(vpmem),
		T(numa),
		T(ephemeral_key),
		T(shares),
		T(zone),
		T(source_down),
		T(host_key),
		T(not_root),
		T(skew),
		T(drive_format),
		T(images_type),
		T(cow),
		T(no_nova),
		T(shared),
		T(readonly),
		T(no_path),
		T(dir_there),
		T(resize_dir),
		T(del_dir),
		T(no_dir),
		T(no_space),
		T(no_inodes),
		T(no_holes),
		T(no_holes_no_space),
		T(holes),
		T(no_direct),
		T(direct_not_needed),
		T(direct_unknown),
		T(source_no_direct),
		T(quota),
		T(quota_enough),
		T(quota_unknown),
		T(static_owners),
		T(static_owners_of_source),
		T(not_remembered),
		T(not_confined),
		T(apparmor_path),
		T(apparmor_usual),
		T(lock_manager),
		T(on_boot),
		T(on_boot_ignored),
		T(ephemeral_format),
		T(ephemeral_old_nova),
		T(ephemeral_alike),
		T(no_ephemeral),
		T(auto_firmware),
		T(auto_firmware_new),
		T(auto_firmware_plain),
		T(small_mtu),
		T(guest_mtu),
		T(no_bridge_yet),
		T(old_swtpm),
		T(same_swtpm),
		T(newer_swtpm),
		T(memory),
		T(no_libvirt),
		T(domain_there),
		T(name_taken),
		T(no_domain),
		T(domain_paused),
		T(runs_though_stopped),
		T(off_though_active),
		T(managed_save),
		T(snapshots),
		T(machine),
		T(kvm),
		T(network),
		T(formats_disagree),
		T(corrupt),
		T(unknown_file),
		T(no_disk),
		T(from_volume),
		T(detached),
		T(bad_info),
		T(base_gone),
		T(base_differs),
		T(base_same),
		T(in_flight),
		T(armed),
		T(settled),
		T(volume),
		T(swap),
		T(swap_in_the_dark),
		T(old_flow),
		T(ports),
		T(group),
		T(tpm),
		T(other_machine),
		T(other_name),
		T(hypervisor),
		T(architecture),
		T(name_template),
		T(same_directory),
		T(stray_nvram),
		T(autostart),
		T(numbered_vgpu),
		T(sev_image),
		T(plan),
		T(way),
		T(digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
