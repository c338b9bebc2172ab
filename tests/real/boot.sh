#!/bin/sh
# boot.sh: boot machines from the tree of root.sh, each with a NoCloud seed,
# all on one bridge that leads nowhere else.
#
#   boot.sh lab WORK ROOT [ADDRESS/PREFIX]
#       make the bridge, after removing what an earlier lab in WORK left
#       running; the address is for what stands `outside` of the machines
#   boot.sh up WORK NAME SEED [ADDRESS/PREFIX...]
#       start a machine and return at once. SEED is a folder with user-data,
#       meta-data and network-config; addresses stand in for a missing
#       network-config. A machine that ran before starts again from its disk;
#       with `-` as SEED its seed stays as it is
#   boot.sh wait WORK NAME          until cloud-init and the boot are finished
#   boot.sh exec WORK NAME COMMAND...
#       run a command inside, with stdin, stdout, stderr and exit status
#   boot.sh outside WORK COMMAND... run a command beside the machines
#   boot.sh reboot WORK NAME        reboot in order, and wait
#   boot.sh off WORK NAME           power off in order
#   boot.sh cut WORK NAME           pull the plug
#   boot.sh collect WORK NAME OUT   copy results and logs, of a dead machine too
#   boot.sh verdict WORK NAME       print what cloud-init and systemd complain of
#   boot.sh down WORK               end all machines; only files in WORK remain
#   boot.sh run WORK ROOT OUT NAME=SEED[,ADDRESS/PREFIX...]...
#       all in one: lab, up, wait, collect (into OUT/NAME), verdict, down
#   boot.sh schema ROOT FILE        does ROOT's cloud-init accept FILE, with no
#                                   error and no deprecation? No boot needed
#
# Exit: 0 good; 1 not (a time limit, a complaint); 2 wrong use, no machinery;
# `exec` and `outside`: the command's own.
# $BOOT_LIMIT: seconds that one call waits (300). $BOOT_LIFE: seconds until a
# machine powers off by itself, so that a killed test leaves nothing behind
# for ever (3600). $BOOT_NIC: the machines' network interfaces, one or more
# words (host0), all on the bridge.
# $BOOT_NSPAWN: more options for systemd-nspawn.
#
# In WORK: root (where the tree is), NAME/upper (what the machine has written;
# good to look at while it runs), NAME/console (its console, all boots),
# NAME/pid (its supervisor). Outside of WORK and gone after `down`: network
# namespaces and control groups. Mounts belong to the supervisors' mount
# namespaces and end with them.
#
# A machine is a systemd-nspawn container on an overlay of ROOT: it boots in
# seconds and runs the real systemd, cloud-init, apt and daemons. It has no
# kernel, block devices and udev of its own, no writable sysctls but net.*,
# and its interface has no permanent hardware address: netplan's `match:
# macaddress` never finds it. Each takes about ten inotify instances, of which root
# has 128 (fs.inotify.max_user_instances): a dozen machines at once need more.
set -eu
export LC_ALL=C

self=$0
limit=${BOOT_LIMIT:-300}
nic=${BOOT_NIC:-host0}

say() { echo "boot.sh: $*" >&2; }
die() { say "$*"; exit 2; }
usage() { sed -n '3,/^#$/{/^#   boot.sh/s/^#  //p}' "$self" >&2; exit 2; }

need() { # PROGRAM PACKAGE: install the package when the program is missing
    command -v "$1" >/dev/null && return
    { apt-get -qq update && apt-get -qqy --no-install-recommends install "$2" >/dev/null; } ||
        die "cannot install $2"
}

# in_lab WORK: set work, and lab, the prefix of all that lives outside of WORK.
in_lab() {
    work=$(cd "$1" && pwd) || die "no folder $1"
    case $work in *[,:\ ]*) die "an overlay cannot be in $work" ;; esac
    lab=seed$(printf %s "$work" | cksum | cut -d' ' -f1)
}

# on WORK NAME: as in_lab; set name, home and space, the machine's own prefix.
on() {
    in_lab "$1"
    name=$2 home=$work/$2 space=$lab-$2
}

