// SPDX-License-Identifier: Apache-2.0
/// What a GradientPass says that it takes, against what it takes.
#ifndef ROPEWALK_SANITIZED  // a sanitizer has its own aligned_alloc
#include <malloc.h>

#include <atomic>

#include "train_test_util.h"

namespace {
std::atomic<std::size_t> most{0};
std::size_t in_use() {
  const struct mallinfo2 now = ::mallinfo2();
  return now.uordblks + now.hblkhd;
}
}  // namespace

/// Buffers come from here: after each, what is in use may be the most of all.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t size) {
  void* p = ::memalign(alignment, size);
  const std::size_t now = in_use();
  for (std::size_t before = most; before < now && !most.compare_exchange_weak(before, now);) {
  }
  return p;
}

namespace ropewalk {
namespace {

template <class T>
void expect_told(const std::shared_ptr<const Model>& model, std::shared_ptr<const Training<T>> operations,
                 Index n_texts, Index n_ctx, const char* method) {
  const LearningModel m = learn_all(model);
  const SomeTexts texts(std::vector<Index>(static_cast<std::size_t>(n_texts), n_ctx),
                        model->config().n_vocab);
  std::vector<T> gradient(static_cast<std::size_t>(m.n()));
  GradientPass<T> pass(m, std::move(operations));
  const std::size_t told = pass.bytes(n_texts * n_ctx, n_ctx), before = in_use();
  most = before;
  pass.run(texts.all(), MethodSpec::parse(method), {}, 1, gradient.data());
  EXPECT_LE(most - before, told) << n_texts << " texts of " << n_ctx << ", " << method;
  EXPECT_GT(most - before, told / 4) << n_texts << " texts of " << n_ctx << ", " << method;
  // What layers keep, as far as they are let, is told apart.
  const std::size_t kept = pass.most_kept_bytes(n_texts * n_ctx);
  const auto held = [&](std::size_t kept_bytes) {
    most = before;
    pass.run(texts.all(), MethodSpec::parse(method), {0, kept_bytes}, 1, gradient.data());
    return most - before;
  };
  EXPECT_LE(held(kept / 2), told + kept / 2) << n_texts << " texts of " << n_ctx << ", " << method;
  const std::size_t all = held(std::size_t{1} << 40);
  EXPECT_LE(all, told + kept) << n_texts << " texts of " << n_ctx << ", " << method;
  EXPECT_GE(all, kept) << n_texts << " texts of " << n_ctx << ", " << method;
  EXPECT_GT(kept, 0u);
}

TEST(GradientMemory, IsToldBeforeItIsTaken) {
  for (const char* name : {"llama", "gemma2", "roformer"})
    for (const char* method : {"none", "rerope:window=100"}) {
      SCOPED_TRACE(name);
      const auto context = std::make_shared<Context>(ContextOptions{.threads = 2, .isa = {}});
      const std::shared_ptr<const Backend> backend = make_cpu_backend(context, Precision::kF32, KvType::kF32);
      const std::shared_ptr<const Model> model = Model::open(golden(std::string("tiny/") + name), backend);
      expect_told<float>(model, make_cpu_training(context), 4, 1500, method);
      expect_told<float>(model, make_cpu_training(context), 20, 256, method);
    }
  expect_told<double>(tiny_model("llama"), definition(), 3, 60, "none");
}

}  // namespace
}  // namespace ropewalk
#endif
