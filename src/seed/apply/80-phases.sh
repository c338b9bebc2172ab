# ---------------------------------------------------------------- phases

os_value() { sed -n "s/^$1=//p" "$R/etc/os-release" 2>/dev/null | head -n 1 | tr -d "\"'"; }

# verify names everything that is wrong at once; the seed's own bytes were checked before
# any phase, in every run.
phase_verify() {
    pv_host="" pv_room=""
    pv_want="$OS_ID $OS_VERSION" pv_is="$(os_value ID) $(os_value VERSION_ID)"
    [ "$pv_is" = "$pv_want" ] || pv_host="$pv_host; the seed is for $pv_want, this is $pv_is"

    if [ -d "$R/run/systemd/system" ]; then pv_is=systemd
    elif initctl version 2>/dev/null | grep -q upstart; then pv_is=upstart
    else pv_is="neither upstart nor systemd"
    fi
    [ "$pv_is" = "$INIT" ] || pv_host="$pv_host; the seed is for $INIT, running is $pv_is"

    if ip -4 -o addr show >"$W/ip" 2>/dev/null; then
        awk '{ for (i = 1; i < NF; i++) if ($i == "inet") { sub(/\/.*/, "", $(i + 1)); print $(i + 1) } }' "$W/ip" >"$W/present"
    else
        awk '$2 == "host" && $3 == "LOCAL" { print last } $1 == "|--" { last = $2 }' "$R/proc/net/fib_trie" | sort -u >"$W/present"
    fi
    grep -Fqx -f "$W/addresses" "$W/present" ||
        pv_host="$pv_host; none of its addresses ($(tr '\n' ' ' <"$W/addresses" | sed 's/ $//')) is here, but $(grep -v '^127\.' "$W/present" | tr '\n' ' ' | sed 's/ $//')"

    pv_is=$(tr '[:upper:]' '[:lower:]' <"$R/proc/sys/kernel/hostname")
    case $pv_is in
        "$(echo "$HOST" | tr '[:upper:]' '[:lower:]')"|"$(echo "$FQDN" | tr '[:upper:]' '[:lower:]')") ;;
        localhost|localhost.localdomain|ubuntu|debian|"(none)"|"")
            warn "this machine is still called '$pv_is'; the seed is for $HOST" ;;
        *) pv_host="$pv_host; the seed is for $HOST, this machine is called $pv_is" ;;
    esac

    pv_host=$pv_host$(image_differs)
    [ "$(id -u)" = 0 ] || pv_room="$pv_room; not run as root"
    # Nothing is younger than this seed but what comes after it; and a clock a lifetime ahead finds every signature expired.
    pv_is=$(date +%s)
    [ "$pv_is" -ge "$NOT_BEFORE" ] || pv_room="$pv_room; the clock says $(now), a time before this seed was made"
    [ "$pv_is" -lt $((NOT_BEFORE + 20 * 365 * 86400)) ] || pv_room="$pv_room; the clock says $(now), many years after this seed was made"
    find_missing
    if [ -s "$W/missing" ]; then          # a host that has its packages needs no room for them
        pv_free=$(df -Pk "$R/" | awk 'NR == 2 { print int($4 / 1024) }')
        [ "${pv_free:-0}" -ge "$DISK_MB" ] || pv_room="$pv_room; $DISK_MB MB must be free on /, there are ${pv_free:-0}"
    fi
    [ -z "$pv_host" ] || die "$E_HOST" "wrong machine: ${pv_host#; }${pv_room}" "take the seed built for this machine, or correct the spec and build again"
    [ -z "$pv_room" ] || die "$E_FAIL" "cannot start: ${pv_room#; }" "put that right and run apply again"
    image_brings
    check_identities
}

# Own services are held only until they were released once: a second run must not put a
# working service back behind a hold.
phase_hold() {
    ph_before=$CHANGES
    adopt_seed
    arm_resume
    put_files hold
    while read -r ph_name <&3; do
        if is_own "$ph_name"; then
            if listed "$ph_name" "$STATE/released"; then continue; fi
            hold_unit "$ph_name"
            # It runs before its configuration is there, with a package's defaults.
            case $(svc_state "$ph_name") in running|changing) need_restart "$ph_name" ;; esac
        else
            seed_has "$(hold_path "$ph_name")" || hold_unit "$ph_name"
            [ "$MODE" != run ] || forget "$ph_name" "$STATE/released"
            case $(svc_state "$ph_name") in running|changing)
                if change stop "$ph_name" "runs, but is no service of this host"; then
                    svc_stop "$ph_name" || die "$E_SERVICE" "cannot stop $ph_name: $(last_words)" "stop it by hand and run apply again"
                fi ;;
            esac
        fi
    done 3<"$W/holds"
    settle "$ph_before"
    reload_units
}

