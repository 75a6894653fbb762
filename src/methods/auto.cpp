// SPDX-License-Identifier: Apache-2.0
#include "methods/auto.h"

#include <algorithm>

#include "core/error.h"
#include "core/option.h"
#include "core/text.h"

namespace rw {

bool can_be_bound(const MethodSpec& spec, const RopeContext& context) {
  try {
    Method::bind(spec, context);
    return true;
  } catch (const UsageError&) {
    return false;
  }
}

AutoChoice decide(const RopeContext& context, std::span<const TunedSetting> tuned) {
  const Index n = context.n, trained = context.n_ctx_train;
  const auto choice = [](const std::string& method, AutoReason reason, const std::string& because) {
    return AutoChoice{MethodSpec::parse(method), reason, method + ": " + because};
  };
  if (n <= trained)
    return choice("none", AutoReason::kFits,
                  fmt::format("{} {} in the {} that the model was trained on", counted(n, "token"),
                              n == 1 ? "fits" : "fit", trained));
  if (!context.acts || context.rotary_dim == 0)
    return choice("none", AutoReason::kNoLayer, "methods act on no layer of this model");
  const TunedSetting *covering = nullptr, *longest = nullptr;
  for (const TunedSetting& setting : tuned) {
    if (setting.length >= n && (!covering || setting.length < covering->length)) covering = &setting;
    if (!longest || setting.length > longest->length) longest = &setting;
  }
  if (covering)
    return choice(covering->method, AutoReason::kTuned,
                  fmt::format("tuned at {} tokens, bound to {}", covering->length, n));
  const char* untuned = untuned_method(n, trained);
  if (!longest)
    return choice(untuned, AutoReason::kUntuned,
                  fmt::format("{} tokens, trained on {}, nothing tuned ({})", n, trained,
                              option("tune", "ropewalk tune")));
  if (longest->method == "none")
    return choice(
        untuned, AutoReason::kPast,
        fmt::format("{} tokens, nothing beat plain RoPE to {}, nothing tuned past it", n, longest->length));
  if (!can_be_bound(MethodSpec::parse(longest->method), context))
    return choice(untuned, AutoReason::kPast,
                  fmt::format("{} tokens, past what the tuned {} can be bound to, tuned up to {} tokens only",
                              n, longest->method, longest->length));
  return choice(longest->method, AutoReason::kPast,
                fmt::format("tuned up to {} tokens only, bound to {}, not judged there", longest->length, n));
}

}  // namespace rw
