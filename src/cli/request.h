/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options that check, plan and move share: rows for their tables.  A
 * command's arguments begin with `struct app_request req`.
 */
#ifndef NH_CLI_REQUEST_H
#define NH_CLI_REQUEST_H

#include "cli/cli.h"

/* In the order of the enums in app.h. */
extern const char *const request_routes[];
extern const char *const request_controls[];
extern const char *const request_deltas[];
extern const char *const request_transports[];
extern const char *const request_records[];
/* Of rescue, by whether Nova's own evacuate takes over. */
extern const char *const request_rescue_routes[];

/* R as options of move, but its server and target. */
void request_words(const struct app_request *r, struct strv *v);
/* R and D as options of rescue, but its dead host, server and target. */
void request_dead_words(const struct app_request *r, const struct app_dead *d,
			struct strv *v);
/* Where a dead host's files are seen. */
struct request_place {
	char host[256], path[4096];
};
/* WORD, "HOST:/path" or "/path", was given with --OPT of CMD; without HOST it
 * is "localhost".  How a path ends says whether the rest of its host's files is
 * beside it: slashes at its end are taken off. */
int request_place(const char *word, const char *cmd, const char *opt,
		  struct request_place *p, struct err *e);

#define REQ(member) offsetof(struct app_request, member)

/* clang-format off */
#define REQUEST_TO							\
	{.type = OPT_HOST, .name = "to", .arg = "HOST",			\
	 .offset = REQ(to), .required = true,				\
	 .help = "the compute host to move to"},			\
	{.type = OPT_CHOICE, .name = "route", .arg = "ROUTE",		\
	 .offset = REQ(route), .choices = request_routes,		\
	 .help = "the way to go"},					\
	{.type = OPT_CHOICE, .name = "control", .arg = "CONTROL",	\
	 .offset = REQ(control), .choices = request_controls,		\
	 .help = "through Nova's API, or libvirt and SQL"}

#define REQUEST_HOW							\
	{.type = OPT_TRISTATE, .name = "precopy",			\
	 .offset = REQ(precopy),					\
	 .help = "copy while the guest still runs"},			\
	{.type = OPT_NUMBER, .name = "precopy-max", .arg = "ROUNDS",	\
	 .offset = REQ(precopy_max),					\
	 .help = "at most so many rounds of it; 5 by default"},		\
	{.type = OPT_SECONDS, .name = "precopy-time", .arg = "TIME",	\
	 .offset = REQ(precopy_time), .min = 1,				\
	 .help = "in which its rounds must end; 1h or more by rule"},	\
	{.type = OPT_SIZE, .name = "bwlimit", .arg = "SIZE",		\
	 .offset = REQ(bwlimit),					\
	 .help = "bytes a second, all streams together"},		\
	{.type = OPT_NUMBER, .name = "streams", .arg = "N",		\
	 .offset = REQ(streams), .max = CONFIG_STREAMS_MOST,		\
	 .help = "at most so many connections from host to host"},	\
	{.type = OPT_SECONDS, .name = "stop-timeout", .arg = "TIME",	\
	 .offset = REQ(stop_timeout),					\
	 .help = "wait for the guest, then stop it hard"},		\
	{.type = OPT_CHOICE, .name = "delta", .arg = "METHOD",		\
	 .offset = REQ(delta), .choices = request_deltas,		\
	 .help = "how changes are found"},				\
	{.type = OPT_CHOICE, .name = "transport", .arg = "WAY",		\
	 .offset = REQ(transport), .choices = request_transports,	\
	 .help = "how the bytes travel"},				\
	{.type = OPT_FLAG, .name = "no-start",				\
	 .offset = REQ(no_start),					\
	 .help = "leave it stopped on the target"},			\
	{.type = OPT_FLAG, .name = "detach-volumes",			\
	 .offset = REQ(detach_volumes),					\
	 .help = "detach its volumes, attach them after the start"},	\
	{.type = OPT_FLAG, .name = "whole-group",				\
	 .offset = REQ(whole_group),					\
	 .help = "its server group moves as a whole"},			\
	{.type = OPT_FLAG, .name = "verify-deep",			\
	 .offset = REQ(verify_deep),					\
	 .help = "open the copied disks and compare what is inside"},	\
	{.type = OPT_FLAG, .name = "verify-full",			\
	 .offset = REQ(verify_full),					\
	 .help = "read every byte again before the rewrite"},		\
	{.type = OPT_FLAG, .name = "console-log",			\
	 .offset = REQ(copy_console_log),				\
	 .help = "copy console.log too; it may hold secrets"}
/* clang-format on */

#endif
