# shellcheck shell=sh
# shellcheck disable=SC2034,SC2016  # lib.sh reads what the cases set
# What apply gives to a running service, once: the service is a fixture of Marathon (tests/apps/marathon.py), which answers over TCP
# on addresses of the loopback network, one for each host.

# marathon NAME: starts it; its state is in $MARATHON, its addresses are $NET.1 to $NET.3, on port $DOOR.
marathon() {
    MARATHON=$T/marathon.$CASE.$1
    mkdir -p "$MARATHON"
    mkfifo "$MARATHON/hold"
    # Other runs of these tests may be at work, and other cases: no network is used twice, and one that is taken is left alone.
    ma_try=$(($$ % 200))
    while :; do
        ma_try=$((ma_try + 1))
        mkdir "$T/net.$ma_try" 2>/dev/null || continue
        NET=127.$((ma_try / 200 + 20)).$((ma_try % 200 + 1)) DOOR=18080
        python3 "$HERE/../apps/marathon.py" "$MARATHON" "$DOOR" "$NET.1" "$NET.2" "$NET.3" <"$MARATHON/hold" >"$MARATHON/ready" 2>"$MARATHON/err" &
        ma_pid=$!
        exec 8>"$MARATHON/hold"
        while [ ! -s "$MARATHON/ready" ] && kill -0 "$ma_pid" 2>/dev/null; do /bin/sleep 0.05; done
        [ ! -s "$MARATHON/ready" ] || break
        exec 8>&-
    done
    : >"$MARATHON/registered"; leader 1
}
leader() { echo "$NET.$1:$DOOR" >"$MARATHON/leader"; }
fault() { printf '%s\n' "$*" >>"$MARATHON/faults"; }
puts() { grep -c " PUT " "$MARATHON/requests"; }
asked() { wc -l <"$MARATHON/requests"; }
# No fixture of the next case may find this one's door open.
over() { exec 8>&-; wait "$ma_pid" 2>/dev/null; }

# giver N APP...: a master whose own instance is number N, with these apps.
giver() {
    gi_n=$1; shift
    if [ -d "$T/${OF}m$gi_n" ]; then M=$T/${OF}m$gi_n ROOT=$T/${OF}m$gi_n/root FAKE=$T/${OF}m$gi_n/fake SEED=$T/${OF}m$gi_n/root/var/lib/clusterseed/seed
    else machine "m$gi_n" upstart
    fi
    rm -f "$FAKE/on-sleep"
    seed "$SEED"; master_files
    gi_documents=""
    for gi_app in "$@"; do
        echo "{\"id\": \"$gi_app\", \"cmd\": \"echo ${WORDS:-hello}; sleep 10\"}" | file "/etc/clusterseed/apps/$gi_app.json" 0600 root configure ""
        gi_documents="$gi_documents${gi_documents:+,}{\"of\":\"apps\",\"key\":\"$gi_app\",\"path\":\"/v2/apps/$gi_app\",\"there\":\"\\\"id\\\" *: *\\\"/?$gi_app\\\"\",\"file\":\"/etc/clusterseed/apps/$gi_app.json\"}"
    done
    RELIES_ON=",\"submissions\":[{\"name\":\"apps\",\"noun\":\"app\",\"service\":\"marathon\",\"address\":\"$NET.$gi_n\",\"port\":$DOOR,\"ask\":\"/v2/info\",\"leads\":\"\\\"leader\\\" *: *\\\"$NET.$gi_n:$DOOR\\\"\",\"ready\":\"\\\"frameworkId\\\" *: *\\\"\",\"waits\":\"it has not registered yet\"${LOGIN:+,\"login\":\"/etc/marathon/conf/http_credentials\"},\"seconds\":${SECONDS_TO_TRY:-60}}],\"documents\":[$gi_documents]"
    [ -z "${LOGIN:-}" ] || printf '%s' "$LOGIN" | file /etc/marathon/conf/http_credentials 0600 root configure ""
    cp "$HERE/../../src/seed/submit" "$S/submit"
    seal; RELIES_ON=""
}

