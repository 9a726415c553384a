/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify-deep: novahaul-inspect opens both chains read-only and tells the same.
 *
 * On the source the disarmed files, and of a dead one, whose headers name
 * directories of its own, with the backing images that are seen beside them; on
 * the target the installed ones; file systems, their listings and the config
 * drive's files are compared as the text that the two processes print.  A host
 * without novahaul-inspect, or without an appliance for libguestfs, makes the
 * check a skipped one, said so aloud.
 */
#include <errno.h>
#include <string.h>

#include "steps/util.h"

enum { INSPECT_SKIPPED = 77 };

static void argv_of(struct step_ctx *c, enum side s, struct strv *argv)
{
	const struct move *m = step_m(c);

	strv_add(argv, "novahaul-inspect");
	strv_add(argv, "deep");
	for (size_t i = 0; i < m->nfiles; i++) {
		const struct move_file *f = &m->files[i];
		AUTO(spot_clear)
		struct spot p =
			s == SRC ? spot_parked(c, s, f) : spot_armed(m, s, f);

		if (f->disk) {
			strv_add(argv, "--disk");
			strv_addf(argv, "%s/%s:%s", p.root, p.rel,
				  f->format ? f->format : "raw");
		} else if (!strcmp(f->rel, "disk.config")) {
			strv_add(argv, "--config-drive");
			strv_addf(argv, "%s/%s", p.root, p.rel);
		}
	}
	if (s == SRC && src_dead(c) && m->nbases) {
		strv_add(argv, "--base-dir");
		strv_addf(argv, "%s/%s", m->src.instances_path,
			  m->src.base_dir);
	}
}

/* OUT is NULL when the host cannot do it; then it has been said. */
static int look(struct step_ctx *c, enum side s, char **out, struct err *e)
{
	struct host *h = need_host(step_w(c), s, e);
	AUTO(strv_clear) struct strv argv = STRV_INIT;
	struct host_run r = {.timeout_us = 600 * 1000000LL,
			     .out_max = 4 << 20,
			     .kill_on_close = true};
	int rc;

	if (!h)
		return -1;
	argv_of(c, s, &argv);
	r.argv = (const char *const *)argv.v;
	rc = host_run(h, &r, e);
	if (rc && e->sys == ENOENT) {
		err_clear(e);
		step_say(c, "skipped: %s has no novahaul-inspect", h->name);
		rc = 0;
	} else if (!rc && r.exit_code == INSPECT_SKIPPED) {
		step_say(c, "skipped: novahaul-inspect on %s: %s", h->name,
			 buf_str(&r.out));
	} else if (!rc && r.exit_code) {
		rc = err_set(e, ERR_FAILED,
			     "%s: novahaul-inspect ended with %d: %s", h->name,
			     r.exit_code, buf_str(&r.err));
	} else if (!rc) {
		*out = mem_strdup(buf_str(&r.out));
	}
	host_run_clear(&r);
	return rc;
}

static int run(struct step_ctx *c, struct err *e)
{
	AUTO(mem_freep) char *a = NULL;
	AUTO(mem_freep) char *b = NULL;

	if (step_w(c)->off) {
		step_say(c, "%s is off: its file systems are not compared",
			 step_m(c)->src.host);
		return 0;
	}
	if (look(c, SRC, &a, e))
		return -1;
	if (!a)
		return 0;
	if (look(c, DST, &b, e))
		return -1;
	if (b && strcmp(a, b) != 0)
		return err_set(e, ERR_FAILED,
			       "the file systems on %s are not those of %s",
			       step_m(c)->dst.host, step_m(c)->src.host);
	return 0;
}

static int probe(struct step_ctx *c, enum step_state *state, struct err *e)
{
	(void)c;
	(void)e;
	*state = STEP_NOT_DONE;
	return 0;
}

const struct step step_verify_deep = {
	.name = "verify-deep",
	.summary = "open the copied chain and compare its file systems",
	.mutates = false,
	.probe = probe,
	.run = run,
};
