/* SPDX-License-Identifier: Apache-2.0 */
/*
 * On what evidence a kept copy may go, and what a removal that is cut leaves.
 * The world is the crash tier's, after a move.
 */
#include "unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "crash/crash_priv.h"
#include "fake/fake.h"
#include "steps/purge.h"

#define JOB "j-aaaaaaaa"
#define IP "/var/lib/nova/instances"

static struct {
	struct fake_world *fw;
	struct world w;
	struct err e;
	/* the third host is the target under another name */
	struct world third;
	bool third_down;
	int opened, closed;
	int cut;   /* the mutating call that is cut; 0: none */
	bool late; /* ... after it was done */
	struct purge p;
} t;

static int64_t now(void)
{
	return crash_shm->clock_us += 10;
}

static void pass(int64_t us)
{
	crash_shm->clock_us += us;
}

static bool no_promise(const void *world, struct buf *out)
{
	(void)world;
	(void)out;
	return true;
}

/* ---- a qcow2 header, which the fake does not keep */

static void put32(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (24 - 8 * i));
}

static unsigned char header[65536];

static void make_header(const char *backing)
{
	memset(header, 0, sizeof(header));
	put32(header, 0x514649fb);
	put32(header + 4, 3);
	put32(header + 12, *backing ? 112 : 0);
	put32(header + 16, (uint32_t)strlen(backing));
	put32(header + 20, 16);	     /* cluster bits */
	put32(header + 28, 1 << 20); /* virtual size */
	put32(header + 36, 1);	     /* L1 */
	put32(header + 44, 0x20000);
	put32(header + 52, 0x10000); /* refcount table */
	put32(header + 56, 1);
	put32(header + 96, 4);
	put32(header + 100, 104);
	strcpy((char *)header + 112, backing);
}

static int read_header(void *self, const struct host_read *r, struct buf *out,
		       struct err *e)
{
	size_t n = r->max ? r->max : sizeof(header);

	if (strcmp(r->path.rel, FAKE_UUID "/disk") != 0)
		return fake_host_ops.read(self, r, out, e);
	if (r->off + n > sizeof(header))
		n = r->off < sizeof(header) ? sizeof(header) - r->off : 0;
	buf_put(out, header + r->off, n);
	return 0;
}

/* ---- mutations that are cut */

static bool cut_now(void)
{
	return t.cut && !--t.cut;
}

static int cut(struct err *e)
{
	return err_set(e, ERR_LOST, "cut");
}

#define CUT(call)                                                              \
	do {                                                                   \
		if (!cut_now())                                                \
			return call;                                           \
		if (t.late && call)                                            \
			return -1;                                             \
		return cut(e);                                                 \
	} while (0)

static int cut_claim(void *self, const struct host_claim *c, struct err *e)
{
	CUT(fake_host_ops.lease_claim(self, c, e));
}

static int cut_release(void *self, const struct host_release *r, struct err *e)
{
	CUT(fake_host_ops.lease_release(self, r, e));
}

static int cut_rmtree(void *self, struct host_path p, struct err *e)
{
	CUT(fake_host_ops.rmtree(self, p, e));
}

static int cut_unlink(void *self, const struct host_unlink *u, struct err *e)
{
	CUT(fake_host_ops.unlink(self, u, e));
}

/* ---- the world */

static struct host_ops ops;

static void open_world(struct world *w)
{
	fake_open(w, t.fw, true);
	for (int s = SRC; s <= DST; s++)
		w->host[s]->ops = &ops;
}

static void file(enum side s, const char *rel)
{
	AUTO(mem_freep) char *path = mem_printf("%s/%s", t.fw->h[s].ip, rel);
	char up[FAKE_PATH];

	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		snprintf(up, sizeof(up), "%.*s", (int)(p - path), path);
		if (!fake_look(&t.fw->h[s], up))
			fake_file(t.fw, &t.fw->h[s], up, 0)->dir = true;
	}
	if (!fake_look(&t.fw->h[s], path))
		fake_file(t.fw, &t.fw->h[s], path, 7);
	fake_look(&t.fw->h[s], path)->size = 1 << 20;
}

static void lose(enum side s, const char *rel)
{
	struct host *h = t.w.host[s];
	struct host_unlink u = {.path = HOST_PATH(t.fw->h[s].ip, rel)};
	struct host_claim c = {.root = t.fw->h[s].ip,
			       .uuid = FAKE_UUID,
			       .job = "j-other",
			       .session = "x",
			       .epoch = t.fw->h[s].lease.epoch + 1};
	struct host_release r = {.root = c.root, .uuid = c.uuid};

	assert_int_equal(host_lease_claim(h, &c, &t.e), 0);
	assert_int_equal(host_unlink(h, &u, &t.e), 0);
	assert_int_equal(host_lease_release(h, &r, &t.e), 0);
}

/* As a move from SRC to DST leaves it. */
static int set_up(void **state)
{
	static const struct crash_case c = {.promise = no_promise};
	static const struct clock_ops clock = {now, now, pass};
	static const char *const kept[] = {"source/instance/disk",
					   "hold/" FAKE_BASE, "manifest.json",
					   "closed"};

	(void)state;
	memset(&t, 0, sizeof(t));
	crash_shm =
		mem_calloc(1, sizeof(*crash_shm) + sizeof(struct fake_world));
	crash_shm->clock_us = 1700000000 * 1000000LL;
	crash_me = (struct crash_self_state){.c = &c, .quiet = true};
	crash_become();
	clock_set_ops(&clock);
	t.fw = (struct fake_world *)crash_shm->world;
	fake_reset(t.fw, &(struct fake_options){.running = true});
	ops = fake_host_ops;
	ops.read = read_header;
	open_world(&t.w);
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		AUTO(mem_freep)
		char *rel = mem_printf(".novahaul/" JOB "/%s", kept[i]);

		file(SRC, rel);
	}
	file(DST, FAKE_UUID "/disk");
	file(DST, "_base/" FAKE_BASE);
	make_header(IP "/_base/" FAKE_BASE);
	strcpy(t.fw->row.host, t.fw->h[DST].name);
	t.fw->h[SRC].dom.defined = t.fw->h[SRC].dom.running = false;
	t.fw->h[DST].dom.defined = true;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	purge_clear(&t.p);
	err_clear(&t.e);
	fake_close(&t.w);
	clock_set_ops(NULL);
	mem_free(crash_shm);
	crash_shm = NULL;
	return 0;
}

