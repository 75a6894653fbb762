// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include "tokenizer/convert.h"
#include "tokenizer/hf_settings.h"
#include "tokenizer/hf_steps.h"
#include "tokenizer/hf_vocabulary.h"

namespace rw {
namespace {

/// Rules as GGUF has them, "a b".
std::vector<std::string> merges_as_text(const HfJson& json, const HfJson::Document& model) {
  std::vector<std::string> merges;
  for (const HfJson::Document& rule : json.get(model, "merges")) {
    if (rule.is_string())
      merges.push_back(rule.get<std::string>());
    else if (rule.is_array() && rule.size() == 2 && rule[0].is_string() && rule[1].is_string())
      merges.push_back(rule[0].get<std::string>() + " " + rule[1].get<std::string>());
    else
      json.refuse("merge rules \"a b\" or [\"a\", \"b\"]", rule.type_name());
  }
  return merges;
}

/// The name that a GGUF calls the pre-tokenizer by.
std::string name_in_gguf(const HfJson& json, const HfJson::Document& root) {
  HfSteps steps = read_hf_steps(json, root);
  if (!steps.byte_level) json.refuse("a byte-level BPE, to write it into a GGUF", "another kind");
  if (steps.add_prefix_space) json.refuse("no add_prefix_space, to write it into a GGUF", "one");
  steps.pretokenizer.nfc = steps.nfc;
  steps.pretokenizer.whole_words = json.flag(json.get(root, "model"), "ignore_merges", false);
  std::string name = steps.pretokenizer.known_as();
  if (name.empty())
    json.refuse("a pre-tokenizer that has a name in GGUF: " + Pretokenizer::known(), "another");
  return name;
}

void refuse_strips(const HfJson& json, const HfJson::Document& root) {
  for (const HfJson::Document& token : json.get(root, "added_tokens"))
    for (const char* key : {"lstrip", "rstrip"})
      if (json.flag(token, key, false))
        json.refuse(fmt::format("added tokens without {}, to write them into a GGUF", key),
                    json.text(token, "content"));
}

}  // namespace

std::vector<GgufKey> tokenizer_as_gguf(const ModelFile& folder, Index n_rows) {
  const std::string path = folder.path() + "/tokenizer.json";
  const std::unique_ptr<Tokenizer> tokenizer = Tokenizer::open(folder);  // everything else is checked here
  if (std::error_code error; !std::filesystem::exists(path, error))
    throw Error(folder.path(), "a tokenizer.json, to write the tokenizer into a GGUF", tokenizer->kind(),
                "save it as one: AutoTokenizer.from_pretrained(...).save_pretrained(...)");
  const HfJson json(path);
  const HfJson::Document root = HfJson::parse(read_text_within(path, std::size_t{100} << 20), path);
  const HfJson::Document& model = json.get(root, "model");
  if (!json.get(model, "merges").is_array()) json.refuse("a BPE model, to write it into a GGUF", "another");
  const std::string pre = name_in_gguf(json, root);
  refuse_strips(json, root);
  const Vocabulary vocabulary = std::move(read_hf_vocabulary(json, root, false).vocabulary);
  if (vocabulary.size() > n_rows)
    json.refuse(fmt::format("at most {} tokens, the rows of the embedding", n_rows),
                fmt::format("{}", vocabulary.size()));
  std::vector<std::string> pieces;
  std::vector<std::int32_t> kinds;
  for (Index id = 0; id < n_rows; ++id) {
    const bool there =
        id < vocabulary.size() && (vocabulary.kind(static_cast<Token>(id)) != PieceKind::kUnused);
    pieces.push_back(there ? vocabulary.piece(static_cast<Token>(id)) : fmt::format("[PAD{}]", id));
    kinds.push_back(
        static_cast<std::int32_t>(there ? vocabulary.kind(static_cast<Token>(id)) : PieceKind::kUnused));
  }
  const std::string ggml = "tokenizer.ggml.";
  std::vector<GgufKey> keys = {GgufKey::string(ggml + "model", "gpt2"), GgufKey::string(ggml + "pre", pre),
                               GgufKey::strings(ggml + "tokens", pieces),
                               GgufKey::i32s(ggml + "token_type", kinds),
                               GgufKey::strings(ggml + "merges", merges_as_text(json, model))};
  if (tokenizer->bos)
    keys.push_back(GgufKey::u32(ggml + "bos_token_id", static_cast<std::uint32_t>(*tokenizer->bos)));
  if (tokenizer->eos)
    keys.push_back(GgufKey::u32(ggml + "eos_token_id", static_cast<std::uint32_t>(*tokenizer->eos)));
  keys.push_back(GgufKey::boolean(ggml + "add_bos_token", tokenizer->add_bos));
  if (!tokenizer->chat_template.empty())
    keys.push_back(GgufKey::string("tokenizer.chat_template", tokenizer->chat_template));
  return keys;
}

}  // namespace rw
