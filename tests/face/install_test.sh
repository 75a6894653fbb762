#!/usr/bin/env bash
# The library as its users meet it: installed, found by CMake and by pkg-config, shared and static, and as a package.
#   install_test.sh BUILD SOURCE
set -euo pipefail
build=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "install_test: $*" >&2; exit 1; }

cmake --install "$build" --prefix "$work/usr" >/dev/null
CXXFLAGS= cmake -S "$source/examples/library" -B "$work/consumer" -G Ninja -DCMAKE_PREFIX_PATH="$work/usr" \
  -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Werror" >/dev/null
cmake --build "$work/consumer" >/dev/null
model=$source/models/short-256.gguf
text=$work/text && head -c 4000 "$source/data/persuasion.txt" >"$text"
for reader in reader reader_static; do
  "$work/consumer/$reader" "$model" leaky-rerope <"$text" >"$work/$reader.out" || fail "$reader failed"
done
cmp "$work/reader.out" "$work/reader_static.out" || fail "shared and static say different things"
grep -q "trained on 256, method leaky-rerope:" "$work/reader.out" || fail "$(cat "$work/reader.out")"
# The same loss as the program's, under a method that does not follow the length.
{ echo -n "0 "; "$work/usr/bin/ropewalk" tokenize "$model" --ids "$text" 2>/dev/null; } >"$work/ids" # 0: its BOS
"$work/usr/bin/ropewalk" logits "$model" --tokens "$work/ids" --method rerope:window=64 --nll 2>/dev/null >"$work/nll"
"$work/consumer/reader" "$model" rerope:window=64 <"$text" >"$work/reader.out2"
python3 - "$work/nll" "$work/reader.out2" <<'END' || fail "the program says another loss"
import json, re, sys
nll = json.load(open(sys.argv[1]))["nll"]
said = float(re.search(r"loss ([0-9.]+) nats", open(sys.argv[2]).read())[1])
sys.exit(not abs(said - sum(nll) / len(nll)) < 1e-3)
END
"$work/consumer/reader" "$work/none.gguf" none <"$text" 2>"$work/err" && fail "no model, no error"
grep -q "expected .*; found .*; hint: " "$work/err" || fail "an error without its parts: $(cat "$work/err")"

export PKG_CONFIG_PATH=$work/usr/lib/pkgconfig
g++ -std=c++20 "$source/examples/library/reader.cpp" $(pkg-config --cflags --libs ropewalk) -o "$work/reader"
LD_LIBRARY_PATH=$work/usr/lib "$work/reader" "$model" leaky-rerope <"$text" | cmp - "$work/reader.out" ||
  fail "by pkg-config it says other things"

# A method as numbers, with a layer of which nothing is said: the frequencies bend around the trained length.
cat >"$work/plan.cpp" <<'END'
#include <ropewalk/ropewalk.h>
int main(int, char** argv) {
  if (ropewalk::plan("yarn", 4096).method.find("factor=2,") == std::string::npos) return 1;
  const ropewalk::Model model = ropewalk::Model::load(argv[1]);
  ropewalk::Sequence one(model, {.method = "rerope", .n = 2000}), other(model, {.method = "none", .n = 2000});
  ropewalk::Engine engine(model);
  const std::vector<ropewalk::Token> tokens(1500, 7);
  int n_refused = 0;  // what is in a step is not used from within it
  const auto refused = [&](const auto& call) {
    try {
      call();
    } catch (const ropewalk::UsageError&) {
      ++n_refused;
    }
  };
  const ropewalk::StepInput in{.sequence = &one, .tokens = tokens}, nested{.sequence = &other, .tokens = tokens};
  engine.step({&in, 1}, [&](ropewalk::Index) {
    if (n_refused > 0) return;
    refused([&] { engine.step({&nested, 1}, {}); });
    refused([&] { one.truncate(0); });
  });
  return n_refused != 2 || one.position() != 1500 || other.position() != 0;
}
END
g++ -std=c++20 "$work/plan.cpp" $(pkg-config --cflags --libs ropewalk) -o "$work/plan"
LD_LIBRARY_PATH=$work/usr/lib "$work/plan" "$model" || fail "yarn at 4096 tokens of 2048 has not factor 2, or a step was used from within it"

