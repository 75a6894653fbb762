// SPDX-License-Identifier: Apache-2.0
/// The check of a user's own document, on the small model: what it says is what the tasks measure.
#include "judge/document_check.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "core/error.h"
#include "core/registry.h"

namespace rw {
namespace {

class DocumentChecks : public testing::Test {
 protected:
  DocumentChecks()
      : model_(Model::open(std::string(ROPEWALK_SOURCE_DIR) + "/models/short-256.gguf",
                           make_cpu_backend(Precision::kBf16))) {
    std::ifstream in(std::string(ROPEWALK_SOURCE_DIR) + "/data/persuasion.txt");
    std::string text(20000, '\0');
    in.read(text.data(), 20000);
    document_ = identify({"persuasion", tokenizer().encode(text), tokenizer().text_begin()});
  }
  const Tokenizer& tokenizer() const { return model_->tokenizer(); }
  DocumentCheck check(const std::string& method, Index length, const DocumentCheckOptions& options) const {
    return check_document(*model_, tokenizer(), MethodSpec::parse(method), document_, length, options);
  }
  std::shared_ptr<const Model> model_;
  Document document_;
};

constexpr double kEnough = 1e6;  // seconds: keys are bounded by their number alone

/// Rerope finds at four times the trained length what truncation cannot have seen (docs/results.md, 1.1).
TEST_F(DocumentChecks, tells_a_method_that_finds_from_truncation) {
  const DocumentCheck found = check("rerope", 1024, {.budget_seconds = kEnough, .most_keys = 10});
  EXPECT_EQ(found.found.n, 10);
  EXPECT_GE(found.found.k, 8);
  EXPECT_LE(found.truncated.k, 5);
  EXPECT_LE(found.p, 0.05);
  EXPECT_EQ(found.told, 256);
  EXPECT_NE(text_of(found).find("it finds more"), std::string::npos) << text_of(found);
  const DocumentCheck blind = check("window", 1024, {.budget_seconds = kEnough, .most_keys = 10});
  EXPECT_GT(blind.p, 0.05);
  EXPECT_NE(text_of(blind).find("more is not shown"), std::string::npos) << text_of(blind);
}

/// The same records as the tasks give by themselves.
TEST_F(DocumentChecks, is_the_tasks_own_numbers) {
  const DocumentCheck found = check("yarn", 700, {.budget_seconds = kEnough, .most_keys = 4});
  const MethodSpec yarn = MethodSpec::parse("yarn"), plain = MethodSpec::parse("none");
  const auto input = [&](const MethodSpec& spec, Index length) {
    return TaskInput{
        .model = *model_, .tokenizer = tokenizer(), .spec = spec, .document = document_, .length = length};
  };
  TaskInput keys = input(yarn, 700);
  keys.seed = drawn_seed(document_, 1), keys.n_depths = 4;
  double k = 0;
  for (const Record& record : Registry<Task>::get("passkey", "task").run(keys)) k += *record.score;
  EXPECT_EQ(found.found.k, k);
  for (const auto& [spec, length, loss] :
       {std::tuple{&yarn, Index{700}, found.loss}, std::tuple{&plain, Index{256}, found.truncated_loss}}) {
    TaskInput tail = input(*spec, length);
    tail.tail = found.tail;
    EXPECT_EQ(Registry<Task>::get("tail", "task").run(tail).at(0).loss, loss);
  }
}

TEST_F(DocumentChecks, within_the_trained_length_there_is_nothing_to_compare) {
  const DocumentCheck found = check("none", 250, {.budget_seconds = kEnough, .most_keys = 2});
  EXPECT_EQ(found.told, 0);
  EXPECT_NE(text_of(found).find("no more than the model was trained on"), std::string::npos);
  EXPECT_FALSE(json_of(found).contains("truncation"));
}

TEST_F(DocumentChecks, a_budget_bounds_the_keys_and_too_small_a_one_says_what_it_takes) {
  double last = 0;
  DocumentCheckOptions options{.budget_seconds = kEnough, .most_keys = 7};
  options.progress = [&](double share) {
    EXPECT_GE(share, last - 1e-9);
    EXPECT_LE(share, 1 + 1e-9);
    last = share;
  };
  EXPECT_EQ(check("yarn", 512, options).found.n, 7);  // a key at five depths, another at two
  EXPECT_NEAR(last, 1, 0.01);
  try {
    check("yarn", 512, {.budget_seconds = 1e-6});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("--check-time"), std::string::npos) << error.what();
  }
}

/// Of three keys p is 1/8 at least: that is no "not shown".
TEST_F(DocumentChecks, too_few_keys_are_said_to_be_too_few) {
  const DocumentCheck found = check("rerope", 700, {.budget_seconds = 0, .most_keys = 3});
  EXPECT_EQ(found.found.n, 3);
  EXPECT_FALSE(can_tell(found));
  EXPECT_NE(text_of(found).find("too few keys to tell"), std::string::npos) << text_of(found);
  EXPECT_EQ(json_of(found)["truncation"]["can_tell"], false);
  DocumentCheck all;
  all.told = 256, all.found = proportion(5, 5), all.truncated = proportion(0, 5);
  EXPECT_TRUE(can_tell(all));
  all.truncated = proportion(1, 5);
  all.more_seconds = 61.2;
  EXPECT_NE(text_of(all).find("1 more that truncation misses are needed (62s may do: --check-time"),
            std::string::npos)
      << text_of(all);
}

TEST_F(DocumentChecks, a_text_that_holds_no_key_is_refused) {
  document_.tokens.resize(70);
  EXPECT_THROW(check("none", 4096, {.budget_seconds = kEnough}), Error);
  document_.tokens.resize(20);
  try {
    check("none", 4096, {.budget_seconds = kEnough});
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("to hide a key in"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace rw
