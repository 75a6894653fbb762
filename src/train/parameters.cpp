// SPDX-License-Identifier: Apache-2.0
#include "train/parameters.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/random.h"
#include "model/memory.h"
#include "model/tensors.h"
#include "model/weights.h"
#include "train/layer_matrices.h"

namespace rw {
namespace {

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

std::string layer_tensor(std::size_t layer, std::string_view matrix) {
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
  if (tensor.name == "token_embd.weight" || tensor.name == "token_types.weight" ||
      tensor.name == "per_layer_token_embd.weight")
    return ParameterKind::kEmbedding;
  return tensor.shape.size() == 2 && is_matrix_name(tensor.name) ? ParameterKind::kMatrix
                                                                 : ParameterKind::kVector;
}

/// One parameter behind the other; its numbers are read from the file when load_weights asks for it.
class LearningTensors final : public WeightSource {
 public:
  LearningTensors(const Model& source, LearningModel& learning)
      : place_(source.file().path()), file_(source.file(), source.config()), learning_(learning) {
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

  WeightRows rows(const std::string& name) override {
    const Parameter& p = parameter(name);
    const WeightRows from = file_.rows(name);
    float* to = learning_.values->data() + p.begin;
    for (Index r = 0; r < p.n_rows; ++r)
      from.format->dequantize(from.row(r), to + r * p.n_columns, p.n_columns);
    return float_rows(to, p.n_rows, p.n_columns);
  }
  Vector vector(const std::string& name) override {
    std::vector<float> numbers = file_.numbers(name);
    if (holds_rates(name))
      for (float& rate : numbers) rate = log_of_rate(name, rate);
    if (by_name_.contains(name)) return filled(name, numbers);
    const auto frozen = std::make_shared<const std::vector<float>>(numbers);
    return {frozen, frozen->data()};
  }
  bool rates_are_logs() const override { return true; }
  /// The first becomes the product and learns; the second stays 1, since only the product counts.
  Vector product(const std::string& a, const std::string& b) override {
    const std::vector<float> numbers = file_.product(a, b);
    filled(b, std::vector<float>(numbers.size(), 1.0f));
    return filled(a, numbers);
  }

 private:
  float log_of_rate(const std::string& name, float rate) const {
    const float log = std::log(-rate);
    if (!std::isfinite(log))
      throw Error(fmt::format("{}: tensor {}", place_, name), "rates below 0, to train the model",
                  fmt::format("{}", rate), "a state that does not fade has no logarithm that learns");
    return log;
  }
  Vector filled(const std::string& name, const std::vector<float>& numbers) {
    float* to = learning_.values->data() + parameter(name).begin;
    std::copy(numbers.begin(), numbers.end(), to);
    return {learning_.values, to};
  }
  std::string place_;
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
  for (const LayerMatrix& matrix : layer_matrices(m.model->config().layers[layer], w, learning))
    matrix.learning->begin =
        tensors.parameter(layer_tensor(layer, matrix.name)).begin + matrix.first_row * matrix.weights->n_in;
  for (const LayerVector& v : kLayerVectors) learning.*v.learning = begin_of(m, w.*v.weights);
  for (const LayerNorm& norm : kLayerNorms) learning.*norm.learning = begin_of(m, w.*norm.weights);
  learning.latent.q_norm.weight = begin_of(m, w.latent.q_norm);
  learning.latent.kv_norm.weight = begin_of(m, w.latent.kv_norm);
  learning.per_layer.norm = begin_of(m, w.per_layer.norm);
  for (const RecurrentVector& v : kRecurrentVectors)
    learning.recurrence.*v.learning = begin_of(m, w.recurrent.*v.weights);
}

/// U(-1, 1) / sqrt(n_in): Kaiming's uniform distribution with a = sqrt(5), as torch.nn.Linear has it.
void start_low_rank(float* a, const Parameter& p, Random& random) {
  const double bound = 1 / std::sqrt(static_cast<double>(p.n_columns));
  for (Index i = 0; i < p.n(); ++i) a[i] = static_cast<float>((2 * random.uniform() - 1) * bound);
}

void check_targets(const std::vector<std::string>& targets) {
  const std::set<std::string> once(targets.begin(), targets.end());
  if (once.size() != targets.size())
    throw Error("low rank", "each target once", "one twice", "targets are named as in a GGUF file");
  const std::span<const std::string_view> known = low_rank_targets();
  for (const std::string& target : targets)
    if (std::find(known.begin(), known.end(), target) == known.end())
      throw Error("low rank", fmt::format("matrices of a layer: {}", fmt::join(known, ", ")),
                  fmt::format("'{}'", target), "targets are named as in a GGUF file");
}

/// A pair's part beside one matrix: `a` and the rows of b that are its own.
std::unique_ptr<LowRank> low_rank_of(const LayerMatrix& matrix, const Parameter& a, const Parameter& b,
                                     const LearningModel& m, const Backend& backend) {
  const float* values = m.values->data();
  auto low = std::make_unique<LowRank>();
  low->scale = *m.pair_scale;
  low->a_begin = a.begin, low->b_begin = b.begin + matrix.first_row * b.n_columns;
  low->a = backend.make_matrix(float_rows(values + low->a_begin, a.n_rows, a.n_columns));
  low->b = backend.make_matrix(float_rows(values + low->b_begin, matrix.weights->n_out, b.n_columns));
  return low;
}

}  // namespace

const char* why_not_trained(const ModelConfig& config) {
  const auto any = [&](auto has) { return std::any_of(config.layers.begin(), config.layers.end(), has); };
  if (any([](const LayerSpec& layer) { return layer.ffn.experts.n_experts > 0; }))
    return "a mixture of experts";
  if (any([](const LayerSpec& layer) { return layer.attention.latent.split; }))
    return "keys of latents (MLA) that lie turned in the file (attn_k_b)";
  return nullptr;
}

void require_trainable(const ModelConfig& config, const ModelFile& file) {
  if (const char* why = why_not_trained(config))
    throw Error(file.path(), "a dense model, to train it", why,
                "nothing here computes the gradients of that");
  for (const TensorInfo& tensor : file.tensors())
    if (!tensor.relaid.empty())
      throw Error(fmt::format("{}: tensor {}", file.path(), tensor.name),
                  "weights that are not packed, to train the model", tensor.type,
                  "go on from the model's folder before it was quantised, or from a GGUF");
}

std::vector<Parameter> parameters_of(const ModelConfig& config) {
  std::vector<Parameter> parameters;
  Index n = 0;
  for (const NeededTensor& tensor : needed_tensors(config)) {
    if (tensor.name.ends_with(".layer_output_scale.weight")) continue;
    const bool rows = tensor.shape.size() == 2;
    parameters.push_back({tensor.name, kind_of(tensor), rows ? tensor.shape[0] : 1, tensor.shape.back(), n});
    n += parameters.back().n();
  }
  return parameters;
}

LearningModel learn_all(const std::shared_ptr<const Model>& source) {
  require_trainable(source->config(), source->file());
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
  if (w.per_layer_projection != nullptr) {
    m.per_layer_embedding = tensors.parameter("per_layer_token_embd.weight").begin;
    m.per_layer_projection.begin = tensors.parameter("per_layer_model_proj.weight").begin;
    m.per_layer_norm = begin_of(m, w.per_layer_norm);
  }
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
  require_trainable(source->config(), source->file());
  if (options.rank < 1 || options.rank > 4096 || options.targets.empty())
    throw Error("low rank", "a rank from 1 to 4096, of at least one matrix",
                fmt::format("rank {} of {} matrices", options.rank, options.targets.size()));
  check_targets(options.targets);
  LearningModel m;
  m.model = source;
  m.layers.resize(source->config().layers.size());
  m.pair_scale = static_cast<float>(options.alpha / static_cast<double>(options.rank));
  struct Part {
    LayerMatrix matrix;
    std::size_t a;  // which parameter; B is the next
  };
  std::vector<Part> parts;
  std::set<std::string_view> names;
  Index n = 0;
  const auto add = [&](std::string name, Index n_rows, Index n_columns) {
    m.parameters.push_back({std::move(name), ParameterKind::kMatrix, n_rows, n_columns, n});
    n += n_rows * n_columns;
  };
  for (std::size_t layer = 0; layer < m.layers.size(); ++layer) {
    const std::vector<LayerMatrix> matrices =
        layer_matrices(source->config().layers[layer], source->weights().layers[layer], m.layers[layer]);
    for (const LayerMatrix& matrix : matrices) names.insert(matrix.name);
    for (const std::string& target : options.targets) {
      Index n_out = 0, n_in = 0;
      for (const LayerMatrix& matrix : matrices)
        if (matrix.name == target) {
          n_out += matrix.weights->n_out, n_in = matrix.weights->n_in;
          parts.push_back({matrix, m.parameters.size()});
        }
      if (n_out == 0) continue;  // a layer that is not gated
      add(layer_tensor(layer, target) + ".lora_a", options.rank, n_in);
      add(layer_tensor(layer, target) + ".lora_b", n_out, options.rank);
    }
  }
  if (parts.empty())
    throw Error("low rank", fmt::format("some of {}, which the model has", fmt::join(names, ", ")),
                fmt::format("{}", fmt::join(options.targets, ", ")));
  require_memory("low-rank weights", static_cast<std::size_t>(n) * sizeof(float), "take a smaller rank");
  m.values = std::make_shared<Buffer<float>>(n);
  Random random(options.seed);
  for (std::size_t i = 0; i < m.parameters.size(); i += 2)
    start_low_rank(m.values->data() + m.parameters[i].begin, m.parameters[i], random);
  for (const Part& part : parts)
    part.matrix.learning->low_rank =
        low_rank_of(part.matrix, m.parameters[part.a], m.parameters[part.a + 1], m, source->backend());
  return m;
}

}  // namespace rw
