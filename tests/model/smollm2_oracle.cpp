// SPDX-License-Identifier: Apache-2.0
/// The whole model against the oracle's recorded numbers, on the real SmolLM2, for every kind of method.
#include "model_test_util.h"

namespace rw {
namespace {

const std::string kModel = std::string(ROPEWALK_SOURCE_DIR) + "/models/SmolLM2-135M-Instruct.Q4_1.gguf";

std::vector<double> losses_of(const std::vector<float>& logits, const Model& model,
                              const std::vector<Token>& tokens) {
  return losses_of(model.backend(), logits.data(), model.config().n_vocab, std::span(tokens).subspan(1));
}

TEST(SmolLM2, EqualsTheOracleInF32) {
  const JsonInput golden_file = read_json(golden("oracle_smollm2.json"));
  const auto tokens = golden_file["tokens"].get<std::vector<Token>>();
  const auto n = static_cast<Index>(tokens.size());
  const TestModel m(kModel, make_cpu_backend(Precision::kF32));
  ASSERT_GE(golden_file["cases"].size(), 14u);
  for (const JsonInput& c : golden_file["cases"]) {
    const auto spec = c["spec"].get<std::string>();
    const auto logits = all_logits(m.model, spec, tokens, {.n = n});
    const auto losses = losses_of(logits, m.model, tokens);
    for (std::size_t t = 0; t < losses.size(); ++t)
      ASSERT_NEAR(losses[t], c["nll"][t].get<double>(), 1e-3) << spec << " token " << t;
    for (const auto& [row, expected] : c["rows"].items())
      for (std::size_t v = 0; v < expected.size(); ++v)
        ASSERT_NEAR(logits[static_cast<std::size_t>(std::stoll(row) * m.model.config().n_vocab) +
                           v * c["stride"].get<std::size_t>()],
                    expected[v].get<float>(), 2e-3)
            << spec << " row " << row;
  }
}

TEST(SmolLM2, MeanLossInBf16IsNearTheOracle) {
  const JsonInput golden_file = read_json(golden("oracle_smollm2.json"));
  const auto tokens = golden_file["tokens"].get<std::vector<Token>>();
  const TestModel m(kModel, make_cpu_backend(Precision::kBf16));
  double total = 0, expected_total = 0;
  int cases = 0;
  for (const JsonInput& c : golden_file["cases"]) {
    const auto logits =
        all_logits(m.model, c["spec"].get<std::string>(), tokens, {.n = static_cast<Index>(tokens.size())});
    const auto losses = losses_of(logits, m.model, tokens);
    double mean = 0, expected = 0;
    for (std::size_t t = 0; t < losses.size(); ++t)
      mean += losses[t] / static_cast<double>(losses.size()),
          expected += c["nll"][t].get<double>() / static_cast<double>(losses.size());
    RecordProperty(c["spec"].get<std::string>(), std::to_string(mean - expected));
    std::printf("%-44s mean loss %+0.4f against the oracle\n", c["spec"].get<std::string>().c_str(),
                mean - expected);
    EXPECT_NEAR(mean, expected, 0.01) << c["spec"];
    total += mean, expected_total += expected, ++cases;
  }
  EXPECT_NEAR(total / cases, expected_total / cases, 0.01);
}

}  // namespace
}  // namespace rw
