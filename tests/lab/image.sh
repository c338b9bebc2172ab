#!/bin/sh
# image.sh FORM CACHE OUT: what the lab's machines boot from, as layers over the root of tests/real/root.sh.
#
#   CACHE/root     the Debian 12 root, made by root.sh
#   OUT/fixtures   the fixture packages
#   OUT/image      over the root: the leftovers that a seed must cope with
#   OUT/layers     the layers, as overlayfs wants them
#
# FORM is `carried`, where nothing of the cluster is in the image, or `mirror`. That adds:
#
#   CACHE/java     over the root: the Java runtime; see java.sh
#   OUT/image/srv/mesosphere        a repository of the fixture packages, signed with a key of this run alone
#   OUT/key.asc, OUT/fingerprint    that key
#
# Needs root; installs what is missing (gnupg, dpkg-dev) where it can.
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

here=$(cd "$(dirname "$0")" && pwd)
form=$1
mkdir -p "$2" "$3"
cache=$(cd "$2" && pwd)
out=$(cd "$3" && pwd)
image=$out/image

need() { command -v "$1" >/dev/null || apt-get -qqy --no-install-recommends install "$2" >/dev/null; }

mirror() {
    need gpg gnupg
    need dpkg-scanpackages dpkg-dev
    repository=$image/srv/mesosphere
    dist=$repository/dists/bookworm
    mkdir -p "$repository/pool" "$dist/main/binary-amd64"
    cp "$out"/fixtures/*.deb "$repository/pool"
    (cd "$repository" && dpkg-scanpackages --multiversion pool 2>/dev/null >"$dist/main/binary-amd64/Packages")

    # A path short enough for the agent's socket.
    GNUPGHOME=$(mktemp -d /tmp/lab-gnupg.XXXXXX)
    export GNUPGHOME
    trap 'gpgconf --kill all; rm -rf "$GNUPGHOME"' EXIT
    gpg --batch --quiet --passphrase '' --quick-generate-key 'Lab of clusterseed <lab@example.net>' ed25519 sign 2d
    gpg --batch --quiet --armor --export >"$out/key.asc"
    gpg --batch --quiet --no-auto-check-trustdb --with-colons --list-keys | awk -F: '$1 == "fpr" { print $10; exit }' >"$out/fingerprint"

    packages=main/binary-amd64/Packages
    {
        echo 'Origin: lab'
        echo 'Codename: bookworm'
        echo 'Components: main'
        echo 'Architectures: amd64'
        date -u +"Date: %a, %d %b %Y %H:%M:%S UTC"
        printf 'SHA256:\n %s %s %s\n' "$(sha256sum <"$dist/$packages" | cut -d' ' -f1)" "$(wc -c <"$dist/$packages")" "$packages"
    } >"$GNUPGHOME/Release"
    gpg --batch --quiet --clearsign --output "$dist/InRelease" "$GNUPGHOME/Release"
}

sh "$here/../real/root.sh" "$cache/root"
rm -rf "$image" "$out/fixtures"
mkdir -p "$image" "$out/fixtures"
sh "$here/fixtures/build.sh" "$out/fixtures"
layers=$image:$cache/root
if [ "$form" = mirror ]; then
    sh "$here/java.sh" "$cache"
    mirror
    layers=$image:$cache/java:$cache/root
fi

# --- the leftovers: each would end a daemon, or start it wrongly
mkdir -p "$image/etc/mesos-master" "$image/etc/mesos" "$image/etc/marathon/conf" "$image/etc/chronos/conf"
echo 1 >"$image/etc/mesos-master/quorum.dpkg-dist"
echo 9090 >"$image/etc/marathon/conf/x.bak"
# Changed conffiles of packages that are not there yet: dpkg asks, and leaves its own version beside them.
echo 'zk://198.51.100.9:2181/elsewhere' >"$image/etc/mesos/zk"
echo 4401 >"$image/etc/chronos/conf/http_port"

chmod -R a+rX "$image"
echo "$layers" >"$out/layers"
