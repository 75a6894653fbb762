// SPDX-License-Identifier: Apache-2.0
#include "kernels/cpu/kv_layer.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/parallel.h"

namespace ropewalk::cpu {

void KeyRotations::make(const std::vector<double>& new_positions, const std::vector<double>& new_theta) {
  if (positions == new_positions && theta == new_theta) return;
  positions = new_positions, theta = new_theta;
  const auto n_groups = (static_cast<Index>(positions.size()) + kLanes - 1) / kLanes;
  const auto half = static_cast<Index>(theta.size());
  cosine.assign(static_cast<std::size_t>(n_groups * half * kLanes), 0);
  sine.assign(cosine.size(), 0);
  parallel_for(n_groups, [&](Index group, int) {
    for (Index lane = 0;
         lane < std::min<Index>(kLanes, static_cast<Index>(positions.size()) - group * kLanes); ++lane) {
      for (Index m = 0; m < half; ++m) {
        const auto at = static_cast<std::size_t>((group * half + m) * kLanes + lane);
        const double angle =
            positions[static_cast<std::size_t>(group * kLanes + lane)] * theta[static_cast<std::size_t>(m)];
        cosine[at] = static_cast<float>(std::cos(angle));
        sine[at] = static_cast<float>(std::sin(angle));
      }
    }
  });
}

void rotate(const RotationTable& table, std::size_t half, const float* x, std::size_t position, int head_dim,
            float gain, float* out) {
  const float* c = table.cosine.data() + position * half;
  const float* s = table.sine.data() + position * half;
  for (std::size_t m = 0; m < half; ++m) {
    out[m] = gain * (x[m] * c[m] - x[m + half] * s[m]);
    out[m + half] = gain * (x[m] * s[m] + x[m + half] * c[m]);
  }
  std::copy(x + 2 * half, x + head_dim, out + 2 * half);
}

CpuKv::CpuKv(Precision p, int kv_heads, int dim)
    : precision(p), n_kv_heads(kv_heads), head_dim(dim), padded_dim((dim + kLanes - 1) / kLanes * kLanes) {
  RW_CHECK(dim >= 2 && dim % 2 == 0 && dim <= kMaxHeadDim && kv_heads >= 1);
}

std::size_t CpuKv::bytes() const {
  Index total = 0;
  for (const Block& block : blocks_) {
    for (const auto& k : block.k) total += k ? k->size() : 0;
    total += block.v ? block.v->size() : 0;
  }
  return static_cast<std::size_t>(total);
}

void CpuKv::write_key(Bytes& bytes, int head, Index slot, const float* k) const {
  const Index base = (Index{head} * kBlockKeys + slot / kLanes * kLanes) * head_dim, lane = slot % kLanes;
  if (precision == Precision::kF32) {
    auto* to = reinterpret_cast<float*>(bytes.data()) + base;
    for (Index d = 0; d < head_dim; ++d) to[d * kLanes + lane] = k[d];
  } else {
    auto* to = reinterpret_cast<BFloat16*>(bytes.data()) + base;
    for (Index d = 0; d < head_dim; ++d) to[d / 2 * 2 * kLanes + 2 * lane + d % 2] = BFloat16(k[d]);
  }
}

void CpuKv::read_key(const Bytes& bytes, int head, Index slot, float* k) const {
  const Index base = (Index{head} * kBlockKeys + slot / kLanes * kLanes) * head_dim, lane = slot % kLanes;
  if (precision == Precision::kF32) {
    const auto* from = reinterpret_cast<const float*>(bytes.data()) + base;
    for (Index d = 0; d < head_dim; ++d) k[d] = from[d * kLanes + lane];
  } else {
    const auto* from = reinterpret_cast<const BFloat16*>(bytes.data()) + base;
    for (Index d = 0; d < head_dim; ++d)
      k[d] = static_cast<float>(from[d / 2 * 2 * kLanes + 2 * lane + d % 2]);
  }
}

void CpuKv::write_value(Bytes& bytes, int head, Index slot, const float* v) const {
  const Index base = Index{head} * kBlockKeys * padded_dim;
  if (precision == Precision::kF32) {
    std::copy(v, v + head_dim, reinterpret_cast<float*>(bytes.data()) + base + slot * padded_dim);
  } else {
    auto* to = reinterpret_cast<BFloat16*>(bytes.data()) + base + slot / 2 * 2 * padded_dim + slot % 2;
    for (Index d = 0; d < head_dim; ++d) to[2 * d] = BFloat16(v[d]);
  }
}

void CpuKv::check_plan(const KeyPlan& plan) {
  RW_CHECK(plan.key_begin == n_keys_);
  if (n_keys_ == 0 && variants_.empty())
    for (const KeyPlan::Variant& v : plan.variants) variants_.push_back({{}, v.sink, v.window, {}});
  RW_CHECK(plan.variants.size() == variants_.size());
}

void CpuKv::write_row(Block& block, int head, Index key, const float* k, const float* v,
                      const KeyPlan& plan) const {
  const Index row = key - n_keys_, at = (row * n_kv_heads + head) * head_dim, slot = key % kBlockKeys;
  float rotated[kMaxHeadDim];
  for (std::size_t variant = 0; variant < plan.variants.size(); ++variant) {
    if (!block.k[variant]) continue;
    rotate(plan.variants[variant].rotation, plan.theta.size(), k + at, static_cast<std::size_t>(row),
           head_dim, 1.0f, rotated);
    write_key(*block.k[variant], head, slot, rotated);
  }
  write_value(*block.v, head, slot, v + at);
  for (Index d = 0; d < head_dim; ++d)
    if (!std::isfinite(v[at + d])) block.odd_values[static_cast<std::size_t>(head)] = 1;
}

void CpuKv::append(const float* k, const float* v, const KeyPlan& plan) {
  check_plan(plan);
  const auto needed = static_cast<std::size_t>((n_keys_ + plan.n_keys + kBlockKeys - 1) / kBlockKeys);
  while (blocks_.size() < needed) {
    Block block;
    for (std::size_t variant = 0; variant < variants_.size(); ++variant) {
      // A variant that only sinks use (window 0) holds nothing beyond them.
      const Index first = static_cast<Index>(blocks_.size()) * kBlockKeys;
      const bool held = variants_[variant].window > 0 || first < variants_[variant].sink;
      block.k.push_back(
          held ? std::make_shared<Bytes>(Index{n_kv_heads} * kBlockKeys * head_dim * element_bytes())
               : nullptr);
    }
    block.v = std::make_shared<Bytes>(Index{n_kv_heads} * kBlockKeys * padded_dim * element_bytes());
    block.odd_values.assign(static_cast<std::size_t>(n_kv_heads), 0);
    blocks_.push_back(std::move(block));
  }
  for (const KeyPlan::Variant& variant : plan.variants)
    RW_CHECK(variant.rotation.cosine.size() == plan.theta.size() * static_cast<std::size_t>(plan.n_keys));
  // An item is one head of one cache block: enough items for all threads, and no two write the same bytes.
  const Index first_block = n_keys_ / kBlockKeys, end = n_keys_ + plan.n_keys;
  const Index n_blocks = (end + kBlockKeys - 1) / kBlockKeys - first_block;
  parallel_for(n_blocks * n_kv_heads, [&](Index item, int) {
    const int head = static_cast<int>(item % n_kv_heads);
    const Index block = first_block + item / n_kv_heads;
    for (Index key = std::max(n_keys_, block * kBlockKeys); key < std::min(end, (block + 1) * kBlockKeys);
         ++key)
      write_row(blocks_[static_cast<std::size_t>(block)], head, key, k, v, plan);
  });
  n_keys_ += plan.n_keys;
}

void CpuKv::drop(Index next_row) {
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    const Index first = static_cast<Index>(b) * kBlockKeys, last = first + kBlockKeys - 1;
    bool any = false;
    for (std::size_t variant = 0; variant < variants_.size(); ++variant) {
      const KeyPlan::Variant& need = variants_[variant];
      if (last >= n_keys_ || first < need.sink || next_row - last < need.window)
        any = true;
      else
        blocks_[b].k[variant] = nullptr;
    }
    if (!any) blocks_[b].v = nullptr;
  }
}

