# shellcheck shell=sh
# shellcheck disable=SC2034,SC2016,SC2028  # lib.sh reads what the cases set; what sleeps do is expanded when it happens
# What apply makes of other hosts, and of what its own services were before.

# three: this master's two peers, each with two services; ZooKeeper answers a question.
three() {
    for th_n in 2 3; do
        for th_service in zookeeper:2181 mesos-master:5050; do
            th_ask=""
            [ "$th_service" != zookeeper:2181 ] || th_ask=',"ask":"srvr","answer":"^Mode: (leader|follower)"'
            PEERS="$PEERS${PEERS:+,}{\"service\":\"${th_service%:*}\",\"name\":\"master$th_n\",\"address\":\"192.0.2.$th_n\",\"ports\":[${th_service#*:}]$th_ask}"
        done
        echo "Mode: follower" >"$FAKE/answer.192.0.2.$th_n"
    done
    echo "Mode: leader" >"$FAKE/answer.192.0.2.1"
}
up() { for up_n in "$@"; do printf '192.0.2.%s 2181\n192.0.2.%s 5050\n' "$up_n" "$up_n" >>"$FAKE/reach"; done; }
off() { grep -v "^192.0.2.$1 " "$FAKE/reach" >"$FAKE/reach.new"; mv "$FAKE/reach.new" "$FAKE/reach"; }
ensemble() { machine "$1" upstart; seed "$SEED"; master_files; three; seal; up 1; }
# at_sleep N COMMANDS: the world changes at the N-th sleep.
at_sleep() { printf '%s\n' 'n=$(grep -c "^sleep" "$FAKE/calls"); [ "$n" != '"$1"' ] || { '"$2"'; }' >>"$FAKE/on-sleep"; }
reachable() { echo "printf '192.0.2.$1 2181\\n192.0.2.$1 5050\\n' >>\"\$FAKE/reach\""; }

# The first formation needs all; who is missing is named everywhere, and two of three are not called enough.
case_formation() {
    ensemble together; up 2 3; apply; rc_is 0
    has "$M/out" "all other hosts of its services are there"; status_says '"missing": []'
    hasnt "$FAKE/calls" "sleep 5"

    ensemble late; up 2
    at_sleep 3 'cp "$CLUSTERSEED_ROOT/var/lib/clusterseed/status.json" "$FAKE/waiting.json"; '"$(reachable 3)"
    apply; rc_is 0
    has "$M/out" "this host is ready; waiting 600 s at most for master3 (192.0.2.3: zookeeper, mesos-master)"
    has "$ROOT/dev/console" "ready, waiting for master3"
    has "$FAKE/waiting.json" '"result": "running"'; has "$FAKE/waiting.json" '"missing": ["master3"]'
    has "$FAKE/waiting.json" 'ready and waits for master3'
    status_says '"result": "done"'; status_says '"missing": []'
    before=$(snapshot); calls; apply; rc_is 0; same "$(snapshot)" "$before" "second run touched something"

    ensemble never; up 2; apply; rc_is 8
    has "$M/err" "the cluster has not formed after 600 s: missing is master3 (192.0.2.3: zookeeper, mesos-master)"
    has "$M/err" "a majority is not enough"
    status_says '"missing": ["master3"]'; status_says '"phase": "report"'; status_says '"exit": 8'
    runs zookeeper mesos-master
    there "$ROOT/var/lib/clusterseed/state/unfinished"
    up 3; apply; rc_is 0; gone "$ROOT/var/lib/clusterseed/state/unfinished"

    # A server that listens and has no ensemble does not count.
    ensemble deaf; up 2 3; echo "This ZooKeeper instance is not currently serving requests" >"$FAKE/answer.192.0.2.3"; apply; rc_is 8
    has "$M/err" "missing is master3 (192.0.2.3: zookeeper);"

    # Once formed, a missing one is told and nothing waits.
    ensemble formed; up 2 3; apply; off 2; calls; apply; rc_is 0
    has "$M/out" "not there: master2 (192.0.2.2: zookeeper, mesos-master)"; hasnt "$FAKE/calls" "sleep 5"

    machine unasked upstart; seed "$SEED"; master_files; three; FORMATION=0; seal; apply; rc_is 0
    has "$M/out" "not there: master2 (192.0.2.2: zookeeper, mesos-master), master3"
}

