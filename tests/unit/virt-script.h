/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scripted virsh for tests of virt.h: each test lists the commands that must
 * be run, in order, and what they answer.  Several commands in one word, as a
 * faster way, are refused unless the script has them.
 */
#ifndef NH_TESTS_VIRT_SCRIPT_H
#define NH_TESTS_VIRT_SCRIPT_H

#include "unit/unit.h"

#include <string.h>

#include "host/virt.h"

/* A script's lines name only what matters. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define U "11111111-2222-4333-8444-555555555555"
#define OTHER "99999999-2222-4333-8444-555555555555"
#define V "virsh -q "
#define LIST V "list --all --uuid"
#define BOTH U "\n" OTHER "\n"

struct step {
	const char *argv; /* words joined by blanks */
	const char *out, *err;
	int exit_code;
	enum err_kind kind; /* not NONE: the runner fails so */
	const char *in;	    /* stdin that is expected */
};

struct script {
	const struct step *v;
	size_t n, at;
	size_t changes; /* commands that said they mutate */
};

static int play(void *self, struct virt_cmd *cmd, struct err *e)
{
	struct script *s = self;
	const struct step *t = &s->v[s->at];
	AUTO(buf_clear) struct buf argv = BUF_INIT;

	for (char *const *a = cmd->argv; *a; a++)
		buf_printf(&argv, "%s%s", a == cmd->argv ? "" : " ", *a);
	if (strstr(buf_str(&argv), "; echo +; ") &&
	    (s->at >= s->n || strcmp(buf_str(&argv), t->argv) != 0)) {
		buf_puts(&cmd->err, "error: unknown command");
		cmd->exit_code = 1;
		return 0;
	}
	if (s->at >= s->n)
		fail_msg("not in the script: %s", buf_str(&argv));
	assert_string_equal(buf_str(&argv), t->argv);
	assert_true(cmd->timeout_us > 0);
	s->at++;
	s->changes += cmd->mutates;
	if (t->in)
		assert_memory_equal(cmd->in, t->in, cmd->in_len);
	if (t->kind)
		return err_set(e, t->kind, "link cut");
	cmd->exit_code = t->exit_code;
	buf_puts(&cmd->out, t->out ? t->out : "");
	buf_puts(&cmd->err, t->err ? t->err : "");
	return 0;
}

static const char *const prefix[] = {"virsh", NULL};

static struct virt *with(struct script *s, const struct step *v, size_t n)
{
	const struct virt_runner r = {.run = play, .self = s};

	*s = (struct script){.v = v, .n = n};
	return virt_virsh_new("compute-30", prefix, &r);
}

#define WITH(s, steps) with(&(s), (steps), ARRAY_SIZE(steps))

static void done(struct script *s, struct virt *v, size_t changes)
{
	assert_int_equal(s->at, s->n);
	assert_int_equal(s->changes, changes);
	virt_free(v);
}

#endif
