#!/usr/bin/env bash
# ropewalk export --to: every target under every published method either exports or refuses by name, lines are read back
# by a shell as they were meant, and nothing of somebody else's is written over.
# Usage: export_test.sh ROPEWALK SOURCE_DIR
. "$(dirname "$0")/begin.sh"

fail() { echo "FAILED: $*"; failed=$((failed + 1)); }
# run CODE COMMAND...: its exit code, and an error is one line.
run() {
  local code=$1; shift
  count=$((count + 1))
  "$@" >out 2>err </dev/null; local got=$?
  [ $got = "$code" ] || { fail "$* -> exit $got, expected $code"; head -3 out err; return 1; }
  [ "$code" = 0 ] || [ "$(grep -cE '^ropewalk: .+: expected .+; found .+; hint: .+' err)" = 1 ] || fail "$*: no line of error"
}
holds() { grep -qF -- "$1" "$2" || fail "no '$1' in $2: $(head -3 "$2")"; }

gguf=$model/model.gguf
declare -A title=([gguf]=llama.cpp [hf]=transformers [llama.cpp]=llama.cpp [vllm]=vLLM [sglang]=SGLang [ollama]=Ollama [lmdeploy]=LMDeploy)
methods=$("$ropewalk" methods --json | python3 -c 'import json, sys; print(*(m["name"] for m in json.load(sys.stdin)["methods"]))')
[ "$(wc -w <<< "$methods")" -ge 30 ] || fail "only these methods: $methods"

# Numbers in text_config: no line reaches them, and the list says so; llama.cpp's is of a GGUF.
run 0 "$ropewalk" export "$source/tests/golden/tiny/qwen3_5_images" --method yarn:factor=4 --length 256
holds "llama.cpp: " out; holds "vLLM: cannot; the model's numbers stand in text_config" out
holds "transformers: cannot; the model's numbers" out; holds " --rope-scaling yarn" out

# No third: a file, a folder or a line; or an error that names the method, why, the engine, and who can.
for to in "${!title[@]}"; do
  case $to in gguf|ollama|llama.cpp) from=$gguf ;; *) from=$model ;; esac
  exported=0
  for method in $methods yarn+logn dynamic-ntk:grow=1 yarn:truncate=0; do
    [ "$method" = base ] && method=base:value=50000
    case $to in gguf) out=(--out o.gguf) ;; hf|ollama) out=(--out "o-$to") ;; *) out=() ;; esac
    count=$((count + 1))
    "$ropewalk" export "$from" --method "$method" --length 256 --to "$to" "${out[@]}" >out 2>err </dev/null
    case $? in
      0) exported=$((exported + 1))
         [ "$(wc -l <out)" = 1 ] || fail "--to $to $method: $(wc -l <out) lines of output"
         case $to in gguf) [ -s o.gguf ] ;; hf) [ -s o-hf/config.json ] ;; ollama) [ -s o-ollama/Modelfile ] ;; esac || fail "--to $to $method: nothing written" ;;
      2) grep -q "^ropewalk: ${method%%[:+]*}: expected" err && continue  # it needs what this model has not
         holds "--to $to: expected a method that ${title[$to]} can be told; found ${method%%[:+]*}" err
         grep -qE 'hint: (--to [a-z.]+|no engine can)' err || fail "--to $to $method: no hint of who can" ;;
      *) fail "--to $to $method: neither exported nor refused: $(head -2 err)" ;;
    esac
  done
  [ $exported -ge 6 ] || fail "--to $to: only $exported methods"
done
run 2 "$ropewalk" export "$model" --method rerope --length 256 --to vllm
holds 'rerope is no change of frequencies (distance)' err
holds 'no engine can; ropewalk generate, chat and eval run it; vLLM can be told' err
run 2 "$ropewalk" export "$model" --method yarn:truncate=0 --length 256 --to llama.cpp
holds 'hint: --to hf, lmdeploy, ' err

# A container that an engine does not read, a model whose numbers a line's keys do not reach, and odd flags.
run 2 "$ropewalk" export "$gguf" --method yarn --length 256 --to vllm && holds 'a folder with config.json for --to vllm' err
run 2 "$ropewalk" export "$model" --method yarn --length 256 --to ollama --out o2 && holds 'convert_hf_to_gguf' err
run 2 "$ropewalk" export "$source/tests/golden/tiny/mistral_small" --method yarn --length 256 --to vllm && holds '--to hf writes them there' err
run 2 "$ropewalk" export "$model" --method yarn --length 256 --to vlm && holds 'did you mean vllm' err
run 2 "$ropewalk" export "$model" --method yarn --length 256 --to gguf && holds '--out' err
run 2 "$ropewalk" export "$model" --method yarn --length 256 --to vllm --out x && holds 'told by a command line' err
run 2 "$ropewalk" export "$model" --method yarn --length 256 --out x && holds '--to' err
run 0 "$ropewalk" export "$model" --method yarn --length 256 --to transformers --out o-t && holds '"rope_parameters"' o-t/config.json
run 0 "$ropewalk" export "$model" --method yarn:factor=2 --length 4096 --to vllm && holds "factor 2 reaches" err
"$ropewalk" export "$model" --method yarn:factor=2 --length 256 --to hf --out o-own 2>/dev/null
run 0 "$ropewalk" export o-own --method none --length 4096 --to vllm && { ! grep -q reaches err || fail "none has no factor: $(cat err)"; }
run 1 "$ropewalk" export "$gguf" --method yarn --length 256 --to gguf --out none/o.gguf && holds 'no folder none' err

