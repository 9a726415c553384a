#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: every call of src/api does, on real services, what its header says, and
# changes back what it changed (t-api-real.c).  The login is by clouds.yaml and
# secure.yaml.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud
prog=$NOVAHAUL_BUILD/tests/cloud/t-api-real
[ -x "$prog" ] || skip_all "no $prog: run 'make tests/cloud/t-api-real'"

u=$(server api compute-30) || give_up "a server boots"
v=$(volume api 1) || give_up "a volume is made"
on controller env "${without_os[@]}" OS_CLOUD=cloud \
	OS_CLIENT_CONFIG_FILE="$S/clouds.yaml" \
	OS_CLIENT_SECURE_FILE="$S/secure.yaml" \
	"$prog" api "$v" compute-34 "compute-34.$domain" > "$work/calls" 2>&1
while read -r line; do
	case $line in
	'ok - '*) n_passed=$((n_passed + 1)) ;;
	'not ok - '*) not_ok "${line#not ok - }" ;;
	esac
done < "$work/calls"
like "every call was made" "$(tail -n 1 "$work/calls")" \
	'^[0-9]+ passed, 0 failed, 0 skipped$'
server_wait "$u" ACTIVE

is "its allocations are on its host alone" "$(allocated "$u")" \
	"compute-30.$domain"
holds "its port is bound there and up" until_true 30 port_is "$u" \
	"compute-30 ACTIVE"
holds "it runs and answers to a ping" until_true 60 answers "$u"
is "the volume is free" "$(api GET volume "/volumes/$v" |
	jq -r '.volume | "\(.status) \(.attachments | length)"')" 'available 0'
is "compute-34 is not forced down" \
	"$(compute_service compute-34 forced_down)" false
placement_audit > "$work/audit" 2>&1
is "nova-manage placement audit finds nothing" $? 0
finish
