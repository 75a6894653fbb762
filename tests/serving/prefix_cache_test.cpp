// SPDX-License-Identifier: Apache-2.0
/// Where a prefix that was kept is gone on from: what is said to be read need not be read again.
#include "serving/prefix_cache.h"

#include <gtest/gtest.h>

#include "model/engine.h"

namespace rw {
namespace {

Index found_at(const std::string& name, Index shared) {
  const auto model = Model::open(std::string(ROPEWALK_SOURCE_DIR) + "/tests/golden/tiny/" + name,
                                 make_cpu_backend(Precision::kBf16));
  const MethodSpec spec = MethodSpec::parse("none");
  std::vector<Token> tokens(500);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<Token>(i * 7 % 50);
  const SequenceOptions options{.n = 600};
  Sequence sequence(*model, spec, options);
  Engine engine(model, 64);
  const StepInput input{&sequence, tokens};
  engine.step({&input, 1});
  serving::PrefixCache cache(std::size_t{1} << 30);
  cache.keep(sequence, tokens, options);
  std::vector<Token> prompt(tokens.begin(), tokens.begin() + shared);
  prompt.resize(prompt.size() + 50, 1);
  const auto found = cache.find(*model, spec, prompt, {.n = 700});
  if (!found) return 0;
  EXPECT_EQ(found->position(), found->resumes_at(found->position())) << name;
  return found->position();
}

TEST(PrefixCache, GoesOnFromWhatIsKeptAtAnotherLength) {
  for (const char* name : {"llama", "gemma4_e2b", "gemma4_31b", "minicpm3"})
    EXPECT_EQ(found_at(name, 500), 500) << name;  // of a prefix some windows have passed
}

/// Of layers with a state, from the nearest that was kept: what lies behind it is read as a prompt is,
/// counted, in shares with others and to be cancelled.
TEST(PrefixCache, OfLayersWithAStateGoesOnFromOne) {
  for (const char* name : {"qwen3_5", "lfm2", "nemotron_h"}) {
    const Index at = found_at(name, 300);
    EXPECT_GT(at, 100) << name;
    EXPECT_LT(at, 300) << name;
  }
}

}  // namespace
}  // namespace rw
