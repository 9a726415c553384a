/* SPDX-License-Identifier: Apache-2.0 */
/* The two hosts: alive, alike, with room, and with nothing in the way. */
#include <stdlib.h>
#include <string.h>

#include "checks/checks.h"

#define MiB ((uint64_t)1 << 20)
#define DOWN_AFTER_S 60 /* nova.conf service_down_time, default */

static bool known(const struct fact_host *h)
{
	return h->down.kind == ERR_NONE && h->name;
}

/* ---- the target's service */

static void target_run(const struct facts *f, const struct check_opts *o,
		       struct check_report *r)
{
	const struct fact_host *d = &f->host[DST_HOST];
	const char *src = f->srv.inst.host;

	(void)o;
	if (src && !strcmp(src, f->to)) {
		check_say(r, CHECK_NOTHING, NULL, "it is on %s already", f->to);
		return;
	}
	if (d->db_err.kind != ERR_NONE) {
		check_refuse(r,
			     d->db_err.hint ? d->db_err.hint
					    : "openstack compute service "
					      "list shows the names",
			     "target %s: %s", f->to, err_msg(&d->db_err));
		return;
	}
	if (d->db.forced_down)
		check_refuse(r, "openstack compute service set --up",
			     "nova-compute on %s is forced down", f->to);
	if (d->db.disabled)
		check_refuse(r, "openstack compute service set --enable",
			     "nova-compute on %s is disabled%s%s", f->to,
			     d->db.disabled_reason ? ": " : "",
			     d->db.disabled_reason ? d->db.disabled_reason
						   : "");
	if (d->db.seen_age_s < 0 || d->db.seen_age_s > DOWN_AFTER_S)
		check_warn(r, NULL,
			   "nova-compute on %s has not been seen for %lld s: "
			   "until it is back, only libvirt knows the guest",
			   f->to, (long long)d->db.seen_age_s);
}

const struct check chk_target = {
	"target", "the target is another host, and in service", target_run};

/* ---- reachable, sane */

/* It is off; who sees its disks? */
static void one_dead(const struct facts *f, const struct fact_host *h,
		     struct check_report *r)
{
	if (h->down.kind != ERR_NONE)
		check_refuse(r, h->down.hint,
			     "the disks of %s are not seen: %s", h->name,
			     err_msg(&h->down));
	else if (h->info.uid != 0)
		check_refuse(r, "run it as root, or with sudo",
			     "the agent that reads the disks of %s on %s runs "
			     "without root's rights",
			     h->name, f->disks);
	if (h->db.seen_age_s >= 0 && h->db.seen_age_s <= DOWN_AFTER_S)
		check_warn(r, "novahaul fence again, if that was after it",
			   "nova-compute on %s was seen %lld s ago", h->name,
			   (long long)h->db.seen_age_s);
}

/* That it does not answer proves nothing; but nobody can move off a dead one.
 */
static void silent(const struct facts *f, const struct fact_host *h,
		   struct check_report *r)
{
	const char *hint = h->down.hint;
	AUTO(mem_freep)
	char *dead = mem_printf("%s%sif it is off: novahaul fence %s, then "
				"novahaul rescue %s --disks HOST:PATH",
				hint ? hint : "", hint ? "; " : "", h->name,
				h->name);

	if (h == &f->host[SRC_HOST])
		hint = dead;
	check_refuse(r, hint ? hint : "pick another target",
		     "%s does not answer: %s", h->name, err_msg(&h->down));
}

