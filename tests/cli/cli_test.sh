#!/usr/bin/env bash
# Tries every command, with good and with bad input: exit code, one line of error, nothing left behind.
# Usage: cli_test.sh ROPEWALK SOURCE_DIR [model]: with `model` also what needs models/, the real one where it has been fetched.
. "$(dirname "$0")/begin.sh"

# expect CODE PATTERN COMMAND...: exit code, and a pattern in stdout + stderr; an error is one line of
# "place: expected; found; hint", without control characters.
expect() {
  local code=$1 pattern=$2; shift 2
  count=$((count + 1))
  "$@" >out 2>err </dev/null; local got=$?
  if [ "$got" != "$code" ] || ! cat out err | grep -qE -- "$pattern"; then
    echo "FAILED: $* -> exit $got, expected $code and /$pattern/"; head -5 out err; failed=$((failed + 1))
  elif [ "$code" != 0 ] && [ "$(grep -c '^ropewalk: ' err)" != 1 ]; then
    echo "FAILED: $*: more than one line of error"; cat err; failed=$((failed + 1))
  elif [ "$code" != 0 ] && ! grep -qE '^ropewalk: .+: expected .+; found .+; hint: .+' err; then
    echo "FAILED: $*: an error without expectation, finding or hint"; cat err; failed=$((failed + 1))
  elif [ "$code" != 0 ] && tr -d '\n' <err | grep -q '[[:cntrl:]]'; then
    echo "FAILED: $*: control characters in an error"; failed=$((failed + 1))
  fi
}

echo "5 9 33 70 2 11 64 90" > ids
: > empty.txt
expect 0 'ropewalk [0-9]' "$ropewalk" --version
expect 0 'Examples' "$ropewalk" --help
# No line of stdout and stderr is wider than 80 columns but what is to be pasted: commands, addresses of pages, and
# what is one word: a method with all its parameters.
narrow() {
  cat out err | grep -vE '^  ("[^"]*"|[^ ]*)?ropewalk |file://|^ *[^ ]+$' | awk 'length > 80' >wide
  [ ! -s wide ] || { echo "FAILED: $*: wider than 80 columns"; cat wide; failed=$((failed + 1)); }
  rm wide
}
narrow --help
for command in bench chat eval export fill generate inspect logits methods models questions report score tokenize train tune; do
  expect 0 'Example' "$ropewalk" $command --help; narrow $command --help
  # What stands behind an example is a comment, so that the line can be pasted.
  ! grep -E '^  ropewalk .*[^ ]  +[^ #]' out || { echo "FAILED: $command --help: words behind an example"; failed=$((failed + 1)); }
done
# An empty value, as an unset variable leaves it, is named, and so is a prompt without a token.
for empty in "generate $model -p" "fill $model -p" "tokenize $model --text" "logits $model --tokens" "eval $model --text ids --out" 'score ids' inspect; do
  # shellcheck disable=SC2086
  expect 2 '(--prompt|--text|--tokens|--out|REF|MODEL): expected a value; found an empty one' "$ropewalk" $empty ''
done
expect 2 '--config: expected a value; found an empty one' "$ropewalk" logits "$model" --tokens ids --config ''
for none in "--method=" "--tokens=" "--precision=" "--method"; do
  expect 2 "${none%=}: expected a value; found none" "$ropewalk" logits "$model" --tokens ids "$none"
done
expect 1 'found something else; hint: nothing was changed; give a file that --out of eval, questions or tune wrote' "$ropewalk" report ids
expect 0 'Examples' "$ropewalk"
expect 2 'did you mean eval' "$ropewalk" evall
expect 0 'tokens/s' "$ropewalk" bench prefill "$model" --lengths 40 --methods none rerope --repeat 1 --profile
expect 0 "peak MB" "$ropewalk" bench prefill "$model" --lengths 40 --repeat 1; narrow bench prefill
expect 0 '"n_timed":3' "$ropewalk" bench decode "$model" --lengths 20 -n 3 --repeat 2 --json
expect 0 'peaks: .* GFLOP' "$ropewalk" bench attention "$model" --lengths 40 --methods none rerope --repeat 1; narrow bench attention
expect 0 '"bf16_tiles"' "$ropewalk" bench attention "$model" --lengths 40 --head-dim 64 --kv q8 --repeat 1 --json
expect 0 'w_down' "$ropewalk" bench gemm "$model" --lengths 40 --repeat 1; narrow bench gemm
expect 0 'attention backward, rerope' "$ropewalk" bench train "$model" --lengths 40 --methods none rerope --repeat 1; narrow bench train
expect 1 'tokenizer.json' "$ropewalk" bench load "$model" --repeat 1
expect 2 'grow=1' "$ropewalk" bench attention "$model" --lengths 200 --methods dynamic-ntk:grow=1 --repeat 1
expect 0 'vLLM: not run here' "$ropewalk" export "$model" --method yarn:factor=4 --length 256
expect 0 '"elsewhere":.*"llama.cpp":.*"setting":"-c 256 ' "$ropewalk" export "$model" --method pi --length 256 --json
expect 0 'cannot; .*distance' "$ropewalk" export "$model" --method rerope --length 256
tiny=$source/tests/golden/tiny
for method in yarn:factor=4 ntk:factor=4 none; do
  expect 0 'cannot; an encoder' "$ropewalk" export "$tiny/roformer" --method $method --length 512
  ! grep -qE 'rope_parameters"|--rope' out || { echo "FAILED: a setting for an encoder"; failed=$((failed + 1)); }
  expect 0 'cannot; the model.s layers differ' "$ropewalk" export "$tiny/llama_by_layer" --method $method --length 512
  ! grep -qE 'rope_parameters"|--rope' out || { echo "FAILED: one setting for layers that differ"; failed=$((failed + 1)); }
done
expect 2 'did you mean yarn' "$ropewalk" export "$model" --method yran --length 256
expect 2 'length' "$ropewalk" export "$model" --method yarn
expect 1 'none.gguf' "$ropewalk" export none.gguf --method yarn --length 256
expect 2 'bf16, f32 or q8' "$ropewalk" logits "$model" --tokens ids --kv q4
expect 0 '"last"' "$ropewalk" logits "$model" --tokens ids --kv q8
expect 2 'prefill' "$ropewalk" bench prefil "$model"
expect 2 'did you mean rerope' "$ropewalk" bench prefill "$model" --lengths 20 --methods reroep
expect 2 'a number from 0 to 1024' "$ropewalk" logits "$model" --tokens ids --threads -1
expect 0 'this process may use [0-9]+ cores?, and takes' "$ropewalk" logits "$model" --tokens ids --threads 1024
expect 0 'rerope' "$ropewalk" methods; narrow methods
echo '{"index": 0, "input": "The key is 4711. What is the key?", "outputs": ["4711"], "answer_prefix": "The key is"}' > q.jsonl
expect 1 "q.jsonl:1: .*'dataset'" "$ropewalk" questions "$model" q.jsonl --format longbench
expect 1 'none.jsonl' "$ropewalk" questions "$model" none.jsonl --format ruler
expect 2 'format' "$ropewalk" questions "$model" q.jsonl --format rulr
expect 2 'length as well' "$ropewalk" questions "$model" q.jsonl --format ruler --truncate middle
expect 2 'format longbench' "$ropewalk" questions "$model" q.jsonl --format ruler --prompts q.jsonl
expect 2 'did you mean yarn' "$ropewalk" questions "$model" q.jsonl --format ruler --methods yran
expect 0 'Position Interpolation' "$ropewalk" methods --markdown
expect 0 '"name"' "$ropewalk" methods --json
expect 0 '^formula: ' "$ropewalk" methods yarn; narrow methods yarn
expect 0 'Mamba-2 beside' "$ropewalk" models; narrow models
expect 0 'Families that run' "$ropewalk" models --markdown
expect 0 '"missing"' "$ropewalk" models --json
expect 0 'gemma3: runs' "$ropewalk" models Gemma-3
expect 0 '"missing": ?"per-layer embeddings, AltUp' "$ropewalk" models gemma3n --json
expect 2 'did you mean gemma3' "$ropewalk" models gemna3
expect 2 'markdown' "$ropewalk" models gemma3 --markdown
expect 0 '"formula"' "$ropewalk" methods yarn --json
expect 2 'did you mean yarn' "$ropewalk" methods YRAN
expect 0 '"last"' "$ropewalk" logits "$model" --tokens ids --methods none
expect 2 'separate several by spaces' "$ropewalk" bench prefill "$model" --lengths 8k,16k
expect 2 'found extra' "$ropewalk" logits --tokens ids "$model" extra

