// SPDX-License-Identifier: Apache-2.0
/// The definition of every operation: double, pointwise, slow on purpose. It does not read the plan: it calls
/// the method's delta, visible and scale for each pair of positions.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "kernels/host_backend.h"
#include "kernels/reference/activated.h"
#include "kernels/reference/matrix.h"
#include "kernels/reference/recurrence.h"
#include "kernels/reference/weights_behind.h"

namespace rw {
namespace {

struct ReferenceKv final : KvLayer {
  using KvLayer::KvLayer;
  Index n = 0;
  std::vector<double> k, v;  // (n, n_kv_heads, head_dim), not rotated; (n, n_kv_heads, value_dim)
  void resize(Index n_keys) {
    n = n_keys;
    k.resize(static_cast<std::size_t>(n_keys * n_kv_heads * head_dim));
    v.resize(static_cast<std::size_t>(n_keys * n_kv_heads * value_dim));
  }
  Index n_keys() const override { return n; }
  std::size_t bytes() const override { return (k.size() + v.size()) * sizeof(double); }
};

/// < R_theta(delta) q , k > with the gain on the rotated dims. Pairs are (m, m + rotary_dim/2).
double rotated_product(const float* q, const double* k, int head_dim, const Pointwise& p, double delta) {
  const std::size_t half = p.theta.size();
  double rotated = 0, passed = 0;
  for (std::size_t m = 0; m < half; ++m) {
    const double c = std::cos(delta * p.theta[m]), s = std::sin(delta * p.theta[m]);
    const double x = static_cast<double>(q[m]), y = static_cast<double>(q[m + half]);
    rotated += (x * c - y * s) * k[m] + (x * s + y * c) * k[m + half];
  }
  for (std::size_t m = 2 * half; m < static_cast<std::size_t>(head_dim); ++m)
    passed += static_cast<double>(q[m]) * k[m];
  return p.rotary_gain * rotated + passed;
}

/// One row of one head: out = softmax(logits) v over the visible keys.
void attention_row(const float* q, const float* behind, const float* sink, const ReferenceKv& kv, int kv_head,
                   Index i, const Pointwise& p, float* out) {
  const auto dim = static_cast<std::size_t>(kv.value_dim);
  std::vector<double> logits, sum(dim);
  std::vector<Index> keys;
  double top = -INFINITY, total = 0;
  for (Index j = 0; j < kv.n; ++j) {
    if (!p.visible(i, j)) continue;
    const double* k = kv.k.data() + (j * kv.n_kv_heads + kv_head) * kv.head_dim;
    const double product = behind == nullptr ? rotated_product(q, k, kv.head_dim, p, p.delta(i, j))
                                             : weighted_product(q, k, behind, kv.head_dim, p,
                                                                p.query_position(i, j), p.delta(i, j));
    const double logit = p.scale(i) * product;
    logits.push_back(p.soft_cap > 0 ? p.soft_cap * std::tanh(logit / p.soft_cap) : logit);
    keys.push_back(j);
    top = std::max(top, logits.back());
  }
  if (sink != nullptr) {  // a key without a value
    top = std::max(top, static_cast<double>(*sink));
    total += std::exp(static_cast<double>(*sink) - top);
  }
  for (std::size_t s = 0; s < keys.size(); ++s) {
    const double weight = std::exp(logits[s] - top);
    const double* v = kv.v.data() + (keys[s] * kv.n_kv_heads + kv_head) * kv.value_dim;
    total += weight;
    for (std::size_t d = 0; d < dim; ++d) sum[d] += weight * v[d];
  }
  for (std::size_t d = 0; d < dim; ++d) out[d] = static_cast<float>(sum[d] / total);
}

class ReferenceBackend final : public HostBackend {
 public:
  explicit ReferenceBackend(std::shared_ptr<Context> context) : context_(std::move(context)) {}
  std::string name() const override { return "reference"; }
  Precision precision() const override { return Precision::kF32; }
  KvType kv_type() const override { return KvType::kF32; }
  const std::shared_ptr<Context>& context() const override { return context_; }

