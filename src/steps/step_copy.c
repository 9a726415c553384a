/* SPDX-License-Identifier: Apache-2.0 */
/*
 * precopy and final-copy: the instance's files arrive in the target's work
 * directory.
 *
 * precopy runs beside the guest, round after round (steps/rounds.h), and its
 * result is a hint only.  final-copy
 * reads the disarmed files, which nothing can write any more, and sends what
 * differs; both sides' digests must agree and are journalled.
 */
#include "steps/util.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "image/diskinfo.h"
#include "steps/rounds.h"

struct pass {
	struct step_ctx *c;
	bool final;
	uint64_t done, total; /* bytes over all files */
	struct round sum;     /* of all files so far */
	uint64_t wire;	      /* likewise */
	char what[32];	      /* for progress */
	uint64_t lost;	      /* bytes that a dead source's disk cannot read */
	struct buf where;     /* likewise, in words */
	/* How the last file went that was not small. */
	struct carry_result last;
};

static int on_progress(void *arg, uint64_t done, uint64_t total, struct err *e)
{
	struct pass *p = arg;

	(void)total;
	bwlimit_look(p->c);
	step_progress(p->c, p->done + done, p->total, p->what);
	return step_checkpoint(p->c, e);
}

/* Which way the files went, once for a job unless that changes: a record takes
 * its time, and the guest may be down. */
static int note_way(struct pass *p, struct err *e)
{
	const struct carry_result *r = &p->last;
	const json_t *old = step_recall(p->c, "way");
	json_t *now;

	if (!*r->transport)
		return 0;
	if (!old)
		old = step_recall_of(p->c, "precopy", "way");
	now = json_pack("{s:s, s:i, s:s}", "transport", r->transport, "streams",
			(int)r->streams, "why", r->why);
	if (old && json_equal(old, now)) {
		json_decref(now);
		return 0;
	}
	return step_record(p->c, "way", now, e);
}

/* Who reads the source's files: of one that is off, whoever sees its disks. */
static struct host *reader(struct step_ctx *c, struct err *e)
{
	struct world *w = step_w(c);

	return w->off && w->disks ? w->disks : need_host(w, SRC, e);
}

static struct spot read_from(struct step_ctx *c, const struct move_file *f)
{
	struct spot p = spot_parked(c, SRC, f);

	if (step_w(c)->off && step_w(c)->disks)
		p.root = step_w(c)->disks_path;
	return p;
}

/* Its way, with the memory of its names. */
struct way {
	struct spot from, to;
};

static struct carry_file carry_of(struct pass *p, const struct move_file *f,
				  struct way *way)
{
	const struct move *m = step_m(p->c);

	way->from = p->final ? read_from(p->c, f) : spot_armed(m, SRC, f);
	way->to = spot_parked(p->c, DST, f);
	return (struct carry_file){
		.from = AT(way->from),
		.to = AT(way->to),
		.final = p->final,
		.calm = !p->final || !m->was_running,
		.delta = m->delta,
		.transport = m->transport,
		.job = step_job(p->c),
		.bad_map = m->dead,
		.progress = on_progress,
		.arg = p,
	};
}

static void way_clear(struct way *way)
{
	spot_clear(&way->from);
	spot_clear(&way->to);
}

/* ---- what a dying disk has lost */

static json_t *places(const struct carry_result *r)
{
	json_t *a = json_array();

	for (size_t i = 0; i < CARRY_BAD && i < r->places; i++)
		json_array_append_new(a, json_pack("[I, I]",
						   (json_int_t)r->bad[i].off,
						   (json_int_t)r->bad[i].len));
	return json_pack("{s:I, s:I, s:o}", "bytes", (json_int_t)r->lost,
			 "places", (json_int_t)r->places, "first", a);
}

static void in_words(struct buf *b, const char *rel,
		     const struct carry_result *r)
{
	buf_printf(b, "%s%llu bytes of %s in %llu place%s (",
		   b->len ? "; " : "", (unsigned long long)r->lost, rel,
		   (unsigned long long)r->places, r->places == 1 ? "" : "s");
	for (size_t i = 0; i < 4 && i < r->places; i++)
		buf_printf(b, "%sat %llu", i ? ", " : "",
			   (unsigned long long)r->bad[i].off);
	buf_printf(b, "%s)", r->places > 4 ? ", ..." : "");
}

/* The map lies beside the copy, and would be installed with it; the journal has
 * it.  What the copy is now, with its holes, is what it is compared with from
 * here on. */
