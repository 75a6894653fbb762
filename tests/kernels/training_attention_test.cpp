// SPDX-License-Identifier: Apache-2.0
/// Attention of training by its definition: under every method the forward is that of inference, and the
/// backward agrees with finite differences of it.
#include "methods/method.h"
#include "training_test_util.h"

namespace rw {
namespace {

/// Attention of one text, with everything that it may have.
struct Attended {
  static constexpr int kHeads = 4, kKvHeads = 2, kDim = 18, kValueDim = 13;
  static constexpr Index kQ = kHeads * kDim, kK = kKvHeads * kDim + 3,  // rows may lie further apart
      kV = kKvHeads * kValueDim + 2, kOut = kHeads * kValueDim;
  Index n;
  std::vector<double> q, k, v, d_out, out, lse;
  std::vector<float> weight;
  AttentionPlan plan;
  KeyPlan keys;
  Pointwise pointwise;
  Attended(const Method& method, Index rows, bool weighted)
      : n(rows),
        q(doubles(n * kQ, 1)),
        k(doubles(n * kK, 2)),
        v(doubles(n * kV, 3)),
        d_out(doubles(n * kOut, 4)),
        out(zeros(n * kOut)),
        lse(zeros(n * kHeads)),
        plan(method.lower(0, n)),
        keys(method.lower_keys(0, n)),
        pointwise(method.pointwise()) {
    if (weighted) weight = on_grid(kDim, 5, 0.4f, 1);
  }
  TrainingAttention<double> task() {
    TrainingAttention<double> t;
    t.q = q.data(), t.k = k.data(), t.v = v.data(), t.q_stride = kQ, t.k_stride = kK, t.v_stride = kV,
    t.out_stride = kOut;
    t.n_heads = kHeads, t.n_kv_heads = kKvHeads, t.head_dim = kDim, t.value_dim = kValueDim;
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
  std::vector<double> d_q = zeros(n * Attended::kQ), d_k = zeros(n * Attended::kK),
                      d_v = zeros(n * Attended::kV), d_weight = zeros(weighted ? Attended::kDim : 0);
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
  const auto kv = backend->make_kv_layer(Attended::kKvHeads, Attended::kDim, Attended::kValueDim);
  backend->append(*kv, floats(a.k).data(), Attended::kK, floats(a.v).data(), Attended::kV, a.keys);
  const std::vector<float> q = floats(a.q);
  std::vector<float> out(a.out.size());
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

TEST(TrainingAttentionDefinition, UnderEveryMethod) {
  for (const std::string& spec : every_example()) {
    const Method method = Method::bind(MethodSpec::parse(spec), small_context(24));
    expect_attention_gradient(method, 24, false);
    expect_attention_of_inference(method, 24, false);
  }
}

TEST(TrainingAttentionDefinition, WithWeightsBehindTheRotation) {
  for (const std::string& spec : every_example()) {
    const Method method = Method::bind(MethodSpec::parse(spec), small_context(13));
    expect_attention_gradient(method, 13, true);
    expect_attention_of_inference(method, 13, true);
  }
}

TEST(TrainingAttentionDefinition, OnBothSides) {
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

TEST(TrainingAttentionDefinition, OfModelsThatCapScaleAndHaveNoPositions) {
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

TEST(TrainingAttentionDefinition, BitsDoNotDependOnThreads) {
  const Method method = Method::bind(MethodSpec::parse("rerope:window=4"), small_context(24));
  std::vector<double> results[2];
  for (const int threads : {1, 2}) {
    const auto operations =
        make_reference_training(std::make_shared<Context>(ContextOptions{.threads = threads, .isa = {}}));
    Attended a(method, 24, true), b(method, 24, true);
    std::vector<double>& result = results[threads - 1];
    const Index n_q = 24 * Attended::kQ, n_k = 24 * Attended::kK, n_v = 24 * Attended::kV;
    result = zeros(2 * (n_q + n_k + n_v) + Attended::kDim);  // of both texts, and one weight of both
    TrainingAttention<double> tasks[] = {a.task(), b.task()};
    double* at = result.data() + Attended::kDim;
    for (auto& task : tasks) {
      task.d_weight = result.data();
      task.d_q = at, task.d_k = at + n_q, task.d_v = at + n_q + n_k;
      at += n_q + n_k + n_v;
    }
    operations->attention(tasks);
    operations->attention_backward(tasks);
  }
  EXPECT_EQ(results[0], results[1]);
}
}  // namespace
}  // namespace rw
