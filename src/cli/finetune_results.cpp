// SPDX-License-Identifier: Apache-2.0
#include "cli/finetune_results.h"

#include <algorithm>
#include <filesystem>

#include "core/tell.h"
#include "methods/file_settings.h"
#include "quant/encode.h"
#include "train/write_model.h"

namespace ropewalk::cli::finetune {
namespace {

namespace fs = std::filesystem;

bool is_gguf(const Model& model) { return model.file().container().starts_with("GGUF"); }

/// As the source stores them where that can be written, else BF16.
std::string type_of(const Model& source, const NewWeights& weights) {
  const bool can = std::all_of(weights.names.begin(), weights.names.end(), [&](const std::string& name) {
    const WeightFormat* format = source.file().tensor(name).format;
    return format != nullptr && can_encode(*format);
  });
  return can ? "" : "BF16";
}

/// "'pi:factor=16' is said in the file", or why it cannot be.
std::string said(const std::string& method, const std::string& why_not, const std::string& path,
                 Index length) {
  if (why_not.empty())
    return fmt::format("{}: other engines read the method in the file, and so does ropewalk", path);
  return fmt::format(
      "{}: the method cannot be said in the file ({}); here: ropewalk generate {} --method {} "
      "--length {} ...",
      path, why_not, shell_quoted(path), shell_quoted(method), k_tokens(length));
}

}  // namespace

void write_results(const FinetunePlan& plan, std::size_t start, const LearningModel& learning,
                   const std::string& folder, std::vector<std::string>& lines) {
  const Model& source = *learning.model;
  const std::string& method = plan.starts[start].method;
  const RopeContext context = source.config().rope_context(source.config().acting_layer(), plan.length);
  const FileSettings settings =
      file_settings(MethodSpec::parse(method), context, source.config().architecture);
  const std::string& why_not = is_gguf(source) ? settings.no_gguf : settings.no_config;
  const NewWeights weights = new_weights(learning);
  WriteOptions options{.type = type_of(source, weights), .settings = {}};
  if (why_not.empty()) options.settings = settings;
  const std::string path = (fs::path(folder) / (is_gguf(source) ? "model.gguf" : "model")).string();
  if (!fs::exists(path)) write_model(source, weights, options, path);
  lines.push_back(plan.starts[start].name + ": " + said(method, why_not, path, plan.length));
}

}  // namespace ropewalk::cli::finetune
