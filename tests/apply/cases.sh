# shellcheck shell=sh
# shellcheck disable=SC2034  # lib.sh reads what the cases set
# What apply does to a machine. One function per case; the names are printed on failure.

case_upstart() {
    master upstart; apply; rc_is 0
    ok "not all packages" [ "$(cat "$FAKE"/dpkg/* | grep -c 'install ok installed')" = 3 ]
    runs zookeeper mesos-master
    same "$(count 'EVENT STARTED')$(count 'POSTINST STARTED')" 00 "something started before its time"
    has "$FAKE/calls" "policy denied zookeeper"
    gone "$ROOT/usr/sbin/policy-rc.d" "$ROOT/etc/init/zookeeper.override"
    same "$(cat "$ROOT/etc/init/mesos-slave.override" "$ROOT/etc/init/marathon.override")" "manual
manual" "other roles are not held"
    has "$ROOT/etc/init/mesos-master.override" "respawn limit"
    same "$(readlink "$ROOT/etc/alternatives/zookeeper-conf")" /etc/zookeeper/conf_clusterseed "alternative"
    has "$ROOT/etc/zookeeper/conf_clusterseed/zoo.cfg" clientPort
    gone "$ROOT/etc/zookeeper/conf_clusterseed/.clusterseed-new"
    mode_is "$ROOT/etc/mesos/zk" 600
    mode_is "$ROOT/var/lib/mesos" 750
    mode_is "$ROOT/etc/mesos-master" 755
    if [ "$(/usr/bin/id -u)" = 0 ]; then same "$(stat -c %u "$ROOT/etc/zookeeper/conf_clusterseed/myid")" 4321 "owner of myid"; fi
    same "$(grep -n 'initctl start' "$FAKE/calls" | cut -d' ' -f3 | tr '\n' ' ')" "zookeeper mesos-master " "order of starts"
    has "$FAKE/calls" "apt-get option --no-install-recommends"
    hasnt "$FAKE/calls" force-yes
    status_says '"result": "done"'; status_says '"exit": 0'; status_says '"partial": false'
    same "$(grep -c '"result": "done", "seconds"' "$ROOT/var/lib/clusterseed/status.json")" 9 "nine phases recorded"
    mode_is "$ROOT/var/lib/clusterseed/status.json" 644
    mode_is "$ROOT/var/log/clusterseed.log" 640
    has "$ROOT/dev/console" "master1: done"
    ok "a restart is still due" [ ! -s "$ROOT/var/lib/clusterseed/state/restart" ]
    if command -v python3 >/dev/null; then ok "status.json is no JSON" python3 -m json.tool "$ROOT/var/lib/clusterseed/status.json" /dev/null; fi
}

case_systemd() {
    slave systemd; apply; rc_is 0
    runs mesos-slave
    same "$(count 'EVENT STARTED')$(count 'POSTINST STARTED')" 00 "something started before its time"
    has "$ROOT/etc/systemd/system/zookeeper.service.d/clusterseed-hold.conf" "ConditionPathExists=!/"
    gone "$ROOT/etc/systemd/system/mesos-slave.service.d/clusterseed-hold.conf"
    ok "not enabled" [ -L "$ROOT/etc/systemd/system/multi-user.target.wants/mesos-slave.service" ]
    has "$FAKE/calls" "systemctl daemon-reload"
    before=$(snapshot); calls; apply; rc_is 0
    same "$(snapshot)" "$before" "second run touched something"
    same "$(cat "$FAKE/calls")" "" "second run called something"
}

case_second_run() {
    master second; apply; before=$(snapshot); calls; apply; rc_is 0
    same "$(snapshot)" "$before" "second run touched something"
    same "$(cat "$FAKE/calls")" "" "second run called something"
    apply; rc_is 0; same "$(snapshot)" "$before" "third run touched something"
    apply --check; rc_is 0
    status_says '"changes": 0'
}

