#!/usr/bin/env bash
# Makes every number and output of README, guide and docs again, in both languages; `git diff` shows what changed.
#   tools/remake_docs.sh          what the small model and quick commands make: some minutes on two cores
#   tools/remake_docs.sh --all    also the lines for other engines (2 GB to install) and the study (a quarter of an hour)
# Times and speeds are of one machine and stay as they were measured: docs/performance.md says which, and how.
set -euo pipefail
cd "$(dirname "$0")/.."
export ROPEWALK_ISA=${ROPEWALK_ISA:-avx2}
cmake --build --preset release --target ropewalk
rm -rf build/demo
./demo
python3 tools/picture_of_report.py build/demo/report.html docs/demo.png
python3 tools/picture_of_report.py build/demo/report.html docs/holds_and_finds.png holds-and-finds
build/release/ropewalk methods --markdown >docs/methods.md
build/release/ropewalk models --markdown >docs/models.md
python3 tools/console_blocks.py README.md README.zh.md docs/guide.md docs/guide.zh.md docs/judging.md
if [ "${1:-}" = --all ]; then
  tools/check_export
  tools/study.sh
  python3 tools/console_blocks.py docs/results.md
fi
git --no-pager diff --stat -- README.md README.zh.md docs
