// SPDX-License-Identifier: Apache-2.0
/// SentencePiece's precompiled_charsmap: texts and what stands for them after normalization (NFKC, mostly).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rw {

/// A double array (darts-clone), whose leaves point into a list of strings that end with a zero byte. Source:
/// sentencepiece's normalizer.cc; S. Yata, darts-clone. Looking up is const and safe from several threads.
class Charsmap {
 public:
  /// `blob`: the bytes of the double array in 4 bytes, it, the strings. Errors: Error naming `place` for
  /// sizes that do not fit.
  Charsmap(std::string_view blob, std::string_view place);

  struct Match {
    std::size_t size;              ///< bytes of the text that it stands for
    std::string_view replacement;  ///< may be empty
  };
  /// The longest text of the map that `text` begins with.
  std::optional<Match> longest(std::string_view text) const { return find(text, true); }
  /// The shortest.
  std::optional<Match> shortest(std::string_view text) const { return find(text, false); }

 private:
  std::optional<Match> find(std::string_view text, bool longest) const;
  std::vector<std::uint32_t> units_;
  std::string strings_;
};

/// `text` (valid UTF-8) as `tokenizers` normalizes it by such a map (Precompiled): grapheme cluster by
/// grapheme cluster. One of less than six bytes is looked up whole, and of the texts it begins with the
/// shortest replaces all of it, what follows in it is lost; others character by character. SentencePiece
/// itself takes the longest text at each place: the two differ where marks are combined with letters.
std::string normalize_clusters(std::string_view text, const Charsmap& map);

}  // namespace rw
