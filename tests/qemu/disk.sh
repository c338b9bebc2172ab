#!/bin/sh
# disk.sh DIR TREE: make a disk that QEMU boots from, out of a root tree of tests/real/root.sh.
#
# Needs: root, e2fsprogs, kmod, cpio, busybox, a Debian 12 archive in apt's configuration for the kernel.
# Gives: DIR/disk.img (ext4 without partitions, sparse), DIR/vmlinuz, DIR/initrd; DIR/stamp, the digest of what they were made
# from. A second call with the same recipe and tree does nothing.
#
# The kernel is the distribution's own, with all its modules; the initrd knows no more than how to find the disk, because an
# emulated processor is slow to unpack a full one. Nothing in the tree knows of clusterseed but look.sh, which writes down after
# each boot what a test wants to see, and switches the machine off.
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

kernel=linux-image-cloud-amd64

die() { echo "disk.sh: $*" >&2; exit 2; }
need() { # PROGRAM PACKAGE: install the package when the program is missing
    PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null && return
    { apt-get -qq update && apt-get -qqy --no-install-recommends install "$2" >/dev/null; } || die "cannot install $2"
}

[ $# -eq 2 ] || die 'usage: disk.sh DIR TREE'
[ "$(id -u)" -eq 0 ] || die 'needs root'
dir=$1 tree=$2 here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
exec 9>"$dir/lock"
flock 9

stamp=$(cat "$0" "$here/look.sh" "$tree.stamp" | sha256sum | cut -d' ' -f1)
if [ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ]; then exit 0; fi
need mke2fs e2fsprogs
need depmod kmod
need cpio cpio
need busybox busybox
PATH=$PATH:/usr/sbin:/sbin

part=$dir/part
trap 'rm -rf --one-file-system "$part"' EXIT
trap 'exit 130' INT TERM
rm -rf --one-file-system "$part" "$dir/stamp"
mkdir -m 0755 "$part" "$part/deb"

# --- the kernel, unpacked and not installed: its hooks would make an initrd that nobody uses
package=$(apt-cache depends "$kernel" | sed -n 's/^  Depends: \(linux-image-.*\)/\1/p' | head -n 1)
[ -n "$package" ] || { apt-get -qq update && package=$(apt-cache depends "$kernel" | sed -n 's/^  Depends: \(linux-image-.*\)/\1/p' | head -n 1); }
[ -n "$package" ] || die "apt knows no $kernel"
(cd "$part/deb" && apt-get -qq -o APT::Sandbox::User=root download "$package" kmod) || die "cannot download $package and kmod"
dpkg-deb -x "$part"/deb/linux-image-*.deb "$part/kernel"
version=$(basename "$part"/kernel/lib/modules/*)
cp "$part/kernel/boot/vmlinuz-$version" "$part/vmlinuz"
mkdir "$part/lib"
mv "$part/kernel/lib/modules" "$part/lib/modules"
depmod -b "$part" "$version"

# --- an initrd of busybox and the modules that lead to the disks: cloud-init's generator asks for a seed before udev runs
initrd=$part/initrd.d
mkdir -p "$initrd/bin" "$initrd/dev" "$initrd/proc" "$initrd/sys" "$initrd/disk" "$initrd/modules"
cp "$(command -v busybox)" "$initrd/bin/busybox"
{ ldd "$(command -v busybox)" || true; } | grep -o '/[^ ]*' | while read -r lib; do
    mkdir -p "$initrd${lib%/*}" && cp -L "$lib" "$initrd$lib"
done
modprobe -d "$part" -S "$version" -a --show-depends virtio_pci virtio_blk virtio_scsi sr_mod | awk '$1 == "insmod" && !seen[$2]++ {print $2}' >"$part/modules"
number=10
while read -r module; do
    cp "$module" "$initrd/modules/$number-$(basename "$module")"
    number=$((number + 1))
done <"$part/modules"
cat >"$initrd/init" <<'END'
#!/bin/busybox sh
/bin/busybox mount -t proc none /proc
/bin/busybox mount -t devtmpfs none /dev
for module in /modules/*; do /bin/busybox insmod "$module"; done
tries=0
until /bin/busybox mount -t ext4 /dev/vda /disk 2>/dev/null; do
    tries=$((tries + 1))
    [ "$tries" -lt 50 ] || { echo 'initrd: no disk'; /bin/busybox poweroff -f; }
    /bin/busybox sleep 0.2
done
/bin/busybox sleep 1 # a CD-ROM is found in its own time
/bin/busybox umount /proc
/bin/busybox mount -o move /dev /disk/dev
exec /bin/busybox switch_root /disk /sbin/init
END
chmod 0755 "$initrd/init"
(cd "$initrd" && find . | cpio -o -H newc --quiet) >"$part/initrd"

# --- the disk: the tree, the modules, and what looks at the machine
root=$part/root
cp -a "$tree" "$root"
mkdir -p "$root/usr/lib/modules" "$root/srv/look"
cp -a "$part/lib/modules/$version" "$root/usr/lib/modules/"
install -m 0755 "$here/look.sh" "$root/srv/look.sh"
# A tree for containers has no use for kmod; a kernel of its own asks it for file systems.
cp "$part"/deb/kmod_*.deb "$root/kmod.deb"
chroot "$root" dpkg -i /kmod.deb >/dev/null || die "cannot install kmod in the tree"
rm "$root/kmod.deb"
cat >"$root/etc/systemd/system/look.service" <<'END'
[Unit]
Description=What a test wants to see
After=cloud-final.service multi-user.target

[Service]
Type=oneshot
ExecStart=/srv/look.sh
StandardOutput=journal+console

[Install]
WantedBy=cloud-init.target multi-user.target
END
chroot "$root" systemctl --quiet enable look.service
echo '/dev/vda / ext4 defaults 0 1' >"$root/etc/fstab"
mke2fs -q -t ext4 -L root -d "$root" "$part/disk.img" 2G
mv "$part/disk.img" "$part/vmlinuz" "$part/initrd" "$dir/"
echo "$stamp" >"$dir/stamp"
