// SPDX-License-Identifier: Apache-2.0
#include "train/gradient.h"

#include <algorithm>
#include <limits>

#include "model/memory.h"
#include "train/ends.h"
#include "train/layer.h"
#include "train/text_plans.h"

namespace rw {

template <class T>
struct GradientPass<T>::Impl {
  Impl(const ModelConfig& of, const Weights& weights, const LearningModel& learns,
       std::shared_ptr<const Training<T>> with);

  /// What stands during a pass, in one array.
  struct Layout {
    std::vector<T*> x;  // (n_rows, d_model) before each layer and behind the last
    T* dx = nullptr;    // (n_rows, d_model); null without a gradient
    /// By layers whose keys and values others read too: those, and their gradients.
    struct SharedKeys {
      T *k = nullptr, *v = nullptr, *d_k = nullptr, *d_v = nullptr;
    };
    std::vector<SharedKeys> shared;
    T *e = nullptr, *d_e = nullptr;  // TrainingPerLayerEmbeddings
    T *kept = nullptr, *scratch = nullptr;
  };
  Layout take(Carver<T>& from, Index n_rows, bool with_gradient) const;
  /// All rows of a call.
  struct Batch {
    std::vector<Index> lengths;
    std::vector<Token> tokens, targets;
    std::vector<double> row_weights;
    std::vector<T> weights;  // times factor
    std::vector<std::vector<TextRows>> texts;
    Index n_rows() const { return static_cast<Index>(tokens.size()); }
  };
  Batch gather(std::span<const TrainingText> texts, const MethodSpec& method, const GradientOptions& options,
               double factor);
  Index kept_floats(std::size_t layer, Index n_rows) const;
  /// For each layer: the floats that it keeps; 0: it is computed once more.
  std::vector<Index> kept_floats_within(Index n_rows, std::size_t kept_bytes) const;
  std::size_t kept_bytes_within(Index n_rows, std::size_t kept_bytes) const;  // their sum
  void keep_layers(Index n_rows, std::size_t kept_bytes);
  std::size_t bytes(Index n_rows, Index n_ctx, bool with_gradient) const;
  LayerKept<T> kept_of(std::size_t layer, const Layout& layout, Index n_rows);
  LayerScratch<T> scratch_of(std::size_t layer, const Layout& layout, Index n_rows) const;
  /// The layer whose keys and values a layer reads.
  std::size_t keeper_of(std::size_t layer) const {
    const int other = config.layers[layer].kv_of;
    return other >= 0 ? static_cast<std::size_t>(other) : layer;
  }
  void take_shared_keys(Carver<T>& from, Index n_rows, bool with_gradient, Layout& layout) const;
  void backward(const Batch& batch, const Layout& layout, const GradientOptions& options, T* gradient);
  double run(std::span<const TrainingText> texts, const MethodSpec& method, const GradientOptions& options,
             double factor, T* gradient, std::vector<double>* losses);

  const LearningModel& learning;
  const ModelConfig& config;
  std::shared_ptr<const Training<T>> ops;
  std::vector<TrainingLayer<T>> layers;
  TrainingEmbedding<T> embedding;
  TrainingPerLayerEmbeddings<T> per_layer;
  TrainingOutput<T> output;
  TextPlans plans;
  Buffer<T> space;
  std::vector<Buffer<T>> own;  // of the layers that keep what they have; empty: computed once more
};

template <class T>
GradientPass<T>::Impl::Impl(const ModelConfig& of, const Weights& weights, const LearningModel& learns,
                            std::shared_ptr<const Training<T>> with)
    : learning(learns),
      config(of),
      ops(std::move(with)),
      embedding(*ops, config, weights, learning),
      per_layer(*ops, config, weights, learning),
      output(*ops, config, weights, learning),
      plans(config),
      own(config.layers.size()) {
  layers.reserve(config.layers.size());
  for (std::size_t layer = 0; layer < config.layers.size(); ++layer)
    layers.emplace_back(*ops, config, layer, weights.layers[layer], learning.layers[layer]);
}

template <class T>
Index GradientPass<T>::Impl::kept_floats(std::size_t layer, Index n_rows) const {
  Carver<T> counts;
  layers[layer].take_kept(counts, n_rows);
  return counts.most();
}

template <class T>
void GradientPass<T>::Impl::take_shared_keys(Carver<T>& from, Index n_rows, bool with_gradient,
                                             Layout& layout) const {
  layout.shared.resize(layers.size());
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    if (!layers[layer].shares_keys() || keeper_of(layer) != layer) continue;
    const AttentionSpec& a = config.layers[layer].attention;
    auto& shared = layout.shared[layer];
    shared.k = from.take(n_rows * a.k_width()), shared.v = from.take(n_rows * a.v_width());
    if (!with_gradient) continue;
    shared.d_k = from.take(n_rows * a.k_width()), shared.d_v = from.take(n_rows * a.v_width());
  }
}

