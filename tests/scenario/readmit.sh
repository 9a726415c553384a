#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a host dies and its guest goes on elsewhere, from its disks and with
# Nova's armed record of an evacuation.  Nothing but a person can prove the death.
# The host returns with the guest's domain and directory: readmit refuses while
# two guests run, and disarms what is left, killed at any step and resumed; only
# then Nova may use the host.  The guest that went on is not touched.
# Drawn in a sample, with others that take long.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul

u=$(guest gone compute-30) || give_up "a guest boots"
d=$(domain_of "$u")
birth=$(birth_on compute-30 "$u")
on compute-30 virsh -q dumpxml --inactive "$d" > "$work/xml30"
on compute-30 virsh -q autostart "$d" > "$work/out"

# --- it dies; unreachable is not dead
sb crash compute-30 > "$work/out" 2>&1
expect "no answer proves nothing" 6 nh fence compute-30 --status
expect "a yes is no statement" 2 nh fence compute-30 --yes
expect "a person may know" 0 nh fence compute-30 --yes \
	--statement "compute-30 is off" --by "A Test" --reason "it was crashed"
expect "the proof holds" 0 nh fence compute-30 --show
expect "not for ever" 6 nh fence compute-30 --show --fence-max-age 1

# --- its guest goes on, as after an evacuation of disks that were placed first
for base in "$(dirname "$(instance_dir compute-30 "$u")")"/_base/*; do
	cp -a "$base" "$S/hosts/compute-34/nova/instances/_base/" 2> /dev/null
done
cp -a "$(instance_dir compute-30 "$u")" "$S/hosts/compute-34/nova/instances/"
rm -f "$(instance_dir compute-34 "$u")/console.log"
sed "s/10\.78\.0\.30'/10.78.0.34'/g" "$work/xml30" > "$work/xml34"
arm() {
	db "UPDATE services SET forced_down = 1, disabled = 1,
		disabled_reason = 'novahaul rescue'
		WHERE host = 'compute-30' AND \`binary\` = 'nova-compute';
		UPDATE migrations SET status = 'done' WHERE uuid =
		'99999999-9999-4999-8999-999999999999'"
}
db "UPDATE instances SET host = 'compute-34',
	node = 'compute-34.sandbox.example' WHERE uuid = '$u';
	INSERT INTO migrations (created_at, source_compute, dest_compute,
	source_node, dest_node, status, instance_uuid, uuid,
	old_instance_type_id, new_instance_type_id, migration_type, hidden,
	deleted, cross_cell_move) VALUES (NOW(), 'compute-30', 'compute-34',
	'compute-30.sandbox.example', 'compute-34.sandbox.example', 'done',
	'$u', '99999999-9999-4999-8999-999999999999', 1, 1, 'evacuation', 0, 0,
	0)" || give_up "the record of an evacuation is written"
arm
on compute-34 virsh -q define "$work/xml34" > "$work/out" 2>&1
on compute-34 virsh -q start "$d" >> "$work/out" 2>&1
wait_console compute-34 "$u" '^@guest ready' ||
	give_up "it goes on" "$(cat "$work/out")"
is "it went on with its own disk" "$(birth_on compute-34 "$u")" "$birth"
count=$(count_on compute-34 "$u")

expect "a host that does not answer is not readmitted" 1 \
	nh readmit compute-30 --yes

# --- the host returns, with all that it had
sb up > "$work/out" 2>&1 || give_up "compute-30 is up again"
[ "$(state_on compute-30 "$d")" != running ] ||
	on compute-30 virsh -q destroy "$d" > "$work/out"
record() { db "SELECT status FROM migrations WHERE migration_type = 'evacuation'"; }
service() {
	db "SELECT disabled, forced_down FROM services WHERE host = 'compute-30'
		AND \`binary\` = 'nova-compute'" | tr '\t' ' '
}
left() { # what of the guest could start on compute-30
	[ "$(state_on compute-30 "$d")" = absent ] || echo domain
	[ ! -e "$(instance_dir compute-30 "$u")" ] || echo directory
}
is "its leftovers are there" "$(left | xargs)" "domain directory"

# --- two guests at once: not ours to choose
if on compute-30 virsh -q start "$d" > "$work/out" 2>&1; then
	expect "refused while both run" 5 nh readmit compute-30 --yes
	like "... and says so" "$(cat "$work/err")" 'two guests of it run'
	like "... and what to do" "$(cat "$work/err")" '^hint: stop the one'
	on compute-30 virsh -q destroy "$d" > "$work/out"
else
	not_ok "the leftover can be started" "$(cat "$work/out")"
fi
is "nothing was changed" "$(record) $(service)" "done 1 1"

rows before
expect "a dry run" 0 nh readmit compute-30 --dry-run
rows after
same "it changes no row" before after
is "... and nothing there" "$(left | xargs)" "domain directory"

# --- killed at each step
for step in fix-domain fix-directory fix-evacuation fix-service; do
	on controller "$S/lib/kill-at" -d "0.0$((RANDOM % 10))" $step \
		novahaul readmit compute-30 --yes > "$work/cut" 2>&1 < /dev/null
	# as long as anything is left, the record is there
	[ -z "$(left)" ] || is "at $step: the record still arms" "$(record)" "done"
	case $step in
	fix-service) ;;
	*) is "at $step: the host stays out" "$(service)" "1 1" ;;
	esac
	job=$(nh jobs --open -f value | awk 'NR == 1 { print $1 }')
	[ -z "$job" ] || expect "at $step: resumed" 0 nh resume "$job" --yes
	nh readmit compute-30 --yes > "$work/out" 2>&1 < /dev/null
	like "at $step: readmitted, then or before" "$?" '^[04]$'
	is "at $step: nothing is left" "$(left | xargs)" ""
	is "at $step: the record is completed" "$(record)" completed
	is "at $step: Nova may use it" "$(service)" "0 0"
	is "at $step: the guest runs on" "$(runs_on "$u")" compute-34
	# everything back, for the next one
	job=$(nh jobs -f json | perl -MJSON::PP -0777 -ne '
		for (@{decode_json($_)->{jobs}}) {
			next if $_->{server}{name} ne "gone" || $_->{state} ne "done";
			print $_->{job}; last }')
	expect "after $step: undone" 0 nh rollback "$job" --yes
	is "after $step: it is there again" "$(left | xargs)" "domain directory"
	is "after $step: armed again" "$(record)" "done"
	arm
done
like "autostart came back with it" \
	"$(on compute-30 virsh dominfo "$d")" 'Autostart: +enable'
expect "and a last time" 0 nh readmit compute-30 --yes
is "nothing is left" "$(left | xargs) $(record) $(service)" " completed 0 0"
expect "again: nothing to do" 4 nh readmit compute-30 --yes
is "it was never restarted" "$(count_on compute-34 "$u")" "$count"
is "it runs on one host" "$(runs_on "$u")" compute-34
expect "and can go home again" 0 nh move "$u" --to compute-30 --yes
is "... where it runs alone" "$(runs_on "$u")" compute-30
finish
