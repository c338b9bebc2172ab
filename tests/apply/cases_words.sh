# shellcheck shell=sh
# shellcheck disable=SC2034  # lib.sh reads what the cases set
# Failures that no other case provokes: each says what is so and what to do.

says() { has "$M/err" "$1"; has "$M/err" "next: "; }

# without PROGRAM...: the machine lacks these.
without() {
    cp -r "$FIXTURES" "$M/fixtures"; cp -rs /usr/bin "$M/tools"
    for wo_program in "$@"; do rm -f "$M/fixtures/bin/$wo_program" "$M/tools/$wo_program"; done
    FIXTURES_WERE=$FIXTURES FIXTURES=$M/fixtures SYSTEM=$M/tools
}
with_all() { FIXTURES=$FIXTURES_WERE SYSTEM=/usr/sbin:/usr/bin:/sbin:/bin; }

case_words_of_the_system() {
    master noroot; grep -v root "$FAKE/users" >"$FAKE/u"; mv "$FAKE/u" "$FAKE/users"; apply; rc_is 1; says "no user root"
    master nostate; : >"$ROOT/var/lib/clusterseed/state"; apply; rc_is 1; says "cannot make"
    master noflock; without flock; apply; with_all; rc_is 1; says "no flock here"
    master noclient; seed "$SEED"; master_files
    PEERS='{"service":"zookeeper","name":"master2","address":"192.0.2.2","ports":[2181]}'; seal
    without bash nc nc.openbsd nc.traditional; apply; with_all; rc_is 0; has "$M/out" "neither bash nor nc is here"
    # A program that lost its check on the way stops by itself.
    master unchecked; sed -i 's/^load_seed$/:/' "$SEED/apply"; apply; rc_is 4; says "this program did not check its seed"
}

case_words_of_services() {
    slave stubborn; echo stubborn >"$FAKE/broken/zookeeper"; echo "running 5" >"$FAKE/jobs/zookeeper"; apply; rc_is 6; says "cannot stop zookeeper: Job for zookeeper"
    master stubbornly; apply; echo stubborn >"$FAKE/broken/zookeeper"
    echo 9 | file /etc/zookeeper/conf/myid 0644 zookeeper configure zookeeper; seal; apply; rc_is 6; says "cannot stop zookeeper"
    slave nounit; seed "$SEED"; slave_files; PACKAGES='{"name":"zookeeper"}'; seal; apply; rc_is 6; says "cannot enable mesos-slave: Failed to enable"
}

case_words_of_packages() {
    master aptfails; : >"$FAKE/apt-fails"; apply; rc_is 5; says "installing packages failed: E: Sub-process"
    master dpkgfails; echo "mesos is half-configured" >"$FAKE/audit"; : >"$FAKE/audit-stays"; apply; rc_is 5
    says "dpkg cannot finish an interrupted installation: dpkg: error"
    gone "$ROOT/usr/sbin/policy-rc.d"
}

case_words_of_files() {
    master alternative; : >"$FAKE/alternatives-fail"; apply; rc_is 1; says "cannot select the alternative zookeeper-conf"
    may_mount || return 0
    master stale; echo ours | file /etc/own/x 0644 root configure mesos-master; seal; apply
    mount --bind "$ROOT/etc/own" "$ROOT/etc/own" && mount -o remount,ro,bind "$ROOT/etc/own"
    seed "$SEED"; master_files; seal; apply; rc_is 1; says "cannot remove /etc/own/x"; umount "$ROOT/etc/own"
    master directory; mkdir -p "$ROOT/var/lib/mesos"; chmod 0777 "$ROOT/var/lib/mesos"
    mount --bind "$ROOT/var/lib/mesos" "$ROOT/var/lib/mesos" && mount -o remount,ro,bind "$ROOT/var/lib/mesos"
    apply; rc_is 1; says "cannot set owner and mode of /var/lib/mesos"; umount "$ROOT/var/lib/mesos"
    # By hand, from elsewhere, on a full disk.
    on_own_disk byhand master; mv "$SEED" "$M/unpacked"; SEED=$M/unpacked; echo hold >"$FAKE/fill"
    apply; rc_is 1; says "the disk is full: cannot copy the seed to"; umount "$ROOT/run" "$ROOT"
}

# Who reads a look may have seen enough.
case_closed_pipe() {
    master closed
    for cp_look in --check --dry-run; do
        # shellcheck disable=SC2086  # words of a shell
        { CLUSTERSEED_ROOT=$ROOT FAKE=$FAKE PATH=$FIXTURES/bin:$TOOLS:$SYSTEM sh -c 'echo $$ >"$FAKE/apply-pid"; exec "$@"' - $SHELL_UNDER_TEST "$SEED/apply" $cp_look \
            2>"$M/err"; echo $? >"$M/rc"; } | head -n 1 >"$M/out"
        same "$(wc -l <"$M/out") $(cat "$M/err")" "1 " "words after the end of $cp_look"
        same "$(cat "$M/rc")" 141 "exit code"
        ok "temporary files stay" [ -z "$(find "$ROOT/run" -name 'clusterseed.??????')" ]
    done
}
