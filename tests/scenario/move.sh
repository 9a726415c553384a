#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a running guest with a config drive, an ephemeral disk and swap moves
# 30 -> 34 -> 30 -> 34 -> 30, each time another way, and is the same guest each
# time: birth mark, boot counter + 1, config drive, user data, network.  Only the
# intended columns of the database change.  A neighbour's backing image is not
# touched.  Nothing is left but the kept copies, and `purge` removes exactly
# those.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul

nova=/var/lib/nova/instances
eph=ephemeral_1_$(printf ext4 | md5sum | cut -c1-7)
n=$(guest neighbour compute-34) || give_up "a neighbour boots"
u=$(guest mover compute-30 --eph 1 --swap 48 --user-data 'moved by test') ||
	give_up "a guest boots"
id=$(db "SELECT id FROM instances WHERE uuid = '$u'")
tap=$(db "SELECT network_info FROM instance_info_caches
	WHERE instance_uuid = '$u'" | grep -o '"devname": "[^"]*' | cut -d'"' -f4)
birth=$(birth_on compute-30 "$u")
drive=$(sum_on compute-30 "$nova/$u/disk.config")
base=$(on compute-30 qemu-img info -U --output json "$nova/$u/disk" |
	sed -n 's,.*"backing-filename": ".*/\([^/]*\)".*,\1,p' | head -n 1)
on compute-34 rm -f "$nova/_base/$eph"
base_34=$(on compute-34 stat -c '%i %s %U:%G %a' "$nova/_base/$base")
base_sum=$(sum_on compute-34 "$nova/_base/$base")
count_34=$(count_on compute-34 "$n")
keys_of() { on "$1" sha256sum /root/.ssh/authorized_keys; }
keys_30=$(keys_of compute-30)
keys_34=$(keys_of compute-34)
used_34=$(on compute-34 ls -A $nova/.novahaul 2> /dev/null | sort)
used_30=$(on compute-30 ls -A $nova/.novahaul 2> /dev/null | sort)

# what a move may write
columns="^[<>] nova_cell1\.instances\[$id\]\.(host|node|updated_at)="
columns+="|^> nova_cell1\.(migrations|instance_actions(_events)?)\["

# moved FROM TO COUNT OPTION...
moved() {
	local from=$1 to=$2 count=$3 job
	shift 3
	rows rows.before
	expect "it moves to $to with ${*:-no options}" 0 \
		nh move "$u" --to "$to" --yes "$@"
	job=$(sed -n 's/^Job *//p' "$work/out")
	echo "$job $from" >> "$work/jobs"
	wait_console "$to" "$u" '^@guest ready' 120 ||
		not_ok "it is ready on $to" "$(console_on "$to" "$u" | tail -n 5)"
	is "... the same birth mark" "$(birth_on "$to" "$u")" "$birth"
	is "... boot $count" "$(count_on "$to" "$u")" "$count"
	is "... runs on one host" "$(runs_on "$u")" "$to"
	is "... is defined on one host" \
		"$(state_on "$from" "$u"), $(state_on "$to" "$u")" 'absent, running'
	is "... its config drive is the same" \
		"$(sum_on "$to" "$nova/$u/disk.config")" "$drive"
	like "... its user data is read" "$(console_on "$to" "$u")" \
		'^\| moved by test$'
	like "... its ephemeral disk came along" "$(console_on "$to" "$u")" \
		"^@guest disk dev=vdb size=2097152 label='label mover count=$((count - 1))'"
	like "... its swap came along" "$(console_on "$to" "$u")" \
		"^@guest disk dev=vdc size=98304 label='label mover count=$((count - 1))'"
	like "... its port is on the bridge" \
		"$(on "$to" ip -o link show "$tap" 2>&1)" 'master brq.*[<,]UP[,>]|[<,]UP[,>].*master brq'
	is "... and gone from $from" \
		"$(on "$from" ip -o link show "$tap" 2> /dev/null)" ''
	holds "... it answers to a ping" answers "$u"
	rows rows.after
	same "... the database, but for the intended columns," \
		rows.before rows.after "$columns"
	is "... one migration more" \
		"$(LC_ALL=C comm -13 "$work/rows.before" "$work/rows.after" |
			grep -Ec 'migrations\[[0-9]+\]\.(status=confirmed|migration_type=migration|instance_uuid='"$u"')$')" 3
	is "... one action more" \
		"$(LC_ALL=C comm -13 "$work/rows.before" "$work/rows.after" |
			grep -Ec 'instance_actions\[[0-9]+\]\.(action=migrate|instance_uuid='"$u"'|message=NULL)$')" 3
	is "... owners are as Nova's" "$(on "$to" stat -c %U:%G "$nova/$u" \
		"$nova/$u/disk.info" | sort -u)" nova:nova
	is "... the instance is not locked" \
		"$(db "SELECT locked, locked_by FROM instances WHERE uuid = '$u'")" \
		$'0\tNULL'
}
t=$SECONDS
moved compute-30 compute-34 2
figure "a guest's move, all of it" $((SECONDS - t)) s
like "a backing image was brought" \
	"$(on compute-34 stat -c '%U:%G %s' "$nova/_base/$eph" 2>&1)" '1073741824$'
