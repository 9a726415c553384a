/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one move is: who, from where, to where, which files, and how.
 *
 * The plan makes it from facts, the journal keeps it as JSON (member "move" of
 * the plan), and the steps read it.  It holds no secret and nothing that only
 * this process knows, so any machine that holds the journal can go on.
 *
 * Where things lie, with IP = a side's instances_path:
 *
 *	source                               target
 *	IP/<uuid>/                           IP/.novahaul/<job>/stage/instance/
 *	  |  disarm (rename)                   |  install (rename)
 *	  v                                    v
 *	IP/.novahaul/<job>/source/instance/  IP/<uuid>/
 *	IP/.novahaul/<job>/hold/<base>       IP/.novahaul/<job>/hold/<base>
 *	IP/.novahaul/<job>/manifest.json     IP/.novahaul/<job>/manifest.json
 *
 * A rescue (.dead): the source is off, and its disks are seen on the host
 *.disks below .src.instances_path.  Nothing there is ever written, renamed,
 *locked or held: the files are read where they lie, no work directory is made
 *and no lease taken, and what keeps the source from starting the guest is that
 *it is proven to be off (steps/step_fence.c).
 *
 * Nova's sweepers look at uuid-named directories and into _base only, so
 * nothing of Nova's touches .novahaul (nova/virt/libvirt/imagecache.py,
 * 2014.1 to 33.0.2).
 */
#ifndef NH_STEPS_MOVE_H
#define NH_STEPS_MOVE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/err.h"

/* Files of one instance that travel, by where they live. */
enum move_root {
	MOVE_INSTANCE = 0, /* below the instance directory */
	MOVE_NVRAM,	   /* libvirt's NVRAM directory */
	MOVE_TPM,	   /* swtpm's state directory of this uuid */
};

struct move_file {
	char *rel; /* below its root, e.g. "disk" */
	enum move_root root;
	char *format;	      /* "qcow2", "raw", or NULL where it has none */
	bool disk;	      /* written by the guest: pre-copied, and what "may
				 have run" is judged by */
	bool info;	      /* disk.info: its keys are rewritten */
	char *backing;	      /* file name below _base, or NULL */
	char *backing_format; /* "raw" or "qcow2"; NULL without backing */
	bool rebase;	      /* the header must name a path or a format anew */
	uint64_t size;	      /* apparent size at planning, bytes */
	uint64_t allocated;   /* bytes on disk at planning */
	char *user, *group;   /* owner on the target, by name */
	uint32_t mode;	      /* permission bits on the target */
};

/* A backing image. */
struct move_base {
	char *name;	/* below _base */
	bool on_target; /* present when planned: compared, not copied */
	uint64_t size, allocated;
	char *user, *group;
	uint32_t mode;
};

/* Neutron's name for an interface: XML of before Wallaby does not have it for
 * a hybrid plug. */
struct move_port {
	char *mac, *id;
	/* With .sql: Neutron's rows as planned, to be put back (db/netdb.h). */
	char *image;
};

/* A Cinder volume whose attachment changes with the host (new flow, Queens and
 * newer). */
struct move_volume {
	char *id;
	int64_t bdm_id;	  /* block_device_mapping.id */
	char *attachment; /* of the source: what the row names */
	char *device;	  /* "/dev/vdb" */
	char *mode;	  /* "rw" or "ro" */
	/* Of those that are detached meanwhile: */
	char *tag; /* the device's, or NULL */
	bool delete_on_termination;
};

/* One of the two hosts. */
struct move_side {
	char *host;	      /* Nova's CONF.host */
	char *node;	      /* hypervisor_hostname; never copied from host */
	int64_t compute_id;   /* compute_nodes.id */
	char *ip;	      /* migrations.dest_host; may be NULL */
	char *instances_path; /* IP, resolved */
	/* IP as this host itself calls it, where .instances_path is where
	 * another one sees it: what its disk.info and overlays name.  NULL: the
	 * same. */
	char *home;
	char *base_dir;	 /* "_base", or the image cache's directory name */
	char *nvram_dir; /* absolute, or NULL when there is no NVRAM */
	char *tpm_dir;	 /* absolute, or NULL when there is no vTPM */
	char *nova_user, *nova_group;
	/* What Cinder is told of the host, a JSON object without secrets; NULL:
	 * there is no volume to tell it for. */
	char *connector;
};

