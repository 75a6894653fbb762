// SPDX-License-Identifier: Apache-2.0
/// Too long a text, made to fit: what truncation as a method does, and what it is told to leave out.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace rw {

/// Which part is left out: "head" keeps the last tokens, "tail" the first, "middle" half of them at each end,
/// as LongBench does it but on tokens.
enum class LeftOut { kHead, kMiddle, kTail };

/// The two ends of a text of any length, of which the middle may never be in memory.
class TextEnds {
 public:
  /// `most`: tokens that are kept of each end.
  explicit TextEnds(Index most) : most_(static_cast<std::size_t>(most)) {}
  /// The text's next tokens.
  void add(std::span<const Token> ids);
  Index n() const { return n_; }  ///< tokens of the whole
  /// Its first or last n tokens, n at most `most`.
  std::vector<Token> first(Index n) const;
  std::vector<Token> last(Index n) const;

 private:
  std::size_t most_;
  Index n_ = 0;
  std::vector<Token> first_, last_;  ///< last_: up to twice as many as asked for, so that few are moved
};

struct Truncated {
  std::string text;
  Index n_left_out = 0;  ///< tokens
};

/// A text that does not fit, with so much left out that `count` says at most `limit`. `ends`: with `limit`
/// tokens of each end, or more. `count`: tokens of the whole request with a text in it. Characters stay
/// whole. Errors: Error where the request without any text is over the limit.
Truncated truncate_text(const Tokenizer& tokenizer, const TextEnds& ends, LeftOut left_out, Index limit,
                        const std::function<Index(const std::string&)>& count);

}  // namespace rw
