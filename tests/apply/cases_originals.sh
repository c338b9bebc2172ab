# shellcheck shell=sh
# shellcheck disable=SC2034  # lib.sh reads what the cases set
# What was there before the seed: kept, put back, left alone where somebody changed it.

KEPT_IN=var/lib/clusterseed/originals

# A host as a distribution leaves it: files that the seed will have too.
distribution() {
    mkdir -p "$ROOT/etc/mesos-master" "$ROOT/etc/folder"
    echo "127.0.0.1 localhost" >"$ROOT/etc/hosts"
    echo "passwd: files" >"$ROOT/etc/nsswitch.conf"; chmod 0640 "$ROOT/etc/nsswitch.conf"
    echo "of the distribution" >"$ROOT/etc/key"; chmod 0600 "$ROOT/etc/key"
    echo "both have this" >"$ROOT/etc/same"
    echo 7 >"$ROOT/etc/mesos-master/offer_timeout"
    ln -s /usr/share/zoneinfo/UTC "$ROOT/etc/localtime"; ln -s "$ROOT/etc/folder" "$ROOT/etc/linked"
    echo "env A=b" >"$ROOT/etc/init/zookeeper.override"
    printf '# by hand\nmanual\n' >"$ROOT/etc/init/mesos-master.override"
}
own_files() { # WORDS
    for of_path in hosts nsswitch.conf key localtime linked mesos-master/offer_timeout fresh; do echo "$1" | file "/etc/$of_path" 0644 root configure ""; done
    echo "both have this" | file /etc/same 0644 root configure ""
}
with_own() { seed "$SEED"; master_files; drop_file /etc/init/mesos-master.override; own_files "$1"; seal; }
without_own() { seed "$SEED"; master_files; drop_file /etc/init/mesos-master.override; seal; }
# Of the files alone, with their modes.
those() { (cd "$ROOT/etc" && stat -c '%n %a %u %s' hosts nsswitch.conf key same mesos-master/offer_timeout init/zookeeper.override && sha256sum hosts nsswitch.conf key same \
    mesos-master/offer_timeout init/zookeeper.override && readlink localtime linked && ls folder); }
kept_as() { printf '%s/%s/%s\n' "$ROOT" "$KEPT_IN" "$(printf %s "$1" | sha256sum | cut -d' ' -f1)"; }
original() {
    ok "$1 is not kept as it was" [ "$(cat "$(kept_as "$1")")" = "$2" ]
    has "$ROOT/$KEPT_IN/LIST" "$(basename "$(kept_as "$1")")  $1"
}

case_originals() {
    machine originals upstart; distribution; before=$(those); with_own first
    apply --dry-run; gone "$ROOT/$KEPT_IN"
    apply; rc_is 0
    has "$ROOT/etc/hosts" first; has "$ROOT/etc/localtime" first; has "$ROOT/etc/linked" first; gone "$ROOT/etc/folder/.clusterseed-new"
    mode_is "$ROOT/$KEPT_IN" 700; mode_is "$ROOT/$KEPT_IN/LIST" 600
    mode_is "$(kept_as /etc/key)" 600; mode_is "$(kept_as /etc/nsswitch.conf)" 640
    original /etc/hosts "127.0.0.1 localhost"; original /etc/init/mesos-master.override "# by hand
manual"
    same "$(cat "$(kept_as /etc/localtime).link")" /usr/share/zoneinfo/UTC "the link is not kept"
    gone "$ROOT/etc/init/mesos-master.override"; has "$ROOT/etc/init/zookeeper.override" "env A=b"
    calls; all=$(snapshot); apply; same "$(snapshot)" "$all" "second run touched something"

    # Another content of ours is no original.
    with_own second; apply; rc_is 0; has "$ROOT/etc/hosts" second
    original /etc/hosts "127.0.0.1 localhost"; original /etc/key "of the distribution"

    without_own; all=$(snapshot)
    apply --dry-run; has "$M/out" "would restore /etc/hosts"; has "$M/out" "would remove /etc/fresh"; hasnt "$M/out" /etc/same
    apply --check; rc_is 1; has "$M/out" "differs: /etc/hosts"; same "$(snapshot)" "$all" "a look touched something"
    apply; rc_is 0; has "$M/out" "restore /etc/hosts"
    same "$(those)" "$before" "another end than before clusterseed"
    gone "$ROOT/etc/fresh"; gone "$(kept_as /etc/hosts)" "$(kept_as /etc/init/zookeeper.override)"; there "$(kept_as /etc/init/mesos-master.override)"
    status_says '"result": "done"'
    apply --check; rc_is 0; all=$(snapshot); apply; same "$(snapshot)" "$all" "second run touched something"

    # What somebody has changed since is his, what he removed too; a flag is not.
    echo true | file /etc/mesos-master/authenticate 0644 root configure ""
    own_files third; seal; apply; rc_is 0
    echo mine >>"$ROOT/etc/hosts"; echo mine >>"$ROOT/etc/fresh"; rm "$ROOT/etc/key"
    echo false >"$ROOT/etc/mesos-master/authenticate"; echo 9 >"$ROOT/etc/mesos-master/offer_timeout"
    without_own
    apply --check; rc_is 1; hasnt "$M/out" "differs: /etc/hosts"
    apply; rc_is 0
    has "$M/out" "warning: somebody has changed /etc/hosts"; has "$M/out" "kept as /$KEPT_IN/$(basename "$(kept_as /etc/hosts)")"; has "$M/out" "warning: somebody has removed /etc/key"
    same "$(cat "$ROOT/etc/hosts")" "third
mine" "a changed file"; there "$ROOT/etc/fresh"; gone "$ROOT/etc/key" "$ROOT/etc/mesos-master/authenticate"
    original /etc/hosts "127.0.0.1 localhost"; same "$(cat "$ROOT/etc/mesos-master/offer_timeout")" 7 "a flag of a package"
    apply; hasnt "$M/out" warning:; apply --check; rc_is 0
    # Now it is what was there before.
    with_own fourth; apply; without_own; apply; rc_is 0
    same "$(cat "$ROOT/etc/hosts")" "third
mine" "what somebody made of it"; gone "$ROOT/etc/key"
}