# A change that reaches all hosts at once: each restarts in its own share of the clock, with the others at work.
case_turns() {
    for where in 1 2 3; do
        CASE="turns of the host at place $where"
        ensemble "turn$where"
        # The addresses decide the order: this host is first, second, third of three.
        up 2 3; apply; rc_is 0; calls
        seed "$SEED"; master_files; three
        case $where in
            2) ADDRESS=192.0.2.25; PEERS=$(echo "$PEERS" | sed 's/"192.0.2.3"/"192.0.2.7"/g') ;;
            3) ADDRESS=192.0.2.7 ;;
        esac
        echo "$ADDRESS" >"$FAKE/addr"; printf '%s 2181\n%s 5050\n' "$ADDRESS" "$ADDRESS" >>"$FAKE/reach"; echo "Mode: follower" >"$FAKE/answer.$ADDRESS"
        printf '192.0.2.7 2181\n192.0.2.7 5050\n' >>"$FAKE/reach"; cp "$FAKE/answer.192.0.2.2" "$FAKE/answer.192.0.2.7"
        printf 'tickTime=3000\nclientPort=2181\n' | file /etc/zookeeper/conf/zoo.cfg 0644 root configure zookeeper; seal
        echo $((1800000000 / 90 * 90 + 45)) >"$FAKE/clock"       # the middle of the second one's share, too late to begin
        BORN_WAS=$BORN; BORN=1799000000; seal; BORN=$BORN_WAS
        at_sleep 200 'exit'
        apply; rc_is 0
        has "$M/out" "zookeeper waits for its turn"
        # Shares begin at 0, 30 and 60 of 90 seconds.
        case $where in 1) first=45 ;; 2) first=75 ;; 3) first=15 ;; esac
        same "$(grep -B 999 'initctl stop zookeeper' "$FAKE/calls" | grep -c '^sleep 1')" "$first" "seconds until its turn"
        same "$(count 'stop mesos-master')" 0 "mesos-master was restarted too"
    done

    CASE="turns with a host missing"
    ensemble missing; up 2 3; apply; old=$(cat "$FAKE/jobs/zookeeper"); off 3
    printf 'tickTime=3000\nclientPort=2181\n' | file /etc/zookeeper/conf/zoo.cfg 0644 root configure zookeeper; seal
    apply; rc_is 8
    has "$M/err" "a restart of zookeeper would leave it without a majority: missing is master3 (192.0.2.3: zookeeper)"
    same "$(cat "$FAKE/jobs/zookeeper")" "$old" "zookeeper was stopped"
    up 3; apply; rc_is 0
    ok "the restart was forgotten" [ "$(cat "$FAKE/jobs/zookeeper")" != "$old" ]

    # Without a majority there is nothing to break, and the change may be the cure.
    CASE="turns without a majority"
    ensemble none; up 2 3; apply; off 2; off 3; echo 1800000040 >"$FAKE/clock"; BORN_WAS=$BORN; BORN=1799000000
    printf 'tickTime=3000\nclientPort=2181\n' | file /etc/zookeeper/conf/zoo.cfg 0644 root configure zookeeper; seal
    BORN=$BORN_WAS; calls; apply; rc_is 0; has "$M/out" "no majority that a restart could break"; same "$(count 'initctl stop zookeeper')" 1 "restarts"
    ok "gave the others no time" [ "$(count 'sleep 1')" -gt 20 ]

    # While a leader restarts nobody serves for a moment: that is no lost majority.
    CASE="turns during an election"
    ensemble election; up 2 3; apply; echo 1800000010 >"$FAKE/clock"; BORN=1799000000
    printf 'tickTime=3000\nclientPort=2181\n' | file /etc/zookeeper/conf/zoo.cfg 0644 root configure zookeeper; seal; BORN=$BORN_WAS
    for e_n in 2 3; do echo "not currently serving requests" >"$FAKE/answer.192.0.2.$e_n"; done
    calls; at_sleep 5 'for n in 2 3; do echo "Mode: follower" >"$FAKE/answer.192.0.2.$n"; done'
    apply; rc_is 0; hasnt "$M/out" "has no majority"; has "$M/out" "zookeeper waits for its turn"

    CASE="turns in a cluster that never formed"
    ensemble unformed; up 2; apply; rc_is 8
    printf 'tickTime=3000\nclientPort=2181\n' | file /etc/zookeeper/conf/zoo.cfg 0644 root configure zookeeper; seal
    up 3; apply; rc_is 0; hasnt "$M/out" "zookeeper waits"

    CASE="turns that end badly"
    ensemble mute; up 2 3; apply; echo "not currently serving" >"$FAKE/answer.192.0.2.1"
    printf 'tickTime=3000\nclientPort=2181\n' | file /etc/zookeeper/conf/zoo.cfg 0644 root configure zookeeper; seal
    apply; rc_is 6; has "$M/err" "zookeeper listens again, but does not serve after 5 s"
}

