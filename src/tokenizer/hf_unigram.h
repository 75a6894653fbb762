// SPDX-License-Identifier: Apache-2.0
/// Unigram in a tokenizer.json.
#pragma once
#include <memory>

#include "tokenizer/hf_json.h"
#include "tokenizer/unigram_tokenizer.h"

namespace rw {

/// Whether "model" of a tokenizer.json is Unigram.
bool is_unigram(const HfJson::Document& root);

/// Errors: Error for a component or an option that is not implemented, by its name.
std::unique_ptr<PieceTokenizer> read_hf_unigram(const HfJson& json, const HfJson::Document& root);

}  // namespace rw
