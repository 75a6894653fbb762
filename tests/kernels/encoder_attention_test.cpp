// SPDX-License-Identifier: Apache-2.0
/// Plans of encoders, whose rows see keys on both sides, and of layers without positions: the kernels of the
/// instruction set in force against the definition, for every method that has a form there.
#include <gtest/gtest.h>

#include "kernels/kernels.h"
#include "methods/method.h"
#include "weights.h"

namespace rw {
namespace {

struct Heads {
  int n_kv_heads, group, head_dim;
  Index n;
};

/// All keys first, as an encoder's layer has them; then the rows in steps.
std::vector<float> attend_both_sides(const Backend& backend, const Method& method, const Heads& h,
                                     Index step) {
  const int n_heads = h.n_kv_heads * h.group;
  const Index kv_width = Index{h.n_kv_heads} * h.head_dim, q_width = Index{n_heads} * h.head_dim;
  const auto k = numbers(h.n * kv_width, 1), v = numbers(h.n * kv_width, 2), q = numbers(h.n * q_width, 3);
  std::vector<float> out(q.size());
  const auto kv = backend.make_kv_layer(h.n_kv_heads, h.head_dim);
  backend.append(*kv, k.data(), v.data(), method.lower_keys(0, h.n));
  const Pointwise pointwise = method.pointwise();
  for (Index at = 0; at < h.n; at += step) {
    const AttentionPlan plan = method.lower(at, std::min(step, h.n - at));
    const AttentionTask task{q.data() + at * q_width, kv.get(), &plan, &pointwise, out.data() + at * q_width};
    backend.attention({&task, 1}, n_heads);
  }
  return out;
}

RopeContext encoder(const Heads& h, bool positions = true) {
  RopeContext context;
  context.head_dim = h.head_dim, context.rotary_dim = positions ? h.head_dim : 0;
  context.n_ctx_train = context.n_ctx_original = 64, context.n = h.n;
  context.bidirectional = true;
  return context;
}

double largest_difference_of(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b.at(i))));
  return largest;
}

TEST(EncoderAttention, EqualsTheDefinition) {
  const auto reference = make_reference_backend();
  const auto f32 = make_cpu_backend(Precision::kF32), bf16 = make_cpu_backend(Precision::kBf16);
  for (const char* spec : {"none", "yarn", "rerope:window=20", "leaky-rerope:window=16,factor=8+logn",
                           "self-extend:window=16,group=4", "jet-long:window=20", "string:offset=20,local=5",
                           "lampe:head=9,tail=70,positions=90", "adagrope:positions=200,share=0.5",
                           "window:window=30", "lambda:sink=5,window=40", "lm-infinite:sink=3,window=30",
                           "rerope:window=20+lambda:sink=5,window=90", "cope"})
    for (const Heads& h :
         {Heads{2, 3, 64, 200}, Heads{1, 1, 16, 1}, Heads{3, 1, 32, 130}, Heads{1, 12, 64, 65}}) {
      SCOPED_TRACE(fmt::format("{}, head_dim {}, n {}", spec, h.head_dim, h.n));
      const Method method = Method::bind(MethodSpec::parse(spec), encoder(h));
      const auto expected = attend_both_sides(*reference, method, h, h.n);
      const auto whole = attend_both_sides(*f32, method, h, h.n);
      // The bounds of kernel_test.cpp.
      EXPECT_LT(largest_difference_of(whole, expected), 1e-4);
      EXPECT_LT(relative_error(attend_both_sides(*bf16, method, h, h.n), expected), 0.005);
      EXPECT_EQ(attend_both_sides(*f32, method, h, 37), whole);
    }
}

TEST(EncoderAttention, WithoutPositionsEqualsTheDefinition) {
  const auto reference = make_reference_backend();
  const auto f32 = make_cpu_backend(Precision::kF32), bf16 = make_cpu_backend(Precision::kBf16),
             q8 = make_cpu_backend(Precision::kBf16, KvType::kQ8);
  const Heads h{2, 3, 64, 150};
  for (const bool both : {true, false}) {
    RopeContext context = encoder(h, false);
    context.bidirectional = both;
    const Method method = Method::bind(MethodSpec::parse("yarn+rerope:window=9"), context);
    const auto expected = attend_both_sides(*reference, method, h, h.n);
    EXPECT_LT(largest_difference_of(attend_both_sides(*f32, method, h, h.n), expected), 1e-4);
    EXPECT_LT(relative_error(attend_both_sides(*bf16, method, h, h.n), expected), 0.005);
    EXPECT_LT(relative_error(attend_both_sides(*q8, method, h, h.n), expected), 0.016);
  }
}

}  // namespace
}  // namespace rw
