# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# downtime.sh: how long a guest of the sandbox is down while it is moved, from
# being told to stop to running again: by `novahaul move` with a pre-copy, by a
# script that copies while it is stopped (stop, rsync -aS of the whole, define,
# the database, start), and by the same script with an rsync before the stop.
# In all three 1 % of the disk changes between the pre-copy and the stop, and a
# copy of the base image is on the target.  Sourced by run.
# shellcheck disable=SC2154,SC2034

top=$(cd "$dir/../.." && pwd)
sandbox_state=''
move_pid='' # it may be held, and would not end by itself
sandbox() {
	NOVAHAUL_SANDBOX=$sandbox_state NOVAHAUL_SANDBOX_NET=77 NOVAHAUL_BUILD=$S/bin \
		"$top/contrib/sandbox" "$@"
}
sandbox_on() { sandbox enter "$@"; }
sandbox_down() {
	[ -z "$move_pid" ] || kill -KILL "$move_pid" 2> /dev/null
	move_pid=
	[ -z "$sandbox_state" ] || [ ! -d "$sandbox_state" ] ||
		sandbox down --purge > /dev/null 2>&1
}
now_ms() { date +%s%3N; }

instances=/var/lib/nova/instances
downs=${DOWNS:-"novahaul script-rsync script-precopy"}

# guest_noise MIB SEED: so much noise in $disk, behind what $guest boots from
guest_noise() {
	local gib=$((($1 + 1023) / 1024 + 1)) at n
	sandbox_on compute-30 qemu-img resize -q -f qcow2 "$disk" ${gib}G ||
		return 1
	for ((at = 0; at < $1; at += 256)); do
		n=$(($1 - at < 256 ? $1 - at : 256))
		# never the same twice
		"$S/bin/bench-file" noise "$sandbox_state/noise" $((n << 20)) \
			$(($2 + at + 1))
		echo "write -q -s $sandbox_state/noise $((1024 + at))M ${n}M" |
			sandbox_on compute-30 qemu-io -f qcow2 "$disk" > /dev/null ||
			return 1
	done
	rm -f "$sandbox_state/noise"
	sandbox db "UPDATE instances SET root_gb = $gib WHERE uuid = '$guest'"
}