static int damaged(struct pass *p, const struct move_file *f,
		   const struct carry_result *r, json_t *digests, struct err *e)
{
	struct host *h = step_w(p->c)->host[DST];
	AUTO(mem_freep) char *key = file_key(f);
	AUTO(mem_freep) char *note = mem_printf("bad %s", key);
	AUTO(spot_clear) struct spot to = spot_parked(p->c, DST, f);
	AUTO(mem_freep) char *map = mem_printf("%s.bad", to.rel);
	struct host_unlink gone = {.path = HOST_PATH(to.root, map),
				   .missing = true};
	struct host_digest d = {.how = HOST_DIGEST_JOB_FRESH};

	p->lost += r->lost;
	in_words(&p->where, f->rel, r);
	if (step_record(p->c, note, places(r), e) || host_unlink(h, &gone, e) ||
	    host_digest(h, AT(to), &d, e))
		return -1;
	json_object_set_new(digests, key, json_string(d.text));
	return 0;
}

static int judge_lost(struct pass *p, struct err *e)
{
	const struct move *m = step_m(p->c);

	if (!p->lost)
		return 0;
	if (m->accept_bad) {
		step_say(p->c, "holes instead of what cannot be read: %s",
			 buf_str(&p->where));
		return 0;
	}
	err_set(e, ERR_FAILED, "the disks of %s cannot be read whole: %s",
		m->src.host, buf_str(&p->where));
	return err_hint(e, "from a better copy of them, or with holes there: "
			   "--accept-bad-blocks");
}

static int arrived(struct pass *p, const struct move_file *f,
		   const struct carry_result *r, json_t *digests, struct err *e)
{
	AUTO(mem_freep) char *key = file_key(f);

	step_add_bytes(p->c, r->sent, r->read);
	p->sum.sent += r->sent;
	p->sum.read += r->read;
	p->sum.matched += r->matched;
	if (r->streams || !p->last.streams)
		p->last = *r;
	p->wire += r->wire ? r->wire : r->sent;
	p->done += f->size;
	if (r->lost && src_dead(p->c))
		return damaged(p, f, r, digests, e);
	if (carried_whole(p->c, f->rel, r, e))
		return -1;
	if (!p->final)
		return 0;
	/* What was read may never have been there at one moment. */
	if (r->changed) {
		err_set(e, ERR_CONFLICT,
			"%s was written to on %s while the final pass read "
			"it: somebody holds it open, though the guest is off",
			f->rel, step_m(p->c)->src.host);
		return err_hint(e, "find who does (fuser, losetup -a) and end "
				   "it, then move again");
	}
	if (strcmp(r->src, r->dst) != 0)
		return err_set(e, ERR_FAILED,
			       "%s arrived on %s with another digest", f->rel,
			       step_m(p->c)->dst.host);
	json_object_set_new(digests, key, json_string(r->dst));
	return 0;
}

static int carry(struct pass *p, const struct move_file *f, json_t *digests,
		 struct err *e)
{
	struct world *w = step_w(p->c);
	AUTO(way_clear) struct way way = {0};
	struct carry_file cf = carry_of(p, f, &way);
	struct carry_result r = {0};

	struct host *src = reader(p->c, e);

	bwlimit_look(p->c);
	if (!src)
		return -1;
	if (w->carrier.copy(w->carrier.self, src, w->host[DST], &cf, &r, e))
		return err_wrap(e, "copying %s to %s", f->rel,
				step_m(p->c)->dst.host);
	return arrived(p, f, &r, digests, e);
}

/* Of this pass, and small enough to go with others. */
static bool is_small(const struct pass *p, const struct move_file *f)
{
	return !f->info && (p->final || f->disk) && f->size <= CARRY_SMALL &&
	       !src_dead(p->c); /* each with a map of its own */
}

/* All that are small, at once. */
static int carry_small(struct pass *p, json_t *digests, struct err *e)
{
	struct world *w = step_w(p->c);
	const struct move *m = step_m(p->c);
	struct way *way = MEM_NEW_N(struct way, m->nfiles + 1);
	AUTO(mem_freep)
	struct carry_file *cf = MEM_NEW_N(struct carry_file, m->nfiles + 1);
	AUTO(mem_freep)
	struct carry_result *r = MEM_NEW_N(struct carry_result, m->nfiles + 1);
	struct host *src = reader(p->c, e);
	size_t n = 0, k = 0;
	int rc = src ? step_checkpoint(p->c, e) : -1;

	for (size_t i = 0; i < m->nfiles; i++)
		if (is_small(p, &m->files[i])) {
			cf[n] = carry_of(p, &m->files[i], &way[n]);
			n++;
		}
	bwlimit_look(p->c);
	if (!rc && n &&
	    w->carrier.copy_many(w->carrier.self, src, w->host[DST], cf, n, r,
				 e))
		rc = err_wrap(e, "copying to %s", m->dst.host);
	for (size_t i = 0; !rc && i < m->nfiles; i++)
		if (is_small(p, &m->files[i]))
			rc = arrived(p, &m->files[i], &r[k++], digests, e);
	while (n)
		way_clear(&way[--n]);
	mem_free(way);
	return rc;
}

