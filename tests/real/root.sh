#!/bin/sh
# root.sh DIR [SUITE]: make the root tree that boot.sh boots machines from: of
# Debian 12 (bookworm, the default), 11 (bullseye) or 13 (trixie).
#
# Needs: root, a Debian archive in the apt configuration of this machine (or a
# sources.list file named by $ROOT_SOURCES), 1 GB of disk, a minute.
# Gives: DIR, the tree; DIR.stamp, the digest of what it was made from. A
# second call with the same recipe and sources does nothing, whatever the
# archive holds by then: remove DIR.stamp to get its newest packages. Calls on
# the same DIR wait for each other.
#
# The tree stands for the stock cloud image: real cloud-init, netplan.io with
# systemd-networkd and systemd-resolved (Debian 11: ifupdown), sudo, sshd. What
# the cluster needs on top is not installed, but lies in /srv/debs as the only
# apt source, so that a boot installs it as it would from a mirror, with no
# network at all.
#
# Whatever would make a plain boot warn is mended here rather than filtered
# from the logs later: a warning in a test then is always the seed's fault.
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

die() { echo "root.sh: $*" >&2; exit 2; }

[ $# -eq 1 ] || [ $# -eq 2 ] || die 'usage: root.sh DIR [SUITE]'
suite=${2:-bookworm}
# Of the image: what a cloud image holds, but for kernel and boot loader. No
# gnupg: a seed has to do without.
image=systemd-sysv,systemd-timesyncd,udev,dbus,libpam-systemd
image=$image,cloud-init,cloud-guest-utils,eatmydata,sudo,openssh-server,locales
image=$image,iproute2,iputils-ping,kmod,netbase,procps,less,curl,ca-certificates
# Of the local repository: what seeds ask apt for.
carried='gnupg netcat-openbsd cron'
case $suite in
    bullseye) image=$image,ifupdown,isc-dhcp-client,resolvconf,ifenslave,vlan,net-tools ;;
    bookworm) image=$image,systemd-resolved,netplan.io carried="zookeeperd $carried" ;;
    trixie) image=$image,systemd-resolved,netplan.io ;;
    *) die "no recipe for $suite" ;;
esac

# The archive's own lines out of the machine's apt configuration, mirror and
# all; third-party sources stay out. A suite that the machine does not use is
# looked for where its own one is.
debian_sources() {
    if [ -n "${ROOT_SOURCES:-}" ]; then cat "$ROOT_SOURCES"; return; fi
    # shellcheck disable=SC2016 # apt's placeholders
    lines=$(apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
        'Created-By: Packages' 'Origin: Debian' | sort -u)
    if ! echo "$lines" | grep " ${suite}[ -]"; then
        own=$(. /etc/os-release && echo "$VERSION_CODENAME")
        echo "$lines" | sed -n "s/ $own\([ -]\)/ $suite\1/p"
    fi
}

# The few apt settings without which this machine could not reach its mirror.
apt_settings() {
    apt-config dump 2>/dev/null |
        grep -E '^Acquire::(https?::|Check-(Valid-Until|Date)|Retries)' |
        grep -v ' "";$' || true
}

need() { # PROGRAM PACKAGE...: install the packages when the program is missing
    command -v "$1" >/dev/null && return
    shift
    { apt-get -qq update && apt-get -qqy --no-install-recommends install "$@" >/dev/null; } ||
        die "cannot install $*"
}

[ "$(id -u)" -eq 0 ] || die 'needs root'
dir=$1
mkdir -p "$(dirname "$dir")"
dir=$(cd "$(dirname "$dir")" && pwd)/$(basename "$dir")
exec 9>"$dir.lock"
flock 9

sources=$(debian_sources)
if [ -z "$sources" ]; then # the package lists may never have been fetched
    apt-get -qq update || true
    sources=$(debian_sources)
fi
[ -n "$sources" ] || die "no Debian $suite archive in apt's sources; name a sources.list file in \$ROOT_SOURCES"
stamp=$( (cat "$0"; echo "$suite"; echo "$sources") | sha256sum | cut -d' ' -f1)
if [ -d "$dir" ] && [ "$(cat "$dir.stamp" 2>/dev/null)" = "$stamp" ]; then exit 0; fi

need mmdebstrap mmdebstrap
need dpkg-scanpackages dpkg-dev

# A tree is made beside its place and moved in whole, so that a cut-off run
# leaves nothing that looks finished.
part=$dir.part
trap 'rm -rf --one-file-system "$part" "$part".*' EXIT
trap 'exit 130' INT TERM
# What a run that was killed has left mounted in its tree.
awk -v part="$part/" 'index($2, part) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l
rm -rf --one-file-system "$part" "$dir.stamp" "$dir"
echo "$sources" >"$part.list"
apt_settings >"$part.apt"

# The hooks see the tree as $1 and apt's configuration for it by name.
# shellcheck disable=SC2016
mmdebstrap --quiet --mode=root --format=directory --variant=minbase --include="$image" \
    --aptopt="$part.apt" --aptopt='APT::Install-Recommends "false"' \
    --customize-hook='APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get clean' \
    --customize-hook='APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -qq --download-only -y install '"$carried" \
    --customize-hook='mkdir "$1/srv/debs" && mv "$1"/var/cache/apt/archives/*.deb "$1/srv/debs/"' \
    "$suite" "$part" "$part.list"

# --- the local repository, as the tree's only source
(cd "$part/srv/debs" && dpkg-scanpackages --multiversion . 2>/dev/null >Packages)
chmod -R a+rX "$part/srv/debs"
rm -f "$part"/etc/apt/sources.list.d/* "$part"/etc/apt/apt.conf.d/99mmdebstrap
echo 'deb [trusted=yes] file:/srv/debs ./' >"$part/etc/apt/sources.list"
chroot "$part" apt-get -qq update

# --- what the cloud images set up beyond their packages
if [ "$suite" != bullseye ]; then chroot "$part" systemctl --quiet enable systemd-networkd; fi
echo LANG=C.UTF-8 >"$part/etc/default/locale" # else cloud-init wants en_US, which is not there

# --- as an image is before its first boot: no identity, no leftovers
: >"$part/etc/machine-id"
rm -f "$part"/etc/ssh/ssh_host_* "$part"/var/lib/dbus/machine-id "$part"/etc/hostname
echo localhost >"$part/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >"$part/etc/hosts"
case $suite in
    bullseye) ln -sf ../run/resolvconf/resolv.conf "$part/etc/resolv.conf" ;;
    *) ln -sf ../run/systemd/resolve/stub-resolv.conf "$part/etc/resolv.conf" ;;
esac
mkdir -p "$part/var/log/journal" "$part/var/lib/cloud/seed/nocloud"

mv "$part" "$dir"
echo "$stamp" >"$dir.stamp"
