// SPDX-License-Identifier: Apache-2.0
/// Training<float>: what inference has where it fits, and the backward of each operation.
#include "kernels/training.h"

#include <cmath>

#include "core/error.h"
#include "kernels/cpu/attention.h"
#include "kernels/cpu/attention_backward.h"
#include "kernels/cpu/lender.h"
#include "kernels/cpu/linear_backward.h"
#include "kernels/cpu/recurrence_backward.h"

namespace rw {
namespace {

using Attention = TrainingAttention<float>;

double flop_of(Index n_rows, Index n_out, Index n_in) {
  return 2.0 * static_cast<double>(n_rows * n_out) * static_cast<double>(n_in);
}

/// Products of head_dim and of value_dim multiply-adds for each pair that is seen.
double flop_of(std::span<const Attention> tasks, int of_keys, int of_values) {
  double flop = 0;
  for (const Attention& task : tasks)
    for (const Segment& segment : task.plan->segments)
      flop += 2 * static_cast<double>(segment.end - segment.begin) * task.n_heads *
              (of_keys * task.head_dim + of_values * task.value_dim);
  return flop;
}

/// `products` multiply-adds for each number of a state in each row.
double flop_of(const TrainingRecurrence<float>& rows, const Recurrence& r, double products) {
  return 2 * products * static_cast<double>(rows.n_rows() * r.n_heads) *
         static_cast<double>(r.key_dim * r.value_dim);
}

class CpuTraining final : public Training<float> {
 public:
  explicit CpuTraining(std::shared_ptr<Context> context)
      : context_(std::move(context)),
        isa_(cpu::find_isa(context_->isa().c_str())),
        backend_(make_cpu_backend(context_, Precision::kF32, KvType::kF32)) {}
  const std::shared_ptr<Context>& context() const override { return context_; }
  std::size_t own_bytes(const TrainingSizes& sizes) const override;

  void linear(const float* x, Index n_rows, const Matrix& w, const float* bias, float scale, bool add,
              float* y) const override {
    const Output output{.w = &w, .bias = bias, .y = y, .add = add, .scale = scale};
    backend_->linear({.x = x, .n_rows = n_rows}, {&output, 1}, Stage::kPrefill);
  }
  void linear_input(const float* dy, Index n_rows, const Matrix& w, float scale, float* dx) const override {
    const Timed timed(context_->profile(), "linear input", flop_of(n_rows, w.n_out, w.n_in),
                      static_cast<double>(w.file_bytes));
    const auto space = gemm_spaces_.borrow();
    cpu::linear_input(dy, n_rows, w, scale, dx, *context_, isa_, *space);
  }
  void linear_weight(const float* dy, const float* x, Index n_rows, Index n_out, Index n_in, float scale,
                     float* dw) const override {
    const Timed timed(context_->profile(), "linear weight", flop_of(n_rows, n_out, n_in),
                      8.0 * static_cast<double>(n_out * n_in));
    const auto space = gemm_spaces_.borrow();
    cpu::linear_weight(dy, x, n_rows, n_out, n_in, scale, dw, *context_, isa_, *space);
  }
  void sum_rows(const float* dy, Index n_rows, Index n, float scale, float* db) const override {
    const Timed timed(context_->profile(), "sum rows", 0, 4.0 * static_cast<double>(n_rows * n));
    context_->parallel_blocks(n, 64, [&](Index begin, Index end) {
      for (Index r = 0; r < n_rows; ++r) isa_.add_scaled(dy + r * n + begin, end - begin, scale, db + begin);
    });
  }

  void norm(const float* x, Index n_rows, Index dim, const Norm& norm, float* y) const override {
    backend_->norm(x, n_rows, dim, norm, y);
  }
  void norm_backward(const float* x, const float* dy, Index n_rows, Index dim, const Norm& norm, float* dx,
                     float* d_weight, float* d_bias) const override;

  void activate(const float* gate, const float* up, Index n, Activation activation, float* h) const override {
    const Timed timed(context_->profile(), "activate", 0, 12.0 * static_cast<double>(n));
    context_->parallel_blocks(n, kElementsPerBlock, [&](Index begin, Index end) {
      const float* from = gate != nullptr ? gate : up;
      std::copy(from + begin, from + end, h + begin);
      cpu::activate(isa_, activation, h + begin, gate != nullptr ? up + begin : nullptr, end - begin);
    });
  }
  void activate_backward(const float* gate, const float* up, const float* dh, Index n, Activation activation,
                         float* d_gate, float* d_up) const override {
    const Timed timed(context_->profile(), "activate backward", 0, 20.0 * static_cast<double>(n));
    RW_CHECK(static_cast<int>(activation) < kTrainedActivations);
    const auto backward = isa_.training.activate_backward[static_cast<int>(activation)];
    context_->parallel_blocks(n, kElementsPerBlock, [&](Index begin, Index end) {
      backward({.gate = gate != nullptr ? gate + begin : nullptr,
                .up = up + begin,
                .dh = dh + begin,
                .n = end - begin,
                .d_gate = gate != nullptr ? d_gate + begin : nullptr,
                .d_up = d_up + begin});
    });
  }