expect 0 '"last"' "$ropewalk" logits "$model" --tokens ids
expect 0 '"nll"' "$ropewalk" logits "$model" --tokens ids --nll --precision f32 --method 'yarn:factor=4+rerope:window=4'
[ "$(tr -cd , <out | wc -c)" = 6 ] || { echo "FAILED: --nll prints n - 1 numbers"; failed=$((failed + 1)); }
expect 0 '"last"' "$ropewalk" logits "$model" --tokens ids --out all.npy
[ "$(stat -c %s all.npy)" = $((128 + 8 * 128 * 4)) ] || { echo "FAILED: size of all.npy"; failed=$((failed + 1)); }
expect 0 '"last"' "$ropewalk" logits "$model" --tokens ids --last --out last.npy
# Another program's matrix stays; ours, which numpy reads too, is told by its header's end.
{ printf '\x93NUMPY\x01\x00\x76\x00%s' "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }"; printf '%59s\n1234' ''; } > other.npy
cp other.npy before.npy; expect 1 'another kind' "$ropewalk" logits "$model" --tokens ids --out other.npy; cmp other.npy before.npy || failed=$((failed + 1))
expect 0 '"last"' "$ropewalk" logits "$model" --tokens ids --out all.npy
# What has no effect is refused, or said.
expect 2 'length requires --attention' "$ropewalk" inspect "$model" --length 64
expect 2 'sha256' "$ropewalk" inspect "$model" --sha256 --metadata
expect 2 'last requires --out' "$ropewalk" logits "$model" --tokens ids --last
expect 2 'excludes' "$ropewalk" methods yarn --markdown
expect 2 'excludes' "$ropewalk" report x.jsonl --json --format csv
expect 2 'excludes' "$ropewalk" tokenize "$model" --text x --ids --json
expect 2 'excludes' "$ropewalk" generate "$model" -p x --raw --no-thinking
expect 2 'format ruler' "$ropewalk" questions "$model" q.jsonl --format longbench --score any
expect 0 'no effect on bench gemm' "$ropewalk" bench gemm "$model" --lengths 40 --repeat 1 --methods pi
expect 2 'separate several by spaces: --methods' "$ropewalk" bench prefill "$model" --lengths 20 --methods yarn,ntk
# A file that would be larger than ulimit -f allows is one line of error, and nothing is left of it.
expect 1 'File too large' bash -c "ulimit -f 1; '$ropewalk' logits '$model' --tokens ids --out big.npy"
ln -s new.jsonl link.html
expect 2 'one name for two' "$ropewalk" eval "$model" --text ids --out new.jsonl --report link.html; rm link.html
expect 2 'did you mean rerope' "$ropewalk" logits "$model" --tokens ids --method reroep
expect 2 'window' "$ropewalk" logits "$model" --tokens ids --method rerope:windw=4
expect 2 'expected' "$ropewalk" logits "$model" --tokens ids --method rerope:window=0
expect 2 'expected' "$ropewalk" logits "$model" --tokens ids --method rerope+dca
expect 2 'expected' "$ropewalk" logits "$model" --tokens ids --precision f16
expect 1 'token ids from 0 to' "$ropewalk" logits "$model" --tokens <(echo 5 100000)
expect 1 'token ids' "$ropewalk" logits "$model" --tokens <(echo five)
expect 1 'at least one' "$ropewalk" logits "$model" --tokens empty.txt
expect 1 'a device' "$ropewalk" logits "$model" --tokens /dev/zero
expect 1 'readable' "$ropewalk" logits "$model" --tokens nowhere
expect 1 'a folder' "$ropewalk" logits "$model" --tokens .
printf '1 a\0b\x1b[31m 2' > odd; expect 1 'token ids' "$ropewalk" logits "$model" --tokens odd; rm odd
expect 2 'known method' "$ropewalk" logits "$model" --tokens ids --method $'x\ny'
expect 2 'the input itself' "$ropewalk" logits "$model" --tokens ids --out ids
for bad in 'pi:factor=0.5' 'rerope:window=1,window=2' 'pi:factor' 'yarn:beta_fast=1,beta_slow=32' 'dca:form=coed' ''; do
  expect 2 'expected' "$ropewalk" logits "$model" --tokens ids --method "$bad"
done
expect 1 'expected' "$ropewalk" logits nowhere --tokens ids
expect 1 'can be written' "$ropewalk" logits "$model" --tokens ids --out nowhere/x.npy
head -c 100 /dev/urandom > random.gguf; : > empty.gguf
expect 0 'half_split' "$ropewalk" inspect "$model"
expect 0 'interleaved' "$ropewalk" inspect "$model/model.gguf"
expect 0 '"shape":' "$ropewalk" inspect "$model" --tensors --json
expect 0 'llama.block_count = 2' "$ropewalk" inspect "$model/model.gguf" --metadata
# Sizes that differ by layer are all told, above the layers that have them.
for form in '' /model.gguf; do
  expect 0 '^n_kv_heads +\[1,3,6\]$' "$ropewalk" inspect "$tiny/deci$form"
  expect 0 '^layers +1: n_kv_heads 3, all tokens' "$ropewalk" inspect "$tiny/deci$form"
  expect 0 '"d_ff":\[20,28,36\],"n_heads":\[3,4,6\],"n_kv_heads":\[1,2,3\],"head_dim":\[8,12,16\].*"rotary_dim":\[8,12,16\]' "$ropewalk" inspect "$tiny/llama_by_layer$form" --json
  expect 0 '"layers":"2","kind":"attention","n_heads":4,"n_kv_heads":2,"head_dim":12,"d_ff":28' "$ropewalk" inspect "$tiny/llama_by_layer$form" --json
done
# Layers with a state: what they are, and how large it is.
expect 0 'gated delta net, a state of 5\.4 KB; methods do not act' "$ropewalk" inspect "$tiny/qwen3_5"
expect 0 '"kind":"short convolution"' "$ropewalk" inspect "$tiny/lfm2/model.gguf" --json
expect 0 '^n_kv_heads +[0-9]+$' "$ropewalk" inspect "$model"
expect 2 'a size such as 512M' "$ropewalk" inspect "$model" --weight-memory 5K
# What a text takes: of 1, 2 and 3 key heads of 8, 12 and 16 numbers, two bytes each, keys and values.
expect 0 '"cache":{"type":"bf16","bytes_per_token":320,' "$ropewalk" inspect "$tiny/llama_by_layer" --json
expect 0 '^cache +[0-9.]+ KB for each token, [0-9.]+ .B for [0-9]+; in bf16' "$ropewalk" inspect "$model"
expect 0 '^latent +keys and values of [0-9]+ numbers, queries of [0-9]+' "$ropewalk" inspect "$tiny/deepseek_v3"
# Of a file that is incomplete: the layers that are there, and the first tensor that is not.
cp -r "$tiny/llama" lost; rm lost/model.gguf
for lost in 'embed_tokens token_embd' 'layers.1.self_attn.q_proj blk.1.attn_q'; do
  LC_ALL=C sed "s/\"model\.\(${lost% *}\)/\"modex.\1/" "$tiny/llama/model.safetensors" > lost/model.safetensors
  expect 0 '^layers_there +layers 0-1 with a tensor in the file' "$ropewalk" inspect lost
  expect 0 "^runs +no: lost: expected a tensor ${lost#* }.weight; found none" "$ropewalk" inspect lost
done
rm -r lost
# -1 is "unset" in a GGUF alone: in a folder it is a number, which is no method here.
cp -r "$tiny/yarn" share; rm share/model.gguf
for share in '1 yes' '-1 no: .*yarn_ext_factor' '-0.5 no: .*yarn_ext_factor'; do
  sed "s/\"rope_type\": \"yarn\"/\"extrapolation_factor\": ${share%% *}, &/" "$tiny/yarn/config.json" > share/config.json
  expect 0 "^runs +${share#* }" "$ropewalk" inspect share
