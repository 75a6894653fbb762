// SPDX-License-Identifier: Apache-2.0
/// The CPU backend: packing of weights, the split of work over threads, and the small operations.
#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "kernels/cpu/attention.h"
#include "kernels/cpu/greatest.h"
#include "kernels/cpu/kv_layer.h"
#include "kernels/cpu/lender.h"
#include "kernels/cpu/linear.h"
#include "kernels/cpu/recurrence.h"
#include "kernels/host_backend.h"

namespace rw {
namespace {

/// Keys that all rows of the tasks see, each counted once per row.
double seen_pairs(std::span<const AttentionTask> tasks) {
  double pairs = 0;
  for (const AttentionTask& task : tasks)
    for (const Segment& segment : task.plan->segments)
      pairs += static_cast<double>(segment.end - segment.begin);
  return pairs;
}

/// head_dim and value_dim multiply-adds for each pair that is seen: blended tiles count once.
double attention_flop(std::span<const AttentionTask> tasks, int n_heads) {
  if (tasks.empty()) return 0;
  const KvLayer& kv = *tasks[0].kv;
  return 2.0 * n_heads * (kv.head_dim + kv.value_dim) * seen_pairs(tasks);
}

/// Keys and values that some row sees, read once.
double attention_bytes(std::span<const AttentionTask> tasks, KvType type) {
  double bytes = 0;
  for (const AttentionTask& task : tasks) {
    const auto& kv = dynamic_cast<const cpu::CpuKv&>(*task.kv);
    const AttentionPlan& plan = *task.plan;
    if (plan.n_rows == 0) continue;
    double keys = 0;  // of the last row: what a generated token reads
    for (Index s = plan.segment_begin[static_cast<std::size_t>(plan.n_rows) - 1];
         s < plan.segment_begin[static_cast<std::size_t>(plan.n_rows)]; ++s)
      keys += static_cast<double>(plan.segments[static_cast<std::size_t>(s)].end -
                                  plan.segments[static_cast<std::size_t>(s)].begin);
    bytes += keys * static_cast<double>(kv_bytes_per_key(type, kv.n_kv_heads, kv.head_dim, kv.value_dim, 1));
  }
  return bytes;
}

/// Multiply-adds and weights of products.
struct Work {
  double flop = 0, bytes = 0;
  void add(Index n_rows, const Matrix& w) {
    flop += 2.0 * static_cast<double>(n_rows * w.n_out) * static_cast<double>(w.n_in);
    bytes += static_cast<double>(w.file_bytes);
  }
};

Work work_of(Index n_rows, const FeedForward& part) {
  Work work;
  for (const Matrix* w : {part.gate, part.up, part.down})
    if (w != nullptr) work.add(n_rows, *w);
  return work;
}

/// Of the experts that rows choose and the shared one; those of a layer are of one shape.
double expert_flop(Index n_rows, const Experts& layer) {
  return work_of(n_rows * layer.routing.n_used, layer.each[0]).flop +
         (layer.shared != nullptr ? work_of(n_rows, *layer.shared).flop : 0);
}
/// Rows choose as many different ones as there can be: an upper bound.
double expert_bytes(Index n_rows, const Experts& layer) {
  const Index n = std::min(n_rows * layer.routing.n_used, layer.routing.n_experts);
  return static_cast<double>(n) * work_of(1, layer.each[0]).bytes +
         (layer.shared != nullptr ? work_of(1, *layer.shared).bytes : 0);
}

template <class Task>
Index rows_of(std::span<const Task> tasks) {
  Index n = 0;
  for (const Task& task : tasks) n += task.n_rows;
  return n;
}

class CpuBackend final : public HostBackend {
 public:
  CpuBackend(std::shared_ptr<Context> context, Precision precision, KvType kv_type)
      : context_(std::move(context)),
        isa_(cpu::find_isa(context_->isa().c_str())),
        precision_(precision),
        kv_type_(kv_type) {}

  std::string name() const override {
    constexpr const char* kKvNames[] = {"bf16", "f32", "q8"};
    const std::string name = precision_ == Precision::kBf16 ? "bf16" : "f32",
                      kv = kKvNames[static_cast<int>(kv_type_)];
    return fmt::format("cpu {} {}{}", isa_.name, name, kv == name ? "" : ", cache " + kv);
  }
  Precision precision() const override { return precision_; }
  KvType kv_type() const override { return kv_type_; }
  const std::shared_ptr<Context>& context() const override { return context_; }

