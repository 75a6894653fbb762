// SPDX-License-Identifier: Apache-2.0
#include "judge/bits_per_byte.h"

#include <gtest/gtest.h>

#include <cmath>

#include "judge/task.h"

namespace rw {
namespace {

/// Token n is n letters; 0 is a special token, which stands for no text.
class Runs : public Tokenizer {
 public:
  std::vector<Token> encode(std::string_view, bool) const override { return {}; }
  using Tokenizer::decode;
  std::string decode(Token id, bool) const override { return std::string(static_cast<std::size_t>(id), 'x'); }
  Index n_vocab() const override { return 64; }
  std::string kind() const override { return "runs"; }
};

TEST(BitsPerByte, IsTheLossOfTheBytes) {
  const Runs runs;
  const std::vector<Token> fine{1, 1, 1, 1}, coarse{4}, special{0};
  const double nats = 4 * std::log(2.0);
  // One text in two vocabularies: the same bits, whatever the tokens.
  EXPECT_NEAR(bits_per_byte(runs, fine, nats), 1, 1e-12);
  EXPECT_NEAR(bits_per_byte(runs, coarse, nats), 1, 1e-12);
  EXPECT_TRUE(std::isnan(bits_per_byte(runs, special, nats)));
}

/// Every task that reports a mean loss of a text reports its bits as well, of the same targets.
TEST(BitsPerByte, IsBesideEveryLoss) {
  const auto model = Model::open(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/tiny/llama",
                                 make_cpu_backend(Precision::kF32));
  const Runs runs;
  std::vector<Token> tokens(200, 2);
  const Document document = identify({"t", tokens, {1}});
  const MethodSpec spec = MethodSpec::parse("none");
  for (const std::string name : {"tail", "sliding", "llama", "positions"}) {
    const auto records = Registry<Task>::get(name, "task")
                             .run({.model = *model,
                                   .tokenizer = runs,
                                   .spec = spec,
                                   .document = document,
                                   .length = 60,
                                   .tail = 16});
    ASSERT_FALSE(records.empty());
    for (const Record& record : records) {
      double bits = -1;
      for (const auto& [own, value] : record.values)
        if (own == "bits_per_byte") bits = value;
      EXPECT_NEAR(bits, record.loss / std::log(2.0) / 2, 1e-9) << name;  // two bytes a token
    }
  }
}

}  // namespace
}  // namespace rw
