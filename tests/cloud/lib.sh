# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# lib.sh: what the cloud's scenarios share.  A scenario is tests/cloud/s-NAME.sh;
# it reads like one of the sandbox's (tests/scenario/lib.sh, whose assertions
# and observers it has), but its guests are servers of a real Nova:
#
#	. "$(dirname "$0")/lib.sh"
#	need_cloud
#	u=$(server web compute-30 --volume 1)
#	world before
#	...
#	same "the world" before after
#	finish
#
# Nothing here waits by sleeping longer than it must, and everything that waits
# has a limit.  What `server` made is deleted at the end, unless KEEP is set.
# shellcheck disable=SC2034,SC2154 # set by what is sourced, used by who sources

cloud_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/cloud/up.d/common.sh
. "$cloud_dir/up.d/common.sh"
# shellcheck source=tests/scenario/lib.sh
. "$cloud_dir/../scenario/lib.sh"
for part in api data services; do
	# shellcheck source=/dev/null
	. "$cloud_dir/up.d/$part.sh"
done
scenario=${scenario#s-}

need_cloud() {
	[ "$(id -u)" = 0 ] || skip_all "needs root"
	[ -e "$S/settings" ] || skip_all "there is no cloud: run 'tests/cloud/up'"
	host_up controller || skip_all "the cloud is down: run 'tests/cloud/up'"
	# shellcheck source=/dev/null
	. "$S/settings"
}

# for env: without the administrator's login that `enter` gives the controller
without_os=(-u OS_AUTH_URL -u OS_USERNAME -u OS_PASSWORD -u OS_PROJECT_NAME
	-u OS_USER_DOMAIN_NAME -u OS_PROJECT_DOMAIN_NAME
	-u OS_IDENTITY_API_VERSION -u OS_REGION_NAME)

# the observers of the sandbox look into the cloud
on() { "$cloud_dir/enter" "$@"; }
sb() {
	case $1 in
	delete) server_delete "$2" ;;
	*) die "the cloud has no $1" ;;
	esac
}
rows_read() { sql; }
rows_schemas="NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')"
# what changes while nothing happens
rows_noise='^(nova_cell[01]|cinder)\.services\[[0-9]*\]\.(updated_at|report_count|last_seen_up)='
rows_noise+='|^neutron\.agents\[[^]]*\]\.(heartbeat_timestamp|configurations|load)='
# what the resource trackers reckon anew every minute, and of the host's disk
# and memory what all that runs on the machine leaves
rows_noise+='|^nova_cell1\.compute_nodes\[[0-9]*\]\.(updated_at|disk_available_least|free_disk_gb|cpu_info|numa_topology|metrics'
rows_noise+='|stats|current_workload|running_vms|vcpus_used|(memory_mb|local_gb)_used|free_ram_mb)='

# guest_says HOST UUID REGEX: the last line of the console that matches
guest_says() { console_on "$1" "$2" | grep -Ea -- "$3" | tail -n 1; }

# --- waiting

# until_true SECONDS CMD...: whether CMD succeeds in time
until_true() {
	local end=$((SECONDS + $1))
	shift
	while [ $SECONDS -lt $end ]; do
		"$@" > /dev/null 2>&1 && return 0
		sleep 0.3
	done
	return 1
}

server_field() { api GET compute "/servers/$1" | jq -r ".server.$2"; }
# server_idle UUID STATUS: it is in that state and nothing is at work on it
server_idle() {
	[ "$(api GET compute "/servers/$1" | jq -r \
		'.server | "\(.status) \(.["OS-EXT-STS:task_state"])"')" = "$2 null" ]
}
# gone SERVICE PATH: it answers that there is no such thing, which is not the
# same as no answer
gone() { [[ $(api GET "$1" "$2" 2>&1) == *'error: 404'* ]]; }

