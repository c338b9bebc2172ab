# ---------------------------------------------------------------- packages

# version_of PACKAGE: the installed version, nothing unless dpkg calls it fully installed.
version_of() {
    # shellcheck disable=SC2016
    dpkg-query -W -f '${Status}|${Version}\n' "$1" 2>/dev/null | sed -n 's/^\(install\|hold\) ok installed|//p' | head -n 1
}

# find_missing: $W/missing gets "argument of apt-get US why" for each package not as wanted.
find_missing() {
    : >"$W/missing"
    while IFS=$US read -r fm_name fm_version <&4; do
        fm_have=$(version_of "$fm_name")
        case $fm_have in
            "") printf '%s%s%s\n' "$fm_name${fm_version:+=$fm_version}" "$US" "is not installed" >>"$W/missing" ;;
            *) case $fm_version in
                ""|"$fm_have") ;;
                *\*) case $fm_have in "${fm_version%\*}"*) continue ;; esac
                    printf '%s%s%s\n' "$fm_name=$fm_version" "$US" "is $fm_have" >>"$W/missing" ;;
                *) printf '%s%s%s\n' "$fm_name=$fm_version" "$US" "is $fm_have" >>"$W/missing" ;;
            esac ;;
        esac
    done 4<"$W/packages"
}

# with_lock COMMAND...: waits while another apt or dpkg is at work (apt-daily, cloud-init).
# trusty's apt cannot wait by itself, and fuser is not in the base image, so the words count.
with_lock() {
    wl_waited=0 wl_pause=1
    until quietly "$@"; do
        grep -qE 'Could not get lock|Unable to (lock|acquire)|is locked by another|lock was locked by' "$W/out" || return 1
        [ "$wl_waited" -lt "$LOCK_SECONDS" ] || die "$E_PACKAGES" "another program has held the package lock for $wl_waited s" \
            "see what apt or dpkg is doing (ps ax), then run apply again"
        say "another program holds the package lock: waiting $wl_pause s"
        sleep "$wl_pause"
        wl_waited=$((wl_waited + wl_pause))
        [ "$wl_pause" -ge 30 ] || wl_pause=$((wl_pause * 2))
    done
}

# With packages in the seed, apt sees its repository and nothing else: no source, key, pin, list or release of the host's own, no cache
# made of them, and no server to ask. Its lists lie with our state, so those of the host stay what they are. Not as its own user,
# who may not look into the seed; every byte of it was checked before.
apt_options() {
    ao_seed=$SEED
    if cmp -s "$SEED/SHA256SUMS" "$PLACE/SHA256SUMS"; then ao_seed=$PLACE; fi
    ao_signed="[signed-by=$ao_seed/repo/key.gpg] "
    APT_OPTIONS="-o Dir::Etc::sourcelist=$STATE/apt/sources.list -o Dir::Etc::sourceparts=/dev/null
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o Dir::State::lists=$STATE/apt/lists
        -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root -o Acquire::Languages=none
        -o APT::Default-Release= -o Acquire::AllowInsecureRepositories=false -o APT::Get::AllowUnauthenticated=false"
    # apt 1.0 knows keys for all sources alone.
    if [ "$INIT" = upstart ]; then
        ao_signed=""
        APT_OPTIONS="$APT_OPTIONS -o Dir::Etc::trusted=$ao_seed/repo/key.gpg -o Dir::Etc::trustedparts=/dev/null"
    fi
    case $ao_seed in *[!A-Za-z0-9/._+-]*)
        die "$E_PACKAGES" "apt cannot read a repository in $ao_seed" "unpack the seed in a folder with a plain name" ;;
    esac
    mkdir -p "$STATE/apt/lists/partial" && printf 'deb %sfile:%s %s/\n' "$ao_signed" "$ao_seed/repo" "$SET" >"$STATE/apt/sources.list" ||
        unwritable
}
APT_OPTIONS=""

# set_aside: the host's own sources get names that apt passes over. Whoever wants them back finds them beside.
set_aside() {
    [ "$SOURCES_LIST" = aside ] || return 0
    for sa_path in "$R"/etc/apt/sources.list "$R"/etc/apt/sources.list.d/*.list "$R"/etc/apt/sources.list.d/*.sources; do
        if [ ! -f "$sa_path" ] || [ ! -s "$sa_path" ] || seed_has "${sa_path#"$R"}"; then continue; fi
        if wrote "${sa_path#"$R"}"; then continue; fi     # an earlier seed did: it leaves in `configure`
        if change "set aside" "${sa_path#"$R"}" "packages come from the seed alone"; then
            # What was set aside before stays.
            sa_to=$sa_path.disabled sa_n=1
            while [ -e "$sa_to" ] || [ -L "$sa_to" ]; do
                sa_n=$((sa_n + 1))
                sa_to=$sa_path.$sa_n.disabled
            done
            mv "$sa_path" "$sa_to" || die "$E_FAIL" "cannot rename ${sa_path#"$R"}" "rename it by hand and run apply again"
        fi
    done
}

apt_get() {
    # shellcheck disable=SC2086  # words of an option list
    with_lock apt-get $APT_OPTIONS -q -y --no-install-recommends -o Acquire::Retries=3 -o Acquire::http::Timeout=30 \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

# While packages are installed no maintainer script may start or restart a daemon; the
# holds stop init, this stops invoke-rc.d. Somebody else's file is respected and left.
raise_policy() {
    [ ! -e "$POLICY" ] || return 0
    printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$W/policy"
    ids root root || die "$E_FAIL" "no user root" "mend /etc/passwd"
    place "$W/policy" "$POLICY" 0755
}
drop_policy() { [ "$MODE" != run ] || ! listed "$POLICY_MARK" "$POLICY" || rm -f "$POLICY"; }

