# ---------------------------------------------------------------- what was there before

# Where a file of the seed takes the place of one that we did not write, that one is kept, and put back when the path leaves the
# seed: /etc/hosts is the distribution's. $STATE/files says what we wrote: "path US restarts US SHA-256", several lines of one path
# while its content changes. The store is flat, so that nothing kept lies in the way of anything else: each original has the SHA-256
# of its path as its name. That of a link is a file with the target and ends in ".link": nothing ever goes through it. LIST says
# which is whose: "SHA-256  PATH".
ORIGINALS=$R/var/lib/clusterseed/originals    # for root alone: what is kept may be a secret
BAKED=/usr/lib/clusterseed/originals          # those of an image, whose own state was removed

wrote() { [ -f "$STATE/files" ] && awk -F "$US" -v p="$1" '$1 == p { found = 1 } END { exit !found }' "$STATE/files"; }

is_there() { [ -e "$1" ] || [ -L "$1" ]; }

slot() { SLOT=$ORIGINALS/$(printf %s "$1" | sha256sum | cut -d' ' -f1); }

# leads_to PATH LIST: over a link, such as that of an alternative, it is the very same file as one of the paths in the list.
leads_to() {
    [ -e "$R$1" ] && [ -f "$2" ] || return 1
    while IFS=$US read -r lt_path lt_rest <&5; do
        : "$lt_rest"
        # shellcheck disable=SC3013  # dash and busybox have it, and it costs no process
        if [ "$lt_path" != "$1" ] && [ "$R$1" -ef "$R$lt_path" ]; then return 0; fi
    done 5<"$2"
    return 1
}

# kept_of PATH: sets KEPT to where its original is, or to nothing; and SLOT.
kept_of() {
    slot "$1"
    for KEPT in "$SLOT" "$SLOT.link"; do
        [ ! -f "$KEPT" ] || return 0
    done
    KEPT=""
}

# drop_kept PATH: nothing is kept for it any more.
drop_kept() {
    slot "$1"
    rm -f "$SLOT" "$SLOT.link" || unwritable
    forget "${SLOT##*/}  $1" "$ORIGINALS/LIST"
}

adopt_baked() {
    if [ ! -d "$R$BAKED" ] || [ -e "$ORIGINALS" ]; then return 0; fi
    { rm -rf "$ORIGINALS.new" && cp -a "$R$BAKED" "$ORIGINALS.new" && chmod 0700 "$ORIGINALS.new" && sync && mv "$ORIGINALS.new" "$ORIGINALS"; } ||
        cannot_keep "what the image had"
}

cannot_keep() { die "$E_FAIL" "cannot keep $1 before it is overwritten" "look at the disk's free space and mount options, then run apply again"; }

# keep PATH FROM: FROM, a file or a link, becomes the original of PATH, whole or not at all.
keep() {
    slot "$1"
    ke_new=$ORIGINALS/$TEMP ke_to=$SLOT ke_other=$SLOT.link
    if [ -L "$2" ]; then ke_to=$SLOT.link ke_other=$SLOT; fi
    mkdir -p "$ORIGINALS" || cannot_keep "$1"
    remember "${SLOT##*/}  $1" "$ORIGINALS/LIST"      # a line too much does no harm
    { rm -f "$ke_new" && if [ -L "$2" ]; then readlink "$2" >"$ke_new"; else cp -a "$2" "$ke_new"; fi && rm -f "$ke_other" && mv -f "$ke_new" "$ke_to"; } ||
        cannot_keep "$1"
    note "kept $1 as it was"
}

# same_lines FILE FILE
same_lines() { sort -u "$1" >"$W/lines" && sort -u "$2" | cmp -s - "$W/lines"; }

# keep_original PATH [SEED FILE [PHASE]]: before the first time that we overwrite it. Nothing of ours: a hold, or, when a power
# cut lost the note that we wrote it, what the seed has; or a package source, which user-data of 14.04 brings before us, where
# cloud-init appends it once more at every first boot.
keep_original() {
    if [ ! -f "$R$1" ] && [ ! -L "$R$1" ]; then drop_kept "$1"; return 0; fi
    case $1 in
        "$PINS"|"$ACCEPT") return 0 ;;
        *.override|*/clusterseed-hold.conf) if is_held "$1"; then return 0; fi ;;
    esac
    kept_of "$1"
    if [ -n "$KEPT" ] && [ -n "${2:-}" ] && [ ! -L "$R$1" ] && cmp -s "$2" "$R$1"; then return 0; fi
    if [ "${3:-}" = sources ] && [ -z "$KEPT" ] && [ ! -L "$R$1" ] && same_lines "$2" "$R$1"; then return 0; fi
    # What we wrote under another name is no original either.
    if [ ! -L "$R$1" ] && leads_to "$1" "$STATE/files"; then return 0; fi
    keep "$1" "$R$1"
    KEPT_SOME=1
}

