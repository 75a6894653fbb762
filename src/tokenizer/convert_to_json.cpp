// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/convert.h"
#include "tokenizer/hf_json.h"
#include "tokenizer/pretokenize.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/vocabulary.h"

namespace rw {
namespace {

using Document = HfJson::Document;  // a map: it has an entry for every token

Document byte_level() {
  return {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
}

Document pre_tokenizer_json(const Pretokenizer& pretokenizer) {
  Document before = Document::array(), behind = Document::array();
  pretokenizer.for_each_step([&](const std::string& pattern, Cut cut, bool behind_bytes) {
    RW_CHECK(cut == Cut::kIsolate || cut == Cut::kWithNext);  // of all that have a name
    (behind_bytes ? behind : before)
        .push_back({{"type", "Split"},
                    {"pattern", {{"Regex", pattern}}},
                    {"behavior", cut == Cut::kIsolate ? "Isolated" : "MergedWithNext"},
                    {"invert", false}});
  });
  before.push_back(byte_level());
  for (const Document& step : behind) before.push_back(step);
  return {{"type", "Sequence"}, {"pretokenizers", before}};
}

/// One text begins with BOS.
Document post_processor_json(const std::string& bos, Token id) {
  const Document text_a{{"Sequence", {{"id", "A"}, {"type_id", 0}}}},
      text_b{{"Sequence", {{"id", "B"}, {"type_id", 1}}}},
      begin{{"SpecialToken", {{"id", bos}, {"type_id", 0}}}};
  return {{"type", "TemplateProcessing"},
          {"single", Document::array({begin, text_a})},
          {"pair", Document::array({begin, text_a, text_b})},
          {"special_tokens",
           {{bos, {{"id", bos}, {"ids", Document::array({id})}, {"tokens", Document::array({bos})}}}}}};
}

Document model_json(const ModelFile& gguf, const std::vector<std::string>& tokens, bool whole_words) {
  Document vocab = Document::object();
  for (std::size_t id = 0; id < tokens.size(); ++id)
    if (!vocab.emplace(tokens[id], id).second)
      throw Error(gguf.path(), "each token spelled once, to write tokenizer.json",
                  "'" + tokens[id] + "' twice");
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", nullptr},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", false},
          {"byte_fallback", false},
          {"ignore_merges", whole_words},
          {"vocab", std::move(vocab)},
          {"merges", *gguf.strings("tokenizer.ggml.merges")}};
}

/// Special tokens, which are found in a text before anything is merged.
Document added_tokens_json(const ModelFile& gguf, const std::vector<std::string>& tokens) {
  Document added = Document::array();
  const std::vector<std::int64_t>* kinds = gguf.integers("tokenizer.ggml.token_type");
  for (std::size_t id = 0; kinds != nullptr && id < tokens.size(); ++id) {
    const auto kind = static_cast<PieceKind>((*kinds)[id]);
    if (kind != PieceKind::kControl && kind != PieceKind::kUserDefined) continue;
    added.push_back({{"id", id},
                     {"content", tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", kind == PieceKind::kControl}});
  }
  return added;
}

}  // namespace

TokenizerFiles tokenizer_as_json(const ModelFile& gguf) {
  const std::unique_ptr<Tokenizer> tokenizer = Tokenizer::open(gguf);  // checks what is read below
  if (gguf.string("tokenizer.ggml.model") != "gpt2")
    throw Error(gguf.path(), "a byte-level BPE tokenizer (gpt2), to write tokenizer.json", tokenizer->kind(),
                "write a GGUF instead");
  const Pretokenizer pretokenizer = Pretokenizer::named(gguf.string("tokenizer.ggml.pre").value_or(""));
  const std::vector<std::string>& tokens = *gguf.strings("tokenizer.ggml.tokens");
  Document post = byte_level();
  if (tokenizer->add_bos && tokenizer->bos)
    post = post_processor_json(tokens[static_cast<std::size_t>(*tokenizer->bos)], *tokenizer->bos);
  const Document root{{"version", "1.0"},
                      {"truncation", nullptr},
                      {"padding", nullptr},
                      {"added_tokens", added_tokens_json(gguf, tokens)},
                      {"normalizer", pretokenizer.nfc ? Document{{"type", "NFC"}} : Document(nullptr)},
                      {"pre_tokenizer", pre_tokenizer_json(pretokenizer)},
                      {"post_processor", std::move(post)},
                      {"decoder", byte_level()},
                      {"model", model_json(gguf, tokens, pretokenizer.whole_words)}};
  Document config{{"tokenizer_class", "PreTrainedTokenizerFast"},
                  {"add_bos_token", tokenizer->add_bos},
                  {"clean_up_tokenization_spaces", false}};
  for (const auto& [name, text] : tokenizer->special_texts) config[name] = text;
  if (!tokenizer->chat_template.empty()) config["chat_template"] = tokenizer->chat_template;
  const auto text = [](const Document& json, int indent) {
    return json.dump(indent, ' ', false, Document::error_handler_t::replace) + "\n";
  };
  return {text(root, -1), text(config, 2)};
}

}  // namespace rw
