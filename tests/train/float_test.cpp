// SPDX-License-Identifier: Apache-2.0
/// The gradient on the CPU's instruction set, in float32, against the definition's in double.
#include "train_test_util.h"

namespace rw {
namespace {

struct Machine {
  std::shared_ptr<Context> context;
  std::shared_ptr<const Backend> backend;
  std::shared_ptr<const Training<float>> operations;
  explicit Machine(int threads)
      : context(std::make_shared<Context>(ContextOptions{.threads = threads, .isa = {}})),
        backend(make_cpu_backend(context, Precision::kF32, KvType::kF32)),
        operations(make_cpu_training(context)) {}
  std::shared_ptr<const Model> tiny(const std::string& name) const {
    return Model::open(golden("tiny/" + name), backend);
  }
};
const Machine& machine() {
  static const Machine made(2);
  return made;
}

double difference(const std::vector<float>& a, const std::vector<double>& b) {
  double error = 0, size = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    const double d = static_cast<double>(a.at(i)) - b[i];
    error += d * d, size += b[i] * b[i];
  }
  return std::isfinite(error) && size > 0 ? std::sqrt(error / size) : INFINITY;
}

void expect_the_definitions_gradient(const LearningModel& exact, const LearningModel& fast,
                                     const std::string& method) {
  const SomeTexts texts({23, 40, 9}, exact.model->config().n_vocab);
  EXPECT_LT(difference(gradient_of(fast, machine().operations, texts, method),
                       gradient_of(exact, definition(), texts, method)),
            1e-4)
      << method;
}

TEST(FloatGradient, IsTheDefinitionsForEveryFamily) {
  for (const std::string& name : tiny_families()) {
    SCOPED_TRACE(name);
    const LearningModel exact = learn_all(tiny_model(name)), fast = learn_all(machine().tiny(name));
    for (const char* method : {"none", "rerope:window=7"})
      expect_the_definitions_gradient(exact, fast, method);
    LearningModel low = learn_low_rank(tiny_model(name), {}),
                  fast_low = learn_low_rank(machine().tiny(name), {});
    for (LearningModel* m : {&low, &fast_low})
      for (Index i = 0; i < m->n(); ++i) (*m->values)[i] += 0.01f * static_cast<float>(i % 5 - 2);
    expect_the_definitions_gradient(low, fast_low, "none");
  }
}

TEST(FloatGradient, IsTheDefinitionsUnderEveryMethod) {
  const LearningModel exact = learn_all(tiny_model("llama_mha")),
                      fast = learn_all(machine().tiny("llama_mha"));
  for (const std::string& spec : every_spec()) expect_the_definitions_gradient(exact, fast, spec);
}

TEST(FloatGradient, BitsDoNotDependOnThreadsOrOnKeptLayers) {
  const Machine alone(1);
  for (const char* name : {"llama", "gemma2", "roformer", "hunyuan", "cohere2", "minicpm3", "gemma4_e2b",
                           "gemma4_31b", "lfm2", "qwen3_5", "granite_hybrid", "nemotron_h"}) {
    const LearningModel m = learn_all(machine().tiny(name)), of_one = learn_all(alone.tiny(name));
    const SomeTexts texts({150, 300, 7}, m.model->config().n_vocab);
    for (const char* method : {"none", "self-extend:window=16,group=4"}) {
      const GradientOptions options{.n_ctx = 320, .kept_bytes = 0};
      const std::vector<float> gradient = gradient_of(m, machine().operations, texts, method, options);
      EXPECT_EQ(gradient_of(of_one, alone.operations, texts, method, options), gradient) << name;
      EXPECT_EQ(gradient_of(m, machine().operations, texts, method, {.n_ctx = 320, .kept_bytes = 1 << 30}),
                gradient)
          << name;
    }
  }
}

}  // namespace
}  // namespace rw
