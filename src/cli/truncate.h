// SPDX-License-Identifier: Apache-2.0
/// Too long a text, made to fit: what truncation as a method does, and what it is told to leave out.
#pragma once
#include <functional>
#include <string>

#include "tokenizer/tokenizer.h"

namespace ropewalk {

/// Which part is left out: "head" keeps the last tokens, "tail" the first, "middle" half of them at each end,
/// as LongBench does it but on tokens.
enum class LeftOut { kHead, kMiddle, kTail };

struct Truncated {
  std::string text;
  Index n_left_out = 0;  ///< tokens; 0: it fits
};

/// `text` with so much left out that `count` says at most `limit`. `count`: tokens of the whole request with
/// a text in it. Characters stay whole. Errors: Error where the request without any text is over the limit.
Truncated truncate_text(const Tokenizer& tokenizer, const std::string& text, LeftOut left_out, Index limit,
                        const std::function<Index(const std::string&)>& count);

}  // namespace ropewalk