struct move {
	char *uuid, *name; /* Nova's uuid and display name */
	char *domain;	   /* libvirt's name: instance-0000002a */
	struct move_side src, dst;
	struct move_file *files;
	size_t nfiles;
	struct move_base *bases;
	size_t nbases;
	struct move_port *ports;
	size_t nports;
	struct move_volume *volumes; /* journals of before them have none */
	size_t nvolumes;
	/* Those that Nova detaches on the source, and attaches again when the
	 * guest runs on the target: steps/step_detach.c.  Only with
	 * .nova_start. */
	struct move_volume *detached;
	size_t ndetached;
	/* The instance as planned. */
	char *vm_state; /* "active" or "stopped" */
	int64_t power_state;
	char *availability_zone; /* the target's; NULL: not written */
	bool was_running;	 /* and is therefore started again */
	bool start;		 /* was_running unless --no-start */
	/* Which of the cloud's services bind it to its host, besides Nova. */
	bool placement; /* its allocations move with it */
	bool neutron;	/* its ports are bound anew */
	/* ... and its volumes attached, in the services' own databases, for no
	 * API answers. */
	bool sql;
	/* Nova starts it on the target, and writes its domain; else libvirt
	 * does, by our hand.  Only with .start. */
	bool nova_start;
	/* How. */
	bool precopy;
	uint32_t precopy_max; /* rounds; journals of before them: 0, one */
	/* Seconds in which further rounds must end; 0, and in older journals:
	 * by rule (steps/rounds.h). */
	uint32_t precopy_time_s;
	bool verify_deep;
	bool verify_full;	/* read every byte again before the rewrite */
	int64_t stop_timeout_s; /* graceful part; then hard */
	uint64_t bwlimit;	/* bytes per second, 0 for none */
	uint32_t streams;	/* connections at most from host to host; 0: as
				   is best, and in older journals */
	char *delta;		/* "auto", "blocks", "librsync", "whole" */
	char *transport;	/* "auto", "direct", "relay", "tls" */
	char *domain_xml;	/* adapted for the target at planning */
	/* A rescue: see above.  Older journals know none. */
	bool dead;
	char *disks; /* whose agent reads them; "localhost": this machine's */
	bool accept_bad; /* started though blocks of its disks are lost */
	/* What the database keeps of it (db/db.h): "evacuation" arms the dead
	 * host's nova-compute to remove its copy when it is back; NULL and
	 * "migration" do not. */
	char *history;
	uint32_t
		fence_max_age_s; /* of the proof; 0: as engine/fence.h has it */
	/* Nova's own evacuate takes the placed files over, and writes all rows
	 * (steps/step_evacuate.c).  Only with .nova_start. */
	bool adopt;
};

/* How the source itself calls its instances_path. */
static inline const char *move_home(const struct move_side *s)
{
	return s->home ? s->home : s->instances_path;
}

/* Rounds of a pre-copy: by default, and at most. */
#define MOVE_ROUNDS 5
#define MOVE_ROUNDS_MOST 100
/* Connections, at most (transfer/stripe.h). */
#define MOVE_STREAMS_MOST 8

struct move *move_new(void);
void move_free(struct move *m);
void move_freep(struct move **m);

/* A new reference. */
json_t *move_to_json(const struct move *m);
/* NULL with ERR_REFUSED when J is not of this form: a plan file is input. */
struct move *move_from_json(const json_t *j, struct err *e);

/* Bytes to copy at planning: files and the bases that the target lacks. */
uint64_t move_bytes(const struct move *m);

#endif
