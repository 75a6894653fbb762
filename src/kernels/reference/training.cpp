// SPDX-License-Identifier: Apache-2.0
/// The definition of every operation of training: double, pointwise, slow on purpose. Attention does not read
/// the plan: it calls the method's delta, visible and scale for each pair of positions.
#include "kernels/training.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "kernels/reference/activated.h"
#include "kernels/reference/matrix.h"
#include "kernels/reference/recurrence_training.h"

namespace rw {
namespace {

using Task = TrainingAttention<double>;

/// One query and one key, each rotated to where the pair of positions has it, and the product of both (as
/// weights_behind.h says it).
class RotatedPair {
 public:
  RotatedPair(const Task& task, const double* q, const double* k, Index i, Index j)
      : p_(*task.pointwise), dim_(static_cast<std::size_t>(task.head_dim)), weight_(task.weight) {
    delta_ = p_.delta(i, j);
    // Without weights only the distance counts.
    at_ = weight_ != nullptr ? p_.query_position(i, j) : delta_;
    q_ = turned(q, at_), k_ = turned(k, at_ - delta_);
  }
  double product() const {
    double rotated = 0, passed = 0;
    for (std::size_t d = 0; d < dim_; ++d)
      (d < 2 * p_.theta.size() ? rotated : passed) += weight(d) * q_[d] * k_[d];
    return p_.rotary_gain * rotated + passed;
  }
  /// d_q, d_k, d_weight (null: not wanted) += d times the product's derivatives
  void backward(double d, double* d_q, double* d_k, double* d_weight) const {
    std::vector<double> to_q(dim_), to_k(dim_);
    for (std::size_t i = 0; i < dim_; ++i) {
      const double part = d * (i < 2 * p_.theta.size() ? p_.rotary_gain : 1);
      to_q[i] = part * weight(i) * k_[i], to_k[i] = part * weight(i) * q_[i];
      if (d_weight != nullptr) d_weight[i] += part * q_[i] * k_[i];
    }
    to_q = turned(to_q.data(), -at_), to_k = turned(to_k.data(), delta_ - at_);
    for (std::size_t i = 0; i < dim_; ++i) d_q[i] += to_q[i], d_k[i] += to_k[i];
  }

