// SPDX-License-Identifier: Apache-2.0
/// What speaks against a plan before it starts.
#pragma once
#include "cli/finetune_plan.h"

namespace rw::cli::finetune {

/// A text may be trained on about so often before it teaches much less than a new one (Muennighoff et al.
/// 2023, arXiv:2305.16264).
inline constexpr double kMostPasses = 4;

/// How often every text is trained on, in the mean.
double passes_over_texts(const FinetunePlan& plan, const FinetuneTexts& texts);
/// Sentences: too few documents for any claim, the same text over and over. Empty: nothing.
std::vector<std::string> doubts_of(const FinetunePlan& plan, const FinetuneTexts& texts);

}  // namespace rw::cli::finetune
