// SPDX-License-Identifier: Apache-2.0
/// Ids of a text that comes in pieces, as large as it may be.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "tokenizer/tokenizer.h"

namespace rw {

/// The ids of the whole, in memory of some pieces. A text is cut only where a letter ends and white space or
/// punctuation begins, and where a tokenizer that sees both sides gives the ids of each side alone; a text
/// without such a place is kept until one comes. Not for several threads at once.
class TokenStream {
 public:
  using Sink = std::function<void(std::span<const Token>)>;
  /// `special`: as Tokenizer::encode. `stretch`: bytes that are encoded at once, more than kContext.
  TokenStream(const Tokenizer& tokenizer, bool special, Sink sink, std::size_t stretch = std::size_t{1} << 20)
      : tokenizer_(tokenizer),
        special_(special),
        sink_(std::move(sink)),
        stretch_(stretch),
        enough_(stretch) {}
  /// Errors: as Tokenizer::encode.
  void add(std::string_view text);
  /// What is left; call it once, at the end.
  void end();

  static constexpr std::size_t kContext = 2048;  ///< bytes on each side by which a cut is judged

 private:
  std::vector<Token> encode(std::string_view text, bool inside) const;
  bool independent(std::size_t at) const;
  std::size_t last_cut() const;
  void give(std::size_t n);

  const Tokenizer& tokenizer_;
  bool special_, inside_ = false;
  Sink sink_;
  std::size_t stretch_, enough_;
  std::string pending_;
};

}  // namespace rw
