#!/bin/sh
# shellcheck disable=SC2086  # options are words
#
# tree.sh KIND BASE WORK OUTPUT EPOCH NETWORK PROGRAM: bakes a root tree. Runs as root of namespaces that `unshare` made: mounts,
# processes, names, and the network unless it is needed. It is the first process of them: when it dies, everything does.
#
#   KIND      folder, or tarball
#   WORK      has bake.tar.gz; root/ is made here
#   EPOCH     time of everything that changes; empty: that of the base's list of packages
#   NETWORK   network, or offline
#   PROGRAM   clusterseed, to look for leaks
set -eu
umask 022
export LC_ALL=C PATH="/usr/sbin:/usr/bin:/sbin:/bin:$PATH"
exec 2>&1
kind=$1 base=$2 work=$3 output=$4 epoch=$5 network=$6 program=$7
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

# --- what programs expect of a system, and no more: nothing that reaches the machine around it
for folder in proc dev run tmp; do [ -d "$root/$folder" ] || mkdir -m 0755 "$root/$folder"; done
mount -t proc proc "$root/proc"
for folder in run tmp; do mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs "$root/$folder"; done
chmod 1777 "$root/tmp"
mkdir -m 1777 "$root/run/lock"
mount -t tmpfs -o mode=0755,nosuid tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
for link in fd:/proc/self/fd stdin:/proc/self/fd/0 stdout:/proc/self/fd/1 stderr:/proc/self/fd/2; do ln -s "${link#*:}" "$root/dev/${link%%:*}"; done
mkdir -m 1777 "$root/dev/shm"
hostname localhost
if [ "$network" = network ]; then
    # The name servers of this machine; where the tree has a link into /run, behind it.
    if [ -L "$root/etc/resolv.conf" ]; then
        place=$(readlink "$root/etc/resolv.conf")
        case $place in
            /run/*) ;;
            ../run/*) place=/${place#../} ;;
            *) place= ;;
        esac
        [ -z "$place" ] || { mkdir -p "$root${place%/*}" && cat /etc/resolv.conf >"$root$place"; }
    elif [ -f "$root/etc/resolv.conf" ]; then
        # A copy: what is sealed must not be this machine's own.
        cp -p "$root/etc/resolv.conf" "$work/resolv.conf"
        cat /etc/resolv.conf >"$root/etc/resolv.conf"
    else resolv=$root/etc/resolv.conf && cat /etc/resolv.conf >"$resolv"
    fi
fi

# --- the bake
began=$(date +%s)
mkdir -p "$root/var/lib/clusterseed"
tar -xzf "$work/bake.tar.gz" -C "$root/var/lib/clusterseed"
# useradd and others write the date of a change into what they keep. Nothing of this has to survive a power cut.
env -i DPKG_FORCE=unsafe-io PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C SOURCE_DATE_EPOCH="$epoch" \
    chroot "$root" sh /var/lib/clusterseed/bake/bake </dev/null || exit 1
# What a package started against all rules has nothing more to say.
kill -KILL -1 2>/dev/null || :
[ -z "${resolv:-}" ] || rm -f "$resolv"
for place in dev run tmp proc; do umount -R -l "$root/$place"; done
if [ -f "$work/resolv.conf" ]; then
    lines=$(tar -xzOf "$work/bake.tar.gz" bake/leaks | awk -F '\t' '$1 == "lines" && $2 == "/etc/resolv.conf" { print $3; exit }')
    grep -vE "$lines" "$work/resolv.conf" >"$root/etc/resolv.conf" || :
    touch -r "$work/resolv.conf" "$root/etc/resolv.conf"
fi

echo "== check"
"$program" image check "$root" || exit 1

# --- the same inputs give the same bytes: no time is later than the base
echo "== write"
"$program" image settle "$root" "$epoch" || exit 1
find "$root" -newermt "@$((began - 1))" -exec touch -h -d "@$epoch" {} +
set -f
tar $pax --sort=name --numeric-owner --one-file-system -cf "$work/image.tar" -C "$root" .
case $output in *.gz) gzip -n "$work/image.tar" ;; esac
