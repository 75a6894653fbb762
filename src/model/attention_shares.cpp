// SPDX-License-Identifier: Apache-2.0
#include "model/attention_shares.h"

#include <algorithm>

#include "core/error.h"
#include "kernels/forwarding_backend.h"

namespace rw {
namespace {

struct CountedKv : KvLayer {
  using KvLayer::KvLayer;
  std::unique_ptr<KvLayer> real, marks;
  Index n_keys() const override { return real->n_keys(); }
  std::size_t bytes() const override { return real->bytes(); }
};

class CountingBackend : public ForwardingBackend {
 public:
  CountingBackend(std::shared_ptr<const Backend> inner, int n_layers, AttentionShares& shares)
      : ForwardingBackend(std::move(inner)), shares_(shares) {
    shares_.layers.assign(static_cast<std::size_t>(n_layers), {});
  }
  using Backend::make_kv_layer;
  std::unique_ptr<KvLayer> make_kv_layer(int n_kv_heads, int head_dim, int value_dim) const override {
    RW_CHECK(value_dim >= 2);
    auto kv = std::make_unique<CountedKv>(n_kv_heads, head_dim, value_dim);
    kv->real = inner().make_kv_layer(n_kv_heads, head_dim, value_dim);
    kv->marks = inner().make_kv_layer(n_kv_heads, head_dim, value_dim);
    return kv;
  }

  using Backend::append;
  void append(KvLayer& kv, const float* k, Index k_stride, const float* v, Index v_stride,
              const KeyPlan& plan) const override {
    CountedKv& counted = of(kv);
    inner().append(*counted.real, k, k_stride, v, v_stride, plan);
    std::vector<float> marks(static_cast<std::size_t>(plan.n_keys * v_stride),
                             0);  // dim 0: token 0; 1: the first
    for (Index key = 0; key < plan.n_keys; ++key)
      for (int head = 0; head < counted.n_kv_heads; ++head) {
        const auto at = static_cast<std::size_t>(key * v_stride + Index{head} * counted.value_dim);
        marks[at] = plan.key_begin + key == 0 ? 1.0F : 0.0F;
        marks[at + 1] = plan.key_begin + key < shares_.n_first ? 1.0F : 0.0F;
      }
    inner().append(*counted.marks, k, k_stride, marks.data(), v_stride, plan);
  }
  void rotate_into(KvLayer& scratch, const KvLayer& raw, const KeyPlan& plan) const override {
    inner().rotate_into(*of(scratch).real, *of(raw).real, plan);
    inner().rotate_into(*of(scratch).marks, *of(raw).marks, plan);
  }
  void drop(KvLayer& kv, Index next_row) const override {
    inner().drop(*of(kv).real, next_row);
    inner().drop(*of(kv).marks, next_row);
  }
  void truncate(KvLayer& kv, Index n_keys) const override {
    inner().truncate(*of(kv).real, n_keys);
    inner().truncate(*of(kv).marks, n_keys);
  }

  std::unique_ptr<KvLayer> fork(const KvLayer& kv, Index n_keys) const override {
    const CountedKv& from = of(kv);
    auto copy = std::make_unique<CountedKv>(from.n_kv_heads, from.head_dim, from.value_dim);
    copy->real = inner().fork(*from.real, n_keys), copy->marks = inner().fork(*from.marks, n_keys);
    return copy;
  }
  void attention(std::span<const AttentionTask> tasks, int all_heads) const override {
    for (AttentionTask task : tasks) {
      const int n_heads = task.n_heads > 0 ? task.n_heads : all_heads;
      const CountedKv& kv = of(*task.kv);
      task.kv = kv.real.get();
      inner().attention({&task, 1}, n_heads);
      const Index stride = task.out_stride > 0 ? task.out_stride : Index{n_heads} * kv.value_dim;
      std::vector<float> marks(static_cast<std::size_t>(task.plan->n_rows * stride));
      task.kv = kv.marks.get(), task.out = marks.data();
      inner().attention({&task, 1}, n_heads);
      count(*task.plan, marks, stride, n_heads, kv);
    }
  }

 private:
  static CountedKv& of(KvLayer& kv) { return dynamic_cast<CountedKv&>(kv); }
  static const CountedKv& of(const KvLayer& kv) { return dynamic_cast<const CountedKv&>(kv); }

  void count(const AttentionPlan& plan, const std::vector<float>& marks, Index stride, int n_heads,
             const CountedKv& kv) const {
    AttentionShares::Layer& layer = shares_.layers.at(static_cast<std::size_t>(kv.layer));
    for (Index row = std::max<Index>(0, shares_.row_begin - plan.row_begin); row < plan.n_rows; ++row) {
      Index visible = 0, first = 0;
      for (Index s = plan.segment_begin[static_cast<std::size_t>(row)];
           s < plan.segment_begin[static_cast<std::size_t>(row + 1)]; ++s) {
        const Segment& segment = plan.segments[static_cast<std::size_t>(s)];
        visible += segment.end - segment.begin;
        first += std::max<Index>(0, std::min(segment.end, shares_.n_first) - segment.begin);
      }
      for (int head = 0; head < n_heads; ++head) {
        const auto at = static_cast<std::size_t>(row * stride + Index{head} * kv.value_dim);
        layer.first_token += static_cast<double>(marks[at]);
        layer.first_tokens += static_cast<double>(marks[at + 1]);
      }
      layer.rows += n_heads;
      layer.even += n_heads * static_cast<double>(first) / static_cast<double>(visible);
    }
  }

  AttentionShares& shares_;
};

}  // namespace

std::shared_ptr<const Backend> count_attention(std::shared_ptr<const Backend> inner, int n_layers,
                                               AttentionShares& shares) {
  return std::make_shared<CountingBackend>(std::move(inner), n_layers, shares);
}

}  // namespace rw
