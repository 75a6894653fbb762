// SPDX-License-Identifier: Apache-2.0
/// What of a model learns, and that its numbers are the model's.
#include <map>

#include "model/tensors.h"
#include "model/weights.h"
#include "train_test_util.h"

namespace ropewalk {
namespace {

TEST(LearnAll, EveryTensorOfEveryFamilyOnceOneBehindTheOther) {
  for (const std::string& name : tiny_families()) {
    SCOPED_TRACE(name);
    const std::shared_ptr<const Model> source = tiny_model(name);
    const LearningModel m = learn_all(source);
    const std::vector<NeededTensor> needed = needed_tensors(source->config());
    ASSERT_EQ(m.parameters.size(), needed.size());
    Index n = 0;
    for (std::size_t i = 0; i < needed.size(); ++i) {
      const Parameter& p = m.parameters[i];
      EXPECT_EQ(p.name, needed[i].name);
      EXPECT_EQ(p.begin, n);
      EXPECT_EQ(p.n(), static_cast<Index>(ModelFile::dequantize(source->file().tensor(p.name)).size()));
      n += p.n();
    }
    EXPECT_EQ(m.n(), n);
  }
}

/// The order is a promise to runs that were begun: the norm of a gradient adds up in it, and checkpoints hold
/// values in it.
TEST(LearnAll, TheOrderStays) {
  std::string order;
  for (const Parameter& p : learn_all(tiny_model("qwen3")).parameters)
    if (!p.name.starts_with("blk.") || p.name.starts_with("blk.1.")) order += p.name + '\n';
  EXPECT_EQ(order,
            "token_embd.weight\n"
            "blk.1.attn_q.weight\nblk.1.attn_k.weight\nblk.1.attn_v.weight\nblk.1.attn_output.weight\n"
            "blk.1.attn_q_norm.weight\nblk.1.attn_k_norm.weight\n"
            "blk.1.ffn_gate.weight\nblk.1.ffn_up.weight\nblk.1.ffn_down.weight\n"
            "blk.1.attn_norm.weight\nblk.1.ffn_norm.weight\n"
            "output_norm.weight\noutput.weight\n");
}

TEST(LearnAll, ComputesWhatTheSourceComputesAndFollowsItsValues) {
  for (const std::string& name : tiny_families()) {
    const std::shared_ptr<const Model> source = tiny_model(name);
    const LearningModel m = learn_all(source);
    const std::vector<Token> tokens = some_tokens(6, m.model->config().n_vocab);
    const auto logits = [&](const Model& model) { return all_logits(model, "none", tokens, {.n = 6}); };
    const std::vector<float> before = logits(*source);
    EXPECT_LT(relative_error(logits(*m.model), before), 1e-6) << name;
    for (const Parameter& p : m.parameters) {
      // Of two norms whose product counts the second stays 1.
      const bool behind = m.model->config().layers[0].attention.qk_norm == QkNorm::kPerHeadBehind;
      if (behind && p.name.find("attn_k_norm") != std::string::npos) continue;
      const std::vector<float> values(m.values->data() + p.begin, m.values->data() + p.begin + p.n());
      for (Index i = 0; i < p.n(); ++i) (*m.values)[p.begin + i] *= 1 + 0.1f * static_cast<float>(i % 7);
      EXPECT_NE(logits(*m.model), before) << name << ": nothing reads " << p.name;
      std::copy(values.begin(), values.end(), m.values->data() + p.begin);
    }
    EXPECT_LT(relative_error(logits(*m.model), before), 1e-6) << name;
  }
}

TEST(LearnAll, KindsAreWhatWeightDecayAsks) {
  const std::map<std::string, ParameterKind> expected = {{"token_embd.weight", ParameterKind::kEmbedding},
                                                         {"blk.0.attn_q.weight", ParameterKind::kMatrix},
                                                         {"blk.0.attn_norm.weight", ParameterKind::kVector},
                                                         {"blk.0.attn_q_norm.weight", ParameterKind::kVector},
                                                         {"output_norm.weight", ParameterKind::kVector}};
  for (const char* name : {"cohere_norms", "qwen3"}) {  // norms with a row for each head, and with one
    const LearningModel m = learn_all(tiny_model(name));
    std::size_t found = 0;
    for (const Parameter& p : m.parameters)
      if (const auto kind = expected.find(p.name); kind != expected.end()) {
        ++found;
        EXPECT_EQ(p.kind, kind->second) << p.name;
      }
    EXPECT_EQ(found, expected.size());
  }
}

TEST(LearnLowRank, StartsAsTheSourceAndIsSeeded) {
  const std::shared_ptr<const Model> source = tiny_model("llama");
  const LearningModel m = learn_low_rank(source, {}), same = learn_low_rank(source, {});
  LowRankOptions other_seed;
  other_seed.seed = 2;
  const LearningModel other = learn_low_rank(source, other_seed);
  const auto values = [](const LearningModel& of) {
    return std::vector<float>(of.values->span().begin(), of.values->span().end());
  };
  EXPECT_EQ(values(m), values(same));
  EXPECT_NE(values(m), values(other));
  ASSERT_EQ(m.parameters.size(), 2 * 7 * 2u);
  for (const Parameter& p : m.parameters) {
    const auto numbers =
        m.values->span().subspan(static_cast<std::size_t>(p.begin), static_cast<std::size_t>(p.n()));
    float most = 0;
    for (const float v : numbers) most = std::max(most, std::abs(v));
    if (p.name.ends_with(".lora_b")) {
      EXPECT_EQ(most, 0) << p.name;
      EXPECT_EQ(p.n_columns, 16);
    } else {
      const double bound = 1 / std::sqrt(static_cast<double>(p.n_columns));
      EXPECT_LE(most, bound) << p.name;
      EXPECT_GT(most, 0.9 * bound) << p.name;
    }
  }
}

TEST(LearnLowRank, SaysWhichTargetItDoesNotKnow) {
  for (const std::vector<std::string>& targets :
       {std::vector<std::string>{"attn_q", "attn_qq"}, {"attn_q", "attn_q"}, {}}) {
    LowRankOptions options;
    options.targets = targets;
    EXPECT_THROW(learn_low_rank(tiny_model("llama"), options), Error);
  }
  LowRankOptions gates;
  gates.targets = {"ffn_gate"};
  EXPECT_THROW(learn_low_rank(tiny_model("gpt_neox"), gates), Error);
}

}  // namespace
}  // namespace ropewalk
