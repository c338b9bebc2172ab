# shellcheck shell=sh
# shellcheck disable=SC2034,SC2013,SC2015  # lib.sh reads what the cases set; awk prints words; `false` only fails
# Whatever happens to a run, or to a seed: nothing is lost, nothing starts too early, and the next run finishes.

early() { same "$(count 'EVENT STARTED')$(count 'POSTINST STARTED')" 00 "something started before its time"; }

# Killed before each call of a tool outside of apply (EVERY=n: every n-th): apt, dpkg, init, mv, sync and the like stand at
# the boundary of every step.
case_killed_on_upstart() { killed_at_tools master; }
case_killed_on_systemd() { killed_at_tools slave; }
killed_at_tools() {
    $1 "$1-fresh"; twin "$1-whole"; echo 0 >"$FAKE/kill-at"; apply; rc_is 0; want=$(end_state) n=$(cat "$FAKE/tools")
    ok "few tools: $n" [ "$n" -gt 60 ]
    i=1 kills=0
    while [ "$i" -le "$n" ]; do
        CASE="killed at call $i of $n on a $1"
        place "$1-fresh"; twin "$1$i"; echo "$i" >"$FAKE/kill-at"
        apply; rc_is 137; early; rm "$FAKE/kill-at"
        apply --wait; rc_is 0; early
        same "$(end_state)" "$want" "another end"
        rm -rf "$M"
        i=$((i + EVERY)) kills=$((kills + 1))
    done
    echo "killed $kills times at calls of tools on a $1"
}

# Killed at points of time that nobody chose, again and again on one machine, until one run comes through: with all that it had
# called, as a power cut does, and on every other machine alone, as the kernel does when memory is short. The timeout of coreutils
# in any case: that of busybox counts whole seconds.
case_killed_at_random() {
    master random-whole; apply; want=$(end_state)
    random=${RANDOM_SEED:-$(date +%s)} total=0
    n=0
    while [ "$n" -lt 12 ]; do
        CASE="killed at random, seed $random, machine $n"
        master "random$n"; alone=; [ $((n % 2)) = 0 ] || alone=--foreground
        for when in $(awk -v seed="$random$n" 'BEGIN { srand(seed); for (i = 0; i < 8; i++) printf "%.3f ", 0.02 + rand() * 0.5 }'); do
            LIMIT="/usr/bin/timeout $alone -s KILL $when"
            apply
            LIMIT=
            early
            [ "$RC" = 0 ] || total=$((total + 1))
        done
        # What the killed run had called outlives it for a moment, and holds its lock as long.
        apply --wait; rc_is 0; early
        end=$(end_state)
        same "$end" "$want" "another end"
        # Nobody can kill at the same moment again: what differs is all there is to go by.
        [ "$end" = "$want" ] || { echo "$want" >"$T/want"; echo "$end" | diff "$T/want" - | sed 's/^/    | /'; }
        rm -rf "$M"
        n=$((n + 1))
    done
    echo "killed $total times at random (RANDOM_SEED=$random)"
}

# Every byte of every small file of a seed, a sample of the large ones: the run is refused, and the host is as it was. Even
# of apply itself, which then is not the program any more that was written.
case_flipped() {
    master flips; before=$(snapshot | grep -v clusterseed/state) flips=0
    (cd "$SEED" && find . -type f) | sort >"$M/seed-files"
    while read -r fl_file; do
        fl_size=$(wc -c <"$SEED/$fl_file") fl_at=0
        case $fl_file in ./apply) fl_step=601 ;; ./host.json) fl_step=11 ;; ./SHA256SUMS) fl_step=5 ;; *) fl_step=1 ;; esac
        fl_step=$((fl_step * ${FLIP_EVERY:-1}))
        cp -p "$SEED/$fl_file" "$M/good"
        while [ "$fl_at" -lt "$fl_size" ]; do
            CASE="byte $fl_at of $fl_file flipped"
            # Another letter for a letter: what stays a program or a table is the harder case.
            fl_old=$(dd if="$M/good" bs=1 skip="$fl_at" count=1 2>/dev/null; echo .)
            fl_new=X; [ "$fl_old" != X. ] || fl_new=Y
            printf %s "$fl_new" | dd of="$SEED/$fl_file" bs=1 seek="$fl_at" conv=notrunc 2>/dev/null
            apply
            if [ "$fl_file" = ./apply ]; then ok "a flipped program ended with 0" [ "$RC" != 0 ]; else rc_is 4; fi
            cp -p "$M/good" "$SEED/$fl_file"
            flips=$((flips + 1)) fl_at=$((fl_at + fl_step))
        done
    done <"$M/seed-files"
    CASE=flipped
    same "$(snapshot | grep -v clusterseed/state)" "$before" "a refused run changed something"
    same "$(cat "$FAKE/calls")" "" "a refused run called something"
    apply; rc_is 0
    echo "$flips bytes flipped"
}

