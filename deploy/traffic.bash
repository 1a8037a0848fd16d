# SPDX-License-Identifier: Apache-2.0
# What deploy/run sends through the demo, and its account of it. Sourced after demo.bash.
# shellcheck shell=bash

# A live view; ping and TCP run in both directions until the end.
watch_demo() {
    # Background jobs in a script ignore SIGINT, so only this script answers Ctrl-C.
    in_space 0 ping -i 0.2 "${demo_hosts[1]}" >"$demo_folder/ping.log" 2>&1 </dev/null &
    demo_traffic+=($!)
    in_space 1 iperf3 -s >"$demo_folder/iperf3-server.log" 2>&1 </dev/null &
    demo_traffic+=($!)
    (
        trap 'kill "$client" 2>/dev/null; exit' TERM
        while :; do
            for direction in "" -R; do
                # shellcheck disable=SC2086  # nothing, or one option
                in_space 0 iperf3 -c "${demo_hosts[1]}" $direction -t 10 >>"$demo_folder/iperf3.log" 2>&1 &
                client=$!
                wait "$client" || sleep 1
            done
        done
    ) </dev/null &
    demo_traffic+=($!)
    say "traffic: ping and TCP from ${demo_spaces[0]} to ${demo_spaces[1]} and back; Ctrl-C ends it"
    # Where nobody could press keys, a table that goes on until Ctrl-C.
    if [[ -t 0 && -t 1 && ${TERM:-dumb} != dumb ]]; then ctl top; else ctl show lanes --watch 1; fi
}

# What the traffic of the live view came to.
report_traffic() {
    local log=$demo_folder/ping.log
    if [[ -s $log ]]; then
        say "ping: $(grep -c 'bytes from' "$log" || true) answers, last: $(grep 'bytes from' "$log" | tail -n 1)"
    fi
    # The stream that Ctrl-C cut off reports a rate of 0.
    if [[ -s $demo_folder/iperf3.log ]]; then
        awk '/receiver$/ && $7 > 0 { streams++; rate = $7 " " $8 }
            END { if (streams) print "TCP: " streams " streams of 10 s, the last with " rate }' \
            "$demo_folder/iperf3.log"
    fi
}

# ------------------------------------------------------------------------------------------------ --check
check_failures=0
passed() { say "  ok    $*"; }
failed() { say "  FAIL  $*"; check_failures=$((check_failures + 1)); }

# Sends a known amount of traffic, accounts for it, and exits: 0 if all of it crossed both workers.
check_demo() {
    local before after
    before=$(ctl --json show handoff)
    check_ping
    check_drops "after ping"
    check_tcp ""
    check_tcp -R
    after=$(ctl --json show handoff)
    check_handoff "$before" "$after"
    check_drops "in all"
    say
    ctl show lanes
    if ((check_failures)); then
        say "causeway's log:"
        tail -n 30 "$demo_folder/causeway.log"
        die "$check_failures checks failed"
    fi
    say "traffic crossed both workers without loss"
}

check_ping() {
    local text line before late=0 note=""
    before=$(echo_replies)
    text=$(in_space 0 ping -q -i 0.002 -c 500 -W 2 "${demo_hosts[1]}" 2>&1) || true
    line=$(grep 'packets transmitted' <<<"$text" || say "no answer: $text")
    # ping waits two round trips for its last answers, however busy the machine is; the kernel has counted them all.
    if [[ $line != *", 500 received"* ]]; then
        sleep 0.5
        late=$(($(echo_replies) - before))
        note="; $late answers came, some after ping had ended"
    fi
    if [[ $line == "500 packets transmitted, 500 received, 0% packet loss"* ]] || ((late == 500)); then
        passed "ping: $line$note"
    else
        failed "ping: $line$note"
    fi
}

# The echo replies that the first host has received.
echo_replies() {
    # shellcheck disable=SC2016  # awk's fields
    in_space 0 awk '$1 == "Icmp:" { if (!names++) { for (i = 2; i <= NF; i++) if ($i == "InEchoReps") field = i }
        else print $field }' /proc/net/snmp
}

# A TCP stream of 2 s; $1 is empty or -R. It must not stall for half a second.
check_tcp() {
    local direction=$1 json rate stalls name="TCP there"
    if [[ -n $direction ]]; then name="TCP back"; fi
    in_space 1 iperf3 -s -1 >"$demo_folder/iperf3-server.log" 2>&1 </dev/null &
    demo_traffic+=($!)
    wait_for_listener
    # shellcheck disable=SC2086  # nothing, or one option
    json=$(in_space 0 timeout 20 iperf3 -J -i 0.5 -t 2 $direction -c "${demo_hosts[1]}" 2>/dev/null) || true
    rate=$(jq -r '(.end.sum_received.bits_per_second // 0) / 1e6 | floor' <<<"$json" 2>/dev/null || say 0)
    stalls=$(jq -r '[.intervals[]? | select(.sum.bytes == 0)] | length' <<<"$json" 2>/dev/null || say 1)
    if ((${rate:-0} > 0 && ${stalls:-1} == 0)); then
        passed "$name: $rate Mbit/s for 2 s, no stall," \
            "$(jq -r '.end.sum_sent.retransmits // 0' <<<"$json") segments sent again"
    else
        failed "$name: ${rate:-0} Mbit/s, ${stalls:-?} half seconds without a byte" \
            "$(jq -r '.error // ""' <<<"$json" 2>/dev/null || true)"
    fi
}

wait_for_listener() {
    local turn
    for ((turn = 0; turn < 50; turn++)); do
        if [[ -n $(in_space 1 ss -Hltn 'sport = :5201') ]]; then return; fi
        sleep 0.1
    done
    failed "the iperf3 server did not start: $(cat "$demo_folder/iperf3-server.log")"
}

# Every worker must have handed packets to every other.
check_handoff() {
    local from to count
    while read -r from to count; do
        if ((count > 500)); then
            passed "handoff from NUMA node $from to $to: $count packets"
        else
            failed "handoff from NUMA node $from to $to: only $count packets"
        fi
    done < <(jq -rn --argjson before "$1" --argjson after "$2" '
        def sums: [.rings[]] | group_by([.fromNode, .toNode])
            | map({key: "\(.[0].fromNode) \(.[0].toNode)", value: (map(.packets) | add)}) | from_entries;
        ($before | sums) as $old | $after | sums | to_entries[] | "\(.key) \(.value - ($old[.key] // 0))"')
    # Counters are written by running lanes: what is on its way now is no loss, so look when it is quiet.
    sleep 0.2
    count=$(ctl --json show handoff | jq '[.rings[] | .packets - .received] | add')
    if ((count == 0)); then passed "handoff: all packets arrived"; else failed "handoff: $count did not arrive"; fi
}

# Lists all drops. Frames that the hosts sent before their interface was configured are explained.
check_drops() {
    local when=$1 unexplained errors
    errors=$(ctl --json show errors | jq -c '[.errors[] | select(.severity == "error")]')
    unexplained=$(jq '[.[] | select(.reason | test("interface is down") | not) | .count] | add // 0' <<<"$errors")
    if ((unexplained == 0)); then passed "drops $when: none unexplained"; else failed "drops $when: $unexplained"; fi
    jq -r '.[] | "        \(.count) \(.node): \(.reason)"' <<<"$errors"
}
