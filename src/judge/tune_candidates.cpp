// SPDX-License-Identifier: Apache-2.0
/// What `tune` tries when nobody says what.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "judge/tune.h"

namespace ropewalk {
namespace {

/// Specs in the order in which they are worth a try: a small budget reaches the first of them only, so they
/// are one of each kind. `f(x)`: x times the factor that the length asks for.
template <class Factor>
std::vector<std::string> specs(Index trained, double factor, double rope_base, const Factor& f) {
  std::vector<std::string> all{"yarn:factor=" + f(1),
                               fmt::format("leaky-rerope:window={}", trained / 4),
                               "dca",
                               "ntk:factor=" + f(1.5),
                               fmt::format("self-extend:window={}", trained / 4),
                               "adagrope",
                               "jet-long",
                               "mrrope-pro",
                               "dynamic-ntk",
                               "lampe"};
  for (double times : {1.5, 2.0, 0.75}) all.push_back("yarn:factor=" + f(times));
  for (double times : {1.0, 2.0}) all.push_back("ntk:factor=" + f(times));
  for (const char* betas : {"16,beta_slow=1", "64,beta_slow=2", "32,beta_slow=4"})
    all.push_back("yarn:factor=" + f(1) + ",beta_fast=" + betas);
  all.push_back("yarn:factor=" + f(1) + ",attention_factor=1");
  for (const char* scale : {"+logn", "+infoscale"}) {
    all.push_back("yarn:factor=" + f(1) + scale), all.push_back("ntk:factor=" + f(1.5) + scale);
    all.push_back(fmt::format("leaky-rerope:window={}{}", trained / 4, scale));
  }
  for (double times : {2.0, 4.0, 8.0})
    all.push_back(fmt::format("base:value={:.0f}", rope_base * factor * times));
  for (Index part : {2, 8})
    for (const char* name : {"leaky-rerope", "self-extend", "jet-long"})
      all.push_back(fmt::format("{}:window={}", name, trained / part));
  for (double times : {2.0, 3.0})
    all.push_back(fmt::format("leaky-rerope:window={},factor={}", trained / 4, f(times)));
  for (Index part : {4, 2, 8}) all.push_back(fmt::format("rerope:window={}", trained / part));
  for (double times : {1.5, 2.0}) {
    const auto group = static_cast<Index>(std::ceil(factor * times));  // the window is a multiple of it
    all.push_back(fmt::format("self-extend:group={},window={}", group,
                              std::max<Index>(1, trained / 8 / group) * group));
  }
  for (const char* name : {"mrrope-uni", "string", "ntk-by-parts", "dynamic-yarn", "llama3", "pi", "lambda"})
    all.emplace_back(name);
  all.push_back(fmt::format("lambda:window={}", trained / 2));
  return all;
}

}  // namespace

std::vector<std::string> tune_candidates(const ModelConfig& config, Index length) {
  const Index trained = config.n_ctx_train;
  const double factor = std::max(1.0, static_cast<double>(length) / static_cast<double>(trained));
  const auto f = [&](double times) { return fmt::format("{:.4g}", std::max(1.0, factor * times)); };
  std::vector<std::string> fitting;
  for (const std::string& text : specs(trained, factor, config.rope_base, f)) {
    if (std::find(fitting.begin(), fitting.end(), text) != fitting.end()) continue;
    try {
      Method::bind(MethodSpec::parse(text), config.rope_context(0, length));
      fitting.push_back(text);
    } catch (const UsageError&) {  // this model or length does not allow it
    }
  }
  return fitting;
}

}  // namespace ropewalk