done
rm -r share
# A GGUF that names no pre-tokenizer: --pre says it, everywhere; one that names its own is not overruled.
small="$source/models/short-256.gguf"
if [ -f "$small" ]; then
  LC_ALL=C sed 's/tokenizer\.ggml\.pre/tokenizer.ggml.prx/' "$small" > nopre.gguf
  expect 1 'tokenizer.ggml.pre: expected one of gpt-2, .*found nothing; hint: --pre NAME says it' "$ropewalk" tokenize nopre.gguf --text x
  expect 0 '' "$ropewalk" tokenize "$small" --text 'It is 1816: Emma.' --ids; cp out own.ids
  expect 0 '' "$ropewalk" tokenize nopre.gguf --pre smollm --text 'It is 1816: Emma.' --ids
  cmp -s out own.ids || { echo "FAILED: --pre smollm: other ids than a file that says so"; failed=$((failed + 1)); }
  expect 0 '' "$ropewalk" generate nopre.gguf --pre smollm -p 'Emma was' -n 2
  expect 0 'smollm' "$ropewalk" inspect nopre.gguf --pre smollm
  expect 0 '' "$ropewalk" export nopre.gguf --pre smollm --method yarn:factor=2 --length 512 --to gguf --out written.gguf
  expect 0 'tokenizer +BPE smollm' "$ropewalk" inspect written.gguf; rm -f written.gguf
  expect 2 "--pre: expected a known pre-tokenizer; found 'gpt-9'; hint: did you mean gpt-2" "$ropewalk" tokenize nopre.gguf --pre gpt-9 --text x
  expect 1 "key tokenizer.ggml.pre: expected 'qwen2', as --pre says, or nothing; found 'smollm'" "$ropewalk" tokenize "$small" --pre qwen2 --text x
  expect 1 'for --pre; found a folder' "$ropewalk" tokenize "$model" --pre qwen2 --text x
  rm nopre.gguf own.ids
fi
# What needs no tokenizer runs beside a broken one.
cp -r "$model" broken; rm broken/model.gguf
for text in '{' '[]' 'x'; do
  echo "$text" > broken/tokenizer_config.json
  expect 0 '' "$ropewalk" logits broken --tokens ids
  expect 0 'tokenizer +cannot be used: .*tokenizer_config.json' "$ropewalk" inspect broken
  expect 0 'tokens/s' "$ropewalk" bench prefill broken --lengths 40 --methods none --repeat 1
  expect 1 'tokenizer_config.json' "$ropewalk" tokenize broken --text x
done
rm -r broken
expect 1 'expected' "$ropewalk" inspect random.gguf
expect 1 'expected' "$ropewalk" inspect empty.gguf
ROPEWALK_ISA=sse9 expect 2 'avx2' "$ropewalk" logits "$model" --tokens ids
for isa in portable avx2; do ROPEWALK_ISA=$isa expect 0 "cpu $isa" "$ropewalk" logits "$model" --tokens ids; done

hyp=$source/tests/golden/metrics/hypotheses.txt ref=$source/tests/golden/metrics/references.txt
expect 0 '"segments":2000,"tokenize":"13a","stem":false,"bleu":56.36154' "$ropewalk" score "$hyp" "$ref" --json
expect 0 'rougeLsum +0.505757' "$ropewalk" score "$hyp" "$ref"; narrow score
printf '你好，世界\n\n' > zh.txt; printf '\xff\n' > latin.txt
expect 0 '"tokenize":"zh".*"rouge1":0.5,' "$ropewalk" score zh.txt zh.txt --json
expect 0 '"tokenize":"char"' "$ropewalk" score zh.txt zh.txt --json --tokenize char --stem
expect 0 'ROUGE sees no word' "$ropewalk" score zh.txt zh.txt --tokenize 13a
expect 1 'as many lines as .*references.txt has: 2000; found 2 lines' "$ropewalk" score zh.txt "$ref"
expect 1 'latin.txt:1: expected UTF-8' "$ropewalk" score latin.txt latin.txt
expect 1 'an empty file' "$ropewalk" score zh.txt empty.txt
expect 1 'readable' "$ropewalk" score nowhere zh.txt
expect 2 '13a, zh or char' "$ropewalk" score zh.txt zh.txt --tokenize 13b
expect 2 'stdin' "$ropewalk" score - -
expect 1 'a file of results' "$ropewalk" report nowhere.jsonl
expect 1 'no regular file' "$ropewalk" report /dev/zero
echo '{"task":"tail"}' > bad.jsonl; expect 1 'bad.jsonl:1: .*something else' "$ropewalk" report bad.jsonl
: > bad.jsonl; expect 1 'found none' "$ropewalk" report bad.jsonl
expect 2 'markdown' "$ropewalk" report bad.jsonl --format pdf
expect 2 'margin' "$ropewalk" report bad.jsonl --margin 0
expect 2 'the input itself' "$ropewalk" report bad.jsonl --out bad.jsonl --format csv
expect 2 'ends with .html, .md, .csv, .json or .txt' "$ropewalk" report bad.jsonl --out bad.pdf; rm bad.jsonl

# Who mistakes one thing for another is told which.
echo 'It was a dark and stormy night.' > words.txt
expect 1 'found a text; hint: MODEL stands first' "$ropewalk" inspect words.txt
expect 2 'found none: --lengths took .*model.gguf' "$ropewalk" bench prefill --lengths 20 "$model/model.gguf"
expect 2 'found none: --text took .*llama' "$ropewalk" eval --text words.txt "$model" --lengths 128
expect 2 'ends with .html' "$ropewalk" eval "$model" --text words.txt --report x.pdf
expect 1 'no folder nowhere; hint: make the folder' "$ropewalk" eval "$model" --text words.txt --out nowhere/x.jsonl
mkdir -p alone/bin; cp "$ropewalk" alone/bin/
expect 2 'is not in .*alone/share/ropewalk' alone/bin/ropewalk inspect; rm -r alone

# What auto, tune and --truncate do, on a model whose answers are known, trained on 128 bytes.
"$source/tests/cli/make_parrot.py" parrot 128
line='............k............n............o............w......'  # it reads dots, and few letters among them
for _ in $(seq 60); do echo "$line"; done > long.txt
cp -r parrot nope; sed -i 's/"model_type": "llama"/"model_type": "smollm3", "no_rope_layers": [0]/' nope/config.json
expect 0 'methods act on 0 of 1 layers' "$ropewalk" eval nope --text long.txt --lengths 200 --methods none yarn --documents 1 --tail 16; narrow eval
expect 0 'acting_layers    0 of 1' "$ropewalk" inspect nope
# What is said of no layer stays: in the results and every report. Nothing is chosen where nothing acts.
expect 0 'each method is this model unchanged' "$ropewalk" eval nope --text long.txt --lengths 200 --methods yarn --documents 1 --tail 16 --out nope.jsonl
grep -q '"n_layers":1,"n_acting_layers":0' nope.jsonl || { echo "FAILED: nope.jsonl: no acting layers"; failed=$((failed + 1)); }
for format in text markdown; do expect 0 'methods act on 0 of 1 layers' "$ropewalk" report nope.jsonl --format $format; done
expect 0 'nothing to tune: methods act on 0 of 1 layers: each is this model unchanged' "$ropewalk" tune nope --text long.txt --length 400 --tail 16
expect 0 'auto: none: methods act on no layer' "$ropewalk" generate nope -f long.txt -p 'Well?' --raw -n 2
tune() { "$ropewalk" tune parrot --text long.txt --tail 16 "$@"; }
expect 0 '^yes$' "$ropewalk" generate parrot -p 'Well?' --raw -n 8 --method none; cp out auto.txt
expect 0 'auto: none: 13 tokens fit in the 128' "$ropewalk" generate parrot -p 'Well?' --raw -n 8
cmp -s out auto.txt || { echo "FAILED: auto is not plain RoPE where it fits"; failed=$((failed + 1)); }
expect 0 '"text":"yes","reason":"stop"' "$ropewalk" generate parrot -p 'Well?' --raw -n 8 --json
expect 0 '"text":"\.\.\.","reason":"length"' "$ropewalk" generate parrot -p 'Well' --raw -n 3 --json
expect 0 'the answer was cut at -n 3' "$ropewalk" generate parrot -p 'Well' --raw -n 3
expect 0 'auto: dca: [0-9]+ tokens, trained on 128, nothing tuned' "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8; narrow generate
expect 0 'warning: plain RoPE for [0-9]+ tokens' "$ropewalk" generate parrot -f long.txt --raw -n 8 --method none; narrow generate --method none
for part in head middle tail; do
  expect 0 '"text":"yes".*"n_prompt":120,"n_left_out":[1-9].*"method":"none"' "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8 --truncate $part --json
  expect 0 "the $part of the text is left out" "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8 --truncate $part; narrow generate --truncate
