// SPDX-License-Identifier: Apache-2.0
/// The packed cache of the CPU backend: how a block of 256 keys is laid out is known here and in generic.h.
///
///   bf16: K per head, 16 sub-blocks of 16 keys, each (head_dim/2, 16 keys, 2); V per head (128 pairs of
///   keys,
///         padded_dim, 2)
///   f32:  K per head, 16 sub-blocks, each (head_dim, 16 keys);                 V per head (256 keys,
///   padded_dim)
///
/// so that a product reads whole vectors and never needs a horizontal sum.
#pragma once
#include <memory>
#include <vector>

#include "core/buffer.h"
#include "kernels/cpu/isa.h"
#include "kernels/kernels.h"

namespace ropewalk::cpu {

/// x (head_dim) rotated in half-split pairs by row `position` of the table, the rotated dims times gain; the
/// others pass.
void rotate(const RotationTable& table, std::size_t half, const float* x, std::size_t position, int head_dim,
            float gain, float* out);

/// A RotationTable laid out for 16 keys at a time: (n_positions / 16, half, 16), padded with zeros.
struct KeyRotations {
  std::vector<double> positions, theta;  ///< what it was made for
  std::vector<float> cosine, sine;
  void make(const std::vector<double>& positions, const std::vector<double>& theta);
};

class CpuKv final : public KvLayer {
 public:
  CpuKv(Precision precision, int n_kv_heads, int head_dim);
  Index n_keys() const override { return n_keys_; }
  std::size_t bytes() const override;

  void append(const float* k, const float* v, const KeyPlan& plan);
  void drop(Index next_row);
  /// Becomes `raw` rotated by the plan. Tables are made once for all layers that share a plan.
  void rotate_from(const CpuKv& raw, const KeyPlan& plan);

  /// This head's keys of a block in a variant, or its values; null when dropped.
  const void* keys(std::size_t block, std::size_t variant, int head) const;
  const void* values(std::size_t block, int head) const;
  bool odd_values(std::size_t block, int head) const {
    return blocks_[block].odd_values[static_cast<std::size_t>(head)] != 0;
  }
  std::size_t n_blocks() const { return blocks_.size(); }

  const Precision precision;
  const int n_kv_heads, head_dim, padded_dim;

 private:
  using Bytes = Buffer<std::byte>;
  struct Block {
    std::vector<std::shared_ptr<Bytes>> k;  // (n_variants), each (n_kv_heads, kBlockKeys * head_dim elements)
    std::vector<char> odd_values;           // (n_kv_heads): 1 once a value is infinite or NaN
    std::shared_ptr<Bytes> v;               // (n_kv_heads, kBlockKeys * padded_dim elements)
  };
  Index element_bytes() const { return precision == Precision::kBf16 ? 2 : 4; }
  void check_plan(const KeyPlan& plan);
  void rotate_block(const Bytes& from, const KeyRotations& rotations, Index block, Bytes& to) const;
  void write_key(Bytes& bytes, int head, Index slot, const float* k) const;
  void read_key(const Bytes& bytes, int head, Index slot, float* k) const;
  /// The key and value `key` of a head, in every variant; k, v: the appended rows.
  void write_row(Block& block, int head, Index key, const float* k, const float* v,
                 const KeyPlan& plan) const;
  void write_value(Bytes& bytes, int head, Index slot, const float* v) const;

  Index n_keys_ = 0;
  std::vector<Block> blocks_;
  std::vector<KeyRotations> rotations_;     // (n_variants), of rotate_from
  std::vector<KeyPlan::Variant> variants_;  // sink and window of each; positions empty
};

}  // namespace ropewalk::cpu
