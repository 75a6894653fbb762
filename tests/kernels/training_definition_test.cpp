// SPDX-License-Identifier: Apache-2.0
/// Every operation of training by its definition: its forward is the one that inference has, and its backward
/// agrees with finite differences of its forward.
#include <gtest/gtest.h>

#include "finite_differences.h"
#include "kernels/training.h"
#include "methods/method.h"
#include "weights.h"

namespace ropewalk {
namespace {

const Training<double>& definition() {
  static const auto made =
      make_reference_training(std::make_shared<Context>(ContextOptions{.threads = 2, .isa = {}}));
  return *made;
}

std::vector<double> doubles(Index n, unsigned seed, float deviation = 1) {
  const std::vector<float> x = numbers(n, seed, deviation);
  return {x.begin(), x.end()};
}
/// Far enough from 0 that no step crosses it, where ReLU has no derivative.
std::vector<double> not_near_0(Index n, unsigned seed) {
  std::vector<double> x = doubles(n, seed);
  for (double& v : x) v += v < 0 ? -0.01 : 0.01;
  return x;
}
std::vector<double> zeros(Index n) { return std::vector<double>(static_cast<std::size_t>(n)); }
double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b.at(i);
  return sum;
}
/// For what is kept in float32: values on a grid that steps of 2^-10 and 2^-9 keep to.
std::vector<float> on_grid(Index n, unsigned seed, float deviation, float around = 0) {
  std::vector<float> x = numbers(n, seed, deviation);
  for (float& v : x) v = around + std::round(v * 1024) / 1024;
  return x;
}
std::vector<float> floats(const std::vector<double>& x) { return {x.begin(), x.end()}; }

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
  for (int a = 0; a < kActivations; ++a) {
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
    backend->activate(inference.data(), n, activation);
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
  std::vector<float> rows = floats(logits);
  rows.erase(rows.begin() + n_vocab, rows.begin() + 2 * n_vocab), rows.resize(2 * n_vocab);
  std::vector<double> inference(2);
  make_reference_backend()->losses(rows.data(), n_vocab, some, inference.data());
  EXPECT_NEAR(losses[0], inference[0], 1e-6);
  EXPECT_NEAR(losses[2], inference[1], 1e-6);
}

/// Attention of one text, with everything that it may have.
struct Attended {
  static constexpr int kHeads = 4, kKvHeads = 2, kDim = 18;
  static constexpr Index kQ = kHeads * kDim, kKv = kKvHeads * kDim + 3;  // rows may lie further apart
  Index n;
  std::vector<double> q, k, v, d_out, out, lse;
  std::vector<float> weight;
  AttentionPlan plan;
  KeyPlan keys;
  Pointwise pointwise;
  Attended(const Method& method, Index rows, bool weighted)
      : n(rows),
        q(doubles(n * kQ, 1)),
        k(doubles(n * kKv, 2)),
        v(doubles(n * kKv, 3)),
        d_out(doubles(n * kQ, 4)),
        out(zeros(n * kQ)),
        lse(zeros(n * kHeads)),
        plan(method.lower(0, n)),
        keys(method.lower_keys(0, n)),
        pointwise(method.pointwise()) {
    if (weighted) weight = on_grid(kDim, 5, 0.4f, 1);
  }
  TrainingAttention<double> task() {
    TrainingAttention<double> t;
    t.q = q.data(), t.k = k.data(), t.v = v.data(), t.q_stride = kQ, t.kv_stride = kKv;
    t.n_heads = kHeads, t.n_kv_heads = kKvHeads, t.head_dim = kDim;
    t.plan = &plan, t.keys = &keys, t.pointwise = &pointwise;
    t.weight = weight.empty() ? nullptr : weight.data();
    t.out = out.data(), t.lse = lse.data(), t.d_out = d_out.data();
    return t;
  }
  void forward() {
    const auto t = task();
    definition().attention({&t, 1});
  }
};

RopeContext small_context(Index n) {
  RopeContext context;
  context.head_dim = Attended::kDim, context.rotary_dim = 16;
  context.n_ctx_train = context.n_ctx_original = 8, context.n = n;
  context.n_layers = context.n_kv_heads = 4, context.layer = context.kv_head = 1;
  context.long_factors = {1, 1, 1, 1.2, 1.6, 2, 2, 2};
  context.short_factors = {1, 1, 1, 1, 1, 1, 1, 1};
  return context;
}

void expect_attention_gradient(const Method& method, Index n, bool weighted) {
  SCOPED_TRACE(method.text());
  Attended a(method, n, weighted);
  a.forward();
  std::vector<double> d_q = zeros(n * Attended::kQ), d_k = zeros(n * Attended::kKv), d_v = d_k,
                      d_weight = zeros(weighted ? Attended::kDim : 0);
  auto task = a.task();
  task.d_q = d_q.data(), task.d_k = d_k.data(), task.d_v = d_v.data();
  task.d_weight = weighted ? d_weight.data() : nullptr;
  definition().attention_backward({&task, 1});
  const auto loss = [&] {
    a.forward();
    return dot(a.d_out, a.out);
  };
  expect_gradient("q", a.q, d_q, loss);
  expect_gradient("k", a.k, d_k, loss);
  expect_gradient("v", a.v, d_v, loss);
  if (weighted) expect_gradient("weight", a.weight, d_weight, loss);
}

/// The forward is that of inference, by its definition and by the plan.
void expect_attention_of_inference(const Method& method, Index n, bool weighted) {
  SCOPED_TRACE(method.text());
  Attended a(method, n, weighted);
  a.forward();
  const auto backend = make_reference_backend();
  const auto kv = backend->make_kv_layer(Attended::kKvHeads, Attended::kDim);
  backend->append(*kv, floats(a.k).data(), floats(a.v).data(), Attended::kKv, a.keys);
  const std::vector<float> q = floats(a.q);
  std::vector<float> out(q.size());
  const AttentionTask task{.q = q.data(),
                           .kv = kv.get(),
                           .plan = &a.plan,
                           .pointwise = &a.pointwise,
                           .out = out.data(),
                           .weight = a.weight.empty() ? nullptr : a.weight.data()};
  backend->attention({&task, 1}, Attended::kHeads);
  EXPECT_LT(relative_error(floats(a.out), out), 1e-7);
}

std::vector<std::string> every_example() {
  std::vector<std::string> specs = {"yarn:factor=2+rerope:window=4+logn",
                                    "dynamic-ntk+self-extend:window=4,group=2+window:window=20",
                                    "temperature:value=1.5+lm-infinite:sink=2,window=6"};
  for (const MethodInfo& info : Registry<MethodInfo>::all()) specs.push_back(info.example);
  return specs;
}

TEST(TrainingDefinition, AttentionUnderEveryMethod) {
  for (const std::string& spec : every_example()) {
    const Method method = Method::bind(MethodSpec::parse(spec), small_context(24));
    expect_attention_gradient(method, 24, false);
    expect_attention_of_inference(method, 24, false);
  }
}

TEST(TrainingDefinition, AttentionWithWeightsBehindTheRotation) {
  for (const std::string& spec : every_example()) {
    const Method method = Method::bind(MethodSpec::parse(spec), small_context(13));
    expect_attention_gradient(method, 13, true);
    expect_attention_of_inference(method, 13, true);
  }
}

TEST(TrainingDefinition, AttentionOnBothSides) {
  int n_bound = 0;
  for (const std::string& spec : every_example()) {
    RopeContext context = small_context(17);
    context.bidirectional = true;
    try {
      const Method method = Method::bind(MethodSpec::parse(spec), context);
      ++n_bound;
      expect_attention_gradient(method, 17, false);
      expect_attention_of_inference(method, 17, false);
    } catch (const UsageError&) {  // a method without such a form
    }
  }
  EXPECT_GT(n_bound, 10);
}

TEST(TrainingDefinition, AttentionOfModelsThatCapScaleAndHaveNoPositions) {
  for (const char* spec : {"none", "yarn:factor=4,trained=8+rerope:window=4"})
    for (const bool weighted : {true, false}) {
      RopeContext context = small_context(24);
      context.soft_cap = 1.5, context.attention_scale = 0.5, context.temperature = {0.4, 8};
      context.sliding_window = 15;
      expect_attention_gradient(Method::bind(MethodSpec::parse(spec), context), 24, weighted);
      context.rotary_dim = 0, context.long_factors = context.short_factors = {};
      expect_attention_gradient(Method::bind(MethodSpec::parse(spec), context), 24, weighted);
    }
}

TEST(TrainingDefinition, BitsOfAttentionDoNotDependOnThreads) {
  const Method method = Method::bind(MethodSpec::parse("rerope:window=4"), small_context(24));
  std::vector<double> results[2];
  for (const int threads : {1, 2}) {
    const auto operations =
        make_reference_training(std::make_shared<Context>(ContextOptions{.threads = threads, .isa = {}}));
    Attended a(method, 24, true), b(method, 24, true);
    std::vector<double>& result = results[threads - 1];
    const Index n_q = 24 * Attended::kQ, n_k = 24 * Attended::kKv;
    result = zeros(2 * (n_q + 2 * n_k) + Attended::kDim);  // of both texts, and one weight of both
    TrainingAttention<double> tasks[] = {a.task(), b.task()};
    double* at = result.data() + Attended::kDim;
    for (auto& task : tasks) {
      task.d_weight = result.data();
      task.d_q = at, task.d_k = at + n_q, task.d_v = at + n_q + n_k;
      at += n_q + 2 * n_k;
    }
    operations->attention(tasks);
    operations->attention_backward(tasks);
  }
  EXPECT_EQ(results[0], results[1]);
}

}  // namespace
}  // namespace ropewalk
