# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# lib-hosts.sh: what the scenarios of whole hosts share, after lib.sh: several
# servers of mixed kinds, and what makes each of them a sound one of a host.
# shellcheck disable=SC2034,SC2154 # set by what sources it, or used there

home=compute-30 away=compute-34
nova=/var/lib/nova/instances
names=()
# of each by its name: uuid, boots so far, mark of its disk, sum of its config
# drive, devices of its volumes, fixed parts of its port, whether it is stopped
declare -A uuid=() boots=() birth=() drive=() devices=() address=() off=()
# ... how many further disks it has, and the boot that wrote on them last
declare -A labelled=() written=()

# servers HOST SPEC...: boots them, three at a time; a SPEC is a name and options
# of `server`.  `note` must have been called for each before it is looked at.
servers() {
	local host=$1 spec pids=() n=0
	shift
	for spec in "$@"; do
		(
			# shellcheck disable=SC2086 # words
			set -- $spec
			server "$1" "$host" --user-data "I am $1" "${@:2}" \
				> "$work/uuid.$1" 2> "$work/boot.$1"
		) &
		pids+=($!)
		n=$((n + 1))
		[ $((n % 3)) != 0 ] || wait "${pids[@]}"
	done
	wait "${pids[@]}"
	for spec in "$@"; do
		note "${spec%% *}" "$host"
	done
}
# note NAME HOST: what it is now, to be found again
note() {
	local n=$1 u
	u=$(tail -n 1 "$work/uuid.$n")
	[ -n "$u" ] || give_up "$n boots" "$(cat "$work/boot.$n")"
	names+=("$n")
	uuid[$n]=$u
	boots[$n]=$(count_on "$2" "$u")
	birth[$n]=$(birth_on "$2" "$u")
	drive[$n]=$(sum_on "$2" "$nova/$u/disk.config")
	devices[$n]=$(attached "$n" "$2")
	address[$n]=$(port_facts "$u")
	off[$n]=
	labelled[$n]=$(console_on "$2" "$u" | grep -Eac '^@guest disk ')
	[ "${labelled[$n]}" != 0 ] || labelled[$n]=
}
port_facts() {
	api GET network "/ports?device_id=$1" |
		jq -c '.ports[] | [.id, .mac_address, .fixed_ips]'
}
# attached NAME HOST: "STATUS DEVICE STATE" of each of its volumes, by Cinder, that
# is attached to that host by the attachment that Nova names
attached() {
	db "SELECT v.status, a.mountpoint, a.attach_status FROM cinder.volumes v
		JOIN cinder.volume_attachment a ON a.volume_id = v.id AND a.deleted = 0
		JOIN block_device_mapping b ON b.attachment_id = a.id
			AND b.deleted = 0 AND b.instance_uuid = a.instance_uuid
		WHERE a.instance_uuid = '${uuid[$1]}' AND a.attached_host = '$2'
		ORDER BY a.mountpoint" | tr '\t\n' ' ,'
}
# attachments NAME: how many Cinder has of it, wherever
attachments() {
	db "SELECT COUNT(*) FROM cinder.volume_attachment
		WHERE instance_uuid = '${uuid[$1]}' AND deleted = 0"
}
# labels HOST UUID: at which boot each further disk was written on, as the guest
# saw it last
labels() {
	console_on "$1" "$2" | tac | sed '/@guest up/q' |
		sed -n "s/^@guest disk .*label='label .* count=\([0-9]*\)'.*/\1/p" |
		sort -u | xargs
}
other() { if [ "$1" = "$home" ]; then echo $away; else echo $home; fi; }
host_of() { db "SELECT host FROM instances WHERE uuid = '$1'"; }
power_is() {
	[ "$(db "SELECT power_state FROM instances WHERE uuid = '$1'")" = "$2" ]
}

