#!/bin/sh
# disk.sh DIR FROM: makes a base as a cloud publishes it out of what tests/qemu/disk.sh made in FROM: a disk in the layout of Debian's
# genericcloud images, GPT with the root as partition 1, which lies last, a BIOS boot partition 14 with GRUB, and an EFI system partition
# 15. It boots by itself and knows nothing of clusterseed.
#
# Needs: grub-pc-bin, mtools, sfdisk, e2fsprogs, qemu-utils; not root but to install them.
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
need grub-mkimage grub-common grub-pc-bin
need mformat mtools
need sfdisk fdisk
need mke2fs e2fsprogs
need qemu-img qemu-utils
need cpio cpio

part=$dir/part
trap 'rm -rf "$part"' EXIT
trap 'exit 130' INT TERM
rm -rf "$part" "$dir/stamp"
mkdir "$part"
# Sectors of 512 bytes: where each partition begins, and how many it has; that of the root is the rest.
bios=2048 bios_size=6144 efi=8192 efi_size=65536 root=73728
grub=/usr/lib/grub/i386-pc
[ -f $grub/boot.img ] || need no-such-program grub-pc-bin

# --- the initrd: another one on top, whose init knows the partition
mkdir "$part/initrd"
(cd "$part/initrd" && cpio -i --quiet init <"$from/initrd" && sed -i 's#/dev/vda #/dev/vda1 #' init && grep -q vda1 init)
{ cat "$from/initrd"; (cd "$part/initrd" && echo init | cpio -o -H newc --quiet); } >"$part/initrd.img"

# --- the root: what tests/qemu boots, without what looks at the machine and switches it off, and with kernel and menu
cp --sparse=always "$from/disk.img" "$part/root.img"
printf '/dev/vda1 / ext4 defaults 0 1\n/dev/vda15 /boot/efi vfat umask=0077,nofail 0 0\n' >"$part/fstab"
cat >"$part/grub.cfg" <<'END'
linux /boot/vmlinuz root=/dev/vda1 rw console=ttyS0 net.ifnames=0 panic=-1
initrd /boot/initrd.img
boot
END
cat >"$part/commands" <<END
rm /etc/fstab
write $part/fstab /etc/fstab
rm /etc/systemd/system/multi-user.target.wants/look.service
rm /etc/systemd/system/cloud-init.target.wants/look.service
rm /etc/systemd/system/look.service
rm /srv/look.sh
rmdir /srv/look
mkdir /boot/efi
mkdir /boot/grub
write $part/grub.cfg /boot/grub/grub.cfg
write $from/vmlinuz /boot/vmlinuz
write $part/initrd.img /boot/initrd.img
END
debugfs -w -f "$part/commands" "$part/root.img" >/dev/null 2>"$part/errors"
# debugfs ends well whatever it did.
! debugfs -R 'stat /srv/look.sh' "$part/root.img" 2>&1 | grep -q Inode || { cat "$part/errors" >&2; exit 1; }
debugfs -R 'stat /boot/initrd.img' "$part/root.img" 2>&1 | grep -q Inode || { cat "$part/errors" >&2; exit 1; }

# --- the EFI system partition: what firmware of another kind would start
truncate -s $((efi_size * 512)) "$part/efi.img"
mformat -i "$part/efi.img" -v EFI ::
mmd -i "$part/efi.img" ::EFI ::EFI/BOOT
mcopy -i "$part/efi.img" "$part/grub.cfg" ::EFI/BOOT/grub.cfg

# --- the boot loader, without a mount and without root: its first sector says where the second is, which says where the rest is
printf 'set root=(hd0,gpt1)\nset prefix=(hd0,gpt1)/boot/grub\nconfigfile /boot/grub/grub.cfg\n' >"$part/early.cfg"
grub-mkimage -O i386-pc -d $grub -c "$part/early.cfg" -p '(hd0,gpt1)/boot/grub' -o "$part/core.img" biosdisk part_gpt ext2 linux normal configfile
number() { # N: eight bytes, the least significant first
    n=$1 i=0
    while [ $i -lt 8 ]; do
        # shellcheck disable=SC2059  # the format is the byte
        printf "\\$(printf %03o $((n % 256)))"
        n=$((n / 256)) i=$((i + 1))
    done
}
cp $grub/boot.img "$part/boot.img"
number $bios | dd of="$part/boot.img" bs=1 seek=92 conv=notrunc status=none
number $((bios + 1)) | dd of="$part/core.img" bs=1 seek=500 conv=notrunc status=none

# --- the disk
size=$(($(stat -c %s "$part/root.img") / 512))
truncate -s $(((root + size + 2048) * 512)) "$part/disk.img"
sfdisk -q "$part/disk.img" <<END
label: gpt
$part/disk.img1 : start=$root, size=$size, type=4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709
$part/disk.img14 : start=$bios, size=$bios_size, type=21686148-6449-6E6F-744E-656564454649
$part/disk.img15 : start=$efi, size=$efi_size, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B
END
dd if="$part/boot.img" of="$part/disk.img" bs=440 count=1 conv=notrunc status=none
dd if="$part/core.img" of="$part/disk.img" bs=512 seek=$bios conv=notrunc status=none
dd if="$part/efi.img" of="$part/disk.img" bs=512 seek=$efi conv=notrunc,sparse status=none
dd if="$part/root.img" of="$part/disk.img" bs=1M seek=$((root / 2048)) conv=notrunc,sparse status=none
qemu-img convert -O qcow2 "$part/disk.img" "$dir/base.qcow2"
echo "$stamp" >"$dir/stamp"
