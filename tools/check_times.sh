# Sourced by ./check: `step WORDS` begins a step, and at the end the seconds that each took are listed.
#   tools/check_times.sh          the list of the last ./check
times_file=build/check_times.txt
step_name= step_start=
end_step() { [ -z "$step_name" ] || printf '%6d s  %s\n' $((SECONDS - step_start)) "$step_name" >>"$times_file"; }
step() { end_step; printf '\n== %s\n' "$*"; step_name="$*" step_start=$SECONDS; }
list_times() {
  end_step; step_name=
  printf '\n'; sort -rn "$times_file"
  printf '%6d s  in all\n' "$SECONDS"
}
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  cat "$(dirname "$0")/../$times_file"
else
  mkdir -p build && : >"$times_file"
fi