void CpuKv::rotate_from(const CpuKv& raw, const KeyPlan& plan) {
  RW_CHECK(plan.key_begin == 0 && plan.n_keys == raw.n_keys_ && raw.precision == precision);
  variants_.clear();
  for (const KeyPlan::Variant& v : plan.variants) variants_.push_back({{}, v.sink, v.window, {}});
  blocks_.resize(raw.blocks_.size());
  n_keys_ = raw.n_keys_;
  rotations_.resize(variants_.size());
  for (std::size_t v = 0; v < variants_.size(); ++v)
    rotations_[v].make(plan.variants[v].position, plan.theta);
  parallel_for(static_cast<Index>(blocks_.size()), [&](Index b, int) {
    Block& block = blocks_[static_cast<std::size_t>(b)];
    const Block& from = raw.blocks_[static_cast<std::size_t>(b)];
    block.v = from.v;
    block.odd_values = from.odd_values;
    block.k.resize(variants_.size());
    if (!from.k[0]) {  // the window has passed: no row reads it
      block.k.assign(variants_.size(), nullptr);
      return;
    }
    for (std::size_t v = 0; v < variants_.size(); ++v) {
      if (!block.k[v])
        block.k[v] = std::make_shared<Bytes>(Index{n_kv_heads} * kBlockKeys * head_dim * element_bytes());
      rotate_block(*from.k[0], rotations_[v], b, *block.k[v]);
    }
  });
}