  void soft_cap(float* x, Index n, float cap) const override { backend_->soft_cap(x, n, cap); }
  void soft_cap_backward(const float* y, const float* dy, Index n, float cap, float* dx) const override {
    RW_CHECK(cap > 0);
    const Timed timed(context_->profile(), "scale", 0, 12.0 * static_cast<double>(n));
    context_->parallel_blocks(n, kElementsPerBlock, [&](Index begin, Index end) {
      isa_.training.soft_cap_backward(y + begin, dy + begin, end - begin, cap, dx + begin);
    });
  }
  void rotate(float* x, Index n_rows, int n_heads, int head_dim, Index stride, Index first,
              const std::vector<double>& theta, bool backward) const override {
    std::vector<double> angles = theta;
    for (double& angle : angles) angle = backward ? -angle : angle;
    backend_->rotate(x, n_rows, n_heads, head_dim, stride, first, angles);
  }
  void add_scaled(const float* x, Index n, float scale, float* y) const override {
    backend_->add_scaled(x, n, scale, y);
  }

  void embed(const WeightRows& embedding, std::span<const Token> tokens, float scale, const float* bias,
             float* y) const override {
    backend_->embed(embedding, tokens, scale, bias, y);
  }
  void embed_backward(std::span<const Token> tokens, const float* dy, Index n_in, float scale,
                      float* d_embedding, float* d_bias) const override {
    const auto n_rows = static_cast<Index>(tokens.size());
    const Timed timed(context_->profile(), "embed backward", 0, 12.0 * static_cast<double>(n_rows * n_in));
    context_->parallel_blocks(n_in, 64, [&](Index begin, Index end) {
      for (Index r = 0; r < n_rows; ++r) {
        const float* d = dy + r * n_in + begin;
        isa_.add_scaled(d, end - begin, scale,
                        d_embedding + Index{tokens[static_cast<std::size_t>(r)]} * n_in + begin);
        if (d_bias != nullptr) isa_.add_scaled(d, end - begin, 1, d_bias + begin);
      }
    });
  }

  void attention(std::span<const Attention> tasks) const override;
  void attention_backward(std::span<const Attention> tasks) const override {
    const bool counted = context_->profile().on();
    const Timed timed(context_->profile(), "attention backward", counted ? flop_of(tasks, 3, 2) : 0, 0);
    const auto space = backward_spaces_.borrow();
    cpu::attention_backward(tasks, *context_, isa_, *space);
  }

  void convolve(const float* x, std::span<const Index> borders, const Convolution& convolution,
                float* y) const override {
    const Timed timed(context_->profile(), "convolve", 0,
                      8.0 * static_cast<double>(borders.back() * convolution.width));
    const auto space = recurrence_spaces_.borrow();
    cpu::convolve(x, borders, convolution, y, *context_, isa_, *space);
  }
  void convolve_backward(const float* x, const float* dy, std::span<const Index> borders,
                         const Convolution& convolution, float* dx, float* d_taps,
                         float* d_bias) const override {
    const Timed timed(context_->profile(), "convolve backward", 0,
                      12.0 * static_cast<double>(borders.back() * convolution.width));
    cpu::convolve_backward(x, dy, borders, convolution, dx, d_taps, d_bias, *context_, isa_);
  }
  void recur(const TrainingRecurrence<float>& rows, const Recurrence& recurrence) const override {
    const Timed timed(context_->profile(), "recurrence", flop_of(rows, recurrence, 4), 0);
    const auto space = recurrence_spaces_.borrow();
    cpu::recur(rows, recurrence, *context_, isa_, *space);
  }
  void recur_backward(const TrainingRecurrence<float>& rows, const Recurrence& recurrence) const override {
    const Timed timed(context_->profile(), "recurrence backward", flop_of(rows, recurrence, 12), 0);
    const auto space = recurrence_spaces_.borrow();
    cpu::recur_backward(rows, recurrence, *context_, isa_, *space);
  }

  void cross_entropy(float* logits, Index n_vocab, std::span<const Token> targets, const float* weights,
                     double* losses) const override;

 private:
  static constexpr Index kElementsPerBlock = 8192;

