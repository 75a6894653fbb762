// SPDX-License-Identifier: Apache-2.0
/// A model's own scaling of its frequencies, as a method spec.
#pragma once
#include "model/config.h"
#include "model/keys.h"

namespace ropewalk {

/// Fills what `rope` says of scaling, and config.n_ctx_original. `yarn_truncates`: whether YaRN's ramp begins
/// and ends at whole dims where the file does not say. REQUIRES: n_ctx_train, and base and rotary_dim of
/// `rope`. Errors: Error for a scaling that is not known, or numbers that cannot be.
void read_own_scaling(const Keys& keys, bool yarn_truncates, ModelConfig& config, RopeSpec& rope);

/// Pairs that never turn: their number where a config.json says it, else the divisors of rope_freqs.weight,
/// which are 1 and then 1e30. Errors: Error for others, or where neither is there.
void read_turning_pairs(const ModelFile& file, RopeSpec& rope);

}  // namespace ropewalk
