// SPDX-License-Identifier: Apache-2.0
#include "kernels/host_backend.h"

#include "core/buffer.h"

namespace ropewalk {

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
                        float* y) const {
  for (const Token token : tokens) {
    embedding.format->dequantize(embedding.rows[static_cast<std::size_t>(token)], y, embedding.n_in);
    for (Index i = 0; scale != 1 && i < embedding.n_in; ++i) y[i] *= scale;
    y += embedding.n_in;
  }
}

void HostBackend::losses(const float* logits, Index n_vocab, std::span<const Token> targets,
                         double* losses) const {
  log_sum_exp(logits, static_cast<Index>(targets.size()), n_vocab, losses);
  for (std::size_t row = 0; row < targets.size(); ++row, logits += n_vocab)
    losses[row] -= static_cast<double>(logits[targets[row]]);
}

}  // namespace ropewalk