# at HOST NAME: all that makes it a sound one of that host, and of no other, in the
# state that it had
at() {
	local h=$1 n=$2 u=${uuid[$2]} o
	o=$(other "$h")
	if [ -n "${off[$n]}" ]; then
		at_rest "$h" "$n"
	else
		at_work "$h" "$n"
	fi
	is "$n: ... with the same config drive" \
		"$(sum_on "$h" "$nova/$u/disk.config")" "${drive[$n]}"
	is "$n: ... the same ports" "$(port_facts "$u")" "${address[$n]}"
	is "$n: ... its volumes are attached there" "$(attached "$n" "$h")" \
		"${devices[$n]}"
	is "$n: ... and nowhere else" "$(attachments "$n")" \
		"$(tr -cd , <<< "${devices[$n]}" | wc -c)"
	is "$n: ... its allocations are there alone" "$(allocated "$u")" \
		"$h.$domain"
	is "$n: ... and nothing of it is on $o" "$(state_on "$o" "$u") $(
		on "$o" ls "$nova" | grep -c "$u")" 'absent 0'
}
at_work() {
	local h=$1 n=$2 u=${uuid[$2]}
	wait_console "$h" "$u" "^@guest up count=${boots[$n]} " 120
	wait_console "$h" "$u" '^@guest ready' 60 ||
		not_ok "$n: its guest is ready" "$(console_on "$h" "$u" | tail -n 5)"
	is "$n: boot ${boots[$n]} of the same disk, on $h alone" \
		"$(count_on "$h" "$u") $(birth_on "$h" "$u") $(runs_on "$u")" \
		"${boots[$n]} ${birth[$n]} $h"
	like "$n: ... which knows who it is" "$(console_on "$h" "$u")" "^\| I am $n$"
	[ -z "${written[$n]:-}" ] ||
		is "$n: ... and finds on its other disks what it wrote" \
			"$(labels "$h" "$u")" "${written[$n]}"
	until_true 60 power_is "$u" 1
	is "$n: ... ACTIVE there, by Nova" "$(db "SELECT host, node, vm_state,
		task_state, power_state, locked FROM instances WHERE uuid = '$u'")" \
		"$h	$h.$domain	active	NULL	1	0"
	[ -z "${address[$n]}" ] || {
		holds "$n: ... its port is bound there and up" until_true 60 \
			port_is "$u" "$h ACTIVE"
		holds "$n: ... it answers to a ping" until_true 30 answers "$u"
	}
}
at_rest() {
	local h=$1 n=$2 u=${uuid[$2]}
	until_true 90 power_is "$u" 4
	is "$n: it is stopped on $h, by Nova" "$(db "SELECT host, node, vm_state,
		task_state, power_state, locked FROM instances WHERE uuid = '$u'")" \
		"$h	$h.$domain	stopped	NULL	4	0"
	is "$n: ... and runs nowhere" "$(runs_on "$u")" ''
	[ -z "${address[$n]}" ] ||
		is "$n: ... its port is bound there" \
			"$(port_says "$u" | cut -d' ' -f1)" "$h"
}
# booted NAME: it has booted once more; its further disks have what the boot
# before wrote
booted() {
	[ -z "${off[$1]}" ] || return 0
	[ -z "${labelled[$1]:-}" ] || written[$1]=${boots[$1]}
	boots[$1]=$((boots[$1] + 1))
}

# quiet WHAT: neither Nova's own audit nor ours finds anything about these servers
quiet() {
	placement_audit > "$work/audit" 2>&1
	is "$1: nova-manage placement audit finds nothing" $? 0
	nh audit -f json > "$work/out" 2> "$work/err"
	is "$1: nor does novahaul audit" "$(jq -c --arg us "${uuid[*]}" \
		'.findings[] | select(.severity != "info" and (.job == null or
			(.server as $s | $us | split(" ") | index($s))))' \
		"$work/out")" ''
}
# hard_reboot HOST NAME, by Nova
hard_reboot() {
	act "${uuid[$2]}" '{"reboot": {"type": "HARD"}}'
	holds "$2: Nova's hard reboot" server_wait "${uuid[$2]}" ACTIVE
	booted "$2"
	at "$1" "$2"
}
# nova_moves NAME ACTION: a cold migration or a resize, confirmed
nova_moves() {
	act "${uuid[$1]}" "$2"
	holds "$1: Nova does $2" server_wait "${uuid[$1]}" VERIFY_RESIZE 240
	act "${uuid[$1]}" '{"confirmResize": null}'
	holds "$1: ... and its confirmation" server_wait "${uuid[$1]}" ACTIVE 120
	booted "$1"
}
looked_at() { log_of "$1" nova-compute | grep "Final resource view"; }
# restart_computes: both look at all that they have, as after a boot
restart_computes() {
	local h
	for h in $home $away; do
		log_mark "$h" nova-compute
		service restart "$h" nova-compute
	done
	for h in $home $away; do
		holds "nova-compute of $h comes back" until_true 90 compute_up "$h"
		until_true 90 looked_at "$h"
		is "... and warns of none of them" "$(log_of "$h" nova-compute |
			grep -E '(WARNING|ERROR) nova' |
			grep -F "$(printf '%s\n' "${uuid[@]}")" | tail -n 3)" ''
	done
}
# no_trace: of a server that was deleted
no_trace() {
	local h n=$1 u=${uuid[$1]}
	is "$n: no row is left of it" "$(leftovers gone "$u")" ''
	is "$n: ... no port" "$(api GET network "/ports?device_id=$u" |
		jq '.ports | length')" 0
	is "$n: ... no attachment" "$(attachments "$n")" 0
	for h in $home $away; do
		is "$n: ... no file or domain on $h" "$(state_on "$h" "$u") $(
			on "$h" find /var/lib/nova /etc/libvirt /var/lib/libvirt \
				-name "*$u*" | wc -l)" 'absent 0'
	done
}