static void one_host(const struct facts *f, const struct fact_host *h,
		     struct check_report *r)
{
	if (!h->name)
		return;
	if (f->dead && h == &f->host[SRC_HOST]) {
		one_dead(f, h, r);
		return;
	}
	if (h->down.kind != ERR_NONE) {
		silent(f, h, r);
		return;
	}
	if (h->info.uid != 0)
		check_refuse(r,
			     "log in as root, or give the user sudo without a "
			     "password",
			     "the agent on %s runs without root's rights",
			     h->name);
	/* A name that leads to another machine than Nova's. */
	if (h->conf_known && h->conf.host && strcmp(h->conf.host, h->name) != 0)
		check_refuse(r,
			     "is the address right, in novahaul.conf, DNS or "
			     "/etc/hosts?",
			     "the machine that answers as %s is host '%s' by "
			     "its nova.conf",
			     h->name, h->conf.host);
	else if (h->conf_known && !h->conf.host && h->info.hostname &&
		 strcmp(h->info.hostname, h->name) != 0)
		check_warn(r,
			   "is the address right, in novahaul.conf, DNS or "
			   "/etc/hosts?",
			   "the machine that answers as %s calls itself %s",
			   h->name, h->info.hostname);
	if (llabs((long long)h->skew_us) > 2000000)
		check_warn(r,
			   "set its clock: Nova ages files and services by "
			   "it",
			   "the clock of %s differs by %.1f s", h->name,
			   (double)h->skew_us / 1e6);
}

static void same_kind(const struct facts *f, struct check_report *r)
{
	const struct db_host *s = &f->host[SRC_HOST].db;
	const struct db_host *d = &f->host[DST_HOST].db;
	static const char *const hint =
		"pick a target with the same hypervisor and architecture";

	if (s->hypervisor_type && d->hypervisor_type &&
	    strcmp(s->hypervisor_type, d->hypervisor_type) != 0)
		check_refuse(r, hint, "%s runs %s, %s runs %s", s->host,
			     s->hypervisor_type, d->host, d->hypervisor_type);
	if (s->cpu_arch && d->cpu_arch && strcmp(s->cpu_arch, d->cpu_arch) != 0)
		check_refuse(r, hint, "%s is %s, %s is %s", s->host,
			     s->cpu_arch, d->host, d->cpu_arch);
}

static void hosts_run(const struct facts *f, const struct check_opts *o,
		      struct check_report *r)
{
	(void)o;
	one_host(f, &f->host[SRC_HOST], r);
	one_host(f, &f->host[DST_HOST], r);
	if (f->host[SRC_HOST].db_err.kind != ERR_NONE)
		check_refuse(r, f->host[SRC_HOST].db_err.hint, "source: %s",
			     err_msg(&f->host[SRC_HOST].db_err));
	same_kind(f, r);
}

const struct check chk_hosts = {"hosts", "both hosts answer", hosts_run};

/* On a dead host's disks, of a job that Nova's row knows nothing of: it was
 * rolled back without its source.  The lock there is what counts: the files of
 * a host that is off hold nobody up. */
static bool is_over(const struct facts *f, int s, const char *job)
{
	const struct db_instance *i = &f->srv.inst;
	char holder[DB_TOKEN_MAX];
	unsigned epoch;

	return f->dead && s == SRC_HOST &&
	       !(i->locked && db_token_parse(i->reason, holder, &epoch) &&
		 !strcmp(holder, job));
}

static void say_over(const struct fact_host *h, struct check_report *r)
{
	AUTO(mem_freep)
	char *hint =
		mem_printf("novahaul audit --fix %s when it is back", h->name);

	check_warn(r, hint,
		   "the disks of %s have a lease of job %s, which is "
		   "over",
		   h->name, h->lease.job);
}

static void lease_run(const struct facts *f, const struct check_opts *o,
		      struct check_report *r)
{
	(void)o;
	for (int s = SRC_HOST; s <= DST_HOST; s++) {
		const struct fact_host *h = &f->host[s];
		AUTO(mem_freep) char *hint = NULL;

		if (!known(h) || h->lease.state != LEASE_HELD)
			continue;
		if (is_over(f, s, h->lease.job)) {
			say_over(h, r);
			continue;
		}
		hint = mem_printf("novahaul resume %s, or novahaul rollback "
				  "%s; without its journal: novahaul audit "
				  "--fix",
				  h->lease.job, h->lease.job);
		check_say(r, CHECK_LOCKED, hint, "job %s holds it on %s (%s)%s",
			  h->lease.job, h->name,
			  h->lease.owner ? h->lease.owner : "?",
			  h->lease.attended ? ", and is running" : "");
	}
}

