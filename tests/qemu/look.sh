#!/bin/sh
# look.sh: runs inside the machine after each boot, once cloud-init has ended. Writes to /srv/look/N what a test wants to see,
# reads back every volume that is attached, tree by tree, and switches the machine off.
set -u
export LC_ALL=C

number=1
while [ -e "/srv/look/$number" ]; do number=$((number + 1)); done
look=/srv/look/$number
mkdir -p "$look"

# With look.peer=ADDRESS on the kernel's command line, datagrams go to and fro until both machines know that the other one hears
# them: whoever is done first must not switch off before.
peer=$(sed -n 's/.*look\.peer=\([0-9.]*\).*/\1/p' /proc/cmdline)
[ -z "$peer" ] || timeout 300 python3 - "$peer" >"$look/peer" 2>&1 <<'END'
import socket, sys
peer = (sys.argv[1], 4000)
ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
ours.bind(("", 4000))
ours.settimeout(1)
word = b"here"
while True:
    try:
        ours.sendto(word, peer)
        said, sender = ours.recvfrom(16)
    except OSError:
        continue
    if sender == peer:
        word = b"heard"
        if said == b"heard":
            break
for _ in range(3):
    ours.sendto(b"heard", peer)
print("reached", peer[0])
END

cloud-init status --long >"$look/cloud-init" 2>&1
cp /run/cloud-init/result.json "$look/" 2>/dev/null
grep -E ' (WARNING|ERROR|CRITICAL)\b|\[(WARNING|ERROR|CRITICAL)\]' /var/log/cloud-init.log >"$look/complaints"
cp /var/log/cloud-init-output.log /var/log/cloud-init.log "$look/"
cp /var/lib/cloud/data/instance-id "$look/"
cp /var/lib/cloud/instance/datasource "$look/"
cp /var/lib/clusterseed/status.json "$look/" 2>/dev/null
cat /etc/ssh/ssh_host_*_key.pub >"$look/host-keys"
hostname -f >"$look/name" 2>&1
ip -4 -o addr show dev eth0 >"$look/address" 2>&1
systemctl --failed --no-legend >"$look/failed"
find /var/lib/cloud/seed -type f -exec stat -c '%a %U %n' {} + >"$look/kept"

# DEVICE TYPE OPTIONS NAME: digest, size, mode and owner of every file, as the kernel sees them
read_back() {
    mkdir -p /run/look
    if mount -t "$2" -o "ro,$3" "$1" /run/look 2>"$look/$4.error"; then
        (cd /run/look && for file in *; do
            sum=$(sha256sum <"$file") && stat -c "${sum%% *} %s %a %u:%g %Y %n" "$file"
        done) >"$look/$4"
        umount /run/look
    fi
}
blkid -p -o export /dev/sr0 >"$look/blkid" 2>/dev/null
if [ -b /dev/sr0 ]; then
    read_back /dev/sr0 iso9660 nojoliet rock-ridge
    read_back /dev/sr0 iso9660 norock joliet
    read_back /dev/sr0 iso9660 norock,nojoliet plain
fi
if [ -b /dev/vdb ]; then
    read_back /dev/vdb vfat iocharset=utf8 vfat
fi
journalctl -b -k --no-pager | grep -iE 'isofs|iso9660|fat-fs|rock' >"$look/kernel"
sync
echo "look.sh: boot $number is over"
systemctl poweroff --no-block
