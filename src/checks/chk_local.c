/* SPDX-License-Identifier: Apache-2.0 */
/* What each host is by itself: its libvirt's settings, its file system, what it
 * does with guests when it boots (state-ledger 5). */
#include <string.h>

#include "checks/checks.h"

static bool known(const struct fact_host *h)
{
	return h->down.kind == ERR_NONE && h->name;
}

static bool both_known(const struct facts *f)
{
	return known(&f->host[SRC_HOST]) && known(&f->host[DST_HOST]);
}

/* ---- libvirt's settings */

/* Owners are never set by libvirt then: a neighbour's are the only truth. */
static void ownership(const struct fact_host *d, struct check_report *r)
{
	if (d->qemu.dynamic_ownership != HOSTCONF_OFF || d->n_seen)
		return;
	check_refuse(r,
		     "start a guest there once through Nova: its files show "
		     "the owners",
		     "dynamic_ownership is off in qemu.conf of %s, and no "
		     "guest there shows who must own the disks",
		     d->name);
}

static const char *word(const char *s, const char *other)
{
	return s ? s : other;
}

static void locks(const struct fact_host *s, const struct fact_host *d,
		  struct check_report *r)
{
	const char *a = word(s->qemu.lock_manager, "nop");
	const char *b = word(d->qemu.lock_manager, "nop");

	if (s->qemu.known && d->qemu.known && strcmp(a, b) != 0)
		check_warn(r, "make the two qemu.conf agree",
			   "lock_manager is %s on %s and %s on %s", a, s->name,
			   b, d->name);
}

static void confinement(const struct fact_host *s, const struct fact_host *d,
			struct check_report *r)
{
	if (!s->caps || !d->caps)
		return;
	for (size_t i = 0; i < s->caps->secmodels.n; i++) {
		const char *m = s->caps->secmodels.v[i];

		if (!strv_has(&d->caps->secmodels, m))
			check_warn(r, "make security_driver in qemu.conf agree",
				   "%s confines its guests with %s, %s does "
				   "not",
				   s->name, m, d->name);
	}
}

static bool starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

/* virt-aa-helper of libvirt 9.0.0 may look below these for backing files. */
static bool aa_knows(const char *path)
{
	static const char *const ok[] = {"/var/lib/nova/instances", "/media/",
					 "/mnt/", "/opt/", "/srv/"};

	for (size_t i = 0; i < ARRAY_SIZE(ok); i++)
		if (starts(path, ok[i]))
			return true;
	return false;
}

static void apparmor(const struct fact_host *d, struct check_report *r)
{
	if (!d->caps || !strv_has(&d->caps->secmodels, "apparmor") ||
	    !d->instances_path || aa_knows(d->instances_path) || d->n_seen)
		return;
	check_warn(r,
		   "allow it in /etc/apparmor.d/local/"
		   "usr.lib.libvirt.virt-aa-helper",
		   "AppArmor on %s may keep QEMU from %s, and no guest there "
		   "shows that it does not",
		   d->name, d->instances_path);
}

static void security_run(const struct facts *f, const struct check_opts *o,
			 struct check_report *r)
{
	const struct fact_host *s = &f->host[SRC_HOST];
	const struct fact_host *d = &f->host[DST_HOST];

	(void)o;
	if (!both_known(f))
		return;
	ownership(d, r);
	confinement(s, d, r);
	apparmor(d, r);
	locks(s, d, r);
	if (d->qemu.remember_owner == HOSTCONF_OFF &&
	    s->qemu.remember_owner != HOSTCONF_OFF)
		check_warn(r, NULL,
			   "remember_owner is off on %s: the disks of a "
			   "stopped guest become root's there",
			   d->name);
}

const struct check chk_security = {
	"security", "libvirt may open the disks there, and confines alike",
	security_run};

/* ---- at boot */

