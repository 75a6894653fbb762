// SPDX-License-Identifier: Apache-2.0
/// The vocabulary of a tokenizer.json: "model.vocab" and "added_tokens".
#pragma once
#include "tokenizer/hf_json.h"
#include "tokenizer/special.h"
#include "tokenizer/vocabulary.h"

namespace rw {

struct HfVocabulary {
  Vocabulary vocabulary;
  SpecialSplitter specials;
};

/// Of BPE and WordPiece, where each piece has its id. `byte_fallback`: pieces "<0xNN>" are bytes. Errors:
/// Error for ids that are not numbers from 0 on, or come twice.
HfVocabulary read_hf_vocabulary(const HfJson& json, const HfJson::Document& root, bool byte_fallback);

struct HfScoredVocabulary : HfVocabulary {
  std::vector<double> scores;
  Token unknown = -1;
};

/// Of Unigram, a list of pieces with scores. Errors: Error for an entry of another form, or an 'unk_id'
/// outside of it.
HfScoredVocabulary read_hf_scored_vocabulary(const HfJson& json, const HfJson::Document& root,
                                             bool byte_fallback);

}  // namespace rw
