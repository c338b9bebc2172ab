# ---------------------------------------------------------------- identity

# A service that has run may refuse to start as somebody else: a Mesos slave ends with "Incompatible slave info". What it
# left behind is its guard. Once it has started, the digests of the files that say who it is are kept; as long as a guard is
# there, a seed with others is refused, unless it allows that the service forgets. Then the guards go away while the service
# is stopped. A seed that is taken back before that is no change: the record is still that of the last start.

# identity_record SERVICE: the file that keeps it.
identity_record() { printf '%s' "$STATE/identity.$1"; }

# seed_identity PATHS GUARD: what the service would be, in the form of the record; sorted.
seed_identity() {
    echo "guard $2"
    awk -F "$US" -v paths="$1" "$BELOW_PATHS" "$W/files" | while IFS=$US read -r si_to si_from si_rest; do
        : "$si_rest"
        echo "$(sha256sum <"$SEED/root$si_from" | cut -d' ' -f1) $si_to"
    done | sort
}

# disk_identity PATHS GUARD: what it may have run as, where nobody kept a record: the files as they lie there, those of this
# seed and those of an earlier one.
disk_identity() {
    echo "guard $2"
    { awk -F "$US" -v paths="$1" "$BELOW_PATHS" "$W/files"; [ ! -f "$STATE/files" ] || awk -F "$US" -v paths="$1" "$BELOW_PATHS" "$STATE/files"; } |
        cut -d "$US" -f 1 | sort -u | while IFS= read -r di_to; do
            [ ! -f "$R$di_to" ] || echo "$(sha256sum <"$R$di_to" | cut -d' ' -f1) $di_to"
        done | sort
}
# Lines whose first field is one of `paths`, or below one that ends in a slash.
# shellcheck disable=SC2016
BELOW_PATHS='{ n = split(paths, p, ","); for (i = 1; i <= n; i++) if ($1 == p[i] || p[i] ~ /\/$/ && index($1, p[i]) == 1) { print; next } }'

# other_identity SERVICE PATHS GUARD: true when the service has run, as somebody else than this seed says. $W/guards gets the
# guards that are there, $W/differs the files that differ.
other_identity() {
    oi_record=$(identity_record "$1")
    if [ -f "$oi_record" ]; then cat "$oi_record" >"$W/was"; else disk_identity "$2" "$3" >"$W/was"; fi
    { echo "$3"; sed -n 's/^guard //p' "$W/was"; } | sort -u | while IFS= read -r oi_path; do
        if [ -e "$R$oi_path" ] || [ -L "$R$oi_path" ]; then echo "$oi_path"; fi
    done >"$W/guards"
    [ -s "$W/guards" ] || return 1
    seed_identity "$2" "$3" >"$W/is"
    awk '$1 != "guard" { n[$0]++; path[$0] = substr($0, 66) } END { for (l in n) if (n[l] != 2) print path[l] }' "$W/was" "$W/is" | sort -u >"$W/differs"
    [ -s "$W/differs" ] || return 1
    # Before the files change: afterwards nobody could tell any more.
    if [ "$MODE" = run ] && [ ! -f "$oi_record" ]; then cat "$W/was" >"$W/record" && record "$oi_record"; fi
}

check_identities() {
    while IFS=$US read -r ci_service ci_paths ci_guard ci_allowed ci_why <&3; do
        other_identity "$ci_service" "$ci_paths" "$ci_guard" || continue
        ci_changed=$(head -n 5 "$W/differs" | tr '\n' ' ' | sed 's/ $//')
        if [ "$ci_allowed" = true ]; then continue
        elif [ "$MODE" = run ]; then die "$E_IDENTITY" "$ci_service has run as somebody else: $ci_changed would change" "$ci_why"
        elif [ "$PHASE" = verify ] || [ -n "$ONLY" ]; then
            change change "the identity of $ci_service" "$ci_changed differs, which a run refuses: $ci_why" || :
        fi
    done 3<"$W/identities"
}

# forget_identity SERVICE: with the service stopped, before it starts with its new files. That it may was checked.
forget_identity() {
    awk -F "$US" -v s="$1" '$1 == s' "$W/identities" >"$W/identity"
    IFS=$US read -r fo_service fo_paths fo_guard fo_rest <"$W/identity" || return 0
    : "$fo_service $fo_rest"
    other_identity "$1" "$fo_paths" "$fo_guard" || return 0
    change "let go of" "the identity of $1" "the seed allows it, and $(head -n 5 "$W/differs" | tr '\n' ' ' | sed 's/ $//') changes" || return 0
    svc_stop "$1" || die "$E_SERVICE" "cannot stop $1: $(last_words)" "stop it by hand and run apply again"
    while IFS= read -r fo_path <&4; do
        say "remove $fo_path"
        rm -rf "$R$fo_path" || die "$E_FAIL" "cannot remove $fo_path" "remove it by hand and run apply again"
    done 4<"$W/guards"
}

# keep_identity SERVICE: it has started as the seed says.
keep_identity() {
    awk -F "$US" -v s="$1" '$1 == s' "$W/identities" >"$W/identity"
    IFS=$US read -r ki_service ki_paths ki_guard ki_rest <"$W/identity" || return 0
    : "$ki_service $ki_rest"
    seed_identity "$ki_paths" "$ki_guard" >"$W/record"
    cmp -s "$W/record" "$(identity_record "$1")" || record "$(identity_record "$1")"
}
