#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: the ready-made planned maintenance, as it is, of a host with servers on it:
# Nova shows the host's service as disabled, with the run as its reason, places
# nothing new there, and as enabled, without a reason, at the end.  novahaul is
# killed while it waits for a person, and the run resumed.  What left comes home;
# what was deleted meanwhile does not hold it up, and what was on the target stays.
# A service that a person has disabled stays disabled, with that person's reason.
# Full run only: it takes many minutes; in a sample, when it is named, with two
# servers.
# shellcheck disable=SC2317 # called by name
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cloud/lib-hosts.sh
. "$(dirname "$0")/lib-hosts.sh"
need_cloud
need_novahaul
book=$srcdir/contrib/runbooks/planned-maintenance.yaml
vars=(--var "host=$home" --var "targets=$away")
enabled() {
	api PUT compute "/os-services/$(compute_service $home id)" \
		'{"status": "enabled"}' > /dev/null
}
trap 'enabled; cleanup' EXIT

# on_terminal ARG...: novahaul on a terminal of its own, in the background; `type`
# types there, its pid as the controller sees it is in $work/pid
on_terminal() {
	rm -f "$work/keys" "$work/pid"
	mkfifo "$work/keys"
	script -qefc "$cloud_dir/enter controller bash -c 'echo \$\$ > $work/pid
		exec novahaul $*'" "$work/typescript" \
		< "$work/keys" > /dev/null 2>&1 &
	runner=$!
	exec 7> "$work/keys"
}
ended() {
	exec 7>&-
	wait "$runner"
}
asked() { grep -q 'Type done to go on' "$work/typescript"; }
# waits_for_us: it has come to its approval, or ended
waits_for_us() {
	local i
	for ((i = 0; i < 1500; i++)); do
		asked && return 0
		kill -0 "$runner" 2> /dev/null || return 1
		sleep 0.4
	done
	return 1
}
# service_says: "STATUS REASON", as people see it
service_says() {
	on controller openstack compute service list --long -f json \
		--service nova-compute --host $home |
		jq -r '.[0] | "\(.Status) \(.["Disabled Reason"])"'
}
# steps_of RUN: "STEP STATE" of each
steps_of() {
	nh show "$1" -f json | jq -r '.members[] |
		"\(.server.name) \(.state)"'
}

specs=('rb-vol --volume 1' 'rb-plain')
[ -n "${SAMPLE:-}" ] || specs+=('rb-drive --network none' 'rb-gone --volume 1')
servers $home "${specs[@]}"
guests=("${names[@]}")
[ -n "${SAMPLE:-}" ] || servers $away rb-there
is "before, the service is enabled" "$(service_says)" 'enabled null'

# --- what it would do

world before
expect "a dry run" 0 nh run "$book" "${vars[@]}" --dry-run
for n in "${guests[@]}"; do
	like "... has a place for $n" "$(< "$work/out")" "$n to $away"
done
world after
# what guests write where they run is theirs
there=${uuid[rb-there]:-none}
same "a dry run's world" before after \
	"^[<>] ($home: $nova/[^/]*|$away: $nova/$there)/(disk|console\.log) "

# --- disable, empty

begun=$SECONDS
on_terminal run "$book" "${vars[@]}" --yes
holds "it empties the host, and asks" waits_for_us
run=$(nh jobs -f json | jq -r '[.jobs[] | select(.kind == "run")] |
	sort_by(.created) | last.job')
like "... which Nova shows as disabled, and why" "$(service_says)" \
	"^disabled novahaul.*$run.*planned maintenance"
for n in "${guests[@]}"; do
	booted "$n"
	at $away "$n"
done
is "$home is empty" "$(db "SELECT COUNT(*) FROM instances
	WHERE host = '$home' AND deleted = 0") $(
	on $home virsh -q list --all --name | grep -c .)" '0 0'
quiet "in the maintenance"

# --- killed while a person works; Nova goes on

on controller kill -9 "$(< "$work/pid")"
ended
is "killed, the service stays disabled" "$(service_says | cut -d' ' -f1)" disabled
act "${uuid[rb-plain]}" "{\"migrate\": {\"host\": \"$home\"}}" \
	> "$work/refused" 2>&1
until_true 60 server_idle "${uuid[rb-plain]}" ACTIVE
is "Nova moves nothing to it" "$(host_of "${uuid[rb-plain]}")" $away
hard_reboot $away rb-vol
[ -n "${SAMPLE:-}" ] || server_delete rb-gone
# a host that is worked on reboots
service stop $home nova-compute
service start $home nova-compute

# --- resumed, enabled, home

on_terminal resume "$run" --yes
holds "resumed, it asks again" waits_for_us
echo nonsense >&7
sleep 1
echo 'done' >&7
ended
is "it ends well" $? 0
sed 's/^/# /' "$work/typescript" | tr -d '\r' | tail -n 25
figure "a planned maintenance in a cloud" $((SECONDS - begun)) s
is "... all of its ten steps are done" "$(steps_of "$run" | grep -c ' done$') $(
	steps_of "$run" | grep -cv ' done$')" '10 0'
is "the service is enabled, without a reason" "$(service_says)" 'enabled null'
for n in "${guests[@]}"; do
	[ "$n" != rb-gone ] || continue
	booted "$n"
	at $home "$n"
done
[ -n "${SAMPLE:-}" ] || at $away rb-there
quiet "after the maintenance"
nova_moves rb-plain "{\"migrate\": {\"host\": \"$away\"}}"
at $away rb-plain

# --- a person's own

api PUT compute "/os-services/$(compute_service $home id)" \
	'{"status": "disabled", "disabled_reason": "new memory on Monday"}' \
	> /dev/null
cat > "$work/mine.yaml" << 'X'
version: 1
name: mine
variables:
  host: {type: host, required: yes}
steps:
  - name: off
    type: disable-service
    host: ${host}
  - name: "on"
    type: enable-service
    host: ${host}
X
expect "a service that a person has disabled" 0 \
	nh run "$work/mine.yaml" --var host=$home --yes
is "... stays so, with that person's reason" "$(service_says)" \
	'disabled new memory on Monday'
enabled
is "... until it is enabled" "$(service_says)" 'enabled null'

for j in $(nh jobs -f json | jq -r --arg us "${uuid[*]}" '.jobs[] |
	select(.server.uuid as $s | $us | split(" ") | index($s)) | .job'); do
	nh purge "$j" --yes > "$work/purge" 2>&1 || cat "$work/purge"
done
for n in "${names[@]}"; do server_delete "$n"; done
rows gone
for n in "${names[@]}"; do no_trace "$n"; done
quiet "deleted"
finish
