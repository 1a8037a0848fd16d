# SPDX-License-Identifier: Apache-2.0
# A root of its own for a package, and systemd in it, for package-installed.sh and package-systemd.sh. Sourced, never run.
# shellcheck shell=bash

failed=0

# Says whether what the rest of the arguments test is so.
check() {
    local what=$1
    shift
    if "$@" >"$space/said" 2>&1; then
        printf 'ok: %s\n' "$what"
    else
        printf 'FAIL: %s (%s)\n' "$what" "$*"
        sed 's/^/    /' "$space/said" | tail -n 30
        failed=1
    fi
}

# Makes the folder $space, which goes with this process: in a mount namespace, where nobody else sees it.
make_space() {
    if [[ -z ${PACKAGE_TEST_SPACE:-} ]]; then
        PACKAGE_TEST_SPACE=$(mktemp -d "${TMPDIR:-/tmp}/causeway-root.XXXXXX")
        export PACKAGE_TEST_SPACE
        local status=0
        unshare --mount --propagation private -- "$0" "$@" || status=$?
        rm -rf -- "$PACKAGE_TEST_SPACE"
        exit "$status"
    fi
    space=$PACKAGE_TEST_SPACE
    mount -t tmpfs -o size=3G package "$space"
}

# Makes $root: this machine's own files, which it may change without anybody's seeing it, but for what is not of
# Debian: no toolchain, no build.
make_root_of_machine() {
    local folder
    root=$space/root
    mkdir "$space/changed" "$space/work" "$root"
    mount -t overlay -o "lowerdir=/,upperdir=$space/changed,workdir=$space/work" overlay "$root"
    for folder in "$root"/*/; do
        case ${folder#"$root"} in
            /bin/ | /boot/ | /etc/ | /lib*/ | /sbin/ | /usr/ | /var/) ;;
            *) mount -t tmpfs none "$folder" ;;
        esac
    done
    mount -t tmpfs none "$root/usr/local"
    mount -t tmpfs none "$root/var/tmp"
    fill_root
}

# Makes $root with a minimal Debian 12 of its own, and further packages.
make_root_of_debian() {
    root=$space/root
    mkdir "$root"
    # ip netns works only where the root is a mount of its own.
    mount --bind "$root" "$root"
    debootstrap --variant=minbase "--include=systemd,systemd-sysv,iproute2,iputils-ping,procps,ca-certificates" \
        bookworm "$root" >"$space/debootstrap.log" 2>&1 || { tail -n 20 "$space/debootstrap.log"; return 1; }
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    cp /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/"
    rm -f "$root"/etc/apt/sources.list
    cp /etc/apt/sources.list.d/*.sources "$root/etc/apt/sources.list.d/" 2>/dev/null \
        || cp /etc/apt/sources.list "$root/etc/apt/"
    fill_root
}

# What the kernel gives.
fill_root() {
    local device name major minor
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sys "$root/sys"
    mount -t tmpfs run "$root/run"
    mount -t tmpfs -o mode=755 dev "$root/dev"
    mkdir "$root/dev/pts" "$root/dev/shm" "$root/dev/net" "$root/dev/hugepages" "$root/dev/mqueue"
    for device in null:1:3 zero:1:5 full:1:7 random:1:8 urandom:1:9 tty:5:0 net/tun:10:200; do
        IFS=: read -r name major minor <<<"$device"
        mknod -m 666 "$root/dev/$name" c "$major" "$minor"
    done
    ln -s /proc/self/fd "$root/dev/fd"
    mount -t devpts -o newinstance,ptmxmode=666 pts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    mount -t tmpfs shm "$root/dev/shm"
    mount -t hugetlbfs -o pagesize=2M huge "$root/dev/hugepages"
}

# Runs a command in the root.
inside() {
    if [[ -n ${init:-} ]]; then
        nsenter -t "$init" -m -p -u -i -n -C --root="/proc/$init/root" --wd="/proc/$init/root" -- \
            env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
    else
        chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
            DEBIAN_FRONTEND=noninteractive "$@"
    fi
}

# Starts systemd in the root, in namespaces of its own; $init is its number.
start_systemd() {
    local hierarchy unit folder
    # What is of the whole machine stays as it is.
    for unit in systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket \
        systemd-udev-trigger.service systemd-sysctl.service systemd-modules-load.service \
        dev-hugepages.mount dev-mqueue.mount systemd-remount-fs.service sys-kernel-debug.mount \
        sys-kernel-tracing.mount sys-fs-fuse-connections.mount systemd-networkd.service; do
        ln -sf /dev/null "$root/etc/systemd/system/$unit"
    done
    cat >"$root/etc/systemd/system/package-test.target" <<UNIT
[Unit]
Requires=basic.target
After=basic.target
AllowIsolate=yes
UNIT
    groups=()
    for hierarchy in $(awk '$3 == "cgroup2" || ($3 == "cgroup" && $4 ~ /name=systemd/) {print $2}' /proc/mounts); do
        folder=$hierarchy/causeway-package-$$
        mkdir "$folder"
        groups+=("$folder")
    done
    ((${#groups[@]})) || { printf 'no cgroup hierarchy for systemd is mounted here\n'; return 1; }
    (
        for folder in "${groups[@]}"; do echo "$BASHPID" >"$folder/cgroup.procs"; done
        exec unshare --pid --cgroup --uts --ipc --net --fork --kill-child --mount --propagation private -- \
            "$BASH" -euc '
            root=$1
            mount -t proc proc "$root/proc"
            mount -t sysfs sys "$root/sys"
            if [ -d /sys/fs/cgroup/systemd ]; then
                mount -t tmpfs -o mode=755 cgroup "$root/sys/fs/cgroup"
                mkdir "$root/sys/fs/cgroup/systemd" "$root/sys/fs/cgroup/unified"
                mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
                mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
            else
                mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
            fi
            exec chroot "$root" env -i container=causeway-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
                /lib/systemd/systemd --system --unit=package-test.target
            ' systemd "$root"
    ) >"$space/systemd.log" 2>&1 </dev/null &
    unshared=$!
    for _ in $(seq 100); do
        init=$(cat "/proc/$unshared/task/$unshared/children" 2>/dev/null | awk '{print $1}')
        if [[ -n $init && $(cat "/proc/$init/comm" 2>/dev/null) == systemd ]] \
            && inside systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded'; then
            return 0
        fi
        sleep 0.2
    done
    cat "$space/systemd.log"
    return 1
}

# Ends systemd and all that it started.
stop_systemd() {
    local folder
    [[ -n ${unshared:-} ]] || return 0
    kill -KILL "$unshared" 2>/dev/null || true
    wait "$unshared" 2>/dev/null || true
    init=""
    for folder in "${groups[@]}"; do
        for _ in $(seq 50); do
            find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true
            [[ -d $folder ]] || break
            sleep 0.1
        done
    done
}

# Prints what the package has left in the root, but for what dpkg itself keeps and the files of $1.
leftovers() {
    find "$root" -xdev \( -path "$root/proc" -o -path "$root/sys" -o -path "$root/var/lib/dpkg" \) -prune -o \
        -iname '*causeway*' ! -type c -print | grep -v -e '/causeway-test$' || true
    grep -l causeway "$root/etc/group" "$root/etc/gshadow" 2>/dev/null || true
    inside dpkg-query -W -f '${Package} ${db:Status-Status}\n' 'causeway*' 2>/dev/null | grep -v not-installed || true
}