case_changed_file() {
    master changed; apply; zk=$(cat "$FAKE/jobs/zookeeper"); calls
    seed "$SEED"; master_files; echo 10.0.0.1 | file /etc/mesos-master/ip 0644 root configure mesos-master; seal
    apply --check; rc_is 1; has "$M/out" "differs: /etc/mesos-master/ip"
    apply; rc_is 0
    has "$ROOT/etc/mesos-master/ip" 10.0.0.1
    same "$(grep 'initctl [^r]' "$FAKE/calls" | tr '\n' ';')" "initctl stop mesos-master;initctl start mesos-master;" "restarts"
    same "$(cat "$FAKE/jobs/zookeeper")" "$zk" "zookeeper was restarted too"
    ok "a restart is still due" [ ! -s "$ROOT/var/lib/clusterseed/state/restart" ]
    chmod 0666 "$ROOT/etc/mesos-master/quorum"; calls; apply; rc_is 0
    mode_is "$ROOT/etc/mesos-master/quorum" 644
    same "$(count 'initctl start')" 1 "a changed mode restarts"
}

# An override or drop-in of the host's own service changes while it runs.
case_changed_override() {
    master override; apply; calls
    seed "$SEED"; master_files; drop_file /etc/init/mesos-master.override; echo "env A=b" | file /etc/init/zookeeper.override 0644 root release zookeeper; seal
    apply; rc_is 0
    gone "$ROOT/etc/init/mesos-master.override"
    has "$ROOT/etc/init/zookeeper.override" "env A=b"
    has "$FAKE/calls" "initctl reload-configuration"
    has "$FAKE/calls" "initctl stop zookeeper"
    before=$(snapshot); apply; same "$(snapshot)" "$before" "second run touched something"
}

case_stale() {
    master stale
    echo true | file /etc/mesos-master/authenticate 0644 root configure mesos-master; seal
    apply; there "$ROOT/etc/mesos-master/authenticate"
    echo mine >"$ROOT/etc/mesos-master/of_the_admin"; calls
    seed "$SEED"; master_files; seal
    apply --dry-run; there "$ROOT/etc/mesos-master/authenticate"
    apply; rc_is 0
    gone "$ROOT/etc/mesos-master/authenticate"
    there "$ROOT/etc/mesos-master/of_the_admin"
    same "$(grep -c 'initctl stop' "$FAKE/calls")" 1 "restarts for a removed flag"
    before=$(snapshot); apply; same "$(snapshot)" "$before" "second run touched something"
}

# The same machine becomes another role: what ran before is stopped and held.
case_role_change() {
    master role; apply
    seed "$SEED"; master_files
    SERVICES='{"name":"mesos-slave","ports":[5051],"wait_seconds":5}' ALTERNATIVES=""
    for f in /etc/init/mesos-slave.override /etc/init/mesos-master.override /etc/zookeeper/conf/zoo.cfg /etc/zookeeper/conf/myid; do drop_file $f; done; seal
    apply; rc_is 0
    runs mesos-slave
    has "$FAKE/jobs/zookeeper" stopped; has "$FAKE/jobs/mesos-master" stopped
    has "$ROOT/etc/init/mesos-master.override" manual
    gone "$ROOT/etc/init/mesos-slave.override"
    before=$(snapshot); apply; same "$(snapshot)" "$before" "second run touched something"
}

# An image may come with another answer to quorum: the package leaves its own beside it.
case_sweep() {
    master sweep; mkdir -p "$ROOT/etc/mesos-master/sub" "$ROOT/etc/other"
    for f in quorum hostname~ x.bak x.orig x.rej .x.swp x.save x.ucf-old sub/x.dpkg-old x.dpkg-new work_dir backup; do : >"$ROOT/etc/mesos-master/$f"; done
    : >"$ROOT/etc/other/y.bak"; ln -s /nowhere "$ROOT/etc/mesos-master/link.bak"
    apply; rc_is 0
    has "$M/out" "remove /etc/mesos-master/quorum.dpkg-dist"
    same "$(cd "$ROOT/etc/mesos-master" && find . ! -type d | sort | tr '\n' ' ')" "./backup ./ip ./quorum ./work_dir " "what is left"
    there "$ROOT/etc/other/y.bak"
}

