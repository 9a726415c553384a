/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/fs.h"
#include "core/uuid.h"
#include "image/image.h"
#include "join/join.h"
#include "steps/fix.h"
#include "transfer/transfer.h"

static const struct step *const *the_steps(void)
{
	return steps_table;
}

static const struct step *const *fix_steps(void)
{
	return fix_table;
}

static int answers(struct app *a, const char *host, struct err *e)
{
	struct host *h = join_host_open(a->config, host, e);

	host_close(h);
	return h ? 0 : -1;
}

const struct app_ops join_ops = {
	.journal_store = join_journal_store,
	.world_open = join_world_open,
	.world_close = join_world_close,
	.steps = the_steps,
	.look = world_look,
	.enter = world_enter,
	.regain = regain_job,
	.leave = world_leave,
	.mirror = world_mirror,
	.tick = world_tick,
	.facts_read = join_facts_read,
	.fleet_read = join_fleet_read,
	.inventory = join_inventory,
	.purge_look = join_purge_look,
	.purge_remove = join_purge_remove,
	.manifests = join_manifests,
	.audit_read = join_audit_read,
	.fix_open = join_fix_open,
	.fix_close = join_fix_close,
	.fix_steps = fix_steps,
	.traces = join_traces,
	.sweep = join_sweep,
	.answers = answers,
	.service_get = join_service_get,
	.service_set = join_service_set,
	.host_servers = join_host_servers,
	.server_state = join_server_state,
	.image_info = join_image_info,
	.readmit_look = join_readmit_look,
	.fence_look = join_fence_look,
	.sql_list = join_sql_list,
};

/* ---- manifests */

static json_t *one_manifest(struct host *h, const char *root, const char *job,
			    struct err *e)
{
	AUTO(mem_freep)
	char *rel = mem_printf(".novahaul/%s/manifest.json", job);
	AUTO(mem_freep) char *done = mem_printf(".novahaul/%s/closed", job);
	AUTO(host_stat_clear) struct host_stat st = {0};
	AUTO(host_stat_clear) struct host_stat closed = {0};
	AUTO(buf_clear) struct buf text = BUF_INIT;

	if (host_stat(h, HOST_PATH(root, rel), &st, e) ||
	    host_stat(h, HOST_PATH(root, done), &closed, e))
		return NULL;
	if (st.type == HOST_FILE &&
	    host_read(h, &(struct host_read){.path = HOST_PATH(root, rel)},
		      &text, e))
		return NULL;
	return json_pack("{s:s, s:s, s:b, s:s}", "host", h->name, "job", job,
			 "closed", closed.type == HOST_FILE, "text",
			 buf_str(&text));
}

static const json_t *manifest_of(const json_t *list, const char *job)
{
	const json_t *m;
	size_t i;

	json_array_foreach (list, i, m)
		if (!strcmp(json_string_value(json_object_get(m, "job")), job))
			return m;
	return NULL;
}

/* A lease without a manifest: a claim that was cut before it wrote one, or the
 * undo of a claim after it had removed it. */
static int list_leases(struct host *h, const char *root, json_t *out,
		       struct err *e)
{
	AUTO(host_stat_clear) struct host_stat st = {0};
	AUTO(host_list_clear) struct host_list l = {0};
	struct host_path dir = HOST_PATH(root, ".novahaul/leases");

	if (host_stat(h, dir, &st, e))
		return -1;
	if (st.type != HOST_DIR)
		return 0;
	if (host_list(h, &(struct host_list_opts){.path = dir}, &l, e))
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		struct host_lease_ref r = {root, l.v[i].rel};
		AUTO(host_lease_clear) struct host_lease lease = {0};

		if (!uuid_valid(l.v[i].rel))
			continue;
		if (host_lease_read(h, &r, &lease, e))
			return -1;
		if (lease.state != LEASE_HELD || manifest_of(out, lease.job))
			continue;
		json_array_append_new(
			out, json_pack("{s:s, s:s, s:b, s:s, s:s}", "host",
				       h->name, "job", lease.job, "closed",
				       false, "text", "", "server", r.uuid));
	}
	return 0;
}