template <class T>
typename GradientPass<T>::Impl::Layout GradientPass<T>::Impl::take(Carver<T>& from, Index n_rows,
                                                                   bool with_gradient) const {
  Layout layout;
  const Index n = n_rows * config.d_model;
  for (std::size_t i = 0; i <= layers.size(); ++i)
    layout.x.push_back(with_gradient || i < 2 ? from.take(n) : layout.x[i - 2]);
  if (with_gradient) layout.dx = from.take(n);
  take_shared_keys(from, n_rows, with_gradient, layout);
  if (per_layer.width() > 0) layout.e = from.take(n_rows * per_layer.width());
  if (per_layer.width() > 0 && with_gradient && per_layer.learns())
    layout.d_e = from.take(n_rows * per_layer.width());
  Index kept = 0,
        scratch = std::max({embedding.scratch(n_rows), per_layer.scratch(n_rows), output.scratch(n_rows)});
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    kept = std::max(kept, kept_floats(layer, n_rows));
    Carver<T> counts;
    layers[layer].take_scratch(counts, n_rows);
    scratch = std::max(scratch, counts.most());
  }
  layout.kept = from.take(kept);
  layout.scratch = from.take(scratch);
  return layout;
}

/// The last layer's forward is followed by its backward: it needs no memory of its own. Of the others those
/// nearest to it.
template <class T>
std::vector<Index> GradientPass<T>::Impl::kept_floats_within(Index n_rows, std::size_t kept_bytes) const {
  std::vector<Index> floats(layers.size());
  for (std::size_t i = layers.size() - 1; i-- > 0;) {
    const Index n = std::max(kept_floats(i, n_rows), own[i].size());  // larger for an earlier batch: it stays
    const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(T);
    if (bytes > kept_bytes) break;
    floats[i] = n;
    kept_bytes -= bytes;
  }
  return floats;
}

template <class T>
std::size_t GradientPass<T>::Impl::kept_bytes_within(Index n_rows, std::size_t kept_bytes) const {
  std::size_t floats = 0;
  for (const Index n : kept_floats_within(n_rows, kept_bytes)) floats += static_cast<std::size_t>(n);
  return floats * sizeof(T);
}

template <class T>
void GradientPass<T>::Impl::keep_layers(Index n_rows, std::size_t kept_bytes) {
  const std::vector<Index> floats = kept_floats_within(n_rows, kept_bytes);
  for (std::size_t i = 0; i < floats.size(); ++i)
    if (floats[i] == 0) own[i] = {};
  for (std::size_t i = 0; i < floats.size(); ++i) own[i].reserve(floats[i]);
}

template <class T>
LayerKept<T> GradientPass<T>::Impl::kept_of(std::size_t layer, const Layout& layout, Index n_rows) {
  Carver<T> from(own[layer].size() > 0 ? own[layer].data() : layout.kept);
  LayerKept<T> kept = layers[layer].take_kept(from, n_rows);
  if (!layers[layer].shares_keys()) return kept;
  const auto& shared = layout.shared[keeper_of(layer)];
  kept.k = shared.k, kept.v = shared.v;
  return kept;
}

template <class T>
LayerScratch<T> GradientPass<T>::Impl::scratch_of(std::size_t layer, const Layout& layout,
                                                  Index n_rows) const {
  Carver<T> from(layout.scratch);
  LayerScratch<T> scratch = layers[layer].take_scratch(from, n_rows);
  if (layers[layer].shares_keys()) {
    const auto& shared = layout.shared[keeper_of(layer)];
    scratch.d_k = shared.d_k, scratch.d_v = shared.d_v;
  }
  const Index first = static_cast<Index>(layer) * config.per_layer_width;  // of the layer's columns
  scratch.per_layer.stride = per_layer.width();
  if (layout.e != nullptr) scratch.per_layer.e = layout.e + first;
  if (layout.d_e != nullptr) scratch.per_layer.d_e = layout.d_e + first;
  return scratch;
}

