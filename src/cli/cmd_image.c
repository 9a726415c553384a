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
	{"file", "File", OUT_TEXT},
	{"declared_format", "Declared format", OUT_TEXT},
	{"begins_like", "Begins like", OUT_TEXT},
	{"file_size", "File size", OUT_BYTES},
	{"version", "Version", OUT_TEXT},
	{"virtual_size", "Virtual size", OUT_BYTES},
	{"cluster_size", "Cluster size", OUT_BYTES},
	{"backing_file", "Backing file", OUT_TEXT},
	{"backing_format", "Backing format", OUT_TEXT},
	{"encryption", "Encryption", OUT_TEXT},
	{"snapshots", "Snapshots", OUT_TEXT},
	{"incompatible_features", "Incompatible features", OUT_TEXT},
	{"compression", "Compression", OUT_TEXT},
	{"data_file", "Data file", OUT_TEXT},
	{NULL, NULL, OUT_TEXT},
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