const struct check chk_lease = {"lease", "no other job holds it", lease_run};

/* ---- nova.conf of both (ledger-host 5) */

static void differ(const struct facts *f, struct check_report *r,
		   const char *option, const char *a, const char *b,
		   const char *why)
{
	if (!strcmp(a, b))
		return;
	check_refuse(r, "make the two configurations agree",
		     "%s is '%s' on %s and '%s' on %s: %s", option, a,
		     f->host[SRC_HOST].name, b, f->host[DST_HOST].name, why);
}

static bool no_files(const char *images_type)
{
	return !strcmp(images_type, "rbd") || !strcmp(images_type, "lvm") ||
	       !strcmp(images_type, "ploop");
}

/* What a dead host's nova.conf said is not known: the target's must fit. */
static void dead_config(const struct fact_host *d, struct check_report *r)
{
	if (no_files(d->conf.images_type))
		check_refuse(r, "pick a target that keeps its disks in files",
			     "images_type is %s on %s", d->conf.images_type,
			     d->name);
}

static void config_run(const struct facts *f, const struct check_opts *o,
		       struct check_report *r)
{
	const struct fact_host *s = &f->host[SRC_HOST];
	const struct fact_host *d = &f->host[DST_HOST];

	(void)o;
	if (!known(s) || !known(d))
		return;
	for (int k = f->dead ? DST_HOST : SRC_HOST; k <= DST_HOST; k++)
		if (!f->host[k].conf_known)
			check_warn(r,
				   "name instances_path and the users in "
				   "novahaul.conf",
				   "nova.conf of %s: %s", f->host[k].name,
				   err_msg(&f->host[k].conf_err));
	if (f->dead && d->conf_known)
		dead_config(d, r);
	if (!s->conf_known || !d->conf_known)
		return;
	differ(f, r, "config_drive_format", s->conf.config_drive_format,
	       d->conf.config_drive_format,
	       "the target's would decide how the config drive is attached");
	differ(f, r, "images_type", s->conf.images_type, d->conf.images_type,
	       "the target's backend would misread the disks");
	if (s->conf.use_cow_images != d->conf.use_cow_images)
		differ(f, r, "use_cow_images",
		       s->conf.use_cow_images ? "true" : "false",
		       d->conf.use_cow_images ? "true" : "false",
		       "a raw disk would be read as qcow2, whose header the "
		       "guest can write");
	if (d->conf.instance_name_template) {
		AUTO(mem_freep)
		char *name = novaconf_instance_name(
			&d->conf, (long long)f->srv.inst.id, f->srv.inst.uuid);

		if (name && f->domain_name)
			differ(f, r, "instance_name_template", f->domain_name,
			       name,
			       "the target's Nova would not know the domain");
	}
	if (no_files(s->conf.images_type))
		check_refuse(r,
			     !f->dead ? "openstack server migrate"
			     : !strcmp(s->conf.images_type, "rbd")
				     ? "openstack server evacuate: its disks "
				       "are not on the dead host"
				     : NULL,
			     "images_type %s is not moved yet",
			     s->conf.images_type);
	if (d->conf.force_config_drive && !s->conf.force_config_drive &&
	    !(f->srv.inst.config_drive && *f->srv.inst.config_drive))
		check_warn(r, NULL,
			   "force_config_drive is set on %s: up to Stein its "
			   "Nova will look for a config drive that this "
			   "instance never had",
			   d->name);
}

const struct check chk_config = {
	"config", "both hosts' nova.conf treat the disks alike", config_run};

static void users_run(const struct facts *f, const struct check_opts *o,
		      struct check_report *r)
{
	const struct fact_host *d = &f->host[DST_HOST];

