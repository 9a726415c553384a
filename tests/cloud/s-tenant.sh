#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a user without the role admin cannot move anything: every right that is
# missing is named, and nothing has changed.  While a server moves, its tenant
# can neither start, stop, reboot, delete nor unlock it, nor give it a volume.
# shellcheck disable=SC2034 # for lib-faults.sh
# shellcheck source=tests/cloud/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/lib-faults.sh
. "$(dirname "$0")/../scenario/lib-faults.sh"
need_cloud
need_novahaul

case=tenant
user=
trap 'end_frozen
	[ -z "$user" ] || api DELETE identity "/users/$user"
	rm -f "$S/run/token-tenant"
	cleanup' EXIT

# of the server's project, and with no other role than that of a member
tenant_user() {
	local project role
	tenant_password=$(od -An -tx1 -N16 /dev/urandom | tr -d ' \n')
	rm -f "$S/run/token-tenant"
	user=$(api POST identity /users "$(jq -n --arg p "$tenant_password" \
		'{user: {name: "tenant", password: $p, domain_id: "default"}}')" |
		jq -r .user.id)
	project=$(id_of identity '/projects?name=admin')
	role=$(id_of identity '/roles?name=member')
	api PUT identity "/projects/$project/users/$user/roles/$role"
}
as_tenant() { api_user=tenant api_password=$tenant_password api "$@"; }
# refused_for WHAT ANSWER METHOD PATH [JSON]
refused_for() {
	like "in mid-move the tenant's $1 is refused" \
		"$(as_tenant "$3" compute "/servers/$u$4" "${5:-}" 2>&1)" "$2"
}

u=$(server tenant compute-30) || give_up "a server boots"
birth=$(birth_on compute-30 "$u")
tenant_user
is "the tenant sees its server" \
	"$(as_tenant GET compute "/servers/$u" | jq -r .server.status)" ACTIVE
nh check "$u" --to compute-34 > /dev/null 2>&1
begin
until_true 60 port_is "$u" "$home ACTIVE"

# --- without rights

world before
for c in check plan 'move --yes'; do
	# shellcheck disable=SC2086 # words
	expect "$c by a user without the role admin is refused" 5 \
		on controller env OS_USERNAME=tenant OS_PASSWORD="$tenant_password" \
		novahaul $c "$u" --to "$away"
	cat "$work/out" "$work/err" > "$work/said"
	like "... because of Placement" "$(< "$work/said")" 'Placement.*403'
	like "... and of Neutron" "$(< "$work/said")" \
		'may not see where port .* is bound'
	like "... and it says which role is wanted" "$(< "$work/said")" \
		'role.*admin'
done
world after
same_but_rollback "the world" before after "$home" "$u"
is "it has no job" "$(nh jobs -f value | grep -c "$u")" 0

# --- while it moves

freeze final-copy || give_up "a move is half-way"
refused_for start '409.*locked' POST /action '{"os-start": null}'
refused_for stop '409.*locked' POST /action '{"os-stop": null}'
refused_for reboot '409.*locked' POST /action '{"reboot": {"type": "HARD"}}'
refused_for rebuild '409.*locked' POST /action "{\"rebuild\": {\"imageRef\":
	\"$(id_of image '/images?name=guest')\"}}"
refused_for unlock '403' POST /action '{"unlock": null}'
refused_for volume '409.*locked' POST /os-volume_attachments \
	"{\"volumeAttachment\": {\"volumeId\": \"$u\"}}"
refused_for deletion '409.*locked' DELETE ''
promise "in mid-move"
is "Nova is at work on nothing" "$(db "SELECT host, vm_state, task_state, deleted
	FROM instances WHERE uuid = '$u'")" "$home	stopped	NULL	0"
thaw
is "the move goes on to its end" "$rc" 0
holds "the guest boots on the target" \
	wait_console "$away" "$u" "^@guest up count=2" 90
wait_console "$away" "$u" '^@guest ready' 60
is "... the same, and once" "$(birth_on "$away" "$u") $(runs_on "$u")" \
	"$birth $away"
is "... not locked" "$(server_field "$u" locked)" false
expect "what it kept is purged" 0 nh purge last --yes
act "$u" '{"lock": null}'
is "the lock of an administrator holds for the tenant as ever" \
	"$(as_tenant POST compute "/servers/$u/action" '{"os-stop": null}' 2>&1 |
		grep -c 'is locked')" 1
act "$u" '{"unlock": null}'
holds "the tenant's own stop works again" \
	as_tenant POST compute "/servers/$u/action" '{"os-stop": null}'
holds "... and stops it" server_wait "$u" SHUTOFF
finish
