# shellcheck shell=sh
# shellcheck disable=SC1091,SC2016,SC2034  # JSON holds what looks like an expansion; the cases read these
# Builds scratch machines and seeds, runs apply on them, compares. Used by run.sh.

BORN=$(($(date +%s) - 86400))             # when the seeds are made: a day ago

# ---- the machine ----

# place NAME: where a machine lies; other cases may use the same name.
place() {
    M=$T/${OF:-}$1
    ROOT=$M/root FAKE=$M/fake
    SEED=$ROOT/var/lib/clusterseed/seed
}

# twin NAME: the machine as it is now, once more: that is quicker than to make one.
twin() {
    tw_of=$M
    place "$1"
    S=$SEED
    cp -a "$tw_of" "$M"
}

# machine NAME PLATFORM: an empty host, with the fixtures' state beside it.
machine() {
    place "$1"
    mkdir -p "$ROOT/run" "$ROOT/etc/init" "$ROOT/proc/sys/kernel" "$ROOT/proc/net" "$ROOT/dev" "$ROOT/usr/sbin" "$ROOT/var/log/upstart" \
        "$FAKE/jobs" "$FAKE/ports" "$FAKE/broken" "$FAKE/dpkg" "$FAKE/half" "$FAKE/alternatives"
    : >"$FAKE/calls"; : >"$ROOT/dev/console"; : >"$ROOT/proc/net/tcp"
    echo root >"$FAKE/users"
    echo 192.0.2.1 >"$FAKE/addr"
    echo 2181 >"$FAKE/ports/zookeeper"; echo 5050 >"$FAKE/ports/mesos-master"; echo 5051 >"$FAKE/ports/mesos-slave"
    printf '%s\n' "mesos 0.20.1-1.0.ubuntu1404" "zookeeper 3.4.5+dfsg-1" "zookeeperd 3.4.5+dfsg-1" >"$FAKE/repo"
    echo "secret in a service log zk://user:s3cr3t@192.0.2.1:2181" >"$ROOT/var/log/upstart/mesos-master.log"
    if [ "$2" = upstart ]; then
        : >"$FAKE/upstart"
        printf 'NAME="Ubuntu"\nVERSION="14.04.6 LTS"\nID=ubuntu\nVERSION_ID="14.04"\n' >"$ROOT/etc/os-release"
        echo master1 >"$ROOT/proc/sys/kernel/hostname"
    else
        mkdir -p "$ROOT/run/systemd/system"
        printf 'ID=debian\nVERSION_ID="12"\n' >"$ROOT/etc/os-release"
        echo slave1 >"$ROOT/proc/sys/kernel/hostname"
    fi
}

# ---- the seed ----

# file PATH MODE OWNER PHASE A,B < CONTENT: a file of the seed being built in $S.
file() {
    mkdir -p "$S/root${1%/*}"
    cat >"$S/root$1"
    [ -z "$5" ] || set -- "$1" "$2" "$3" "$4" "\"$(echo "$5" | sed 's/,/","/g')\""
    # the same path again replaces the earlier entry
    grep -v "\"path\":\"$1\"" "$S.files" >"$S.files.new"
    echo "{\"path\":\"$1\",\"mode\":\"$2\",\"owner\":\"$3\",\"group\":\"$3\",\"phase\":\"$4\",\"restarts\":[$5]}" >>"$S.files.new"
    mv "$S.files.new" "$S.files"
}
drop_file() { rm "$S/root$1"; grep -v "\"path\":\"$1\"" "$S.files" >"$S.files.new"; mv "$S.files.new" "$S.files"; }

# seed DIR: starts one; master_files/slave_files fill it; seal closes it.
seed() { S=$1; rm -rf "$S" "$S.files"; mkdir -p "$S/root"; : >"$S.files"; cp "$APPLY" "$S/apply"; }

