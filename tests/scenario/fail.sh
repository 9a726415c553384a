#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: what fails around a move is said clearly and soon, with exit 1 and the
# world restored, or with exit 3 and a job that resume finishes once the cause is
# gone: the database, a full disk, sshd, a reboot, a cut network, libvirtd, QEMU.
# Never silence, never exit 0, never two hosts.
# shellcheck disable=SC2317 # the cases are called by name
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/scenario/lib-faults.sh
. "$(dirname "$0")/lib-faults.sh"
dirs=/var/lib/nova/instances

start_case() {
	case=$1
	begin
	tidy "$away"
	world before
}

# a copy that takes some seconds, frozen in its first
freeze_copy() { freeze -d 1.5 final-copy --no-precopy --bwlimit 8M; }

# all of sshd on HOST, sessions too
kill_sshd() {
	# shellcheck disable=SC2016 # expanded there
	on "$1" bash -c 'for c in /proc/[0-9]*/comm; do
		{ read -r n < "$c"; } 2> /dev/null || continue
		[ "$n" != sshd ] || kill -KILL "$(basename "$(dirname "$c")")"
	done'
}

wrong_password() {
	local word
	start_case "wrong database password"
	sed 's#\(mysql+pymysql://novahaul:\)[^@]*@#\1Not-The-0ne@#' \
		"$S/novahaul.conf" > "$work/conf"
	chmod 600 "$work/conf"
	for word in check move; do
		set -- "$word" "$u" --to "$away"
		[ "$word" = check ] || set -- "$@" --yes
		expect "$case: $word" 1 nh --config "$work/conf" "$@"
		like "$case: $word says who and where" "$(cat "$work/err")" \
			"novahaul.*10\.78\.0\.1|Access denied"
		like "$case: $word says what to do" "$(cat "$work/err")" '^hint:'
		is "$case: $word tells no password" \
			"$(grep -c Not-The-0ne "$work/err")" 0
	done
	world after
	same "$case: the world" before after "${restored[@]}"
}

database_down() {
	start_case "dead database"
	sb service controller mariadb stop
	expect "$case: move" 1 nh move "$u" --to "$away" --yes
	sb service controller mariadb start
	like "$case: it says what and where" "$(cat "$work/err")" \
		'database .* on 10.78.0.1:3306: connecting'
	like "$case: it says what to do" "$(cat "$work/err")" '^hint:'
	world after
	same "$case: the world" before after "${restored[@]}"
}

database_dies() { # STEP
	start_case "database killed at $1"
	freeze "$1" || return
	# shellcheck disable=SC2016 # expanded there
	on controller bash -c 'kill -KILL "$(cat "$0")"' "$S/run/controller-mariadb"
	sleep 1
	thaw
	rm -f "$S/run/controller-mariadb"
	sb service controller mariadb start
	settled 10.78.0.1 'novahaul resume'
	finished "done"
}

disk_full() {
	start_case "full disk on the target"
	on "$away" mount -t tmpfs -o size=1200m,mode=755 tmpfs "$dirs"
	on "$away" install -d -o nova -g nova "$dirs" "$dirs/_base"
	world before
	if freeze_copy; then
		on "$away" bash -c 'cat /dev/zero > /var/lib/nova/instances/filler' \
			2> /dev/null
		thaw
		on "$away" rm "$dirs/filler"
		settled "$away" 'No space left'
		finished "done"
	fi
	# a guest that went there in the end lives on the small file system
	[ "$(db_host)" = "$home" ] || give_up "$case" "it is on $away"
	on "$away" umount -l "$dirs"
}

sshd_killed() { # home|away
	local h
	start_case "sshd killed mid-copy ($1)"
	h=${!1}
	freeze_copy || return
	kill_sshd "$h"
	rm -f "$S/run/$h-sshd"
	thaw
	sb service "$h" sshd start
	settled "$h" 'novahaul resume'
	finished "done"
}

