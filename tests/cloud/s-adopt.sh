#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a compute host is dead, and Nova's own evacuate takes over the disks that
# `rescue --route adopt` has placed on the other one: the guest goes on with its
# own disk and volume.  When the host is back, its nova-compute destroys what is
# left there (a guest that is made for it), and nothing after `readmit`.
# In a sample only that nothing is done without proof.
# shellcheck disable=SC2317 # functions that `expect` and `holds` call
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cloud/lib-dead.sh
. "$(dirname "$0")/lib-dead.sh"
need_cloud
need_novahaul

src=compute-30 dst=compute-34
trap 'unmounted; whole "$src"; nh fence "$src" --forget --yes > /dev/null 2>&1
	cleanup' EXIT

dies() { power_cut "$src" && mounted "$src" "$dst"; }
# adopt, plan [OPTION...] SERVER
adopt() { rescue "$src" "$dst" --route adopt "$@"; }
plan() {
	nh rescue "$src" --disks "$dst:$root$nova" --to "$dst" --dry-run "$@"
}
kept() { cd "$S/hosts/$src/nova/instances/.novahaul" && find . -name disk; }
sum_of() { sha256sum < "$S/hosts/$src/nova/instances/$1" | cut -d' ' -f1; }

# adopted UUID NAME: it was on the source, and goes on, on the target
adopted() {
	local u=$1 n=$2 birth count sum
	birth=$(birth_on "$src" "$u") count=$(count_on "$src" "$u")
	holds "$n: its host is dead, its disks are seen elsewhere" dies
	sum=$(sum_of "$u/disk")
	expect "$n: without proof nothing is done" 6 adopt "$u"
	expect "$n: the proof" 0 proven "$src"
	expect "$n: the plan" 0 plan "$u"
	like "... takes the direct route, and names the other" \
		"$(tr -s '\n ' ' ' < "$work/out")" 'direct .*--route adopt'
	expect "$n: the other plan" 0 plan --route adopt "$u"
	like "... says what Nova's record does" \
		"$(tr -s '\n ' ' ' < "$work/out")" \
		'adopt .*destroy what is left there, unless novahaul readmit'
	is "... and nothing was done" "$(record_of "$u")$(compute_service "$src" \
		forced_down)" false
	expect "$n: Nova takes its disks over" 0 adopt "$u"
	cp "$work/out" "$work/adopt.$n"
	wait_console "$dst" "$u" "^@guest up count=$((count + 1)) " 120
	wait_console "$dst" "$u" '^@guest ready' 60
	is "$n: boot $((count + 1)) of the same disk, there alone" \
		"$(count_on "$dst" "$u") $(birth_on "$dst" "$u") $(runs_on "$u")" \
		"$((count + 1)) $birth $dst"
	is "... by the database" "$(db "SELECT host, node, vm_state, task_state,
		power_state, locked FROM instances WHERE uuid = '$u'")" \
		"$dst	$dst.$domain	active	NULL	1	0"
	holds "... its port is bound there and up" until_true 60 port_is "$u" \
		"$dst ACTIVE"
	holds "... it answers" until_true 30 answers "$u"
	is "... Nova's record is armed" "$(record_of "$u")" 'evacuation done'
	is "... the source is forced down" \
		"$(compute_service "$src" forced_down)" true
	is "... and counted on both hosts" "$(allocated "$u")" \
		"$src.$domain $dst.$domain"
	is "... the dead host's disk is as it was" "$(sum_of "$u/disk")" "$sum"
	expect "$n: there is no way back" 5 nh rollback last --yes
	is "... and it runs" "$(runs_on "$u")" "$dst"
	unmounted
}

nh fence "$src" --forget --yes > /dev/null 2>&1
expect "without proof nothing is taken over" 6 adopt
# the rest takes many minutes
[ -z "${SAMPLE:-}" ] || finish
holds "both hosts are up" whole "${computes[@]}"
# what the record does, to a guest that nobody misses
danger() {
	local u
	u=$(server danger "$src") || give_up "a server boots"
	adopted "$u" danger
	power_on "$src" || give_up "the host is back"
	is "danger: the source has its domain and its disks" \
		"$(left_on "$src" "$u" | xargs)" 'domain directory'
	service start "$src" nova-compute
	holds "danger: nova-compute settles the record" until_true 120 settled "$u"
	is "... and has destroyed both" "$(left_on "$src" "$u" | xargs)" ''
	is "... but not the guest that lives" "$(runs_on "$u")" "$dst"
	holds "... which answers" until_true 30 answers "$u"
	nh fence "$src" --forget --yes > /dev/null 2>&1
	holds "the host is used again" whole "$src"
}
danger

u=$(server adopt "$src" --volume 1) || give_up "a server boots"
v=$(volumes_of "$u")
adopted "$u" adopt
sum=$(sum_of "$u/disk")
like "its volume is the same" "$(guest_says "$dst" "$u" '^@guest disk ')" \
	"dev=vdb .*label='label adopt[.a-z]* count=1'"
is "... and attached there alone" "$(attached_host "$v")" "$dst"
power_on "$src" || give_up "the host is back"
is "Nova does not take the host back as long as the record is armed" \
	"$(api PUT compute "/os-services/$(compute_service "$src" id)" \
		'{"forced_down": false}' 2>&1 | grep -c 'error: 400')" 1
expect "readmit" 0 nh readmit "$src" --yes
is "... has completed the record" "$(record_of "$u")" 'evacuation completed'
is "... and counts it there alone" "$(allocated "$u")" "$dst.$domain"
is "... nothing of it can start on the source" \
	"$(left_on "$src" "$u" | xargs)" ''
disk=$(kept)
is "... its disk is put away, as it was" \
	"$(sum_of ".novahaul/$disk")" "$sum"
service start "$src" nova-compute
holds "nova-compute starts there" until_true 120 compute_up "$src"
sleep 5
is "... and has destroyed nothing" "$(runs_on "$u") $(kept)" "$dst $disk"
holds "it answers" until_true 30 answers "$u"
placement_audit > "$work/audit" 2>&1
is "nova-manage placement audit finds nothing" $? 0
act "$u" '{"reboot": {"type": "HARD"}}'
holds "Nova's hard reboot" server_wait "$u" ACTIVE
expect "novahaul audit finds nothing" 0 nh audit
server_delete adopt
rm -rf "$S/hosts/$src/nova/instances/.novahaul"
finish
