#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: no process of ours takes 64 MiB of anonymous memory for a disk of 100 GiB
# in a sparse file, of a guest that runs: pre-copy, final pass and a look into
# every byte.  The copy is the same and takes no more room.  --bwlimit is held,
# and used.
# Drawn in a sample, with others that take long.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul

limit_kib=$((64 * 1024))
nova=/var/lib/nova/instances

# --- a disk of 100 GiB: 4 KiB every 64 MiB, and three dense stretches

u=$(guest bigdisk compute-30 --no-start) || give_up "a guest is made"
disk=$nova/$u/disk
# With its metadata laid out ahead, a qcow2 file is as long as its disk.
on compute-30 qemu-img convert -f raw -O qcow2 -o preallocation=metadata \
	"$S/guest.img" "$disk"
on compute-30 qemu-img resize -q -f qcow2 --preallocation=metadata \
	"$disk" 100G > "$work/out" 2>&1 ||
	give_up "a disk of 100 GiB is made" "$(cat "$work/out")"
head -c 32M /dev/urandom > "$work/noise"
{
	for ((i = 16; i < 1600; i++)); do
		echo "write -q -P $((i % 255 + 1)) $((i * 64))M 4k"
	done
	for at in 3G 55G 102000M; do
		echo "write -q -s $work/noise $at 32M"
	done
} > "$work/io"
on compute-30 qemu-io -f qcow2 "$disk" < "$work/io" > "$work/out" 2>&1 ||
	give_up "it is written to" "$(tail -n 5 "$work/out")"
db "UPDATE instances SET root_gb = 100 WHERE uuid = '$u'"
sb boot bigdisk > "$work/out" 2>&1 ||
	give_up "the guest boots from it" "$(cat "$work/out")"

# content HOST FILE: a digest over offset and bytes of every 4 KiB that are not zeros
# shellcheck disable=SC2016 # perl expands it
content() {
	on "$1" perl -MDigest::SHA -e '
		open my $f, "<:raw", $ARGV[0] or die "$ARGV[0]: $!";
		my ($at, $d, $n) = (0, Digest::SHA->new(256), 0);
		my $zero = "\0" x 4096;
		while (defined($at = sysseek $f, $at, 3)) { # SEEK_DATA
			my $end = sysseek $f, $at, 4; # SEEK_HOLE
			$at -= $at % 4096;
			sysseek $f, $at, 0;
			for (; $at < $end; $at += 4096) {
				sysread $f, my $b, 4096;
				next if $b eq substr $zero, 0, length $b;
				$d->add(pack "Q", $at)->add($b);
				$n++;
			}
		}
		print -s $f, " ", $n, " ", $d->hexdigest, "\n";' "$2"
}
allocated() { echo $(($(on "$1" stat -c '%b * %B' "$2"))); }

# --- the memory of everything of ours, in the sandbox's processes only

