// SPDX-License-Identifier: Apache-2.0
/// How an answer is drawn, by options named as llama.cpp names them.
#pragma once
#include "cli/command.h"
#include "model/sampler.h"

namespace rw {

struct SamplingOptions {
  void define(CommandLine& app);
  /// For a model with these many tokens. A seed that was not given is drawn once. Errors: UsageError.
  SamplerSettings settings(Index n_choices);

  std::vector<std::string> stops;  ///< texts that end the answer

 private:
  SamplerSettings settings_;
  std::vector<std::string> biases_;
  Index seed_ = -1;
};

}  // namespace rw