/* disk.info names the disks by absolute paths: Nova's Flat backend trusts
 * them, and probes the guest's disk where one is missing. */
static int carry_info(struct pass *p, const struct move_file *f, struct err *e)
{
	struct step_ctx *c = p->c;
	struct world *w = step_w(c);
	const struct move *m = step_m(c);
	struct host *src = reader(c, e);
	AUTO(spot_clear) struct spot from = read_from(c, f);
	AUTO(spot_clear) struct spot to = spot_parked(c, DST, f);
	AUTO(mem_freep)
	char *old = mem_printf("%s/%s", move_home(&m->src), m->uuid);
	AUTO(mem_freep)
	char *new = mem_printf("%s/%s", m->dst.instances_path, m->uuid);
	const char *dirs[] = {old, NULL};
	AUTO(buf_clear) struct buf text = BUF_INIT;
	AUTO(diskinfo_clear) struct diskinfo d = {0};
	AUTO(mem_freep) char *line = NULL;

	if (!src)
		return -1;
	if (host_read(
		    src,
		    &(struct host_read){.path = AT(from), .max = DISKINFO_MAX},
		    &text, e) ||
	    diskinfo_parse(buf_str(&text), text.len, &d, e) ||
	    diskinfo_rewrite(&d, dirs, new, e))
		return err_wrap(e, "%s", f->rel);
	line = diskinfo_write(&d);
	if (make_parent(w->host[DST], AT(to), 0700, e))
		return -1;
	return host_write(w->host[DST],
			  &(struct host_write){
				  .path = AT(to), .p = line, .n = strlen(line)},
			  e);
}

/* What compressing has saved, in all runs of this step; where it has not, no
 * record is made: that takes its time, too. */
static int note_saved(struct pass *p, struct err *e)
{
	const json_t *old = step_recall(p->c, "saved");
	uint64_t n = p->sum.sent > p->wire ? p->sum.sent - p->wire : 0;

	if (!n)
		return 0;
	n += (uint64_t)json_integer_value(json_object_get(old, "bytes"));
	return step_record(p->c, "saved",
			   json_pack("{s:I}", "bytes", (json_int_t)n), e);
}

static void totals(struct pass *p)
{
	const struct move *m = step_m(p->c);

	for (size_t i = 0; i < m->nfiles; i++)
		if (p->final || m->files[i].disk)
			p->total += m->files[i].size;
}

/* For a look alone: back, or with a whole copy, nothing of the source. */
static int hosts_to_ask(struct step_ctx *c, struct err *e)
{
	return (src_off(c) || need_host(step_w(c), SRC, e)) &&
			       need_host(step_w(c), DST, e)
		       ? 0
		       : -1;
}

static int both_hosts(struct step_ctx *c, struct err *e)
{
	return reader(c, e) && need_host(step_w(c), DST, e) ? 0 : -1;
}

static int undo_stage(struct step_ctx *c, struct err *e)
{
	AUTO(spot_clear) struct spot d = spot_work(c, DST, "stage");
	struct host *h;

	if (dst_given_up(c)) {
		step_say(c, "%s/%s stays on %s, which does not answer", d.root,
			 d.rel, step_m(c)->dst.host);
		return 0;
	}
	h = need_host(step_w(c), DST, e);
	if (!h || !step_recall(c, "intent"))
		return h ? 0 : -1;
	return host_rmtree(h, AT(d), e);
}

/* ---- precopy */

static int one_round(struct step_ctx *c, size_t nr, struct round *out,
		     struct err *e)
{
	const struct move *m = step_m(c);
	struct pass p = {.c = c};
	int64_t start = clock_mono_us();

	snprintf(p.what, sizeof(p.what), "pre-copy, round %zu", nr);
	totals(&p);
	if (carry_small(&p, NULL, e))
		return -1;
	for (size_t i = 0; i < m->nfiles; i++) {
		if (!m->files[i].disk || is_small(&p, &m->files[i]))
			continue;
		if (step_checkpoint(c, e) || carry(&p, &m->files[i], NULL, e))
			return -1;
	}
	*out = p.sum;
	out->seconds = (double)(clock_mono_us() - start) / 1e6;
	return note_saved(&p, e) || note_way(&p, e) ? -1 : 0;
}

/* One record, which holds all rounds so far: those of a run that was cut came
 * before. */
static int note_round(struct step_ctx *c, const struct round *r, size_t n,
		      enum rounds_end end, struct err *e)
{
	const json_t *old = json_object_get(step_recall(c, "rounds"), "rounds");
	json_t *all = old ? json_deep_copy(old) : json_array();
	const struct round *last = &r[n - 1];
	double final = rounds_final_s(r, n);

