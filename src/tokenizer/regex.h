// SPDX-License-Identifier: Apache-2.0
/// Regular expressions as the models' own tokenizer.json has them; PCRE2 runs them because they need \p{L}
/// and look-ahead.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rw {

/// What becomes of the matches of a pattern and of the gaps between them. In brackets: what `tokenizers`
/// calls it.
enum class Cut {
  kIsolate,       ///< each match and each gap is a piece (Isolated)
  kKeepMatches,   ///< gaps are dropped (Removed, inverted)
  kDropMatches,   ///< matches are dropped (Removed)
  kWithPrevious,  ///< a match joins the gap before it (MergedWithPrevious)
  kWithNext,      ///< a match joins the gap behind it (MergedWithNext)
  kJoinMatches,   ///< neighbouring matches join (Contiguous)
};

/// One compiled pattern. Matching is const and safe from several threads.
class Regex {
 public:
  /// Errors: Error naming `place` when the pattern does not compile or means something else in PCRE2.
  Regex(std::string_view pattern, std::string_view place);
  /// A pattern that matches `text` itself.
  static std::string escaped(std::string_view text);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  const std::string& pattern() const { return pattern_; }

  /// Memory of the matches, for one thread, any patterns and any number of texts.
  class Scratch {
   public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

   private:
    friend class Regex;
    struct State;
    std::unique_ptr<State> state_;
  };

  /// Appends the pieces of `text` (valid UTF-8). Errors: Error when the pattern exceeds the matching limit.
  void split(std::string_view text, Cut cut, Scratch& scratch, std::vector<std::string_view>& pieces) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  std::string pattern_;
};

}  // namespace rw