phase_sources() {
    while IFS=$US read -r ps_path ps_want <&3; do
        has_fingerprint "root$ps_path" "$ps_want"
    done 3<"$W/keys"
    [ -z "$SET" ] || has_fingerprint repo/key.gpg "$SIGNER"
    put_files sources
    [ -z "$SET" ] || set_aside
}

# has_fingerprint FILE FINGERPRINT: a key of the seed is the one that the seed says.
has_fingerprint() {
    hf_want=$(printf '%s' "$2" | tr -d ' ' | tr '[:lower:]' '[:upper:]')
    if ! command -v gpg >/dev/null 2>&1; then
        note "no gpg here: the fingerprint of $1 rests on SHA256SUMS alone"
        return 0
    fi
    mkdir -p "$W/gpg"
    # Without a command gpg lists the keys of a file: the one spelling that 1.4 and 2 share.
    hf_is=$(gpg --homedir "$W/gpg" --batch --with-colons --with-fingerprint "$SEED/$1" 2>/dev/null |
        awk -F: '$1 == "pub" { p = 1 } $1 == "fpr" && p { printf "%s ", $10; p = 0 }')
    [ "$hf_is" = "$hf_want " ] ||
        die "$E_SEED" "the key ${1#root} is ${hf_is:-no key at all }and should be $hf_want" "do not trust this seed: build it again from a key you know"
}

# A seed unpacked by hand lies anywhere; what goes on after a reboot, its package repository and later checks need it
# at its place. A whole copy is renamed in, so half a seed never stands there.
adopt_seed() {
    [ "$SEED" != "$(cd "$PLACE" 2>/dev/null && pwd -P)" ] || return 0
    if cmp -s "$SEED/SHA256SUMS" "$PLACE/SHA256SUMS" &&
        { [ ! -f "$SEED/SHA256SUMS.asc" ] || cmp -s "$SEED/SHA256SUMS.asc" "$PLACE/SHA256SUMS.asc"; } && (cd "$PLACE" && sha256sum -c SHA256SUMS) >/dev/null 2>&1; then return 0; fi
    change copy "the seed to ${PLACE#"$R"}" "another, a damaged one or none is there" || return 0
    # Root will run it at a boot: it belongs to nobody else, and is on the disk before it takes the other's place.
    ids root root || die "$E_FAIL" "no user root" "mend /etc/passwd"
    rm -rf "$PLACE.new" "$PLACE.old"
    cp -R -p "$SEED" "$PLACE.new" && chown -R "$UID_:$GID_" "$PLACE.new" && chmod 0700 "$PLACE.new" && sync &&
        { [ ! -e "$PLACE" ] || mv "$PLACE" "$PLACE.old"; } && mv "$PLACE.new" "$PLACE" ||
        die "$E_FAIL" "cannot copy the seed to ${PLACE#"$R"}" "make room on the disk and run apply again"
    rm -rf "$PLACE.old"
}

phase_install() {
    run_commands before-install
    if listed "$POLICY_MARK" "$POLICY" && change remove "${POLICY#"$R"}" "left by an interrupted run"; then drop_policy; fi
    find_missing
    image_brings
    pi_any=""
    while IFS=$US read -r pi_spec pi_why <&3; do
        if change install "$pi_spec" "$pi_why"; then pi_any=1; fi
    done 3<"$W/missing"
    [ -n "$pi_any" ] || return 0

    # An upgrade changes what running daemons have loaded (libmesos, Java), and the policy
    # below keeps the packages from restarting them.
    while IFS=$US read -r pi_name pi_rest <&3; do
        : "$pi_rest"
        case $(svc_state "$pi_name") in running|changing) need_restart "$pi_name" ;; esac
    done 3<"$W/services"

    DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical APT_LISTCHANGES_FRONTEND=none
    UCF_FORCE_CONFFOLD=1 NEEDRESTART_MODE=l
    export DEBIAN_FRONTEND DEBIAN_PRIORITY APT_LISTCHANGES_FRONTEND UCF_FORCE_CONFFOLD NEEDRESTART_MODE
    raise_policy
    if [ -n "$(dpkg --audit 2>/dev/null)" ]; then
        say "dpkg was interrupted earlier: finishing that first"
        with_lock dpkg --force-confdef --force-confold --configure -a ||
            die "$E_PACKAGES" "dpkg cannot finish an interrupted installation: $(last_words)" "run 'dpkg --configure -a' and see what it says"
    fi
    set -f                                # a version may end in *
    # shellcheck disable=SC2046  # names and versions were checked to be plain words
    set -- $(cut -d "$US" -f 1 "$W/missing")
    set +f
    if [ -n "$SET" ]; then
        apt_options
        apt_get update && apt_get -s install "$@" || die "$E_PACKAGES" "the packages in the seed do not do: $(last_words)" \
            "this host has other packages than the lock was made for: name them as \`base\` in the spec, lock and build again"
    else
        refresh_lists "$@"
    fi
    apt_get install "$@" || die "$E_PACKAGES" "installing packages failed: $(last_words)" "see ${LOG#"$R"}; a package missing from the source must be added there"
    drop_policy
    find_missing
    [ ! -s "$W/missing" ] || die "$E_PACKAGES" "after the installation still not right: $(tr "$US" ' ' <"$W/missing" | head -n 5 | tr '\n' ';')" \
        "see ${LOG#"$R"} and 'dpkg -l', then run apply again"
}

