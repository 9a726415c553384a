#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: novahaul fence proves that a host is off, for as long as that is fresh,
# with programs of the operator's; life that is seen beats every proof; a host
# that merely does not answer is never taken for dead; no secret is written down.
set -eu -o pipefail
novahaul=$PWD/novahaul
[ -x "$novahaul" ] || { echo "novahaul is not built" >&2; exit 99; }

dir=$(mktemp -d /tmp/nh-fence-XXXXXX)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
secret=hunter2-of-the-bmc

fail() {
	echo "FAIL: $*" >&2
	sed 's/^/  out: /' out >&2
	sed 's/^/  err: /' err >&2
	exit 1
}
# expect CODE TEXT ARG...: the exit code, and a text on stdout or stderr
expect() {
	local code=$1 text=$2 rc=0
	shift 2
	"$novahaul" --config "$dir/conf" --journal "$dir/lib/journal.db" "$@" \
		> out 2> err < /dev/null || rc=$?
	[ $rc = "$code" ] || fail "exit $rc, wanted $code: $*"
	grep -qF -- "$text" out err || fail "no \"$text\": $*"
	! grep -qF -- "$secret" out err || fail "a secret is shown: $*"
}
# conf ADDRESS: where "dead" is; nothing answers at a link-local address that
# names no link
conf() {
	cat > conf <<-END
	[host:dead]
	address = $1
	port = 1
	[host:far]
	address = fe80::1
	[fence:dead]
	agent = $dir/fence_toy
	options = $dir/%h.conf
	[fence:cmd]
	command = $dir/off %h
	readback = cat $dir/power
	timeout = 1
	[host:cmd]
	address = fe80::1
	END
}
cat > fence_toy <<END
#!/bin/bash
cd "$dir"
in=\$(cat)
case \$in in *"password=$secret"*) ;; *) exit 1 ;; esac
echo "verbose: \$in" >&2
case \$in in
*action=off) echo off > state; exit ;;
*action=status) [ "\$(cat state)" = off ] && exit 2; exit 0 ;;
esac
exit 1
END
printf '#!/bin/bash\necho "$@" >> %s/switched\n' "$dir" > off
chmod +x fence_toy off
(umask 077 && printf 'ip=10.0.0.30\npassword=%s\n' $secret > dead.conf)
echo on > state
conf fe80::1

expect 6 "there is no evidence" fence dead --show
expect 2 "no terminal" fence dead
[ "$(cat state)" = on ] || fail "switched off without a yes"
# Looking switches nothing off, and sees that it is on.
expect 6 "seen alive" fence dead --status
[ "$(cat state)" = on ] || fail "--status switched it off"
expect 0 "is proven to be off" fence dead --yes
[ "$(cat state)" = off ] || fail "not switched off"
expect 0 "is proven to be off" fence dead --show
expect 0 '"proven": true' fence dead --show -f json
expect 0 '"provider": "agent"' fence dead --show -f json
expect 0 'probe' fence dead --show
# It ages from the moment of the look.
sleep 2
expect 6 "too old" fence dead --show --fence-max-age 1
expect 0 "is proven" fence dead --status --fence-max-age 100
# Life beats the proof, as long as it is fresh and after it as well.
conf 127.0.0.1
expect 6 "seen alive" fence dead --status
expect 6 "seen alive" fence dead --yes
conf fe80::1
expect 6 "seen alive" fence dead --show
expect 0 "is proven to be off" fence dead --status
echo on > state
expect 6 "seen alive" fence dead --status
# Forgotten is not fenced.
expect 0 "counts as not fenced" fence dead --forget --yes
expect 6 "there is no evidence" fence dead --show
# Options that others may read are not used; those that watch have looked.
chmod 644 dead.conf
expect 2 "its owner's alone" fence dead --yes
[ "$(cat state)" = on ] || fail "switched off with bad options"
expect 6 "unknown, void or too old" fence dead --show
expect 6 '"provider": "probe"' fence dead --show -f json

# A command that says yes proves nothing; its read-back does.
echo "Chassis Power is on" > power
expect 6 "seen alive" fence cmd --yes
grep -qx cmd switched || fail "the command was not run for its host"
echo "who knows" > power
expect 6 "not proven" fence cmd --yes
echo "Chassis Power is off" > power
expect 0 "is proven to be off" fence cmd --yes

# Not answering is no proof; a person may know.
expect 6 "unknown, void or too old" fence far --status
expect 6 "unknown, void or too old" fence far --provider none --yes
expect 2 "nothing is configured" fence far --yes
expect 2 "to the letter" fence far --yes --statement yes --by me --reason x
expect 2 'hint: novahaul fence far --statement "far is off" --by NAME' \
	fence far --yes --statement "FAR is off" --by me --reason x
expect 2 'hint: novahaul fence far --statement "far is off" --by NAME' \
	fence far --yes --statement "far is off" --by me
expect 2 "a reason" fence far --yes --statement "far is off" --by me
expect 0 "is proven to be off" fence far --yes --statement "far is off" \
	--by "Jane Roe" --reason "the cord is in my hand"
expect 0 "Jane Roe" fence far --show
expect 0 "far" fence --list
expect 0 '"proven": false' fence --list -f json

# A statement that somebody's eyes contradict, and what is told of it.
conf 127.0.0.1
expect 6 "whatever was stated: it was seen alive" fence dead --yes \
	--statement "dead is off" --by "Jane Roe" --reason "it does not answer"
expect 6 "(probe: 127.0.0.1 refused a connection" fence dead --yes \
	--statement "dead is off" --by "Jane Roe" --reason "it does not answer"

# Evidence is nothing where there is no journal to keep it.
head -c 3000 /dev/urandom > lib/junk
rc=0
"$novahaul" --config "$dir/conf" --journal "$dir/lib/junk" fence dead --show \
	> out 2> err < /dev/null || rc=$?
[ $rc = 5 ] || fail "exit $rc for a journal that is none"
grep -q "^hint: file $dir/lib/junk .*novahaul --journal FILE jobs" err ||
	fail "no hint for a journal that is none"

! grep -qF "$secret" lib/journal.db || fail "the journal has the secret"
echo ok
