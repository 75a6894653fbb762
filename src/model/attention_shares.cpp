// SPDX-License-Identifier: Apache-2.0
#include "model/attention_shares.h"

#include <algorithm>

#include "core/error.h"

namespace ropewalk {
namespace {

struct CountedKv : KvLayer {
  std::unique_ptr<KvLayer> real, marks;
  int n_kv_heads = 0, head_dim = 0;
  std::size_t layer = 0;
  Index n_keys() const override { return real->n_keys(); }
  std::size_t bytes() const override { return real->bytes(); }
};

class CountingBackend : public Backend {
 public:
  CountingBackend(std::shared_ptr<const Backend> inner, int n_layers, AttentionShares& shares)
      : inner_(std::move(inner)), n_layers_(static_cast<std::size_t>(n_layers)), shares_(shares) {
    shares_.layers.assign(n_layers_, {});
  }
  std::string name() const override { return inner_->name(); }
  Precision precision() const override { return inner_->precision(); }
  KvType kv_type() const override { return inner_->kv_type(); }
  const std::shared_ptr<Context>& context() const override { return inner_->context(); }
  std::unique_ptr<Matrix> make_matrix(WeightRows rows) const override {
    return inner_->make_matrix(std::move(rows));
  }
  void linear(const Input& input, std::span<const Output> outputs, Stage stage) const override {
    inner_->linear(input, outputs, stage);
  }
  void feed_forward(const Input& input, const FeedForward& layer, float* y, bool add,
                    Stage stage) const override {
    inner_->feed_forward(input, layer, y, add, stage);
  }
  void norm(const float* x, Index n_rows, Index dim, const Norm& norm, float* y) const override {
    inner_->norm(x, n_rows, dim, norm, y);
  }
  void soft_cap(float* x, Index n, float cap) const override { inner_->soft_cap(x, n, cap); }
  void add_scaled(const float* x, Index n, float scale, float* y) const override {
    inner_->add_scaled(x, n, scale, y);
  }
  void log_sum_exp(const float* x, Index n_rows, Index n, double* y) const override {
    inner_->log_sum_exp(x, n_rows, n, y);
  }
  void greatest(const float* x, Index n_rows, Index n, Token* out) const override {
    inner_->greatest(x, n_rows, n, out);
  }
  void top_k(const float* x, Index n_rows, Index n, Index k, Token* ids, float* values) const override {
    inner_->top_k(x, n_rows, n, k, ids, values);
  }

  /// Sessions make the layers in order.
  std::unique_ptr<KvLayer> make_kv_layer(int n_kv_heads, int head_dim) const override {
    RW_CHECK(head_dim >= 2);
    auto kv = std::make_unique<CountedKv>();
    kv->real = inner_->make_kv_layer(n_kv_heads, head_dim);
    kv->marks = inner_->make_kv_layer(n_kv_heads, head_dim);
    kv->n_kv_heads = n_kv_heads, kv->head_dim = head_dim, kv->layer = n_made_++ % n_layers_;
    return kv;
  }

  void append(KvLayer& kv, const float* k, const float* v, const KeyPlan& plan) const override {
    CountedKv& counted = of(kv);
    inner_->append(*counted.real, k, v, plan);
    const Index width = Index{counted.n_kv_heads} * counted.head_dim;
    std::vector<float> marks(static_cast<std::size_t>(plan.n_keys * width),
                             0);  // dim 0: token 0; 1: the first
    for (Index key = 0; key < plan.n_keys; ++key)
      for (int head = 0; head < counted.n_kv_heads; ++head) {
        const auto at = static_cast<std::size_t>(key * width + Index{head} * counted.head_dim);
        marks[at] = plan.key_begin + key == 0 ? 1.0F : 0.0F;
        marks[at + 1] = plan.key_begin + key < shares_.n_first ? 1.0F : 0.0F;
      }
    inner_->append(*counted.marks, k, marks.data(), plan);
  }
  void rotate_into(KvLayer& scratch, const KvLayer& raw, const KeyPlan& plan) const override {
    inner_->rotate_into(*of(scratch).real, *of(raw).real, plan);
    inner_->rotate_into(*of(scratch).marks, *of(raw).marks, plan);
  }
  void drop(KvLayer& kv, Index next_row) const override {
    inner_->drop(*of(kv).real, next_row);
    inner_->drop(*of(kv).marks, next_row);
  }
  void truncate(KvLayer& kv, Index n_keys) const override {
    inner_->truncate(*of(kv).real, n_keys);
    inner_->truncate(*of(kv).marks, n_keys);
  }

  void attention(std::span<const AttentionTask> tasks, int n_heads) const override {
    for (AttentionTask task : tasks) {
      const CountedKv& kv = of(*task.kv);
      task.kv = kv.real.get();
      inner_->attention({&task, 1}, n_heads);
      std::vector<float> marks(static_cast<std::size_t>(task.plan->n_rows * n_heads * kv.head_dim));
      task.kv = kv.marks.get(), task.out = marks.data();
      inner_->attention({&task, 1}, n_heads);
      count(*task.plan, marks, n_heads, kv);
    }
  }

 private:
  static CountedKv& of(KvLayer& kv) { return dynamic_cast<CountedKv&>(kv); }
  static const CountedKv& of(const KvLayer& kv) { return dynamic_cast<const CountedKv&>(kv); }

  void count(const AttentionPlan& plan, const std::vector<float>& marks, int n_heads,
             const CountedKv& kv) const {
    AttentionShares::Layer& layer = shares_.layers[kv.layer];
    for (Index row = std::max<Index>(0, shares_.row_begin - plan.row_begin); row < plan.n_rows; ++row) {
      Index visible = 0, first = 0;
      for (Index s = plan.segment_begin[static_cast<std::size_t>(row)];
           s < plan.segment_begin[static_cast<std::size_t>(row + 1)]; ++s) {
        const Segment& segment = plan.segments[static_cast<std::size_t>(s)];
        visible += segment.end - segment.begin;
        first += std::max<Index>(0, std::min(segment.end, shares_.n_first) - segment.begin);
      }
      for (int head = 0; head < n_heads; ++head) {
        const auto at = static_cast<std::size_t>((row * n_heads + head) * kv.head_dim);
        layer.first_token += static_cast<double>(marks[at]);
        layer.first_tokens += static_cast<double>(marks[at + 1]);
      }
      layer.rows += n_heads;
      layer.even += n_heads * static_cast<double>(first) / static_cast<double>(visible);
    }
  }

  std::shared_ptr<const Backend> inner_;
  std::size_t n_layers_;
  AttentionShares& shares_;
  mutable std::size_t n_made_ = 0;
};

}  // namespace

std::shared_ptr<const Backend> count_attention(std::shared_ptr<const Backend> inner, int n_layers,
                                               AttentionShares& shares) {
  return std::make_shared<CountingBackend>(std::move(inner), n_layers, shares);
}

}  // namespace ropewalk
