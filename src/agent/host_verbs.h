/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs about the host that have a file of their own. */
#ifndef NH_AGENT_HOST_VERBS_H
#define NH_AGENT_HOST_VERBS_H

#include "agent/verb.h"

int verb_scan(struct verb_call *c, struct err *e);
int verb_digest(struct verb_call *c, struct err *e);
int verb_conf(struct verb_call *c, struct err *e);
int verb_reach(struct verb_call *c, struct err *e);
/* Of the running program, in hex. */
int verb_exe_sha256(char hex[65], struct err *e);

#endif
