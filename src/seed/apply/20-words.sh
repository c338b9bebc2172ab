# ---------------------------------------------------------------- words, log, status

now() { date -u +%Y-%m-%dT%H:%M:%SZ; }
say() {
    # With nobody there to read it, a look ends; the shell need not complain.
    if [ "$MODE" = run ]; then printf '%s\n' "$*"; else printf '%s\n' "$*" 2>/dev/null; fi
    note "$*"
}
note() { [ -z "$LOG" ] || printf '%s %s\n' "$(now)" "$*" >>"$LOG"; }
warn() { WARNINGS=$((WARNINGS + 1)); say "warning: $*"; }

console() {
    if [ "$MODE" = run ] && [ -w "$R/dev/console" ]; then
        printf 'clusterseed: %s\n' "$*" 2>/dev/null >>"$R/dev/console" || :
    fi
}

# Credentials inside URLs never leave the root-only log.
mask() { sed 's#//[^/@ ]*@#//***@#g'; }

# change VERB OBJECT WHY: true when the change is to be made, and says so; with --dry-run
# and --check it only says so. Every change of the host stands behind one call of this, so the
# first one of a full run marks it as begun; the end of the run takes the mark away.
change() {
    CHANGES=$((CHANGES + 1))
    case $MODE in
        run)
            [ -n "$ONLY" ] || mark "$UNFINISHED"
            say "$1 $2 ($3)"; return 0 ;;
        dry-run) say "would $1 $2 ($3)" ;;
        check) say "differs: $2: $3" ;;
    esac
    return 1
}

# die CODE WHAT NEXT: the only way to fail.
die() {
    trap '' HUP INT TERM PIPE             # one failure is enough
    # Whatever failed then failed of that.
    if [ -n "$STATUS_OPEN" ] && disk_is_full; then
        set -- "$1" "the disk is full: $2" "make room on the disk of ${STATE%/*}, then run apply again"
    fi
    printf 'error: %s\nnext: %s\n' "$2" "$3" >&2
    note "error: $2"
    note "next: $3"
    console "$PHASE failed: $2"
    phase_ends failed
    write_status failed "$1" "$2" "$3"
    FINISHED=1
    exit "$1"
}

disk_is_full() { [ "$(df -Pk "$STATE" 2>/dev/null | awk 'NR == 2 { print $4 + 0 }')" -lt 64 ] 2>/dev/null; }

# write_status RESULT EXIT MESSAGE NEXT; the file is for everybody, so no secrets in it.
write_status() {
    [ -n "$STATUS_OPEN" ] || return 0
    ws_new=${STATUS%/*}/.status.json.new
    ws_end=""
    [ "$1" = running ] || ws_end=$(now)
    ws_missing=""
    case $PHASE/$1/$2 in report/running/*|report/failed/*|start/*/"$E_PEERS") ws_missing=$(cut -d "$US" -f 1 "$W/absent" 2>/dev/null | sort -u | tr '\n' ' ') ;; esac
    ws_results=""
    [ ! -s "$W/results" ] || ws_results=$(awk -F "$US" '{ print $1 "/" $2 " " $3 }' "$W/results")
    # Through the environment: awk would read backslashes in -v.
    (result=$1 exit=$2 message=$3 next=$4 product=$PRODUCT cluster=$CLUSTER host=$HOST digest=$DIGEST phase=$PHASE \
        started=$STARTED_AT finished=$ws_end partial=${ONLY:+true} changes=$CHANGES missing=$ws_missing results=$ws_results awk '
        function text(s,   i, c, out) {
            for (i = 1; i <= length(s); i++) {
                c = substr(s, i, 1)
                out = out (c < " " || c > "~" ? " " : c == "\"" || c == "\\" ? "\\" c : c)
            }
            return "\"" out "\""
        }
        { list = list (NR > 1 ? "," : "") "\n    {\"name\": " text($1) ", \"result\": " text($2) ", \"seconds\": " $3 + 0 "}" }
        END {
            n = split("product cluster host digest phase result message next started finished", keys, " ")
            print "{\n  \"format\": 1,"
            for (i = 1; i <= n; i++) print "  \"" keys[i] "\": " text(ENVIRON[keys[i]]) ","
            print "  \"exit\": " ENVIRON["exit"] + 0 ","
            print "  \"partial\": " (ENVIRON["partial"] ? "true" : "false") ","
            print "  \"changes\": " ENVIRON["changes"] + 0 ","
            n = split(ENVIRON["missing"], names, " ")
            for (i = 1; i <= n; i++) missing = missing (i > 1 ? ", " : "") text(names[i])
            print "  \"missing\": [" missing "],"
            n = split(ENVIRON["results"], lines, "\n")
            for (i = 1; i <= n; i++) { split(lines[i], pair, " "); results = results (i > 1 ? "," : "") "\n    {\"name\": " text(pair[1]) ", \"result\": " text(pair[2]) "}" }
            if (n) print "  \"documents\": [" results "\n  ],"
            print "  \"phases\": [" list (list ? "\n  " : "") "]\n}"
        }' "$W/phases" >"$W/status") && (umask 022; cat "$W/status" >"$ws_new") && mv -f "$ws_new" "$STATUS" ||
        printf 'warning: cannot write %s\n' "$STATUS" >&2
}

phase_begins() { PHASE=$1 PHASE_STARTED=$CLOCK; }
phase_ends() {
    [ -n "$W" ] || return 0
    CLOCK=$(date +%s)
    printf '%s %s %s\n' "$PHASE" "$1" "$((CLOCK - PHASE_STARTED))" >>"$W/phases"
}

# quietly COMMAND...: its output goes to the log, which only root reads, and to $W/out for
# a look at its words. Descriptor 9 is the lock: a child that stays must not keep it, and
# what packages and commands write is not for us alone: the usual umask.
quietly() {
    [ "$MODE" = run ] || return 1         # nothing that only looks runs anything
    note "\$ $1 ..."
    q_from=$(($(wc -c <"$LOG") + 1))
    (umask 022; exec "$@") </dev/null >>"$LOG" 2>&1 3<&- 4<&- 9>&-
    q_rc=$?
    tail -c "+$q_from" "$LOG" >"$W/out"
    return "$q_rc"
}

# What a failed tool said, short enough for a message.
last_words() {
    lw_text=$(grep -E '^(E:|dpkg: error|initctl:|Failed|Job for)' "$W/out" | tail -n 2 | mask | tr '\n' ' ')
    [ -n "$lw_text" ] || lw_text=$(tail -n 1 "$W/out" | mask)
    printf '%s' "${lw_text:-no output} " | sed 's/ *$//'
}

on_exit() {
    oe_rc=$?
    trap '' HUP INT TERM PIPE
    drop_policy
    if [ -z "$FINISHED" ]; then
        phase_ends failed
        write_status failed "$E_FAIL" "apply ended unexpectedly in phase $PHASE, with status $oe_rc" "see ${LOG#"$R"}, then run apply again"
    fi
    [ -z "$W" ] || rm -rf "$W"
    [ -n "$FINISHED" ] || exit "$E_FAIL"  # a shell that stops by itself says 2, which is usage here
}

