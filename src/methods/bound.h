// SPDX-License-Identifier: Apache-2.0
/// What a bound method holds: one of each factor, and the frequencies at one length.
#pragma once
#include "methods/method.h"

namespace ropewalk {

struct Method::Bound {
  int head_dim = 0;
  FrequencyScaling scaling;
  double gain = 1;          ///< the distance map's part of the rotary gain
  Frequencies frequencies;  ///< scaling at the request's length, or as at_length said, times gain
  DistanceMap distance;
  Mask mask;
  LogitScale scale;
  std::string text;
};

}  // namespace ropewalk
