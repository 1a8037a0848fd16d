#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a package under systemd, in a root and in namespaces of its own: starts it, pings through it, restarts, kills and
# stops the supervisor, upgrades the package, removes and purges it.
# Usage: package-systemd.sh machine|debian OLD.deb NEW.deb
# machine: in a root of this machine's files; debian: in a minimal Debian 12 that is fetched.
# Says ok: or FAIL: for each thing, exit status 1 if one failed.
# shellcheck disable=SC2317  # functions are called by name
set -euo pipefail
# shellcheck source=Tests/SystemTests/programs/package.bash
source "$(dirname -- "${BASH_SOURCE[0]}")/package.bash"

make_space "$@"
case $1 in
    machine) make_root_of_machine ;;
    debian) make_root_of_debian ;;
    *) printf '%s: machine or debian\n' "$1" >&2; exit 64 ;;
esac
# Of images for containers: it forbids the packages' scripts to start and stop services.
rm -f "$root/usr/sbin/policy-rc.d"
mkdir -p "$root/run/packages"
cp -- "$2" "$root/run/packages/old.deb"
cp -- "$3" "$root/run/packages/new.deb"
if [[ $1 == debian ]]; then
    inside apt-get -q update >"$space/apt.log" 2>&1
    check "apt finds all that it depends on" \
        inside apt-get -q -y --no-install-recommends install /run/packages/old.deb
    inside dpkg -P causeway >/dev/null
fi
trap 'stop_systemd' EXIT
start_systemd

main_pid() { inside systemctl show -p MainPID --value causeway.service; }
is() { [[ $(inside systemctl show -p "$1" --value causeway.service) == "$2" ]]; }

# The process numbers of keepers and workers in the root, in order.
dataplane() { inside sh -c 'ls -l /proc/[0-9]*/exe 2>/dev/null' | awk '/causeway-node/ {print $9}' | sort | tr '\n' ' '; }

# Waits up to $1 seconds until the rest of the arguments succeed.
until_so() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.1
    done
}

forwards() { inside causewayctl --json show nodes | grep -o '"workerState":"forwarding"' | wc -l | grep -q '^2$'; }

# Pings through the dataplane while the arguments run; none may be lost. What is on its way when ping is ended is not
# lost: answers up to the last one must have come, and no more than two be missing after it.
without_loss() {
    local status=0 sent received last
    inside ip netns exec left ping -i 0.01 10.2.0.2 >"$space/ping" 2>&1 &
    local pinging=$!
    sleep 0.5
    "$@" || status=$?
    sleep 0.5
    inside pkill -INT -x ping
    wait "$pinging" || true
    sent=$(sed -n 's/^\([0-9]*\) packets transmitted.*/\1/p' "$space/ping")
    received=$(grep -c 'icmp_seq=.*time=' "$space/ping")
    last=$(sed -n 's/.*icmp_seq=\([0-9]*\) .*time=.*/\1/p' "$space/ping" | sort -n | tail -n 1)
    echo "$sent sent, $received answers, the last to number $last"
    ((sent >= 50 && received == last && sent - received <= 2)) || return 1
    return "$status"
}

# Whether the same keepers and workers run as before the command, with another supervisor.
replaces_supervisor_alone() {
    local before processes
    before=$(main_pid)
    processes=$(dataplane)
    without_loss "$@" || return 1
    until_so 20 is ActiveState active || return 1
    until_so 20 forwards || return 1
    echo "supervisor $before -> $(main_pid), keepers and workers: $processes-> $(dataplane)"
    [[ $(main_pid) != "$before" && $(main_pid) != 0 && $(dataplane) == "$processes" && -n $processes ]]
}

# A command, and then the next supervisor.
followed_by_supervisor() {
    local before
    before=$(main_pid)
    "$@"
    until_so 20 has_other_supervisor "$before" && until_so 20 is ActiveState active
}
has_other_supervisor() { [[ $(main_pid) != "$1" && $(main_pid) != 0 ]]; }
kill_supervisor() { inside kill "-$1" "$(main_pid)"; }

