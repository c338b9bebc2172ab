# ---------------------------------------------------------------- main

bad_usage() { printf 'error: %s\n' "$1" >&2; usage >&2; exit "$E_USAGE"; }

add_phases() {
    for ap_name in $(printf '%s' "$1" | tr ',' ' '); do
        case " $PHASES " in *" $ap_name "*) ONLY="$ONLY $ap_name" ;; *) bad_usage "no phase is called '$ap_name'" ;; esac
    done
    [ -n "$ONLY" ] || bad_usage "--phase needs a name"
}

while [ $# -gt 0 ]; do
    case $1 in
        --help|-h) usage; exit 0 ;;
        --phase) [ $# -gt 1 ] || bad_usage "--phase needs a name"; add_phases "$2"; shift ;;
        --phase=*) add_phases "${1#*=}" ;;
        --wait) PATIENCE=$LOCK_SECONDS ;;
        --dry-run|--check) [ "$MODE" = run ] || [ "$MODE" = "${1#--}" ] || bad_usage "--dry-run and --check exclude each other"; MODE=${1#--} ;;
        *) bad_usage "unknown argument '$1'" ;;
    esac
    shift
done

exec </dev/null
SEED=$(cd "$(dirname "$0")" && pwd -P) || exit "$E_SEED"
[ "$(id -u)" = 0 ] || { printf 'error: apply must run as root\nnext: sudo %s\n' "$0" >&2; exit "$E_FAIL"; }
# In memory on both platforms: a full disk must not change what this program believes.
W=$(mktemp -d "$R/run/clusterseed.XXXXXX") || { printf 'error: cannot make a folder in /run\nnext: see whether /run is mounted and has room\n' >&2; exit "$E_FAIL"; }
: >"$W/phases"
trap on_exit EXIT
trap 'die "$E_FAIL" "stopped by a signal in phase $PHASE" "run apply again: it goes on where it was"' HUP INT TERM PIPE
# Who reads a look has seen enough; 141 is what a shell calls the end by that signal.
[ "$MODE" = run ] || trap 'FINISHED=1; exit 141' PIPE
CLOCK=$(date +%s) STARTED_AT=$(now)
phase_begins verify

if [ "$MODE" = run ]; then
    (umask 022; mkdir -p "$R/run" "$R/var/log" "${STATE%/*}") && mkdir -p "$STATE" ||
        die "$E_FAIL" "cannot make $STATE" "see the disk's free space and mount options"
    # flock (util-linux is essential on both platforms): the kernel frees it whatever kills us.
    exec 9>>"$R/run/clusterseed.lock"
    command -v flock >/dev/null || die "$E_FAIL" "no flock here" "install util-linux and run apply again"
    if ! flock -n 9 && ! { [ "$PATIENCE" -gt 0 ] && say "another apply is at work: waiting for it" && flock 9; }; then
        FINISHED=1 MODE=check             # nothing here is ours to write or to clean up
        die "$E_BUSY" "another apply is at work on this host" "wait for it; ${STATUS#"$R"} says where it is"
    fi
    LOG=$R/var/log/clusterseed.log
    [ -e "$LOG" ] || { true >"$LOG" && chmod 0640 "$LOG"; } || unwritable
    STATUS_OPEN=1
fi

note "apply from $SEED, phases:${ONLY:- all}"
load_seed
# A damaged program may have lost a step on its way here.
[ "$SEED_IS" = whole,read ] || die "$E_SEED" "this program did not check its seed" "$MEND_SEED"
for name in $PHASES; do
    case " ${ONLY:-$PHASES} " in *" $name "*) ;; *) continue ;; esac
    if [ "$name" = submit ] && [ ! -s "$W/documents" ]; then
        # What leaves the spec may come again later, as something new.
        [ "$MODE" != run ] || rm -f "$SUBMITTED"
        continue
    fi
    phase_begins "$name"
    if [ "$MODE" = run ]; then
        say "== $PHASE"
        console "$HOST: $PHASE"
        write_status running 0 "phase $PHASE is at work" "wait"
    fi
    "phase_$PHASE"
    phase_ends "done"
done

FINISHED=1
case $MODE in
    run)
        [ -n "$ONLY" ] || rm -f "$UNFINISHED"
        write_status "done" 0 "${ONLY:+only phases$ONLY: }done, $CHANGES changes" "nothing"
        console "$HOST: done" ;;
    dry-run) say "$CHANGES things would change" ;;
    check)
        if [ "$CHANGES" -gt 0 ]; then say "this host differs from its seed in $CHANGES things"; exit "$E_FAIL"; fi
        say "this host is what its seed says" ;;
esac
exit 0