is "... with the same content" "$(sum_on compute-34 "$nova/_base/$eph")" \
	"$(sum_on compute-30 "$nova/_base/$eph")"
age=$(on compute-34 bash -c "echo \$((\$(date +%s) - \$(stat -c %Y $nova/_base/$eph)))")
holds "... and young, for Nova's image cache" test "$age" -lt 300
if [ -z "$SAMPLE" ] || [ $((${SEED:-0} % 2)) = 0 ]; then
	moved compute-34 compute-30 3 --transport relay --delta whole
else
	moved compute-34 compute-30 3 --delta librsync
fi
if [ -z "$SAMPLE" ]; then
	moved compute-30 compute-34 4 --no-precopy --transport direct \
		--delta blocks
	moved compute-34 compute-30 5 --delta librsync
else
	skip "the way there and back again" "not in this sample"
fi

is "the neighbour's backing image is the same file" \
	"$(on compute-34 stat -c '%i %s %U:%G %a' "$nova/_base/$base")" "$base_34"
is "... with the same content" "$(sum_on compute-34 "$nova/_base/$base")" "$base_sum"
is "the neighbour still runs" "$(runs_on "$n"), boot $(count_on compute-34 "$n")" \
	"compute-34, boot $count_34"
is "no key is left on compute-30" "$(keys_of compute-30)" "$keys_30"
is "no key is left on compute-34" "$(keys_of compute-34)" "$keys_34"

# --- what is left, and purge

for h in compute-30 compute-34; do
	used=$used_30
	[ $h = compute-30 ] || used=$used_34
	want=$({
		[ -z "$used" ] || echo "$used"
		awk -v h=$h '$2 == h { print $1 }' "$work/jobs"
	} | sort)
	is "nothing is left on $h but the kept copies" \
		"$(on $h ls -A $nova/.novahaul | sort | grep -v '^leases$')" \
		"$(grep -v '^leases$' <<< "$want")"
done
is "no agent still runs" \
	"$(for h in compute-30 compute-34; do on $h pgrep -c novahaul-agent; done |
		sort -u)" 0
nh jobs -f value > "$work/list"
while read -r job from; do
	like "jobs lists $job with what it keeps" "$(grep "^$job " "$work/list")" \
		"^$job done .* [1-9][0-9]{4,}$"
done < "$work/jobs"

read -r job from < "$work/jobs"
world kept
db "UPDATE instances SET host = 'compute-99' WHERE uuid = '$u'"
expect "a copy is not purged while nobody knows where the disks are" 5 \
	nh purge "$job" --yes
like "... and it says why" "$(cat "$work/out" "$work/err")" 'compute-99'
db "UPDATE instances SET host = 'compute-34' WHERE uuid = '$u'"
expect "... nor while they are not where the database says" 5 \
	nh purge "$job" --yes
db "UPDATE instances SET host = 'compute-30' WHERE uuid = '$u'"
expect "an unknown job is not purged" 2 nh purge j-aaaaaaaa --yes
world kept.after
mine="^[<>] compute-[0-9]*: /var/lib/nova/instances/($u|$n)/"
same "after these refusals the world" kept kept.after "$mine"

while read -r job from; do
	world purge.before
	expect "purge $job" 0 nh purge "$job" --yes
	world purge.after
	same "all but the kept copy" purge.before purge.after "$mine" \
		"^< $from: $nova/\.novahaul/${job}[ /]" \
		"^[<>] $from: $nova/(_base|\.novahaul/[^/]*/hold)/[^ ]* .* links=" \
		"^< $from: $nova/\.novahaul(/leases)?[ /]"
	is "... which is gone" \
		"$(on "$from" ls -d "$nova/.novahaul/$job" 2> /dev/null)" ''
	expect "purging twice is nothing to do" 4 nh purge "$job" --yes
done < "$work/jobs"
is "it still runs where it was" "$(runs_on "$u")" compute-30
finish
