/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runbooks: a maintenance as a file.  Pure: text in, checked steps out.
 *
 *	struct runbook rb = RUNBOOK_INIT;
 *	struct runbook_input in = {.book = {name, text, len}, .set = vars};
 *
 *	if (runbook_parse(&in, &rb, &e)) ...	"FILE:LINE:COLUMN: what is
 *wrong" plan = runbook_json(&rb);		what the journal keeps
 *	runbook_clear(&rb);
 *	...
 *	runbook_from_json(plan, &rb, &e);	what a resume goes on with
 *
 * Everything is decided when the file is read: variables are put in, for-each
 * is written out, the values have their types, and nothing but a flat list of
 * steps is left.  A run works on that list as the journal has it; the file may
 * change or vanish meanwhile.
 *
 * The file is not trusted more than any other: anchors, aliases, tags, a second
 * document, repeated and unknown keys are refused, and size, depth and number
 * of steps are bounded.  An error is ERR_USAGE and names the place; its hint
 * says what may stand there.
 *
 * doc/man/novahaul-runbook.pod is the schema for people; a test compares it
 * with runbook_schema().
 */
#ifndef NH_RUNBOOK_RUNBOOK_H
#define NH_RUNBOOK_RUNBOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

enum {
	RUNBOOK_VERSION = 1,
	RUNBOOK_TEXT_MAX = 256 << 10, /* bytes of one file */
	RUNBOOK_NODES_MAX = 20000,
	RUNBOOK_DEPTH_MAX = 12,
	RUNBOOK_STEPS_MAX = 1000, /* after for-each */
	RUNBOOK_VALUE_MAX = 8192, /* bytes of one value, variables put in */
};

/* ---- the schema */

/* What a value must be, and what it is in JSON. */
enum runbook_value {
	RUNBOOK_TEXT = 0, /* string */
	RUNBOOK_NAME,	  /* string: [A-Za-z0-9._-], as steps are called */
	RUNBOOK_PATH,	  /* string: absolute */
	RUNBOOK_HOST,	  /* string: a valid host name */
	RUNBOOK_SERVER,	  /* string: name or uuid */
	RUNBOOK_CHOICE,	  /* string: one of .choices */
	RUNBOOK_BOOLEAN,  /* true, false */
	RUNBOOK_NUMBER,	  /* integer, 0 to 100,000 */
	RUNBOOK_DURATION, /* integer: seconds; s, m, h, d */
	RUNBOOK_SIZE,	  /* integer: bytes; k, M, G, T */
	RUNBOOK_HOSTS,	  /* arrays of these */
	RUNBOOK_SERVERS,
	RUNBOOK_NUMBERS,
	RUNBOOK_TEXTS,
	RUNBOOK_ARGV,	/* array of strings: a command, its words apart */
	RUNBOOK_NESTED, /* lists and maps with a section of their own */
};

struct runbook_key {
	const char *name; /* NULL ends a table */
	enum runbook_value value;
	bool required;
	const char *const *choices; /* NULL-terminated */
};

/* A kind of map in the file: "runbook", "variable", "profile", "step",
 * "for-each", and one for each type of step, with the keys that it has beside
 * those of "step". */
struct runbook_section {
	const char *name;
	const struct runbook_key *keys;
};

/* All of them; .name NULL ends. */
const struct runbook_section *runbook_schema(void);
/* "host", "a list of hosts", ...: for people. */
const char *runbook_value_name(enum runbook_value v);

/* ---- a runbook */

enum runbook_type { /* names: runbook_type_name() */
		    RUNBOOK_CHECK = 0,
		    RUNBOOK_DISABLE,
		    RUNBOOK_ENABLE,
		    RUNBOOK_EVACUATE,
		    RUNBOOK_MOVE,
		    RUNBOOK_WAIT,
		    RUNBOOK_HOOK,
		    RUNBOOK_APPROVE,
		    RUNBOOK_RETURN,
		    RUNBOOK_AUDIT,
		    RUNBOOK_REPORT,
};
enum { RUNBOOK_TYPES = RUNBOOK_REPORT + 1 };

enum runbook_failure {
	RUNBOOK_STOP = 0, /* the run stays open there */
	RUNBOOK_CONTINUE,
	RUNBOOK_ROLLBACK,
};

struct runbook_step {
	char *name;
	enum runbook_type type;
	enum runbook_failure on_failure;
	bool skip;	   /* `when` said no, or `unless` yes */
	unsigned line;	   /* in the file; 0: not known any more */
	char *description; /* or NULL */
	/* The type's own keys, as runbook_value says; one that was not given
	 * is not there. */
	json_t *args;
};

struct runbook {
	char *name, *description; /* description may be NULL */
	json_t *vars;		  /* object: what each variable was */
	/* Array of {hosts, virsh, path-map, instances-path,
	 * nova-user, nova-group, qemu-user, qemu-group}. */
	json_t *profiles;
	struct runbook_step *steps;
	size_t n;
};

#define RUNBOOK_INIT                                                           \
	{                                                                      \
		0                                                              \
	}

struct runbook_text {
	const char *name; /* stands in errors */
	const char *text;
	size_t len;
};

struct runbook_input {
	struct runbook_text book;
	struct runbook_text vars; /* of --vars; .text NULL: none */
	const char *const *set;	  /* "name=value", NULL-terminated, or NULL:
				     they win over .vars */
};

/* Every string of the result is a copy.  On an error OUT is empty. */
int runbook_parse(const struct runbook_input *in, struct runbook *out,
		  struct err *e);
void runbook_clear(struct runbook *rb);

/* {name, description, vars, profiles, steps: [{name, type, on_failure, skip,
 * line, description, args}]}: complete, and what it is read from again. */
json_t *runbook_json(const struct runbook *rb);
/* ERR_REFUSED when it is not what runbook_json() writes. */
int runbook_from_json(const json_t *j, struct runbook *out, struct err *e);

const char *runbook_type_name(enum runbook_type t);
const char *runbook_failure_name(enum runbook_failure f);
/* Does a step of this type change something beyond its own records? */
bool runbook_type_mutates(enum runbook_type t);

/* Step NAME, or NULL. */
const struct runbook_step *runbook_step(const struct runbook *rb,
					const char *name);

#endif
