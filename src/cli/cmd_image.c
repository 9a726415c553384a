/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli_priv.h"

struct args {
	int declared;
};

static const char *const formats[] = {"unknown", "raw", "qcow2", NULL};

static const struct opt opts[] = {
	{.type = OPT_CHOICE,
	 .name = "declared",
	 .arg = "FORMAT",
	 .offset = offsetof(struct args, declared),
	 .choices = formats,
	 .help = "what disk.info or libvirt says it is"},
	OPT_LAST,
};

static const struct out_column cols[] = {
	{"file", "File", false},
	{"declared_format", "Declared format", false},
	{"begins_like", "Begins like", false},
	{"file_size", "File size", false},
	{"version", "Version", false},
	{"virtual_size", "Virtual size", false},
	{"cluster_size", "Cluster size", false},
	{"backing_file", "Backing file", false},
	{"backing_format", "Backing format", false},
	{"encryption", "Encryption", false},
	{"snapshots", "Snapshots", false},
	{"incompatible_features", "Incompatible features", false},
	{"compression", "Compression", false},
	{"data_file", "Data file", false},
	{NULL, NULL, false},
};

static int run(struct cli *c, const void *args, struct err *e)
{
	const struct args *a = args;
	const json_t *line;
	json_t *info = NULL;
	size_t i;

	if (!c->app.ops || !c->app.ops->image_info)
		return err_set(e, ERR_BUG, "image info is not wired in");
	if (c->app.ops->image_info(c->operands[0], formats[a->declared], &info,
				   e))
		return -1;
	out_record(c->g.format, info, cols);
	json_array_foreach (json_object_get(info, "notes"), i, line)
		out_note(c->g.format, "note: %s", json_string_value(line));
	json_array_foreach (json_object_get(info, "problems"), i, line)
		out_note(c->g.format, "problem: %s", json_string_value(line));
	json_decref(info);
	return CLI_DONE;
}

const struct cmd cmd_image = {
	.name = "image",
	.verb = "info",
	.summary = "Tell what the header of a disk image really says",
	.operands = "FILE",
	.min_operands = 1,
	.max_operands = 1,
	.opts = opts,
	.args_size = sizeof(struct args),
	.no_config = true,
	.run = run,
};
