// SPDX-License-Identifier: Apache-2.0
/// One layer while rows go through it, for the files that compute its parts.
#pragma once
#include <array>

#include "model/forward.h"
#include "model/weight_pager.h"

namespace rw {

/// One layer of a pass.
struct LayerPass {
  const Backend& backend;
  const LayerSpec& spec;
  const LayerWeights& w;
  std::size_t index;
  bool last;  ///< the last one that keeps something for later rows, or one behind it: wanted rows alone
  bool first_of_last;
  std::span<const Piece> pieces;
  const WeightPager::Held& held;  ///< its weights
};

/// outputs (+)= W x for the rows that are read and for those that were written, each with its own products.
inline void linear(const Backend& backend, const Rows& rows, Input input,
                   std::initializer_list<Output> outputs) {
  std::array<Output, 4> part;
  Index begin = 0;
  for (const auto& [stage, n] :
       {std::pair{Stage::kPrefill, rows.n_read}, std::pair{Stage::kDecode, rows.n_written}}) {
    if (n > 0) {
      std::copy(outputs.begin(), outputs.end(), part.begin());
      for (Output& output : part)
        if (output.w != nullptr) output.y += begin * output.w->n_out;
      Input some = input;
      some.x += begin * outputs.begin()->w->n_in, some.n_rows = n;
      backend.linear(some, {part.data(), outputs.size()}, stage);
    }
    begin += n;
  }
}

inline Norm norm_of(const LayerSpec& spec, const NormWeights& w) {
  return {.kind = spec.norm, .weight = w.weight.get(), .bias = w.bias.get(), .eps = spec.norm_eps};
}

}  // namespace rw