case_order() {
    master order
    apply --phase hold,sources; rc_is 0
    status_says '"partial": true'
    for j in zookeeper mesos-master mesos-slave marathon; do has "$ROOT/etc/init/$j.override" manual; done
    apply --phase=install --phase sweep,configure; rc_is 0
    has "$ROOT/etc/init/mesos-master.override" manual
    same "$(grep -c running "$FAKE"/jobs/* | grep -vc ':0')" 0 "a service runs before release"
    apply --phase release; gone "$ROOT/etc/init/zookeeper.override"
    apply; rc_is 0; runs zookeeper mesos-master
}

# A daemon that a package or image started with its defaults is not left running with them.
case_already_running() {
    master running; echo "running 77" >"$FAKE/jobs/zookeeper"; echo "running 78" >"$FAKE/jobs/mesos-slave"
    apply; rc_is 0
    ok "zookeeper kept its defaults" lacks "$FAKE/jobs/zookeeper" 77
    has "$FAKE/jobs/mesos-slave" stopped
}

case_upgrade() {
    master upgrade; apply; calls
    echo "mesos 0.21.1-1.1.ubuntu1404" >>"$FAKE/repo"
    seed "$SEED"; master_files; PACKAGES='{"name":"mesos","version":"0.21.*"},{"name":"zookeeperd"}'; seal
    apply; rc_is 0
    has "$FAKE/dpkg/mesos" 0.21.1
    same "$(count 'initctl stop')" 2 "services restarted after an upgrade"
}

