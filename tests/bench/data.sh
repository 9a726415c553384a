# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# data.sh: the benchmark's data sets, made of this machine's own system files
# and of noise.  Sourced by run, which sets the sizes.
# shellcheck disable=SC2154

# system_files MIB DIR: so much of /usr, the same on every run
system_files() {
	mkdir -p "$2"
	find /usr/lib /usr/share /usr/bin -xdev -type f -size +0 -size -64M \
		-printf '%s %p\n' 2> /dev/null | LC_ALL=C sort -k2 |
		awk -v max=$(($1 << 20)) '
			{ n += $1; if (n > max) exit; sub(/^[0-9]+ /, ""); print }' |
		tar -C / -cf - --no-recursion -T - 2> /dev/null | tar -C "$2" -xf -
}

# file_system DIR FILE SIZE: an ext4 image of what is in DIR, always the same
file_system() {
	rm -f "$2"
	truncate -s "$3" "$2"
	E2FSPROGS_FAKE_TIME=1700000000 mke2fs -q -t ext4 -F -d "$1" \
		-U 6f0b3c4d-0000-4000-8000-00000000be4c \
		-E hash_seed=6f0b3c4d-0000-4000-8000-00000000be4d \
		"$2" > "$S/log/mke2fs" 2>&1 || die "mke2fs: $(tail -n 2 "$S/log/mke2fs")"
}

bytes() { stat -c %s "$1"; }
allocated() { echo $(($(stat -c '%b * %B' "$1"))); }
mib() { echo $((($1 + 524288) >> 20)); }

# (a) a flat base image: large, and mostly holes
data_base() {
	[ ! -e "$data/base.raw" ] || return 0
	system_files "$base_mib" "$S/tree"
	file_system "$S/tree" "$data/base.raw" "${base_virtual_mib}M"
	rm -rf "$S/tree"
	describe a "base.raw, $(mib "$(bytes "$data/base.raw")") MiB long," \
		"$(mib "$(allocated "$data/base.raw")") MiB allocated"
}

# (b, c, d, e) a disk as a guest has filled it, half of it incompressible
data_dense() {
	[ ! -e "$data/dense.qcow2" ] || return 0
	system_files $((dense_mib / 2)) "$S/tree"
	"$S/bin/bench-file" noise "$S/tree/noise" $(((dense_mib / 2) << 20)) 1
	file_system "$S/tree" "$S/dense.raw" $((dense_mib * 5 / 4 + 64))M
	rm -rf "$S/tree"
	qemu-img convert -O qcow2 "$S/dense.raw" "$data/dense.qcow2"
	rm -f "$S/dense.raw"
	describe b "dense.qcow2, $(mib "$(bytes "$data/dense.qcow2")") MiB"
}

# (f) instance directories: what Nova keeps beside the disks, 768 KiB each
data_tree() {
	local i n=0 size
	[ ! -e "$data/tree" ] || return 0
	for ((i = 0; i < tree_dirs; i++)); do
		mkdir -p "$data/tree/$(printf 'd%03d' "$i")"
		while read -r name size; do
			n=$((n + 1))
			"$S/bin/bench-file" noise \
				"$data/tree/$(printf 'd%03d' "$i")/$name" "$size" $n
		done <<-X
		disk.info 79
		libvirt.xml 4096
		console.log 16384
		disk.swap 65536
		disk.eph0 200704
		disk.config 499712
		X
	done
	(cd "$data" && find tree -type f | LC_ALL=C sort) > "$data/tree.list"
	describe f "$tree_dirs directories x 6 files," \
		"$(mib "$(find "$data/tree" -type f -printf '%s\n' |
			awk '{ n += $1 } END { print n }')") MiB"
}

# (v) an image and its rebuilt successor: some files changed, all moved
data_variant() {
	[ ! -e "$data/new.qcow2" ] || return 0
	local n=0 f
	system_files "$variant_mib" "$S/tree"
	file_system "$S/tree" "$S/v.raw" $((variant_mib * 5 / 4 + 64))M
	qemu-img convert -O qcow2 "$S/v.raw" "$data/old.qcow2"
	# about 5 % of the files grow at their start
	while read -r f; do
		n=$((n + 1))
		[ $((n % 20)) = 0 ] || continue
		{
			printf 'changed\n'
			cat "$f"
		} > "$S/changed"
		cat "$S/changed" > "$f"
	done < <(find "$S/tree" -type f | LC_ALL=C sort)
	file_system "$S/tree" "$S/v.raw" $((variant_mib * 5 / 4 + 64))M
	qemu-img convert -O qcow2 "$S/v.raw" "$data/new.qcow2"
	rm -rf "$S/tree" "$S/v.raw" "$S/changed"
	describe v "new.qcow2, $(mib "$(bytes "$data/new.qcow2")") MiB," \
		"rebuilt with 5 % of its files changed"
}

# (m) a disk of a size that no memory holds
data_huge() {
	[ ! -e "$data/huge.raw" ] || return 0
	truncate -s "${huge_gib}G" "$data/huge.raw"
	"$S/bin/bench-file" scatter "$data/huge.raw" $((huge_every_mib << 20)) 3
	describe m "huge.raw, $huge_gib GiB long," \
		"$(mib "$(allocated "$data/huge.raw")") MiB allocated"
}