template <class T>
typename GradientPass<T>::Impl::Batch GradientPass<T>::Impl::gather(std::span<const TrainingText> texts,
                                                                    const MethodSpec& method,
                                                                    const GradientOptions& options,
                                                                    double factor) {
  Batch batch;
  Index longest = 0;
  for (const TrainingText& text : texts) {
    const std::size_t n = text.tokens.size();
    if (n == 0 || text.targets.size() != n || (!text.weights.empty() && text.weights.size() != n))
      throw Error(
          "training text", "as many targets and weights as tokens, one at least",
          fmt::format("{} tokens, {} targets, {} weights", n, text.targets.size(), text.weights.size()));
    for (const Token token : text.tokens) learning.model->require_row(token);
    for (const Token target : text.targets)
      if (target != kNoToken) learning.model->require_row(target);
    batch.lengths.push_back(static_cast<Index>(n));
    longest = std::max(longest, batch.lengths.back());
    batch.tokens.insert(batch.tokens.end(), text.tokens.begin(), text.tokens.end());
    batch.targets.insert(batch.targets.end(), text.targets.begin(), text.targets.end());
    for (std::size_t i = 0; i < n; ++i) {
      const double weight = text.weights.empty() ? 1 : static_cast<double>(text.weights[i]);
      batch.row_weights.push_back(weight);
      batch.weights.push_back(static_cast<T>(weight * factor));
    }
  }
  const Index n_ctx = options.n_ctx > 0 ? options.n_ctx : longest;
  if (longest > n_ctx)
    throw Error("training text", fmt::format("at most {} tokens, which the method is bound for", n_ctx),
                fmt::format("{}", longest), "ask for a longer context, or cut the text");
  if (!texts.empty()) batch.texts = plans.bind(batch.lengths, method, n_ctx, *ops->context());
  return batch;
}

template <class T>
void GradientPass<T>::Impl::backward(const Batch& batch, const Layout& layout, const GradientOptions& options,
                                     T* gradient) {
  const Index n_rows = batch.n_rows();
  for (std::size_t layer = 0; layer < layers.size(); ++layer)
    if (const auto& shared = layout.shared[layer]; shared.d_k != nullptr) {
      set_zero(*ops, shared.d_k, n_rows * config.layers[layer].attention.k_width());
      set_zero(*ops, shared.d_v, n_rows * config.layers[layer].attention.v_width());
    }
  for (std::size_t layer = layers.size(); layer-- > 0;) {
    const LayerKept<T> kept = kept_of(layer, layout, n_rows);
    const LayerScratch<T> scratch = scratch_of(layer, layout, n_rows);
    if (layer + 1 < layers.size() && own[layer].size() == 0)
      layers[layer].forward(layout.x[layer], n_rows, batch.texts[layer], kept, scratch, nullptr);
    layers[layer].backward(layout.x[layer], n_rows, batch.texts[layer], kept, scratch, layout.dx, gradient);
    if (options.layer_done != nullptr) (*options.layer_done)(layer);
  }
  if (layout.d_e != nullptr)
    per_layer.backward(batch.tokens, layout.x[0], layout.d_e, layout.scratch, layout.dx, gradient);
  embedding.backward(batch.tokens, layout.dx, layout.scratch, gradient);
}

template <class T>
double GradientPass<T>::Impl::run(std::span<const TrainingText> texts, const MethodSpec& method,
                                  const GradientOptions& options, double factor, T* gradient,
                                  std::vector<double>* losses) {
  const Batch batch = gather(texts, method, options, factor);
  const Index n_rows = batch.n_rows();
  if (losses != nullptr) losses->assign(batch.tokens.size(), 0.0);
  if (n_rows == 0) return 0;
  Carver<T> counts;
  take(counts, n_rows, gradient != nullptr);
  if (counts.most() > space.size()) {
    require_memory("training", static_cast<std::size_t>(counts.most() - space.size()) * sizeof(T),
                   "take fewer or shorter texts at once");
    space = {};  // not both at once
  }
  space.reserve(counts.most());
  keep_layers(n_rows, gradient != nullptr ? options.kept_bytes : 0);
  Carver<T> from(space.data());
  const Layout layout = take(from, n_rows, gradient != nullptr);
  embedding.forward(batch.tokens, layout.scratch, layout.x[0]);
  if (layout.e != nullptr) per_layer.forward(batch.tokens, layout.x[0], layout.scratch, layout.e);
  for (std::size_t layer = 0; layer < layers.size(); ++layer)
    layers[layer].forward(layout.x[layer], n_rows, batch.texts[layer], kept_of(layer, layout, n_rows),
                          scratch_of(layer, layout, n_rows), layout.x[layer + 1]);
  std::vector<double> own_losses(batch.tokens.size());
  if (layout.dx != nullptr) set_zero(*ops, layout.dx, n_rows * config.d_model);
  output.run(layout.x.back(), batch.targets, batch.weights, layout.scratch, own_losses.data(), layout.dx,
             gradient);
  if (gradient != nullptr) backward(batch, layout, options, gradient);
  double sum = 0;
  for (std::size_t row = 0; row < own_losses.size(); ++row) sum += batch.row_weights[row] * own_losses[row];
  if (losses != nullptr) *losses = std::move(own_losses);
  return sum;
}

template <class T>
GradientPass<T>::GradientPass(const LearningModel& model, std::shared_ptr<const Training<T>> operations)
    : impl_(std::make_unique<Impl>(model.model->config(), model.model->weights(), model,
                                   std::move(operations))) {}
