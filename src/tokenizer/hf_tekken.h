// SPDX-License-Identifier: Apache-2.0
/// tekken.json: Mistral's own file, in folders without a tokenizer.json.
#pragma once
#include <memory>
#include <string_view>

#include "tokenizer/piece_tokenizer.h"

namespace rw {

/// Byte-level BPE by tiktoken's ranks: of all neighbours the two that join to the token of the lowest rank.
/// Ids: the special tokens, those that the file does not name called <SPECIAL_id>; behind them ranks. No
/// special token is read in a text unless asked. Source: mistral_common's Tekkenizer. Errors: Error naming
/// `place`.
std::unique_ptr<PieceTokenizer> read_tekken(std::string_view tekken_json, std::string_view place);

}  // namespace rw
