#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a compute host loses its power; its servers come up on the other one with
# their own local disks and volumes, from its file systems mounted there
# read-only.  When it is back, its real nova-compute destroys nothing that lives
# and starts nothing a second time, whichever record of the rescue was chosen,
# whether it starts before `readmit` or after it; allocations are single and Nova
# goes on.  Once this way, with the disarmed record and with the armed one, and
# once back.
# Full run only: it takes many minutes; in a sample, when it is named, one way.
# shellcheck disable=SC2317 # functions that `expect` and `holds` call
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cloud/lib-dead.sh
. "$(dirname "$0")/lib-dead.sh"
need_cloud
need_novahaul

trap 'unmounted; whole "${computes[@]}"
	for h in "${computes[@]}"; do
		nh fence "$h" --forget --yes
	done > /dev/null 2>&1
	cleanup' EXIT

names=(web drive boot off) pause=65
[ -z "$SAMPLE" ] || pause=5
declare -A id=() birth=() count=() volume=() record=()

# --- servers of all kinds

# made NAME [OPTION...]: on compute-30
made() { server "$1" compute-30 "${@:2}" > "$work/$1" || rm -f "$work/$1"; }
# as it says on HOST
note() {
	local n
	for n in web drive boot; do
		birth[$n]=$(birth_on "$1" "${id[$n]}")
		count[$n]=$(count_on "$1" "${id[$n]}")
	done
}
# lives HOST BOOTS: all of them are there, whole, and nowhere else
lives() {
	local h=$1 n u
	for n in web drive boot; do
		u=${id[$n]} count[$n]=$((count[$n] + $2))
		wait_console "$h" "$u" "^@guest up count=${count[$n]} " 120
		wait_console "$h" "$u" '^@guest ready' 60
		is "$n: boot ${count[$n]} of the same disk, there alone" \
			"$(count_on "$h" "$u") $(birth_on "$h" "$u") $(runs_on "$u")" \
			"${count[$n]} ${birth[$n]} $h"
		is "... by the database" "$(row_of "$u")" "$h $h.$domain active - 1 0"
		holds "... its port is bound there and up" until_true 60 port_is \
			"$u" "$h ACTIVE"
		holds "... it answers" until_true 30 answers "$u"
	done
	is "off: stopped there, its disk is its own" "$(row_of "${id[off]}"
		) $(runs_on "${id[off]}")$(sum_on "$h" "$nova/${id[off]}/disk")" \
		"$h $h.$domain stopped - 4 0 $off_sum"
	for n in "${names[@]}"; do
		is "$n: its allocations are there alone" "$(allocated "${id[$n]}")" \
			"$h.$domain"
	done
	for n in web boot; do
		is "$n: its volume is attached there alone" \
			"$(attachments "${volume[$n]}")" "$h attached"
	done
	placement_audit > "$work/audit" 2>&1
	is "nova-manage placement audit finds nothing" $? 0
}

for h in "${computes[@]}"; do nh fence "$h" --forget --yes; done > /dev/null 2>&1
whole "${computes[@]}" || give_up "both hosts are up"
made web --flavor tiny.more --volume 1 &
made drive --user-data 'rescued by test' &
made boot --from-volume 1 &
made off &
wait
for n in "${names[@]}"; do
	id[$n]=$(< "$work/$n") || give_up "$n boots"
done
volume[web]=$(volumes_of "${id[web]}") volume[boot]=$(volumes_of "${id[boot]}")
act "${id[off]}" '{"os-stop": null}'
server_wait "${id[off]}" SHUTOFF || give_up "off is stopped"
off_sum=$(sum_on compute-30 "$nova/${id[off]}/disk")
note compute-30

# --- it dies, and its servers go on

# dies HOST OTHER: and is proven to be dead
dies() {
	power_cut "$1"
	holds "$1 is dead, its disks are seen on $2" mounted "$1" "$2"
	frozen "$1" dead
}
# rescued HOST OTHER: with the records that were chosen
rescued() {
	local n begun
	for n in "${names[@]}"; do
		begun=$SECONDS
		expect "$n is rescued" 0 rescue "$1" "$2" \
			--record "${record[$n]% *}" "${id[$n]}"
		echo "# $n: $((SECONDS - begun)) s"
		is "... with the record that was chosen" "$(record_of "${id[$n]}")" \
			"${record[$n]}"
	done
	frozen "$1" now
	same "the dead host's disks" dead now
	unmounted
}
# all_left, none_left HOST: what is there of those that went on elsewhere
all_left() {
	local n
	for n in "${names[@]}"; do
		is "$1 is back, and has $n" \
			"$(left_on "$1" "${id[$n]}" | xargs)" 'domain directory'
	done
}
none_left() {
	local n
	for n in "${names[@]}"; do
		is "$1: nothing of $n is left" "$(left_on "$1" "${id[$n]}" | xargs)" ''
		like "... and no record is armed" "$(record_of "${id[$n]}")" \
			'^(evacuation completed|migration confirmed)$'
	done
}
rabbitmqctl_() {
	on controller setpriv --reuid=rabbitmq --regid=rabbitmq --init-groups \
		env HOME=/var/lib/rabbitmq /usr/lib/rabbitmq/bin/rabbitmqctl "$@"
}
off='migration confirmed' armed='evacuation done'

