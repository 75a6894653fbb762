// SPDX-License-Identifier: Apache-2.0
#include "tokenizer/hf_unigram.h"

#include "core/base64.h"
#include "core/utf8.h"
#include "tokenizer/bert_text.h"
#include "tokenizer/hf_steps.h"
#include "tokenizer/hf_template.h"
#include "tokenizer/hf_vocabulary.h"
#include "tokenizer/nfc.h"
#include "tokenizer/regex.h"

namespace rw {
namespace {

using Document = HfJson::Document;
using Step = std::function<std::string(std::string_view)>;

/// Without white space at its ends.
std::string strip_spaces(std::string_view text, bool left, bool right) {
  std::size_t begin = text.size(), end = 0;
  for (std::size_t i = 0, size; i < text.size(); i += size) {
    size = std::max<std::size_t>(1, utf8_length(text, i));
    if (is_white_space(utf8_decode(text, i, size))) continue;
    begin = std::min(begin, i), end = i + size;
  }
  if (begin == text.size()) return left || right ? "" : std::string(text);
  const std::size_t from = left ? begin : 0;
  return std::string(text.substr(from, (right ? end : text.size()) - from));
}

/// Every match becomes `content`.
Step replacing(const HfJson& json, const Document& part) {
  const Document& pattern = json.get(part, "pattern");
  const std::string literal = json.get(pattern, "String").is_null() ? "" : json.text(pattern, "String");
  const std::string spelled = literal.empty() ? json.text(pattern, "Regex") : Regex::escaped(literal);
  auto regex = std::make_shared<const Regex>(spelled, json.place());
  return [regex, content = json.text(part, "content")](std::string_view text) {
    // What is no match is kept: the pieces between the matches, told by where they lie.
    std::vector<std::string_view> gaps;
    Regex::Scratch scratch;
    regex->split(text, Cut::kDropMatches, scratch, gaps);
    std::vector<std::string_view> matches;
    regex->split(text, Cut::kKeepMatches, scratch, matches);
    std::string result;
    result.reserve(text.size());
    auto gap = gaps.begin();
    for (const std::string_view match : matches) {
      for (; gap != gaps.end() && gap->data() < match.data(); ++gap) result += *gap;
      result += content;
    }
    for (; gap != gaps.end(); ++gap) result += *gap;
    return result;
  };
}

Step lower_case() {
  return [](std::string_view text) { return normalize_bert(text, {false, false, false, true}); };
}

Step read_step(const HfJson& json, const Document& part) {
  const std::string type = json.text(part, "type");
  if (type == "Precompiled") {
    const std::optional<std::string> blob = decode_base64(json.text(part, "precompiled_charsmap"));
    if (!blob) json.refuse("base64 in 'precompiled_charsmap'", "something else");
    if (blob->empty()) return [](std::string_view text) { return std::string(text); };
    auto map = std::make_shared<const Charsmap>(*blob, json.place());
    return [map](std::string_view text) { return normalize_clusters(text, *map); };
  }
  if (type == "Replace") return replacing(json, part);
  if (type == "NFC") return [](std::string_view text) { return compose_nfc(text); };
  if (type == "Lowercase") return lower_case();
  if (type == "Strip")
    return [left = json.flag(part, "strip_left", true), right = json.flag(part, "strip_right", true)](
               std::string_view text) { return strip_spaces(text, left, right); };
  if (type == "Prepend")
    return [what = json.text(part, "prepend")](std::string_view text) {
      return text.empty() ? "" : what + std::string(text);
    };
  json.refuse("the normalizers Precompiled, Replace, NFC, Lowercase, Strip and Prepend before Unigram", type);
}

/// WhitespaceSplit and Metaspace, either of them or both.
UnigramText read_text(const HfJson& json, const Document& root) {
  UnigramText text;
  for (const Document* part : json.components(json.get(root, "normalizer"), "normalizers"))
    text.steps.push_back(read_step(json, *part));
  Document rest = {{"normalizer", nullptr}, {"pre_tokenizer", nullptr}};
  for (const Document* part : json.components(json.get(root, "pre_tokenizer"), "pretokenizers")) {
    const std::string type = json.text(*part, "type");
    const bool marked = !rest["pre_tokenizer"].is_null();
    if (type == "WhitespaceSplit" && !marked && !text.split_at_spaces)
      text.split_at_spaces = true;
    else if (type == "Metaspace" && !marked)
      rest["pre_tokenizer"] = *part;
    else
      json.refuse("the pre-tokenizers WhitespaceSplit and Metaspace, in this order, before Unigram", type);
  }
  if (rest["pre_tokenizer"].is_null()) json.refuse("Metaspace before Unigram", "none");
  text.marks = read_hf_steps(json, rest).marks;
  return text;
}

}  // namespace

bool is_unigram(const Document& root) {
  const auto model = root.find("model");
  if (model == root.end() || !model->is_object()) return false;
  const auto type = model->find("type"), vocab = model->find("vocab");
  return type != model->end() ? *type == "Unigram" : vocab != model->end() && vocab->is_array();
}

std::unique_ptr<PieceTokenizer> read_hf_unigram(const HfJson& json, const Document& root) {
  const Document& model = json.get(root, "model");
  UnigramOptions options;
  options.byte_fallback = json.flag(model, "byte_fallback", false);
  HfScoredVocabulary read = read_hf_scored_vocabulary(json, root, options.byte_fallback);
  options.unknown = read.unknown;
  auto result = std::make_unique<UnigramTokenizer>(std::move(read.vocabulary), std::move(read.specials),
                                                   std::move(read.scores), options, read_text(json, root));
  read_hf_template(json, root, /*may_end=*/true, *result);
  return result;
}

}  // namespace rw
