/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fix-domain, fix-directory: what a server has left on a host that is not its
 * own.  Nothing is deleted: the definition is kept in the journal, NVRAM and
 * vTPM state stay where they are, the directory goes to .novahaul/<job>/left.
 *
 * Only while the server's own host has its directory, with something in it;
 * while nothing of it runs here; and under its lease on this host.
 */
#include <string.h>

#include "engine/step.h"
#include "steps/fix.h"

#define LEFT "left"

/* The host of the finding, under the lease of this job. */
struct held {
	struct purge_host h;
	const struct purge_reach *reach;
	const char *uuid;
	bool leased;
};

static void held_clear(struct held *x)
{
	struct host_release r = {
		.root = x->h.instances_path, .uuid = x->uuid, .forget = true};
	struct err ignored = ERR_INIT;

	if (x->leased)
		host_lease_release(x->h.host, &r, &ignored);
	if (x->reach)
		x->reach->close(&x->h);
	err_clear(&ignored);
}

static int hold(struct step_ctx *c, struct held *x, struct err *e)
{
	struct fix_world *w = fix_w(c);
	struct host_claim cl = {.job = step_job(c),
				.owner = w->owner,
				.session = w->session,
				.force = true};

	x->reach = &w->reach;
	x->uuid = fix_param(c, "server");
	if (w->reach.open(w->reach.arg, fix_param(c, "host"), &x->h, e))
		return -1;
	cl.root = x->h.instances_path;
	cl.uuid = x->uuid;
	if (host_claim_all(&x->h.host, 1, &cl, e))
		return -1;
	x->leased = true;
	return 0;
}

/* The server's own host has its files. */
static int home_has(struct step_ctx *c, struct err *e)
{
	const struct purge_reach *r = &fix_w(c)->reach;
	const char *home = fix_param(c, "home");
	const char *uuid = fix_param(c, "server");
	AUTO(host_list_clear) struct host_list l = {0};
	struct purge_host h = {0};
	struct host_list_opts o = {.path.rel = uuid};
	int rc = r->open(r->arg, home, &h, e);

	o.path.root = h.instances_path;
	if (!rc)
		rc = host_list(h.host, &o, &l, e);
	if (!rc && !l.n)
		rc = err_set(e, ERR_REFUSED, "it has no files on %s", home);
	r->close(&h);
	return rc;
}

static int nothing_runs(const struct held *x, struct err *e)
{
	struct host_scan_opts o = {.uuid = x->uuid};
	AUTO(host_scan_clear) struct host_scan s = {0};

	if (host_scan(x->h.host, &o, &s, e))
		return -1;
	for (size_t i = 0; i < s.nprocs; i++)
		if (!s.procs[i].ours)
			return err_set(e, ERR_REFUSED,
				       "process %u (%s) on %s is about it",
				       s.procs[i].pid, s.procs[i].comm,
				       x->h.host->name);
	return 0;
}

/* Is it somewhere else, at rest, and is nothing of it in use here? */
static int may_take(struct step_ctx *c, const struct held *x, struct err *e)
{
	if (!strcmp(fix_param(c, "host"), fix_param(c, "home")))
		return err_set(e, ERR_BUG, "a fix of the server's own host");
	return fix_idle(c, e) || home_has(c, e) || nothing_runs(x, e) ? -1 : 0;
}

/* ---- fix-domain */

static int take_xml(struct step_ctx *c, const struct held *x, struct err *e)
{
	AUTO(buf_clear) struct buf xml = BUF_INIT;
	struct virt_flags f = {0};

	if (virt_flags(x->h.virt, x->uuid, &f, e) ||
	    virt_dumpxml(x->h.virt, x->uuid, true, &xml, e))
		return -1;
	return step_record_once(c, "before",
				json_pack("{s:s, s:b}", "xml", buf_str(&xml),
					  "autostart", f.autostart),
				e);
}

static int domain_run(struct step_ctx *c, struct err *e)
{
	AUTO(held_clear) struct held x = {.leased = false};
	struct virt_status st = {0};

	if (hold(c, &x, e) || may_take(c, &x, e) ||
	    virt_state(x.h.virt, x.uuid, &st, e))
		return -1;
	if (st.state == VIRT_ABSENT)
		return 0;
	if (st.state != VIRT_SHUTOFF)
		return err_set(e, ERR_REFUSED, "its domain on %s is %s",
			       x.h.host->name, virt_state_name(st.state));
	if (take_xml(c, &x, e))
		return -1;
	return virt_undefine(x.h.virt, x.uuid, false, e);
}

static int domain_state(struct step_ctx *c, enum virt_state *out, struct err *e)
{
	const struct purge_reach *r = &fix_w(c)->reach;
	struct virt_status st = {0};
	struct purge_host h = {0};
	int rc = r->open(r->arg, fix_param(c, "host"), &h, e);

	if (!rc)
		rc = virt_state(h.virt, fix_param(c, "server"), &st, e);
	*out = st.state;
	r->close(&h);
	return rc;
}

static int domain_probe(struct step_ctx *c, enum step_state *state,
			struct err *e)
{
	enum virt_state v;

	*state = STEP_NOT_DONE;
	if (!step_recall(c, "before"))
		return 0;
	if (domain_state(c, &v, e))
		return -1;
	*state = v == VIRT_ABSENT ? STEP_DONE : STEP_NOT_DONE;
	return 0;
}

