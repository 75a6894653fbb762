// SPDX-License-Identifier: Apache-2.0
/// Where the evidence was too little: how many stretches would decide, of those that the texts really hold.
#pragma once
#include "evaluation/texts.h"

namespace rw {

/// Which of the stretches are evidence: tune judges on every second one.
enum class Judged { kAll, kEverySecond };

/// The fewest stretches of each text (--documents) of more than `least` tokens that make `wanted` units, or
/// as many as there are from `enough` on; 0: the texts do not hold `enough`. Errors: none.
int stretches_to_decide(const TokenTexts& texts, Index least, Judged judged, std::size_t enough,
                        std::size_t wanted);

/// What to ask for where they do not: "5 texts, or one that holds 5 stretches of 4k tokens (...)".
std::string text_to_decide(const TokenTexts& texts, Index length, std::size_t n);

}  // namespace rw
