#!/bin/sh
# install.sh: brings qemu-system-x86_64 to a Debian machine, as root.
#
# A machine whose qemu-utils come from backports takes no emulator of the stable release: the two have to be of one version, so
# both then come from backports, whose archive is the one that apt has already.
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive

! command -v qemu-system-x86_64 >/dev/null || exit 0
get() { apt-get -qq -y --no-install-recommends install "$@" >/dev/null; }

apt-get -qq update
if get qemu-system-x86 2>/dev/null; then exit 0; fi
# shellcheck disable=SC2016  # placeholders of apt
main=$(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' 'Created-By: Packages' 'Origin: Debian' |
    grep -v -e security -e updates -e backports | head -n 1)
[ -n "$main" ] || { echo 'install.sh: qemu-system-x86 cannot be installed, and no Debian archive is known' >&2; exit 2; }
suite=${main##* }-backports
# For this alone: other tests take their packages from all that apt knows.
list=/etc/apt/sources.list.d/clusterseed-qemu.list
trap 'rm -f "$list"; apt-get -qq update' EXIT
echo "deb ${main% *} $suite main" >"$list"
apt-get -qq update
get -t "$suite" qemu-system-x86 qemu-utils
