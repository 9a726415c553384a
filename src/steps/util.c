/* SPDX-License-Identifier: Apache-2.0 */
#include "steps/util.h"

#include <errno.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "domain/prove.h"

const struct move_side *side_of(const struct move *m, enum side s)
{
	return s == SRC ? &m->src : &m->dst;
}

struct host *need_host(const struct world *w, enum side s, struct err *e)
{
	if (w->host[s])
		return w->host[s];
	err_set(e, ERR_RETRY, "%s is not reached: %s",
		side_of(w->move, s)->host, err_msg(&w->down[s]));
	return NULL;
}

struct virt *need_virt(const struct world *w, enum side s, struct err *e)
{
	return need_host(w, s, e) ? w->virt[s] : NULL;
}

bool dst_given_up(const struct step_ctx *c)
{
	const struct world *w = step_w(c);

	return w->backward && !w->host[DST];
}

void spot_clear(struct spot *s)
{
	mem_free(s->rel);
	s->rel = NULL;
}

struct spot spot_work(const struct step_ctx *c, enum side s, const char *sub)
{
	const struct move_side *ms = side_of(step_m(c), s);

	return (struct spot){ms->instances_path,
			     mem_printf(".novahaul/%s%s%s", step_job(c),
					sub ? "/" : "", sub ? sub : "")};
}

struct spot spot_instance(const struct move *m, enum side s)
{
	return (struct spot){side_of(m, s)->instances_path,
			     mem_strdup(m->uuid)};
}

struct spot spot_base(const struct move *m, enum side s, const char *name)
{
	const struct move_side *ms = side_of(m, s);

	return (struct spot){ms->instances_path,
			     mem_printf("%s/%s", ms->base_dir, name)};
}

struct spot spot_hold(const struct step_ctx *c, enum side s, const char *name)
{
	AUTO(mem_freep) char *sub = mem_printf("hold/%s", name);

	return spot_work(c, s, sub);
}

struct spot spot_tpm(const struct move *m, enum side s)
{
	const struct move_side *ms = side_of(m, s);

	for (size_t i = 0; i < m->nfiles; i++)
		if (m->files[i].root == MOVE_TPM)
			return (struct spot){ms->tpm_dir, mem_strdup(m->uuid)};
	return (struct spot){0};
}

struct spot spot_armed(const struct move *m, enum side s,
		       const struct move_file *f)
{
	const struct move_side *ms = side_of(m, s);

	switch (f->root) {
	case MOVE_INSTANCE:
		return (struct spot){ms->instances_path,
				     mem_printf("%s/%s", m->uuid, f->rel)};
	case MOVE_NVRAM:
		return (struct spot){ms->nvram_dir, mem_strdup(f->rel)};
	case MOVE_TPM:
		return (struct spot){ms->tpm_dir,
				     mem_printf("%s/%s", m->uuid, f->rel)};
	}
	return (struct spot){0};
}

struct spot spot_parked(const struct step_ctx *c, enum side s,
			const struct move_file *f)
{
	AUTO(mem_freep) char *sub = NULL;

	if (s == SRC && src_dead(c))
		return spot_armed(step_m(c), s, f);
	sub = mem_printf("%s/%s/%s", s == SRC ? "source" : "stage",
			 root_name(f->root), f->rel);
	return spot_work(c, s, sub);
}

const char *root_name(enum move_root r)
{
	switch (r) {
	case MOVE_INSTANCE:
		return "instance";
	case MOVE_NVRAM:
		return "nvram";
	case MOVE_TPM:
		return "tpm";
	}
	return "?";
}

char *file_key(const struct move_file *f)
{
	return mem_printf("%s/%s", root_name(f->root), f->rel);
}

int exists(struct host *h, struct host_path p, enum host_type *type,
	   struct err *e)
{
	struct host_stat st = {0};
	int rc = host_stat(h, p, &st, e);

	*type = st.type;
	host_stat_clear(&st);
	return rc;
}

int make_parent(struct host *h, struct host_path p, uint32_t mode,
		struct err *e)
{
	const char *slash = strrchr(p.rel, '/');
	AUTO(mem_freep) char *dir = NULL;

	if (!slash)
		return 0;
	dir = mem_strndup(p.rel, (size_t)(slash - p.rel));
	return host_mkdir(h,
			  &(struct host_mkdir){.path = HOST_PATH(p.root, dir),
					       .mode = mode,
					       .parents = true},
			  e);
}

static int stow_across(struct host *h, struct host_path from,
		       struct host_path to, struct err *e)
{
	struct host_digest a = {0}, b = {0};

