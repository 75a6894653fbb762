// SPDX-License-Identifier: Apache-2.0
#include "train/parameters.h"

#include <algorithm>
#include <cmath>
#include <fmt/ranges.h>

#include <map>
#include <set>

#include "core/random.h"
#include "model/memory.h"
#include "model/tensors.h"
#include "model/weights.h"
#include "train/layer_matrices.h"

namespace ropewalk {
namespace {

constexpr std::string_view kRates = ".ssm_a";  // Mamba-2's and the delta rule's, not as their logarithm

struct LayerVector {
  Vector LayerWeights::*weights;
  Index LearningLayer::*learning;
};
constexpr LayerVector kLayerVectors[] = {
    {&LayerWeights::bq, &LearningLayer::bq},         {&LayerWeights::bk, &LearningLayer::bk},
    {&LayerWeights::bv, &LearningLayer::bv},         {&LayerWeights::bo, &LearningLayer::bo},
    {&LayerWeights::b_gate, &LearningLayer::b_gate}, {&LayerWeights::b_up, &LearningLayer::b_up},
    {&LayerWeights::b_down, &LearningLayer::b_down}, {&LayerWeights::behind, &LearningLayer::behind},
};
struct LayerNorm {
  NormWeights LayerWeights::*weights;
  LearningNorm LearningLayer::*learning;
};
constexpr LayerNorm kLayerNorms[] = {
    {&LayerWeights::attn_norm, &LearningLayer::attn_norm},
    {&LayerWeights::attn_post_norm, &LearningLayer::attn_post_norm},
    {&LayerWeights::q_norm, &LearningLayer::q_norm},
    {&LayerWeights::k_norm, &LearningLayer::k_norm},
    {&LayerWeights::ffn_norm, &LearningLayer::ffn_norm},
    {&LayerWeights::ffn_post_norm, &LearningLayer::ffn_post_norm},
};
struct RecurrentVector {
  Vector RecurrentWeights::*weights;
  Index LearningRecurrence::*learning;
};
constexpr RecurrentVector kRecurrentVectors[] = {
    {&RecurrentWeights::taps_q, &LearningRecurrence::taps_q},
    {&RecurrentWeights::taps_k, &LearningRecurrence::taps_k},
    {&RecurrentWeights::taps_v, &LearningRecurrence::taps_v},
    {&RecurrentWeights::bias_q, &LearningRecurrence::bias_q},
    {&RecurrentWeights::bias_k, &LearningRecurrence::bias_k},
    {&RecurrentWeights::bias_v, &LearningRecurrence::bias_v},
    {&RecurrentWeights::rate, &LearningRecurrence::rate},
    {&RecurrentWeights::step_bias, &LearningRecurrence::step_bias},
    {&RecurrentWeights::skip, &LearningRecurrence::skip},
    {&RecurrentWeights::norm, &LearningRecurrence::norm},
};

std::string layer_tensor(std::size_t layer, const std::string& matrix) {
  return fmt::format("blk.{}.{}.weight", layer, matrix);
}

WeightRows float_rows(const float* from, Index n_out, Index n_in) {
  return {.n_out = n_out,
          .n_in = n_in,
          .format = &Registry<WeightFormat>::get("F32", "weight format"),
          .first = reinterpret_cast<const std::byte*>(from),
          .stride = n_in * static_cast<Index>(sizeof(float))};
}

ParameterKind kind_of(const NeededTensor& tensor) {
  if (tensor.name == "token_embd.weight" || tensor.name == "token_types.weight")
    return ParameterKind::kEmbedding;
  return tensor.shape.size() == 2 && is_matrix_name(tensor.name) ? ParameterKind::kMatrix
                                                                 : ParameterKind::kVector;
}

/// One parameter behind the other; its numbers are read from the file when load_weights asks for it.
class LearningTensors final : public WeightSource {
 public:
  LearningTensors(const Model& source, LearningModel& learning)
      : file_(source.file(), source.config()), learning_(learning) {
    learning.parameters = parameters_of(source.config());
    Index n = 0;
    for (std::size_t i = 0; i < learning.parameters.size(); ++i) {
      by_name_[learning.parameters[i].name] = i;
      n += learning.parameters[i].n();
    }
    require_memory("weights that learn", static_cast<std::size_t>(n) * sizeof(float),
                   "train fewer of them (low rank), or take a smaller model");
    learning.values = std::make_shared<Buffer<float>>(n);
  }
  const Parameter& parameter(const std::string& name) const {
    return learning_.parameters[by_name_.at(name)];
  }

