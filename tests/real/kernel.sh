#!/bin/sh
# kernel.sh WORK TREE VOLUME: boot a machine with a kernel of its own from the
# tree of root.sh, with a seed volume (*.iso, *.img) and nothing else to tell it
# who it is; print what it became.
# kernel.sh WORK TREE VOLUME read: the same without systemd and units: only what
# cloud-init does before the network.
# kernel.sh WORK TREE INTERFACES: without cloud-init, too: the file is brought
# up by ifupdown.
#
# Machines of boot.sh share this machine's kernel, which may have no bonds and
# no VLANs, and their interfaces have no permanent hardware address. This one
# runs Debian's User Mode Linux, which needs no virtualization: slower, but all
# there. Its cards are eth0, eth1 and eth2, with addresses that end in 0a, 0b
# and 0c; on the wire behind each nobody is.
#
# Prints lines `address DEV ADDRESS/PREFIX`, `link DEV MTU MAC`, `route …`,
# `bond …`, `vlan …`; of cloud-init `init …`, its warnings, `status …`, `identify …`,
# `source …`, `id …`, `sum SHA256` of its user-data, `kept MODE FILE` of its seed
# folder; `apply …` of apply's status; of systemd `failed UNIT`.
#
# Exit: 0 when the machine went through; 1 when it did not ($KERNEL_LIMIT, 600
# seconds); 2 wrong use. WORK/console is what it said.
set -eu
export LC_ALL=C

die() { echo "kernel.sh: $*" >&2; exit 2; }

if [ "${1:-}" = inside ]; then # in namespaces of our own: mounts and wires end with them
    work=$2 tree=$3 init=$4 disk=${5:+ubd0r=$5}
    mount -t overlay overlay "$work/merged" -o "lowerdir=$tree,upperdir=$work/upper,workdir=$work/work"
    ip link set lo up multicast on
    ip route add 239.0.0.0/8 dev lo
    wire() { echo "eth$1=mcast,52:54:00:00:00:0$2,239.192.168.1,110$1,1"; }
    # shellcheck disable=SC2046,SC2086 # options are words
    exec timeout --kill-after=5 "${KERNEL_LIMIT:-600}" linux.uml root=/dev/root rootfstype=hostfs \
        "rootflags=$work/merged" rw mem=512M con=null con0=null,fd:1 $disk init="$init" $(wire 0 a) $(wire 1 b) $(wire 2 c)
fi

[ $# -eq 3 ] || [ "$#,${4-}" = 4,read ] || die 'usage: kernel.sh WORK TREE INTERFACES|VOLUME [read]'
[ "$(id -u)" -eq 0 ] || die 'needs root'
command -v linux.uml >/dev/null ||
    { apt-get -qq update && apt-get -qqy --no-install-recommends install user-mode-linux >/dev/null; } ||
    die 'cannot install user-mode-linux'
mkdir -p "$1"
work=$(cd "$1" && pwd) tree=$(cd "$2" && pwd) disk=
case $3 in *.iso | *.img) disk=$3 ;; esac
upper=$work/upper
rm -rf "$upper" "$work/work" "$work/merged"
if [ -L "$tree/lib" ]; then modules=$upper/usr/lib/modules; else modules=$upper/lib/modules; fi
mkdir -p "$modules" "$upper/etc/systemd/system/basic.target.wants" "$upper/etc/network" "$work/work" "$work/merged"
cp -r /usr/lib/uml/modules/. "$modules/"

cat >"$upper/observe" <<'END'
#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
{
    ip -4 -o address show | awk '$2 != "lo" { print "address", $2, $4 }'
    for dev in $(ls /sys/class/net); do
        [ ! -e "/sys/class/net/$dev/mtu" ] || echo "link $dev $(cat "/sys/class/net/$dev/mtu" "/sys/class/net/$dev/address" | tr '\n' ' ')"
    done
    ip -4 route show | sed 's/^/route /'
    sed 's/^/bond /' /proc/net/bonding/* 2>/dev/null
    sed 1,2d /proc/net/vlan/config 2>/dev/null | sed 's/ //g; s/^/vlan /'
    grep -hE 'WARNING|DEPRECATED' /var/log/cloud-init.log 2>/dev/null | sed 's/^/init /'
    cloud-init status --long 2>&1 | sed 's/^/status /'
    sed 's/^/source /' /var/lib/cloud/instance/datasource 2>/dev/null
    sed 's/^/id /' /var/lib/cloud/data/instance-id 2>/dev/null
    sed 's/^/identify /' /run/cloud-init/cloud.cfg 2>/dev/null
    find /var/lib/cloud/seed -type f -exec stat -c 'kept %a %n' {} + 2>/dev/null
    # What cloud-init took the user-data for, byte by byte.
    python3 -c 'import pickle, sys
data = pickle.load(open("/var/lib/cloud/instance/obj.pkl", "rb")).userdata_raw
sys.stdout.buffer.write(data if isinstance(data, bytes) else data.encode())' 2>/dev/null | sha256sum | sed 's/^/sum /; s/ *-$//'
    tr -d ' ' </var/lib/clusterseed/status.json 2>/dev/null | sed -n 's/^"\(result\|digest\|host\)"/apply &/p'
    systemctl --failed --plain --no-legend --no-pager 2>/dev/null | sed 's/^/failed /'
    echo end
} >/observed
echo o >/proc/sysrq-trigger
sleep 60
END
chmod +x "$upper/observe"

if [ -n "$disk" ] && [ -z "${4-}" ]; then
    init=/sbin/init
    printf '[Service]\nExecStart=/bin/sh -c "until [ -e /run/cloud-init/result.json ]; do sleep 1; done; exec /observe"\n' \
        >"$upper/etc/systemd/system/observe.service"
    ln -s ../observe.service "$upper/etc/systemd/system/basic.target.wants/"
    # This kernel does not know it.
    ln -s /dev/null "$upper/etc/systemd/system/proc-sys-fs-binfmt_misc.automount"
    ln -s /dev/null "$upper/etc/systemd/system/systemd-binfmt.service"
else
    init=/start
    [ -n "$disk" ] || cp "$3" "$upper/etc/network/interfaces"
    cat >"$upper/start" <<'END'
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /run
if [ -e /dev/ubda ]; then
    mount -t tmpfs tmpfs /tmp
    ip link set lo up
    /lib/systemd/systemd-udevd --daemon
    udevadm trigger
    udevadm settle
    /usr/lib/cloud-init/ds-identify
    cloud-init init --local
else
    mkdir -p /run/network /run/resolvconf/interface
    ifup -a
fi
exec /observe
END
    chmod +x "$upper/start"
fi
unshare --net --mount --propagation private sh "$0" inside "$work" "$tree" "$init" "$disk" </dev/null >"$work/console" 2>&1 || true
[ "$(tail -n 1 "$upper/observed" 2>/dev/null)" = end ] || { tail -n 40 "$work/console" >&2; exit 1; }
cat "$upper/observed"
