// SPDX-License-Identifier: Apache-2.0
/// What was learned as a model that is read like any other, so that the judge's own tasks judge it.
#pragma once
#include "train/parameters.h"

namespace rw {

/// With low-rank pairs: the same model with W + scale B A in place of each W that has one, in rows of its own
/// in memory, float32, or bf16 where the model's backend computes in bf16 (merged_bytes). It is as of now:
/// later steps are not seen. Where every tensor learns: model.model itself, which reads what learns as it
/// stands. Errors: TrainingStopped where a weight is no number, or too large for those rows; Error (memory,
/// told before).
std::shared_ptr<const Model> merged_model(const LearningModel& model);
/// The weight format of what merged_model computes with where something was learned: a file of it is read as
/// that model is.
std::string judged_type(const LearningModel& model);
/// Bytes that the rows of merged_model take.
std::size_t merged_bytes(const LearningModel& model);

}  // namespace rw