case_commands() {
    master commands; apply; rc_is 0
    same "$(cat "$FAKE/witness")" "<two words>
<line
break
>
<\$HOME \`x\` \"q\" \\n>
<é€😀>
<>
<second>
<hush-hush>
<fourth>" "arguments"
    apply; same "$(count witness)" 4 "commands ran again"
    hasnt "$M/out" hush-hush; hasnt "$ROOT/var/lib/clusterseed/status.json" hush-hush
    master failing; : >"$FAKE/witness-fails"; apply; rc_is 1
    hasnt "$M/err" hush-hush; hasnt "$ROOT/var/lib/clusterseed/status.json" hush-hush
    same "$(count 'apt-get install')" 0 "went on after a failed command"
    rm "$FAKE/witness-fails"; apply; rc_is 0; same "$(count witness)" 5 "a failed command runs again"
}

case_dry() {
    master dry; before=$(snapshot)
    apply --dry-run; rc_is 0; has "$M/out" "would install mesos=0.20.1"; has "$M/out" "would start mesos-master"
    same "$(snapshot)" "$before" "--dry-run touched something"
    apply --check; rc_is 1; has "$M/out" "differs: /etc/mesos/zk"
    same "$(snapshot)" "$before" "--check touched something"
    same "$(cat "$FAKE/calls")" "" "a tool that changes things was called"
    gone "$ROOT/var/log/clusterseed.log" "$ROOT/var/lib/clusterseed/status.json" "$ROOT/run/clusterseed.lock"
    apply --check --dry-run; rc_is 2
    apply --phase nonsense; rc_is 2
    apply --frobnicate; rc_is 2
    apply --help; rc_is 0; has "$M/out" usage
    ok "temporary files stay" [ -z "$(find "$ROOT/run" -name 'clusterseed.??????')" ]
}

# Killed before or after every fifth rename (RENAMES=1: each), and inside apt; each time nothing runs before its time and a
# second run comes to the same end.
case_killed() {
    master whole; apply; rc_is 0; want=$(end_state) n=$(cat "$FAKE/mv")
    ok "few renames: $n" [ "$n" -gt 20 ]
    i=1
    while [ "$i" -le "$n" ]; do
        CASE="killed at rename $i"
        master "killed$i"
        when=before; [ $((i % 2)) = "${HALF:-0}" ] || when=after
        echo "$i $when" >"$FAKE/kill-mv"
        apply; rc_is 137
        # whatever started would have to have its configuration by now
        [ "$(count 'initctl start')" = 0 ] || there "$ROOT/etc/mesos-master/ip"
        same "$(count 'EVENT STARTED')$(count 'POSTINST STARTED')" 00 "something started before its time"
        apply; rc_is 0
        same "$(count 'EVENT STARTED')$(count 'POSTINST STARTED')" 00 "something started before its time"
        same "$(end_state)" "$want" "another end"
        i=$((i + ${RENAMES:-5}))
    done
    CASE="stopped in apt"
    master stoppedapt; echo TERM >"$FAKE/kill-in-apt"; apply; rc_is 1
    gone "$ROOT/usr/sbin/policy-rc.d"; status_says "stopped by a signal in phase install"; has "$M/err" "next: run apply again"
    apply; rc_is 0; same "$(end_state)" "$want" "another end"
    CASE="killed in apt"
    master killedapt; echo KILL >"$FAKE/kill-in-apt"; apply; rc_is 137
    there "$ROOT/usr/sbin/policy-rc.d"
    echo "mesos is half-configured" >"$FAKE/audit"; rm "$FAKE/dpkg/mesos"
    apply; rc_is 0; gone "$ROOT/usr/sbin/policy-rc.d"
    has "$FAKE/calls" "--configure -a"
    same "$(end_state)" "$want" "another end"
}

# A restart that was due when the run died is not forgotten.
case_killed_before_restart() {
    master restart; apply; old=$(cat "$FAKE/jobs/mesos-master")
    seed "$SEED"; master_files; echo 10.0.0.1 | file /etc/mesos-master/ip 0644 root configure mesos-master; seal
    apply --phase configure; same "$(cat "$FAKE/jobs/mesos-master")" "$old" "restarted too early"
    apply --check; rc_is 1
    apply; rc_is 0
    ok "not restarted" [ "$(cat "$FAKE/jobs/mesos-master")" != "$old" ]
}

# The unit that systemd makes of a SysV script stays active when its daemon has died: only the port tells.
case_dead_daemon() {
    slave dead; apply; rc_is 0
    : >"$ROOT/proc/net/tcp"
    apply --check; rc_is 1; has "$M/out" "differs: mesos-slave: nothing listens on port 5051"
    calls; apply; rc_is 0
    same "$(count 'systemctl stop')$(count 'systemctl start')" 11 "restarts"
    apply --check; rc_is 0
}

# Unpacked by hand somewhere else, the seed is kept at its place for later runs.
case_by_hand() {
    machine hand upstart; seed "$M/unpacked"; master_files; seal; SEED=$M/unpacked
    apply; rc_is 0
    ok "no copy" cmp -s "$M/unpacked/SHA256SUMS" "$ROOT/var/lib/clusterseed/seed/SHA256SUMS"
    mode_is "$ROOT/var/lib/clusterseed/seed" 700
    place=$ROOT/var/lib/clusterseed/seed
    : >"$place/apply"; apply; rc_is 0; ok "a spoiled copy was kept" [ -s "$place/apply" ]
    if [ "$(/usr/bin/id -u)" = 0 ]; then
        rm -rf "$place"; chown -R 1234 "$SEED"; apply; rc_is 0; same "$(find "$place" -user 1234)" "" "root runs what another owns"
    fi
    SEED=$place; calls; apply; rc_is 0; same "$(cat "$FAKE/calls")" "" "second run called something"
}

case_secrets() {
    master secrets; apply; rc_is 0
    for f in "$M/out" "$M/err" "$ROOT/var/log/clusterseed.log" "$ROOT/var/lib/clusterseed/status.json" "$ROOT/dev/console"; do hasnt "$f" s3cr3t; done
    echo deaf >"$FAKE/broken/mesos-master"; echo stopped >"$FAKE/jobs/mesos-master"
    apply; rc_is 6
    has "$ROOT/var/log/clusterseed.log" "secret in a service log zk://***@192.0.2.1"
    hasnt "$M/err" "secret in a service log"
    for f in "$M/out" "$M/err" "$ROOT/var/log/clusterseed.log" "$ROOT/var/lib/clusterseed/status.json"; do hasnt "$f" s3cr3t; done
}