cat > "$work/sampler" <<-'X'
	# sampler NOTES NAMESPACE...: "PROGRAM NS PID ANON HWM SAMPLES", peaks in KiB
	use strict;
	use Time::HiRes qw(sleep time);
	my $notes = shift;
	my (%ns, %ours, %seen, $stop);
	$ns{$_} = 1 for @ARGV;
	$SIG{TERM} = sub { $stop = 1 };
	until ($stop) {
		my $t = time;
		for my $p (map { substr $_, 6 } glob "/proc/[0-9]*") {
			# until it has become what it is: sshd's child, then ours
			if (!$ours{$p}) {
				next if $seen{$p}++ > 40;
				my $n = readlink "/proc/$p/ns/pid" or next;
				if (!$ns{$n}) { $seen{$p} = 99; next }
				my $exe = readlink "/proc/$p/exe" or next;
				# on a host the agent is named by its digest
				$exe =~ s,/agent-[0-9a-f]{64}$,/novahaul-agent,;
				$exe =~ m,/(novahaul(-agent|-inspect)?)$, or next;
				$ours{$p} = {name => $1, ns => $n};
			}
			my $o = $ours{$p};
			open my $f, "<", "/proc/$p/status" or next;
			local $/;
			my $s = <$f> // "";
			my ($anon) = $s =~ /^RssAnon:\s+(\d+)/m or next;
			my ($hwm) = $s =~ /^VmHWM:\s+(\d+)/m;
			$o->{anon} = $anon if $anon > ($o->{anon} // 0);
			$o->{hwm} = $hwm if $hwm > ($o->{hwm} // 0);
			$o->{n}++;
		}
		$t += 0.05 - time;
		sleep $t if $t > 0;
	}
	open my $out, ">", $notes or die;
	for my $p (sort keys %ours) {
		my $o = $ours{$p};
		print $out "$o->{name} $o->{ns} $p $o->{anon} $o->{hwm} $o->{n}\n"
			if $o->{n};
	}
X
namespace() { on "$1" readlink /proc/self/ns/pid; }
perl "$work/sampler" "$work/notes" "$(namespace controller)" \
	"$(namespace compute-30)" "$(namespace compute-34)" &
sampler=$!
sleep 0.3

t=$SECONDS
expect "it is moved" 0 nh move "$u" --to compute-34 --yes --precopy \
	--no-start --verify-full
took=$((SECONDS - t))
job=$(sed -n 's/^Job *//p' "$work/out")
[ -n "$job" ] || finish
nh show last -f json > "$work/job"
kept=$(on compute-30 find "$nova/.novahaul/$job" -name disk)
# sent STEP: "BYTES MILLISECONDS" of it in the last job
sent() {
	perl -MJSON::PP -0777 -ne '
		for (@{decode_json($_)->{steps}}) {
			print "$_->{bytes_sent} ", int(1000 * $_->{seconds}), "\n"
				if $_->{step} eq "'"$1"'";
		}' "$work/job"
}
read -r sent _ < <(sent precopy)
holds "... most of it while it ran" test "$sent" -gt $((96 << 20))
read -r sent ms < <(sent final-copy)
holds "... and little after" test "$sent" -lt $((16 << 20))
figure "final pass over a disk of 100 GiB" "$ms" ms
if [ -x "$NOVAHAUL_BUILD/novahaul-inspect" ]; then
	expect "novahaul-inspect looks at it" 0 on compute-34 \
		"$NOVAHAUL_BUILD/novahaul-inspect" info --format qcow2 "$disk"
	like "... and sees 100 GiB" "$(cat "$work/out")" '107374182400'
else
	skip "novahaul-inspect" "it is not built: no libguestfs"
fi
kill "$sampler"
wait "$sampler"

# peak PROGRAM FIELD [HOST]: the highest of its processes, or nothing
peak() {
	awk -v p="$1" -v f="$2" -v ns="$([ -z "${3:-}" ] || namespace "$3")" '
		$1 == p && (ns == "" || $2 == ns) && $f >= m { m = $f }
		END { if (m) print m }' "$work/notes"
}
# lean PROGRAM HOST
lean() {
	local anon
	anon=$(peak "$1" 4 "$2")
	if [ -z "$anon" ]; then
		not_ok "$1 was seen on $2" "$(cat "$work/notes")"
		return
	fi
	holds "$1 on $2: $anon KiB of anonymous memory" \
		test "$anon" -lt $limit_kib
}
lean novahaul controller
lean novahaul-agent compute-30
lean novahaul-agent compute-34
programs='novahaul novahaul-agent'
[ ! -x "$NOVAHAUL_BUILD/novahaul-inspect" ] || {
	lean novahaul-inspect compute-34
	programs+=' novahaul-inspect'
}
holds "the long-lived were looked at 10 times a second" test \
	"$(peak novahaul 6)" -ge $((took * 10))
for p in $programs; do
	figure "anonymous memory for a disk of 100 GiB, $p" "$(peak "$p" 4)" KiB
done

before=$(content compute-30 "$kept")
read -r size blocks _ <<< "$before"
holds "the file is of 100 GiB" test "$size" -gt $((100 << 30))
room=$(allocated compute-30 "$kept")
holds "... and sparse" test "$room" -lt $((400 << 20)) -a \
	"$room" -gt $((96 << 20))
holds "... with data in it" test "$blocks" -gt 20000
figure "move of a disk of 100 GiB, $((room >> 20)) MiB of it there" "$took" s
is "the content is the same" "$(content compute-34 "$disk")" "$before"
there=$(allocated compute-34 "$disk")
holds "it takes no more room, but for 1 %: $there of $room" \
	test "$there" -le $((room + room / 100))
figure "allocated by the copy of a disk of 100 GiB" \
	$((there * 1000 / room)) per_mille_of_the_source

# --- a limit

v=$(guest limited compute-30 --no-start) || give_up "a second guest is made"
on compute-30 qemu-img create -q -f qcow2 "$nova/$v/disk" 1G
on compute-30 qemu-io -f qcow2 -c "write -q -s $work/noise 0 32M" \
	-c "write -q -s $work/noise 512M 16M" "$nova/$v/disk" > /dev/null
limit=$((6 << 20))
expect "a move with --bwlimit" 0 nh move "$v" --to compute-34 --yes \
	--no-precopy --bwlimit 6M
nh show last -f json > "$work/job"
read -r sent ms < <(sent final-copy)
holds "... sends the disk" test "$sent" -gt $((48 << 20))
least=$((sent * 1000 / limit))
holds "... no faster: $ms ms, $least ms at the least" \
	test "$ms" -ge $((least * 9 / 10))
# 4 s for what is not sending: sessions, a key, digests, fsync on a busy disk
holds "... and not much slower" test "$ms" -le $((least * 13 / 10 + 4000))
figure "--bwlimit 6M reached" $((sent * 1000 / ms / 1024)) KiB/s

finish
