// SPDX-License-Identifier: Apache-2.0
/// What `ropewalk inspect` says of layers that differ: one entry for each class of equal attention.
#pragma once
#include "core/json.h"
#include "model/config.h"

namespace ropewalk::cli {

/// [{layers: "0-4, 6", sliding_window, rope_base, rotary_dim, own_scaling, methods_act}], in the order in
/// which the classes come; layers count from 0.
Json layer_classes(const ModelConfig& config);
/// One of them as one line.
std::string layer_class_line(const Json& layer_class);
/// "pi:factor=8", "rope_freqs" or "none".
std::string own_scaling_of(const RopeSpec& rope);

}  // namespace ropewalk::cli
