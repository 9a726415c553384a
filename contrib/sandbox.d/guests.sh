# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# guests.sh: making, finding and removing the sandbox's guests.  Sourced after
# common.sh and rows.sh, which set what is read here.
# shellcheck disable=SC2154

# guest_find NAME: "UUID HOST VM_STATE DOMAIN" of a guest by name or uuid
guest_find() {
	case $1 in
	*[!A-Za-z0-9._-]*) die "not a guest's name: $1" ;;
	esac
	sql -N -e "SELECT uuid, host, vm_state, CONCAT('instance-',
		LPAD(LOWER(HEX(id)), 8, '0')) FROM nova_cell1.instances
		WHERE deleted = 0 AND (uuid = '$1' OR display_name = '$1') LIMIT 1"
}

console_of() { echo "$S/hosts/$2/nova/instances/$1/console.log"; }

guest_ready() {
	tr -d '\r' 2> /dev/null < "$(console_of "$1" "$2")" |
		grep -aq '^@guest ready'
}

# guest_spec: writes the variables of rows_instance for guest-make
guest_spec() {
	declare -p uuid name host ram root_gb eph swap swap_dev drive port_id mac \
		ip tap user_data virt_type vif_type uefi vtpm meta domain_name created \
		root_format flat > "$S/guests/$uuid"
}

# An address is not used again soon: neighbours remember whose it was.
next_address() {
	local n=0
	[ ! -e "$S/guests/.last" ] || n=$(< "$S/guests/.last")
	echo $((n + 1)) > "$S/guests/.last"
	echo $((50 + n % 200))
}

guest_boot() {
	local name='' host='' ram=192 root_gb=1 eph=0 swap=0 swap_dev=/dev/vdb drive=yes
	local start=yes root_format=qcow2 user_data meta=() text='made by the sandbox'
	local vif_type=bridge flat=no uefi=no vtpm=no uuid port_id mac ip tap domain_name created found id
	while [ $# -gt 0 ]; do
		case $1 in
		--eph) eph=$2 && shift ;;
		--swap) swap=$2 && shift ;;
		--ovs) vif_type=ovs ;;
		--raw) root_format=raw ;;
		--flat) flat=yes ;;
		--uefi) uefi=yes ram=256 ;;
		--vtpm) vtpm=$(uuid_new) ;;
		--no-drive) drive=no ;;
		--no-start) start=no ;;
		--meta) meta+=("$2") && shift ;;
		--user-data) text=$2 && shift ;;
		-*) die "boot: unknown option $1" ;;
		*) if [ -z "$name" ]; then name=$1; else host=$1; fi ;;
		esac
		shift
	done
	[ -n "$name" ] || die "boot NAME [HOST]"
	host=${host:-${computes[0]}}
	# shellcheck source=/dev/null
	. "$S/settings"
	found=$(guest_find "$name")
	if [ -n "$found" ]; then
		guest_again "$found"
		return
	fi
	host_up "$host" || die "$host is down"
	[ "$eph" = 0 ] || swap_dev=/dev/vdc
	uuid=$(uuid_new)
	port_id=$(uuid_new)
	tap=tap${port_id:0:11}
	mac=fa:16:3e:${port_id:0:2}:${port_id:2:2}:${port_id:4:2}
	user_data=$(printf %s "$text" | base64 -w0)
	ip=$data.$(next_address)
	created=$(date -u '+%F %T')
	id=$(rows_instance | sql -N)
	printf -v domain_name 'instance-%08x' "$id"
	guest_spec
	in_host "$host" "$S/lib/guest-make" "$S/guests/$uuid"
	if [ "$start" = yes ]; then
		guest_start "$uuid" "$host" "$domain_name"
	else
		rows_state "$uuid" stopped 4 | sql
	fi
	echo "$uuid"
}

guest_start() {
	in_host "$2" virsh -q start "$3" > /dev/null
	rows_state "$1" active 1 | sql
	wait_for "${NOVAHAUL_SANDBOX_WAIT:-90}" \
		"the guest's console (contrib/sandbox console $1)" \
		guest_ready "$1" "$2"
}

