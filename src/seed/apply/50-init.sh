# ---------------------------------------------------------------- the init system

# svc_state NAME -> running | stopped | changing | absent
svc_state() {
    if [ "$INIT" = upstart ]; then
        case $(initctl status "$1" 2>/dev/null) in
            *start/running*) echo running ;;
            *stop/waiting*) echo stopped ;;
            "") echo absent ;;
            *) echo changing ;;
        esac
    else
        case $(systemctl is-active "$1" 2>/dev/null) in
            active|reloading) echo running ;;
            activating|deactivating) echo changing ;;
            inactive|failed) echo stopped ;;
            *) echo absent ;;
        esac
    fi
}

svc_pid() {
    if [ "$INIT" = upstart ]; then
        initctl status "$1" 2>/dev/null | sed -n '1s/.* process \([0-9]*\).*/\1/p'
    else
        systemctl show -p MainPID "$1" 2>/dev/null | sed 's/^MainPID=//'
    fi
}

# Both tolerate what is already so: upstart answers 1 and words to a start of a running job.
svc_start() {
    if [ "$INIT" = upstart ]; then
        quietly timeout 120 initctl start "$1" || grep -q 'already running' "$W/out"
    else
        quietly systemctl reset-failed "$1" || :
        quietly timeout 120 systemctl start "$1"
    fi
}

svc_stop() {
    if [ "$INIT" = upstart ]; then
        quietly timeout 120 initctl stop "$1" || grep -q 'Unknown instance' "$W/out"
    else
        quietly timeout 120 systemctl stop "$1"
    fi
}

# reload_units: after changes of jobs, overrides or units; the mark outlives a crash.
# inotify usually tells upstart, but not on overlay roots. In a chroot neither init answers.
reload_units() {
    [ -e "$STATE/reload" ] && [ "$MODE" = run ] || return 0
    if [ "$INIT" = upstart ]; then set -- initctl reload-configuration; else set -- systemctl daemon-reload; fi
    if quietly "$@"; then rm -f "$STATE/reload"; else warn "$* did not answer: fine while an image is built"; fi
}

unit_file() { case $1 in *.*) echo "$1" ;; *) echo "$1.service" ;; esac; }
hold_path() {
    if [ "$INIT" = upstart ]; then echo "/etc/init/$1.override"; else echo "/etc/systemd/system/$(unit_file "$1").d/clusterseed-hold.conf"; fi
}

# A condition that never holds, and not a mask: packages enable and start their units by hand, those of Mesos and
# Chronos with `set -e`, and both fail on a masked unit: the package would stay half configured, at an upgrade too.
held() {
    if [ "$INIT" = upstart ]; then echo manual
    else printf '%s\n' "# Held by clusterseed: a start is skipped, without an error." "[Unit]" "ConditionPathExists=!/"
    fi
}

is_held() { [ ! -L "$R$1" ] && [ -f "$R$1" ] && [ "$(cat "$R$1")" = "$(held)" ]; }   # upstart ignores links

hold_unit() {
    hu_path=$(hold_path "$1")
    is_held "$hu_path" && return 0
    change hold "$1" "may start by itself" || return 0
    units_changed
    KEPT_SOME=""
    wrote "$hu_path" || keep_original "$hu_path"
    [ -z "$KEPT_SOME" ] || sync
    held >"$W/held"
    ids root root || die "$E_FAIL" "no user root" "mend /etc/passwd"
    place "$W/held" "$R$hu_path" 0644
}

