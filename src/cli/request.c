/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/request.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/buf.h"

const char *const request_routes[] = {"auto", "offline", "cold",
				      "live", "adopt",	 NULL};
const char *const request_controls[] = {"auto", "api", "direct", "services",
					NULL};
const char *const request_deltas[] = {"auto", "blocks", "librsync", "whole",
				      NULL};
const char *const request_transports[] = {"auto", "direct", "relay", "tls",
					  NULL};

const char *const request_records[] = {"migration", "evacuation", NULL};

const char *const request_rescue_routes[] = {"direct", "adopt", NULL};

const char *app_route_name(enum app_route v)
{
	return request_routes[v];
}

const char *app_control_name(enum app_control v)
{
	return request_controls[v];
}

const char *app_delta_name(enum app_delta v)
{
	return request_deltas[v];
}

const char *app_transport_name(enum app_transport v)
{
	return request_transports[v];
}

static void add_flag(struct strv *v, bool on, const char *word)
{
	if (on)
		strv_add(v, word);
}

static void add_number(struct strv *v, const char *name, uint64_t n)
{
	if (n)
		strv_addf(v, "--%s=%" PRIu64, name, n);
}

void request_words(const struct app_request *r, struct strv *v)
{
	strv_addf(v, "--route=%s", app_route_name(r->route));
	strv_addf(v, "--control=%s", app_control_name(r->control));
	strv_addf(v, "--delta=%s", app_delta_name(r->delta));
	strv_addf(v, "--transport=%s", app_transport_name(r->transport));
	add_flag(v, r->precopy == APP_YES, "--precopy");
	add_flag(v, r->precopy == APP_NO, "--no-precopy");
	add_number(v, "precopy-max", r->precopy_max);
	add_number(v, "precopy-time", r->precopy_time);
	add_number(v, "bwlimit", r->bwlimit);
	add_number(v, "streams", r->streams);
	add_number(v, "stop-timeout", r->stop_timeout);
	add_flag(v, r->no_start, "--no-start");
	add_flag(v, r->detach_volumes, "--detach-volumes");
	add_flag(v, r->whole_group, "--whole-group");
	add_flag(v, r->verify_deep, "--verify-deep");
	add_flag(v, r->verify_full, "--verify-full");
	add_flag(v, r->copy_console_log, "--console-log");
}

void request_dead_words(const struct app_request *r, const struct app_dead *d,
			struct strv *v)
{
	strv_addf(v, "--disks=%s:%s", d->host, d->path);
	if (d->xml_dir)
		strv_addf(v, "--xml=%s:%s",
			  d->xml_host ? d->xml_host : "localhost", d->xml_dir);
	strv_addf(v, "--route=%s", request_rescue_routes[d->adopt]);
	strv_addf(v, "--record=%s", app_record_name(d->record));
	add_number(v, "fence-max-age", d->fence_max_age);
	add_flag(v, d->accept_bad, "--accept-bad-blocks");
	strv_addf(v, "--control=%s", app_control_name(r->control));
	strv_addf(v, "--transport=%s", app_transport_name(r->transport));
	add_number(v, "bwlimit", r->bwlimit);
	add_flag(v, r->no_start, "--no-start");
	add_flag(v, r->verify_deep, "--verify-deep");
	add_flag(v, r->verify_full, "--verify-full");
}

const char *app_record_name(enum app_record v)
{
	return request_records[v];
}

int request_place(const char *word, const char *cmd, const char *opt,
		  struct request_place *p, struct err *e)
{
	const char *colon = *word == '/' ? NULL : strchr(word, ':');
	const char *path = colon ? colon + 1 : word;
	size_t n = colon ? (size_t)(colon - word) : 0, len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	snprintf(p->host, sizeof(p->host), "%.*s", colon ? (int)n : 9,
		 colon ? word : "localhost");
	snprintf(p->path, sizeof(p->path), "%.*s", (int)len, path);
	if (*path == '/' && n < sizeof(p->host) && len < sizeof(p->path) &&
	    config_host_name_ok(p->host))
		return 0;
	err_set(e, ERR_USAGE, "--%s %s: it is [HOST:]/PATH", opt, word);
	return err_hint(e, "novahaul %s --%s compute-34:/mnt/HOST%s", cmd, opt,
			"/var/lib/nova/instances");
}
