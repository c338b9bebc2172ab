#!/bin/sh
# Puts CycloneDX's own validator and a reader of package URLs into a cache folder, without touching the system:
#
#   setup.sh DIR      DIR/python is a folder for PYTHONPATH
#
# Needs python3 with pip. A second run only looks whether all is there.
set -eu

validator=11.12.0
purl=0.17.6

[ $# -eq 1 ] || { echo "usage: setup.sh DIR" >&2; exit 1; }
mkdir -p "$1"
cache=$(cd "$1" && pwd -P)
stamp="$cache $validator $purl"
[ "$(cat "$cache/done" 2>/dev/null)" != "$stamp" ] || exit 0

export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
rm -rf "$cache/python"
python3 -m pip --quiet install --only-binary :all: --target "$cache/python" \
    "cyclonedx-python-lib[json-validation]==$validator" "packageurl-python==$purl"
printf '%s\n' "$stamp" >"$cache/done"
