# shellcheck shell=sh
# shellcheck disable=SC2034  # lib.sh reads what the cases set
# What apply refuses, with which code and words, and that it then changed nothing.

# refused CODE WORDS: runs apply and expects that end, with nothing changed but log, status and state.
refused() {
    rf_before=$(snapshot | grep -v clusterseed/state)
    apply
    rc_is "$1"; has "$M/err" "$2"; has "$M/err" "next: "
    same "$(snapshot | grep -v clusterseed/state)" "$rf_before" "a refused run changed something"
    status_says '"result": "failed"'; status_says "\"exit\": $1"
}

# Where keys are pinned (tests/seed/accept.sh has what is signed and how).
case_pins() {
    master pins
    mkdir -p "$ROOT/etc/clusterseed" "$ROOT/usr/local/sbin"
    echo 0123456789ABCDEF0123456789ABCDEF01234567 >"$ROOT/etc/clusterseed/trusted-keys"
    apply; rc_is 1; has "$M/err" "this host takes only signed seeds"
    cp "$HERE/../../src/seed/accept" "$ROOT/usr/local/sbin/clusterseed-accept"
    apply; rc_is 4; has "$M/err" "the seed is not signed"; has "$M/err" "next: do not run this seed"; gone "$ROOT/etc/mesos"
    # Left empty by a power cut, it has no objections.
    : >"$ROOT/usr/local/sbin/clusterseed-accept"
    apply; rc_is 1; has "$M/err" "clusterseed-accept failed"; gone "$ROOT/etc/mesos"
}

case_damaged_seed() {
    master flipped; printf 2 | dd of="$SEED/root/etc/mesos-master/quorum" conv=notrunc 2>/dev/null; refused 4 "damaged in the seed: root/etc/mesos-master/quorum"
    master missing; rm "$SEED/root/etc/mesos/zk"; refused 4 "missing from the seed: root/etc/mesos/zk"
    master extra; : >"$SEED/root/etc/mesos/extra"; refused 4 "not listed in SHA256SUMS: root/etc/mesos/extra"
    master link; ln -s /etc/passwd "$SEED/root/etc/mesos/link"; refused 4 "no plain file"
    master ownself; echo "# x" >>"$SEED/apply"; refused 4 "damaged in the seed: apply"
    master upward; echo "$(printf %064d 0)  ../../etc/passwd" >>"$SEED/SHA256SUMS"; refused 4 "not in the form of sha256sum"
    master undeclared; : >"$SEED/root/etc/mesos/more"; (cd "$SEED" && sha256sum ./root/etc/mesos/more >>SHA256SUMS); refused 4 "disagree about: /etc/mesos/more"
    master nothing; rm "$SEED/host.json"; refused 4 "no SHA256SUMS and host.json beside"
    master onlysome; rm "$SEED/root/etc/mesos/zk"; apply --phase start; rc_is 4
}

# json LINE...: replaces host.json's whole text and expects the seed to be refused for it.
json() {
    printf '%s\n' "$1" >"$SEED/host.json"
    sums "$SEED"
    apply --dry-run; rc_is 4; has "$M/err" "$2"
}

case_host_json() {
    FORMAT=2; master format; FORMAT=1; refused 4 "format 2 is not understood"
    master json
    json '{"format": 1' "ends too early"
    json '{"format": 1,}' "does not belong here"
    json '{"format": 1, "format": 1}' "key format twice"
    json '{"format": 01}' "bad word 01"
    json '{"format": 1.5}' "bad word 1.5"
    json '{"a": "x' "string without an end"
    json '{"a": "\q"}' "bad escape"
    json '{"a": "\u0000"}' "NUL"
    json '{"a": "\ud800"}' "half a surrogate"
    json '{"a": "é"}' "not plain ASCII"
    json '{"a": [1, 2}' "unmatched }"
    json '{"a": 1} {}' "does not belong here"
    json '[]' "not an object"
    json '' "ends too early"
    json '{"format": 1}' "product is missing"
    json '{"files": [{"path": "/etc/../shadow"}]}' "not a normal absolute path"
    json '{"packages": [{"name": "a b"}]}' "is not a package"
    json '{"product": "a\nb"}' "control character"
    master many; n=0 more=""                # numbers of two digits are compared as numbers
    while [ "$n" -lt 12 ]; do more="$more\"unit$n\", "; n=$((n + 1)); done
    seed "$SEED"; master_files; HOLDS="$more$HOLDS"; seal; apply --phase hold; rc_is 0; there "$ROOT/etc/init/marathon.override"
}

