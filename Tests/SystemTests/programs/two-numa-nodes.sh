#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Run in a guest of deploy/numavm with two real NUMA nodes and four NICs with the kernel's driver, 0 and 1 on
# node 0, 2 and 3 on node 1, 0 wired to 1 and 2 to 3. Causeway takes NICs 0 and 2; NICs 1 and 3 become hosts.
# Checks that packets cross, and that threads, memory and polling are local to each node.
#
# Usage: two-numa-nodes.sh FOLDER-OF-THE-PROGRAMS
set -euo pipefail
shopt -s inherit_errexit

programs=${1:?the folder of causeway, causeway-node and causewayctl}
folder=$(mktemp -d)
instance=guest
runtime=/run/causeway-$instance
failures=0
supervisor=""

ok() { printf 'ok: %s\n' "$*"; }
fail() { printf 'FAIL: %s\n' "$*"; failures=$((failures + 1)); }
expect() { if (($1)); then ok "${*:2}"; else fail "${*:2}"; fi; }
ctl() { "$programs/causewayctl" -s "$runtime/api.sock" "$@"; }

finish() {
    local status=$?
    trap - EXIT
    if [[ -n $supervisor ]]; then
        kill -TERM "$supervisor" 2>/dev/null || true
        wait "$supervisor" || status=1
    fi
    if ((status || failures)); then
        echo "the supervisor's log:"
        cat "$folder/log" 2>/dev/null || true
    fi
    exit "$((status ? status : failures > 0))"
}
trap finish EXIT

give_to_user_space() {
    local address=$1
    echo vfio-pci >"/sys/bus/pci/devices/$address/driver_override"
    if [[ -e /sys/bus/pci/devices/$address/driver ]]; then
        echo "$address" >"/sys/bus/pci/devices/$address/driver/unbind"
    fi
    echo "$address" >/sys/bus/pci/drivers_probe
}

start() {
    cat >"$folder/topology.yaml" <<TOPOLOGY
schema: 1
defaults:
  heap: 192M
  buffers: 4096
  spare: yes
nodes:
  - node: 0
    lanes: [1]
    control-cpu: 0
    ports: [{name: left, pci: "$NUMAVM_NIC0", rx-descriptors: 512, tx-descriptors: 512}]
  - node: 1
    lanes: [3]
    control-cpu: 2
    ports: [{name: right, pci: "$NUMAVM_NIC2", rx-descriptors: 512, tx-descriptors: 512}]
TOPOLOGY
    cat >"$folder/startup.conf" <<STARTUP
unix { nodaemon runtime-dir $runtime state-dir $folder/state cli-listen $runtime/api.sock poll-sleep-usec 100 }
lanes { hang-msec 0 }
instance $instance
topology $folder/topology.yaml
STARTUP
    CAUSEWAY_SLOW=1 "$programs/causeway" -c "$folder/startup.conf" >"$folder/log" 2>&1 &
    supervisor=$!
    for _ in {1..200}; do
        kill -0 "$supervisor" 2>/dev/null || break
        if ctl --json show nodes 2>/dev/null \
            | jq -e 'all(.nodes[]; .workerState == "forwarding")' >/dev/null 2>&1; then
            ok "both workers forward"
            return
        fi
        sleep 0.5
    done
    fail "the workers did not come to forward"
    exit 1
}

# A NIC of the kernel as a host in a namespace: name, interface, address, gateway.
add_host() {
    ip netns add "$1"
    ip netns exec "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
    ip link set "$2" netns "$1"
    ip -n "$1" address add "$3/24" dev "$2"
    ip -n "$1" link set "$2" up
    ip -n "$1" route add default via "$4"
}

check_traffic() {
    local text
    ctl set interface state left up
    ctl set interface ip address left 10.1.0.1/24
    ctl set interface state right up
    ctl set interface ip address right 10.2.0.1/24
    add_host west nic1 10.1.0.2 10.1.0.1
    add_host east nic3 10.2.0.2 10.2.0.1
    # The link comes up in its own time.
    ip netns exec west ping -q -c 1 -W 2 10.2.0.2 >/dev/null || ip netns exec west ping -q -c 3 -W 5 10.2.0.2 || true
    text=$(ip netns exec west ping -q -i 0.05 -c 100 -W 5 10.2.0.2 | grep transmitted || true)
    expect "$([[ $text == "100 packets transmitted, 100 received, 0% packet loss"* ]] && echo 1 || echo 0)" "ping: $text"
    for from in 0 1; do
        text=$(ctl --json show handoff | jq "[.rings[] | select(.fromNode == $from) | .packets] | add")
        expect "$((text >= 100))" "handoff from NUMA node $from: $text packets"
    done
}

# What `causewayctl stats` says of an interface.
statistic() {
    ctl stats get "^/if/$1\$" | awk -v port="$2" '$3 == port {print $4}'
}

# A NIC whose worker stands still runs out of descriptors: it counts what it has to drop, its keeper publishes that.
check_missed() {
    local worker missed=0 shown before
    before=$(statistic rx-miss left)
    worker=$(ctl --json show nodes | jq '.nodes[0].workerPID')
    kill -STOP "$worker"
    ip netns exec west ping -q -i 0.001 -c 2000 -w 15 10.1.0.1 >/dev/null || true
    kill -CONT "$worker"
    for _ in {1..20}; do
        missed=$(statistic rx-miss left)
        ((missed > before)) && break
        sleep 0.5
    done
    expect "$((before == 0 && missed > 0))" "packets missed by the stopped node's NIC: $before, then $missed"
    shown=$(ctl --json show hardware-interfaces | jq '.ports[] | select(.name == "left") | .rxMissed')
    expect "$((shown >= missed && $(statistic rx-miss right) == 0))" "its keeper says $shown, the other NIC missed none"
}

