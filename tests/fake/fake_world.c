/* SPDX-License-Identifier: Apache-2.0 */
/* How the world begins, what must always hold in it, how a job may leave it. */
#include "fake/fake.h"

#include <stdio.h>
#include <string.h>

#define SRC_IP "/var/lib/nova/instances"
#define DST_IP "/srv/nova/instances"
#define NVRAM_DIR "/var/lib/libvirt/qemu/nvram"
#define NVRAM_FILE "instance-0000002a_VARS.fd"

static const char domain_xml[] =
	"<domain type='kvm'><name>instance-0000002a</name>"
	"<uuid>" FAKE_UUID "</uuid><memory unit='KiB'>524288</memory>"
	"<vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os>"
	"<devices><disk type='file' device='disk'>"
	"<driver name='qemu' type='qcow2'/>"
	"<source file='%s/" FAKE_UUID "/disk'/>"
	"<target dev='vda' bus='virtio'/></disk>"
	"<interface type='bridge'><mac address='fa:16:3e:00:00:01'/>"
	"<source bridge='brq0a1b2c3d-4e'/><target dev='tap0a1b2c3d-4e'/>"
	"<model type='virtio'/></interface></devices></domain>";

/* --- beginning */

static uint64_t next(struct fake_world *fw)
{
	return ++fw->contents;
}

static void make_dirs(struct fake_world *fw, struct fake_host *h)
{
	char path[FAKE_PATH];

	fake_dir(fw, h, h->ip);
	fake_at(path, h, "_base");
	fake_dir(fw, h, path);
	fake_dir(fw, h, NVRAM_DIR);
}

static void own(struct fake_inode *i, const char *user, uint32_t mode)
{
	snprintf(i->user, sizeof(i->user), "%s", user);
	snprintf(i->group, sizeof(i->group), "%s", user);
	i->mode = mode;
}

static void add_base(struct fake_world *fw, struct fake_host *h)
{
	char path[FAKE_PATH];

	fake_at(path, h, "_base/" FAKE_BASE);
	own(fake_file(fw, h, path, fw->base_content), "libvirt-qemu", 0644);
}

static void add_instance(struct fake_world *fw, struct fake_host *h)
{
	char path[FAKE_PATH], info[FAKE_TEXT];
	struct fake_inode *i;

	fake_at(path, h, FAKE_UUID);
	fake_dir(fw, h, path);
	own(fake_look(h, path), "nova", 0755);
	fake_at(path, h, FAKE_UUID "/disk");
	i = fake_file(fw, h, path, fw->newest);
	i->header = 1;
	own(i, "nova", 0644);
	fake_at(path, h, FAKE_UUID "/disk.config");
	own(fake_file(fw, h, path, fw->config), "nova", 0644);
	snprintf(info, sizeof(info), "{\"%s/" FAKE_UUID "/disk\": \"qcow2\"}",
		 h->ip);
	fake_at(path, h, FAKE_UUID "/disk.info");
	i = fake_file(fw, h, path, fake_hash(info, strlen(info)));
	i->len = strlen(info);
	memcpy(i->text, info, i->len);
	own(i, "nova", 0644);
	if (fw->o.nvram)
		own(fake_file(fw, h, NVRAM_DIR "/" NVRAM_FILE, next(fw)),
		    "libvirt-qemu", 0600);
}

static void add_row(struct fake_world *fw)
{
	struct fake_row *r = &fw->row;

	strcpy(r->host, fw->h[SRC].name);
	strcpy(r->node, fw->h[SRC].node);
	r->compute_id = 30;
	strcpy(r->vm_state, fw->o.running ? "active" : "stopped");
	r->power_state = fw->o.running ? 1 : 4;
	strcpy(r->az, "nova");
}

static void add_volumes(struct fake_world *fw)
{
	for (unsigned i = 0; i < fw->o.volumes; i++) {
		struct fake_bdm *b = &fw->row.bdm[i];
		struct fake_att *a = fake_att_new(fw, &fw->volumes[i], SRC);

		a->attached = true;
		fake_att_name(b->attachment, a->n);
		snprintf(b->info, sizeof(b->info),
			 "{\"data\": {\"export\": \"s:/e\"}, \"n\": %u}", i);
	}
}

