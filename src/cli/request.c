/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/request.h"

const char *const request_routes[] = {"auto", "offline", "cold",
				      "live", "adopt",	 NULL};
const char *const request_controls[] = {"auto", "api", "direct", NULL};
const char *const request_deltas[] = {"auto", "blocks", "librsync", "whole",
				      NULL};
const char *const request_transports[] = {"auto", "direct", "relay", "tls",
					  NULL};

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