# The second test is for a process id that has gone to somebody else.
alive() {
    [ -s "$home/pid" ] && tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$home/pid")/cmdline" |
        grep -qF "supervise $work $name"
}
gone() { ! alive; }

# Print the process id of the machine's init. systemd-nspawn's child counts
# only once it is systemd: before that its root is still this machine's.
leader() {
    alive || return 1
    nspawn=$(pgrep -P "$(cat "$home/pid")" -x systemd-nspawn) || return 1
    pgrep -P "$nspawn" -x systemd
}

inside() { # COMMAND...: run in the machine's namespaces, with a fixed environment
    init=$(leader) || { say "$name does not run"; return 1; }
    nsenter --target "$init" --all --wd env -i HOME=/root LANG=C.UTF-8 TERM=dumb \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# As a service of the machine's, not as a stranger in its namespaces: a daemon
# that COMMAND starts then belongs to the machine.
execute() { # WORK NAME COMMAND...
    on "$1" "$2"
    shift 2
    # systemd-run puts variables of its own in place of ${NAME}, unless it reads $$.
    for word; do
        shift
        word=$(printf '%sx' "$word" | sed 's/\$/$$/g')
        set -- "$@" "${word%x}"
    done
    inside systemd-run --quiet --collect --wait --pipe --setenv=HOME=/root "$@"
}

# The machine's cgroup in each hierarchy that systemd cares for. Without one
# of its own, it would take the services of the other machines for its own.
groups() {
    for top in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd; do
        if [ -e "$top/cgroup.procs" ]; then echo "$top/$space"; fi
    done
}

# mac WORD: a hardware address that is the same in each run.
mac() { printf %s "$1" | cksum | awk '{ printf "52:54:00:%02x:%02x:%02x", $1 / 65536 % 256, $1 / 256 % 256, $1 % 256 }'; }

lab() { # WORK ROOT [ADDRESS/PREFIX]
    need systemd-nspawn systemd-container
    need ip iproute2
    need pgrep procps
    mkdir -p "$1"
    down "$1"
    [ -e "$2/etc/cloud/cloud.cfg" ] || die "no machine's root in $2"
    (cd "$2" && pwd) >"$work/root"
    ip netns add "$lab"
    ip -n "$lab" link set lo up
    ip -n "$lab" link add bridge type bridge
    ip -n "$lab" link set bridge up
    if [ -n "${3:-}" ]; then ip -n "$lab" address add "$3" dev bridge; fi
}

wire() { # interfaces in the machine's namespace, on the bridge; new at each boot
    of=$name
    for one in $nic; do
        port=p$(mac "$of" | tr -d :)
        ip -n "$lab" link delete "$port" 2>/dev/null || true
        ip -n "$lab" link add "$port" type veth peer name "$one" netns "$space"
        ip -n "$space" link set "$one" address "$(mac "$of")"
        ip -n "$lab" link set "$port" master bridge up
        of="$of further"
    done
}

network_config() { # ADDRESS/PREFIX...: what a hypervisor would hand over
    [ $# -gt 0 ] || die "$name has no network-config: give an address"
    # Without accept-ra, a boot waits 13 s for a router that is not there.
    printf 'version: 2\nethernets:\n  %s:\n    dhcp4: false\n    accept-ra: false\n    addresses:\n' "${nic%% *}"
    printf '      - "%s"\n' "$@"
}

up() { # WORK NAME SEED [ADDRESS/PREFIX...]
    on "$1" "$2"
    seed=$3
    shift 3
    if alive; then die "$name runs already"; fi
    [ -e "/run/netns/$lab" ] || die "no lab in $work"
    mkdir -p "$home/upper" "$home/work" "$home/merged"
    if [ "$seed" != - ]; then
        nocloud=$home/upper/var/lib/cloud/seed/nocloud
        mkdir -p "$nocloud"
        for file in user-data meta-data network-config vendor-data; do
            rm -f "$nocloud/$file"
            if [ -e "$seed/$file" ]; then cp "$seed/$file" "$nocloud/"; fi
        done
        [ -e "$nocloud/network-config" ] || network_config "$@" >"$nocloud/network-config"
    fi
    rm -f "$home/pid"
    [ -e "/run/netns/$space" ] || ip netns add "$space"
    setsid timeout --kill-after=30 "${BOOT_LIFE:-3600}" \
        nsenter --net="/run/netns/$space" unshare --mount --propagation private \
        sh "$self" supervise "$work" "$name" </dev/null >>"$home/console" 2>&1 &
    until [ -s "$home/pid" ] || ! kill -0 $! 2>/dev/null; do sleep 0.05; done
}

# The machine's supervisor, with mounts of its own: it ends when the machine
# is off, and starts it again when it asks for a reboot (133).
supervise() { # WORK NAME
    on "$1" "$2"
    mount -t overlay "$space" "$home/merged" \
        -o "lowerdir=$(cat "$work/root"),upperdir=$home/upper,workdir=$home/work"
    for group in $(groups); do
        mkdir -p "$group"
        echo $$ >"$group/cgroup.procs"
    done
    again=133
    wire
    echo $$ >"$home/pid" # once: for a moment the file is empty, and who looks then takes the machine for dead
    while [ "$again" -eq 133 ]; do
        again=0
        # systemd-nspawn itself is in the machine's network namespace: with its
        # --network-namespace-path the machine would see our /sys/class/net.
        # shellcheck disable=SC2086 # options are words
        SYSTEMD_NSPAWN_API_VFS_WRITABLE=network systemd-nspawn --quiet --boot --register=no \
            --keep-unit --directory="$home/merged" --machine="$space" --hostname=localhost \
            --capability=CAP_NET_ADMIN --resolv-conf=off --timezone=off --link-journal=no \
            --suppress-sync=yes ${BOOT_NSPAWN:-} || again=$?
        [ "$again" -ne 133 ] || wire
    done
}

# until_so WHAT COMMAND...: wait for COMMAND to succeed in a living machine, $limit
# seconds at most, counted from the first wait of this call of boot.sh.
until_so() {
    what=$1
    shift
    : "${deadline:=$(($(date +%s) + limit))}"
    until "$@"; do
        if [ "$(date +%s)" -ge "$deadline" ]; then say "$name: no $what in $limit seconds"; return 1; fi
        if gone; then say "$name went off before $what"; tail -n 20 "$home/console" >&2; return 1; fi
        sleep 0.2
    done
}

# /run is new in each boot: the file cannot be of an earlier one.
finished() { init=$(leader) && [ -e "/proc/$init/root/run/cloud-init/result.json" ]; }
settled() { inside systemctl is-system-running 2>&1 | grep -qxE 'running|degraded'; }
replaced() { init=$(leader) && [ "$init" != "$before" ]; }

await() { # WORK NAME
    on "$1" "$2"
    until_so 'end of cloud-init' finished && until_so 'end of the boot' settled
}

reboot() { # WORK NAME
    on "$1" "$2"
    before=$(leader) || { say "$name does not run"; return 1; }
    inside systemctl reboot || true
    until_so reboot replaced && await "$1" "$2"
}

stop() { # off|cut WORK NAME
    on "$2" "$3"
    if gone; then return; fi
    if [ "$1" = off ]; then
        inside systemctl poweroff || true
    else
        # With its init the kernel ends all processes of the machine; if there
        # is no init yet, there is only the supervisor.
        kill -9 "$(leader || cat "$home/pid")" || true
    fi
    : "${deadline:=$(($(date +%s) + limit))}"
    until gone; do
        [ "$(date +%s)" -lt "$deadline" ] || { say "$name does not stop"; return 1; }
        sleep 0.1
    done
}

collect() { # WORK NAME OUT
    on "$1" "$2"
    mkdir -p "$3"
    if alive; then inside journalctl --sync >/dev/null 2>&1 || true; fi
    for file in var/lib/cloud/data/result.json var/lib/cloud/data/status.json \
        var/log/cloud-init.log var/log/cloud-init-output.log var/log/clusterseed.log; do
        if [ -e "$home/upper/$file" ]; then cp "$home/upper/$file" "$3/"; fi
    done
    # Two files are called status.json: cloud-init's and the product's.
    file=$home/upper/var/lib/clusterseed/status.json
    if [ -e "$file" ]; then cp "$file" "$3/clusterseed-status.json"; fi
    cp "$home/console" "$3/console.log"
    journalctl --quiet --no-pager --output=short-precise \
        --directory="$home/upper/var/log/journal" >"$3/journal.log" 2>/dev/null || true
}

verdict() { # WORK NAME
    on "$1" "$2"
    result=$home/upper/var/lib/cloud/data/result.json
    [ -e "$result" ] || { echo "$name: cloud-init has not finished"; return 1; }
    complaints=$({
        grep -hE ' - [^ ]+\[(WARNING|ERROR|CRITICAL)\]: |^[a-z_.0-9]+: DEPRECATED|^[A-Za-z.]+(Error|Exception)\b' \
            "$home/upper/var/log/cloud-init.log" || [ $? -eq 1 ]
        tr -d '\n ' <"$result" | grep -v '"errors":\[\]' || true
        inside systemctl --failed --plain --no-legend --no-pager || true
    } 2>&1 | sed "s/^/$name: /")
    [ -z "$complaints" ] || { echo "$complaints"; return 1; }
}

# Works without the files in WORK too: what is left is found by its name.
down() { # WORK
    deadline= # its waits are its own
    in_lab "$1"
    for pid in "$work"/*/pid; do
        [ -e "$pid" ] || continue
        stop cut "$work" "$(basename "$(dirname "$pid")")" || true
        rm -f "$pid"
    done
    for space in "/run/netns/$lab"-* "/run/netns/$lab"; do
        space=${space##*/}
        for group in $(groups); do
            [ -d "$group" ] || continue
            while procs=$(find "$group" -name cgroup.procs -exec cat {} +) && [ -n "$procs" ]; do
                # shellcheck disable=SC2086 # process ids are words
                kill -9 $procs 2>/dev/null || true
                sleep 0.1
            done
            find "$group" -depth -type d -exec rmdir {} +
        done
        rmdir "/run/systemd/nspawn/propagate/$space" 2>/dev/null || true # of a killed systemd-nspawn
        if [ -e "/run/netns/$space" ]; then ip netns delete "$space"; fi
    done
}

run() { # WORK ROOT OUT NAME=SEED[,ADDRESS/PREFIX...]...
    run_work=$1 run_out=$3
    trap 'down "$run_work"' EXIT
    trap 'exit 130' INT TERM HUP
    lab "$1" "$2"
    shift 3
    for machine; do
        # shellcheck disable=SC2046 # addresses are words
        up "$run_work" "${machine%%=*}" $(echo "${machine#*=}" | tr , ' ')
    done
    bad=0
    for machine; do
        await "$run_work" "${machine%%=*}" || bad=1
        collect "$run_work" "${machine%%=*}" "$run_out/${machine%%=*}"
        verdict "$run_work" "${machine%%=*}" || bad=1
    done
    return $bad
}

schema() { # ROOT FILE
    # shellcheck disable=SC2016 # for the inner shell
    said=$(unshare --mount --propagation private sh -euc '
        mount --bind "$(dirname "$2")" "$1/mnt"
        # Before 22.2 the command was for developers.
        chroot "$1" cloud-init schema --help >/dev/null 2>&1 || devel=devel
        chroot "$1" cloud-init ${devel:-} schema --config-file "/mnt/$(basename "$2")"' - "$1" "$2" 2>&1) ||
        { echo "$said"; return 1; }
    case $said in *[Dd]eprecat*) echo "$said"; return 1 ;; esac
}

[ "$(id -u)" -eq 0 ] || die 'needs root'
[ $# -ge 2 ] || usage
verb=$1
shift
case $verb/$# in
    lab/[23]) lab "$@" ;;
    up/[3-9]) up "$@" ;;
    supervise/2) supervise "$@" ;;
    wait/2) await "$@" ;;
    exec/[12] | outside/1) usage ;;
    exec/*) execute "$@" ;;
    outside/*) in_lab "$1"; shift; ip netns exec "$lab" "$@" ;;
    reboot/2) reboot "$@" ;;
    off/2 | cut/2) stop "$verb" "$@" ;;
    collect/3) collect "$@" ;;
    verdict/2) verdict "$@" ;;
    down/1) down "$@" ;;
    run/[123]) usage ;;
    run/*) run "$@" ;;
    schema/2) schema "$@" ;;
    *) usage ;;
esac