done
expect 0 '"n_left_out":0' "$ropewalk" generate parrot -p 'Well?' --raw -n 8 --truncate head --json
expect 1 'smaller -n' "$ropewalk" generate parrot -p 'Well?' --raw -n 128 --truncate head
expect 1 'shorter --prompt' "$ropewalk" generate parrot -f long.txt -p "$line $line $line?" --raw -n 8 --truncate head
expect 2 'head' "$ropewalk" generate parrot -p 'Well?' --truncate heads
# Past what was proven it is said what would fit; --fit reads that.
expect 0 'nothing is proven past 128 tokens.*--fit' "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8; narrow generate
expect 0 '"text":"yes".*"n_prompt":120,"n_left_out":[1-9].*"method":"none"' "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8 --fit --json
expect 0 'fit: the tail of the text is left out, [0-9]+ of [0-9]+ tokens; nothing is' "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8 --fit; narrow generate --fit
expect 0 'fit: the head of the text' "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8 --fit --truncate head
expect 0 '"n_left_out":0' "$ropewalk" generate parrot -f words.txt -p 'Well?' --raw -n 8 --fit --json
# Several files stand in order behind their names; a document needs its program.
cat words.txt > a.txt; echo second > b.txt
printf 'File: a.txt\n\n%s\n\n\nFile: b.txt\n\nsecond\n\n\nWell?' "$(cat words.txt)" > joined.txt
expect 0 "\"n_prompt\":$(wc -c < joined.txt)," "$ropewalk" generate parrot -f a.txt b.txt -p 'Well?' --raw -n 2 --json --method none
printf '%%PDF-1.4\n' > broken.pdf
expect 1 'apt install poppler-utils' env PATH=/nonexistent "$ropewalk" generate parrot -f broken.pdf --raw
expect 1 'No such file' "$ropewalk" generate parrot -f nothing.txt --raw
rm joined.txt broken.pdf
# What was read is kept, and read on with the same answer; what is another's is said, and no other file is replaced.
expect 0 'tokens kept' "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8 --cache kept --json; sed 's/"n_cached":[0-9]*//; s/"why".*//' out > first
expect 0 'were read before' "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8 --cache kept --json; sed 's/"n_cached":[0-9]*//; s/"why".*//' out > second
cmp -s first second || { echo "FAILED: a kept text is answered otherwise"; failed=$((failed + 1)); }
grep -q '"n_cached":[1-9][0-9][0-9]' out || { echo "FAILED: nothing of a kept text is used"; failed=$((failed + 1)); }
expect 0 'read under .*asked for is window' "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8 --cache kept --method window
expect 0 'another text .*read anew' "$ropewalk" generate parrot -f words.txt -p 'Well?' --raw -n 8 --cache kept --method window
cp "$0" mine; expect 1 'a file of another kind; nothing was changed' "$ropewalk" generate parrot -f words.txt --raw -n 2 --cache mine
cmp -s "$0" mine || { echo "FAILED: --cache replaced a file that is none of ours"; failed=$((failed + 1)); }
printf x >> kept; expect 1 'as it was written' "$ropewalk" generate parrot -f words.txt -p 'Well?' --raw -n 8 --cache kept --method window
rm kept mine first second
# With a file the answer is the one without: the room for longer questions changes no method. What it cannot be kept in is
# known before the reading; what fails later takes no answer along. What a killed run left goes, what is another's stays.
for method in auto yarn dynamic-ntk:grow=1 window; do
  expect 0 '"text"' "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8 --method $method --json; sed 's/"n_cached":[0-9]*//' out > first
  printf 'ropewalk sequence 1\n' > kept.part; echo notes > kept.part1
  expect 0 'tokens kept' "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8 --method $method --json --cache kept; sed 's/"n_cached":[0-9]*//' out > second
  cmp -s first second || { echo "FAILED: --cache changes the answer under $method"; failed=$((failed + 1)); }
  [ ! -e kept.part ] && [ -e kept.part1 ] || { echo "FAILED: parts of a cache"; failed=$((failed + 1)); }
  expect 0 '"why":"' "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8 --json --cache kept; rm kept
done
# Under a method that follows the length, too, the next, longer question starts at once.
for method in auto yarn leaky-rerope; do
  expect 0 'tokens kept' "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8 --method $method --cache kept; narrow generate --cache
  expect 0 'were read before' "$ropewalk" generate parrot -f long.txt -p 'Well, what is it that she said to him?' --raw -n 8 --method $method --cache kept
  rm kept
