#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: what cannot be moved rightly is refused with the reason (exit 5): without
# a login Placement, Neutron and Cinder would be left wrong; with one it is a
# volume that somebody has attached a second time.  Nothing has changed then: no row of any database, no file of either
# host, no domain, mount or volume.  The guest has not noticed.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud
need_novahaul

u=$(server refuse compute-30 --volume 1) || give_up "a server boots"
v=$(volumes_of "$u")
until_true 30 answers "$u"
second=$(api POST volume /attachments "{\"attachment\": {\"volume_uuid\": \"$v\",
	\"instance_uuid\": \"$u\", \"mode\": \"rw\"}}" | jq -r .attachment.id) ||
	give_up "Cinder makes an attachment"
# the first contact with a host leaves an agent there, and check says so
nh check "$u" --to compute-34 > /dev/null 2>&1
world before
for c in check 'move --yes' 'move --yes --no-start' plan; do
	# shellcheck disable=SC2086 # words
	expect "$c without a login is refused" 5 \
		on controller env "${without_os[@]}" novahaul $c "$u" --to compute-34
	like "... because of Placement" "$(cat "$work/out" "$work/err")" \
		'configured for Placement'
	like "... and of Neutron" "$(cat "$work/out" "$work/err")" \
		'configured for Neutron'
	like "... and of Cinder" "$(cat "$work/out" "$work/err")" \
		"volume $v has an attachment in Cinder"
done
for c in check 'move --yes'; do
	# shellcheck disable=SC2086 # words
	expect "$c with a wrong password is refused" 5 \
		on controller env OS_PASSWORD=sesame novahaul $c "$u" --to compute-34
	like "... which is what it says" "$(cat "$work/out" "$work/err")" '401'
	# shellcheck disable=SC2086 # words
	expect "$c with a login is refused" 5 nh $c "$u" --to compute-34
	like "... because of the volume" "$(cat "$work/out" "$work/err")" \
		"volume $v has 2 attachments"
done
world after
# what a running guest writes
disk="^[<>] compute-30: /var/lib/nova/instances/$u/(disk|console\.log) "
same "the world" before after "$disk"
is "the guest runs where it was" "$(runs_on "$u") $(count_on compute-30 "$u")" \
	'compute-30 1'
holds "... and answers to a ping" answers "$u"
api DELETE volume "/attachments/$second" > /dev/null
holds "... its volume is its own" volume_is "$v" in-use
is "it has no job" "$(nh jobs -f value | grep -c "$u")" 0
finish
