/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"
#include "core/stop.h"
#include "host/host.h"
#include "join/join.h"

int main(int argc, char **argv)
{
	int code;

	stop_install();
	code = cli_main(argc, argv, &join_ops);
	join_hosts_drop();
	host_said_drop();
	return code;
}
