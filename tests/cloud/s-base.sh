#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a backing image that the target has already, in use by a running
# neighbour, serves the moved server as well and is not touched: same inode,
# owner, mode, links and content, and the neighbour has noticed nothing.  One of
# that name with other content is refused (exit 5) before anything has changed,
# and the refusal says what to do.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud
need_novahaul

nova=/var/lib/nova/instances
away=compute-34

base_of() { # base_of HOST UUID
	on "$1" qemu-img info -U --output=json "$nova/$2/disk" |
		jq -r '."full-backing-filename"'
}
# identity HOST FILE
identity() {
	on "$1" stat -c 'inode %i owner %U:%G mode %a links %h' "$2"
	sum_on "$1" "$2"
}
# life UUID: its process, boots and beats
life() {
	on $away pgrep -f "qemu-system.*$1"
	count_on $away "$1"
	birth_on $away "$1"
}
beats() { console_on $away "$1" | grep -c '^@guest beat'; }

n=$(server base.neighbour $away) || give_up "a neighbour boots"
u=$(server base compute-30) || give_up "a server boots"
birth=$(birth_on compute-30 "$u")
base=$(base_of $away "$n")
is "both have a backing image of one name" "$(base_of compute-30 "$u")" "$base"
like "... in _base" "$base" '^/var/lib/nova/instances/_base/[0-9a-f]{40}$'
nh check "$u" --to $away > /dev/null 2>&1

# --- other content: refused

aside=$nova/base.of.a.test
put_back() {
	on $away bash -c "[ ! -e $aside ] || mv -f $aside $base"
}
trap 'put_back; cleanup' EXIT
# the neighbour's process keeps the file that it has opened; of the other one a
# single byte is different
on $away mv "$base" $aside
on $away cp -p --sparse=always $aside "$base"
on $away bash -c "printf x | dd of=$base bs=1 seek=700000 conv=notrunc status=none"
holds "there is one of other content and the same size" \
	test "$(on $away stat -c %s "$base")" = "$(on $away stat -c %s $aside)"
world before
for c in check plan 'move --yes'; do
	# shellcheck disable=SC2086 # words
	expect "$c is refused" 5 nh $c "$u" --to $away
	like "... because of the backing image" "$(cat "$work/out" "$work/err")" \
		"$away has ${base##*/} with other content"
	like "... and it says what to do" "$(cat "$work/out" "$work/err")" \
		'compare sha256sum of both.*move to another host'
done
world after
same "the world" before after \
	"instances/($u|$n)/(disk|console\.log) "
is "it runs where it was" "$(runs_on "$u") $(count_on compute-30 "$u")" \
	'compute-30 1'
is "it has no job" "$(nh jobs -f value | grep -c "$u")" 0
put_back

# --- the right one: used, and not touched

identity $away "$base" > "$work/base.before"
life "$n" > "$work/life.before"
beaten=$(beats "$n")
expect "it moves" 0 nh move "$u" --to $away --yes
job=$(sed -n 's/^Job *//p' "$work/out")
wait_console $away "$u" '^@guest ready' 90
is "it runs there, as the same guest" \
	"$(runs_on "$u") $(count_on $away "$u") $(birth_on $away "$u")" \
	"$away 2 $birth"
is "... on that backing image" "$(base_of $away "$u")" "$base"
identity $away "$base" > "$work/base.after"
same "the backing image" base.before base.after
expect "what the move kept is purged" 0 nh purge "$job" --yes
act "$u" '{"os-stop": null}'
server_wait "$u" SHUTOFF
holds "it is sound" on $away qemu-img check -q "$nova/$u/disk"
server_delete base
identity $away "$base" > "$work/base.after"
same "after purge and deletion, the backing image" base.before base.after
life "$n" > "$work/life.after"
same "the neighbour's life" life.before life.after
holds "... it went on" test "$(beats "$n")" -gt "$beaten"
holds "... and answers to a ping" until_true 30 answers "$n"
finish
