#!/usr/bin/env bash
# tools/howto.py: a page whose needs are not met is left out; in ./check it fails, unless they are not of Debian.
set -euo pipefail
howto=$1/tools/howto.py
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
cd "$folder"
page() { printf '<!-- small: N=1 -->\n<!-- %s: false -->\n```sh\nN=2\n```\n' "$1" > "$2"; }
page needs debian.md
page 'needs, not of Debian' foreign.md
env -u ROPEWALK_CHECK "$howto" . debian.md foreign.md
ROPEWALK_CHECK=1 "$howto" . foreign.md
if ROPEWALK_CHECK=1 "$howto" . foreign.md debian.md; then
  echo "FAILED: a page that is not run passes in ./check" && exit 1
fi
