// SPDX-License-Identifier: Apache-2.0
/// What `ropewalk inspect` says of layers that differ: one entry for each class of equal attention and d_ff.
#pragma once
#include "core/json.h"
#include "formats/model_file.h"
#include "model/config.h"

namespace rw::cli {

/// The size that all layers have, a number; where they differ all that there are, from the smallest on. A
/// layer without the part (0) counts only where no layer has it.
Json sizes_of(const ModelConfig& config, Index (*size)(const LayerSpec& layer));
/// {n_experts, n_used, d_ff, shared_d_ff, gating, layers: how many have them}, of the first layer with
/// experts; empty where there is none.
Json experts_of(const ModelConfig& config);
/// "8 of 128, of d_ff 768, for each row by a softmax, in 48 layers".
std::string experts_line(const Json& experts);
/// [{layers: "0-4, 6", n_heads, n_kv_heads, head_dim, d_ff, sliding_window, rope_base, rotary_dim,
/// own_scaling, methods_act}], in the order in which the classes come; layers count from 0.
Json layer_classes(const ModelConfig& config);
/// One of them as one line. `sizes`: the names of those that it tells.
std::string layer_class_line(const Json& layer_class, const std::vector<std::string>& sizes);
/// "0-4, 6": the layers of which the file has a tensor; empty: none.
std::string layers_there(const ModelFile& file);
/// In which sizes the classes differ.
std::vector<std::string> differing_sizes(const Json& classes);
/// "pi:factor=8", "rope_freqs" or "none".
std::string own_scaling_of(const RopeSpec& rope);

}  // namespace rw::cli