void fake_reset(void *world, const void *options)
{
	struct fake_world *fw = world;
	struct fake_domain *d = &fw->h[SRC].dom;
	const char *why;

	fw->o = *(const struct fake_options *)options;
	fw->now_us = 1700000000 * 1000000LL;
	strcpy(fw->h[SRC].name, "compute-30");
	strcpy(fw->h[SRC].node, "compute-30.example");
	strcpy(fw->h[SRC].ip, SRC_IP);
	strcpy(fw->h[DST].name, "compute-34");
	strcpy(fw->h[DST].node, "compute-34.example");
	strcpy(fw->h[DST].ip, DST_IP);
	fw->newest = next(fw);
	fw->config = next(fw);
	fw->base_content = next(fw);
	for (int s = SRC; s <= DST; s++)
		make_dirs(fw, &fw->h[s]);
	add_base(fw, &fw->h[SRC]);
	if (fw->o.base_on_target)
		add_base(fw, &fw->h[DST]);
	add_instance(fw, &fw->h[SRC]);
	add_row(fw);
	fw->allocated[SRC] = true;
	strcpy(fw->bound, fw->h[SRC].name);
	add_volumes(fw);
	d->defined = true;
	d->autostart = fw->o.autostart;
	snprintf(d->xml, sizeof(d->xml), domain_xml, SRC_IP);
	if (fw->o.running && !fw->o.dead)
		fake_boot(fw, &fw->h[SRC], &why);
}

/* --- time */

void fake_tick(void *world)
{
	struct fake_world *fw = world;

	fw->now_us += 1000;
	fake_nova(fw);
	/* Booting takes a while before the first write. */
	if (++fw->ticks % 5)
		return;
	for (int s = SRC; s <= DST; s++) {
		struct fake_host *h = &fw->h[s];
		struct fake_inode *i = &h->inodes[h->dom.disk];

		if (!h->dom.running)
			continue;
		/* A disk that is not the instance's (Nova's evacuation made a
		 * fresh one) has a life of its own. */
		if (i->content == fw->newest)
			i->content = fw->newest = next(fw);
		else
			i->content = next(fw);
	}
}

/* --- the promise */

bool fake_in_place(const struct fake_world *fw, const struct fake_host *h)
{
	char path[FAKE_PATH];

	(void)fw;
	fake_at(path, h, FAKE_UUID "/disk");
	return fake_find(h, path) >= 0;
}

static bool can_start(const struct fake_world *fw, const struct fake_host *h)
{
	const struct fake_row *r = &fw->row;

	if (h->dom.running)
		return true;
	if (fw->o.dead && h == &fw->h[SRC])
		return false;
	return fake_in_place(fw, h) &&
	       (h->dom.defined || (!r->deleted && !strcmp(r->host, h->name)));
}

static bool has(const struct fake_host *h, const char *path, uint64_t content)
{
	int i = fake_find(h, path);
	const struct fake_inode *f;

	if (i < 0)
		return false;
	f = &h->inodes[h->names[i].ino];
	return !f->dir && !f->partial && (!content || f->content == content);
}

static bool base_reachable(const struct fake_world *fw,
			   const struct fake_host *h)
{
	for (int i = 0; i < FAKE_NAMES; i++)
		if (h->names[i].hash &&
		    strstr(h->names[i].path, "/" FAKE_BASE) &&
		    !strstr(h->names[i].path, ".part") &&
		    has(h, h->names[i].path, fw->base_content))
			return true;
	return false;
}

/* .../instance/disk -> .../nvram/FILE, or libvirt's own place. */
static bool nvram_reachable(const struct fake_world *fw,
			    const struct fake_host *h)
{
	if (!fw->o.nvram)
		return true;
	for (int i = 0; i < FAKE_NAMES; i++)
		if (h->names[i].hash &&
		    strstr(h->names[i].path, "/" NVRAM_FILE) &&
		    !strstr(h->names[i].path, ".part") &&
		    has(h, h->names[i].path, 0))
			return true;
	return false;
}

