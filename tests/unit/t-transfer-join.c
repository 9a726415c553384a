/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: who may be a further stream of a transfer: an agent of the same lease
 * and epoch that was told the token, and nobody else. */
#include "unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "transfer/ctl.h"
#include "unit/side.h"
#include "wire/verbs.h"

static char root[64], *exe;
static struct err e = ERR_INIT;
/* Has the lease. */
static struct side lord;
static const uint64_t epoch = 5;

/* An agent as sshd's forced command starts it. */
static void start_receive(struct side *s)
{
	char *argv[] = {exe,
			(char *)"--receive",
			root,
			(char *)SIDE_UUID,
			(char *)SIDE_JOB,
			NULL};

	if (proc_open(&s->p, argv, NULL, NULL, false, &e))
		fail_msg("%s", err_msg(&e));
	client_init_fds(&s->c, s->p.out, s->p.in);
	if (client_hello(&s->c, clock_mono_us() + 20000000, &e))
		fail_msg("%s", err_msg(&e));
	s->c.epoch = epoch;
}

struct ticket {
	char name[40];
	unsigned char token[CTL_TOKEN];
};

/* A receiver that others may join. */
static uint32_t receive(struct side *s, struct ticket *k)
{
	struct enc a = ENC_INIT;
	struct client_req r = {.type = VERB_TRANSFER_RECV, .args = &a};
	struct frame f;
	struct dec d;
	const void *p;
	uint32_t id;
	size_t n;

	start_receive(s);
	enc_str(&a, root);
	enc_u64(&a, 0);
	enc_bool(&a, true);
	assert_int_equal(client_begin(&s->c, &r, &id, &e), 0);
	enc_clear(&a);
	if (client_next(&s->c, id, &f, clock_mono_us() + 20000000, &e))
		fail_msg("%s", err_msg(&e));
	dec_init(&d, f.p, f.len);
	assert_int_equal(dec_u8(&d), CTL_STREAMS);
	snprintf(k->name, sizeof(k->name), "%s", dec_str(&d));
	p = dec_bytes(&d, &n);
	assert_int_equal(n, CTL_TOKEN);
	memcpy(k->token, p, n);
	assert_int_equal(dec_end(&d, "streams", &e), 0);
	return id;
}

static int join(struct side *s, const struct ticket *k)
{
	struct enc a = ENC_INIT;
	struct client_req r = {.type = VERB_TRANSFER_JOIN, .args = &a};
	struct frame f;
	uint32_t id;
	int rc;

	enc_str(&a, root);
	enc_str(&a, k->name);
	enc_bytes(&a, k->token, sizeof(k->token));
	assert_int_equal(client_begin(&s->c, &r, &id, &e), 0);
	enc_clear(&a);
	rc = client_next(&s->c, id, &f, clock_mono_us() + 20000000, &e);
	if (!rc)
		assert_int_equal(f.type, WIRE_DATA);
	return rc;
}

static void join_fails(const struct ticket *k, uint64_t at, enum err_kind kind)
{
	struct side s;

	start_receive(&s);
	s.c.epoch = at;
	assert_int_equal(join(&s, k), -1);
	if (e.kind != kind)
		fail_msg("%s", err_msg(&e));
	err_clear(&e);
	/* It has nothing more to do, and nobody's input to read. */
	assert_int_equal(proc_close(&s.p, 10000000), 0);
	client_clear(&s.c);
}

/* Who may be a stream: only one of the same lease, who was told the token; and
 * what it says must be numbered as it should. */
static void t_join(void **state)
{
	struct frame f = {.type = WIRE_DATA, .flags = CTL_TUNNEL};
	static const char bad[] = "\377\0\0\0\0\0\0\0\1";
	struct side first, other;
	struct ticket k, wrong;
	uint32_t id = receive(&first, &k);

	(void)state;
	join_fails(&k, epoch - 1, ERR_STALE);
	join_fails(&k, epoch + 1, ERR_STALE);
	wrong = k;
	wrong.token[31] ^= 1;
	join_fails(&wrong, epoch, ERR_REFUSED);
	wrong = k;
	wrong.name[0] = k.name[0] == '0' ? '1' : '0';
	join_fails(&wrong, epoch, ERR_FAILED);
	strcpy(wrong.name, "../../x");
	join_fails(&wrong, epoch, ERR_REFUSED);
	/* Not in a session of the controller's. */
	assert_int_equal(join(&lord, &k), -1);
	err_clear(&e);
	start_receive(&other);
	if (join(&other, &k))
		fail_msg("%s", err_msg(&e));
	/* A message that is not numbered as it should be is the end of the
	 * whole channel, and so of every stream. */
	f.p = bad;
	f.len = 9;
	assert_int_equal(client_send(&other.c, id, &f, NULL, 0, &e), 0);
	assert_int_equal(
		client_next(&first.c, id, &f, clock_mono_us() + 20000000, &e),
		-1);
	assert_non_null(strstr(err_msg(&e), "where 0 was due"));
	err_clear(&e);
	assert_int_equal(proc_close(&other.p, 10000000), 0);
	client_clear(&other.c);
	/* The first one's end is the others', too. */
	side_stop(&first);
	receive(&first, &k);
	start_receive(&other);
	assert_int_equal(join(&other, &k), 0);
	kill(first.p.pid, SIGKILL);
	side_stop(&first);
	assert_int_equal(
		client_next(&other.c, 1, &f, clock_mono_us() + 20000000, &e),
		0);
	assert_int_equal(f.type, WIRE_OK);
	side_stop(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(t_join)};
	char cmd[100], work[100];
	int rc;

	signal(SIGPIPE, SIG_IGN);
	snprintf(root, sizeof(root), "/tmp/nh-join-XXXXXX");
	if (!mkdtemp(root))
		return 1;
	snprintf(work, sizeof(work), "%s/.novahaul", root);
	mkdir(work, 0711);
	snprintf(cmd, sizeof(cmd), "rm -rf -- '%s'", root);
	exe = side_program(root);
	if (!exe)
		return system(cmd) ? 1 : 77;
	side_start(&lord, exe);
	side_claim(&lord, root, epoch, true);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	side_stop(&lord);
	mem_free(exe);
	return system(cmd) ? 1 : rc;
}