# docs/library.md's lines of scoring and judging, as they stand there; a text that is no UTF-8 is refused.
{ printf '#include <ropewalk/ropewalk.h>\n#include <fstream>\n#include <iostream>\n#include <numeric>\n'
  printf 'int main(int, char** argv) try {\nconst ropewalk::Model model = ropewalk::Model::load(argv[1]);\n'
  printf 'const std::string text{std::istreambuf_iterator<char>(std::cin), {}};\n'
  awk '/^    const std::vector<ropewalk::Token> tokens = model.tokenize/, /results.html/' "$source/docs/library.md"
  printf '} catch (const ropewalk::Error& error) {\nstd::cerr << error.what();\nreturn 1;\n}\n'; } >"$work/judge.cpp"
g++ -std=c++20 "$work/judge.cpp" $(pkg-config --cflags --libs ropewalk) -o "$work/judge"
(cd "$work" && LD_LIBRARY_PATH=$work/usr/lib ./judge "$model" <"$text" >judge.out) || fail "docs/library.md's lines do not run"
awk '$1 == "none" { none = $2 } $1 == "rerope" { rerope = $2 } END { exit !(0 < rerope && rerope < none) }' "$work/judge.out" ||
  fail "rerope is not better than none: $(cat "$work/judge.out")"
grep -q "How it was made" "$work/report.html" || fail "no page of evaluate"
{ cat "$text"; printf '\xff'; } | (cd "$work" && LD_LIBRARY_PATH=$work/usr/lib ./judge "$model") >/dev/null 2>"$work/err" &&
  fail "a text that is no UTF-8 is judged"
grep -q "novel.txt:.*expected UTF-8" "$work/err" || fail "of a text that is no UTF-8: $(cat "$work/err")"

# What is shown is what include/ropewalk/ declares, and nothing of fmt or of the inside.
shown=$(nm -D --defined-only --demangle "$work/usr/lib/libropewalk.so")
echo "$shown" | grep -vE "^[0-9a-f]+ [A-Za-z] (typeinfo for |typeinfo name for |vtable for )?ropewalk::" && fail "symbols of the inside are shown"
echo "$shown" | grep -q "ropewalk::Session::read" || fail "Session::read is not shown"
nm --defined-only --demangle "$work/usr/lib/libropewalk.a" | grep -E "^[0-9a-f]+ [TDBR] (rw|fmt|nlohmann)::" && fail "the archive shows its inside"

# A Debian package: installed into an empty root, run, removed without a rest.
if command -v dpkg-deb >/dev/null && [ "$(id -u)" = 0 ]; then
  (cd "$work" && cpack --config "$build/CPackConfig.cmake" -B "$work/package" >/dev/null 2>"$work/cpack.err") || fail "$(cat "$work/cpack.err")"
  mkdir -p "$work/root/var/lib/dpkg" && : >"$work/root/var/lib/dpkg/status"
  as_root() { dpkg --root="$work/root" --force-depends --force-not-root --force-script-chrootless --log=/dev/null "$@" >/dev/null 2>"$work/dpkg.err" || fail "$(cat "$work/dpkg.err")"; }
  as_root --install "$work"/package/*.deb
  LD_LIBRARY_PATH=$work/root/usr/lib "$work/root/usr/bin/ropewalk" --version >/dev/null
  dpkg-deb --field "$work"/package/*.deb Depends | grep -q libpcre2 || fail "the package names no libraries"
  as_root --purge ropewalk
  [ -z "$(find "$work/root/usr" -type f 2>/dev/null)" ] || fail "the package leaves files: $(find "$work/root/usr" -type f)"
fi
echo "install_test: shared, static, pkg-config and package hold"
