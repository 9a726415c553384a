#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a compute host loses its power, and Keystone, RabbitMQ, nova-api,
# Placement, neutron-server and cinder-api are down as well: its servers come up
# on the other one by libvirt and SQL alone, with their own disks and volumes.
# When the cloud is back Nova, Placement, Neutron and Cinder agree with what is,
# and go on from there; when the host is back nothing is destroyed and nothing
# starts twice.
# Full run only: it takes many minutes; in a sample, when it is named, with less waiting.
# shellcheck disable=SC2317 # functions that `expect` and `holds` call
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cloud/lib-dead.sh
. "$(dirname "$0")/lib-dead.sh"
need_cloud
need_novahaul

dark=(neutron-server nova-api placement cinder-api keystone rabbitmq)
lights_out() {
	local s
	for s in "${dark[@]}"; do service_stop controller "$s" & done
	wait
}
lights_on() {
	local s
	service_start controller rabbitmq && service_ready controller rabbitmq
	for s in "${dark[@]}"; do service_start controller "$s"; done
	for s in "${dark[@]}"; do service_ready controller "$s"; done
	neutron_awake
}
trap 'lights_on > /dev/null 2>&1; unmounted; whole "${computes[@]}"
	nh fence compute-30 --forget --yes > /dev/null 2>&1; cleanup' EXIT

names=(web drive off)
declare -A id=() birth=()
made() { server "$1" compute-30 "${@:2}" > "$work/$1" || rm -f "$work/$1"; }
# lives COUNT: all of them are on compute-34, whole, and nowhere else
lives() {
	local n u
	for n in web drive; do
		u=${id[$n]}
		wait_console compute-34 "$u" "^@guest up count=$1 " 120
		wait_console compute-34 "$u" '^@guest ready' 60
		is "$n: boot $1 of the same disk, there alone" "$(count_on \
			compute-34 "$u") $(birth_on compute-34 "$u") $(
			runs_on "$u")" "$1 ${birth[$n]} compute-34"
		is "... by the database" "$(row_of "$u")" \
			"compute-34 compute-34.$domain active - 1 0"
	done
	is "off: stopped there, its disk is its own" "$(row_of "${id[off]}"
		) $(runs_on "${id[off]}")$(sum_on compute-34 "$nova/${id[off]}/disk")" \
		"compute-34 compute-34.$domain stopped - 4 0 $off_sum"
	for n in "${names[@]}"; do
		is "$n: its allocations are there alone" \
			"$(providers "${id[$n]}")" "compute-34.$domain"
	done
	is "web: its volume is attached there alone" "$(attachments "$v")" \
		"compute-34 attached"
}

nh fence compute-30 --forget --yes > /dev/null 2>&1
# another scenario may have left one down
lights_on
whole "${computes[@]}" || give_up "both hosts are up"
# it has the volumes' share mounted on the target
server near compute-34 --volume 1 > "$work/near" &
made web --volume 1 &
made drive --user-data 'rescued in the dark' &
made off &
wait
for n in "${names[@]}"; do
	id[$n]=$(< "$work/$n") || give_up "$n boots"
done
v=$(volumes_of "${id[web]}")
act "${id[off]}" '{"os-stop": null}'
server_wait "${id[off]}" SHUTOFF || give_up "off is stopped"
off_sum=$(sum_on compute-30 "$nova/${id[off]}/disk")
for n in web drive; do
	birth[$n]=$(birth_on compute-30 "${id[$n]}")
	until_true 60 port_is "${id[$n]}" "compute-30 ACTIVE"
done

# --- in the dark

power_cut compute-30
lights_out
holds "the host is dead, its disks are seen elsewhere" mounted compute-30 compute-34
frozen compute-30 dead
expect "without proof nothing is rescued" 6 rescue compute-30 compute-34
expect "the proof" 0 proven compute-30
expect "through the API it is refused" 5 \
	rescue compute-30 compute-34 --control api "${id[web]}"