# The leader puts what is not there, once; what somebody removed or changed afterwards stays so.
case_submit() {
    marathon one; giver 1 hello2
    apply --check; rc_is 1; has "$M/out" "differs: app hello2: it was never seen at marathon"; gone "$MARATHON/requests"
    apply; rc_is 0
    has "$M/out" "app hello2: submitted to marathon"; same "$(puts)" 1 "not one PUT"
    has "$MARATHON/apps/hello2" "echo hello; sleep 10"
    status_says '{"name": "apps/hello2", "result": "submitted"}'; status_says '{"name": "submit", "result": "done"'
    before=$(asked); apply; rc_is 0; same "$(asked)" "$before" "a second run asks"; status_says '"result": "known"'
    apply --check; rc_is 0
    rm "$MARATHON/apps/hello2"; apply; rc_is 0; gone "$MARATHON/apps/hello2"

    # Another seed has it otherwise and one more: only that one is new.
    WORDS=changed giver 1 hello2 second; apply; rc_is 0
    has "$M/out" "hello2 is another one in the seed than the one that was submitted; nothing is overwritten"
    gone "$MARATHON/apps/hello2"; there "$MARATHON/apps/second"; same "$(puts)" 2 "not one PUT more"
    # What left the seed may come again as something new.
    giver 1 second; apply; rc_is 0; giver 1 hello2 second; apply; rc_is 0; there "$MARATHON/apps/hello2"
    rm "$MARATHON/apps/hello2"; giver 1; apply; rc_is 0; giver 1 hello2; apply; rc_is 0; there "$MARATHON/apps/hello2"

    # What is there already is nobody's to overwrite.
    giver 2 hello2; leader 2; before=$(puts); apply; rc_is 0; same "$(puts)" "$before" "it was put again"
    has "$M/out" "app hello2: marathon has it"; status_says '"result": "there"'
    over
}

# Three at the same time: one PUT, whoever ends first.
case_submit_race() {
    marathon race; leader 2
    for n in 1 2 3; do giver $n hello2 second; done
    ra_all=
    for n in 1 2 3; do
        (M=$T/${OF}m$n; ROOT=$M/root FAKE=$M/fake SEED=$M/root/var/lib/clusterseed/seed; WORKER=race$n apply; echo "$RC" >"$M/rc") &
        ra_all="$ra_all $!"
    done
    # shellcheck disable=SC2086  # three numbers
    wait $ra_all
    for n in 1 2 3; do
        M=$T/${OF}m$n ROOT=$T/${OF}m$n/root
        same "$(cat "$M/rc")" 0 "master$n did not end well"
        has "$ROOT/var/lib/clusterseed/state/submitted" hello2; has "$ROOT/var/lib/clusterseed/state/submitted" second
    done
    same "$(grep -c "^$NET.2 PUT .* 201" "$MARATHON/requests")" 2 "the leader did not put each once"
    same "$(puts)" 2 "more was put than there is"
    cat "$T"/said.race* >>"$T/said.${WORKER:-}"; rm -f "$T"/said.race*
    over
}

# Leadership moves between the question and the answer to it: the new one does it, and nobody twice.
case_submit_moves() {
    marathon moves; giver 1 hello2; giver 2 hello2
    fault GET /v2/apps/hello2 lead "$NET.2:$DOOR"
    M=$T/${OF}m1 ROOT=$T/${OF}m1/root FAKE=$T/${OF}m1/fake SEED=$T/${OF}m1/root/var/lib/clusterseed/seed
    SECOND=$T/${OF}m2
    echo '! grep -q "^sleep 5" "$FAKE/calls" || [ -f "$FAKE/second" ] || { : >"$FAKE/second"; CLUSTERSEED_ROOT='"$SECOND/root FAKE=$SECOND/fake PATH=$FIXTURES/bin:$TOOLS:$SYSTEM $SHELL_UNDER_TEST $SECOND/root/var/lib/clusterseed/seed/apply >$SECOND/out 2>&1; echo \$? >$SECOND/rc; }" >"$FAKE/on-sleep"
    apply; rc_is 0; same "$(cat "$SECOND/rc")" 0 "the new leader did not end well"
    has "$M/out" "another host has become the leader"; has "$M/out" "app hello2: marathon has it"
    same "$(grep " PUT " "$MARATHON/requests")" "$NET.2 PUT /v2/apps/hello2 201" "it was not put once, by the new leader"

    # The leader's own run is off: the others say so, and end; the next run goes on.
    giver 3 third; leader 1; apply; rc_is 10
    has "$M/err" "after 60 s marathon does not have third: the host whose marathon leads has not submitted app third yet"
    status_says '"exit": 10'; status_says '"phase": "submit"'; status_says '{"name": "apps/third", "result": "waiting"}'
    there "$ROOT/var/lib/clusterseed/state/unfinished"; runs zookeeper mesos-master
    leader 3; apply; rc_is 0; there "$MARATHON/apps/third"; gone "$ROOT/var/lib/clusterseed/state/unfinished"
    over
}

