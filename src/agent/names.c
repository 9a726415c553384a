/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of users and groups, by running getent(1): a static program cannot
 * load the host's name service modules, and the host's word is what counts.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_priv.h"
#include "core/clock.h"
#include "core/proc.h"

/* What getent said is kept for so long: a job asks for the same few names over
 * and over, each a process of its own. */
enum { NAMES_KEEP_US = 60 * 1000000 };

struct known {
	char *db, *key;
	char *line; /* NULL: the host knows none */
	char *name; /* the line's first field */
	int64_t until;
	bool failed; /* it did not say */
};

struct names {
	struct known *v;
	size_t n;
};

struct names *names_new(void)
{
	return MEM_NEW(struct names);
}

static void forget(struct known *k)
{
	mem_free(k->db);
	mem_free(k->key);
	mem_free(k->line);
	mem_free(k->name);
	*k = (struct known){0};
}

void names_free(struct names *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->n; i++)
		forget(&n->v[i]);
	mem_free(n->v);
	mem_free(n);
}

bool names_ok(const char *s)
{
	if (!*s || *s == '-' || strlen(s) > 256)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_.@$\\+-", *s))
			return false;
	return true;
}

static int ask(const char *db, const char *key, char **line, struct err *e)
{
	char *argv[] = {(char *)"getent", (char *)db, (char *)key, NULL};
	struct proc p = {.argv = argv, .timeout_us = 20 * 1000000};
	int rc = 0;

	*line = NULL;
	if (proc_run(&p, e)) {
		/* Only reading: nothing can be lost. */
		if (e->kind == ERR_LOST)
			e->kind = ERR_RETRY;
		rc = err_wrap(e, "getent %s %s", db, key);
	} else if (p.exit_code == 0) {
		*line = mem_strndup(buf_str(&p.out),
				    strcspn(buf_str(&p.out), "\n"));
	} else if (p.exit_code != 2) {
		rc = err_set(e, ERR_FAILED, "getent %s %s: exit code %d: %s",
			     db, key, p.exit_code, buf_str(&p.err));
	}
	proc_clear(&p);
	return rc;
}

static struct known *slot(struct names *n, const char *db, const char *key)
{
	for (size_t i = 0; i < n->n; i++)
		if (!strcmp(n->v[i].db, db) && !strcmp(n->v[i].key, key))
			return &n->v[i];
	n->v = mem_realloc(n->v, n->n + 1, sizeof(*n->v));
	n->v[n->n] =
		(struct known){.db = mem_strdup(db), .key = mem_strdup(key)};
	return &n->v[n->n++];
}

/* A name service that does not answer takes 20 s each time: what only looks
 * nicer with a name does not ask it AGAIN. */
static struct known *known(struct names *n, const char *db, const char *key,
			   bool again, struct err *e)
{
	int64_t now = clock_mono_us();
	struct known *k = slot(n, db, key);
	char *line;

	if (k->until > now && !(k->failed && again))
		return k;
	k->failed = ask(db, key, &line, e) != 0;
	mem_free(k->line);
	mem_free(k->name);
	k->line = line;
	k->name = line ? names_field(line, 0) : NULL;
	k->until = clock_mono_us() + NAMES_KEEP_US;
	return k;
}

int names_line(struct names *n, const char *db, const char *key, bool *found,
	       struct buf *line, struct err *e)
{
	const struct known *k;

	*found = false;
	if (!names_ok(key))
		return err_set(e, ERR_USAGE, "\"%.256s\": not a name", key);
	k = known(n, db, key, true, e);
	*found = k->line != NULL;
	if (*found)
		buf_puts(line, k->line);
	return k->failed ? -1 : 0;
}

char *names_field(const char *line, unsigned i)
{
	for (; i; i--) {
		line += strcspn(line, ":");
		if (*line)
			line++;
	}
	return mem_strndup(line, strcspn(line, ":"));
}

static bool parse_id(const char *s, uint32_t *id)
{
	char *end;
	unsigned long v;

	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	v = strtoul(s, &end, 10);
	/* The last one means "unchanged" to chown(2). */
	if (*end || errno || v >= UINT32_MAX)
		return false;
	*id = (uint32_t)v;
	return true;
}

/* The third field, whatever the database. */
static int lookup(struct agent *a, const char *db, const char *what,
		  const char *name, bool numeric, uint32_t *id, struct err *e)
{
	AUTO(buf_clear) struct buf line = BUF_INIT;
	AUTO(mem_freep) char *digits = NULL;
	bool found;

	if (numeric && parse_id(name, id))
		return 0;
	if (isdigit((unsigned char)*name))
		return err_set(e, ERR_USAGE,
			       "\"%.64s\": a number where a %s's name is "
			       "wanted",
			       name, what);
	if (names_line(a->names, db, name, &found, &line, e))
		return -1;
	if (!found) {
		err_set(e, ERR_FAILED, "there is no %s named \"%s\"", what,
			name);
		e->sys = ESRCH;
		return -1;
	}
	digits = names_field(buf_str(&line), 2); /* name:password:ID:... */
	if (parse_id(digits, id))
		return 0;
	return err_set(e, ERR_FAILED, "getent %s %s: \"%s\"", db, name,
		       buf_str(&line));
}

int agent_uid(struct agent *a, const char *user, bool numeric, uid_t *uid,
	      struct err *e)
{
	return lookup(a, "passwd", "user", user, numeric, uid, e);
}

int agent_gid(struct agent *a, const char *group, bool numeric, gid_t *gid,
	      struct err *e)
{
	return lookup(a, "group", "group", group, numeric, gid, e);
}

static const char *name_of(struct names *n, const char *db, uint32_t id)
{
	struct err e = ERR_INIT;
	char key[16];
	const struct known *k;

	snprintf(key, sizeof(key), "%u", (unsigned)id);
	k = known(n, db, key, false, &e);
	err_clear(&e);
	return k->name;
}

const char *agent_user(struct agent *a, uid_t uid)
{
	return name_of(a->names, "passwd", uid);
}

const char *agent_group(struct agent *a, gid_t gid)
{
	return name_of(a->names, "group", gid);
}
