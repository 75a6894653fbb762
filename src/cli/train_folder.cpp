// SPDX-License-Identifier: Apache-2.0
#include "cli/train_folder.h"

#include <array>
#include <filesystem>

#include "cli/command.h"
#include "cli/train_log.h"
#include "core/output_file.h"
#include "train/checkpoint.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

constexpr std::array kModels = {"model", "model.gguf"};
constexpr std::array kWrittenOver = {"model", "model.gguf", "start", "start.gguf", "curve.html"};

bool is_there(const std::string& path) {
  std::error_code none;
  return fs::exists(fs::symlink_status(path, none));
}

[[noreturn]] void refuse(const std::string& out, const std::string& path) {
  throw UsageError("--out " + out, "a folder without anything that is of no run of ropewalk train", path,
                   "name another folder, or move it away");
}

/// Whether `path` is `folder`, or in it.
bool is_within(const std::string& path, const std::string& folder) {
  std::error_code none;
  const std::string a = fs::weakly_canonical(path, none).string(),
                    b = fs::weakly_canonical(folder, none).string();
  return !path.empty() && (a == b || a.starts_with(b + "/"));
}

}  // namespace

void require_own_folder(const TrainConfig& config, const TrainRunOptions& options) {
  const std::string& out = options.out;
  const std::vector<Index> steps = checkpoint_steps(out);
  std::error_code none;
  if (fs::exists(out, none) && !fs::is_directory(out, none)) refuse(out, out);
  if (!is_there(out + "/log.jsonl")) {
    for (const char* name : kWrittenOver)
      if (is_there(out + "/" + name)) refuse(out, out + "/" + name);
    if (!steps.empty()) refuse(out, fmt::format("{}/step-{:06}", out, steps.back()));
  } else {
    read_train_log(out + "/log.jsonl");  // it says so where it is none
  }
  if (!options.resume && !steps.empty())
    throw UsageError("--out " + out, "a folder without a run in it, or --resume",
                     fmt::format("a run behind step {}", steps.back()), "--resume goes on from there");
  for (const char* name : kModels)
    if (steps.empty() && is_there(out + "/" + name)) refuse(out, out + "/" + name);
  for (const char* name : kWrittenOver)
    for (const std::string& input : {config.from, config.tokenizer})
      if (is_within(input, out + "/" + name))
        throw UsageError("--out " + out, "a folder that the run does not read from", input,
                         "what is read there would be written over: name another folder");
}

void make_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail_to_write(folder, error.value());
}

void begin_folder(const std::string& folder) {
  for (const char* name : {"log.jsonl", "start.gguf", "model.gguf", "curve.html"})
    remove_parts_of(folder + "/" + name);
  if (is_there(folder + "/log.jsonl")) return;
  OutputFile log(folder + "/log.jsonl");
  log.commit();
}

void remove_start(const std::string& folder) {
  std::error_code none;
  for (const char* name : {"/start", "/start.gguf"}) fs::remove_all(folder + name, none);
}

}  // namespace rw
