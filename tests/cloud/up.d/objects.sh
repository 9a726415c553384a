# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# objects.sh: what a new cloud needs before a server can be made: users and
# catalogue, an image, flavors, a network.  Sourced after common.sh and api.sh.
# shellcheck disable=SC2154

objects_bootstrap() {
	local k=$S/keystone u=http://$ctl:5000/v3
	[ ! -e "$k/.done" ] || return 0
	install -d -o keystone -g keystone -m 700 "$k"
	in_host controller keystone-manage fernet_setup \
		--keystone-user keystone --keystone-group keystone
	in_host controller keystone-manage credential_setup \
		--keystone-user keystone --keystone-group keystone
	# by the environment: arguments can be seen by everyone
	OS_BOOTSTRAP_PASSWORD=$admin_password in_host controller \
		keystone-manage bootstrap --bootstrap-public-url "$u" \
		--bootstrap-internal-url "$u" --bootstrap-region-id RegionOne
	: > "$k/.done"
} > "$S/log/keystone-setup" 2>&1

# service_user NAME PROJECT ROLE...: with its entry in the catalogue
service_user() {
	local name=$1 project=$2 user service role interface
	shift 2
	user=$(jq -n --arg n "$name" --arg p "$service_password" \
		'{user: {name: $n, password: $p, domain_id: "default"}}')
	user=$(api POST identity /users "$user" | jq -r .user.id)
	for role in "$@"; do
		api PUT identity "/projects/$project/users/$user/roles/$role"
	done
	service=$(api POST identity /services "{\"service\": {\"name\": \"$name\",
		\"type\": \"${service_type[$name]}\"}}" | jq -r .service.id)
	for interface in public internal; do
		api POST identity /endpoints "{\"endpoint\": {\"service_id\":
			\"$service\", \"interface\": \"$interface\", \"region_id\":
			\"RegionOne\", \"url\": \"${service_url[$name]}\"}}" > /dev/null
	done
}

objects_catalogue() {
	local project role admin name pids=()
	[ ! -e "$S/keystone/.catalogue" ] || return 0
	project=$(api POST identity /projects \
		'{"project": {"name": "service", "domain_id": "default"}}' |
		jq -r .project.id)
	role=$(api POST identity /roles '{"role": {"name": "service"}}' |
		jq -r .role.id)
	admin=$(id_of identity '/roles?name=admin')
	# Keystone works long on a password: two at a time
	for name in "${!service_type[@]}"; do
		service_user "$name" "$project" "$role" "$admin" &
		pids+=($!)
	done
	for name in "${pids[@]}"; do
		wait "$name" || die "the catalogue could not be made"
	done
	: > "$S/keystone/.catalogue"
}

objects_image() {
	local id
	[ -z "$(id_of image '/images?name=guest')" ] || return 0
	[ -e "$S/guest.qcow2" ] ||
		qemu-img convert -q -O qcow2 -c "$S/guest.img" "$S/guest.qcow2"
	id=$(api POST image /images '{"name": "guest", "disk_format": "qcow2",
		"container_format": "bare", "visibility": "public", "min_disk": 1}' |
		jq -r .id)
	in_host controller curl -sS -m 120 --fail-with-body -X PUT \
		-H "@$S/run/token" -H 'Content-Type: application/octet-stream' \
		-T "$S/guest.qcow2" "http://$ctl:9292/v2/images/$id/file"
}

# flavor NAME RAM DISK EPHEMERAL SWAP
flavor() {
	api POST compute /flavors "{\"flavor\": {\"name\": \"$1\", \"id\": \"$1\",
		\"ram\": $2, \"vcpus\": 1, \"disk\": $3,
		\"OS-FLV-EXT-DATA:ephemeral\": $4, \"swap\": $5}}" > /dev/null
}
objects_flavors() {
	api GET compute /flavors/tiny > /dev/null 2>&1 || flavor tiny 192 1 0 0
	api GET compute /flavors/tiny.more > /dev/null 2>&1 ||
		flavor tiny.more 192 1 1 64
	api GET compute /flavors/small > /dev/null 2>&1 || flavor small 256 2 0 0
}

objects_network() {
	local id
	[ -z "$(id_of network '/networks?name=net')" ] || return 0
	id=$(api POST network /networks '{"network": {"name": "net",
		"provider:network_type": "flat", "shared": true,
		"provider:physical_network": "physnet1",
		"port_security_enabled": false}}' | jq -r .network.id)
	api POST network /subnets "{\"subnet\": {\"network_id\": \"$id\",
		\"name\": \"subnet\", \"ip_version\": 4, \"enable_dhcp\": false,
		\"cidr\": \"$data.0/24\", \"gateway_ip\": \"$data.1\",
		\"allocation_pools\": [{\"start\": \"$data.50\",
		\"end\": \"$data.199\"}]}}" > /dev/null
}