# guest_again "UUID HOST VM_STATE DOMAIN": boots a guest that exists
guest_again() {
	local uuid host domain_name
	read -r uuid host _ domain_name <<< "$1"
	if [ "$(in_host "$host" virsh -q domstate "$domain_name" 2>&1)" != running ]; then
		guest_start "$uuid" "$host" "$domain_name"
	fi
	echo "$uuid"
}

# guest_copies DIR UUID: removes what moves have kept of it there
guest_copies() {
	local m
	for m in "$1"/j-*/manifest.json; do
		if grep -qsF "$2" "$m"; then
			rm -rf --one-file-system "${m%/*}"
		fi
	done
	rm -f "$1/leases/$2"*
	rmdir "$1/leases" "$1" 2> /dev/null || :
}

# Wherever it is: a test may have left it on another host than the row says.
guest_delete() {
	local found uuid h domain_name
	found=$(guest_find "$1")
	[ -n "$found" ] || die "no such guest: $1"
	read -r uuid _ _ domain_name <<< "$found"
	for h in "${computes[@]}"; do
		host_up "$h" || continue
		if in_host "$h" virsh -q domstate "$domain_name" > /dev/null 2>&1; then
			in_host "$h" virsh -q destroy "$domain_name" > /dev/null 2>&1 || :
			in_host "$h" virsh -q undefine --nvram "$domain_name" > /dev/null
		fi
		in_host "$h" virsh -q secret-list | awk -v u="$uuid" '$3 == u { print $1 }' |
			while read -r secret; do
				in_host "$h" virsh -q secret-undefine "$secret" > /dev/null
			done
		rm -rf --one-file-system "$S/hosts/$h/nova/instances/$uuid"
		guest_copies "$S/hosts/$h/nova/instances/.novahaul" "$uuid"
	done
	rows_forget "$uuid" | sql
	rm -f "$S/guests/$uuid" "$S/guests/$uuid.key"
}

# guest_secret NAME HOST: its vTPM's, as Nova gives it to whoever may start it
guest_secret() {
	local uuid
	read -r uuid _ < <(guest_find "$1") || die "no such guest: $1"
	in_host "$2" "$S/lib/guest-make" "$S/guests/$uuid" secret
}

guests_table() {
	local format='%-10s  %-17s  %-36s  %-9s  %5s  %-32s  %-7s  %-8s  %-10s  %s\n'
	local -a f
	while read -r -a f; do
		# shellcheck disable=SC2059 # it is ours
		printf "$format" "${f[@]:0:10}"
	done
}

guests_list() {
	local h line names uuid
	declare -A names=()
	host_up controller || return 0
	while IFS=$'\t' read -r uuid line; do
		names[$uuid]=$line
	done < <(sql -N -e "SELECT uuid, CONCAT_WS(' ', display_name, host, vm_state)
		FROM nova_cell1.instances WHERE deleted = 0" 2> /dev/null)
	{
		echo "HOST DOMAIN UUID STATE BOOTS BIRTH CONSOLE NAME DB-HOST DB-STATE"
		for h in "${computes[@]}"; do
			host_up "$h" || continue
			in_host "$h" "$S/lib/host-guests" "$h" |
				while read -r line; do
					uuid=$(cut -d' ' -f3 <<< "$line")
					echo "$line ${names[$uuid]:--}"
				done
		done | tee "$S/guests/.list"
		for uuid in "${!names[@]}"; do
			grep -q "$uuid" "$S/guests/.list" ||
				echo "- - $uuid undefined - - - ${names[$uuid]}"
		done
	} | guests_table
}

guest_console() {
	local found uuid host
	found=$(guest_find "$1")
	[ -n "$found" ] || die "no such guest: $1"
	read -r uuid host _ <<< "$found"
	tr -d '\r' < "$(console_of "$uuid" "$host")"
}
