// SPDX-License-Identifier: Apache-2.0
/// Cuts text into the words that byte-level BPE may not merge across. The patterns are those of the
/// models' own tokenizer.json; PCRE2 runs them because they need \p{L} and look-ahead.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ropewalk {

/// One compiled pattern. Matching is const and safe from several threads.
class Regex {
 public:
  /// Errors: Error naming `place` when the pattern does not compile or means something else in PCRE2.
  Regex(std::string_view pattern, std::string_view place);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  /// Appends the pieces of `text` (valid UTF-8): matches, and unless `drop_gaps` what lies between them.
  /// Errors: Error when the pattern exceeds the matching limit.
  void split(std::string_view text, bool drop_gaps, std::vector<std::string_view>& pieces) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class Pretokenizer {
 public:
  /// By GGUF's tokenizer.ggml.pre. Errors: Error listing the known names.
  static Pretokenizer named(std::string_view name);
  /// Names and aliases, separated by ", ".
  static std::string known();

  void add(Regex regex, bool drop_gaps = false) { steps_.push_back({std::move(regex), drop_gaps}); }
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
    bool drop_gaps;
  };
  std::vector<Step> steps_;
};

/// The GPT-2 pattern, which tokenizer.json's ByteLevel uses.
extern const std::string_view kGpt2Pattern;

}  // namespace ropewalk
