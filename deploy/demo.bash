# SPDX-License-Identifier: Apache-2.0
# The parts of deploy/run: start, configure, send traffic, check, stop. Sourced after common.bash.
# shellcheck shell=bash

readonly demo_ports=(cw-a cw-b)
readonly demo_hosts=(10.1.0.2 10.2.0.2)
readonly demo_gateways=(10.1.0.1 10.2.0.1)

demo_instance=demo-$$
demo_runtime=/run/causeway-$demo_instance
demo_spaces=("cw-$demo_instance-a" "cw-$demo_instance-b")
demo_folder=""          # topology and startup file and logs; removed at the end
demo_supervisor=""      # the pid of causeway, which is also its session's number
demo_traffic=()         # pids of what sends traffic
demo_pages_before=0
demo_started=0

# NUMA nodes of this machine that have CPUs and memory.
real_nodes() {
    local folder
    for folder in /sys/devices/system/node/node[0-9]*; do
        if [[ -n $(tr -d '[:space:]' <"$folder/cpulist") ]] \
            && (($(awk '/MemTotal:/ {print $4}' "$folder/meminfo") > 0)); then
            say "${folder##*node}"
        fi
    done
}

# Prints the topology file to use: two virtual nodes from Topology/, or a lane and a tap on each of the
# first two real nodes, written to the demo's folder.
demo_topology() {
    local nodes index file=$demo_folder/two-nodes.yaml
    mapfile -t nodes < <(real_nodes)
    if ((${#nodes[@]} < 2)); then
        say "$repository/Topology/single-node-two-virtual.yaml"
        return
    fi
    {
        printf 'schema: 1\ndefaults:\n  heap: 192M\n  buffers: 8192\nnodes:\n'
        for index in 0 1; do
            printf '  - node: %s\n    lanes: 1\n    ports:\n      - tap: %s\n' \
                "${nodes[index]}" "${demo_ports[index]}"
        done
    } >"$file"
    say "$file"
}

ctl() { .build/release/causewayctl -s "$demo_runtime/api.sock" "$@"; }

# Says a command of causewayctl as one would type it, and runs it.
ctl_aloud() { say "causewayctl $*"; ctl "$@"; }

in_space() { ip netns exec "${demo_spaces[$1]}" "${@:2}"; }

# ----------------------------------------------------------------------------------------- start and stop
start_demo() {
    local topology port side free
    for port in "${demo_ports[@]}"; do
        [[ ! -e /sys/class/net/$port ]] || die "there is an interface $port already; the demo needs that name"
    done
    free=$(free_hugepages)
    demo_pages_before=$free
    demo_started=1
    demo_folder=$(mktemp -d "${TMPDIR:-/tmp}/causeway-demo.XXXXXX")
    topology=$(realpath -- "${1:-$(demo_topology)}")
    cat >"$demo_folder/startup.conf" <<STARTUP
unix {
  nodaemon
  runtime-dir $demo_runtime
  state-dir $demo_folder/state
  cli-listen $demo_runtime/api.sock
  poll-sleep-usec 100
}
instance $demo_instance
topology $topology
STARTUP
    say "causeway -c $demo_folder/startup.conf, topology $topology"
    # A session of its own: Ctrl-C at the terminal reaches this script only, which then stops it in order.
    setsid .build/release/causeway -c "$demo_folder/startup.conf" >"$demo_folder/causeway.log" 2>&1 </dev/null &
    demo_supervisor=$!
    wait_for_workers
    for side in 0 1; do
        ip netns add "${demo_spaces[side]}"
        in_space "$side" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
        ip link set "${demo_ports[side]}" netns "${demo_spaces[side]}"
        in_space "$side" ip link set lo up
        in_space "$side" ip address add "${demo_hosts[side]}/24" dev "${demo_ports[side]}"
        in_space "$side" ip link set "${demo_ports[side]}" up
        in_space "$side" ip route add default via "${demo_gateways[side]}"
        say "namespace ${demo_spaces[side]}: ${demo_ports[side]}, ${demo_hosts[side]}/24"
    done
}

# Ends with the log unless all workers forward and the taps are there within 30 s.
wait_for_workers() {
    local turn
    for ((turn = 0; turn < 150; turn++)); do
        kill -0 "$demo_supervisor" 2>/dev/null || break
        if ctl --json show nodes 2>/dev/null | jq -e 'all(.nodes[]; .workerState == "forwarding")' >/dev/null 2>&1 \
            && [[ -e /sys/class/net/${demo_ports[0]} && -e /sys/class/net/${demo_ports[1]} ]]; then
            return
        fi
        sleep 0.2
    done
    sed 's/^/causeway: /' "$demo_folder/causeway.log" | tail -n 30 >&2
    die "Causeway did not come up; its log's end is above"
}

configure_demo() {
    local side
    for side in 0 1; do
        ctl_aloud set interface state "${demo_ports[side]}" up
        ctl_aloud set interface ip address "${demo_ports[side]}" "${demo_gateways[side]}/24"
    done
    # What the kernel sent by itself before the interfaces were up has been dropped, and counted.
    ctl_aloud clear errors
}

# What must not be there once the demo is over; one line each.
demo_leftovers() {
    local space port path files
    # By session, and by name for a process that made a session of its own.
    ps -o pid=,args= -s "${demo_supervisor:-0}" 2>/dev/null | cut -c 1-150 | sed 's/^/process /' || true
    pgrep -af -- "causeway.*$demo_instance" | cut -c 1-150 | sed 's/^/process /' || true
    for space in "${demo_spaces[@]}"; do
        if [[ -e /run/netns/$space ]]; then say "namespace $space"; fi
    done
    for port in "${demo_ports[@]}"; do
        if [[ -e /sys/class/net/$port ]]; then say "interface $port"; fi
    done
    for path in "$demo_runtime" /dev/shm/*"$demo_instance"* /var/run/dpdk/*"$demo_instance"*; do
        if [[ -e $path ]]; then say "file $path"; fi
    done
    files=$(find /dev/hugepages -name "*$demo_instance*" | wc -l)
    if ((files)); then say "$files files in /dev/hugepages"; fi
}

# Only after a crash: ends what is left of the demo's processes and removes their files.
remove_leftovers() {
    local pid
    for pid in $(pgrep -f -- "causeway-node.*$demo_instance"); do kill -KILL "$pid" 2>/dev/null || true; done
    sleep 0.5
    rm -rf -- "$demo_runtime" /dev/hugepages/"$demo_instance"-* /dev/shm/"$demo_instance"* \
        /var/run/dpdk/"$demo_instance"-*
}

stop_demo() {
    local status=$? pid space leftovers pages
    trap - EXIT
    trap '' INT TERM HUP
    ((demo_started)) || exit "$status"
    heading "Stop"
    for pid in "${demo_traffic[@]}"; do kill "$pid" 2>/dev/null || true; done
    stop_supervisor
    for space in "${demo_spaces[@]}"; do
        [[ -e /run/netns/$space ]] || continue
        for pid in $(ip netns pids "$space"); do kill "$pid" 2>/dev/null || true; done
        ip netns delete "$space"
    done
    report_traffic
    leftovers=$(demo_leftovers)
    pages=$(free_hugepages)
    if [[ -n $leftovers ]]; then
        say "left behind by causeway, and removed now (its log: $demo_folder/causeway.log):"
        say "$leftovers"
        remove_leftovers
        if ((status == 0 || status == 130)); then status=1; fi
    elif ((pages < demo_pages_before)); then
        say "nothing of the demo is left behind, but $((demo_pages_before - pages)) fewer hugepages are free than" \
            "before (another program may hold them)"
    else
        say "nothing is left behind: no process, namespace, interface, hugepage, shared file or socket"
    fi
    if [[ -z $leftovers ]]; then rm -rf -- "$demo_folder"; else say "its files: $demo_folder"; fi
    # Ctrl-C is how the live view may end.
    if ((status == 130 && !${check:-0})); then status=0; fi
    exit "$status"
}

stop_supervisor() {
    local turn
    [[ -n $demo_supervisor ]] || return 0
    kill -TERM "$demo_supervisor" 2>/dev/null || true
    for ((turn = 0; turn < 100; turn++)); do
        kill -0 "$demo_supervisor" 2>/dev/null || break
        sleep 0.1
    done
    if kill -0 "$demo_supervisor" 2>/dev/null; then
        say "causeway did not stop within 10 s: killing its session; its log's end:"
        tail -n 20 "$demo_folder/causeway.log"
        kill -KILL "-$demo_supervisor" 2>/dev/null || true
    fi
    wait "$demo_supervisor" 2>/dev/null || true
}