  std::shared_ptr<Context> context_;
  const cpu::Isa& isa_;
  std::unique_ptr<Backend> backend_;
  mutable cpu::Lender<cpu::GemmSpace> gemm_spaces_;
  mutable cpu::Lender<cpu::AttentionSpace> attention_spaces_;
  mutable cpu::Lender<cpu::BackwardSpace> backward_spaces_;
  mutable cpu::Lender<cpu::TrainingRecurrenceSpace> recurrence_spaces_;
};

/// Rows as products read them and panels of a matrix (linear.h, linear_backward.h); keys and values of all
/// texts, and what a wave of heads sums for theirs (attention_backward.h); the same of recurrences
/// (recurrence_backward.h); what threads hold.
std::size_t CpuTraining::own_bytes(const TrainingSizes& s) const {
  const Index threads = context_->threads(), in = (s.n_in + cpu::kLanes - 1) / cpu::kLanes * cpu::kLanes;
  const Index dim = (s.head_dim + cpu::kLanes - 1) / cpu::kLanes * cpu::kLanes;
  const Index texts = (s.n_rows + s.n_ctx - 1) / s.n_ctx, keys = (s.n_ctx + 255) / 256 * 256;
  const Index products = s.n_rows * in + 4 * cpu::kGemmInner * in;
  const Index cache = texts * keys * s.kv_width * (s.n_variants + 1);
  const cpu::BackwardWave wave = cpu::backward_wave(s, threads);
  const Index backward = keys * dim * (wave.items * (s.n_variants + 1) + wave.units * (2 * s.n_variants + 1));
  constexpr std::size_t kThread = 4 << 20;
  return static_cast<std::size_t>(products + cache + backward) * sizeof(float) +
         cpu::recurrence_bytes(s, threads) + static_cast<std::size_t>(threads) * kThread;
}

/// The weights' gradients are summed over blocks of rows, then the blocks in their order.
void CpuTraining::norm_backward(const float* x, const float* dy, Index n_rows, Index dim, const Norm& norm,
                                float* dx, float* d_weight, float* d_bias) const {
  RW_CHECK(norm.n_weights > 0);
  const Timed timed(context_->profile(), "norm backward", 0, 16.0 * static_cast<double>(n_rows * dim));
  const Index rows_each = 64 * norm.n_weights, n_blocks = (n_rows + rows_each - 1) / rows_each,
              width = norm.n_weights * dim;
  Buffer<float> weight_sums(d_weight != nullptr ? n_blocks * width : 0),
      bias_sums(d_bias != nullptr ? n_blocks * width : 0);
  context_->parallel_for(n_blocks, [&](Index block, int) {
    for (Index r = block * rows_each; r < std::min(n_rows, (block + 1) * rows_each); ++r) {
      const Index at = r % norm.n_weights * dim;
      isa_.training.norm_backward(
          {.x = x + r * dim,
           .dy = dy + r * dim,
           .n = dim,
           .norm = {norm.kind, norm.weight != nullptr ? norm.weight + at : nullptr, nullptr, norm.eps},
           .dx = dx + r * dim,
           .d_weight = d_weight != nullptr ? weight_sums.data() + block * width + at : nullptr,
           .d_bias = d_bias != nullptr ? bias_sums.data() + block * width + at : nullptr});
    }
  });
  for (Index block = 0; block < n_blocks; ++block) {
    if (d_weight != nullptr) isa_.add_scaled(weight_sums.data() + block * width, width, 1, d_weight);
    if (d_bias != nullptr) isa_.add_scaled(bias_sums.data() + block * width, width, 1, d_bias);
  }
}

/// Inference's attention over a cache of floats that lives as long as the call.
void CpuTraining::attention(std::span<const Attention> tasks) const {
  const bool counted = context_->profile().on();
  const Timed timed(context_->profile(), "attention", counted ? flop_of(tasks, 1, 1) : 0, 0);
  std::vector<std::unique_ptr<cpu::CpuKv>> caches;
  std::vector<AttentionTask> all;
  std::vector<float*> lse;
  for (const Attention& task : tasks) {
    RW_CHECK(task.n_heads % task.n_kv_heads == 0 && task.plan->row_begin == 0);
    caches.push_back(std::make_unique<cpu::CpuKv>(context_, isa_, KvType::kF32, task.n_kv_heads,
                                                  task.head_dim, task.value_dim));
    caches.back()->append(task.k, task.k_stride, task.v, task.v_stride, *task.keys);
    all.push_back({.q = task.q,
                   .kv = caches.back().get(),
                   .plan = task.plan,
                   .pointwise = nullptr,
                   .out = task.out,
                   .n_heads = task.n_heads,
                   .stride = task.q_stride,
                   .out_stride = task.out_stride,
                   .weight = task.weight});
    lse.push_back(task.lse);
  }
  const auto space = attention_spaces_.borrow();
  cpu::attention(all, 0, *context_, isa_, *space, lse);
}

void CpuTraining::cross_entropy(float* logits, Index n_vocab, std::span<const Token> targets,
                                const float* weights, double* losses) const {
  const auto n_rows = static_cast<Index>(targets.size());
  const Timed timed(context_->profile(), "cross-entropy", 0, 8.0 * static_cast<double>(n_rows * n_vocab));
  context_->parallel_for(n_rows, [&](Index r, int) {
    float* row = logits + r * n_vocab;
    const Token target = targets[static_cast<std::size_t>(r)];
    if (target == kNoToken) {
      losses[r] = 0;
      std::fill(row, row + n_vocab, 0.0f);
      return;
    }
    const cpu::ExpSum all = isa_.exp_sum(row, n_vocab);
    losses[r] = std::log(all.sum) + static_cast<double>(all.top) - static_cast<double>(row[target]);
    isa_.training.exp_scaled(row, n_vocab, all.top,
                             static_cast<float>(static_cast<double>(weights[r]) / all.sum));
    row[target] -= weights[r];
  });
}

}  // namespace

std::unique_ptr<Training<float>> make_cpu_training(std::shared_ptr<Context> context) {
  return std::make_unique<CpuTraining>(std::move(context));
}

}  // namespace rw
