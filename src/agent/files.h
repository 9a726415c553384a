/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs on files share. */
#ifndef NH_AGENT_FILES_H
#define NH_AGENT_FILES_H

#include <sys/stat.h>

#include "agent/verb.h"

/* Values as in host/host.h's enum host_type: part of the protocol. */
enum file_type {
	FILE_NONE = 0,
	FILE_REGULAR,
	FILE_DIR,
	FILE_LINK,
	FILE_SPECIAL,
};

enum file_type files_type(mode_t mode);
void files_put_stat(struct agent *a, struct enc *out, const struct stat *st);
/* lstat(2); e->sys ENOENT when it or a directory above does not exist. */
int files_look(const struct agent_path *p, struct stat *st, struct err *e);
/* Opens a regular file or a directory for reading. */
int files_open_any(const struct agent_path *p, struct err *e);

struct files_entry {
	int dir;	  /* open directory that holds it */
	const char *name; /* in it */
	const char *rel;  /* below the directory walked */
	const struct stat *st;
};
struct files_walk {
	unsigned depth; /* 0: no limit */
	unsigned max;	/* entries; more are an error */
	bool after;	/* directories after what they hold */
	int (*fn)(const struct files_entry *en, void *arg, struct err *e);
	void *arg;
};
int verb_hold(struct verb_call *c, struct err *e);  /* verb_hold.c */
int verb_trial(struct verb_call *c, struct err *e); /* verb_trial.c */

/* Every entry beneath the open directory DIR, by name; no link is followed and
 * no other file system entered. */
int files_walk(const struct files_walk *w, int dir, struct err *e);

#endif
