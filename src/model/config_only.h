// SPDX-License-Identifier: Apache-2.0
/// What a config.json says of a model whose weights somebody else holds (PyTorch).
#pragma once
#include <string_view>
#include <vector>

#include "model/config.h"

namespace rw {

/// The config of a Hugging Face model of which there is no file. `attends`: which of its layers have
/// attention; empty: all. Numbers, windows and positions of layers are as in read_config; what tensors alone
/// tell (biases, norms, the parts of experts) is not there. Errors: Error as read_config, and where `attends`
/// has another number of layers.
ModelConfig read_config_only(std::string_view config_json, const std::vector<bool>& attends);

}  // namespace rw
