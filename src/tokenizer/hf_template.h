// SPDX-License-Identifier: Apache-2.0
/// What tokenizer.json puts around a text: its post-processor.
#pragma once
#include "tokenizer/hf_json.h"
#include "tokenizer/piece_tokenizer.h"

namespace rw {

/// The special tokens of the template for one text, into begins, bos and add_bos. `may_end`: one behind the
/// text becomes eos and add_eos; else a template with one is refused, since what reads on behind a text would
/// do so behind an end. Errors: Error for other post-processors, by name.
void read_hf_template(const HfJson& json, const HfJson::Document& root, bool may_end,
                      PieceTokenizer& tokenizer);

}  // namespace rw