master_files() {
    OS='"name": "ubuntu-14.04", "os_id": "ubuntu", "os_version": "14.04", "init": "upstart"'
    HOST=master1 ADDRESS=192.0.2.1
    HOLDS='"zookeeper", "mesos-master", "mesos-slave", "marathon"'
    SERVICES='{"name":"zookeeper","ports":[2181],"wait_seconds":5},{"name":"mesos-master","ports":[5050],"wait_seconds":5}'
    PACKAGES='{"name":"mesos","version":"0.20.1-1.0.ubuntu1404"},{"name":"zookeeper","version":"3.4.*"},{"name":"zookeeperd"}'
    ALTERNATIVES='{"name":"zookeeper-conf","link":"/etc/zookeeper/conf","path":"/etc/zookeeper/conf_clusterseed","priority":50}'
    DIRECTORIES='{"path":"/var/lib/mesos","mode":"0750","owner":"root","group":"root"}'
    # an id, then argv with what a shell or a line reader would spoil
    COMMANDS='{"id":"0123456789abcdef","at":"before-install","run":["witness","two words","line\nbreak\n","$HOME `x` \"q\" \\n","\u00e9\u20ac\ud83d\ude00",""]},
    {"id":"0123456789abcdee","at":"before-install","run":["witness","second"]},
    {"id":"fedcba9876543210","at":"after-start","run":["witness","hush-hush"]},
    {"id":"fedcba9876543211","at":"after-start","run":["witness","fourth"]}'
    UPDATE=true DISK=1 KEYS="" PEERS="" IDENTITIES="" FORMATION=600
    echo "deb http://mirror.example trusty main" | file /etc/apt/sources.list.d/mesosphere.list 0644 root sources ""
    echo manual | file /etc/init/mesos-slave.override 0644 root hold ""
    echo "zk://user:s3cr3t@192.0.2.1:2181/mesos" | file /etc/mesos/zk 0600 root configure mesos-master,marathon
    echo 1 | file /etc/mesos-master/quorum 0644 root configure mesos-master
    echo 192.0.2.1 | file /etc/mesos-master/ip 0644 root configure mesos-master
    printf 'tickTime=2000\nclientPort=2181\n' | file /etc/zookeeper/conf/zoo.cfg 0644 root configure zookeeper
    echo 1 | file /etc/zookeeper/conf/myid 0644 zookeeper configure zookeeper
    echo "respawn limit unlimited" | file /etc/init/mesos-master.override 0644 root release mesos-master
}

slave_files() {
    OS='"name": "debian-12", "os_id": "debian", "os_version": "12", "init": "systemd"'
    HOST=slave1 ADDRESS=192.0.2.51
    HOLDS='"zookeeper", "mesos-master", "mesos-slave"'
    SERVICES='{"name":"mesos-slave","ports":[5051],"wait_seconds":5}'
    PACKAGES='{"name":"mesos","version":"0.20.1-1.0.ubuntu1404"},{"name":"zookeeper"},{"name":"zookeeperd"}'
    ALTERNATIVES="" DIRECTORIES="" COMMANDS="" UPDATE=true DISK=1 KEYS="" PEERS="" IDENTITIES="" FORMATION=600
    echo 192.0.2.51 | file /etc/mesos-slave/ip 0644 root configure mesos-slave
    printf '[Service]\nRestart=always\n' | file /etc/systemd/system/mesos-slave.service.d/clusterseed.conf 0644 root release mesos-slave
    echo 192.0.2.51 >"$FAKE/addr"
}

seal() {
    cat >"$S/host.json" <<END
{
  "format": ${FORMAT:-1}, "product": "clusterseed 0.1.0", "cluster": "guide", "host": "$HOST", "fqdn": "$HOST.example.net",
  "addresses": ["$ADDRESS", "198.51.100.7"], "roles": ["some"], "profile": "mesosphere",
  "platform": {$OS},
  "digest": "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
  "disk_mb": $DISK, "not_before": $BORN,
  "peers": [$PEERS], "formation_seconds": $FORMATION, "identities": [$IDENTITIES],
  "holds": [$HOLDS],
  "services": [$SERVICES],
  "apt": {"update": $UPDATE, "sources": [], "keys": [$KEYS]${CARRIED:-}},
  "packages": [$PACKAGES],
  "sweep": ["/etc/mesos-master", "/etc/mesos-slave", "/etc/absent"],
  "alternatives": [$ALTERNATIVES],
  "directories": [$DIRECTORIES],
  "files": [
    $(paste -sd, "$S.files")
  ],
  "commands": [$COMMANDS]${RELIES_ON:-}
}
END
    sums "$S"
}
sums() { (cd "$1" && find . -type f ! -name SHA256SUMS -exec sha256sum {} +) | sort -k2 >"$1.sums"; cp "$1.sums" "$1/SHA256SUMS"; }

