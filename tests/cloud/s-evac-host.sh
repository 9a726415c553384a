#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a whole host is evacuated and its servers return: with volumes, booted from
# one, with ephemeral disk and swap, stopped, and without any network but its
# config drive.  Each time every one of them is to Nova and to its guest as if
# Nova had moved it, what was on the target before is left alone, and neither
# Nova's audit nor ours finds anything.  In between and afterwards Nova's own
# restart, hard reboot, start, cold migration, resize and deletion work, what Nova
# has brought home itself is not brought again, and nothing is left at the end.
# Full run only: it takes many minutes; in a sample, when it is named, with three
# servers and less of Nova's own at the end.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/cloud/lib-hosts.sh
. "$(dirname "$0")/lib-hosts.sh"
need_cloud
need_novahaul
now() { date +%s%3N; }
# what jobs keep there; others have run in this cloud before
kept() {
	on "$1" bash -c "cd $nova/.novahaul 2> /dev/null && ls -d j-*" | sort
}
for h in $home $away; do kept "$h" > "$work/kept.$h"; done

is "$home has nothing before" "$(db "SELECT COUNT(*) FROM instances
	WHERE host = '$home' AND deleted = 0")" 0
specs=('eh-vol --volume 1' 'eh-off --volume 1' 'eh-drive --network none')
[ -n "${SAMPLE:-}" ] || specs+=('eh-plain' 'eh-root --from-volume 1'
	'eh-more --flavor tiny.more --volume 1')
servers $home "${specs[@]}"
guests=("${names[@]}")
[ -n "${SAMPLE:-}" ] || servers $away eh-there
act "${uuid[eh-off]}" '{"os-stop": null}'
server_wait "${uuid[eh-off]}" SHUTOFF || give_up "one is stopped"
off[eh-off]=yes
is "one has no port" "${address[eh-drive]}" ''
is "one has a volume" "${devices[eh-vol]}" 'in-use /dev/vdb attached,'
for n in "${guests[@]}"; do
	[ -z "${address[$n]}" ] || [ -n "${off[$n]}" ] ||
		until_true 60 port_is "${uuid[$n]}" "$home ACTIVE"
done
quiet "before"

# runs WHAT NOVAHAUL-ARGUMENT...: a batch, and what its report says of it
runs() {
	local what=$1 begun
	shift
	begun=$(now)
	expect "$what" 0 nh "$@" --parallel 3 --yes
	took=$(($(now) - begun))
	batch=$(sed -n 's/^Batch *//p' "$work/out")
	[ -n "$batch" ] || give_up "$what: it has a batch" \
		"$(tail -n 20 "$work/out" "$work/err")"
	expect "... its report" 0 nh report -f json "$batch"
	cp "$work/out" "$work/report"
	down=$(jq .totals.downtime_max_s "$work/report")
	figure "$what, in a cloud" "$took" ms
	figure "... the longest downtime" "$down" s
	echo "# $what: $(jq -r '"\(.totals.instances) servers, \(
		.totals.bytes_sent / 1048576 | floor) MiB, downtime \([.instances[] |
		"\(.server.name) \(.downtime.seconds // "none")"] | join(", "))"' \
		"$work/report"), $took ms in all"
}
# overlap: how many of them ran while another one did
overlap() {
	jq '[.instances[] | {a: .at_s, b: (.at_s + .seconds), job}] as $i |
		[$i[] | . as $x | select(any($i[]; .job != $x.job and
			.a < $x.b and $x.a < .b))] | length' "$work/report"
}

# --- away

runs "the host is evacuated" evacuate $home --to $away
first=$batch
for n in "${guests[@]}"; do
	booted "$n"
	at $away "$n"
done
is "all that was there has moved" "$(jq -r '[.instances[].server.uuid] | sort |
	join(" ")' "$work/report")" "$(for n in "${guests[@]}"; do
	echo "${uuid[$n]}"; done | sort | xargs)"
