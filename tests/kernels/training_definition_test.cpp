// SPDX-License-Identifier: Apache-2.0
/// Every operation of training but attention by its definition: its forward is the one that inference has,
/// and its backward agrees with finite differences of its forward.
#include "training_test_util.h"

namespace rw {
namespace {

/// Far enough from 0 that no step crosses it, where ReLU has no derivative.
std::vector<double> not_near_0(Index n, unsigned seed) {
  std::vector<double> x = doubles(n, seed);
  for (double& v : x) v += v < 0 ? -0.01 : 0.01;
  return x;
}

// Loss = sum of d_y y throughout, so that dy = d_y.

TEST(TrainingDefinition, LinearInEveryArgument) {
  const Index n_rows = 5, n_in = 7, n_out = 6;
  std::vector<float> w = on_grid(n_out * n_in, 1, 1), bias = on_grid(n_out, 2, 1);
  std::vector<double> x = doubles(n_rows * n_in, 3);
  const std::vector<double> dy = doubles(n_rows * n_out, 4), before = doubles(n_rows * n_out, 5);
  const auto backend = make_reference_backend();
  const float scale = 0.75f;
  for (const bool add : {false, true}) {
    const auto loss = [&] {
      const TestWeights rows(w, n_out, n_in);
      const auto matrix = backend->make_matrix(rows.rows());
      std::vector<double> y = before;
      definition().linear(x.data(), n_rows, *matrix, bias.data(), scale, add, y.data());
      return dot(dy, y);
    };
    const TestWeights rows(w, n_out, n_in);
    const auto matrix = backend->make_matrix(rows.rows());
    std::vector<double> dx = zeros(n_rows * n_in), dw = zeros(n_out * n_in), db = zeros(n_out);
    definition().linear_input(dy.data(), n_rows, *matrix, scale, dx.data());
    definition().linear_weight(dy.data(), x.data(), n_rows, n_out, n_in, scale, dw.data());
    definition().sum_rows(dy.data(), n_rows, n_out, scale, db.data());
    expect_gradient("x", x, dx, loss);
    expect_gradient("w", w, dw, loss);
    expect_gradient("bias", bias, db, loss);
  }
}

TEST(TrainingDefinition, LinearOfStoredFormatsIsThatOfTheirNumbers) {
  const Index n_rows = 3, n_in = 256, n_out = 4;
  const auto backend = make_reference_backend();
  const std::vector<double> x = doubles(n_rows * n_in, 1), dy = doubles(n_rows * n_out, 2);
  for (const WeightFormat& format : Registry<WeightFormat>::all()) {
    const TestWeights stored(format, n_out, n_in, 3);
    const TestWeights expanded(stored.values(), n_out, n_in);
    std::vector<double> y[2], dx[2];
    for (int i = 0; i < 2; ++i) {
      const auto matrix = backend->make_matrix((i == 0 ? stored : expanded).rows());
      y[i] = zeros(n_rows * n_out), dx[i] = zeros(n_rows * n_in);
      definition().linear(x.data(), n_rows, *matrix, nullptr, 1, false, y[i].data());
      definition().linear_input(dy.data(), n_rows, *matrix, 1, dx[i].data());
    }
    EXPECT_EQ(y[0], y[1]) << format.name;
    EXPECT_EQ(dx[0], dx[1]) << format.name;
  }
}

TEST(TrainingDefinition, GradientsAreAddedToWhatStandsThere) {
  const Index n = 6;
  const std::vector<double> x = doubles(n, 1), dy = doubles(n, 2);
  std::vector<double> once = zeros(n), twice = zeros(n);
  const Norm norm{};
  definition().norm_backward(x.data(), dy.data(), 1, n, norm, once.data(), nullptr, nullptr);
  for (int i = 0; i < 2; ++i)
    definition().norm_backward(x.data(), dy.data(), 1, n, norm, twice.data(), nullptr, nullptr);
  for (std::size_t i = 0; i < once.size(); ++i) EXPECT_EQ(twice[i], 2 * once[i]);
}

TEST(TrainingDefinition, NormsOfEveryKind) {
  const Index n_rows = 6, dim = 5;
  const auto backend = make_reference_backend();
  for (const NormKind kind : {NormKind::kRms, NormKind::kLayer})
    for (const Index n_weights : {Index{1}, Index{3}})
      for (const bool weighted : {true, false}) {
        std::vector<float> weight = on_grid(n_weights * dim, 1, 0.5f, 1),
                           bias = on_grid(n_weights * dim, 2, 1);
        std::vector<double> x = doubles(n_rows * dim, 3);
        const std::vector<double> dy = doubles(n_rows * dim, 4);
        const Norm norm{kind, weighted ? weight.data() : nullptr, weighted ? bias.data() : nullptr, 0.01f,
                        n_weights};
        const auto run = [&] {
          std::vector<double> y = zeros(n_rows * dim);
          definition().norm(x.data(), n_rows, dim, norm, y.data());
          return y;
        };
        const auto loss = [&] { return dot(dy, run()); };
        std::vector<double> dx = zeros(n_rows * dim), dw = zeros(n_weights * dim), db = dw;
        definition().norm_backward(x.data(), dy.data(), n_rows, dim, norm, dx.data(),
                                   weighted ? dw.data() : nullptr, weighted ? db.data() : nullptr);
        expect_gradient("x", x, dx, loss);
        if (weighted) expect_gradient("weight", weight, dw, loss);
        if (weighted) expect_gradient("bias", bias, db, loss);
        std::vector<float> inference(x.size());
        backend->norm(floats(x).data(), n_rows, dim, norm, inference.data());
        EXPECT_LT(relative_error(floats(run()), inference), 1e-7);
      }
}

TEST(TrainingDefinition, EveryActivation) {
  const Index n = 50;
  const auto backend = make_reference_backend();
  for (int a = 0; a < kTrainedActivations; ++a) {
    SCOPED_TRACE(a);
    const auto activation = static_cast<Activation>(a);
    std::vector<double> gate = not_near_0(n, 1), up = not_near_0(n, 2);
    const std::vector<double> dh = doubles(n, 3);
    for (const bool gated : {true, false}) {
      const auto loss = [&] {
        std::vector<double> h = zeros(n);
        definition().activate(gated ? gate.data() : nullptr, up.data(), n, activation, h.data());
        return dot(dh, h);
      };
      std::vector<double> d_gate = zeros(n), d_up = dh;  // d_up may be dh
      definition().activate_backward(gated ? gate.data() : nullptr, up.data(), d_up.data(), n, activation,
                                     gated ? d_gate.data() : nullptr, d_up.data());
      if (gated) expect_gradient("gate", gate, d_gate, loss);
      expect_gradient("up", up, d_up, loss);
      d_gate = dh;  // d_gate may be dh
      std::vector<double> apart = zeros(n);
      if (gated) {
        definition().activate_backward(gate.data(), up.data(), d_gate.data(), n, activation, d_gate.data(),
                                       apart.data());
        EXPECT_EQ(apart, d_up);
      }
    }
    std::vector<float> inference = floats(up);
    std::vector<double> h = zeros(n);
    backend->activate(inference.data(), nullptr, n, activation);
    definition().activate(nullptr, up.data(), n, activation, h.data());
    EXPECT_LT(relative_error(floats(h), inference), 1e-7);
  }
}

TEST(TrainingDefinition, SoftCap) {
  const Index n = 40;
  std::vector<double> x = doubles(n, 1, 3);
  const std::vector<double> dy = doubles(n, 2);
  const auto run = [&] {
    std::vector<double> y = x;
    definition().soft_cap(y.data(), n, 2.5f);
    return y;
  };
  std::vector<double> dx = dy;  // dx may be dy
  definition().soft_cap_backward(run().data(), dx.data(), n, 2.5f, dx.data());
  expect_gradient("x", x, dx, [&] { return dot(dy, run()); });
}

TEST(TrainingDefinition, RotationAndItsWayBack) {
  const Index n_rows = 5, n_heads = 2, head_dim = 6, stride = 14;
  const std::vector<double> theta = {0.7, 0.03};
  std::vector<double> x = doubles(n_rows * stride, 1);
  const std::vector<double> dy = doubles(n_rows * stride, 2);
  const auto run = [&](const std::vector<double>& from, bool backward) {
    std::vector<double> y = from;
    definition().rotate(y.data(), n_rows, n_heads, head_dim, stride, 3, theta, backward);
    return y;
  };
  expect_gradient("x", x, run(dy, true), [&] { return dot(dy, run(x, false)); });
  std::vector<float> inference = floats(x);
  make_reference_backend()->rotate(inference.data(), n_rows, n_heads, head_dim, stride, 3, theta);
  EXPECT_LT(relative_error(floats(run(x, false)), inference), 1e-6);
}

TEST(TrainingDefinition, EmbeddingWithATokenTwice) {
  const Index n_vocab = 5, n_in = 4;
  const std::vector<Token> tokens = {3, 0, 3, 4};
  std::vector<float> w = on_grid(n_vocab * n_in, 1, 1), bias = on_grid(n_in, 2, 1);
  const std::vector<double> dy = doubles(4 * n_in, 3);
  const auto loss = [&] {
    const TestWeights rows(w, n_vocab, n_in);
    std::vector<double> y = zeros(4 * n_in);
    definition().embed(rows.rows(), tokens, 1.5f, bias.data(), y.data());
    return dot(dy, y);
  };
  std::vector<double> dw = zeros(n_vocab * n_in), db = zeros(n_in);
  definition().embed_backward(tokens, dy.data(), n_in, 1.5f, dw.data(), db.data());
  expect_gradient("embedding", w, dw, loss);
  expect_gradient("bias", bias, db, loss);
}

TEST(TrainingDefinition, CrossEntropyWithRowsThatAskNothing) {
  const Index n_vocab = 9;
  const std::vector<Token> targets = {4, kNoToken, 0, 8};
  const std::vector<double> weights = {1, 1, 0.5, -2};
  std::vector<double> logits = doubles(4 * n_vocab, 1, 2);
  std::vector<double> losses(4);
  const auto loss = [&] {
    std::vector<double> copy = logits;
    definition().cross_entropy(copy.data(), n_vocab, targets, weights.data(), losses.data());
    return dot(weights, losses);
  };
  std::vector<double> gradient = logits;
  definition().cross_entropy(gradient.data(), n_vocab, targets, weights.data(), losses.data());
  EXPECT_EQ(losses[1], 0);
  for (Index i = n_vocab; i < 2 * n_vocab; ++i) EXPECT_EQ(gradient[static_cast<std::size_t>(i)], 0);
  expect_gradient("logits", logits, gradient, loss);
  const std::vector<Token> some = {4, 0};
  std::vector<float> rows;
  for (const Index row : {0, 2})
    for (Index i = 0; i < n_vocab; ++i)
      rows.push_back(static_cast<float>(logits[static_cast<std::size_t>(row * n_vocab + i)]));
  std::vector<double> inference(2);
  make_reference_backend()->losses(rows.data(), n_vocab, some, inference.data());
  EXPECT_NEAR(losses[0], inference[0], 1e-6);
  EXPECT_NEAR(losses[2], inference[1], 1e-6);
}
}  // namespace
}  // namespace rw