# A host needs /etc/hosts. A package that came after our file gets what it brought.
case_no_original() {
    master nooriginal; own_files ours; seal; apply; rc_is 0
    echo "of the package" >"$ROOT/etc/nsswitch.conf.dpkg-dist"; echo 3 >"$ROOT/etc/mesos-master/offer_timeout.dpkg-dist"; apply; rc_is 0
    without_own; apply; rc_is 0
    there "$ROOT/etc/hosts"; has "$M/out" "no /etc/hosts was there before"; gone "$ROOT/etc/fresh"
    same "$(cat "$ROOT/etc/nsswitch.conf" "$ROOT/etc/mesos-master/offer_timeout")" "of the package
3" "what the packages brought"
    apply; hasnt "$M/out" warning:
}

# Killed at any rename on the way there and on the way back, and while the note of what we wrote is lost: nothing else is kept or put back.
case_originals_killed() {
    machine ok-fresh upstart; distribution; with_own ours; apply --phase hold; apply --phase install; rm -f "$FAKE/mv"
    twin ok-whole; apply --phase configure,release; rc_is 0; want=$(end_state) n=$(cat "$FAKE/mv")
    i=1
    while [ "$i" -le "$n" ]; do
        place ok-fresh; twin "ok$i"; CASE="originals, killed at rename $i"
        echo "$i $([ $((i % 2)) = 0 ] && echo before || echo after)" >"$FAKE/kill-mv"; apply --phase configure,release; rc_is 137
        apply --phase configure,release; rc_is 0; same "$(end_state)" "$want" "another end"
        rm -rf "$M"; i=$((i + ${KILL_EVERY:-3}))
    done
    place ok-whole; without_own; rm -f "$FAKE/mv"
    twin ok-back; apply --phase configure,release; rc_is 0; want=$(end_state) n=$(cat "$FAKE/mv")
    ok "few renames: $n" [ "$n" -ge 7 ]
    i=1
    while [ "$i" -le "$n" ]; do
        place ok-whole; twin "ok$i"; CASE="originals, killed on the way back at rename $i"
        echo "$i $([ $((i % 2)) = 0 ] && echo before || echo after)" >"$FAKE/kill-mv"; apply --phase configure,release; rc_is 137
        apply --phase configure,release; rc_is 0; hasnt "$M/out" warning:; same "$(end_state)" "$want" "another end"
        rm -rf "$M"; i=$((i + ${KILL_EVERY:-3}))
    done
    CASE="originals, without the note"
    place ok-whole; with_own ours; rm "$ROOT/var/lib/clusterseed/state/files"; apply; original /etc/hosts "127.0.0.1 localhost"
    without_own; apply; has "$ROOT/etc/hosts" localhost
}

case_originals_words() {
    machine nokeep upstart; distribution; with_own ours; basename "$(kept_as /etc/hosts)" >"$FAKE/mv-fails"
    apply --phase hold,install; apply --phase configure; rc_is 1; says "cannot keep /etc/hosts before it is overwritten"; has "$ROOT/etc/hosts" localhost; has "$ROOT/etc/nsswitch.conf" passwd
    rm "$FAKE/mv-fails"; apply --phase configure; has "$ROOT/etc/hosts" ours; original /etc/hosts "127.0.0.1 localhost"
    without_own; echo "$ROOT/etc/hosts" >"$FAKE/mv-fails"; apply --phase configure; rc_is 1; says "cannot put back /etc/hosts"; has "$ROOT/etc/hosts" ours
    rm "$FAKE/mv-fails"; apply --phase configure; rc_is 0; has "$ROOT/etc/hosts" localhost
}

# What of the base a hold took the place of comes with the image, whose own state does not.
case_originals_baked() {
    machine baked upstart; distribution; seed "$SEED"; master_files; SERVICES=""; seal; apply --phase hold; rc_is 0
    original /etc/init/zookeeper.override "env A=b"
    mkdir -p "$ROOT/usr/lib/clusterseed"; mv "$ROOT/$KEPT_IN" "$ROOT/usr/lib/clusterseed/originals"; rm -rf "$ROOT/var/lib/clusterseed/state"
    without_own; apply --check; rc_is 1
    apply; rc_is 0; has "$ROOT/etc/init/zookeeper.override" "env A=b"; gone "$(kept_as /etc/init/zookeeper.override)"
    mode_is "$ROOT/$KEPT_IN" 700
    apply --check; rc_is 0; all=$(snapshot); apply; same "$(snapshot)" "$all" "second run touched something"
}
