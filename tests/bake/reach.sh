#!/bin/sh
# shellcheck disable=SC2015  # either may fail
# reach.sh FILE: what a package may try when it is installed, and what must not come of it. Each attempt that succeeds is written to
# /srv/reached. Nothing here would do harm: switches are set to what they are, and nothing is triggered.
reached() { echo "$1" >>/srv/reached; }
: >/srv/reached
now=$(cat /proc/sys/fs/lease-break-time)
sysctl -w fs.lease-break-time="$now" && reached sysctl
(echo "$now" >/proc/sys/fs/lease-break-time) && reached /proc/sys
(: >>/proc/sysrq-trigger) && reached sysrq
(: >/proc/irq/default_smp_affinity) && reached irq
mkdir -p /mnt
mount -t tmpfs none /mnt && reached mount
mount -o remount,rw /proc/sys && reached remount
umount /proc/sys && reached umount
mount -t sysfs sysfs /sys && reached sysfs
(: >/sys/reached) && reached /sys
: >/tmp/none.ko
insmod /tmp/none.ko && reached insmod
mknod /tmp/disk b 7 0 && reached mknod
[ ! -e /dev/tty ] || reached terminal
hostname "$(hostname)" && reached hostname
date -s "@$(date +%s)" 2>&1 | grep -q 'not permitted' || reached clock
# Modules, clock, mounts, devices, raw sockets, other processes, settings of the network: none of these (linux/capability.h).
for rights in CapPrm CapEff CapBnd; do grep -q "^$rights:[[:space:]]*00000000a00405fb$" /proc/self/status || reached "$rights"; done
renice -n -5 -p $$ >/dev/null 2>&1 && reached priority
chroot /proc/1/root ls "$1" && reached "the root of the first process"
for root in /proc/[0-9]*/root; do [ ! -e "$root$1" ] || reached "$root"; done
[ ! -e "$1" ] || reached "the machine's files"
for open in /proc/[0-9]*/fd/*; do [ ! -e "$open$1" ] || reached "$open, which the caller left open"; done
# Whatever program this is, it is none of the machine's: the test looks at that one.
chmod 4755 /proc/1/exe
[ "$(wc -l </proc/mounts)" -lt 40 ] || reached mounts
dd if=/proc/kcore bs=1 count=1 2>/dev/null | grep -q . && reached kcore
ip link set lo up 2>/dev/null && reached network
# What packages need all the same.
echo x >/dev/null && [ -c /dev/zero ] && [ -c /dev/urandom ] && head -c 1 /dev/urandom >/dev/null || reached "no devices"
chmod 0600 /dev/null
: >/srv/owned && chown 1:1 /srv/owned && chmod 4755 /srv/owned || reached "no owners"
[ -f /proc/self/status ] && [ "$(cat /proc/sys/kernel/ostype)" = Linux ] || reached "no /proc"
[ "$(stat -L -c %d:%i /proc/1/root)" != "$(stat -c %d:%i /)" ] || reached "it takes itself for a machine, not for a chroot"
[ ! -d /run/systemd/system ] || reached systemd
# A daemon that stays, against all rules.
(sleep 1000 >/dev/null 2>&1 &)
true
