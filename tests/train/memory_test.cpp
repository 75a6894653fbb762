// SPDX-License-Identifier: Apache-2.0
/// What a GradientPass says that it takes, against what it takes.
#ifndef ROPEWALK_SANITIZED  // a sanitizer has its own aligned_alloc
#include <malloc.h>

#include <atomic>

#include "train/new_model.h"
#include "train/training_memory.h"
#include "train_test_util.h"
#include "written_model.h"

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

namespace rw {
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
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 2, .isa = {}});
  const std::shared_ptr<const Backend> backend = make_cpu_backend(context, Precision::kF32, KvType::kF32);
  const auto tiny = [&](const std::string& name) { return Model::open(golden("tiny/" + name), backend); };
  for (const char* name : {"llama", "gemma2", "roformer"})
    for (const char* method : {"none", "rerope:window=100"}) {
      SCOPED_TRACE(name);
      expect_told<float>(tiny(name), make_cpu_training(context), 4, 1500, method);
      expect_told<float>(tiny(name), make_cpu_training(context), 20, 256, method);
    }
  for (const char* name : {"minicpm3", "gemma4_e2b", "gemma4_31b", "lfm2", "qwen3_5", "granite_hybrid",
                           "nemotron_h"}) {  // values of their own width, shared keys, states
    SCOPED_TRACE(name);
    expect_told<float>(tiny(name), make_cpu_training(context), 5, 700, "rerope:window=100");
  }
  expect_told<double>(tiny_model("llama"), definition(), 3, 60, "none");
  expect_told<double>(tiny_model("qwen3_5"), definition(), 3, 60, "none");
}

using RunMemory = InOwnFolder;

/// A run of each kind of step, with a longer batch behind a shorter one, held-out texts longer than both, and
/// more or less memory for what layers keep. Told is at least what was held, and at most twice as much: it is
/// that of the method with the most variants of keys.
TEST_F(RunMemory, IsToldBeforeItIsTaken) {
  LlamaSizes sizes;
  sizes.d_model = 128, sizes.d_ff = 352, sizes.n_ctx_train = 128, sizes.n_layers = 3;
  sizes.n_heads = 4, sizes.n_kv_heads = 2, sizes.head_dim = 32;
  const std::string path = write_untrained(sizes, std::string(ROPEWALK_SOURCE_DIR) + "/models/short-256.gguf",
                                           "small", folder_.string());
  const auto context = std::make_shared<Context>(ContextOptions{.threads = 2, .isa = {}});
  const auto operations = std::shared_ptr<const Training<float>>(make_cpu_training(context));
  std::vector<Token> tokens(4000);
  for (std::size_t i = 0; i < tokens.size(); ++i) tokens[i] = static_cast<Token>(i * i % 997);
  const Sources sources = [&] {
    Sources made;
    made["text"] = make_text_source({{"a", tokens, 0}}, {});
    return made;
  }();
  for (const bool muon : {false, true})
    for (const std::size_t kept : {std::size_t{0}, std::size_t{3'000'000}, std::size_t{1} << 30}) {
      SCOPED_TRACE(fmt::format("muon {}, kept_bytes {}", muon, kept));
      Recipe recipe;
      recipe.kept_bytes = kept;
      TrainStage stage{.name = "short", .steps = 1, .n_ctx = {64}, .tokens = 512};
      stage.mix = {{"text", 1}};
      recipe.stages = {stage, stage};
      recipe.stages[1].n_ctx = {128}, recipe.stages[1].tokens = 1024;
      const std::vector<HeldOut> held = {{"text", even_pieces({"a", tokens, 0}, {}, 2, 1500), 0}};
      const auto model = Model::open(path, make_cpu_backend(context, Precision::kF32, KvType::kF32));
      const std::size_t told = training_memory(model->config(), muon, recipe, held, operations).total();
      const std::size_t before = in_use();
      most = before;
      {
        LearningModel m = learn_all(model);
        start_random(m, 1, 0.05);
        const auto learner = make_learner(m, operations);
        const OptimizedParameters by = by_optimizer(m.parameters, muon);
        std::vector<std::unique_ptr<Optimizer>> optimizers;
        if (muon) optimizers.push_back(make_muon(by.muon, {}, operations));
        optimizers.push_back(make_adamw(by.adamw, {}, context));
        Trainer trainer(m, *learner, std::move(optimizers), recipe, sources, held, context);
        while (!trainer.done()) trainer.step();
      }
      const std::size_t taken = most - before;
      EXPECT_LE(taken, told);
      EXPECT_LE(told, 2 * taken);
    }
}

}  // namespace
}  // namespace rw
#endif