	if (host_hold(h, &(struct host_hold){.from = from, .to = to}, NULL,
		      e)) {
		/* An earlier run's copy is another file, and may be whole. */
		if (e->sys != EEXIST)
			return -1;
		err_clear(e);
	}
	if (host_digest(h, from, &a, e) || host_digest(h, to, &b, e))
		return -1;
	if (a.size != b.size || strcmp(a.text, b.text))
		return err_set(e, ERR_CONFLICT,
			       "%s: %s/%s and %s/%s are both there, and differ",
			       h->name, from.root, from.rel, to.root, to.rel);
	return host_unlink(h, &(struct host_unlink){.path = from}, e);
}

int stow(struct host *h, struct host_path from, struct host_path to,
	 struct err *e)
{
	enum host_type tf, tt;

	if (exists(h, from, &tf, e) || exists(h, to, &tt, e))
		return -1;
	if (tf == HOST_NONE && tt != HOST_NONE)
		return 0;
	if (tf == HOST_NONE)
		return err_set(e, ERR_CONFLICT, "%s: %s/%s is missing", h->name,
			       from.root, from.rel);
	/* Both: an earlier run was cut between the copy and the removal. */
	if (tf == HOST_FILE && tt == HOST_FILE)
		return stow_across(h, from, to, e);
	if (!host_rename(h, &(struct host_rename){.from = from, .to = to}, e))
		return 0;
	if (e->sys != EXDEV || tf != HOST_FILE)
		return -1;
	err_clear(e);
	return stow_across(h, from, to, e);
}

/* disk.info, a record of formats: since Nova judges the disks' formats before
 * it looks for the disks (nova/virt/libvirt/imagebackend.py
 * resolve_driver_format, 26.2.2). */
static int unlink_entries(struct host *h, const struct spot *dir,
			  const struct host_list *l, struct err *e)
{
	AUTO(mem_freep) char *info = mem_printf("%s/disk.info", dir->rel);

	if (!l->n)
		return 0;
	if (l->n == 1 && l->v[0].st.type == HOST_FILE &&
	    !strcmp(l->v[0].rel, "disk.info"))
		return host_unlink(h,
				   &(struct host_unlink){
					   .path = HOST_PATH(dir->root, info)},
				   e);
	return err_set(e, ERR_CONFLICT,
		       "%s: a directory %s with %zu entries is in the way of "
		       "the instance's own",
		       h->name, dir->rel, l->n);
}

int clear_stray(struct step_ctx *c, enum side s, struct err *e)
{
	struct host *h = step_w(c)->host[s];
	AUTO(spot_clear) struct spot a = spot_instance(step_m(c), s);
	AUTO(spot_clear)
	struct spot p = spot_work(
		c, s, s == SRC ? "source/instance" : "stage/instance");
	AUTO(host_list_clear) struct host_list l = {0};
	enum host_type ta, tp;

	if (exists(h, AT(a), &ta, e) || exists(h, AT(p), &tp, e))
		return -1;
	if (ta != HOST_DIR || tp != HOST_DIR)
		return 0;
	if (host_list(h, &(struct host_list_opts){.path = AT(a)}, &l, e) ||
	    unlink_entries(h, &a, &l, e))
		return -1;
	return host_unlink(h, &(struct host_unlink){.path = AT(a), .dir = true},
			   e);
}

bool has_extras(const struct move *m)
{
	for (size_t i = 0; i < m->nfiles; i++)
		if (m->files[i].root != MOVE_INSTANCE)
			return true;
	return false;
}

static int drop_dir(struct host *h, struct host_path p, struct err *e)
{
	struct host_unlink u = {.path = p, .dir = true, .missing = true};

	if (!host_unlink(h, &u, e))
		return 0;
	if (e->sys != ENOTEMPTY && e->sys != EEXIST)
		return -1;
	err_clear(e);
	return 0;
}

int drop_tpm_dirs(struct step_ctx *c, enum side s, struct err *e)
{
	const struct move *m = step_m(c);
	struct host *h = step_w(c)->host[s];
	AUTO(spot_clear) struct spot top = spot_tpm(m, s);

	for (size_t i = 0; i < m->nfiles; i++) {
		AUTO(spot_clear) struct spot f = spot_armed(m, s, &m->files[i]);
		char *slash;

		if (m->files[i].root != MOVE_TPM)
			continue;
		while ((slash = strrchr(f.rel, '/')) != NULL) {
			*slash = '\0';
			if (drop_dir(h, AT(f), e))
				return -1;
		}
	}
	return top.root ? drop_dir(h, AT(top), e) : 0;
}

int give_owner(struct host *h, struct host_path p, const struct move_file *f,
	       struct err *e)
{
	struct host_chown own = {.path = p, .user = f->user, .group = f->group};
	struct host_chmod mod = {.path = p, .mode = f->mode};

	return host_chown(h, &own, e) || host_chmod(h, &mod, e) ? -1 : 0;
}

