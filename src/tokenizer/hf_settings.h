// SPDX-License-Identifier: Apache-2.0
/// What stands beside tokenizer.json in a model folder: which texts begin and end what, and the chat
/// template.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/types.h"

namespace rw {

/// A token that stands beside the vocabulary of a tokenizer.model.
struct HfAddedToken {
  Token id = 0;
  std::string text;
  bool special = false, lstrip = false, rstrip = false;
};

struct HfSettings {
  /// bos_token, eos_token ... with their spelling: tokenizer_config.json, and special_tokens_map.json where
  /// the former has no added_tokens_decoder, as transformers reads them.
  std::vector<std::pair<std::string, std::string>> special_texts;
  std::optional<bool> add_bos;
  std::string tokenizer_class;
  std::vector<HfAddedToken> added_tokens;  ///< added_tokens_decoder, and added_tokens.json
  /// Options of BertTokenizer.
  std::optional<bool> do_lower_case, tokenize_chinese_chars, strip_accents;
  /// chat_template.jinja, else tokenizer_config.json: one template, or that named "default" of a list.
  std::string chat_template, chat_template_place, chat_template_problem;
  /// eos_token_id, a number or a list, of config.json and generation_config.json.
  std::vector<Token> end_ids;

  const std::string* special_text(std::string_view name) const;
};

/// tokenizer_config.json in memory. Errors: Error where it is no JSON object.
HfSettings parse_hf_settings(std::string_view tokenizer_config);
/// All of the files; each of them may be missing. Errors: Error for one that is damaged or too large.
HfSettings read_hf_settings(const std::filesystem::path& folder);
/// A whole file. Errors: Error where it cannot be read, is empty or has more bytes.
std::string read_text_within(const std::filesystem::path& path, std::size_t max_bytes);

}  // namespace rw
