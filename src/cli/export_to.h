// SPDX-License-Identifier: Apache-2.0
/// `ropewalk export --to`: a command line for an engine, or files that it reads.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "methods/export.h"
#include "train/export_target.h"

namespace rw::cli {

/// One of the words behind --to: an engine with a command line of its own, or files.
struct ExportTo {
  std::string name, title;
  const PeerEngine* engine = nullptr;    ///< methods/engines/
  const ExportTarget* target = nullptr;  ///< train/export/

  /// Why it cannot be told the method; empty: it can.
  std::string why_not(const MethodSpec& bound, const RopeContext& context,
                      const std::string& architecture) const;
};

/// All of them, by name.
std::vector<ExportTo> export_targets();
/// "  gguf        a GGUF ..." for --help.
std::string export_targets_help();

struct ExportOptions {
  std::string model, method, length, to, out;
  bool json = false;
};

/// What is asked for, bound to the model.
struct ExportAsked {
  const ModelFile& source;
  MethodSpec spec;   ///< as it was typed, or chosen
  MethodSpec bound;  ///< its full text
  RopeContext context;
  std::string architecture;
};

/// Whether it is a folder whose language model has its numbers in text_config, as multimodal ones and Qwen3.5
/// have: a line's keys are put at the top of config.json, where nobody reads them then. Errors: Error (JSON).
bool has_text_config(const ModelFile& source);

/// The names of methods that something can express at this length: those for which `can(bound)` holds.
std::vector<std::string> expressible(const ExportAsked& asked,
                                     const std::function<bool(const MethodSpec& bound)>& can);

/// Errors: UsageError for an unknown --to, a missing or a needless --out; before the model is opened.
ExportTo find_export_target(const ExportOptions& options);
/// Prints the line, or writes the files and prints what to do with them. Errors: UsageError that names
/// method, reason and engine where it cannot be told, and where the model is of a container that it does not
/// read; Error where nothing can be written.
int export_to(const ExportTo& to, const ExportAsked& asked, const ExportOptions& options);

}  // namespace rw::cli