template <class T>
GradientPass<T>::~GradientPass() = default;

template <class T>
double GradientPass<T>::run(std::span<const TrainingText> texts, const MethodSpec& method,
                            const GradientOptions& options, double factor, T* gradient,
                            std::vector<double>* losses) {
  RW_CHECK(gradient != nullptr);
  return impl_->run(texts, method, options, factor, gradient, losses);
}

template <class T>
double GradientPass<T>::loss(std::span<const TrainingText> texts, const MethodSpec& method,
                             const GradientOptions& options, std::vector<double>* losses) {
  return impl_->run(texts, method, options, 1, nullptr, losses);
}

/// The widest of all layers and ends.
static TrainingSizes widest(const ModelConfig& config, Index n_rows, Index n_ctx) {
  TrainingSizes s{
      .n_rows = n_rows, .n_ctx = std::min(n_rows, n_ctx), .n_in = config.d_model, .n_out = config.n_vocab};
  s.n_in = std::max(s.n_in, config.embedding.width);
  s.n_out = std::max(s.n_out, config.per_layer_width * config.n_layers());
  for (const LayerSpec& layer : config.layers) {
    const AttentionSpec& a = layer.attention;
    const RecurrenceSpec& r = layer.recurrence;
    const Index values = r.value_width(), keys = r.key_width();
    s.n_in = std::max(s.n_in, values), s.n_out = std::max({s.n_out, values, keys});
    s.convolved = std::max({s.convolved, values, keys});
    if (r.key_dim > 0) s.n_state_heads = r.n_heads, s.key_dim = r.key_dim, s.value_dim = r.value_dim;
    s.n_in = std::max({s.n_in, layer.ffn.d_ff, a.out_width(), a.latent.q_rank, a.latent.kv_rank});
    s.n_out = std::max({s.n_out, layer.ffn.d_ff, a.q_width(), a.latent.q_rank, a.latent.kv_rank});
    s.head_dim = std::max({s.head_dim, a.head_dim, a.v_dim()});
    s.kv_width =
        std::max(s.kv_width, a.n_kv_heads * ((std::max(a.head_dim, a.v_dim()) + 15) / 16 * Index{16}));
    if (!layer.attends()) continue;
    const int group = a.n_heads / a.n_kv_heads;
    s.least_group = s.most_group == 0 ? group : std::min(s.least_group, group);
    s.most_group = std::max(s.most_group, group);
  }
  return s;
}

template <class T>
std::size_t GradientPass<T>::Impl::bytes(Index n_rows, Index n_ctx, bool with_gradient) const {
  RW_CHECK(n_rows >= 1 && n_ctx >= 1);
  Carver<T> counts;
  take(counts, n_rows, with_gradient);
  const auto rows = static_cast<std::size_t>(n_rows);
  return static_cast<std::size_t>(counts.most()) * sizeof(T) + plan_bytes(config, n_rows) +
         rows * (4 * sizeof(Token) + 2 * sizeof(double) + sizeof(T)) +
         ops->own_bytes(widest(config, n_rows, n_ctx));
}

template <class T>
std::size_t GradientPass<T>::bytes(Index n_rows, Index n_ctx) const {
  return impl_->bytes(n_rows, n_ctx, true);
}

namespace {

/// Layers as they are, and none of their weights: enough to count by.
struct Sizes {
  explicit Sizes(const ModelConfig& config) {
    weights.layers.resize(config.layers.size());
    learning.layers.resize(config.layers.size());
    learning.embedding = 0;  // it learns
  }
  Weights weights;
  LearningModel learning;
};

}  // namespace

template <class T>
std::size_t GradientPass<T>::bytes_of(const ModelConfig& config,
                                      std::shared_ptr<const Training<T>> operations, Index n_rows,
                                      Index n_ctx, bool with_gradient) {
  const Sizes sizes(config);
  const Impl impl(config, sizes.weights, sizes.learning, std::move(operations));
  return impl.bytes(n_rows, n_ctx, with_gradient);
}

template <class T>
std::size_t GradientPass<T>::kept_of(const ModelConfig& config, std::shared_ptr<const Training<T>> operations,
                                     Index n_rows, std::size_t kept_bytes) {
  const Sizes sizes(config);
  return Impl(config, sizes.weights, sizes.learning, std::move(operations))
      .kept_bytes_within(n_rows, kept_bytes);
}

template <class T>
std::size_t GradientPass<T>::most_kept_bytes(Index n_rows) const {
  return impl_->kept_bytes_within(n_rows, std::numeric_limits<std::size_t>::max());
}

template class GradientPass<float>;
template class GradientPass<double>;

}  // namespace rw