case_wrong_machine() {
    master address; echo 192.0.2.99 >"$FAKE/addr"; refused 3 "but 192.0.2.99"
    master trie; rm "$FAKE/addr"
    printf 'Main:\n  +-- 192.0.2.0/24 2 0 2\n     |-- 192.0.2.0\n        /24 link UNICAST\n     |-- 192.0.2.1\n        /32 host LOCAL\n' >"$ROOT/proc/net/fib_trie"
    apply --phase verify; rc_is 0
    sed -i 's/192.0.2.1$/192.0.2.98/' "$ROOT/proc/net/fib_trie"; refused 3 "but 192.0.2.98"
    master name; echo master2 >"$ROOT/proc/sys/kernel/hostname"; refused 3 "called master2"
    master os; sed -i 's/14.04/16.04/' "$ROOT/etc/os-release"; refused 3 "the seed is for ubuntu 14.04, this is ubuntu 16.04"
    master init; rm "$FAKE/upstart"; refused 3 "running is neither"
    master fqdn; echo Master1.example.net >"$ROOT/proc/sys/kernel/hostname"; apply --phase verify; rc_is 0
    master unnamed; echo ubuntu >"$ROOT/proc/sys/kernel/hostname"; apply --phase verify; rc_is 0; has "$M/out" "still called 'ubuntu'"
    master disk; seed "$SEED"; master_files; DISK=999999999; seal; refused 1 "999999999 MB must be free"
    master user; echo 1000 >"$FAKE/uid"; apply; rc_is 1; has "$M/err" "must run as root"
}

case_lock() {
    master lock; mkdir -p "$ROOT/run"
    exec 8>>"$ROOT/run/clusterseed.lock"; flock 8
    apply; rc_is 7; has "$M/err" "another apply is at work"
    gone "$ROOT/var/lib/clusterseed/status.json"
    apply --dry-run; rc_is 0
    (sleep 1; exec 8>&-) & exec 8>&-
    apply --wait; rc_is 0
}

case_packages() {
    master waits; echo 3 >"$FAKE/locked"; apply; rc_is 0; has "$M/out" "another program holds the package lock"
    master foreverlocked; echo 999 >"$FAKE/locked"; refused_packages "held the package lock"
    master flaky; echo 2 >"$FAKE/unreachable"; apply; rc_is 0; has "$M/out" "attempt 2 of 3"
    master unreachable; echo 99 >"$FAKE/unreachable"; refused_packages "Unable to locate package mesos"
    master noupdate; seed "$SEED"; master_files; UPDATE=false; seal; cp "$FAKE/repo" "$FAKE/lists"; apply; rc_is 0; hasnt "$FAKE/calls" "apt-get update"
    master half; : >"$FAKE/half/mesos"; refused_packages "still not right: mesos"
    master foreignpolicy; printf '#!/bin/sh\nexit 101\n' >"$ROOT/usr/sbin/policy-rc.d"; chmod +x "$ROOT/usr/sbin/policy-rc.d"
    apply; rc_is 0; there "$ROOT/usr/sbin/policy-rc.d"
}
refused_packages() {
    apply; rc_is 5; has "$M/err" "$1"; has "$M/err" "next: "
    gone "$ROOT/usr/sbin/policy-rc.d"
    has "$ROOT/etc/init/mesos-master.override" manual
    same "$(count 'initctl start')" 0 "started after a failed installation"
}

case_services() {
    for how in refuse dies deaf respawns limit; do
        CASE="services $how"
        master "svc$how"; echo $how >"$FAKE/broken/zookeeper"; apply; rc_is 6
        has "$M/err" "error: zookeeper "; has "$M/err" "next: "
        hasnt "$FAKE/calls" "start mesos-master"
        mend zookeeper; apply; rc_is 0; runs zookeeper mesos-master
    done
    CASE="services late"
    master late; echo deaf >"$FAKE/broken/zookeeper"
    # shellcheck disable=SC2016  # expanded when it runs
    printf '%s\n' 'n=$(grep -c sleep "$FAKE/calls"); [ "$n" -lt 5 ] || { . "'"$FIXTURES"'/world.sh"; rm -f "$FAKE/broken/zookeeper"; listening; }' >"$FAKE/on-sleep"
    apply; rc_is 0; runs zookeeper mesos-master
    slave masked; echo refuse >"$FAKE/broken/mesos-slave"; apply; rc_is 6
    has "$ROOT/var/log/clusterseed.log" "journal: cannot bind"; hasnt "$ROOT/var/log/clusterseed.log" s3cr3t
}