void CpuKv::rotate_block(const Bytes& from, const KeyRotations& rotations, Index block, Bytes& to) const {
  const auto half = static_cast<Index>(rotations.theta.size());
  const bool whole_words = precision == Precision::kF32 || half % 2 == 0;
  const Index n_groups = (std::min<Index>(kBlockKeys, n_keys_ - block * kBlockKeys) + kLanes - 1) / kLanes;
  for (int head = 0; head < n_kv_heads && whole_words; ++head) {
    for (Index group = 0; group < n_groups; ++group) {
      const Index at = (Index{head} * kBlockKeys + group * kLanes) * head_dim * element_bytes();
      const Index table = (block * (kBlockKeys / kLanes) + group) * half * kLanes;
      const KeyRotation rotation{.from = from.data() + at,
                                 .to = to.data() + at,
                                 .cosine = rotations.cosine.data() + table,
                                 .sine = rotations.sine.data() + table,
                                 .head_dim = head_dim,
                                 .half = static_cast<int>(half)};
      (precision == Precision::kBf16 ? active().rotate_keys_bf16 : active().rotate_keys_f32)(rotation);
    }
  }
  if (whole_words) return;
  float key[kMaxHeadDim], rotated[kMaxHeadDim];  // an odd number of pairs in bf16: key by key
  for (int head = 0; head < n_kv_heads; ++head) {
    for (Index slot = 0; slot < n_groups * kLanes; ++slot) {
      read_key(from, head, slot, key);
      std::copy(key, key + head_dim, rotated);
      for (Index m = 0; m < half; ++m) {
        const Index at = ((block * kBlockKeys + slot) / kLanes * half + m) * kLanes + slot % kLanes;
        const float c = rotations.cosine[static_cast<std::size_t>(at)],
                    s = rotations.sine[static_cast<std::size_t>(at)];
        rotated[m] = key[m] * c - key[m + half] * s;
        rotated[m + half] = key[m] * s + key[m + half] * c;
      }
      write_key(to, head, slot, rotated);
    }
  }
}

const void* CpuKv::keys(std::size_t block, std::size_t variant, int head) const {
  const auto& bytes = blocks_[block].k[variant];
  return bytes ? bytes->data() + Index{head} * kBlockKeys * head_dim * element_bytes() : nullptr;
}

const void* CpuKv::values(std::size_t block, int head) const {
  const auto& bytes = blocks_[block].v;
  return bytes ? bytes->data() + Index{head} * kBlockKeys * padded_dim * element_bytes() : nullptr;
}

}  // namespace ropewalk::cpu
