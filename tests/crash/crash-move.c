/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The crash tier: the real engine and the real steps of a move and of a rescue,
 * in a deterministic world.
 *
 * After every event at most one host can start the guest, and at least one
 * complete copy of its newest disks exists; after a rollback the world is what
 * it was; after a move it is what was asked for.  In a rescue nothing is ever
 * changed on the dead source.
 *
 *	crash-move [--seed N] [--points N] [--full] [--only POINT]
 *		   [--actor NAME]
 */
#include "crash/crash.h"
#include "fake/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct fake_options moves[] = {
	{
		.name = "running guest",
		.running = true,
		.precopy = true,
		.rounds = true,
		.start = true,
		.nvram = true,
		.cloud = true,
	},
	{
		.name = "two volumes",
		.running = true,
		.start = true,
		.cloud = true,
		.volumes = 2,
	},
	{
		.name = "volumes off and on",
		.running = true,
		.start = true,
		.cloud = true,
		.nova_start = true,
		.volumes = 2,
		.detach = true,
	},
	{
		.name = "stopped guest",
		.base_on_target = true,
		.cloud = true,
	},
	{
		.name = "started by Nova",
		.running = true,
		.start = true,
		.autostart = true,
		.cloud = true,
		.nova_start = true,
	},
	{
		.name = "deaf guest, old Nova",
		.running = true,
		.start = true,
		.rebase = true,
		.autostart = true,
		.ignores_acpi = true,
		.old_compute = true,
		.resume_guests = true,
	},
	{
		.name = "dead source",
		.running = true,
		.start = true,
		.nvram = true,
		.cloud = true,
		.volumes = 1,
		.dead = true,
	},
	{
		.name = "dead source, stopped guest",
		.base_on_target = true,
		.rebase = true,
		.cloud = true,
		.dead = true,
	},
	{
		.name = "dead source, started by Nova",
		.running = true,
		.start = true,
		.cloud = true,
		.nova_start = true,
		.dead = true,
	},
	{
		.name = "dead source, adopted by Nova",
		.running = true,
		.start = true,
		.cloud = true,
		.nova_start = true,
		.volumes = 1,
		.dead = true,
		.adopt = true,
		/* the run without faults must come to its end; that Nova
		 * fails is for t-steps-adopt */
		.sure = true,
	},
};

int main(int argc, char **argv)
{
	struct crash_opts o = {.points = 40, .actors = true};
	struct crash_totals t = {0};
	const char *which = getenv("CRASH_CASE");

	if (crash_options(argc, argv, &o))
		return 2;
	for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
		struct crash_case c = {
			.name = moves[i].name,
			.size = sizeof(struct fake_world),
			.arg = &moves[i],
			.reset = fake_reset,
			.tick = fake_tick,
			.control = fake_control,
			.promise = fake_promise,
			.late = fake_late,
			.end = fake_end,
			.act = fake_act,
			.actors = fake_actors,
		};

		if (!which || !strcmp(which, moves[i].name))
			crash_run(&c, &o, &t);
	}
	return crash_report("crash, move", &o, &t);
}
