// SPDX-License-Identifier: Apache-2.0
/// A backend that hands everything to another one: for those that watch some operation, or change it.
#pragma once
#include "kernels/kernels.h"

namespace rw {

class ForwardingBackend : public Backend {
 public:
  explicit ForwardingBackend(std::shared_ptr<const Backend> inner) : inner_(std::move(inner)) {}
  std::string name() const override { return inner_->name(); }
  Precision precision() const override { return inner_->precision(); }
  KvType kv_type() const override { return inner_->kv_type(); }
  const std::shared_ptr<Context>& context() const override { return inner_->context(); }
  std::shared_ptr<float> buffer(Index n) const override { return inner_->buffer(n); }
  std::shared_ptr<const float> upload(std::span<const float> numbers) const override {
    return inner_->upload(numbers);
  }
  const float* on_host(const float* from, Index n, std::vector<float>& copy) const override {
    return inner_->on_host(from, n, copy);
  }
  void copy(const float* from, Index n, float* to) const override { inner_->copy(from, n, to); }
  void embed(const WeightRows& embedding, std::span<const Token> tokens, float scale, const float* bias,
             float* y) const override {
    inner_->embed(embedding, tokens, scale, bias, y);
  }
  using Backend::make_matrix;
  std::unique_ptr<Matrix> make_matrix(WeightRows rows, Precision precision) const override {
    return inner_->make_matrix(std::move(rows), precision);
  }
  void linear(const Input& input, std::span<const Output> outputs, Stage stage) const override {
    inner_->linear(input, outputs, stage);
  }
  void feed_forward(const Input& input, const FeedForward& layer, float* y, bool add,
                    Stage stage) const override {
    inner_->feed_forward(input, layer, y, add, stage);
  }
  void experts(const Input& input, const Experts& layer, float* y, bool add, Stage stage) const override {
    inner_->experts(input, layer, y, add, stage);
  }
  KeyShare key_share() const override { return inner_->key_share(); }
  using Backend::make_kv_layer;
  std::unique_ptr<KvLayer> make_kv_layer(int n_kv_heads, int head_dim, int value_dim) const override {
    return inner_->make_kv_layer(n_kv_heads, head_dim, value_dim);
  }
  using Backend::append;
  void append(KvLayer& kv, const float* k, Index k_stride, const float* v, Index v_stride,
              const KeyPlan& plan) const override {
    inner_->append(kv, k, k_stride, v, v_stride, plan);
  }
  void rotate_into(KvLayer& scratch, const KvLayer& raw, const KeyPlan& plan) const override {
    inner_->rotate_into(scratch, raw, plan);
  }
  void drop(KvLayer& kv, Index next_row) const override { inner_->drop(kv, next_row); }
  void truncate(KvLayer& kv, Index n_keys) const override { inner_->truncate(kv, n_keys); }
  std::unique_ptr<KvLayer> fork(const KvLayer& kv, Index n_keys) const override {
    return inner_->fork(kv, n_keys);
  }
  void save(const KvLayer& kv, const ByteSink& sink) const override { inner_->save(kv, sink); }
  void load(KvLayer& kv, Index n_keys, const KeyPlan& plan, Index next_row,
            const ByteSource& source) const override {
    inner_->load(kv, n_keys, plan, next_row, source);
  }
  void attention(std::span<const AttentionTask> tasks, int n_heads) const override {
    inner_->attention(tasks, n_heads);
  }
  Index part_floats(int value_dim) const override { return inner_->part_floats(value_dim); }
  void merge_parts(std::span<const float* const> parts, Index n_rows, int n_heads, int value_dim,
                   const float* sinks, float* out, Index out_stride) const override {
    inner_->merge_parts(parts, n_rows, n_heads, value_dim, sinks, out, out_stride);
  }
  void norm(const float* x, Index n_rows, Index dim, const Norm& norm, float* y) const override {
    inner_->norm(x, n_rows, dim, norm, y);
  }
  void soft_cap(float* x, Index n, float cap) const override { inner_->soft_cap(x, n, cap); }
  void convolve(std::span<const ConvolutionTask> tasks, const Convolution& convolution) const override {
    inner_->convolve(tasks, convolution);
  }
  void recur(std::span<const RecurrenceTask> tasks, const Recurrence& recurrence) const override {
    inner_->recur(tasks, recurrence);
  }
  void activate(float* x, const float* up, Index n, Activation activation) const override {
    inner_->activate(x, up, n, activation);
  }
  void rotate(float* x, Index n_rows, int n_heads, int head_dim, Index stride, Index first,
              const std::vector<double>& theta) const override {
    inner_->rotate(x, n_rows, n_heads, head_dim, stride, first, theta);
  }
  void scale(float* x, Index n, float factor) const override { inner_->scale(x, n, factor); }
  void join_heads(const float* shared, Index n_shared, const float* own, Index n_own, Index n_rows,
                  int n_heads, float* y) const override {
    inner_->join_heads(shared, n_shared, own, n_own, n_rows, n_heads, y);
  }
  void add_scaled(const float* x, Index n, float scale, float* y) const override {
    inner_->add_scaled(x, n, scale, y);
  }
  void log_sum_exp(const float* x, Index n_rows, Index n, double* y) const override {
    inner_->log_sum_exp(x, n_rows, n, y);
  }
  void losses(const float* logits, Index n_vocab, std::span<const Token> targets,
              double* losses) const override {
    inner_->losses(logits, n_vocab, targets, losses);
  }
  void greatest(const float* x, Index n_rows, Index n, Index n_choices, Token* out) const override {
    inner_->greatest(x, n_rows, n, n_choices, out);
  }
  void top_k(const float* x, Index n_rows, Index n, Index n_choices, Index k, Token* ids,
             float* values) const override {
    inner_->top_k(x, n_rows, n, n_choices, k, ids, values);
  }

 protected:
  const Backend& inner() const { return *inner_; }

 private:
  std::shared_ptr<const Backend> inner_;
};

}  // namespace rw
