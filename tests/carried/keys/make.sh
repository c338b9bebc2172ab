#!/bin/sh
# Makes the keys of the tests anew: worth nothing, known to everybody.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
GNUPGHOME=$(mktemp -d)
export GNUPGHOME
trap 'gpgconf --kill all; rm -rf "$GNUPGHOME"' EXIT
make() { # name, kind, expiry, time of making
    gpg --batch --quiet --passphrase '' --faked-system-time "$4" --quick-gen-key "$1 <$1@example.net>" "$2" sign "$3"
    gpg --batch --armor --export-secret-keys "$1@example.net" >"$here/$1.key"
    gpg --batch --armor --export "$1@example.net" >"$here/$1.asc"
    gpg --list-keys --with-colons "$1@example.net" | awk -F: '/^fpr/ { printf "%s", $10; exit }' >"$here/$1.fingerprint"
}
make signer rsa2048 never 20200101T000000
make foreign rsa2048 never 20200101T000000
make weak rsa1024 never 20200101T000000
make expired rsa2048 2021-01-01 20200101T000000
make revoked rsa2048 never 20200101T000000
sed 's/^:---/---/' "$GNUPGHOME"/openpgp-revocs.d/"$(gpg --list-keys --with-colons revoked@example.net | awk -F: '/^fpr/ { print $10; exit }')".rev |
    gpg --batch --quiet --import
gpg --batch --armor --export revoked@example.net >"$here/revoked.asc"
# One whose primary key is kept elsewhere: only its subkey signs.
make parts rsa2048 never 20200101T000000
parts=$(cat "$here/parts.fingerprint")
gpg --batch --quiet --passphrase '' --faked-system-time 20200101T000000 --quick-add-key "$parts" rsa2048 sign never
gpg --batch --armor --export-secret-subkeys "$parts" >"$here/parts.key"
gpg --batch --armor --export "$parts" >"$here/parts.asc"
# The signer's primary key, and under it that subkey, which the signer never took for its own.
mkdir "$GNUPGHOME/signer" "$GNUPGHOME/parts"
(cd "$GNUPGHOME/signer" && gpg --export "$(cat "$here/signer.fingerprint")" | gpgsplit)
(cd "$GNUPGHOME/parts" && gpg --export "$parts" | gpgsplit)
cat "$GNUPGHOME"/signer/* "$GNUPGHOME"/parts/*subkey "$GNUPGHOME"/parts/000005* | gpg --enarmor |
    sed 's/ARMORED FILE/PUBLIC KEY BLOCK/; /^Comment/d' >"$here/grafted.asc"
