#!/bin/sh
# Runs the seed of a built host on a scratch machine of tests/apply:
#   sh tests/seed/built.sh SHELL SEED.TAR.GZ HOST ADDRESS ROOT.OUT
# A copy of what the machine then has in /etc is left in ROOT.OUT, which must not exist.
# shellcheck disable=SC2034,SC1091,SC2154  # the files read below use and set what is here
set -u
umask 022
LC_ALL=C; export LC_ALL
HERE=$(cd "$(dirname "$0")/../apply" && pwd -P)
SHELL_UNDER_TEST=$1 TARBALL=$2 NAME=$3 ADDRESS=$4 OUT=$5
FIXTURES=$HERE/fixtures
T=$(mktemp -d) || exit 2
trap 'rm -rf "$T"' EXIT
APPLY=$T/apply
cat "$HERE"/../../src/seed/apply/*.sh >"$APPLY"
PASSED=0 FAILED=0 CASE=$NAME M=$T RC=0 TOOLS=$T/tools
mkdir "$TOOLS"
if command -v mawk >/dev/null; then ln -s "$(command -v mawk)" "$TOOLS/awk"; fi
. "$HERE/lib.sh"

machine built upstart
echo "$NAME" >"$ROOT/proc/sys/kernel/hostname"
echo "$ADDRESS" >"$FAKE/addr"
# What the packages of the default set bring.
printf '%s\n' "mesos 0.20.1-1.0.ubuntu1404" "zookeeperd 3.4.5+dfsg-1" "marathon 0.7.5-1.0.ubuntu1404" \
    "chronos 2.3.2-0.1.20150207000917.ubuntu1404" "openjdk-7-jre-headless 7u51" >"$FAKE/repo"
# The other masters of the guide are there.
for peer in 192.0.2.1 192.0.2.2 192.0.2.3; do
    printf '%s\n' "$peer 2181" "$peer 5050" >>"$FAKE/reach"
    echo "Mode: follower" >"$FAKE/answer.$peer"
done
for job in zookeeper mesos-master mesos-slave marathon chronos; do echo stopped >"$FAKE/jobs/$job"; done
mkdir -p "$ROOT/var/lib/clusterseed"
tar -xzf "$TARBALL" -C "$ROOT/var/lib/clusterseed"

apply --phase verify; rc_is 0
gone "$ROOT/etc/mesos"
# Each kind of damage is seen before anything happens.
for file in host.json root/etc/mesos/zk apply SHA256SUMS; do
    cp -p "$SEED/$file" "$T/good"
    printf X | dd of="$SEED/$file" conv=notrunc 2>/dev/null
    if [ "$file" != apply ]; then apply; rc_is 4; fi
    cp -p "$T/good" "$SEED/$file"
done
echo 192.0.2.99 >"$FAKE/addr"; apply; rc_is 3; echo "$ADDRESS" >"$FAKE/addr"

apply; rc_is 0
same "$(count 'EVENT STARTED')$(count 'POSTINST STARTED')" 00 "something started before its time"
status_says '"result": "done"'
before=$(snapshot); calls
apply; rc_is 0
same "$(snapshot)" "$before" "a second run touched something"
same "$(cat "$FAKE/calls")" "" "a second run called something"
apply --check; rc_is 0
cp -R "$ROOT/etc" "$OUT"
echo "$PASSED passed, $FAILED failed ($SHELL_UNDER_TEST, $NAME)"
[ "$FAILED" = 0 ]
