// SPDX-License-Identifier: Apache-2.0
#include "methods/auto.h"

#include <algorithm>

namespace ropewalk {

AutoChoice decide(const RopeContext& context, std::span<const TunedSetting> tuned) {
  const Index n = context.n, trained = context.n_ctx_train;
  const auto choice = [](const std::string& method, AutoReason reason, const std::string& because) {
    return AutoChoice{MethodSpec::parse(method), reason, method + ": " + because};
  };
  if (n <= trained)
    return choice("none", AutoReason::kFits,
                  fmt::format("{} tokens fit in the {} that the model was trained on", n, trained));
  const TunedSetting *covering = nullptr, *longest = nullptr;
  for (const TunedSetting& setting : tuned) {
    if (setting.length >= n && (!covering || setting.length < covering->length)) covering = &setting;
    if (!longest || setting.length > longest->length) longest = &setting;
  }
  if (covering)
    return choice(covering->method, AutoReason::kTuned,
                  fmt::format("tuned at {} tokens, bound to {}", covering->length, n));
  if (!longest)
    return choice(kUntunedMethod, AutoReason::kUntuned,
                  fmt::format("{} tokens, trained on {}, and nothing tuned: the default of docs/results.md; "
                              "`ropewalk tune` chooses by evidence",
                              n, trained));
  const bool plain = longest->method == "none";
  return choice(
      plain ? kUntunedMethod : longest->method, AutoReason::kPast,
      fmt::format("{} tokens, more than the {} it was tuned at at most: {}, and not judged at this "
                  "length; `ropewalk tune --length {}` would",
                  n, longest->length,
                  plain ? "plain RoPE held there, this is the untuned default" : "bound to this length", n));
}

}  // namespace ropewalk
