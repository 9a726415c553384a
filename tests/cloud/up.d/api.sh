# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# api.sh: the services' interfaces by curl and jq, which is far quicker than a
# start of the openstack client for each call.  Sourced after common.sh.
# shellcheck disable=SC2154

# token: a header file for the administrator, or for $api_user with
# $api_password; renewed after half a day
token() {
	local file=$S/run/token${api_user:+-$api_user}
	[ -z "$(find "$file" -mmin -600 2> /dev/null)" ] || return 0
	# shellcheck source=/dev/null
	. "$S/settings"
	(
		umask 077
		jq -n --arg u "${api_user:-admin}" \
			--arg p "${api_password:-$admin_password}" '{auth: {
			identity: {methods: ["password"], password: {user: {
				name: $u, domain: {id: "default"}, password: $p}}},
			scope: {project: {name: "admin", domain: {id: "default"}}}}}' |
			in_host controller curl -sS -m 30 -i -d @- \
				-H 'Content-Type: application/json' \
				"http://$ctl:5000/v3/auth/tokens" > "$file.new"
		tr -d '\r' < "$file.new" | grep -i '^x-subject-token:' |
			sed 's/^[^:]*/X-Auth-Token/' > "$file" || {
			tail -n 1 "$file.new" >&2
			rm -f "$file.new" "$file"
			return 1
		}
		tr -d '\r' < "$file.new" | tail -n 1 |
			jq -r .token.project.id > "$S/run/project"
		rm -f "$file.new"
	)
}

# api METHOD SERVICE PATH [JSON]: prints the answer; fails, and prints it to
# stderr, when that is an error.  SERVICE is identity, compute, network, image,
# placement or volume.
api() {
	local base version='' rc=0 more=() answer=$S/run/answer.$BASHPID
	token || return
	case $2 in
	identity) base=http://$ctl:5000/v3 ;;
	compute) base=http://$ctl:8774/v2.1 version='compute 2.93' ;;
	network) base=http://$ctl:9696/v2.0 ;;
	image) base=http://$ctl:9292/v2 ;;
	placement) base=http://$ctl:8778 version='placement 1.37' ;;
	volume) base=http://$ctl:8776/v3/$(< "$S/run/project") version='volume 3.70' ;;
	*) die "api: no service $2" ;;
	esac
	[ -z "$version" ] || more+=(-H "OpenStack-API-Version: $version")
	[ -z "${4:-}" ] || more+=(-H 'Content-Type: application/json' -d "$4")
	# answers have passwords in them
	(umask 077 && : > "$answer")
	in_host controller curl -sS -m 60 --fail-with-body -X "$1" \
		-H "@$S/run/token${api_user:+-$api_user}" \
		"${more[@]}" "$base$3" > "$answer" ||
		rc=1
	if [ $rc = 0 ]; then
		cat "$answer"
	else
		echo "$1 $base$3: $(< "$answer")" >&2
	fi
	rm -f "$answer"
	return $rc
}

# id_of SERVICE PATH: the id of the only thing that PATH lists, or nothing
id_of() { api GET "$1" "$2" | jq -r 'to_entries[] | .value | arrays | .[0].id // empty'; }
