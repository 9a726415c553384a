/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Preconditions of a move: pure functions of facts.
 *
 *	struct check_report r = {0};
 *
 *	checks_run(&f, &opts, &r);
 *	r.verdict, and one entry a finding in r.v
 *	check_report_clear(&r);
 *
 * A check says why not, and how to get there.  A newcomer adds one: a function
 * in the chk_<what>.c that fits (or a new file), a line in table.c, a hint.  A
 * check that has nothing to object says nothing: the table then records a pass.
 */
#ifndef NH_CHECKS_CHECKS_H
#define NH_CHECKS_CHECKS_H

#include <stdbool.h>
#include <stdint.h>

#include "facts/facts.h"

enum check_result {
	CHECK_REFUSE = 0,
	CHECK_LOCKED,  /* another job has it: exit 7 */
	CHECK_NOTHING, /* it is there already: exit 4 */
	CHECK_WARN,
	CHECK_SKIP, /* could not be looked at, and need not be */
	CHECK_PASS,
};

struct check_finding {
	enum check_result result;
	const char *check;    /* its name; static */
	char *message, *hint; /* hint may be NULL */
};

struct check_report {
	struct check_finding *v;
	size_t n;
	enum check_result verdict; /* the worst; WARN and SKIP are PASS */
	const char *current;	   /* the check that runs */
	bool dead;		   /* of a rescue: Nova cannot move it */
};

/* Whose hand starts it on the target. */
enum check_control {
	CHECK_CONTROL_AUTO = 0, /* Nova's, where nothing speaks against it */
	CHECK_CONTROL_API,	/* Nova's, or refuse */
	CHECK_CONTROL_DIRECT,	/* libvirt's */
};

/* What the operator asked for, as far as checks care. */
struct check_opts {
	enum check_control control;
	bool detach;	   /* its volumes may be taken off meanwhile */
	bool start;	   /* it will be started on the target */
	bool copy_console; /* console.log travels */
	uint64_t scratch;  /* bytes to spare on the target; 0: 64 MiB */
	bool verify_deep;
	bool ignore_heartbeat;
	bool adopt;	  /* Nova's evacuate is to take its disks over */
	bool whole_group; /* other members of its groups are on their way */
};

struct check {
	const char *name, *summary;
	void (*run)(const struct facts *f, const struct check_opts *o,
		    struct check_report *r);
};

extern const struct check *const checks_table[];

void checks_run(const struct facts *f, const struct check_opts *o,
		struct check_report *r);
void check_report_clear(struct check_report *r);
const char *check_result_name(enum check_result r);

/* For checks. */
void check_say(struct check_report *r, enum check_result result,
	       const char *hint, const char *fmt, ...) NH_PRINTF(4, 5);
#define check_refuse(r, hint, ...) check_say(r, CHECK_REFUSE, hint, __VA_ARGS__)
#define check_warn(r, hint, ...) check_say(r, CHECK_WARN, hint, __VA_ARGS__)

/* The disk's verdict by the image rules; also used by the plan.  D is cleared
 * by the caller; -1 with E when refused. */
int check_disk(const struct facts *f, const struct fact_file *q,
	       struct image_disk *d, struct err *e);

/* Will it be started on the target? */
bool check_starts(const struct facts *f, const struct check_opts *o);
/* Will Nova take that volume off, and put it on when the guest runs? */
bool check_detaches(const struct facts *f, const struct check_opts *o,
		    const struct db_bdm *b);
/* Will Nova start it on the target?  Also used by the plan. */
bool check_nova_start(const struct facts *f, const struct check_opts *o);
/* Why Nova's own evacuate cannot take over the disks of a dead host; the caller
 * frees.  NULL: it can. */
char *check_adopt_not(const struct facts *f, const struct check_opts *o);

#endif
