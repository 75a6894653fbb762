// SPDX-License-Identifier: Apache-2.0
/// What finetune leaves of a start: an adapter, a model, and how each is run.
#pragma once
#include "cli/finetune_plan.h"

namespace ropewalk::cli::finetune {

/// FOLDER/adapter (pairs only, PEFT's format) and FOLDER/model, or model.gguf as the source is: whole
/// weights, with the method said in the file where its container can say it. A line for each goes to `lines`,
/// with what other engines are told, or that they cannot be, and the command that runs it here. What is there
/// from a run before stays. Errors: Error where something cannot be written.
void write_results(const FinetunePlan& plan, std::size_t start, const LearningModel& learning,
                   const std::string& folder, std::vector<std::string>& lines);

}  // namespace ropewalk::cli::finetune
