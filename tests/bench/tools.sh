# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# tools.sh: the movers.  Sourced by run.
#
# A mover is a script that runs on src, with $F the source, a file or a
# directory, $D the directory on the host $H (a name for ssh) where it is to
# arrive, and $N its name there.  novahaul's are runs of nh-copy instead.
# shellcheck disable=SC2016,SC2034,SC2154 # expanded there; used by cases.sh

gcm='aes128-gcm@openssh.com'
declare -A script=(
	[rsync-r]='rsync -r --progress "$F" "$H:$D/" > /dev/null'
	[rsync-aS]='rsync -aS --inplace "$F" "$H:$D/"'
	[rsync-aS-gcm]='rsync -aS --inplace -e "ssh -c '$gcm'" "$F" "$H:$D/"'
	[rsync-tuned]='rsync -a --inplace -B131072 "$F" "$H:$D/"'
	[rsync-append]='rsync --append-verify "$F" "$H:$D/"'
	[scp]='scp -q -r "$F" "$H:$D/"'
	[tar-S]='tar -C "${F%/*}" -S -cf - "$N" | ssh "$H" tar -C "$D" -S -xf -'
	[tar-S-gcm]='tar -C "${F%/*}" -S -cf - "$N" |
		ssh -c '$gcm' "$H" tar -C "$D" -S -xf -'
	[ssh-cat-gcm]='ssh -c '$gcm' "$H" "cat > $D/$N" < "$F"'
	[rdiff]='ssh "$H" "rdiff signature $D/$N -" > /tmp/bench-sig &&
		rdiff delta /tmp/bench-sig "$F" - |
		ssh "$H" "rdiff patch $D/$N - $D/$N.new && mv $D/$N.new $D/$N"'
	[rdiff-4k]='ssh "$H" "rdiff -b 4096 signature $B -" > /tmp/bench-sig &&
		rdiff delta /tmp/bench-sig "$F" - |
		ssh "$H" "rdiff patch $B - $D/$N"'
	[nbdcopy]='nbdcopy "$F" nbd://10.79.0.2:10809'
	# not a mover, but what none can do without: one pass over the source,
	# and the change sent over a connection that is open
	[hash+send]='"$S/bin/bench-file" hash "$F" && head -c "$C" "$F" |
		ssh -S /run/bench.ctl "$H" "cat > $D/change"'
	[sftp-reput]='echo "reput $F $D/$N" | sftp -q -b - "$H" > /dev/null'
)
# what each needs to be there
declare -A needs=(
	[rsync-r]=rsync [rsync-aS]=rsync [rsync-aS-gcm]=rsync
	[rsync-tuned]=rsync [rsync-append]=rsync [scp]=scp [tar-S]=tar
	[tar-S-gcm]=tar [ssh-cat-gcm]=ssh [rdiff]=rdiff [rdiff-4k]=rdiff
	[nbdcopy]='nbdcopy nbdkit' [sftp-reput]=sftp [hash+send]=ssh
)

# lacks TOOL: why it cannot run, or nothing
lacks() {
	local t
	case $1 in
	novahaul-synced | novahaul-relay-synced)
		# the preloaded nothing would reach a dynamic agent as well
		! ldd "$S/bin/agent" > /dev/null 2>&1 ||
			echo "the agent is not linked statically here"
		return
		;;
	esac
	if [ "$1" = novahaul-tls ]; then
		t=$("$S/bin/nh-copy" --via tls 2>&1)
		[[ $t != *'no transport'* ]] || echo "there is no TLS in this build"
	fi
	for t in ${needs[$1]:-}; do
		command -v "$t" > /dev/null ||
			echo "$t is not installed (contrib/packages, group bench)"
	done
}

# nh ARG...: the argv of nh-copy for TOOL, in `argv`
nh_argv() {
	local agent=$S/bin/agent-nosync via=direct dst=10.79.0.2
	case $1 in
	*-synced) agent=$S/bin/agent ;;
	esac
	case $1 in
	*-relay*) via=relay ;;
	*-tls) via=tls ;;
	esac
	[ "$H" = dst ] || dst=10.79.1.2
	shift
	argv=("$S/bin/nh-copy" --src 10.79.0.1 --dst "$dst" --root "$I"
		--known-hosts "$S/ssh/known_hosts" --identity "$S/ssh/id"
		--agent "$agent" --cache "$S/agents" --via "$via"
		--streams "${STREAMS:-0}" --compress "${COMPRESS:-auto}" "$@")
}

# on the side of src, in its namespaces
nsargv() {
	argv=(nsenter -t "${holder[src]}" -a --wd=/ -- "${argv[@]}")
}

master_start() {
	on src ssh -c "$gcm" -M -S /run/bench.ctl -fN dst > "$S/log/master" 2>&1
}
master_stop() { on src ssh -S /run/bench.ctl -O exit dst 2> /dev/null; }

nbd_start() {
	# the size is the server's to know
	truncate -s "$(bytes "$data/$F")" "$dst/$D/$N"
	(in_cgroup dst nsenter -t "${holder[dst]}" -a --wd=/ -- nbdkit -f -p 10809 \
		-P /run/nbd.pid file "$I/$D/$N") > "$S/log/nbdkit" 2>&1 < /dev/null &
	nbd_job=$!
	local i
	for ((i = 0; i < 100; i++)); do
		on dst test -e /run/nbd.pid && return 0
		sleep 0.05
	done
	return 1
}
nbd_stop() {
	on dst pkill -F /run/nbd.pid
	wait "$nbd_job"
	on dst rm -f /run/nbd.pid
}
