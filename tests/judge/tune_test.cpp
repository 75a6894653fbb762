// SPDX-License-Identifier: Apache-2.0
/// Choosing among candidates, on a tiny model (trained on 64 tokens).
#include "judge/tune.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace ropewalk {
namespace {

class NoText : public Tokenizer {
 public:
  std::vector<Token> encode(std::string_view, bool) const override { return {}; }
  std::string decode(Token, bool) const override { return "."; }
  Index n_vocab() const override { return 64; }
  std::string kind() const override { return "none"; }
};

class Tune : public testing::Test {
 protected:
  Tune()
      : file_(ModelFile::open(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/tiny/llama")),
        model_(*file_, make_cpu_backend(Precision::kF32)) {
    for (std::uint32_t d = 0; d < 4; ++d) {
      std::vector<Token> tokens;
      for (std::uint32_t i = 0, x = d + 7; i < 200; ++i) {
        x = x * 1664525u + 1013904223u;
        tokens.push_back(static_cast<Token>((x >> 8) % static_cast<std::uint32_t>(model_.config().n_vocab)));
      }
      documents_.push_back(identify({fmt::format("d{}", d), tokens, {}}));
    }
  }
  double mean_loss(const std::string& method) const {
    double sum = 0;
    for (const Document& d : documents_) {
      const std::vector<Token> tokens = context_before(d, 200, 160);
      for (double loss : token_losses(model_, MethodSpec::parse(method), tokens, 143, 159)) sum += loss / 16;
    }
    return sum / static_cast<double>(documents_.size());
  }
  std::unique_ptr<ModelFile> file_;
  Model model_;
  NoText tokenizer_;
  std::vector<Document> documents_;
};

TEST_F(Tune, CandidatesFitTheModelAndAreOfEveryKind) {
  const std::vector<std::string> all = tune_candidates(model_.config(), 160);
  EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), all.size());
  std::set<std::string> kinds;
  for (const std::string& text : all) {
    const MethodSpec spec = MethodSpec::parse(text);
    EXPECT_NO_THROW(Method::bind(spec, model_.config().rope_context(0, 160))) << text;
    for (const MethodPart& part : spec.parts)
      kinds.insert(Registry<MethodInfo>::get(part.name, "method").kind);
  }
  for (const char* kind : {"frequency", "distance", "mask", "scale"})
    EXPECT_TRUE(kinds.contains(kind)) << kind;
}

TEST_F(Tune, TheLastRoundIsOverAllDocumentsAndInOrder) {
  const std::vector<std::string> candidates{"pi",   "ntk",         "yarn:factor=2.5", "rerope:window=16",
                                            "none", "self-extend", "window:window=64"};
  const std::vector<TuneRow> rows =
      tune(model_, tokenizer_, documents_, {.length = 160, .tail = 16, .candidates = candidates}, {});
  ASSERT_EQ(rows.size(), candidates.size());
  std::set<std::string> names;
  for (const TuneRow& row : rows) names.insert(row.method);
  EXPECT_EQ(names, std::set<std::string>(candidates.begin(), candidates.end()));
  EXPECT_EQ(rows[0].n_documents, documents_.size());
  for (std::size_t i = 1; i < rows.size(); ++i) {
    EXPECT_GE(rows[i - 1].round, rows[i].round);
    if (rows[i].round == rows[0].round) {
      EXPECT_LE(rows[i - 1].loss, rows[i].loss);
    }
  }
  EXPECT_NEAR(rows[0].loss, mean_loss(rows[0].method), 1e-9);
}

TEST_F(Tune, OneCandidateOrALittleTimeStillGivesAnAnswer) {
  EXPECT_EQ(
      tune(model_, tokenizer_, documents_, {.length = 160, .tail = 16, .candidates = {"ntk"}}, {})[0].method,
      "ntk");
  const std::vector<TuneRow> rows = tune(
      model_, tokenizer_, documents_,
      {.length = 160, .tail = 16, .candidates = {"ntk", "pi", "yarn", "dca"}, .budget_seconds = 1e-6}, {});
  EXPECT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].n_documents, 1u);
}

}  // namespace
}  // namespace ropewalk