# guest_new: a stopped guest "down" on compute-30 with $down_mib of noise behind
# what it boots from
guest_new() {
	sandbox delete down > /dev/null 2>&1
	guest=$(sandbox boot down compute-30 --no-start) || return 1
	guest=$(tail -n 1 <<< "$guest")
	disk=$instances/$guest/disk
	guest_noise "$down_mib" 0 || return 1
	domain=$(sandbox db "SELECT CONCAT('instance-', LPAD(LOWER(HEX(id)), 8, '0'))
		FROM instances WHERE uuid = '$guest'" | tail -n 1)
	# the base image is there: nobody is down while it is copied
	cp -a --sparse=always "$sandbox_state/hosts/compute-30/nova/instances/_base/." \
		"$sandbox_state/hosts/compute-34/nova/instances/_base/"
	"$S/bin/bench-file" noise "$sandbox_state/noise64" 65536 \
		$((RANDOM * 32768 + RANDOM))
	sandbox boot down > /dev/null || return 1
	sync -f "$sandbox_state"
}

# 1 % of the noise, in blocks of 64 KiB, by the guest's own QEMU
guest_dirty() {
	local i n=$((down_mib * 16)) q=/machine/peripheral/virtio-disk0/virtio-backend
	for ((i = 0; i < n; i += 100)); do
		echo "qemu-monitor-command --hmp $domain 'qemu-io -d $q" \
			"\"write -q -s $sandbox_state/noise64 $((1048576 + (i + RANDOM % 100) * 64))k 64k\"'"
	done | sandbox_on compute-30 virsh -q > "$S/log/dirty" 2>&1
	! grep -q '^error' "$S/log/dirty"
}

# rsync_over: as the operator would between two hosts
rsync_over() {
	sandbox_on compute-30 rsync -aS \
		-e "ssh -i $sandbox_state/ssh/id_ed25519 -o IdentitiesOnly=yes -o UserKnownHostsFile=$sandbox_state/ssh/known_hosts -o StrictHostKeyChecking=yes" \
		"$instances/$guest" "root@compute-34:$instances/"
}
wait_state() {
	local i
	for ((i = 0; i < 1200; i++)); do
		[ "$(sandbox_on "$1" virsh -q domstate "$domain" 2> /dev/null)" != "$2" ] ||
			return 0
		sleep 0.05
	done
	return 1
}

# the rest of what the script does while the guest is down
script_down() {
	local from
	from=$(now_ms)
	sandbox_on compute-30 virsh -q shutdown "$domain" > /dev/null &&
		wait_state compute-30 'shut off' || return 1
	rsync_over || return 1
	sandbox_on compute-30 virsh -q dumpxml --inactive "$domain" |
		sed 's/10\.77\.0\.30/10.77.0.34/g' > "$sandbox_state/down.xml"
	sandbox_on compute-34 chown -R --reference="$instances/_base" \
		"$instances/$guest"
	sandbox_on compute-34 virsh -q define "$sandbox_state/down.xml" > /dev/null &&
		sandbox_on compute-30 virsh -q undefine "$domain" > /dev/null &&
		sandbox db "UPDATE instances SET host = 'compute-34',
			node = 'compute-34.sandbox.example' WHERE uuid = '$guest'" &&
		sandbox_on compute-34 virsh -q start "$domain" > /dev/null || return 1
	down_ms=$(($(now_ms) - from))
}

down_script-rsync() { guest_dirty && script_down; }
down_script-precopy() { rsync_over && guest_dirty && script_down; }

# staged NAME: it is in the target's work directory
staged() {
	[ -n "$(find "$sandbox_state/hosts/compute-34/nova/instances/.novahaul" \
		-path '*/stage/*' -name "$1" 2> /dev/null)" ]
}
# The controller is held while the pre-copy's one pass goes on without it, until
# the whole file has its name on the target; then the 1 % change, and it goes on.
down_novahaul() {
	local i held=
	(exec nsenter -t "$(cut -d' ' -f1 "$sandbox_state/run/controller.init")" \
		-n -u -i -m --wd=/ env NOVAHAUL_CONFIG="$sandbox_state/novahaul.conf" \
		NOVAHAUL_AGENT="$S/bin/agent" \
		"$S/bin/novahaul" move "$guest" --to compute-34 --yes --precopy \
		--precopy-max 1) > "$S/log/move" 2>&1 < /dev/null &
	move_pid=$!
	for ((i = 0; i < 2400; i++)); do
		if [ -z "$held" ] && staged disk.part; then
			kill -STOP $move_pid
			held=yes
		fi
		[ -z "$held" ] || ! staged disk || break
		kill -0 $move_pid 2> /dev/null || break
		sleep 0.05
	done
	if [ -z "$held" ] || ! guest_dirty; then
		kill -CONT $move_pid
		wait $move_pid
		return 1
	fi
	kill -CONT $move_pid
	wait $move_pid || return 1
	move_pid=
	NOVAHAUL_CONFIG=$sandbox_state/novahaul.conf sandbox_on controller \
		novahaul show last -f json > "$S/log/job" 2>&1 || return 1
	down_ms=$(perl -MJSON::PP -0777 -ne '
		my $d = decode_json($_)->{downtime} or exit 1;
		printf "%d", 1000 * $d->{seconds}' "$S/log/job")
	[ -n "$down_ms" ]
}

# It runs over there, the same that ran here, and not here.
down_proven() {
	wait_state compute-34 running &&
		[ "$(sandbox_on compute-30 virsh -q domstate "$domain" 2> /dev/null)" != running ]
}

# sandbox_new CASE: a sandbox for it, or the case is skipped
sandbox_new() {
	local missing
	missing=$(for t in mariadbd libvirtd virsh qemu-system-x86_64 genisoimage; do
		command -v $t /usr/sbin/$t > /dev/null || printf '%s ' $t
	done)
	if [ -n "$missing" ]; then
		skipped "$1" all "not installed: $missing(contrib/packages, group sandbox)"
		return 1
	fi
	sandbox_state=$(mktemp -d -u "${BENCH_DIR:-/var/tmp}/novahaul-bench-sb.XXXXXX")
	if ! sandbox up > "$S/log/sandbox" 2>&1; then
		skipped "$1" all "no sandbox: $(tail -n 1 "$S/log/sandbox")"
		return 1
	fi
}

# run_down: all ways in turn, as many rounds as the other cases, at most two
run_down() {
	local r way down_ms n=$rounds ok why
	[ "$n" -le 2 ] || n=2
	sandbox_new down || return 0
	describe down "a guest's qcow2 of $down_mib MiB of noise$(
		[ "$down_mib" -ge 8192 ] || echo ', scaled down from 8 GiB')"
	for ((r = 1; r <= n; r++)); do
		for way in $downs; do
			ok=true why=
			down_ms=0
			if ! guest_new > "$S/log/guest" 2>&1; then
				skipped down "$way" "no guest: $(tail -n 1 "$S/log/guest")"
				continue
			fi
			if ! "down_$way" > "$S/log/down" 2>&1 || ! down_proven; then
				ok=false
				why="$(cat "$S/log/move" "$S/log/down" 2> /dev/null | tail -n 3 | plain)"
			fi
			progress down "$way" "$r" "$down_ms"
			printf '{"case":"down","tool":"%s","round":%d,"ok":%s,"why":"%s","size":%d,"change":%d,"src_allocated":0,"dst_allocated":0,"m":{"wall":%d.%03d,"wire":0},"job":%s,"nh":null}\n' \
				"$way" "$r" $ok "$why" $((down_mib << 20)) \
				$(((down_mib << 20) / 100)) $((down_ms / 1000)) \
				$((down_ms % 1000)) \
				"$(job_figures "$way")" >> "$S/results.jsonl"
		done
	done
	sandbox_down
}

# of what the report of a move says its downtime consisted
job_figures() {
	if [ "$1" != novahaul ] || [ ! -s "$S/log/job" ]; then
		echo null
		return
	fi
	perl -MJSON::PP -0777 -ne 'my $j = decode_json($_);
		print JSON::PP->new->canonical->encode({downtime => $j->{downtime},
			steps => {map { $_->{step} => $_->{seconds} } @{$j->{steps}}}})' \
		"$S/log/job"
}
