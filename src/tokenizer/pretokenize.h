// SPDX-License-Identifier: Apache-2.0
/// Cuts text into the words that byte-level BPE may not merge across, by the patterns of the models' own
/// tokenizer.json.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/regex.h"

namespace rw {

class Pretokenizer {
 public:
  /// By GGUF's tokenizer.ggml.pre. Errors: Error listing the known names.
  static Pretokenizer named(std::string_view name);
  /// Names and aliases, separated by ", ".
  static std::string known();
  static std::vector<std::string> names();
  /// The name of the one that does the same by the same patterns; empty where none does.
  std::string known_as() const;

  void add(Regex regex, Cut cut = Cut::kIsolate) { steps_.push_back({std::move(regex), cut, false}); }
  /// A step that comes after ByteLevel: its pattern sees the spelling of the bytes (ByteAlphabet), in which a
  /// part of a character may be a number sign. Falcon has such steps.
  void add_behind_bytes(Regex regex, Cut cut = Cut::kIsolate) {
    steps_.push_back({std::move(regex), cut, true});
  }
  /// Calls visit(pattern, cut, behind_bytes) for each step, in order.
  template <class Visit>
  void for_each_step(const Visit& visit) const {
    for (const Step& step : steps_) visit(step.regex.pattern(), step.cut, step.behind_bytes);
  }
  std::size_t steps() const { return steps_.size(); }
  /// Pieces of `text` (valid UTF-8), in order; every step cuts what the one before left.
  void split(std::string_view text, std::vector<std::string_view>& pieces) const;

  bool whole_words = false;  ///< a word that is a token is taken whole, merges or not (ignore_merges)
  bool add_bos = false;      ///< default of its models
  bool nfc = false;          ///< its models compose text first (Unicode NFC); a GGUF says so nowhere else
  std::string name;          ///< canonical: "gpt-2", "smollm" ...

 private:
  struct Step {
    Regex regex;
    Cut cut;
    bool behind_bytes;
  };
  std::vector<Step> steps_;
};

/// The GPT-2 pattern, which tokenizer.json's ByteLevel uses.
extern const std::string_view kGpt2Pattern;
/// Numbers as tokenizer.json's Digits sees them.
extern const std::string_view kNumberPattern;
/// A character of Unicode's or ASCII's punctuation, as tokenizer.json's Punctuation sees it.
extern const std::string_view kPunctuationPattern;

}  // namespace rw
