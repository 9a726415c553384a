# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# drain.sh: how long it takes to empty a host of the sandbox: by `novahaul
# evacuate`, and by the loop that an operator writes: the image cache by rsync,
# then one guest after another: stop, rsync -aS, define, chown, the database,
# start.  The same guests, which go home in between; neither finds a base image
# or anything of the guests on the target.  Sourced by run, after downtime.sh.
# shellcheck disable=SC2154,SC2034

drains=${DRAINS:-"novahaul novahaul-tls shell-loop"}
drain_uuids=() drain_domains=() drain_off=()

# What the guests boot: "light" (light.S), which takes none of the two hosts'
# cores, as a guest of KVM would take little of the source's; or "linux", 4 to 5
# seconds of a core each where processors are emulated, for all ways alike.
drain_boot=${DRAIN_BOOT:-light}

drain_light() {
	[ "$drain_boot" = light ] || return 0
	${CC:-cc} -c -o "$S/light.o" "$dir/light.S" &&
		objcopy -O binary -j .text "$S/light.o" "$S/light.bin"
}

# drain_guest I OPTION...: a guest with $drain_mib of noise, not started
drain_guest() {
	guest=$(sandbox boot "drain$1" compute-30 --no-start "${@:2}") || return 1
	guest=$(tail -n 1 <<< "$guest")
	disk=$instances/$guest/disk
	guest_noise "$drain_mib" $(($1 * 65536)) || return 1
	[ "$drain_boot" != light ] ||
		echo "write -q -s $S/light.bin 0 512" |
		sandbox_on compute-30 qemu-io -f qcow2 "$disk" > /dev/null || return 1
	drain_uuids+=("$guest")
	drain_domains+=("$(sandbox db "SELECT CONCAT('instance-',
		LPAD(LOWER(HEX(id)), 8, '0')) FROM instances
		WHERE uuid = '$guest'" | tail -n 1)")
	drain_off+=('')
}
# Most are overlays on one image; one has a second disk, one no backing file,
# and the last is off.
drain_guests() {
	local i
	drain_light || return 1
	for ((i = 1; i <= drain_n; i++)); do
		case $i in
		2) drain_guest $i --eph 1 ;;
		3) drain_guest $i --flat ;;
		*) drain_guest $i ;;
		esac || return 1
		[ $i = "$drain_n" ] || sandbox boot "drain$i" > /dev/null || return 1
	done
	drain_off[-1]=off
}

drain_nh() {
	sandbox_on controller env NOVAHAUL_AGENT="$S/bin/agent" novahaul "$@"
}
drain_novahaul() {
	drain_nh evacuate compute-30 --to compute-34 --yes
}
# where the ports of TLS are open between the hosts
drain_novahaul-tls() {
	local conf=$sandbox_state/tls.conf
	(umask 077 && cat "$sandbox_state/novahaul.conf" - > "$conf") \
		<<< $'[copy]\ntls_ports = 49200-49215' || return 1
	drain_nh --config "$conf" evacuate compute-30 --to compute-34 --yes
}

# one guest of the loop: $guest, $domain; "off": it is not running
loop_one() {
	[ -n "$1" ] ||
		sandbox_on compute-30 virsh -q shutdown "$domain" > /dev/null &&
		wait_state compute-30 'shut off' || return 1
	rsync_over || return 1
	sandbox_on compute-30 virsh -q dumpxml --inactive "$domain" |
		sed 's/10\.77\.0\.30/10.77.0.34/g' > "$sandbox_state/drain.xml"
	sandbox_on compute-34 chown -R --reference="$instances/_base" \
		"$instances/$guest" &&
		sandbox_on compute-34 virsh -q define "$sandbox_state/drain.xml" \
			> /dev/null &&
		sandbox_on compute-30 virsh -q undefine "$domain" > /dev/null &&
		sandbox db "UPDATE instances SET host = 'compute-34',
			node = 'compute-34.sandbox.example' WHERE uuid = '$guest'" ||
		return 1
	[ -n "$1" ] ||
		sandbox_on compute-34 virsh -q start "$domain" > /dev/null
}
drain_shell-loop() {
	local i guest=_base domain
	rsync_over || return 1
	for i in "${!drain_uuids[@]}"; do
		guest=${drain_uuids[i]} domain=${drain_domains[i]}
		loop_one "${drain_off[i]}" || return 1
	done
}