	(void)o;
	if (!known(d))
		return;
	if (!d->nova_user || !d->nova_group)
		check_refuse(r,
			     "name them in novahaul.conf, [host:NAME] "
			     "nova_user, nova_group",
			     "%s has no user or group 'nova'", d->name);
	if (!d->qemu_user)
		check_warn(r, "name it in novahaul.conf, [host:NAME] qemu_user",
			   "%s has none of the usual QEMU users", d->name);
}

const struct check chk_users = {
	"users", "the owners of the files exist on the target", users_run};

/* ---- storage */

static bool network_fs(const char *t)
{
	static const char *const shared[] = {
		"nfs",	"nfs4",	 "ceph",   "cephfs",	     "glusterfs",
		"gfs2", "ocfs2", "lustre", "fuse.glusterfs",
	};

	for (size_t i = 0; t && i < ARRAY_SIZE(shared); i++)
		if (!strcmp(t, shared[i]))
			return true;
	return false;
}

/* One kernel, one inode: both names lead to one place, and the copy would meet
 * its original. */
static bool same_place(const struct fact_host *a, const struct fact_host *b)
{
	return a->info.boot_id && b->info.boot_id &&
	       !strcmp(a->info.boot_id, b->info.boot_id) && a->path_ino &&
	       a->path_ino == b->path_ino && a->path_dev == b->path_dev;
}

/* A dead host's disks are where the operator says. */
static const char *path_hint(const struct facts *f, int s)
{
	return f->dead && s == SRC_HOST
		       ? "novahaul rescue HOST --disks [HOST:]/PATH --list "
			 "shows what is there"
		       : "is instances_path right in nova.conf?";
}

static void storage_run(const struct facts *f, const struct check_opts *o,
			struct check_report *r)
{
	(void)o;
	if (same_place(&f->host[SRC_HOST], &f->host[DST_HOST]))
		check_refuse(r,
			     "are both names one machine? look at the "
			     "addresses in novahaul.conf",
			     "instances_path of %s and of %s are one directory",
			     f->host[SRC_HOST].name, f->host[DST_HOST].name);
	for (int s = SRC_HOST; s <= DST_HOST; s++) {
		const struct fact_host *h = &f->host[s];

		if (!known(h))
			continue;
		if (h->path_err.kind != ERR_NONE) {
			check_refuse(r, path_hint(f, s), "%s: %s: %s", h->name,
				     h->instances_path ? h->instances_path
						       : "instances_path",
				     err_msg(&h->path_err));
			continue;
		}
		/* Only read, wherever that is. */
		if (f->dead && s == SRC_HOST)
			continue;
		if (network_fs(h->fs.fstype))
			check_refuse(
				r,
				f->dead ? "on shared storage nothing needs "
					  "copying: openstack server evacuate "
					  "finds the disks there"
					: "on shared storage nothing needs "
					  "copying: openstack server migrate, "
					  "or live-migrate",
				"%s on %s is %s, perhaps shared by both "
				"hosts: copying could overwrite the "
				"original; not moved yet",
				h->instances_path, h->name, h->fs.fstype);
		if (h->fs.readonly)
			check_refuse(r, "remount it read-write",
				     "%s on %s is mounted read-only",
				     h->instances_path, h->name);
	}
}

const struct check chk_storage = {
	"storage", "instances_path is local and writable on both", storage_run};

static void leftovers_run(const struct facts *f, const struct check_opts *o,
			  struct check_report *r)
{
	const struct fact_host *s = &f->host[SRC_HOST];
	const struct fact_host *d = &f->host[DST_HOST];
	const char *u = f->srv.inst.uuid;
	static const char *const hint =
		"find out whose it is; it may be the only copy of something";