# own_disks HOST NAME: how many of boot 2 have the label that boot 1 gave them
own_disks() {
	console_on "$1" "${id[$2]}" | sed -n '/^@guest up count=2 /,$p' |
		grep -Ec "^@guest disk dev=vd[b-z] .*label='label $2[.a-z]* count=1'"
}
# before_readmit HOST OTHER: nova-compute is back before anybody looked
before_readmit() {
	local h=$1 to=$2 n
	dies "$h" "$to"
	# somebody tries to help: that waits for the dead host in its queue
	act "${id[drive]}" '{"reboot": {"type": "HARD"}}'
	expect "without proof nothing is rescued" 6 rescue "$h" "$to"
	expect "it is listed all the same" 0 nh rescue "$h" --list \
		--disks "$to:$root$nova"
	is "... complete" "$(grep -c complete "$work/out")" 4
	expect "the proof" 0 proven "$h"
	expect "one that was asked to reboot is refused" 5 \
		rescue "$h" "$to" "${id[drive]}"
	like "... and it says what to do" "$(tr -s '\n ' ' ' < "$work/err")$(
		tr -s '\n ' ' ' < "$work/out")" "delete_queue compute.$h"
	holds "... which is done" rabbitmqctl_ delete_queue "compute.$h"
	act "${id[drive]}" '{"os-resetState": {"state": "active"}}'
	record=([web]=$armed [drive]=$off [boot]=$armed [off]=$off)
	rescued "$h" "$to"
	lives "$to" 1
	is "web: its ephemeral disk, its swap and its volume are its own" \
		"$(own_disks "$to" web)" 3
	holds "drive: its config drive is read" wait_console "$to" \
		"${id[drive]}" '^\| rescued by test$' 1

	power_on "$h" || give_up "$h is back"
	on "$h" sed -i '/^\[DEFAULT\]$/a resume_guests_state_on_host_boot = true' \
		/etc/nova/nova.conf
	all_left "$h"
	service start "$h" nova-compute
	holds "its nova-compute starts" until_true 120 compute_up "$h"
	for n in web boot; do
		holds "$n: Nova settles its armed record" \
			until_true 90 settled "${id[$n]}"
		is "... and removes what is left of it" \
			"$(left_on "$h" "${id[$n]}" | xargs)" ''
	done
	# what it does every minute, too
	sleep "$pause"
	for n in drive off; do
		is "$n: Nova leaves what is left of it, shut off" "$(left_on "$h" \
			"${id[$n]}" | xargs), $(state_on "$h" "${id[$n]}")" \
			'domain directory, shut off'
	done
	lives "$to" 0
	expect "readmit is refused while it runs" 5 nh readmit "$h" --yes
	service stop "$h" nova-compute
	expect "readmit" 0 nh readmit "$h" --yes
	none_left "$h"
	service start "$h" nova-compute
	holds "nova-compute is up again" until_true 120 compute_up "$h"
	lives "$to" 0
}

# after_readmit HOST OTHER: nova-compute waits for it
after_readmit() {
	local h=$1 to=$2 n auto
	# libvirt would start it when its host boots
	on "$h" virsh -q autostart "${id[drive]}"
	auto=$S/hosts/$h/etc/libvirt/qemu/autostart/$(domain_of "${id[drive]}").xml
	holds "drive's domain has been told to start by itself" test -L "$auto"
	dies "$h" "$to"
	expect "without proof nothing is rescued" 6 rescue "$h" "$to"
	expect "the proof" 0 proven "$h"
	nh rescue "$h" --disks "$to:$root$nova" --to "$to" --dry-run -f json \
		"${id[drive]}" > "$work/out" 2> "$work/err" < /dev/null
	like "the plan says what would start a second time" "$(< "$work/out")" \
		'starts it when that host boots'
	record=([web]=$armed [drive]=$off [boot]=$off [off]=$armed)
	rescued "$h" "$to"
	lives "$to" 1
	# as that says
	rm "$auto"
	power_on "$h" || give_up "$h is back"
	all_left "$h"
	expect "readmit" 0 nh readmit "$h" --yes
	none_left "$h"
	service start "$h" nova-compute
	holds "its nova-compute starts" until_true 120 compute_up "$h"
	sleep 5
	lives "$to" 0
	none_left "$h"
}

at=compute-34
if [ -z "$SAMPLE" ]; then
	before_readmit compute-30 compute-34
	after_readmit compute-34 compute-30
	at=compute-30
elif [ $((RANDOM % 2)) = 0 ]; then
	before_readmit compute-30 compute-34
else
	after_readmit compute-30 compute-34
fi

# --- Nova goes on

for h in "${computes[@]}"; do
	service restart "$h" nova-compute
	holds "$h: started again" until_true 120 compute_up "$h"
done
lives $at 0
act "${id[web]}" '{"reboot": {"type": "HARD"}}'
act "${id[off]}" '{"os-start": null}'
holds "Nova starts off" server_wait "${id[off]}" ACTIVE
holds "... where it is" wait_console $at "${id[off]}" '^@guest ready' 120
holds "Nova's hard reboot" server_wait "${id[web]}" ACTIVE
holds "... boots web" wait_console $at "${id[web]}" \
	"^@guest up count=$((count[web] + 1)) " 120
api DELETE compute "/servers/${id[web]}/os-volume_attachments/${volume[web]}" \
	> /dev/null
holds "Nova detaches its volume" until_true 60 volume_is "${volume[web]}" available
rows before
expect "novahaul audit finds nothing" 0 nh audit
for n in "${names[@]}"; do server_delete "$n"; done
rows after
for n in "${names[@]}"; do
	is "$n: deleted by Nova, nothing is left" \
		"$(leftovers after "${id[$n]}"; left_on compute-30 "${id[$n]}"
		left_on compute-34 "${id[$n]}")" ''
done
finish
