// SPDX-License-Identifier: Apache-2.0
/// "Can I trust it here?": keys hidden in copies of the user's own document, at the length that is asked for,
/// and the loss of its end, within a stated time.
#pragma once
#include <functional>
#include <string>

#include "core/json.h"
#include "judge/task.h"
#include "results/statistics.h"

namespace rw {

struct DocumentCheckOptions {
  double budget_seconds = 120;               ///< 0: no limit
  const char* budget_name = "--check-time";  ///< as who asks calls it, for what is said of it
  Index most_keys = 10;
  Index bound = 0;  ///< that the method is bound to; 0, or less than is read: what is read
  std::function<void(double share)> progress = {};  ///< of the work that is done
};

/// The budget holds not one key.
class TooLittleTime : public Error {
 public:
  using Error::Error;
};

/// Of one document: it says nothing of others, and of its loss no more than two numbers.
struct DocumentCheck {
  Index length = 0;  ///< tokens of each prompt with its answer, and of the text whose end is scored
  Index told = 0;    ///< those that truncation was told; 0: the length is in the trained one
  Proportion found, truncated;  ///< keys found, with Wilson's interval; of truncation, the same keys
  double p = 1;                 ///< that it finds no more of them: exact sign-flip test, one-sided
  double more_seconds = 0;      ///< a budget that would ask enough keys to tell; 0: none is known
  const char* budget_name = DocumentCheckOptions().budget_name;  ///< for text_of
  Index tail = 0;                                                ///< last tokens that are scored
  double loss = 0, truncated_loss = 0;                           ///< mean nats of each
  double seconds = 0;
};

/// Asks for as many keys as the budget holds (tasks/passkey.cpp, at up to five depths), and scores the last
/// tokens (tasks/tail.cpp); past the trained length the same of plain RoPE that is told its last trained
/// tokens. `length`: read and written; of a shorter document as many as it has. Errors: TooLittleTime, with
/// the time that one key takes; Error where the document is too short to hide a key;
/// Engine::step's.
DocumentCheck check_document(const Model& model, const Tokenizer& tokenizer, const MethodSpec& spec,
                             const Document& document, Index length,
                             const DocumentCheckOptions& options = {});

/// Whether finding all the keys would be enough for the claim: with n that truncation misses p is 2^-n at
/// least.
bool can_tell(const DocumentCheck& check);

/// "finds 9 of 10 keys at 12288 tokens (60 to 98 %); truncation 3: it finds more, p 0.016 ..."
/// The claim is about this document, and wrong with a chance of 5 % at most.
std::string text_of(const DocumentCheck& check);
Json json_of(const DocumentCheck& check);

}  // namespace rw