static void boot_run(const struct facts *f, const struct check_opts *o,
		     struct check_report *r)
{
	(void)o;
	for (int k = SRC_HOST; k <= DST_HOST; k++) {
		const struct fact_host *h = &f->host[k];

		if (known(h) && h->guests_boot == HOSTCONF_BOOT_START)
			check_warn(r,
				   "ON_BOOT=ignore in /etc/default/"
				   "libvirt-guests or /etc/sysconfig/"
				   "libvirt-guests: Nova starts its guests "
				   "itself",
				   "libvirt-guests starts guests when %s "
				   "boots, whatever Nova's database says",
				   h->name);
	}
}

const struct check chk_boot = {
	"boot", "no host starts guests behind Nova's back", boot_run};

/* ---- file system */

/* QEMU opens these with O_DIRECT and does not start where it cannot; libvirt's
 * XML is kept as it is, while Nova would choose another cache mode. */
static const char *needs_direct(const struct domain *d)
{
	for (size_t i = 0; d && i < d->n_disks; i++) {
		const struct domain_disk *k = &d->disks[i];

		if (!k->source || (k->type && strcmp(k->type, "file") != 0))
			continue;
		if (k->cache && (!strcmp(k->cache, "none") ||
				 !strcmp(k->cache, "directsync")))
			return k->dev ? k->dev : k->source;
	}
	return NULL;
}

static void filesystem_run(const struct facts *f, const struct check_opts *o,
			   struct check_report *r)
{
	const struct fact_host *d = &f->host[DST_HOST];
	const char *dev = needs_direct(f->dom);

	(void)o;
	if (!known(d) || d->path_err.kind != ERR_NONE)
		return;
	if (dev && d->trial.direct == HOST_CAN_NOT)
		check_refuse(r,
			     f->dead ? "pick a target with another file system "
				       "there"
				     : "pick a target with another file system "
				       "there, or openstack server migrate: "
				       "Nova then chooses the cache mode anew",
			     "%s is attached with direct I/O, which %s on %s "
			     "(%s) cannot do: QEMU would not start",
			     dev, d->instances_path, d->name,
			     word(d->fs.fstype, "?"));
	if (d->trial.punch == HOST_CAN_NOT || d->trial.holes == HOST_CAN_NOT)
		check_warn(r, NULL,
			   "%s on %s (%s) keeps no holes: the disks will take "
			   "their whole size",
			   d->instances_path, d->name, word(d->fs.fstype, "?"));
	if (d->trial.quota_unknown)
		check_warn(r, "repquota, or xfs_quota, tells",
			   "there may be a quota on %s of %s, which cannot be "
			   "read",
			   d->instances_path, d->name);
}

const struct check chk_filesystem = {
	"filesystem", "the target's file system serves as the source's",
	filesystem_run};

/* ---- ephemeral backing images and Nova's sweeper */

static bool ephemeral(const struct fact_base *b)
{
	return image_base_name_of(b->name).kind == IMAGE_BASE_EPHEMERAL;
}

/* nova/virt/imagecache.py:_list_running_instances since 23.0.0 predicts the
 * name of an ephemeral disk's base from the host's default_ephemeral_format; a
 * base of another name is deleted after a day, though a disk needs it. */
static void ephemeral_run(const struct facts *f, const struct check_opts *o,
			  struct check_report *r)
{
	const struct novaconf *s = &f->host[SRC_HOST].conf;
	const struct novaconf *d = &f->host[DST_HOST].conf;
	const char *a = word(s->default_ephemeral_format, "");
	const char *b = word(d->default_ephemeral_format, "");

	(void)o;
	if (!facts_since(f, "wallaby"))
		return;
	for (size_t i = 0; i < f->n_bases; i++) {
		const struct fact_base *q = &f->bases[i];

		if (ephemeral(q) && f->host[SRC_HOST].conf_known &&
		    f->host[DST_HOST].conf_known && strcmp(a, b) != 0)
			check_refuse(r,
				     "make default_ephemeral_format in both "
				     "nova.conf agree",
				     "default_ephemeral_format is '%s' on %s "
				     "and '%s' on %s: Nova there would take %s "
				     "for unused, and delete it after a day",
				     a, f->host[SRC_HOST].name, b,
				     f->host[DST_HOST].name, q->name);
	}
}

const struct check chk_ephemeral = {
	"ephemeral", "the target's Nova will know its ephemeral base images",
	ephemeral_run};