static bool complete_at(const struct fake_world *fw, const struct fake_host *h,
			const char *disk)
{
	char path[FAKE_PATH + 16];
	int dir = (int)(strlen(disk) - strlen("/disk"));

	if (!has(h, disk, fw->newest))
		return false;
	snprintf(path, sizeof(path), "%.*s/disk.config", dir, disk);
	if (!has(h, path, fw->config))
		return false;
	snprintf(path, sizeof(path), "%.*s/disk.info", dir, disk);
	return has(h, path, 0);
}

static bool has_copy(const struct fake_world *fw, const struct fake_host *h)
{
	for (int i = 0; i < FAKE_NAMES; i++) {
		const char *p = h->names[i].path;
		size_t n = strlen(p);

		if (h->names[i].hash && n > 5 && !strcmp(p + n - 5, "/disk") &&
		    complete_at(fw, h, p))
			return base_reachable(fw, h) && nvram_reachable(fw, h);
	}
	return false;
}

bool fake_copies(const struct fake_world *fw)
{
	return has_copy(fw, &fw->h[SRC]) || has_copy(fw, &fw->h[DST]);
}

/* Nova's power sync would pull the plug, and nobody but us has made it so. */
static bool row_lies(const struct fake_world *fw)
{
	const struct fake_row *r = &fw->row;

	if (fw->acted || fw->synced || strcmp(r->vm_state, "stopped") != 0)
		return false;
	for (int s = SRC; s <= DST; s++)
		if (fw->h[s].dom.running && !strcmp(r->host, fw->h[s].name))
			return true;
	return false;
}

bool fake_promise(const void *world, struct buf *out)
{
	const struct fake_world *fw = world;
	const struct fake_host *s = &fw->h[SRC], *d = &fw->h[DST];

	if (fw->touched)
		buf_puts(out, "something was changed on the dead source");
	else if (s->dom.running && d->dom.running)
		buf_puts(out, "the guest runs on both hosts");
	else if (can_start(fw, s) && can_start(fw, d))
		buf_printf(out,
			   "both hosts can start it (database: %s; source: "
			   "defined %d disks %d; target: defined %d disks %d)",
			   fw->row.host, s->dom.defined, fake_in_place(fw, s),
			   d->dom.defined, fake_in_place(fw, d));
	else if (!fw->waived && !fake_copies(fw))
		buf_puts(out, "no complete copy of the disks is left");
	else if (fw->early)
		buf_puts(out, "the row left a host with the files in place");
	else if (row_lies(fw))
		buf_puts(out, "the guest runs where its row says 'stopped'");
	else
		fake_volumes_promise(fw, out);
	return !out->len;
}

/* --- the end */

static bool differ(struct buf *out, const char *where, const char *what)
{
	buf_printf(out, "%s: %s is not as it was", where, what);
	return false;
}

static bool same_name(const struct fake_world *fw, const struct fake_host *a,
		      const struct fake_host *b, int i, struct buf *out)
{
	const struct fake_name *n = &a->names[i];
	const struct fake_inode *x = &a->inodes[n->ino], *y;
	int k = fake_find(b, n->path);
	/* A guest that was started again has gone on writing. */
	bool wrote = fw->o.running && x->content != fw->config &&
		     strstr(n->path, "/disk") && !strstr(n->path, "/disk.");

	if (k < 0)
		return differ(out, a->name, n->path);
	y = &b->inodes[b->names[k].ino];
	if (b->names[k].ino != n->ino || x->dir != y->dir ||
	    x->mode != y->mode || strcmp(x->user, y->user) != 0 ||
	    strcmp(x->group, y->group) != 0 || x->header != y->header ||
	    x->partial != y->partial || x->len != y->len ||
	    (x->content != y->content && !wrote))
		return differ(out, a->name, n->path);
	return true;
}

/* A base that this host's own image cache has removed by its age: it may, where
 * no instance of the host uses it, and Nova fetches it again when one does. */
