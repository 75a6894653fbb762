// SPDX-License-Identifier: Apache-2.0
#include "cli/finetune_doubts.h"

#include <algorithm>

#include "core/text.h"

namespace rw::cli::finetune {

double passes_over_texts(const FinetunePlan& plan, const FinetuneTexts& texts) {
  const Index batch = plan.batch / plan.length * plan.length;  // whole texts
  return static_cast<double>(plan.steps) * static_cast<double>(batch) /
         static_cast<double>(std::max<Index>(1, texts.n_training()));
}

std::vector<std::string> doubts_of(const FinetunePlan& plan, const FinetuneTexts& texts) {
  std::vector<std::string> doubts;
  if (!texts.too_few.empty()) doubts.push_back(texts.too_few);
  if (const double passes = passes_over_texts(plan, texts); passes > kMostPasses)
    doubts.push_back(fmt::format(
        "{} of {} tokens train {:.0f} times on every part of the {} tokens of --text: beyond {:.0f} "
        "times a text is learnt by heart rather than from; give more text, or fewer --steps",
        counted(plan.steps, "step"), plan.batch, passes, texts.n_training(), kMostPasses));
  if (!plan.no_adapter.empty())
    doubts.push_back("no adapter will be written, but merged models: " + plan.no_adapter);
  if (plan.warm_up > plan.steps)
    doubts.push_back(
        fmt::format("--warm-up {} is longer than the {}: the rate never reaches --rate, and ends at {:.2g}",
                    plan.warm_up, counted(plan.steps, "step"),
                    plan.rate * static_cast<double>(plan.steps) / static_cast<double>(plan.warm_up)));
  return doubts;
}

}  // namespace rw::cli::finetune
