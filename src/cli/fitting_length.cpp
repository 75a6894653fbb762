// SPDX-License-Identifier: Apache-2.0
#include "cli/fitting_length.h"

#include <algorithm>

#include "core/text.h"
#include "model/memory.h"
#include "model/sequence.h"

namespace ropewalk {

FittingLength::FittingLength(const Model& model, const std::string& model_path, const std::string& method)
    : model_(model), model_path_(model_path) {
  if (method != "auto") named_ = MethodSpec::parse(method);
}

const std::vector<TunedSetting>& FittingLength::tuned() const {
  if (!tuned_) tuned_ = named_ ? std::vector<TunedSetting>() : tuned_settings(model_path_);
  return *tuned_;
}

Index FittingLength::proven() const {
  Index proven = model_.config().n_ctx_train;
  for (const TunedSetting& each : tuned()) proven = std::max(proven, each.length);
  return proven;
}

std::size_t FittingLength::bytes(const MethodSpec& spec, Index n) const {
  const ModelConfig& config = model_.config();
  const Method method = Method::bind(spec, config.rope_context(config.acting_layer(), n));
  return session_bytes(config, model_.backend().kv_type(), method, n);
}

Index FittingLength::held(const std::optional<MethodSpec>& spec, Index most) const {
  const std::size_t available = available_memory();
  if (available == 0) return most;  // the system does not say
  const ModelConfig& config = model_.config();
  const auto fits = [&](Index n) {
    return bytes(spec ? *spec : decide(config.rope_context(config.acting_layer(), n), tuned()).spec, n) <=
           available;
  };
  Index low = 0, high = most;
  while (low < high) {
    const Index middle = low + (high - low + 1) / 2;
    fits(middle) ? low = middle : high = middle - 1;
  }
  return low;
}

Index FittingLength::most() const { return held(named_, named_ ? kMostTokens : proven()); }

std::string FittingLength::why() const {
  const Index n = most();
  if (named_ || n < proven()) return fmt::format("the memory holds {}", counted(n, "token"));
  return proven() == model_.config().n_ctx_train
             ? fmt::format("nothing is proven past the {} that the model was trained on (ropewalk tune)",
                           counted(n, "token"))
             : fmt::format("tune settled lengths up to {}", counted(n, "token"));
}

void FittingLength::say_unproven(Index n) const {
  if (named_ || n <= model_.config().n_ctx_train || n <= proven()) return;
  say(
      fmt::format("nothing is proven past {} on this model: --fit reads no more than that, ropewalk tune "
                  "--length {} proves a method",
                  counted(proven(), "token"), n));
}

void FittingLength::require(const MethodSpec& spec, Index n) const {
  const std::size_t needed = bytes(spec, n), available = available_memory();
  if (available == 0 || needed <= available) return;
  throw Error(fmt::format("{} under {}", counted(n, "token"), spec.text()),
              fmt::format("{} MiB of free memory", needed >> 20), fmt::format("{} MiB", available >> 20),
              fmt::format("that holds {} of them: --fit reads no more; or --kv q8, or a method with a window",
                          held(spec, n)));
}

}  // namespace ropewalk
