/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One read-only snapshot of the world around one instance and one target.
 *
 *	facts_init(&f, "compute-34");
 *	facts_database(&f, db, "web-1", &e)	who, where, what Nova knows
 *	  ... the caller opens f.srv.inst.host and the target ...
 *	facts_host(&f, SRC_HOST, host, virt)	what each host says
 *	facts_host(&f, DST_HOST, host, virt)
 *	facts_files(&f, src, dst, &e)		disks, backing images
 *	facts_clear(&f);
 *
 * Checks and plans are pure functions of this struct, so their tests fill it by
 * hand.  What could not be read is a fact too: a host that does not answer, or
 * a right that is missing, is an error text in the struct and not an error of
 * these functions; a check turns it into a refusal.  Only the database, without
 * which nothing is known at all, and files that cannot be read at all fail.
 *
 * A rescue: facts_dead() stands for the source's facts_host().  The source
 * itself is not asked; its disks are read where another host sees them.
 *
 * Nothing here changes anything.  Secrets (connection URLs, connection_info)
 * are not kept.
 */
#ifndef NH_FACTS_FACTS_H
#define NH_FACTS_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/novaconf.h"
#include "db/db.h"
#include "domain/caps.h"
#include "domain/domain.h"
#include "domain/hostconf.h"
#include "host/host.h"
#include "host/virt.h"
#include "image/image.h"

enum fact_side { SRC_HOST = 0, DST_HOST = 1 };

/* A file in the instance directory, or NVRAM or vTPM state elsewhere. */
struct fact_file {
	char *rel;	      /* below its root */
	char *root;	      /* absolute directory */
	enum image_role role; /* DISK, ..., NVRAM, TPM_FILE */
	struct image_name name;
	struct host_stat st;
	char *info_format; /* disk.info's word, or NULL */
	char *xml_format;  /* the domain's, or NULL */
	struct buf head;   /* of disks: the first cluster, or less */
};

/* A backing image that some disk names. */
struct fact_base {
	char *name;
	struct host_stat src, dst; /* .type HOST_NONE: it is not there */
	struct buf head;	   /* of the source's */
	bool compared;		   /* both exist, and both were read whole */
	bool same;
};

struct fact_mtu {
	char *bridge;
	unsigned mtu;
};

struct fact_host {
	char *name; /* Nova's CONF.host */
	struct db_host db;
	struct err db_err; /* kind ERR_NONE: .db is filled */
	struct err down;   /* kind ERR_NONE: the host answered */
	struct host_info info;
	int64_t skew_us; /* its clock minus ours */
	bool conf_known; /* a nova.conf was found and parsed */
	struct err conf_err;
	struct novaconf conf; /* without connection URLs */
	bool compute_runs;    /* a nova-compute process was seen */
	char *instances_path; /* as configured (ours, if mapped) */
	/* Of a dead source: how it calls that itself, and where its "/" is seen
	 * then; NULL: the same, not known. */
	char *home, *prefix;
	struct err path_err; /* instances_path cannot be looked at */
	struct host_statfs fs;
	struct host_trial trial;     /* what is possible there */
	uint64_t path_dev, path_ino; /* of instances_path itself */
	/* who owns files there */
	char *nova_user, *nova_group; /* names that exist, or NULL */
	char *qemu_user, *qemu_group;
	struct strv users, groups; /* of those that we may need: that exist */
	struct image_neighbour *seen;
	size_t n_seen;
	/* what is there of this instance */
	enum host_type dir, dir_resize, dir_del, dir_legacy;
	struct host_lease lease;
	/* libvirt */
	struct err virt_err;
	struct virt_version virt;
	struct caps_host *caps;
	struct caps_domain *domcaps;
	struct virt_status state;
	struct virt_flags flags;
	char name_owner[UUID_LEN + 1]; /* target: who has the name, or "" */
	bool tpm_secret;	       /* it has the domain's TPM secret */
	struct err run_err;	       /* source: prove-type scan failed */
	struct hostconf_qemu qemu;
	enum hostconf_boot guests_boot; /* libvirt-guests, if it runs */
	bool qemu_img, swtpm;
	char *swtpm_version;   /* "0.7.1"; NULL: not asked, or not told */
	struct fact_mtu *mtus; /* of the domain's bridges that are there */
	size_t n_mtus;
	char *connector;	 /* what Cinder is to know of it, JSON; NULL: no
				    volume asks for it */
	struct strv net_missing; /* target: what plugging would create */
	struct err net_err;
};

