// SPDX-License-Identifier: Apache-2.0
/// Documents; verdicts and summaries are tested in tests/results.
#include <gtest/gtest.h>

#include "judge/runner.h"

namespace rw {
namespace {

TEST(Documents, AreDisjointAndLongEnough) {
  std::vector<Token> tokens(1000);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<Token>(i);
  const auto documents = split_document("text", tokens, {7}, 3, 300);
  ASSERT_EQ(documents.size(), 3u);
  EXPECT_EQ(documents[1].tokens.front(), 333);
  EXPECT_THROW(split_document("text", tokens, {}, 4, 300), Error);
  const auto context = context_before(documents[0], 333, 10);
  ASSERT_EQ(context.size(), 10u);
  EXPECT_EQ(context.front(), 7);  // BOS counts
  EXPECT_EQ(context.back(), 332);
}

/// The reference reads the trained length: a tail that reaches near it would score other tokens there.
TEST(Tail, HasToFitIntoTheTrainedLengthAndTheShortest) {
  EXPECT_NO_THROW(require_tail(64, 128, 128));
  EXPECT_NO_THROW(require_tail(256, 8192, 320));
  EXPECT_THROW(require_tail(65, 128, 512), UsageError);
  EXPECT_THROW(require_tail(100, 128, 512), UsageError);
  EXPECT_THROW(require_tail(257, 8192, 320), UsageError);
  for (const Index tail : {1, 16}) try {  // what is asked for is enough
      require_tail(tail, 128, 64);
      ADD_FAILURE() << tail;
    } catch (const UsageError& e) {
      EXPECT_NE(std::string(e.what()).find(fmt::format("{} tokens or more", tail + 64)), std::string::npos)
          << e.what();
      EXPECT_NO_THROW(require_tail(tail, 128, tail + 64));
    }
}

TEST(Tail, TheUsualOneFitsEveryModelThatCanHaveOne) {
  EXPECT_EQ(usual_tail(8192, 8192), 256);
  EXPECT_EQ(usual_tail(128, 2048), 64);
  EXPECT_EQ(usual_tail(8192, 100), 36);
  for (Index trained = 65; trained < 600; ++trained)
    for (const Index shortest : {Index{65}, Index{100}, trained, 4 * trained})
      EXPECT_NO_THROW(require_tail(usual_tail(trained, shortest), trained, shortest)) << trained;
  for (const Index trained : {16, 64}) try {
      require_tail(usual_tail(trained, trained), trained, trained);
      ADD_FAILURE() << trained;
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()).find("trained on 65 tokens or more"), std::string::npos) << e.what();
    }
}

}  // namespace
}  // namespace rw
