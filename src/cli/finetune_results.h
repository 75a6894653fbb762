// SPDX-License-Identifier: Apache-2.0
/// What finetune leaves of a start: an adapter, a model, and how each is run.
#pragma once
#include "cli/finetune_plan.h"

namespace rw::cli::finetune {

/// The whole weights as they were written.
struct WrittenModel {
  std::string path;
  std::string method;      ///< that it is read under: "none" where the file says the method of itself
  std::string type;        ///< of the weights that learned
  bool as_judged = false;  ///< the type is that of what was looked at: the same losses
};

/// Errors: Error where --type is no type for the weights that learn; before they are trained.
void require_writable(const FinetunePlan& plan, const LearningModel& learning);

/// Why there will be no adapter of the pairs (train/adapter.h, require_adapter); empty: there will, or there
/// are no pairs.
std::string why_no_adapter(const LearningModel& learning);

/// FOLDER/adapter (pairs only, PEFT's format) and FOLDER/model, or model.gguf as the source is: whole
/// weights, with the method said in the file where its container can say it. Weights that learned have
/// --type, or that of what was looked at (train/merged.h, judged_type), whatever the source has: what a short
/// training changes is less than half a step of Q8_0, and often of BF16. A line for each goes to `lines`,
/// with what other engines are told, or that they cannot be, and the command that runs it here.
///
/// FOLDER/written.json says the step that they are of, and is there when all of them are, a power failure
/// included. What is there of this step stays; what is there of another one stays until the new one is whole.
/// Errors: Error where something cannot be written.
WrittenModel write_results(const FinetunePlan& plan, std::size_t start, const LearningModel& learning,
                           const std::string& folder, std::vector<std::string>& lines);
/// A line that names what is in FOLDER from before, and the step that it is of. Empty: nothing is.
std::string results_of_before(const std::string& name, const std::string& folder);

}  // namespace rw::cli::finetune
