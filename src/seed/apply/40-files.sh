# ---------------------------------------------------------------- small helpers

listed() { grep -Fqx -e "$1" "$2" 2>/dev/null; }            # listed LINE FILE
is_own() { case ",$OWN," in *",$1,"*) return 0 ;; esac; return 1; }
seed_has() { case $TARGETS in *"$NL$1$NL"*) return 0 ;; esac; return 1; }   # a path on the host

# forget LINE FILE, remember LINE FILE: take a line out of a state file or add one, whole or not at all: half a line
# would be a path of somebody else, and a file cut short a restart that never comes.
forget() {
    listed "$1" "$2" || return 0
    grep -Fvx -e "$1" "$2" >"$W/record" || :
    record "$2"
}
remember() {
    ! listed "$1" "$2" || return 0
    { [ ! -f "$2" ] || cat "$2"; printf '%s\n' "$1"; } >"$W/record"
    record "$2"
}
# record FILE: $W/record becomes that state file. It was made in memory; only this copy can fail for want of room.
record() {
    cat "$W/record" >"$1.new" && cmp -s "$W/record" "$1.new" && mv -f "$1.new" "$1" || unwritable
}
# mark FILE: an empty one. (`:` would end the whole program when the redirection fails.)
mark() { [ -e "$1" ] || true >"$1" || unwritable; }
unwritable() { die "$E_FAIL" "cannot write to ${STATE#"$R"}" "look at the disk's free space and mount options, then run apply again"; }

# need_restart A,B: on disk before the change is made, so that a crash between the
# change and the restart does not lose it. Other hosts' services do not concern us.
need_restart() {
    [ "$MODE" = run ] || return 0
    nr_ifs=$IFS; IFS=,
    for nr_name in $1; do
        if is_own "$nr_name"; then remember "$nr_name" "$STATE/restart"; fi
    done
    IFS=$nr_ifs
}

# settle CHANGES_BEFORE: one sync for all files of a phase: after a power cut an empty file
# under a final name would be an empty hold, or a flag without its value.
settle() { [ "$MODE" != run ] || [ "$CHANGES" = "$1" ] || sync; }

units_changed() { [ "$MODE" != run ] || mark "$STATE/reload"; }

make_parents() {
    [ -d "${1%/*}" ] || (umask 022; mkdir -p "${1%/*}") ||
        die "$E_FAIL" "cannot make ${1%/*}" "see what is in its place, remove it, run apply again"
}

# ids OWNER GROUP: sets UID_ and GID_, false if one is unknown. Remembers the last pair.
IDS_FOR=""
ids() {
    [ "$IDS_FOR" != "$1:$2" ] || return 0
    UID_=$(getent passwd "$1" | cut -d: -f3) GID_=$(getent group "$2" | cut -d: -f3)
    [ -n "$UID_" ] && [ -n "$GID_" ] || { IDS_FOR=""; return 1; }
    IDS_FOR=$1:$2
}

# same_owner_mode PATH MODE: compares with UID_ and GID_ (modes as numbers, "644" is 0644)
same_owner_mode() {
    # shellcheck disable=SC2046
    set -- "$1" "$2" $(stat -L -c '%a %u %g' "$1")
    [ $((0$2)) -eq $((0${3:-0})) ] && [ "${4:-}" = "$UID_" ] && [ "${5:-}" = "$GID_" ]
}

# place SOURCE TARGET MODE: write TARGET whole with UID_ and GID_: a reader sees the old file or
# the new one. Secret from the first byte (umask); noclobber refuses a planted link.
place() {
    pl_new=${2%/*}/$TEMP
    make_parents "$2"
    [ ! -d "$2" ] || [ -L "$2" ] || die "$E_FAIL" "${2#"$R"} is a directory, not a file" "move it away and run apply again"
    # `mv` would go through a link to a folder.
    if [ -L "$2" ] && [ -d "$2" ]; then rm -f "$2"; fi
    rm -f "$pl_new" &&
        (set -C; cat "$1" >"$pl_new") && chown "$UID_:$GID_" "$pl_new" && chmod "$3" "$pl_new" && mv -f "$pl_new" "$2" ||
        die "$E_FAIL" "cannot write ${2#"$R"}" "look at the disk's free space and mount options, then run apply again"
}

# put_file TARGET SOURCE MODE OWNER GROUP RESTARTS SHA-256
put_file() {
    pf_to=$R$1 pf_why=""
    if ! ids "$4" "$5"; then
        [ "$MODE" = run ] || { change write "$1" "owner $4:$5 is not there yet" || :; return 0; }
        die "$E_FAIL" "$1 is to belong to $4:$5, which this host does not know" \
            "the package that makes this user is missing from the spec, or the name is wrong"
    fi
    if [ -L "$pf_to" ] || [ ! -e "$pf_to" ]; then pf_why="is not there"
    elif ! cmp -s "$SEED/root$2" "$pf_to"; then pf_why="content differs"
    elif ! same_owner_mode "$pf_to" "$3"; then pf_why="owner or mode differs"
    fi
    if [ -n "$pf_why" ] && change write "$1" "$pf_why"; then
        need_restart "$6"
        remember "$1$US$6$US$7" "$STATE/files"  # also before: what we wrote we must be able to remove
        case $1 in /etc/init/*|*/systemd/system/*) units_changed ;; esac
        place "$SEED/root$2" "$pf_to" "$3"
    elif [ "$MODE" = run ]; then
        remember "$1$US$6$US$7" "$STATE/files"
    fi
}

put_files() {
    keep_originals "$1"
    while IFS=$US read -r pp_to pp_from pp_mode pp_owner pp_group pp_phase pp_restarts pp_sum <&3; do
        if [ "$pp_phase" = "$1" ]; then put_file "$pp_to" "$pp_from" "$pp_mode" "$pp_owner" "$pp_group" "$pp_restarts" "$pp_sum"; fi
    done 3<"$W/files"
    note_written "$1"
}

# run_commands MOMENT
run_commands() {
    rc_i=0 rc_moment=$1                   # the arguments become the command's words
    while IFS=$US read -r rc_id rc_at <&4; do
        if [ "$rc_at" = "$rc_moment" ] && ! listed "$rc_id" "$STATE/commands" && change run "command $rc_id" "has not run yet"; then
            rc_n=$(get "commands/$rc_i/run/#") rc_j=0
            set --
            while [ "$rc_j" -lt "$rc_n" ]; do
                rc_word=$(printf '%bx' "$(get "commands/$rc_i/run/$rc_j")")    # x keeps a last line end
                set -- "$@" "${rc_word%x}"
                rc_j=$((rc_j + 1))
            done
            # Neither its words nor its output are repeated: they may hold secrets.
            quietly "$@" || die "$E_FAIL" "command $rc_id ($rc_moment) ended with status $q_rc" \
                "see $LOG, mend it, run apply again: only what has not succeeded runs again"
            remember "$rc_id" "$STATE/commands"
        fi
        rc_i=$((rc_i + 1))
    done 4<"$W/commands"
}

