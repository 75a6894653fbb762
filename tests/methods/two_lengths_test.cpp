// SPDX-License-Identifier: Apache-2.0
/// A model with a scaling of its own has two lengths. Frequency methods, which replace that scaling, count
/// from the length before it; everything that keeps it counts from the length of the model as shipped.
#include "methods_test_util.h"

namespace rw {
namespace {

std::string spelled(const MethodInfo& info, Index trained, Index original) {
  RopeContext context = context_of(64, trained, 6000);
  context.n_ctx_original = original;
  context.long_factors.assign(32, 2), context.short_factors.assign(32, 1);
  return bound(info.name == "base"   ? "base:value=1e6"
               : info.name == "dope" ? "dope:heads=0.0"
                                     : info.name,
               context)
      .text();
}

TEST(TwoLengths, EachMethodCountsFromTheRightOne) {
  int from_original = 0, from_trained = 0;
  for (const MethodInfo& info : Registry<MethodInfo>::all()) {
    const std::string text = spelled(info, 4096, 1024);
    const bool original = text != spelled(info, 4096, 512), trained = text != spelled(info, 2048, 1024);
    EXPECT_FALSE(info.kind == "frequency" ? trained : original) << text;
    from_original += original, from_trained += trained;
  }
  EXPECT_GE(from_original, 10);
  EXPECT_GE(from_trained, 10);
}

TEST(TwoLengths, AnUnknownOriginIsAskedFor) {
  RopeContext context = context_of(64, 4096, 6000);
  context.n_ctx_original = 0;
  context.rope_freqs.assign(32, 2);
  for (const char* spec : {"yarn:replace=1", "ntk:replace=1", "pi:replace=1", "dynamic-ntk:replace=1"}) try {
      bound(spec, context);
      ADD_FAILURE() << spec << " guessed";
    } catch (const UsageError& e) {
      EXPECT_NE(std::string(e.what()).find("original length"), std::string::npos) << e.what();
    }
  EXPECT_NO_THROW(bound("yarn:trained=1024,replace=1", context));
  EXPECT_NO_THROW(bound("ntk:factor=4,replace=1", context));
  for (const char* spec : {"none", "rerope", "leaky-rerope", "logn", "dca"})
    EXPECT_NO_THROW(bound(spec, context)) << spec;
}

}  // namespace
}  // namespace rw
