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

apt_get() {
    with_lock apt-get -q -y --no-install-recommends -o Acquire::Retries=3 -o Acquire::http::Timeout=30 \
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

