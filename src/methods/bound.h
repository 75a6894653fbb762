// SPDX-License-Identifier: Apache-2.0
/// What a bound method holds: one of each factor, and the frequencies at one length.
#pragma once
#include "methods/method.h"

namespace rw {

struct Method::Bound {
  double root = 1;  ///< the scale of logits is 1 / root: sqrt(head_dim), or as the model says
  double soft_cap = 0;
  bool acts = true;
  Index n_both = 0;       ///< keys of every row in both directions; 0: each row sees those up to it
  bool by_class = false;  ///< the spec depends on the layer or the head
  FrequencyScaling scaling;
  double gain = 1;          ///< the distance map's part of the rotary gain
  Frequencies frequencies;  ///< scaling at the request's length, or as at_length said, times gain
  DistanceMap distance;
  Mask mask;
  LogitScale scale;
  std::string text;
};

}  // namespace rw
