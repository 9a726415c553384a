/* SPDX-License-Identifier: Apache-2.0 */
/* Joins the adapters to the commands; see doc/ARCHITECTURE.md. */
#include "main.h"

#include "cli/cli.h"

static const struct app_ops ops = {
	.image_info = main_image_info,
};

int main(int argc, char **argv)
{
	return cli_main(argc, argv, &ops);
}