  using Backend::make_matrix;
  std::unique_ptr<Matrix> make_matrix(WeightRows rows, Precision precision) const override {
    return cpu::make_matrix(std::move(rows), precision, isa_);
  }
  void linear(const Input& input, std::span<const Output> outputs, Stage stage) const override {
    Work work;
    for (const Output& output : outputs) work.add(input.n_rows, *output.w);
    const Timed timed(context_->profile(), "linear", work.flop, work.bytes);
    const auto space = linear_spaces_.borrow();
    cpu::linear(input, outputs, stage, {*context_, isa_, *space});
  }
  void feed_forward(const Input& input, const FeedForward& layer, float* y, bool add,
                    Stage stage) const override {
    const Work work = work_of(input.n_rows, layer);
    const Timed timed(context_->profile(), "feed-forward", work.flop, work.bytes);
    const auto space = linear_spaces_.borrow();
    cpu::feed_forward(input, layer, y, add, stage, {*context_, isa_, *space});
  }
  void experts(const Input& input, const Experts& layer, float* y, bool add, Stage stage) const override {
    const Timed timed(context_->profile(), "experts", expert_flop(input.n_rows, layer),
                      expert_bytes(input.n_rows, layer));
    const auto space = linear_spaces_.borrow();
    cpu::experts(input, layer, y, add, stage, {*context_, isa_, *space});
  }

  using Backend::make_kv_layer;
  std::unique_ptr<KvLayer> make_kv_layer(int n_kv_heads, int head_dim, int value_dim) const override {
    return std::make_unique<cpu::CpuKv>(context_, isa_, kv_type_, n_kv_heads, head_dim, value_dim);
  }
  using Backend::append;
  void append(KvLayer& kv, const float* k, Index k_stride, const float* v, Index v_stride,
              const KeyPlan& plan) const override {
    const Timed timed(context_->profile(), "append", 0, 0);
    dynamic_cast<cpu::CpuKv&>(kv).append(k, k_stride, v, v_stride, plan);
  }
  void rotate_into(KvLayer& scratch, const KvLayer& raw, const KeyPlan& plan) const override {
    const Timed timed(context_->profile(), "rotate keys", 0, 0);
    dynamic_cast<cpu::CpuKv&>(scratch).rotate_from(dynamic_cast<const cpu::CpuKv&>(raw), plan);
  }
  void drop(KvLayer& kv, Index next_row) const override { dynamic_cast<cpu::CpuKv&>(kv).drop(next_row); }
  void truncate(KvLayer& kv, Index n_keys) const override { dynamic_cast<cpu::CpuKv&>(kv).truncate(n_keys); }
  void save(const KvLayer& kv, const ByteSink& sink) const override {
    dynamic_cast<const cpu::CpuKv&>(kv).save(sink);
  }
  void load(KvLayer& kv, Index n_keys, const KeyPlan& plan, Index next_row,
            const ByteSource& source) const override {
    dynamic_cast<cpu::CpuKv&>(kv).load(n_keys, plan, next_row, source);
  }
  std::unique_ptr<KvLayer> fork(const KvLayer& kv, Index n_keys) const override {
    return dynamic_cast<const cpu::CpuKv&>(kv).fork(n_keys);
  }
  void attention(std::span<const AttentionTask> tasks, int n_heads) const override {
    const bool counted = context_->profile().on();
    const Timed timed(context_->profile(), "attention", counted ? attention_flop(tasks, n_heads) : 0,
                      counted ? attention_bytes(tasks, kv_type_) : 0);
    const auto space = attention_spaces_.borrow();
    cpu::attention(tasks, n_heads, *context_, isa_, *space);
  }
  Index part_floats(int value_dim) const override {
    return cpu::part_floats((value_dim + cpu::kLanes - 1) / cpu::kLanes * cpu::kLanes);
  }
  void merge_parts(std::span<const float* const> parts, Index n_rows, int n_heads, int value_dim,
                   const float* sinks, float* out, Index out_stride) const override {
    const Timed timed(context_->profile(), "merge parts", 0, 0);
    cpu::merge_parts(parts, n_rows * n_heads, n_heads, value_dim, sinks, out, out_stride, *context_, isa_);
  }

  void norm(const float* x, Index n_rows, Index dim, const Norm& norm, float* y) const override {
    RW_CHECK(norm.n_weights > 0);
    const Timed timed(context_->profile(), "norm", 0, 8.0 * static_cast<double>(n_rows * dim));
    context_->parallel_blocks(n_rows, 32, [&](Index begin, Index end) {
      for (Index r = begin; r < end; ++r) cpu::norm_row(isa_, norm, r, dim, x + r * dim, y + r * dim);
    });
  }

  void convolve(std::span<const ConvolutionTask> tasks, const Convolution& convolution) const override {
    const Timed timed(context_->profile(), "convolve",
                      2.0 * convolution.n_taps * static_cast<double>(rows_of(tasks) * convolution.width), 0);
    cpu::convolve(tasks, convolution, *context_, isa_);
  }
  void recur(std::span<const RecurrenceTask> tasks, const Recurrence& r) const override {
    const auto size = static_cast<double>(r.n_heads * r.key_dim * r.value_dim);
    const Timed timed(context_->profile(), "recur",
                      (r.delta ? 7.0 : 5.0) * static_cast<double>(rows_of(tasks)) * size,
                      8.0 * static_cast<double>(tasks.size()) * size);
    const auto space = recurrence_spaces_.borrow();
    cpu::recur(tasks, r, *context_, isa_, *space);
  }