# apt-get update calls an unreachable server a warning, so success is measured by what
# counts: whether apt finds a way to install what is wanted.
refresh_lists() {
    [ "$UPDATE" = true ] || return 0
    rl_try=1
    until with_lock apt-get -q -o Acquire::Retries=3 -o Acquire::http::Timeout=30 update && apt_get -s install "$@"; do
        [ "$rl_try" -lt "$UPDATE_TRIES" ] ||
            die "$E_PACKAGES" "the package sources do not offer what is needed: $(last_words)" \
                "check that this host reaches the package source, and that it holds these versions; see ${LOG#"$R"}"
        say "package lists: attempt $rl_try of $UPDATE_TRIES failed: $(last_words)"
        sleep $((rl_try * 10))
        rl_try=$((rl_try + 1))
    done
}

# The init wrapper makes a flag of every file in these directories, so quorum.dpkg-dist
# beside quorum keeps mesos-master from starting. Nothing but such leftovers is removed.
phase_sweep() {
    keep_of_packages
    while read -r pw_dir <&3; do
        [ -d "$R$pw_dir" ] || continue
        find "$R$pw_dir/" ! -type d \( -name '*.dpkg-*' -o -name '*.ucf-*' -o -name '*~' -o -name '*.bak' -o -name '*.orig' \
            -o -name '*.rej' -o -name '*.swp' -o -name '*.save' -o -name "$TEMP" \) | sed 's#//*#/#g' >"$W/leftovers"
        while IFS= read -r pw_path <&4; do
            if seed_has "${pw_path#"$R"}"; then continue; fi
            if change remove "${pw_path#"$R"}" "a leftover that would be read as a flag"; then
                rm -f "$pw_path" || die "$E_FAIL" "cannot remove ${pw_path#"$R"}" "remove it by hand and run apply again"
            fi
        done 4<"$W/leftovers"
    done 3<"$W/sweep"
}

phase_configure() {
    check_identities
    pc_before=$CHANGES
    while IFS=$US read -r pc_path pc_mode pc_owner pc_group <&3; do
        put_directory "$pc_path" "$pc_mode" "$pc_owner" "$pc_group"
    done 3<"$W/directories"
    put_files configure
    while IFS=$US read -r pc_name pc_link pc_path pc_priority <&3; do
        select_alternative "$pc_name" "$pc_link" "$pc_path" "$pc_priority"
    done 3<"$W/alternatives"
    remove_stale
    phase_sweep
    settle "$pc_before"
}

put_directory() {
    pd_to=$R$1
    if ! ids "$3" "$4"; then
        [ "$MODE" = run ] || { change make "$1" "owner $3:$4 is not there yet" || :; return 0; }
        die "$E_FAIL" "$1 is to belong to $3:$4, which this host does not know" \
            "the package that makes this user is missing from the spec, or the name is wrong"
    fi
    if [ ! -d "$pd_to" ]; then
        change make "$1" "is not there" || return 0
        make_parents "$pd_to"
        mkdir "$pd_to" || die "$E_FAIL" "cannot make $1" "see what is in its place, remove it, run apply again"
    elif same_owner_mode "$pd_to" "$2"; then return 0
    else change "set owner and mode of" "$1" "they differ" || return 0
    fi
    chown "$UID_:$GID_" "$pd_to" && chmod "$2" "$pd_to" || die "$E_FAIL" "cannot set owner and mode of $1" "see its file system and run apply again"
}

