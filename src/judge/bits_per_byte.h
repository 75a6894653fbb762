// SPDX-License-Identifier: Apache-2.0
/// A loss that models of different vocabularies can be compared by.
#pragma once
#include <span>

#include "tokenizer/tokenizer.h"

namespace rw {

/// nats / ln 2 over the bytes of the text that `targets` stand for: what a compressor made of the model would
/// write for each byte. `nats`: the sum of their losses. A special token has no bytes; NaN where none has.
/// Source: Gao et al. 2020 (The Pile, arXiv:2101.00027), section 3.1.
double bits_per_byte(const Tokenizer& tokenizer, std::span<const Token> targets, double nats);

}  // namespace rw
