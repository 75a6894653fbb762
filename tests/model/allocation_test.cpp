// SPDX-License-Identifier: Apache-2.0
/// A step allocates nothing, under any method: what it needs is grown by the first steps and kept. (The
/// cache's own blocks of 256 keys are not made in the steps that are counted; grow=1 makes its frequencies
/// anew.)
#ifndef ROPEWALK_SANITIZED  // a sanitizer has its own operator new
#include <atomic>
#include <cstdlib>
#include <new>

#include "model_test_util.h"

namespace {
std::atomic<long> allocations{0};
}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace rw {
namespace {

class Allocation : public testing::TestWithParam<std::string> {};

TEST_P(Allocation, NoneInAStep) {
  for (const KvType type : {KvType::kBf16, KvType::kF32, KvType::kQ8}) {
    const TestModel m(golden("tiny/llama"),
                      make_cpu_backend(type == KvType::kF32 ? Precision::kF32 : Precision::kBf16, type));
    const std::vector<Token> tokens = some_tokens(230, m.model.config().n_vocab);
    Session session(m.model, MethodSpec::parse(GetParam()), {.n = 250, .n_prompt = 200, .chunk = 20});
    const LogitsSink sink = [](Index, Index, const float*) {};
    const auto read = [&](Index begin, Index n) {
      session.run(std::span(tokens).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(n)), 0,
                  250, sink);
    };
    read(0, 160);  // all that a step of 20 needs, and its largest number of segments
    const long before = allocations;
    read(160, 40);
    EXPECT_EQ(allocations - before, 0) << "reading";
    session.write(tokens[200], sink);
    const long before_writing = allocations;
    for (std::size_t t = 201; t < 230; ++t) session.write(tokens[t], sink);
    EXPECT_EQ(allocations - before_writing, 0) << "writing";
  }
}

/// Layers with a state: copies of it are kept in reading, none is made in writing.
TEST(StateAllocation, NoneInWriting) {
  const TestModel m(golden("tiny/qwen3_5"), make_cpu_backend(Precision::kBf16));
  const std::vector<Token> tokens = some_tokens(230, m.model.config().n_vocab);
  Session session(m.model, MethodSpec::parse("none"), {.n = 250, .chunk = 20});
  const LogitsSink sink = [](Index, Index, const float*) {};
  session.run(std::span(tokens).first(200), 0, 250, sink);
  session.write(tokens[200], sink);
  const long before = allocations;
  for (std::size_t t = 201; t < 230; ++t) session.write(tokens[t], sink);
  EXPECT_EQ(allocations - before, 0);
}

std::vector<std::string> specs() {
  std::vector<std::string> result;
  for (const MethodInfo& info : Registry<MethodInfo>::all())
    if (info.name != "longrope")  // needs the model's own lists
      result.push_back(info.name == "base"          ? "base:value=50000"
                       : info.name == "dope"        ? "dope:heads=0.0"
                       : info.name == "temperature" ? "temperature:value=1.2"
                                                    : info.name);
  result.push_back("yarn:factor=4+rerope:window=20+logn");
  result.push_back("dca:chunk=24,local=8+window:window=40");
  return result;
}

INSTANTIATE_TEST_SUITE_P(Model, Allocation, testing::ValuesIn(specs()));

}  // namespace
}  // namespace rw
#endif
