#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: once the guest may have run on the target, going back would lose what it
# has written there: rollback is refused (exit 5), changes nothing and says what
# to do; the job stays open, resume finishes it, and a move back brings the guest
# home with what it wrote.
# shellcheck disable=SC2034 # for lib-faults.sh
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/lib-faults.sh
. "$(dirname "$0")/../scenario/lib-faults.sh"
need_cloud
need_novahaul

case=late
u=$(server late compute-30) || give_up "a server boots"
birth=$(birth_on compute-30 "$u")
begin
until_true 60 port_is "$u" "$home ACTIVE"
cut_at verify
is "killed when its guest has been started" $? 137
wait_console "$away" "$u" '^@guest ready' 90
world before
expect "rollback is refused" 5 nh rollback last --yes
like "... because it may have run" "$(< "$work/err")" 'runs|has run|may have'
like "... and it says what to do" "$(< "$work/err")" 'novahaul (resume|move)'
world after
# it was taken over: by a higher epoch
same_but_rollback "the world" before after "$away" "$u" \
	'/\.novahaul/(leases/[0-9a-f-]+|j-[a-z0-9]+/manifest\.json) type=file' \
	'\.instance_system_metadata\[[0-9]+\]\.value=novahaul j-[a-z0-9]+ [0-9]+$'
is "the job is open" "$(job_state)" open
promise "after the refusal"
expect "resume finishes it" 0 nh resume last --yes
is "the job is done" "$(job_state)" "done"
is "it runs on the target, once, with its first boot there" \
	"$(runs_on "$u") $(count_on "$away" "$u") $(birth_on "$away" "$u")" \
	"$away 2 $birth"
expect "a finished job's rollback is refused as well" 5 nh rollback last --yes
expect "what it kept is purged" 0 nh purge last --yes

begin
expect "it moves back" 0 nh move "$u" --to "$away" --yes
wait_console "$away" "$u" '^@guest ready' 90
is "... and is the same, with what it wrote" \
	"$(runs_on "$u") $(count_on "$away" "$u") $(birth_on "$away" "$u")" \
	"compute-30 3 $birth"
is "... by the database as well" "$(db "SELECT host, node, vm_state, task_state,
	power_state, locked FROM instances WHERE uuid = '$u'")" \
	"compute-30	compute-30.$domain	active	NULL	1	0"
is "... with its allocations" "$(allocated "$u")" "compute-30.$domain"
holds "... and its port" until_true 60 port_is "$u" 'compute-30 ACTIVE'
is "... and nothing of it on compute-34" "$(state_on compute-34 "$u") $(
	on compute-34 ls /var/lib/nova/instances | grep -c "$u")" 'absent 0'
expect "what it kept is purged" 0 nh purge last --yes
placement_audit > "$work/audit" 2>&1
is "nova-manage placement audit finds nothing" $? 0
finish
