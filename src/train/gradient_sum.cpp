// SPDX-License-Identifier: Apache-2.0
#include "train/gradient_sum.h"

#include "formats/tensor_name.h"

namespace rw {
GradientSum::GradientSum(const LearningModel& model, Ranks& ranks)
    : ranks_(ranks), of_layer_(model.layers.size()) {
  for (const Parameter& p : model.parameters) {
    const std::optional<NameInLayer> in = name_in_layer(p.name);
    const std::size_t layer = in ? static_cast<std::size_t>(in->layer) : of_layer_.size();
    std::vector<Range>& ranges = layer < of_layer_.size() ? of_layer_[layer] : rest_;
    if (!ranges.empty() && ranges.back().end == p.begin)
      ranges.back().end += p.n();
    else
      ranges.push_back({p.begin, p.begin + p.n()});
  }
}

void GradientSum::begin(std::span<float> gradient) {
  gradient_ = gradient, added_.assign(of_layer_.size(), false);
  on_the_way_.clear();
}

void GradientSum::start(const Range& range) {
  on_the_way_.push_back(ranks_.start_sum(gradient_.subspan(
      static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.end - range.begin))));
}

void GradientSum::add_layer(std::size_t layer) {
  if (ranks_.size() == 1) return;
  for (const Range& range : of_layer_[layer]) start(range);
  added_[layer] = true;
}

void GradientSum::finish() {
  if (ranks_.size() == 1) return;
  for (std::size_t layer = added_.size(); layer-- > 0;)
    if (!added_[layer]) add_layer(layer);
  for (const Range& range : rest_) start(range);
  for (const auto& transfer : on_the_way_) transfer->wait();
  on_the_way_.clear();
}

}  // namespace rw
