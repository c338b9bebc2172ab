#!/bin/sh
# java.sh CACHE: makes CACHE/java, a layer over CACHE/root (tests/real/root.sh) with the Java runtime that zookeeper depends on
# and the one that the profile asks for: apt takes longer for it than for everything else. Made once. Needs root.
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
cache=$(cd "$1" && pwd)

java() {
    rm -rf "$cache/java" "$cache/java.part" "$cache/java.work" "$cache/java.merged"
    mkdir -p "$cache/java.part" "$cache/java.work" "$cache/java.merged"
    # In a mount namespace of its own: nothing stays mounted, whatever happens.
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount --propagation private sh -euc '
        mount -t overlay java "$1.merged" -o "lowerdir=$2,upperdir=$1.part,workdir=$1.work"
        mount -t proc proc "$1.merged/proc"
        chroot "$1.merged" apt-get -qqy --no-install-recommends install default-jre default-jre-headless >"$1.log" 2>&1
        chroot "$1.merged" apt-get clean' - "$cache/java" "$cache/root"
    rm -rf "$cache/java.part/run" "$cache/java.part/tmp" "$cache/java.work" "$cache/java.merged"
    mv "$cache/java.part" "$cache/java"
}
exec 9>"$cache/java.lock"
flock 9
stamp=$( (cat "$cache/root.stamp"; sed -n '/^java()/,/^}/p' "$0") | sha256sum)
if [ "$(cat "$cache/java.stamp" 2>/dev/null)" != "$stamp" ]; then
    rm -f "$cache/java.stamp"
    java || { cat "$cache/java.log" >&2; exit 1; }
    echo "$stamp" >"$cache/java.stamp"
fi
exec 9>&-