static int list_manifests(struct host *h, const char *root, json_t *out,
			  struct err *e)
{
	AUTO(host_stat_clear) struct host_stat st = {0};
	AUTO(host_list_clear) struct host_list l = {0};

	if (host_stat(h, HOST_PATH(root, ".novahaul"), &st, e))
		return -1;
	if (st.type != HOST_DIR)
		return 0;
	if (host_list(h,
		      &(struct host_list_opts){
			      .path = HOST_PATH(root, ".novahaul")},
		      &l, e))
		return -1;
	for (size_t i = 0; i < l.n; i++) {
		json_t *m;

		if (l.v[i].st.type != HOST_DIR ||
		    strncmp(l.v[i].rel, "j-", 2) != 0)
			continue;
		m = one_manifest(h, root, l.v[i].rel, e);
		if (!m)
			return -1;
		/* an empty directory is its lease's matter */
		if (*json_string_value(json_object_get(m, "text")))
			json_array_append_new(out, m);
		else
			json_decref(m);
	}
	return list_leases(h, root, out, e);
}

int join_manifests(struct app *a, const char *host, json_t **out, struct err *e)
{
	struct host *h = join_host_open(a->config, host, e);
	AUTO(mem_freep) char *root = NULL;
	int rc = -1;

	if (!h)
		return -1;
	*out = json_array();
	root = join_instances_path(a->config, h, e);
	if (root)
		rc = list_manifests(h, root, *out, e);
	host_close(h);
	if (rc) {
		json_decref(*out);
		*out = NULL;
	}
	return rc;
}

/* ---- sweeping */

static json_int_t index_of(const json_t *doc, const char *step)
{
	const json_t *s;
	size_t i;

	json_array_foreach (json_object_get(doc, "steps"), i, s) {
		const char *name =
			json_string_value(json_object_get(s, "name"));

		if (name && !strcmp(name, step))
			return (json_int_t)i;
	}
	return -1;
}

/* Did the job come as far as to put something in its place?  That is recorded
 * on this host before the first rename, and after a look that nothing of those
 * names was there. */
static bool had_installed(const json_t *doc)
{
	json_int_t idx = index_of(doc, "install");
	const json_t *r;
	size_t i;

	json_array_foreach (json_object_get(doc, "records"), i, r) {
		const char *key = json_string_value(json_object_get(r, "key"));

		if (key && !strcmp(key, "intent") &&
		    json_integer_value(json_object_get(r, "idx")) == idx)
			return idx >= 0;
	}
	return false;
}

/* Nothing can start what was installed here, and Nova has it elsewhere. */
static int is_idle(struct app *a, struct host *h, const char *uuid,
		   struct err *e)
{
	struct db db = {0};
	AUTO(db_instance_clear) struct db_instance row = {0};
	struct virt *v = join_virt_open(h);
	struct virt_status st = {0};
	int rc = virt_state(v, uuid, &st, e);

	virt_free(v);
	if (rc || join_db_open(a->config, uuid, &db, e))
		return -1;
	rc = db.ops->instance(&db, uuid, &row, e);
	db_close(&db);
	if (!rc &&
	    (st.state != VIRT_ABSENT ||
	     (!row.deleted && (!row.host || !strcmp(row.host, h->name)))))
		rc = err_set(e, ERR_REFUSED,
			     "%s: instance %s is this host's, or defined here",
			     h->name, uuid);
	return rc;
}

/* What there is to sweep on a host, besides the work directory. */
struct leavings {
	bool placed;	   /* IP/<uuid> */
	struct move *move; /* its NVRAM and vTPM files; or NULL */
};

static void leavings_clear(struct leavings *l)
{
	move_free(l->move);
}

