#!/bin/sh
# Runs src/seed/accept and `apply` on scratch machines of tests/apply, with seeds that real keys have signed or not:
#   sh tests/seed/accept.sh SHELL VERIFIER...
# For each verifier (gpgv, gpgv1, sqv) the cases in ONLY, or all. Needs gpg.
# shellcheck disable=SC2034,SC1091,SC2154  # the files read below use and set what is here
set -u
umask 022
LC_ALL=C; export LC_ALL
HERE=$(cd "$(dirname "$0")/../apply" && pwd -P)
PROGRAMS=$HERE/../../src/seed OURS=$HERE/../carried/keys
SHELL_UNDER_TEST=$1; shift
FIXTURES=$HERE/fixtures
T=$(mktemp -d) || exit 2
# The agents end with their homes.
trap 'rm -rf "$T"' EXIT
APPLY=$T/apply
cat "$PROGRAMS"/apply/*.sh >"$APPLY"
PASSED=0 FAILED=0 CASE="" M=$T RC=0 TOOLS=$T/tools
mkdir "$TOOLS"
case $SHELL_UNDER_TEST in
    busybox*) for tool in awk sed grep find stat cmp sha256sum df mktemp timeout readlink sort tail head wc cut tr cp rm chmod chown \
        ln mkdir cat dirname date od tar gzip id; do ln -s "$(command -v busybox)" "$TOOLS/$tool"; done
        ln -s "$(command -v busybox)" "$TOOLS/sh" ;;
    *) ln -s "$(command -v dash)" "$TOOLS/sh"; if command -v mawk >/dev/null; then ln -s "$(command -v mawk)" "$TOOLS/awk"; fi ;;
esac
. "$HERE/lib.sh"

# ---- keys: those of tests/carried, whose secrets everybody knows. Made in 2020, all of them.

PAST=20200102T000000
for name in signer foreign weak expired revoked parts; do
    mkdir -m 0700 "$T/$name"
    gpg --homedir "$T/$name" --batch --quiet --passphrase '' --import "$OURS/$name.key" 2>"$T/gpg" || { cat "$T/gpg"; exit 2; }
done
for name in signer foreign weak expired revoked parts grafted; do gpg --dearmor <"$OURS/$name.asc" >"$T/$name.gpg"; done
pin() { cat "$OURS/$1.fingerprint"; }
# sign NAME [OPTION]...: the seed in $S, as a build does.
sign() {
    s_name=$1; shift
    cp "$T/$s_name.gpg" "$S/key.gpg"
    list
    resign "$s_name" "$@"
}
# The list does not name its signature.
list() { rm -f "$S/SHA256SUMS.asc"; sums "$S"; }
resign() {
    r_name=$1; shift
    gpg --homedir "$T/$r_name" --batch --quiet --yes --passphrase '' --pinentry-mode loopback --faked-system-time "$PAST" --digest-algo SHA512 "$@" \
        --armor --output "$S/SHA256SUMS.asc" --detach-sign "$S/SHA256SUMS" 2>"$M/gpg" || { cat "$M/gpg"; exit 2; }
}

# ---- the cases

# accept ARGS...: as the operator does.
accept() {
    # shellcheck disable=SC2086  # words of a shell
    CLUSTERSEED_ROOT=$ROOT FAKE=$FAKE PATH=$FIXTURES/bin:$TOOLS:$SYSTEM $SHELL_UNDER_TEST "$ROOT/usr/local/sbin/clusterseed-accept" "$@" >"$M/out" 2>"$M/err"
    RC=$?
}
# host NAME PIN...: a machine that pins these keys, and in $S the files of a seed for it, not signed yet.
host() {
    OF=$CASE-
    machine "$1" upstart; shift
    PINS=$ROOT/etc/clusterseed/trusted-keys
    mkdir -p "${PINS%/*}" "$ROOT/usr/local/sbin" "$M/new"
    { echo "# pinned"; for name; do pin "$name"; echo; done; } >"$PINS"
    cp "$PROGRAMS/accept" "$ROOT/usr/local/sbin/clusterseed-accept"
    seed "$M/new/seed"
    master_files
    seal
}
pack() { tar -czf "$M/seed.tar.gz" -C "$M/new" seed; }
untouched() { gone "$ROOT/etc/mesos" "$ROOT/var/lib/clusterseed/seed" "$ROOT/var/lib/clusterseed/accept"; }
# refused CODE WORDS: by the host's own program, and by the seed's own apply when somebody runs that.
refused() {
    pack
    accept "$M/seed.tar.gz"; rc_is "$1"; has "$M/err" "$2"; has "$M/err" "next: "; untouched
    SEED=$S; apply; rc_is "$1"; has "$M/err" "$2"; status_says "$2"; gone "$ROOT/etc/mesos" "$ROOT/var/lib/clusterseed/seed"
}
# told WORDS: of gpgv; sqv has its own.
told() { if [ "$VERIFIER" = sqv ]; then echo "sqv does not take its signature"; else echo "$1"; fi; }

case_accepted() {
    host whole signer; sign signer; pack
    accept "$M/seed.tar.gz" --dry-run; rc_is 0; has "$M/out" "would write /etc/mesos/zk"; untouched
    accept "$M/seed.tar.gz"; rc_is 0; has "$M/out" "signed by $(pin signer)"
    there "$ROOT/etc/mesos/zk" "$ROOT/var/lib/clusterseed/seed/SHA256SUMS.asc"
    gone "$ROOT/var/lib/clusterseed/accept"
    # That tree is what goes on after a reboot and what an operator runs later, and it is judged each time.
    SEED=$ROOT/var/lib/clusterseed/seed
    apply --check; rc_is 0
    mv "$SEED/SHA256SUMS.asc" "$M/signature"; apply --check; rc_is 4; has "$M/err" "the seed is not signed"
    mv "$M/signature" "$SEED/SHA256SUMS.asc"; rm "$ROOT/usr/local/sbin/clusterseed-accept"; apply; rc_is 1; has "$M/err" "which checks them, is not there"
    # A good signature of ours, of a seed for another machine.
    host other signer; sign signer; echo 192.0.2.77 >"$FAKE/addr"; pack
    accept "$M/seed.tar.gz"; rc_is 3; has "$M/err" "wrong machine"; untouched
    # Two keys, while one takes over from the other.
    host rotation signer foreign; sign foreign; pack
    accept "$M/seed.tar.gz"; rc_is 0; there "$ROOT/etc/mesos/zk"
}

# The place of the tree is mended when what is there lost its signature, and its folder is for everybody to read.
case_place() {
    host place signer; sign signer; pack
    accept "$M/seed.tar.gz"; rc_is 0; mode_is "$ROOT/var/lib/clusterseed" 755
    : >"$ROOT/var/lib/clusterseed/seed/SHA256SUMS.asc"
    accept "$M/seed.tar.gz"; rc_is 0; there "$ROOT/var/lib/clusterseed/seed/SHA256SUMS.asc"
    SEED=$ROOT/var/lib/clusterseed/seed; apply --check; rc_is 0
}

case_pins_stay() {
    host stay signer
    cp "$PINS" "$M/pins"; file /etc/clusterseed/trusted-keys 0644 root sources "" <"$M/pins"
    file /usr/local/sbin/clusterseed-accept 0755 root hold "" <"$PROGRAMS/accept"
    seal; sign signer; pack; accept "$M/seed.tar.gz"; rc_is 0
    # A later seed, or an old one that somebody kept, without them.
    seed "$M/new/seed"; master_files; seal; sign signer; pack; accept "$M/seed.tar.gz"; rc_is 0
    there "$PINS" "$ROOT/usr/local/sbin/clusterseed-accept"
    accept "$M/seed.tar.gz" --check; rc_is 0
    # The next key, by a seed that the old one has signed; then only the next one.
    seed "$M/new/seed"; master_files; { pin signer; echo; pin foreign; } >"$M/pins"; file /etc/clusterseed/trusted-keys 0644 root sources "" <"$M/pins"
    seal; sign signer; pack; accept "$M/seed.tar.gz"; rc_is 0; has "$PINS" "$(pin foreign)"
    seed "$M/new/seed"; master_files; pin foreign >"$M/pins"; file /etc/clusterseed/trusted-keys 0644 root sources "" <"$M/pins"
    seal; sign foreign; pack; accept "$M/seed.tar.gz"; rc_is 0; lacks "$PINS" "$(pin signer)"
    seal; sign signer; pack; accept "$M/seed.tar.gz"; rc_is 4; has "$M/err" "does not have this key"
}

case_unsigned() {
    host plain signer; list; refused 4 "the seed is not signed"
    cp "$T/signer.gpg" "$S/key.gpg"; list; refused 4 "the seed is not signed"
}

case_foreign() {
    host foreign signer; sign foreign; refused 4 "signed by $(pin foreign), and /etc/clusterseed/trusted-keys does not have this key"
    # With our key beside it; with both keys; with a signature of each.
    cp "$T/signer.gpg" "$S/key.gpg"; list; resign foreign; refused 4 "$(told 'which is not the key that came with it')"
    cat "$T/signer.gpg" "$T/foreign.gpg" >"$S/key.gpg"; list; resign foreign; refused 4 "does not have this key"
    gpg --dearmor <"$S/SHA256SUMS.asc" >"$M/one"; resign signer; gpg --dearmor <"$S/SHA256SUMS.asc" | cat "$M/one" - >"$M/two"; cp "$M/two" "$S/SHA256SUMS.asc"
    pack; accept "$M/seed.tar.gz"; rc_is 4; untouched
    host program signer; sign signer; printf '#!/bin/sh\necho pwned\n' >"$S/apply"; pack
    accept "$M/seed.tar.gz"; rc_is 4; has "$M/err" "apply is not the one that was signed"; lacks "$M/out" pwned; untouched
}

case_other_bytes() {
    host bytes signer; sign signer
    cp "$S/SHA256SUMS.asc" "$M/signature"; echo 3 >"$S/root/etc/mesos-master/quorum"; list; cp "$M/signature" "$S/SHA256SUMS.asc"
    refused 4 "$(told 'what is signed was changed after it was signed')"
    host file signer; sign signer; echo 3 >"$S/root/etc/mesos-master/quorum"; refused 4 "damaged in the seed: root/etc/mesos-master/quorum"
    host more signer; sign signer; echo x >"$S/root/etc/more"; refused 4 "not listed in SHA256SUMS: root/etc/more"
    # The first bytes of a key say what it is; further ones are for the verifier.
    host key signer; sign signer; printf X | dd of="$S/key.gpg" conv=notrunc 2>/dev/null; pack; accept "$M/seed.tar.gz"; rc_is 4; has "$M/err" "key.gpg is damaged"
    host armor signer; sign signer; sed 's/[A-Za-z0-9]\{40\}/AAAA/' "$S/SHA256SUMS.asc" >"$M/asc"; cp "$M/asc" "$S/SHA256SUMS.asc"
    pack; accept "$M/seed.tar.gz"; rc_is 4; untouched
}

case_subkey() {
    host subkey parts; sign parts; pack
    accept "$M/seed.tar.gz"; rc_is 0; has "$M/out" "signed by $(pin parts)"; there "$ROOT/etc/mesos/zk"
    # Its own fingerprint pins nothing.
    host own signer; gpg --homedir "$T/parts" --batch --with-colons --list-keys 2>/dev/null | awk -F: '$1 == "fpr" { f = $10 } END { print f }' >"$PINS"
    sign parts; refused 4 "does not have this key"
    # Put under our primary key by somebody who has not our key.
    host grafted signer; cp "$T/grafted.gpg" "$S/key.gpg"; list; resign parts; refused 4 "$(told 'does not vouch for')"
}

case_spoilt() {
    host weak weak; sign weak; refused 4 "1024 bits, where 2048 are the least"
    host digest signer; cp "$T/signer.gpg" "$S/key.gpg"; list; resign signer --digest-algo SHA1; refused 4 "$(told 'a digest that can be forged')"
    host expired expired; sign expired; refused 4 "a key that has expired"
    host revoked revoked; sign revoked; refused 4 "$(told 'a key that was revoked')"
}

case_pins() {
    host pins signer; sign signer; pack
    echo 0123ABCD >"$PINS"; refused 1 "holds something that is no full fingerprint"
    echo "# none" >"$PINS"; refused 1 "names no key"
    pin signer >"$PINS"; chmod 0666 "$PINS"; refused 1 "can be written by others than root"
    rm "$PINS"; accept "$M/seed.tar.gz"; rc_is 1; has "$M/err" "no key is pinned on this host"; untouched
    # A clock that has lost the time is set, and then it goes on.
    host clock signer; sign signer; pack
    date -d 2015-01-01 +%s >"$FAKE/clock"; accept "$M/seed.tar.gz"; rc_is 1; has "$M/err" "a time before the key of the seed was made"; untouched
    rm "$FAKE/clock"; accept "$M/seed.tar.gz"; rc_is 0
    host tools signer; sign signer; pack
    TOOLS=$FEW SYSTEM=$FEW; accept "$M/seed.tar.gz"; rc_is 1; has "$M/err" "neither gpgv nor sqv is here"; untouched
    TOOLS=$T/tools SYSTEM=$PROGRAMS_HERE
}

# Tarballs that would reach out of their folder, with a seed of ours in them.
case_tarball() {
    host links signer; sign signer
    ln -s /etc "$M/new/seed/link"; pack; accept "$M/seed.tar.gz"; rc_is 4; has "$M/err" "something that no seed has"; rm "$M/new/seed/link"
    ln "$S/host.json" "$M/new/seed/hard"; pack; accept "$M/seed.tar.gz"; rc_is 4; has "$M/err" "something that no seed has"; rm "$M/new/seed/hard"
    tar -czf "$M/seed.tar.gz" -C "$M/new" --transform 's#^seed/host.json#seed/../../host.json#' seed 2>/dev/null; accept "$M/seed.tar.gz"; rc_is 4
    tar -czf "$M/seed.tar.gz" -C "$M/new" --transform 's#^seed#tree#' seed; accept "$M/seed.tar.gz"; rc_is 4; has "$M/err" "something that no seed has"
    mkfifo "$M/new/seed/pipe"; pack; accept "$M/seed.tar.gz"; rc_is 4; rm "$M/new/seed/pipe"
    # A disk of which 20 kB are free.
    mv "$TOOLS/df" "$T/df" 2>/dev/null; printf '#!/bin/sh\necho\necho x 1 1 20 1%% /\n' >"$TOOLS/df"; chmod +x "$TOOLS/df"
    pack; accept "$M/seed.tar.gz"; rc_is 1; has "$M/err" "more than half of what is free"
    rm "$TOOLS/df"; mv "$T/df" "$TOOLS/df" 2>/dev/null
    head -c 3000 "$M/seed.tar.gz" >"$M/cut"; accept "$M/cut"; rc_is 4; has "$M/err" "the tarball cannot be read"
    accept "$M/nowhere"; rc_is 1; accept; rc_is 2; accept --check; rc_is 2
    untouched
}

# All programs of this machine but those that verify.
FEW=$T/few
mkdir "$FEW"
ln -s "$TOOLS"/* "$FEW/"
ln -s /usr/sbin/* /usr/bin/* "$FEW/" 2>/dev/null
rm -f "$FEW"/gpgv* "$FEW/sqv"
for VERIFIER; do
    rm -f "$TOOLS/gpgv" "$TOOLS/sqv"
    case $VERIFIER in
        sqv) ln -s "$(command -v sqv)" "$TOOLS/sqv"; PROGRAMS_HERE=$FEW ;;
        *) ln -s "$(command -v "$VERIFIER")" "$TOOLS/gpgv"; PROGRAMS_HERE=/usr/sbin:/usr/bin:/sbin:/bin ;;
    esac
    SYSTEM=$PROGRAMS_HERE
    # shellcheck disable=SC2013  # names of cases are plain words
    for name in ${ONLY:-$(sed -n 's/^case_\([a-z_]*\)() {.*/\1/p' "$0")}; do CASE=$VERIFIER-$name; "case_$name"; done
done
echo "$PASSED passed, $FAILED failed ($SHELL_UNDER_TEST)"
[ "$FAILED" = 0 ]