static bool swept_base(const struct fake_world *fw, const struct fake_host *now,
		       const char *path)
{
	char base[FAKE_PATH];

	fake_at(base, now, "_base/" FAKE_BASE);
	return now->swept && strcmp(fw->row.host, now->name) != 0 &&
	       !strcmp(path, base) && fake_find(now, path) < 0;
}

/* What a start that came late, and found nothing, has left. */
static bool stray(const struct fake_world *fw, const struct fake_host *now,
		  const char *path)
{
	char dir[FAKE_PATH];

	fake_at(dir, now, FAKE_UUID);
	return fw->stray && (!strcmp(path, dir) ||
			     (!strncmp(path, dir, strlen(dir)) &&
			      !strcmp(path + strlen(dir), "/disk.info")));
}

static bool same_host(const struct fake_world *fw, const struct fake_host *now,
		      const struct fake_host *was, struct buf *out)
{
	const struct fake_domain *a = &now->dom, *b = &was->dom;
	bool gone = fw->off && now == &fw->h[SRC];

	if (a->defined != b->defined || a->autostart != b->autostart ||
	    (a->running != b->running && !(fw->went_off && now == &fw->h[SRC])))
		return differ(out, now->name, "the domain");
	if (a->defined && strcmp(a->xml, b->xml) != 0 && !fw->renewed)
		return differ(out, now->name, "the domain's XML");
	if (now->bridge != was->bridge)
		return differ(out, now->name, "the bridge");
	/* What a job that went back without it could not take away, audit
	 * does. */
	if (!gone && now->key != was->key)
		return differ(out, now->name, "the one-job key");
	if (!gone && now->lease.state == LEASE_HELD)
		return differ(out, now->name, "the lease");
	for (int i = 0; i < FAKE_NAMES; i++) {
		if (was->names[i].hash &&
		    !swept_base(fw, now, was->names[i].path) &&
		    !same_name(fw, was, now, i, out))
			return false;
		/* Empty directories of ours may stay. */
		if (now->names[i].hash &&
		    fake_find(was, now->names[i].path) < 0 &&
		    !stray(fw, now, now->names[i].path) &&
		    !(gone && strstr(now->names[i].path, "/.novahaul")) &&
		    !(now->inodes[now->names[i].ino].dir &&
		      strstr(now->names[i].path, "/.novahaul") &&
		      !strstr(now->names[i].path, "/.novahaul/")))
			return differ(out, now->name, now->names[i].path);
	}
	return true;
}

static bool same_row(const struct fake_row *a, const struct fake_row *b,
		     struct buf *out)
{
	const char *what = strcmp(a->host, b->host)		? "host"
			   : strcmp(a->node, b->node)		? "node"
			   : a->compute_id != b->compute_id	? "compute_id"
			   : strcmp(a->vm_state, b->vm_state)	? "vm_state"
			   : a->power_state != b->power_state	? "power_state"
			   : a->locked != b->locked		? "locked"
			   : strcmp(a->locked_by, b->locked_by) ? "locked_by"
			   : strcmp(a->reason, b->reason) ? "locked_reason"
			   : strcmp(a->az, b->az)	  ? "availability_zone"
							  : NULL;

	if (what)
		return differ(out, "database", what);
	/* The listed exception: a reverted record of the move. */
	if (*a->status && strcmp(a->status, "reverted") != 0)
		return differ(out, "database", "the migrations row");
	return true;
}

/* All of it on the side of S, and nothing elsewhere. */
static bool cloud_at(const struct fake_world *fw, enum side s, struct buf *out)
{
	const char *what =
		!fw->o.cloud ? NULL
		/* Nova's evacuate leaves both, until the source is back. */
		: !fw->allocated[s] || (fw->allocated[s == SRC ? DST : SRC] &&
					!(fw->o.adopt && s == DST))
			? "Placement counts it on another host"
		: strcmp(fw->bound, fw->h[s].name)
			? "its port is bound elsewhere"
			: NULL;

	if (what)
		buf_puts(out, what);
	return !what && fake_volumes_at(fw, s, out);
}