/* Where an installed file of the job lies, outside the instance directory;
 * .root is NULL for others. */
static struct host_path extra_at(const struct leavings *l, size_t i, char **rel)
{
	const struct move_file *f = &l->move->files[i];
	const struct move_side *d = &l->move->dst;

	*rel = f->root == MOVE_TPM ? mem_printf("%s/%s", l->move->uuid, f->rel)
				   : mem_strdup(f->rel);
	return HOST_PATH(f->root == MOVE_NVRAM ? d->nvram_dir
			 : f->root == MOVE_TPM ? d->tpm_dir
					       : NULL,
			 *rel);
}

/* A claim that was cut before its manifest, or undone as far as that: Nova's
 * lock comes after the manifest and goes before it, so there is the lease and
 * nothing else.  The instance's directory is then its own. */
static int lease_alone(struct host *h, const char *root, const char *job,
		       bool *yes, struct err *e)
{
	AUTO(mem_freep) char *rel = mem_printf(".novahaul/%s", job);
	AUTO(host_stat_clear) struct host_stat st = {0};
	AUTO(host_list_clear) struct host_list l = {0};
	struct host_path work = HOST_PATH(root, rel);

	if (host_stat(h, work, &st, e) ||
	    (st.type != HOST_NONE &&
	     host_list(h, &(struct host_list_opts){.path = work}, &l, e)))
		return -1;
	*yes = !l.n;
	return 0;
}

/* On the job's source the instance's directory is its own, and in its place: it
 * was rolled back when this host was off. */
static bool is_source(const json_t *doc, const struct host *h)
{
	const char *src = json_string_value(
		json_object_get(json_object_get(doc, "plan"), "source"));

	return src && !strcmp(src, h->name);
}

/* Staging may go, and what the job installed and nobody uses.  A disarmed
 * source is the instance itself; any other directory is for a person to
 * judge. */
static int may_sweep(struct app *a, struct host *h, const char *root,
		     const char *job, const char *uuid, struct leavings *l,
		     struct err *e)
{
	AUTO(mem_freep) char *rel = mem_printf(".novahaul/%s/source", job);
	AUTO(host_stat_clear) struct host_stat src = {0};
	AUTO(host_stat_clear) struct host_stat dir = {0};
	json_t *m, *doc;
	bool ours, alone;

	if (lease_alone(h, root, job, &alone, e))
		return -1;
	if (alone)
		return 0;
	if (host_stat(h, HOST_PATH(root, rel), &src, e) ||
	    host_stat(h, HOST_PATH(root, uuid), &dir, e))
		return -1;
	if (src.type != HOST_NONE)
		return err_set(e, ERR_REFUSED,
			       "%s: %s/%s holds an instance's files", h->name,
			       root, rel);
	m = one_manifest(h, root, job, e);
	if (!m)
		return -1;
	doc = json_loads(json_string_value(json_object_get(m, "text")), 0,
			 NULL);
	ours = had_installed(doc);
	if (ours)
		l->move = move_from_json(
			json_object_get(json_object_get(doc, "plan"), "move"),
			e);
	l->placed = dir.type != HOST_NONE && !is_source(doc, h);
	json_decref(m);
	json_decref(doc);
	if (ours && !l->move)
		return -1;
	if (ours && strcmp(l->move->dst.host, h->name) != 0) {
		ours = false; /* it installed on the other one */
		leavings_clear(l);
		l->move = NULL;
	}
	if (l->placed && !ours)
		return err_set(e, ERR_REFUSED,
			       "%s: %s/%s is there too: whose is it?", h->name,
			       root, uuid);
	return ours ? is_idle(a, h, uuid, e) : 0;
}

static int sweep_extras(struct host *h, const struct leavings *l, struct err *e)
{
	for (size_t i = 0; l->move && i < l->move->nfiles; i++) {
		AUTO(mem_freep) char *rel = NULL;
		struct host_path at = extra_at(l, i, &rel);

		if (at.root && host_unlink(h,
					   &(struct host_unlink){
						   .path = at, .missing = true},
					   e))
			return -1;
	}
	return 0;
}