	(void)o;
	if (known(d) && d->dir != HOST_NONE)
		check_refuse(r, hint, "%s has a directory %s already", d->name,
			     u);
	if (known(d) && d->dir_legacy != HOST_NONE)
		check_refuse(r, hint, "%s has a directory %s already", d->name,
			     f->domain_name);
	for (size_t i = 0; i < f->strays.n; i++)
		check_refuse(r, hint, "%s has %s already", f->to,
			     f->strays.v[i]);
	for (int k = SRC_HOST; k <= DST_HOST; k++) {
		const struct fact_host *h = &f->host[k];

		if (known(h) && h->dir_resize != HOST_NONE)
			check_refuse(r, "confirm or revert the resize first",
				     "%s has %s_resize", h->name, u);
		if (known(h) && h->dir_del != HOST_NONE)
			check_refuse(r, hint,
				     "%s has %s_del: a delete of "
				     "Nova's that is not over",
				     h->name, u);
	}
	if (known(s) && s->path_err.kind == ERR_NONE && s->dir != HOST_DIR)
		check_refuse(
			r,
			s->dir_legacy == HOST_DIR
				? "it is named after the domain, as before "
				  "Grizzly: rename it to the uuid first"
				: path_hint(f, SRC_HOST),
			"%s has no directory %s in %s", s->name, u,
			s->instances_path);
}

const struct check chk_leftovers = {
	"leftovers", "nothing of it is on the target yet", leftovers_run};

/* ---- space */

static uint64_t room_of(const struct fact_host *d, const struct host_stat *st)
{
	bool whole = d->trial.punch == HOST_CAN_NOT ||
		     d->trial.holes == HOST_CAN_NOT;

	return whole && st->size > st->blocks * 512 ? st->size
						    : st->blocks * 512;
}

static void space_run(const struct facts *f, const struct check_opts *o,
		      struct check_report *r)
{
	const struct fact_host *d = &f->host[DST_HOST];
	uint64_t need = o->scratch ? o->scratch : 64 * MiB;
	uint64_t virt = 0;

	if (!known(d) || d->path_err.kind != ERR_NONE)
		return;
	for (size_t i = 0; i < f->n_files; i++) {
		need += room_of(d, &f->files[i].st);
		virt += f->files[i].st.size;
	}
	for (size_t i = 0; i < f->n_bases; i++)
		if (f->bases[i].dst.type == HOST_NONE)
			need += room_of(d, &f->bases[i].src);
	if (d->trial.quota && d->trial.quota_left < need)
		check_refuse(r, "raise the quota, or pick another target",
			     "a quota on %s leaves %llu MiB in %s, the copy "
			     "needs %llu MiB",
			     d->name,
			     (unsigned long long)(d->trial.quota_left / MiB),
			     d->instances_path,
			     (unsigned long long)(need / MiB + 1));
	if (d->fs.avail < need)
		check_refuse(r, "free space there, or pick another target",
			     "%s has %llu MiB free in %s, the copy needs %llu "
			     "MiB",
			     d->name, (unsigned long long)(d->fs.avail / MiB),
			     d->instances_path,
			     (unsigned long long)(need / MiB + 1));
	else if (d->fs.avail < virt)
		check_warn(r, NULL,
			   "%s has less free than the disks may grow to",
			   d->name);
	if (d->fs.inodes && d->fs.inodes_free < f->n_files + 64)
		check_refuse(r,
			     "remove what is not needed there, or pick another "
			     "target",
			     "%s is out of inodes in %s", d->name,
			     d->instances_path);
	if (d->db_err.kind == ERR_NONE && d->db.memory_mb > 0 &&
	    d->db.memory_mb_used + f->srv.inst.memory_mb > d->db.memory_mb)
		check_warn(r, NULL,
			   "%s has %lld MB of memory, %lld are taken and the "
			   "guest wants %lld",
			   d->name, (long long)d->db.memory_mb,
			   (long long)d->db.memory_mb_used,
			   (long long)f->srv.inst.memory_mb);
}

const struct check chk_space = {"space", "the target has room", space_run};
