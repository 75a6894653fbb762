// SPDX-License-Identifier: Apache-2.0
#include "kernels/host_backend.h"

#include <numeric>

#include "core/buffer.h"
#include "core/rotation.h"

namespace rw {

std::shared_ptr<float> HostBackend::buffer(Index n) const {
  const auto owner = std::make_shared<Buffer<float>>(n);
  return {owner, owner->data()};
}

std::shared_ptr<const float> HostBackend::upload(std::span<const float> numbers) const {
  std::shared_ptr<float> made = buffer(static_cast<Index>(numbers.size()));
  std::copy(numbers.begin(), numbers.end(), made.get());
  return made;
}

const float* HostBackend::on_host(const float* from, Index, std::vector<float>&) const { return from; }

void HostBackend::copy(const float* from, Index n, float* to) const { std::copy(from, from + n, to); }

void HostBackend::embed(const WeightRows& embedding, std::span<const Token> tokens, float scale,
                        const float* bias, float* y) const {
  for (const Token token : tokens) {
    embedding.format->dequantize(embedding.row(token), y, embedding.n_in);
    for (Index i = 0; scale != 1 && i < embedding.n_in; ++i) y[i] *= scale;
    for (Index i = 0; bias != nullptr && i < embedding.n_in; ++i) y[i] += bias[i];
    y += embedding.n_in;
  }
}

void HostBackend::rotate(float* x, Index n_rows, int n_heads, int head_dim, Index stride, Index first,
                         const std::vector<double>& theta) const {
  const std::size_t half = theta.size();
  RW_CHECK(2 * half <= static_cast<std::size_t>(head_dim));
  std::vector<double> positions(static_cast<std::size_t>(n_rows));
  std::iota(positions.begin(), positions.end(), static_cast<double>(first));
  RotationTable table;
  table.make(positions, theta, context().get());
  context()->parallel_for(n_rows, [&](Index row, int) {
    const std::size_t at = static_cast<std::size_t>(row) * half;
    for (int head = 0; head < n_heads; ++head) {
      float* pair = x + row * stride + Index{head} * head_dim;
      for (std::size_t m = at; m < at + half; ++m, pair += 2) {
        const float even = pair[0], odd = pair[1];
        pair[0] = even * table.cosine[m] - odd * table.sine[m];
        pair[1] = odd * table.cosine[m] + even * table.sine[m];
      }
    }
  });
}

void HostBackend::join_heads(const float* shared, Index n_shared, const float* own, Index n_own, Index n_rows,
                             int n_heads, float* y) const {
  context()->parallel_for(n_rows, [&](Index row, int) {
    for (Index head = row * n_heads; head < (row + 1) * n_heads; ++head) {
      float* to = y + head * (n_shared + n_own);
      std::copy_n(shared + row * n_shared, n_shared, to);
      std::copy_n(own + head * n_own, n_own, to + n_shared);
    }
  });
}

void HostBackend::losses(const float* logits, Index n_vocab, std::span<const Token> targets,
                         double* losses) const {
  log_sum_exp(logits, static_cast<Index>(targets.size()), n_vocab, losses);
  for (std::size_t row = 0; row < targets.size(); ++row, logits += n_vocab)
    losses[row] -= static_cast<double>(logits[targets[row]]);
}

}  // namespace rw
