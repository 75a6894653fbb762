// SPDX-License-Identifier: Apache-2.0
/// Products by their definition, for tests of who only asks for products: all else is refused.
#pragma once
#include "kernels/training.h"

namespace rw {

class OnlyProducts final : public Training<float> {
 public:
  explicit OnlyProducts(std::shared_ptr<Context> context) : context_(std::move(context)) {}
  const std::shared_ptr<Context>& context() const override { return context_; }
  void linear_weight(const float* dy, const float* x, Index n_rows, Index n_out, Index n_in, float scale,
                     float* dw) const override {
    for (Index o = 0; o < n_out; ++o)
      for (Index i = 0; i < n_in; ++i) {
        double sum = 0;
        for (Index r = 0; r < n_rows; ++r) sum += double{dy[r * n_out + o]} * x[r * n_in + i];
        dw[o * n_in + i] += static_cast<float>(scale * sum);
      }
  }
  void linear(const float*, Index, const Matrix&, const float*, float, bool, float*) const override { no(); }
  void linear_input(const float*, Index, const Matrix&, float, float*) const override { no(); }
  void sum_rows(const float*, Index, Index, float, float*) const override { no(); }
  void norm(const float*, Index, Index, const Norm&, float*) const override { no(); }
  void norm_backward(const float*, const float*, Index, Index, const Norm&, float*, float*,
                     float*) const override {
    no();
  }
  void activate(const float*, const float*, Index, Activation, float*) const override { no(); }
  void activate_backward(const float*, const float*, const float*, Index, Activation, float*,
                         float*) const override {
    no();
  }
  void soft_cap(float*, Index, float) const override { no(); }
  void soft_cap_backward(const float*, const float*, Index, float, float*) const override { no(); }
  void rotate(float*, Index, int, int, Index, Index, const std::vector<double>&, bool) const override {
    no();
  }
  void add_scaled(const float*, Index, float, float*) const override { no(); }
  void embed(const WeightRows&, std::span<const Token>, float, const float*, float*) const override { no(); }
  void embed_backward(std::span<const Token>, const float*, Index, float, float*, float*) const override {
    no();
  }
  void attention(std::span<const TrainingAttention<float>>) const override { no(); }
  void attention_backward(std::span<const TrainingAttention<float>>) const override { no(); }
  void convolve(const float*, std::span<const Index>, const Convolution&, float*) const override { no(); }
  void convolve_backward(const float*, const float*, std::span<const Index>, const Convolution&, float*,
                         float*, float*) const override {
    no();
  }
  void recur(const TrainingRecurrence<float>&, const Recurrence&) const override { no(); }
  void recur_backward(const TrainingRecurrence<float>&, const Recurrence&) const override { no(); }
  void cross_entropy(float*, Index, std::span<const Token>, const float*, double*) const override { no(); }

 private:
  [[noreturn]] static void no() { throw LogicError("products only"); }
  std::shared_ptr<Context> context_;
};

}  // namespace rw
