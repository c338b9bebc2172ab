#!/bin/sh
# Boots a cluster on this machine: one QEMU for each host, on a network of their own.
#
#   run.sh up [IMAGE]    make disks over a cloud image of the platform, and start what is not running
#   run.sh down          switch everything off; disks stay
#   run.sh status        which hosts run, and where their consoles are
#
# Environment: IMAGE (base image), STATE (folder for disks and consoles), MEMORY (MiB), CPUS, SIZE (of a disk),
# MCAST (ADDRESS:PORT of the network), NET=user (one more interface, which leads outside), QEMU (program), ACCEL (kvm or tcg).
set -u
LC_ALL=C
export LC_ALL

# What `clusterseed build --target qemu` filled in: the cluster, its volumes, the base image, name and MAC addresses of each host.
cluster='example'
volume='seed.iso'
image=''
port=20000
hosts='one 52:54:c0:00:02:01'

here=$(cd "$(dirname "$0")" && pwd) || exit 2
image=${IMAGE:-$image}
state=${STATE:-$PWD/$cluster-run}
qemu=${QEMU:-qemu-system-x86_64}
mcast=${MCAST:-230.0.0.1:$port}

accel=${ACCEL-}
if [ -z "$accel" ]; then
	accel=tcg
	[ ! -r /dev/kvm ] || [ ! -w /dev/kvm ] || accel="kvm tcg"
fi

fail() {
	printf 'run.sh: %s\n' "$*" >&2
	exit 1
}

# In options of QEMU a comma ends a value, unless it stands twice.
commas() { printf '%s\n' "$1" | sed 's/,/,,/g'; }

pid() { # HOST: the number of its process, when that is still ours
	[ -s "$state/$1/pid" ] || return 1
	number=$(cat "$state/$1/pid")
	kill -0 "$number" 2>/dev/null || return 1
	if [ -r "/proc/$number/cmdline" ]; then
		tr '\0' '\n' <"/proc/$number/cmdline" | grep -qxF "$cluster-$1" || return 1
	fi
	printf '%s\n' "$number"
}

disk() { # HOST
	[ ! -f "$state/$1/disk.qcow2" ] || return 0
	[ -n "$image" ] || fail "no base image; name a cloud image of the platform: run.sh up IMAGE"
	[ -f "$image" ] || fail "there is no base image $image"
	case $image in
	/*) base=$image ;;
	*) base=$PWD/$image ;;
	esac
	format=$(qemu-img info -- "$base" | sed -n 's/^file format: //p')
	[ -n "$format" ] || fail "qemu-img cannot read $image"
	qemu-img create -q -f qcow2 -F "$format" -b "$base" "$state/$1/disk.new" ${SIZE:+"$SIZE"} ||
		fail "cannot make a disk for $1"
	mv "$state/$1/disk.new" "$state/$1/disk.qcow2"
}

start() { # HOST MACS: with a network card for each address
	seed=$here/hosts/$1/$volume
	[ -f "$seed" ] || fail "$seed is missing; build for a cloud with seed volumes: --cloud qemu"
	mkdir -p "$state/$1" || fail "cannot make $state/$1"
	disk "$1"
	where=$(commas "$state/$1")
	macs=$2
	set -- "$1" -name "$cluster-$1" -cpu max -smp "${CPUS:-1}" -m "${MEMORY:-2048}" \
		-display none -daemonize -pidfile "$state/$1/pid" -serial "file:$state/$1/console.log" \
		-drive "file=$where/disk.qcow2,if=virtio,format=qcow2" \
		-drive "file=$(commas "$seed"),if=virtio,format=raw,readonly=on"
	# By its local address the network stays inside this machine; without it, frames leave by the interface of the default route.
	card=
	for mac in $macs; do
		set -- "$@" -netdev "socket,id=cluster$card,mcast=$mcast,localaddr=127.0.0.1" -device "virtio-net-pci,netdev=cluster$card,mac=$mac"
		card=$((${card:-0} + 1))
	done
	[ "${NET-}" != user ] || set -- "$@" -netdev user,id=outside -device virtio-net-pci,netdev=outside
	name=$1
	shift
	for way in $accel; do
		if "$qemu" -machine "accel=$way" "$@"; then
			printf '%s: started with %s, console in %s\n' "$name" "$way" "$state/$name/console.log"
			return
		fi
		# A device that is there need not work, as in a virtual machine; what failed for one host fails for the next.
		[ "$way" = tcg ] || printf 'run.sh: %s fails here; trying without\n' "$way" >&2
		accel=tcg
	done
	fail "$name does not start"
}

stop() { # HOST
	number=$(pid "$1") || return 0
	kill "$number"
	tries=0
	while pid "$1" >/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -le 50 ] || fail "$1 does not end; look at process $number"
		sleep 0.2 2>/dev/null || sleep 1
	done
	rm -f "$state/$1/pid"
	printf '%s: off\n' "$1"
}

each() { # COMMAND: once for each host; its failure ends the script
	while read -r host macs <&3; do
		"$1" "$host" "$macs" || exit
	done 3<<EOF
$hosts
EOF
}

up() { pid "$1" >/dev/null || start "$1" "$2"; }
status() {
	if number=$(pid "$1"); then
		printf '%s: runs as process %s, console in %s\n' "$1" "$number" "$state/$1/console.log"
	else
		printf '%s: off\n' "$1"
	fi
}

case ${1-} in
up)
	[ "$#" -le 2 ] || fail "usage: run.sh up [IMAGE]"
	image=${2:-$image}
	for tool in "$qemu" qemu-img; do
		command -v "$tool" >/dev/null || fail "$tool is missing; install QEMU"
	done
	each up
	;;
down) each stop ;;
status) each status ;;
*) fail "usage: run.sh up [IMAGE] | down | status" ;;
esac