sshd_restarted() {
	start_case "sshd of the target killed mid-copy and back at once"
	freeze_copy || return
	kill_sshd "$away"
	rm -f "$S/run/$away-sshd"
	sb service "$away" sshd start
	thaw
	if [ "$rc" = 0 ]; then
		ok "$case: it went on by itself"
		runs "$away" 1
		return
	fi
	settled "$away"
	finished "done"
}

rebooted() {
	start_case "target rebooted mid-copy"
	freeze_copy || return
	sb crash "$away"
	thaw
	sb up 2> /dev/null
	settled "$away" 'novahaul resume'
	finished "done"
}

cut_off() { # home|away
	local h port
	start_case "network cut mid-copy ($1)"
	h=${!1}
	port=p${h#compute-}-eth0
	freeze_copy || return
	on controller ip link set "$port" down
	thaw
	on controller ip link set "$port" up
	settled "$h" 'novahaul resume'
	finished "done"
}

libvirtd_down() { # STEP
	start_case "libvirtd of the target down at $1"
	freeze "$1" || return
	sb service "$away" libvirtd stop
	thaw
	sb service "$away" libvirtd start
	settled "$away" 'novahaul resume'
	finished "done"
}

qemu_broken() { # resume|rollback
	local got=0
	start_case "QEMU broken on the target, then $1"
	printf '#!/bin/sh\necho "the emulator is broken" >&2\nexit 1\n' > "$S/broken"
	chmod 755 "$S/broken"
	freeze start || return
	on "$away" mount --bind "$S/broken" /usr/bin/qemu-system-x86_64
	thaw
	settled "$away" 'emulator is broken' 'novahaul resume'
	is "$case: exit code" "$rc" 3
	on "$away" umount -l /usr/bin/qemu-system-x86_64
	if [ "$1" = resume ]; then
		finished "done"
		return
	fi
	nh rollback last --yes > "$work/out" 2> "$work/err" < /dev/null || got=$?
	is "$case: rollback" "$got" 0
	[ "$got" = 0 ] || tail -n 3 "$work/err" | sed 's/^/#   /'
	rolled_back "done"
}

# The target never comes back: the source is restored without it; when it comes
# back all the same, audit sweeps it.
given_up() { # STEP
	local got=0 id
	start_case "target gone for good at $1"
	cut_at "$1" || :
	id=$(sed -n 's/^job \(j-[a-z0-9]*\):.*/\1/p' "$work/cut")
	sb crash "$away"
	nh resume last --yes > "$work/out" 2> "$work/err" < /dev/null || got=$?
	is "$case: resume leaves it open" "$got" 3
	told "$case: it says why and what next" "$away" 'novahaul (resume|rollback)'
	expect "$case: rollback" 0 nh rollback last --yes
	promise "$case: after the rollback"
	runs "$home" 1
	sb up 2> /dev/null
	promise "$case: the target is back"
	expect "$case: audit reports what is left" 5 nh audit
	like "$case: on that host" "$(cat "$work/out")" "$away.*$id"
	expect "$case: audit --fix sweeps it" 0 nh audit --fix --yes
	promise "$case: after the sweep"
	world after
	# A base image that the job brought there stays: nobody can tell any
	# more whose it is by now, and Nova's cache manager removes an idle one.
	same "$case: the world" before after "${restored[@]}" ': process' \
		': link' '/_base/'
	runs "$home" 1
}

subject fail --meta fill-mib=64
share=4
quick=('wrong_password' 'database_down' 'database_dies rewrite' 'disk_full'
	'rebooted' 'libvirtd_down define' 'qemu_broken resume'
	'qemu_broken rollback')
# These wait for dead peers: a minute or so each.
slow=('database_dies stop' 'sshd_killed away' 'sshd_killed home'
	'sshd_restarted' 'cut_off away' 'cut_off home'
	'libvirtd_down start' 'given_up final-copy' 'given_up rewrite')
pick "${quick[@]}" > "$work/cases"
pick "${slow[@]}" >> "$work/cases"
# ONLY='CASE;CASE': these instead
[ -z "${ONLY:-}" ] || tr ';' '\n' <<< "$ONLY" > "$work/cases"
while read -r -a c <&5; do
	"${c[@]}"
done 5< "$work/cases"
report
finish