# Whatever the service answers: it is waited for, or told.
case_submit_answers() {
    marathon answers; giver 1 one two
    fault PUT /v2/apps/one 422
    apply; rc_is 10
    has "$M/err" 'marathon refuses one (422: {"message": "fixture says 422; zk://***@h \u001b[2J"})'
    hasnt "$M/err" s3cr3t; has "$M/err" "mend it in the spec"
    there "$MARATHON/apps/two"; status_says '{"name": "apps/one", "result": "refused"}'; status_says '{"name": "apps/two", "result": "submitted"}'

    giver 1 one
    fault GET /v2/info 500; fault GET /v2/info garbage; fault GET /v2/apps/one 500; fault GET /v2/apps/one garbage
    fault GET /v2/info close; fault GET /v2/apps/one close; fault PUT /v2/apps/one close; fault PUT /v2/apps/one 503; fault PUT /v2/apps/one 409
    apply; rc_is 0
    for words in "answers /v2/info with 500" "answers /v2/apps/one with 500" "answers /v2/apps/one with something that is no app" \
        "did not answer while it was given app one" "answers with 503 to app one" "has no place for app one now (409)"; do has "$M/out" "$words"; done
    has "$MARATHON/apps/one" hello

    giver 1 slow; fault GET /v2/apps/slow hang; apply; rc_is 0; has "$M/out" "marathon does not answer on port $DOOR"

    giver 1 late; rm "$MARATHON/registered"
    echo '[ "$(grep -c "^sleep 5" "$FAKE/calls")" -lt 3 ] || : >'"$MARATHON/registered" >"$FAKE/on-sleep"
    apply; rc_is 0; has "$M/out" "marathon leads, but it has not registered yet"; there "$MARATHON/apps/late"

    giver 1 never; : >"$MARATHON/leader"; apply; rc_is 10; has "$M/err" "marathon does not have never: marathon answers /v2/apps/never with 503"
    over
    giver 1 nobody; apply; rc_is 10; has "$M/err" "marathon does not have nobody: marathon does not answer on port $DOOR"
}

# A login is asked for: it is sent, and seen nowhere.
case_submit_login() {
    marathon login; printf '%s\n' 'admin:s3"c\r3t' >"$MARATHON/login"
    LOGIN='admin:s3"c\r3t' giver 1 hello2; apply; rc_is 0; there "$MARATHON/apps/hello2"
    for place in "$M/out" "$M/err" "$FAKE/calls" "$ROOT/var/log/clusterseed.log" "$ROOT/var/lib/clusterseed/status.json"; do ok "$place has the login" lacks "$place" 's3"c'; done
    LOGIN='admin:other' giver 2 more; leader 2; apply; rc_is 10; has "$M/err" "marathon does not take this seed's login (401)"
    LOGIN='admin:other' giver 3 more; leader 3; apply; rm "$ROOT/etc/marathon/conf/http_credentials"; apply --phase submit; rc_is 10
    has "$M/err" "/etc/marathon/conf/http_credentials, the login for marathon, cannot be read"
    over
}

# The machine dies after the service has taken it and before that is written down.
case_submit_reboot() {
    marathon reboot; giver 1 hello2
    ln -s "$FAKE/apply-pid" "$MARATHON/pid"
    fault PUT /v2/apps/hello2 kill pid
    apply; ok "apply was not killed" [ "$RC" -gt 128 ]
    there "$MARATHON/apps/hello2" "$ROOT/var/lib/clusterseed/state/unfinished"
    rm -rf "$ROOT"/run/clusterseed.*
    apply; rc_is 0; same "$(puts)" 1 "it was put twice"; has "$M/out" "app hello2: marathon has it"
    over

    # A program that goes without its client, and documents that are none.
    marathon bare; giver 2 hello2
    mkdir "$M/bin"; for tool in /usr/bin/* /bin/*; do case ${tool##*/} in curl) ;; *) ln -s "$tool" "$M/bin/${tool##*/}" 2>/dev/null ;; esac; done
    ok_system=$SYSTEM SYSTEM=$M/bin
    FIXTURES_WERE=$FIXTURES; cp -r "$FIXTURES" "$M/fixtures"; rm "$M/fixtures/bin/curl"; FIXTURES=$M/fixtures
    apply; rc_is 10; has "$M/err" "no curl here to reach marathon with"
    FIXTURES=$FIXTURES_WERE SYSTEM=$ok_system
    sed -i 's#"path":"/v2/apps/hello2"#"path":"/v2/apps/../x y"#' "$SEED/host.json"; sums "$SEED"; apply; rc_is 4
    has "$M/err" "documents/0/path is not a path to ask"
    over
}