case_files() {
    master owner; seed "$SEED"; master_files; echo x | file /etc/mesos/who 0644 nobody-knows configure ""; seal
    apply; rc_is 1; has "$M/err" "/etc/mesos/who is to belong to nobody-knows"
    master isdir; mkdir -p "$ROOT/etc/mesos-master/ip"; apply; rc_is 1; has "$M/err" "/etc/mesos-master/ip is a directory"
    master realdir; mkdir -p "$ROOT/etc/zookeeper/conf"; apply; rc_is 1; has "$M/err" "/etc/zookeeper/conf is a real directory"
    # a planted link is neither followed nor kept
    master planted; mkdir -p "$ROOT/etc/mesos"; : >"$M/victim"
    ln -s "$M/victim" "$ROOT/etc/mesos/zk"; ln -s "$M/victim" "$ROOT/etc/mesos/.clusterseed-new"
    apply; rc_is 0; ok "the link's target was written" [ ! -s "$M/victim" ]; ok "still a link" [ ! -L "$ROOT/etc/mesos/zk" ]
}

case_key() {
    command -v gpg >/dev/null || { echo "no gpg: case key left out"; return; }
    for want in "8102 6D00 04C4 4CF7 EF55 ADF8 DF7D 54CB E561 51BF" 0000000000000000000000000000000000000000; do
        master "key${want%% *}"; seed "$SEED"; master_files
        KEYS="{\"path\":\"/etc/apt/trusted.gpg.d/mesosphere.gpg\",\"fingerprint\":\"$want\"}"
        file /etc/apt/trusted.gpg.d/mesosphere.gpg 0644 root sources "" <"$HERE/../../vendor/mesosphere/archive-key.asc"; seal
        apply
        if [ "${want%% *}" = 8102 ]; then rc_is 0; there "$ROOT/etc/apt/trusted.gpg.d/mesosphere.gpg"
        else rc_is 4; has "$M/err" "should be 00000"; gone "$ROOT/etc/apt/trusted.gpg.d/mesosphere.gpg"; fi
    done
}

# Packages in the seed: what they cannot do, and what becomes of the host's own sources.
case_carried() {
    sealed() { # SOURCES-LIST
        CARRIED=', "carried": {"set": "0123456789ab", "fingerprint": "81026D0004C44CF7EF55ADF8DF7D54CBE56151BF", "sources_list": "'$1'"}'
        seal; CARRIED=
    }
    carried() { # NAME [SEED]
        machine "$1" upstart; SEED=${2:-$SEED}
        seed "$SEED"; master_files
        mkdir -p "$S/repo" "$ROOT/etc/apt"; cp "$HERE/../../vendor/mesosphere/archive-key.asc" "$S/repo/key.gpg"
        sealed aside
        echo "deb http://first trusty main" >"$ROOT/etc/apt/sources.list"
    }
    carried whole; apply; rc_is 0; gone "$ROOT/etc/apt/sources.list"; has "$ROOT/etc/apt/sources.list.disabled" first
    # Somebody wrote it again: what was set aside before stays.
    echo "deb http://second trusty main" >"$ROOT/etc/apt/sources.list"
    apply; rc_is 0; has "$ROOT/etc/apt/sources.list.disabled" first; has "$ROOT/etc/apt/sources.list.2.disabled" second
    carried short; echo "mesos 0.19.0" >"$FAKE/repo"; apply; rc_is 5; has "$M/err" "the packages in the seed do not do: "
    carried fixed; echo .disabled >"$FAKE/mv-fails"; apply; rc_is 1; has "$M/err" "cannot rename /etc/apt/sources.list"
    carried odd "$T/${OF:-}an odd folder/seed"; apply --phase install; rc_is 5; has "$M/err" "apt cannot read a repository in "

    # One that came by hand, whose packages travel beside the tarball, gets them from the seed that is here.
    pool() { mkdir -p "$S/repo/pool"; echo "$2" >"$S/repo/pool/$1"; }
    lacking() { # FILE...: the same host's next seed, without these packages
        seed "$M/unpacked"; SEED=$M/unpacked; master_files; echo 2 | file /etc/mesos-master/quorum 0644 root configure mesos-master
        mkdir -p "$S/repo"; cp "$HERE/../../vendor/mesosphere/archive-key.asc" "$S/repo/key.gpg"; pool a_1.deb a; pool b_1.deb b; sealed keep
        for lacks; do rm "$S/repo/pool/$lacks"; done
        rmdir "$S/repo/pool" 2>/dev/null || :
    }
    carried lent; pool a_1.deb a; pool b_1.deb b; sealed keep; apply; rc_is 0
    lacking a_1.deb b_1.deb; apply; rc_is 0; has "$ROOT/var/lib/clusterseed/seed/repo/pool/a_1.deb" a
    lacking b_1.deb; apply --check; rc_is 0; gone "$SEED/repo/pool/b_1.deb"
    lacking a_1.deb b_1.deb; apply --dry-run; rc_is 0; gone "$SEED/repo/pool"
    # What a copy left that was cut off is no package.
    echo hal >"$SEED/repo/.lent"; apply; rc_is 0; gone "$SEED/repo/.lent"; has "$SEED/repo/pool/b_1.deb" b
    echo other >"$ROOT/var/lib/clusterseed/seed/repo/pool/b_1.deb"
    lacking a_1.deb b_1.deb; apply; rc_is 4; has "$M/err" "missing from the seed, and not in the one that is here: repo/pool/b_1.deb"; gone "$SEED/repo/pool/b_1.deb"
    rm "$ROOT/var/lib/clusterseed/seed/repo/pool/b_1.deb"
    lacking b_1.deb; apply; rc_is 4; has "$M/err" "missing from the seed, and not in the one that is here: repo/pool/b_1.deb"
    has "$M/err" "built with 'delivery: hand'"
}