# keep_originals PHASE: of all its files at once, because they have to be on the disk before the first one is overwritten.
keep_originals() {
    [ "$MODE" = run ] || return 0
    adopt_baked
    { [ ! -f "$STATE/files" ] || cat "$STATE/files"; } >"$W/written"
    awk -F "$US" -v phase="$1" 'FILENAME == ARGV[1] { known[$1]; next } $6 == phase && !($1 in known) { print $1 FS $2 FS $7 FS $8 }' \
        "$W/written" "$W/files" >"$W/first"
    [ -s "$W/first" ] || return 0
    while IFS=$US read -r ko_path ko_from ko_rest <&4; do
        : "$ko_rest"
        keep_original "$ko_path" "$SEED/root$ko_from" "$1"
    done 4<"$W/first"
    # What was kept, and that the rest is ours, is on the disk before the first of them is.
    { cat "$W/written" && awk -F "$US" -v OFS="$US" '{ print $1, $3, $4 }' "$W/first"; } >"$W/record"
    record "$STATE/files"
    sync
}

# note_written PHASE: all its files are in place. What was noted of their earlier content is not there any more.
note_written() {
    [ "$MODE" = run ] && [ -f "$STATE/files" ] || return 0
    awk -F "$US" -v OFS="$US" -v phase="$1" '
        FILENAME == ARGV[1] { if ($6 == phase) is[$1] = $1 OFS $7 OFS $8; next }
        !($1 in is) || $0 == is[$1]' "$W/files" "$STATE/files" >"$W/record"
    cmp -s "$W/record" "$STATE/files" || record "$STATE/files"
}

# A package that comes after our file finds it in the place of its own, and lays that beside it.
keep_of_packages() {
    [ "$MODE" = run ] || return 0
    while IFS=$US read -r kp_path kp_rest <&4; do
        : "$kp_rest"
        if [ -f "$R$kp_path.dpkg-dist" ] && wrote "$kp_path"; then
            kept_of "$kp_path"
            [ -n "$KEPT" ] || keep "$kp_path" "$R$kp_path.dpkg-dist"
        fi
    done 4<"$W/files"
}

# give_back PATH: its original takes its place again.
give_back() {
    gb_new=$R${1%/*}/$TEMP
    { rm -f "$gb_new" && case $KEPT in *.link) ln -s "$(cat "$KEPT")" "$gb_new" ;; *) cp -a "$KEPT" "$gb_new" ;; esac && mv -f "$gb_new" "$R$1"; } ||
        die "$E_FAIL" "cannot put back $1" "look at the disk's free space and mount options, then run apply again"
}

# is_ours PATH: what is there is what we wrote, going by $W/stale. Records of earlier programs have no digests.
is_ours() {
    if [ -L "$R$1" ] || [ ! -f "$R$1" ]; then return 1; fi
    case $1 in *.override|*/clusterseed-hold.conf) if is_held "$1"; then return 0; fi ;; esac
    io_is=$(sha256sum <"$R$1" | cut -d' ' -f1)
    awk -F "$US" -v p="$1" -v is="$io_is" '$1 == p && ($3 == is || $3 == "") { found = 1 } END { exit !found }' "$W/stale"
}

# In these folders every file is a flag: what somebody made of ours goes with it.
is_swept() {
    while read -r iw_dir <&4; do
        [ "${1%/*}" != "$iw_dir" ] || return 0
    done 4<"$W/sweep"
    return 1
}

# is_original PATH: somebody, or a run that did not come to its end, has put it back.
is_original() {
    [ -n "$KEPT" ] || return 1
    case $KEPT in
        *.link) [ -L "$R$1" ] && [ "$(cat "$KEPT")" = "$(readlink "$R$1")" ] ;;
        *) [ ! -L "$R$1" ] && cmp -s "$KEPT" "$R$1" && [ "$(stat -c '%a %u %g' "$KEPT")" = "$(stat -c '%a %u %g' "$R$1")" ] ;;
    esac
}