# The usual beginning of a case.
master() { machine "$1" upstart; seed "$SEED"; master_files; seal; }
slave() { machine "$1" systemd; seed "$SEED"; slave_files; seal; }

# mend NAME: what was broken in a service works again.
mend() { (CLUSTERSEED_ROOT=$ROOT; . "$FIXTURES/world.sh"; rm "$FAKE/broken/$1"; listening); }

# ---- runs ----

# apply ARGS...: sets RC; words in $M/out and $M/err. The world is only the fixtures' and the tools'. LIMIT may end it.
LIMIT='' SYSTEM=/usr/sbin:/usr/bin:/sbin:/bin
apply() {
    # shellcheck disable=SC2086  # words of a limit, words of a shell
    CLUSTERSEED_ROOT=$ROOT FAKE=$FAKE PATH=$FIXTURES/bin:$TOOLS:$SYSTEM \
        $LIMIT sh -c 'echo $$ >"$FAKE/apply-pid"; exec "$@"' - $SHELL_UNDER_TEST "$SEED/apply" "$@" >"$M/out" 2>"$M/err"
    RC=$?
    cat "$M/out" "$M/err" >>"$T/said.${WORKER:-}"
}

# Everything of the host but what a run may always touch: log, status, lock, fixtures.
# Modification times of files count, of directories do not.
snapshot() {
    (cd "$ROOT" && find . -path ./run -prune -o -path ./var/log/clusterseed.log -prune -o -path ./proc -prune -o -path ./dev -prune \
        -o -name status.json -prune -o ! -type d -printf '%p %m %U %T@ %l\n' -o -printf '%p %m %U\n') | sort
}
# The same without times, owner's records and the journal of states: what the end of two roads is compared by.
end_state() {
    (cd "$ROOT" && find . -path ./run -prune -o -path ./var/log -prune -o -path ./proc -prune -o -path ./dev -prune -o -name status.json -prune \
        -o -type f -exec sha256sum {} + ; find etc usr var/lib -printf '%p %m %U %l\n') | sort
    for es_job in "$FAKE"/jobs/*; do echo "${es_job##*/} $(cut -d' ' -f1 "$es_job")"; done
}

# ---- assertions; each names itself on failure ----

ok() {           # ok WORDS COMMAND...
    ok_words=$1; shift
    if "$@"; then PASSED=$((PASSED + 1)); return 0; fi
    FAILED=$((FAILED + 1))
    printf 'FAILED %s: %s\n' "$CASE" "$ok_words"
    [ ! -f "$M/err" ] || sed 's/^/    | /' "$M/err" | tail -n 4
    return 0
}
rc_is() { ok "exit code is $RC, not $1" [ "$RC" = "$1" ]; }
has() { ok "$1 has no '$2'" grep -qF -e "$2" "$1"; }
hasnt() { ok "$1 has '$2'" lacks "$1" "$2"; }
lacks() { ! grep -qF -e "$2" "$1"; }
there() { for th in "$@"; do ok "$th is not there" [ -e "$th" ]; done; }
gone() { for th in "$@"; do ok "$th is there" [ ! -e "$th" ]; done; }
same() { ok "$3" [ "$1" = "$2" ]; }
mode_is() { ok "$1 has another mode than $2" [ "$(stat -c %a "$1")" = "$2" ]; }
status_says() { has "$ROOT/var/lib/clusterseed/status.json" "$1"; }
runs() { for ru in "$@"; do ok "$ru does not run" grep -q running "$FAKE/jobs/$ru"; done; }
calls() { : >"$FAKE/calls"; }
count() { grep -cF -e "$1" "$FAKE/calls"; }
