/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bringing home what an evacuation (kind "evacuate" of engine/batch.h) has
 * brought away, and only that: members that are done, that no later batch has
 * moved, and that the database still has where they were brought.
 */
#ifndef NH_CLI_APP_RETURN_H
#define NH_CLI_APP_RETURN_H

#include "cli/app_fleet.h"

/* Strings are borrowed. */
struct app_return {
	const char *batch;	 /* of this one, by its full id; or */
	const char *host;	 /* of all evacuations of this host */
	struct app_request move; /* as that of struct app_evacuate */
	struct app_limits limits;
};

/* A plan of kind "return" (cli/app_fleet.h): its host is the home, "of" the
 * batch, "nowhere" what cannot return and why, "left" (the same) what is not
 * where it was brought any more.  ERR_NOTHING: nobody is away.
 * ERR_REFUSED, with *PLAN set: nobody can return. */
int app_return_plan(struct app *a, const struct app_return *r, json_t **plan,
		    struct err *e);

#endif
