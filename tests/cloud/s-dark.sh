#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: with Keystone, nova-api, Placement, neutron-server and cinder-api down, a
# move goes by the databases alone: rolled back in the dark it leaves every row as
# it was, and finished in the dark it is what Nova, Placement, Neutron and Cinder
# find right when they are back, and go on from.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud
need_novahaul

home=compute-30 away=compute-34
dark=(neutron-server nova-api placement cinder-api keystone)
lights_out() {
	local s
	for s in "${dark[@]}"; do service_stop controller "$s" & done
	wait
}
lights_on() {
	local s
	for s in "${dark[@]}"; do service_start controller "$s"; done
	for s in "${dark[@]}"; do service_ready controller "$s"; done
	neutron_awake
}
# whatever happens
trap 'lights_on > /dev/null 2>&1; cleanup' EXIT

# what the two databases say: "HOST VIF_TYPE STATUS LEVELS"
binding() {
	db "SELECT b.host, b.vif_type, p.status, (SELECT COUNT(*)
		FROM neutron.ml2_port_binding_levels l WHERE l.port_id = p.id)
		FROM neutron.ports p JOIN neutron.ml2_port_bindings b
		ON b.port_id = p.id WHERE p.device_id = '$u'" | xargs
}
volumes_at() { # volumes_of, in the dark
	db "SELECT volume_id FROM block_device_mapping WHERE deleted = 0
		AND instance_uuid = '$1' AND volume_id IS NOT NULL" | xargs
}
attachments() {
	db "SELECT attached_host, attach_status FROM cinder.volume_attachment
		WHERE volume_id = '$v' AND deleted = 0" | xargs
}
providers() {
	db "SELECT DISTINCT r.name FROM placement.allocations a
		JOIN placement.resource_providers r ON r.id = a.resource_provider_id
		WHERE a.consumer_id = '$u'" | xargs
}

# another scenario may have left one down
lights_on
for h in $home $away; do until_true 60 compute_up "$h"; done
# it has the volumes' share mounted on the target
server near $away --volume 1 > "$work/near" &
u=$(server dark $home --volume 1) || give_up "a server boots"
wait
near=$(< "$work/near") v=$(volumes_of "$u")
birth=$(birth_on $home "$u")
holds "it answers" until_true 30 answers "$u"
until_true 60 port_is "$u" "$home ACTIVE"
nh check "$u" --to $away > "$work/out" 2>&1
is "with the APIs up, they are used" "$(grep -c 'written by SQL' "$work/out")" 0
is "its binding before" "$(binding)" "$home bridge ACTIVE 1"

lights_out
world before
expect "with the API alone it is refused" 5 \
	nh check "$u" --to $away --control api
nh plan "$u" --to $away -f json > "$work/plan" 2> "$work/err" < /dev/null
is "the plan says what goes by SQL" "$(jq -r '[.control, (.steps[] |
	select(.control == "sql").name)] | join(" ")' "$work/plan")" \
	"sql+direct volumes allocations ports volumes-in"
is "... and has its statements" "$(jq -r '[.sql[].database] | unique |
	join(" ")' "$work/plan")" "cell cinder neutron placement"
like "... and why" "$(jq -r '.checks[] | select(.name == "route").message' \
	"$work/plan")" 'written by SQL .*because .*Keystone'

# there and back, in the dark
on controller "$S/lib/kill-at" define novahaul move "$u" --to $away --yes \
	> "$work/cut" 2>&1 < /dev/null
is "killed after both" $? 137
is "... its port is the target's, to be bound" "$(binding)" \
	"$away unbound DOWN 0"
is "... its allocations are the target's" "$(providers)" "$away.$domain"
is "... its volume is" "$(attachments)" "$away attached"
expect "rolled back in the dark" 0 nh rollback last --yes
is "... its binding is as it was" "$(binding)" "$home bridge ACTIVE 1"
is "... and its allocations" "$(providers)" "$home.$domain"
is "... its volume is attached there" "$(attachments)" "$home attached"
holds "... the guest boots where it was" \
	wait_console $home "$u" '^@guest up count=2' 120
wait_console $home "$u" '^@guest ready' 60
world after
same "the world" before after \
	'^[<>] nova_cell1\.(migrations|instance_actions(_events)?)\[' \
	'\]\.(updated_at|generation|revision_number)=' \
	'^[<>] cinder\.volume_attachment\[' \
	'nova_cell1\.block_device_mapping\[[0-9]*\]\.(attachment_id|connection_info)=' \
	"^[<>] volumes: .*(${v:-none}|$(volumes_at "$near"))" \
	"^[<>] $home: /var/lib/nova/instances/$u/(disk|console\.log) " \
	"^[<>] $away: /var/lib/nova/instances/$near/(disk|console\.log) " \
	'/var/lib/libvirt/qemu/((channel/target/)?domain-[0-9]+-|qmp-)' \
	'^[<>] compute-[0-9]+: /var/lib/nova/instances/\.novahaul type=dir'

# there, in the dark
begun=$SECONDS
expect "the move in the dark" 0 nh move "$u" --to $away --yes
echo "# move in the dark: $((SECONDS - begun)) s"
holds "... the guest boots on the target" \
	wait_console $away "$u" '^@guest up count=3' 120
is "... it is the same guest, once" "$(birth_on $away "$u") $(runs_on "$u")" \
	"$birth $away"
holds "... with its volume" wait_console $away "$u" \
	"^@guest disk dev=vdb .*label='label dark[.a-z]* count=2'" 60
is "... its port waits for Neutron" "$(binding)" "$away unbound DOWN 0"
is "... its allocations are the target's" "$(providers)" "$away.$domain"

lights_on
begun=$SECONDS
holds "Neutron is back: the port becomes bound and ACTIVE" \
	until_true 90 port_is "$u" "$away ACTIVE"
echo "# ACTIVE $((SECONDS - begun)) s after the services answered"
is "... as if Neutron had always had it there" "$(binding)" \
	"$away bridge ACTIVE 1"
holds "... and it answers" until_true 60 answers "$u"
is "... Placement's API agrees" "$(allocated "$u")" "$away.$domain"
is "... and Cinder's" "$(attached_host "$v")" $away
placement_audit > "$work/audit" 2>&1
is "... nova-manage placement audit finds nothing" $? 0
is "... and Nova" "$(server_field "$u" '"OS-EXT-SRV-ATTR:host"')" $away
act "$u" '{"reboot": {"type": "HARD"}}'
holds "Nova's hard reboot" server_wait "$u" ACTIVE
holds "... boots it" wait_console $away "$u" '^@guest up count=4' 90
holds "... its port is up" until_true 60 port_is "$u" "$away ACTIVE"
holds "... and it answers" until_true 60 answers "$u"
api DELETE compute "/servers/$u/os-volume_attachments/$v" > /dev/null
holds "Nova detaches the volume" until_true 60 volume_is "$v" available
finish
