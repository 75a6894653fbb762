// SPDX-License-Identifier: Apache-2.0
/// Norms, activations, caps, rotations and cross-entropy of training, of the instruction set in force against
/// the definition.
#include <gtest/gtest.h>

#include "training_pair.h"

namespace rw {
namespace {

TEST(TrainingRows, NormsEqualTheDefinition) {
  for (const NormKind kind : {NormKind::kRms, NormKind::kLayer})
    for (const Index dim : {1, 5, 16, 64, 100, 576})
      for (const Index n_weights : {1, 3})
        for (const bool weighted : {true, false}) {
          if (kind == NormKind::kLayer && dim == 1) continue;  // all is 0
          SCOPED_TRACE(fmt::format("kind {}, dim {}, {} weights {}", static_cast<int>(kind), dim, n_weights,
                                   weighted));
          const Index n_rows = 201;
          const auto weight = numbers(n_weights * dim, 1), bias = numbers(n_weights * dim, 2);
          Both x(n_rows * dim, 3), dy(n_rows * dim, 4), y(n_rows * dim, 5), dx(n_rows * dim, 6),
              dw(n_weights * dim, 7), db(n_weights * dim, 8);
          const Norm norm{kind, weighted ? weight.data() : nullptr, weighted ? bias.data() : nullptr, 0.01f,
                          n_weights};
          training_definition().norm(x.d.data(), n_rows, dim, norm, y.d.data());
          training_under_test().norm(x.f.data(), n_rows, dim, norm, y.f.data());
          EXPECT_LT(y.error(), kF32Error);
          training_definition().norm_backward(x.d.data(), dy.d.data(), n_rows, dim, norm, dx.d.data(),
                                              weighted ? dw.d.data() : nullptr,
                                              weighted ? db.d.data() : nullptr);
          training_under_test().norm_backward(x.f.data(), dy.f.data(), n_rows, dim, norm, dx.f.data(),
                                              weighted ? dw.f.data() : nullptr,
                                              weighted ? db.f.data() : nullptr);
          EXPECT_LT(dx.error(), kF32Error);
          EXPECT_LT(dw.error(), kF32Error);
          EXPECT_LT(db.error(), kF32Error);
        }
}

TEST(TrainingRows, BitsOfNormsDoNotDependOnThreads) {
  const Index n_rows = 1000, dim = 100;
  const auto x = numbers(n_rows * dim, 1), dy = numbers(n_rows * dim, 2);
  std::vector<float> first;
  for (const int threads : {1, 2, 5}) {
    std::vector<float> all(static_cast<std::size_t>((n_rows + 2) * dim));
    make_cpu_training(context_of(threads))
        ->norm_backward(x.data(), dy.data(), n_rows, dim, {}, all.data(), all.data() + n_rows * dim,
                        all.data() + (n_rows + 1) * dim);
    if (first.empty()) first = all;
    EXPECT_EQ(all, first) << threads;
  }
}

/// From where an activation is 0 or x to where it bends.
std::vector<float> all_magnitudes(Index n, unsigned seed) {
  std::vector<float> x = numbers(n, seed);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= i % 7 == 0 ? 30.0f : i % 3 == 0 ? 4.0f : 1.0f;
  return x;
}

TEST(TrainingRows, ActivationsEqualTheDefinition) {
  for (const Index n : {40, 20007})
    for (int a = 0; a < kTrainedActivations; ++a) {
      SCOPED_TRACE(fmt::format("activation {}, n {}", a, n));
      const auto activation = static_cast<Activation>(a);
      Both gate(all_magnitudes(n, 1)), up(all_magnitudes(n, 2)), dh(n, 3), h(n, 4), d_gate(n, 5), d_up(n, 6);
      for (const bool gated : {true, false}) {
        const auto run = [&]<class T>(const Training<T>& training) {
          const T* of = gated ? gate.data<T>() : nullptr;
          training.activate(of, up.data<T>(), n, activation, h.data<T>());
          training.activate_backward(of, up.data<T>(), dh.data<T>(), n, activation,
                                     gated ? d_gate.data<T>() : nullptr, d_up.data<T>());
        };
        run(training_definition()), run(training_under_test());
        // An activation's own error (2e-7) where all other numbers are small.
        EXPECT_LT(h.error(), kF32Error);
        EXPECT_LT(d_gate.error(), gated ? kF32Error : INFINITY);
        EXPECT_LT(d_up.error(), kF32Error);
        for (std::size_t i = 0; i < d_up.f.size(); ++i) {
          const double size = std::abs(dh.d[i] * (gated ? up.d[i] : 1));
          if (gated) {
            ASSERT_NEAR(d_gate.f[i], d_gate.d[i], 2e-6 * (std::abs(d_gate.d[i]) + size)) << gate.d[i];
          } else {
            ASSERT_NEAR(d_up.f[i], d_up.d[i], 2e-6 * (std::abs(d_up.d[i]) + size)) << up.d[i];
          }
        }
      }
    }
}

TEST(TrainingRows, ActivationsMayWriteWhereTheyRead) {
  const Index n = 100;
  const auto gate = numbers(n, 1), up = numbers(n, 2), dh = numbers(n, 3);
  std::vector<float> d_gate(gate.size()), d_up(gate.size()), apart(gate.size());
  const Training<float>& t = training_under_test();
  t.activate_backward(gate.data(), up.data(), dh.data(), n, Activation::kSilu, d_gate.data(), d_up.data());
  std::vector<float> in_place = dh;
  t.activate_backward(gate.data(), up.data(), in_place.data(), n, Activation::kSilu, in_place.data(),
                      apart.data());
  EXPECT_EQ(in_place, d_gate);
  EXPECT_EQ(apart, d_up);
  in_place = dh;
  t.activate_backward(gate.data(), up.data(), in_place.data(), n, Activation::kSilu, apart.data(),
                      in_place.data());
  EXPECT_EQ(in_place, d_up);
}

TEST(TrainingRows, CapsScalesAndRotationsEqualTheDefinition) {
  const Index n = 10007, n_rows = 5, stride = 40;
  const std::vector<double> theta = {0.7, 0.03, 1};
  Both x(n, 1, 3), dy(n, 2), dx(n, 3), sum(n, 4), rows(n_rows * stride, 5), back(n_rows * stride, 6);
  const auto run = [&]<class T>(const Training<T>& t) {
    t.add_scaled(dy.data<T>(), n, 0.75f, sum.data<T>());
    t.soft_cap(x.data<T>(), n, 2.5f);
    t.soft_cap_backward(x.data<T>(), dy.data<T>(), n, 2.5f, dx.data<T>());
    t.rotate(rows.data<T>(), n_rows, 3, 10, stride, 7, theta, false);
    t.rotate(back.data<T>(), n_rows, 3, 10, stride, 7, theta, true);
  };
  run(training_definition()), run(training_under_test());
  EXPECT_LT(x.error(), kF32Error);
  EXPECT_LT(dx.error(), kF32Error);
  EXPECT_LT(sum.error(), kF32Error);
  EXPECT_LT(rows.error(), kF32Error);
  EXPECT_LT(back.error(), kF32Error);
}

TEST(TrainingRows, CrossEntropyEqualsTheDefinition) {
  for (const Index n_vocab : {1, 9, 64, 49152}) {
    const auto last = static_cast<Token>(n_vocab - 1);
    const std::vector<Token> targets = {last, kNoToken, 0, last / 2};
    Both weights(std::vector<float>{1, 1, 0.5f, -2}), logits(4 * n_vocab, 1, 3);
    std::vector<double> losses(4), expected(4);
    training_definition().cross_entropy(logits.d.data(), n_vocab, targets, weights.d.data(), expected.data());
    training_under_test().cross_entropy(logits.f.data(), n_vocab, targets, weights.f.data(), losses.data());
    for (std::size_t r = 0; r < 4; ++r) EXPECT_NEAR(losses[r], expected[r], 2e-6 * (1 + expected[r]));
    if (n_vocab > 1) {
      EXPECT_LT(logits.error(), kF32Error) << n_vocab;
    }
    for (Index i = n_vocab; i < 2 * n_vocab; ++i) EXPECT_EQ(logits.f[static_cast<std::size_t>(i)], 0);
  }
}

/// What is no number shows in the loss, and stops a training there.
TEST(TrainingRows, CrossEntropyOfNoNumber) {
  std::vector<float> logits = {1, NAN, 2};
  const std::vector<Token> targets = {0};
  const float weight = 1;
  double loss = 0;
  training_under_test().cross_entropy(logits.data(), 3, targets, &weight, &loss);
  EXPECT_TRUE(std::isnan(loss));
  for (const float d : logits) EXPECT_TRUE(std::isnan(d));
}

}  // namespace
}  // namespace rw
