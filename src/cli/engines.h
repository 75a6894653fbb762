// SPDX-License-Identifier: Apache-2.0
/// Options of eval that ask other engines: a server is a method.
#pragma once
#include "cli/eval_plan.h"
#include "remote/engines.h"

namespace rw {

struct EnginesOptions {
  std::vector<std::string> engines;        ///< NAME=URL
  std::vector<std::string> served_models;  ///< MODEL of all, or NAME=MODEL of one
  std::string key_file, tokenizer, trained, answer_time = "10m";
  int concurrency = 4;
  bool chat = false;
  const CommandLine* app = nullptr;
  void define(CommandLine& command);
  /// Whether other engines are asked: --engine, or a MODEL that is a URL.
  bool asked(const std::string& model) const;
  /// Errors: UsageError for options that are our own engine's.
  void require_alone() const;
  /// Errors: UsageError for options that only other engines have.
  void require_none() const;
  /// Connects, and says to whom, and how `tasks` will ask. Errors: UsageError, those of remote::Engines.
  std::shared_ptr<remote::Engines> connect(const std::string& model,
                                           const std::vector<std::string>& tasks) const;
  /// The engines by name. `model`: as in asked(). Errors: UsageError.
  std::vector<remote::EngineAddress> addresses(const std::string& model) const;
  /// As typed in a shell, in place of a model.
  std::string words(const std::string& model) const;
};

}  // namespace rw
