// SPDX-License-Identifier: Apache-2.0
/// A model that nobody has trained yet: the sizes asked for in both containers, and starts that follow from
/// the seed alone.
#include "train/new_model.h"

#include "model/tensors.h"
#include "tokenizer/convert.h"
#include "written_model.h"

namespace rw {
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
    const ModelConfig &read = model->config(), told = llama_config(sizes, "small");  // before there is a file
    EXPECT_EQ(told.layers, read.layers);
    EXPECT_EQ(told.embedding.width, read.embedding.width);
    EXPECT_EQ(told.n_ctx_original, read.n_ctx_original);
    EXPECT_EQ(told.n_blocks, read.n_blocks);
    EXPECT_EQ(told.output_norm_eps, read.output_norm_eps);
    EXPECT_EQ(told.tied_embeddings, read.tied_embeddings);
    const std::vector<NeededTensor> needed = needed_tensors(read), expected = needed_tensors(told);
    ASSERT_EQ(needed.size(), expected.size());
    for (std::size_t i = 0; i < needed.size(); ++i) {
      EXPECT_EQ(needed[i].name, expected[i].name);
      EXPECT_EQ(needed[i].shape, expected[i].shape);
    }
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

/// What is there stays where the tokenizer cannot be read, or is itself what is there.
TEST_F(NewModel, TakesNothingAwayBeforeItIsWhole) {
  const std::string start = path("start");
  std::filesystem::create_directories(start);
  std::ofstream(start + "/tokenizer.json") << "no tokenizer";
  LlamaSizes sizes = small_sizes();
  EXPECT_THROW(write_untrained(sizes, start, "small", folder_.string()), Error);
  EXPECT_EQ(contents_of(start + "/tokenizer.json"), "no tokenizer");
  const std::string text = tokenizer_as_json(*ModelFile::open(small_model())).tokenizer_json;
  std::ofstream(start + "/tokenizer.json") << text;
  for (int twice = 0; twice < 2; ++twice)
    EXPECT_EQ(open_model(write_untrained(sizes, start, "small", folder_.string()))->config().n_vocab,
              sizes.n_vocab);
  EXPECT_EQ(contents_of(start + "/tokenizer.json"), text);
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
}  // namespace rw
