// SPDX-License-Identifier: Apache-2.0
/// A model that nobody has trained yet: the sizes asked for in both containers, and starts that follow from
/// the seed alone.
#include "train/new_model.h"

#include "written_model.h"

namespace ropewalk {
namespace {

using NewModel = InOwnFolder;

LlamaSizes small_sizes() {
  LlamaSizes sizes;
  sizes.d_model = 64, sizes.d_ff = 96, sizes.n_ctx_train = 128, sizes.n_layers = 2;
  sizes.n_heads = 4, sizes.n_kv_heads = 2, sizes.head_dim = 16, sizes.tied = true;
  sizes.rope_base = 50000, sizes.norm_eps = 1e-6f;
  return sizes;
}

std::string small_model() { return std::string(ROPEWALK_SOURCE_DIR) + "/models/short-256.gguf"; }

TEST_F(NewModel, HasTheSizesAskedForAndTheTokenizer) {
  for (const bool tied : {true, false}) {
    LlamaSizes sizes = small_sizes();
    sizes.tied = tied;
    const auto model = open_model(write_untrained(sizes, small_model(), "small", folder_.string()));
    const LlamaSizes found = llama_sizes(model->config(), "here");
    EXPECT_EQ(found.n_vocab, sizes.n_vocab);
    EXPECT_EQ(found.n_vocab, model->tokenizer().n_vocab());
    EXPECT_EQ(found.d_model, 64);
    EXPECT_EQ(found.d_ff, 96);
    EXPECT_EQ(found.n_ctx_train, 128);
    EXPECT_EQ(found.n_layers, 2);
    EXPECT_EQ(found.n_heads, 4);
    EXPECT_EQ(found.n_kv_heads, 2);
    EXPECT_EQ(found.head_dim, 16);
    EXPECT_EQ(found.rope_base, 50000);
    EXPECT_EQ(found.norm_eps, 1e-6f);
    EXPECT_EQ(found.tied, tied);
  }
}

TEST_F(NewModel, StartsFromTheSeedAlone) {
  LlamaSizes sizes = small_sizes();
  const auto source = open_model(write_untrained(sizes, small_model(), "small", folder_.string()));
  const auto started = [&](std::uint64_t seed) {
    LearningModel model = learn_all(source);
    start_random(model, seed, 0.05);
    return model;
  };
  const LearningModel a = started(1), b = started(1), c = started(2);
  const auto all = [](const LearningModel& model) {
    return std::vector<float>(model.values->data(), model.values->data() + model.n());
  };
  EXPECT_EQ(all(a), all(b));
  EXPECT_NE(all(a), all(c));
  for (const Parameter& p : a.parameters) {
    double sum = 0, squares = 0;
    for (Index i = 0; i < p.n(); ++i) {
      const double value = (*a.values)[p.begin + i];
      sum += value, squares += value * value;
    }
    const double n = static_cast<double>(p.n()), mean = sum / n, size = std::sqrt(squares / n);
    const bool adds = p.name.find("attn_output") != p.name.npos || p.name.find("ffn_down") != p.name.npos;
    const double wanted = p.kind == ParameterKind::kVector ? 1
                          : adds                           ? 0
                          : p.kind == ParameterKind::kEmbedding
                              ? 0.05
                              : 1 / std::sqrt(static_cast<double>(p.n_columns));
    EXPECT_NEAR(size, wanted, 5 * wanted / std::sqrt(n)) << p.name;
    if (p.kind != ParameterKind::kVector) {
      EXPECT_NEAR(mean, 0, 5 * wanted / std::sqrt(n)) << p.name;
    }
  }
}

}  // namespace
}  // namespace ropewalk
