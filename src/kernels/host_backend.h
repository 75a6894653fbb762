// SPDX-License-Identifier: Apache-2.0
/// What backends have in common whose memory is the host's.
#pragma once
#include "kernels/kernels.h"

namespace rw {

class HostBackend : public Backend {
 public:
  std::shared_ptr<float> buffer(Index n) const override;
  std::shared_ptr<const float> upload(std::span<const float> numbers) const override;
  const float* on_host(const float* from, Index n, std::vector<float>& copy) const override;
  void copy(const float* from, Index n, float* to) const override;
  void embed(const WeightRows& embedding, std::span<const Token> tokens, float scale, const float* bias,
             float* y) const override;
  void rotate(float* x, Index n_rows, int n_heads, int head_dim, Index stride, Index first,
              const std::vector<double>& theta) const override;
  void join_heads(const float* shared, Index n_shared, const float* own, Index n_own, Index n_rows,
                  int n_heads, float* y) const override;
  void losses(const float* logits, Index n_vocab, std::span<const Token> targets,
              double* losses) const override;
};

}  // namespace rw
