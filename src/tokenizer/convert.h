// SPDX-License-Identifier: Apache-2.0
/// A byte-level BPE tokenizer in the words of the other container: tokenizer.json as keys of a GGUF, and the
/// other way round. What one of them cannot say is refused by name; ids stay what they are.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "formats/model_file.h"
#include "formats/write_gguf.h"

namespace rw {

/// tokenizer.ggml.* of a folder's tokenizer.json, settings and chat template. `n_rows`: of the embedding; ids
/// past the tokenizer's get fillers of their own, since llama.cpp wants one for each. Errors: Error for what
/// is no byte-level BPE, a pre-tokenizer without a name in GGUF, and added tokens that strip white space.
std::vector<GgufKey> tokenizer_as_gguf(const ModelFile& folder, Index n_rows);

struct TokenizerFiles {
  std::string tokenizer_json, tokenizer_config_json;
};
/// tokenizer.json and tokenizer_config.json of a GGUF's byte-level BPE. Errors: Error for another tokenizer.
TokenizerFiles tokenizer_as_json(const ModelFile& gguf);

}  // namespace rw