done
expect 1 'no folder nowhere' "$ropewalk" generate parrot -f long.txt --raw -n 8 --cache nowhere/kept; rm -f kept kept.part1
expect 1 'ropewalk: --cache: kept: ' bash -c "ulimit -f 8; '$ropewalk' generate parrot -f long.txt -p 'Well?' --raw -n 8 --cache kept"
grep -q yes out && [ ! -e kept ] || { echo "FAILED: a cache that is not written takes the answer along"; failed=$((failed + 1)); }
rm first second
# The check is of what was read; it says why it cannot be made, and the answer is there all the same.
expect 1 'the check: --check-time' "$ropewalk" generate parrot -f long.txt -p 'Well?' --raw -n 8 --check --check-time 0.0001s
expect 2 'check' "$ropewalk" generate parrot -p 'Well?' --raw --check-time 1m
expect 2 'check-time: expected a time.*5s or 5m' "$ropewalk" generate parrot -p 'Well?' --raw --check --check-time 5
expect 1 'to hide a key in' "$ropewalk" generate parrot -p 'Well?' --raw -n 2 --check
# What draws is said by names, and ends where it is told.
expect 0 '"text":"y","reason":"stop","stop":"es"' "$ropewalk" generate parrot -p 'Well?' --raw -n 8 --stop nothing es --json
expect 0 'drawn with --seed [0-9]+' "$ropewalk" generate parrot -p 'Well' --raw -n 3 --temperature 1
expect 0 '"seed":7' "$ropewalk" generate parrot -p 'Well' --raw -n 9 --temp 2 -s 7 --json; cp out drawn.json
expect 0 '"seed":7' "$ropewalk" generate parrot -p 'Well' --raw -n 9 --temp 2 -s 7 --json
cmp -s out drawn.json || { echo "FAILED: a seed draws two answers"; failed=$((failed + 1)); }
rm drawn.json
expect 0 '"text":"y","reason"' "$ropewalk" generate parrot -p 'Well?' --raw -n 1 --temperature 1 --top-k 1 --json
expect 2 'top_p: expected 0 to 1; found 1.5' "$ropewalk" generate parrot -p x --top-p 1.5
expect 2 'logit_bias: expected ids from 0' "$ropewalk" generate parrot -p x -l 99999+1
for bias in 5 x+1 5+ 5+1x +5; do expect 2 '15043' "$ropewalk" generate parrot -p x -l "$bias"; done
expect 0 'nothing to tune: 128 tokens fit in the 128' tune --length 128
expect 0 '"method":"none"' tune --length 100 --json
[ ! -e parrot.ropewalk.json ] || { echo "FAILED: tune wrote that there is nothing to tune"; failed=$((failed + 1)); }
expect 1 'tune --budget: expected .* at least: 4 candidates on one document' tune --length 160 --budget 0.001s
expect 2 'at most 64' "$ropewalk" tune parrot --text long.txt --length 160 --tail 65
expect 2 'at most 64: the 128 trained tokens' "$ropewalk" eval parrot --text long.txt --methods yarn --lengths 160 --documents 1 --tail 65
expect 1 'text for one' tune --length 160 --documents 1
expect 0 'ms-poe and dope are no candidates: the heads of' tune --length 160 --documents 2; narrow tune
expect 0 '"unmeasured":\["ms-poe","dope"\]' tune --length 160 --documents 2 --json
# Two stretches to judge on show nothing: nothing is stored, and the command that is named shows something.
expect 0 'judged on 2 stretches of 1 text' tune --length 160 --documents 4 --candidates pi yarn; narrow tune
[ ! -e parrot.ropewalk.json ] || { echo "FAILED: tune stored what was not shown"; failed=$((failed + 1)); }
sed -n "s:^  ropewalk:\"$ropewalk\":p" out >decides.sh; rm -f parrot.ropewalk.json
grep -q -- '--documents 10 ' decides.sh || { echo "FAILED: tune names no command that decides"; failed=$((failed + 1)); }
expect 0 'plain RoPE: nothing did better, and it is no worse than truncation' sh decides.sh
expect 0 '"stored":false' tune --length 600 --candidates pi yarn --json
grep -q '"method":null.*"to_decide":null' out || { echo "FAILED: tune --json of too short a text"; failed=$((failed + 1)); }
expect 0 'To decide, give 10 texts, or one that holds 10 stretches of 600 tokens' tune --length 600 --candidates pi yarn; narrow tune
expect 0 '5 stretches to choose on, 5 to judge on; about' tune --length 200 --documents 10 --candidates pi yarn --out tuned.jsonl
expect 0 '"stored":true,.*"truncation_does":true' tune --length 200 --documents 10 --candidates pi yarn --out tuned.jsonl --json
grep -q 'none replaces none of 20' err || { echo "FAILED: tune replaces a setting without a word"; failed=$((failed + 1)); }
grep -q '"replaces": {' parrot.ropewalk.json || { echo "FAILED: tune forgot what it replaced"; failed=$((failed + 1)); }
expect 0 'nothing is stored; parrot.ropewalk.json keeps none of 20' tune --length 200 --documents 2 --candidates pi yarn
[ "$(grep -c '"length": ' parrot.ropewalk.json)" = 2 ] || { echo "FAILED: tune keeps one setting a length"; failed=$((failed + 1)); }
expect 0 'auto: none: tuned at 200 tokens, bound to 170' "$ropewalk" logits parrot --tokens <(seq 1 170) --method auto
sed -i 's/"method": "none"/"method": "pi"/' parrot.ropewalk.json
expect 0 'auto: pi: tuned at 160 tokens, bound to 140' "$ropewalk" logits parrot --tokens <(seq 1 140) --method auto
expect 0 'auto: pi: tuned up to 200 tokens only, bound to 250, not judged there' "$ropewalk" logits parrot --tokens <(seq 1 250) --method auto
expect 0 'pi +[0-9.]+' "$ropewalk" eval parrot --text long.txt --methods auto --lengths 160 --tail 16 -n 8
expect 2 'did you mean yarn' "$ropewalk" generate parrot -p Well --method yran
sed -i 's/"model_id": "./"model_id": "/' parrot.ropewalk.json
expect 1 'those of another model' "$ropewalk" generate parrot -f long.txt --raw -n 2
expect 0 'fit in the 128' "$ropewalk" generate parrot -p Well --raw -n 2
expect 0 'of another model, and will be replaced' tune --length 160 --documents 10 --candidates pi yarn
[ "$(grep -c '"length": ' parrot.ropewalk.json)" = 1 ] || { echo "FAILED: tune kept settings of another model"; failed=$((failed + 1)); }
echo '{"a note": 1}' > parrot.ropewalk.json; cp parrot.ropewalk.json note
expect 1 'parrot.ropewalk.json: expected what `ropewalk tune` wrote' "$ropewalk" generate parrot -f long.txt --raw -n 2
expect 1 'move it away' tune --length 160 --documents 4 --candidates pi
cmp -s note parrot.ropewalk.json || { echo "FAILED: tune overwrote a foreign file"; failed=$((failed + 1)); }
# A model whose losses are no numbers: that is said, and nothing is advised or stored.
cp -r parrot broken; LC_ALL=C sed -i 's/\x00\x00\x80\x3f/\x00\x00\xc0\x7f/g' broken/model.safetensors
expect 0 'No advice: the loss that all is held against' "$ropewalk" eval broken --text long.txt --methods yarn --lengths 160 --documents 6 --tail 16
! grep -qi 'keep only' out || { echo "FAILED: advice from losses that are no numbers"; failed=$((failed + 1)); }
expect 0 "no advice: truncation's loss" "$ropewalk" tune broken --text long.txt --tail 16 --length 160 --documents 10 --candidates pi yarn; narrow tune
[ ! -e broken.ropewalk.json ] || { echo "FAILED: tune stored what is no number"; failed=$((failed + 1)); }
rm -r broken
# A text that the model reads worse than chance would: no verdict, no advice, nothing stored.
for i in $(seq 60); do echo "It is known that many a text is longer than a model. $i"; done > prose.txt
expect 0 'No advice: this model does not read this text.' "$ropewalk" eval parrot --text prose.txt --methods yarn --lengths 160 --documents 6 --tail 16
grep -q '^yarn .* not read$' out || { echo "FAILED: a verdict on a text that the model does not read"; failed=$((failed + 1)); }
rm -f parrot.ropewalk.json
expect 0 'no advice: this model does not read this text' "$ropewalk" tune parrot --text prose.txt --tail 16 --length 160 --documents 10 --candidates pi yarn; narrow tune
[ ! -e parrot.ropewalk.json ] || { echo "FAILED: tune stored what the model does not read"; failed=$((failed + 1)); }
cp note parrot.ropewalk.json; rm prose.txt
rm -r parrot parrot.ropewalk.json note tuned.jsonl auto.txt decides.sh

