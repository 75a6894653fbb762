# What the shell tests here begin with: the arguments ROPEWALK SOURCE_DIR, an empty folder to work in, and the counts.
# shellcheck shell=bash disable=SC2034
set -u
ropewalk=$(realpath "$1") source=$(realpath "$2")
model=$source/tests/golden/tiny/llama
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failed=0 count=0
