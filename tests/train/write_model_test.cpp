// SPDX-License-Identifier: Apache-2.0
/// What is written is opened again as it was meant: of every family and container, with names, fused tensors,
/// pairing and offsets as the source has them.
#include "train/write_model.h"

#include <functional>

#include "written_model.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

using WriteModel = InOwnFolder;

/// GGUF files and folders of tiny models that the engine computes.
std::vector<fs::path> sources() {
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(tiny_models())) {
    if (fs::exists(entry.path() / "config.json")) paths.push_back(entry.path());
    if (fs::exists(entry.path() / "model.gguf")) paths.push_back(entry.path() / "model.gguf");
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string name_like(const fs::path& source) {
  return source.extension() == ".gguf" ? source.parent_path().filename().string() + ".gguf"
                                       : source.filename().string();
}

TEST_F(WriteModel, OfItsOwnWeightsIsTheSourceToTheByte) {
  int n = 0;
  for (const fs::path& source : sources()) {
    const auto model = open_model(source);
    const std::string to = path(name_like(source));
    const bool gguf = to.ends_with(".gguf");
    const NewWeights own = shaken(*model, 0);
    write_model(*model, own, {}, to);
    if (gguf) {
      // Vectors become F32: they are compared below, as values.
      const auto again = ModelFile::open(to);
      for (const std::string& name : own.names)
        EXPECT_EQ(engine_values(*again, model->config(), name), own.values(name)) << source << name;
      EXPECT_EQ(again->metadata(), model->file().metadata()) << source;
      EXPECT_EQ(again->stored_tensors().size(), model->file().stored_tensors().size()) << source;
    } else {
      EXPECT_TRUE(contents_of(to + "/model.safetensors") == contents_of(source / "model.safetensors"))
          << source;
      EXPECT_EQ(JsonInput::parse(contents_of(to + "/config.json")),
                JsonInput::parse(contents_of(source / "config.json")));
    }
    ++n;
  }
  EXPECT_GT(n, 100);
}

TEST_F(WriteModel, HoldsNewWeightsOfEveryTypeAsTheyWere) {
  for (const fs::path& source : sources()) {
    const auto model = open_model(source);
    const NewWeights weights = shaken(*model, 0.01f);
    for (const char* type : {"F32", "F16", "BF16"}) {
      const std::string to = path(std::string(type) + name_like(source));
      write_model(*model, weights, {.type = type}, to);
      const auto again = open_model(to);
      EXPECT_EQ(names_of(again->file()), weights.names) << source;
      const float step = std::string(type) == "F32" ? 1e-7f : std::string(type) == "F16" ? 5e-4f : 4e-3f;
      for (const std::string& name : weights.names) {
        const std::vector<float> wanted = weights.values(name),
                                 found = engine_values(again->file(), again->config(), name);
        ASSERT_EQ(wanted.size(), found.size());
        const TensorInfo& info = again->file().tensor(name);
        if (info.type == "F32" && info.offset == 0) {
          EXPECT_EQ(wanted, found) << source << name;
          continue;
        }
        for (std::size_t i = 0; i < wanted.size(); ++i)
          ASSERT_NEAR(wanted[i], found[i], step * (std::abs(wanted[i]) + info.offset + 1e-3f))
              << source << name;
      }
    }
  }
}

TEST_F(WriteModel, BothContainersOfOneModelGiveTheSameLogits) {
  int n = 0;
  for (const fs::path& source : sources()) {
    // In SmolLM3's layers without positions a GGUF's rows of q and k stay as they stand: no order to compare
    // in.
    if (source.extension() != ".gguf" || source.parent_path().filename() == "smollm3") continue;
    if (!fs::exists(source.parent_path() / "config.json")) continue;  // a GGUF alone
    const auto file = open_model(source), folder = open_model(source.parent_path());
    // The converter turns heads of states and takes the exponential of their rates: neither has an order.
    const auto& layers = file->config().layers;
    if (std::any_of(layers.begin(), layers.end(), std::mem_fn(&LayerSpec::recurs))) continue;
    if (layers[0].attention.latent.split) continue;  // two tensors in place of the folder's one
    std::vector<std::vector<float>> all;
    for (const auto& model : {file, folder}) {
      const std::string to = path(model == file ? name_like(source) : name_like(source.parent_path()));
      write_model(*model, shaken(*model, 0.02f), {.type = "F32"}, to);
      const auto again = open_model(to);
      all.push_back(logits_of(*again));
      const std::vector<float> before = logits_of(*model);
      EXPECT_NE(before, all.back()) << to;
    }
    double worst = 0;
    for (std::size_t i = 0; i < all[0].size(); ++i)
      worst = std::max(worst, static_cast<double>(std::abs(all[0][i] - all[1][i])));
    EXPECT_LE(worst, 1e-5) << source;  // frequency factors, and w of 1 + w, are rounded
    ++n;
  }
  EXPECT_GT(n, 40);
}

TEST_F(WriteModel, ExpandsAQuantisedModel) {
  const auto model = open_model(fs::path(ROPEWALK_SOURCE_DIR) / "models/short-256.gguf");
  NewWeights weights = shaken(*model, 0);
  weights.names = {"blk.0.attn_q.weight", "blk.1.ffn_down.weight", "blk.1.attn_norm.weight"};
  for (const char* type : {"F16", "BF16", "F32", "Q8_0", ""}) {
    const std::string to = path(fmt::format("{}.gguf", type));
    write_model(*model, weights, {.type = type}, to);
    const auto again = open_model(to);
    EXPECT_EQ(again->file().tensor("blk.0.attn_q.weight").type, *type == 0 ? "Q8_0" : type);
    EXPECT_EQ(again->file().tensor("blk.0.attn_k.weight").type, "Q8_0");  // not new: copied
    EXPECT_EQ(again->tokenizer().encode("a text 12"), model->tokenizer().encode("a text 12"));
    const std::vector<float> before = logits_of(*model), after = logits_of(*again);
    double worst = 0;
    for (std::size_t i = 0; i < before.size(); ++i)
      worst = std::max(worst, static_cast<double>(std::abs(before[i] - after[i])));
    EXPECT_LE(worst, *type == 'B' ? 0.1 : std::string(type) == "F16" ? 0.02 : 1e-4) << type;
  }
}

TEST_F(WriteModel, SaysTheMethodInBothContainers) {
  for (const char* method :
       {"pi:factor=4", "ntk:factor=4", "yarn:factor=4", "base:value=50000",
        "yarn:factor=8,attention_factor=1", "llama3:factor=4", "ntk-by-parts:factor=4"}) {
    for (const bool gguf : {false, true}) {
      const auto model = open_model(gguf ? tiny_models() / "llama/model.gguf" : tiny_models() / "llama");
      const Index n = 256;
      const RopeContext context = model->config().rope_context(0, n);
      const Method bound = Method::bind(MethodSpec::parse(method), context);
      const std::string to = path(fmt::format("{}{}", method, gguf ? ".gguf" : ""));
      WriteOptions options;
      options.settings = file_settings(MethodSpec::parse(bound.text()), context, "llama");
      write_model(*model, shaken(*model, 0), options, to);
      const auto again = open_model(to);
      EXPECT_GE(again->config().n_ctx_train, n);
      if (const std::string name = method; name.starts_with("yarn") || (gguf && name.starts_with("pi"))) {
        EXPECT_EQ(again->config().n_ctx_original, model->config().n_ctx_train) << to;
      }
      const Method own = Method::bind(MethodSpec::parse("none"), again->config().rope_context(0, n));
      const Pointwise wanted = bound.pointwise(), found = own.pointwise();
      ASSERT_EQ(wanted.theta.size(), found.theta.size());
      for (std::size_t m = 0; m < wanted.theta.size(); ++m)
        EXPECT_NEAR(wanted.theta[m], found.theta[m], 1e-6 * wanted.theta[m]) << to << " " << m;
      EXPECT_NEAR(wanted.rotary_gain, found.rotary_gain, 1e-6) << to;
    }
  }
}

TEST_F(WriteModel, RefusesASettingThatAContainerCannotSay) {
  const RopeContext context = open_model(tiny_models() / "llama")->config().rope_context(0, 256);
  const auto told = [&](const char* method, const char* architecture) {
    const Method bound = Method::bind(MethodSpec::parse(method), context);
    return file_settings(MethodSpec::parse(bound.text()), context, architecture);
  };
  EXPECT_NE(told("yarn:factor=4,beta_fast=24", "llama").no_gguf, "");
  EXPECT_EQ(told("yarn:factor=4,beta_fast=24", "llama").no_config, "");
  EXPECT_EQ(told("yarn:factor=4,beta_fast=24", "mistral3").no_gguf, "");
  EXPECT_NE(told("yarn:factor=4,truncate=0", "llama").no_gguf, "");
  EXPECT_NE(told("dynamic-ntk:factor=4", "llama").no_gguf, "");
  EXPECT_EQ(told("ntk-by-parts:factor=4", "llama").no_gguf, "");
  EXPECT_NE(told("ntk-by-parts:factor=4", "qwen2").no_gguf, "");
  for (const char* method : {"self-extend", "rerope", "yarn:factor=4+logn", "window:window=40"}) {
    EXPECT_NE(told(method, "llama").no_gguf, "") << method;
    EXPECT_NE(told(method, "llama").no_config, "") << method;
  }
}

TEST_F(WriteModel, OfLlamasKindGoesToTheOtherContainerAndBack) {
  const auto source = open_model(fs::path(ROPEWALK_SOURCE_DIR) / "models/short-256.gguf");
  const NewWeights none{{}, {}}, shaken_once = shaken(*source, 0.01f);
  for (const NewWeights* weights : {&none, &shaken_once}) {
    const std::string stem = path(weights == &none ? "copied" : "shaken");
    write_model(*source, *weights, {.type = "F32"}, stem + "_a.gguf");
    write_model(*source, *weights, {.type = "F32"}, stem + "_b");
    const auto a = open_model(stem + "_a.gguf"), b = open_model(stem + "_b");
    write_model(*b, shaken(*b, 0), {.type = "F32"}, stem + "_c.gguf");
    write_model(*b, none, {}, stem + "_d.gguf");
    const auto c = open_model(stem + "_c.gguf"), d = open_model(stem + "_d.gguf");
    const std::vector<float> logits = logits_of(*b);
    for (const auto& other : {c, d}) {
      EXPECT_EQ(logits_of(*other), logits);
      EXPECT_EQ(other->config().n_ctx_train, source->config().n_ctx_train);
      EXPECT_EQ(other->tokenizer().kind(), source->tokenizer().kind());
    }
    if (weights == &shaken_once) {
      EXPECT_EQ(logits_of(*a), logits);
    }
    const std::string text = "A text, of 123 words\n\n  and <|endoftext|> it\'s € 5.";
    for (const auto& other : {a, b, c, d})
      for (const bool special : {false, true}) {
        EXPECT_EQ(other->tokenizer().encode(text, special), source->tokenizer().encode(text, special));
        EXPECT_EQ(other->tokenizer().text_begin(), source->tokenizer().text_begin());
        EXPECT_EQ(other->tokenizer().eos, source->tokenizer().eos);
      }
  }
  try {
    write_model(*source, none, {}, path("no_type"));
    ADD_FAILURE() << "Q8_0 in a folder";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("F32, F16 or BF16"), std::string::npos) << e.what();
  }
}