# A disk of its own for the host, which is full from the beginning of a phase on; /run is memory, as everywhere.
on_own_disk() { # NAME KIND
    M=$T/$OF$1 && mkdir -p "$M/root" && mount -t tmpfs -o size=6m "disk-$1" "$M/root" && mkdir "$M/root/run" &&
        mount -t tmpfs -o size=4m "run-$1" "$M/root/run" || { ok "no disk can be mounted" false; return; }
    "$2" "$1"
}

case_disk_full() {
    may_mount || return 0
    for df_kind in master slave; do
        $df_kind "full-$df_kind"; apply; want=$(end_state)
        for df_phase in verify hold sources install sweep configure release start report; do
            CASE="disk full in $df_phase of a $df_kind"
            on_own_disk "full-$df_kind-$df_phase" "$df_kind"
            echo "$df_phase" >"$FAKE/fill"
            apply; early
            there "$ROOT/filler"
            # Nothing to write any more in the last ones, and little in others.
            if [ "$RC" != 0 ]; then has "$M/err" "the disk is full"; has "$M/err" "next: make room"
            else ok "nothing was written, but all is said to be done" [ "$df_phase" = report ] || [ "$df_phase" = sweep ] || [ "$df_phase" = start ]; fi
            rm "$ROOT/filler"
            apply; rc_is 0; early
            apply --check; rc_is 0
            same "$(end_state | grep -v 'filler')" "$want" "another end"
            umount "$ROOT/run" "$ROOT"
        done
    done
}

# A state file that cannot be copied whole stays as it was: the second restart that is due is not lost.
case_full_while_starting() {
    may_mount || return 0
    on_own_disk starting master; apply
    echo 9 | file /etc/zookeeper/conf/myid 0644 zookeeper configure zookeeper
    echo 192.0.2.9 | file /etc/mesos-master/ip 0644 root configure mesos-master; seal
    old=$(cat "$FAKE/jobs/mesos-master"); echo start >"$FAKE/fill"
    apply; rm "$ROOT/filler"
    apply; rc_is 0; ok "mesos-master kept its old configuration" [ "$(cat "$FAKE/jobs/mesos-master")" != "$old" ]
    umount "$ROOT/run" "$ROOT"
}

case_read_only() {
    may_mount || return 0
    master readonlystate; apply; mount --bind "$ROOT/var/lib/clusterseed/state" "$ROOT/var/lib/clusterseed/state" &&
        mount -o remount,ro,bind "$ROOT/var/lib/clusterseed/state"
    echo 9 | file /etc/mesos-master/ip 0644 root configure mesos-master; seal
    apply; rc_is 1; has "$M/err" "error: cannot write to /var/lib/clusterseed/state"; umount "$ROOT/var/lib/clusterseed/state"
    master readonly-whole; apply; want=$(end_state)
    master readonly; mount --bind "$ROOT/etc" "$ROOT/etc" && mount -o remount,ro,bind "$ROOT/etc"
    apply; rc_is 1; has "$M/err" "error: cannot write /etc/"; has "$M/err" "mount options"; status_says '"result": "failed"'
    same "$(count 'apt-get install')" 0 "went on"
    umount "$ROOT/etc"; apply; rc_is 0; same "$(end_state)" "$want" "another end"
}

may_mount() {
    [ -n "${OWN_MOUNTS:-}" ] || echo "skipped: $CASE needs root and mounts of its own"
    [ -n "${OWN_MOUNTS:-}" ]
}
