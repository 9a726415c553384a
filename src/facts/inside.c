/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is inside a dead host's disks: novahaul-inspect, in its jail, where they
 * are seen.  What it prints is still a guest's word: it is bounded, printable,
 * and only shown.
 */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "core/log.h"
#include "facts/inventory.h"

enum { INSPECT_SKIPPED = 77, INSPECT_S = 300, OUT_MAX = 1 << 20 };

static void argv_of(const struct inventory_in *in,
		    const struct inventory_item *i, struct strv *argv)
{
	strv_add(argv, "novahaul-inspect");
	strv_add(argv, "deep");
	for (size_t k = 0; k < i->open.n; k++) {
		strv_add(argv, "--disk");
		strv_addf(argv, "%s/%s/%s", in->path, i->uuid, i->open.v[k]);
	}
	strv_add(argv, "--base-dir");
	strv_addf(argv, "%s/_base", in->path);
	/* Which files there are is not asked. */
	strv_add(argv, "--max-files");
	strv_add(argv, "1");
	strv_add(argv, "--timeout");
	strv_addf(argv, "%d", INSPECT_S);
}

/* Its first line; what could be typed comes after it. */
static char *reason(const struct buf *b)
{
	const char *s = buf_str(b);

	if (!strncmp(s, "error: ", 7))
		s += 7;
	return mem_strndup(s, strcspn(s, "\n"));
}

static void take(struct inventory_item *i, const char *text)
{
	json_t *j = json_loads(text, 0, NULL), *fs;
	const json_t *list = json_object_get(j, "filesystems");
	size_t k;

	json_array_foreach (list, k, fs)
		json_object_del(fs, "listing");
	if (json_is_array(list)) {
		i->filesystems = json_incref((json_t *)list);
		i->os = json_incref(json_object_get(j, "os"));
	} else {
		i->unread = mem_strdup("novahaul-inspect said nothing of use");
	}
	json_decref(j);
}

static char *skipped(const char *text)
{
	json_t *j = json_loads(text, 0, NULL);
	const char *why = json_string_value(json_object_get(j, "skipped"));
	char *s = mem_strdup(why ? why : "no appliance");

	json_decref(j);
	return s;
}

/* ALL is filled when no disk can be looked into there. */
static int one(const struct inventory_in *in, struct inventory_item *i,
	       char **all, struct err *e)
{
	AUTO(strv_clear) struct strv argv = STRV_INIT;
	struct host_run r = {.timeout_us = (INSPECT_S + 30) * 1000000LL,
			     .out_max = OUT_MAX,
			     .kill_on_close = true};
	struct err bad = ERR_INIT;
	int rc;

	argv_of(in, i, &argv);
	r.argv = (const char *const *)argv.v;
	rc = host_run(in->host, &r, &bad);
	if (rc && bad.kind == ERR_INTERRUPTED)
		err_move(e, &bad);
	else if (rc && bad.sys == ENOENT)
		*all = mem_printf("%s has no novahaul-inspect", in->host->name);
	else if (rc)
		i->unread = mem_strdup(err_msg(&bad));
	else if (r.exit_code == INSPECT_SKIPPED)
		*all = skipped(buf_str(&r.out));
	else if (r.exit_code)
		i->unread = reason(&r.err);
	else
		take(i, buf_str(&r.out));
	err_clear(&bad);
	host_run_clear(&r);
	return e->kind == ERR_NONE ? 0 : -1;
}

int inventory_inside(const struct inventory_in *in, struct inventory *v,
		     struct err *e)
{
	AUTO(mem_freep) char *all = NULL;

	for (size_t k = 0; k < v->n; k++) {
		struct inventory_item *i = &v->v[k];

		if (!i->open.n || i->err.kind != ERR_NONE || i->missing.n)
			continue;
		if (!all) {
			log_info("looking into the disks of %s", i->uuid);
			if (one(in, i, &all, e))
				return -1;
		}
		if (all)
			i->unread = mem_strdup(all);
	}
	return 0;
}
