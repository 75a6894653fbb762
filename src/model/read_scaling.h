// SPDX-License-Identifier: Apache-2.0
/// A model's own scaling of its frequencies, as a method spec.
#pragma once
#include "model/config.h"
#include "model/keys.h"

namespace rw {

/// YaRN in a family.
struct YarnOf {
  bool truncates = true;  ///< whether its ramp begins and ends at whole dims where the file does not say
  bool latent = false;    ///< multi-head latent attention: its temperature is that of all dims
};

/// Fills what `a.rope` says of scaling, a.scale where that follows from it, and config.n_ctx_original.
/// REQUIRES: n_ctx_train, and head_dim, base and rotary_dim of `a`. Errors: Error for a scaling that is not
/// known, or numbers that cannot be.
void read_own_scaling(const Keys& keys, const YarnOf& yarn, ModelConfig& config, AttentionSpec& a);

/// Pairs that never turn: their number where a config.json says it, else the divisors of rope_freqs.weight,
/// which are 1 and then 1e30. Errors: Error for others, or where neither is there.
void read_turning_pairs(const ModelFile& file, RopeSpec& rope);

}  // namespace rw