 private:
  double weight(std::size_t d) const { return weight_ != nullptr ? static_cast<double>(weight_[d]) : 1; }
  /// Pairs are (m, m + rotary_dim/2).
  std::vector<double> turned(const double* x, double position) const {
    std::vector<double> y(x, x + dim_);
    const std::size_t half = position == 0 ? 0 : p_.theta.size();
    for (std::size_t m = 0; m < half; ++m) {
      const double c = std::cos(position * p_.theta[m]), s = std::sin(position * p_.theta[m]);
      y[m] = x[m] * c - x[m + half] * s, y[m + half] = x[m] * s + x[m + half] * c;
    }
    return y;
  }
  const Pointwise& p_;
  std::size_t dim_;
  const float* weight_;
  double delta_ = 0, at_ = 0;
  std::vector<double> q_, k_;
};

double dot(const double* a, const double* b, int n) {
  double sum = 0;
  for (int d = 0; d < n; ++d) sum += a[d] * b[d];
  return sum;
}

/// One head of one task: where its rows lie.
struct Head {
  const Task& task;
  int head, kv_head;
  Index q_at(Index i) const { return i * task.q_stride + Index{head} * task.head_dim; }
  Index k_at(Index j) const { return j * task.k_stride + Index{kv_head} * task.head_dim; }
  Index v_at(Index j) const { return j * task.v_stride + Index{kv_head} * task.value_dim; }
  Index out_at(Index i) const { return i * task.out_stride + Index{head} * task.value_dim; }
  RotatedPair pair(Index i, Index j) const { return {task, task.q + q_at(i), task.k + k_at(j), i, j}; }
  double capped(Index i, double product) const {
    const Pointwise& p = *task.pointwise;
    const double logit = p.scale(i) * product;
    return p.soft_cap > 0 ? p.soft_cap * std::tanh(logit / p.soft_cap) : logit;
  }
};

/// out and lse of one row: softmax(logits) v over the visible keys.
void attend_row(const Head& h, Index i) {
  const Task& t = h.task;
  std::vector<double> logits;
  std::vector<Index> keys;
  double top = -INFINITY, total = 0;
  for (Index j = 0; j < t.plan->n_rows; ++j) {
    if (!t.pointwise->visible(i, j)) continue;
    logits.push_back(h.capped(i, h.pair(i, j).product()));
    keys.push_back(j);
    top = std::max(top, logits.back());
  }
  double* out = t.out + h.out_at(i);
  std::fill(out, out + t.value_dim, 0.0);
  for (std::size_t s = 0; s < keys.size(); ++s) {
    const double weight = std::exp(logits[s] - top);
    total += weight;
    for (int d = 0; d < t.value_dim; ++d) out[d] += weight * t.v[h.v_at(keys[s]) + d];
  }
  for (int d = 0; d < t.value_dim; ++d) out[d] /= total;
  t.lse[i * t.n_heads + h.head] = std::log(total) + top;
}

void attend_row_backward(const Head& h, Index i, double* d_weight) {
  const Task& t = h.task;
  const double* d_out = t.d_out + h.out_at(i);
  const double sum = dot(d_out, t.out + h.out_at(i), t.value_dim);
  for (Index j = 0; j < t.plan->n_rows; ++j) {
    if (!t.pointwise->visible(i, j)) continue;
    const RotatedPair pair = h.pair(i, j);
    const double logit = h.capped(i, pair.product());
    const double p = std::exp(logit - t.lse[i * t.n_heads + h.head]);
    double d_logit = p * (dot(d_out, t.v + h.v_at(j), t.value_dim) - sum);
    if (t.pointwise->soft_cap > 0) {
      const double part = logit / t.pointwise->soft_cap;
      d_logit *= 1 - part * part;
    }
    pair.backward(d_logit * t.pointwise->scale(i), t.d_q + h.q_at(i), t.d_k + h.k_at(j), d_weight);
    for (int d = 0; d < t.value_dim; ++d) t.d_v[h.v_at(j) + d] += p * d_out[d];
  }
}

/// body(task, kv_head) for all of them, in parallel: what they write is apart.
template <class F>
void for_each_kv_head(Context& context, std::span<const Task> tasks, const F& body) {
  std::vector<std::pair<std::size_t, int>> all;
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    RW_CHECK(tasks[t].pointwise != nullptr && tasks[t].n_heads % tasks[t].n_kv_heads == 0);
    for (int g = 0; g < tasks[t].n_kv_heads; ++g) all.emplace_back(t, g);
  }
  context.parallel_for(static_cast<Index>(all.size()), [&](Index i, int) {
    const auto& of = all[static_cast<std::size_t>(i)];
    body(i, tasks[of.first], of.second);
  });
}

/// mean (kLayer) and 1 / deviation of a row
struct RowScale {
  double mean = 0, scale = 0;
  RowScale(const double* x, Index dim, const Norm& norm) {
    const auto n = static_cast<double>(dim);
    for (Index d = 0; d < dim && norm.kind == NormKind::kLayer; ++d) mean += x[d] / n;
    double squares = 0;
    for (Index d = 0; d < dim; ++d) squares += (x[d] - mean) * (x[d] - mean);
    scale = 1 / std::sqrt(squares / n + static_cast<double>(norm.eps));
  }
};

class ReferenceTraining final : public Training<double> {
 public:
  explicit ReferenceTraining(std::shared_ptr<Context> context) : context_(std::move(context)) {}
  const std::shared_ptr<Context>& context() const override { return context_; }
  /// An expanded matrix, and the states of a head that each thread goes through.
  std::size_t own_bytes(const TrainingSizes& sizes) const override {
    const Index states = context_->threads() * (sizes.n_ctx + 2) * sizes.key_dim * sizes.value_dim;
    return static_cast<std::size_t>(sizes.n_in * sizes.n_out) * sizeof(float) +
           static_cast<std::size_t>(states) * sizeof(double) + (1 << 20);
  }

  void linear(const double* x, Index n_rows, const Matrix& w, const float* bias, float scale, bool add,
              double* y) const override {
    const ReferenceMatrix& m = reference_matrix(w);
    context_->parallel_for(m.n_out, [&](Index o, int) {
      std::vector<float> row(static_cast<std::size_t>(m.n_in));
      m.row(o, row.data());
      for (Index r = 0; r < n_rows; ++r) {
        double sum = bias != nullptr ? static_cast<double>(bias[o]) : 0;
        for (Index c = 0; c < m.n_in; ++c)
          sum += x[r * m.n_in + c] * static_cast<double>(row[static_cast<std::size_t>(c)]);
        double& to = y[r * m.n_out + o];
        to = (add ? to : 0) + static_cast<double>(scale) * sum;
      }
    });
  }
  void linear_input(const double* dy, Index n_rows, const Matrix& w, float scale, double* dx) const override {
    const ReferenceMatrix& m = reference_matrix(w);
    const std::vector<float> all = m.expanded();
    context_->parallel_for(n_rows, [&](Index r, int) {
      for (Index o = 0; o < m.n_out; ++o) {
        const double d = static_cast<double>(scale) * dy[r * m.n_out + o];
        for (Index c = 0; c < m.n_in; ++c)
          dx[r * m.n_in + c] += d * static_cast<double>(all[static_cast<std::size_t>(o * m.n_in + c)]);
      }
    });
  }
  void linear_weight(const double* dy, const double* x, Index n_rows, Index n_out, Index n_in, float scale,
                     double* dw) const override {
    context_->parallel_for(n_out, [&](Index o, int) {
      for (Index r = 0; r < n_rows; ++r) {
        const double d = static_cast<double>(scale) * dy[r * n_out + o];
        for (Index c = 0; c < n_in; ++c) dw[o * n_in + c] += d * x[r * n_in + c];
      }
    });
  }
  void sum_rows(const double* dy, Index n_rows, Index n, float scale, double* db) const override {
    for (Index r = 0; r < n_rows; ++r)
      for (Index i = 0; i < n; ++i) db[i] += static_cast<double>(scale) * dy[r * n + i];
  }