printf 'a\0b' > binary.txt; echo short > short.txt
own=$source/models/short-256.gguf real=$source/models/SmolLM2-135M-Instruct.Q4_1.gguf
if [ "${3:-}" = model ]; then
  expect 0 'token_embd.weight' "$ropewalk" inspect "$own" --tensors
  # A text in a chat format: its marks are one token each with --special, and both are never in one file.
  for i in $(seq 60); do printf 'What is %s?<|endoftext|>It is %s.<|endoftext|>\n' "$i" "$i"; done > chat.txt
  reads="eval $own --text chat.txt --methods none --lengths 128 --tail 16 --documents 2"
  # shellcheck disable=SC2086
  { expect 0 '^BPE smollm: 1[0-9]{3} tokens' "$ropewalk" tokenize "$own" chat.txt
    expect 0 '^BPE smollm: [0-9]{3} tokens' "$ropewalk" tokenize "$own" chat.txt --special
    expect 0 'loss' "$ropewalk" $reads --out plain.jsonl
    expect 0 'loss' "$ropewalk" $reads --special --out special.jsonl
    expect 0 '--special' grep -o '"special":true.*--special' special.jsonl
    expect 1 '--special false, as this run' "$ropewalk" $reads --out special.jsonl
    expect 1 '--special' "$ropewalk" report plain.jsonl special.jsonl
    expect 0 'tokens' "$ropewalk" generate "$own" -f chat.txt --special --truncate head -n 2
    expect 0 'first 4' "$ropewalk" inspect "$own" --attention --text chat.txt --special --length 64; }
  expect 0 'first 4' "$ropewalk" inspect "$own" --attention --text "$source/data/persuasion.txt" --length 300; narrow inspect --attention
  expect 2 'no text' "$ropewalk" inspect "$own" --attention
  expect 0 'first token of 16' "$ropewalk" bench load "$own" --repeat 1
  expect 1 'empty' "$ropewalk" tokenize "$own" empty.txt
  expect 1 'a folder' "$ropewalk" tokenize "$own" .
  mkdir nothing; expect 1 'a folder with .txt or .md files' "$ropewalk" eval "$own" --text nothing --methods yarn --lengths 512; rmdir nothing
  expect 2 'texts that differ' "$ropewalk" eval "$own" --text short.txt short.txt --methods yarn --lengths 512
  expect 2 'the input itself' "$ropewalk" eval "$own" --text short.txt --methods yarn --lengths 512 --out short.txt
  # Files of somebody else stay as they are, with and without a newline at their end.
  printf 'my notes' > notes; printf '{"a": 1,\n "b": [2]}' > mini.json; head -c 500 /dev/urandom > noise
  for foreign in notes mini.json noise; do
    cp $foreign kept
    for dry in '' --dry-run; do
      expect 1 'nothing was changed' "$ropewalk" eval "$own" --text short.txt --methods yarn --lengths 512 --out $foreign $dry
    done
    expect 1 'nothing was changed' "$ropewalk" tune "$own" --text short.txt --length 512 --out $foreign
    cmp -s $foreign kept || { echo "FAILED: $foreign was changed"; failed=$((failed + 1)); }
  done
  rm notes mini.json noise kept
  expect 1 'no regular file' "$ropewalk" eval "$own" --text short.txt --methods yarn --lengths 512 --out /dev/full
  expect 2 'one name for two' "$ropewalk" eval "$own" --text short.txt --methods yarn --lengths 512 --out both --report ./both
  for budget in -5 nan 1ns m 1h30m 1e400m 10; do
    expect 2 'a time such as|budget' "$ropewalk" eval "$own" --text short.txt --methods yarn --lengths 512 --budget=$budget
  done
  expect 2 'one name for two' "$ropewalk" eval "$own" --text short.txt --methods yarn --lengths 512 --out both --report both
  printf 'caf\xe9 cr\xe8me' > latin.txt
  for command in "eval $own --methods yarn --lengths 512 --text" "tune $own --length 512 --text" "generate $own -f" "tokenize $own"; do
    expect 1 'latin.txt:1: .*WINDOWS-1252' "$ropewalk" $command latin.txt
  done
  expect 1 'binary' "$ropewalk" generate "$own" -f binary.txt
  expect 2 'neither' "$ropewalk" generate "$own"
  expect 1 'tokens' "$ropewalk" eval "$own" --text short.txt --methods yarn --lengths 8k
  expect 1 'empty' "$ropewalk" eval "$own" --text empty.txt --methods yarn --lengths 512
  expect 1 'binary' "$ropewalk" eval "$own" --text binary.txt --methods yarn --lengths 512
  expect 2 'did you mean yarn' "$ropewalk" eval "$own" --text short.txt --methods yran --lengths 512
  head -c 60000 "$source/data/persuasion.txt" > text.txt
  { echo 'A first line of its own.'; cat text.txt; } > near.txt  # a copy but for a line
  expect 2 "'text.txt' and 'near.txt', the words of which are 100 % the same" "$ropewalk" eval "$own" --text text.txt near.txt --methods yarn --lengths 512
  # Half a line in common at the end is not the scored tail, which tune knows before it looks.
  for n in 1 2; do { tail -c +$((n * 9000)) text.txt | head -c 6000; printf ' and so it came to pass that they all went home again, late in the evening and very tired indeed, as was said at the beginning of this long tale.'; } > end$n.txt; done
  expect 0 '1 to judge on' "$ropewalk" tune "$own" --text end1.txt end2.txt --length 512 --documents 1 --candidates yarn
  expect 2 "'text.txt' and 'near.txt', the words" "$ropewalk" tune "$own" --text text.txt near.txt --length 512
  rm near.txt
  expect 0 'yarn' "$ropewalk" eval "$own" --text text.txt --methods yarn:factor=2 --lengths 192 256 --tail 64 --documents 3 --out r.jsonl --report r.html
  grep -q '"loss"' r.jsonl && grep -q '<svg' r.html || { echo "FAILED: eval wrote no results or report"; failed=$((failed + 1)); }
  expect 0 'Nothing to extend' "$ropewalk" report r.jsonl r.jsonl --format text; narrow report
  expect 0 '^## Verdicts' "$ropewalk" report r.jsonl --format markdown
  expect 0 '^tail,,none,' "$ropewalk" report r.jsonl --format csv
  expect 0 '"answer":"Nothing' "$ropewalk" report r.jsonl --format json
  expect 0 'file://' "$ropewalk" report r.jsonl --out r2.html
  for page in r.html r2.html; do  # 77: there is no Chromium
    "$source/tools/check_report.py" $page >out 2>&1; got=$?
    [ $got = 0 ] || [ $got = 77 ] || { echo "FAILED: check_report.py $page"; cat out; failed=$((failed + 1)); }
  done
  # Too little evidence: the command that is named decides, and asks for no more than the text holds.
  expect 0 'To decide:' "$ropewalk" eval "$own" --text text.txt --methods lm-infinite --lengths 300 --tail 64 --documents 3 --budget 20s --margin 0.03; narrow eval
  sed -n "s:^  ropewalk:\"$ropewalk\":p" out >decides.sh
  grep -q -- '--documents 8 --margin 0.03 ' decides.sh || { echo "FAILED: eval names no command that decides"; cat decides.sh; failed=$((failed + 1)); }
  expect 0 'Measured on 8 stretches of 1 text' sh decides.sh; narrow eval
  expect 0 'The text is too short to decide at 6k. To decide at' "$ropewalk" eval "$own" --text text.txt --methods lm-infinite --lengths 512 6k --tail 64 --documents 1; narrow eval
  sed -n "s:^  ropewalk.*:\"$ropewalk\"& --dry-run:;s:\"  ropewalk:\":p" out >decides.sh
  expect 0 'runs; about' sh decides.sh; narrow eval --dry-run
  expect 0 'To decide, give 5 texts, or one that holds 5 stretches of' "$ropewalk" eval "$own" --text <(head -c 2000 text.txt) --methods lm-infinite --lengths 300 --tail 64 --documents 1
  rm decides.sh
  # A report replaces a report, and nothing else.
  cp text.txt mine.html
  expect 1 'nothing was changed' "$ropewalk" report r.jsonl --out mine.html
  expect 1 'nothing was changed' "$ropewalk" eval "$own" --text text.txt --methods yarn --lengths 300 --report mine.html
  expect 1 'nothing was changed' "$ropewalk" questions "$own" q.jsonl --format ruler --predictions mine.html
  cmp -s text.txt mine.html || { echo "FAILED: mine.html was changed"; failed=$((failed + 1)); }
  rm mine.html
  expect 0 'file://' "$ropewalk" report r.jsonl --out r2.html
  # Standard input is named in the command that makes it again.
  count=$((count + 1)); "$ropewalk" eval "$own" --text - --methods yarn --lengths 300 --documents 5 --tail 64 --json <text.txt 2>err | grep -q '"commands":\[".*--text - .*# - was standard input' ||
    { echo "FAILED: --text - is not in the command"; failed=$((failed + 1)); }
  expect 0 'truncation' "$ropewalk" questions "$own" q.jsonl --format ruler --methods rerope yarn:factor=2 -n 8; narrow questions
  echo '{"index": 0, "input": "The key is 1.", "outputs": ["4711"]}' > one.jsonl; mkdir -p other; echo '{"index": 0, "input": "The key is 2.", "outputs": ["4711"]}' > other/one.jsonl
  expect 0 'truncation' "$ropewalk" questions "$own" one.jsonl --format ruler -n 8 --out two.jsonl
  expect 1 'two.jsonl: expected answers to one question named one.jsonl:0; found answers to another' "$ropewalk" questions "$own" other/one.jsonl --format ruler -n 8 --out two.jsonl
  expect 0 'truncation' "$ropewalk" questions "$own" other/one.jsonl --format ruler -n 8 --out three.jsonl
  expect 1 'three.jsonl: expected results with one question one.jsonl:0' "$ropewalk" report two.jsonl three.jsonl
  rm -r one.jsonl other two.jsonl three.jsonl
  expect 0 'were in r.jsonl already' "$ropewalk" eval "$own" --text text.txt --methods yarn:factor=2 --lengths 192 256 --tail 64 --documents 3 --out r.jsonl
  expect 0 'runs; about' "$ropewalk" eval "$own" --text text.txt --methods yarn:factor=2 --lengths 192 256 --tail 64 --documents 3 --out r.jsonl --dry-run
  mkdir -p a b; head -c 20000 text.txt > a/same.txt; tail -c 20000 text.txt > b/same.txt
  one="--methods none --lengths 192 --tail 64 --documents 2 --out same.jsonl"
  # shellcheck disable=SC2086
  { expect 0 'loss' "$ropewalk" eval "$own" --text a/same.txt $one
    expect 1 'one text named same.txt#[12]' "$ropewalk" eval "$own" --text b/same.txt $one; }
  expect 0 'same' "$ropewalk" report same.jsonl --format csv
  expect 0 'runs; about' "$ropewalk" eval "$own" --text text.txt --methods yarn:factor=2 --lengths 192 --tail 64 --out new.jsonl --dry-run
  [ ! -e new.jsonl ] || { echo "FAILED: --dry-run made a file"; failed=$((failed + 1)); }
  expect 1 'results with tail 32' "$ropewalk" eval "$own" --text text.txt --methods yarn:factor=2 --lengths 192 --tail 32 --out r.jsonl
  sed -i '2s/"loss":3/"loss":2/' r.jsonl
  expect 1 'r.jsonl:2' "$ropewalk" eval "$own" --text text.txt --methods yarn:factor=2 --lengths 192 256 --tail 64 --out r.jsonl
  expect 2 'less than the shortest' "$ropewalk" eval "$own" --text text.txt --methods pi --lengths 192 256 --tasks sliding --stride 192
  expect 2 'once for each engine' "$ropewalk" eval --engine plain=http://127.0.0.1:1/v1 --served-model a --served-model b --text text.txt --lengths 128
  expect 2 'once for each engine' "$ropewalk" eval http://127.0.0.1:1/v1 --served-model plain= --text text.txt --lengths 128
  expect 2 "an engine's name: y, z; found 'ghost=m'; hint: y=ghost=m where" "$ropewalk" eval --engine y=http://127.0.0.1:1/v1 --engine z=http://127.0.0.1:2/v1 --served-model ghost=m --text text.txt --lengths 128
  expect 1 'no connection' "$ropewalk" eval http://127.0.0.1:1/v1 --served-model ghost=m --text text.txt --lengths 128
  expect 1 'no connection' "$ropewalk" eval --served-model m --engine y=http://127.0.0.1:1/v1 http://127.0.0.1:1/v1 --text text.txt --lengths 128
  expect 2 'k/n' "$ropewalk" eval "$own" --text text.txt --methods pi --lengths 512 --shard 3/2
  expect 2 'no --out' "$ropewalk" eval "$own" --text text.txt --methods pi --lengths 512 --shard 1/2
  expect 2 'no --out' "$ropewalk" eval "$own" --text text.txt --methods pi --lengths 512 --jobs 2
  expect 2 'no --out' "$ropewalk" eval "$own" --text text.txt --methods pi --lengths 512 --jobs 0
  printf '[eval]\nMODEL = "%s"\ntext = ["text.txt"]\nmethods = ["yarn:factor=2"]\nlengths = ["512"]\n' "$own" > sweep.toml
  expect 0 'yarn:factor=2' "$ropewalk" eval --config sweep.toml
  { cat sweep.toml; echo 'lenghts = 3'; } > wrong.toml
  expect 2 'did you mean lengths' "$ropewalk" eval --config wrong.toml
  printf 'methods = ["pi"]\n' > wrong.toml; expect 2 'outside of one' "$ropewalk" eval --config wrong.toml
  printf '[eval]\nout = "a\\nb"\n' > wrong.toml; expect 1 'strings without escapes' "$ropewalk" eval --config wrong.toml
  printf '\357\273\277[eval]\n' > wrong.toml; expect 1 'byte order mark' "$ropewalk" eval --config wrong.toml
  printf '[evl]\nmethods = ["pi"]\n' > wrong.toml; expect 2 'did you mean eval' "$ropewalk" eval --config wrong.toml
  expect 0 'short-256' "$ropewalk" inspect short-256
  # Left out, the model is one that the command is for; a folder in models/ is found by its name.
  expect 0 'mask 1 at token' "$ropewalk" fill -p 'she was [MASK] happy.'
  expect 0 'encoder' "$ropewalk" inspect short-128-encoder
  expect 0 'can express.*yarn' bash -c "'$ropewalk' export short-256 --method auto --length 4k | tr -d '\n'"
  expect 2 'spaces: --tasks' "$ropewalk" eval "$own" --text text.txt --tasks tail,passkey
  expect 0 'passkey.*sliding' bash -c "'$ropewalk' eval '$own' --text text.txt --tasks all --methods pi --lengths 512 --documents 1 --dry-run | tr '\n' ' '"
  expect 0 'tail has no effect' "$ropewalk" eval "$own" --text text.txt --tasks passkey --tail 32 --methods pi --lengths 256 --documents 1
  expect 2 'no --shard' "$ropewalk" eval "$own" --text text.txt --methods pi --lengths 512 --documents 1 --out s.jsonl --shard 1/2 --report s.html
  expect 0 'changes nothing' "$ropewalk" generate "$own" -p x -n 1 --no-thinking
  expect 1 'reasoning.effort' "$ropewalk" generate "$own" -p x -n 1 --reasoning-effort low
  expect 2 'low, medium or high' "$ropewalk" generate "$own" -p x -n 1 --reasoning-effort most
  # Weights that are more than the memory for them: said before the start, also in JSON, and the same answer.
  expect 2 'a size such as 512M or 2G' "$ropewalk" generate "$own" -p x --weight-memory 12
  expect 0 'wrote 4 tokens' "$ropewalk" generate "$own" -p 'Anne was' -n 4; mv out whole
  expect 0 'are read from' "$ropewalk" generate "$own" -p 'Anne was' -n 4 --weight-memory 1M; narrow generate --weight-memory
  cmp -s out whole || { echo "FAILED: another answer with --weight-memory"; failed=$((failed + 1)); }; rm whole
  expect 0 '"weights":\{"bytes":[0-9]+,"room":1048576,"read_for_token":[0-9]+,"read_for_chunk":[0-9]+,"disk":[0-9.e+]+,"written":[0-9.e+]+,"read":[0-9.e+]+\}' \
    "$ropewalk" generate "$own" -p x -n 1 --weight-memory 1M --json
  expect 0 '"weights":null' "$ropewalk" generate "$own" -p x -n 1 --json
  expect 0 '^weights +weights .* memory for them' "$ropewalk" inspect "$own" --weight-memory 1M; narrow inspect --weight-memory
  expect 0 '"weights":\{"bytes":[0-9]+,"room":[0-9]+\}' "$ropewalk" inspect "$own" --json
  # --fit reads what the memory holds, also where that is the limit, and gives an answer.
  head -c 60000 "$source/data/persuasion.txt" > part.txt
  for threads in 1 2; do
    expect 0 'the memory holds.*wrote 2 tokens' bash -c "ulimit -v 70000; '$ropewalk' generate '$own' -f part.txt -n 2 --method rerope --kv f32 --fit -t $threads 2>&1 | tr '\n' ' '"
  done
  head -c 3000 "$source/data/persuasion.txt" > part.txt
  expect 0 'check: finds [0-9]+ of 10 keys in [0-9]+ tokens .*truncation' "$ropewalk" generate "$own" -f part.txt -p 'Anne' -n 8 --method rerope --check; narrow generate --check
  expect 0 '"check":{"length":[0-9]+,"keys":{"found"' "$ropewalk" generate "$own" -f part.txt -n 8 --check --json
  expect 1 'the check: .*to hide a key in' "$ropewalk" generate "$own" -p 'too short for a key' -n 2 --check; rm part.txt
  # A text of 40 MB in the memory of its pieces; the budget 0 is no limit.
  for i in $(seq 700); do cat "$source/data/devil.txt" 2>/dev/null || cat text.txt; done | head -c 40000000 > big.txt
  expect 0 'peak memory [1-4]?[0-9] MiB' "$ropewalk" generate "$own" -f big.txt -n 2 --truncate middle; rm big.txt
  expect 2 'budget: expected at least what one document takes, .*; found 1 s;' "$ropewalk" eval "$own" --text "$source/data/devil.txt" --methods rerope pi ntk yarn --lengths 32k --documents 1 --budget 1s --dry-run
  expect 0 '^96 runs' "$ropewalk" eval "$own" --text "$source/data/devil.txt" --methods pi --lengths 512 --budget 0 --dry-run
  ln -s "$own" tuned.gguf
  expect 0 'nothing to tune: 200 tokens fit in the 256' "$ropewalk" tune tuned.gguf --text text.txt --length 200
  [ ! -e tuned.gguf.ropewalk.json ] || { echo "FAILED: tune wrote that there is nothing to tune"; failed=$((failed + 1)); }
  expect 0 'auto: none: [0-9]+ tokens fit in the 256' "$ropewalk" generate tuned.gguf -p Hello -n 2
  rm tuned.gguf
  # A signal in the middle leaves the finished results, and no half report.
  "$ropewalk" eval "$own" --text text.txt --methods pi yarn rerope --lengths 12k --out killed.jsonl --report killed.html >out 2>err &
  for _ in $(seq 100); do [ -e killed.html.part ] && break; sleep 0.1; done
  kill -TERM $!; wait $! 2>/dev/null
  [ -z "$(ls killed.html* 2>/dev/null)" ] || { echo "FAILED: a signal left $(ls killed*)"; failed=$((failed + 1)); }
  expect 0 'verdict|"methods"|\{' "$ropewalk" eval "$own" --text text.txt --methods rerope:window=128 --lengths 1k --tail 64 --json
  # Alone it answers how far the model reaches, with the model that comes with the program.
  expect 0 'methods self-extend' "$ropewalk" eval --text text.txt --budget 20s
  expect 0 '"ids"' "$ropewalk" tokenize short.txt --json
