// SPDX-License-Identifier: Apache-2.0
/// Parts of plans, for processes that share a sequence's keys or a pass's rows (kernels/context_parallel.h).
#pragma once
#include <span>

#include "kernels/kernels.h"

namespace rw {

/// Keys of a sequence of which this process holds a share.
class SharedKv final : public KvLayer {
 public:
  SharedKv(std::unique_ptr<KvLayer> held, KeyShare share)
      : KvLayer(held->n_kv_heads, held->head_dim, held->value_dim), own(std::move(held)), of(share) {}
  Index n_keys() const override { return n; }
  std::size_t bytes() const override { return own->bytes(); }

  std::unique_ptr<KvLayer> own;  ///< of.held(n) keys
  KeyShare of;
  Index n = 0;
  std::vector<KeyPlan::Variant> variants;  ///< no positions; sink and window as the sequence counts
  Index next_row = 0;                      ///< of the last drop(), as the sequence counts
};

/// What `plan` says of its keys [begin, begin + n) that are all held, as the cache counts them.
KeyPlan part_of(const KeyPlan& plan, const KeyShare& share, Index begin, Index n);
/// Of all keys that are held, of a plan whose keys are not rotated yet. REQUIRES: plan.key_begin = 0.
KeyPlan held_of(const KeyPlan& plan, const KeyShare& share);
/// A variant's sink and window as the cache counts them: it keeps what the sequence would, and not much more.
KeyPlan::Variant counted_in(const KeyPlan::Variant& variant, const KeyShare& share);
/// What `plan` says of some of its rows, one behind the other.
AttentionPlan rows_of(const AttentionPlan& plan, std::span<const Index> rows);

}  // namespace rw