  using Backend::make_matrix;
  std::unique_ptr<Matrix> make_matrix(WeightRows rows, Precision) const override {
    return std::make_unique<ReferenceMatrix>(std::move(rows));
  }
  void linear(const Input& input, std::span<const Output> outputs, Stage) const override {
    for (const Output& output : outputs) {
      const ReferenceMatrix& m = reference_matrix(*output.w);
      const std::vector<float> normed = normed_rows(input, m.n_in);
      context_->parallel_for(m.n_out, [&](Index o, int) {
        std::vector<float> w(static_cast<std::size_t>(m.n_in));
        m.row(o, w.data());
        for (Index r = 0; r < input.n_rows; ++r) {
          double sum = output.bias != nullptr ? static_cast<double>(output.bias[o]) : 0;
          for (Index c = 0; c < m.n_in; ++c)
            sum += static_cast<double>(normed[static_cast<std::size_t>(r * m.n_in + c)]) *
                   static_cast<double>(w[static_cast<std::size_t>(c)]);
          float& y = output.y[r * m.n_out + o];
          const auto scaled = static_cast<float>(static_cast<double>(output.scale) * sum);
          y = output.add ? y + scaled : scaled;
        }
      });
    }
  }
  void feed_forward(const Input& input, const FeedForward& f, float* y, bool add,
                    Stage stage) const override {
    std::vector<float> h(static_cast<std::size_t>(input.n_rows * f.up->n_out)), up(h.size());
    const Output hidden[] = {{.w = f.up, .bias = f.up_bias, .y = up.data()},
                             {.w = f.gate, .bias = f.gate_bias, .y = h.data()}};
    linear(input, {hidden, f.gate != nullptr ? 2U : 1U}, stage);
    for (std::size_t i = 0; i < h.size(); ++i)
      h[i] = static_cast<float>(
          f.gate != nullptr ? gated(f.activation, static_cast<double>(h[i]), static_cast<double>(up[i]))
                            : activated(f.activation, static_cast<double>(up[i])));
    const Output sum{.w = f.down, .bias = f.down_bias, .y = y, .add = add, .scale = f.scale};
    linear({.x = h.data(), .n_rows = input.n_rows}, {&sum, 1}, stage);
  }
  void experts(const Input& input, const Experts& layer, float* y, bool add, Stage stage) const override {
    const Index n_in = layer.router->n_in, n_out = layer.each[0].down->n_out;
    const std::vector<float> x = normed_rows(input, n_in);
    Input routed = input;
    if (layer.router_norm != nullptr) routed.norm = layer.router_norm;
    const std::vector<float> to_router = normed_rows(routed, n_in);
    for (Index r = 0; r < input.n_rows; ++r)
      expert_row(x.data() + r * n_in, to_router.data() + r * n_in, layer, n_out, y + r * n_out, add, stage);
  }

