// SPDX-License-Identifier: Apache-2.0
#include "train/parameters.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/random.h"
#include "model/memory.h"
#include "model/tensors.h"
#include "model/weights.h"

namespace ropewalk {
namespace {

/// The matrices of a layer by the names of their tensors.
struct LayerMatrix {
  const char* name;
  std::unique_ptr<Matrix> LayerWeights::*weights;
  LearningMatrix LearningLayer::*learning;
};
constexpr LayerMatrix kLayerMatrices[] = {
    {"attn_q", &LayerWeights::wq, &LearningLayer::wq},
    {"attn_k", &LayerWeights::wk, &LearningLayer::wk},
    {"attn_v", &LayerWeights::wv, &LearningLayer::wv},
    {"attn_output", &LayerWeights::wo, &LearningLayer::wo},
    {"ffn_gate", &LayerWeights::w_gate, &LearningLayer::w_gate},
    {"ffn_up", &LayerWeights::w_up, &LearningLayer::w_up},
    {"ffn_down", &LayerWeights::w_down, &LearningLayer::w_down},
};
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

std::string layer_tensor(std::size_t layer, const char* matrix) {
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
  const bool is_norm = tensor.name.find("_norm.") != std::string::npos;  // some have a row for each head
  return tensor.shape.size() == 2 && !is_norm ? ParameterKind::kMatrix : ParameterKind::kVector;
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
    const std::vector<float> numbers = file_.numbers(name, rotary);
    return filled(name, numbers);
  }
  /// The first becomes the product and learns; the second stays 1, since only the product counts.
  Vector product(const std::string& a, const std::string& b, const AttentionSpec* rotary) override {
    const std::vector<float> numbers = file_.product(a, b, rotary);
    filled(b, std::vector<float>(numbers.size(), 1.0f));
    return filled(a, numbers);
  }

 private:
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
  for (const LayerMatrix& matrix : kLayerMatrices)
    if ((w.*matrix.weights) != nullptr)
      (learning.*matrix.learning).begin = tensors.parameter(layer_tensor(layer, matrix.name)).begin;
  for (const LayerVector& v : kLayerVectors) learning.*v.learning = begin_of(m, w.*v.weights);
  for (const LayerNorm& norm : kLayerNorms) learning.*norm.learning = begin_of(m, w.*norm.weights);
}

/// U(-1, 1) / sqrt(n_in): Kaiming's uniform distribution with a = sqrt(5), as torch.nn.Linear has it.
void start_low_rank(float* a, const Parameter& p, Random& random) {
  const double bound = 1 / std::sqrt(static_cast<double>(p.n_columns));
  for (Index i = 0; i < p.n(); ++i) a[i] = static_cast<float>((2 * random.uniform() - 1) * bound);
}

const LayerMatrix& find_target(const std::string& name) {
  std::string known;
  for (const LayerMatrix& matrix : kLayerMatrices) {
    if (name == matrix.name) return matrix;
    known += (known.empty() ? "" : ", ") + std::string(matrix.name);
  }
  throw Error("low rank", fmt::format("matrices of a layer: {}", known), fmt::format("'{}'", name),
              "targets are named as in a GGUF file");
}

}  // namespace

const char* why_not_trained(const ModelConfig& config) {
  for (const LayerSpec& layer : config.layers) {
    if (layer.ffn.experts.n_experts > 0) return "a mixture of experts";
    if (layer.recurs()) return "layers with a state";
    if (!layer.attends() || !layer.feeds_forward()) return "layers of one part";
    if (layer.attention.latent.any()) return "multi-head latent attention (MLA)";
    if (layer.attention.v_dim() != layer.attention.head_dim) return "values and keys of different width";
    if (layer.attention.output_gate) return "a gate of what attention gives";
    if (layer.kv_of >= 0) return "layers that read another layer's keys";
    if (layer.attention.value_norm || layer.attention.value_is_key) return "values that are normalised";
    if (layer.output_scale) return "a scale of what a layer gives";
  }
  if (config.per_layer_width > 0) return "embeddings of each layer";
  return nullptr;
}

void require_trainable(const ModelConfig& config, const std::string& place) {
  if (const char* why = why_not_trained(config))
    throw Error(place, "a dense model whose layers all have attention, to train it", why,
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

std::optional<float> scale_of_pairs(const LearningModel& model) {
  for (const LearningLayer& layer : model.layers)
    for (const LayerMatrix& matrix : kLayerMatrices)
      if (const auto& pair = (layer.*matrix.learning).low_rank) return pair->scale;
  return std::nullopt;
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
  LearningModel m;
  m.model = source;
  m.layers.resize(source->config().layers.size());
  struct Pair {
    const Matrix* of;
    LearningMatrix* learning;
  };
  std::vector<Pair> pairs;
  Index n = 0;
  for (std::size_t layer = 0; layer < m.layers.size(); ++layer)
    for (const std::string& target : options.targets) {
      const LayerMatrix& matrix = find_target(target);
      const Matrix* of = (source->weights().layers[layer].*matrix.weights).get();
      if (of == nullptr) continue;  // a layer that is not gated
      const std::string name = layer_tensor(layer, matrix.name);
      m.parameters.push_back({name + ".lora_a", ParameterKind::kMatrix, options.rank, of->n_in, n});
      m.parameters.push_back(
          {name + ".lora_b", ParameterKind::kMatrix, of->n_out, options.rank, n + options.rank * of->n_in});
      pairs.push_back({of, &(m.layers[layer].*matrix.learning)});
      n = m.parameters.back().begin + m.parameters.back().n();
    }
  if (pairs.empty())
    throw Error("low rank", "matrices that the model has", fmt::format("only {}", options.targets[0]),
                "its layers are not gated");
  require_memory("low-rank weights", static_cast<std::size_t>(n) * sizeof(float), "take a smaller rank");
  m.values = std::make_shared<Buffer<float>>(n);
  Random random(options.seed);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const Parameter &a = m.parameters[2 * i], &b = m.parameters[2 * i + 1];
    float* values = m.values->data();
    start_low_rank(values + a.begin, a, random);
    auto low = std::make_unique<LowRank>();
    low->scale = static_cast<float>(options.alpha / static_cast<double>(options.rank));
    low->a = source->backend().make_matrix(float_rows(values + a.begin, a.n_rows, a.n_columns));
    low->b = source->backend().make_matrix(float_rows(values + b.begin, b.n_rows, b.n_columns));
    low->a_begin = a.begin, low->b_begin = b.begin;
    pairs[i].learning->low_rank = std::move(low);
  }
  return m;
}

}  // namespace ropewalk
