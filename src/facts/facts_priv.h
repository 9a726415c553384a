/* SPDX-License-Identifier: Apache-2.0 */
/* facts_local.c, for facts_host.c: each fills its part of H, as far as HOST
 * tells; what it does not tell stays "unknown". */
#ifndef NH_FACTS_FACTS_PRIV_H
#define NH_FACTS_FACTS_PRIV_H

#include "facts/facts.h"

/* facts.c */
void fact_host_clear(struct fact_host *h);

/* facts_host.c: what libvirt has of the instance on the source, which H is:
 * its state, definition, volumes outside the instance directory, and what
 * speaks against direct control.  Wants H's instances_path. */
void host_domain(struct facts *f, struct fact_host *h, struct virt *v);
/* facts_host.c, for facts_dead.c. */

/* The instance's name in libvirt, unless it is known. */
void facts_name_domain(struct facts *f, const struct fact_host *h);
/* Takes XML for the instance's definition. */
void facts_domain(struct facts *f, const char *xml);
/* What of it is its own volumes', and what keeps it from being moved. */
void facts_domain_parts(struct facts *f);
/* What is there of it in instances_path. */
void facts_dirs(struct facts *f, struct fact_host *h, struct host *host);

void local_qemu_conf(struct fact_host *h, struct host *host);
void local_guests_boot(struct fact_host *h, struct host *host);
/* Wants users and instances_path. */
void local_trial(struct fact_host *h, struct host *host);
/* Wants the source's domain. */
void local_mtus(const struct facts *f, struct fact_host *h, struct host *host);
/* Wants the names of both hosts. */
int facts_agents(struct facts *f, struct api_session *s, struct err *e);
/* Is PROG there?  VERSION, which may be NULL, gets the number that it tells. */
bool local_program(struct host *host, const char *prog, char **version);

/* facts_volumes.c and facts_cinder.c, for facts_host.c and facts_cloud.c. */

/* Does Nova's row of any volume name an attachment? */
bool volumes_attached(const struct facts *f);
/* Those, with what Nova's row says of them. */
void volumes_list(struct facts *f);
/* What Cinder is to know of H.  Wants its configuration.  HOST NULL: it is
 * dead, and only what the database tells is known. */
void volumes_connector(struct fact_host *h, struct host *host);
struct api_session;
int volumes_read(struct facts *f, struct api_session *s, struct err *e);

#endif
