/* SPDX-License-Identifier: Apache-2.0 */
/* virsh*.c: one handle, and how it runs a command. */
#ifndef NH_HOST_VIRSH_PRIV_H
#define NH_HOST_VIRSH_PRIV_H

#include "host/virt.h"

struct virsh {
	struct virt virt; /* first: virt.h casts */
	char *host;
	struct strv prefix; /* profile's argv, the locale and -q added */
	struct virt_runner runner;
	bool no_domstats;
	bool one_by_one; /* it does not take several questions at once */
	bool keep_known, keep_nvram, keep_tpm;
};

struct virsh_call {
	struct strv argv;
	size_t first; /* where virsh's own words begin; 0: not virsh */
	const char *in;
	int timeout_s;
	bool mutates;
	bool lasting;
	int exit_code;
	struct buf out, err;
};

void virsh_call_clear(struct virsh_call *c);
/* 0 once it has ended, whatever its exit code. */
int virsh_run(struct virsh *s, struct virsh_call *c, struct err *e);
/* 0 for exit code 0 only. */
int virsh_ok(struct virsh *s, struct virsh_call *c, struct err *e);
/* Is TEXT in its stderr? */
bool virsh_says(const struct virsh_call *c, const char *text);
/* The error of a call that ended with another exit code; -1. */
int virsh_failed(const struct virsh_call *c, struct err *e);

/* Starts NAME's argv with the prefix. */
void virsh_begin(const struct virsh *s, struct virsh_call *c);
/* Is UUID in the list of domains that FILTER lets through?  NULL: of all. */
int virsh_listed(struct virsh *s, const char *filter, const char *uuid,
		 bool *is, struct err *e);
/*
 * As one virsh, whose start costs more than the questions: is UUID listed, and
 * what comes of COMMAND then?  C has its output after the list's, borrowed in
 * *OUT.  Puts false into *GOOD where it did not go smoothly, whatever it was:
 * then all is to be asked for one by one, as if this had not been.
 */
int virsh_both(struct virsh *s, struct virsh_call *c, const char *uuid,
	       const char *command, bool *is, const char **out, bool *good,
	       struct err *e);
/* Likewise: is UUID in the lists that these N FILTERS let through? */
int virsh_listed_n(struct virsh *s, const char *const *filters, size_t n,
		   const char *uuid, bool *is, struct err *e);
/* Likewise, and what other commands say after them: to be told apart by their
 * own '+', borrowed from C. */
struct virsh_lists {
	const char *const *filters;
	size_t n;
	const char *then; /* several commands */
	bool *is;	  /* of N */
	const char *rest; /* what they said */
};
int virsh_listed_then(struct virsh *s, struct virsh_call *c, const char *uuid,
		      struct virsh_lists *q, bool *good, struct err *e);
/* ERR_CONFLICT when libvirt does not list UUID. */
int virsh_must_exist(struct virsh *s, const char *uuid, struct err *e);
int virsh_unknown(struct err *e);

#define T_ASK 30
#define T_CHANGE 60
/* libvirt waits 60 s for a guest agent that does not answer */
#define T_SHUTDOWN 90
/* QEMU that hangs in the kernel is given time to die */
#define T_DESTROY 120
#define T_START 300

#define VIRSH(c, ...)                                                          \
	strv_addv(&(c)->argv, (const char *const[]){__VA_ARGS__, NULL})

/* A call of NAME that frees itself; adds the prefix. */
#define CALL(s, name, timeout, changes)                                        \
	AUTO(virsh_call_clear)                                                 \
	struct virsh_call name = {.timeout_s = (timeout),                      \
				  .mutates = (changes)};                       \
	virsh_begin((s), &name)

#define VIRSH_SELF(v) ((struct virsh *)(v))

/* virsh_dom.c */
int virsh_state(struct virt *v, const char *uuid, struct virt_status *st,
		struct err *e);
int virsh_flags(struct virt *v, const char *uuid, struct virt_flags *f,
		struct err *e);
int virsh_dumpxml(struct virt *v, const char *uuid, bool inactive,
		  struct buf *xml, struct err *e);
int virsh_look(struct virt *v, const char *uuid, struct virt_look *l,
	       bool *good, struct err *e);
int virsh_autostart(struct virt *v, const char *uuid, bool on, struct err *e);
int virsh_shutdown(struct virt *v, const char *uuid, struct err *e);
int virsh_destroy(struct virt *v, const char *uuid, struct err *e);
int virsh_start(struct virt *v, const char *uuid, struct err *e);
int virsh_define(struct virt *v, const char *uuid, const char *xml,
		 struct err *e);
int virsh_undefine(struct virt *v, const char *uuid, bool saved, struct err *e);

/* virsh_net.c */
int virsh_net_missing(struct virt *v, const struct domain *d,
		      struct strv *items, struct err *e);
int virsh_net_plug(struct virt *v, const struct domain *d, struct err *e);
int virsh_net_unplug(struct virt *v, const struct domain *d,
		     const struct strv *items, struct err *e);

#endif