/* A port as Neutron tells it. */
struct fact_port {
	char *id, *host, *vnic_type, *vif_type;
	bool hidden; /* its binding is shown to administrators only */
	bool trunk, has_resources;
	/* Read by SQL: the rows as they are, for db/netdb.h; and why SQL must
	 * not bind it to the target, or NULL. */
	char *image, *unfit;
};

/* What plugs ports on a host, as Neutron tells. */
struct fact_agent {
	char *type; /* "Linux bridge agent"; NULL: none is known */
	bool lives;
	struct strv networks; /* physical ones that it is connected to */
};

/* An attached volume as Cinder tells it. */
struct fact_volume {
	struct err err; /* why it cannot be told; kind ERR_NONE: it is */
	char *id;
	int64_t bdm_id;
	char *attachment, *device; /* as Nova's row has them */
	bool boot;		   /* the root disk */
	char *status;
	bool multiattach;
	size_t n_attachments; /* of the volume, by whomever */
	/* of those, the one that Nova's row names; NULL: there is none */
	char *instance, *state, *mode;
	char *host; /* where it is attached; NULL: Cinder does not say */
};

/* What the services beside Nova's databases say, as far as there are any and a
 * cloud is configured. */
struct fact_cloud {
	bool asked; /* somebody needed to know */
	/* No API was read but the services' own databases, which are then
	 * written as well; why, and which. */
	bool sql;
	char *why_sql;
	struct strv databases;
	struct strv unverified; /* of revisions that nobody has tried */
	struct err err; /* why nothing was read; ERR_NONE: what there is was,
			   but for: */
	struct err placement_err, network_err; /* this service alone */
	bool placement, network;	       /* the catalog has them */
	bool on[2];  /* providers of the two nodes hold resources */
	char *other; /* so does this one */
	char *lacks; /* what the target has not enough of, in words */
	struct fact_port *ports;
	size_t n_ports;
	struct fact_agent agent[2];
	struct err volume_err; /* why Cinder does not tell */
	bool volume;	       /* the catalog has it */
	bool complete;	       /* ... and it can complete attachments (3.44) */
	bool delegated; /* the login is one that Cinder cannot ask Nova with */
	/* those of the new flow: Nova's row names an attachment */
	struct fact_volume *volumes;
	size_t n_volumes;
	/* kind ERR_NONE: Nova's API tells an administrator of the target's
	 * nova-compute */
	struct err nova_err;
	char *compute_off; /* NULL: it is up and enabled; else what it is */
	char *source_off;  /* likewise, of the source; disabled will do */
	int nova_minor;	   /* newest microversion, 2.x */
};

/* From the source to the target, for the files. */
struct fact_way {
	bool asked;
	bool tls;		/* the target may listen for it */
	struct err err;		/* why it could not be told; ERR_NONE: it was */
	struct host_reach seen; /* from the source */
};

struct facts {
	int64_t taken_us;
	char *to; /* as asked */
	struct db_schema schema;
	struct err rights; /* kind ERR_NONE: all there */
	struct db_server srv;
	struct fact_host host[2];
	bool dead; /* a rescue: host[SRC_HOST] is what is seen of its disks */
	/* Of a rescue: whose agent reads them, and the XML file that the domain
	 * was taken from, or the directory where it was looked for; why there
	 * is none stands in dom_err. */
	char *disks, *xml_from;
	char *domain_name; /* instance-0000002a, or NULL if not known */
	/* the source's definition; NULL without one */
	char *xml;
	struct domain *dom;
	struct err dom_err;
	struct domain_reasons reasons; /* against direct control */
	char *nvram_dir, *tpm_dir;     /* absolute; NULL: it has none */
	/* Of a dead source: a file of it that a QEMU has open, or NULL; and are
	 * there such whose locks cannot be asked for? */
	char *open_file;
	bool open_unknown;
	/* Disks outside the instance directory that the database says are its
	 * own volumes and that need no connector (nfs, rbd, file), and those of
	 * them that the target does not see under the same path. */
	struct strv volumes, volumes_missing;
	struct fact_file *files;
	size_t n_files;
	struct err info_err; /* disk.info is there and cannot be parsed */
	bool has_info;
	struct fact_base *bases;
	size_t n_bases;
	struct fact_cloud cloud;
	struct fact_way way;
	/* NVRAM and vTPM state of this name on the target, where ours would
	 * go. */
	struct strv strays;
};

