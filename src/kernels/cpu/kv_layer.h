// SPDX-License-Identifier: Apache-2.0
/// The packed cache of the CPU backend: how a block of 256 keys is laid out is known here and in generic.h.
///
///   bf16: K per head, 16 groups of 16 keys, each (head_dim / 2, 16 keys, 2)
///         V per head (128 pairs of keys, padded_dim, 2)
///   f32:  K per head, 16 groups of 16 keys, each (head_dim, 16 keys)
///         V per head (256 keys, padded_dim)
///   q8:   as bf16, in 8 bits; then, per head, the scales of the 256 keys as floats
///
/// so that a product reads whole vectors and never needs a horizontal sum.
#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "core/context.h"
#include "kernels/cpu/isa.h"
#include "kernels/kernels.h"

namespace rw::cpu {

/// Row `position` of a table, for the kernels.
RowRotation row_rotation(const RotationTable& table, std::size_t half, Index position, int head_dim,
                         float gain = 1, float rest = 1);

/// Bytes of one key of one head, `width` numbers, or of one value.
Index key_bytes(KvType type, int width);

/// A RotationTable laid out for 16 keys at a time: (n_positions / 16, half, 16), padded with zeros.
struct KeyRotations {
  std::vector<double> positions, theta;  ///< what it was made for
  std::vector<float> cosine, sine;
  void make(const std::vector<double>& positions, const std::vector<double>& theta, Context& context);
};

/// A flag that several threads may raise at once, and that is copied as it stands.
class Flag {
 public:
  Flag() = default;
  Flag(const Flag& other) : up_(other.up()) {}
  Flag& operator=(const Flag& other) { return up_ = other.up(), *this; }
  ~Flag() = default;
  bool up() const { return up_.load(std::memory_order_relaxed); }
  void raise() const { up_.store(true, std::memory_order_relaxed); }
  void lower() { up_.store(false, std::memory_order_relaxed); }

 private:
  mutable std::atomic<bool> up_{false};
};

/// A fork shares the blocks until one of both writes there. Caches that share may be used by several threads,
/// and one may be forked by several at once.
class CpuKv final : public KvLayer {
 public:
  /// Its memory is the context's, which writes and rotates it too.
  CpuKv(std::shared_ptr<Context> context, const Isa& isa, KvType type, int n_kv_heads, int head_dim,
        int value_dim);
  Index n_keys() const override { return n_keys_; }
  std::size_t bytes() const override;

  void append(const float* k, Index k_stride, const float* v, Index v_stride, const KeyPlan& plan);
  void drop(Index next_row);
  void truncate(Index n_keys);
  std::unique_ptr<CpuKv> fork(Index n_keys) const;
  void save(const ByteSink& sink) const;
  void load(Index n_keys, const KeyPlan& plan, Index next_row, const ByteSource& source);
  /// Becomes `raw` rotated by the plan. Tables are made once for all layers that share a plan.
  void rotate_from(const CpuKv& raw, const KeyPlan& plan);

  /// This head's keys of each block in a variant, or its values; null when dropped. Valid until the next
  /// change.
  const void* const* keys(std::size_t variant, int head) const {
    return key_table_[table_of(variant, head)].data();
  }
  const void* const* values(int head) const { return value_table_[static_cast<std::size_t>(head)].data(); }
  /// 1 for each block in which one of this head's values is infinite or NaN.
  const char* odd_values(int head) const { return odd_values_[static_cast<std::size_t>(head)].data(); }

  const KvType type;
  const int padded_dim;  ///< value_dim, rounded up to 16

 private:
  using Bytes = std::shared_ptr<std::byte>;
  struct Block {
    std::vector<Bytes> k;  // (n_variants), each (n_kv_heads, head_bytes(head_dim)), or null
    Bytes v;               // (n_kv_heads, head_bytes(padded_dim)), or null
    Flag shared;           // a fork may read it: it is copied before it is written to
  };
  Index head_bytes(int width) const { return kBlockKeys * key_bytes(type, width); }
  Bytes make_bytes(int width) const { return context_->pages().take(n_kv_heads * head_bytes(width)); }
  std::size_t table_of(std::size_t variant, int head) const {
    return variant * static_cast<std::size_t>(n_kv_heads) + static_cast<std::size_t>(head);
  }
  /// visit(bytes) of what is held, in an order of its own: keys and values of each block, then the marks of
  /// odd values.
  template <class Visit>
  void for_each_piece(const Visit& visit) const;
  void set_variants(const KeyPlan& plan);
  void enter_keys(std::size_t block, std::size_t variant);
  void enter_values(std::size_t block);
  void check_plan(const KeyPlan& plan);
  /// Before this cache writes to a block.
  void own_block(std::size_t block);
  void make_blocks(Index n_keys);
  /// Keys [begin, end) of one group of 16: k (row 0 is key begin; head_dim numbers at stride), rotated.
  void write_keys(std::byte* bytes, int head, Index begin, Index end, const float* k, Index stride,
                  const RowRotation& rotation) const;
  void write_values(Index block, int head, Index begin, Index end, const float* v, Index stride);
  /// One key of a cache in bf16 or 8 bits.
  void read_key(const std::byte* bytes, int head, Index slot, float* k) const;
  void rotate_block(const std::byte* from, const KeyRotations& rotations, Index block, std::byte* to) const;
  void rotate_groups(const std::byte* from, const KeyRotations& rotations, Index block, std::byte* to) const;

  std::shared_ptr<Context> context_;
  const Isa& isa_;
  Index n_keys_ = 0;
  std::vector<Block> blocks_;
  // What a step costs must not grow with the position: so these are kept, and not made for each step.
  std::vector<std::vector<const void*>> key_table_, value_table_;  // (n_variants, n_kv_heads)(n_blocks)
  std::vector<std::vector<char>> odd_values_;                      // (n_kv_heads)(n_blocks)
  std::vector<Index> keys_dropped_;                                // (n_variants): of blocks before this one
  Index values_dropped_ = 0;
  std::vector<KeyRotations> rotations_;     // (n_variants), of rotate_from
  std::vector<KeyPlan::Variant> variants_;  // sink and window of each; positions empty
};

}  // namespace rw::cpu
