// SPDX-License-Identifier: Apache-2.0
/// What finetune trains on and what it judges by: never the same text.
#pragma once
#include <string>
#include <vector>

#include "evaluation/texts.h"

namespace rw {

struct FinetuneTexts {
  std::vector<std::string> names;            ///< of the texts to train on
  std::vector<std::vector<Token>> training;  ///< each without what was kept back
  std::vector<Token> bos;
  std::vector<Document> held_out;
  /// Where these are too few for any claim (kEnoughUnits): so many, and what would be enough. Else empty.
  std::string too_few;
  Index n_training() const;            ///< tokens
  std::string training_scope() const;  ///< "1,234,567 tokens of 5 texts"
};

/// Text files as typed; `n_documents`: stretches of each held-out text, 0: about kHeldOut in all.
struct FinetuneTextOptions {
  std::vector<std::string> texts, held_out;
  bool special = false;
  Index length = 0;  ///< tokens of a batch's text
  Index least = 0;   ///< a document has more tokens (judge/plan.h, tokens_needed)
  Index tail = 0;    ///< last tokens that are scored
  int n_documents = 0;
};
inline constexpr int kHeldOut = 24;

/// Without held-out texts the end of each text is kept back, a quarter of it at most, and said on stderr.
/// Errors: Error where texts are too short for the length; UsageError where a held-out text is a copy of what
/// is trained on (judge/near_copies.h), or of another held-out one.
FinetuneTexts finetune_texts(const Tokenizer& tokenizer, const FinetuneTextOptions& options);

}  // namespace rw
