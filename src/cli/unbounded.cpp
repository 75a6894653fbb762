// SPDX-License-Identifier: Apache-2.0
#include "cli/unbounded.h"

#include <limits>

#include "core/text.h"
#include "model/layer_methods.h"
#include "model/method_choice.h"
#include "model/sequence.h"

namespace rw {
namespace {

std::size_t cache_at(const Model& model, const MethodSpec& spec, Index n) {
  return most_cache_bytes(model.config(), model.backend().kv_type(), bind_at(spec, model.config(), n), n,
                          kDefaultChunk);
}

/// What rows need of the keys: the widest variant's.
KeyPlan::Variant seen(const Method& method) {
  KeyPlan::Variant most{};
  most.sink = most.window = 0;
  for (const KeyPlan::Variant& each : method.lower_keys(0, 1).variants)
    most.sink = std::max(most.sink, each.sink), most.window = std::max(most.window, each.window);
  return most;
}

}  // namespace

void require_unbounded(const Model& model, const std::string& method) {
  constexpr const char* kHint = "--method streaming-llm (or lm-infinite, window)";
  if (method == "auto")
    throw UsageError("--unbounded", "a method that forgets", "--method auto, which keeps the whole text",
                     kHint);
  const MethodSpec spec = MethodSpec::parse(method);
  const Method near = bind_at(spec, model.config(), 2 * model.config().n_ctx_train);
  const auto holds = [&] {
    try {
      const Method far = bind_at(spec, model.config(), kMostTokens);
      return !near.grows() && !far.grows() && near.text() == far.text() &&
             cache_at(model, spec, kMostTokens) == cache_at(model, spec, kMostTokens / 2);
    } catch (const UsageError&) {  // its factor would be out of range there
      return false;
    }
  };
  if (!holds())
    throw UsageError("--unbounded", "a method whose keys stay bounded, the same at every length", spec.text(),
                     kHint);
}

SamplerSettings without_ends(SamplerSettings settings, const Model& model) {
  for (const Token end : model.tokenizer().end_tokens)
    if (end < model.n_choices())
      settings.logit_bias.emplace_back(end, -std::numeric_limits<double>::infinity());
  return settings;
}

std::string what_is_seen(const Model& model, const MethodSpec& method) {
  const KeyPlan::Variant most = seen(bind_at(method, model.config(), kMostTokens));
  const std::string first =
      most.sink > 0 ? fmt::format("the first {} and ", counted(most.sink, "token")) : "";
  const ModelConfig& config = model.config();
  const bool states = std::any_of(config.layers.begin(), config.layers.end(),
                                  [](const LayerSpec& layer) { return layer.recurs(); });
  return fmt::format("{} {}the last {}, and {}; ctrl-C ends it", states ? "its attention sees" : "it sees",
                     first, counted(most.window, "token"),
                     states ? "its layers with a state carry on from all that was read" : "forgets the rest");
}

}  // namespace rw