# server_wait UUID STATUS [SECONDS]
server_wait() {
	until_true "${3:-120}" server_idle "$1" "$2" && return 0
	api GET compute "/servers/$1" | jq -c '.server |
		{status, task: .["OS-EXT-STS:task_state"], fault}' >&2
	return 1
}
volume_is() {
	[ "$(api GET volume "/volumes/$1" | jq -r .volume.status)" = "$2" ]
}
port_of() {
	api GET network "/ports?device_id=$1" | jq -r '.ports[0].id'
}
# port_says UUID: "HOST STATUS" of its first port
port_says() {
	api GET network "/ports?device_id=$1" |
		jq -r '.ports[0] | "\(.["binding:host_id"]) \(.status)"'
}
port_is() { [ "$(port_says "$1")" = "$2" ]; }
# evacuated, settled UUID: how far its last evacuation is
migration_is() {
	[ "$(db "SELECT status FROM migrations WHERE instance_uuid = '$1'
		AND migration_type = '$2' ORDER BY id DESC LIMIT 1")" = "$3" ]
}
evacuated() { migration_is "$1" evacuation 'done'; }
settled() { migration_is "$1" evacuation completed; }
# allocated UUID: the names of the providers that hold something for it
allocated() {
	local p
	for p in $(api GET placement "/allocations/$1" |
		jq -r '.allocations | keys[]'); do
		api GET placement "/resource_providers/$p" | jq -r .name
	done | sort | xargs
}
# attached_host VOLUME: by Cinder's own record
attached_host() {
	api GET volume "/volumes/$1" |
		jq -r '[.volume.attachments[].host_name] | join(" ")'
}
volumes_of() {
	api GET compute "/servers/$1/os-volume_attachments" |
		jq -r '.volumeAttachments[].volumeId'
}

# --- servers

# server NAME HOST [OPTION...]: boots one with a config drive and a port, waits
# until its guest is ready, prints its uuid.
#   --volume GIB      attach a new volume; may be repeated
#   --from-volume GIB boot from a new volume with the image on it
#   --flavor F        tiny, tiny.more (ephemeral disk and swap), small
#   --user-data TEXT
#   --network none    no port: all that it learns comes from its config drive
server() {
	local name=$1 host=$2 flavor=tiny text='made by a test' volumes=() id v body n
	local root='' network=
	shift 2
	while [ $# -gt 0 ]; do
		case $1 in
		--volume) volumes+=("$2") ;;
		--from-volume) root=$2 ;;
		--flavor) flavor=$2 ;;
		--user-data) text=$2 ;;
		--network) network=$2 ;;
		*) die "server: unknown option $1" ;;
		esac
		shift 2
	done
	echo "$name" >> "$work/guests"
	body=$(jq -n --arg n "$name" --arg h "$host" --arg f "$flavor" \
		--arg i "$(id_of image '/images?name=guest')" \
		--arg net "$(id_of network '/networks?name=net')" \
		--arg u "$(printf %s "$text" | base64 -w0)" '{server: {name: $n,
			host: $h, flavorRef: $f, imageRef: $i, config_drive: true,
			user_data: $u, networks: [{uuid: $net}]}}')
	[ -z "$network" ] ||
		body=$(jq --arg n "$network" '.server.networks = $n' <<< "$body")
	[ -z "$root" ] || {
		v=$(volume "$name" "$root" guest) || return
		body=$(jq --arg v "$v" '.server |= (del(.imageRef) +
			{block_device_mapping_v2: [{uuid: $v, boot_index: 0,
			source_type: "volume", destination_type: "volume"}]})' <<< "$body")
	}
	id=$(api POST compute /servers "$body" | jq -r .server.id) || return
	echo "$id" >> "$work/servers"
	server_wait "$id" ACTIVE || return
	wait_console "$host" "$id" '^@guest ready' 120 || return
	n=b
	for v in "${volumes[@]}"; do
		volume_attach "$id" "$(volume "$name" "$v")" || return
		wait_console "$host" "$id" "^@guest disk dev=vd$n" 60 || return
		n=$(tr b-y c-z <<< "$n")
	done
	echo "$id"
}

# volume SERVER-NAME GIB [IMAGE]: prints the id of a new one
volume() {
	local id image=null
	[ -z "${3:-}" ] || image="\"$(id_of image "/images?name=$3")\""
	id=$(api POST volume /volumes "{\"volume\": {\"name\": \"$1\",
		\"size\": $2, \"imageRef\": $image}}" | jq -r .volume.id) || return
	until_true 60 volume_is "$id" available || return
	echo "$id"
}
volume_attach() {
	api POST compute "/servers/$1/os-volume_attachments" \
		"{\"volumeAttachment\": {\"volumeId\": \"$2\"}}" > /dev/null || return
	until_true 60 volume_is "$2" in-use
}