configure() {
    local cpus
    mapfile -t cpus < <(inside sh -c 'taskset -pc 1 | sed "s/.*: //"' | tr ',' '\n' | awk -F- '
        {for (i = $1; i <= (NF > 1 ? $2 : $1); i++) print i}')
    cat >"$root/etc/causeway/topology.yaml" <<TOPOLOGY
schema: 1
defaults: {heap: 80M, buffers: 2048, eal-memory: 32M}
nodes:
  - {node: 0, virtual-of: 0, lanes: [${cpus[0]}], control-cpu: ${cpus[0]}, ports: [{tap: left0}]}
  - {node: 1, virtual-of: 0, lanes: [${cpus[1]}], control-cpu: ${cpus[1]}, ports: [{tap: right0}]}
TOPOLOGY
    cat >"$root/etc/causeway/setup.commands" <<COMMANDS
set interface ip address left0 10.1.0.1/24
set interface ip address right0 10.2.0.1/24
set interface state left0 up
set interface state right0 up
COMMANDS
    sed -i 's/poll-sleep-usec 0/poll-sleep-usec 100/' "$root/etc/causeway/startup.conf"
    sed -i 's/^HUGEPAGES_2M=.*/HUGEPAGES_2M="300"/' "$root/etc/default/causeway"
}

add_hosts() {
    local name number=0
    for name in left right; do
        number=$((number + 1))
        inside ip netns add "$name" 2>/dev/null || true
        inside ip link set "${name}0" netns "$name"
        inside ip -n "$name" addr add "10.$number.0.2/24" dev "${name}0"
        inside ip -n "$name" link set "${name}0" up
        inside ip -n "$name" route add default via "10.$number.0.1"
    done
}

in_journal() { inside journalctl -b --no-pager | grep -qE -- "$1"; }
crosses() { inside ip netns exec left ping -q -c 5 -i 0.1 10.2.0.2; }
nothing_runs() { [[ -z $(dataplane) && -z $(inside pgrep -x causeway) ]]; }
no_files() { ! inside sh -c 'ls /dev/hugepages/* /dev/shm/causeway* /run/causeway/api.sock 2>/dev/null' | grep .; }
leaves_hang_to_watchdog() { followed_by_supervisor kill_supervisor STOP; }

check "installs under systemd" inside dpkg -i /run/packages/old.deb
check "nothing is started before it is enabled" is ActiveState inactive
configure
check "enables and starts" inside systemctl enable --now causeway.service
check "it was ready when the start came back" is ActiveState active
check "both NUMA nodes forward" until_so 30 forwards
check "systemctl status has a line about them" until_so 10 is StatusText "2 of 2 NUMA nodes forward"
check "the hugepages were asked for first" inside systemctl is-active causeway-hugepages.service
check "the socket belongs to the group" \
    test "$(inside stat -c '%U %G %a' /run/causeway/api.sock)" = "root causeway 660"
inside useradd -M -G causeway member 2>/dev/null || true
check "a member of the group may use it" \
    inside setpriv --reuid member --regid member --init-groups causewayctl show version
if inside setpriv --reuid nobody --regid nogroup --clear-groups causewayctl show version >/dev/null 2>&1; then
    echo "FAIL: somebody else may use it"
    failed=1
fi
add_hosts
until_so 10 crosses || true
check "ping crosses both nodes" crosses

# Whether no thread of a worker has a capability, or can get one.
workers_have_no_privilege() {
    local seen=0 process field
    for process in $(inside pgrep -f 'causeway-node.* worker'); do
        seen=$((seen + 1))
        for field in CapEff CapPrm CapBnd; do
            if inside sh -c "grep -h ^$field: /proc/$process/task/*/status" | grep -v '\s0*$'; then return 1; fi
        done
        if inside sh -c "grep -h ^NoNewPrivs: /proc/$process/task/*/status" | grep -v '\s1$'; then return 1; fi
    done
    ((seen == 2))
}
check "workers have no privilege" workers_have_no_privilege

check "systemctl restart replaces the supervisor, and no packet is lost" \
    replaces_supervisor_alone inside systemctl restart causeway.service
check "the journal says that it left, and that the next took over" until_so 10 in_journal 'supervisor left'
check "a killed supervisor is followed by another, and no packet is lost" \
    replaces_supervisor_alone followed_by_supervisor kill_supervisor KILL
check "one that is told to leave by hand is followed by another" \
    replaces_supervisor_alone followed_by_supervisor kill_supervisor USR2
mkdir -p "$root/etc/systemd/system/causeway.service.d"
printf '[Service]\nWatchdogSec=3\n' >"$root/etc/systemd/system/causeway.service.d/watchdog.conf"
inside systemctl daemon-reload
check "another watchdog needs a restart" replaces_supervisor_alone inside systemctl restart causeway.service
alive=$(main_pid)
sleep 5
check "the watchdog hears of a supervisor that lives" test "$(main_pid)" = "$alive"
check "a supervisor that hangs is replaced by the watchdog, and no packet is lost" \
    replaces_supervisor_alone leaves_hang_to_watchdog
rm -r "$root/etc/systemd/system/causeway.service.d"
check "it was the watchdog" until_so 10 in_journal 'Watchdog timeout'

check "an upgrade of the package replaces the supervisor, and no packet is lost" \
    replaces_supervisor_alone inside dpkg -i /run/packages/new.deb
old_processes=$(dataplane)
check "workers get the new program without a loss" \
    without_loss inside causewayctl upgrade all --with /usr/lib/causeway
keepers_alone_are_old() {
    comm -12 <(tr ' ' '\n' <<<"$old_processes" | sort) <(dataplane | tr ' ' '\n' | sort) | grep -c . | grep -q '^2$'
}
check "these are new processes, beside the old keepers" keepers_alone_are_old
check "ping still crosses" crosses

check "systemctl stop ends" inside systemctl stop causeway.service
check "a stop stops all" until_so 5 nothing_runs
check "and leaves no file of a running dataplane" no_files
check "starts again, with the configuration of its journal" inside systemctl start causeway.service
check "both NUMA nodes forward again" until_so 30 forwards
add_hosts
until_so 10 crosses || true
check "ping crosses again" crosses
kill_supervisor KILL
check "removes, right after the supervisor was killed" inside dpkg -r causeway
check "a removal stops all" nothing_runs
check "purges" inside dpkg -P causeway
rm -rf "$root/run/packages"
left=$(leftovers)
check "a purge leaves nothing: $left" test -z "$left"
if ((failed)) || [[ -n ${PACKAGE_TEST_LINES:-} ]]; then
    inside journalctl -b -u 'causeway*' --no-pager | tail -n "${PACKAGE_TEST_LINES:-80}" || true
fi
exit "$failed"
