// SPDX-License-Identifier: Apache-2.0
/// What every method computed when tests/golden/recorded_logits.json was made: a change that moves or
/// redesigns code changes no bit on the portable instruction set, and no loss by more than roundings on
/// another. Where results are meant to change, the record is made again, and its difference shows which
/// methods it touched:
///     ROPEWALK_ISA=portable ROPEWALK_RECORD=1 build/release/test_model --gtest_filter='RecordedLogits.*'
#include <cstdlib>

#include "core/hash.h"
#include "model_test_util.h"

namespace rw {
namespace {

constexpr Index kLength = 150;  // beyond the 64 tokens that the tiny model was "trained" on

/// How products and the cache round, and how far an instruction set's mean loss may be from the portable
/// one's: they add in other orders. f32 moves by some 2^-24 of a logit (seen: 2.4e-7); with bfloat16 or 8
/// bits a number near the middle of two is rounded to the other one now and then (seen: 3.4e-5 and 1.9e-4 on
/// x86-64; ARM's bfmmla and bfdot round inside of a product too, without denormal numbers: 3.2e-4).
struct Kind {
  const char* name;
  Precision precision;
  KvType kv;
  double tolerance;
};
constexpr Kind kKinds[] = {{"f32", Precision::kF32, KvType::kF32, 2e-6},
                           {"bf16", Precision::kBf16, KvType::kBf16, 6e-4},
                           {"q8", Precision::kBf16, KvType::kQ8, 1e-3}};

struct Computed {
  std::string bits;  ///< the first 16 digits of the logits' SHA-256
  double loss;       ///< the mean of all tokens
};

Computed compute(const Model& model, const std::string& spec) {
  const std::vector<Token> tokens = some_tokens(kLength, model.config().n_vocab);
  const std::vector<float> logits = all_logits(model, spec, tokens, {.n = kLength}, {90, 7, 1});
  double sum = 0;
  for (const double loss :
       losses_of(model.backend(), logits.data(), model.config().n_vocab, std::span(tokens).subspan(1)))
    sum += loss;
  Sha256 hash;
  hash.add(std::as_bytes(std::span(logits)));
  return {hash.text().substr(0, 16), sum / static_cast<double>(kLength - 1)};
}

TEST(RecordedLogits, StayAsTheyWere) {
  const std::string path = golden("recorded_logits.json");
  const bool record = std::getenv("ROPEWALK_RECORD") != nullptr, portable = isa_name(Context()) == "portable";
  ASSERT_TRUE(!record || portable) << "what is recorded are the portable bits";
  Json recorded = Json::object();
  for (const Kind& kind : kKinds) {
    const TestModel m(golden("tiny/llama"), make_cpu_backend(kind.precision, kind.kv));
    if (record) {
      for (const std::string& spec : every_spec()) {
        const Computed now = compute(m.model, spec);
        recorded[spec][kind.name] = {{"sha256", now.bits}, {"loss", now.loss}};
      }
      continue;
    }
    const JsonInput before = read_json(path);
    ASSERT_GE(before.size(), 39u);  // of every_spec(); a method that is newer than the record has none
    for (const auto& [spec, kinds] : before.items()) {
      const Computed now = compute(m.model, spec);
      if (portable) {
        EXPECT_EQ(now.bits, kinds[kind.name]["sha256"].get<std::string>()) << spec << " " << kind.name;
      }
      EXPECT_NEAR(now.loss, kinds[kind.name]["loss"].get<double>(), kind.tolerance)
          << spec << " " << kind.name;
    }
  }
  if (record) std::ofstream(path) << recorded.dump(1) << "\n";
}

}  // namespace
}  // namespace rw
