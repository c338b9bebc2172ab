#!/bin/sh
# mini.sh ROOT: a root tree of busybox that takes itself for Debian 12. Its apt-get is tests/bake's word for whatever maintainer
# scripts may try: it runs /srv/install, and then everything is installed.
set -eu
root=$1
mkdir -p "$root/bin" "$root/etc" "$root/usr/bin" "$root/usr/sbin" "$root/var/lib/dpkg" "$root/var/log" "$root/tmp" "$root/srv" "$root/root"
cp "$(command -v busybox)" "$root/bin/busybox"
{ ldd "$root/bin/busybox" 2>/dev/null || true; } | grep -o '/[^ ]*' | while read -r lib; do
    mkdir -p "$root${lib%/*}" && cp -L "$lib" "$root$lib"
done
for tool in $("$root/bin/busybox" --list); do [ "$tool" = busybox ] || ln -sf busybox "$root/bin/$tool"; done
printf 'ID=debian\nVERSION_ID="12"\n' >"$root/etc/os-release"
printf 'root:x:0:0:root:/root:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\n' >"$root/etc/group"
printf '127.0.0.1 localhost\n' >"$root/etc/hosts"
echo 'Package: dpkg' >"$root/var/lib/dpkg/status"
tool() { # PATH: a program of standard input
    rm -f "$root$1"
    cat >"$root$1"
    chmod 0755 "$root$1"
}
tool /usr/bin/apt-get <<'END'
#!/bin/sh
case " $* " in *' -s '*|*' update '*) exit 0 ;; esac
sh /srv/install || exit 100
for word; do
    case $word in [a-z]*=[0-9]*) echo "${word%%=*} ${word#*=}" ;; [a-z]*) echo "$word 1" ;; esac
done >/var/lib/dpkg/all
END
tool /usr/bin/dpkg-query <<'END'
#!/bin/sh
for name; do :; done
[ ! -f /var/lib/dpkg/all ] || sed -n "s/^$name /install ok installed|/p" /var/lib/dpkg/all
END
tool /usr/bin/systemctl <<'END'
#!/bin/sh
case $1 in is-active) exit 3 ;; esac
END
tool /usr/bin/getent <<'END'
#!/bin/sh
grep -E "^$2:" "/etc/$1"
END
for name in dpkg apt-mark flock; do printf '#!/bin/sh\n' | tool "/usr/bin/$name"; done
echo true >"$root/srv/install"