# A seed that relies on an image looks at it once, before this machine has begun to be its host.
case_image() {
    RELIES_ON=', "image": {"profile": "mesosphere", "platform": "ubuntu-14.04", "roles": ["master"], "digest": "aaaa", "packages": ["mesos=0.20.1-1.0.ubuntu1404", "zookeeperd"]}'
    master image; mkdir -p "$ROOT/etc/clusterseed"
    baked() { echo "{\"format\": 1, \"profile\": \"$1\", \"platform\": \"$2\", \"roles\": [\"$3\"], \"digest\": \"$4\", \"packages\": [${5:-}]}" >"$ROOT/etc/clusterseed/image.json"; }
    apply; rc_is 3; has "$M/err" "the seed needs an image that clusterseed baked, and there is no /etc/clusterseed/image.json here"
    echo '{' >"$ROOT/etc/clusterseed/image.json"; apply; rc_is 3; has "$M/err" "image.json is not what this program reads"
    baked kafka ubuntu-14.04 master aaaa; apply; rc_is 3; has "$M/err" "the seed is for an image with the profile mesosphere, this is one of kafka"
    baked mesosphere debian-12 master aaaa; apply; rc_is 3; has "$M/err" "with the platform ubuntu-14.04, this is one of debian-12"
    baked mesosphere ubuntu-14.04 slave aaaa; apply; rc_is 3; has "$M/err" "for an image of the role master, this is one of slave"
    mesos='{"name": "mesos", "version": "0.20.1-1.0.ubuntu1404"}'
    baked mesosphere ubuntu-14.04 master bbbb "$mesos, {\"name\": \"zookeeperd\"}"; apply; rc_is 3
    has "$M/err" "an image with other packages (the same versions, of other files or with other services): aaaa, this is bbbb"
    baked mesosphere ubuntu-14.04 master bbbb "$(echo "$mesos" | sed 's/0.20.1/0.19.0/'), {\"name\": \"vim\", \"version\": \"1:9\"}"; apply; rc_is 3
    has "$M/err" "other packages (mesos is 0.19.0-1.0.ubuntu1404 instead of 0.20.1-1.0.ubuntu1404, zookeeperd is missing, vim 1:9 is too much): aaaa"
    status_says '"result": "failed"'; gone "$ROOT/etc/mesos-master" "$ROOT/etc/init/zookeeper.override"
    baked mesosphere ubuntu-14.04 master aaaa; apply; rc_is 0
    # From then on the machine is its host, and a new seed may bring other packages.
    baked mesosphere ubuntu-14.04 master bbbb; apply; rc_is 0
    # Where the image brings them, they come from nowhere else.
    RELIES_ON=$(echo "$RELIES_ON" | sed 's/"digest"/"carried": true, &/')
    master lacking; mkdir -p "$ROOT/etc/clusterseed"
    baked mesosphere ubuntu-14.04 master aaaa; apply; rc_is 5; has "$M/err" "this seed brings no packages, and this machine's image was to have them: "
    apply --phase install; rc_is 5; has "$M/err" "this seed brings no packages"; same "$(grep -c apt-get "$FAKE/calls")" 0 "apt was asked"
    RELIES_ON=
}
