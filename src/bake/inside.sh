#!/bin/sh
# inside.sh ROOT NETWORK PROGRAM EPOCH: makes ROOT a system in which packages may do what they do in a container, and bakes there. Runs
# as the first process of namespaces for mounts and processes, within those of tree.sh: all of this ends with it.
#
# What packages find: /proc of their own processes, its switches (sysctl, sysrq) read-only; an empty /sys; the devices that are
# none (null, zero, random); no terminal. `image enter` then leaves the machine's own files behind and gives up mounts, modules,
# devices, clock and network settings.
set -eu
root=$1 network=$2 program=$3 epoch=$4

for folder in proc sys dev run tmp; do [ -d "$root/$folder" ] || mkdir -m 0755 "$root/$folder"; done
for folder in run tmp; do mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs "$root/$folder"; done
chmod 1777 "$root/tmp"
mkdir -m 1777 "$root/run/lock"
mount -t tmpfs -o mode=0755,nosuid tmpfs "$root/dev"
for device in null:3 zero:5 full:7 random:8 urandom:9; do
    name=${device%:*}
    # Of its own where that may be: owner and mode of the machine's are not for packages to change.
    mknod -m 0666 "$root/dev/$name" c 1 "${device#*:}" 2>/dev/null || { : >"$root/dev/$name" && mount --bind "/dev/$name" "$root/dev/$name"; }
done
for link in fd:/proc/self/fd stdin:/proc/self/fd/0 stdout:/proc/self/fd/1 stderr:/proc/self/fd/2; do ln -s "${link#*:}" "$root/dev/${link%%:*}"; done
mkdir -m 1777 "$root/dev/shm"

mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
for name in acpi bus fs irq scsi sys sysrq-trigger; do
    [ -e "$root/proc/$name" ] || continue
    mount --bind "$root/proc/$name" "$root/proc/$name"
    mount -o remount,bind,ro,nosuid,nodev,noexec "$root/proc/$name"
done
for name in kcore keys kmsg latency_stats sched_debug timer_list; do
    [ ! -e "$root/proc/$name" ] || mount --bind "$root/dev/null" "$root/proc/$name"
done
mount -t tmpfs -o ro,mode=0555,nosuid,nodev,noexec tmpfs "$root/sys"

# What asks for no network gets no name servers.
if [ "$network" = network ]; then set -- /etc/resolv.conf; else set --; fi
# What runs is a copy in memory: /proc/1/exe would be the machine's own program. And whatever the caller had open would lead out;
# dash names no descriptor above 9.
cp "$program" "$root/run/clusterseed-enter"
chmod 0755 "$root/run/clusterseed-enter"
# shellcheck disable=SC2016
exec bash -c 'for fd in /proc/self/fd/*; do fd=${fd##*/}; [ "$fd" -lt 3 ] || eval "exec $fd>&-"; done; exec "$@"' bash \
    "$root/run/clusterseed-enter" image enter "$root" "$epoch" "$@"
