// SPDX-License-Identifier: Apache-2.0
/// Finds tokens that are spelled whole in a text (control and user-defined ones) before anything is merged.
#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/vocabulary.h"

namespace rw {

/// Unicode's White_Space.
bool is_white_space(std::uint32_t code);

struct SpecialToken {
  std::string text;
  Token id = 0;
  bool control = true;  ///< matched only where the caller asks for special tokens; others always
  bool strip_left = false, strip_right = false;  ///< swallows the white space on that side
};

/// A stretch of text without special tokens, or (id >= 0) one special token, as it is spelled there.
struct TextSegment {
  std::string_view text;
  Token id = -1;
};

class SpecialSplitter {
 public:
  SpecialSplitter() = default;
  /// Errors: Error for an empty spelling or one above 4096 bytes (the search is linear in it).
  explicit SpecialSplitter(std::vector<SpecialToken> tokens);
  /// Control and user-defined pieces of a vocabulary.
  static std::vector<SpecialToken> tokens_of(const Vocabulary& vocabulary);
  static SpecialSplitter of(const Vocabulary& vocabulary) { return SpecialSplitter(tokens_of(vocabulary)); }

  bool marked = false;  ///< in the texts to come U+2581 is a space

  /// Leftmost match first, the longest at one place.
  std::vector<TextSegment> split(std::string_view text, bool control) const {
    return split(text, [&](std::size_t) { return control ? text.size() : 0; });
  }
  /// The same where control tokens are read in some stretches only: one at i ends at control_end(i) or
  /// before.
  std::vector<TextSegment> split(std::string_view text,
                                 const std::function<std::size_t(std::size_t)>& control_end) const;

 private:
  /// `most`: bytes that a control token may have.
  const SpecialToken* longest_at(std::string_view text, std::size_t i, std::size_t most) const;
  std::vector<SpecialToken> tokens_;  ///< sorted by text
  std::array<bool, 256> starts_{};    ///< first bytes
};

}  // namespace rw