# leave_file PATH RESTARTS: the path has left the seed.
leave_file() {
    kept_of "$1"
    # What the host had comes back, but for what would keep a service from starting: that stays kept.
    if [ -n "$KEPT" ] && [ "$1" = "/etc/init/${1##*/}" ] && is_own "$(basename "$1" .override)" && grep -q '^[[:space:]]*manual' "$KEPT"; then KEPT=""; fi
    lf_why="an earlier seed wrote it, this one does not have it"
    if is_original "$1"; then echo "$1" >>"$W/back"
    elif leads_to "$1" "$W/files"; then note "$1 left the seed, and leads to a file of the seed: it stays"
    elif ! is_there "$R$1"; then
        [ -z "$KEPT" ] || warn "somebody has removed $1 since clusterseed wrote it; it stays so, and what was there before is kept as ${KEPT#"$R"}"
    elif ! is_ours "$1" && ! { is_swept "$1" && [ ! -d "$R$1" ]; }; then
        warn "somebody has changed $1 since clusterseed wrote it; it stays as it is, though this seed does not have it${KEPT:+, and what was there before is kept as ${KEPT#"$R"}}"
    elif [ -z "$KEPT" ] && [ "$1" = /etc/hosts ]; then
        warn "no $1 was there before clusterseed wrote it, and no host can do without one: it stays as it is"
    elif [ -n "$KEPT" ] && change restore "$1" "$lf_why"; then
        touched "$1" "$2"
        give_back "$1"
        echo "$1" >>"$W/back"
    elif [ -z "$KEPT" ] && change remove "$1" "$lf_why"; then
        touched "$1" "$2"
        rm -f "$R$1" || die "$E_FAIL" "cannot remove $1" "remove it by hand and run apply again"
    fi
}

# touched PATH RESTARTS: what a change of a file asks for.
touched() {
    need_restart "$2"
    case $1 in /etc/init/*|*/systemd/system/*) units_changed ;; esac
}

# remove_stale: files that an earlier seed wrote and this one does not have: a flag that was taken out of the spec must not stay a
# flag. An upstart override is also the place of a hold: not here. What is written in `release` is not there yet.
remove_stale() {
    [ -f "$STATE/files" ] || return 0
    : >"$W/stale"
    : >"$W/back"
    awk -F "$US" -v OFS="$US" -v stale="$W/stale" '
        FILENAME == ARGV[1] { has[$1]; next }
        !($1 in has) { print >stale; next }
        { print }' "$W/files" "$STATE/files" >"$W/files.new"
    awk -F "$US" -v OFS="$US" '{ restarts[$1] = $2 } END { for (p in restarts) print p, restarts[p] }' "$W/stale" | sort >"$W/leaves"
    while IFS=$US read -r rs_path rs_restarts <&3; do
        rs_unit=${rs_path##*/} rs_stays=""
        if [ "$rs_path" = "/etc/init/$rs_unit" ] && listed "${rs_unit%.override}" "$W/holds"; then rs_stays=1
        # No seed lifts the pins: an old one that somebody kept would do it, and let any other in. Root does, by hand.
        elif [ "$rs_path" = "$PINS" ] || [ "$rs_path" = "$ACCEPT" ]; then rs_stays=1
        fi
        if [ -n "$rs_stays" ]; then awk -F "$US" -v p="$rs_path" '$1 == p' "$W/stale" >>"$W/files.new"
        else leave_file "$rs_path" "$rs_restarts"
        fi
    done 3<"$W/leaves"
    [ "$MODE" = run ] || return 0
    sort -u "$W/files.new" >"$W/record"
    if ! sort -u "$STATE/files" | cmp -s - "$W/record"; then
        [ ! -s "$W/back" ] || sync            # what was put back is on the disk before its copy goes
        record "$STATE/files"
    fi
    tidy_originals
}

# tidy_originals: what is back at its place need not be kept, also where a run was stopped just before it let go.
tidy_originals() {
    [ -s "$ORIGINALS/LIST" ] || return 0
    sed 's/^[0-9a-f]*  //' "$ORIGINALS/LIST" >"$W/kept"
    while IFS= read -r to_path <&3; do
        if wrote "$to_path"; then continue; fi
        kept_of "$to_path"
        if [ -z "$KEPT" ] || is_original "$to_path"; then drop_kept "$to_path"; fi
    done 3<"$W/kept"
}
