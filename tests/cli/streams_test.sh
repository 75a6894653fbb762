#!/usr/bin/env bash
# What a command reads and writes may be full, closed, a device or a pipe that nobody writes to: it ends soon, with 0
# where all of its result was written, else with 1 and one line, never by a signal.
# Usage: streams_test.sh ROPEWALK SOURCE_DIR
. "$(dirname "$0")/begin.sh"

# ends CODE COMMAND...: with the streams that the caller has set up.
ends() {
  local code=$1; shift
  count=$((count + 1))
  timeout 60 "$@"; local got=$?
  [ "$got" = "$code" ] || { echo "FAILED: $* -> exit $got, expected $code" >&9; failed=$((failed + 1)); }
}
exec 9>&1

"$source/tests/cli/make_parrot.py" parrot 128
for i in $(seq 60); do echo "Many a text is longer than a model, line $i."; done > long.txt
echo "5 9 33 70 2 11 64 90" > ids
echo '{"index": 0, "input": "The key is 4711. What is the key?", "outputs": ["4711"], "answer_prefix": "The key is"}' > q.jsonl
"$ropewalk" eval parrot --text long.txt --lengths 128 --documents 2 --methods none --tail 16 --out r.jsonl >/dev/null 2>&1
commands=("--help" "--version" "methods" "methods yarn --json" "inspect $model" "inspect $model --json"
  "tokenize parrot long.txt" "generate parrot -p Well? --raw -n 4" "export $model --method yarn:factor=4 --length 256"
  "logits $model --tokens ids" "score long.txt long.txt" "bench prefill $model --lengths 20 --repeat 1"
  "eval parrot --text long.txt --lengths 128 --documents 2 --methods none --tail 16" "report r.jsonl"
  "eval parrot --text long.txt --lengths 128 --documents 2 --methods none --tail 16 --jobs 2 --out j.jsonl"
  "eval parrot --text long.txt --lengths 128 --documents 2 --methods none --tail 16 --dry-run"
  "questions parrot q.jsonl --format ruler -n 4 --methods none" "report r.jsonl --format csv"
  "tune parrot --text long.txt --lengths 200 --tail 16 --documents 4 --out t.json")
for command in "${commands[@]}"; do
  # shellcheck disable=SC2086
  {
    ends 0 "$ropewalk" $command >/dev/null 2>/dev/full
    ends 0 "$ropewalk" $command >/dev/null 2>&-
    ends 1 "$ropewalk" $command >/dev/full 2>err
    [ "$(grep -c '^ropewalk: .*expected .*found .*hint: ' err)" = 1 ] || { echo "FAILED: $command: no error"; cat err; failed=$((failed + 1)); }
    ends 1 "$ropewalk" $command >&- 2>err
    ends 1 "$ropewalk" $command >/dev/full 2>/dev/full
  }
done
ends 2 "$ropewalk" eval --nothing >/dev/null 2>/dev/full
ends 1 "$ropewalk" eval nowhere --text long.txt >/dev/null 2>/dev/full

# Every option that opens a file: a device has no end, a pipe without a writer no beginning.
mkfifo pipe; mkdir empty
for bad in pipe /dev/zero empty; do
  for command in "--config $bad methods" "tokenize parrot $bad" "generate parrot -f $bad --raw -n 4" "score $bad long.txt" \
    "score long.txt $bad" "logits $model --tokens $bad" "inspect $bad" "eval $bad --text long.txt" "report $bad" \
    "eval parrot --text $bad --lengths 128" "eval parrot --text long.txt --lengths 128 --config $bad" \
    "eval parrot --text long.txt --lengths 128 --documents 2 --tail 16 --methods none --out $bad" "questions parrot $bad --format ruler" \
    "questions parrot q.jsonl --format longbench --prompts $bad" "tune parrot --text $bad" \
    "generate parrot -f long.txt --raw -n 4 --tuned $bad" "export $bad --method yarn --length 256"; do
    # shellcheck disable=SC2086
    timeout 20 "$ropewalk" $command >/dev/null 2>err; got=$?
    count=$((count + 1))
    case $got in 1|2) ;; *) echo "FAILED: $command -> exit $got"; head -3 err; failed=$((failed + 1)) ;; esac
  done
done
# Beside a model, too.
cp -r parrot piped; for name in tokenizer.json config.json generation_config.json chat_template.jinja; do
  rm -rf piped; cp -r parrot piped; rm -f piped/$name; mkfifo piped/$name
  timeout 20 "$ropewalk" generate piped -p Well? -n 2 >/dev/null 2>err; got=$?
  count=$((count + 1))
  [ $got -le 2 ] || { echo "FAILED: $name is a pipe -> exit $got"; failed=$((failed + 1)); }
done
# What is written replaces its own kind only; a name that is none is refused; a pipe without a reader is no place to wait.
printf '# How far does my plan reach?\n\nmine\n' > mine.md
cp mine.md kept; mkfifo silent
for command in "logits $model --tokens ids --out mine.md" "report r.jsonl --out mine.md" "logits $model --tokens ids --out r.jsonl" \
    "logits $model --tokens ids --out silent" "report r.jsonl --format html --out silent"; do
  # shellcheck disable=SC2086
  ends 1 timeout 20 "$ropewalk" $command </dev/null >/dev/null 2>&1
done
cmp -s mine.md kept || { echo "FAILED: a foreign file was replaced"; failed=$((failed + 1)); }
ends 0 "$ropewalk" report r.jsonl >/dev/null 2>&1  # still results
ends 0 "$ropewalk" logits "$model" --tokens ids --out l.npy >/dev/null 2>&1
ends 0 "$ropewalk" logits "$model" --tokens ids --out l.npy >/dev/null 2>&1
for option in --out --report; do
  ends 2 "$ropewalk" eval parrot --text long.txt --lengths 128 --methods none --tail 16 $option "" >/dev/null 2>&1
done
ends 2 "$ropewalk" eval parrot --text long.txt --lengths 128 --methods none --tail 16 --report - >/dev/null 2>&1

echo "$count commands, $failed failed"
[ "$failed" = 0 ]
