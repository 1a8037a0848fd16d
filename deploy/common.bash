# SPDX-License-Identifier: Apache-2.0
# What the scripts in deploy/ and .ci/run share. Sourced, never run.
# shellcheck shell=bash

# The version of Swift that the package needs, and where the toolchains for it are.
readonly swift_minimum=6.2
readonly swift_source="https://www.swift.org/install/linux/"

# shellcheck disable=SC2034  # read by those who source this
repository=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { warn "$*"; exit 1; }
heading() { printf '\n== %s\n' "$*"; }

# Runs a command as root; the caller has said what it does.
as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo -- "$@"
    else
        die "needs root for: $*; run it as root, or install sudo"
    fi
}

# Prints the version of the given swift command, such as 6.3.1; fails if it does not run.
swift_version() {
    local text
    text=$("$1" --version 2>/dev/null) || return 1
    [[ $text =~ Swift\ version\ ([0-9]+(\.[0-9]+)*) ]] || return 1
    say "${BASH_REMATCH[1]}"
}

# Whether dotted version $1 is at least $2.
version_at_least() {
    [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]
}

# Puts a swift of at least $swift_minimum into PATH; fails when there is none. Looks in PATH, then where
# the toolchain is unpacked by hand or by swiftly, for the user who called sudo too.
find_swift() {
    local home=$HOME folder version
    if [[ -n ${SUDO_USER:-} ]]; then
        home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
    fi
    for folder in "" /opt/swift/usr/bin /usr/local/swift/usr/bin \
        "$home/.local/share/swiftly/bin" "$home"/.local/share/swiftly/toolchains/*/usr/bin; do
        if [[ -z $folder ]]; then
            command -v swift >/dev/null || continue
        elif [[ ! -x $folder/swift ]]; then
            continue
        fi
        version=$(swift_version "${folder:+$folder/}swift") || continue
        version_at_least "$version" "$swift_minimum" || continue
        if [[ -n $folder ]]; then PATH=$folder:$PATH; fi
        return 0
    done
    return 1
}

# Prints the path of a swift that is there, whether it runs or not; fails when there is none.
swift_program() {
    command -v swift || { [[ -x /opt/swift/usr/bin/swift ]] && say /opt/swift/usr/bin/swift; }
}

# Ends with where to get Swift, unless it is there.
require_swift() {
    find_swift && return
    warn "no Swift toolchain of version $swift_minimum or later was found"
    warn "in PATH, /opt/swift/usr/bin, /usr/local/swift/usr/bin or ~/.local/share/swiftly."
    warn "Get one for Debian 12 from $swift_source and unpack it to /opt/swift,"
    die "or install it with swiftly. It is the one thing that deploy/setup cannot install."
}

# 2 MiB hugepages that nobody uses, on the whole machine.
free_hugepages() {
    local file=/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages
    if [[ -r $file ]]; then cat "$file"; else awk '/^HugePages_Free:/ {print $2}' /proc/meminfo; fi
}

# What a release consists of.
# shellcheck disable=SC2034  # read by those who source this
readonly release_products=(causeway causeway-node causewayctl access_list_plugin)

# Builds the given products for release, with progress where somebody watches.
build_release() {
    local product quiet=(--quiet)
    if [[ -t 1 ]]; then quiet=(); fi
    for product in "$@"; do
        say "swift build -c release --product $product"
        swift build -c release --product "$product" "${quiet[@]}" || die "the build of $product failed"
    done
}

# Builds causeway-node for processor level $1, such as v4, beside the others. Only the packet side is compiled
# again, in a folder of its own; the sources of other packages are those of the first build.
build_variant() {
    local level=$1 scratch=.build/variants/$1 quiet=(--quiet)
    if [[ -t 1 ]]; then quiet=(); fi
    [[ $level =~ ^v[34]$ ]] || die "there is no processor level $level: v3 or v4"
    say "swift build -c release --product causeway-node for x86-64-$level"
    CAUSEWAY_PROCESSOR=x86-64-$level swift build -c release --product causeway-node \
        --scratch-path "$scratch" "${quiet[@]}" || die "the build of causeway-node for $level failed"
    # In one step, so that whoever starts it finds the old one or the new one.
    cp -- "$scratch/release/causeway-node" ".build/release/causeway-node-$level.new"
    mv -- ".build/release/causeway-node-$level.new" ".build/release/causeway-node-$level"
}
