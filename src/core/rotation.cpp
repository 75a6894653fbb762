// SPDX-License-Identifier: Apache-2.0
#include "core/rotation.h"

#include <algorithm>
#include <cmath>

#include "core/context.h"

namespace rw {

void RotationTable::make(const std::vector<double>& positions, const std::vector<double>& theta,
                         Context* context) {
  cosine.resize(positions.size() * theta.size());
  sine.resize(cosine.size());
  constexpr std::size_t kBatch = 64;
  const std::size_t half = theta.size(), n_batches = (positions.size() + kBatch - 1) / kBatch;
  const auto make_batch = [&](Index batch, int) {
    const std::size_t begin = static_cast<std::size_t>(batch) * kBatch;
    for (std::size_t p = begin; p < std::min(begin + kBatch, positions.size()); ++p) {
      for (std::size_t m = 0; m < half; ++m) {
        const double angle = positions[p] * theta[m];
        cosine[p * half + m] = static_cast<float>(std::cos(angle));
        sine[p * half + m] = static_cast<float>(std::sin(angle));
      }
    }
  };
  if (context != nullptr) return context->parallel_for(static_cast<Index>(n_batches), make_batch);
  for (std::size_t batch = 0; batch < n_batches; ++batch) make_batch(static_cast<Index>(batch), 0);
}

}  // namespace rw