static int third_open(void *arg, const char *name, struct purge_host *out,
		      struct err *e)
{
	(void)arg;
	t.opened++;
	assert_string_equal(name, "compute-99");
	if (t.third_down)
		return err_set(e, ERR_RETRY, "no route to host");
	out->host = t.w.host[DST];
	out->virt = t.w.virt[DST];
	out->instances_path = t.fw->h[DST].ip;
	return 0;
}

static void third_close(struct purge_host *h)
{
	(void)h;
	t.closed++;
}

static void look(bool allowed, const char *reason)
{
	static const struct purge_reach r = {third_open, third_close, NULL};

	purge_clear(&t.p);
	if (purge_look(&t.w, JOB, &r, &t.p, &t.e))
		fail_msg("%s", err_msg(&t.e));
	if (t.p.allowed != allowed || !strstr(t.p.reason, reason))
		fail_msg("%d, %s", t.p.allowed, t.p.reason);
	assert_int_equal(t.opened, t.closed);
}

/* ---- evidence */

static void t_target(void **state)
{
	(void)state;
	look(true, "are on ");
	assert_true(t.p.bytes > 0);
	assert_non_null(strstr(t.p.path, "/.novahaul/" JOB));
	strcpy(t.fw->row.task_state, "rebuilding");
	look(false, "task_state is rebuilding");
	*t.fw->row.task_state = '\0';
	t.fw->h[DST].dom.defined = false;
	look(false, "does not know it");
	t.fw->h[DST].dom.defined = true;
	*t.fw->row.host = '\0';
	look(false, "names no host");
}

static void t_damaged(void **state)
{
	(void)state;
	header[0] = 0;
	look(false, "not proven that its disks are there");
	make_header("");
	look(true, "are on ");
	make_header("/elsewhere/base");
	look(false, "lacks the backing image /elsewhere/base");
	make_header("/srv/other/name/of/it/_base/" FAKE_BASE);
	look(true, "are on ");
	lose(DST, "_base/" FAKE_BASE);
	look(false, "lacks the backing image");
	make_header("");
	lose(DST, FAKE_UUID "/disk");
	look(false, "lacks /srv");
}

static void t_third(void **state)
{
	(void)state;
	strcpy(t.fw->row.host, "compute-99");
	look(true, "are on compute-99");
	t.third_down = true;
	look(false, "no route to host");
	t.third_down = false;
	lose(DST, FAKE_UUID "/disk");
	look(false, "compute-99 lacks");
	assert_int_equal(t.opened, 3);
}

static void t_deleted(void **state)
{
	(void)state;
	lose(DST, FAKE_UUID "/disk");
	t.fw->row.deleted = true;
	look(true, "the server is deleted");
	t.fw->row.gone = true;
	look(false, "nothing says that it was deleted");
	t.fw->row.archived = true;
	look(true, "archived");
}

/* ---- removal */

static bool is_there(const char *rel)
{
	AUTO(mem_freep)
	char *path = mem_printf("%s/.novahaul/" JOB "%s", t.fw->h[SRC].ip, rel);

	return fake_look(&t.fw->h[SRC], path) != NULL;
}

static void t_cut(void **state)
{
	int n = 1;

	for (bool late = false;; late = !late, n += !late) {
		int rc;

		tear_down(state);
		set_up(state);
		ops.lease_claim = cut_claim;
		ops.lease_release = cut_release;
		ops.rmtree = cut_rmtree;
		ops.unlink = cut_unlink;
		t.cut = n;
		t.late = late;
		rc = purge_remove(&t.w, JOB, &t.e);
		assert_int_equal(rc, t.cut ? 0 : -1);
		/* What is left is never taken for an open job's. */
		assert_true(!is_there("/manifest.json") || is_there("/closed"));
		if (rc) {
			err_clear(&t.e);
			fake_close(&t.w);
			t.cut = 0;
			open_world(&t.w);
			strcpy(t.w.session, "another");
			t.fw->h[SRC].lease.holder = 0;
			if (purge_remove(&t.w, JOB, &t.e))
				fail_msg("%d: %s", n, err_msg(&t.e));
		}
		assert_false(is_there(""));
		assert_int_equal(t.fw->h[SRC].lease.state, LEASE_FREE);
		look(false, "nothing is kept");
		if (!rc)
			break;
	}
	assert_true(n > 5);
}

/* Another job has the instance there: its copy is not this one's to judge. */
static void t_locked(void **state)
{
	struct fake_lease *l = &t.fw->h[SRC].lease;

	(void)state;
	*l = (struct fake_lease){.state = LEASE_HELD, .epoch = 3, .job = "j-b"};
	assert_int_equal(purge_remove(&t.w, JOB, &t.e), -1);
	assert_int_equal(t.e.kind, ERR_LOCKED);
	assert_true(is_there("/source/instance/disk"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(t_target, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_third, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_deleted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(t_locked, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
