/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sends the agent to a host that has nothing of ours.
 *
 *	mkdir -p -m 0700 DIR	root's alone, checked
 *	tee DIR/TMP  < agent	writes a file without a character that has a
 *				meaning to a shell
 *	chmod 0700 DIR/TMP
 *	DIR/TMP --self-digest	whole, and runs here
 *	mv -f DIR/TMP DIR/agent-SHA256
 *				atomic: two who send at once agree
 *	DIR/agent-SHA256 --tidy	other builds, sent long ago and not in use; it
 *				may fail
 */
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/fs.h"
#include "core/log.h"
#include "core/uuid.h"
#include "host/ssh_priv.h"

enum { AGENT_MAX = 256 << 20 };
#define SEND_US (180 * 1000000LL)

/* Runs "PREFIX WORDS"; anything but exit code 0 is an error. */
static int must(struct ssh *h, struct ssh_cmd *c, const char *words,
		struct err *e)
{
	AUTO(mem_freep) char *cmd = mem_printf("%s%s", ssh_prefix(h), words);

	c->cmd = cmd;
	if (ssh_exec(h, c, e)) {
		/* Repeating all of this is harmless. */
		if (e->kind == ERR_LOST)
			e->kind = ERR_RETRY;
		return -1;
	}
	if (!c->code)
		return 0;
	err_set(e, ERR_FAILED, "%s: exit code %d: %.*s", cmd, c->code,
		(int)strcspn(buf_str(&c->err), "\r\n"), buf_str(&c->err));
	if (*ssh_prefix(h))
		err_hint(e,
			 "%s needs sudo without a password there, or log "
			 "in as root",
			 h->cfg->user);
	return -1;
}

static int simple(struct ssh *h, const char *words, struct err *e)
{
	struct ssh_cmd c = {0};
	int rc = must(h, &c, words, e);

	ssh_cmd_clear(&c);
	return rc;
}

/* "drwx------ 2 0 0 ...": whoever could write there would be root. */
static int check_dir(struct ssh *h, const char *dir, struct err *e)
{
	AUTO(mem_freep) char *words = mem_printf("ls -ldn %s", dir);
	AUTO(strv_clear) struct strv f = STRV_INIT;
	struct ssh_cmd c = {0};
	int rc = must(h, &c, words, e);

	if (!rc) {
		strv_split(&f, buf_str(&c.out), " \n");
		if (f.n < 4 || strlen(f.v[0]) < 10 || f.v[0][0] != 'd' ||
		    f.v[0][5] == 'w' || f.v[0][8] == 'w' || strcmp(f.v[2], "0"))
			rc = err_set(e, ERR_REFUSED,
				     "%s is not root's alone: %.60s", dir,
				     buf_str(&c.out));
	}
	ssh_cmd_clear(&c);
	return rc;
}

static int send_file(struct ssh *h, const char *tmp, const struct buf *agent,
		     struct err *e)
{
	AUTO(mem_freep) char *words = mem_printf("tee %s", tmp);
	struct ssh_cmd c = {.in = agent->p, .n = agent->len};
	int rc = must(h, &c, words, e);

	/* tee repeats on its output what it read. */
	if (!rc &&
	    (c.out.len != agent->len || memcmp(c.out.p, agent->p, agent->len)))
		rc = err_set(e, ERR_RETRY, "%s arrived damaged", tmp);
	ssh_cmd_clear(&c);
	return rc;
}

/* Whole, of this machine's kind, and allowed to run. */
static int prove(struct ssh *h, const char *tmp, bool *unfit, struct err *e)
{
	AUTO(mem_freep) char *words = mem_printf("%s --self-digest", tmp);
	struct ssh_cmd c = {0};
	int rc = must(h, &c, words, e);

	if (!rc && strncmp(buf_str(&c.out), h->cfg->agent_sha256, 64))
		rc = err_set(e, ERR_FAILED, "%s has another digest: %.64s", tmp,
			     buf_str(&c.out));
	/* 126: found, and not to be executed. */
	*unfit = rc &&
		 (c.code == 126 || strstr(buf_str(&c.err), "ermission denied"));
	ssh_cmd_clear(&c);
	return rc;
}

static void drop_old(struct ssh *h, const char *dir)
{
	AUTO(mem_freep)
	char *words =
		mem_printf("%s/agent-%s --tidy", dir, h->cfg->agent_sha256);
	struct err e = ERR_INIT;

	if (simple(h, words, &e))
		log_info("%s: old builds of the agent stay: %s", h->cfg->name,
			 err_msg(&e));
	err_clear(&e);
}

static int place(struct ssh *h, const char *dir, const char *tmp,
		 const struct buf *agent, bool *unfit, struct err *e)
{
	AUTO(mem_freep) char *mode = mem_printf("chmod 0700 %s", tmp);
	AUTO(mem_freep)
	char *mv = mem_printf("mv -f %s %s/agent-%s", tmp, dir,
			      h->cfg->agent_sha256);

	if (send_file(h, tmp, agent, e) || simple(h, mode, e) ||
	    prove(h, tmp, unfit, e) || simple(h, mv, e))
		return -1;
	drop_old(h, dir);
	return 0;
}

int bootstrap(struct ssh *h, const char *dir, bool *unfit, struct err *e)
{
	AUTO(buf_clear) struct buf agent = BUF_INIT;
	AUTO(mem_freep) char *mkdir = mem_printf("mkdir -p -m 0700 %s", dir);
	AUTO(mem_freep) char *tmp = NULL;
	AUTO(mem_freep) char *rm = NULL;
	char id[UUID_LEN + 1];
	struct err also = ERR_INIT;

	uuid_random(id);
	tmp = mem_printf("%s/.agent-%s.tmp", dir, id);
	rm = mem_printf("rm -f %s", tmp);
	h->deadline = clock_mono_us() + SEND_US;
	if (fs_read_path(h->cfg->agent, AGENT_MAX, &agent, e) ||
	    simple(h, mkdir, e) || check_dir(h, dir, e))
		return err_wrap(e, "sending the agent");
	if (!place(h, dir, tmp, &agent, unfit, e))
		return 0;
	if (simple(h, rm, &also))
		err_clear(&also);
	return err_wrap(e, "sending the agent");
}
