// SPDX-License-Identifier: Apache-2.0
/// The sum of all ranks' gradients, layer by layer: what a layer gives is on its way while the layers below
/// it are computed.
#pragma once
#include <vector>

#include "core/ranks.h"
#include "train/parameters.h"

namespace rw {

class GradientSum {
 public:
  GradientSum(const LearningModel& model, Ranks& ranks);
  /// All, of a new gradient.
  void begin(std::span<float> gradient);
  /// All, in the same order: this layer's part is whole here.
  void add_layer(std::size_t layer);
  /// All: the rest too, and all of it is the sum.
  void finish();

 private:
  struct Range {
    Index begin = 0, end = 0;
  };
  void start(const Range& range);
  Ranks& ranks_;
  std::vector<std::vector<Range>> of_layer_;  // where the parameters of each lie
  std::vector<Range> rest_;
  std::span<float> gradient_;
  std::vector<bool> added_;  // (layers)
  std::vector<std::unique_ptr<Ranks::Transfer>> on_the_way_;
};

}  // namespace rw