# act UUID JSON: an action of Nova's
act() { api POST compute "/servers/$1/action" "$2" > /dev/null; }

ids_of() { # ids_of SERVICE PATH NAME
	api GET "$1" "$2?all_tenants=1&name=$3" | jq -r --arg n "$3" \
		'to_entries[0].value[] | select(.name == $n) | .id'
}
# server_delete NAME: with its volumes, if there is one
server_delete() {
	local id v
	for id in $(ids_of compute /servers "$1"); do
		api DELETE compute "/servers/$id" > /dev/null 2>&1
		until_true 90 gone compute "/servers/$id" ||
			echo "# server $1 was not deleted"
	done
	for v in $(ids_of volume /volumes "$1"); do
		until_true 30 volume_is "$v" available
		api DELETE volume "/volumes/$v" > /dev/null 2>&1
		until_true 60 gone volume "/volumes/$v" || echo "# volume $v was not deleted"
	done
}

# --- services

# Zed's Neutron without service plugins answers 500 to every request for ports
# until its worker has been asked for anything else (Port.port_forwardings is
# there from the first query on).  Wants Keystone.
neutron_awake() { until_true 30 api GET network /networks; }
# service stop|start|restart HOST NAME
service() {
	case $1 in
	stop) service_stop "$2" "$3" ;;
	start)
		service_start "$2" "$3" && service_ready "$2" "$3" || return
		[ "$3" != neutron-server ] || neutron_awake
		;;
	restart) service stop "$2" "$3" && service start "$2" "$3" ;;
	esac
}
# log_of HOST NAME, log_mark: what a service has written since the mark
log_of() { tail -n "+$((${log_at[$1-$2]:-0} + 1))" "$S/log/$1-$2"; }
declare -A log_at=()
log_mark() { log_at[$1-$2]=$(wc -l < "$S/log/$1-$2"); }

compute_service() { # compute_service HOST FIELD
	api GET compute "/os-services?binary=nova-compute&host=$1" |
		jq -r ".services[0].$2"
}
compute_up() { [ "$(compute_service "$1" state)" = up ]; }
compute_down() { [ "$(compute_service "$1" state)" = down ]; }

# audit: what `nova-manage placement audit` finds, and its exit status
placement_audit() { on controller nova-manage placement audit --verbose; }

# leftovers ROWS UUID: of what `rows ROWS` wrote, the rows that name the thing and
# are not marked as deleted, but for those that Nova keeps of every server there
# ever was, until `nova-manage db archive_deleted_rows`
leftovers() {
	awk -v u="$2" '
		{ key = substr($0, 1, index($0, "]")) }
		index($0, u) { named[key] }
		/\]\.(deleted|queued_for_delete)=/ && !/=(0|NULL|False)$/ { dead[key] }
		END { for (k in named) if (!(k in dead)) print k }' "$work/$1" |
		grep -Ev '^(nova_cell1\.(instance_actions(_events)?|instance_id_mappings|migrations)|nova_api\.request_specs)\[' |
		sort
}

# --- before and after

# mounts and volumes, beside what the sandbox compares; but not what the running
# guests of others write
world() {
	local h others
	others=$(db "SELECT uuid FROM instances WHERE deleted = 0" |
		grep -vxFf <(cat "$work/servers" 2> /dev/null) | paste -sd '|')
	{
		rows_text
		for h in "${computes[@]}"; do
			{
				on "$h" "$S/lib/host-domains"
				on "$h" findmnt -rn -o TARGET |
					sed -n 's,^/var/lib/nova/mnt/,mount &,p'
				on "$h" "$S/lib/host-files" /var/lib/nova/instances \
					/var/lib/libvirt/qemu /etc/libvirt /root |
					# the image cache's sign of life
					grep -v '^/var/lib/nova/instances/compute_nodes '
			} | sed "s/^/$h: /"
		done
		on controller "$S/lib/host-files" "$S/volumes" | sed 's/^/volumes: /'
	} | grep -Ev "/var/lib/nova/instances/(${others:-none})/(disk|console\.log) " |
		LC_ALL=C sort > "$work/$1"
}