  void norm(const double* x, Index n_rows, Index dim, const Norm& norm, double* y) const override {
    for (Index r = 0; r < n_rows; ++r, x += dim, y += dim) {
      const RowScale row(x, dim, norm);
      const Index at = r % norm.n_weights * dim;
      for (Index d = 0; d < dim; ++d) {
        y[d] = (x[d] - row.mean) * row.scale;
        if (norm.weight != nullptr) y[d] *= static_cast<double>(norm.weight[at + d]);
        if (norm.bias != nullptr) y[d] += static_cast<double>(norm.bias[at + d]);
      }
    }
  }
  /// With z the row before weights, u = w dy: dx = scale (u - mean(u) (kLayer) - z mean(z u)).
  void norm_backward(const double* x, const double* dy, Index n_rows, Index dim, const Norm& norm, double* dx,
                     double* d_weight, double* d_bias) const override {
    const auto n = static_cast<double>(dim);
    for (Index r = 0; r < n_rows; ++r, x += dim, dy += dim, dx += dim) {
      const RowScale row(x, dim, norm);
      const Index at = r % norm.n_weights * dim;
      const auto z = [&](Index d) { return (x[d] - row.mean) * row.scale; };
      const auto u = [&](Index d) {
        return norm.weight != nullptr ? static_cast<double>(norm.weight[at + d]) * dy[d] : dy[d];
      };
      double mean = 0, along = 0;
      for (Index d = 0; d < dim; ++d) {
        if (norm.kind == NormKind::kLayer) mean += u(d) / n;
        along += z(d) * u(d) / n;
      }
      for (Index d = 0; d < dim; ++d) {
        dx[d] += row.scale * (u(d) - mean - z(d) * along);
        if (d_weight != nullptr) d_weight[at + d] += z(d) * dy[d];
        if (d_bias != nullptr) d_bias[at + d] += dy[d];
      }
    }
  }

  void activate(const double* gate, const double* up, Index n, Activation activation,
                double* h) const override {
    for (Index i = 0; i < n; ++i)
      h[i] = gate != nullptr ? activated(activation, gate[i]) * up[i] : activated(activation, up[i]);
  }
  void activate_backward(const double* gate, const double* up, const double* dh, Index n,
                         Activation activation, double* d_gate, double* d_up) const override {
    for (Index i = 0; i < n; ++i) {
      const double d = dh[i];
      if (gate != nullptr) {
        d_gate[i] = d * up[i] * activated_slope(activation, gate[i]);
        d_up[i] = d * activated(activation, gate[i]);
      } else {
        d_up[i] = d * activated_slope(activation, up[i]);
      }
    }
  }

  void soft_cap(double* x, Index n, float cap) const override {
    const auto c = static_cast<double>(cap);
    for (Index i = 0; i < n; ++i) x[i] = c * std::tanh(x[i] / c);
  }
  void soft_cap_backward(const double* y, const double* dy, Index n, float cap, double* dx) const override {
    for (Index i = 0; i < n; ++i) {
      const double part = y[i] / static_cast<double>(cap);
      dx[i] = dy[i] * (1 - part * part);
    }
  }

  void rotate(double* x, Index n_rows, int n_heads, int head_dim, Index stride, Index first,
              const std::vector<double>& theta, bool backward) const override {
    RW_CHECK(2 * theta.size() <= static_cast<std::size_t>(head_dim));
    for (Index r = 0; r < n_rows; ++r)
      for (int head = 0; head < n_heads; ++head) {
        double* pair = x + r * stride + Index{head} * head_dim;
        for (const double frequency : theta) {
          const double angle = (backward ? -1 : 1) * static_cast<double>(first + r) * frequency;
          const double even = pair[0], odd = pair[1];
          pair[0] = even * std::cos(angle) - odd * std::sin(angle);
          pair[1] = odd * std::cos(angle) + even * std::sin(angle);
          pair += 2;
        }
      }
  }
  void add_scaled(const double* x, Index n, float scale, double* y) const override {
    for (Index i = 0; i < n; ++i) y[i] += static_cast<double>(scale) * x[i];
  }