void facts_init(struct facts *f, const char *to);
void facts_clear(struct facts *f);

/* Resolves SERVER and reads everything about it.  ERR_REFUSED when there is no
 * such server or several. */
int facts_database(struct facts *f, struct db *db, const char *server,
		   struct err *e);
/* H NULL: DOWN says why (moved).  The real configuration decides paths. */
struct facts_host_in {
	struct host *host;
	struct virt *virt;
	struct err *down;
	/* the operator's words from novahaul.conf; NULL: learn it */
	const char *instances_path;
	const char *nova_user, *nova_group, *qemu_user, *qemu_group;
};
void facts_host(struct facts *f, enum fact_side s,
		const struct facts_host_in *in);
/* The source of a rescue.  HOST NULL: DOWN says why (moved). */
struct facts_dead_in {
	struct host *host; /* that sees its disks */
	struct err *down;
	const char *path;      /* its instances_path, as HOST sees it */
	struct host *xml_host; /* that sees its libvirt's files */
	const char *xml_dir;   /* there; NULL: beside the disks */
};
void facts_dead(struct facts *f, const struct facts_dead_in *in);
/* Does, or did, the guest run on the source?  Of a dead one the database tells:
 * it does not any more. */
bool facts_runs(const struct facts *f);
/* How a host itself calls its instances_path. */
const char *facts_home(const struct fact_host *h);

/* The instance's files; needs both hosts' facts.  0 also when the source is not
 * reached. */
int facts_files(struct facts *f, struct host *src, struct host *dst,
		struct err *e);

/* How the source would reach the target; both NULL or not reached: not told. */
void facts_way(struct facts *f, struct host *src, struct host *dst);

/* Is the instance bound to its host by more than Nova's databases?  Wants both
 * hosts' facts. */
bool facts_in_cloud(const struct facts *f);
/* S NULL: DOWN says why (moved). */
struct api_session;
void facts_cloud(struct facts *f, struct api_session *s, struct err *down);
/* Those of it that the hosts' nova.conf, or Nova's database, speak of. */
bool facts_in_placement(const struct facts *f);
bool facts_in_neutron(const struct facts *f);
/* Does Nova's row of a volume name an attachment of Cinder's? */
bool facts_in_cinder(const struct facts *f);
/* Instead of facts_cloud(), or after facts_cloud_forget().  A database that is
 * NULL where one is needed: its _down says why (moved). */
struct placedb;
struct netdb;
struct voldb;
struct facts_sql {
	struct placedb *placement;
	struct netdb *network;
	struct voldb *volume;
	struct err placement_down, network_down, volume_down;
	const char *why; /* the API is not asked */
};
void facts_cloud_sql(struct facts *f, struct facts_sql *in);
/* Did nothing answer that facts_cloud() has asked?  NULL: it did; else what it
 * said. */
const struct err *facts_cloud_silent(const struct facts *f);
void facts_cloud_forget(struct facts *f);

/* Does a volume of this driver_volume_type need no connector of the host? */
bool facts_driver_anywhere(const char *driver);
/* The file of this name, or NULL. */
const struct fact_file *facts_file(const struct facts *f, const char *rel);
const struct fact_base *facts_base(const struct facts *f, const char *name);
/* Is Nova of this release ("zed"), or a later one? */
bool facts_since(const struct facts *f, const char *release);
/* 0: there is no such bridge, or it does not tell. */
unsigned facts_mtu(const struct fact_host *h, const char *bridge);
/* SHA-256 hex over what a plan rests on: the row, hosts, domain and files
 * without what changes by itself (times, sizes of a running guest's disks). */
void facts_digest(const struct facts *f, char out[65]);

#endif