static bool end_back(const struct fake_world *fw, const struct fake_world *was,
		     struct buf *out)
{
	return cloud_at(fw, SRC, out) && same_row(&fw->row, &was->row, out) &&
	       same_host(fw, &fw->h[SRC], &was->h[SRC], out) &&
	       /* A target that does not answer does not keep the source from
		* being restored; audit sweeps it later. */
	       (fw->cut[DST] || same_host(fw, &fw->h[DST], &was->h[DST], out));
}

static bool any_work(const struct fake_host *h)
{
	for (int i = 0; i < FAKE_NAMES; i++)
		if (h->names[i].hash &&
		    strstr(h->names[i].path, "/.novahaul/j-"))
			return true;
	return false;
}

static bool end_done(const struct fake_world *fw, struct buf *out)
{
	const struct fake_row *r = &fw->row;
	const struct fake_host *s = &fw->h[SRC], *d = &fw->h[DST];
	const char *want = fw->o.start ? "active" : "stopped";
	const char *what =
		strcmp(r->host, d->name)    ? "the database names another host"
		: strcmp(r->vm_state, want) ? "vm_state is wrong"
		: r->locked || *r->reason   ? "it is still locked"
		: s->dom.defined && !fw->o.dead ? "the source has the domain"
		: fake_in_place(fw, s) != fw->o.dead
			? "the source's disks are not where they belong"
		: !fake_in_place(fw, d)		? "the target lacks the disks"
		: !d->dom.defined		? "the target lacks the domain"
		: d->dom.running != fw->o.start ? "running is wrong"
		: d->dom.autostart != fw->o.autostart ? "autostart is wrong"
		: !has_copy(fw, d)	 ? "the target lacks the newest disks"
		: !base_reachable(fw, s) ? "the kept copy lacks its base"
		: any_work(s) == fw->o.dead
			? "a copy was kept, or not, against the rules"
		: any_work(d) ? "work is left on the target"
		: d->key      ? "the one-job key is left"
		: s->lease.state == LEASE_HELD || d->lease.state == LEASE_HELD
			? "a lease is held"
			: NULL;

	if (what)
		buf_puts(out, what);
	return !what && cloud_at(fw, DST, out);
}

static bool can_run(const struct fake_world *fw, const struct fake_host *s)
{
	return s->dom.running || (s->dom.defined && !fw->o.dead);
}

/* The server was deleted, and nothing else happened to it. */
static bool end_deleted(const struct fake_world *fw, enum crash_job job,
			struct buf *out)
{
	const struct fake_host *s = &fw->h[SRC], *d = &fw->h[DST];
	const char *what =
		job == CRASH_OPEN	     ? "its job stays open"
		: !fw->off && can_run(fw, s) ? "the source can start it"
		: !fw->off && s->lease.state == LEASE_HELD ? "a lease is held"
		: fw->cut[DST]				   ? NULL
		: any_work(d)		       ? "work is left on the target"
		: d->lease.state == LEASE_HELD ? "a lease is held"
					       : NULL;

	if (what)
		buf_printf(out, "the server is deleted, and %s", what);
	return !what && fake_volumes_at(fw, SRC, out);
}

void fake_late(void *world)
{
	fake_db_resolve(world);
}

bool fake_end(const void *world, const void *before, enum crash_job job,
	      int code, struct buf *out)
{
	const struct fake_world *fw = world;

	/* Others have changed the world on purpose: the promise is all, but
	 * a job of a deleted server must come to an end. */
	if (fw->acted == 1 && fw->row.deleted && !fw->row.evac_us)
		return end_deleted(fw, job, out);
	if (fw->acted)
		return true;
	if (fw->yanked) {
		buf_puts(out, "power sync has pulled the guest's plug");
		return false;
	}
	switch (job) {
	case CRASH_NO_JOB:
	case CRASH_BACK:
		return end_back(fw, before, out);
	case CRASH_DONE:
		return end_done(fw, out);
	case CRASH_OPEN:
		break;
	}
	buf_printf(out, "the job stays open, code %d", code);
	return false;
}

