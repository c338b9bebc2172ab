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
# What cloud-init, installers and clouds leave
leak /var/lib/cloud/scripts/vendor/part-001
leak /etc/cloud/cloud-init.disabled
leak /etc/cloud/cloud.cfg.d/50-curtin-networking.cfg
leak /etc/cloud/cloud.cfg.d/subiquity-disable-cloudinit-networking.cfg
leak /etc/netplan/00-installer-config.yaml
leak /var/lib/waagent/ovf-env.xml
leak /var/lib/amazon/ssm/Vault
leak /var/cache/pollinate/seeded
leak /var/lib/pollinate/seeded
# Names and keys of one machine
leak /etc/machine-info 'PRETTY_HOSTNAME=the first one'
leak /etc/hostid
leak /etc/dropbear/dropbear_ed25519_host_key
leak /etc/dropbear/initramfs/dropbear_rsa_host_key
leak /etc/ssl/private/ssl-cert-snakeoil.key
leak /etc/ssl/certs/ssl-cert-snakeoil.pem
leak /etc/krb5.keytab
leak /var/lib/samba/private/secrets.tdb
leak /var/lib/sss/db/cache_example.ldb
leak /etc/wireguard/wg0.conf
leak /etc/iscsi/initiatorname.iscsi 'InitiatorName=iqn.1993-08.org.debian:01:1'
leak /etc/nvme/hostnqn
leak /var/lib/systemd/credential.secret
leak /var/lib/systemd/home/local.private
leak /var/lib/snapd/device/private-keys-v1/key
leak /var/lib/snapd/assertions/asserts-v0/serial/generic/classic/1/active | sed 's#/generic.*##'
leak /var/lib/ubuntu-advantage/private/machine-token.json
leak /var/lib/ubuntu-advantage/machine-token.json
leak /var/lib/ubuntu-advantage/machine-id
leak /etc/apt/auth.conf.d/90ubuntu-advantage
leak /var/lib/landscape/client/broker.bpickle
leak /var/lib/whoopsie/whoopsie-id
leak /var/lib/fwupd/pki/secret.key
leak /etc/popularity-contest.conf 'MY_HOSTID="1"'
leak /etc/chef/client.pem
leak /etc/salt/pki/minion/minion.pem
leak /etc/salt/minion_id
leak /etc/puppetlabs/puppet/ssl/private_keys/a.pem | sed 's#/private_keys.*##'
leak /var/lib/puppet/ssl/private_keys/a.pem | sed 's#/private_keys.*##'
leak /var/lib/docker/engine-id
leak /var/lib/docker/swarm/certificates/swarm-node.key | sed 's#/certificates.*##'
leak /var/lib/kubelet/pki/kubelet.key | sed 's#/kubelet.key##'
leak /etc/kubernetes/pki/ca.key | sed 's#/ca.key##'
leak /etc/kubernetes/admin.conf
# Disks and networks that it was on
leak /etc/mdadm/mdadm.conf 'HOMEHOST <system>
ARRAY /dev/md0 UUID=1'
leak /etc/lvm/devices/system.devices
leak /etc/lvm/archive/vg_00000.vg
leak /etc/lvm/backup/vg
leak /etc/multipath/wwids
leak /etc/multipath/bindings
leak /etc/zfs/zpool.cache
leak /var/lib/NetworkManager/secret_key
leak /etc/NetworkManager/system-connections/home.nmconnection
leak /etc/resolvconf/resolv.conf.d/original
# Who worked on it, and what became of that
for home in /root /home/ops; do
    leak $home/.gnupg/private-keys-v1.d/a.key | sed 's#/private-keys.*##'
    leak $home/.cache/pip/a | sed 's#/pip.*##'
    leak $home/.aws/credentials | sed 's#/credentials##'
    leak $home/.azure/token | sed 's#/token##'
    leak $home/.config/gcloud/credentials.db | sed 's#/credentials.*##'
    for name in .viminfo .lesshst .wget-hsts .netrc .docker/config.json .kube/config .snap/auth.json .git-credentials .vault-token .Xauthority; do
        leak $home/$name
    done
done
leak /home/ops/.ssh/id_ed25519
leak /home/ops/.sudo_as_admin_successful
leak /var/spool/exim4/input/1-D
leak /var/spool/exim4/msglog/1
leak /var/spool/postfix/maildrop/1
leak /var/spool/postfix/deferred/1
leak /var/lib/apport/coredump/core.1
leak /var/lib/systemd/pstore/dmesg-efi-1
leak /var/lib/wtmpdb/wtmp.db
leak /var/lib/lastlog/lastlog2.db
leak /var/account/pacct
leak /var/lib/clusterseed/seed/host.json '{}' | sed 's#/seed/.*##'
leak /etc/systemd/system/clusterseed-resume.service
