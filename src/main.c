/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "core/stop.h"
#include "join/join.h"

int main(int argc, char **argv)
{
	int code;

	stop_install();
	code = cli_main(argc, argv, &join_ops);
	join_hosts_drop();
	join_said_drop();
	return code;
}
