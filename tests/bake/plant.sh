#!/bin/sh
# plant.sh ROOT: what a machine that was used leaves behind, in a root tree that is empty but for what an image may hold. Prints the
# path of each leak. The table is not read: somebody who knows machines wrote this list.
set -eu
root=$1

leak() { # PATH [CONTENT]
    mkdir -p "$root${1%/*}"
    printf '%s\n' "${2-left}" >"$root$1"
    echo "$1"
}
fine() { # PATH [CONTENT]: what is there and no leak
    mkdir -p "$root${1%/*}"
    printf '%s' "${2-}" >"$root$1"
}

fine /etc/os-release 'ID=debian
VERSION_ID="12"
'
fine /etc/hosts '127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
'
fine /etc/hostname 'localhost
'
fine /etc/machine-id
fine /etc/ssh/sshd_config 'Port 22
'
fine /etc/resolv.conf '# nothing yet
'
fine /etc/network/interfaces 'auto lo
iface lo inet loopback
source /etc/network/interfaces.d/*
'
fine /var/log/lastlog
fine /var/log/apt/keep
rm "$root/var/log/apt/keep"
fine /var/lib/apt/lists/lock
fine /var/lib/dpkg/status 'Package: dpkg
'
fine /etc/passwd 'root:x:0:0::/root:/bin/bash
'
fine /root/.bashrc '# none
'
mkdir -p "$root/var/lib/dbus" "$root/var/lib/cloud/seed/nocloud" "$root/tmp" "$root/var/tmp" "$root/var/lib/dhcp"
[ "${2:-}" != clean ] || { ln -s /etc/machine-id "$root/var/lib/dbus/machine-id"; exit 0; }

leak /var/lib/cloud/instances/i-1/user-data.txt '#cloud-config' | sed 's#/i-1/.*##'
ln -s /var/lib/cloud/instances/i-1 "$root/var/lib/cloud/instance"
echo /var/lib/cloud/instance
leak /var/lib/cloud/data/instance-id i-1 | sed 's#/instance-id##'
leak /var/lib/cloud/seed/nocloud/user-data
leak /var/lib/cloud/sem/config_scripts_per_once.once | sed 's#/config_.*##'
leak /etc/machine-id 0123456789abcdef0123456789abcdef
leak /var/lib/dbus/machine-id 0123456789abcdef0123456789abcdef
leak /etc/hostname master1
leak /etc/hosts '127.0.0.1 localhost
192.0.2.2 master2'
leak /etc/ssh/ssh_host_ed25519_key
leak /etc/ssh/ssh_host_rsa_key.pub
leak /etc/udev/rules.d/70-persistent-net.rules 'SUBSYSTEM=="net", NAME="eth0"'
leak /etc/netplan/50-cloud-init.yaml
leak /etc/network/interfaces 'iface eth0 inet static
    address 192.0.2.1'
leak /etc/resolv.conf 'nameserver 192.0.2.253'
leak /var/lib/dhcp/dhclient.eth0.leases
leak /var/lib/systemd/random-seed
leak /var/lib/urandom/random-seed
leak /root/.bash_history 'mysql -psecret'
leak /home/ops/.bash_history
leak /root/.ssh/authorized_keys 'ssh-ed25519 AAAA'
leak /etc/shadow-
leak /var/log/syslog
leak /var/log/mesos/mesos-slave.INFO
leak /var/log/syslog.1
leak /var/log/auth.log.2.gz
leak /var/log/journal/0123456789abcdef0123456789abcdef/system.journal | sed 's#/system.journal##'
leak /var/log/cloud-init.log
leak /var/lib/apt/lists/mirror.example_dists_trusty_Release
leak /var/cache/apt/archives/mesos_0.20.1_amd64.deb
leak /var/cache/apt/pkgcache.bin
leak /var/lib/dpkg/status-old
leak /etc/mesos-master/quorum.dpkg-dist 1
leak /var/cache/debconf/passwords.dat
leak /etc/docker/key.json
leak /tmp/.X11
leak /var/tmp/upload
leak /var/lib/systemd/coredump/core.java
leak /var/mail/root
leak /var/lib/clusterseed/seed/host.json '{}' | sed 's#/seed/.*##'
leak /etc/systemd/system/clusterseed-resume.service
