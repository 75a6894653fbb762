// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/hf_template.h"

namespace rw {
namespace {

using Document = HfJson::Document;

/// The ids of one special token of a template: those that it lists, else that of its name.
std::vector<Token> template_ids(const HfJson& json, const Vocabulary& vocabulary, const Document& processor,
                                const std::string& name) {
  std::vector<Token> result;
  const Document& known = json.get(processor, "special_tokens");
  const Document& own = known.is_null() ? known : json.get(known, name.c_str());
  if (own.is_null()) return {vocabulary.find(name)};
  for (const Document& id : json.get(own, "ids"))
    result.push_back(id.is_number_unsigned() && id.get<std::uint64_t>() < std::uint64_t{1} << 31
                         ? static_cast<Token>(id.get<std::uint64_t>())
                         : -1);
  return result;
}

struct Around {
  std::vector<Token> begins, ends;
};

Around read_single(const HfJson& json, const Vocabulary& vocabulary, const Document& processor) {
  const Document& single = json.get(processor, "single");
  if (!single.is_array()) json.refuse("an array 'single'", single.type_name());
  Around around;
  bool behind = false;
  for (const Document& piece : single) {
    const Document& special = json.get(piece, "SpecialToken");
    if (special.is_null()) {
      if (std::exchange(behind, true)) json.refuse("a template of one text", "one with more");
      continue;
    }
    const std::string name = json.text(special, "id");
    for (const Token id : template_ids(json, vocabulary, processor, name)) {
      if (!vocabulary.contains(id)) json.refuse("a template with tokens of the vocabulary", name);
      (behind ? around.ends : around.begins).push_back(id);
    }
  }
  return around;
}

}  // namespace

void read_hf_template(const HfJson& json, const Document& root, bool may_end, PieceTokenizer& tokenizer) {
  for (const Document* part : json.components(json.get(root, "post_processor"), "processors")) {
    const std::string type = json.text(*part, "type");
    if (type == "ByteLevel") continue;  // of offsets, not of ids
    if (type != "TemplateProcessing") json.refuse("post-processors TemplateProcessing or ByteLevel", type);
    const auto [begins, ends] = read_single(json, tokenizer.vocabulary(), *part);
    if (ends.size() > (may_end ? 1 : 0))
      json.refuse(may_end ? "a template with at most one token behind a text"
                          : "a template of one text with nothing behind it",
                  tokenizer.vocabulary().piece(ends.back()));
    tokenizer.begins.insert(tokenizer.begins.begin(), begins.begin(), begins.end());
    if (!ends.empty()) tokenizer.eos = ends[0], tokenizer.add_eos = true;
  }
  if (tokenizer.begins.empty()) return;
  tokenizer.bos = tokenizer.begins[0];
  tokenizer.add_bos = true;
}

}  // namespace rw
