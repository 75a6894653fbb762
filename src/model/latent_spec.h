// SPDX-License-Identifier: Apache-2.0
/// Multi-head latent attention (MLA), as data: model/latent.h says what it computes.
#pragma once
#include "core/types.h"

namespace rw {

/// The rows of `rotary_dim` dims stand behind the others in the file, of each head's queries and of the
/// shared key; they are put first when they are loaded, as in every other layer.
struct LatentSpec {
  Index kv_rank = 0;         ///< of what keys and values are made of; 0: no latents
  Index q_rank = 0;          ///< of what queries are made of; 0: they are made of x
  bool split = false;        ///< the file holds attn_k_b, turned, and attn_v_b in place of attn_kv_b
  bool interleaved = false;  ///< it pairs rotated dims (2m, 2m + 1)
  bool operator==(const LatentSpec&) const = default;

  bool any() const { return kv_rank > 0; }
};

}  // namespace rw
