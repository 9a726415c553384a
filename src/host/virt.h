/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One host's libvirt: the port through which steps see and change domains.
 *
 *	steps ─> virt_state() ... ─> struct virt_ops ─┬─ virsh over a runner
 *						      └─ a test's fake host
 *
 * A domain is named by its uuid (Nova's instance uuid) everywhere but in
 * virt_name_uuid().  Every function returns 0 or -1 and wraps its error with
 * the host and the instance.  What an error's kind says:
 *
 *	ERR_FAILED	libvirt answered no; the domain is as it was
 *	ERR_RETRY	libvirt could not be asked, or was busy; nothing changed
 *	ERR_LOST	a mutating command had no answer (timeout, cut link,
 *			libvirtd died under it): call virt_state() and decide
 *	ERR_REFUSED	we will not do that, e.g. erase NVRAM
 *
 * Reading functions never return ERR_LOST: there is nothing to lose.
 * Nothing here retries a mutation by itself.  What survives a crash of ours:
 * everything libvirt did; each operation may be called again after a probe.
 */
#ifndef NH_HOST_VIRT_H
#define NH_HOST_VIRT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/uuid.h"

struct domain;
struct virt;

enum virt_state {
	VIRT_STATE_UNKNOWN = 0, /* never returned with 0 */
	VIRT_ABSENT,		/* libvirt knows no such domain */
	VIRT_SHUTOFF,		/* defined, no process */
	VIRT_RUNNING,		/* running, blocked, or on its way down */
	VIRT_PAUSED,
	VIRT_OTHER, /* crashed but kept, pmsuspended, no state: NOT stopped */
};

/* "absent", "shutoff", "running", ... */
const char *virt_state_name(enum virt_state s);

struct virt_status {
	enum virt_state state;
	char reason[48]; /* libvirt's: "destroyed", "booted", ... or "" */
};

/* Properties that are not in a domain's XML. */
struct virt_flags {
	bool persistent;   /* has a definition; false while only running */
	bool autostart;	   /* started at boot without Nova */
	bool managed_save; /* memory saved: moving it would lose it */
	bool snapshots;
	bool checkpoints;
};

/* All that there is to see of a domain, before anything is done with it. */
struct virt_look {
	struct virt_status st;
	struct virt_flags flags; /* these two only where it is not absent */
	struct buf xml;		 /* the definition; owned */
};

struct virt_version {
	unsigned libvirt;    /* 1000000 * major + 1000 * minor + release */
	unsigned hypervisor; /* QEMU's, same form; 0 when not told */
};

/* What to ask `virsh domcapabilities` about; NULL means libvirt's default. */
struct virt_domcaps {
	const char *virttype; /* kvm, qemu */
	const char *arch;
	const char *machine;
	const char *emulator;
};

/*
 * One entry a function below, same arguments; implementations need not wrap
 * errors.  An implementation embeds struct virt as its first member.
 */
struct virt_ops {
	int (*uuids)(struct virt *v, struct strv *out, struct err *e);
	int (*name_uuid)(struct virt *v, const char *name,
			 char uuid[UUID_LEN + 1], struct err *e);
	int (*state)(struct virt *v, const char *uuid, struct virt_status *st,
		     struct err *e);
	int (*flags)(struct virt *v, const char *uuid, struct virt_flags *f,
		     struct err *e);
	int (*dumpxml)(struct virt *v, const char *uuid, bool inactive,
		       struct buf *xml, struct err *e);
	/* May be NULL, or put false into *GOOD where the questions are to be
	 * asked one by one. */
	int (*look)(struct virt *v, const char *uuid, struct virt_look *l,
		    bool *good, struct err *e);
	int (*autostart)(struct virt *v, const char *uuid, bool on,
			 struct err *e);
	int (*shutdown)(struct virt *v, const char *uuid, struct err *e);
	int (*destroy)(struct virt *v, const char *uuid, struct err *e);
	int (*undefine)(struct virt *v, const char *uuid, bool saved,
			struct err *e);
	int (*define)(struct virt *v, const char *uuid, const char *xml,
		      struct err *e);
	int (*start)(struct virt *v, const char *uuid, struct err *e);
	int (*capabilities)(struct virt *v, struct buf *xml, struct err *e);
	int (*domcapabilities)(struct virt *v, const struct virt_domcaps *ask,
			       struct buf *xml, struct err *e);
	int (*version)(struct virt *v, struct virt_version *out, struct err *e);
	int (*secret_has)(struct virt *v, const char *uuid, bool *has,
			  struct err *e);
	int (*net_missing)(struct virt *v, const struct domain *d,
			   struct strv *items, struct err *e);
	int (*net_plug)(struct virt *v, const struct domain *d, struct err *e);
	int (*net_unplug)(struct virt *v, const struct domain *d,
			  const struct strv *items, struct err *e);
	void (*free)(struct virt *v);
};

struct virt {
	const struct virt_ops *ops;
	const char *host; /* for error texts; borrowed or the ops' own */
};

/* --- looking: changes nothing ------------------------------------------- */

/* All domains of the host, running or not. */
int virt_uuids(struct virt *v, struct strv *out, struct err *e);
/* The uuid of the domain with this name; "" when there is none. */
int virt_name_uuid(struct virt *v, const char *name, char uuid[UUID_LEN + 1],
		   struct err *e);
/* VIRT_ABSENT is an answer of its own, read from a list that succeeded, never
 * inferred from an error. */
int virt_state(struct virt *v, const char *uuid, struct virt_status *st,
	       struct err *e);
int virt_flags(struct virt *v, const char *uuid, struct virt_flags *f,
	       struct err *e);
/* The definition (INACTIVE) or what runs now.  Secrets are left out. */
int virt_dumpxml(struct virt *v, const char *uuid, bool inactive,
		 struct buf *xml, struct err *e);
/* State, flags and definition, with as few questions as can be. */
int virt_look(struct virt *v, const char *uuid, struct virt_look *l,
	      struct err *e);
void virt_look_clear(struct virt_look *l);
/* Host capabilities XML; see domain/caps.h for parsers of both. */
int virt_capabilities(struct virt *v, struct buf *xml, struct err *e);
int virt_domcapabilities(struct virt *v, const struct virt_domcaps *ask,
			 struct buf *xml, struct err *e);
int virt_version(struct virt *v, struct virt_version *out, struct err *e);
/* Does this host's libvirt hold the secret?  Its value is never read. */
int virt_secret_has(struct virt *v, const char *uuid, bool *has, struct err *e);

/* --- changing ------------------------------------------------------------ */

int virt_autostart(struct virt *v, const char *uuid, bool on, struct err *e);
/* Asks the guest to power off, as Nova does: through its agent if it has one,
 * else by ACPI.  Does not wait for it. */
int virt_shutdown(struct virt *v, const char *uuid, struct err *e);
/* Pulls the plug. */
int virt_destroy(struct virt *v, const char *uuid, struct err *e);
/*
 * Removes the definition, keeping NVRAM and vTPM state (--keep-nvram,
 * --keep-tpm; never --nvram, --tpm, --managed-save or any storage flag).
 * Where this libvirt cannot keep what the domain has, it is refused, unless
 * the caller says with SAVED that those files have been moved away already.
 * A domain with a managed save image or snapshots is refused.
 */
int virt_undefine(struct virt *v, const char *uuid, bool saved, struct err *e);
/* UUID must be the XML's own; an existing definition of it is replaced. */
int virt_define(struct virt *v, const char *uuid, const char *xml,
		struct err *e);
int virt_start(struct virt *v, const char *uuid, struct err *e);

/*
 * The host's side of D's interfaces, as Nova's os-vif would prepare it.
 * Before a plug, ask what is missing and journal it: those items, by stable
 * names such as "bridge brq0a1b2c3d-4e", are what this job will create, and
 * exactly what net_unplug removes.  Interfaces of other types than Linux
 * bridge and Open vSwitch are ERR_REFUSED; see host/net.h.
 */
int virt_net_missing(struct virt *v, const struct domain *d, struct strv *items,
		     struct err *e);
int virt_net_plug(struct virt *v, const struct domain *d, struct err *e);
int virt_net_unplug(struct virt *v, const struct domain *d,
		    const struct strv *items, struct err *e);

void virt_free(struct virt *v);

/* --- stopping, as a policy over the functions above ----------------------- */

struct virt_stop {
	int timeout_s; /* for the graceful part; 0: pull the plug at once */
	int retry_s;   /* ask again every so often; 0 means Nova's 10 s */
	int poll_s;    /* look every so often; 0 means 0.1 s, rising to 1 s */
	/* Called before each wait with the seconds spent; may be NULL. */
	void (*progress)(void *arg, int waited_s);
	void *arg;
};

enum virt_stopped {
	VIRT_STOP_NONE = 0,
	VIRT_STOP_ALREADY, /* was shut off, or absent, before */
	VIRT_STOP_GRACEFUL,
	VIRT_STOP_FORCED,
};

/*
 * Stops a running guest: ACPI, again every RETRY_S because a guest that is
 * still booting ignores it (nova.virt.libvirt.driver:_clean_shutdown, Juno to
 * master), and after TIMEOUT_S virt_destroy().  0 means it has been seen shut
 * off.  Paused, crashed and suspended guests are ERR_REFUSED (ERR_CONFLICT if
 * they became so while waiting).  A stop request
 * (core/stop.h) ends it with ERR_INTERRUPTED and never with a destroy; the
 * guest may still act on the ACPI request that it has got.
 */
int virt_stop(struct virt *v, const char *uuid, const struct virt_stop *how,
	      enum virt_stopped *out, struct err *e);

/* --- the real one -------------------------------------------------------- */

/* One command on the host; argv only, no shell. */
struct virt_cmd {
	/* in */
	char *const *argv; /* NULL-terminated; borrowed */
	const void *in;	   /* bytes for its stdin, or NULL */
	size_t in_len;
	int64_t timeout_us;
	bool mutates;
	/* Of the host, and the same until its libvirt or QEMU is replaced: what
	 * was said some seconds ago will do. */
	bool lasting;
	/* out */
	int exit_code;	     /* 0-255, or 128 + signal */
	struct buf out, err; /* cleared by the caller of run */
};

/*
 * RUN returns 0 once the command has ended by itself, whatever its exit code;
 * -1 with ERR_LOST when that is not known (timeout, cut link), ERR_STALE when
 * a later epoch holds the instance, and another kind when it never started.
 * Its environment has no locale but C; where a prefix may keep it from virsh it
 * is added by `env`.
 */
struct virt_runner {
	int (*run)(void *self, struct virt_cmd *cmd, struct err *e);
	void *self;
	/* A survey, on which nobody acts before having looked again: all that
	 * changes nothing is .lasting, and the rest is refused. */
	bool survey;
};

/*
 * libvirt of HOST through virsh.  PREFIX is the host profile's argv for virsh,
 * e.g. {"virsh"} or {"docker", "exec", "-i", "nova_libvirt", "virsh"}, with
 * any -c URI at its end; it must pass stdin on.  All arguments are copied but
 * RUNNER's SELF, which must outlive the handle.  Sends nothing by itself.
 */
struct virt *virt_virsh_new(const char *host, const char *const *prefix,
			    const struct virt_runner *runner)
	NH_DEALLOC(virt_free);

#endif
