#!/bin/sh
# desk.sh OUT TREE CLUSTERSEED: the operator's commands, as OUT/bin for the front of PATH: ssh and scp with the key OUT/key, nc out of
# the packages in TREE, and clusterseed. Installs openssh-client where it is missing and can.
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
out=$1 tree=$2
command -v ssh >/dev/null || apt-get -qqy --no-install-recommends install openssh-client >/dev/null
mkdir -p "$out/bin" "$out/nc"
dpkg-deb -x "$tree"/srv/debs/netcat-openbsd_*.deb "$out/nc"
cp "$tree"/usr/lib/x86_64-linux-gnu/libbsd.so.0 "$tree"/usr/lib/x86_64-linux-gnu/libmd.so.0 "$out/nc"
cat >"$out/config" <<END
User ops
IdentityFile $out/key
BatchMode yes
LogLevel ERROR
StrictHostKeyChecking no
UserKnownHostsFile /dev/null
ConnectTimeout 10
END
# A machine that goes off takes the connection with it.
cat >"$out/bin/ssh" <<END
#!/bin/sh
case \$* in
    *' sudo poweroff') $(command -v ssh) -F $out/config "\$@" || [ \$? = 255 ] ;;
    *) exec $(command -v ssh) -F $out/config "\$@" ;;
esac
END
cat >"$out/bin/scp" <<END
#!/bin/sh
exec $(command -v scp) -q -F $out/config "\$@"
END
cat >"$out/bin/nc" <<END
#!/bin/sh
LD_LIBRARY_PATH=$out/nc exec $out/nc/bin/nc.openbsd "\$@"
END
# It ends with 1 where two sides differ, as they must here.
cat >"$out/bin/clusterseed" <<END
#!/bin/sh
case \$1 in
    diff) $3 "\$@"; [ \$? = 1 ] ;;
    *) exec $3 "\$@" ;;
esac
END
chmod 755 "$out/bin"/*
