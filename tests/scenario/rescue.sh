#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: compute-30 is cut off from power; its guests come up on compute-34 with
# their own disks, from its file systems mounted there read-only.  Without proof
# that it is off nothing happens (exit 6); a rescue that is killed is resumed, or
# rolled back to what was; the list tells what is there, with a database and
# without; nothing on the dead host's disks changes.  When it is back nothing is
# started twice.
# Drawn in a sample, with others that take long.
# shellcheck disable=SC2317 # functions that `expect` and `holds` call
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul

# shellcheck source=tests/scenario/lib-disks.sh
. "$(dirname "$0")/lib-disks.sh"

there=$root$nova
disks=compute-34:$there

unmounted() {
	local h
	for h in compute-34 compute-36 controller; do
		taken_off $h
		on $h umount -l /run/plain 2> /dev/null
	done
	sb up > /dev/null 2>&1
}
trap 'unmounted; nh fence compute-30 --forget --yes > /dev/null 2>&1; cleanup' EXIT

state_of() { db "SELECT host, vm_state, power_state, locked FROM instances
	WHERE uuid = '$1'"; }
rescue() { nh rescue compute-30 --disks "$disks" --to compute-34 "$@"; }

nh fence compute-30 --forget --yes > /dev/null 2>&1
web=$(guest web compute-30 --eph 1) || give_up "a guest boots"
drive=$(guest drive compute-30 --user-data 'rescued by test') ||
	give_up "a second one boots"
off=$(guest off compute-30 --no-start) || give_up "a third one is made"
# with NVRAM and a vTPM, which lie outside of its directory
firm=
if [ -n "$SAMPLE" ]; then
	skip "a guest with NVRAM and a vTPM" "its boot takes long"
else
	firm=$(guest firm compute-30 --uefi --vtpm) ||
		give_up "one with UEFI and a TPM boots"
	firm_mark=$(console_on compute-30 "$firm" |
		sed -n 's/^@guest nvram mark=//p')
fi
birth=$(birth_on compute-30 "$web")
drive_birth=$(birth_on compute-30 "$drive")
off_sum=$(sum_on compute-30 "$nova/$off/disk")
base=$(on compute-30 qemu-img info -U --output json "$nova/$web/disk" |
	sed -n 's,.*"backing-filename": ".*/\([^/]*\)".*,\1,p' | head -n 1)

# --- a statement that is wrong

# it takes no connection any more, and goes on making its own
deaf() { on compute-30 iptables "$1" INPUT -p tcp --syn -j DROP; }
if deaf -A 2> /dev/null; then
	expect "it only does not answer, and is stated to be off" 0 proven compute-30
	holds "... it is mounted elsewhere" mounted compute-30 compute-34
	sleep 9 # a heartbeat or two
	expect "... what its nova-compute says since counts" 6 rescue "$web" --yes
	like "... and is told" "$(cat "$work/err")" 'was seen .* after the proof'
	deaf -D
	expect "... where it answers, a statement does not count" 6 proven compute-30
	expect "... it is forgotten" 0 nh fence compute-30 --forget --yes
	is "... web runs where it was" "$(runs_on "$web")" compute-30
	taken_off compute-34
else
	skip "a host that only does not answer" "no iptables here"
fi

sb crash compute-30
holds "compute-30's file systems are mounted read-only" mounted compute-30 compute-34
frozen compute-30 dead

# --- no proof, no rescue

rows before
expect "without proof that it is off" 6 rescue --yes
like "... it says what to do" "$(cat "$work/err")" 'novahaul fence compute-30'
expect "... nor one server" 6 rescue "$web" --yes
rows after
same "... the database" before after
is "... nothing is on compute-34" "$(on compute-34 ls -d "$nova/$web" 2> /dev/null)" ''

expect "it is listed all the same" 0 rescue --list
for u in "$web" "$drive" "$off"; do
	like "... $u is complete" "$(cat "$work/out")" "^$u .*complete"
done
# what is inside them
inspect=$NOVAHAUL_BUILD/novahaul-inspect
like "... without novahaul-inspect it says so" "$(cat "$work/out")" \
	'not looked into: compute-34 has no novahaul-inspect'
# looked_into UUID: file systems, or why none were found
looked_into() {
	perl -MJSON::PP -0777 -e 'for (@{decode_json(<STDIN>)->{servers}}) {
		next if $_->{server} ne $ARGV[0];
		print $_->{unread} // join " ", map { $_->{type} }
			@{$_->{filesystems}};
	}' "$1" < "$work/out"
}
if [ -n "$SAMPLE" ]; then
	skip "looking into the disks" "an appliance takes long"
