#!/bin/sh
# Fuzzes every target for SECONDS (default 60), two at a time, and fails on a panic, a hang or too much memory.
#
#   tests/fuzz/run.sh [SECONDS [TARGET...]]
#
# FUZZ_SEED=N begins with the random numbers of N, so that a run can be repeated; without it every run is another.
# Works with a stable compiler and g++: the coverage counters are an option of the code generator, and libFuzzer's
# runtime comes with the crate libfuzzer-sys. What it learns stays in target/fuzz/corpus for the next run.
# A failing input is saved in target/fuzz/failures and tried again with `target/fuzz/…/release/TARGET FILE`.
set -eu

seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- spec profile template yaml packages

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH='' cd -- "$here/../.." && pwd)
work=$root/target/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
binaries=${CARGO_TARGET_DIR:-$work}/$host/release

# The versions that the program itself is built with; what only the fuzzer needs joins them.
cp "$root/Cargo.lock" "$here/Cargo.lock"
coverage='-Cpasses=sancov-module'
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    coverage="$coverage -Cllvm-args=-sanitizer-coverage-$option"
done
# With --target the flags do not reach build scripts and macros, which have no fuzzer to link with.
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$work} RUSTFLAGS="--cfg fuzzing $coverage" \
    cargo build --quiet --release --manifest-path "$here/Cargo.toml" --target "$host"

# Everything that tests and profiles already hold is a seed as well.
seeds() {
    mkdir -p "$work/corpus/$1" "$work/failures"
    case $1 in
    spec) find "$root/src/cli" "$root/tests" -path "$here" -prune -o -type f -size -16k -name '*.yaml' -print ;;
    profile) find "$root/tests" -path "$here" -prune -o -type f -size -16k -name profile.yaml -print ;;
    template) find "$root/profiles" -type f -name '*.j2' -print ;;
    esac | while IFS= read -r file; do
        cp "$file" "$work/corpus/$1/$(printf '%s' "${file#"$root"/}" | tr / _)"
    done
    for folder in "$here/seeds/$1" "$root/tests/regressions/$1"; do
        [ ! -d "$folder" ] || cp "$folder"/* "$work/corpus/$1"
    done
}

# Prints one line, and the end of the log with the failing input when there is one.
fuzz() {
    log=$work/$1.log
    seeds "$1"
    # Without an address sanitizer the limit of the shell holds: an allocation beyond it ends the target with a saved input.
    # shellcheck disable=SC3045  # not POSIX, but in dash, busybox and bash; only a second line of defence where it is missing
    ulimit -v 4194304 2>/dev/null || true
    status=0
    RAYON_NUM_THREADS=1 "$binaries/$1" -max_total_time="$seconds" -timeout=30 -rss_limit_mb=2048 -max_len=8192 -len_control=20 \
        -dict="$here/words.dict" -artifact_prefix="$work/failures/$1-" -print_final_stats=1 ${FUZZ_SEED:+-seed="$FUZZ_SEED"} \
        "$work/corpus/$1" >"$log" 2>&1 || status=$?
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    if [ "$status" -eq 0 ]; then
        printf '%-9s %10s executions  ok\n' "$1" "${executions:-?}"
        return 0
    fi
    saved=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    printf '%-9s %10s executions  FAILED (exit %s), input: %s, log: %s\n' "$1" "${executions:-?}" "$status" "${saved:-none}" "$log"
    tail -n 30 "$log"
    return 1
}

failed=0
while [ $# -gt 0 ]; do
    fuzz "$1" &
    first=$!
    if [ $# -gt 1 ]; then
        (fuzz "$2") || failed=1
        shift
    fi
    wait "$first" || failed=1
    shift
done
exit "$failed"
