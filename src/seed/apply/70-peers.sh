# ---------------------------------------------------------------- peers

# Hosts that run the same service. The first time a cluster forms it needs all of them; later a restart
# must leave enough of them at work.
PEER_SECONDS=3                            # for one connection and its answer
TURN_SECONDS=30                           # each member's share of the clock to take its service down in
TURN_OPENS=10                             # it begins early in it, so that the next one sees it gone

# tcp ADDRESS PORT [LINE]: connects, sends the line if there is one, prints the answer. bash is essential on
# Debian and Ubuntu, and its /dev/tcp the one client that each of their images has.
tcp() {
    if command -v bash >/dev/null 2>&1; then
        # shellcheck disable=SC2016  # for the inner shell
        timeout "$PEER_SECONDS" bash -c 'exec 3<>"/dev/tcp/$1/$2" || exit; [ -z "$3" ] || { printf "%s\n" "$3" >&3; cat <&3; }' \
            - "$1" "$2" "${3:-}" 2>/dev/null
    elif [ -n "${3:-}" ]; then printf '%s\n' "$3" | timeout "$PEER_SECONDS" nc "$1" "$2" 2>/dev/null
    else timeout "$PEER_SECONDS" nc "$1" "$2" </dev/null >/dev/null 2>&1
    fi
}
can_ask() { command -v bash >/dev/null 2>&1 || command -v nc >/dev/null 2>&1; }

# serves ADDRESS PORTS ASK ANSWER: all ports take a connection, and what answers on the first one serves.
serves() {
    for se_port in $(printf '%s' "$2" | tr ',' ' '); do
        tcp "$1" "$se_port" || return 1
    done
    [ -z "$3" ] || tcp "$1" "${2%%,*}" "$3" | grep -Eq -e "$4"
}

# look_for_peers [SERVICE]: counts them in PEERS and those that serve in PEERS_UP; $W/absent gets a line "name US address US
# service" for each other. All are asked at once: one that is off costs the whole of its time.
look_for_peers() {
    rm -f "$W"/absent.*
    PEERS=0
    while IFS=$US read -r lp_service lp_name lp_address lp_ports lp_ask lp_answer <&5; do
        [ -z "${1:-}" ] || [ "$lp_service" = "$1" ] || continue
        PEERS=$((PEERS + 1))
        # Without the lock: a probe that outlives us must not keep it.
        (serves "$lp_address" "$lp_ports" "$lp_ask" "$lp_answer" >/dev/null ||
            printf '%s%s%s%s%s\n' "$lp_name" "$US" "$lp_address" "$US" "$lp_service" >"$W/absent.$PEERS") 5<&- 9>&- &
    done 5<"$W/peers"
    wait
    cat "$W"/absent.* >"$W/absent" 2>/dev/null || :
    PEERS_UP=$((PEERS - $(wc -l <"$W/absent")))
}

# The absent ones for people: "master3 (192.0.2.3: zookeeper, mesos-master)".
absent_words() {
    awk -F "$US" '
        !($1 in of) { order[++n] = $1; at[$1] = $2 }
        { of[$1] = of[$1] ", " $3 }
        END { for (i = 1; i <= n; i++) printf "%s%s (%s: %s)", (i > 1 ? ", " : ""), order[i], at[order[i]], substr(of[order[i]], 3) }' "$W/absent"
}

# await_formation: until all peers serve, the first time; afterwards it only says who does not. Two of three are a
# majority, and still a replicated log that nobody has initialised waits for the third.
await_formation() {
    [ -s "$W/peers" ] || return 0
    if ! can_ask; then warn "neither bash nor nc is here: nobody looks whether the other hosts are there"; return 0; fi
    af_waited=0 af_said=""
    while look_for_peers && [ -s "$W/absent" ]; do
        af_words=$(absent_words)
        if [ -e "$STATE/formed" ] || [ "$FORMATION" = 0 ]; then
            warn "not there: $af_words"
            return 0
        fi
        [ "$af_waited" -lt "$FORMATION" ] || die "$E_PEERS" \
            "the cluster has not formed after $FORMATION s: missing is $af_words; the first time it needs every one of its hosts, a majority is not enough" \
            "boot what is missing, and see its status.json; this host is ready and goes on by itself when they come: run apply again to have it confirmed$([ ! -s "$W/documents" ] || printf ', and to submit what the cluster is to be given')"
        if [ "$af_words" != "$af_said" ]; then
            af_said=$af_words
            say "this host is ready; waiting $((FORMATION - af_waited)) s at most for $af_words"
            console "$HOST: ready, waiting for $af_words"
            write_status running 0 "this host is ready and waits for $af_words, $FORMATION s at most" "boot them: the first time the cluster needs all of its hosts"
        fi
        sleep 5
        af_waited=$((af_waited + 5 + PEER_SECONDS))
    done
    mark "$STATE/formed"
    say "all other hosts of its services are there"
}