elif [ ! -x "$inspect" ] || ! ls /boot/vmlinuz-* > /dev/null 2>&1; then
	skip "looking into the disks" "no libguestfs, or no kernel for it"
else
	on compute-34 mount -t tmpfs -o mode=755 tmpfs /usr/local/sbin
	on compute-34 cp "$inspect" /usr/local/sbin/
	start=$SECONDS
	expect "they are looked into" 0 rescue --list -f json
	figure look_into_3_guests $((SECONDS - start)) s
	for u in "$web" "$drive" "$off"; do
		like "... $u has a file system" "$(looked_into "$u")" \
			'^(ext[234]|vfat|iso9660|unknown)'
	done
	on compute-34 umount -l /usr/local/sbin
fi
(umask 077 && sed 's,@10\.78\.0\.1/,@10.78.0.99/,' "$S/novahaul.conf" \
	> "$work/no-db.conf")
expect "... without a database, too" 0 nh --config "$work/no-db.conf" \
	rescue compute-30 --disks "$disks" --list --no-inspect
like "... it says so" "$(cat "$work/out")" 'Not matched to the database: '
like "... and knows names by libvirt's files" "$(cat "$work/out")" \
	"^$web +web +complete "
expect "it can be done without" 0 rescue --list --no-inspect
is "... and is" "$(grep -c 'not looked into' "$work/out")" 0
expect "an unknown place" 1 nh rescue compute-30 --disks compute-34:/run/none \
	--list
like "... it says what to give" "$(cat "$work/err")" \
	'^hint: novahaul rescue compute-30 --disks .*--list'
expect "no place" 2 nh rescue compute-30 --to compute-34 --yes
expect "the dead host as target" 2 nh rescue compute-30 --disks "$disks" \
	--to compute-30 --yes

# --- somebody runs it all the same

# opened PATH: a QEMU opens it, and has it open until shut
opened() {
	mkfifo "$work/qemu" || return
	qemu-io -f raw "$1" < "$work/qemu" > /dev/null &
	qemu=$!
	exec 7> "$work/qemu"
	for _ in {1..100}; do
		! grep -q ":$(stat -c %i "$1") 10[0-7] " /proc/locks || return 0
		sleep 0.2
	done
	return 1
}
shut() {
	exec 7>&-
	wait "$qemu"
	rm "$work/qemu"
}
expect "the proof" 0 proven compute-30
holds "a QEMU opens web's disk" \
	opened "$S/hosts/compute-30/nova/instances/$web/disk"
expect "... a statement does not stand against that" 6 rescue "$web" --yes
like "... it says which" "$(cat "$work/err")" "a QEMU has .*$web/disk open"
like "... and what to do" "$(cat "$work/err")" '^hint: .*novahaul fence compute-30'
rows after
same "... the database" before after
shut

# --- its disks alone, without its libvirt's files

on compute-34 mkdir -p /run/plain
holds "only its disks are mounted" on compute-34 mount --bind -o ro \
	"$S/hosts/compute-30/nova/instances" /run/plain
plain() {
	nh rescue compute-30 --disks compute-34:/run/plain --to compute-34 "$@"
}
expect "without a definition" 5 plain "$off" --yes
expect "... nor one that is to be started by libvirt" 5 plain "$web" --yes \
	--control direct
like "... it says what to give" "$(cat "$work/err")" '^hint: .*--xml \[HOST:\]DIR'
expect "... a place without it" 5 plain "$web" --yes --control direct \
	--xml compute-34:/run/plain
