// SPDX-License-Identifier: Apache-2.0
/// What nobody said of an evaluation is chosen.
#pragma once
#include "evaluation/evaluate.h"

namespace rw {

/// Fills in methods, lengths, documents and tail of what has texts, info and the request's plan, as much as
/// the budget buys; says what it chose and what it left out. Errors: UsageError for a tail that does not fit;
/// Error where every text fits in what the model was trained on.
void complete(PreparedEval& prepared, const EvalRequest& request, const Says& say);

}  // namespace rw
