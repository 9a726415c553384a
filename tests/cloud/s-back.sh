#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a move that is killed at the beginning of a step, or that Nova could not
# start on the target, and rolled back leaves every row of every database, both
# hosts and the volumes' share as they were, but for what a rollback is allowed
# to leave; the guest runs where it was, and a restart of nova-compute on both
# hosts changes nothing of it.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud
need_novahaul

home=compute-30 away=compute-34
# define: only of a move that libvirt starts; failed: see below
# shellcheck disable=SC2206 # words
steps=(${STEPS:-stage-base precopy stop prove-stopped disarm final-copy install
	allocations rewrite ports define start failed})
# a sample: one before the rewrite, one after it
if [ -n "${SAMPLE:-}" ]; then
	steps=("${steps[$((${SEED:-0} % 9))]}" "${steps[$((9 + ${SEED:-0} % 4))]}")
fi

u=$(server back $home) || give_up "a server boots"
birth=$(birth_on $home "$u")
until_true 30 answers "$u"
# the first contact with a host leaves an agent there
nh check "$u" --to $away > /dev/null 2>&1

# start_fails: libvirt refuses what Nova has defined and plugged
start_fails() {
	local dir=/var/lib/nova/instances/$u/console.log
	on $away mkdir "$dir"
	expect "$s: Nova does not start it" 3 nh resume last --yes
	like "$s: ... and the way on is told" "$(cat "$work/err")" \
		'novahaul resume .*or novahaul rollback'
	on $away rmdir "$dir"
}

count=1
for s in "${steps[@]}"; do
	until_true 60 port_is "$u" "$home ACTIVE"
	world before
	how=(--control api) at=$s
	case $s in
	define) how=(--control direct) ;;
	failed) at=start ;;
	esac
	on controller "$S/lib/kill-at" "$at" novahaul move "$u" --to $away --yes \
		"${how[@]}" > "$work/cut" 2>&1 < /dev/null
	is "$s: killed" $? 137
	[ "$s" != failed ] || start_fails
	expect "$s: rolled back" 0 nh rollback last --yes
	case $s in stage-base | precopy | stop) ;; *) count=$((count + 1)) ;; esac
	holds "$s: the guest boots where it was" \
		wait_console $home "$u" "^@guest up count=$count" 120
	wait_console $home "$u" '^@guest ready' 60
	is "$s: it is the same guest, once" "$(birth_on $home "$u") $(runs_on "$u")" \
		"$birth $home"
	is "$s: its allocations" "$(allocated "$u")" "$home.$domain"
	holds "$s: its port is up" until_true 60 port_is "$u" "$home ACTIVE"
	world after
	same_but_rollback "$s: the world" before after $home "$u"
done

for h in $home $away; do
	log_mark "$h" nova-compute
	service restart "$h" nova-compute
	until_true 60 compute_up "$h"
done
sleep 5
is "after nova-compute's restart it runs where it was" \
	"$(runs_on "$u") $(count_on $home "$u")" "$home $count"
holds "... and answers" until_true 30 answers "$u"
is "... and no allocation was warned about" "$(
	for h in $home $away; do log_of "$h" nova-compute; done |
		grep -i 'allocation' | grep -E 'WARNING|ERROR')" ''
placement_audit > "$work/audit" 2>&1
is "nova-manage placement audit finds nothing" $? 0
finish