TEST_F(WriteModel, RefusesByName) {
  const auto folder = open_model(tiny_models() / "llama"),
             small = open_model(tiny_models() / "qwen2/model.gguf");
  const NewWeights own = shaken(*folder, 0);
  const auto refused = [&](const auto& model, const NewWeights& weights, const WriteOptions& options,
                           const std::string& to, const char* part) {
    try {
      write_model(*model, weights, options, path(to));
      ADD_FAILURE() << part;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  };
  refused(folder, own, {.type = "Q8_0"}, "a", "F32, F16 or BF16");
  refused(small, shaken(*small, 0), {.type = "Q4_K"}, "a.gguf", "Q8_0");
  NewWeights other = own;
  other.names.insert("blk.9.attn_q.weight");
  refused(folder, other, {}, "a", "blk.9.attn_q.weight");
  fs::create_directories(path("there"));
  refused(folder, own, {}, "there", "there already");
  NewWeights wrong = own;
  wrong.values = [&](const std::string& name) {
    std::vector<float> values = own.values(name);
    if (name == "blk.1.ffn_up.weight") values[7] = std::nanf("");
    return values;
  };
  refused(folder, wrong, {}, "a", "layers.1.mlp.up_proj.weight: expected finite weights");
  refused(folder, own, {}, "a.gguf", "tokenizer");  // tiny models have none
  const auto by_layer = open_model(tiny_models() / "llama_by_layer");
  refused(by_layer, shaken(*by_layer, 0), {}, "a.gguf", "equal layers");
  const auto other_kind = open_model(tiny_models() / "qwen2");
  refused(other_kind, shaken(*other_kind, 0), {}, "a.gguf", "architecture llama");
  FileSettings none;
  none.no_config = none.no_gguf = "rerope is no change of frequencies";
  refused(folder, own, {.settings = none}, "a", "no change of frequencies");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);  // "there": nothing else is left
}

}  // namespace
}  // namespace rw
