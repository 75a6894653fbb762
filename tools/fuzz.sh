#!/usr/bin/env bash
# Runs every fuzz target for SECONDS each (default 60) under ASan and UBSan; a finding ends it with an error.
#   tools/fuzz.sh 15                        what ./check does
#   tools/fuzz.sh 0 fuzz_gguf 10000000      a campaign: that many executions of one target
set -euo pipefail
. "$(dirname "$0")/steady.sh"
cd "$(dirname "$0")/.."
seconds=${1:-60} only=${2:-} runs=${3:--1}
cmake --preset asan >/dev/null
targets=(fuzz/fuzz_*.cpp)
targets=("${targets[@]##*/}")
cmake --build --preset asan --target "${targets[@]%.cpp}"
mkdir -p build/fuzz
for target in build/asan/fuzz_*; do
  [ -x "$target" ] && [ -f "$target" ] || continue
  name=$(basename "$target")
  [ -z "$only" ] || [ "$only" = "$name" ] || continue
  corpus=build/fuzz/corpus/$name
  mkdir -p "$corpus"
  echo "== $name"
  # The whole log is kept; the numbers are shown; the target's own exit status decides.
  log=build/fuzz/$name.log status=0
  "$target" "$corpus" "fuzz/corpus/${name#fuzz_}" -max_total_time="$seconds" -runs="$runs" -rss_limit_mb=2048 -timeout=10 \
    -artifact_prefix=build/fuzz/ -print_final_stats=1 -verbosity=0 >"$log" 2>&1 || status=$?
  grep -E 'number_of_executed|peak_rss|ERROR|SUMMARY|runtime error|Test unit written' "$log" || true
  [ "$status" = 0 ] && continue
  tail -c 6000 "$log" >&2  # where the log itself is out of reach, this is all that tells why
  echo "fuzz: expected no finding; $name ended with $status; see $log" >&2
  exit 1
done
