#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Goal: with tls_ports files go over TLS, from a host by its name, too, though
# that is a loopback address there, as Debian's installer makes it; nothing
# listens afterwards; behind a packet filter they go over SSH, and the job says
# why.
# shellcheck source=tests/scenario/lib.sh
. "$(dirname "$0")/lib.sh"
need_sandbox
need_novahaul

u=$(guest tls compute-30) || give_up "a guest is made"
conf=$work/tls.conf
(
	umask 077
	sed -E 's/^address = .*\.(30|34)$/address = compute-\1/' "$S/novahaul.conf"
	printf '[copy]\ntls_ports = 49200-49203\n'
) > "$conf"

hosts=$(on compute-34 cat /etc/hosts)
printf '%s\n' "$hosts" | sed 's/^[0-9.]*\( .*compute-34\)/127.0.1.1\1/' |
	on compute-34 tee /etc/hosts > /dev/null
like "its own name is a loopback address" \
	"$(on compute-34 getent ahosts compute-34)" '^127\.0\.1\.1 '
expect "a move over TLS" 0 nh --config "$conf" move "$u" --to compute-34 --yes
like "... says so" "$(cat "$work/out")" '^Bytes went +tls'
is "... and nothing listens" \
	"$(on compute-34 ss -Hltn 'sport >= 49200 and sport <= 49203')" ''
is "the guest runs there" "$(runs_on "$u")" compute-34
on compute-34 tee /etc/hosts > /dev/null <<< "$hosts"

expect "no port, no TLS" 2 nh plan "$u" --to compute-30 --transport tls

if on compute-30 iptables -A INPUT -p tcp --dport 49200:49203 -j DROP \
	2> /dev/null; then
	expect "a move with a packet filter in the way" 0 \
		nh --config "$conf" move "$u" --to compute-30 --yes
	like "... says why it went another way" "$(cat "$work/out")" \
		'^Bytes went +direct.*TLS: .*port 4920[0-3]: no answer'
	is "the guest runs there" "$(runs_on "$u")" compute-30
	on compute-30 iptables -D INPUT -p tcp --dport 49200:49203 -j DROP
else
	skip "a packet filter" "no iptables here"
fi
finish
