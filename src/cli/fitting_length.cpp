// SPDX-License-Identifier: Apache-2.0
#include "cli/fitting_length.h"

#include <algorithm>

#include "core/bisect.h"
#include "core/text.h"
#include "model/memory.h"
#include "model/sequence.h"

namespace rw {
namespace {

constexpr std::size_t kMargin = 20;                         // a twentieth
constexpr std::size_t kThreadBytes = std::size_t{2} << 20;  // what each takes besides, in a step

}  // namespace

FittingLength::FittingLength(const Model& model, const std::string& model_path, const std::string& method,
                             Index chunk)
    : model_(model), model_path_(model_path), chunk_(chunk) {
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

MethodSpec FittingLength::spec_at(Index n) const {
  const ModelConfig& config = model_.config();
  return named_ ? *named_ : decide(config.rope_context(config.acting_layer(), n), tuned()).spec;
}

Method FittingLength::method_at(const MethodSpec& spec, Index n) const {
  return bind_at(spec, model_.config(), n);
}

std::size_t FittingLength::bytes(const MethodSpec& spec, Index n) const {
  return session_bytes(model_.config(), model_.backend().kv_type(), method_at(spec, n), n, chunk_, 1,
                       model_.backend().key_share());
}

std::size_t FittingLength::cache_bytes(const MethodSpec& spec, Index n) const {
  return most_cache_bytes(model_.config(), model_.backend().kv_type(), method_at(spec, n), n, chunk_, 1,
                          model_.backend().key_share());
}

std::size_t FittingLength::available() const {
  if (!available_) {
    Context& context = *model_.backend().context();
    context.parallel_for(context.threads(), [](Index, int) {});  // they start, and their stacks count
    const std::size_t measured = available_memory();
    const std::size_t left = measured / kMargin + kThreadBytes * static_cast<std::size_t>(context.threads());
    available_ = measured == 0 ? 0 : std::max<std::size_t>(1, measured - std::min(measured, left));
  }
  return *available_;
}

bool FittingLength::same_at(Index n, Index more) const {
  const MethodSpec spec = spec_at(n);
  return held_at(n, more) && method_at(spec, n).fingerprint(n) == method_at(spec, more).fingerprint(n);
}

bool FittingLength::held_at(Index n, Index more) const {
  const MethodSpec spec = spec_at(n);
  return spec_at(more).text() == spec.text() && (available() == 0 || bytes(spec, more) <= available());
}

Index FittingLength::held(const std::optional<MethodSpec>& spec, Index most) const {
  if (available() == 0) return most;
  return greatest_that(most, [&](Index n) { return bytes(spec ? *spec : spec_at(n), n) <= available(); });
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
  const bool acts = model_.config().n_acting_layers() > 0;
  say(fmt::format("nothing is proven past {} on this model: --fit reads no more than that, {}",
                  counted(proven(), "token"),
                  acts ? fmt::format("ropewalk tune --length {} proves a method", n)
                       : "and no method acts on it; ropewalk eval --lengths says how it does there"));
}

void FittingLength::require(const MethodSpec& spec, Index n) const {
  const std::size_t needed = bytes(spec, n);
  if (available() == 0 || needed <= available()) return;
  throw Error(fmt::format("{} under {}", counted(n, "token"), spec.text()),
              fmt::format("{} MiB of free memory", needed >> 20), fmt::format("{} MiB", available() >> 20),
              fmt::format("that holds {} of them: --fit reads no more; or --kv q8, or a method with a window",
                          held(spec, n)));
}

}  // namespace rw