# What is there stays.
echo mine > mine.gguf; mkdir mine; echo mine > mine/config.json
run 1 "$ropewalk" export "$gguf" --method yarn --length 256 --to gguf --out mine.gguf
run 1 "$ropewalk" export "$model" --method yarn --length 256 --to hf --out mine
run 1 "$ropewalk" export "$gguf" --method yarn --length 256 --to ollama --out mine
[ "$(cat mine.gguf mine/config.json)" = $'mine\nmine' ] || fail 'a foreign file was replaced'
cp "$gguf" copy.gguf
run 2 "$ropewalk" export copy.gguf --method yarn --length 256 --to gguf --out copy.gguf
run 2 "$ropewalk" export copy.gguf --method yarn --length 256 --to gguf --out ./../"$(basename "$PWD")"/copy.gguf
cmp -s copy.gguf "$gguf" || fail 'the model was written over'
[ -z "$(find . -name '*.part*' -o -name '.*ropewalk*')" ] || fail "left behind: $(find . -name '*.part*' -o -name '.*ropewalk*')"

# A line is read back by a shell, word by word, whatever the model is called.
# shellcheck disable=SC2016,SC1003
for name in "it's mine; touch broken" '$(touch broken)' '`touch broken`' '-c' '=ls' 'a"b' 'two  blanks' '*' '~' 'a&b|c>broken' 'x#y' '!!' '\'; do
  for to in llama.cpp vllm sglang lmdeploy; do
    case $to in llama.cpp) there=${name}.gguf; cp "$gguf" "./$there" ;; *) there=$name; cp -r "$model" "./$there" ;; esac
    case $there in -*) given=./$there ;; *) given=$there ;; esac
    run 0 "$ropewalk" export "$given" --method yarn:factor=4 --length 256 --to $to || continue
    sh -c "printf '%s\\n' $(cat out)" > words || fail "--to $to $there: no line for a shell"
    "$ropewalk" export "$given" --method yarn:factor=4 --length 256 --to $to --json > json 2>err
    python3 - words json "$there" <<'PY' || fail "--to $to '$there': another line"
import json, sys
words, told = open(sys.argv[1]).read().split("\n")[:-1], json.load(open(sys.argv[2]))
assert words == told["arguments"], (words, told["arguments"])
assert any(word.removeprefix("./") == sys.argv[3] for word in words) and not any(word == sys.argv[3] and word[0] in "-=" for word in words)
for word in words:
    if word.startswith("{"):
        json.loads(word)
PY
    rm -rf "./$there"
  done
done
[ ! -e broken ] || fail 'a name broke out of its quotes'
cp "$gguf" $'new\nline.gguf'
run 2 "$ropewalk" export $'new\nline.gguf' --method yarn:factor=4 --length 256 --to llama.cpp && holds 'without control characters' err

# The files again, by our own reader, and as JSON.
"$ropewalk" export "$gguf" --method yarn:factor=4 --length 256 --to gguf --out o.gguf --json > json 2>err
python3 - json <<'PY' || fail 'the JSON of a file'
import json, os, shlex, sys
told = json.load(open(sys.argv[1]))
assert told["to"] == "gguf" and told["length"] == 256 and told["files"] == ["o.gguf"] and shlex.split(told["command"]) == told["arguments"]
PY
echo "5 9 33 70 2 11 64 90" > ids
for pair in "yarn:factor=4 gguf o.gguf" "pi:factor=4 gguf o.gguf" "ntk:factor=4 ollama o-ollama" "yarn:factor=4 hf o-hf" "ntk-by-parts:factor=4 hf o-hf"; do
  read -r method to out <<< "$pair"
  case $to in hf) from=$model ;; *) from=$gguf ;; esac
  run 0 "$ropewalk" export "$from" --method "$method" --length 256 --to "$to" --out "$out" || continue
  run 0 "$ropewalk" logits "$from" --tokens ids --method "$method" --precision f32 --out a.npy
  run 0 "$ropewalk" logits "$out" --tokens ids --precision f32 --out b.npy
  python3 - a.npy b.npy <<'PY' || fail "$pair: other logits"
import struct, sys
def values(path):
    data = open(path, "rb").read()
    begin = 10 + struct.unpack("<H", data[8:10])[0]
    return struct.unpack(f"<{(len(data) - begin) // 4}f", data[begin:])
a, b = map(values, sys.argv[1:])
assert len(a) == len(b) and max(abs(x - y) for x, y in zip(a, b)) < 1e-4
PY
done
holds 'FROM ./model.gguf' o-ollama/Modelfile
holds 'PARAMETER num_ctx 256' o-ollama/Modelfile

echo "$count commands, $failed failed"
[ "$failed" = 0 ]
