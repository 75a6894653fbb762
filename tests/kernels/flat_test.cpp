// SPDX-License-Identifier: Apache-2.0
/// A method with a window reads, keeps and pays the same at every position.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "kernels/kernels.h"
#include "methods/method.h"
#include "weights.h"

namespace rw {
namespace {

constexpr int kDim = 16;

class Sequence {
 public:
  explicit Sequence(const Backend& backend)
      : backend_(backend), kv_(backend.make_kv_layer(1, kDim)), numbers_(numbers(kStep * kDim, 1)) {
    RopeContext context;
    context.head_dim = context.rotary_dim = kDim;
    context.n_ctx_train = 512, context.n = Index{1} << 20;
    method_ = Method::bind(MethodSpec::parse("streaming-llm:sink=4,window=256"), context);
  }
  void read_to(Index end) {
    while (kv_->n_keys() < end) step(std::min(kStep, end - kv_->n_keys()));
  }
  /// Seconds of the fastest of some single steps.
  double token_time() {
    double best = 1;
    for (int i = 0; i < 300; ++i) {
      const auto start = std::chrono::steady_clock::now();
      step(1);
      best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
  }
  std::size_t bytes() const { return kv_->bytes(); }

 private:
  static constexpr Index kStep = 1024;
  void step(Index n) {
    const Index at = kv_->n_keys();
    method_->lower_keys(at, n, keys_);
    backend_.append(*kv_, numbers_.data(), numbers_.data(), keys_);
    method_->lower(at, n, plan_);
    const AttentionTask task{numbers_.data(), kv_.get(), &plan_, nullptr, out_.data()};
    backend_.attention({&task, 1}, 1);
    backend_.drop(*kv_, at + n);
  }
  const Backend& backend_;
  std::optional<Method> method_;
  std::unique_ptr<KvLayer> kv_;
  std::vector<float> numbers_, out_ = std::vector<float>(kStep * kDim);
  KeyPlan keys_;
  AttentionPlan plan_;
};

TEST(Window, ATokenCostsTheSameAtEveryPosition) {
  const auto backend = make_cpu_backend(Precision::kF32);
  backend->context()->set_threads(2);
  Sequence near(*backend), far(*backend);
  near.read_to(Index{1} << 13);
  far.read_to(Index{1} << 18);
  EXPECT_EQ(near.bytes(), far.bytes());
  const double near_time = near.token_time(), far_time = far.token_time();
  std::printf("a token at 8,192: %.1f us, at 262,144: %.1f us\n", near_time * 1e6, far_time * 1e6);
  // It was 15 times as much when every step passed all blocks and ranges before the window.
  EXPECT_LT(far_time, 3 * near_time) << near_time << " s, " << far_time << " s";
}

}  // namespace
}  // namespace rw