# plain_rows NAMES: a row's number, a time and a random id say nothing about what
# was done.  What the file NAMES lists ("UUID NAME") is called so.
plain_rows() {
	awk -v names="$1" '
		BEGIN { while ((getline l < names) > 0) {
			split(l, f, " "); name[f[1]] = f[2] } }
		{ for (u in name) gsub(u, "<" name[u] ">")
		  print }' |
		sed -E -e 's/[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}/<an-id>/g' \
			-e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{8}(\.[0-9]+)?(Z|\+00:00)?/<a-time>/g' \
			-e 's/^([<>] [a-z_0-9.]+)\[[^]]*\]/\1[]/' \
			-e 's/(\]\.(id|generation|revision_number|action_id|standard_attr_id))=[0-9]+$/\1=<n>/'
}

# flow NAME UUID BEFORE AFTER: keeps, in $S/flows/NAME, the rows that differ
# between two `rows`, as an operation on the server wrote them
flow() {
	mkdir -p "$S/flows"
	{
		echo "$2 server"
		volumes_of "$2" | awk '{ print $1, "volume" NR }'
		echo "$(port_of "$2") port"
		sql -N -e 'SELECT uuid, name FROM placement.resource_providers;
			SELECT CONCAT("resource_provider_id=", id, "$"),
			CONCAT("resource_provider_id=", name)
			FROM placement.resource_providers'
	} > "$work/names"
	LC_ALL=C diff "$work/$3" "$work/$4" | grep '^[<>]' |
		plain_rows "$work/names" | LC_ALL=C sort > "$S/flows/$1"
	echo "# flow $1: $(wc -l < "$S/flows/$1") lines in $S/flows/$1"
}

# same_flow WHAT A B [REGEX...]: A wrote what B wrote, but for lines that match
# one.  Skipped when B, another scenario's, was not recorded in this cloud.
same_flow() {
	local what=$1 f
	for f in "$2" "$3"; do
		[ -e "$S/flows/$f" ] || {
			skip "$what" "no flow $f is recorded"
			return
		}
		sed 's/^[<>]/[&]/' "$S/flows/$f" > "$work/flow.$f"
	done
	same "$what" "flow.$3" "flow.$2" "${@:4}"
}

# same_but_rollback WHAT BEFORE AFTER HOST UUID [REGEX...]: two worlds differ in nothing but
# what a job that was rolled back leaves (novahaul-rollback(1)), and in what runs
# meanwhile
same_but_rollback() {
	local f allowed=(
		# the record of the move, marked as reverted, and its action;
		# Nova's own of a start that failed
		'^> nova_cell1\.(migrations|instance_(actions(_events)?|faults))\['
		# times, versions
		'\]\.(updated_at|generation|revision_number|port_binding_updated_at)='
		# the disk of a guest that was booted again, its console
		"^[<>] $4: /var/lib/nova/instances/$5/(disk|console\.log) "
		# libvirt's, of one run of a guest, and of a question to QEMU
		'/var/lib/libvirt/qemu/((channel/target/)?domain-[0-9]+-|qmp-)'
		# empty, and for the next job
		'^[<>] compute-[0-9]+: /var/lib/nova/instances/\.novahaul type=dir'
	)
	# a row of allocations is made anew each time, with another number
	for f in "$2" "$3"; do
		# what Nova's objects have changed they list in any order
		sed -E -e 's/, "nova_object\.changes": \[[^]]*\]//g' \
			-e 's/^(placement\.allocations\[)[0-9]+/\1/' \
			-e '/^placement\.allocations\[\]\.(id|created_at)=/d' \
			"$work/$f" | LC_ALL=C sort > "$work/$f.plain"
	done
	[ -z "${DIFFS:-}" ] || diff "$work/$2.plain" "$work/$3.plain" > "$DIFFS/$1.diff"
	same "$1" "$2.plain" "$3.plain" "${allowed[@]}" "${@:6}"
}