/* --- the move */

static void side(struct move_side *m, const struct fake_host *h, int64_t id)
{
	m->host = mem_strdup(h->name);
	m->node = mem_strdup(h->node);
	m->compute_id = id;
	m->ip = mem_strdup("192.0.2.1");
	m->instances_path = mem_strdup(h->ip);
	m->base_dir = mem_strdup("_base");
	m->nvram_dir = mem_strdup(NVRAM_DIR);
	m->nova_user = mem_strdup("nova");
	m->nova_group = mem_strdup("nova");
}

static struct move_file *file(struct move *m, const char *rel, const char *user,
			      uint32_t mode)
{
	struct move_file *f = &m->files[m->nfiles++];

	f->rel = mem_strdup(rel);
	f->size = f->allocated = 4096;
	f->user = mem_strdup(user);
	f->group = mem_strdup(user);
	f->mode = mode;
	return f;
}

static void files(const struct fake_world *fw, struct move *m)
{
	struct move_file *f;

	m->files = MEM_NEW_N(struct move_file, 4);
	f = file(m, "disk", "libvirt-qemu", 0644);
	f->disk = true;
	f->size = 2 * CARRY_SMALL; /* the others go together */
	f->format = mem_strdup("qcow2");
	f->backing = mem_strdup(FAKE_BASE);
	f->backing_format = mem_strdup("raw");
	f->rebase = fw->o.rebase;
	f = file(m, "disk.config", "nova", 0644);
	f->format = mem_strdup("raw");
	f = file(m, "disk.info", "nova", 0644);
	f->info = true;
	if (fw->o.nvram)
		file(m, NVRAM_FILE, "libvirt-qemu", 0600)->root = MOVE_NVRAM;
	m->bases = MEM_NEW_N(struct move_base, 1);
	m->nbases = 1;
	m->bases[0] = (struct move_base){
		.name = mem_strdup(FAKE_BASE),
		.on_target = fw->o.base_on_target,
		.size = 4096,
		.allocated = 4096,
		.user = mem_strdup("libvirt-qemu"),
		.group = mem_strdup("libvirt-qemu"),
		.mode = 0644,
	};
}

static void volumes(const struct fake_world *fw, struct move *m)
{
	struct move_volume *v = MEM_NEW_N(struct move_volume, FAKE_VOLUMES);

	for (unsigned i = 0; i < fw->o.volumes; i++)
		v[i] = (struct move_volume){
			.id = mem_printf(FAKE_VOLUME "%u", i + 1),
			.bdm_id = i + 1,
			.attachment = mem_printf("att-%u", i + 1),
			.device = mem_printf("/dev/vd%c", 'b' + (char)i),
			.mode = mem_strdup("rw")};
	*(fw->o.detach ? &m->detached : &m->volumes) = v;
	*(fw->o.detach ? &m->ndetached : &m->nvolumes) = fw->o.volumes;
	m->src.connector = mem_strdup("{\"host\": \"compute-30\"}");
	m->dst.connector = mem_strdup("{\"host\": \"compute-34\"}");
}

struct move *fake_move(const struct fake_world *fw)
{
	struct move *m = move_new();

	m->uuid = mem_strdup(FAKE_UUID);
	m->name = mem_strdup("web-1");
	m->domain = mem_strdup("instance-0000002a");
	side(&m->src, &fw->h[SRC], 30);
	side(&m->dst, &fw->h[DST], 34);
	files(fw, m);
	m->vm_state = mem_strdup(fw->o.running ? "active" : "stopped");
	m->power_state = fw->o.running ? 1 : 4;
	m->was_running = fw->o.running;
	m->start = fw->o.start;
	m->placement = m->neutron = fw->o.cloud;
	m->nova_start = fw->o.start && fw->o.nova_start;
	m->verify_deep = fw->o.verify_deep;
	m->ports = MEM_NEW_N(struct move_port, 1);
	m->nports = 1;
	m->ports[0] = (struct move_port){.mac = mem_strdup("fa:16:3e:01:02:03"),
					 .id = mem_strdup(FAKE_PORT)};
	volumes(fw, m);
	m->precopy = fw->o.precopy;
	m->precopy_max = 5;
	m->stop_timeout_s = 5;
	m->delta = mem_strdup("auto");
	m->transport = mem_strdup("auto");
	m->domain_xml = mem_printf(domain_xml, DST_IP);
	if (fw->o.dead) {
		m->dead = true;
		m->disks = mem_strdup("localhost");
		m->adopt = fw->o.adopt;
	}
	return m;
}

