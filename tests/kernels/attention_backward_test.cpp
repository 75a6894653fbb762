// SPDX-License-Identifier: Apache-2.0
/// Attention of training, forward and backward, of the instruction set in force against the definition: every
/// method, lengths that cut tiles, groups of heads, soft caps, head sizes, plans of both sides.
#include <gtest/gtest.h>

#include "methods/method.h"
#include "training_pair.h"

namespace rw {
namespace {

struct Shape {
  int n_kv_heads, group, head_dim;
  Index n;
  bool weighted = false;
  int value_dim = head_dim;
  int n_heads() const { return n_kv_heads * group; }
  Index q_stride() const { return Index{n_heads()} * head_dim; }
  Index k_stride() const { return Index{n_kv_heads} * head_dim + 3; }  // rows may lie further apart
  Index v_stride() const { return Index{n_kv_heads} * value_dim + 3; }
  Index out_stride() const { return Index{n_heads()} * value_dim; }
};

RopeContext context_for(const Shape& s, Index n_ctx_train = 64) {
  RopeContext context;
  context.head_dim = context.rotary_dim = s.head_dim;
  context.n_ctx_train = context.n_ctx_original = n_ctx_train, context.n = s.n;
  context.n_layers = context.n_kv_heads = 4, context.layer = context.kv_head = 1;
  context.long_factors.assign(static_cast<std::size_t>(s.head_dim) / 2, 2.0);
  context.short_factors.assign(static_cast<std::size_t>(s.head_dim) / 2, 1.0);
  return context;
}

/// Everything of one text.
struct Text {
  Shape s;
  Both q, k, v, d_out, out, lse, d_q, d_k, d_v, d_weight;
  std::vector<float> weight;
  AttentionPlan plan;
  KeyPlan keys;
  Pointwise pointwise;
  Text(const Method& method, const Shape& shape)
      : s(shape),
        q(s.n * s.q_stride(), 1),
        k(s.n * s.k_stride(), 2),
        v(s.n * s.v_stride(), 3),
        d_out(s.n * s.out_stride(), 4),
        out(std::vector<float>(d_out.f.size())),
        lse(std::vector<float>(static_cast<std::size_t>(s.n * s.n_heads()))),
        d_q(s.n * s.q_stride(), 5),
        d_k(s.n * s.k_stride(), 6),
        d_v(s.n * s.v_stride(), 7),
        d_weight(s.head_dim, 8),
        plan(method.lower(0, s.n)),
        keys(method.lower_keys(0, s.n)),
        pointwise(method.pointwise()) {
    if (s.weighted) weight = numbers(s.head_dim, 9);
  }
  template <class T>
  TrainingAttention<T> task() {
    return {.q = q.data<T>(),
            .k = k.data<T>(),
            .v = v.data<T>(),
            .q_stride = s.q_stride(),
            .k_stride = s.k_stride(),
            .v_stride = s.v_stride(),
            .out_stride = s.out_stride(),
            .n_heads = s.n_heads(),
            .n_kv_heads = s.n_kv_heads,
            .head_dim = s.head_dim,
            .value_dim = s.value_dim,
            .plan = &plan,
            .keys = &keys,
            .pointwise = &pointwise,
            .weight = s.weighted ? weight.data() : nullptr,
            .out = out.data<T>(),
            .lse = lse.data<T>(),
            .d_out = d_out.data<T>(),
            .d_q = d_q.data<T>(),
            .d_k = d_k.data<T>(),
            .d_v = d_v.data<T>(),
            .d_weight = s.weighted ? d_weight.data<T>() : nullptr};
  }
  template <class T>
  void run(const Training<T>& training) {
    const TrainingAttention<T> one = task<T>();
    training.attention({&one, 1});
    training.attention_backward({&one, 1});
  }
};

/// Logits of a deviation of 1 to 3, sums of head_dim products, move by some 2^-24 of their parts each,
/// weights by as much; gradients are differences of such (seen: 1.2e-6).
constexpr double kAttentionError = 5e-6;

void expect_definition(const Method& method, const Shape& s) {
  SCOPED_TRACE(
      fmt::format("{}: {} x {} heads of {}, n {}", method.text(), s.n_kv_heads, s.group, s.head_dim, s.n));
  Text text(method, s);
  text.run(training_definition());
  text.run(training_under_test());
  EXPECT_LT(text.out.error(), kAttentionError);
  EXPECT_LT(text.lse.error(), kAttentionError);
  EXPECT_LT(text.d_q.error(), kAttentionError);
  EXPECT_LT(text.d_k.error(), kAttentionError);
  EXPECT_LT(text.d_v.error(), kAttentionError);
  EXPECT_LT(text.d_weight.error(), kAttentionError);
}

std::vector<std::string> every_method() {
  std::vector<std::string> specs = {
      "yarn:factor=4+rerope:window=20+logn",   "ntk+self-extend:window=16,group=4",
      "dca:chunk=24,local=8+window:window=70", "leaky-rerope:window=10,factor=8+lambda:sink=5,window=90",
      "lm-infinite:sink=2,window=30",          "lampe:head=9,tail=70,positions=90+infoscale",
      "adagrope:positions=32,share=0.5"};
  for (const MethodInfo& info : Registry<MethodInfo>::all()) specs.push_back(info.example);
  return specs;
}

class TrainingAttentionOf : public testing::TestWithParam<std::string> {};

TEST_P(TrainingAttentionOf, EqualsTheDefinition) {
  for (const Shape& s : {Shape{2, 3, 16, 200}, Shape{1, 1, 20, 65}, Shape{1, 2, 64, 64, true}}) {
    RopeContext context = context_for(s);
    expect_definition(Method::bind(MethodSpec::parse(GetParam()), context), s);
    context.soft_cap = 1.5;
    expect_definition(Method::bind(MethodSpec::parse(GetParam()), context), s);
  }
}

TEST_P(TrainingAttentionOf, BothSidesEqualTheDefinition) {
  const Shape s{1, 2, 16, 150};
  RopeContext context = context_for(s);
  context.bidirectional = true;
  try {
    expect_definition(Method::bind(MethodSpec::parse(GetParam()), context), s);
  } catch (const UsageError&) {  // a method without such a form
  }
}

TEST_P(TrainingAttentionOf, BitsDoNotDependOnThreads) {
  const Shape s{2, 2, 32, 1100, true};
  const Method method = Method::bind(MethodSpec::parse(GetParam()), context_for(s, 500));
  const Text start(method, s);
  std::vector<float> first[5];
  for (const int threads : {1, 2, 5}) {
    Text text = start;
    text.run(*make_cpu_training(context_of(threads)));
    const std::vector<float>* all[] = {&text.lse.f, &text.d_q.f, &text.d_k.f, &text.d_v.f, &text.d_weight.f};
    for (int i = 0; i < 5; ++i) {
      if (threads == 1) first[i] = *all[i];
      EXPECT_EQ(*all[i], first[i]) << i << ", " << threads << " threads";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Registry, TrainingAttentionOf, testing::ValuesIn(every_method()),
                         [](const auto& test) {
                           std::string name = std::to_string(test.index) + "_" + test.param;
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

TEST(TrainingAttention, LengthsThatCutTiles) {
  for (const char* spec : {"none", "rerope:window=20", "window:window=40"})
    for (const Index n : {1, 2, 15, 63, 64, 65, 96, 97, 129, 193, 300}) {
      const Shape s{1, 2, 16, n};
      expect_definition(Method::bind(MethodSpec::parse(spec), context_for(s)), s);
    }
}

TEST(TrainingAttention, LongTexts) {
  for (const char* spec :
       {"none", "rerope:window=300", "self-extend:window=256,group=4", "lm-infinite:sink=10,window=200"}) {
    const Shape s{1, 1, 16, 1100};
    expect_definition(Method::bind(MethodSpec::parse(spec), context_for(s, 400)), s);
  }
}

TEST(TrainingAttention, HeadSizes) {
  for (const int head_dim : {2, 18, 64, 80, 96, 128, 256, 512}) {
    const Shape s{1, 3, head_dim, 130};
    expect_definition(Method::bind(MethodSpec::parse("rerope:window=20"), context_for(s)), s);
    RopeContext part = context_for(s);
    part.rotary_dim = head_dim / 4 * 2;
    part.long_factors = part.short_factors = {};
    expect_definition(Method::bind(MethodSpec::parse("yarn:factor=4"), part), s);
  }
}

TEST(TrainingAttention, ValuesOfAnotherWidth) {
  for (const auto& [head_dim, value_dim] :
       {std::pair{192, 128}, {96, 64}, {64, 128}, {24, 10}, {20, 40}, {16, 1}})
    for (const char* spec : {"none", "rerope:window=20", "lm-infinite:sink=2,window=30"}) {
      SCOPED_TRACE(value_dim);
      const Shape s{2, 3, head_dim, 200, false, value_dim};
      expect_definition(Method::bind(MethodSpec::parse(spec), context_for(s)), s);
    }
}

TEST(TrainingAttention, WithoutPositions) {
  for (const bool both : {true, false}) {
    const Shape s{2, 3, 64, 150, true};
    RopeContext context = context_for(s);
    context.rotary_dim = 0, context.long_factors = context.short_factors = {}, context.bidirectional = both;
    expect_definition(Method::bind(MethodSpec::parse("yarn+rerope:window=9"), context), s);
  }
}

/// Several texts in one call, also one without rows: each as alone, and one weight of all.
TEST(TrainingAttention, TextsInOneCall) {
  const Shape shapes[] = {
      {2, 2, 32, 70, true}, {1, 3, 32, 300, true}, {2, 1, 32, 0, true}, {3, 1, 32, 5, true}};
  const char* specs[] = {"none", "rerope:window=20", "none", "window:window=3"};
  std::vector<Text> together, alone;
  Both shared(32, 8);
  for (std::size_t i = 0; i < 4; ++i) {
    RopeContext context = context_for(shapes[i]);
    context.n = std::max<Index>(context.n, 1);
    together.emplace_back(Method::bind(MethodSpec::parse(specs[i]), context), shapes[i]);
    alone.push_back(together.back());
  }
  std::vector<TrainingAttention<float>> tasks;
  for (std::size_t i = 0; i < 4; ++i) {
    auto task = alone[i].task<float>();
    task.d_weight = shared.f.data();
    training_under_test().attention({&task, 1});
    training_under_test().attention_backward({&task, 1});
    tasks.push_back(together[i].task<float>());
    tasks.back().d_weight = together[0].d_weight.f.data();
  }
  training_under_test().attention(tasks);
  training_under_test().attention_backward(tasks);
  EXPECT_EQ(together[0].d_weight.f, shared.f);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(together[i].out.f, alone[i].out.f) << i;
    EXPECT_EQ(together[i].lse.f, alone[i].lse.f) << i;
    EXPECT_EQ(together[i].d_q.f, alone[i].d_q.f) << i;
    EXPECT_EQ(together[i].d_k.f, alone[i].d_k.f) << i;
    EXPECT_EQ(together[i].d_v.f, alone[i].d_v.f) << i;
  }
}

/// What one text left in the buffers, numbers or none, does not reach the next one.
TEST(TrainingAttention, ATextOfNoNumbersLeavesNothing) {
  const auto training = make_cpu_training(context_of(1));
  const Shape s{1, 2, 32, 200};
  const Method method = Method::bind(MethodSpec::parse("rerope:window=20"), context_for(s));
  const Text start(method, s);
  Text clean = start, bad = start, again = start;
  clean.run(*training);
  for (float& x : bad.d_out.f) x = NAN;
  bad.q.f[100] = INFINITY;
  bad.run(*training);
  again.run(*training);
  EXPECT_EQ(again.d_q.f, clean.d_q.f);
  EXPECT_EQ(again.d_k.f, clean.d_k.f);
  EXPECT_EQ(again.d_v.f, clean.d_v.f);
}

}  // namespace
}  // namespace rw