is "... several at a time" "$([ "$(overlap)" -ge 2 ] && echo yes)" yes
is "... the stopped one without a downtime" "$(jq -r '[.instances[] |
	select(.downtime == null) | .server.name] | join(" ")' "$work/report")" eh-off
[ -n "${SAMPLE:-}" ] || at $away eh-there
is "$home is empty" "$(db "SELECT COUNT(*) FROM instances
	WHERE host = '$home' AND deleted = 0") $(
	on $home virsh -q list --all --name | grep -c .) $(
	on $home ls $nova | grep -Ec '^[0-9a-f]{8}-')" '0 0 0'
expect "evacuating it again has nothing to do" 4 nh evacuate $home --to $away --yes
expect "nor has a readmission, which its nova-compute does not allow" 5 \
	nh readmit $home --yes
quiet "evacuated"
expect "the report can be read by people" 0 nh report "$first"
for n in "${guests[@]}"; do
	like "... $n is in it" "$(< "$work/out")" "$n"
done

# --- Nova goes on with them there

restart_computes
for n in "${names[@]}"; do
	is "$n: the restart changed nothing" "$(runs_on "${uuid[$n]}") $(
		allocated "${uuid[$n]}")" \
		"$([ -n "${off[$n]}" ] || echo $away) $away.$domain"
done
hard_reboot $away eh-vol
act "${uuid[eh-off]}" '{"os-start": null}'
holds "eh-off: Nova starts it" server_wait "${uuid[eh-off]}" ACTIVE
off[eh-off]=
booted eh-off
at $away eh-off
act "${uuid[eh-off]}" '{"os-stop": null}'
holds "eh-off: ... and stops it" server_wait "${uuid[eh-off]}" SHUTOFF
off[eh-off]=yes
written[eh-off]=${boots[eh-off]}
# one comes home by Nova
nova_moves eh-drive '{"migrate": {"host": "compute-30"}}'
at $home eh-drive

# --- home

runs "they return" return $home
is "what left and is still away comes home, and nothing else" \
	"$(jq -r '[.instances[].server.name] | sort | join(" ")' "$work/report")" \
	"$(printf '%s\n' "${guests[@]}" | grep -vx eh-drive | sort | xargs)"
for n in "${guests[@]}"; do
	[ "$n" = eh-drive ] || booted "$n"
	at $home "$n"
done
[ -n "${SAMPLE:-}" ] || at $away eh-there
expect "nobody is away any more" 4 nh return $home --yes
quiet "at home"

# --- and Nova goes on with them here

if [ -z "${SAMPLE:-}" ]; then
	restart_computes
	hard_reboot $home eh-vol
	nova_moves eh-vol '{"migrate": {"host": "compute-34"}}'
	at $away eh-vol
fi
nova_moves eh-drive '{"resize": {"flavorRef": "small"}}'
# a new flavor's config drive is made anew
drive[eh-drive]=$(sum_on $away "$nova/${uuid[eh-drive]}/disk.config")
at $away eh-drive
act "${uuid[eh-off]}" '{"os-start": null}'
holds "eh-off: Nova starts it" server_wait "${uuid[eh-off]}" ACTIVE
off[eh-off]=
boots[eh-off]=$((boots[eh-off] + 1))
at $home eh-off
quiet "after Nova's operations"

for j in $(nh jobs -f json | jq -r --arg us "${uuid[*]}" '.jobs[] |
	select(.server.uuid as $s | $us | split(" ") | index($s)) | .job'); do
	nh purge "$j" --yes > "$work/purge" 2>&1 || cat "$work/purge"
done
for n in "${names[@]}"; do
	server_delete "$n"
done
rows gone
for n in "${names[@]}"; do no_trace "$n"; done
for h in $home $away; do
	is "nothing is kept on $h" "$(kept "$h" | comm -13 "$work/kept.$h" -)" ''
done
quiet "deleted"
finish