expect "... which may be elsewhere" 0 plain "$web" --dry-run \
	--xml "compute-34:$root/etc/libvirt/qemu"
expect "... a slash at its end changes nothing" 0 nh rescue compute-30 \
	--disks "$disks/" --to compute-34 "$web" --dry-run
rows after
same "... the database" before after
if [ -n "$firm" ]; then
	expect "what lies elsewhere is not seen" 5 plain "$firm" --yes \
		--xml "compute-34:$root/etc/libvirt/qemu"
	like "... its NVRAM" "$(cat "$work/out")" 'its NVRAM, .* is not seen'
	like "... its vTPM" "$(cat "$work/out")" "its vTPM's state, .* is not seen"
	like "... it says what to do" "$(cat "$work/out" "$work/err")" \
		"^hint: .*mount the dead host's whole root"
fi
on compute-34 umount -l /run/plain

# --- one server, killed and resumed, and killed and rolled back

expect "the proof" 0 proven compute-30
expect "an unknown place, and a server" 5 nh rescue compute-30 --to compute-34 \
	--yes --disks compute-34:/run/none "$web"
like "... it says what to give" "$(cat "$work/out" "$work/err")" \
	'novahaul rescue HOST --disks .*--list'
expect "a dry run" 0 rescue "$web" --dry-run
like "... shows the fence" "$(cat "$work/out")" 'fence'
same "... the database" before after
# killed STEP: novahaul is killed as soon as this step begins
killed() {
	local rc=0
	on controller "$S/lib/kill-at" "$1" novahaul rescue compute-30 \
		--disks "$disks" --to compute-34 "$web" --yes \
		> "$work/cut" 2>&1 < /dev/null || rc=$?
	is "killed at $1" "$rc" 137
}
way=(claim fence stage-base final-copy install row-off rewrite)
[ -z "$SAMPLE" ] || way=("${way[RANDOM % 7]}" "${way[RANDOM % 7]}")
for step in "${way[@]}"; do
	rows before
	killed "$step"
	expect "... it is rolled back" 0 nh rollback last --yes
	rows after
	# what a rollback may leave: it may have been killed behind the rewrite
	same "... the database" before after '\.updated_at=' \
		'^> nova_cell1\.(migrations|instance_actions(_events)?)\['
	is "... a record is none, or reverted" "$(db "SELECT DISTINCT status
		FROM migrations WHERE instance_uuid = '$web'" |
		grep -v reverted)" ''
	is "... nothing is on compute-34" \
		"$(on compute-34 ls -d "$nova/$web" 2> /dev/null)" ''
done
frozen compute-30 now
same "the dead host's disks" dead now

# after the proof it wrote
if [ -n "$SAMPLE" ]; then
	skip "a disk that was written after the proof" "it takes a minute"
else
	expect "the proof" 0 proven compute-30
	sleep 63
	touch "$S/hosts/compute-30/nova/instances/$web/disk"
	expect "... it was written after that" 6 rescue "$web" --yes
	like "... it says so" "$(cat "$work/err")" \
		"$web/disk, of compute-30, was written .* after the proof"
	expect "... a proof that is newer" 0 proven compute-30
	expect "... counts" 0 rescue "$web" --dry-run
fi

# between two proofs it was on
killed final-copy
touch -d '1 hour' "$S/hosts/compute-30/nova/instances/$web/disk"
expect "... it is proven anew" 0 proven compute-30
expect "... what has changed since is not brought up" 6 nh resume last --yes
like "... it says so" "$(cat "$work/err")" 'disk on compute-34 has changed'
like "... and what to do" "$(cat "$work/err")" '^hint: .*novahaul rollback j-'
is "... web is where it was" "$(state_of "$web" | cut -f 1)" compute-30
expect "... it is rolled back" 0 nh rollback last --yes
is "... nothing is on compute-34" \
	"$(on compute-34 ls -d "$nova/$web" 2> /dev/null)" ''
frozen compute-30 dead

killed final-copy
expect "... it is resumed" 0 nh resume last --yes
wait_console compute-34 "$web" '^@guest ready' 120 ||
	not_ok "it is ready" "$(console_on compute-34 "$web" | tail -n 5)"
