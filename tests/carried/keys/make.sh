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