# Our own alternative beats the package's by priority and stays selected by --set; a real
# directory in the link's place would silently be kept by update-alternatives.
select_alternative() {
    if [ -d "$R$2" ] && [ ! -L "$R$2" ]; then
        die "$E_FAIL" "$2 is a real directory where the alternative $1 has its link" "move it away and run apply again"
    fi
    sa_why=$(update-alternatives --query "$1" 2>/dev/null | awk -v path="$3" -v priority="$4" '
        $1 == "Status:" { manual = $2 == "manual" }
        $1 == "Value:" { value = $2 }
        $1 == "Alternative:" { alternative = $2 }
        $1 == "Priority:" && alternative == path { known = $2 == priority }
        END { if (!known) print "is not registered"; else if (!manual || value != path) print "is not selected" }')
    [ "$(readlink "$R$2")" = "/etc/alternatives/$1" ] || sa_why="has no link"
    [ -n "$sa_why" ] && change select "alternative $1" "$sa_why" || return 0
    need_restart "$(awk -F "$US" -v d="$2/" 'index($2, d) == 1 && $7 != "" { printf "%s%s", sep, $7; sep = "," }' "$W/files")"
    { quietly update-alternatives --install "$2" "$1" "$3" "$4" && quietly update-alternatives --set "$1" "$3"; } ||
        die "$E_FAIL" "cannot select the alternative $1: $(last_words)" "see 'update-alternatives --display $1', then run apply again"
}

phase_release() {
    put_files release
    while IFS=$US read -r pr_name pr_rest <&3; do
        : "$pr_rest"
        pr_path=$(hold_path "$pr_name") pr_old=""
        if seed_has "$pr_path"; then continue; fi
        # An override of an earlier seed leaves as any file does.
        [ ! -f "$STATE/files" ] || pr_old=$(awk -F "$US" -v p="$pr_path" '$1 == p' "$STATE/files")
        if [ -n "$pr_old" ] && ! is_held "$pr_path"; then
            printf '%s\n' "$pr_old" >"$W/stale"
            : >"$W/back"
            leave_file "$pr_path" "$(awk -F "$US" '$2 != "" { printf "%s%s", sep, $2; sep = "," }' "$W/stale")"
            [ "$MODE" = run ] || continue
            [ ! -s "$W/back" ] || sync    # before its copy goes
            forget "$pr_old" "$STATE/files"
            tidy_originals
        elif is_held "$pr_path" && change release "$pr_name" "is held"; then
            units_changed
            kept_of "$pr_path"
            # What the host had comes back, but for what would keep it from starting.
            if [ -n "$KEPT" ] && ! grep -q '^[[:space:]]*manual' "$KEPT"; then
                give_back "$pr_path"
                sync                      # before its copy goes
            else
                rm -f "$R$pr_path" || die "$E_FAIL" "cannot remove $pr_path" "remove it by hand and run apply again"
                KEPT=""                   # it stays kept
            fi
            [ -z "$pr_old" ] || forget "$pr_old" "$STATE/files"
            [ -z "$KEPT" ] || drop_kept "$pr_path"
        fi
    done 3<"$W/services"
    reload_units                          # a start must not see the hold any more
    while IFS=$US read -r pr_name pr_rest <&3; do
        if [ "$INIT" = systemd ]; then
            case $(systemctl is-enabled "$pr_name" 2>/dev/null) in
                enabled|enabled-runtime|static|alias|indirect|generated) ;;
                *) if change enable "$pr_name" "would not start at boot"; then
                    quietly systemctl enable "$pr_name" ||
                        die "$E_SERVICE" "cannot enable $pr_name: $(last_words)" "see 'systemctl status $pr_name': is its package installed?"
                fi ;;
            esac
        fi
        [ "$MODE" != run ] || remember "$pr_name" "$STATE/released"
    done 3<"$W/services"
}

