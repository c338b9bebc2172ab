#!/bin/sh
# Tests src/seed/apply on scratch machines: sh tests/apply/run.sh [dash | "busybox sh"] [CASE...]
# Needs GNU find, flock and coreutils; as an ordinary user too. Nothing outside a temporary
# directory is touched: the fixtures stand for apt, init, dpkg and the network.
# KEEP=1 keeps the machines, APPLY=FILE tests another program, EVERY=1 kills at each call, FLIP_EVERY=1 flips each byte.
# shellcheck disable=SC2034,SC1091  # the files read below use what is set here
set -u
# Mounts of our own, which end with us: full and read-only disks are real ones. Only where that is allowed.
if [ -z "${OWN_MOUNTS+set}" ]; then
    if [ "$(id -u)" = 0 ] && unshare --mount true 2>/dev/null; then OWN_MOUNTS=1 exec unshare --mount --propagation private sh "$0" "$@"; fi
    OWN_MOUNTS=
fi
umask 022
LC_ALL=C; export LC_ALL
HERE=$(cd "$(dirname "$0")" && pwd -P)
SHELL_UNDER_TEST=${1:-dash}
[ $# -eq 0 ] || shift
FIXTURES=$HERE/fixtures
T=$(mktemp -d) || exit 2
[ -n "${KEEP:-}" ] || trap 'rm -rf "$T"' EXIT
if [ -z "${APPLY:-}" ]; then APPLY=$T/apply; cat "$HERE"/../../src/seed/apply/*.sh >"$APPLY"; fi
EVERY=${EVERY:-5}
PASSED=0 FAILED=0 CASE="" M=$T RC=0

# With busybox's shell also its tools, where a small system would use them; else mawk,
# which is what trusty's awk is.
TOOLS=$T/tools
mkdir "$TOOLS"
case $SHELL_UNDER_TEST in
    busybox*) for tool in awk sed grep find stat cmp sha256sum df mktemp timeout readlink sort tail head wc cut tr cp rm chmod chown \
        ln mkdir cat dirname date; do ln -s "$(command -v busybox)" "$TOOLS/$tool"; done ;;
    *) if command -v mawk >/dev/null; then ln -s "$(command -v mawk)" "$TOOLS/awk"; fi ;;
esac

. "$HERE/lib.sh"
. "$HERE/cases.sh"
. "$HERE/cases_refuse.sh"
. "$HERE/cases_cluster.sh"
. "$HERE/cases_faults.sh"
. "$HERE/cases_originals.sh"
. "$HERE/cases_leaving.sh"
. "$HERE/cases_words.sh"
. "$HERE/cases_submit.sh"

# shellcheck disable=SC2046  # names of cases are plain words
[ $# -gt 0 ] || set -- $(sed -n 's/^case_\([a-z_]*\)() {.*/\1/p' "$HERE"/cases_faults.sh "$HERE"/cases.sh "$HERE"/cases_[!f]*.sh)
# Two at a time, each whatever is next, the long ones first: the cases share nothing.
worker() {
    for CASE; do
        mkdir "$T/taken-$CASE" 2>/dev/null || continue
        OF=$CASE-
        "case_$CASE"
    done
    echo "$PASSED $FAILED" >"$T/result.$WORKER"
}
(WORKER=0 && worker "$@") &
(WORKER=1 && worker "$@")
wait
[ -z "${SAID:-}" ] || cat "$T"/said.* >"$SAID"    # all that any run said, for who wants to know which messages were seen
awk -v shell="$SHELL_UNDER_TEST" 'BEGIN { p = f = 0 } { p += $1; f += $2 } END {
    if (NR != 2) { print "a worker died"; f++ }
    printf "%d passed, %d failed (%s)\n", p, f, shell; exit f > 0 }' "$T"/result.*