# What a slave announced once may not change behind its back.
slave_identity() {
    IDENTITIES='{"service":"mesos-slave","paths":["/etc/mesos-slave/ip","/etc/mesos-slave/attributes/"],"guard":"/var/lib/mesos/meta/slaves/latest",
        "allowed":'"$1"',"why":"a changed slave loses its tasks: drain it, set accept_new_identity"}'
}
has_run() { mkdir -p "$ROOT/var/lib/mesos/meta/slaves"; ln -s S0 "$ROOT/var/lib/mesos/meta/slaves/latest"; }

case_identity() {
    slave identity; seed "$SEED"; slave_files; slave_identity false; seal; apply; rc_is 0; has_run
    apply; rc_is 0
    seed "$SEED"; slave_files; slave_identity false; echo r2 | file /etc/mesos-slave/attributes/rack 0644 root configure mesos-slave; seal
    refused 9 "mesos-slave has run as somebody else: /etc/mesos-slave/attributes/rack would change"
    has "$M/err" "next: a changed slave loses its tasks"
    apply --phase configure; rc_is 9
    apply --check; rc_is 1; has "$M/out" "differs: the identity of mesos-slave"; has "$M/out" "differs: /etc/mesos-slave/attributes/rack"
    calls; seed "$SEED"; slave_files; slave_identity true; echo r2 | file /etc/mesos-slave/attributes/rack 0644 root configure mesos-slave; seal
    apply --dry-run; rc_is 0; has "$M/out" "would let go of the identity of mesos-slave"
    apply; rc_is 0
    gone "$ROOT/var/lib/mesos/meta/slaves/latest"; has "$ROOT/etc/mesos-slave/attributes/rack" r2
    same "$(grep '^systemctl [a-z]* mesos-slave' "$FAKE/calls" | cut -d' ' -f2 | grep -v reset | tr '\n' ' ')" "stop start " "the slave was not stopped and started once"
    before=$(snapshot); apply; same "$(snapshot)" "$before" "second run touched something"

    CASE="identity without a file that an earlier seed had"
    has_run; seed "$SEED"; slave_files; slave_identity false; seal; refused 9 "/etc/mesos-slave/attributes/rack would change"

    # A new work_dir has no guard; the one of the old seed counts.
    CASE="identity with another guard"
    seed "$SEED"; slave_files; slave_identity false; IDENTITIES=$(echo "$IDENTITIES" | sed 's#/var/lib/mesos/meta#/srv/mesos/meta#'); seal; refused 9 "would change"

    # Cut after the files were written, before the slave could forget: the next run still knows.
    CASE="identity, cut in the middle"
    slave identitycut; seed "$SEED"; slave_files; slave_identity true; seal; apply; has_run
    echo 192.0.2.99 | file /etc/mesos-slave/ip 0644 root configure mesos-slave; seal
    apply --phase verify --phase hold,configure; rc_is 0; there "$ROOT/var/lib/mesos/meta/slaves"
    ok "forgot too early" [ -L "$ROOT/var/lib/mesos/meta/slaves/latest" ]
    apply; rc_is 0; gone "$ROOT/var/lib/mesos/meta/slaves/latest"; ok "still a link" [ ! -L "$ROOT/var/lib/mesos/meta/slaves/latest" ]

    # What a failed run was allowed to do is not done when the change is taken back.
    CASE="identity, taken back"
    slave identityback; seed "$SEED"; slave_files; slave_identity false; seal; apply; has_run
    seed "$SEED"; slave_files; slave_identity true; echo 192.0.2.99 | file /etc/mesos-slave/ip 0644 root configure mesos-slave
    PACKAGES='{"name":"notoffered"}'; seal; apply; rc_is 5
    apply --phase verify; apply --check; rc_is 1
    seed "$SEED"; slave_files; slave_identity false; seal; apply; rc_is 0; apply --check; rc_is 0
    ok "forgot for nothing" [ -L "$ROOT/var/lib/mesos/meta/slaves/latest" ]

    # It is what it ran as that counts: a file that an admin spoiled is mended.
    CASE="identity, mended"
    rm "$ROOT/etc/mesos-slave/ip"; apply; rc_is 0; has "$ROOT/etc/mesos-slave/ip" 192.0.2.51
    ok "forgot for nothing" [ -L "$ROOT/var/lib/mesos/meta/slaves/latest" ]

    # It ran before there was a seed.
    CASE="identity, adopted"
    slave identityold; seed "$SEED"; slave_files; slave_identity false; seal; has_run; mkdir -p "$ROOT/etc/mesos-slave"
    echo 192.0.2.7 >"$ROOT/etc/mesos-slave/ip"; refused 9 "/etc/mesos-slave/ip would change"
    seed "$SEED"; slave_files; slave_identity true; seal; apply; rc_is 0; ok "kept" [ ! -L "$ROOT/var/lib/mesos/meta/slaves/latest" ]

    CASE="identity of a slave that never ran"
    slave identitynew; seed "$SEED"; slave_files; slave_identity false; seal; apply
    echo 192.0.2.99 | file /etc/mesos-slave/ip 0644 root configure mesos-slave; seal; apply; rc_is 0
}

