#!/bin/sh
# shellcheck disable=SC2086  # options are words
#
# tree.sh KIND BASE WORK OUTPUT EPOCH NETWORK PROGRAM INSIDE: bakes a root tree. Runs as root of namespaces that `unshare` made: mounts,
# processes, names, and the network unless it is needed. It is the first process of them: when it dies, everything does.
#
#   KIND      folder, or tarball
#   WORK      has bake.tar.gz; root/ is made here
#   EPOCH     time of everything that changes; empty: that of the base's list of packages
#   NETWORK   network, or offline
#   PROGRAM   clusterseed, to enter the tree, and to look for leaks
#   INSIDE    the text of inside.sh
set -eu
umask 022
export LC_ALL=C PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
exec 2>&1
kind=$1 base=$2 work=$3 output=$4 epoch=$5 network=$6 program=$7 inside=$8
root=$work/root

# Nothing of what /dev holds: it is mounted, and who is not root may not make devices.
pax='--format=posix --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime --xattrs --xattrs-include=*'
set -f
mkdir -m 0755 "$root"
case $kind in
    folder) tar $pax --numeric-owner --one-file-system --anchored --exclude='./dev/*' -cf - -C "$base" . | tar $pax --numeric-owner -xpf - -C "$root" ;;
    tarball) tar $pax --numeric-owner --anchored --exclude='./dev/*' --exclude='dev/*' -xpf "$base" -C "$root" ;;
esac
set +f
[ -f "$root/var/lib/dpkg/status" ] || { echo "no root tree of Debian or Ubuntu: it has no /var/lib/dpkg/status"; exit 1; }
[ -n "$epoch" ] || epoch=$(stat -c %Y "$root/var/lib/dpkg/status")

hostname localhost
# From here nothing is opened through a link of the tree, which might lead out of it; inside.sh closes it.
for folder in etc var var/lib var/lib/clusterseed proc sys dev run tmp; do
    [ ! -L "$root/$folder" ] || { echo "bake: failed: /$folder is a link in the base, and has to be a folder"; exit 1; }
done

# --- the bake
# Whatever is younger was made here; the clock of a file system has steps.
: >"$work/began"
sleep 0.1
mkdir -p "$root/var/lib/clusterseed"
tar -xzf "$work/bake.tar.gz" -C "$root/var/lib/clusterseed"
unshare --mount --propagation private --pid --fork --kill-child=KILL sh -c "$inside" inside.sh "$root" "$network" "$program" "$epoch" || exit 1

echo "== check"
"$program" image check "$root" || exit 1

# --- the same inputs give the same bytes: no time is later than the base
echo "== write"
"$program" image settle "$root" "$epoch" || exit 1
find "$root" -newer "$work/began" -exec touch -h -d "@$epoch" {} +
set -f
tar $pax --sort=name --numeric-owner --one-file-system -cf "$work/image.tar" -C "$root" .
case $output in *.gz) gzip -n "$work/image.tar" ;; esac
