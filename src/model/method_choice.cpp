// SPDX-License-Identifier: Apache-2.0
#include "model/method_choice.h"

#include <algorithm>
#include <bit>

#include "core/option.h"
#include "methods/tuned_file.h"
#include "model/identity.h"
#include "model/sequence.h"

namespace rw {

void check_method(const std::string& option) {
  if (option != "auto") MethodSpec::parse(option);
}

std::vector<TunedSetting> tuned_settings(const std::string& model_path) {
  const std::string path = tuned_path(model_path);
  const std::optional<TunedFile> file = read_tuned(path);
  if (!file) return {};
  if (file->model_id != model_id(*ModelFile::open(model_path)))
    throw Error(path, "settings for " + model_path, "those of another model (" + file->model + ")",
                option("tune", "run ropewalk tune") + " again, or name a " + option("method"));
  return file->settings;
}

AutoChoice choice_for(const std::string& option, const ModelConfig& config, Index n,
                      std::span<const TunedSetting> tuned) {
  const bool fits = n <= config.n_ctx_train;
  if (option != "auto") return {MethodSpec::parse(option), fits ? AutoReason::kFits : AutoReason::kPast, ""};
  return decide(config.rope_context(config.acting_layer(), n),
                fits ? std::span<const TunedSetting>{} : tuned);
}

AutoChoice choice_for(const std::string& option, const std::string& model_path, const ModelConfig& config,
                      Index n) {
  const bool asks = option == "auto" && n > config.n_ctx_train;
  return choice_for(option, config, n, asks ? tuned_settings(model_path) : std::vector<TunedSetting>{});
}

Index bound_length(Index n_prompt, Index n_predict, Index n_ctx_train) {
  if (n_prompt + n_predict <= n_ctx_train || n_prompt + n_predict >= kMostTokens) return n_prompt + n_predict;
  const Index n = n_prompt + std::max(n_predict, n_prompt / 8);
  const auto step =
      std::max<Index>(1, static_cast<Index>(std::bit_floor(static_cast<std::uint64_t>(n - 1))) / 4);
  return std::min(kMostTokens, (n + step - 1) / step * step);
}

Method bind_at(const MethodSpec& spec, const ModelConfig& config, Index n) {
  return Method::bind(spec, config.rope_context(config.acting_layer(), n));
}

MethodSpec bound_spec(const MethodSpec& spec, const ModelConfig& config, Index n) {
  return spec.by_layer() || spec.by_head() ? spec : MethodSpec::parse(bind_at(spec, config, n).text());
}

}  // namespace rw
