// SPDX-License-Identifier: Apache-2.0
/// What `tune` tries when nobody says what.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "judge/tune.h"

namespace rw {
namespace {

/// Specs in the order in which they are worth a try: a small budget reaches the first of them only, so they
/// are one of each kind. `factor`: length over trained length, for the bases, which do not follow by
/// themselves.
std::vector<std::string> specs(Index trained, double factor, const MeasuredHeads* heads) {
  std::vector<std::string> all{"yarn",
                               fmt::format("leaky-rerope:window={}", trained / 4),
                               "dca",
                               "ntk:factor=1.5x",
                               fmt::format("self-extend:window={}", trained / 4),
                               "adagrope",
                               "jet-long",
                               "mrrope-pro",
                               "lm-infinite",
                               "lampe"};
  for (const char* times : {"1.5", "2", "0.75"}) all.push_back(fmt::format("yarn:factor={}x", times));
  for (const char* times : {"1", "2"}) all.push_back(fmt::format("ntk:factor={}x", times));
  for (const char* betas : {"16,beta_slow=1", "64,beta_slow=2", "32,beta_slow=4"})
    all.push_back(fmt::format("yarn:beta_fast={}", betas));
  all.emplace_back("yarn:attention_factor=1");
  for (const char* scale : {"+logn", "+infoscale"}) {
    all.push_back(fmt::format("yarn{}", scale)), all.push_back(fmt::format("ntk:factor=1.5x{}", scale));
    all.push_back(fmt::format("leaky-rerope:window={}{}", trained / 4, scale));
  }
  for (double times : {2.0, 4.0, 8.0}) all.push_back(fmt::format("base:value={:.4g}x", factor * times));
  for (Index part : {2, 8})
    for (const char* name : {"leaky-rerope", "self-extend", "jet-long"})
      all.push_back(fmt::format("{}:window={}", name, trained / part));
  for (const char* times : {"1.5", "2"})
    all.push_back(fmt::format("leaky-rerope:window={},factor={}x", trained / 4, times));
  for (Index part : {4, 2, 8}) all.push_back(fmt::format("rerope:window={}", trained / part));
  for (const char* times : {"0.5", "2"})
    all.push_back(fmt::format("self-extend:group={}x,window={}", times, trained / 4));
  all.push_back(fmt::format("self-extend:group=2x,window={}", trained / 8));
  // The layer-specific curves' own search (LPES): rising, falling, and steep at either end.
  for (const char* points : {"", ":last=2", ":first=1.5,last=1", ":last=2,middle=1", ":last=2,middle=2"})
    all.push_back(fmt::format("layer-pi{}", points));
  for (const char* name : {"mrrope-uni", "string", "ntk-by-parts", "dynamic-ntk", "dynamic-yarn", "llama3",
                           "pi", "lambda", "cope"})
    all.emplace_back(name);
  all.push_back(fmt::format("lambda:window={}", trained / 2));
  if (heads != nullptr) {
    all.push_back(fmt::format("ms-poe:ranks={}", heads->ranks));
    all.push_back(fmt::format("dope:heads={}", heads->heads));
  }
  return all;
}

}  // namespace

std::vector<std::string> tune_candidates(const ModelConfig& config, Index length,
                                         const MeasuredHeads* heads) {
  const Index trained = config.n_ctx_train;
  const double factor = std::max(1.0, static_cast<double>(length) / static_cast<double>(trained));
  std::vector<std::string> fitting;
  for (const std::string& text : specs(trained, factor, heads)) {
    if (std::find(fitting.begin(), fitting.end(), text) != fitting.end()) continue;
    try {
      Method::bind(MethodSpec::parse(text), config.rope_context(config.acting_layer(), length));
      fitting.push_back(text);
    } catch (const UsageError&) {  // this model or length does not allow it
    }
  }
  return fitting;
}

}  // namespace rw