json_t *fake_plan(const struct fake_world *fw)
{
	struct move *m = fake_move(fw);
	const char *names[STEPS_MOVE_MAX];
	size_t n = steps_of_move(m, names);
	json_t *steps = json_array(), *plan;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(steps, json_pack("{s:s, s:{}}", "step",
						       names[i], "params"));
	plan = json_pack("{s:s, s:{s:s, s:s}, s:s, s:s, s:o, s:o}", "kind",
			 m->dead ? "rescue" : "move", "instance", "uuid",
			 m->uuid, "name", m->name, "source", m->src.host,
			 "target", m->dst.host, "steps", steps, "move",
			 move_to_json(m));
	move_free(m);
	return plan;
}

/* --- a controller */

static void reach(struct world *w, struct fake_world *fw, enum side s)
{
	struct fake_handle *fh;
	struct fake_virt *v;

	if (fw->now_us < fw->h[s].down_us) {
		err_set(&w->down[s], ERR_RETRY, "%s: no route to host",
			fw->h[s].name);
		return;
	}
	fh = MEM_NEW(struct fake_handle);
	fh->fw = fw;
	fh->h = &fw->h[s];
	w->host[s] = host_new(&fake_host_ops, fh, fw->h[s].name);
	if (fw->o.dead && s == SRC)
		return;
	v = MEM_NEW(struct fake_virt);
	v->v = (struct virt){&fake_virt_ops, fw->h[s].name};
	v->fh = fh;
	w->virt[s] = &v->v;
}

/* The disks of a source that is off, seen elsewhere. */
static void see_disks(struct world *w, struct fake_world *fw)
{
	struct fake_handle *fh = MEM_NEW(struct fake_handle);

	fh->fw = fw;
	fh->h = &fw->h[SRC];
	fh->disks = true;
	w->disks = host_new(&fake_host_ops, fh, "who sees its disks");
	w->disks_path = fw->h[SRC].ip;
}

static int fence_require(void *self, const char *host, uint32_t max_age_s,
			 struct err *e)
{
	const struct fake_world *fw = self;

	(void)max_age_s;
	if (crash_event(CRASH_BEFORE, "fence", false) != CRASH_NONE ||
	    fw->unproven || !fake_off(fw))
		return err_set(e, ERR_FENCE, "%s is not proven to be off",
			       host);
	return 0;
}

void fake_open(struct world *w, struct fake_world *fw, bool backward)
{
	*w = (struct world){
		.move = fake_move(fw),
		.carrier = {fake_carry, fake_carry_many, fake_carry_cleanup,
			    NULL},
		.cloud = fake_cloud_ops,
		.owner = "a controller",
		.backward = backward,
	};
	w->cloud.self = fw;
	w->volumes = fake_volume_ops;
	fake_attach_ops(&w->volumes);
	w->volumes.self = fw;
	w->fence = (struct fence_ops){fence_require, fw};
	snprintf(w->session, sizeof(w->session), "session-%u", crash_self());
	w->db = MEM_NEW(struct db);
	*w->db = (struct db){&fake_db_ops, fw};
	for (int s = SRC; s <= DST; s++)
		reach(w, fw, s);
}

void fake_close(struct world *w)
{
	for (int s = SRC; s <= DST; s++) {
		if (w->virt[s])
			virt_free(w->virt[s]);
		host_close(w->host[s]);
		err_clear(&w->down[s]);
	}
	host_close(w->disks);
	mem_free(w->db);
	move_free(w->move);
}

