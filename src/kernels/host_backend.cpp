// SPDX-License-Identifier: Apache-2.0
#include "kernels/host_backend.h"

#include <cmath>

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

void HostBackend::embed(const WeightRows& embedding, std::span<const Token> tokens, float* y) const {
  for (const Token token : tokens) {
    embedding.format->dequantize(embedding.rows[static_cast<std::size_t>(token)], y, embedding.n_in);
    y += embedding.n_in;
  }
}

void HostBackend::losses(const float* logits, Index n_vocab, std::span<const Token> targets,
                         double* losses) const {
  log_sum_exp(logits, static_cast<Index>(targets.size()), n_vocab, losses);
  for (std::size_t row = 0; row < targets.size(); ++row, logits += n_vocab)
    losses[row] -= static_cast<double>(logits[targets[row]]);
}

void HostBackend::greatest(const float* logits, Index n_rows, Index n_vocab, Index n_choices,
                           Token* tokens) const {
  for (Index row = 0; row < n_rows; ++row, logits += n_vocab) {
    Index best = 0;
    bool numbers = true;
    for (Index i = 0; i < n_choices; ++i) {
      numbers = numbers && !std::isnan(logits[i]);
      if (logits[i] > logits[best]) best = i;
    }
    tokens[row] = numbers ? static_cast<Token>(best) : kNoToken;
  }
}

}  // namespace ropewalk
