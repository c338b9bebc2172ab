# ---------------------------------------------------------------- identity

# A service that has run may refuse to start as somebody else: a Mesos slave ends with "Incompatible slave info". What it
# left behind is its guard; while that is there, the files that say who it is may not change, unless the seed allows
# that it forgets. Then the guard goes away, with the service stopped, and that is on disk before any file is.
check_identities() {
    while IFS=$US read -r ci_service ci_paths ci_guard ci_allowed ci_why <&3; do
        find_guards "$ci_service" "$ci_guard"
        [ -s "$W/guards" ] || continue
        ci_changed=$(identity_changes "$ci_paths" | head -n 5 | tr '\n' ' ' | sed 's/ $//')
        [ -n "$ci_changed" ] || continue
        if grep -q "^$ci_service$US" "$STATE/forget" 2>/dev/null; then continue; fi
        if [ "$ci_allowed" = true ]; then
            if change "let go of" "the identity of $ci_service" "allowed, and $ci_changed changes"; then
                need_restart "$ci_service"
                while IFS= read -r ci_path <&4; do remember "$ci_service$US$ci_path" "$STATE/forget"; done 4<"$W/guards"
            fi
        elif [ "$MODE" = run ]; then
            die "$E_IDENTITY" "$ci_service has run as somebody else: $ci_changed would change" "$ci_why"
        else change change "the identity of $ci_service" "$ci_changed differs, which a run refuses: $ci_why" || :
        fi
    done 3<"$W/identities"
}

# find_guards SERVICE GUARD: those that are there, of this seed and of earlier ones. A link may lead nowhere.
find_guards() {
    { echo "$2"; sed -n "s#^$1$US##p" "$STATE/guards" 2>/dev/null; } | sort -u | while IFS= read -r fg_path; do
        if [ -e "$R$fg_path" ] || [ -L "$R$fg_path" ]; then echo "$fg_path"; fi
    done >"$W/guards"
}

# identity_changes PATHS: files below these that differ from the seed's, or that this seed would take away.
identity_changes() {
    awk -F "$US" -v paths="$1" '
        { n = split(paths, p, ","); for (i = 1; i <= n; i++) if ($1 == p[i] || p[i] ~ /\/$/ && index($1, p[i]) == 1) { print; next } }
    ' "$W/files" >"$W/identity"
    while IFS=$US read -r ic_to ic_from ic_rest; do
        : "$ic_rest"
        cmp -s "$SEED/root$ic_from" "$R$ic_to" || echo "$ic_to"
    done <"$W/identity"
    [ -f "$STATE/files" ] || return 0
    awk -F "$US" -v paths="$1" '
        { n = split(paths, p, ","); for (i = 1; i <= n; i++) if ($1 == p[i] || p[i] ~ /\/$/ && index($1, p[i]) == 1) { print $1; next } }
    ' "$STATE/files" | while IFS= read -r ic_to; do
        if ! seed_has "$ic_to" && [ -e "$R$ic_to" ]; then echo "$ic_to"; fi
    done
}

# forget_identity SERVICE: with the service stopped, before it starts with its new files.
forget_identity() {
    grep "^$1$US" "$STATE/forget" >"$W/forget" 2>/dev/null || return 0
    svc_stop "$1" || die "$E_SERVICE" "cannot stop $1: $(last_words)" "stop it by hand and run apply again"
    while IFS=$US read -r fi_service fi_path <&4; do
        : "$fi_service"
        say "remove $fi_path (the identity that $1 had)"
        rm -rf "$R$fi_path" || die "$E_FAIL" "cannot remove $fi_path" "remove it by hand and run apply again"
        forget "$1$US$fi_path" "$STATE/forget"
    done 4<"$W/forget"
}

# remember_guards: a later seed may name another place and still must find this one.
remember_guards() {
    [ "$MODE" = run ] || return 0
    while IFS=$US read -r rg_service rg_paths rg_guard rg_rest <&3; do
        : "$rg_paths $rg_rest"
        remember "$rg_service$US$rg_guard" "$STATE/guards"
    done 3<"$W/identities"
}
