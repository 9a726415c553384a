#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: `check`, `plan` and `move --dry-run` change nothing on either host and in
# no table, but the agent's cache file; `plan -o` writes a plan that `apply`
# runs, once, and only while the facts that it rests on hold.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul

u=$(guest planner compute-30 --no-start --eph 1) || give_up "a guest is made"
nova=/var/lib/nova/instances
cache='^> compute-[0-9]*: /[^ ]*novahaul[^ ]*[ /]'

for h in compute-30 compute-34; do
	on $h rm -rf /root/.cache/novahaul /var/cache/novahaul
done
world before
expect "check" 0 nh check "$u" --to compute-34
world after
same "the world after check, but for the agent's cache," before after \
	"$cache" '^> compute-[0-9]*: /root/\.cache type=dir'
world before
expect "check in upper case" 0 nh check "${u^^}" --to compute-34
expect "check by name, as JSON" 0 nh check planner --to compute-34 -f json
/usr/bin/python3 -c 'import json,sys; json.load(sys.stdin)' < "$work/out" 2>&1 ||
	not_ok "it is JSON" "$(cat "$work/out")"
expect "plan" 0 nh plan "$u" --to compute-34
like "... names the commit point" "$(cat "$work/out")" \
	'^From step [0-9]+ \(rewrite\)'
like "... with its SQL" "$(cat "$work/out")" 'UPDATE instances'
expect "plan -o" 0 nh plan "$u" --to compute-34 -o "$work/plan.json"
cp "$work/plan.json" "$work/plan.first"
expect "plan -f yaml" 0 nh plan "$u" --to compute-34 -f yaml
expect "move --dry-run" 0 nh move "$u" --to compute-34 --dry-run
world after
same "the world after plans" before after
is "a plan can be read by its owner only" "$(stat -c %a "$work/plan.json")" 600
expect "a plan cannot be written where there is no directory" 1 \
	nh plan "$u" --to compute-34 -o "$work/none/plan.json"
like "... and it says where" "$(cat "$work/err")" "$work/none"

# --- apply

expect "apply asks, and without a terminal it refuses" 2 nh apply "$work/plan.json"
like "... and says what to type" "$(cat "$work/err")" '^hint: .*--yes'
expect "a plan that is not there" 2 nh apply "$work/nothing.json" --yes
like "... names the file" "$(cat "$work/err")" 'nothing.json'
head -c 1000 "$work/plan.json" > "$work/cut.json"
expect "half a plan" 2 nh apply "$work/cut.json" --yes
echo '{"steps": []}' > "$work/empty.json"
expect "an empty plan" 5 nh apply "$work/empty.json" --yes
sed 's/"compute-34"/"compute-30"/g' "$work/plan.json" > "$work/bent.json"
nh apply "$work/bent.json" --yes > "$work/out" 2>&1 < /dev/null
like "a plan bent by hand is refused" "$?" '^(2|4|5)$'
sed 's,/var/lib/nova/instances,/etc,g' "$work/plan.json" > "$work/bent.json"
nh apply "$work/bent.json" --yes > "$work/out" 2>&1 < /dev/null
is "a plan with other paths is refused" "$?" 5
sed 's/"disk\.eph0"/"..\/..\/..\/etc\/passwd"/g' "$work/plan.json" > "$work/bent.json"
nh apply "$work/bent.json" --yes > "$work/out" 2>&1 < /dev/null
is "a plan that leaves the directory is refused" "$?" 5
sed 's,<devices>,<devices><!-- -->,' "$work/plan.json" > "$work/bent.json"
expect "a plan with another domain is refused" 5 nh apply "$work/bent.json" --yes
like "... and says where it differs" "$(cat "$work/err")" "'domain_xml'"
sed 's/"streams": 0/"streams": 9/g' "$work/plan.json" > "$work/bent.json"
expect "a plan with more connections than there can be is refused" 5 \
	nh apply "$work/bent.json" --yes
expect "--streams is in the plan" 0 nh plan "$u" --to compute-34 --streams 3 -f json
like "... as its most" "$(cat "$work/out")" '"streams": 3'
expect "--streams and a relay" 2 nh plan "$u" --to compute-34 --streams 3 \
	--transport relay
sed 's,"claim","release",' "$work/plan.json" > "$work/bent.json"
expect "a plan with other steps is refused" 5 nh apply "$work/bent.json" --yes

# stale WHAT: after a change that was made meanwhile
stale() {
	expect "$1: the plan is stale" 5 nh apply "$work/plan.json" --yes
	like "... and says so" "$(cat "$work/err")" "$2"
}
db "UPDATE instances SET vm_state = 'active' WHERE uuid = '$u'"
stale "another state" 'have changed'
db "UPDATE instances SET vm_state = 'stopped' WHERE uuid = '$u'"
on compute-30 cp -p "$nova/$u/disk.config" "$nova/$u/disk.local"
stale "a file more" 'have changed|disk.local'
on compute-30 rm "$nova/$u/disk.local"
db "UPDATE instances SET locked = 1, locked_by = 'owner' WHERE uuid = '$u'"
stale "a lock" 'locked by owner'
db "UPDATE instances SET locked = 0, locked_by = NULL WHERE uuid = '$u'"
db "UPDATE services SET disabled = 1 WHERE host = 'compute-34'"
stale "a disabled target" 'disabled'
db "UPDATE services SET disabled = 0 WHERE host = 'compute-34'"
on compute-30 virsh -q dumpxml --inactive "$u" > "$work/xml"
sed "s,>196608<,>200704<," "$work/xml" > "$work/xml2"
on compute-30 virsh -q define "$work/xml2" > /dev/null
stale "another definition" 'have changed'
on compute-30 virsh -q define "$work/xml" > /dev/null
world after
same "the world after refused plans" before after

expect "apply of a plan that holds" 0 nh apply "$work/plan.json" --yes
is "... moved it" "$(db "SELECT host, vm_state FROM instances
	WHERE uuid = '$u'"), $(state_on compute-34 "$u")" \
	$'compute-34\tstopped, shut off'
expect "apply again is nothing to do" 4 nh apply "$work/plan.json" --yes
finish