fi
# An encoder: what it fills, and what it is not for.
mkdir encoder; cp "$source"/tests/golden/tiny/roformer/{config.json,model.safetensors} encoder
{ printf '[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nparis\nis\nthe\nof\nfrance\n.\n'; for i in $(seq 117); do echo "word$i"; done; } >encoder/vocab.txt
gap='Paris is the [MASK] of France.'
expect 0 'mask 1 at token 4' "$ropewalk" fill encoder -p "$gap"
for method in none yarn rerope:window=3; do
  expect 0 '"method":"'$method'[^"]*".*"position":5.*"position":6' "$ropewalk" fill encoder -p "Paris is the of [MASK] [MASK]" --top 2 --method $method --json
done
expect 0 'end_tokens +\[?"?\[SEP\]' "$ropewalk" inspect encoder
expect 2 'a text with 1 to 256 masks; found none; hint: spell each as \[MASK\]' "$ropewalk" fill encoder -p 'Paris'
expect 2 'found 257' "$ropewalk" fill encoder -p "$(printf '[MASK] %.0s' $(seq 257))"
expect 2 'found both' "$ropewalk" fill encoder -p "$gap" -f ids
expect 2 'sees both sides' "$ropewalk" fill encoder -p "$gap" --method dca
expect 1 'generate is for that' "$ropewalk" fill "$model" -p "$gap"
expect 1 'ropewalk fill' "$ropewalk" generate encoder -p Paris
expect 1 'ropewalk fill .*ropewalk eval' "$ropewalk" tune encoder --text ids --length 1k
# It is judged by what was masked, the same with one process and with two.
awk 'BEGIN { x = 1; for (i = 0; i < 1500; ++i) { x = (x * 16807) % 2147483647; printf "word%d ", 1 + x % 117 } }' >gaps.txt
judged="eval encoder --text gaps.txt --methods rerope:window=20 yarn --lengths 128 190 --tail 40 --documents 5"
for jobs in 1 2; do expect 0 'difference' "$ropewalk" $judged --jobs $jobs --out jobs$jobs.jsonl; narrow eval; done
expect 0 'Masked tokens, 15 % of the last 40' cat <("$ropewalk" report jobs1.jsonl --format markdown)
for jobs in 1 2; do sed 's/,"run":.*//' jobs$jobs.jsonl | sort >jobs$jobs; done
[ "$(grep -c '"task":"masked"' jobs1)" = 40 ] && cmp -s jobs1 jobs2 || { echo "FAILED: masked: two jobs are not one"; failed=$((failed + 1)); }
expect 0 'were in jobs1.jsonl already' "$ropewalk" $judged --out jobs1.jsonl
expect 0 'masked +none +128' "$ropewalk" eval encoder --text gaps.txt --methods yarn --lengths 128 190 --documents 1 --dry-run
expect 0 'methods self-extend yarn lm-infinite leaky-rerope;' "$ropewalk" eval encoder --text gaps.txt --budget 20s --tasks all
expect 2 'a task of encoders, .* found tail; hint: take --tasks masked' "$ropewalk" eval encoder --text gaps.txt --tasks tail
expect 2 'a task of decoders, .* found masked; hint: take --tasks tail' "$ropewalk" eval "$model" --text gaps.txt --tasks masked
expect 2 'found auto' "$ropewalk" eval encoder --text gaps.txt --methods auto
# Nothing said but the text: what does not fit the longest length falls out by name, and so does "all" of what.
for i in $(seq 12); do tr ' ' '\n' <gaps.txt | shuf --random-source=<(yes $i) | tr '\n' ' '; done >long.txt
expect 0 'since they do not fit 2k tokens: methods self-extend' "$ropewalk" eval encoder --text long.txt --dry-run
expect 0 'since they do not fit 2k tokens: methods adagrope self-extend' "$ropewalk" eval encoder --text long.txt --methods all --documents 1 --dry-run
expect 0 'lengths beyond 1k, which self-extend does not fit' "$ropewalk" eval encoder --text long.txt --methods self-extend --documents 1 --dry-run
# What the vocabulary does not know: a text, a stretch's end, everything.
for i in $(seq 400); do printf '項羽 '; done >other.txt
{ head -c 6000 gaps.txt; head -c 1750 other.txt; } >mixed.txt
expect 0 'other.txt is left out: 100 % of its tokens are unknown' "$ropewalk" eval encoder --text gaps.txt other.txt --methods yarn --lengths 128 --documents 2
expect 1 'other.txt: expected a text .*vocabulary knows; found 100 %' "$ropewalk" eval encoder --text other.txt
expect 0 'left out: masked in mixed.txt#[0-9], mixed.txt#[0-9].*, of 7 documents' "$ropewalk" eval encoder --text mixed.txt --methods yarn --lengths 128 --documents 7
expect 2 'bench decode: expected a decoder' "$ropewalk" bench decode encoder --lengths 20 --repeat 1
expect 0 'one row of 16 tokens' "$ropewalk" bench load encoder --repeat 1
rm jobs? jobs?.jsonl gaps.txt long.txt other.txt mixed.txt
expect 1 'fill is for that' "$ropewalk" logits encoder --tokens ids --nll
rm -r encoder
if [ "${3:-}" = model ] && [ -e "$real" ]; then
  expect 0 'n_ctx_train +8192' "$ropewalk" inspect "$real"
  expect 0 '19556|Hello' "$ropewalk" tokenize "$real" --text 'Hello world'
  for i in $(seq 60); do printf '<|im_start|>user\nName a colour.<|im_end|>\n<|im_start|>assistant\nBlue.<|im_end|>\n'; done > chat.txt
  expect 0 '2340 tokens for 4800 bytes' "$ropewalk" tokenize "$real" chat.txt --ids
  expect 0 '1020 tokens for 4800 bytes' "$ropewalk" tokenize "$real" chat.txt --ids --special
  expect 0 'Paris' "$ropewalk" generate "$real" -p 'What is the capital of France?' -n 12 --method rerope
  expect 0 'yarn:factor=2' "$ropewalk" questions "$real" q.jsonl --format ruler --methods none yarn:factor=2 -n 8 --out asked.jsonl --predictions pred.jsonl
  [ "$(grep -c '"outputs":\["4711"\],.*"score":1.0' pred.jsonl)" = 2 ] || { echo "FAILED: questions finds no key"; failed=$((failed + 1)); }
  expect 0 'of 2 items were in asked.jsonl already' "$ropewalk" questions "$real" q.jsonl --format ruler --methods none yarn:factor=2 -n 8 --out asked.jsonl
  expect 0 'questions RULER' "$ropewalk" report asked.jsonl --format text
  expect 1 'truncate middle' "$ropewalk" questions "$real" q.jsonl --format ruler --length 50 -n 8
  expect 0 '"n_truncated":1' "$ropewalk" questions "$real" q.jsonl --format ruler --length 50 -n 8 --truncate middle --json
  expect 1 'MiB' "$ropewalk" generate "$real" -f <(yes 'some words of text' | head -c 2000000) -n 1048576 --method none
fi
rm -rf nope nope.jsonl out err ids ./*.npy ./*.gguf ./*.txt a b {same,plain,special}.jsonl wrong.toml r.jsonl r.html r2.html killed.jsonl sweep.toml q.jsonl pred.jsonl asked.jsonl
[ -z "$(ls -A)" ] || { echo "FAILED: left behind: $(ls -A)"; failed=$((failed + 1)); }
echo "$count commands tried, $failed failed"
[ "$failed" = 0 ]