static enum prove_domain prove_domain_of(enum virt_state s)
{
	switch (s) {
	case VIRT_ABSENT:
		return PROVE_DOMAIN_ABSENT;
	case VIRT_SHUTOFF:
		return PROVE_DOMAIN_SHUTOFF;
	case VIRT_RUNNING:
	case VIRT_PAUSED:
	case VIRT_OTHER:
		return PROVE_DOMAIN_ACTIVE;
	case VIRT_STATE_UNKNOWN:
		break;
	}
	return PROVE_DOMAIN_UNKNOWN;
}

/* The disks' identities wherever they are now; names in the same order. */
static int disk_files(struct step_ctx *c, enum side s, struct host_devino *ids,
		      const char **names, size_t *n, struct err *e)
{
	const struct move *m = step_m(c);
	size_t k = 2 * m->nfiles;
	struct spot *at = MEM_NEW_N(struct spot, k + 1);
	AUTO(mem_freep)
	struct host_path *p = MEM_NEW_N(struct host_path, k + 1);
	AUTO(mem_freep)
	struct host_stat *st = MEM_NEW_N(struct host_stat, k + 1);
	int rc;

	*n = 0;
	for (size_t i = 0; i < k; i++) {
		const struct move_file *f = &m->files[i / 2];

		at[i] = i % 2 ? spot_parked(c, s, f) : spot_armed(m, s, f);
		p[i] = AT(at[i]);
	}
	rc = host_stats(step_w(c)->host[s], p, k, st, e);
	for (size_t i = 0; i < k; i++) {
		if (!rc && st[i].type == HOST_FILE) {
			ids[*n] = (struct host_devino){st[i].dev, st[i].ino};
			names[(*n)++] = m->files[i / 2].rel;
		}
		host_stat_clear(&st[i]);
		spot_clear(&at[i]);
	}
	mem_free(at);
	return rc;
}

static const char *name_of(const struct host_devino *ids,
			   const char *const *names, size_t n, uint64_t dev,
			   uint64_t ino)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i].dev == dev && ids[i].ino == ino)
			return names[i];
	return "?";
}

struct proofs {
	struct prove_facts f;
	struct prove_proc *procs;
	struct prove_fd *fds;
	struct prove_lock *locks;
};

static void proofs_fill(struct proofs *p, const struct host_scan *s,
			const struct host_devino *ids, const char *const *names,
			size_t n)
{
	p->procs = MEM_NEW_N(struct prove_proc, s->nprocs);
	p->fds = MEM_NEW_N(struct prove_fd, s->nprocs);
	p->locks = MEM_NEW_N(struct prove_lock, s->nlocks);
	for (size_t i = 0; i < s->nprocs; i++) {
		const struct host_proc *q = &s->procs[i];

		if (q->ours) /* an agent that reads the disk for us */
			continue;
		if (q->by_uuid || q->by_name)
			p->procs[p->f.n_procs++] = (struct prove_proc){
				(pid_t)q->pid, q->comm, q->by_uuid, q->by_name};
		if (q->by_file)
			p->fds[p->f.n_fds++] = (struct prove_fd){
				(pid_t)q->pid, q->comm,
				name_of(ids, names, n, q->dev, q->ino), true};
	}
	for (size_t i = 0; i < s->nlocks; i++) {
		const struct host_lock *l = &s->locks[i];

		p->locks[p->f.n_locks++] = (struct prove_lock){
			(pid_t)l->pid, name_of(ids, names, n, l->dev, l->ino),
			l->write, (int64_t)l->start,
			l->end == UINT64_MAX ? -1 : (int64_t)l->end};
	}
	p->f.procs = p->procs;
	p->f.fds = p->fds;
	p->f.locks = p->locks;
	p->f.procs_done = p->f.fds_done = p->f.locks_done = true;
}

static int judge(struct step_ctx *c, enum side s, const struct proofs *p,
		 struct err *e)
{
	char why[PROVE_REASON_MAX];
	const char *host = side_of(step_m(c), s)->host;

	switch (prove_stopped(&p->f, why)) {
	case PROVE_STOPPED:
		return 0;
	case PROVE_RUNNING:
		return err_set(e, ERR_FAILED, "the guest runs on %s: %s", host,
			       why);
	case PROVE_UNKNOWN:
		break;
	}
	return err_set(e, ERR_RETRY,
		       "whether the guest is stopped on %s is not known: %s",
		       host, why);
}

int prove_side(struct step_ctx *c, enum side s, struct err *e)
{
	struct virt_status st = {0};

	if (s == SRC && src_off(c))
		return fence_holds(c, e);
	return prove_side_state(c, s, &st, e);
}

int prove_side_state(struct step_ctx *c, enum side s, struct virt_status *st,
		     struct err *e)
{
	const struct move *m = step_m(c);
	struct host *h = need_host(step_w(c), s, e);
	size_t n = 0;
	struct host_devino *ids = MEM_NEW_N(struct host_devino, 2 * m->nfiles);
	const char **names = MEM_NEW_N(const char *, 2 * m->nfiles);
	struct host_scan scan = {0};
	struct proofs p = {0};
	int rc = -1;