  void embed(const WeightRows& embedding, std::span<const Token> tokens, float scale, const float* bias,
             double* y) const override {
    std::vector<float> row(static_cast<std::size_t>(embedding.n_in));
    for (const Token token : tokens) {
      embedding.format->dequantize(embedding.row(token), row.data(), embedding.n_in);
      for (Index i = 0; i < embedding.n_in; ++i)
        *y++ = static_cast<double>(scale) * static_cast<double>(row[static_cast<std::size_t>(i)]) +
               (bias != nullptr ? static_cast<double>(bias[i]) : 0);
    }
  }
  void embed_backward(std::span<const Token> tokens, const double* dy, Index n_in, float scale,
                      double* d_embedding, double* d_bias) const override {
    for (const Token token : tokens)
      for (Index i = 0; i < n_in; ++i, ++dy) {
        d_embedding[token * n_in + i] += static_cast<double>(scale) * *dy;
        if (d_bias != nullptr) d_bias[i] += *dy;
      }
  }

  void attention(std::span<const Task> tasks) const override {
    for_each_kv_head(*context_, tasks, [](Index, const Task& task, int kv_head) {
      const int group = task.n_heads / task.n_kv_heads;
      for (int h = kv_head * group; h < (kv_head + 1) * group; ++h)
        for (Index i = 0; i < task.plan->n_rows; ++i) attend_row({task, h, kv_head}, i);
    });
  }
  void attention_backward(std::span<const Task> tasks) const override {
    std::size_t n = 0;
    for (const Task& task : tasks) n += static_cast<std::size_t>(task.n_kv_heads);
    std::vector<std::vector<double>> d_weights(n);  // tasks may share one
    for_each_kv_head(*context_, tasks, [&](Index at, const Task& task, int kv_head) {
      std::vector<double>& own = d_weights[static_cast<std::size_t>(at)];
      if (task.d_weight != nullptr) own.resize(static_cast<std::size_t>(task.head_dim));
      const int group = task.n_heads / task.n_kv_heads;
      for (int h = kv_head * group; h < (kv_head + 1) * group; ++h)
        for (Index i = 0; i < task.plan->n_rows; ++i)
          attend_row_backward({task, h, kv_head}, i, own.empty() ? nullptr : own.data());
    });
    auto own = d_weights.begin();
    for (const Task& task : tasks)
      for (int g = 0; g < task.n_kv_heads; ++g, ++own)
        for (std::size_t d = 0; d < own->size(); ++d) task.d_weight[d] += (*own)[d];
  }

  void convolve(const double* x, std::span<const Index> borders, const Convolution& convolution,
                double* y) const override {
    convolve_by_definition(x, borders, convolution, y);
  }
  void convolve_backward(const double* x, const double* dy, std::span<const Index> borders,
                         const Convolution& convolution, double* dx, double* d_taps,
                         double* d_bias) const override {
    convolve_backward_by_definition(x, dy, borders, convolution, dx, d_taps, d_bias);
  }
  void recur(const TrainingRecurrence<double>& rows, const Recurrence& r) const override {
    context_->parallel_for(r.n_heads, [&](Index head, int) {
      for (std::size_t text = 0; text + 1 < rows.borders.size(); ++text)
        DefinedRecurrence(rows, r, text, head);
    });
  }
  /// Heads that read one key head add to its gradients one after the other.
  void recur_backward(const TrainingRecurrence<double>& rows, const Recurrence& r) const override {
    context_->parallel_for(r.n_key_heads, [&](Index key_head, int) {
      for (std::size_t text = 0; text + 1 < rows.borders.size(); ++text)
        for (Index head = 0; head < r.n_heads; ++head)
          if (r.key_head(head) == key_head) DefinedRecurrence(rows, r, text, head).backward();
    });
  }

  void cross_entropy(double* logits, Index n_vocab, std::span<const Token> targets, const double* weights,
                     double* losses) const override {
    for (std::size_t row = 0; row < targets.size(); ++row, logits += n_vocab) {
      losses[row] = 0;
      if (targets[row] == kNoToken) {
        std::fill(logits, logits + n_vocab, 0.0);
        continue;
      }
      const double top = *std::max_element(logits, logits + n_vocab);
      double sum = 0;
      for (Index i = 0; i < n_vocab; ++i) sum += std::exp(logits[i] - top);
      losses[row] = std::log(sum) + top - logits[targets[row]];
      for (Index i = 0; i < n_vocab; ++i) logits[i] = weights[row] * std::exp(logits[i] - top) / sum;
      logits[targets[row]] -= weights[row];
    }
  }

 private:
  std::shared_ptr<Context> context_;
};

}  // namespace

std::unique_ptr<Training<double>> make_reference_training(std::shared_ptr<Context> context) {
  return std::make_unique<ReferenceTraining>(std::move(context));
}

}  // namespace rw