is "it is the same guest" "$(birth_on compute-34 "$web")" "$birth"
is "... boot 2" "$(count_on compute-34 "$web")" 2
like "... with its ephemeral disk" "$(console_on compute-34 "$web")" \
	"^@guest disk dev=vdb size=2097152 label='label web count=1'"
is "... on compute-34 by the database" "$(state_of "$web")" \
	$'compute-34\tactive\t1\t0'
is "... with a record that arms nothing" \
	"$(db "SELECT migration_type, status FROM migrations
		WHERE instance_uuid = '$web' ORDER BY id DESC LIMIT 1")" \
	$'migration\tconfirmed'
holds "... it answers to a ping" answers "$web"
expect "it is not rescued twice" 4 rescue "$web" --yes

# --- all that is left, its disks on the controller this time

# firm_state HOST: what it has outside of its directory
firm_state() {
	(cd "$S/hosts/$1/libvirt" && sha256sum \
		"qemu/nvram/$(domain_of "$firm")_VARS.fd" \
		"swtpm/$firm/tpm2/tpm2-00.permall")
}
if [ -n "$firm" ]; then
	expect "its vTPM's secret is not there" 5 rescue "$firm" --yes
	like "... it says so" "$(cat "$work/out")" \
		'vTPM state is encrypted with libvirt secret'
	sb secret firm compute-34
	expect "one with NVRAM and a vTPM, left stopped" 0 rescue "$firm" \
		--no-start --yes
	is "... has every byte of them" "$(firm_state compute-34)" \
		"$(firm_state compute-30)"
	sb boot firm > /dev/null
	wait_console compute-34 "$firm" '^@guest ready' 120 || :
	like "... it boots with them" "$(console_on compute-34 "$firm")" \
		"^@guest nvram mark=$firm_mark\$"
fi

# a third host, which is neither
if on compute-36 true 2> /dev/null; then
	holds "they are mounted on a third host" mounted compute-30 compute-36
	expect "from there" 0 nh rescue compute-30 --to compute-34 --yes \
		--disks "compute-36:$there" "$off"
	is "the third has its own disk" \
		"$(sum_on compute-34 "$nova/$off/disk")" "$off_sum"
else
	skip "disks on a third compute host" "NOVAHAUL_SANDBOX_COMPUTES names none"
fi
holds "they are mounted on the controller" mounted compute-30 controller
disks=$there
expect "all others" 0 rescue --yes
wait_console compute-34 "$drive" '^@guest ready' 120 ||
	not_ok "it is ready" "$(console_on compute-34 "$drive" | tail -n 5)"
is "the second is the same guest" "$(birth_on compute-34 "$drive")" "$drive_birth"
like "... its config drive is read" "$(console_on compute-34 "$drive")" \
	'^\| rescued by test$'
is "the third stays stopped" "$(state_of "$off"), $(state_on compute-34 "$off")" \
	$'compute-34\tstopped\t4\t0, shut off'
is "... with its own disk" "$(sum_on compute-34 "$nova/$off/disk")" "$off_sum"
frozen compute-30 now
same "the dead host's disks" dead now
expect "nothing is left to do" 4 rescue --yes
is "no lease, no work is left" \
	"$(on compute-34 ls -A "$nova/.novahaul" 2> /dev/null | grep -v '^leases$')" ''
is "no key is left on compute-34" \
	"$(on compute-34 grep -c novahaul /root/.ssh/authorized_keys)" 0

# --- what cannot be rescued is said

sum=$(sum_on compute-34 "$nova/_base/$base")
x=$(guest missing compute-34 --no-start) || give_up "one more is made"
expect "one that is there already" 4 rescue "$x" --yes
is "the backing image is the same" "$(sum_on compute-34 "$nova/_base/$base")" "$sum"

# --- it comes back

unmounted
for u in "$web" "$drive" "$off"; do
	is "$u runs on no other host" "$(runs_on "$u" | grep -v compute-34)" ''
done
is "web still runs" "$(runs_on "$web")" compute-34
finish
