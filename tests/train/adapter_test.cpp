// SPDX-License-Identifier: Apache-2.0
/// Low-rank pairs are written so that W + scale B A of the adapter, by the folder's names and in its order,
/// is the merged model; and the merged model computes what the pairs do beside W.
#include "train/adapter.h"

#include "core/random.h"
#include "formats/mapped_file.h"
#include "formats/safetensors.h"
#include "train/gradient.h"
#include "train/write_model.h"
#include "written_model.h"

namespace rw {
namespace {

namespace fs = std::filesystem;

using Adapter = InOwnFolder;

/// Pairs of which B is not 0.
LearningModel with_pairs(const std::shared_ptr<const Model>& model, Index rank = 3) {
  LowRankOptions options;
  options.rank = rank, options.alpha = 5;
  LearningModel learning = learn_low_rank(model, options);
  Random random(5);
  for (const Parameter& p : learning.parameters)
    for (Index i = 0; p.name.ends_with(".lora_b") && i < p.n(); ++i)
      (*learning.values)[p.begin + i] = static_cast<float>(random.uniform() - 0.5) * 0.3f;
  return learning;
}

std::map<std::string, std::vector<float>> tensors_in(const fs::path& path) {
  const MappedFile file(path.string());
  std::map<std::string, std::vector<float>> all;
  for (const TensorInfo& tensor : parse_safetensors(file.bytes(), path.string()))
    all[tensor.name] = ModelFile::dequantize(tensor);
  return all;
}

TEST_F(Adapter, AddedByTheFoldersNamesIsTheMergedModel) {
  int n = 0, n_fused = 0;
  for (const auto& entry : fs::directory_iterator(tiny_models())) {
    if (!fs::exists(entry.path() / "config.json")) continue;
    const auto model = open_model(fs::relative(entry.path()));
    if (why_not_trained(model->config()) != nullptr) {
      EXPECT_THROW(with_pairs(model), Error) << entry.path();
      continue;
    }
    const LearningModel learning = with_pairs(model);
    const std::string name = path(entry.path().filename().string());
    try {
      write_adapter(learning, {}, name + "_adapter");
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("fused"), std::string::npos) << e.what();
      ++n_fused;
      continue;
    }
    write_model(*model, new_weights(learning), {.type = "F32"}, name);
    const JsonInput config = JsonInput::parse(contents_of(name + "_adapter/adapter_config.json"));
    EXPECT_EQ(config["r"], 3);
    EXPECT_EQ(config["base_model_name_or_path"], fs::absolute(entry.path()).lexically_normal().string());
    EXPECT_EQ(config["lora_alpha"], 5);
    const float scale = 5.0f / 3;
    auto adapter = tensors_in(name + "_adapter/adapter_model.safetensors");
    auto before = tensors_in(entry.path() / "model.safetensors"),
         merged = tensors_in(name + "/model.safetensors");
    std::size_t n_changed = 0;
    for (const auto& [tensor, w] : before) {
      if (!merged.contains(tensor) || !tensor.ends_with(".weight"))
        continue;  // a second copy of tied embeddings
      const std::string stem = "base_model.model." + tensor.substr(0, tensor.rfind('.'));
      const auto a = adapter.find(stem + ".lora_A.weight"), b = adapter.find(stem + ".lora_B.weight");
      const std::vector<float>& found = merged.at(tensor);
      ASSERT_EQ(a == adapter.end(), b == adapter.end());
      if (a == adapter.end()) {
        EXPECT_EQ(found, w) << tensor;
        continue;
      }
      ++n_changed;
      const std::size_t n_in = a->second.size() / 3, n_out = b->second.size() / 3;
      ASSERT_EQ(n_in * n_out, w.size());
      for (std::size_t r = 0; r < n_out; ++r)
        for (std::size_t c = 0; c < n_in; ++c) {
          float sum = 0;
          for (std::size_t k = 0; k < 3; ++k) sum += b->second[3 * r + k] * a->second[k * n_in + c];
          ASSERT_NEAR(w[r * n_in + c] + scale * sum, found[r * n_in + c], 1e-6) << entry.path() << tensor;
        }
    }
    EXPECT_EQ(n_changed * 2, adapter.size()) << entry.path();
    ++n;
  }
  EXPECT_GT(n, 30);
  EXPECT_GT(n_fused, 3);
}

/// A null in it would take rope_parameters away in transformers 5 (config.update).
TEST_F(Adapter, SaysItsMethodWithoutNulls) {
  const auto model = open_model(tiny_models() / "llama");
  for (const char* method : {"none", "ntk:factor=4", "base:value=40000", "pi:factor=4", "yarn:factor=4"}) {
    const RopeContext context = model->config().rope_context(0, 1024);
    const MethodSpec bound = MethodSpec::parse(Method::bind(MethodSpec::parse(method), context).text());
    const std::string to = path(std::string("under_") + method);
    write_adapter(with_pairs(model), {.settings = file_settings(bound, context, "llama")}, to);
    const JsonInput keys = JsonInput::parse(contents_of(to + "/base_config.json"));
    EXPECT_TRUE(keys.at("rope_parameters").is_object()) << method;
    for (const auto& [key, value] : keys.items()) EXPECT_FALSE(value.is_null()) << method << " " << key;
  }
}

TEST_F(Adapter, OfAGgufIsThatOfItsFolder) {
  for (const char* name : {"llama", "qwen2", "qwen3", "gemma2", "smollm3"}) {
    const auto folder = open_model(tiny_models() / name),
               gguf = open_model(tiny_models() / name / "model.gguf");
    write_adapter(with_pairs(folder), {.base = "x"}, path(fmt::format("{}_a", name)));
    write_adapter(with_pairs(gguf), {.base = "x"}, path(fmt::format("{}_b", name)));
    for (const char* file : {"adapter_model.safetensors", "adapter_config.json"})
      EXPECT_TRUE(contents_of(path(fmt::format("{}_a/{}", name, file))) ==
                  contents_of(path(fmt::format("{}_b/{}", name, file))))
          << name << file;
  }
}

TEST_F(Adapter, MergedComputesWhatThePairsDo) {
  for (const char* source : {"llama", "llama/model.gguf", "gemma2", "phi3", "gpt_neox", "glm4", "minicpm3",
                             "deepseek_dense", "gemma4_e2b", "lfm2", "qwen3_5", "nemotron_h"}) {
    const std::shared_ptr<const Backend> backend = make_reference_backend();  // as the definition wants
    const auto model = Model::open((tiny_models() / source).string(), backend);
    const LearningModel learning = with_pairs(model);
    const bool gguf = std::string(source).ends_with("gguf");
    const std::string to = path(gguf ? "m.gguf" : source);
    write_model(*model, new_weights(learning), {.type = "F32"}, to);
    const auto merged = Model::open(to, backend);
    const std::vector<Token> tokens = {5, 9, 3, 77, 9, 12, 50, 8}, targets = {9, 3, 77, 9, 12, 50, 8, 1};
    const TrainingText text{tokens, targets, {}};
    const auto operations = std::shared_ptr<const Training<double>>(
        make_reference_training(std::make_shared<Context>(ContextOptions{1, ""})));
    const MethodSpec none = MethodSpec::parse("none");
    const double beside = GradientPass<double>(learning, operations).loss({&text, 1}, none, {});
    const LearningModel whole = learn_all(merged);
    const double inside = GradientPass<double>(whole, operations).loss({&text, 1}, none, {});
    EXPECT_NEAR(beside, inside, 1e-5 * beside) << source;
  }
}

TEST_F(Adapter, RefusesByName) {
  const auto refused = [&](const LearningModel& learning, const char* part) {
    try {
      write_adapter(learning, {}, path("a"));
      ADD_FAILURE() << part;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
    }
  };
  refused(with_pairs(open_model(tiny_models() / "phi3")),
          "attn_k, attn_q, attn_v, ffn_gate, ffn_up, each a part of a fused one");
  refused(with_pairs(open_model(tiny_models() / "phi/model.gguf")), "phi2");
  refused(learn_all(open_model(tiny_models() / "llama")), "low-rank pairs");
  EXPECT_TRUE(fs::is_empty(folder_));
}

}  // namespace
}  // namespace rw
