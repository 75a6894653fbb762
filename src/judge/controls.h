// SPDX-License-Identifier: Apache-2.0
/// Controls that tell using far context from merely standing it: texts without a model.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "core/types.h"

namespace rw {

/// The same tokens with their sentences in a random order that depends on `seed` only. `ends_sentence` says
/// after which tokens one ends; one of kLongestSentence tokens ends in any case (tables, code), so that order
/// is lost in any text. Far order matters little to language models: Sankar et al. 2019; O'Connor and
/// Andreas 2021 (arXiv 2106.08367).
std::vector<Token> shuffled_sentences(std::span<const Token> tokens,
                                      const std::function<bool(Token)>& ends_sentence, std::uint64_t seed);
constexpr Index kLongestSentence = 128;

/// Whether a token's text has the end of a sentence in it: . ! ? an empty line, or one of the Chinese marks.
bool ends_sentence(std::string_view token_text);

/// Targets that far text could be copied for: indices t in [begin, tokens.size()) where tokens[t - 1],
/// tokens[t] stands in tokens[0, near) as well, and nowhere in [near - 1, t). By the text alone, so that no
/// model chooses what it is judged by. Long-range models gain mostly on such tokens: Sun et al. 2021 (arXiv
/// 2109.09115). REQUIRES: 1 <= near < begin.
std::vector<Index> copy_targets(std::span<const Token> tokens, Index near, Index begin);

}  // namespace rw
