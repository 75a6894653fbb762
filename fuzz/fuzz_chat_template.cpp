// SPDX-License-Identifier: Apache-2.0
/// Any bytes as a chat template, run on conversations of several kinds: text or an Error, in bounded steps,
/// memory and depth.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "chat/template.h"
#include "core/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using rw::Json;
  static const Json conversations = Json::parse(R"([
    {"messages": [], "bos_token": "<s>"},
    {"messages": [{"role": "user", "content": "Hello, é 日本\n"}], "add_generation_prompt": true, "tools": null,
     "bos_token": "<s>", "eos_token": "</s>"},
    {"messages": [{"role": "system", "content": " a "}, {"role": "user", "content": "b"},
                  {"role": "assistant", "content": "<think>\nc</think>d"}, {"role": "user", "content": ["x", 1, null]}],
     "add_generation_prompt": false, "enable_thinking": false, "tools": [{"function": {"name": "f", "items": 1.5}}],
     "n": 7, "f": 2.5, "t": true, "s": "a,b,,c", "l": [3, 1, 2], "d": {"b": 1, "a": [1, {"x": null}]}, "e": [],
     "names": ["Bob", "alice", "Carl", "bob"]}])");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const rw::chat::Template parsed(text);
    for (const Json& variables : conversations) {
      try {
        parsed.render(variables, 1751789350);
      } catch (const rw::Error&) {  // one conversation may be refused and the next accepted
      }
    }
  } catch (const rw::Error&) {
  }
  return 0;
}