wait_for_spares() {
    for _ in {1..120}; do
        if ctl --json show nodes | jq -e 'all(.nodes[]; .workerState == "forwarding" and .spareState == "ready")' \
            >/dev/null; then return; fi
        sleep 0.5
    done
    fail "the spares do not come up"
}

# A planned restart of each node's worker loses nothing; from a dead one the spare takes over.
check_restarts() {
    local node text worker witness
    for node in 0 1; do
        wait_for_spares
        ip netns exec west ping -q -i 0.05 -c 100 -W 5 10.2.0.2 >"$folder/ping" &
        witness=$!
        sleep 1
        text=$(ctl restart node "$node" 2>&1 || true)
        wait "$witness" || true
        expect "$(grep -c "took over" <<<"$text")" "restart: $text"
        text=$(grep transmitted "$folder/ping" || true)
        expect "$([[ $text == "100 packets transmitted, 100 received, 0% packet loss"* ]] && echo 1 || echo 0)" "ping: $text"
    done
    for node in 0 1; do
        wait_for_spares
        worker=$(ctl --json show nodes | jq ".nodes[$node].workerPID")
        kill -KILL "$worker"
        for _ in {1..120}; do
            text=$(ctl --json show nodes | jq -r ".nodes[$node] | select(.workerPID != $worker) | .workerState")
            [[ $text == forwarding ]] && break
            sleep 0.1
        done
        text=$(ip netns exec west ping -q -i 0.05 -c 100 -W 5 10.2.0.2 | grep transmitted || true)
        expect "$([[ $text == "100 packets transmitted, 100 received, 0% packet loss"* ]] && echo 1 || echo 0)" \
            "after the death of node $node's worker: $text"
        text=$(ctl --json show restarts | jq -c ".restarts[] | select(.numaNode == $node)
            | [.by, .forwardingMicroseconds, .buffers, .buffersFree]")
        expect "$(jq 'if .[0] == "spare" and .[2] == .[3] then 1 else 0 end' <<<"$text")" "node $node: $text"
    done
}

# The CPUs of every thread of a process must be among its node's.
check_threads() {
    local node=$1 pid=$2 what=$3 task allowed cpus cpu wrong=""
    cpus=" $(lscpu -p=CPU,NODE | awk -F, -v node="$node" '!/^#/ && $2 == node {print $1}' | tr '\n' ' ')"
    for task in /proc/"$pid"/task/*; do
        allowed=$(awk '/^Cpus_allowed_list:/ {print $2}' "$task/status")
        for cpu in $(tr ',' '\n' <<<"$allowed" | awk -F- '{for (c = $1; c <= ($2 == "" ? $1 : $2); c++) print c}'); do
            [[ $cpus == *" $cpu "* ]] || wrong+=" $(<"$task/comm")@$allowed"
        done
    done
    expect "$((${#wrong} == 0))" "NUMA node $node: threads of the $what on the node's CPUs${wrong:+, but not:$wrong}"
}

# Hugepages of a process on its node, in per cent; the rings into other nodes lie there by intent.
check_memory() {
    local node=$1 pid=$2 what=$3 line
    line=$(awk -v node="$node" '
        !/ huge/ { next }
        { for (i = 1; i <= NF; i++) if ($i ~ /^file=.*-handoff-n[0-9]+$/ && $i !~ ("-handoff-n" node "$")) next }
        { for (i = 1; i <= NF; i++) if (split($i, part, "=") == 2 && part[1] ~ /^N[0-9]+$/) {
              all += part[2]; if (part[1] == "N" node) own += part[2] } }
        END { printf "%d %d %d", own, all, all ? own * 100 / all : 0 }' "/proc/$pid/numa_maps")
    read -r own all share <<<"$line"
    expect "$((all > 0 && share >= 99))" "NUMA node $node: $own of $all hugepages of the $what are on the node"
}

check_node() {
    local node=$1 keeper worker lane device
    keeper=$(ctl --json show nodes | jq ".nodes[] | select(.numaNode == $node) | .keeperPID")
    worker=$(ctl --json show nodes | jq ".nodes[] | select(.numaNode == $node) | .workerPID")
    check_threads "$node" "$worker" worker
    check_memory "$node" "$keeper" keeper
    check_memory "$node" "$worker" worker
    device=$(ctl --json show hardware-interfaces | jq ".ports[] | select(.numaNode == $node) | .deviceNUMANode")
    expect "$([[ $device == "$node" ]] && echo 1 || echo 0)" "NUMA node $node: its port's device is on node $device"
    lane=$(ctl --json show threads | jq -r ".threads[] | select(.numaNode == $node and .type == \"lane\") | .cpu")
    expect "$((lane == 2 * node + 1))" "NUMA node $node: its port is polled on CPU $lane"
}

# Every buffer is in a place that is known; the receive queues have some.
check_buffers() {
    local node pool=""
    for node in 0 1; do
        for _ in {1..60}; do
            pool=$(ctl --json show buffers | jq -c ".pools[] | select(.numaNode == $node) | .account + {total}")
            jq -e '.audits > 3 and .missing == 0' <<<"$pool" >/dev/null && break
            sleep 0.5
        done
        expect "$(jq 'if .audits > 3 and .missing == 0 and .nicRx > 0
            and .free + .nicRx + .nicTx + .lanes == .total then 1 else 0 end' <<<"$pool")" \
            "NUMA node $node: buffers $pool"
    done
}

give_to_user_space "$NUMAVM_NIC0"
give_to_user_space "$NUMAVM_NIC2"
start
check_traffic
check_node 0
check_node 1
check_buffers
check_missed
check_restarts
