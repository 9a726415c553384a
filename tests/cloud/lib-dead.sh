# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# lib-dead.sh: a compute host of the cloud that loses its power, whose disks are
# seen elsewhere, and that comes back.  Sourced after lib.sh.
# shellcheck disable=SC2154,SC2317 # set by lib.sh; `holds` and `expect` call these

# shellcheck source=contrib/sandbox.d/hosts.sh
. "$here/hosts.sh"

# shellcheck source=tests/scenario/lib-disks.sh
. "$(dirname "${BASH_SOURCE[0]}")/../scenario/lib-disks.sh"

power_cut() { host_end "$1"; }
# power_on HOST: it boots, with all but nova-compute, which the administrator
# keeps from starting.  In a subshell: what fails there ends no scenario.
power_on() (
	host_start "$1"
	in_host "$1" "$S/lib/up.d/host-setup" "$1" 2>> "$S/log/$1-setup" || return
	link "$1" eth0 br-mgmt
	link "$1" eth1 br-data
	in_host "$1" ip addr replace "$(address "$1")/24" dev eth0 || return
	for s in sshd virtlogd libvirtd linuxbridge-agent; do
		service_start "$1" $s
	done
	service_ready "$1" sshd && service_ready "$1" libvirtd
)
is_up() { host_up "$1"; }

unmounted() {
	local h
	for h in controller "${computes[@]}"; do
		! is_up "$h" || taken_off "$h"
	done
	:
}

# rescue DEAD TARGET [OPTION...] [SERVER...]
rescue() {
	nh rescue "$1" --disks "$2:$root$nova" --to "$2" --yes "${@:3}"
}

# whole HOST...: each runs, with nova-compute, and Nova sees and uses it: what
# another scenario, or this one, may have left otherwise
whole() {
	local h
	for h; do
		is_up "$h" || power_on "$h" || return
		service_start "$h" nova-compute
	done
	for h; do
		until_true 90 compute_up "$h" && continue
		api PUT compute "/os-services/$(compute_service "$h" id)" \
			'{"status": "enabled", "forced_down": false}' > /dev/null
		until_true 30 compute_up "$h" || return
	done
}

# record_of UUID: the last record of how it came where it is
record_of() {
	db "SELECT CONCAT(migration_type, ' ', status) FROM migrations
		WHERE instance_uuid = '$1' ORDER BY id DESC LIMIT 1"
}
# left_on HOST UUID: what of it could start there
left_on() {
	[ "$(state_on "$1" "$2")" = absent ] || echo domain
	on "$1" test ! -e "$nova/$2" || echo directory
}
# providers UUID, binding UUID, attachments VOLUME: what the databases say, for
# when the APIs are down
providers() {
	db "SELECT DISTINCT r.name FROM placement.allocations a
		JOIN placement.resource_providers r ON r.id = a.resource_provider_id
		WHERE a.consumer_id = '$1'" | xargs
}
attachments() {
	db "SELECT attached_host, attach_status FROM cinder.volume_attachment
		WHERE volume_id = '$1' AND deleted = 0" | xargs
}
row_of() {
	db "SELECT host, node, vm_state, IFNULL(task_state, '-'), power_state,
		locked FROM instances WHERE uuid = '$1'" | tr '\t' ' '
}
