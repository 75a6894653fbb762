// SPDX-License-Identifier: Apache-2.0
/// The file beside the model.
#include "core/option.h"
#include "core/output_file.h"
#include "core/text.h"
#include "evaluation/choose_method.h"
#include "methods/tuned_file.h"

namespace rw {
namespace {

/// "dca of 2026-11-26".
std::string named(const TunedSetting& setting) {
  const auto date = setting.evidence.find("date");
  return setting.method +
         (date != setting.evidence.end() && date->is_string() ? " of " + date->get<std::string>() : "");
}

/// Read again: another tune may have written meanwhile.
void keep(const std::string& path, const RunInfo& info, TunedSetting setting, const Says& say) {
  std::optional<TunedFile> file = read_tuned(path);
  if (!file || file->model_id != info.model_id) file.emplace();
  file->version = info.version, file->model = info.model, file->model_id = info.model_id;
  file->n_ctx_train = info.n_ctx_train;
  if (const TunedSetting* old = file->at(setting.length)) {
    say(fmt::format("{}: {} replaces {} at {} tokens", printable(path), setting.method, named(*old),
                    setting.length));
    Json before = old->evidence;
    before.erase("replaces");
    before["method"] = old->method;
    setting.evidence["replaces"] = std::move(before);
  }
  file->put(std::move(setting));
  write_tuned(path, *file);
  say(fmt::format("{} holds {}; {} auto reads it", printable(path), counted(file->settings.size(), "length"),
                  option("method")));
}

/// What --method auto does where nothing was stored.
void say_what_stays(const std::string& path, const RunInfo& info, Index length, const Says& say) {
  const std::optional<TunedFile> file = read_tuned(path);
  const TunedSetting* old = file && file->model_id == info.model_id ? file->at(length) : nullptr;
  say(old ? fmt::format("nothing is stored; {} keeps {} for {} tokens", printable(path), named(*old), length)
          : fmt::format("nothing is stored for {} tokens; {} auto goes by what is tuned at other lengths, "
                        "else by its default, {}",
                        length, option("method"), untuned_method(length, info.n_ctx_train)));
}

}  // namespace

void check_tuned_file(const std::string& model_path, const std::string& model_id, const Says& say) {
  const std::string path = tuned_path(model_path);
  const std::optional<TunedFile> before = read_tuned(path);
  if (before && before->model_id != model_id)
    say(printable(path) + ": its settings are of another model, and will be replaced");
  const OutputFile writable(path);
}

void keep_tuned(const TuneOutcome& outcome, const std::string& model_path, const Says& say) {
  const std::string path = tuned_path(model_path);
  if (outcome.bound.empty()) return say_what_stays(path, outcome.info, outcome.length, say);
  keep(path, outcome.info, {outcome.length, outcome.conclusion.method, evidence_json(outcome)}, say);
}

}  // namespace rw