static int take_away(struct host *h, const char *root, const char *job,
		     const char *uuid, struct err *e)
{
	AUTO(mem_freep) char *to = mem_printf(".novahaul/%s/swept", job);

	return host_rename(h,
			   &(struct host_rename){.from = HOST_PATH(root, uuid),
						 .to = HOST_PATH(root, to)},
			   e);
}

/* The one-job key, which only a host that answers can be rid of. */
static int drop_key(struct app *a, struct host *h, const char *job,
		    struct err *e)
{
	const struct config_host *ch = config_host(a->config, h->name);
	const char *user = ch && ch->user ? ch->user : a->config->ssh.user;
	struct transfer_end end = {h->name, host_control(h, e)};

	return end.client ? transfer_real.revoke(&end, job, user, e) : -1;
}

static int sweep_host(struct app *a, struct host *h, const char *root,
		      const char *job, const char *uuid, struct err *e)
{
	AUTO(leavings_clear) struct leavings left = {0};
	struct host_lease_ref ref = {root, uuid};
	AUTO(host_lease_clear) struct host_lease l = {0};
	AUTO(mem_freep) char *rel = mem_printf(".novahaul/%s", job);
	struct host_release rel_opts = {
		.root = root, .uuid = uuid, .forget = true};
	struct host_claim cl = {.root = root,
				.uuid = uuid,
				.job = job,
				.owner = "audit",
				.session = "audit"};

	if (may_sweep(a, h, root, job, uuid, &left, e) ||
	    host_lease_read(h, &ref, &l, e))
		return -1;
	cl.epoch = l.epoch + 1;
	if (host_lease_claim(h, &cl, e) || drop_key(a, h, job, e) ||
	    sweep_extras(h, &left, e) ||
	    (left.placed && take_away(h, root, job, uuid, e)) ||
	    host_rmtree(h, HOST_PATH(root, rel), e))
		return -1;
	return host_lease_release(h, &rel_opts, e);
}

int join_sweep(struct app *a, const char *host, const char *job,
	       const char *uuid, struct err *e)
{
	struct host *h = join_host_open(a->config, host, e);
	AUTO(mem_freep) char *root = NULL;
	int rc = -1;

	if (!h)
		return -1;
	root = join_instances_path(a->config, h, e);
	if (root)
		rc = sweep_host(a, h, root, job, uuid, e);
	host_close(h);
	return rc;
}

/* ---- sql show */

static void add_statement(const char *name, const char *text, void *arg)
{
	const char *dot = strchr(name, '.');
	AUTO(mem_freep)
	char *tx = mem_strndup(name, dot ? (size_t)(dot - name) : strlen(name));

	json_array_append_new(arg, json_pack("{s:s, s:s, s:s}", "name", name,
					     "transaction", tx, "text", text));
}

static const char *newest(void)
{
	const char *last = NULL;

	for (size_t i = 0; db_release_name(i); i++)
		last = db_release_name(i);
	return last;
}

int join_sql_list(struct app *a, const char *release, json_t **list,
		  struct err *e)
{
	AUTO(db_schema_clear) struct db_schema s = {0};
	struct db db = {0};
	int rc = 0;

	*list = json_array();
	if (release && !strcmp(release, "live")) {
		rc = join_db_open(a->config, NULL, &db, e);
		if (!rc)
			rc = db.ops->schema(&db, &s, e);
		if (!rc)
			rc = db_sql_show(NULL, &s.f, add_statement, *list, e);
		db_close(&db);
	} else {
		rc = db_sql_show(release && *release ? release : newest(), NULL,
				 add_statement, *list, e);
	}
	if (rc) {
		json_decref(*list);
		*list = NULL;
	}
	return rc;
}
