// SPDX-License-Identifier: Apache-2.0
/// What is said of a model in results and beside them.
#pragma once
#include <string>

#include "model/model.h"
#include "results/record.h"

namespace rw {

/// What every record of a run says of it: all but command, tail and margin. `model_path`: as it was asked
/// for. Errors: Error for a model that cannot be read (its SHA-256 is taken).
RunInfo run_info(const Model& model, const std::string& model_path);

/// Why nothing is to be compared or chosen where methods act on no layer. REQUIRES: config.n_acting_layers()
/// == 0.
std::string no_acting_layers(const ModelConfig& config);
/// On how many layers methods act; empty where these are all.
std::string acting_layers_line(const ModelConfig& config);

}  // namespace rw
