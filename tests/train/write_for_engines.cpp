// SPDX-License-Identifier: Apache-2.0
/// Writes a model with changed weights, for tools/check_written.py, which lets other engines read it:
///     write_for_engines SOURCE TARGET TYPE CHANGE [METHOD LENGTH]
/// TYPE "" keeps the source's; CHANGE 0 writes its own weights; METHOD is said in the written file. With TYPE
/// "adapter" TARGET is an adapter of made-up pairs, under METHOD, TARGET.merged the model with them.
#include <cmath>
#include <cstdio>

#include "core/random.h"
#include "train/adapter.h"
#include "train/write_model.h"

using namespace rw;

void write_pairs(const std::shared_ptr<const Model>& source, const std::string& target, float change,
                 const std::optional<FileSettings>& settings) {
  LearningModel learning = learn_low_rank(source, {.rank = 8, .alpha = 16, .seed = 3});
  Random random(4);
  for (const Parameter& p : learning.parameters)
    for (Index i = 0; p.name.ends_with(".lora_b") && i < p.n(); ++i)
      (*learning.values)[p.begin + i] = change * static_cast<float>(random.uniform() - 0.5);
  write_adapter(learning, {.settings = settings}, target);
  const bool gguf = source->file().container().starts_with("GGUF");
  const NewWeights merged = new_weights(learning);
  NewWeights all = merged;  // the others in float32 too: llama.cpp rounds what it multiplies 8-bit weights by
  for (const TensorInfo& tensor : source->file().tensors()) all.names.insert(tensor.name);
  all.values = [&](const std::string& name) {
    return merged.names.contains(name) ? merged.values(name)
                                       : engine_values(source->file(), source->config(), name);
  };
  write_model(*source, all, {.type = "F32", .settings = settings},
              target + (gguf ? ".merged.gguf" : ".merged"));
}

int main(int n, char** arguments) try {
  if (n != 5 && n != 7) throw UsageError("write_for_engines", "4 or 6 arguments", std::to_string(n - 1));
  const auto model = Model::open(arguments[1], make_cpu_backend(Precision::kF32));
  const float change = std::stof(arguments[4]);
  std::optional<FileSettings> settings;
  if (n == 7) {
    const RopeContext context = model->config().rope_context(0, std::stol(arguments[6]));
    const Method bound = Method::bind(MethodSpec::parse(arguments[5]), context);
    settings = file_settings(MethodSpec::parse(bound.text()), context, model->config().architecture);
  }
  if (std::string(arguments[3]) == "adapter") return write_pairs(model, arguments[2], change, settings), 0;
  NewWeights weights;
  for (const TensorInfo& tensor : model->file().tensors())
    if (tensor.name.find("rope") == std::string::npos) weights.names.insert(tensor.name);
  weights.values = [&](const std::string& name) {
    std::vector<float> values = engine_values(model->file(), model->config(), name);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] *= 1 + change * std::sin(static_cast<float>(i % 1000 + name.size()));
    return values;
  };
  const WriteOptions options{.type = arguments[3], .settings = settings};
  write_model(*model, weights, options, arguments[2]);
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