static json_t *plan_of(void *world)
{
	const struct world *w = world;

	return fake_plan(((struct fake_handle *)w->host[SRC]->self)->fw);
}

static bool see_dir(void *arg, const struct journal_job *job)
{
	*(bool *)arg = job->dir == JOURNAL_BACKWARD;
	return false;
}

/* As src/cli/app_run.c finds it out. */
static bool see_rewritten(void *arg, const struct journal_job *job)
{
	memcpy(arg, job->id, JOURNAL_ID_MAX);
	return false;
}

static bool read_job(const char *path, struct journal_job *job)
{
	struct err e = ERR_INIT;
	char id[JOURNAL_ID_MAX] = "";
	struct journal *j = journal_open(path, &e);
	bool yes = j && !journal_jobs(j, see_rewritten, id, &e) && *id &&
		   !journal_load(j, id, job, &e);

	err_clear(&e);
	journal_close(j);
	return yes;
}

static bool is_rewritten(const char *path, enum crash_role role)
{
	struct journal_job job = {0};
	bool yes = false;

	if (role != CRASH_RESUME)
		return false;
	read_job(path, &job);
	for (size_t i = 0; i < job.nsteps; i++)
		yes |= (!strcmp(job.steps[i].name, "rewrite") ||
			!strcmp(job.steps[i].name, "evacuate")) &&
		       job.steps[i].mark == MARK_DONE;
	journal_job_clear(&job);
	return yes;
}

static bool goes_back(const char *path, enum crash_role role)
{
	struct err e = ERR_INIT;
	struct journal *j;
	bool back = role == CRASH_ROLLBACK;

	if (role == CRASH_BACK_ALONE)
		return true;
	if (role != CRASH_RESUME)
		return back;
	j = journal_open(path, &e);
	if (!j || journal_jobs(j, see_dir, &back, &e))
		err_clear(&e);
	journal_close(j);
	return back;
}

/* What an operator types whose source is dead, or what it says then: as
 * src/cli/app_run.c does.  In the end somebody repairs it. */
static enum crash_role without_source(struct fake_world *fw, const char *path,
				      enum crash_role role, bool *disks)
{
	struct journal_job job = {0};
	enum txn_alone way;

	if (!read_job(path, &job) || job.state != JOURNAL_OPEN) {
		journal_job_clear(&job);
		return CRASH_NOTHING;
	}
	way = txn_alone(steps_table, &job, false, NULL);
	*disks = way == TXN_ALONE_NOT;
	if (*disks)
		way = txn_alone(steps_table, &job, true, NULL);
	journal_job_clear(&job);
	if (way == TXN_ALONE_NOT || fw->alone++ > 2) {
		fake_power_on(fw);
		return role;
	}
	return way == TXN_ALONE_BACK ? CRASH_BACK_ALONE : CRASH_FORWARD;
}

int fake_control(void *world, const char *path, enum crash_role role)
{
	struct fake_world *fw = world;
	struct world w;
	struct txn_env env = {
		.steps = steps_table,
		.world = &w,
		.look = world_look,
		.enter = world_enter,
		.regain = regain_job,
		.leave = world_leave,
		.mirror = world_mirror,
		.tick = world_tick,
	};
	int code;

	if (role == CRASH_START)
		snprintf(fw->journal, sizeof(fw->journal), "%s.second", path);
	/* Who goes on with it looks at the host first. */
	if (role != CRASH_START)
		fw->unproven = false;
	if (role != CRASH_START && fw->off)
		role = without_source(fw, path, role, &env.disks);
	if (role == CRASH_NOTHING)
		return 4;
	fake_open(&w, fw, goes_back(path, role));
	if (env.disks)
		see_disks(&w, fw);
	w.off = role == CRASH_FORWARD || role == CRASH_BACK_ALONE;
	w.onward = role == CRASH_FORWARD ||
		   (!w.backward && is_rewritten(path, role));
	code = w.host[SRC] || role != CRASH_START
		       ? crash_control(&env, path, role, plan_of)
		       : 1;
	fake_close(&w);
	return code;
}