  using Backend::make_kv_layer;
  std::unique_ptr<KvLayer> make_kv_layer(int n_kv_heads, int head_dim, int value_dim) const override {
    return std::make_unique<ReferenceKv>(n_kv_heads, head_dim, value_dim);
  }
  using Backend::append;
  void append(KvLayer& layer, const float* k, Index k_stride, const float* v, Index v_stride,
              const KeyPlan& plan) const override {
    auto& kv = dynamic_cast<ReferenceKv&>(layer);
    RW_CHECK(plan.key_begin == kv.n);
    for (Index key = 0; key < plan.n_keys; ++key, k += k_stride, v += v_stride) {
      kv.k.insert(kv.k.end(), k, k + Index{kv.n_kv_heads} * kv.head_dim);
      kv.v.insert(kv.v.end(), v, v + Index{kv.n_kv_heads} * kv.value_dim);
    }
    kv.n += plan.n_keys;
  }
  /// Keys are kept unrotated anyway; Pointwise carries the frequencies of the step.
  void rotate_into(KvLayer& scratch, const KvLayer& raw, const KeyPlan&) const override {
    dynamic_cast<ReferenceKv&>(scratch) = dynamic_cast<const ReferenceKv&>(raw);
  }
  void drop(KvLayer&, Index) const override {}
  void truncate(KvLayer& layer, Index n_keys) const override {
    auto& kv = dynamic_cast<ReferenceKv&>(layer);
    RW_CHECK(n_keys >= 0 && n_keys <= kv.n);
    kv.resize(n_keys);
  }
  std::unique_ptr<KvLayer> fork(const KvLayer& layer, Index n_keys) const override {
    auto copy = std::make_unique<ReferenceKv>(dynamic_cast<const ReferenceKv&>(layer));
    truncate(*copy, n_keys);
    return copy;
  }
  void save(const KvLayer& layer, const ByteSink& sink) const override {
    const auto& kv = dynamic_cast<const ReferenceKv&>(layer);
    for (const auto* numbers : {&kv.k, &kv.v}) sink(std::as_bytes(std::span(*numbers)));
  }
  void load(KvLayer& layer, Index n_keys, const KeyPlan&, Index, const ByteSource& source) const override {
    auto& kv = dynamic_cast<ReferenceKv&>(layer);
    kv.resize(n_keys);
    for (auto* numbers : {&kv.k, &kv.v}) source(std::as_writable_bytes(std::span(*numbers)));
  }
  void attention(std::span<const AttentionTask> tasks, int all_heads) const override {
    for (const AttentionTask& task : tasks) {
      const int n_heads = task.n_heads > 0 ? task.n_heads : all_heads;
      const auto& kv = dynamic_cast<const ReferenceKv&>(*task.kv);
      RW_CHECK(task.pointwise != nullptr && n_heads % kv.n_kv_heads == 0);
      context_->parallel_for(task.plan->n_rows, [&](Index r, int) {
        for (int h = 0; h < n_heads; ++h) {
          const Index stride = task.stride > 0 ? task.stride : Index{n_heads} * kv.head_dim;
          const Index out_stride = task.out_stride > 0 ? task.out_stride : Index{n_heads} * kv.value_dim;
          attention_row(task.q + r * stride + h * kv.head_dim, task.weight,
                        task.sinks != nullptr ? task.sinks + h : nullptr, kv, h / (n_heads / kv.n_kv_heads),
                        task.plan->row_begin + r, *task.pointwise,
                        task.out + r * out_stride + h * kv.value_dim);
        }
      });
    }
  }

  void norm(const float* x, Index n_rows, Index dim, const Norm& norm, float* y) const override {
    for (Index r = 0; r < n_rows; ++r, x += dim, y += dim) {
      double mean = 0, squares = 0;
      for (Index d = 0; d < dim && norm.kind == NormKind::kLayer; ++d)
        mean += static_cast<double>(x[d]) / static_cast<double>(dim);
      for (Index d = 0; d < dim; ++d)
        squares += (static_cast<double>(x[d]) - mean) * (static_cast<double>(x[d]) - mean);
      const double scale = 1 / std::sqrt(squares / static_cast<double>(dim) + static_cast<double>(norm.eps));
      const Index at = r % norm.n_weights * dim;
      for (Index d = 0; d < dim; ++d) {
        double v = (static_cast<double>(x[d]) - mean) * scale;
        if (norm.weight != nullptr) v *= static_cast<double>(norm.weight[at + d]);
        if (norm.bias != nullptr) v += static_cast<double>(norm.bias[at + d]);
        y[d] = static_cast<float>(v);
      }
    }
  }

  void convolve(std::span<const ConvolutionTask> tasks, const Convolution& convolution) const override {
    for (const ConvolutionTask& task : tasks) convolve_by_definition(task, convolution);
  }
  void recur(std::span<const RecurrenceTask> tasks, const Recurrence& recurrence) const override {
    for (const RecurrenceTask& task : tasks) recur_by_definition(task, recurrence);
  }

  void activate(float* x, const float* up, Index n, Activation activation) const override {
    for (Index i = 0; i < n; ++i)
      x[i] = static_cast<float>(up != nullptr
                                    ? gated(activation, static_cast<double>(x[i]), static_cast<double>(up[i]))
                                    : activated(activation, static_cast<double>(x[i])));
  }
  void soft_cap(float* x, Index n, float cap) const override {
    const auto c = static_cast<double>(cap);
    for (Index i = 0; i < n; ++i) x[i] = static_cast<float>(c * std::tanh(static_cast<double>(x[i]) / c));
  }
  void scale(float* x, Index n, float factor) const override {
    for (Index i = 0; i < n; ++i) x[i] *= factor;
  }
  void add_scaled(const float* x, Index n, float scale, float* y) const override {
    for (Index i = 0; i < n; ++i)
      y[i] = static_cast<float>(static_cast<double>(y[i]) +
                                static_cast<double>(scale) * static_cast<double>(x[i]));
  }

