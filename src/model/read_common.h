// SPDX-License-Identifier: Apache-2.0
/// What all Llama-like families have in common: the numbers, the refusals and the model's own scaling.
#pragma once
#include "model/config.h"

namespace ropewalk {

/// Fills everything but the family's flags; refuses what the forward does not compute (mixture of experts,
/// MLA, M-RoPE, soft-capping), naming it. Errors: Error for a missing, zero or absurd number.
ModelConfig read_common(const ModelFile& file);

/// Of families whose attention may have biases: on q, k, v and the output, all or none, as the file has them.
/// Errors: Error where a config.json says otherwise (attention_bias).
void read_attention_bias(const ModelFile& file, ModelConfig& config);

/// Errors: Error that names what the forward does not compute, by the keys under `arch`.
void refuse_unsupported(const ModelFile& file, const std::string& arch);

}  // namespace ropewalk