# A full run that was cut off goes on at the next boot: the job is there before anything else, and does nothing without the mark.
case_resume() {
    master resume; echo KILL >"$FAKE/kill-in-apt"; apply; rc_is 137
    job=$ROOT/etc/init/clusterseed-resume.conf
    there "$ROOT/var/lib/clusterseed/state/unfinished" "$ROOT/var/lib/clusterseed/state/begun" "$job"
    # What the job runs, on this machine: it goes on, and does nothing once there is nothing left.
    sed -n "s/^exec .bin.sh -c '\(.*\)'$/\1/p" "$job" | sed "s#/var/lib/clusterseed#$ROOT/var/lib/clusterseed#g" >"$M/job"
    has "$M/job" "seed/apply --wait"
    mv "$SEED" "$SEED.new"                # a cut between two renames
    CLUSTERSEED_ROOT=$ROOT FAKE=$FAKE PATH=$FIXTURES/bin:$TOOLS:$SYSTEM sh "$M/job" >"$M/out" 2>&1
    runs zookeeper mesos-master; gone "$ROOT/var/lib/clusterseed/state/unfinished"; status_says '"result": "done"'
    calls; CLUSTERSEED_ROOT=$ROOT FAKE=$FAKE PATH=$FIXTURES/bin:$TOOLS:$SYSTEM sh "$M/job" >"$M/out" 2>&1; same "$(cat "$FAKE/calls")" "" "the job did something"
    has "$job" "start on stopped rc RUNLEVEL=[2345]"
    apply; rc_is 0; gone "$ROOT/var/lib/clusterseed/state/unfinished"; there "$ROOT/var/lib/clusterseed/state/begun" "$job"
    # Refused before it began: nothing that could go on.
    master notbegun; echo 192.0.2.99 >"$FAKE/addr"; apply; rc_is 3; gone "$ROOT/etc/init/clusterseed-resume.conf" "$ROOT/var/lib/clusterseed/state/begun"
    # Only some phases are somebody's own decision.
    master some; apply --phase hold; rc_is 0; gone "$ROOT/var/lib/clusterseed/state/unfinished"
    slave resumed; apply; rc_is 0
    has "$ROOT/etc/systemd/system/clusterseed-resume.service" "ConditionPathExists=/var/lib/clusterseed/state/unfinished"
    ok "not enabled" [ -e "$ROOT/etc/systemd/system/multi-user.target.wants/clusterseed-resume.service" ]
    # By hand, the seed lies where a boot finds it before the first hold.
    machine handcut upstart; seed "$M/unpacked"; master_files; seal; SEED=$M/unpacked
    echo KILL >"$FAKE/kill-in-apt"; apply; rc_is 137; ok "no seed to go on with" cmp -s "$SEED/apply" "$ROOT/var/lib/clusterseed/seed/apply"
}

case_clock() {
    master early; echo $((BORN - 1)) >"$FAKE/clock"; refused 1 "a time before this seed was made"
    master far; echo $((BORN + 21 * 365 * 86400)) >"$FAKE/clock"; refused 1 "many years after this seed was made"
}
