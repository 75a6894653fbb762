// SPDX-License-Identifier: Apache-2.0
/// Writes a model with changed weights, for tools/check_written.py, which lets other engines read it:
///     write_for_engines SOURCE TARGET TYPE CHANGE [METHOD LENGTH]
/// TYPE "" keeps the source's; CHANGE 0 writes its own weights; METHOD is said in the written file.
#include <cmath>
#include <cstdio>

#include "train/write_model.h"

using namespace ropewalk;

int main(int n, char** arguments) try {
  if (n != 5 && n != 7) throw UsageError("write_for_engines", "4 or 6 arguments", std::to_string(n - 1));
  const auto model = Model::open(arguments[1], make_cpu_backend(Precision::kF32));
  const float change = std::stof(arguments[4]);
  NewWeights weights;
  for (const TensorInfo& tensor : model->file().tensors())
    if (tensor.name.find("rope") == std::string::npos) weights.names.insert(tensor.name);
  weights.values = [&](const std::string& name) {
    std::vector<float> values = engine_values(model->file(), model->config(), name);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] *= 1 + change * std::sin(static_cast<float>(i % 1000 + name.size()));
    return values;
  };
  WriteOptions options{.type = arguments[3]};
  if (n == 7) {
    const RopeContext context = model->config().rope_context(0, std::stol(arguments[6]));
    const Method bound = Method::bind(MethodSpec::parse(arguments[5]), context);
    options.settings = file_settings(MethodSpec::parse(bound.text()), context, model->config().architecture);
  }
  write_model(*model, weights, options, arguments[2]);
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "%s\n", e.what());
  return 1;
}