# drain_ready HOST: all that should run has booted there, and nothing else is
# under way
drain_ready() {
	local i u
	for u in "${!drain_uuids[@]}"; do
		[ -z "${drain_off[u]}" ] || continue
		for ((i = 0; ; i++)); do
			tr -d '\r' 2> /dev/null \
				< "$sandbox_state/hosts/$1/nova/instances/${drain_uuids[u]}/console.log" |
				grep -a '^@guest ready' > /dev/null && break
			[ $i -lt 1200 ] || return 1
			sleep 0.1
		done
	done
}
# what ran there runs here, and is defined on one host
drain_proven() {
	local i state
	for i in "${!drain_uuids[@]}"; do
		state=running
		[ -z "${drain_off[i]}" ] || state='shut off'
		if [ "$(sandbox_on compute-34 virsh -q domstate \
			"${drain_domains[i]}" 2>&1)" != "$state" ] ||
			sandbox_on compute-30 virsh -q domstate \
				"${drain_domains[i]}" > /dev/null 2>&1; then
			echo "drain$((i + 1)) is not there, or not only there"
			return 1
		fi
	done
}
# The way home is not measured, and leaves nothing on either.
drain_home() {
	local u
	for u in "${drain_uuids[@]}"; do
		sandbox_on compute-30 rm -rf "$instances/$u"
	done
	# one that has failed is tried again: this is not what is measured
	drain_nh evacuate compute-34 --to compute-30 --yes ||
		drain_nh evacuate compute-34 --to compute-30 --yes || return 1
	drain_nh purge --older-than 1s --yes || return 1
	sandbox_on compute-34 bash -c "rm -rf $instances/_base/*"
	drain_ready compute-30
}

# bytes that have gone through the source's interface, both ways
drain_wire() {
	# shellcheck disable=SC2016 # awk's
	sandbox_on compute-30 awk '$1 == "eth0:" { print $2 + $10 }' \
		/proc/self/net/dev
}

# The seconds that each step took, over all guests, of the last evacuation.
drain_job() {
	[ "$1" != shell-loop ] || {
		echo null
		return
	}
	drain_nh report "$(drain_nh jobs -f value | awk '$1 ~ /^b-/ && !n++ { print $1 }')" \
		-f json | perl -MJSON::PP -0777 -ne '
		my (%s, $job);
		my $r = decode_json($_);
		for my $i (@{$r->{instances}}) {
			$s{$_->{step}} += $_->{seconds} // 0 for @{$i->{steps}};
		}
		print JSON::PP->new->canonical->encode({steps => \%s,
			at => [map { [$_->{at_s}, $_->{seconds}] } @{$r->{instances}}]})'
}

# drain_one WAY ROUND
drain_one() {
	local from wire ms ok=true why='' job
	sync -f "$sandbox_state"
	wire=$(drain_wire)
	from=$(now_ms)
	"drain_$1" > "$S/log/drain" 2>&1 < /dev/null || ok=false
	ms=$(($(now_ms) - from))
	wire=$(($(drain_wire) - wire))
	[ $ok = false ] || drain_proven >> "$S/log/drain" || ok=false
	[ $ok = true ] || why="$(tail -n 3 "$S/log/drain" | plain)"
	progress drain "$1" "$2" $ms
	job=$(drain_job "$1")
	printf '{"case":"drain","tool":"%s","round":%d,"ok":%s,"why":"%s","size":%d,"change":0,"src_allocated":0,"dst_allocated":0,"m":{"wall":%d.%03d,"wire":%d},"job":%s,"nh":null}\n' \
		"$1" "$2" $ok "$why" $((drain_n * drain_mib << 20)) \
		$((ms / 1000)) $((ms % 1000)) "$wire" "${job:-null}" \
		>> "$S/results.jsonl"
	[ $ok = true ]
}

# run_drain: both ways in turn, the other one first in every second round
run_drain() {
	local r way n=$rounds order
	if ! sandbox_new drain; then
		return
	fi
	if ! drain_guests > "$S/log/guests" 2>&1; then
		skipped drain all "no guests: $(tail -n 1 "$S/log/guests")"
		return
	fi
	describe drain "$drain_n guests ($drain_boot), $drain_mib MiB of noise in each"
	order=$drains
	for ((r = 1; r <= n; r++)); do
		for way in $order; do
			if ! drain_ready compute-30; then
				skipped drain "$way" "round $r: the guests are not home"
				return
			fi
			# no way home from a failure: it may be anywhere
			drain_one "$way" "$r" || return
			if ! drain_home > "$S/log/home" 2>&1; then
				skipped drain all "after round $r of $way the guests" \
					"could not go home: $(grep -v '^$' \
						"$S/log/home" | tail -n 6 | plain)"
				return
			fi
		done
		order=$(tac -s ' ' <<< "$order " | xargs)
	done
	sandbox_down
}
