// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/kv_layer.h"

#include <algorithm>
#include <cmath>

#include "core/bytes.h"
#include "core/error.h"

namespace rw::cpu {

void KeyRotations::make(const std::vector<double>& new_positions, const std::vector<double>& new_theta,
                        Context& context) {
  if (positions == new_positions && theta == new_theta) return;
  const auto n_groups = (static_cast<Index>(new_positions.size()) + kLanes - 1) / kLanes;
  const auto half = static_cast<Index>(new_theta.size());
  positions.clear();  // whatever fails below, these are not the tables of the old ones
  cosine.assign(static_cast<std::size_t>(n_groups * half * kLanes), 0);
  sine.assign(cosine.size(), 0);
  context.parallel_for(n_groups, [&](Index group, int) {
    for (Index lane = 0;
         lane < std::min<Index>(kLanes, static_cast<Index>(new_positions.size()) - group * kLanes); ++lane) {
      for (Index m = 0; m < half; ++m) {
        const auto at = static_cast<std::size_t>((group * half + m) * kLanes + lane);
        const double angle = new_positions[static_cast<std::size_t>(group * kLanes + lane)] *
                             new_theta[static_cast<std::size_t>(m)];
        cosine[at] = static_cast<float>(std::cos(angle));
        sine[at] = static_cast<float>(std::sin(angle));
      }
    }
  });
  positions = new_positions, theta = new_theta;
}

RowRotation row_rotation(const RotationTable& table, std::size_t half, Index position, int head_dim,
                         float gain, float rest) {
  const std::size_t at = static_cast<std::size_t>(position) * half;
  return {table.cosine.data() + at, table.sine.data() + at, head_dim, static_cast<int>(half), gain, rest};
}

Index key_bytes(KvType type, int width) {
  switch (type) {
    case KvType::kBf16:
      return Index{2} * width;
    case KvType::kF32:
      return Index{4} * width;
    case KvType::kQ8:
      return width + Index{sizeof(float)};
  }
  RW_CHECK(false);
}

namespace {

Element element_of(KvType type) {
  return type == KvType::kBf16 ? Element::kBf16 : type == KvType::kF32 ? Element::kF32 : Element::kInt8;
}

/// Where the scales of a head's keys begin.
float* scales_of(std::byte* head, int width) {
  return reinterpret_cast<float*>(head + Index{kBlockKeys} * width);
}

}  // namespace

CpuKv::CpuKv(std::shared_ptr<Context> context, const Isa& isa, KvType t, int kv_heads, int dim, int of_values)
    : KvLayer(kv_heads, dim, of_values),
      type(t),
      padded_dim((of_values + kLanes - 1) / kLanes * kLanes),
      context_(std::move(context)),
      isa_(isa) {
  RW_CHECK(dim >= 2 && dim % 2 == 0 && dim <= kMaxHeadDim && kv_heads >= 1);
  RW_CHECK(of_values >= 1 && of_values <= kMaxHeadDim);
  value_table_.resize(static_cast<std::size_t>(kv_heads));
  odd_values_.resize(static_cast<std::size_t>(kv_heads));
}

std::size_t CpuKv::bytes() const {
  Index total = 0;
  for (const Block& block : blocks_) {
    for (const Bytes& k : block.k) total += k ? n_kv_heads * head_bytes(head_dim) : 0;
    total += block.v ? n_kv_heads * head_bytes(padded_dim) : 0;
  }
  return static_cast<std::size_t>(total);
}

void CpuKv::write_keys(std::byte* bytes, int head, Index begin, Index end, const float* k, Index stride,
                       const RowRotation& rotation) const {
  std::byte* at = bytes + head * head_bytes(head_dim);
  const Index group = begin % kBlockKeys / kLanes;
  const Index size = kLanes * (key_bytes(type, head_dim) - (type == KvType::kQ8 ? Index{sizeof(float)} : 0));
  isa_.pack_keys({.k = k,
                  .stride = stride,
                  .lane = static_cast<int>(begin % kLanes),
                  .n_keys = static_cast<int>(end - begin),
                  .rotation = rotation,
                  .element = element_of(type),
                  .to = at + group * size,
                  .scale = scales_of(at, head_dim) + group * kLanes});
}

void CpuKv::write_values(Index block, int head, Index begin, Index end, const float* v, Index stride) {
  std::byte* at = blocks_[static_cast<std::size_t>(block)].v.get() + head * head_bytes(padded_dim);
  const bool finite = isa_.pack_values({.v = v,
                                        .stride = stride,
                                        .slot = begin % kBlockKeys,
                                        .n_keys = end - begin,
                                        .value_dim = value_dim,
                                        .padded_dim = padded_dim,
                                        .element = element_of(type),
                                        .to = at,
                                        .scale = scales_of(at, padded_dim)});
  if (!finite) odd_values_[static_cast<std::size_t>(head)][static_cast<std::size_t>(block)] = 1;
}

void CpuKv::read_key(const std::byte* bytes, int head, Index slot, float* k) const {
  const std::byte* at = bytes + head * head_bytes(head_dim);
  const Index base = slot / kLanes * kLanes * head_dim, lane = slot % kLanes;
  for (Index d = 0; d < head_dim; ++d) {
    const Index pair = base + d / 2 * 2 * kLanes + 2 * lane + d % 2;
    if (type == KvType::kBf16)
      k[d] = static_cast<float>(reinterpret_cast<const BFloat16*>(at)[pair]);
    else
      k[d] = static_cast<float>(reinterpret_cast<const std::int8_t*>(at)[pair]) *
             reinterpret_cast<const float*>(at + Index{kBlockKeys} * head_dim)[slot];
  }
}

void CpuKv::set_variants(const KeyPlan& plan) {
  variants_.clear();
  for (const KeyPlan::Variant& v : plan.variants) variants_.push_back({{}, v.sink, v.window, {}});
  key_table_.resize(variants_.size() * static_cast<std::size_t>(n_kv_heads));
  keys_dropped_.assign(variants_.size(), 0);
}

void CpuKv::check_plan(const KeyPlan& plan) {
  RW_CHECK(plan.key_begin == n_keys_);
  if (n_keys_ == 0 && variants_.empty()) set_variants(plan);
  RW_CHECK(plan.variants.size() == variants_.size());
}

void CpuKv::enter_keys(std::size_t block, std::size_t variant) {
  const std::byte* bytes = blocks_[block].k[variant].get();
  for (int head = 0; head < n_kv_heads; ++head) {
    std::vector<const void*>& table = key_table_[table_of(variant, head)];
    table.resize(blocks_.size());
    table[block] = bytes != nullptr ? bytes + head * head_bytes(head_dim) : nullptr;
  }
}

void CpuKv::enter_values(std::size_t block) {
  const std::byte* bytes = blocks_[block].v.get();
  for (int head = 0; head < n_kv_heads; ++head) {
    std::vector<const void*>& table = value_table_[static_cast<std::size_t>(head)];
    table.resize(blocks_.size());
    table[block] = bytes != nullptr ? bytes + head * head_bytes(padded_dim) : nullptr;
    odd_values_[static_cast<std::size_t>(head)].resize(blocks_.size());
  }
}

void CpuKv::make_blocks(Index n_keys) {
  while (static_cast<Index>(blocks_.size()) * kBlockKeys < n_keys) {
    const std::size_t index = blocks_.size();
    Block& block = blocks_.emplace_back();
    for (const KeyPlan::Variant& variant : variants_) {
      // A variant that only sinks use (window 0) holds nothing beyond them.
      const bool held = variant.window > 0 || static_cast<Index>(index) * kBlockKeys < variant.sink;
      block.k.push_back(held ? make_bytes(head_dim) : nullptr);
      enter_keys(index, block.k.size() - 1);
    }
    block.v = make_bytes(padded_dim);
    enter_values(index);
  }
}

std::unique_ptr<CpuKv> CpuKv::fork(Index n_keys) const {
  for (const Block& block : blocks_) block.shared.raise();
  auto copy = std::make_unique<CpuKv>(*this);
  copy->truncate(n_keys);
  return copy;
}

void CpuKv::own_block(std::size_t index) {
  Block& block = blocks_[index];
  if (!block.shared.up()) return;
  const auto own = [this](Bytes& bytes, int width) {
    if (bytes == nullptr) return;
    Bytes room = make_bytes(width);
    copy_bytes(room.get(), bytes.get(), static_cast<std::size_t>(n_kv_heads * head_bytes(width)));
    bytes = std::move(room);
  };
  for (std::size_t variant = 0; variant < block.k.size(); ++variant) {
    own(block.k[variant], head_dim);
    enter_keys(index, variant);
  }
  own(block.v, padded_dim);
  enter_values(index);
  block.shared.lower();
}

void CpuKv::append(const float* k, Index k_stride, const float* v, Index v_stride, const KeyPlan& plan) {
  check_plan(plan);
  const Index n_old = n_keys_, end = n_keys_ + plan.n_keys;
  if (n_old % kBlockKeys != 0) own_block(blocks_.size() - 1);
  make_blocks(end);
  for (const KeyPlan::Variant& variant : plan.variants)
    RW_CHECK(variant.rotation.cosine.size() == plan.theta.size() * static_cast<std::size_t>(plan.n_keys));
  // An item is one head of one cache block: enough items for all threads, and no two write the same bytes.
  const Index first_block = n_old / kBlockKeys;
  const Index n_blocks = (end + kBlockKeys - 1) / kBlockKeys - first_block;
  context_->parallel_for(n_blocks * n_kv_heads, [&](Index item, int) {
    const int head = static_cast<int>(item % n_kv_heads);
    const Index index = first_block + item / n_kv_heads;
    Block& block = blocks_[static_cast<std::size_t>(index)];
    const Index begin = std::max(n_old, index * kBlockKeys), last = std::min(end, (index + 1) * kBlockKeys);
    const float* first_k = k + (begin - n_old) * k_stride + head * head_dim;
    for (std::size_t variant = 0; variant < plan.variants.size(); ++variant) {
      if (!block.k[variant]) continue;
      for (Index key = begin, next; key < last; key = next) {
        next = std::min(last, (key / kLanes + 1) * kLanes);
        write_keys(block.k[variant].get(), head, key, next, first_k + (key - begin) * k_stride, k_stride,
                   row_rotation(plan.variants[variant].rotation, plan.theta.size(), key - n_old, head_dim));
      }
    }
    write_values(index, head, begin, last, v + (begin - n_old) * v_stride + head * value_dim, v_stride);
  });
  n_keys_ = end;
}

/// Of a variant, the whole blocks between its sink and its window. Blocks pass in order: each is dropped
/// once.
void CpuKv::drop(Index next_row) {
  Index first_passed = 0, passed_end = static_cast<Index>(blocks_.size());  // in every variant
  for (std::size_t variant = 0; variant < variants_.size(); ++variant) {
    const KeyPlan::Variant& need = variants_[variant];
    const Index sink = (need.sink + kBlockKeys - 1) / kBlockKeys;
    const Index end = std::max<Index>(0, std::min(next_row - need.window + 1, n_keys_)) / kBlockKeys;
    Index& dropped = keys_dropped_[variant];
    for (dropped = std::max(dropped, sink); dropped < end; ++dropped) {
      blocks_[static_cast<std::size_t>(dropped)].k[variant] = nullptr;
      enter_keys(static_cast<std::size_t>(dropped), variant);
    }
    first_passed = std::max(first_passed, sink), passed_end = std::min(passed_end, end);
  }
  for (values_dropped_ = std::max(values_dropped_, first_passed); values_dropped_ < passed_end;
       ++values_dropped_) {
    blocks_[static_cast<std::size_t>(values_dropped_)].v = nullptr;
    enter_values(static_cast<std::size_t>(values_dropped_));
  }
}

/// Whole blocks go; in the last one kept, what stands behind n_keys is never read and written over. A mark of
/// an odd value stays with its block: it only asks for a longer way to the same bits.
void CpuKv::truncate(Index n_keys) {
  const auto kept = static_cast<std::size_t>((n_keys + kBlockKeys - 1) / kBlockKeys);
  RW_CHECK(n_keys >= 0 && n_keys <= n_keys_ && values_dropped_ <= static_cast<Index>(kept));
  n_keys_ = n_keys;
  blocks_.resize(kept);
  for (auto& table : key_table_) table.resize(kept);
  for (auto& table : value_table_) table.resize(kept);
  for (auto& marks : odd_values_) marks.resize(kept);
}

template <class Visit>
void CpuKv::for_each_piece(const Visit& visit) const {
  const auto piece = [&](const Bytes& bytes, int width) {
    if (bytes) visit(std::span(bytes.get(), static_cast<std::size_t>(n_kv_heads * head_bytes(width))));
  };
  for (const Block& block : blocks_) {
    for (const Bytes& k : block.k) piece(k, head_dim);
    piece(block.v, padded_dim);
  }
}

void CpuKv::save(const ByteSink& sink) const {
  for_each_piece(sink);
  for (const std::vector<char>& marks : odd_values_) sink(std::as_bytes(std::span(marks)));
}

void CpuKv::load(Index n_keys, const KeyPlan& plan, Index next_row, const ByteSource& source) {
  RW_CHECK(n_keys_ == 0 && blocks_.empty() && next_row >= 0 && next_row <= n_keys);
  set_variants(plan);
  make_blocks(n_keys);
  n_keys_ = n_keys;
  drop(next_row);
  for_each_piece(source);
  for (std::vector<char>& marks : odd_values_) source(std::as_writable_bytes(std::span(marks)));
}

void CpuKv::rotate_from(const CpuKv& raw, const KeyPlan& plan) {
  RW_CHECK(plan.key_begin == 0 && plan.n_keys == raw.n_keys_ && raw.type == type);
  set_variants(plan);
  blocks_.resize(raw.blocks_.size());
  odd_values_ = raw.odd_values_;
  n_keys_ = raw.n_keys_;
  rotations_.resize(variants_.size());
  for (std::size_t v = 0; v < variants_.size(); ++v)
    rotations_[v].make(plan.variants[v].position, plan.theta, *context_);
  context_->parallel_for(static_cast<Index>(blocks_.size()), [&](Index b, int) {
    Block& block = blocks_[static_cast<std::size_t>(b)];
    const Block& from = raw.blocks_[static_cast<std::size_t>(b)];
    block.v = from.v;
    block.k.resize(variants_.size());
    if (!from.k[0]) {  // the window has passed: no row reads it
      block.k.assign(variants_.size(), nullptr);
      return;
    }
    for (std::size_t v = 0; v < variants_.size(); ++v) {
      if (!block.k[v]) block.k[v] = make_bytes(head_dim);
      rotate_block(from.k[0].get(), rotations_[v], b, block.k[v].get());
    }
  });
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    for (std::size_t v = 0; v < variants_.size(); ++v) enter_keys(b, v);
    enter_values(b);
  }
}

