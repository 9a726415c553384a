/* SPDX-License-Identifier: Apache-2.0 */
/* facts_local.c, for facts_host.c: each fills its part of H, as far as HOST
 * tells; what it does not tell stays "unknown". */
#ifndef NH_FACTS_FACTS_PRIV_H
#define NH_FACTS_FACTS_PRIV_H

#include "facts/facts.h"

void local_qemu_conf(struct fact_host *h, struct host *host);
void local_guests_boot(struct fact_host *h, struct host *host);
/* Wants users and instances_path. */
void local_trial(struct fact_host *h, struct host *host);
/* Wants the source's domain. */
void local_mtus(const struct facts *f, struct fact_host *h, struct host *host);
/* Is PROG there?  VERSION, which may be NULL, gets the number that it tells. */
bool local_program(struct host *host, const char *prog, char **version);

#endif
