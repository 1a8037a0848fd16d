#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs, looks at, upgrades and purges a package in a root of its own, without systemd.
# Usage: package-installed.sh OLD.deb NEW.deb; says ok: or FAIL: for each thing, exit status 1 if one failed.
# shellcheck disable=SC2317  # functions are called by name
set -euo pipefail
# shellcheck source=Tests/SystemTests/programs/package.bash
source "$(dirname -- "${BASH_SOURCE[0]}")/package.bash"

make_space "$@"
make_root_of_machine
cp -- "$1" "$space/changed/old.deb"
cp -- "$2" "$space/changed/new.deb"
old=$(dpkg-deb -f "$1" Version)
new=$(dpkg-deb -f "$2" Version)

# Whether a command says what a pattern describes.
says() {
    local pattern=$1
    shift
    inside "$@" 2>&1 | tee "$space/answer" | grep -qE -- "$pattern" || { cat "$space/answer"; return 1; }
}

finds_all_libraries() {
    local file found
    for file in causeway causewayctl causeway-node libaccess_list_plugin.so; do
        found=$(inside ldd "/usr/lib/causeway/$file") || return 1
        if grep -E 'not found|/opt/' <<<"$found"; then return 1; fi
        grep -q '/usr/lib/causeway/swift/libswiftCore.so' <<<"$found" || return 1
    done
}

check "there is no toolchain here" test ! -e "$root/opt/swift"
check "installs" inside dpkg -i /old.deb
check "every library is Debian's or the package's own" finds_all_libraries
check "causeway runs" says '^[0-9]+\.[0-9]+' causeway --version
check "causewayctl runs" says 'causewayctl v[0-9]' causewayctl --version
check "causeway-node says what it is" says '"dpdk":"DPDK 22' /usr/lib/causeway/causeway-node --versions
check "the startup file is right, and the programs are found" \
    says 'supervisor +CPUs' causeway -c /etc/causeway/startup.conf --check
check "samples are valid topology files" inside causeway topology check \
    /usr/share/doc/causeway/examples/dual-socket.yaml --machine 'synth:numa:2(memory=64GB) core:8 pu:1'
check "there is a group" grep -q '^causeway:' "$root/etc/group"
for page in 8/causeway 1/causewayctl 5/causeway-topology; do
    check "the page $page is there and has no fault" says '^$' sh -c \
        "man --warnings -l /usr/share/man/man${page%/*}/${page#*/}.${page%/*}.gz 2>&1 >/dev/null | grep . || echo"
done
check "completion knows the options" grep -q -- --check "$root/usr/share/bash-completion/completions/causeway"
check "completion asks for the commands" \
    grep -q causewayctl "$root/usr/share/bash-completion/completions/causewayctl"
for unit in causeway.service causeway-hugepages.service; do
    check "$unit is a valid unit" says '^fine$' sh -c \
        "systemd-analyze verify --man=no /lib/systemd/system/$unit 2>&1 | grep causeway || echo fine"
    check "$unit is not enabled" test ! -e "$root/etc/systemd/system/multi-user.target.wants/$unit"
done
check "hugepages that are there satisfy" inside env HUGEPAGES_2M=1 /usr/lib/causeway/causeway-hugepages
if inside env HUGEPAGES_2M=all /usr/lib/causeway/causeway-hugepages 2>"$space/refusal"; then
    echo "FAIL: a wrong number of hugepages is taken"
    failed=1
else
    check "a wrong number of hugepages is refused" grep -q "'all' is no number of pages" "$space/refusal"
fi
echo "# mine" >>"$root/etc/causeway/startup.conf"
mkdir -p "$root/var/lib/causeway/causeway"
echo kept >"$root/var/lib/causeway/causeway/journal"
check "upgrades to $new" inside dpkg -i /new.deb
check "it is $new then, and not $old" says "^$new\$" dpkg-query -W -f "\${Version}\n" causeway
check "the operator's startup file is kept" grep -q '^# mine' "$root/etc/causeway/startup.conf"
check "removes" inside dpkg -r causeway
check "a removal keeps the configuration" test -e "$root/etc/causeway/startup.conf"
check "a removal keeps the journal" test -e "$root/var/lib/causeway/causeway/journal"
check "a removal takes the programs" test ! -e "$root/usr/lib/causeway/causeway"
check "purges" inside dpkg -P causeway
rm -f "$root/old.deb" "$root/new.deb"
left=$(leftovers)
check "a purge leaves nothing: $left" test -z "$left"
exit "$failed"
