// SPDX-License-Identifier: Apache-2.0
/// What of a model learns, and that its numbers are the model's.
#include <map>
#include <set>

#include "model/tensors.h"
#include "model/weights.h"
#include "train_test_util.h"

namespace rw {
namespace {

TEST(LearnAll, EveryTensorOfEveryFamilyOnceOneBehindTheOther) {
  for (const std::string& name : tiny_families()) {
    SCOPED_TRACE(name);
    const std::shared_ptr<const Model> source = tiny_model(name);
    const LearningModel m = learn_all(source);
    std::vector<NeededTensor> needed = needed_tensors(source->config());
    std::erase_if(needed, [](const NeededTensor& tensor) {  // a buffer, which transformers does not train
      return tensor.name.ends_with("layer_output_scale.weight");
    });
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
  const auto is = [](const LearningModel& m, const std::string& name, ParameterKind kind) {
    return std::any_of(m.parameters.begin(), m.parameters.end(),
                       [&](const Parameter& p) { return p.name == name && p.kind == kind; });
  };
  const LearningModel state = learn_all(tiny_model("granite_hybrid")), lfm2 = learn_all(tiny_model("lfm2"));
  for (const char* vector : {"ssm_conv1d.weight", "ssm_conv1d.bias", "ssm_dt.bias", "ssm_a_log", "ssm_d"})
    EXPECT_TRUE(is(state, std::string("blk.0.") + vector, ParameterKind::kVector)) << vector;
  EXPECT_TRUE(is(state, "blk.0.ssm_in.weight", ParameterKind::kMatrix));
  EXPECT_TRUE(is(lfm2, "blk.0.shortconv.conv.weight", ParameterKind::kVector));
  EXPECT_TRUE(is(lfm2, "blk.0.shortconv.in_proj.weight", ParameterKind::kMatrix));
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

TEST(LearnAll, SaysWhatStandsInTheWay) {
  const auto why = [](const char* name) {
    return std::string(why_not_trained(read_config(*ModelFile::open(golden(std::string("tiny/") + name)))));
  };
  EXPECT_EQ(why("gemma4_26b"), "a mixture of experts");
  EXPECT_EQ(why("deepseek_v3"), "a mixture of experts");
  for (const char* hybrid : {"qwen3_next", "qwen3_5_moe", "lfm2_moe", "granite_hybrid_moe", "nemotron_h_moe"})
    EXPECT_EQ(why(hybrid), "a mixture of experts") << hybrid;
  ModelConfig turned = read_config(*ModelFile::open(golden("tiny/deepseek_dense")));
  EXPECT_EQ(why_not_trained(turned), nullptr);
  turned.layers[0].attention.latent.split = true;
  EXPECT_NE(std::string(why_not_trained(turned)).find("attn_k_b"), std::string::npos);
  turned.layers.back().ffn.experts.n_experts = 8;  // behind leading dense layers
  EXPECT_EQ(std::string(why_not_trained(turned)), "a mixture of experts");
}

TEST(LearnAll, SaysThatWeightsArePacked) {
  for (const auto& entry : std::filesystem::directory_iterator(golden("packed"))) {
    const auto file = ModelFile::open(entry.path().string());
    const ModelConfig config = read_config(*file);
    try {
      require_trainable(config, *file);
      EXPECT_FALSE(file->has_packed()) << entry.path();
    } catch (const Error& e) {
      EXPECT_TRUE(file->has_packed()) << entry.path();
      EXPECT_NE(std::string(e.what()).find("expected weights that are not packed"), std::string::npos)
          << e.what();
    }
  }
}

/// Matrices that are rows of one tensor: one pair, whose A all of them have.
TEST(LearnLowRank, OfLatentsHasOnePairForEachTensor) {
  const LearningModel m = learn_low_rank(tiny_model("minicpm3"), {});
  std::set<std::string> names;
  for (const Parameter& p : m.parameters)
    if (p.name.starts_with("blk.1.attn") && p.name.ends_with(".lora_b")) names.insert(p.name);
  EXPECT_EQ(names,
            (std::set<std::string>{"blk.1.attn_q_a.weight.lora_b", "blk.1.attn_q_b.weight.lora_b",
                                   "blk.1.attn_kv_a_mqa.weight.lora_b", "blk.1.attn_kv_b.weight.lora_b",
                                   "blk.1.attn_output.weight.lora_b"}));
  const LearningLayer& layer = m.layers[1];
  EXPECT_EQ(layer.wk.low_rank->a_begin, layer.wv.low_rank->a_begin);
  EXPECT_EQ(layer.wv.low_rank->b_begin, layer.wk.low_rank->b_begin + layer.wk.low_rank->b->n_out * 16);
}

TEST(LearnLowRank, OfLayersWithAStateHasThoseOfItsProjections) {
  const auto names = [](const char* model, const std::string& layer) {
    std::string all;
    for (const Parameter& p : learn_low_rank(tiny_model(model), {}).parameters)
      if (p.name.starts_with(layer) && p.name.ends_with(".weight.lora_a"))
        all += p.name.substr(layer.size(), p.name.size() - layer.size() - 14) + ' ';
    return all;
  };
  EXPECT_EQ(names("lfm2", "blk.0."), "ffn_gate ffn_up ffn_down shortconv.in_proj shortconv.out_proj ");
  EXPECT_EQ(names("qwen3_5", "blk.0."), "ffn_gate ffn_up ffn_down attn_qkv attn_gate ssm_out ");
  EXPECT_EQ(names("qwen3_5", "blk.2."), "attn_q attn_k attn_v attn_output ffn_gate ffn_up ffn_down ");
  EXPECT_EQ(names("nemotron_h", "blk.0."), "ssm_in ssm_out ");
  EXPECT_EQ(names("nemotron_h", "blk.1."), "ffn_up ffn_down ");
  LowRankOptions gates;
  gates.targets = {"ssm_alpha", "ssm_beta"};
  EXPECT_EQ(learn_low_rank(tiny_model("qwen3_5"), gates).parameters.size(), 3 * 2 * 2u);
  const LearningModel m = learn_low_rank(tiny_model("qwen3_5"), {});  // queries and their gate are one tensor
  const LearningLayer& layer = m.layers[2];
  EXPECT_EQ(layer.wq.low_rank->a_begin, layer.w_output_gate.low_rank->a_begin);
  EXPECT_EQ(layer.w_output_gate.low_rank->b_begin,
            layer.wq.low_rank->b_begin + layer.wq.low_rank->b->n_out * 16);
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
}  // namespace rw
