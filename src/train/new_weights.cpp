// SPDX-License-Identifier: Apache-2.0
#include "train/new_weights.h"

#include <cmath>

#include "model/pairing.h"

namespace rw {
namespace {

constexpr std::string_view kLowRankA = ".lora_a", kLowRankB = ".lora_b";

const Parameter* find_parameter(const LearningModel& model, const std::string& name) {
  for (const Parameter& parameter : model.parameters)
    if (parameter.name == name) return &parameter;
  return nullptr;
}

/// w (n_out, n_in) += scale B (n_out, rank) A (rank, n_in), in the order of the ranks.
void add_pair(const LearningModel& model, const Parameter& a, const Parameter& b, std::vector<float>& w) {
  const float scale = *model.pair_scale;
  const float *values_a = model.values->data() + a.begin, *values_b = model.values->data() + b.begin;
  RW_CHECK(static_cast<Index>(w.size()) == b.n_rows * a.n_columns && a.n_rows == b.n_columns);
  std::vector<float> row(static_cast<std::size_t>(a.n_columns));
  for (Index r = 0; r < b.n_rows; ++r) {
    std::fill(row.begin(), row.end(), 0.0f);
    for (Index k = 0; k < a.n_rows; ++k)
      for (Index i = 0; i < a.n_columns; ++i)
        row[static_cast<std::size_t>(i)] += values_b[r * a.n_rows + k] * values_a[k * a.n_columns + i];
    float* to = w.data() + r * a.n_columns;
    for (Index i = 0; i < a.n_columns; ++i) to[i] += scale * row[static_cast<std::size_t>(i)];
  }
}

}  // namespace

std::vector<float> engine_values(const ModelFile& file, const ModelConfig& config, const std::string& name) {
  const TensorInfo& info = file.tensor(name);
  std::vector<float> stored = ModelFile::dequantize(info);
  const RowOrder order(config, name);
  if (order.as_stored()) return stored;
  const bool is_matrix = info.shape.size() == 2 && name.find("_norm.") == std::string::npos;
  const Index width = is_matrix ? info.shape[1] : 1;
  std::vector<float> values(stored.size());
  for (Index r = 0; r < static_cast<Index>(stored.size()) / width; ++r)
    std::copy_n(stored.begin() + order.stored(r) * width, width, values.begin() + r * width);
  return values;
}

NewWeights new_weights(const LearningModel& model) {
  NewWeights result;
  for (const Parameter& parameter : model.parameters) {
    std::string name = parameter.name;
    if (name.ends_with(kLowRankA) || name.ends_with(kLowRankB)) name.resize(name.size() - kLowRankA.size());
    if (model.model->file().find_tensor(name) == nullptr)
      throw Error(model.model->file().path(), "only tensors of the file that learn, to write them",
                  "'" + name + "'", "what the engine made of several tensors cannot be written as one");
    result.names.insert(std::move(name));
  }
  result.values = [&model](const std::string& name) {
    if (const Parameter* whole = find_parameter(model, name)) {
      const float* begin = model.values->data() + whole->begin;
      std::vector<float> numbers(begin, begin + whole->n());
      if (holds_rates(name))
        for (float& rate : numbers) rate = -std::exp(rate);
      return numbers;
    }
    std::vector<float> w = engine_values(model.model->file(), model.model->config(), name);
    const Parameter *a = find_parameter(model, name + std::string(kLowRankA)),
                    *b = find_parameter(model, name + std::string(kLowRankB));
    RW_CHECK(a != nullptr && b != nullptr);
    add_pair(model, *a, *b, w);
    return w;
  };
  return result;
}

}  // namespace rw