phase_start() {
    check_identities
    while IFS=$US read -r pt_name pt_ports pt_wait <&3; do
        pt_fresh="" pt_why="" TOOK_TURN=""
        forget_identity "$pt_name"
        pt_state=$(svc_state "$pt_name")
        if [ "$pt_state" = running ] || { [ "$pt_state" = changing ] && listed "$pt_name" "$STATE/restart"; }; then
            if listed "$pt_name" "$STATE/restart"; then pt_why="its configuration changed"
            elif ! heard "$pt_ports" "$pt_wait"; then pt_why="nothing listens on port ${hd_silent% }"
            fi
            if [ -n "$pt_why" ] && change restart "$pt_name" "$pt_why"; then
                if listed "$pt_name" "$STATE/restart"; then await_turn "$pt_name"; fi
                # Not `restart`: upstart would keep the old definition of the job.
                svc_stop "$pt_name" || die "$E_SERVICE" "cannot stop $pt_name: $(last_words)" "stop it by hand and run apply again"
                pt_fresh=1
            fi
        elif change start "$pt_name" "is not running"; then
            pt_fresh=1
        fi
        if [ -n "$pt_fresh" ]; then
            svc_start "$pt_name" || service_failed "$pt_name" "did not start: $(last_words)"
            forget "$pt_name" "$STATE/restart"
        fi
        [ "$MODE" = run ] || continue
        await "$pt_name" "$pt_ports" "$pt_wait" "$pt_fresh"
        [ -z "$TOOK_TURN" ] || await_service "$pt_name" "$pt_wait"
        keep_identity "$pt_name"
    done 3<"$W/services"
    run_commands after-start
}

# silent_ports A,B: those of the list on which nothing listens.
silent_ports() {
    set -- "$1" "$R/proc/net/tcp"
    [ ! -r "$R/proc/net/tcp6" ] || set -- "$@" "$R/proc/net/tcp6"
    sp_want=$1; shift
    awk -v want="$sp_want" '
        $4 == "0A" { p = $2; sub(/.*:/, "", p); up[p] = 1 }
        END { n = split(want, w, ","); for (i = 1; i <= n; i++) if (!(sprintf("%04X", w[i]) in up)) printf "%s ", w[i] }' "$@"
}

# heard PORTS SECONDS: something listens on each. A look is enough to compare; a run gives a service that is on its
# way up its time. The unit that systemd makes of a SysV script stays active when its daemon has died.
heard() {
    hd_round=0
    while hd_silent=$(silent_ports "$1") && [ -n "$hd_silent" ]; do
        [ "$MODE" = run ] && [ "$hd_round" -lt "$2" ] || return 1
        hd_round=$((hd_round + 1))
        sleep 1
    done
}

# await NAME PORTS SECONDS FRESH: up means that it runs, all ports listen and, when just
# started, that it is the same process twice: a job that dies and is respawned looks alive.
# Counts rounds, not the clock, which may jump when it is first set.
await() {
    aw_round=0 aw_last=none
    while :; do
        aw_state=$(svc_state "$1") aw_silent=$(silent_ports "$2") aw_pid=$(svc_pid "$1")
        if [ "$aw_state" = running ] && [ -z "$aw_silent" ]; then
            if [ -z "$4" ] || [ "$aw_pid" = "$aw_last" ]; then return 0; fi
        fi
        case $aw_state in stopped|absent) service_failed "$1" "was started and is stopped again" ;; esac
        [ "$aw_round" -lt "$3" ] ||
            service_failed "$1" "is $aw_state after $3 s${aw_silent:+, nothing listens on port ${aw_silent% }}"
        aw_last=$aw_pid aw_round=$((aw_round + 1))
        sleep 1
    done
}

# The end of a service's log may hold secrets (credentials in URLs and flags), and what we
# print may be kept world-readable by cloud-init: to the log, and to a person's terminal.
service_failed() {
    {
        if [ "$INIT" = systemd ]; then journalctl -u "$1" -n 20 --no-pager
        else
            tail -n 20 "$R/var/log/upstart/$1.log"
            grep -F " $1[" "$R/var/log/syslog" | tail -n 20
        fi
    } 2>/dev/null | mask >"$W/tail"
    { echo "--- the end of what $1 logged:"; cat "$W/tail"; echo "---"; } >>"$LOG"
    [ ! -t 2 ] || cat "$W/tail" >&2
    die "$E_SERVICE" "$1 $2" "its last words are in ${LOG#"$R"}; mend the cause and run apply again"
}

# What services are given travels with its own part of this program, and only where there is something.
phase_submit() {
    # shellcheck disable=SC1091  # it lies in the seed
    . "$SEED/submit"
    submit_documents
}

phase_report() {
    [ "$MODE" = run ] || return 0
    await_formation
    say "$HOST of cluster $CLUSTER is what its seed says ($CHANGES changes, $WARNINGS warnings, plan $(printf %.12s "$DIGEST"))"
    while IFS=$US read -r pe_name pe_ports pe_rest <&3; do
        : "$pe_rest"
        say "  $pe_name: $(svc_state "$pe_name")${pe_ports:+, port $pe_ports}"
    done 3<"$W/services"
}