  void activate(float* x, const float* up, Index n, Activation activation) const override {
    const Timed timed(context_->profile(), "scale", 0, 8.0 * static_cast<double>(n));
    context_->parallel_blocks(n, kElementsPerBlock, [&](Index begin, Index end) {
      cpu::activate(isa_, activation, x + begin, up != nullptr ? up + begin : nullptr, end - begin);
    });
  }
  void soft_cap(float* x, Index n, float cap) const override {
    RW_CHECK(cap > 0);
    const Timed timed(context_->profile(), "scale", 0, 8.0 * static_cast<double>(n));
    context_->parallel_blocks(n, kElementsPerBlock,
                              [&](Index begin, Index end) { isa_.soft_cap(x + begin, end - begin, cap); });
  }
  void scale(float* x, Index n, float factor) const override {
    const Timed timed(context_->profile(), "scale", 0, 8.0 * static_cast<double>(n));
    context_->parallel_blocks(n, kElementsPerBlock, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) x[i] *= factor;
    });
  }
  void add_scaled(const float* x, Index n, float scale, float* y) const override {
    const Timed timed(context_->profile(), "scale", 0, 12.0 * static_cast<double>(n));
    context_->parallel_blocks(n, kElementsPerBlock, [&](Index begin, Index end) {
      isa_.add_scaled(x + begin, end - begin, scale, y + begin);
    });
  }

  void log_sum_exp(const float* x, Index n_rows, Index n, double* y) const override {
    const Timed timed(context_->profile(), "losses", 0, 4.0 * static_cast<double>(n_rows * n));
    context_->parallel_for(n_rows, [&](Index r, int) {
      const cpu::ExpSum all = isa_.exp_sum(x + r * n, n);
      y[r] = std::log(all.sum) + static_cast<double>(all.top);
    });
  }

  void greatest(const float* x, Index n_rows, Index n, Index n_choices, Token* out) const override {
    RW_CHECK(1 <= n_choices && n_choices <= n);
    const Timed timed(context_->profile(), "greatest", 0, 4.0 * static_cast<double>(n_rows * n));
    context_->parallel_for(n_rows, [&](Index r, int) { out[r] = cpu::greatest(isa_, x + r * n, n_choices); });
  }
  void top_k(const float* x, Index n_rows, Index n, Index n_choices, Index k, Token* ids,
             float* values) const override {
    RW_CHECK(1 <= k && k <= n_choices && n_choices <= n);
    const Timed timed(context_->profile(), "greatest", 0, 4.0 * static_cast<double>(n_rows * n));
    context_->parallel_for(n_rows, [&](Index r, int) {
      cpu::top_k(isa_, x + r * n, n_choices, k, ids + r * k, values + r * k);
    });
  }

 private:
  static constexpr Index kElementsPerBlock = 8192;
  std::shared_ptr<Context> context_;
  const cpu::Isa& isa_;
  Precision precision_;
  KvType kv_type_;
  mutable cpu::Lender<cpu::Workspace> linear_spaces_;
  mutable cpu::Lender<cpu::AttentionSpace> attention_spaces_;
  mutable cpu::Lender<cpu::RecurrenceSpace> recurrence_spaces_;
};

}  // namespace

std::size_t kv_bytes_per_key(KvType type, int n_kv_heads, int head_dim, int value_dim, int n_variants) {
  const int padded_dim =
      (value_dim + cpu::kLanes - 1) / cpu::kLanes * cpu::kLanes;  // the width values are stored in
  const Index bytes = n_variants * cpu::key_bytes(type, head_dim) + cpu::key_bytes(type, padded_dim);
  return static_cast<std::size_t>(n_kv_heads * bytes);
}

std::unique_ptr<Backend> make_cpu_backend(std::shared_ptr<Context> context, Precision precision,
                                          KvType kv_type) {
  return std::make_unique<CpuBackend>(std::move(context), precision, kv_type);
}

std::unique_ptr<Backend> make_cpu_backend(Precision precision, KvType kv_type) {
  return make_cpu_backend(std::make_shared<Context>(), precision, kv_type);
}

std::unique_ptr<Backend> make_cpu_backend(Precision precision) {
  return make_cpu_backend(precision, precision == Precision::kBf16 ? KvType::kBf16 : KvType::kF32);
}

std::string isa_name(const Context& context) { return cpu::find_isa(context.isa().c_str()).name; }

}  // namespace rw
