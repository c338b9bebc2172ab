#!/bin/sh
# disk.sh DIR FROM: makes a base as a cloud publishes it out of what tests/qemu/disk.sh made in FROM: a disk with a partition table,
# a boot loader and a root partition, which boots by itself and knows nothing of clusterseed.
#
# Needs: syslinux, mtools, sfdisk, e2fsprogs, qemu-utils; not root but to install them.
# Gives: DIR/base.qcow2; DIR/stamp, the digest of what it was made from. A second call with the same does nothing.
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH="$PATH:/usr/sbin:/sbin"

need() { # PROGRAM PACKAGE...: install the packages when the program is missing
    command -v "$1" >/dev/null && return
    shift
    { apt-get -qq update && apt-get -qqy --no-install-recommends install "$@" >/dev/null; } || { echo "disk.sh: cannot install $*" >&2; exit 2; }
}

[ $# -eq 2 ] || { echo 'usage: disk.sh DIR FROM' >&2; exit 2; }
mkdir -p "$1"
dir=$(cd "$1" && pwd) from=$(cd "$2" && pwd)
exec 9>"$dir/lock"
flock 9
stamp=$(cat "$0" "$from/stamp" | sha256sum | cut -d' ' -f1)
if [ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ]; then exit 0; fi
need syslinux syslinux syslinux-common mtools
need sfdisk fdisk
need mke2fs e2fsprogs
need qemu-img qemu-utils
need cpio cpio

part=$dir/part
trap 'rm -rf "$part"' EXIT
trap 'exit 130' INT TERM
rm -rf "$part" "$dir/stamp"
mkdir "$part"
mib=1048576

# --- the root: what tests/qemu boots, without what looks at the machine and switches it off
cp --sparse=always "$from/disk.img" "$part/root.img"
echo '/dev/vda2 / ext4 defaults 0 1' >"$part/fstab"
cat >"$part/commands" <<END
rm /etc/fstab
write $part/fstab /etc/fstab
rm /etc/systemd/system/multi-user.target.wants/look.service
rm /etc/systemd/system/cloud-init.target.wants/look.service
rm /etc/systemd/system/look.service
rm /srv/look.sh
rmdir /srv/look
END
debugfs -w -f "$part/commands" "$part/root.img" >/dev/null 2>"$part/errors"
# debugfs ends well whatever it did.
! debugfs -R 'stat /srv/look.sh' "$part/root.img" 2>&1 | grep -q Inode || { cat "$part/errors" >&2; exit 1; }

# --- the initrd: another one on top, whose init knows the partition
mkdir "$part/initrd"
(cd "$part/initrd" && cpio -i --quiet init <"$from/initrd" && sed -i 's#/dev/vda #/dev/vda2 #' init && grep -q vda2 init)
{ cat "$from/initrd"; (cd "$part/initrd" && echo init | cpio -o -H newc --quiet); } >"$part/initrd.img"

# --- the boot partition: FAT, the kernel, and a boot loader that needs neither a mount nor root
truncate -s $((64 * mib)) "$part/boot.img"
mformat -i "$part/boot.img" -F -v BOOT ::
cat >"$part/syslinux.cfg" <<'END'
DEFAULT linux
LABEL linux
  KERNEL vmlinuz
  APPEND initrd=initrd.img root=/dev/vda2 rw console=ttyS0 net.ifnames=0 panic=-1
END
mcopy -i "$part/boot.img" "$from/vmlinuz" ::vmlinuz
mcopy -i "$part/boot.img" "$part/initrd.img" ::initrd.img
mcopy -i "$part/boot.img" "$part/syslinux.cfg" ::syslinux.cfg
syslinux --install "$part/boot.img"

# --- the disk
size=$(stat -c %s "$part/root.img")
truncate -s $((size + 66 * mib)) "$part/disk.img"
printf 'label: dos\nstart=2048, size=%s, type=c, bootable\nstart=%s, type=83\n' $((64 * 2048)) $((65 * 2048)) | sfdisk -q "$part/disk.img"
dd if=/usr/lib/syslinux/mbr/mbr.bin of="$part/disk.img" bs=440 count=1 conv=notrunc status=none
dd if="$part/boot.img" of="$part/disk.img" bs=1M seek=1 conv=notrunc,sparse status=none
dd if="$part/root.img" of="$part/disk.img" bs=1M seek=65 conv=notrunc,sparse status=none
qemu-img convert -O qcow2 "$part/disk.img" "$dir/base.qcow2"
echo "$stamp" >"$dir/stamp"
