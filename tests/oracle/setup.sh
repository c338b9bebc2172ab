#!/bin/sh
# Puts the YAML readers that targets use into a cache folder, without touching the system:
#
#   setup.sh DIR
#
#   DIR/python2   Python 2.7 (wide build) with PyYAML 3.10, as on Ubuntu 14.04
#   DIR/python3   this machine's Python 3 with a current PyYAML
#
# Needs a Debian machine's apt (any release: Python 2.7 comes from Debian 11, the last one that has it), dpkg-deb,
# python3 with pip, unzip. No root. A second run only looks whether all is there.
set -eu

old_pyyaml=3.10
old_pyyaml_sha256=4a612876bfac22be403a39cbff64b8aac7ce3fed4c11778c59f79232943b22e4 # the .zip; there is a .tar.gz too
new_pyyaml=6.0.3
debian=bullseye
releases='bullseye\|bookworm\|trixie\|forky\|sid\|\(old\)*stable\|testing\|unstable' # whose mirror has $debian too
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
    printf 'setup.sh: %s\n' "$*" >&2
    exit 1
}

[ $# -eq 1 ] || fail "usage: setup.sh DIR"
mkdir -p "$1"
cache=$(cd "$1" && pwd -P)
stamp="$cache $debian $old_pyyaml $new_pyyaml"
[ "$(cat "$cache/done" 2>/dev/null)" != "$stamp" ] || exit 0

for tool in apt-get dpkg-deb python3 unzip; do
    command -v "$tool" >/dev/null || fail "$tool is missing"
done
[ -r "$keyring" ] || fail "$keyring is missing (package debian-archive-keyring)"
python3=$(python3 -c 'import sys; print(sys.executable)')

export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
work=$(mktemp -d "$cache/work.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Unpacks Python 2.7's packages into $1, with a package state of our own beside the system's.
unpack_python2() {
    # Lists what apt would fetch, whatever form its sources have; fetches nothing.
    mirror=$(apt-get --print-uris update |
        sed -n "s,^'\(.*/\)dists/\($releases\)/InRelease'.*,\1,p" | head -n 1)
    [ -n "$mirror" ] || fail "apt has no Debian source to take $debian from"

    mkdir -p "$work/apt/lists/partial" "$work/apt/archives/partial" "$work/debs"
    : >"$work/apt/status"
    printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$mirror" "$debian" >"$work/apt/sources.list"
    cat >"$work/apt/apt.conf" <<END
Dir::State "$work/apt";
Dir::State::status "$work/apt/status";
Dir::Cache "$work/apt";
Dir::Etc::sourcelist "$work/apt/sources.list";
Dir::Etc::sourceparts "-";
Acquire::Languages "none";
APT::Sandbox::User "$(id -un)";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
    apt-get -c "$work/apt/apt.conf" -qq update
    (
        cd "$work/debs"
        apt-get -c "$work/apt/apt.conf" -qq download \
            python2.7-minimal libpython2.7-minimal libpython2.7-stdlib
    )
    for deb in "$work"/debs/*.deb; do
        dpkg-deb -x "$deb" "$1"
    done
}

# Pure Python, so the source's lib folder is the library.
unpack_old_pyyaml() {
    printf 'PyYAML==%s --hash=sha256:%s\n' "$old_pyyaml" "$old_pyyaml_sha256" >"$work/requirements"
    "$python3" -m pip --quiet download --no-binary :all: --no-deps --dest "$work" -r "$work/requirements"
    unzip -q "$work/PyYAML-$old_pyyaml.zip" -d "$work"
    mv "$work/PyYAML-$old_pyyaml/lib" "$1"
}

# Writes the command $1: the interpreter $2 with the library folder $3 in front and nothing left behind in it.
write_launcher() {
    cat >"$1" <<END
#!/bin/sh
PYTHONPATH='$3' PYTHONDONTWRITEBYTECODE=1 exec '$2' "\$@"
END
    chmod +x "$1"
}

rm -rf "$cache/python2.7" "$cache/pyyaml-$old_pyyaml" "$cache/pyyaml-$new_pyyaml"
unpack_python2 "$cache/python2.7"
unpack_old_pyyaml "$cache/pyyaml-$old_pyyaml"
"$python3" -m pip --quiet install --only-binary :all: --no-deps --target "$cache/pyyaml-$new_pyyaml" "PyYAML==$new_pyyaml"
write_launcher "$cache/python2" "$cache/python2.7/usr/bin/python2.7" "$cache/pyyaml-$old_pyyaml"
write_launcher "$cache/python3" "$python3" "$cache/pyyaml-$new_pyyaml"

# What was asked for is what runs.
"$cache/python2" -c "import sys, yaml; assert sys.maxunicode > 0xFFFF and yaml.__version__ == '$old_pyyaml'" ||
    fail "python2 does not run as a wide build with PyYAML $old_pyyaml"
"$cache/python3" -c "import yaml; assert yaml.__version__ == '$new_pyyaml'" ||
    fail "python3 does not run with PyYAML $new_pyyaml"
printf '%s\n' "$stamp" >"$cache/done"