/* States: never taken; still or again defined; undefined. */
static int domain_undo(struct step_ctx *c, struct err *e)
{
	const json_t *before = step_recall(c, "before");
	AUTO(held_clear) struct held x = {.leased = false};
	struct virt_status st = {0};

	if (!before)
		return 0;
	if (hold(c, &x, e) || virt_state(x.h.virt, x.uuid, &st, e))
		return -1;
	if (st.state != VIRT_ABSENT)
		return 0;
	if (virt_define(x.h.virt, x.uuid,
			json_string_value(json_object_get(before, "xml")), e))
		return -1;
	return json_is_true(json_object_get(before, "autostart"))
		       ? virt_autostart(x.h.virt, x.uuid, true, e)
		       : 0;
}

const struct step step_fix_domain = {
	.name = "fix-domain",
	.summary = "undefine a domain that was left, keeping NVRAM",
	.mutates = true,
	.probe = domain_probe,
	.run = domain_run,
	.undo = domain_undo,
};

/* ---- fix-directory */

static int type_of(const struct purge_host *h, const char *rel,
		   enum host_type *t, struct err *e)
{
	AUTO(host_stat_clear) struct host_stat st = {0};

	if (host_stat(h->host, HOST_PATH(h->instances_path, rel), &st, e))
		return -1;
	*t = st.type;
	return 0;
}

static char *place(const struct step_ctx *c)
{
	return mem_printf(".novahaul/%s/" LEFT, step_job(c));
}

/* With a domain here its disks are in use, or may be any moment. */
static int no_domain(const struct held *x, struct err *e)
{
	struct virt_status st = {0};

	if (virt_state(x->h.virt, x->uuid, &st, e))
		return -1;
	return st.state == VIRT_ABSENT
		       ? 0
		       : err_set(e, ERR_REFUSED, "it is defined on %s",
				 x->h.host->name);
}

/* On a share it may be the server's own, and the only one. */
static int own_files(const struct held *x, struct err *e)
{
	AUTO(host_statfs_clear) struct host_statfs fs = {0};

	if (host_statfs(x->h.host, HOST_PATH(x->h.instances_path, "."), &fs, e))
		return -1;
	if (host_statfs_own(&fs))
		return 0;
	return err_set(e, ERR_REFUSED,
		       "instances_path of %s is on %s: the directory may be "
		       "the one that the server uses",
		       x->h.host->name, fs.fstype ? fs.fstype : "?");
}

static int put_away(struct step_ctx *c, const struct held *x, struct err *e)
{
	AUTO(mem_freep) char *to = place(c);
	AUTO(mem_freep) char *dir = mem_printf(".novahaul/%s", step_job(c));
	const char *root = x->h.instances_path;
	struct host_mkdir mk = {.path = HOST_PATH(root, dir), .parents = true};
	struct host_rename mv = {.from = HOST_PATH(root, x->uuid),
				 .to = HOST_PATH(root, to)};

	if (step_record_once(c, "before", json_string(to), e) ||
	    host_mkdir(x->h.host, &mk, e))
		return -1;
	return host_rename(x->h.host, &mv, e);
}

static int directory_run(struct step_ctx *c, struct err *e)
{
	AUTO(held_clear) struct held x = {.leased = false};
	enum host_type t;

	if (hold(c, &x, e) || may_take(c, &x, e) || no_domain(&x, e) ||
	    own_files(&x, e) || type_of(&x.h, x.uuid, &t, e))
		return -1;
	return t == HOST_NONE ? 0 : put_away(c, &x, e);
}

static int directory_probe(struct step_ctx *c, enum step_state *state,
			   struct err *e)
{
	const struct purge_reach *r = &fix_w(c)->reach;
	AUTO(mem_freep) char *to = place(c);
	struct purge_host h = {0};
	enum host_type t = HOST_NONE;
	int rc;

	*state = STEP_NOT_DONE;
	if (!step_recall(c, "before"))
		return 0;
	rc = r->open(r->arg, fix_param(c, "host"), &h, e);
	if (!rc)
		rc = type_of(&h, to, &t, e);
	r->close(&h);
	if (t != HOST_NONE)
		*state = STEP_DONE;
	return rc;
}

/* States: never taken; put away; put away, and another made since under its
 * name, which is refused; back. */
static int directory_undo(struct step_ctx *c, struct err *e)
{
	AUTO(held_clear) struct held x = {.leased = false};
	AUTO(mem_freep) char *from = place(c);
	AUTO(mem_freep) char *dir = mem_printf(".novahaul/%s", step_job(c));
	struct host_rename mv;
	struct host_unlink rm;
	enum host_type t, now;

	if (!step_recall(c, "before"))
		return 0;
	if (hold(c, &x, e) || type_of(&x.h, from, &t, e) ||
	    type_of(&x.h, x.uuid, &now, e))
		return -1;
	if (t != HOST_NONE && now != HOST_NONE)
		return err_set(e, ERR_REFUSED, "%s has another %s/%s by now",
			       x.h.host->name, x.h.instances_path, x.uuid);
	mv = (struct host_rename){.from = HOST_PATH(x.h.instances_path, from),
				  .to = HOST_PATH(x.h.instances_path, x.uuid)};
	rm = (struct host_unlink){.path = HOST_PATH(x.h.instances_path, dir),
				  .dir = true,
				  .missing = true};
	if (t != HOST_NONE && host_rename(x.h.host, &mv, e))
		return -1;
	return host_unlink(x.h.host, &rm, e);
}

const struct step step_fix_directory = {
	.name = "fix-directory",
	.summary = "put away a directory that was left",
	.mutates = true,
	.probe = directory_probe,
	.run = directory_run,
	.undo = directory_undo,
};
