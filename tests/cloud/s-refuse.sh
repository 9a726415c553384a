#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: in a cloud with Placement and Neutron, direct control would leave their
# rows wrong, so a move is refused with that reason (exit 5), and nothing has
# changed: no row of any database, no file of either host, no domain, mount or
# volume.  The guest has not noticed.
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
need_cloud
need_novahaul

u=$(server refuse compute-30 --volume 1) || give_up "a server boots"
until_true 30 answers "$u"
# the first contact with a host leaves an agent there, and check says so
nh check "$u" --to compute-34 --control direct > /dev/null 2>&1
world before
for c in check 'move --yes' 'move --yes --no-start' plan; do
	# shellcheck disable=SC2086 # words
	expect "$c is refused" 5 nh $c "$u" --to compute-34 --control direct
	like "... because of Placement" "$(cat "$work/out" "$work/err")" \
		'configured for Placement'
	like "... and of Neutron" "$(cat "$work/out" "$work/err")" \
		'configured for Neutron'
done
world after
# what a running guest writes
disk="^[<>] compute-30: /var/lib/nova/instances/$u/(disk|console\.log) "
same "the world" before after "$disk"
is "the guest runs where it was" "$(runs_on "$u") $(count_on compute-30 "$u")" \
	'compute-30 1'
holds "... and answers to a ping" answers "$u"
is "it has no job" "$(nh jobs -f value | grep -c "$u")" 0
finish
