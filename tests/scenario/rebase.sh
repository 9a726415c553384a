#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: a base image of which the target holds a relative costs only what
# differs.  An overlay whose header names no format of its base gets one on the
# target; qemu-img, which parses there what the guest wrote, does it as nova,
# without rights, under limits, with nothing of ours open but the one file.
# Drawn in a sample, with others that take long.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul

nova=/var/lib/nova/instances
u=$(guest rebased compute-30 --no-start) || give_up "a guest is made"
disk=$nova/$u/disk

# header HOST: "BASE FORMAT" as qemu-img reads them
# shellcheck disable=SC2016 # perl expands it
header() {
	on "$1" qemu-img info --output json "$disk" | perl -MJSON::PP -0777 -ne '
		my $i = decode_json($_);
		print $i->{"backing-filename"}, " ",
			$i->{"backing-filename-format"} // "none", "\n"'
}
read -r base _ <<< "$(header compute-30)"
# The target has the same image, resized as old releases of Nova did, and in
# it all is a little further on: only librsync finds that.
name=$(basename "$base")
there=$S/hosts/compute-34/nova/instances/_base
mkdir -p "$there"
rm -f "$there/$name"
{
	head -c 5000 /dev/urandom
	cat "$S/hosts/compute-30/nova/instances/_base/$name"
} > "$there/${name}_1"
chown -R "$(stat -c '%u:%g' "$S/hosts/compute-34/nova/instances")" "$there"

# The extension that holds the format becomes the end of the extensions, as in
# overlays of Nova before 19.2.0, 20.2.0, 21.0.0.
# shellcheck disable=SC2016 # perl expands it
on compute-30 perl -e '
	open my $f, "+<:raw", $ARGV[0] or die $!;
	sysread $f, my $b, 65536;
	my $at = index $b, pack "N", 0xe2792aca;
	die "no extension" if $at < 0;
	sysseek $f, $at, 0;
	syswrite $f, "\0" x 8;' "$disk" || give_up "the format is removed"
is "its header names no format" "$(header compute-30)" "$base none"

# What qemu-img is given there is noted by one that stands in its place.
chmod 755 "$work"
cp "$(command -v qemu-img)" "$work/qemu-img.real"
: > "$work/ran"
chmod 666 "$work/ran"
cat > "$work/qemu-img" <<X
#!/bin/sh
[ "\$1" = --version ] || {
	echo "argv \$*"
	echo "user \$(id -un) \$(id -Gn)"
	echo "memory \$(ulimit -v) KiB, \$(ulimit -t) s, core \$(ulimit -c)"
	grep -E '^(NoNewPrivs|CapEff):' /proc/self/status
	echo "network \$(tail -n +3 /proc/net/dev | tr -d ' ' | cut -d: -f1 | tr '\\n' ' ')"
	echo "environment \$(env | cut -d= -f1 | sort | tr '\\n' ' ')"
	echo "stdin \$(readlink /proc/self/fd/0)"
	echo "file \$(readlink /proc/self/fd/3)"
	cat "$S/novahaul.conf" > /dev/null 2>&1 && echo "reads the configuration"
	ls "$nova/.novahaul"/*/stage > /dev/null 2>&1 && echo "reads the staging"
} >> "$work/ran"
exec "$work/qemu-img.real" "\$@"
X
chmod 755 "$work/qemu-img" "$work/qemu-img.real"
real=$(on compute-34 readlink -f /usr/bin/qemu-img)
on compute-34 mount --bind "$work/qemu-img" "$real" ||
	give_up "qemu-img is replaced on compute-34"
trap 'on compute-34 umount -l "$real"; cleanup' EXIT

expect "it is moved" 0 nh move "$u" --to compute-34 --yes
on compute-34 umount -l "$real"
trap cleanup EXIT
nh show last -f json > "$work/job"
sent=$(perl -MJSON::PP -0777 -ne '
	for (grep { $_->{step} eq "stage-base" } @{decode_json($_)->{steps}}) {
		print $_->{bytes_sent};
	}' "$work/job")
room=$(($(on compute-34 stat -c '%b * %B' "$base")))
holds "the base was made of its relative: $sent bytes sent for $room" \
	test "$sent" -lt $((room / 10)) -a "$room" -gt 1000000
is "... with the same content" "$(sum_on compute-34 "$base")" \
	"$(sum_on compute-30 "$base")"
figure "bytes sent of a base image with a relative" "$sent" bytes
rm -f "$there/${name}_1"
ran=$(cat "$work/ran")
like "qemu-img was run" "$ran" \
	"^argv rebase -u -f qcow2 -F raw -b $base /proc/self/fd/3$"
like "... on the staged file" "$ran" "^file $nova/\.novahaul/j-.*/disk$"
is "... once" "$(grep -c '^argv' "$work/ran")" 1
like "... as nova, in no other group" "$ran" '^user nova nova$'
like "... under limits" "$ran" '^memory 1048576 KiB, 30 s, core 0$'
like "... and can gain no rights" "$ran" '^NoNewPrivs:.*1$'
like "... has none" "$ran" '^CapEff:[[:space:]]0+$'
like "... has no network" "$ran" '^network lo *$'
like "... nor an environment of ours" "$ran" '^environment HOME LC_ALL (PATH )?(PWD )?(PATH )?$'
like "... nor an input" "$ran" '^stdin /dev/null$'
is "... and reads nothing else of ours" "$(grep '^reads' "$work/ran")" ''
is "the copy's header names the format" "$(header compute-34)" "$base raw"
is "its owner is as before" "$(on compute-34 stat -c '%U:%G %a' "$disk")" \
	'nova:nova 644'
on compute-34 virsh -q start "$u" > /dev/null
wait_console compute-34 "$u" '^@guest ready' 120
is "it starts there" "$(count_on compute-34 "$u")" 1
finish
