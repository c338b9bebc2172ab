#!/bin/sh
# Makes the repository of the tests anew: Packages in all forms, Releases, and signatures by the keys beside it, some of them bad.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cd "$here"
GNUPGHOME=$(mktemp -d)
export GNUPGHOME
trap 'gpgconf --kill all; rm -rf "$GNUPGHOME"' EXIT
gpg --batch --quiet --import ../keys/*.key
gzip -9nkf Packages
xz -9kf Packages
zstd -q -19 -f Packages

release() { # name, endings, more fields
    {
        printf 'Origin: test\nSuite: stable\nCodename: sesame\nArchitectures: amd64 all\nComponents: main\nAcquire-By-Hash: yes\n%b' "$3"
        printf 'SHA256:\n'
        for ending in $2; do
            file=Packages$(echo "$ending" | sed 's/plain//')
            printf ' %s %s main/binary-amd64/%s\n' "$(sha256sum <"$file" | cut -d' ' -f1)" "$(stat -c %s "$file")" "$file"
        done
    } >"$1.Release"
}

sign() { # name of the Release, of the signed message, and what gpg is told
    from=$1 to=$2
    shift 2
    gpg --batch --yes --quiet "$@" --output "$to.InRelease" --clearsign "$from.Release"
}

day='Date: Sat, 06 Jul 2024 10:00:00 UTC\n'
release good 'plain .gz .xz .zst' "$day"
release gz .gz "$day"
release zst .zst "$day"
release plain plain "$day"
release older 'plain .xz' 'Date: Fri, 05 Jul 2024 10:00:00 UTC\n'
release ended 'plain .xz' "${day}Valid-Until: Sat, 13 Jul 2024 10:00:00 UTC\n"
release future 'plain .xz' 'Date: Mon, 06 Jul 2093 10:00:00 UTC\n'
release lasting 'plain .xz' "${day}Valid-Until: Mon, 13 Jul 2099 10:00:00 UTC\n"
release empty '' "${day}MD5Sum:\n d41d8cd98f00b204e9800998ecf8427e 0 main/binary-amd64/Packages\n"
sha512="--digest-algo SHA512"
for name in good gz zst plain older ended future lasting empty; do
    # shellcheck disable=SC2086 # two words
    sign $name $name $sha512 -u signer
done
sign good both --digest-algo SHA512 -u foreign -u signer
sign good foreign --digest-algo SHA512 -u foreign
sign good sha1 --digest-algo SHA1 --allow-weak-digest-algos -u signer
sign good expired --digest-algo SHA512 --faked-system-time 20200601T000000 -u expired
sign good expired-signature --digest-algo SHA512 --faked-system-time 20200601T000000 --default-sig-expire 10d -u signer
gpg --batch --yes --quiet --digest-algo SHA512 -u signer --armor --output good.Release.gpg --detach-sign good.Release
sign good revoked --digest-algo SHA512 -u revoked