	json_array_append_new(
		all, json_pack("{s:f, s:I, s:I, s:I}", "seconds", last->seconds,
			       "bytes_sent", (json_int_t)last->sent,
			       "bytes_read", (json_int_t)last->read,
			       "bytes_matched", (json_int_t)last->matched));
	return step_record(c, "rounds",
			   json_pack("{s:o, s:s, s:f, s:f}", "rounds", all,
				     "then", rounds_end_name(end), "copy_s",
				     final, "downtime_s",
				     final + ROUNDS_REST_S),
			   e);
}

/* Before the guest is stopped: how long it will be down. */
static void foretell(struct step_ctx *c, const struct round *r, size_t n,
		     enum rounds_end end)
{
	double final = rounds_final_s(r, n);

	step_say(c,
		 "round %zu: %.1f MiB sent in %.1f s; %s.  The guest will be "
		 "down for about %.0f s (%.1f s of it the final pass), and for "
		 "what it takes to power off",
		 n, (double)r[n - 1].sent / (1 << 20), r[n - 1].seconds,
		 rounds_end_name(end), final + ROUNDS_REST_S, final);
}

/* A run after a cut makes a round at least: much may have changed since. */
static int pre_run(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct rounds_bounds bounds = {m->precopy_max, m->precopy_time_s};
	struct round r[MOVE_ROUNDS_MOST];
	enum rounds_end end = ROUNDS_MORE;
	size_t n = 0;

	if (both_hosts(c, e) ||
	    step_record_once(c, "intent", json_string("stage"), e))
		return -1;
	while (end == ROUNDS_MORE && n < MOVE_ROUNDS_MOST) {
		if (one_round(c, n + 1, &r[n], e))
			return -1;
		n++;
		end = rounds_judge(r, n, &bounds);
		if (note_round(c, r, n, end, e))
			return -1;
	}
	foretell(c, r, n, end);
	return 0;
}

static int pre_probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	/* A cut pre-copy goes on where it was; a whole one is repeated at the
	 * price of reading, and shortens the final pass. */
	*state = STEP_PARTIAL;
	return dst_given_up(c) ? 0 : hosts_to_ask(c, e);
}

const struct step step_precopy = {
	.name = "precopy",
	.summary = "copy the disks while the guest still runs",
	.mutates = true,
	.probe = pre_probe,
	.run = pre_run,
	.undo = undo_stage,
};

/* ---- final-copy */

static int fin_run(struct step_ctx *c, struct err *e)
{
	const struct move *m = step_m(c);
	struct pass p = {.c = c, .final = true, .what = "final pass"};
	json_t *digests = json_object();
	int rc = both_hosts(c, e);

	/* Not all of a disk that is of no use any more; and what may still be
	 * written to cannot be read as it is. */
	if (!rc && src_off(c))
		rc = src_dead(c) ? fence_at_rest(c, e) : fence_holds(c, e);
	if (!rc)
		rc = step_record_once(c, "intent", json_string("stage"), e);
	totals(&p);
	if (!rc)
		rc = carry_small(&p, digests, e);
	for (size_t i = 0; !rc && i < m->nfiles; i++) {
		if (is_small(&p, &m->files[i]))
			continue;
		rc = step_checkpoint(c, e);
		if (!rc && m->files[i].info)
			rc = carry_info(&p, &m->files[i], e);
		else if (!rc)
			rc = carry(&p, &m->files[i], digests, e);
	}
	if (!rc)
		rc = judge_lost(&p, e);
	buf_clear(&p.where);
	if (!rc)
		rc = note_saved(&p, e);
	if (rc) {
		json_decref(digests);
		return -1;
	}
	return step_record(c, "digests", digests, e) || note_way(&p, e) ? -1
									: 0;
}

static int fin_probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	const json_t *digests = step_recall(c, "digests");
	const char *key;
	const json_t *v;

	*state = STEP_PARTIAL;
	if (dst_given_up(c))
		return 0;
	if (hosts_to_ask(c, e))
		return -1;
	if (!digests)
		return 0;
	json_object_foreach ((json_t *)digests, key, v) {
		AUTO(mem_freep) char *sub = mem_printf("stage/%s", key);
		AUTO(spot_clear) struct spot p = spot_work(c, DST, sub);
		enum host_type t;
		bool same;

		if (exists(step_w(c)->host[DST], AT(p), &t, e))
			return -1;
		if (t != HOST_FILE)
			return 0;
		if (has_digest(step_w(c)->host[DST], AT(p),
			       json_string_value(v), false, &same, e))
			return -1;
		if (!same)
			return 0;
	}
	*state = STEP_DONE;
	return 0;
}

const struct step step_final_copy = {
	.name = "final-copy",
	.summary = "copy what changed since, and compare digests",
	.mutates = true,
	.alone = STEP_WHOLE,
	.probe = fin_probe,
	.run = fin_run,
	.undo = undo_stage,
};
