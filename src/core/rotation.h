// SPDX-License-Identifier: Apache-2.0
/// cos and sin of position * theta: angles in double, results rounded once to float.
#pragma once
#include <vector>

namespace rw {

class Context;

struct RotationTable {
  RotationTable() = default;
  /// positions (n), in tokens; theta (rotary_dim / 2), rad per token.
  RotationTable(const std::vector<double>& positions, const std::vector<double>& theta) {
    make(positions, theta);
  }
  /// The same in a table that was used before, on the context's threads where one is given.
  void make(const std::vector<double>& positions, const std::vector<double>& theta,
            Context* context = nullptr);
  std::vector<float> cosine, sine;  // (n, rotary_dim / 2)
};

}  // namespace rw