rows before
expect "a dry run" 0 rescue compute-30 compute-34 --dry-run
rows after
same "... changes no row" before after
begun=$SECONDS
expect "all are rescued in the dark" 0 rescue compute-30 compute-34 \
	--control direct
echo "# rescue of ${#names[@]} in the dark: $((SECONDS - begun)) s"
frozen compute-30 now
same "the dead host's disks" dead now
unmounted
lives 2
is "web: its volume is its own" "$(console_on compute-34 "${id[web]}" |
	sed -n '/^@guest up count=2 /,$p' | grep -Ec \
	"^@guest disk dev=vdb .*label='label web[.a-z]* count=1'")" 1
holds "drive: its config drive is read" wait_console compute-34 \
	"${id[drive]}" '^\| rescued in the dark$' 1

# --- the cloud is back

lights_on
begun=$SECONDS
for n in web drive; do
	holds "$n: Neutron is back, its port becomes bound and ACTIVE" \
		until_true 120 port_is "${id[$n]}" "compute-34 ACTIVE"
	holds "... and it answers" until_true 60 answers "${id[$n]}"
	is "... Nova agrees" "$(api GET compute "/servers/${id[$n]}" |
		jq -r '.server | "\(.status) \(.["OS-EXT-SRV-ATTR:host"])"')" \
		'ACTIVE compute-34'
	is "... and Placement" "$(allocated "${id[$n]}")" "compute-34.$domain"
done
echo "# ACTIVE $((SECONDS - begun)) s after the services answered"
is "... and Cinder" "$(attached_host "$v")" compute-34
holds "compute-34 is up again" until_true 120 compute_up compute-34
# power states are compared every 45 s
sleep "${SAMPLE:+5}${SAMPLE:-50}"
lives 2

# --- the host is back

power_on compute-30 || give_up "compute-30 is back"
for n in "${names[@]}"; do
	is "compute-30 is back, and has $n" \
		"$(left_on compute-30 "${id[$n]}" | xargs)" 'domain directory'
done
expect "readmit" 0 nh readmit compute-30 --yes
for n in "${names[@]}"; do
	is "nothing of $n is left" "$(left_on compute-30 "${id[$n]}" | xargs)" ''
done
service start compute-30 nova-compute
holds "its nova-compute starts" until_true 120 compute_up compute-30
sleep 5
lives 2
placement_audit > "$work/audit" 2>&1
is "nova-manage placement audit finds nothing" $? 0
# no agent asks for the port of one that does not run
expect "novahaul audit finds something" 5 nh audit -f json
is "... the port of off, which is not bound yet" "$(jq -r \
	'.findings[] | select(.severity != "info") | "\(.kind) \(.server)"' \
	"$work/out")" "port-unbound ${id[off]}"
expect "... it has Neutron bind it" 0 nh audit --fix --yes
expect "novahaul audit finds nothing more" 0 nh audit

# --- and Nova goes on

act "${id[web]}" '{"reboot": {"type": "HARD"}}'
act "${id[off]}" '{"os-start": null}'
holds "Nova starts off" server_wait "${id[off]}" ACTIVE
holds "... where it is" wait_console compute-34 "${id[off]}" '^@guest ready' 120
holds "Nova's hard reboot" server_wait "${id[web]}" ACTIVE
holds "... boots web" wait_console compute-34 "${id[web]}" '^@guest up count=3 ' 120
holds "... its port is up" until_true 60 port_is "${id[web]}" "compute-34 ACTIVE"
api DELETE compute "/servers/${id[web]}/os-volume_attachments/$v" > /dev/null
holds "Nova detaches its volume" until_true 60 volume_is "$v" available
for n in "${names[@]}"; do server_delete "$n"; done
rows after
for n in "${names[@]}"; do
	is "$n: deleted by Nova, nothing is left" \
		"$(leftovers after "${id[$n]}"; left_on compute-30 "${id[$n]}"
		left_on compute-34 "${id[$n]}")" ''
done
finish