	if (h && !virt_state(step_w(c)->virt[s], m->uuid, st, e) &&
	    !disk_files(c, s, ids, names, &n, e) &&
	    !host_scan(h,
		       &(struct host_scan_opts){.uuid = m->uuid,
						.domain = m->domain,
						.files = ids,
						.nfiles = n},
		       &scan, e)) {
		proofs_fill(&p, &scan, ids, names, n);
		p.f.domain = prove_domain_of(st->state);
		p.f.domain_text = virt_state_name(st->state);
		rc = judge(c, s, &p, e);
	}
	host_scan_clear(&scan);
	mem_free(p.procs);
	mem_free(p.fds);
	mem_free(p.locks);
	mem_free(ids);
	mem_free(names);
	return rc;
}

int bases_refresh(struct step_ctx *c, enum side s, struct err *e)
{
	const struct move *m = step_m(c);
	struct host *h = need_host(step_w(c), s, e);

	if (!h)
		return -1;
	for (size_t i = 0; i < m->nbases; i++) {
		AUTO(spot_clear)
		struct spot b = spot_base(m, s, m->bases[i].name);
		AUTO(spot_clear)
		struct spot k = spot_hold(c, s, m->bases[i].name);
		enum host_type tb, tk;

		if (exists(h, AT(b), &tb, e) || exists(h, AT(k), &tk, e))
			return -1;
		if (tb == HOST_NONE && tk == HOST_NONE)
			return err_set(e, ERR_FAILED,
				       "%s: backing image %s is gone", h->name,
				       m->bases[i].name);
		if (tb == HOST_NONE &&
		    host_hold(h,
			      &(struct host_hold){.from = AT(k), .to = AT(b)},
			      NULL, e))
			return err_wrap(e, "putting %s back into %s",
					m->bases[i].name, b.root);
		if (host_touch(h, AT(b), e))
			return -1;
	}
	return 0;
}

int read_row(struct step_ctx *c, struct db_instance *row, struct err *e)
{
	return world_row(step_w(c), row, e);
}

int settle(struct step_ctx *c, const struct db_question *q,
	   enum db_outcome *out, struct err *e)
{
	struct db *db = step_w(c)->db;

	*out = DB_OUTCOME_UNKNOWN;
	if (db->ops->outcome(db, q, out, e))
		return -1;
	if (*out == DB_OUTCOME_UNKNOWN)
		return err_set(e, ERR_LOST,
			       "the database does not tell whether the last "
			       "COMMIT landed");
	return 0;
}

int settle_write(struct step_ctx *c, int rc, const struct db_question *q,
		 struct err *e)
{
	enum db_outcome out;

	if (!rc || e->kind != ERR_LOST)
		return rc;
	err_clear(e);
	if (settle(c, q, &out, e))
		return -1;
	if (out == DB_APPLIED)
		return 0;
	return err_set(e, ERR_RETRY, "the COMMIT was lost and did not land");
}

int has_digest(struct host *h, struct host_path p, const char *want, bool fresh,
	       bool *yes, struct err *e)
{
	struct host_digest d = {.how = HOST_DIGEST_SHA256};
	const char *sum;

	*yes = false;
	if (!want)
		return 0;
	if (!strncmp(want, JOB_DIGEST, strlen(JOB_DIGEST)))
		d.how = fresh ? HOST_DIGEST_JOB_FRESH : HOST_DIGEST_JOB;
	if (host_digest(h, p, &d, e))
		return -1;
	if (!*d.text)
		log_warn("%s: this job's key is gone: whether %s is what was "
			 "copied cannot be told",
			 h->name, p.rel);
	sum = strchr(d.text, ':');
	/* Journals of older builds have the digits of a SHA-256 alone. */
	*yes = strchr(want, ':') ? !strcmp(d.text, want)
				 : sum && !strcmp(sum + 1, want);
	return 0;
}

int carried_whole(struct step_ctx *c, const char *name,
		  const struct carry_result *r, struct err *e)
{
	if (!r->lost)
		return 0;
	err_set(e, ERR_FAILED,
		"%llu bytes of %s cannot be read on %s: the copy is not whole",
		(unsigned long long)r->lost, name, step_m(c)->src.host);
	return err_hint(e,
			"have that file restored there, then novahaul move "
			"%s --to %s",
			step_m(c)->uuid, step_m(c)->dst.host);
}

void bwlimit_look(struct step_ctx *c)
{
	const json_t *v = step_asked(c, "bwlimit");

	step_w(c)->bwlimit = json_is_integer(v)
				     ? (uint64_t)json_integer_value(v)
				     : step_m(c)->bwlimit;
}
