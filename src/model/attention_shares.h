// SPDX-License-Identifier: Apache-2.0
/// How much of each layer's attention falls on the first tokens: anchor and recycle bin made visible. A
/// backend around another one: beside the values it keeps, for each layer, values that say which token they
/// are of, and attends to those too, so the shares are those of the very kernels and plans in use.
#pragma once
#include <memory>
#include <vector>

#include "kernels/kernels.h"

namespace rw {

struct AttentionShares {
  Index n_first = 4;    ///< the first so many tokens
  Index row_begin = 0;  ///< rows before this position are not counted
  struct Layer {
    double first_token = 0, first_tokens = 0;  ///< sums of shares over rows and heads
    double rows = 0;                           ///< rows times heads
    double even = 0;  ///< sum of what the first tokens would have if all visible ones had the same
  };
  std::vector<Layer> layers;
};

/// As `inner`, and adds to `shares` (which outlives the backend) at each attention call. For one session, of
/// `n_layers` layers. Half as fast. REQUIRES: head_dim >= 2.
std::shared_ptr<const Backend> count_attention(std::shared_ptr<const Backend> inner, int n_layers,
                                               AttentionShares& shares);

}  // namespace rw
