// SPDX-License-Identifier: Apache-2.0
#include "train/stage_method.h"

#include <algorithm>

#include "core/text.h"
#include "model/method_choice.h"

namespace rw {
namespace {

FileSettings settings_for_length(const MethodSpec& method, const ModelConfig& config, Index n_ctx) {
  return file_settings(method, config.rope_context(config.acting_layer(), n_ctx), config.architecture);
}

bool scales_itself(const ModelConfig& config) {
  const RopeSpec& rope = config.layers[static_cast<std::size_t>(config.acting_layer())].attention.rope;
  return !rope.own_scaling.empty() || !rope.divisors.empty();
}

void add_missing(const std::string& what, const FileSettings& settings, WrittenMethod& written) {
  for (const auto& [name, why] : {std::pair{"model.gguf", settings.no_gguf}, {"model/", settings.no_config}})
    if (!why.empty()) written.lines.push_back(fmt::format("{} does not say {}: {}", name, what, why));
}

}  // namespace

std::optional<MethodSpec> stage_method(const TrainStage& stage, const ModelConfig& config) {
  if (stage.methods.empty()) return MethodSpec::parse("none");
  const std::string& typed = stage.methods.front().text();
  if (stage.methods.size() > 1 || typed.find('{') != typed.npos) return std::nullopt;
  const MethodSpec spec = MethodSpec::parse(typed);
  const MethodSpec full = bound_spec(spec, config, stage.n_ctx.front());
  for (const Index n_ctx : stage.n_ctx)
    if (bound_spec(spec, config, n_ctx).text() != full.text()) return std::nullopt;
  return full;
}

WrittenMethod written_method(const TrainStage& stage, const ModelConfig& config, bool goes_on) {
  WrittenMethod written;
  const Index n_ctx = *std::max_element(stage.n_ctx.begin(), stage.n_ctx.end());
  const std::optional<MethodSpec> method = stage_method(stage, config);
  if (!method) {
    written.lines.push_back(fmt::format(
        "the written model says no method: the batches of stage {} have several", printable(stage.name)));
    return written;
  }
  written.text = method->text();
  const bool none = written.text == "none";
  if (none && (!goes_on || n_ctx <= config.n_ctx_train || scales_itself(config))) return written;
  const FileSettings settings = settings_for_length(*method, config, n_ctx);
  if (settings.no_gguf.empty()) written.gguf = settings;
  if (settings.no_config.empty()) written.config = settings;
  const std::string what = none ? fmt::format("its length of {} tokens", n_ctx) : written.text;
  if (written.gguf || written.config)
    written.lines.push_back(fmt::format("the written model says {}{}", what,
                                        none ? "" : fmt::format(", for {}", counted(n_ctx, "token"))));
  add_missing(what, settings, written);
  if (!none && !(written.gguf && written.config))
    written.lines.push_back("what does not say it is read by ropewalk with --method " +
                            shell_quoted(written.text));
  return written;
}

}  // namespace rw