  WeightRows rows(const std::string& name, const AttentionSpec* rotary) override {
    const Parameter& p = parameter(name);
    const WeightRows from = file_.rows(name, rotary);
    float* to = learning_.values->data() + p.begin;
    for (Index r = 0; r < p.n_rows; ++r)
      from.format->dequantize(from.row(r), to + r * p.n_columns, p.n_columns);
    return float_rows(to, p.n_rows, p.n_columns);
  }
  Vector vector(const std::string& name, const AttentionSpec* rotary) override {
    std::vector<float> numbers = file_.numbers(name, rotary);
    if (name.ends_with(kRates))
      for (float& rate : numbers) rate = log_of_rate(name, rate);
    return filled(name, numbers);
  }
  bool rates_are_logs() const override { return true; }
  /// The first becomes the product and learns; the second stays 1, since only the product counts.
  Vector product(const std::string& a, const std::string& b, const AttentionSpec* rotary) override {
    const std::vector<float> numbers = file_.product(a, b, rotary);
    filled(b, std::vector<float>(numbers.size(), 1.0f));
    return filled(a, numbers);
  }

 private:
  float log_of_rate(const std::string& name, float rate) const {
    const float log = std::log(-rate);
    if (!std::isfinite(log))
      throw Error(fmt::format("{}: tensor {}", file_.path(), name), "rates below 0, to train the model",
                  fmt::format("{}", rate), "a state that does not fade has no logarithm that learns");
    return log;
  }
  Vector filled(const std::string& name, const std::vector<float>& numbers) {
    float* to = learning_.values->data() + parameter(name).begin;
    std::copy(numbers.begin(), numbers.end(), to);
    return {learning_.values, to};
  }
  FileTensors file_;
  LearningModel& learning_;
  std::map<std::string, std::size_t> by_name_;
};

/// Where its gradient begins: there its numbers begin in the values.
Index begin_of(const LearningModel& m, const Vector& v) {
  return v == nullptr ? -1 : static_cast<Index>(v.get() - m.values->data());
}
LearningNorm begin_of(const LearningModel& m, const NormWeights& norm) {
  return {begin_of(m, norm.weight), begin_of(m, norm.bias)};
}

void find_layer(LearningModel& m, const LearningTensors& tensors, std::size_t layer) {
  const LayerWeights& w = m.model->weights().layers[layer];
  LearningLayer& learning = m.layers[layer];
  for (const LayerMatrix& matrix : layer_matrices(m.model->config().layers[layer], w, learning)) {
    const Index begin = tensors.parameter(layer_tensor(layer, matrix.name)).begin;
    for (const MatrixRows& rows : matrix.parts) {
      rows.learning->begin = begin + rows.first * matrix.n_in();
      rows.learning->group = rows.group, rows.learning->group_stride = rows.group_stride;
    }
  }
  for (const LayerVector& v : kLayerVectors) learning.*v.learning = begin_of(m, w.*v.weights);
  for (const LayerNorm& norm : kLayerNorms) learning.*norm.learning = begin_of(m, w.*norm.weights);
  for (const RecurrentVector& v : kRecurrentVectors)
    learning.recurrence.*v.learning = begin_of(m, w.recurrent.*v.weights);
}

/// U(-1, 1) / sqrt(n_in): Kaiming's uniform distribution with a = sqrt(5), as torch.nn.Linear has it.
void start_low_rank(float* a, const Parameter& p, Random& random) {
  const double bound = 1 / std::sqrt(static_cast<double>(p.n_columns));
  for (Index i = 0; i < p.n(); ++i) a[i] = static_cast<float>((2 * random.uniform() - 1) * bound);
}

/// Errors: Error for a target that no layer of any model has.
void require_targets(const std::vector<std::string>& targets) {
  const std::span<const char* const> known = layer_matrix_names();
  for (const std::string& target : targets)
    if (std::find(known.begin(), known.end(), target) == known.end())
      throw Error("low rank", fmt::format("matrices of a layer: {}", fmt::join(known, ", ")),
                  fmt::format("'{}'", target), "targets are named as in a GGUF file");
}

/// Matrices A and B of the pair of one tensor, which read the values; of a tensor in parts each has its rows
/// of B.
void make_pair(const LearningModel& m, const LayerMatrix& matrix, const Parameter& a, const Parameter& b,
               float scale) {
  const Backend& backend = m.model->backend();
  const float* values = m.values->data();
  const WeightRows all = float_rows(values + b.begin, b.n_rows, b.n_columns);
  for (const MatrixRows& rows : matrix.parts) {
    auto low = std::make_unique<LowRank>();
    low->scale = scale;
    low->a = backend.make_matrix(float_rows(values + a.begin, a.n_rows, a.n_columns));
    low->b = backend.make_matrix(rows.of_tensor(all));
    low->a_begin = a.begin, low->b_begin = b.begin + rows.first * b.n_columns;
    rows.learning->group = rows.group, rows.learning->group_stride = rows.group_stride;
    rows.learning->low_rank = std::move(low);
  }
}

}  // namespace

const char* why_not_trained(const ModelConfig& config) {
  for (const LayerSpec& layer : config.layers) {
    if (layer.ffn.experts.n_experts > 0) return "a mixture of experts";
    if (layer.attention.latent.any()) return "multi-head latent attention (MLA)";
    if (layer.attention.v_dim() != layer.attention.head_dim) return "values and keys of different width";
    if (layer.kv_of >= 0) return "layers that read another layer's keys";
    if (layer.attention.value_norm || layer.attention.value_is_key) return "values that are normalised";
    if (layer.output_scale) return "a scale of what a layer gives";
  }
  if (config.per_layer_width > 0) return "embeddings of each layer";
  return nullptr;
}

void require_trainable(const ModelConfig& config, const std::string& place) {
  if (const char* why = why_not_trained(config))
    throw Error(place, "a dense model, to train it", why,
                "nothing here computes the gradients of that");
}

std::vector<Parameter> parameters_of(const ModelConfig& config) {
  std::vector<Parameter> parameters;
  Index n = 0;
  for (const NeededTensor& tensor : needed_tensors(config)) {
    const bool rows = tensor.shape.size() == 2;
    parameters.push_back({tensor.name, kind_of(tensor), rows ? tensor.shape[0] : 1, tensor.shape.back(), n});
    n += parameters.back().n();
  }
  return parameters;
}

LearningModel learn_all(const std::shared_ptr<const Model>& source) {
  require_trainable(source->config(), source->file().path());
  LearningModel m;
  LearningTensors tensors(*source, m);
  std::size_t bytes = 0;
  auto weights = load_weights(tensors, source->config(), source->backend(), bytes);
  m.model = Model::with_weights(*source, source->shared_backend(), std::move(weights), bytes);
  const ModelConfig& config = m.model->config();
  const Weights& w = m.model->weights();
  m.embedding = tensors.parameter("token_embd.weight").begin;
  m.output.begin = config.tied_embeddings ? m.embedding : tensors.parameter("output.weight").begin;
  if (w.projection != nullptr) m.projection.begin = tensors.parameter("token_embd_project.weight").begin;
  if (w.transform != nullptr) m.transform.begin = tensors.parameter("output_transform.weight").begin;
  m.token_types = begin_of(m, w.token_types);
  m.projection_bias = begin_of(m, w.projection_bias);
  m.transform_bias = begin_of(m, w.transform_bias);
  m.output_bias = begin_of(m, w.output_bias);
  m.embedding_norm = begin_of(m, w.embedding_norm);
  m.output_norm = begin_of(m, w.output_norm);
  m.layers.resize(config.layers.size());
  for (std::size_t layer = 0; layer < m.layers.size(); ++layer) find_layer(m, tensors, layer);
  return m;
}

LearningModel learn_low_rank(const std::shared_ptr<const Model>& source, const LowRankOptions& options) {
  require_trainable(source->config(), source->file().path());
  if (options.rank < 1 || options.rank > 4096 || options.targets.empty())
    throw Error("low rank", "a rank from 1 to 4096, of at least one matrix",
                fmt::format("rank {} of {} matrices", options.rank, options.targets.size()));
  const std::set<std::string> once(options.targets.begin(), options.targets.end());
  if (once.size() != options.targets.size())
    throw Error("low rank", "each target once", "one twice", "targets are named as in a GGUF file");
  require_targets(options.targets);
  LearningModel m;
  m.model = source;
  m.layers.resize(source->config().layers.size());
  std::vector<LayerMatrix> pairs;
  Index n = 0;
  for (std::size_t layer = 0; layer < m.layers.size(); ++layer) {
    const std::vector<LayerMatrix> matrices =
        layer_matrices(source->config().layers[layer], source->weights().layers[layer], m.layers[layer]);
    for (const std::string& target : options.targets) {
      const auto matrix = std::find_if(matrices.begin(), matrices.end(),
                                       [&](const LayerMatrix& one) { return target == one.name; });
      if (matrix == matrices.end()) continue;  // a layer of another kind, or not gated
      const std::string name = layer_tensor(layer, target);
      const Index n_in = matrix->n_in(), n_out = matrix->n_out();
      m.parameters.push_back({name + ".lora_a", ParameterKind::kMatrix, options.rank, n_in, n});
      m.parameters.push_back(
          {name + ".lora_b", ParameterKind::kMatrix, n_out, options.rank, n + options.rank * n_in});
      pairs.push_back(*matrix);
      n = m.parameters.back().begin + m.parameters.back().n();
    }
  }
  if (pairs.empty())
    throw Error("low rank", "matrices that the model has", fmt::format("only {}", options.targets[0]),
                "its layers are not gated");
  require_memory("low-rank weights", static_cast<std::size_t>(n) * sizeof(float), "take a smaller rank");
  m.values = std::make_shared<Buffer<float>>(n);
  m.pair_scale = static_cast<float>(options.alpha / static_cast<double>(options.rank));
  Random random(options.seed);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const Parameter &a = m.parameters[2 * i], &b = m.parameters[2 * i + 1];
    start_low_rank(m.values->data() + a.begin, a, random);
    make_pair(m, pairs[i], a, b, *m.pair_scale);
  }
  return m;
}

}  // namespace ropewalk
