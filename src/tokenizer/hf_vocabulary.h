// SPDX-License-Identifier: Apache-2.0
/// The vocabulary of a tokenizer.json: "model.vocab" and "added_tokens".
#pragma once
#include "tokenizer/hf_json.h"
#include "tokenizer/special.h"
#include "tokenizer/vocabulary.h"

namespace ropewalk {

struct HfVocabulary {
  Vocabulary vocabulary;
  SpecialSplitter specials;
};

/// `byte_fallback`: pieces "<0xNN>" are bytes. Errors: Error for ids that are not numbers from 0 on, or come
/// twice.
HfVocabulary read_hf_vocabulary(const HfJson& json, const HfJson::Document& root, bool byte_fallback);

}  // namespace ropewalk