  void log_sum_exp(const float* x, Index n_rows, Index n, double* y) const override {
    for (Index r = 0; r < n_rows; ++r, x += n) {
      const double top = *std::max_element(x, x + n);
      double sum = 0;
      for (Index i = 0; i < n; ++i) sum += std::exp(static_cast<double>(x[i]) - top);
      y[r] = std::log(sum) + top;
    }
  }

  void greatest(const float* x, Index n_rows, Index n, Index n_choices, Token* out) const override {
    std::vector<float> values(static_cast<std::size_t>(n_rows));
    top_k(x, n_rows, n, n_choices, 1, out, values.data());
  }
  void top_k(const float* x, Index n_rows, Index n, Index n_choices, Index k, Token* ids,
             float* values) const override {
    RW_CHECK(1 <= k && k <= n_choices && n_choices <= n);
    for (Index r = 0; r < n_rows; ++r, x += n, ids += k, values += k) {
      std::vector<Token> order(static_cast<std::size_t>(n_choices));
      std::iota(order.begin(), order.end(), 0);
      const bool numbers = std::none_of(x, x + n_choices, [](float v) { return std::isnan(v); });
      if (numbers)
        std::stable_sort(order.begin(), order.end(), [x](Token a, Token b) { return x[a] > x[b]; });
      for (Index i = 0; i < k; ++i) {
        ids[i] = numbers ? order[static_cast<std::size_t>(i)] : kNoToken;
        values[i] = numbers ? x[ids[i]] : NAN;
      }
    }
  }

 private:
  /// One row, as Experts says.
  void expert_row(const float* x, const float* routed, const Experts& layer, Index n_out, float* y, bool add,
                  Stage stage) const {
    const auto product = [&](const Matrix& w, const float* bias) {
      std::vector<float> result(static_cast<std::size_t>(w.n_out));
      const Output output{.w = &w, .bias = bias, .y = result.data()};
      linear({.x = routed, .n_rows = 1}, {&output, 1}, stage);
      return result;
    };
    std::vector<double> sum(static_cast<std::size_t>(n_out));
    const auto add_part = [&](const FeedForward& part, double weight) {
      std::vector<float> result(sum.size());
      feed_forward({.x = x, .n_rows = 1}, part, result.data(), false, stage);
      for (std::size_t o = 0; o < sum.size(); ++o) sum[o] += weight * static_cast<double>(result[o]);
    };
    for (const Choice& choice : route(layer.routing, product(*layer.router, layer.router_bias).data()))
      add_part(layer.each[static_cast<std::size_t>(choice.expert)], static_cast<double>(choice.weight));
    if (layer.shared != nullptr)
      add_part(*layer.shared,
               layer.shared_gate == nullptr
                   ? 1
                   : 1 / (1 + std::exp(-static_cast<double>(product(*layer.shared_gate, nullptr)[0]))));
    for (std::size_t o = 0; o < sum.size(); ++o)
      y[o] = (add ? y[o] : 0) + static_cast<float>(static_cast<double>(layer.scale) * sum[o]);
  }
  std::vector<float> normed_rows(const Input& input, Index n_in) const {
    std::vector<float> rows(input.x, input.x + input.n_rows * n_in);
    if (input.norm != nullptr) norm(input.x, input.n_rows, n_in, *input.norm, rows.data());
    return rows;
  }
  std::shared_ptr<Context> context_;
};

}  // namespace

std::unique_ptr<Backend> make_reference_backend(std::shared_ptr<Context> context) {
  return std::make_unique<ReferenceBackend>(std::move(context));
}

std::unique_ptr<Backend> make_reference_backend() {
  return make_reference_backend(std::make_shared<Context>());
}

}  // namespace rw
