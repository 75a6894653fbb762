// SPDX-License-Identifier: Apache-2.0
/// The routes by which engines tell ids of a text, and the text of ids.
#include "remote/remote_tokenizer.h"

namespace rw::remote {
namespace {

constexpr Index kMostId = 1 << 30;

/// vLLM (docs.vllm.ai, Tokenizer API), SGLang (http_server.py) and ropewalk: POST /tokenize {"prompt",
/// "add_special_tokens"} -> {"tokens"}; POST /detokenize {"tokens"} -> {"prompt"}, SGLang's {"text"}.
std::vector<Token> encode_vllm(const Server& server, const std::string& text, bool begin, bool) {
  const JsonInput answer = server.ask_root("/tokenize", {{"prompt", text}, {"add_special_tokens", begin}});
  return read_ids(answer.is_object() ? answer.value("tokens", JsonInput()) : JsonInput(), "/tokenize");
}
std::string decode_vllm(const Server& server, std::span<const Token> tokens) {
  const JsonInput answer = server.ask_root("/detokenize", {{"tokens", tokens}});
  const bool sglang = answer.is_object() && answer.contains("text");
  return read_text_of(answer, sglang ? "text" : "prompt", "/detokenize");
}

/// llama.cpp (tools/server/README.md): POST /tokenize {"content", "add_special", "parse_special"} ->
/// {"tokens"}; POST /detokenize {"tokens"} -> {"content"}.
std::vector<Token> encode_llama_cpp(const Server& server, const std::string& text, bool begin, bool special) {
  const JsonInput answer =
      server.ask_root("/tokenize", {{"content", text}, {"add_special", begin}, {"parse_special", special}});
  return read_ids(answer.is_object() ? answer.value("tokens", JsonInput()) : JsonInput(), "/tokenize");
}
std::string decode_llama_cpp(const Server& server, std::span<const Token> tokens) {
  return read_text_of(server.ask_root("/detokenize", {{"tokens", tokens}}), "content", "/detokenize");
}

/// llama-cpp-python (its OpenAPI page): POST /extras/tokenize {"input"} -> {"tokens"}, with what begins a
/// text; POST /extras/detokenize {"tokens"} -> {"text"}.
std::vector<Token> encode_python(const Server& server, const std::string& text, bool begin, bool) {
  const auto ids = [&](const std::string& input) {
    const JsonInput answer = server.ask_root("/extras/tokenize", {{"input", input}});
    return read_ids(answer.is_object() ? answer.value("tokens", JsonInput()) : JsonInput(),
                    "/extras/tokenize");
  };
  std::vector<Token> tokens = ids(text);
  if (begin) return tokens;
  const std::vector<Token> nothing = ids("");
  if (tokens.size() >= nothing.size() && std::equal(nothing.begin(), nothing.end(), tokens.begin()))
    tokens.erase(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(nothing.size()));
  return tokens;
}
std::string decode_python(const Server& server, std::span<const Token> tokens) {
  return read_text_of(server.ask_root("/extras/detokenize", {{"tokens", tokens}}), "text",
                      "/extras/detokenize");
}

}  // namespace

const CountingForm kCountingForms[3] = {
    {"the server's /tokenize (vLLM's form)", encode_vllm, decode_vllm, false},
    {"the server's /tokenize (llama.cpp's form)", encode_llama_cpp, decode_llama_cpp, true},
    {"the server's /extras/tokenize", encode_python, decode_python, false}};

std::vector<Token> read_ids(const JsonInput& list, std::string_view place) {
  std::vector<Token> ids;
  const auto fail = [&](const std::string& found) { throw OddAnswer(place, "a list of token ids", found); };
  if (!list.is_array()) fail("no list");
  ids.reserve(list.size());
  for (const JsonInput& each : list) {
    if (!each.is_number_integer() || each.get<std::int64_t>() < 0 || each.get<std::int64_t>() > kMostId)
      fail(dump_json(each).substr(0, 40));
    ids.push_back(static_cast<Token>(each.get<std::int64_t>()));
  }
  return ids;
}

Index positive_of(const JsonInput& object, const char* name) {
  if (!object.is_object() || !object.contains(name) || !object[name].is_number_unsigned()) return 0;
  return static_cast<Index>(std::min<std::uint64_t>(object[name].get<std::uint64_t>(), 1u << 30));
}

const std::string& read_text_of(const JsonInput& object, const char* name, std::string_view place) {
  if (!object.is_object() || !object.contains(name) || !object[name].is_string())
    throw OddAnswer(place, fmt::format("an object with a text \"{}\"", name),
                    dump_json(object).substr(0, 80));
  return object[name].get_ref<const std::string&>();
}

}  // namespace rw::remote
