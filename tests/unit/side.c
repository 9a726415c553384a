/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/fs.h"
#include "core/uuid.h"
#include "transfer/digest.h"
#include "unit/side.h"
#include "wire/verbs.h"

char *side_program(const char *dir)
{
	char *exe = realpath(
		getenv("AGENT") ? getenv("AGENT") : "novahaul-agent", NULL);
	char *to = NULL, *copy;

	if (!exe) {
		fprintf(stderr, "no novahaul-agent here; set AGENT\n");
		return NULL;
	}
	copy = mem_printf("cp -- '%s' %s/novahaul-agent", exe, dir);
	if (system(copy) == 0)
		to = mem_printf("%s/novahaul-agent", dir);
	mem_free(copy);
	free(exe);
	return to;
}

void side_start(struct side *s, const char *exe)
{
	char *argv[] = {(char *)exe, NULL};
	struct err e = ERR_INIT;

	if (proc_open(&s->p, argv, NULL, NULL, false, &e))
		fail_msg("%s", err_msg(&e));
	client_init_fds(&s->c, s->p.out, s->p.in);
	if (client_hello(&s->c, clock_mono_us() + 20000000, &e))
		fail_msg("%s", err_msg(&e));
}

void side_stop(struct side *s)
{
	proc_close(&s->p, 5000000);
	client_clear(&s->c);
}

void side_claim(struct side *s, const char *root, uint64_t epoch, bool force)
{
	struct enc a = ENC_INIT;
	struct client_req r = {
		.type = VERB_LEASE_CLAIM, .args = &a, .timeout_us = 20000000};
	struct err e = ERR_INIT;
	struct dec d;

	enc_str(&a, root);
	enc_str(&a, SIDE_UUID);
	enc_str(&a, SIDE_JOB);
	enc_str(&a, "a test");
	enc_str(&a, force ? "second" : "first");
	enc_u64(&a, epoch);
	enc_bool(&a, force);
	enc_bool(&a, false);
	enc_i64(&a, 2000000);
	if (client_call(&s->c, &r, &d, &e))
		fail_msg("%s", err_msg(&e));
	s->c.epoch = epoch;
	enc_clear(&a);
}

void side_fill(int dir, const char *rel, uint64_t off, size_t n)
{
	int fd = openat(dir, rel, O_RDWR | O_CREAT, 0600);
	struct err e = ERR_INIT;
	char *b = mem_calloc(1, n);

	random_bytes(b, n);
	assert_int_equal(fs_pwrite_all(fd, b, n, (off_t)off, &e), 0);
	mem_free(b);
	close(fd);
}

static void sum(int dir, const char *rel, char out[DIGEST_TEXT_MAX])
{
	int fd = openat(dir, rel, O_RDONLY);
	struct err e = ERR_INIT;

	assert_int_equal(digest_fd(fd, NULL, NULL, out, &e), 0);
	close(fd);
}

void side_same(int dir, const char *a, const char *b)
{
	char was[DIGEST_TEXT_MAX], is[DIGEST_TEXT_MAX];

	sum(dir, a, was);
	sum(dir, b, is);
	assert_string_equal(was, is);
}