/// Whole groups where they lie.
void CpuKv::rotate_groups(const std::byte* from, const KeyRotations& rotations, Index block,
                          std::byte* to) const {
  const auto half = static_cast<Index>(rotations.theta.size());
  const Index n_groups = (std::min<Index>(kBlockKeys, n_keys_ - block * kBlockKeys) + kLanes - 1) / kLanes;
  for (int head = 0; head < n_kv_heads; ++head) {
    for (Index group = 0; group < n_groups; ++group) {
      const Index at = head * head_bytes(head_dim) + group * kLanes * key_bytes(type, head_dim);
      const Index table = (block * (kBlockKeys / kLanes) + group) * half * kLanes;
      const KeyRotation rotation{.from = from + at,
                                 .to = to + at,
                                 .cosine = rotations.cosine.data() + table,
                                 .sine = rotations.sine.data() + table,
                                 .head_dim = head_dim,
                                 .half = static_cast<int>(half)};
      (type == KvType::kBf16 ? isa_.rotate_keys_bf16 : isa_.rotate_keys_f32)(rotation);
    }
  }
}

/// Key by key where a group cannot be rotated where it lies: an odd number of pairs in bf16, and 8 bits,
/// which are rounded a second time.
void CpuKv::rotate_block(const std::byte* from, const KeyRotations& rotations, Index block,
                         std::byte* to) const {
  const auto half = static_cast<Index>(rotations.theta.size());
  if (type == KvType::kF32 || (type == KvType::kBf16 && half % 2 == 0))
    return rotate_groups(from, rotations, block, to);
  float key[kMaxHeadDim], cosine[kMaxHeadDim], sine[kMaxHeadDim];
  const Index first = block * kBlockKeys, n = std::min<Index>(kBlockKeys, n_keys_ - first);
  for (int head = 0; head < n_kv_heads; ++head) {
    for (Index slot = 0; slot < n; ++slot) {
      read_key(from, head, slot, key);
      for (Index m = 0; m < half; ++m) {
        const auto at =
            static_cast<std::size_t>(((first + slot) / kLanes * half + m) * kLanes + slot % kLanes);
        cosine[m] = rotations.cosine[at], sine[m] = rotations.sine[at];
      }
      write_keys(to, head, first + slot, first + slot + 1, key, head_dim,
                 {cosine, sine, head_dim, static_cast<int>(half), 1, 1});
    }
  }
}

}  // namespace rw::cpu
