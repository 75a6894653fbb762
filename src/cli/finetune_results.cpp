// SPDX-License-Identifier: Apache-2.0
#include "cli/finetune_results.h"

#include <filesystem>

#include "core/json.h"
#include "core/output_file.h"
#include "core/tell.h"
#include "core/text.h"
#include "core/text_file.h"
#include "methods/file_settings.h"
#include "train/adapter.h"
#include "train/merged.h"
#include "train/write_model.h"

namespace rw::cli::finetune {
namespace {

namespace fs = std::filesystem;

std::string written_type(const FinetunePlan& plan, const LearningModel& learning) {
  return plan.type.empty() ? judged_type(learning) : plan.type;
}

/// Who reads the method in the file, or why nobody but us can. transformers takes the weights of a GGUF, and
/// of its positions nothing but the base.
std::string said(const std::string& method, const std::string& why_not, const std::string& path, bool gguf) {
  if (method == "none") return path + ": plain RoPE, as every engine reads it";
  if (why_not.empty())
    return fmt::format("{}: {} reads the method in the file, and so does ropewalk{}", path,
                       gguf ? "llama.cpp" : "transformers",
                       gguf ? "; transformers does not read it in a GGUF" : "");
  return fmt::format(
      "{}: the method cannot be said in the file ({}); here: ropewalk generate {} --method {} -f TEXT", path,
      why_not, shell_quoted(path), shell_quoted(method));
}

std::string note_of(const std::string& folder) { return (fs::path(folder) / "written.json").string(); }

/// The step that FOLDER's results are of. A note that is not as it was written says nothing.
std::optional<Index> written_step(const std::string& folder) {
  try {
    if (!fs::exists(note_of(folder))) return std::nullopt;
    return parse_json(read_bytes(note_of(folder), 4096), note_of(folder)).at("step").get<Index>();
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

void note_step(const std::string& folder, Index step) {
  OutputFile file(note_of(folder));
  file.write(dump_json(Json{{"step", step}}) + "\n");
  file.commit_to_disk();
}

/// From now on nothing says a step of what is being replaced.
void forget_step(const std::string& folder) {
  std::error_code none;
  for (const char* name : {"written.json", "model.gguf"}) remove_parts_of((fs::path(folder) / name).string());
  fs::remove(note_of(folder), none);
  sync_to_disk(folder);
}

/// The pairs alone; where PEFT has no form for them, why.
std::string adapter_line(const LearningModel& learning, const FileSettings& settings, const std::string& path,
                         bool is_done) {
  const bool is_there = fs::exists(path);
  try {
    if (!is_done || !is_there)
      write_adapter(learning, {.base = {}, .settings = settings}, path, Existing::kReplaced);
  } catch (const Error& error) {
    if (is_there) throw;  // one of another step stands there
    return fmt::format("no adapter: {}", error.what());
  }
  if (!settings.no_config.empty())
    return fmt::format("{}: pairs for PEFT; attention in transformers knows no such method: {}", path,
                       settings.no_config);
  return fmt::format(
      "{}: PEFT puts it on the model in transformers whose config has the keys of base_config.json; "
      "docs/finetuning.md has the lines{}",
      path, is_gguf(*learning.model) ? ", also for a GGUF, which AutoPeftModel does not read" : "");
}

}  // namespace

void require_writable(const FinetunePlan& plan, const LearningModel& learning) {
  rw::require_writable(learning, written_type(plan, learning));
}

std::string why_no_adapter(const LearningModel& learning) {
  if (!has_pairs(learning)) return "";
  try {
    require_adapter(learning);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

WrittenModel write_results(const FinetunePlan& plan, std::size_t start, const LearningModel& learning,
                           const std::string& folder, std::vector<std::string>& lines) {
  const Model& source = *learning.model;
  const std::string& method = plan.starts[start].method;
  const RopeContext context = source.config().rope_context(source.config().acting_layer(), plan.length);
  const FileSettings settings =
      file_settings(MethodSpec::parse(method), context, source.config().architecture);
  const std::string& why_not = is_gguf(source) ? settings.no_gguf : settings.no_config;
  const NewWeights weights = new_weights(learning);
  WriteOptions options{.type = written_type(plan, learning), .settings = {}, .general = {}};
  if (why_not.empty()) options.settings = settings;
  const std::string path = (fs::path(folder) / (is_gguf(source) ? "model.gguf" : "model")).string();
  const bool is_done = written_step(folder) == plan.steps;
  if (!is_done) forget_step(folder);
  if (!is_done || !fs::exists(path)) write_model(source, weights, options, path, Existing::kReplaced);
  if (has_pairs(learning))
    lines.push_back(plan.starts[start].name + ": " +
                    adapter_line(learning, settings, (fs::path(folder) / "adapter").string(), is_done));
  if (!is_done) note_step(folder, plan.steps);
  lines.push_back(plan.starts[start].name + ": " + said(method, why_not, path, is_gguf(source)));
  return {path, why_not.empty() ? "none" : method, options.type, options.type == judged_type(learning)};
}

std::string results_of_before(const std::string& name, const std::string& folder) {
  std::string paths;
  for (const char* of : {"model.gguf", "model", "adapter"})
    if (const fs::path path = fs::path(folder) / of; fs::exists(path))
      paths += (paths.empty() ? "" : ", ") + path.string();
  if (paths.empty()) return "";
  const std::optional<Index> step = written_step(folder);
  return fmt::format("{}: from before there is still {}, of {}", name, paths,
                     step ? fmt::format("step {}", *step) : "a step that is not said");
}

}  // namespace rw::cli::finetune
