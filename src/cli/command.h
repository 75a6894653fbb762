// SPDX-License-Identifier: Apache-2.0
/// One file per subcommand; each registers a Command. Results go to stdout, everything else to stderr.
#pragma once
#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "core/progress.h"
#include "core/registry.h"
#include "formats/model_file.h"
#include "model/model.h"
#include "tokenizer/tokenizer.h"

namespace ropewalk {

struct Command {
  std::string name, summary;
  std::function<void(CLI::App&)> define;  ///< adds options and help to the subcommand
  std::function<int()> run;               ///< after parsing; returns the exit code
};

struct LoadedModel {
  std::unique_ptr<ModelFile> file;
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<Model> model;
};
/// --precision and --kv, the same in every command.
struct BackendOptions {
  std::string precision = "bf16";
  std::string kv;  ///< empty: as precision
  void define(CLI::App& app);
  const std::string& kv_type() const { return kv.empty() ? precision : kv; }
  /// Errors: UsageError.
  std::shared_ptr<const Backend> make() const;
};
/// Opens, says what it loads on stderr. Errors: Error.
LoadedModel load_model(const std::string& path, const std::shared_ptr<const Backend>& backend);

/// What results and settings are bound to. Errors: Error for a model that cannot be read.
std::string model_identity(const std::string& path);

/// A file's bytes, or those of stdin for "-". Errors: Error with the system's reason.
std::string read_bytes(const std::string& path);
/// A text file whole. Errors: Error when missing, empty, or binary (it has NUL bytes).
std::string read_text_file(const std::string& path);
/// Errors: UsageError when the output would replace an input.
void require_other_file(const std::string& output, const std::vector<std::string>& inputs);
/// "8k" = 8192, "4096". Errors: UsageError outside 1 .. 2^31.
Index parse_length(const std::string& text);
/// "1234 tok/s, peak memory 512 MiB" for stderr.
std::string speed_line(const char* what, Index n_tokens, double seconds);

}  // namespace ropewalk