# await_turn SERVICE: until a running service may be taken down. Others may be at the same change: each has its share of
# the clock, in the order of the addresses, and goes only while the rest is a majority. Where there has been none for a whole
# round, which no election takes, nothing is left to break and the change may be what mends it. TOOK_TURN tells which it was.
await_turn() {
    TOOK_TURN=""
    look_for_peers "$1"
    [ "$PEERS" -gt 0 ] && can_ask && [ -e "$STATE/formed" ] || return 0    # what never formed cannot break
    at_all=$((PEERS + 1)) at_majority=$(((PEERS + 1) / 2 + 1)) at_waited=0 at_none=0 at_said=""
    at_need=$at_majority
    [ "$at_need" -le "$PEERS" ] || at_need=$PEERS    # of two hosts both are the majority
    at_rank=$({ head -n 1 "$W/addresses"; awk -F "$US" -v s="$1" '$1 == s { print $3 }' "$W/peers"; } | sort |
        grep -Fnx -e "$(head -n 1 "$W/addresses")" | cut -d: -f1)
    while :; do
        at_cost=1
        [ ! -s "$W/absent" ] || at_cost=$((1 + PEER_SECONDS))
        if [ $((PEERS_UP + 1)) -lt "$at_majority" ]; then at_none=$((at_none + at_cost)); else at_none=0; fi
        at_now=$(date +%s)
        if [ $((at_now / TURN_SECONDS % at_all + 1)) = "$at_rank" ] && [ $((at_now % TURN_SECONDS)) -lt "$TURN_OPENS" ]; then
            if [ "$PEERS_UP" -ge "$at_need" ]; then
                TOOK_TURN=1
                return 0
            elif [ "$at_none" -gt $((TURN_SECONDS * at_all)) ]; then
                warn "$1 has no majority that a restart could break; missing: $(absent_words)"
                return 0
            fi
        fi
        if [ "$PEERS_UP" -lt "$at_need" ]; then
            [ "$at_waited" -lt "$((FORMATION + TURN_SECONDS * at_all))" ] || die "$E_PEERS" \
                "a restart of $1 would leave it without a majority: missing is $(absent_words)" \
                "bring that back first, then run apply again; if it can come back only after this change, because its address is new, stop $1 by hand and run apply again, one host at a time"
            at_why="for $(absent_words): without it, a restart would leave no majority"
        else at_why="for its turn, so that the others stay at work"
        fi
        if [ "$at_why" != "$at_said" ]; then
            at_said=$at_why
            say "$1 waits $at_why"
            write_status running 0 "$1 waits $at_why" "wait"
        fi
        sleep 1
        at_waited=$((at_waited + at_cost))
        look_for_peers "$1"
    done
}

# await_service SERVICE SECONDS: after a restart in its turn it is part of the whole again, before anybody else's turn.
await_service() {
    awk -F "$US" -v s="$1" '$1 == s && $5 != "" { print; exit }' "$W/peers" >"$W/ask"
    IFS=$US read -r as_service as_name as_address as_ports as_ask as_answer <"$W/ask" || return 0
    : "$as_service $as_name $as_address"
    as_round=0
    until serves "$(head -n 1 "$W/addresses")" "${as_ports%%,*}" "$as_ask" "$as_answer" >/dev/null; do
        [ "$as_round" -lt "$2" ] || service_failed "$1" "listens again, but does not serve after $2 s"
        as_round=$((as_round + 1))
        sleep 1
    done
}
