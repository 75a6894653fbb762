// SPDX-License-Identifier: Apache-2.0
/// What is measured where nothing is said fits the budget, and says what it left out.
#include "judge/scope.h"

#include <gtest/gtest.h>

namespace rw {
namespace {

/// A machine that reads `pace` tokens a second, whatever their length.
SecondsOf at(double pace) {
  return [=](const std::vector<std::string>& methods, const std::vector<Index>& lengths) {
    double tokens = 0;
    for (Index length : lengths)
      tokens += static_cast<double>(length) * static_cast<double>(methods.size() + 1);
    return tokens / pace;
  };
}
DocumentsOf text_of(Index n) {
  return [=](Index length) { return static_cast<int>(n / length); };
}

TEST(Scope, AFastMachineReadsFarOnManyDocuments) {
  const ScopeRequest request;
  const Scope scope = choose_scope(request, 256, at(1e5), text_of(1 << 20));
  EXPECT_EQ(scope.lengths, (std::vector<Index>{256, 512, 1024, 2048, 4096}));
  EXPECT_EQ(scope.methods, kDefaultMethods);
  EXPECT_EQ(scope.n_documents, kMostDocuments);
  EXPECT_TRUE(left_out(scope, request, 256, text_of(1 << 20)).empty());
}

TEST(Scope, ASlowOneGivesUpReachThenMethodsThenDocuments) {
  const ScopeRequest request;
  double before = 1e9;
  for (double pace = 1e5; pace > 50; pace /= 1.5) {
    const Scope scope = choose_scope(request, 8192, at(pace), text_of(1 << 24));
    const double reach = static_cast<double>(scope.lengths.back());
    EXPECT_LE(reach, before);
    before = reach;
    if (scope.n_documents > 1) {
      EXPECT_LE(scope.seconds, request.budget_seconds) << pace;
    }
    EXPECT_EQ(scope.lengths.front(), 8192);
    EXPECT_GE(scope.methods.size(), reach > 9216 ? 2u : 1u);
    if (scope.n_documents < 5) {
      const std::vector<std::string> lines = left_out(scope, request, 8192, text_of(1 << 24));
      ASSERT_EQ(lines.size(), 1u);
      EXPECT_TRUE(lines[0].starts_with("left out for 10 minutes: methods ")) << lines[0];
      EXPECT_NE(lines[0].find("where advice needs 5"), std::string::npos) << lines[0];
    }
  }
  EXPECT_EQ(before, 9216);
}

TEST(Scope, AShortTextIsReadAtLengthsThatItHasDocumentsOf) {
  const Scope scope = choose_scope({}, 256, at(1e6), text_of(6000));
  EXPECT_EQ(scope.lengths.back(), 1024);
  EXPECT_EQ(scope.n_documents, 5);
  // Time is not what was missing.
  EXPECT_EQ(
      left_out(scope, {}, 256, text_of(6000)),
      std::vector<std::string>{"left out, since the text has only 2 documents of 2k: lengths beyond 1k"});
  const Scope one = choose_scope({}, 256, at(1e6), text_of(700));
  EXPECT_EQ(left_out(one, {}, 256, text_of(700)),
            (std::vector<std::string>{
                "left out, since the text has only 1 document of 512: lengths beyond 384",
                "left out, since the text is too short: all but 1 document, where advice needs 5"}));
  EXPECT_EQ(choose_scope({}, 8192, at(1e6), text_of(100)).n_documents, 1);  // refused later, with the numbers
}

/// A slow machine, a long trained length: what is chosen fits where anything does, and is named for what it
/// is.
TEST(Scope, AShorterLengthIsChosenBeforeTheBudgetIsExceeded) {
  const auto lines_at = [](double pace, Index text, Index length, std::size_t n_methods) {
    const Scope scope = choose_scope({}, 32768, at(pace), text_of(text));
    EXPECT_EQ(scope.lengths.back(), length) << pace;
    EXPECT_EQ(scope.methods.size(), n_methods) << pace;
    return left_out(scope, {}, 32768, text_of(text)).front();
  };
  const auto begins = [](const std::string& line, const char* with) {
    EXPECT_TRUE(line.starts_with(with)) << line;
  };
  // 240k tokens by two methods at 32k and 48k; 216k at 40k; 204k at 36k; 136k by one method.
  begins(lines_at(245800. / 599, 111587, 49152, 2), "left out, since the text has only 1 document of 64k: ");
  begins(lines_at(222000. / 599, 111587, 40960, 2), "left out for 10 minutes: methods ");
  begins(lines_at(210000. / 599, 111587, 36864, 2), "left out for 10 minutes: methods ");
  begins(lines_at(140000. / 599, 111587, 36864, 1), "left out for 10 minutes: methods yarn ");
  EXPECT_GT(choose_scope({}, 32768, at(50), text_of(111587)).seconds, 600);  // said by eval
  begins(lines_at(1e5, 60000, 49152, 5), "left out, since the text is too short: lengths beyond 48k");
  for (const Index text : {Index{111587}, Index{60000}, Index{1} << 24})
    for (const double pace : {1e2, 4e2, 1e4, 1e6}) {
      const Scope scope = choose_scope({}, 32768, at(pace), text_of(text));
      for (const std::string& line : left_out(scope, {}, 32768, text_of(text)))
        if (line.find("too short: lengths beyond") != std::string::npos) {
          EXPECT_EQ(text_of(text)(2 * 32768), 0) << line;
        }
    }
}

/// Between 1.5 and twice the trained length the next is twice: what the text may hold.
TEST(Scope, WhatComesNextIsTwiceTheTrainedLength) {
  Scope scope;
  scope.lengths = {8192, 12288}, scope.methods = {"rerope", "self-extend"}, scope.n_documents = 8;
  EXPECT_EQ(left_out(scope, {}, 8192, [](Index length) { return length <= 16384 ? 5 : 1; }).size(), 1u);
}

/// Methods that end somewhere: self-extend at four times the trained length, adagrope at twice.
std::vector<std::string> short_ones(const std::vector<std::string>& methods,
                                    const std::vector<Index>& lengths) {
  std::vector<std::string> those;
  for (const std::string& method : methods)
    if (lengths.back() <= (method == "adagrope" ? 256 : method == "self-extend" ? 512 : 1 << 30))
      those.push_back(method);
  return those;
}

TEST(Scope, WhatNobodyNamedFallsOutWhereItDoesNotFit) {
  ScopeRequest request;
  request.fitting = short_ones;
  const Scope usual = choose_scope(request, 128, at(1e5), text_of(1 << 20));
  EXPECT_EQ(usual.lengths.back(), 2048);
  EXPECT_EQ(usual.methods, (std::vector<std::string>{"yarn", "lm-infinite", "leaky-rerope", "dca"}));
  EXPECT_EQ(left_out(usual, request, 128, text_of(1 << 20)),
            std::vector<std::string>{"left out, since they do not fit 2k tokens: methods self-extend"});
  request.methods = request.droppable = {"yarn", "adagrope", "self-extend"};
  const Scope all = choose_scope(request, 128, at(1e5), text_of(1 << 20));
  EXPECT_EQ(all.methods, std::vector<std::string>{"yarn"});
  EXPECT_EQ(all.unfit, (std::vector<std::string>{"adagrope", "self-extend"}));
}

TEST(Scope, WhatWasNamedIsReadAsFarAsItFits) {
  ScopeRequest request;
  request.methods = {"self-extend", "yarn"}, request.fitting = short_ones;
  const Scope scope = choose_scope(request, 128, at(1e5), text_of(1 << 20));
  EXPECT_EQ(scope.lengths.back(), 512);
  EXPECT_EQ(scope.methods, request.methods);
  EXPECT_EQ(left_out(scope, request, 128, text_of(1 << 20)),
            std::vector<std::string>{"left out: lengths beyond 512, which self-extend does not fit"});
  // Nothing else was asked for, so that the method's own error says what is wrong.
  request.lengths = {128, 4096};
  EXPECT_EQ(choose_scope(request, 128, at(1e5), text_of(1 << 20)).methods, request.methods);
}

TEST(Scope, WhatWasAskedForIsNotChosen) {
  const Scope scope = choose_scope({{"pi"}, {300, 700}, 3, 600}, 256, at(1e5), text_of(1 << 20));
  EXPECT_EQ(scope.methods, std::vector<std::string>{"pi"});
  EXPECT_EQ(scope.lengths, (std::vector<Index>{300, 700}));
  EXPECT_EQ(scope.n_documents, 3);
}

}  // namespace
}  // namespace rw
