/* SPDX-License-Identifier: Apache-2.0 */
#include "unit/unit.h"

#include <stdio.h>

#include "core/clock.h"
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
