# ---------------------------------------------------------------- after a reboot in the middle

# cloud-init runs a script once and never again, and by hand there is nobody at all: a job of our own goes on at the next
# boot as long as the mark is there that a full run has begun to change something and has not come to its end.
UNFINISHED=$STATE/unfinished
RESUME=clusterseed-resume

resume_path() {
    if [ "$INIT" = upstart ]; then echo "/etc/init/$RESUME.conf"; else echo "/etc/systemd/system/$RESUME.service"; fi
}

# A seed that was whole and lost its place between two renames gets it back. What may pass by itself, an address or a clock that
# comes late, a mirror that is away, is tried again. Not after cloud-final, which waits for multi-user.target itself.
resume_job() {
    rj_seed=${PLACE#"$R"}
    rj_run="[ -e $rj_seed ] || mv $rj_seed.new $rj_seed; for n in 1 2 3; do /bin/sh $rj_seed/apply --wait; s=\$?; case \$s in 1|3|5) sleep 30 ;; *) exit \$s ;; esac; done; exit \$s"
    if [ "$INIT" = upstart ]; then
        cat <<END
# Placed by clusterseed: finishes what a reboot interrupted.
start on stopped rc RUNLEVEL=[2345]
task
console log
exec /bin/sh -c '[ ! -e ${UNFINISHED#"$R"} ] || { $rj_run; }'
END
    else
        cat <<END
# Placed by clusterseed: finishes what a reboot interrupted.
[Unit]
Description=clusterseed: finish what a reboot interrupted
ConditionPathExists=${UNFINISHED#"$R"}
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=/bin/sh -c '$(printf '%s' "$rj_run" | sed 's/\$/$$/g')'
TimeoutStartSec=infinity

[Install]
WantedBy=multi-user.target
END
    fi
}

# arm_resume: places that job. `begun` tells user-data, at each boot, that it need not bring this plan's seed again.
arm_resume() {
    ar_path=$(resume_path)
    resume_job >"$W/resume"
    ids root root || die "$E_FAIL" "no user root" "mend /etc/passwd"
    if ! cmp -s "$W/resume" "$R$ar_path" && change write "$ar_path" "goes on after a reboot"; then
        units_changed
        place "$W/resume" "$R$ar_path" 0644
    fi
    ar_link=/etc/systemd/system/multi-user.target.wants/$RESUME.service
    if [ "$INIT" = systemd ] && [ ! -L "$R$ar_link" ] && change enable "$RESUME" "would not start at boot"; then
        make_parents "$R$ar_link"
        ln -s "../$RESUME.service" "$R$ar_link" || die "$E_FAIL" "cannot make $ar_link" "look at the disk's free space and mount options, then run apply again"
    fi
    if [ "$MODE" = run ] && ! listed "$DIGEST" "$STATE/begun"; then
        sync
        echo "$DIGEST" >"$W/record"
        record "$STATE/begun"
    fi
}
