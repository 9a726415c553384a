# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# common.sh: what every part of the cloud needs to know.  Sourced.
#
# The cloud's hosts are those of the sandbox (contrib/sandbox.d), with another
# state directory, other addresses and other names, so that both can run beside
# each other.  Beside what the sandbox keeps in $S there are
#   keystone/      its keys; images/, volumes/, rabbit/: what the services store
#   openrc         an administrator's variables; clouds.yaml, secure.yaml the same
#   flows/NAME     the rows that an operation of Nova wrote (tests/cloud/lib.sh)
#   run/token      a Keystone token, as a header for curl
# shellcheck disable=SC2034,SC2154 # much of it is for those who source this

cloud_d=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
export NOVAHAUL_CLOUD=${NOVAHAUL_CLOUD:-/var/tmp/novahaul-cloud}
export NOVAHAUL_SANDBOX=$NOVAHAUL_CLOUD
export NOVAHAUL_SANDBOX_NET=79
export NOVAHAUL_SANDBOX_DOMAIN=cloud.example
export NOVAHAUL_SANDBOX_STARTER=tests/cloud/up
unset NOVAHAUL_SANDBOX_COMPUTES
if [ -d "$cloud_d/../../../contrib/sandbox.d" ]; then
	# shellcheck source=contrib/sandbox.d/common.sh
	. "$cloud_d/../../../contrib/sandbox.d/common.sh"
else
	# the copy that the hosts can see
	# shellcheck source=contrib/sandbox.d/common.sh
	. "$cloud_d/../common.sh"
fi

say() { echo "cloud: $*" >&2; }

need_root() { [ "$(id -u)" = 0 ] || die "needs root"; }
# one command at a time; daemons do not inherit the lock
locked() {
	exec 9> "$S/lock"
	flock -w 300 9 || die "another command holds $S/lock"
}

ctl=$mgmt.1
databases=(keystone placement glance neutron cinder nova_api nova_cell0 nova_cell1)
# users of the project "service", and what they are in the catalogue
declare -A service_type=([nova]=compute [placement]=placement [glance]=image
	[neutron]=network [cinder]=volumev3)
declare -A service_url=([nova]="http://$ctl:8774/v2.1"
	[placement]="http://$ctl:8778" [glance]="http://$ctl:9292"
	[neutron]="http://$ctl:9696"
	[cinder]="http://$ctl:8776/v3/%(project_id)s")
