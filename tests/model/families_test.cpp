// SPDX-License-Identifier: Apache-2.0
/// Every family under methods of every kind: the fast backend computes what the reference backend does,
/// whole, in chunks and token by token give the same bits, written tokens equal read ones, and layers on
/// which a method does not act stay as they are.
#include <algorithm>
#include <filesystem>
#include <functional>

#include "model_test_util.h"

namespace rw {
namespace {

constexpr Index kTokens = 90;  // beyond the 64 that most were "trained" on, and every window

/// Of written logits, by their root mean square: what each layer rounds adds up (Gemma 3's seven layers:
/// 0.0216 with bf16).
constexpr double kBf16Bound = 0.025, kStateBound = 0.045, kQ8Bound = 0.03;
/// Of models of six experts and two layers, where some rows choose others (0.086).
constexpr double kOtherChoices = 0.2;

/// Windows below those of the models themselves (16 and 24) and a factor other than theirs (4), so that they
/// bind.
constexpr const char* kSpecs[] = {"none", "yarn:factor=3", "rerope:window=8", "self-extend:window=8,group=4",
                                  "lm-infinite:sink=2,window=8"};

std::vector<std::string> families_in_tiny() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(golden("tiny")))
    if (has_reader(entry.path().filename())) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

bool has_own_scaling(const ModelConfig& config) {
  return std::any_of(config.layers.begin(), config.layers.end(), [](const LayerSpec& layer) {
    return !layer.attention.rope.own_scaling.empty() || !layer.attention.rope.divisors.empty();
  });
}

/// As a user has to spell it for this model.
std::string spelled(const std::string& spec, const ModelConfig& config) {
  return spec.starts_with("yarn") && has_own_scaling(config) ? spec + ",replace=1" : spec;
}

/// Logits of all rows where the tokens behind the first 60 are written.
std::vector<float> partly_written(const Model& model, const std::string& spec,
                                  const std::vector<Token>& tokens) {
  Session session(model, MethodSpec::parse(spec), {.n = kTokens});
  std::vector<float> written;
  const LogitsSink keep = [&](Index, Index n, const float* logits) {
    written.insert(written.end(), logits, logits + n * model.config().n_vocab);
  };
  session.run(std::span(tokens).first(60), 0, 60, keep);
  for (std::size_t t = 60; t < tokens.size(); ++t) session.write(tokens[t], keep);
  return written;
}

/// What a decoder reads in chunks, in runs of any size, or writes itself, is what it reads whole.
void expect_whole_in_parts(const Model& model, const std::string& spec, const std::vector<Token>& tokens,
                           const std::vector<float>& whole) {
  EXPECT_EQ(largest_difference(whole, all_logits(model, spec, tokens, {.n = kTokens, .chunk = 37})), 0);
  EXPECT_EQ(largest_difference(whole, all_logits(model, spec, tokens, {.n = kTokens}, {60, 7, 1})), 0);
  EXPECT_LT(relative_error(partly_written(model, spec, tokens), whole), 1e-5);
}

class Families : public testing::TestWithParam<std::string> {};

TEST_P(Families, ComputeTheSameInEveryWay) {
  const std::string folder = tiny(GetParam());
  const TestModel fast(folder, make_cpu_backend(Precision::kF32));
  const TestModel slow(folder, make_reference_backend());
  const ModelConfig& config = fast.model.config();
  const std::vector<Token> tokens = some_tokens(kTokens, config.n_vocab);
  std::vector<float> plain;
  for (const char* each : kSpecs) {
    const std::string spec = spelled(each, config);
    SCOPED_TRACE(spec);
    const auto whole = all_logits(fast.model, spec, tokens, {.n = kTokens});
    EXPECT_LT(largest_difference(whole, all_logits(slow.model, spec, tokens, {.n = kTokens})), 1e-3);
    if (!config.encoder) expect_whole_in_parts(fast.model, spec, tokens, whole);
    if (plain.empty())
      plain = whole;
    else if (config.n_acting_layers() > 0)
      EXPECT_GT(largest_difference(plain, whole), 1e-4) << "the method changes nothing";
    else
      EXPECT_EQ(largest_difference(plain, whole), 0);
  }
}

/// Of logits (n, n_vocab) by rows: the error that a quarter of them stay below.
double error_of_a_quarter(const std::vector<float>& a, const std::vector<float>& b, Index n_vocab) {
  std::vector<double> errors;
  for (auto at = b.begin(); at != b.end(); at += n_vocab)
    errors.push_back(relative_error({a.begin() + (at - b.begin()), a.begin() + (at - b.begin()) + n_vocab},
                                    {at, at + n_vocab}));
  std::nth_element(errors.begin(), errors.begin() + static_cast<Index>(errors.size() / 4), errors.end());
  return errors[errors.size() / 4];
}

bool has_experts(const ModelConfig& config) {
  return std::any_of(config.layers.begin(), config.layers.end(),
                     [](const LayerSpec& layer) { return layer.ffn.experts.n_experts > 0; });
}

/// Against what is read without rounding: with bf16 in products and cache, and with 8 bits in the cache.
TEST_P(Families, WriteWhatTheyReadWithinTheirPrecision) {
  const std::string folder = tiny(GetParam());
  const TestModel exact(folder, make_cpu_backend(Precision::kF32));
  const ModelConfig& config = exact.model.config();
  if (config.encoder) return;  // writes nothing
  const TestModel bf16(folder, make_cpu_backend(Precision::kBf16));
  const TestModel q8(folder, make_cpu_backend(Precision::kBf16, KvType::kQ8));
  const std::vector<Token> tokens = some_tokens(kTokens, config.n_vocab);
  for (const char* each : kSpecs) {
    const std::string spec = spelled(each, config);
    SCOPED_TRACE(spec);
    const auto whole = all_logits(exact.model, spec, tokens, {.n = kTokens});
    // A row whose choice of experts is a near tie may fall the other way when what comes before is rounded:
    // such rows are far off, as are those that see them.
    const bool mixed = has_experts(config);
    const auto error = [&](const Model& model) {
      const auto written = partly_written(model, spec, tokens);
      EXPECT_LT(relative_error(written, whole), mixed ? kOtherChoices : 1);
      return mixed ? error_of_a_quarter(written, whole, config.n_vocab) : relative_error(written, whole);
    };
    const bool recurs =
        std::any_of(config.layers.begin(), config.layers.end(), std::mem_fn(&LayerSpec::recurs));
    EXPECT_LT(error(bf16.model), recurs ? kStateBound : mixed ? kQ8Bound : kBf16Bound);
    EXPECT_LT(error(q8.model), recurs ? kStateBound : kQ8Bound);
  }
}

/// Keys, rows and scales of a layer that a method leaves alone are those of no method at all.
TEST_P(Families, LayersWhereMethodsDoNotActStayAsTheyAre) {
  const ModelConfig config = read_config(*ModelFile::open(tiny(GetParam())));
  for (int layer = 0; layer < config.n_layers(); ++layer) {
    if (!config.layers[static_cast<std::size_t>(layer)].attends()) continue;
    const RopeContext context = config.rope_context(layer, kTokens);
    const auto bound = [&](const char* spec) {
      return Method::bind(MethodSpec::parse(spelled(spec, config)), context);
    };
    const std::string plain = bound("none").fingerprint(kTokens);
    const bool acts = acts_on(config.layers[static_cast<std::size_t>(layer)]);
    for (const char* spec : kSpecs) {
      if (std::string(spec) == "none") continue;
      EXPECT_EQ(bound(spec).acts(), acts) << spec << ", layer " << layer;
      EXPECT_EQ(bound(spec).fingerprint(kTokens) != plain, acts) << spec << ", layer " << layer;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tiny, Families, testing::ValuesIn(families_in_tiny()),
                         [](const auto& test) { return test.param; });

TEST(ActingLayers, AreThoseThatSeeFarAndHavePositions) {
  const auto acting = [](const char* name) {
    return read_config(*ModelFile::open(golden(std::string("tiny/") + name))).acting_layers();
  };
  EXPECT_EQ(acting("llama"), "2 of 2");
  EXPECT_EQ(acting("mistral"), "2 of 2");  // a window in every layer
  EXPECT_EQ(acting("gemma2"), "1 of 3");
  EXPECT_EQ(acting("gemma3"), "1 of 7");
  EXPECT_EQ(acting("olmo3"), "1 of 4");
  EXPECT_EQ(acting("smollm3"), "3 of 4");
  EXPECT_EQ(acting("cohere2"), "0 of 4");
  EXPECT_EQ(acting("exaone4_32b"), "0 of 4");
  EXPECT_EQ(acting("hunyuan"), "2 of 2");
  EXPECT_EQ(acting("llama_by_layer"), "3 of 3");  // each a class of its own
}

}  // namespace
}  // namespace rw
